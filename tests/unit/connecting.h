/* connecting.h - projections for the tests of connect.h. */
#ifndef STC_CONNECTING_H
#define STC_CONNECTING_H

#include "stc/connect.h"
#include "stc/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline stc_draw constant(double a)
{
    return (stc_draw){.kind = STC_DRAW_CONSTANT, .a = a};
}

static inline stc_draw draw(stc_draw_kind kind, double a, double b, double least, double most)
{
    return (stc_draw){.kind = (int32_t)kind, .a = a, .b = b, .least = least, .most = most};
}

/* Weight 2, delay 0.5 ms (5 steps), autapses and multapses allowed. */
static inline stc_projection projection(stc_rule rule, int64_t nsources, int64_t ntargets)
{
    return (stc_projection){.rule = (int32_t)rule,
                            .nsources = nsources,
                            .ntargets = ntargets,
                            .dt = 0.1,
                            .autapses = true,
                            .multapses = true,
                            .recurrent = nsources == ntargets,
                            .weight = constant(2.0),
                            .delay = constant(0.5),
                            .least = 1,
                            .most = 1000,
                            .key = 77};
}

/* Synapses of a projection, all kept. */
typedef struct {
    int64_t n, capacity;
    int32_t *source, *target, *delay;
    double *weight;
} kept_synapses;

static inline int keep(void *context, const stc_synapses *list)
{
    kept_synapses *all = context;
    if (all->n + list->n > all->capacity) {
        all->capacity = 2 * (all->n + list->n);
        const size_t n = (size_t)all->capacity;
        all->source = realloc(all->source, n * sizeof *all->source);
        all->target = realloc(all->target, n * sizeof *all->target);
        all->delay = realloc(all->delay, n * sizeof *all->delay);
        all->weight = realloc(all->weight, n * sizeof *all->weight);
    }
    memcpy(all->source + all->n, list->source, (size_t)list->n * sizeof *list->source);
    memcpy(all->target + all->n, list->target, (size_t)list->n * sizeof *list->target);
    memcpy(all->delay + all->n, list->delay, (size_t)list->n * sizeof *list->delay);
    memcpy(all->weight + all->n, list->weight, (size_t)list->n * sizeof *list->weight);
    all->n += list->n;
    return 0;
}

static inline void free_synapses(kept_synapses *all)
{
    free(all->source);
    free(all->target);
    free(all->delay);
    free(all->weight);
    *all = (kept_synapses){0};
}

static inline int connect_runs(const stc_program *program, const stc_projection *p, int64_t nruns,
                               const stc_run *run, kept_synapses *out)
{
    *out = (kept_synapses){0};
    int rc = stc_connect(program, p, nruns, run, true, keep, out);
    if (rc < 0) free_synapses(out);
    return rc;
}

static inline int connect_range(const stc_program *program, const stc_projection *p, int64_t first,
                                int64_t count, kept_synapses *out)
{
    return connect_runs(program, p, 1, &(stc_run){first, count}, out);
}

static inline void connect_all(const stc_program *program, const stc_projection *p,
                               kept_synapses *out)
{
    if (connect_range(program, p, 0, p->ntargets, out) < 0) fail_msg("%s", stc_error_text());
}

/* It is refused, and the message holds all words. */
static inline void assert_refused(const stc_program *program, const stc_projection *p,
                                  const char *first, const char *second)
{
    kept_synapses s;
    assert_int_equal(connect_range(program, p, 0, p->ntargets, &s), STC_ERR_INPUT);
    assert_null(s.source);
    if (!strstr(stc_error_text(), first) || !strstr(stc_error_text(), second))
        fail_msg("\"%s\" and \"%s\" are not in: %s", first, second, stc_error_text());
}

/* What is computed must have these bits for ever. */
static inline void assert_known(uint64_t found, uint64_t known)
{
    if (found != known) {
        fail_msg("0x%016llx instead of 0x%016llx", (unsigned long long)found,
                 (unsigned long long)known);
    }
}

/* Sum of (count - expected)^2 / expected, one degree of freedom per entry. */
static inline double chi_square(const int64_t *count, int64_t n, double expected)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    return sum;
}
/* Chi-square of n degrees has mean n and variance 2 n. */
static inline void assert_chi_square(double value, double n)
{
    if (fabs(value - n) > 4 * sqrt(2 * n)) fail_msg("chi-square is %g for %g degrees", value, n);
}

#endif
