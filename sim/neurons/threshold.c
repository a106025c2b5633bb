/* threshold.c - NIR's Threshold: 1 where x > threshold (compare gt) or x >= threshold (ge), else 0.
 * It has no state. NIR's text speaks of a Dirac; all simulators emit 1 for one step. */
#include "firing.h"

enum { THRESHOLD, COMPARE, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {
    [THRESHOLD] = REQUIRED("threshold", EACH, 0.25, "finite", NULL, "value that the input passes"),
    [COMPARE] = FIRING_COMPARE_SPEC,
};

static int output_kind(const double *p, stc_kind *kind)
{
    (void)p;
    *kind = STC_KIND_BIT;
    return STC_OK;
}

static int prepare(const double *p, float *coefficient)
{
    coefficient[0] = (float)p[THRESHOLD];
    return coefficients_finite(1, coefficient);
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    (void)p;
    (void)state;
}

static void step(int64_t n, const stc_neuron_step *run)
{
    const bool ge = run->params[COMPARE] == FIRING_GE;
    firing_count_one(n, ge, run->x, run->coefficient[0], run->out);
}

const stc_neuron_model STC_MODEL(threshold) = {
    .name = "threshold",
    .type = "Threshold",
    .help = "bit that says whether the input passes a threshold, of NIR",
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = 1,
    .output_kind = output_kind,
    .prepare = prepare,
    .start = start,
    .step = step,
};
