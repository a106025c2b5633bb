/* metis_cut.c - METIS' k-way edge cut on the graph of (source, destination) pairs, an edge weighted
 * by the spikes on it: what compilers do that know nothing of multicast. */
#include "pairs.h"

#include "stc/base.h"
#include "stc/error.h"

int stc_metis_candidate(const stc_partition_job *job, int32_t index, int32_t *part)
{
    const int32_t n = job->graph->nvertices;
    if (job->nparts == 1 || job->nparts == n) { /* METIS dies or leaves parts empty */
        for (int32_t v = 0; v < n; v++)
            part[v] = job->nparts == 1 ? 0 : v;
        return index == 0 ? 0 : STC_NO_CANDIDATE;
    }
    stc_pairs pairs = {0};
    int rc = stc_pairs_of_edges(job->graph, false, &pairs);
    if (rc == 0)
        rc = stc_metis_parts(&pairs, job->graph->weight, &job->limits,
                             stc_random_u32(job->seed, STC_DRAW_METIS, (uint64_t)index), part);
    stc_pairs_release(&pairs);
    return rc == 0 ? stc_partition_repair(job, true, part) : rc;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    const int best =
        stc_partition_deal(comm, job, 0, STC_METIS_SEEDS, stc_metis_candidate, -1, part);
    return best < 0 ? best : 0;
}

const stc_partition_method stc_partition_metis_cut = {
    .name = "metis-cut", .boards = true, .run = run};
