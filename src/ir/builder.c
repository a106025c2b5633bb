/* builder.c - a graph written as C calls. The first failure is kept and returned by all later
 * calls, so that a program may check once, at the end. */
#include "stc/builder.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ir.h"
#include "stc/op.h"

struct stc_builder {
    stc_graph *graph;
    int rc;
    char text[2048]; /* of the failure that rc stands for */
};

int stc_builder_create(const char *name, stc_builder **out)
{
    *out = NULL;
    stc_builder *builder = stc_alloc(1, sizeof *builder);
    if (builder == NULL) return STC_ERR_NOMEM;
    int rc = stc_graph_create(name, &builder->graph);
    if (rc < 0) {
        stc_free(builder);
        return rc;
    }
    *out = builder;
    return STC_OK;
}

void stc_builder_destroy(stc_builder **builder)
{
    if (*builder == NULL) return;
    stc_graph_destroy(&(*builder)->graph);
    stc_free(*builder);
    *builder = NULL;
}

/* Keep the first failure; hand on what succeeded. */
static int keep(stc_builder *builder, int rc)
{
    if (rc >= 0 || builder->rc < 0) return rc;
    builder->rc = rc;
    snprintf(builder->text, sizeof builder->text, "%s", stc_error_text());
    return rc;
}

static int failed(const stc_builder *builder)
{
    return builder->rc < 0 ? stc_fail(builder->rc, "%s", builder->text) : STC_OK;
}

static int parse_integer(const stc_attr_spec *spec, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    STC_CHECK(end != text && *end == 0 && errno == 0, STC_ERR_INPUT,
              "%s is '%s', expected an integer", spec->name, text);
    *out = value;
    return STC_OK;
}

static int parse_list(const stc_attr_spec *spec, char *text, stc_attr *attr)
{
    attr->n = 0;
    for (char *entry = text; entry != NULL;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL) *comma = 0;
        STC_CHECK(attr->n < STC_MAX_NDIM, STC_ERR_INPUT, "%s has more than %d entries", spec->name,
                  STC_MAX_NDIM);
        STC_TRY(parse_integer(spec, entry, &attr->i[attr->n]));
        attr->n++;
        entry = comma == NULL ? NULL : comma + 1;
    }
    return STC_OK;
}

static int parse_choice(const stc_attr_spec *spec, const char *text, int64_t *out)
{
    size_t length = strlen(text);
    int64_t index = 0;
    for (const char *word = spec->choices; *word != 0; index++) {
        size_t size = strcspn(word, " ");
        if (size == length && strncmp(word, text, size) == 0) {
            *out = index;
            return STC_OK;
        }
        word += size;
        word += strspn(word, " ");
    }
    STC_FAIL(STC_ERR_INPUT, "%s is '%s', expected one of: %s", spec->name, text, spec->choices);
}

static int parse_bool(const stc_attr_spec *spec, const char *text, int64_t *out)
{
    bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    STC_CHECK(yes || strcmp(text, "0") == 0 || strcmp(text, "false") == 0, STC_ERR_INPUT,
              "%s is '%s', expected true or false", spec->name, text);
    *out = yes;
    return STC_OK;
}

static int parse_real(const stc_attr_spec *spec, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    STC_CHECK(end != text && *end == 0, STC_ERR_INPUT, "%s is '%s', expected a number", spec->name,
              text);
    return STC_OK;
}

static int parse_value(const stc_attr_spec *spec, char *text, stc_attr *attr)
{
    attr->given = true;
    switch (spec->kind) {
    case STC_ATTR_INT:
        return parse_integer(spec, text, &attr->i[0]);
    case STC_ATTR_BOOL:
        return parse_bool(spec, text, &attr->i[0]);
    case STC_ATTR_REAL:
    case STC_ATTR_EACH:
        return parse_real(spec, text, &attr->r);
    case STC_ATTR_INTS:
        return parse_list(spec, text, attr);
    case STC_ATTR_CHOICE:
        return parse_choice(spec, text, &attr->i[0]);
    default:
        STC_FAIL(STC_ERR_INPUT, "%s is a weight; give it by stc_build_weight", spec->name);
    }
}

static int find_attr(const stc_op *op, const char *name)
{
    int a = stc_op_attr(op, name);
    if (a >= 0) return a;
    const char **names = stc_alloc(op->nattrs, sizeof *names);
    if (names == NULL) return STC_ERR_NOMEM;
    for (int k = 0; k < op->nattrs; k++)
        names[k] = op->attrs[k].name;
    const char *nearest = stc_nearest(name, names, op->nattrs);
    stc_free(names);
    STC_CHECK(nearest == NULL, STC_ERR_INPUT, "unknown attribute '%s'; did you mean '%s'?", name,
              nearest);
    STC_FAIL(STC_ERR_INPUT, "unknown attribute '%s'", name);
}

/* text: "name=value name=value", changed while it is read. */
static int parse_attributes(stc_node *node, char *text)
{
    for (char *c = text; *c != 0;) {
        while (isspace((unsigned char)*c))
            c++;
        if (*c == 0) break;
        char *word = c;
        while (*c != 0 && !isspace((unsigned char)*c))
            c++;
        if (*c != 0) *c++ = 0;
        char *equal = strchr(word, '=');
        STC_CHECK(equal != NULL, STC_ERR_INPUT, "attribute '%s' has no value (name=value)", word);
        *equal = 0;
        int a = find_attr(node->op, word);
        if (a < 0) return a;
        STC_TRY(parse_value(&node->op->attrs[a], equal + 1, &node->attrs[a]));
    }
    return STC_OK;
}

static int add_node(stc_builder *builder, const char *op_name, const char *name, const int *inputs,
                    int ninputs)
{
    stc_graph *graph = builder->graph;
    const stc_op *op = stc_op_find(op_name);
    if (op == NULL) return STC_ERR_INPUT;
    char made[96];
    for (int number = graph->nnodes; name == NULL; number++) {
        snprintf(made, sizeof made, "%s_%d", op->name, number);
        if (stc_graph_find(graph, made) < 0) name = made;
    }
    for (int k = 0; k < ninputs; k++) {
        STC_CHECK(inputs[k] >= 0 && inputs[k] < graph->nnodes, STC_ERR_INPUT,
                  "node %s (%s): operand %d is node number %d, there are %d nodes so far", name,
                  op->name, k, inputs[k], graph->nnodes);
    }
    return stc_graph_add(graph, name, op, ninputs, inputs);
}

int stc_build(stc_builder *builder, const char *op, const char *name, const int *inputs,
              int ninputs, const char *attributes)
{
    STC_TRY(failed(builder));
    int index = keep(builder, add_node(builder, op, name, inputs, ninputs));
    if (index < 0) return index;
    stc_node *node = builder->graph->nodes[index];
    char *text = stc_arena_strdup(builder->graph->arena, attributes == NULL ? "" : attributes);
    int rc = text == NULL ? STC_ERR_NOMEM : parse_attributes(node, text);
    return rc < 0 ? keep(builder, stc_fail_in_node(rc, node)) : index;
}

static int get_node(const stc_builder *builder, int index, stc_node **out)
{
    STC_CHECK(index >= 0 && index < builder->graph->nnodes, STC_ERR_INPUT,
              "node number %d, there are %d nodes so far", index, builder->graph->nnodes);
    *out = builder->graph->nodes[index];
    return STC_OK;
}

static int connect(stc_builder *builder, int index, int input)
{
    stc_node *node = NULL, *operand = NULL;
    STC_TRY(get_node(builder, index, &node));
    STC_TRY(get_node(builder, input, &operand));
    int32_t *inputs =
        stc_arena_alloc(builder->graph->arena, (int64_t)node->ninputs + 1, sizeof *inputs);
    if (inputs == NULL) return STC_ERR_NOMEM;
    if (node->ninputs > 0) {
        memcpy(inputs, node->inputs, (size_t)node->ninputs * sizeof *inputs);
    }
    inputs[node->ninputs++] = input;
    node->inputs = inputs;
    return STC_OK;
}

int stc_build_connect(stc_builder *builder, int node, int input)
{
    STC_TRY(failed(builder));
    return keep(builder, connect(builder, node, input));
}

/* Make the weight of an attribute with room for its values, which the caller fills. */
static int make_weight(stc_builder *builder, int index, const char *attribute, stc_shape shape,
                       float **values)
{
    stc_arena *arena = builder->graph->arena;
    stc_node *node = NULL;
    STC_TRY(get_node(builder, index, &node));
    int a = find_attr(node->op, attribute);
    if (a < 0) return stc_fail_in_node(a, node);
    stc_attr_kind kind = node->op->attrs[a].kind;
    if (kind != STC_ATTR_WEIGHT && kind != STC_ATTR_EACH) {
        return stc_fail_in_node(stc_fail(STC_ERR_INPUT, "%s is not a weight", attribute), node);
    }
    bool valid = shape.ndim >= 0 && shape.ndim <= STC_MAX_NDIM;
    for (int d = 0; valid && d < shape.ndim; d++)
        valid = shape.dim[d] >= 1;
    if (!valid || stc_shape_size(&shape) < 0) {
        return stc_fail_in_node(stc_fail(STC_ERR_INPUT, "%s has an impossible shape", attribute),
                                node);
    }
    *values = stc_arena_alloc(arena, stc_shape_size(&shape), sizeof **values);
    stc_weight *weight = stc_arena_alloc(arena, 1, sizeof *weight);
    char *label = stc_arena_printf(arena, "%s:/%s/%s", builder->graph->name, node->name, attribute);
    if (*values == NULL || weight == NULL || label == NULL) return STC_ERR_NOMEM;
    *weight = stc_weight_in_memory(label, shape, *values);
    node->attrs[a].weight = weight;
    node->attrs[a].given = true;
    return STC_OK;
}

int stc_build_weight(stc_builder *builder, int node, const char *attribute, stc_shape shape,
                     const float *values)
{
    STC_TRY(failed(builder));
    float *copy = NULL;
    int rc = make_weight(builder, node, attribute, shape, &copy);
    if (rc < 0) return keep(builder, rc);
    memcpy(copy, values, (size_t)stc_shape_size(&shape) * sizeof *copy);
    return STC_OK;
}

/* FNV-1a over node name, a separator and the attribute. */
static uint32_t purpose_of(const char *name, const char *attribute)
{
    uint32_t hash = UINT32_C(2166136261);
    for (const char *c = name; *c != 0; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
    }
    hash = (hash ^ '/') * UINT32_C(16777619);
    for (const char *c = attribute; *c != 0; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
    }
    return hash;
}

int stc_build_random(stc_builder *builder, int node, const char *attribute, stc_shape shape,
                     float range, uint64_t seed)
{
    STC_TRY(failed(builder));
    float *values = NULL;
    int rc = make_weight(builder, node, attribute, shape, &values);
    if (rc < 0) return keep(builder, rc);
    uint32_t purpose = purpose_of(builder->graph->nodes[node]->name, attribute);
    int64_t size = stc_shape_size(&shape);
    for (int64_t k = 0; k < size; k++) {
        values[k] = range * (2.0f * stc_random_uniform(seed, purpose, (uint64_t)k) - 1.0f);
    }
    return STC_OK;
}

void stc_build_time_steps(stc_builder *builder, int64_t time_steps)
{
    builder->graph->time_steps = time_steps;
}

void stc_build_dt(stc_builder *builder, double dt)
{
    builder->graph->dt = dt;
}

int stc_builder_finish(stc_builder **builder, stc_graph **out)
{
    *out = NULL;
    int rc = failed(*builder);
    if (rc == STC_OK) rc = stc_graph_verify((*builder)->graph);
    if (rc == STC_OK) {
        *out = (*builder)->graph;
        (*builder)->graph = NULL;
    }
    stc_builder_destroy(builder);
    return rc;
}

stc_graph *stc_builder_graph(stc_builder *builder)
{
    return builder->graph;
}
