/* hierarchy.c - coarsen step by step, and refine on every level on the way back. */
#include "hierarchy.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

static const double SHRINK = 0.95; /* a step that leaves more of the vertices is the last one */
static const double STEP = 2.5;    /* largest shrinking of one step: small steps search better */

static void sum_weights(const stc_level *level, double total[STC_NCONSTRAINTS], int64_t *vertices)
{
    *vertices = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        total[c] = 0;
    for (int32_t v = 0; v < level->n; v++) {
        *vertices += level->vertices[v];
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            total[c] += level->weight[(int64_t)v * STC_NCONSTRAINTS + c];
    }
}

/* One step; *done when there is nothing more to gain. */
static int coarsen(const stc_level *fine, int32_t wanted, const double most[STC_NCONSTRAINTS],
                   int32_t most_vertices, const int32_t *within, uint64_t seed, stc_hierarchy *h,
                   bool *done)
{
    int32_t n = 0;
    int32_t *cluster = stc_alloc(fine->n, sizeof *cluster);
    if (!cluster) return STC_ERR_NOMEM;
    const int32_t step = (int32_t)(fine->n / STEP);
    int rc = stc_level_cluster(fine, step > wanted ? step : wanted, most, most_vertices, within,
                               seed, cluster, &n);
    *done = rc < 0 || n > SHRINK * fine->n;
    if (rc == 0 && !*done) rc = stc_level_contract(fine, cluster, n, &h->level[h->n]);
    if (rc < 0 || *done) {
        stc_free(cluster);
        return rc;
    }
    h->cluster[h->n++] = cluster;
    return 0;
}

int stc_hierarchy_create(const stc_level *finest, int32_t wanted, double slack,
                         const int32_t *within, uint64_t seed, stc_hierarchy *h)
{
    *h = (stc_hierarchy){.finest = finest};
    double most[STC_NCONSTRAINTS];
    int64_t vertices;
    sum_weights(finest, most, &vertices);
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        most[c] = most[c] > 0 ? most[c] * slack / wanted : INFINITY;
    const int32_t most_vertices = (int32_t)fmax(1, ceil((double)vertices * 2 * slack / wanted));
    int32_t *here = within ? stc_alloc(finest->n, sizeof *here) : NULL;
    if (within && !here) return STC_ERR_NOMEM;
    if (within) memcpy(here, within, (size_t)finest->n * sizeof *here);
    bool done = false;
    int rc = 0;
    while (rc == 0 && !done && h->n < STC_MAX_LEVELS) {
        const stc_level *fine = stc_hierarchy_coarsest(h);
        if (fine->n <= wanted) break;
        rc = coarsen(fine, wanted, most, most_vertices, here, stc_mix64(seed + (uint64_t)h->n), h,
                     &done);
        if (rc < 0 || done || !here) continue;
        for (int32_t v = 0; v < fine->n; v++)
            here[h->cluster[h->n - 1][v]] = here[v]; /* cluster[v] <= v */
    }
    stc_free(here);
    return rc;
}

void stc_hierarchy_release(stc_hierarchy *h)
{
    for (int i = 0; i < h->n; i++) {
        stc_level_release(&h->level[i]);
        stc_free(h->cluster[i]);
    }
    h->n = 0;
}

const stc_level *stc_hierarchy_coarsest(const stc_hierarchy *h)
{
    return h->n > 0 ? &h->level[h->n - 1] : h->finest;
}

void stc_hierarchy_lift(const stc_hierarchy *h, const int32_t *part, int32_t *coarse)
{
    memcpy(coarse, part, (size_t)h->finest->n * sizeof *coarse);
    for (int i = 0; i < h->n; i++) {
        const int32_t n = i > 0 ? h->level[i - 1].n : h->finest->n;
        for (int32_t v = 0; v < n; v++)
            coarse[h->cluster[i][v]] = coarse[v]; /* cluster[v] <= v */
    }
}

int stc_hierarchy_descend(const stc_hierarchy *h, const stc_limits *limits, double price,
                          uint64_t seed, int32_t *coarse, int32_t *part)
{
    int rc = 0;
    memcpy(part, coarse, (size_t)stc_hierarchy_coarsest(h)->n * sizeof *part);
    for (int i = h->n - 1; i >= 0 && rc == 0; i--) {
        const stc_level *fine = i > 0 ? &h->level[i - 1] : h->finest;
        for (int32_t v = 0; v < fine->n; v++)
            coarse[v] = part[h->cluster[i][v]];
        memcpy(part, coarse, (size_t)fine->n * sizeof *part);
        rc = stc_level_search(fine, limits, price, stc_mix64(seed + (uint64_t)i), part);
    }
    if (h->n == 0) return rc;
    if (rc == 0) rc = stc_level_repair(h->finest, limits, true, false, part);
    return rc == 0 ? stc_level_search(h->finest, limits, 0, seed, part) : rc;
}
