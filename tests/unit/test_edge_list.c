/* Edge lists: the graph that they become, and the spikes that they bring. */
#include "network_file.h"

static void put_column(hid_t at, const char *name, hid_t type, int n, const void *values)
{
    put_data(at, name, type, 1, (const hsize_t[]){(hsize_t)n}, values);
}

/* Three neurons, four edges, two sources with three spikes. */
static hid_t start_network(void)
{
    hid_t file = make_file("network.h5");
    put_text_attr(file, "model", "iaf_psc_exp");
    put_real_attr(file, "dt_ms", 0.1);
    put_real_attr(file, "t_stop_ms", 20);
    put_column(file, "neurons/C_m", H5T_NATIVE_DOUBLE, 3, (const double[]){250, 250, 250});
    put_column(file, "neurons/I_e", H5T_NATIVE_DOUBLE, 3, (const double[]){1, 2, 1.0 / 3});
    put_column(file, "neurons/V_m", H5T_NATIVE_DOUBLE, 3, (const double[]){0, 0, 0});
    put_column(file, "neurons/V_m_init", H5T_NATIVE_DOUBLE, 3, (const double[]){-60, -61, -62});
    put_column(file, "neurons/id", H5T_NATIVE_INT, 3, (const int[]){5, 6, 7});
    put_column(file, "edges/src", H5T_NATIVE_INT, 4, (const int[]){0, 1, 2, 2});
    put_column(file, "edges/dst", H5T_NATIVE_INT, 4, (const int[]){1, 2, 0, 0});
    put_column(file, "edges/weight", H5T_NATIVE_DOUBLE, 4, (const double[]){1, -2, 0.1, 0});
    put_column(file, "edges/delay", H5T_NATIVE_INT, 4, (const int[]){15, 15, 15, 15});
    put_column(file, "spikes/step", H5T_NATIVE_INT, 1, (const int[]){15});
    return file;
}

static void put_input(hid_t file)
{
    put_column(file, "input/spike_source", H5T_NATIVE_INT, 4, (const int[]){1, 0, 1, 1});
    put_column(file, "input/spike_step", H5T_NATIVE_INT, 4, (const int[]){9, 1, 200, 9});
    put_column(file, "input/edge_src", H5T_NATIVE_INT, 2, (const int[]){0, 1});
    put_column(file, "input/edge_dst", H5T_NATIVE_INT, 2, (const int[]){2, 2});
    put_column(file, "input/edge_weight", H5T_NATIVE_DOUBLE, 2, (const double[]){3, 3});
    put_column(file, "input/edge_delay", H5T_NATIVE_DOUBLE, 2, (const double[]){0.5, 0.7});
}

static void columns_become_a_population_and_a_projection(void **state)
{
    (void)state;
    H5Fclose(start_network());
    stc_file_kind kind;
    assert_int_equal(stc_file_recognise("network.h5", &kind), 0);
    assert_int_equal(kind, STC_FILE_GRAPH);
    assert_true(stc_file_has_input("network.h5"));
    stc_graph *graph = read_network("network.h5", NULL);
    assert_int_equal(graph->nnodes, 2);
    assert_int_equal(graph->time_steps, 200);
    assert_true(graph->dt == 0.1 / 1e3);
    const stc_node *neurons = node_of(graph, "neurons"), *edges = node_of(graph, "edges");
    assert_string_equal(neurons->op->name, "iaf_psc_exp");
    assert_int_equal(stc_node_int(neurons, "n"), 3);
    assert_true(stc_node_real(neurons, "dt") == 0.1);
    assert_null(stc_node_attr(neurons, "C_m")->weight); /* the same for all */
    assert_true(value_at(neurons, "C_m", 0) == 250 && value_at(neurons, "tau_m", 0) == 10);
    assert_true(value_at(neurons, "I_e", 2) == 1.0 / 3 && value_at(neurons, "V_m", 1) == -61);
    assert_true(value_at(edges, "weight", 1) == -2 && value_at(edges, "weight", 2) == 0.1);
    assert_int_equal(length_of(edges, "delay"), -1);
    assert_true(fabs(value_at(edges, "delay", 0) - 1.5) < 1e-12);
    assert_true(value_at(edges, "source", 3) == 2 && value_at(edges, "target", 3) == 0);
    stc_graph_destroy(&graph);
}

static void spikes_of_the_file_are_an_input(void **state)
{
    (void)state;
    hid_t file = start_network();
    put_input(file);
    H5Fclose(file);
    stc_graph *graph = read_network("network.h5", NULL);
    assert_int_equal(stc_shape_size(&node_of(graph, "input")->shape), 2);
    assert_true(value_at(node_of(graph, "input_edges"), "delay", 1) == 0.7);
    stc_graph_destroy(&graph);
    stc_program *program = input_program("input", 2, 1e-4, 200);
    stc_input *input;
    assert_int_equal(stc_input_open("network.h5", program, NULL, &input), 0);
    assert_int_equal(input->samples, 1);
    assert_int_equal(input->arrays[0].steps, 200);
    assert_true(spikes_at(input, 0, 0) == 1 && spikes_at(input, 8, 1) == 2);
    assert_true(spikes_at(input, 199, 1) == 1 && spikes_at(input, 9, 1) == 0);
    stc_input_close(&input);
    const stc_input_options shorter = {.time_steps = 199};
    assert_int_equal(stc_input_open("network.h5", program, &shorter, &input), 0);
    assert_int_equal(input->arrays[0].steps, 199);
    stc_input_close(&input);
    stc_program_destroy(&program);
    program = input_program("input", 3, 1e-4, 200);
    assert_int_equal(stc_input_open("network.h5", program, NULL, &input), STC_ERR_INPUT);
    assert_true(error_says("network.h5", "2 sources", "for 3", NULL));
    stc_program_destroy(&program);
}

static void a_step_is_that_of_the_file(void **state)
{
    (void)state;
    H5Fclose(start_network());
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    stc_graph *graph = NULL;
    rules.dt = 1e-4;
    graph = read_network("network.h5", &rules);
    stc_graph_destroy(&graph);
    rules.dt = 2e-4;
    assert_int_equal(stc_graph_read("network.h5", &rules, &graph), STC_ERR_USAGE);
    assert_true(error_says("--dt", "0.2 ms", "0.1 ms", NULL));
    assert_null(graph);
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *column;
        double value;
        const char *one, *two;
    } cases[] = {{"neurons/C_n", 1, "C_n", "C_m?"},
                 {"neurons/n", 1, "neurons/n", "no parameter"},
                 {"neurons/dt", 1, "neurons/dt", "no parameter"},
                 {"neurons/tau_m", 0, "neurons/tau_m", "neuron 0 is 0, expected > 0"},
                 {"neurons/E_L", NAN, "neurons/E_L", "nan"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hid_t file = start_network();
        const double values[3] = {cases[i].value, 7, 8};
        put_column(file, cases[i].column, H5T_NATIVE_DOUBLE, 3, values);
        H5Fclose(file);
        stc_graph *graph = NULL;
        assert_int_equal(stc_graph_read("network.h5", NULL, &graph), STC_ERR_INPUT);
        assert_true(error_says("network.h5", cases[i].one, cases[i].two, NULL));
        assert_null(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_become_a_population_and_a_projection),
        cmocka_unit_test(spikes_of_the_file_are_an_input),
        cmocka_unit_test(a_step_is_that_of_the_file),
        cmocka_unit_test(what_does_not_fit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
