/* Inputs of events: SONATA spike files and NIRData, put into steps, and the messages for bad ones.
 */
#include "io_events.h"

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

static void truncated_spikes_are_refused_at_any_length(void **state)
{
    (void)state;
    write_spikes("whole-spikes.h5", "image", 8, (const double[8]){0, 1, 2, 3},
                 (const int64_t[8]){0});
    refused_when_cut("whole-spikes.h5");
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
        cmocka_unit_test(claims_beyond_the_file_are_refused),
        cmocka_unit_test(truncated_spikes_are_refused_at_any_length),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
