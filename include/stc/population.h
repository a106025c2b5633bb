/* population.h - the table of point neuron models of populations, which receive spikes through
 * synapses with weights and delays. One file per model in sim/neurons/, one line in
 * sim/neurons/list.h: POPULATION(iaf_psc_exp).
 *
 * Units are those of NEST: ms, mV, pA, pF, nS. A model's file is compiled for each instruction set
 * and for double and single state (`real` of population_model.h), so that its plain C loop is
 * vectorised without changing a bit: every expression is element-wise and fixed, exponentials are
 * computed once per neuron in prepare, or by a fixed routine. State 0 is the membrane potential.
 * Everything is Local and thread-safe.
 *
 * One update takes the state at time t dt to (t + 1) dt. Spikes of step t are stamped (t + 1) dt
 * and reach a synapse's target, d steps of delay later, in update t + d.
 */
#ifndef STC_POPULATION_H
#define STC_POPULATION_H

#include "stc/attr.h"
#include "stc/error.h"

#include <stdint.h>

enum { STC_MAX_POPULATION_STATES = 20, STC_MAX_POPULATION_COEFFICIENTS = 56, STC_MAX_PORTS = 4 };

/* One update of n neurons; real is double or float. */
typedef struct {
    const double *params; /* [nparams]; EACH parameters that differ between neurons are NaN */
    const void *const *coefficient; /* [ncoefficients] -> real [n], as prepare gave them */
    void *const *state;             /* [nstate] -> real [n] */
    const void *const *input;       /* [nports] -> real [n]: sum of the weights that arrive now */
    const void *current;            /* real [n]: current of generators in this step, pA */
    bool driven;                    /* are there generators of currents? Else current is all 0 */
    uint8_t *spikes;                /* [n]: 1 where the neuron fires, else 0 */
} stc_population_step;

typedef struct stc_population_model {
    const char *name; /* "iaf_psc_exp", NEST's name where NEST has the model */
    const char *type; /* in files: the same */
    const char *help;
    int nstate;
    const char *const *states; /* [nstate] names in records, NEST's: "V_m", "I_syn_ex" */
    const char *const *units;  /* [nstate] "mV", "pA" */
    const int *origins; /* [nstate] index of the coefficient from which a state is measured, which
                           records add to it: V_m is kept relative to E_L; -1: none */
    int nports;         /* inputs: 1; or 2: weights > 0 go to port 0, others to port 1, unless the
                           projection names a receptor; or more: receptor r of the projection is
                           port r - 1, and receptor 1 is meant where it names none */
    const stc_attr_spec *params; /* EACH: may differ between neurons; others are the same. Every
                                    state has a parameter for its value before the first update
                                    where that makes sense: V_m ... Parameter 0 is always dt, REAL,
                                    ms */
    int nparams;
    int ncoefficients;
    /* Coefficients of one neuron. STC_ERR_INPUT when the parameters are inconsistent. */
    int (*prepare)(const double *params, double *coefficient);
    /* State of one neuron before the first update of a sample. */
    void (*start)(const double *params, double *state);
    void (*update)(int64_t n, const stc_population_step *run);
} stc_population_model;

/* Models in list order for the instruction set "scalar", "avx2" or "avx512", with single (float) or
 * double state. The order and all members but update are the same for each. */
const stc_population_model *const *stc_population_models(const char *isa, bool single, int *n);

#endif
