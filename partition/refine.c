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

#include <math.h>

static const int MAX_PASSES = 12;
static const double NOTHING = 1e-9; /* relative: rounding of sums is no gain */

/* The best part for a vertex, or -1 when it stays. */
static int32_t best_part(stc_partition_state *s, int32_t vertex)
{
    stc_state_look(s, vertex);
    const double nothing = NOTHING * (s->freed + s->kept);
    double best_gain = -nothing, best_spread = 0;
    int32_t best = -1;
    for (int32_t i = 0; i < s->ntouched; i++) {
        const int32_t to = s->touched[i];
        const double gain = stc_state_gain(s, to);
        if (gain < best_gain - nothing || gain < -nothing) continue;
        if (stc_state_excess_change(s, vertex, to, -1) > 0) continue;
        const double spread = stc_state_spread_change(s, vertex, to);
        if (gain <= nothing && spread > -NOTHING) continue;
        const bool tie = best >= 0 && fabs(gain - best_gain) <= nothing;
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
    for (int32_t i = 0; i < s->job->graph->nvertices; i++) {
        const int32_t v = order[i];
        if (s->size[s->part[v]] == 1) continue; /* parts are never emptied */
        const int32_t to = best_part(s, v);
        if (to < 0) continue;
        stc_state_move(s, v, to);
        moves++;
    }
    return moves;
}

int stc_partition_refine(const stc_partition_job *job, uint64_t seed, int32_t *part)
{
    stc_partition_state *state = NULL;
    int32_t *order = stc_alloc(job->graph->nvertices, sizeof *order);
    const int rc = order ? stc_state_create(job, true, part, &state) : STC_ERR_NOMEM;
    if (rc == 0) {
        stc_shuffled(job->graph->nvertices, seed, STC_DRAW_VISIT, order);
        for (int i = 0; i < MAX_PASSES; i++) {
            const double before = state->volume;
            const int64_t moves = pass(state, order);
            if (moves == 0 || before - state->volume < 1e-4 * before) break;
        }
    }
    stc_state_destroy(&state);
    stc_free(order);
    return rc;
}
