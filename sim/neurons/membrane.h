/* membrane.h - how the models of NIR charge their potential: a step of dt of
 *
 *     a membrane              tau v' = (v_leak - v) + r x
 *     one behind a synapse    tau_syn i' = -i + w_in x,     tau_mem v' = (v_leak - v) + r i
 *
 * with x constant over the step. A membrane is one expression for all integrators,
 *
 *     v = (v + k (v_leak - v)) + g x
 *     euler   k = dt / tau               g = k r             forward Euler
 *     exact   k = 1 - exp(-dt / tau)     g = k r             the solution of the equation
 *     decay   k = 1 - exp(-dt / tau)     g = (dt / tau) r    exponential decay, input as in euler
 *
 * so v_leak is where v rests under each of them. gain no_r takes r as 1 (Norse), gain unit sets
 * g = 1 (what Sinabs and Spyx make of a file). A synapse is a membrane that rests at 0 with w_in in
 * place of r; in euler and decay the membrane behind it reads the current of this step:
 *
 *     i = (i - ki i) + gi x,      v = (v + k (v_leak - v)) + g i
 *
 * gain unit sets g = gi = 1 there; gain decayed sets g = 1 and gi = 1 - ki: x is added before the
 * synapse decays (Rockpool). exact is the solution of both equations together, from the current
 * before the step; with m = dt / tau_mem and s = dt / tau_syn,
 *
 *     v = (v + k (v_leak - v)) + (g i + gx x),     i = (i - ki i) + gi x
 *     h = m exp(-min(m, s)) (1 - exp(-|m - s|)) / |m - s|, the last quotient 1 for m = s
 *     g = r h,     gx = w_in r (k - h)
 *
 * Coefficients are computed in float64 and rounded once to float32, as is each operation of a step.
 * Exponentials are those of exponential.h, which depend on no library. Each family below has its
 * parameters, coefficients and loops together.
 */
#ifndef STC_MEMBRANE_H
#define STC_MEMBRANE_H

#include "exponential.h"
#include "model.h"

enum { MEMBRANE_EULER, MEMBRANE_EXACT, MEMBRANE_DECAY }; /* integrator */
enum { MEMBRANE_ODE, MEMBRANE_UNIT, MEMBRANE_NO_R };     /* gain of a membrane */
enum { SYNAPSE_ODE, SYNAPSE_UNIT, SYNAPSE_DECAYED };     /* gain of synapse and membrane */

#define MEMBRANE_DT              PARAM("dt", REAL, 1e-4, "> 0", NULL, "duration of a step in seconds")
#define MEMBRANE_TAU(name, help) REQUIRED(name, EACH, 2e-4, "> 0", NULL, help)
#define MEMBRANE_INTEGRATOR                                                                        \
    PARAM("integrator", CHOICE, MEMBRANE_EULER, "", "euler exact decay",                           \
          "forward Euler, the exact solution, or exponential decay with Euler's input")
#define MEMBRANE_V_LEAK PARAM("v_leak", EACH, 0, "finite", NULL, "potential at rest")
#define MEMBRANE_V0                                                                                \
    PARAM("v0", EACH, 0, "finite", NULL, "potential before the first step of a sample")

/* ---- coefficients of one neuron ---- */

/* k of a step with a = dt / tau. */
static inline double membrane_rate(double integrator, double a)
{
    return integrator == MEMBRANE_EULER ? a : -expm1_rounded(-a);
}

/* g of a step for an input that weighs r. */
static inline double membrane_gain(double integrator, double a, double r)
{
    return (integrator == MEMBRANE_EXACT ? membrane_rate(integrator, a) : a) * r;
}

/* ---- v' = r x ---- */

enum { PLAIN_R, PLAIN_DT, PLAIN_GAIN, PLAIN_NPARAMS };
enum { PLAIN_G, PLAIN_NCOEFFICIENTS };

#define PLAIN_SPECS                                                                                \
    REQUIRED("r", EACH, 5e3, "finite", NULL, "weight of the input per second"), MEMBRANE_DT,       \
        PARAM("gain", CHOICE, MEMBRANE_ODE, "", "ode unit",                                        \
              "weight of the input in a step: dt r, or 1")

static inline int plain_prepare(const double *p, float *coefficient)
{
    coefficient[PLAIN_G] = (float)(p[PLAIN_GAIN] == MEMBRANE_UNIT ? 1.0 : p[PLAIN_DT] * p[PLAIN_R]);
    return coefficients_finite(PLAIN_NCOEFFICIENTS, coefficient);
}

static inline void plain_charge(int64_t n, const float *restrict gain, const float *restrict x,
                                float *restrict v)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = v[i] + gain[i] * x[i];
}

/* ---- a membrane ---- */

enum { LEAKY_TAU, LEAKY_R, LEAKY_V_LEAK, LEAKY_DT, LEAKY_INTEGRATOR, LEAKY_GAIN, LEAKY_NPARAMS };
enum { LEAKY_K, LEAKY_REST, LEAKY_G, LEAKY_NCOEFFICIENTS };

#define LEAKY_SPECS                                                                                \
    MEMBRANE_TAU("tau", "membrane time constant in seconds"),                                      \
        PARAM("r", EACH, 1, "finite", NULL, "weight of the input"), MEMBRANE_V_LEAK, MEMBRANE_DT,  \
        MEMBRANE_INTEGRATOR,                                                                       \
        PARAM("gain", CHOICE, MEMBRANE_ODE, "", "ode unit no_r",                                   \
              "weight of the input in a step: by the equation, 1, or with r taken as 1")

static inline int leaky_prepare(const double *p, float *coefficient)
{
    const double a = p[LEAKY_DT] / p[LEAKY_TAU];
    const double r = p[LEAKY_GAIN] == MEMBRANE_NO_R ? 1.0 : p[LEAKY_R];
    const bool unit = p[LEAKY_GAIN] == MEMBRANE_UNIT;
    coefficient[LEAKY_K] = (float)membrane_rate(p[LEAKY_INTEGRATOR], a);
    coefficient[LEAKY_REST] = (float)p[LEAKY_V_LEAK];
    coefficient[LEAKY_G] = (float)(unit ? 1.0 : membrane_gain(p[LEAKY_INTEGRATOR], a, r));
    return coefficients_finite(LEAKY_NCOEFFICIENTS, coefficient);
}

static inline void leaky_charge(int64_t n, const float *restrict rate, const float *restrict rest,
                                const float *restrict gain, const float *restrict x,
                                float *restrict v)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (v[i] + rate[i] * (rest[i] - v[i])) + gain[i] * x[i];
}

/* ---- a membrane behind a synapse ---- */

enum {
    CUBA_TAU_SYN,
    CUBA_TAU_MEM,
    CUBA_R,
    CUBA_V_LEAK,
    CUBA_W_IN,
    CUBA_DT,
    CUBA_INTEGRATOR,
    CUBA_GAIN,
    CUBA_NPARAMS
};
enum { CUBA_K, CUBA_REST, CUBA_G, CUBA_KI, CUBA_GI, CUBA_GX, CUBA_NCOEFFICIENTS };
enum { CUBA_V, CUBA_I, CUBA_NSTATE };

#define CUBA_SPECS                                                                                 \
    MEMBRANE_TAU("tau_syn", "synaptic time constant in seconds"),                                  \
        MEMBRANE_TAU("tau_mem", "membrane time constant in seconds"),                              \
        PARAM("r", EACH, 1, "finite", NULL, "weight of the synaptic current"), MEMBRANE_V_LEAK,    \
        PARAM("w_in", EACH, 1, "finite", NULL, "weight of the input"), MEMBRANE_DT,                \
        MEMBRANE_INTEGRATOR,                                                                       \
        PARAM("gain", CHOICE, SYNAPSE_ODE, "", "ode unit decayed",                                 \
              "weights in a step: by the equations, 1, or 1 before the synapse decays")

static inline int cuba_check(const double *p)
{
    STC_CHECK(p[CUBA_GAIN] == SYNAPSE_ODE || p[CUBA_INTEGRATOR] != MEMBRANE_EXACT, STC_ERR_INPUT,
              "integrator exact solves the equations, which gain must leave as they are (ode)");
    return STC_OK;
}

static inline int cuba_prepare(const double *p, float *coefficient)
{
    const double integrator = p[CUBA_INTEGRATOR];
    const double m = p[CUBA_DT] / p[CUBA_TAU_MEM], s = p[CUBA_DT] / p[CUBA_TAU_SYN];
    const double k = membrane_rate(integrator, m), ki = membrane_rate(integrator, s);
    double g = membrane_gain(integrator, m, p[CUBA_R]), gx = 0.0;
    double gi = membrane_gain(integrator, s, p[CUBA_W_IN]);
    STC_TRY(cuba_check(p));
    if (p[CUBA_GAIN] != SYNAPSE_ODE) {
        g = 1.0;
        gi = p[CUBA_GAIN] == SYNAPSE_UNIT ? 1.0 : 1.0 - ki;
    } else if (integrator == MEMBRANE_EXACT) {
        const double apart = fabs(m - s);
        const double share = apart > 0 ? -expm1_rounded(-apart) / apart : 1.0;
        const double h = m * exp_rounded(m < s ? -m : -s) * share;
        g = p[CUBA_R] * h;
        gx = p[CUBA_W_IN] * p[CUBA_R] * (k - h);
    }
    const double all[CUBA_NCOEFFICIENTS] = {k, p[CUBA_V_LEAK], g, ki, gi, gx};
    for (int c = 0; c < CUBA_NCOEFFICIENTS; c++)
        coefficient[c] = (float)all[c];
    return coefficients_finite(CUBA_NCOEFFICIENTS, coefficient);
}

static inline void synapse_charge(int64_t n, const float *restrict rate, const float *restrict gain,
                                  const float *restrict x, float *restrict current)
{
    for (int64_t i = 0; i < n; i++)
        current[i] = (current[i] - rate[i] * current[i]) + gain[i] * x[i];
}

static inline void coupled_charge(int64_t n, const float *restrict rate, const float *restrict rest,
                                  const float *restrict gain, const float *restrict current,
                                  const float *restrict input_gain, const float *restrict x,
                                  float *restrict v)
{
    for (int64_t i = 0; i < n; i++) {
        v[i] = (v[i] + rate[i] * (rest[i] - v[i])) + (gain[i] * current[i] + input_gain[i] * x[i]);
    }
}

/* Neurons lo .. hi; c: the coefficients of cuba_prepare; p: the parameters of CUBA_SPECS. */
static inline void cuba_charge(int64_t lo, int64_t hi, const stc_neuron_step *run, const double *p,
                               const float *const *c)
{
    const int64_t n = hi - lo;
    const float *x = run->x + lo;
    float *v = run->state[CUBA_V] + lo, *current = run->state[CUBA_I] + lo;
    if (p[CUBA_INTEGRATOR] == MEMBRANE_EXACT) {
        coupled_charge(n, c[CUBA_K] + lo, c[CUBA_REST] + lo, c[CUBA_G] + lo, current,
                       c[CUBA_GX] + lo, x, v);
        synapse_charge(n, c[CUBA_KI] + lo, c[CUBA_GI] + lo, x, current);
    } else {
        synapse_charge(n, c[CUBA_KI] + lo, c[CUBA_GI] + lo, x, current);
        leaky_charge(n, c[CUBA_K] + lo, c[CUBA_REST] + lo, c[CUBA_G] + lo, current, v);
    }
}

#endif
