/* weights.c - read the rows of the channels that this rank computes and pack them for the kernels.
 *
 * Channels are cut into chunks at the borders of the owned boxes and of groups, so that a box is a
 * union of chunks and a chunk's sums stay in the second-level cache. */
#include "engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_CHANNELS = 256 };

/* ---- chunks ---- */

enum { OWNED = 1, BORDER = 2 }; /* marks of a channel: computed here; a chunk must begin here */

/* Marks of all channels of a stage. Borders are those of the owned boxes and those of the groups of
 * every kernel, so that chunk i of one term of a sum holds the channels of chunk i of another. */
static unsigned char *mark_channels(const stage_plan *plan)
{
    int last = plan->stage->storage.ndim - 1;
    int64_t channels = plan->stage->storage.dim[last];
    unsigned char *mark = stc_alloc(channels + 1, sizeof *mark);
    for (int b = 0; mark && b < plan->nboxes; b++) {
        int64_t lo = plan->boxes[b].box.lo[last], hi = plan->boxes[b].box.hi[last];
        for (int64_t c = lo; c < hi; c++)
            mark[c] |= OWNED;
        mark[lo] |= BORDER;
        mark[hi] |= BORDER;
    }
    for (int k = 0; mark && k < plan->nkernels; k++) {
        const kernel_plan *kernel = &plan->kernels[k];
        if (kernel->kernel->kind != STC_KERNEL_ACCUMULATE || kernel->depthwise) continue;
        int64_t per_group = channels / kernel->kernel->u.accumulate.groups;
        for (int64_t c = 0; c < channels; c += per_group)
            mark[c] |= BORDER;
    }
    return mark;
}

/* Move *first to the next owned channel and return how many channels the chunk there has; 0: no
 * more. */
static int64_t next_chunk(const unsigned char *mark, int64_t channels, int64_t *first)
{
    int64_t begin = *first;
    while (begin < channels && !(mark[begin] & OWNED))
        begin++;
    int64_t end = begin;
    while (end < channels && end - begin < CHUNK_CHANNELS && (mark[end] & OWNED) &&
           (end == begin || !(mark[end] & BORDER)))
        end++;
    *first = begin;
    return end - begin;
}

static int make_chunks(const unsigned char *mark, kernel_plan *kernel)
{
    int64_t channels = kernel->kernel->u.accumulate.channels, count, n = 0;
    int64_t per_group = channels / kernel->kernel->u.accumulate.groups;
    for (int64_t c = 0; (count = next_chunk(mark, channels, &c)) > 0; c += count)
        n++;
    kernel->chunks = stc_alloc(n, sizeof *kernel->chunks);
    if (!kernel->chunks) return STC_ERR_NOMEM;
    for (int64_t c = 0; (count = next_chunk(mark, channels, &c)) > 0; c += count) {
        kernel->chunks[kernel->nchunks++] =
            (chunk){.first = c, .count = count, .group = c / per_group};
    }
    return 0;
}

/* ---- packing ---- */

/* A column of the file is (in-channel, row, column of the kernel); of a panel, in-channel last. */
static int64_t panel_column(int64_t column, int64_t taps)
{
    return column % taps; /* the tap; the in-channel is column / taps */
}

/* What the padding of each tap adds, in float64, rounded once. */
static int padding_terms(const stc_sim *sim, const kernel_plan *kernel, chunk *c, const float *rows)
{
    const stc_blob *blob = &sim->program->blobs[kernel->kernel->u.accumulate.blob];
    int64_t taps = kernel->kernel->u.accumulate.kernel[0] * kernel->kernel->u.accumulate.kernel[1];
    int64_t in = kernel->columns / taps, width = stc_round_up(c->count, 16);
    c->pad = stc_alloc(taps * width, sizeof *c->pad);
    if (!c->pad) return STC_ERR_NOMEM;
    for (int64_t t = 0; t < taps; t++) {
        for (int64_t n = 0; n < c->count; n++) {
            int64_t first_in =
                kernel->depthwise ? c->first + n : c->group * in; /* of the pad values */
            double sum = 0.0;
            for (int64_t i = 0; i < in; i++) {
                sum += (double)rows[n * kernel->columns + i * taps + t] *
                       (double)blob->pad_values[first_in + i];
            }
            c->pad[t * width + n] = (float)sum;
        }
    }
    return 0;
}

/* Rows of the file, permuted to the column order of the panels; integer operands get q. */
static int pack_chunk(const stc_sim *sim, kernel_plan *kernel, chunk *c, const float *rows,
                      const int8_t *exponent)
{
    const access *operand = &kernel->operand[0];
    int64_t taps = kernel->kernel->u.accumulate.kernel[0] * kernel->kernel->u.accumulate.kernel[1];
    int64_t k = kernel->columns, in = k / taps, n = c->count;
    bool integer = operand->dtype != STC_F32;
    bool bytes = operand->dtype == STC_U8 && !kernel->depthwise;
    float *w = stc_alloc(n * k, sizeof *w);
    int32_t *q = stc_alloc(bytes ? n * k : 0, sizeof *q);
    int64_t size = bytes ? sim->kernels->packed_u8_bytes(k, n)
                         : k * stc_round_up(n, 16) * (int64_t)sizeof(float);
    c->packed = stc_alloc(size, 1);
    int rc = w && q && c->packed ? 0 : STC_ERR_NOMEM;
    for (int64_t r = 0; rc >= 0 && r < n; r++) {
        for (int64_t column = 0; column < k; column++) {
            int64_t at = r * k + panel_column(column, taps) * in + column / taps;
            float value = rows[r * k + column];
            w[at] = integer ? ldexpf(value, exponent[r]) : value;
        }
    }
    if (rc >= 0 && bytes) {
        for (int64_t i = 0; i < n * k; i++)
            q[i] = (int32_t)w[i];
        sim->kernels->pack_u8(k, n, q, c->packed);
    } else if (rc >= 0 && kernel->depthwise) {
        float *packed = c->packed; /* [taps][channels] */
        for (int64_t r = 0; r < n; r++) {
            for (int64_t t = 0; t < taps; t++)
                packed[t * n + r] = w[r * k + t];
        }
    } else if (rc >= 0) {
        sim->kernels->pack_f32(k, n, w, c->packed);
    }
    stc_free(w);
    stc_free(q);
    return rc;
}

static int load_chunk(const stc_sim *sim, kernel_plan *kernel, chunk *c)
{
    const stc_program *program = sim->program;
    int64_t width = stc_round_up(c->count, 16), k = kernel->columns;
    int32_t blob = kernel->kernel->u.accumulate.blob;
    float *rows = stc_alloc(c->count * k, sizeof *rows);
    int8_t *exponent = stc_alloc(width, sizeof *exponent);
    c->scale = stc_alloc(width, sizeof *c->scale);
    c->bias = stc_alloc(width, sizeof *c->bias);
    int rc = rows && exponent && c->scale && c->bias ? 0 : STC_ERR_NOMEM;
    if (rc >= 0) {
        rc = program->read_rows(program, blob, c->first, c->count, rows, exponent, c->bias);
    }
    bool biased = false;
    for (int64_t n = 0; rc >= 0 && n < c->count; n++) {
        double sum = 0.0;
        for (int64_t i = 0; i < k; i++)
            sum += fabs((double)rows[n * k + i]);
        sum = fmin(ldexp(sum, exponent[n]) * (double)kernel->operand[0].max, 0x1p53);
        if (sum > (double)kernel->limit) kernel->limit = (int64_t)sum;
        c->scale[n] = ldexpf(kernel->operand[0].unit, -exponent[n]);
        biased = biased || c->bias[n] != 0.0f;
    }
    if (rc >= 0 && kernel->limit >= INT64_C(1) << 53) {
        rc = stc_fail(STC_ERR_FIT, "weights %s: a sum may exceed 2^53; scale the operand down",
                      program->blobs[blob].name);
    }
    if (rc >= 0) rc = pack_chunk(sim, kernel, c, rows, exponent);
    if (rc >= 0 && kernel->kernel->u.accumulate.has_pad_values &&
        kernel->operand[0].dtype != STC_F32) {
        rc = padding_terms(sim, kernel, c, rows);
    }
    if (!biased) {
        stc_free(c->bias);
        c->bias = NULL;
    }
    stc_free(rows);
    stc_free(exponent);
    return rc;
}

static void describe_accumulate(const stc_sim *sim, kernel_plan *kernel)
{
    const stc_kernel *k = kernel->kernel;
    int64_t per_group = k->u.accumulate.channels / k->u.accumulate.groups;
    int64_t in_per_group = k->u.accumulate.in_channels / k->u.accumulate.groups;
    kernel->columns = sim->program->blobs[k->u.accumulate.blob].columns;
    kernel->depthwise = in_per_group == 1 && per_group == 1 && k->u.accumulate.channels > 1 &&
                        kernel->operand[0].dtype != STC_U16;
}

static int load_accumulates(const stc_sim *sim, stage_plan *plan)
{
    int naccumulates = 0, rc = 0;
    for (int k = 0; k < plan->nkernels; k++) {
        if (plan->kernels[k].kernel->kind != STC_KERNEL_ACCUMULATE) continue;
        describe_accumulate(sim, &plan->kernels[k]);
        naccumulates++;
    }
    if (naccumulates == 0) return 0;
    unsigned char *mark = mark_channels(plan);
    if (!mark) return STC_ERR_NOMEM;
    for (int k = 0; rc >= 0 && k < plan->nkernels; k++) {
        kernel_plan *kernel = &plan->kernels[k];
        if (kernel->kernel->kind != STC_KERNEL_ACCUMULATE) continue;
        rc = make_chunks(mark, kernel);
        for (int i = 0; rc >= 0 && i < kernel->nchunks; i++)
            rc = load_chunk(sim, kernel, &kernel->chunks[i]);
    }
    stc_free(mark);
    return rc;
}

static int load_read(const stc_sim *sim, stage_plan *plan, kernel_plan *kernel)
{
    int64_t n = plan->stage->storage.dim[plan->stage->storage.ndim - 1];
    int8_t *exponent = stc_alloc(n, sizeof *exponent);
    kernel->scale = stc_alloc(n, sizeof *kernel->scale);
    kernel->shift = stc_alloc(n, sizeof *kernel->shift);
    int rc = exponent && kernel->scale && kernel->shift ? 0 : STC_ERR_NOMEM;
    if (rc >= 0) {
        rc = sim->program->read_rows(sim->program, kernel->kernel->u.read.blob, 0, n, kernel->scale,
                                     exponent, kernel->shift);
    }
    for (int64_t i = 0; rc >= 0 && i < n; i++)
        kernel->scale[i] *= kernel->operand[0].unit;
    stc_free(exponent);
    return rc;
}

int stc_sim_load_weights(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        if (plan->nboxes == 0) continue;
        STC_TRY(load_accumulates(sim, plan));
        for (int k = 0; k < plan->nkernels; k++) {
            kernel_plan *kernel = &plan->kernels[k];
            if (kernel->kernel->kind == STC_KERNEL_READ && kernel->kernel->u.read.blob >= 0) {
                STC_TRY(load_read(sim, plan, kernel));
            }
        }
    }
    return 0;
}
