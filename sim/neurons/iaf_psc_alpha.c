/* iaf_psc_alpha.c - leaky integrate-and-fire neuron with alpha-shaped synaptic currents; NEST's
 * iaf_psc_alpha, spike for spike in double.
 *
 *     C_m V' = -(C_m / tau_m) (V - E_L) + I_ex + I_in + I_e + I_0         mV, ms, pF, pA
 *     I_x' = dI_x - I_x / tau_syn_x,    dI_x' = -dI_x / tau_syn_x         x = ex, in
 *
 * where dI_x jumps by w e / tau_syn_x, so that a current peaks at w pA tau_syn_x after its spike.
 * Solved exactly on the grid; v = V - E_L. One update, in this order:
 *
 *     if refractory == 0:  v = P30 (I_0 + I_e) + P31ex dI_ex + P32ex I_ex + P31in dI_in
 *                              + P32in I_in + (P33 - 1) v + v,   not below V_min - E_L
 *     else:                refractory = refractory - 1
 *     I_x = dt P11x dI_x + P11x I_x
 *     dI_x = P11x dI_x + e / tau_syn_x (weights that arrive now)
 *     if v >= V_th - E_L:  spike, refractory = t_ref in steps, v = V_reset - E_L
 *     I_0 = current of the generators, which acts in the next update
 *
 *     P11x = exp(-dt / tau_syn_x)    P33 - 1 = expm1(-dt / tau_m)    P30 = -tau_m / C_m (P33 - 1)
 *     P32x: synapse_to_membrane, P31x: alpha_to_membrane in population_model.h
 *
 * Source: Rotter and Diesmann 1999; order of the sums: NEST 3.
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
    V_MIN,
    I_E,
    V_M,
    NPARAMS
};
enum { V, I_EX, I_IN, DI_EX, DI_IN, I_0, REFRACTORY, NSTATE };
enum {
    P30,
    DECAY, /* P33 - 1 */
    P11_EX,
    P11_IN,
    P21_EX,
    P21_IN,
    P31_EX,
    P31_IN,
    P32_EX,
    P32_IN,
    JUMP_EX,
    JUMP_IN,
    DRIVE,
    THRESHOLD,
    RESET,
    LOWEST,
    HOLD,
    REST,
    NCOEFFICIENTS
};

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("C_m", EACH, 250, "> 0", NULL, "membrane capacitance in pF"),
    PARAM("tau_m", EACH, 10, "> 0", NULL, "membrane time constant in ms"),
    PARAM("tau_syn_ex", EACH, 2, "> 0", NULL, "rise time of excitatory currents in ms"),
    PARAM("tau_syn_in", EACH, 2, "> 0", NULL, "rise time of inhibitory currents in ms"),
    PARAM_T_REF(2),
    PARAM("E_L", EACH, -70, "finite", NULL, "resting potential in mV"),
    PARAM("V_th", EACH, -55, "finite", NULL, "threshold in mV"),
    PARAM("V_reset", EACH, -70, "finite", NULL, "potential after a spike in mV"),
    PARAM_V_MIN,
    PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),
    PARAM("V_m", EACH, -70, "finite", NULL, "initial membrane potential in mV"),
};
static const char *const states[NSTATE] = {"V_m",       "I_syn_ex", "I_syn_in",  "dI_syn_ex",
                                           "dI_syn_in", "I_0",      "refractory"};
static const char *const units[NSTATE] = {"mV", "pA", "pA", "pA/ms", "pA/ms", "pA", "steps"};
static const int origins[NSTATE] = {REST, -1, -1, -1, -1, -1, -1};

static int prepare(const double *p, double *c)
{
    const double h = p[DT], tau_m = p[TAU_M], c_m = p[C_M];
    const double ex = p[TAU_SYN_EX], in = p[TAU_SYN_IN];
    STC_TRY(reset_below_threshold(p[V_RESET], p[V_TH]));
    STC_TRY(refractory_steps(h, p[T_REF], p[T_REF_STEPS], &c[HOLD]));
    c[DECAY] = expm1_rounded(-h / tau_m);
    c[P30] = -tau_m / c_m * c[DECAY];
    c[P11_EX] = exp_rounded(-h / ex);
    c[P11_IN] = exp_rounded(-h / in);
    c[P21_EX] = h * c[P11_EX];
    c[P21_IN] = h * c[P11_IN];
    c[P31_EX] = alpha_to_membrane(ex, tau_m, c_m, h);
    c[P31_IN] = alpha_to_membrane(in, tau_m, c_m, h);
    c[P32_EX] = synapse_to_membrane(ex, tau_m, c_m, h);
    c[P32_IN] = synapse_to_membrane(in, tau_m, c_m, h);
    c[JUMP_EX] = EULERS_NUMBER / ex;
    c[JUMP_IN] = EULERS_NUMBER / in;
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
    const real *p30 = COEFFICIENT(P30), *decay = COEFFICIENT(DECAY), *drive = COEFFICIENT(DRIVE);
    const real *p11_ex = COEFFICIENT(P11_EX), *p11_in = COEFFICIENT(P11_IN);
    const real *p21_ex = COEFFICIENT(P21_EX), *p21_in = COEFFICIENT(P21_IN);
    const real *p31_ex = COEFFICIENT(P31_EX), *p31_in = COEFFICIENT(P31_IN);
    const real *p32_ex = COEFFICIENT(P32_EX), *p32_in = COEFFICIENT(P32_IN);
    const real *jump_ex = COEFFICIENT(JUMP_EX), *jump_in = COEFFICIENT(JUMP_IN);
    const real *threshold = COEFFICIENT(THRESHOLD), *reset = COEFFICIENT(RESET);
    const real *lowest = COEFFICIENT(LOWEST), *hold = COEFFICIENT(HOLD);
    const real *arrive_ex = INPUT(0), *arrive_in = INPUT(1), *current = CURRENT;
    real *v = STATE(V), *i_ex = STATE(I_EX), *i_in = STATE(I_IN), *i_0 = STATE(I_0);
    real *di_ex = STATE(DI_EX), *di_in = STATE(DI_IN), *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real sum = p30[i] * (i_0[i] + drive[i]) + p31_ex[i] * di_ex[i] + p32_ex[i] * i_ex[i] +
                         p31_in[i] * di_in[i] + p32_in[i] * i_in[i] + decay[i] * v[i] + v[i];
        const real charged = sum < lowest[i] ? lowest[i] : sum;
        const bool free = refractory[i] == 0;
        const real u = free ? charged : v[i], left = free ? 0 : refractory[i] - 1;
        i_ex[i] = p21_ex[i] * di_ex[i] + p11_ex[i] * i_ex[i];
        di_ex[i] = di_ex[i] * p11_ex[i] + jump_ex[i] * arrive_ex[i];
        i_in[i] = p21_in[i] * di_in[i] + p11_in[i] * i_in[i];
        di_in[i] = di_in[i] * p11_in[i] + jump_in[i] * arrive_in[i];
        i_0[i] = current[i];
        const bool fires = u >= threshold[i];
        v[i] = fires ? reset[i] : u;
        refractory[i] = fires ? hold[i] : left;
        spikes[i] = fires;
    }
}

const stc_population_model STC_POPULATION(iaf_psc_alpha) = {
    .name = "iaf_psc_alpha",
    .type = "iaf_psc_alpha",
    .help = "leaky integrate-and-fire neuron with alpha-shaped synaptic currents",
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
