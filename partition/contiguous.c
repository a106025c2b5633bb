/* contiguous.c - cut the vertex order into pieces of equal work.
 *
 * The smallest possible largest piece is found by bisection; then every cut is put as near to its
 * even place as that bound allows. Work that is nowhere is replaced by the first weight that is
 * somewhere, else by the number of vertices.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

enum { WORK = STC_NCONSTRAINTS - 1, CHAIN = STC_NCONSTRAINTS };

typedef struct {
    int32_t n, nparts;
    double (*sum)[STC_NCONSTRAINTS + 1]; /* [n + 1] weights before a vertex; CHAIN: what is cut */
    double limit[STC_NCONSTRAINTS + 1];
    int32_t *cut, *earliest; /* [nparts + 1]; earliest: where a cut may lie at the earliest */
} chain;

static bool fits(const chain *c, int32_t begin, int32_t end)
{
    for (int w = 0; w <= CHAIN; w++)
        if (c->sum[end][w] - c->sum[begin][w] > c->limit[w]) return false;
    return true;
}

/* Furthest end of a piece that starts at begin, at most `most`; begin when nothing fits. */
static int32_t furthest(const chain *c, int32_t begin, int32_t most)
{
    int32_t good = begin, bad = most + 1;
    while (bad - good > 1) {
        const int32_t middle = good + (bad - good) / 2;
        if (fits(c, begin, middle))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

/* Foremost begin of a piece that ends at end, at least `least`; end when nothing fits. */
static int32_t foremost(const chain *c, int32_t end, int32_t least)
{
    int32_t good = end, bad = least - 1;
    while (good - bad > 1) {
        const int32_t middle = bad + (good - bad) / 2;
        if (fits(c, middle, end))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

/* Whether nparts pieces, none empty, keep the limits. */
static bool feasible(const chain *c)
{
    int32_t at = 0;
    for (int32_t p = 0; p < c->nparts; p++) {
        const int32_t end = furthest(c, at, c->n - (c->nparts - 1 - p));
        if (end == at) return false;
        at = end;
    }
    return at == c->n;
}

/* The smallest feasible limit of the chain; false when there is none. */
static bool find_limit(chain *c)
{
    double low = 0, high = c->sum[c->n][CHAIN];
    c->limit[CHAIN] = high;
    if (!feasible(c)) return false;
    for (int i = 0; i < 60; i++) {
        c->limit[CHAIN] = low + (high - low) / 2;
        if (feasible(c))
            high = c->limit[CHAIN];
        else
            low = c->limit[CHAIN];
    }
    c->limit[CHAIN] = high;
    return true;
}

/* Cut whose weight before it is nearest to target, within lo..hi. */
static int32_t nearest(const chain *c, double target, int32_t lo, int32_t hi)
{
    while (hi - lo > 1) {
        const int32_t middle = lo + (hi - lo) / 2;
        if (c->sum[middle][CHAIN] <= target)
            lo = middle;
        else
            hi = middle;
    }
    return target - c->sum[lo][CHAIN] <= c->sum[hi][CHAIN] - target ? lo : hi;
}

static void place_cuts(chain *c)
{
    const int32_t k = c->nparts;
    c->earliest[k] = c->n;
    for (int32_t p = k - 1; p > 0; p--)
        c->earliest[p] = foremost(c, c->earliest[p + 1], p);
    c->cut[0] = 0;
    c->cut[k] = c->n;
    for (int32_t p = 1; p < k; p++) {
        const int32_t before = c->cut[p - 1];
        const int32_t lo = c->earliest[p] > before ? c->earliest[p] : before + 1;
        const int32_t hi = furthest(c, before, c->n - (k - p));
        c->cut[p] = nearest(c, c->sum[c->n][CHAIN] * p / k, lo, hi);
    }
}

static void sum_up(chain *c, const stc_partition_job *job)
{
    int which = job->limits.total[WORK] > 0 ? WORK : CHAIN;
    for (int w = WORK; w >= 0 && which == CHAIN; w--)
        if (job->limits.total[w] > 0) which = w;
    for (int32_t v = 0; v < c->n; v++) {
        const double *weight = job->graph->weight + (int64_t)v * STC_NCONSTRAINTS;
        for (int w = 0; w < STC_NCONSTRAINTS; w++)
            c->sum[v + 1][w] = c->sum[v][w] + weight[w];
        c->sum[v + 1][CHAIN] = c->sum[v][CHAIN] + (which == CHAIN ? 1 : weight[which]);
    }
}

int stc_cut_chain(const stc_partition_job *job, int32_t *part)
{
    chain c = {.n = job->graph->nvertices, .nparts = stc_limits_parts(&job->limits)};
    c.sum = stc_alloc((int64_t)c.n + 1, sizeof *c.sum);
    c.cut = stc_alloc((int64_t)c.nparts + 1, sizeof *c.cut);
    c.earliest = stc_alloc((int64_t)c.nparts + 1, sizeof *c.earliest);
    const int rc = c.sum && c.cut && c.earliest ? 0 : STC_ERR_NOMEM;
    if (rc == 0) {
        sum_up(&c, job);
        for (int w = 0; w < STC_NCONSTRAINTS; w++)
            c.limit[w] = job->limits.hard[w];
        if (!find_limit(&c)) { /* no cut of the chain keeps the capacities */
            for (int w = 0; w < STC_NCONSTRAINTS; w++)
                c.limit[w] = INFINITY;
            find_limit(&c);
        }
        place_cuts(&c);
        for (int32_t p = 0, piece = 0; p < job->nparts; p++) {
            const int32_t end = piece + (job->limits.share ? job->limits.share[p] : 1);
            for (int32_t v = c.cut[piece]; v < c.cut[end]; v++)
                part[v] = p;
            piece = end;
        }
    }
    stc_free(c.sum);
    stc_free(c.cut);
    stc_free(c.earliest);
    return rc;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    return stc_agree(comm, stc_cut_chain(job, part));
}

const stc_partition_method stc_partition_contiguous = {.name = "contiguous", .run = run};
