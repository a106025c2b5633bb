/* population.c - steps of point neurons: deliver, update, fire. */
#include "assembly.h"
#include "elements.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* What a thread works on: neurons of one member in one patch, at most STC_STRIP, or those of one
 * call of update. */
typedef struct {
    const assembly *a;
    const member *m;
    const patch *q;
    int64_t lo, hi; /* neurons of the assembly */
    int64_t index;  /* of neuron lo in the member */
    int64_t item, t, step;
    uint64_t sample;
    int thread, owner; /* which thread this is, and which owns the patch */
} strip;

/* ---- input ---- */

/* Sums of a port in the slot of this step. */
static void *sums_of(const strip *c, int port)
{
    const assembly *a = c->a;
    const int64_t slot = c->step & (a->slots - 1), at = c->lo - c->q->first;
    const int64_t place = ((port * a->slots + slot) << a->neuron_bits) + at;
    return (char *)c->q->sum + place * (a->wide_sum ? 8 : 4);
}

/* One spike to one neuron: counts of neurons whose ids follow each other lie side by side. */
static void add_dense(const stc_sim *sim, const strip *c, const dense_input *in)
{
    uint8_t count[STC_STRIP];
    const int64_t *id = c->a->id, delay = in->projection->least, fired = c->step - delay;
    if (fired < 0 || (in->drawn && (fired < in->first || fired >= in->end))) return;
    const unsigned char *window =
        in->drawn ? NULL : stc_sim_before(sim, in->source, c->item, c->t, delay);
    for (int64_t i = c->lo, n; i < c->hi; i += n) {
        n = c->a->ahead[i] < c->hi - i ? c->a->ahead[i] : c->hi - i;
        if (in->drawn)
            sim->kernels->poisson(&in->poisson, in->key, (uint32_t)c->sample, (uint64_t)fired,
                                  id[i], n, count + (i - c->lo));
        else
            memcpy(count + (i - c->lo), window + id[i] - in->source->window.lo[0], (size_t)n);
    }
    if (c->a->wide_sum)
        sim->kernels->add_counts_i64(c->hi - c->lo, count, in->weight, sums_of(c, in->port));
    else
        sim->kernels->add_counts_i32(c->hi - c->lo, count, (int32_t)in->weight,
                                     sums_of(c, in->port));
}

static void take_currents(const stc_sim *sim, const strip *c, void *current)
{
    for (int64_t i = c->lo; i < c->hi; i++) {
        double sum = 0.0;
        for (int k = 0; k < c->m->ncurrents; k++) {
            const access *from = &c->m->currents[k]->operand[0];
            sum += (double)value_of(from, operand_values(sim, from, c->item, c->t),
                                    operand_element(from, &c->a->id[i]));
        }
        stc_real_put(c->a, current, i - c->lo, sum);
    }
}

/* ---- update ---- */

/* Sums of the next neurons into input [STC_UPDATE_CHUNK] of each port. */
static void take_sums(const stc_sim *sim, const strip *c, void *const *input)
{
    const assembly *a = c->a;
    for (int port = 0; port < a->model->nports; port++) {
        if (a->wide_sum)
            sim->kernels->take_i64(c->hi - c->lo, sums_of(c, port), a->unit, input[port]);
        else
            sim->kernels->take_i32(c->hi - c->lo, sums_of(c, port), (float)a->unit, input[port]);
    }
}

/* All neurons of a strip, as many at a time as first-level cache holds with their coefficients. */
static void update(const stc_sim *sim, const strip *whole, uint8_t *spikes)
{
    static const double none[STC_UPDATE_CHUNK];
    double current[STC_UPDATE_CHUNK], inputs[STC_MAX_PORTS][STC_UPDATE_CHUNK];
    const void *coefficient[STC_MAX_POPULATION_COEFFICIENTS];
    void *state[STC_MAX_POPULATION_STATES], *input[STC_MAX_PORTS];
    const assembly *a = whole->a;
    const member *m = whole->m;
    for (int port = 0; port < a->model->nports; port++)
        input[port] = inputs[port];
    for (int k = 0; k < a->model->ncoefficients; k++)
        coefficient[k] = stc_real_at(a, m->coefficient[k], m->common[k] ? 0 : whole->index);
    for (int s = 0; s < a->model->nstate; s++)
        state[s] = stc_real_at(a, a->state[s], whole->lo);
    const stc_population_step run = {.params = m->params,
                                     .coefficient = coefficient,
                                     .state = state,
                                     .input = (const void *const *)input,
                                     .current = m->ncurrents ? current : none,
                                     .driven = m->ncurrents > 0};
    strip c = *whole;
    for (; c.lo < whole->hi; c.lo = c.hi) {
        c.hi = c.lo + STC_UPDATE_CHUNK < whole->hi ? c.lo + STC_UPDATE_CHUNK : whole->hi;
        const int64_t n = c.hi - c.lo;
        stc_population_step next = run;
        next.spikes = spikes + (c.lo - whole->lo);
        take_sums(sim, &c, input);
        if (m->ncurrents) take_currents(sim, &c, current);
        a->model->update(n, &next);
        for (int s = 0; s < a->model->nstate; s++)
            state[s] = stc_real_at(a, state[s], n);
        for (int k = 0; k < a->model->ncoefficients; k++)
            if (!m->common[k]) coefficient[k] = (const char *)coefficient[k] + n * stc_real_size(a);
    }
}

/* Bring the spikes into the list of the thread and, where it is read, into the window; count them.
 */
static void emit(const stc_sim *sim, const strip *c, const uint8_t *spikes, tally *own)
{
    uint32_t fired[STC_STRIP + 64];
    int64_t *count;
    const stage_plan *plan = c->m->plan;
    const int64_t *id = c->a->id + c->lo, n = sim->kernels->nonzero(c->hi - c->lo, spikes, fired);
    const int64_t slot = stc_sim_slot(plan, c->item, c->t);
    uint32_t *list = stc_fired(plan, slot, c->owner, &count);
    const uint64_t key = stc_record_key(c->sample, (uint64_t)c->step);
    for (int64_t i = 0; i < n; i++) {
        const int64_t which = id[fired[i]], element = which - plan->window.lo[0];
        if (plan->buffer) plan->buffer[slot * plan->window_size + element] = 1;
        list[(*count)++] = (uint32_t)element;
        if (plan->stage->counted)
            own->checksum += stc_record_hash(key, (uint64_t)(plan->stage->first_id + which), 1);
    }
    if (plan->stage->counted) own->spikes += n;
}

/* Take back what the thread wrote into a step of the ring when it was last used. */
static void clear_step(const assembly *a, int owner, int64_t item, int64_t t)
{
    for (int i = 0; i < a->nmembers; i++) {
        int64_t *count;
        const stage_plan *plan = a->members[i].plan;
        const int64_t slot = stc_sim_slot(plan, item, t);
        const uint32_t *list = stc_fired(plan, slot, owner, &count);
        for (int64_t k = 0; plan->buffer && k < *count; k++)
            plan->buffer[slot * plan->window_size + list[k]] = 0;
        *count = 0;
    }
}

/* A state as the model's users know it: some are kept relative to a coefficient. */
static void trace_state(const stc_sim *sim, const strip *c, const trace *t)
{
    const assembly *a = c->a;
    const member *m = c->m;
    const int origin = a->model->origins ? a->model->origins[t->state] : -1;
    double *row = stc_sim_trace_row(sim, t, (int64_t)c->sample, c->step);
    if (!row) return;
    for (int64_t i = c->lo; i < c->hi; i++) {
        if (a->id[i] < t->first || a->id[i] >= t->first + t->count) continue;
        double value = stc_real_get(a, a->state[t->state], i);
        if (origin >= 0) {
            value += stc_real_get(a, m->coefficient[origin],
                                  m->common[origin] ? 0 : c->index + i - c->lo);
        }
        row[a->id[i]] = value;
    }
}

/* ---- a step ---- */

static void start_sample(const assembly *a, int which)
{
    const patch *q = &a->patches[which];
    const int64_t size = stc_real_size(a);
    for (int s = 0; s < a->model->nstate; s++)
        memcpy(stc_real_at(a, a->state[s], q->first), stc_real_at(a, a->start[s], q->first),
               (size_t)(q->n * size));
    const int64_t sums = (a->slots << a->neuron_bits) * a->model->nports;
    memset(q->sum, 0, (size_t)(sums * (a->wide_sum ? 8 : 4)));
    stc_sim_silence(a, which);
}

static void run_strip(const stc_sim *sim, const strip *whole, tally *own)
{
    uint8_t spikes[STC_STRIP];
    double at = stc_phase_start(sim);
    for (int d = 0; d < whole->m->ndense; d++)
        add_dense(sim, whole, &whole->m->dense[d]);
    at = stc_phase_end(sim, whole->thread, STC_PHASE_POISSON, at);
    update(sim, whole, spikes);
    emit(sim, whole, spikes, own);
    for (int i = 0; i < whole->m->plan->ntraces; i++)
        trace_state(sim, whole, &whole->m->plan->traces[i]);
    stc_phase_end(sim, whole->thread, STC_PHASE_UPDATE, at);
}

/* The neurons of a member in the patch, a strip at a time; from the last strip to the first one
 * when back is true. */
static void run_slice(const stc_sim *sim, strip *c, int which, bool back, tally *own)
{
    const slice s = stc_slice(c->a, c->m, which);
    const int64_t strips = (s.hi - s.lo + STC_STRIP - 1) / STC_STRIP;
    for (int64_t k = 0; k < strips; k++) {
        c->lo = s.lo + (back ? strips - 1 - k : k) * STC_STRIP;
        c->hi = c->lo + STC_STRIP < s.hi ? c->lo + STC_STRIP : s.hi;
        c->index = s.index + c->lo - s.lo;
        run_strip(sim, c, own);
    }
}

static void run_step(const stc_sim *sim, const assembly *a, int which, int owner, int64_t item,
                     int64_t t)
{
    const int64_t step = item % sim->nblocks * sim->block + t;
    const int thread = omp_get_thread_num();
    tally *own = a->tallies + (int64_t)thread * a->nmembers;
    strip c = {.a = a,
               .q = &a->patches[which],
               .item = item,
               .t = t,
               .step = step,
               .thread = thread,
               .owner = owner,
               .sample = (uint64_t)(sim->first_sample + item / sim->nblocks)};
    if (step == 0) start_sample(a, which);
    if (which == a->first_patch[owner]) clear_step(a, owner, item, t);
    const double at = stc_phase_start(sim);
    if (t > 0 || a->early != item + 1) stc_sim_deliver_own(sim, a, which, item, t, step);
    stc_sim_deliver_rest(sim, a, which, item, t, step);
    stc_phase_end(sim, thread, STC_PHASE_DELIVER, at);
    /* forth and back: what a step used last is still in cache when the next one begins */
    const bool back = step % 2 != 0;
    for (int i = 0; i < a->nmembers; i++) {
        const int which_member = back ? a->nmembers - 1 - i : i;
        c.m = &a->members[which_member];
        run_slice(sim, &c, which, back, &own[which_member]);
    }
}

/* ---- pieces of time ---- */

/* Neurons times steps that keep threads busy for longer than it takes to start them. */
static bool worth_threads(const stc_sim *sim, int64_t neuron_steps)
{
    return sim->threads > 1 && neuron_steps >= 8192;
}

/* The patches of one thread. */
static void run_patches(const stc_sim *sim, const assembly *a, int owner, int64_t beat,
                        int64_t from, int64_t to)
{
    const int64_t item = stc_sim_item(sim, a->members[0].plan, beat);
    if (item < 0) return;
    const int64_t length = stc_sim_block_length(sim, item % sim->nblocks);
    for (int q = a->first_patch[owner]; q < a->first_patch[owner + 1]; q++)
        for (int64_t t = from; t < (to < length ? to : length); t++)
            run_step(sim, a, q, owner, item, t);
}

static void gather_tallies(const stc_sim *sim, const assembly *a)
{
    for (int i = 0; i < sim->threads * a->nmembers; i++) {
        stage_plan *plan = a->members[i % a->nmembers].plan;
        plan->spikes += a->tallies[i].spikes;
        plan->checksum += a->tallies[i].checksum;
        a->tallies[i] = (tally){0};
    }
}

void stc_sim_assemblies(stc_sim *sim, int n, assembly *const *list, int64_t beat, int64_t from,
                        int64_t to, int64_t piece)
{
    int64_t neurons = 0;
    for (int i = 0; i < n; i++)
        neurons += list[i]->neurons;
    const bool many = worth_threads(sim, neurons * piece);
#pragma omp parallel num_threads(sim->threads) if (many)
    {
        const int t = many ? omp_get_thread_num() : 0, next = many ? t + 1 : sim->threads;
        for (int64_t at = from; at < to; at += piece) {
            const int64_t end = at + piece < to ? at + piece : to;
            for (int i = 0; i < n; i++)
                for (int owner = t; owner < next; owner++)
                    run_patches(sim, list[i], owner, beat, at, end);
            if (many) {
#pragma omp barrier
            }
        }
    }
    for (int i = 0; i < n; i++)
        gather_tallies(sim, list[i]);
}

/* Does an assembly wait for messages in this beat, to begin with a step whose other sources were
 * computed in earlier beats? */
static bool can_begin(const stc_sim *sim, const assembly *a, int64_t item)
{
    const stage_plan *plan = a->members[0].plan;
    if (!plan->remote || item < 0 || item % sim->nblocks == 0) return false;
    for (int k = 0; k < a->npathways; k++)
        if (a->pathways[k].source->level - plan->level >= sim->period) return false;
    return true;
}

void stc_sim_begin_assemblies(const stc_sim *sim, int64_t beat)
{
    for (int i = 0; i < sim->nassemblies; i++) {
        assembly *a = sim->assemblies[i];
        const int64_t item = stc_sim_item(sim, a->members[0].plan, beat);
        if (!can_begin(sim, a, item)) continue;
        const int64_t step = item % sim->nblocks * sim->block;
        const double start = stc_seconds();
#pragma omp parallel for num_threads(sim->threads)                                                 \
    schedule(static, 1) if (worth_threads(sim, a->neurons))
        for (int owner = 0; owner < sim->threads; owner++) {
            const double at = stc_phase_start(sim);
            for (int q = a->first_patch[owner]; q < a->first_patch[owner + 1]; q++)
                stc_sim_deliver_own(sim, a, q, item, 0, step);
            stc_phase_end(sim, omp_get_thread_num(), STC_PHASE_DELIVER, at);
        }
        stc_assembly_stage(a)->seconds += stc_seconds() - start;
        a->early = item + 1;
    }
}

int64_t stc_sim_population_need(const assembly *a)
{
    int64_t most = 0; /* of those that do not list their spikes */
    for (int k = 0; k < a->npathways; k++) {
        const stage_plan *source = a->pathways[k].source;
        if (!source->fired && source->window_size > most) most = source->window_size;
    }
    return (most + 64) * (int64_t)sizeof(uint32_t);
}
