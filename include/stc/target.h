/* target.h - the description of a kind of chip, and the allocation of tiles to its cores.
 *
 * A built-in target is one file in src/alloc/targets/ and one line in its list.h. Local.
 */
#ifndef STC_TARGET_H
#define STC_TARGET_H

#include "stc/partition.h"
#include "stc/program.h"

typedef struct {
    const char *name;
    const char *help;         /* one line: what it stands for and where the numbers come from */
    int64_t neurons_per_core; /* output elements of a tile; at least STC_CHANNEL_BLOCK */
    int64_t synapse_bytes_per_core; /* weights of a tile, shared over its positions */
    int64_t cores_per_chip;
    int64_t weight_bytes;  /* bytes per stored weight */
    const char *partition; /* method where none is asked for and no rates are known;
                              NULL: auto. Not in files */
    stc_cost_model cost;   /* of a copy of a spike; all 0: one per destination chip, no boards */
} stc_target;

const stc_target *const *stc_targets(int *n);
/* By name (NULL: "generic") or a file in INI form (docs/formats.md); the result is borrowed for a
 * built-in one and lives in the arena for a file. STC_ERR_INPUT naming the nearest name, or line
 * and key of a file. */
int stc_target_find(const char *name_or_path, stc_arena *arena, const stc_target **out);

/* Capacities of a chip, and what a copy of a spike costs; the rest is left as it is. Local. */
void stc_target_limit(const stc_target *target, stc_partition_options *options);

typedef struct {
    int64_t cores_used, cores_available;
    double utilization;                             /* cores used / available on the fullest chip */
    double neuron_utilization, synapse_utilization; /* of the cores that are used */
    double load_balance;                            /* average work per used core / largest */
    int32_t bottleneck_stage;                       /* stage of the tile with the largest work */
} stc_allocation;

/* Give every tile a core of its chip (tile.chip is set, tile.core is filled): tiles that fit
 * together share a core, in program order. STC_ERR_FIT naming chip, cores needed and available, and
 * the number of chips that would do. */
int stc_allocate(stc_program *program, const stc_target *target, stc_allocation *out);

#endif
