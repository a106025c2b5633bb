/* The builder: attributes as text, names, weights, and failures that stick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void assert_text(const char *fragment)
{
    if (strstr(stc_error_text(), fragment) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", fragment, stc_error_text());
    }
}

static void attributes_are_read_from_text(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "  shape=2,8,9  kind=counts\tmax=7 ");
    assert_int_equal(x, 0);
    int s = stc_build(b, "scale", NULL, &x, 1, "factor=-2.5e-1");
    int pair[2] = {s, s};
    int m = stc_build(b, "MatMul", "m", pair, 2, "transpose_b=true");
    const stc_graph *graph = stc_builder_graph(b);
    const stc_attr *shape = stc_node_attr(graph->nodes[x], "shape");
    assert_int_equal(shape->n, 3);
    assert_int_equal(shape->i[2], 9);
    assert_true(shape->given);
    assert_int_equal(stc_node_int(graph->nodes[x], "kind"), 2);
    assert_int_equal(stc_node_int(graph->nodes[x], "max"), 7);
    assert_true(stc_node_real(graph->nodes[s], "factor") == -0.25);
    assert_string_equal(graph->nodes[s]->name, "scale_1");
    assert_int_equal(stc_node_int(graph->nodes[m], "transpose_b"), 1);
    assert_int_equal(stc_node_int(graph->nodes[m], "transpose_a"), 0);
    assert_false(stc_node_attr(graph->nodes[m], "transpose_a")->given);
    stc_builder_destroy(&b);
    assert_null(b);
    stc_builder_destroy(&b);
}

static void wrong_text_is_refused_and_near_names_are_offered(void **state)
{
    (void)state;
    static const struct {
        const char *op, *attributes, *text;
    } cases[] = {
        {"inptu", "", "unknown op 'inptu'; did you mean 'input'?"},
        {"zzzzzzzzzz", "", "unknown op 'zzzzzzzzzz'"},
        {"input", "shap=1", "node n (input): unknown attribute 'shap'; did you mean 'shape'?"},
        {"input", "qqqqqqqq=1", "unknown attribute 'qqqqqqqq'"},
        {"input", "shape", "attribute 'shape' has no value (name=value)"},
        {"input", "shape=1,x", "shape is 'x', expected an integer"},
        {"input", "shape=1,,2", "shape is '', expected an integer"},
        {"input", "shape=1,1,1,1,1,1,1", "shape has more than 6 entries"},
        {"input", "max=99999999999999999999", "expected an integer"},
        {"input", "kind=bit", "kind is 'bit', expected one of: real bits counts"},
        {"scale", "factor=1x", "factor is '1x', expected a number"},
        {"scale", "scale=1", "scale is a weight; give it by stc_build_weight"},
        {"reduce_sum", "keepdim=yes", "keepdim is 'yes', expected true or false"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        stc_builder *b = begin();
        int rc = stc_build(b, cases[k].op, "n", NULL, 0, cases[k].attributes);
        assert_int_equal(rc, STC_ERR_INPUT);
        assert_text(cases[k].text);
        stc_builder_destroy(&b);
    }
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int y = stc_build(b, "lni", "y", &x, 1, "");
    assert_int_equal(y, STC_ERR_INPUT);
    assert_int_equal(stc_build(b, "output", "o", &y, 1, ""), STC_ERR_INPUT);
    assert_text("unknown op 'lni'");
    assert_int_equal(stc_build_connect(b, y, x), STC_ERR_INPUT);
    float one = 1.0f;
    assert_int_equal(stc_build_weight(b, y, "weight", (stc_shape){1, {1}}, &one), STC_ERR_INPUT);
    stc_fail(STC_ERR_IO, "something else");
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
    assert_text("unknown op 'lni'");
    assert_null(graph);
    assert_null(b);
}

static void operands_and_weights_must_exist(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int later = 3;
    assert_int_equal(stc_build(b, "discrete_lif", "l", &later, 1, ""), STC_ERR_INPUT);
    assert_text("node l (discrete_lif): operand 0 is node number 3, there are 0 nodes so far");
    stc_builder_destroy(&b);
    b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    assert_int_equal(stc_build_random(b, x, "weight", (stc_shape){1, {1}}, 1, 1), STC_ERR_INPUT);
    assert_text("node x (input): unknown attribute 'weight'");
    stc_builder_destroy(&b);
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    assert_int_equal(stc_build_random(b, x, "shape", (stc_shape){1, {1}}, 1, 1), STC_ERR_INPUT);
    assert_text("shape is not a weight");
    stc_builder_destroy(&b);
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int l = stc_build(b, "linear", "l", &x, 1, "");
    assert_int_equal(stc_build_random(b, l, "weight", (stc_shape){2, {0, 4}}, 1, 1), STC_ERR_INPUT);
    assert_text("node l (linear): weight has an impossible shape");
    stc_builder_destroy(&b);
}

static void weights_are_copied_and_can_be_read_by_rows(void **state)
{
    (void)state;
    float values[6] = {0, 1, 2, 3, 4, 5}, row[3];
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3");
    int l = stc_build(b, "linear", "fc", &x, 1, "");
    assert_int_equal(stc_build_weight(b, l, "weight", (stc_shape){2, {2, 3}}, values), 0);
    memset(values, 0, sizeof values);
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), 0);
    const stc_weight *weight = stc_node_weight(graph->nodes[1], "weight");
    assert_string_equal(weight->label, "net:/fc/weight");
    assert_int_equal(stc_weight_row_size(weight), 3);
    assert_int_equal(weight->read(weight, 1, 1, row), 0);
    assert_true(row[0] == 3 && row[1] == 4 && row[2] == 5);
    assert_int_equal(weight->read(weight, 1, 2, row), STC_ERR_INTERNAL);
    float *all = NULL;
    assert_int_equal(stc_weight_read_all(weight, &all), 0);
    assert_true(all[0] == 0 && all[5] == 5);
    stc_free(all);
    assert_int_equal(stc_graph_verify_weights(graph), 0);
    stc_graph_destroy(&graph);
}

static void random_weights_depend_on_seed_name_and_attribute_only(void **state)
{
    (void)state;
    float drawn[4][5];
    static const char *const names[4] = {"fc", "fc", "other", "fc"};
    static const uint64_t seeds[4] = {1, 1, 1, 2};
    for (int k = 0; k < 4; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=5");
        if (k == 1) x = stc_build(b, "scale", NULL, &x, 1, "factor=1");
        int l = stc_build(b, "linear", names[k], &x, 1, "");
        stc_build_random(b, l, "weight", (stc_shape){2, {1, 5}}, 0.5f, seeds[k]);
        stc_graph *graph = NULL;
        assert_int_equal(stc_builder_finish(&b, &graph), 0);
        const stc_node *node = graph->nodes[stc_graph_find(graph, names[k])];
        const stc_weight *weight = stc_node_weight(node, "weight");
        assert_int_equal(weight->read(weight, 0, 1, drawn[k]), 0);
        for (int i = 0; i < 5; i++)
            assert_true(drawn[k][i] >= -0.5f && drawn[k][i] <= 0.5f);
        stc_graph_destroy(&graph);
    }
    assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
    assert_memory_not_equal(drawn[0], drawn[2], sizeof drawn[0]);
    assert_memory_not_equal(drawn[0], drawn[3], sizeof drawn[0]);
}

static void made_names_avoid_taken_ones(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "scale_1", NULL, 0, "shape=5");
    int y = stc_build(b, "scale", NULL, &x, 1, "factor=1");
    assert_string_equal(stc_builder_graph(b)->nodes[y]->name, "scale_2");
    stc_builder_destroy(&b);
}

static void nothing_is_left_allocated(void **state)
{
    (void)state;
    int64_t before = stc_alloc_bytes();
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=5");
    stc_build(b, "discrete_lif", "l", &x, 1, "");
    stc_build_time_steps(b, 9);
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), 0);
    assert_int_equal(graph->time_steps, 9);
    stc_graph_destroy(&graph);
    assert_int_equal(stc_alloc_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_read_from_text),
        cmocka_unit_test(wrong_text_is_refused_and_near_names_are_offered),
        cmocka_unit_test(the_first_failure_sticks),
        cmocka_unit_test(operands_and_weights_must_exist),
        cmocka_unit_test(weights_are_copied_and_can_be_read_by_rows),
        cmocka_unit_test(random_weights_depend_on_seed_name_and_attribute_only),
        cmocka_unit_test(made_names_avoid_taken_ones),
        cmocka_unit_test(nothing_is_left_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
