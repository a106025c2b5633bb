/* philox.h - many blocks of Philox4x32-10 at a time, in loops over lanes that compilers vectorise;
 * for files that are compiled for each instruction set. Others call stc_random_blocks (base.h). */
#ifndef STC_PHILOX_H
#define STC_PHILOX_H

#include <Random123/philox.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define STC_PHILOX_LANES 16
typedef __m512i stc_philox_vector;
#define STC_PHILOX(op) _mm512_##op
#define STC_PHILOX_XOR _mm512_xor_si512
#elif defined(__AVX2__)
#include <immintrin.h>
#define STC_PHILOX_LANES 8
typedef __m256i stc_philox_vector;
#define STC_PHILOX(op)   _mm256_##op
#define STC_PHILOX_XOR   _mm256_xor_si256
#endif

#ifdef STC_PHILOX_LANES

/* Halves of the 64-bit products of all lanes with one number. Compilers multiply 64 by 64 bits
 * here, which costs three times as much. */
static inline void stc_philox_multiply(stc_philox_vector x, uint32_t m, stc_philox_vector *high,
                                       stc_philox_vector *low)
{
    const stc_philox_vector factor = STC_PHILOX(set1_epi32)((int)m);
    const stc_philox_vector even = STC_PHILOX(mul_epu32)(x, factor);
    const stc_philox_vector odd = STC_PHILOX(mul_epu32)(STC_PHILOX(srli_epi64)(x, 32), factor);
#if STC_PHILOX_LANES == 16
    *low = _mm512_mask_shuffle_epi32(even, 0xaaaa, odd, _MM_PERM_CCAA);
    *high = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
#else
    *low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#endif
}

static inline void stc_philox_lanes(uint64_t key, uint32_t *a, uint32_t *b, uint32_t *c,
                                    uint32_t *d)
{
    stc_philox_vector x, y, z, w, p_high, p_low, q_high, q_low;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    memcpy(&z, c, sizeof z);
    memcpy(&w, d, sizeof w);
    for (uint32_t r = 0; r < 10; r++) {
        const uint32_t k0 = (uint32_t)key + r * PHILOX_W32_0;
        const uint32_t k1 = (uint32_t)(key >> 32) + r * PHILOX_W32_1;
        stc_philox_multiply(x, PHILOX_M4x32_0, &p_high, &p_low);
        stc_philox_multiply(z, PHILOX_M4x32_1, &q_high, &q_low);
        x = STC_PHILOX_XOR(STC_PHILOX_XOR(q_high, y), STC_PHILOX(set1_epi32)((int)k0));
        z = STC_PHILOX_XOR(STC_PHILOX_XOR(p_high, w), STC_PHILOX(set1_epi32)((int)k1));
        y = q_low;
        w = p_low;
    }
    memcpy(a, &x, sizeof x);
    memcpy(b, &y, sizeof y);
    memcpy(c, &z, sizeof z);
    memcpy(d, &w, sizeof w);
}

#endif

/* n blocks of a key: counter (a[i], b[i], c[i], d[i]) is replaced by its four words. */
static inline void stc_philox_blocks(uint64_t key, int64_t n, uint32_t *restrict a,
                                     uint32_t *restrict b, uint32_t *restrict c,
                                     uint32_t *restrict d)
{
    uint32_t round_key[10][2];
    for (uint32_t r = 0; r < 10; r++) {
        round_key[r][0] = (uint32_t)key + r * PHILOX_W32_0;
        round_key[r][1] = (uint32_t)(key >> 32) + r * PHILOX_W32_1;
    }
    int64_t whole = 0;
#ifdef STC_PHILOX_LANES
    whole = n - n % STC_PHILOX_LANES;
    for (int64_t i = 0; i < whole; i += STC_PHILOX_LANES)
        stc_philox_lanes(key, a + i, b + i, c + i, d + i);
#endif
    for (int64_t i = whole; i < n; i++) {
        uint32_t x = a[i], y = b[i], z = c[i], w = d[i];
        for (int r = 0; r < 10; r++) {
            uint64_t p = (uint64_t)PHILOX_M4x32_0 * x, q = (uint64_t)PHILOX_M4x32_1 * z;
            x = (uint32_t)(q >> 32) ^ y ^ round_key[r][0];
            y = (uint32_t)q;
            z = (uint32_t)(p >> 32) ^ w ^ round_key[r][1];
            w = (uint32_t)p;
        }
        a[i] = x, b[i] = y, c[i] = z, d[i] = w;
    }
}

#endif
