/* metis.c - METIS' k-way edge cut of a graph.
 *
 * The only file that knows METIS. METIS is fast and good, and has traps that it does not report: it
 * dies with one part, leaves parts empty when vertices are few, puts everything into one part when
 * sums pass 2^31 or all weights are 0, prints to stdout. So its input is scaled, and its result is
 * never believed but measured and repaired.
 */
#include "pairs.h"

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

static const double WEIGHT_SUM = 1e9;         /* METIS adds weights in idx_t */
static const int64_t MAX_ENTRIES = 800000000; /* each weighs at least 1 of WEIGHT_SUM */

/* METIS' input: undirected, both directions stored. */
typedef struct {
    idx_t n, ncon;
    idx_t *xadj, *adjncy, *adjwgt, *vwgt;
    double *weight;                   /* of adjncy before scaling */
    real_t allowed[STC_NCONSTRAINTS]; /* maximum / average of each column of vwgt */
    real_t *share;                    /* of the weights, by part and column; NULL: even */
} metis_graph;

static void release(metis_graph *m)
{
    void *arrays[] = {m->xadj, m->adjncy, m->adjwgt, m->vwgt, m->weight, m->share};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *m = (metis_graph){0};
}

/* Merge equal pairs. slot[to] is the place of an edge if that place is in the list of the vertex
 * at hand. */
static void merge_pairs(const stc_pairs *pairs, int64_t *slot, metis_graph *m)
{
    int64_t end = 0;
    for (int32_t v = 0; v < pairs->n; v++) {
        const int64_t begin = end;
        for (int64_t i = pairs->first[v]; i < pairs->first[v + 1]; i++) {
            const int32_t to = pairs->to[i];
            const int64_t at = slot[to];
            if (at >= begin && at < end && m->adjncy[at] == to) {
                m->weight[at] += (double)pairs->weight[i];
                continue;
            }
            slot[to] = end;
            m->adjncy[end] = to;
            m->weight[end++] = (double)pairs->weight[i];
        }
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
static void scale_vertices(const double *weight, const stc_limits *limits, metis_graph *m)
{
    int columns[STC_NCONSTRAINTS];
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double allowed = fmin(limits->soft[c], limits->hard[c]);
        if (!(limits->total[c] > 0 && allowed < limits->total[c])) continue;
        const double ratio = allowed * stc_limits_parts(limits) / limits->total[c];
        m->allowed[m->ncon] = (real_t)fmax(ratio, 1.001);
        columns[m->ncon++] = c;
    }
    for (int64_t v = 0; v < m->n && m->ncon == 0; v++)
        m->vwgt[v] = 1;
    for (int64_t v = 0; v < m->n; v++) {
        for (idx_t j = 0; j < m->ncon; j++) {
            const double w = weight[v * STC_NCONSTRAINTS + columns[j]];
            const double scale = (WEIGHT_SUM - m->n) / limits->total[columns[j]];
            m->vwgt[v * m->ncon + j] = w > 0 ? (idx_t)(1 + w * scale) : 0;
        }
    }
    if (m->ncon > 0) return;
    m->ncon = 1;
    m->allowed[0] = (real_t)1.05;
}

static int set_shares(const stc_limits *limits, metis_graph *m)
{
    if (!limits->share) return 0;
    m->share = stc_alloc((int64_t)limits->nparts * m->ncon, sizeof *m->share);
    if (!m->share) return STC_ERR_NOMEM;
    const double all = stc_limits_parts(limits);
    for (int64_t p = 0; p < limits->nparts; p++)
        for (idx_t c = 0; c < m->ncon; c++)
            m->share[p * m->ncon + c] = (real_t)(limits->share[p] / all);
    return 0;
}

static int build(const stc_pairs *pairs, const double *weight, const stc_limits *limits,
                 metis_graph *m)
{
    const int64_t n = pairs->first[pairs->n];
    STC_CHECK(n <= MAX_ENTRIES && pairs->n <= MAX_ENTRIES, STC_ERR_FIT,
              "partition: %lld directed edges are more than METIS' 32-bit index takes (%lld); take "
              "contiguous, or larger tiles",
              (long long)n, (long long)MAX_ENTRIES);
    m->n = pairs->n;
    int64_t *slot = stc_alloc(pairs->n, sizeof *slot);
    m->xadj = stc_alloc((int64_t)pairs->n + 1, sizeof *m->xadj);
    m->adjncy = stc_alloc(n, sizeof *m->adjncy);
    m->adjwgt = stc_alloc(n, sizeof *m->adjwgt);
    m->weight = stc_alloc(n, sizeof *m->weight);
    m->vwgt = stc_alloc((int64_t)pairs->n * STC_NCONSTRAINTS, sizeof *m->vwgt);
    const bool ok = slot && m->xadj && m->adjncy && m->adjwgt && m->weight && m->vwgt;
    if (ok) {
        merge_pairs(pairs, slot, m);
        scale_edges(m);
        scale_vertices(weight, limits, m);
    }
    stc_free(slot);
    return ok ? set_shares(limits, m) : STC_ERR_NOMEM;
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

/* The state of METIS (random numbers, signal handlers) is one per process. */
static int call_metis(metis_graph *m, int32_t nparts, uint32_t seed, idx_t *part)
{
    idx_t options[METIS_NOPTIONS], k = nparts, cut;
    int rc;
    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_NUMBERING] = 0;
    options[METIS_OPTION_SEED] = (idx_t)(seed >> 1);
#pragma omp critical(stc_metis)
    {
        const int saved = mute();
        rc = METIS_PartGraphKway(&m->n, &m->ncon, m->xadj, m->adjncy, m->vwgt, NULL, m->adjwgt, &k,
                                 m->share, m->allowed, options, &cut, part);
        unmute(saved);
    }
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

int stc_metis_parts(const stc_pairs *pairs, const double *weight, const stc_limits *limits,
                    uint32_t seed, int32_t *part)
{
    if (limits->nparts == 1 || limits->nparts >= pairs->n) return STC_NO_CANDIDATE;
    metis_graph m = {0};
    idx_t *found = stc_alloc(pairs->n, sizeof *found);
    int rc = found ? build(pairs, weight, limits, &m) : STC_ERR_NOMEM;
    if (rc == 0) {
        const int code = call_metis(&m, limits->nparts, seed, found);
        if (code == METIS_ERROR_MEMORY)
            rc = stc_fail(STC_ERR_NOMEM, "partition: METIS lacks memory");
        else if (code != METIS_OK || !take(&m, limits->nparts, found, part))
            rc = STC_NO_CANDIDATE;
    }
    release(&m);
    stc_free(found);
    return rc;
}
