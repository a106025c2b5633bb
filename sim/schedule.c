/* schedule.c - when this rank runs its stages: how long a block is, levels and period, and the
 * order of a beat, in which the stages of a cycle stay together. */
#include "engine.h"

static bool has_populations(const stc_program *program)
{
    for (int32_t k = 0; k < program->nkernels; k++)
        if (program->kernels[k].kind == STC_KERNEL_POPULATION) return true;
    return false;
}

/* Networks of populations run for very many steps: blocks so short that what they hold in memory
 * does not grow with time, and stays in cache. */
static int64_t short_block(const stc_sim *sim, int64_t limit)
{
    enum { MOST = 64, VALUES = 1 << 22 };
    int64_t elements = 1;
    for (int32_t s = 0; s < sim->program->nstages; s++)
        elements += stc_shape_size(&sim->program->stages[s].shape);
    int64_t most = VALUES / elements > 0 ? VALUES / elements : 1;
    most = most < MOST ? most : MOST;
    return limit < most ? limit : most;
}

/* Levels between ranks; a cycle that is cut between them bounds the block. */
static int plan_levels(stc_sim *sim)
{
    int64_t limit = stc_program_block_limit(sim->program, sim->rank_of_tile);
    int32_t *level = stc_alloc(sim->program->nstages, sizeof *level);
    if (limit < 0 || !level) {
        stc_free(level);
        return STC_ERR_NOMEM;
    }
    if (sim->options.block_steps == 0 && has_populations(sim->program))
        limit = short_block(sim, limit);
    if (sim->block > limit) sim->block = limit;
    sim->nblocks = (sim->steps + sim->block - 1) / sim->block;
    sim->nlevels =
        stc_program_levels(sim->program, sim->rank_of_tile, sim->block, level, &sim->period);
    for (int32_t s = 0; s < sim->program->nstages; s++)
        sim->stages[s].level = level[s];
    stc_free(level);
    return sim->nlevels < 0 ? sim->nlevels : 0;
}

static int plan_cycles(stc_sim *sim)
{
    int32_t n = sim->program->nstages, *component = stc_alloc(n, sizeof *component);
    sim->cycle_delay = stc_alloc(n, sizeof *sim->cycle_delay);
    sim->ncycles = component && sim->cycle_delay
                       ? stc_program_cycles(sim->program, component, sim->cycle_delay)
                       : STC_ERR_NOMEM;
    for (int32_t s = 0; s < n && sim->ncycles >= 0; s++)
        sim->stages[s].cycle = component[s];
    stc_free(component);
    return sim->ncycles < 0 ? sim->ncycles : 0;
}

/* Are all operands of a stage that lie outside its cycle placed? */
static bool ready(const stc_sim *sim, const stage_plan *plan, const bool *placed)
{
    for (int32_t k = 0; k < 2 * plan->stage->nkernels; k++) {
        const stc_kernel *kernel = &sim->program->kernels[plan->stage->first_kernel + k / 2];
        int32_t source = kernel->operand[k % 2].stage;
        if (source < 0 || placed[source]) continue;
        if (plan->cycle < 0 || sim->stages[source].cycle != plan->cycle) return false;
    }
    return true;
}

static bool cycle_ready(const stc_sim *sim, int32_t cycle, const bool *placed)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        if (sim->stages[s].cycle == cycle && !ready(sim, &sim->stages[s], placed)) return false;
    }
    return true;
}

/* In the order of the program as far as that keeps cycles together. */
static int plan_order(stc_sim *sim)
{
    int32_t nstages = sim->program->nstages, n = 0;
    bool *placed = stc_alloc(nstages, sizeof *placed);
    sim->order = stc_alloc(nstages, sizeof *sim->order);
    if (!placed || !sim->order) {
        stc_free(placed);
        return STC_ERR_NOMEM;
    }
    while (n < nstages) {
        for (int32_t s = 0; s < nstages; s++) {
            int32_t cycle = sim->stages[s].cycle;
            if (placed[s] || !ready(sim, &sim->stages[s], placed)) continue;
            if (cycle >= 0 && !cycle_ready(sim, cycle, placed)) continue;
            for (int32_t member = 0; member < nstages; member++) {
                if (member != s && (cycle < 0 || sim->stages[member].cycle != cycle)) continue;
                placed[member] = true;
                sim->order[n++] = member;
            }
        }
    }
    stc_free(placed);
    return 0;
}

int stc_sim_schedule(stc_sim *sim)
{
    STC_TRY(plan_levels(sim));
    STC_TRY(plan_cycles(sim));
    return plan_order(sim);
}

/* Does a stage wait for one that runs in the same beat, after the messages? What it needs at the
 * latest is the block before which its delay ends. */
static bool waits(const stc_sim *sim, const stage_plan *plan)
{
    for (int32_t k = 0; k < 2 * plan->stage->nkernels; k++) {
        const stc_kernel *kernel = &sim->program->kernels[plan->stage->first_kernel + k / 2];
        int32_t source = kernel->operand[k % 2].stage;
        if (source < 0 || !sim->stages[source].remote) continue;
        int64_t blocks = stc_kernel_least_delay(kernel) / sim->block;
        int64_t level = plan->level + sim->period * blocks;
        if (sim->stages[source].level >= level) return true;
    }
    return false;
}

void stc_sim_spread_remote(stc_sim *sim)
{
    for (bool again = true; again;) {
        again = false;
        for (int32_t s = 0; s < sim->program->nstages; s++) {
            stage_plan *plan = &sim->stages[s];
            bool remote = plan->remote || waits(sim, plan);
            for (int32_t o = 0; o < sim->program->nstages && plan->cycle >= 0 && !remote; o++) {
                remote = sim->stages[o].cycle == plan->cycle && sim->stages[o].remote;
            }
            again = again || remote != plan->remote;
            plan->remote = remote;
        }
    }
}
