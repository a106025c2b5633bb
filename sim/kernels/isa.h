/* isa.h - names, vector types and prototypes of the kernels of one instruction set.
 *
 * The sources of this folder but sets.c and pack.c are compiled once for each instruction set with
 * STC_ISA = scalar, avx2, avx512. They are written with vectors of LANES 32-bit elements, LANES
 * being what the compiler's flags allow; each lane is one output, so that the width of a vector
 * never changes a result. Reading order: isa.h, nonzero.h, sparse.c, amx.c, float.c, dot.c,
 * element.c, sets.c.
 */
#ifndef STC_ISA_H
#define STC_ISA_H

#include "stc/base.h"
#include "stc/kernels.h"
#include "stc/program.h"

enum {
    BLOCK_CHANNELS = 16, /* packed weights come in blocks of so many channels */
    AMX_DEPTH = 64       /* bytes of a tile row: inner indices of one tile product */
};

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
enum { BLOCK_VECTORS = BLOCK_CHANNELS / LANES };

typedef uint32_t vec_u32 __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t vec_i32 __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float vec_f32 __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* x[i] = sum * scale + bias, or x[i] + that, for LANES channels. */
INLINE void finish(vec_f32 sum, const float *scale, const float *bias, float *x, bool add)
{
    vec_f32 y = sum;
    if (scale) y = y * *(const vec_f32 *)scale;
    if (bias) y = y + *(const vec_f32 *)bias;
    if (add) y = *(vec_f32 *)x + y;
    *(vec_f32 *)x = y;
}

#define STC_KERNEL_JOIN(name, isa)   stc_kernel_##name##_##isa
#define STC_KERNEL_EXPAND(name, isa) STC_KERNEL_JOIN(name, isa)
/* The name of a kernel for the instruction set that is being compiled. */
#define STC_KERNEL(name) STC_KERNEL_EXPAND(name, STC_ISA)

/* What the members of stc_kernel_set of the same name do, kernels.h. */
#define STC_KERNEL_PROTOTYPES(isa)                                                                 \
    void stc_kernel_gemm_u8_##isa(const stc_gemm *gemm);                                           \
    void stc_kernel_gemm_i32_##isa(const stc_gemm *gemm);                                          \
    void stc_kernel_gemm_f32_##isa(const stc_gemm *gemm);                                          \
    void stc_kernel_depthwise_##isa(stc_dtype dtype, int64_t m, int64_t taps, int64_t channels,    \
                                    const void *a, const float *w, const float *scale,             \
                                    const float *bias, float *x, int64_t ldx, bool add);           \
    void stc_kernel_dot_u8_##isa(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda,   \
                                 const uint8_t *b, int64_t ldb, int32_t *out, int64_t ldo);        \
    void stc_kernel_dot_f32_##isa(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,    \
                                  const float *b, int64_t ldb, float *out, int64_t ldo);           \
    void stc_kernel_dot_i32_##isa(int64_t m, int64_t n, int64_t k, const int32_t *a, int64_t lda,  \
                                  const int32_t *b, int64_t ldb, int32_t *out, int64_t ldo);       \
    void stc_kernel_read_##isa(stc_dtype dtype, int64_t n, const void *src, int64_t stride,        \
                               float scale, float shift, float *x, bool add);                      \
    void stc_kernel_read_affine_##isa(stc_dtype dtype, int64_t n, const void *src, int64_t stride, \
                                      const float *scale, const float *shift, float *x, bool add); \
    void stc_kernel_write_##isa(stc_dtype dtype, int64_t n, const float *x, float inverse_unit,    \
                                void *dst);                                                        \
    void stc_kernel_max_##isa(stc_dtype dtype, int64_t n, const void *src, void *best);            \
    void stc_kernel_add_counts_i32_##isa(int64_t n, const uint8_t *count, int32_t weight,          \
                                         int32_t *sum);                                            \
    void stc_kernel_add_counts_i64_##isa(int64_t n, const uint8_t *count, int64_t weight,          \
                                         int64_t *sum);                                            \
    void stc_kernel_take_i32_##isa(int64_t n, int32_t *sum, float unit, void *x);                  \
    void stc_kernel_take_i64_##isa(int64_t n, int64_t *sum, double unit, void *x);                 \
    int64_t stc_kernel_nonzero_##isa(int64_t n, const uint8_t *values, uint32_t *index);           \
    void stc_kernel_poisson_##isa(const stc_poisson *p, uint64_t key, uint32_t sample,             \
                                  uint64_t step, int64_t first, int64_t n, uint8_t *counts);       \
    int64_t stc_kernel_hash_u8_##isa(int64_t n, const uint8_t *values, uint64_t key, uint64_t id0, \
                                     uint64_t id_stride, uint64_t *checksum);

STC_KERNEL_PROTOTYPES(scalar)
STC_KERNEL_PROTOTYPES(avx2)
STC_KERNEL_PROTOTYPES(avx512)
STC_KERNEL_PROTOTYPES(avx512vnni) /* of these, dot.c only */

/* Packed weights, pack.c. sparse: int32 [n / 16][k][16]. limbs: tiles of int8
 * [n / 16][k / 64][limb][16][16 channels][4]. */
int64_t stc_packed_sparse_bytes(int64_t k, int64_t n);
void stc_pack_sparse(int64_t k, int64_t n, const int32_t *q, void *packed);
int64_t stc_packed_limbs_bytes(int64_t k, int64_t n);
void stc_pack_limbs(int64_t k, int64_t n, const int32_t *q, void *packed);
void stc_pack_f32(int64_t k, int64_t n, const float *w, float *packed);

/* sparse.c: largest sum of operand values of a row whose sum of products surely fits int32. */
enum { NARROW_SUM = 0x7fffffff / STC_WEIGHT_MAX };

/* Scratch of sparse.c and of amx.c. */
enum { SPARSE_ROWS = 512, SPARSE_ENTRIES = 1 << 16 };
enum {
    SPARSE_SCRATCH = 9 * (SPARSE_ROWS + 8) + 5 * (SPARSE_ENTRIES + 64) + 64,
    AMX_SCRATCH = 1 << 14
};

/* amx.c; the set's remaining kernels are those of avx512. */
void stc_kernel_gemm_u8_amx(const stc_gemm *gemm);
void stc_amx_configure_tiles(void);

#endif
