/* neuron.h - the table of neuron models. One file per model in sim/neurons/, one line in
 * sim/neurons/list.h: MODEL(lif).
 *
 * A model's file is compiled once for each instruction set (scalar, avx2, avx512), so that its
 * plain C loop is vectorised without changing a bit: every expression is element-wise and fixed.
 * Everything is Local and thread-safe.
 */
#ifndef STC_NEURON_H
#define STC_NEURON_H

#include "stc/attr.h"
#include "stc/error.h"
#include "stc/shape.h"

enum { STC_MAX_NEURON_PARAMS = 16, STC_MAX_NEURON_STATES = 4 };

typedef struct stc_neuron_model {
    const char *name; /* "lif" */
    const char *type; /* in files: "DiscreteLIF" */
    const char *help;
    int nstate;                  /* float32 state variables per neuron */
    const stc_attr_spec *params; /* INT, BOOL, REAL, CHOICE only; become the attributes of the op */
    int nparams;
    /* What may come out: kind of the output for these parameters. STC_ERR_INPUT when they are
     * inconsistent. */
    int (*output_kind)(const double *params, stc_kind *kind);
    /* State of every neuron before the first step of a sample. */
    void (*start)(const double *params, float start[STC_MAX_NEURON_STATES]);
    /* One step of n neurons: state[s] points to n floats; x: n inputs of this step; out: n outputs
     * as the integer count (value = unit * count). */
    void (*step)(int64_t n, const double *params, float *const *state, const float *x,
                 uint8_t *out);
} stc_neuron_model;

/* Models in list order, for the instruction set "scalar", "avx2" or "avx512". The order and all
 * members but step are the same for each. */
const stc_neuron_model *const *stc_neuron_models(const char *isa, int *n);

#endif
