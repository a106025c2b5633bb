/* levels.c - when each stage computes: cycles, how long a block may be, levels and period. */
#include "stc/error.h"
#include "stc/program.h"

#include <string.h>

/* The smallest delay between a stage and another that some of its kernels read. */
static int64_t delay_between(const stc_program *program, int32_t from, int32_t to)
{
    const stc_stage *stage = &program->stages[to];
    int64_t least = INT64_MAX;
    for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 2];
        if (kernel->operand[k % 2].stage != from) continue;
        int64_t delay = stc_kernel_least_delay(kernel);
        if (delay < least) least = delay;
    }
    return least < INT64_MAX ? least : 0;
}

/* ---- cycles ---- */

typedef struct {
    int64_t *first;  /* [nstages + 1] */
    int32_t *target; /* operands of each stage */
} operand_lists;

static int list_operands(const stc_program *program, operand_lists *out)
{
    int64_t n = 0;
    out->first = stc_alloc(program->nstages + 1, sizeof *out->first);
    out->target = stc_alloc(2 * (int64_t)program->nkernels, sizeof *out->target);
    if (!out->first || !out->target) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        out->first[s] = n;
        for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
            int32_t source = program->kernels[stage->first_kernel + k / 2].operand[k % 2].stage;
            if (source >= 0) out->target[n++] = source;
        }
    }
    out->first[program->nstages] = n;
    return 0;
}

/* Keep the components that are cycles, numbered anew, with their smallest delays. number
 * [ncomponents]: scratch. */
static int32_t keep_cycles(const stc_program *program, const operand_lists *lists,
                           int32_t *component, int32_t ncomponents, int32_t *number, int64_t *delay)
{
    int32_t ncycles = 0;
    for (int32_t c = 0; c < ncomponents; c++)
        number[c] = -1;
    for (int32_t s = 0; s < program->nstages; s++) {
        for (int64_t e = lists->first[s]; e < lists->first[s + 1]; e++) {
            int32_t c = component[s];
            if (component[lists->target[e]] != c) continue;
            int64_t steps = delay_between(program, lists->target[e], s);
            if (number[c] < 0) {
                number[c] = ncycles;
                delay[ncycles++] = INT64_MAX;
            }
            if (steps > 0 && steps < delay[number[c]]) delay[number[c]] = steps;
        }
    }
    for (int32_t s = 0; s < program->nstages; s++)
        component[s] = number[component[s]];
    return ncycles;
}

int32_t stc_program_cycles(const stc_program *program, int32_t *component, int64_t *delay)
{
    operand_lists lists = {0};
    int32_t *number = stc_alloc(program->nstages, sizeof *number);
    int32_t n = number ? list_operands(program, &lists) : STC_ERR_NOMEM;
    if (n >= 0) n = stc_components(program->nstages, lists.first, lists.target, component);
    if (n >= 0) n = keep_cycles(program, &lists, component, n, number, delay);
    stc_free(lists.first);
    stc_free(lists.target);
    stc_free(number);
    return n;
}

/* ---- which stages send to which ---- */

/* Values of stage `from` go to tiles of stage `to`; cut: to some on another part. */
typedef struct {
    int32_t from, to;
    bool cut;
} stage_edge;

typedef struct {
    stage_edge *edge;
    int64_t n, room;
} edge_list;

/* The stages of a route: those of its tiles are next to each other. */
typedef struct {
    int32_t stage, part; /* part: of all tiles there; -1: of several */
} stage_reached;

typedef struct {
    int64_t *first; /* [nroutes + 1] */
    stage_reached *reached;
} route_stages;

/* What all nets on a route have in common. */
static int look_at_routes(const stc_program *program, const int32_t *part, route_stages *out)
{
    const stc_nets *nets = &program->nets;
    int64_t n = 0;
    out->first = stc_alloc((int64_t)nets->nroutes + 1, sizeof *out->first);
    if (!out->first) return STC_ERR_NOMEM;
    for (int fill = 0; fill < 2; fill++) {
        n = 0;
        for (int32_t r = 0; r < nets->nroutes; r++) {
            int32_t before = -1;
            out->first[r] = n;
            for (int64_t p = nets->first[r]; p < nets->first[r + 1]; p++) {
                const int32_t tile = nets->pin[p], stage = program->tiles[tile].stage;
                if (stage != before) {
                    if (fill) out->reached[n] = (stage_reached){stage, part[tile]};
                    n++;
                } else if (fill && out->reached[n - 1].part != part[tile]) {
                    out->reached[n - 1].part = -1;
                }
                before = stage;
            }
        }
        out->first[nets->nroutes] = n;
        if (fill) break;
        out->reached = stc_alloc(n, sizeof *out->reached);
        if (!out->reached) return STC_ERR_NOMEM;
    }
    return 0;
}

static int add_edge(edge_list *list, int32_t from, int32_t to)
{
    if (list->n == list->room) {
        const int64_t room = 2 * list->room + 256;
        stage_edge *edge = stc_alloc(room, sizeof *edge);
        if (!edge) return STC_ERR_NOMEM;
        if (list->n) memcpy(edge, list->edge, (size_t)list->n * sizeof *edge);
        stc_free(list->edge);
        list->edge = edge;
        list->room = room;
    }
    list->edge[list->n++] = (stage_edge){from, to, false};
    return 0;
}

/* One edge for each pair of stages that a net joins, in the order of the source tiles. at
 * [nstages]: the edge (+ 1) to a stage, valid when it comes from the stage at hand. */
static int join_stages(const stc_program *program, const int32_t *part, const route_stages *routes,
                       int64_t *at, edge_list *list)
{
    const stc_nets *nets = &program->nets;
    for (int32_t net = 0; net < nets->n; net++) {
        const int32_t source = nets->source[net], from = program->tiles[source].stage;
        for (int64_t i = routes->first[nets->route[net]]; i < routes->first[nets->route[net] + 1];
             i++) {
            const stage_reached *r = &routes->reached[i];
            if (at[r->stage] == 0 || list->edge[at[r->stage] - 1].from != from) {
                STC_TRY(add_edge(list, from, r->stage));
                at[r->stage] = list->n;
            }
            if (r->part != part[source]) list->edge[at[r->stage] - 1].cut = true;
        }
    }
    return 0;
}

static int find_edges(const stc_program *program, const int32_t *part, edge_list *list)
{
    route_stages routes = {0};
    int64_t *at = stc_alloc(program->nstages, sizeof *at);
    int rc = at ? look_at_routes(program, part, &routes) : STC_ERR_NOMEM;
    if (rc == 0) rc = join_stages(program, part, &routes, at, list);
    stc_free(routes.first);
    stc_free(routes.reached);
    stc_free(at);
    return rc;
}

int64_t stc_program_block_limit(const stc_program *program, const int32_t *part)
{
    int32_t *component = stc_alloc(program->nstages, sizeof *component);
    int64_t *delay = stc_alloc(program->nstages, sizeof *delay), limit = INT64_MAX;
    edge_list list = {0};
    if (!component || !delay || stc_program_cycles(program, component, delay) < 0 ||
        find_edges(program, part, &list) < 0) {
        limit = STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < list.n && limit > 0; i++) {
        const stage_edge *e = &list.edge[i];
        const int32_t c = component[e->from];
        if (e->cut && c >= 0 && component[e->to] == c && delay[c] < limit) limit = delay[c];
    }
    stc_free(component);
    stc_free(delay);
    stc_free(list.edge);
    return limit;
}

/* ---- levels ---- */

typedef struct {
    const stc_program *program;
    const edge_list *edges;
    int64_t block;
    const int32_t *component; /* of each stage, or -1 */
    const int64_t *delay;     /* smallest of each cycle */
} timetable;

/* By how many levels stage `to` must at least lag behind stage `from`. A cycle that is run in
 * pieces of a block stays together. What comes from another part, or later in the same beat, is
 * there one beat after it was computed. */
static int64_t least_lag(const timetable *t, int32_t from, int32_t to, bool cut, int32_t period)
{
    int32_t c = t->component[to];
    if (c >= 0 && c == t->component[from] && t->delay[c] < t->block) return 0;
    int64_t slack = delay_between(t->program, from, to) / t->block;
    return (cut || to < from) - period * slack;
}

/* What comes from another part to some tiles of a stage comes late for all of them. */
static bool raise_levels(const timetable *t, int32_t period, int32_t *level)
{
    bool raised = false;
    for (int64_t i = 0; i < t->edges->n; i++) {
        const stage_edge *e = &t->edges->edge[i];
        int64_t least = level[e->from] + least_lag(t, e->from, e->to, e->cut, period);
        if (level[e->to] >= least) continue;
        level[e->to] = (int32_t)least;
        raised = true;
    }
    return raised;
}

/* The smallest levels for a period, or false when there are none. Edges are in the order of
 * their sources, so that one sweep settles all but cycles. A path without repetition raises no
 * level above the number of stages: beyond it, a cycle has more cuts than its delay allows. */
static bool find_levels(const timetable *t, int32_t period, int32_t *level)
{
    for (int32_t s = 0; s < t->program->nstages; s++)
        level[s] = 0;
    for (int32_t sweeps = 0; raise_levels(t, period, level); sweeps++) {
        if (sweeps > t->program->nstages) return false;
    }
    return true;
}

int32_t stc_program_levels(const stc_program *program, const int32_t *part, int64_t block,
                           int32_t *level, int32_t *period)
{
    int32_t *component = stc_alloc(program->nstages, sizeof *component), deepest = STC_ERR_NOMEM;
    int64_t *delay = stc_alloc(program->nstages, sizeof *delay);
    edge_list list = {0};
    if (component && delay && stc_program_cycles(program, component, delay) >= 0 &&
        find_edges(program, part, &list) >= 0) {
        timetable t = {program, &list, block, component, delay};
        deepest = 0;
        for (*period = 1; !deepest && *period <= program->nstages + 1; ++*period)
            deepest = find_levels(&t, *period, level);
        --*period;
        for (int32_t s = 0; s < program->nstages && deepest; s++)
            if (level[s] >= deepest) deepest = level[s] + 1;
        if (!deepest) deepest = stc_fail(STC_ERR_INPUT, "a cycle of nets has no delay");
    }
    stc_free(component);
    stc_free(delay);
    stc_free(list.edge);
    return deepest;
}
