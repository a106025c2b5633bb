/* max_pool2d.c - largest value of a window; padding counts as minus infinity. */
#include "pool.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t count;
    return stc_pool_infer(node, in[0], &count);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    return stc_pool_lower(node, in[0], 0.0, kernel);
}

static int example(stc_builder *builder, uint64_t seed)
{
    return stc_pool_example(builder, seed, "max_pool2d");
}

const stc_op stc_op_max_pool2d = {.name = "max_pool2d",
                                  .type = "MaxPool2d",
                                  .help = "maximum over windows of (channels, height, width)",
                                  .op_class = STC_CLASS_DIRECT,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = stc_pool_attrs,
                                  .nattrs = STC_POOL_NATTRS,
                                  .infer = infer,
                                  .eval = stc_pool_eval_max,
                                  .lower = lower,
                                  .example = example};
