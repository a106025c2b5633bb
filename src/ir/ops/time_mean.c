/* time_mean.c - average over the steps of a sample; after it there is one value per sample. */
#include "common.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    STC_CHECK(node->timing == STC_TIME_STEP, STC_ERR_INPUT,
              "operand '%s' has one value per sample already (after a time mean)", in[0]->name);
    node->shape = in[0]->shape;
    node->kind = STC_KIND_REAL;
    node->timing = STC_TIME_SAMPLE;
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    int64_t size = stc_shape_size(&node->shape);
    float steps = (float)e->time_steps;
    for (int64_t k = 0; k < size; k++) {
        e->out[k] = e->step == 0 ? e->in[0][k] : e->out[k] + e->in[0][k];
        if (e->step == e->time_steps - 1) e->out[k] /= steps;
    }
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)node;
    (void)in;
    kernel->kind = STC_KERNEL_TIME_MEAN;
    return STC_OK;
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 20);
    int x = stc_example_input(builder, &dice, (stc_shape){2, {1 + stc_roll(&dice, 5), width}});
    if (stc_roll(&dice, 3) > 0) x = stc_example_neuron(builder, x);
    int y = stc_build(builder, "time_mean", "average", &x, 1, "");
    if (stc_roll(&dice, 2) > 0) y = stc_example_linear(builder, &dice, y, width);
    stc_build_time_steps(builder, 1 + stc_roll(&dice, 5));
    int output = stc_build(builder, "output", "out", &y, 1, "");
    return output < 0 ? output : STC_OK;
}

const stc_op stc_op_time_mean = {.name = "time_mean",
                                 .type = "TimeMean",
                                 .help = "average over the steps of a sample",
                                 .op_class = STC_CLASS_DIRECT,
                                 .min_inputs = 1,
                                 .max_inputs = 1,
                                 .infer = infer,
                                 .eval = eval,
                                 .lower = lower,
                                 .example = example};
