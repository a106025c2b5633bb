/* graph.c - life of a graph and of its nodes, and what can be counted in it.
 *
 * Everything that belongs to a graph lies in its arena: nodes are never freed one by one, so a pass
 * may keep pointers to nodes that it removed (folds do). Reading order: graph.c, verify.c, infer.c,
 * number.c, eval.c.
 */
#include "stc/graph.h"

#include <string.h>

#include "ir.h"
#include "stc/op.h"

int stc_graph_create(const char *name, stc_graph **out)
{
    *out = NULL;
    stc_arena *arena = NULL;
    STC_TRY(stc_arena_create(&arena));
    stc_graph *graph = stc_arena_alloc(arena, 1, sizeof *graph);
    char *copy = graph == NULL ? NULL : stc_arena_strdup(arena, name == NULL ? "" : name);
    if (copy == NULL) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    graph->arena = arena;
    graph->name = copy;
    *out = graph;
    return STC_OK;
}

void stc_graph_destroy(stc_graph **graph)
{
    if (*graph == NULL) return;
    if ((*graph)->release != NULL) (*graph)->release(*graph);
    stc_arena *arena = (*graph)->arena;
    stc_arena_destroy(&arena);
    *graph = NULL;
}

/* Where the search for a name in the hash table begins (FNV-1a, spread by mix64). */
static uint64_t name_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return stc_mix64(hash);
}

/* Slot of the table that holds the name, or the empty one where it would stand. */
static int32_t *find_slot(const stc_graph *graph, const char *name)
{
    const uint64_t mask = 4 * (uint64_t)graph->capacity - 1; /* capacity is a power of two */
    for (uint64_t at = name_hash(name) & mask;; at = (at + 1) & mask) {
        int32_t *slot = &graph->index[at];
        if (*slot == 0 || strcmp(graph->nodes[*slot - 1]->name, name) == 0) return slot;
    }
}

int32_t stc_graph_find(const stc_graph *graph, const char *name)
{
    if (graph->index != NULL) return *find_slot(graph, name) - 1;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (strcmp(graph->nodes[i]->name, name) == 0) return i;
    }
    return -1;
}

static void default_attr(const stc_attr_spec *spec, stc_attr *attr)
{
    *attr = (stc_attr){.n = spec->kind == STC_ATTR_INTS ? spec->length : 1};
    if (spec->kind == STC_ATTR_REAL || spec->kind == STC_ATTR_EACH) {
        attr->r = spec->initial;
    } else if (spec->kind != STC_ATTR_WEIGHT) {
        for (int k = 0; k < attr->n; k++)
            attr->i[k] = (int64_t)spec->initial;
    }
}

static int reserve(stc_graph *graph)
{
    if (graph->nnodes < graph->capacity) return STC_OK;
    STC_CHECK(graph->capacity <= INT32_MAX / 2, STC_ERR_INPUT, "more than %d nodes", INT32_MAX / 2);
    int32_t capacity = graph->capacity == 0 ? 64 : 2 * graph->capacity;
    stc_node **nodes = stc_arena_alloc(graph->arena, capacity, sizeof *nodes);
    if (nodes == NULL) return STC_ERR_NOMEM;
    if (graph->nnodes > 0) memcpy(nodes, graph->nodes, (size_t)graph->nnodes * sizeof *nodes);
    const bool indexed = graph->index != NULL || graph->nnodes == 0;
    graph->nodes = nodes;
    graph->capacity = capacity;
    graph->index = NULL;
    if (!indexed) return STC_OK;
    graph->index = stc_arena_alloc(graph->arena, 4 * (int64_t)capacity, sizeof *graph->index);
    if (graph->index == NULL) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++)
        *find_slot(graph, graph->nodes[i]->name) = i + 1;
    return STC_OK;
}

int stc_graph_add(stc_graph *graph, const char *name, const stc_op *op, int ninputs,
                  const int32_t *inputs)
{
    STC_CHECK(name != NULL && name[0] != 0, STC_ERR_INPUT, "a %s node has an empty name", op->name);
    STC_CHECK(stc_is_name(name), STC_ERR_INPUT,
              "node name '%.40s...' has %zu bytes; expected at most 1000 of UTF-8 without control "
              "characters",
              name, strlen(name));
    STC_CHECK(strchr(name, '/') == NULL, STC_ERR_INPUT,
              "node name '%s' holds a '/', which separates groups in files", name);
    STC_CHECK(stc_graph_find(graph, name) < 0, STC_ERR_INPUT,
              "two nodes are called '%s'; names must be unique", name);
    STC_TRY(reserve(graph));
    stc_node *node = stc_arena_alloc(graph->arena, 1, sizeof *node);
    if (node == NULL) return STC_ERR_NOMEM;
    node->name = stc_arena_strdup(graph->arena, name);
    node->inputs = stc_arena_alloc(graph->arena, ninputs, sizeof *node->inputs);
    node->attrs = stc_arena_alloc(graph->arena, op->nattrs, sizeof *node->attrs);
    if (node->name == NULL || node->inputs == NULL || node->attrs == NULL) return STC_ERR_NOMEM;
    node->op = op;
    node->ninputs = ninputs;
    node->first_id = -1;
    if (ninputs > 0) memcpy(node->inputs, inputs, (size_t)ninputs * sizeof *inputs);
    for (int a = 0; a < op->nattrs; a++)
        default_attr(&op->attrs[a], &node->attrs[a]);
    graph->nodes[graph->nnodes] = node;
    if (graph->index != NULL) *find_slot(graph, node->name) = graph->nnodes + 1;
    return graph->nnodes++;
}

int64_t stc_saturating_product(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static void add_saturating(int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum)) *sum = INT64_MAX;
}

/* Numbers in the weights of a node; ends and delays of synapses and courses of currents are none.
 */
static int64_t stored_parameters(const stc_node *node)
{
    stc_op_class c = node->op->op_class;
    bool listed = c == STC_CLASS_PROJECTION || c == STC_CLASS_DIRECT;
    int64_t sum = 0;
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_attr_spec *spec = &node->op->attrs[a];
        if (spec->kind != STC_ATTR_WEIGHT || node->attrs[a].weight == NULL) continue;
        if (listed && strcmp(spec->name, "weight") != 0) continue;
        add_saturating(&sum, stc_shape_size(&node->attrs[a].weight->shape));
    }
    return sum;
}

stc_graph_stats stc_graph_statistics(const stc_graph *graph)
{
    stc_graph_stats stats = {.nodes = graph->nnodes};
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        stats.edges += node->ninputs;
        stc_op_class c = node->op->op_class;
        if (c == STC_CLASS_NEURON || c == STC_CLASS_POPULATION) {
            add_saturating(&stats.neurons, stc_shape_size(&node->shape));
        }
        stats.inputs += node->op->op_class == STC_CLASS_INPUT;
        stats.outputs += node->op->op_class == STC_CLASS_OUTPUT;
        add_saturating(&stats.weights, stored_parameters(node));
        if (node->op->macs == NULL) continue;
        const stc_node *in[STC_MAX_ORDERED_INPUTS] = {NULL};
        for (int k = 0; k < node->ninputs && k < STC_MAX_ORDERED_INPUTS; k++) {
            in[k] = graph->nodes[node->inputs[k]];
        }
        int64_t macs = node->op->macs(node, in);
        add_saturating(&stats.macs, macs);
        if (c == STC_CLASS_WEIGHT || c == STC_CLASS_PROJECTION) {
            add_saturating(&stats.synapses, macs);
        }
    }
    return stats;
}
