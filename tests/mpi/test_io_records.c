/* What a run recorded, written by all ranks: traces as frame reports, spikes and traces as NIRData;
 * and what diff says of traces. */
#include "io_written.h"

/* Two samples of five steps: v of all 12 neurons of "a%b", i of neurons 2, 3, 7 of "lif", and v of
 * a node that is called as that variable is. */
typedef struct {
    stc_trace list[3];
    int64_t all[12], some[3], one[1];
    double v[2 * 5 * 12], i[2 * 5 * 3], other[2 * 5];
} example_traces;

static void add_traces(example_run *run, example_traces *traces, int rank)
{
    *traces = (example_traces){.some = {2, 3, 7}};
    for (int k = 0; k < 12; k++)
        traces->all[k] = k;
    for (int k = 0; k < 120; k++)
        traces->v[k] = 0.125 * k;
    for (int k = 0; k < 30; k++)
        traces->i[k] = -k + 1e-12 * k;
    const stc_shape shape = {2, {3, 4}};
    double *v = rank ? NULL : traces->v, *i = rank ? NULL : traces->i;
    traces->list[0] = (stc_trace){"a%b", "v", "mV", shape, 12, traces->all, true, 1, 5, v};
    traces->list[1] = (stc_trace){"lif", "i", "", shape, 3, traces->some, false, 1, 5, i};
    traces->list[2] = (stc_trace){"lif.i",     "v",  "", {0, {0}}, 1,
                                  traces->one, true, 1,  5,        rank ? NULL : traces->other};
    run->result.traces = traces->list;
    run->result.ntraces = 3;
}

/* Does a dataset hold these n numbers? */
static bool holds(hid_t file, const char *name, int64_t n, const double *expected)
{
    stc_h5_data data;
    double values[256];
    if (stc_h5_data_open(file, name, &data) < 0) return false;
    bool good = data.size == n && n <= 256 &&
                stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_DOUBLE, values) == 0;
    for (int64_t i = 0; i < n && good; i++)
        good = values[i] == expected[i];
    stc_h5_close(&data.id);
    if (!good) fprintf(stderr, "%s is not as expected\n", name);
    return good;
}

static void traces_are_frame_reports(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "traces");
    example_run *run = example_result(&comm);
    example_traces traces;
    add_traces(run, &traces, comm.rank);
    assert_all(&comm, stc_result_write(&comm, &run->result, path) == 0);
    hid_t file;
    double v[120], ids[3] = {2, 3, 7}, pointers[4] = {0, 1, 2, 3}, time[3] = {0, 2.5, 0.5};
    for (int k = 0; k < 120; k++)
        v[k] = 0.125 * k;
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    assert_all(&comm, holds(file, "report/a%25b/data", 120, v));
    assert_all(&comm, holds(file, "report/lif%i/mapping/node_ids", 3, ids));
    assert_all(&comm, holds(file, "report/lif%i/mapping/index_pointers", 4, pointers));
    assert_all(&comm, holds(file, "report/lif%i/mapping/element_ids", 3, (double[3]){0}));
    assert_all(&comm, holds(file, "report/lif%i/mapping/time", 3, time));
    assert_all(&comm, holds(file, "report/lif.i/data", 10, (double[10]){0}));
    stc_h5_data data;
    assert_all(&comm, stc_h5_data_open(file, "report/lif%i/data", &data) == 0);
    assert_all(&comm, data.ndim == 3 && data.dim[0] == 2 && data.dim[1] == 5 && data.dim[2] == 3);
    stc_h5_close(&data.id);
    assert_all(&comm, number_attr(path, "spikes", "samples") == 5);
    stc_h5_close(&file);
    ready(&comm);

    /* one sample: SONATA's own axes */
    run->result.samples = 1;
    run->result.recorded = false;
    assert_all(&comm, stc_result_write(&comm, &run->result, path) == 0);
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    assert_all(&comm, stc_h5_data_open(file, "report/a%25b/data", &data) == 0);
    assert_all(&comm, data.ndim == 2 && data.dim[0] == 5 && data.dim[1] == 12);
    stc_h5_close(&data.id);
    assert_all(&comm, holds(file, "report/a%25b/data", 60, v));
    stc_h5_close(&file);
    ready(&comm);
    free(run);
}

static void nirdata_holds_spikes_and_traces(void **state)
{
    (void)state;
    enum { S = 2, N = 30 };
    stc_comm comm = world();
    const char *path = name_for(&comm, "nirdata");
    example_run *run = example_result(&comm);
    example_traces traces;
    add_traces(run, &traces, comm.rank);
    double ids[S * N], times[S * N], values[S * N], i[30];
    for (int k = 0; k < S * N; k++) {
        ids[k] = 2 * (k % 6) + k / 30;
        times[k] = (double)(k / 6 % 5) * 0.0005;
        values[k] = 1 + k % 4;
    }
    for (int k = 0; k < 30; k++)
        i[k] = -k + 1e-12 * k;
    assert_all(&comm, stc_result_write_nirdata(&comm, &run->result, path) == 0);
    hid_t file;
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    assert_all(&comm, holds(file, "nodes/a%25b/observables/spikes/idx", S * N, ids));
    assert_all(&comm, holds(file, "nodes/a%25b/observables/spikes/time", S * N, times));
    assert_all(&comm, !stc_h5_has(file, "nodes/a%25b/observables/spikes/value"));
    assert_all(&comm, holds(file, "nodes/lif/observables/spikes/value", S * N, values));
    assert_all(&comm, holds(file, "nodes/silent%2F1/observables/spikes/idx", 0, NULL));
    assert_all(&comm, holds(file, "nodes/lif/observables/i/data", 30, i));
    assert_all(&comm, holds(file, "nodes/lif/observables/i/ids", 3, (const double[3]){2, 3, 7}));
    assert_all(&comm, !stc_h5_has(file, "nodes/a%25b/observables/v/ids"));
    assert_all(&comm, holds(file, "nodes/lif.i/observables/v/data", 10, (double[10]){0}));
    stc_h5_close(&file);
    assert_all(&comm, number_attr(path, "nodes/lif/observables/spikes", "n_neurons") == 12);
    ready(&comm);
    free(run);
}

/* Samples of unequal numbers of events, the second split between the ranks. */
static void shorter_samples_are_padded(void **state)
{
    (void)state;
    stc_comm comm = world();
    const char *path = name_for(&comm, "padded");
    example_run *run = example_result(&comm);
    run->result.npopulations = 1;
    run->result.samples = 3; /* 3, 4, and none in 5 */
    stc_population *p = &run->population[0];
    int64_t n = 0;
    for (int64_t k = 0; k < p->n; k++) { /* without the second half of the events of sample 3 */
        if (p->sample[k] == 3 && p->step[k] > 1) continue;
        p->sample[n] = p->sample[k];
        p->step[n] = p->step[k];
        p->id[n++] = p->id[k];
    }
    p->n = n;
    double ids[90], times[90];
    for (int k = 0; k < 90; k++) {
        bool none = (k >= 12 && k < 30) || k >= 60;
        ids[k] = none ? -1 : 2 * (k % 6) + k / 30;
        times[k] = none ? INFINITY : (double)(k / 6 % 5) * 0.0005;
    }
    assert_all(&comm, stc_result_write_nirdata(&comm, &run->result, path) == 0);
    hid_t file;
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    assert_all(&comm, holds(file, "nodes/a%25b/observables/spikes/idx", 90, ids));
    assert_all(&comm, holds(file, "nodes/a%25b/observables/spikes/time", 90, times));
    stc_h5_close(&file);
    ready(&comm);
    free(run);
}

/* Readers take floor(time / dt): no event may fall into the step before its own. */
static void nirdata_times_lie_in_their_steps(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    stc_comm self = stc_comm_of(MPI_COMM_SELF);
    stc_comm comm = world();
    example_run *run = example_result(&self);
    stc_population *p = &run->population[0];
    char path[64];
    snprintf(path, sizeof(path), "times-%d-%d.h5", comm.rank, comm.size);
    run->result.npopulations = 1;
    run->result.samples = 1;
    run->result.steps = STEPS;
    run->result.dt_ms = 0.1;
    for (int k = 0; k < STEPS; k++) {
        p->sample[k] = 3;
        p->step[k] = k;
    }
    assert_all(&comm, stc_result_write_nirdata(&self, &run->result, path) == 0);
    hid_t file;
    stc_h5_data data;
    double times[STEPS];
    assert_all(&comm, stc_h5_open(path, &file) == 0);
    assert_all(&comm, stc_h5_data_open(file, "nodes/a%25b/observables/spikes/time", &data) == 0);
    stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_DOUBLE, times);
    stc_h5_close(&data.id);
    stc_h5_close(&file);
    bool good = true;
    for (int k = 0; k < STEPS; k++)
        good = good && floor(times[k] / (0.1 / 1000)) == k;
    assert_all(&comm, good);
    unlink(path);
    free(run);
}

static void diff_compares_traces(void **state)
{
    (void)state;
    stc_comm comm = world();
    char a[64], b[64];
    strcpy(a, name_for(&comm, "diff-traces-a"));
    strcpy(b, name_for(&comm, "diff-traces-b"));
    example_run *run = example_result(&comm);
    example_traces traces;
    int rc;
    bool same;
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    add_traces(run, &traces, comm.rank);
    assert_all(&comm, stc_result_write(&comm, &run->result, a) == 0);
    char *text = diff_text(a, b, &rc, &same); /* what was not recorded is not different */
    assert_all(&comm, rc == 0 && same && strstr(text, "traces: not recorded in diff-traces-b"));
    free(text);
    text = diff_text(a, a, &rc, &same);
    assert_all(&comm, rc == 0 && same && strstr(text, "160 of traces"));
    free(text);
    ready(&comm);

    traces.i[15 + 2 * 3 + 1] += 0.5; /* sample 4, step 2, the second id */
    traces.i[29] += 0.25;
    traces.all[11] = 14;
    run->result.ntraces = 2;
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && !same && strstr(text, "trace a%b: other neurons"));
    assert_all(&comm, strstr(text, "only in diff-traces-a") != NULL);
    free(text);
    ready(&comm);
    traces.all[11] = 11;
    run->result.ntraces = 3;
    assert_all(&comm, stc_result_write(&comm, &run->result, b) == 0);
    text = diff_text(a, b, &rc, &same);
    assert_all(&comm, rc == 0 && !same);
    assert_all(&comm,
               strstr(text, "trace lif%i: 2 of 30 values differ, by at most 0.5; the first at "
                            "sample 4, step 2, id 3: -22 in"));
    free(text);
    ready(&comm);
    free(run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_are_frame_reports),
        cmocka_unit_test(nirdata_holds_spikes_and_traces),
        cmocka_unit_test(shorter_samples_are_padded),
        cmocka_unit_test(nirdata_times_lie_in_their_steps),
        cmocka_unit_test(diff_compares_traces),
    };
    return run_mpi_tests("io_records", tests, &argc, &argv);
}
