/* aeif_psc_exp.c - adaptive exponential integrate-and-fire neuron with exponential synaptic
 * currents: aeif.h. */
#include "aeif.h"

enum { NPARAMS = AEIF_NPARAMS };

static const stc_attr_spec params[NPARAMS] = {AEIF_SPECS("I_syn", "pA")};
static const char *const states[AEIF_NSTATE] = {"V_m", "I_syn_ex",   "I_syn_in",        "w",
                                                "I_0", "refractory", "integration_step"};
static const char *const units[AEIF_NSTATE] = {"mV", "pA", "pA", "pA", "pA", "steps", "ms"};
static const int origins[AEIF_NSTATE] = {-1, -1, -1, -1, -1, -1, -1};

static int prepare(const double *p, double *c)
{
    return aeif_prepare(p, 0, 0, c);
}

static void slopes(const void *neuron, const double *y, double *slope)
{
    aeif_slopes(neuron, false, y, slope);
}

static void update(int64_t n, const stc_population_step *run)
{
    aeif_update(n, run, slopes);
}

const stc_population_model STC_POPULATION(aeif_psc_exp) = {
    .name = "aeif_psc_exp",
    .type = "aeif_psc_exp",
    .help = "adaptive exponential integrate-and-fire neuron with synaptic currents",
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
