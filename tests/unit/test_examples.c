/* The example of each op over many seeds: it verifies, evaluates, keeps the inferred kinds, and its
 * views move values as their eval does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/op.h"

enum { MAX_VALUES = 1 << 15 };

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

typedef struct {
    const stc_graph *graph;
    uint64_t seed;
    float *values; /* of the input at hand */
    int64_t nonzero;
    float **last; /* [nnodes] values after the last step */
} example;

static const float *random_input(void *context, const stc_node *node, int64_t step)
{
    example *e = context;
    int64_t size = stc_shape_size(&node->shape);
    for (int64_t k = 0; k < size; k++) {
        uint64_t index = (uint64_t)(step * size + k);
        float uniform = stc_random_uniform(e->seed, (uint32_t)node->name[6], index);
        bool real = stc_kind_is_real(node->kind);
        e->values[k] = real ? 2.0f * uniform - 0.5f : floorf(uniform * (float)(node->kind.max + 1));
    }
    return e->values;
}

static void check_values(void *context, const stc_node *node, int64_t step, const float *values)
{
    (void)step;
    example *e = context;
    int64_t size = stc_shape_size(&node->shape);
    for (int64_t k = 0; k < size; k++) {
        assert_true(isfinite(values[k]));
        if (node->op->op_class == STC_CLASS_OUTPUT) e->nonzero += values[k] != 0.0f;
        if (stc_kind_is_real(node->kind)) continue;
        double count = (double)values[k] / node->kind.unit;
        assert_true(count == floor(count) && count >= 0 && count <= (double)node->kind.max);
    }
    for (int32_t i = 0; i < e->graph->nnodes; i++) {
        if (e->graph->nodes[i] != node) continue;
        memcpy(e->last[i], values, (size_t)size * sizeof *values);
    }
}

/* What a view op does to a stc_view must be what its eval does to values. */
static void check_view(const stc_graph *graph, const stc_node *node, const float *in,
                       const float *out)
{
    const stc_shape *tensor = &graph->nodes[node->inputs[0]]->shape;
    stc_view view = stc_view_identity(tensor);
    assert_int_equal(node->op->view(node, tensor, &view), 0);
    stc_shape shape = stc_view_shape(&view);
    assert_true(stc_shape_equal(&shape, &node->shape));
    int64_t stride[STC_MAX_NDIM], own[STC_MAX_NDIM];
    stc_shape_strides(tensor, stride);
    stc_shape_strides(&shape, own);
    int64_t size = stc_shape_size(&shape);
    for (int64_t k = 0; k < size; k++) {
        int64_t index[STC_MAX_NDIM] = {0}, at[STC_MAX_NDIM] = {0}, flat = 0;
        for (int a = 0; a < shape.ndim; a++)
            index[a] = k / own[a] % shape.dim[a];
        stc_view_index(&view, tensor->ndim, index, at);
        for (int a = 0; a < tensor->ndim; a++)
            flat += at[a] * stride[a];
        assert_true(out[k] == in[flat]);
    }
}

static int64_t run_example(const stc_op *op, uint64_t seed)
{
    stc_builder *b = begin();
    int rc = op->example(b, seed);
    if (rc < 0) fail_msg("%s, seed %d: %s", op->name, (int)seed, stc_error_text());
    stc_graph *graph = finish(b);
    assert_int_equal(stc_graph_statistics(graph).outputs, 1);
    assert_int_equal(graph->nodes[graph->nnodes - 1]->op->op_class, STC_CLASS_OUTPUT);
    bool used = false;
    example e = {.graph = graph, .seed = seed, .values = stc_alloc(MAX_VALUES, sizeof(float))};
    e.last = stc_alloc(graph->nnodes, sizeof *e.last);
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_op *other = graph->nodes[i]->op; /* one example serves all neuron models */
        used = used || other == op || (op->model && other->model);
        int64_t size = stc_shape_size(&graph->nodes[i]->shape);
        assert_true(size <= MAX_VALUES);
        e.last[i] = stc_alloc(size, sizeof(float));
    }
    assert_true(used);
    stc_eval_callbacks callbacks = {&e, random_input, check_values, seed, 0};
    rc = stc_graph_eval(graph, graph->time_steps, &callbacks);
    if (rc < 0) fail_msg("%s, seed %d: %s", op->name, (int)seed, stc_error_text());
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->op->op_class == STC_CLASS_VIEW) {
            check_view(graph, node, e.last[node->inputs[0]], e.last[i]);
        }
    }
    for (int32_t i = 0; i < graph->nnodes; i++)
        stc_free(e.last[i]);
    stc_free(e.last);
    stc_free(e.values);
    stc_graph_destroy(&graph);
    return e.nonzero;
}

static void examples_of_all_ops_verify_and_evaluate_for_many_seeds(void **state)
{
    (void)state;
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    int64_t held = stc_alloc_bytes();
    for (int k = 0; k < n; k++) {
        if (!ops[k]->example) continue;
        int active = 0;
        for (uint64_t seed = 0; seed < 48; seed++)
            active += run_example(ops[k], seed) > 0;
        if (active < 24) fail_msg("%s: only %d of 48 examples are active", ops[k]->name, active);
    }
    assert_int_equal(stc_alloc_bytes(), held);
}

static void the_same_seed_gives_the_same_example(void **state)
{
    (void)state;
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    for (int k = 0; k < n; k++) {
        if (!ops[k]->example) continue;
        assert_int_equal(run_example(ops[k], 7), run_example(ops[k], 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_all_ops_verify_and_evaluate_for_many_seeds),
        cmocka_unit_test(the_same_seed_gives_the_same_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
