/* synapse.h - the table of synapse kinds: what happens when the source of synapses fires. One file
 * per kind in sim/synapses/, one line in sim/synapses/list.h: SYNAPSE(static).
 *
 * A synapse is one word of 4 or 8 bytes. Its lowest bits say which neuron of a patch (neurons
 * that one thread owns) it leads to, the next ones in which step of a group of
 * steps it arrives, the others how large its weight is, in multiples of a scale that many synapses
 * share:
 *
 *     | magnitude | step | neuron |
 *
 * Where sources have few synapses each, the highest bits say which of several sources that share a
 * row it comes from; they are not part of the magnitude.
 *
 * Sums are integers: the input of a neuron is the sum of weights on a power-of-two grid in a ring
 * of accumulators, one slot per step of a group, so that any order gives the same bits. The engine
 * owns the ring, and keeps the synapses of one source whose delays fall in one group of steps, and
 * whose weights have one sign, side by side (a run). Kinds that learn have values of their own per
 * synapse and per source, see the history of spikes of the destinations, and change the words in
 * place; nothing else of the engine knows of it. Everything is Local, and thread-safe for runs of
 * different patches.
 */
#ifndef STC_SYNAPSE_H
#define STC_SYNAPSE_H

#include "stc/attr.h"

#include <stdint.h>

enum { STC_MAX_SYNAPSE_PARAMS = 16, STC_MAX_SYNAPSE_STATES = 4 };

/* How words and sums are stored. */
typedef struct {
    int neuron_bits, step_bits;
    bool wide_word;  /* uint64_t, else uint32_t */
    bool wide_sum;   /* int64_t, else int32_t */
    int source_bits; /* the highest ones */
} stc_synapse_format;

/* Accumulators of one port of a patch: slots << neuron_bits of them; a synapse with step s adds to
 * slot (now + s) % slots. slots: a power of two, at least 1 << step_bits. */
typedef struct {
    void *sum;
    int64_t slots, now;
} stc_ring;

/* The synapses of one source in one group of steps. */
typedef struct {
    int64_t n;
    void *word;           /* [n]; changed by kinds that learn */
    double *const *state; /* [nstate] -> [n] */
    double *source;       /* [nsource] */
    const stc_ring *ring; /* of the port */
    int64_t scale;        /* sum += magnitude * scale: negative for negative weights; times the
                             spikes of the source in that step. 0: add nothing, bring weights and
                             state up to this step */
} stc_synapse_run;

/* Spikes of the destinations, for kinds that ask for them. The spike number k (0, 1, ...) of a
 * neuron is entry k % depth of its row. It is kept until every source has read it: the engine
 * delivers a scale of 0 to the synapses of sources that were silent for so long that an entry they
 * have not seen would be overwritten. */
typedef struct {
    int64_t depth;
    const int64_t *count; /* [neurons] spikes so far */
    const int64_t *step;  /* [neurons][depth] */
    const double *trace;  /* [neurons][depth] after the spike: stc_synapse_kind.trace */
} stc_spike_history;

/* What all runs of a call have in common. */
typedef struct {
    const stc_synapse_format *format;
    int64_t step;                     /* in which the first of the group arrive */
    double unit;                      /* weight = integer * unit */
    const double *params;             /* [nparams] of the projection; parameter 0 is dt, ms */
    const stc_spike_history *history; /* all spikes up to this step, NULL unless asked for */
} stc_delivery;

typedef struct stc_synapse_kind {
    const char *name; /* "static" */
    const char *type; /* in files, NEST's where NEST has the kind: "static_synapse" */
    const char *help;
    const stc_attr_spec *params; /* REAL, the same for a projection; parameter 0 is always dt */
    int nparams;
    int nstate;  /* values per synapse beside weight and delay */
    int nsource; /* values per source: traces of its spikes, the step up to which history was read
                  */
    const char *const *states; /* [nstate] names in records */
    bool needs_history;
    /* Values before the first step of a sample: state [nstate] of a synapse, source [nsource].
     * NULL when there are none. */
    void (*start)(const double *params, double *state, double *source);
    /* Trace of a destination right after a spike, from the one right after the spike before, which
     * was `steps` earlier (0 and 0 at the first). NULL without history. */
    double (*trace)(const double *params, double before, int64_t steps);
    /* Bound of |weight| that a synapse may come to have, from the one that it starts with; the
     * accumulators have room for it. NULL: weights do not change. */
    double (*largest)(const double *params, double weight);
    /* n runs; those to come may be fetched ahead. */
    void (*deliver)(int64_t n, const stc_synapse_run *run, const stc_delivery *delivery);
} stc_synapse_kind;

/* Kinds in list order, which is the index in programs. */
const stc_synapse_kind *const *stc_synapse_kinds(int *n);

#endif
