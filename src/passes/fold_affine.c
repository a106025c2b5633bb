/* fold_affine.c - batch norms and scales into the weights before them.
 *
 * conv -> batch_norm becomes conv with a list of folds; the rows are computed when they are read
 * (stc_fold_rows), so no weight is touched here. A node is folded when nobody else sees the values
 * before it and its channels are the rows of the weights. The weight node keeps its name.
 */
#include <string.h>

#include "passes.h"

static bool foldable(const stc_graph *graph, const stc_node *affine, const int32_t *uses)
{
    if (affine->op->op_class != STC_CLASS_AFFINE) return false;
    const stc_node *weight = graph->nodes[affine->inputs[0]];
    if (weight->op->op_class != STC_CLASS_WEIGHT || uses[affine->inputs[0]] != 1) return false;
    int axis = affine->op->channel_axis(affine);
    return axis < 0 || axis == weight->op->channel_axis(weight);
}

static int append_fold(stc_graph *graph, stc_node *weight, const stc_node *affine)
{
    const stc_node **folds =
        stc_arena_alloc(graph->arena, (int64_t)weight->nfolds + 1, sizeof *folds);
    if (folds == NULL) return STC_ERR_NOMEM;
    if (weight->nfolds > 0) {
        memcpy(folds, weight->folds, (size_t)weight->nfolds * sizeof *folds);
    }
    folds[weight->nfolds++] = affine;
    weight->folds = folds;
    return STC_OK;
}

static int fold_all(stc_graph *graph, int32_t *uses, bool *keep)
{
    stc_graph_uses(graph, uses);
    for (int32_t i = 0; i < graph->nnodes; i++) {
        stc_node *node = graph->nodes[i];
        keep[i] = !foldable(graph, node, uses);
        if (keep[i]) continue;
        int32_t weight = node->inputs[0];
        STC_TRY(append_fold(graph, graph->nodes[weight], node));
        stc_graph_replace(graph, i, weight);
        uses[weight] = uses[i];
    }
    return stc_graph_compact(graph, keep);
}

int stc_pass_fold_affine(stc_graph *graph)
{
    int32_t *uses = stc_alloc(graph->nnodes, sizeof *uses);
    bool *keep = stc_alloc(graph->nnodes, sizeof *keep);
    int rc = uses == NULL || keep == NULL ? STC_ERR_NOMEM : fold_all(graph, uses, keep);
    stc_free(keep);
    stc_free(uses);
    return rc;
}
