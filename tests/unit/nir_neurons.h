/* nir_neurons.h - a few neurons of a model for tests: parameters by name, steps, spikes. */
#ifndef NIR_NEURONS_H
#define NIR_NEURONS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stc/neuron.h"

enum { MAX_CELLS = 64 };

/* n equal neurons of a model; params and then cells_start before the first step. */
typedef struct {
    const stc_neuron_model *model;
    double params[STC_MAX_NEURON_PARAMS];
    int64_t n;
    float coefficient[STC_MAX_NEURON_COEFFICIENTS][MAX_CELLS];
    float state[STC_MAX_NEURON_STATES][MAX_CELLS]; /* v, i */
    uint8_t spikes[MAX_CELLS];
    float real[MAX_CELLS];
} cells;

static inline const stc_neuron_model *model_named(const char *isa, const char *name)
{
    int n;
    const stc_neuron_model *const *models = stc_neuron_models(isa, &n);
    for (int k = 0; k < n; k++) {
        if (strcmp(models[k]->name, name) == 0) return models[k];
    }
    fail_msg("there is no model %s", name);
    return NULL;
}

static inline bool cpu_has(const char *isa)
{
    if (strcmp(isa, "avx512") == 0) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    return strcmp(isa, "avx2") != 0 || __builtin_cpu_supports("avx2");
}

static inline int param_named(const stc_neuron_model *model, const char *name, size_t length)
{
    for (int k = 0; k < model->nparams; k++) {
        const char *found = model->params[k].name;
        if (strlen(found) == length && strncmp(found, name, length) == 0) return k;
    }
    fail_msg("%s has no parameter %.*s", model->name, (int)length, name);
    return -1;
}

/* Position of a word in a list of words separated by spaces. */
static inline double word_index(const char *words, const char *word, size_t length)
{
    for (int index = 0;; index++) {
        size_t n = strcspn(words, " ");
        if (n == length && strncmp(words, word, n) == 0) return index;
        if (words[n] == 0) fail_msg("no choice %.*s", (int)length, word);
        words += n + 1;
    }
}

/* "tau=0.01 reset=subtract" */
static inline void cells_set(cells *c, const char *text)
{
    while (*text != 0) {
        size_t name = strcspn(text, "="), value = strcspn(text + name + 1, " ");
        const char *start = text + name + 1;
        int k = param_named(c->model, text, name);
        bool word = c->model->params[k].kind == STC_ATTR_CHOICE;
        c->params[k] = word ? word_index(c->model->params[k].choices, start, value) : atof(start);
        text = start + value + (start[value] == ' ');
    }
}

static inline void cells_start(cells *c)
{
    float first[STC_MAX_NEURON_STATES] = {0}, own[STC_MAX_NEURON_COEFFICIENTS] = {0};
    if (c->model->prepare != NULL) assert_int_equal(c->model->prepare(c->params, own), STC_OK);
    c->model->start(c->params, first);
    for (int64_t i = 0; i < c->n; i++) {
        for (int k = 0; k < c->model->ncoefficients; k++)
            c->coefficient[k][i] = own[k];
        for (int s = 0; s < c->model->nstate; s++)
            c->state[s][i] = first[s];
    }
}

/* n neurons with the defaults of the table and the given parameters, before the first step. */
static inline cells cells_of(const char *isa, const char *name, int64_t n, const char *text)
{
    cells c = {.model = model_named(isa, name), .n = n};
    for (int k = 0; k < c.model->nparams; k++)
        c.params[k] = c.model->params[k].initial;
    cells_set(&c, text);
    cells_start(&c);
    return c;
}

static inline void cells_step(cells *c, const float *x)
{
    const float *coefficient[STC_MAX_NEURON_COEFFICIENTS];
    float *state[STC_MAX_NEURON_STATES];
    stc_kind kind;
    assert_int_equal(c->model->output_kind(c->params, &kind), STC_OK);
    for (int k = 0; k < STC_MAX_NEURON_COEFFICIENTS; k++)
        coefficient[k] = c->coefficient[k];
    for (int s = 0; s < STC_MAX_NEURON_STATES; s++)
        state[s] = c->state[s];
    stc_neuron_step run = {.params = c->params,
                           .coefficient = coefficient,
                           .state = state,
                           .x = x,
                           .out = stc_kind_is_real(kind) ? (void *)c->real : c->spikes};
    c->model->step(c->n, &run);
}

/* One neuron, one step: its spikes. */
static inline int cells_spikes(cells *c, double x)
{
    float input = (float)x;
    cells_step(c, &input);
    return c->spikes[0];
}

#endif
