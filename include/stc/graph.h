/* graph.h - SpikeGraph, the layer-level IR: nodes (ops) whose outputs are tensors of static shape.
 *
 * A shape has no sample and no time axis. Operands are indices of nodes, in operand order. Weights
 * are handles: nothing is read until its owner asks. A graph is plain data in an arena; passes
 * rewrite it in place. Everything here is Local: every rank holds the same graph.
 * Reading order: shape.h, graph.h, op.h, builder.h, pass.h.
 */
#ifndef STC_GRAPH_H
#define STC_GRAPH_H

#include "stc/base.h"
#include "stc/shape.h"

/* An array of parameters that lies somewhere. */
typedef struct stc_weight stc_weight;
struct stc_weight {
    const char *label; /* "model.h5:/graph/nodes/conv1/weight", for messages */
    stc_shape shape;   /* ndim 0: a scalar */
    /* Read rows first .. first+count of the first axis (a scalar is one row) into
     * out[count * row size], converted to float32. STC_ERR_INPUT when it cannot be read. */
    int (*read)(const stc_weight *weight, int64_t first, int64_t count, float *out);
    /* The same as float64, or NULL where there is no more than float32. */
    int (*read_double)(const stc_weight *weight, int64_t first, int64_t count, double *out);
    const void *source; /* what read needs; borrowed, lives at least as long as the graph */
};
/* Elements per row of the first axis. */
int64_t stc_weight_row_size(const stc_weight *weight);

/* Value of an attribute; which member is valid follows from the op's attribute table. */
typedef struct {
    bool given;              /* false: the default of the table was taken */
    int n;                   /* STC_ATTR_INTS: how many; otherwise 1 */
    int64_t i[STC_MAX_NDIM]; /* INT, INTS, BOOL (0 or 1), CHOICE (index) */
    double r;                /* REAL; EACH: the value of all neurons unless there is a weight */
    stc_weight *weight;      /* WEIGHT; EACH: the values of the neurons; NULL when absent */
} stc_attr;

/* Over what a node has values. */
typedef enum {
    STC_TIME_STEP,  /* one value per step; or constant over the steps when all its inputs are */
    STC_TIME_SAMPLE /* one value per sample (after a time mean) */
} stc_timing;

struct stc_op;

typedef struct stc_node {
    const char *name; /* unique in the graph */
    const struct stc_op *op;
    int ninputs;
    int32_t *inputs; /* [ninputs], indices of nodes */
    stc_attr *attrs; /* [op->nattrs], in the order of the op's table */
    /* Constant rows folded into a weight op, applied in order: row c of the weights and the bias is
     * multiplied by scale and the bias shifted; set by the fold passes, NULL-terminated by nfolds.
     */
    int nfolds;
    const struct stc_node **folds;
    /* Filled by stc_graph_infer. */
    stc_shape shape;
    stc_kind kind;
    stc_timing timing;
    /* Filled by stc_graph_number before any pass. */
    int64_t first_id; /* spiking neuron nodes: id of element 0; others -1 */
    bool counted;     /* spiking neuron nodes: its spikes are part of spike_checksum */
} stc_node;

typedef struct stc_graph stc_graph;
struct stc_graph {
    stc_arena *arena;
    const char *name;
    int32_t nnodes;
    stc_node **nodes; /* [nnodes] */
    int32_t capacity;
    int32_t *index; /* hash table of 4 * capacity: node + 1 by name; NULL once nodes were moved */
    int64_t time_steps; /* default T of the model; 0: not given */
    double dt;          /* seconds per step; 0: the model has no clock */
    const char *rules;  /* how points that the file leaves open were read (nir.h), or NULL */
    int64_t nneurons;   /* filled by stc_graph_number */
    void *source;       /* what the weights read from (an open file); NULL: nothing */
    void (*release)(stc_graph *graph); /* frees source; stc_graph_destroy calls it first */
};

int stc_graph_create(const char *name, stc_graph **out);
void stc_graph_destroy(stc_graph **graph);

/* Append a node with default attributes and ninputs operands (copied). The name is copied.
 * STC_ERR_INPUT when the name is empty or taken. Returns the index of the node. */
int stc_graph_add(stc_graph *graph, const char *name, const struct stc_op *op, int ninputs,
                  const int32_t *inputs);
/* Index of a node by name, or -1. */
int32_t stc_graph_find(const stc_graph *graph, const char *name);

/* Check all of it and fill shape, kind and timing: operands exist and their number fits, every
 * cycle carries a delay, attributes meet their constraints, shapes fit, at least one input.
 * Reorders nodes topologically (stable), a delay that closes a cycle before its operand.
 * STC_ERR_INPUT naming the node, what was found and what was expected. The weights are not read. */
int stc_graph_verify(stc_graph *graph);
/* Read every weight and check that it is finite. STC_ERR_INPUT naming weight and index. */
int stc_graph_verify_weights(const stc_graph *graph);
/* Only shapes, kinds and timing, on a topologically sorted graph (after a pass). */
int stc_graph_infer(stc_graph *graph);
/* Give ids to neurons: neuron nodes sorted by name (bytes), then C-order index; and mark the nodes
 * from which an output can be reached (all when there is no output). */
int stc_graph_number(stc_graph *graph);

/* The nodes of a sorted graph from which an output can be reached: reaches [nnodes], filled;
 * returns false, with none, when there is no output. */
bool stc_graph_reaching(const stc_graph *graph, bool *reaches);

/* weights: stored parameters; of projections their weights alone. synapses: connections that weight
 * ops make from operand elements (not padding) to output elements, a weight used at n positions
 * being n of them; their multiply-accumulates per step. macs: those plus the products of two
 * operands (matmul). At most 2^63 - 1.
 */
typedef struct {
    int64_t nodes, edges, neurons, weights, synapses, macs, inputs, outputs;
} stc_graph_stats;
stc_graph_stats stc_graph_statistics(const stc_graph *graph);
/* Print one line per node: index, name, op, shape, kind, operands. */
void stc_graph_print(const stc_graph *graph, FILE *file);

/* Reference evaluation (slow, plain loops): run time_steps steps of one sample.
 *   input(context, node, step) returns the values of an input node [its size] at a step, borrowed.
 *   watch(context, node, step, values) is called for every node after each step; for nodes per
 *   sample once, with step = time_steps - 1. May be NULL.
 *   seed and sample are those of the random numbers that encoders draw: as of a run. */
typedef struct {
    void *context;
    const float *(*input)(void *context, const stc_node *node, int64_t step);
    void (*watch)(void *context, const stc_node *node, int64_t step, const float *values);
    uint64_t seed;
    int64_t sample;
} stc_eval_callbacks;
int stc_graph_eval(const stc_graph *graph, int64_t time_steps, const stc_eval_callbacks *callbacks);

#endif
