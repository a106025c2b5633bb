/* cluster.c - which vertices are joined on the next coarser level.
 *
 * A vertex joins the cluster with which it shares most: the sum over shared nets of cost /
 * (members - 1), so that a net of two counts fully and a net that is everywhere hardly; divided by
 * the weights of both, so that clusters grow alike. Large nets say little about who belongs
 * together and are left out.
 */
#include "level.h"
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

enum { LARGE_NET = 256 };

typedef struct {
    const stc_level *level;
    const double *most;
    int32_t most_vertices;
    const int32_t *within;
    int32_t *cluster;  /* [n] representative vertex */
    double *weight;    /* [n][STC_NCONSTRAINTS] of a representative's cluster */
    int32_t *vertices; /* [n] of a representative's cluster */
    double *size;      /* [n] weight of a cluster as a share of what is allowed */
    double *rating;    /* [n] by representative */
    int32_t *rated, nrated;
} clustering;

static bool may_join(const clustering *c, int32_t v, int32_t to)
{
    if (c->within && c->within[v] != c->within[to]) return false;
    if (c->vertices[v] + c->vertices[to] > c->most_vertices) return false;
    for (int w = 0; w < STC_NCONSTRAINTS; w++) {
        const double sum = c->weight[(int64_t)v * STC_NCONSTRAINTS + w] +
                           c->weight[(int64_t)to * STC_NCONSTRAINTS + w];
        if (sum > c->most[w]) return false;
    }
    return true;
}

static double share(const clustering *c, int32_t v)
{
    double largest = (double)c->vertices[v] / c->most_vertices;
    for (int w = 0; w < STC_NCONSTRAINTS; w++)
        if (c->most[w] > 0)
            largest = fmax(largest, c->weight[(int64_t)v * STC_NCONSTRAINTS + w] / c->most[w]);
    return largest;
}

static void rate(clustering *c, int32_t v)
{
    const stc_level *level = c->level;
    c->nrated = 0;
    for (int64_t i = level->first_net[v]; i < level->first_net[v + 1]; i++) {
        const int32_t e = level->net[i];
        const int64_t begin = level->first[e], end = level->first[e + 1];
        if (end - begin > LARGE_NET) continue;
        const double r = (double)level->cost[e] / (double)(end - begin - 1);
        for (int64_t j = begin; j < end; j++) {
            const int32_t to = c->cluster[level->member[j]];
            if (to == v) continue;
            if (c->rating[to] == 0) c->rated[c->nrated++] = to;
            c->rating[to] += r;
        }
    }
}

/* The best cluster for v, or -1. Clears the ratings. */
static int32_t choose(clustering *c, int32_t v)
{
    int32_t best = -1;
    double best_rating = 0;
    for (int32_t i = 0; i < c->nrated; i++) {
        const int32_t to = c->rated[i];
        const double r = c->rating[to] / c->size[to];
        c->rating[to] = 0;
        if (r > best_rating && may_join(c, v, to)) {
            best_rating = r;
            best = to;
        }
    }
    return best;
}

static void join(clustering *c, int32_t v, int32_t to)
{
    c->cluster[v] = to;
    c->vertices[to] += c->vertices[v];
    for (int w = 0; w < STC_NCONSTRAINTS; w++)
        c->weight[(int64_t)to * STC_NCONSTRAINTS + w] +=
            c->weight[(int64_t)v * STC_NCONSTRAINTS + w];
    c->size[to] = share(c, to);
}

/* Number clusters in the order of their first vertices: cluster[v] <= v. */
static int32_t number_clusters(int32_t n, int32_t *cluster, int32_t *number)
{
    int32_t count = 0;
    for (int32_t v = 0; v < n; v++)
        number[v] = -1;
    for (int32_t v = 0; v < n; v++) {
        const int32_t representative = cluster[v];
        if (number[representative] < 0) number[representative] = count++;
        cluster[v] = number[representative];
    }
    return count;
}

static int open_clustering(clustering *c)
{
    const int32_t n = c->level->n;
    c->weight = stc_alloc((int64_t)n * STC_NCONSTRAINTS, sizeof *c->weight);
    c->vertices = stc_alloc(n, sizeof *c->vertices);
    c->size = stc_alloc(n, sizeof *c->size);
    c->rating = stc_alloc(n, sizeof *c->rating);
    c->rated = stc_alloc(n, sizeof *c->rated);
    if (!c->weight || !c->vertices || !c->size || !c->rating || !c->rated) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < (int64_t)n * STC_NCONSTRAINTS; i++)
        c->weight[i] = c->level->weight[i];
    for (int32_t v = 0; v < n; v++) {
        c->vertices[v] = c->level->vertices[v];
        c->cluster[v] = v;
        c->size[v] = fmax(share(c, v), 1e-9);
    }
    return 0;
}

int stc_level_cluster(const stc_level *level, int32_t wanted, const double most[STC_NCONSTRAINTS],
                      int32_t most_vertices, const int32_t *within, uint64_t seed, int32_t *cluster,
                      int32_t *ncoarse)
{
    clustering c = {.level = level,
                    .most = most,
                    .most_vertices = most_vertices > 0 ? most_vertices : 1,
                    .within = within,
                    .cluster = cluster};
    int32_t *order = stc_alloc(level->n, sizeof *order);
    const int rc = order ? open_clustering(&c) : STC_ERR_NOMEM;
    if (rc == 0) {
        int32_t left = level->n;
        stc_shuffled(level->n, seed, STC_DRAW_VISIT, order);
        for (int32_t i = 0; i < level->n && left > wanted; i++) {
            const int32_t v = order[i];
            if (cluster[v] != v || c.vertices[v] != level->vertices[v]) continue;
            rate(&c, v);
            const int32_t to = choose(&c, v);
            if (to < 0) continue;
            join(&c, v, to);
            left--;
        }
        *ncoarse = number_clusters(level->n, cluster, order);
    }
    void *arrays[] = {c.weight, c.vertices, c.size, c.rating, c.rated, order};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return rc;
}
