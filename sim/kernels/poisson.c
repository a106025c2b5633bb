/* poisson.c - Poisson counts: 16 bits of random numbers are compared with all cuts, side by side;
 * the few that equal a cut are looked at again with all bits. */
#include "isa.h"

#include "stc/base.h"
#include "stc/kernels.h"
#include "stc/philox.h"

#include <string.h>

typedef uint16_t vec_u16 __attribute__((vector_size(4 * LANES)));

enum { GROUP = 128, BLOCKS = 16, GROUPS = 4, PIECE = GROUP * GROUPS }; /* kernels.h */

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

/* How many cuts are below each word; tied: not 0 where one is equal. */
static void compare(const stc_poisson *p, const uint16_t *word, uint16_t *count, uint16_t *tied)
{
    int last = 0; /* those after the first of UINT16_MAX are equal to it */
    while (last + 1 < p->n && p->cut[last] < UINT16_MAX)
        last++;
    for (int i = 0; i < PIECE; i += 2 * LANES) {
        vec_u16 w, below = {0}, equal = {0};
        memcpy(&w, word + i, sizeof w);
        for (int k = 0; k <= last; k++) {
            const vec_u16 cut = p->cut[k] - (vec_u16){0};
            below -= (vec_u16)(w > cut);
            equal |= (vec_u16)(w == cut);
        }
        memcpy(count + i, &below, sizeof below);
        memcpy(tied + i, &equal, sizeof equal);
    }
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
    uint16_t word[PIECE], count[PIECE], tied[PIECE + 4];
    const int64_t end = first + n;
    for (int64_t base = first / GROUP * GROUP; base < end; base += PIECE) {
        const int64_t lo = base > first ? base : first,
                      hi = base + PIECE < end ? base + PIECE : end;
        draw_words(key, sample, step, base / GROUP, word);
        compare(p, word, count, tied);
        for (int64_t i = lo - base; i < hi - base; i++) {
            uint64_t four; /* mostly nothing is tied */
            memcpy(&four, tied + i, sizeof four);
            if (i + 4 <= hi - base && four == 0) {
                i += 3;
                continue;
            }
            if (tied[i])
                count[i] = count_exactly(p, stc_poisson_rest(key, sample, step, base + i, word[i]));
        }
        for (int64_t i = lo - base; i < hi - base; i++)
            counts[base + i - first] = (uint8_t)count[i];
    }
}
