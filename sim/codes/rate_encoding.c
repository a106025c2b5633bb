/* rate_encoding.c - a spike with probability gain * value in every step, independent of all others
 * (Bernoulli). The probability is exact to 2^-32. */
#include "code.h"

enum { GAIN, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {
    [GAIN] = {"gain", STC_ATTR_REAL, false, 1, "> 0", 0, NULL, "probability of value 1"},
};

static void step(int64_t n, const stc_code_step *run)
{
    const float gain = (float)run->params[GAIN];
    const uint32_t *restrict word = run->random[0];
    const float *restrict x = run->x;
    float *restrict out = run->out;
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)word[i] * 0x1p-32 < (double)(gain * x[i]) ? 1.0f : 0.0f;
}

const stc_code stc_code_rate_encoding = {
    .name = "rate_encoding",
    .type = "RateEncoding",
    .help = "a spike with probability gain * value",
    .params = params,
    .nparams = NPARAMS,
    .random = true,
    .output_kind = stc_gives_bits,
    .step = step,
};
