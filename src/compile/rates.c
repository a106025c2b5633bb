/* rates.c - measured traffic: does a profile fit a program, and what will travel between parts.
 *
 * A copy of a spike is one output other than zero, for one other part that holds a destination of
 * it; copies follow from the counts exactly. Bytes are estimated: in every step the elements of a
 * message are taken to have their usual share of what their node sends in that step. */
#include "stc/error.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

int stc_rates_check(const stc_program *program, const stc_profile *rates)
{
    const char *model = program->model_path ? program->model_path : "";
    const char *hash = program->model_sha256 ? program->model_sha256 : "";
    STC_CHECK(!hash[0] || strcmp(hash, rates->model_sha256) == 0, STC_ERR_INPUT,
              "%s: is a profile of another model, %s (sha256 %.12s..., that of %s is %.12s...)\n"
              "hint: stc profile %s --input INPUT -o profile.h5",
              rates->path, rates->model[0] ? rates->model : "without a name", rates->model_sha256,
              model, hash, model);
    STC_CHECK(program->dt == rates->dt, STC_ERR_INPUT,
              "%s: its steps last %g s, those of %s %g s; make the profile under the same rules",
              rates->path, rates->dt, model, program->dt);
    return 0;
}

/* ---- which counts are whose ---- */

static int by_name(const void *a, const void *b)
{
    const stc_profile_node *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* A scalar is stored as one element. */
static bool same_shape(const stc_shape *a, const stc_shape *b)
{
    return stc_shape_equal(a, b) || (stc_shape_size(a) == 1 && stc_shape_size(b) == 1);
}

static int find(const stc_profile *rates, const stc_profile_node **sorted, const stc_stage *stage,
                const stc_profile_node **out)
{
    char found[128], expected[128];
    const stc_profile_node key = {.name = stage->name}, *wanted = &key;
    const stc_profile_node **hit =
        rates->nnodes ? bsearch(&wanted, sorted, (size_t)rates->nnodes, sizeof *sorted, by_name)
                      : NULL;
    STC_CHECK(hit, STC_ERR_INPUT,
              "%s: holds no counts of node %s; make the profile of the same model at the same -O",
              rates->path, stage->name);
    STC_CHECK(same_shape(&(*hit)->shape, &stage->shape), STC_ERR_INPUT,
              "%s: node %s has the shape %s, that of the model has %s; make the profile again",
              rates->path, stage->name, stc_shape_text(&(*hit)->shape, found, sizeof found),
              stc_shape_text(&stage->shape, expected, sizeof expected));
    *out = *hit;
    return 0;
}

int stc_rates_of_stages(const stc_program *program, const stc_profile *rates,
                        const stc_profile_node **node)
{
    const stc_profile_node **sorted = stc_alloc(rates->nnodes, sizeof *sorted);
    bool *drawn = stc_alloc(program->nstages, sizeof *drawn); /* their values never travel */
    int rc = sorted && drawn ? 0 : STC_ERR_NOMEM;
    if (rc == 0) stc_program_drawn_stages(program, drawn);
    for (int i = 0; rc == 0 && i < rates->nnodes; i++)
        sorted[i] = &rates->nodes[i];
    if (rc == 0 && rates->nnodes) {
        qsort(sorted, (size_t)rates->nnodes, sizeof *sorted, by_name);
    }
    for (int32_t k = 0; rc == 0 && k < 2 * program->nkernels; k++) {
        int32_t s = program->kernels[k / 2].operand[k % 2].stage;
        if (s >= 0 && !node[s] && !drawn[s])
            rc = find(rates, sorted, &program->stages[s], &node[s]);
    }
    stc_free(sorted);
    stc_free(drawn);
    return rc;
}

int stc_compile_rates(stc_program *program, const stc_profile *rates)
{
    STC_TRY(stc_rates_check(program, rates));
    STC_TRY(stc_build_nets(program, rates));
    program->rates = stc_arena_strdup(program->arena, rates->path);
    program->rates_sha256 = stc_arena_strdup(program->arena, rates->sha256);
    return program->rates && program->rates_sha256 ? 0 : STC_ERR_NOMEM;
}

/* ---- the graph for the partitioner ---- */

int stc_compile_hypergraph(const stc_program *program, stc_arena *arena, stc_hypergraph *out)
{
    const stc_nets *nets = &program->nets;
    double *weight = stc_arena_alloc(arena, (int64_t)program->ntiles * STC_NCONSTRAINTS, 8);
    int32_t *lists = stc_arena_alloc(arena, 3 * (int64_t)nets->n, sizeof *lists);
    if (!weight || !lists) return STC_ERR_NOMEM;
    for (int32_t t = 0; t < program->ntiles; t++) {
        weight[t * STC_NCONSTRAINTS] = (double)program->tiles[t].neurons;
        weight[t * STC_NCONSTRAINTS + 1] = (double)program->tiles[t].synapse_bytes;
        weight[t * STC_NCONSTRAINTS + 2] = program->tiles[t].work;
    }
    *out = (stc_hypergraph){.nvertices = program->ntiles,
                            .weight = weight,
                            .nnets = nets->n,
                            .source = nets->source,
                            .spikes = nets->spikes,
                            .nlists = nets->nroutes,
                            .list = nets->route,
                            .first = nets->first,
                            .pin = nets->pin};
    if (!nets->outputs) return 0;
    int32_t *outputs = lists, *bytes = lists + nets->n, *stream = lists + 2 * (int64_t)nets->n;
    for (int32_t i = 0; i < nets->n; i++) {
        stream[i] = program->tiles[nets->source[i]].stage;
        const stc_stage *stage = &program->stages[stream[i]];
        outputs[i] = nets->outputs[i] < INT32_MAX ? (int32_t)nets->outputs[i] : INT32_MAX;
        bytes[i] = stc_kind_is_bit(stage->kind) ? 0 : stc_dtype_size(stage->dtype);
    }
    out->outputs = outputs;
    out->output_bytes = bytes;
    out->stream = stream;
    return 0;
}

/* ---- what will travel ---- */

/* What a net sends from a part to another one. */
typedef struct {
    int32_t stage, from, to;
    int64_t outputs, count;
} shipment;

static int by_stage_and_parts(const void *a, const void *b)
{
    const shipment *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

/* One for each net and other part that holds a pin of it; returns their number. list NULL: only
 * count them. */
static int64_t list_shipments(const stc_program *program, const int32_t *part,
                              const stc_reach *reach, shipment *list)
{
    const stc_nets *nets = &program->nets;
    int64_t n = 0;
    for (int32_t i = 0; i < nets->n; i++) {
        const int32_t from = part[nets->source[i]], route = nets->route[i];
        for (int64_t p = reach->first[route]; p < reach->first[route + 1]; p++) {
            if (reach->part[p] == from) continue;
            if (list) {
                list[n] = (shipment){program->tiles[nets->source[i]].stage, from, reach->part[p],
                                     nets->outputs[i], nets->count[i]};
            }
            n++;
        }
    }
    return n;
}

/* How active a node was over the steps of all samples: their totals, sorted, in bins of about equal
 * numbers of steps. */
enum { MAX_BINS = 64 };
typedef struct {
    int n;
    double steps[MAX_BINS], total[MAX_BINS]; /* of a bin; of its average step */
    double sum;
} activity;

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int measure_activity(const stc_profile *rates, const stc_profile_node *node, activity *out)
{
    int64_t n = rates->samples * node->steps, *sorted = stc_alloc(n, sizeof *sorted);
    if (!sorted) return STC_ERR_NOMEM;
    memcpy(sorted, node->totals, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    *out = (activity){.n = n < MAX_BINS ? (int)n : MAX_BINS};
    for (int b = 0; b < out->n; b++) {
        int64_t first = n * b / out->n, end = n * (b + 1) / out->n;
        double sum = 0.0;
        for (int64_t i = first; i < end; i++)
            sum += (double)sorted[i];
        out->steps[b] = (double)(end - first);
        out->total[b] = sum / out->steps[b];
        out->sum += sum;
    }
    stc_free(sorted);
    return 0;
}

/* The bytes of a stage between two parts. */
static double bytes_of(const stc_stage *stage, const activity *node, const shipment *sum)
{
    int32_t size = stc_kind_is_bit(stage->kind) ? 0 : stc_dtype_size(stage->dtype);
    double share = node->sum > 0 ? (double)sum->count / node->sum : 0.0, bytes = 0.0;
    for (int b = 0; b < node->n; b++)
        bytes +=
            node->steps[b] * stc_encoded_bytes((double)sum->outputs, share * node->total[b], size);
    return bytes;
}

static int sum_shipments(const stc_program *program, const stc_profile *rates,
                         const stc_profile_node *const *node, shipment *list, int64_t n,
                         stc_prediction *out)
{
    activity busy = {0};
    int32_t stage = -1; /* of busy */
    *out = (stc_prediction){0};
    if (n) qsort(list, (size_t)n, sizeof *list, by_stage_and_parts);
    for (int64_t i = 0; i < n;) {
        shipment sum = list[i];
        for (i++; i < n && by_stage_and_parts(&sum, &list[i]) == 0; i++) {
            sum.outputs += list[i].outputs;
            sum.count += list[i].count;
        }
        if (sum.stage != stage) STC_TRY(measure_activity(rates, node[sum.stage], &busy));
        stage = sum.stage;
        out->spike_copies += sum.count;
        out->bytes += bytes_of(&program->stages[stage], &busy, &sum);
    }
    return 0;
}

int stc_compile_predict(const stc_program *program, const stc_profile *rates, const int32_t *part,
                        int32_t nparts, stc_prediction *out)
{
    shipment *list = NULL;
    const stc_nets *nets = &program->nets;
    const stc_hypergraph graph = {.nvertices = program->ntiles,
                                  .nnets = nets->n,
                                  .nlists = nets->nroutes,
                                  .list = nets->route,
                                  .first = nets->first,
                                  .pin = nets->pin};
    stc_reach reach = {0};
    const stc_profile_node **node = stc_alloc(program->nstages, sizeof *node);
    int rc = node ? stc_rates_of_stages(program, rates, node) : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_reach_create(&graph, nparts, part, &reach);
    if (rc == 0) {
        int64_t n = list_shipments(program, part, &reach, NULL);
        list = stc_alloc(n, sizeof *list);
        rc = list ? 0 : STC_ERR_NOMEM;
        if (rc == 0) {
            list_shipments(program, part, &reach, list);
            rc = sum_shipments(program, rates, node, list, n, out);
        }
    }
    stc_reach_release(&reach);
    stc_free(node);
    stc_free(list);
    return rc;
}
