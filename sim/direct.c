/* direct.c - stages of one kernel of their own: products of two operands, sums over axes, and
 * input; pool.c, delay.c and code.c hold the others. Integers stay integers; real values go
 * in index order. */
#include "elements.h"

#include <omp.h>
#include <string.h>

/* ---- matmul ---- */

enum { BYTES, INTEGERS, REALS }; /* form of the panels; sums of REALS are floats */

static int matmul_form(const kernel_plan *kernel)
{
    const access *a = &kernel->operand[0], *b = &kernel->operand[1];
    if (is_real(a) || is_real(b)) return REALS;
    double limit = (double)a->max * (double)b->max * (double)kernel->kernel->u.matmul.inner;
    if (limit > (double)INT32_MAX) return REALS; /* integer sums are of 32 bits */
    return a->dtype == STC_U8 && b->dtype == STC_U8 && (a->max <= 127 || b->max <= 127) ? BYTES
                                                                                        : INTEGERS;
}

static int64_t panel_stride(int form, int64_t inner)
{
    return stc_round_up(inner, form == BYTES ? 64 : 16);
}

/* Rows of an operand with the inner index running fastest: free_dim is 1 for A, 2 for B. */
static void fill_rows(const access *a, const unsigned char *values, int form, int64_t batch,
                      int free_dim, int64_t lo, int64_t hi, int64_t inner, unsigned char *panel)
{
    int inner_dim = 3 - free_dim;
    int64_t stride = panel_stride(form, inner);
    const int64_t *along = a->offset[inner_dim];
    bool contiguous = a->ahead[inner_dim][0] >= inner;
    for (int64_t r = lo; r < hi; r++) {
        int64_t element = a->base + a->offset[0][batch] + a->offset[free_dim][r];
        if (form == BYTES) {
            unsigned char *out = panel + (r - lo) * stride;
            if (contiguous) memcpy(out, values + element + along[0], (size_t)inner);
            for (int64_t k = 0; !contiguous && k < inner; k++)
                out[k] = values[element + along[k]];
            memset(out + inner, 0, (size_t)(stride - inner));
        } else if (form == INTEGERS) {
            int32_t *out = (int32_t *)(void *)panel + (r - lo) * stride;
            for (int64_t k = 0; k < inner; k++) {
                out[k] = (int32_t)stored_integer(a->dtype, values, element + along[k]);
            }
        } else {
            float *out = (float *)(void *)panel + (r - lo) * stride;
            for (int64_t k = 0; k < inner; k++)
                out[k] = value_of(a, values, element + along[k]);
        }
    }
}

/* A row of sums into the window, as the stage stores its values. */
static void store_sums(const stage_plan *plan, int form, float unit, const int32_t *sums,
                       int64_t stride, int64_t n, unsigned char *values, int64_t element)
{
    void *out = values + element * stc_dtype_size(plan->stage->dtype);
    if (form == REALS) {
        memcpy(out, sums, (size_t)n * sizeof(float)); /* they are floats already */
        return;
    }
    if (stc_kind_is_real(plan->stage->kind)) {
        for (int64_t i = 0; i < n; i++)
            ((float *)out)[i] = (float)sums[i * stride] * unit;
        return;
    }
    switch (plan->stage->dtype) {
    case STC_U8:
        for (int64_t i = 0; i < n; i++)
            ((uint8_t *)out)[i] = (uint8_t)sums[i * stride];
        break;
    case STC_U16:
        for (int64_t i = 0; i < n; i++)
            ((uint16_t *)out)[i] = (uint16_t)sums[i * stride];
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)out)[i] = sums[i * stride];
    }
}

/* One batch index of one box at one step. */
static void matmul_unit(stc_sim *sim, stage_plan *plan, const stc_box *box, int64_t item,
                        int64_t step, int64_t *index, scratch *s)
{
    const kernel_plan *kernel = &plan->kernels[0];
    const access *a = &kernel->operand[0], *b = &kernel->operand[1];
    int form = matmul_form(kernel), rows_axis = box->ndim - 2;
    int64_t inner = kernel->kernel->u.matmul.inner, stride = panel_stride(form, inner), batch = 0;
    for (int d = 0; d < rows_axis; d++)
        batch = batch * plan->stage->storage.dim[d] + index[d];
    int64_t rows = box->hi[rows_axis] - box->lo[rows_axis];
    int64_t columns = box->hi[rows_axis + 1] - box->lo[rows_axis + 1];
    fill_rows(a, operand_values(sim, a, item, step), form, batch, 1, box->lo[rows_axis],
              box->hi[rows_axis], inner, s->panel);
    fill_rows(b, operand_values(sim, b, item, step), form, batch, 2, box->lo[rows_axis + 1],
              box->hi[rows_axis + 1], inner, s->panel2);
    bool swapped = form == BYTES && b->max > 127; /* the kernel wants its second operand small */
    int64_t row_step = swapped ? 1 : columns, column_step = swapped ? rows : 1;
    if (form == REALS) {
        sim->kernels->dot_f32(rows, columns, inner, (float *)(void *)s->panel, stride,
                              (float *)(void *)s->panel2, stride, (float *)(void *)s->sums,
                              columns);
    } else if (form == INTEGERS) {
        sim->kernels->dot_i32(rows, columns, inner, (int32_t *)(void *)s->panel, stride,
                              (int32_t *)(void *)s->panel2, stride, s->sums, columns);
    } else if (swapped) {
        sim->kernels->dot_u8(columns, rows, inner, s->panel2, stride, s->panel, stride, s->sums,
                             rows);
    } else {
        sim->kernels->dot_u8(rows, columns, inner, s->panel, stride, s->panel2, stride, s->sums,
                             columns);
    }
    for (int64_t r = 0; r < rows; r++) {
        index[rows_axis] = box->lo[rows_axis] + r;
        index[rows_axis + 1] = box->lo[rows_axis + 1];
        store_sums(plan, form, a->unit * b->unit, s->sums + r * row_step, column_step, columns,
                   stc_sim_at(plan, item, step), stc_sim_element(plan, index));
    }
}

static void matmul(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    for (int b = 0; b < plan->nboxes; b++) {
        const stc_box *box = &plan->boxes[b].box;
        int64_t batches = 1;
        for (int a = 0; a < box->ndim - 2; a++)
            batches *= box->hi[a] - box->lo[a];
#pragma omp parallel for schedule(dynamic) num_threads(sim->threads)
        for (int64_t unit = 0; unit < batches * steps; unit++) {
            int64_t index[STC_MAX_NDIM], rest = unit / steps;
            for (int a = box->ndim - 3; a >= 0; a--) {
                int64_t extent = box->hi[a] - box->lo[a];
                index[a] = box->lo[a] + rest % extent;
                rest /= extent;
            }
            matmul_unit(sim, plan, box, item, first + unit % steps, index,
                        &sim->scratch[omp_get_thread_num()]);
        }
    }
}

/* ---- element-wise product ---- */

static void multiply(stc_sim *sim, stage_plan *plan, int64_t item, int64_t step)
{
    const access *a = &plan->kernels[0].operand[0], *b = &plan->kernels[0].operand[1];
    const unsigned char *x = operand_values(sim, a, item, step);
    const unsigned char *y = operand_values(sim, b, item, step);
    unsigned char *out = stc_sim_at(plan, item, step);
    bool real_operands = is_real(a) || is_real(b), real = stc_kind_is_real(plan->stage->kind);
    for (int i = 0; i < plan->nboxes; i++) {
        const stc_box *box = &plan->boxes[i].box;
        int64_t index[STC_MAX_NDIM];
        memcpy(index, box->lo, sizeof index);
        do {
            int64_t ea = operand_element(a, index), eb = operand_element(b, index);
            int64_t element = stc_sim_element(plan, index);
            if (real_operands || real) {
                store_real(out, element, value_of(a, x, ea) * value_of(b, y, eb));
            } else {
                store_integer(plan->stage->dtype, out, element,
                              stored_integer(a->dtype, x, ea) * stored_integer(b->dtype, y, eb));
            }
        } while (next_index(box, index));
    }
}

/* ---- sums over axes ---- */

/* The part of the operand that is summed into the output at index (storage axes of the stage). */
static stc_box summed_box(const stage_plan *plan, const int64_t *index)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    stc_shape in = stc_view_shape(&kernel->operand[0].view);
    bool keeps = plan->stage->storage.ndim == in.ndim;
    stc_box over = stc_box_all(&in);
    for (int d = 0, kept = 0; d < in.ndim; d++) {
        if (kernel->u.reduce.over[d]) continue;
        over.lo[d] = index[keeps ? d : kept];
        over.hi[d] = over.lo[d] + 1;
        kept++;
    }
    return over;
}

static void reduce_element(const stage_plan *plan, const int64_t *at, const unsigned char *values,
                           unsigned char *out)
{
    const kernel_plan *kernel = &plan->kernels[0];
    const access *a = &kernel->operand[0];
    stc_box over = summed_box(plan, at);
    int64_t index[STC_MAX_NDIM], integers = 0, element = stc_sim_element(plan, at);
    float reals = 0.0f;
    memcpy(index, over.lo, sizeof index);
    do {
        int64_t e = operand_element(a, index);
        if (is_real(a))
            reals += value_of(a, values, e);
        else
            integers += stored_integer(a->dtype, values, e);
    } while (next_index(&over, index));
    if (!stc_kind_is_real(plan->stage->kind)) {
        store_integer(plan->stage->dtype, out, element, integers); /* the divisor is in the unit */
        return;
    }
    float sum = is_real(a) ? reals : (float)integers * a->unit;
    store_real(out, element, sum / (float)kernel->kernel->u.reduce.divisor);
}

/* Can outputs along the last axis be summed side by side: it is an axis of the operand too, and
 * float32 holds the integer sums. */
static bool sums_rows(const stage_plan *plan)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    const access *a = &plan->kernels[0].operand[0];
    int n = kernel->operand[0].view.ndim;
    if (n == 0 || plan->window.ndim == 0 || kernel->u.reduce.over[n - 1]) return false;
    return a->run == plan->stage->storage.dim[plan->window.ndim - 1] &&
           (is_real(a) || !stc_kind_is_real(plan->stage->kind));
}

/* All outputs of a box along the last axis, from the row that starts at index. */
static void reduce_row(stc_sim *sim, const stage_plan *plan, const stc_box *box, const int64_t *at,
                       const unsigned char *values, unsigned char *out, float *sums)
{
    const kernel_plan *kernel = &plan->kernels[0];
    const access *a = &kernel->operand[0];
    int last = box->ndim - 1;
    int64_t n = box->hi[last] - box->lo[last], size = stc_dtype_size(plan->stage->dtype);
    stc_box over = summed_box(plan, at);
    int64_t index[STC_MAX_NDIM];
    memcpy(index, over.lo, sizeof index);
    memset(sums, 0, (size_t)n * sizeof *sums); /* 0 + -0 is 0, as in reduce_element */
    do {
        const unsigned char *from = values + operand_element(a, index) * stc_dtype_size(a->dtype);
        sim->kernels->read(a->dtype, n, from, a->stride, 1.0f, 0.0f, sums, true);
    } while (next_index(&over, index));
    float divisor = (float)kernel->kernel->u.reduce.divisor;
    for (int64_t i = 0; is_real(a) && i < n; i++)
        sums[i] /= divisor;
    sim->kernels->write(plan->stage->dtype, n, sums, 1.0f, out + stc_sim_element(plan, at) * size);
}

static void reduce(stc_sim *sim, stage_plan *plan, int64_t item, int64_t step)
{
    const access *a = &plan->kernels[0].operand[0];
    const unsigned char *values = operand_values(sim, a, item, step);
    unsigned char *out = stc_sim_at(plan, item, step);
    bool rows = sums_rows(plan);
    for (int i = 0; i < plan->nboxes; i++) {
        stc_box box = plan->boxes[i].box;
        int64_t index[STC_MAX_NDIM];
        memcpy(index, box.lo, sizeof index);
        if (rows) box.hi[box.ndim - 1] = box.lo[box.ndim - 1] + 1; /* rows, not elements */
        do {
            if (rows) {
                reduce_row(sim, plan, &plan->boxes[i].box, index, values, out,
                           sim->scratch[omp_get_thread_num()].x);
            } else {
                reduce_element(plan, index, values, out);
            }
        } while (next_index(&box, index));
    }
}

/* ---- input ---- */

static void input(stc_sim *sim, stage_plan *plan, int64_t item, int64_t steps)
{
    int64_t sample = item / sim->nblocks, first = item % sim->nblocks * sim->block;
    int64_t per_sample = plan->timing == EVERY_STEP ? sim->steps : 1;
    int64_t bytes = plan->window_size * stc_dtype_size(plan->stage->dtype);
    for (int64_t t = 0; t < steps; t++) {
        int64_t at = sample * per_sample + (plan->timing == EVERY_STEP ? first + t : 0);
        memcpy(stc_sim_at(plan, item, t), plan->preloaded + at * bytes, (size_t)bytes);
    }
}

void stc_sim_direct(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    switch (plan->kernels[0].kernel->kind) {
    case STC_KERNEL_INPUT:
        input(sim, plan, item, steps);
        return;
    case STC_KERNEL_MATMUL:
        matmul(sim, plan, item, first, steps);
        return;
    case STC_KERNEL_POOL:
        stc_sim_pool(sim, plan, item, first, steps);
        return;
    case STC_KERNEL_GENERATOR:
        stc_sim_generate(sim, plan, item, first, steps);
        return;
    case STC_KERNEL_DELAY:
        stc_sim_delay(sim, plan, item, first, steps);
        return;
    case STC_KERNEL_CODE:
        stc_sim_code(sim, plan, item, first, steps);
        return;
    case STC_KERNEL_MUL:
#pragma omp parallel for schedule(static) num_threads(sim->threads)
        for (int64_t t = first; t < first + steps; t++)
            multiply(sim, plan, item, t);
        return;
    case STC_KERNEL_REDUCE:
#pragma omp parallel for schedule(static) num_threads(sim->threads)
        for (int64_t t = first; t < first + steps; t++)
            reduce(sim, plan, item, t);
        return;
    default:
        return;
    }
}

void stc_sim_direct_need(const stc_sim *sim, const stage_plan *plan, scratch_need *need)
{
    (void)sim;
    const kernel_plan *kernel = &plan->kernels[0];
    bool sums =
        kernel->kernel->kind == STC_KERNEL_REDUCE || kernel->kernel->kind == STC_KERNEL_POOL;
    if (sums && plan->window.ndim > 0) {
        int64_t row = plan->stage->storage.dim[plan->window.ndim - 1];
        if (row > need->x) need->x = row;
    }
    if (kernel->kernel->kind != STC_KERNEL_MATMUL) return;
    int form = matmul_form(kernel);
    int64_t row_bytes =
        panel_stride(form, kernel->kernel->u.matmul.inner) * (form == BYTES ? 1 : 4);
    int64_t rows = stc_round_up(kernel->kernel->u.matmul.rows, 16);
    int64_t columns = stc_round_up(kernel->kernel->u.matmul.columns, 16);
    if (rows * row_bytes > need->panel) need->panel = rows * row_bytes;
    if (columns * row_bytes > need->panel2) need->panel2 = columns * row_bytes;
    if (rows * columns > need->sums) need->sums = rows * columns;
}
