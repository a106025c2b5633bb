/* generator.c - sources of spikes and currents. Poisson counts are drawn from random numbers keyed
 * by (seed, node, element, sample and step), so that any rank draws the same. */
#include "elements.h"

#include <math.h>
#include <string.h>

struct generator {
    int64_t n;    /* elements, or amplitudes */
    double *mean; /* POISSON: [n] expected spikes per step, and exp of minus that */
    double *none;
    int64_t *from; /* amplitudes: first step */
    float *amplitude;
};

static int load_poisson(const stc_sim *sim, const stage_plan *plan, const stc_kernel *kernel,
                        generator *g)
{
    g->n = plan->window_size;
    g->mean = stc_alloc(g->n, sizeof *g->mean);
    g->none = stc_alloc(g->n, sizeof *g->none);
    if (!g->mean || !g->none) return STC_ERR_NOMEM;
    int32_t field = kernel->u.generator.field;
    if (field >= 0) {
        STC_TRY(sim->program->read_field(sim->program, field, plan->window.lo[0], g->n, g->mean));
    }
    for (int64_t i = 0; i < g->n; i++) {
        if (field < 0) g->mean[i] = kernel->u.generator.value;
        STC_CHECK(g->mean[i] >= 0.0 && g->mean[i] <= 100.0, STC_ERR_INPUT,
                  "node %s: %g spikes per step are expected of element %lld; at most 100 can be "
                  "drawn: use several generators or a shorter step",
                  plan->stage->name, g->mean[i], (long long)(plan->window.lo[0] + i));
        g->none[i] = stc_math_exp(-g->mean[i]);
    }
    return 0;
}

static int load_current(const stc_sim *sim, const stage_plan *plan, const stc_kernel *kernel,
                        generator *g)
{
    static const double most = 9e15; /* steps that are counted exactly */
    g->n = kernel->u.generator.end;
    double *values = stc_alloc(2 * g->n, sizeof *values), dt = kernel->u.generator.value;
    g->from = stc_alloc(g->n, sizeof *g->from);
    g->amplitude = stc_alloc(g->n, sizeof *g->amplitude);
    int rc = values && g->from && g->amplitude ? 0 : STC_ERR_NOMEM;
    const stc_program *program = sim->program;
    if (rc >= 0) rc = program->read_field(program, kernel->u.generator.field, 0, g->n, values);
    if (rc >= 0) {
        rc = program->read_field(program, kernel->u.generator.times, 0, g->n, values + g->n);
    }
    for (int64_t i = 0; i < g->n && rc >= 0; i++) {
        double time = values[g->n + i], step = nearbyint(time / dt);
        bool later = i == 0 || time > values[g->n + i - 1];
        g->amplitude[i] = (float)values[i];
        if (!isfinite(g->amplitude[i]) || !(step >= 0.0 && step < most) || !later) {
            rc = stc_fail(STC_ERR_INPUT,
                          "node %s: amplitude %lld is %g from %g ms on; expected numbers that fit "
                          "float32 and times that increase",
                          plan->stage->name, (long long)i, values[i], time);
        } else {
            g->from[i] = (int64_t)step - 1 + kernel->u.generator.first;
        }
    }
    stc_free(values);
    return rc;
}

int stc_sim_load_generators(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        const stc_kernel *kernel = plan->kernels[0].kernel;
        if (kernel->kind != STC_KERNEL_GENERATOR || plan->nboxes == 0) continue;
        plan->generator = stc_alloc(1, sizeof *plan->generator);
        if (!plan->generator) return STC_ERR_NOMEM;
        STC_TRY((kernel->u.generator.poisson ? load_poisson : load_current)(sim, plan, kernel,
                                                                            plan->generator));
    }
    return 0;
}

void stc_sim_destroy_generator(generator **out)
{
    if (!*out) return;
    stc_free((*out)->mean);
    stc_free((*out)->none);
    stc_free((*out)->from);
    stc_free((*out)->amplitude);
    stc_free(*out);
    *out = NULL;
}

/* How many spikes: the smallest k whose cumulative probability exceeds u. */
static uint8_t poisson_count(double u, double mean, double none)
{
    double probability = none, sum = none;
    int k = 0;
    while (u >= sum && k < 255) {
        k++;
        probability *= mean / k;
        sum += probability;
    }
    return (uint8_t)k;
}

static void draw(const stc_sim *sim, const stage_plan *plan, int64_t sample, int64_t step,
                 unsigned char *out)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    const generator *g = plan->generator;
    uint64_t key = stc_random_key(sim->options.seed, kernel->u.generator.key);
    bool active = step >= kernel->u.generator.first && step < kernel->u.generator.end;
    for (int b = 0; b < plan->nboxes; b++) {
        const stc_box *box = &plan->boxes[b].box;
        for (int64_t id = box->lo[0]; id < box->hi[0]; id++) {
            int64_t i = id - plan->window.lo[0];
            uint32_t word[4], counter[4] = {(uint32_t)id, (uint32_t)(id >> 32) ^ (uint32_t)sample,
                                            (uint32_t)step, (uint32_t)(step >> 32)};
            out[i] = 0;
            if (!active || g->mean[i] == 0.0) continue;
            stc_random_block(key, counter, word);
            out[i] = poisson_count(stc_random_open52(word[0], word[1]), g->mean[i], g->none[i]);
        }
    }
}

static void give(const stage_plan *plan, int64_t step, unsigned char *out)
{
    const generator *g = plan->generator;
    float amplitude = 0.0f;
    for (int64_t i = 0; i < g->n && g->from[i] <= step; i++)
        amplitude = g->amplitude[i];
    for (int64_t i = 0; i < plan->window_size; i++)
        store_real(out, i, amplitude);
}

void stc_sim_generate(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    int64_t sample = sim->first_sample + item / sim->nblocks;
#pragma omp parallel for schedule(static) num_threads(sim->threads) if (steps > 1)
    for (int64_t t = first; t < first + steps; t++) {
        int64_t step = item % sim->nblocks * sim->block + t;
        unsigned char *out = stc_sim_at(plan, item, t);
        if (plan->kernels[0].kernel->u.generator.poisson) {
            draw(sim, plan, sample, step, out);
        } else {
            give(plan, step, out);
        }
    }
}
