/* pass.h - the pipeline of graph passes: a table whose order is the order.
 *
 * A pass rewrites the graph and leaves it sorted; the driver infers shapes again, verifies, logs
 * time and node counts. One file per pass in src/passes/, one line in the table of pipeline.c.
 * Local.
 */
#ifndef STC_PASS_H
#define STC_PASS_H

#include "stc/op.h"

typedef struct {
    const char *name; /* "fold-affine" */
    int (*run)(stc_graph *graph);
    const char *help;
    const char *why; /* what breaks if it is moved */
    int level;       /* lowest -O level that runs it; 0: always, part of the numbers of a program */
} stc_pass;

typedef struct {
    const char *name;
    double ms;
    int32_t nodes_before, nodes_after;
} stc_pass_record;

const stc_pass *stc_passes(int *n);

/* Run the pipeline. skip: names separated by commas or NULL (a pass of level 0 cannot be skipped:
 * STC_ERR_USAGE). dump_after: name or NULL, prints the graph to stderr by dump(). records [number
 * of passes], filled up to *nrecords. */
int stc_passes_run(stc_graph *graph, int level, const char *skip, const char *dump_after,
                   stc_pass_record *records, int *nrecords);

/* Tools for passes: make every use of node `from` use node `to`; drop the nodes whose keep flag is
 * false and renumber (no kept node may use a dropped one; STC_ERR_NOMEM). */
void stc_graph_replace(stc_graph *graph, int32_t from, int32_t to);
int stc_graph_compact(stc_graph *graph, const bool *keep);
/* Number of operands in the whole graph that refer to each node: uses [nnodes], filled. */
void stc_graph_uses(const stc_graph *graph, int32_t *uses);

#endif
