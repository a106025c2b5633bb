/* expand.c - nodes that no kernel computes as they are become nodes that kernels do.
 *
 * What a node becomes is the business of its op (stc_op.expand), for instance weights for each of
 * the leading axes, which become groups between two reshapes.
 */
#include "passes.h"

int stc_pass_expand(stc_graph *graph)
{
    const int32_t nnodes = graph->nnodes; /* of the source: what is added needs no more */
    for (int32_t i = 0; i < nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->op->expand == NULL) continue;
        int rc = node->op->expand(graph, i);
        if (rc < 0) return stc_fail_in(rc, "node %s (%s)", node->name, node->op->name);
    }
    return STC_OK;
}
