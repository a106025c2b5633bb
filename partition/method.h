/* method.h - what the methods of this folder share. Not installed.
 *
 * A method is one file with one row in methods.h. Reading order: partition.c (the way through),
 * job.c (checks), level.h (the graph as it is searched), measure.c, cost.c, contiguous.c, even.c,
 * random.c, file.c; state.h (how moves are valued), refine.c, repair.c, search.c; pairs.h, metis.c,
 * metis_cut.c; cluster.c, hierarchy.h, bisect.c, multilevel.c; deal.c (candidates over the ranks),
 * place.c, auto.c and boards.c. shards.h and distributed.c: graphs that no rank holds. hgr.c and
 * write.c are files.
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
    stc_cost_model cost;
    const int32_t *given; /* see stc_partition_options */
    int64_t ngiven;
    stc_level level; /* the graph, source and pins alike */
} stc_partition_job;

typedef struct {
    const char *name;
    const char *argument; /* what follows the name and a colon; NULL: nothing */
    bool boards;          /* is run for the boards, then for the chips of each (boards.c) */
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
/* What parts may hold, from the options and the sums and maxima of the weights; checks the numbers
 * in the options. Local. */
int stc_limits_set(const stc_partition_options *options, int32_t nvertices, const double *total,
                   const double *heaviest, stc_limits *limits);
/* How far the worst imbalance of a measured partition is above what balance allows, rounded up to
 * whole hundredths, as less is no reason to prefer another; 0: balance is kept. Local. */
double stc_job_excess(const stc_partition_job *job, const stc_partition_quality *q);

/* ---- costs (cost.c) ---- */

/* stc_partition_measure of loads, edge cut and volume alone. */
int stc_measure_volume(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                       const double *capacity, stc_partition_quality *quality);
/* What searches take as the weight of a net. Local. */
float stc_cost_weight(const stc_hypergraph *graph, const stc_cost_model *model, int32_t net);
double stc_cost_board_ratio(const stc_cost_model *model);
int32_t stc_cost_columns(const stc_cost_model *model, int32_t nparts);

/* A mesh of chips, numbered row by row. Local. */
typedef struct {
    int32_t columns;
    int32_t *top, *bottom, *list; /* [columns] of the net at hand */
    bool *used;
} stc_mesh;
int stc_mesh_create(int32_t columns, stc_mesh *mesh);
void stc_mesh_release(stc_mesh *mesh);
/* Links of the tree from a chip to n others. */
int64_t stc_mesh_tree(stc_mesh *mesh, int32_t source, const int32_t *place, int32_t n);

/* Renumber the parts so that chips that talk are near each other on the mesh. Local. */
int stc_place_parts(const stc_partition_job *job, int32_t *part);

/* Are there boards, or so many parts that boards are assumed? */
bool stc_partition_has_boards(const stc_partition_job *job);
/* Partition by the method over the boards, then the chips of every board on ranks of its own.
 * Collective. */
int stc_partition_boards(const stc_comm *comm, const stc_partition_job *job,
                         const stc_partition_method *method, int32_t *part,
                         stc_partition_quality *made);

/* ---- what methods are made of ---- */

/* Parts of share 1 that there are: nparts, unless a part stands for several. */
int32_t stc_limits_parts(const stc_limits *limits);

/* Numbers 0..n-1 in an order drawn by (seed, purpose). Local. */
void stc_shuffled(int32_t n, uint64_t seed, uint32_t purpose, int32_t *order);

/* Cut the vertex order into pieces whose largest work is as small as any such cut allows;
 * capacities are kept when a cut can keep them. Local. */
int stc_cut_chain(const stc_partition_job *job, int32_t *part);

/* Deal a shuffled order to the parts in turn. Local. */
int stc_deal_shuffled(const stc_partition_job *job, uint64_t seed, int32_t *part);

/* A candidate fills part and returns 0, or STC_NO_CANDIDATE when it has nothing to offer, or a
 * negative code, which ends the search. Local; the same for the same index on every rank. */
enum { STC_NO_CANDIDATE = 1 };
typedef int (*stc_candidate)(const stc_partition_job *job, int32_t index, int32_t *part);

enum { STC_METIS_SEEDS = 4 }; /* that metis-cut tries */
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
