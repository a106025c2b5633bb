/* bisect.c - recursive bisection: halve the vertices, then each half, until there is one part each.
 *
 * Every bisection is a partition into two by its own hierarchy; nets that are cut go on in both
 * halves with the members they have there, so that the sum over the bisections is the multicast
 * volume. What a half may weigh follows from what its parts may weigh and how many bisections are
 * still to come.
 */
#include "hierarchy.h"
#include "state.h"

#include "heap.h"
#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { COARSEST = 160, TRIES = 8, TRIES_OF_FEW = 2, FEW = 80 };
static const double PRICE = 0.4;

/* ---- two parts of the coarsest level ---- */

/* How much of everything is on part 1; weights that fit on one part do not count. */
static double filled(const stc_partition_state *s)
{
    double sum = 0;
    int n = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double total = s->limits->total[c];
        if (total <= s->limit[c] && total <= s->limit[STC_NCONSTRAINTS + c]) continue;
        sum += s->load[STC_NCONSTRAINTS + c] / total;
        n++;
    }
    return n > 0 ? sum / n : (double)s->size[1] / (s->size[0] + s->size[1]);
}

typedef struct {
    stc_partition_state *state;
    stc_heap heap; /* those that share a net with part 1 */
    int32_t *gain; /* [n] saved by coming to part 1 */
} growth;

static int32_t count_of(const stc_partition_state *s, int32_t net, int32_t part)
{
    const stc_slot *slot = s->slot + s->net[net].first;
    for (int32_t i = 0; i < s->net[net].n; i++)
        if (slot[i].part == part) return slot[i].count;
    return 0;
}

/* Vertex v has come to part 1: its nets that are new there save the others their cost, and those
 * with one member left on part 0 save that one the cost of staying. */
static void value_near(growth *x, int32_t v)
{
    const stc_partition_state *s = x->state;
    const stc_level *level = s->level;
    for (int64_t j = level->first_net[v]; j < level->first_net[v + 1]; j++) {
        const int32_t e = level->net[j];
        const bool all = count_of(s, e, 1) == 1, one = count_of(s, e, 0) == 1;
        if (!all && !one) continue;
        const int32_t saved = level->cost[e] * (all + one);
        for (int64_t m = level->first[e]; m < level->first[e + 1]; m++) {
            const int32_t u = level->member[m];
            if (s->part[u] == 1) continue;
            x->gain[u] += saved;
            stc_heap_set(&x->heap, u, x->gain[u]);
        }
    }
}

static void grow_until(growth *x, double wanted, uint64_t draw)
{
    stc_partition_state *s = x->state;
    const int32_t n = s->level->n;
    for (uint64_t i = 0; filled(s) < wanted; i++) {
        int32_t v =
            x->heap.n > 0 ? x->heap.vertex[0] : (int32_t)(stc_mix64(draw + i) % (uint64_t)n);
        while (s->part[v] == 1)
            v = (v + 1) % n;
        if (x->heap.place[v] >= 0) stc_heap_remove(&x->heap, v);
        if (!stc_state_can_leave(s, v)) break;
        stc_state_move(s, v, 1);
        value_near(x, v);
    }
}

/* All vertices are on part 0; grow part 1 from a drawn vertex by what costs least. */
static int grow(const stc_level *level, const stc_limits *limits, uint64_t draw, int32_t *part)
{
    const int32_t n = level->n;
    growth x = {.heap = {.vertex = stc_alloc(n, sizeof(int32_t)),
                         .place = stc_alloc(n, sizeof(int32_t)),
                         .gain = stc_alloc(n, sizeof(int32_t))},
                .gain = stc_alloc(n, sizeof(int32_t))};
    int rc = x.heap.vertex && x.heap.place && x.heap.gain && x.gain ? 0 : STC_ERR_NOMEM;
    for (int32_t v = 0; v < n && rc == 0; v++) {
        part[v] = 0;
        x.heap.place[v] = -1;
        for (int64_t j = level->first_net[v]; j < level->first_net[v + 1]; j++)
            x.gain[v] -= level->cost[level->net[j]];
    }
    if (rc == 0) rc = stc_state_create(level, limits, true, part, &x.state);
    if (rc == 0) {
        const double all = limits->share[0] + limits->share[1];
        grow_until(&x, limits->share[1] / all, draw);
    }
    stc_state_destroy(&x.state);
    void *arrays[] = {x.heap.vertex, x.heap.place, x.heap.gain, x.gain};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return rc;
}

static int rate(const stc_level *level, const stc_limits *limits, int32_t *part, double *excess,
                int64_t *volume)
{
    stc_partition_state *s;
    STC_TRY(stc_state_create(level, limits, true, part, &s));
    *excess = stc_state_total_excess(s);
    *volume = s->volume;
    stc_state_destroy(&s);
    return 0;
}

/* The best of several tries. */
static int halve_coarsest(const stc_level *level, const stc_limits *limits, uint64_t seed,
                          int32_t *part)
{
    int32_t *candidate = stc_alloc(level->n, sizeof *candidate);
    int rc = candidate ? 0 : STC_ERR_NOMEM;
    double best_excess = INFINITY;
    int64_t best_volume = 0;
    const int tries = level->n > FEW ? TRIES : TRIES_OF_FEW;
    for (int i = 0; i < tries && rc == 0; i++) {
        const uint64_t draw = stc_mix64(seed + (uint64_t)i);
        double excess = 0;
        int64_t volume = 0;
        rc = grow(level, limits, draw, candidate);
        if (rc == 0) rc = stc_level_repair(level, limits, true, false, candidate);
        if (rc == 0) rc = stc_level_search(level, limits, 0, draw, candidate);
        if (rc == 0) rc = rate(level, limits, candidate, &excess, &volume);
        if (rc < 0 || excess > best_excess || (excess == best_excess && volume >= best_volume))
            continue;
        best_excess = excess;
        best_volume = volume;
        memcpy(part, candidate, (size_t)level->n * sizeof *part);
    }
    stc_free(candidate);
    return rc;
}

/* ---- bisection ---- */

static int halve(const stc_level *level, const stc_limits *limits, uint64_t seed, int32_t *part)
{
    stc_hierarchy h = {0};
    int32_t *coarse = stc_alloc(level->n, sizeof *coarse);
    int rc = coarse ? stc_hierarchy_create(level, COARSEST, 3, NULL, seed, &h) : STC_ERR_NOMEM;
    if (rc == 0) rc = halve_coarsest(stc_hierarchy_coarsest(&h), limits, seed, coarse);
    if (rc == 0) rc = stc_hierarchy_descend(&h, limits, PRICE, seed, coarse, part);
    stc_hierarchy_release(&h);
    stc_free(coarse);
    return rc;
}

/* Limits of two halves of k parts: what is left of the slack is spent evenly over the bisections to
 * come. */
static stc_limits limits_of_halves(const stc_level *level, const stc_limits *limits, int32_t k,
                                   const int32_t share[2])
{
    stc_limits two = {.nparts = 2, .share = share};
    const double depth = ceil(log2((double)k));
    for (int32_t v = 0; v < level->n; v++)
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            two.total[c] += level->weight[(int64_t)v * STC_NCONSTRAINTS + c];
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double allowed = fmin(limits->soft[c], limits->hard[c]),
                     average = two.total[c] / (share[0] + share[1]);
        two.hard[c] = limits->hard[c];
        two.soft[c] = allowed;
        if (isfinite(allowed) && average > 0)
            two.soft[c] = average * pow(fmax(allowed / average, 1), 1 / depth);
    }
    return two;
}

static int split(const stc_level *level, const stc_limits *limits, int32_t k, int32_t first,
                 uint64_t seed, int32_t *part);

/* The half `which`, whose parts are numbered from `first`. */
static int split_half(const stc_level *level, const stc_limits *limits, const int32_t *half,
                      int32_t which, int32_t k, int32_t first, uint64_t seed, int32_t *part)
{
    stc_level sub = {0};
    int32_t *vertex = stc_alloc(level->n, sizeof *vertex);
    int32_t *sub_part = stc_alloc(level->n, sizeof *sub_part);
    int rc = vertex && sub_part ? 0 : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_level_extract(level, half, which, vertex, &sub);
    if (rc == 0) rc = split(&sub, limits, k, first, stc_mix64(seed + (uint64_t)which), sub_part);
    for (int32_t i = 0; i < sub.n && rc == 0; i++)
        part[vertex[i]] = sub_part[i];
    stc_level_release(&sub);
    stc_free(vertex);
    stc_free(sub_part);
    return rc;
}

/* How many of the k parts from `first` on come to the first half; *share: what each half stands
 * for. */
static int32_t halve_parts(const stc_limits *limits, int32_t k, int32_t first, int32_t share[2])
{
    share[0] = k / 2;
    share[1] = k - k / 2;
    if (!limits->share) return k / 2;
    share[0] = share[1] = 0;
    for (int32_t p = 0; p < k; p++)
        share[p < k / 2 ? 0 : 1] += limits->share[first + p];
    return k / 2;
}

static int split(const stc_level *level, const stc_limits *limits, int32_t k, int32_t first,
                 uint64_t seed, int32_t *part)
{
    if (k == 1 || level->n == 0) {
        for (int32_t v = 0; v < level->n; v++)
            part[v] = first;
        return 0;
    }
    int32_t share[2];
    const int32_t left = halve_parts(limits, k, first, share);
    const stc_limits two = limits_of_halves(level, limits, k, share);
    int32_t *half = stc_alloc(level->n, sizeof *half);
    int rc = half ? halve(level, &two, seed, half) : STC_ERR_NOMEM;
    for (int32_t i = 0; i < 2 && rc == 0; i++)
        rc = split_half(level, limits, half, i, i == 0 ? left : k - left,
                        first + (i == 0 ? 0 : left), seed, part);
    stc_free(half);
    return rc;
}

int stc_level_bisect(const stc_level *level, const stc_limits *limits, uint64_t seed, int32_t *part)
{
    return split(level, limits, limits->nparts, 0, seed, part);
}
