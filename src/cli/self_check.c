/* self_check.c - see self_check.h. Reading order: stc_self_check, prepare, simulate, compare.
 *
 * Rank 0 holds the vectors. Samples run in parts small enough for their spikes to be kept; the
 * spikes of a part are brought to rank 0 layer by layer in pieces, each place by the rank that has
 * its record, and compared there with the same places of the file.
 */
#include "self_check.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/simulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PART_PLACES = 1 << 27, /* neuron-steps of a run: some 30 bytes for every spike */
    PIECE_PLACES = 1 << 22,
    MOST_IDLE = 16 /* samples that nothing is known of are run along up to this many in a row */
};

/* Samples first .. first+count of the input. */
typedef struct {
    int64_t first, count;
} part;

/* What rank 0 found in the vectors, on all ranks. */
typedef struct {
    int64_t steps, rows, nparts;
    int64_t *sample; /* [rows] */
    part *parts;     /* [nparts] */
    bool has_input;
} plan;

/* What a check holds, to be released in any case. */
typedef struct {
    const stc_cli *cli;
    stc_arena *arena;
    stc_graph *graph;
    stc_test_vectors *vectors; /* rank 0 */
    stc_check_flow *flow;
    stc_program *program;
    stc_input *input;
    plan plan;
    int nlayers;
    const char **names; /* [nlayers] neuron nodes in the order of the source graph */
    int64_t *rows;      /* [plan.rows]: those of the present part */
    stc_check check;
} session;

static bool is_root(const session *s)
{
    return s->cli->comm->rank == 0;
}

/* ---- which samples run ---- */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Parts that hold all wanted samples, in increasing order, of at most `most` samples each. */
static int cut_parts(session *s, int64_t *wanted, int64_t n, int64_t most)
{
    plan *p = &s->plan;
    qsort(wanted, (size_t)n, sizeof *wanted, by_number);
    p->parts = stc_arena_alloc(s->arena, n, sizeof *p->parts);
    if (!p->parts) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        part *last = p->nparts > 0 ? &p->parts[p->nparts - 1] : NULL;
        int64_t length = last ? wanted[i] - last->first + 1 : 0;
        if (last && length <= most && length - last->count <= MOST_IDLE) {
            last->count = length;
        } else {
            p->parts[p->nparts++] = (part){wanted[i], 1};
        }
    }
    return 0;
}

static int plan_parts(session *s)
{
    const stc_test_vectors *v = s->vectors;
    int64_t n = v->rows, at = 0, steps = v->steps > 0 ? v->steps : 1;
    for (int o = 0; o < v->noutputs; o++)
        n += v->outputs[o].rows;
    int64_t *wanted = stc_alloc(n, sizeof *wanted);
    if (!wanted) return STC_ERR_NOMEM;
    memcpy(wanted, v->sample, (size_t)v->rows * sizeof *wanted);
    at = v->rows;
    for (int o = 0; o < v->noutputs; o++) {
        memcpy(wanted + at, v->outputs[o].sample, (size_t)v->outputs[o].rows * sizeof *wanted);
        at += v->outputs[o].rows;
    }
    int64_t neurons = s->graph->nneurons > 0 ? s->graph->nneurons : 1;
    int64_t most = PART_PLACES / neurons / steps;
    int rc = cut_parts(s, wanted, n, most > 0 ? most : 1);
    stc_free(wanted);
    return rc;
}

/* ---- prepare ---- */

/* Rank 0: open the vectors and make room for what is counted. */
static int open_vectors(session *s, const char *given)
{
    stc_test_vectors *v;
    const char *path = s->cli->files[0];
    STC_TRY(stc_test_vectors_open(path, s->graph, &s->vectors));
    v = s->vectors;
    STC_CHECK(given || v->has_input, STC_ERR_USAGE,
              "--input FILE is missing: the test vectors of %s do not hold what was presented",
              path);
    s->plan = (plan){.steps = v->steps, .rows = v->rows, .has_input = v->has_input};
    s->check = (stc_check){.model = path,
                           .input = given ? given : path,
                           .steps = v->steps,
                           .rows = v->rows,
                           .sample = v->sample,
                           .band = v->band,
                           .nlayers = v->nlayers,
                           .noutputs = v->noutputs};
    s->check.layers = stc_arena_alloc(s->arena, v->nlayers, sizeof *s->check.layers);
    s->check.outputs = stc_arena_alloc(s->arena, v->noutputs, sizeof *s->check.outputs);
    if (!s->check.layers || !s->check.outputs) return STC_ERR_NOMEM;
    for (int l = 0; l < v->nlayers; l++) {
        stc_check_layer *layer = &s->check.layers[l];
        layer->name = v->layers[l].name;
        layer->shape = s->graph->nodes[v->layers[l].node]->shape;
        STC_CHECK(v->layers[l].size <= PART_PLACES, STC_ERR_FIT,
                  "%s: layer %s has %lld neurons, at most 2^27 are compared", path, layer->name,
                  (long long)v->layers[l].size);
        layer->cells = stc_arena_alloc(s->arena, v->rows * v->steps, sizeof *layer->cells);
        if (!layer->cells) return STC_ERR_NOMEM;
    }
    for (int o = 0; o < v->noutputs; o++) {
        stc_check_output *output = &s->check.outputs[o];
        output->name = v->outputs[o].name;
        output->difference =
            stc_arena_alloc(s->arena, v->outputs[o].rows, sizeof *output->difference);
        if (!output->difference) return STC_ERR_NOMEM;
    }
    STC_TRY(stc_check_flow_create(s->graph, s->arena, &s->flow));
    return plan_parts(s);
}

static int share_plan(session *s)
{
    plan *p = &s->plan;
    const stc_comm *comm = s->cli->comm;
    const int64_t *known = is_root(s) ? s->vectors->sample : NULL;
    part *parts = p->parts;
    stc_comm_bcast(comm, p, sizeof *p, 0); /* the pointers of rank 0 are replaced below */
    p->parts = is_root(s) ? parts : stc_arena_alloc(s->arena, p->nparts, sizeof *p->parts);
    p->sample = stc_arena_alloc(s->arena, p->rows, sizeof *p->sample);
    s->rows = stc_arena_alloc(s->arena, p->rows, sizeof *s->rows);
    STC_TRY(stc_agree(comm, p->parts && p->sample && s->rows ? 0 : STC_ERR_NOMEM));
    if (known) memcpy(p->sample, known, (size_t)p->rows * sizeof *known);
    stc_comm_bcast(comm, p->sample, p->rows * (int64_t)sizeof *p->sample, 0);
    stc_comm_bcast(comm, p->parts, p->nparts * (int64_t)sizeof *p->parts, 0);
    return 0;
}

static int check_kind(const stc_cli *cli)
{
    stc_file_kind kind;
    const char *path = cli->files[0];
    STC_TRY(stc_file_recognise(path, &kind));
    STC_CHECK(kind == STC_FILE_GRAPH, STC_ERR_INPUT,
              "%s: this file is of kind '%s', expected a model\n"
              "hint: test vectors travel in the file of the model; give that",
              path, stc_file_kind_name(kind));
    return 0;
}

static int open_input(session *s, const char *given)
{
    const stc_cli *cli = s->cli;
    stc_input_options options = {.time_steps = s->plan.steps, .group = given ? NULL : "test"};
    const char *path = given ? given : cli->files[0];
    const part *last = s->plan.nparts > 0 ? &s->plan.parts[s->plan.nparts - 1] : NULL;
    STC_TRY(stc_agree(cli->comm, stc_input_open(path, s->program, &options, &s->input)));
    STC_CHECK(!last || last->first + last->count <= s->input->samples, STC_ERR_INPUT,
              "%s has %lld samples, but the test vectors of %s are also of sample %lld\n"
              "hint: give the input that the vectors were made with",
              path, (long long)s->input->samples, cli->files[0],
              (long long)(last->first + last->count - 1));
    return 0;
}

/* The passes may move nodes: keep which neuron nodes there are. */
static int list_layers(session *s)
{
    const stc_graph *graph = s->graph;
    s->names = stc_arena_alloc(s->arena, graph->nnodes, sizeof *s->names);
    if (!s->names) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++)
        if (graph->nodes[i]->first_id >= 0) s->names[s->nlayers++] = graph->nodes[i]->name;
    return 0;
}

/* Vectors first, then the passes, which change the graph; layers that nothing reads run too. */
static int prepare(session *s, const char *given)
{
    const stc_cli *cli = s->cli;
    STC_TRY(stc_agree(cli->comm, is_root(s) ? check_kind(cli) : 0));
    STC_TRY(stc_cli_read_graph(cli, cli->files[0], &s->graph));
    int rc = stc_graph_number(s->graph);
    STC_TRY(stc_agree(cli->comm, rc < 0 ? rc : list_layers(s)));
    STC_TRY(stc_agree(cli->comm, is_root(s) ? open_vectors(s, given) : 0));
    STC_TRY(share_plan(s));
    stc_compile_options options = {.optimization = 2,
                                   .clamp_chips = true,
                                   .skip = "remove-dead",
                                   .time_steps = s->plan.steps,
                                   .command = cli->line};
    stc_compile_report report = {0};
    STC_TRY(stc_compile(cli->comm, s->graph, cli->files[0], &options, &s->program, &report));
    return open_input(s, given);
}

/* ---- spikes ---- */

/* Places of a layer that are looked at together: cells of nrows rows each, step after step. */
typedef struct {
    const stc_population *population;
    const int64_t *rows, *sample; /* rows of this part; samples of all rows */
    int64_t size, nrows, first, count;
    uint8_t *actual, *expected; /* [count][size], [size] */
} piece;

/* First record of this rank at or after a step of a sample. */
static int64_t find_record(const stc_population *p, int64_t sample, int64_t step)
{
    int64_t low = 0, high = p->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        bool before =
            p->sample[middle] < sample || (p->sample[middle] == sample && p->step[middle] < step);
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    return low;
}

static void fill_piece(const piece *p)
{
    const stc_population *from = p->population;
    memset(p->actual, 0, (size_t)(p->count * p->size));
    for (int64_t i = 0; i < p->count; i++) {
        int64_t step = (p->first + i) / p->nrows, row = p->rows[(p->first + i) % p->nrows];
        int64_t sample = p->sample[row], k = find_record(from, sample, step);
        for (; k < from->n && from->sample[k] == sample && from->step[k] == step; k++)
            p->actual[i * p->size + from->id[k]] = from->max > 1 ? from->value[k] : 1;
    }
}

static bool is_listed(const stc_test_layer *layer, int64_t place)
{
    return layer->nnear > 0 &&
           bsearch(&place, layer->near, (size_t)layer->nnear, sizeof place, by_number);
}

/* Rank 0: compare one cell. */
static int compare_cell(session *s, int layer, const uint8_t *actual, uint8_t *expected,
                        int64_t step, int64_t row)
{
    const stc_test_layer *vectors = &s->vectors->layers[layer];
    stc_check_layer *out = &s->check.layers[layer];
    int64_t size = vectors->size, place = (step * s->plan.rows + row) * size;
    stc_check_cell *cell = &out->cells[row * s->plan.steps + step];
    STC_TRY(stc_test_vectors_spikes(s->vectors, layer, place, size, expected));
    out->compared += size;
    if (memcmp(actual, expected, (size_t)size) == 0) return 0;
    for (int64_t i = 0; i < size; i++) {
        if (actual[i] == expected[i]) continue;
        bool near = is_listed(vectors, place + i);
        if (!near && cell->differ == cell->near) cell->first = i;
        cell->near += near;
        cell->differ++;
    }
    return 0;
}

static int compare_piece(session *s, int layer, const piece *p)
{
    const stc_comm *comm = s->cli->comm;
    int rc = 0;
    fill_piece(p);
    if (comm->size > 1) {
        bool root = is_root(s);
        MPI_Reduce(root ? MPI_IN_PLACE : p->actual, root ? p->actual : NULL,
                   (int)(p->count * p->size), MPI_UINT8_T, MPI_BOR, 0, comm->mpi);
    }
    for (int64_t i = 0; i < p->count && is_root(s) && rc >= 0; i++) {
        int64_t step = (p->first + i) / p->nrows, row = p->rows[(p->first + i) % p->nrows];
        rc = compare_cell(s, layer, p->actual + i * p->size, p->expected, step, row);
    }
    return stc_agree(comm, rc);
}

static int compare_layer(session *s, int layer, const stc_population *population, int64_t nrows)
{
    int64_t size = stc_shape_size(&population->shape), cells = nrows * s->plan.steps;
    int64_t most = size < PIECE_PLACES ? PIECE_PLACES / size : 1;
    if (most > cells) most = cells;
    piece p = {.population = population,
               .rows = s->rows,
               .sample = s->plan.sample,
               .size = size,
               .nrows = nrows,
               .actual = stc_alloc(most * size, 1),
               .expected = stc_alloc(size, 1)};
    int rc = stc_agree(s->cli->comm, p.actual && p.expected ? 0 : STC_ERR_NOMEM);
    for (p.first = 0; p.first < cells && rc >= 0; p.first += most) {
        p.count = cells - p.first < most ? cells - p.first : most;
        rc = compare_piece(s, layer, &p);
    }
    stc_free(p.actual);
    stc_free(p.expected);
    return rc;
}

/* The layers are the neuron nodes in the order of the source graph; the result has them by name. */
static int compare_spikes(session *s, const part *now, const stc_result *result)
{
    int64_t nrows = 0;
    for (int64_t r = 0; r < s->plan.rows; r++) {
        int64_t sample = s->plan.sample[r];
        if (sample >= now->first && sample < now->first + now->count) s->rows[nrows++] = r;
    }
    if (nrows == 0) return 0;
    for (int l = 0; l < s->nlayers; l++) {
        const stc_population *population = NULL;
        for (int i = 0; i < result->npopulations && !population; i++) {
            if (strcmp(result->populations[i].name, s->names[l]) == 0)
                population = &result->populations[i];
        }
        STC_CHECK(population, STC_ERR_INTERNAL, "layer %s is not in the compiled program",
                  s->names[l]);
        STC_TRY(compare_layer(s, l, population, nrows));
    }
    return 0;
}

/* ---- outputs, on rank 0 ---- */

/* Largest absolute difference; infinite where only one side is a finite number. */
static double largest_difference(const float *a, const float *b, int64_t n, double *largest)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        bool same = a[i] == b[i] || (isnan(a[i]) && isnan(b[i]));
        if (!same && !(difference <= most)) most = isnan(difference) ? INFINITY : difference;
        if (isfinite(b[i]) && fabs((double)b[i]) > *largest) *largest = fabs((double)b[i]);
    }
    return most;
}

static int compare_output(session *s, int which, const part *now, const stc_output *actual)
{
    const stc_test_output *expected = &s->vectors->outputs[which];
    stc_check_output *out = &s->check.outputs[which];
    int64_t size = expected->size * (expected->steps > 0 ? expected->steps : 1);
    STC_CHECK(actual->steps == expected->steps, STC_ERR_INPUT,
              "%s: output %s has values of %lld steps, the vectors of %lld", s->check.model,
              expected->name, (long long)actual->steps, (long long)expected->steps);
    float *values = stc_alloc(size, sizeof *values);
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int64_t r = 0; r < expected->rows && rc >= 0; r++) {
        int64_t at = expected->sample[r] - now->first;
        if (at < 0 || at >= now->count) continue;
        rc = stc_test_vectors_output(s->vectors, which, r, values);
        if (rc < 0) break;
        out->difference[r] =
            largest_difference(actual->values + at * size, values, size, &out->largest);
    }
    stc_free(values);
    return rc;
}

static int compare_outputs(session *s, const part *now, const stc_result *result)
{
    for (int o = 0; o < s->vectors->noutputs; o++) {
        const stc_output *actual = NULL;
        for (int i = 0; i < result->noutputs && !actual; i++)
            if (strcmp(result->outputs[i].name, s->vectors->outputs[o].name) == 0)
                actual = &result->outputs[i];
        STC_CHECK(actual, STC_ERR_INTERNAL, "output %s is not in the compiled program",
                  s->vectors->outputs[o].name);
        STC_TRY(compare_output(s, o, now, actual));
    }
    return 0;
}

/* ---- simulate ---- */

static int run_part(session *s, const part *now, int threads)
{
    stc_sim *sim = NULL;
    stc_result *result = NULL;
    stc_run_options options = {.time_steps = s->plan.steps,
                               .first_sample = now->first,
                               .nsamples = now->count,
                               .threads = threads,
                               .record_spikes = true};
    int rc = stc_sim_create(s->cli->comm, s->program, s->input, &options, &sim);
    if (rc >= 0) rc = stc_sim_run(sim);
    if (rc >= 0) rc = stc_sim_result(sim, &result);
    stc_sim_destroy(&sim);
    if (rc >= 0) rc = compare_spikes(s, now, result);
    if (rc >= 0) {
        rc = stc_agree(s->cli->comm, is_root(s) ? compare_outputs(s, now, result) : 0);
    }
    stc_result_destroy(&result);
    return rc;
}

static int run_parts(session *s)
{
    int threads = stc_cli_threads(s->cli, true), rc = 0;
    for (int64_t i = 0; i < s->plan.nparts; i++)
        STC_TRY(run_part(s, &s->plan.parts[i], threads));
    if (!is_root(s)) return stc_agree(s->cli->comm, 0);
    rc = stc_check_explain(&s->check, s->flow, s->vectors);
    if (rc >= 0) {
        stc_check_print(&s->check, s->cli->json);
        rc = stc_check_verdict(&s->check);
    }
    return stc_agree(s->cli->comm, rc);
}

int stc_self_check(const stc_cli *cli, const char *input)
{
    session s = {.cli = cli};
    int rc = stc_agree(cli->comm, stc_arena_create(&s.arena));
    if (rc >= 0) rc = prepare(&s, input);
    if (rc >= 0) rc = run_parts(&s);
    stc_input_close(&s.input);
    stc_program_destroy(&s.program);
    stc_test_vectors_close(&s.vectors);
    stc_graph_destroy(&s.graph);
    stc_arena_destroy(&s.arena);
    return rc;
}
