/* Folding and the weight grid, dead nodes, and the pipeline that runs the passes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/pass.h"

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
    if (rc < 0) fail_msg("%s", stc_error_text());
    return graph;
}

static void assert_text(const char *fragment)
{
    if (strstr(stc_error_text(), fragment) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", fragment, stc_error_text());
    }
}

static int run(stc_graph *graph, int level)
{
    stc_pass_record records[32];
    int n;
    return stc_passes_run(graph, level, NULL, NULL, records, &n);
}

static const stc_node *named(const stc_graph *graph, const char *name)
{
    int32_t i = stc_graph_find(graph, name);
    return i < 0 ? NULL : graph->nodes[i];
}

static int add_norm(stc_builder *b, const char *name, int operand, int64_t channels,
                    const char *attributes)
{
    int n = stc_build(b, "batch_norm", name, &operand, 1, attributes);
    stc_shape shape = {1, {channels}};
    float variance[64];
    for (int64_t k = 0; k < channels; k++)
        variance[k] = 0.5f + 0.1f * (float)k;
    stc_build_random(b, n, "weight", shape, 2.0f, 3);
    stc_build_random(b, n, "bias", shape, 1.0f, 4);
    stc_build_random(b, n, "running_mean", shape, 1.0f, 5);
    stc_build_weight(b, n, "running_var", shape, variance);
    return n;
}

/* x -> conv -> norm -> half -> lif -> out */
static stc_graph *conv_norm(void)
{
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3,6,6");
    int c = stc_build(b, "conv2d", "conv", &x, 1, "");
    stc_build_random(b, c, "weight", (stc_shape){4, {8, 3, 3, 3}}, 1.0f, 1);
    stc_build_random(b, c, "bias", (stc_shape){1, {8}}, 1.0f, 2);
    int n = add_norm(b, "norm", c, 8, "eps=0.001");
    int h = stc_build(b, "scale", "half", &n, 1, "factor=0.5");
    int l = stc_build(b, "discrete_lif", "spikes", &h, 1, "");
    stc_build(b, "output", "out", &l, 1, "");
    return finish(b);
}

static void norm_and_scale_are_folded_into_the_weights_before_them(void **state)
{
    (void)state;
    stc_graph *graph = conv_norm();
    assert_int_equal(run(graph, 0), 0);
    assert_int_equal(graph->nnodes, 4);
    assert_null(named(graph, "norm"));
    assert_null(named(graph, "half"));
    const stc_node *conv = named(graph, "conv"), *spikes = named(graph, "spikes");
    assert_int_equal(conv->nfolds, 2);
    assert_string_equal(conv->folds[0]->name, "norm");
    assert_string_equal(conv->folds[1]->name, "half");
    assert_ptr_equal(graph->nodes[spikes->inputs[0]], conv);
    stc_graph_destroy(&graph);
}

static void folded_rows_follow_the_formula_and_lie_on_their_grid(void **state)
{
    (void)state;
    enum { ROWS = 8, COLUMNS = 27 };
    stc_graph *graph = conv_norm();
    assert_int_equal(run(graph, 0), 0);
    const stc_node *conv = named(graph, "conv"), *norm = conv->folds[0];
    float *w, *b, *gamma, *beta, *mean, *variance, weight[ROWS * COLUMNS], bias[ROWS];
    int8_t exponent[ROWS];
    stc_weight_read_all(stc_node_weight(conv, "weight"), &w);
    stc_weight_read_all(stc_node_weight(conv, "bias"), &b);
    stc_weight_read_all(stc_node_weight(norm, "weight"), &gamma);
    stc_weight_read_all(stc_node_weight(norm, "bias"), &beta);
    stc_weight_read_all(stc_node_weight(norm, "running_mean"), &mean);
    stc_weight_read_all(stc_node_weight(norm, "running_var"), &variance);
    assert_int_equal(stc_fold_rows(conv, 0, ROWS, weight, exponent, bias), 0);
    for (int r = 0; r < ROWS; r++) {
        double scale = 0.5 * (double)gamma[r] / sqrt((double)variance[r] + 0.001);
        double expected = ((double)b[r] - (double)mean[r]) * scale + 0.5 * (double)beta[r];
        assert_true(fabs((double)bias[r] - expected) <= 1e-6);
        double largest = 0.0;
        for (int k = 0; k < COLUMNS; k++) {
            double value = (double)weight[r * COLUMNS + k], q = ldexp(value, exponent[r]);
            assert_true(q == nearbyint(q) && fabs(q) <= STC_WEIGHT_MAX);
            double folded = (double)w[r * COLUMNS + k] * scale;
            assert_true(fabs(value - folded) <= ldexp(0.5, -exponent[r]) * 1.000001);
            largest = fmax(largest, fabs(folded));
        }
        assert_true(ldexp(largest, exponent[r]) <= STC_WEIGHT_MAX);
        assert_true(ldexp(largest, exponent[r] + 1) > STC_WEIGHT_MAX);
    }
    /* a row does not depend on the rows it is read with */
    float one[COLUMNS], one_bias;
    int8_t one_exponent;
    assert_int_equal(stc_fold_rows(conv, 5, 1, one, &one_exponent, &one_bias), 0);
    assert_memory_equal(one, weight + 5 * COLUMNS, sizeof one);
    assert_true(one_bias == bias[5] && one_exponent == exponent[5]);
    float *all[] = {w, b, gamma, beta, mean, variance};
    for (int k = 0; k < 6; k++)
        stc_free(all[k]);
    stc_graph_destroy(&graph);
}

static stc_graph *linear_of(const float *weight, int64_t rows, int64_t columns, const float *bias)
{
    char text[32];
    snprintf(text, sizeof text, "shape=%d", (int)columns);
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, text);
    int l = stc_build(b, "linear", "fc", &x, 1, "");
    stc_build_weight(b, l, "weight", (stc_shape){2, {rows, columns}}, weight);
    if (bias != NULL) stc_build_weight(b, l, "bias", (stc_shape){1, {rows}}, bias);
    return finish(b);
}

static void the_grid_is_exact_at_its_corners(void **state)
{
    (void)state;
    static const float rows[][2] = {{0, 0},          {1, 0.5f},          {-1, 1e-30f},
                                    {8355711, 1},    {8355712, 1},       {0x1p-140f, 0},
                                    {0x1p-97f, 0},   {1.5f, 0x1p-23f},   {0x7f7f7fp-23f, 0},
                                    {8355710.5f, 0}, {4194305.5f, 0.5f}, {0x1p122f, 0}};
    static const int expected[] = {0, 22, 22, 0, -1, 120, 119, 22, 23, 0, 0, -100};
    enum { ROWS = sizeof rows / sizeof rows[0] };
    stc_graph *graph = linear_of(rows[0], ROWS, 2, NULL);
    float weight[ROWS * 2], bias[ROWS];
    int8_t exponent[ROWS];
    assert_int_equal(stc_fold_rows(named(graph, "fc"), 0, ROWS, weight, exponent, bias), 0);
    for (int r = 0; r < ROWS; r++) {
        if (exponent[r] != expected[r]) fail_msg("row %d has exponent %d", r, exponent[r]);
        assert_true(bias[r] == 0.0f);
        for (int k = 0; k < 2; k++) {
            double q = ldexp((double)weight[2 * r + k], exponent[r]);
            assert_true(q == nearbyint(ldexp((double)rows[r][k], exponent[r])));
            assert_true(fabs(q) <= STC_WEIGHT_MAX);
        }
    }
    /* half to even */
    assert_true(weight[2 * 9] == 8355710.0f);
    assert_true(weight[2 * 10] == 4194306.0f && weight[2 * 10 + 1] == 0.0f);
    stc_graph_destroy(&graph);
}

static void values_that_are_not_finite_are_refused_by_row_and_column(void **state)
{
    (void)state;
    float values[6] = {1, 2, 3, 4, INFINITY, 6}, bias[2] = {0, NAN};
    float weight[6], out_bias[2];
    int8_t exponent[2];
    stc_graph *graph = linear_of(values, 2, 3, NULL);
    assert_int_equal(stc_fold_rows(named(graph, "fc"), 0, 2, weight, exponent, out_bias),
                     STC_ERR_INPUT);
    assert_text("net:/fc/weight: row 1, column 1 is inf");
    assert_int_equal(stc_fold_rows(named(graph, "fc"), 0, 1, weight, exponent, out_bias), 0);
    stc_graph_destroy(&graph);
    values[4] = 5;
    graph = linear_of(values, 2, 3, bias);
    assert_int_equal(stc_fold_rows(named(graph, "fc"), 0, 2, weight, exponent, out_bias),
                     STC_ERR_INPUT);
    assert_text("net:/fc/bias: row 1, column 0 is nan");
    stc_graph_destroy(&graph);
    values[4] = 0x1p127f;
    graph = linear_of(values, 2, 3, NULL);
    assert_int_equal(stc_fold_rows(named(graph, "fc"), 0, 2, weight, exponent, out_bias),
                     STC_ERR_INPUT);
    assert_text("net:/fc/weight: row 1, column 1 is 1.70141e+38");
    stc_graph_destroy(&graph);
}

static void a_norm_stays_when_others_see_the_values_before_it(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4,4");
    int l = stc_build(b, "linear", "fc", &x, 1, "");
    stc_build_random(b, l, "weight", (stc_shape){2, {4, 4}}, 1.0f, 1);
    int n = add_norm(b, "norm", l, 4, "axis=1");
    stc_build(b, "output", "o1", &n, 1, "");
    stc_build(b, "output", "o2", &l, 1, "");
    stc_graph *graph = finish(b);
    assert_int_equal(run(graph, 2), 0);
    assert_non_null(named(graph, "norm"));
    assert_int_equal(named(graph, "fc")->nfolds, 0);
    stc_graph_destroy(&graph);
}

static void a_norm_stays_when_its_channels_are_not_the_rows(void **state)
{
    (void)state;
    static const struct {
        const char *axis;
        bool folds;
    } cases[] = {{"axis=0", false}, {"axis=1", true}, {"axis=-1", true}, {"axis=-2", false}};
    for (int k = 0; k < 4; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=4,4");
        int l = stc_build(b, "linear", "fc", &x, 1, "");
        stc_build_random(b, l, "weight", (stc_shape){2, {4, 4}}, 1.0f, 1);
        int n = add_norm(b, "norm", l, 4, cases[k].axis);
        stc_build(b, "output", "o", &n, 1, "");
        stc_graph *graph = finish(b);
        assert_int_equal(run(graph, 2), 0);
        assert_int_equal(named(graph, "norm") == NULL, cases[k].folds);
        stc_graph_destroy(&graph);
    }
}

static void a_scale_of_a_neuron_is_not_folded(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int l = stc_build(b, "discrete_lif", "l", &x, 1, "");
    int s = stc_build(b, "scale", "s", &l, 1, "factor=0.5");
    stc_build(b, "output", "o", &s, 1, "");
    stc_graph *graph = finish(b);
    assert_int_equal(run(graph, 2), 0);
    assert_int_equal(graph->nnodes, 4);
    stc_graph_destroy(&graph);
}

/* Values of the output over all steps. */
typedef struct {
    float in[256], out[4096];
    int64_t n;
} trace;

static const float *give(void *context, const stc_node *node, int64_t step)
{
    trace *t = context;
    int64_t size = stc_shape_size(&node->shape);
    for (int64_t k = 0; k < size; k++) {
        t->in[k] = stc_random_uniform(9, 9, (uint64_t)(step * size + k)) < 0.4f ? 1.0f : 0.0f;
    }
    return t->in;
}

static void keep_output(void *context, const stc_node *node, int64_t step, const float *values)
{
    (void)step;
    trace *t = context;
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    int64_t size = stc_shape_size(&node->shape);
    memcpy(t->out + t->n, values, (size_t)size * sizeof *values);
    t->n += size;
}

static void a_folded_graph_computes_the_same(void **state)
{
    (void)state;
    static trace before, after;
    trace *traces[] = {&before, &after};
    stc_graph *graph = conv_norm();
    for (int k = 0; k < 2; k++) {
        stc_eval_callbacks callbacks = {.context = traces[k], .input = give, .watch = keep_output};
        assert_int_equal(stc_graph_eval(graph, 4, &callbacks), 0);
        assert_int_equal(run(graph, 2), 0);
    }
    assert_int_equal(before.n, 4 * 8 * 16);
    int64_t spikes = 0;
    for (int64_t k = 0; k < before.n; k++)
        spikes += before.out[k] != 0.0f;
    assert_true(spikes > 10);
    assert_memory_equal(before.out, after.out, (size_t)before.n * sizeof(float));
    stc_graph_destroy(&graph);
}

static stc_graph *with_dead_ends(bool output)
{
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int y = stc_build(b, "input", "unused", NULL, 0, "shape=4");
    int dead = stc_build(b, "discrete_lif", "dead", &y, 1, "");
    stc_build(b, "scale", "deader", &dead, 1, "factor=2");
    int l = stc_build(b, "discrete_lif", "l", &x, 1, "");
    stc_build(b, "discrete_lif", "end", &l, 1, "");
    if (output) stc_build(b, "output", "o", &l, 1, "");
    return finish(b);
}

static void nodes_that_reach_no_output_are_dropped_above_level_0(void **state)
{
    (void)state;
    stc_graph *graph = with_dead_ends(true);
    assert_int_equal(run(graph, 0), 0);
    assert_int_equal(graph->nnodes, 7);
    assert_int_equal(run(graph, 1), 0);
    assert_int_equal(graph->nnodes, 3);
    assert_string_equal(graph->nodes[0]->name, "x");
    assert_string_equal(graph->nodes[1]->name, "l");
    assert_string_equal(graph->nodes[2]->name, "o");
    assert_int_equal(graph->nodes[2]->inputs[0], 1);
    stc_graph_destroy(&graph);
    graph = with_dead_ends(false);
    assert_int_equal(run(graph, 2), 0);
    assert_int_equal(graph->nnodes, 6);
    stc_graph_destroy(&graph);
}

static void the_pipeline_records_what_ran(void **state)
{
    (void)state;
    int n, nrecords;
    const stc_pass *passes = stc_passes(&n);
    stc_pass_record records[32];
    assert_true(n <= 32);
    for (int k = 0; k < n; k++)
        assert_true(passes[k].help[0] != 0 && passes[k].why[0] != 0);
    stc_graph *graph = with_dead_ends(true);
    assert_int_equal(stc_passes_run(graph, 2, NULL, NULL, records, &nrecords), 0);
    assert_int_equal(nrecords, n);
    assert_string_equal(records[n - 1].name, "remove-dead");
    assert_int_equal(records[n - 1].nodes_before, 7);
    assert_int_equal(records[n - 1].nodes_after, 3);
    stc_graph_destroy(&graph);
}

static void passes_are_skipped_by_name_unless_they_define_numbers(void **state)
{
    (void)state;
    stc_pass_record records[32];
    int n, npasses;
    stc_passes(&npasses);
    stc_graph *graph = with_dead_ends(true);
    assert_int_equal(stc_passes_run(graph, 2, "remove-dead", NULL, records, &n), 0);
    assert_int_equal(n, npasses - 1);
    assert_int_equal(graph->nnodes, 7);
    assert_int_equal(stc_passes_run(graph, 2, "remove-dead,fold-affine", NULL, records, &n),
                     STC_ERR_USAGE);
    assert_text("pass 'fold-affine' cannot be skipped");
    assert_int_equal(stc_passes_run(graph, 2, "remove-daed", NULL, records, &n), STC_ERR_USAGE);
    assert_text("unknown pass 'remove-daed'; did you mean 'remove-dead'?");
    assert_int_equal(stc_passes_run(graph, 2, NULL, "fold-afine", records, &n), STC_ERR_USAGE);
    assert_text("did you mean 'fold-affine'?");
    assert_int_equal(stc_passes_run(graph, 0, NULL, "remove-dead", records, &n), STC_ERR_USAGE);
    assert_text("it does not run at -O0");
    stc_graph_destroy(&graph);
}

static void a_graph_is_printed_one_line_per_node(void **state)
{
    (void)state;
    char text[1024] = "";
    stc_graph *graph = conv_norm();
    assert_int_equal(run(graph, 0), 0);
    FILE *file = fmemopen(text, sizeof text, "w");
    stc_graph_print(graph, file);
    fclose(file);
    assert_string_equal(text, "graph net: 4 nodes\n"
                              "   0 x = input() (3, 6, 6) real\n"
                              "   1 conv = conv2d(x) (8, 4, 4) real folds norm, half\n"
                              "   2 spikes = discrete_lif(conv) (8, 4, 4) bit\n"
                              "   3 out = output(spikes) (8, 4, 4) bit\n");
    stc_graph_destroy(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_and_scale_are_folded_into_the_weights_before_them),
        cmocka_unit_test(folded_rows_follow_the_formula_and_lie_on_their_grid),
        cmocka_unit_test(the_grid_is_exact_at_its_corners),
        cmocka_unit_test(values_that_are_not_finite_are_refused_by_row_and_column),
        cmocka_unit_test(a_norm_stays_when_others_see_the_values_before_it),
        cmocka_unit_test(a_norm_stays_when_its_channels_are_not_the_rows),
        cmocka_unit_test(a_scale_of_a_neuron_is_not_folded),
        cmocka_unit_test(a_folded_graph_computes_the_same),
        cmocka_unit_test(nodes_that_reach_no_output_are_dropped_above_level_0),
        cmocka_unit_test(the_pipeline_records_what_ran),
        cmocka_unit_test(passes_are_skipped_by_name_unless_they_define_numbers),
        cmocka_unit_test(a_graph_is_printed_one_line_per_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
