/* verify.c - is this graph one that means something? Sorts it on the way.
 *
 * Order of the checks: each node by itself (operands, attributes), then the order of evaluation,
 * then shapes and kinds (infer.c). So every later check may rely on the earlier ones.
 */
#include "ir.h"
#include "stc/op.h"

#include <math.h>

enum { INT_LIMIT = INT32_MAX }; /* keeps every product of two attributes inside int64 */

int stc_fail_in_node(int rc, const stc_node *node)
{
    return stc_fail_in(rc, "node %s (%s)", node->name, node->op->name);
}

static int check_number(const stc_attr_spec *spec, double value)
{
    const char *check = spec->check == NULL ? "" : spec->check;
    const char *expected = check[0] == 0 ? "a number" : check;
    STC_CHECK(stc_attr_meets(check, value), STC_ERR_INPUT, "%s is %.9g, expected %s", spec->name,
              value, expected);
    return STC_OK;
}

static int check_integers(const stc_attr_spec *spec, const stc_attr *attr)
{
    for (int k = 0; k < attr->n; k++) {
        STC_CHECK(attr->i[k] >= -INT_LIMIT && attr->i[k] <= INT_LIMIT, STC_ERR_INPUT,
                  "%s is %lld, expected at most %d in magnitude", spec->name, (long long)attr->i[k],
                  INT_LIMIT);
        STC_TRY(check_number(spec, (double)attr->i[k]));
    }
    return STC_OK;
}

static int check_list(const stc_attr_spec *spec, stc_attr *attr)
{
    STC_CHECK(attr->n >= 0 && attr->n <= STC_MAX_NDIM, STC_ERR_INPUT,
              "%s has %d entries, at most %d are possible", spec->name, attr->n, STC_MAX_NDIM);
    STC_CHECK(spec->length == 0 || attr->n == 1 || attr->n == spec->length, STC_ERR_INPUT,
              "%s has %d entries, expected %d (or one that stands for all)", spec->name, attr->n,
              spec->length);
    if (attr->n == 1) {
        for (; attr->n < spec->length; attr->n++)
            attr->i[attr->n] = attr->i[0];
    }
    return check_integers(spec, attr);
}

static int check_choice(const stc_attr_spec *spec, const stc_attr *attr)
{
    int words = 1;
    for (const char *c = spec->choices; *c != 0; c++)
        words += *c == ' ';
    STC_CHECK(attr->i[0] >= 0 && attr->i[0] < words, STC_ERR_INPUT,
              "%s is choice number %lld, expected one of: %s", spec->name, (long long)attr->i[0],
              spec->choices);
    return STC_OK;
}

static int check_weight(const stc_attr_spec *spec, const stc_attr *attr)
{
    if (attr->weight == NULL) return STC_OK;
    const stc_shape *shape = &attr->weight->shape;
    bool valid = shape->ndim >= 0 && shape->ndim <= STC_MAX_NDIM;
    for (int a = 0; valid && a < shape->ndim; a++)
        valid = shape->dim[a] >= 1;
    STC_CHECK(
        valid && stc_shape_size(shape) >= 0, STC_ERR_INPUT,
        "%s has an impossible shape; expected at most %d dimensions, each at least 1, with at "
        "most 2^40 elements",
        spec->name, STC_MAX_NDIM);
    return STC_OK;
}

/* Defaults of a table are trusted: a default may lie outside of its own constraint to mean "derived
 * from the others". */
static int check_attr(const stc_attr_spec *spec, stc_attr *attr)
{
    bool present = spec->kind == STC_ATTR_WEIGHT ? attr->weight != NULL : attr->given;
    STC_CHECK(present || !spec->required, STC_ERR_INPUT, "%s is missing: %s", spec->name,
              spec->help);
    if (!present) return STC_OK;
    switch (spec->kind) {
    case STC_ATTR_INT:
        return check_integers(spec, attr);
    case STC_ATTR_INTS:
        return check_list(spec, attr);
    case STC_ATTR_BOOL:
        STC_CHECK(attr->i[0] == 0 || attr->i[0] == 1, STC_ERR_INPUT, "%s is %lld, expected 0 or 1",
                  spec->name, (long long)attr->i[0]);
        return STC_OK;
    case STC_ATTR_REAL:
        return check_number(spec, attr->r);
    case STC_ATTR_EACH:
        return attr->weight ? check_weight(spec, attr) : check_number(spec, attr->r);
    case STC_ATTR_CHOICE:
        return check_choice(spec, attr);
    default:
        return check_weight(spec, attr);
    }
}

static int check_operands(const stc_graph *graph, const stc_node *node)
{
    const stc_op *op = node->op;
    bool exact = op->min_inputs == op->max_inputs;
    STC_CHECK(node->ninputs >= op->min_inputs &&
                  (op->max_inputs < 0 || node->ninputs <= op->max_inputs),
              STC_ERR_INPUT, "it has %d operands, expected %s%d", node->ninputs,
              exact                            ? ""
              : node->ninputs < op->min_inputs ? "at least "
                                               : "at most ",
              node->ninputs < op->min_inputs ? op->min_inputs : op->max_inputs);
    for (int k = 0; k < node->ninputs; k++) {
        STC_CHECK(node->inputs[k] >= 0 && node->inputs[k] < graph->nnodes, STC_ERR_INPUT,
                  "operand %d is node number %d, the graph has %d nodes", k, node->inputs[k],
                  graph->nnodes);
    }
    return STC_OK;
}

int stc_node_check(const stc_graph *graph, stc_node *node)
{
    int rc = check_operands(graph, node);
    for (int a = 0; a < node->op->nattrs && rc == STC_OK; a++) {
        rc = check_attr(&node->op->attrs[a], &node->attrs[a]);
    }
    return rc < 0 ? stc_fail_in_node(rc, node) : STC_OK;
}

/* Depth-first search over operands, but for those of delays that close a cycle. */
typedef struct {
    const stc_graph *graph;
    const bool *closes;    /* [nnodes] see stc_graph_closing_delays */
    int32_t *stack, *next; /* nodes on the path from a root, and which operand is looked at next */
    int32_t depth;
    char *mark; /* 0: new, 1: on the path, 2: done */
    int32_t *order, norder;
} search;

static int fail_cycle(const search *s, int32_t node)
{
    char text[1024];
    size_t used = 0;
    int32_t from = s->depth - 1;
    while (from > 0 && s->stack[from] != node)
        from--;
    /* the stack runs from consumer to operand; the message follows the values */
    used = (size_t)snprintf(text, sizeof text, "%s", s->graph->nodes[node]->name);
    for (int32_t d = s->depth - 1; d >= from && used < sizeof text; d--) {
        used += (size_t)snprintf(text + used, sizeof text - used, " -> %s",
                                 s->graph->nodes[s->stack[d]]->name);
    }
    return stc_fail(STC_ERR_INPUT,
                    "the graph has a cycle without a delay: %s; every cycle needs at least one "
                    "step of delay",
                    text);
}

static int visit(search *s, int32_t root)
{
    if (s->mark[root] != 0) return STC_OK;
    s->depth = 0;
    int32_t node = root;
    for (;;) {
        s->mark[node] = 1;
        s->stack[s->depth] = node;
        s->next[s->depth++] = 0;
        for (node = -1; s->depth > 0 && node < 0;) {
            int32_t top = s->stack[s->depth - 1];
            const stc_node *now = s->graph->nodes[top];
            if (s->closes[top] || s->next[s->depth - 1] == now->ninputs) {
                s->mark[top] = 2;
                s->order[s->norder++] = top;
                s->depth--;
                continue;
            }
            int32_t operand = now->inputs[s->next[s->depth - 1]++];
            if (s->mark[operand] == 2) continue;
            if (s->mark[operand] == 1) return fail_cycle(s, operand);
            node = operand;
        }
        if (node < 0) return STC_OK;
    }
}

/* Put the nodes in the given order and renumber all operands. */
static void reorder(stc_graph *graph, const int32_t *order, int32_t *place, stc_node **nodes)
{
    for (int32_t i = 0; i < graph->nnodes; i++) {
        nodes[i] = graph->nodes[order[i]];
        place[order[i]] = i;
    }
    for (int32_t i = 0; i < graph->nnodes; i++) {
        graph->nodes[i] = nodes[i];
        for (int k = 0; k < nodes[i]->ninputs; k++) {
            nodes[i]->inputs[k] = place[nodes[i]->inputs[k]];
        }
    }
    graph->index = NULL;
}

static int sort(stc_graph *graph)
{
    int32_t n = graph->nnodes;
    int32_t *numbers = stc_alloc(3 * (int64_t)n, sizeof *numbers);
    char *mark = stc_alloc(n, 1);
    bool *closes = stc_alloc(n, sizeof *closes);
    stc_node **nodes = stc_alloc(n, sizeof *nodes);
    int rc = numbers && mark && closes && nodes ? STC_OK : STC_ERR_NOMEM;
    if (rc == STC_OK) rc = stc_graph_closing_delays(graph, closes);
    if (rc == STC_OK) {
        search s = {
            .graph = graph, .closes = closes, .stack = numbers, .next = numbers + n, .mark = mark};
        s.order = numbers + 2 * (int64_t)n;
        for (int32_t i = 0; i < n && rc == STC_OK; i++)
            rc = visit(&s, i);
        if (rc == STC_OK) reorder(graph, s.order, s.stack, nodes);
    }
    stc_free(nodes);
    stc_free(closes);
    stc_free(mark);
    stc_free(numbers);
    return rc;
}

/* Populations, projections and generators count the same steps: those of the model. */
static int check_clock(const stc_graph *graph)
{
    const char *whose = "the model";
    double ms = graph->dt * 1e3;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        stc_op_class c = node->op->op_class;
        bool counts =
            c == STC_CLASS_POPULATION || c == STC_CLASS_PROJECTION || c == STC_CLASS_DIRECT;
        if (!counts || stc_op_attr(node->op, "dt") < 0) continue;
        double dt = stc_node_real(node, "dt");
        if (ms == 0.0) {
            ms = dt;
            whose = node->name;
        }
        STC_CHECK(fabs(dt - ms) <= 1e-9 * ms, STC_ERR_INPUT,
                  "node %s (%s): dt is %.9g ms, but %.9g ms of %s; expected the same everywhere",
                  node->name, node->op->name, dt, ms, whose);
    }
    return STC_OK;
}

int stc_graph_verify(stc_graph *graph)
{
    bool has_input = false;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        STC_TRY(stc_node_check(graph, graph->nodes[i]));
        stc_op_class c = graph->nodes[i]->op->op_class;
        has_input = has_input || c == STC_CLASS_INPUT || c == STC_CLASS_POPULATION;
    }
    STC_CHECK(has_input, STC_ERR_INPUT, "the graph has %d nodes and none of them is an input",
              graph->nnodes);
    STC_TRY(check_clock(graph));
    STC_TRY(sort(graph));
    return stc_graph_infer(graph);
}
