/* ir.h - what the files of src/ir share among themselves. Everything is Local. */
#ifndef STC_IR_IR_H
#define STC_IR_IR_H

#include "stc/graph.h"

enum { STC_MAX_ORDERED_INPUTS = 2 }; /* operands of an op that counts multiply-accumulates */

/* a * b for a, b >= 0, at most INT64_MAX. */
int64_t stc_saturating_product(int64_t a, int64_t b);

/* A weight that lies in memory: values (C-order of shape) and label are borrowed and must live as
 * long as the graph. */
stc_weight stc_weight_in_memory(const char *label, stc_shape shape, const float *values);

/* The message of a failure gets "node NAME (op): " before it. */
int stc_fail_in_node(int rc, const stc_node *node);

/* Check operand indices, operand counts and attributes of one node, and complete lists of which one
 * value was given. The message names the node. */
int stc_node_check(const stc_graph *graph, stc_node *node);

/* Attributes of a neuron node as the numbers its model takes: params [op->nattrs]. */
void stc_node_params(const stc_node *node, double *params);

#endif
