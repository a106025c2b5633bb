/* repair.c - make a partition obey its limits: no empty part, capacities, balance.
 *
 * First every empty part gets the lightest vertex of the most loaded part that can spare one. Then
 * rounds of single moves out of overloaded parts, those first that cost least volume per unit of
 * relief; where no single move helps, pairs of vertices are swapped. The work is bounded by counts,
 * never by time, so that the result is the same on every machine.
 */
#include "method.h"
#include "state.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <stdlib.h>

static const int MAX_ROUNDS = 40;
static const int64_t MAX_SWAPS_TRIED = 3000000;
static const double RELIEF = 1e-12; /* smallest change of the excess that counts */

/* Largest load of a part in units of the average. */
static double fullness(const stc_partition_state *s, int32_t part)
{
    double fullest = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double total = s->limits->total[c];
        const double load = s->load[(int64_t)part * STC_NCONSTRAINTS + c];
        if (total > 0) fullest = fmax(fullest, load * s->nparts / total);
    }
    return fullest;
}

/* Vertex weight in units of all weights. */
static double heaviness(const stc_partition_state *s, int32_t vertex)
{
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double total = s->limits->total[c];
        if (total > 0) sum += s->level->weight[(int64_t)vertex * STC_NCONSTRAINTS + c] / total;
    }
    return sum;
}

/* The lightest vertex of the fullest part that can spare it, or -1. */
static int32_t spare_vertex(const stc_partition_state *s, int32_t empty)
{
    int32_t lightest = -1;
    double fullest = 0;
    for (int32_t v = 0; v < s->level->n; v++) {
        if (s->part[v] == empty || !stc_state_can_leave(s, v)) continue;
        const double full = fullness(s, s->part[v]);
        if (lightest >= 0 &&
            (full < fullest || (full == fullest && heaviness(s, v) >= heaviness(s, lightest))))
            continue;
        lightest = v;
        fullest = full;
    }
    return lightest;
}

static void fill_empty(stc_partition_state *s)
{
    for (int32_t empty = 0; empty < s->nparts; empty++) {
        while (s->size[empty] < stc_state_least(s, empty)) {
            const int32_t v = spare_vertex(s, empty);
            if (v < 0) break;
            stc_state_move(s, v, empty);
        }
    }
}

static bool overloaded(const stc_partition_state *s, int32_t part)
{
    return stc_state_excess(s, part, s->load + (int64_t)part * STC_NCONSTRAINTS) > 0;
}

typedef struct {
    double cost; /* volume per unit of relief; INFINITY: no move relieves */
    int32_t vertex, to;
} relief;

/* The cheapest move of a vertex that lowers the excess. */
static relief cheapest(stc_partition_state *s, int32_t vertex)
{
    relief best = {INFINITY, vertex, -1};
    stc_state_look(s, vertex);
    for (int32_t to = 0; to < s->nparts; to++) {
        if (to == s->part[vertex]) continue;
        const double change = stc_state_excess_change(s, vertex, to, -1);
        if (change >= -RELIEF) continue;
        const double gain = stc_state_gain(s, to);
        /* much relief makes a saving better and a loss bearable */
        const double cost = gain > 0 ? gain * change : gain / change;
        if (best.to < 0 || cost < best.cost) best = (relief){cost, vertex, to};
    }
    return best;
}

static int by_cost(const void *a, const void *b)
{
    const relief *x = a, *y = b;
    if (x->cost != y->cost) return x->cost < y->cost ? -1 : 1;
    return (x->vertex > y->vertex) - (x->vertex < y->vertex);
}

/* One round of moves; returns their number. */
static int64_t relieve(stc_partition_state *s, relief *list)
{
    int64_t n = 0, moves = 0;
    for (int32_t v = 0; v < s->level->n; v++) {
        if (!stc_state_can_leave(s, v) || !overloaded(s, s->part[v])) continue;
        const relief best = cheapest(s, v);
        if (best.to >= 0) list[n++] = best;
    }
    qsort(list, (size_t)n, sizeof *list, by_cost);
    for (int64_t i = 0; i < n; i++) {
        const int32_t v = list[i].vertex;
        if (!stc_state_can_leave(s, v) || !overloaded(s, s->part[v])) continue;
        const relief now = cheapest(s, v); /* earlier moves of this round have changed it */
        if (now.to < 0) continue;
        stc_state_move(s, v, now.to);
        moves++;
    }
    return moves;
}

/* Swap one vertex of an overloaded part with the vertex that relieves most; 0 when none does. */
static int64_t swap_best(stc_partition_state *s, int32_t vertex, int64_t *tried)
{
    double best_change = -RELIEF;
    int32_t best = -1;
    const int32_t from = s->part[vertex];
    for (int32_t u = 0; u < s->level->n; u++) {
        if (s->part[u] == from) continue;
        const double change = stc_state_excess_change(s, vertex, s->part[u], u);
        if (change < best_change) {
            best_change = change;
            best = u;
        }
    }
    *tried += s->level->n;
    if (best < 0) return 0;
    const int32_t to = s->part[best];
    stc_state_move(s, vertex, to);
    stc_state_move(s, best, from);
    return 1;
}

static int64_t swap_round(stc_partition_state *s, int64_t *tried)
{
    int64_t swaps = 0;
    for (int32_t v = 0; v < s->level->n && *tried < MAX_SWAPS_TRIED; v++)
        if (overloaded(s, s->part[v])) swaps += swap_best(s, v, tried);
    return swaps;
}

int stc_level_repair(const stc_level *level, const stc_limits *limits, bool balance, bool swaps,
                     int32_t *part)
{
    stc_partition_state *state = NULL;
    relief *list = stc_alloc(level->n, sizeof *list);
    const int rc = list ? stc_state_create(level, limits, balance, part, &state) : STC_ERR_NOMEM;
    if (rc == 0) {
        fill_empty(state);
        int64_t tried = swaps ? 0 : MAX_SWAPS_TRIED;
        for (int i = 0; i < MAX_ROUNDS; i++)
            if (relieve(state, list) + swap_round(state, &tried) == 0) break;
    }
    stc_state_destroy(&state);
    stc_free(list);
    return rc;
}

int stc_partition_repair(const stc_partition_job *job, bool balance, int32_t *part)
{
    return stc_level_repair(&job->level, &job->limits, balance, true, part);
}
