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

/* seen[p] holds the last net that reached part p. */
static void measure_nets(const stc_hypergraph *g, int32_t nparts, const int32_t *part,
                         int32_t *seen, stc_partition_quality *q)
{
    double all = 0;
    for (int32_t e = 0; e < g->nnets; e++) {
        const int32_t own = part[g->source[e]], stamp = e + 1;
        const double w = g->spikes[e];
        all += w;
        seen[own] = stamp;
        for (int64_t i = g->first[e]; i < g->first[e + 1]; i++) {
            const int32_t p = part[g->pin[i]];
            if (p != own) q->edge_cut += w;
            if (seen[p] != stamp) q->multicast_volume += w;
            seen[p] = stamp;
        }
    }
    if (nparts > 1 && all > 0) q->broadcast_share = q->multicast_volume / ((nparts - 1) * all);
}

/* Pairs (source vertex, other part): nets of one source are visited together. first, net: nets by
 * source. seen[p] holds the last source that reached part p. */
static void count_messages(const stc_hypergraph *g, const int32_t *part, int32_t *first,
                           int32_t *net, int32_t *seen, stc_partition_quality *q)
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
            for (int64_t i = g->first[net[at]]; i < g->first[net[at] + 1]; i++) {
                const int32_t p = part[g->pin[i]];
                if (seen[p] != v + 1) q->messages++;
                seen[p] = v + 1;
            }
        }
    }
}

/* Traffic of every part: nets by the part of their source. seen[p] holds the last part that sends
 * to part p; reached[p] the last net that reached it. */
typedef struct {
    double *send, *receive; /* [nparts] */
    int32_t *first, *net;   /* nets by part: [nparts + 1], [nnets] */
    int32_t *seen, *reached;
} traffic;

static void measure_parts(const stc_hypergraph *g, int32_t nparts, const int32_t *part, traffic *t,
                          stc_partition_quality *q)
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
            const int32_t e = t->net[at];
            t->reached[own] = e + 1;
            for (int64_t i = g->first[e]; i < g->first[e + 1] && g->spikes[e] > 0; i++) {
                const int32_t p = part[g->pin[i]];
                if (t->reached[p] == e + 1) continue;
                t->reached[p] = e + 1;
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
                           stc_partition_quality *q)
{
    traffic t = {.send = stc_alloc(nparts, sizeof *t.send),
                 .receive = stc_alloc(nparts, sizeof *t.receive),
                 .first = stc_alloc((int64_t)nparts + 1, sizeof *t.first),
                 .net = stc_alloc(g->nnets, sizeof *t.net),
                 .seen = stc_alloc(nparts, sizeof *t.seen),
                 .reached = stc_alloc(nparts, sizeof *t.reached)};
    const bool ok = t.send && t.receive && t.first && t.net && t.seen && t.reached;
    if (ok) measure_parts(g, nparts, part, &t, q);
    void *arrays[] = {t.send, t.receive, t.first, t.net, t.seen, t.reached};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return ok ? 0 : STC_ERR_NOMEM;
}

int stc_measure_volume(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                       const double *capacity, stc_partition_quality *quality)
{
    *quality = (stc_partition_quality){0};
    double *load = stc_alloc((int64_t)nparts * STC_NCONSTRAINTS, sizeof *load);
    int32_t *size = stc_alloc(nparts, sizeof *size), *seen = stc_alloc(nparts, sizeof *seen);
    const bool ok = load && size && seen;
    if (ok) {
        measure_loads(graph, nparts, part, capacity, load, size, quality);
        measure_nets(graph, nparts, part, seen, quality);
    }
    stc_free(load);
    stc_free(size);
    stc_free(seen);
    return ok ? 0 : STC_ERR_NOMEM;
}

static int measure_messages(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                            stc_partition_quality *quality)
{
    int32_t *seen = stc_alloc(nparts, sizeof *seen);
    int32_t *first = stc_alloc((int64_t)graph->nvertices + 1, sizeof *first);
    int32_t *net = stc_alloc(graph->nnets, sizeof *net);
    const bool ok = seen && first && net;
    if (ok) count_messages(graph, part, first, net, seen, quality);
    stc_free(seen);
    stc_free(first);
    stc_free(net);
    return ok ? 0 : STC_ERR_NOMEM;
}

int stc_partition_measure(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                          const double *capacity, stc_partition_quality *quality)
{
    const stc_cost_model plain = {0};
    STC_TRY(stc_measure_volume(graph, nparts, part, capacity, quality));
    STC_TRY(measure_messages(graph, nparts, part, quality));
    STC_TRY(measure_traffic(graph, nparts, part, quality));
    return stc_partition_measure_cost(graph, nparts, part, &plain, quality);
}
