/* neuron.h - the table of neuron models. One file per model in sim/neurons/, one line in
 * sim/neurons/list.h: MODEL(lif).
 *
 * A model's file is compiled once for each instruction set (scalar, avx2, avx512), so that its
 * plain C loop is vectorised without changing a bit: every expression is element-wise and fixed.
 * What the loop needs of the parameters are coefficients, computed once per neuron in float64 and
 * rounded once to float32. Everything is Local and thread-safe.
 */
#ifndef STC_NEURON_H
#define STC_NEURON_H

#include "stc/attr.h"
#include "stc/error.h"
#include "stc/shape.h"

enum { STC_MAX_NEURON_PARAMS = 24, STC_MAX_NEURON_STATES = 4, STC_MAX_NEURON_COEFFICIENTS = 12 };

/* One step of n neurons. */
typedef struct {
    const double *params; /* [nparams]; EACH parameters that differ between neurons are NaN */
    const float *const *coefficient; /* [ncoefficients][n], as prepare gave them */
    float *const *state;             /* [nstate][n] */
    const float *x;                  /* [n] inputs of this step */
    void *out; /* uint8_t [n]: value = unit * count; float [n] for models of real output */
} stc_neuron_step;

typedef struct stc_neuron_model {
    const char *name; /* "lif" */
    const char *type; /* in files: "LIF" */
    const char *help;
    int nstate;                /* float32 state variables per neuron */
    const char *const *states; /* [nstate] their names in records: "v", "i" */
    const stc_attr_spec
        *params; /* INT, BOOL, REAL, CHOICE, EACH; become the attributes of the op */
    int nparams;
    int ncoefficients;
    /* What may come out: kind of the output for these parameters (which are the same for all
     * neurons; EACH ones may be NaN). STC_ERR_INPUT when they are inconsistent. */
    int (*output_kind)(const double *params, stc_kind *kind);
    /* Coefficients of one neuron from its parameters. STC_ERR_INPUT when these are inconsistent.
     * NULL when there are none. */
    int (*prepare)(const double *params, float *coefficient);
    /* State of one neuron before the first step of a sample, from its parameters. */
    void (*start)(const double *params, float start[STC_MAX_NEURON_STATES]);
    void (*step)(int64_t n, const stc_neuron_step *run);
} stc_neuron_model;

/* Models in list order, for the instruction set "scalar", "avx2" or "avx512". The order and all
 * members but step are the same for each. */
const stc_neuron_model *const *stc_neuron_models(const char *isa, int *n);

#endif
