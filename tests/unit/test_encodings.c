/* Codes: what encoders, decoders and windows over time give, step by step. That the simulator gives
 * the same is tested for every op by mpi/simulation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "stc/builder.h"
#include "stc/code.h"
#include "stc/op.h"

enum { MAX_STEPS = 64, MAX_WIDTH = 4096 };

/* Values of width elements at every step, and what came out of node "code". */
typedef struct {
    int64_t width;
    const float *values; /* [steps][width]; [width] when steady */
    bool steady;
    float *out; /* [steps][width]; row 0 of a decoder */
    stc_timing timing;
} run;

static const float *give(void *context, const stc_node *node, int64_t step)
{
    (void)node;
    const run *r = context;
    return r->values + (r->steady ? 0 : step * r->width);
}

static void take(void *context, const stc_node *node, int64_t step, const float *values)
{
    run *r = context;
    if (strcmp(node->name, "code") != 0) return;
    r->timing = node->timing;
    int64_t row = node->timing == STC_TIME_SAMPLE ? 0 : step;
    memcpy(r->out + row * r->width, values, (size_t)r->width * sizeof *values);
}

static stc_graph *graph_of(int64_t width, const char *op, const char *attributes)
{
    char shape[48];
    stc_builder *b;
    stc_graph *graph;
    snprintf(shape, sizeof shape, "shape=%lld", (long long)width);
    assert_int_equal(stc_builder_create("net", &b), 0);
    int x = stc_build(b, "input", "x", NULL, 0, shape);
    int y = stc_build(b, op, "code", &x, 1, attributes);
    stc_build(b, "output", "out", &y, 1, "");
    if (stc_builder_finish(&b, &graph) < 0) fail_msg("%s", stc_error_text());
    return graph;
}

static void evaluate(run *r, const char *op, const char *attributes, int64_t steps, uint64_t seed,
                     int64_t sample)
{
    stc_graph *graph = graph_of(r->width, op, attributes);
    stc_eval_callbacks callbacks = {r, give, take, seed, sample};
    assert_int_equal(stc_graph_eval(graph, steps, &callbacks), 0);
    stc_graph_destroy(&graph);
}

/* One element: steps values go in, what comes out must be `expected`. */
static void check(const char *op, const char *attributes, int64_t steps, const float *in,
                  const float *expected)
{
    float out[MAX_STEPS] = {0};
    run r = {.width = 1, .values = in, .out = out};
    evaluate(&r, op, attributes, steps, 0, 0);
    for (int64_t t = 0; t < (r.timing == STC_TIME_SAMPLE ? 1 : steps); t++) {
        if (out[t] == expected[t]) continue;
        fail_msg("%s %s: %g at step %d, expected %g", op, attributes, (double)out[t], (int)t,
                 (double)expected[t]);
    }
}

/* The step in which a steady value fires, -1: never. Fails when it fires twice. */
static int fires_at(float value, const char *attributes, int64_t steps)
{
    float out[MAX_STEPS];
    run r = {.width = 1, .values = &value, .steady = true, .out = out};
    evaluate(&r, "latency_encoding", attributes, steps, 0, 0);
    int step = -1;
    for (int64_t t = 0; t < steps; t++) {
        if (out[t] == 0.0f) continue;
        assert_true(out[t] == 1.0f && step == -1);
        step = (int)t;
    }
    return step;
}

/* Mean of the values that a random encoder gives for a steady value. */
static double mean_of(const char *op, const char *attributes, float value)
{
    static float in[MAX_WIDTH], out[MAX_STEPS * MAX_WIDTH];
    for (int i = 0; i < MAX_WIDTH; i++)
        in[i] = value;
    run r = {.width = MAX_WIDTH, .values = in, .steady = true, .out = out};
    evaluate(&r, op, attributes, MAX_STEPS, 3, 0);
    double sum = 0.0;
    for (int i = 0; i < MAX_STEPS * MAX_WIDTH; i++)
        sum += (double)out[i];
    return sum / (MAX_STEPS * MAX_WIDTH);
}

/* 2^18 draws: five standard deviations. */
static void check_mean(const char *op, const char *attributes, float value, double expected,
                       double variance)
{
    double mean = mean_of(op, attributes, value), tolerance = 5.0 * sqrt(variance) / 512.0;
    if (fabs(mean - expected) <= tolerance) return;
    fail_msg("%s %s: mean %g of value %g, expected %g +- %g", op, attributes, mean, (double)value,
             expected, tolerance);
}

static void a_rate_code_fires_with_the_probability_of_the_value(void **state)
{
    (void)state;
    for (float p = 0.1f; p < 1.0f; p += 0.2f) {
        check_mean("rate_encoding", "", p, (double)p, (double)(p * (1.0f - p)));
        check_mean("rate_encoding", "gain=0.5", p, (double)p / 2, 0.25);
    }
    check_mean("rate_encoding", "", 0.0f, 0.0, 0.0);
    check_mean("rate_encoding", "", 1.0f, 1.0, 0.0);
    check_mean("rate_encoding", "", -2.0f, 0.0, 0.0);
    check_mean("rate_encoding", "", 7.0f, 1.0, 0.0);
    check_mean("rate_encoding", "", NAN, 0.0, 0.0);
}

static void a_poisson_code_counts_around_gain_times_value(void **state)
{
    (void)state;
    static const float values[] = {0.05f, 0.5f, 1.0f, 3.5f, 20.0f};
    for (int i = 0; i < 5; i++)
        check_mean("poisson_encoding", "", values[i], (double)values[i], (double)values[i]);
    check_mean("poisson_encoding", "gain=8", 0.25f, 2.0, 2.0);
    check_mean("poisson_encoding", "", 0.0f, 0.0, 0.0);
    check_mean("poisson_encoding", "", -1.0f, 0.0, 0.0);
    check_mean("poisson_encoding", "", 1e9f, 100.0, 100.0);
    check_mean("poisson_encoding", "", NAN, 0.0, 0.0);
}

static void random_codes_depend_on_seed_node_sample_step_and_element_alone(void **state)
{
    (void)state;
    enum { N = 600, STEPS = 4 };
    static float in[N], a[N * STEPS], b[N * STEPS];
    for (int i = 0; i < N; i++)
        in[i] = 0.5f;
    run first = {.width = N, .values = in, .steady = true, .out = a};
    run second = {.width = N, .values = in, .steady = true, .out = b};
    evaluate(&first, "rate_encoding", "", STEPS, 1, 2);
    evaluate(&second, "rate_encoding", "", STEPS, 1, 2);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, a + N, N * sizeof *a);
    assert_memory_not_equal(a, a + N / 2, N / 2 * sizeof *a);
    second.width = N / 2; /* fewer elements draw the same */
    evaluate(&second, "rate_encoding", "", STEPS, 1, 2);
    for (int t = 0; t < STEPS; t++)
        assert_memory_equal(a + t * N, b + t * N / 2, N / 2 * sizeof *a);
    second.width = N;
    evaluate(&second, "rate_encoding", "", STEPS, 1, 3);
    assert_memory_not_equal(a, b, sizeof a);
    evaluate(&second, "rate_encoding", "", STEPS, 4, 2);
    assert_memory_not_equal(a, b, sizeof a);
}

static void larger_values_fire_earlier(void **state)
{
    (void)state;
    static const char *const rules[] = {"", "steps=20", "tau=5", "tau=3 threshold=0.2"};
    for (int rule = 0; rule < 4; rule++) {
        int before = 0;
        for (float x = 1.0f; x >= 0.0f; x -= 1.0f / 32) {
            int step = fires_at(x, rules[rule], 32);
            assert_true(step == -1 || step >= before);
            before = step == -1 ? 32 : step;
        }
        assert_true(before > 5);
    }
}

static void latencies_are_those_of_the_rule(void **state)
{
    (void)state;
    assert_int_equal(fires_at(1.0f, "", 11), 0);
    assert_int_equal(fires_at(0.7f, "", 11), 3);
    assert_int_equal(fires_at(0.0f, "", 11), 10);
    assert_int_equal(fires_at(0.5f, "steps=5", 11), 2);
    assert_int_equal(fires_at(0.0f, "steps=20", 11), -1);
    assert_int_equal(fires_at(5.0f, "", 11), 0);
    assert_int_equal(fires_at(-5.0f, "least=-9", 11), 10);
    assert_int_equal(fires_at(-5.0f, "", 11), -1);
    assert_int_equal(fires_at(0.3f, "least=0.4", 11), -1);
    assert_int_equal(fires_at(NAN, "", 11), -1);
    assert_int_equal(fires_at(0.5f, "", 1), 0);  /* 0.5 * 0 */
    for (float x = 0.05f; x < 1.0f; x += 0.1f) { /* tau ln(x / (x - threshold)) */
        double when = 10.0 * log((double)x / ((double)x - 0.04));
        assert_int_equal(fires_at(x, "tau=10 threshold=0.04", 50), (int)nearbyint(when));
    }
    assert_int_equal(fires_at(0.04f, "tau=10 threshold=0.04", 60), -1);
    assert_int_equal(fires_at(0.05f, "tau=10 threshold=0.04 steps=10", 60), -1);
    assert_int_equal(fires_at(0.25f, "tau=1 threshold=0.25", 60), -1);
    assert_int_equal(fires_at(nextafterf(0.25f, 1), "tau=1 threshold=0.25", 60), 16);
}

static void a_latency_is_that_of_the_first_value(void **state)
{
    (void)state;
    check("latency_encoding", "", 5, (float[]){0.5f, 1, 1, 0, 0}, (float[]){0, 0, 1, 0, 0});
}

static void a_phase_code_carries_the_bits_of_the_value_in_every_period(void **state)
{
    (void)state;
    /* 0.6875 = 0.1011, then 0.25 = 0.0100 */
    check("phase_encoding", "bits=4", 8, (float[]){0.6875f, 9, 9, 9, 0.25f, 9, 9, 9},
          (float[]){1, 0, 1, 1, 0, 1, 0, 0});
    check("phase_encoding", "bits=3", 3, (float[]){2, 0, 0}, (float[]){1, 1, 1});
    check("phase_encoding", "bits=3", 3, (float[]){-2, 0, 0}, (float[]){0, 0, 0});
    check("phase_encoding", "bits=2", 2, (float[]){0.4f, 0}, (float[]){1, 0});
    check("phase_encoding", "bits=4 rounding=down", 4, (float[]){0.686f, 0, 0, 0},
          (float[]){1, 0, 1, 0});
    check("phase_encoding", "bits=3 rounding=down", 3, (float[]){1, 0, 0}, (float[]){1, 1, 1});
    check("phase_encoding", "bits=1", 3, (float[]){0.2f, 0.6f, NAN}, (float[]){0, 1, 0});
}

static void a_phase_decoder_weights_spikes_and_averages_periods(void **state)
{
    (void)state;
    check("phase_decoding", "bits=4", 4, (float[]){1, 0, 1, 1}, (float[]){0.6875f});
    check("phase_decoding", "bits=2", 4, (float[]){1, 0, 1, 1}, (float[]){0.625f});
    check("phase_decoding", "bits=2", 5, (float[]){1, 0, 1, 1, 1}, (float[]){0.625f});
    check("phase_decoding", "bits=8", 3, (float[]){1, 0, 1}, (float[]){0.625f});
}

static void a_delta_code_fires_when_the_value_has_moved(void **state)
{
    (void)state;
    static const float in[] = {0, 0.25f, 0.5f, 0.5f, 2, 2, 2, 0.5f, 0.5f, 0.5f, 0.5f};
    check("delta_encoding", "threshold=0.5", 11, in, (float[]){0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0});
    check("delta_encoding", "threshold=0.5 channel=off", 11, in,
          (float[]){0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0});
    check("delta_encoding", "threshold=0.5 channel=signed", 11, in,
          (float[]){0, 0, 1, 0, 1, 1, 1, -1, -1, -1, 0});
    check("delta_encoding", "threshold=0.5 start=0.5 channel=signed", 4, in,
          (float[]){-1, 0, 1, 0});
    check("delta_encoding", "threshold=0.5 since=previous channel=signed", 11, in,
          (float[]){0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0});
    check("delta_encoding", "threshold=0.5 since=previous start=-1", 3, in, (float[]){1, 0, 0});
    check("delta_encoding", "threshold=0.5", 3, (float[]){NAN, 1, 1}, (float[]){0, 1, 1});
}

static void decoders_give_one_value_per_sample(void **state)
{
    (void)state;
    check("count_decoding", "", 5, (float[]){1, 0, 2, 0, 1}, (float[]){4});
    check("first_spike_decoding", "", 5, (float[]){0, 0, 2, 0, 1}, (float[]){2});
    check("first_spike_decoding", "", 2, (float[]){1, 1}, (float[]){0});
    check("first_spike_decoding", "", 5, (float[]){0, 0, 0, 0, 1}, (float[]){4});
    check("first_spike_decoding", "", 5, (float[]){0, 0, 0, 0, 0}, (float[]){5});
    check("time_mean", "", 5, (float[]){1, 0, 1, 0, 1}, (float[]){0.6f});
}

static void windows_over_time_give_a_value_at_their_end(void **state)
{
    (void)state;
    static const float in[] = {1, 0, 3, -1, 4, 1, 5, 2};
    check("temporal_pool", "window=3", 8, in, (float[]){0, 0, 4, 0, 0, 4, 0, 0});
    check("temporal_pool", "window=3 method=max", 8, in, (float[]){0, 0, 3, 0, 0, 4, 0, 0});
    check("temporal_pool", "window=4 method=mean", 8, in, (float[]){0, 0, 0, 0.75f, 0, 0, 0, 3});
    check("temporal_pool", "window=1", 8, in, in);
    check("temporal_pool", "window=9", 8, in, (float[]){0, 0, 0, 0, 0, 0, 0, 0});
}

static void sliding_windows_give_a_value_at_every_step(void **state)
{
    (void)state;
    static const float in[] = {1, 0, 3, -1, 4, 1, 5, 2};
    check("temporal_pool", "window=3 sliding=1", 8, in, (float[]){1, 1, 4, 2, 6, 4, 10, 8});
    check("temporal_pool", "window=3 sliding=1 method=max", 8, in,
          (float[]){1, 1, 3, 3, 4, 4, 5, 5});
    check("temporal_pool", "window=2 sliding=1 method=mean", 8, in,
          (float[]){0.5f, 0.5f, 1.5f, 1, 1.5f, 2.5f, 3, 3.5f});
    check("temporal_pool", "window=2 sliding=1 method=max", 2, (float[]){-3, -5},
          (float[]){-3, -3});
}

static void kinds_of_windows_are_as_narrow_as_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *kind;
    } cases[] = {{"window=4", "integer 0..12"},
                 {"window=4 method=max", "integer 0..3"},
                 {"window=4 method=mean", "0.25 * integer 0..12"},
                 {"window=3 method=mean", "real"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[96];
        stc_kind kind;
        stc_builder *b;
        stc_graph *graph;
        assert_int_equal(stc_builder_create("net", &b), 0);
        int x = stc_build(b, "input", "x", NULL, 0, "shape=2 kind=counts max=3");
        stc_build(b, "temporal_pool", "code", &x, 1, cases[i].attributes);
        assert_int_equal(stc_builder_finish(&b, &graph), 0);
        kind = graph->nodes[stc_graph_find(graph, "code")]->kind;
        assert_string_equal(stc_kind_text(kind, text, sizeof text), cases[i].kind);
        stc_graph_destroy(&graph);
    }
}

static void impossible_codes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *op, *attributes, *message;
    } cases[] = {{"phase_encoding", "bits=25", "bits is 25, expected at most 24"},
                 {"phase_decoding", "bits=0", "bits is 0"},
                 {"rate_encoding", "gain=0", "gain is 0"},
                 {"delta_encoding", "threshold=-1", "threshold is -1"},
                 {"temporal_pool", "", "window is missing"},
                 {"temporal_pool", "window=5000", "window is 5000 steps, expected at most 4096"},
                 {"latency_encoding", "tau=-1", "tau is -1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stc_builder *b;
        stc_graph *graph;
        assert_int_equal(stc_builder_create("net", &b), 0);
        int x = stc_build(b, "input", "x", NULL, 0, "shape=2");
        stc_build(b, cases[i].op, "code", &x, 1, cases[i].attributes);
        assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
        if (!strstr(stc_error_text(), cases[i].message)) fail_msg("%s", stc_error_text());
    }
}

static void codes_need_values_per_step(void **state)
{
    (void)state;
    stc_builder *b;
    stc_graph *graph;
    assert_int_equal(stc_builder_create("net", &b), 0);
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2");
    int y = stc_build(b, "count_decoding", "counts", &x, 1, "");
    stc_build(b, "rate_encoding", "again", &y, 1, "");
    assert_int_equal(stc_builder_finish(&b, &graph), STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), "operand 'counts' has one value per sample"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_code_fires_with_the_probability_of_the_value),
        cmocka_unit_test(a_poisson_code_counts_around_gain_times_value),
        cmocka_unit_test(random_codes_depend_on_seed_node_sample_step_and_element_alone),
        cmocka_unit_test(larger_values_fire_earlier),
        cmocka_unit_test(latencies_are_those_of_the_rule),
        cmocka_unit_test(a_latency_is_that_of_the_first_value),
        cmocka_unit_test(a_phase_code_carries_the_bits_of_the_value_in_every_period),
        cmocka_unit_test(a_phase_decoder_weights_spikes_and_averages_periods),
        cmocka_unit_test(a_delta_code_fires_when_the_value_has_moved),
        cmocka_unit_test(decoders_give_one_value_per_sample),
        cmocka_unit_test(windows_over_time_give_a_value_at_their_end),
        cmocka_unit_test(sliding_windows_give_a_value_at_every_step),
        cmocka_unit_test(kinds_of_windows_are_as_narrow_as_can_be),
        cmocka_unit_test(impossible_codes_are_refused),
        cmocka_unit_test(codes_need_values_per_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
