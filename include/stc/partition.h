/* partition.h - assign the vertices of a directed hypergraph to parts.
 *
 * Knows neither ops nor neurons: plain arrays in, part vector out. Objective: multicast volume MV =
 * sum over nets of weight * (number of parts other than the source's that hold a pin), under
 * balance of the vertex weights. The method multilevel lowers it directly: vertices are merged
 * level by level, the smallest graph is bisected, and on the way back moves are searched on every
 * level. auto keeps the best of multilevel partitions from several seeds and of refined contiguous
 * ones. METIS, which lowers the edge cut, is a method to compare with; it is called in
 * partition/metis.c alone.
 */
#ifndef STC_PARTITION_H
#define STC_PARTITION_H

#include "stc/comm.h"

enum { STC_NCONSTRAINTS = 3 }; /* neurons, synapse bytes, work */
#define STC_FREE_SHARE 0.5     /* of a capacity: a load below it is never an imbalance */
extern const char *const stc_constraint_names[STC_NCONSTRAINTS];

/* Borrowed arrays. Invariants: first[0] == 0, non-decreasing; source and pins in [0, nvertices). */
typedef struct {
    int32_t nvertices;
    const double *weight; /* [nvertices][STC_NCONSTRAINTS], >= 0 */
    int32_t nnets;
    const int32_t *source; /* [nnets] */
    const float *spikes;   /* [nnets] weight >= 0 */
    const int64_t *first;  /* [nnets + 1] */
    const int32_t *pin;    /* [first[nnets]] */
} stc_hypergraph;

typedef struct {
    const char *method; /* "auto" (NULL), "multilevel", "metis-cut", "contiguous", "random",
                           "file:PATH" */
    int32_t nparts;
    uint64_t seed;
    double imbalance; /* allowed max / average per constraint, 0: 1.10; a load below STC_FREE_SHARE
                         of a capacity is allowed in any case */
    double capacity[STC_NCONSTRAINTS]; /* hard limit per part; 0: none */
} stc_partition_options;

typedef struct {
    const char *method; /* that was used */
    double multicast_volume, broadcast_share /* MV / ((nparts - 1) * all spikes) */;
    double edge_cut;  /* sum over nets of weight * pins on other parts than the source's */
    int64_t messages; /* pairs (source vertex, other part) */
    double max_send, max_receive; /* largest share of the volume that one part sends, receives */
    int64_t pairs;                /* ordered pairs of parts with traffic */
    double imbalance[STC_NCONSTRAINTS]; /* max / average, 1 when all weights are 0 */
    bool feasible;                      /* capacities hold and no part is empty */
    double excess; /* of the worst imbalance above what is allowed, in whole hundredths; 0: balance
                      is kept. By stc_partition alone */
    bool no_gain;  /* auto only: no partition helps, nearly everything goes everywhere */
    double seconds;
} stc_partition_quality;

/* Assign each vertex to one of nparts parts; no part is empty. Collective; the result depends on
 * graph and options alone, not on the number of ranks. part [nvertices], filled, caller owns.
 * quality: of the result; may be NULL. compared [3]: quality of contiguous, random and metis-cut on
 * the same graph, whatever the method, whether it fits or not, so that users see what the method
 * gains; volume NaN where one finds nothing. It costs three more runs; may be NULL.
 *   STC_ERR_USAGE  unknown method (names the nearest)
 *   STC_ERR_INPUT  nparts < 1 or > nvertices (says how many there are), bad file (line and what was
 *                  expected)
 *   STC_ERR_FIT    no feasible partition was found: names the constraint, found and allowed */
int stc_partition(const stc_comm *comm, const stc_hypergraph *graph,
                  const stc_partition_options *options, int32_t *part,
                  stc_partition_quality *quality, stc_partition_quality *compared);

/* Is this the name of a method? Local. STC_ERR_USAGE naming the nearest. */
int stc_partition_check_method(const char *method);

/* Measure a partition; method, excess and seconds are left 0. Local. STC_ERR_NOMEM. */
int stc_partition_measure(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                          const double *capacity, stc_partition_quality *quality);

/* A hypergraph that was read from a file; release it by stc_hgr_release in any case. */
typedef struct {
    stc_hypergraph graph; /* borrows the arrays below */
    int weights;          /* of a vertex in the file, 0..STC_NCONSTRAINTS */
    double *weight;
    int32_t *source, *pin;
    float *spikes;
    int64_t *first;
} stc_hgr;
/* Read an hMETIS file. The first pin of a net is its source. Vertices have up to three weights,
 * their number fourth in the header: work; neurons and work; neurons, synapse bytes and work. None:
 * each counts as one unit of work. A comment "% ... net weight ... x N" before the header says that
 * net weights are N times the spikes per step (default 1). Local. STC_ERR_INPUT naming the line. */
int stc_hgr_read(const char *path, stc_hgr *out);
void stc_hgr_release(stc_hgr *hgr);

/* Write one part number per line; the file appears only complete. Local. STC_ERR_IO. */
int stc_partition_write_text(const char *path, int32_t n, const int32_t *part);

/* The methods that can be named, for help texts. */
const char *const *stc_partition_methods(int *n);

#endif
