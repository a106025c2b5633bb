/* level.c - make a level from a hypergraph, a coarser one, or a piece of one. */
#include "method.h"
#include "pairs.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

static const double COST_SUM = 1073741824.0; /* sums of costs are kept in 32 bits, with room */
enum { MAX_NETS = 1 << 27 }; /* rounding of costs to whole numbers stays below 1/16 */

int stc_level_open(int32_t n, int32_t nnets, int64_t pins, stc_level *level)
{
    *level = (stc_level){.n = n};
    level->weight = stc_alloc((int64_t)n * STC_NCONSTRAINTS, sizeof *level->weight);
    level->vertices = stc_alloc(n, sizeof *level->vertices);
    level->cost = stc_alloc(nnets, sizeof *level->cost);
    level->first = stc_alloc((int64_t)nnets + 1, sizeof *level->first);
    level->member = stc_alloc(pins, sizeof *level->member);
    level->first_net = stc_alloc((int64_t)n + 1, sizeof *level->first_net);
    const bool all = level->weight && level->vertices && level->cost && level->first &&
                     level->member && level->first_net;
    if (all) return 0;
    stc_level_release(level);
    return STC_ERR_NOMEM;
}

void stc_level_release(stc_level *level)
{
    void *arrays[] = {level->weight, level->vertices,  level->cost, level->first,
                      level->member, level->first_net, level->net};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *level = (stc_level){0};
}

int stc_level_finish(stc_level *level)
{
    const int64_t n = level->first[level->nnets];
    int64_t *start = level->first_net;
    level->net = stc_alloc(n, sizeof *level->net);
    if (!level->net) {
        stc_level_release(level);
        return STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < n; i++)
        start[level->member[i] + 1]++;
    for (int32_t v = 0; v < level->n; v++)
        start[v + 1] += start[v];
    for (int32_t e = 0; e < level->nnets; e++)
        for (int64_t i = level->first[e]; i < level->first[e + 1]; i++)
            level->net[start[level->member[i]]++] = e;
    for (int32_t v = level->n; v > 0; v--)
        start[v] = start[v - 1];
    start[0] = 0;
    return 0;
}

/* ---- from a hypergraph ---- */

/* Nets of one list whose sources are among its pins have the same members and are one net here:
 * the sum of their weights. What is left has its source as one more member. Where that is too much
 * for memory, sources of long lists count as pins: what they cost by lying apart from every
 * destination is little beside the cost of the list. */
enum { MOST_MEMBERS = 1 << 24 };

typedef struct {
    const stc_hypergraph *g;
    stc_sample sample;    /* of copies per core */
    int32_t *seen;        /* [nvertices] last list or net (+ 1) with a vertex */
    bool *inside;         /* [nnets] the source counts as a pin */
    int32_t *net_of_list; /* [lists] net (+ 1) of those inside */
    double *weight;       /* of the nets made */
    stc_level *level;
} joining;

static void release_joining(joining *j)
{
    stc_free(j->seen);
    stc_free(j->inside);
    stc_free(j->net_of_list);
    stc_free(j->weight);
}

/* Whose sources are among the pins of their lists? */
static int find_inside(joining *j)
{
    const stc_hypergraph *g = j->g;
    const int32_t nlists = stc_hypergraph_lists(g);
    int32_t *last = stc_alloc(nlists, sizeof *last), *before = stc_alloc(g->nnets, sizeof *before);
    if (last && before) {
        for (int32_t e = 0; e < g->nnets; e++) {
            before[e] = last[stc_hypergraph_list(g, e)]; /* the nets of a list as a chain */
            last[stc_hypergraph_list(g, e)] = e + 1;
        }
        for (int32_t l = 0; l < nlists; l++) {
            for (int64_t i = g->first[l]; i < g->first[l + 1]; i++)
                j->seen[g->pin[i]] = l + 1;
            for (int32_t e = last[l]; e > 0; e = before[e - 1])
                j->inside[e - 1] = j->seen[g->source[e - 1]] == l + 1;
        }
        for (int32_t v = 0; v < g->nvertices; v++)
            j->seen[v] = 0;
    }
    stc_free(last);
    stc_free(before);
    return last && before ? 0 : STC_ERR_NOMEM;
}

/* Members of all nets at most. */
static int64_t count_members(const joining *j)
{
    const stc_hypergraph *g = j->g;
    int64_t members = g->first[stc_hypergraph_lists(g)] + g->nnets;
    for (int32_t e = 0; e < g->nnets && g->list; e++)
        if (!j->inside[e]) members += g->first[g->list[e] + 1] - g->first[g->list[e]] + 1;
    return members;
}

static int64_t shorten(joining *j)
{
    const stc_hypergraph *g = j->g;
    for (int32_t e = 0; e < g->nnets && g->list; e++)
        if (g->first[g->list[e] + 1] - g->first[g->list[e]] > STC_LONG_LIST) j->inside[e] = true;
    return count_members(j);
}

/* A net with the members written behind the last one, unless it is one member alone. */
static bool end_net(joining *j, int64_t end, double weight)
{
    stc_level *level = j->level;
    if (end < level->first[level->nnets] + 2) return false;
    j->weight[level->nnets++] = weight;
    level->first[level->nnets] = end;
    return true;
}

static void join_net(joining *j, int32_t e, double weight)
{
    const stc_hypergraph *g = j->g;
    stc_level *level = j->level;
    const int32_t l = stc_hypergraph_list(g, e);
    int64_t n = level->first[level->nnets];
    if (j->inside[e] && j->net_of_list[l] > 0) {
        j->weight[j->net_of_list[l] - 1] += weight;
        return;
    }
    level->member[n++] = g->source[e];
    j->seen[g->source[e]] = e + 1;
    for (int64_t i = g->first[l]; i < g->first[l + 1]; i++) {
        if (j->seen[g->pin[i]] == e + 1) continue;
        j->seen[g->pin[i]] = e + 1;
        level->member[n++] = g->pin[i];
    }
    if (end_net(j, n, weight) && j->inside[e]) j->net_of_list[l] = level->nnets;
}

/* Copies per core: a net of two for each pin. */
static void join_pairs(joining *j, int32_t e, double weight)
{
    const stc_hypergraph *g = j->g;
    const int32_t l = stc_hypergraph_list(g, e);
    const int64_t pins = g->first[l + 1] - g->first[l], drawn = stc_sample_size(&j->sample, pins);
    j->seen[g->source[e]] = e + 1;
    for (int64_t i = 0; i < drawn; i++) {
        const int32_t pin = g->pin[g->first[l] + stc_sample_pin(&j->sample, e, i, pins)];
        const int64_t n = j->level->first[j->level->nnets];
        if (j->seen[pin] == e + 1) continue;
        j->seen[pin] = e + 1;
        j->level->member[n] = g->source[e];
        j->level->member[n + 1] = pin;
        end_net(j, n + 2, weight * (double)pins / (double)drawn);
    }
}

/* Costs of at least 1 whose sum is below 2^31, by a power of two: halves and quarters of spikes
 * stay exact. */
static void scale(stc_level *level, const double *weights)
{
    double sum = 0;
    for (int32_t e = 0; e < level->nnets; e++)
        sum += weights[e];
    const double factor = sum > 0 ? exp2(floor(log2((COST_SUM - level->nnets) / sum))) : 1;
    for (int32_t e = 0; e < level->nnets; e++) {
        const double cost = floor(weights[e] * factor + 0.5);
        level->cost[e] = cost > 1 ? (int32_t)cost : 1;
    }
    level->unit = 1 / factor;
}

static int open_joining(joining *j, bool pairs)
{
    const stc_hypergraph *g = j->g;
    j->sample = stc_sample_of(g);
    const int64_t nets = pairs ? stc_sampled_pins(&j->sample, g) : g->nnets;
    STC_CHECK(
        nets <= MAX_NETS, STC_ERR_FIT,
        "partition: %lld nets, at most %d can be told apart in 32-bit costs; make larger tiles",
        (long long)nets, MAX_NETS);
    j->seen = stc_alloc(g->nvertices, sizeof *j->seen);
    j->weight = stc_alloc(nets, sizeof *j->weight);
    j->inside = stc_alloc(g->nnets, sizeof *j->inside);
    j->net_of_list = stc_alloc(stc_hypergraph_lists(g), sizeof *j->net_of_list);
    if (!j->seen || !j->weight || !j->inside || !j->net_of_list) return STC_ERR_NOMEM;
    if (pairs) return stc_level_open(g->nvertices, (int32_t)nets, 2 * nets + 1, j->level);
    if (g->list) STC_TRY(find_inside(j));
    int64_t members = count_members(j);
    if (members > MOST_MEMBERS) members = shorten(j);
    return stc_level_open(g->nvertices, (int32_t)nets, members, j->level);
}

int stc_level_create(const stc_hypergraph *g, const stc_cost_model *cost, stc_level *level)
{
    *level = (stc_level){0};
    const bool pairs = cost->unit == STC_COST_CORES;
    joining j = {.g = g, .level = level};
    int rc = open_joining(&j, pairs);
    if (rc == 0) {
        for (int32_t v = 0; v < level->n; v++)
            level->vertices[v] = 1;
        for (int64_t i = 0; i < (int64_t)level->n * STC_NCONSTRAINTS; i++)
            level->weight[i] = g->weight[i];
        for (int32_t e = 0; e < g->nnets; e++) {
            const double weight = (double)stc_cost_weight(g, cost, e);
            if (weight > 0) (pairs ? join_pairs : join_net)(&j, e, weight);
        }
        scale(level, j.weight);
        rc = stc_level_finish(level);
    }
    release_joining(&j);
    return rc;
}

/* ---- contraction ---- */

/* Nets found so far, by what they join. */
typedef struct {
    int32_t *seen;  /* [ncoarse] last net (+ 1) with a vertex */
    int32_t *table; /* [mask + 1] coarse net + 1 */
    uint64_t *hash; /* [nnets] of a coarse net */
    uint64_t mask;
} net_index;

static int open_index(const stc_level *fine, int32_t ncoarse, net_index *index)
{
    int64_t size = 16;
    while (size < 2 * (int64_t)fine->nnets)
        size *= 2;
    index->mask = (uint64_t)size - 1;
    index->seen = stc_alloc(ncoarse, sizeof *index->seen);
    index->table = stc_alloc(size, sizeof *index->table);
    index->hash = stc_alloc(fine->nnets, sizeof *index->hash);
    return index->seen && index->table && index->hash ? 0 : STC_ERR_NOMEM;
}

static void close_index(net_index *index)
{
    stc_free(index->seen);
    stc_free(index->table);
    stc_free(index->hash);
}

/* Is coarse net f the one whose members are marked by stamp? */
static bool same_net(const stc_level *coarse, const net_index *index, int32_t f, int64_t size,
                     int32_t stamp)
{
    if (coarse->first[f + 1] - coarse->first[f] != size) return false;
    for (int64_t i = coarse->first[f]; i < coarse->first[f + 1]; i++)
        if (index->seen[coarse->member[i]] != stamp) return false;
    return true;
}

/* Add the net whose `size` members are written behind the last one, or its cost to an equal one. */
static void add_net(stc_level *coarse, net_index *index, int64_t size, uint64_t hash, int32_t cost,
                    int32_t stamp)
{
    uint64_t at = hash & index->mask;
    for (; index->table[at] != 0; at = (at + 1) & index->mask) {
        const int32_t f = index->table[at] - 1;
        if (index->hash[f] != hash || !same_net(coarse, index, f, size, stamp)) continue;
        coarse->cost[f] += cost;
        return;
    }
    const int32_t e = coarse->nnets++;
    index->table[at] = coarse->nnets;
    index->hash[e] = hash;
    coarse->cost[e] = cost;
    coarse->first[e + 1] = coarse->first[e] + size;
}

static void map_nets(const stc_level *fine, const int32_t *cluster, stc_level *coarse,
                     net_index *index)
{
    for (int32_t e = 0; e < fine->nnets; e++) {
        const int64_t start = coarse->first[coarse->nnets];
        int64_t end = start;
        uint64_t hash = 0;
        for (int64_t i = fine->first[e]; i < fine->first[e + 1]; i++) {
            const int32_t c = cluster[fine->member[i]];
            if (index->seen[c] == e + 1) continue;
            index->seen[c] = e + 1;
            coarse->member[end++] = c;
            hash += stc_mix64((uint64_t)c + UINT64_C(0x9e3779b97f4a7c15));
        }
        if (end > start + 1) add_net(coarse, index, end - start, hash, fine->cost[e], e + 1);
    }
}

int stc_level_contract(const stc_level *fine, const int32_t *cluster, int32_t ncoarse,
                       stc_level *coarse)
{
    net_index index = {0};
    *coarse = (stc_level){0};
    int rc = open_index(fine, ncoarse, &index);
    if (rc == 0) rc = stc_level_open(ncoarse, fine->nnets, fine->first[fine->nnets], coarse);
    if (rc == 0) {
        for (int32_t v = 0; v < fine->n; v++) {
            coarse->vertices[cluster[v]] += fine->vertices[v];
            for (int c = 0; c < STC_NCONSTRAINTS; c++)
                coarse->weight[(int64_t)cluster[v] * STC_NCONSTRAINTS + c] +=
                    fine->weight[(int64_t)v * STC_NCONSTRAINTS + c];
        }
        coarse->unit = fine->unit;
        map_nets(fine, cluster, coarse, &index);
        rc = stc_level_finish(coarse);
    }
    close_index(&index);
    return rc;
}

/* ---- extraction ---- */

static void copy_nets(const stc_level *level, const int32_t *number, stc_level *sub)
{
    for (int32_t e = 0; e < level->nnets; e++) {
        const int64_t start = sub->first[sub->nnets];
        int64_t end = start;
        for (int64_t i = level->first[e]; i < level->first[e + 1]; i++)
            if (number[level->member[i]] >= 0) sub->member[end++] = number[level->member[i]];
        if (end < start + 2) continue;
        sub->cost[sub->nnets++] = level->cost[e];
        sub->first[sub->nnets] = end;
    }
}

int stc_level_extract(const stc_level *level, const int32_t *part, int32_t which, int32_t *vertex,
                      stc_level *sub)
{
    *sub = (stc_level){0};
    int32_t *number = stc_alloc(level->n, sizeof *number), n = 0;
    if (!number) return STC_ERR_NOMEM;
    for (int32_t v = 0; v < level->n; v++) {
        number[v] = part[v] == which ? n : -1;
        if (part[v] == which) vertex[n++] = v;
    }
    int rc = stc_level_open(n, level->nnets, level->first[level->nnets], sub);
    if (rc == 0) {
        for (int32_t i = 0; i < n; i++) {
            sub->vertices[i] = level->vertices[vertex[i]];
            for (int c = 0; c < STC_NCONSTRAINTS; c++)
                sub->weight[(int64_t)i * STC_NCONSTRAINTS + c] =
                    level->weight[(int64_t)vertex[i] * STC_NCONSTRAINTS + c];
        }
        sub->unit = level->unit;
        copy_nets(level, number, sub);
        rc = stc_level_finish(sub);
    }
    stc_free(number);
    return rc;
}
