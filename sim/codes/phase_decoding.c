/* phase_decoding.c - the value that the spikes of phase_encoding carry: a spike in step k of its
 * period counts 2^-(k + 1); averaged over the periods. A period that the sample cuts off is left
 * out, unless it is the only one. */
#include "phase.h"

static const stc_attr_spec params[STC_PHASE_NPARAMS] = {[STC_PHASE_BITS] = STC_PHASE_BITS_SPEC};

static int output_kind(const double *p, stc_kind in, stc_kind *out)
{
    (void)in;
    *out = STC_KIND_REAL;
    return stc_phase_check(p);
}

static void step(int64_t n, const stc_code_step *run)
{
    const int64_t bits = (int64_t)run->params[STC_PHASE_BITS];
    const int64_t periods = run->time_steps >= bits ? run->time_steps / bits : 1;
    const float worth = 0.5f / (float)(1 << run->step % bits);
    const bool counts = run->step < periods * bits;
    float *restrict sum = run->state;
    for (int64_t i = 0; i < n; i++) {
        if (counts) sum[i] += worth * run->x[i];
        run->out[i] = sum[i] / (float)periods;
    }
}

const stc_code stc_code_phase_decoding = {
    .name = "phase_decoding",
    .type = "PhaseDecoding",
    .help = "the value that weighted spikes carry",
    .params = params,
    .nparams = STC_PHASE_NPARAMS,
    .per_sample = true,
    .nstate = stc_one_state,
    .output_kind = output_kind,
    .step = step,
};
