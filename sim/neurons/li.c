/* li.c - NIR's LI: tau v' = (v_leak - v) + r x. The output is v itself.
 *
 *     v = (v + k (v_leak - v)) + g x          k and g of the integrator: membrane.h
 */
#include "membrane.h"

#include <string.h>

enum { V0 = LEAKY_NPARAMS, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {LEAKY_SPECS, MEMBRANE_V0};
static const char *const states[] = {"v"};

static int output_kind(const double *p, stc_kind *kind)
{
    (void)p;
    *kind = STC_KIND_REAL;
    return STC_OK;
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    state[0] = (float)p[V0];
}

static void step(int64_t n, const stc_neuron_step *run)
{
    const float *const *c = run->coefficient;
    leaky_charge(n, c[LEAKY_K], c[LEAKY_REST], c[LEAKY_G], run->x, run->state[0]);
    memcpy(run->out, run->state[0], (size_t)n * sizeof(float));
}

const stc_neuron_model STC_MODEL(li) = {
    .name = "li",
    .type = "LI",
    .help = "leaky integrator of NIR; gives its potential",
    .nstate = 1,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = LEAKY_NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = leaky_prepare,
    .start = start,
    .step = step,
};
