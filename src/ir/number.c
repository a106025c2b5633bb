/* number.c - ids of neurons, as every file speaks of them.
 *
 * Neuron nodes sorted by the bytes of their names, then the C-order index inside each. Done once,
 * on the source graph, before any pass.
 */
#include <stdlib.h>
#include <string.h>

#include "stc/op.h"

static int by_name(const void *a, const void *b)
{
    const stc_node *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Operands come before their consumers, so one backward sweep is enough. */
static void mark_reaching(const stc_graph *graph, bool *reaches)
{
    bool has_output = false;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        reaches[i] = graph->nodes[i]->op->op_class == STC_CLASS_OUTPUT;
        has_output = has_output || reaches[i];
    }
    for (int32_t i = graph->nnodes - 1; i >= 0; i--) {
        if (!has_output) reaches[i] = true;
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs && reaches[i]; k++)
            reaches[node->inputs[k]] = true;
    }
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
    mark_reaching(graph, reaches);
    size_t count = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        stc_node *node = graph->nodes[i];
        bool is_neuron = node->op->op_class == STC_CLASS_NEURON;
        node->first_id = -1;
        node->counted = is_neuron && reaches[i];
        if (is_neuron) neurons[count++] = node;
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
