/* mean.c - average over axes. */
#include "common.h"
#include "reduce.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t count;
    STC_TRY(stc_reduce_infer(node, in[0], &count));
    node->kind = stc_sum_kind(in[0]->kind, count);
    if (!stc_is_power_of_two((double)count)) node->kind = STC_KIND_REAL;
    node->kind.unit /= (double)count;
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    return stc_reduce_eval(node, e, true);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    return stc_reduce_lower(node, in[0], true, kernel);
}

static int example(stc_builder *builder, uint64_t seed)
{
    return stc_reduce_example(builder, seed, "mean");
}

const stc_op stc_op_mean = {.name = "mean",
                            .type = "Mean",
                            .help = "average over axes",
                            .op_class = STC_CLASS_DIRECT,
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .attrs = stc_reduce_attrs,
                            .nattrs = STC_REDUCE_NATTRS,
                            .infer = infer,
                            .eval = eval,
                            .lower = lower,
                            .example = example};
