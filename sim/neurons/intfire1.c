/* intfire1.c - NEURON's artificial cell IntFire1, on the grid.
 *
 *     tau m' = -m,     m jumps by the weights that arrive,     m > 1: spike      ms
 *
 * NEURON advances m from event to event; here events belong to steps and those of one step are
 * summed before the comparison. One update, in this order:
 *
 *     if refractory > 1:   refractory = refractory - 1, and what arrives is lost
 *     else:                refractory = 0, m = m exp(-dt / tau) + weights that arrive now
 *     if m > 1:            spike, refractory = refrac in steps, m = 0
 *
 * m is 0 while the cell is refractory, for refrac after its spike. Events that arrive exactly at
 * the end of that time count, as they do in NEURON where the cell's own event was queued before.
 * Currents of generators have no meaning here.
 *
 * Source: NEURON's documentation of IntFire1.
 */
#include "population_model.h"

enum { DT, TAU, REFRAC, REFRAC_STEPS, M_0, NPARAMS };
enum { M, REFRACTORY, NSTATE };
enum { DECAY, HOLD, NCOEFFICIENTS };

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("tau", EACH, 10, "> 0", NULL, "time constant in ms"),
    PARAM("refrac", EACH, 5, ">= 0", NULL, "refractory time in ms, rounded up to steps"),
    PARAM("t_ref_steps", EACH, -1, ">= -1", NULL, "refractory steps; -1: those of refrac"),
    PARAM("m", EACH, 0, "finite", NULL, "initial value; the threshold is 1"),
};
static const char *const states[NSTATE] = {"m", "refractory"};
static const char *const units[NSTATE] = {"1", "steps"};
static const int origins[NSTATE] = {-1, -1};

static int prepare(const double *p, double *c)
{
    STC_TRY(refractory_steps(p[DT], p[REFRAC], p[REFRAC_STEPS], &c[HOLD]));
    c[DECAY] = exp_rounded(-p[DT] / p[TAU]);
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    state[M] = p[M_0];
    state[REFRACTORY] = 0;
}

static void update(int64_t n, const stc_population_step *run)
{
    const real *decay = COEFFICIENT(DECAY), *hold = COEFFICIENT(HOLD), *arrive = INPUT(0);
    real *m = STATE(M), *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real sum = m[i] * decay[i] + arrive[i];
        const bool waits = refractory[i] > 1;
        const real left = waits ? refractory[i] - 1 : 0, charged = waits ? 0 : sum;
        const bool fires = charged > 1;
        m[i] = fires ? 0 : charged;
        refractory[i] = fires ? hold[i] : left;
        spikes[i] = fires;
    }
}

const stc_population_model STC_POPULATION(intfire1) = {
    .name = "IntFire1",
    .type = "IntFire1",
    .help = "NEURON's artificial cell IntFire1, on the grid",
    .nstate = NSTATE,
    .states = states,
    .units = units,
    .origins = origins,
    .nports = 1,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = NCOEFFICIENTS,
    .prepare = prepare,
    .start = start,
    .update = update,
};
