/* firing.h - what the spiking models of NIR share: when a potential fires and what becomes of it.
 *
 * NIR says z = v > v_threshold, then v <- v_reset. Its simulators differ, so every point in which
 * they do is a parameter. In one step, with h the potential that the model has charged:
 *
 *     count    max_count 1:  1 where h > v_threshold (compare gt) or h >= v_threshold (ge)
 *              max_count D:  how often v_threshold can be taken off while that holds, at most D
 *                            times; for ge that is floor(h / v_threshold): Sinabs, Rockpool
 *     reset    value: v = v_reset      zero: v = 0      subtract: v = h - count * v_threshold
 *     clip     threshold: v = max(v, -v_threshold) at the end of the step (Sinabs' import of IF)
 *
 *     fire     reset_time
 *     after    same    charge, emit count(h), reset: NIR, Norse, Sinabs, Rockpool, SpikingJelly
 *     after    next    charge, reset by count(v of the step before), emit count(v): snnTorch's
 *                      layers by default; a reset to a value loses the input of its step
 *     after    carry   as same, but a potential still above v_threshold after its reset is compared
 *                      less one threshold in the next step: snnTorch's Leaky with subtract and
 *                      reset_delay=False
 *     before   same    emit count(v), reset, charge: Spyx CuBaLIF
 *     before   next    emit count(v), charge, reset: Spyx LIF and IF
 *
 * All is float32, each operation rounded by itself; only the quotient of max_count > 1 is float64,
 * where its floor is that of the exact quotient. A block of neurons goes through one short loop
 * after the other, so that each is vectorised; it stays in the first-level cache in between.
 *
 * Use: the last FIRING_NPARAMS parameters of a model, from index FIRING, are FIRING_SPECS; its
 * first coefficients are FIRING_THRESHOLD and FIRING_RESET; its potential is state 0.
 */
#ifndef STC_FIRING_H
#define STC_FIRING_H

#include "model.h"

/* Parameters, counted from the first of FIRING_SPECS. */
enum {
    FIRING_V_THRESHOLD,
    FIRING_V_RESET,
    FIRING_V0,
    FIRING_COMPARE,
    FIRING_RESET_TO,
    FIRING_RESET_TIME,
    FIRING_FIRE,
    FIRING_MAX_COUNT,
    FIRING_CLIP,
    FIRING_NPARAMS
};
enum { FIRING_GT, FIRING_GE };                       /* compare */
enum { FIRING_VALUE, FIRING_ZERO, FIRING_SUBTRACT }; /* reset */
enum { FIRING_SAME, FIRING_NEXT, FIRING_CARRY };     /* reset_time */
enum { FIRING_AFTER, FIRING_BEFORE };                /* fire */
enum { FIRING_THRESHOLD, FIRING_RESET, FIRING_NCOEFFICIENTS };
enum { FIRING_BLOCK = 1024, FIRING_LARGEST_COUNT = 255 /* an output is one byte */ };

#define FIRING_COMPARE_SPEC                                                                        \
    PARAM("compare", CHOICE, FIRING_GT, "", "gt ge",                                               \
          "fire only above (gt) or also at (ge) the threshold")

#define FIRING_SPECS                                                                               \
    REQUIRED("v_threshold", EACH, 0.25, "finite", NULL, "potential that fires"),                   \
        PARAM("v_reset", EACH, 0, "finite", NULL, "potential after a spike, for reset value"),     \
        PARAM("v0", EACH, 0, "finite", NULL, "potential before the first step of a sample"),       \
        FIRING_COMPARE_SPEC,                                                                       \
        PARAM("reset", CHOICE, FIRING_VALUE, "", "value zero subtract",                            \
              "a spike sets the potential to v_reset, to 0, or subtracts v_threshold"),            \
        PARAM("reset_time", CHOICE, FIRING_SAME, "", "same next carry",                            \
              "reset in the step of the spike (same, carry) or after the charge of the next"),     \
        PARAM("fire", CHOICE, FIRING_AFTER, "", "after before",                                    \
              "compare the potential after or before the step charges it"),                        \
        PARAM("max_count", INT, 1, ">= 1", NULL, "largest number of spikes in a step, 1..255"),    \
        PARAM("clip", CHOICE, 0, "", "none threshold",                                             \
              "lower bound of the potential: none, or -v_threshold")

/* ---- parameters: p points to the first of FIRING_SPECS ---- */

static inline int firing_output_kind(const double *p, stc_kind *kind)
{
    const double count = p[FIRING_MAX_COUNT];
    STC_CHECK(count >= 1 && count <= FIRING_LARGEST_COUNT, STC_ERR_INPUT,
              "max_count is %g, expected 1..%d", count, FIRING_LARGEST_COUNT);
    STC_CHECK(count == 1 || !(p[FIRING_V_THRESHOLD] <= 0), STC_ERR_INPUT,
              "v_threshold is %g, expected > 0 when max_count is above 1", p[FIRING_V_THRESHOLD]);
    STC_CHECK(p[FIRING_FIRE] == FIRING_AFTER || p[FIRING_RESET_TIME] != FIRING_CARRY, STC_ERR_INPUT,
              "reset_time carry is for fire after");
    STC_CHECK(p[FIRING_RESET_TIME] != FIRING_CARRY ||
                  (p[FIRING_RESET_TO] == FIRING_SUBTRACT && count == 1),
              STC_ERR_INPUT, "reset_time carry is for reset subtract and max_count 1");
    *kind = (stc_kind){.unit = 1.0, .max = (int64_t)count};
    return STC_OK;
}

/* The first FIRING_NCOEFFICIENTS; the model makes the others. */
static inline int firing_prepare(const double *p, float *coefficient)
{
    stc_kind kind;
    const float start = (float)p[FIRING_V0];
    STC_TRY(coefficients_finite(1, &start));
    coefficient[FIRING_THRESHOLD] = (float)p[FIRING_V_THRESHOLD];
    coefficient[FIRING_RESET] =
        p[FIRING_RESET_TO] == FIRING_VALUE ? (float)p[FIRING_V_RESET] : 0.0f;
    STC_TRY(coefficients_finite(FIRING_NCOEFFICIENTS, coefficient));
    return firing_output_kind(p, &kind);
}

/* ---- loops over n neurons ---- */

static inline void firing_count_one(int64_t n, bool ge, const float *restrict v,
                                    const float *restrict threshold, uint8_t *restrict count)
{
    if (ge) {
        for (int64_t i = 0; i < n; i++)
            count[i] = v[i] >= threshold[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            count[i] = v[i] > threshold[i];
    }
}

static inline void firing_count_many(int64_t n, bool ge, int most, const float *restrict v,
                                     const float *restrict threshold, uint8_t *restrict count)
{
    const double limit = ge ? most : most + 1.0;
    double ratio[FIRING_BLOCK];
    for (int64_t i = 0; i < n; i++) {
        const double quotient = (double)v[i] / (double)threshold[i];
        const double positive = quotient > 0.0 ? quotient : 0.0;
        ratio[i] = positive < limit ? positive : limit;
    }
    if (ge) {
        for (int64_t i = 0; i < n; i++)
            count[i] = (uint8_t)(int)ratio[i];
    } else { /* one less than the next integer, at least 0 */
        for (int64_t i = 0; i < n; i++) {
            const int whole = (int)ratio[i], below = whole - ((double)whole == ratio[i]);
            count[i] = (uint8_t)(below > 0 ? below : 0);
        }
    }
}

static inline void firing_reset(int64_t n, bool subtract, const uint8_t *restrict count,
                                const float *restrict threshold, const float *restrict reset,
                                float *restrict v)
{
    if (subtract) {
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] - (float)count[i] * threshold[i];
    } else {
        for (int64_t i = 0; i < n; i++) {
            const float h = v[i];
            v[i] = count[i] > 0 ? reset[i] : h;
        }
    }
}

/* v += (held - count) v_threshold: what was held back before counting is given back. */
static inline void firing_carry(int64_t n, const uint8_t *restrict held,
                                const uint8_t *restrict count, const float *restrict threshold,
                                float *restrict v)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = v[i] + ((float)held[i] - (float)count[i]) * threshold[i];
}

static inline void firing_clip(int64_t n, const float *restrict threshold, float *restrict v)
{
    for (int64_t i = 0; i < n; i++) {
        const float h = v[i], least = -threshold[i];
        v[i] = h < least ? least : h;
    }
}

/* ---- one step ---- */

/* The model's own part: charges neurons lo .. hi with their input. */
typedef void firing_charge(int64_t lo, int64_t hi, const stc_neuron_step *run);

/* Neurons lo .. hi, at most FIRING_BLOCK. */
static inline void firing_block(int64_t lo, int64_t hi, const stc_neuron_step *run, const double *p,
                                firing_charge *charge)
{
    const int64_t n = hi - lo;
    const float *threshold = run->coefficient[FIRING_THRESHOLD] + lo;
    const float *reset = run->coefficient[FIRING_RESET] + lo;
    const bool ge = p[FIRING_COMPARE] == FIRING_GE;
    const bool subtract = p[FIRING_RESET_TO] == FIRING_SUBTRACT;
    const bool before = p[FIRING_FIRE] == FIRING_BEFORE, next = p[FIRING_RESET_TIME] == FIRING_NEXT;
    const bool carry = p[FIRING_RESET_TIME] == FIRING_CARRY;
    const int most = (int)p[FIRING_MAX_COUNT];
    uint8_t *out = (uint8_t *)run->out + lo, held[FIRING_BLOCK];
    float *v = run->state[0] + lo;
#define COUNT(count)                                                                               \
    (most > 1 ? firing_count_many(n, ge, most, v, threshold, count)                                \
              : firing_count_one(n, ge, v, threshold, count))
    if (before || next || carry) COUNT(held);
    if (before && !next) firing_reset(n, subtract, held, threshold, reset, v);
    charge(lo, hi, run);
    if (next || carry) firing_reset(n, subtract, held, threshold, reset, v);
    if (before) {
        for (int64_t i = 0; i < n; i++)
            out[i] = held[i];
    } else {
        COUNT(out);
        if (carry) firing_carry(n, held, out, threshold, v);
        if (!carry && !next) firing_reset(n, subtract, out, threshold, reset, v);
    }
#undef COUNT
    if (p[FIRING_CLIP] != 0) firing_clip(n, threshold, v);
}

/* The step of a spiking model; p: its parameters from the first of FIRING_SPECS. */
static inline void firing_step(int64_t n, const stc_neuron_step *run, const double *p,
                               firing_charge *charge)
{
    for (int64_t lo = 0; lo < n; lo += FIRING_BLOCK) {
        firing_block(lo, n - lo < FIRING_BLOCK ? n : lo + FIRING_BLOCK, run, p, charge);
    }
}

#endif
