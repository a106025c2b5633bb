/* amx.c - integer operands times packed weights on the tile unit: dense, three int8 limbs.
 *
 * A weight is q0 + 256 q1 + 65536 q2; the unit multiplies 16 rows x 64 operands by 64 x 16 limbs.
 * Six tiles of int32 sums (two of rows by three limbs) stay in the unit for the whole inner length;
 * the sums of one block are put together while the unit works on the next. The list form of
 * sparse.c is faster where fewer than 4 to 8 % of the operands are nonzero (the more the wider the
 * output), too seldom for a second copy of the weights.
 */
#include "isa.h"

#include <immintrin.h>
#include <string.h>

enum {
    TILE_BYTES = 1024,
    TILE_INTS = 256,
    LIMBS = STC_WEIGHT_LIMBS,
    ROWS = 32,                                                     /* of a block: two tiles */
    EXACT_DEPTH = 0x7fffffff / (255 * 128) / AMX_DEPTH * AMX_DEPTH /* limb sums fit int32 */
};

/* Sums of a block as the unit stores them: [two row tiles][limb][16 rows][16 channels]. */
typedef int32_t block_sums[2 * LIMBS * TILE_INTS];

_Static_assert(2 * sizeof(block_sums) <= AMX_SCRATCH, "two blocks do not fit the scratch memory");

typedef struct {
    const stc_gemm *gemm;
    bool wide;            /* sums may exceed int32 */
    const int32_t *sums;  /* a block_sums */
    int64_t row, channel; /* of its first sum */
} finished_block;

/* All eight tiles: 16 rows of 64 bytes. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config = {.palette = 1,
                 .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                 .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

void stc_amx_configure_tiles(void)
{
    _tile_loadconfig(&tile_config);
}

/* Tiles 0, 1, 2: limb sums of rows 0-15; 3, 4, 5: of rows 16-31; 6: operands; 7: weights. */
static void multiply_two(int64_t depth, const uint8_t *a, int64_t lda, const int8_t *b)
{
    const uint8_t *a1 = a + 16 * lda;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    for (int64_t k = 0; k < depth; k += AMX_DEPTH, b += LIMBS * TILE_BYTES) {
        _tile_loadd(7, b, AMX_DEPTH);
        _tile_loadd(6, a + k, lda);
        _tile_dpbusd(0, 6, 7);
        _tile_loadd(6, a1 + k, lda);
        _tile_dpbusd(3, 6, 7);
        _tile_loadd(7, b + TILE_BYTES, AMX_DEPTH);
        _tile_dpbusd(4, 6, 7);
        _tile_loadd(6, a + k, lda);
        _tile_dpbusd(1, 6, 7);
        _tile_loadd(7, b + 2 * TILE_BYTES, AMX_DEPTH);
        _tile_dpbusd(2, 6, 7);
        _tile_loadd(6, a1 + k, lda);
        _tile_dpbusd(5, 6, 7);
    }
}

static void multiply_one(int64_t depth, const uint8_t *a, int64_t lda, const int8_t *b)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    for (int64_t k = 0; k < depth; k += AMX_DEPTH, b += LIMBS * TILE_BYTES) {
        _tile_loadd(6, a + k, lda);
        _tile_loadd(7, b, AMX_DEPTH);
        _tile_dpbusd(0, 6, 7);
        _tile_loadd(7, b + TILE_BYTES, AMX_DEPTH);
        _tile_dpbusd(1, 6, 7);
        _tile_loadd(7, b + 2 * TILE_BYTES, AMX_DEPTH);
        _tile_dpbusd(2, 6, 7);
    }
}

static void store_sums(bool two, int32_t *sums)
{
    _tile_stored(0, sums, AMX_DEPTH);
    _tile_stored(1, sums + TILE_INTS, AMX_DEPTH);
    _tile_stored(2, sums + 2 * TILE_INTS, AMX_DEPTH);
    if (!two) return;
    _tile_stored(3, sums + 3 * TILE_INTS, AMX_DEPTH);
    _tile_stored(4, sums + 4 * TILE_INTS, AMX_DEPTH);
    _tile_stored(5, sums + 5 * TILE_INTS, AMX_DEPTH);
}

/* Limb sums of 16 channels put together: modulo 2^32, or exactly in two halves. */
INLINE __m512 join_narrow(const int32_t *limbs)
{
    const __m512i s0 = _mm512_load_si512(limbs), s1 = _mm512_load_si512(limbs + TILE_INTS);
    const __m512i s2 = _mm512_load_si512(limbs + 2 * TILE_INTS);
    const __m512i high = _mm512_add_epi32(s1, _mm512_slli_epi32(s2, 8));
    return _mm512_cvtepi32_ps(_mm512_add_epi32(s0, _mm512_slli_epi32(high, 8)));
}

INLINE __m512i join_half(const int32_t *limbs)
{
    const __m512i s0 = _mm512_cvtepi32_epi64(_mm256_load_si256((const __m256i *)limbs));
    const __m512i s1 =
        _mm512_cvtepi32_epi64(_mm256_load_si256((const __m256i *)(limbs + TILE_INTS)));
    const __m512i s2 =
        _mm512_cvtepi32_epi64(_mm256_load_si256((const __m256i *)(limbs + 2 * TILE_INTS)));
    const __m512i high = _mm512_add_epi64(s1, _mm512_slli_epi64(s2, 8));
    return _mm512_add_epi64(s0, _mm512_slli_epi64(high, 8));
}

INLINE __m512 round_halves(__m512i low, __m512i high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtepi64_ps(low)),
                              _mm512_cvtepi64_ps(high), 1);
}

static void finish_block(const finished_block *block)
{
    const stc_gemm *g = block->gemm;
    const int64_t rows = g->m - block->row < ROWS ? g->m - block->row : ROWS;
    const float *bias = g->bias ? g->bias + block->channel : NULL;
    float *x = g->x + block->row * g->ldx + block->channel;
    for (int64_t r = 0; r < rows; r++, x += g->ldx) {
        const int32_t *limbs = block->sums + r / 16 * LIMBS * TILE_INTS + r % 16 * BLOCK_CHANNELS;
        const __m512 sum =
            block->wide ? round_halves(join_half(limbs), join_half(limbs + 8)) : join_narrow(limbs);
        finish((vec_f32)sum, g->scale + block->channel, bias, x, g->add);
    }
}

/* Inner lengths whose limb sums may not fit int32: by pieces, put together in int64. */
static void deep_block(const stc_gemm *g, int64_t row, int64_t channel, const int8_t *weights)
{
    const uint8_t *a = (const uint8_t *)g->a + row * g->lda;
    const int64_t depth = round_up(g->k, AMX_DEPTH);
    int32_t *sums = g->scratch;
    __m512i wide[16][2];
    memset(wide, 0, sizeof wide);
    for (int64_t k = 0; k < depth; k += EXACT_DEPTH) {
        const int64_t part = depth - k < EXACT_DEPTH ? depth - k : EXACT_DEPTH;
        multiply_one(part, a + k, g->lda, weights + k * LIMBS * BLOCK_CHANNELS);
        store_sums(false, sums);
        for (int r = 0; r < 16; r++) {
            const int32_t *limbs = sums + r * BLOCK_CHANNELS;
            wide[r][0] = _mm512_add_epi64(wide[r][0], join_half(limbs));
            wide[r][1] = _mm512_add_epi64(wide[r][1], join_half(limbs + 8));
        }
    }
    for (int64_t r = 0; r < 16 && row + r < g->m; r++) {
        finish((vec_f32)round_halves(wide[r][0], wide[r][1]), g->scale + channel,
               g->bias ? g->bias + channel : NULL, g->x + (row + r) * g->ldx + channel, g->add);
    }
}

static void dense(const stc_gemm *g, bool wide)
{
    const int64_t depth = round_up(g->k, AMX_DEPTH);
    block_sums *sums = g->scratch;
    finished_block last = {.gemm = NULL};
    int turn = 0;
    for (int64_t c = 0; c < g->n; c += BLOCK_CHANNELS) {
        const int8_t *weights = (const int8_t *)g->weights + c * depth * LIMBS;
        for (int64_t r = 0; r < g->m; r += ROWS, turn ^= 1) {
            const uint8_t *a = (const uint8_t *)g->a + r * g->lda;
            const bool two = r + 16 < g->m;
            if (two) {
                multiply_two(depth, a, g->lda, weights);
            } else {
                multiply_one(depth, a, g->lda, weights);
            }
            if (last.gemm) finish_block(&last);
            store_sums(two, sums[turn]);
            last = (finished_block){g, wide, sums[turn], r, c};
        }
    }
    if (last.gemm) finish_block(&last);
}

static void deep(const stc_gemm *g)
{
    const int64_t depth = round_up(g->k, AMX_DEPTH);
    for (int64_t c = 0; c < g->n; c += BLOCK_CHANNELS) {
        const int8_t *weights = (const int8_t *)g->weights + c * depth * LIMBS;
        for (int64_t r = 0; r < g->m; r += 16)
            deep_block(g, r, c, weights);
    }
}

void stc_kernel_gemm_u8_amx(const stc_gemm *g)
{
    if (g->k > EXACT_DEPTH) {
        deep(g);
    } else {
        dense(g, g->limit > INT32_MAX);
    }
}
