/* profile.c - how often each output that others read is other than zero in a run.
 *
 * One counter per owned element, in C-order of the source axes of its box. Values that hold for a
 * whole sample are counted once in it, as they travel once. */
#include "engine.h"

#include <string.h>

/* Does any kernel read the output of this stage? Only then it can travel. */
static bool is_read(const stc_program *program, int32_t stage)
{
    for (int32_t k = 0; k < program->nkernels; k++)
        for (int which = 0; which < 2; which++)
            if (program->kernels[k].operand[which].stage == stage) return true;
    return false;
}

/* A box of the storage of a stage, in axes of its source. */
static stc_box to_source(const stc_stage *stage, const stc_box *box)
{
    stc_box out = {.ndim = box->ndim};
    for (int a = 0; a < box->ndim; a++) {
        out.lo[stage->order[a]] = box->lo[a];
        out.hi[stage->order[a]] = box->hi[a];
    }
    return out;
}

static int plan_node(stc_sim *sim, stage_plan *plan, stc_arena *arena, stc_profile_node *node)
{
    int64_t size = 0;
    *node = (stc_profile_node){.name = plan->stage->name,
                               .shape = plan->stage->shape,
                               .steps = plan->timing == EVERY_STEP ? sim->steps : 1,
                               .nboxes = plan->nboxes};
    for (int b = 0; b < plan->nboxes; b++)
        size += stc_box_size(&plan->boxes[b].box);
    node->boxes = stc_arena_alloc(arena, plan->nboxes, sizeof *node->boxes);
    node->counts = stc_arena_alloc(arena, size, sizeof *node->counts);
    node->totals = stc_arena_alloc(arena, stc_sim_product(sim->all_samples, node->steps),
                                   sizeof *node->totals);
    if (!node->boxes || !node->counts || !node->totals) return STC_ERR_NOMEM;
    for (int b = 0; b < plan->nboxes; b++)
        node->boxes[b] = to_source(plan->stage, &plan->boxes[b].box);
    plan->counted = node;
    return 0;
}

static int plan_nodes(stc_sim *sim, stc_arena *arena, stc_profile *out)
{
    const stc_program *program = sim->program;
    STC_CHECK(sim->options.replicas <= 1, STC_ERR_USAGE,
              "a profile of replicas cannot be made; use one group of ranks");
    STC_CHECK(sim->all_samples <= UINT32_MAX / sim->steps, STC_ERR_FIT,
              "%lld samples of %lld steps are more than a profile counts; take fewer samples",
              (long long)sim->all_samples, (long long)sim->steps);
    out->nodes = stc_arena_alloc(arena, program->nstages, sizeof *out->nodes);
    if (!out->nodes) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        if (!is_read(program, s) || sim->stages[s].drawn_where_used) continue;
        STC_TRY(plan_node(sim, &sim->stages[s], arena, &out->nodes[out->nnodes++]));
    }
    return 0;
}

int stc_sim_count(stc_sim *sim, stc_arena *arena, stc_profile *out)
{
    const stc_program *program = sim->program;
    *out = (stc_profile){.first_sample = sim->all_first,
                         .samples = sim->all_samples,
                         .steps = sim->steps,
                         .dt = program->dt,
                         .seed = sim->options.seed,
                         .program = program->name,
                         .model = program->model_path ? program->model_path : "",
                         .model_sha256 = program->model_sha256 ? program->model_sha256 : "",
                         .input = sim->input->path,
                         .input_sha256 = "",
                         .rules = program->rules ? program->rules : "",
                         .command = "",
                         .path = "",
                         .sha256 = ""};
    return stc_agree(&sim->world, plan_nodes(sim, arena, out));
}

/* ---- during the run ---- */

#define COUNT(type)                                                                                \
    do {                                                                                           \
        const type *v = (const void *)values;                                                      \
        for (int64_t i = 0; i < n; i++)                                                            \
            sum += v[i] != 0;                                                                      \
        for (int64_t i = 0; i < n && stride == 1; i++)                                             \
            counts[i] += v[i] != 0;                                                                \
        for (int64_t i = 0; i < n && stride != 1; i++)                                             \
            counts[i * stride] += v[i] != 0;                                                       \
    } while (0)

/* A run of n values; their counters lie stride apart. Returns how many are not zero. */
static int64_t count_row(stc_dtype dtype, const unsigned char *values, int64_t n, int64_t stride,
                         uint32_t *counts)
{
    int64_t sum = 0;
    switch (dtype) {
    case STC_U8:
        COUNT(uint8_t);
        break;
    case STC_U16:
        COUNT(uint16_t);
        break;
    case STC_I32:
        COUNT(int32_t);
        break;
    case STC_F32:
        COUNT(float);
        break;
    }
    return sum;
}

/* One step of one box. */
static int64_t count_box(const stage_plan *plan, const owned_box *own, const unsigned char *window,
                         uint32_t *counts)
{
    const stc_box *box = &own->box;
    int64_t size = stc_dtype_size(plan->stage->dtype), index[STC_MAX_NDIM];
    int64_t in_box[STC_MAX_NDIM], stride[STC_MAX_NDIM]; /* of source axes, of storage axes */
    const stc_box source = to_source(plan->stage, box);
    for (int64_t a = box->ndim - 1, step = 1; a >= 0; a--) {
        in_box[a] = step;
        step *= source.hi[a] - source.lo[a];
    }
    for (int a = 0; a < box->ndim; a++)
        stride[a] = in_box[plan->stage->order[a]];
    int64_t last = box->ndim ? stride[box->ndim - 1] : 1, sum = 0;
    memcpy(index, box->lo, sizeof index);
    do {
        int64_t at = 0;
        for (int a = 0; a < box->ndim - 1; a++)
            at += (index[a] - box->lo[a]) * stride[a];
        sum += count_row(plan->stage->dtype, window + stc_sim_element(plan, index) * size,
                         own->channels, last, counts + at);
    } while (stc_sim_next_row(box, index));
    return sum;
}

/* One step of neurons that list their spikes; the boxes have one axis. */
static int64_t count_list(const stc_sim *sim, const stage_plan *plan, int64_t slot,
                          uint32_t *counts)
{
    int64_t sum = 0, *count;
    for (int part = 0; part < sim->threads; part++) {
        const uint32_t *element = stc_fired(plan, slot, part, &count);
        for (int64_t i = 0; i < *count; i++) {
            const int64_t id = plan->window.lo[0] + element[i];
            uint32_t *of_box = counts;
            const owned_box *own = plan->boxes;
            for (; id < own->box.lo[0] || id >= own->box.hi[0]; own++)
                of_box += own->channels;
            of_box[id - own->box.lo[0]]++;
        }
        sum += *count;
    }
    return sum;
}

void stc_sim_count_item(const stc_sim *sim, const stage_plan *plan, int64_t item)
{
    int64_t block = item % sim->nblocks;
    if (plan->timing == CONST_IN_SAMPLE && block != 0) return;
    int64_t steps = stc_sim_steps_in_block(sim, plan, block);
    stc_profile_node *node = plan->counted;
    int64_t *totals = node->totals + item / sim->nblocks * node->steps;
    if (plan->timing == EVERY_STEP) totals += block * sim->block;
    for (int64_t t = 0; t < steps; t++) {
        if (plan->fired) {
            totals[t] += count_list(sim, plan, stc_sim_slot(plan, item, t), node->counts);
            continue;
        }
        const unsigned char *window = stc_sim_at(plan, item, t);
        uint32_t *counts = node->counts;
        for (int b = 0; b < plan->nboxes; b++) {
            totals[t] += count_box(plan, &plan->boxes[b], window, counts);
            counts += plan->boxes[b].positions * plan->boxes[b].channels;
        }
    }
}

#define NONZERO(type)                                                                              \
    for (int64_t i = 0; i < n; i++)                                                                \
    sum += ((const type *)values)[i] != 0

int64_t stc_sim_nonzero(stc_dtype dtype, const void *values, int64_t n)
{
    int64_t sum = 0;
    switch (dtype) {
    case STC_U8:
        NONZERO(uint8_t);
        break;
    case STC_U16:
        NONZERO(uint16_t);
        break;
    case STC_I32:
        NONZERO(int32_t);
        break;
    case STC_F32:
        NONZERO(float);
        break;
    }
    return sum;
}
