/* avg_pool2d.c - average over a window; the zeros of the padding count, as by default in PyTorch.
 */
#include "common.h"
#include "pool.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t count;
    STC_TRY(stc_pool_infer(node, in[0], &count));
    node->kind = stc_sum_kind(in[0]->kind, count);
    if (!stc_is_power_of_two((double)count)) node->kind = STC_KIND_REAL;
    node->kind.unit /= (double)count;
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    return stc_pool_eval_sum(node, e, true);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    const int64_t *size = stc_node_attr(node, "kernel_size")->i;
    return stc_pool_lower(node, in[0], (double)size[0] * (double)size[1], kernel);
}

static int example(stc_builder *builder, uint64_t seed)
{
    return stc_pool_example(builder, seed, "avg_pool2d");
}

const stc_op stc_op_avg_pool2d = {.name = "avg_pool2d",
                                  .type = "AvgPool2d",
                                  .help = "average over windows of (channels, height, width)",
                                  .op_class = STC_CLASS_DIRECT,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = stc_pool_attrs,
                                  .nattrs = STC_POOL_NATTRS,
                                  .infer = infer,
                                  .eval = eval,
                                  .lower = lower,
                                  .example = example};
