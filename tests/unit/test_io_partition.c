/* Partition files are read back as they were written, and told from text files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/base.h"
#include "stc/error.h"
#include "stc/io.h"

#include <mpi.h>

static void assert_fails(int rc, int code, const char *text)
{
    assert_int_equal(rc, code);
    if (!strstr(stc_error_text(), text)) fail_msg("'%s' lacks '%s'", stc_error_text(), text);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void parts_are_read_back(void **state)
{
    (void)state;
    const int32_t part[] = {2, 0, 1, 1, 0}, *found;
    const char *const methods[] = {"auto"}, *const measures[] = {"multicast_volume"};
    const double value = 7;
    const stc_partition_record record = {.graph = "g",
                                         .command = "c",
                                         .method = "auto",
                                         .chips = 3,
                                         .n = 5,
                                         .part = part,
                                         .nmethods = 1,
                                         .nmeasures = 1,
                                         .methods = methods,
                                         .measures = measures,
                                         .values = &value};
    stc_arena *arena;
    int64_t n = 0;
    assert_int_equal(stc_arena_create(&arena), 0);
    assert_int_equal(stc_partition_file_write("parts.h5", &record), 0);
    assert_int_equal(stc_partition_file_given("file:parts.h5", arena, &found, &n), 0);
    assert_int_equal(n, 5);
    assert_memory_equal(found, part, sizeof part);
    stc_arena_destroy(&arena);
}

static void text_and_other_methods_are_left_to_the_partitioner(void **state)
{
    (void)state;
    const int32_t *found;
    stc_arena *arena;
    int64_t n = 1;
    assert_int_equal(stc_arena_create(&arena), 0);
    write_text("parts.txt", "0\n1\n");
    const char *const methods[] = {NULL, "auto", "file:parts.txt"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stc_partition_file_given(methods[i], arena, &found, &n), 0);
        assert_true(found == NULL && n == 0);
    }
    assert_fails(stc_partition_file_given("file:none", arena, &found, &n), STC_ERR_INPUT, "none");
    write_text("broken.h5", "\x89HDF\r\n\x1a\n and nothing more");
    assert_fails(stc_partition_file_given("file:broken.h5", arena, &found, &n), STC_ERR_INPUT,
                 "broken.h5");
    stc_arena_destroy(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read_back),
        cmocka_unit_test(text_and_other_methods_are_left_to_the_partitioner),
    };
    MPI_Init(&argc, &argv);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
