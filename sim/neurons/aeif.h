/* aeif.h - adaptive exponential integrate-and-fire neurons, with synaptic currents or conductances;
 * NEST's aeif_psc_exp and aeif_cond_exp.
 *
 *     C_m V' = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) + I_syn - w + I_e + I_0
 *     tau_w w' = a (V - E_L) - w                                    mV, ms, pF, nS, pA
 *     tau_syn_x s_x' = -s_x        s_ex jumps by weights > 0, s_in by -w for w <= 0
 *     I_syn = s_ex - s_in          (currents)
 *     I_syn = -s_ex (V - E_ex) - s_in (V - E_in)                    (conductances)
 *
 * with V cut at V_peak on the right side, and V = V_reset, V' = 0 there while refractory. Without
 * Delta_T = 0 there is no exponential term. One update:
 *
 *     until the end of the step: one step of adaptive.h (its length carries over to the next
 *         update), then
 *             if refractory > 0:   V = V_reset
 *             else if V >= V_peak (V_th for Delta_T = 0):  spike, V = V_reset, w = w + b, and
 *                 refractory = t_ref in steps + 1, or 0 for t_ref = 0
 *     refractory = refractory - 1 if it is above 0
 *     s_x = s_x + |weights that arrive now|
 *     I_0 = current of the generators, which acts in the next update
 *
 * These are NEST's operations; the exponential is exp_each of exponential.h. State is integrated in
 * double, also where it is kept in single. A neuron that spikes more than once in one update is
 * counted once. What NEST ends with a numerical instability goes on here; an update of more than
 * AEIF_MOST_STEPS steps ends where it is.
 *
 * Source: Brette and Gerstner 2005; NEST 3 for the order of operations.
 */
#ifndef STC_AEIF_H
#define STC_AEIF_H

#include "population_model.h"

#include "adaptive.h"

#include <stddef.h>

enum {
    AEIF_DT,
    AEIF_C_M,
    AEIF_G_L,
    AEIF_E_L,
    AEIF_DELTA_T,
    AEIF_TAU_W,
    AEIF_A,
    AEIF_B,
    AEIF_V_TH,
    AEIF_V_RESET,
    AEIF_V_PEAK,
    AEIF_TAU_SYN_EX,
    AEIF_TAU_SYN_IN,
    AEIF_T_REF,
    AEIF_T_REF_STEPS,
    AEIF_I_E,
    AEIF_TOLERANCE,
    AEIF_V_M,
    AEIF_W,
    AEIF_S_EX,
    AEIF_S_IN,
    AEIF_NPARAMS
};
enum {
    AEIF_V,
    AEIF_EX,
    AEIF_IN,
    AEIF_ADAPTATION,
    AEIF_I_0,
    AEIF_REFRACTORY,
    AEIF_STEP,
    AEIF_NSTATE
};
enum { AEIF_MOST_STEPS = 20000 };

#define AEIF_SPECS(synapse, unit)                                                                  \
    PARAM_DT, PARAM("C_m", EACH, 281, "> 0", NULL, "membrane capacitance in pF"),                  \
        PARAM("g_L", EACH, 30, "finite", NULL, "leak conductance in nS"),                          \
        PARAM("E_L", EACH, -70.6, "finite", NULL, "leak reversal potential in mV"),                \
        PARAM("Delta_T", EACH, 2, ">= 0", NULL, "slope factor in mV"),                             \
        PARAM("tau_w", EACH, 144, "> 0", NULL, "time constant of the adaptation in ms"),           \
        PARAM("a", EACH, 4, "finite", NULL, "subthreshold adaptation in nS"),                      \
        PARAM("b", EACH, 80.5, "finite", NULL, "what a spike adds to the adaptation in pA"),       \
        PARAM("V_th", EACH, -50.4, "finite", NULL, "where spikes initiate in mV"),                 \
        PARAM("V_reset", EACH, -60, "finite", NULL, "potential after a spike in mV"),              \
        PARAM("V_peak", EACH, 0, "finite", NULL, "where spikes are detected in mV"),               \
        PARAM("tau_syn_ex", EACH, 0.2, "> 0", NULL, "excitatory time constant in ms"),             \
        PARAM("tau_syn_in", EACH, 2, "> 0", NULL, "inhibitory time constant in ms"),               \
        PARAM_T_REF(0), PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),           \
        PARAM("gsl_error_tol", EACH, 1e-6, "> 0", NULL, "error of an integration step"),           \
        PARAM("V_m", EACH, -70.6, "finite", NULL, "initial membrane potential in mV"),             \
        PARAM("w", EACH, 0, "finite", NULL, "initial adaptation current in pA"),                   \
        PARAM(synapse "_ex", EACH, 0, ">= 0", NULL, "initial excitatory input in " unit),          \
        PARAM(synapse "_in", EACH, 0, ">= 0", NULL, "initial inhibitory input in " unit)

/* What the slopes need; the coefficients of a neuron are the first AEIF_NCOEFFICIENTS members. */
typedef struct {
    double capacity, leak, rest, width, tau_w, a, b, threshold, reset, peak, trigger, tau_ex,
        tau_in;
    double hold, drive, tolerance, reversal_ex, reversal_in;
    double current, refractory;
} aeif_neuron;
enum { AEIF_NCOEFFICIENTS = offsetof(aeif_neuron, current) / sizeof(double) };

static inline int aeif_prepare(const double *p, double reversal_ex, double reversal_in, double *c)
{
    aeif_neuron n = {.capacity = p[AEIF_C_M], .leak = p[AEIF_G_L], .rest = p[AEIF_E_L]};
    STC_CHECK(p[AEIF_V_RESET] < p[AEIF_V_PEAK] && p[AEIF_V_TH] <= p[AEIF_V_PEAK], STC_ERR_INPUT,
              "V_reset %g, V_th %g, V_peak %g mV: expected V_reset < V_peak and V_th <= V_peak",
              p[AEIF_V_RESET], p[AEIF_V_TH], p[AEIF_V_PEAK]);
    STC_CHECK(p[AEIF_V_PEAK] - p[AEIF_V_TH] < 660 * p[AEIF_DELTA_T] || p[AEIF_DELTA_T] == 0,
              STC_ERR_INPUT, "exp((V_peak - V_th) / Delta_T) overflows; raise Delta_T of %g mV",
              p[AEIF_DELTA_T]);
    STC_TRY(refractory_steps(p[AEIF_DT], p[AEIF_T_REF], p[AEIF_T_REF_STEPS], &n.hold));
    n.width = p[AEIF_DELTA_T];
    n.tau_w = p[AEIF_TAU_W];
    n.a = p[AEIF_A];
    n.b = p[AEIF_B];
    n.threshold = p[AEIF_V_TH];
    n.reset = p[AEIF_V_RESET];
    n.peak = p[AEIF_V_PEAK];
    n.trigger = n.width > 0 ? n.peak : n.threshold;
    n.tau_ex = p[AEIF_TAU_SYN_EX];
    n.tau_in = p[AEIF_TAU_SYN_IN];
    n.drive = p[AEIF_I_E];
    n.tolerance = p[AEIF_TOLERANCE];
    n.reversal_ex = reversal_ex;
    n.reversal_in = reversal_in;
    memcpy(c, &n, AEIF_NCOEFFICIENTS * sizeof *c);
    return all_finite(AEIF_NCOEFFICIENTS, c);
}

static inline void aeif_start(const double *p, double *state)
{
    state[AEIF_V] = p[AEIF_V_M];
    state[AEIF_EX] = p[AEIF_S_EX];
    state[AEIF_IN] = p[AEIF_S_IN];
    state[AEIF_ADAPTATION] = p[AEIF_W];
    state[AEIF_I_0] = 0;
    state[AEIF_REFRACTORY] = 0;
    state[AEIF_STEP] = fmin(0.01, p[AEIF_DT]);
}

/* Slopes of y = V, s_ex, s_in, w. */
static inline void aeif_slopes(const aeif_neuron *n, bool conductances, const double *y, double *dy)
{
    const bool refractory = n->refractory > 0;
    const double v = refractory ? n->reset : y[0] < n->peak ? y[0] : n->peak;
    const double ex = y[1], in = y[2], w = y[3];
    const double spike =
        n->width == 0 ? 0 : n->leak * n->width * exp_each((v - n->threshold) / n->width);
    double sum = -n->leak * (v - n->rest) + spike;
    if (conductances) {
        sum = sum - ex * (v - n->reversal_ex) - in * (v - n->reversal_in);
    } else {
        sum = sum + ex - in;
    }
    dy[0] = refractory ? 0 : (sum - w + n->drive + n->current) / n->capacity;
    dy[1] = -ex / n->tau_ex;
    dy[2] = -in / n->tau_in;
    dy[3] = (n->a * (v - n->rest) - w) / n->tau_w;
}

/* y and the length of its steps over one dt; did the neuron fire? */
static inline bool aeif_advance(aeif_neuron *n, adaptive_slopes *slopes, double dt, double *length,
                                double *y)
{
    bool fires = false;
    double t = 0;
    for (int step = 0; step < AEIF_MOST_STEPS && t < dt; step++) {
        adaptive_step(slopes, n, n->tolerance, dt, &t, length, y);
        if (n->refractory > 0) {
            y[0] = n->reset;
        } else if (y[0] >= n->trigger) {
            y[0] = n->reset;
            y[3] += n->b;
            n->refractory = n->hold > 0 ? n->hold + 1 : 0;
            fires = true;
        }
    }
    return fires;
}

static inline void aeif_update(int64_t n, const stc_population_step *run, adaptive_slopes *slopes)
{
    for (int64_t i = 0; i < n; i++) {
        double c[sizeof(aeif_neuron) / sizeof(double)], y[ADAPTIVE_VARIABLES];
        for (int k = 0; k < AEIF_NCOEFFICIENTS; k++)
            c[k] = COEFFICIENT(k)[i];
        for (int v = 0; v < ADAPTIVE_VARIABLES; v++)
            y[v] = STATE(v)[i];
        aeif_neuron neuron;
        memcpy(&neuron, c, AEIF_NCOEFFICIENTS * sizeof *c);
        neuron.current = STATE(AEIF_I_0)[i];
        neuron.refractory = STATE(AEIF_REFRACTORY)[i];
        double length = STATE(AEIF_STEP)[i];
        run->spikes[i] = aeif_advance(&neuron, slopes, run->params[AEIF_DT], &length, y);
        y[1] += INPUT(0)[i];
        y[2] -= INPUT(1)[i];
        for (int v = 0; v < ADAPTIVE_VARIABLES; v++)
            STATE(v)[i] = (real)y[v];
        STATE(AEIF_I_0)[i] = CURRENT[i];
        STATE(AEIF_REFRACTORY)[i] = (real)(neuron.refractory > 0 ? neuron.refractory - 1 : 0);
        STATE(AEIF_STEP)[i] = (real)length;
    }
}

#endif
