/* Files written by all ranks: results and programs, and what is left when writing fails. */
#include "io_same.h"
#include "io_written.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A limit on the size of files stands for a full disk: writes beyond it fail. */
static rlim_t limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
    return limit.rlim_max;
}

/* No file of an earlier run. */
static void start_without(const stc_comm *comm, const char *path)
{
    limit_files(RLIM_INFINITY);
    if (comm->rank == 0) unlink(path);
    MPI_Barrier(comm->mpi);
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static void a_result_holds_what_was_given(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "result");
    example_run *run = example_result(&comm);
    int rc = stc_result_write(&comm, &run->result, path);
    assert_all(&comm, rc == 0);
    assert_all(&comm, number_attr(path, "metrics", "correct") == 1);
    assert_all(&comm, number_attr(path, "metrics", "samples") == 2);
    assert_all(&comm, number_attr(path, "spikes/lif", "total") == 150);
    assert_all(&comm, number_attr(path, "spikes/silent%2F1", "total") == 0);
    hid_t file;
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    stc_h5_data data;
    double times[60];
    uint64_t ids[60];
    int64_t samples[60];
    assert_all(&comm, stc_h5_data_open(file, "spikes/a%25b/timestamps", &data) == 0);
    assert_all(&comm, data.size == 60);
    stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_DOUBLE, times);
    stc_h5_close(&data.id);
    assert_all(&comm, stc_h5_data_open(file, "spikes/a%25b/node_ids", &data) == 0);
    stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_UINT64, ids);
    stc_h5_close(&data.id);
    assert_all(&comm, stc_h5_data_open(file, "spikes/a%25b/sample", &data) == 0);
    stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_INT64, samples);
    stc_h5_close(&data.id);
    bool good = true;
    for (int i = 0; i < 60; i++) {
        good = good && times[i] == 0.5 * (double)(i / 6 % 5) && samples[i] == 3 + i / 30 &&
               ids[i] == (uint64_t)(2 * (i % 6) + i / 30);
    }
    assert_all(&comm, good);
    assert_all(&comm,
               !stc_h5_has(file, "spikes/a%25b/value") && stc_h5_has(file, "spikes/lif/value"));
    assert_all(&comm, stc_h5_data_open(file, "spikes/silent%2F1/node_ids", &data) == 0);
    assert_all(&comm, data.ndim == 1 && data.size == 0);
    stc_h5_close(&data.id);
    float values[30];
    assert_all(&comm, stc_h5_data_open(file, "outputs/x", &data) == 0);
    assert_all(&comm, data.ndim == 3 && data.dim[0] == 2 && data.dim[1] == 5 && data.dim[2] == 3);
    stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_FLOAT, values);
    assert_all(&comm, values[29] == 0.1f * 29.0f);
    stc_h5_close(&data.id);
    stc_h5_close(&file);
    stc_file_kind kind;
    assert_all(&comm, stc_file_recognise(path, &kind) == 0 && kind == STC_FILE_RESULT);
    assert_all(&comm, !exists(strcat(strcpy((char[80]){0}, path), ".tmp")));
    ready(&comm);
    free(run);
}

static void diff_finds_the_first_difference(void **state)
{
    (void)state;
    stc_comm comm = world();
    char a[64], b[64];
    strcpy(a, name_for(&comm, "diff-a"));
    strcpy(b, name_for(&comm, "diff-b"));
    example_run *run = example_result(&comm);
    assert_all(&comm, stc_result_write(&comm, &run->result, a) == 0);
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    int rc;
    bool same;
    char *text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && same && strstr(text, "120 spikes of 3 nodes, 38 values"));
    free(text);
    ready(&comm);

    /* the last rank has one id changed, rank 0 one output */
    if (comm.rank == comm.size - 1) run->id[run->population[0].n - 1]++;
    run->means[5] = 77;
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && !same);
    assert_all(&comm, strstr(text, "first difference: sample 4, step 4, node a%b, id 11: 1 in"));
    assert_all(&comm, strstr(text, "output logits: 1 of 8 values differ"));
    free(text);
    ready(&comm);

    run->result.recorded = false;
    run->result.noutputs = 1;
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && !same && strstr(text, "not recorded"));
    assert_all(&comm, strstr(text, "output x: only in") != NULL);
    free(text);
    ready(&comm);
    free(run);
}

static bool same_rows(const stc_program *a, const stc_program *b)
{
    float wa[64], wb[64], ba[32], bb[32];
    int8_t ea[32], eb[32];
    for (int64_t first = 0; first < 32; first += 8) {
        if (a->read_rows(a, 0, first, 8, wa, ea, ba) < 0) return false;
        if (b->read_rows(b, 0, first, 8, wb, eb, bb) < 0) return false;
        if (memcmp(wa, wb, 16 * sizeof(float)) || memcmp(ea, eb, 8) ||
            memcmp(ba, bb, 8 * sizeof(float))) {
            return false;
        }
    }
    return true;
}

static void a_program_survives_its_file(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "program");
    stc_program *program = example_program(), *copy = NULL;
    assert_all(&comm, program && stc_program_verify(program) == 0);
    assert_all(&comm, stc_program_write(&comm, program, path) == 0);
    int rc = stc_program_read(path, &copy);
    if (rc < 0) fprintf(stderr, "%s\n", stc_error_text());
    assert_all(&comm, rc == 0);
    assert_all(&comm, same_program(program, copy));
    assert_all(&comm, same_rows(program, copy));
    assert_all(&comm, copy->blobs[0].row_limit == 32 * 8);
    assert_all(&comm, copy->blobs[0].npad == 2 && copy->blobs[0].pad_values[1] == -1.5f);
    ready(&comm);
    stc_program_destroy(&program);
    stc_program_destroy(&copy);
}

static void the_file_does_not_depend_on_the_number_of_ranks(void **state)
{
    (void)state;
    stc_comm comm = world(), self = stc_comm_of(MPI_COMM_SELF);
    char a[64], b[64];
    snprintf(a, sizeof(a), "self-%d-%d.h5", comm.rank, comm.size);
    strcpy(b, name_for(&comm, "all"));
    example_run *all = example_result(&comm), *one = example_result(&self);
    assert_all(&comm, stc_result_write(&self, &one->result, a) == 0);
    assert_all(&comm, stc_result_write(&comm, &all->result, b) == 0);
    int rc;
    bool same;
    char *text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && same);
    free(text);
    free(all);
    free(one);
    unlink(a);
}

/* ---- failures ---- */

static int failing_rows(const stc_program *program, int32_t blob, int64_t first, int64_t count,
                        float *weight, int8_t *exponent, float *bias)
{
    example_rows(program, blob, first, count, weight, exponent, bias);
    return stc_fail(STC_ERR_INPUT, "model.h5:/graph/nodes/conv/weight[%lld]: is nan",
                    (long long)first);
}

/* After a failure: the same code on all ranks, the old file untouched, no path.tmp. */
static void assert_untouched(const stc_comm *comm, const char *path, int rc, int expected,
                             const char *old)
{
    char tmp[80];
    size_t n = 0;
    snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    assert_all(comm, rc == expected);
    assert_all(comm, error_says(path, NULL) || expected != STC_ERR_IO);
    ready(comm);
    assert_all(comm, !exists(tmp));
    if (old) {
        char *bytes = get_bytes(path, &n);
        assert_all(comm, n == strlen(old) && memcmp(bytes, old, n) == 0);
        free(bytes);
    } else {
        assert_all(comm, !exists(path));
    }
    ready(comm);
}

static void weights_that_cannot_be_read_leave_the_old_file(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "failing");
    stc_program *program = example_program();
    if (comm.rank == 0) put_bytes(path, "old", 3);
    ready(&comm);
    /* the rank that holds chip 1 fails */
    program->read_rows = comm.rank == comm.size - 1 ? failing_rows : example_rows;
    int rc = stc_program_write(&comm, program, path);
    assert_untouched(&comm, path, rc, STC_ERR_INPUT, "old");
    assert_all(&comm, error_says("weights of conv", "is nan", NULL));
    stc_program_destroy(&program);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    stc_comm comm = world();
    example_run *run = example_result(&comm);
    int rc = stc_result_write(&comm, &run->result, "nowhere/result.h5");
    assert_untouched(&comm, "nowhere/result.h5", rc, STC_ERR_IO, NULL);
    assert_all(&comm, error_says("nowhere", "No such file", NULL));
    free(run);
}

static void too_little_room_is_seen_before_anything_is_written(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "limited");
    example_run *run = example_result(&comm);
    stc_program *program = example_program();
    start_without(&comm, path);
    for (int last = 0; last < 2; last++) {
        /* the limit holds on all ranks, then only on the last */
        rlim_t none =
            last && comm.rank < comm.size - 1 ? limit_files(RLIM_INFINITY) : limit_files(20000);
        int rc = stc_result_write(&comm, &run->result, path);
        assert_untouched(&comm, path, rc, STC_ERR_IO, NULL);
        assert_all(&comm, error_says("ulimit", NULL));
        rc = stc_program_write(&comm, program, path);
        assert_untouched(&comm, path, rc, STC_ERR_IO, NULL);
        limit_files(none);
    }
    assert_all(&comm, stc_result_write(&comm, &run->result, path) == 0);
    stc_program_destroy(&program);
    free(run);
}

/* Space that vanishes while data are written: the library's own steps, with the limit set after the
 * groups exist. bad: on which ranks. */
static void fail_late(const stc_comm *comm, const char *path, bool bad, bool old)
{
    enum { N = 5000 };
    static double values[N];
    stc_h5_file file;
    stc_h5_data data;
    int64_t total = (int64_t)N * comm->size, start = (int64_t)N * comm->rank, count = N;
    assert_all(comm, stc_h5_create(comm, path, stc_h5_overhead(9) + 8 * total, &file) == 0);
    int rc = stc_h5_data_create(file.id, "data", H5T_NATIVE_DOUBLE, 1, &total, &data);
    rc = stc_h5_created(&file, rc);
    assert_all(comm, rc == 0);
    rlim_t none = limit_files(bad ? 1000 : RLIM_INFINITY);
    rc = stc_h5_data_write(&data, &start, &count, H5T_NATIVE_DOUBLE, values);
    assert_all(comm, bad == (rc == STC_ERR_IO));
    stc_h5_close(&data.id);
    rc = stc_h5_finish(&file, rc);
    assert_untouched(comm, path, rc, STC_ERR_IO, old ? "old" : NULL);
    limit_files(none);
}

static void a_failed_write_of_any_rank_fails_on_all(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "late");
    start_without(&comm, path);
    for (int rank = -1; rank < comm.size; rank++) { /* -1: all of them */
        fail_late(&comm, path, rank < 0 || rank == comm.rank, false);
    }
    if (comm.rank == 0) put_bytes(path, "old", 3);
    ready(&comm);
    fail_late(&comm, path, comm.rank == 0, true);
    if (comm.rank == 0) unlink(path);
}

/* A small file system that only this process sees; false when that is not allowed. */
static bool small_disk(const char *folder)
{
    mkdir(folder, 0777);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder, "tmpfs", 0, "size=64k") == 0;
}

static void a_full_disk_is_refused(void **state)
{
    (void)state;
    stc_comm comm = world(), self = stc_comm_of(MPI_COMM_SELF);
    char folder[64], path[128];
    snprintf(folder, sizeof(folder), "full-%d-%d", comm.size, comm.rank);
    snprintf(path, sizeof(path), "%s/result.h5", folder);
    example_run *run = example_result(&self);
    if (small_disk(folder)) { /* elsewhere the limits on file sizes have shown the same */
        put_bytes(path, "old", 3);
        int rc = stc_result_write(&self, &run->result, path);
        assert_untouched(&self, path, rc, STC_ERR_IO, "old");
        assert_all(&self, error_says("MB left", NULL));
    }
    assert_all(&comm, true);
    free(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_holds_what_was_given),
        cmocka_unit_test(diff_finds_the_first_difference),
        cmocka_unit_test(a_program_survives_its_file),
        cmocka_unit_test(the_file_does_not_depend_on_the_number_of_ranks),
        cmocka_unit_test(weights_that_cannot_be_read_leave_the_old_file),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test(too_little_room_is_seen_before_anything_is_written),
        cmocka_unit_test(a_failed_write_of_any_rank_fails_on_all),
        cmocka_unit_test(a_full_disk_is_refused),
    };
    return run_mpi_tests("io", tests, &argc, &argv);
}
