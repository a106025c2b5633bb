/* iaf_cond_exp.c - leaky integrate-and-fire neuron with exponential synaptic conductances; NEST's
 * iaf_cond_exp with fixed steps.
 *
 *     C_m V' = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I_e + I_0     mV, ms, pF, pA
 *     tau_syn_x g_x' = -g_x,   g_ex jumps by w > 0, g_in by -w for w <= 0         nS
 *
 * with V held at V_reset while refractory and cut at V_th on the right side. One update:
 *
 *     `substeps` steps of dt / substeps by Fehlberg's Runge-Kutta method of order 5 (rkf45.h)
 *     g_x = g_x + |weights that arrive now|
 *     if refractory > 0:   refractory = refractory - 1, V = V_reset
 *     else if V >= V_th:   spike, refractory = t_ref in steps, V = V_reset
 *     I_0 = current of the generators, which acts in the next update
 *
 * NEST takes the same method with steps that adapt to an error of 0.001 mV or nS. It needs one step
 * per dt, and then equals this model with substeps = 1 but for rounding (1e-13 mV), unless time
 * constants are close to dt. Measured at dt = 0.1 ms, the largest difference of V in 1 s (spikes
 * were the same):
 *
 *     tau_syn_ex    weights    substeps = 1    substeps = 2
 *     0.5, 1 ms     10-100 nS  1e-14 mV
 *     0.2 ms        5 nS       1e-14 mV        7e-6 mV
 *     0.2 ms        30 nS      4e-5 mV         1e-5 mV
 *     0.2 ms        150 nS     8e-4 mV         4e-6 mV
 *
 * Conductances obey a linear equation, so that each stage is a fixed multiple of g at the start of
 * the step: prepare runs the method once for g = 1. Source: NEST 3.
 */
#include "population_model.h"
#include "rkf45.h"

enum {
    DT,
    C_M,
    G_L,
    TAU_SYN_EX,
    TAU_SYN_IN,
    T_REF,
    T_REF_STEPS,
    E_L,
    E_EX,
    E_IN,
    V_TH,
    V_RESET,
    I_E,
    SUBSTEPS,
    V_M,
    G_EX_0,
    G_IN_0,
    NPARAMS
};
enum { V, G_EX, G_IN, I_0, REFRACTORY, NSTATE };
enum { STAGES = 6, END = 5 }; /* stage_x[k - 2] for stages 2..6, stage_x[END] after the step */
enum {
    STAGE_EX,
    STAGE_IN = STAGE_EX + STAGES,
    CAPACITY = STAGE_IN + STAGES,
    LEAK,
    REST,
    REVERSAL_EX,
    REVERSAL_IN,
    DRIVE,
    THRESHOLD,
    RESET,
    HOLD,
    NCOEFFICIENTS
};

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("C_m", EACH, 250, "> 0", NULL, "membrane capacitance in pF"),
    PARAM("g_L", EACH, 16.6667, ">= 0", NULL, "leak conductance in nS"),
    PARAM("tau_syn_ex", EACH, 0.2, "> 0", NULL, "time constant of excitatory conductances in ms"),
    PARAM("tau_syn_in", EACH, 2, "> 0", NULL, "time constant of inhibitory conductances in ms"),
    PARAM_T_REF(2),
    PARAM("E_L", EACH, -70, "finite", NULL, "leak reversal potential in mV"),
    PARAM("E_ex", EACH, 0, "finite", NULL, "excitatory reversal potential in mV"),
    PARAM("E_in", EACH, -85, "finite", NULL, "inhibitory reversal potential in mV"),
    PARAM("V_th", EACH, -55, "finite", NULL, "threshold in mV"),
    PARAM("V_reset", EACH, -60, "finite", NULL, "potential after a spike in mV"),
    PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),
    PARAM("substeps", INT, 1, ">= 1", NULL, "Runge-Kutta steps in a step"),
    PARAM("V_m", EACH, -70, "finite", NULL, "initial membrane potential in mV"),
    PARAM("g_ex", EACH, 0, "finite", NULL, "initial excitatory conductance in nS"),
    PARAM("g_in", EACH, 0, "finite", NULL, "initial inhibitory conductance in nS"),
};
static const char *const states[NSTATE] = {"V_m", "g_ex", "g_in", "I_0", "refractory"};
static const char *const units[NSTATE] = {"mV", "nS", "nS", "pA", "steps"};
static const int origins[NSTATE] = {-1, -1, -1, -1, -1};

/* g at stages 2..6 and at the end of a step of h, for g = 1 at its start. */
static void decay_stages(double h, double tau, double *stage)
{
    double slope[STAGES], end = 0;
    for (int k = 0; k < STAGES; k++) {
        double sum = 0;
        for (int j = 0; j < k; j++)
            sum += RKF45_B[k][j] * slope[j];
        slope[k] = -(1 + h * sum) / tau;
        if (k > 0) stage[k - 1] = 1 + h * sum;
        end += RKF45_C[k] * slope[k];
    }
    stage[END] = 1 + h * end;
}

static int prepare(const double *p, double *c)
{
    STC_TRY(reset_below_threshold(p[V_RESET], p[V_TH]));
    STC_TRY(refractory_steps(p[DT], p[T_REF], p[T_REF_STEPS], &c[HOLD]));
    decay_stages(p[DT] / p[SUBSTEPS], p[TAU_SYN_EX], &c[STAGE_EX]);
    decay_stages(p[DT] / p[SUBSTEPS], p[TAU_SYN_IN], &c[STAGE_IN]);
    STC_CHECK(fabs(c[STAGE_EX + END]) < 1 && fabs(c[STAGE_IN + END]) < 1, STC_ERR_INPUT,
              "a Runge-Kutta step of %g ms is too long for tau_syn_ex %g, tau_syn_in %g ms; take "
              "more substeps",
              p[DT] / p[SUBSTEPS], p[TAU_SYN_EX], p[TAU_SYN_IN]);
    c[CAPACITY] = p[C_M];
    c[LEAK] = p[G_L];
    c[REST] = p[E_L];
    c[REVERSAL_EX] = p[E_EX];
    c[REVERSAL_IN] = p[E_IN];
    c[DRIVE] = p[I_E];
    c[THRESHOLD] = p[V_TH];
    c[RESET] = p[V_RESET];
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    state[V] = p[V_M];
    state[G_EX] = p[G_EX_0];
    state[G_IN] = p[G_IN_0];
    state[I_0] = 0;
    state[REFRACTORY] = 0;
}

/* V' of neuron i, with the names of integrate. */
#define SLOPE(y, ge, gi)                                                                           \
    ((-(leak[i] * (((y) < top[i] ? (y) : top[i]) - rest[i])) + i_0[i] + drive[i] -                 \
      (ge) * (((y) < top[i] ? (y) : top[i]) - reversal_ex[i]) -                                    \
      (gi) * (((y) < top[i] ? (y) : top[i]) - reversal_in[i])) /                                   \
     capacity[i])
#define B(stage, j) ((real)RKF45_B[(stage)-1][(j)-1])
#define C(j)        ((real)RKF45_C[(j)-1])

static void integrate(int64_t n, const stc_population_step *run, real h)
{
    const real *capacity = COEFFICIENT(CAPACITY), *leak = COEFFICIENT(LEAK);
    const real *rest = COEFFICIENT(REST), *top = COEFFICIENT(THRESHOLD);
    const real *reversal_ex = COEFFICIENT(REVERSAL_EX), *reversal_in = COEFFICIENT(REVERSAL_IN);
    const real *drive = COEFFICIENT(DRIVE), *i_0 = STATE(I_0), *refractory = STATE(REFRACTORY);
    const real *e2 = COEFFICIENT(STAGE_EX), *i2 = COEFFICIENT(STAGE_IN);
    const real *e3 = COEFFICIENT(STAGE_EX + 1), *i3 = COEFFICIENT(STAGE_IN + 1);
    const real *e4 = COEFFICIENT(STAGE_EX + 2), *i4 = COEFFICIENT(STAGE_IN + 2);
    const real *e5 = COEFFICIENT(STAGE_EX + 3), *i5 = COEFFICIENT(STAGE_IN + 3);
    const real *e6 = COEFFICIENT(STAGE_EX + 4), *i6 = COEFFICIENT(STAGE_IN + 4);
    const real *e_end = COEFFICIENT(STAGE_EX + END), *i_end = COEFFICIENT(STAGE_IN + END);
    real *v = STATE(V), *g_ex = STATE(G_EX), *g_in = STATE(G_IN);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real y = v[i], ex = g_ex[i], in = g_in[i];
        const real k1 = SLOPE(y, ex, in);
        const real y2 = y + B(2, 1) * h * k1;
        const real k2 = SLOPE(y2, ex * e2[i], in * i2[i]);
        const real y3 = y + h * (B(3, 1) * k1 + B(3, 2) * k2);
        const real k3 = SLOPE(y3, ex * e3[i], in * i3[i]);
        const real y4 = y + h * (B(4, 1) * k1 + B(4, 2) * k2 + B(4, 3) * k3);
        const real k4 = SLOPE(y4, ex * e4[i], in * i4[i]);
        const real y5 = y + h * (B(5, 1) * k1 + B(5, 2) * k2 + B(5, 3) * k3 + B(5, 4) * k4);
        const real k5 = SLOPE(y5, ex * e5[i], in * i5[i]);
        const real y6 =
            y + h * (B(6, 1) * k1 + B(6, 2) * k2 + B(6, 3) * k3 + B(6, 4) * k4 + B(6, 5) * k5);
        const real k6 = SLOPE(y6, ex * e6[i], in * i6[i]);
        const real end = y + h * (C(1) * k1 + C(3) * k3 + C(4) * k4 + C(5) * k5 + C(6) * k6);
        v[i] = refractory[i] > 0 ? y : end;
        g_ex[i] = ex * e_end[i];
        g_in[i] = in * i_end[i];
    }
}

static void update(int64_t n, const stc_population_step *run)
{
    const real *threshold = COEFFICIENT(THRESHOLD), *reset = COEFFICIENT(RESET);
    const real *hold = COEFFICIENT(HOLD), *current = CURRENT;
    const real *arrive_ex = INPUT(0), *arrive_in = INPUT(1);
    real *v = STATE(V), *g_ex = STATE(G_EX), *g_in = STATE(G_IN), *i_0 = STATE(I_0);
    real *refractory = STATE(REFRACTORY);
    uint8_t *spikes = run->spikes;
    for (double step = 0; step < run->params[SUBSTEPS]; step++)
        integrate(n, run, (real)(run->params[DT] / run->params[SUBSTEPS]));
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const bool free = refractory[i] == 0;
        const real u = free ? v[i] : reset[i], left = free ? 0 : refractory[i] - 1;
        const bool fires = u >= threshold[i];
        g_ex[i] = g_ex[i] + arrive_ex[i];
        g_in[i] = g_in[i] - arrive_in[i];
        i_0[i] = current[i];
        v[i] = fires ? reset[i] : u;
        refractory[i] = fires ? hold[i] : left;
        spikes[i] = fires;
    }
}

const stc_population_model STC_POPULATION(iaf_cond_exp) = {
    .name = "iaf_cond_exp",
    .type = "iaf_cond_exp",
    .help = "leaky integrate-and-fire neuron with exponential synaptic conductances",
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
