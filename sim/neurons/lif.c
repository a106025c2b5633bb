/* lif.c - NIR's LIF: tau v' = (v_leak - v) + r x, and a spike where v passes v_threshold.
 *
 *     v = (v + k (v_leak - v)) + g x          k and g of the integrator: membrane.h
 *
 * then as firing.h says. Sources: NIR paper (arXiv 2311.14641). The rules of its simulators: Norse
 * LIFBox (euler, gt, zero, gain no_r, v0 = v_leak), snnTorch Leaky (euler, gt, zero or subtract),
 * Sinabs LIF (exact, or decay with gain unit; ge, subtract, max_count 255), SpikingJelly LIFNode
 * (euler, ge, value), Spyx LIF (euler, gain unit, gt, subtract, fire before, reset_time next). */
#include "firing.h"
#include "membrane.h"

enum { FIRING = LEAKY_NPARAMS, NPARAMS = FIRING + FIRING_NPARAMS };
enum { K = FIRING_NCOEFFICIENTS + LEAKY_K, REST, G, NCOEFFICIENTS };

static const stc_attr_spec params[NPARAMS] = {LEAKY_SPECS, FIRING_SPECS};
static const char *const states[] = {"v"};

static int output_kind(const double *p, stc_kind *kind)
{
    return firing_output_kind(p + FIRING, kind);
}

static int prepare(const double *p, float *coefficient)
{
    STC_TRY(firing_prepare(p + FIRING, coefficient));
    return leaky_prepare(p, coefficient + FIRING_NCOEFFICIENTS);
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    state[0] = (float)p[FIRING + FIRING_V0];
}

static void charge(int64_t lo, int64_t hi, const stc_neuron_step *run)
{
    const float *const *c = run->coefficient;
    leaky_charge(hi - lo, c[K] + lo, c[REST] + lo, c[G] + lo, run->x + lo, run->state[0] + lo);
}

static void step(int64_t n, const stc_neuron_step *run)
{
    firing_step(n, run, run->params + FIRING, charge);
}

const stc_neuron_model STC_MODEL(lif) = {
    .name = "lif",
    .type = "LIF",
    .help = "leaky integrate-and-fire neuron of NIR",
    .nstate = 1,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = prepare,
    .start = start,
    .step = step,
};
