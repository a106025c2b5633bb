/* nets.c - the hypergraph of tiles: which outputs of a tile have the same destination tiles.
 *
 * The outputs of a tile are cut into cells along the edges of the boxes that its destinations need
 * (the interior, edges and corners of a tile under a 3 x 3 kernel); cells with the same
 * destinations travel together and form one net. */
#include "stc/error.h"
#include "steps.h"

#include <stdlib.h>
#include <string.h>

/* Expected share of elements that travel in a step: a static estimate, until a profile says more.
 */
static float expected_rate(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    if (stc_kind_is_real(stage->kind)) return 1.0f;
    if (last->kind == STC_KERNEL_POPULATION) return 1e-3f; /* 10 Hz in steps of 0.1 ms */
    return last->kind == STC_KERNEL_NEURON ? 0.15f : 0.5f;
}

/* One destination of a source tile and the part of it that it needs. */
typedef struct {
    int32_t source, destination;
    stc_box box;
} need;

typedef struct {
    need *items;
    int64_t n, capacity;
} need_list;

static int append_need(need_list *list, const need *item)
{
    if (list->n == list->capacity) {
        int64_t capacity = list->capacity ? 2 * list->capacity : 1024;
        need *items = stc_alloc(capacity, sizeof *items);
        if (!items) return STC_ERR_NOMEM;
        if (list->n) memcpy(items, list->items, (size_t)list->n * sizeof *items);
        stc_free(list->items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = *item;
    return 0;
}

static int needs_of_box(const stc_program *program, const stc_stage *source, const stc_box *box,
                        int32_t destination, need_list *list)
{
    for (int32_t t = stc_stage_next_tile(program, source, box, -1); t >= 0;
         t = stc_stage_next_tile(program, source, box, t)) {
        need item = {.source = t, .destination = destination};
        if (stc_box_intersect(box, &program->tiles[t].box, &item.box)) {
            STC_TRY(append_need(list, &item));
        }
    }
    return 0;
}

static int collect_needs(const stc_program *program, need_list *list)
{
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        const stc_stage *stage = &program->stages[tile->stage];
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            for (int which = 0; which < 2; which++) {
                if (kernel->operand[which].stage < 0) continue;
                stc_box box = stc_kernel_needs(program, stage, kernel, which, &tile->box);
                if (stc_box_size(&box) == 0) continue;
                STC_TRY(needs_of_box(program, &program->stages[kernel->operand[which].stage], &box,
                                     t, list));
            }
        }
    }
    return 0;
}

static int by_source_then_destination(const void *a, const void *b)
{
    const need *x = a, *y = b;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    return (x->destination > y->destination) - (x->destination < y->destination);
}

/* ---- nets of one source tile ---- */

typedef struct {
    stc_nets *nets;
    int64_t net_capacity, pin_capacity, npins;
    int32_t *destinations; /* scratch, largest number of needs of one tile */
} net_builder;

static int reserve(net_builder *b, int64_t pins)
{
    stc_nets *nets = b->nets;
    if (nets->n + 1 >= b->net_capacity) {
        int64_t capacity = 2 * b->net_capacity + 1024;
        int32_t *source = stc_alloc(capacity, sizeof *source);
        float *spikes = stc_alloc(capacity, sizeof *spikes);
        int64_t *first = stc_alloc(capacity + 1, sizeof *first);
        if (!source || !spikes || !first) {
            stc_free(source);
            stc_free(spikes);
            stc_free(first);
            return STC_ERR_NOMEM;
        }
        if (nets->first) {
            memcpy(source, nets->source, (size_t)nets->n * sizeof *source);
            memcpy(spikes, nets->spikes, (size_t)nets->n * sizeof *spikes);
            memcpy(first, nets->first, (size_t)(nets->n + 1) * sizeof *first);
        }
        stc_free(nets->source);
        stc_free(nets->spikes);
        stc_free(nets->first);
        nets->source = source;
        nets->spikes = spikes;
        nets->first = first;
        b->net_capacity = capacity;
    }
    if (b->npins + pins > b->pin_capacity) {
        int64_t capacity = 2 * (b->npins + pins) + 1024;
        int32_t *pin = stc_alloc(capacity, sizeof *pin);
        if (!pin) return STC_ERR_NOMEM;
        if (b->npins) memcpy(pin, nets->pin, (size_t)b->npins * sizeof *pin);
        stc_free(nets->pin);
        nets->pin = pin;
        b->pin_capacity = capacity;
    }
    return 0;
}

/* Add elements to the net of this tile with the same destinations, or make one. */
static int add_to_net(net_builder *b, int32_t tile, int32_t first_net, int ndestinations,
                      float spikes)
{
    stc_nets *nets = b->nets;
    for (int32_t i = first_net; i < nets->n; i++) {
        int64_t npins = nets->first[i + 1] - nets->first[i];
        if (npins == ndestinations && !memcmp(&nets->pin[nets->first[i]], b->destinations,
                                              (size_t)npins * sizeof *nets->pin)) {
            nets->spikes[i] += spikes;
            return 0;
        }
    }
    STC_TRY(reserve(b, ndestinations));
    int32_t i = nets->n++;
    nets->source[i] = tile;
    nets->spikes[i] = spikes;
    memcpy(&nets->pin[b->npins], b->destinations, (size_t)ndestinations * sizeof *nets->pin);
    b->npins += ndestinations;
    nets->first[i + 1] = b->npins;
    return 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum { MAX_CUTS = 66 };

/* Sorted distinct borders of the needs along one axis; a tile with very many is not cut finer. */
static int cuts_of_axis(const stc_box *tile, const need *needs, int64_t n, int axis, int64_t *cuts)
{
    int ncuts = 0;
    cuts[ncuts++] = tile->lo[axis];
    cuts[ncuts++] = tile->hi[axis];
    for (int64_t i = 0; i < n; i++) {
        int64_t borders[2] = {needs[i].box.lo[axis], needs[i].box.hi[axis]};
        for (int side = 0; side < 2; side++) {
            bool known = false;
            for (int c = 0; c < ncuts && !known; c++)
                known = cuts[c] == borders[side];
            if (!known && ncuts < MAX_CUTS) cuts[ncuts++] = borders[side];
        }
    }
    qsort(cuts, (size_t)ncuts, sizeof *cuts, by_value);
    return ncuts;
}

static int nets_of_tile(net_builder *b, const stc_program *program, int32_t tile, const need *needs,
                        int64_t n)
{
    int64_t cuts[STC_MAX_NDIM][MAX_CUTS];
    int ncuts[STC_MAX_NDIM], at[STC_MAX_NDIM] = {0};
    const stc_box *whole = &program->tiles[tile].box;
    float rate = expected_rate(program, &program->stages[program->tiles[tile].stage]);
    int32_t first_net = b->nets->n;
    for (int a = 0; a < whole->ndim; a++)
        ncuts[a] = cuts_of_axis(whole, needs, n, a, cuts[a]);
    for (;;) {
        stc_box cell = {.ndim = whole->ndim}, overlap;
        for (int a = 0; a < whole->ndim; a++) {
            cell.lo[a] = cuts[a][at[a]];
            cell.hi[a] = cuts[a][at[a] + 1];
        }
        int ndestinations = 0;
        for (int64_t i = 0; i < n; i++) {
            if (!stc_box_intersect(&cell, &needs[i].box, &overlap)) continue;
            if (ndestinations && b->destinations[ndestinations - 1] == needs[i].destination) {
                continue;
            }
            b->destinations[ndestinations++] = needs[i].destination;
        }
        if (ndestinations) {
            float spikes = rate * (float)stc_box_size(&cell);
            STC_TRY(add_to_net(b, tile, first_net, ndestinations, spikes));
        }
        int a = whole->ndim - 1;
        for (; a >= 0 && ++at[a] >= ncuts[a] - 1; a--)
            at[a] = 0;
        if (a < 0) return 0;
    }
}

/* Hand the arrays over to the arena of the program. */
static int keep_nets(stc_program *program, const stc_nets *nets)
{
    stc_nets *out = &program->nets;
    int64_t n = nets->n, npins = n ? nets->first[n] : 0;
    out->n = nets->n;
    out->source = stc_arena_alloc(program->arena, n + 1, sizeof *out->source);
    out->spikes = stc_arena_alloc(program->arena, n + 1, sizeof *out->spikes);
    out->first = stc_arena_alloc(program->arena, n + 1, sizeof *out->first);
    out->pin = stc_arena_alloc(program->arena, npins + 1, sizeof *out->pin);
    if (!out->source || !out->spikes || !out->first || !out->pin) return STC_ERR_NOMEM;
    if (!n) return 0;
    memcpy(out->source, nets->source, (size_t)n * sizeof *out->source);
    memcpy(out->spikes, nets->spikes, (size_t)n * sizeof *out->spikes);
    memcpy(out->first, nets->first, (size_t)(n + 1) * sizeof *out->first);
    memcpy(out->pin, nets->pin, (size_t)npins * sizeof *out->pin);
    return 0;
}

static int build(stc_program *program, need_list *list, net_builder *b)
{
    STC_TRY(collect_needs(program, list));
    if (list->n) {
        qsort(list->items, (size_t)list->n, sizeof *list->items, by_source_then_destination);
    }
    int64_t most = 0;
    for (int64_t i = 0, j; i < list->n; i = j) {
        for (j = i; j < list->n && list->items[j].source == list->items[i].source; j++)
            continue;
        if (j - i > most) most = j - i;
    }
    b->destinations = stc_alloc(most, sizeof *b->destinations);
    if (!b->destinations) return STC_ERR_NOMEM;
    for (int64_t i = 0, j; i < list->n; i = j) {
        for (j = i; j < list->n && list->items[j].source == list->items[i].source; j++)
            continue;
        STC_TRY(nets_of_tile(b, program, list->items[i].source, &list->items[i], j - i));
    }
    return keep_nets(program, b->nets);
}

int stc_build_nets(stc_program *program)
{
    need_list list = {0};
    stc_nets nets = {0};
    net_builder builder = {.nets = &nets};
    int rc = build(program, &list, &builder);
    stc_free(list.items);
    stc_free(builder.destinations);
    stc_free(nets.source);
    stc_free(nets.spikes);
    stc_free(nets.first);
    stc_free(nets.pin);
    return rc;
}
