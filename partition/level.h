/* level.h - an undirected hypergraph on which partitions are searched, and its coarser versions.
 *
 * The source of a net is a member like any pin: the volume of a net is its cost times (number of
 * parts that hold a member - 1). Costs are whole numbers, scaled by a power of two so that their
 * sum stays below 2^30: gains are exact in any order. Everything is Local.
 */
#ifndef STC_PARTITION_LEVEL_H
#define STC_PARTITION_LEVEL_H

#include "stc/partition.h"

#include <stdbool.h>

typedef struct {
    int32_t n, nnets;
    double *weight;     /* [n][STC_NCONSTRAINTS] */
    int32_t *vertices;  /* [n] how many of the finest level a vertex stands for */
    int32_t *cost;      /* [nnets] > 0 */
    int64_t *first;     /* [nnets + 1] */
    int32_t *member;    /* [first[nnets]] vertices of a net, each once, at least two */
    int64_t *first_net; /* [n + 1] */
    int32_t *net;       /* [first[nnets]] nets of a vertex */
    double unit;        /* spikes per step of a cost of 1 */
} stc_level;

/* Room for a level whose nets (first, member, cost), weights and vertices the caller fills; when
 * nnets and they are set, stc_level_finish lists the nets of every vertex. Released on failure. */
int stc_level_open(int32_t n, int32_t nnets, int64_t pins, stc_level *level);
int stc_level_finish(stc_level *level);
/* The volume of the level is what searches lower for the cost model: for copies per core a net is
 * one pair per pin. Nets that cannot cost anything (no weight, one member) are left out. */
int stc_level_create(const stc_hypergraph *graph, const stc_cost_model *cost, stc_level *level);
/* Merge vertices: cluster[n] names a coarse vertex 0..ncoarse-1 for each. Equal nets become one. */
int stc_level_contract(const stc_level *fine, const int32_t *cluster, int32_t ncoarse,
                       stc_level *coarse);
/* What is left of the hypergraph on the vertices of one part; vertex[] of those is returned in
 * `vertex` (room for n). Nets lose the members elsewhere. */
int stc_level_extract(const stc_level *level, const int32_t *part, int32_t which, int32_t *vertex,
                      stc_level *sub);
void stc_level_release(stc_level *level);

/* Cluster vertices that share heavy nets, to about `wanted` clusters; no cluster stands for more
 * than `most` of a weight or `most_vertices`. within: only vertices of equal within[] are joined;
 * NULL: any. cluster[n] (clusters are numbered in the order of their first vertices, so that
 * cluster[v] <= v) and *ncoarse are filled. */
int stc_level_cluster(const stc_level *level, int32_t wanted, const double most[STC_NCONSTRAINTS],
                      int32_t most_vertices, const int32_t *within, uint64_t seed, int32_t *cluster,
                      int32_t *ncoarse);

#endif
