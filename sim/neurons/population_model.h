/* population_model.h - what the file of a population model needs: the name of its table for the
 * instruction set (STC_ISA) and the type of its state (STC_REAL) that it is compiled for, how
 * update reads its arguments, and what several models compute in prepare.
 *
 * An update is one loop under `#pragma omp simd` without branches: both cases of a condition are
 * computed and one is chosen, so that each instruction set gives the same bits. Counters of
 * refractory steps are whole numbers in `real`. Coefficients are prepared in double.
 */
#ifndef STC_POPULATION_MODEL_H
#define STC_POPULATION_MODEL_H

#include "exponential.h"
#include "model.h"
#include "stc/population.h"

#define STC_POPULATION_JOIN(name, isa, real)   stc_population_##name##_##isa##_##real
#define STC_POPULATION_EXPAND(name, isa, real) STC_POPULATION_JOIN(name, isa, real)
#define STC_POPULATION(name)                   STC_POPULATION_EXPAND(name, STC_ISA, STC_REAL)

#ifdef STC_REAL
typedef STC_REAL real;

#define COEFFICIENT(index) ((const real *)run->coefficient[index])
#define STATE(index)       ((real *)run->state[index])
#define INPUT(port)        ((const real *)run->input[port])
#define CURRENT            ((const real *)run->current)
#endif

/* ---- parameters that models share ---- */

#define PARAM_DT PARAM("dt", REAL, 0.1, "> 0", NULL, "duration of a step in ms")
#define PARAM_T_REF(initial)                                                                       \
    PARAM("t_ref", EACH, initial, ">= 0", NULL, "refractory time in ms, rounded up to steps"),     \
        PARAM("t_ref_steps", EACH, -1, ">= -1", NULL, "refractory steps; -1: those of t_ref")

#define NO_LOWEST   (-1e30) /* V_min that is not set; a float, and lower than any potential */
#define PARAM_V_MIN PARAM("V_min", EACH, NO_LOWEST, "", NULL, "lower bound of the potential in mV")

#define EULERS_NUMBER 0x1.5bf0a8b145769p+1

/* Refractory steps. NEST's rule: t_ref rounded to 0.001 ms, then up to a whole step. */
static inline int refractory_steps(double dt, double t_ref, double given, double *steps)
{
    *steps = given;
    if (given == -1) *steps = ceil(floor(t_ref * 1000 + 0.5) / (dt * 1000) - 1e-6);
    STC_CHECK(*steps >= 0 && *steps <= 1e7 && *steps == floor(*steps), STC_ERR_INPUT,
              "t_ref %g ms, t_ref_steps %g: expected a whole number of steps from 0 to 10000000",
              t_ref, given);
    return STC_OK;
}

static inline int reset_below_threshold(double reset, double threshold)
{
    STC_CHECK(reset < threshold, STC_ERR_INPUT, "V_reset is %g mV, expected below V_th, %g mV",
              reset, threshold);
    return STC_OK;
}

/* Coefficients must be finite in the type of the state. */
static inline int all_finite(int n, const double *coefficient)
{
    for (int k = 0; k < n; k++) {
        STC_CHECK(isfinite((float)coefficient[k]), STC_ERR_INPUT,
                  "the parameters give a coefficient of %g; they and dt / tau must fit float32",
                  coefficient[k]);
    }
    return STC_OK;
}

/* What exp(-t / tau_syn) does to the membrane in a step h, per unit of current; equal or nearly
 * equal time constants leave no positive normal number and need the limit, h / C exp(-h / tau). */
static inline double synapse_to_membrane(double tau_syn, double tau_m, double c_m, double h)
{
    const double beta = tau_syn * tau_m / (tau_m - tau_syn);
    const double inverse_beta = (tau_m - tau_syn) / (tau_syn * tau_m);
    const double regular =
        beta / c_m * exp_rounded(-h * (1 / tau_syn)) * expm1_rounded(h * inverse_beta);
    if (isnormal(regular) && regular > 0) return regular;
    return h * (1 / c_m) * exp_rounded(-h * (1 / tau_m));
}

/* The same for a current that is the integral of an exponential: an alpha function. */
static inline double alpha_to_membrane(double tau_syn, double tau_m, double c_m, double h)
{
    const double shortest = 1e-7 * tau_m * tau_m / fabs(tau_m - tau_syn); /* for the difference */
    const double beta = tau_syn * tau_m / (tau_m - tau_syn);
    const double inverse_beta = (tau_m - tau_syn) / (tau_syn * tau_m);
    if (h > shortest) {
        return beta / c_m * exp_rounded(-h * (1 / tau_syn)) *
               (beta * expm1_rounded(h * inverse_beta) - h);
    }
    return 0.5 * h * h * (1 / c_m) * exp_rounded(-h * (1 / tau_m));
}

/* V_min - E_L; anything below NO_LOWEST, NEST's defaults among them, is no bound. */
static inline double lowest_potential(double v_min, double e_l)
{
    return v_min > NO_LOWEST ? v_min - e_l : NO_LOWEST;
}

#endif
