/* mul.c - product of two operands, element by element, with numpy's broadcasting. */
#include "common.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    char first[128], other[128];
    STC_CHECK(stc_shape_broadcast(&in[0]->shape, &in[1]->shape, &node->shape), STC_ERR_INPUT,
              "operand '%s' has shape %s, operand '%s' has shape %s; they do not broadcast",
              in[0]->name, stc_shape_text(&in[0]->shape, first, sizeof first), in[1]->name,
              stc_shape_text(&in[1]->shape, other, sizeof other));
    node->kind = stc_exact_kind(stc_kind_mul(in[0]->kind, in[1]->kind));
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    int64_t a[STC_MAX_NDIM], b[STC_MAX_NDIM], index[STC_MAX_NDIM] = {0};
    int ndim = node->shape.ndim;
    stc_broadcast_strides(&e->in_node[0]->shape, &node->shape, a);
    stc_broadcast_strides(&e->in_node[1]->shape, &node->shape, b);
    float *out = e->out;
    do {
        *out++ = e->in[0][stc_dot_index(ndim, index, a)] * e->in[1][stc_dot_index(ndim, index, b)];
    } while (stc_next_index(&node->shape, index));
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)node;
    (void)in;
    kernel->kind = STC_KERNEL_MUL;
    return STC_OK;
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape a = {.ndim = 2 + stc_roll(&dice, 2)};
    for (int d = 0; d < a.ndim; d++)
        a.dim[d] = 1 + stc_roll(&dice, 7);
    stc_shape b = a;
    for (int d = 0; d < a.ndim; d++) {
        int which = stc_roll(&dice, 4);
        if (which == 0) a.dim[d] = 1;
        if (which == 1) b.dim[d] = 1;
    }
    if (stc_roll(&dice, 4) == 0) b = (stc_shape){1, {b.dim[b.ndim - 1]}};
    int operands[2] = {stc_example_input(builder, &dice, a), stc_example_input(builder, &dice, b)};
    if (stc_roll(&dice, 2) > 0) operands[0] = stc_example_neuron(builder, operands[0]);
    if (stc_roll(&dice, 2) > 0) operands[1] = stc_example_neuron(builder, operands[1]);
    int y = stc_build(builder, "mul", "product", operands, 2, "");
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_mul = {.name = "mul",
                           .type = "Mul",
                           .help = "element-wise product with broadcasting",
                           .op_class = STC_CLASS_DIRECT,
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .infer = infer,
                           .eval = eval,
                           .lower = lower,
                           .example = example};
