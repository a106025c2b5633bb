/* partition.h - assign the vertices of a directed hypergraph to parts.
 *
 * Knows neither ops nor neurons: plain arrays in, part vector out. Objective: multicast volume MV =
 * sum over nets of weight * (number of parts other than the source's that hold a pin), under
 * balance of the vertex weights. The method multilevel lowers it directly: vertices are merged
 * level by level, the smallest graph is bisected, and on the way back moves are searched on every
 * level. auto keeps the best of multilevel partitions from several seeds and of refined contiguous
 * ones. METIS, which lowers the edge cut, is a method to compare with; it is called in
 * partition/metis.c alone. What a copy of a spike costs can be said (stc_cost_model), chips can
 * stand on boards, and a graph that no rank can hold can be given in shards
 * (stc_partition_distributed).
 */
#ifndef STC_PARTITION_H
#define STC_PARTITION_H

#include "stc/comm.h"

enum { STC_NCONSTRAINTS = 3 }; /* neurons, synapse bytes, work */
#define STC_FREE_SHARE 0.5     /* of a capacity: a load below it is never an imbalance */
extern const char *const stc_constraint_names[STC_NCONSTRAINTS];

/* Borrowed arrays. Invariants: first[0] == 0, non-decreasing; source and pins in [0, nvertices).
 * Nets with the same pins can share a list of them; then nothing here takes time or memory for pins
 * times nets. */
typedef struct {
    int32_t nvertices;
    const double *weight; /* [nvertices][STC_NCONSTRAINTS], >= 0 */
    int32_t nnets;
    const int32_t *source; /* [nnets] */
    const float *spikes;   /* [nnets] weight >= 0 */
    int32_t nlists;
    const int32_t *list;  /* [nnets] of pins, below nlists; NULL: net e has list e, nlists is nnets
                             whatever it says */
    const int64_t *first; /* [nlists + 1] */
    const int32_t *pin;   /* [first[nlists]]; the source may be among them, which costs nothing */
    /* for bytes alone, NULL: unknown, bytes are NaN */
    const int32_t *outputs;      /* [nnets] elements that a net carries, spiking or not */
    const int32_t *output_bytes; /* [nnets] of an element; 0: a bit. NULL: bits */
    const int32_t *stream;       /* [nnets] nets of one stream (a stage) go from part to part in one
                                    message; NULL: all are one stream */
} stc_hypergraph;

static inline int32_t stc_hypergraph_lists(const stc_hypergraph *graph)
{
    return graph->list ? graph->nlists : graph->nnets;
}
static inline int32_t stc_hypergraph_list(const stc_hypergraph *graph, int32_t net)
{
    return graph->list ? graph->list[net] : net;
}
/* Pins of all nets, shared lists counted for each of them. */
int64_t stc_hypergraph_pins(const stc_hypergraph *graph);

/* What one unit of volume is. Part p stands for chip p. */
typedef enum {
    STC_COST_CHIPS, /* a copy per destination chip: the multicast volume */
    STC_COST_CORES, /* a copy per destination core on another chip; a vertex is a core */
    STC_COST_LINKS, /* a copy per link of the tree along which a spike goes through a mesh of chips:
                       along the row of its source, then along columns. Searches lower the copies
                       per chip instead; then chips are swapped on the mesh, and the best is chosen
                       by its links. Boards are no part of it */
    STC_COST_BYTES, /* bytes per step between ranks, as stc_encoded_bytes says. Searches take each
                       net by itself; the best is chosen by its bytes */
} stc_cost_unit;
enum { STC_NCOST_UNITS = STC_COST_BYTES + 1 };
/* "per_destination_chip", "per_destination_core", "tree_of_links", "bytes" */
extern const char *const stc_cost_unit_names[STC_NCOST_UNITS];

#define STC_BOARD_RATIO 4.0 /* default: an assumption, no vendor publishes it */
typedef struct {
    stc_cost_unit unit;
    int32_t board;      /* chips per board, board after board, the last may have fewer; 0: one */
    double board_ratio; /* cost of a copy to another board, one inside costs 1; 0: the default */
    int32_t columns;    /* of the mesh of chips, row by row; 0: as square as can be */
} stc_cost_model;

/* Bytes in which a rank sends one step of `elements` outputs of which `spikes` are set: 1 and the
 * shortest of a bitmap, a list of 16-bit indices and a list of gaps, in pieces of 65,536 elements;
 * element_bytes each when they are no bits. An estimate: gaps are those of independent spikes. */
double stc_encoded_bytes(double elements, double spikes, int32_t element_bytes);

typedef struct {
    const char *method; /* "auto" (NULL), "multilevel", "metis-cut", "contiguous", "even", "random",
                           "file:PATH" */
    int32_t nparts;
    uint64_t seed;
    double imbalance; /* allowed max / average per constraint, 0: 1.10; a load below STC_FREE_SHARE
                         of a capacity is allowed in any case */
    double capacity[STC_NCONSTRAINTS]; /* hard limit per part; 0: none */
    stc_cost_model cost;
    const int32_t *given; /* [ngiven] what the file of file:PATH holds, when the caller has read it;
                             NULL: it is read as text */
    int64_t ngiven;
} stc_partition_options;

typedef struct {
    const char *method; /* that was used */
    double multicast_volume, broadcast_share /* MV / ((nparts - 1) * all spikes) */;
    double cost; /* what was lowered: the volume in units of the cost model. NaN where unknown */
    double between_boards, inside_boards; /* shares of the multicast volume; the sum is all of it */
    double core_copies;                   /* STC_COST_CORES, boards alike */
    double links;                         /* STC_COST_LINKS; NaN unless that is the unit */
    double bytes;                         /* STC_COST_BYTES; NaN where outputs are unknown */
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

/* ---- a graph that no rank can hold ---- */

/* The vertices begin..begin+n-1 and the nets that they are the source of; borrowed. */
typedef struct {
    int32_t nvertices;    /* of the whole graph */
    int32_t begin, n;     /* as stc_shard_range says */
    const double *weight; /* [n][STC_NCONSTRAINTS] */
    int64_t nnets;
    const int32_t *source; /* [nnets] begin..begin+n-1, not decreasing */
    const float *spikes;   /* [nnets] */
    const int64_t *first;  /* [nnets + 1] */
    const int32_t *pin;    /* [first[nnets]] 0..nvertices-1 */
} stc_hypergraph_shard;

/* The vertices that a rank must bring. Local. */
void stc_shard_range(int32_t nvertices, int rank, int size, int32_t *begin, int32_t *n);

/* stc_partition of a graph in shards, for networks neuron by neuron: vertices are clustered where
 * they are by the nets they share, the quotient graph is gathered and partitioned by
 * options->method (not file:PATH), and every rank moves its own vertices in rounds of which all
 * know the result. Collective. The result depends on graph and options alone, not on the number of
 * ranks. A rank needs memory for its vertices, the pins of its nets and the pins on its vertices,
 * the number of parts, and the quotient graph, whose size is bounded. part [shard->n], filled.
 * quality: may be NULL; of the cost model only the boards are counted, bytes and links are NaN.
 * Errors as stc_partition's; STC_ERR_INPUT too when the shard is not that of stc_shard_range. */
int stc_partition_distributed(const stc_comm *comm, const stc_hypergraph_shard *shard,
                              const stc_partition_options *options, int32_t *part,
                              stc_partition_quality *quality);

/* ---- names and files ---- */

/* Is this the name of a method? Local. STC_ERR_USAGE naming the nearest. */
int stc_partition_check_method(const char *method);

/* Measure a partition; method, excess and seconds are left 0, cost and its kin as if all parts were
 * on one board. Local. STC_ERR_NOMEM. */
int stc_partition_measure(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                          const double *capacity, stc_partition_quality *quality);
/* Fill cost, between_boards, inside_boards, core_copies, links and bytes. Local. STC_ERR_NOMEM. */
int stc_partition_measure_cost(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                               const stc_cost_model *model, stc_partition_quality *quality);

/* The parts that each list of pins reaches, in the order of its pins: part[first[l] ..
 * first[l + 1]]. */
typedef struct {
    int64_t *first;  /* [lists + 1] */
    int32_t *part;   /* [first[lists]] */
    int32_t *pins;   /* of the list on that part, each time that they occur */
    int32_t *places; /* of the list on that part, repeated pins once */
} stc_reach;
/* Local. STC_ERR_NOMEM. stc_reach_release in any case. */
int stc_reach_create(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                     stc_reach *out);
void stc_reach_release(stc_reach *reach);

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
