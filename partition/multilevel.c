/* multilevel.c - partitions by multicast volume on a hierarchy of ever coarser hypergraphs.
 *
 * Vertices that share heavy nets are clustered until some dozens are left per part; METIS' cut of
 * who shares a net with whom, or recursive bisection where METIS cannot be trusted, is the start;
 * then the local searches lower the volume on every level. Cycles repeat this with clusters inside
 * the parts of the best partition. On graphs of large overlapping nets (single neurons) clusters
 * gain nothing and cost much: there METIS' own hierarchy is used and the result searched.
 */
#include "hierarchy.h"
#include "pairs.h"
#include "state.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { SEEDS = 8, CYCLES = 4 };
enum { SEEDS_OF_LARGE = 1 + STC_METIS_SEEDS };
enum { SMALL = 1000, SEEDS_OF_SMALL = 4, CYCLES_OF_SMALL = 1 }; /* vertices; done in a moment */
enum { PER_PART = 20, LEAST = 320 };                            /* vertices of the coarsest level */
enum { METIS_TRIES = 2, FEW = 4 }; /* vertices per part below which METIS is not asked */
static const double CLUSTERS_GROW = 1.5, CLUSTERS_OF_CYCLE_GROW = 3;
static const double PRICE = 0.4;    /* of imbalance on the coarser levels, see stc_level_search */
static const double MAX_WORK = 3e7; /* pairs of members; more: METIS' hierarchy is used */

typedef struct {
    const stc_partition_job *job;
    bool metis; /* METIS makes the start, else bisection */
    uint64_t seed;
    int32_t wanted;         /* vertices of the coarsest level */
    int32_t *part, *coarse; /* [n] room */
    double excess;          /* of the best partition; INFINITY: none yet */
    int64_t volume;
    int32_t *best; /* [n], the caller's */
} trial;

static int rate(const stc_level *level, const stc_limits *limits, int32_t *part, double *excess,
                int64_t *volume)
{
    stc_partition_state *s;
    STC_TRY(stc_state_create(level, limits, true, part, &s));
    *excess = stc_state_total_excess(s);
    *volume = s->volume;
    stc_state_destroy(&s);
    return 0;
}

/* Keep the partition at hand if it is the best. */
static int keep(trial *t)
{
    double excess;
    int64_t volume;
    STC_TRY(rate(&t->job->level, &t->job->limits, t->part, &excess, &volume));
    if (excess > t->excess || (excess == t->excess && volume >= t->volume)) return 0;
    t->excess = excess;
    t->volume = volume;
    memcpy(t->best, t->part, (size_t)t->job->level.n * sizeof *t->best);
    return 0;
}

/* The best of METIS' partitions of a level, repaired and searched. STC_NO_CANDIDATE: none. */
static int ask_metis(const stc_level *level, const stc_limits *limits, uint64_t seed, int32_t *part)
{
    stc_pairs pairs = {0};
    int32_t *candidate = stc_alloc(level->n, sizeof *candidate);
    int rc = candidate ? stc_pairs_of_members(level, seed, &pairs) : STC_ERR_NOMEM;
    double best_excess = INFINITY, excess;
    int64_t best_volume = 0, volume;
    for (int i = 0; i < METIS_TRIES && rc == 0; i++) {
        const uint64_t draw = stc_mix64(seed + (uint64_t)i);
        rc = stc_metis_parts(&pairs, level->weight, limits, (uint32_t)draw, candidate);
        if (rc == 0) rc = stc_level_repair(level, limits, true, false, candidate);
        if (rc == 0) rc = stc_level_search(level, limits, 0, draw, candidate);
        if (rc == 0) rc = rate(level, limits, candidate, &excess, &volume);
        if (rc != 0 || excess > best_excess || (excess == best_excess && volume >= best_volume))
            continue;
        best_excess = excess;
        best_volume = volume;
        memcpy(part, candidate, (size_t)level->n * sizeof *part);
    }
    stc_pairs_release(&pairs);
    stc_free(candidate);
    return rc == 0 || !isfinite(best_excess) ? rc : rc < 0 ? rc : 0;
}

static int start_coarsest(const stc_level *level, const stc_limits *limits, bool metis,
                          uint64_t seed, int32_t *part)
{
    const bool few = level->n < (int64_t)FEW * limits->nparts;
    int rc = few || !metis ? STC_NO_CANDIDATE : ask_metis(level, limits, seed, part);
    if (rc == STC_ERR_FIT) rc = STC_NO_CANDIDATE; /* too many pairs for METIS */
    if (rc != STC_NO_CANDIDATE) return rc;
    rc = stc_level_bisect(level, limits, seed, part);
    if (rc == 0) rc = stc_level_repair(level, limits, true, false, part);
    return rc == 0 ? stc_level_search(level, limits, 0, seed, part) : rc;
}

static int first_partition(trial *t)
{
    stc_hierarchy h;
    const stc_limits *limits = &t->job->limits;
    int rc = stc_hierarchy_create(&t->job->level, t->wanted, CLUSTERS_GROW, NULL, t->seed, &h);
    if (rc == 0)
        rc = start_coarsest(stc_hierarchy_coarsest(&h), limits, t->metis, t->seed, t->coarse);
    if (rc == 0) rc = stc_hierarchy_descend(&h, limits, PRICE, t->seed, t->coarse, t->part);
    stc_hierarchy_release(&h);
    return rc == 0 ? keep(t) : rc;
}

/* Coarsen within the parts of the best partition and search on every level. */
static int cycle(trial *t, uint64_t seed)
{
    stc_hierarchy h;
    const stc_limits *limits = &t->job->limits;
    const int32_t n = t->job->level.n;
    int rc = stc_hierarchy_create(&t->job->level, t->wanted < n / 4 ? t->wanted : n / 4,
                                  CLUSTERS_OF_CYCLE_GROW, t->best, seed, &h);
    if (rc == 0) {
        stc_hierarchy_lift(&h, t->best, t->coarse);
        rc = stc_level_search(stc_hierarchy_coarsest(&h), limits, PRICE, seed, t->coarse);
    }
    if (rc == 0) rc = stc_hierarchy_descend(&h, limits, PRICE, seed, t->coarse, t->part);
    stc_hierarchy_release(&h);
    return rc == 0 ? keep(t) : rc;
}

/* What a search on the finest level has to look at. */
static bool too_large(const stc_level *level)
{
    double work = 0;
    for (int32_t e = 0; e < level->nnets; e++) {
        const double members = (double)(level->first[e + 1] - level->first[e]);
        work += members * members;
    }
    return work > MAX_WORK;
}

/* METIS' cut with every net counted alike, however many destinations it has. */
static int cut_evenly(const stc_partition_job *job, uint64_t seed, int32_t *part)
{
    stc_pairs pairs = {0};
    int rc = stc_pairs_of_edges(job->graph, true, &pairs);
    if (rc == 0)
        rc = stc_metis_parts(&pairs, job->graph->weight, &job->limits, (uint32_t)seed, part);
    stc_pairs_release(&pairs);
    return rc == 0 ? stc_partition_repair(job, true, part) : rc;
}

/* Both weights of the cut, refined; neither is the better one on all graphs. All partitions that
 * metis-cut chooses from are among them, so that the best is as good as that one refined. */
static int flat_partition(const stc_partition_job *job, int32_t index, uint64_t seed, int32_t *part)
{
    int rc = index == 0 ? cut_evenly(job, seed, part) : stc_metis_candidate(job, index - 1, part);
    if (rc == STC_NO_CANDIDATE || rc == STC_ERR_FIT) {
        rc = stc_level_bisect(&job->level, &job->limits, seed, part);
        if (rc == 0) rc = stc_partition_repair(job, true, part);
    }
    const uint64_t visits = index == 0 ? seed : 1; /* the order in which vertices are tried */
    return rc == 0 ? stc_level_refine(&job->level, &job->limits, visits, part) : rc;
}

static int multilevel_partition(const stc_partition_job *job, bool metis, uint64_t seed,
                                int32_t *part)
{
    const int32_t n = job->level.n;
    const double wanted = fmax(LEAST, (double)PER_PART * job->nparts);
    trial t = {.job = job,
               .metis = metis,
               .seed = seed,
               .wanted = wanted < n ? (int32_t)wanted : n,
               .part = stc_alloc(n, sizeof *t.part),
               .coarse = stc_alloc(n, sizeof *t.coarse),
               .excess = INFINITY,
               .best = part};
    int rc = t.part && t.coarse ? first_partition(&t) : STC_ERR_NOMEM;
    const int cycles = n > SMALL ? CYCLES : CYCLES_OF_SMALL;
    for (int i = 1; i <= cycles && rc == 0 && t.volume > 0; i++)
        rc = cycle(&t, stc_mix64(seed + (uint64_t)i));
    stc_free(t.part);
    stc_free(t.coarse);
    if (rc == 0 && t.excess > 0) {
        rc = stc_partition_repair(job, true, part);
        if (rc == 0) rc = stc_level_search(&job->level, &job->limits, 0, seed, part);
    }
    return rc;
}

int stc_multilevel_candidate(const stc_partition_job *job, int32_t index, int32_t *part)
{
    const uint64_t seed = stc_mix64(job->seed + (uint64_t)index);
    const int32_t n = job->graph->nvertices;
    if (job->nparts == 1 || job->nparts == n) {
        for (int32_t v = 0; v < n; v++)
            part[v] = job->nparts == 1 ? 0 : v;
        return index == 0 ? 0 : STC_NO_CANDIDATE;
    }
    if (n <= SMALL && index >= SEEDS_OF_SMALL) return STC_NO_CANDIDATE;
    if (too_large(&job->level))
        return index < SEEDS_OF_LARGE ? flat_partition(job, index, seed, part) : STC_NO_CANDIDATE;
    return multilevel_partition(job, n > SMALL ? index % 2 == 0 : index == 1, seed, part);
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    const int best = stc_partition_deal(comm, job, 0, SEEDS, stc_multilevel_candidate, -1, part);
    return best < 0 ? best : 0;
}

const stc_partition_method stc_partition_multilevel = {
    .name = "multilevel", .boards = true, .run = run};
