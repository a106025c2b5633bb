/* temporal_pool.c - sum, maximum or mean over windows of time. Windows that follow each other give
 * one value each, at their last step, and 0 in between, so that what comes after sees an event per
 * window; a window that the sample cuts off gives none. A sliding window gives one at every step,
 * over the last steps: those before the sample count 0 in sums and means and are left out of a
 * maximum. */
#include "code.h"

enum { WINDOW, METHOD, SLIDING, NPARAMS };
enum { SUM, MAX, MEAN };

static const stc_attr_spec params[NPARAMS] = {
    [WINDOW] = {"window", STC_ATTR_INT, true, 0, ">= 1", 0, NULL, "steps, at most 4096"},
    [METHOD] = {"method", STC_ATTR_CHOICE, false, SUM, "", 0, "sum max mean",
                "of the values in a window"},
    [SLIDING] = {"sliding", STC_ATTR_BOOL, false, 0, "", 0, NULL,
                 "a window that ends at every step, not one after the other"},
};

static int64_t nstate(const double *p)
{
    return p[SLIDING] != 0.0 ? (int64_t)p[WINDOW] : 1;
}

static int output_kind(const double *p, stc_kind in, stc_kind *out)
{
    const int64_t window = (int64_t)p[WINDOW];
    STC_CHECK(window <= STC_MAX_CODE_STATES, STC_ERR_INPUT,
              "window is %lld steps, expected at most %d", (long long)window, STC_MAX_CODE_STATES);
    *out = in;
    if (p[METHOD] == MAX || stc_kind_is_real(in)) return STC_OK;
    bool exact = in.max <= (INT64_C(1) << 24) / window;
    *out = exact ? (stc_kind){in.unit, in.max * window} : STC_KIND_REAL;
    if (p[METHOD] != MEAN || !exact) return STC_OK;
    *out = stc_is_power_of_two((double)window) ? stc_kind_scale(*out, 1.0 / (double)window)
                                               : STC_KIND_REAL;
    return STC_OK;
}

static inline float joined(float a, float b, bool max)
{
    return max ? (b > a ? b : a) : a + b;
}

/* state: what the window at hand gives so far. */
static void step_blocks(int64_t n, const stc_code_step *run, int64_t window, bool max,
                        float divisor)
{
    const int64_t at = run->step % window;
    float *restrict so_far = run->state;
    for (int64_t i = 0; i < n; i++) {
        so_far[i] = at == 0 ? run->x[i] : joined(so_far[i], run->x[i], max);
        run->out[i] = at == window - 1 ? so_far[i] / divisor : 0.0f;
    }
}

/* state: the last values, that of step t at t mod window; joined from the oldest on. */
static void step_sliding(int64_t n, const stc_code_step *run, int64_t window, bool max,
                         float divisor)
{
    const int64_t oldest = run->step >= window ? run->step - window + 1 : 0;
    for (int64_t i = 0; i < n; i++) {
        float *ring = run->state + i;
        ring[run->step % window * run->state_stride] = run->x[i];
        float sum = ring[oldest % window * run->state_stride];
        for (int64_t t = oldest + 1; t <= run->step; t++)
            sum = joined(sum, ring[t % window * run->state_stride], max);
        run->out[i] = sum / divisor;
    }
}

static void step(int64_t n, const stc_code_step *run)
{
    const double *p = run->params;
    const int64_t window = (int64_t)p[WINDOW];
    const float divisor = p[METHOD] == MEAN ? (float)window : 1.0f;
    (p[SLIDING] != 0.0 ? step_sliding : step_blocks)(n, run, window, p[METHOD] == MAX, divisor);
}

const stc_code stc_code_temporal_pool = {
    .name = "temporal_pool",
    .type = "TemporalPool",
    .help = "sum, maximum or mean over windows of time",
    .params = params,
    .nparams = NPARAMS,
    .nstate = nstate,
    .output_kind = output_kind,
    .step = step,
};
