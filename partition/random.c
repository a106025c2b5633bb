/* random.c - deal a shuffled order of the vertices to the parts: what no thought costs. */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

void stc_shuffled(int32_t n, uint64_t seed, uint32_t purpose, int32_t *order)
{
    for (int32_t i = 0; i < n; i++) {
        const uint64_t draw = stc_random_u32(seed, purpose, (uint64_t)i);
        const int32_t j = (int32_t)((draw * (uint64_t)(i + 1)) >> 32); /* 0..i */
        order[i] = order[j];
        order[j] = i;
    }
}

int stc_deal_shuffled(const stc_partition_job *job, uint64_t seed, int32_t *part)
{
    const int32_t n = job->graph->nvertices, parts = stc_limits_parts(&job->limits);
    int32_t *order = stc_alloc(n, sizeof *order);
    if (!order) return STC_ERR_NOMEM;
    stc_shuffled(n, seed, STC_DRAW_DEAL, order);
    for (int32_t p = 0, first = 0; p < job->nparts; p++) {
        const int32_t end = first + (job->limits.share ? job->limits.share[p] : 1);
        for (; first < end; first++)
            for (int64_t i = first; i < n; i += parts)
                part[order[i]] = p;
    }
    stc_free(order);
    return 0;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    return stc_agree(comm, stc_deal_shuffled(job, job->seed, part));
}

const stc_partition_method stc_partition_random = {.name = "random", .run = run};
