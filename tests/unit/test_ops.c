/* What every op computes. */
#include "op_nets.h"

static void linear_acts_on_the_last_axis(void **state)
{
    (void)state;
    check_single(&(single){.shape = "2,2",
                           .op = "linear",
                           .attributes = "",
                           .weight_shape = {2, {3, 2}},
                           .weight = VALUES(1, 2, 3, 4, 5, 6),
                           .bias = VALUES(0, 0.5f, 1),
                           .x = VALUES(1, 0, 1, 2),
                           .expected = VALUES(1, 3.5f, 6, 5, 11.5f, 18),
                           .nexpected = 6});
}

/* One linear node; weight and bias of any shape. */
static stc_builder *linear_net(const char *shape, const char *attributes, stc_shape weight,
                               const float *weights, stc_shape bias, const float *biases)
{
    char text[64];
    stc_builder *b = begin();
    snprintf(text, sizeof text, "shape=%s", shape);
    int x = stc_build(b, "input", "x", NULL, 0, text);
    int n = stc_build(b, "linear", "n", &x, 1, attributes);
    stc_build_weight(b, n, "weight", weight, weights);
    if (biases != NULL) stc_build_weight(b, n, "bias", bias, biases);
    stc_build(b, "output", "out", &n, 1, "");
    return b;
}

static void linear_groups_and_leading_axes_have_weights_of_their_own(void **state)
{
    (void)state;
    const float *weights = VALUES(1, 2, 3, 4, 5, 6, 7, 8);
    run r = {.x = VALUES(1, 10, 100, 1000)};
    stc_graph *graph = finish(linear_net("4", "groups=2", (stc_shape){2, {4, 2}}, weights,
                                         (stc_shape){1, {4}}, VALUES(0.5f, 0, 0, 0)));
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(21.5f, 43, 6500, 8700), 4);
    assert_int_equal(graph->nodes[1]->shape.ndim, 1);
    stc_graph_destroy(&graph);
    graph = finish(linear_net("2,2", "", (stc_shape){3, {2, 2, 2}}, weights, (stc_shape){2, {2, 2}},
                              VALUES(0.5f, 0, 0, 0)));
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(21.5f, 43, 6500, 8700), 4);
    /* the same as groups of one vector, between two views */
    assert_int_equal(graph->nodes[1]->op->expand(graph, 1), 0);
    assert_int_equal(stc_graph_verify(graph), 0);
    assert_int_equal(graph->nnodes, 5);
    assert_int_equal(graph->nodes[2]->op->op_class, STC_CLASS_WEIGHT);
    assert_int_equal(graph->nodes[2]->shape.ndim, 1);
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(21.5f, 43, 6500, 8700), 4);
    stc_graph_destroy(&graph);
}

static void leading_axes_must_be_those_of_the_operand(void **state)
{
    (void)state;
    const float *w = VALUES(1, 2, 3, 4, 5, 6, 7, 8);
    const stc_shape none = {0};
    assert_refused(linear_net("3,2", "", (stc_shape){3, {2, 2, 2}}, w, none, NULL),
                   "operand has shape (3, 2), the weight expects (2, 2)");
    assert_refused(linear_net("2,2", "", (stc_shape){3, {2, 2, 2}}, w, (stc_shape){1, {4}}, w),
                   "bias has shape (4), expected (2, 2)");
    assert_refused(linear_net("2,2", "groups=2", (stc_shape){3, {2, 2, 2}}, w, none, NULL),
                   "groups is 2 with a weight of 3 dimensions");
    assert_refused(linear_net("6", "groups=3", (stc_shape){2, {4, 2}}, w, none, NULL),
                   "groups is 3, which does not divide the 4 out-channels");
}

static void batch_norm_follows_its_formula(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2");
    int n = stc_build(b, "batch_norm", "n", &x, 1, "axis=-1 eps=0.25");
    stc_build_weight(b, n, "running_mean", (stc_shape){1, {2}}, VALUES(1, 2));
    stc_build_weight(b, n, "running_var", (stc_shape){1, {2}}, VALUES(0.75f, 3.75f));
    stc_build_weight(b, n, "weight", (stc_shape){1, {2}}, VALUES(3, 4));
    stc_build_weight(b, n, "bias", (stc_shape){1, {2}}, VALUES(10, 20));
    stc_build(b, "output", "out", &n, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = VALUES(1, 2, 3, 6)};
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(10, 20, 16, 28), 4);
    assert_int_equal(graph->nodes[1]->op->channel_axis(graph->nodes[1]), 1);
    stc_graph_destroy(&graph);
}

static void batch_norm_refuses_a_negative_variance(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2");
    int n = stc_build(b, "batch_norm", "n", &x, 1, "");
    stc_build_weight(b, n, "running_mean", (stc_shape){1, {2}}, VALUES(1, 2));
    stc_build_weight(b, n, "running_var", (stc_shape){1, {2}}, VALUES(1, -3));
    stc_graph *graph = finish(b);
    double scale[2], shift[2];
    assert_int_equal(graph->nodes[1]->op->affine(graph->nodes[1], 0, 2, scale, shift),
                     STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), "net:/n/running_var: entry 1 is -3"));
    stc_graph_destroy(&graph);
}

static void scale_multiplies_by_a_factor_or_by_channel(void **state)
{
    (void)state;
    check_single(&(single){.shape = "2,2",
                           .op = "scale",
                           .attributes = "factor=-0.5",
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(-0.5f, -1, -1.5f, -2),
                           .nexpected = 4});
    static const stc_shape shapes[] = {{1, {2}},    {1, {1}},    {.ndim = 0},
                                       {2, {2, 1}}, {2, {1, 2}}, {2, {2, 2}}};
    static const float expected[][4] = {{3, 6, 15, 20}, {3, 6, 9, 12},  {3, 6, 9, 12},
                                        {3, 6, 15, 20}, {3, 10, 9, 20}, {3, 10, 21, 36}};
    for (int k = 0; k < 6; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2");
        int n = stc_build(b, "scale", "n", &x, 1, "");
        stc_build_weight(b, n, "scale", shapes[k], VALUES(3, 5, 7, 9));
        stc_build(b, "output", "out", &n, 1, "");
        stc_graph *graph = finish(b);
        run r = {.x = VALUES(1, 2, 3, 4)};
        evaluate(graph, 1, &r);
        assert_values(r.out, expected[k], 4);
        stc_graph_destroy(&graph);
    }
}

static void a_scale_for_each_element_becomes_one_of_many_channels(void **state)
{
    (void)state;
    static const stc_shape shapes[] = {{3, {2, 2, 2}}, {3, {2, 1, 2}}, {2, {2, 2}}};
    static const float expected[][8] = {
        {1, 4, 9, 16, 25, 36, 49, 64}, {1, 4, 3, 8, 15, 24, 21, 32}, {1, 4, 9, 16, 5, 12, 21, 32}};
    for (int k = 0; k < 3; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2,2");
        int n = stc_build(b, "scale", "n", &x, 1, "");
        stc_build_weight(b, n, "scale", shapes[k], VALUES(1, 2, 3, 4, 5, 6, 7, 8));
        stc_build(b, "output", "out", &n, 1, "");
        stc_graph *graph = finish(b);
        for (int expanded = 0; expanded < 2; expanded++) {
            run r = {.x = VALUES(1, 2, 3, 4, 5, 6, 7, 8)};
            evaluate(graph, 1, &r);
            assert_values(r.out, expected[k], 8);
            if (expanded > 0) continue;
            assert_int_equal(graph->nodes[1]->op->expand(graph, 1), 0);
            assert_int_equal(stc_graph_verify(graph), 0);
            assert_int_equal(graph->nodes[2]->op->channel_axis(graph->nodes[2]), 0);
        }
        stc_graph_destroy(&graph);
    }
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2,2");
    int n = stc_build(b, "scale", "n", &x, 1, "");
    stc_build_weight(b, n, "scale", (stc_shape){2, {3, 2}}, VALUES(1, 2, 3, 4, 5, 6));
    assert_refused(b, "scale has shape (3, 2), which does not broadcast to the operand's");
}

static void check_pair(const char *op, const char *attributes, const char *a, const char *b_shape,
                       const float *x, const float *y, const float *expected, int64_t n)
{
    char text[64];
    stc_builder *b = begin();
    int operands[2];
    snprintf(text, sizeof text, "shape=%s", a);
    operands[0] = stc_build(b, "input", "x", NULL, 0, text);
    snprintf(text, sizeof text, "shape=%s", b_shape);
    operands[1] = stc_build(b, "input", "y", NULL, 0, text);
    int node = stc_build(b, op, "n", operands, 2, attributes);
    stc_build(b, "output", "out", &node, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = x, .y = y};
    evaluate(graph, 1, &r);
    assert_int_equal(r.nout, n);
    assert_values(r.out, expected, n);
    stc_graph_destroy(&graph);
}

static void add_and_mul_work_by_element_and_mul_broadcasts(void **state)
{
    (void)state;
    check_pair("add", "", "2,2", "2,2", VALUES(1, 2, 3, 4), VALUES(10, 20, 30, 40),
               VALUES(11, 22, 33, 44), 4);
    check_pair("mul", "", "2,2", "2,2", VALUES(1, 2, 3, 4), VALUES(10, 20, 30, 40),
               VALUES(10, 40, 90, 160), 4);
    check_pair("mul", "", "2,1", "1,3", VALUES(1, 2), VALUES(10, 20, 30),
               VALUES(10, 20, 30, 20, 40, 60), 6);
    check_pair("mul", "", "2,2", "2", VALUES(1, 2, 3, 4), VALUES(10, 100), VALUES(10, 200, 30, 400),
               4);
}

static void matmul_obeys_transposes_and_batches(void **state)
{
    (void)state;
    const float *a = VALUES(1, 2, 3, 4, 5, 6), *b = VALUES(1, 0, 2, 1, 0, 3);
    check_pair("matmul", "", "2,3", "3,2", a, b, VALUES(5, 11, 14, 23), 4);
    check_pair("matmul", "transpose_b=1", "2,3", "2,3", a, b, VALUES(7, 10, 16, 22), 4);
    check_pair("matmul", "transpose_a=1", "2,3", "2,3", a, b, VALUES(5, 0, 14, 7, 0, 19, 9, 0, 24),
               9);
    check_pair("matmul", "transpose_a=1 transpose_b=1", "3,2", "2,3", a, b, VALUES(11, 16, 14, 20),
               4);
    check_pair("matmul", "", "2,1,1", "2,1,2", VALUES(2, 3), VALUES(1, 2, 3, 4),
               VALUES(2, 4, 9, 12), 4);
}

static void sums_and_means_run_over_axes(void **state)
{
    (void)state;
    const float *x = VALUES(1, 2, 3, 4, 5, 6);
    static const struct {
        const char *op, *attributes;
        float expected[3];
        int64_t n;
    } cases[] = {
        {"reduce_sum", "axis=0", {5, 7, 9}, 3},    {"reduce_sum", "axis=-1", {6, 15}, 2},
        {"mean", "axis=0", {2.5f, 3.5f, 4.5f}, 3}, {"mean", "axis=1 keepdim=1", {2, 5}, 2},
        {"mean", "axis=0,1 keepdim=1", {3.5f}, 1},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check_single(&(single){.shape = "2,3",
                               .op = cases[k].op,
                               .attributes = cases[k].attributes,
                               .x = x,
                               .expected = cases[k].expected,
                               .nexpected = cases[k].n});
    }
}

static void views_move_values(void **state)
{
    (void)state;
    const float *x = VALUES(0, 1, 2, 3, 4, 5);
    static const struct {
        const char *op, *attributes;
        float expected[6];
        int64_t n;
    } cases[] = {
        {"reshape", "shape=3,2", {0, 1, 2, 3, 4, 5}, 6},
        {"reshape", "shape=-1", {0, 1, 2, 3, 4, 5}, 6},
        {"flatten", "start_dim=0", {0, 1, 2, 3, 4, 5}, 6},
        {"flatten", "start_dim=-2 end_dim=1 input_type=2,3", {0, 1, 2, 3, 4, 5}, 6},
        {"flatten", "input_type=0,0,0,0", {0, 1, 2, 3, 4, 5}, 6},
        {"permute", "perm=1,0", {0, 3, 1, 4, 2, 5}, 6},
        {"permute", "perm=-1,-2", {0, 3, 1, 4, 2, 5}, 6},
        {"slice", "axis=1 start=1", {1, 2, 4, 5}, 4},
        {"slice", "axis=-1 start=-3 stop=-1", {0, 1, 3, 4}, 4},
        {"slice", "axis=1 step=2", {0, 2, 3, 5}, 4},
        {"slice", "start=1", {3, 4, 5}, 3},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check_single(&(single){.shape = "2,3",
                               .op = cases[k].op,
                               .attributes = cases[k].attributes,
                               .x = x,
                               .expected = cases[k].expected,
                               .nexpected = cases[k].n});
    }
}

static void time_mean_gives_one_value_per_sample(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2");
    int m = stc_build(b, "time_mean", "m", &x, 1, "");
    int l = stc_build(b, "scale", "l", &m, 1, "factor=2");
    stc_build(b, "output", "out", &l, 1, "");
    stc_graph *graph = finish(b);
    for (int i = 1; i < 4; i++)
        assert_int_equal(graph->nodes[i]->timing, STC_TIME_SAMPLE);
    run r = {.x = VALUES(1, 10, 2, 20, 3, 30, 6, 60), .x_varies = true};
    evaluate(graph, 4, &r);
    assert_int_equal(r.nout, 2);
    assert_values(r.out, VALUES(6, 60), 2);
    stc_graph_destroy(&graph);
}

static void lif_keeps_its_state_over_the_steps_of_a_sample_only(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=1");
    int l = stc_build(b, "discrete_lif", "l", &x, 1, "tau=2 v_threshold=1");
    stc_build(b, "output", "out", &l, 1, "");
    stc_graph *graph = finish(b);
    /* h: 0.75, 1.125 -> spike, 0.75, 1.125 -> spike */
    run r = {.x = VALUES(1.5f)};
    for (int again = 0; again < 2; again++) {
        evaluate(graph, 4, &r);
        assert_int_equal(r.nout, 4);
        assert_values(r.out, VALUES(0, 1, 0, 1), 4);
    }
    stc_graph_destroy(&graph);
}

static void lif_multiplies_counts_by_its_unit(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int l = stc_build(b, "discrete_lif", "l", &x, 1, "tau=1 max_count=4 output_scale=0.25");
    stc_build(b, "output", "out", &l, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = VALUES(-1, 1, 2.6f, 9)};
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(0, 0.25f, 0.75f, 1), 4);
    assert_true(graph->nodes[1]->kind.unit == 0.25 && graph->nodes[1]->kind.max == 4);
    stc_graph_destroy(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_acts_on_the_last_axis),
        cmocka_unit_test(linear_groups_and_leading_axes_have_weights_of_their_own),
        cmocka_unit_test(leading_axes_must_be_those_of_the_operand),
        cmocka_unit_test(batch_norm_follows_its_formula),
        cmocka_unit_test(batch_norm_refuses_a_negative_variance),
        cmocka_unit_test(scale_multiplies_by_a_factor_or_by_channel),
        cmocka_unit_test(a_scale_for_each_element_becomes_one_of_many_channels),
        cmocka_unit_test(add_and_mul_work_by_element_and_mul_broadcasts),
        cmocka_unit_test(matmul_obeys_transposes_and_batches),
        cmocka_unit_test(sums_and_means_run_over_axes),
        cmocka_unit_test(views_move_values),
        cmocka_unit_test(time_mean_gives_one_value_per_sample),
        cmocka_unit_test(lif_keeps_its_state_over_the_steps_of_a_sample_only),
        cmocka_unit_test(lif_multiplies_counts_by_its_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
