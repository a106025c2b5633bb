/* even.c - every part gets an equal share of everything: neighbouring vertices of each stream (a
 * stage), as many as of any other part.
 *
 * What vertices of one stream have to do goes up and down together, as populations fall silent or
 * fire, so that parts stay equally busy at any time, which no sum of weights promises. For networks
 * in which everything goes everywhere, where no partition saves much traffic.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

/* Stream of every vertex; -1: it sends nothing. */
static void find_streams(const stc_hypergraph *graph, int32_t *stream)
{
    for (int32_t v = 0; v < graph->nvertices; v++)
        stream[v] = -1;
    for (int32_t e = 0; e < graph->nnets; e++)
        stream[graph->source[e]] = graph->stream ? graph->stream[e] : 0;
}

/* Vertices first .. first+n to the parts in order; fewer than there are parts: one each, from part
 * *next on. */
static void deal(int32_t first, int32_t n, int32_t nparts, int32_t *next, int32_t *part)
{
    for (int32_t i = 0; i < n; i++) {
        part[first + i] = n < nparts ? (*next + i) % nparts : (int32_t)((int64_t)i * nparts / n);
    }
    if (n < nparts) *next = (*next + n) % nparts;
}

static int cut(const stc_partition_job *job, int32_t *part)
{
    const int32_t n = job->graph->nvertices;
    int32_t *stream = stc_alloc(n, sizeof *stream);
    if (!stream) return STC_ERR_NOMEM;
    find_streams(job->graph, stream);
    for (int32_t first = 0, end, next = 0; first < n; first = end) {
        for (end = first + 1; end < n && stream[end] == stream[first];)
            end++;
        deal(first, end - first, job->nparts, &next, part);
    }
    stc_free(stream);
    return stc_partition_repair(job, false, part);
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    return stc_agree(comm, cut(job, part));
}

const stc_partition_method stc_partition_even = {.name = "even", .run = run};
