/* The discrete LIF of every instruction set against a plain float32 loop, bit by bit. */
#include "stc/base.h"
#include "stc/error.h"
#include "stc/neuron.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In the order of the parameter table, which a test checks. */
enum {
    TAU,
    V_THRESHOLD,
    V_RESET,
    SOFT_RESET,
    DECAY_INPUT,
    V0,
    COMPARE,
    MAX_COUNT,
    ROUNDING,
    OUTPUT_SCALE,
    NPARAMS
};
static const char *const param_names[NPARAMS] = {
    "tau", "v_threshold", "v_reset",   "soft_reset", "decay_input",
    "v0",  "compare",     "max_count", "rounding",   "output_scale"};
static const double defaults[NPARAMS] = {2, 1, 0, 0, 1, 0, 0, 1, 0, 1};

enum { N = 1500, STEPS = 6 };

static bool runs_here(const char *isa)
{
    if (strcmp(isa, "avx512") == 0) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    return strcmp(isa, "avx2") != 0 || __builtin_cpu_supports("avx2");
}

static const stc_neuron_model *lif(const char *isa)
{
    int n;
    const stc_neuron_model *const *models = stc_neuron_models(isa, &n);
    assert_true(n >= 1);
    assert_string_equal(models[0]->name, "discrete_lif");
    return models[0];
}

static void step(const stc_neuron_model *model, int64_t n, const double *p, float *const *state,
                 const float *x, uint8_t *out)
{
    model->step(n, &(stc_neuron_step){.params = p, .state = state, .x = x, .out = out});
}

static float reference_charge(const double *p, float v, float x)
{
    const float tau = (float)p[TAU], reset = (float)p[V_RESET];
    const bool at_rest_0 = p[SOFT_RESET] != 0 || reset == 0;
    volatile float t; /* every operation rounded by itself */
    if (p[DECAY_INPUT] != 0 && tau == 1) return at_rest_0 ? x : x + reset;
    if (p[DECAY_INPUT] != 0) {
        if (at_rest_0) {
            t = x - v;
        } else {
            t = v - reset;
            t = x - t;
        }
        t = t / tau;
        return v + t;
    }
    if (at_rest_0) {
        t = v * (float)(1.0 - 1.0 / p[TAU]);
        return t + x;
    }
    t = v - reset;
    t = t / tau;
    t = v - t;
    return t + x;
}

static int reference_fire(const double *p, float h)
{
    const float threshold = (float)p[V_THRESHOLD], most = (float)p[MAX_COUNT];
    if (most == 1) return p[COMPARE] != 0 ? h > threshold : h >= threshold;
    const float r = fminf(fmaxf(h / threshold, 0.0f), most);
    if (p[ROUNDING] != 0) return (int)floorf(r + 0.5f);
    return (int)rintf(r);
}

static float reference_reset(const double *p, float h, int count)
{
    volatile float t = (float)count * (float)p[V_THRESHOLD];
    if (p[SOFT_RESET] != 0) return h - t;
    return count > 0 ? (float)p[V_RESET] : h;
}

/* Inputs of 1/64 steps, so that thresholds are hit exactly, and some with all bits. */
static float draw_input(uint64_t i)
{
    const uint64_t bits = stc_mix64(i + 17);
    const float fine = (float)(bits >> 40) * 0x1p-24f;
    const float coarse = (float)((bits >> 20) & 255) / 64.0f - 1.0f;
    return bits & 1 ? coarse : 4.0f * fine - 1.0f;
}

static void check(const double *p)
{
    static float x[N], v[N], expected_v[N];
    static uint8_t out[N], expected[N];
    static const char *const isas[] = {"scalar", "avx2", "avx512"};
    for (size_t a = 0; a < sizeof isas / sizeof *isas; a++) {
        const stc_neuron_model *model = lif(isas[a]);
        if (!runs_here(isas[a])) continue;
        float start[STC_MAX_NEURON_STATES], *state[STC_MAX_NEURON_STATES] = {v};
        model->start(p, start);
        assert_true(start[0] == (float)p[V0]);
        for (int i = 0; i < N; i++)
            v[i] = expected_v[i] = start[0];
        for (int t = 0; t < STEPS; t++) {
            for (int i = 0; i < N; i++) {
                x[i] = draw_input((uint64_t)(t * N + i));
                const float h = reference_charge(p, expected_v[i], x[i]);
                expected[i] = (uint8_t)reference_fire(p, h);
                expected_v[i] = reference_reset(p, h, expected[i]);
            }
            step(model, N, p, state, x, out);
            assert_memory_equal(out, expected, sizeof out);
            assert_memory_equal(v, expected_v, sizeof v);
        }
    }
}

static void lif_equals_a_plain_loop_for_all_parameters(void **state)
{
    (void)state;
    static const double taus[] = {1, 2, 4, 1.7, 10.0 / 3.0}, resets[] = {0, 0.125, -0.3};
    static const double thresholds[] = {1, 0.5, 0.7}, counts[] = {1, 4, 255};
    for (int i = 0; i < 5 * 3 * 3 * 3; i++) {
        for (int flags = 0; flags < 16; flags++) {
            double p[NPARAMS];
            memcpy(p, defaults, sizeof p);
            p[TAU] = taus[i % 5];
            p[V_RESET] = resets[i / 5 % 3];
            p[V_THRESHOLD] = thresholds[i / 15 % 3];
            p[MAX_COUNT] = counts[i / 45];
            p[V0] = 0.25 * (i % 2);
            p[SOFT_RESET] = flags & 1;
            p[DECAY_INPUT] = flags >> 1 & 1;
            p[COMPARE] = flags >> 2 & 1;
            p[ROUNDING] = flags >> 3 & 1;
            check(p);
        }
    }
}

static void a_potential_exactly_at_the_threshold_fires_by_default_only(void **state)
{
    (void)state;
    double p[NPARAMS];
    float v = 0, x = 2, *states[] = {&v};
    uint8_t out;
    memcpy(p, defaults, sizeof p);
    step(lif("scalar"), 1, p, states, &x, &out);
    assert_int_equal(out, 1);
    assert_true(v == 0);
    p[COMPARE] = 1;
    step(lif("scalar"), 1, p, states, &x, &out);
    assert_int_equal(out, 0);
    assert_true(v == 1);
}

static void halves_are_rounded_by_the_chosen_rule(void **state)
{
    (void)state;
    double p[NPARAMS];
    float v[4] = {0}, x[4] = {0.5f, 1.5f, 2.5f, 9.0f}, *states[] = {v};
    uint8_t out[4];
    const uint8_t even[4] = {0, 2, 2, 4}, up[4] = {1, 2, 3, 4};
    memcpy(p, defaults, sizeof p);
    p[TAU] = 1;
    p[MAX_COUNT] = 4;
    step(lif("scalar"), 4, p, states, x, out);
    assert_memory_equal(out, even, sizeof out);
    p[ROUNDING] = 1;
    step(lif("scalar"), 4, p, states, x, out);
    assert_memory_equal(out, up, sizeof out);
}

static void the_parameter_table_names_defaults_and_rules(void **state)
{
    (void)state;
    const stc_neuron_model *model = lif("scalar");
    assert_string_equal(model->type, "DiscreteLIF");
    assert_int_equal(model->nstate, 1);
    assert_int_equal(model->nparams, NPARAMS);
    for (int i = 0; i < NPARAMS; i++) {
        assert_string_equal(model->params[i].name, param_names[i]);
        assert_true(model->params[i].initial == defaults[i]);
        assert_non_null(model->params[i].help);
    }
    assert_int_equal(lif("avx2")->params[COMPARE].kind, STC_ATTR_CHOICE);
}

static void the_output_kind_follows_from_count_and_scale(void **state)
{
    (void)state;
    double p[NPARAMS];
    stc_kind kind;
    memcpy(p, defaults, sizeof p);
    assert_int_equal(lif("scalar")->output_kind(p, &kind), STC_OK);
    assert_true(kind.unit == 1 && kind.max == 1);
    p[MAX_COUNT] = 4;
    p[OUTPUT_SCALE] = 0.25;
    assert_int_equal(lif("scalar")->output_kind(p, &kind), STC_OK);
    assert_true(kind.unit == 0.25 && kind.max == 4);
}

static void refuse(int param, double value, const char *word)
{
    double p[NPARAMS];
    stc_kind kind;
    memcpy(p, defaults, sizeof p);
    p[MAX_COUNT] = 4;
    p[param] = value;
    assert_int_equal(lif("scalar")->output_kind(p, &kind), STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), word));
}

static void inconsistent_parameters_are_refused_by_name(void **state)
{
    (void)state;
    refuse(OUTPUT_SCALE, 0.3, "output_scale");
    refuse(OUTPUT_SCALE, 0, "output_scale");
    refuse(MAX_COUNT, 256, "max_count");
    refuse(MAX_COUNT, 0, "max_count");
    refuse(TAU, 0.5, "tau");
    refuse(V_THRESHOLD, 0, "v_threshold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lif_equals_a_plain_loop_for_all_parameters),
        cmocka_unit_test(a_potential_exactly_at_the_threshold_fires_by_default_only),
        cmocka_unit_test(halves_are_rounded_by_the_chosen_rule),
        cmocka_unit_test(the_parameter_table_names_defaults_and_rules),
        cmocka_unit_test(the_output_kind_follows_from_count_and_scale),
        cmocka_unit_test(inconsistent_parameters_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
