/* element.c - element by element: read into x, write out of x, maximum, checksum of spikes. */
#include "nonzero.h"

#include <string.h>

/* Scale and shift of element i are scale[i * each] and shift[i * each]. A shift of 0 becomes -0:
 * adding that leaves every float as it is, while adding +0 would turn -0 into +0. Multiplying by 1
 * changes nothing either. */
#define READ(name, type)                                                                           \
    INLINE void name##_loop(int64_t n, const type *restrict src, int64_t stride, int64_t each,     \
                            const float *restrict scale, const float *restrict shift,              \
                            float *restrict x, bool add)                                           \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float s = shift[i * each];                                                       \
            const float y = (float)src[i * stride] * scale[i * each] + (s == 0.0f ? -0.0f : s);    \
            x[i] = add ? x[i] + y : y;                                                             \
        }                                                                                          \
    }                                                                                              \
    static void name(int64_t n, const void *src, int64_t stride, bool each, const float *scale,    \
                     const float *shift, float *x, bool add)                                       \
    {                                                                                              \
        if (stride == 1 && each && add) {                                                          \
            name##_loop(n, src, 1, 1, scale, shift, x, true);                                      \
        } else if (stride == 1 && each) {                                                          \
            name##_loop(n, src, 1, 1, scale, shift, x, false);                                     \
        } else if (stride == 1 && add) {                                                           \
            name##_loop(n, src, 1, 0, scale, shift, x, true);                                      \
        } else if (stride == 1) {                                                                  \
            name##_loop(n, src, 1, 0, scale, shift, x, false);                                     \
        } else if (add) {                                                                          \
            name##_loop(n, src, stride, each, scale, shift, x, true);                              \
        } else {                                                                                   \
            name##_loop(n, src, stride, each, scale, shift, x, false);                             \
        }                                                                                          \
    }
READ(read_u8, uint8_t)
READ(read_u16, uint16_t)
READ(read_i32, int32_t)
READ(read_f32, float)

/* Indexed by stc_dtype. */
static void (*const readers[])(int64_t n, const void *src, int64_t stride, bool each,
                               const float *scale, const float *shift, float *x, bool add) = {
    [STC_U8] = read_u8, [STC_U16] = read_u16, [STC_I32] = read_i32, [STC_F32] = read_f32};

void STC_KERNEL(read)(stc_dtype dtype, int64_t n, const void *src, int64_t stride, float scale,
                      float shift, float *x, bool add)
{
    readers[dtype](n, src, stride, false, &scale, &shift, x, add);
}

void STC_KERNEL(read_affine)(stc_dtype dtype, int64_t n, const void *src, int64_t stride,
                             const float *scale, const float *shift, float *x, bool add)
{
    readers[dtype](n, src, stride, true, scale, shift, x, add);
}

/* The values are integers that fit int32 and the type. */
#define WRITE(type)                                                                                \
    do {                                                                                           \
        type *restrict to = dst;                                                                   \
        for (int64_t i = 0; i < n; i++)                                                            \
            to[i] = (type)(int32_t)(x[i] * inverse_unit);                                          \
    } while (0)

void STC_KERNEL(write)(stc_dtype dtype, int64_t n, const float *restrict x, float inverse_unit,
                       void *restrict dst)
{
    switch (dtype) {
    case STC_U8:
        WRITE(uint8_t);
        break;
    case STC_U16:
        WRITE(uint16_t);
        break;
    case STC_I32:
        WRITE(int32_t);
        break;
    case STC_F32:
        memcpy(dst, x, (size_t)n * sizeof *x);
        break;
    }
}

#define MAX(type)                                                                                  \
    do {                                                                                           \
        const type *restrict from = src;                                                           \
        type *restrict most = best;                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            most[i] = from[i] > most[i] ? from[i] : most[i];                                       \
    } while (0)

void STC_KERNEL(max)(stc_dtype dtype, int64_t n, const void *restrict src, void *restrict best)
{
    switch (dtype) {
    case STC_U8:
        MAX(uint8_t);
        break;
    case STC_U16:
        MAX(uint16_t);
        break;
    case STC_I32:
        MAX(int32_t);
        break;
    case STC_F32:
        MAX(float);
        break;
    }
}

enum { HASH_PIECE = 1024 };

/* values[0 .. n), n <= HASH_PIECE, padded with zeros as list_nonzero wants them. */
static int64_t hash_piece(int64_t n, const uint8_t *values, uint64_t key, uint64_t id0,
                          uint64_t id_stride, uint64_t *sum)
{
    uint32_t index[HASH_PIECE + LIST_SLACK];
    uint8_t value[HASH_PIECE + LIST_SLACK];
    const int64_t count = list_nonzero(values, 0, n, 1, index, value);
    uint64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        total += stc_record_hash(key, id0 + index[i] * id_stride, value[i]);
    }
    *sum += total;
    return count;
}

int64_t STC_KERNEL(hash_u8)(int64_t n, const uint8_t *values, uint64_t key, uint64_t id0,
                            uint64_t id_stride, uint64_t *checksum)
{
    uint8_t last[HASH_PIECE] = {0};
    int64_t count = 0, i = 0;
    for (; i + HASH_PIECE <= n; i += HASH_PIECE) {
        count += hash_piece(HASH_PIECE, values + i, key, id0 + (uint64_t)i * id_stride, id_stride,
                            checksum);
    }
    memcpy(last, values + i, (size_t)(n - i));
    return count + hash_piece(n - i, last, key, id0 + (uint64_t)i * id_stride, id_stride, checksum);
}

int64_t STC_KERNEL(nonzero)(int64_t n, const uint8_t *values, uint32_t *index)
{
    enum { PIECE = 64 };
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += PIECE) {
        const int64_t end = i + PIECE < n ? i + PIECE : n;
        uint8_t any = 0; /* mostly nobody fires */
        for (int64_t k = i; k < end; k++)
            any |= values[k];
        for (int64_t k = i; any && k < end; k++) {
            index[count] = (uint32_t)k;
            count += values[k] != 0;
        }
    }
    return count;
}

void STC_KERNEL(add_counts_i32)(int64_t n, const uint8_t *restrict count, int32_t weight,
                                int32_t *restrict sum)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += weight * count[i];
}

void STC_KERNEL(add_counts_i64)(int64_t n, const uint8_t *restrict count, int64_t weight,
                                int64_t *restrict sum)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += weight * count[i];
}

void STC_KERNEL(take_i32)(int64_t n, int32_t *restrict sum, float unit, void *restrict x)
{
    float *restrict out = x;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (float)sum[i] * unit;
        sum[i] = 0;
    }
}

void STC_KERNEL(take_i64)(int64_t n, int64_t *restrict sum, double unit, void *restrict x)
{
    double *restrict out = x;
    for (int64_t i = 0; i < n; i++) {
        out[i] = (double)sum[i] * unit;
        sum[i] = 0;
    }
}
