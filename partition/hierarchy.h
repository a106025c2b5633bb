/* hierarchy.h - ever coarser versions of a level, and the way back. Local. */
#ifndef STC_PARTITION_HIERARCHY_H
#define STC_PARTITION_HIERARCHY_H

#include "level.h"
#include "method.h"

enum { STC_MAX_LEVELS = 40 };

typedef struct {
    int n;                            /* levels above the finest */
    const stc_level *finest;          /* borrowed */
    stc_level level[STC_MAX_LEVELS];  /* [n] */
    int32_t *cluster[STC_MAX_LEVELS]; /* [n] vertex of level[i] for each of the one below */
} stc_hierarchy;

/* Coarsen until about `wanted` vertices are left or it gets stuck. No vertex gets heavier than the
 * average of the `wanted` ones would be, times `slack`. within: see stc_level_cluster. */
int stc_hierarchy_create(const stc_level *finest, int32_t wanted, double slack,
                         const int32_t *within, uint64_t seed, stc_hierarchy *h);
void stc_hierarchy_release(stc_hierarchy *h);
const stc_level *stc_hierarchy_coarsest(const stc_hierarchy *h);

/* Parts of the coarsest level from those of the finest, when clusters are within parts. */
void stc_hierarchy_lift(const stc_hierarchy *h, const int32_t *part, int32_t *coarse);
/* Take the parts of the coarsest level down to the finest: searched on each level with a price on
 * imbalance (see stc_level_search), at last repaired and searched within the limits. Without
 * coarser levels it is copied. coarse[] is used as room: it has finest->n entries. */
int stc_hierarchy_descend(const stc_hierarchy *h, const stc_limits *limits, double price,
                          uint64_t seed, int32_t *coarse, int32_t *part);

#endif
