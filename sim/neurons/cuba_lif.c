/* cuba_lif.c - NIR's CubaLIF: tau_syn i' = -i + w_in x, tau_mem v' = (v_leak - v) + r i, and a
 * spike where v passes v_threshold.
 *
 *     i = (i - ki i) + gi x,   v = (v + k (v_leak - v)) + g i      euler, decay: v reads the new i
 *
 * exact and the coefficients: membrane.h; then as firing.h says. Sources: NIR paper (arXiv
 * 2311.14641). The rules of its simulators: Norse (euler, gt, zero), snnTorch RSynaptic (euler, gt,
 * zero or subtract, reset_time next), Rockpool LIFTorch (decay, gain decayed, ge, subtract,
 * max_count 255), Spyx CuBaLIF (euler, gain unit, gt, subtract, fire before). */
#include "firing.h"
#include "membrane.h"

enum { FIRING = CUBA_NPARAMS, NPARAMS = FIRING + FIRING_NPARAMS };

static const stc_attr_spec params[NPARAMS] = {CUBA_SPECS, FIRING_SPECS};
static const char *const states[CUBA_NSTATE] = {[CUBA_V] = "v", [CUBA_I] = "i"};

static int output_kind(const double *p, stc_kind *kind)
{
    STC_TRY(cuba_check(p));
    return firing_output_kind(p + FIRING, kind);
}

static int prepare(const double *p, float *coefficient)
{
    STC_TRY(firing_prepare(p + FIRING, coefficient));
    return cuba_prepare(p, coefficient + FIRING_NCOEFFICIENTS);
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    state[CUBA_V] = (float)p[FIRING + FIRING_V0];
    state[CUBA_I] = 0.0f;
}

static void charge(int64_t lo, int64_t hi, const stc_neuron_step *run)
{
    cuba_charge(lo, hi, run, run->params, run->coefficient + FIRING_NCOEFFICIENTS);
}

static void step(int64_t n, const stc_neuron_step *run)
{
    firing_step(n, run, run->params + FIRING, charge);
}

const stc_neuron_model STC_MODEL(cuba_lif) = {
    .name = "cuba_lif",
    .type = "CubaLIF",
    .help = "leaky integrate-and-fire neuron behind a current-based synapse, of NIR",
    .nstate = CUBA_NSTATE,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = FIRING_NCOEFFICIENTS + CUBA_NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = prepare,
    .start = start,
    .step = step,
};
