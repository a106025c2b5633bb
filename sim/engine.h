/* engine.h - what the files of the simulator share: the part of a program that this rank runs.
 *
 * Reading order: shard.c (what this rank holds), schedule.c (when it runs), access.c (how kernels
 * find operands), weights.c, parameters.c, sums.c, direct.c and delay.c (kernels over all tiles of
 * a stage at once), assembly.h (populations), fired.c, exchange.h, alone.c, record.c, profile.c,
 * trace.c, sim.c (the beats), cost.c, tables.c. Everything is allocated before the first beat.
 */
#ifndef STC_SIM_ENGINE_H
#define STC_SIM_ENGINE_H

#include "stc/error.h"
#include "stc/kernels.h"
#include "stc/simulate.h"

/* Over what a stage has values in this run. CONST: the same at every step of a sample. */
typedef enum { EVERY_STEP, CONST_IN_SAMPLE, ONCE_PER_SAMPLE } timing;

/* How a kernel finds element (i0, i1, ...) of an operand view in the window of its stage: at
 * element base + offset[0][i0] + offset[1][i1] + ... . The last dimension moves in runs of constant
 * stride. */
typedef struct {
    int32_t stage; /* -1: none */
    int ndim;
    int64_t base;
    int64_t *offset[STC_MAX_NDIM];
    const int64_t *ahead[STC_MAX_NDIM]; /* how many elements from an index on lie side by side */
    int64_t run, stride;                /* of the last dimension */
    float unit;                         /* value = unit * stored integer; 1 for real operands */
    int64_t max;                        /* largest stored integer; 0 for real operands */
    stc_dtype dtype;
} access;

/* Weights of consecutive channels of one group, packed for the kernel set. */
typedef struct {
    int64_t first, count; /* channels */
    int64_t group;
    void *packed;
    float *scale, *bias; /* [count rounded up to 16]; bias NULL when all zero */
    float *pad;          /* [taps][count rounded up to 16]: what a tap on padding adds; or NULL */
} chunk;

typedef struct {
    const stc_kernel *kernel;
    access operand[2];
    /* ACCUMULATE */
    int nchunks;
    chunk *chunks;
    bool depthwise;
    int64_t columns, limit;
    /* READ with per-channel scale and shift */
    float *scale, *shift; /* [channels of the stage] or NULL */
} kernel_plan;

/* A merged box of tiles that this rank owns, with the state of its neurons. */
typedef struct {
    stc_box box;
    int64_t positions, channels; /* box size = positions * channels; channels: last axis */
    float *state;                /* [nstate][positions][channels] or NULL */
    float *start;                /* the same before the first step; NULL: plan->start */
    /* Coefficients of the neurons [positions][channels]; NULL where they are all equal. */
    float *coefficient[STC_MAX_NEURON_COEFFICIENTS];
    int64_t *delay; /* DELAY: steps of each element; NULL where they are all equal */
} owned_box;

typedef struct assembly assembly;
typedef struct generator generator;

/* A state variable that is recorded: at the last step of every interval, of the neurons of this
 * rank that are asked for.
 */
typedef struct {
    const char *variable;
    int state;
    int64_t first, count; /* C-order indices of the node */
    int64_t every, rows;  /* steps of an interval, intervals of a sample */
    double *values;       /* [samples][rows][count], zero where another rank has the neuron */
} trace;

/* The elements of a window that are not 0, step by step, for those that are mostly silent: part t
 * holds those of thread t, the last part those of other ranks. */
typedef struct {
    int nparts;
    int64_t *start;    /* [nparts + 1] of the parts in a step's elements */
    int64_t *count;    /* [depth * steps][nparts] */
    uint32_t *element; /* [depth * steps][window_size] */
} spike_list;

typedef struct {
    const stc_stage *stage;
    timing timing;
    int32_t level;
    int nboxes;
    owned_box *boxes;
    /* The window: all elements that this rank computes or needs. */
    stc_box window;
    int64_t stride[STC_MAX_NDIM]; /* elements */
    int64_t window_size;
    int64_t depth, steps;  /* ring of items, steps per item */
    unsigned char *buffer; /* [depth][steps][window_size] of dtype; NULL when not held here, or when
                              `fired` says all that anyone reads */
    int nkernels;
    kernel_plan *kernels;
    const stc_neuron_model *model; /* NULL unless a neuron stage */
    assembly *assembly;            /* that its neurons of this rank are part of; NULL: none */
    int member;                    /* of the assembly */
    spike_list *fired;             /* of a population; NULL: look at the window */
    int32_t grid;                  /* stages whose synaptic sums lie on one grid share a number */
    bool in_pure_cycle;            /* of populations alone */
    generator *generator;          /* NULL unless one with elements on this rank */
    bool drawn_where_used;         /* a generator whose values the populations draw themselves */
    const double *params;
    bool spiking; /* a neuron stage with spikes */
    /* Of neurons that are all equal. */
    float start[STC_MAX_NEURON_STATES];
    float *common[STC_MAX_NEURON_COEFFICIENTS]; /* [most channels of a box] the same value */
    int32_t cycle;                       /* number of the cycle that the stage is part of, or -1 */
    int64_t positions_per_item;          /* of a sum, per unit of work of a thread */
    bool remote;                         /* some operand comes, in the same beat, from a message */
    unsigned char *preloaded;            /* INPUT: [samples][steps or 1][window] of dtype */
    int input_array;                     /* INPUT: index in the input */
    int64_t source_stride[STC_MAX_NDIM]; /* source C-order index of storage axes */
    double seconds;
    int64_t spikes;     /* counted nonzero outputs on this rank */
    int64_t unmeasured; /* those before the measured part */
    uint64_t checksum;
    /* records: (when * size + id) << 8 | value, when = sample * T + step */
    uint64_t *records;
    int64_t nrecords, record_capacity;
    stc_profile_node *counted; /* borrowed; NULL: no profile is made */
    int ntraces;
    trace *traces;           /* state variables that are recorded */
    float *outputs;          /* output stages: [samples][T or 1][source size] */
    int64_t first_output_id; /* of element 0 in output_checksum */
} stage_plan;

typedef struct exchange exchange;

/* Parts of a step of a population, for those who want to know where time goes. */
typedef enum { STC_PHASE_DELIVER, STC_PHASE_POISSON, STC_PHASE_UPDATE, STC_NPHASES } phase;

/* Scratch of one thread. */
typedef struct {
    unsigned char *panel, *panel2; /* operand rows */
    float *x, *x2;
    int32_t *sums;
    void *gemm;
    int64_t spikes;
    uint64_t checksum;
    double seconds[STC_NPHASES];
    int64_t events; /* synapses that spikes arrived at */
} scratch;

struct stc_sim {
    stc_comm world, group; /* group: the ranks that share a sample; owned */
    const stc_program *program;
    const stc_input *input;
    stc_run_options options;
    const stc_kernel_set *kernels;
    int threads;
    scratch *scratch;               /* [threads] */
    int64_t steps, block, nblocks;  /* T, steps per block, blocks per sample */
    int64_t first_sample, nsamples; /* of this group, absolute */
    int64_t all_first, all_samples; /* of all groups */
    int32_t nlevels, period; /* block i of a stage of level l is computed in beat period * i + l */
    int32_t *order;          /* [nstages] stages as they run in a beat; cycles stay together */
    int32_t ncycles;
    int64_t *cycle_delay;  /* [ncycles] smallest delay: steps that a cycle may run at once */
    unsigned char *zeros;  /* what a delay reads before the first step; as large as any window */
    int32_t *rank_of_tile; /* in the group */
    stage_plan *stages;    /* [nstages] */
    int nassemblies;
    assembly **assemblies, **together; /* [nstages]; together: those of one cycle, while it runs */
    exchange *exchange;
    double *sample_start, *sample_end; /* [nsamples] seconds, this rank */
    double load_seconds, simulate_seconds, wait_seconds, record_seconds;
    int64_t measured_from; /* step; -1: the measured part has not begun */
    double measure_start, measured_seconds;
    int64_t messages, bytes, spike_copies;
    uint64_t output_checksum;
    int rc; /* first failure inside the beats */
};

/* Which part of the program this process holds, of how many. */
static inline int stc_sim_rank(const stc_sim *sim)
{
    return sim->options.alone.of > 0 ? sim->options.alone.rank : sim->group.rank;
}
static inline int stc_sim_ranks(const stc_sim *sim)
{
    return sim->options.alone.of > 0 ? sim->options.alone.of : sim->group.size;
}
/* shard.c: owners, boxes, windows, timing; allocate windows and state. Local. */
int stc_sim_plan_shard(stc_sim *sim);
/* schedule.c: block, levels, cycles and order. Then, when it is known who waits for messages: those
 * who wait for them in the same beat, and whole cycles. */
int stc_sim_schedule(stc_sim *sim);
void stc_sim_spread_remote(stc_sim *sim);
/* Boxes of a stage on a rank of the group, merged: stc_alloc'ed, caller frees. */
int stc_sim_boxes(const stc_sim *sim, int32_t stage, int rank, stc_box **boxes, int *n);
/* Steps of block number b of a sample. */
static inline int64_t stc_sim_block_length(const stc_sim *sim, int64_t block)
{
    int64_t left = sim->steps - block * sim->block;
    return left < sim->block ? left : sim->block;
}
/* Those that a stage holds values of: one where they are all the same. */
int64_t stc_sim_steps_in_block(const stc_sim *sim, const stage_plan *plan, int64_t block);
/* Number of a step of an item in the ring; where element 0 of the window is then. */
static inline int64_t stc_sim_slot(const stage_plan *plan, int64_t item, int64_t step)
{
    return item % plan->depth * plan->steps + (plan->timing == EVERY_STEP ? step : 0);
}
static inline unsigned char *stc_sim_at(const stage_plan *plan, int64_t item, int64_t step)
{
    return plan->buffer +
           stc_sim_slot(plan, item, step) * plan->window_size * stc_dtype_size(plan->stage->dtype);
}
/* The list of one part of a step of the ring, and its length. */
static inline uint32_t *stc_fired(const stage_plan *plan, int64_t slot, int part, int64_t **count)
{
    *count = plan->fired->count + slot * plan->fired->nparts + part;
    return plan->fired->element + slot * plan->window_size + plan->fired->start[part];
}

/* The item that a stage computes in a beat, or -1. */
static inline int64_t stc_sim_item(const stc_sim *sim, const stage_plan *plan, int64_t beat)
{
    int64_t since = beat - plan->level;
    if (since < 0 || since % sim->period != 0) return -1;
    return since / sim->period < sim->nsamples * sim->nblocks ? since / sim->period : -1;
}
static inline int64_t stc_sim_beats(const stc_sim *sim)
{
    int64_t items = sim->nsamples * sim->nblocks;
    return items ? sim->period * (items - 1) + sim->nlevels : 0;
}
/* Some steps before a step of an item of the same sample: the number in the ring (-1: before the
 * first step), and element 0 of the window. */
int64_t stc_sim_slot_before(const stc_sim *sim, const stage_plan *plan, int64_t item, int64_t step,
                            int64_t delay);
const unsigned char *stc_sim_before(const stc_sim *sim, const stage_plan *plan, int64_t item,
                                    int64_t step, int64_t delay);

/* preload.c: all samples of this group in the window of an input stage. STC_ERR_INPUT: a value that
 * the stage may not hold. */
int stc_sim_preload(stc_sim *sim, stage_plan *plan);

/* parameters.c: coefficients and start of the neurons of this rank, delays of its delay stages. */
int stc_sim_load_neurons(stc_sim *sim);

/* assembly.c: the neurons of this rank, and how many synapses lead to them. Then, in grid.c, agree
 * on the grid of their weights and make them; Collective over the group, errors the same on all its
 * ranks. */
int stc_sim_load_populations(stc_sim *sim);
int stc_sim_agree_grid(stc_sim *sim);
void stc_sim_destroy_assemblies(stc_sim *sim);

/* fired.c: does anything but synapses read the spikes of a stage? Else lists of them are enough.
 * Lists of all populations that this rank has or hears. */
bool stc_sim_needs_window(const stc_program *program, int32_t stage);
int stc_sim_allocate_lists(stc_sim *sim);
void stc_sim_destroy_list(spike_list **list);

/* generator.c: rates and amplitudes. */
int stc_sim_load_generators(stc_sim *sim);
void stc_sim_destroy_generator(generator **generator);

/* access.c */
int stc_access_create(const stc_sim *sim, const stc_operand *operand, access *out);
void stc_access_destroy(access *a);

/* weights.c: read and pack the weights of the channels that this rank owns. */
int stc_sim_load_weights(stc_sim *sim);

/* Run one stage for steps first .. first+steps of an item (a block of a sample). */
void stc_sim_sum(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
void stc_sim_direct(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
void stc_sim_pool(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
/* The stage of its first population. */
stage_plan *stc_assembly_stage(const assembly *a);
/* population.c: steps from .. to of the blocks that n assemblies compute in a beat, in pieces that
 * are finished by all threads before the next one begins. */
void stc_sim_assemblies(stc_sim *sim, int n, assembly *const *list, int64_t beat, int64_t from,
                        int64_t to, int64_t piece);
/* What those that wait for messages in a beat can do before. */
void stc_sim_begin_assemblies(const stc_sim *sim, int64_t beat);
/* Bytes of scratch of a thread. */
int64_t stc_sim_population_need(const assembly *a);
void stc_sim_generate(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
/* code.c; state variables of an element. */
int64_t stc_sim_code_states(const stc_kernel *kernel);
void stc_sim_code(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
void stc_sim_delay(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps);
/* Bytes of scratch that the stages need, as maxima over the stages. */
typedef struct {
    int64_t panel, panel2, x, x2, sums;
} scratch_need;
void stc_sim_sum_need(const stc_sim *sim, stage_plan *plan, scratch_need *need);
void stc_sim_direct_need(const stc_sim *sim, const stage_plan *plan, scratch_need *need);

/* Seconds of this thread; nothing unless phases are asked for. */
static inline double stc_phase_start(const stc_sim *sim)
{
    return sim->options.phases ? stc_seconds() : 0.0;
}
static inline double stc_phase_end(const stc_sim *sim, int thread, phase which, double start)
{
    if (!sim->options.phases) return 0.0;
    const double now = stc_seconds();
    sim->scratch[thread].seconds[which] += now - start;
    return now;
}

/* exchange.c: find out what travels; Local. Then connect the ranks of the group; Collective, errors
 * the same on all of them, and so is the end. */
int stc_exchange_create(stc_sim *sim);
int stc_exchange_connect(stc_sim *sim);
void stc_exchange_destroy(exchange **exchange);
/* Wait for what others sent at the end of beat - 1, and unpack it. */
void stc_exchange_receive(stc_sim *sim, int64_t beat);
/* Pack and send what this beat computed for others. */
void stc_exchange_send(stc_sim *sim, int64_t beat);
/* What this rank has sent to other nodes, for its own. */
void stc_exchange_between_nodes(const exchange *exchange, int64_t *messages, int64_t *bytes);

/* alone.c: in place of what others would have sent at the end of beat - 1. */
void stc_alone_receive(stc_sim *sim, int64_t beat);

/* Values of a trace for a step of a sample, so that entry `id` is that of neuron id; NULL when the
 * step is not recorded. */
static inline double *stc_sim_trace_row(const stc_sim *sim, const trace *t, int64_t sample,
                                        int64_t step)
{
    int64_t row = (sample - sim->all_first) * t->rows + step / t->every;
    if ((step + 1) % t->every != 0) return NULL;
    return t->values + row * t->count - t->first;
}
/* trace.c: find what is to be recorded, and allocate it. */
int stc_sim_plan_traces(stc_sim *sim);
/* The i-th one of a stage, on rank 0 of the world. Collective. */
int stc_sim_collect_trace(stc_sim *sim, stage_plan *plan, int i, stc_trace *out);

/* profile.c: count what a stage computed for an item. And how many of n values are not zero. */
void stc_sim_count_item(const stc_sim *sim, const stage_plan *plan, int64_t item);
int64_t stc_sim_nonzero(stc_dtype dtype, const void *values, int64_t n);

/* record.c: after a stage was computed for an item. */
void stc_sim_record(stc_sim *sim, stage_plan *plan, int64_t item);
/* The state of a row of n neurons after a step; source: C-order index of the first of them. */
void stc_sim_trace(const stc_sim *sim, stage_plan *plan, float *const *state, int64_t n,
                   int64_t source, int64_t sample, int64_t step);

/* Rows of a box: its positions (all axes but the last) in C-order, each with all its channels. Set
 * the index of a row, move to the next one (false after the last); the last entry is the caller's.
 */
static inline void stc_sim_row(const stc_box *box, int64_t row, int64_t *index)
{
    for (int a = box->ndim - 2; a >= 0; a--) {
        int64_t extent = box->hi[a] - box->lo[a];
        index[a] = box->lo[a] + row % extent;
        row /= extent;
    }
}
static inline bool stc_sim_next_row(const stc_box *box, int64_t *index)
{
    for (int a = box->ndim - 2; a >= 0; a--) {
        if (++index[a] < box->hi[a]) return true;
        index[a] = box->lo[a];
    }
    return false;
}
/* Element of the window of a stage at an index of its storage. */
static inline int64_t stc_sim_element(const stage_plan *plan, const int64_t *index)
{
    int64_t element = 0;
    for (int a = 0; a < plan->window.ndim; a++)
        element += (index[a] - plan->window.lo[a]) * plan->stride[a];
    return element;
}

/* Product of sizes, at most 2^62: stc_alloc refuses so much. */
static inline int64_t stc_sim_product(int64_t a, int64_t b)
{
    const int64_t most = INT64_C(1) << 62;
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > most ? most : product;
}

static inline int64_t stc_round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

#endif
