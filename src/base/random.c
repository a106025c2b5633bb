/* random.c - counter-based random numbers: Philox4x32-10 with the seed as key. The counter holds
 * index / 4 and the purpose; index % 4 says which of its four words is meant. */

#include "stc/base.h"

#include <Random123/philox.h>

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
