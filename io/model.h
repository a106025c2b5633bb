/* model.h - what the readers of SpikeGraph and of NIR files share. Private to io/; all Local.
 *
 * Both lay a graph out alike: a group with `nodes/<name>/{type, parameters}` and `edges`; a node of
 * type NIRGraph is such a group again. Reading goes in three steps: the tree of items with their
 * edges (model_tree.c), one node of the graph for each item with its parameters (model_nodes.c),
 * operands (model_connect.c). What NIR adds comes between them (nir_read.c).
 */
#ifndef STC_IO_MODEL_H
#define STC_IO_MODEL_H

#include "h5.h"

#include "stc/graph.h"
#include "stc/nir.h"
#include "stc/op.h"

enum {
    STC_MODEL_MAX_NODES = 100000,
    STC_MODEL_MAX_EDGES = 500000,
    STC_MODEL_MAX_DEPTH = 32 /* graphs in graphs */
};

typedef enum { STC_END_NONE, STC_END_INPUT, STC_END_OUTPUT } stc_model_end;

/* A node of the file, in the graph of the file or in one inside of it. */
typedef struct {
    const char *name;  /* in the graph: "rnn.lif" */
    const char *place; /* in the file: "/node/nodes/rnn/nodes/lif" */
    const char *type;  /* as the file says */
    int32_t level;     /* graph of the file in which it lies */
    stc_model_end end; /* Input, Output */
    bool port;         /* passes on what comes in: has no node in the graph */
    int32_t entry;     /* node of the graph that takes its operands, -1 without */
    int32_t node;      /* node of the graph that has its values, -1 without */
    const char **list; /* [nlist] its `inputs`, or NULL */
    int64_t nlist;
    int64_t first, nsources; /* its edges: model->source[first .. first + nsources) */
    int64_t nconsumers;
    bool has_shape; /* of its operand, as far as its parameters tell */
    stc_shape shape;
} stc_model_item;

/* A graph of the file; level 0 is the outermost. */
typedef struct {
    const char *name;   /* "rnn"; "" for the outermost */
    const char *place;  /* "/node/nodes/rnn" */
    const char **names; /* [n] of its nodes, sorted by bytes */
    int32_t *child;     /* [n] an item, or -1 - level of an inner graph */
    int64_t n;
} stc_model_level;

/* What a file says of the shape that reaches a node; checked when shapes are known. */
typedef struct {
    const stc_node *user; /* its operand is meant; NULL: `source` itself is */
    const stc_node *source;
    const char *place, *what; /* "/node/nodes/conv", "input_shape" */
    stc_shape shape;
    bool tail; /* only the last axes are told */
} stc_model_check;

/* An array that grows in the scratch arena. */
typedef struct {
    void *data;
    int64_t n, room;
} stc_model_list;

typedef struct {
    const char *path;
    hid_t file;
    bool nir;
    const stc_nir_rules *rules; /* NIR only */
    stc_graph *graph;
    stc_arena *scratch;                   /* lives for the time of reading */
    stc_model_list items, levels, checks; /* of the structs above */
    stc_model_list ends;                  /* int32_t pairs: items from which to which edges lead */
    int32_t *source;                      /* [edges] items, grouped by destination */
} stc_model;

static inline stc_model_item *stc_model_items(const stc_model *m)
{
    return m->items.data;
}
static inline stc_model_level *stc_model_levels(const stc_model *m)
{
    return m->levels.data;
}

/* Room for one more entry of `size` bytes, zeroed; NULL when memory is short. */
void *stc_model_append(stc_model *m, stc_model_list *list, int64_t size);

/* Read items, levels and edges below the group `root` ("graph", "node"). */
int stc_model_tree(stc_model *m, const char *root);

/* The item that a name means in a level; end: what it may stand for if it is an inner graph.
 * STC_ERR_INPUT naming it and the nearest, without the file. */
int stc_model_find(const stc_model *m, int32_t level, const char *name, stc_model_end end,
                   int32_t *out);

/* Make the nodes of all items that are no ports, with their parameters. */
int stc_model_nodes(stc_model *m);
/* Read one parameter of a node from the dataset `name` of its group. */
int stc_model_parameter(const stc_model *m, hid_t group, const stc_model_item *item,
                        const char *name, stc_node *node);
/* Up to 6 integers of a dataset, which may also be floats that hold integers. */
int stc_model_integers(const stc_h5_data *data, stc_attr *attr);
/* Set a CHOICE attribute to a word. STC_ERR_INPUT when it is not one of its words. */
int stc_model_choose(const stc_attr_spec *spec, const char *word, stc_attr *attr);

/* Give every node the operands that its edges say. */
int stc_model_connect(stc_model *m);
/* Add a node whose name begins with `base`, which is made unique by a number if it is taken. */
int stc_model_add(stc_model *m, const char *base, const stc_op *op, int ninputs,
                  const int32_t *inputs);

/* Values in memory as a weight of the graph, copied. */
int stc_model_constant(stc_model *m, const char *label, stc_shape shape, const double *values,
                       stc_weight **out);

/* Write a weight as a dataset, in the precision that it has. */
int stc_model_put_weight(hid_t group, const char *name, const stc_weight *weight);

/* ---- NIR (nir_read.c, nir_rules.c, nir_cycles.c) ---- */

/* Read /node: everything. */
int stc_nir_read(stc_model *m);
/* Called for every dataset of a node; *done: it was taken. */
int stc_nir_parameter(stc_model *m, hid_t group, stc_model_item *item, const char *name,
                      bool *done);
/* Give the neurons and delays of the graph the rules of the model. */
int stc_nir_apply_rules(stc_model *m);
/* Insert delays of `steps` steps, so that every cycle that passes a neuron has one. silent: where
 * the path enters a neuron, so that its biases do not act before its first spikes arrive. */
int stc_nir_cut_cycles(stc_graph *graph, int64_t steps, double dt, bool silent);
/* Put the operands of sums of three and more terms in an order that depends on neither names nor
 * the order of edges. Reads the weights if there is such a sum. */
int stc_nir_order_sums(stc_graph *graph);
/* Is this node a delay that stc_nir_cut_cycles would insert again? */
bool stc_nir_is_inserted(const stc_graph *graph, const stc_node *node);

#endif
