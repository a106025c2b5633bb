/* population_load.c - the neurons of a population on this rank and all synapses onto them, and the
 * grid of their weights. Weights are integers on a power-of-two grid that is fine enough for all
 * that a neuron can ever receive in one step, so that sums are exact and the same in any order.
 * Reading order: neurons, synapses, load, agree. */
#include "population.h"

#include "stc/connect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int allocate(const stage_plan *plan, population *p)
{
    for (int s = 0; s < p->model->nstate; s++) {
        p->state[s] = stc_alloc(p->n, stc_real_size(p));
        p->start[s] = stc_alloc(p->n, stc_real_size(p));
        if (!p->state[s] || !p->start[s]) return STC_ERR_NOMEM;
    }
    for (int i = 0; i < p->model->nports; i++) {
        p->input[i] = stc_alloc(p->n, stc_real_size(p));
        if (!p->input[i]) return STC_ERR_NOMEM;
    }
    p->current = stc_alloc(p->n, stc_real_size(p));
    p->received = stc_alloc(stc_sim_product(p->model->nports, p->n), sizeof *p->received);
    int64_t sums = stc_sim_product(p->ring.slots * p->ring.ports, p->n);
    STC_CHECK(sums < INT64_C(1) << 32, STC_ERR_FIT,
              "population %s: %lld neurons of this rank with delays of %lld steps need %lld "
              "accumulators, at most 2^32 are possible; use more ranks",
              plan->stage->name, (long long)p->n, (long long)p->ring.slots, (long long)sums);
    p->ring.sum = stc_alloc(sums, sizeof *p->ring.sum);
    return p->current && p->received && p->ring.sum ? 0 : STC_ERR_NOMEM;
}

/* Values of a parameter of all neurons of this rank. */
static int read_param(const stc_sim *sim, const stage_plan *plan, const population *p, int param,
                      int32_t field, double *out)
{
    const stc_attr_spec *spec = &p->model->params[param];
    const char *constraint = spec->check && spec->check[0] ? spec->check : "finite";
    for (int b = 0; b < plan->nboxes; b++) {
        int64_t first = plan->boxes[b].box.lo[0], count = plan->boxes[b].box.hi[0] - first;
        STC_TRY(sim->program->read_field(sim->program, field, first, count, out));
        for (int64_t i = 0; i < count; i++) {
            STC_CHECK(stc_attr_meets(constraint, out[i]) && isfinite(out[i]), STC_ERR_INPUT,
                      "population %s: %s of neuron %lld is %g, expected %s", plan->stage->name,
                      spec->name, (long long)(first + i), out[i], constraint);
        }
        out += count;
    }
    return 0;
}

/* Coefficients and start of all neurons; values [nparams][n] of parameters that differ, NULL when
 * none does. */
static int prepare(const stage_plan *plan, population *p, const int32_t *field,
                   const double *values)
{
    double params[STC_MAX_POPULATION_PARAMS], c[STC_MAX_POPULATION_COEFFICIENTS];
    double start[STC_MAX_POPULATION_STATES];
    for (int64_t i = 0; i < p->n; i++) {
        for (int k = 0; k < p->model->nparams; k++)
            params[k] = field[k] >= 0 ? values[k * p->n + i] : p->params[k];
        int rc = values || i == 0 ? p->model->prepare(params, c) : 0;
        if (rc < 0) {
            return stc_fail_in(rc, "population %s, neuron %lld", plan->stage->name,
                               (long long)p->id[i]);
        }
        if (values || i == 0) p->model->start(params, start);
        for (int k = 0; k < p->model->ncoefficients && (values || i < STC_POPULATION_CHUNK); k++)
            stc_real_put(p, p->coefficient[k], i, c[k]);
        for (int k = 0; k < p->model->nstate; k++)
            stc_real_put(p, p->start[k], i, start[k]);
    }
    return 0;
}

static int load_neurons(const stc_sim *sim, const stage_plan *plan, population *p)
{
    const int32_t *field = plan->kernels[plan->nkernels - 1].kernel->u.population.field;
    bool differ = false;
    for (int k = 0; k < p->model->nparams; k++)
        differ = differ || field[k] >= 0;
    for (int k = 0; k < p->model->ncoefficients; k++) {
        p->common[k] = !differ;
        p->coefficient[k] = stc_alloc(differ ? p->n : STC_POPULATION_CHUNK, stc_real_size(p));
        if (!p->coefficient[k]) return STC_ERR_NOMEM;
    }
    if (!differ) return prepare(plan, p, field, NULL);
    double *values = stc_alloc(p->model->nparams * p->n, sizeof *values);
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int k = 0; k < p->model->nparams && rc >= 0; k++) {
        if (field[k] >= 0) rc = read_param(sim, plan, p, k, field[k], values + k * p->n);
    }
    if (rc >= 0) rc = prepare(plan, p, field, values);
    stc_free(values);
    return rc;
}

/* Models with two ports choose by the sign of the weight; those with more number their receptors
 * from 1 on, as NEST does, and take the first one where none is named. */
static int port_of(const population *p, const stc_projection *projection, double weight)
{
    int32_t receptor = projection->receptor;
    if (p->model->nports > 2) return receptor > 0 ? receptor - 1 : 0;
    if (receptor >= 0) return receptor;
    return p->model->nports == 2 && !(weight > 0.0);
}

/* Sort synapses by source into a table. */
static int fill_table(const stage_plan *source, const population *p, const delivery *d,
                      int64_t neuron, const stc_synapses *list, synapse_table *out)
{
    int64_t nsources = source->window_size, lo = source->window.lo[0];
    const int64_t limit = source->stage->kind.max;
    out->n = list->n;
    out->first = stc_alloc(nsources + 2, sizeof *out->first);
    out->place = stc_alloc(list->n, sizeof *out->place);
    out->weight = stc_alloc(list->n, sizeof *out->weight);
    if (!out->first || !out->place || !out->weight) return STC_ERR_NOMEM;
    int64_t *next = out->first + 1; /* becomes first when all are placed */
    for (int64_t i = 0; i < list->n; i++)
        next[list->source[i] - lo + 1]++;
    for (int64_t s = 0; s < nsources; s++)
        next[s + 1] += next[s];
    for (int64_t i = 0; i < list->n; i++) {
        int64_t to = next[list->source[i] - lo]++;
        int port = port_of(p, d->projection, list->weight[i]);
        int64_t target = neuron + list->target[i];
        double largest =
            d->kind->largest ? d->kind->largest(d->params, list->weight[i]) : fabs(list->weight[i]);
        out->place[to] =
            stc_synapse_place(&p->ring, list->delay[i] - d->projection->least, port, target);
        out->weight[to].real = list->weight[i];
        p->received[port * p->n + target] += largest * (double)limit;
    }
    return 0;
}

/* Synapses onto neurons [from, to) of this rank, which lie in runs of following ids. */
static int connect_range(const stc_sim *sim, const stage_plan *plan, const population *p,
                         const delivery *d, int64_t from, int64_t to, synapse_table *out)
{
    stc_synapses list = {0};
    int64_t nruns = 0;
    stc_run *runs = stc_alloc(to - from, sizeof *runs);
    if (!runs) return STC_ERR_NOMEM;
    for (int64_t i = from; i < to; i++) {
        if (i > from && p->id[i] == p->id[i - 1] + 1) {
            runs[nruns - 1].count++;
        } else {
            runs[nruns++] = (stc_run){p->id[i], 1};
        }
    }
    int rc = stc_connect_runs(sim->program, d->projection, nruns, runs, &list);
    stc_free(runs);
    if (rc >= 0) {
        const stage_plan *source = &sim->stages[d->kernel->operand[0].stage];
        rc = fill_table(source, p, d, from, &list, out);
    }
    stc_synapses_free(&list);
    return rc < 0 ? stc_fail_in(rc, "population %s", plan->stage->name) : 0;
}

static int load_synapses(const stc_sim *sim, const stage_plan *plan, const population *p)
{
    for (int k = 0; k < p->ndeliveries; k++) {
        delivery *d = &p->deliveries[k];
        d->tables = stc_alloc(sim->threads, sizeof *d->tables);
        if (!d->tables) return STC_ERR_NOMEM;
        STC_CHECK(
            d->projection->receptor<
                p->model->nports + (p->model->nports > 2), STC_ERR_INPUT,
                "population %s: the projection from %s wants receptor %d, expected %d to %d as "
                "%s has, or -1 for none",
                plan->stage->name, sim->stages[d->kernel->operand[0].stage].stage->name,
                d->projection->receptor, p->model->nports> 2,
            p->model->nports - (p->model->nports <= 2), p->model->name);
        for (int t = 0; t < sim->threads; t++) {
            STC_TRY(connect_range(sim, plan, p, d, p->range[t], p->range[t + 1], &d->tables[t]));
        }
    }
    return 0;
}

static int choose_kind(const stage_plan *plan, delivery *d)
{
    int n;
    const stc_synapse_kind *const *kinds = stc_synapse_kinds(&n);
    STC_CHECK(d->projection->synapse < n, STC_ERR_INPUT,
              "population %s: synapse kind number %d, there are %d", plan->stage->name,
              d->projection->synapse, n);
    d->kind = kinds[d->projection->synapse];
    d->params[0] = d->projection->dt;
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const owned_box *x = a, *y = b;
    return (x->box.lo[0] > y->box.lo[0]) - (x->box.lo[0] < y->box.lo[0]);
}

static int list_kernels(const stc_sim *sim, const stage_plan *plan, population *p)
{
    p->deliveries = stc_alloc(plan->nkernels, sizeof *p->deliveries);
    p->currents = stc_alloc(plan->nkernels, sizeof *p->currents);
    p->range = stc_alloc(sim->threads + 1, sizeof *p->range);
    p->id = stc_alloc(p->n, sizeof *p->id);
    if (!p->deliveries || !p->currents || !p->range || !p->id) return STC_ERR_NOMEM;
    p->ring = (stc_ring){.slots = 1, .ports = p->model->nports, .neurons = p->n};
    for (int k = 0; k < plan->nkernels; k++) {
        const stc_kernel *kernel = plan->kernels[k].kernel;
        if (kernel->kind == STC_KERNEL_READ) p->currents[p->ncurrents++] = &plan->kernels[k];
        if (kernel->kind != STC_KERNEL_DELIVER) continue;
        const stc_projection *projection = &kernel->u.deliver;
        delivery *d = &p->deliveries[p->ndeliveries++];
        *d = (delivery){.projection = projection, .kernel = &plan->kernels[k]};
        STC_TRY(choose_kind(plan, d));
        int64_t slots = projection->most - projection->least + 1;
        if (slots > p->ring.slots) p->ring.slots = slots;
    }
    for (int t = 0; t <= sim->threads; t++)
        p->range[t] = p->n * t / sim->threads;
    int64_t i = 0;
    qsort(plan->boxes, (size_t)plan->nboxes, sizeof *plan->boxes, by_first);
    for (int b = 0; b < plan->nboxes; b++)
        for (int64_t id = plan->boxes[b].box.lo[0]; id < plan->boxes[b].box.hi[0]; id++)
            p->id[i++] = id;
    return 0;
}

static int load(stc_sim *sim, stage_plan *plan)
{
    int n;
    const stc_kernel *kernel = plan->kernels[plan->nkernels - 1].kernel;
    population *p = plan->population = stc_alloc(1, sizeof *p);
    if (!p) return STC_ERR_NOMEM;
    p->single = sim->options.single;
    const char *isa = strcmp(sim->kernels->name, "amx") == 0 ? "avx512" : sim->kernels->name;
    p->model = stc_population_models(isa, p->single, &n)[kernel->u.population.model];
    p->params = kernel->u.population.params;
    for (int b = 0; b < plan->nboxes; b++)
        p->n += plan->boxes[b].positions * plan->boxes[b].channels;
    STC_TRY(list_kernels(sim, plan, p));
    STC_TRY(allocate(plan, p));
    STC_TRY(load_neurons(sim, plan, p));
    return load_synapses(sim, plan, p);
}

int stc_sim_load_populations(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        const stc_kernel *last =
            &sim->program->kernels[plan->stage->first_kernel + plan->stage->nkernels - 1];
        if (last->kind == STC_KERNEL_POPULATION && plan->nboxes) STC_TRY(load(sim, plan));
    }
    return 0;
}

void stc_sim_destroy_population(population **out, int threads)
{
    population *p = *out;
    if (!p) return;
    for (int k = 0; k < p->ndeliveries; k++) {
        for (int t = 0; p->deliveries[k].tables && t < threads; t++) {
            synapse_table *table = &p->deliveries[k].tables[t];
            stc_free(table->first);
            stc_free(table->place);
            stc_free(table->weight);
        }
        stc_free(p->deliveries[k].tables);
    }
    for (int s = 0; s < STC_MAX_POPULATION_STATES; s++) {
        stc_free(p->state[s]);
        stc_free(p->start[s]);
    }
    for (int c = 0; c < STC_MAX_POPULATION_COEFFICIENTS; c++)
        stc_free(p->coefficient[c]);
    for (int i = 0; i < STC_MAX_PORTS; i++)
        stc_free(p->input[i]);
    stc_free(p->deliveries);
    stc_free(p->currents);
    stc_free(p->range);
    stc_free(p->id);
    stc_free(p->ring.sum);
    stc_free(p->received);
    stc_free(p->current);
    stc_free(p);
    *out = NULL;
}

/* ---- agree on the grid of the weights ---- */

/* The finest grid on which the largest sum fits an accumulator. */
static int choose_exponent(const stage_plan *plan, double largest, int *out)
{
    enum { SUM_BITS = 62, LEAST = 24, MOST = 200 };
    int binary = SUM_BITS; /* of infinity, the sum of weights near the end of float64 */
    if (isfinite(largest)) frexp(largest, &binary); /* largest < 2^binary */
    *out = SUM_BITS - binary > MOST ? MOST : SUM_BITS - binary;
    STC_CHECK(
        *out >= LEAST, STC_ERR_INPUT,
        "population %s: the weights of a neuron add up to %g, which leaves fewer than %d bits "
        "for fractions in an accumulator of 64; use smaller weights or another unit",
        plan->stage->name, largest, LEAST);
    return 0;
}

static void set_grid(population *p, int threads, int exponent)
{
    p->exponent = exponent;
    stc_free(p->received);
    p->received = NULL;
    for (int k = 0; k < p->ndeliveries; k++) {
        for (int t = 0; t < threads; t++) {
            synapse_table *table = &p->deliveries[k].tables[t];
            for (int64_t i = 0; i < table->n; i++)
                table->weight[i].grid = llrint(ldexp(table->weight[i].real, exponent));
        }
    }
}

int stc_sim_agree_weights(stc_sim *sim)
{
    int32_t nstages = sim->program->nstages;
    double *largest = stc_alloc(nstages, sizeof *largest);
    int rc = stc_agree(&sim->group, largest ? 0 : STC_ERR_NOMEM);
    if (rc < 0) {
        stc_free(largest);
        return rc;
    }
    for (int32_t s = 0; s < nstages; s++) {
        const population *p = sim->stages[s].population;
        for (int64_t i = 0; p && i < p->model->nports * p->n; i++)
            largest[s] = fmax(largest[s], p->received[i]);
    }
    MPI_Allreduce(MPI_IN_PLACE, largest, nstages, MPI_DOUBLE, MPI_MAX, sim->group.mpi);
    for (int32_t s = 0; s < nstages && rc >= 0; s++) {
        int exponent;
        if (!sim->stages[s].population) continue;
        rc = choose_exponent(&sim->stages[s], largest[s], &exponent);
        if (rc >= 0) set_grid(sim->stages[s].population, sim->threads, exponent);
    }
    stc_free(largest);
    return stc_agree(&sim->group, rc);
}
