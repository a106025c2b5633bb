/* compile.h - from a SpikeGraph to a program. */
#ifndef STC_COMPILE_H
#define STC_COMPILE_H

#include "stc/comm.h"
#include "stc/partition.h"
#include "stc/pass.h"
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
    const char *command; /* for provenance; may be NULL */
} stc_compile_options;

typedef struct {
    stc_graph_stats graph;
    int npasses;
    stc_pass_record passes[STC_MAX_PASSES];
    stc_partition_quality partition, compared[3];
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

#endif
