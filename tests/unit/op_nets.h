/* op_nets.h - small graphs for the tests of ops. */
#ifndef OP_NETS_H
#define OP_NETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/op.h"

static inline stc_builder *begin(void)
{
    stc_builder *b = NULL;
    assert_int_equal(stc_builder_create("net", &b), 0);
    return b;
}

static inline stc_graph *finish(stc_builder *b)
{
    stc_graph *graph = NULL;
    int rc = stc_builder_finish(&b, &graph);
    if (rc < 0) fail_msg("%s", stc_error_text());
    return graph;
}

static inline void assert_refused(stc_builder *b, const char *text)
{
    stc_graph *graph = NULL;
    assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
    if (strstr(stc_error_text(), text) == NULL) fail_msg("%s", stc_error_text());
}

enum { MAX_VALUES = 4096 };

/* Values of the nodes x, y (inputs) and out over the steps. */
typedef struct {
    const float *x, *y; /* y: constant over the steps; x: one block per step when steps > 0 */
    bool x_varies;
    float out[MAX_VALUES];
    int64_t nout;
} run;

static inline const float *give(void *context, const stc_node *node, int64_t step)
{
    const run *r = context;
    if (node->name[0] == 'y') return r->y;
    return r->x + (r->x_varies ? step * stc_shape_size(&node->shape) : 0);
}

static inline void watch(void *context, const stc_node *node, int64_t step, const float *values)
{
    (void)step;
    run *r = context;
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    int64_t size = stc_shape_size(&node->shape);
    assert_true(r->nout + size <= MAX_VALUES);
    memcpy(r->out + r->nout, values, (size_t)size * sizeof *values);
    r->nout += size;
}

static inline void evaluate(const stc_graph *graph, int64_t steps, run *r)
{
    stc_eval_callbacks callbacks = {.context = r, .input = give, .watch = watch};
    r->nout = 0;
    int rc = stc_graph_eval(graph, steps, &callbacks);
    if (rc < 0) fail_msg("%s", stc_error_text());
}

static inline void assert_values(const float *found, const float *expected, int64_t n)
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

static inline void check_single(const single *s)
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

#endif
