/* infer.c - shape, kind and timing of every node from those of its operands. */
#include "ir.h"
#include "stc/op.h"

static const char *timing_text(stc_timing timing)
{
    return timing == STC_TIME_SAMPLE ? "per sample (after a time mean)" : "per step";
}

static int common_timing(stc_node *node, const stc_node *const *in)
{
    node->timing = node->ninputs > 0 ? in[0]->timing : STC_TIME_STEP;
    for (int k = 1; k < node->ninputs; k++) {
        STC_CHECK(in[k]->timing == node->timing, STC_ERR_INPUT,
                  "operand '%s' has one value %s, operand '%s' one %s; they cannot be combined",
                  in[0]->name, timing_text(node->timing), in[k]->name, timing_text(in[k]->timing));
    }
    return STC_OK;
}

static int infer_node(stc_node *node, const stc_node *const *in)
{
    STC_TRY(common_timing(node, in));
    STC_TRY(node->op->infer(node, in));
    char text[128];
    STC_CHECK(node->shape.ndim >= 1, STC_ERR_INPUT,
              "its output would have no dimensions; keep at least one of size 1");
    STC_CHECK(stc_shape_size(&node->shape) >= 0, STC_ERR_INPUT,
              "its output has shape %s, which is more than 2^40 elements",
              stc_shape_text(&node->shape, text, sizeof text));
    return STC_OK;
}

int stc_graph_infer(stc_graph *graph)
{
    int most = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (graph->nodes[i]->ninputs > most) most = graph->nodes[i]->ninputs;
    }
    const stc_node **in = stc_alloc(most, sizeof *in);
    if (in == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    for (int32_t i = 0; i < graph->nnodes && rc == STC_OK; i++) {
        stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs && rc == STC_OK; k++) {
            in[k] = graph->nodes[node->inputs[k]];
            if (node->inputs[k] >= i) {
                rc = stc_fail(STC_ERR_INTERNAL, "the graph is not sorted: operand '%s' comes later",
                              in[k]->name);
            }
        }
        if (rc == STC_OK) rc = infer_node(node, in);
        if (rc < 0) rc = stc_fail_in_node(rc, node);
    }
    stc_free(in);
    return rc;
}
