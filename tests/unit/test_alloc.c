/* Targets by name and from files, and the allocation of tiles to cores. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/error.h"
#include "stc/target.h"

#include <math.h>

static void assert_fails(int rc, int code, const char *text)
{
    assert_int_equal(rc, code);
    if (!strstr(stc_error_text(), text)) fail_msg("'%s' lacks '%s'", stc_error_text(), text);
}

/* ---- targets ---- */

static void built_in_targets_are_found_by_name(void **state)
{
    (void)state;
    int n = 0;
    const stc_target *const *all = stc_targets(&n), *found;
    assert_true(n >= 2);
    for (int i = 0; i < n; i++) {
        assert_int_equal(stc_target_find(all[i]->name, NULL, &found), 0);
        assert_ptr_equal(found, all[i]);
        assert_true(all[i]->neurons_per_core >= STC_CHANNEL_BLOCK && all[i]->cores_per_chip > 0);
        assert_true(all[i]->synapse_bytes_per_core > 0 && all[i]->weight_bytes > 0);
        assert_true(strlen(all[i]->help) > 10);
    }
    assert_int_equal(stc_target_find(NULL, NULL, &found), 0);
    assert_string_equal(found->name, "generic");
}

static void unknown_targets_name_the_nearest(void **state)
{
    (void)state;
    const stc_target *found;
    assert_fails(stc_target_find("genric", NULL, &found), STC_ERR_INPUT, "did you mean 'generic'?");
    assert_fails(stc_target_find("zzzzzzzzz", NULL, &found), STC_ERR_INPUT, "generic and tiny");
    assert_fails(stc_target_find("no/such.ini", NULL, &found), STC_ERR_INPUT, "cannot be opened");
}

static int find_file(const char *text, stc_arena *arena, const stc_target **out)
{
    FILE *file = fopen("chip.ini", "w");
    fputs(text, file);
    fclose(file);
    return stc_target_find("chip.ini", arena, out);
}

static const char *const good = "; comment\n"
                                "[chip]\n"
                                "name = small chip\n"
                                "cores = 12\n"
                                "[core]\n"
                                "  neurons = 64\n"
                                "  synapse_bytes=4096 ; each\n"
                                "\n"
                                "[types]\n"
                                "weight_bytes: 2\n";

static void a_file_describes_a_target(void **state)
{
    (void)state;
    stc_arena *arena;
    const stc_target *target;
    assert_int_equal(stc_arena_create(&arena), 0);
    assert_int_equal(find_file(good, arena, &target), 0);
    assert_string_equal(target->name, "small chip");
    assert_int_equal(target->cores_per_chip, 12);
    assert_int_equal(target->neurons_per_core, 64);
    assert_int_equal(target->synapse_bytes_per_core, 4096);
    assert_int_equal(target->weight_bytes, 2);
    assert_string_equal(target->help, "read from chip.ini");
    stc_arena_destroy(&arena);
}

static void a_file_says_what_a_copy_of_a_spike_costs(void **state)
{
    (void)state;
    stc_arena *arena;
    const stc_target *found;
    char text[512];
    stc_partition_options options = {.nparts = 3, .imbalance = 1.5};
    assert_int_equal(stc_arena_create(&arena), 0);
    assert_int_equal(find_file(good, arena, &found), 0);
    assert_true(found->cost.unit == STC_COST_CHIPS && found->cost.board == 0);
    snprintf(text, sizeof text, "%s[router]\nmulticast = per_destination_core\n%s", good,
             "chips_per_board = 48\nboard_ratio = 2.5\nmesh_columns = 8\n");
    assert_int_equal(find_file(text, arena, &found), 0);
    stc_target_limit(found, &options);
    assert_true(options.cost.unit == STC_COST_CORES && options.cost.board == 48);
    assert_true(options.cost.board_ratio == 2.5 && options.cost.columns == 8);
    assert_true(options.capacity[0] == 12 * 64 && options.capacity[1] == 12 * 4096);
    assert_true(options.capacity[2] == 0 && options.nparts == 3 && options.imbalance == 1.5);
    const char *const wrong[][2] = {
        {"multicast = per_destination_chop\n", "did you mean 'per_destination_chip'?"},
        {"multicast = bytes\n", "is 'bytes', expected per_destination_chip"},
        {"board_ratio = 0.5\n", "a number from 1 to 1e6"},
        {"board_ratio = nan\n", "is 'nan'"},
        {"chips_per_board = -1\n", "is '-1'"},
        {"multicast = tree_of_links\nchips_per_board = 4\n", "leave chips_per_board out"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%s[router]\n%s", good, wrong[i][0]);
        assert_fails(find_file(text, arena, &found), STC_ERR_INPUT, wrong[i][1]);
    }
    stc_arena_destroy(&arena);
}

static void a_wrong_file_names_line_and_key(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
    } rows[] = {
        {"[chip]\nname = a\ncorse = 3\n",
         "line 3: unknown key 'corse' in [chip] (did you mean 'cores'?)"},
        {"[chp]\nname = a\n", "line 2: unknown section [chp] (did you mean 'chip'?)"},
        {"name = a\n", "line 1: unknown section []"},
        {"[chip]\ncores = many\n", "line 2: [chip] cores is 'many'"},
        {"[chip]\ncores = 0\n", "from 1 to"},
        {"[chip]\ncores = 3.5\n", "'3.5'"},
        {"[chip]\ncores = 99999999999999999999\n", "whole number"},
        {"[core]\n\nneurons = 15\n", "line 3: [core] neurons is '15'"},
        {"[chip]\nname =\n", "line 2: [chip] name is empty"},
        {"[chip]\ncores = 3\ncores = 4\n", "line 3: [chip] cores is given for the second time"},
        {"[chip]\nname = a\nwhat is this\n", "line 3"},
        {"[chip]\nname = a\ncores = 3\n", "[core] neurons (neurons a core holds) is missing"},
        {"", "[chip] name (a word) is missing"},
    };
    stc_arena *arena;
    const stc_target *target;
    assert_int_equal(stc_arena_create(&arena), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_fails(find_file(rows[i].text, arena, &target), STC_ERR_INPUT, rows[i].message);
    assert_fails(stc_target_find(".", arena, &target), STC_ERR_INPUT, "cannot be read");
    stc_arena_destroy(&arena);
}

/* ---- allocation ---- */

static stc_stage stages[] = {{.name = "conv1"}, {.name = "lif1"}};

static stc_program program_of(stc_tile *tiles, int32_t n, int32_t chips)
{
    return (stc_program){
        .nstages = 2, .stages = stages, .ntiles = n, .tiles = tiles, .chips = chips};
}

static const stc_target target = {.name = "test",
                                  .neurons_per_core = 100,
                                  .synapse_bytes_per_core = 1000,
                                  .cores_per_chip = 2,
                                  .weight_bytes = 1};

static void tiles_that_fit_together_share_a_core(void **state)
{
    (void)state;
    stc_tile tiles[] = {
        {.chip = 0, .neurons = 60, .synapse_bytes = 100, .work = 1},
        {.chip = 1, .neurons = 100, .synapse_bytes = 1000, .work = 2},
        {.chip = 0, .neurons = 50, .synapse_bytes = 900, .work = 3, .stage = 1},
        {.chip = 0, .neurons = 40, .synapse_bytes = 200, .work = 1},
        {.chip = 0, .neurons = 0, .synapse_bytes = 100, .work = 0},
    };
    stc_program program = program_of(tiles, 5, 2);
    stc_allocation a;
    assert_int_equal(stc_allocate(&program, &target, &a), 0);
    const int32_t cores[] = {0, 0, 1, 0, 0};
    for (int t = 0; t < 5; t++)
        assert_int_equal(tiles[t].core, cores[t]);
    assert_int_equal(a.cores_used, 3);
    assert_int_equal(a.cores_available, 4);
    assert_true(a.utilization == 1);
    assert_true(fabs(a.neuron_utilization - 250 / 300.0) < 1e-9);
    assert_true(fabs(a.synapse_utilization - 2300 / 3000.0) < 1e-9);
    assert_true(fabs(a.load_balance - 7 / 9.0) < 1e-9);
    assert_int_equal(a.bottleneck_stage, 1);
}

static void a_tile_larger_than_a_core_names_its_stage(void **state)
{
    (void)state;
    stc_tile tiles[] = {{.neurons = 10}, {.neurons = 101, .stage = 1}};
    stc_program program = program_of(tiles, 2, 1);
    stc_allocation a;
    assert_fails(stc_allocate(&program, &target, &a), STC_ERR_FIT,
                 "'lif1': a tile has 101 neurons");
    tiles[1].neurons = 100;
    tiles[0].synapse_bytes = 1001;
    assert_fails(stc_allocate(&program, &target, &a), STC_ERR_FIT,
                 "'conv1': a tile has 1001 bytes");
}

static void chips_that_are_too_few_are_told_how_many_would_do(void **state)
{
    (void)state;
    enum { N = 50 };
    stc_tile tiles[N];
    stc_allocation a;
    for (int t = 0; t < N; t++)
        tiles[t] = (stc_tile){.neurons = 100, .chip = t / 10};
    stc_program program = program_of(tiles, N, 5);
    assert_fails(stc_allocate(&program, &target, &a), STC_ERR_FIT, "chip 0 needs 10 cores");
    int enough = 0;
    const char *at = strstr(stc_error_text(), "--chips ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "--chips %d", &enough), 1);
    assert_true(enough >= 25 && enough <= 30);
    for (int t = 0; t < N; t++)
        tiles[t].chip = t * enough / N;
    program.chips = enough;
    assert_int_equal(stc_allocate(&program, &target, &a), 0);
    for (int t = 0; t < N; t++)
        tiles[t].chip = 0; /* never more chips than tiles */
    stc_target one = target;
    one.cores_per_chip = 1;
    program.chips = 1;
    assert_fails(stc_allocate(&program, &one, &a), STC_ERR_FIT, "--chips 50");
}

static void cores_never_hold_more_than_they_can(void **state)
{
    (void)state;
    enum { N = 2000 };
    static stc_tile tiles[N];
    static int64_t neurons[3][N], bytes[3][N];
    int64_t total = 0;
    for (uint64_t t = 0; t < N; t++) {
        tiles[t] = (stc_tile){.chip = (int32_t)(stc_random_u32(1, 1, t) % 3),
                              .neurons = stc_random_u32(1, 2, t) % 101,
                              .synapse_bytes = stc_random_u32(1, 3, t) % 501};
        total += tiles[t].neurons;
    }
    stc_target large = target;
    large.cores_per_chip = N;
    stc_program program = program_of(tiles, N, 3);
    stc_allocation a;
    assert_int_equal(stc_allocate(&program, &large, &a), 0);
    for (int t = 0; t < N; t++) {
        const stc_tile *tile = &tiles[t];
        assert_true((neurons[tile->chip][tile->core] += tile->neurons) <= 100);
        assert_true((bytes[tile->chip][tile->core] += tile->synapse_bytes) <= 1000);
    }
    assert_true(a.neuron_utilization > 0.9);
    const double held = a.neuron_utilization * (double)a.cores_used * 100;
    assert_true(fabs(held - (double)total) < 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_targets_are_found_by_name),
        cmocka_unit_test(unknown_targets_name_the_nearest),
        cmocka_unit_test(a_file_describes_a_target),
        cmocka_unit_test(a_file_says_what_a_copy_of_a_spike_costs),
        cmocka_unit_test(a_wrong_file_names_line_and_key),
        cmocka_unit_test(tiles_that_fit_together_share_a_core),
        cmocka_unit_test(a_tile_larger_than_a_core_names_its_stage),
        cmocka_unit_test(chips_that_are_too_few_are_told_how_many_would_do),
        cmocka_unit_test(cores_never_hold_more_than_they_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
