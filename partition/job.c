/* job.c - check what the caller gives and derive what all methods need. */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

static int check_vertices(const stc_hypergraph *g, double total[STC_NCONSTRAINTS],
                          double heaviest[STC_NCONSTRAINTS])
{
    for (int32_t v = 0; v < g->nvertices; v++) {
        for (int c = 0; c < STC_NCONSTRAINTS; c++) {
            const double w = g->weight[(int64_t)v * STC_NCONSTRAINTS + c];
            STC_CHECK(isfinite(w) && w >= 0, STC_ERR_INPUT,
                      "partition: %s of vertex %d is %g, expected a number >= 0",
                      stc_constraint_names[c], v, w);
            total[c] += w;
            heaviest[c] = fmax(heaviest[c], w);
        }
    }
    return 0;
}

static int check_nets(const stc_hypergraph *g)
{
    const int32_t n = g->nvertices;
    STC_CHECK(g->first[0] == 0, STC_ERR_INPUT, "partition: pins start at %lld, expected 0",
              (long long)g->first[0]);
    const int32_t nlists = stc_hypergraph_lists(g);
    for (int32_t e = 0; e < g->nnets; e++) {
        STC_CHECK(g->source[e] >= 0 && g->source[e] < n, STC_ERR_INPUT,
                  "partition: source of net %d is vertex %d, expected 0..%d", e, g->source[e],
                  n - 1);
        STC_CHECK(isfinite(g->spikes[e]) && g->spikes[e] >= 0, STC_ERR_INPUT,
                  "partition: net %d has %g spikes per step, expected a number >= 0", e,
                  (double)g->spikes[e]);
        const int32_t l = stc_hypergraph_list(g, e);
        STC_CHECK(l >= 0 && l < nlists, STC_ERR_INPUT,
                  "partition: net %d has list of pins %d, expected 0..%d", e, l, nlists - 1);
    }
    for (int32_t l = 0; l < nlists; l++) {
        const char *what = g->list ? "list" : "net";
        STC_CHECK(g->first[l + 1] >= g->first[l], STC_ERR_INPUT,
                  "partition: pins of %s %d end before they start", what, l);
        for (int64_t i = g->first[l]; i < g->first[l + 1]; i++)
            STC_CHECK(g->pin[i] >= 0 && g->pin[i] < n, STC_ERR_INPUT,
                      "partition: %s %d has pin %d, expected 0..%d", what, l, g->pin[i], n - 1);
    }
    return 0;
}

/* Capacities that no partition can keep are refused before anything is tried. */
static int check_capacity(const stc_limits *limits, int c, double capacity, double heaviest)
{
    STC_CHECK(isfinite(capacity) && capacity >= 0, STC_ERR_INPUT,
              "partition: capacity for %s is %g, expected a number >= 0", stc_constraint_names[c],
              capacity);
    if (capacity <= 0) return 0;
    STC_CHECK(heaviest <= capacity, STC_ERR_FIT,
              "partition: one vertex has %.10g %s, a part holds at most %.10g; make smaller tiles "
              "or take a larger target",
              heaviest, stc_constraint_names[c], capacity);
    STC_CHECK(limits->total[c] <= capacity * limits->nparts, STC_ERR_FIT,
              "partition: the graph has %.10g %s, %d parts of at most %.10g hold %.10g; take at "
              "least %.0f parts or a larger target",
              limits->total[c], stc_constraint_names[c], limits->nparts, capacity,
              capacity * limits->nparts, ceil(limits->total[c] / capacity));
    return 0;
}

int stc_limits_set(const stc_partition_options *options, int32_t nvertices, const double *total,
                   const double *heaviest, stc_limits *limits)
{
    STC_CHECK(options->nparts >= 1, STC_ERR_INPUT, "partition: %d parts asked for, expected >= 1",
              options->nparts);
    STC_CHECK(options->nparts <= nvertices, STC_ERR_INPUT,
              "partition: %d parts asked for, but there are only %d vertices (tiles) and no part "
              "may be empty; take at most %d parts",
              options->nparts, nvertices, nvertices);
    STC_CHECK(options->imbalance == 0 || options->imbalance >= 1, STC_ERR_INPUT,
              "partition: allowed imbalance (maximum / average) is %g, expected >= 1",
              options->imbalance);
    const double imbalance = options->imbalance > 0 ? options->imbalance : 1.10;
    *limits = (stc_limits){.nparts = options->nparts};
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        limits->total[c] = total[c];
        STC_TRY(check_capacity(limits, c, options->capacity[c], heaviest[c]));
        const double average = total[c] / options->nparts;
        limits->hard[c] = options->capacity[c] > 0 ? options->capacity[c] : INFINITY;
        const double enough = options->capacity[c] * STC_FREE_SHARE;
        limits->soft[c] =
            average > 0 ? fmax(fmax(average * imbalance, heaviest[c]), enough) : INFINITY;
    }
    return 0;
}

static int check_cost(const stc_hypergraph *g, const stc_cost_model *cost)
{
    STC_CHECK((int)cost->unit < STC_NCOST_UNITS, STC_ERR_INPUT,
              "partition: unknown unit of cost %d, expected 0..%d", (int)cost->unit,
              STC_NCOST_UNITS - 1);
    STC_CHECK(cost->board >= 0, STC_ERR_INPUT, "partition: %d chips on a board, expected >= 0",
              cost->board);
    STC_CHECK(isfinite(cost->board_ratio) && (cost->board_ratio == 0 || cost->board_ratio >= 1),
              STC_ERR_INPUT,
              "partition: a copy to another board costs %g of one inside, expected >= 1",
              cost->board_ratio);
    STC_CHECK(cost->unit != STC_COST_LINKS || cost->board == 0, STC_ERR_INPUT,
              "partition: boards and a tree of links together: the mesh of all chips says what is "
              "far; leave the boards out");
    STC_CHECK(cost->columns >= 0 && cost->columns <= (1 << 20), STC_ERR_INPUT,
              "partition: a mesh of %d columns, expected 0..%d", cost->columns, 1 << 20);
    STC_CHECK(cost->unit != STC_COST_BYTES || g->outputs, STC_ERR_INPUT,
              "partition: bytes are unknown, as it is not known what outputs a net carries; take "
              "another unit of cost than bytes");
    return 0;
}

static int check(const stc_hypergraph *g, const stc_partition_options *options,
                 stc_partition_job *job)
{
    double total[STC_NCONSTRAINTS] = {0}, heaviest[STC_NCONSTRAINTS] = {0};
    job->graph = g;
    job->nparts = options->nparts;
    job->seed = options->seed;
    job->imbalance = options->imbalance > 0 ? options->imbalance : 1.10;
    job->cost = options->cost;
    job->given = options->given;
    job->ngiven = options->ngiven;
    STC_TRY(check_vertices(g, total, heaviest));
    STC_TRY(check_nets(g));
    STC_TRY(check_cost(g, &options->cost));
    return stc_limits_set(options, g->nvertices, total, heaviest, &job->limits);
}

int stc_job_prepare(const stc_hypergraph *graph, const stc_partition_options *options,
                    stc_partition_job *job)
{
    *job = (stc_partition_job){0};
    STC_TRY(check(graph, options, job));
    return stc_level_create(graph, &job->cost, &job->level);
}

int32_t stc_limits_parts(const stc_limits *limits)
{
    int32_t parts = limits->share ? 0 : limits->nparts;
    for (int32_t p = 0; p < limits->nparts && limits->share; p++)
        parts += limits->share[p];
    return parts;
}

void stc_job_release(stc_partition_job *job)
{
    stc_level_release(&job->level);
}

double stc_job_excess(const stc_partition_job *job, const stc_partition_quality *q)
{
    double worst = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        if (job->limits.total[c] <= 0) continue;
        const double allowed = job->limits.soft[c] * job->nparts / job->limits.total[c];
        worst = fmax(worst, q->imbalance[c] - allowed);
    }
    const double hundredths = ceil(100 * worst - 1e-6);
    return hundredths > 0 ? hundredths / 100 : 0;
}
