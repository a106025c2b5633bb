/* Partition methods, measures, limits and files. */

#include "../partition/state.h"

#include "partition_run.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

static int32_t other[MAX_N];

/* ---- measures ---- */

static int64_t messages_by_definition(const stc_hypergraph *g, int32_t k, const int32_t *at)
{
    int64_t n = 0;
    for (int32_t v = 0; v < g->nvertices; v++) {
        for (int32_t p = 0; p < k; p++) {
            bool any = false;
            for (int32_t e = 0; e < g->nnets; e++)
                any = any || (g->source[e] == v && p != at[v] && reaches(g, at, e, p));
            n += any;
        }
    }
    return n;
}

static double cut_by_definition(const stc_hypergraph *g, const int32_t *at)
{
    double sum = 0;
    for (int32_t e = 0; e < g->nnets; e++)
        for (int64_t i = g->first[e]; i < g->first[e + 1]; i++)
            if (at[g->pin[i]] != at[g->source[e]]) sum += (double)g->spikes[e];
    return sum;
}

static void measures_match_their_definitions(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        test_graph t = drawn_graph(40, seed);
        const int32_t k = 1 + (int32_t)seed % 6;
        for (int32_t v = 0; v < 40; v++)
            part[v] = (int32_t)(stc_random_u32(seed, 2, (uint64_t)v) % (uint32_t)k);
        stc_partition_quality q;
        assert_int_equal(stc_partition_measure(&t.g, k, part, NULL, &q), 0);
        assert_true(q.multicast_volume == volume_by_definition(&t.g, k, part));
        assert_true(q.edge_cut == cut_by_definition(&t.g, part));
        assert_int_equal(q.messages, messages_by_definition(&t.g, k, part));
        assert_int_equal(q.feasible, no_part_is_empty(part, 40, k));
        graph_free(&t);
    }
}

static void imbalance_is_the_largest_load_over_the_average(void **state)
{
    (void)state;
    test_graph t = ring_graph(4);
    for (int v = 0; v < 4; v++)
        t.weight[v * STC_NCONSTRAINTS + 1] = 0;
    t.weight[2] = 400; /* work 400 + 3 * 100 */
    const int32_t at[] = {0, 0, 0, 1};
    const double capacity[] = {3, 0, 599};
    stc_partition_quality q;
    assert_int_equal(stc_partition_measure(&t.g, 2, at, capacity, &q), 0);
    assert_true(q.imbalance[0] == 1.5);
    assert_true(q.imbalance[1] == 1);
    assert_true(fabs(q.imbalance[2] - 600 / 350.0) < 1e-12);
    assert_false(q.feasible);
    graph_free(&t);
}

/* The values of moves against measured differences, along a walk of drawn moves. */
static void values_of_moves_are_the_measured_changes(void **state)
{
    (void)state;
    test_graph t = drawn_graph(60, 3);
    const stc_partition_options options = options_of(NULL, 5);
    stc_partition_job job;
    assert_int_equal(stc_job_prepare(&t.g, &options, &job), 0);
    for (int32_t v = 0; v < 60; v++)
        part[v] = v % 5;
    stc_partition_state *s;
    assert_int_equal(stc_state_create(&job.level, &job.limits, true, part, &s), 0);
    for (uint64_t i = 0; i < 500; i++) {
        const int32_t v = (int32_t)(stc_random_u32(1, 4, i) % 60);
        const int32_t to = (int32_t)(stc_random_u32(1, 5, i) % 5);
        if (to == part[v]) continue;
        stc_state_look(s, v);
        const int64_t gain = stc_state_gain(s, to), before = s->volume;
        stc_state_move(s, v, to);
        assert_int_equal(before - gain, s->volume);
        const double volume = (double)s->volume * job.level.unit;
        assert_true(volume == volume_by_definition(&t.g, 5, part));
    }
    stc_state_destroy(&s);
    stc_job_release(&job);
    graph_free(&t);
}

/* ---- all methods ---- */

static void every_method_fills_every_part_for_any_number_of_parts(void **state)
{
    (void)state;
    const int32_t parts[] = {1, 2, 7, 29, 30};
    test_graph graphs[] = {ring_graph(30), star_graph(30), drawn_graph(30, 1), groups_graph(3, 10)};
    for (size_t g = 0; g < 4; g++) {
        for (size_t i = 0; i < 5; i++)
            check_methods(&graphs[g], parts[i]);
        graph_free(&graphs[g]);
    }
}

static void the_same_seed_gives_the_same_parts(void **state)
{
    (void)state;
    test_graph t = drawn_graph(100, 8);
    for (int i = 0; i < NNAMES; i++) {
        assert_int_equal(run(&t, names[i], 6, NULL), 0);
        memcpy(other, part, sizeof part);
        srand(99); /* METIS draws from rand */
        assert_int_equal(run(&t, names[i], 6, NULL), 0);
        assert_memory_equal(part, other, 100 * sizeof *part);
    }
    stc_partition_options options = options_of("random", 6);
    options.seed = 8;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, NULL, NULL), 0);
    assert_memory_not_equal(part, other, 100 * sizeof *part);
    graph_free(&t);
}

/* ---- even ---- */

static void even_shares_hold_as_much_of_every_stream(void **state)
{
    (void)state;
    enum { N = 47, PARTS = 4 };
    static const int32_t length[4] = {8, 12, 3, 24}; /* vertices of each stream */
    int32_t of[N], n = 0;
    for (int s = 0; s < 4; s++)
        for (int32_t i = 0; i < length[s]; i++)
            of[n++] = s;
    static double weight[N][STC_NCONSTRAINTS];
    int32_t source[N], pin[N], count[4][PARTS] = {{0}};
    int64_t first[N + 1] = {0};
    float spikes[N];
    for (int32_t v = 0; v < N; v++) {
        weight[v][0] = 1;
        source[v] = v;
        pin[v] = (v + 1) % N;
        spikes[v] = 1;
        first[v + 1] = v + 1;
    }
    const stc_hypergraph graph = {.nvertices = N,
                                  .weight = &weight[0][0],
                                  .nnets = N,
                                  .source = source,
                                  .spikes = spikes,
                                  .first = first,
                                  .pin = pin,
                                  .stream = of};
    stc_partition_options options = options_of("even", PARTS);
    assert_int_equal(stc_partition(&self, &graph, &options, part, NULL, NULL), 0);
    for (int32_t v = 0; v < N; v++) {
        count[of[v]][part[v]]++;
        assert_true(v == 0 || of[v] != of[v - 1] || of[v] == 2 || part[v] >= part[v - 1]);
    }
    for (int p = 0; p < PARTS; p++) {
        assert_int_equal(count[0][p], 2);
        assert_int_equal(count[1][p], 3);
        assert_true(count[2][p] <= 1);
        assert_int_equal(count[3][p], 6);
    }
}

/* ---- contiguous ---- */

/* The least possible largest sum of w over k pieces of 0..n-1. */
static double least_bottleneck(const double *w, int32_t n, int32_t k)
{
    double best = INFINITY, head = 0;
    if (k == 1) {
        for (int32_t v = 0; v < n; v++)
            head += w[v * STC_NCONSTRAINTS];
        return head;
    }
    for (int32_t cut = 1; cut <= n - k + 1; cut++) {
        head += w[(cut - 1) * STC_NCONSTRAINTS];
        best = fmin(best, fmax(head, least_bottleneck(w + cut * STC_NCONSTRAINTS, n - cut, k - 1)));
    }
    return best;
}

static void contiguous_cuts_have_the_least_possible_largest_work(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        const int32_t n = 4 + (int32_t)seed % 10, k = 1 + (int32_t)seed % 4;
        test_graph t = drawn_graph(n, seed);
        stc_partition_quality q;
        assert_int_equal(run(&t, "contiguous", k, &q), 0);
        double total = 0;
        for (int32_t v = 0; v < n; v++) {
            total += t.weight[v * STC_NCONSTRAINTS + 2];
            assert_true(v == 0 ? part[v] == 0
                               : part[v] == part[v - 1] || part[v] == part[v - 1] + 1);
        }
        const double best = least_bottleneck(t.weight + 2, n, k);
        assert_true(fabs(q.imbalance[2] * total / k - best) < 1e-6 * best);
        graph_free(&t);
    }
}

static void contiguous_cuts_keep_capacities_where_they_can(void **state)
{
    (void)state;
    test_graph t = ring_graph(10);
    for (int32_t v = 0; v < 10; v++)
        t.weight[v * STC_NCONSTRAINTS + 2] = v < 5 ? 1 : 9;
    stc_partition_options options = options_of("contiguous", 2);
    stc_partition_quality q;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
    assert_true(q.imbalance[0] > 1.3);
    options.capacity[0] = 6;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
    assert_true(q.imbalance[0] <= 1.2 + 1e-9);
    for (int32_t v = 1; v < 10; v++)
        assert_true(part[v] >= part[v - 1]);
    graph_free(&t);
}

/* ---- quality ---- */

static void auto_is_at_least_as_good_as_the_methods_it_is_compared_with(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        test_graph t = drawn_graph(150, seed);
        const stc_partition_options options = options_of("auto", 3);
        stc_partition_quality q, compared[3];
        assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, compared), 0);
        assert_string_equal(compared[0].method, "contiguous");
        assert_string_equal(compared[1].method, "random");
        assert_string_equal(compared[2].method, "metis-cut");
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            assert_true(q.imbalance[c] <= 1.1 + 1e-9);
        assert_true(q.multicast_volume <= compared[2].multicast_volume);
        assert_true(q.multicast_volume < compared[1].multicast_volume);
        assert_true(q.multicast_volume == volume_by_definition(&t.g, 3, part));
        graph_free(&t);
    }
}

static void refinement_sees_volume_where_the_cut_sees_edges(void **state)
{
    (void)state;
    /* 20 sources, each with 6 consumers that tell each other nothing */
    test_graph t = graph_of(140, 20, 120);
    for (int32_t s = 0; s < 20; s++) {
        add_net(&t, s, 1);
        for (int32_t i = 0; i < 6; i++)
            add_pin(&t, 20 + i * 20 + s);
    }
    stc_partition_quality q;
    assert_int_equal(run(&t, "auto", 5, &q), 0);
    assert_true(q.multicast_volume == 0);
    graph_free(&t);
}

/* ---- capacities ---- */

static void capacities_that_a_method_misses_are_repaired(void **state)
{
    (void)state;
    for (int i = 0; i < NNAMES; i++) {
        test_graph t = drawn_graph(100, 11 + (uint64_t)i);
        stc_partition_options options = options_of(names[i], 5);
        stc_partition_quality q;
        double total[STC_NCONSTRAINTS] = {0};
        for (int32_t v = 0; v < 300; v++)
            total[v % 3] += t.weight[v];
        for (int c = 0; c < 2; c++)
            options.capacity[c] = ceil(total[c] / 5 * 1.02);
        assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
        assert_true(q.feasible);
        for (int c = 0; c < 2; c++)
            assert_true(q.imbalance[c] * total[c] / 5 <= options.capacity[c] + 1e-6);
        graph_free(&t);
    }
}

static void a_tight_packing_is_found_by_swaps(void **state)
{
    (void)state;
    /* 3 parts of 10: 6+4, 7+3, 8+2; no single move leads there from 8+7, 6+4+3, 2 */
    const double weight[] = {8, 7, 6, 4, 3, 2};
    test_graph t = ring_graph(6);
    for (int32_t v = 0; v < 6; v++)
        t.weight[v * STC_NCONSTRAINTS] = weight[v];
    for (int i = 0; i < NNAMES; i++) {
        stc_partition_options options = options_of(names[i], 3);
        options.capacity[0] = 10;
        stc_partition_quality q;
        assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
        assert_true(q.imbalance[0] == 1);
    }
    graph_free(&t);
}

static void capacities_that_cannot_be_kept_name_the_constraint(void **state)
{
    (void)state;
    test_graph t = ring_graph(9);
    stc_partition_options options = options_of("auto", 2);
    options.capacity[1] = 40; /* 90 in all */
    int rc = stc_partition(&self, &t.g, &options, part, NULL, NULL);
    assert_fails(rc, STC_ERR_FIT, "synapse_bytes");
    assert_fails(rc, STC_ERR_FIT, "at least 3 parts");
    options.capacity[1] = 9;
    rc = stc_partition(&self, &t.g, &options, part, NULL, NULL);
    assert_fails(rc, STC_ERR_FIT, "one vertex has 10 synapse_bytes");
    options.capacity[1] = 45; /* would do if vertices could be halved */
    for (int i = 0; i < NNAMES; i++) {
        options.method = names[i];
        rc = stc_partition(&self, &t.g, &options, part, NULL, NULL);
        assert_fails(rc, STC_ERR_FIT, "50 synapse_bytes, allowed are 45");
    }
    options.capacity[1] = NAN;
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT, "capacity");
    graph_free(&t);
}

/* ---- names, files, bad input ---- */

static void unknown_methods_name_the_nearest(void **state)
{
    (void)state;
    test_graph t = ring_graph(5);
    assert_fails(run(&t, "metis-cuts", 2, NULL), STC_ERR_USAGE, "did you mean 'metis-cut'?");
    assert_fails(run(&t, "zzzzzzzz", 2, NULL), STC_ERR_USAGE, "file:PATH");
    assert_fails(run(&t, "", 2, NULL), STC_ERR_USAGE, "unknown partition method ''");
    assert_fails(run(&t, "file", 2, NULL), STC_ERR_USAGE, "file:PATH");
    assert_fails(run(&t, "file:", 2, NULL), STC_ERR_USAGE, "file:PATH");
    assert_fails(run(&t, "random:3", 2, NULL), STC_ERR_USAGE, "nothing after a colon");
    graph_free(&t);
}

static const char *write_file(const char *text)
{
    FILE *file = fopen("parts.txt", "w");
    fputs(text, file);
    fclose(file);
    return "file:parts.txt";
}

static void a_file_gives_the_parts_line_by_line(void **state)
{
    (void)state;
    test_graph t = ring_graph(5);
    const int32_t expected[] = {2, 0, 1, 1, 0};
    stc_partition_quality q;
    assert_int_equal(run(&t, write_file("2\n0\n 1 \r\n1\n0\n\n"), 3, &q), 0);
    assert_memory_equal(part, expected, sizeof expected);
    assert_string_equal(q.method, "file");
    assert_int_equal(run(&t, write_file("2\n0\n1\n1\n0"), 3, NULL), 0);
    graph_free(&t);
}

static void a_wrong_file_names_the_line(void **state)
{
    (void)state;
    test_graph t = ring_graph(5);
    const struct {
        const char *text, *message;
    } rows[] = {
        {"0\n1\n2\n1\n0\n", "line 3 is '2', expected a part number 0..1"},
        {"0\n-1\n0\n1\n0\n", "line 2 is '-1'"},
        {"0\n1\n\n1\n0\n", "line 3 is ''"},
        {"0\n1\n1 1\n1\n0\n", "line 3 is '1 1'"},
        {"0\n1.5\n1\n1\n0\n", "line 2 is '1.5'"},
        {"0\n1\n99999999999999999999\n1\n0\n", "line 3"},
        {"0\n1\n0\n", "ends after 3 lines, expected 5"},
        {"", "ends after 0 lines"},
        {"0\n1\n0\n1\n0\n1\n", "line 6"},
        {"0\n0\n0\n0\n0\n", "no vertex is on part 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_fails(run(&t, write_file(rows[i].text), 2, NULL), STC_ERR_INPUT, rows[i].message);
    assert_fails(run(&t, "file:no-such-file", 2, NULL), STC_ERR_INPUT, "no-such-file");
    assert_fails(run(&t, "file:.", 2, NULL), STC_ERR_INPUT, "cannot be read");
    stc_partition_options options = options_of(write_file("0\n0\n0\n0\n1\n"), 2);
    options.capacity[0] = 3;
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_FIT, "neurons");
    graph_free(&t);
}

static void broken_graphs_are_refused(void **state)
{
    (void)state;
    test_graph t = ring_graph(5);
    t.pin[3] = 5;
    assert_fails(run(&t, NULL, 2, NULL), STC_ERR_INPUT, "net 3 has pin 5, expected 0..4");
    t.pin[3] = 4;
    t.source[1] = -1;
    assert_fails(run(&t, NULL, 2, NULL), STC_ERR_INPUT, "source of net 1");
    t.source[1] = 1;
    t.spikes[2] = NAN;
    assert_fails(run(&t, NULL, 2, NULL), STC_ERR_INPUT, "net 2");
    t.spikes[2] = 1;
    t.weight[4] = -1;
    assert_fails(run(&t, NULL, 2, NULL), STC_ERR_INPUT, "synapse_bytes of vertex 1");
    t.weight[4] = INFINITY;
    assert_fails(run(&t, NULL, 2, NULL), STC_ERR_INPUT, "synapse_bytes of vertex 1");
    t.weight[4] = 1;
    stc_partition_options options = options_of(NULL, 2);
    options.imbalance = 0.5;
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT, "0.5");
    graph_free(&t);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    test_graph t = drawn_graph(100, 4);
    const int64_t before = stc_alloc_bytes();
    stc_partition_quality compared[3];
    const stc_partition_options options = options_of(NULL, 4);
    assert_int_equal(stc_partition(&self, &t.g, &options, part, NULL, compared), 0);
    assert_fails(run(&t, "file:none", 4, NULL), STC_ERR_INPUT, "none");
    assert_int_equal(stc_alloc_bytes(), before);
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_match_their_definitions),
        cmocka_unit_test(imbalance_is_the_largest_load_over_the_average),
        cmocka_unit_test(values_of_moves_are_the_measured_changes),
        cmocka_unit_test(every_method_fills_every_part_for_any_number_of_parts),
        cmocka_unit_test(the_same_seed_gives_the_same_parts),
        cmocka_unit_test(even_shares_hold_as_much_of_every_stream),
        cmocka_unit_test(contiguous_cuts_have_the_least_possible_largest_work),
        cmocka_unit_test(contiguous_cuts_keep_capacities_where_they_can),
        cmocka_unit_test(auto_is_at_least_as_good_as_the_methods_it_is_compared_with),
        cmocka_unit_test(refinement_sees_volume_where_the_cut_sees_edges),
        cmocka_unit_test(capacities_that_a_method_misses_are_repaired),
        cmocka_unit_test(a_tight_packing_is_found_by_swaps),
        cmocka_unit_test(capacities_that_cannot_be_kept_name_the_constraint),
        cmocka_unit_test(unknown_methods_name_the_nearest),
        cmocka_unit_test(a_file_gives_the_parts_line_by_line),
        cmocka_unit_test(a_wrong_file_names_the_line),
        cmocka_unit_test(broken_graphs_are_refused),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
