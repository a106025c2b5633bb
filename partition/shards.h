/* shards.h - a hypergraph of which every rank holds a piece. Not installed.
 *
 * A net is owned by the rank of its source. Its members are kept by the ranks of the members: the
 * members of one net on one rank are a fragment. So no rank asks where a remote vertex is: the
 * holders of a net's fragments tell its owner how many members are on which part, and the owner
 * tells them the sum. Reading order: shard_exchange.c, shard_fragments.c, shard_quotient.c,
 * shard_refine.c, distributed.c.
 *
 * Vertices are cut into a number of virtual shards that depends on the graph alone; a rank holds
 * whole ones. Weights and costs are whole numbers, so that sums have the same bits in any order:
 * results do not depend on the number of ranks.
 */
#ifndef STC_PARTITION_SHARDS_H
#define STC_PARTITION_SHARDS_H

#include "method.h"

#include "stc/comm.h"

/* ---- words to and from all ranks (shard_exchange.c) ---- */

typedef struct {
    int32_t *words;
    int64_t n, capacity;
} stc_outbox;

typedef struct {
    const stc_comm *comm;
    stc_outbox *box; /* [comm->size] */
    int64_t n;       /* words in all boxes */
    bool failed;     /* memory was short */
} stc_post;

/* Put n words into the box of a rank. */
void stc_post_put(stc_post *post, int rank, const int32_t *words, int64_t n);

/* Write records until stc_post_full or there are no more; true: no more. */
typedef bool (*stc_post_writer)(void *context, stc_post *post);
/* Whole records from one rank, in the order in which they were put. */
typedef int (*stc_post_reader)(void *context, int source, const int32_t *words, int64_t n);
bool stc_post_full(const stc_post *post);

/* Write, exchange and read until all ranks have written everything; in bounded memory. Collective;
 * all ranks return the same code. */
int stc_post_exchange(const stc_comm *comm, stc_post_writer write, stc_post_reader read,
                      void *context);

/* ---- the graph ---- */

enum { STC_COST_BITS = 40, STC_WEIGHT_BITS = 52 }; /* of the sums over the whole graph */

typedef struct {
    const stc_comm *comm;
    const stc_hypergraph_shard *shard; /* borrowed */
    int32_t nparts;
    uint64_t seed;
    stc_cost_model cost;
    int64_t ratio;                                   /* of boards, in units of 1 / STC_RATIO_ONE */
    int32_t nshards;                                 /* virtual ones */
    int32_t own_first, own_end;                      /* those of this rank */
    stc_limits limits;                               /* of doubles */
    int64_t (*weight)[STC_NCONSTRAINTS];             /* [n] whole numbers */
    double weight_unit[STC_NCONSTRAINTS], cost_unit; /* of 1 */
    int64_t limit[STC_NCONSTRAINTS], hard[STC_NCONSTRAINTS]; /* of a part */

    /* fragments here, by owner, then net: the same order on any number of ranks */
    int64_t nfragments;
    int64_t *of;             /* [comm->size + 1] first fragment of an owner */
    int32_t *fragment_net;   /* [nfragments] of the owner */
    int64_t *fragment_cost;  /* [nfragments] */
    uint32_t *draw;          /* [nfragments] stc_shards_draw of the net */
    int64_t *first;          /* [nfragments + 1] */
    int32_t *member;         /* [first[nfragments]] 0..n-1, rising */
    int64_t *first_fragment; /* [n + 1] */
    int32_t *fragment;       /* fragments of a vertex */

    /* own nets */
    int64_t *net_cost;     /* [nnets], 0: costs nothing, has no fragments */
    int64_t *first_holder; /* [nnets + 1] */
    int32_t *holder;       /* ranks with a fragment of a net, rising */
} stc_shards;

enum { STC_RATIO_ONE = 16 };

/* First vertex of a virtual shard. */
static inline int32_t stc_shard_begin(int32_t nvertices, int32_t nshards, int32_t shard)
{
    return (int32_t)((int64_t)nvertices * shard / nshards);
}

/* A number drawn for an own net: the same on any number of ranks. Local. */
uint32_t stc_shards_draw(const stc_shards *s, int64_t net);
/* Check and prepare; release in any case. Collective. */
int stc_shards_create(const stc_comm *comm, const stc_hypergraph_shard *shard,
                      const stc_partition_options *options, stc_shards *s);
void stc_shards_release(stc_shards *s);

/* Cluster vertices in every virtual shard, gather the graph of clusters, partition it, and give
 * each vertex the part of its cluster. Collective. */
int stc_shards_start(const stc_shards *s, const stc_partition_options *options, int32_t *part,
                     stc_partition_quality *made);

/* ---- parts of nets (shard_refine.c) ---- */

typedef struct {
    int32_t part, members;
} stc_tally;

/* How the members of nets are spread over the parts. */
typedef struct {
    int64_t *first; /* [nnets + 1] room of a net, its own nets */
    int32_t *n;     /* [nnets] parts */
    stc_tally *tally;
    int64_t cost; /* of all nets of all ranks, with boards; in 1 / STC_RATIO_ONE */
} stc_spreads;

int stc_spreads_create(const stc_shards *s, stc_spreads *spreads);
void stc_spreads_release(stc_spreads *spreads);
/* Fill from the parts of all ranks' vertices. Collective. */
int stc_spreads_collect(const stc_shards *s, const int32_t *part, stc_spreads *spreads);

/* Loads and vertices of all parts, of all ranks' vertices. Collective. */
void stc_shards_load(const stc_shards *s, const int32_t *part, int64_t *load, int64_t *size);

/* Lower the cost by rounds of moves; fills spreads for the result. Collective. */
int stc_shards_refine(const stc_shards *s, int32_t *part, stc_spreads *spreads);

#endif
