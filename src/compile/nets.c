/* nets.c - the hypergraph of tiles: which outputs of a tile have the same destination tiles.
 *
 * The outputs of a tile are cut into cells along the edges of the boxes that others need of it (the
 * interior, edges and corners of a tile under a 3 x 3 kernel); cells with the same destinations
 * travel together and form one net. Its spikes are an estimate, or what a profile counted in its
 * cells.
 *
 * Destinations are never listed cell by cell. A cell lies in a few boxes; which boxes these are
 * says where it goes, and the list of all tiles that need one of them is made once for each set of
 * boxes and kept once for all that equal it. So time and memory follow the nets and the distinct
 * routes, however many tiles need the same. */
#include "lists.h"
#include "stc/error.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

/* Expected share of elements that travel in a step: a static estimate, where no profile says more.
 */
static float expected_rate(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    if (stc_kind_is_real(stage->kind)) return 1.0f;
    if (last->kind == STC_KERNEL_POPULATION) return 1e-3f; /* 10 Hz in steps of 0.1 ms */
    return last->kind == STC_KERNEL_NEURON ? 0.15f : 0.5f;
}

typedef struct {
    const stc_program *program;
    stc_needs needs;
    stc_nets nets; /* without first and pin */
    int64_t room;  /* nets */
    stc_lists routes, sets;
    int32_t *route_of_set, room_for_sets;
    stc_box *boxes;  /* scratch [boxes that touch a tile], inside the tile */
    int32_t *set;    /* scratch, the same length */
    int64_t *cuts;   /* scratch, as many as the borders of the largest tile */
    int32_t *marked; /* scratch [ntiles] */
    int32_t *unite;  /* scratch [ntiles] */
    const stc_profile *rates;
    const stc_profile_node **counted; /* [nstages], with rates */
} net_builder;

/* The first `used` entries of an array in a larger one; NULL: no memory, and the old one stays. */
static void *grown(void *old, int64_t used, int64_t room, int64_t size)
{
    void *array = stc_alloc(room, size);
    if (!array) return NULL;
    if (used) memcpy(array, old, (size_t)(used * size));
    stc_free(old);
    return array;
}
#define GROW(array, used, room)                                                                    \
    do {                                                                                           \
        void *grown_ = grown(array, used, room, sizeof *(array));                                  \
        if (!grown_) return STC_ERR_NOMEM;                                                         \
        (array) = grown_;                                                                          \
    } while (0)

/* Room for one more net. */
static int reserve(net_builder *b)
{
    stc_nets *nets = &b->nets;
    if (nets->n < b->room) return 0;
    STC_CHECK(nets->n < INT32_MAX, STC_ERR_FIT, "more than %d nets; make larger tiles", INT32_MAX);
    const int64_t room = 2 * b->room + 1024;
    GROW(nets->source, nets->n, room);
    GROW(nets->spikes, nets->n, room);
    GROW(nets->route, nets->n, room);
    GROW(nets->outputs, nets->n, room);
    GROW(nets->count, nets->n, room);
    b->room = room;
    return 0;
}

/* ---- routes ---- */

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The route to all who need one of n boxes. */
static int32_t unite(net_builder *b, const int32_t *set, int64_t n)
{
    const stc_needs *needs = &b->needs;
    const int32_t stamp = b->sets.n; /* another one for each set, above 0 */
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t u = needs->first_user[set[i]]; u < needs->first_user[set[i] + 1]; u++) {
            const int32_t tile = needs->user[u];
            if (b->marked[tile] == stamp) continue;
            b->marked[tile] = stamp;
            b->unite[found++] = tile;
        }
    }
    if (n > 1) qsort(b->unite, (size_t)found, sizeof *b->unite, by_number);
    return stc_lists_add(&b->routes, b->unite, found);
}

static int32_t route_of(net_builder *b, const int32_t *set, int64_t n)
{
    const int32_t before = b->sets.n, found = stc_lists_add(&b->sets, set, n);
    if (found < before) return found < 0 ? found : b->route_of_set[found];
    if (found >= b->room_for_sets) {
        const int32_t room = 2 * found + 1024;
        GROW(b->route_of_set, found, room);
        b->room_for_sets = room;
    }
    const int32_t route = unite(b, set, n);
    if (route >= 0) b->route_of_set[found] = route;
    return route;
}

/* ---- nets of one source tile ---- */

/* What a cell brings to its net. */
typedef struct {
    int64_t size, count;
    float spikes;
} load;

/* Add elements to the net of this tile with the same destinations, or make one. */
static int add_to_net(net_builder *b, int32_t tile, int32_t first_net, int32_t route,
                      const load *cell)
{
    stc_nets *nets = &b->nets;
    int32_t i = first_net;
    while (i < nets->n && nets->route[i] != route)
        i++;
    if (i == nets->n) {
        STC_TRY(reserve(b));
        nets->source[i] = tile;
        nets->route[i] = route;
        nets->n++;
    }
    nets->spikes[i] += cell->spikes;
    nets->outputs[i] += cell->size;
    nets->count[i] += cell->count;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted distinct borders of the boxes along one axis. */
static int cuts_of_axis(const stc_box *tile, const stc_box *boxes, int64_t n, int axis,
                        int64_t *cuts)
{
    int ncuts = 0;
    cuts[ncuts++] = tile->lo[axis];
    cuts[ncuts++] = tile->hi[axis];
    for (int64_t i = 0; i < n; i++) {
        int64_t borders[2] = {boxes[i].lo[axis], boxes[i].hi[axis]};
        for (int side = 0; side < 2; side++) {
            bool known = false;
            for (int c = 0; c < ncuts && !known; c++)
                known = cuts[c] == borders[side];
            if (!known) cuts[ncuts++] = borders[side];
        }
    }
    qsort(cuts, (size_t)ncuts, sizeof *cuts, by_value);
    return ncuts;
}

/* What a profile counted in a cell. */
static int64_t count_of_cell(const stc_stage *stage, const stc_profile_node *node,
                             const stc_box *cell)
{
    int64_t stride[STC_MAX_NDIM], index[STC_MAX_NDIM], sum = 0;
    stc_stage_source_strides(stage, stride);
    memcpy(index, cell->lo, sizeof index);
    for (;;) {
        int64_t element = 0;
        for (int a = 0; a < cell->ndim; a++)
            element += index[a] * stride[a];
        sum += node->counts[element];
        int a = cell->ndim - 1;
        for (; a >= 0 && ++index[a] >= cell->hi[a]; a--)
            index[a] = cell->lo[a];
        if (a < 0) return sum;
    }
}

static load load_of_cell(const net_builder *b, int32_t stage, const stc_box *cell)
{
    const stc_stage *s = &b->program->stages[stage];
    load out = {.size = stc_box_size(cell)};
    if (b->rates) {
        out.count = count_of_cell(s, b->counted[stage], cell);
    } else {
        out.spikes = expected_rate(b->program, s) * (float)out.size;
    }
    return out;
}

static int add_cell(net_builder *b, int32_t tile, int32_t first_net, const int32_t *need, int64_t n,
                    const stc_box *cell)
{
    stc_box overlap;
    int64_t touched = 0;
    for (int64_t i = 0; i < n; i++)
        if (stc_box_intersect(cell, &b->boxes[i], &overlap)) b->set[touched++] = need[i];
    if (touched == 0) return 0;
    const int32_t route = route_of(b, b->set, touched);
    if (route < 0) return route;
    const load brings = load_of_cell(b, b->program->tiles[tile].stage, cell);
    return add_to_net(b, tile, first_net, route, &brings);
}

/* Nets with other destinations than each other; with rates their spikes are still to be set. */
static int nets_of_tile(net_builder *b, int32_t tile)
{
    const stc_needs *needs = &b->needs;
    const int32_t *need = needs->need + needs->first_need[tile], first_net = b->nets.n;
    const int64_t n = needs->first_need[tile + 1] - needs->first_need[tile];
    const stc_box *whole = &b->program->tiles[tile].box;
    int64_t *cuts[STC_MAX_NDIM], *free_cuts = b->cuts;
    int ncuts[STC_MAX_NDIM], at[STC_MAX_NDIM] = {0};
    if (n == 0) return 0;
    for (int64_t i = 0; i < n; i++)
        stc_box_intersect(whole, &needs->box[need[i]], &b->boxes[i]);
    for (int a = 0; a < whole->ndim; a++) {
        cuts[a] = free_cuts;
        ncuts[a] = cuts_of_axis(whole, b->boxes, n, a, cuts[a]);
        free_cuts += ncuts[a];
    }
    for (;;) {
        stc_box cell = {.ndim = whole->ndim};
        for (int a = 0; a < whole->ndim; a++) {
            cell.lo[a] = cuts[a][at[a]];
            cell.hi[a] = cuts[a][at[a] + 1];
        }
        STC_TRY(add_cell(b, tile, first_net, need, n, &cell));
        int a = whole->ndim - 1;
        for (; a >= 0 && ++at[a] >= ncuts[a] - 1; a--)
            at[a] = 0;
        if (a < 0) return 0;
    }
}

/* ---- all ---- */

static void *kept(stc_arena *arena, const void *array, int64_t n, size_t size)
{
    void *copy = stc_arena_alloc(arena, n + 1, (int64_t)size);
    if (copy && n) memcpy(copy, array, (size_t)n * size);
    return copy;
}

/* Hand the arrays over to the arena of the program; counts with rates alone. */
static int keep_nets(const net_builder *b, stc_program *program)
{
    const stc_nets *nets = &b->nets;
    const stc_lists *routes = &b->routes;
    stc_arena *arena = program->arena;
    stc_nets *out = &program->nets;
    const int64_t n = nets->n, npins = routes->n ? routes->first[routes->n] : 0;
    *out = (stc_nets){.n = nets->n, .nroutes = routes->n};
    out->source = kept(arena, nets->source, n, sizeof *out->source);
    out->spikes = kept(arena, nets->spikes, n, sizeof *out->spikes);
    out->route = kept(arena, nets->route, n, sizeof *out->route);
    out->outputs = kept(arena, nets->outputs, n, sizeof *out->outputs);
    out->count = b->rates ? kept(arena, nets->count, n, sizeof *out->count) : NULL;
    out->first = kept(arena, routes->first, routes->n ? routes->n + 1 : 0, sizeof *out->first);
    out->pin = kept(arena, routes->item, npins, sizeof *out->pin);
    const bool all = out->source && out->spikes && out->route && out->outputs && out->first &&
                     out->pin && (out->count || !b->rates);
    return all ? 0 : STC_ERR_NOMEM;
}

/* Borders that a tile can have, along all axes. */
static int64_t most_cuts(const stc_program *program)
{
    int64_t most = 0;
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_box *box = &program->tiles[t].box;
        int64_t cuts = 0;
        for (int a = 0; a < box->ndim; a++)
            cuts += box->hi[a] - box->lo[a] + 1;
        if (cuts > most) most = cuts;
    }
    return most;
}

static int open_builder(net_builder *b)
{
    const stc_program *program = b->program;
    int64_t most = 0;
    if (b->rates) {
        b->counted = stc_alloc(program->nstages, sizeof *b->counted);
        if (!b->counted) return STC_ERR_NOMEM;
        STC_TRY(stc_rates_of_stages(program, b->rates, b->counted));
    }
    STC_TRY(stc_needs_find(program, &b->needs));
    for (int32_t t = 0; t < program->ntiles; t++) {
        const int64_t n = b->needs.first_need[t + 1] - b->needs.first_need[t];
        if (n > most) most = n;
    }
    b->boxes = stc_alloc(most, sizeof *b->boxes);
    b->set = stc_alloc(most, sizeof *b->set);
    b->cuts = stc_alloc(most_cuts(program), sizeof *b->cuts);
    b->marked = stc_alloc(program->ntiles, sizeof *b->marked);
    b->unite = stc_alloc(program->ntiles, sizeof *b->unite);
    return b->boxes && b->set && b->cuts && b->marked && b->unite ? 0 : STC_ERR_NOMEM;
}

static void close_builder(net_builder *b)
{
    void *arrays[] = {b->nets.source,  b->nets.spikes, b->nets.route, b->nets.outputs,
                      b->nets.count,   b->boxes,       b->set,        b->cuts,
                      b->route_of_set, b->marked,      b->unite,      b->counted};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    stc_needs_release(&b->needs);
    stc_lists_release(&b->routes);
    stc_lists_release(&b->sets);
}

int stc_build_nets(stc_program *program, const stc_profile *rates)
{
    net_builder b = {.program = program, .rates = rates};
    int rc = open_builder(&b);
    for (int32_t t = 0; t < program->ntiles && rc == 0; t++)
        rc = nets_of_tile(&b, t);
    for (int32_t i = 0; rates && i < b.nets.n && rc == 0; i++)
        b.nets.spikes[i] = (float)stc_rate(rates, b.nets.count[i]);
    if (rc == 0) rc = keep_nets(&b, program);
    close_builder(&b);
    return rc;
}
