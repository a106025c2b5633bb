/* Depthwise products, dots and element-by-element kernels of every set against plain loops, bit by
 * bit. */
#include "kernel_sets.h"

/* The byte product for processors without VNNI, which the avx512 set uses only there. */
void stc_kernel_dot_u8_avx512(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda,
                              const uint8_t *b, int64_t ldb, int32_t *out, int64_t ldo);

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
