/* Every kernel set against plain loops, bit by bit. Sets that this processor cannot run are named
 * and left out. */
#include "stc/base.h"
#include "stc/error.h"
#include "stc/kernels.h"
#include "stc/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_SETS = 8, GUARD = 16 };
static const float untouched = -12345.0f;

static const stc_kernel_set *sets[MAX_SETS];
static int nsets;

/* The byte product for processors without VNNI, which the avx512 set uses only there. */
void stc_kernel_dot_u8_avx512(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda,
                              const uint8_t *b, int64_t ldb, int32_t *out, int64_t ldo);

static uint64_t random_state = 1;

static uint64_t draw(void)
{
    return stc_mix64(random_state += UINT64_C(0x9e3779b97f4a7c15));
}

static int64_t draw_below(int64_t n)
{
    return (int64_t)(draw() >> 11) % n;
}

static int64_t draw_between(int64_t low, int64_t high)
{
    return low + draw_below(high - low + 1);
}

static float draw_float(void)
{
    return (float)draw_between(-(1 << 23), 1 << 23) * 0x1p-22f;
}

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static void *allocate(int64_t count, size_t size)
{
    void *p = stc_alloc(count, (int64_t)size);
    assert_non_null(p);
    return p;
}

static int find_sets(void **state)
{
    (void)state;
    int n;
    const stc_kernel_set *const *all = stc_kernel_sets(&n);
    for (int i = 0; i < n; i++) {
        if (all[i]->supported()) {
            sets[nsets++] = all[i];
        } else {
            print_message("not run on this machine: kernel set %s\n", all[i]->name);
        }
    }
    return nsets > 0 ? 0 : -1;
}

/* One random product and its result by plain loops. */
typedef struct {
    stc_gemm gemm; /* x, weights and scratch belong to a set and are set by check_* */
    void *a;
    int32_t *q;
    float *w, *scale, *bias, *before, *expected;
} product;

typedef struct {
    int64_t m, k, n;
    int density; /* percent of operands that are not zero */
    int64_t max_operand;
    bool large_weights; /* all of the largest magnitude and sign */
} product_size;

static void make_frame(product *p, const product_size *size, int64_t lda)
{
    const int64_t width = round_up(size->n, 16), ldx = width + GUARD;
    stc_gemm *g = &p->gemm;
    *g = (stc_gemm){.m = size->m,
                    .k = size->k,
                    .lda = lda,
                    .n = size->n,
                    .max_operand = size->max_operand,
                    .ldx = ldx,
                    .add = draw_below(2) != 0};
    p->scale = allocate(width, sizeof(float));
    p->bias = allocate(width, sizeof(float));
    p->before = allocate((size->m + 1) * ldx, sizeof(float));
    p->expected = allocate((size->m + 1) * ldx, sizeof(float));
    for (int64_t c = 0; c < size->n; c++) {
        p->scale[c] = 1.0f / (float)(INT64_C(1) << draw_below(30));
        p->bias[c] = draw_float();
    }
    for (int64_t r = 0; r <= size->m; r++) {
        for (int64_t c = 0; c < ldx; c++) {
            p->before[r * ldx + c] = r < size->m && c < width ? draw_float() : untouched;
        }
    }
    memcpy(p->expected, p->before, (size_t)((size->m + 1) * ldx) * sizeof(float));
    g->scale = p->scale;
    g->bias = draw_below(4) ? p->bias : NULL;
}

static int64_t draw_operand(const product_size *size)
{
    return draw_below(100) < size->density ? draw_between(1, size->max_operand) : 0;
}

static void expect(product *p, int64_t r, int64_t c, float sum, bool scaled)
{
    float y = sum;
    float *x = p->expected + r * p->gemm.ldx + c;
    if (scaled) y = y * p->scale[c];
    if (p->gemm.bias) y = y + p->bias[c];
    *x = p->gemm.add ? *x + y : y;
}

/* Integer operands of 1 or 4 bytes. */
static product make_integer(const product_size *size, int bytes)
{
    product p = {.a = NULL};
    const int64_t lda = bytes == 1 ? round_up(size->k, 64) + 64 * draw_below(2) : size->k + 3;
    uint64_t limit = 0;
    make_frame(&p, size, lda);
    p.a = allocate(round_up(size->m, 16) * lda, (size_t)bytes);
    p.q = allocate(size->k * size->n, sizeof *p.q);
    p.w = allocate(size->k * size->n, sizeof *p.w);
    uint8_t *a8 = p.a;
    int32_t *a32 = p.a;
    for (int64_t i = 0; i < size->n * size->k; i++) {
        p.q[i] = size->large_weights ? STC_WEIGHT_MAX * (i / size->k % 2 ? -1 : 1)
                                     : (int32_t)draw_between(-STC_WEIGHT_MAX, STC_WEIGHT_MAX);
        p.w[i] = (float)p.q[i];
    }
    for (int64_t r = 0; r < size->m; r++) {
        uint64_t sum = 0;
        for (int64_t i = 0; i < size->k; i++) {
            const int64_t value = draw_operand(size);
            sum += (uint64_t)value;
            if (bytes == 1) a8[r * lda + i] = (uint8_t)value;
            if (bytes == 4) a32[r * lda + i] = (int32_t)value;
        }
        limit = sum * STC_WEIGHT_MAX > limit ? sum * STC_WEIGHT_MAX : limit;
        for (int64_t c = 0; c < size->n; c++) {
            int64_t exact = 0;
            for (int64_t i = 0; i < size->k; i++) {
                const int64_t value = bytes == 1 ? a8[r * lda + i] : a32[r * lda + i];
                exact += value * p.q[c * size->k + i];
            }
            expect(&p, r, c, (float)exact, true);
        }
    }
    p.gemm.a = p.a;
    p.gemm.limit = (int64_t)limit;
    return p;
}

static product make_real(const product_size *size)
{
    product p = {.a = NULL};
    const int64_t lda = size->k + draw_below(5);
    make_frame(&p, size, lda);
    float *a = p.a = allocate(round_up(size->m, 16) * lda, sizeof(float));
    p.w = allocate(size->k * size->n, sizeof *p.w);
    for (int64_t i = 0; i < size->m * lda; i++)
        a[i] = draw_float();
    for (int64_t i = 0; i < size->k * size->n; i++)
        p.w[i] = draw_float();
    for (int64_t r = 0; r < size->m; r++) {
        for (int64_t c = 0; c < size->n; c++) {
            float sum = 0;
            for (int64_t i = 0; i < size->k; i++) {
                sum = sum + a[r * lda + i] * p.w[c * size->k + i];
            }
            expect(&p, r, c, sum, false);
        }
    }
    p.gemm.a = p.a;
    p.gemm.scale = NULL;
    return p;
}

/* Compare the columns below n bit by bit, and what must not be touched. */
static void check_product(const product *p, const stc_kernel_set *set, const float *x)
{
    const stc_gemm *g = &p->gemm;
    for (int64_t r = 0; r <= g->m; r++) {
        for (int64_t c = 0; c < g->ldx; c++) {
            if (r < g->m && c >= g->n && c < g->ldx - GUARD) continue;
            if (memcmp(x + r * g->ldx + c, p->expected + r * g->ldx + c, sizeof *x) == 0) continue;
            fail_msg("%s: row %d of %d, channel %d of %d, k %d, max %d: found %.9g, expected %.9g",
                     set->name, (int)r, (int)g->m, (int)c, (int)g->n, (int)g->k,
                     (int)g->max_operand, (double)x[r * g->ldx + c],
                     (double)p->expected[r * g->ldx + c]);
        }
    }
}

typedef enum { BYTES, WIDE, REAL } operand_form;

static void run_product(product *p, const stc_kernel_set *set, operand_form form)
{
    stc_gemm g = p->gemm;
    const int64_t width = round_up(g.n, 16);
    void *packed = allocate(
        form == BYTES ? set->packed_u8_bytes(g.k, g.n) : g.k * width * (int64_t)sizeof(float), 1);
    g.x = allocate((g.m + 1) * g.ldx, sizeof(float));
    g.scratch = allocate(set->gemm_scratch_bytes, 1);
    g.weights = packed;
    memcpy(g.x, p->before, (size_t)((g.m + 1) * g.ldx) * sizeof(float));
    set->thread_start();
    if (form == BYTES) {
        set->pack_u8(g.k, g.n, p->q, packed);
        set->gemm_u8(&g);
    } else {
        set->pack_f32(g.k, g.n, p->w, packed);
        (form == WIDE ? set->gemm_i32 : set->gemm_f32)(&g);
    }
    check_product(p, set, g.x);
    stc_free(g.x);
    stc_free(g.scratch);
    stc_free(packed);
}

static void check_size(const product_size *size, operand_form form)
{
    product p = form == REAL ? make_real(size) : make_integer(size, form == BYTES ? 1 : 4);
    for (int s = 0; s < nsets; s++)
        run_product(&p, sets[s], form);
    stc_free(p.a);
    stc_free(p.q);
    stc_free(p.w);
    stc_free(p.scale);
    stc_free(p.bias);
    stc_free(p.before);
    stc_free(p.expected);
}

static product_size draw_size(void)
{
    static const int64_t largest[] = {1, 1, 2, 18, 255};
    return (product_size){.m = draw_between(1, 70),
                          .k = draw_between(1, 200),
                          .n = draw_between(1, 100),
                          .density = (int)draw_between(0, 100),
                          .max_operand = largest[draw_below(5)],
                          .large_weights = draw_below(3) == 0};
}

static void byte_products_are_exact_for_any_shape_and_density(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        const product_size size = draw_size();
        check_size(&size, BYTES);
    }
}

static void byte_products_are_exact_when_no_operand_fires(void **state)
{
    (void)state;
    const product_size size = {.m = 17, .k = 65, .n = 33, .density = 0, .max_operand = 1};
    check_size(&size, BYTES);
}

static void byte_products_are_exact_where_sums_exceed_31_bits(void **state)
{
    (void)state;
    const product_size sizes[] = {
        {.m = 5, .k = 257, .n = 20, .density = 100, .max_operand = 1, .large_weights = true},
        {.m = 5, .k = 258, .n = 20, .density = 100, .max_operand = 1, .large_weights = true},
        {.m = 40, .k = 2000, .n = 70, .density = 60, .max_operand = 1, .large_weights = true},
        {.m = 33, .k = 700, .n = 90, .density = 50, .max_operand = 18},
        {.m = 3, .k = 900, .n = 17, .density = 100, .max_operand = 255, .large_weights = true},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(&sizes[i], BYTES);
}

static void byte_products_are_exact_for_very_long_rows(void **state)
{
    (void)state;
    const product_size sizes[] = {
        {.m = 18, .k = 66000, .n = 3, .density = 2, .max_operand = 1},
        {.m = 2, .k = 70001, .n = 18, .density = 100, .max_operand = 255, .large_weights = true},
        {.m = 20, .k = 30000, .n = 2, .density = 90, .max_operand = 3, .large_weights = true},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(&sizes[i], BYTES);
}

static void byte_products_of_many_rows_are_exact(void **state)
{
    (void)state;
    const product_size size = {.m = 1100, .k = 70, .n = 20, .density = 15, .max_operand = 1};
    check_size(&size, BYTES);
}

static void wide_integer_products_are_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        product_size size = draw_size();
        size.max_operand = draw_between(1, 1 << 20);
        check_size(&size, WIDE);
    }
}

static void real_products_are_summed_in_index_order(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        const product_size size = draw_size();
        check_size(&size, REAL);
    }
}

/* Values of a dtype as double and back. */
static double value_of(stc_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case STC_U8:
        return ((const uint8_t *)data)[i];
    case STC_U16:
        return ((const uint16_t *)data)[i];
    case STC_I32:
        return ((const int32_t *)data)[i];
    default:
        return (double)((const float *)data)[i];
    }
}

static const int dtype_bytes[] = {[STC_U8] = 1, [STC_U16] = 2, [STC_I32] = 4, [STC_F32] = 4};

/* Random values: integers up to 200, 60 000 or 2^24, or floats with some signed zeros. */
static void *draw_values(stc_dtype dtype, int64_t n)
{
    void *data = allocate(n, (size_t)dtype_bytes[dtype]);
    for (int64_t i = 0; i < n; i++) {
        if (dtype == STC_U8) ((uint8_t *)data)[i] = (uint8_t)draw_below(200);
        if (dtype == STC_U16) ((uint16_t *)data)[i] = (uint16_t)draw_below(60000);
        if (dtype == STC_I32) ((int32_t *)data)[i] = (int32_t)draw_below(1 << 24);
        if (dtype == STC_F32) ((float *)data)[i] = draw_below(5) ? draw_float() : -0.0f;
    }
    return data;
}

static void check_floats(const char *set, int64_t n, const float *found, const float *expected)
{
    for (int64_t i = 0; i < n; i++) {
        if (memcmp(found + i, expected + i, sizeof *found) == 0) continue;
        fail_msg("%s: element %d of %d: found %.9g, expected %.9g", set, (int)i, (int)n,
                 (double)found[i], (double)expected[i]);
    }
}

static void check_depthwise(stc_dtype dtype)
{
    const int64_t m = draw_between(1, 9), taps = draw_between(1, 49),
                  channels = draw_between(1, 70);
    const int64_t ldx = channels + 3;
    const bool real = dtype == STC_F32, add = draw_below(2) != 0, biased = draw_below(2) != 0;
    void *a = draw_values(dtype, m * taps * channels);
    float *w = allocate(taps * channels, sizeof *w), *scale = draw_values(STC_F32, channels);
    float *bias = draw_values(STC_F32, channels), *before = draw_values(STC_F32, m * ldx);
    float *x = allocate(m * ldx, sizeof *x), *expected = allocate(m * ldx, sizeof *x);
    for (int64_t i = 0; i < taps * channels; i++) {
        w[i] = real ? draw_float() : (float)draw_between(-STC_WEIGHT_MAX, STC_WEIGHT_MAX);
    }
    memcpy(expected, before, (size_t)(m * ldx) * sizeof *x);
    for (int64_t r = 0; r < m; r++) {
        for (int64_t c = 0; c < channels; c++) {
            int64_t exact = 0;
            float sum = 0, *y = expected + r * ldx + c;
            for (int64_t t = 0; t < taps; t++) {
                const double value = value_of(dtype, a, (r * taps + t) * channels + c);
                if (real) sum = sum + (float)value * w[t * channels + c];
                if (!real) exact += (int64_t)value * (int64_t)w[t * channels + c];
            }
            if (!real) sum = (float)exact * scale[c];
            if (biased) sum = sum + bias[c];
            *y = add ? *y + sum : sum;
        }
    }
    for (int s = 0; s < nsets; s++) {
        memcpy(x, before, (size_t)(m * ldx) * sizeof *x);
        sets[s]->depthwise(dtype, m, taps, channels, a, w, real ? NULL : scale,
                           biased ? bias : NULL, x, ldx, add);
        check_floats(sets[s]->name, m * ldx, x, expected);
    }
    void *const all[] = {a, w, scale, bias, before, x, expected};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        stc_free(all[i]);
}

static void depthwise_products_equal_plain_loops(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        check_depthwise(STC_U8);
        check_depthwise(STC_I32);
        check_depthwise(STC_F32);
    }
}

static void dots_of_bytes_are_exact(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t m = draw_between(1, 40), n = draw_between(1, 40);
        const int64_t k = draw_between(1, round % 8 ? 150 : 2500);
        const int64_t lda = round_up(k, 64), ldb = lda + 64 * draw_below(2), ldo = n + 2;
        uint8_t *a = allocate(m * lda, 1), *b = allocate(n * ldb, 1);
        int32_t *out = allocate(m * ldo, sizeof *out), *expected = allocate(m * ldo, sizeof *out);
        for (int64_t i = 0; i < m * k; i++)
            a[i / k * lda + i % k] = (uint8_t)draw_below(256);
        for (int64_t i = 0; i < n * k; i++)
            b[i / k * ldb + i % k] = (uint8_t)draw_below(128);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                for (int64_t t = 0; t < k; t++) {
                    expected[i * ldo + j] += a[i * lda + t] * b[j * ldb + t];
                }
            }
        }
        const size_t bytes = (size_t)(m * ldo) * sizeof *out;
        for (int s = 0; s < nsets; s++) {
            memset(out, 0, bytes);
            sets[s]->dot_u8(m, n, k, a, lda, b, ldb, out, ldo);
            assert_memory_equal(out, expected, bytes);
            if (strcmp(sets[s]->name, "avx512") != 0) continue;
            memset(out, 0, bytes);
            stc_kernel_dot_u8_avx512(m, n, k, a, lda, b, ldb, out, ldo);
            assert_memory_equal(out, expected, bytes);
        }
        stc_free(a);
        stc_free(b);
        stc_free(out);
        stc_free(expected);
    }
}

static void dots_of_words_equal_plain_loops(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        const int64_t m = draw_between(1, 30), n = draw_between(1, 40);
        const int64_t k = draw_between(1, round % 8 ? 100 : 600);
        const int64_t lda = k + 1, ldb = k + draw_below(3), ldo = n + 1;
        float *a = draw_values(STC_F32, m * lda), *b = draw_values(STC_F32, n * ldb);
        int32_t *ia = allocate(m * lda, sizeof *ia), *ib = allocate(n * ldb, sizeof *ib);
        float *out = allocate(m * ldo, sizeof *out), *expected = allocate(m * ldo, sizeof *out);
        int32_t *iout = allocate(m * ldo, sizeof *iout), *iexpected = allocate(m * ldo, sizeof *ia);
        for (int64_t i = 0; i < m * lda; i++)
            ia[i] = (int32_t)draw_below(1500);
        for (int64_t i = 0; i < n * ldb; i++)
            ib[i] = (int32_t)draw_below(2000);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t j = 0; j < n; j++) {
                for (int64_t t = 0; t < k; t++) {
                    expected[i * ldo + j] += a[i * lda + t] * b[j * ldb + t];
                    iexpected[i * ldo + j] += ia[i * lda + t] * ib[j * ldb + t];
                }
            }
        }
        for (int s = 0; s < nsets; s++) {
            sets[s]->dot_f32(m, n, k, a, lda, b, ldb, out, ldo);
            check_floats(sets[s]->name, m * ldo, out, expected);
            sets[s]->dot_i32(m, n, k, ia, lda, ib, ldb, iout, ldo);
            assert_memory_equal(iout, iexpected, (size_t)(m * ldo) * sizeof *iout);
        }
        void *const all[] = {a, b, ia, ib, out, expected, iout, iexpected};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            stc_free(all[i]);
    }
}

static float affine(float value, float scale, float shift)
{
    float y = value;
    if (scale != 1.0f) y = y * scale;
    if (shift != 0.0f) y = y + shift;
    return y;
}

static void check_read(stc_dtype dtype, int64_t stride, bool each, bool add)
{
    const int64_t n = draw_between(1, 300);
    void *src = draw_values(dtype, n * stride);
    float *scale = draw_values(STC_F32, n), *shift = draw_values(STC_F32, n);
    float *before = draw_values(STC_F32, n), *x = allocate(n, sizeof *x);
    float *expected = allocate(n, sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        if (draw_below(3) == 0) scale[i] = 1.0f;
        if (draw_below(3) == 0) shift[i] = 0.0f;
    }
    for (int64_t i = 0; i < n; i++) {
        const float y = affine((float)value_of(dtype, src, i * stride), scale[each ? i : 0],
                               shift[each ? i : 0]);
        expected[i] = add ? before[i] + y : y;
    }
    for (int s = 0; s < nsets; s++) {
        memcpy(x, before, (size_t)n * sizeof *x);
        if (each) {
            sets[s]->read_affine(dtype, n, src, stride, scale, shift, x, add);
        } else {
            sets[s]->read(dtype, n, src, stride, scale[0], shift[0], x, add);
        }
        check_floats(sets[s]->name, n, x, expected);
    }
    void *const all[] = {src, scale, shift, before, x, expected};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        stc_free(all[i]);
}

static void reads_round_once_per_operation_and_keep_signed_zeros(void **state)
{
    (void)state;
    for (int i = 0; i < 160; i++) {
        check_read((stc_dtype)(i % 4), i % 3 ? 1 : draw_between(1, 5), i & 8, i & 16);
    }
}

static void writes_store_the_integer_in_the_given_unit(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        const stc_dtype dtype = (stc_dtype)(round % 4);
        const int64_t n = draw_between(1, 300), bytes = n * dtype_bytes[dtype];
        void *expected = draw_values(dtype, n), *out = allocate(bytes, 1);
        float *x = allocate(n, sizeof *x);
        const float unit = dtype == STC_F32 ? 1.0f : 0.25f;
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)value_of(dtype, expected, i) * unit;
        for (int s = 0; s < nsets; s++) {
            memset(out, 0, (size_t)bytes);
            sets[s]->write(dtype, n, x, 1.0f / unit, out);
            assert_memory_equal(out, expected, (size_t)bytes);
        }
        stc_free(x);
        stc_free(out);
        stc_free(expected);
    }
}

static void maximum_keeps_the_larger_of_each_pair(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        const stc_dtype dtype = (stc_dtype)(round % 4);
        const int64_t n = draw_between(1, 300), size = dtype_bytes[dtype], bytes = n * size;
        char *src = draw_values(dtype, n), *best = draw_values(dtype, n);
        char *out = allocate(bytes, 1), *expected = allocate(bytes, 1);
        for (int64_t i = 0; i < n; i++) {
            const bool larger = value_of(dtype, src, i) > value_of(dtype, best, i);
            memcpy(expected + i * size, (larger ? src : best) + i * size, (size_t)size);
        }
        for (int s = 0; s < nsets; s++) {
            memcpy(out, best, (size_t)bytes);
            sets[s]->max(dtype, n, src, out);
            assert_memory_equal(out, expected, (size_t)bytes);
        }
        stc_free(src);
        stc_free(best);
        stc_free(out);
        stc_free(expected);
    }
}

static void checksums_of_spikes_equal_the_definition(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t n = draw_between(1, 300);
        const uint64_t key = draw(), id0 = draw() >> 20, stride = 1 + draw() % 1000;
        const int density = (int)draw_between(0, 100);
        uint8_t *values = allocate(n, 1);
        uint64_t expected = 77;
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++) {
            if (draw_below(100) >= density) continue;
            values[i] = (uint8_t)draw_between(1, 255);
            expected += stc_record_hash(key, id0 + (uint64_t)i * stride, values[i]);
            count++;
        }
        for (int s = 0; s < nsets; s++) {
            uint64_t sum = 77;
            assert_int_equal(sets[s]->hash_u8(n, values, key, id0, stride, &sum), count);
            assert_true(sum == expected);
        }
        stc_free(values);
    }
}

static void sets_are_found_by_name(void **state)
{
    (void)state;
    const stc_kernel_set *set = NULL;
    int n;
    const stc_kernel_set *const *all = stc_kernel_sets(&n);
    assert_int_equal(n, 4);
    assert_int_equal(stc_kernel_set_find("scalar", &set), STC_OK);
    assert_string_equal(set->name, "scalar");
    assert_int_equal(stc_kernel_set_find(NULL, &set), STC_OK);
    assert_ptr_equal(set, sets[nsets - 1]);
    assert_int_equal(stc_kernel_set_find("auto", &set), STC_OK);
    assert_ptr_equal(set, sets[nsets - 1]);
    assert_int_equal(stc_kernel_set_find("neon", &set), STC_ERR_USAGE);
    assert_non_null(strstr(stc_error_text(), "avx512"));
    for (int i = 0; i < n; i++) {
        const int rc = stc_kernel_set_find(all[i]->name, &set);
        assert_int_equal(rc, all[i]->supported() ? STC_OK : STC_ERR_INPUT);
        assert_non_null(all[i]->neurons[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_found_by_name),
        cmocka_unit_test(byte_products_are_exact_for_any_shape_and_density),
        cmocka_unit_test(byte_products_are_exact_when_no_operand_fires),
        cmocka_unit_test(byte_products_are_exact_where_sums_exceed_31_bits),
        cmocka_unit_test(byte_products_are_exact_for_very_long_rows),
        cmocka_unit_test(byte_products_of_many_rows_are_exact),
        cmocka_unit_test(wide_integer_products_are_exact),
        cmocka_unit_test(real_products_are_summed_in_index_order),
        cmocka_unit_test(depthwise_products_equal_plain_loops),
        cmocka_unit_test(dots_of_bytes_are_exact),
        cmocka_unit_test(dots_of_words_equal_plain_loops),
        cmocka_unit_test(reads_round_once_per_operation_and_keep_signed_zeros),
        cmocka_unit_test(writes_store_the_integer_in_the_given_unit),
        cmocka_unit_test(maximum_keeps_the_larger_of_each_pair),
        cmocka_unit_test(checksums_of_spikes_equal_the_definition),
    };
    return cmocka_run_group_tests(tests, find_sets, NULL);
}
