/* reduce.h - sums over axes, which reduce_sum and mean share. Everything is Local. */
#ifndef STC_IR_OPS_REDUCE_H
#define STC_IR_OPS_REDUCE_H

#include "stc/op.h"

/* The attributes axis and keepdim. */
enum { STC_REDUCE_NATTRS = 2 };
extern const stc_attr_spec stc_reduce_attrs[STC_REDUCE_NATTRS];

/* Shape of the node; over: axes that are summed; count: elements per sum. */
int stc_reduce_infer(stc_node *node, const stc_node *operand, int64_t *count);
int stc_reduce_eval(const stc_node *node, const stc_eval *eval, bool mean);
int stc_reduce_lower(const stc_node *node, const stc_node *operand, bool mean, stc_kernel *kernel);
int stc_reduce_example(struct stc_builder *builder, uint64_t seed, const char *op);

#endif
