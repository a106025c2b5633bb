/* sums.c - stages that are sums: weights times operands and operands read element by element, then
 * perhaps a neuron. One call computes all boxes of this rank for one item; a unit of work of a
 * thread is a few positions with all their channels and steps, so that the weights are read once
 * for a whole block of steps. */
#include "engine.h"

#include <omp.h>
#include <string.h>

enum { PANEL_ROWS = 128, PANEL_BYTES = 1 << 19 };

/* ---- panels: the operand rows of a window kernel, one after the other ---- */

typedef struct {
    const stc_sim *sim;
    const kernel_plan *kernel;
    int64_t group_first, in; /* in-channels of the group */
    int64_t row_bytes, size; /* bytes per row, bytes per element */
} panel_layout;

static void copy_tap(const panel_layout *layout, const unsigned char *values, int64_t element,
                     unsigned char *out)
{
    const access *a = &layout->kernel->operand[0];
    const int64_t *channel = a->offset[0] + layout->group_first;
    /* view dimensions are (channels, height, width): channels usually lie side by side */
    if (a->ahead[0][layout->group_first] >= layout->in) {
        memcpy(out, values + (element + channel[0]) * layout->size,
               (size_t)(layout->in * layout->size));
        return;
    }
    for (int64_t i = 0; i < layout->in; i++) {
        memcpy(out + i * layout->size, values + (element + channel[i]) * layout->size,
               (size_t)layout->size);
    }
}

/* A real operand reads the pad values themselves; an integer one adds their product later. */
static void pad_tap(const panel_layout *layout, unsigned char *out)
{
    const stc_kernel *kernel = layout->kernel->kernel;
    if (kernel->u.accumulate.has_pad_values && layout->kernel->operand[0].dtype == STC_F32) {
        const stc_blob *blob = &layout->sim->program->blobs[kernel->u.accumulate.blob];
        memcpy(out, blob->pad_values + layout->group_first, (size_t)layout->in * sizeof(float));
    } else {
        memset(out, 0, (size_t)(layout->in * layout->size));
    }
}

/* One row: the taps of the window of an output position. */
static void fill_row(const panel_layout *layout, const unsigned char *values, int64_t height,
                     int64_t width, unsigned char *row)
{
    const stc_kernel *kernel = layout->kernel->kernel;
    const access *a = &layout->kernel->operand[0];
    unsigned char *out = row;
    for (int64_t y = 0; y < kernel->u.accumulate.kernel[0]; y++) {
        int64_t h = height * kernel->u.accumulate.stride[0] - kernel->u.accumulate.padding[0] +
                    y * kernel->u.accumulate.dilation[0];
        for (int64_t x = 0; x < kernel->u.accumulate.kernel[1]; x++) {
            int64_t w = width * kernel->u.accumulate.stride[1] - kernel->u.accumulate.padding[1] +
                        x * kernel->u.accumulate.dilation[1];
            bool in = h >= 0 && h < kernel->u.accumulate.in_size[0] && w >= 0 &&
                      w < kernel->u.accumulate.in_size[1];
            if (in)
                copy_tap(layout, values, a->base + a->offset[1][h] + a->offset[2][w], out);
            else
                pad_tap(layout, out);
            out += layout->in * layout->size;
        }
    }
    memset(out, 0, (size_t)(row + layout->row_bytes - out));
}

static void fill_panel(const panel_layout *layout, const owned_box *own, int64_t item,
                       int64_t first_step, int64_t steps, int64_t position, int64_t count,
                       unsigned char *panel)
{
    const stage_plan *source = &layout->sim->stages[layout->kernel->operand[0].stage];
    int last = own->box.ndim - 1;
    for (int64_t t = 0; t < steps; t++) {
        const unsigned char *values = stc_sim_at(source, item, first_step + t);
        int64_t index[STC_MAX_NDIM];
        stc_sim_row(&own->box, position, index);
        for (int64_t p = 0; p < count; p++) {
            int64_t height = last >= 2 ? index[last - 2] : 0,
                    width = last >= 1 ? index[last - 1] : 0;
            fill_row(layout, values, height, width, panel + (t * count + p) * layout->row_bytes);
            stc_sim_next_row(&own->box, index);
        }
    }
}

/* The panel element of an operand type: bytes for the byte kernel, else int32 or float. */
static int64_t panel_row_bytes(const kernel_plan *kernel)
{
    int64_t size = stc_dtype_size(kernel->operand[0].dtype);
    if (kernel->operand[0].dtype == STC_U8 && !kernel->depthwise) {
        return stc_round_up(kernel->columns, 64);
    }
    if (kernel->depthwise) return kernel->columns * 256 * size;
    return stc_round_up(kernel->columns, 16) * (size > 4 ? size : 4);
}

/* Widen u16 rows to int32 in place, from the end. */
static void widen(unsigned char *panel, int64_t rows, int64_t row_bytes, int64_t n)
{
    for (int64_t r = 0; r < rows; r++) {
        uint16_t *narrow = (uint16_t *)(void *)(panel + r * row_bytes);
        int32_t *wide = (int32_t *)(void *)(panel + r * row_bytes);
        for (int64_t i = n - 1; i >= 0; i--) {
            uint16_t value;
            memcpy(&value, narrow + i, sizeof value);
            memcpy(wide + i, &(int32_t){value}, sizeof *wide);
        }
    }
}

/* ---- terms ---- */

typedef struct {
    stc_sim *sim;
    stage_plan *plan;
    const owned_box *own;
    int64_t item, first_step, steps; /* of the item */
    int64_t position, count;         /* positions of this unit of work */
    int64_t first, channels;         /* channels of this pass: a chunk, or all of the box */
    float *x;                        /* [steps][count][ldx] */
    int64_t ldx;
    scratch *scratch;
} work;

/* Add what padding contributes under integer operands: taps that fall outside, in order. */
static void add_padding(const work *w, const kernel_plan *kernel, const chunk *c)
{
    const stc_kernel *k = kernel->kernel;
    int64_t width16 = stc_round_up(c->count, 16), index[STC_MAX_NDIM];
    int last = w->own->box.ndim - 1;
    stc_sim_row(&w->own->box, w->position, index);
    for (int64_t p = 0; p < w->count; p++, stc_sim_next_row(&w->own->box, index)) {
        int64_t at[2] = {last >= 2 ? index[last - 2] : 0, last >= 1 ? index[last - 1] : 0};
        for (int64_t tap = 0; tap < k->u.accumulate.kernel[0] * k->u.accumulate.kernel[1]; tap++) {
            int64_t yx[2] = {tap / k->u.accumulate.kernel[1], tap % k->u.accumulate.kernel[1]};
            bool outside = false;
            for (int a = 0; a < 2; a++) {
                int64_t i = at[a] * k->u.accumulate.stride[a] - k->u.accumulate.padding[a] +
                            yx[a] * k->u.accumulate.dilation[a];
                outside = outside || i < 0 || i >= k->u.accumulate.in_size[a];
            }
            for (int64_t t = 0; outside && t < w->steps; t++) {
                float *row = w->x + (t * w->count + p) * w->ldx;
                for (int64_t n = 0; n < c->count; n++)
                    row[n] += c->pad[tap * width16 + n];
            }
        }
    }
}

static void multiply(const work *w, const kernel_plan *kernel, const chunk *c, int64_t rows,
                     int64_t row_bytes, float *x, bool add)
{
    const stc_kernel_set *set = w->sim->kernels;
    const access *operand = &kernel->operand[0];
    bool integer = operand->dtype != STC_F32;
    bool bytes = operand->dtype == STC_U8;
    stc_gemm gemm = {.m = rows,
                     .k = kernel->columns,
                     .a = w->scratch->panel,
                     .lda = bytes ? row_bytes : row_bytes / 4,
                     .weights = c->packed,
                     .n = c->count,
                     .scale = integer ? c->scale : NULL,
                     .bias = c->bias,
                     .limit = kernel->limit,
                     .max_operand = operand->max,
                     .x = x,
                     .ldx = w->ldx,
                     .add = add,
                     .scratch = w->scratch->gemm};
    if (bytes)
        set->gemm_u8(&gemm);
    else if (integer)
        set->gemm_i32(&gemm);
    else
        set->gemm_f32(&gemm);
}

/* x = or += weights * operand for the channels of one chunk. */
static void accumulate(const work *w, const kernel_plan *kernel, const chunk *c, bool add,
                       bool refill)
{
    const stc_kernel *k = kernel->kernel;
    const stage_plan *source = &w->sim->stages[kernel->operand[0].stage];
    bool once = source->timing == CONST_IN_SAMPLE && w->steps > 1;
    int64_t steps = once ? 1 : w->steps, rows = steps * w->count;
    int64_t size = stc_dtype_size(kernel->operand[0].dtype);
    panel_layout layout = {.sim = w->sim, .kernel = kernel, .size = size};
    if (kernel->depthwise) {
        layout.group_first = c->first;
        layout.in = c->count;
        layout.row_bytes = kernel->columns * c->count * size;
    } else {
        layout.in = k->u.accumulate.in_channels / k->u.accumulate.groups;
        layout.group_first = c->group * layout.in;
        layout.row_bytes = panel_row_bytes(kernel);
    }
    if (refill) {
        fill_panel(&layout, w->own, w->item, w->first_step, steps, w->position, w->count,
                   w->scratch->panel);
        if (kernel->operand[0].dtype == STC_U16 && !kernel->depthwise) {
            widen(w->scratch->panel, rows, layout.row_bytes, kernel->columns);
        }
    }
    /* A term that is the same at every step is computed once and then added to each. */
    float *x = once ? w->scratch->x2 : w->x;
    bool add_now = add && !once;
    if (kernel->depthwise) {
        w->sim->kernels->depthwise(
            kernel->operand[0].dtype, rows, kernel->columns, c->count, w->scratch->panel, c->packed,
            kernel->operand[0].dtype == STC_F32 ? NULL : c->scale, c->bias, x, w->ldx, add_now);
    } else {
        multiply(w, kernel, c, rows, layout.row_bytes, x, add_now);
    }
    for (int64_t t = 0; once && t < w->steps; t++) {
        for (int64_t p = 0; p < w->count; p++) {
            w->sim->kernels->read(STC_F32, c->count, x + p * w->ldx, 1, 1.0f, 0.0f,
                                  w->x + (t * w->count + p) * w->ldx, add);
        }
    }
    if (c->pad) add_padding(w, kernel, c); /* last in both ways, so that rounding is the same */
}

/* One row of an element-wise term, in runs of constant stride. */
static void read_row(const work *w, const kernel_plan *kernel, const unsigned char *values,
                     int64_t element, float *x, bool add)
{
    const access *a = &kernel->operand[0];
    int64_t size = stc_dtype_size(a->dtype), n = w->channels;
    float scale = kernel->kernel->u.read.scale * a->unit;
    for (int64_t i = 0; i < n;) {
        int64_t c = w->first + i;
        int64_t run = a->run - c % a->run;
        if (run > n - i) run = n - i;
        int64_t offset = a->ndim > 0 ? a->offset[a->ndim - 1][c] : 0;
        const unsigned char *from = values + (element + offset) * size;
        if (kernel->scale) {
            w->sim->kernels->read_affine(a->dtype, run, from, a->stride, kernel->scale + c,
                                         kernel->shift + c, x + i, add);
        } else {
            w->sim->kernels->read(a->dtype, run, from, a->stride, scale,
                                  kernel->kernel->u.read.shift, x + i, add);
        }
        i += run;
    }
}

static void read_term(const work *w, const kernel_plan *kernel, bool add)
{
    const access *a = &kernel->operand[0];
    const stage_plan *source = &w->sim->stages[a->stage];
    for (int64_t t = 0; t < w->steps; t++) {
        const unsigned char *values = stc_sim_at(source, w->item, w->first_step + t);
        int64_t index[STC_MAX_NDIM];
        stc_sim_row(&w->own->box, w->position, index);
        for (int64_t p = 0; p < w->count; p++, stc_sim_next_row(&w->own->box, index)) {
            int64_t element = a->base;
            for (int d = 0; d < a->ndim - 1; d++)
                element += a->offset[d][index[d]];
            read_row(w, kernel, values, element, w->x + (t * w->count + p) * w->ldx, add);
        }
    }
}

/* ---- the end of a sum ---- */

/* The state of the neurons of this unit before the first step of a sample. */
static void start_sample(const work *w)
{
    int64_t n = w->count * w->own->channels, all = w->own->positions * w->own->channels;
    for (int s = 0; s < w->plan->model->nstate; s++) {
        int64_t from = s * all + w->position * w->own->channels;
        for (int64_t i = 0; i < n; i++)
            w->own->state[from + i] = w->own->start ? w->own->start[from + i] : w->plan->start[s];
    }
}

/* One row of neurons; at: its first neuron in the box. */
static void step_row(const work *w, int64_t at, const float *x, void *out)
{
    const stage_plan *plan = w->plan;
    int64_t all = w->own->positions * w->own->channels;
    float *state[STC_MAX_NEURON_STATES];
    const float *coefficient[STC_MAX_NEURON_COEFFICIENTS];
    for (int s = 0; s < plan->model->nstate; s++)
        state[s] = w->own->state + s * all + at;
    for (int c = 0; c < plan->model->ncoefficients; c++)
        coefficient[c] = w->own->coefficient[c] ? w->own->coefficient[c] + at : plan->common[c];
    plan->model->step(w->channels, &(stc_neuron_step){.params = plan->params,
                                                      .coefficient = coefficient,
                                                      .state = state,
                                                      .x = x,
                                                      .out = out});
}

static void fire(const work *w)
{
    stage_plan *plan = w->plan;
    int last = w->own->box.ndim - 1;
    int64_t box_first = last >= 0 ? w->own->box.lo[last] : 0,
            all = w->own->positions * w->own->channels;
    int64_t size = stc_dtype_size(plan->stage->dtype);
    int64_t sample = w->sim->first_sample + w->item / w->sim->nblocks;
    uint64_t stride = last >= 0 ? (uint64_t)plan->source_stride[last] : 0;
    for (int64_t t = 0; t < w->steps; t++) {
        unsigned char *values = stc_sim_at(plan, w->item, w->first_step + t);
        int64_t index[STC_MAX_NDIM];
        stc_sim_row(&w->own->box, w->position, index);
        if (last >= 0) index[last] = w->first;
        int64_t step = w->item % w->sim->nblocks * w->sim->block + w->first_step + t;
        uint64_t key = stc_record_key((uint64_t)sample, (uint64_t)step);
        for (int64_t p = 0; p < w->count; p++, stc_sim_next_row(&w->own->box, index)) {
            int64_t at = (w->position + p) * w->own->channels + (w->first - box_first), source = 0;
            unsigned char *out = values + stc_sim_element(plan, index) * size;
            step_row(w, at, w->x + (t * w->count + p) * w->ldx, out);
            for (int a = 0; a <= last; a++)
                source += index[a] * plan->source_stride[a];
            if (plan->ntraces) {
                float *state[STC_MAX_NEURON_STATES];
                for (int s = 0; s < plan->model->nstate; s++)
                    state[s] = w->own->state + s * all + at;
                stc_sim_trace(w->sim, plan, state, w->channels, source, sample, step);
            }
            if (!plan->stage->counted) continue;
            uint64_t id = (uint64_t)(plan->stage->first_id + source);
            w->scratch->spikes +=
                w->sim->kernels->hash_u8(w->channels, out, key, id, stride, &w->scratch->checksum);
        }
    }
}

static void store(const work *w)
{
    const stage_plan *plan = w->plan;
    int last = w->own->box.ndim - 1;
    stc_dtype dtype = plan->stage->dtype;
    float inverse =
        stc_kind_is_real(plan->stage->kind) ? 1.0f : (float)(1.0 / plan->stage->kind.unit);
    for (int64_t t = 0; t < w->steps; t++) {
        unsigned char *values = stc_sim_at(plan, w->item, w->first_step + t);
        int64_t index[STC_MAX_NDIM];
        stc_sim_row(&w->own->box, w->position, index);
        if (last >= 0) index[last] = w->first;
        for (int64_t p = 0; p < w->count; p++, stc_sim_next_row(&w->own->box, index)) {
            int64_t element = stc_sim_element(plan, index);
            w->sim->kernels->write(dtype, w->channels, w->x + (t * w->count + p) * w->ldx, inverse,
                                   values + element * stc_dtype_size(dtype));
        }
    }
}

/* All terms and the neuron for the channels [first, first + channels). refill: the panel does not
 * hold the operand rows of these channels yet. */
static void finish_channels(work *w, int chunk_index, bool refill)
{
    bool add = false;
    w->ldx = stc_round_up(w->channels, 16);
    for (int k = 0; k < w->plan->nkernels; k++) {
        const kernel_plan *kernel = &w->plan->kernels[k];
        if (kernel->kernel->kind == STC_KERNEL_ACCUMULATE) {
            accumulate(w, kernel, &kernel->chunks[chunk_index], add, refill);
        } else if (kernel->kernel->kind == STC_KERNEL_READ) {
            read_term(w, kernel, add);
        }
        add = true;
    }
    if (w->plan->model)
        fire(w);
    else
        store(w);
}

static int count_accumulates(const stage_plan *plan, const kernel_plan **first)
{
    int n = 0;
    for (int k = plan->nkernels - 1; k >= 0; k--) {
        if (plan->kernels[k].kernel->kind == STC_KERNEL_ACCUMULATE) {
            *first = &plan->kernels[k];
            n++;
        }
    }
    return n;
}

static void run_unit(work *w)
{
    const kernel_plan *weights = NULL;
    int naccumulates = count_accumulates(w->plan, &weights);
    int last = w->own->box.ndim - 1;
    int64_t lo = last >= 0 ? w->own->box.lo[last] : 0, hi = lo + w->own->channels;
    w->x = w->scratch->x;
    bool starts = w->item % w->sim->nblocks == 0 && w->first_step == 0;
    if (w->plan->model && starts) start_sample(w);
    if (!weights) {
        w->first = lo;
        w->channels = w->own->channels;
        finish_channels(w, 0, false);
        return;
    }
    bool one_panel = naccumulates == 1 && weights->kernel->u.accumulate.groups == 1, refill = true;
    for (int i = 0; i < weights->nchunks; i++) {
        if (weights->chunks[i].first < lo || weights->chunks[i].first >= hi) continue;
        w->first = weights->chunks[i].first;
        w->channels = weights->chunks[i].count;
        finish_channels(w, i, refill);
        if (one_panel) refill = false; /* the same rows serve all chunks */
    }
}

void stc_sim_sum(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    for (int b = 0; b < plan->nboxes; b++) {
        const owned_box *own = &plan->boxes[b];
        int64_t units = (own->positions + plan->positions_per_item - 1) / plan->positions_per_item;
#pragma omp parallel for schedule(dynamic) num_threads(sim->threads) if (units > 1)
        for (int64_t u = 0; u < units; u++) {
            work w = {.sim = sim,
                      .plan = plan,
                      .own = own,
                      .item = item,
                      .first_step = first,
                      .steps = steps,
                      .position = u * plan->positions_per_item,
                      .scratch = &sim->scratch[omp_get_thread_num()]};
            w.count = own->positions - w.position;
            if (w.count > plan->positions_per_item) w.count = plan->positions_per_item;
            run_unit(&w);
        }
    }
}

static void keep_largest(int64_t *largest, int64_t n)
{
    if (n > *largest) *largest = n;
}

void stc_sim_sum_need(const stc_sim *sim, stage_plan *plan, scratch_need *need)
{
    int64_t steps = plan->timing == EVERY_STEP ? sim->block : 1, row_bytes = 64, channels = 1;
    int64_t positions = 1;
    for (int k = 0; k < plan->nkernels; k++) {
        if (plan->kernels[k].kernel->kind != STC_KERNEL_ACCUMULATE) continue;
        if (panel_row_bytes(&plan->kernels[k]) > row_bytes) {
            row_bytes = panel_row_bytes(&plan->kernels[k]);
        }
    }
    for (int b = 0; b < plan->nboxes; b++) {
        keep_largest(&channels, plan->boxes[b].channels);
        keep_largest(&positions, plan->boxes[b].positions);
    }
    int64_t per_item = PANEL_ROWS / steps;
    if (per_item * steps * row_bytes > PANEL_BYTES) per_item = PANEL_BYTES / (steps * row_bytes);
    int64_t share = (positions + sim->threads - 1) / sim->threads;
    if (per_item > share) per_item = share; /* every thread gets some */
    if (per_item < 1) per_item = 1;
    plan->positions_per_item = per_item;
    int64_t rows = stc_round_up(per_item * steps, 16);
    int64_t width = stc_round_up(channels, 16); /* a read-only sum takes all channels at once */
    keep_largest(&need->panel, stc_sim_product(rows, row_bytes));
    keep_largest(&need->x, stc_sim_product(rows, width));
    keep_largest(&need->x2, stc_round_up(per_item, 16) * width);
}
