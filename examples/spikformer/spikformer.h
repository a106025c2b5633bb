/* spikformer.h - Spikformer (Zhou et al., ICLR 2023) by the builder, with random weights.
 *
 * Two forms: CIFAR (32 x 32, attention in the order (Q K^T) V, linear layers with bias) and
 * ImageNet (224 x 224, Q (K^T V), no bias on Q, K, V). Weights are random; the shifts of the batch
 * norms are calibrated so that every LIF layer fires at the rates that trained models show. */
#ifndef SPIKFORMER_H
#define SPIKFORMER_H

#include "stc/builder.h"
#include "stc/comm.h"
#include "stc/input.h"

typedef struct {
    const char *name;
    int64_t size, channels, depth, heads, classes; /* image height and width; D; L */
    bool imagenet;                                 /* the ImageNet form; otherwise the CIFAR form */
} spikformer_form;

extern const spikformer_form spikformer_2_256, spikformer_4_384, spikformer_8_512;
/* By name ("4-384"); NULL when unknown. Local. */
const spikformer_form *spikformer_find(const char *name);

enum { SPIKFORMER_MAX_LAYERS = 80 };
/* Number of LIF layers of a form, attention LIFs not counted: the length of shifts. */
int spikformer_layers(const spikformer_form *form);

/* Build the graph (T = 4). shifts [layers]: what batch norm adds before each LIF. Local; the caller
 * destroys the graph. */
int spikformer_build(const spikformer_form *form, const float *shifts, stc_graph **out);

/* Find shifts so that every LIF layer fires between 5 and 25 % on smooth random images: compile,
 * run, correct, a few times. Collective. */
int spikformer_calibrate(const stc_comm *comm, const spikformer_form *form, float *shifts);

/* n smooth random images (3, size, size) in [0, 1), stc_alloc'ed, caller frees. Local. */
float *spikformer_images(const spikformer_form *form, int64_t n, uint64_t seed);

#endif
