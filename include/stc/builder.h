/* builder.h - build a SpikeGraph in C.
 *
 *     stc_builder *b;
 *     stc_builder_create("net", &b);
 *     int x = stc_build(b, "input", "image", NULL, 0, "shape=1,8,8");
 *     int c = stc_build(b, "conv2d", "conv1", &x, 1, "stride=1 padding=1");
 *     stc_build_weight(b, c, "weight", (stc_shape){4, {16, 1, 3, 3}}, values);
 *     int s = stc_build(b, "discrete_lif", "lif1", &c, 1, "tau=2 v_threshold=1");
 *     stc_build(b, "output", "spikes", &s, 1, "");
 *     stc_builder_finish(&b, &graph);
 *
 * The first failure sticks: later calls return it again, finish reports it. Everything is Local.
 */
#ifndef STC_BUILDER_H
#define STC_BUILDER_H

#include "stc/graph.h"

typedef struct stc_builder stc_builder;

int stc_builder_create(const char *name, stc_builder **out);
void stc_builder_destroy(stc_builder **builder);

/* Add a node of the op with this name. inputs: ninputs indices of earlier nodes (or later ones set
 * by stc_build_connect). attributes: "name=value name=value", integers of a list by commas; unknown
 * names name the nearest. name NULL: made from the op and a number. Returns its index or an error.
 */
int stc_build(stc_builder *builder, const char *op, const char *name, const int *inputs,
              int ninputs, const char *attributes);
/* Append an operand to a node (for cycles and late edges). */
int stc_build_connect(stc_builder *builder, int node, int input);
/* Give a weight attribute values (copied). */
int stc_build_weight(stc_builder *builder, int node, const char *attribute, stc_shape shape,
                     const float *values);
/* The same with random values, uniform in +-range, keyed by (seed, node name, attribute). */
int stc_build_random(stc_builder *builder, int node, const char *attribute, stc_shape shape,
                     float range, uint64_t seed);
/* Default number of steps. */
void stc_build_time_steps(stc_builder *builder, int64_t time_steps);
/* Seconds per step. */
void stc_build_dt(stc_builder *builder, double dt);

/* Verify the graph, hand it over (taken by the caller) and destroy the builder in any case. */
int stc_builder_finish(stc_builder **builder, stc_graph **out);
/* The graph under construction, borrowed; its inferred members are not filled. */
stc_graph *stc_builder_graph(stc_builder *builder);

#endif
