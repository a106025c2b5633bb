/* cuba_li.c - NIR's CubaLI: tau_syn i' = -i + w_in x, tau_mem v' = (v_leak - v) + r i. The output
 * is v itself.
 *
 *     i = (i - ki i) + gi x,   v = (v + k (v_leak - v)) + g i      euler, decay: v reads the new i
 *
 * exact and the coefficients: membrane.h. */
#include "membrane.h"

#include <string.h>

enum { V0 = CUBA_NPARAMS, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {CUBA_SPECS, MEMBRANE_V0};
static const char *const states[CUBA_NSTATE] = {[CUBA_V] = "v", [CUBA_I] = "i"};

static int output_kind(const double *p, stc_kind *kind)
{
    *kind = STC_KIND_REAL;
    return cuba_check(p);
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    state[CUBA_V] = (float)p[V0];
    state[CUBA_I] = 0.0f;
}

static void step(int64_t n, const stc_neuron_step *run)
{
    cuba_charge(0, n, run, run->params, run->coefficient);
    memcpy(run->out, run->state[CUBA_V], (size_t)n * sizeof(float));
}

const stc_neuron_model STC_MODEL(cuba_li) = {
    .name = "cuba_li",
    .type = "CubaLI",
    .help = "leaky integrator behind a current-based synapse, of NIR; gives its potential",
    .nstate = CUBA_NSTATE,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = CUBA_NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = cuba_prepare,
    .start = start,
    .step = step,
};
