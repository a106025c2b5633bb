/* float.c - products with packed float32 weights: real operands, wide integers, depthwise.
 *
 * Every lane of a vector is one output channel and adds its products in index order, so the width
 * of a vector and the blocking over rows never change a bit.
 */
#include "isa.h"

#include <immintrin.h>
#include <string.h>

/* Rows that are worked on together; each holds nv vectors of sums. */
enum { ROWS = LANES == 16 ? 8 : 4 };

/* Channels from c on, nv vectors wide, of rows r .. r + ROWS; those beyond m are not stored. */
INLINE void real_block(int nv, const stc_gemm *g, int64_t r, int64_t c)
{
    const int64_t width = round_up(g->n, BLOCK_CHANNELS);
    const float *a = (const float *)g->a + r * g->lda;
    const float *w = (const float *)g->weights + c;
    vec_f32 sum[ROWS][4] = {0};
    for (int64_t k = 0; k < g->k; k++) {
        for (int i = 0; i < ROWS; i++) {
            for (int v = 0; v < nv; v++) {
                sum[i][v] += a[i * g->lda + k] * *(const vec_f32 *)(w + k * width + v * LANES);
            }
        }
    }
    for (int i = 0; i < ROWS && r + i < g->m; i++) {
        for (int v = 0; v < nv; v++) {
            const int64_t at = c + v * LANES;
            finish(sum[i][v], NULL, g->bias ? g->bias + at : NULL, g->x + (r + i) * g->ldx + at,
                   g->add);
        }
    }
}

void STC_KERNEL(gemm_f32)(const stc_gemm *g)
{
    const int64_t width = round_up(g->n, BLOCK_CHANNELS);
    int64_t c = 0;
    for (; c + 2 * LANES <= width; c += 2 * LANES) {
        for (int64_t r = 0; r < g->m; r += ROWS)
            real_block(2, g, r, c);
    }
    for (; c < width; c += LANES) {
        for (int64_t r = 0; r < g->m; r += ROWS)
            real_block(1, g, r, c);
    }
}

/* Sums of 16 channels in float64, exact for integers below 2^53, are HALVES vectors of HALF. The
 * conversions are intrinsics because gcc splits those that change the width of a vector. */
enum { HALF = LANES / 2, HALVES = BLOCK_CHANNELS / HALF };
typedef double vec_f64 __attribute__((vector_size(8 * HALF), aligned(8), may_alias));

INLINE vec_f64 widen(const float *w)
{
#if LANES == 16
    return (vec_f64)_mm512_cvtps_pd(_mm256_loadu_ps(w));
#elif LANES == 8
    return (vec_f64)_mm256_cvtps_pd(_mm_loadu_ps(w));
#else
    return (vec_f64)_mm_cvtps_pd(_mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)w)));
#endif
}

INLINE vec_f64 widen_i32(const int32_t *value)
{
#if LANES == 16
    return (vec_f64)_mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)value));
#elif LANES == 8
    return (vec_f64)_mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)value));
#else
    return (vec_f64)_mm_cvtepi32_pd(_mm_loadl_epi64((const __m128i *)value));
#endif
}

INLINE vec_f64 widen_u8(const uint8_t *value)
{
#if LANES == 16
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)value);
    return (vec_f64)_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes));
#elif LANES == 8
    int32_t four;
    memcpy(&four, value, sizeof four);
    return (vec_f64)_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
#else
    return (vec_f64)_mm_set_pd(value[1], value[0]);
#endif
}

INLINE void narrow(vec_f64 sum, float *out)
{
#if LANES == 16
    _mm256_storeu_ps(out, _mm512_cvtpd_ps((__m512d)sum));
#elif LANES == 8
    _mm_storeu_ps(out, _mm256_cvtpd_ps((__m256d)sum));
#else
    _mm_storel_pi((__m64 *)out, _mm_cvtpd_ps((__m128d)sum));
#endif
}

/* Round each sum to float32 and finish. */
INLINE void finish_exact(const vec_f64 sum[HALVES], const float *scale, const float *bias, float *x,
                         bool add)
{
    float rounded[BLOCK_CHANNELS];
    for (int h = 0; h < HALVES; h++)
        narrow(sum[h], rounded + h * HALF);
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        finish(*(const vec_f32 *)(rounded + v * LANES), scale + v * LANES,
               bias ? bias + v * LANES : NULL, x + v * LANES, add);
    }
}

/* Channels c .. c + 16 of rows r .. r + WIDE_ROWS; those beyond m are not stored. */
enum { WIDE_ROWS = 4 };
static void wide_block(const stc_gemm *g, int64_t r, int64_t c)
{
    const int64_t width = round_up(g->n, BLOCK_CHANNELS);
    const int32_t *a = (const int32_t *)g->a + r * g->lda;
    const float *w = (const float *)g->weights + c;
    vec_f64 sum[WIDE_ROWS][HALVES] = {0};
    for (int64_t k = 0; k < g->k; k++, w += width) {
        for (int h = 0; h < HALVES; h++) {
            const vec_f64 weight = widen(w + h * HALF);
            for (int i = 0; i < WIDE_ROWS; i++)
                sum[i][h] += (double)a[i * g->lda + k] * weight;
        }
    }
    for (int i = 0; i < WIDE_ROWS && r + i < g->m; i++) {
        finish_exact(sum[i], g->scale + c, g->bias ? g->bias + c : NULL,
                     g->x + (r + i) * g->ldx + c, g->add);
    }
}

void STC_KERNEL(gemm_i32)(const stc_gemm *g)
{
    for (int64_t c = 0; c < g->n; c += BLOCK_CHANNELS) {
        for (int64_t r = 0; r < g->m; r += WIDE_ROWS)
            wide_block(g, r, c);
    }
}

/* One row of a depthwise product, channels 0 .. count; count <= 16. */
#define DEPTHWISE(name, type, sum_type)                                                            \
    INLINE void name(int count, int64_t taps, int64_t channels, const type *a, const float *w,     \
                     const float *scale, const float *bias, float *x, bool add)                    \
    {                                                                                              \
        sum_type sum[BLOCK_CHANNELS] = {0};                                                        \
        for (int64_t t = 0; t < taps; t++, a += channels, w += channels) {                         \
            for (int i = 0; i < count; i++)                                                        \
                sum[i] += (sum_type)a[i] * (sum_type)w[i];                                         \
        }                                                                                          \
        for (int i = 0; i < count; i++) {                                                          \
            float y = (float)sum[i];                                                               \
            if (scale) y = y * scale[i];                                                           \
            if (bias) y = y + bias[i];                                                             \
            x[i] = add ? x[i] + y : y;                                                             \
        }                                                                                          \
    }
DEPTHWISE(part_u8, uint8_t, double)
DEPTHWISE(part_i32, int32_t, double)
DEPTHWISE(part_f32, float, float)

/* The same for 16 channels of integers. */
#define DEPTHWISE_BLOCK(suffix, type)                                                              \
    INLINE void block_##suffix(int64_t taps, int64_t channels, const type *a, const float *w,      \
                               const float *scale, const float *bias, float *x, bool add)          \
    {                                                                                              \
        vec_f64 sum[HALVES] = {0};                                                                 \
        for (int64_t t = 0; t < taps; t++, a += channels, w += channels) {                         \
            for (int h = 0; h < HALVES; h++) {                                                     \
                sum[h] += widen_##suffix(a + h * HALF) * widen(w + h * HALF);                      \
            }                                                                                      \
        }                                                                                          \
        finish_exact(sum, scale, bias, x, add);                                                    \
    }
DEPTHWISE_BLOCK(u8, uint8_t)
DEPTHWISE_BLOCK(i32, int32_t)

INLINE void block_f32(int64_t taps, int64_t channels, const float *a, const float *w,
                      const float *scale, const float *bias, float *x, bool add)
{
    part_f32(BLOCK_CHANNELS, taps, channels, a, w, scale, bias, x, add);
}

#define DEPTHWISE_ROWS(suffix, type)                                                               \
    for (int64_t r = 0; r < m; r++) {                                                              \
        const type *row = (const type *)a + r * taps * channels;                                   \
        int64_t c = 0;                                                                             \
        for (; c + BLOCK_CHANNELS <= channels; c += BLOCK_CHANNELS) {                              \
            block_##suffix(taps, channels, row + c, w + c, scale ? scale + c : NULL,               \
                           bias ? bias + c : NULL, x + r * ldx + c, add);                          \
        }                                                                                          \
        part_##suffix((int)(channels - c), taps, channels, row + c, w + c,                         \
                      scale ? scale + c : NULL, bias ? bias + c : NULL, x + r * ldx + c, add);     \
    }

void STC_KERNEL(depthwise)(stc_dtype dtype, int64_t m, int64_t taps, int64_t channels,
                           const void *a, const float *w, const float *scale, const float *bias,
                           float *x, int64_t ldx, bool add)
{
    if (dtype == STC_U8) {
        DEPTHWISE_ROWS(u8, uint8_t)
    } else if (dtype == STC_I32) {
        DEPTHWISE_ROWS(i32, int32_t)
    } else {
        scale = NULL;
        DEPTHWISE_ROWS(f32, float)
    }
}
