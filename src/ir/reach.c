/* reach.c - the nodes from which an output can be reached. */
#include "ir.h"
#include "stc/op.h"

bool stc_graph_reaching(const stc_graph *graph, bool *reaches)
{
    bool has_output = false;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        reaches[i] = graph->nodes[i]->op->op_class == STC_CLASS_OUTPUT;
        has_output = has_output || reaches[i];
    }
    /* Operands come before their consumers but for those of delays that close a cycle. */
    for (bool again = has_output; again;) {
        again = false;
        for (int32_t i = graph->nnodes - 1; i >= 0; i--) {
            const stc_node *node = graph->nodes[i];
            for (int k = 0; k < node->ninputs && reaches[i]; k++) {
                again = again || (!reaches[node->inputs[k]] && node->inputs[k] > i);
                reaches[node->inputs[k]] = true;
            }
        }
    }
    return has_output;
}
