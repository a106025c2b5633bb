/* self_check_explain.c - which differences follow from a listed one. See self_check.h. */
#include "self_check.h"

#include "stc/error.h"
#include "stc/op.h"

#include <math.h>
#include <string.h>

static const int64_t NEVER = INT64_MAX;

struct stc_check_flow {
    int32_t nnodes;
    int64_t *first; /* [nnodes + 1]: operands of node i are operand[first[i] .. first[i + 1]] */
    int32_t *operand;
    int64_t *delay; /* [nnodes] steps that the node takes at least */
    int32_t *layer; /* [nnodes] number of the neuron node, -1 for others */
};

int stc_check_flow_create(const stc_graph *graph, stc_arena *arena, stc_check_flow **out)
{
    int32_t n = graph->nnodes, layers = 0;
    int64_t edges = 0, most;
    for (int32_t i = 0; i < n; i++)
        edges += graph->nodes[i]->ninputs;
    stc_check_flow *flow = stc_arena_alloc(arena, 1, sizeof(*flow));
    if (!flow) return STC_ERR_NOMEM;
    flow->nnodes = n;
    flow->first = stc_arena_alloc(arena, n + 1, sizeof(*flow->first));
    flow->operand = stc_arena_alloc(arena, edges, sizeof(*flow->operand));
    flow->delay = stc_arena_alloc(arena, n, sizeof(*flow->delay));
    flow->layer = stc_arena_alloc(arena, n, sizeof(*flow->layer));
    if (!flow->first || !flow->operand || !flow->delay || !flow->layer) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < n; i++) {
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++)
            flow->operand[flow->first[i] + k] = node->inputs[k];
        flow->first[i + 1] = flow->first[i] + node->ninputs;
        flow->layer[i] = node->first_id >= 0 ? layers++ : -1;
        if (node->op->delay) STC_TRY(node->op->delay(node, &flow->delay[i], &most));
    }
    *out = flow;
    return 0;
}

/* First step of a row at which a listed neuron-step differs. */
static int64_t first_listed(const stc_check *check, int layer, int64_t row)
{
    const stc_check_cell *cells = check->layers[layer].cells + row * check->steps;
    for (int64_t t = 0; t < check->steps; t++)
        if (cells[t].near > 0) return t;
    return NEVER;
}

/* From which step on a listed difference may have reached each layer from others (or from itself by
 * a delay): arrives [nlayers]. root [nlayers]: its own. leaves [nnodes]: scratch. A cycle has a
 * delay, so that another round finds nothing new sooner or later. */
static void follow(const stc_check_flow *flow, const int64_t *root, int64_t *arrives,
                   int64_t *leaves)
{
    for (int32_t i = 0; i < flow->nnodes; i++)
        leaves[i] = NEVER;
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < flow->nnodes; i++) {
            int64_t at = NEVER;
            int32_t layer = flow->layer[i];
            for (int64_t k = flow->first[i]; k < flow->first[i + 1]; k++)
                if (leaves[flow->operand[k]] < at) at = leaves[flow->operand[k]];
            if (at != NEVER) at += flow->delay[i];
            if (layer >= 0) {
                arrives[layer] = at;
                if (root[layer] < at) at = root[layer];
            }
            if (at >= leaves[i]) continue;
            leaves[i] = at;
            changed = true;
        }
    }
}

static void sum_row(stc_check *check, int layer, int64_t row, int64_t root, int64_t arrives)
{
    stc_check_layer *l = &check->layers[layer];
    for (int64_t t = 0; t < check->steps; t++) {
        const stc_check_cell *cell = &l->cells[row * check->steps + t];
        int64_t others = cell->differ - cell->near;
        l->differ += cell->differ;
        l->near += cell->near;
        if (others == 0) continue;
        if (root < t || arrives <= t) {
            l->downstream += others;
            continue;
        }
        if (l->unexplained == 0) {
            l->row = row;
            l->step = t;
            l->index = cell->first;
        }
        l->unexplained += others;
    }
}

static bool row_differs(const stc_check *check, int64_t row)
{
    for (int l = 0; l < check->nlayers; l++)
        for (int64_t t = 0; t < check->steps; t++)
            if (check->layers[l].cells[row * check->steps + t].differ > 0) return true;
    return false;
}

/* ---- outputs ---- */

static void add_sample(stc_check_samples *samples, int64_t sample, double difference)
{
    if (difference > 0 && (samples->worst < 0 || difference > samples->difference)) {
        samples->difference = difference;
        samples->worst = sample;
    }
    samples->samples++;
}

/* The sample of a row of the output among those with spikes: -1 for none. */
static int64_t row_of(const stc_check *check, int64_t sample)
{
    for (int64_t r = 0; r < check->rows; r++)
        if (check->sample[r] == sample) return r;
    return -1;
}

/* Without flips both sides do the same sums in another order: a float32 has 24 bits, of which long
 * sums that cancel may lose ten. */
static const double OUTPUT_TOLERANCE = 1e-4;

static void sum_output(stc_check *check, stc_check_output *output, const stc_test_output *expected,
                       const bool *differs)
{
    output->same.worst = output->flipped.worst = output->unknown.worst = -1;
    output->tolerance = OUTPUT_TOLERANCE * fmax(1.0, output->largest);
    for (int64_t i = 0; i < expected->rows; i++) {
        int64_t row = row_of(check, expected->sample[i]);
        stc_check_samples *sort = row < 0        ? &output->unknown
                                  : differs[row] ? &output->flipped
                                                 : &output->same;
        if (check->nlayers == 0) sort = &output->same;
        add_sample(sort, expected->sample[i], output->difference[i]);
    }
    check->outputs_off += output->same.difference > output->tolerance;
}

/* ---- all ---- */

static void explain(stc_check *check, const stc_check_flow *flow, int64_t *root, int64_t *arrives,
                    int64_t *leaves, bool *differs)
{
    for (int64_t row = 0; row < check->rows; row++) {
        bool any = false;
        differs[row] = row_differs(check, row);
        if (!differs[row]) continue;
        for (int l = 0; l < check->nlayers; l++) {
            root[l] = first_listed(check, l, row);
            arrives[l] = NEVER;
            any = any || root[l] != NEVER;
        }
        if (any) follow(flow, root, arrives, leaves);
        for (int l = 0; l < check->nlayers; l++)
            sum_row(check, l, row, root[l], arrives[l]);
    }
    for (int l = 0; l < check->nlayers; l++) {
        const stc_check_layer *layer = &check->layers[l];
        check->compared += layer->compared;
        check->differ += layer->differ;
        check->near += layer->near;
        check->downstream += layer->downstream;
        check->unexplained += layer->unexplained;
    }
}

int stc_check_explain(stc_check *check, const stc_check_flow *flow, const stc_test_vectors *vectors)
{
    int64_t *root = stc_alloc(check->nlayers, sizeof *root);
    int64_t *arrives = stc_alloc(check->nlayers, sizeof *arrives);
    int64_t *leaves = stc_alloc(flow->nnodes, sizeof *leaves);
    bool *differs = stc_alloc(check->rows, sizeof *differs);
    int rc = root && arrives && leaves && differs ? 0 : STC_ERR_NOMEM;
    if (rc >= 0) explain(check, flow, root, arrives, leaves, differs);
    for (int o = 0; o < check->noutputs && rc >= 0; o++)
        sum_output(check, &check->outputs[o], &vectors->outputs[o], differs);
    stc_free(differs);
    stc_free(leaves);
    stc_free(arrives);
    stc_free(root);
    return rc;
}
