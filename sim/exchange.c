/* exchange.c - what ranks send each other at the end of a beat.
 *
 * For every stage and every pair of ranks, sender and receiver derive the same list of segments (a
 * run of channels at one position) from the tiles alone; nothing is negotiated. One message per
 * neighbour and beat carries all stages that were computed in it:
 *     bits           one byte that tells: bitmap, or a list of 16-bit indices when that is shorter
 *     integers       as stored (u8, u16, i32)        real values   float32
 * Messages are posted without blocking and waited for only by stages that need them (sim.c). */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* A run of elements, in storage order of the whole stage. */
typedef struct {
    int64_t start;
    int32_t count;
} segment;

/* What one stage sends to one neighbour: segments in the sender's or receiver's window. */
typedef struct {
    int32_t stage;
    int nsegments;
    segment *segments; /* start: element of the window of this rank */
    int64_t elements;
} cargo;

typedef struct {
    int rank;
    int ncargo;
    cargo *cargo;
    int64_t most_bytes;
    unsigned char *buffer[2]; /* of even and odd beats */
    MPI_Request request[2];
    int64_t bytes[2];
} neighbour;

struct exchange {
    int nsend, nreceive;
    neighbour *send, *receive;
    unsigned char *gathered; /* one step of the largest cargo, contiguous, plus padding */
};

enum { BITMAP = 0, LIST = 1 };

/* ---- who needs what ---- */

typedef struct {
    segment *items;
    int n, capacity;
} segment_list;

static int append(segment_list *list, int64_t start, int64_t count)
{
    if (list->n == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 256;
        segment *items = stc_alloc(capacity, sizeof *items);
        if (!items) return STC_ERR_NOMEM;
        if (list->n) memcpy(items, list->items, (size_t)list->n * sizeof *items);
        stc_free(list->items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = (segment){start, (int32_t)count};
    return 0;
}

/* Rows of a box as segments of the stage's whole storage. */
static int append_box(segment_list *list, const stc_stage *stage, const stc_box *box)
{
    int64_t stride[STC_MAX_NDIM], index[STC_MAX_NDIM];
    int last = box->ndim - 1;
    stc_stage_strides(stage, stride);
    if (last < 0) return append(list, 0, 1);
    memcpy(index, box->lo, sizeof index);
    for (;;) {
        int64_t start = 0;
        for (int a = 0; a <= last; a++)
            start += index[a] * stride[a];
        STC_TRY(append(list, start, box->hi[last] - box->lo[last]));
        int a = last - 1;
        for (; a >= 0 && ++index[a] >= box->hi[a]; a--)
            index[a] = box->lo[a];
        if (a < 0) return 0;
    }
}

static int by_start(const void *a, const void *b)
{
    const segment *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* Sort and join overlapping segments; they never join across rows. */
static void join(segment_list *list, int64_t row)
{
    if (list->n == 0) return;
    qsort(list->items, (size_t)list->n, sizeof *list->items, by_start);
    int n = 0;
    for (int i = 1; i < list->n; i++) {
        segment *into = &list->items[n], *next = &list->items[i];
        bool same_row = into->start / row == next->start / row;
        if (same_row && next->start <= into->start + into->count) {
            int64_t end = next->start + next->count;
            if (end > into->start + into->count) into->count = (int32_t)(end - into->start);
        } else {
            list->items[++n] = *next;
        }
    }
    list->n = n + 1;
}

static bool same_box(const stc_box *a, const stc_box *b)
{
    return a->ndim == b->ndim && memcmp(a->lo, b->lo, sizeof a->lo) == 0 &&
           memcmp(a->hi, b->hi, sizeof a->hi) == 0;
}

/* What the tiles of a stage on a rank need of the boxes of an operand: tile by tile, as a box
 * around several of them may need more than they do. */
static int append_needs(const stc_sim *sim, const stc_stage *stage, const stc_kernel *kernel,
                        int which, int rank, const stc_box *owned, int nowned, segment_list *list)
{
    const stc_program *program = sim->program;
    const stc_stage *source = &program->stages[kernel->operand[which].stage];
    stc_box before = {0}, overlap;
    for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++) {
        if (sim->rank_of_tile[t] != rank) continue;
        stc_box need = stc_kernel_needs(program, stage, kernel, which, &program->tiles[t].box);
        if (stc_box_size(&need) == 0 || same_box(&need, &before)) continue;
        before = need;
        for (int o = 0; o < nowned; o++)
            if (stc_box_intersect(&need, &owned[o], &overlap))
                STC_TRY(append_box(list, source, &overlap));
    }
    return 0;
}

/* Elements of stage s that rank `from` computes and rank `to` needs. */
static int segments_between(const stc_sim *sim, int32_t s, int from, int to, segment_list *list)
{
    const stc_program *program = sim->program;
    const stc_stage *source = &program->stages[s];
    stc_box *owned;
    int nowned;
    list->n = 0;
    STC_TRY(stc_sim_boxes(sim, s, from, &owned, &nowned));
    int rc = 0;
    for (int32_t d = 0; nowned && rc >= 0 && d < program->nstages; d++) {
        const stc_stage *stage = &program->stages[d];
        for (int32_t k = 0; rc >= 0 && k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            for (int which = 0; rc >= 0 && which < 2; which++) {
                if (kernel->operand[which].stage != s) continue;
                /* no tile of an equal level needs anything from elsewhere in the same beat: only
                 * gaps between needs would be sent */
                bool same_beat = sim->stages[d].level == sim->stages[s].level;
                if (same_beat && stc_kernel_least_delay(kernel) == 0) continue;
                rc = append_needs(sim, stage, kernel, which, to, owned, nowned, list);
            }
        }
    }
    stc_free(owned);
    int last = source->storage.ndim - 1;
    if (rc >= 0) join(list, last >= 0 ? source->storage.dim[last] : 1);
    return rc;
}

/* Turn starts in the storage of the whole stage into elements of this rank's window. */
static void localise(const stage_plan *plan, segment *segments, int n)
{
    int64_t stride[STC_MAX_NDIM];
    stc_stage_strides(plan->stage, stride);
    for (int i = 0; i < n; i++) {
        int64_t rest = segments[i].start, element = 0;
        for (int a = 0; a < plan->window.ndim; a++) {
            element += (rest / stride[a] - plan->window.lo[a]) * plan->stride[a];
            rest %= stride[a];
        }
        segments[i].start = element;
    }
}

static int64_t most_bytes(const stc_sim *sim, const stage_plan *plan, int64_t elements)
{
    int64_t steps = plan->timing == EVERY_STEP ? sim->block : 1;
    if (stc_kind_is_bit(plan->stage->kind)) return steps * (1 + (elements + 7) / 8);
    return steps * elements * stc_dtype_size(plan->stage->dtype);
}

/* Fill one neighbour; it stays without cargo when nothing travels. */
static int plan_neighbour(stc_sim *sim, int from, int to, neighbour *n, int64_t *gathered)
{
    segment_list list = {0};
    int32_t nstages = sim->program->nstages;
    int rc = 0;
    n->rank = from == sim->group.rank ? to : from;
    n->request[0] = n->request[1] = MPI_REQUEST_NULL;
    n->cargo = stc_alloc(nstages, sizeof *n->cargo);
    if (!n->cargo) return STC_ERR_NOMEM;
    for (int32_t s = 0; rc >= 0 && s < nstages; s++) {
        if (sim->stages[s].drawn_where_used) continue;
        rc = segments_between(sim, s, from, to, &list);
        if (rc < 0 || list.n == 0) continue;
        cargo *c = &n->cargo[n->ncargo++];
        c->stage = s;
        c->nsegments = list.n;
        c->segments = stc_alloc(list.n, sizeof *c->segments);
        if (!c->segments) {
            rc = STC_ERR_NOMEM;
            break;
        }
        memcpy(c->segments, list.items, (size_t)list.n * sizeof *c->segments);
        for (int i = 0; i < list.n; i++)
            c->elements += list.items[i].count;
        localise(&sim->stages[s], c->segments, c->nsegments);
        n->most_bytes += most_bytes(sim, &sim->stages[s], c->elements);
        int64_t size = c->elements * stc_dtype_size(sim->stages[s].stage->dtype);
        if (size > *gathered) *gathered = size;
    }
    stc_free(list.items);
    for (int i = 0; rc >= 0 && i < 2 && n->ncargo; i++) {
        n->buffer[i] = stc_alloc(n->most_bytes + 16, 1);
        if (!n->buffer[i]) rc = STC_ERR_NOMEM;
    }
    if (rc >= 0 && n->most_bytes > INT32_MAX) {
        rc = stc_fail(STC_ERR_FIT, "a message of %lld bytes; use a smaller --block-steps",
                      (long long)n->most_bytes);
    }
    return rc;
}

static void free_neighbour(neighbour *n)
{
    for (int i = 0; i < n->ncargo; i++)
        stc_free(n->cargo[i].segments);
    stc_free(n->cargo);
    stc_free(n->buffer[0]);
    stc_free(n->buffer[1]);
    *n = (neighbour){.request = {MPI_REQUEST_NULL, MPI_REQUEST_NULL}};
}

/* Which ranks a rank exchanges with follows from the nets, without looking at every pair. used
 * [routes]: scratch. */
static int mark_neighbours(const stc_sim *sim, bool *sends_to, bool *receives_from, bool *used)
{
    const stc_nets *nets = &sim->program->nets;
    const int me = sim->group.rank;
    int n = 0;
    for (int32_t r = 0; r < nets->nroutes; r++) /* does it come here? */
        for (int64_t p = nets->first[r]; p < nets->first[r + 1] && !used[r]; p++)
            used[r] = sim->rank_of_tile[nets->pin[p]] == me;
    for (int32_t i = 0; i < nets->n; i++) {
        const int from = sim->rank_of_tile[nets->source[i]];
        if (from != me && used[nets->route[i]]) receives_from[from] = true;
    }
    memset(used, 0, (size_t)nets->nroutes * sizeof *used);
    for (int32_t i = 0; i < nets->n; i++) /* does it go out from here? */
        if (sim->rank_of_tile[nets->source[i]] == me) used[nets->route[i]] = true;
    for (int32_t r = 0; r < nets->nroutes; r++)
        for (int64_t p = nets->first[r]; p < nets->first[r + 1] && used[r]; p++)
            sends_to[sim->rank_of_tile[nets->pin[p]]] = true;
    sends_to[me] = false;
    for (int r = 0; r < sim->group.size; r++)
        n += sends_to[r] + receives_from[r];
    return n;
}

static int plan_exchange(stc_sim *sim, exchange *e)
{
    int ranks = sim->group.size, me = sim->group.rank;
    int64_t gathered = 64;
    bool *sends_to = stc_alloc(ranks, sizeof *sends_to);
    bool *receives_from = stc_alloc(ranks, sizeof *receives_from);
    bool *used = stc_alloc(sim->program->nets.nroutes, sizeof *used);
    int rc = sends_to && receives_from && used ? 0 : STC_ERR_NOMEM;
    int n = rc < 0 ? 0 : mark_neighbours(sim, sends_to, receives_from, used);
    e->send = stc_alloc(n, sizeof *e->send);
    e->receive = stc_alloc(n, sizeof *e->receive);
    if (!e->send || !e->receive) rc = STC_ERR_NOMEM;
    for (int r = 0; rc >= 0 && r < ranks; r++) {
        if (sends_to[r]) rc = plan_neighbour(sim, me, r, &e->send[e->nsend++], &gathered);
        if (rc >= 0 && receives_from[r]) {
            rc = plan_neighbour(sim, r, me, &e->receive[e->nreceive++], &gathered);
        }
    }
    stc_free(sends_to);
    stc_free(receives_from);
    stc_free(used);
    if (rc < 0) return rc;
    e->gathered = stc_alloc(gathered + 64, 1);
    return e->gathered ? 0 : STC_ERR_NOMEM;
}

int stc_exchange_create(stc_sim *sim)
{
    sim->exchange = stc_alloc(1, sizeof *sim->exchange);
    return sim->exchange ? plan_exchange(sim, sim->exchange) : STC_ERR_NOMEM;
}

void stc_exchange_destroy(exchange **out)
{
    exchange *e = *out;
    if (!e) return;
    for (int i = 0; i < e->nsend; i++) {
        MPI_Waitall(2, e->send[i].request, MPI_STATUSES_IGNORE);
        free_neighbour(&e->send[i]);
    }
    for (int i = 0; i < e->nreceive; i++)
        free_neighbour(&e->receive[i]);
    stc_free(e->send);
    stc_free(e->receive);
    stc_free(e->gathered);
    stc_free(e);
    *out = NULL;
}

/* ---- packing ---- */

/* The item that a stage computes in a beat, or -1: none, or none that anyone waits for. */
static int64_t item_of_beat(const stc_sim *sim, const stage_plan *plan, int64_t beat)
{
    int64_t item = stc_sim_item(sim, plan, beat);
    if (item < 0) return -1;
    bool last_block = item % sim->nblocks == sim->nblocks - 1;
    return plan->timing == ONCE_PER_SAMPLE && !last_block ? -1 : item;
}

static void copy_segments(const cargo *c, int64_t size, unsigned char *window,
                          unsigned char *gathered, bool out)
{
    unsigned char *at = gathered;
    for (int i = 0; i < c->nsegments; i++) {
        unsigned char *here = window + c->segments[i].start * size;
        int64_t bytes = c->segments[i].count * size;
        if (out)
            memcpy(at, here, (size_t)bytes);
        else
            memcpy(here, at, (size_t)bytes);
        at += bytes;
    }
}

/* Bits from bytes 0 and 1, least significant first; returns how many are set. in is padded. */
static int64_t pack_bits(const unsigned char *in, int64_t n, unsigned char *out)
{
    int64_t set = 0;
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t eight;
        memcpy(&eight, in + i, sizeof eight);
        if (n - i < 8) eight &= (UINT64_C(1) << 8 * (n - i)) - 1;
        /* gathers bit 0 of byte k into bit k of the top byte */
        out[i / 8] = (unsigned char)((eight * UINT64_C(0x0102040810204080)) >> 56);
        set += __builtin_popcount(out[i / 8]);
    }
    return set;
}

static void unpack_bits(const unsigned char *in, int64_t n, unsigned char *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = in[i / 8] >> (i % 8) & 1;
}

/* A list is a 16-bit count and the indices; used where it is shorter than the bitmap. */
static int64_t pack_list(const unsigned char *in, int64_t n, int64_t set, unsigned char *out)
{
    uint16_t count = (uint16_t)set;
    memcpy(out, &count, sizeof count);
    unsigned char *at = out + sizeof count;
    for (int64_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        uint16_t index = (uint16_t)i;
        memcpy(at, &index, sizeof index);
        at += sizeof index;
    }
    return at - out;
}

static int64_t unpack_list(const unsigned char *in, int64_t n, unsigned char *out)
{
    uint16_t count, index;
    memcpy(&count, in, sizeof count);
    memset(out, 0, (size_t)n);
    for (int64_t i = 0; i < count; i++) {
        memcpy(&index, in + sizeof count + i * (int64_t)sizeof index, sizeof index);
        if (index < n) out[index] = 1;
    }
    return (int64_t)sizeof count + count * (int64_t)sizeof index;
}

/* Populations list who fired, so that nothing of their size need be touched; -1: pack otherwise. */
static int64_t pack_fired(const stc_sim *sim, const stage_plan *plan, const cargo *c,
                          const unsigned char *window, unsigned char *out, int64_t *set)
{
    const int64_t slot = (window - plan->buffer) / plan->window_size, first = c->segments[0].start,
                  n = c->elements;
    unsigned char *at = out + 1 + sizeof(uint16_t);
    *set = 0;
    if (2 >= (n + 7) / 8) return -1;
    for (int part = 0; part < sim->threads; part++) {
        int64_t *count;
        const uint32_t *list = stc_fired(plan, slot, part, &count);
        for (int64_t i = 0; i < *count; i++) {
            const int64_t index = list[i] - first;
            if (index < 0 || index >= n) continue;
            if (2 + 2 * ++*set >= (n + 7) / 8) return -1; /* the bitmap is shorter */
            const uint16_t word = (uint16_t)index;
            memcpy(at, &word, sizeof word);
            at += sizeof word;
        }
    }
    const uint16_t count = (uint16_t)*set;
    out[0] = LIST;
    memcpy(out + 1, &count, sizeof count);
    return at - out;
}

static bool lists_spikes(const stage_plan *plan, const cargo *c)
{
    return plan->fired && c->nsegments == 1 && c->elements <= UINT16_MAX &&
           stc_kind_is_bit(plan->stage->kind);
}

static unsigned char *pack_step(stc_sim *sim, const stage_plan *plan, const cargo *c,
                                unsigned char *window, unsigned char *out)
{
    if (lists_spikes(plan, c)) {
        int64_t listed, bytes = pack_fired(sim, plan, c, window, out, &listed);
        if (bytes >= 0) {
            sim->spike_copies += listed;
            return out + bytes;
        }
    }
    unsigned char *gathered = sim->exchange->gathered;
    int64_t size = stc_dtype_size(plan->stage->dtype), n = c->elements;
    if (!stc_kind_is_bit(plan->stage->kind)) {
        copy_segments(c, size, window, out, true);
        memcpy(gathered, out, (size_t)(n * size)); /* aligned */
        sim->spike_copies += stc_sim_nonzero(plan->stage->dtype, gathered, n);
        return out + n * size;
    }
    copy_segments(c, 1, window, gathered, true);
    int64_t set = pack_bits(gathered, n, out + 1);
    sim->spike_copies += set;
    out[0] = BITMAP;
    if (n > UINT16_MAX || 2 + 2 * set >= (n + 7) / 8) return out + 1 + (n + 7) / 8;
    out[0] = LIST;
    return out + 1 + pack_list(gathered, n, set, out + 1);
}

/* Add the spikes of these segments to the list of those of other ranks. */
static void list_segments(const stc_sim *sim, const stage_plan *plan, const cargo *c,
                          const unsigned char *window)
{
    int64_t *count;
    uint32_t *list =
        stc_fired(plan, (window - plan->buffer) / plan->window_size, sim->threads, &count);
    for (int i = 0; i < c->nsegments; i++) {
        const segment *s = &c->segments[i];
        const int64_t n = sim->kernels->nonzero(s->count, window + s->start, list + *count);
        for (int64_t k = 0; k < n; k++)
            list[*count + k] += (uint32_t)s->start;
        *count += n;
    }
}

/* The same from a list: the spikes alone are written. */
static const unsigned char *unpack_fired(const stc_sim *sim, const stage_plan *plan, const cargo *c,
                                         unsigned char *window, const unsigned char *in)
{
    uint16_t n, index;
    int64_t *count;
    uint32_t *list =
        stc_fired(plan, (window - plan->buffer) / plan->window_size, sim->threads, &count);
    memcpy(&n, in + 1, sizeof n);
    in += 1 + sizeof n;
    for (int64_t i = 0; i < n; i++, in += sizeof index) {
        memcpy(&index, in, sizeof index);
        if (index >= c->elements) continue;
        const uint32_t element = (uint32_t)(c->segments[0].start + index);
        window[element] = 1;
        list[(*count)++] = element;
    }
    return in;
}

/* Forget those of the steps that messages of this beat bring. */
static void clear_lists(const stc_sim *sim, const neighbour *n, int64_t beat)
{
    for (int i = 0; i < n->ncargo; i++) {
        const stage_plan *plan = &sim->stages[n->cargo[i].stage];
        const int64_t item = item_of_beat(sim, plan, beat);
        if (!plan->fired || item < 0) continue;
        for (int64_t t = 0; t < stc_sim_steps_in_block(sim, plan, item % sim->nblocks); t++) {
            int64_t *count;
            unsigned char *window = stc_sim_at(plan, item, t);
            const uint32_t *list =
                stc_fired(plan, (window - plan->buffer) / plan->window_size, sim->threads, &count);
            for (int64_t k = 0; k < *count; k++)
                window[list[k]] = 0;
            *count = 0;
        }
    }
}

static const unsigned char *unpack_step(stc_sim *sim, const stage_plan *plan, const cargo *c,
                                        unsigned char *window, const unsigned char *in)
{
    unsigned char *gathered = sim->exchange->gathered;
    int64_t size = stc_dtype_size(plan->stage->dtype), n = c->elements, bytes = n * size;
    if (lists_spikes(plan, c) && in[0] == LIST) return unpack_fired(sim, plan, c, window, in);
    if (!stc_kind_is_bit(plan->stage->kind)) {
        memcpy(gathered, in, (size_t)bytes);
    } else if (in[0] == BITMAP) {
        unpack_bits(in + 1, n, gathered);
        bytes = 1 + (n + 7) / 8;
    } else {
        bytes = 1 + unpack_list(in + 1, n, gathered);
    }
    copy_segments(c, size, window, gathered, false);
    if (plan->fired) list_segments(sim, plan, c, window);
    return in + bytes;
}

/* ---- beats ---- */

static bool any_cargo(const stc_sim *sim, const neighbour *n, int64_t beat)
{
    for (int i = 0; i < n->ncargo; i++) {
        if (item_of_beat(sim, &sim->stages[n->cargo[i].stage], beat) >= 0) return true;
    }
    return false;
}

static int64_t pack(stc_sim *sim, const neighbour *n, int64_t beat, unsigned char *buffer)
{
    unsigned char *out = buffer;
    for (int i = 0; i < n->ncargo; i++) {
        const stage_plan *plan = &sim->stages[n->cargo[i].stage];
        int64_t item = item_of_beat(sim, plan, beat);
        if (item < 0) continue;
        int64_t steps = stc_sim_steps_in_block(sim, plan, item % sim->nblocks);
        int64_t copies = sim->spike_copies;
        for (int64_t t = 0; t < steps; t++) {
            out = pack_step(sim, plan, &n->cargo[i], stc_sim_at(plan, item, t), out);
        }
        /* what holds for a whole sample is one copy, however many blocks it is sent in */
        if (plan->timing == CONST_IN_SAMPLE && item % sim->nblocks != 0) sim->spike_copies = copies;
    }
    return out - buffer;
}

static void unpack(stc_sim *sim, const neighbour *n, int64_t beat, const unsigned char *buffer)
{
    for (int i = 0; i < n->ncargo; i++) {
        const stage_plan *plan = &sim->stages[n->cargo[i].stage];
        int64_t item = item_of_beat(sim, plan, beat);
        if (item < 0) continue;
        int64_t steps = stc_sim_steps_in_block(sim, plan, item % sim->nblocks);
        for (int64_t t = 0; t < steps; t++) {
            buffer = unpack_step(sim, plan, &n->cargo[i], stc_sim_at(plan, item, t), buffer);
        }
    }
}

void stc_exchange_send(stc_sim *sim, int64_t beat)
{
    exchange *e = sim->exchange;
    int parity = (int)(beat % 2);
    bool last = beat == stc_sim_beats(sim) - 1; /* nobody would take them: they are only counted */
    for (int i = 0; i < e->nreceive && !last; i++) {
        neighbour *n = &e->receive[i];
        if (!any_cargo(sim, n, beat)) continue;
        MPI_Irecv(n->buffer[parity], (int)n->most_bytes, MPI_BYTE, n->rank, 0, sim->group.mpi,
                  &n->request[parity]);
    }
    for (int i = 0; i < e->nsend; i++) {
        neighbour *n = &e->send[i];
        if (!any_cargo(sim, n, beat)) continue;
        MPI_Wait(&n->request[parity], MPI_STATUS_IGNORE); /* of two beats ago */
        int64_t bytes = pack(sim, n, beat, n->buffer[parity]);
        if (last) continue;
        MPI_Isend(n->buffer[parity], (int)bytes, MPI_BYTE, n->rank, 0, sim->group.mpi,
                  &n->request[parity]);
        sim->messages++;
        sim->bytes += bytes;
    }
}

void stc_exchange_receive(stc_sim *sim, int64_t beat)
{
    exchange *e = sim->exchange;
    int parity = (int)((beat + 1) % 2); /* of beat - 1 */
    for (int i = 0; i < e->nreceive && beat > 0; i++)
        clear_lists(sim, &e->receive[i], beat - 1);
    for (int i = 0; i < e->nreceive; i++) {
        neighbour *n = &e->receive[i];
        if (n->request[parity] == MPI_REQUEST_NULL) continue;
        MPI_Wait(&n->request[parity], MPI_STATUS_IGNORE);
        unpack(sim, n, beat - 1, n->buffer[parity]);
    }
}
