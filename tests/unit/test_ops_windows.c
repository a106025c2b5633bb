/* What convolutions and pools compute. */
#include "op_nets.h"

static void conv2d_sums_windows_as_cross_correlation(void **state)
{
    (void)state;
    const float *x = VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9);
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .bias = VALUES(0.5f),
                           .x = x,
                           .expected = VALUES(37.5f, 47.5f, 67.5f, 77.5f),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "stride=2,1 padding=1,0",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = x,
                           .expected = VALUES(11, 18, 67, 77),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,3,3",
                           .op = "conv2d",
                           .attributes = "dilation=2",
                           .weight_shape = {4, {1, 1, 2, 2}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = x,
                           .expected = VALUES(1 + 6 + 21 + 36),
                           .nexpected = 1});
}

static void conv2d_groups_see_their_own_channels(void **state)
{
    (void)state;
    check_single(&(single){.shape = "4,1,1",
                           .op = "conv2d",
                           .attributes = "groups=2",
                           .weight_shape = {4, {2, 2, 1, 1}},
                           .weight = VALUES(1, 10, 100, 1000),
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(21, 4300),
                           .nexpected = 2});
    check_single(&(single){.shape = "2,1,2",
                           .op = "conv2d",
                           .attributes = "groups=2",
                           .weight_shape = {4, {4, 1, 1, 1}},
                           .weight = VALUES(1, 2, 3, 4),
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(1, 2, 2, 4, 9, 12, 12, 16),
                           .nexpected = 8});
}

static void conv2d_pads_with_a_value_per_channel(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,1,1");
    int c = stc_build(b, "conv2d", "c", &x, 1, "padding=0,1");
    stc_build_weight(b, c, "weight", (stc_shape){4, {1, 2, 1, 3}}, VALUES(1, 2, 4, 1, 1, 1));
    stc_build_weight(b, c, "pad_value", (stc_shape){1, {2}}, VALUES(10, 100));
    stc_build(b, "output", "out", &c, 1, "");
    stc_graph *graph = finish(b);
    run r = {.x = VALUES(1, 2)};
    evaluate(graph, 1, &r);
    assert_int_equal(r.nout, 1);
    assert_values(r.out, VALUES(10 + 2 + 40 + 100 + 2 + 100), 1);
    stc_graph_destroy(&graph);
}

static void conv1d_is_conv2d_of_height_one(void **state)
{
    (void)state;
    check_single(&(single){.shape = "2,4",
                           .op = "conv1d",
                           .attributes = "stride=2 padding=1",
                           .weight_shape = {3, {1, 2, 3}},
                           .weight = VALUES(1, 2, 3, 10, 20, 30),
                           .bias = VALUES(0.25f),
                           .x = VALUES(1, 2, 3, 4, 1, 1, 1, 1),
                           .expected = VALUES(2 + 6 + 50.25f, 2 + 6 + 12 + 60.25f),
                           .nexpected = 2});
}

static void padding_same_keeps_the_size_and_has_more_behind(void **state)
{
    (void)state;
    check_single(&(single){.shape = "1,3",
                           .op = "conv1d",
                           .attributes = "auto_pad=same",
                           .weight_shape = {3, {1, 1, 2}},
                           .weight = VALUES(1, 10),
                           .x = VALUES(1, 2, 3),
                           .expected = VALUES(21, 32, 3),
                           .nexpected = 3});
    check_single(&(single){.shape = "1,4",
                           .op = "conv1d",
                           .attributes = "auto_pad=same dilation=3",
                           .weight_shape = {3, {1, 1, 2}},
                           .weight = VALUES(1, 10),
                           .x = VALUES(1, 2, 3, 4),
                           .expected = VALUES(30, 41, 2, 3),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,2,3",
                           .op = "conv2d",
                           .attributes = "auto_pad=same",
                           .weight_shape = {4, {1, 1, 3, 4}},
                           .weight = VALUES(0, 0, 0, 0, 0, 1, 10, 100, 0, 0, 0, 1000),
                           .x = VALUES(1, 2, 3, 4, 5, 6),
                           .expected = VALUES(6321, 32, 3, 654, 65, 6),
                           .nexpected = 6});
    check_single(&(single){.shape = "1,3",
                           .op = "conv1d",
                           .attributes = "auto_pad=valid stride=2",
                           .weight_shape = {3, {1, 1, 1}},
                           .weight = VALUES(2),
                           .x = VALUES(1, 2, 3),
                           .expected = VALUES(2, 6),
                           .nexpected = 2});
}

static void max_pool2d_ignores_its_padding(void **state)
{
    (void)state;
    check_single(&(single){.shape = "1,3,3",
                           .op = "max_pool2d",
                           .attributes = "kernel_size=3 stride=2 padding=1",
                           .x = VALUES(-9, -8, -7, -6, -5, -4, -3, -2, -1),
                           .expected = VALUES(-5, -4, -2, -1),
                           .nexpected = 4});
    check_single(&(single){.shape = "2,2,3",
                           .op = "max_pool2d",
                           .attributes = "kernel_size=2",
                           .x = VALUES(1, 2, 9, 3, 4, 9, 5, 8, 0, 7, 6, 0),
                           .expected = VALUES(4, 8),
                           .nexpected = 2});
}

static void sums_and_averages_of_windows_count_their_padding_as_zeros(void **state)
{
    (void)state;
    const float *x = VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9);
    check_single(&(single){.shape = "1,3,3",
                           .op = "sum_pool2d",
                           .attributes = "kernel_size=2 stride=1",
                           .x = x,
                           .expected = VALUES(12, 16, 24, 28),
                           .nexpected = 4});
    check_single(&(single){.shape = "1,3,3",
                           .op = "avg_pool2d",
                           .attributes = "kernel_size=2 padding=1",
                           .x = x,
                           .expected = VALUES(0.25f, 1.25f, 2.75f, 7),
                           .nexpected = 4});
    check_single(&(single){.shape = "2,1,3",
                           .op = "avg_pool2d",
                           .attributes = "kernel_size=1,3",
                           .x = VALUES(1, 2, 3, 1, 1, 2),
                           .expected = VALUES(2, 4.0f / 3.0f),
                           .nexpected = 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_sums_windows_as_cross_correlation),
        cmocka_unit_test(conv2d_groups_see_their_own_channels),
        cmocka_unit_test(conv2d_pads_with_a_value_per_channel),
        cmocka_unit_test(conv1d_is_conv2d_of_height_one),
        cmocka_unit_test(padding_same_keeps_the_size_and_has_more_behind),
        cmocka_unit_test(max_pool2d_ignores_its_padding),
        cmocka_unit_test(sums_and_averages_of_windows_count_their_padding_as_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
