/* dot.c - products of two tensors of values, as in attention: out[i][j] = sum_k a[i][k] b[j][k].
 *
 * Sixteen rows of b are turned into columns, a piece of the inner length at a time, so that each
 * lane is one j; rows of a then run over the piece. Sums of earlier pieces wait in `out`. A word is
 * what one multiplication of 32-bit lanes takes: one number, or two or four bytes of values.
 */
#include "isa.h"

#include <immintrin.h>
#include <string.h>

enum { ROWS = 4, WORDS = 256 }; /* rows of a that are worked on together; words in a piece */

typedef enum { REALS, INTEGERS, BYTES } word_form;
#ifdef __AVX512VNNI__
enum { WORD_BYTES = 4 }; /* values in a word of BYTES */
#else
enum { WORD_BYTES = 2 };
#endif

typedef uint32_t __attribute__((may_alias, aligned(1))) any_u32;

/* Words of 16 rows of b; rows that do not exist are zero. */
typedef struct {
    uint32_t word[WORDS][BLOCK_CHANNELS];
} column_piece;

INLINE vec_u32 multiply_add(word_form form, vec_u32 sum, vec_u32 a, vec_u32 b)
{
    if (form == REALS) return (vec_u32)((vec_f32)sum + (vec_f32)a * (vec_f32)b);
    if (form == INTEGERS) return sum + a * b;
#if defined(__AVX512VNNI__)
    return (vec_u32)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif LANES == 16
    return sum + (vec_u32)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif LANES == 8
    return sum + (vec_u32)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
    return sum + (vec_u32)_mm_madd_epi16((__m128i)a, (__m128i)b);
#endif
}

/* Words k .. k + count of a row as multiply_add wants them: the row itself, or two bytes of values
 * spread into `spread`. */
INLINE const any_u32 *row_words(word_form form, const void *row, int64_t k, int64_t count,
                                uint32_t spread[WORDS])
{
    if (form != BYTES || WORD_BYTES == 4) return (const any_u32 *)row + k;
    const uint8_t *byte = (const uint8_t *)row + 2 * k;
    for (int64_t i = 0; i < count; i++) {
        spread[i] = byte[2 * i] | (uint32_t)byte[2 * i + 1] << 16;
    }
    return spread;
}

/* b: first byte of row j; stride: bytes from row to row. */
INLINE void turn(word_form form, int64_t rows, const char *b, int64_t stride, int64_t k,
                 int64_t count, column_piece *piece)
{
    uint32_t spread[WORDS];
    if (rows < BLOCK_CHANNELS) memset(piece, 0, sizeof *piece);
    for (int64_t j = 0; j < rows; j++) {
        const any_u32 *word = row_words(form, b + j * stride, k, count, spread);
        for (int64_t i = 0; i < count; i++)
            piece->word[i][j] = word[i];
    }
}

/* Copy the sums of a row; a full block without a call. */
INLINE void copy_sums(void *to, const void *from, int64_t columns)
{
    if (columns == BLOCK_CHANNELS) {
        memcpy(to, from, BLOCK_CHANNELS * sizeof(uint32_t));
    } else {
        memcpy(to, from, (size_t)columns * sizeof(uint32_t));
    }
}

/* Add `rows` rows of a times the piece to out[rows][columns]; begin: the sums start from 0. */
INLINE void multiply(word_form form, int rows, const char *a, int64_t stride, int64_t k,
                     int64_t count, const column_piece *piece, int64_t columns, uint32_t *out,
                     int64_t ldo, bool begin)
{
    uint32_t spread[ROWS][WORDS], sums[BLOCK_CHANNELS] = {0};
    const any_u32 *word[ROWS];
    vec_u32 sum[ROWS][BLOCK_VECTORS];
    for (int r = 0; r < rows; r++) {
        word[r] = row_words(form, a + r * stride, k, count, spread[r]);
        if (!begin) copy_sums(sums, out + r * ldo, columns);
        for (int v = 0; v < BLOCK_VECTORS; v++)
            sum[r][v] = *(const vec_u32 *)(sums + v * LANES);
    }
    for (int64_t i = 0; i < count; i++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            const vec_u32 b = *(const vec_u32 *)(piece->word[i] + v * LANES);
            for (int r = 0; r < rows; r++) {
                sum[r][v] = multiply_add(form, sum[r][v], (vec_u32){0} + word[r][i], b);
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < BLOCK_VECTORS; v++)
            *(vec_u32 *)(sums + v * LANES) = sum[r][v];
        copy_sums(out + r * ldo, sums, columns);
    }
}

/* words: inner length; strides of a and b in bytes. */
INLINE void dot(word_form form, int64_t m, int64_t n, int64_t words, const char *a,
                int64_t a_stride, const char *b, int64_t b_stride, uint32_t *out, int64_t ldo)
{
    column_piece piece;
    for (int64_t j = 0; j < n; j += BLOCK_CHANNELS) {
        const int64_t columns = n - j < BLOCK_CHANNELS ? n - j : BLOCK_CHANNELS;
        int64_t k = 0;
        do {
            const int64_t count = words - k < WORDS ? words - k : WORDS;
            turn(form, columns, b + j * b_stride, b_stride, k, count, &piece);
            int64_t i = 0;
            for (; i + ROWS <= m; i += ROWS) {
                multiply(form, ROWS, a + i * a_stride, a_stride, k, count, &piece, columns,
                         out + i * ldo + j, ldo, k == 0);
            }
            for (; i < m; i++) {
                multiply(form, 1, a + i * a_stride, a_stride, k, count, &piece, columns,
                         out + i * ldo + j, ldo, k == 0);
            }
            k += WORDS;
        } while (k < words);
    }
}

void STC_KERNEL(dot_u8)(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda,
                        const uint8_t *b, int64_t ldb, int32_t *out, int64_t ldo)
{
    dot(BYTES, m, n, round_up(k, WORD_BYTES) / WORD_BYTES, (const char *)a, lda, (const char *)b,
        ldb, (uint32_t *)out, ldo);
}

void STC_KERNEL(dot_f32)(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                         const float *b, int64_t ldb, float *out, int64_t ldo)
{
    dot(REALS, m, n, k, (const char *)a, 4 * lda, (const char *)b, 4 * ldb, (void *)out, ldo);
}

/* Modulo 2^32, which is exact as the results fit int32. */
void STC_KERNEL(dot_i32)(int64_t m, int64_t n, int64_t k, const int32_t *a, int64_t lda,
                         const int32_t *b, int64_t ldb, int32_t *out, int64_t ldo)
{
    dot(INTEGERS, m, n, k, (const char *)a, 4 * lda, (const char *)b, 4 * ldb, (uint32_t *)out,
        ldo);
}
