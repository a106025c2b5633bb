/* distributed.c - a partition of a graph of which every rank holds a piece. */
#include "shards.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { MOST_PARTS_FOR_PAIRS = 8192 }; /* a bit for every pair */

/* ---- what the partition costs ---- */

typedef struct {
    int64_t between, inside, cores, all, messages; /* in costs; own nets */
    int64_t *send, *receive;                       /* [nparts] */
    int64_t *seen;                                 /* [nparts] last source (+ 1) that reaches it */
    unsigned char *pair;                           /* [nparts * nparts bits], or NULL */
} sums;

static void add_net(const stc_shards *s, const int32_t *part, const stc_spreads *x, int64_t e,
                    sums *sum)
{
    const stc_hypergraph_shard *g = s->shard;
    const int32_t own = part[g->source[e] - g->begin], board = s->cost.board;
    const int64_t cost = s->net_cost[e];
    sum->all += cost;
    for (int32_t i = 0; i < x->n[e]; i++) {
        const stc_tally tally = x->tally[x->first[e] + i];
        const int32_t p = tally.part;
        if (p == own) continue;
        *(board > 0 && p / board != own / board ? &sum->between : &sum->inside) += cost;
        sum->cores += cost * tally.members;
        sum->send[own] += cost;
        sum->receive[p] += cost;
        sum->messages += sum->seen[p] != g->source[e] + 1;
        sum->seen[p] = g->source[e] + 1;
        const int64_t bit = (int64_t)own * s->nparts + p;
        if (sum->pair) sum->pair[bit / 8] |= (unsigned char)(1 << bit % 8);
    }
}

static int64_t largest(const int64_t *x, int32_t n)
{
    int64_t most = 0;
    for (int32_t i = 0; i < n; i++)
        if (x[i] > most) most = x[i];
    return most;
}

static void reduce(const stc_shards *s, sums *sum, stc_partition_quality *q)
{
    const MPI_Comm mpi = s->comm->mpi;
    const int32_t k = s->nparts;
    int64_t own[5] = {sum->between, sum->inside, sum->cores, sum->all, sum->messages};
    MPI_Allreduce(MPI_IN_PLACE, own, 5, MPI_INT64_T, MPI_SUM, mpi);
    MPI_Allreduce(MPI_IN_PLACE, sum->send, k, MPI_INT64_T, MPI_SUM, mpi);
    MPI_Allreduce(MPI_IN_PLACE, sum->receive, k, MPI_INT64_T, MPI_SUM, mpi);
    q->between_boards = (double)own[0] * s->cost_unit;
    q->inside_boards = (double)own[1] * s->cost_unit;
    q->multicast_volume = (double)(own[0] + own[1]) * s->cost_unit;
    q->core_copies = q->edge_cut = (double)own[2] * s->cost_unit;
    q->messages = own[4];
    q->max_send = (double)largest(sum->send, k) * s->cost_unit;
    q->max_receive = (double)largest(sum->receive, k) * s->cost_unit;
    if (k > 1 && own[3] > 0)
        q->broadcast_share = (double)(own[0] + own[1]) / ((double)(k - 1) * (double)own[3]);
    q->pairs = -1;
    if (!sum->pair) return;
    const int64_t bytes = ((int64_t)k * k + 7) / 8;
    MPI_Allreduce(MPI_IN_PLACE, sum->pair, (int)bytes, MPI_UNSIGNED_CHAR, MPI_BOR, mpi);
    q->pairs = 0;
    for (int64_t i = 0; i < bytes; i++)
        q->pairs += __builtin_popcount(sum->pair[i]);
}

static void measure_loads(const stc_shards *s, const int32_t *part, int64_t *load, int64_t *size,
                          stc_partition_quality *q)
{
    stc_shards_load(s, part, load, size);
    q->feasible = true;
    for (int32_t p = 0; p < s->nparts; p++) {
        if (size[p] == 0) q->feasible = false;
        for (int c = 0; c < STC_NCONSTRAINTS; c++) {
            const int64_t x = load[(int64_t)p * STC_NCONSTRAINTS + c];
            const double average = s->limits.total[c] / s->nparts;
            if (x > s->hard[c]) q->feasible = false;
            if (average > 0)
                q->imbalance[c] = fmax(q->imbalance[c], (double)x * s->weight_unit[c] / average);
        }
    }
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        if (s->limits.total[c] <= 0) q->imbalance[c] = 1;
}

static int measure(const stc_shards *s, const int32_t *part, const stc_spreads *spreads,
                   stc_partition_quality *q)
{
    const int64_t k = s->nparts;
    const bool pairs = k <= MOST_PARTS_FOR_PAIRS;
    int64_t *load = stc_alloc(k * STC_NCONSTRAINTS, sizeof *load);
    int64_t *size = stc_alloc(k, sizeof *size);
    sums sum = {.send = stc_alloc(k, sizeof *sum.send),
                .receive = stc_alloc(k, sizeof *sum.receive),
                .seen = stc_alloc(k, sizeof *sum.seen),
                .pair = pairs ? stc_alloc((k * k + 7) / 8, 1) : NULL};
    const bool ok = load && size && sum.send && sum.receive && sum.seen && (sum.pair || !pairs);
    const int rc = stc_agree(s->comm, ok ? 0 : STC_ERR_NOMEM);
    if (rc == 0) {
        for (int64_t e = 0; e < s->shard->nnets; e++)
            add_net(s, part, spreads, e, &sum);
        reduce(s, &sum, q);
        measure_loads(s, part, load, size, q);
        q->cost = q->inside_boards + stc_cost_board_ratio(&s->cost) * q->between_boards;
        q->links = q->bytes = NAN;
    }
    void *arrays[] = {load, size, sum.send, sum.receive, sum.seen, sum.pair};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return rc;
}

/* ---- the way through ---- */

static int check_options(const stc_partition_options *options)
{
    STC_TRY(stc_partition_check_method(options->method));
    STC_CHECK(!options->method || strncmp(options->method, "file:", 5) != 0, STC_ERR_USAGE,
              "partition method '%s': a graph in shards takes no file", options->method);
    STC_CHECK(options->cost.unit == STC_COST_CHIPS, STC_ERR_INPUT,
              "partition: a graph in shards can be partitioned for copies %s only",
              stc_cost_unit_names[STC_COST_CHIPS]);
    return 0;
}

static int check_result(const stc_shards *s, const stc_partition_quality *q)
{
    if (q->feasible) return 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double load = q->imbalance[c] * s->limits.total[c] / s->nparts;
        STC_CHECK(load <= s->limits.hard[c] * (1 + 1e-9), STC_ERR_FIT,
                  "partition: %s leaves a part with %.10g %s, allowed are %.10g; take more than %d "
                  "parts, another method or a larger target",
                  q->method, load, stc_constraint_names[c], s->limits.hard[c], s->nparts);
    }
    STC_FAIL(STC_ERR_FIT, "partition: %s leaves a part empty; take fewer than %d parts", q->method,
             s->nparts);
}

/* As stc_job_excess. */
static double excess(const stc_shards *s, const stc_partition_quality *q)
{
    double worst = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        if (s->limits.total[c] <= 0) continue;
        worst = fmax(worst, q->imbalance[c] - s->limits.soft[c] * s->nparts / s->limits.total[c]);
    }
    const double hundredths = ceil(100 * worst - 1e-6);
    return hundredths > 0 ? hundredths / 100 : 0;
}

int stc_partition_distributed(const stc_comm *comm, const stc_hypergraph_shard *shard,
                              const stc_partition_options *options, int32_t *part,
                              stc_partition_quality *quality)
{
    const double start = stc_seconds();
    stc_shards s = {0};
    stc_spreads spreads = {0};
    stc_partition_quality q = {0}, made = {0};
    STC_TRY(stc_agree(comm, check_options(options)));
    int rc = stc_shards_create(comm, shard, options, &s);
    if (rc == 0) rc = stc_shards_start(&s, options, part, &made);
    if (rc == 0) rc = stc_agree(comm, stc_spreads_create(&s, &spreads));
    if (rc == 0) rc = stc_shards_refine(&s, part, &spreads);
    if (rc == 0) rc = measure(&s, part, &spreads, &q);
    if (rc == 0) {
        q.method = made.method;
        q.no_gain = made.no_gain;
        q.excess = excess(&s, &q);
        q.seconds = stc_comm_max(comm, stc_seconds() - start);
        rc = check_result(&s, &q);
    }
    if (rc == 0 && quality) *quality = q;
    stc_spreads_release(&spreads);
    stc_shards_release(&s);
    return rc;
}
