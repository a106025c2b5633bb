/* nir_cycles.c - which edge of a cycle takes a step. NIR files do not say; all simulators let the
 * spikes of a step reach the layers further on in that step, and those before in the next.
 *
 * The distance of a neuron node is the number of neuron nodes on the shortest path to it from an
 * input. An edge that leaves a neuron and stays in its strongly connected component is recurrent
 * when it leads, through nodes without state, to a neuron that is no further from the inputs. A
 * cycle of which every edge led further would never close, so each cycle that passes a neuron has a
 * recurrent edge. Delays of the file that last a step or more cut cycles before that. Nothing here
 * depends on names or on the order of nodes and edges.
 */
#include "model.h"

#include "stc/error.h"

#include <string.h>

static const char suffix[] = ".recurrent";

enum { UNREACHED = INT32_MAX, NOWHERE = -1 };

/* Consumers of node i: node[first[i]] .. node[first[i + 1] - 1]. */
typedef struct {
    int64_t *first;
    int32_t *node;
} consumers;

typedef struct {
    stc_graph *graph;
    int32_t n;
    bool *holds;        /* a delay of a step or more: passes nothing on within a step */
    consumers all, now; /* now: those that values reach within the step */
    int32_t *component; /* by `now` */
    int32_t *distance;
    int32_t *order, norder; /* neuron nodes by distance */
    int32_t *back;          /* least distance of a neuron that a node leads to in its component */
} cycles;

static bool is_neuron(const cycles *c, int32_t i)
{
    return c->graph->nodes[i]->op->op_class == STC_CLASS_NEURON;
}

static int find_holds(cycles *c)
{
    for (int32_t i = 0; i < c->n; i++) {
        const stc_node *node = c->graph->nodes[i];
        int64_t least, most;
        if (!node->op->delay) continue;
        int rc = node->op->delay(node, &least, &most);
        if (rc < 0) return stc_fail_in(rc, "node %s (%s)", node->name, node->op->name);
        c->holds[i] = least > 0;
    }
    return 0;
}

static int list_consumers(const cycles *c, const bool *without, consumers *out)
{
    int64_t edges = 0;
    for (int32_t i = 0; i < c->n; i++) {
        const stc_node *node = c->graph->nodes[i];
        for (int k = 0; k < node->ninputs && !without[i]; k++, edges++)
            out->first[node->inputs[k] + 1]++;
    }
    for (int32_t i = 0; i < c->n; i++)
        out->first[i + 1] += out->first[i];
    out->node = stc_alloc(edges, sizeof(*out->node));
    int64_t *at = stc_alloc(c->n, sizeof(*at));
    bool made = out->node && at;
    for (int32_t i = 0; i < c->n && made; i++) {
        const stc_node *node = c->graph->nodes[i];
        for (int k = 0; k < node->ninputs && !without[i]; k++) {
            int32_t from = node->inputs[k];
            out->node[out->first[from] + at[from]++] = i;
        }
    }
    stc_free(at);
    return made ? 0 : STC_ERR_NOMEM;
}

/* One distance after the other: `list` holds the nodes of this one, which grows by the nodes
 * without state that they lead to; the neurons that they lead to wait in c->order. */
static int find_distances(cycles *c)
{
    int32_t *list = stc_alloc(c->n, sizeof(*list)), n = 0, waiting = 0;
    if (!list) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < c->n; i++) {
        c->distance[i] = UNREACHED;
        if (c->graph->nodes[i]->op->op_class != STC_CLASS_INPUT) continue;
        c->distance[i] = 0;
        list[n++] = i;
    }
    for (int32_t distance = 0; n > 0; distance++) {
        for (int32_t l = 0; l < n; l++) {
            for (int64_t e = c->all.first[list[l]]; e < c->all.first[list[l] + 1]; e++) {
                int32_t to = c->all.node[e];
                if (c->distance[to] != UNREACHED) continue;
                c->distance[to] = distance + is_neuron(c, to);
                if (is_neuron(c, to)) {
                    c->order[c->norder++] = to;
                } else {
                    list[n++] = to;
                }
            }
        }
        for (n = 0; waiting < c->norder; waiting++)
            list[n++] = c->order[waiting];
    }
    for (int32_t i = 0; i < c->n; i++)
        if (c->distance[i] == UNREACHED && is_neuron(c, i)) c->order[c->norder++] = i;
    stc_free(list);
    return 0;
}

/* From the nearest neuron on, back through the nodes without state that lead to it. */
static int find_back(cycles *c)
{
    int32_t *list = stc_alloc(c->n, sizeof(*list));
    if (!list) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < c->n; i++)
        c->back[i] = is_neuron(c, i) ? c->distance[i] : NOWHERE;
    for (int32_t k = 0; k < c->norder; k++) {
        int32_t n = 1;
        list[0] = c->order[k];
        while (n > 0) {
            int32_t to = list[--n];
            const stc_node *node = c->graph->nodes[to];
            for (int o = 0; o < node->ninputs && !c->holds[to]; o++) {
                int32_t from = node->inputs[o];
                if (c->back[from] != NOWHERE || c->component[from] != c->component[to]) continue;
                c->back[from] = c->distance[c->order[k]];
                list[n++] = from;
            }
        }
    }
    stc_free(list);
    return 0;
}

static int analyse(cycles *c)
{
    bool *none = stc_alloc(c->n, sizeof(*none));
    int rc = none ? find_holds(c) : STC_ERR_NOMEM;
    if (rc == 0) rc = list_consumers(c, none, &c->all);
    if (rc == 0) rc = list_consumers(c, c->holds, &c->now);
    if (rc == 0) rc = stc_components(c->n, c->now.first, c->now.node, c->component);
    if (rc >= 0) rc = find_distances(c);
    if (rc == 0) rc = find_back(c);
    stc_free(none);
    return rc;
}

/* ---- cutting ---- */

/* The delay after node `from`, made when it is needed first. Nodes of the arena of the graph. */
static int delay_after(cycles *c, int32_t from, int64_t steps, double dt, int32_t *made)
{
    char base[512], name[512];
    const stc_op *delay = stc_op_find("delay");
    if (!delay) return STC_ERR_INTERNAL;
    if (*made >= 0) return 0;
    snprintf(base, sizeof(base), "%.480s%s", c->graph->nodes[from]->name, suffix);
    snprintf(name, sizeof(name), "%.500s", base);
    for (int k = 2; stc_graph_find(c->graph, name) >= 0; k++)
        snprintf(name, sizeof(name), "%.490s%d", base, k);
    *made = stc_graph_add(c->graph, name, delay, 1, &from);
    if (*made < 0) return *made;
    stc_node *node = c->graph->nodes[*made];
    stc_attr *time = &node->attrs[stc_op_attr(delay, "delay")];
    stc_attr *step = &node->attrs[stc_op_attr(delay, "dt")];
    time->r = (double)steps * dt;
    step->r = dt;
    time->given = step->given = true;
    return 0;
}

/* Follow a path from a neuron past what only it reaches, up to a neuron, a sum or a branch. */
static void follow(const cycles *c, int32_t *from, int32_t *to)
{
    for (int32_t k = 0; k < c->n; k++) {
        const stc_node *node = c->graph->nodes[*to];
        stc_op_class kind = node->op->op_class;
        bool passes = kind == STC_CLASS_WEIGHT || kind == STC_CLASS_AFFINE ||
                      kind == STC_CLASS_VIEW || kind == STC_CLASS_DIRECT;
        if (!passes || node->ninputs != 1 || c->all.first[*to + 1] - c->all.first[*to] != 1) return;
        *from = *to;
        *to = c->all.node[c->all.first[*to]];
    }
}

static void replace(stc_node *node, int32_t from, int32_t by)
{
    for (int k = 0; k < node->ninputs; k++)
        if (node->inputs[k] == from) node->inputs[k] = by;
}

static int cut(cycles *c, int64_t steps, double dt, bool silent)
{
    int32_t *made = stc_alloc(c->n, sizeof(*made));
    int rc = made ? 0 : STC_ERR_NOMEM;
    for (int32_t i = 0; i < c->n && made; i++)
        made[i] = -1;
    for (int32_t i = 0; i < c->n && rc == 0; i++) {
        if (!is_neuron(c, i)) continue;
        for (int64_t e = c->now.first[i]; e < c->now.first[i + 1] && rc == 0; e++) {
            int32_t from = i, to = c->now.node[e];
            if (c->component[to] != c->component[i] || c->back[to] == NOWHERE ||
                c->back[to] > c->distance[i]) {
                continue;
            }
            if (silent) follow(c, &from, &to);
            rc = delay_after(c, from, steps, dt, &made[from]);
            if (rc == 0) replace(c->graph->nodes[to], from, made[from]);
        }
    }
    stc_free(made);
    return rc;
}

int stc_nir_cut_cycles(stc_graph *graph, int64_t steps, double dt, bool silent)
{
    int64_t n = graph->nnodes;
    cycles c = {.graph = graph, .n = graph->nnodes};
    int32_t *numbers = stc_alloc(4 * n, sizeof(*numbers));
    c.holds = stc_alloc(n, sizeof(*c.holds));
    c.all.first = stc_alloc(n + 1, sizeof(*c.all.first));
    c.now.first = stc_alloc(n + 1, sizeof(*c.now.first));
    int rc = STC_ERR_NOMEM;
    if (numbers && c.holds && c.all.first && c.now.first) {
        c.component = numbers;
        c.distance = numbers + n;
        c.order = numbers + 2 * n;
        c.back = numbers + 3 * n;
        rc = analyse(&c);
        if (rc == 0) rc = cut(&c, steps, dt, silent);
    }
    stc_free(c.all.node);
    stc_free(c.now.node);
    stc_free(c.all.first);
    stc_free(c.now.first);
    stc_free(c.holds);
    stc_free(numbers);
    return rc;
}

bool stc_nir_is_inserted(const stc_graph *graph, const stc_node *node)
{
    if (node->op->op_class != STC_CLASS_DELAY || node->ninputs != 1) return false;
    if (stc_node_attr(node, "delay")->weight) return false;
    const char *from = graph->nodes[node->inputs[0]]->name;
    size_t length = strlen(from);
    return strncmp(node->name, from, length) == 0 &&
           strncmp(node->name + length, suffix, strlen(suffix)) == 0;
}
