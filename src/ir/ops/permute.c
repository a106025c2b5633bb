/* permute.c - axes in another order: dimension d of the result is dimension perm[d]. */
#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "perm", .kind = STC_ATTR_INTS, .required = true, .help = "permutation of the axes"}};

static int permutation(const stc_node *node, int ndim, int perm[STC_MAX_NDIM])
{
    const stc_attr *attr = stc_node_attr(node, "perm");
    bool used[STC_MAX_NDIM] = {false};
    STC_CHECK(attr->n == ndim, STC_ERR_INPUT, "perm has %d entries, the operand has %d dimensions",
              attr->n, ndim);
    for (int d = 0; d < ndim; d++) {
        STC_TRY(stc_axis("perm", attr->i[d], ndim, &perm[d]));
        STC_CHECK(!used[perm[d]], STC_ERR_INPUT,
                  "perm is not a permutation: it names dimension %d twice", perm[d]);
        used[perm[d]] = true;
    }
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    int perm[STC_MAX_NDIM];
    STC_TRY(permutation(node, in[0]->shape.ndim, perm));
    STC_TRY(stc_infer_same(node, in[0]));
    for (int d = 0; d < node->shape.ndim; d++)
        node->shape.dim[d] = in[0]->shape.dim[perm[d]];
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    int perm[STC_MAX_NDIM];
    int64_t own[STC_MAX_NDIM], stride[STC_MAX_NDIM];
    STC_TRY(permutation(node, node->shape.ndim, perm));
    stc_shape_strides(&e->in_node[0]->shape, own);
    for (int d = 0; d < node->shape.ndim; d++)
        stride[d] = own[perm[d]];
    stc_copy_strided(&node->shape, e->in[0], 0, stride, e->out);
    return STC_OK;
}

static int view(const stc_node *node, const stc_shape *tensor, stc_view *v)
{
    (void)tensor;
    int perm[STC_MAX_NDIM];
    STC_TRY(permutation(node, node->shape.ndim, perm));
    stc_view_permute(v, perm);
    return STC_OK;
}

static int example(stc_builder *builder, uint64_t seed)
{
    static const char *const perms[] = {"perm=0,2,1", "perm=1,0,2",   "perm=2,1,0",
                                        "perm=1,2,0", "perm=-1,0,-2", "perm=0,1,2"};
    static const int last[] = {1, 2, 0, 0, 1, 2};
    stc_dice dice = {.seed = seed};
    stc_shape shape = {3,
                       {1 + stc_roll(&dice, 6), 1 + stc_roll(&dice, 6), 1 + stc_roll(&dice, 20)}};
    int x = stc_example_input(builder, &dice, shape), form = stc_roll(&dice, 6);
    int y = stc_example_neuron(builder, x);
    y = stc_build(builder, "permute", "view", &y, 1, perms[form]);
    int64_t width = shape.dim[last[form]];
    return stc_example_finish(builder, &dice, stc_example_linear(builder, &dice, y, width));
}

const stc_op stc_op_permute = {.name = "permute",
                               .type = "Permute",
                               .help = "axes in another order",
                               .op_class = STC_CLASS_VIEW,
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .attrs = attrs,
                               .nattrs = sizeof attrs / sizeof attrs[0],
                               .infer = infer,
                               .eval = eval,
                               .view = view,
                               .example = example};
