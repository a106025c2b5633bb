/* method.h - what the methods of this folder share. Not installed.
 *
 * A method is one file with one row in methods.h. Reading order: partition.c (the way through),
 * job.c (checks), level.h (the graph as it is searched), measure.c, contiguous.c, random.c, file.c;
 * state.h (how moves are valued), refine.c, repair.c, search.c; pairs.h, metis.c, metis_cut.c;
 * cluster.c, hierarchy.h, bisect.c, multilevel.c; deal.c (candidates over the ranks) and auto.c.
 * hgr.c and write.c are files.
 */
#ifndef STC_PARTITION_METHOD_H
#define STC_PARTITION_METHOD_H

#include "level.h"

#include <stdbool.h>

/* Purposes of the random numbers drawn here (stc_random_u32). */
enum { STC_DRAW_DEAL = 0x7061, STC_DRAW_METIS, STC_DRAW_VISIT };

/* What parts may hold. A part of share n stands for n parts that it will be split into. */
typedef struct {
    int32_t nparts;
    const int32_t *share;           /* [nparts]; NULL: all 1 */
    double total[STC_NCONSTRAINTS]; /* of all vertices */
    double hard[STC_NCONSTRAINTS];  /* capacity of a part of share 1; INFINITY: none */
    double soft[STC_NCONSTRAINTS];  /* load that balance allows: the average times imbalance, and
                                       never less than the heaviest vertex or the free share of
                                       the capacity; INFINITY: no weight */
} stc_limits;

/* One call of stc_partition, checked. */
typedef struct {
    const stc_hypergraph *graph;
    int32_t nparts;
    uint64_t seed;
    double imbalance;     /* allowed maximum / average */
    const char *argument; /* of "method:argument", or NULL */
    stc_limits limits;    /* of the parts */
    stc_level level;      /* the graph, source and pins alike */
} stc_partition_job;

typedef struct {
    const char *name;
    const char *argument; /* what follows the name and a colon; NULL: nothing */
    /* Fill part. Collective, the same result on all ranks. made->method is the name and may be
     * changed to a more telling static text; made->no_gain may be set. */
    int (*run)(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made);
} stc_partition_method;

#define METHOD(name) extern const stc_partition_method stc_partition_##name;
#include "methods.h"
#undef METHOD

/* Check graph and options and fill the job; release it by stc_job_release in any case. Local. */
int stc_job_prepare(const stc_hypergraph *graph, const stc_partition_options *options,
                    stc_partition_job *job);
void stc_job_release(stc_partition_job *job);
/* How far the worst imbalance of a measured partition is above what balance allows, rounded up to
 * whole hundredths, as less is no reason to prefer another; 0: balance is kept. Local. */
double stc_job_excess(const stc_partition_job *job, const stc_partition_quality *q);

/* Numbers 0..n-1 in an order drawn by (seed, purpose). Local. */
void stc_shuffled(int32_t n, uint64_t seed, uint32_t purpose, int32_t *order);

/* Cut the vertex order into nparts pieces whose largest work is as small as any such cut allows;
 * capacities are kept when a cut can keep them. Local. */
int stc_cut_chain(const stc_partition_job *job, int32_t *part);

/* Deal a shuffled order to the parts in turn. Local. */
int stc_deal_shuffled(const stc_partition_job *job, uint64_t seed, int32_t *part);

/* A candidate fills part and returns 0, or STC_NO_CANDIDATE when it has nothing to offer, or a
 * negative code, which ends the search. Local; the same for the same index on every rank. */
enum { STC_NO_CANDIDATE = 1 };
typedef int (*stc_candidate)(const stc_partition_job *job, int32_t index, int32_t *part);

/* METIS' edge cut for one seed, with its empty or overloaded parts repaired. Local. */
int stc_metis_candidate(const stc_partition_job *job, int32_t index, int32_t *part);

/* Make candidates begin..end-1, dealt over ranks and threads, and hand the best to all ranks:
 * capacities kept and no part empty first, then least violation of the balance, then least
 * multicast volume, then the lowest index. known: index (below begin) of the partition that is in
 * part, which takes part in the choice; -1: none. Collective. Returns the index of the best;
 * STC_ERR_INTERNAL when there was none. */
int stc_partition_deal(const stc_comm *comm, const stc_partition_job *job, int32_t begin,
                       int32_t end, stc_candidate make, int32_t known, int32_t *part);

/* Make moves until no part is empty, capacities hold and, when balance, the soft limits hold too;
 * or until no move helps: measure the result. Local. */
int stc_partition_repair(const stc_partition_job *job, bool balance, int32_t *part);
/* The same on any level; swaps: try pairs too, which takes time. */
int stc_level_repair(const stc_level *level, const stc_limits *limits, bool balance, bool swaps,
                     int32_t *part);

/* Lower the multicast volume by moves of single vertices that break no limit. Local. */
int stc_level_refine(const stc_level *level, const stc_limits *limits, uint64_t seed,
                     int32_t *part);
/* The same by searches that pass through worse partitions. price: above 0, limits may be broken at
 * this price, in units of (volume / parts) for a part as far above its limit as the limit; the
 * price doubles with every round, and what is left is for stc_level_repair. 0: limits are kept.
 * Local. */
int stc_level_search(const stc_level *level, const stc_limits *limits, double price, uint64_t seed,
                     int32_t *part);

/* Recursive bisection of a level. Local. */
int stc_level_bisect(const stc_level *level, const stc_limits *limits, uint64_t seed,
                     int32_t *part);

/* A multilevel partition by multicast volume for one seed. Local. */
int stc_multilevel_candidate(const stc_partition_job *job, int32_t index, int32_t *part);

#endif
