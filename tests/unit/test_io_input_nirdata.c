/* Inputs that are NIRData: gridded, events, events with values; and the messages for bad ones. */
#include "io_events.h"

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

static void truncated_nirdata_is_refused_at_any_length(void **state)
{
    (void)state;
    hid_t file = start_nirdata("whole-nirdata.h5");
    put_events(file, "image", "spikes", event_times, event_ids, NULL);
    H5Fclose(file);
    refused_when_cut("whole-nirdata.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gridded_data_may_be_flat_and_boolean),
        cmocka_unit_test(event_data_are_padded),
        cmocka_unit_test(valued_events_have_values),
        cmocka_unit_test(an_observable_is_chosen_by_name),
        cmocka_unit_test(bad_nirdata_is_named),
        cmocka_unit_test(truncated_nirdata_is_refused_at_any_length),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
