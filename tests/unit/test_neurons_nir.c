/* The models of NIR: the task of the NIR paper's first figure, closed forms, and each simulator's
 * rule written as that simulator writes it. */
#include "nir_neurons.h"

#include "stc/base.h"

#include <math.h>
#include <stdlib.h>

static void assert_near(double found, double expected, double within)
{
    if (!(fabs(found - expected) <= within)) fail_msg("%.9g, expected %.9g", found, expected);
}

/* ---- the LIF task of the NIR paper: input spikes of weight 1, 1000 steps of 0.1 ms ---- */

static const int input_steps[] = {60,  220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450,
                                  460, 470, 480, 490, 500, 510, 520, 530, 670, 680, 690, 700,
                                  710, 720, 730, 740, 750, 760, 770, 780, 840, 850};

typedef struct {
    int step;
    double v;
} sample;

/* Spikes must come in these steps, and v after the steps of the samples be within 1e-6. */
static void check_task(const char *rules, const int *spikes, int nspikes, const sample *samples,
                       int nsamples)
{
    cells c = cells_of("scalar", "lif", 1, "tau=0.0025 r=1 v_leak=0 v_threshold=0.1 dt=1e-4");
    cells_set(&c, rules);
    c.params[param_named(c.model, "tau", 3)] = (double)0.0025f; /* as the file has it */
    c.params[param_named(c.model, "v_threshold", 11)] = (double)0.1f;
    cells_start(&c);
    int found = 0, next = 0, at = 0;
    for (int step = 0; step < 1000; step++) {
        bool input = at < 34 && input_steps[at] == step;
        at += input;
        if (cells_spikes(&c, input) > 0) {
            assert_true(found < nspikes);
            assert_int_equal(step, spikes[found++]);
        }
        if (next >= nsamples || samples[next].step != step) continue;
        assert_near((double)c.state[0][0], samples[next++].v, 1e-6);
    }
    assert_int_equal(found, nspikes);
    assert_int_equal(next, nsamples);
}

static void lif_gives_the_potential_of_norse_on_the_task_of_the_nir_paper(void **state)
{
    (void)state;
    static const sample samples[] = {{60, 0.04},         {61, 0.038399998},   {100, 0.007814645},
                                     {220, 0.04005827},  {450, 0.09984423},   {460, 0.0},
                                     {500, 0.09602771},  {709, 0.066547126},  {760, 0.0},
                                     {850, 0.070416406}, {999, 0.00016072649}};
    check_task("integrator=euler compare=gt reset=zero", (const int[]){460, 510, 710, 760}, 4,
               samples, 11);
    check_task("gain=no_r r=7 v_reset=0", (const int[]){460, 510, 710, 760}, 4, samples, 11);
}

static void lif_gives_the_exact_potential_before_the_first_spike(void **state)
{
    (void)state;
    static const sample samples[] = {{60, 0.0392105617},  {61, 0.0376730936},  {100, 0.00791647559},
                                     {220, 0.0392757123}, {450, 0.0990466961}, {459, 0.0691025345}};
    check_task("integrator=exact compare=gt reset=zero", (const int[]){460, 510, 710, 760}, 4,
               samples, 6);
}

static void lif_gives_the_potential_of_sinabs_on_the_task_of_the_nir_paper(void **state)
{
    (void)state;
    static const sample samples[] = {
        {60, 0.0399999991},   {61, 0.0384315774},   {100, 0.00807586219},
        {449, 0.0635319501},  {450, 0.00104082376}, {460, 0.0406976826},
        {500, 0.00505045056}, {760, 0.00558274239}, {999, 0.000183246724}};
    check_task("integrator=decay compare=ge reset=subtract max_count=255",
               (const int[]){450, 500, 710, 760}, 4, samples, 9);
}

/* ---- closed forms ---- */

static void rates_are_exponentials_to_the_last_bit_of_float32(void **state)
{
    (void)state;
    for (int k = -60; k <= 28; k++) {
        double a = pow(2.0, k / 4.0);
        cells c = cells_of("scalar", "lif", 1, "tau=1 v_threshold=1 integrator=exact r=3");
        c.params[param_named(c.model, "dt", 2)] = a;
        cells_start(&c);
        c.state[0][0] = 0;
        cells_spikes(&c, 0.25);
        float expected = (float)(-3.0 * expm1(-a)) * 0.25f;
        assert_true(fabsf(c.state[0][0] - expected) <= expected * 0x1p-23f);
        c.state[0][0] = 0.5;
        cells_spikes(&c, 0);
        assert_near((double)c.state[0][0], 0.5 * exp(-a), 4e-8);
    }
}

/* i and v at time t for a constant input from (v0, i0). */
static void coupled(double tau_syn, double tau_mem, double t, double v0, double i0, double x,
                    double *v, double *i)
{
    const double r = 1.5, w = 0.75, leak = 0.125, to = w * x;
    *i = to + (i0 - to) * exp(-t / tau_syn);
    double through = tau_syn == tau_mem
                         ? t / tau_mem * exp(-t / tau_mem)
                         : tau_syn / (tau_syn - tau_mem) * (exp(-t / tau_syn) - exp(-t / tau_mem));
    double rest = leak + r * to;
    *v = rest + (v0 - rest) * exp(-t / tau_mem) + r * (i0 - to) * through;
}

static void exact_cuba_li_follows_its_closed_form_for_any_time_constants(void **state)
{
    (void)state;
    static const double taus[][2] = {{0.01, 0.02}, {0.02, 0.01},     {0.01, 0.01}, {1e-4, 0.01},
                                     {0.01, 1e-4}, {0.01, 0.010001}, {5e-6, 0.02}};
    for (int k = 0; k < 7; k++) {
        cells c = cells_of("scalar", "cuba_li", 1, "r=1.5 w_in=0.75 v_leak=0.125 dt=0.001");
        cells_set(&c, "integrator=exact v0=0.5");
        c.params[param_named(c.model, "tau_syn", 7)] = taus[k][0];
        c.params[param_named(c.model, "tau_mem", 7)] = taus[k][1];
        cells_start(&c);
        double v = 0.5, i = 0;
        for (int step = 0; step < 60; step++) {
            float x = step % 7 < 3 ? 1.25f : -0.5f;
            double v0 = v, i0 = i;
            cells_step(&c, &x);
            coupled(taus[k][0], taus[k][1], 0.001, v0, i0, (double)x, &v, &i);
            assert_near((double)c.state[0][0], v, 3e-6);
            assert_near((double)c.state[1][0], i, 3e-6);
            assert_true(c.real[0] == c.state[0][0]);
        }
    }
}

static void integrators_meet_for_short_steps_and_rest_at_v_leak(void **state)
{
    (void)state;
    static const char *const integrators[] = {"integrator=euler", "integrator=exact",
                                              "integrator=decay"};
    for (int k = 0; k < 3; k++) {
        cells li = cells_of("scalar", "li", 1, "tau=0.01 r=2 v_leak=0.25 dt=1e-5 v0=1");
        cells cuba = cells_of("scalar", "cuba_li", 1, "tau_mem=0.01 tau_syn=0.005 v_leak=0.25");
        cells_set(&li, integrators[k]);
        cells_set(&cuba, integrators[k]);
        cells_set(&cuba, "r=2 w_in=1 dt=1e-5 v0=1");
        cells_start(&li);
        cells_start(&cuba);
        float x = 0.5;
        for (int step = 0; step < 1000; step++) {
            cells_step(&li, &x);
            cells_step(&cuba, &x);
        }
        double rest = 0.25 + 2 * 0.5;
        assert_near((double)li.real[0], rest + (1 - rest) * exp(-1), 1e-3);
        double i = 0.5 * (1 - exp(-2)), through = exp(-1) - exp(-2);
        assert_near((double)cuba.state[1][0], i, 1e-3);
        assert_near((double)cuba.real[0], rest + (1 - rest) * exp(-1) - through, 2e-3);
        x = 0;
        for (int step = 0; step < 30000; step++) {
            cells_step(&li, &x);
            cells_step(&cuba, &x);
        }
        /* closer than this, a change of 1e-3 of the distance is below the resolution of v */
        assert_near((double)li.real[0], 0.25, 2e-5);
        assert_near((double)cuba.real[0], 0.25, 2e-5);
    }
}

static void i_and_if_sum_their_input(void **state)
{
    (void)state;
    cells c = cells_of("scalar", "i", 1, "r=4 dt=0.25 v0=0.5");
    float x = 0.75;
    for (int step = 1; step <= 4; step++) {
        cells_step(&c, &x);
        assert_true(c.real[0] == 0.5f + 0.75f * (float)step);
    }
    c = cells_of("scalar", "i", 1, "r=4 dt=1e-4 gain=unit");
    cells_step(&c, &x);
    assert_true(c.real[0] == 0.75f);
    c = cells_of("scalar", "if", 1, "r=10000 dt=1e-4 v_threshold=1");
    static const int expected[] = {0, 0, 1, 0, 0, 1};
    for (int step = 0; step < 6; step++) /* 0.5, 1 (not above), 1.5 */
        assert_int_equal(cells_spikes(&c, 0.5), expected[step]);
}

static void threshold_compares_its_input(void **state)
{
    (void)state;
    static const uint8_t gt[] = {0, 0, 1, 0}, ge[] = {0, 1, 1, 0};
    const float x[] = {0.25f, 0.5f, 0.75f, NAN};
    cells c = cells_of("scalar", "threshold", 4, "threshold=0.5");
    cells_step(&c, x);
    assert_memory_equal(c.spikes, gt, 4);
    cells_set(&c, "compare=ge");
    cells_step(&c, x);
    assert_memory_equal(c.spikes, ge, 4);
}

/* ---- counts ---- */

static void counts_are_how_often_the_threshold_can_be_taken_off(void **state)
{
    (void)state;
    static const float thresholds[] = {1.0f, 0.5f, 0.1f, 0.3f, 0.7f};
    for (int k = 0; k < 5 * 2; k++) {
        bool ge = k % 2 != 0;
        cells c = cells_of("scalar", "if", 1, "r=1 dt=1 v_threshold=1 reset=subtract max_count=9");
        cells_set(&c, ge ? "compare=ge" : "compare=gt");
        float threshold = thresholds[k / 2];
        c.params[param_named(c.model, "v_threshold", 11)] = (double)threshold;
        cells_start(&c);
        for (int n = -4; n < 44; n++) {
            for (int ulp = -1; ulp <= 1; ulp++) {
                float v = (float)n * threshold * 0.25f;
                if (ulp != 0) v = nextafterf(v, ulp < 0 ? -9e9f : 9e9f);
                int count = 0;
                double left = (double)v; /* multiples up to 11 of a float32 are exact */
                while (count < 9 && (ge ? left >= (double)threshold : left > (double)threshold)) {
                    left = (double)v - (double)++count * (double)threshold;
                }
                c.state[0][0] = 0;
                assert_int_equal(cells_spikes(&c, (double)v), count);
                assert_true(c.state[0][0] == v - (float)count * threshold);
            }
        }
    }
}

static void clip_keeps_the_potential_above_minus_the_threshold(void **state)
{
    (void)state;
    cells c = cells_of("scalar", "if", 1, "r=1 dt=1 v_threshold=0.5 clip=threshold");
    cells_spikes(&c, -0.25);
    assert_true(c.state[0][0] == -0.25f);
    cells_spikes(&c, -9);
    assert_true(c.state[0][0] == -0.5f);
}

/* ---- parameters ---- */

static void neurons_of_one_node_may_differ(void **state)
{
    (void)state;
    cells c = cells_of("scalar", "lif", 3, "tau=1 v_threshold=1 dt=0.5");
    static const double thresholds[] = {0.25, 0.5, 0.75};
    const int at = param_named(c.model, "v_threshold", 11);
    for (int i = 0; i < 3; i++) {
        float own[STC_MAX_NEURON_COEFFICIENTS];
        c.params[at] = thresholds[i];
        assert_int_equal(c.model->prepare(c.params, own), STC_OK);
        for (int k = 0; k < c.model->ncoefficients; k++)
            c.coefficient[k][i] = own[k];
    }
    c.params[at] = NAN;
    const float x[3] = {1.25f, 1.25f, 1.25f};
    const uint8_t expected[] = {1, 1, 0};
    cells_step(&c, x);
    assert_memory_equal(c.spikes, expected, 3);
}

static void refuse(const char *name, const char *text, const char *word)
{
    cells c = cells_of("scalar", name, 1, "");
    float own[STC_MAX_NEURON_COEFFICIENTS];
    cells_set(&c, text);
    assert_int_equal(c.model->prepare(c.params, own), STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), word));
}

static void inconsistent_parameters_are_refused_by_name(void **state)
{
    (void)state;
    refuse("lif", "max_count=256", "max_count");
    refuse("lif", "max_count=2 v_threshold=-1", "v_threshold");
    refuse("lif", "reset_time=carry", "carry");
    refuse("lif", "reset_time=carry reset=subtract fire=before", "carry");
    refuse("lif", "v_threshold=1e300", "float32");
    refuse("if", "r=1e300 dt=1", "float32");
    refuse("li", "tau=1e-300", "float32");
    refuse("cuba_lif", "integrator=exact gain=unit", "gain");
    refuse("cuba_li", "v_leak=1e39", "float32");
}

static void tables_carry_the_names_of_nir(void **state)
{
    (void)state;
    static const char *const expected[][8] = {
        {"if", "IF", "r", "v_threshold", "v_reset"},
        {"lif", "LIF", "tau", "r", "v_leak", "v_threshold", "v_reset"},
        {"cuba_lif", "CubaLIF", "tau_syn", "tau_mem", "r", "v_leak", "w_in", "v_threshold"},
        {"i", "I", "r"},
        {"li", "LI", "tau", "r", "v_leak"},
        {"cuba_li", "CubaLI", "tau_syn", "tau_mem", "r", "v_leak", "w_in"},
        {"threshold", "Threshold", "threshold"}};
    for (int m = 0; m < 7; m++) {
        const stc_neuron_model *model = model_named("scalar", expected[m][0]);
        assert_string_equal(model->type, expected[m][1]);
        for (int k = 2; k < 8 && expected[m][k] != NULL; k++) {
            int at = param_named(model, expected[m][k], strlen(expected[m][k]));
            assert_int_equal(model->params[at].kind, STC_ATTR_EACH);
        }
        stc_kind kind;
        cells c = cells_of("scalar", expected[m][0], 1, "");
        assert_int_equal(model->output_kind(c.params, &kind), STC_OK);
        assert_int_equal(stc_kind_is_real(kind), m >= 3 && m <= 5);
        assert_int_equal(stc_kind_is_bit(kind), m < 3 || m > 5);
        assert_true(model->nparams <= STC_MAX_NEURON_PARAMS);
        assert_true(model->ncoefficients <= STC_MAX_NEURON_COEFFICIENTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lif_gives_the_potential_of_norse_on_the_task_of_the_nir_paper),
        cmocka_unit_test(lif_gives_the_exact_potential_before_the_first_spike),
        cmocka_unit_test(lif_gives_the_potential_of_sinabs_on_the_task_of_the_nir_paper),
        cmocka_unit_test(rates_are_exponentials_to_the_last_bit_of_float32),
        cmocka_unit_test(exact_cuba_li_follows_its_closed_form_for_any_time_constants),
        cmocka_unit_test(integrators_meet_for_short_steps_and_rest_at_v_leak),
        cmocka_unit_test(i_and_if_sum_their_input),
        cmocka_unit_test(threshold_compares_its_input),
        cmocka_unit_test(counts_are_how_often_the_threshold_can_be_taken_off),
        cmocka_unit_test(clip_keeps_the_potential_above_minus_the_threshold),
        cmocka_unit_test(neurons_of_one_node_may_differ),
        cmocka_unit_test(inconsistent_parameters_are_refused_by_name),
        cmocka_unit_test(tables_carry_the_names_of_nir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
