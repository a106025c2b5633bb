/* latency_encoding.c - time to first spike: the larger a value, the earlier its only spike. The
 * value is that of the first step. Linear rule: value 1 fires in the first of `steps` steps, value
 * 0 in the last. With tau: when a membrane that the value charges with this time constant reaches
 * the threshold, rounded to the nearest step. */
#include "code.h"

#include <math.h>

enum { STEPS, TAU, THRESHOLD, LEAST, NPARAMS };

static const stc_attr_spec params[NPARAMS] = {
    [STEPS] = {"steps", STC_ATTR_INT, false, 0, ">= 0", 0, NULL,
               "in which the spikes fall; 0: those of the sample"},
    [TAU] = {"tau", STC_ATTR_REAL, false, 0, ">= 0", 0, NULL,
             "steps; 0: the linear rule, else that of a membrane"},
    [THRESHOLD] = {"threshold", STC_ATTR_REAL, false, 0.01, "> 0", 0, NULL,
                   "of the membrane; values up to it never fire"},
    [LEAST] = {"least", STC_ATTR_REAL, false, 0, "finite", 0, NULL,
               "values below never fire (linear rule)"},
};

/* The smallest value whose spike falls into a step or before it: x (1 - exp(-t / tau)) reaches the
 * threshold at a time t that rounds to the step. */
static float bound(const double *p, int64_t step)
{
    double charged = 1.0 - stc_math_exp(-((double)step + 0.5) / p[TAU]);
    return (float)(p[THRESHOLD] / charged);
}

static void step(int64_t n, const stc_code_step *run)
{
    const double *p = run->params;
    const float *restrict first = run->state;
    float *restrict out = run->out;
    int64_t steps = p[STEPS] > 0.0 ? (int64_t)p[STEPS] : run->time_steps;
    for (int64_t i = 0; i < n && run->step == 0; i++)
        run->state[i] = run->x[i];
    if (p[TAU] == 0.0) {
        const float now = (float)run->step, last = (float)(steps - 1), least = (float)p[LEAST];
        for (int64_t i = 0; i < n; i++) {
            float when = nearbyintf((1.0f - stc_unit_interval(first[i])) * last);
            out[i] = first[i] >= least && when == now ? 1.0f : 0.0f;
        }
    } else {
        const float from = run->step < steps ? bound(p, run->step) : INFINITY;
        const float below = run->step > 0 ? bound(p, run->step - 1) : INFINITY;
        const float never = (float)p[THRESHOLD]; /* which bounds come close to */
        for (int64_t i = 0; i < n; i++)
            out[i] = first[i] >= from && first[i] < below && first[i] > never ? 1.0f : 0.0f;
    }
}

const stc_code stc_code_latency_encoding = {
    .name = "latency_encoding",
    .type = "LatencyEncoding",
    .help = "one spike, the earlier the larger the value",
    .params = params,
    .nparams = NPARAMS,
    .nstate = stc_one_state,
    .output_kind = stc_gives_bits,
    .step = step,
};
