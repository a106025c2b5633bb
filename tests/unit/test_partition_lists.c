/* Nets that share lists of pins: everything is as if each had its own, but for time and memory. */

#include "../partition/pairs.h"
#include "../partition/state.h"

#include "partition_run.h"

#include <math.h>

/* A graph with few lists, and the same one with a list for each net. */
typedef struct {
    test_graph own;
    stc_hypergraph shared;
    int32_t *list, *pin;
    int64_t *first;
} twins;

static void twins_free(twins *t)
{
    graph_free(&t->own);
    free(t->list);
    free(t->pin);
    free(t->first);
}

/* n vertices, 2 n nets on nlists drawn lists of up to `most` pins, some of them twice. inside:
 * every source is one of its pins. */
static twins drawn_twins(int32_t n, int32_t nlists, int32_t most, bool inside, uint64_t seed)
{
    twins t = {.own = graph_of(n, 2 * n, 2 * (int64_t)n * most),
               .list = calloc((size_t)n * 2, sizeof(int32_t)),
               .pin = calloc((size_t)nlists * (size_t)most, sizeof(int32_t)),
               .first = calloc((size_t)nlists + 1, sizeof(int64_t))};
    uint64_t draw = 0;
    for (int32_t l = 0; l < nlists; l++) {
        const int64_t pins = stc_random_u32(seed, 1, draw++) % (uint32_t)(most + 1);
        t.first[l + 1] = t.first[l] + (inside && pins == 0 ? 1 : pins);
        for (int64_t i = t.first[l]; i < t.first[l + 1]; i++)
            t.pin[i] = (int32_t)(stc_random_u32(seed, 1, draw++) % (uint32_t)n);
    }
    for (int32_t e = 0; e < 2 * n; e++) {
        const int32_t l = (int32_t)(stc_random_u32(seed, 1, draw++) % (uint32_t)nlists);
        const int64_t pins = t.first[l + 1] - t.first[l];
        const uint32_t any = stc_random_u32(seed, 1, draw++);
        const int32_t pin = pins ? t.pin[t.first[l] + any % pins] : 0;
        t.list[e] = l;
        add_net(&t.own, inside ? pin : (int32_t)(any % (uint32_t)n),
                (float)(stc_random_u32(seed, 1, draw++) % 7) / 2);
        for (int64_t i = t.first[l]; i < t.first[l + 1]; i++)
            add_pin(&t.own, t.pin[i]);
    }
    t.shared = t.own.g;
    t.shared.nlists = nlists;
    t.shared.list = t.list;
    t.shared.first = t.first;
    t.shared.pin = t.pin;
    return t;
}

static void draw_parts(int32_t n, int32_t k, uint64_t seed)
{
    for (int32_t v = 0; v < n; v++)
        part[v] = (int32_t)(stc_random_u32(seed, 2, (uint64_t)v) % (uint32_t)k);
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void assert_same_quality(const stc_partition_quality *a, const stc_partition_quality *b)
{
    const double
        of_a[] = {a->multicast_volume, a->broadcast_share, a->cost,       a->between_boards,
                  a->inside_boards,    a->core_copies,     a->links,      a->bytes,
                  a->edge_cut,         a->max_send,        a->max_receive},
        of_b[] = {b->multicast_volume, b->broadcast_share, b->cost,       b->between_boards,
                  b->inside_boards,    b->core_copies,     b->links,      b->bytes,
                  b->edge_cut,         b->max_send,        b->max_receive};
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++)
        if (!same_number(of_a[i], of_b[i]))
            fail_msg("measure %zu: %.17g, expected %.17g", i, of_a[i], of_b[i]);
    assert_int_equal(a->messages, b->messages);
    assert_int_equal(a->pairs, b->pairs);
}

static void measures_do_not_see_that_lists_are_shared(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        twins t = drawn_twins(40, 1 + (int32_t)seed, 12, seed % 2 == 0, seed);
        const int32_t k = 1 + (int32_t)seed % 6;
        int32_t *outputs = calloc((size_t)t.shared.nnets, sizeof *outputs);
        for (int32_t e = 0; e < t.shared.nnets; e++)
            outputs[e] = 10 + e % 3;
        t.own.g.outputs = t.shared.outputs = outputs;
        draw_parts(40, k, seed);
        stc_partition_quality a, b;
        assert_int_equal(stc_hypergraph_pins(&t.shared), t.own.first[t.own.g.nnets]);
        assert_int_equal(stc_partition_measure(&t.shared, k, part, NULL, &a), 0);
        assert_int_equal(stc_partition_measure(&t.own.g, k, part, NULL, &b), 0);
        assert_same_quality(&a, &b);
        assert_true(a.multicast_volume == volume_by_definition(&t.own.g, k, part));
        for (int unit = 0; unit < STC_NCOST_UNITS; unit++) {
            const stc_cost_model model = {.unit = (stc_cost_unit)unit,
                                          .board = unit == STC_COST_LINKS ? 0 : 2};
            assert_int_equal(stc_partition_measure_cost(&t.shared, k, part, &model, &a), 0);
            assert_int_equal(stc_partition_measure_cost(&t.own.g, k, part, &model, &b), 0);
            assert_same_quality(&a, &b);
        }
        free(outputs);
        twins_free(&t);
    }
}

/* Nets that have become one cost what they cost one by one, wherever vertices go. */
static void check_merged(const twins *t, int32_t most_nets, uint64_t seed)
{
    enum { K = 5 };
    const int32_t n = t->shared.nvertices;
    const stc_partition_options options = options_of(NULL, K);
    stc_partition_job job;
    stc_partition_state *s;
    assert_int_equal(stc_job_prepare(&t->shared, &options, &job), 0);
    assert_in_range(job.level.nnets, 1, most_nets);
    draw_parts(n, K, seed);
    assert_int_equal(stc_state_create(&job.level, &job.limits, true, part, &s), 0);
    for (uint64_t i = 0; i < 100; i++) {
        const int32_t v = (int32_t)(stc_random_u32(seed, 4, i) % (uint32_t)n);
        const int32_t to = (int32_t)(stc_random_u32(seed, 5, i) % K);
        if (to != part[v]) stc_state_move(s, v, to);
        assert_true((double)s->volume * job.level.unit == volume_by_definition(&t->own.g, K, part));
    }
    stc_state_destroy(&s);
    stc_job_release(&job);
}

static void nets_that_join_the_same_vertices_are_searched_as_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        twins t = drawn_twins(50, 7, 20, true, seed);
        check_merged(&t, 7, seed);
        twins_free(&t);
        t = drawn_twins(50, 7, 20, false, seed);
        check_merged(&t, t.shared.nnets, seed);
        twins_free(&t);
    }
}

static void every_method_takes_shared_lists(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        twins t = drawn_twins(60, 9, 12, seed % 2 == 0, seed);
        for (int i = 0; i < 2 * NNAMES; i++) {
            stc_partition_options options = options_of(names[i % NNAMES], 6);
            options.cost.board = i < NNAMES ? 0 : 2;
            stc_partition_quality q;
            assert_int_equal(stc_partition(&self, &t.shared, &options, part, &q, NULL), 0);
            assert_true(no_part_is_empty(part, 60, 6));
            assert_true(q.multicast_volume == volume_by_definition(&t.own.g, 6, part));
        }
        twins_free(&t);
    }
}

/* Every vertex tells all: more pairs than are written out. */
static void all_to_all_takes_no_room_for_pairs(void **state)
{
    (void)state;
    enum { N = 2100, K = 4 };
    int32_t *at = calloc(N, sizeof *at), *pin = calloc(N, sizeof *pin);
    int32_t *list = calloc(N, sizeof *list);
    const int64_t first[2] = {0, N};
    test_graph t = graph_of(N, N, 0);
    for (int32_t v = 0; v < N; v++) {
        add_net(&t, v, 1);
        pin[v] = v;
    }
    t.g.nlists = 1;
    t.g.list = list;
    t.g.first = first;
    t.g.pin = pin;
    for (int i = 0; i < 3; i++) {
        stc_partition_options options = options_of(i == 0 ? "auto" : "metis-cut", K);
        options.cost.unit = i < 2 ? STC_COST_CHIPS : STC_COST_CORES;
        stc_partition_quality q;
        assert_int_equal(stc_partition(&self, &t.g, &options, at, &q, NULL), 0);
        assert_true(q.multicast_volume == (double)N * (K - 1));
    }
    stc_pairs pairs;
    assert_int_equal(stc_pairs_of_edges(&t.g, false, &pairs), 0);
    double sum = 0;
    for (int64_t i = 0; i < pairs.first[N]; i++)
        sum += (double)pairs.weight[i];
    assert_in_range(pairs.first[N], N, 100 * N);
    assert_true(fabs(sum / 2 / N - N) < 0.01 * N); /* the weight of all pairs */
    stc_pairs_release(&pairs);
    graph_free(&t);
    free(at);
    free(pin);
    free(list);
}

static void lists_that_are_not_there_are_refused(void **state)
{
    (void)state;
    twins t = drawn_twins(20, 3, 5, true, 1);
    const stc_partition_options options = options_of(NULL, 2);
    const int32_t list = t.list[4];
    t.list[4] = 3;
    assert_fails(stc_partition(&self, &t.shared, &options, part, NULL, NULL), STC_ERR_INPUT,
                 "net 4 has list of pins 3, expected 0..2");
    t.list[4] = list;
    t.pin[0] = 20;
    assert_fails(stc_partition(&self, &t.shared, &options, part, NULL, NULL), STC_ERR_INPUT,
                 "list 0 has pin 20, expected 0..19");
    twins_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_do_not_see_that_lists_are_shared),
        cmocka_unit_test(nets_that_join_the_same_vertices_are_searched_as_one),
        cmocka_unit_test(every_method_takes_shared_lists),
        cmocka_unit_test(all_to_all_takes_no_room_for_pairs),
        cmocka_unit_test(lists_that_are_not_there_are_refused),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
