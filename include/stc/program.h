/* program.h - the compiled result: all that compiler and simulator share.
 *
 * A program is a list of stages in topological order, but for the operands of delays and
 * deliveries. A stage fills one output tensor by running its kernels; a tile is a box of that
 * tensor small enough for one core; tiles lie on chips. A stage keeps its tensor in `order`,
 * channels last, and names the source node whose output it holds, so that files speak in the
 * source's shape and ids. The program does not depend on the number of ranks. It is plain data in
 * an arena; everything is Local. Stored by io/program_{read,write,table}.c; the format is defined
 * in docs/formats.md.
 */
#ifndef STC_PROGRAM_H
#define STC_PROGRAM_H

#include "stc/base.h"
#include "stc/shape.h"
#include "stc/view.h"

enum {
    STC_PROGRAM_FORMAT = 4,
    STC_WEIGHT_LIMBS = 3,      /* a weight is three signed 8-bit limbs, lowest first */
    STC_WEIGHT_MAX = 0x7f7f7f, /* largest |q| that three signed limbs can hold */
    STC_CHANNEL_BLOCK = 16     /* tiles cut the channel axis at multiples of this, if they can */
};

enum { STC_MAX_PARAMS = 24, STC_MAX_POPULATION_PARAMS = 48 }; /* of a model */
enum { STC_MAX_KERNEL_CODE_PARAMS = 8 };

/* The closed set of kernels. A stage is either a sum (ACCUMULATE and READ kernels that add to the
 * float32 value x of an element, in order, then at most one NEURON), a population (DELIVER kernels,
 * READ kernels of currents, one POPULATION), or one other kernel. */
typedef enum {
    STC_KERNEL_INPUT,      /* values from outside */
    STC_KERNEL_ACCUMULATE, /* x += weights * operand + bias */
    STC_KERNEL_READ,       /* x += scale * operand (+ shift), element by element */
    STC_KERNEL_NEURON,     /* out = neuron(x) */
    STC_KERNEL_MATMUL,     /* out[b,i,j] = sum_k A[b,i,k] B[b,k,j] */
    STC_KERNEL_MUL,        /* out = a * b, element by element */
    STC_KERNEL_POOL,       /* out = maximum or sum (/ divisor) over a window */
    STC_KERNEL_REDUCE,     /* out = sum over axes (/ divisor) */
    STC_KERNEL_CODE,       /* out = code of the values over time, element by element */
    STC_KERNEL_DELAY,      /* out = operand some steps ago, element by element; 0 before */
    STC_KERNEL_DELIVER,    /* input of a population += weights of the spikes of a projection */
    STC_KERNEL_POPULATION, /* out = spikes of neurons that take delivered weights and currents */
    STC_KERNEL_GENERATOR   /* out = random spikes, or a current that changes at given times */
} stc_kernel_kind;

/* Rules of a projection, NEST's names (connect.h). */
typedef enum {
    STC_RULE_EXPLICIT, /* edges are listed */
    STC_RULE_ONE_TO_ONE,
    STC_RULE_ALL_TO_ALL,
    STC_RULE_FIXED_INDEGREE,     /* number sources for each destination */
    STC_RULE_FIXED_OUTDEGREE,    /* number destinations for each source */
    STC_RULE_FIXED_TOTAL_NUMBER, /* number pairs, both ends drawn */
    STC_RULE_PAIRWISE_BERNOULLI, /* every pair with probability p */
    STC_NRULES
} stc_rule;

/* How a weight or delay comes about: drawn again until it lies in [least, most]. */
typedef enum {
    STC_DRAW_CONSTANT,  /* a */
    STC_DRAW_LISTED,    /* value of the edge in field */
    STC_DRAW_UNIFORM,   /* in [a, b) */
    STC_DRAW_NORMAL,    /* mean a, standard deviation b */
    STC_DRAW_LOGNORMAL, /* exp of a normal one */
    STC_NDRAWS
} stc_draw_kind;
typedef struct {
    int32_t kind; /* stc_draw_kind */
    int32_t field;
    double a, b, least, most;
} stc_draw;

typedef struct {
    int32_t rule;           /* stc_rule */
    int32_t synapse;        /* index in the list of synapse kinds; name in the file */
    int32_t receptor;       /* port of the model; -1: by the sign of the weight */
    int32_t source, target; /* EXPLICIT: fields with the ends of every edge */
    int64_t nsources, ntargets, number, nedges;
    double p, dt;                        /* dt in ms */
    bool autapses, multapses, recurrent; /* recurrent: source and target node are the same */
    stc_draw weight, delay; /* delay in ms, rounded to the nearest step where it is drawn */
    int64_t least, most;    /* delays in steps, over all synapses */
    uint64_t key;           /* of its random numbers, from the name of the projection */
} stc_projection;

/* An operand: the output of an earlier stage, seen through a view whose dimensions are those of the
 * operand in source order (before relayout of the consumer) unless the kernel says otherwise. The
 * view's axes are the storage axes of the source stage. */
typedef struct {
    int32_t stage; /* -1: none */
    double factor; /* a power of two: value = factor * value of the stage; 1 for most */
    stc_view view;
} stc_operand;

typedef struct {
    stc_kernel_kind kind;
    stc_operand operand[2];
    union {
        /* Operand view: (channels, height, width). Output: (height, width, channels) of the stage's
         * storage; a stage tensor with fewer axes lacks height, then width (size 1 then). Linear
         * layers and 1-d convolutions have one or two token axes in their place. Out channel c
         * belongs to group c / (channels / groups). Real operands are summed in float32 over kernel
         * rows, columns, then in-channels of the group, in that order, the bias last; integer
         * operands exactly, rounded once to float32, times 2^-exponent and the operand's unit, then
         * the bias. */
        struct {
            int32_t blob; /* weights */
            int64_t channels, in_channels /* of all groups */, groups, kernel[2], stride[2],
                padding[2], dilation[2];
            int64_t in_size[2], out_size[2]; /* height, width */
            bool has_pad_values; /* padding reads blob pad_values (one per in-channel), not 0 */
        } accumulate;
        /* Operand view: dimensions in the storage order of the stage. */
        struct {
            float scale, shift;
            int32_t blob; /* >= 0: per-channel scale (column 0) and shift (bias) along the last
                             storage axis */
        } read;
        struct {
            int32_t model;                 /* index in the neuron list; name in the file */
            double params[STC_MAX_PARAMS]; /* NaN where field >= 0 */
            int32_t field[STC_MAX_PARAMS]; /* values that differ between neurons; -1: none */
        } neuron;
        /* Operand views: A (batch, rows, inner), B (batch, inner, columns) with the transposes
         * applied; batch merged to one dimension. Output storage: (batch, rows, columns) of the
         * source shape with its leading axes. */
        struct {
            int64_t batch, rows, inner, columns;
        } matmul;
        /* Operand view: (channels, height, width); output storage (height, width, channels). The
         * largest value of a window, or its sum / divisor: integers exactly, real values in float32
         * over rows, then columns. Padding is below all values, or 0 in a sum. */
        struct {
            int64_t channels, kernel[2], stride[2], padding[2], in_size[2], out_size[2];
            bool sum;
            double divisor; /* of a sum: 1, or the size of the window; of a maximum: 1 */
        } pool;
        /* Operand view: dimensions of the operand; summed where `over` is true; the others, in
         * order, are the output's storage axes (kept axes of size 1 are dropped before). */
        struct {
            bool over[STC_MAX_NDIM];
            double divisor; /* 1 for a sum */
        } reduce;
        /* Operand view: dimensions in the storage order of the stage. The operand may come from a
         * later stage: delays alone close cycles. */
        struct {
            int64_t least, most; /* steps, over all elements; >= 0 */
            int32_t field;       /* steps of each element; -1: all the same (least == most) */
        } delay;
        /* Operand view: the source node as it is (one axis). Spikes of step s with a delay of d
         * steps arrive in step s + d; the operand may come from a later stage. */
        stc_projection deliver;
        /* No operand, one axis. poisson: counts with mean value (or field, one for each element) in
         * steps first .. end. Otherwise a current: end amplitudes in field that begin at times (a
         * field, ms) delivered first steps later; value is dt in ms. */
        struct {
            bool poisson;
            double value;
            int32_t field, times;
            int64_t first, end;
            uint64_t key;
        } generator;
        /* Model of the population list; parameters as of a neuron. */
        struct {
            int32_t model;
            double params[STC_MAX_POPULATION_PARAMS];
            int32_t field[STC_MAX_POPULATION_PARAMS];
        } population;
        /* Operand view: dimensions in the storage order of the stage. */
        struct {
            int32_t code; /* index in the list of codes (code.h); name in the file */
            double params[STC_MAX_KERNEL_CODE_PARAMS];
            uint64_t key;    /* of its random numbers, from the name of the node */
            bool per_sample; /* one value per sample, after its last step */
        } code;
        /* MUL: operand views in the storage order of the stage, broadcast to it. */
    } u;
} stc_kernel;

/* Over what a stage has values in a run; see stc_timing. */
typedef enum { STC_STAGE_STEP, STC_STAGE_SAMPLE } stc_stage_timing;

typedef struct {
    const char *name;        /* of the source node whose output it holds */
    stc_shape shape;         /* of the source node */
    int order[STC_MAX_NDIM]; /* storage axis a is source axis order[a]; channels last */
    stc_shape storage;       /* shape permuted by order */
    stc_kind kind;
    stc_dtype dtype; /* integer kinds store n of value = unit * n */
    stc_stage_timing timing;
    int32_t first_kernel, nkernels;
    int32_t first_tile, ntiles; /* consecutive: the cells of a grid in C-order, cut from index 0 */
    int64_t first_id;           /* neuron stages: id of element 0, source order; others -1 */
    bool counted;               /* its spikes count in spike_checksum */
    bool is_output;             /* recorded under /outputs/<output_name> */
    const char *output_name;
    bool is_input;
    double input_scale; /* input stages: multiplied onto integer data, 1 by default */
} stc_stage;

/* Weights shared by all tiles of a stage: rows (out channels) of columns, float32 on the grid. */
typedef struct {
    const char *name; /* of the source node */
    int64_t rows, columns;
    int64_t row_limit; /* bound of sum |q| over a row, over all rows; filled with the weights, 0
                          before */
    const float *pad_values; /* [npad] or NULL */
    int64_t npad;
} stc_blob;

/* A list of numbers: one for every element of the source node of a stage in C-order (parameters
 * that differ between neurons, delays), or one for every edge of a projection. */
typedef struct {
    const char *name; /* "lif1/tau" */
    int64_t rows;
} stc_field;

typedef struct {
    int32_t stage;
    stc_box box; /* storage axes */
    int32_t chip, core, level;
    int64_t neurons, synapse_bytes;
    double work; /* estimated multiply-accumulates and element operations per step */
} stc_tile;

/* Nets: outputs of one source tile that have the same destination tiles. A list of destinations is
 * a route. Nets with the same destinations share one, so that a network in which everything goes
 * everywhere takes room for its nets, not for nets times tiles; what can be found out about a route
 * is best found out once and not for each of its nets. */
typedef struct {
    int32_t n;
    int32_t *source;  /* [n] tile, not decreasing */
    float *spikes;    /* [n] expected spikes (or values) per step that travel together */
    int32_t *route;   /* [n] where they go */
    int64_t *outputs; /* [n] elements of the source tile; NULL in programs that were read */
    int64_t *count;   /* [n] those that a profile counted; NULL: spikes are an estimate */
    int32_t nroutes;
    int64_t *first; /* [nroutes + 1] */
    int32_t *pin; /* [first[nroutes]] destination tiles of a route, increasing. The source of a net
                     is among them when it needs what it sends itself, which then does not travel */
} stc_nets;

typedef struct stc_program stc_program;
struct stc_program {
    stc_arena *arena;
    const char *name;
    int32_t nstages, nkernels, nblobs, nfields, ntiles;
    stc_stage *stages;
    stc_kernel *kernels;
    stc_blob *blobs;
    stc_field *fields;
    stc_tile *tiles;
    stc_nets nets;
    int32_t chips, levels;            /* levels between chips */
    int64_t time_steps;               /* default T, 0: not given */
    double dt;                        /* seconds per step, 0: no clock */
    const char *rules;                /* how open points of the model were read, "" for none */
    int64_t nneurons;                 /* of the source graph, before any pass */
    const char *target;               /* its name */
    const char *partition;            /* method that made it */
    const char *rates, *rates_sha256; /* profile that gave the nets their spikes; "" for none */
    const char *model_path, *model_sha256; /* provenance of the source */
    const char *command;                   /* command line that compiled it */
    uint64_t seed;
    /* Rows first .. first+count of a blob, as stc_fold_rows gives them. */
    int (*read_rows)(const stc_program *program, int32_t blob, int64_t first, int64_t count,
                     float *weight, int8_t *exponent, float *bias);
    /* Rows first .. first+count of a field. STC_ERR_INPUT. */
    int (*read_field)(const stc_program *program, int32_t field, int64_t first, int64_t count,
                      double *out);
    void *source;                          /* what the readers need */
    void (*release)(stc_program *program); /* frees source; NULL when it is borrowed */
};

int stc_program_create(const char *name, stc_program **out);
void stc_program_destroy(stc_program **program);

/* Storage strides of a stage in elements. */
void stc_stage_strides(const stc_stage *stage, int64_t stride[STC_MAX_NDIM]);
/* Source C-order strides of the storage axes: source index = sum over a of index[a] * stride[a]. */
void stc_stage_source_strides(const stc_stage *stage, int64_t stride[STC_MAX_NDIM]);

/* The next tile of a stage after `tile` (-1: the first) that a box of its storage touches, or -1;
 * the box is not empty. */
int32_t stc_stage_next_tile(const stc_program *program, const stc_stage *stage, const stc_box *box,
                            int32_t tile);

/* Box of operand `which` of a kernel that is needed to fill box (storage axes of the stage that
 * holds the kernel). Empty (size 0) when the operand is none. */
stc_box stc_kernel_needs(const stc_program *program, const stc_stage *stage,
                         const stc_kernel *kernel, int which, const stc_box *box);

/* Who needs what: every box of a stage that tiles need, once, with all tiles that need it. Drawn
 * stages are left out, as nobody waits for their values. */
typedef struct {
    int32_t n;
    int32_t *stage;      /* [n] whose values are needed */
    stc_box *box;        /* [n] of its storage, not empty */
    int64_t *first_user; /* [n + 1] */
    int32_t *user;       /* tiles that need the box, increasing */
    int64_t *first_need; /* [ntiles + 1] */
    int32_t *need;       /* of every tile the boxes that touch it, increasing */
} stc_needs;
/* Local. STC_ERR_NOMEM. stc_needs_release in any case. */
int stc_needs_find(const stc_program *program, stc_needs *out);
void stc_needs_release(stc_needs *needs);

/* By how many steps a kernel looks back at its operand, at least and at most: 0 but for DELAY, and
 * for DELIVER, which reads every step once, its smallest delay before the first arrival. */
static inline int64_t stc_kernel_least_delay(const stc_kernel *kernel)
{
    return kernel->kind == STC_KERNEL_DELAY     ? kernel->u.delay.least
           : kernel->kind == STC_KERNEL_DELIVER ? kernel->u.deliver.least
                                                : 0;
}
static inline int64_t stc_kernel_most_delay(const stc_kernel *kernel)
{
    return kernel->kind == STC_KERNEL_DELAY     ? kernel->u.delay.most
           : kernel->kind == STC_KERNEL_DELIVER ? kernel->u.deliver.least /* then it is delivered */
                                                : 0;
}
static inline bool stc_kernel_is_neuron(const stc_kernel *kernel)
{
    return kernel->kind == STC_KERNEL_NEURON || kernel->kind == STC_KERNEL_POPULATION;
}

static inline bool stc_stage_is_population(const stc_program *program, int32_t stage)
{
    const stc_stage *s = &program->stages[stage];
    return program->kernels[s->first_kernel + s->nkernels - 1].kind == STC_KERNEL_POPULATION;
}

/* Does a kernel take every step of a sample and give one value after the last one? */
static inline bool stc_kernel_gathers(const stc_kernel *kernel)
{
    return kernel->kind == STC_KERNEL_CODE && kernel->u.code.per_sample;
}

/* Can a projection be had without storing synapses: one spike to one neuron, all alike? */
bool stc_projection_is_dense(const stc_projection *projection);
/* Which stages are Poisson generators of one rate that serve populations alone, one element for one
 * neuron each: those draw the values themselves, which therefore never travel. drawn [nstages],
 * filled. */
void stc_program_drawn_stages(const stc_program *program, bool *drawn);

/* Are spikes stamped with the end of their step, as NEST and SONATA do, not with its start? So in
 * programs with populations. */
static inline bool stc_program_stamps_end(const stc_program *program)
{
    for (int32_t k = 0; k < program->nkernels; k++)
        if (program->kernels[k].kind == STC_KERNEL_POPULATION) return true;
    return false;
}

/* Steps that a block may have at most: the smallest delay of a cycle whose tiles lie on different
 * parts; INT64_MAX when there is none. Cycles inside one part are no limit: they are run in pieces
 * of their smallest delay inside the block. Negative: STC_ERR_NOMEM. */
int64_t stc_program_block_limit(const stc_program *program, const int32_t *part);

/* When each stage computes: block i of level l in beat period * i + l, with blocks of block steps,
 * when tile t lies on part[t]. An operand that lies on another part, or that is computed later in
 * the same beat, is there one beat after it was computed; a delay of d steps gives floor(d / block)
 * blocks of time. Levels are the smallest that obey this, period the smallest for which there are
 * any: 1 unless a cycle has more cuts than blocks of delay. block: at most stc_program_block_limit.
 * level [nstages] >= 0, filled; returns their number, or STC_ERR_NOMEM. */
int32_t stc_program_levels(const stc_program *program, const int32_t *part, int64_t block,
                           int32_t *level, int32_t *period);

/* Cycles: component[s] of every stage, equal for the stages of a cycle and -1 for those of none;
 * delay[c]: the smallest delay inside component c. [nstages] each, filled; returns their number, or
 * STC_ERR_NOMEM. The stages of a component need not be neighbours in the list. */
int32_t stc_program_cycles(const stc_program *program, int32_t *component, int64_t *delay);

/* Check every index, size and kind, that tiles fill their stages and that nets reach all who need
 * values, as a file may hold anything. STC_ERR_INPUT naming the object. */
int stc_program_verify(const stc_program *program);

#endif
