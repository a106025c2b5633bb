/* pairs.c - graphs of pairs that METIS is given: who spikes to whom, or who shares a net. */
#include "pairs.h"

#include "stc/base.h"
#include "stc/error.h"

enum { CLIQUE = 24, CHORDS = 12 };
enum { MANY_PAIRS = 1 << 22, SAMPLE = 32 };

/* Called twice over the same pairs: first to count, then to fill. */
typedef struct {
    stc_pairs *pairs;
    bool fill;
} pair_list;

static inline void put(const pair_list *list, int32_t a, int32_t b, float weight)
{
    const int32_t ends[2] = {a, b};
    for (int d = 0; d < 2; d++) {
        if (!list->fill) {
            list->pairs->first[ends[d] + 1]++;
            continue;
        }
        const int64_t at = list->pairs->first[ends[d]]++;
        list->pairs->to[at] = ends[1 - d];
        list->pairs->weight[at] = weight;
    }
}

static int start_list(int32_t n, stc_pairs *pairs)
{
    *pairs = (stc_pairs){.n = n, .first = stc_alloc((int64_t)n + 1, sizeof *pairs->first)};
    return pairs->first ? 0 : STC_ERR_NOMEM;
}

static int start_filling(stc_pairs *pairs)
{
    for (int32_t v = 0; v < pairs->n; v++)
        pairs->first[v + 1] += pairs->first[v];
    pairs->to = stc_alloc(pairs->first[pairs->n], sizeof *pairs->to);
    pairs->weight = stc_alloc(pairs->first[pairs->n], sizeof *pairs->weight);
    if (pairs->to && pairs->weight) return 0;
    stc_pairs_release(pairs);
    return STC_ERR_NOMEM;
}

static void end_list(stc_pairs *pairs)
{
    for (int32_t v = pairs->n; v > 0; v--)
        pairs->first[v] = pairs->first[v - 1];
    pairs->first[0] = 0;
}

void stc_pairs_release(stc_pairs *pairs)
{
    stc_free(pairs->first);
    stc_free(pairs->to);
    stc_free(pairs->weight);
    *pairs = (stc_pairs){0};
}

stc_sample stc_sample_of(const stc_hypergraph *graph)
{
    return (stc_sample){.drawn = stc_hypergraph_pins(graph) > MANY_PAIRS};
}

int64_t stc_sample_size(const stc_sample *sample, int64_t pins)
{
    return sample->drawn && pins > STC_LONG_LIST ? SAMPLE : pins;
}

int64_t stc_sample_pin(const stc_sample *sample, int32_t net, int64_t i, int64_t pins)
{
    if (stc_sample_size(sample, pins) == pins) return i;
    const int64_t begin = pins * i / SAMPLE, end = pins * (i + 1) / SAMPLE;
    const uint64_t draw = stc_mix64(stc_mix64((uint64_t)net) + (uint64_t)i);
    return begin + (int64_t)(draw % (uint64_t)(end - begin));
}

int64_t stc_sampled_pins(const stc_sample *sample, const stc_hypergraph *graph)
{
    int64_t pins = 0;
    for (int32_t e = 0; e < graph->nnets; e++) {
        const int32_t l = stc_hypergraph_list(graph, e);
        pins += stc_sample_size(sample, graph->first[l + 1] - graph->first[l]);
    }
    return pins;
}

static void put_edges(const stc_hypergraph *g, bool even, const pair_list *list)
{
    const stc_sample sample = stc_sample_of(g);
    for (int32_t e = 0; e < g->nnets; e++) {
        if (!(g->spikes[e] > 0)) continue;
        const int32_t l = stc_hypergraph_list(g, e), *pin = g->pin + g->first[l];
        const int64_t pins = g->first[l + 1] - g->first[l], drawn = stc_sample_size(&sample, pins);
        const float share = even ? (float)drawn : (float)drawn / (float)pins;
        for (int64_t i = 0; i < drawn; i++) {
            const int32_t to = pin[stc_sample_pin(&sample, e, i, pins)];
            if (to != g->source[e]) put(list, g->source[e], to, g->spikes[e] / share);
        }
    }
}

int stc_pairs_of_edges(const stc_hypergraph *graph, bool even, stc_pairs *pairs)
{
    STC_TRY(start_list(graph->nvertices, pairs));
    put_edges(graph, even, &(pair_list){pairs, false});
    STC_TRY(start_filling(pairs));
    put_edges(graph, even, &(pair_list){pairs, true});
    end_list(pairs);
    return 0;
}

static void put_members(const stc_level *level, uint64_t seed, const pair_list *list)
{
    for (int32_t e = 0; e < level->nnets; e++) {
        const int32_t *member = level->member + level->first[e];
        const int32_t n = (int32_t)(level->first[e + 1] - level->first[e]);
        if (n <= CLIQUE) {
            const float weight = (float)level->cost[e] / (float)(n - 1);
            for (int32_t i = 0; i < n; i++)
                for (int32_t j = i + 1; j < n; j++)
                    put(list, member[i], member[j], weight);
            continue;
        }
        const float weight = (float)level->cost[e] / (2 * CHORDS);
        for (int32_t i = 0; i < n; i++) {
            uint64_t draw = stc_mix64(seed + ((uint64_t)e << 32) + (uint64_t)i);
            for (int c = 0; c < CHORDS; c++) {
                draw = stc_mix64(draw + 1);
                const int32_t j = (i + 1 + (int32_t)(draw % (uint64_t)(n - 1))) % n;
                put(list, member[i], member[j], weight);
            }
        }
    }
}

int stc_pairs_of_members(const stc_level *level, uint64_t seed, stc_pairs *pairs)
{
    STC_TRY(start_list(level->n, pairs));
    put_members(level, seed, &(pair_list){pairs, false});
    STC_TRY(start_filling(pairs));
    put_members(level, seed, &(pair_list){pairs, true});
    end_list(pairs);
    return 0;
}
