/* eval.c - reference evaluation: what a graph means, one node after the other.
 *
 * Slow and plain on purpose; the simulator is compared with it. Every node has a buffer of its
 * output values, neurons and delays one of their state; both live for one sample.
 */
#include <math.h>
#include <string.h>

#include "ir.h"
#include "stc/neuron.h"
#include "stc/op.h"

typedef struct {
    const stc_graph *graph;
    float **out;      /* [nnodes] values of each node */
    float **state;    /* [nnodes] of neurons and delays */
    const float **in; /* operands of the node at hand */
    const stc_node **in_node;
} buffers;

static int start_state(const stc_node *node, float *state, int64_t size)
{
    double uniform[STC_MAX_NEURON_PARAMS], params[STC_MAX_NEURON_PARAMS];
    float start[STC_MAX_NEURON_STATES] = {0};
    STC_TRY(stc_node_params(node, uniform));
    for (int64_t k = 0; k < size; k++) {
        for (int p = 0; p < node->op->nattrs; p++) {
            params[p] = uniform[p];
            if (isnan(uniform[p])) STC_TRY(stc_node_each(node, p, k, 1, &params[p]));
        }
        node->op->model->start(params, start);
        for (int s = 0; s < node->op->model->nstate; s++)
            state[s * size + k] = start[s];
    }
    return STC_OK;
}

/* What a node keeps from step to step: neurons and codes their state, delays the steps that are
 * needed. */
static int create_state(const stc_node *node, int64_t size, float **out)
{
    int64_t least, most = -1;
    if (node->op->op_class == STC_CLASS_DELAY) STC_TRY(node->op->delay(node, &least, &most));
    int64_t n = node->op->op_class == STC_CLASS_NEURON ? node->op->model->nstate
                : node->op->op_class == STC_CLASS_CODE ? stc_node_code_states(node)
                                                       : most + 1;
    *out = stc_alloc(n * size, sizeof **out);
    if (*out == NULL) return STC_ERR_NOMEM;
    return node->op->op_class == STC_CLASS_NEURON ? start_state(node, *out, size) : STC_OK;
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
        STC_TRY(create_state(node, size, &b->state[i]));
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
                         .time_steps = time_steps,
                         .seed = callbacks->seed,
                         .sample = callbacks->sample};
        STC_CHECK(node->op->eval || node->op->op_class == STC_CLASS_INPUT, STC_ERR_USAGE,
                  "node %s: %s is only simulated, not evaluated", node->name, node->op->name);
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

/* A delay may come before its operand: it keeps its values when the step is over. */
static int keep_for_delays(buffers *b, int64_t step)
{
    for (int32_t i = 0; i < b->graph->nnodes; i++) {
        const stc_node *node = b->graph->nodes[i];
        int64_t least, most, size = stc_shape_size(&node->shape);
        if (node->op->op_class != STC_CLASS_DELAY) continue;
        STC_TRY(node->op->delay(node, &least, &most));
        memcpy(b->state[i] + step % (most + 1) * size, b->out[node->inputs[0]],
               (size_t)size * sizeof(float));
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
        if (rc == STC_OK) rc = keep_for_delays(&b, step);
    }
    destroy(&b);
    return rc;
}
