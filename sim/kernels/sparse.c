/* sparse.c - integer operands times packed weights, in time proportional to the nonzero operands.
 *
 * For a panel of rows the nonzero operands are listed once; then for every group of channels each
 * row adds up the weight rows in its list, the sums staying in registers. Sums are int32 where the
 * row's operand values (or the bound that the caller gives) prove that they fit, else they are
 * moved to int64 before they could overflow: exact in any case, and rounded to float32 once.
 */
#include "nonzero.h"

typedef enum { ONES, COUNTS } value_form; /* operands are 0 or 1; or larger */

/* The nonzero operands of some rows: in [first[r], first[r + 1]) of offset and value. */
typedef struct {
    int64_t first[SPARSE_ROWS + 1];
    bool narrow[SPARSE_ROWS]; /* the row's sums surely fit int32 */
    uint32_t *offset;         /* of the weights of the operand's index within a block: index * 16 */
    uint8_t *value;
} sparse_list;

_Static_assert(sizeof(sparse_list) + 5 * (SPARSE_ENTRIES + LIST_SLACK) <= SPARSE_SCRATCH,
               "the list does not fit the scratch memory");

/* acc += the weight rows in [from, to) of the list, for nb blocks of 16 channels. */
INLINE void accumulate(int nb, value_form form, const sparse_list *list, int64_t from, int64_t to,
                       const uint32_t *weights, int64_t block_stride, vec_u32 *acc)
{
    for (int64_t i = from; i < to; i++) {
        const uint32_t *row = weights + list->offset[i];
        for (int b = 0; b < nb; b++) {
            for (int v = 0; v < BLOCK_VECTORS; v++) {
                vec_u32 w = *(const vec_u32 *)(row + b * block_stride + v * LANES);
                if (form == COUNTS) w *= list->value[i];
                acc[b * BLOCK_VECTORS + v] += w;
            }
        }
    }
}

/* End of the longest piece of [from, to) whose sums surely fit int32. */
INLINE int64_t piece_end(value_form form, const sparse_list *list, int64_t from, int64_t to)
{
    if (form == ONES) return from + NARROW_SUM < to ? from + NARROW_SUM : to;
    int64_t end = from;
    for (int sum = 0; end < to && sum + list->value[end] <= NARROW_SUM; end++) {
        sum += list->value[end];
    }
    return end;
}

/* The same sums in int64, by pieces of the list; added to wide[nb * 16]. */
INLINE void accumulate_wide(int nb, value_form form, const sparse_list *list, int64_t from,
                            int64_t to, const uint32_t *weights, int64_t block_stride,
                            int64_t *wide)
{
    for (int64_t i = from, end; i < to; i = end) {
        int32_t sum[4 * BLOCK_CHANNELS];
        vec_u32 acc[4 * BLOCK_VECTORS] = {0};
        end = piece_end(form, list, i, to);
        accumulate(nb, form, list, i, end, weights, block_stride, acc);
        for (int v = 0; v < nb * BLOCK_VECTORS; v++)
            *(vec_u32 *)(sum + v * LANES) = acc[v];
        for (int c = 0; c < nb * BLOCK_CHANNELS; c++)
            wide[c] += sum[c];
    }
}

/* Round int64 sums of nb blocks from channel c on and finish row r. */
static void finish_wide(int nb, const stc_gemm *g, int64_t r, int64_t c, const int64_t *wide)
{
    for (int b = 0; b < nb * BLOCK_VECTORS; b++) {
        const int64_t at = c + b * LANES;
        float sum[LANES];
        for (int i = 0; i < LANES; i++)
            sum[i] = (float)wide[b * LANES + i];
        finish(*(const vec_f32 *)sum, g->scale + at, g->bias ? g->bias + at : NULL,
               g->x + r * g->ldx + at, g->add);
    }
}

INLINE void finish_narrow(int nb, const stc_gemm *g, int64_t r, int64_t c, const vec_u32 *acc)
{
    for (int b = 0; b < nb * BLOCK_VECTORS; b++) {
        const int64_t at = c + b * LANES;
        finish(__builtin_convertvector((vec_i32)acc[b], vec_f32), g->scale + at,
               g->bias ? g->bias + at : NULL, g->x + r * g->ldx + at, g->add);
    }
}

/* Rows r0 .. r0 + rows of the panel in the list, nb blocks from channel c on. */
INLINE void panel_group(int nb, value_form form, const stc_gemm *g, const sparse_list *list,
                        int64_t r0, int64_t rows, int64_t c)
{
    const uint32_t *weights = (const uint32_t *)g->weights + c * g->k;
    const int64_t block_stride = g->k * BLOCK_CHANNELS;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t from = list->first[r], to = list->first[r + 1];
        if (list->narrow[r]) {
            vec_u32 acc[4 * BLOCK_VECTORS] = {0};
            accumulate(nb, form, list, from, to, weights, block_stride, acc);
            finish_narrow(nb, g, r0 + r, c, acc);
        } else {
            int64_t wide[4 * BLOCK_CHANNELS] = {0};
            accumulate_wide(nb, form, list, from, to, weights, block_stride, wide);
            finish_wide(nb, g, r0 + r, c, wide);
        }
    }
}

INLINE void panel_channels(value_form form, const stc_gemm *g, const sparse_list *list, int64_t r0,
                           int64_t rows)
{
    const int64_t width = round_up(g->n, BLOCK_CHANNELS);
    int64_t c = 0;
#if LANES >= 8
    for (; c + 64 <= width; c += 64)
        panel_group(4, form, g, list, r0, rows, c);
#endif
    for (; c + 32 <= width; c += 32)
        panel_group(2, form, g, list, r0, rows, c);
    if (c < width) panel_group(1, form, g, list, r0, rows, c);
}

/* Rows too long for the list: one at a time, listed by pieces for every block of channels. */
static void long_rows(const stc_gemm *g, sparse_list *list)
{
    for (int64_t r = 0; r < g->m; r++) {
        const uint8_t *a = (const uint8_t *)g->a + r * g->lda;
        for (int64_t c = 0; c < g->n; c += BLOCK_CHANNELS) {
            const uint32_t *weights = (const uint32_t *)g->weights + c * g->k;
            int64_t wide[BLOCK_CHANNELS] = {0};
            for (int64_t k = 0; k < g->k; k += SPARSE_ENTRIES) {
                const int64_t end = k + SPARSE_ENTRIES < g->k ? k + SPARSE_ENTRIES : g->k;
                const int64_t count =
                    list_nonzero(a, k, end, BLOCK_CHANNELS, list->offset, list->value);
                accumulate_wide(1, COUNTS, list, 0, count, weights, 0, wide);
            }
            finish_wide(1, g, r, c, wide);
        }
    }
}

/* Whether the operand values of a row prove that its sums fit int32. */
INLINE bool proves_narrow(value_form form, const sparse_list *list, int64_t from, int64_t to)
{
    int64_t sum = to - from;
    if (form == COUNTS) {
        sum = 0;
        for (int64_t i = from; i < to; i++)
            sum += list->value[i];
    }
    return sum <= NARROW_SUM;
}

/* List rows r0 .. while there is room for another; returns their number. */
INLINE int64_t list_panel(value_form form, const stc_gemm *g, int64_t r0, sparse_list *list)
{
    int64_t rows = 0, used = 0;
    for (; r0 + rows < g->m && rows < SPARSE_ROWS && used + g->k <= SPARSE_ENTRIES; rows++) {
        const uint8_t *a = (const uint8_t *)g->a + (r0 + rows) * g->lda;
        list->first[rows] = used;
        used += list_nonzero(a, 0, g->k, BLOCK_CHANNELS, list->offset + used,
                             form == COUNTS ? list->value + used : NULL);
        list->narrow[rows] =
            g->limit <= INT32_MAX || proves_narrow(form, list, list->first[rows], used);
    }
    list->first[rows] = used;
    return rows;
}

void STC_KERNEL(gemm_u8)(const stc_gemm *g)
{
    sparse_list *list = g->scratch;
    list->offset = (uint32_t *)(list + 1);
    list->value = (uint8_t *)(list->offset + SPARSE_ENTRIES + LIST_SLACK);
    if (g->k > SPARSE_ENTRIES) {
        long_rows(g, list);
    } else if (g->max_operand > 1) {
        for (int64_t r = 0, rows; r < g->m; r += rows) {
            rows = list_panel(COUNTS, g, r, list);
            panel_channels(COUNTS, g, list, r, rows);
        }
    } else {
        for (int64_t r = 0, rows; r < g->m; r += rows) {
            rows = list_panel(ONES, g, r, list);
            panel_channels(ONES, g, list, r, rows);
        }
    }
}
