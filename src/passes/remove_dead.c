/* remove_dead.c - drop the nodes from which no output can be reached, inputs included. A graph
 * without outputs is run for its spikes and stays whole. */
#include "passes.h"

int stc_pass_remove_dead(stc_graph *graph)
{
    bool *keep = stc_alloc(graph->nnodes, sizeof *keep), has_output = false;
    if (keep == NULL) return STC_ERR_NOMEM;
    for (int32_t i = graph->nnodes - 1; i >= 0; i--) {
        const stc_node *node = graph->nodes[i];
        bool is_output = node->op->op_class == STC_CLASS_OUTPUT;
        has_output = has_output || is_output;
        keep[i] = keep[i] || is_output;
        for (int k = 0; k < node->ninputs && keep[i]; k++)
            keep[node->inputs[k]] = true;
    }
    int rc = has_output ? stc_graph_compact(graph, keep) : STC_OK;
    stc_free(keep);
    return rc;
}
