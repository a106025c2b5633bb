/* static.c - synapses that do not learn: a spike adds the weight, after the delay.
 *
 * Runs of synapses come from memory in an order that no hardware foresees, and what they add to
 * lies in second-level cache. Both wait for the same few buffers of a core, so some runs are
 * fetched first, then added. */
#include "stc/synapse.h"

#include <stddef.h>

enum { TOGETHER = 32, LINE = 64, SECOND_LEVEL = 2 };

static const stc_attr_spec params[] = {
    {"dt", STC_ATTR_REAL, true, 0.1, "> 0", 0, NULL, "step, ms"},
};

/* Ask for every line of some runs: many at a time are on their way, as nothing waits for them. */
static void fetch(int64_t n, const stc_synapse_run *run, int64_t size)
{
    for (int64_t r = 0; r < n; r++) {
        const char *word = run[r].word;
        for (int64_t at = 0; at < run[r].n * size; at += LINE)
            __builtin_prefetch(word + at, 0, SECOND_LEVEL);
    }
}

/* One function per type of word and sum, with and without bits of sources, so that the loop knows
 * them. */
#define DELIVER(name, word_type, sum_type, source_bits)                                            \
    static void name(int64_t n, const stc_synapse_run *run, const stc_synapse_format *format)      \
    {                                                                                              \
        const int bits = format->neuron_bits, low = bits + format->step_bits;                      \
        const word_type place = ((word_type)1 << low) - 1;                                         \
        const word_type own = (word_type) ~(word_type)0 >> (source_bits);                          \
        for (int64_t r = 0; r < n; r++) {                                                          \
            if (r % TOGETHER == 0)                                                                 \
                fetch(n - r < TOGETHER ? n - r : TOGETHER, &run[r], sizeof(word_type));            \
            const word_type *restrict word = run[r].word;                                          \
            const stc_ring *ring = run[r].ring;                                                    \
            const uint64_t now = (uint64_t)ring->now << bits;                                      \
            const uint64_t around = ((uint64_t)ring->slots << bits) - 1;                           \
            const sum_type scale = (sum_type)run[r].scale;                                         \
            sum_type *restrict sum = ring->sum;                                                    \
            for (int64_t i = 0; i < run[r].n; i++) {                                               \
                const uint64_t at = ((uint64_t)(word[i] & place) + now) & around;                  \
                sum[at] += (sum_type)((word[i] & own) >> low) * scale;                             \
            }                                                                                      \
        }                                                                                          \
    }

DELIVER(narrow_to_narrow, uint32_t, int32_t, 0)
DELIVER(narrow_to_wide, uint32_t, int64_t, 0)
DELIVER(wide_to_narrow, uint64_t, int32_t, 0)
DELIVER(wide_to_wide, uint64_t, int64_t, 0)
DELIVER(shared_narrow_to_narrow, uint32_t, int32_t, format->source_bits)
DELIVER(shared_narrow_to_wide, uint32_t, int64_t, format->source_bits)
DELIVER(shared_wide_to_narrow, uint64_t, int32_t, format->source_bits)
DELIVER(shared_wide_to_wide, uint64_t, int64_t, format->source_bits)

static void deliver(int64_t n, const stc_synapse_run *run, const stc_delivery *delivery)
{
    static void (*const functions[2][2][2])(int64_t, const stc_synapse_run *,
                                            const stc_synapse_format *) = {
        {{narrow_to_narrow, narrow_to_wide}, {wide_to_narrow, wide_to_wide}},
        {{shared_narrow_to_narrow, shared_narrow_to_wide},
         {shared_wide_to_narrow, shared_wide_to_wide}}};
    const stc_synapse_format *format = delivery->format;
    functions[format->source_bits > 0][format->wide_word][format->wide_sum](n, run, format);
}

const stc_synapse_kind stc_synapse_static = {
    .name = "static",
    .type = "static_synapse",
    .help = "weight and delay that do not change",
    .params = params,
    .nparams = sizeof params / sizeof *params,
    .deliver = deliver,
};
