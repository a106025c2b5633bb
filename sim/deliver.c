/* deliver.c - from spikes to accumulators.
 *
 * A spike is noted once, when its first synapses are due, and stays noted until its last ones are:
 * synapses whose delays fall in one group of steps are delivered together, to as many slots of the
 * ring, so that what is written stays in cache while what is read streams from memory. */
#include "assembly.h"

#include <omp.h>
#include <string.h>

enum { RUNS = 512 }; /* given to a kind at once */

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

static row_spike *spike_at(const pathway *p, const row_table *t, int64_t at, int64_t i)
{
    return (row_spike *)(void *)(t->spike + (at * t->most_spikes + i) * p->spike_bytes);
}

/* Words of a source in a cell of its row: how many, and the first. */
static int64_t run_of_cell(const pathway *p, const row_table *t, uint32_t source,
                           const uint32_t *start, int64_t cell, uint32_t *first)
{
    const uint32_t from = cell > 0 ? stc_cell_end(p, start + 1, cell - 1) : 0;
    const int64_t n = (int64_t)stc_cell_end(p, start + 1, cell) - from;
    *first = *start + from;
    if (p->source_bits == 0) return n;
    return stc_rows_find(p, t, source & ((1u << p->source_bits) - 1), n, first);
}

/* Has a source that shares its row any words of its own? */
static bool has_words(const pathway *p, const row_table *t, uint32_t source)
{
    const uint32_t *start = stc_row_of(p, t, source);
    for (int64_t cell = 0; cell < p->ncells; cell++) {
        uint32_t first;
        if (run_of_cell(p, t, source, start, cell, &first) > 0) return true;
    }
    return false;
}

/* Note sources that fired, but for those that have no synapses here. The heads of their rows lie
 * far apart, and so do the words by which they are found: ask for all of them first. */
static void note(const pathway *p, row_table *t, const unsigned char *spikes, int64_t n,
                 const uint32_t *source, int64_t at)
{
    for (int64_t i = 0; i < n; i++)
        __builtin_prefetch(stc_row_of(p, t, source[i]));
    for (int64_t i = 0; i < n && p->source_bits; i++)
        __builtin_prefetch((const char *)t->word + *stc_row_of(p, t, source[i]) * stc_word_size(p));
    for (int64_t i = 0; i < n; i++) {
        if (p->source_bits && !has_words(p, t, source[i])) continue;
        row_spike *spike = spike_at(p, t, at, t->nspikes[at]++);
        *spike = (row_spike){source[i], spikes ? spikes[source[i]] : 1};
        if (p->copies_heads) memcpy(spike + 1, stc_row_of(p, t, source[i]), (size_t)p->head_bytes);
    }
}

/* In the place of spikes whose last synapses are delivered. */
static void note_step(const stc_sim *sim, const pathway *p, row_table *t,
                      const unsigned char *spikes, int64_t at)
{
    const stage_plan *source = p->source;
    t->nspikes[at] = 0;
    if (source->fired) {
        const int64_t slot = stc_sim_slot(source, spikes);
        for (int part = 0; part < source->fired->nparts; part++) {
            int64_t *count;
            const uint32_t *fired = stc_fired(source, slot, part, &count);
            note(p, t, spikes, *count, fired, at);
        }
    } else {
        uint32_t *fired = (uint32_t *)(void *)sim->scratch[omp_get_thread_num()].panel2;
        note(p, t, spikes, sim->kernels->nonzero(source->window_size, spikes, fired), fired, at);
    }
}

/* The cells of one group of steps of all spikes of a step. */
static void add_block(const stc_sim *sim, const pathway *p, const row_table *t, int64_t at,
                      int64_t block, const stc_ring *ring, batch *b)
{
    const int64_t size = stc_word_size(p);
    for (int64_t i = 0; i < t->nspikes[at]; i++) {
        const row_spike *spike = spike_at(p, t, at, i);
        const uint32_t *start = p->copies_heads ? (const uint32_t *)(const void *)(spike + 1)
                                                : stc_row_of(p, t, spike->source);
        for (int g = 0; g < p->ngroups; g++) {
            uint32_t first;
            const int64_t n =
                run_of_cell(p, t, spike->source, start, g * p->blocks + block, &first);
            if (n == 0) continue;
            if (b->n == RUNS) flush(sim, b);
            b->run[b->n++] = (stc_synapse_run){.n = n,
                                               .word = (char *)t->word + first * size,
                                               .ring = &ring[p->group[g].port],
                                               .scale = p->group[g].sign * p->scale * spike->count};
        }
    }
}

void stc_sim_deliver(const stc_sim *sim, const assembly *a, int which, int64_t item, int64_t t,
                     int64_t step)
{
    batch b;
    stc_ring ring[STC_MAX_PORTS];
    const patch *q = &a->patches[which];
    const int64_t row = (a->slots << a->neuron_bits) * (a->wide_sum ? 8 : 4);
    for (int port = 0; port < a->model->nports; port++)
        ring[port] = (stc_ring){(char *)q->sum + port * row, a->slots, step & (a->slots - 1)};
    b.n = 0;
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        row_table *table = &p->table[which];
        const int64_t newest = step - p->least;
        if (newest < 0) continue;
        note_step(sim, p, table, stc_sim_before(sim, p->source, item, t, p->least),
                  newest % p->span);
        b.kind = p->kind;
        b.what = (stc_delivery){
            .format = &p->format, .step = step, .unit = a->unit, .params = p->params};
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
    }
}
