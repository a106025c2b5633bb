/* if.c - NIR's IF: v' = r x, and a spike where v passes v_threshold. As most simulators that
 * exchange it run it with r and dt that make dt r = 1, gain unit is there to say so.
 *
 *     v = v + g x          g = dt r (gain ode) or 1 (gain unit), computed in float64
 *
 * then as firing.h says. Sources: NIR paper (arXiv 2311.14641); Sinabs IAF (gain unit, ge,
 * subtract, max_count 255, clip threshold); SpikingJelly IFNode (ge). */
#include "firing.h"
#include "membrane.h"

enum { FIRING = PLAIN_NPARAMS, NPARAMS = FIRING + FIRING_NPARAMS };
enum { G = FIRING_NCOEFFICIENTS + PLAIN_G };

static const stc_attr_spec params[NPARAMS] = {PLAIN_SPECS, FIRING_SPECS};
static const char *const states[] = {"v"};

static int output_kind(const double *p, stc_kind *kind)
{
    return firing_output_kind(p + FIRING, kind);
}

static int prepare(const double *p, float *coefficient)
{
    STC_TRY(firing_prepare(p + FIRING, coefficient));
    return plain_prepare(p, coefficient + FIRING_NCOEFFICIENTS);
}

static void start(const double *p, float state[STC_MAX_NEURON_STATES])
{
    state[0] = (float)p[FIRING + FIRING_V0];
}

static void charge(int64_t lo, int64_t hi, const stc_neuron_step *run)
{
    plain_charge(hi - lo, run->coefficient[G] + lo, run->x + lo, run->state[0] + lo);
}

static void step(int64_t n, const stc_neuron_step *run)
{
    firing_step(n, run, run->params + FIRING, charge);
}

const stc_neuron_model STC_MODEL(if) = {
    .name = "if",
    .type = "IF",
    .help = "integrate-and-fire neuron of NIR",
    .nstate = 1,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .ncoefficients = FIRING_NCOEFFICIENTS + PLAIN_NCOEFFICIENTS,
    .output_kind = output_kind,
    .prepare = prepare,
    .start = start,
    .step = step,
};
