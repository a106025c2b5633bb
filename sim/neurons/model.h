/* model.h - what a model's file needs: the name of its table for the instruction set that it is
 * compiled for (STC_ISA is scalar, avx2 or avx512, given by the build). */
#ifndef STC_MODEL_H
#define STC_MODEL_H

#include "stc/neuron.h"

#include <math.h>

/* A parameter that need not be given; kind without STC_ATTR_. Those that must are REQUIRED: there
 * the initial value only serves the examples of the op. */
#define PARAM(name, kind, initial, check, choices, help)                                           \
    {                                                                                              \
        name, STC_ATTR_##kind, false, initial, check, 0, choices, help                             \
    }
#define REQUIRED(name, kind, initial, check, choices, help)                                        \
    {                                                                                              \
        name, STC_ATTR_##kind, true, initial, check, 0, choices, help                              \
    }

/* For prepare: coefficients must be finite in float32. */
static inline int coefficients_finite(int n, const float *coefficient)
{
    for (int k = 0; k < n; k++) {
        STC_CHECK(isfinite(coefficient[k]), STC_ERR_INPUT,
                  "the parameters give a coefficient of %g; they and dt / tau must fit float32",
                  (double)coefficient[k]);
    }
    return STC_OK;
}

#define STC_MODEL_JOIN(name, isa)   stc_model_##name##_##isa
#define STC_MODEL_EXPAND(name, isa) STC_MODEL_JOIN(name, isa)
#define STC_MODEL(name)             STC_MODEL_EXPAND(name, STC_ISA)

#define MODEL(name) extern const stc_neuron_model STC_MODEL_JOIN(name, scalar);
#include "list.h"
#undef MODEL
#define MODEL(name) extern const stc_neuron_model STC_MODEL_JOIN(name, avx2);
#include "list.h"
#undef MODEL
#define MODEL(name) extern const stc_neuron_model STC_MODEL_JOIN(name, avx512);
#include "list.h"
#undef MODEL

/* The models in list order, neurons.c. */
extern const stc_neuron_model *const stc_neurons_scalar[];
extern const stc_neuron_model *const stc_neurons_avx2[];
extern const stc_neuron_model *const stc_neurons_avx512[];

#endif
