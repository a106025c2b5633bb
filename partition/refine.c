/* refine.c - lower the multicast volume by moves of single vertices.
 *
 * Passes over all vertices in a drawn order. A vertex moves to the part that saves most, if no
 * limit suffers; moves that save nothing are made when they bring loads closer to each other, which
 * opens the way for others. The potential (volume, then spread) falls with every move, so it ends.
 */
#include "method.h"
#include "state.h"

#include "stc/base.h"
#include "stc/error.h"

static const int MAX_PASSES = 12;
static const double NOTHING = 1e-9; /* rounding of sums is no approach */

/* The best part for a vertex, or -1 when it stays. */
static int32_t best_part(stc_partition_state *s, int32_t vertex)
{
    stc_state_look(s, vertex);
    int32_t best = -1, best_gain = 0;
    double best_spread = 0;
    for (int32_t i = 0; i < s->ntouched; i++) {
        const int32_t to = s->touched[i];
        const int32_t gain = stc_state_gain(s, to);
        if (gain < best_gain) continue;
        if (stc_state_excess_change(s, vertex, to, -1) > 0) continue;
        const double spread = stc_state_spread_change(s, vertex, to);
        if (gain == 0 && spread > -NOTHING) continue;
        const bool tie = best >= 0 && gain == best_gain;
        if (tie && (spread > best_spread || (spread == best_spread && to > best))) continue;
        best = to;
        best_gain = gain;
        best_spread = spread;
    }
    return best;
}

static int64_t pass(stc_partition_state *s, const int32_t *order)
{
    int64_t moves = 0;
    for (int32_t i = 0; i < s->level->n; i++) {
        const int32_t v = order[i];
        if (!stc_state_can_leave(s, v)) continue;
        const int32_t to = best_part(s, v);
        if (to < 0) continue;
        stc_state_move(s, v, to);
        moves++;
    }
    return moves;
}

int stc_level_refine(const stc_level *level, const stc_limits *limits, uint64_t seed, int32_t *part)
{
    stc_partition_state *state = NULL;
    int32_t *order = stc_alloc(level->n, sizeof *order);
    const int rc = order ? stc_state_create(level, limits, true, part, &state) : STC_ERR_NOMEM;
    if (rc == 0) {
        stc_shuffled(level->n, seed, STC_DRAW_VISIT, order);
        for (int i = 0; i < MAX_PASSES; i++) {
            const int64_t before = state->volume, moves = pass(state, order);
            if (moves == 0 || (double)(before - state->volume) < 1e-4 * (double)before) break;
        }
    }
    stc_state_destroy(&state);
    stc_free(order);
    return rc;
}
