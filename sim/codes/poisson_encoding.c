/* poisson_encoding.c - a number of spikes in every step that is Poisson distributed around gain *
 * value, independent of all others. The generator poisson (a source of networks) draws the same way
 * around a rate that is fixed. */
#include "code.h"

enum { GAIN, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {
    [GAIN] = {"gain", STC_ATTR_REAL, false, 1, "> 0", 0, NULL, "mean number for value 1"},
};

enum { MOST_MEAN = 100, MOST_COUNT = 255 };

static int output_kind(const double *p, stc_kind in, stc_kind *out)
{
    (void)p;
    (void)in;
    *out = (stc_kind){.unit = 1.0, .max = MOST_COUNT};
    return STC_OK;
}

static void step(int64_t n, const stc_code_step *run)
{
    const float gain = (float)run->params[GAIN];
    for (int64_t i = 0; i < n; i++) {
        double mean = (double)(gain * run->x[i]);
        if (mean > MOST_MEAN) mean = MOST_MEAN;
        run->out[i] = 0.0f;
        if (!(mean > 0.0)) continue;
        double u = stc_random_open52(run->random[0][i], run->random[1][i]);
        run->out[i] = (float)stc_random_poisson(u, mean, stc_math_exp(-mean), MOST_COUNT);
    }
}

const stc_code stc_code_poisson_encoding = {
    .name = "poisson_encoding",
    .type = "PoissonEncoding",
    .help = "Poisson distributed counts with mean gain * value",
    .params = params,
    .nparams = NPARAMS,
    .random = true,
    .output_kind = output_kind,
    .step = step,
};
