/* state.h - a partition under change: what a move of one vertex gains and breaks.
 *
 * For every net the parts that hold a member are kept with their member counts, in as many slots as
 * the net can need, so that memory follows the pins and not nets x parts. Everything is Local.
 */
#ifndef STC_PARTITION_STATE_H
#define STC_PARTITION_STATE_H

#include "method.h"

typedef struct {
    const stc_partition_job *job; /* borrowed */
    bool balance;                 /* soft limits count as limits */
    int32_t *part;                /* [nvertices], borrowed, changed by moves */
    int32_t *size;                /* [nparts] vertices */
    double *load;                 /* [nparts][STC_NCONSTRAINTS] */
    double volume;                /* multicast volume now */
    int64_t *first_slot;          /* [nnets + 1] */
    int32_t *nslots;              /* [nnets] parts that hold a member */
    int32_t *slot_part, *slot_count;
    /* of the vertex looked at last */
    double *reach;    /* [nparts] weight of its nets that have a member on the part; own part: 0 */
    int32_t *touched; /* [ntouched] parts where reach > 0 */
    int32_t ntouched;
    double freed, kept; /* weight of its nets with no other member on its part, and with one */
} stc_partition_state;

int stc_state_create(const stc_partition_job *job, bool balance, int32_t *part,
                     stc_partition_state **out);
void stc_state_destroy(stc_partition_state **state);

/* Look at a vertex: fills reach, touched, freed, kept. */
void stc_state_look(stc_partition_state *state, int32_t vertex);

/* Volume saved by moving the vertex looked at to another part. */
static inline double stc_state_gain(const stc_partition_state *state, int32_t to)
{
    return state->reach[to] - state->kept;
}

/* How far loads are above their limits, summed over the constraints, in units of the limit; a
 * capacity weighs far more than balance. */
double stc_state_excess(const stc_partition_state *state, const double load[STC_NCONSTRAINTS]);
/* Change of the excess of both parts when `vertex` moves to part `to` and, if swap >= 0, vertex
 * `swap` of that part comes back. */
double stc_state_excess_change(const stc_partition_state *state, int32_t vertex, int32_t to,
                               int32_t swap);
/* Change of the squared loads (each constraint in units of its average): below 0, loads come
 * closer to each other. */
double stc_state_spread_change(const stc_partition_state *state, int32_t vertex, int32_t to);

void stc_state_move(stc_partition_state *state, int32_t vertex, int32_t to);

#endif
