/* The rules of the simulators that exchange NIR, each written here as its simulator writes it, for
 * numbers for which float32 is exact; and all rules on every instruction set, bit by bit. */
#include "nir_neurons.h"

#include "stc/base.h"

#include <math.h>

enum { STEPS = 16, RUNS = 40 };

/* One step of one neuron; s: v, i. Returns the number of spikes. Decays are 1/2. */
typedef int rule(double s[2], double x);

static const double threshold = 0.75;

static int norse_lif(double s[2], double x)
{
    s[0] += 0.5 * ((0.25 - s[0]) + x);
    bool z = s[0] > threshold;
    if (z) s[0] = 0;
    return z;
}

static int norse_cuba(double s[2], double x)
{
    s[1] += 0.5 * (2 * x - s[1]);
    s[0] += 0.5 * (0.25 - s[0] + 4 * s[1]);
    bool z = s[0] > threshold;
    s[0] -= z * threshold;
    return z;
}

static int snntorch_leaky(double s[2], double x)
{
    bool reset = s[0] > threshold;
    s[0] = 0.5 * s[0] + x - reset * threshold;
    return s[0] > threshold;
}

static int snntorch_synaptic_zero(double s[2], double x)
{
    bool reset = s[0] > threshold;
    s[1] = 0.5 * s[1] + x;
    s[0] = 0.5 * s[0] + s[1];
    if (reset) s[0] = 0;
    return s[0] > threshold;
}

static int snntorch_leaky_without_reset_delay(double s[2], double x)
{
    bool q = s[0] > threshold;
    s[0] = 0.5 * s[0] + x - q * threshold;
    bool z = s[0] > threshold;
    s[0] -= (z - q) * threshold;
    return z;
}

static int floor_and_subtract(double *v)
{
    int n = *v > 0 ? (int)floor(*v / threshold) : 0;
    *v -= n * threshold;
    return n;
}

static int sinabs_lif(double s[2], double x)
{
    s[0] = 0.5 * s[0] + (1 - 0.5) * x;
    return floor_and_subtract(&s[0]);
}

static int sinabs_imported_lif(double s[2], double x)
{
    s[0] = 0.5 * s[0] + x;
    return floor_and_subtract(&s[0]);
}

static int sinabs_imported_if(double s[2], double x)
{
    s[0] += x;
    int n = floor_and_subtract(&s[0]);
    s[0] = fmax(s[0] + threshold, 0) - threshold;
    return n;
}

static int spikingjelly_lif(double s[2], double x)
{
    s[0] = s[0] + (x - (s[0] - 0.25)) / 2;
    bool z = s[0] >= threshold;
    s[0] = (1 - z) * s[0] + z * 0.25;
    return z;
}

static int spyx_lif(double s[2], double x)
{
    bool z = s[0] > threshold;
    s[0] = 0.5 * s[0] + x - z * threshold;
    return z;
}

static int spyx_cuba(double s[2], double x)
{
    bool z = s[0] > threshold;
    s[0] -= z * threshold;
    s[1] = 0.5 * s[1] + x;
    s[0] = 0.5 * s[0] + s[1];
    return z;
}

static int rockpool_cuba(double s[2], double x)
{
    s[1] = (s[1] + x) * 0.5;
    s[0] = s[0] * 0.5 + s[1];
    return floor_and_subtract(&s[0]);
}

/* With tau = 2 dt; where decay is exponential, dt / tau = log 2. */
#define HALF      "tau=2 dt=1 v_threshold=0.75"
#define HALF_CUBA "tau_mem=2 tau_syn=2 dt=1 v_threshold=0.75"
#define LOG2      "tau=1 dt=0.693147180559945309 v_threshold=0.75"
#define LOG2_CUBA "tau_mem=1 tau_syn=1 dt=0.693147180559945309 v_threshold=0.75"

static const struct {
    rule *rule;
    const char *model, *task, *rules;
} simulators[] = {
    {norse_lif, "lif", HALF " r=3 v_leak=0.25 v_reset=9", "gain=no_r reset=zero"},
    {norse_cuba, "cuba_lif", HALF_CUBA " r=4 w_in=2 v_leak=0.25", "reset=subtract"},
    {snntorch_leaky, "lif", HALF " r=2", "reset=subtract reset_time=next"},
    {snntorch_synaptic_zero, "cuba_lif", HALF_CUBA " r=2 w_in=2", "reset=zero reset_time=next"},
    {snntorch_leaky_without_reset_delay, "lif", HALF " r=2", "reset=subtract reset_time=carry"},
    {sinabs_lif, "lif", LOG2, "integrator=exact compare=ge reset=subtract max_count=255"},
    {sinabs_imported_lif, "lif", LOG2 " r=5",
     "integrator=decay gain=unit compare=ge reset=subtract max_count=255"},
    {sinabs_imported_if, "if", "r=5 v_threshold=0.75",
     "gain=unit compare=ge reset=subtract max_count=255 clip=threshold"},
    {spikingjelly_lif, "lif", HALF " v_leak=0.25 v_reset=0.25", "compare=ge reset=value"},
    {spyx_lif, "lif", HALF " r=7", "gain=unit reset=subtract fire=before reset_time=next"},
    {spyx_cuba, "cuba_lif", HALF_CUBA " r=7", "gain=unit reset=subtract fire=before"},
    {rockpool_cuba, "cuba_lif", LOG2_CUBA,
     "integrator=decay gain=decayed compare=ge reset=subtract max_count=255"},
};

/* Quarters from -1 to 2.75: after STEPS halvings they still fit float32. */
static float draw(uint64_t i)
{
    return (float)(stc_mix64(i + 5) >> 60) * 0.25f - 1.0f;
}

static void every_simulator_is_a_choice_of_rules(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof simulators / sizeof *simulators; k++) {
        int spikes = 0;
        for (int run = 0; run < RUNS; run++) {
            cells c = cells_of("scalar", simulators[k].model, 1, simulators[k].task);
            double s[2] = {0, 0};
            cells_set(&c, simulators[k].rules);
            cells_start(&c);
            for (int step = 0; step < STEPS; step++) {
                double x = (double)draw((uint64_t)(run * STEPS + step));
                int expected = simulators[k].rule(s, x), found = cells_spikes(&c, x);
                if (found != expected || (double)c.state[0][0] != s[0]) {
                    fail_msg("simulator %d, step %d: %d spikes, v %g, expected %d, %g", (int)k,
                             step, found, (double)c.state[0][0], expected, s[0]);
                }
                spikes += found;
            }
        }
        assert_true(spikes > RUNS);
    }
}

/* ---- instruction sets ---- */

static uint64_t drawn;

static double choose(double lo, double hi)
{
    return lo + (hi - lo) * (double)stc_random_uniform(3, 1, drawn++);
}

/* Anything that the table allows. */
static void vary(cells *c)
{
    stc_kind kind;
    do {
        for (int k = 0; k < c->model->nparams; k++) {
            const stc_attr_spec *spec = &c->model->params[k];
            int words = 1;
            for (const char *w = spec->choices; w != NULL && *w != 0; w++)
                words += *w == ' ';
            if (spec->kind == STC_ATTR_CHOICE) c->params[k] = floor(choose(0, words));
            if (spec->kind == STC_ATTR_INT) c->params[k] = choose(0, 1) < 0.5 ? 1 : 5;
            if (spec->kind != STC_ATTR_CHOICE && spec->kind != STC_ATTR_INT) {
                bool positive = spec->check[0] == '>' || strcmp(spec->name, "v_threshold") == 0;
                c->params[k] = positive ? choose(0.2, 1) : choose(-0.5, 1.5);
            }
        }
    } while (c->model->output_kind(c->params, &kind) < 0);
}

static void check_instruction_sets(const char *name, const char *isa)
{
    cells plain = cells_of("scalar", name, MAX_CELLS - 1, "");
    for (int run = 0; run < 200; run++) {
        vary(&plain);
        cells_start(&plain);
        cells other = plain;
        other.model = model_named(isa, name);
        for (int step = 0; step < 12; step++) {
            float x[MAX_CELLS];
            for (int i = 0; i < MAX_CELLS; i++)
                x[i] = (float)choose(-1, 2);
            cells_step(&plain, x);
            cells_step(&other, x);
            assert_memory_equal(plain.state, other.state, sizeof plain.state);
            assert_memory_equal(plain.spikes, other.spikes, sizeof plain.spikes);
            assert_memory_equal(plain.real, other.real, sizeof plain.real);
        }
    }
}

static void all_instruction_sets_give_the_same_bits_under_all_rules(void **state)
{
    (void)state;
    int n;
    const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
    for (int k = 0; k < n; k++) {
        if (models[k]->ncoefficients == 0) continue;
        if (cpu_has("avx2")) check_instruction_sets(models[k]->name, "avx2");
        if (cpu_has("avx512")) check_instruction_sets(models[k]->name, "avx512");
    }
}

/* More neurons than go through the loops together. */
static void long_rows_are_cut_into_blocks_without_a_seam(void **state)
{
    (void)state;
    enum { N = 2500 };
    static float x[N], v[N], coefficient[STC_MAX_NEURON_COEFFICIENTS][N];
    static uint8_t out[N];
    const float *c[STC_MAX_NEURON_COEFFICIENTS];
    float *states[] = {v}, own[STC_MAX_NEURON_COEFFICIENTS];
    cells one = cells_of("scalar", "if", 1, "r=1 dt=1 v_threshold=0.75 reset=subtract");
    cells_set(&one, "reset_time=next");
    assert_int_equal(one.model->prepare(one.params, own), STC_OK);
    for (int k = 0; k < STC_MAX_NEURON_COEFFICIENTS; k++) {
        c[k] = coefficient[k];
        for (int i = 0; i < N && k < one.model->ncoefficients; i++)
            coefficient[k][i] = own[k];
    }
    stc_neuron_step run = {.params = one.params, .coefficient = c, .state = states, .x = x};
    run.out = out;
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < N; i++)
            x[i] = draw((uint64_t)i);
        one.model->step(N, &run);
    }
    for (int i = 0; i < N; i++) {
        int spikes = 0;
        cells_start(&one);
        for (int step = 0; step < 3; step++)
            spikes = cells_spikes(&one, (double)x[i]);
        assert_int_equal(out[i], spikes);
        assert_true(v[i] == one.state[0][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_simulator_is_a_choice_of_rules),
        cmocka_unit_test(all_instruction_sets_give_the_same_bits_under_all_rules),
        cmocka_unit_test(long_rows_are_cut_into_blocks_without_a_seam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
