/* What shape and kind every op infers, what it refuses, how it is lowered, and the table of ops. */
#include "op_nets.h"

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
        {"shape=2,4", "discrete_lif", "", "(2, 4)", "bit", false},
        {"shape=2,4", "discrete_lif", "max_count=4", "(2, 4)", "integer 0..4", false},
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
        {"shape=2,4,4 kind=bits", "sum_pool2d", "kernel_size=2", "(2, 2, 2)", "integer 0..4",
         false},
        {"shape=2,4,4", "sum_pool2d", "kernel_size=2", "(2, 2, 2)", "real", false},
        {"shape=2,4,4 kind=bits", "avg_pool2d", "kernel_size=2", "(2, 2, 2)", "0.25 * integer 0..4",
         false},
        {"shape=2,4,4 kind=bits", "avg_pool2d", "kernel_size=3", "(2, 1, 1)", "real", false},
        {"shape=2,3,4 kind=bits", "flatten", "", "(2, 12)", "bit", false},
        {"shape=2,3,4 kind=bits", "flatten", "start_dim=0 end_dim=1", "(6, 4)", "bit", false},
        {"shape=2,3,4 kind=bits", "flatten", "start_dim=-3", "(24)", "bit", false},
        {"shape=4 kind=bits", "flatten", "start_dim=0", "(4)", "bit", false},
        {"shape=2,4", "if", "r=1 v_threshold=1", "(2, 4)", "bit", false},
        {"shape=2,4", "lif", "tau=1 v_threshold=1 max_count=255", "(2, 4)", "integer 0..255",
         false},
        {"shape=2,4", "li", "tau=1", "(2, 4)", "real", false},
        {"shape=2,4", "threshold", "threshold=0", "(2, 4)", "bit", false},
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

static void refuse_single(const char *input, const char *op, const char *attributes,
                          const stc_shape *weight, const char *text)
{
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, input);
    int n = stc_build(b, op, "n", &x, 1, attributes);
    if (weight != NULL) stc_build_random(b, n, "weight", *weight, 1.0f, 1);
    assert_refused(b, text);
}

static void impossible_windows_and_dimensions_are_refused(void **state)
{
    (void)state;
    const stc_shape kernel = {3, {1, 1, 2}};
    refuse_single("shape=1,4", "conv1d", "auto_pad=same stride=2", &kernel,
                  "stride is 2, expected 1 with padding same");
    refuse_single("shape=1,4", "conv1d", "auto_pad=same padding=0", &kernel,
                  "both padding and auto_pad are given");
    refuse_single("shape=1,4", "conv1d", "auto_pad=valid dilation=4", &kernel,
                  "spans 5 elements, the operand has 4 with padding");
    refuse_single("shape=1,4", "conv1d", "auto_pad=same dilation=2000000000", &kernel, "too large");
    refuse_single("shape=1,4,4", "avg_pool2d", "kernel_size=2 padding=2", NULL,
                  "padding is 2, expected at most half");
    refuse_single("shape=1,4,4", "sum_pool2d", "kernel_size=5", NULL, "pooling window of height");
    refuse_single("shape=4,4", "avg_pool2d", "kernel_size=2", NULL, "(channels, height, width)");
    refuse_single("shape=4", "flatten", "", NULL, "start_dim is 1, the operand has 1 dimensions");
    refuse_single("shape=4,4,4", "flatten", "start_dim=2 end_dim=0", NULL, "start_dim first");
    refuse_single("shape=4,4", "flatten", "input_type=4,5", NULL, "input_type says (4, 5)");
    refuse_single("shape=4", "lif", "tau=1", NULL, "v_threshold is missing");
    refuse_single("shape=4", "lif", "tau=0 v_threshold=1", NULL, "tau is 0, expected > 0");
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
    k = lower_single("shape=4,9", "conv1d", "auto_pad=same", &(stc_shape){3, {6, 4, 4}}, false);
    assert_int_equal(k.u.accumulate.padding[1], 1);
    assert_int_equal(k.u.accumulate.out_size[1], 9);
    k = lower_single("shape=3,4", "linear", "groups=2", &(stc_shape){2, {6, 2}}, false);
    assert_int_equal(k.u.accumulate.groups, 2);
    assert_int_equal(k.u.accumulate.in_channels, 4);
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
    assert_true(!k.u.pool.sum && k.u.pool.divisor == 1.0);
    k = lower_single("shape=3,8,9", "sum_pool2d", "kernel_size=3,2", NULL, false);
    assert_true(k.kind == STC_KERNEL_POOL && k.u.pool.sum && k.u.pool.divisor == 1.0);
    k = lower_single("shape=3,8,9", "avg_pool2d", "kernel_size=3,2", NULL, false);
    assert_true(k.kind == STC_KERNEL_POOL && k.u.pool.sum && k.u.pool.divisor == 6.0);
    k = lower_single("shape=3,4,5", "mean", "axis=0,-1", NULL, false);
    assert_int_equal(k.kind, STC_KERNEL_REDUCE);
    assert_true(k.u.reduce.over[0] && !k.u.reduce.over[1] && k.u.reduce.over[2]);
    assert_true(k.u.reduce.divisor == 15.0);
    k = lower_single("shape=3,4", "reduce_sum", "axis=0", NULL, false);
    assert_true(k.u.reduce.divisor == 1.0);
    assert_int_equal(lower_single("shape=3", "mul", "", NULL, true).kind, STC_KERNEL_MUL);
    assert_int_equal(lower_single("shape=3", "time_mean", "", NULL, false).kind, STC_KERNEL_CODE);
    k = lower_single("shape=3", "discrete_lif", "tau=3 v_threshold=0.5", NULL, false);
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
        bool evaluated = op->eval != NULL || op->op_class == STC_CLASS_INPUT;
        assert_true(evaluated == (op->example != NULL));
        assert_true(evaluated || op->lower != NULL);
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
        cmocka_unit_test(kinds_and_shapes_are_inferred),
        cmocka_unit_test(impossible_windows_and_dimensions_are_refused),
        cmocka_unit_test(weight_ops_lower_to_one_geometry),
        cmocka_unit_test(direct_ops_lower_to_their_kernels),
        cmocka_unit_test(the_table_is_complete_for_each_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
