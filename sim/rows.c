/* rows.c - rows of several sources: where a source has few synapses in a patch, as it has in a
 * network that is spread over many ranks, a head of its own would take more room than they do. So
 * neighbouring sources share a row. The words of a cell are ordered by source, and those of one are
 * found by bisection. */
#include "assembly.h"

#include "stc/error.h"

#include <string.h>

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

/* First into buckets by the highest bits of the source, then by insertion: cells are short, and
 * hold sources in any order. */
static void sort(int source_bits, int64_t n, const entry *list, entry *sorted)
{
    enum { BITS = 7, SHORT = 24 };
    const int shift = n <= SHORT ? source_bits : source_bits > BITS ? source_bits - BITS : 0;
    const int buckets = 1 << (source_bits - shift);
    int64_t place[(1 << BITS) + 1];
    memset(place, 0, (size_t)(buckets + 1) * sizeof *place);
    for (int64_t i = 0; i < n; i++)
        place[(list[i].source >> shift) + 1]++;
    for (int b = 0; b < buckets; b++)
        place[b + 1] += place[b];
    for (int64_t i = 0; i < n; i++)
        sorted[place[list[i].source >> shift]++] = list[i];
    for (int64_t i = 1; i < n && shift > 0; i++) {
        const entry next = sorted[i];
        int64_t at = i;
        for (; at > 0 && sorted[at - 1].source > next.source; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = next;
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
    const int64_t most = longest_cell(p, t);
    entry *list = stc_alloc(2 * most, sizeof *list), *sorted = list + most;
    if (!list) return STC_ERR_NOMEM;
    for (int64_t row = 0; row < t->nrows; row++) {
        const uint32_t *start = stc_row_start(p, t, row);
        for (int64_t c = 0, from = 0; c < p->ncells; c++) {
            const int64_t end = stc_cell_end(p, start + 1, c), first = *start + from,
                          n = end - from;
            for (int64_t i = 0; i < n; i++)
                list[i] = take(p, t, first + i);
            sort(p->source_bits, n, list, sorted);
            for (int64_t i = 0; i < n; i++)
                put(p, t, first + i, &sorted[i]);
            from = end;
        }
    }
    stc_free(list);
    return 0;
}

/* ---- finding ---- */

/* Is the source of a word below another one? Most words need not be looked at where there is more
 * of the source beside them. */
static bool is_below(const pathway *p, const row_table *t, int64_t i, uint32_t source)
{
    if (t->extra) {
        const uint32_t extra = t->extra[i], wanted = source >> p->format.source_bits;
        if (extra != wanted) return extra < wanted;
    }
    return stc_rows_source(p, t, i) < source;
}

int64_t stc_rows_find(const pathway *p, const row_table *t, uint32_t source, int64_t n,
                      uint32_t *first)
{
    int64_t low = *first, high = *first + n; /* where the words of the source begin */
    const int64_t end = high;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (is_below(p, t, middle, source))
            low = middle + 1;
        else
            high = middle;
    }
    *first = (uint32_t)low;
    while (high < end && is_below(p, t, high, source + 1))
        high++;
    return high - low;
}
