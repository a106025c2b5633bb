/* The matrix products of every kernel set against plain loops, bit by bit. Sets that this processor
 * cannot run are named and left out. */
#include "kernel_sets.h"

enum { GUARD = 16 };
static const float untouched = -12345.0f;

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
    bool largest; /* operands and weights of the largest magnitude only */
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
    if (draw_below(100) >= size->density) return 0;
    return size->largest ? size->max_operand : draw_between(1, size->max_operand);
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
        p.q[i] = size->largest ? STC_WEIGHT_MAX * (i / size->k % 2 ? -1 : 1)
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
                          .largest = draw_below(3) == 0};
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
        {.m = 5, .k = 257, .n = 20, .density = 100, .max_operand = 1, .largest = true},
        {.m = 5, .k = 258, .n = 20, .density = 100, .max_operand = 1, .largest = true},
        {.m = 40, .k = 2000, .n = 70, .density = 60, .max_operand = 1, .largest = true},
        {.m = 33, .k = 700, .n = 90, .density = 50, .max_operand = 18},
        {.m = 3, .k = 900, .n = 17, .density = 100, .max_operand = 255, .largest = true},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(&sizes[i], BYTES);
}

static void byte_products_are_exact_for_very_long_rows(void **state)
{
    (void)state;
    const product_size sizes[] = {
        {.m = 18, .k = 66000, .n = 3, .density = 2, .max_operand = 1},
        {.m = 2, .k = 70001, .n = 18, .density = 100, .max_operand = 255, .largest = true},
        {.m = 20, .k = 30000, .n = 2, .density = 90, .max_operand = 3, .largest = true},
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
    };
    return cmocka_run_group_tests(tests, find_sets, NULL);
}
