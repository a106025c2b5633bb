/* partition_run.h - what the tests of partition/ share: all methods, on one rank. */
#ifndef STC_TESTS_PARTITION_RUN_H
#define STC_TESTS_PARTITION_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "partition_graph.h"

#include "stc/error.h"

static stc_comm self; /* set by main */
static const char *const names[] = {"auto",       "multilevel", "metis-cut",
                                    "contiguous", "even",       "random"};
enum { NNAMES = 6, MAX_N = 1000 };
static int32_t part[MAX_N];

static inline stc_partition_options options_of(const char *method, int32_t nparts)
{
    return (stc_partition_options){.method = method, .nparts = nparts, .seed = 7};
}

static inline int run(const test_graph *t, const char *method, int32_t nparts,
                      stc_partition_quality *q)
{
    const stc_partition_options options = options_of(method, nparts);
    return stc_partition(&self, &t->g, &options, part, q, NULL);
}

static inline void assert_fails(int rc, int code, const char *text)
{
    assert_int_equal(rc, code);
    if (!strstr(stc_error_text(), text)) fail_msg("'%s' lacks '%s'", stc_error_text(), text);
}

/* Whether a net of source v (any, or net e alone when v < 0) has a pin on part p. */
static inline bool reaches(const stc_hypergraph *g, const int32_t *at, int32_t e, int32_t p)
{
    for (int64_t i = g->first[e]; i < g->first[e + 1]; i++)
        if (at[g->pin[i]] == p) return true;
    return false;
}

static inline double volume_by_definition(const stc_hypergraph *g, int32_t k, const int32_t *at)
{
    double sum = 0;
    for (int32_t e = 0; e < g->nnets; e++)
        for (int32_t p = 0; p < k; p++)
            if (p != at[g->source[e]] && reaches(g, at, e, p)) sum += (double)g->spikes[e];
    return sum;
}

static inline void check_methods(const test_graph *t, int32_t nparts)
{
    for (int i = 0; i < NNAMES; i++) {
        stc_partition_quality q, again;
        assert_int_equal(run(t, names[i], nparts, &q), 0);
        assert_true(no_part_is_empty(part, t->g.nvertices, nparts));
        assert_int_equal(stc_partition_measure(&t->g, nparts, part, NULL, &again), 0);
        assert_true(q.multicast_volume == again.multicast_volume);
        assert_true(q.feasible);
        assert_non_null(strstr(q.method, names[i]));
    }
}

#endif
