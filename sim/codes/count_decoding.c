/* count_decoding.c - the sum of the values over the steps of a sample: how many spikes there were.
 */
#include "code.h"

static void step(int64_t n, const stc_code_step *run)
{
    for (int64_t i = 0; i < n; i++)
        run->out[i] = run->state[i] += run->x[i];
}

const stc_code stc_code_count_decoding = {
    .name = "count_decoding",
    .type = "CountDecoding",
    .help = "sum over the steps of a sample",
    .per_sample = true,
    .nstate = stc_one_state,
    .output_kind = stc_gives_reals,
    .step = step,
};
