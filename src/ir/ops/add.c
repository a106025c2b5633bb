/* add.c - sum of operands of one shape, in operand order. */
#include "common.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    node->shape = in[0]->shape;
    node->kind = in[0]->kind;
    for (int k = 1; k < node->ninputs; k++) {
        char first[128], other[128];
        STC_CHECK(stc_shape_equal(&in[0]->shape, &in[k]->shape), STC_ERR_INPUT,
                  "operand '%s' has shape %s, operand '%s' has shape %s; they must be equal",
                  in[0]->name, stc_shape_text(&in[0]->shape, first, sizeof first), in[k]->name,
                  stc_shape_text(&in[k]->shape, other, sizeof other));
        node->kind = stc_exact_kind(stc_kind_add(node->kind, in[k]->kind));
    }
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    int64_t size = stc_shape_size(&node->shape);
    for (int64_t i = 0; i < size; i++) {
        float sum = e->in[0][i];
        for (int k = 1; k < node->ninputs; k++)
            sum += e->in[k][i];
        e->out[i] = sum;
    }
    return STC_OK;
}

/* Up to four operands: the input, a neuron, a linear layer, a scaled input. */
static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 20);
    int x = stc_example_input(builder, &dice, (stc_shape){2, {1 + stc_roll(&dice, 6), width}});
    int operands[4] = {x}, n = 1;
    if (stc_roll(&dice, 2) > 0) operands[n++] = stc_example_neuron(builder, x);
    if (stc_roll(&dice, 2) > 0) {
        int y = stc_build(builder, "linear", NULL, &x, 1, "");
        stc_build_random(builder, y, "weight", (stc_shape){2, {width, width}}, 1.0f, seed);
        operands[n++] = stc_roll(&dice, 2) > 0 ? y : stc_example_neuron(builder, y);
    }
    if (n == 1 || stc_roll(&dice, 2) > 0) {
        operands[n++] = stc_build(builder, "scale", NULL, &x, 1, "factor=0.5");
    }
    int sum = stc_build(builder, "add", "sum", operands, n, "");
    return stc_example_finish(builder, &dice, sum);
}

const stc_op stc_op_add = {.name = "add",
                           .type = "Add",
                           .help = "sum of operands of equal shape",
                           .op_class = STC_CLASS_ADD,
                           .min_inputs = 1,
                           .max_inputs = -1,
                           .infer = infer,
                           .eval = eval,
                           .example = example};
