/* model_connect.c - operands of the nodes of a model, from the edges of its file. Ports of inner
 * graphs pass on what reaches them; several edges into a node of one operand sum. */
#include "model.h"

#include "stc/error.h"

#include <string.h>

int stc_model_add(stc_model *m, const char *base, const stc_op *op, int ninputs,
                  const int32_t *inputs)
{
    char name[512];
    snprintf(name, sizeof(name), "%.480s", base);
    for (int k = 2; stc_graph_find(m->graph, name) >= 0; k++)
        snprintf(name, sizeof(name), "%.480s%d", base, k);
    return stc_graph_add(m->graph, name, op, ninputs, inputs);
}

enum { MAX_PORTS = 1000 }; /* one behind the other */

/* ---- what reaches an item ---- */

typedef struct {
    stc_model *m;
    stc_model_list *operands; /* int32_t nodes of the graph */
    int depth;                /* ports that are being looked through */
    int32_t *mark, nmarks;    /* [items] sources of an item with a list: its number, - when met */
} walk;

static int collect(walk *w, const stc_model_item *item);

static int pass_on(walk *w, int32_t index)
{
    const stc_model_item *item = &stc_model_items(w->m)[index];
    if (!item->port && !(w->m->nir && item->end == STC_END_OUTPUT)) {
        STC_CHECK(w->operands->n < STC_MODEL_MAX_EDGES, STC_ERR_INPUT,
                  "%s:%s: more than %d nodes reach it through ports", w->m->path, item->place,
                  STC_MODEL_MAX_EDGES);
        int32_t *operand = stc_model_append(w->m, w->operands, sizeof(*operand));
        if (!operand) return STC_ERR_NOMEM;
        *operand = item->node;
        return 0;
    }
    STC_CHECK(w->depth < MAX_PORTS, STC_ERR_INPUT,
              "%s:%s: lies on a cycle of Inputs and Outputs without a node between, or behind more "
              "than %d of them",
              w->m->path, item->place, MAX_PORTS);
    w->depth++;
    STC_TRY(collect(w, item));
    w->depth--;
    return 0;
}

static int collect(walk *w, const stc_model_item *item)
{
    for (int64_t e = 0; e < item->nsources; e++)
        STC_TRY(pass_on(w, w->m->source[item->first + e]));
    return 0;
}

/* Operands as the `inputs` list says, which must name the sources of all edges; an operand may be
 * listed twice. */
static int listed_operands(walk *w, const stc_model_item *item)
{
    stc_model *m = w->m;
    const int32_t mark = ++w->nmarks;
    for (int64_t e = 0; e < item->nsources; e++)
        w->mark[m->source[item->first + e]] = mark;
    int64_t met = 0;
    for (int64_t k = 0; k < item->nlist; k++) {
        int32_t source;
        int rc = stc_model_find(m, item->level, item->list[k], STC_END_OUTPUT, &source);
        if (rc < 0) return stc_fail_in(rc, "%s:%s/inputs", m->path, item->place);
        STC_CHECK(w->mark[source] == mark || w->mark[source] == -mark, STC_ERR_INPUT,
                  "%s:%s/inputs: names %s, but there is no edge from %s to %s", m->path,
                  item->place, item->list[k], item->list[k], item->name);
        met += w->mark[source] == mark;
        w->mark[source] = -mark;
        STC_TRY(pass_on(w, source));
    }
    for (int64_t e = 0; e < item->nsources && met < item->nsources; e++) {
        int32_t source = m->source[item->first + e];
        STC_CHECK(w->mark[source] == -mark, STC_ERR_INPUT,
                  "%s:%s/inputs: does not name %s, from which there is an edge", m->path,
                  item->place, stc_model_items(m)[source].name);
    }
    return 0;
}

/* ---- operands ---- */

/* Several edges into a node of one operand sum. */
static int insert_sum(stc_model *m, stc_node *node)
{
    char name[512];
    const stc_op *add = stc_op_find("add");
    if (!add) return STC_ERR_INTERNAL;
    snprintf(name, sizeof(name), "%.480s.sum", node->name);
    int index = stc_model_add(m, name, add, node->ninputs, node->inputs);
    if (index < 0) return index;
    node->ninputs = 1;
    node->inputs[0] = index;
    return 0;
}

/* What the file says of the shape at a port holds for all that reaches it. */
static int check_port(stc_model *m, const stc_model_item *item, const stc_model_list *operands)
{
    for (int64_t k = 0; k < operands->n && item->has_shape; k++) {
        stc_model_check *check = stc_model_append(m, &m->checks, sizeof(*check));
        if (!check) return STC_ERR_NOMEM;
        *check = (stc_model_check){.source = m->graph->nodes[((int32_t *)operands->data)[k]],
                                   .place = item->place,
                                   .what = "shape",
                                   .shape = item->shape};
    }
    return 0;
}

static int connect_item(walk *w, stc_model_item *item)
{
    stc_model *m = w->m;
    w->operands->n = 0;
    STC_TRY(item->list ? listed_operands(w, item) : collect(w, item));
    if (item->port) return check_port(m, item, w->operands);
    stc_node *node = m->graph->nodes[item->entry];
    int64_t n = w->operands->n;
    node->inputs = stc_arena_alloc(m->graph->arena, n + 1, sizeof(*node->inputs));
    if (!node->inputs) return STC_ERR_NOMEM;
    node->ninputs = (int)n;
    if (n > 0) memcpy(node->inputs, w->operands->data, (size_t)n * sizeof(*node->inputs));
    return n > 1 && node->op->max_inputs == 1 ? insert_sum(m, node) : 0;
}

int stc_model_connect(stc_model *m)
{
    stc_model_list operands = {0};
    walk w = {.m = m, .operands = &operands};
    w.mark = stc_arena_alloc(m->scratch, m->items.n, sizeof(*w.mark));
    if (!w.mark) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < m->items.n; i++)
        STC_TRY(connect_item(&w, &stc_model_items(m)[i]));
    return 0;
}
