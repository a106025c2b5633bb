/* reduce_sum.c - sum over axes. */
#include "common.h"
#include "reduce.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t count;
    STC_TRY(stc_reduce_infer(node, in[0], &count));
    node->kind = stc_sum_kind(in[0]->kind, count);
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    return stc_reduce_eval(node, e, false);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    return stc_reduce_lower(node, in[0], false, kernel);
}

static int example(stc_builder *builder, uint64_t seed)
{
    return stc_reduce_example(builder, seed, "reduce_sum");
}

const stc_op stc_op_reduce_sum = {.name = "reduce_sum",
                                  .type = "ReduceSum",
                                  .help = "sum over axes",
                                  .op_class = STC_CLASS_DIRECT,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = stc_reduce_attrs,
                                  .nattrs = STC_REDUCE_NATTRS,
                                  .infer = infer,
                                  .eval = eval,
                                  .lower = lower,
                                  .example = example};
