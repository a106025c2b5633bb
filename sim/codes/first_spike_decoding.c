/* first_spike_decoding.c - the step (from 0 on) of the first value that is not 0; the number of
 * steps when there is none. */
#include "code.h"

/* state: steps without a spike before the first one; after it, minus that, minus 1. */
static void step(int64_t n, const stc_code_step *run)
{
    float *restrict silent = run->state;
    for (int64_t i = 0; i < n; i++) {
        if (silent[i] >= 0.0f) silent[i] = run->x[i] != 0.0f ? -silent[i] - 1.0f : silent[i] + 1.0f;
        run->out[i] = silent[i] < 0.0f ? -silent[i] - 1.0f : silent[i];
    }
}

const stc_code stc_code_first_spike_decoding = {
    .name = "first_spike_decoding",
    .type = "FirstSpikeDecoding",
    .help = "step of the first spike, the number of steps if there is none",
    .per_sample = true,
    .nstate = stc_one_state,
    .output_kind = stc_gives_reals,
    .step = step,
};
