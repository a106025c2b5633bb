/* nir_read.c - what a NIR file has beyond a SpikeGraph: types that are NIR's alone, Inputs and
 * Outputs of inner graphs that only pass on, ends that are missing, shapes to check, rules.
 *
 * Inner graphs are flattened: node `lif` of the graph `rnn` becomes `rnn.lif`. Reading order:
 * ports, parameters, missing ends, checks, stc_nir_read.
 */
#include "model.h"

#include "stc/error.h"

#include <string.h>

static const char types[] = "Affine AvgPool2d Conv1d Conv2d CubaLI CubaLIF Delay Flatten I IF "
                            "Input LI LIF Linear Output Scale SumPool2d Threshold";

static bool is_type(const char *type)
{
    size_t length = strlen(type);
    for (const char *t = types; *t;) {
        size_t n = strcspn(t, " ");
        if (n == length && strncmp(t, type, n) == 0) return true;
        t += n;
        t += strspn(t, " ");
    }
    return false;
}

/* ---- ports ---- */

/* An end of an inner graph that nothing outside reaches belongs to the model as a whole. */
static int promote(stc_model *m, stc_model_item *item, const char *what)
{
    const stc_model_level *level = &stc_model_levels(m)[item->level];
    int ends = 0;
    for (int64_t k = 0; k < level->n; k++)
        ends += level->child[k] >= 0 && stc_model_items(m)[level->child[k]].end == item->end;
    item->port = false;
    item->name = stc_arena_printf(m->scratch, "%s_%s", what, ends == 1 ? level->name : item->name);
    return item->name ? 0 : STC_ERR_NOMEM;
}

/* Inputs and Outputs of inner graphs pass on, and so do those that old files left when they
 * flattened inner graphs: an Input that has an edge to it, an Output "lif1.output" with an edge
 * from it. */
static int find_ports(stc_model *m)
{
    for (int64_t i = 0; i < m->items.n; i++) {
        stc_model_item *item = &stc_model_items(m)[i];
        bool inner = item->level > 0;
        STC_CHECK(is_type(item->type), STC_ERR_INPUT,
                  "%s:%s: unknown type \"%.60s\"; NIR has NIRGraph, %s", m->path, item->place,
                  item->type, types);
        if (item->end == STC_END_INPUT) {
            item->port = inner || item->nsources > 0;
            if (inner && item->nsources == 0) STC_TRY(promote(m, item, "input"));
        } else if (item->end == STC_END_OUTPUT) {
            item->port = inner || (item->nconsumers > 0 && strchr(item->name, '.'));
            if (inner && item->nconsumers == 0) STC_TRY(promote(m, item, "output"));
        }
    }
    return 0;
}

/* ---- parameters ---- */

/* A list of integers as a shape; (1) where it is empty. */
static int read_shape(hid_t group, const char *name, stc_shape *out)
{
    stc_h5_data data;
    stc_attr list = {0};
    STC_TRY(stc_h5_data_open(group, name, &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0) rc = stc_model_integers(&data, &list);
    if (rc == 0 && list.n == 0) {
        list.n = 1;
        list.i[0] = 1;
    }
    *out = (stc_shape){.ndim = list.n};
    for (int d = 0; d < list.n; d++)
        out->dim[d] = list.i[d];
    stc_h5_close(&data.id);
    return rc;
}

static bool is_shape(const stc_shape *shape)
{
    for (int d = 0; d < shape->ndim; d++)
        if (shape->dim[d] < 1) return false;
    return true;
}

static int add_check(stc_model *m, const stc_model_item *item, const char *what, stc_shape shape,
                     bool tail)
{
    stc_model_check *check = stc_model_append(m, &m->checks, sizeof(*check));
    if (!check) return STC_ERR_NOMEM;
    *check = (stc_model_check){.user = m->graph->nodes[item->entry],
                               .place = item->place,
                               .what = what,
                               .shape = shape,
                               .tail = tail};
    return 0;
}

/* The shape of Input and Output; the ends of an inner graph are checked where edges pass. */
static int take_end_shape(stc_model *m, hid_t group, stc_model_item *item)
{
    STC_TRY(read_shape(group, "shape", &item->shape));
    item->has_shape = true;
    if (item->port) return 0;
    stc_node *node = m->graph->nodes[item->node];
    stc_attr *attr = &node->attrs[stc_op_attr(node->op, "shape")];
    attr->n = item->shape.ndim;
    memcpy(attr->i, item->shape.dim, sizeof(item->shape.dim));
    attr->given = true;
    return 0;
}

static int is_text(hid_t group, const char *name, bool *text)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    *text = data.kind == H5T_STRING;
    stc_h5_close(&data.id);
    return 0;
}

/* input_shape and input_type: what reaches the node; for convolutions without the channels. Text or
 * zeros say that it was not known. *done: the op has no such attribute. */
static int take_operand_shape(stc_model *m, hid_t group, stc_model_item *item, const char *name,
                              bool *done)
{
    bool text;
    stc_shape shape;
    *done = stc_op_attr(m->graph->nodes[item->node]->op, name) < 0;
    STC_TRY(is_text(group, name, &text));
    if (text) return 0;
    STC_TRY(read_shape(group, name, &shape));
    if (!is_shape(&shape)) return 0;
    item->shape = shape;
    item->has_shape = true;
    return *done ? add_check(m, item, name, shape, true) : 0;
}

/* padding "same" or "valid"; *done stays false for numbers. */
static int take_padding(stc_model *m, hid_t group, stc_model_item *item, bool *done)
{
    const char *text;
    STC_TRY(is_text(group, "padding", done));
    if (!*done) return 0;
    STC_TRY(stc_h5_text(group, "padding", m->scratch, &text));
    stc_node *node = m->graph->nodes[item->node];
    int a = stc_op_attr(node->op, "auto_pad");
    bool same = strcmp(text, "same") == 0;
    if (a < 0 || (!same && strcmp(text, "valid") != 0)) {
        return stc_h5_fail(STC_ERR_INPUT, group, "padding",
                           "is \"%.40s\", expected \"same\", \"valid\" or numbers", text);
    }
    return same ? stc_model_choose(&node->op->attrs[a], text, &node->attrs[a]) : 0;
}

/* ---- Scale ---- */

/* The only axis along which values differ; -1: none, -2: several. */
static int varying_axis(const stc_shape *shape, const double *values)
{
    int64_t stride[STC_MAX_NDIM], size = stc_shape_size(shape);
    int varies = -1;
    stc_shape_strides(shape, stride);
    for (int a = 0; a < shape->ndim; a++) {
        bool differs = false;
        for (int64_t k = 0; k < size && !differs; k++) {
            int64_t first = k - k / stride[a] % shape->dim[a] * stride[a];
            differs = values[k] != values[first];
        }
        if (differs && varies >= 0) return -2;
        if (differs) varies = a;
    }
    return varies;
}

static int set_constant(stc_model *m, stc_node *node, const char *label, stc_shape shape,
                        const double *values)
{
    stc_attr *attr = &node->attrs[stc_op_attr(node->op, "scale")];
    STC_TRY(stc_model_constant(m, label, shape, values, &attr->weight));
    attr->given = true;
    return 0;
}

/* One factor per element: between two reshapes, as a vector along the only axis. */
static int scale_elements(stc_model *m, stc_model_item *item, const char *label,
                          const stc_shape *shape, const double *values)
{
    const stc_op *reshape = stc_op_find("reshape"), *scale = stc_op_find("scale");
    stc_node *last = m->graph->nodes[item->node];
    char name[512];
    const int64_t size = stc_shape_size(shape);
    if (!reshape || !scale) return STC_ERR_INTERNAL;
    snprintf(name, sizeof(name), "%.480s.flat", item->name);
    int32_t flat = stc_model_add(m, name, reshape, 0, NULL);
    if (flat < 0) return flat;
    snprintf(name, sizeof(name), "%.480s.scale", item->name);
    int32_t product = stc_model_add(m, name, scale, 1, &flat);
    if (product < 0) return product;
    stc_attr *to = &m->graph->nodes[flat]->attrs[stc_op_attr(reshape, "shape")];
    to->n = 1;
    to->i[0] = size;
    to->given = true;
    STC_TRY(set_constant(m, m->graph->nodes[product], label, (stc_shape){1, {size}}, values));
    /* the node of the item becomes the second reshape */
    last->op = reshape;
    last->attrs = stc_arena_alloc(m->graph->arena, reshape->nattrs, sizeof(*last->attrs));
    last->inputs = stc_arena_alloc(m->graph->arena, 1, sizeof(*last->inputs));
    if (!last->attrs || !last->inputs) return STC_ERR_NOMEM;
    last->ninputs = 1;
    last->inputs[0] = product;
    to = &last->attrs[stc_op_attr(reshape, "shape")];
    to->n = shape->ndim;
    memcpy(to->i, shape->dim, sizeof(shape->dim));
    to->given = true;
    item->entry = flat;
    return 0;
}

static int use_scale(stc_model *m, stc_model_item *item, const stc_shape *shape,
                     const double *values)
{
    stc_node *node = m->graph->nodes[item->node];
    char *label = stc_arena_printf(m->scratch, "%s:%s/scale", m->path, item->place);
    if (!label) return STC_ERR_NOMEM;
    int axis = varying_axis(shape, values);
    if (axis == -2) return scale_elements(m, item, label, shape, values);
    if (axis == -1) {
        stc_attr *factor = &node->attrs[stc_op_attr(node->op, "factor")];
        factor->r = values[0];
        factor->given = true;
        return 0;
    }
    double *along = stc_arena_alloc(m->scratch, shape->dim[axis], sizeof(*along));
    int64_t stride[STC_MAX_NDIM];
    if (!along) return STC_ERR_NOMEM;
    stc_shape_strides(shape, stride);
    for (int64_t k = 0; k < shape->dim[axis]; k++)
        along[k] = values[k * stride[axis]];
    stc_attr *attr = &node->attrs[stc_op_attr(node->op, "axis")];
    attr->i[0] = axis - shape->ndim;
    attr->given = true;
    return set_constant(m, node, label, (stc_shape){1, {shape->dim[axis]}}, along);
}

static int take_scale(stc_model *m, hid_t group, stc_model_item *item)
{
    enum { MOST = 1 << 26 };
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, "scale", &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim > STC_MAX_NDIM || data.size < 1 || data.size > MOST)) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has %d axes and %lld elements, expected at most %d axes and 1 to %d "
                         "elements",
                         data.ndim, (long long)data.size, STC_MAX_NDIM, MOST);
    }
    double *values = rc == 0 ? stc_alloc(data.size, sizeof(*values)) : NULL;
    if (rc == 0 && !values) rc = STC_ERR_NOMEM;
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_DOUBLE, values);
    stc_shape shape = {.ndim = data.ndim};
    for (int d = 0; d < data.ndim && rc == 0; d++)
        shape.dim[d] = data.dim[d];
    if (shape.ndim == 0) shape = (stc_shape){1, {1}};
    if (rc == 0) rc = use_scale(m, item, &shape, values);
    stc_free(values);
    stc_h5_close(&data.id);
    item->shape = shape;
    item->has_shape = true;
    return rc < 0 || data.size == 1 ? rc : add_check(m, item, "scale", shape, false);
}

/* ---- any parameter ---- */

/* Parameters of neurons tell their shape together. */
static int note_shape(stc_model *m, hid_t group, stc_model_item *item, const char *name)
{
    const stc_op *op = m->graph->nodes[item->node]->op;
    int a = stc_op_attr(op, name);
    stc_h5_data data;
    if (a < 0 || op->attrs[a].kind != STC_ATTR_EACH) return 0;
    STC_TRY(stc_h5_data_open(group, name, &data));
    stc_shape own = {.ndim = data.ndim <= STC_MAX_NDIM ? data.ndim : 0}, both;
    for (int d = 0; d < own.ndim; d++)
        own.dim[d] = data.dim[d];
    if (own.ndim == 0) own = (stc_shape){1, {1}};
    stc_h5_close(&data.id);
    if (!item->has_shape) {
        item->shape = own;
    } else if (stc_shape_broadcast(&item->shape, &own, &both)) {
        item->shape = both;
    }
    item->has_shape = true;
    return 0;
}

int stc_nir_parameter(stc_model *m, hid_t group, stc_model_item *item, const char *name, bool *done)
{
    *done = true;
    if (item->end != STC_END_NONE && strcmp(name, "shape") == 0) {
        return take_end_shape(m, group, item);
    }
    if (item->port) return 0;
    if (strcmp(name, "input_shape") == 0 || strcmp(name, "input_type") == 0) {
        return take_operand_shape(m, group, item, name, done);
    }
    if (strcmp(name, "scale") == 0 && strcmp(item->type, "Scale") == 0) {
        return take_scale(m, group, item);
    }
    *done = false;
    if (strcmp(name, "padding") == 0) return take_padding(m, group, item, done);
    return note_shape(m, group, item, name);
}

/* ---- missing ends ---- */

/* Shape of what a node takes, from its parameters alone. */
static bool operand_shape(const stc_model_item *item, const stc_node *node, stc_shape *out)
{
    int w = stc_op_attr(node->op, "weight"), g = stc_op_attr(node->op, "groups");
    const stc_weight *weight = w < 0 ? NULL : node->attrs[w].weight;
    *out = item->shape;
    if (!weight) return item->has_shape;
    if (strcmp(node->op->name, "linear") == 0) { /* (..., out, in) */
        *out = weight->shape;
        if (out->ndim < 2) return false;
        out->dim[out->ndim - 2] = out->dim[out->ndim - 1];
        out->dim[--out->ndim] = 0;
        return true;
    }
    if (g < 0 || !item->has_shape || weight->shape.ndim != item->shape.ndim + 2) return false;
    *out = (stc_shape){.ndim = item->shape.ndim + 1};
    out->dim[0] = weight->shape.dim[1] * node->attrs[g].i[0];
    for (int d = 1; d < out->ndim; d++)
        out->dim[d] = item->shape.dim[d - 1];
    return true;
}

static int unique_end(stc_model *m, const char *what, const char *name, const stc_op *op,
                      int ninputs, const int32_t *inputs)
{
    char base[512], full[512];
    snprintf(base, sizeof(base), "%s_%.480s", what, name);
    snprintf(full, sizeof(full), "%.500s", base);
    for (int k = 0; stc_graph_find(m->graph, full) >= 0; k++)
        snprintf(full, sizeof(full), "%.490s_%d", base, k);
    return stc_graph_add(m->graph, full, op, ninputs, inputs);
}

static int add_input(stc_model *m, const stc_model_item *item)
{
    stc_shape shape;
    const stc_op *op = stc_op_find("input");
    stc_node *node = m->graph->nodes[item->entry];
    STC_CHECK(operand_shape(item, m->graph->nodes[item->node], &shape), STC_ERR_INPUT,
              "%s:%s: nothing leads to this %s, and its parameters do not tell the shape of what "
              "it takes; add an Input node with an edge to it",
              m->path, item->place, item->type);
    int index = unique_end(m, "input", item->name, op, 0, NULL);
    if (index < 0) return index;
    stc_attr *attr = &m->graph->nodes[index]->attrs[stc_op_attr(op, "shape")];
    attr->n = shape.ndim;
    memcpy(attr->i, shape.dim, sizeof(shape.dim));
    attr->given = true;
    node->ninputs = 1;
    node->inputs[0] = index;
    return 0;
}

/* Nodes that nothing leads to get an Input, nodes that lead nowhere an Output. */
static int add_ends(stc_model *m)
{
    const stc_op *output = stc_op_find("output");
    int32_t n = m->graph->nnodes;
    bool *used = stc_arena_alloc(m->scratch, n, sizeof(*used));
    if (!used || !output) return used ? STC_ERR_INTERNAL : STC_ERR_NOMEM;
    for (int32_t i = 0; i < n; i++)
        for (int k = 0; k < m->graph->nodes[i]->ninputs; k++)
            used[m->graph->nodes[i]->inputs[k]] = true;
    for (int64_t i = 0; i < m->items.n; i++) {
        const stc_model_item *item = &stc_model_items(m)[i];
        if (item->port) continue;
        if (m->graph->nodes[item->entry]->ninputs == 0 && item->end != STC_END_INPUT) {
            STC_CHECK(item->end != STC_END_OUTPUT, STC_ERR_INPUT, "%s:%s: nothing leads to it",
                      m->path, item->place);
            STC_TRY(add_input(m, item));
        }
        if (!used[item->node] && item->end != STC_END_OUTPUT) {
            int rc = unique_end(m, "output", item->name, output, 1, &item->node);
            if (rc < 0) return rc;
        }
    }
    return 0;
}

/* ---- checks ---- */

static bool shape_fits(const stc_model_check *check, const stc_shape *found)
{
    int skip = check->tail ? found->ndim - check->shape.ndim : 0;
    if (found->ndim - skip != check->shape.ndim || skip < 0) return false;
    for (int d = 0; d < check->shape.ndim; d++)
        if (found->dim[skip + d] != check->shape.dim[d]) return false;
    return true;
}

static int check_shapes(const stc_model *m)
{
    const stc_model_check *checks = m->checks.data;
    char found[96], wanted[96];
    for (int64_t k = 0; k < m->checks.n; k++) {
        const stc_node *source =
            checks[k].user ? m->graph->nodes[checks[k].user->inputs[0]] : checks[k].source;
        STC_CHECK(shape_fits(&checks[k], &source->shape), STC_ERR_INPUT,
                  "%s:%s: %s is %s, but %s, which leads to it, has shape %s", m->path,
                  checks[k].place, checks[k].what,
                  stc_shape_text(&checks[k].shape, wanted, sizeof(wanted)), source->name,
                  stc_shape_text(&source->shape, found, sizeof(found)));
    }
    return 0;
}

/* ---- the whole ---- */

int stc_nir_read(stc_model *m)
{
    char text[512];
    const stc_nir_rules *rules = m->rules;
    STC_TRY(stc_model_tree(m, "node"));
    STC_TRY(find_ports(m));
    STC_TRY(stc_model_nodes(m));
    STC_TRY(stc_model_connect(m));
    STC_TRY(add_ends(m));
    STC_TRY(stc_nir_apply_rules(m));
    int rc = stc_nir_cut_cycles(m->graph, rules->recurrent_delay, rules->dt,
                                rules->recurrent_start == 1);
    if (rc == 0) rc = stc_nir_order_sums(m->graph);
    if (rc == 0) rc = stc_graph_verify(m->graph);
    if (rc < 0) return stc_fail_in(rc, "%s", m->path);
    STC_TRY(check_shapes(m));
    stc_nir_rules_text(rules, text, sizeof(text));
    m->graph->rules = stc_arena_strdup(m->graph->arena, text);
    if (!m->graph->rules) return STC_ERR_NOMEM;
    stc_notice("%s: NIR read with %s%s%s%s", m->path, rules->preset ? "the rules of " : "",
               rules->preset ? rules->preset : "", rules->preset ? ": " : "", text);
    return 0;
}
