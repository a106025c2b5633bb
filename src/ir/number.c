/* number.c - ids of neurons, as every file speaks of them.
 *
 * Spiking neuron nodes sorted by the bytes of their names, then the C-order index inside each. Done
 * once, on the source graph, before any pass.
 */
#include <stdlib.h>
#include <string.h>

#include "stc/op.h"

static int by_name(const void *a, const void *b)
{
    const stc_node *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

int stc_graph_number(stc_graph *graph)
{
    bool *reaches = stc_alloc(graph->nnodes, sizeof *reaches);
    stc_node **neurons = stc_alloc(graph->nnodes, sizeof *neurons);
    if (reaches == NULL || neurons == NULL) {
        stc_free(reaches);
        stc_free(neurons);
        return STC_ERR_NOMEM;
    }
    bool all = !stc_graph_reaching(graph, reaches);
    size_t count = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        stc_node *node = graph->nodes[i];
        stc_op_class c = node->op->op_class;
        bool spikes =
            c == STC_CLASS_POPULATION || (c == STC_CLASS_NEURON && !stc_kind_is_real(node->kind));
        node->first_id = -1;
        node->counted = spikes && (all || reaches[i]);
        if (spikes) neurons[count++] = node;
    }
    qsort(neurons, count, sizeof *neurons, by_name);
    graph->nneurons = 0;
    for (size_t k = 0; k < count; k++) {
        neurons[k]->first_id = graph->nneurons;
        graph->nneurons += stc_shape_size(&neurons[k]->shape);
    }
    stc_free(neurons);
    stc_free(reaches);
    return STC_OK;
}
