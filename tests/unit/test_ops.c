/* Every op: what shape and kind it infers, what it computes, how it is lowered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/op.h"

enum { MAX_VALUES = 4096 };

/* Values of the nodes x, y (inputs) and out over the steps. */
typedef struct {
    const float *x, *y; /* y: constant over the steps; x: one block per step when steps > 0 */
    bool x_varies;
    float out[MAX_VALUES];
    int64_t nout;
} run;

static const float *give(void *context, const stc_node *node, int64_t step)
{
    const run *r = context;
    if (node->name[0] == 'y') return r->y;
    return r->x + (r->x_varies ? step * stc_shape_size(&node->shape) : 0);
}

static void watch(void *context, const stc_node *node, int64_t step, const float *values)
{
    (void)step;
    run *r = context;
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    int64_t size = stc_shape_size(&node->shape);
    assert_true(r->nout + size <= MAX_VALUES);
    memcpy(r->out + r->nout, values, (size_t)size * sizeof *values);
    r->nout += size;
}

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

static void evaluate(const stc_graph *graph, int64_t steps, run *r)
{
    stc_eval_callbacks callbacks = {.context = r, .input = give, .watch = watch};
    r->nout = 0;
    int rc = stc_graph_eval(graph, steps, &callbacks);
    if (rc < 0) fail_msg("%s", stc_error_text());
}

static void assert_values(const float *found, const float *expected, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        if (found[k] != expected[k]) {
            fail_msg("value %d is %.9g, expected %.9g", (int)k, (double)found[k],
                     (double)expected[k]);
        }
    }
}

/* input x -> op -> out with one optional weight attribute and a bias; then compare. */
typedef struct {
    const char *shape, *op, *attributes;
    stc_shape weight_shape;
    const float *weight, *bias;
    const float *x, *expected;
    int64_t nexpected;
} single;

static void check_single(const single *s)
{
    char text[64];
    snprintf(text, sizeof text, "shape=%s", s->shape);
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, text);
    int n = stc_build(b, s->op, "n", &x, 1, s->attributes);
    if (s->weight != NULL) stc_build_weight(b, n, "weight", s->weight_shape, s->weight);
    if (s->bias != NULL) {
        stc_build_weight(b, n, "bias", (stc_shape){1, {s->weight_shape.dim[0]}}, s->bias);
    }
    stc_build(b, "output", "out", &n, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = s->x};
    evaluate(graph, 1, &r);
    assert_int_equal(r.nout, s->nexpected);
    assert_values(r.out, s->expected, r.nout);
    stc_graph_destroy(&graph);
}

#define VALUES(...)                                                                                \
    (const float[])                                                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void conv2d_sums_windows_as_cross_correlation(void **state)
{
    (void)state;
    const float *x = VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9);
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .bias = VALUES(0.5f),
                           .x = x,
                           .expected = VALUES(37.5f, 47.5f, 67.5f, 77.5f),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "stride=2,1 padding=1,0",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = x,
                           .expected = VALUES(11, 18, 67, 77),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "dilation=2",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = x,
                           .expected = VALUES(1 + 6 + 21 + 36),
                           .nexpected = 1});
}

static void conv2d_groups_see_their_own_channels(void **state)
{
    (void)state;
    check_single(&(single){.shape = "4,1,1",
                           .op = "conv2d",
                           .attributes = "groups=2",
                           .weight_shape = {4, {2, 2, 1, 1}},
                           .weight = VALUES(1, 10, 100, 1000),
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(21, 4300),
                           .nexpected = 2});
    check_single(&(single){.shape = "2,1,2",
                           .op = "conv2d",
                           .attributes = "groups=2",
                           .weight_shape = {4, {4, 1, 1, 1}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(1, 2, 2, 4, 9, 12, 12, 16),
                           .nexpected = 8});
}

static void conv2d_pads_with_a_value_per_channel(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,1,1");
    int c = stc_build(b, "conv2d", "c", &x, 1, "padding=0,1");
    stc_build_weight(b, c, "weight", (stc_shape){4, {1, 2, 1, 3}}, VALUES(1, 2, 4, 1, 1, 1));
    stc_build_weight(b, c, "pad_value", (stc_shape){1, {2}}, VALUES(10, 100));
    stc_build(b, "output", "out", &c, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = VALUES(1, 2)};
    evaluate(graph, 1, &r);
    assert_int_equal(r.nout, 1);
    assert_values(r.out, VALUES(10 + 2 + 40 + 100 + 2 + 100), 1);
    stc_graph_destroy(&graph);
}

static void conv1d_is_conv2d_of_height_one(void **state)
{
    (void)state;
    check_single(&(single){.shape = "2,4",
                           .op = "conv1d",
                           .attributes = "stride=2 padding=1",
                           .weight_shape = {3, {1, 2, 3}},
                           .weight = VALUES(1, 2, 3, 10, 20, 30),
                           .bias = VALUES(0.25f),
                           .x = VALUES(1, 2, 3, 4, 1, 1, 1, 1),
                           .expected = VALUES(2 + 6 + 50.25f, 2 + 6 + 12 + 60.25f),
                           .nexpected = 2});
}

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
    static const stc_shape shapes[] = {{1, {2}}, {1, {1}}, {.ndim = 0}};
    static const float expected[][4] = {{3, 6, 15, 20}, {3, 6, 9, 12}, {3, 6, 9, 12}};
    for (int k = 0; k < 3; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2");
        int n = stc_build(b, "scale", "n", &x, 1, "");
        stc_build_weight(b, n, "scale", shapes[k], VALUES(3, 5));
        stc_build(b, "output", "out", &n, 1, "");
        stc_graph *graph = finish(b);
        run r = {.x = VALUES(1, 2, 3, 4)};
        evaluate(graph, 1, &r);
        assert_values(r.out, expected[k], 4);
        stc_graph_destroy(&graph);
    }
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

static void max_pool2d_ignores_its_padding(void **state)
{
    (void)state;
    check_single(&(single){.shape = "1,3,3",
                           .op = "max_pool2d",
                           .attributes = "kernel_size=3 stride=2 padding=1",
                           .x = VALUES(-9, -8, -7, -6, -5, -4, -3, -2, -1),
                           .expected = VALUES(-5, -4, -2, -1),
                           .nexpected = 4});
    check_single(&(single){.shape = "2,2,3",
                           .op = "max_pool2d",
                           .attributes = "kernel_size=2",
                           .x = VALUES(1, 2, 9, 3, 4, 9, 5, 8, 0, 7, 6, 0),
                           .expected = VALUES(4, 8),
                           .nexpected = 2});
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
    int l = stc_build(b, "lif", "l", &x, 1, "tau=2 v_threshold=1");
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
    int l = stc_build(b, "lif", "l", &x, 1, "tau=1 max_count=4 output_scale=0.25");
    stc_build(b, "output", "out", &l, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = VALUES(-1, 1, 2.6f, 9)};
    evaluate(graph, 1, &r);
    assert_values(r.out, VALUES(0, 0.25f, 0.75f, 1), 4);
    assert_true(graph->nodes[1]->kind.unit == 0.25 && graph->nodes[1]->kind.max == 4);
    stc_graph_destroy(&graph);
}

static void kinds_and_shapes_are_inferred(void **state)
{
    (void)state;
    static const struct {
        const char *input, *op, *attributes, *shape, *kind;
        bool twice; /* both operands are the input */
    } cases[] = {
        {"shape=2,4 kind=bits", "output", "", "(2, 4)", "bit", false},
        {"shape=2,4", "output", "", "(2, 4)", "real", false},
        {"shape=2,4 kind=counts", "output", "", "(2, 4)", "integer 0..255", false},
        {"shape=2,4", "lif", "", "(2, 4)", "bit", false},
        {"shape=2,4", "lif", "max_count=4", "(2, 4)", "integer 0..4", false},
        {"shape=2,4 kind=bits", "add", "", "(2, 4)", "integer 0..2", true},
        {"shape=2,4", "add", "", "(2, 4)", "real", true},
        {"shape=2,4 kind=counts max=3", "mul", "", "(2, 4)", "integer 0..9", true},
        {"shape=2,4 kind=counts max=9999", "mul", "", "(2, 4)", "real", true},
        {"shape=2,4 kind=bits", "matmul", "transpose_b=1", "(2, 2)", "integer 0..4", true},
        {"shape=2,4 kind=bits", "matmul", "transpose_a=1", "(4, 4)", "integer 0..2", true},
        {"shape=2,4 kind=counts max=4000", "matmul", "transpose_a=1", "(4, 4)", "real", true},
        {"shape=2,4 kind=bits", "scale", "factor=0.125", "(2, 4)", "0.125 * integer 0..1", false},
        {"shape=2,4 kind=bits", "scale", "factor=0.1", "(2, 4)", "real", false},
        {"shape=2,4 kind=bits", "reduce_sum", "axis=1", "(2)", "integer 0..4", false},
        {"shape=2,4 kind=bits", "reduce_sum", "axis=0 keepdim=1", "(1, 4)", "integer 0..2", false},
        {"shape=2,4 kind=bits", "mean", "axis=1", "(2)", "0.25 * integer 0..4", false},
        {"shape=2,3 kind=bits", "mean", "axis=1", "(2)", "real", false},
        {"shape=2,4 kind=bits", "reshape", "shape=4,-1", "(4, 2)", "bit", false},
        {"shape=2,4 kind=bits", "permute", "perm=1,0", "(4, 2)", "bit", false},
        {"shape=2,4 kind=bits", "slice", "axis=1 start=1 step=2", "(2, 2)", "bit", false},
        {"shape=2,4 kind=bits", "time_mean", "", "(2, 4)", "real", false},
        {"shape=2,4,4 kind=bits", "max_pool2d", "kernel_size=2", "(2, 2, 2)", "bit", false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, cases[k].input), pair[2] = {x, x};
        stc_build(b, cases[k].op, "n", pair, cases[k].twice ? 2 : 1, cases[k].attributes);
        stc_graph *graph = finish(b);
        char text[128];
        const stc_node *node = graph->nodes[1];
        assert_string_equal(stc_shape_text(&node->shape, text, sizeof text), cases[k].shape);
        assert_string_equal(stc_kind_text(node->kind, text, sizeof text), cases[k].kind);
        stc_graph_destroy(&graph);
    }
}

static stc_kernel lowered(const stc_graph *graph)
{
    stc_kernel kernel = {0};
    const stc_node *node = graph->nodes[stc_graph_find(graph, "n")], *in[2] = {NULL};
    for (int k = 0; k < node->ninputs; k++)
        in[k] = graph->nodes[node->inputs[k]];
    assert_int_equal(node->op->lower(node, in, &kernel), 0);
    return kernel;
}

static stc_kernel lower_single(const char *input, const char *op, const char *attributes,
                               const stc_shape *weight, bool twice)
{
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, input), pair[2] = {x, x};
    int n = stc_build(b, op, "n", pair, twice ? 2 : 1, attributes);
    if (weight != NULL) stc_build_random(b, n, "weight", *weight, 1.0f, 1);
    stc_graph *graph = finish(b);
    stc_kernel kernel = lowered(graph);
    stc_graph_destroy(&graph);
    return kernel;
}

static void weight_ops_lower_to_one_geometry(void **state)
{
    (void)state;
    stc_kernel k = lower_single("shape=4,9,8", "conv2d", "groups=2 stride=2,1 padding=0,1",
                                &(stc_shape){4, {6, 2, 3, 2}}, false);
    assert_int_equal(k.kind, STC_KERNEL_ACCUMULATE);
    assert_int_equal(k.u.accumulate.channels, 6);
    assert_int_equal(k.u.accumulate.in_channels, 4);
    assert_int_equal(k.u.accumulate.groups, 2);
    assert_int_equal(k.u.accumulate.kernel[0], 3);
    assert_int_equal(k.u.accumulate.kernel[1], 2);
    assert_int_equal(k.u.accumulate.stride[0], 2);
    assert_int_equal(k.u.accumulate.padding[1], 1);
    assert_int_equal(k.u.accumulate.in_size[0], 9);
    assert_int_equal(k.u.accumulate.out_size[0], 4);
    assert_int_equal(k.u.accumulate.out_size[1], 9);
    k = lower_single("shape=4,9", "conv1d", "dilation=2", &(stc_shape){3, {6, 4, 3}}, false);
    assert_int_equal(k.u.accumulate.kernel[0], 1);
    assert_int_equal(k.u.accumulate.kernel[1], 3);
    assert_int_equal(k.u.accumulate.dilation[0], 1);
    assert_int_equal(k.u.accumulate.dilation[1], 2);
    assert_int_equal(k.u.accumulate.in_size[0], 1);
    assert_int_equal(k.u.accumulate.out_size[1], 5);
    k = lower_single("shape=2,3,4", "linear", "", &(stc_shape){2, {5, 4}}, false);
    assert_int_equal(k.u.accumulate.channels, 5);
    assert_int_equal(k.u.accumulate.in_channels, 4);
    assert_int_equal(k.u.accumulate.in_size[0], 1);
    assert_int_equal(k.u.accumulate.in_size[1], 6);
    assert_int_equal(k.u.accumulate.out_size[1], 6);
}

static void direct_ops_lower_to_their_kernels(void **state)
{
    (void)state;
    stc_kernel k = lower_single("shape=3,5,4", "matmul", "transpose_a=1", NULL, true);
    assert_int_equal(k.kind, STC_KERNEL_MATMUL);
    assert_int_equal(k.u.matmul.batch, 3);
    assert_int_equal(k.u.matmul.rows, 4);
    assert_int_equal(k.u.matmul.inner, 5);
    assert_int_equal(k.u.matmul.columns, 4);
    k = lower_single("shape=3,8,9", "max_pool2d", "kernel_size=3,2 padding=1", NULL, false);
    assert_int_equal(k.kind, STC_KERNEL_POOL);
    assert_int_equal(k.u.pool.channels, 3);
    assert_int_equal(k.u.pool.stride[0], 3);
    assert_int_equal(k.u.pool.stride[1], 2);
    assert_int_equal(k.u.pool.in_size[1], 9);
    assert_int_equal(k.u.pool.out_size[0], 3);
    k = lower_single("shape=3,4,5", "mean", "axis=0,-1", NULL, false);
    assert_int_equal(k.kind, STC_KERNEL_REDUCE);
    assert_true(k.u.reduce.over[0] && !k.u.reduce.over[1] && k.u.reduce.over[2]);
    assert_true(k.u.reduce.divisor == 15.0);
    k = lower_single("shape=3,4", "reduce_sum", "axis=0", NULL, false);
    assert_true(k.u.reduce.divisor == 1.0);
    assert_int_equal(lower_single("shape=3", "mul", "", NULL, true).kind, STC_KERNEL_MUL);
    assert_int_equal(lower_single("shape=3", "time_mean", "", NULL, false).kind,
                     STC_KERNEL_TIME_MEAN);
    k = lower_single("shape=3", "lif", "tau=3 v_threshold=0.5", NULL, false);
    assert_int_equal(k.kind, STC_KERNEL_NEURON);
    assert_int_equal(k.u.neuron.model, 0);
    assert_true(k.u.neuron.params[0] == 3.0 && k.u.neuron.params[1] == 0.5);
}

static void the_table_is_complete_for_each_class(void **state)
{
    (void)state;
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    assert_true(n >= 18);
    for (int k = 0; k < n; k++) {
        const stc_op *op = ops[k];
        assert_ptr_equal(stc_op_find(op->name), op);
        assert_ptr_equal(stc_op_find(op->type), op);
        assert_true(op->help[0] != 0);
        assert_non_null(op->infer);
        assert_non_null(op->example);
        assert_true((op->eval != NULL) == (op->op_class != STC_CLASS_INPUT));
        assert_true((op->view != NULL) == (op->op_class == STC_CLASS_VIEW));
        assert_true((op->affine != NULL) == (op->op_class == STC_CLASS_AFFINE));
        assert_true((op->model != NULL) == (op->op_class == STC_CLASS_NEURON));
        bool lowers = op->op_class != STC_CLASS_VIEW && op->op_class != STC_CLASS_AFFINE &&
                      op->op_class != STC_CLASS_ADD;
        assert_true((op->lower != NULL) == lowers);
        for (int a = 0; a < op->nattrs; a++)
            assert_int_equal(stc_op_attr(op, op->attrs[a].name), a);
    }
    assert_ptr_equal(stc_op_find("Linear"), stc_op_find("Affine"));
    assert_null(stc_op_find("conv3d"));
    assert_non_null(strstr(stc_error_text(), "unknown op 'conv3d'; did you mean 'conv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_sums_windows_as_cross_correlation),
        cmocka_unit_test(conv2d_groups_see_their_own_channels),
        cmocka_unit_test(conv2d_pads_with_a_value_per_channel),
        cmocka_unit_test(conv1d_is_conv2d_of_height_one),
        cmocka_unit_test(linear_acts_on_the_last_axis),
        cmocka_unit_test(batch_norm_follows_its_formula),
        cmocka_unit_test(batch_norm_refuses_a_negative_variance),
        cmocka_unit_test(scale_multiplies_by_a_factor_or_by_channel),
        cmocka_unit_test(add_and_mul_work_by_element_and_mul_broadcasts),
        cmocka_unit_test(matmul_obeys_transposes_and_batches),
        cmocka_unit_test(max_pool2d_ignores_its_padding),
        cmocka_unit_test(sums_and_means_run_over_axes),
        cmocka_unit_test(views_move_values),
        cmocka_unit_test(time_mean_gives_one_value_per_sample),
        cmocka_unit_test(lif_keeps_its_state_over_the_steps_of_a_sample_only),
        cmocka_unit_test(lif_multiplies_counts_by_its_unit),
        cmocka_unit_test(kinds_and_shapes_are_inferred),
        cmocka_unit_test(weight_ops_lower_to_one_geometry),
        cmocka_unit_test(direct_ops_lower_to_their_kernels),
        cmocka_unit_test(the_table_is_complete_for_each_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
