/* eval.c - reference evaluation: what a graph means, one node after the other.
 *
 * Slow and plain on purpose; the simulator is compared with it. Every node has a buffer of its
 * output values, neurons one of their state; both live for one sample.
 */
#include <string.h>

#include "ir.h"
#include "stc/neuron.h"
#include "stc/op.h"

typedef struct {
    const stc_graph *graph;
    float **out;      /* [nnodes] values of each node */
    float **state;    /* [nnodes] of neurons, otherwise NULL */
    const float **in; /* operands of the node at hand */
    const stc_node **in_node;
} buffers;

static int start_state(const stc_node *node, float *state, int64_t size)
{
    double params[STC_MAX_NEURON_PARAMS];
    float start[STC_MAX_NEURON_STATES] = {0};
    stc_node_params(node, params);
    node->op->model->start(params, start);
    for (int s = 0; s < node->op->model->nstate; s++) {
        for (int64_t k = 0; k < size; k++)
            state[s * size + k] = start[s];
    }
    return STC_OK;
}

static int create(const stc_graph *graph, buffers *b)
{
    int most = 0;
    *b = (buffers){.graph = graph};
    b->out = stc_alloc(graph->nnodes, sizeof *b->out);
    b->state = stc_alloc(graph->nnodes, sizeof *b->state);
    if (b->out == NULL || b->state == NULL) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        int64_t size = stc_shape_size(&node->shape);
        if (node->ninputs > most) most = node->ninputs;
        b->out[i] = stc_alloc(size, sizeof(float));
        if (b->out[i] == NULL) return STC_ERR_NOMEM;
        if (node->op->op_class != STC_CLASS_NEURON) continue;
        b->state[i] = stc_alloc(size * node->op->model->nstate, sizeof(float));
        if (b->state[i] == NULL) return STC_ERR_NOMEM;
        STC_TRY(start_state(node, b->state[i], size));
    }
    b->in = stc_alloc(most, sizeof *b->in);
    b->in_node = stc_alloc(most, sizeof *b->in_node);
    return b->in == NULL || b->in_node == NULL ? STC_ERR_NOMEM : STC_OK;
}

static void destroy(buffers *b)
{
    for (int32_t i = 0; i < b->graph->nnodes; i++) {
        if (b->out != NULL) stc_free(b->out[i]);
        if (b->state != NULL) stc_free(b->state[i]);
    }
    stc_free(b->out);
    stc_free(b->state);
    stc_free(b->in);
    stc_free(b->in_node);
}

static int read_input(const stc_node *node, const stc_eval_callbacks *callbacks, int64_t step,
                      float *out)
{
    const float *values = callbacks->input(callbacks->context, node, step);
    STC_CHECK(values != NULL, STC_ERR_INPUT, "no values at step %lld", (long long)step);
    memcpy(out, values, (size_t)stc_shape_size(&node->shape) * sizeof *out);
    return STC_OK;
}

/* A node per sample whose operands are per sample too is evaluated once, at the last step. */
static bool due(const buffers *b, const stc_node *node, int64_t step, int64_t time_steps)
{
    if (step == time_steps - 1 || node->timing == STC_TIME_STEP) return true;
    return node->ninputs > 0 && b->graph->nodes[node->inputs[0]]->timing == STC_TIME_STEP;
}

static int run_step(buffers *b, int64_t step, int64_t time_steps,
                    const stc_eval_callbacks *callbacks)
{
    for (int32_t i = 0; i < b->graph->nnodes; i++) {
        const stc_node *node = b->graph->nodes[i];
        if (!due(b, node, step, time_steps)) continue;
        for (int k = 0; k < node->ninputs; k++) {
            b->in[k] = b->out[node->inputs[k]];
            b->in_node[k] = b->graph->nodes[node->inputs[k]];
        }
        stc_eval eval = {.in = b->in,
                         .in_node = b->in_node,
                         .out = b->out[i],
                         .state = b->state[i],
                         .step = step,
                         .time_steps = time_steps};
        int rc = node->op->op_class == STC_CLASS_INPUT
                     ? read_input(node, callbacks, step, b->out[i])
                     : node->op->eval(node, &eval);
        if (rc < 0) return stc_fail_in_node(rc, node);
        bool complete = node->timing == STC_TIME_STEP || step == time_steps - 1;
        if (callbacks->watch != NULL && complete) {
            callbacks->watch(callbacks->context, node, step, b->out[i]);
        }
    }
    return STC_OK;
}

int stc_graph_eval(const stc_graph *graph, int64_t time_steps, const stc_eval_callbacks *callbacks)
{
    STC_CHECK(time_steps >= 1, STC_ERR_USAGE, "%lld time steps, expected at least 1",
              (long long)time_steps);
    buffers b;
    int rc = create(graph, &b);
    for (int64_t step = 0; step < time_steps && rc == STC_OK; step++) {
        rc = run_step(&b, step, time_steps, callbacks);
    }
    destroy(&b);
    return rc;
}
