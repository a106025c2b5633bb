/* search.c - lower the multicast volume by local searches that pass through worse partitions.
 *
 * After Fiduccia and Mattheyses, and Sanders and Osipov's variant with many small searches: a
 * search starts at one vertex on a border and moves vertex after vertex, always the one that saves
 * most (or costs least), to the part that is best for it and keeps all limits. Neighbours of what
 * was moved come in. It ends when, by the gains seen, more is not to be expected, and goes back to
 * the best partition on its way. A vertex takes part in one search per round.
 *
 * Limits that are kept strictly leave little freedom where parts have few vertices. So imbalance
 * may have a price instead: it counts against the gain, and every round costs twice what the one
 * before did. Loads that are still too high after the last round are for repair.
 */
#include "method.h"
#include "state.h"

#include "heap.h"
#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

enum { MAX_ROUNDS = 6, LARGE_NET = 200, SEEDS = 4, MAX_WORK = 30 };
static const int32_t MAX_PRICED = 500000000;
static const double ENOUGH = 1e-3; /* a round that gains less is the last one */

typedef struct {
    stc_partition_state *state;
    stc_heap heap;
    int32_t *order;
    bool *done;            /* [n] has taken part in a search of this round */
    int32_t *moved, *from; /* [n] moves of this search */
    int32_t nmoved;
    int32_t *near; /* [n] neighbours whose gains have changed */
    int32_t nnear;
    int32_t *stamp, now; /* [n] of near */
    double patience, price;
    int64_t work, most_work; /* nets looked at */
} searching;

/* How far a part would be above its soft limits with a vertex more (sign 1) or less (-1), or as it
 * is (0): the sum over the constraints in units of the limit. */
static double overload(const stc_partition_state *s, int32_t part, const double *weight,
                       double sign)
{
    const double *load = s->load + (int64_t)part * STC_NCONSTRAINTS;
    const double *limit = s->limit + (int64_t)part * STC_NCONSTRAINTS;
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double above = load[c] + sign * weight[c] - limit[c];
        if (above > 0) sum += above / limit[c];
    }
    return sum;
}

/* In costs, and so that sums with gains stay in 32 bits. */
static int32_t priced(double price, double overloads)
{
    const double cost = price * overloads;
    return cost < MAX_PRICED ? (int32_t)cost : MAX_PRICED;
}

/* The best part for a vertex, or -1; *gain is what it saves, imbalance counted when it has a price,
 * else parts without room left out. */
static int32_t best_part(searching *x, int32_t vertex, int32_t *gain)
{
    stc_partition_state *s = x->state;
    if (!stc_state_can_leave(s, vertex)) return -1;
    stc_state_look(s, vertex);
    x->work += s->level->first_net[vertex + 1] - s->level->first_net[vertex];
    const double *w = s->level->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const int32_t from = s->part[vertex];
    const double left = x->price > 0 ? overload(s, from, w, 0) - overload(s, from, w, -1) : 0;
    const int32_t relief = priced(x->price, left);
    int32_t best = -1, best_gain = INT32_MIN;
    double best_spread = INFINITY;
    for (int32_t i = 0; i < s->ntouched; i++) {
        const int32_t to = s->touched[i];
        int32_t g = stc_state_gain(s, to) + relief;
        if (g < best_gain) continue;
        if (x->price > 0)
            g -= priced(x->price, overload(s, to, w, 1) - overload(s, to, w, 0));
        else if (!stc_state_fits(s, vertex, to))
            continue;
        if (g < best_gain) continue;
        const double spread = stc_state_spread_change(s, vertex, to);
        const bool tie = g == best_gain;
        if (tie && (spread > best_spread || (spread == best_spread && to > best))) continue;
        best = to;
        best_gain = g;
        best_spread = spread;
    }
    *gain = best_gain;
    return best;
}

static void offer(searching *x, int32_t vertex)
{
    int32_t gain;
    const int32_t to = best_part(x, vertex, &gain);
    if (to >= 0)
        stc_heap_set(&x->heap, vertex, gain);
    else if (x->heap.place[vertex] >= 0)
        stc_heap_remove(&x->heap, vertex);
}

/* Count of a part in a net. */
static int32_t count_of(const stc_partition_state *s, int32_t net, int32_t part)
{
    const stc_slot *slot = s->slot + s->net[net].first;
    for (int32_t i = 0; i < s->net[net].n; i++)
        if (slot[i].part == part) return slot[i].count;
    return 0;
}

static void add_near(searching *x, int32_t u)
{
    if (x->stamp[u] == x->now) return;
    x->stamp[u] = x->now;
    if (!x->done[u] || x->heap.place[u] >= 0) x->near[x->nnear++] = u;
}

/* Those who gain by the move of `vertex`: members of nets that have come to a part, and the last
 * member on the part that it left. Who loses is found out when its turn comes. */
static void find_near(searching *x, int32_t vertex, int32_t from, int32_t to)
{
    const stc_partition_state *s = x->state;
    const stc_level *level = s->level;
    x->nnear = 0;
    x->now++;
    for (int64_t i = level->first_net[vertex]; i < level->first_net[vertex + 1]; i++) {
        const int32_t e = level->net[i];
        const int64_t begin = level->first[e], end = level->first[e + 1];
        if (end - begin > LARGE_NET) continue;
        const bool all = count_of(s, e, to) == 1, one = count_of(s, e, from) == 1;
        if (!all && !one) continue;
        for (int64_t j = begin; j < end; j++) {
            const int32_t u = level->member[j];
            if (all || s->part[u] == from) add_near(x, u);
        }
    }
}

static void move(searching *x, int32_t vertex, int32_t to)
{
    const int32_t from = x->state->part[vertex];
    x->from[x->nmoved] = from;
    x->moved[x->nmoved++] = vertex;
    stc_state_move(x->state, vertex, to);
    find_near(x, vertex, from, to);
    for (int32_t i = 0; i < x->nnear; i++) {
        x->done[x->near[i]] = true;
        offer(x, x->near[i]);
    }
}

/* Is more to be expected? The gains since the best partition are taken as a random walk. */
static bool hopeless(double n, double sum, double squares, double patience)
{
    if (n < 2 || sum >= 0) return false;
    const double mean = sum / n, variance = (squares - sum * mean) / (n - 1);
    return n * mean * mean > variance + patience * mean * mean;
}

/* Returns what was saved. */
static int64_t search(searching *x)
{
    stc_partition_state *s = x->state;
    int64_t saved = 0, best = 0;
    int32_t kept = 0;
    double n = 0, sum = 0, squares = 0;
    x->nmoved = 0;
    while (x->heap.n > 0 && !hopeless(n, sum, squares, x->patience)) {
        const int32_t v = x->heap.vertex[0];
        const int32_t expected = x->heap.gain[v];
        int32_t gain;
        const int32_t to = best_part(x, v, &gain);
        if (to < 0) {
            stc_heap_remove(&x->heap, v);
            continue;
        }
        if (gain < expected) {
            stc_heap_set(&x->heap, v, gain);
            continue;
        }
        stc_heap_remove(&x->heap, v);
        move(x, v, to);
        saved += gain;
        n++;
        sum += gain;
        squares += (double)gain * gain;
        if (saved <= best) continue;
        best = saved;
        kept = x->nmoved;
        n = sum = squares = 0;
    }
    while (x->heap.n > 0)
        stc_heap_remove(&x->heap, x->heap.vertex[x->heap.n - 1]);
    while (x->nmoved > kept) {
        x->nmoved--;
        stc_state_move(s, x->moved[x->nmoved], x->from[x->nmoved]);
    }
    return best;
}

static bool on_border(const stc_partition_state *s, int32_t vertex)
{
    const stc_level *level = s->level;
    for (int64_t i = level->first_net[vertex]; i < level->first_net[vertex + 1]; i++)
        if (s->net[level->net[i]].n > 1) return true;
    return false;
}

static int64_t round_of_searches(searching *x, uint64_t seed)
{
    const int32_t n = x->state->level->n;
    int64_t saved = 0;
    stc_shuffled(n, seed, STC_DRAW_VISIT, x->order);
    for (int32_t v = 0; v < n; v++)
        x->done[v] = false;
    int32_t seeds = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t v = x->order[i];
        if (!x->done[v] && on_border(x->state, v)) {
            x->done[v] = true;
            offer(x, v);
            seeds++;
        }
        if (seeds < SEEDS && i + 1 < n) continue;
        seeds = 0;
        saved += search(x);
        if (x->work > x->most_work) break;
    }
    return saved;
}

static int open_search(const stc_level *level, const stc_limits *limits, int32_t *part,
                       searching *x)
{
    const int64_t n = level->n;
    x->heap.vertex = stc_alloc(n, sizeof *x->heap.vertex);
    x->heap.place = stc_alloc(n, sizeof *x->heap.place);
    x->heap.gain = stc_alloc(n, sizeof *x->heap.gain);
    x->order = stc_alloc(n, sizeof *x->order);
    x->done = stc_alloc(n, sizeof *x->done);
    x->moved = stc_alloc(n, sizeof *x->moved);
    x->from = stc_alloc(n, sizeof *x->from);
    x->near = stc_alloc(n, sizeof *x->near);
    x->stamp = stc_alloc(n, sizeof *x->stamp);
    const bool all = x->heap.vertex && x->heap.place && x->heap.gain && x->order && x->done &&
                     x->moved && x->from && x->near && x->stamp;
    if (!all) return STC_ERR_NOMEM;
    for (int64_t v = 0; v < n; v++)
        x->heap.place[v] = -1;
    x->patience = log((double)n + 1);
    x->most_work = MAX_WORK * level->first[level->nnets];
    return stc_state_create(level, limits, true, part, &x->state);
}

int stc_level_search(const stc_level *level, const stc_limits *limits, double price, uint64_t seed,
                     int32_t *part)
{
    searching x = {0};
    const int rc = open_search(level, limits, part, &x);
    const double first = rc == 0 ? price * (double)x.state->volume / limits->nparts : 0;
    for (int i = 0; i < MAX_ROUNDS && rc == 0 && x.work < x.most_work; i++) {
        const int64_t before = x.state->volume;
        x.price = ldexp(first, i);
        const int64_t saved = round_of_searches(&x, stc_mix64(seed + (uint64_t)i));
        if ((double)saved <= ENOUGH * (double)before) break;
    }
    stc_state_destroy(&x.state);
    void *arrays[] = {x.heap.vertex, x.heap.place, x.heap.gain, x.order, x.done,
                      x.moved,       x.from,       x.near,      x.stamp};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return rc;
}
