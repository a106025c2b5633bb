/* levels.c - when each stage computes: cycles, how long a block may be, levels and period. */
#include "stc/error.h"
#include "stc/program.h"

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

int64_t stc_program_block_limit(const stc_program *program, const int32_t *part)
{
    int32_t *component = stc_alloc(program->nstages, sizeof *component);
    int64_t *delay = stc_alloc(program->nstages, sizeof *delay), limit = INT64_MAX;
    const stc_nets *nets = &program->nets;
    if (!component || !delay || stc_program_cycles(program, component, delay) < 0) {
        limit = STC_ERR_NOMEM;
    }
    for (int32_t net = 0; net < nets->n && limit > 0; net++) {
        int32_t c = component[program->tiles[nets->source[net]].stage];
        for (int64_t p = nets->first[net]; c >= 0 && p < nets->first[net + 1]; p++) {
            bool cut = part[nets->pin[p]] != part[nets->source[net]];
            bool inside = component[program->tiles[nets->pin[p]].stage] == c;
            if (cut && inside && delay[c] < limit) limit = delay[c];
        }
    }
    stc_free(component);
    stc_free(delay);
    return limit;
}

/* ---- levels ---- */

typedef struct {
    const stc_program *program;
    const int32_t *part;
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

/* A net whose source and a pin lie on different parts cuts all edges between their stages. */
static bool raise_levels(const timetable *t, int32_t period, int32_t *level)
{
    const stc_nets *nets = &t->program->nets;
    bool raised = false;
    for (int32_t net = 0; net < nets->n; net++) {
        int32_t from = t->program->tiles[nets->source[net]].stage;
        for (int64_t p = nets->first[net]; p < nets->first[net + 1]; p++) {
            int32_t to = t->program->tiles[nets->pin[p]].stage;
            bool cut = t->part[nets->pin[p]] != t->part[nets->source[net]];
            int64_t least = level[from] + least_lag(t, from, to, cut, period);
            if (level[to] >= least) continue;
            level[to] = (int32_t)least;
            raised = true;
        }
    }
    return raised;
}

/* The smallest levels for a period, or false when there are none. Nets are grouped by source tile
 * in program order, so that one sweep settles all but cycles. A path without repetition raises no
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
    if (component && delay && stc_program_cycles(program, component, delay) >= 0) {
        timetable t = {program, part, block, component, delay};
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
    return deepest;
}
