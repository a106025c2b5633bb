/* The table of synapse kinds, and static synapses against a plain sum. */
#include "stc/base.h"
#include "stc/synapse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 4, NEURON_BITS = 5, NEURONS = 27, RUNS = 50, N = 4 * RUNS };

static void every_kind_is_complete(void **state)
{
    (void)state;
    int n;
    const stc_synapse_kind *const *kinds = stc_synapse_kinds(&n);
    assert_true(n >= 1);
    assert_string_equal(kinds[0]->name, "static");
    for (int k = 0; k < n; k++) {
        const stc_synapse_kind *kind = kinds[k];
        assert_true(stc_is_name(kind->name) && stc_is_name(kind->type) && kind->help);
        assert_true(kind->nparams >= 1 && kind->nparams <= STC_MAX_SYNAPSE_PARAMS);
        assert_string_equal(kind->params[0].name, "dt");
        assert_true(kind->nstate >= 0 && kind->nstate <= STC_MAX_SYNAPSE_STATES);
        assert_non_null(kind->deliver);
        assert_int_equal(kind->needs_history, kind->trace != NULL);
        assert_true(kind->start || kind->nstate + kind->nsource == 0);
        for (int i = 0; i < k; i++)
            assert_true(strcmp(kind->name, kinds[i]->name) && strcmp(kind->type, kinds[i]->type));
    }
}

/* Words of a format, and the sums that they must give. */
static void check_static(stc_synapse_format format)
{
    int n;
    const stc_synapse_kind *kind = stc_synapse_kinds(&n)[0];
    enum { SIZE = SLOTS << NEURON_BITS };
    const int low = format.neuron_bits + format.step_bits;
    static int64_t wide_sum[SIZE];
    static int32_t narrow_sum[SIZE], narrow_expected[SIZE];
    int64_t expected[SIZE] = {0};
    memset(wide_sum, 0, sizeof wide_sum);
    memset(narrow_sum, 0, sizeof narrow_sum);
    for (int64_t now = 0; now < SLOTS; now++) {
        uint64_t wide[N];
        uint32_t narrow[N];
        stc_synapse_run run[RUNS];
        void *sum = format.wide_sum ? (void *)wide_sum : narrow_sum;
        const stc_ring ring = {sum, SLOTS, now};
        for (int i = 0; i < N; i++) {
            const uint64_t key = stc_mix64((uint64_t)(now * N + i));
            const uint64_t step = key & ((1u << format.step_bits) - 1), to = key / 64 % NEURONS;
            const uint64_t magnitude = key >> (format.wide_word && format.wide_sum ? 24 : 52);
            const int64_t scale = (i * RUNS / N) % 3 - 1;
            wide[i] = magnitude << low | step << format.neuron_bits | to;
            narrow[i] = (uint32_t)wide[i];
            if (format.source_bits > 0) { /* which are nothing to the kind */
                wide[i] |= key << (64 - format.source_bits);
                narrow[i] |= (uint32_t)key << (32 - format.source_bits);
            }
            expected[((uint64_t)now + step) % SLOTS << NEURON_BITS | to] +=
                (int64_t)magnitude * scale;
        }
        for (int r = 0; r < RUNS; r++) {
            const int first = N / RUNS * r;
            void *word = format.wide_word ? (void *)(wide + first) : narrow + first;
            run[r] =
                (stc_synapse_run){.n = N / RUNS, .word = word, .ring = &ring, .scale = r % 3 - 1};
        }
        kind->deliver(RUNS, run, &(stc_delivery){.format = &format, .unit = 1});
    }
    for (int i = 0; i < SIZE; i++)
        narrow_expected[i] = (int32_t)expected[i];
    if (format.wide_sum)
        assert_memory_equal(wide_sum, expected, sizeof expected);
    else
        assert_memory_equal(narrow_sum, narrow_expected, sizeof narrow_expected);
}

static void static_synapses_add_their_weights_after_their_delays(void **state)
{
    (void)state;
    for (int word = 0; word < 2; word++)
        for (int sum = 0; sum < 2; sum++)
            for (int step_bits = 0; step_bits < 3; step_bits++)
                for (int source_bits = 0; source_bits < 8; source_bits += 7)
                    check_static((stc_synapse_format){.neuron_bits = NEURON_BITS,
                                                      .step_bits = step_bits,
                                                      .wide_word = word,
                                                      .wide_sum = sum,
                                                      .source_bits = source_bits});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_complete),
        cmocka_unit_test(static_synapses_add_their_weights_after_their_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
