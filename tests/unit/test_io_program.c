/* Program files that are not what they should be: refused by name, never trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"

static stc_comm self;

/* program.h5 as it should be. */
static void write_program(void)
{
    stc_program *program = example_program();
    assert_non_null(program);
    assert_int_equal(stc_program_write(&self, program, "program.h5"), 0);
    stc_program_destroy(&program);
}

static void refused(const char *one, const char *two)
{
    stc_program *program = NULL;
    assert_int_equal(stc_program_read("program.h5", &program), STC_ERR_INPUT);
    assert_null(program);
    assert_true(error_says("program.h5", one, two, NULL));
}

static hid_t open_program(void)
{
    return H5Fopen("program.h5", H5F_ACC_RDWR, H5P_DEFAULT);
}

/* Read the rows of the only blob. */
static int read_weights(void)
{
    float weight[EXAMPLE_ROWS * EXAMPLE_COLUMNS], bias[EXAMPLE_ROWS];
    int8_t exponent[EXAMPLE_ROWS];
    stc_program *program;
    int rc = stc_program_read("program.h5", &program);
    if (rc < 0) return rc;
    rc = program->read_rows(program, 0, 0, EXAMPLE_ROWS, weight, exponent, bias);
    stc_program_destroy(&program);
    return rc;
}

static void a_truncated_program_is_refused_at_any_length(void **state)
{
    (void)state;
    size_t n;
    write_program();
    char *bytes = get_bytes("program.h5", &n);
    for (size_t length = 0; length < n; length += 1 + n / 100) {
        put_bytes("program.h5", bytes, length);
        refused(length == 0 ? "is empty" : "truncated", NULL);
    }
    free(bytes);
}

static void other_files_are_no_programs(void **state)
{
    (void)state;
    hid_t file = make_file("program.h5");
    H5Fclose(file);
    refused("attribute format is missing", NULL);
    file = make_file("program.h5");
    put_text_attr(file, "format", "stc-result");
    H5Fclose(file);
    refused("format is \"stc-result\"", "expected \"stc-program\"");
    write_program();
    file = open_program();
    H5Adelete(file, "format_version");
    put_real_attr(file, "format_version", 99);
    H5Fclose(file);
    refused("format_version is 99", "newer stc");
    write_program();
    file = open_program();
    H5Ldelete(file, "program/tiles", H5P_DEFAULT);
    H5Fclose(file);
    refused("/program/tiles", "missing");
}

static void before_version_4_nets_have_routes_of_their_own(void **state)
{
    (void)state;
    stc_program *program = NULL;
    write_program();
    hid_t file = open_program();
    H5Ldelete(file, "program/nets/route", H5P_DEFAULT);
    H5Adelete(file, "format_version");
    put_real_attr(file, "format_version", 3);
    H5Fclose(file);
    if (stc_program_read("program.h5", &program) < 0) fail_msg("%s", stc_error_text());
    assert_int_equal(program->nets.nroutes, program->nets.n);
    for (int32_t i = 0; i < program->nets.n; i++)
        assert_int_equal(program->nets.route[i], i);
    stc_program_destroy(&program);
}

static void routes_that_fit_no_nets_are_refused(void **state)
{
    (void)state;
    write_program();
    hid_t file = open_program();
    H5Ldelete(file, "program/nets/route", H5P_DEFAULT);
    put_data(file, "program/nets/route", H5T_NATIVE_INT, 1, (const hsize_t[]){2},
             (const int[]){0, 1});
    H5Fclose(file);
    refused("the lengths of source, spikes, route, first and pin do not fit", NULL);
    write_program();
    file = open_program();
    H5Ldelete(file, "program/nets/route", H5P_DEFAULT);
    put_data(file, "program/nets/route", H5T_NATIVE_INT, 1, (const hsize_t[]){3},
             (const int[]){0, 1, 3});
    H5Fclose(file);
    refused("net 2: its route is 3, expected one of 0 to 2", NULL);
}

static void a_table_without_a_column_is_refused(void **state)
{
    (void)state;
    write_program();
    hid_t file = open_program(), type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "name", 0, H5T_NATIVE_INT);
    H5Tinsert(type, "rows", 4, H5T_NATIVE_INT);
    H5Ldelete(file, "program/blobs", H5P_DEFAULT);
    put_data(file, "program/blobs", type, 1, (const hsize_t[]){1}, (const int[]){0, 32});
    H5Tclose(type);
    H5Fclose(file);
    refused("/program/blobs", "column name is missing or of another type");
}

static void an_unknown_neuron_model_is_named(void **state)
{
    (void)state;
    write_program();
    hid_t file = open_program(), data = H5Dopen2(file, "program/neuron", H5P_DEFAULT);
    hid_t type = H5Tcreate(H5T_COMPOUND, 3), text = text_type(3);
    H5Tset_cset(text, H5T_CSET_UTF8);
    H5Tset_strpad(text, H5T_STR_NULLPAD);
    H5Tinsert(type, "model", 0, text);
    H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "abc");
    H5Tclose(text);
    H5Tclose(type);
    H5Dclose(data);
    H5Fclose(file);
    refused("neuron model \"abc\"", "compile it again");
}

/* Overwrite one value of weights/0/values. */
static void spoil_weight(float value)
{
    float values[EXAMPLE_ROWS * EXAMPLE_COLUMNS];
    hid_t file = open_program(), data = H5Dopen2(file, "weights/0/values", H5P_DEFAULT);
    H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    values[20] = value;
    H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(data);
    H5Fclose(file);
}

static void spoilt_weights_are_noticed_when_read(void **state)
{
    (void)state;
    static const float values[] = {NAN, INFINITY, 0.001f, 1e30f, 100.0f};
    for (int i = 0; i < 5; i++) { /* 100 is on the grid, but above the bound of its row */
        write_program();
        assert_int_equal(read_weights(), 0);
        spoil_weight(values[i]);
        assert_int_equal(read_weights(), STC_ERR_INPUT);
        assert_true(error_says("weights of conv, row 10", "compile it again", NULL));
    }
}

static void weights_of_another_shape_are_refused(void **state)
{
    (void)state;
    write_program();
    hid_t file = open_program();
    H5Ldelete(file, "weights/0/values", H5P_DEFAULT);
    put_data(file, "weights/0/values", H5T_NATIVE_FLOAT, 2, (const hsize_t[]){32, 3}, NULL);
    H5Fclose(file);
    refused("/weights/0/values", "(32, 3)");
}

/* Overwrite some bytes of a table. */
static void spoil_table(const char *name, uint64_t k)
{
    hid_t file = open_program(), data = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t type = H5Dget_type(data);
    size_t n = (size_t)H5Dget_storage_size(data);
    unsigned char *bytes = malloc(n);
    assert_true(H5Dread(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
    for (uint32_t i = 0; i < 1 + k % 3; i++) {
        uint32_t at = stc_random_u32(1, i, k) % (uint32_t)n;
        bytes[at] = (unsigned char)(k % 2 ? 255 : stc_random_u32(2, i, k));
    }
    H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    H5Tclose(type);
    H5Dclose(data);
    H5Fclose(file);
    free(bytes);
}

/* Any byte of any table may be anything: the program is read or refused, and nothing crashes. */
static void spoilt_tables_never_crash(void **state)
{
    (void)state;
    static const char *const tables[] = {"stages",      "kernels",  "blobs",       "tiles",
                                         "accumulate",  "read",     "neuron",      "nets/first",
                                         "nets/source", "nets/pin", "nets/spikes", "nets/route"};
    enum { NTABLES = sizeof(tables) / sizeof(tables[0]) };
    int read = 0;
    size_t size;
    write_program();
    char *whole = get_bytes("program.h5", &size);
    for (uint64_t k = 0; k < 360; k++) {
        char name[64];
        put_bytes("program.h5", whole, size);
        snprintf(name, sizeof(name), "program/%s", tables[k % NTABLES]);
        spoil_table(name, k);
        int rc = read_weights();
        assert_true(rc == 0 || rc == STC_ERR_INPUT || rc == STC_ERR_NOMEM);
        read += rc == 0;
    }
    assert_true(read > 30 && read < 300);
    free(whole);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_program_is_refused_at_any_length),
        cmocka_unit_test(other_files_are_no_programs),
        cmocka_unit_test(before_version_4_nets_have_routes_of_their_own),
        cmocka_unit_test(routes_that_fit_no_nets_are_refused),
        cmocka_unit_test(a_table_without_a_column_is_refused),
        cmocka_unit_test(an_unknown_neuron_model_is_named),
        cmocka_unit_test(spoilt_weights_are_noticed_when_read),
        cmocka_unit_test(weights_of_another_shape_are_refused),
        cmocka_unit_test(spoilt_tables_never_crash),
    };
    MPI_Init(&argc, &argv);
    self = stc_comm_of(MPI_COMM_SELF);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed;
}
