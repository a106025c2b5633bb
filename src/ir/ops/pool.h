/* pool.h - windows that slide over (channels, height, width), as one geometry: maximum, sum, mean.
 * Everything is Local. */
#ifndef STC_IR_OPS_POOL_H
#define STC_IR_OPS_POOL_H

#include "stc/builder.h"
#include "stc/op.h"

enum { STC_POOL_NATTRS = 3 };
/* kernel_size, stride, padding */
extern const stc_attr_spec stc_pool_attrs[STC_POOL_NATTRS];

/* Shape of the node, kind of the operand; the elements of a window. */
int stc_pool_infer(stc_node *node, const stc_node *operand, int64_t *count);
/* Sum over each window, padding as 0; divided by the elements of the window when mean. */
int stc_pool_eval_sum(const stc_node *node, const stc_eval *eval, bool mean);
/* Largest value of each window. */
int stc_pool_eval_max(const stc_node *node, const stc_eval *eval);
/* divisor 0: maximum; otherwise of the sum. */
int stc_pool_lower(const stc_node *node, const stc_node *operand, double divisor,
                   stc_kernel *kernel);
int stc_pool_example(stc_builder *builder, uint64_t seed, const char *op);

#endif
