/* poisson.c - Poisson counts: 16 bits of random numbers are compared with all cuts, side by side;
 * the few that equal a cut are looked at again with all bits. Which cut that can be follows from
 * how many are below: it is looked up, not searched. */
#include "isa.h"

#include "stc/base.h"
#include "stc/kernels.h"
#include "stc/philox.h"

#include <string.h>

#ifdef __AVX512BW__
#include <immintrin.h>
#endif

typedef uint16_t vec_u16 __attribute__((vector_size(4 * LANES)));

enum {
    GROUP = 128,
    BLOCKS = 16,
    GROUPS = 4,
    PIECE = GROUP * GROUPS,
    WORDS = 2 * LANES,
    TOGETHER = 4
}; /* kernels.h */

/* The 16-bit words of GROUPS groups of elements from `group` on. */
static void draw_words(uint64_t key, uint32_t sample, uint64_t step, int64_t group, uint16_t *out)
{
    uint32_t word[4][BLOCKS * GROUPS];
    for (int i = 0; i < BLOCKS * GROUPS; i++) {
        word[0][i] = (uint32_t)(group * BLOCKS + i);
        word[1][i] = sample;
        word[2][i] = (uint32_t)step;
        word[3][i] = (uint32_t)(step >> 32);
    }
    stc_philox_blocks(key, BLOCKS * GROUPS, word[0], word[1], word[2], word[3]);
    for (int g = 0; g < GROUPS; g++) {
        for (int w = 0; w < 4; w++) {
            const uint32_t *from = word[w] + g * BLOCKS;
            uint16_t *low = out + g * GROUP + 2 * w * BLOCKS, *high = low + BLOCKS;
            for (int l = 0; l < BLOCKS; l++) {
                low[l] = (uint16_t)from[l];
                high[l] = (uint16_t)(from[l] >> 16);
            }
        }
    }
}

/* Does a word equal the first cut that is not below it? cut: ENTRIES of them, or NULL when there
 * are more. */
static inline vec_u16 is_tied(const stc_poisson *p, int last, const vec_u16 *cuts, vec_u16 word,
                              vec_u16 below)
{
#ifdef __AVX512BW__
    if (last < WORDS)
        return (vec_u16)(word == (vec_u16)_mm512_permutexvar_epi16((__m512i)below, (__m512i)*cuts));
#else
    (void)cuts, (void)below;
#endif
    vec_u16 equal = {0};
    for (int k = 0; k <= last; k++)
        equal |= (vec_u16)(word == p->cut[k] - (vec_u16){0});
    return equal;
}

/* How many cuts are below each word; tied: not 0 where one is equal. Returns whether any is. */
static bool compare(const stc_poisson *p, const uint16_t *word, uint16_t *count, uint16_t *tied)
{
    int last = 0; /* those after the first of UINT16_MAX are equal to it */
    while (last + 1 < p->n && p->cut[last] < UINT16_MAX)
        last++;
    uint16_t cut[WORDS], found[WORDS], all = 0;
    for (int k = 0; k < WORDS; k++) /* words above all cuts equal none of them */
        cut[k] = p->cut[k < last ? k : last];
    vec_u16 cuts, any = {0};
    memcpy(&cuts, cut, sizeof cuts);
    for (int i = 0; i < PIECE; i += TOGETHER * WORDS) {
        vec_u16 w[TOGETHER], below[TOGETHER] = {{0}};
        for (int j = 0; j < TOGETHER; j++)
            memcpy(&w[j], word + i + j * WORDS, sizeof w[j]);
        for (int k = 0; k <= last; k++) {
            const vec_u16 bound = p->cut[k] - (vec_u16){0};
            for (int j = 0; j < TOGETHER; j++)
                below[j] -= (vec_u16)(w[j] > bound);
        }
        for (int j = 0; j < TOGETHER; j++) {
            const vec_u16 equal = is_tied(p, last, &cuts, w[j], below[j]);
            memcpy(count + i + j * WORDS, &below[j], sizeof below[j]);
            memcpy(tied + i + j * WORDS, &equal, sizeof equal);
            any |= equal;
        }
    }
    memcpy(found, &any, sizeof found);
    for (int i = 0; i < WORDS; i++)
        all |= found[i];
    return all != 0;
}

static uint16_t count_exactly(const stc_poisson *p, double u)
{
    int k = 0;
    while (k < p->n && u >= p->cumulative[k])
        k++;
    return (uint16_t)k;
}

void STC_KERNEL(poisson)(const stc_poisson *p, uint64_t key, uint32_t sample, uint64_t step,
                         int64_t first, int64_t n, uint8_t *counts)
{
    uint16_t word[PIECE], count[PIECE], tied[PIECE];
    const int64_t end = first + n;
    for (int64_t base = first / GROUP * GROUP; base < end; base += PIECE) {
        const int64_t lo = base > first ? base : first,
                      hi = base + PIECE < end ? base + PIECE : end;
        draw_words(key, sample, step, base / GROUP, word);
        const bool any = compare(p, word, count, tied);
        for (int64_t i = lo - base; any && i < hi - base; i++)
            if (tied[i])
                count[i] = count_exactly(p, stc_poisson_rest(key, sample, step, base + i, word[i]));
        for (int64_t i = lo - base; i < hi - base; i++)
            counts[base + i - first] = (uint8_t)count[i];
    }
}
