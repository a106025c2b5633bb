/* listed_edges.h - a small program with explicit edges, for the tests of connect.h. */
#ifndef STC_LISTED_EDGES_H
#define STC_LISTED_EDGES_H

#include "connecting.h"

/* Explicit edges of a small network: source, target, weight, delay. */
enum { EDGES = 6 };
static double listed[4][EDGES] = {
    {0, 2, 1, 2, 0, 2}, {1, 0, 3, 3, 1, 0}, {1.5, -2, 0, 1e-3, 7, 1}, {0.1, 0.3, 2, 0.1, 0.2, 0.5}};

static int read_listed(const stc_program *program, int32_t field, int64_t first, int64_t count,
                       double *out)
{
    (void)program;
    for (int64_t i = 0; i < count; i++)
        out[i] = listed[field][first + i];
    return 0;
}

static stc_field fields[4] = {
    {"source", EDGES}, {"target", EDGES}, {"weight", EDGES}, {"delay", EDGES}};
static const stc_program small = {
    .seed = 5, .nfields = 4, .fields = fields, .read_field = read_listed};

static stc_projection explicit_edges(void)
{
    stc_projection p = projection(STC_RULE_EXPLICIT, 3, 4);
    p.nedges = EDGES;
    p.source = 0;
    p.target = 1;
    p.weight = (stc_draw){.kind = STC_DRAW_LISTED, .field = 2};
    p.delay = (stc_draw){.kind = STC_DRAW_LISTED, .field = 3};
    return p;
}

#endif
