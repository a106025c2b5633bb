/* What copies of spikes cost: by definition, and lowered by the methods; boards; given parts. */

#include "partition_run.h"

#include <math.h>

enum { SIDE = 4 };

static void draw_parts(int32_t n, int32_t k, uint64_t seed)
{
    for (int32_t v = 0; v < n; v++)
        part[v] = (int32_t)(stc_random_u32(seed, 2, (uint64_t)v) % (uint32_t)k);
}

static stc_partition_quality cost_of(const test_graph *t, int32_t k, const stc_cost_model *model)
{
    stc_partition_quality q = {0};
    assert_int_equal(stc_partition_measure_cost(&t->g, k, part, model, &q), 0);
    return q;
}

/* ---- by definition ---- */

/* Copies of a net per other part (or vertex on one), on the own board or on others. */
static double copies(const test_graph *t, int32_t k, int32_t board, bool cores, bool between)
{
    double sum = 0;
    for (int32_t e = 0; e < t->g.nnets; e++) {
        const int32_t own = part[t->source[e]];
        for (int32_t i = 0; i < (cores ? t->g.nvertices : k); i++) {
            const int32_t p = cores ? part[i] : i;
            bool has = false;
            for (int64_t j = t->first[e]; j < t->first[e + 1]; j++)
                has = has || (cores ? t->pin[j] == i : part[t->pin[j]] == i);
            const bool far = board > 0 && p / board != own / board;
            if (has && p != own && far == between) sum += (double)t->spikes[e];
        }
    }
    return sum;
}

static void copies_per_chip_and_core_match_their_definitions(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        test_graph t = drawn_graph(40, seed);
        const int32_t k = 2 + (int32_t)seed % 7, board = (int32_t)seed % 4;
        draw_parts(40, k, seed);
        stc_cost_model model = {.board = board, .board_ratio = 3};
        stc_partition_quality q = cost_of(&t, k, &model);
        assert_true(q.inside_boards == copies(&t, k, board, false, false));
        assert_true(q.between_boards == copies(&t, k, board, false, true));
        assert_true(q.cost == q.inside_boards + 3 * q.between_boards);
        const double near = copies(&t, k, board, true, false);
        const double far = copies(&t, k, board, true, true);
        assert_true(q.core_copies == near + far);
        model.unit = STC_COST_CORES;
        assert_true(cost_of(&t, k, &model).cost == near + 3 * far);
        assert_true(isnan(q.links) && isnan(q.bytes));
        graph_free(&t);
    }
}

/* Links of the tree of a net: the union of the ways along the row, then the column. */
static double tree_by_definition(const test_graph *t, int32_t e, int32_t columns)
{
    bool across[8][8] = {{false}}, down[8][8] = {{false}}; /* link to the next column, row */
    const int32_t own = part[t->source[e]], y = own / columns, x = own % columns;
    for (int64_t j = t->first[e]; j < t->first[e + 1]; j++) {
        const int32_t to = part[t->pin[j]], ty = to / columns, tx = to % columns;
        for (int32_t c = x < tx ? x : tx; c < (x < tx ? tx : x); c++)
            across[y][c] = true;
        for (int32_t r = y < ty ? y : ty; r < (y < ty ? ty : y); r++)
            down[r][tx] = true;
    }
    int n = 0;
    for (int i = 0; i < 64; i++)
        n += across[i / 8][i % 8] + down[i / 8][i % 8];
    return n;
}

static void links_are_those_of_the_tree_on_the_mesh(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        test_graph t = drawn_graph(60, seed);
        const int32_t columns = 1 + (int32_t)seed % 5, k = 8;
        draw_parts(60, k, seed);
        double sum = 0;
        for (int32_t e = 0; e < t.g.nnets; e++)
            sum += (double)t.spikes[e] * tree_by_definition(&t, e, columns);
        const stc_cost_model model = {.unit = STC_COST_LINKS, .columns = columns};
        const stc_partition_quality q = cost_of(&t, k, &model);
        assert_true(q.links == sum && q.cost == sum);
        graph_free(&t);
    }
}

static void bytes_are_those_of_whole_messages(void **state)
{
    (void)state;
    assert_true(stc_encoded_bytes(60000, 10, 0) == 1 + 20); /* a list */
    assert_true(stc_encoded_bytes(800, 100, 0) == 1 + 100); /* a bitmap */
    const double gaps = stc_encoded_bytes(6000, 300, 0);
    assert_true(gaps > 1 + 2 + 300 && gaps < 1 + 2 + 301);       /* hardly any is wide */
    assert_true(stc_encoded_bytes(131072, 4, 0) == 2 * (1 + 4)); /* two pieces */
    assert_true(stc_encoded_bytes(800, 10, 4) == 3200);
    test_graph t = graph_of(6, 4, 8);
    const int32_t outputs[] = {100, 60, 40, 10}, stream[] = {0, 0, 1, 2}, bytes[] = {0, 0, 0, 4};
    const int32_t at[] = {0, 0, 1, 1, 2, 2};
    memcpy(part, at, sizeof at);
    add_net(&t, 0, 5); /* with the next one one message to part 1 */
    add_pin(&t, 2);
    add_net(&t, 1, 2);
    add_pin(&t, 3);
    add_pin(&t, 4);
    add_net(&t, 1, 4); /* another stream */
    add_pin(&t, 2);
    add_net(&t, 5, 10);
    add_pin(&t, 0);
    add_pin(&t, 4);
    t.g.outputs = outputs;
    t.g.stream = stream;
    t.g.output_bytes = bytes;
    stc_cost_model model = {.unit = STC_COST_BYTES};
    /* 160 outputs, 7 spikes; 60, 2; 40, 4; 10 of 4 bytes */
    stc_partition_quality q = cost_of(&t, 3, &model);
    assert_true(q.bytes == (1 + 7) + (1 + 2) + (1 + 4) + 40 && q.cost == q.bytes);
    model = (stc_cost_model){.unit = STC_COST_BYTES, .board = 2, .board_ratio = 2};
    q = cost_of(&t, 3, &model);
    assert_true(q.bytes == 8 + 3 + 5 + 40 && q.cost == 8 + 2 * 3 + 5 + 2 * 40);
    graph_free(&t);
}

/* ---- lowered ---- */

static double run_for(const test_graph *t, const char *method, int32_t k, stc_cost_model model)
{
    stc_partition_options options = options_of(method, k);
    options.cost = model;
    stc_partition_quality q;
    assert_int_equal(stc_partition(&self, &t->g, &options, part, &q, NULL), 0);
    assert_true(no_part_is_empty(part, t->g.nvertices, k));
    assert_true(q.feasible);
    assert_true(q.cost == cost_of(t, k, &model).cost);
    return q.cost;
}

static void every_unit_is_lowered_below_simple_partitions(void **state)
{
    (void)state;
    int32_t outputs[2000];
    for (int i = 0; i < 2000; i++)
        outputs[i] = 40;
    const stc_cost_model models[] = {{.unit = STC_COST_CORES},
                                     {.unit = STC_COST_LINKS, .columns = SIDE},
                                     {.unit = STC_COST_BYTES},
                                     {.board = 4},
                                     {.board = 5, .board_ratio = 10}};
    test_graph t = drawn_graph(600, 3);
    t.g.outputs = outputs;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const double best = run_for(&t, "auto", SIDE * SIDE, models[i]);
        stc_partition_quality q;
        assert_int_equal(stc_partition_measure(&t.g, SIDE * SIDE, part, NULL, &q), 0);
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            assert_true(q.imbalance[c] <= 1.1 + 1e-9);
        assert_true(best <= run_for(&t, "contiguous", SIDE * SIDE, models[i]));
        assert_true(best < run_for(&t, "random", SIDE * SIDE, models[i]));
        assert_true(best <= 1.001 * run_for(&t, "metis-cut", SIDE * SIDE, models[i]));
    }
    graph_free(&t);
}

/* Chips that talk are put next to each other: a ring of 16 lies on the mesh as a ring. */
static void chips_are_placed_on_the_mesh(void **state)
{
    (void)state;
    test_graph t = ring_graph(160);
    const double cost =
        run_for(&t, "auto", SIDE * SIDE, (stc_cost_model){.unit = STC_COST_LINKS, .columns = SIDE});
    assert_true(cost <= 18); /* 16 when every step is one link */
    graph_free(&t);
}

/* ---- boards ---- */

static void boards_hold_the_groups_that_talk(void **state)
{
    (void)state;
    /* 12 chips on boards of 5: groups on the same board cost nothing between boards */
    test_graph t = graph_of(240, 480, 480);
    for (int32_t v = 0; v < 240; v++) {
        const int32_t group = v % 24;
        add_net(&t, v, 10);
        add_pin(&t, (v + 24) % 240);
        add_net(&t, v, 1);
        add_pin(&t, v - group + (group + 1) % 24);
    }
    stc_partition_options options = options_of("auto", 12);
    stc_partition_quality flat, q;
    options.imbalance = 1.01;
    const stc_cost_model model = {.board = 5, .board_ratio = 8};
    assert_int_equal(stc_partition(&self, &t.g, &options, part, &flat, NULL), 0);
    const double flat_cost = cost_of(&t, 12, &model).cost;
    options.cost = model;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
    assert_true(q.cost <= flat_cost);
    assert_true(q.multicast_volume == q.between_boards + q.inside_boards);
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        assert_true(q.imbalance[c] <= 1.01);
    graph_free(&t);
}

static void boards_of_any_size_work_with_every_method(void **state)
{
    (void)state;
    test_graph t = drawn_graph(90, 4);
    for (int i = 0; i < NNAMES; i++)
        for (int32_t board = 1; board <= 32; board = 2 * board + 1)
            run_for(&t, names[i], 30, (stc_cost_model){.board = board});
    run_for(&t, "auto", 90, (stc_cost_model){.board = 7});
    graph_free(&t);
}

static void so_many_parts_that_boards_are_assumed(void **state)
{
    (void)state;
    test_graph t = ring_graph(1000);
    assert_true(run_for(&t, "multilevel", 520, (stc_cost_model){0}) <= 600);
    assert_true(run_for(&t, "auto", 1000, (stc_cost_model){0}) == 1000);
    graph_free(&t);
}

static void capacities_hold_on_boards(void **state)
{
    (void)state;
    test_graph t = ring_graph(96);
    stc_partition_options options = options_of("auto", 7);
    options.cost.board = 3;
    options.capacity[0] = 14; /* 96 of 98 */
    stc_partition_quality q;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, &q, NULL), 0);
    assert_true(q.imbalance[0] * 96 / 7 <= 14 + 1e-9);
    options.capacity[0] = 13;
    assert_fails(stc_partition(&self, &t.g, &options, part, &q, NULL), STC_ERR_FIT, "at least 8");
    graph_free(&t);
}

/* ---- options ---- */

static void wrong_costs_are_refused(void **state)
{
    (void)state;
    test_graph t = ring_graph(9);
    const struct {
        stc_cost_model model;
        const char *text;
    } rows[] = {
        {{.unit = (stc_cost_unit)STC_NCOST_UNITS}, "unknown unit"},
        {{.board = -1}, "-1 chips on a board"},
        {{.board = 2, .board_ratio = 0.5}, "0.5"},
        {{.board = 2, .board_ratio = NAN}, "nan"},
        {{.unit = STC_COST_LINKS, .board = 2}, "boards and a tree of links"},
        {{.unit = STC_COST_LINKS, .columns = -2}, "-2 columns"},
        {{.unit = STC_COST_BYTES}, "bytes are unknown"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stc_partition_options options = options_of("auto", 3);
        options.cost = rows[i].model;
        assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT,
                     rows[i].text);
    }
    graph_free(&t);
}

static void parts_that_the_caller_has_read_are_taken(void **state)
{
    (void)state;
    test_graph t = ring_graph(4);
    int32_t given[] = {1, 0, 0, 1};
    stc_partition_options options = options_of("file:some.h5", 2);
    options.given = given;
    options.ngiven = 4;
    assert_int_equal(stc_partition(&self, &t.g, &options, part, NULL, NULL), 0);
    assert_memory_equal(part, given, sizeof given);
    options.ngiven = 3;
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT,
                 "some.h5: holds the parts of 3 vertices, the graph has 4");
    options.ngiven = 4;
    given[2] = 2;
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT,
                 "vertex 2 is on part 2, expected 0..1");
    memset(given, 0, sizeof given);
    assert_fails(stc_partition(&self, &t.g, &options, part, NULL, NULL), STC_ERR_INPUT,
                 "no vertex is on part 1");
    graph_free(&t);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    test_graph t = drawn_graph(60, 4);
    const int64_t before = stc_alloc_bytes();
    for (int unit = 0; unit < STC_COST_BYTES; unit++)
        run_for(&t, "auto", 6, (stc_cost_model){.unit = (stc_cost_unit)unit});
    run_for(&t, "auto", 6, (stc_cost_model){.board = 2});
    assert_int_equal(stc_alloc_bytes(), before);
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_per_chip_and_core_match_their_definitions),
        cmocka_unit_test(links_are_those_of_the_tree_on_the_mesh),
        cmocka_unit_test(bytes_are_those_of_whole_messages),
        cmocka_unit_test(every_unit_is_lowered_below_simple_partitions),
        cmocka_unit_test(chips_are_placed_on_the_mesh),
        cmocka_unit_test(boards_hold_the_groups_that_talk),
        cmocka_unit_test(boards_of_any_size_work_with_every_method),
        cmocka_unit_test(so_many_parts_that_boards_are_assumed),
        cmocka_unit_test(capacities_hold_on_boards),
        cmocka_unit_test(wrong_costs_are_refused),
        cmocka_unit_test(parts_that_the_caller_has_read_are_taken),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
