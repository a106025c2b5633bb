/* print.c - a graph as text, one line per node. */
#include "stc/op.h"

void stc_graph_print(const stc_graph *graph, FILE *file)
{
    fprintf(file, "graph %s: %d nodes\n", graph->name, graph->nnodes);
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        char shape[128], kind[64];
        fprintf(file, "%4d %s = %s(", i, node->name, node->op->name);
        for (int k = 0; k < node->ninputs; k++) {
            fprintf(file, "%s%s", k == 0 ? "" : ", ", graph->nodes[node->inputs[k]]->name);
        }
        fprintf(file, ") %s %s%s", stc_shape_text(&node->shape, shape, sizeof shape),
                stc_kind_text(node->kind, kind, sizeof kind),
                node->timing == STC_TIME_SAMPLE ? " per sample" : "");
        for (int f = 0; f < node->nfolds; f++) {
            fprintf(file, "%s%s", f == 0 ? " folds " : ", ", node->folds[f]->name);
        }
        fputc('\n', file);
    }
}
