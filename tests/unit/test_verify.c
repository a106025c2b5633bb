/* What verify says of single wrong nodes: which node, what was found, what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/error.h"

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

static void assert_refused(stc_builder *b, const char *fragment)
{
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
    assert_null(graph);
    assert_text(fragment);
}

/* One node "n" after an input of a given shape, with up to two weights. */
typedef struct {
    const char *shape, *op, *attributes;
    struct {
        const char *name;
        stc_shape shape;
    } weight[2];
    const char *text;
} wrong;

static const wrong wrong_nodes[] = {
    {"1,8,8", "conv2d", "", {{0}}, "node n (conv2d): weight is missing"},
    {"1,8,8",
     "conv2d",
     "",
     {{"weight", {3, {16, 1, 3}}}},
     "node n (conv2d): weight has 3 dimensions, expected 4 (out, in, height, width)"},
    {"1,8,8",
     "conv2d",
     "",
     {{"weight", {4, {16, 3, 3, 3}}}},
     "operand has shape (1, 8, 8), the weight expects 3 channels"},
    {"4,8,8",
     "conv2d",
     "groups=2",
     {{"weight", {4, {16, 3, 3, 3}}}},
     "the weight expects 6 channels (2 groups of 3)"},
    {"4,8,8",
     "conv2d",
     "groups=2",
     {{"weight", {4, {15, 2, 3, 3}}}},
     "groups is 2, which does not divide the 15 out-channels"},
    {"8,8",
     "conv2d",
     "",
     {{"weight", {4, {16, 1, 3, 3}}}},
     "operand has shape (8, 8), expected 3 dimensions (channels, height, width)"},
    {"1,4,8",
     "conv2d",
     "dilation=2",
     {{"weight", {4, {16, 1, 3, 3}}}},
     "kernel of height 3 (dilation 2) spans 5 elements, the operand has 4 with padding"},
    {"1,8,8", "conv2d", "stride=0", {{"weight", {4, {1, 1, 3, 3}}}}, "stride is 0, expected >= 1"},
    {"1,8,8", "conv2d", "groups=0", {{"weight", {4, {1, 1, 3, 3}}}}, "groups is 0, expected >= 1"},
    {"1,8,8",
     "conv2d",
     "padding=1,2,3",
     {{"weight", {4, {1, 1, 3, 3}}}},
     "padding has 3 entries, expected 2"},
    {"1,8,8",
     "conv2d",
     "padding=99999999999",
     {{"weight", {4, {1, 1, 3, 3}}}},
     "padding is 99999999999, expected at most 2147483647 in magnitude"},
    {"1,8,8",
     "conv2d",
     "padding=2147483647",
     {{"weight", {4, {1, 1, 3, 3}}}},
     "more than 2^40 elements"},
    {"1,8,8",
     "conv2d",
     "",
     {{"weight", {4, {6, 1, 3, 3}}}, {"bias", {1, {5}}}},
     "bias has shape (5), expected (6), one value per out-channel"},
    {"2,8,8",
     "conv2d",
     "",
     {{"weight", {4, {6, 2, 3, 3}}}, {"pad_value", {1, {6}}}},
     "pad_value has shape (6), expected (2), one value per in-channel"},
    {"2,8,8",
     "conv1d",
     "",
     {{"weight", {3, {6, 2, 3}}}},
     "expected 2 dimensions (channels, length)"},
    {"2,8",
     "conv1d",
     "",
     {{"weight", {4, {6, 2, 3, 1}}}},
     "weight has 4 dimensions, expected 3 (out, in, length)"},
    {"2,4",
     "conv1d",
     "",
     {{"weight", {3, {6, 2, 5}}}},
     "kernel of length 5 (dilation 1) spans 5 elements, the operand has 4 with padding"},
    {"2,8", "linear", "", {{"weight", {1, {8}}}}, "weight has 1 dimensions, expected 2 (out, in)"},
    {"2,8",
     "linear",
     "",
     {{"weight", {2, {8, 2}}}},
     "operand has shape (2, 8), the weight expects 2 channels on the last axis"},
    {"2,8", "batch_norm", "", {{"running_mean", {1, {2}}}}, "running_var is missing"},
    {"2,8",
     "batch_norm",
     "axis=-1",
     {{"running_mean", {1, {2}}}, {"running_var", {1, {8}}}},
     "running_mean has shape (2), expected (8), one value per channel"},
    {"2,8",
     "batch_norm",
     "axis=2",
     {{"running_mean", {1, {2}}}, {"running_var", {1, {8}}}},
     "axis is 2, the operand has 2 dimensions"},
    {"2,8",
     "batch_norm",
     "eps=-1",
     {{"running_mean", {1, {2}}}, {"running_var", {1, {2}}}},
     "eps is -1, expected >= 0"},
    {"2,8", "scale", "", {{0}}, "neither factor nor scale is given"},
    {"2,8", "scale", "factor=2", {{"scale", {1, {2}}}}, "both factor and scale are given"},
    {"2,8", "scale", "axis=1", {{"scale", {1, {2}}}}, "scale has shape (2), expected (8)"},
    {"2,8", "scale", "factor=nan", {{0}}, "factor is nan, expected finite"},
    {"2,8", "scale", "factor=inf", {{0}}, "factor is inf, expected finite"},
    {"2,8,8", "max_pool2d", "", {{0}}, "kernel_size is missing"},
    {"8,8", "max_pool2d", "kernel_size=2", {{0}}, "operand has shape (8, 8), expected 3"},
    {"2,8,3",
     "max_pool2d",
     "kernel_size=4",
     {{0}},
     "pooling window of width 4 (dilation 1) spans 4 elements, the operand has 3 with padding"},
    {"2,8,8",
     "max_pool2d",
     "kernel_size=3 padding=2",
     {{0}},
     "padding is 2, expected at most half of kernel_size 3"},
    {"2,8", "reduce_sum", "", {{0}}, "axis is missing"},
    {"2,8", "reduce_sum", "axis=2", {{0}}, "axis is 2, the operand has 2 dimensions"},
    {"2,8", "reduce_sum", "axis=1,-1", {{0}}, "axis names dimension 1 twice"},
    {"2,8", "mean", "axis=0,1", {{0}}, "axis names all 2 dimensions; set keepdim"},
    {"2,8", "reshape", "shape=3,5", {{0}}, "shape (2, 8) with 16 elements, shape (3, 5)"},
    {"2,8", "reshape", "shape=3,-1", {{0}}, "asks for another number"},
    {"2,8", "reshape", "shape=-1,-1", {{0}}, "shape has more than one -1"},
    {"2,8", "reshape", "shape=0,16", {{0}}, "shape has a 0 at position 0"},
    {"2,8", "permute", "perm=0", {{0}}, "perm has 1 entries, the operand has 2 dimensions"},
    {"2,8", "permute", "perm=1,1", {{0}}, "perm is not a permutation: it names dimension 1 twice"},
    {"2,8", "permute", "perm=0,2", {{0}}, "perm is 2, the operand has 2 dimensions"},
    {"2,8", "slice", "axis=1 start=3 stop=9", {{0}}, "indices 3 to 9 of axis 1, which has 8"},
    {"2,8", "slice", "axis=1 start=5 stop=5", {{0}}, "expected at least one index"},
    {"2,8", "slice", "step=0", {{0}}, "step is 0, expected >= 1"},
    {"2,8", "output", "shape=8,2", {{0}}, "operand has shape (2, 8), attribute shape says (8, 2)"},
};

static void wrong_nodes_are_refused_by_name_with_what_was_found_and_expected(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof wrong_nodes / sizeof wrong_nodes[0]; k++) {
        const wrong *w = &wrong_nodes[k];
        char shape[64];
        snprintf(shape, sizeof shape, "shape=%s", w->shape);
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, shape);
        int n = stc_build(b, w->op, "n", &x, 1, w->attributes);
        for (int i = 0; i < 2 && w->weight[i].name != NULL; i++) {
            stc_build_random(b, n, w->weight[i].name, w->weight[i].shape, 1.0f, 1);
        }
        assert_refused(b, w->text);
        assert_text("node n (");
    }
}

static void operand_counts_are_checked(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2");
    stc_build(b, "matmul", "m", &x, 1, "");
    assert_refused(b, "node m (matmul): it has 1 operands, expected 2");
    b = begin();
    stc_build(b, "input", "x", NULL, 0, "shape=2,2");
    stc_build(b, "add", "a", NULL, 0, "");
    assert_refused(b, "node a (add): it has 0 operands, expected at least 1");
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=2,2");
    int both[2] = {x, x};
    stc_build(b, "output", "o", both, 2, "");
    assert_refused(b, "node o (output): it has 2 operands, expected 1");
}

static void shapes_of_two_operands_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *op, *attributes, *text;
    } cases[] = {
        {"2,3", "2,4", "add", "", "operand 'a' has shape (2, 3), operand 'b' has shape (2, 4)"},
        {"2,3", "2,4", "mul", "", "they do not broadcast"},
        {"2,3", "2,4", "matmul", "", "the inner sizes are 3 and 2"},
        {"2,3", "2,3", "matmul", "transpose_a=1 transpose_b=1",
         "shapes (2, 3) transposed and (2, 3) transposed, so the inner sizes are 2 and 3"},
        {"2,3", "3", "matmul", "", "shapes (2, 3) and (3), expected two or more dimensions"},
        {"5,2,3", "4,3,2", "matmul", "", "equal leading ones"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char text[64];
        int operands[2];
        stc_builder *b = begin();
        snprintf(text, sizeof text, "shape=%s", cases[k].a);
        operands[0] = stc_build(b, "input", "a", NULL, 0, text);
        snprintf(text, sizeof text, "shape=%s", cases[k].b);
        operands[1] = stc_build(b, "input", "b", NULL, 0, text);
        stc_build(b, cases[k].op, "n", operands, 2, cases[k].attributes);
        assert_refused(b, cases[k].text);
    }
}

static void timing_cannot_be_mixed(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int pair[2] = {x, stc_build(b, "time_mean", "average", &x, 1, "")};
    stc_build(b, "add", "sum", pair, 2, "");
    assert_refused(b, "operand 'x' has one value per step, operand 'average' one per sample");
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    int average = stc_build(b, "time_mean", "average", &x, 1, "");
    stc_build(b, "discrete_lif", "late", &average, 1, "");
    assert_refused(b, "node late (discrete_lif): operand 'average' has one value per sample");
    b = begin();
    x = stc_build(b, "input", "x", NULL, 0, "shape=4");
    average = stc_build(b, "time_mean", "average", &x, 1, "");
    stc_build(b, "time_mean", "twice", &average, 1, "");
    assert_refused(b, "node twice (time_mean): operand 'average' has one value per sample already");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_nodes_are_refused_by_name_with_what_was_found_and_expected),
        cmocka_unit_test(operand_counts_are_checked),
        cmocka_unit_test(shapes_of_two_operands_are_compared),
        cmocka_unit_test(timing_cannot_be_mixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
