/* nonzero.h - list the nonzero bytes of an array without a branch for each. */
#ifndef STC_NONZERO_H
#define STC_NONZERO_H

#include "isa.h"

#include <immintrin.h>

enum { LIST_STEP = 64, LIST_SLACK = 64 };

/* For every nonzero a[k], k0 <= k < k1: k * unit into index and, unless value is NULL, a[k] into
 * value. Returns their number; may write up to LIST_SLACK entries more. k0 is a multiple of
 * LIST_STEP, and a is readable and zero from k1 up to the next multiple. */
INLINE int64_t list_nonzero(const uint8_t *a, int64_t k0, int64_t k1, uint32_t unit,
                            uint32_t *index, uint8_t *value);

#if LANES == 16

INLINE int64_t list_nonzero(const uint8_t *a, int64_t k0, int64_t k1, uint32_t unit,
                            uint32_t *index, uint8_t *value)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i step = _mm512_set1_epi32((int)(16 * unit));
    __m512i next = _mm512_mullo_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32((int)k0)),
                                      _mm512_set1_epi32((int)unit));
    int64_t count = 0;
    for (int64_t k = k0; k < k1; k += 16, next = _mm512_add_epi32(next, step)) {
        const __m512i v = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(a + k)));
        const __mmask16 set = _mm512_test_epi32_mask(v, v);
        _mm512_storeu_si512(index + count, _mm512_maskz_compress_epi32(set, next));
        if (value) {
            _mm_storeu_si128((__m128i *)(value + count),
                             _mm512_cvtepi32_epi8(_mm512_maskz_compress_epi32(set, v)));
        }
        count += __builtin_popcount(set);
    }
    return count;
}

#else

/* Bit i tells whether a[i] is not zero, i < 64. */
INLINE uint64_t nonzero_mask(const uint8_t *a)
{
    uint64_t mask = 0;
#if LANES == 8
    for (int i = 0; i < LIST_STEP; i += 32) {
        const __m256i v = _mm256_loadu_si256((const __m256i *)(a + i));
        const __m256i none = _mm256_cmpeq_epi8(v, _mm256_setzero_si256());
        mask |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(none) << i;
    }
#else
    for (int i = 0; i < LIST_STEP; i += 16) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(a + i));
        const __m128i none = _mm_cmpeq_epi8(v, _mm_setzero_si128());
        mask |= (uint64_t)(uint16_t)~_mm_movemask_epi8(none) << i;
    }
#endif
    return mask;
}

/* The inner loop runs by fours, so that its end is easy to predict. */
INLINE int64_t list_nonzero(const uint8_t *a, int64_t k0, int64_t k1, uint32_t unit,
                            uint32_t *index, uint8_t *value)
{
    int64_t count = 0;
    for (int64_t k = k0; k < k1; k += LIST_STEP) {
        uint64_t mask = nonzero_mask(a + k);
        const int64_t end = count + __builtin_popcountll(mask);
        for (int64_t at = count; at < end; at += 4) {
            for (int i = 0; i < 4; i++, mask &= mask - 1) {
                const int64_t next = k + __builtin_ctzll(mask | UINT64_C(1) << 63);
                index[at + i] = (uint32_t)next * unit;
                if (value) value[at + i] = a[next];
            }
        }
        count = end;
    }
    return count;
}

#endif

#endif
