/* izhikevich.c - Izhikevich's simple model; NEST's izhikevich, spike for spike in double.
 *
 *     V' = 0.04 V^2 + 5 V + 140 - u + I_e + I_0,   V jumps by w        mV, ms, pA
 *     u' = a (b V - u)
 *     V >= V_th: spike, V = c, u = u + d
 *
 * One update with consistent_integration (the default) is forward Euler:
 *
 *     V = V + (dt (0.04 V V + 5 V + 140 - u + I_0 + I_e) + weights that arrive now)
 *     u = u + dt a (b V - u)             both right sides with V and u of before
 *
 * and without it the scheme that was published, meant for dt = 1 ms: what arrives is a current,
 *
 *     V = V + dt 0.5 (0.04 V V + 5 V + 140 - u + I_0 + I_e + weights)      twice
 *     u = u + dt a (b V - u)             with the new V
 *
 * then V = max(V_min, V), the comparison with V_th and the reset; I_0 is the current that the
 * generators delivered in the update before.
 *
 * Source: Izhikevich 2003, Simple model of spiking neurons; NEST 3 for the order of the sums.
 */
#include "population_model.h"

enum { DT, A, B, C, D, V_TH, V_MIN, I_E, CONSISTENT, V_M, U_M, NPARAMS };
enum { V, U, I_0, NSTATE };
enum { K_A, K_B, K_C, K_D, THRESHOLD, LOWEST, DRIVE, NCOEFFICIENTS };

static const stc_attr_spec params[NPARAMS] = {
    PARAM_DT,
    PARAM("a", EACH, 0.02, "finite", NULL, "rate of the recovery variable in 1/ms"),
    PARAM("b", EACH, 0.2, "finite", NULL, "how the recovery variable follows the potential"),
    PARAM("c", EACH, -65, "finite", NULL, "potential after a spike in mV"),
    PARAM("d", EACH, 8, "finite", NULL, "what a spike adds to the recovery variable"),
    PARAM("V_th", EACH, 30, "finite", NULL, "threshold in mV"),
    PARAM_V_MIN,
    PARAM("I_e", EACH, 0, "finite", NULL, "constant current in pA"),
    PARAM("consistent_integration", BOOL, 1, "", NULL,
          "forward Euler; false: the published scheme, for steps of 1 ms"),
    PARAM("V_m", EACH, -65, "finite", NULL, "initial membrane potential in mV"),
    PARAM("U_m", EACH, -13, "finite", NULL, "initial recovery variable in mV"),
};
static const char *const states[NSTATE] = {"V_m", "U_m", "I_0"};
static const char *const units[NSTATE] = {"mV", "mV", "pA"};
static const int origins[NSTATE] = {-1, -1, -1};

static int prepare(const double *p, double *c)
{
    c[K_A] = p[A];
    c[K_B] = p[B];
    c[K_C] = p[C];
    c[K_D] = p[D];
    c[THRESHOLD] = p[V_TH];
    c[LOWEST] = lowest_potential(p[V_MIN], 0);
    c[DRIVE] = p[I_E];
    return all_finite(NCOEFFICIENTS, c);
}

static void start(const double *p, double *state)
{
    state[V] = p[V_M];
    state[U] = p[U_M];
    state[I_0] = 0;
}

static inline real slope(real v, real u, real current, real drive)
{
    return (real)0.04 * v * v + 5 * v + 140 - u + current + drive;
}

static void euler(int64_t n, const stc_population_step *run, real h)
{
    const real *a = COEFFICIENT(K_A), *b = COEFFICIENT(K_B), *drive = COEFFICIENT(DRIVE);
    const real *arrive = INPUT(0);
    real *v = STATE(V), *u = STATE(U), *i_0 = STATE(I_0);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real before = v[i], recovery = u[i];
        v[i] = before + (h * slope(before, recovery, i_0[i], drive[i]) + arrive[i]);
        u[i] = recovery + h * a[i] * (b[i] * before - recovery);
    }
}

static void published(int64_t n, const stc_population_step *run, real h)
{
    const real *a = COEFFICIENT(K_A), *b = COEFFICIENT(K_B), *drive = COEFFICIENT(DRIVE);
    const real *arrive = INPUT(0), half = h * (real)0.5;
    real *v = STATE(V), *u = STATE(U), *i_0 = STATE(I_0);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real recovery = u[i];
        const real middle = v[i] + half * (slope(v[i], recovery, i_0[i], drive[i]) + arrive[i]);
        const real end = middle + half * (slope(middle, recovery, i_0[i], drive[i]) + arrive[i]);
        v[i] = end;
        u[i] = recovery + h * a[i] * (b[i] * end - recovery);
    }
}

static void update(int64_t n, const stc_population_step *run)
{
    const real *threshold = COEFFICIENT(THRESHOLD), *lowest = COEFFICIENT(LOWEST);
    const real *c = COEFFICIENT(K_C), *d = COEFFICIENT(K_D), *current = CURRENT;
    real *v = STATE(V), *u = STATE(U), *i_0 = STATE(I_0);
    uint8_t *spikes = run->spikes;
    (run->params[CONSISTENT] != 0 ? euler : published)(n, run, (real)run->params[DT]);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        const real charged = v[i] < lowest[i] ? lowest[i] : v[i];
        const bool fires = charged >= threshold[i];
        const real jumped = u[i] + d[i];
        v[i] = fires ? c[i] : charged;
        u[i] = fires ? jumped : u[i];
        i_0[i] = current[i];
        spikes[i] = fires;
    }
}

const stc_population_model STC_POPULATION(izhikevich) = {
    .name = "izhikevich",
    .type = "izhikevich",
    .help = "Izhikevich's simple model",
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
