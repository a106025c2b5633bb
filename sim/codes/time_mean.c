/* time_mean.c - average over the steps of a sample: the rate of spikes, in spikes per step. */
#include "code.h"

static void step(int64_t n, const stc_code_step *run)
{
    const float steps = (float)run->time_steps;
    float *restrict sum = run->state;
    for (int64_t i = 0; i < n; i++) {
        sum[i] += run->x[i];
        run->out[i] = sum[i] / steps;
    }
}

const stc_code stc_code_time_mean = {
    .name = "time_mean",
    .type = "TimeMean",
    .alias = "RateDecoding",
    .help = "average over the steps of a sample",
    .per_sample = true,
    .nstate = stc_one_state,
    .output_kind = stc_gives_reals,
    .step = step,
};
