/* glif_psc.c - the Allen Institute's generalized leaky integrate-and-fire neurons with alpha-shaped
 * synaptic currents; NEST's glif_psc, spike for spike in double. The five types are set by flags:
 *
 *     type  spike_dependent_threshold  after_spike_currents  adapting_threshold
 *       1             0                        0                    0            LIF
 *       2             1                        0                    0            LIF-R
 *       3             0                        1                    0            LIF-ASC
 *       4             1                        1                    0            LIF-R-ASC
 *       5             1                        1                    1            LIF-R-ASC-A
 *
 *     C_m V' = -g (V - E_L) + I_0 + sum of after-spike currents + sum of synaptic currents
 *     J_k' = -asc_decay_k J_k                    k = 1, 2: after-spike currents
 *     th_s' = -th_spike_decay th_s               th_v' = th_voltage_index (V - E_L)
 *                                                        - th_voltage_decay th_v
 *     spike where V > V_th + th_s + th_v                                 mV, ms, pF, nS, pA
 *
 * solved exactly on the grid, after-spike currents by their mean over the step; u = V - E_L. Lists
 * of NEST are numbered here: asc_decay_1, asc_decay_2. Receptor r = 1..4 is port r - 1 with
 * tau_syn_r. One update:
 *
 *     if refractory == 0:
 *         th_s = th_s exp(-th_spike_decay dt)
 *         S = sum_k mean_k J_k,     J_k = J_k exp(-asc_decay_k dt)
 *         u = u0 P33 + (I_0 + S) P30 + sum_r (P31_r y1_r + P32_r y2_r)         u0: u before
 *         th_v = phi (u0 - beta) e_v + e_t (th_v - phi (u0 - beta) - q beta) + q beta
 *         if u > th_s + th_v + V_th - E_L:  spike, refractory = t_ref in steps,
 *             J_k = asc_amps_k + J_k asc_r_k exp(-asc_decay_k t_ref)
 *             types 1, 3:   u = V_reset - E_L
 *             types 2, 4, 5:   u = voltage_reset_fraction u0 + voltage_reset_add
 *                              th_s = th_s exp(-th_spike_decay t_ref) + th_spike_add
 *     else:   refractory = refractory - 1
 *     y2_r = dt P11_r y1_r + P11_r y2_r
 *     y1_r = P11_r y1_r + e / tau_syn_r (weights that arrive at receptor r now)
 *     I_0 = current of the generators, which acts in the next update
 *
 *     beta = (I_0 + S) / g    phi = th_voltage_index / (th_voltage_decay - g / C_m)
 *     q = th_voltage_index / th_voltage_decay    e_v = exp(-g dt / C_m)
 *     e_t = exp(-th_voltage_decay dt)    mean_k = (1 - exp(-asc_decay_k dt)) / (asc_decay_k dt)
 *
 * Sources: Teeter et al. 2018, Generalized leaky integrate-and-fire models classify multiple neuron
 * types; NEST 3 for the order of operations.
 */
#include "population_model.h"

enum { CURRENTS = 2, RECEPTORS = 4 };
enum {
    DT,
    C_M,
    G,
    E_L,
    V_TH,
    V_RESET,
    T_REF,
    T_REF_STEPS,
    IS_R,
    IS_ASC,
    IS_A,
    TH_SPIKE_ADD,
    TH_SPIKE_DECAY,
    RESET_FRACTION,
    RESET_ADD,
    TH_VOLTAGE_INDEX,
    TH_VOLTAGE_DECAY,
    ASC_DECAY,
    ASC_AMPS = ASC_DECAY + CURRENTS,
    ASC_R = ASC_AMPS + CURRENTS,
    ASC_INIT = ASC_R + CURRENTS,
    TAU_SYN = ASC_INIT + CURRENTS,
    V_M = TAU_SYN + RECEPTORS,
    TH_SPIKE_0,
    TH_VOLTAGE_0,
    NPARAMS
};
enum {
    U,
    LIMIT, /* V_th + th_s + th_v - E_L */
    TH_S,
    TH_V,
    ASC_SUM,
    I_SYN,
    I_0,
    REFRACTORY,
    ASC,
    Y1 = ASC + CURRENTS,
    Y2 = Y1 + RECEPTORS,
    BEFORE = Y2 + RECEPTORS, /* u0 */
    NSTATE
};
enum {
    P30,
    P33,
    P11,
    P21 = P11 + RECEPTORS,
    P31 = P21 + RECEPTORS,
    P32 = P31 + RECEPTORS,
    JUMP = P32 + RECEPTORS,
    ASC_FALL = JUMP + RECEPTORS,
    ASC_MEAN = ASC_FALL + CURRENTS,
    ASC_KEPT = ASC_MEAN + CURRENTS,
    ASC_ADD = ASC_KEPT + CURRENTS,
    SPIKE_FALL = ASC_ADD + CURRENTS,
    SPIKE_KEPT,
    SPIKE_ADD,
    FRACTION,
    OFFSET,
    VOLTAGE_FALL,
    POTENTIAL_FALL,
    PHI,
    QUOTIENT,
    LEAK,
    THRESHOLD,
    HOLD,
    REST,
    NCOEFFICIENTS
};
_Static_assert((int)NCOEFFICIENTS <= STC_MAX_POPULATION_COEFFICIENTS &&
                   (int)NSTATE <= STC_MAX_POPULATION_STATES,
               "population.h");

#define FLAG(name, help) PARAM(name, EACH, 0, ">= 0", NULL, help ": 0 or 1")
#define TAU(name)        PARAM(name, EACH, 2, "> 0", NULL, "rise time of a current in ms")

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("C_m", EACH, 58.72, "> 0", NULL, "membrane capacitance in pF"),
    PARAM("g", EACH, 9.43, "> 0", NULL, "leak conductance in nS"),
    PARAM("E_L", EACH, -78.85, "finite", NULL, "resting potential in mV"),
    PARAM("V_th", EACH, -51.68, "finite", NULL, "threshold at rest in mV"),
    PARAM("V_reset", EACH, -78.85, "finite", NULL, "potential after a spike, types 1, 3, in mV"),
    PARAM_T_REF(3.75),
    FLAG("spike_dependent_threshold", "types 2, 4, 5"),
    FLAG("after_spike_currents", "types 3, 4, 5"),
    FLAG("adapting_threshold", "type 5"),
    PARAM("th_spike_add", EACH, 0.37, "finite", NULL, "what a spike adds to the threshold in mV"),
    PARAM("th_spike_decay", EACH, 0.009, "> 0", NULL, "rate at which that decays in 1/ms"),
    PARAM("voltage_reset_fraction", EACH, 0.2, ">= 0", NULL, "part of V - E_L kept by a spike"),
    PARAM("voltage_reset_add", EACH, 18.51, "finite", NULL, "added to that in mV"),
    PARAM("th_voltage_index", EACH, 0.005, "finite", NULL, "threshold's rate per mV in 1/ms"),
    PARAM("th_voltage_decay", EACH, 0.09, "> 0", NULL, "rate at which that decays in 1/ms"),
    PARAM("asc_decay_1", EACH, 0.003, "> 0", NULL, "decay of after-spike current 1 in 1/ms"),
    PARAM("asc_decay_2", EACH, 0.1, "> 0", NULL, "decay of after-spike current 2 in 1/ms"),
    PARAM("asc_amps_1", EACH, -9.18, "finite", NULL, "what a spike adds to current 1 in pA"),
    PARAM("asc_amps_2", EACH, -198.94, "finite", NULL, "what a spike adds to current 2 in pA"),
    PARAM("asc_r_1", EACH, 1, ">= 0", NULL, "part of current 1 that a spike keeps"),
    PARAM("asc_r_2", EACH, 1, ">= 0", NULL, "part of current 2 that a spike keeps"),
    PARAM("asc_init_1", EACH, 0, "finite", NULL, "initial after-spike current 1 in pA"),
    PARAM("asc_init_2", EACH, 0, "finite", NULL, "initial after-spike current 2 in pA"),
    TAU("tau_syn_1"),
    TAU("tau_syn_2"),
    TAU("tau_syn_3"),
    TAU("tau_syn_4"),
    PARAM("V_m", EACH, -78.85, "finite", NULL, "initial membrane potential in mV"),
    PARAM("threshold_spike", EACH, 0, "finite", NULL, "initial part of spikes in mV"),
    PARAM("threshold_voltage", EACH, 0, "finite", NULL, "initial part of the potential in mV"),
};
static const char *const states[NSTATE] = {
    "V_m",      "threshold", "threshold_spike", "threshold_voltage", "ASCurrents_sum",
    "I_syn",    "I",         "refractory",      "ASCurrents_1",      "ASCurrents_2",
    "dI_syn_1", "dI_syn_2",  "dI_syn_3",        "dI_syn_4",          "I_syn_1",
    "I_syn_2",  "I_syn_3",   "I_syn_4",         "V_before"};
static const char *const units[NSTATE] = {"mV",    "mV", "mV", "mV",    "pA",    "pA",    "pA",
                                          "steps", "pA", "pA", "pA/ms", "pA/ms", "pA/ms", "pA/ms",
                                          "pA",    "pA", "pA", "pA",    "mV"};
static const int origins[NSTATE] = {REST, REST, -1, -1, -1, -1, -1, -1, -1,  -1,
                                    -1,   -1,   -1, -1, -1, -1, -1, -1, REST};

static int check_type(const double *p)
{
    const double r = p[IS_R], asc = p[IS_ASC], a = p[IS_A];
    STC_CHECK((r == 0 || r == 1) && (asc == 0 || asc == 1) && (a == 0 || (a == 1 && r + asc == 2)),
              STC_ERR_INPUT,
              "spike_dependent_threshold %g, after_spike_currents %g, adapting_threshold %g: "
              "expected 0 or 1, and the third only with both others",
              r, asc, a);
    STC_CHECK(p[RESET_FRACTION] <= 1 && p[ASC_R] <= 1 && p[ASC_R + 1] <= 1, STC_ERR_INPUT,
              "voltage_reset_fraction %g, asc_r %g, %g: expected from 0 to 1", p[RESET_FRACTION],
              p[ASC_R], p[ASC_R + 1]);
    return STC_OK;
}

static void prepare_synapses(const double *p, double *c)
{
    const double h = p[DT], tau_m = p[C_M] / p[G];
    c[P33] = exp_rounded(-h / tau_m);
    c[P30] = 1 / p[C_M] * (1 - c[P33]) * tau_m;
    for (int r = 0; r < RECEPTORS; r++) {
        const double tau = p[TAU_SYN + r];
        c[P11 + r] = exp_rounded(-h / tau);
        c[P21 + r] = h * c[P11 + r];
        c[P31 + r] = alpha_to_membrane(tau, tau_m, p[C_M], h);
        c[P32 + r] = synapse_to_membrane(tau, tau_m, p[C_M], h);
        c[JUMP + r] = EULERS_NUMBER / tau;
    }
}

static void prepare_after_spike(const double *p, double t_ref, double *c)
{
    for (int k = 0; k < CURRENTS; k++) {
        const double rate = p[ASC_DECAY + k];
        c[ASC_FALL + k] = c[ASC_KEPT + k] = 1;
        c[ASC_MEAN + k] = c[ASC_ADD + k] = 0;
        if (p[IS_ASC] == 0) continue;
        c[ASC_FALL + k] = exp_rounded(-rate * p[DT]);
        c[ASC_MEAN + k] = ((1 / rate) / p[DT]) * (1 - c[ASC_FALL + k]);
        c[ASC_KEPT + k] = p[ASC_R + k] * exp_rounded(-rate * t_ref);
        c[ASC_ADD + k] = p[ASC_AMPS + k];
    }
}

static void prepare_threshold(const double *p, double t_ref, double *c)
{
    c[SPIKE_FALL] = c[SPIKE_KEPT] = c[VOLTAGE_FALL] = 1;
    c[SPIKE_ADD] = c[FRACTION] = c[POTENTIAL_FALL] = c[PHI] = c[QUOTIENT] = 0;
    c[OFFSET] = p[V_RESET] - p[E_L];
    if (p[IS_R] != 0) {
        c[SPIKE_FALL] = exp_rounded(-p[TH_SPIKE_DECAY] * p[DT]);
        c[SPIKE_KEPT] = exp_rounded(-p[TH_SPIKE_DECAY] * t_ref);
        c[SPIKE_ADD] = p[TH_SPIKE_ADD];
        c[FRACTION] = p[RESET_FRACTION];
        c[OFFSET] = p[RESET_ADD];
    }
    if (p[IS_A] != 0) {
        c[VOLTAGE_FALL] = 1 / exp_rounded(p[TH_VOLTAGE_DECAY] * p[DT]);
        c[POTENTIAL_FALL] = exp_rounded(-p[G] * p[DT] / p[C_M]);
        c[PHI] = p[TH_VOLTAGE_INDEX] / (p[TH_VOLTAGE_DECAY] - p[G] / p[C_M]);
        c[QUOTIENT] = p[TH_VOLTAGE_INDEX] / p[TH_VOLTAGE_DECAY];
    }
}

/* A mechanism that a type lacks has coefficients that change nothing. */
static int prepare(const double *p, double *c)
{
    STC_TRY(check_type(p));
    STC_TRY(reset_below_threshold(p[V_RESET], p[V_TH]));
    STC_TRY(refractory_steps(p[DT], p[T_REF], p[T_REF_STEPS], &c[HOLD]));
    const double t_ref = p[T_REF_STEPS] < 0 ? p[T_REF] : c[HOLD] * p[DT];
    prepare_synapses(p, c);
    prepare_after_spike(p, t_ref, c);
    prepare_threshold(p, t_ref, c);
    c[LEAK] = p[G];
    c[THRESHOLD] = p[V_TH] - p[E_L];
    c[REST] = p[E_L];
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    memset(state, 0, NSTATE * sizeof *state);
    state[U] = p[V_M] - p[E_L];
    state[TH_S] = p[TH_SPIKE_0];
    state[TH_V] = p[TH_VOLTAGE_0];
    state[LIMIT] = p[TH_SPIKE_0] + p[TH_VOLTAGE_0] + (p[V_TH] - p[E_L]);
    for (int k = 0; k < CURRENTS; k++) {
        state[ASC + k] = p[ASC_INIT + k];
        state[ASC_SUM] += p[ASC_INIT + k];
    }
}

/* S and J_k of neurons that are not refractory. */
static void after_spike_currents(int64_t n, const stc_population_step *run)
{
    const real *fall_1 = COEFFICIENT(ASC_FALL), *fall_2 = COEFFICIENT(ASC_FALL + 1);
    const real *mean_1 = COEFFICIENT(ASC_MEAN), *mean_2 = COEFFICIENT(ASC_MEAN + 1);
    const real *refractory = STATE(REFRACTORY);
    real *sum = STATE(ASC_SUM), *asc_1 = STATE(ASC), *asc_2 = STATE(ASC + 1);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const bool free = refractory[i] == 0;
        const real mean = mean_1[i] * asc_1[i] + mean_2[i] * asc_2[i];
        const real next_1 = asc_1[i] * fall_1[i], next_2 = asc_2[i] * fall_2[i];
        sum[i] = free ? mean : sum[i];
        asc_1[i] = free ? next_1 : asc_1[i];
        asc_2[i] = free ? next_2 : asc_2[i];
    }
}

/* u without synapses, th_s. */
static void charge(int64_t n, const stc_population_step *run)
{
    const real *p30 = COEFFICIENT(P30), *p33 = COEFFICIENT(P33), *fall = COEFFICIENT(SPIKE_FALL);
    const real *refractory = STATE(REFRACTORY), *asc = STATE(ASC_SUM), *i_0 = STATE(I_0);
    real *u = STATE(U), *before = STATE(BEFORE), *th_s = STATE(TH_S), *i_syn = STATE(I_SYN);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const bool free = refractory[i] == 0;
        const real charged = u[i] * p33[i] + (i_0[i] + asc[i]) * p30[i];
        const real lower = th_s[i] * fall[i];
        before[i] = u[i];
        u[i] = free ? charged : u[i];
        th_s[i] = free ? lower : th_s[i];
        i_syn[i] = free ? 0 : i_syn[i];
    }
}

/* The synapses of one receptor: what they add to u, then what arrives. */
static void receive(int64_t n, const stc_population_step *run, int receptor)
{
    const real *p31 = COEFFICIENT(P31 + receptor), *p32 = COEFFICIENT(P32 + receptor);
    const real *p11 = COEFFICIENT(P11 + receptor), *p21 = COEFFICIENT(P21 + receptor);
    const real *jump = COEFFICIENT(JUMP + receptor), *arrive = INPUT(receptor);
    const real *refractory = STATE(REFRACTORY);
    real *u = STATE(U), *i_syn = STATE(I_SYN), *y1 = STATE(Y1 + receptor);
    real *y2 = STATE(Y2 + receptor);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const bool free = refractory[i] == 0;
        const real charged = u[i] + (p31[i] * y1[i] + p32[i] * y2[i]), sum = i_syn[i] + y2[i];
        u[i] = free ? charged : u[i];
        i_syn[i] = free ? sum : i_syn[i];
        y2[i] = p21[i] * y1[i] + p11[i] * y2[i];
        y1[i] = y1[i] * p11[i] + jump[i] * arrive[i];
    }
}

/* th_v and the threshold. */
static void adapt(int64_t n, const stc_population_step *run)
{
    const real *phi = COEFFICIENT(PHI), *quotient = COEFFICIENT(QUOTIENT),
               *leak = COEFFICIENT(LEAK);
    const real *e_v = COEFFICIENT(POTENTIAL_FALL), *e_t = COEFFICIENT(VOLTAGE_FALL);
    const real *threshold = COEFFICIENT(THRESHOLD), *refractory = STATE(REFRACTORY);
    const real *asc = STATE(ASC_SUM), *i_0 = STATE(I_0), *before = STATE(BEFORE);
    const real *th_s = STATE(TH_S);
    real *th_v = STATE(TH_V), *limit = STATE(LIMIT);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real beta = (i_0[i] + asc[i]) / leak[i];
        const real near = phi[i] * (before[i] - beta), far = quotient[i] * beta;
        const real adapted = near * e_v[i] + e_t[i] * (th_v[i] - near - far) + far;
        th_v[i] = refractory[i] == 0 ? adapted : th_v[i];
        limit[i] = th_s[i] + th_v[i] + threshold[i];
    }
}

/* Spikes and what they change. */
static void fire(int64_t n, const stc_population_step *run)
{
    const real *fraction = COEFFICIENT(FRACTION), *offset = COEFFICIENT(OFFSET);
    const real *kept = COEFFICIENT(SPIKE_KEPT), *add = COEFFICIENT(SPIKE_ADD);
    const real *kept_1 = COEFFICIENT(ASC_KEPT), *kept_2 = COEFFICIENT(ASC_KEPT + 1);
    const real *add_1 = COEFFICIENT(ASC_ADD), *add_2 = COEFFICIENT(ASC_ADD + 1);
    const real *threshold = COEFFICIENT(THRESHOLD), *hold = COEFFICIENT(HOLD), *current = CURRENT;
    const real *before = STATE(BEFORE), *th_v = STATE(TH_V);
    real *u = STATE(U), *th_s = STATE(TH_S), *limit = STATE(LIMIT), *i_0 = STATE(I_0);
    real *asc_1 = STATE(ASC), *asc_2 = STATE(ASC + 1), *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const bool free = refractory[i] == 0;
        const real left = free ? 0 : refractory[i] - 1, height = free ? u[i] : (real)NO_LOWEST;
        const bool fires = height > limit[i];
        const real reset = fraction[i] * before[i] + offset[i];
        const real next_1 = add_1[i] + asc_1[i] * kept_1[i];
        const real next_2 = add_2[i] + asc_2[i] * kept_2[i];
        const real raised = th_s[i] * kept[i] + add[i];
        u[i] = fires ? reset : u[i];
        asc_1[i] = fires ? next_1 : asc_1[i];
        asc_2[i] = fires ? next_2 : asc_2[i];
        th_s[i] = fires ? raised : th_s[i];
        limit[i] = th_s[i] + th_v[i] + threshold[i];
        refractory[i] = fires ? hold[i] : left;
        i_0[i] = current[i];
        spikes[i] = fires;
    }
}

static void update(int64_t n, const stc_population_step *run)
{
    after_spike_currents(n, run);
    charge(n, run);
    for (int receptor = 0; receptor < RECEPTORS; receptor++)
        receive(n, run, receptor);
    adapt(n, run);
    fire(n, run);
}

const stc_population_model STC_POPULATION(glif_psc) = {
    .name = "glif_psc",
    .type = "glif_psc",
    .help = "generalized leaky integrate-and-fire neurons of the Allen Institute, five types",
    .nstate = NSTATE,
    .states = states,
    .units = units,
    .origins = origins,
    .nports = RECEPTORS,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = NCOEFFICIENTS,
    .prepare = prepare,
    .start = start,
    .update = update,
};
