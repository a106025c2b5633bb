/* phase_encoding.c - weighted spikes: the steps of a period carry the bits of the value, most
 * significant first, and every period repeats them. Values lie in [0, 1); the value of the first
 * step of a period becomes a multiple of 2^-bits. */
#include "phase.h"

#include <math.h>

enum { ROUNDING = STC_PHASE_NPARAMS, NPARAMS };
enum { NEAREST, DOWN };

static const stc_attr_spec params[NPARAMS] = {
    [STC_PHASE_BITS] = STC_PHASE_BITS_SPEC,
    [ROUNDING] = {"rounding", STC_ATTR_CHOICE, false, NEAREST, "", 0, "nearest down",
                  "of the value"},
};

static int output_kind(const double *p, stc_kind in, stc_kind *out)
{
    (void)in;
    *out = STC_KIND_BIT;
    return stc_phase_check(p);
}

static void step(int64_t n, const stc_code_step *run)
{
    const int bits = (int)run->params[STC_PHASE_BITS], bit = (int)(run->step % bits);
    const bool down = (int)run->params[ROUNDING] == DOWN;
    const float scale = (float)(1 << bits), most = scale - 1.0f;
    float *restrict number = run->state;
    for (int64_t i = 0; i < n && bit == 0; i++) {
        float scaled = stc_unit_interval(run->x[i]) * scale;
        float q = down ? floorf(scaled) : nearbyintf(scaled);
        number[i] = q < most ? q : most;
    }
    for (int64_t i = 0; i < n; i++)
        run->out[i] = (float)((int)number[i] >> (bits - 1 - bit) & 1);
}

const stc_code stc_code_phase_encoding = {
    .name = "phase_encoding",
    .type = "PhaseEncoding",
    .help = "the bits of the value, most significant first, in every period",
    .params = params,
    .nparams = NPARAMS,
    .nstate = stc_one_state,
    .output_kind = output_kind,
    .step = step,
};
