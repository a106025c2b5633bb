/* op.h - the table of operations. One file per op in src/ir/ops/, one line in src/ir/ops/list.h.
 *
 * An op says how it is called in files, what attributes it has, what shape and kind its output has,
 * what it means (eval) and how it is lowered. Passes look at the class of an op, never at which op
 * it is. Everything is Local.
 */
#ifndef STC_OP_H
#define STC_OP_H

#include "stc/attr.h"
#include "stc/error.h"
#include "stc/graph.h"
#include "stc/program.h"
#include "stc/view.h"

typedef enum {
    STC_CLASS_INPUT,      /* no operand; values come from outside */
    STC_CLASS_OUTPUT,     /* identity; recorded */
    STC_CLASS_VIEW,       /* moves no data: reshape, permute, slice */
    STC_CLASS_AFFINE,     /* per-channel y = scale x + shift: batch_norm, scale */
    STC_CLASS_WEIGHT,     /* linear in its operand with stored weights: conv2d, conv1d, linear */
    STC_CLASS_ADD,        /* sum of its operands */
    STC_CLASS_NEURON,     /* stateful, one state vector per element */
    STC_CLASS_DELAY,      /* values of earlier steps: closes cycles */
    STC_CLASS_POPULATION, /* point neurons that take spikes through projections, and currents */
    STC_CLASS_PROJECTION, /* synapses with delays: closes cycles */
    STC_CLASS_CODE,       /* values over time, element by element: encoders, decoders, windows */
    STC_CLASS_DIRECT      /* a kernel of its own: matmul, mul, max_pool2d, reduce_sum, mean */
} stc_op_class;

/* Operands of reference evaluation. in[i]: values of operand i (C-order of its shape); out: values
 * of the node; state: [nstate of the neuron model or code][size], NULL for stateless ops. step
 * counts from 0 and time_steps is their number. seed and sample are those of random
 * numbers. */
typedef struct {
    const float *const *in;
    const stc_node *const *in_node;
    float *out;
    float *state;
    int64_t step, time_steps;
    uint64_t seed;
    int64_t sample;
} stc_eval;

struct stc_builder;

typedef struct stc_op {
    const char *name;  /* "conv2d" */
    const char *type;  /* in files: "Conv2d" */
    const char *alias; /* a second name in files that is read too, or NULL */
    const char *help;  /* one line */
    stc_op_class op_class;
    int min_inputs, max_inputs; /* max -1: any number */
    bool ordered; /* operands differ in meaning (matmul): files carry an `inputs` list */
    const stc_attr_spec *attrs;
    int nattrs;
    const struct stc_neuron_model *model; /* NEURON: its model; NULL otherwise */
    const struct stc_code *code;          /* CODE: the code; NULL otherwise */

    /* Check attributes against operands and set node->shape, kind, timing. in: the operand nodes.
     * Timing defaults to the operands' before the call. The message needs no node name. */
    int (*infer)(stc_node *node, const stc_node *const *in);
    /* Reference meaning, one step. May read weights. */
    int (*eval)(const stc_node *node, const stc_eval *eval);
    /* VIEW: apply itself to the view of its operand; operand: shape of the tensor under the view.
     */
    int (*view)(const stc_node *node, const stc_shape *tensor, stc_view *view);
    /* AFFINE: which axis is the channel axis (-1: one scale for all), and rows first .. first+count
     * of it in float64 (also used to fold into weights; row 0 when there is one scale for all).
     * WEIGHT: channel_axis only, the axis of the out-channels in the output. After infer. */
    int (*channel_axis)(const stc_node *node);
    int (*affine)(const stc_node *node, int64_t first, int64_t count, double *scale, double *shift);
    /* WEIGHT, NEURON, DIRECT, INPUT, OUTPUT: fill the geometry of the kernel (kind and the union);
     * the driver has set operands and views. */
    int (*lower)(const stc_node *node, const stc_node *const *in, stc_kernel *kernel);
    /* Rewrite the node in terms of nodes that lower, where it cannot be lowered as it is; called
     * after infer, NULL for most. Keeps the node, whose users then read another. */
    int (*expand)(stc_graph *graph, int32_t node);
    /* WEIGHT, matmul: multiply-accumulates per step, without those on padding. NULL counts as 0. */
    int64_t (*macs)(const stc_node *node, const stc_node *const *in);
    /* DELAY, PROJECTION: smallest and largest delay in steps. After the attributes were checked. */
    int (*delay)(const stc_node *node, int64_t *least, int64_t *most);
    /* Build a small random graph around this op, different for each seed, ending in one output
     * node; generic tests verify it and compare simulation with eval. NULL, as eval, for what is
     * compared with other simulators instead: populations. */
    int (*example)(struct stc_builder *builder, uint64_t seed);
} stc_op;

/* All ops: those of src/ir/ops/list.h, then one per neuron model, population model and code. */
const stc_op *const *stc_op_list(int *n);
/* By name or by type or alias as files write it; NULL with the error text (naming the nearest). */
const stc_op *stc_op_find(const char *name);

/* Attributes by name; asserts that the op has it. */
const stc_attr *stc_node_attr(const stc_node *node, const char *name);
static inline int64_t stc_node_int(const stc_node *node, const char *name)
{
    return stc_node_attr(node, name)->i[0];
}
static inline double stc_node_real(const stc_node *node, const char *name)
{
    return stc_node_attr(node, name)->r;
}
static inline stc_weight *stc_node_weight(const stc_node *node, const char *name)
{
    return stc_node_attr(node, name)->weight;
}
/* Values of an EACH attribute for elements first .. first+count of the node, C-order. Checked
 * against the constraint of the table; STC_ERR_INPUT naming attribute and element. */
int stc_node_each(const stc_node *node, int attr, int64_t first, int64_t count, double *out);
/* Index of an attribute of an op, or -1. */
int stc_op_attr(const stc_op *op, const char *name);
/* Read a whole weight into a stc_alloc'ed array, caller frees. */
int stc_weight_read_all(const stc_weight *weight, float **out);

/* Elements of a weight in C order as float64: count of them from first on. */
int stc_weight_elements(const stc_weight *weight, int64_t first, int64_t count, double *out);

/* WEIGHT nodes after folding: rows first .. first+count of the weights (columns: C-order of
 * in-channels-per-group x kernel, as stored) with all folds applied in float64, put on the grid:
 *   weight [count][columns] float32, every value q * 2^-exponent[row] with integer
 *          |q| <= STC_WEIGHT_MAX; exponent [count]; bias [count] float32 (0 when there is none).
 * The grid of a row depends on that row alone. STC_ERR_INPUT for NaN and infinite values. */
int stc_fold_rows(const stc_node *node, int64_t first, int64_t count, float *weight,
                  int8_t *exponent, float *bias);

#endif
