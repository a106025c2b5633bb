/* network_file.h - for tests of networks: what a graph that was read holds, and a program that has
 * nothing but inputs. */
#ifndef STC_TESTS_NETWORK_FILE_H
#define STC_TESTS_NETWORK_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"
#include "stc/input.h"
#include "stc/op.h"

static inline stc_graph *read_network(const char *path, stc_nir_rules *rules)
{
    stc_graph *graph = NULL;
    int rc = stc_graph_read(path, rules, &graph);
    if (rc == 0) rc = stc_graph_verify(graph);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    return graph;
}

static inline const stc_node *node_of(const stc_graph *graph, const char *name)
{
    int32_t i = stc_graph_find(graph, name);
    for (int32_t k = 0; i < 0 && k < graph->nnodes; k++)
        if (strcmp(graph->nodes[k]->name, name) == 0) i = k;
    if (i < 0) print_error("no node %s\n", name);
    assert_true(i >= 0);
    return graph->nodes[i];
}

/* Element i of a list, or the value of all. */
static inline double value_at(const stc_node *node, const char *attribute, int64_t i)
{
    const stc_attr *attr = stc_node_attr(node, attribute);
    double value;
    if (!attr->weight) return attr->r;
    if (attr->weight->shape.ndim == 0) i = 0;
    assert_int_equal(attr->weight->read_double(attr->weight, i, 1, &value), 0);
    return value;
}

static inline int64_t length_of(const stc_node *node, const char *attribute)
{
    const stc_weight *weight = stc_node_weight(node, attribute);
    return weight && weight->shape.ndim ? weight->shape.dim[0] : -1;
}

/* A program with one input node, as far as readers of inputs look. */
static inline stc_program *input_program(const char *name, int64_t n, double dt, int64_t steps)
{
    stc_program *out = NULL;
    assert_int_equal(stc_program_create("inputs", &out), 0);
    out->stages = stc_arena_alloc(out->arena, 1, sizeof(stc_stage));
    out->stages[0] = (stc_stage){.name = name,
                                 .shape = {1, {n}},
                                 .storage = {1, {n}},
                                 .kind = {1, 255},
                                 .is_input = true,
                                 .input_scale = 1};
    out->nstages = 1;
    out->dt = dt;
    out->time_steps = steps;
    return out;
}

static inline double spikes_at(const stc_input *input, int64_t step, int64_t id)
{
    stc_box box = {1, {id}, {id + 1}};
    float value;
    assert_int_equal(input->read(input, 0, 0, step, 1, &box, &value), 0);
    return (double)value;
}

#endif
