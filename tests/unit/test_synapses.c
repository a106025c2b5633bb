/* The table of synapse kinds, and static synapses against a plain sum. */
#include "stc/base.h"
#include "stc/synapse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 5, PORTS = 2, NEURONS = 7, N = 200 };

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

static void static_synapses_add_their_weights_after_their_delays(void **state)
{
    (void)state;
    static int64_t sum[SLOTS * PORTS * NEURONS], expected[SLOTS][PORTS][NEURONS], weight[N];
    uint32_t place[N];
    int n;
    const stc_synapse_kind *kind = stc_synapse_kinds(&n)[0];
    const stc_ring ring = {sum, SLOTS, PORTS, NEURONS};
    for (int64_t slot = 0; slot < SLOTS; slot++) {
        const int64_t count = slot % 3;
        for (int i = 0; i < N; i++) {
            const uint64_t key = stc_mix64((uint64_t)(slot * N + i));
            const int64_t delay = (int64_t)(key % SLOTS), port = (int64_t)(key / 8 % PORTS),
                          to = (int64_t)(key / 64 % NEURONS);
            weight[i] = (int64_t)(key >> 20) - ((int64_t)1 << 43);
            place[i] = stc_synapse_place(&ring, delay, port, to);
            expected[(slot + delay) % SLOTS][port][to] += weight[i] * count;
        }
        const stc_synapse_run run = {.n = N, .place = place, .weight = weight};
        kind->deliver(&run,
                      &(stc_delivery){.ring = &ring, .slot = slot, .count = count, .unit = 1});
    }
    assert_memory_equal(sum, expected, sizeof sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_complete),
        cmocka_unit_test(static_synapses_add_their_weights_after_their_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
