/* aeif_cond_exp.c - adaptive exponential integrate-and-fire neuron with exponential synaptic
 * conductances: aeif.h. */
#include "aeif.h"

enum { E_EX = AEIF_NPARAMS, E_IN, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {
    AEIF_SPECS("g", "nS"),
    PARAM("E_ex", EACH, 0, "finite", NULL, "excitatory reversal potential in mV"),
    PARAM("E_in", EACH, -85, "finite", NULL, "inhibitory reversal potential in mV"),
};
static const char *const states[AEIF_NSTATE] = {
    "V_m", "g_ex", "g_in", "w", "I_0", "refractory", "integration_step"};
static const char *const units[AEIF_NSTATE] = {"mV", "nS", "nS", "pA", "pA", "steps", "ms"};
static const int origins[AEIF_NSTATE] = {-1, -1, -1, -1, -1, -1, -1};

static int prepare(const double *p, double *c)
{
    return aeif_prepare(p, p[E_EX], p[E_IN], c);
}

static void slopes(const void *neuron, const double *y, double *slope)
{
    aeif_slopes(neuron, true, y, slope);
}

static void update(int64_t n, const stc_population_step *run)
{
    aeif_update(n, run, slopes);
}

const stc_population_model STC_POPULATION(aeif_cond_exp) = {
    .name = "aeif_cond_exp",
    .type = "aeif_cond_exp",
    .help = "adaptive exponential integrate-and-fire neuron with synaptic conductances",
    .nstate = AEIF_NSTATE,
    .states = states,
    .units = units,
    .origins = origins,
    .nports = 2,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = AEIF_NCOEFFICIENTS,
    .prepare = prepare,
    .start = aeif_start,
    .update = update,
};
