/* pool.c - stages that are the largest value, the sum or the mean of windows. A row of channels at
 * one position goes through each window together. Integers stay integers; real values are summed
 * over rows, then columns. */
#include "elements.h"

#include <omp.h>
#include <string.h>

/* The window of one output position, and the channels of a box: values of channel i of n begin at
 * element + channel[i]. */
typedef struct {
    const access *a;
    int64_t h0, h1, w0, w1, n;
    const int64_t *channel;
    int64_t together; /* channels that lie side by side: n or 1 */
} pool_window;

static void pool_range(const stc_kernel *kernel, int axis, int64_t at, int64_t *lo, int64_t *hi)
{
    int64_t first = at * kernel->u.pool.stride[axis] - kernel->u.pool.padding[axis];
    int64_t end = first + kernel->u.pool.kernel[axis];
    *lo = first < 0 ? 0 : first;
    *hi = end > kernel->u.pool.in_size[axis] ? kernel->u.pool.in_size[axis] : end;
}

static pool_window window_at(const kernel_plan *kernel, const stc_box *box, const int64_t *index)
{
    int last = box->ndim - 1;
    int64_t first = box->lo[last];
    pool_window w = {.a = &kernel->operand[0], .n = box->hi[last] - first};
    w.channel = w.a->offset[0] + first;
    w.together = w.a->ahead[0][first] >= w.n ? w.n : 1;
    pool_range(kernel->kernel, 0, last >= 2 ? index[last - 2] : 0, &w.h0, &w.h1);
    pool_range(kernel->kernel, 1, last >= 1 ? index[last - 1] : 0, &w.w0, &w.w1);
    return w;
}

static int64_t window_element(const pool_window *w, int64_t row, int64_t column)
{
    return w->a->base + w->a->offset[1][row] + w->a->offset[2][column];
}

/* Keep the larger values; where the unit is negative, those are the smaller integers. */
static void keep_larger(const stc_sim *sim, const access *a, int64_t n, const unsigned char *from,
                        unsigned char *best)
{
    if (a->unit > 0.0f) {
        sim->kernels->max(a->dtype, n, from, best);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t x = stored_integer(a->dtype, from, i);
        if (x < stored_integer(a->dtype, best, i)) store_integer(a->dtype, best, i, x);
    }
}

static void largest_of_window(const stc_sim *sim, const pool_window *w, const unsigned char *values,
                              unsigned char *best)
{
    int64_t size = stc_dtype_size(w->a->dtype);
    for (int64_t row = w->h0; row < w->h1; row++) {
        for (int64_t column = w->w0; column < w->w1; column++) {
            int64_t element = window_element(w, row, column);
            bool initial = row == w->h0 && column == w->w0;
            for (int64_t i = 0; i < w->n; i += w->together) {
                const unsigned char *from = values + (element + w->channel[i]) * size;
                if (initial)
                    memcpy(best + i * size, from, (size_t)(w->together * size));
                else
                    keep_larger(sim, w->a, w->together, from, best + i * size);
            }
        }
    }
}

/* Sums of stored values; of integers only where float32 holds them. */
static void sums_of_window(const stc_sim *sim, const pool_window *w, const unsigned char *values,
                           float *sums)
{
    int64_t size = stc_dtype_size(w->a->dtype);
    memset(sums, 0, (size_t)w->n * sizeof *sums);
    for (int64_t row = w->h0; row < w->h1; row++) {
        for (int64_t column = w->w0; column < w->w1; column++) {
            int64_t element = window_element(w, row, column);
            for (int64_t i = 0; i < w->n; i += w->together) {
                sim->kernels->read(w->a->dtype, w->together,
                                   values + (element + w->channel[i]) * size, 1, 1.0f, 0.0f,
                                   sums + i, true);
            }
        }
    }
}

/* The same for larger sums of integers, rounded once. */
static void wide_sums_of_window(const pool_window *w, const unsigned char *values, float *sums)
{
    for (int64_t i = 0; i < w->n; i++) {
        int64_t sum = 0;
        for (int64_t row = w->h0; row < w->h1; row++) {
            for (int64_t column = w->w0; column < w->w1; column++) {
                int64_t element = window_element(w, row, column) + w->channel[i];
                sum += stored_integer(w->a->dtype, values, element);
            }
        }
        sums[i] = (float)sum;
    }
}

/* All channels of a box at one position. */
static void pool_row(stc_sim *sim, stage_plan *plan, const stc_box *box, const int64_t *index,
                     const unsigned char *values, unsigned char *out, float *sums)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    pool_window w = window_at(&plan->kernels[0], box, index);
    double size = (double)kernel->u.pool.kernel[0] * (double)kernel->u.pool.kernel[1];
    unsigned char *to = out + stc_sim_element(plan, index) * stc_dtype_size(plan->stage->dtype);
    if (!kernel->u.pool.sum) {
        largest_of_window(sim, &w, values, to);
        return;
    }
    if (is_real(w.a) || (double)w.a->max * size <= 0x1p24)
        sums_of_window(sim, &w, values, sums);
    else
        wide_sums_of_window(&w, values, sums);
    for (int64_t i = 0; stc_kind_is_real(plan->stage->kind) && i < w.n; i++)
        sums[i] = sums[i] * w.a->unit / (float)kernel->u.pool.divisor;
    sim->kernels->write(plan->stage->dtype, w.n, sums, 1.0f, to);
}

void stc_sim_pool(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    const access *a = &plan->kernels[0].operand[0];
    for (int b = 0; b < plan->nboxes; b++) {
        const owned_box *own = &plan->boxes[b];
        int last = own->box.ndim - 1;
#pragma omp parallel for schedule(static) num_threads(sim->threads)
        for (int64_t unit = 0; unit < own->positions * steps; unit++) {
            int64_t index[STC_MAX_NDIM];
            stc_sim_row(&own->box, unit / steps, index);
            int64_t step = first + unit % steps;
            index[last] = own->box.lo[last];
            pool_row(sim, plan, &own->box, index, operand_values(sim, a, item, step),
                     stc_sim_at(plan, item, step), sim->scratch[omp_get_thread_num()].x);
        }
    }
}
