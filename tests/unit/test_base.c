/* Errors, memory, log, text, hashing, random numbers and JSON. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stc/base.h"
#include "stc/error.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

/* ---- errors ---- */

static void failures_keep_their_text_and_gain_a_place(void **state)
{
    (void)state;
    assert_int_equal(stc_fail(STC_ERR_INPUT, "weight has %d dimensions", 3), STC_ERR_INPUT);
    assert_int_equal(stc_fail_in(STC_ERR_IO, "model.h5:%s", "conv1"), STC_ERR_IO);
    assert_string_equal(stc_error_text(), "model.h5:conv1: weight has 3 dimensions");
    stc_fail(STC_ERR_INPUT, "again %s", stc_error_text());
    assert_string_equal(stc_error_text(), "again model.h5:conv1: weight has 3 dimensions");
}

static void long_failures_are_cut(void **state)
{
    (void)state;
    char text[STC_ERROR_SIZE + 100];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    stc_fail(STC_ERR_INPUT, "%s", text);
    assert_int_equal(strlen(stc_error_text()), STC_ERROR_SIZE - 1);
    stc_fail_in(STC_ERR_INPUT, "here");
    assert_int_equal(strlen(stc_error_text()), STC_ERROR_SIZE - 1);
    assert_memory_equal(stc_error_text(), "here: xxx", 9);
    stc_fail_in(STC_ERR_INPUT, "%s", text);
    assert_int_equal(strlen(stc_error_text()), STC_ERROR_SIZE - 1);
}

static void codes_become_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(stc_exit_code(0), 0);
    assert_int_equal(stc_exit_code(5), 0);
    assert_int_equal(stc_exit_code(STC_ERR_INPUT), 1);
    assert_int_equal(stc_exit_code(STC_ERR_FIT), 1);
    assert_int_equal(stc_exit_code(STC_ERR_USAGE), 2);
    assert_int_equal(stc_exit_code(STC_ERR_IO), 3);
    assert_int_equal(stc_exit_code(STC_ERR_NOMEM), 3);
    assert_int_equal(stc_exit_code(STC_ERR_INTERNAL), 3);
    assert_int_equal(stc_exit_code(-99), 3);
}

static int try_and_check(int rc, bool condition)
{
    STC_TRY(rc);
    STC_CHECK(condition, STC_ERR_FIT, "found %d", 7);
    return 1;
}

static void try_and_check_return_at_once(void **state)
{
    (void)state;
    assert_int_equal(try_and_check(STC_ERR_IO, true), STC_ERR_IO);
    assert_int_equal(try_and_check(2, false), STC_ERR_FIT);
    assert_string_equal(stc_error_text(), "found 7");
    assert_int_equal(try_and_check(0, true), 1);
}

/* ---- memory ---- */

static void memory_is_zeroed_aligned_and_counted(void **state)
{
    (void)state;
    int64_t before = stc_alloc_bytes();
    unsigned char *a = stc_alloc(1000, 3), *none = stc_alloc(0, 8);
    assert_non_null(a);
    assert_non_null(none);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(a[i], 0);
    assert_int_equal(stc_alloc_bytes() - before, 3000);
    stc_free(a);
    stc_free(none);
    stc_free(NULL);
    assert_int_equal(stc_alloc_bytes(), before);
    assert_true(stc_peak_rss_bytes() > 100000);
}

static void reserved_memory_is_taken_as_it_is_used(void **state)
{
    (void)state;
    const int64_t before = stc_alloc_bytes(), machine = sysconf(_SC_PHYS_PAGES) / 2 * 4096;
    const int64_t n = machine < INT64_C(1) << 40 ? machine : INT64_C(1) << 40;
    uint32_t *a = stc_alloc_reserved(n, 4); /* more than can be used */
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal(stc_alloc_bytes(), before);
    for (int64_t i = 0; i < n; i += n / 100) {
        assert_int_equal(a[i], 0);
        a[i] = 1;
    }
    stc_free(a);
    assert_null(stc_alloc_reserved(INT64_MAX, 4));
    assert_null(stc_alloc_reserved(-1, 4));
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    assert_null(stc_alloc(sysconf(_SC_PHYS_PAGES), sysconf(_SC_PAGESIZE) + 1));
    assert_non_null(strstr(stc_error_text(), "out of memory"));
    assert_null(stc_alloc(INT64_MAX, 16));
    assert_null(stc_alloc(-1, 4));
    assert_null(stc_alloc(INT64_MAX, 1));
    assert_non_null(strstr(stc_error_text(), "9223372036854775807"));
    stc_arena *arena = NULL;
    assert_int_equal(stc_arena_create(&arena), 0);
    assert_null(stc_arena_alloc(arena, INT64_MAX, 2));
    assert_null(stc_arena_alloc(arena, INT64_MAX, 1));
    stc_arena_destroy(&arena);
}

static void arenas_hold_everything_until_destroyed(void **state)
{
    (void)state;
    int64_t before = stc_alloc_bytes();
    stc_arena *arena = NULL;
    assert_int_equal(stc_arena_create(&arena), 0);
    char *kept[300];
    for (int i = 0; i < 300; i++) {
        int64_t size = i % 50 == 49 ? 100000 : 7 * i;
        kept[i] = stc_arena_alloc(arena, size, 1);
        assert_non_null(kept[i]);
        assert_int_equal((uintptr_t)kept[i] % 16, 0);
        for (int64_t j = 0; j < size; j++)
            assert_int_equal(kept[i][j], 0);
        memset(kept[i], i, (size_t)size);
    }
    for (int i = 1; i < 300; i++)
        assert_int_equal((unsigned char)kept[i][0], i & 255);
    assert_string_equal(stc_arena_strdup(arena, "conv1"), "conv1");
    assert_string_equal(stc_arena_printf(arena, "%s_%d", "lif", 12), "lif_12");
    stc_arena_destroy(&arena);
    assert_null(arena);
    stc_arena_destroy(&arena);
    assert_int_equal(stc_alloc_bytes(), before);
}

/* ---- log: what a call writes to stderr ---- */

static FILE *captured;
static int real_stderr;

static void capture_begin(void)
{
    captured = tmpfile();
    assert_non_null(captured);
    real_stderr = dup(2);
    dup2(fileno(captured), 2);
}

static void capture_end(char *text, size_t size)
{
    dup2(real_stderr, 2);
    close(real_stderr);
    rewind(captured);
    text[fread(text, 1, size - 1, captured)] = 0;
    fclose(captured);
}

static void log_speaks_on_rank_0_up_to_its_level(void **state)
{
    (void)state;
    char text[1024];
    capture_begin();
    stc_log_setup(0, STC_LOG_INFO, false);
    stc_info("read %d nodes", 12);
    stc_debug("not this");
    stc_warn("rounded");
    stc_log_setup(1, STC_LOG_DEBUG, false);
    stc_log(STC_LOG_ERROR, "nor this");
    capture_end(text, sizeof text);
    assert_string_equal(text, "stc: read 12 nodes\nstc: warning: rounded\n");
}

static void log_can_be_json(void **state)
{
    (void)state;
    char text[1024];
    capture_begin();
    stc_log_setup(0, STC_LOG_INFO, true);
    stc_warn("file \"a\"");
    capture_end(text, sizeof text);
    stc_log_setup(0, STC_LOG_WARN, false);
    assert_memory_equal(text, "{\"@timestamp\": \"20", 18);
    assert_non_null(
        strstr(text, "Z\", \"log.level\": \"warn\", \"message\": \"file \\\"a\\\"\"}\n"));
}

static void short_work_shows_no_progress(void **state)
{
    (void)state;
    char text[1024];
    capture_begin();
    stc_progress_setup(0, "lines");
    for (int i = 0; i <= 10; i++)
        stc_progress("simulate", i, 10);
    stc_progress_setup(0, "none");
    capture_end(text, sizeof text);
    assert_string_equal(text, "");
}

/* ---- text, time, hashing, random numbers ---- */

static void the_nearest_word_is_found(void **state)
{
    (void)state;
    const char *names[] = {"chips", "seed", "threads", "time-steps", "partition"};
    assert_string_equal(stc_nearest("chip", names, 5), "chips");
    assert_string_equal(stc_nearest("thraeds", names, 5), "threads");
    assert_string_equal(stc_nearest("timesteps", names, 5), "time-steps");
    assert_null(stc_nearest("x", names, 5));
    assert_null(stc_nearest("colours", names, 5));
    assert_null(stc_nearest("seed", names, 0));
    char endless[200];
    memset(endless, 'a', sizeof endless);
    endless[199] = 0;
    assert_null(stc_nearest(endless, names, 5));
}

static void clocks_tick(void **state)
{
    (void)state;
    char utc[32];
    stc_utc(utc, sizeof utc);
    assert_int_equal(strlen(utc), 20);
    assert_true(utc[4] == '-' && utc[10] == 'T' && utc[19] == 'Z');
    double start = stc_seconds();
    usleep(2000);
    assert_true(stc_seconds() - start >= 0.002);
}

static void mixing_is_splitmix64(void **state)
{
    (void)state;
    /* first three outputs of SplitMix64 seeded with 0 */
    const uint64_t gamma = UINT64_C(0x9e3779b97f4a7c15);
    assert_true(stc_mix64(gamma) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(stc_mix64(2 * gamma) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(stc_mix64(3 * gamma) == UINT64_C(0x06c45d188009454f));
}

static void random_numbers_are_philox(void **state)
{
    (void)state;
    /* known answers of Random123: counter 0, key 0 */
    const uint32_t zero[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(stc_random_u32(0, 0, i), zero[i]);
    assert_int_not_equal(stc_random_u32(0, 1, 0), zero[0]);
    assert_int_not_equal(stc_random_u32(UINT64_C(1) << 32, 0, 0), zero[0]);
    assert_int_not_equal(stc_random_u32(0, 0, UINT64_C(1) << 40), zero[0]);
    double sum = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        float u = stc_random_uniform(1, 2, i);
        assert_true(u >= 0 && u < 1 && u * 0x1p24f == floorf(u * 0x1p24f));
        sum += (double)u;
    }
    assert_true(fabs(sum / 10000 - 0.5) < 0.02);
}

static void file_hashes_are_sha256(void **state)
{
    (void)state;
    char path[] = "/tmp/stc_test_base_XXXXXX", hex[65];
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(stc_file_sha256(path, hex), 0);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(write(file, "abc", 3), 3);
    close(file);
    assert_int_equal(stc_file_sha256(path, hex), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    unlink(path);
    assert_int_equal(stc_file_sha256(path, hex), STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), path));
    assert_int_equal(stc_file_sha256("/tmp", hex), STC_ERR_INPUT);
}

/* ---- JSON ---- */

static void json_keeps_commas_and_nesting(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    stc_json json = stc_json_begin(file);
    stc_json_int(&json, "samples", 360);
    stc_json_open(&json, "partition", '{');
    stc_json_string(&json, "method", "metis \"cut\"\n\t\\");
    stc_json_open(&json, "empty", '[');
    stc_json_close(&json, ']');
    stc_json_close(&json, '}');
    stc_json_open(&json, "values", '[');
    stc_json_real(&json, NULL, 0.1);
    stc_json_real(&json, NULL, NAN);
    stc_json_real(&json, NULL, -INFINITY);
    stc_json_real(&json, NULL, 1.0 / 3);
    stc_json_real(&json, NULL, 1e300);
    stc_json_bool(&json, NULL, true);
    stc_json_close(&json, ']');
    stc_json_hex64(&json, "checksum", UINT64_C(0xabc));
    stc_json_end(&json);
    fclose(file);
    assert_string_equal(text, "{\"samples\": 360, \"partition\": {\"method\": "
                              "\"metis \\\"cut\\\"\\n\\u0009\\\\\", \"empty\": []}, "
                              "\"values\": [0.1, null, null, 0.3333333333333333, 1e+300, true], "
                              "\"checksum\": \"0000000000000abc\"}\n");
    free(text);
}

static void json_strings_are_always_utf8(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    stc_json json = stc_json_begin(file);
    stc_json_string(&json, "a", "h\xc3\xa9 \xff\xc3");
    stc_json_end(&json);
    fclose(file);
    assert_string_equal(text, "{\"a\": \"h\xc3\xa9 \\ufffd\\ufffd\"}\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_keep_their_text_and_gain_a_place),
        cmocka_unit_test(long_failures_are_cut),
        cmocka_unit_test(codes_become_exit_codes),
        cmocka_unit_test(try_and_check_return_at_once),
        cmocka_unit_test(memory_is_zeroed_aligned_and_counted),
        cmocka_unit_test(reserved_memory_is_taken_as_it_is_used),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(arenas_hold_everything_until_destroyed),
        cmocka_unit_test(log_speaks_on_rank_0_up_to_its_level),
        cmocka_unit_test(log_can_be_json),
        cmocka_unit_test(short_work_shows_no_progress),
        cmocka_unit_test(the_nearest_word_is_found),
        cmocka_unit_test(clocks_tick),
        cmocka_unit_test(mixing_is_splitmix64),
        cmocka_unit_test(random_numbers_are_philox),
        cmocka_unit_test(file_hashes_are_sha256),
        cmocka_unit_test(json_keeps_commas_and_nesting),
        cmocka_unit_test(json_strings_are_always_utf8),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
