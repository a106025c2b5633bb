/* sum_pool2d.c - sum over a window; padding counts as 0. */
#include "common.h"
#include "pool.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t count;
    STC_TRY(stc_pool_infer(node, in[0], &count));
    node->kind = stc_sum_kind(in[0]->kind, count);
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    return stc_pool_eval_sum(node, e, false);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    return stc_pool_lower(node, in[0], 1.0, kernel);
}

static int example(stc_builder *builder, uint64_t seed)
{
    return stc_pool_example(builder, seed, "sum_pool2d");
}

const stc_op stc_op_sum_pool2d = {.name = "sum_pool2d",
                                  .type = "SumPool2d",
                                  .help = "sum over windows of (channels, height, width)",
                                  .op_class = STC_CLASS_DIRECT,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = stc_pool_attrs,
                                  .nattrs = STC_POOL_NATTRS,
                                  .infer = infer,
                                  .eval = eval,
                                  .lower = lower,
                                  .example = example};
