/* measure.c - what a partition costs, computed from the graph alone and shared with no method. */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

const char *const stc_constraint_names[STC_NCONSTRAINTS] = {"neurons", "synapse_bytes", "work"};

/* Sums of doubles in another order differ in their last bits: no overrun. */
static const double ROUNDING = 1e-12;

static void measure_loads(const stc_hypergraph *g, int32_t nparts, const int32_t *part,
                          const double *capacity, double *load, int32_t *size,
                          stc_partition_quality *q)
{
    double total[STC_NCONSTRAINTS] = {0};
    for (int32_t v = 0; v < g->nvertices; v++) {
        size[part[v]]++;
        for (int c = 0; c < STC_NCONSTRAINTS; c++) {
            const double w = g->weight[(int64_t)v * STC_NCONSTRAINTS + c];
            load[(int64_t)part[v] * STC_NCONSTRAINTS + c] += w;
            total[c] += w;
        }
    }
    q->feasible = true;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        double largest = 0;
        for (int32_t p = 0; p < nparts; p++) {
            const double x = load[(int64_t)p * STC_NCONSTRAINTS + c];
            if (x > largest) largest = x;
            if (size[p] == 0) q->feasible = false;
        }
        q->imbalance[c] = total[c] > 0 ? largest * nparts / total[c] : 1;
        if (capacity && capacity[c] > 0 && largest > capacity[c] * (1 + ROUNDING))
            q->feasible = false;
    }
}

/* A net costs its spikes for every part that its pins reach but its own. */
static void measure_nets(const stc_hypergraph *g, int32_t nparts, const int32_t *part,
                         const stc_reach *reach, stc_partition_quality *q)
{
    double all = 0;
    for (int32_t e = 0; e < g->nnets; e++) {
        const int32_t own = part[g->source[e]], l = stc_hypergraph_list(g, e);
        const double w = g->spikes[e];
        int64_t parts = 0, pins = 0;
        for (int64_t i = reach->first[l]; i < reach->first[l + 1]; i++) {
            if (reach->part[i] == own) continue;
            parts++;
            pins += reach->pins[i];
        }
        all += w;
        q->multicast_volume += w * (double)parts;
        q->edge_cut += w * (double)pins;
    }
    if (nparts > 1 && all > 0) q->broadcast_share = q->multicast_volume / ((nparts - 1) * all);
}

/* Pairs (source vertex, other part): nets of one source are visited together. first, net: nets by
 * source. seen[p] holds the last source that reached part p. */
static void count_messages(const stc_hypergraph *g, const int32_t *part, const stc_reach *reach,
                           int32_t *first, int32_t *net, int32_t *seen, stc_partition_quality *q)
{
    for (int32_t e = 0; e < g->nnets; e++)
        first[g->source[e] + 1]++;
    for (int32_t v = 0; v < g->nvertices; v++)
        first[v + 1] += first[v];
    for (int32_t e = 0; e < g->nnets; e++)
        net[first[g->source[e]]++] = e;
    int32_t at = 0; /* first[v] is now the end of v's nets */
    for (int32_t v = 0; v < g->nvertices; v++) {
        seen[part[v]] = v + 1;
        for (; at < first[v]; at++) {
            const int32_t l = stc_hypergraph_list(g, net[at]);
            for (int64_t i = reach->first[l]; i < reach->first[l + 1]; i++) {
                const int32_t p = reach->part[i];
                if (seen[p] != v + 1) q->messages++;
                seen[p] = v + 1;
            }
        }
    }
}

/* Traffic of every part: nets by the part of their source. seen[p] holds the last part that sends
 * to part p. */
typedef struct {
    double *send, *receive; /* [nparts] */
    int32_t *first, *net;   /* nets by part: [nparts + 1], [nnets] */
    int32_t *seen;
} traffic;

static void measure_parts(const stc_hypergraph *g, int32_t nparts, const int32_t *part,
                          const stc_reach *reach, traffic *t, stc_partition_quality *q)
{
    for (int32_t e = 0; e < g->nnets; e++)
        t->first[part[g->source[e]] + 1]++;
    for (int32_t p = 0; p < nparts; p++)
        t->first[p + 1] += t->first[p];
    for (int32_t e = 0; e < g->nnets; e++)
        t->net[t->first[part[g->source[e]]]++] = e;
    int32_t at = 0; /* first[p] is now the end of p's nets */
    for (int32_t own = 0; own < nparts; own++) {
        t->seen[own] = own + 1;
        for (; at < t->first[own]; at++) {
            const int32_t e = t->net[at], l = stc_hypergraph_list(g, e);
            for (int64_t i = reach->first[l]; i < reach->first[l + 1] && g->spikes[e] > 0; i++) {
                const int32_t p = reach->part[i];
                if (p == own) continue;
                t->send[own] += (double)g->spikes[e];
                t->receive[p] += (double)g->spikes[e];
                if (t->seen[p] != own + 1) q->pairs++;
                t->seen[p] = own + 1;
            }
        }
    }
    for (int32_t p = 0; p < nparts; p++) {
        if (t->send[p] > q->max_send) q->max_send = t->send[p];
        if (t->receive[p] > q->max_receive) q->max_receive = t->receive[p];
    }
}

static int measure_traffic(const stc_hypergraph *g, int32_t nparts, const int32_t *part,
                           const stc_reach *reach, stc_partition_quality *q)
{
    traffic t = {.send = stc_alloc(nparts, sizeof *t.send),
                 .receive = stc_alloc(nparts, sizeof *t.receive),
                 .first = stc_alloc((int64_t)nparts + 1, sizeof *t.first),
                 .net = stc_alloc(g->nnets, sizeof *t.net),
                 .seen = stc_alloc(nparts, sizeof *t.seen)};
    const bool ok = t.send && t.receive && t.first && t.net && t.seen;
    if (ok) measure_parts(g, nparts, part, reach, &t, q);
    void *arrays[] = {t.send, t.receive, t.first, t.net, t.seen};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return ok ? 0 : STC_ERR_NOMEM;
}

static int measure_volume(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                          const stc_reach *reach, const double *capacity,
                          stc_partition_quality *quality)
{
    *quality = (stc_partition_quality){0};
    double *load = stc_alloc((int64_t)nparts * STC_NCONSTRAINTS, sizeof *load);
    int32_t *size = stc_alloc(nparts, sizeof *size);
    const bool ok = load && size;
    if (ok) {
        measure_loads(graph, nparts, part, capacity, load, size, quality);
        measure_nets(graph, nparts, part, reach, quality);
    }
    stc_free(load);
    stc_free(size);
    return ok ? 0 : STC_ERR_NOMEM;
}

static int measure_messages(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                            const stc_reach *reach, stc_partition_quality *quality)
{
    int32_t *seen = stc_alloc(nparts, sizeof *seen);
    int32_t *first = stc_alloc((int64_t)graph->nvertices + 1, sizeof *first);
    int32_t *net = stc_alloc(graph->nnets, sizeof *net);
    const bool ok = seen && first && net;
    if (ok) count_messages(graph, part, reach, first, net, seen, quality);
    stc_free(seen);
    stc_free(first);
    stc_free(net);
    return ok ? 0 : STC_ERR_NOMEM;
}

int stc_measure_volume(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                       const double *capacity, stc_partition_quality *quality)
{
    stc_reach reach;
    int rc = stc_reach_create(graph, nparts, part, &reach);
    if (rc == 0) rc = measure_volume(graph, nparts, part, &reach, capacity, quality);
    stc_reach_release(&reach);
    return rc;
}

int stc_partition_measure(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                          const double *capacity, stc_partition_quality *quality)
{
    const stc_cost_model plain = {0};
    stc_reach reach;
    int rc = stc_reach_create(graph, nparts, part, &reach);
    if (rc == 0) rc = measure_volume(graph, nparts, part, &reach, capacity, quality);
    if (rc == 0) rc = measure_messages(graph, nparts, part, &reach, quality);
    if (rc == 0) rc = measure_traffic(graph, nparts, part, &reach, quality);
    stc_reach_release(&reach);
    return rc == 0 ? stc_partition_measure_cost(graph, nparts, part, &plain, quality) : rc;
}
