/* deal.c - many candidates, dealt over the ranks; the best one for all.
 *
 * Which rank makes a candidate depends on the number of ranks, what it is does not: the order of
 * candidates is a total order on numbers that every rank computes alike.
 */
#include "method.h"
#include "state.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

/* Smaller is better, compared from the left. */
enum { INFEASIBLE, IMBALANCE, VOLUME, INDEX, NKEYS };

enum { SMALL = 1000 }; /* vertices: not worth waking threads */

static int compare(const double *a, const double *b)
{
    for (int i = 0; i < NKEYS; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* Parts that stand for several: by the level alone. */
static int rate_shares(const stc_partition_job *job, int32_t *part, double key[NKEYS])
{
    stc_partition_state *s;
    STC_TRY(stc_state_create(&job->level, &job->limits, true, part, &s));
    key[INFEASIBLE] = 0;
    for (int32_t p = 0; p < job->nparts; p++)
        if (s->size[p] < stc_state_least(s, p)) key[INFEASIBLE] = 1;
    key[IMBALANCE] = stc_state_total_excess(s);
    key[VOLUME] = (double)s->volume * job->level.unit;
    stc_state_destroy(&s);
    return 0;
}

static int rate(const stc_partition_job *job, int32_t *part, int32_t index, double key[NKEYS])
{
    key[INDEX] = index;
    if (job->limits.share) return rate_shares(job, part, key);
    double capacity[STC_NCONSTRAINTS];
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        capacity[c] = isfinite(job->limits.hard[c]) ? job->limits.hard[c] : 0;
    stc_partition_quality q;
    STC_TRY(stc_measure_volume(job->graph, job->nparts, part, capacity, &q));
    key[INFEASIBLE] = q.feasible ? 0 : 1;
    key[IMBALANCE] = stc_job_excess(job, &q);
    key[VOLUME] = q.multicast_volume;
    if (job->cost.unit == STC_COST_CHIPS && job->cost.board == 0) return 0;
    STC_TRY(stc_partition_measure_cost(job->graph, job->nparts, part, &job->cost, &q));
    key[VOLUME] = q.cost;
    return 0;
}

/* What the threads of a rank share: the best candidate so far, and the first failure. */
typedef struct {
    int32_t *part;
    double *best;
    int rc;
    char text[STC_ERROR_SIZE];
} found;

static void take(const stc_partition_job *job, const int32_t *candidate, int rc, const double *key,
                 found *f)
{
#pragma omp critical(stc_deal)
    {
        if (rc < 0 && f->rc == 0) {
            f->rc = rc;
            snprintf(f->text, sizeof f->text, "%s", stc_error_text());
        } else if (rc == 0 && compare(key, f->best) < 0) {
            memcpy(f->best, key, NKEYS * sizeof *key);
            memcpy(f->part, candidate, (size_t)job->graph->nvertices * sizeof *candidate);
        }
    }
}

/* The best candidate of this rank, number rank, rank + size, ... of n from `begin` on. Threads take
 * candidates as they come; which one is the best does not depend on that. */
static int make_own(const stc_comm *comm, const stc_partition_job *job, int32_t begin, int32_t n,
                    stc_candidate make, int32_t *part, double best[NKEYS])
{
    const int32_t own = n > comm->rank ? (n - comm->rank - 1) / comm->size + 1 : 0;
    const bool worth = own > 1 && job->graph->nvertices > SMALL;
    found f = {.part = part, .best = best};
#pragma omp parallel if (worth)
    {
        int32_t *candidate = stc_alloc(job->graph->nvertices, sizeof *candidate);
        if (!candidate) take(job, NULL, STC_ERR_NOMEM, NULL, &f);
#pragma omp for schedule(dynamic, 1)
        for (int32_t i = 0; i < own; i++) {
            const int32_t index = begin + comm->rank + i * comm->size;
            double key[NKEYS];
            int rc = candidate ? make(job, index, candidate) : STC_NO_CANDIDATE;
            if (rc == 0 && job->cost.unit == STC_COST_LINKS) rc = stc_place_parts(job, candidate);
            if (rc == 0) rc = rate(job, candidate, index, key);
            take(job, candidate, rc, key, &f);
        }
        stc_free(candidate);
    }
    return f.rc < 0 ? stc_fail(f.rc, "%s", f.text) : 0;
}

int stc_partition_deal(const stc_comm *comm, const stc_partition_job *job, int32_t begin,
                       int32_t end, stc_candidate make, int32_t known, int32_t *part)
{
    double own[NKEYS] = {INFINITY, INFINITY, INFINITY, INFINITY};
    int rc = comm->rank == 0 && known >= 0 ? rate(job, part, known, own) : 0;
    if (rc == 0) rc = make_own(comm, job, begin, end - begin, make, part, own);
    STC_TRY(stc_agree(comm, rc));
    bool in = true; /* still equal to the best in all keys so far */
    double best = INFINITY;
    for (int i = 0; i < NKEYS; i++) {
        const double mine = in ? own[i] : INFINITY;
        MPI_Allreduce(&mine, &best, 1, MPI_DOUBLE, MPI_MIN, comm->mpi);
        in = in && own[i] == best;
    }
    STC_CHECK(isfinite(best), STC_ERR_INTERNAL,
              "partition: no candidate was found for %d vertices on %d parts; take another method",
              job->graph->nvertices, job->nparts);
    const int32_t index = (int32_t)best;
    stc_comm_bcast(comm, part, (int64_t)job->graph->nvertices * (int64_t)sizeof *part,
                   index < begin ? 0 : (index - begin) % comm->size);
    return index;
}
