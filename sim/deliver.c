/* deliver.c - from spikes to accumulators.
 *
 * Synapses whose delays fall in one group of steps are delivered together, to as many slots of the
 * ring, so that what is written stays in cache while what is read streams from memory. When a
 * source fires, all runs of its row are noted in the lists of the steps in which they are due: a
 * step then reads one list from end to end. Where a list is full, after a burst, the spike itself
 * is kept until its last synapses are delivered.
 *
 * Most of what is due in a step is known before the messages of other ranks arrive, and is
 * delivered while they travel: sums of integers do not depend on the order. */
#include "assembly.h"

#include <omp.h>
#include <string.h>

enum {
    RUNS = 512,    /* given to a kind at once */
    TOGETHER = 64, /* sources whose rows are asked for at once */
    LINE = 64      /* bytes that come at once */
};

typedef struct {
    stc_synapse_run run[RUNS];
    int64_t n;
    stc_delivery what;
    const stc_synapse_kind *kind;
} batch;

static void flush(const stc_sim *sim, batch *b)
{
    if (sim->options.phases) {
        int64_t *events = &sim->scratch[omp_get_thread_num()].events;
        for (int64_t i = 0; i < b->n; i++)
            *events += b->run[i].n;
    }
    if (b->n) b->kind->deliver(b->n, b->run, &b->what);
    b->n = 0;
}

/* Words of a source in a cell of its row, which begins at start: how many, and the first. */
static int64_t run_of_cell(const pathway *p, const row_table *t, uint32_t source,
                           const uint32_t *start, int64_t cell, uint32_t *first)
{
    const uint32_t from = cell > 0 ? stc_cell_end(p, start + 1, cell - 1) : 0;
    const int64_t n = (int64_t)stc_cell_end(p, start + 1, cell) - from;
    *first = *start + from;
    if (p->source_bits == 0) return n;
    return stc_rows_find(p, t, source & ((1u << p->source_bits) - 1), n, first);
}

static stc_synapse_run make_run(const pathway *p, const row_table *t, const due_run *due,
                                const stc_ring *ring)
{
    return (stc_synapse_run){.n = due->n,
                             .word = (char *)t->word + due->first * stc_word_size(p),
                             .ring = &ring[p->group[due->group].port],
                             .scale = p->group[due->group].sign * p->scale * due->count};
}

/* ---- spikes ---- */

/* The list of the step that is a number of blocks after step `at` of the span. */
static int64_t list_of_block(const pathway *p, int64_t at, int64_t block)
{
    const int64_t list = at + (block << p->format.step_bits);
    return list < p->span ? list : list - p->span;
}

static bool has_room(const pathway *p, const row_table *t, int64_t at)
{
    bool room = true;
    for (int64_t block = 0; block < p->blocks; block++)
        room &= t->ndue[list_of_block(p, at, block)] + p->ngroups <= p->room;
    return room;
}

static void note_runs(const pathway *p, row_table *t, uint32_t source, uint16_t count, int64_t at)
{
    const uint32_t *start = stc_row_of(p, t, source);
    for (int g = 0; g < p->ngroups; g++) {
        for (int64_t block = 0; block < p->blocks; block++) {
            due_run due = {.group = (uint16_t)g, .count = count};
            const int64_t list = list_of_block(p, at, block);
            due.n = (uint32_t)run_of_cell(p, t, source, start, g * p->blocks + block, &due.first);
            t->due[list * p->room + t->ndue[list]] = due;
            t->ndue[list] += due.n > 0;
        }
    }
}

/* Does a source have any words, which may not be where rows are shared? Else there are more of them
 * than room for their spikes. */
static bool has_words(const pathway *p, const row_table *t, uint32_t source)
{
    const uint32_t *start = stc_row_of(p, t, source);
    for (int64_t cell = 0; cell < p->ncells; cell++) {
        uint32_t first;
        if (run_of_cell(p, t, source, start, cell, &first) > 0) return true;
    }
    return false;
}

/* The heads of the rows of some sources lie far apart, and so do the words by which shared ones are
 * searched: ask for all of them. */
static void fetch(const pathway *p, const row_table *t, int64_t n, const uint32_t *source)
{
    for (int64_t i = 0; i < n; i++)
        __builtin_prefetch(stc_row_of(p, t, source[i]));
    for (int64_t i = 0; i < n && p->source_bits; i++) {
        const int64_t first = *stc_row_of(p, t, source[i]);
        const char *searched = t->extra ? (const char *)t->extra + first
                                        : (const char *)t->word + first * stc_word_size(p);
        __builtin_prefetch(searched);
        __builtin_prefetch(searched + LINE);
    }
}

/* Note sources that fired in step `at` of the span: once, or as often as count says. */
static void note(const pathway *p, row_table *t, int64_t n, const uint32_t *source,
                 const unsigned char *count, int64_t at)
{
    for (int64_t i = 0; i < n; i++) {
        if (i % TOGETHER == 0) fetch(p, t, n - i < TOGETHER ? n - i : TOGETHER, source + i);
        const uint16_t times = count ? count[source[i]] : 1;
        if (has_room(p, t, at))
            note_runs(p, t, source[i], times, at);
        else if (has_words(p, t, source[i]))
            t->spike[at * t->most_spikes + t->nspikes[at]++] = (row_spike){source[i], times};
    }
}

/* Some parts of the list of a step of the ring of the source. */
static void note_parts(const pathway *p, row_table *t, int64_t slot, int from, int to, int64_t at)
{
    for (int part = from; part < to; part++) {
        int64_t *count;
        const uint32_t *fired = stc_fired(p->source, slot, part, &count);
        note(p, t, *count, fired, NULL, at);
    }
}

/* All that is other than 0 in its window. */
static void note_window(const stc_sim *sim, const pathway *p, row_table *t, int64_t slot,
                        int64_t at)
{
    uint32_t *fired = (uint32_t *)(void *)sim->scratch[omp_get_thread_num()].panel2;
    const int64_t size = p->source->window_size;
    const unsigned char *counts = p->source->buffer + slot * size;
    note(p, t, sim->kernels->nonzero(size, counts, fired), fired, counts, at);
}

/* ---- runs that are due ---- */

static void add(const stc_sim *sim, batch *b, const stc_synapse_run *run)
{
    if (b->n == RUNS) flush(sim, b);
    b->run[b->n++] = *run;
}

static void add_due(const stc_sim *sim, const pathway *p, row_table *t, int64_t list,
                    const stc_ring *ring, batch *b)
{
    for (int64_t i = 0; i < t->ndue[list]; i++) {
        const stc_synapse_run run = make_run(p, t, &t->due[list * p->room + i], ring);
        add(sim, b, &run);
    }
    t->ndue[list] = 0;
}

/* The cells of one group of steps of all spikes that were kept of a step. */
static void add_block(const stc_sim *sim, const pathway *p, const row_table *t, int64_t at,
                      int64_t block, const stc_ring *ring, batch *b)
{
    for (int64_t i = 0; i < t->nspikes[at]; i++) {
        const row_spike *spike = &t->spike[at * t->most_spikes + i];
        const uint32_t *start = stc_row_of(p, t, spike->source);
        for (int g = 0; g < p->ngroups; g++) {
            due_run due = {.group = (uint16_t)g, .count = (uint16_t)spike->count};
            due.n = (uint32_t)run_of_cell(p, t, spike->source, start, g * p->blocks + block,
                                          &due.first);
            const stc_synapse_run run = make_run(p, t, &due, ring);
            if (due.n > 0) add(sim, b, &run);
        }
    }
}

static void prepare(const assembly *a, int which, int64_t step, stc_ring *ring)
{
    const int64_t row = (a->slots << a->neuron_bits) * (a->wide_sum ? 8 : 4);
    for (int port = 0; port < a->model->nports; port++)
        ring[port] =
            (stc_ring){(char *)a->patches[which].sum + port * row, a->slots, step & (a->slots - 1)};
}

static void begin(const assembly *a, const pathway *p, int64_t step, batch *b)
{
    b->n = 0;
    b->kind = p->kind;
    b->what =
        (stc_delivery){.format = &p->format, .step = step, .unit = a->unit, .params = p->params};
}

void stc_sim_deliver_own(const stc_sim *sim, const assembly *a, int which, int64_t item, int64_t t,
                         int64_t step)
{
    batch b;
    stc_ring ring[STC_MAX_PORTS];
    prepare(a, which, step, ring);
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        row_table *table = &p->table[which];
        const int64_t newest = step - p->least, at = newest % p->span;
        if (newest < 0) continue;
        const int64_t slot = stc_sim_slot_before(sim, p->source, item, t, p->least);
        table->nspikes[at] = 0; /* their last synapses are delivered */
        if (p->source->fired) note_parts(p, table, slot, 0, sim->threads, at);
        begin(a, p, step, &b);
        add_due(sim, p, table, at, ring, &b);
        flush(sim, &b);
    }
}

void stc_sim_deliver_rest(const stc_sim *sim, const assembly *a, int which, int64_t item, int64_t t,
                          int64_t step)
{
    batch b;
    stc_ring ring[STC_MAX_PORTS];
    prepare(a, which, step, ring);
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        row_table *table = &p->table[which];
        const int64_t newest = step - p->least, at = newest % p->span;
        if (newest < 0) continue;
        const int64_t slot = stc_sim_slot_before(sim, p->source, item, t, p->least);
        if (p->source->fired)
            note_parts(p, table, slot, sim->threads, p->source->fired->nparts, at);
        else
            note_window(sim, p, table, slot, at);
        begin(a, p, step, &b);
        add_due(sim, p, table, at, ring, &b);
        for (int64_t block = 0; block < p->blocks; block++) {
            const int64_t fired = newest - (block << p->format.step_bits);
            if (fired < 0) break;
            add_block(sim, p, table, fired % p->span, block, ring, &b);
        }
        flush(sim, &b);
    }
}

void stc_sim_silence(const assembly *a, int which)
{
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        memset(p->table[which].nspikes, 0, (size_t)p->span * sizeof *p->table[which].nspikes);
        memset(p->table[which].ndue, 0, (size_t)p->span * sizeof *p->table[which].ndue);
    }
}
