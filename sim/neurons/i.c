/* i.c - NIR's I: v' = r x. The output is v itself.
 *
 *     v = v + g x          g = dt r (gain ode) or 1 (gain unit), computed in float64
 */
#include "membrane.h"

#include <string.h>

enum { V0 = PLAIN_NPARAMS, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {PLAIN_SPECS, MEMBRANE_V0};
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
    plain_charge(n, run->coefficient[PLAIN_G], run->x, run->state[0]);
    memcpy(run->out, run->state[0], (size_t)n * sizeof(float));
}

const stc_neuron_model STC_MODEL(i) = {
    .name = "i",
    .type = "I",
    .help = "integrator of NIR; gives its potential",
    .nstate = 1,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = PLAIN_NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = plain_prepare,
    .start = start,
    .step = step,
};
