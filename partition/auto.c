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
/* Nets of two that are cut, as a share of the others: fewer are none. */
static const double PAIRS = 0.1;

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

/* Volume by the number of members of a net: a net of two can be kept on one part wherever the
 * others go, and says nothing about them. */
typedef struct {
    double two, more;
} volumes;

static void add_volume(volumes *v, const stc_level *level, int32_t e, double parts)
{
    const bool two = level->first[e + 1] - level->first[e] == 2;
    *(two ? &v->two : &v->more) += (double)level->cost[e] * level->unit * (parts - 1);
}

/* Volume when every net goes to as many parts as it could. */
static volumes most_volume(const stc_partition_job *job)
{
    const stc_level *level = &job->level;
    volumes most = {0};
    for (int32_t e = 0; e < level->nnets; e++) {
        const int64_t members = level->first[e + 1] - level->first[e];
        add_volume(&most, level, e, (double)(members < job->nparts ? members : job->nparts));
    }
    return most;
}

static int volume_of(const stc_partition_job *job, const int32_t *part, volumes *v)
{
    const stc_level *level = &job->level;
    int32_t *seen = stc_alloc(job->nparts, sizeof *seen);
    if (!seen) return STC_ERR_NOMEM;
    *v = (volumes){0};
    for (int32_t e = 0; e < level->nnets; e++) {
        int32_t parts = 0;
        for (int64_t i = level->first[e]; i < level->first[e + 1]; i++) {
            const int32_t p = part[level->member[i]];
            parts += seen[p] != e + 1;
            seen[p] = e + 1;
        }
        add_volume(v, level, e, parts);
    }
    stc_free(seen);
    return 0;
}

/* Volumes of contiguous and random parts; Local, the same everywhere. */
static int measure_simple(const stc_partition_job *job, volumes *contiguous, volumes *random)
{
    int32_t *part = stc_alloc(job->graph->nvertices, sizeof *part);
    int rc = part ? stc_cut_chain(job, part) : STC_ERR_NOMEM;
    if (rc == 0) rc = volume_of(job, part, contiguous);
    if (rc == 0) rc = stc_deal_shuffled(job, job->seed, part);
    if (rc == 0) rc = volume_of(job, part, random);
    stc_free(part);
    return rc;
}

/* Does nearly everything go everywhere? Nets of two are left out where hardly any is cut. */
static bool goes_everywhere(const volumes *v, const volumes *most)
{
    if (v->two + v->more >= OF_ALL * (most->two + most->more)) return true;
    return v->more >= OF_ALL * most->more && v->two <= PAIRS * v->more;
}

/* Try the candidates up to the first seed; *no_gain: more of them will not help. Collective. */
static int try_first(const stc_comm *comm, const stc_partition_job *job, const volumes *random,
                     const volumes *most, int32_t *part, bool *no_gain)
{
    volumes v = {0};
    const int best = stc_partition_deal(comm, job, 0, MULTILEVEL + 1, make, -1, part);
    if (best < 0) return best;
    STC_TRY(stc_agree(comm, volume_of(job, part, &v)));
    const double all = v.two + v.more, drawn = random->two + random->more;
    *no_gain = all > 0 && (all >= OF_RANDOM * drawn || goes_everywhere(&v, most));
    if (*no_gain)
        stc_info("partition: no partition helps: the best sends %.3g spikes per step, random parts "
                 "%.3g; nearly everything goes everywhere",
                 all, drawn);
    return best;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    volumes contiguous = {0}, random = {0};
    const volumes most = most_volume(job);
    STC_TRY(stc_agree(comm, measure_simple(job, &contiguous, &random)));
    int best = -1, begin = 0;
    const bool ask = contiguous.two + contiguous.more > SUSPICIOUS * (most.two + most.more) ||
                     contiguous.more > SUSPICIOUS * most.more;
    if (ask) {
        best = try_first(comm, job, &random, &most, part, &made->no_gain);
        if (best < 0) return best;
        begin = MULTILEVEL + 1;
    }
    if (!made->no_gain) best = stc_partition_deal(comm, job, begin, NCANDIDATES, make, best, part);
    if (best < 0) return best;
    made->method = maker(best);
    return 0;
}

const stc_partition_method stc_partition_auto = {.name = "auto", .boards = true, .run = run};
