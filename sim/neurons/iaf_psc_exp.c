/* iaf_psc_exp.c - leaky integrate-and-fire neuron with exponential synaptic currents; NEST's
 * iaf_psc_exp (deterministic threshold), spike for spike in double.
 *
 *     C_m V' = -(C_m / tau_m) (V - E_L) + I_ex + I_in + I_e + I_0         mV, ms, pF, pA
 *     tau_syn_x I_x' = -I_x,      I_x jumps by the weights that arrive    x = ex, in
 *
 * solved exactly on the grid (Rotter and Diesmann 1999); v = V - E_L. One update, in this order:
 *
 *     if refractory == 0:  v = v P22 + I_ex P21ex + I_in P21in + (I_e + I_0) P20
 *     else:                refractory = refractory - 1
 *     I_x = I_x P11x + weights that arrive now
 *     if v >= V_th - E_L:  spike, refractory = t_ref in steps, v = V_reset - E_L
 *     I_0 = current of the generators, which acts in the next update
 *
 *     P11x = exp(-dt / tau_syn_x)    P22 = exp(-dt / tau_m)    P20 = tau_m / C_m (1 - P22)
 *     P21x: synapse_to_membrane in population_model.h
 */
#include "population_model.h"

enum {
    DT,
    C_M,
    TAU_M,
    TAU_SYN_EX,
    TAU_SYN_IN,
    T_REF,
    T_REF_STEPS,
    E_L,
    V_TH,
    V_RESET,
    I_E,
    V_M,
    NPARAMS
};
enum { V, I_EX, I_IN, I_0, REFRACTORY, NSTATE };
enum {
    P22,
    P20,
    P11_EX,
    P11_IN,
    P21_EX,
    P21_IN,
    DRIVE,
    THRESHOLD,
    RESET,
    HOLD,
    REST,
    NCOEFFICIENTS
};

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("C_m", EACH, 250, "> 0", NULL, "membrane capacitance in pF"),
    PARAM("tau_m", EACH, 10, "> 0", NULL, "membrane time constant in ms"),
    PARAM("tau_syn_ex", EACH, 2, "> 0", NULL, "time constant of excitatory currents in ms"),
    PARAM("tau_syn_in", EACH, 2, "> 0", NULL, "time constant of inhibitory currents in ms"),
    PARAM_T_REF(2),
    PARAM("E_L", EACH, -70, "finite", NULL, "resting potential in mV"),
    PARAM("V_th", EACH, -55, "finite", NULL, "threshold in mV"),
    PARAM("V_reset", EACH, -70, "finite", NULL, "potential after a spike in mV"),
    PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),
    PARAM("V_m", EACH, -70, "finite", NULL, "initial membrane potential in mV"),
};
static const char *const states[NSTATE] = {"V_m", "I_syn_ex", "I_syn_in", "I_0", "refractory"};
static const char *const units[NSTATE] = {"mV", "pA", "pA", "pA", "steps"};
static const int origins[NSTATE] = {REST, -1, -1, -1, -1};

static int prepare(const double *p, double *c)
{
    const double h = p[DT], tau_m = p[TAU_M], c_m = p[C_M];
    STC_TRY(reset_below_threshold(p[V_RESET], p[V_TH]));
    STC_TRY(refractory_steps(h, p[T_REF], p[T_REF_STEPS], &c[HOLD]));
    c[P22] = exp_rounded(-h / tau_m);
    c[P20] = tau_m / c_m * (1 - c[P22]);
    c[P11_EX] = exp_rounded(-h / p[TAU_SYN_EX]);
    c[P11_IN] = exp_rounded(-h / p[TAU_SYN_IN]);
    c[P21_EX] = synapse_to_membrane(p[TAU_SYN_EX], tau_m, c_m, h);
    c[P21_IN] = synapse_to_membrane(p[TAU_SYN_IN], tau_m, c_m, h);
    c[DRIVE] = p[I_E];
    c[THRESHOLD] = p[V_TH] - p[E_L];
    c[RESET] = p[V_RESET] - p[E_L];
    c[REST] = p[E_L];
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    memset(state, 0, NSTATE * sizeof *state);
    state[V] = p[V_M] - p[E_L];
}

/* driven: there are generators of currents; without them I_0 stays 0. */
static inline void step(int64_t n, const stc_population_step *run, const bool driven)
{
    const real *p22 = COEFFICIENT(P22), *p20 = COEFFICIENT(P20), *drive = COEFFICIENT(DRIVE);
    const real *p11_ex = COEFFICIENT(P11_EX), *p11_in = COEFFICIENT(P11_IN);
    const real *p21_ex = COEFFICIENT(P21_EX), *p21_in = COEFFICIENT(P21_IN);
    const real *threshold = COEFFICIENT(THRESHOLD), *reset = COEFFICIENT(RESET);
    const real *hold = COEFFICIENT(HOLD), *arrive_ex = INPUT(0), *arrive_in = INPUT(1);
    const real *current = CURRENT;
    real *v = STATE(V), *i_ex = STATE(I_EX), *i_in = STATE(I_IN), *i_0 = STATE(I_0);
    real *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real before = driven ? i_0[i] : 0;
        const real charged = v[i] * p22[i] + i_ex[i] * p21_ex[i] + i_in[i] * p21_in[i] +
                             (drive[i] + before) * p20[i];
        const bool free = refractory[i] == 0;
        const real u = free ? charged : v[i], left = free ? 0 : refractory[i] - 1;
        i_ex[i] = i_ex[i] * p11_ex[i] + arrive_ex[i];
        i_in[i] = i_in[i] * p11_in[i] + arrive_in[i];
        if (driven) i_0[i] = current[i];
        const bool fires = u >= threshold[i];
        v[i] = fires ? reset[i] : u;
        refractory[i] = fires ? hold[i] : left;
        spikes[i] = fires;
    }
}

static void update(int64_t n, const stc_population_step *run)
{
    if (run->driven)
        step(n, run, true);
    else
        step(n, run, false);
}

const stc_population_model STC_POPULATION(iaf_psc_exp) = {
    .name = "iaf_psc_exp",
    .type = "iaf_psc_exp",
    .help = "leaky integrate-and-fire neuron with exponential synaptic currents",
    .nstate = NSTATE,
    .states = states,
    .units = units,
    .origins = origins,
    .nports = 2,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = NCOEFFICIENTS,
    .prepare = prepare,
    .start = start,
    .update = update,
};
