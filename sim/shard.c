/* shard.c - what this rank holds: its boxes of every stage, and the windows of memory for them and
 * for what they need. When it runs is schedule.c. */
#include "engine.h"

#include <string.h>

static void own_tiles(stc_sim *sim)
{
    const stc_program *program = sim->program;
    int64_t chips = program->chips, ranks = stc_sim_ranks(sim);
    for (int32_t t = 0; t < program->ntiles; t++) {
        /* rank r holds chips [r C / R, (r + 1) C / R) */
        int64_t chip = program->tiles[t].chip;
        sim->rank_of_tile[t] = (int32_t)(((chip + 1) * ranks - 1) / chips);
    }
}

int stc_sim_boxes(const stc_sim *sim, int32_t stage, int rank, stc_box **boxes, int *n)
{
    const stc_stage *s = &sim->program->stages[stage];
    *n = 0;
    for (int32_t t = 0; t < s->ntiles; t++)
        *n += sim->rank_of_tile[s->first_tile + t] == rank;
    *boxes = stc_alloc(*n, sizeof **boxes);
    if (!*boxes) return STC_ERR_NOMEM;
    int i = 0;
    for (int32_t t = 0; t < s->ntiles; t++) {
        if (sim->rank_of_tile[s->first_tile + t] == rank) {
            (*boxes)[i++] = sim->program->tiles[s->first_tile + t].box;
        }
    }
    *n = stc_box_merge(*boxes, *n);
    return 0;
}

static int own_boxes(stc_sim *sim, int32_t s)
{
    stage_plan *plan = &sim->stages[s];
    stc_box *boxes;
    STC_TRY(stc_sim_boxes(sim, s, stc_sim_rank(sim), &boxes, &plan->nboxes));
    plan->boxes = stc_alloc(plan->nboxes, sizeof *plan->boxes);
    if (plan->boxes) {
        for (int b = 0; b < plan->nboxes; b++) {
            owned_box *own = &plan->boxes[b];
            int last = boxes[b].ndim - 1;
            own->box = boxes[b];
            own->channels = last >= 0 ? boxes[b].hi[last] - boxes[b].lo[last] : 1;
            own->positions = stc_box_size(&boxes[b]) / own->channels;
        }
    }
    stc_free(boxes);
    return plan->boxes ? 0 : STC_ERR_NOMEM;
}

/* A stage whose operands all are the same at every step is so too, unless it has state. */
static timing infer_timing(const stc_sim *sim, const stc_stage *stage)
{
    const stc_program *program = sim->program;
    const stc_kernel *kernels = &program->kernels[stage->first_kernel];
    if (stage->timing == STC_STAGE_SAMPLE) return ONCE_PER_SAMPLE;
    if (stc_kernel_is_neuron(&kernels[stage->nkernels - 1])) return EVERY_STEP;
    if (kernels[0].kind == STC_KERNEL_DELAY || kernels[0].kind == STC_KERNEL_GENERATOR ||
        kernels[0].kind == STC_KERNEL_CODE) {
        return EVERY_STEP;
    }
    if (stage->is_input) return EVERY_STEP; /* set from the input by the caller */
    for (int32_t k = 0; k < stage->nkernels; k++) {
        for (int which = 0; which < 2; which++) {
            int32_t source = kernels[k].operand[which].stage;
            if (source >= 0 && sim->stages[source].timing == EVERY_STEP) return EVERY_STEP;
        }
    }
    return CONST_IN_SAMPLE;
}

static int find_input(stc_sim *sim, stage_plan *plan)
{
    for (int i = 0; i < sim->input->narrays; i++) {
        const stc_input_array *array = &sim->input->arrays[i];
        bool only = sim->input->narrays == 1;
        for (int32_t s = 0; only && s < sim->program->nstages; s++) {
            const stc_stage *other = &sim->program->stages[s];
            if (other->is_input && other != plan->stage) only = false;
        }
        if (!only && strcmp(array->name, plan->stage->name) != 0) continue;
        plan->input_array = i;
        plan->timing = array->steps > 0 ? EVERY_STEP : CONST_IN_SAMPLE;
        return 0;
    }
    STC_FAIL(STC_ERR_INPUT, "%s: no values for input %s", sim->input->path, plan->stage->name);
}

/* The window is the hull of what is computed here and what is needed here. */
static void grow_window(stage_plan *plan, const stc_box *box)
{
    if (stc_box_size(box) > 0) plan->window = stc_box_hull(&plan->window, box);
}

/* Calls of fn for every operand of every box that this rank computes. */
static void for_each_need(stc_sim *sim,
                          void (*fn)(stc_sim *, stage_plan *consumer, const stc_kernel *,
                                     stage_plan *source, const stc_box *need))
{
    const stc_program *program = sim->program;
    for (int32_t s = 0; s < program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        for (int32_t k = 0; k < plan->stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[plan->stage->first_kernel + k];
            for (int which = 0; which < 2; which++) {
                if (kernel->operand[which].stage < 0) continue;
                for (int b = 0; b < plan->nboxes; b++) {
                    stc_box need =
                        stc_kernel_needs(program, plan->stage, kernel, which, &plan->boxes[b].box);
                    fn(sim, plan, kernel, &sim->stages[kernel->operand[which].stage], &need);
                }
            }
        }
    }
}

static bool inside(const stc_box *inner, const stc_box *outer)
{
    for (int a = 0; a < inner->ndim; a++) {
        if (inner->lo[a] < outer->lo[a] || inner->hi[a] > outer->hi[a]) return false;
    }
    return true;
}

static void note_need(stc_sim *sim, stage_plan *consumer, const stc_kernel *kernel,
                      stage_plan *source, const stc_box *need)
{
    grow_window(source, need);
    /* from the oldest item that the consumer reads to the newest one that there may be by then */
    int64_t lag = consumer->level - source->level;
    int64_t ahead = lag >= 0 ? lag / sim->period : -((-lag + sim->period - 1) / sim->period);
    int64_t depth = ahead + (stc_kernel_most_delay(kernel) + sim->block - 1) / sim->block + 1;
    if (depth > source->depth) source->depth = depth;
    bool mine = stc_box_size(need) == 0;
    for (int b = 0; b < source->nboxes && !mine; b++)
        mine = inside(need, &source->boxes[b].box);
    if (!mine) consumer->remote = true; /* perhaps; then it only waits longer than it must */
}

int64_t stc_sim_steps_in_block(const stc_sim *sim, const stage_plan *plan, int64_t block)
{
    return plan->timing == EVERY_STEP ? stc_sim_block_length(sim, block) : 1;
}

static int allocate_stage(stc_sim *sim, stage_plan *plan)
{
    plan->window_size = stc_box_size(&plan->window);
    int64_t stride = 1;
    for (int a = plan->window.ndim - 1; a >= 0; a--) {
        plan->stride[a] = stride;
        stride *= plan->window.hi[a] - plan->window.lo[a];
    }
    if (plan->window_size == 0 || plan->drawn_where_used) return 0;
    plan->steps = plan->timing == EVERY_STEP ? sim->block : 1;
    if (!stc_sim_needs_window(sim->program, (int32_t)(plan - sim->stages))) return 0;
    /* kernels may read up to 64 bytes beyond the end */
    int64_t elements = stc_sim_product(plan->depth * plan->steps, plan->window_size);
    plan->buffer = stc_alloc(elements + 64, stc_dtype_size(plan->stage->dtype));
    if (!plan->buffer) return STC_ERR_NOMEM;
    const stc_kernel *first = &sim->program->kernels[plan->stage->first_kernel];
    int64_t nstate = plan->model                      ? plan->model->nstate
                     : first->kind == STC_KERNEL_CODE ? stc_sim_code_states(first)
                                                      : 0;
    for (int b = 0; nstate > 0 && b < plan->nboxes; b++) {
        owned_box *own = &plan->boxes[b];
        own->state =
            stc_alloc(stc_sim_product(nstate, own->positions * own->channels), sizeof *own->state);
        if (!own->state) return STC_ERR_NOMEM;
    }
    return 0;
}

static void plan_stage(stc_sim *sim, int32_t s)
{
    stage_plan *plan = &sim->stages[s];
    const stc_kernel *last =
        &sim->program->kernels[plan->stage->first_kernel + plan->stage->nkernels - 1];
    if (last->kind == STC_KERNEL_NEURON) {
        plan->model = sim->kernels->neurons[last->u.neuron.model];
        plan->params = last->u.neuron.params;
        plan->spiking = !stc_kind_is_real(plan->stage->kind);
    }
    if (last->kind == STC_KERNEL_POPULATION) plan->spiking = true;
    plan->timing = infer_timing(sim, plan->stage);
    stc_stage_source_strides(plan->stage, plan->source_stride);
    plan->window.ndim = plan->stage->storage.ndim;
    for (int b = 0; b < plan->nboxes; b++)
        grow_window(plan, &plan->boxes[b].box);
}

/* Of zeros, as many as the largest window that a delay reads. */
static int allocate_zeros(stc_sim *sim)
{
    int64_t most = 0;
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        const stage_plan *plan = &sim->stages[s];
        if (!plan->buffer) continue;
        int64_t bytes = stc_sim_product(plan->window_size, stc_dtype_size(plan->stage->dtype));
        if (bytes > most) most = bytes;
    }
    bool delays = false;
    for (int32_t k = 0; k < sim->program->nkernels; k++)
        delays = delays || stc_kernel_most_delay(&sim->program->kernels[k]) > 0;
    sim->zeros = stc_alloc(delays ? most + 64 : 0, 1);
    return sim->zeros ? 0 : STC_ERR_NOMEM;
}

static int plan_drawn(stc_sim *sim)
{
    bool *drawn = stc_alloc(sim->program->nstages, sizeof *drawn);
    if (!drawn) return STC_ERR_NOMEM;
    stc_program_drawn_stages(sim->program, drawn);
    for (int32_t s = 0; s < sim->program->nstages; s++)
        sim->stages[s].drawn_where_used = drawn[s];
    stc_free(drawn);
    return 0;
}

int stc_sim_plan_shard(stc_sim *sim)
{
    const stc_program *program = sim->program;
    own_tiles(sim);
    for (int32_t s = 0; s < program->nstages; s++) {
        sim->stages[s].stage = &program->stages[s];
        sim->stages[s].depth = 1;
        STC_TRY(own_boxes(sim, s));
    }
    STC_TRY(stc_sim_schedule(sim));
    STC_TRY(plan_drawn(sim));
    for (int32_t i = 0; i < program->nstages; i++) { /* operands first, but for those of delays */
        int32_t s = sim->order[i];
        plan_stage(sim, s);
        if (program->stages[s].is_input) STC_TRY(find_input(sim, &sim->stages[s]));
    }
    for_each_need(sim, note_need);
    stc_sim_spread_remote(sim);
    for (int32_t s = 0; s < program->nstages; s++)
        STC_TRY(allocate_stage(sim, &sim->stages[s]));
    return allocate_zeros(sim);
}
