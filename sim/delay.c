/* delay.c - stages that give the values of some steps ago. They read the ring of their operand, so
 * that nothing but the ring is kept. */
#include "engine.h"

#include <string.h>

int64_t stc_sim_slot_before(const stc_sim *sim, const stage_plan *plan, int64_t item, int64_t step,
                            int64_t delay)
{
    int64_t sample = item / sim->nblocks;
    int64_t at = item % sim->nblocks * sim->block + step - delay;
    if (at < 0) return -1;
    return stc_sim_slot(plan, sample * sim->nblocks + at / sim->block, at % sim->block);
}

const unsigned char *stc_sim_before(const stc_sim *sim, const stage_plan *plan, int64_t item,
                                    int64_t step, int64_t delay)
{
    const int64_t slot = stc_sim_slot_before(sim, plan, item, step, delay);
    if (slot < 0) return sim->zeros;
    return plan->buffer + slot * plan->window_size * stc_dtype_size(plan->stage->dtype);
}

/* One row of elements with the same delay, or with one each; index: of its first element. */
static void delay_row(const stc_sim *sim, const stage_plan *plan, int64_t item, int64_t step,
                      const int64_t *index, int64_t n, const int64_t *delays, unsigned char *out)
{
    const access *a = &plan->kernels[0].operand[0];
    const stage_plan *source = &sim->stages[a->stage];
    int64_t size = stc_dtype_size(a->dtype), common = plan->kernels[0].kernel->u.delay.least;
    int64_t element = a->base;
    for (int d = 0; d < a->ndim - 1; d++)
        element += a->offset[d][index[d]];
    const int64_t *offset = a->offset[a->ndim - 1] + index[a->ndim - 1];
    const unsigned char *values = stc_sim_before(sim, source, item, step, common);
    if (a->dtype != plan->stage->dtype) { /* kept as real: its kind was not known in the cycle */
        for (int64_t i = 0; i < n; i++) {
            if (delays) values = stc_sim_before(sim, source, item, step, delays[i]);
            sim->kernels->read(a->dtype, 1, values + (element + offset[i]) * size, 1, a->unit, 0.0f,
                               (float *)(void *)out + i, false);
        }
        return;
    }
    if (!delays && a->ahead[a->ndim - 1][index[a->ndim - 1]] >= n) {
        memcpy(out, values + (element + offset[0]) * size, (size_t)(n * size));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        if (delays) values = stc_sim_before(sim, source, item, step, delays[i]);
        memcpy(out + i * size, values + (element + offset[i]) * size, (size_t)size);
    }
}

void stc_sim_delay(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    int64_t size = stc_dtype_size(plan->stage->dtype);
    for (int b = 0; b < plan->nboxes; b++) {
        const owned_box *own = &plan->boxes[b];
#pragma omp parallel for schedule(static) num_threads(sim->threads) if (own->positions > 64)
        for (int64_t p = 0; p < own->positions; p++) {
            int64_t index[STC_MAX_NDIM];
            stc_sim_row(&own->box, p, index);
            index[own->box.ndim - 1] = own->box.lo[own->box.ndim - 1];
            const int64_t *delays = own->delay ? own->delay + p * own->channels : NULL;
            for (int64_t t = first; t < first + steps; t++) {
                delay_row(sim, plan, item, t, index, own->channels, delays,
                          stc_sim_at(plan, item, t) + stc_sim_element(plan, index) * size);
            }
        }
    }
}
