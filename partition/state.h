/* state.h - a partition under change: what a move of one vertex gains and breaks.
 *
 * For every net the parts that hold a member are kept with their member counts, in as many slots as
 * the net can need, so that memory follows the pins and not nets x parts. Everything is Local.
 */
#ifndef STC_PARTITION_STATE_H
#define STC_PARTITION_STATE_H

#include "level.h"
#include "method.h"

typedef struct {
    int32_t part, count; /* members on the part */
} stc_slot;

typedef struct {
    int64_t first; /* of its slots */
    int32_t n;     /* parts that hold a member */
    int32_t cost;
} stc_spread;

typedef struct {
    const stc_level *level;   /* borrowed */
    const stc_limits *limits; /* borrowed */
    bool balance;             /* soft limits count as limits */
    int32_t nparts;
    int32_t *part;       /* [n], borrowed, changed by moves */
    int32_t *size;       /* [nparts] vertices of the finest level */
    double *load;        /* [nparts][STC_NCONSTRAINTS] */
    double *hard, *soft; /* [nparts][STC_NCONSTRAINTS] limits of the loads */
    double *limit;       /* [nparts][STC_NCONSTRAINTS] the lower one that counts */
    int64_t volume;      /* multicast volume now, in costs */
    stc_spread *net;     /* [nnets] */
    stc_slot *slot;
    /* of the vertex looked at last */
    int32_t *reach;   /* [nparts] cost of its nets that have a member on the part; own part: 0 */
    int32_t *touched; /* [ntouched] parts where reach > 0 */
    int32_t ntouched;
    int32_t freed, kept; /* cost of its nets with no other member on its part, and with one */
} stc_partition_state;

int stc_state_create(const stc_level *level, const stc_limits *limits, bool balance, int32_t *part,
                     stc_partition_state **out);
void stc_state_destroy(stc_partition_state **state);

/* Look at a vertex: fills reach, touched, freed, kept. */
void stc_state_look(stc_partition_state *state, int32_t vertex);

/* Volume saved by moving the vertex looked at to another part. */
static inline int32_t stc_state_gain(const stc_partition_state *state, int32_t to)
{
    return state->reach[to] - state->kept;
}

/* Vertices that a part cannot do without: parts that will be split need one for every part. */
static inline int32_t stc_state_least(const stc_partition_state *state, int32_t part)
{
    return state->limits->share ? state->limits->share[part] : 1;
}

/* Can a vertex leave its part without emptying it? */
static inline bool stc_state_can_leave(const stc_partition_state *state, int32_t vertex)
{
    const int32_t from = state->part[vertex];
    return state->size[from] - state->level->vertices[vertex] >= stc_state_least(state, from);
}

/* Does a part hold a vertex more and keep its limits? */
static inline bool stc_state_fits(const stc_partition_state *state, int32_t vertex, int32_t to)
{
    const double *w = state->level->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const double *load = state->load + (int64_t)to * STC_NCONSTRAINTS;
    const double *limit = state->limit + (int64_t)to * STC_NCONSTRAINTS;
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        if (w[c] > 0 && load[c] + w[c] > limit[c]) return false;
    return true;
}

/* How far the loads of a part are above its limits, summed over the constraints, in units of the
 * limit; a capacity weighs far more than balance. */
double stc_state_excess(const stc_partition_state *state, int32_t part,
                        const double load[STC_NCONSTRAINTS]);
/* The same of all parts as they are. */
double stc_state_total_excess(const stc_partition_state *state);
/* Change of the excess of both parts when `vertex` moves to part `to` and, if swap >= 0, vertex
 * `swap` of that part comes back. */
double stc_state_excess_change(const stc_partition_state *state, int32_t vertex, int32_t to,
                               int32_t swap);
/* Change of the squared loads (each constraint in units of its average): below 0, loads come
 * closer to each other. */
double stc_state_spread_change(const stc_partition_state *state, int32_t vertex, int32_t to);

void stc_state_move(stc_partition_state *state, int32_t vertex, int32_t to);

#endif
