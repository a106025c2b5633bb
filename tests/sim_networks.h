/* sim_networks.h - small random networks that mix what spiking transformers are made of.
 *
 * Weights, norms and inputs are multiples of small powers of two, so that float32 sums are exact in
 * any order: the simulation must agree with the reference evaluation spike by spike. */
#ifndef STC_TESTS_SIM_NETWORKS_H
#define STC_TESTS_SIM_NETWORKS_H

#include "stc/builder.h"

typedef struct {
    const char *name;
    /* Different for each seed; ends in one or more outputs. Errors stick to the builder. */
    int (*build)(stc_builder *builder, uint64_t seed);
} sim_network;

const sim_network *sim_networks(int *n);

/* Forms of published models (sim_zoo.c), part of the list. */
int sim_separable(stc_builder *builder, uint64_t seed);
int sim_multi_level(stc_builder *builder, uint64_t seed);
int sim_downsampling(stc_builder *builder, uint64_t seed);
int sim_fused_heads(stc_builder *builder, uint64_t seed);
int sim_regrouped(stc_builder *builder, uint64_t seed);

#endif
