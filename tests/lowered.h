/* lowered.h - examples of ops and networks as programs in memory, without ranks or files. */
#ifndef STC_TESTS_LOWERED_H
#define STC_TESTS_LOWERED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../src/compile/steps.h"
#include "sim_networks.h"
#include "stc/error.h"

/* A program and the graph that it borrows from. */
typedef struct {
    stc_graph *graph;
    stc_program *program;
} lowered;

/* Passes, stages and, with a target, tiles and nets. Takes the builder. */
static inline lowered lower_built(stc_builder *builder, const stc_target *target)
{
    lowered out;
    int npasses;
    stc_pass_record records[STC_MAX_PASSES];
    int rc = stc_builder_finish(&builder, &out.graph);
    if (rc >= 0) rc = stc_graph_number(out.graph);
    if (rc >= 0) rc = stc_passes_run(out.graph, 2, NULL, NULL, records, &npasses);
    if (rc >= 0) rc = stc_program_create("example", &out.program);
    if (rc >= 0) rc = stc_lower(out.graph, out.program);
    if (rc >= 0 && target) rc = stc_tile_stages(out.program, target, 0);
    if (rc >= 0 && target) rc = stc_build_nets(out.program, NULL);
    if (rc < 0) fail_msg("%s", stc_error_text());
    return out;
}

static inline void lowered_free(lowered *l)
{
    stc_program_destroy(&l->program);
    stc_graph_destroy(&l->graph);
}

/* Call visit with random programs: every network, cut for cores of several sizes. */
static inline void for_each_network(uint64_t seeds,
                                    void (*visit)(const stc_program *program,
                                                  const stc_target *target, uint64_t seed))
{
    static const int64_t neurons[] = {16, 40, 256};
    int n;
    const sim_network *networks = sim_networks(&n);
    for (int i = 0; i < n; i++) {
        for (uint64_t seed = 0; seed < seeds; seed++) {
            stc_target target = {.name = "test",
                                 .neurons_per_core = neurons[seed % 3],
                                 .synapse_bytes_per_core = 8192 << seed % 3,
                                 .cores_per_chip = 1000,
                                 .weight_bytes = 1};
            stc_builder *builder;
            assert_int_equal(stc_builder_create("example", &builder), 0);
            networks[i].build(builder, seed);
            lowered l = lower_built(builder, &target);
            visit(l.program, &target, seed);
            lowered_free(&l);
        }
    }
}

#endif
