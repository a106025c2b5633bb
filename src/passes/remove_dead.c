/* remove_dead.c - drop the nodes from which no output can be reached, inputs included. A graph
 * without outputs is run for its spikes and stays whole. */
#include "passes.h"

int stc_pass_remove_dead(stc_graph *graph)
{
    bool *keep = stc_alloc(graph->nnodes, sizeof *keep);
    if (keep == NULL) return STC_ERR_NOMEM;
    int rc = stc_graph_reaching(graph, keep) ? stc_graph_compact(graph, keep) : STC_OK;
    stc_free(keep);
    return rc;
}
