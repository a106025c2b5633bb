/* common.h - what several ops need: axes, odometers, bounded kinds, and parts of examples.
 *
 * An op is one file here plus one line in list.h; copy the one nearest to what you need. Everything
 * is Local.
 */
#ifndef STC_IR_OPS_COMMON_H
#define STC_IR_OPS_COMMON_H

#include "stc/builder.h"
#include "stc/op.h"

enum { STC_MAX_NEURON_OPS = 64 };

/* Make one op per neuron model; writes them to ops and returns their number. Called once. */
int stc_neuron_ops(const stc_op **ops);
/* The same for models of populations. */
int stc_population_ops(const stc_op **ops);
/* The same for codes. */
int stc_code_ops(const stc_op **ops);

/* ---- checks ---- */

/* An axis of a tensor with ndim dimensions; negative ones count from the end. */
int stc_axis(const char *attribute, int64_t axis, int ndim, int *out);
/* Shape of a list of n axes: over[a] is set for each; refuses axes named twice. */
int stc_axes(const stc_attr *axes, int ndim, bool over[STC_MAX_NDIM]);
/* A weight attribute, if given, must have shape (n). */
int stc_check_vector(const stc_node *node, const char *attribute, int64_t n, const char *what);
/* Refuse an operand that has not ndim dimensions; what: "(channels, height, width)". */
int stc_check_ndim(const stc_node *operand, int ndim, const char *what);
/* Take shape and kind of the operand. */
int stc_infer_same(stc_node *node, const stc_node *operand);
/* The kind itself, or real when it has integers above 2^24, which float32 does not hold. */
stc_kind stc_exact_kind(stc_kind kind);
/* The kind of a sum of count values of a kind. */
stc_kind stc_sum_kind(stc_kind kind, int64_t count);

/* ---- rewriting ---- */

/* The same values under another shape of the same size; the weight is borrowed. */
stc_weight stc_weight_reshaped(const stc_weight *weight, stc_shape shape);
/* Give the weight of an attribute, if there is one, another shape. */
int stc_reshape_attr(stc_graph *graph, stc_attr *attr, stc_shape shape);
/* A node of one operand reads it under another shape, and its users read its output under the shape
 * that it has now: reshape nodes before and after it. */
int stc_reshape_around(stc_graph *graph, int32_t node, stc_shape operand);

/* First step (0-based) whose end lies after a time in ms; INT64_MAX for infinity. */
int64_t stc_step_of(double ms, double dt);
/* Key of the random numbers of a node, from its name: FNV-1a of 64 bits. */
uint64_t stc_name_key(const char *name);

/* ---- evaluation ---- */

/* Step index to the next element of shape in C order; false after the last one. */
bool stc_next_index(const stc_shape *shape, int64_t *index);
int64_t stc_dot_index(int ndim, const int64_t *index, const int64_t *stride);
/* out[C order of shape] = in[offset + sum index * stride]. */
void stc_copy_strided(const stc_shape *shape, const float *in, int64_t offset,
                      const int64_t *stride, float *out);
/* Strides of a tensor seen as the larger shape that it broadcasts to. */
void stc_broadcast_strides(const stc_shape *tensor, const stc_shape *to,
                           int64_t stride[STC_MAX_NDIM]);
/* out = scale * in + shift along the channel axis of an affine node, in float32. */
int stc_eval_affine(const stc_node *node, const stc_eval *eval);

/* All rows of a weight op as the program holds them. stc_folded_rows_free in any case. */
typedef struct {
    int64_t columns;
    float *weight, *bias;
    int8_t *exponent;
} stc_folded_rows;
int stc_folded_rows_read(const stc_node *node, stc_folded_rows *rows);
void stc_folded_rows_free(stc_folded_rows *rows);

/* ---- examples ---- */

/* A stream of small random choices. */
typedef struct {
    uint64_t seed, drawn;
} stc_dice;
/* In [0, n). */
int stc_roll(stc_dice *dice, int n);
/* An input node of random kind. */
int stc_example_input(stc_builder *builder, stc_dice *dice, stc_shape shape);
/* A lif node after `operand`. */
int stc_example_neuron(stc_builder *builder, int operand);
/* A linear node with random weights after `operand`, which has `width` entries on its last axis. */
int stc_example_linear(stc_builder *builder, stc_dice *dice, int operand, int64_t width);
/* End the example: mostly with a neuron, always with one output; sets the number of steps. Returns
 * 0 or the failure of the builder. */
int stc_example_finish(stc_builder *builder, stc_dice *dice, int last);

#endif
