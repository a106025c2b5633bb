/* conformance_case.c - see conformance.h. Reading order: run, gather, compare. */
#include "conformance.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/simulate.h"

#include <math.h>
#include <string.h>

/* What a case holds while it runs, to be released in any case. */
typedef struct {
    const stc_cli *cli;
    const stc_conformance_case *c;
    stc_arena *arena;
    stc_graph *graph;
    stc_program *program;
    stc_input *input;
    stc_result *result;
    char *difference; /* [size] */
    size_t size;
} trial;

/* ---- run ---- */

static int compile(trial *t, const stc_nir_rules *rules)
{
    const stc_comm *comm = t->cli->comm;
    stc_nir_rules own = *rules;
    stc_compile_options options = {
        .optimization = 2, .clamp_chips = true, .time_steps = t->c->steps, .command = t->cli->line};
    stc_compile_report report = {0};
    STC_TRY(stc_agree(comm, stc_graph_read(t->c->model, &own, &t->graph)));
    return stc_compile(comm, t->graph, t->c->model, &options, &t->program, &report);
}

/* "neuron/v" is variable v of node neuron. */
static int list_records(trial *t, stc_record *records)
{
    for (int i = 0; i < t->c->traces.n; i++) {
        char *node = stc_arena_strdup(t->arena, t->c->traces.names[i]);
        if (!node) return STC_ERR_NOMEM;
        char *slash = strrchr(node, '/');
        STC_CHECK(slash, STC_ERR_INPUT, "trace \"%s\": expected NODE/VARIABLE", node);
        *slash = '\0';
        records[i] = (stc_record){.variable = slash + 1, .node = node};
    }
    return 0;
}

static int simulate(trial *t)
{
    const stc_comm *comm = t->cli->comm;
    stc_record records[STC_CONFORMANCE_NAMES];
    stc_sim *sim = NULL;
    stc_input_options input = {.time_steps = t->c->steps};
    STC_TRY(stc_agree(comm, list_records(t, records)));
    STC_TRY(stc_agree(comm, stc_input_open(t->c->input, t->program, &input, &t->input)));
    stc_run_options options = {.time_steps = t->c->steps,
                               .record_spikes = true,
                               .nrecords = t->c->traces.n,
                               .records = records,
                               .threads = stc_cli_threads(t->cli, true)};
    int rc = stc_sim_create(comm, t->program, t->input, &options, &sim);
    if (rc >= 0) rc = stc_sim_run(sim);
    if (rc >= 0) rc = stc_sim_result(sim, &t->result);
    stc_sim_destroy(&sim);
    return rc;
}

/* ---- gather: values [steps][elements] on rank 0 ---- */

typedef struct {
    double *values; /* NULL: there is no such thing */
    int64_t steps, elements;
} table;

static int gather_spikes(trial *t, const char *name, table *out)
{
    const stc_population *p = NULL;
    for (int i = 0; i < t->result->npopulations; i++)
        if (strcmp(t->result->populations[i].name, name) == 0) p = &t->result->populations[i];
    *out = (table){.steps = t->c->steps};
    if (!p) return 0;
    out->elements = stc_shape_size(&p->shape);
    int64_t size = out->steps * out->elements;
    double *mine = stc_arena_alloc(t->arena, size, sizeof *mine);
    double *all = stc_arena_alloc(t->arena, size, sizeof *all);
    STC_TRY(stc_agree(t->cli->comm, mine && all && size <= INT32_MAX ? 0 : STC_ERR_NOMEM));
    for (int64_t k = 0; k < p->n; k++) {
        double count = p->max > 1 ? p->value[k] : 1;
        if (p->sample[k] == 0) mine[p->step[k] * out->elements + p->id[k]] += count;
    }
    MPI_Reduce(mine, all, (int)size, MPI_DOUBLE, MPI_SUM, 0, t->cli->comm->mpi);
    out->values = all;
    return 0;
}

/* Room for the values, which only rank 0 has. */
static int make_table(trial *t, int64_t elements, table *out)
{
    out->elements = elements;
    out->values = stc_arena_alloc(t->arena, out->steps * elements, sizeof *out->values);
    return out->values ? 0 : STC_ERR_NOMEM;
}

static int gather_trace(trial *t, const char *name, table *out)
{
    *out = (table){.steps = t->c->steps};
    for (int i = 0; i < t->result->ntraces; i++) {
        const stc_trace *trace = &t->result->traces[i];
        size_t n = strlen(trace->name);
        if (strncmp(name, trace->name, n) != 0 || name[n] != '/') continue;
        if (strcmp(name + n + 1, trace->variable) != 0) continue;
        STC_TRY(make_table(t, trace->nids, out));
        for (int64_t k = 0; k < out->steps * out->elements && trace->values; k++)
            out->values[k] = (double)trace->values[k];
        return 0;
    }
    return 0;
}

static int gather_output(trial *t, const char *name, table *out)
{
    *out = (table){.steps = t->c->steps};
    for (int i = 0; i < t->result->noutputs; i++) {
        const stc_output *output = &t->result->outputs[i];
        if (strcmp(name, output->name) != 0) continue;
        if (output->steps != out->steps) return 0; /* one value per sample: nothing to compare */
        STC_TRY(make_table(t, stc_shape_size(&output->shape), out));
        for (int64_t k = 0; k < out->steps * out->elements && output->values; k++)
            out->values[k] = (double)output->values[k];
        return 0;
    }
    return 0;
}

/* ---- compare, on rank 0 ---- */

static int compare(trial *t, const char *group, const char *name, const table *got,
                   double tolerance)
{
    char path[600];
    stc_file_array expected;
    snprintf(path, sizeof path, "%s/%.500s", group, name);
    STC_TRY(stc_file_numbers(t->c->expected, path, t->arena, &expected));
    if (!got->values) {
        snprintf(t->difference, t->size, "/%s: there is no such thing in the run", path);
        return 0;
    }
    if (expected.size != got->steps * got->elements) {
        snprintf(t->difference, t->size, "/%s: %lld steps of %lld values, expected %lld values",
                 path, (long long)got->steps, (long long)got->elements, (long long)expected.size);
        return 0;
    }
    int64_t differ = 0, first = -1;
    for (int64_t k = 0; k < expected.size; k++) {
        double bound = tolerance * fmax(1.0, fabs(expected.values[k]));
        if (fabs(got->values[k] - expected.values[k]) <= bound) continue;
        if (differ++ == 0) first = k;
    }
    if (differ > 0) {
        snprintf(t->difference, t->size,
                 "/%s: %lld of %lld values differ; the first at step %lld, element %lld: %.9g, "
                 "expected %.9g",
                 path, (long long)differ, (long long)expected.size,
                 (long long)(first / got->elements), (long long)(first % got->elements),
                 got->values[first], expected.values[first]);
    }
    return 0;
}

static int check(trial *t, const char *group, const stc_conformance_names *names, double tolerance,
                 int (*gather)(trial *t, const char *name, table *out))
{
    for (int i = 0; i < names->n; i++) {
        table got;
        STC_TRY(stc_agree(t->cli->comm, gather(t, names->names[i], &got)));
        int rc = 0;
        if (t->cli->comm->rank == 0 && t->difference[0] == '\0') {
            rc = compare(t, group, names->names[i], &got, tolerance);
        }
        STC_TRY(stc_agree(t->cli->comm, rc));
    }
    return 0;
}

int stc_conformance_run(const stc_cli *cli, const stc_conformance_case *c,
                        const stc_nir_rules *rules, char *difference, size_t size)
{
    trial t = {.cli = cli, .c = c, .difference = difference, .size = size};
    difference[0] = '\0';
    int rc = stc_agree(cli->comm, stc_arena_create(&t.arena));
    if (rc >= 0) rc = compile(&t, rules);
    if (rc >= 0) rc = simulate(&t);
    if (rc >= 0) rc = check(&t, "spikes", &c->spikes, 0, gather_spikes);
    if (rc >= 0) rc = check(&t, "traces", &c->traces, c->tolerance, gather_trace);
    if (rc >= 0) rc = check(&t, "outputs", &c->outputs, c->tolerance, gather_output);
    stc_result_destroy(&t.result);
    stc_input_close(&t.input);
    stc_program_destroy(&t.program);
    stc_graph_destroy(&t.graph);
    stc_arena_destroy(&t.arena);
    return rc;
}
