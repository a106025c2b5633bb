/* NIR files: every spelling is understood, what is missing is added, cycles are cut in the same
 * place whatever the nodes are called, and what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nir_file.h"

static void refused(const char *one, const char *two, const char *three)
{
    stc_graph *graph = NULL;
    assert_int_equal(stc_graph_read("model.nir", NULL, &graph), STC_ERR_INPUT);
    assert_null(graph);
    assert_true(error_says("model.nir", one, two, three, NULL));
}

/* ---- parameters ---- */

static void numbers_and_arrays_of_one_element_hold_for_all_neurons(void **state)
{
    (void)state;
    const double one[1] = {0.02}, three[3] = {0.5, 0.75, 1.0 / 3};
    double values[3];
    nir_graph g = nir_begin();
    nir_port(&g, "input", "Input", 3);
    nir_port(&g, "output", "Output", 3);
    hid_t node = nir_node(&g, "lif", "LIF");
    nir_floats(node, "tau", 1, one);
    nir_floats(node, "v_threshold", 3, three);
    put_data(node, "r", H5T_NATIVE_INT64, 1, (const hsize_t[]){1}, (const int64_t[]){2});
    H5Gclose(make_group(node, "metadata"));
    H5Gclose(node);
    nir_end(&g, "input>lif lif>output");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    const stc_node *lif = node_of(graph, "lif");
    assert_null(stc_node_attr(lif, "tau")->weight);
    assert_true(stc_node_real(lif, "tau") == 0.02 && stc_node_real(lif, "r") == 2);
    assert_true(stc_node_real(lif, "v_reset") == 0 && stc_node_real(lif, "v_leak") == 0);
    const stc_weight *threshold = stc_node_attr(lif, "v_threshold")->weight;
    assert_int_equal(threshold->read_double(threshold, 0, 3, values), 0);
    assert_true(values[2] == 1.0 / 3); /* not rounded to float32 */
    assert_non_null(strstr(threshold->label, "model.nir:/node/nodes/lif/v_threshold"));
    stc_graph_destroy(&graph);
}

/* A Scale of these axes between Input and Output. */
static stc_graph *scaled(int ndim, const hsize_t *dim, const double *values)
{
    nir_graph g = nir_begin();
    int shape[3] = {2, 3, 2};
    const char *const ends[] = {"Input", "Output"};
    for (int i = 0; i < 2; i++) {
        hid_t node = nir_node(&g, ends[i], ends[i]);
        put_data(node, "shape", H5T_NATIVE_INT, 1, (const hsize_t[]){3}, shape);
        H5Gclose(node);
    }
    hid_t node = nir_node(&g, "s", "Scale");
    put_data(node, "scale", H5T_NATIVE_DOUBLE, ndim, dim, values);
    H5Gclose(node);
    nir_end(&g, "Input>s s>Output");
    return nir_read(NULL);
}

static void a_scale_is_a_factor_a_vector_or_a_number_for_each_element(void **state)
{
    (void)state;
    const hsize_t all[3] = {2, 3, 2}, one = 1;
    double values[12];
    for (int i = 0; i < 12; i++)
        values[i] = 0.5;
    stc_graph *graph = scaled(1, &one, values);
    assert_true(stc_node_real(node_of(graph, "s"), "factor") == 0.5);
    stc_graph_destroy(&graph);
    graph = scaled(3, all, values);
    assert_true(stc_node_real(node_of(graph, "s"), "factor") == 0.5);
    stc_graph_destroy(&graph);
    for (int i = 0; i < 12; i++)
        values[i] = 1 + i / 2 % 3; /* along axis 1 */
    graph = scaled(3, all, values);
    const stc_weight *vector = stc_node_weight(node_of(graph, "s"), "scale");
    assert_int_equal(vector->shape.dim[0], 3);
    assert_int_equal(stc_node_int(node_of(graph, "s"), "axis"), -2);
    stc_graph_destroy(&graph);
    for (int i = 0; i < 12; i++)
        values[i] = i;
    graph = scaled(3, all, values);
    assert_string_equal(node_of(graph, "s")->op->name, "reshape");
    assert_true(reads(graph, "s", 0, "s.scale") && reads(graph, "s.scale", 0, "s.flat"));
    assert_true(reads(graph, "s.flat", 0, "Input"));
    stc_graph_destroy(&graph);
    assert_null(
        scaled(3, (const hsize_t[]){3, 2, 2}, values)); /* as many elements, another shape */
    assert_true(error_says("(3, 2, 2)", "(2, 3, 2)", NULL));
}

static void unknown_types_and_names_are_refused(void **state)
{
    (void)state;
    const char *const types[] = {"LIFF", "MatMul", "lif"};
    for (int i = 0; i < 3; i++) {
        nir_graph g = nir_begin();
        nir_port(&g, "input", "Input", 2);
        H5Gclose(nir_node(&g, "x", types[i]));
        nir_end(&g, "input>x");
        refused("/node/nodes/x", types[i], "CubaLIF");
    }
    nir_graph g = nir_begin();
    nir_port(&g, "input", "Input", 2);
    nir_lif(&g, "a\tb");
    nir_end(&g, "input>a\tb");
    refused("/node/nodes/a?b", "control characters", NULL);
    g = nir_begin();
    hid_t node = nir_node(&g, "x", "LIF");
    nir_number(node, "v_treshold", 1);
    H5Gclose(node);
    nir_end(&g, "");
    refused("/node/nodes/x/v_treshold", "LIF has no parameter", "did you mean v_threshold?");
}

static void graphs_without_type_or_edges_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        nir_graph g = nir_begin();
        nir_port(&g, "input", "Input", 2);
        nir_lif(&g, "lif");
        nir_end(&g, "input>lif");
        hid_t file = H5Fopen("model.nir", H5F_ACC_RDWR, H5P_DEFAULT);
        H5Ldelete(file, i ? "node/type" : "node/edges", H5P_DEFAULT);
        H5Fclose(file);
        refused(i ? "/node/type" : "/node/edges", "missing", NULL);
    }
}

/* ---- ends ---- */

static void missing_ends_are_added(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_affine(&g, "fc", 3, 1, 0);
    nir_lif(&g, "lif");
    nir_lif(&g, "other");
    nir_end(&g, "fc>lif fc>other");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_true(reads(graph, "fc", 0, "input_fc"));
    assert_true(reads(graph, "output_lif", 0, "lif") && reads(graph, "output_other", 0, "other"));
    assert_int_equal(node_of(graph, "input_fc")->shape.dim[0], 3);
    stc_graph_destroy(&graph);
    g = nir_begin();
    hid_t node = nir_node(&g, "pool", "SumPool2d");
    const int two[2] = {2, 2}, zero[2] = {0, 0};
    put_data(node, "kernel_size", H5T_NATIVE_INT, 1, (const hsize_t[]){2}, two);
    put_data(node, "stride", H5T_NATIVE_INT, 1, (const hsize_t[]){2}, two);
    put_data(node, "padding", H5T_NATIVE_INT, 1, (const hsize_t[]){2}, zero);
    H5Gclose(node);
    nir_end(&g, "");
    refused("/node/nodes/pool", "SumPool2d", "add an Input node");
}

static void a_single_primitive_is_a_model(void **state)
{
    (void)state;
    const double threshold[4] = {1, 2, 3, 4};
    hid_t file = make_file("model.nir"), node = make_group(file, "node");
    put_text(node, "type", "Threshold");
    nir_floats(node, "threshold", 4, threshold);
    H5Gclose(node);
    H5Fclose(file);
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_true(reads(graph, "threshold", 0, "input_threshold"));
    assert_true(reads(graph, "output_threshold", 0, "threshold"));
    assert_int_equal(node_of(graph, "threshold")->shape.dim[0], 4);
    stc_graph_destroy(&graph);
}

/* ---- graphs in graphs ---- */

/* "g" with inputs a and b, lif that sums them, output o. */
static void inner_graph(const nir_graph *outer, int inputs)
{
    nir_graph g = nir_inner(outer, "g");
    nir_port(&g, "a", "Input", 2);
    if (inputs > 1) nir_port(&g, "b", "Input", 2);
    nir_lif(&g, "lif");
    nir_port(&g, "o", "Output", 2);
    nir_end(&g, inputs > 1 ? "a>lif b>lif lif>o" : "a>lif lif>o");
}

static void inner_graphs_are_flattened(void **state)
{
    (void)state;
    const char *const edges[] = {"x>g g>y", "x>g.a g.o>y", "x>g.lif g.lif>y"};
    for (int i = 0; i < 3; i++) {
        nir_graph g = nir_begin();
        nir_port(&g, "x", "Input", 2);
        nir_port(&g, "y", "Output", 2);
        inner_graph(&g, 1);
        nir_end(&g, edges[i]);
        stc_graph *graph = nir_read(NULL);
        assert_non_null(graph);
        if (i < 2) {
            assert_int_equal(graph->nnodes, 3);
            assert_true(reads(graph, "g.lif", 0, "x") && reads(graph, "y", 0, "g.lif"));
        }
        stc_graph_destroy(&graph);
    }
}

static void a_name_with_a_dot_goes_before_a_port(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_lif(&g, "g.a");
    inner_graph(&g, 1);
    nir_port(&g, "y", "Output", 2);
    nir_end(&g, "x>g.a g.a>g g>y");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_true(reads(graph, "g.a", 0, "x") && reads(graph, "g.lif", 0, "g.a"));
    stc_graph_destroy(&graph);
}

static void ports_must_be_named_where_there_are_several(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_port(&g, "y", "Output", 2);
    inner_graph(&g, 2);
    nir_end(&g, "x>g g>y");
    refused("/node/edges", "from \"x\" to \"g\"", "2 Input nodes");
    g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_port(&g, "y", "Output", 2);
    inner_graph(&g, 2);
    nir_end(&g, "x>g.a x>g.b g>y");
    stc_graph *graph = nir_read(NULL); /* x arrives twice: through both */
    assert_non_null(graph);
    assert_int_equal(node_of(graph, "g.lif.sum")->ninputs, 2);
    stc_graph_destroy(&graph);
}

static void ends_of_inner_graphs_that_nobody_uses_belong_to_the_model(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    inner_graph(&g, 1);
    nir_end(&g, "");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_true(reads(graph, "g.lif", 0, "input_g") && reads(graph, "output_g", 0, "g.lif"));
    stc_graph_destroy(&graph);
}

static void old_files_with_flattened_ends_are_understood(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "input", "Input", 2);
    nir_port(&g, "lif1.input", "Input", 2);
    nir_lif(&g, "lif1.lif");
    nir_port(&g, "lif1.output", "Output", 2);
    nir_port(&g, "output", "Output", 2);
    nir_end(&g, "input>lif1.input lif1.input>lif1.lif lif1.lif>lif1.output lif1.output>output");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_int_equal(graph->nnodes, 3);
    assert_true(reads(graph, "lif1.lif", 0, "input") && reads(graph, "output", 0, "lif1.lif"));
    stc_graph_destroy(&graph);
}

static void shapes_at_ports_are_checked(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 3);
    nir_port(&g, "y", "Output", 3);
    inner_graph(&g, 1);
    nir_end(&g, "x>g g>y");
    refused("/node/nodes/g/nodes/a", "shape is (2)", "x, which leads to it, has shape (3)");
}

static void rings_of_ports_are_refused(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_graph inner = nir_inner(&g, "g");
    nir_port(&inner, "a", "Input", 2);
    nir_port(&inner, "o", "Output", 2);
    nir_end(&inner, "a>o");
    nir_lif(&g, "lif");
    nir_end(&g, "x>g g>g g>lif");
    refused("/node/nodes/g/nodes/", "cycle of Inputs and Outputs", NULL);
}

/* ---- cycles ---- */

/* x > p > q > y with q fed back to p through w: names are those of p, q, w. */
static stc_graph *feedback(const char *p, const char *q, const char *w, bool silent)
{
    char edges[256];
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_lif(&g, p);
    nir_lif(&g, q);
    nir_affine(&g, w, 2, 0.5, 0.25);
    nir_port(&g, "y", "Output", 2);
    snprintf(edges, sizeof(edges), "%s>%s %s>y %s>%s %s>%s x>%s", w, p, q, p, q, q, w, p);
    nir_end(&g, edges);
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.recurrent_delay = 3;
    rules.recurrent_start = silent;
    return nir_read(&rules);
}

static void the_edge_that_leads_back_takes_the_steps_whatever_the_names(void **state)
{
    (void)state;
    const char *const names[][3] = {{"p", "q", "w"}, {"z", "a", "m"}, {"a", "z", "0"}};
    char delay[32];
    for (int i = 0; i < 3; i++) {
        const char *p = names[i][0], *q = names[i][1], *w = names[i][2];
        stc_graph *graph = feedback(p, q, w, false);
        assert_non_null(graph);
        snprintf(delay, sizeof(delay), "%s.recurrent", q);
        assert_true(reads(graph, delay, 0, q) && reads(graph, w, 0, delay));
        assert_true(reads(graph, q, 0, p) && reads(graph, "y", 0, q));
        const stc_node *node = node_of(graph, delay);
        assert_true(fabs(stc_node_real(node, "delay") - 3e-4) < 1e-12);
        assert_true(stc_node_real(node, "dt") == 1e-4);
        stc_graph_destroy(&graph);
    }
}

static void a_silent_start_delays_what_the_weights_give(void **state)
{
    (void)state;
    stc_graph *graph = feedback("p", "q", "w", true);
    assert_non_null(graph);
    assert_true(reads(graph, "w", 0, "q") && reads(graph, "w.recurrent", 0, "w"));
    stc_graph_destroy(&graph);
}

static void a_delay_of_the_file_cuts_a_cycle(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_lif(&g, "lif");
    hid_t node = nir_node(&g, "back", "Delay");
    nir_number(node, "delay", 0.002);
    H5Gclose(node);
    nir_end(&g, "x>lif lif>back back>lif");
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    assert_int_equal(stc_graph_find(graph, "lif.recurrent"), -1);
    assert_true(reads(graph, "back", 0, "lif"));
    stc_graph_destroy(&graph);
}

static void cycles_without_neurons_are_refused(void **state)
{
    (void)state;
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_affine(&g, "w", 2, 0.5, 0);
    nir_lif(&g, "lif");
    nir_end(&g, "x>w w>w w>lif");
    refused("cycle without a delay", "w", NULL);
}

/* ---- sums ---- */

/* Names of the operands of the sum in front of lif, by weight: "a" has the smallest. */
static void order_of_terms(const char *a, const char *b, const char *c, const char *edges,
                           double order[3])
{
    nir_graph g = nir_begin();
    nir_port(&g, "x", "Input", 2);
    nir_affine(&g, a, 2, 1, 0);
    nir_affine(&g, b, 2, 2, 0);
    nir_affine(&g, c, 2, 3, 0);
    nir_lif(&g, "lif");
    nir_end(&g, edges);
    stc_graph *graph = nir_read(NULL);
    assert_non_null(graph);
    const stc_node *sum = node_of(graph, "lif.sum");
    for (int k = 0; k < 3; k++) {
        const stc_weight *weight = stc_node_weight(graph->nodes[sum->inputs[k]], "weight");
        double values[4];
        assert_int_equal(weight->read_double(weight, 0, 2, values), 0);
        order[k] = values[0];
    }
    stc_graph_destroy(&graph);
}

static void terms_of_a_sum_have_one_order_whatever_names_and_edges(void **state)
{
    (void)state;
    double first[3], other[3];
    order_of_terms("p", "q", "r", "x>p x>q x>r p>lif q>lif r>lif", first);
    order_of_terms("r", "p", "q", "x>p x>q x>r p>lif q>lif r>lif", other);
    assert_memory_equal(first, other, sizeof(first));
    order_of_terms("p", "q", "r", "r>lif x>r q>lif x>q x>p p>lif", other);
    assert_memory_equal(first, other, sizeof(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_arrays_of_one_element_hold_for_all_neurons),
        cmocka_unit_test(a_scale_is_a_factor_a_vector_or_a_number_for_each_element),
        cmocka_unit_test(unknown_types_and_names_are_refused),
        cmocka_unit_test(graphs_without_type_or_edges_are_refused),
        cmocka_unit_test(missing_ends_are_added),
        cmocka_unit_test(a_single_primitive_is_a_model),
        cmocka_unit_test(inner_graphs_are_flattened),
        cmocka_unit_test(a_name_with_a_dot_goes_before_a_port),
        cmocka_unit_test(ports_must_be_named_where_there_are_several),
        cmocka_unit_test(ends_of_inner_graphs_that_nobody_uses_belong_to_the_model),
        cmocka_unit_test(old_files_with_flattened_ends_are_understood),
        cmocka_unit_test(shapes_at_ports_are_checked),
        cmocka_unit_test(rings_of_ports_are_refused),
        cmocka_unit_test(the_edge_that_leads_back_takes_the_steps_whatever_the_names),
        cmocka_unit_test(a_silent_start_delays_what_the_weights_give),
        cmocka_unit_test(a_delay_of_the_file_cuts_a_cycle),
        cmocka_unit_test(cycles_without_neurons_are_refused),
        cmocka_unit_test(terms_of_a_sum_have_one_order_whatever_names_and_edges),
    };
    stc_log_setup(0, STC_LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
