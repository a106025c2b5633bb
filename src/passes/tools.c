/* tools.c - what passes do to a graph, so that they need not know how operands are stored. */
#include "stc/pass.h"

void stc_graph_replace(stc_graph *graph, int32_t from, int32_t to)
{
    for (int32_t i = 0; i < graph->nnodes; i++) {
        stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++) {
            if (node->inputs[k] == from) node->inputs[k] = to;
        }
    }
}

void stc_graph_uses(const stc_graph *graph, int32_t *uses)
{
    for (int32_t i = 0; i < graph->nnodes; i++)
        uses[i] = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++)
            uses[node->inputs[k]]++;
    }
}

int stc_graph_compact(stc_graph *graph, const bool *keep)
{
    int32_t *place = stc_alloc(graph->nnodes, sizeof *place), kept = 0;
    if (place == NULL) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        place[i] = kept;
        kept += keep[i];
    }
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (!keep[i]) continue;
        stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++)
            node->inputs[k] = place[node->inputs[k]];
        graph->nodes[place[i]] = node;
    }
    graph->nnodes = kept;
    graph->index = NULL;
    stc_free(place);
    return STC_OK;
}
