/* random.c - counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11).
 *
 * Two ways to use it: stc_random_u32 and _uniform have the seed as key; their counter holds index /
 * 4 and the purpose, and index % 4 says which of the four words is meant. Blocks have a key made of
 * seed and object, and the counter is the caller's. All are fixed for ever: networks depend on
 * them. Many blocks at a time are computed in plain loops over lanes that compilers vectorise. */

#include "stc/base.h"
#include "stc/philox.h"

uint32_t stc_random_u32(uint64_t seed, uint32_t purpose, uint64_t index)
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)(index >> 2), (uint32_t)(index >> 34), purpose, 0}};
    philox4x32_ctr_t drawn = philox4x32_R(10, counter, key);
    return drawn.v[index & 3];
}

float stc_random_uniform(uint64_t seed, uint32_t purpose, uint64_t index)
{
    return (float)(stc_random_u32(seed, purpose, index) >> 8) * 0x1p-24f;
}

uint64_t stc_random_key(uint64_t seed, uint64_t object)
{
    return stc_mix64(stc_mix64(seed + UINT64_C(0x9e3779b97f4a7c15)) + object);
}

void stc_random_block(uint64_t key, const uint32_t counter[4], uint32_t word[4])
{
    philox4x32_key_t k = {{(uint32_t)key, (uint32_t)(key >> 32)}};
    philox4x32_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
    philox4x32_ctr_t drawn = philox4x32_R(10, c, k);
    for (int i = 0; i < 4; i++)
        word[i] = drawn.v[i];
}

void stc_random_blocks(uint64_t key, int64_t n, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    stc_philox_blocks(key, n, a, b, c, d);
}
