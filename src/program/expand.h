/* expand.h - between the rules, which say who is joined to whom, and the draws, which fill in
 * sources, delays and weights a chunk of synapses at a time. connect.c explains the numbers. */
#ifndef STC_EXPAND_H
#define STC_EXPAND_H

#include "stc/connect.h"
#include "stc/error.h"

enum { STC_EXPAND_CHUNK = 1024, STC_EXPAND_MOST_DRAWS = 10000 };

/* What a block of random numbers is for: the last word of its counter. */
enum { STC_FOR_SYNAPSE, STC_FOR_GAP, STC_FOR_DEGREE, STC_FOR_CHOICE, STC_FOR_OMISSION };

typedef struct {
    const stc_program *program;
    const stc_projection *projection;
    int64_t nruns, count; /* runs of destinations, and destinations, asked for */
    const stc_run *run;
    int64_t *before; /* [nruns] destinations of earlier runs */
    uint64_t key;
    bool without_self;  /* no synapse from a neuron to itself */
    bool draws_sources; /* of every synapse, independently */
    bool weights;       /* are wanted */
    int32_t delay;      /* steps, when constant */
    double unit;        /* of drawn weights */
    stc_synapse_sink *sink;
    void *context;
    stc_synapses out; /* the chunk: arrays below */
    int32_t source[STC_EXPAND_CHUNK], target[STC_EXPAND_CHUNK], steps[STC_EXPAND_CHUNK];
    double weight[STC_EXPAND_CHUNK];
    /* counters of its random numbers: index of the synapse in its stream, and the stream */
    uint32_t low[STC_EXPAND_CHUNK], high[STC_EXPAND_CHUNK], stream[STC_EXPAND_CHUNK];
} stc_expansion;

/* Whole steps of a delay that must be a multiple of dt. Negative: STC_ERR_INPUT, unnamed. */
int32_t stc_expand_steps(const stc_projection *projection, double delay);

/* Draw what is drawn of the chunk. STC_ERR_INPUT when a draw never becomes valid. */
int stc_expand_draw(stc_expansion *x);
/* Complete the chunk, give it away and begin the next one. */
int stc_expand_flush(stc_expansion *x);

/* Run that holds the first destination asked for that is not below id; nruns: there is none. */
static inline int64_t stc_expand_run(const stc_expansion *x, int64_t id)
{
    int64_t lo = 0, hi = x->nruns;
    while (lo < hi) {
        const int64_t middle = lo + (hi - lo) / 2;
        if (x->run[middle].first + x->run[middle].count > id)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}
/* Number of a destination among those asked for, or -1. */
static inline int64_t stc_expand_find(const stc_expansion *x, int64_t id)
{
    const int64_t r = stc_expand_run(x, id);
    if (r == x->nruns || id < x->run[r].first) return -1;
    return x->before[r] + id - x->run[r].first;
}

/* Append the synapse that is number `index` of the stream of random numbers; `target` counts the
 * destinations asked for. */
static inline int stc_expand_add(stc_expansion *x, int64_t source, int64_t target, int64_t index,
                                 int64_t stream)
{
    if (x->out.n == STC_EXPAND_CHUNK) {
        int rc = stc_expand_flush(x);
        if (rc < 0) return rc;
    }
    const int64_t lane = x->out.n++;
    x->low[lane] = (uint32_t)index;
    x->high[lane] = (uint32_t)(index >> 32) << 16;
    x->stream[lane] = (uint32_t)stream;
    x->source[lane] = (int32_t)source;
    x->target[lane] = (int32_t)target;
    return STC_OK;
}

/* A word as a number below n, 0 <= n < 2^32, all equally likely; -1: to be drawn again. threshold =
 * stc_expand_threshold(n). (Lemire, ACM TOMACS 29, 2019.) */
static inline uint32_t stc_expand_threshold(int64_t n)
{
    return n > 0 ? (uint32_t)(((uint64_t)1 << 32) % (uint64_t)n) : 0;
}
static inline int64_t stc_expand_below(uint32_t word, int64_t n, uint32_t threshold)
{
    const uint64_t product = (uint64_t)word * (uint64_t)n;
    return (uint32_t)product < threshold ? -1 : (int64_t)(product >> 32);
}

/* Number of synapses onto each destination asked for, of a fixed total number. degree [count]:
 * 0, filled. */
void stc_expand_degrees(const stc_expansion *x, int64_t *degree);

/* Append all synapses of the projection's rule. */
int stc_expand_rule(stc_expansion *x);
int stc_expand_explicit(stc_expansion *x);
/* Can the rule be followed at all? STC_ERR_INPUT. */
int stc_expand_check(const stc_projection *projection);

#endif
