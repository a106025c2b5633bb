/* iaf_psc_delta.c - leaky integrate-and-fire neuron whose potential jumps by the weights that
 * arrive; NEST's iaf_psc_delta with refractory_input false, spike for spike in double.
 *
 *     C_m V' = -(C_m / tau_m) (V - E_L) + I_e + I_0,     V jumps by w           mV, ms, pF, pA
 *
 * solved exactly on the grid; v = V - E_L. One update, in this order:
 *
 *     if refractory == 0:  v = max(V_min - E_L, P30 (I_0 + I_e) + P33 v + weights that arrive now)
 *     else:                refractory = refractory - 1, and what arrives is lost
 *     if v >= V_th - E_L:  spike, refractory = t_ref in steps, v = V_reset - E_L
 *     I_0 = current of the generators, which acts in the next update
 *
 *     P33 = exp(-dt / tau_m)    P30 = tau_m / C_m (1 - P33)
 *
 * Source: the model's documentation in NEST 3.
 */
#include "population_model.h"

enum { DT, C_M, TAU_M, T_REF, T_REF_STEPS, E_L, V_TH, V_RESET, V_MIN, I_E, V_M, NPARAMS };
enum { V, I_0, REFRACTORY, NSTATE };
enum { P30, P33, DRIVE, THRESHOLD, RESET, LOWEST, HOLD, REST, NCOEFFICIENTS };

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("C_m", EACH, 250, "> 0", NULL, "membrane capacitance in pF"),
    PARAM("tau_m", EACH, 10, "> 0", NULL, "membrane time constant in ms"),
    PARAM_T_REF(2),
    PARAM("E_L", EACH, -70, "finite", NULL, "resting potential in mV"),
    PARAM("V_th", EACH, -55, "finite", NULL, "threshold in mV"),
    PARAM("V_reset", EACH, -70, "finite", NULL, "potential after a spike in mV"),
    PARAM_V_MIN,
    PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),
    PARAM("V_m", EACH, -70, "finite", NULL, "initial membrane potential in mV"),
};
static const char *const states[NSTATE] = {"V_m", "I_0", "refractory"};
static const char *const units[NSTATE] = {"mV", "pA", "steps"};
static const int origins[NSTATE] = {REST, -1, -1};

static int prepare(const double *p, double *c)
{
    STC_TRY(reset_below_threshold(p[V_RESET], p[V_TH]));
    STC_TRY(refractory_steps(p[DT], p[T_REF], p[T_REF_STEPS], &c[HOLD]));
    c[P33] = exp_rounded(-p[DT] / p[TAU_M]);
    c[P30] = 1 / p[C_M] * (1 - c[P33]) * p[TAU_M];
    c[DRIVE] = p[I_E];
    c[THRESHOLD] = p[V_TH] - p[E_L];
    c[RESET] = p[V_RESET] - p[E_L];
    c[LOWEST] = lowest_potential(p[V_MIN], p[E_L]);
    c[REST] = p[E_L];
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    memset(state, 0, NSTATE * sizeof *state);
    state[V] = p[V_M] - p[E_L];
}

static void update(int64_t n, const stc_population_step *run)
{
    const real *p30 = COEFFICIENT(P30), *p33 = COEFFICIENT(P33), *drive = COEFFICIENT(DRIVE);
    const real *threshold = COEFFICIENT(THRESHOLD), *reset = COEFFICIENT(RESET);
    const real *lowest = COEFFICIENT(LOWEST), *hold = COEFFICIENT(HOLD);
    const real *arrive = INPUT(0), *current = CURRENT;
    real *v = STATE(V), *i_0 = STATE(I_0), *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real sum = p30[i] * (i_0[i] + drive[i]) + p33[i] * v[i] + arrive[i];
        const real charged = sum < lowest[i] ? lowest[i] : sum;
        const bool free = refractory[i] == 0;
        const real u = free ? charged : v[i], left = free ? 0 : refractory[i] - 1;
        i_0[i] = current[i];
        const bool fires = u >= threshold[i];
        v[i] = fires ? reset[i] : u;
        refractory[i] = fires ? hold[i] : left;
        spikes[i] = fires;
    }
}

const stc_population_model STC_POPULATION(iaf_psc_delta) = {
    .name = "iaf_psc_delta",
    .type = "iaf_psc_delta",
    .help = "leaky integrate-and-fire neuron whose potential jumps by the weights that arrive",
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
