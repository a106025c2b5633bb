/* routes.c - who needs what: which elements travel between this rank and others.
 *
 * What a rank sends follows from the nets of its own tiles, which name the tiles that need them;
 * what it receives, from the needs of its own tiles. Both are asked tile by tile, as a box around
 * several tiles may need more than they do; both sides come to the same elements. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists that grow ---- */

/* A box of a stage. */
typedef struct {
    int32_t stage;
    stc_box box;
} piece;

/* A tile of another rank; need: which one of this rank's, if it is a source. */
typedef struct {
    int rank;
    int32_t tile, need;
} link;

/* A run of elements in the storage of the whole stage. */
typedef struct {
    int64_t start, count;
} run;

typedef struct {
    void *items;
    int64_t n, capacity;
} list;

static int append(list *l, const void *item, size_t size)
{
    if (l->n == l->capacity) {
        const int64_t capacity = l->capacity ? 2 * l->capacity : 256;
        void *items = stc_alloc(capacity, (int64_t)size);
        if (!items) return STC_ERR_NOMEM;
        if (l->n) memcpy(items, l->items, (size_t)l->n * size);
        stc_free(l->items);
        l->items = items;
        l->capacity = capacity;
    }
    memcpy((char *)l->items + (size_t)l->n++ * size, item, size);
    return 0;
}

static void unique(list *l, size_t size, int (*compare)(const void *, const void *))
{
    char *items = l->items;
    int64_t n = 0;
    if (l->n == 0) return;
    qsort(items, (size_t)l->n, size, compare);
    for (int64_t i = 1; i < l->n; i++) {
        const char *next = items + (size_t)i * size;
        if (compare(items + (size_t)n * size, next) != 0)
            memmove(items + (size_t)++n * size, next, size);
    }
    l->n = n + 1;
}

static int by_stage_and_box(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    for (int d = 0; d < x->box.ndim; d++) {
        if (x->box.lo[d] != y->box.lo[d]) return x->box.lo[d] < y->box.lo[d] ? -1 : 1;
        if (x->box.hi[d] != y->box.hi[d]) return x->box.hi[d] < y->box.hi[d] ? -1 : 1;
    }
    return 0;
}

static int by_rank_and_tile(const void *a, const void *b)
{
    const link *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->tile != y->tile) return x->tile < y->tile ? -1 : 1;
    return (x->need > y->need) - (x->need < y->need);
}

static int by_start(const void *a, const void *b)
{
    const run *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Add a link; before the list grows, those that are there already go. */
static int append_link(list *links, const link *item)
{
    if (links->n && links->n == links->capacity) {
        unique(links, sizeof *item, by_rank_and_tile);
        if (2 * links->n > links->capacity)
            links->capacity = links->n; /* grow, not to sort often */
    }
    return append(links, item, sizeof *item);
}

/* ---- what a tile needs ---- */

/* May a kernel need values of a stage from other ranks? Not within a beat: there only gaps between
 * the needs of tiles would be sent. */
static bool may_travel(const stc_sim *sim, const stage_plan *to, const stc_kernel *kernel,
                       int32_t from)
{
    if (from < 0 || sim->stages[from].drawn_where_used) return false;
    return to->level != sim->stages[from].level || stc_kernel_least_delay(kernel) > 0;
}

static bool is_last(const list *pieces, const piece *item)
{
    const piece *items = pieces->items;
    return pieces->n && by_stage_and_box(&items[pieces->n - 1], item) == 0;
}

/* Append what a tile needs of other stages, or of those alone that this rank computes. */
static int append_needs(const stc_sim *sim, int32_t tile, bool of_mine, list *needs)
{
    const stc_program *program = sim->program;
    const stc_tile *t = &program->tiles[tile];
    const stage_plan *plan = &sim->stages[t->stage];
    for (int32_t k = 0; k < plan->stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[plan->stage->first_kernel + k];
        for (int which = 0; which < 2; which++) {
            const int32_t from = kernel->operand[which].stage;
            if (!may_travel(sim, plan, kernel, from)) continue;
            if (of_mine && sim->stages[from].nboxes == 0) continue;
            const piece need = {from,
                                stc_kernel_needs(program, plan->stage, kernel, which, &t->box)};
            if (stc_box_size(&need.box) > 0 && !is_last(needs, &need))
                STC_TRY(append(needs, &need, sizeof need));
        }
    }
    return 0;
}

/* ---- pieces as cargo ---- */

/* Rows of a box as runs. */
static int append_runs(list *runs, const stc_stage *stage, const stc_box *box)
{
    int64_t stride[STC_MAX_NDIM], index[STC_MAX_NDIM];
    int last = box->ndim - 1;
    stc_stage_strides(stage, stride);
    memcpy(index, box->lo, sizeof index);
    for (;;) {
        run row = {0, last < 0 ? 1 : box->hi[last] - box->lo[last]};
        for (int a = 0; a <= last; a++)
            row.start += index[a] * stride[a];
        STC_TRY(append(runs, &row, sizeof row));
        int a = last - 1;
        for (; a >= 0 && ++index[a] >= box->hi[a]; a--)
            index[a] = box->lo[a];
        if (a < 0) return 0;
    }
}

/* Sort and join runs that touch; they never join across rows. */
static void join(list *runs, int64_t row)
{
    run *items = runs->items;
    int64_t n = 0;
    qsort(items, (size_t)runs->n, sizeof *items, by_start);
    for (int64_t i = 1; i < runs->n; i++) {
        run *into = &items[n];
        const int64_t end = items[i].start + items[i].count;
        if (into->start / row == items[i].start / row &&
            items[i].start <= into->start + into->count) {
            if (end > into->start + into->count) into->count = end - into->start;
        } else {
            items[++n] = items[i];
        }
    }
    runs->n = n + 1;
}

/* From the storage of the whole stage to the window of this rank. */
static int64_t localise(const stage_plan *plan, const int64_t *stride, int64_t start)
{
    int64_t element = 0;
    for (int a = 0; a < plan->window.ndim; a++) {
        element += (start / stride[a] - plan->window.lo[a]) * plan->stride[a];
        start %= stride[a];
    }
    return element;
}

static int fill_cargo(const stc_sim *sim, int32_t stage, const list *runs, cargo *c)
{
    const stage_plan *plan = &sim->stages[stage];
    int64_t stride[STC_MAX_NDIM];
    stc_stage_strides(plan->stage, stride);
    *c = (cargo){.stage = stage, .nsegments = (int)runs->n};
    c->segments = stc_alloc(runs->n, sizeof *c->segments);
    if (!c->segments) return STC_ERR_NOMEM;
    for (int i = 0; i < c->nsegments; i++) {
        const run *from = (const run *)runs->items + i;
        c->segments[i] = (segment){localise(plan, stride, from->start), from->count, c->elements};
        c->elements += from->count;
    }
    return 0;
}

/* Pieces, sorted, as a freight without ranks. */
static int fill_freight(const stc_sim *sim, const list *pieces, list *runs, freight *f)
{
    const piece *items = pieces->items;
    int n = 0;
    for (int64_t i = 0; i < pieces->n; i++)
        n += i == 0 || items[i].stage != items[i - 1].stage;
    f->cargo = stc_alloc(n, sizeof *f->cargo);
    f->ranks = stc_alloc(1, sizeof *f->ranks);
    if (!f->cargo || !f->ranks) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < pieces->n;) {
        const int32_t stage = items[i].stage;
        const stc_stage *from = &sim->program->stages[stage];
        const int last = from->storage.ndim - 1;
        for (runs->n = 0; i < pieces->n && items[i].stage == stage; i++)
            STC_TRY(append_runs(runs, from, &items[i].box));
        join(runs, last >= 0 ? from->storage.dim[last] : 1);
        cargo *c = &f->cargo[f->ncargo++];
        STC_TRY(fill_cargo(sim, stage, runs, c));
        f->most_bytes += stc_cargo_most(sim, &sim->stages[stage], c->elements);
    }
    STC_CHECK(f->most_bytes <= INT32_MAX, STC_ERR_FIT,
              "a message of %lld bytes; use a smaller --block-steps", (long long)f->most_bytes);
    return 0;
}

void stc_freight_free(freight *f)
{
    for (int i = 0; f->cargo && i < f->ncargo; i++)
        stc_free(f->cargo[i].segments);
    stc_free(f->cargo);
    stc_free(f->ranks);
    *f = (freight){0};
}

/* ---- freights ---- */

/* All that is made on the way to them. */
typedef struct {
    const stc_sim *sim;
    list links, needs, pieces, runs, freights;
} route_maker;

static bool same_content(const freight *a, const freight *b)
{
    if (a->ncargo != b->ncargo || a->most_bytes != b->most_bytes) return false;
    for (int i = 0; i < a->ncargo; i++) {
        const cargo *x = &a->cargo[i], *y = &b->cargo[i];
        if (x->stage != y->stage || x->nsegments != y->nsegments || x->elements != y->elements ||
            memcmp(x->segments, y->segments, (size_t)x->nsegments * sizeof *x->segments) != 0)
            return false;
    }
    return true;
}

/* The pieces become a freight of one rank; or the rank joins those of an equal freight. */
static int add_freight(route_maker *m, int rank, bool share)
{
    freight f = {0};
    int rc = fill_freight(m->sim, &m->pieces, &m->runs, &f);
    freight *items = m->freights.items;
    for (int64_t i = 0; rc >= 0 && share && i < m->freights.n; i++) {
        if (!same_content(&items[i], &f)) continue;
        list ranks = {items[i].ranks, items[i].nranks, items[i].room};
        rc = append(&ranks, &rank, sizeof rank);
        items[i].ranks = ranks.items;
        items[i].nranks = (int)ranks.n;
        items[i].room = (int)ranks.capacity;
        stc_freight_free(&f);
        return rc;
    }
    if (rc >= 0) {
        f.ranks[0] = rank;
        f.nranks = f.room = 1;
        rc = append(&m->freights, &f, sizeof f);
    }
    if (rc < 0) stc_freight_free(&f);
    return rc;
}

/* Tiles of other ranks that need some of this rank's; each route is followed once, however many
 * nets share it. */
static int link_destinations(route_maker *m)
{
    const stc_nets *nets = &m->sim->program->nets;
    const int me = m->sim->group.rank;
    bool *followed = stc_alloc(nets->nroutes, sizeof *followed);
    int rc = followed ? 0 : STC_ERR_NOMEM;
    for (int32_t i = 0; i < nets->n && rc >= 0; i++) {
        const int32_t route = nets->route[i];
        if (m->sim->rank_of_tile[nets->source[i]] != me || followed[route]) continue;
        followed[route] = true;
        for (int64_t p = nets->first[route]; p < nets->first[route + 1] && rc >= 0; p++) {
            const link to = {m->sim->rank_of_tile[nets->pin[p]], nets->pin[p], 0};
            if (to.rank != me) rc = append_link(&m->links, &to);
        }
    }
    stc_free(followed);
    unique(&m->links, sizeof(link), by_rank_and_tile);
    return rc;
}

/* Parts that this rank computes of what the tiles of links [from, end) need. */
static int cut_own(route_maker *m, int64_t from, int64_t end)
{
    m->needs.n = m->pieces.n = 0;
    for (int64_t i = from; i < end; i++)
        STC_TRY(append_needs(m->sim, ((const link *)m->links.items)[i].tile, true, &m->needs));
    unique(&m->needs, sizeof(piece), by_stage_and_box);
    for (int64_t i = 0; i < m->needs.n; i++) {
        const piece *need = (const piece *)m->needs.items + i;
        const stage_plan *plan = &m->sim->stages[need->stage];
        piece part = {.stage = need->stage};
        for (int b = 0; b < plan->nboxes; b++)
            if (stc_box_intersect(&need->box, &plan->boxes[b].box, &part.box))
                STC_TRY(append(&m->pieces, &part, sizeof part));
    }
    return 0;
}

/* Tiles of other ranks that this rank needs some of. */
static int link_sources(route_maker *m)
{
    const stc_program *program = m->sim->program;
    const int me = m->sim->group.rank;
    for (int32_t t = 0; t < program->ntiles; t++)
        if (m->sim->rank_of_tile[t] == me) STC_TRY(append_needs(m->sim, t, false, &m->needs));
    unique(&m->needs, sizeof(piece), by_stage_and_box);
    for (int32_t i = 0; i < m->needs.n; i++) {
        const piece *need = (const piece *)m->needs.items + i;
        const stc_stage *stage = &program->stages[need->stage];
        for (int32_t t = stc_stage_next_tile(program, stage, &need->box, -1); t >= 0;
             t = stc_stage_next_tile(program, stage, &need->box, t)) {
            const link from = {m->sim->rank_of_tile[t], t, i};
            if (from.rank != me) STC_TRY(append(&m->links, &from, sizeof from));
        }
    }
    unique(&m->links, sizeof(link), by_rank_and_tile);
    return 0;
}

/* Parts of the tiles of links [from, end) that this rank needs. */
static int cut_others(route_maker *m, int64_t from, int64_t end)
{
    m->pieces.n = 0;
    for (int64_t i = from; i < end; i++) {
        const link *l = (const link *)m->links.items + i;
        const piece *need = (const piece *)m->needs.items + l->need;
        piece part = {.stage = need->stage};
        if (stc_box_intersect(&need->box, &m->sim->program->tiles[l->tile].box, &part.box))
            STC_TRY(append(&m->pieces, &part, sizeof part));
    }
    return 0;
}

/* A freight for every rank that links lead to. */
static int make_freights(route_maker *m, bool out)
{
    STC_TRY(out ? link_destinations(m) : link_sources(m));
    const link *links = m->links.items;
    for (int64_t i = 0, end; i < m->links.n; i = end) {
        for (end = i; end < m->links.n && links[end].rank == links[i].rank;)
            end++;
        STC_TRY(out ? cut_own(m, i, end) : cut_others(m, i, end));
        unique(&m->pieces, sizeof(piece), by_stage_and_box);
        if (m->pieces.n) STC_TRY(add_freight(m, links[i].rank, out));
    }
    return 0;
}

static int make_routes(const stc_sim *sim, bool out, freight **freights, int *n)
{
    route_maker m = {.sim = sim};
    int rc = make_freights(&m, out);
    stc_free(m.links.items);
    stc_free(m.needs.items);
    stc_free(m.pieces.items);
    stc_free(m.runs.items);
    *freights = m.freights.items;
    *n = (int)m.freights.n;
    return rc;
}

int stc_routes_out(const stc_sim *sim, freight **freights, int *n)
{
    return make_routes(sim, true, freights, n);
}

int stc_routes_in(const stc_sim *sim, freight **freights, int *n)
{
    return make_routes(sim, false, freights, n);
}
