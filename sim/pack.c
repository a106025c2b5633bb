/* pack.c - values of stages as bytes of a message: bits as wire.h says, integers (u8, u16, i32) and
 * real values (float32) as they are stored. Populations list who fired: of these nothing of the
 * size of a window is touched, and there need not be one. */
#include "exchange.h"
#include "wire.h"

#include <string.h>

/* ---- what travels in a beat ---- */

/* The item that a stage computes in a beat, or -1: none, or none that anyone waits for. */
static int64_t item_of_beat(const stc_sim *sim, const stage_plan *plan, int64_t beat)
{
    int64_t item = stc_sim_item(sim, plan, beat);
    if (item < 0) return -1;
    bool last_block = item % sim->nblocks == sim->nblocks - 1;
    return plan->timing == ONCE_PER_SAMPLE && !last_block ? -1 : item;
}

bool stc_freight_travels(const stc_sim *sim, const freight *f, int64_t beat)
{
    for (int i = 0; i < f->ncargo; i++)
        if (item_of_beat(sim, &sim->stages[f->cargo[i].stage], beat) >= 0) return true;
    return false;
}

int64_t stc_cargo_most(const stc_sim *sim, const stage_plan *plan, int64_t elements)
{
    int64_t steps = plan->timing == EVERY_STEP ? sim->block : 1;
    if (stc_kind_is_bit(plan->stage->kind)) return steps * stc_wire_most(elements);
    return steps * elements * stc_dtype_size(plan->stage->dtype);
}

/* ---- memory ---- */

void stc_packer_make_room(const stc_sim *sim, packer *p, int n, const freight *list)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < list[i].ncargo; k++) {
            const cargo *c = &list[i].cargo[k];
            const stage_plan *plan = &sim->stages[c->stage];
            const int64_t size = c->elements * stc_dtype_size(plan->stage->dtype);
            if (size > p->most_bytes) p->most_bytes = size;
            if (plan->fired && plan->window_size > p->most_listed)
                p->most_listed = plan->window_size;
        }
    }
}

int stc_packer_create(packer *p)
{
    p->values = stc_alloc(p->most_bytes + 64, 1);
    p->index[0] = stc_alloc(p->most_listed + 64, sizeof *p->index[0]);
    p->index[1] = stc_alloc(p->most_listed + 64, sizeof *p->index[1]);
    return p->values && p->index[0] && p->index[1] ? 0 : STC_ERR_NOMEM;
}

void stc_packer_destroy(packer *p)
{
    stc_free(p->values);
    stc_free(p->index[0]);
    stc_free(p->index[1]);
}

/* ---- lists of spikes ---- */

/* Merge a[0..middle) and a[middle..n), each increasing, into out. */
static void merge(const uint32_t *a, int64_t middle, int64_t n, uint32_t *out)
{
    int64_t i = 0, j = middle;
    while (i < middle && j < n)
        *out++ = a[i] <= a[j] ? a[i++] : a[j++];
    memcpy(out, a + i, (size_t)(middle - i) * sizeof *a);
    memcpy(out + (middle - i), a + j, (size_t)(n - j) * sizeof *a);
}

static int64_t end_of_run(const uint32_t *a, int64_t from, int64_t n)
{
    while (from + 1 < n && a[from] <= a[from + 1])
        from++;
    return from + 1 < n ? from + 1 : n;
}

/* Sort by merging the few increasing runs that lists of threads consist of. Returns which of the
 * two arrays holds the result. */
static uint32_t *sort_runs(uint32_t *a, uint32_t *spare, int64_t n)
{
    while (n > 0 && end_of_run(a, 0, n) < n) {
        for (int64_t from = 0, middle, end; from < n; from = end) {
            middle = end_of_run(a, from, n);
            end = middle < n ? end_of_run(a, middle, n) : n;
            merge(a + from, middle - from, end - from, spare + from);
        }
        uint32_t *sorted = spare;
        spare = a;
        a = sorted;
    }
    return a;
}

/* Who of the elements of a cargo fired, as places in the cargo, increasing. */
static int64_t list_fired(const stc_sim *sim, const packer *p, const stage_plan *plan,
                          const cargo *c, int64_t slot, uint32_t **index)
{
    const segment *first = c->segments, *last = c->segments + c->nsegments - 1;
    const uint32_t least = (uint32_t)first->start, most = (uint32_t)(last->start + last->count);
    uint32_t *all = p->index[0];
    int64_t n = 0, kept = 0;
    for (int part = 0; part < sim->threads; part++) {
        int64_t *count;
        const uint32_t *list = stc_fired(plan, slot, part, &count);
        for (int64_t i = 0; i < *count; i++)
            if (list[i] >= least && list[i] < most) all[n++] = list[i];
    }
    *index = all = sort_runs(all, p->index[1], n);
    for (int64_t i = 0; i < n; i++) {
        while (all[i] >= first->start + first->count)
            first++;
        if (all[i] >= first->start) all[kept++] = (uint32_t)(all[i] - first->start + first->before);
    }
    return kept;
}

/* Append places in a cargo, increasing, to the spikes of other ranks. */
static void append_fired(const stc_sim *sim, const stage_plan *plan, const cargo *c, int64_t slot,
                         const uint32_t *index, int64_t n)
{
    int64_t *count;
    const segment *s = c->segments;
    uint32_t *list = stc_fired(plan, slot, sim->threads, &count);
    unsigned char *window = plan->buffer ? plan->buffer + slot * plan->window_size : NULL;
    for (int64_t i = 0; i < n; i++) {
        while (index[i] >= s->before + s->count)
            s++;
        const uint32_t element = (uint32_t)(s->start + (index[i] - s->before));
        list[(*count)++] = element;
        if (window) window[element] = 1;
    }
}

void stc_forget_spikes(const stc_sim *sim, const stage_plan *plan, int64_t beat)
{
    const int64_t item = item_of_beat(sim, plan, beat);
    if (!plan->fired || item < 0) return;
    for (int64_t t = 0; t < stc_sim_steps_in_block(sim, plan, item % sim->nblocks); t++) {
        int64_t *count;
        const int64_t slot = stc_sim_slot(plan, item, t);
        const uint32_t *list = stc_fired(plan, slot, sim->threads, &count);
        for (int64_t i = 0; i < *count && plan->buffer; i++)
            plan->buffer[slot * plan->window_size + list[i]] = 0;
        *count = 0;
    }
}

/* ---- windows ---- */

static void gather(const cargo *c, int64_t size, const unsigned char *window, unsigned char *to)
{
    for (int i = 0; i < c->nsegments; i++) {
        const segment *s = &c->segments[i];
        memcpy(to + s->before * size, window + s->start * size, (size_t)(s->count * size));
    }
}

static void scatter(const cargo *c, int64_t size, const unsigned char *from, unsigned char *window)
{
    for (int i = 0; i < c->nsegments; i++) {
        const segment *s = &c->segments[i];
        memcpy(window + s->start * size, from + s->before * size, (size_t)(s->count * size));
    }
}

static unsigned char *pack_window(const packer *p, const stage_plan *plan, const cargo *c,
                                  const unsigned char *window, unsigned char *out, int64_t *set)
{
    const int64_t size = stc_dtype_size(plan->stage->dtype), bytes = c->elements * size;
    gather(c, size, window, p->values);
    if (stc_kind_is_bit(plan->stage->kind))
        return stc_wire_put_values(c->elements, p->values, out, set);
    *set = stc_sim_nonzero(plan->stage->dtype, p->values, c->elements);
    memcpy(out, p->values, (size_t)bytes);
    return out + bytes;
}

static const unsigned char *unpack_window(const packer *p, const stage_plan *plan, const cargo *c,
                                          unsigned char *window, const unsigned char *in)
{
    const int64_t size = stc_dtype_size(plan->stage->dtype);
    if (!stc_kind_is_bit(plan->stage->kind)) {
        scatter(c, size, in, window);
        return in + c->elements * size;
    }
    in = stc_wire_get_values(c->elements, in, p->values);
    scatter(c, size, p->values, window);
    return in;
}

/* ---- a step, a message ---- */

static unsigned char *pack_step(const stc_sim *sim, const packer *p, const stage_plan *plan,
                                const cargo *c, int64_t item, int64_t t, unsigned char *out,
                                int64_t *set)
{
    uint32_t *index;
    if (!plan->fired) return pack_window(p, plan, c, stc_sim_at(plan, item, t), out, set);
    *set = list_fired(sim, p, plan, c, stc_sim_slot(plan, item, t), &index);
    return stc_wire_put_indices(c->elements, index, *set, out);
}

static const unsigned char *unpack_step(const stc_sim *sim, const packer *p, const stage_plan *plan,
                                        const cargo *c, int64_t item, int64_t t,
                                        const unsigned char *in)
{
    int64_t n;
    if (!plan->fired) return unpack_window(p, plan, c, stc_sim_at(plan, item, t), in);
    in = stc_wire_get_indices(c->elements, in, p->index[0], &n);
    append_fired(sim, plan, c, stc_sim_slot(plan, item, t), p->index[0], n);
    return in;
}

int64_t stc_freight_pack(const stc_sim *sim, packer *p, const freight *f, int64_t beat,
                         unsigned char *out, int64_t *set)
{
    unsigned char *at = out;
    *set = 0;
    for (int i = 0; i < f->ncargo; i++) {
        const stage_plan *plan = &sim->stages[f->cargo[i].stage];
        const int64_t item = item_of_beat(sim, plan, beat);
        if (item < 0) continue;
        const int64_t block = item % sim->nblocks;
        /* what holds for a whole sample counts once, however many blocks it is sent in */
        const bool again = plan->timing == CONST_IN_SAMPLE && block != 0;
        for (int64_t t = 0, n; t < stc_sim_steps_in_block(sim, plan, block); t++) {
            at = pack_step(sim, p, plan, &f->cargo[i], item, t, at, &n);
            if (!again) *set += n;
        }
    }
    return at - out;
}

void stc_freight_unpack(const stc_sim *sim, packer *p, const freight *f, int64_t beat,
                        const unsigned char *in)
{
    for (int i = 0; i < f->ncargo; i++) {
        const stage_plan *plan = &sim->stages[f->cargo[i].stage];
        const int64_t item = item_of_beat(sim, plan, beat);
        if (item < 0) continue;
        for (int64_t t = 0; t < stc_sim_steps_in_block(sim, plan, item % sim->nblocks); t++)
            in = unpack_step(sim, p, plan, &f->cargo[i], item, t, in);
    }
}
