/* nir_write.h - what the files that write NIR share. Private to io/; all Local. */
#ifndef STC_IO_NIR_WRITE_H
#define STC_IO_NIR_WRITE_H

#include "model.h"

/* What becomes of a node of the graph. */
typedef struct {
    const char *type; /* in the file; NULL: it is not there, its operands reach its consumers */
    int nfolds;       /* WEIGHT: constants after it that are multiplied into its rows */
    const stc_node **folds;       /* [nfolds] in their order */
    const stc_node *scale, *from; /* a Scale of any shape: the node that scales; its operand */
} stc_nir_plan;

/* The rules under which the nodes of the graph mean what they do: all must agree. */
typedef struct {
    double dt;
    stc_nir_rules rules;  /* open where no node says */
    int starts;           /* bits: which words of the rule `start` fit all neurons */
    const stc_node *says; /* the first node that has rules, for messages */
} stc_nir_needs;

typedef struct {
    const stc_graph *graph;
    stc_arena *arena;   /* lives for the time of writing */
    stc_nir_plan *plan; /* [nnodes] */
    int32_t *uses;      /* [nnodes] how often a node is an operand */
    stc_nir_needs needs;
} stc_nir_writer;

static inline const stc_node *stc_nir_operand(const stc_nir_writer *w, const stc_node *node)
{
    return w->graph->nodes[node->inputs[0]];
}

/* Decide what becomes of every node (nir_plan.c). STC_ERR_INPUT naming the first node that NIR
 * cannot say. */
int stc_nir_plan_nodes(stc_nir_writer *w);
/* Collect the rules of neurons and delays (nir_needs.c). STC_ERR_INPUT naming two that differ. */
int stc_nir_find_needs(stc_nir_writer *w);
/* The rules as options: "--dt 0.001 --compare ge". */
void stc_nir_needs_text(const stc_nir_needs *needs, char *buffer, size_t size);

/* The word of CHOICE attribute number a. */
const char *stc_nir_choice(const stc_node *node, int a, char *buffer, size_t size);

/* Write the parameters of a node into its group (nir_write_node.c). */
int stc_nir_put_node(const stc_nir_writer *w, hid_t group, int32_t index);
/* An upper bound of the bytes that they take. */
int64_t stc_nir_node_bytes(const stc_nir_writer *w, int32_t index);

#endif
