/* fired.c - lists of who fired, for populations: they are mostly silent. */
#include "assembly.h"

bool stc_sim_needs_window(const stc_program *program, int32_t stage)
{
    if (!stc_stage_is_population(program, stage) || program->stages[stage].is_output) return true;
    for (int32_t k = 0; k < program->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[k];
        const bool reads = kernel->operand[0].stage == stage || kernel->operand[1].stage == stage;
        if (reads &&
            (kernel->kind != STC_KERNEL_DELIVER || stc_projection_is_dense(&kernel->u.deliver)))
            return true;
    }
    return false;
}

/* Neurons that a thread owns. */
static int64_t count_own(const stage_plan *plan, int thread)
{
    const assembly *a = plan->assembly;
    int64_t n = 0;
    if (!a) return 0;
    for (int q = a->first_patch[thread]; q < a->first_patch[thread + 1]; q++) {
        const slice s = stc_slice(a, &a->members[plan->member], q);
        n += s.hi - s.lo;
    }
    return n;
}

static int allocate_list(const stc_sim *sim, stage_plan *plan)
{
    spike_list *list = plan->fired = stc_alloc(1, sizeof *list);
    if (!list) return STC_ERR_NOMEM;
    const int64_t slots = plan->depth * plan->steps;
    list->nparts = sim->threads + 1;
    list->start = stc_alloc(list->nparts + 1, sizeof *list->start);
    list->count = stc_alloc(slots * list->nparts, sizeof *list->count);
    list->element =
        stc_alloc_reserved(stc_sim_product(slots, plan->window_size), sizeof *list->element);
    if (!list->start || !list->count || !list->element) return STC_ERR_NOMEM;
    for (int t = 0; t < sim->threads; t++)
        list->start[t + 1] = list->start[t] + count_own(plan, t);
    list->start[list->nparts] = plan->window_size;
    return 0;
}

int stc_sim_allocate_lists(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++)
        if (stc_stage_is_population(sim->program, s) && sim->stages[s].window_size > 0)
            STC_TRY(allocate_list(sim, &sim->stages[s]));
    return 0;
}

void stc_sim_destroy_list(spike_list **out)
{
    spike_list *list = *out;
    if (!list) return;
    stc_free(list->start);
    stc_free(list->count);
    stc_free(list->element);
    stc_free(list);
    *out = NULL;
}
