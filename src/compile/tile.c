/* tile.c - cut the output of every stage into boxes that one core can hold.
 *
 * All tiles of a stage come from one grid. Channels (the last axis) are cut first, at multiples of
 * STC_CHANNEL_BLOCK, so that the weights of a tile fit; then positions, as squares where a kernel
 * looks at neighbours and as rows elsewhere. A sum over inputs is never cut. */
#include "stc/error.h"
#include "steps.h"

#include "stc/connect.h"

#include <math.h>
#include <string.h>

enum { WANTED_CHANNELS = 64 }; /* a wider tile would leave few positions for one core */

/* Bytes of weights behind one out channel of a stage. */
static int64_t weight_bytes_per_channel(const stc_program *program, const stc_stage *stage,
                                        const stc_target *target)
{
    int64_t columns = 0;
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        if (kernel->kind == STC_KERNEL_ACCUMULATE) {
            columns += program->blobs[kernel->u.accumulate.blob].columns;
        }
    }
    return columns * target->weight_bytes;
}

/* Synapses onto a neuron of a projection, on average. */
static double indegree(const stc_kernel *kernel)
{
    return stc_connect_expected(&kernel->u.deliver) / (double)kernel->u.deliver.ntargets;
}

/* Bytes of the synapses onto one neuron of a population: weight, and target with delay. */
static int64_t synapse_bytes_per_neuron(const stc_program *program, const stc_stage *stage,
                                        const stc_target *target)
{
    enum { ADDRESS_BYTES = 4 };
    double synapses = 0.0;
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        if (kernel->kind == STC_KERNEL_DELIVER) synapses += indegree(kernel);
    }
    return (int64_t)ceil(synapses * (double)(target->weight_bytes + ADDRESS_BYTES));
}

/* Neurons of a population per tile: as a core holds, and few enough for partitions to choose. */
static int tile_population(const stc_program *program, const stc_stage *stage,
                           const stc_target *target, int64_t tile_neurons, int64_t *extent)
{
    enum { WANTED_TILES = 32, LEAST = 8 };
    int64_t n = stage->storage.dim[0], each = synapse_bytes_per_neuron(program, stage, target);
    int64_t most = target->neurons_per_core;
    if (each > 0 && target->synapse_bytes_per_core / each < most) {
        most = target->synapse_bytes_per_core / each;
    }
    STC_CHECK(most >= 1, STC_ERR_FIT,
              "population %s: a neuron needs %lld bytes of synapses, a core of target %s holds "
              "%lld; use a target with more synapse memory (see `stc targets`)",
              stage->name, (long long)each, target->name,
              (long long)target->synapse_bytes_per_core);
    int64_t wanted = (n + WANTED_TILES - 1) / WANTED_TILES;
    if (wanted < LEAST) wanted = LEAST;
    if (tile_neurons > 0) wanted = tile_neurons;
    if (wanted > most) wanted = most;
    *extent = wanted < n ? wanted : n;
    return 0;
}

static bool has_window(const stc_program *program, const stc_stage *stage)
{
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        if (kernel->kind == STC_KERNEL_POOL) return true;
        if (kernel->kind == STC_KERNEL_ACCUMULATE &&
            (kernel->u.accumulate.kernel[0] > 1 || kernel->u.accumulate.kernel[1] > 1)) {
            return true;
        }
    }
    return false;
}

/* Channels per tile: pieces of equal size, multiples of the channel block where that fits. */
static int64_t channel_extent(int64_t channels, int64_t most)
{
    if (channels <= most) return channels;
    int64_t pieces = (channels + most - 1) / most;
    int64_t extent = (channels + pieces - 1) / pieces;
    if (most < STC_CHANNEL_BLOCK) return extent;
    extent = (extent + STC_CHANNEL_BLOCK - 1) / STC_CHANNEL_BLOCK * STC_CHANNEL_BLOCK;
    return extent <= most ? extent : most;
}

static int tile_extents(const stc_program *program, const stc_stage *stage,
                        const stc_target *target, int64_t tile_neurons, int64_t *extent)
{
    int n = stage->storage.ndim;
    if (n == 0) return 0;
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    if (last->kind == STC_KERNEL_POPULATION) {
        return tile_population(program, stage, target, tile_neurons, extent);
    }
    int64_t per_channel = weight_bytes_per_channel(program, stage, target);
    int64_t most = target->neurons_per_core;
    if (per_channel > 0) {
        int64_t by_memory = target->synapse_bytes_per_core / per_channel;
        STC_CHECK(by_memory >= 1, STC_ERR_FIT,
                  "stage %s: one channel needs %lld bytes of weights, a core of target %s holds "
                  "%lld; use a target with more synapse memory (see `stc targets`)",
                  stage->name, (long long)per_channel, target->name,
                  (long long)target->synapse_bytes_per_core);
        if (most > WANTED_CHANNELS) most = WANTED_CHANNELS;
        if (most > by_memory) most = by_memory;
    }
    if (most >= STC_CHANNEL_BLOCK) most = most / STC_CHANNEL_BLOCK * STC_CHANNEL_BLOCK;
    extent[n - 1] = channel_extent(stage->storage.dim[n - 1], most);
    int64_t left = target->neurons_per_core / extent[n - 1];
    for (int a = n - 2; a >= 0; a--) {
        int64_t wanted = left;
        if (n == 3 && a == 1 && has_window(program, stage)) {
            wanted = (int64_t)ceil(sqrt((double)left));
        }
        if (wanted > left) wanted = left;
        if (wanted < 1) wanted = 1;
        extent[a] = wanted < stage->storage.dim[a] ? wanted : stage->storage.dim[a];
        left /= extent[a];
    }
    return 0;
}

/* Work of one element of a stage, in multiply-accumulates of a dense integer kernel. The constants
 * are the ratios that bench_kernels and the profile of Spikformer-4-384 show: an element that is
 * written, compared and counted costs as much as some hundred multiply-accumulates. */
enum {
    WORK_ELEMENT = 100, /* any element */
    WORK_NEURON = 300,  /* its update and its checksum */
    WORK_READ = 60,     /* one operand read element by element */
    WORK_REAL = 8,      /* one multiply-accumulate of real values, times */
    WORK_PRODUCT = 3,   /* one of two operands, times */
    WORK_SPIKE = 1,     /* one synapse, which seldom carries a spike */
    WORK_WINDOW = 15    /* one element of a pooling window or of a sum */
};

static double work_per_element(const stc_program *program, const stc_stage *stage)
{
    double work = WORK_ELEMENT;
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        const stc_operand *operand = &kernel->operand[0];
        bool real = operand->stage >= 0 && stc_kind_is_real(program->stages[operand->stage].kind);
        double columns;
        stc_shape in;
        switch (kernel->kind) {
        case STC_KERNEL_ACCUMULATE:
            columns = (double)program->blobs[kernel->u.accumulate.blob].columns;
            work += real ? WORK_REAL * columns : columns;
            break;
        case STC_KERNEL_MATMUL:
            work += WORK_PRODUCT * (double)kernel->u.matmul.inner;
            break;
        case STC_KERNEL_POOL:
            work += WORK_WINDOW * (double)(kernel->u.pool.kernel[0] * kernel->u.pool.kernel[1]);
            break;
        case STC_KERNEL_REDUCE:
            in = stc_view_shape(&operand->view);
            work +=
                WORK_WINDOW * (double)stc_shape_size(&in) / (double)stc_shape_size(&stage->storage);
            break;
        case STC_KERNEL_NEURON:
        case STC_KERNEL_POPULATION:
            work += WORK_NEURON;
            break;
        case STC_KERNEL_DELIVER:
            work += WORK_SPIKE * indegree(kernel);
            break;
        default:
            work += WORK_READ;
            break;
        }
    }
    return work;
}

static bool is_neuron_stage(const stc_program *program, const stc_stage *stage)
{
    return stc_kernel_is_neuron(&program->kernels[stage->first_kernel + stage->nkernels - 1]);
}

static void fill_tile(const stc_program *program, int32_t s, const int64_t *extent,
                      int64_t per_channel, double work, int64_t index, stc_tile *tile)
{
    const stc_stage *stage = &program->stages[s];
    *tile = (stc_tile){.stage = s, .box = {.ndim = stage->storage.ndim}};
    for (int a = stage->storage.ndim - 1; a >= 0; a--) {
        int64_t cells = (stage->storage.dim[a] + extent[a] - 1) / extent[a];
        tile->box.lo[a] = index % cells * extent[a];
        tile->box.hi[a] = tile->box.lo[a] + extent[a];
        if (tile->box.hi[a] > stage->storage.dim[a]) tile->box.hi[a] = stage->storage.dim[a];
        index /= cells;
    }
    int64_t size = stc_box_size(&tile->box);
    int c = tile->box.ndim - 1;
    tile->neurons = is_neuron_stage(program, stage) ? size : 0;
    tile->synapse_bytes = c < 0 ? 0 : per_channel * (tile->box.hi[c] - tile->box.lo[c]);
    tile->work = work * (double)size;
}

/* The population that a stage feeds, element by element and nothing else: a generator and its
 * neurons. -1: none. */
static int32_t fed_alone(const stc_program *program, int32_t s)
{
    int32_t fed = -1;
    for (int32_t d = 0; d < program->nstages; d++) {
        const stc_stage *stage = &program->stages[d];
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            if (kernel->operand[0].stage != s && kernel->operand[1].stage != s) continue;
            bool each =
                kernel->kind == STC_KERNEL_READ || (kernel->kind == STC_KERNEL_DELIVER &&
                                                    kernel->u.deliver.rule == STC_RULE_ONE_TO_ONE);
            if (!each || (fed >= 0 && fed != d)) return -1;
            fed = d;
        }
    }
    if (fed < 0) return -1;
    const stc_stage *stage = &program->stages[fed];
    bool population =
        program->kernels[stage->first_kernel + stage->nkernels - 1].kind == STC_KERNEL_POPULATION;
    return population && stc_shape_equal(&stage->storage, &program->stages[s].storage) ? fed : -1;
}

int stc_tile_stages(stc_program *program, const stc_target *target, int64_t tile_neurons)
{
    int64_t(*extents)[STC_MAX_NDIM] =
        stc_arena_alloc(program->arena, program->nstages, sizeof *extents);
    if (!extents) return STC_ERR_NOMEM;
    bool *drawn = stc_arena_alloc(program->arena, program->nstages, sizeof *drawn);
    if (!drawn) return STC_ERR_NOMEM;
    stc_program_drawn_stages(program, drawn);
    int64_t total = 0;
    for (int32_t s = 0; s < program->nstages; s++) {
        stc_stage *stage = &program->stages[s];
        int32_t as = fed_alone(program, s); /* cut like it, both can lie on one chip */
        if (drawn[s]) {                     /* no values of it exist anywhere */
            memcpy(extents[s], stage->storage.dim, sizeof extents[s]);
        } else {
            STC_TRY(tile_extents(program, &program->stages[as < 0 ? s : as], target, tile_neurons,
                                 extents[s]));
        }
        int64_t cells = 1;
        for (int a = 0; a < stage->storage.ndim; a++) {
            cells *= (stage->storage.dim[a] + extents[s][a] - 1) / extents[s][a];
        }
        total += cells;
        STC_CHECK(total <= INT32_MAX / 2, STC_ERR_FIT,
                  "more than %d tiles; use a target with larger cores", INT32_MAX / 2);
        stage->first_tile = (int32_t)(total - cells);
        stage->ntiles = (int32_t)cells;
    }
    program->ntiles = (int32_t)total;
    program->tiles = stc_arena_alloc(program->arena, total, sizeof *program->tiles);
    if (!program->tiles) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        int64_t per_channel = weight_bytes_per_channel(program, stage, target) +
                              synapse_bytes_per_neuron(program, stage, target);
        double work = drawn[s] ? 0.0 : work_per_element(program, stage);
        for (int32_t i = 0; i < stage->ntiles; i++) {
            fill_tile(program, s, extents[s], per_channel, work, i,
                      &program->tiles[stage->first_tile + i]);
        }
    }
    return 0;
}
