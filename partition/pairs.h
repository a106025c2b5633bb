/* pairs.h - graphs of pairs, and METIS with its traps guarded: only metis.c knows it. Local;
 * threads wait for each other in METIS. */
#ifndef STC_PARTITION_PAIRS_H
#define STC_PARTITION_PAIRS_H

#include "method.h"

/* Pairs of vertices in both directions, by vertex; a pair may occur many times. */
typedef struct {
    int32_t n;
    int64_t *first; /* [n + 1] */
    int32_t *to;    /* [first[n]] */
    float *weight;  /* [first[n]] > 0 */
} stc_pairs;

/* Which pins of a net stand for all. Where all pairs of a source and a pin are more than 2^22, 32
 * pins that are spread evenly over a long list stand for all of it with the weight of all: such a
 * net reaches nearly every part whatever is done. */
enum { STC_LONG_LIST = 512 }; /* pins; above it */
typedef struct {
    bool drawn;
} stc_sample;
stc_sample stc_sample_of(const stc_hypergraph *graph);
int64_t stc_sample_size(const stc_sample *sample, int64_t pins);
/* The i-th of stc_sample_size pins of a net: 0 .. pins - 1. */
int64_t stc_sample_pin(const stc_sample *sample, int32_t net, int64_t i, int64_t pins);
/* Over all nets. */
int64_t stc_sampled_pins(const stc_sample *sample, const stc_hypergraph *graph);

/* Pairs (source, destination) of a hypergraph. even: the weight of a net is divided by the number
 * of its destinations. */
int stc_pairs_of_edges(const stc_hypergraph *graph, bool even, stc_pairs *pairs);
/* Pairs of members of the same net, the cost divided by (members - 1); large nets by drawn pairs.
 * What stays together in the cut of this graph shares nets, also when there is no spike between. */
int stc_pairs_of_members(const stc_level *level, uint64_t seed, stc_pairs *pairs);
void stc_pairs_release(stc_pairs *pairs);

/* METIS' k-way cut. weight[n][STC_NCONSTRAINTS]. Returns 0, or STC_NO_CANDIDATE when METIS has
 * nothing to offer (one part, a part for every vertex, or it fails): part is then undefined.
 * Parts may be empty or overloaded: repair. STC_ERR_FIT: more pairs than METIS' index takes. */
int stc_metis_parts(const stc_pairs *pairs, const double *weight, const stc_limits *limits,
                    uint32_t seed, int32_t *part);

#endif
