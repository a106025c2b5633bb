/* metis_cut.c - METIS' k-way edge cut on the graph of (source, destination) pairs.
 *
 * The only file that knows METIS. METIS is fast and good, and has traps that it does not report: it
 * dies with one part, leaves parts empty when vertices are few, puts everything into one part when
 * sums pass 2^31 or all weights are 0, prints to stdout. So its input is scaled, and its result is
 * never believed but measured and repaired.
 */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <metis.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static_assert(IDXTYPEWIDTH == 32 || IDXTYPEWIDTH == 64, "METIS' index is 32 or 64 bits wide");

enum { SEEDS = 4 };
static const double WEIGHT_SUM = 1e9;         /* METIS adds weights in idx_t */
static const int64_t MAX_ENTRIES = 800000000; /* each weighs at least 1 of WEIGHT_SUM */

/* METIS' input: undirected, both directions stored. */
typedef struct {
    idx_t n, ncon;
    idx_t *xadj, *adjncy, *adjwgt, *vwgt;
    double *weight;                   /* of adjncy before scaling */
    real_t allowed[STC_NCONSTRAINTS]; /* maximum / average of each column of vwgt */
} metis_graph;

static void release(metis_graph *m)
{
    void *arrays[] = {m->xadj, m->adjncy, m->adjwgt, m->vwgt, m->weight};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *m = (metis_graph){0};
}

/* Add the edge to the list of vertex `from`, whose end is *end, unless it is there: slot[to] is its
 * place if that place is in the list of `from`. */
static void add_edge(metis_graph *m, int64_t begin, int64_t *end, int64_t *slot, int32_t to,
                     double weight)
{
    const int64_t at = slot[to];
    if (at >= begin && at < *end && m->adjncy[at] == to) {
        m->weight[at] += weight;
        return;
    }
    slot[to] = *end;
    m->adjncy[*end] = to;
    m->weight[(*end)++] = weight;
}

/* (source, destination) pairs in both directions, by vertex; a pair occurs once for every net. */
typedef struct {
    int64_t *first; /* [n + 1] */
    int32_t *to;
    float *weight;
} edge_list;

static bool is_edge(const stc_hypergraph *g, int32_t e, int64_t i)
{
    return g->spikes[e] > 0 && g->pin[i] != g->source[e];
}

static void list_edges(const stc_hypergraph *g, edge_list *list)
{
    for (int32_t e = 0; e < g->nnets; e++) {
        for (int64_t i = g->first[e]; i < g->first[e + 1]; i++) {
            if (!is_edge(g, e, i)) continue;
            const int32_t ends[2] = {g->source[e], g->pin[i]};
            for (int d = 0; d < 2; d++) {
                const int64_t at = list->first[ends[d]]++;
                list->to[at] = ends[1 - d];
                list->weight[at] = g->spikes[e];
            }
        }
    }
    for (int32_t v = g->nvertices; v > 0; v--)
        list->first[v] = list->first[v - 1];
    list->first[0] = 0;
}

static int64_t count_edges(const stc_hypergraph *g, int64_t *first)
{
    for (int32_t e = 0; e < g->nnets; e++) {
        for (int64_t i = g->first[e]; i < g->first[e + 1]; i++) {
            if (!is_edge(g, e, i)) continue;
            first[g->source[e] + 1]++;
            first[g->pin[i] + 1]++;
        }
    }
    for (int32_t v = 0; v < g->nvertices; v++)
        first[v + 1] += first[v];
    return first[g->nvertices];
}

/* Merge edges of the same pair. */
static void merge_edges(const stc_hypergraph *g, const edge_list *list, int64_t *slot,
                        metis_graph *m)
{
    int64_t end = 0;
    for (int32_t v = 0; v < g->nvertices; v++) {
        const int64_t begin = end;
        for (int64_t i = list->first[v]; i < list->first[v + 1]; i++)
            add_edge(m, begin, &end, slot, list->to[i], list->weight[i]);
        m->xadj[v + 1] = (idx_t)end;
    }
}

static void scale_edges(metis_graph *m)
{
    const int64_t n = m->xadj[m->n];
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += m->weight[i];
    const double scale = sum > 0 ? (WEIGHT_SUM - (double)n) / sum : 0;
    for (int64_t i = 0; i < n; i++)
        m->adjwgt[i] = (idx_t)(1 + m->weight[i] * scale);
}

/* Columns of weights that bind (one part could not hold their sum), each scaled to a sum of at most
 * WEIGHT_SUM with weights above 0 at least 1; one column of ones when there is none. */
static void scale_vertices(const stc_partition_job *job, metis_graph *m)
{
    int columns[STC_NCONSTRAINTS];
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        if (!(job->total[c] > 0 && job->soft[c] < job->total[c])) continue;
        m->allowed[m->ncon] = (real_t)(job->soft[c] * job->nparts / job->total[c]);
        columns[m->ncon++] = c;
    }
    for (int64_t v = 0; v < m->n && m->ncon == 0; v++)
        m->vwgt[v] = 1;
    for (int64_t v = 0; v < m->n; v++) {
        for (idx_t j = 0; j < m->ncon; j++) {
            const double w = job->graph->weight[v * STC_NCONSTRAINTS + columns[j]];
            const double scale = (WEIGHT_SUM - m->n) / job->total[columns[j]];
            m->vwgt[v * m->ncon + j] = w > 0 ? (idx_t)(1 + w * scale) : 0;
        }
    }
    if (m->ncon > 0) return;
    m->ncon = 1;
    m->allowed[0] = (real_t)job->imbalance;
}

static int build(const stc_partition_job *job, metis_graph *m)
{
    const stc_hypergraph *g = job->graph;
    edge_list list = {.first = stc_alloc((int64_t)g->nvertices + 1, sizeof *list.first)};
    if (!list.first) return STC_ERR_NOMEM;
    const int64_t n = count_edges(g, list.first);
    if (n > MAX_ENTRIES || g->nvertices > MAX_ENTRIES) {
        stc_free(list.first);
        return stc_fail(STC_ERR_FIT,
                        "partition: %lld directed edges are more than METIS' 32-bit index takes "
                        "(%lld); take contiguous, or larger tiles",
                        (long long)n, (long long)MAX_ENTRIES);
    }
    m->n = g->nvertices;
    list.to = stc_alloc(n, sizeof *list.to);
    list.weight = stc_alloc(n, sizeof *list.weight);
    int64_t *slot = stc_alloc(g->nvertices, sizeof *slot);
    m->xadj = stc_alloc((int64_t)g->nvertices + 1, sizeof *m->xadj);
    m->adjncy = stc_alloc(n, sizeof *m->adjncy);
    m->adjwgt = stc_alloc(n, sizeof *m->adjwgt);
    m->weight = stc_alloc(n, sizeof *m->weight);
    m->vwgt = stc_alloc((int64_t)g->nvertices * STC_NCONSTRAINTS, sizeof *m->vwgt);
    const bool ok =
        list.to && list.weight && slot && m->xadj && m->adjncy && m->adjwgt && m->weight && m->vwgt;
    if (ok) {
        list.first[0] = 0;
        list_edges(g, &list);
        merge_edges(g, &list, slot, m);
        scale_edges(m);
        scale_vertices(job, m);
    }
    void *arrays[] = {list.first, list.to, list.weight, slot};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    return ok ? 0 : STC_ERR_NOMEM;
}

/* METIS prints to stdout, which belongs to the results: send it to nowhere meanwhile. Returns what
 * unmute needs; -1 when there is no stdout to protect. */
static int mute(void)
{
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    if (saved < 0) return -1;
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
    return saved;
}

static void unmute(int saved)
{
    fflush(stdout);
    if (saved < 0) return;
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static int call_metis(const stc_partition_job *job, metis_graph *m, int32_t index, idx_t *part)
{
    idx_t options[METIS_NOPTIONS], nparts = job->nparts, cut;
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_NUMBERING] = 0;
    options[METIS_OPTION_SEED] =
        (idx_t)(stc_random_u32(job->seed, STC_DRAW_METIS, (uint64_t)index) >> 1);
    const int saved = mute();
    const int rc = METIS_PartGraphKway(&m->n, &m->ncon, m->xadj, m->adjncy, m->vwgt, NULL,
                                       m->adjwgt, &nparts, NULL, m->allowed, options, &cut, part);
    unmute(saved);
    return rc;
}

/* Take over METIS' parts; false when one is out of range. */
static bool take(const metis_graph *m, int32_t nparts, const idx_t *from, int32_t *part)
{
    for (idx_t v = 0; v < m->n; v++) {
        if (from[v] < 0 || from[v] >= nparts) return false;
        part[v] = (int32_t)from[v];
    }
    return true;
}

int stc_metis_candidate(const stc_partition_job *job, int32_t index, int32_t *part)
{
    const int32_t n = job->graph->nvertices;
    if (job->nparts == 1 || job->nparts == n) { /* METIS dies or leaves parts empty */
        for (int32_t v = 0; v < n; v++)
            part[v] = job->nparts == 1 ? 0 : v;
        return index == 0 ? 0 : STC_NO_CANDIDATE;
    }
    metis_graph m = {0};
    idx_t *found = stc_alloc(n, sizeof *found);
    int rc = found ? build(job, &m) : STC_ERR_NOMEM;
    if (rc == 0) {
        const int code = call_metis(job, &m, index, found);
        if (code == METIS_ERROR_MEMORY)
            rc = stc_fail(STC_ERR_NOMEM, "partition: METIS lacks memory");
        else if (code != METIS_OK || !take(&m, job->nparts, found, part))
            rc = STC_NO_CANDIDATE;
    }
    release(&m);
    stc_free(found);
    return rc == 0 ? stc_partition_repair(job, true, part) : rc;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               const char **made_by)
{
    (void)made_by;
    const int best = stc_partition_deal(comm, job, SEEDS, stc_metis_candidate, part);
    return best < 0 ? best : 0;
}

const stc_partition_method stc_partition_metis_cut = {.name = "metis-cut", .run = run};
