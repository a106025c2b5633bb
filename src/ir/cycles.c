/* cycles.c - which delays close a cycle. */
#include "ir.h"
#include "stc/error.h"
#include "stc/op.h"

/* Edges from consumers to operands, as stc_components wants them. */
static void list_edges(const stc_graph *graph, int64_t *first, int32_t *target)
{
    int64_t n = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        first[i] = n;
        for (int k = 0; k < graph->nodes[i]->ninputs; k++)
            target[n++] = graph->nodes[i]->inputs[k];
    }
    first[graph->nnodes] = n;
}

static int mark(const stc_graph *graph, const int32_t *component, bool *closes)
{
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        int64_t least, most;
        closes[i] = false;
        if (node->op->delay == NULL) continue;
        int rc = node->op->delay(node, &least, &most);
        if (rc < 0) return stc_fail_in_node(rc, node);
        closes[i] = least > 0 && component[node->inputs[0]] == component[i];
    }
    return STC_OK;
}

int stc_graph_closing_delays(const stc_graph *graph, bool *closes)
{
    int64_t edges = 0;
    for (int32_t i = 0; i < graph->nnodes; i++)
        edges += graph->nodes[i]->ninputs;
    int64_t *first = stc_alloc(graph->nnodes + 1, sizeof *first);
    int32_t *target = stc_alloc(edges + graph->nnodes, sizeof *target), *component = NULL;
    int rc = STC_ERR_NOMEM;
    if (first && target) {
        component = target + edges;
        list_edges(graph, first, target);
        rc = stc_components(graph->nnodes, first, target, component);
    }
    if (rc >= 0) rc = mark(graph, component, closes);
    stc_free(first);
    stc_free(target);
    return rc;
}
