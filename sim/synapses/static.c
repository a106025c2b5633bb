/* static.c - synapses that do not learn: a spike adds the weight, after the delay. */
#include "stc/synapse.h"

#include <stddef.h>

static const stc_attr_spec params[] = {
    {"dt", STC_ATTR_REAL, true, 0.1, "> 0", 0, NULL, "step, ms"},
};

static void deliver(const stc_synapse_run *run, const stc_delivery *delivery)
{
    const stc_ring *ring = delivery->ring;
    const int64_t row = ring->ports * ring->neurons, size = ring->slots * row;
    const int64_t first = delivery->slot * row, count = delivery->count;
    const uint32_t *restrict place = run->place;
    const int64_t *restrict weight = run->weight;
    int64_t *restrict sum = ring->sum;
    for (int64_t i = 0; i < run->n; i++) {
        const int64_t at = first + place[i];
        sum[at < size ? at : at - size] += weight[i] * count;
    }
}

const stc_synapse_kind stc_synapse_static = {
    .name = "static",
    .type = "static_synapse",
    .help = "weight and delay that do not change",
    .params = params,
    .nparams = sizeof params / sizeof *params,
    .deliver = deliver,
};
