/* phase.h - what encoder and decoder of the phase code share: the step's place in its period says
 * what a spike is worth, 1/2, 1/4, ... */
#ifndef STC_SIM_CODES_PHASE_H
#define STC_SIM_CODES_PHASE_H

#include "code.h"

enum { STC_PHASE_BITS, STC_PHASE_NPARAMS };
enum { STC_PHASE_MOST = 24 }; /* bits that float32 holds */

#define STC_PHASE_BITS_SPEC                                                                        \
    {                                                                                              \
        "bits", STC_ATTR_INT, false, 8, ">= 1", 0, NULL,                                           \
            "of a value, which are the steps of a period; at most 24"                              \
    }

static inline int stc_phase_check(const double *params)
{
    STC_CHECK(params[STC_PHASE_BITS] <= STC_PHASE_MOST, STC_ERR_INPUT,
              "bits is %g, expected at most %d", params[STC_PHASE_BITS], STC_PHASE_MOST);
    return STC_OK;
}

#endif
