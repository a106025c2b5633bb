/* reach.c - which parts a list of pins reaches. What a net costs follows from that of its list and
 * the part of its source, so that lists are walked once, however many nets share them. */
#include "stc/partition.h"

#include "stc/base.h"
#include "stc/error.h"

int64_t stc_hypergraph_pins(const stc_hypergraph *graph)
{
    if (!graph->list) return graph->first[graph->nnets];
    int64_t pins = 0;
    for (int32_t e = 0; e < graph->nnets; e++)
        pins += graph->first[graph->list[e] + 1] - graph->first[graph->list[e]];
    return pins;
}

/* Parts that there can be at most, over all lists. */
static int64_t most_parts(const stc_hypergraph *g, int32_t nparts)
{
    int64_t most = 0;
    for (int32_t l = 0; l < stc_hypergraph_lists(g); l++) {
        const int64_t pins = g->first[l + 1] - g->first[l];
        most += pins < nparts ? pins : nparts;
    }
    return most;
}

/* at[p]: where part p stands, when that is in the list at hand; seen[v]: last list (+ 1) with v. */
static void fill(const stc_hypergraph *g, const int32_t *part, int64_t *at, int32_t *seen,
                 stc_reach *out)
{
    int64_t n = 0;
    for (int32_t l = 0; l < stc_hypergraph_lists(g); l++) {
        for (int64_t i = g->first[l]; i < g->first[l + 1]; i++) {
            const int32_t v = g->pin[i], p = part[v];
            if (at[p] < out->first[l] || at[p] >= n || out->part[at[p]] != p) {
                at[p] = n;
                out->part[n] = p;
                out->pins[n] = out->places[n] = 0;
                n++;
            }
            out->pins[at[p]]++;
            out->places[at[p]] += seen[v] != l + 1;
            seen[v] = l + 1;
        }
        out->first[l + 1] = n;
    }
}

int stc_reach_create(const stc_hypergraph *graph, int32_t nparts, const int32_t *part,
                     stc_reach *out)
{
    const int64_t most = most_parts(graph, nparts);
    *out = (stc_reach){.first =
                           stc_alloc((int64_t)stc_hypergraph_lists(graph) + 1, sizeof *out->first),
                       .part = stc_alloc(most, sizeof *out->part),
                       .pins = stc_alloc(most, sizeof *out->pins),
                       .places = stc_alloc(most, sizeof *out->places)};
    int64_t *at = stc_alloc(nparts, sizeof *at);
    int32_t *seen = stc_alloc(graph->nvertices, sizeof *seen);
    const bool ok = out->first && out->part && out->pins && out->places && at && seen;
    if (ok) fill(graph, part, at, seen, out);
    stc_free(at);
    stc_free(seen);
    return ok ? 0 : STC_ERR_NOMEM;
}

void stc_reach_release(stc_reach *reach)
{
    stc_free(reach->first);
    stc_free(reach->part);
    stc_free(reach->pins);
    stc_free(reach->places);
    *reach = (stc_reach){0};
}
