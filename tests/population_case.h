/* population_case.h - for tests of population models: neurons that run one model, and the reference
 * runs of one neuron in tests/data/populations (tests/interop/nest_models.py says what the files
 * hold). */
#ifndef STC_TESTS_POPULATION_CASE_H
#define STC_TESTS_POPULATION_CASE_H

#include "stc/population.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_NEURONS = 64, MAX_PARAMS = 64 };

static bool runs_here(const char *isa)
{
    if (strcmp(isa, "avx512") == 0) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    return strcmp(isa, "avx2") != 0 || __builtin_cpu_supports("avx2");
}

static const stc_population_model *find_model(const char *name, const char *isa, bool single)
{
    int n;
    const stc_population_model *const *models = stc_population_models(isa, single, &n);
    for (int k = 0; k < n; k++) {
        if (strcmp(models[k]->name, name) == 0) return models[k];
    }
    return NULL;
}

static int find_name(int n, const char *const *names, const char *name)
{
    for (int k = 0; k < n; k++) {
        if (strcmp(names[k], name) == 0) return k;
    }
    return -1;
}

static int find_param(const stc_population_model *model, const char *name)
{
    for (int k = 0; k < model->nparams; k++) {
        if (strcmp(model->params[k].name, name) == 0) return k;
    }
    return -1;
}

static void default_params(const stc_population_model *model, double *params)
{
    for (int k = 0; k < model->nparams; k++)
        params[k] = model->params[k].initial;
}

/* ---- neurons of one model ---- */

typedef union {
    double d[MAX_NEURONS];
    float f[MAX_NEURONS];
} column;

typedef struct {
    const stc_population_model *model;
    bool single;
    int64_t n;
    double params[MAX_PARAMS];
    column coefficient[STC_MAX_POPULATION_COEFFICIENTS], state[STC_MAX_POPULATION_STATES];
    column input[STC_MAX_PORTS], current;
    uint8_t spikes[MAX_NEURONS];
} neurons;

static void put(bool single, column *c, int64_t i, double value)
{
    if (single) {
        c->f[i] = (float)value;
    } else {
        c->d[i] = value;
    }
}

static double get(bool single, const column *c, int64_t i)
{
    return single ? (double)c->f[i] : c->d[i];
}

/* Neuron i of `all` from its parameters; the first one says those that are the same for all. */
static int set_neuron(neurons *all, int64_t i, const double *params)
{
    double coefficient[STC_MAX_POPULATION_COEFFICIENTS], state[STC_MAX_POPULATION_STATES];
    const stc_population_model *model = all->model;
    STC_TRY(model->prepare(params, coefficient));
    model->start(params, state);
    if (i == 0) memcpy(all->params, params, (size_t)model->nparams * sizeof *params);
    for (int k = 0; k < model->ncoefficients; k++)
        put(all->single, &all->coefficient[k], i, coefficient[k]);
    for (int k = 0; k < model->nstate; k++)
        put(all->single, &all->state[k], i, state[k]);
    return STC_OK;
}

static void update_neurons(neurons *all)
{
    const void *coefficient[STC_MAX_POPULATION_COEFFICIENTS], *input[STC_MAX_PORTS];
    void *state[STC_MAX_POPULATION_STATES];
    for (int k = 0; k < all->model->ncoefficients; k++)
        coefficient[k] = &all->coefficient[k];
    for (int k = 0; k < all->model->nstate; k++)
        state[k] = &all->state[k];
    for (int k = 0; k < all->model->nports; k++)
        input[k] = &all->input[k];
    all->model->update(all->n, &(stc_population_step){.driven = true,
                                                      .params = all->params,
                                                      .coefficient = coefficient,
                                                      .state = state,
                                                      .input = input,
                                                      .current = &all->current,
                                                      .spikes = all->spikes});
}

/* A state as it is recorded. */
static double recorded(const neurons *all, int state, int64_t i)
{
    const int origin = all->model->origins[state];
    const double value = get(all->single, &all->state[state], i);
    return origin < 0 ? value : value + get(all->single, &all->coefficient[origin], i);
}

/* ---- a reference run ---- */

enum { STEPS = 10000, MAX_SPIKES = 1000, MAX_TRACE = 400, MAX_CHANGES = 8 };

typedef struct {
    char model[64];
    double params[MAX_PARAMS];
    double excitatory, inhibitory;
    int nspikes, ntrace, nchanges;
    int spike[MAX_SPIKES], trace_step[MAX_TRACE], change[MAX_CHANGES];
    double trace[MAX_TRACE], current[MAX_CHANGES];
    double input[STC_MAX_PORTS][STEPS];
} reference;

static FILE *open_data(const char *name)
{
    char path[4096];
    const char *source = getenv("STC_SOURCE_DIR");
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/tests/data/populations/%s.csv", source, name);
    FILE *file = fopen(path, "r");
    if (!file) print_error("%s: cannot open\n", path);
    assert_non_null(file);
    return file;
}

static void read_line(reference *run, const char *line)
{
    char name[64];
    double value, other;
    int step;
    if (sscanf(line, "model,%63s", run->model) == 1) {
        default_params(find_model(run->model, "scalar", false), run->params);
    } else if (sscanf(line, "weights,%lf,%lf", &value, &other) == 2) {
        run->excitatory = value;
        run->inhibitory = other;
    } else if (sscanf(line, "param,%63[^,],%lf", name, &value) == 2) {
        const int k = find_param(find_model(run->model, "scalar", false), name);
        if (k < 0) print_error("no parameter %s\n", name);
        assert_true(k >= 0);
        run->params[k] = value;
    } else if (sscanf(line, "current,%d,%lf", &step, &value) == 2) {
        run->change[run->nchanges] = step;
        run->current[run->nchanges++] = value;
    } else if (sscanf(line, "spike,%d", &step) == 1) {
        run->spike[run->nspikes++] = step;
    } else {
        assert_int_equal(sscanf(line, "trace,%d,%lf", &step, &value), 2);
        run->trace_step[run->ntrace] = step;
        run->trace[run->ntrace++] = value;
    }
}

/* Where an event arrives: by its sign, or by its receptor where a model has more than two. */
static void read_inputs(reference *run, int nports)
{
    int step, receptor;
    double factor;
    FILE *file = open_data("inputs");
    while (fscanf(file, "%d,%d,%lf", &step, &receptor, &factor) == 3) {
        const double weight = factor * (factor > 0 ? run->excitatory : run->inhibitory);
        const int port = nports == 1 ? 0 : nports == 2 ? factor <= 0 : receptor - 1;
        run->input[port][step] += weight;
    }
    fclose(file);
}

static reference *read_reference(const char *name)
{
    char line[256];
    reference *run = calloc(1, sizeof *run);
    assert_non_null(run);
    FILE *file = open_data(name);
    while (fgets(line, sizeof line, file)) {
        assert_true(run->nspikes < MAX_SPIKES && run->ntrace < MAX_TRACE);
        assert_true(run->nchanges < MAX_CHANGES);
        read_line(run, line);
    }
    fclose(file);
    read_inputs(run, find_model(run->model, "scalar", false)->nports);
    return run;
}

#endif
