/* kernels.h - the inner loops of the simulator, once for each instruction set.
 *
 * A kernel set is a table of functions with one meaning; the sets scalar, avx2, avx512 and amx give
 * the same bits. Integer sums are exact (any order), then rounded once; float sums go in index
 * order. All functions are Local, thread-safe, allocate nothing and write only what they say.
 * Implementations: sim/kernels/. Plain C sources there are compiled once per instruction set.
 */
#ifndef STC_KERNELS_H
#define STC_KERNELS_H

#include "stc/neuron.h"
#include "stc/shape.h"

/* Product of a panel of operand rows with packed weights.
 *   integer operands: y = (float)(sum_k a[r][k] * q[k][n]) * scale[n] + bias[n]   (sum exact, each
 *       other operation rounded to float32)
 *   float operands:   y = ((0 + a[r][0] w[0][n]) + a[r][1] w[1][n] + ...) + bias[n], no fma
 *   x[r][n] = y, or x[r][n] + y when add. bias NULL: none is added. */
typedef struct {
    int64_t m, k; /* rows, inner length */
    const void
        *a; /* [m rounded up to 16][lda]: readable, 64-byte aligned, rows beyond m are ignored */
    int64_t lda;         /* elements; u8: a multiple of 64 >= k, zero beyond k */
    const void *weights; /* as the matching pack function wrote it */
    int64_t n;           /* channels; packed width is n rounded up to 16 */
    const float *scale;  /* [n rounded up to 16] 2^-exponent * unit; NULL for float operands */
    const float *bias;   /* [n rounded up to 16] or NULL */
    int64_t limit;       /* integer operands: sum_k |a q| never exceeds this (< 2^53) */
    int64_t max_operand; /* largest operand value */
    float *x; /* [m][ldx], ldx >= n rounded up to 16; columns beyond n may be overwritten */
    int64_t ldx;
    bool add;
    void *scratch; /* scratch_bytes of this thread, 64-byte aligned */
} stc_gemm;

/* Poisson counts of one mean. The count of an element at a step is the number of entries of
 * cumulative that do not exceed u, a number in (0, 1) of 52 bits. The first 16 of them decide
 * nearly always; the others are drawn where they do not (stc_poisson_word, stc_poisson_rest). */
enum { STC_MOST_POISSON = 255 };
typedef struct {
    int n;                               /* entries: counts are 0 .. n */
    double cumulative[STC_MOST_POISSON]; /* probability of a count of at most k */
    uint16_t cut[STC_MOST_POISSON];      /* floor(65536 cumulative) */
} stc_poisson;
/* 0 <= mean <= 100. */
void stc_poisson_prepare(double mean, stc_poisson *out);
/* The first 16 bits of u of an element, and u of which they are the first ones. Elements 128 g + 16
 * h + l with 0 <= h < 8 and 0 <= l < 16 take half h of block 16 g + l of the key: Philox4x32-10 of
 * counter (block, sample, step, step / 2^32); the other bits come from the first words of the block
 * of counter (element, sample, step, step / 2^32 + 2^31). */
uint16_t stc_poisson_word(uint64_t key, uint32_t sample, uint64_t step, int64_t element);
double stc_poisson_rest(uint64_t key, uint32_t sample, uint64_t step, int64_t element,
                        uint16_t word);

typedef struct stc_kernel_set {
    const char *name;           /* "scalar", "avx2", "avx512", "amx" */
    bool (*supported)(void);    /* by this processor (and, for amx, granted by the kernel) */
    void (*thread_start)(void); /* once per thread before use (tile configuration); sets MXCSR to
                                   round-to-nearest, denormals on */

    /* Weights as integers q[n][k] row-major, |q| <= STC_WEIGHT_MAX, or as float w[n][k]. */
    int64_t (*packed_u8_bytes)(int64_t k, int64_t n);
    void (*pack_u8)(int64_t k, int64_t n, const int32_t *q, void *packed);
    int64_t gemm_scratch_bytes;
    void (*gemm_u8)(const stc_gemm *gemm); /* a: uint8_t */
    /* wide: a is int32_t (>= 0), packed as float32 q; sums in double, exact below 2^53 */
    void (*gemm_i32)(const stc_gemm *gemm); /* weights: float q packed by pack_f32 */
    void (*pack_f32)(int64_t k, int64_t n, const float *w,
                     float *packed);        /* [k][n rounded up to 16] */
    void (*gemm_f32)(const stc_gemm *gemm); /* a: float */

    /* Depthwise: y[r][c] = sum_t a[r][t][c] * w[t][c], a [m][taps][channels] contiguous; rounding
     * as above (integers exact in double). a is uint8_t, int32_t or float by dtype U8, I32, F32. */
    void (*depthwise)(stc_dtype dtype, int64_t m, int64_t taps, int64_t channels, const void *a,
                      const float *w, const float *scale, const float *bias, float *x, int64_t ldx,
                      bool add);

    /* out[i][j] = sum_k a[i][k] * b[j][k].
     * u8: exact int32 sums, b <= 127; lda, ldb multiples of 64, zero beyond k, 64-byte aligned. */
    void (*dot_u8)(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda, const uint8_t *b,
                   int64_t ldb, int32_t *out, int64_t ldo);
    /* float in index order, no fma; i32 exact in double, stored as int32. */
    void (*dot_f32)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                    int64_t ldb, float *out, int64_t ldo);
    void (*dot_i32)(int64_t m, int64_t n, int64_t k, const int32_t *a, int64_t lda,
                    const int32_t *b, int64_t ldb, int32_t *out, int64_t ldo);

    /* x[i] = scale * value(src[i * stride]) + shift, or x[i] + that; n elements, stride in
     * elements. One rounding per operation; shift is not added when it is 0 and scale not
     * multiplied when 1. */
    void (*read)(stc_dtype dtype, int64_t n, const void *src, int64_t stride, float scale,
                 float shift, float *x, bool add);
    /* The same with scale and shift per element. */
    void (*read_affine)(stc_dtype dtype, int64_t n, const void *src, int64_t stride,
                        const float *scale, const float *shift, float *x, bool add);
    /* dst[i] = x[i] for F32, else (integer)(x[i] * inverse_unit), exact by construction. */
    void (*write)(stc_dtype dtype, int64_t n, const float *x, float inverse_unit, void *dst);
    /* best[i] = max(best[i], src[i]), same dtype. */
    void (*max)(stc_dtype dtype, int64_t n, const void *src, void *best);

    /* Number of nonzero values[i], and the sum of stc_record_hash(key, id0 + i * id_stride,
     * values[i]) over them added to *checksum. */
    int64_t (*hash_u8)(int64_t n, const uint8_t *values, uint64_t key, uint64_t id0,
                       uint64_t id_stride, uint64_t *checksum);

    /* Elements of values that are not 0, in order: index [n + 64], filled; returns how many. */
    int64_t (*nonzero)(int64_t n, const uint8_t *values, uint32_t *index);

    /* sum[i] += weight * count[i]. */
    void (*add_counts_i32)(int64_t n, const uint8_t *count, int32_t weight, int32_t *sum);
    void (*add_counts_i64)(int64_t n, const uint8_t *count, int64_t weight, int64_t *sum);
    /* x[i] = sum[i] * unit, rounded once (unit is a power of two); then sum[i] = 0. */
    void (*take_i32)(int64_t n, int32_t *sum, float unit, void *x);
    void (*take_i64)(int64_t n, int64_t *sum, double unit, void *x);

    /* Poisson counts of elements first .. first+n of a source at a step of a sample. */
    void (*poisson)(const stc_poisson *p, uint64_t key, uint32_t sample, uint64_t step,
                    int64_t first, int64_t n, uint8_t *counts);

    const stc_neuron_model *const *neurons; /* in list order */
} stc_kernel_set;

/* The sets in the order scalar, avx2, avx512, amx. */
const stc_kernel_set *const *stc_kernel_sets(int *n);
/* By name; "auto" or NULL: the last supported one. STC_ERR_USAGE when unknown, STC_ERR_INPUT when
 * this processor cannot run it (naming those it can). */
int stc_kernel_set_find(const char *name, const stc_kernel_set **out);

#endif
