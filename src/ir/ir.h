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

/* Delays of at least one step whose operand depends on them: closes [nnodes], filled. They come
 * before their operand in the order of evaluation. STC_ERR_INPUT naming a node, STC_ERR_NOMEM. */
int stc_graph_closing_delays(const stc_graph *graph, bool *closes);

/* The message of a failure gets "node NAME (op): " before it. */
int stc_fail_in_node(int rc, const stc_node *node);

/* Check operand indices, operand counts and attributes of one node, and complete lists of which one
 * value was given. The message names the node. */
int stc_node_check(const stc_graph *graph, stc_node *node);

/* ---- EACH attributes (param.c): numbers that may differ from neuron to neuron ---- */

/* One value for all: no array, or one of a single element. Then *value is set, else it is NaN. */
int stc_node_uniform(const stc_node *node, int attr, bool *uniform, double *value);
/* The attribute's array must broadcast to the shape of the node, which is known. */
int stc_node_each_shape(const stc_node *node, int attr);
/* Every value meets the constraint of the table. */
int stc_node_each_check(const stc_node *node, int attr);

/* Attributes of a neuron node as the numbers its model takes: params [op->nattrs]; NaN where
 * neurons differ. */
int stc_node_params(const stc_node *node, double *params);

/* State variables per element of a code node, which is inferred. */
int64_t stc_node_code_states(const stc_node *node);

#endif
