/* generator.c - sources of spikes and currents. Poisson counts are drawn from random numbers keyed
 * by (seed, node, element, sample and step), so that any rank draws the same; a population whose
 * neurons have a Poisson source each draws them itself. */
#include "elements.h"

#include <math.h>
#include <string.h>

struct generator {
    int64_t n;            /* elements, or amplitudes */
    double *mean;         /* POISSON: [n] expected spikes per step where they differ, else NULL */
    double *none;         /* exp of minus that */
    stc_poisson *poisson; /* where they do not */
    int64_t *from;        /* amplitudes: first step */
    float *amplitude;
};

static int check_mean(const stage_plan *plan, int64_t i, double mean)
{
    STC_CHECK(mean >= 0.0 && mean <= 100.0, STC_ERR_INPUT,
              "node %s: %g spikes per step are expected of element %lld; at most 100 can be "
              "drawn: use several generators or a shorter step",
              plan->stage->name, mean, (long long)(plan->window.lo[0] + i));
    return 0;
}

static int load_poisson(const stc_sim *sim, const stage_plan *plan, const stc_kernel *kernel,
                        generator *g)
{
    const int32_t field = kernel->u.generator.field;
    g->n = plan->window_size;
    if (field < 0) {
        STC_TRY(check_mean(plan, 0, kernel->u.generator.value));
        g->poisson = stc_alloc(1, sizeof *g->poisson);
        if (!g->poisson) return STC_ERR_NOMEM;
        stc_poisson_prepare(kernel->u.generator.value, g->poisson);
        return 0;
    }
    g->mean = stc_alloc(g->n, sizeof *g->mean);
    g->none = stc_alloc(g->n, sizeof *g->none);
    if (!g->mean || !g->none) return STC_ERR_NOMEM;
    STC_TRY(sim->program->read_field(sim->program, field, plan->window.lo[0], g->n, g->mean));
    for (int64_t i = 0; i < g->n; i++) {
        STC_TRY(check_mean(plan, i, g->mean[i]));
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
    stc_free((*out)->poisson);
    stc_free((*out)->from);
    stc_free((*out)->amplitude);
    stc_free(*out);
    *out = NULL;
}

/* As many as the first 16 bits of u say, or all of them where these do not decide (kernels.h). */
static uint8_t draw_one(const generator *g, int64_t i, uint64_t key, uint32_t sample, uint64_t step,
                        int64_t id)
{
    const uint16_t word = stc_poisson_word(key, sample, step, id);
    const double low = word * 0x1p-16, high = (word + 1) * 0x1p-16;
    double probability = g->none[i], sum = probability, u = -1.0;
    int k = 0;
    while (k < STC_MOST_POISSON) {
        if (sum > low && sum < high && u < 0.0) u = stc_poisson_rest(key, sample, step, id, word);
        if (u < 0.0 ? sum >= high : sum > u) break;
        k++;
        probability *= g->mean[i] / k;
        sum += probability;
    }
    return (uint8_t)k;
}

static void draw(const stc_sim *sim, const stage_plan *plan, int64_t sample, int64_t step,
                 unsigned char *out)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    const generator *g = plan->generator;
    const uint64_t key = stc_random_key(sim->options.seed, kernel->u.generator.key);
    const bool active = step >= kernel->u.generator.first && step < kernel->u.generator.end;
    for (int b = 0; b < plan->nboxes; b++) {
        const int64_t lo = plan->boxes[b].box.lo[0], hi = plan->boxes[b].box.hi[0];
        unsigned char *counts = out + lo - plan->window.lo[0];
        if (!active) {
            memset(counts, 0, (size_t)(hi - lo));
        } else if (g->poisson) {
            sim->kernels->poisson(g->poisson, key, (uint32_t)sample, (uint64_t)step, lo, hi - lo,
                                  counts);
        } else {
            for (int64_t id = lo; id < hi; id++)
                counts[id - lo] =
                    draw_one(g, id - plan->window.lo[0], key, (uint32_t)sample, (uint64_t)step, id);
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
