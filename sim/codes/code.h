/* code.h - what several codes need. */
#ifndef STC_SIM_CODES_CODE_H
#define STC_SIM_CODES_CODE_H

#include "stc/base.h"
#include "stc/code.h"

#define STC_COUNT(array) (int)(sizeof(array) / sizeof *(array))

static inline int64_t stc_one_state(const double *params)
{
    (void)params;
    return 1;
}

static inline int stc_gives_bits(const double *params, stc_kind in, stc_kind *out)
{
    (void)params;
    (void)in;
    *out = STC_KIND_BIT;
    return STC_OK;
}

static inline int stc_gives_reals(const double *params, stc_kind in, stc_kind *out)
{
    (void)params;
    (void)in;
    *out = STC_KIND_REAL;
    return STC_OK;
}

/* x within [0, 1]; NaN is 0. */
static inline float stc_unit_interval(float x)
{
    float above = x > 0.0f ? x : 0.0f;
    return above < 1.0f ? above : 1.0f;
}

#endif
