/* population.c - point neurons that take spikes through synapses.
 *
 * Every thread owns a range of the neurons of this rank with all synapses onto them. A source step
 * is delivered when its first spikes arrive: the synapses of every source that fired add their
 * weights to a ring of accumulators, [slot][port][neuron], where slot is the step of arrival. Then
 * the step's slot becomes the input of the update. */
#include "population.h"
#include "elements.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* All synapses of the sources that fired in a step onto the neurons of one thread. */
static void deliver(const delivery *d, const synapse_table *table, const unsigned char *spikes,
                    int64_t nsources, stc_delivery *what)
{
    for (int64_t s = 0; s < nsources; s++) {
        if (s + 8 <= nsources) { /* mostly nobody fires */
            uint64_t eight;
            memcpy(&eight, spikes + s, sizeof eight);
            if (eight == 0) {
                s += 7;
                continue;
            }
        }
        if (spikes[s] == 0) continue;
        int64_t first = table->first[s];
        what->count = spikes[s];
        d->kind->deliver(&(stc_synapse_run){.n = table->first[s + 1] - first,
                                            .place = table->place + first,
                                            .weight = &table->weight[first].grid},
                         what);
    }
}

static void deliver_all(const stc_sim *sim, const population *p, int range, int64_t item, int64_t t,
                        int64_t step)
{
    for (int k = 0; k < p->ndeliveries; k++) {
        const delivery *d = &p->deliveries[k];
        const stage_plan *source = &sim->stages[d->kernel->operand[0].stage];
        int64_t least = d->projection->least;
        stc_delivery what = {.ring = &p->ring,
                             .slot = step % p->ring.slots,
                             .step = step - least,
                             .least = least,
                             .unit = ldexp(1.0, -p->exponent),
                             .params = d->params};
        deliver(d, &d->tables[range], stc_sim_before(sim, source, item, t, least),
                source->window_size, &what);
    }
}

/* Take the sums of a step out of the ring. */
static void take_input(const population *p, int64_t step, int64_t lo, int64_t hi)
{
    int64_t ports = p->ring.ports, slot = step % p->ring.slots;
    double unit = ldexp(1.0, -p->exponent);
    for (int port = 0; port < ports; port++) {
        int64_t *sums = p->ring.sum + (slot * ports + port) * p->n;
        for (int64_t i = lo; i < hi; i++) {
            stc_real_put(p, p->input[port], i, (double)sums[i] * unit);
            sums[i] = 0;
        }
    }
}

static void take_current(const stc_sim *sim, const population *p, int64_t item, int64_t step,
                         int64_t lo, int64_t hi)
{
    for (int64_t i = lo; i < hi; i++) {
        double sum = 0.0;
        for (int k = 0; k < p->ncurrents; k++) {
            const access *a = &p->currents[k]->operand[0];
            sum += (double)value_of(a, operand_values(sim, a, item, step),
                                    operand_element(a, &p->id[i]));
        }
        stc_real_put(p, p->current, i, sum);
    }
}

static void update(const population *p, int64_t lo, int64_t hi, uint8_t *spikes)
{
    for (int64_t i = lo; i < hi; i += STC_POPULATION_CHUNK) {
        const void *coefficient[STC_MAX_POPULATION_COEFFICIENTS], *input[STC_MAX_PORTS];
        void *state[STC_MAX_POPULATION_STATES];
        for (int c = 0; c < p->model->ncoefficients; c++)
            coefficient[c] =
                p->common[c] ? p->coefficient[c] : stc_real_at(p, p->coefficient[c], i);
        for (int s = 0; s < p->model->nstate; s++)
            state[s] = (char *)p->state[s] + i * stc_real_size(p);
        for (int k = 0; k < p->model->nports; k++)
            input[k] = stc_real_at(p, p->input[k], i);
        p->model->update(hi - i < STC_POPULATION_CHUNK ? hi - i : STC_POPULATION_CHUNK,
                         &(stc_population_step){.params = p->params,
                                                .coefficient = coefficient,
                                                .state = state,
                                                .input = input,
                                                .current = stc_real_at(p, p->current, i),
                                                .spikes = spikes + (i - lo)});
    }
}

/* Bring the spikes of neurons [lo, hi) into the window, and count them. */
static void emit(stc_sim *sim, const stage_plan *plan, int64_t lo, int64_t hi,
                 const uint8_t *spikes, unsigned char *values, uint64_t key)
{
    const population *p = plan->population;
    scratch *own = &sim->scratch[omp_get_thread_num()];
    for (int64_t i = lo, n; i < hi; i += n) {
        for (n = 1; i + n < hi && p->id[i + n] == p->id[i] + n;)
            n++;
        unsigned char *out = values + p->id[i] - plan->window.lo[0];
        memcpy(out, spikes + (i - lo), (size_t)n);
        if (!plan->stage->counted) continue;
        own->spikes += sim->kernels->hash_u8(
            n, out, key, (uint64_t)(plan->stage->first_id + p->id[i]), 1, &own->checksum);
    }
}

static double real_value(const population *p, const void *array, int64_t i)
{
    return p->single ? (double)((const float *)array)[i] : ((const double *)array)[i];
}

/* A state as the model's users know it: some are kept relative to a coefficient. */
static void trace_state(const stc_sim *sim, const stage_plan *plan, const trace *t, int64_t lo,
                        int64_t hi, int64_t sample, int64_t step)
{
    const population *p = plan->population;
    int origin = p->model->origins ? p->model->origins[t->state] : -1;
    double *row = stc_sim_trace_row(sim, t, sample, step);
    if (!row) return;
    for (int64_t i = lo; i < hi; i++) {
        if (p->id[i] < t->first || p->id[i] >= t->first + t->count) continue;
        double value = real_value(p, p->state[t->state], i);
        if (origin >= 0) value += real_value(p, p->coefficient[origin], p->common[origin] ? 0 : i);
        row[p->id[i]] = value;
    }
}

/* Steps of the neurons of one range with the synapses onto them. */
static void run_range(stc_sim *sim, stage_plan *plan, int range, int64_t item, int64_t first,
                      int64_t steps)
{
    const population *p = plan->population;
    int64_t lo = p->range[range], hi = p->range[range + 1];
    int64_t sample = sim->first_sample + item / sim->nblocks;
    uint8_t *spikes = sim->scratch[omp_get_thread_num()].panel;
    if (item % sim->nblocks == 0 && first == 0) {
        for (int s = 0; s < p->model->nstate; s++) {
            memcpy((char *)p->state[s] + lo * stc_real_size(p), stc_real_at(p, p->start[s], lo),
                   (size_t)((hi - lo) * stc_real_size(p)));
        }
        for (int64_t row = 0; row < p->ring.slots * p->ring.ports; row++)
            memset(p->ring.sum + row * p->n + lo, 0, (size_t)(hi - lo) * sizeof *p->ring.sum);
    }
    for (int64_t t = first; t < first + steps; t++) {
        int64_t step = item % sim->nblocks * sim->block + t;
        deliver_all(sim, p, range, item, t, step);
        take_input(p, step, lo, hi);
        if (p->ncurrents) take_current(sim, p, item, t, lo, hi);
        update(p, lo, hi, spikes);
        emit(sim, plan, lo, hi, spikes, stc_sim_at(plan, item, t),
             stc_record_key((uint64_t)sample, (uint64_t)step));
        for (int i = 0; i < plan->ntraces; i++)
            trace_state(sim, plan, &plan->traces[i], lo, hi, sample, step);
    }
}

void stc_sim_population(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    enum {
        WORTH_A_BARRIER = 8192
    }; /* neurons times steps that keep threads busy for long enough */
    bool many = plan->population->n * steps >= WORTH_A_BARRIER;
#pragma omp parallel for schedule(static, 1) num_threads(sim->threads) if (many)
    for (int range = 0; range < sim->threads; range++)
        run_range(sim, plan, range, item, first, steps);
}

void stc_sim_population_need(const stage_plan *plan, scratch_need *need)
{
    if (plan->population->n > need->panel) need->panel = plan->population->n;
}
