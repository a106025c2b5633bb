/* place.c - which part is which chip of the mesh.
 *
 * All chips are alike, so that parts can be renumbered freely: pairs of parts are swapped as long
 * as the links of the multicast trees get fewer. Nets that go from one part to the same others are
 * one net here. The work is bounded by a count, so that the result is the same on every machine.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <string.h>

enum { MAX_ROUNDS = 8 };
static const int64_t MAX_WORK = 100000000; /* parts looked at */

typedef struct {
    int32_t nparts, nnets;
    int32_t *source;    /* [nnets] parts */
    double *spikes;     /* [nnets] */
    int64_t *first;     /* [nnets + 1] */
    int32_t *part;      /* other parts that a net reaches */
    int64_t *first_net; /* [nparts + 1] */
    int32_t *net;       /* nets of a part, as source or destination */
    int32_t *chip;      /* [nparts] place of a part */
    int32_t *places, *stamp, now;
    double *cost; /* [nnets] at present */
    int64_t work;
    stc_mesh mesh;
} placing;

static void release(placing *x)
{
    void *arrays[] = {x->source, x->spikes, x->first,  x->part,  x->first_net,
                      x->net,    x->chip,   x->places, x->stamp, x->cost};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    stc_mesh_release(&x->mesh);
}

/* ---- the graph of parts ---- */

static int open(const stc_partition_job *job, const stc_reach *reach, placing *x)
{
    const stc_hypergraph *g = job->graph;
    int64_t reached = 0;
    for (int32_t e = 0; e < g->nnets; e++) {
        const int32_t l = stc_hypergraph_list(g, e);
        reached += reach->first[l + 1] - reach->first[l];
    }
    x->nparts = job->nparts;
    x->source = stc_alloc(g->nnets, sizeof *x->source);
    x->spikes = stc_alloc(g->nnets, sizeof *x->spikes);
    x->first = stc_alloc((int64_t)g->nnets + 1, sizeof *x->first);
    x->part = stc_alloc(reached, sizeof *x->part);
    x->first_net = stc_alloc((int64_t)x->nparts + 1, sizeof *x->first_net);
    x->chip = stc_alloc(x->nparts, sizeof *x->chip);
    x->places = stc_alloc(x->nparts, sizeof *x->places);
    x->stamp = stc_alloc(g->nnets > x->nparts ? g->nnets : x->nparts, sizeof *x->stamp);
    x->cost = stc_alloc(g->nnets, sizeof *x->cost);
    const bool ok = x->source && x->spikes && x->first && x->part && x->first_net && x->chip &&
                    x->places && x->stamp && x->cost;
    return ok ? stc_mesh_create(stc_cost_columns(&job->cost, job->nparts), &x->mesh)
              : STC_ERR_NOMEM;
}

/* Is net f the one whose parts are marked? */
static bool same(const placing *x, int32_t f, int32_t source, int64_t n, int32_t mark)
{
    if (x->source[f] != source || x->first[f + 1] - x->first[f] != n) return false;
    for (int64_t i = x->first[f]; i < x->first[f + 1]; i++)
        if (x->stamp[x->part[i]] != mark) return false;
    return true;
}

/* table: nets found so far by what they join, + 1. */
static void add_net(placing *x, int32_t source, int64_t n, double spikes, int32_t mark,
                    int32_t *table, uint64_t mask)
{
    uint64_t hash = stc_mix64((uint64_t)source + 1);
    for (int64_t i = 0; i < n; i++)
        hash += stc_mix64((uint64_t)x->part[x->first[x->nnets] + i] + UINT64_C(0x9e3779b97f4a7c15));
    uint64_t at = stc_mix64(hash) & mask;
    for (; table[at] != 0; at = (at + 1) & mask) {
        if (!same(x, table[at] - 1, source, n, mark)) continue;
        x->spikes[table[at] - 1] += spikes;
        return;
    }
    x->source[x->nnets] = source;
    x->spikes[x->nnets] = spikes;
    x->first[x->nnets + 1] = x->first[x->nnets] + n;
    table[at] = ++x->nnets;
}

static int collect(const stc_partition_job *job, const int32_t *part, const stc_reach *reach,
                   placing *x)
{
    const stc_hypergraph *g = job->graph;
    int64_t size = 16;
    while (size < 2 * (int64_t)g->nnets)
        size *= 2;
    int32_t *table = stc_alloc(size, sizeof *table);
    if (!table) return STC_ERR_NOMEM;
    for (int32_t e = 0; e < g->nnets; e++) {
        const int32_t own = part[g->source[e]], l = stc_hypergraph_list(g, e);
        int64_t n = 0;
        for (int64_t i = reach->first[l]; i < reach->first[l + 1]; i++) {
            const int32_t p = reach->part[i];
            if (p == own) continue;
            x->stamp[p] = e + 1;
            x->part[x->first[x->nnets] + n++] = p;
        }
        if (n > 0 && g->spikes[e] > 0)
            add_net(x, own, n, (double)g->spikes[e], e + 1, table, (uint64_t)size - 1);
    }
    stc_free(table);
    return 0;
}

/* The nets of every part. */
static int invert(placing *x)
{
    int64_t *start = x->first_net;
    x->net = stc_alloc(x->first[x->nnets] + x->nnets, sizeof *x->net);
    if (!x->net) return STC_ERR_NOMEM;
    for (int fill = 0; fill < 2; fill++) {
        for (int32_t e = 0; e < x->nnets; e++) {
            for (int64_t i = x->first[e] - 1; i < x->first[e + 1]; i++) {
                const int32_t p = i < x->first[e] ? x->source[e] : x->part[i];
                if (fill)
                    x->net[start[p]++] = e;
                else
                    start[p + 1]++;
            }
        }
        for (int32_t p = 0; p < x->nparts && !fill; p++)
            start[p + 1] += start[p];
    }
    for (int32_t p = x->nparts; p > 0; p--)
        start[p] = start[p - 1];
    start[0] = 0;
    return 0;
}

/* ---- swaps ---- */

static double net_cost(placing *x, int32_t e)
{
    const int32_t n = (int32_t)(x->first[e + 1] - x->first[e]);
    for (int32_t i = 0; i < n; i++)
        x->places[i] = x->chip[x->part[x->first[e] + i]];
    x->work += n;
    return x->spikes[e] * (double)stc_mesh_tree(&x->mesh, x->chip[x->source[e]], x->places, n);
}

static void swap(placing *x, int32_t a, int32_t b)
{
    const int32_t c = x->chip[a];
    x->chip[a] = x->chip[b];
    x->chip[b] = c;
}

/* Change of the costs of all nets of two parts as they are now; commit: note them. */
static double change(placing *x, int32_t a, int32_t b, bool commit)
{
    const int32_t both[2] = {a, b};
    double sum = 0;
    x->now++;
    for (int i = 0; i < 2; i++) {
        for (int64_t j = x->first_net[both[i]]; j < x->first_net[both[i] + 1]; j++) {
            const int32_t e = x->net[j];
            if (x->stamp[e] == x->now) continue;
            x->stamp[e] = x->now;
            const double cost = net_cost(x, e);
            sum += cost - x->cost[e];
            if (commit) x->cost[e] = cost;
        }
    }
    return sum;
}

/* Partners at growing distances, as both of a pair that talk come closer by small steps. */
static bool round_of_swaps(placing *x)
{
    bool any = false;
    for (int32_t distance = 1; distance < x->nparts; distance++) {
        for (int32_t a = 0; a + distance < x->nparts; a++) {
            if (x->work > MAX_WORK) return false;
            const int32_t b = a + distance;
            swap(x, a, b);
            if (change(x, a, b, false) < -1e-9) {
                change(x, a, b, true);
                any = true;
            } else {
                swap(x, a, b);
            }
        }
    }
    return any;
}

int stc_place_parts(const stc_partition_job *job, int32_t *part)
{
    placing x = {0};
    stc_reach reach;
    int rc = stc_reach_create(job->graph, job->nparts, part, &reach);
    if (rc == 0) rc = open(job, &reach, &x);
    if (rc == 0) rc = collect(job, part, &reach, &x);
    stc_reach_release(&reach);
    if (rc == 0) rc = invert(&x);
    if (rc == 0) {
        for (int32_t p = 0; p < x.nparts; p++)
            x.chip[p] = p;
        memset(x.stamp, 0, (size_t)(x.nnets > x.nparts ? x.nnets : x.nparts) * sizeof *x.stamp);
        for (int32_t e = 0; e < x.nnets; e++)
            x.cost[e] = net_cost(&x, e);
        for (int i = 0; i < MAX_ROUNDS && round_of_swaps(&x); i++)
            continue;
        for (int32_t v = 0; v < job->graph->nvertices; v++)
            part[v] = x.chip[part[v]];
    }
    release(&x);
    return rc;
}
