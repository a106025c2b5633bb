/* auto.c - the best of several: contiguous, and refined partitions from different starts.
 *
 * A contiguous cut is near the best for feed-forward chains, METIS' cut for wide graphs; refinement
 * on multicast volume improves both. METIS is unreliable with few vertices per part; there, random
 * starts are refined as well.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

enum { SEEDS = 8, SEEDS_OF_FEW = 2 };
enum { FEW = 20, TOO_FEW = 4 }; /* vertices per part for METIS */

/* First index of each kind of candidate; ties go to the simpler one. */
enum {
    CONTIGUOUS = 0,
    CONTIGUOUS_REFINED = 1,
    METIS_REFINED = 2,
    RANDOM_REFINED = METIS_REFINED + SEEDS,
    NCANDIDATES = RANDOM_REFINED + SEEDS
};

static int start(const stc_partition_job *job, int32_t index, int32_t *part)
{
    const int64_t n = job->graph->nvertices, k = job->nparts;
    if (index < METIS_REFINED) return stc_cut_chain(job, part);
    if (index < RANDOM_REFINED) {
        const int32_t seed = index - METIS_REFINED;
        const int seeds = n < TOO_FEW * k ? 0 : n < FEW * k ? SEEDS_OF_FEW : SEEDS;
        const int rc = seed < seeds ? stc_metis_candidate(job, seed, part) : STC_NO_CANDIDATE;
        return rc == STC_ERR_FIT ? STC_NO_CANDIDATE : rc; /* too large for METIS alone */
    }
    if (n >= FEW * k) return STC_NO_CANDIDATE;
    return stc_deal_shuffled(job, stc_mix64(job->seed + (uint64_t)index), part);
}

static int make(const stc_partition_job *job, int32_t index, int32_t *part)
{
    int rc = start(job, index, part);
    if (rc != 0) return rc;
    if (index == CONTIGUOUS) return stc_partition_repair(job, false, part);
    rc = stc_partition_repair(job, true, part);
    return rc < 0 ? rc : stc_partition_refine(job, job->seed + (uint64_t)index, part);
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               const char **made_by)
{
    const int best = stc_partition_deal(comm, job, NCANDIDATES, make, part);
    if (best < 0) return best;
    if (best >= RANDOM_REFINED)
        *made_by = "auto: random, refined";
    else if (best >= METIS_REFINED)
        *made_by = "auto: metis-cut, refined";
    else if (best == CONTIGUOUS_REFINED)
        *made_by = "auto: contiguous, refined";
    else
        *made_by = "auto: contiguous";
    return 0;
}

const stc_partition_method stc_partition_auto = {.name = "auto", .run = run};
