/* Inputs of events: SONATA spike files and NIRData, put into steps, and the messages for bad ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"
#include "stc/input.h"

/* The example's input is image (2, 4, 4); its model has 4 steps. */
static stc_program *program;
enum { SIZE = 32 };

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

/* ---- files ---- */

static void put_column(hid_t at, const char *name, hid_t type, int n, const void *values)
{
    put_data(at, name, type, 1, (const hsize_t[]){(hsize_t)n}, values);
}

/* /spikes/<population> with n events; attributes and other columns can be added to the group. */
static hid_t start_spikes(const char *path, hid_t *file, const char *population, int n,
                          const double *times, const int64_t *ids)
{
    char name[64];
    *file = make_file(path);
    snprintf(name, sizeof(name), "spikes/%s/timestamps", population);
    put_column(*file, name, H5T_NATIVE_DOUBLE, n, times);
    snprintf(name, sizeof(name), "spikes/%s", population);
    hid_t group = H5Gopen2(*file, name, H5P_DEFAULT);
    put_column(group, "node_ids", H5T_NATIVE_INT64, n, ids);
    return group;
}

static void write_spikes(const char *path, const char *population, int n, const double *times,
                         const int64_t *ids)
{
    hid_t file, group = start_spikes(path, &file, population, n, times, ids);
    H5Gclose(group);
    H5Fclose(file);
}

static void put_int_attr(hid_t at, const char *name, int64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(at, name, H5T_NATIVE_INT64, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attr, H5T_NATIVE_INT64, &value);
    H5Aclose(attr);
    H5Sclose(space);
}

/* Group /nodes/<node>/observables/<name> of this type in a NIRData file. */
static hid_t start_observable(hid_t file, const char *node, const char *name, const char *type)
{
    char path[128];
    snprintf(path, sizeof(path), "nodes/%s/observables/%s", node, name);
    hid_t list = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(list, 1);
    hid_t group = H5Gcreate2(file, path, list, H5P_DEFAULT, H5P_DEFAULT);
    H5Pclose(list);
    put_text_attr(group, "__type__", type);
    snprintf(path, sizeof(path), "nodes/%s", node);
    hid_t at = H5Gopen2(file, path, H5P_DEFAULT);
    if (H5Aexists(at, "__type__") <= 0) put_text_attr(at, "__type__", "NIRNodeData");
    H5Gclose(at);
    return group;
}

static hid_t start_nirdata(const char *path)
{
    hid_t file = make_file(path);
    put_text_attr(file, "__type__", "NIRGraphData");
    return file;
}

/* EventData of two samples and three places; value NULL: not valued. */
static void put_events(hid_t file, const char *node, const char *name, const double *times,
                       const int64_t *ids, const double *values)
{
    const hsize_t dim[2] = {2, 3};
    hid_t group = start_observable(file, node, name, values ? "ValuedEventData" : "EventData");
    put_int_attr(group, "n_neurons", SIZE);
    put_real_attr(group, "t_max", 0.006);
    put_data(group, "idx", H5T_NATIVE_INT64, 2, dim, ids);
    put_data(group, "time", H5T_NATIVE_DOUBLE, 2, dim, times);
    if (values) put_data(group, "value", H5T_NATIVE_DOUBLE, 2, dim, values);
    H5Gclose(group);
}

/* ---- what is read ---- */

static stc_input *opened(const char *path, int64_t time_steps, double dt)
{
    stc_input *input = NULL;
    const stc_input_options options = {.time_steps = time_steps, .dt = dt};
    int rc = stc_input_open(path, program, &options, &input);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    return input;
}

/* Are these the only values other than 0 of a sample? each: step, id, value */
static void holds(const stc_input *input, int64_t sample, int n, const double each[][3])
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
static void refused(const char *path, int code, const char *one, const char *two)
{
    stc_input *input = NULL;
    assert_int_equal(stc_input_open(path, program, NULL, &input), code);
    assert_null(input);
    assert_true(error_says(path, one, two, NULL));
}

static void spikes_are_put_into_steps(void **state)
{
    (void)state;
    /* 0.3 / 0.1 is 2.9999999999999996; 0.29 lies in step 2; 0.2 and 0.25 are one step */
    const double times[] = {0, 0.3, 0.29, 0.7, 0.7, 0.2, 0.25, 0.1 - 1e-9};
    const int64_t ids[] = {31, 4, 4, 5, 5, 7, 7, 9};
    write_spikes("spikes.h5", "image", 8, times, ids);
    stc_input *input = opened("spikes.h5", 8, 1e-4);
    assert_int_equal(input->samples, 1);
    assert_int_equal(input->arrays[0].steps, 8);
    holds(input, 0, 6,
          (const double[][3]){{0, 31, 1}, {3, 4, 1}, {2, 4, 1}, {7, 5, 2}, {2, 7, 2}, {1, 9, 1}});
    stc_box box = {3, {0, 1, 0}, {1, 2, 3}}; /* ids 4 to 6 */
    float out[6];
    assert_int_equal(input->read(input, 0, 0, 2, 2, &box, out), 0);
    const float expected[6] = {1, 0, 0, 1, 0, 0};
    assert_memory_equal(out, expected, sizeof(out));
    assert_int_equal(input->read(input, 0, 0, 7, 2, &box, out), STC_ERR_INTERNAL);
    assert_int_equal(input->read(input, 0, 1, 0, 1, &box, out), STC_ERR_INTERNAL);
    stc_input_close(&input);
}

static void steps_come_from_the_option_then_from_the_model(void **state)
{
    (void)state;
    write_spikes("steps.h5", "image", 2, (const double[]){1, 3.5}, (const int64_t[]){1, 2});
    stc_input *input = opened("steps.h5", 0, 0); /* 4 steps of 1 ms: there is no clock */
    assert_int_equal(input->arrays[0].steps, 4);
    holds(input, 0, 2, (const double[][3]){{1, 1, 1}, {3, 2, 1}});
    stc_input_close(&input);
    input = opened("steps.h5", 3, 0); /* the second is too late */
    assert_int_equal(input->arrays[0].steps, 3);
    holds(input, 0, 1, (const double[][3]){{1, 1, 1}});
    stc_input_close(&input);
    program->dt = 5e-4;
    input = opened("steps.h5", 10, 0);
    holds(input, 0, 2, (const double[][3]){{2, 1, 1}, {7, 2, 1}});
    stc_input_close(&input);
    program->dt = 0;
    program->time_steps = 0;
    refused("steps.h5", STC_ERR_USAGE, "--time-steps", "input image");
    program->time_steps = 4;
}

static void times_that_are_far_away_are_late(void **state)
{
    (void)state;
    write_spikes("far.h5", "image", 2, (const double[]){1e300, 2}, (const int64_t[]){1, 2});
    stc_input *input = opened("far.h5", 4, 1e-3);
    holds(input, 0, 1, (const double[][3]){{2, 2, 1}});
    stc_input_close(&input);
}

static void files_without_populations_are_read(void **state)
{
    (void)state;
    hid_t file = make_file("old.h5");
    put_column(file, "spikes/gids", H5T_NATIVE_UINT32, 2, (const uint32_t[]){3, 1});
    put_column(file, "spikes/timestamps", H5T_NATIVE_FLOAT, 2, (const float[]){2, 1});
    H5Fclose(file);
    stc_input *input = opened("old.h5", 0, 0);
    holds(input, 0, 2, (const double[][3]){{2, 3, 1}, {1, 1, 1}});
    stc_input_close(&input);
    program->stages[1].is_input = true;
    refused("old.h5", STC_ERR_INPUT, "no populations", "2 inputs");
    program->stages[1].is_input = false;
}

static void units_of_time_are_ms_or_s(void **state)
{
    (void)state;
    static const char *const units[] = {"ms", "s", "milliseconds", "minutes"};
    for (int i = 0; i < 4; i++) {
        hid_t file, group = start_spikes("units.h5", &file, "x", 1, (const double[]){2},
                                         (const int64_t[]){5});
        hid_t data = H5Dopen2(group, "timestamps", H5P_DEFAULT);
        put_text_attr(data, "units", units[i]);
        H5Dclose(data);
        H5Gclose(group);
        H5Fclose(file);
        if (i == 3) {
            refused("units.h5", STC_ERR_INPUT, "timestamps", "minutes");
            continue;
        }
        stc_input *input = opened("units.h5", 4, i == 1 ? 1 : 1e-3);
        holds(input, 0, 1, (const double[][3]){{2, 5, 1}});
        stc_input_close(&input);
    }
}

static void samples_and_values_are_columns(void **state)
{
    (void)state;
    const double times[] = {1, 1, 0, 1}, values[] = {2, 0.5, 3, 4};
    const int64_t ids[] = {1, 1, 0, 1}, samples[] = {2, 0, 2, 2};
    hid_t file, group = start_spikes("samples.h5", &file, "image", 4, times, ids);
    put_column(group, "sample", H5T_NATIVE_INT64, 4, samples);
    put_column(group, "value", H5T_NATIVE_DOUBLE, 4, values);
    H5Gclose(group);
    H5Fclose(file);
    stc_input *input = opened("samples.h5", 0, 0);
    assert_int_equal(input->samples, 3);
    holds(input, 0, 1, (const double[][3]){{1, 1, 0.5}});
    holds(input, 1, 0, NULL);
    holds(input, 2, 2, (const double[][3]){{1, 1, 6}, {0, 0, 3}});
    stc_input_close(&input);

    file = H5Fopen("samples.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    group = H5Gopen2(file, "spikes", H5P_DEFAULT);
    put_int_attr(group, "samples", 5);
    H5Gclose(group);
    put_column(file, "labels", H5T_NATIVE_INT, 5, (const int[]){1, 2, 3, 4, 5});
    H5Fclose(file);
    input = opened("samples.h5", 0, 0);
    assert_int_equal(input->samples, 5);
    assert_int_equal(input->labels[4], 5);
    holds(input, 4, 0, NULL);
    stc_input_close(&input);

    file = H5Fopen("samples.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    group = H5Gopen2(file, "spikes", H5P_DEFAULT);
    H5Adelete(group, "samples");
    put_int_attr(group, "samples", 2);
    H5Gclose(group);
    H5Fclose(file);
    refused("samples.h5", STC_ERR_INPUT, "/spikes/image/sample", "0 to 1");
}

static void one_bad_event_is_named(void **state)
{
    (void)state;
    static const struct {
        double time;
        int64_t id;
        const char *one, *two;
    } cases[] = {{-0.5, 1, "/spikes/image/timestamps: entry [1] is -0.5", "at least 0"},
                 {NAN, 1, "timestamps: entry [1] is nan", ""},
                 {INFINITY, 1, "timestamps: entry [1] is inf", ""},
                 {1, 32, "/spikes/image/node_ids: entry [1] is 32", "32 elements, ids 0 to 31"},
                 {1, -1, "node_ids: entry [1] is -1", "input image"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_spikes("event.h5", "image", 2, (const double[]){0, cases[i].time},
                     (const int64_t[]){0, cases[i].id});
        refused("event.h5", STC_ERR_INPUT, cases[i].one, cases[i].two);
    }
}

static void columns_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const double times[2] = {0, 1};
    hid_t file, group;
    file = make_file("columns.h5");
    put_column(file, "spikes/image/node_ids", H5T_NATIVE_DOUBLE, 2, times);
    put_column(file, "spikes/image/timestamps", H5T_NATIVE_DOUBLE, 2, times);
    H5Fclose(file);
    refused("columns.h5", STC_ERR_INPUT, "node_ids", "expected integers");
    file = make_file("columns.h5");
    put_column(file, "spikes/image/node_ids", H5T_NATIVE_INT64, 3, NULL);
    put_column(file, "spikes/image/timestamps", H5T_NATIVE_DOUBLE, 2, times);
    H5Fclose(file);
    refused("columns.h5", STC_ERR_INPUT, "timestamps: has shape (2)", "(3)");
    file = make_file("columns.h5");
    put_data(file, "spikes/image/node_ids", H5T_NATIVE_INT64, 2, (const hsize_t[]){1, 2}, NULL);
    put_data(file, "spikes/image/timestamps", H5T_NATIVE_DOUBLE, 2, (const hsize_t[]){1, 2}, NULL);
    H5Fclose(file);
    refused("columns.h5", STC_ERR_INPUT, "2 axes", "(events)");
    group = start_spikes("columns.h5", &file, "image", 2, times, (const int64_t[]){0, 1});
    put_column(group, "value", H5T_NATIVE_DOUBLE, 2, (const double[]){1, 1e300});
    H5Gclose(group);
    H5Fclose(file);
    refused("columns.h5", STC_ERR_INPUT, "value: entry [1] is 1e+300", "finite");
    file = make_file("columns.h5");
    H5Gclose(make_group(file, "spikes"));
    H5Fclose(file);
    refused("columns.h5", STC_ERR_INPUT, "/spikes/image", "missing");
}

static void populations_are_inputs(void **state)
{
    (void)state;
    hid_t file = make_file("populations.h5");
    put_column(file, "spikes/image/node_ids", H5T_NATIVE_INT64, 0, NULL);
    put_column(file, "spikes/image/timestamps", H5T_NATIVE_DOUBLE, 0, NULL);
    put_column(file, "spikes/lif%2F1/node_ids", H5T_NATIVE_INT64, 1, (const int64_t[]){511});
    put_column(file, "spikes/lif%2F1/timestamps", H5T_NATIVE_DOUBLE, 1, (const double[]){3});
    H5Fclose(file);
    refused("populations.h5", STC_ERR_INPUT, "/spikes/lif%2F1", "it has image");
    program->stages[1].is_input = true;
    stc_input *input = opened("populations.h5", 0, 0);
    assert_int_equal(input->narrays, 2);
    holds(input, 0, 0, NULL);
    stc_box box = {3, {31, 3, 3}, {32, 4, 4}};
    float one;
    assert_int_equal(input->read(input, 1, 0, 3, 1, &box, &one), 0);
    assert_true(one == 1);
    stc_input_close(&input);
    write_spikes("populations.h5", "image", 0, NULL, NULL);
    refused("populations.h5", STC_ERR_INPUT, "/spikes/lif%2F1", "missing");
    program->stages[1].is_input = false;
}

/* ---- NIRData ---- */

static void gridded_data_may_be_flat_and_boolean(void **state)
{
    (void)state;
    enum { STEPS = 5 };
    int8_t values[2 * STEPS * SIZE] = {0};
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8), file = start_nirdata("gridded.h5");
    H5Tenum_insert(type, "FALSE", (const int8_t[]){0});
    H5Tenum_insert(type, "TRUE", (const int8_t[]){1});
    values[(STEPS + 3) * SIZE + 21] = 1; /* sample 1, step 3, (1, 1, 1) */
    hid_t group = start_observable(file, "anything", "x", "TimeGriddedData");
    put_real_attr(group, "dt", 1e-3);
    put_data(group, "data", type, 3, (const hsize_t[]){2, STEPS, SIZE}, values);
    H5Gclose(group);
    H5Fclose(file);
    H5Tclose(type);
    stc_input *input = opened("gridded.h5", 0, 0);
    assert_int_equal(input->samples, 2);
    assert_int_equal(input->arrays[0].steps, STEPS);
    assert_true(input->arrays[0].integer);
    holds(input, 0, 0, NULL);
    holds(input, 1, 1, (const double[][3]){{3, 21, 1}});
    stc_box box = {3, {1, 1, 0}, {2, 3, 2}};
    float out[8];
    const float expected[8] = {0, 0, 0, 0, 0, 1, 0, 0};
    assert_int_equal(input->read(input, 0, 1, 2, 2, &box, out), 0);
    assert_memory_equal(out, expected, sizeof(out));
    stc_input_close(&input);

    file = start_nirdata("gridded.h5");
    group = start_observable(file, "image", "x", "TimeGriddedData");
    put_real_attr(group, "dt", 1e-3);
    put_data(group, "data", H5T_NATIVE_FLOAT, 3, (const hsize_t[]){2, STEPS, 31}, NULL);
    H5Gclose(group);
    H5Fclose(file);
    refused("gridded.h5", STC_ERR_INPUT, "(2, 5, 31)", "(samples, steps, 32)");
}

static const double event_times[6] = {0.002, 0.0009999999999, INFINITY, 0.0035, 0.0035, INFINITY};
static const int64_t event_ids[6] = {3, 1, -1, 9, 9, -1};

static void event_data_are_padded(void **state)
{
    (void)state;
    hid_t file = start_nirdata("padded.h5");
    put_events(file, "image", "spikes", event_times, event_ids, NULL);
    put_events(file, "image", "v", event_times, event_ids, NULL);
    put_events(file, "hidden", "spikes", event_times, event_ids, NULL);
    H5Fclose(file);
    stc_input *input = opened("padded.h5", 0, 0);
    assert_int_equal(input->samples, 2);
    assert_int_equal(input->arrays[0].steps, 4);
    holds(input, 0, 2, (const double[][3]){{2, 3, 1}, {1, 1, 1}});
    holds(input, 1, 1, (const double[][3]){{3, 9, 2}});
    stc_input_close(&input);
    program->time_steps = 0;
    input = opened("padded.h5", 0, 0); /* t_max */
    assert_int_equal(input->arrays[0].steps, 6);
    stc_input_close(&input);
    program->time_steps = 4;
}

static void valued_events_have_values(void **state)
{
    (void)state;
    const double values[6] = {0.25, -1, 0, 2, 3, 0};
    hid_t file = start_nirdata("valued.h5");
    put_events(file, "image", "graded", event_times, event_ids, values);
    H5Fclose(file);
    stc_input *input = opened("valued.h5", 0, 0);
    holds(input, 0, 2, (const double[][3]){{2, 3, 0.25}, {1, 1, -1}});
    holds(input, 1, 1, (const double[][3]){{3, 9, 5}});
    stc_input_close(&input);
}

static void an_observable_is_chosen_by_name(void **state)
{
    (void)state;
    const double values[6] = {7, 7, 0, 7, 7, 0};
    hid_t file = start_nirdata("choice.h5");
    put_events(file, "image", "a", event_times, event_ids, values);
    put_events(file, "image", "b", event_times, event_ids, NULL);
    H5Fclose(file);
    refused("choice.h5", STC_ERR_INPUT, "no observable spikes; it has a, b", "--observable");
    stc_input *input = NULL;
    stc_input_options options = {.observable = "c"};
    assert_int_equal(stc_input_open("choice.h5", program, &options, &input), STC_ERR_USAGE);
    assert_true(error_says("no observable c; it has a, b", NULL));
    options.observable = "a";
    assert_int_equal(stc_input_open("choice.h5", program, &options, &input), 0);
    holds(input, 0, 2, (const double[][3]){{2, 3, 7}, {1, 1, 7}});
    stc_input_close(&input);
}

static void bad_nirdata_is_named(void **state)
{
    (void)state;
    double times[6];
    int64_t ids[6];
    memcpy(times, event_times, sizeof(times));
    memcpy(ids, event_ids, sizeof(ids));
    ids[4] = -1; /* with a finite time */
    hid_t file = start_nirdata("bad.h5"), group;
    put_events(file, "image", "spikes", times, ids, NULL);
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "idx: entry [1, 1] is -1", "ids 0 to 31");
    ids[4] = 0;
    times[4] = INFINITY;
    file = start_nirdata("bad.h5");
    put_events(file, "image", "spikes", times, ids, NULL);
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "time: entry [1, 1] is inf", "");

    file = start_nirdata("bad.h5");
    put_events(file, "one", "spikes", event_times, event_ids, NULL);
    put_events(file, "two", "spikes", event_times, event_ids, NULL);
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "no data of input image", "it has one, two");

    file = start_nirdata("bad.h5");
    H5Gclose(start_observable(file, "image", "x", "Waveform"));
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "Waveform", "TimeGriddedData");

    file = start_nirdata("bad.h5");
    group = start_observable(file, "image", "x", "EventData");
    put_int_attr(group, "n_neurons", 33);
    put_real_attr(group, "t_max", 1);
    H5Gclose(group);
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "n_neurons is 33", "32 elements");

    file = make_file("bad.h5");
    put_text_attr(file, "__type__", "NIRNodeData");
    H5Fclose(file);
    refused("bad.h5", STC_ERR_INPUT, "expected NIRGraphData", "");
}

/* ---- hostile files ---- */

static void claims_beyond_the_file_are_refused(void **state)
{
    (void)state;
    const hsize_t many = (hsize_t)1 << 39;
    hid_t file = make_file("claims.h5"), list = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(1, &many, NULL);
    H5Pset_chunk(list, 1, (const hsize_t[]){1 << 20});
    hid_t group = make_group(file, "spikes");
    for (int i = 0; i < 2; i++) {
        hid_t data =
            H5Dcreate2(group, i ? "timestamps" : "gids", i ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64,
                       space, H5P_DEFAULT, list, H5P_DEFAULT);
        H5Dclose(data);
    }
    H5Gclose(group);
    H5Sclose(space);
    H5Pclose(list);
    H5Fclose(file);
    refused("claims.h5", STC_ERR_INPUT, "gids", "damaged");
}

static void truncated_events_are_refused_at_any_length(void **state)
{
    (void)state;
    static const char *const wholes[2] = {"whole-spikes.h5", "whole-nirdata.h5"};
    write_spikes(wholes[0], "image", 8, (const double[8]){0, 1, 2, 3}, (const int64_t[8]){0});
    hid_t file = start_nirdata(wholes[1]);
    put_events(file, "image", "spikes", event_times, event_ids, NULL);
    H5Fclose(file);
    for (int k = 0; k < 2; k++) {
        size_t n;
        char *bytes = get_bytes(wholes[k], &n);
        for (size_t length = 0; length < n; length += 1 + n / 60) {
            put_bytes("cut.h5", bytes, length);
            refused("cut.h5", STC_ERR_INPUT, NULL, NULL);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spikes_are_put_into_steps),
        cmocka_unit_test(steps_come_from_the_option_then_from_the_model),
        cmocka_unit_test(times_that_are_far_away_are_late),
        cmocka_unit_test(files_without_populations_are_read),
        cmocka_unit_test(units_of_time_are_ms_or_s),
        cmocka_unit_test(samples_and_values_are_columns),
        cmocka_unit_test(one_bad_event_is_named),
        cmocka_unit_test(columns_that_do_not_fit_are_refused),
        cmocka_unit_test(populations_are_inputs),
        cmocka_unit_test(gridded_data_may_be_flat_and_boolean),
        cmocka_unit_test(event_data_are_padded),
        cmocka_unit_test(valued_events_have_values),
        cmocka_unit_test(an_observable_is_chosen_by_name),
        cmocka_unit_test(bad_nirdata_is_named),
        cmocka_unit_test(claims_beyond_the_file_are_refused),
        cmocka_unit_test(truncated_events_are_refused_at_any_length),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
