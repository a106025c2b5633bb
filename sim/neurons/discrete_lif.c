/* discrete_lif.c - the discrete leaky integrate-and-fire neuron of spiking transformers.
 *
 * One step of input x and potential v, in float32, each operation rounded by itself:
 *
 *     charge   decay_input:  h = v + (x - (v - v_reset)) / tau     at rest 0: h = v + (x - v) / tau
 *              otherwise:    h = (v - (v - v_reset) / tau) + x     at rest 0: h = v * (1 - 1 / tau)
 * + x fire     max_count 1:  s = h >= v_threshold (compare ge) or h > v_threshold (compare gt)
 *              max_count D:  s = round(clip(h / v_threshold, 0, D)); compare plays no part
 *     reset    hard:  v = v_reset where s > 0, else h              soft: v = h - s * v_threshold
 *
 * "At rest 0" is v_reset 0 or a soft reset, which has no v_reset. With decay_input and tau 1 the
 * neuron has no memory, so h is x (+ v_reset) itself and the rounding of v + (x - v) does not
 * arise. 1 - 1 / tau is computed in float64 and rounded once.
 *
 * A block of neurons is charged, then fired, so that each variant of either is one short loop
 * without branches; the block stays in the first-level cache in between.
 */
#include "model.h"

#include <math.h>

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

enum { GE, GT };              /* compare */
enum { HALF_EVEN, HALF_UP };  /* rounding */
enum { BLOCK = 1024 };        /* neurons charged, then fired */
enum { LARGEST_COUNT = 255 }; /* an output is one byte */

static const stc_attr_spec params[NPARAMS] = {
    [TAU] = {"tau", STC_ATTR_REAL, false, 2.0, ">= 1", 0, NULL, "membrane time constant in steps"},
    [V_THRESHOLD] = {"v_threshold", STC_ATTR_REAL, false, 1.0, "finite", 0, NULL,
                     "potential at which the neuron fires"},
    [V_RESET] = {"v_reset", STC_ATTR_REAL, false, 0.0, "finite", 0, NULL,
                 "potential after a spike (hard reset) and at rest"},
    [SOFT_RESET] = {"soft_reset", STC_ATTR_BOOL, false, 0.0, "", 0, NULL,
                    "subtract the threshold at a spike; v_reset plays no part"},
    [DECAY_INPUT] = {"decay_input", STC_ATTR_BOOL, false, 1.0, "", 0, NULL,
                     "divide the input by tau too"},
    [V0] = {"v0", STC_ATTR_REAL, false, 0.0, "finite", 0, NULL,
            "potential before the first step of a sample"},
    [COMPARE] = {"compare", STC_ATTR_CHOICE, false, GE, "", 0, "ge gt",
                 "fire at (ge) or only above (gt) the threshold; for max_count 1"},
    [MAX_COUNT] = {"max_count", STC_ATTR_INT, false, 1.0, ">= 1", 0, NULL,
                   "largest number of spikes in one step, 1..255"},
    [ROUNDING] = {"rounding", STC_ATTR_CHOICE, false, HALF_EVEN, "", 0, "half_even half_up",
                  "how potential / threshold becomes a count; for max_count > 1"},
    [OUTPUT_SCALE] = {"output_scale", STC_ATTR_REAL, false, 1.0, "finite", 0, NULL,
                      "value of one spike, a power of two"},
};

static int output_kind(const double *p, stc_kind *kind)
{
    int exponent;
    STC_CHECK(p[TAU] >= 1.0 && isfinite((float)p[TAU]), STC_ERR_INPUT,
              "tau is %g, expected a number of steps >= 1", p[TAU]);
    STC_CHECK(p[MAX_COUNT] >= 1 && p[MAX_COUNT] <= LARGEST_COUNT, STC_ERR_INPUT,
              "max_count is %g, expected 1..%d", p[MAX_COUNT], LARGEST_COUNT);
    STC_CHECK(p[MAX_COUNT] == 1 || (float)p[V_THRESHOLD] > 0, STC_ERR_INPUT,
              "v_threshold is %g, expected > 0 when max_count is above 1", p[V_THRESHOLD]);
    STC_CHECK(fabs(p[OUTPUT_SCALE]) >= 0x1p-100 && fabs(p[OUTPUT_SCALE]) <= 0x1p+100 &&
                  fabs(frexp(p[OUTPUT_SCALE], &exponent)) == 0.5,
              STC_ERR_INPUT,
              "output_scale is %g, expected a power of two from 2^-100 to 2^100; put any other "
              "factor into the weights that read the spikes",
              p[OUTPUT_SCALE]);
    *kind = (stc_kind){.unit = p[OUTPUT_SCALE], .max = (int64_t)p[MAX_COUNT]};
    return STC_OK;
}

static void start(const double *p, float v[STC_MAX_NEURON_STATES])
{
    v[0] = (float)p[V0];
}

/* h in place of v. a / tau is a * inverse where that gives the same bits. */
static void charge_decay(int64_t n, float tau, float rest, bool exact, const float *restrict x,
                         float *restrict v)
{
    const float inverse = 1.0f / tau;
    if (exact && rest == 0.0f) {
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] + (x[i] - v[i]) * inverse;
    } else if (rest == 0.0f) {
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] + (x[i] - v[i]) / tau;
    } else {
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] + (x[i] - (v[i] - rest)) / tau;
    }
}

static void charge(int64_t n, const double *p, const float *restrict x, float *restrict v)
{
    const float tau = (float)p[TAU];
    const float rest = p[SOFT_RESET] != 0 ? 0.0f : (float)p[V_RESET];
    int exponent;
    if (p[DECAY_INPUT] != 0 && tau == 1.0f) {
        if (rest == 0.0f) {
            for (int64_t i = 0; i < n; i++)
                v[i] = x[i];
        } else {
            for (int64_t i = 0; i < n; i++)
                v[i] = x[i] + rest;
        }
    } else if (p[DECAY_INPUT] != 0) {
        charge_decay(n, tau, rest, frexpf(tau, &exponent) == 0.5f, x, v);
    } else if (rest == 0.0f) {
        const float keep = (float)(1.0 - 1.0 / p[TAU]);
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] * keep + x[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            v[i] = (v[i] - (v[i] - rest) / tau) + x[i];
    }
}

/* One loop for each compare and reset; v holds h. */
#define FIRE(compare, after)                                                                       \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const float h = v[i];                                                                      \
        const bool fires = h compare threshold;                                                    \
        out[i] = fires;                                                                            \
        v[i] = fires ? (after) : h;                                                                \
    }

static void fire_once(int64_t n, const double *p, float *restrict v, uint8_t *restrict out)
{
    const float threshold = (float)p[V_THRESHOLD], reset = (float)p[V_RESET];
    const bool soft = p[SOFT_RESET] != 0;
    if (p[COMPARE] == GT) {
        if (soft) {
            FIRE(>, h - threshold)
        } else {
            FIRE(>, reset)
        }
    } else {
        if (soft) {
            FIRE(>=, h - threshold)
        } else {
            FIRE(>=, reset)
        }
    }
}

static void fire_counts(int64_t n, const double *p, float *restrict v, uint8_t *restrict out)
{
    const float threshold = (float)p[V_THRESHOLD], reset = (float)p[V_RESET];
    const float most = (float)p[MAX_COUNT];
    const float whole = 0x1p23f; /* adding it rounds a small number to an integer, half to even */
    float ratio[BLOCK];
    for (int64_t i = 0; i < n; i++) {
        float r = v[i] / threshold;
        r = r > 0.0f ? r : 0.0f;
        ratio[i] = r < most ? r : most;
    }
    if (p[ROUNDING] == HALF_UP) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (uint8_t)(int32_t)(ratio[i] + 0.5f);
    } else {
        for (int64_t i = 0; i < n; i++)
            out[i] = (uint8_t)(int32_t)((ratio[i] + whole) - whole);
    }
    if (p[SOFT_RESET] != 0) {
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] - (float)out[i] * threshold;
    } else {
        for (int64_t i = 0; i < n; i++) {
            const float h = v[i];
            v[i] = out[i] > 0 ? reset : h;
        }
    }
}

static void step(int64_t n, const stc_neuron_step *run)
{
    const double *p = run->params;
    const float *x = run->x;
    float *v = run->state[0];
    uint8_t *out = run->out;
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = n - i < BLOCK ? n - i : BLOCK;
        charge(count, p, x + i, v + i);
        if (p[MAX_COUNT] > 1) {
            fire_counts(count, p, v + i, out + i);
        } else {
            fire_once(count, p, v + i, out + i);
        }
    }
}

static const char *const states[] = {"v"};

const stc_neuron_model STC_MODEL(discrete_lif) = {
    .name = "discrete_lif",
    .type = "DiscreteLIF",
    .help = "discrete leaky integrate-and-fire neuron, spikes or bounded counts",
    .nstate = 1,
    .states = states,
    .params = params,
    .nparams = NPARAMS,
    .output_kind = output_kind,
    .start = start,
    .step = step,
};
