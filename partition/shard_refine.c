/* shard_refine.c - rounds of moves of single vertices, all ranks at once.
 *
 * In a round the owners of the nets learn how the members are spread over the parts and tell the
 * holders. Then every rank looks for the best move of each of a drawn share of its vertices; moves
 * that change the same net at the same time may together be worse than each alone, so a round that
 * made things worse is taken back and the share made smaller. Balance is kept by quotas: what wants
 * to come to a part is counted by gain over all ranks, and comes in the order of gain, then of
 * vertices, as long as there is room.
 */
#include "shards.h"

#include "stc/base.h"
#include "stc/error.h"

#include <string.h>

enum { MAX_ROUNDS = 32, SHARE = 2, LEAST_SHARE = 32, PATIENCE = 4 };
enum { BUCKETS = 8, COLUMNS = STC_NCONSTRAINTS + 1 };
static const double ENOUGH = 2e-4; /* rounds that save a smaller share are few */

/* ---- how nets are spread ---- */

int stc_spreads_create(const stc_shards *s, stc_spreads *x)
{
    const stc_hypergraph_shard *g = s->shard;
    *x = (stc_spreads){.first = stc_alloc(g->nnets + 1, sizeof *x->first),
                       .n = stc_alloc(g->nnets, sizeof *x->n)};
    if (!x->first || !x->n) return STC_ERR_NOMEM;
    for (int64_t e = 0; e < g->nnets; e++) {
        const int64_t members = s->net_cost[e] > 0 ? g->first[e + 1] - g->first[e] + 1 : 0;
        x->first[e + 1] = x->first[e] + (members < s->nparts ? members : s->nparts);
    }
    x->tally = stc_alloc(x->first[g->nnets], sizeof *x->tally);
    return x->tally ? 0 : STC_ERR_NOMEM;
}

void stc_spreads_release(stc_spreads *x)
{
    stc_free(x->first);
    stc_free(x->n);
    stc_free(x->tally);
}

typedef struct {
    const stc_shards *s;
    const int32_t *part;
    stc_spreads *spreads;
    int64_t fragment;          /* to be written next */
    int32_t *members, *record; /* [nparts], [2 + 2 * nparts] */
} collecting;

static bool write_tallies(void *context, stc_post *post)
{
    collecting *x = context;
    const stc_shards *s = x->s;
    int owner = 0;
    for (; x->fragment < s->nfragments && !stc_post_full(post); x->fragment++) {
        const int64_t f = x->fragment;
        while (s->of[owner + 1] <= f)
            owner++;
        int32_t n = 0;
        for (int64_t i = s->first[f]; i < s->first[f + 1]; i++) {
            const int32_t p = x->part[s->member[i]];
            if (x->members[p]++ == 0) x->record[2 + 2 * n++] = p;
        }
        x->record[0] = n;
        x->record[1] = s->fragment_net[f];
        for (int32_t i = 0; i < n; i++) {
            const int32_t p = x->record[2 + 2 * i];
            x->record[3 + 2 * i] = x->members[p];
            x->members[p] = 0;
        }
        stc_post_put(post, owner, x->record, 2 + 2 * (int64_t)n);
    }
    return x->fragment == s->nfragments;
}

static int read_tallies(void *context, int source, const int32_t *words, int64_t n)
{
    collecting *x = context;
    (void)source;
    for (int64_t at = 0; at < n; at += 2 + 2 * words[at]) {
        const int32_t e = words[at + 1];
        stc_tally *tally = x->spreads->tally + x->spreads->first[e];
        for (int32_t i = 0; i < words[at]; i++) {
            const int32_t p = words[at + 2 + 2 * i];
            int32_t j = 0;
            while (j < x->spreads->n[e] && tally[j].part != p)
                j++;
            if (j == x->spreads->n[e]) tally[x->spreads->n[e]++] = (stc_tally){p, 0};
            tally[j].members += words[at + 3 + 2 * i];
        }
    }
    return 0;
}

/* In 1 / STC_RATIO_ONE of a copy. */
static int64_t price(const stc_shards *s, int32_t from, int32_t to)
{
    const int32_t board = s->cost.board;
    return board > 0 && from / board != to / board ? s->ratio : STC_RATIO_ONE;
}

static int64_t sum_costs(const stc_shards *s, const int32_t *part, const stc_spreads *x)
{
    const stc_hypergraph_shard *g = s->shard;
    int64_t sum = 0;
    for (int64_t e = 0; e < g->nnets; e++) {
        const int32_t own = part[g->source[e] - g->begin];
        for (int32_t i = 0; i < x->n[e]; i++) {
            const int32_t p = x->tally[x->first[e] + i].part;
            if (p != own) sum += s->net_cost[e] * price(s, own, p);
        }
    }
    return sum;
}

int stc_spreads_collect(const stc_shards *s, const int32_t *part, stc_spreads *spreads)
{
    collecting x = {.s = s,
                    .part = part,
                    .spreads = spreads,
                    .members = stc_alloc(s->nparts, sizeof *x.members),
                    .record = stc_alloc(2 + 2 * (int64_t)s->nparts, sizeof *x.record)};
    int rc = stc_agree(s->comm, x.members && x.record ? 0 : STC_ERR_NOMEM);
    if (rc == 0) {
        memset(spreads->n, 0, (size_t)s->shard->nnets * sizeof *spreads->n);
        rc = stc_post_exchange(s->comm, write_tallies, read_tallies, &x);
    }
    stc_free(x.members);
    stc_free(x.record);
    if (rc < 0) return rc;
    const uint64_t own = (uint64_t)sum_costs(s, part, spreads);
    spreads->cost = (int64_t)stc_comm_sum_u64(s->comm, own);
    return 0;
}

/* ---- what holders are told ---- */

typedef struct {
    const stc_shards *s;
    const int32_t *part;
    const stc_spreads *spreads;
    int64_t net;     /* to be written next */
    int32_t *record; /* [2 + nparts] */
    int64_t *next;   /* [size] fragment of the next record of an owner */
    /* of the fragments */
    int32_t *n, *source; /* [nfragments] parts that the net is on; the part of its source */
    int64_t *start;      /* [nfragments] in words */
    int32_t *words;      /* a part times two, plus 1 when it holds more than one member */
    int64_t nwords, capacity;
} telling;

static bool write_spreads(void *context, stc_post *post)
{
    telling *x = context;
    const stc_shards *s = x->s;
    const stc_hypergraph_shard *g = s->shard;
    for (; x->net < g->nnets && !stc_post_full(post); x->net++) {
        const int64_t e = x->net;
        const int32_t n = x->spreads->n[e];
        const stc_tally *tally = x->spreads->tally + x->spreads->first[e];
        x->record[0] = n;
        x->record[1] = x->part[g->source[e] - g->begin];
        for (int32_t i = 0; i < n; i++)
            x->record[2 + i] = 2 * tally[i].part + (tally[i].members > 1);
        for (int64_t i = s->first_holder[e]; i < s->first_holder[e + 1]; i++)
            stc_post_put(post, s->holder[i], x->record, 2 + n);
    }
    return x->net == g->nnets;
}

static int read_spreads(void *context, int source, const int32_t *words, int64_t n)
{
    telling *x = context;
    if (x->nwords + n > x->capacity) {
        const int64_t capacity = x->capacity + x->capacity / 2 + n + 64;
        int32_t *more = stc_alloc(capacity, sizeof *more);
        if (!more) return STC_ERR_NOMEM;
        if (x->nwords > 0) memcpy(more, x->words, (size_t)x->nwords * sizeof *more);
        stc_free(x->words);
        x->words = more;
        x->capacity = capacity;
    }
    for (int64_t at = 0; at < n; at += 2 + words[at]) {
        const int64_t f = x->next[source]++;
        x->n[f] = words[at];
        x->source[f] = words[at + 1];
        x->start[f] = x->nwords;
        memcpy(x->words + x->nwords, words + at + 2, (size_t)words[at] * sizeof *words);
        x->nwords += words[at];
    }
    return 0;
}

static int open_telling(const stc_shards *s, const int32_t *part, const stc_spreads *spreads,
                        telling *x)
{
    *x = (telling){.s = s,
                   .part = part,
                   .spreads = spreads,
                   .record = stc_alloc(2 + (int64_t)s->nparts, sizeof *x->record),
                   .next = stc_alloc(s->comm->size, sizeof *x->next),
                   .n = stc_alloc(s->nfragments, sizeof *x->n),
                   .source = stc_alloc(s->nfragments, sizeof *x->source),
                   .start = stc_alloc(s->nfragments, sizeof *x->start),
                   .words = stc_alloc(0, sizeof *x->words)};
    return x->record && x->next && x->n && x->source && x->start && x->words ? 0 : STC_ERR_NOMEM;
}

static void close_telling(telling *x)
{
    void *arrays[] = {x->record, x->next, x->n, x->source, x->start, x->words};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
}

/* Collective. */
static int tell(telling *x)
{
    x->net = x->nwords = 0;
    for (int r = 0; r < x->s->comm->size; r++)
        x->next[r] = x->s->of[r];
    return stc_post_exchange(x->s->comm, write_spreads, read_spreads, x);
}

/* ---- moves ---- */

typedef struct {
    const stc_shards *s;
    int32_t *part;
    telling told;
    int64_t *load, *size; /* [nparts][STC_NCONSTRAINTS], [nparts] */
    int64_t *reach;       /* [nparts] saved on the nets of a vertex by being there */
    int32_t *touched;
    int32_t *to; /* [n] wanted, then accepted; -1: stays */
    int64_t *gain;
    int32_t *from;   /* [n] before the round */
    int64_t *wants;  /* [nparts][BUCKETS][STC_NCONSTRAINTS] what wants to come, by gain */
    int64_t *taken;  /* [nparts][COLUMNS] accepted before the bucket at hand; that bucket */
    int64_t *before; /* [nparts][STC_NCONSTRAINTS] of that bucket, on earlier ranks and here */
} moving;

static int open_moving(const stc_shards *s, int32_t *part, moving *m)
{
    const int64_t n = s->shard->n, k = s->nparts;
    m->s = s;
    m->part = part;
    m->load = stc_alloc(k * STC_NCONSTRAINTS, sizeof *m->load);
    m->size = stc_alloc(k, sizeof *m->size);
    m->reach = stc_alloc(k, sizeof *m->reach);
    m->touched = stc_alloc(k, sizeof *m->touched);
    m->to = stc_alloc(n, sizeof *m->to);
    m->gain = stc_alloc(n, sizeof *m->gain);
    m->from = stc_alloc(n, sizeof *m->from);
    m->wants = stc_alloc(k * BUCKETS * STC_NCONSTRAINTS, sizeof *m->wants);
    m->taken = stc_alloc(k * COLUMNS, sizeof *m->taken);
    m->before = stc_alloc(k * STC_NCONSTRAINTS, sizeof *m->before);
    const bool ok = m->load && m->size && m->reach && m->touched && m->to && m->gain && m->from &&
                    m->wants && m->taken && m->before;
    return ok ? 0 : STC_ERR_NOMEM;
}

static void close_moving(moving *m)
{
    void *arrays[] = {m->load, m->size, m->reach, m->touched, m->to,
                      m->gain, m->from, m->wants, m->taken,   m->before};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    close_telling(&m->told);
}

static bool fits(const moving *m, int32_t v, int32_t to)
{
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const int64_t w = m->s->weight[v][c];
        if (w > 0 && m->load[(int64_t)to * STC_NCONSTRAINTS + c] + w > m->s->limit[c]) return false;
    }
    return true;
}

/* The best part for a vertex on its board, or -1 when it stays. */
static int32_t best_part(moving *m, int32_t v, int64_t *gain)
{
    const stc_shards *s = m->s;
    const telling *told = &m->told;
    const int32_t from = m->part[v], size = s->cost.board > 0 ? s->cost.board : s->nparts;
    int64_t kept = 0;
    int32_t n = 0, best = -1;
    for (int64_t i = s->first_fragment[v]; i < s->first_fragment[v + 1]; i++) {
        const int32_t f = s->fragment[i];
        const int64_t cost = s->fragment_cost[f] * price(s, told->source[f], from);
        const int32_t *word = told->words + told->start[f];
        for (int32_t j = 0; j < told->n[f]; j++) {
            const int32_t p = word[j] >> 1;
            if (p == from) {
                if (word[j] & 1) kept += cost;
            } else if (p / size == from / size) {
                if (m->reach[p] == 0) m->touched[n++] = p;
                m->reach[p] += cost;
            }
        }
    }
    *gain = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t p = m->touched[i];
        const int64_t g = m->reach[p] - kept;
        m->reach[p] = 0;
        if (g < *gain || (g == *gain && (best < 0 || p > best)) || !fits(m, v, p)) continue;
        best = p;
        *gain = g;
    }
    return best;
}

static bool has_turn(const stc_shards *s, int32_t v, int round, uint32_t share)
{
    const uint64_t key = ((uint64_t)round << 32) + (uint64_t)(s->shard->begin + v) + 1;
    return stc_mix64(stc_mix64(key) + s->seed) % share == 0;
}

/* Bucket 0 holds gains above half of the largest, and so on. */
static int bucket_of(int64_t gain, int64_t largest)
{
    int bucket = 0;
    while (bucket < BUCKETS - 1 && gain <= largest >> (bucket + 1))
        bucket++;
    return bucket;
}

static void propose(moving *m, int round, uint32_t share, int64_t *largest)
{
    const stc_shards *s = m->s;
    *largest = 0;
    for (int32_t v = 0; v < s->shard->n; v++) {
        m->to[v] = has_turn(s, v, round, share) ? best_part(m, v, &m->gain[v]) : -1;
        if (m->to[v] >= 0 && m->gain[v] > *largest) *largest = m->gain[v];
    }
    MPI_Allreduce(MPI_IN_PLACE, largest, 1, MPI_INT64_T, MPI_MAX, s->comm->mpi);
}

/* For every part: which buckets come in wholly, and what they bring. */
static void set_quotas(moving *m, int64_t largest)
{
    const stc_shards *s = m->s;
    const int64_t k = s->nparts, row = BUCKETS * STC_NCONSTRAINTS;
    memset(m->wants, 0, (size_t)(k * row) * sizeof *m->wants);
    for (int32_t v = 0; v < s->shard->n; v++) {
        if (m->to[v] < 0) continue;
        const int bucket = bucket_of(m->gain[v], largest);
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            m->wants[m->to[v] * row + bucket * STC_NCONSTRAINTS + c] += s->weight[v][c];
    }
    MPI_Allreduce(MPI_IN_PLACE, m->wants, (int)(k * row), MPI_INT64_T, MPI_SUM, s->comm->mpi);
    memset(m->taken, 0, (size_t)(k * COLUMNS) * sizeof *m->taken);
    for (int64_t p = 0; p < k; p++) {
        int64_t *taken = m->taken + p * COLUMNS, bucket = 0;
        for (; bucket < BUCKETS; bucket++) {
            const int64_t *want = m->wants + p * row + bucket * STC_NCONSTRAINTS;
            bool fit = true;
            for (int c = 0; c < STC_NCONSTRAINTS; c++)
                fit =
                    fit && (want[c] == 0 ||
                            m->load[p * STC_NCONSTRAINTS + c] + taken[c] + want[c] <= s->limit[c]);
            if (!fit) break;
            for (int c = 0; c < STC_NCONSTRAINTS; c++)
                taken[c] += want[c];
        }
        taken[STC_NCONSTRAINTS] = bucket;
    }
}

/* Of the bucket that comes in partly: those that fit, in the order of the vertices of all ranks. */
static void admit(moving *m, int64_t largest)
{
    const stc_shards *s = m->s;
    const int64_t k = s->nparts;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0) memset(m->before, 0, (size_t)(k * STC_NCONSTRAINTS) * sizeof *m->before);
        for (int32_t v = 0; v < s->shard->n; v++) {
            if (m->to[v] < 0) continue;
            const int64_t *taken = m->taken + (int64_t)m->to[v] * COLUMNS;
            const int64_t *load = m->load + (int64_t)m->to[v] * STC_NCONSTRAINTS;
            int64_t *before = m->before + (int64_t)m->to[v] * STC_NCONSTRAINTS;
            const int bucket = bucket_of(m->gain[v], largest);
            if (bucket < taken[STC_NCONSTRAINTS]) continue;
            if (bucket > taken[STC_NCONSTRAINTS]) {
                m->to[v] = -1;
                continue;
            }
            bool fit = true;
            for (int c = 0; c < STC_NCONSTRAINTS; c++) {
                const int64_t w = s->weight[v][c];
                before[c] += w;
                fit = fit && (w == 0 || load[c] + taken[c] + before[c] <= s->limit[c]);
            }
            if (pass == 1 && !fit) m->to[v] = -1;
        }
        if (pass == 1) break;
        int64_t *sum = m->wants; /* has room, and has been read */
        memset(sum, 0, (size_t)(k * STC_NCONSTRAINTS) * sizeof *sum);
        MPI_Exscan(m->before, sum, (int)(k * STC_NCONSTRAINTS), MPI_INT64_T, MPI_SUM, s->comm->mpi);
        if (s->comm->rank == 0) memset(sum, 0, (size_t)(k * STC_NCONSTRAINTS) * sizeof *sum);
        memcpy(m->before, sum, (size_t)(k * STC_NCONSTRAINTS) * sizeof *sum);
    }
}

/* A part that would be left empty keeps all its vertices. */
static void keep_last(moving *m)
{
    const stc_shards *s = m->s;
    int64_t *leave = m->wants;
    memset(leave, 0, (size_t)s->nparts * sizeof *leave);
    for (int32_t v = 0; v < s->shard->n; v++)
        leave[m->part[v]] += m->to[v] >= 0;
    MPI_Allreduce(MPI_IN_PLACE, leave, s->nparts, MPI_INT64_T, MPI_SUM, s->comm->mpi);
    for (int32_t v = 0; v < s->shard->n; v++)
        if (leave[m->part[v]] >= m->size[m->part[v]]) m->to[v] = -1;
}

void stc_shards_load(const stc_shards *s, const int32_t *part, int64_t *load, int64_t *size)
{
    memset(load, 0, (size_t)s->nparts * STC_NCONSTRAINTS * sizeof *load);
    memset(size, 0, (size_t)s->nparts * sizeof *size);
    for (int32_t v = 0; v < s->shard->n; v++) {
        size[part[v]]++;
        for (int c = 0; c < STC_NCONSTRAINTS; c++)
            load[(int64_t)part[v] * STC_NCONSTRAINTS + c] += s->weight[v][c];
    }
    MPI_Allreduce(MPI_IN_PLACE, load, s->nparts * STC_NCONSTRAINTS, MPI_INT64_T, MPI_SUM,
                  s->comm->mpi);
    MPI_Allreduce(MPI_IN_PLACE, size, s->nparts, MPI_INT64_T, MPI_SUM, s->comm->mpi);
}

/* Returns how many moves all ranks made. Collective. */
static uint64_t make_moves(moving *m, int round, uint32_t share)
{
    const stc_shards *s = m->s;
    int64_t largest;
    uint64_t moves = 0;
    propose(m, round, share, &largest);
    if (largest == 0) return 0;
    set_quotas(m, largest);
    admit(m, largest);
    keep_last(m);
    for (int32_t v = 0; v < s->shard->n; v++) {
        m->from[v] = m->part[v];
        if (m->to[v] < 0) continue;
        m->part[v] = m->to[v];
        moves++;
    }
    return stc_comm_sum_u64(s->comm, moves);
}

static int refine(moving *m, stc_spreads *spreads)
{
    const stc_shards *s = m->s;
    uint32_t share = SHARE;
    int quiet = 0;
    STC_TRY(stc_spreads_collect(s, m->part, spreads));
    STC_TRY(tell(&m->told));
    for (int round = 0; round < MAX_ROUNDS && quiet < PATIENCE && share <= LEAST_SHARE; round++) {
        const int64_t before = spreads->cost;
        stc_shards_load(s, m->part, m->load, m->size);
        if (make_moves(m, round, share) == 0) {
            quiet++;
            continue;
        }
        STC_TRY(stc_spreads_collect(s, m->part, spreads));
        if (spreads->cost > before) {
            memcpy(m->part, m->from, (size_t)s->shard->n * sizeof *m->part);
            STC_TRY(stc_spreads_collect(s, m->part, spreads));
            share *= 2;
        }
        quiet = (double)(before - spreads->cost) < ENOUGH * (double)before ? quiet + 1 : 0;
        STC_TRY(tell(&m->told));
    }
    return 0;
}

int stc_shards_refine(const stc_shards *s, int32_t *part, stc_spreads *spreads)
{
    moving m = {0};
    int rc = open_moving(s, part, &m);
    if (rc == 0) rc = open_telling(s, part, spreads, &m.told);
    rc = stc_agree(s->comm, rc);
    if (rc == 0) rc = refine(&m, spreads);
    close_moving(&m);
    return rc;
}
