/* model.h - what a model's file needs: the name of its table for the instruction set that it is
 * compiled for (STC_ISA is scalar, avx2 or avx512, given by the build). */
#ifndef STC_MODEL_H
#define STC_MODEL_H

#include "stc/neuron.h"

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
