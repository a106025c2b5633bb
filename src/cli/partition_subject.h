/* partition_subject.h - what `stc partition` partitions: the tiles of a model or program, or any
 * hypergraph of a .hgr file. */
#ifndef STC_CLI_PARTITION_SUBJECT_H
#define STC_CLI_PARTITION_SUBJECT_H

#include "commands.h"

/* The words that say what it is; NULL and 0 where not given. */
typedef struct {
    const char *target, *rates;
    int64_t tile_neurons;
} stc_subject_words;

typedef struct {
    stc_arena *arena;
    stc_hgr hgr;              /* of a .hgr file */
    stc_graph *graph;         /* of a model */
    stc_program *program;     /* of a model or program */
    const stc_profile *rates; /* its nets hold these counts; NULL: estimates */
    stc_hypergraph h;
    double capacity[STC_NCONSTRAINTS];
    stc_cost_model cost;
} stc_subject;

/* Read the first file of the command; call stc_subject_release in any case. Collective. */
int stc_subject_read(const stc_cli *cli, const stc_subject_words *words, stc_subject *out);
void stc_subject_release(stc_subject *subject);

#endif
