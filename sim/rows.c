/* rows.c - rows of several sources: where a source has few synapses in a patch, as it has in a
 * network that is spread over many ranks, a head of its own would take more room than they do. So
 * neighbouring sources share a row. The words of a cell are ordered by source, and those of one are
 * found by bisection. */
#include "assembly.h"

#include "stc/error.h"

typedef struct {
    uint64_t word;
    uint32_t source;
} entry;

uint32_t stc_rows_source(const pathway *p, const row_table *t, int64_t i)
{
    const int bits = p->format.source_bits;
    const uint32_t extra = t->extra ? t->extra[i] : 0;
    if (bits == 0) return extra;
    const uint32_t low = p->format.wide_word
                             ? (uint32_t)(((const uint64_t *)t->word)[i] >> (64 - bits))
                             : ((const uint32_t *)t->word)[i] >> (32 - bits);
    return extra << bits | low;
}

/* ---- ordering ---- */

static entry take(const pathway *p, const row_table *t, int64_t i)
{
    return (entry){p->format.wide_word ? ((const uint64_t *)t->word)[i]
                                       : ((const uint32_t *)t->word)[i],
                   stc_rows_source(p, t, i)};
}

static void put(const pathway *p, row_table *t, int64_t i, const entry *e)
{
    if (p->format.wide_word)
        ((uint64_t *)t->word)[i] = e->word;
    else
        ((uint32_t *)t->word)[i] = (uint32_t)e->word;
    if (t->extra) t->extra[i] = (uint8_t)(e->source >> p->format.source_bits);
}

/* Shell's sort: cells are short, and hold sources in any order. */
static void sort(entry *list, int64_t n)
{
    int64_t gap = 1;
    while (gap < n / 9)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3) {
        for (int64_t i = gap; i < n; i++) {
            const entry next = list[i];
            int64_t at = i;
            for (; at >= gap && list[at - gap].source > next.source; at -= gap)
                list[at] = list[at - gap];
            list[at] = next;
        }
    }
}

static int64_t longest_cell(const pathway *p, const row_table *t)
{
    int64_t longest = 0;
    for (int64_t row = 0; row < t->nrows; row++) {
        const uint32_t *cells = stc_row_start(p, t, row) + 1;
        for (int64_t c = 0, from = 0; c < p->ncells; c++) {
            const int64_t end = stc_cell_end(p, cells, c);
            longest = end - from > longest ? end - from : longest;
            from = end;
        }
    }
    return longest;
}

int stc_rows_sort(const pathway *p, row_table *t)
{
    entry *list = stc_alloc(longest_cell(p, t), sizeof *list);
    if (!list) return STC_ERR_NOMEM;
    for (int64_t row = 0; row < t->nrows; row++) {
        const uint32_t *start = stc_row_start(p, t, row);
        for (int64_t c = 0, from = 0; c < p->ncells; c++) {
            const int64_t end = stc_cell_end(p, start + 1, c), first = *start + from,
                          n = end - from;
            for (int64_t i = 0; i < n; i++)
                list[i] = take(p, t, first + i);
            sort(list, n);
            for (int64_t i = 0; i < n; i++)
                put(p, t, first + i, &list[i]);
            from = end;
        }
    }
    stc_free(list);
    return 0;
}

/* ---- finding ---- */

int64_t stc_rows_find(const pathway *p, const row_table *t, uint32_t source, int64_t n,
                      uint32_t *first)
{
    int64_t low = *first, high = *first + n; /* where the words of the source begin */
    const int64_t end = high;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (stc_rows_source(p, t, middle) < source)
            low = middle + 1;
        else
            high = middle;
    }
    *first = (uint32_t)low;
    while (high < end && stc_rows_source(p, t, high) == source)
        high++;
    return high - low;
}
