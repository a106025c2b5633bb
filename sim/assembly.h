/* assembly.h - populations of one model on this rank, side by side, and all synapses onto them.
 *
 * The populations of a network are many and the projections between them many more; what costs time
 * are sources that fire and neurons that are updated. So the populations of one model that run in
 * step form an assembly: one array for every state, and one pathway for all synapses of a source
 * stage. The neurons of an assembly are cut into patches of at most 2^16, each with an equal share
 * of every population, so that all have as much to do at any time; a thread owns patches, with all
 * synapses onto them, and nothing that a thread writes is read by another before all have finished
 * the piece of time.
 *
 * Reading order: assembly.c (which populations go together, their neurons), grid.c (integers for
 * weights), pathway.c (rows of synapses), rows.c (rows of several sources), deliver.c (spikes to
 * accumulators), population.c (a step).
 */
#ifndef STC_SIM_ASSEMBLY_H
#define STC_SIM_ASSEMBLY_H

#include "engine.h"

#include "stc/connect.h"
#include "stc/population.h"
#include "stc/synapse.h"

enum {
    STC_UPDATE_CHUNK =
        256,          /* neurons of one call of update: with coefficients, in first-level cache */
    STC_STRIP = 4096, /* neurons whose input is drawn together */
    STC_PATCH_BITS = 16, /* of the number of a neuron in its patch, at most */
    STC_MAX_CELL_GROUPS = 2 * STC_MAX_PORTS
};

/* A projection of one spike to one neuron, all with one weight and one delay: nothing is stored.
 * The spikes come from the window of the source, or are drawn here. */
typedef struct {
    const stc_projection *projection;
    const stage_plan *source;
    int port;
    int64_t weight; /* on the grid */
    bool drawn;
    uint64_t key;
    int64_t first, end; /* steps in which they are drawn */
    stc_poisson poisson;
} dense_input;

/* One population. */
typedef struct {
    stage_plan *plan;
    const double *params;
    int64_t n;      /* its neurons on this rank */
    int64_t *first; /* [npatches] number in the assembly of those of its slice in each patch */
    void *coefficient[STC_MAX_POPULATION_COEFFICIENTS];
    bool common[STC_MAX_POPULATION_COEFFICIENTS]; /* the same for all: STC_UPDATE_CHUNK of them */
    int ncurrents, ndense;
    const kernel_plan **currents;
    dense_input *dense;
} member;

/* A spike of a source whose synapses are not all delivered. */
typedef struct {
    uint32_t source, count; /* source: element of the window */
} row_spike;

/* Words of a cell of a source that fired `count` times. */
typedef struct {
    uint32_t first, n;
    uint16_t group, count;
} due_run;

/* Synapses of one pathway onto one patch, in rows: those of element i of the window of the source
 * are in row i >> source_bits. Every row has a head: the number of its first word, then where its
 * cells end, counted from there. A cell holds the synapses of one group of steps, port and sign;
 * in rows of several sources they are ordered by source. Which one it is say the highest bits of
 * the word, and above them those of `extra` where a word has no room for all of them. */
typedef struct {
    int64_t nrows, nwords;
    char *head;     /* [nrows][pathway->head_bytes] */
    void *word;     /* [nwords] */
    uint8_t *extra; /* [nwords] or NULL */
    /* What is due in the steps to come: [span][pathway->room] and [span]. */
    due_run *due;
    int64_t *ndue;
    /* Spikes for which there was no room: [span][most_spikes] and [span]. */
    int64_t most_spikes;
    row_spike *spike;
    int64_t *nspikes;
} row_table;

/* A projection onto a member. */
typedef struct {
    const stc_projection *projection;
    const stage_plan *source;
    int member, pathway;
} input_projection;

/* Synapses of one source stage onto the assembly whose weights are multiples of one unit. */
typedef struct {
    const stage_plan *source;
    const stc_synapse_kind *kind;
    double params[STC_MAX_SYNAPSE_PARAMS];
    double constant;    /* |weight| when all are equal, else 0 */
    double unit, bound; /* of weights: magnitude = |weight| / unit, |weight| <= bound */
    int64_t scale;      /* unit on the grid */
    int64_t least, most;
    stc_synapse_format format;
    int source_bits; /* a row is that of 2^source_bits sources */
    int extra_bits;  /* of those, how many are not in words */
    int ngroups;     /* ports and signs that occur */
    struct {
        int port, sign;
    } group[STC_MAX_CELL_GROUPS];
    int64_t blocks; /* groups of steps */
    bool wide_cells;
    int64_t ncells, head_bytes, span, room;
    row_table *table; /* [npatches] */
} pathway;

typedef struct {
    int64_t first, n; /* its neurons: first .. first+n of the assembly */
    void *sum;        /* [ports][slots << neuron_bits] */
} patch;

/* What one thread counts; a cache line of its own. */
typedef struct {
    int64_t spikes;
    uint64_t checksum;
    char pad[48];
} tally;

struct assembly {
    const stc_population_model *model;
    bool single;
    int nmembers;
    member *members;
    int64_t neurons;
    int64_t n;      /* npatches * patch_size: some numbers at the ends of patches have no neuron */
    int64_t *id;    /* [n] C-order index in the node */
    int32_t *ahead; /* [n] neurons from here on whose ids follow each other */
    int64_t patch_size;
    int npatches;
    patch *patches;
    int *first_patch; /* [threads + 1] */
    int ninputs, npathways;
    input_projection *inputs; /* [ninputs] but for dense ones */
    pathway *pathways;
    int neuron_bits;
    bool wide_sum;
    int64_t slots;
    double
        *received; /* [ports][n] bound of the sum of weights in a step, until the grid is known */
    int exponent;  /* integer 1 is 2^-exponent */
    double unit;   /* that */
    char *states;  /* memory of all */
    void *state[STC_MAX_POPULATION_STATES], *start[STC_MAX_POPULATION_STATES]; /* real [n] */
    tally *tallies; /* [threads][nmembers] */
    int64_t early;  /* item + 1 to whose first step is delivered what needs no messages */
};

static inline int64_t stc_real_size(const assembly *a)
{
    return a->single ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
}
static inline void stc_real_put(const assembly *a, void *array, int64_t i, double x)
{
    if (a->single)
        ((float *)array)[i] = (float)x;
    else
        ((double *)array)[i] = x;
}
static inline double stc_real_get(const assembly *a, const void *array, int64_t i)
{
    return a->single ? (double)((const float *)array)[i] : ((const double *)array)[i];
}
static inline void *stc_real_at(const assembly *a, void *array, int64_t i)
{
    return (char *)array + i * stc_real_size(a);
}

/* Head of a row: its first word, then the ends of its cells. */
static inline uint32_t *stc_row_start(const pathway *p, const row_table *t, int64_t row)
{
    return (uint32_t *)(void *)(t->head + row * p->head_bytes);
}
static inline uint32_t *stc_row_of(const pathway *p, const row_table *t, int64_t source)
{
    return stc_row_start(p, t, source >> p->source_bits);
}
static inline int64_t stc_word_size(const pathway *p)
{
    return p->format.wide_word ? (int64_t)sizeof(uint64_t) : (int64_t)sizeof(uint32_t);
}
static inline uint32_t stc_cell_end(const pathway *p, const void *cells, int64_t cell)
{
    return p->wide_cells ? ((const uint32_t *)cells)[cell] : ((const uint16_t *)cells)[cell];
}

/* The slice of a member in a patch: neurons lo .. hi of the assembly are its neurons index ... */
typedef struct {
    int64_t lo, hi, index;
} slice;
static inline slice stc_slice(const assembly *a, const member *m, int q)
{
    const int64_t from = m->n * q / a->npatches, to = m->n * (q + 1) / a->npatches;
    return (slice){m->first[q], m->first[q] + to - from, from};
}

/* Port of a synapse. Models with two ports choose by the sign of the weight; those with more number
 * their receptors from 1 on, as NEST does, and take the first one where none is named. */
int stc_synapse_port(const stc_population_model *model, const stc_projection *projection, int sign);

/* grid.c: units of the weights of all pathways, and how their words are laid out. Local. */
int stc_sim_choose_formats(const stc_sim *sim, assembly *a);
/* Agree on the finest grid on which all sums fit. Collective over the group. */
int stc_sim_agree_grid(stc_sim *sim);

/* pathway.c: count the synapses of all rows and what the neurons may receive; then, when the grid
 * is known, fill the rows. Local; uses all threads. */
int stc_sim_count_synapses(const stc_sim *sim, assembly *a);
int stc_sim_fill_synapses(const stc_sim *sim, assembly *a);
void stc_pathway_destroy(pathway *p, int npatches);

/* rows.c: rows of several sources. Order the words of all cells by source; STC_ERR_NOMEM. Find
 * those of one, given by its number in the row, among n words from *first on: how many, and the
 * first. Local. */
int stc_rows_sort(const pathway *p, row_table *t);
int64_t stc_rows_find(const pathway *p, const row_table *t, uint32_t source, int64_t n,
                      uint32_t *first);
/* Number in its row of the source of a word; 0 where rows are not shared. Local. */
uint32_t stc_rows_source(const pathway *p, const row_table *t, int64_t i);

/* deliver.c: add what arrives at a patch in a step, a step of an item of the sample: first what is
 * known without the spikes that other ranks sent last, then all the rest. */
void stc_sim_deliver_own(const stc_sim *sim, const assembly *a, int patch, int64_t item, int64_t t,
                         int64_t step);
void stc_sim_deliver_rest(const stc_sim *sim, const assembly *a, int patch, int64_t item, int64_t t,
                          int64_t step);
/* Forget all spikes. */
void stc_sim_silence(const assembly *a, int patch);

#endif
