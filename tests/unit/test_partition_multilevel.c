/* The multilevel method: its levels, its searches, and what it finds on graphs whose best partition
 * is known. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "partition_graph.h"

#include "../partition/hierarchy.h"
#include "../partition/state.h"
#include "stc/error.h"

#include <math.h>
#include <omp.h>

enum { MAX_N = 2400 };
static stc_comm self;
static int32_t part[MAX_N], other[MAX_N], coarse[MAX_N];

static int run(const test_graph *t, const char *method, int32_t nparts, stc_partition_quality *q)
{
    const stc_partition_options options = {.method = method, .nparts = nparts, .seed = 3};
    return stc_partition(&self, &t->g, &options, part, q, NULL);
}

static stc_partition_job job_of(const test_graph *t, int32_t nparts)
{
    stc_partition_job job;
    const stc_partition_options options = {.nparts = nparts};
    assert_int_equal(stc_job_prepare(&t->g, &options, &job), 0);
    return job;
}

static double volume(const stc_level *level, const stc_limits *limits, int32_t *at)
{
    stc_partition_state *s;
    assert_int_equal(stc_state_create(level, limits, true, at, &s), 0);
    const double v = (double)s->volume * level->unit;
    stc_state_destroy(&s);
    return v;
}

/* A partition of clusters costs the same on every level, and weights are kept. */
static void volume_and_weights_are_the_same_on_every_level(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        test_graph t = drawn_graph(600, seed);
        stc_partition_job job = job_of(&t, 4);
        stc_hierarchy h;
        for (int32_t v = 0; v < 600; v++)
            part[v] = (v / 7) % 4;
        assert_int_equal(stc_hierarchy_create(&job.level, 40, 2, part, seed, &h), 0);
        assert_true(h.n > 1);
        stc_hierarchy_lift(&h, part, coarse);
        const stc_level *top = stc_hierarchy_coarsest(&h);
        assert_true(volume(&job.level, &job.limits, part) == volume(top, &job.limits, coarse));
        double sum = 0;
        int32_t vertices = 0;
        for (int32_t v = 0; v < top->n; v++) {
            sum += top->weight[v * STC_NCONSTRAINTS + 2];
            vertices += top->vertices[v];
        }
        assert_true(sum == job.limits.total[2]);
        assert_int_equal(vertices, 600);
        stc_hierarchy_release(&h);
        stc_job_release(&job);
        graph_free(&t);
    }
}

static void searches_lower_the_volume_and_keep_the_limits(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        test_graph t = drawn_graph(500, seed);
        stc_partition_job job = job_of(&t, 5);
        for (int32_t v = 0; v < 500; v++)
            part[v] = v % 5;
        assert_int_equal(stc_partition_repair(&job, true, part), 0);
        const double before = volume(&job.level, &job.limits, part);
        assert_int_equal(stc_level_search(&job.level, &job.limits, 0, seed, part), 0);
        assert_true(volume(&job.level, &job.limits, part) < 0.7 * before);
        stc_partition_quality q;
        assert_int_equal(stc_partition_measure(&t.g, 5, part, NULL, &q), 0);
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            assert_true(q.imbalance[c] <= 1.1 + 1e-9);
        stc_job_release(&job);
        graph_free(&t);
    }
}

/* Costs are scaled to 32 bits by a power of two; the error is that of rounding. */
static void sums_beyond_32_bits_are_scaled_with_a_bounded_error(void **state)
{
    (void)state;
    test_graph t = drawn_graph(400, 2);
    const float factors[] = {1e-30F, 1, 1e15F, 3e30F};
    for (int f = 0; f < 4; f++) {
        for (int32_t e = 0; e < t.g.nnets; e++)
            t.spikes[e] = (float)(1 + e % 13) * factors[f];
        stc_partition_job job = job_of(&t, 4);
        double exact = 0, scaled = 0;
        for (int32_t e = 0; e < t.g.nnets; e++) {
            bool other_pin = false;
            for (int64_t i = t.first[e]; i < t.first[e + 1]; i++)
                other_pin = other_pin || t.pin[i] != t.source[e];
            if (other_pin) exact += (double)t.spikes[e];
        }
        for (int32_t e = 0; e < job.level.nnets; e++)
            scaled += job.level.cost[e] * job.level.unit;
        assert_true(fabs(scaled - exact) <= 1e-6 * exact);
        stc_job_release(&job);
        assert_int_equal(run(&t, "multilevel", 4, NULL), 0);
    }
    graph_free(&t);
}

static void groups_are_found_at_any_number_of_parts(void **state)
{
    (void)state;
    const int32_t groups[] = {2, 8, 60};
    for (int i = 0; i < 3; i++) {
        test_graph t = groups_graph(groups[i], 24);
        stc_partition_quality q;
        assert_int_equal(run(&t, "multilevel", groups[i], &q), 0);
        assert_true(q.multicast_volume == 0);
        assert_true(q.imbalance[2] == 1);
        assert_int_equal(q.pairs, 0);
        graph_free(&t);
    }
}

static void a_thousand_parts_and_more_are_no_problem(void **state)
{
    (void)state;
    test_graph t = ring_graph(MAX_N);
    const int32_t parts[] = {1024, MAX_N};
    for (int i = 0; i < 2; i++) {
        stc_partition_quality q;
        const stc_partition_options options = {.method = "metis-cut", .nparts = parts[i]};
        assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
        assert_true(no_part_is_empty(part, MAX_N, parts[i]));
    }
    stc_partition_job job = job_of(&t, 1024);
    assert_int_equal(stc_level_bisect(&job.level, &job.limits, 1, part), 0);
    assert_true(no_part_is_empty(part, MAX_N, 1024));
    assert_true(volume(&job.level, &job.limits, part) < 2 * 1024);
    stc_job_release(&job);
    graph_free(&t);
}

static void the_result_does_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    test_graph t = drawn_graph(1100, 5);
    for (int32_t v = 0; v < 1100; v++) /* one constraint */
        t.weight[v * STC_NCONSTRAINTS] = t.weight[v * STC_NCONSTRAINTS + 1] = 0;
    stc_partition_quality one, many;
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    assert_int_equal(run(&t, "multilevel", 6, &one), 0);
    memcpy(other, part, sizeof part);
    omp_set_num_threads(4);
    assert_int_equal(run(&t, "multilevel", 6, &many), 0);
    assert_memory_equal(part, other, 1100 * sizeof *part);
    assert_true(one.multicast_volume == many.multicast_volume);
    omp_set_num_threads(threads);
    graph_free(&t);
}

static void a_network_that_no_partition_helps_is_recognised(void **state)
{
    (void)state;
    const int32_t n = 120;
    test_graph t = graph_of(n, n, (int64_t)n * n);
    for (int32_t v = 0; v < n; v++) {
        add_net(&t, v, 1);
        for (int32_t u = 0; u < n; u++)
            if (u != v && stc_random_u32(1, 1, (uint64_t)(v * n + u)) % 10 > 0) add_pin(&t, u);
    }
    stc_partition_quality q;
    assert_int_equal(run(&t, "auto", 8, &q), 0);
    assert_true(q.no_gain);
    assert_non_null(strstr(q.method, "contiguous"));
    graph_free(&t);
    t = drawn_graph(120, 3);
    assert_int_equal(run(&t, "auto", 8, &q), 0);
    assert_false(q.no_gain);
    graph_free(&t);
    t = ring_graph(120); /* nets of two only, and nearly all are kept together */
    assert_int_equal(run(&t, "auto", 8, &q), 0);
    assert_false(q.no_gain);
    graph_free(&t);
}

/* Sources with one destination each, as heavy as they are, go with it and change nothing. */
static void generators_do_not_hide_that_no_partition_helps(void **state)
{
    (void)state;
    const int32_t n = 60;
    test_graph t = graph_of(2 * n, 2 * n, (int64_t)n * n + n);
    for (int32_t v = 0; v < n; v++) {
        add_net(&t, v, 100);
        add_pin(&t, n + v);
    }
    for (int32_t v = n; v < 2 * n; v++) {
        add_net(&t, v, 1);
        for (int32_t u = n; u < 2 * n; u++)
            if (u != v) add_pin(&t, u);
    }
    stc_partition_quality q;
    assert_int_equal(run(&t, "auto", 4, &q), 0);
    assert_true(q.no_gain);
    assert_true(q.multicast_volume == 3 * n);
    graph_free(&t);
}

static void traffic_of_parts_sums_to_the_volume(void **state)
{
    (void)state;
    /* 0 and 1 on part 0 send to part 1; part 2 sends to both */
    test_graph t = graph_of(4, 3, 6);
    add_net(&t, 0, 2);
    add_pin(&t, 2);
    add_pin(&t, 1);
    add_net(&t, 1, 3);
    add_pin(&t, 2);
    add_net(&t, 3, 4);
    add_pin(&t, 0);
    add_pin(&t, 1);
    add_pin(&t, 2);
    const int32_t at[] = {0, 0, 1, 2};
    stc_partition_quality q;
    assert_int_equal(stc_partition_measure(&t.g, 3, at, NULL, &q), 0);
    assert_true(q.multicast_volume == 13);
    assert_true(q.max_send == 8);
    assert_true(q.max_receive == 9);
    assert_int_equal(q.pairs, 3);
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume_and_weights_are_the_same_on_every_level),
        cmocka_unit_test(searches_lower_the_volume_and_keep_the_limits),
        cmocka_unit_test(sums_beyond_32_bits_are_scaled_with_a_bounded_error),
        cmocka_unit_test(groups_are_found_at_any_number_of_parts),
        cmocka_unit_test(a_thousand_parts_and_more_are_no_problem),
        cmocka_unit_test(the_result_does_not_depend_on_the_number_of_threads),
        cmocka_unit_test(a_network_that_no_partition_helps_is_recognised),
        cmocka_unit_test(generators_do_not_hide_that_no_partition_helps),
        cmocka_unit_test(traffic_of_parts_sums_to_the_volume),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
