/* profile.h - how often the outputs of a run were other than zero: what travels, as measured.
 *
 * A run fills it (stc_sim_count), `stc profile` stores it, and compiling with it gives nets the
 * traffic that was measured in place of estimates. docs/formats.md defines the file.
 */
#ifndef STC_PROFILE_H
#define STC_PROFILE_H

#include "stc/base.h"
#include "stc/comm.h"
#include "stc/shape.h"

/* The output of a node that others read. */
typedef struct {
    const char *name;
    stc_shape shape;
    int64_t steps;    /* of a sample that were counted: all, or 1 where the values of a sample are
                         the same at every step or there is one for all of them */
    int nboxes;       /* those of this rank; together the ranks hold every element once */
    stc_box *boxes;   /* [nboxes] axes of shape */
    uint32_t *counts; /* of the elements of each box in C-order, one box after the other */
    int64_t *totals;  /* [samples][steps] of all elements of this rank; of all ranks when read */
} stc_profile_node;

typedef struct {
    int64_t first_sample, samples, steps;
    double dt; /* seconds per step, 0: no clock */
    int nnodes;
    stc_profile_node *nodes;
    uint64_t seed;
    /* provenance, "" where unknown */
    const char *program, *model, *model_sha256, *input, *input_sha256, *rules, *command;
    const char *path, *sha256; /* of the file that it was read from */
} stc_profile;

/* Write a profile (docs/formats.md), every rank its boxes. Collective. STC_ERR_IO naming the file
 * and the reason; path is then untouched. */
int stc_profile_write(const stc_comm *comm, const stc_profile *profile, const char *path);

/* Read a profile: one box per node, that holds all. path and what is made lie in the arena; sha256
 * is left empty. Local. STC_ERR_INPUT naming the file and the object. */
int stc_profile_read(const char *path, stc_arena *arena, stc_profile *out);

#endif
