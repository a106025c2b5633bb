/* partition.c - the way through: check, run the method named, repair, measure, compare. */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

#define METHOD(name) &stc_partition_##name,
static const stc_partition_method *const methods[] = {
#include "methods.h"
};
#undef METHOD
enum { NMETHODS = sizeof methods / sizeof *methods };

const char *const *stc_partition_methods(int *n)
{
    static char text[NMETHODS][64];
    static const char *names[NMETHODS];
    for (int i = 0; i < NMETHODS; i++) {
        const char *argument = methods[i]->argument;
        snprintf(text[i], sizeof text[i], "%s%s%s", methods[i]->name, argument ? ":" : "",
                 argument ? argument : "");
        names[i] = text[i];
    }
    *n = NMETHODS;
    return names;
}

static int unknown(const char *word)
{
    const char *bare[NMETHODS];
    char all[256] = "";
    int n;
    const char *const *names = stc_partition_methods(&n);
    for (int i = 0; i < n; i++) {
        bare[i] = methods[i]->name;
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = stc_nearest(word, bare, n);
    if (near)
        return stc_fail(STC_ERR_USAGE,
                        "unknown partition method '%s' (did you mean '%s'?); there are %s", word,
                        near, all);
    return stc_fail(STC_ERR_USAGE, "unknown partition method '%s'; there are %s", word, all);
}

/* The method that text names, and what follows its colon. */
static int find(const char *text, const stc_partition_method **out, const char **argument)
{
    char word[64];
    if (!text) text = methods[0]->name;
    const char *colon = strchr(text, ':');
    snprintf(word, sizeof word, "%.*s", (int)(colon ? colon - text : 63), text);
    *argument = colon ? colon + 1 : NULL;
    *out = NULL;
    for (int i = 0; i < NMETHODS; i++)
        if (strcmp(methods[i]->name, word) == 0) *out = methods[i];
    if (!*out) return unknown(word);
    const bool given = *argument && **argument != '\0';
    STC_CHECK(given || !(*out)->argument, STC_ERR_USAGE,
              "partition method '%s' lacks something: %s:%s", text, word, (*out)->argument);
    STC_CHECK(!*argument || (*out)->argument, STC_ERR_USAGE,
              "partition method '%s': the method %s takes nothing after a colon", text, word);
    return 0;
}

int stc_partition_check_method(const char *method)
{
    const stc_partition_method *found;
    const char *argument;
    return find(method, &found, &argument);
}

/* A user's own partition is taken or refused as it is; others are made to fit. */
static int make_feasible(const stc_partition_job *job, const double *capacity, int32_t *part,
                         stc_partition_quality *q)
{
    STC_TRY(stc_partition_measure(job->graph, job->nparts, part, capacity, q));
    if (!q->feasible && !job->argument) {
        STC_TRY(stc_partition_repair(job, false, part));
        STC_TRY(stc_partition_measure(job->graph, job->nparts, part, capacity, q));
    }
    return stc_partition_measure_cost(job->graph, job->nparts, part, &job->cost, q);
}

static int run(const stc_comm *comm, const stc_partition_method *method,
               const stc_partition_job *job, const double *capacity, int32_t *part,
               stc_partition_quality *q)
{
    const double start = stc_seconds();
    stc_partition_quality made = {.method = method->name};
    const bool boards = method->boards && stc_partition_has_boards(job);
    STC_TRY(boards ? stc_partition_boards(comm, job, method, part, &made)
                   : method->run(comm, job, part, &made));
    STC_TRY(stc_agree(comm, make_feasible(job, capacity, part, q)));
    q->method = made.method;
    q->no_gain = made.no_gain;
    q->excess = stc_job_excess(job, q);
    q->seconds = stc_comm_max(comm, stc_seconds() - start);
    return 0;
}

/* Names the constraint that is missed most. */
static int check_feasible(const stc_partition_job *job, const stc_partition_quality *q)
{
    if (q->feasible) return 0;
    int worst = 0;
    double excess = -INFINITY;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double load = q->imbalance[c] * job->limits.total[c] / job->nparts;
        if (load / job->limits.hard[c] <= excess) continue;
        excess = load / job->limits.hard[c];
        worst = c;
    }
    const double load = q->imbalance[worst] * job->limits.total[worst] / job->nparts;
    STC_FAIL(STC_ERR_FIT,
             "partition: %s leaves a part with %.10g %s, allowed are %.10g; take more than %d "
             "parts, another method or a larger target",
             q->method, load, stc_constraint_names[worst], job->limits.hard[worst], job->nparts);
}

/* What simpler methods give, whether it fits or not. A method that finds nothing has no volume. */
static int compare(const stc_comm *comm, stc_partition_job *job, const double *capacity,
                   stc_partition_quality *compared)
{
    const stc_partition_method *const simple[] = {&stc_partition_contiguous, &stc_partition_random,
                                                  &stc_partition_metis_cut};
    int32_t *part = stc_alloc(job->graph->nvertices, sizeof *part);
    int rc = stc_agree(comm, part ? 0 : STC_ERR_NOMEM);
    job->argument = NULL;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = run(comm, simple[i], job, capacity, part, &compared[i]);
        if (rc != STC_ERR_INTERNAL && rc != STC_ERR_FIT) continue;
        compared[i] = (stc_partition_quality){.method = simple[i]->name,
                                              .multicast_volume = NAN,
                                              .broadcast_share = NAN,
                                              .cost = NAN};
        rc = 0;
    }
    stc_free(part);
    return rc;
}

int stc_partition(const stc_comm *comm, const stc_hypergraph *graph,
                  const stc_partition_options *options, int32_t *part,
                  stc_partition_quality *quality, stc_partition_quality *compared)
{
    const stc_partition_method *method;
    const char *argument;
    stc_partition_quality q;
    stc_partition_job job = {0};
    int rc = find(options->method, &method, &argument);
    if (rc == 0) rc = stc_job_prepare(graph, options, &job);
    rc = stc_agree(comm, rc);
    job.argument = argument;
    if (rc == 0) rc = run(comm, method, &job, options->capacity, part, &q);
    if (rc == 0) rc = check_feasible(&job, &q);
    if (rc == 0 && quality) *quality = q;
    if (rc == 0 && compared) rc = compare(comm, &job, options->capacity, compared);
    stc_job_release(&job);
    return rc;
}
