/* poisson_table.c - probabilities of Poisson counts, and the numbers that decide (kernels.h). */
#include "stc/base.h"
#include "stc/kernels.h"

#include <string.h>

void stc_poisson_prepare(double mean, stc_poisson *out)
{
    const double most = 1.0 - 0x1p-53; /* no u is above */
    double probability = stc_math_exp(-mean), sum = probability;
    memset(out, 0, sizeof *out);
    while (out->n < STC_MOST_POISSON && sum < most) {
        out->cumulative[out->n] = sum;
        out->cut[out->n] = (uint16_t)(sum * 65536.0);
        out->n++;
        probability *= mean / out->n;
        if (sum + probability == sum && out->n > mean) break;
        sum += probability;
    }
}

uint16_t stc_poisson_word(uint64_t key, uint32_t sample, uint64_t step, int64_t element)
{
    const int64_t half = element % 128 / 16;
    const uint32_t counter[4] = {(uint32_t)(16 * (element / 128) + element % 16), sample,
                                 (uint32_t)step, (uint32_t)(step >> 32)};
    uint32_t word[4];
    stc_random_block(key, counter, word);
    return (uint16_t)(word[half / 2] >> 16 * (half % 2));
}

double stc_poisson_rest(uint64_t key, uint32_t sample, uint64_t step, int64_t element,
                        uint16_t first)
{
    const uint32_t counter[4] = {(uint32_t)element, sample, (uint32_t)step,
                                 (uint32_t)(step >> 32) | UINT32_C(1) << 31};
    uint32_t word[4];
    stc_random_block(key, counter, word);
    return stc_random_open52((uint32_t)first << 16 | word[0] >> 16, word[0] << 16 | word[1] >> 16);
}
