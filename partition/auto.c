/* auto.c - the best of several: contiguous, refined, and multilevel partitions from some seeds.
 *
 * A contiguous cut is near the best for feed-forward chains and costs nothing; the multilevel
 * method is best for most others. Where vertices are few per part random starts are refined as
 * well. In a network where nearly everything goes everywhere no partition helps: that is recognised
 * by the first seed, and the others are not tried.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { SEEDS = 8 };
enum { FEW = 8 }; /* vertices per part */

/* First index of each kind of candidate; ties go to the simpler one. */
enum {
    CONTIGUOUS = 0,
    CONTIGUOUS_REFINED = 1,
    MULTILEVEL = 2,
    RANDOM_REFINED = MULTILEVEL + SEEDS,
    NCANDIDATES = RANDOM_REFINED + SEEDS
};

/* No partition helps: the volume stays above this share of what random parts cost, or of what
 * sending everything to every part that could need it costs. */
static const double OF_RANDOM = 0.98, OF_ALL = 0.88;
/* A contiguous cut below this share of all is reason enough not to ask. */
static const double SUSPICIOUS = 0.8;

static int refined(const stc_partition_job *job, uint64_t seed, int32_t *part)
{
    STC_TRY(stc_partition_repair(job, true, part));
    return stc_level_refine(&job->level, &job->limits, seed, part);
}

static int make(const stc_partition_job *job, int32_t index, int32_t *part)
{
    const uint64_t seed = job->seed + (uint64_t)index;
    if (index >= MULTILEVEL && index < RANDOM_REFINED)
        return stc_multilevel_candidate(job, index - MULTILEVEL, part);
    if (index >= RANDOM_REFINED) {
        if (job->graph->nvertices >= (int64_t)FEW * job->nparts) return STC_NO_CANDIDATE;
        STC_TRY(stc_deal_shuffled(job, stc_mix64(seed), part));
        return refined(job, seed, part);
    }
    STC_TRY(stc_cut_chain(job, part));
    return index == CONTIGUOUS ? stc_partition_repair(job, false, part) : refined(job, seed, part);
}

static const char *maker(int32_t index)
{
    if (index >= RANDOM_REFINED) return "auto: random, refined";
    if (index >= MULTILEVEL) return "auto: multilevel";
    return index == CONTIGUOUS ? "auto: contiguous" : "auto: contiguous, refined";
}

/* Volume when every net goes to as many parts as it could. */
static double most_volume(const stc_partition_job *job)
{
    const stc_level *level = &job->level;
    double sum = 0;
    for (int32_t e = 0; e < level->nnets; e++) {
        const int64_t members = level->first[e + 1] - level->first[e];
        const double parts = (double)(members < job->nparts ? members : job->nparts);
        sum += (double)level->cost[e] * level->unit * (parts - 1);
    }
    return sum;
}

static int volume_of(const stc_partition_job *job, const int32_t *part, double *volume)
{
    stc_partition_quality q;
    STC_TRY(stc_partition_measure(job->graph, job->nparts, part, NULL, &q));
    *volume = q.multicast_volume;
    return 0;
}

/* Volumes of contiguous and random parts; Local, the same everywhere. */
static int measure_simple(const stc_partition_job *job, double *contiguous, double *random)
{
    int32_t *part = stc_alloc(job->graph->nvertices, sizeof *part);
    int rc = part ? stc_cut_chain(job, part) : STC_ERR_NOMEM;
    if (rc == 0) rc = volume_of(job, part, contiguous);
    if (rc == 0) rc = stc_deal_shuffled(job, job->seed, part);
    if (rc == 0) rc = volume_of(job, part, random);
    stc_free(part);
    return rc;
}

/* Try the candidates up to the first seed; *no_gain: more of them will not help. Collective. */
static int try_first(const stc_comm *comm, const stc_partition_job *job, double random,
                     int32_t *part, bool *no_gain)
{
    double volume = 0;
    const int best = stc_partition_deal(comm, job, 0, MULTILEVEL + 1, make, -1, part);
    if (best < 0) return best;
    STC_TRY(stc_agree(comm, volume_of(job, part, &volume)));
    *no_gain = volume > 0 && (volume >= OF_RANDOM * random || volume >= OF_ALL * most_volume(job));
    if (*no_gain)
        stc_info("partition: no partition helps: the best sends %.3g spikes per step, random parts "
                 "%.3g; nearly everything goes everywhere",
                 volume, random);
    return best;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    double contiguous = 0, random = 0;
    STC_TRY(stc_agree(comm, measure_simple(job, &contiguous, &random)));
    int best = -1, begin = 0;
    if (contiguous > SUSPICIOUS * most_volume(job)) {
        best = try_first(comm, job, random, part, &made->no_gain);
        if (best < 0) return best;
        begin = MULTILEVEL + 1;
    }
    if (!made->no_gain) best = stc_partition_deal(comm, job, begin, NCANDIDATES, make, best, part);
    if (best < 0) return best;
    made->method = maker(best);
    return 0;
}

const stc_partition_method stc_partition_auto = {.name = "auto", .run = run};
