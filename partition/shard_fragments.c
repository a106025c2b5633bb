/* shard_fragments.c - check a shard, make its weights whole numbers, and give every rank the
 * members that it holds of all nets. */
#include "shards.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OF_SMALL = 64, LEAST_VERTICES = 1024, MOST_VERTICES = 1 << 17 };
enum { HEADER = 5 }; /* words: net, cost (2), drawn number, members */

static int32_t count_shards(int32_t n)
{
    const int32_t small = n / LEAST_VERTICES, large = n / MOST_VERTICES;
    const int32_t some = small < MOST_OF_SMALL ? small : MOST_OF_SMALL;
    const int32_t shards = some > large ? some : large;
    return shards > 0 ? shards : 1;
}

static int32_t first_of_rank(int32_t nshards, int rank, int size)
{
    return (int32_t)((int64_t)nshards * rank / size);
}

void stc_shard_range(int32_t nvertices, int rank, int size, int32_t *begin, int32_t *n)
{
    const int32_t shards = count_shards(nvertices);
    *begin = stc_shard_begin(nvertices, shards, first_of_rank(shards, rank, size));
    *n = stc_shard_begin(nvertices, shards, first_of_rank(shards, rank + 1, size)) - *begin;
}

/* The rank that holds a vertex: the one whose range ends behind it. */
static int rank_of(const stc_shards *s, int32_t v)
{
    const int size = s->comm->size;
    int low = 0, high = size - 1;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        int32_t begin, n;
        stc_shard_range(s->shard->nvertices, middle, size, &begin, &n);
        if (v < begin + n)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- checks ---- */

static int check_nets(const stc_hypergraph_shard *g)
{
    STC_CHECK(g->nnets <= INT32_MAX, STC_ERR_FIT,
              "partition: %lld nets on one rank, at most %d are possible; take more ranks",
              (long long)g->nnets, INT32_MAX);
    STC_CHECK(g->first[0] == 0, STC_ERR_INPUT, "partition: pins start at %lld, expected 0",
              (long long)g->first[0]);
    for (int64_t e = 0; e < g->nnets; e++) {
        const int32_t source = g->source[e];
        STC_CHECK(source >= g->begin && source < g->begin + g->n, STC_ERR_INPUT,
                  "partition: source of net %lld is vertex %d, expected %d..%d", (long long)e,
                  source, g->begin, g->begin + g->n - 1);
        STC_CHECK(e == 0 || source >= g->source[e - 1], STC_ERR_INPUT,
                  "partition: net %lld has source %d after %d, expected nets in the order of "
                  "their sources",
                  (long long)e, source, g->source[e - 1]);
        STC_CHECK(isfinite(g->spikes[e]) && g->spikes[e] >= 0, STC_ERR_INPUT,
                  "partition: net %lld has %g spikes per step, expected a number >= 0",
                  (long long)e, (double)g->spikes[e]);
        STC_CHECK(g->first[e + 1] >= g->first[e], STC_ERR_INPUT,
                  "partition: pins of net %lld end before they start", (long long)e);
        for (int64_t i = g->first[e]; i < g->first[e + 1]; i++)
            STC_CHECK(g->pin[i] >= 0 && g->pin[i] < g->nvertices, STC_ERR_INPUT,
                      "partition: net %lld has pin %d, expected 0..%d", (long long)e, g->pin[i],
                      g->nvertices - 1);
    }
    return 0;
}

static int check(const stc_comm *comm, const stc_hypergraph_shard *g)
{
    int32_t begin, n;
    STC_CHECK(g->nvertices >= 1, STC_ERR_INPUT, "partition: %d vertices, expected >= 1",
              g->nvertices);
    stc_shard_range(g->nvertices, comm->rank, comm->size, &begin, &n);
    STC_CHECK(g->begin == begin && g->n == n, STC_ERR_INPUT,
              "partition: the shard has vertices %d..%d, expected %d..%d of %d", g->begin,
              g->begin + g->n - 1, begin, begin + n - 1, g->nvertices);
    for (int64_t i = 0; i < (int64_t)n * STC_NCONSTRAINTS; i++)
        STC_CHECK(isfinite(g->weight[i]) && g->weight[i] >= 0, STC_ERR_INPUT,
                  "partition: %s of vertex %lld is %g, expected a number >= 0",
                  stc_constraint_names[i % STC_NCONSTRAINTS],
                  (long long)(begin + i / STC_NCONSTRAINTS), g->weight[i]);
    return check_nets(g);
}

/* ---- whole numbers ---- */

enum { NSUMS = STC_NCONSTRAINTS + 1 }; /* weights, and spikes */

/* Sums over each own virtual shard, then of all shards in their order. Collective. */
static int sum_up(const stc_shards *s, double total[NSUMS], double heaviest[STC_NCONSTRAINTS])
{
    const stc_hypergraph_shard *g = s->shard;
    double *sums = stc_alloc((int64_t)s->nshards * NSUMS, sizeof *sums);
    STC_TRY(stc_agree(s->comm, sums ? 0 : STC_ERR_NOMEM));
    int64_t e = 0;
    for (int32_t i = s->own_first; i < s->own_end; i++) {
        const int32_t end = stc_shard_begin(g->nvertices, s->nshards, i + 1) - g->begin;
        for (int32_t v = stc_shard_begin(g->nvertices, s->nshards, i) - g->begin; v < end; v++) {
            for (int c = 0; c < STC_NCONSTRAINTS; c++) {
                const double w = g->weight[(int64_t)v * STC_NCONSTRAINTS + c];
                sums[(int64_t)i * NSUMS + c] += w;
                heaviest[c] = fmax(heaviest[c], w);
            }
        }
        for (; e < g->nnets && g->source[e] < g->begin + end; e++)
            sums[(int64_t)i * NSUMS + STC_NCONSTRAINTS] += (double)g->spikes[e];
    }
    MPI_Allreduce(MPI_IN_PLACE, sums, s->nshards * NSUMS, MPI_DOUBLE, MPI_SUM, s->comm->mpi);
    MPI_Allreduce(MPI_IN_PLACE, heaviest, STC_NCONSTRAINTS, MPI_DOUBLE, MPI_MAX, s->comm->mpi);
    for (int64_t i = 0; i < (int64_t)s->nshards * NSUMS; i++)
        total[i % NSUMS] += sums[i];
    stc_free(sums);
    return 0;
}

/* A power of two that makes a sum at most 2^bits. */
static double factor_of(double sum, int bits)
{
    return sum > 0 ? exp2(bits - ceil(log2(sum))) : 1;
}

static int64_t whole_limit(double limit, double factor)
{
    const double scaled = limit * factor * (1 + 1e-12);
    return scaled < ldexp(1, STC_WEIGHT_BITS + 2) ? (int64_t)scaled : INT64_MAX / 4;
}

static int set_weights(stc_shards *s, const double total[NSUMS])
{
    const stc_hypergraph_shard *g = s->shard;
    s->weight = stc_alloc(g->n, sizeof *s->weight);
    s->net_cost = stc_alloc(g->nnets, sizeof *s->net_cost);
    if (!s->weight || !s->net_cost) return STC_ERR_NOMEM;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double factor = factor_of(total[c], STC_WEIGHT_BITS);
        s->weight_unit[c] = 1 / factor;
        s->hard[c] = whole_limit(s->limits.hard[c], factor);
        const int64_t soft = whole_limit(s->limits.soft[c], factor);
        s->limit[c] = soft < s->hard[c] ? soft : s->hard[c];
        for (int64_t v = 0; v < g->n; v++)
            s->weight[v][c] = llround(g->weight[v * STC_NCONSTRAINTS + c] * factor);
    }
    const double factor = factor_of(total[STC_NCONSTRAINTS], STC_COST_BITS);
    s->cost_unit = 1 / factor;
    for (int64_t e = 0; e < g->nnets; e++) {
        const int64_t cost = llround((double)g->spikes[e] * factor);
        s->net_cost[e] = cost > 0 ? cost : g->spikes[e] > 0;
    }
    return 0;
}

/* ---- fragments ---- */

typedef struct {
    stc_shards *s;
    int64_t net;   /* to be written next */
    int32_t *list; /* [room] members of a net */
    int64_t holders, holder_capacity;
    /* as received */
    int64_t n, capacity, words, word_capacity;
    int64_t *start; /* [capacity] of a record in record[] */
    int32_t *owner; /* [capacity] */
    int32_t *record;
} building;

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Members of a net, each once, rising. */
static int32_t list_members(const stc_hypergraph_shard *g, int64_t e, int32_t *list)
{
    int32_t n = 0, kept = 1;
    list[n++] = g->source[e];
    for (int64_t i = g->first[e]; i < g->first[e + 1]; i++)
        list[n++] = g->pin[i];
    qsort(list, (size_t)n, sizeof *list, by_number);
    for (int32_t i = 1; i < n; i++)
        if (list[i] != list[kept - 1]) list[kept++] = list[i];
    return kept;
}

static int grow(void **array, int64_t size, int64_t n, int64_t *capacity, int64_t needed)
{
    if (needed <= *capacity) return 0;
    const int64_t more = *capacity + *capacity / 2 + needed + 64;
    void *room = stc_alloc(more, size);
    if (!room) return STC_ERR_NOMEM;
    if (n > 0) memcpy(room, *array, (size_t)(n * size));
    stc_free(*array);
    *array = room;
    *capacity = more;
    return 0;
}

uint32_t stc_shards_draw(const stc_shards *s, int64_t e)
{
    int64_t ordinal = 0;
    while (e - ordinal > 0 && s->shard->source[e - ordinal - 1] == s->shard->source[e])
        ordinal++;
    const uint64_t key = ((uint64_t)s->shard->source[e] << 20) + (uint64_t)ordinal;
    return (uint32_t)(stc_mix64(stc_mix64(key + 1) + s->seed) >> 32);
}

static void write_net(building *b, stc_post *post, int64_t e)
{
    stc_shards *s = b->s;
    const int32_t n = list_members(s->shard, e, b->list);
    if (n < 2) s->net_cost[e] = 0;
    if (s->net_cost[e] == 0) return;
    int32_t header[HEADER] = {(int32_t)e};
    const uint32_t draw = stc_shards_draw(s, e);
    memcpy(header + 1, &s->net_cost[e], sizeof s->net_cost[e]);
    memcpy(header + 3, &draw, sizeof draw);
    for (int32_t i = 0; i < n;) {
        const int rank = rank_of(s, b->list[i]);
        int32_t begin, vertices, end = i;
        stc_shard_range(s->shard->nvertices, rank, s->comm->size, &begin, &vertices);
        for (; end < n && b->list[end] < begin + vertices; end++)
            b->list[end] -= begin;
        header[4] = end - i;
        stc_post_put(post, rank, header, HEADER);
        stc_post_put(post, rank, b->list + i, end - i);
        i = end;
        if (grow((void **)&s->holder, sizeof *s->holder, b->holders, &b->holder_capacity,
                 b->holders + 1) < 0)
            post->failed = true;
        else
            s->holder[b->holders++] = rank;
    }
}

static bool write_nets(void *context, stc_post *post)
{
    building *b = context;
    for (; b->net < b->s->shard->nnets && !stc_post_full(post); b->net++) {
        write_net(b, post, b->net);
        b->s->first_holder[b->net + 1] = b->holders;
    }
    return b->net == b->s->shard->nnets;
}

static int read_records(void *context, int source, const int32_t *words, int64_t n)
{
    building *b = context;
    STC_TRY(
        grow((void **)&b->record, sizeof *b->record, b->words, &b->word_capacity, b->words + n));
    if (n > 0) memcpy(b->record + b->words, words, (size_t)n * sizeof *words);
    for (int64_t i = 0; i < n; i += HEADER + words[i + 4]) {
        int64_t other = b->capacity;
        STC_TRY(grow((void **)&b->start, sizeof *b->start, b->n, &other, b->n + 1));
        STC_TRY(grow((void **)&b->owner, sizeof *b->owner, b->n, &b->capacity, b->n + 1));
        b->start[b->n] = b->words + i;
        b->owner[b->n++] = source;
    }
    b->words += n;
    return 0;
}

/* Records by owner; those of one owner are in the order of its nets. */
static int order_records(building *b)
{
    stc_shards *s = b->s;
    const int64_t members = b->words - HEADER * b->n;
    s->nfragments = b->n;
    s->of = stc_alloc((int64_t)s->comm->size + 2, sizeof *s->of);
    s->fragment_net = stc_alloc(b->n, sizeof *s->fragment_net);
    s->fragment_cost = stc_alloc(b->n, sizeof *s->fragment_cost);
    s->draw = stc_alloc(b->n, sizeof *s->draw);
    s->first = stc_alloc(b->n + 1, sizeof *s->first);
    s->member = stc_alloc(members, sizeof *s->member);
    int64_t *order = stc_alloc(b->n, sizeof *order);
    const bool ok =
        s->of && s->fragment_net && s->fragment_cost && s->draw && s->first && s->member && order;
    for (int64_t i = 0; i < b->n && ok; i++)
        s->of[b->owner[i] + 2]++;
    for (int r = 0; r < s->comm->size && ok; r++)
        s->of[r + 2] += s->of[r + 1];
    for (int64_t i = 0; i < b->n && ok; i++)
        order[s->of[b->owner[i] + 1]++] = i;
    for (int64_t f = 0; f < b->n && ok; f++) {
        const int32_t *record = b->record + b->start[order[f]];
        s->fragment_net[f] = record[0];
        memcpy(&s->fragment_cost[f], record + 1, sizeof s->fragment_cost[f]);
        memcpy(&s->draw[f], record + 3, sizeof s->draw[f]);
        s->first[f + 1] = s->first[f] + record[4];
        memcpy(s->member + s->first[f], record + HEADER, (size_t)record[4] * sizeof *record);
    }
    stc_free(order);
    return ok ? 0 : STC_ERR_NOMEM;
}

/* The fragments of every vertex. */
static int invert(stc_shards *s)
{
    const int64_t members = s->first[s->nfragments], n = s->shard->n;
    STC_CHECK(s->nfragments <= INT32_MAX, STC_ERR_FIT,
              "partition: %lld pieces of nets on one rank, at most %d are possible; take more "
              "ranks",
              (long long)s->nfragments, INT32_MAX);
    int64_t *start = s->first_fragment = stc_alloc(n + 2, sizeof *start);
    s->fragment = stc_alloc(members, sizeof *s->fragment);
    if (!start || !s->fragment) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < members; i++)
        start[s->member[i] + 2]++;
    for (int64_t v = 0; v < n; v++)
        start[v + 2] += start[v + 1];
    for (int64_t f = 0; f < s->nfragments; f++)
        for (int64_t i = s->first[f]; i < s->first[f + 1]; i++)
            s->fragment[start[s->member[i] + 1]++] = (int32_t)f;
    return 0;
}

static int build(stc_shards *s)
{
    const stc_hypergraph_shard *g = s->shard;
    int64_t longest = 0;
    for (int64_t e = 0; e < g->nnets; e++)
        if (g->first[e + 1] - g->first[e] > longest) longest = g->first[e + 1] - g->first[e];
    building b = {.s = s, .list = stc_alloc(longest + 1, sizeof *b.list)};
    s->first_holder = stc_alloc(g->nnets + 1, sizeof *s->first_holder);
    int rc = stc_agree(s->comm, b.list && s->first_holder ? 0 : STC_ERR_NOMEM);
    if (rc == 0) rc = stc_post_exchange(s->comm, write_nets, read_records, &b);
    if (rc == 0) {
        rc = order_records(&b);
        stc_free(b.record);
        b.record = NULL;
        if (rc == 0) rc = invert(s);
        rc = stc_agree(s->comm, rc);
    }
    stc_free(b.list);
    stc_free(b.start);
    stc_free(b.owner);
    stc_free(b.record);
    return rc;
}

int stc_shards_create(const stc_comm *comm, const stc_hypergraph_shard *shard,
                      const stc_partition_options *options, stc_shards *s)
{
    double total[NSUMS] = {0}, heaviest[STC_NCONSTRAINTS] = {0};
    *s = (stc_shards){.comm = comm,
                      .shard = shard,
                      .nparts = options->nparts,
                      .seed = options->seed,
                      .cost = options->cost,
                      .ratio = STC_RATIO_ONE};
    STC_TRY(stc_agree(comm, check(comm, shard)));
    s->nshards = count_shards(shard->nvertices);
    s->own_first = first_of_rank(s->nshards, comm->rank, comm->size);
    s->own_end = first_of_rank(s->nshards, comm->rank + 1, comm->size);
    if (options->cost.board > 0)
        s->ratio = llround(STC_RATIO_ONE * stc_cost_board_ratio(&options->cost));
    STC_TRY(sum_up(s, total, heaviest));
    int rc = stc_limits_set(options, shard->nvertices, total, heaviest, &s->limits);
    if (rc == 0) rc = set_weights(s, total);
    STC_TRY(stc_agree(comm, rc));
    return build(s);
}

void stc_shards_release(stc_shards *s)
{
    void *arrays[] = {s->weight,   s->of,       s->fragment_net, s->fragment_cost,
                      s->draw,     s->first,    s->member,       s->first_fragment,
                      s->fragment, s->net_cost, s->holder,       s->first_holder};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *s = (stc_shards){0};
}
