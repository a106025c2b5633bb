/* nets.c - the hypergraph of tiles: which outputs of a tile have the same destination tiles.
 *
 * The outputs of a tile are cut into cells along the edges of the boxes that its destinations need
 * (the interior, edges and corners of a tile under a 3 x 3 kernel); cells with the same
 * destinations travel together and form one net. Its spikes are an estimate, or what a profile
 * counted in its cells. */
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

static int collect_needs(const stc_program *program, const bool *drawn, need_list *list)
{
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        const stc_stage *stage = &program->stages[tile->stage];
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            for (int which = 0; which < 2; which++) {
                const int32_t source = kernel->operand[which].stage;
                if (source < 0 || drawn[source]) continue;
                stc_box box = stc_kernel_needs(program, stage, kernel, which, &tile->box);
                if (stc_box_size(&box) == 0) continue;
                STC_TRY(needs_of_box(program, &program->stages[source], &box, t, list));
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
    int64_t *cuts;         /* scratch, as many as the borders of the largest tile */
    const stc_profile *rates;
    const stc_profile_node **counted; /* [nstages], with rates */
} net_builder;

/* The first `used` entries of an array in a larger one; NULL: no memory, and the old one stays. */
static void *grown(void *old, int64_t used, int64_t capacity, int64_t size)
{
    void *array = stc_alloc(capacity, size);
    if (!array) return NULL;
    if (used) memcpy(array, old, (size_t)(used * size));
    stc_free(old);
    return array;
}
#define GROW(array, used, capacity)                                                                \
    do {                                                                                           \
        void *grown_ = grown(array, used, capacity, sizeof *(array));                              \
        if (!grown_) return STC_ERR_NOMEM;                                                         \
        (array) = grown_;                                                                          \
    } while (0)

static int reserve(net_builder *b, int64_t pins)
{
    stc_nets *nets = b->nets;
    if (nets->n + 1 >= b->net_capacity) {
        int64_t capacity = 2 * b->net_capacity + 1024;
        GROW(nets->source, nets->n, capacity);
        GROW(nets->spikes, nets->n, capacity);
        GROW(nets->outputs, nets->n, capacity);
        GROW(nets->count, nets->n, capacity);
        GROW(nets->first, nets->first ? nets->n + 1 : 0, capacity + 1);
        b->net_capacity = capacity;
    }
    if (b->npins + pins > b->pin_capacity) {
        int64_t capacity = 2 * (b->npins + pins) + 1024;
        GROW(nets->pin, b->npins, capacity);
        b->pin_capacity = capacity;
    }
    return 0;
}

/* What a cell brings to its net. */
typedef struct {
    int64_t size, count;
    float spikes;
} load;

/* Add elements to the net of this tile with the same destinations, or make one. */
static int add_to_net(net_builder *b, int32_t tile, int32_t first_net, int ndestinations,
                      const load *cell)
{
    stc_nets *nets = b->nets;
    for (int32_t i = first_net; i < nets->n; i++) {
        int64_t npins = nets->first[i + 1] - nets->first[i];
        if (npins == ndestinations && !memcmp(&nets->pin[nets->first[i]], b->destinations,
                                              (size_t)npins * sizeof *nets->pin)) {
            nets->spikes[i] += cell->spikes;
            nets->outputs[i] += cell->size;
            nets->count[i] += cell->count;
            return 0;
        }
    }
    STC_TRY(reserve(b, ndestinations));
    int32_t i = nets->n++;
    nets->source[i] = tile;
    nets->spikes[i] = cell->spikes;
    nets->outputs[i] = cell->size;
    nets->count[i] = cell->count;
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

/* Sorted distinct borders of the needs along one axis. */
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

static load load_of_cell(const net_builder *b, const stc_program *program, int32_t stage,
                         const stc_box *cell)
{
    const stc_stage *s = &program->stages[stage];
    load out = {.size = stc_box_size(cell)};
    if (b->rates) {
        out.count = count_of_cell(s, b->counted[stage], cell);
    } else {
        out.spikes = expected_rate(program, s) * (float)out.size;
    }
    return out;
}

/* Nets with other destinations than each other; with rates their spikes are still to be set. */
static int nets_of_tile(net_builder *b, const stc_program *program, int32_t tile, const need *needs,
                        int64_t n)
{
    int64_t *cuts[STC_MAX_NDIM], *free_cuts = b->cuts;
    int ncuts[STC_MAX_NDIM], at[STC_MAX_NDIM] = {0};
    const stc_box *whole = &program->tiles[tile].box;
    int32_t first_net = b->nets->n;
    for (int a = 0; a < whole->ndim; a++) {
        cuts[a] = free_cuts;
        ncuts[a] = cuts_of_axis(whole, needs, n, a, cuts[a]);
        free_cuts += ncuts[a];
    }
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
            load brings = load_of_cell(b, program, program->tiles[tile].stage, &cell);
            STC_TRY(add_to_net(b, tile, first_net, ndestinations, &brings));
        }
        int a = whole->ndim - 1;
        for (; a >= 0 && ++at[a] >= ncuts[a] - 1; a--)
            at[a] = 0;
        if (a < 0) return 0;
    }
}

/* Hand the arrays over to the arena of the program; counts with rates alone. */
static int keep_nets(stc_program *program, const stc_nets *nets, bool counted)
{
    stc_nets *out = &program->nets;
    int64_t n = nets->n, npins = n ? nets->first[n] : 0;
    out->n = nets->n;
    out->source = stc_arena_alloc(program->arena, n + 1, sizeof *out->source);
    out->spikes = stc_arena_alloc(program->arena, n + 1, sizeof *out->spikes);
    out->first = stc_arena_alloc(program->arena, n + 1, sizeof *out->first);
    out->pin = stc_arena_alloc(program->arena, npins + 1, sizeof *out->pin);
    out->outputs = stc_arena_alloc(program->arena, n + 1, sizeof *out->outputs);
    out->count = counted ? stc_arena_alloc(program->arena, n + 1, sizeof *out->count) : NULL;
    if (!out->source || !out->spikes || !out->first || !out->pin || !out->outputs ||
        (counted && !out->count))
        return STC_ERR_NOMEM;
    if (!n) return 0;
    memcpy(out->outputs, nets->outputs, (size_t)n * sizeof *out->outputs);
    if (counted) memcpy(out->count, nets->count, (size_t)n * sizeof *out->count);
    memcpy(out->source, nets->source, (size_t)n * sizeof *out->source);
    memcpy(out->spikes, nets->spikes, (size_t)n * sizeof *out->spikes);
    memcpy(out->first, nets->first, (size_t)(n + 1) * sizeof *out->first);
    memcpy(out->pin, nets->pin, (size_t)npins * sizeof *out->pin);
    return 0;
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

static int build(stc_program *program, need_list *list, net_builder *b)
{
    if (b->rates) {
        b->counted = stc_alloc(program->nstages, sizeof *b->counted);
        if (!b->counted) return STC_ERR_NOMEM;
        STC_TRY(stc_rates_of_stages(program, b->rates, b->counted));
    }
    bool *drawn = stc_alloc(program->nstages, sizeof *drawn);
    if (!drawn) return STC_ERR_NOMEM;
    stc_program_drawn_stages(program, drawn);
    int rc = collect_needs(program, drawn, list);
    stc_free(drawn);
    if (rc < 0) return rc;
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
    b->cuts = stc_alloc(most_cuts(program), sizeof *b->cuts);
    if (!b->destinations || !b->cuts) return STC_ERR_NOMEM;
    for (int64_t i = 0, j; i < list->n; i = j) {
        for (j = i; j < list->n && list->items[j].source == list->items[i].source; j++)
            continue;
        STC_TRY(nets_of_tile(b, program, list->items[i].source, &list->items[i], j - i));
    }
    const stc_nets *nets = b->nets;
    for (int32_t i = 0; b->rates && i < nets->n; i++)
        nets->spikes[i] = (float)stc_rate(b->rates, nets->count[i]);
    return keep_nets(program, nets, b->rates != NULL);
}

int stc_build_nets(stc_program *program, const stc_profile *rates)
{
    need_list list = {0};
    stc_nets nets = {0};
    net_builder builder = {.nets = &nets, .rates = rates};
    int rc = build(program, &list, &builder);
    stc_free(list.items);
    stc_free(builder.destinations);
    stc_free(builder.cuts);
    stc_free(builder.counted);
    stc_free(nets.outputs);
    stc_free(nets.count);
    stc_free(nets.source);
    stc_free(nets.spikes);
    stc_free(nets.first);
    stc_free(nets.pin);
    return rc;
}
