/* infer.c - shape, kind and timing of every node from those of its operands. In one sweep where
 * there is no cycle; through a cycle what is known goes round until nothing changes. */
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

/* May node i be inferred: are its operands known? Where a cycle runs through a sum, those of its
 * operands that are known tell its shape; a population knows it itself. Returns their number, in
 * front in `in`, or -1. */
static int known_operands(const stc_graph *graph, const bool *known, int32_t i, const stc_node **in)
{
    const stc_node *node = graph->nodes[i];
    int n = 0;
    for (int k = 0; k < node->ninputs; k++) {
        if (known[node->inputs[k]]) in[n++] = graph->nodes[node->inputs[k]];
    }
    stc_op_class c = node->op->op_class;
    bool some = c == STC_CLASS_ADD && n > 0;
    return n == node->ninputs || some || c == STC_CLASS_POPULATION ? n : -1;
}

/* One sweep over the nodes; those whose operands are not known yet wait. Returns how many nodes
 * became known, changed: whether the output of a delay did. */
static int sweep(stc_graph *graph, bool *known, const stc_node **in, int32_t *nknown, bool *changed)
{
    *changed = false;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        stc_node *node = graph->nodes[i];
        int n = known_operands(graph, known, i, in);
        if (n < 0) continue;
        stc_kind kind = node->kind;
        int all = node->ninputs;
        node->ninputs = n; /* for the time of the call */
        int rc = infer_node(node, in);
        node->ninputs = all;
        if (rc < 0) return stc_fail_in_node(rc, node);
        *nknown += !known[i];
        *changed =
            *changed || (node->op->delay != NULL &&
                         (!known[i] || kind.unit != node->kind.unit || kind.max != node->kind.max));
        known[i] = true;
    }
    return STC_OK;
}

/* The values that go round may grow with every turn; then they are real. */
static void give_up_kinds(stc_graph *graph)
{
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (graph->nodes[i]->op->op_class == STC_CLASS_DELAY) {
            graph->nodes[i]->attrs[stc_op_attr(graph->nodes[i]->op, "real")].i[0] = 1;
        }
    }
}

static int infer_cyclic(stc_graph *graph, bool *known, const stc_node **in)
{
    enum { SWEEPS = 4 };
    int32_t nknown = 0, before = -1;
    bool changed = true;
    while (nknown < graph->nnodes && nknown > before) {
        before = nknown;
        STC_TRY(sweep(graph, known, in, &nknown, &changed));
    }
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (known[i]) continue;
        return stc_fail_in_node(
            stc_fail(STC_ERR_INPUT, "its shape depends on itself alone; let the cycle pass a sum "
                                    "with an operand from outside, or a neuron that has one"),
            graph->nodes[i]);
    }
    for (int turn = 0; changed && turn < 2 * SWEEPS; turn++) {
        if (turn == SWEEPS) give_up_kinds(graph);
        STC_TRY(sweep(graph, known, in, &nknown, &changed));
    }
    return STC_OK;
}

int stc_graph_infer(stc_graph *graph)
{
    int most = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->ninputs > most) most = node->ninputs;
        for (int k = 0; k < node->ninputs; k++) {
            if (node->inputs[k] < i || node->op->delay != NULL) continue;
            return stc_fail_in_node(stc_fail(STC_ERR_INTERNAL,
                                             "the graph is not sorted: operand '%s' comes later",
                                             graph->nodes[node->inputs[k]]->name),
                                    node);
        }
    }
    const stc_node **in = stc_alloc(most, sizeof *in);
    bool *known = stc_alloc(graph->nnodes, sizeof *known);
    int rc = in && known ? infer_cyclic(graph, known, in) : STC_ERR_NOMEM;
    stc_free(in);
    stc_free(known);
    return rc;
}
