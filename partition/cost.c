/* cost.c - what copies of spikes cost on a kind of target: per chip, core, link or byte.
 *
 * Computed from the graph alone, like measure.c. A net is walked once: the parts that hold a pin
 * are found, and from them the copies inside and between boards and the tree on the mesh. Bytes are
 * those of whole messages, so the nets of one stream and pair of parts are summed up first.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <stdlib.h>

const char *const stc_cost_unit_names[STC_NCOST_UNITS] = {
    "per_destination_chip", "per_destination_core", "tree_of_links", "bytes"};

/* The ranks' formats of bits: a piece has a byte for its head, and two more where there are many
 * spikes; a gap takes a byte more for every 255 elements. */
enum { PIECE = 65536, MANY_SPIKES = 63, WIDE_GAP = 255 };

/* How many such bytes, where spikes are independent of each other. */
static double wide_gaps(double elements, double spikes)
{
    if (spikes <= 0.0 || spikes >= elements) return 0.0;
    const double wide = pow(1.0 - spikes / elements, WIDE_GAP);
    return fmin(spikes * wide / (1.0 - wide), floor((elements - 1.0) / WIDE_GAP));
}

double stc_encoded_bytes(double elements, double spikes, int32_t element_bytes)
{
    if (element_bytes > 0) return elements * element_bytes;
    const double pieces = fmax(1.0, ceil(elements / PIECE)), n = elements / pieces;
    const double each = spikes / pieces, head = each < MANY_SPIKES ? 0.0 : 2.0;
    const double sparse = head + each + fmin(each, wide_gaps(n, each));
    return pieces * (1.0 + fmin(ceil(n / 8), sparse));
}

int32_t stc_cost_columns(const stc_cost_model *model, int32_t nparts)
{
    if (model->columns > 0) return model->columns;
    return (int32_t)ceil(sqrt((double)nparts));
}

double stc_cost_board_ratio(const stc_cost_model *model)
{
    return model->board_ratio > 0 ? model->board_ratio : STC_BOARD_RATIO;
}

float stc_cost_weight(const stc_hypergraph *g, const stc_cost_model *model, int32_t net)
{
    const float spikes = g->spikes[net];
    if (model->unit != STC_COST_BYTES || !g->outputs) return spikes;
    const int32_t size = g->output_bytes ? g->output_bytes[net] : 0;
    const double elements = g->outputs[net];
    return (float)(size > 0 ? elements * size : fmin(2 * (double)spikes, elements / 8));
}

/* ---- the tree on the mesh ---- */

int stc_mesh_create(int32_t columns, stc_mesh *mesh)
{
    *mesh = (stc_mesh){.columns = columns,
                       .top = stc_alloc(columns, sizeof *mesh->top),
                       .bottom = stc_alloc(columns, sizeof *mesh->bottom),
                       .used = stc_alloc(columns, sizeof *mesh->used),
                       .list = stc_alloc(columns, sizeof *mesh->list)};
    return mesh->top && mesh->bottom && mesh->used && mesh->list ? 0 : STC_ERR_NOMEM;
}

void stc_mesh_release(stc_mesh *mesh)
{
    stc_free(mesh->top);
    stc_free(mesh->bottom);
    stc_free(mesh->used);
    stc_free(mesh->list);
}

int64_t stc_mesh_tree(stc_mesh *mesh, int32_t source, const int32_t *place, int32_t n)
{
    const int32_t row = source / mesh->columns, column = source % mesh->columns;
    int32_t left = column, right = column, nlist = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t y = place[i] / mesh->columns, x = place[i] % mesh->columns;
        if (!mesh->used[x]) {
            mesh->used[x] = true;
            mesh->top[x] = mesh->bottom[x] = row;
            mesh->list[nlist++] = x;
        }
        if (y < mesh->top[x]) mesh->top[x] = y;
        if (y > mesh->bottom[x]) mesh->bottom[x] = y;
        if (x < left) left = x;
        if (x > right) right = x;
    }
    int64_t links = right - left;
    for (int32_t i = 0; i < nlist; i++) {
        const int32_t x = mesh->list[i];
        links += mesh->bottom[x] - mesh->top[x];
        mesh->used[x] = false;
    }
    return links;
}

/* ---- bytes ---- */

/* What one net adds to a message. */
typedef struct {
    int32_t stream, from, to, element_bytes;
    double elements, spikes;
} cargo;

static int by_message(const void *a, const void *b)
{
    const cargo *x = a, *y = b;
    if (x->stream != y->stream) return x->stream < y->stream ? -1 : 1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    if (x->to != y->to) return x->to < y->to ? -1 : 1;
    return (x->element_bytes > y->element_bytes) - (x->element_bytes < y->element_bytes);
}

static int32_t board_of(const stc_cost_model *model, int32_t part)
{
    return model->board > 0 ? part / model->board : 0;
}

/* *bytes, and what they cost. */
static double sum_messages(const stc_cost_model *model, cargo *list, int64_t n, double *bytes)
{
    double cost = 0;
    *bytes = 0;
    qsort(list, (size_t)n, sizeof *list, by_message);
    for (int64_t i = 0; i < n;) {
        cargo sum = list[i];
        for (i++; i < n && by_message(&sum, &list[i]) == 0; i++) {
            sum.elements += list[i].elements;
            sum.spikes += list[i].spikes;
        }
        const double message = stc_encoded_bytes(sum.elements, sum.spikes, sum.element_bytes);
        const bool inside = board_of(model, sum.from) == board_of(model, sum.to);
        *bytes += message;
        cost += inside ? message : message * stc_cost_board_ratio(model);
    }
    return cost;
}

/* ---- all nets ---- */

typedef struct {
    const stc_hypergraph *g;
    const int32_t *part;
    const stc_cost_model *model;
    stc_reach reach;            /* of the lists */
    int32_t *reached, nreached; /* other parts that hold a pin of the net at hand */
    stc_mesh mesh;
    int64_t copies; /* of all nets: (net, other part) */
    cargo *cargo;
    int64_t ncargo;
} walk;

static int open_walk(walk *w, int32_t nparts)
{
    w->reached = stc_alloc(nparts, sizeof *w->reached);
    STC_TRY(stc_reach_create(w->g, nparts, w->part, &w->reach));
    if (!w->reached) return STC_ERR_NOMEM;
    return stc_mesh_create(stc_cost_columns(w->model, nparts), &w->mesh);
}

static void close_walk(walk *w)
{
    stc_free(w->reached);
    stc_reach_release(&w->reach);
    stc_mesh_release(&w->mesh);
    stc_free(w->cargo);
}

/* Fills reached; returns the destination cores on other parts, *beyond: on other boards. */
static int64_t reach(walk *w, int32_t e, int64_t *beyond)
{
    const stc_reach *r = &w->reach;
    const int32_t own = w->part[w->g->source[e]], l = stc_hypergraph_list(w->g, e);
    int64_t cores = 0;
    w->nreached = 0;
    *beyond = 0;
    for (int64_t i = r->first[l]; i < r->first[l + 1]; i++) {
        const int32_t p = r->part[i];
        if (p == own) continue;
        cores += r->places[i];
        if (board_of(w->model, p) != board_of(w->model, own)) *beyond += r->places[i];
        w->reached[w->nreached++] = p;
    }
    return cores;
}

static void count_net(walk *w, int32_t e, double *core_cost, stc_partition_quality *q)
{
    const stc_hypergraph *g = w->g;
    const int32_t own = w->part[g->source[e]], board = board_of(w->model, own);
    const double spikes = g->spikes[e], ratio = stc_cost_board_ratio(w->model);
    int64_t between = 0, beyond;
    const int64_t cores = reach(w, e, &beyond);
    w->copies += w->nreached;
    for (int32_t i = 0; i < w->nreached; i++)
        between += board_of(w->model, w->reached[i]) != board;
    q->between_boards += spikes * (double)between;
    q->inside_boards += spikes * (double)(w->nreached - between);
    q->core_copies += spikes * (double)cores;
    if (w->model->unit == STC_COST_LINKS)
        q->links += spikes * (double)stc_mesh_tree(&w->mesh, own, w->reached, w->nreached);
    *core_cost += spikes * (ratio - 1) * (double)beyond;
}

static void add_cargo(walk *w, int32_t e)
{
    const stc_hypergraph *g = w->g;
    for (int32_t i = 0; i < w->nreached; i++)
        w->cargo[w->ncargo++] = (cargo){.stream = g->stream ? g->stream[e] : 0,
                                        .from = w->part[g->source[e]],
                                        .to = w->reached[i],
                                        .element_bytes = g->output_bytes ? g->output_bytes[e] : 0,
                                        .elements = g->outputs[e],
                                        .spikes = (double)g->spikes[e]};
}

static int measure_bytes(walk *w, double *bytes, double *cost)
{
    w->cargo = stc_alloc(w->copies, sizeof *w->cargo);
    if (!w->cargo) return STC_ERR_NOMEM;
    for (int32_t e = 0; e < w->g->nnets; e++) {
        int64_t beyond;
        reach(w, e, &beyond);
        add_cargo(w, e);
    }
    *cost = sum_messages(w->model, w->cargo, w->ncargo, bytes);
    return 0;
}

int stc_partition_measure_cost(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                               const stc_cost_model *model, stc_partition_quality *q)
{
    walk w = {.g = graph, .part = part, .model = model};
    double core_cost = 0; /* of copies to other boards, beyond 1 each */
    double byte_cost = NAN;
    q->cost = q->between_boards = q->inside_boards = q->core_copies = 0;
    q->links = model->unit == STC_COST_LINKS ? 0 : NAN;
    q->bytes = NAN;
    int rc = open_walk(&w, nparts);
    for (int32_t e = 0; e < graph->nnets && rc == 0; e++)
        count_net(&w, e, &core_cost, q);
    if (rc == 0 && graph->outputs) rc = measure_bytes(&w, &q->bytes, &byte_cost);
    close_walk(&w);
    const double costs[STC_NCOST_UNITS] = {q->inside_boards +
                                               stc_cost_board_ratio(model) * q->between_boards,
                                           q->core_copies + core_cost, q->links, byte_cost};
    q->cost = costs[model->unit];
    return rc;
}
