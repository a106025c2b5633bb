/* population.c - point neurons that take spikes through synapses.
 *
 * Every thread owns a range of the neurons of this rank with all synapses onto them. A source step
 * is delivered when its first spikes arrive: the synapses of every source that fired add their
 * weights to a ring of accumulators, [slot][port][neuron], where slot is the step of arrival. Then
 * the step's slot becomes the input of the update. Weights are integers on a power-of-two grid that
 * is fine enough for all that a neuron can ever receive in one step, so that sums are exact and the
 * same in any order. Reading order: load, agree, deliver, update. */
#include "elements.h"

#include "stc/connect.h"
#include "stc/population.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { CHUNK = 1024 }; /* neurons of one call of update */

typedef union {
    double real; /* until the grid is known */
    int64_t grid;
} synapse_weight;

/* Synapses of one projection onto the neurons of one thread, by source. */
typedef struct {
    int64_t n;
    int64_t *first;  /* [sources in the window + 1] */
    int32_t *target; /* neuron of this rank */
    int32_t *slot;   /* steps after the first possible arrival */
    synapse_weight *weight;
    uint8_t *port;
} synapse_table;

typedef struct {
    const stc_projection *projection;
    const kernel_plan *kernel;
    synapse_table *tables; /* [threads] */
} delivery;

struct population {
    const stc_population_model *model;
    const double *params;
    bool single;
    int64_t n;      /* neurons of this rank: those of box 0, then of box 1, ... */
    int64_t *range; /* [threads + 1] of each thread */
    int64_t *id;    /* [n] C-order index in the node */
    int ndeliveries;
    delivery *deliveries;
    int ncurrents;
    const kernel_plan **currents;
    int64_t slots;
    int64_t *ring;    /* [slots][ports][n] */
    double *received; /* [ports][n] largest sum of weights, until the grid is known */
    int exponent;     /* weight = integer * 2^-exponent */
    void *state[STC_MAX_POPULATION_STATES], *start[STC_MAX_POPULATION_STATES];
    void *coefficient[STC_MAX_POPULATION_COEFFICIENTS];
    bool common[STC_MAX_POPULATION_COEFFICIENTS]; /* one value in CHUNK entries */
    void *input[STC_MAX_PORTS], *current;
};

/* ---- load ---- */

static int64_t real_size(const population *p)
{
    return p->single ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
}

static void put(const population *p, void *array, int64_t i, double x)
{
    if (p->single)
        ((float *)array)[i] = (float)x;
    else
        ((double *)array)[i] = x;
}

static const void *at(const population *p, const void *array, int64_t i)
{
    return (const char *)array + i * real_size(p);
}

static int allocate(population *p)
{
    for (int s = 0; s < p->model->nstate; s++) {
        p->state[s] = stc_alloc(p->n, real_size(p));
        p->start[s] = stc_alloc(p->n, real_size(p));
        if (!p->state[s] || !p->start[s]) return STC_ERR_NOMEM;
    }
    for (int i = 0; i < p->model->nports; i++) {
        p->input[i] = stc_alloc(p->n, real_size(p));
        if (!p->input[i]) return STC_ERR_NOMEM;
    }
    p->current = stc_alloc(p->n, real_size(p));
    p->received = stc_alloc(stc_sim_product(p->model->nports, p->n), sizeof *p->received);
    p->ring = stc_alloc(stc_sim_product(p->slots * p->model->nports, p->n), sizeof *p->ring);
    return p->current && p->received && p->ring ? 0 : STC_ERR_NOMEM;
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
        for (int k = 0; k < p->model->ncoefficients && (values || i < CHUNK); k++)
            put(p, p->coefficient[k], i, c[k]);
        for (int k = 0; k < p->model->nstate; k++)
            put(p, p->start[k], i, start[k]);
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
        p->coefficient[k] = stc_alloc(differ ? p->n : CHUNK, real_size(p));
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

static int port_of(const population *p, const stc_projection *projection, double weight)
{
    if (projection->receptor >= 0) return projection->receptor;
    return p->model->nports > 1 && !(weight > 0.0);
}

/* Sort synapses by source into a table. */
static int fill_table(const stage_plan *source, const population *p, const delivery *d,
                      int64_t neuron, const stc_synapses *list, synapse_table *out)
{
    int64_t nsources = source->window_size, lo = source->window.lo[0];
    const int64_t limit = source->stage->kind.max;
    out->n = list->n;
    out->first = stc_alloc(nsources + 2, sizeof *out->first);
    out->target = stc_alloc(list->n, sizeof *out->target);
    out->slot = stc_alloc(list->n, sizeof *out->slot);
    out->weight = stc_alloc(list->n, sizeof *out->weight);
    out->port = stc_alloc(list->n, sizeof *out->port);
    if (!out->first || !out->target || !out->slot || !out->weight || !out->port) {
        return STC_ERR_NOMEM;
    }
    int64_t *next = out->first + 1; /* becomes first when all are placed */
    for (int64_t i = 0; i < list->n; i++)
        next[list->source[i] - lo + 1]++;
    for (int64_t s = 0; s < nsources; s++)
        next[s + 1] += next[s];
    for (int64_t i = 0; i < list->n; i++) {
        int64_t to = next[list->source[i] - lo]++;
        int port = port_of(p, d->projection, list->weight[i]);
        out->target[to] = (int32_t)(neuron + list->target[i]);
        out->slot[to] = list->delay[i] - (int32_t)d->projection->least;
        out->weight[to].real = list->weight[i];
        out->port[to] = (uint8_t)port;
        p->received[port * p->n + out->target[to]] += fabs(list->weight[i]) * (double)limit;
    }
    return 0;
}

/* Add the synapses of another run of neurons, whose first one is neuron `shift` of the range. */
static int append(stc_synapses *all, const stc_synapses *list, int64_t shift)
{
    int64_t n = all->n + list->n;
    stc_synapses sum = {.source = stc_alloc(n, sizeof *sum.source),
                        .target = stc_alloc(n, sizeof *sum.target),
                        .delay = stc_alloc(n, sizeof *sum.delay),
                        .weight = stc_alloc(n, sizeof *sum.weight)};
    if (!sum.source || !sum.target || !sum.delay || !sum.weight) {
        stc_synapses_free(&sum);
        return STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < n; i++) {
        const stc_synapses *from = i < all->n ? all : list;
        int64_t k = i < all->n ? i : i - all->n;
        sum.source[i] = from->source[k];
        sum.target[i] = from->target[k] + (int32_t)(from == list ? shift : 0);
        sum.delay[i] = from->delay[k];
        sum.weight[i] = from->weight[k];
    }
    sum.n = n;
    stc_synapses_free(all);
    *all = sum;
    return 0;
}

/* Synapses onto neurons [from, to) of this rank, which may lie in several boxes. */
static int connect_range(const stc_sim *sim, const stage_plan *plan, const population *p,
                         const delivery *d, int64_t from, int64_t to, synapse_table *out)
{
    stc_synapses all = {0};
    int rc = 0;
    for (int64_t i = from, count; i < to && rc >= 0; i += count) {
        stc_synapses list = {0};
        for (count = 1; i + count < to && p->id[i + count] == p->id[i] + count;)
            count++;
        rc = stc_connect(sim->program, d->projection, p->id[i], count, &list);
        if (rc < 0) break;
        if (i == from) {
            all = list;
            continue;
        }
        rc = append(&all, &list, i - from);
        stc_synapses_free(&list);
    }
    if (rc >= 0) {
        const stage_plan *source = &sim->stages[d->kernel->operand[0].stage];
        rc = fill_table(source, p, d, from, &all, out);
    }
    stc_synapses_free(&all);
    return rc < 0 ? stc_fail_in(rc, "population %s", plan->stage->name) : 0;
}

static int load_synapses(const stc_sim *sim, const stage_plan *plan, const population *p)
{
    for (int k = 0; k < p->ndeliveries; k++) {
        delivery *d = &p->deliveries[k];
        d->tables = stc_alloc(sim->threads, sizeof *d->tables);
        if (!d->tables) return STC_ERR_NOMEM;
        STC_CHECK(d->projection->receptor < p->model->nports, STC_ERR_INPUT,
                  "population %s: a projection wants receptor %d, %s has %d", plan->stage->name,
                  d->projection->receptor, p->model->name, p->model->nports);
        for (int t = 0; t < sim->threads; t++) {
            STC_TRY(connect_range(sim, plan, p, d, p->range[t], p->range[t + 1], &d->tables[t]));
        }
    }
    return 0;
}

static int list_kernels(const stc_sim *sim, const stage_plan *plan, population *p)
{
    p->deliveries = stc_alloc(plan->nkernels, sizeof *p->deliveries);
    p->currents = stc_alloc(plan->nkernels, sizeof *p->currents);
    p->range = stc_alloc(sim->threads + 1, sizeof *p->range);
    p->id = stc_alloc(p->n, sizeof *p->id);
    if (!p->deliveries || !p->currents || !p->range || !p->id) return STC_ERR_NOMEM;
    p->slots = 1;
    for (int k = 0; k < plan->nkernels; k++) {
        const stc_kernel *kernel = plan->kernels[k].kernel;
        if (kernel->kind == STC_KERNEL_READ) p->currents[p->ncurrents++] = &plan->kernels[k];
        if (kernel->kind != STC_KERNEL_DELIVER) continue;
        const stc_projection *projection = &kernel->u.deliver;
        p->deliveries[p->ndeliveries++] = (delivery){projection, &plan->kernels[k], NULL};
        int64_t slots = projection->most - projection->least + 1;
        if (slots > p->slots) p->slots = slots;
    }
    for (int t = 0; t <= sim->threads; t++)
        p->range[t] = p->n * t / sim->threads;
    int64_t i = 0;
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
    STC_TRY(allocate(p));
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
            stc_free(table->target);
            stc_free(table->slot);
            stc_free(table->weight);
            stc_free(table->port);
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
    stc_free(p->ring);
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
    int binary = 0;
    if (largest > 0.0) frexp(largest, &binary); /* largest < 2^binary */
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

/* ---- a step ---- */

/* All synapses of the sources that fired in a step onto the neurons of one thread. */
static void deliver(const population *p, const synapse_table *table, const unsigned char *spikes,
                    int64_t nsources, int64_t step)
{
    int64_t ports = p->model->nports;
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
        for (int64_t i = table->first[s]; i < table->first[s + 1]; i++) {
            int64_t slot = (step + table->slot[i]) % p->slots;
            p->ring[(slot * ports + table->port[i]) * p->n + table->target[i]] +=
                table->weight[i].grid * spikes[s];
        }
    }
}

/* Take the sums of a step out of the ring. */
static void take_input(const population *p, int64_t step, int64_t lo, int64_t hi)
{
    int64_t ports = p->model->nports, slot = step % p->slots;
    double unit = ldexp(1.0, -p->exponent);
    for (int port = 0; port < ports; port++) {
        int64_t *sums = p->ring + (slot * ports + port) * p->n;
        for (int64_t i = lo; i < hi; i++) {
            put(p, p->input[port], i, (double)sums[i] * unit);
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
        put(p, p->current, i, sum);
    }
}

static void update(const population *p, int64_t lo, int64_t hi, uint8_t *spikes)
{
    for (int64_t i = lo; i < hi; i += CHUNK) {
        const void *coefficient[STC_MAX_POPULATION_COEFFICIENTS], *input[STC_MAX_PORTS];
        void *state[STC_MAX_POPULATION_STATES];
        for (int c = 0; c < p->model->ncoefficients; c++)
            coefficient[c] = p->common[c] ? p->coefficient[c] : at(p, p->coefficient[c], i);
        for (int s = 0; s < p->model->nstate; s++)
            state[s] = (char *)p->state[s] + i * real_size(p);
        for (int k = 0; k < p->model->nports; k++)
            input[k] = at(p, p->input[k], i);
        p->model->update(hi - i < CHUNK ? hi - i : CHUNK,
                         &(stc_population_step){.params = p->params,
                                                .coefficient = coefficient,
                                                .state = state,
                                                .input = input,
                                                .current = at(p, p->current, i),
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

static void trace_state(const stc_sim *sim, const stage_plan *plan, const trace *t, int64_t lo,
                        int64_t hi, int64_t sample, int64_t step)
{
    const population *p = plan->population;
    double *row = t->values + ((sample - sim->all_first) * sim->steps + step) * t->count - t->first;
    for (int64_t i = lo; i < hi; i++) {
        if (p->id[i] < t->first || p->id[i] >= t->first + t->count) continue;
        row[p->id[i]] = p->single ? (double)((const float *)p->state[t->state])[i]
                                  : ((const double *)p->state[t->state])[i];
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
            memcpy((char *)p->state[s] + lo * real_size(p), at(p, p->start[s], lo),
                   (size_t)((hi - lo) * real_size(p)));
        }
        for (int64_t row = 0; row < p->slots * p->model->nports; row++)
            memset(p->ring + row * p->n + lo, 0, (size_t)(hi - lo) * sizeof *p->ring);
    }
    for (int64_t t = first; t < first + steps; t++) {
        int64_t step = item % sim->nblocks * sim->block + t;
        for (int k = 0; k < p->ndeliveries; k++) {
            const delivery *d = &p->deliveries[k];
            const stage_plan *source = &sim->stages[d->kernel->operand[0].stage];
            const unsigned char *values =
                stc_sim_before(sim, source, item, t, d->projection->least);
            deliver(p, &d->tables[range], values, source->window_size, step);
        }
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
#pragma omp parallel for schedule(static, 1) num_threads(sim->threads)
    for (int range = 0; range < sim->threads; range++)
        run_range(sim, plan, range, item, first, steps);
}

void stc_sim_population_need(const stage_plan *plan, scratch_need *need)
{
    if (plan->population->n > need->panel) need->panel = plan->population->n;
}
