/* What a path is: every kind of file that people give by mistake gets its own message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../io/h5.h"
#include "io_example.h"

#include <sys/stat.h>

static int recognise(const char *path)
{
    stc_file_kind kind = (stc_file_kind)-1;
    int rc = stc_file_recognise(path, &kind);
    return rc < 0 ? rc : (int)kind;
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    assert_int_equal(recognise("not-there.h5"), STC_ERR_INPUT);
    assert_true(error_says("not-there.h5", "no such file", NULL));
}

static void a_folder_is_no_file(void **state)
{
    (void)state;
    mkdir("folder", 0777);
    assert_int_equal(recognise("folder"), STC_ERR_INPUT);
    assert_true(error_says("folder", "is a folder", NULL));
    assert_int_equal(recognise("/dev/null"), STC_ERR_INPUT);
    assert_true(error_says("/dev/null", "device", NULL));
}

static void files_that_are_not_hdf5_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } cases[] = {{"", 0, "is empty"},           {"PK\003\004zip", 7, "ZIP"},
                 {"hello world\n", 12, "text"}, {"\x1f\x8b\x08", 3, "gzip"},
                 {"\x93NUMPY\x01", 7, "numpy"}, {"\x01\x02\x03\x04", 4, "binary"},
                 {"\211HDF", 4, "truncated"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_bytes("other.h5", cases[i].bytes, cases[i].n);
        assert_int_equal(recognise("other.h5"), STC_ERR_INPUT);
        assert_true(error_says("other.h5", cases[i].says, NULL));
    }
}

static void hdf5_files_of_others_say_what_they_hold(void **state)
{
    (void)state;
    static const char *const groups[] = {"nodes", "measurements"};
    static const char *const says[] = {"SONATA", "/measurements"};
    for (int i = 0; i < 2; i++) {
        hid_t file = make_file("hdf5.h5");
        H5Gclose(make_group(file, groups[i]));
        H5Fclose(file);
        assert_int_equal(recognise("hdf5.h5"), STC_ERR_INPUT);
        assert_true(error_says("hdf5.h5", says[i], NULL));
    }
    H5Fclose(make_file("hdf5.h5"));
    assert_int_equal(recognise("hdf5.h5"), STC_ERR_INPUT);
    assert_true(error_says("hdf5.h5", "nothing", NULL));
}

static void own_files_are_known_by_group_or_by_format(void **state)
{
    (void)state;
    hid_t file = make_file("known.h5");
    H5Gclose(make_group(file, "graph"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_GRAPH);
    file = make_file("known.h5"); /* NIR */
    H5Gclose(make_group(file, "node"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_GRAPH);
    file = make_file("known.h5");
    H5Gclose(make_group(file, "inputs"));
    H5Gclose(make_group(file, "spikes"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_INPUT);
    assert_string_equal(stc_file_kind_name(STC_FILE_INPUT), "input");
    file = make_file("known.h5"); /* SONATA's */
    H5Gclose(make_group(file, "spikes"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_INPUT);
    file = make_file("known.h5"); /* NIRData */
    put_text_attr(file, "__type__", "NIRGraphData");
    H5Gclose(make_group(file, "nodes"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_INPUT);
    file = make_file("known.h5");
    put_text_attr(file, "format", "stc-result");
    H5Gclose(make_group(file, "inputs"));
    H5Fclose(file);
    assert_int_equal(recognise("known.h5"), STC_FILE_RESULT);
}

static void a_newer_format_asks_for_a_newer_program(void **state)
{
    (void)state;
    hid_t file = make_file("newer.h5");
    put_text_attr(file, "format", "SpikeGraph");
    put_real_attr(file, "format_version", 2);
    H5Fclose(file);
    stc_graph *graph;
    assert_int_equal(stc_graph_read("newer.h5", NULL, &graph), STC_ERR_INPUT);
    assert_true(error_says("newer.h5", "format_version is 2", "newer stc", NULL));
}

static void outputs_are_checked_before_long_work(void **state)
{
    (void)state;
    char name[5000];
    mkdir("taken", 0777);
    unlink("good.h5");
    assert_int_equal(stc_output_check("good.h5"), 0);
    assert_int_equal(stc_output_check("./taken/good.h5"), 0);
    assert_int_equal(access("good.h5", F_OK), -1);
    assert_int_equal(stc_output_check("taken"), STC_ERR_IO);
    assert_true(error_says("taken", "folder", NULL));
    assert_int_equal(stc_output_check("nowhere/good.h5"), STC_ERR_IO);
    assert_true(error_says("nowhere", "No such file", NULL));
    put_bytes("plain", "x", 1);
    assert_int_equal(stc_output_check("plain/good.h5"), STC_ERR_IO);
    assert_int_equal(stc_output_check("/dev/null"), STC_ERR_IO);
    assert_int_equal(stc_output_check(""), STC_ERR_IO);
    memset(name, 'a', sizeof(name));
    name[300] = '\0';
    assert_int_equal(stc_output_check(name), STC_ERR_IO);
    name[300] = 'a';
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(stc_output_check(name), STC_ERR_IO);
    mkdir("closed", 0555);
    if (geteuid() != 0) assert_int_equal(stc_output_check("closed/good.h5"), STC_ERR_IO);
}

static void names_survive_as_links(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "a/b", "50%", "%2F", ".", "..", "\xc3\xa9/%25"};
    stc_arena *arena;
    assert_int_equal(stc_arena_create(&arena), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *link = stc_h5_escape(names[i], arena);
        assert_null(strchr(link, '/'));
        assert_string_not_equal(link, ".");
        assert_string_equal(stc_h5_unescape(link, arena), names[i]);
    }
    stc_arena_destroy(&arena);
}

static void texts_are_read_whatever_their_type(void **state)
{
    (void)state;
    const char *variable[2] = {"one", "zwei \xc3\xa4"}, **read;
    const hsize_t two = 2;
    hid_t file = make_file("texts.h5"), type = text_type(4);
    put_texts(file, "variable", 1, &two, variable);
    put_data(file, "fixed", type, 1, &two, "abcdef\0\0"); /* the first has no final 0 */
    put_data(file, "numbers", H5T_NATIVE_INT, 1, &two, (const int[]){1, 2});
    H5Tclose(type);
    H5Fclose(file);
    stc_arena *arena;
    stc_h5_data data;
    assert_int_equal(stc_arena_create(&arena), 0);
    assert_int_equal(stc_h5_open("texts.h5", &file), 0);
    assert_int_equal(stc_h5_data_open(file, "variable", &data), 0);
    assert_int_equal(stc_h5_data_texts(&data, arena, &read), 0);
    assert_string_equal(read[1], variable[1]);
    stc_h5_close(&data.id);
    assert_int_equal(stc_h5_data_open(file, "fixed", &data), 0);
    assert_int_equal(stc_h5_data_texts(&data, arena, &read), 0);
    assert_string_equal(read[0], "abcd");
    assert_string_equal(read[1], "ef");
    stc_h5_close(&data.id);
    assert_int_equal(stc_h5_data_open(file, "numbers", &data), 0);
    assert_int_equal(stc_h5_data_texts(&data, arena, &read), STC_ERR_INPUT);
    assert_true(error_says("texts.h5:/numbers", "expected text", NULL));
    stc_h5_close(&data.id);
    stc_h5_close(&file);
    stc_arena_destroy(&arena);
}

static void datasets_that_claim_too_much_are_refused(void **state)
{
    (void)state;
    const hsize_t huge[2] = {1 << 20, 1 << 19}, beyond[2] = {1 << 30, 1 << 30};
    hid_t file = make_file("claims.h5"), list = H5Pcreate(H5P_DATASET_CREATE);
    put_data(file, "huge", H5T_NATIVE_FLOAT, 2, huge, NULL);
    put_data(file, "beyond", H5T_NATIVE_FLOAT, 2, beyond, NULL);
    hid_t space = H5Screate_simple(1, (const hsize_t[]){10}, NULL);
    H5Pset_external(list, "/etc/hostname", 0, 40);
    H5Dclose(H5Dcreate2(file, "external", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Pclose(list);
    H5Sclose(space);
    H5Lcreate_external("/etc/hostname", "/", file, "link", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    stc_h5_data data;
    assert_int_equal(stc_h5_open("claims.h5", &file), 0);
    assert_int_equal(stc_h5_data_open(file, "huge", &data), STC_ERR_INPUT);
    assert_true(error_says("/huge", "more data than the file holds", NULL));
    assert_int_equal(stc_h5_data_open(file, "beyond", &data), STC_ERR_INPUT);
    assert_true(error_says("/beyond", "2^40", NULL));
    assert_int_equal(stc_h5_data_open(file, "external", &data), STC_ERR_INPUT);
    assert_true(error_says("/external", "other files", NULL));
    assert_int_equal(stc_h5_data_open(file, "link", &data), STC_ERR_INPUT);
    stc_h5_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_folder_is_no_file),
        cmocka_unit_test(files_that_are_not_hdf5_are_told_apart),
        cmocka_unit_test(hdf5_files_of_others_say_what_they_hold),
        cmocka_unit_test(own_files_are_known_by_group_or_by_format),
        cmocka_unit_test(a_newer_format_asks_for_a_newer_program),
        cmocka_unit_test(outputs_are_checked_before_long_work),
        cmocka_unit_test(names_survive_as_links),
        cmocka_unit_test(texts_are_read_whatever_their_type),
        cmocka_unit_test(datasets_that_claim_too_much_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
