/* pack.c - the forms in which the matrix kernels want their weights. Compiled once. */
#include "isa.h"

#include <string.h>

int64_t stc_packed_sparse_bytes(int64_t k, int64_t n)
{
    return round_up(n, BLOCK_CHANNELS) * k * 4;
}

void stc_pack_sparse(int64_t k, int64_t n, const int32_t *q, void *packed)
{
    int32_t *out = packed;
    for (int64_t block = 0; block < n; block += BLOCK_CHANNELS) {
        for (int64_t i = 0; i < k; i++) {
            for (int64_t c = block; c < block + BLOCK_CHANNELS; c++) {
                *out++ = c < n ? q[c * k + i] : 0;
            }
        }
    }
}

void stc_pack_f32(int64_t k, int64_t n, const float *w, float *packed)
{
    const int64_t width = round_up(n, BLOCK_CHANNELS);
    memset(packed, 0, (size_t)(k * width) * sizeof *packed);
    for (int64_t c = 0; c < n; c++) {
        for (int64_t i = 0; i < k; i++)
            packed[i * width + c] = w[c * k + i];
    }
}

int64_t stc_packed_limbs_bytes(int64_t k, int64_t n)
{
    return round_up(n, BLOCK_CHANNELS) * round_up(k, AMX_DEPTH) * STC_WEIGHT_LIMBS;
}

/* The signed digits of q to base 256, lowest first. */
static void split(int32_t q, int8_t limb[STC_WEIGHT_LIMBS])
{
    for (int l = 0; l < STC_WEIGHT_LIMBS; l++) {
        const int32_t digit = ((q + 128) & 255) - 128;
        limb[l] = (int8_t)digit;
        q = (q - digit) / 256;
    }
}

void stc_pack_limbs(int64_t k, int64_t n, const int32_t *q, void *packed)
{
    const int64_t tile = BLOCK_CHANNELS * AMX_DEPTH;
    const int64_t block_bytes = tile * STC_WEIGHT_LIMBS * (round_up(k, AMX_DEPTH) / AMX_DEPTH);
    int8_t *tiles = packed;
    memset(tiles, 0, (size_t)stc_packed_limbs_bytes(k, n));
    for (int64_t c = 0; c < n; c++) {
        int8_t *block = tiles + c / BLOCK_CHANNELS * block_bytes + c % BLOCK_CHANNELS * 4;
        for (int64_t i = 0; i < k; i++) {
            int8_t limb[STC_WEIGHT_LIMBS];
            int8_t *at = block + i / AMX_DEPTH * STC_WEIGHT_LIMBS * tile;
            split(q[c * k + i], limb);
            for (int l = 0; l < STC_WEIGHT_LIMBS; l++) {
                at[l * tile + i % AMX_DEPTH / 4 * AMX_DEPTH + i % 4] = limb[l];
            }
        }
    }
}
