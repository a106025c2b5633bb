/* io_events.h - for tests of inputs of events: files made by hand, and what is read of them. The
 * example's input is image (2, 4, 4); its model has 4 steps. */
#ifndef STC_TESTS_IO_EVENTS_H
#define STC_TESTS_IO_EVENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"
#include "stc/input.h"

static stc_program *program;
enum { SIZE = 32 };

static inline int setup(void **state)
{
    (void)state;
    program = example_program();
    return program ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    stc_program_destroy(&program);
    return 0;
}

static inline void put_column(hid_t at, const char *name, hid_t type, int n, const void *values)
{
    put_data(at, name, type, 1, (const hsize_t[]){(hsize_t)n}, values);
}

static inline void put_int_attr(hid_t at, const char *name, int64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(at, name, H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attr, H5T_NATIVE_INT64, &value);
    H5Aclose(attr);
    H5Sclose(space);
}

static inline stc_input *opened(const char *path, int64_t time_steps, double dt)
{
    stc_input *input = NULL;
    const stc_input_options options = {.time_steps = time_steps, .dt = dt};
    int rc = stc_input_open(path, program, &options, &input);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    return input;
}

/* Are these the only values other than 0 of a sample? each: step, id, value */
static inline void holds(const stc_input *input, int64_t sample, int n, const double each[][3])
{
    int64_t steps = input->arrays[0].steps;
    stc_box box = stc_box_all(&input->arrays[0].shape);
    float *values = malloc((size_t)(steps * SIZE) * sizeof(float));
    memset(values, 0xff, (size_t)(steps * SIZE) * sizeof(float));
    assert_int_equal(input->read(input, 0, sample, 0, steps, &box, values), 0);
    for (int i = 0; i < n; i++) {
        float *at = &values[(int64_t)each[i][0] * SIZE + (int64_t)each[i][1]];
        assert_true(*at == (float)each[i][2]);
        *at = 0;
    }
    for (int64_t i = 0; i < steps * SIZE; i++)
        assert_true(values[i] == 0);
    free(values);
}

/* Opening this file fails with a message of these words. */
static inline void refused(const char *path, int code, const char *one, const char *two)
{
    stc_input *input = NULL;
    assert_int_equal(stc_input_open(path, program, NULL, &input), code);
    assert_null(input);
    assert_true(error_says(path, one, two, NULL));
}

/* A file of this content is refused wherever it ends. */
static inline void refused_when_cut(const char *whole)
{
    size_t n;
    char path[64], *bytes = get_bytes(whole, &n);
    snprintf(path, sizeof(path), "cut-%s", whole);
    for (size_t length = 0; length < n; length += 1 + n / 60) {
        put_bytes(path, bytes, length);
        refused(path, STC_ERR_INPUT, NULL, NULL);
    }
    free(bytes);
}

#endif
