/* delta_encoding.c - a spike when the value has moved by a threshold away from what the spikes so
 * far say, which is start + threshold * (spikes up - spikes down); or away from that of the step
 * before. At most one spike per step: a value that jumps further is caught up with in the steps
 * that follow. */
#include "code.h"

enum { THRESHOLD, START, CHANNEL, SINCE, NPARAMS };
enum { ON, OFF, SIGNED };
enum { EMITTED, PREVIOUS };

static const stc_attr_spec params[NPARAMS] = {
    [THRESHOLD] = {"threshold", STC_ATTR_REAL, false, 0.1, "> 0", 0, NULL,
                   "change that makes a spike"},
    [START] = {"start", STC_ATTR_REAL, false, 0, "finite", 0, NULL, "value before the first step"},
    [CHANNEL] = {"channel", STC_ATTR_CHOICE, false, ON, "", 0, "on off signed",
                 "spikes of changes up, of changes down, or both as 1 and -1"},
    [SINCE] = {"since", STC_ATTR_CHOICE, false, EMITTED, "", 0, "emitted previous",
               "change from what the spikes say, or from the value of the step before"},
};

static int output_kind(const double *p, stc_kind in, stc_kind *out)
{
    (void)in;
    *out = p[CHANNEL] == SIGNED ? STC_KIND_REAL : STC_KIND_BIT;
    return STC_OK;
}

/* state: spikes up minus spikes down, or the value of the step before. */
static void step(int64_t n, const stc_code_step *run)
{
    const float threshold = (float)run->params[THRESHOLD], start = (float)run->params[START];
    const int channel = (int)run->params[CHANNEL];
    const bool emitted = (int)run->params[SINCE] == EMITTED;
    const float up = channel == OFF ? 0.0f : 1.0f;
    const float down = channel == ON ? 0.0f : channel == OFF ? 1.0f : -1.0f;
    for (int64_t i = 0; i < n; i++) {
        float *state = &run->state[i], from = *state;
        if (emitted) from = start + threshold * *state;
        if (!emitted && run->step == 0) from = start;
        float change = run->x[i] - from;
        bool rises = change >= threshold, falls = change <= -threshold;
        run->out[i] = rises ? up : falls ? down : 0.0f;
        if (emitted)
            *state += rises ? 1.0f : falls ? -1.0f : 0.0f;
        else
            *state = run->x[i];
    }
}

const stc_code stc_code_delta_encoding = {
    .name = "delta_encoding",
    .type = "DeltaEncoding",
    .help = "a spike when the value has changed by a threshold",
    .params = params,
    .nparams = NPARAMS,
    .nstate = stc_one_state,
    .output_kind = output_kind,
    .step = step,
};
