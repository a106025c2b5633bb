/* linear.c - fully connected layer along the last axis: y = x W^T + bias. With groups, the channels
 * are cut into as many parts of their own weights; with leading axes of the weight, every entry of
 * the same leading axes of the operand has its own, which is a layer of one group for each. */
#include "../ir.h"
#include "common.h"

enum { WEIGHT, BIAS, GROUPS, NATTRS };

static const stc_attr_spec attrs[NATTRS] = {
    [WEIGHT] = {.name = "weight",
                .kind = STC_ATTR_WEIGHT,
                .required = true,
                .help = "shape (out, in / groups), or (..., out, in), ... as in the operand"},
    [BIAS] = {.name = "bias", .kind = STC_ATTR_WEIGHT, .help = "shape (out), or (..., out)"},
    [GROUPS] = {.name = "groups",
                .kind = STC_ATTR_INT,
                .initial = 1,
                .check = ">= 1",
                .help = "of channels"}};

/* Rows of weights of all groups and leading axes. */
static int64_t all_rows(const stc_shape *weight)
{
    int64_t rows = 1;
    for (int a = 0; a + 1 < weight->ndim; a++)
        rows *= weight->dim[a];
    return rows;
}

/* Parts of the operand that have weights of their own. */
static int64_t groups_of(const stc_node *node)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    return weight->ndim > 2 ? all_rows(weight) / weight->dim[weight->ndim - 2]
                            : stc_node_int(node, "groups");
}

/* Vectors that the same weights are applied to. */
static int64_t tokens(const stc_node *node)
{
    return stc_shape_size(&node->shape) / all_rows(&stc_node_weight(node, "weight")->shape);
}

static int infer_batched(stc_node *node, const stc_shape *operand)
{
    const stc_weight *weight = stc_node_weight(node, "weight"),
                     *bias = stc_node_weight(node, "bias");
    stc_shape in = weight->shape, out = weight->shape;
    char a[128], b[128];
    in.dim[in.ndim - 2] = in.dim[in.ndim - 1];
    in.dim[--in.ndim] = 0;
    out.dim[--out.ndim] = 0;
    STC_CHECK(stc_node_int(node, "groups") == 1, STC_ERR_INPUT,
              "groups is %lld with a weight of %d dimensions, expected 1 or a weight of 2",
              (long long)stc_node_int(node, "groups"), weight->shape.ndim);
    STC_CHECK(stc_shape_equal(operand, &in), STC_ERR_INPUT,
              "operand has shape %s, the weight expects %s", stc_shape_text(operand, a, sizeof a),
              stc_shape_text(&in, b, sizeof b));
    STC_CHECK(bias == NULL || stc_shape_equal(&bias->shape, &out), STC_ERR_INPUT,
              "bias has shape %s, expected %s", stc_shape_text(&bias->shape, a, sizeof a),
              stc_shape_text(&out, b, sizeof b));
    node->shape = out;
    return STC_OK;
}

static int infer_plain(stc_node *node, const stc_shape *operand)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    int64_t groups = stc_node_int(node, "groups");
    int64_t channels = stc_saturating_product(weight->dim[1], groups);
    char text[128];
    STC_CHECK(operand->dim[operand->ndim - 1] == channels, STC_ERR_INPUT,
              "operand has shape %s, the weight expects %lld channels on the last axis",
              stc_shape_text(operand, text, sizeof text), (long long)channels);
    STC_CHECK(weight->dim[0] % groups == 0, STC_ERR_INPUT,
              "groups is %lld, which does not divide the %lld out-channels", (long long)groups,
              (long long)weight->dim[0]);
    STC_TRY(stc_check_vector(node, "bias", weight->dim[0], "out-channel"));
    node->shape = *operand;
    node->shape.dim[operand->ndim - 1] = weight->dim[0];
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    int ndim = stc_node_weight(node, "weight")->shape.ndim;
    STC_CHECK(ndim >= 2, STC_ERR_INPUT,
              "weight has %d dimensions, expected 2 (out, in) or more (..., out, in)", ndim);
    STC_CHECK(in[0]->shape.ndim >= 1, STC_ERR_INPUT, "operand is a scalar, expected channels");
    STC_TRY(ndim > 2 ? infer_batched(node, &in[0]->shape) : infer_plain(node, &in[0]->shape));
    node->kind = STC_KIND_REAL;
    return STC_OK;
}

/* The rows of a weight with leading axes, one after the other. */
static int read_rows(const stc_node *node, stc_folded_rows *rows)
{
    stc_node flat = *node;
    stc_attr flat_attrs[NATTRS] = {node->attrs[WEIGHT], node->attrs[BIAS], node->attrs[GROUPS]};
    const stc_shape *shape = &flat_attrs[WEIGHT].weight->shape;
    int64_t count = all_rows(shape), columns = shape->dim[shape->ndim - 1];
    stc_weight weight = stc_weight_reshaped(node->attrs[WEIGHT].weight,
                                            (stc_shape){2, {count, columns}}),
               bias;
    flat.attrs = flat_attrs;
    flat_attrs[WEIGHT].weight = &weight;
    if (flat_attrs[BIAS].weight != NULL) {
        bias = stc_weight_reshaped(flat_attrs[BIAS].weight, (stc_shape){1, {count}});
        flat_attrs[BIAS].weight = &bias;
    }
    return stc_folded_rows_read(&flat, rows);
}

static int eval(const stc_node *node, const stc_eval *e)
{
    stc_folded_rows rows;
    int rc = read_rows(node, &rows);
    int64_t n = tokens(node), channels = all_rows(&stc_node_weight(node, "weight")->shape);
    int64_t groups = groups_of(node), per_group = channels / groups;
    for (int64_t t = 0; t < n && rc == STC_OK; t++) {
        for (int64_t c = 0; c < channels; c++) {
            const float *x = e->in[0] + (t * groups + c / per_group) * rows.columns;
            double sum = 0.0;
            for (int64_t k = 0; k < rows.columns; k++) {
                sum += (double)rows.weight[c * rows.columns + k] * (double)x[k];
            }
            e->out[t * channels + c] = (float)sum + rows.bias[c];
        }
    }
    stc_folded_rows_free(&rows);
    return rc;
}

static int channel_axis(const stc_node *node)
{
    return node->shape.ndim - 1;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    kernel->kind = STC_KERNEL_ACCUMULATE;
    kernel->u.accumulate.channels = weight->dim[0];
    kernel->u.accumulate.groups = stc_node_int(node, "groups");
    kernel->u.accumulate.in_channels = weight->dim[1] * kernel->u.accumulate.groups;
    for (int d = 0; d < 2; d++) {
        kernel->u.accumulate.kernel[d] = 1;
        kernel->u.accumulate.stride[d] = 1;
        kernel->u.accumulate.padding[d] = 0;
        kernel->u.accumulate.dilation[d] = 1;
        kernel->u.accumulate.in_size[d] = d == 0 ? 1 : tokens(node);
        kernel->u.accumulate.out_size[d] = d == 0 ? 1 : tokens(node);
    }
    return STC_OK;
}

/* Weights of leading axes become groups of one vector of channels. */
static int expand(stc_graph *graph, int32_t index)
{
    stc_node *node = graph->nodes[index];
    const stc_shape shape = node->attrs[WEIGHT].weight->shape;
    if (shape.ndim == 2) return STC_OK;
    int64_t groups = groups_of(node), rows = all_rows(&shape), columns = shape.dim[shape.ndim - 1];
    STC_TRY(stc_reshape_around(graph, index, (stc_shape){1, {groups * columns}}));
    STC_TRY(stc_reshape_attr(graph, &node->attrs[WEIGHT], (stc_shape){2, {rows, columns}}));
    STC_TRY(stc_reshape_attr(graph, &node->attrs[BIAS], (stc_shape){1, {rows}}));
    node->attrs[GROUPS].i[0] = groups;
    return STC_OK;
}

static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    (void)in;
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    return stc_saturating_product(stc_shape_size(&node->shape), weight->dim[weight->ndim - 1]);
}

/* A plain layer, one with groups or one with leading axes. */
static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {.ndim = 1 + stc_roll(&dice, 3)};
    for (int a = 0; a < shape.ndim; a++)
        shape.dim[a] = 1 + stc_roll(&dice, 6);
    int64_t out = 1 + stc_roll(&dice, 12), width = 1 + stc_roll(&dice, 40);
    int groups = stc_roll(&dice, 3) > 0 ? 1 : 1 + stc_roll(&dice, 4);
    bool batched = groups > 1 && shape.ndim > 1 && stc_roll(&dice, 2) > 0;
    shape.dim[shape.ndim - 1] = batched ? width : groups * width;
    int x = stc_example_input(builder, &dice, shape);
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    stc_shape weight = {2, {groups * out, width}}, bias = {1, {groups * out}};
    if (batched) {
        bias = shape;
        bias.dim[shape.ndim - 1] = out;
        weight = bias;
        weight.dim[weight.ndim++] = width;
    }
    char text[32];
    snprintf(text, sizeof text, "groups=%d", batched ? 1 : groups);
    int y = stc_build(builder, "linear", NULL, &x, 1, text);
    stc_build_random(builder, y, "weight", weight, 1.0f, seed);
    if (stc_roll(&dice, 4) > 0) stc_build_random(builder, y, "bias", bias, 0.5f, seed);
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_linear = {.name = "linear",
                              .type = "Affine",
                              .alias = "Linear",
                              .help = "fully connected layer along the last axis",
                              .op_class = STC_CLASS_WEIGHT,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .attrs = attrs,
                              .nattrs = NATTRS,
                              .infer = infer,
                              .eval = eval,
                              .channel_axis = channel_axis,
                              .lower = lower,
                              .expand = expand,
                              .macs = macs,
                              .example = example};
