/* neurons.c - the list of neuron models for each instruction set. */
#include "model.h"

#include <string.h>

#define MODEL(name) &STC_MODEL_JOIN(name, scalar),
const stc_neuron_model *const stc_neurons_scalar[] = {
#include "list.h"
};
#undef MODEL
#define MODEL(name) &STC_MODEL_JOIN(name, avx2),
const stc_neuron_model *const stc_neurons_avx2[] = {
#include "list.h"
};
#undef MODEL
#define MODEL(name) &STC_MODEL_JOIN(name, avx512),
const stc_neuron_model *const stc_neurons_avx512[] = {
#include "list.h"
};
#undef MODEL

const stc_neuron_model *const *stc_neuron_models(const char *isa, int *n)
{
    *n = (int)(sizeof stc_neurons_scalar / sizeof *stc_neurons_scalar);
    if (strcmp(isa, "avx512") == 0) return stc_neurons_avx512;
    if (strcmp(isa, "avx2") == 0) return stc_neurons_avx2;
    return stc_neurons_scalar;
}
