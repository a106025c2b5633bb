/* The traps of METIS, which it does not report: each is met on purpose. */

#include "../partition/pairs.h"

#include "partition_run.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

static void one_part_costs_nothing_and_metis_survives_it(void **state)
{
    (void)state;
    test_graph t = drawn_graph(50, 2);
    for (int i = 0; i < NNAMES; i++) {
        stc_partition_quality q;
        assert_int_equal(run(&t, names[i], 1, &q), 0);
        assert_true(q.multicast_volume == 0 && q.broadcast_share == 0 && q.messages == 0);
    }
    graph_free(&t);
    t = graph_of(1, 0, 0);
    check_methods(&t, 1);
    graph_free(&t);
}

static void metis_leaves_no_part_of_a_small_ring_empty(void **state)
{
    (void)state;
    const int32_t sizes[][2] = {{2, 2}, {3, 2}, {5, 4}, {8, 7}, {8, 8}, {9, 8}, {40, 32}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_graph t = ring_graph(sizes[i][0]);
        check_methods(&t, sizes[i][1]);
        graph_free(&t);
    }
}

static void parts_beyond_the_vertices_are_refused_with_both_numbers(void **state)
{
    (void)state;
    test_graph t = ring_graph(5);
    for (int i = 0; i < NNAMES; i++)
        assert_fails(run(&t, names[i], 6, NULL), STC_ERR_INPUT, "only 5");
    assert_fails(run(&t, NULL, 0, NULL), STC_ERR_INPUT, "0 parts");
    assert_fails(run(&t, NULL, -3, NULL), STC_ERR_INPUT, "-3 parts");
    graph_free(&t);
}

static void weights_of_zero_are_no_trap(void **state)
{
    (void)state;
    test_graph t = drawn_graph(80, 5);
    for (int c = 0; c < STC_NCONSTRAINTS; c++) { /* one column after the other vanishes */
        for (int32_t v = 0; v < 80; v++)
            t.weight[v * STC_NCONSTRAINTS + c] = 0;
        check_methods(&t, 4);
        check_methods(&t, 40);
    }
    stc_partition_quality q;
    assert_int_equal(run(&t, "metis-cut", 4, &q), 0);
    int32_t largest = 0, size[4] = {0};
    for (int32_t v = 0; v < 80; v++)
        if (++size[part[v]] > largest) largest = size[part[v]];
    assert_true(largest <= 24); /* without weights the vertices are balanced */
    memset(t.spikes, 0, (size_t)t.g.nnets * sizeof *t.spikes);
    check_methods(&t, 4);
    graph_free(&t);
    t = graph_of(30, 0, 0); /* no nets at all */
    check_methods(&t, 7);
    graph_free(&t);
}

static void sums_beyond_32_bits_stay_balanced(void **state)
{
    (void)state;
    test_graph t = ring_graph(1000);
    for (int32_t v = 0; v < 1000; v++) {
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            t.weight[v * STC_NCONSTRAINTS + c] = 3e6;
        t.weight[v * STC_NCONSTRAINTS + 2] = 1e15;
        t.spikes[v] = 4e9f;
    }
    t.weight[0] = 1e-3;
    for (int i = 0; i < NNAMES; i++) {
        stc_partition_quality q;
        assert_int_equal(run(&t, names[i], 8, &q), 0);
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            assert_true(q.imbalance[c] <= 1.1);
    }
    graph_free(&t);
}

static void weights_of_very_different_size_are_no_trap(void **state)
{
    (void)state;
    test_graph t = drawn_graph(100, 6);
    for (int32_t e = 0; e < t.g.nnets; e++)
        t.spikes[e] = e % 2 ? 1e-20f : 1e20f;
    t.weight[2] = 1e12; /* one vertex weighs more than all others: METIS cannot balance */
    check_methods(&t, 10);
    graph_free(&t);
}

static void groups_without_edges_between_them_are_not_cut(void **state)
{
    (void)state;
    test_graph t = groups_graph(4, 30);
    stc_partition_quality q;
    assert_int_equal(run(&t, "metis-cut", 4, &q), 0);
    assert_true(q.multicast_volume == 0);
    assert_int_equal(run(&t, "auto", 4, &q), 0);
    assert_true(q.multicast_volume == 0);
    graph_free(&t);
}

static void many_parts_are_no_problem(void **state)
{
    (void)state;
    test_graph t = drawn_graph(300, 9);
    stc_partition_quality q;
    assert_int_equal(run(&t, "metis-cut", 60, &q), 0);
    assert_true(no_part_is_empty(part, 300, 60));
    graph_free(&t);
}

static void nothing_reaches_stdout(void **state)
{
    (void)state;
    test_graph t = ring_graph(40);
    fflush(stdout);
    const int saved = dup(1), file = open("stdout.txt", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, 1);
    int rc = 0;
    for (int32_t k = 1; k <= 40; k++)
        rc |= run(&t, "metis-cut", k, NULL);
    printf("mine");
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    char text[8] = "";
    assert_int_equal(pread(file, text, sizeof text, 0), 4);
    close(file);
    assert_memory_equal(text, "mine", 4);
    assert_int_equal(rc, 0);
    graph_free(&t);
}

static void more_pairs_than_its_index_takes_are_refused(void **state)
{
    (void)state;
    int64_t first[] = {0, 0, 0, 800000001};
    const double weight[3 * STC_NCONSTRAINTS] = {0};
    const stc_pairs pairs = {.n = 3, .first = first};
    const stc_limits limits = {.nparts = 2};
    assert_fails(stc_metis_parts(&pairs, weight, &limits, 1, part), STC_ERR_FIT, "800000001");
}

/* Several constraints, of which METIS keeps none by itself: what it returns is measured. */
static void balance_that_it_misses_is_repaired(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        test_graph t = drawn_graph(300, seed);
        for (int32_t v = 0; v < 300; v++)
            for (int c = 0; c < STC_NCONSTRAINTS; c++)
                t.weight[v * STC_NCONSTRAINTS + c] =
                    1 + stc_random_u32(seed, 9, (uint64_t)(v * STC_NCONSTRAINTS + c)) % 20;
        stc_partition_quality q;
        assert_int_equal(run(&t, "metis-cut", 12, &q), 0);
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            assert_true(q.imbalance[c] <= 1.1 + 1e-9);
        assert_true(q.excess == 0);
        graph_free(&t);
    }
}

static void its_random_numbers_are_not_ours(void **state)
{
    (void)state;
    test_graph t = drawn_graph(100, 8);
    assert_int_equal(run(&t, "metis-cut", 6, NULL), 0);
    int32_t again[100];
    memcpy(again, part, sizeof again);
    for (unsigned i = 0; i < 5; i++) {
        srand(i);
        assert_int_equal(run(&t, "metis-cut", 6, NULL), 0);
        assert_memory_equal(again, part, sizeof again);
    }
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_part_costs_nothing_and_metis_survives_it),
        cmocka_unit_test(metis_leaves_no_part_of_a_small_ring_empty),
        cmocka_unit_test(parts_beyond_the_vertices_are_refused_with_both_numbers),
        cmocka_unit_test(weights_of_zero_are_no_trap),
        cmocka_unit_test(sums_beyond_32_bits_stay_balanced),
        cmocka_unit_test(weights_of_very_different_size_are_no_trap),
        cmocka_unit_test(groups_without_edges_between_them_are_not_cut),
        cmocka_unit_test(many_parts_are_no_problem),
        cmocka_unit_test(nothing_reaches_stdout),
        cmocka_unit_test(more_pairs_than_its_index_takes_are_refused),
        cmocka_unit_test(balance_that_it_misses_is_repaired),
        cmocka_unit_test(its_random_numbers_are_not_ours),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
