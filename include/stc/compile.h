/* compile.h - from a SpikeGraph to a program. */
#ifndef STC_COMPILE_H
#define STC_COMPILE_H

#include "stc/comm.h"
#include "stc/partition.h"
#include "stc/pass.h"
#include "stc/profile.h"
#include "stc/target.h"

enum { STC_MAX_PASSES = 32 };

/* All zero: the defaults. */
typedef struct {
    int32_t chips;                 /* 0: one per rank */
    bool clamp_chips;              /* take fewer chips when there are fewer tiles (stc run MODEL) */
    const char *target;            /* NULL: generic */
    const char *partition;         /* NULL: auto */
    int optimization;              /* 0..3; -1 or unset by the command line: 2 */
    const char *skip, *dump_after; /* see pass.h */
    int64_t tile_neurons;          /* of a population; 0: a core's, but 32 tiles and more */
    int64_t time_steps;            /* 0: the model's */
    uint64_t seed;
    const char *command;      /* for provenance; may be NULL */
    const stc_profile *rates; /* measured traffic, all of it on every rank; NULL: estimates */
} stc_compile_options;

/* What a run of the samples of a profile will send, with one rank per chip. */
typedef struct {
    int64_t spike_copies; /* nonzero outputs x other chips with a destination: exact */
    double bytes;         /* by the formula of the encoder; of samples that are one block each */
} stc_prediction;

typedef struct {
    stc_graph_stats graph;
    int npasses;
    stc_pass_record passes[STC_MAX_PASSES];
    stc_partition_quality partition, compared[3];
    stc_prediction predicted; /* with rates */
    stc_allocation allocation;
    struct {
        double passes, lower, tile, nets, partition, allocate, total;
    } seconds;
} stc_compile_report;

/* Compile a verified graph, after giving ids to its neurons. Collective; every rank gets the same
 * program. The graph is changed by the passes and must outlive the program (its weights are read
 * when needed); path: of the model, for provenance. Errors: those of the steps, the same on all
 * ranks. */
int stc_compile(const stc_comm *comm, stc_graph *graph, const char *path,
                const stc_compile_options *options, stc_program **out, stc_compile_report *report);

/* Give the nets of a compiled program the spikes that a profile counted. Local. STC_ERR_INPUT when
 * the profile is one of another model: names both files, or the node. */
int stc_compile_rates(stc_program *program, const stc_profile *rates);

/* Tiles and nets as the partitioner wants them; made in the arena. Local. STC_ERR_NOMEM. */
int stc_compile_hypergraph(const stc_program *program, stc_arena *arena, stc_hypergraph *out);

/* What will be sent when tile t lies on part[t] of nparts; the nets hold counts of the profile.
 * Local. STC_ERR_NOMEM. */
int stc_compile_predict(const stc_program *program, const stc_profile *rates, const int32_t *part,
                        int32_t nparts, stc_prediction *out);

#endif
