/* Input files: shapes, types and labels that fit, and the messages for those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"
#include "stc/input.h"

/* The example's input is image (2, 4, 4). */
static stc_program *program;

static int setup(void **state)
{
    (void)state;
    program = example_program();
    return program ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    stc_program_destroy(&program);
    return 0;
}

static stc_box image_box(void)
{
    return stc_box_all(&(stc_shape){3, {2, 4, 4}});
}

/* A file with one float dataset /inputs/<name> of these dimensions, all i. */
static void write_floats(const char *path, const char *name, int ndim, const hsize_t *dim)
{
    size_t n = 1;
    char link[64];
    for (int d = 0; d < ndim; d++)
        n *= dim[d];
    float *values = malloc((n + 1) * sizeof(float));
    for (size_t i = 0; i < n; i++)
        values[i] = (float)i;
    hid_t file = make_file(path);
    snprintf(link, sizeof(link), "inputs/%s", name);
    put_data(file, link, H5T_NATIVE_FLOAT, ndim, dim, values);
    H5Fclose(file);
    free(values);
}

/* Opening this file fails with a message of these words. */
static void refused(const char *path, const char *one, const char *two, const char *three)
{
    stc_input *input = NULL;
    assert_int_equal(stc_input_open(path, program, NULL, &input), STC_ERR_INPUT);
    assert_null(input);
    assert_true(error_says(path, one, two, three, NULL));
}

static void samples_are_read_without_and_with_steps(void **state)
{
    (void)state;
    stc_input *input;
    float out[96];
    stc_box box = image_box();
    write_floats("plain.h5", "image", 4, (const hsize_t[]){3, 2, 4, 4});
    assert_int_equal(stc_input_open("plain.h5", program, NULL, &input), 0);
    assert_int_equal(input->samples, 3);
    assert_int_equal(input->arrays[0].steps, 0);
    assert_false(input->arrays[0].integer);
    assert_null(input->labels);
    assert_int_equal(input->read(input, 0, 2, 0, 1, &box, out), 0);
    assert_true(out[0] == 64 && out[31] == 95);
    stc_input_close(&input);

    write_floats("steps.h5", "image", 5, (const hsize_t[]){3, 5, 2, 4, 4});
    assert_int_equal(stc_input_open("steps.h5", program, NULL, &input), 0);
    assert_int_equal(input->arrays[0].steps, 5);
    box.lo[1] = 1;
    box.hi[1] = 3;
    box.lo[2] = 3;
    assert_int_equal(input->read(input, 0, 1, 3, 2, &box, out), 0);
    /* [count 2][channel 2][row 1..2][column 3] */
    for (int i = 0; i < 8; i++) {
        int t = i / 4, c = i / 2 % 2, row = 1 + i % 2;
        assert_true(out[i] == (float)(((5 + 3 + t) * 2 + c) * 16 + row * 4 + 3));
    }
    assert_int_equal(input->read(input, 0, 3, 0, 1, &box, out), STC_ERR_INTERNAL);
    assert_int_equal(input->read(input, 0, 0, 4, 2, &box, out), STC_ERR_INTERNAL);
    stc_input_close(&input);
    assert_null(input);
}

static void integers_are_scaled_and_labels_read(void **state)
{
    (void)state;
    uint8_t values[64];
    int64_t labels[2] = {7, 3};
    float out[32];
    for (int i = 0; i < 64; i++)
        values[i] = (uint8_t)(4 * i);
    hid_t file = make_file("bytes.h5");
    hid_t data = make_data(file, "inputs/anything", H5T_NATIVE_UINT8, 4,
                           (const hsize_t[]){2, 2, 4, 4}, values);
    put_real_attr(data, "scale", 1.0 / 255);
    H5Dclose(data);
    put_data(file, "labels", H5T_NATIVE_INT64, 1, (const hsize_t[]){2}, labels);
    H5Fclose(file);
    stc_input *input;
    stc_box box = image_box();
    assert_int_equal(stc_input_open("bytes.h5", program, NULL, &input), 0);
    assert_string_equal(input->arrays[0].name, "image"); /* the only one: names need not agree */
    assert_true(input->arrays[0].integer && input->arrays[0].scale == 1.0 / 255);
    assert_int_equal(input->labels[0], 7);
    assert_int_equal(input->read(input, 0, 1, 0, 1, &box, out), 0);
    assert_true(out[31] == (float)252 * (float)(1.0 / 255));
    stc_input_close(&input);
}

static void shapes_that_do_not_fit_are_both_named(void **state)
{
    (void)state;
    write_floats("shape.h5", "image", 4, (const hsize_t[]){3, 2, 4, 5});
    refused("shape.h5", "(3, 2, 4, 5)", "(samples, 2, 4, 4)", "(samples, steps, 2, 4, 4)");
    write_floats("shape.h5", "image", 3, (const hsize_t[]){3, 4, 4});
    refused("shape.h5", "(3, 4, 4)", "/inputs/image", NULL);
    write_floats("shape.h5", "image", 6, (const hsize_t[]){1, 1, 3, 2, 4, 4});
    refused("shape.h5", "(1, 1, 3, 2, 4, 4)", NULL, NULL);
}

static void no_samples_and_no_steps_are_refused(void **state)
{
    (void)state;
    write_floats("none.h5", "image", 4, (const hsize_t[]){0, 2, 4, 4});
    refused("none.h5", "holds no samples", NULL, NULL);
    write_floats("none.h5", "image", 5, (const hsize_t[]){2, 0, 2, 4, 4});
    refused("none.h5", "holds no steps", NULL, NULL);
}

static void unknown_names_suggest_the_nearest(void **state)
{
    (void)state;
    hid_t file = make_file("names.h5");
    const hsize_t dim[4] = {1, 2, 4, 4};
    put_data(file, "inputs/image", H5T_NATIVE_FLOAT, 4, dim, NULL);
    put_data(file, "inputs/imagge", H5T_NATIVE_FLOAT, 4, dim, NULL);
    H5Fclose(file);
    refused("names.h5", "imagge", "did you mean image", NULL);
    file = make_file("names.h5");
    H5Gclose(make_group(file, "inputs"));
    H5Fclose(file);
    refused("names.h5", "/inputs/image", "missing", NULL);
    H5Fclose(make_file("names.h5"));
    refused("names.h5", "/inputs", "missing", NULL);
}

static void labels_of_another_length_are_refused(void **state)
{
    (void)state;
    write_floats("labels.h5", "image", 4, (const hsize_t[]){3, 2, 4, 4});
    hid_t file = H5Fopen("labels.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    put_data(file, "labels", H5T_NATIVE_INT, 1, (const hsize_t[]){2}, (const int[]){1, 2});
    H5Fclose(file);
    refused("labels.h5", "/labels", "(2)", "(3)");
}

static void values_that_are_not_finite_are_placed(void **state)
{
    (void)state;
    float values[64] = {0}, out[64];
    hid_t file = make_file("nan.h5");
    values[32 + 16 + 4 + 2] = NAN;
    put_data(file, "inputs/image", H5T_NATIVE_FLOAT, 5, (const hsize_t[]){1, 2, 2, 4, 4}, values);
    H5Fclose(file);
    stc_input *input;
    stc_box box = image_box();
    assert_int_equal(stc_input_open("nan.h5", program, NULL, &input), 0);
    assert_int_equal(input->read(input, 0, 0, 0, 1, &box, out), 0);
    assert_int_equal(input->read(input, 0, 0, 0, 2, &box, out), STC_ERR_INPUT);
    assert_true(
        error_says("nan.h5:/inputs/image", "nan", "sample 0, step 1, element (1, 1, 2)", NULL));
    stc_input_close(&input);
}

static void text_is_no_input(void **state)
{
    (void)state;
    const char *texts[1] = {"a"};
    hid_t file = make_file("text.h5");
    hid_t group = make_group(file, "inputs");
    put_texts(group, "image", 1, (const hsize_t[]){1}, texts);
    H5Gclose(group);
    H5Fclose(file);
    refused("text.h5", "/inputs/image", "expected numbers", NULL);
    file = make_file("text.h5");
    H5Gclose(make_group(file, "inputs"));
    group = H5Gopen2(file, "inputs", H5P_DEFAULT);
    H5Gclose(make_group(group, "image"));
    H5Gclose(group);
    H5Fclose(file);
    refused("text.h5", "/inputs/image", "expected a dataset", NULL);
    refused("not-there.h5", "no such file", NULL, NULL);
}

static void a_truncated_input_is_refused_at_any_length(void **state)
{
    (void)state;
    size_t n;
    write_floats("whole.h5", "image", 4, (const hsize_t[]){20, 2, 4, 4});
    char *bytes = get_bytes("whole.h5", &n);
    for (size_t length = 0; length < n; length += 1 + n / 60) {
        put_bytes("cut.h5", bytes, length);
        refused("cut.h5", NULL, NULL, NULL);
    }
    free(bytes);
}

static void arrays_in_memory_read_like_files(void **state)
{
    (void)state;
    float values[2 * 3 * 32], out[32];
    for (int i = 0; i < 192; i++)
        values[i] = (float)i;
    const float *lists[1] = {values};
    stc_input_array array = {.name = "image", .shape = {3, {2, 4, 4}}, .steps = 3};
    stc_input *input;
    assert_int_equal(stc_input_from_memory(2, 1, &array, lists, &input), 0);
    stc_box box = image_box();
    box.lo[0] = 1;
    box.lo[1] = 2;
    box.hi[2] = 2;
    assert_int_equal(input->read(input, 0, 1, 1, 2, &box, out), 0);
    for (int i = 0; i < 8; i++) {
        int t = i / 4, row = 2 + i / 2 % 2, column = i % 2;
        assert_true(out[i] == (float)((3 + 1 + t) * 32 + 16 + row * 4 + column));
    }
    stc_input_close(&input);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    float values[2 * 3 * 32], out[96];
    const int32_t labels[2] = {4, 9};
    for (int i = 0; i < 192; i++)
        values[i] = 0.5f * (float)i;
    const float *lists[1] = {values};
    stc_input_array array = {.name = "image", .shape = {3, {2, 4, 4}}, .steps = 3};
    stc_input *input;
    stc_box box = image_box();
    assert_int_equal(stc_input_write("written.h5", 2, 1, &array, lists, labels), 0);
    assert_int_equal(stc_input_open("written.h5", program, NULL, &input), 0);
    assert_int_equal(input->arrays[0].steps, 3);
    assert_int_equal(input->labels[1], 9);
    assert_int_equal(input->read(input, 0, 1, 0, 3, &box, out), 0);
    assert_memory_equal(out, values + 96, sizeof(out));
    stc_input_close(&input);
    stc_file_kind kind;
    assert_int_equal(stc_file_recognise("written.h5", &kind), 0);
    assert_int_equal(kind, STC_FILE_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_read_without_and_with_steps),
        cmocka_unit_test(integers_are_scaled_and_labels_read),
        cmocka_unit_test(shapes_that_do_not_fit_are_both_named),
        cmocka_unit_test(no_samples_and_no_steps_are_refused),
        cmocka_unit_test(unknown_names_suggest_the_nearest),
        cmocka_unit_test(labels_of_another_length_are_refused),
        cmocka_unit_test(values_that_are_not_finite_are_placed),
        cmocka_unit_test(text_is_no_input),
        cmocka_unit_test(a_truncated_input_is_refused_at_any_length),
        cmocka_unit_test(arrays_in_memory_read_like_files),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
