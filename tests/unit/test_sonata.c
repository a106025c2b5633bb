/* SONATA networks: the graph of a published one, its lists read in any pieces, its spikes in steps,
 * and texts and paths in every spelling. */
#include "network_file.h"

#include <sys/stat.h>

enum { CORTEX_EDGES = 1469, THALAMUS_EDGES = 1192 };

/* A file of the published network. */
static const char *published(const char *name, char *buffer, size_t size)
{
    const char *source = getenv("STC_SOURCE_DIR");
    snprintf(buffer, size, "%s/tests/data/sonata/point_120cells/%s", source ? source : "../..",
             name);
    return buffer;
}

static const char *config(void)
{
    static char path[4096];
    return published("config.simulation.json", path, sizeof(path));
}

static void a_published_network_becomes_populations_and_projections(void **state)
{
    (void)state;
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.dt = 1e-4;
    stc_graph *graph = read_network(config(), &rules);
    assert_int_equal(graph->nnodes, 4);
    assert_int_equal(graph->time_steps, 30000);
    const stc_node *cortex = node_of(graph, "cortex"), *thalamus = node_of(graph, "thalamus");
    assert_string_equal(cortex->op->name, "iaf_psc_delta");
    assert_int_equal(stc_shape_size(&cortex->shape), 120);
    assert_true(value_at(cortex, "V_m", 0) == -70); /* of the model, not v_init or E_L */
    assert_int_equal(thalamus->op->op_class, STC_CLASS_INPUT);
    assert_int_equal(stc_shape_size(&thalamus->shape), 100);
    const stc_node *inside = node_of(graph, "cortex_to_cortex");
    assert_int_equal(length_of(inside, "source"), CORTEX_EDGES);
    assert_true(value_at(inside, "delay", 0) == 1.5);
    assert_int_equal(length_of(inside, "delay"), -1);
    assert_int_equal(stc_node_int(inside, "receptor"), -1);
    assert_int_equal(length_of(node_of(graph, "thalamus_to_cortex"), "weight"), THALAMUS_EDGES);
    stc_graph_destroy(&graph);
    graph = read_network(config(), NULL); /* the step of the configuration */
    assert_int_equal(graph->time_steps, 3000000);
    stc_graph_destroy(&graph);
}

/* Weights of 2.0 from excitatory neurons (0 to 79) and -1.5 from the others, by type. */
static void lists_are_the_same_in_any_pieces(void **state)
{
    (void)state;
    stc_graph *graph = read_network(config(), NULL);
    const stc_node *edges = node_of(graph, "cortex_to_cortex");
    static const char *const names[] = {"source", "target", "weight"};
    double *whole = calloc(3 * CORTEX_EDGES, sizeof(double));
    for (int k = 0; k < 3; k++) {
        const stc_weight *list = stc_node_weight(edges, names[k]);
        assert_int_equal(list->read_double(list, 0, CORTEX_EDGES, whole + k * CORTEX_EDGES), 0);
        for (int64_t first = 0, count = 1; first < CORTEX_EDGES; first += count, count += 7) {
            double part[CORTEX_EDGES];
            if (count > CORTEX_EDGES - first) count = CORTEX_EDGES - first;
            assert_int_equal(list->read_double(list, first, count, part), 0);
            assert_memory_equal(part, whole + k * CORTEX_EDGES + first,
                                (size_t)count * sizeof(*part));
        }
        assert_int_equal(list->read_double(list, 1, CORTEX_EDGES, whole), STC_ERR_INTERNAL);
    }
    for (int i = 0; i < CORTEX_EDGES; i++) {
        double source = whole[i], target = whole[CORTEX_EDGES + i];
        assert_true(source >= 0 && source < 120 && target >= 0 && target < 120);
        assert_true(whole[2 * CORTEX_EDGES + i] == (source < 80 ? 2.0 : -1.5));
    }
    free(whole);
    stc_graph_destroy(&graph);
}

static void text_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* One virtual node population of 3 nodes, whose spikes are those of a table. */
static void make_small(const char *spikes)
{
    mkdir("small", 0777);
    text_file("small/types.csv", "node_type_id model_type\n5 virtual\n");
    text_file("small/config.json",
              "{\"run\": {\"tstop\": 10, \"dt\": 0.1}, \"manifest\": {\"$D\": \"${configdir}\"},"
              " \"networks\": {\"nodes\": [{\"nodes_file\": \"$D/nodes.h5\","
              " \"node_types_file\": \"./types.csv\"}]}, \"unknown\": [1],"
              " \"inputs\": {\"a\": {\"input_type\": \"spikes\", \"module\": \"csv\","
              " \"input_file\": \"spikes.csv\", \"node_set\": \"p\"}}}");
    text_file("small/spikes.csv", spikes);
    hid_t file = make_file("small/nodes.h5");
    put_data(file, "nodes/p/node_type_id", H5T_NATIVE_INT, 1, (const hsize_t[]){3},
             (const int[]){5, 5, 5});
    put_data(file, "nodes/p/node_id", H5T_NATIVE_INT, 1, (const hsize_t[]){3},
             (const int[]){30, 10, 20});
    H5Fclose(file);
}

static void times_are_rounded_to_microseconds_and_up_to_the_end_of_a_step(void **state)
{
    (void)state;
    /* on the grid, on it after rounding, above it, tiny, off it, too late; ids in order 10 20 30 */
    make_small("timestamps population node_ids\n"
               "0.3 p 10\n0.3000004 p 20\n0.3006 p 30\n0.0001 p 10\n0.75 p 20\n0.75 q 20\n"
               "0.8 p 20\n10.2 p 20\n");
    stc_program *program = input_program("p", 3, 1e-4, 100);
    stc_input *input;
    int rc = stc_input_open("small/config.json", program, NULL, &input);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    assert_true(spikes_at(input, 2, 0) == 1 && spikes_at(input, 2, 1) == 1);
    assert_true(spikes_at(input, 3, 2) == 1 && spikes_at(input, 0, 0) == 1);
    assert_true(spikes_at(input, 7, 1) == 2 && spikes_at(input, 99, 1) == 0);
    stc_input_close(&input);
    stc_program_destroy(&program);
}

static void times_of_zero_and_unknown_nodes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"0 p 10", "spike 0", "at 0 ms"},        {"-1 p 10", "spike 0", "at -1 ms"},
        {"1 p 11", "node 11", "population p"},   {"soon p 10", "soon", "a number"},
        {"1 p 10.5", "row 1", "node_ids"},       {"1 p", "row 1", "2 fields"},
        {"1 p 10 4", "row 1", "more than the 3"}};
    stc_program *program = input_program("p", 3, 1e-4, 100);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        stc_input *input = NULL;
        snprintf(text, sizeof(text), "timestamps population node_ids\n%s\n", bad[i][0]);
        make_small(text);
        assert_int_equal(stc_input_open("small/config.json", program, NULL, &input), STC_ERR_INPUT);
        assert_true(error_says("small/spikes.csv", bad[i][1], bad[i][2], NULL));
        assert_null(input);
    }
    stc_program_destroy(&program);
}

/* The same rule for spike files that are given to a network of populations by hand. */
static void spike_files_for_populations_are_stamped_at_ends(void **state)
{
    (void)state;
    stc_program *program = input_program("p", 3, 1e-4, 100);
    program->kernels = stc_arena_alloc(program->arena, 1, sizeof(stc_kernel));
    program->kernels[0].kind = STC_KERNEL_POPULATION;
    program->nkernels = 1;
    hid_t file = make_file("spikes.h5");
    put_data(file, "spikes/p/node_ids", H5T_NATIVE_INT, 1, (const hsize_t[]){3},
             (const int[]){0, 1, 2});
    put_data(file, "spikes/p/timestamps", H5T_NATIVE_DOUBLE, 1, (const hsize_t[]){3},
             (const double[]){0.3, 0.35, 0.1});
    H5Fclose(file);
    stc_input *input;
    assert_int_equal(stc_input_open("spikes.h5", program, NULL, &input), 0);
    assert_true(spikes_at(input, 2, 0) == 1 && spikes_at(input, 3, 1) == 1);
    assert_true(spikes_at(input, 0, 2) == 1);
    stc_input_close(&input);
    program->kernels[0].kind = STC_KERNEL_NEURON;
    assert_int_equal(stc_input_open("spikes.h5", program, NULL, &input), 0);
    assert_true(spikes_at(input, 3, 0) == 1 && spikes_at(input, 3, 1) == 1);
    stc_input_close(&input);
    stc_program_destroy(&program);
}

static void results_speak_in_node_ids(void **state)
{
    (void)state;
    make_small("timestamps population node_ids\n");
    int64_t ids[] = {2, 0, 1}, traced[] = {0, 2};
    stc_population population = {.name = "p", .n = 3, .id = ids};
    stc_trace trace = {.name = "p", .nids = 2, .ids = traced};
    stc_result result = {.recorded = true,
                         .npopulations = 1,
                         .ntraces = 1,
                         .populations = &population,
                         .traces = &trace};
    assert_int_equal(stc_network_original_ids("small/config.json", &result), 0);
    assert_true(ids[0] == 30 && ids[1] == 10 && ids[2] == 20);
    assert_true(traced[0] == 10 && traced[1] == 30);
    assert_int_equal(stc_network_original_ids(NULL, &result), 0);
    assert_int_equal(stc_network_original_ids("small/nodes.h5", &result), 0);
    assert_int_equal(stc_network_original_ids("small/config.json", &result), STC_ERR_INPUT);
}

static void files_are_recognised(void **state)
{
    (void)state;
    char nodes[4096];
    stc_file_kind kind;
    assert_int_equal(stc_file_recognise(config(), &kind), 0);
    assert_int_equal(kind, STC_FILE_GRAPH);
    assert_true(stc_file_has_input(config()));
    published("network/cortex_nodes.h5", nodes, sizeof(nodes));
    assert_int_equal(stc_file_recognise(nodes, &kind), STC_ERR_INPUT);
    assert_true(error_says("cortex_nodes.h5", "nodes of a SONATA network", "configuration", NULL));
    assert_false(stc_file_has_input(nodes) || stc_file_has_input("nowhere.h5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_network_becomes_populations_and_projections),
        cmocka_unit_test(lists_are_the_same_in_any_pieces),
        cmocka_unit_test(times_are_rounded_to_microseconds_and_up_to_the_end_of_a_step),
        cmocka_unit_test(times_of_zero_and_unknown_nodes_are_refused),
        cmocka_unit_test(spike_files_for_populations_are_stamped_at_ends),
        cmocka_unit_test(results_speak_in_node_ids),
        cmocka_unit_test(files_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
