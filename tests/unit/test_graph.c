/* Checks of whole graphs: cycles, names, order, ids, counts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/op.h"

static stc_builder *begin(void)
{
    stc_builder *b = NULL;
    assert_int_equal(stc_builder_create("net", &b), 0);
    return b;
}

static stc_graph *finish(stc_builder *b)
{
    stc_graph *graph = NULL;
    int rc = stc_builder_finish(&b, &graph);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    assert_null(b);
    return graph;
}

static void assert_text(const char *fragment)
{
    if (strstr(stc_error_text(), fragment) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", fragment, stc_error_text());
    }
}

static void assert_refused(stc_builder *b, const char *fragment)
{
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
    assert_null(graph);
    assert_text(fragment);
}

static void a_graph_without_input_is_refused(void **state)
{
    (void)state;
    assert_refused(begin(), "the graph has 0 nodes and none of them is an input");
}

static void a_cycle_without_delay_is_refused_with_its_nodes_in_order(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int sum = stc_build(b, "add", "sum", &x, 1, "");
    int spikes = stc_build(b, "discrete_lif", "spikes", &sum, 1, "");
    int half = stc_build(b, "scale", "half", &spikes, 1, "factor=0.5");
    stc_build(b, "output", "result", &half, 1, "");
    stc_build_connect(b, sum, half);
    assert_refused(b, "cycle without a delay");
    const char *text = stc_error_text();
    bool found = strstr(text, "sum -> spikes -> half -> sum") != NULL ||
                 strstr(text, "spikes -> half -> sum -> spikes") != NULL ||
                 strstr(text, "half -> sum -> spikes -> half") != NULL;
    if (!found) fail_msg("%s", text);
    assert_null(strstr(text, "result"));
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    sum = stc_build(b, "add", "sum", &x, 1, "");
    stc_build_connect(b, sum, sum);
    assert_refused(b, "sum -> sum;");
}

static void nodes_are_sorted_and_a_sorted_graph_stays_as_it_is(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int sum = stc_build(b, "add", "sum", NULL, 0, "");
    int out = stc_build(b, "output", "out", &sum, 1, "");
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    stc_build_connect(b, sum, x);
    assert_int_equal(out, 1);
    stc_graph *graph = finish(b);
    assert_string_equal(graph->nodes[0]->name, "x");
    assert_string_equal(graph->nodes[1]->name, "sum");
    assert_string_equal(graph->nodes[2]->name, "out");
    assert_int_equal(graph->nodes[1]->inputs[0], 0);
    assert_int_equal(graph->nodes[2]->inputs[0], 1);
    stc_node *before[3] = {graph->nodes[0], graph->nodes[1], graph->nodes[2]};
    assert_int_equal(stc_graph_verify(graph), 0);
    assert_memory_equal(before, graph->nodes, sizeof before);
    stc_graph_destroy(&graph);
    assert_null(graph);
    stc_graph_destroy(&graph);
}

static void names_must_be_unique_and_storable(void **state)
{
    (void)state;
    stc_graph *graph = NULL;
    assert_int_equal(stc_graph_create("g", &graph), 0);
    const stc_op *op = stc_op_find("input");
    assert_int_equal(stc_graph_add(graph, "a", op, 0, NULL), 0);
    assert_int_equal(stc_graph_add(graph, "a", op, 0, NULL), STC_ERR_INPUT);
    assert_text("two nodes are called 'a'");
    assert_int_equal(stc_graph_add(graph, "", op, 0, NULL), STC_ERR_INPUT);
    assert_text("empty name");
    assert_int_equal(stc_graph_add(graph, "a/b", op, 0, NULL), STC_ERR_INPUT);
    assert_text("'/'");
    for (int k = 0; k < 200; k++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", k);
        assert_int_equal(stc_graph_add(graph, name, op, 0, NULL), k + 1);
    }
    assert_int_equal(stc_graph_find(graph, "n150"), 151);
    assert_int_equal(stc_graph_find(graph, "n200"), -1);
    stc_graph_destroy(&graph);
}

static void operands_outside_of_the_graph_are_refused(void **state)
{
    (void)state;
    stc_graph *graph = NULL;
    assert_int_equal(stc_graph_create("g", &graph), 0);
    int32_t far = 7;
    assert_int_equal(stc_graph_add(graph, "a", stc_op_find("add"), 1, &far), 0);
    assert_int_equal(stc_graph_verify(graph), STC_ERR_INPUT);
    assert_text("operand 0 is node number 7, the graph has 1 nodes");
    stc_graph_destroy(&graph);
}

static void one_value_stands_for_all_entries_of_a_list(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=1,8,8");
    int p = stc_build(b, "max_pool2d", "p", &x, 1, "kernel_size=3 stride=2 padding=1");
    stc_build(b, "output", "o", &p, 1, "");
    stc_graph *graph = finish(b);
    const stc_node *pool = graph->nodes[stc_graph_find(graph, "p")];
    assert_int_equal(stc_node_attr(pool, "kernel_size")->n, 2);
    assert_int_equal(stc_node_attr(pool, "kernel_size")->i[1], 3);
    assert_int_equal(pool->shape.dim[1], 4);
    assert_int_equal(pool->shape.dim[2], 4);
    stc_graph_destroy(&graph);
}

static void neurons_are_numbered_by_the_bytes_of_their_names(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3,2");
    static const char *const names[] = {"b10", "b9", "B", "\xc3\xa4", "a.x", "a", "dead"};
    for (int k = 0; k < 7; k++) {
        int n = stc_build(b, "discrete_lif", names[k], &x, 1, "");
        if (k < 6) stc_build(b, "output", NULL, &n, 1, "");
    }
    stc_graph *graph = finish(b);
    assert_int_equal(stc_graph_number(graph), 0);
    static const char *const order[] = {"B", "a", "a.x", "b10", "b9", "dead", "\xc3\xa4"};
    for (int k = 0; k < 7; k++) {
        const stc_node *node = graph->nodes[stc_graph_find(graph, order[k])];
        assert_int_equal(node->first_id, 6 * k);
        assert_int_equal(node->counted, strcmp(order[k], "dead") != 0);
    }
    assert_int_equal(graph->nneurons, 42);
    assert_int_equal(graph->nodes[0]->first_id, -1);
    assert_false(graph->nodes[0]->counted);
    stc_graph_destroy(&graph);
}

static void all_neurons_count_when_there_is_no_output(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3");
    stc_build(b, "discrete_lif", "l", &x, 1, "");
    stc_graph *graph = finish(b);
    assert_int_equal(stc_graph_number(graph), 0);
    assert_true(graph->nodes[1]->counted);
    stc_graph_destroy(&graph);
}

static void statistics_count_connections_without_padding(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,3,3 kind=bits");
    int c = stc_build(b, "conv2d", "c", &x, 1, "padding=1");
    stc_build_random(b, c, "weight", (stc_shape){4, {4, 2, 3, 3}}, 1.0f, 1);
    stc_build_random(b, c, "bias", (stc_shape){1, {4}}, 1.0f, 1);
    int l = stc_build(b, "discrete_lif", "l", &c, 1, "");
    int pair[2] = {l, l};
    int m = stc_build(b, "matmul", "m", pair, 2, "transpose_b=1");
    stc_build(b, "output", "o", &m, 1, "");
    stc_graph *graph = finish(b);
    stc_graph_stats s = stc_graph_statistics(graph);
    assert_int_equal(s.nodes, 5);
    assert_int_equal(s.edges, 5);
    assert_int_equal(s.neurons, 36);
    assert_int_equal(s.weights, 76);
    /* along an axis of 3: 2 + 3 + 2 pairs of output and kernel position */
    assert_int_equal(s.synapses, 7 * 7 * 2 * 4);
    assert_int_equal(s.macs, s.synapses + 4 * 3 * 3 * 3);
    assert_int_equal(s.inputs, 1);
    assert_int_equal(s.outputs, 1);
    stc_graph_destroy(&graph);
}

static int64_t pairs(int64_t in, int64_t k, int64_t stride, int64_t pad, int64_t dilation)
{
    int64_t out = (in + 2 * pad - dilation * (k - 1) - 1) / stride + 1, count = 0;
    for (int64_t o = 0; o < out; o++) {
        for (int64_t j = 0; j < k; j++) {
            int64_t i = o * stride + j * dilation - pad;
            count += i >= 0 && i < in;
        }
    }
    return count;
}

static void connections_agree_with_counting_for_all_small_windows(void **state)
{
    (void)state;
    for (int code = 0; code < 4 * 3 * 4 * 3; code++) {
        int k = 1 + code % 4, stride = 1 + code / 4 % 3, pad = code / 12 % 4;
        int dilation = 1 + code / 48;
        if (5 + 2 * pad < dilation * (k - 1) + 1) continue;
        char text[64];
        snprintf(text, sizeof text, "stride=%d padding=%d dilation=%d", stride, pad, dilation);
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=1,5");
        int c = stc_build(b, "conv1d", "c", &x, 1, text);
        stc_build_random(b, c, "weight", (stc_shape){3, {1, 1, k}}, 1.0f, 1);
        stc_graph *graph = finish(b);
        assert_int_equal(stc_graph_statistics(graph).synapses, pairs(5, k, stride, pad, dilation));
        stc_graph_destroy(&graph);
    }
}

static void weights_that_are_not_finite_are_named(void **state)
{
    (void)state;
    float values[6] = {0, 1, 2, 3, 4, 5};
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3");
    int l = stc_build(b, "linear", "fc", &x, 1, "");
    values[5] = NAN;
    stc_build_weight(b, l, "weight", (stc_shape){2, {2, 3}}, values);
    stc_graph *graph = finish(b);
    assert_int_equal(stc_graph_verify_weights(graph), STC_ERR_INPUT);
    assert_text("node fc (linear): net:/fc/weight[1, 2] is");
    stc_graph_destroy(&graph);
}

static void count_release(stc_graph *graph)
{
    ++*(int *)graph->source;
}

static void what_the_weights_read_from_is_released_once(void **state)
{
    (void)state;
    int released = 0;
    stc_graph *graph = NULL;
    assert_int_equal(stc_graph_create("g", &graph), 0);
    graph->source = &released;
    graph->release = count_release;
    stc_graph_destroy(&graph);
    stc_graph_destroy(&graph);
    assert_int_equal(released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_without_input_is_refused),
        cmocka_unit_test(a_cycle_without_delay_is_refused_with_its_nodes_in_order),
        cmocka_unit_test(nodes_are_sorted_and_a_sorted_graph_stays_as_it_is),
        cmocka_unit_test(names_must_be_unique_and_storable),
        cmocka_unit_test(operands_outside_of_the_graph_are_refused),
        cmocka_unit_test(one_value_stands_for_all_entries_of_a_list),
        cmocka_unit_test(neurons_are_numbered_by_the_bytes_of_their_names),
        cmocka_unit_test(all_neurons_count_when_there_is_no_output),
        cmocka_unit_test(statistics_count_connections_without_padding),
        cmocka_unit_test(connections_agree_with_counting_for_all_small_windows),
        cmocka_unit_test(weights_that_are_not_finite_are_named),
        cmocka_unit_test(what_the_weights_read_from_is_released_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
