/* alone.c - a rank that is held without the others: what they would have sent is made up, neurons
 * that fire by chance, so that a share of a network can be timed that no machine at hand holds.
 * Only populations whose spikes are listed get any. */
#include "engine.h"

#include <math.h>

/* Is an element of the window computed here? */
static bool is_own(const stage_plan *plan, int64_t element)
{
    const int64_t index = plan->window.lo[0] + element;
    for (int b = 0; b < plan->nboxes; b++)
        if (index >= plan->boxes[b].box.lo[0] && index < plan->boxes[b].box.hi[0]) return true;
    return false;
}

/* n of all elements, one from each n-th part of the window, so that none is there twice. */
static int64_t draw(const stc_sim *sim, const stage_plan *plan, uint64_t step, int64_t n,
                    uint32_t *list)
{
    const uint64_t key = stc_random_key(sim->options.seed, (uint64_t)plan->stage->first_id);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t counter[4] = {(uint32_t)i, (uint32_t)step, (uint32_t)(step >> 32), 0};
        uint32_t word[4];
        stc_random_block(key, counter, word);
        const double at = ((double)i + stc_random_open32(word[0])) / (double)n;
        const int64_t element = (int64_t)(at * (double)plan->window_size);
        const bool again = count > 0 && list[count - 1] == (uint32_t)element;
        if (element < plan->window_size && !again && !is_own(plan, element))
            list[count++] = (uint32_t)element;
    }
    return count;
}

static void replace_step(const stc_sim *sim, const stage_plan *plan, int64_t item, int64_t t)
{
    int64_t *count;
    uint32_t *list = stc_fired(plan, stc_sim_slot(plan, item, t), sim->threads, &count);
    const double most = (double)plan->window_size;
    const double mean = sim->options.alone.hz * sim->program->dt * most;
    const uint64_t step = (uint64_t)(item * sim->block + t);
    const double u = (double)stc_random_uniform(sim->options.seed, 1, step);
    *count = draw(sim, plan, step, (int64_t)fmin(floor(mean + u), most), list);
}

void stc_alone_receive(stc_sim *sim, int64_t beat)
{
    for (int32_t s = 0; s < sim->program->nstages && beat > 0; s++) {
        const stage_plan *plan = &sim->stages[s];
        const int64_t item = stc_sim_item(sim, plan, beat - 1);
        if (!plan->fired || plan->buffer || item < 0) continue;
        for (int64_t t = 0; t < stc_sim_steps_in_block(sim, plan, item % sim->nblocks); t++)
            replace_step(sim, plan, item, t);
    }
}
