/* Shapes, boxes and value kinds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stc/base.h"
#include "stc/shape.h"

#include <math.h>

static void shape_size_multiplies_and_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(stc_shape_size(&(stc_shape){0}), 1);
    assert_int_equal(stc_shape_size(&(stc_shape){3, {64, 8, 8}}), 4096);
    assert_int_equal(stc_shape_size(&(stc_shape){2, {1 << 20, 1 << 20}}), INT64_C(1) << 40);
    assert_int_equal(stc_shape_size(&(stc_shape){2, {1 << 20, (1 << 20) + 1}}), -1);
    assert_int_equal(stc_shape_size(&(stc_shape){2, {INT64_MAX, INT64_MAX}}), -1);
}

static void shape_text_is_readable_and_never_overflows(void **state)
{
    (void)state;
    char buffer[32], small[6];
    stc_shape shape = {3, {64, 8, 8}};
    assert_string_equal(stc_shape_text(&shape, buffer, sizeof buffer), "(64, 8, 8)");
    assert_string_equal(stc_shape_text(&shape, small, sizeof small), "(64, ");
    assert_string_equal(stc_shape_text(&(stc_shape){0}, buffer, sizeof buffer), "()");
    assert_string_equal(stc_shape_text(&(stc_shape){1, {7}}, buffer, sizeof buffer), "(7)");
}

static void strides_are_c_order(void **state)
{
    (void)state;
    int64_t stride[STC_MAX_NDIM];
    stc_shape_strides(&(stc_shape){3, {2, 3, 5}}, stride);
    assert_int_equal(stride[0], 15);
    assert_int_equal(stride[1], 5);
    assert_int_equal(stride[2], 1);
}

static void shapes_broadcast_like_numpy(void **state)
{
    (void)state;
    stc_shape out, a = {3, {8, 1, 6}}, b = {2, {7, 1}}, c = {2, {7, 5}};
    assert_true(stc_shape_broadcast(&a, &b, &out));
    assert_true(stc_shape_equal(&out, &(stc_shape){3, {8, 7, 6}}));
    assert_false(stc_shape_broadcast(&a, &c, &out));
    assert_true(stc_shape_broadcast(&(stc_shape){0}, &c, &out));
    assert_true(stc_shape_equal(&out, &c));
    assert_false(stc_shape_equal(&a, &b));
}

static void boxes_intersect_and_span(void **state)
{
    (void)state;
    stc_box a = {2, {0, 0}, {4, 4}}, b = {2, {2, 3}, {6, 9}}, out;
    assert_true(stc_box_intersect(&a, &b, &out));
    assert_int_equal(stc_box_size(&out), 2);
    stc_box hull = stc_box_hull(&a, &b);
    assert_int_equal(stc_box_size(&hull), 54);
    stc_box none = {2, {5, 5}, {5, 6}};
    assert_int_equal(stc_box_size(&none), 0);
    assert_false(stc_box_intersect(&a, &none, &out));
    hull = stc_box_hull(&none, &a);
    assert_memory_equal(&hull, &a, sizeof a);
    assert_int_equal(stc_box_size(&(stc_box){0}), 1);
    stc_box all = stc_box_all(&(stc_shape){2, {3, 4}});
    assert_int_equal(stc_box_size(&all), 12);
}

static void shuffle(stc_box *boxes, int n, uint64_t seed)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(stc_random_u32(seed, 1, (uint64_t)i) % (uint32_t)(i + 1));
        stc_box swap = boxes[i];
        boxes[i] = boxes[j];
        boxes[j] = swap;
    }
}

static void a_cut_up_block_merges_into_one(void **state)
{
    (void)state;
    enum { SIDE = 27, N = SIDE * SIDE * SIDE };
    stc_box *boxes = stc_alloc(N, sizeof *boxes);
    assert_non_null(boxes);
    for (int i = 0; i < N; i++) {
        int64_t at[3] = {i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE};
        boxes[i] = (stc_box){.ndim = 3};
        for (int a = 0; a < 3; a++) {
            boxes[i].lo[a] = 2 * at[a];
            boxes[i].hi[a] = 2 * at[a] + 2;
        }
    }
    shuffle(boxes, N, 5);
    int n = stc_box_merge(boxes, N);
    assert_int_equal(n, 1);
    assert_int_equal(stc_box_size(&boxes[0]), 8 * N);
    stc_free(boxes);
}

static void merging_keeps_the_set_and_ignores_the_order(void **state)
{
    (void)state;
    enum { SIDE = 12, N = SIDE * SIDE };
    for (uint64_t seed = 0; seed < 20; seed++) {
        stc_box boxes[N], again[N];
        bool in[N], covered[N] = {false};
        int n = 0;
        for (int i = 0; i < N; i++) {
            in[i] = stc_random_uniform(seed, 0, (uint64_t)i) < 0.75f;
            if (in[i])
                boxes[n++] = (stc_box){2, {i / SIDE, i % SIDE}, {i / SIDE + 1, i % SIDE + 1}};
        }
        memcpy(again, boxes, sizeof boxes);
        shuffle(again, n, seed);
        int merged = stc_box_merge(boxes, n);
        assert_true(merged < n);
        assert_int_equal(stc_box_merge(again, n), merged);
        assert_memory_equal(boxes, again, (size_t)merged * sizeof *boxes);
        for (int b = 0; b < merged; b++)
            for (int64_t y = boxes[b].lo[0]; y < boxes[b].hi[0]; y++)
                for (int64_t x = boxes[b].lo[1]; x < boxes[b].hi[1]; x++) {
                    assert_false(covered[y * SIDE + x]);
                    covered[y * SIDE + x] = true;
                }
        assert_memory_equal(in, covered, sizeof in);
    }
}

static void merging_nothing_and_empty_boxes_gives_nothing(void **state)
{
    (void)state;
    stc_box boxes[2] = {{1, {3}, {3}}, {1, {5}, {4}}};
    assert_int_equal(stc_box_merge(boxes, 0), 0);
    assert_int_equal(stc_box_merge(boxes, 2), 0);
}

static void powers_of_two_are_recognised(void **state)
{
    (void)state;
    const double yes[] = {1, -1, 0.125, -4096, 0x1p-1000}, no[] = {0, 3, 0.1, INFINITY, NAN};
    for (int i = 0; i < 5; i++) {
        assert_true(stc_is_power_of_two(yes[i]));
        assert_false(stc_is_power_of_two(no[i]));
    }
}

static void kinds_say_what_they_are(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(stc_kind_text(STC_KIND_BIT, text, sizeof text), "bit");
    assert_string_equal(stc_kind_text(STC_KIND_REAL, text, sizeof text), "real");
    assert_string_equal(stc_kind_text((stc_kind){1, 18}, text, sizeof text), "integer 0..18");
    assert_string_equal(stc_kind_text((stc_kind){0.25, 64}, text, sizeof text),
                        "0.25 * integer 0..64");
    assert_string_equal(stc_kind_text((stc_kind){-1, 4}, text, sizeof text), "-1 * integer 0..4");
}

static void assert_kind(stc_kind kind, double unit, int64_t max)
{
    assert_true(kind.unit == unit);
    assert_int_equal(kind.max, max);
}

static void kinds_add_multiply_and_scale(void **state)
{
    (void)state;
    stc_kind bit = STC_KIND_BIT, quarter = {0.25, 10}, minus = {-0.5, 3};
    assert_kind(stc_kind_add(bit, bit), 1, 2);
    assert_kind(stc_kind_add(bit, quarter), 0.25, 14);
    assert_kind(stc_kind_add(minus, minus), -0.5, 6);
    assert_true(stc_kind_is_real(stc_kind_add(bit, minus)));
    assert_true(stc_kind_is_real(stc_kind_add(bit, STC_KIND_REAL)));
    assert_kind(stc_kind_mul(minus, quarter), -0.125, 30);
    assert_kind(stc_kind_mul(minus, minus), 0.25, 9);
    assert_kind(stc_kind_scale(quarter, -8), -2, 10);
    assert_true(stc_kind_is_real(stc_kind_scale(quarter, 3)));
    assert_true(stc_kind_is_real(stc_kind_scale(STC_KIND_REAL, 2)));
}

static void integers_that_float_cannot_hold_are_real(void **state)
{
    (void)state;
    stc_kind large = {1, INT64_C(1) << 24}, huge = {1, INT64_MAX};
    assert_true(stc_kind_is_real(stc_kind_add(large, STC_KIND_BIT)));
    assert_true(stc_kind_is_real(stc_kind_mul(huge, huge)));
    assert_true(stc_kind_is_real(stc_kind_mul(large, (stc_kind){1, 2})));
    assert_kind(stc_kind_mul(large, STC_KIND_BIT), 1, INT64_C(1) << 24);
    assert_true(stc_kind_is_real(stc_kind_scale(STC_KIND_BIT, 0x1p-120)));
    assert_true(stc_kind_is_real(stc_kind_add((stc_kind){0x1p90, 1}, (stc_kind){0x1p-90, 1})));
}

static void kinds_take_the_smallest_type(void **state)
{
    (void)state;
    assert_int_equal(stc_kind_dtype(STC_KIND_BIT), STC_U8);
    assert_int_equal(stc_kind_dtype((stc_kind){0.5, 255}), STC_U8);
    assert_int_equal(stc_kind_dtype((stc_kind){1, 256}), STC_U16);
    assert_int_equal(stc_kind_dtype((stc_kind){1, 65536}), STC_I32);
    assert_int_equal(stc_kind_dtype((stc_kind){1, (1 << 24) + 1}), STC_F32);
    assert_int_equal(stc_kind_dtype(STC_KIND_REAL), STC_F32);
    assert_int_equal(stc_dtype_size(STC_U8), 1);
    assert_int_equal(stc_dtype_size(STC_U16), 2);
    assert_int_equal(stc_dtype_size(STC_I32), 4);
    assert_int_equal(stc_dtype_size(STC_F32), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_size_multiplies_and_has_a_limit),
        cmocka_unit_test(shape_text_is_readable_and_never_overflows),
        cmocka_unit_test(strides_are_c_order),
        cmocka_unit_test(shapes_broadcast_like_numpy),
        cmocka_unit_test(boxes_intersect_and_span),
        cmocka_unit_test(a_cut_up_block_merges_into_one),
        cmocka_unit_test(merging_keeps_the_set_and_ignores_the_order),
        cmocka_unit_test(merging_nothing_and_empty_boxes_gives_nothing),
        cmocka_unit_test(powers_of_two_are_recognised),
        cmocka_unit_test(kinds_say_what_they_are),
        cmocka_unit_test(kinds_add_multiply_and_scale),
        cmocka_unit_test(integers_that_float_cannot_hold_are_real),
        cmocka_unit_test(kinds_take_the_smallest_type),
    };
    return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
