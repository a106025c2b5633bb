/* assembly.c - which populations of this rank form an assembly, and their neurons: parameters,
 * coefficients, state, patches, and what they receive. */
#include "assembly.h"

#include "stc/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- neurons ---- */

/* Values of a parameter of all neurons of a member. */
static int read_param(const stc_sim *sim, const assembly *a, const member *m, int param,
                      int32_t field, double *out)
{
    const stc_attr_spec *spec = &a->model->params[param];
    const char *constraint = spec->check && spec->check[0] ? spec->check : "finite";
    const stage_plan *plan = m->plan;
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
static int prepare(assembly *a, member *m, const int32_t *field, const double *values)
{
    double params[STC_MAX_POPULATION_PARAMS], c[STC_MAX_POPULATION_COEFFICIENTS];
    double start[STC_MAX_POPULATION_STATES];
    for (int64_t i = 0; i < m->n; i++) {
        for (int k = 0; k < a->model->nparams; k++)
            params[k] = field[k] >= 0 ? values[k * m->n + i] : m->params[k];
        int rc = values || i == 0 ? a->model->prepare(params, c) : 0;
        if (rc < 0) {
            return stc_fail_in(rc, "population %s, neuron %lld", m->plan->stage->name,
                               (long long)a->id[m->first + i]);
        }
        if (values || i == 0) a->model->start(params, start);
        for (int k = 0; k < a->model->ncoefficients && (values || i < STC_UPDATE_CHUNK); k++)
            stc_real_put(a, m->coefficient[k], i, c[k]);
        for (int k = 0; k < a->model->nstate; k++)
            stc_real_put(a, a->start[k], m->first + i, start[k]);
    }
    for (int64_t i = m->n; !values && i < STC_UPDATE_CHUNK; i++)
        for (int k = 0; k < a->model->ncoefficients; k++)
            stc_real_put(a, m->coefficient[k], i, c[k]);
    return 0;
}

static int load_neurons(const stc_sim *sim, assembly *a, member *m)
{
    const stage_plan *plan = m->plan;
    const int32_t *field = plan->kernels[plan->nkernels - 1].kernel->u.population.field;
    bool differ = false;
    for (int k = 0; k < a->model->nparams; k++)
        differ = differ || field[k] >= 0;
    for (int k = 0; k < a->model->ncoefficients; k++) {
        m->common[k] = !differ;
        m->coefficient[k] = stc_alloc(differ ? m->n : STC_UPDATE_CHUNK, stc_real_size(a));
        if (!m->coefficient[k]) return STC_ERR_NOMEM;
    }
    if (!differ) return prepare(a, m, field, NULL);
    double *values = stc_alloc(a->model->nparams * m->n, sizeof *values);
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int k = 0; k < a->model->nparams && rc >= 0; k++) {
        if (field[k] >= 0) rc = read_param(sim, a, m, k, field[k], values + k * m->n);
    }
    if (rc >= 0) rc = prepare(a, m, field, values);
    stc_free(values);
    return rc;
}

/* ---- what they receive ---- */

int stc_synapse_port(const stc_population_model *model, const stc_projection *projection, int sign)
{
    int32_t receptor = projection->receptor;
    if (model->nports > 2) return receptor > 0 ? receptor - 1 : 0;
    if (receptor >= 0) return receptor;
    return model->nports == 2 && sign < 0;
}

static int check_projection(const assembly *a, const member *m, const stage_plan *source,
                            const stc_projection *projection)
{
    int n, ports = a->model->nports;
    stc_synapse_kinds(&n);
    STC_CHECK(projection->synapse < n, STC_ERR_INPUT,
              "population %s: synapse kind number %d, there are %d", m->plan->stage->name,
              projection->synapse, n);
    STC_CHECK(
        projection->receptor<
            ports + (ports > 2), STC_ERR_INPUT,
            "population %s: the projection from %s wants receptor %d, expected %d to %d as %s "
            "has, or -1 for none",
            m->plan->stage->name, source->stage->name, projection->receptor, ports> 2,
        ports - (ports <= 2), a->model->name);
    return 0;
}

static void add_dense(const stc_sim *sim, const assembly *a, member *m, const stage_plan *source,
                      const stc_projection *projection)
{
    dense_input *d = &m->dense[m->ndense++];
    const stc_kernel *kernel = source->kernels[0].kernel;
    *d = (dense_input){
        .projection = projection,
        .source = source,
        .port = stc_synapse_port(a->model, projection, stc_draw_sign(&projection->weight)),
        .drawn = source->drawn_where_used};
    if (!d->drawn) return;
    d->key = stc_random_key(sim->options.seed, kernel->u.generator.key);
    d->first = kernel->u.generator.first;
    d->end = kernel->u.generator.end;
    stc_poisson_prepare(kernel->u.generator.value, &d->poisson);
}

/* The pathway of a projection: a new one unless there is one from that source for such weights. */
static void add_to_pathway(assembly *a, const stage_plan *source, int which,
                           const stc_projection *projection)
{
    int n, k = 0;
    const stc_synapse_kind *kind = stc_synapse_kinds(&n)[projection->synapse];
    const stc_draw *weight = &projection->weight;
    const double constant = weight->kind == STC_DRAW_CONSTANT ? fabs(weight->a) : 0.0;
    while (k < a->npathways &&
           (a->pathways[k].source != source || a->pathways[k].kind != kind ||
            a->pathways[k].constant != constant || a->pathways[k].params[0] != projection->dt))
        k++;
    pathway *p = &a->pathways[k];
    if (k == a->npathways) {
        a->npathways++;
        *p = (pathway){.source = source,
                       .kind = kind,
                       .params = {projection->dt},
                       .constant = constant,
                       .least = projection->least,
                       .most = projection->most};
    }
    if (projection->least < p->least) p->least = projection->least;
    if (projection->most > p->most) p->most = projection->most;
    a->inputs[a->ninputs++] = (input_projection){projection, source, which, k};
}

static int list_inputs(const stc_sim *sim, assembly *a)
{
    int64_t most = 0;
    for (int i = 0; i < a->nmembers; i++)
        most += a->members[i].plan->nkernels;
    a->inputs = stc_alloc(most, sizeof *a->inputs);
    a->pathways = stc_alloc(most, sizeof *a->pathways);
    if (!a->inputs || !a->pathways) return STC_ERR_NOMEM;
    for (int i = 0; i < a->nmembers; i++) {
        member *m = &a->members[i];
        const stage_plan *plan = m->plan;
        m->currents = stc_alloc(plan->nkernels, sizeof *m->currents);
        m->dense = stc_alloc(plan->nkernels, sizeof *m->dense);
        if (!m->currents || !m->dense) return STC_ERR_NOMEM;
        for (int k = 0; k < plan->nkernels; k++) {
            const stc_kernel *kernel = plan->kernels[k].kernel;
            if (kernel->kind == STC_KERNEL_READ) m->currents[m->ncurrents++] = &plan->kernels[k];
            if (kernel->kind != STC_KERNEL_DELIVER) continue;
            const stage_plan *source = &sim->stages[kernel->operand[0].stage];
            STC_TRY(check_projection(a, m, source, &kernel->u.deliver));
            if (stc_projection_is_dense(&kernel->u.deliver))
                add_dense(sim, a, m, source, &kernel->u.deliver);
            else
                add_to_pathway(a, source, i, &kernel->u.deliver);
        }
    }
    return 0;
}

/* ---- who goes together ---- */

/* Populations of a cycle run in pieces of its smallest delay, all at once, when there is nothing
 * else in the cycle. Decided for the whole program, so that all ranks see the same. */
static bool cycle_is_pure(const stc_sim *sim, int32_t cycle)
{
    for (int32_t s = 0; s < sim->program->nstages; s++)
        if (sim->stages[s].cycle == cycle && !stc_stage_is_population(sim->program, s))
            return false;
    return true;
}

static int model_of(const stc_sim *sim, int32_t s)
{
    const stc_stage *stage = &sim->program->stages[s];
    return sim->program->kernels[stage->first_kernel + stage->nkernels - 1].u.population.model;
}

static void plan_grids(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        plan->grid = s;
        plan->in_pure_cycle = plan->cycle >= 0 && cycle_is_pure(sim, plan->cycle);
        if (!stc_stage_is_population(sim->program, s) || !plan->in_pure_cycle) continue;
        for (int32_t o = 0; o < s && plan->grid == s; o++)
            if (sim->stages[o].cycle == plan->cycle && model_of(sim, o) == model_of(sim, s))
                plan->grid = o;
    }
}

static bool go_together(const stage_plan *a, const stage_plan *b)
{
    return a->grid == b->grid && a->level == b->level;
}

/* ---- one assembly ---- */

static int by_first(const void *a, const void *b)
{
    const owned_box *x = a, *y = b;
    return (x->box.lo[0] > y->box.lo[0]) - (x->box.lo[0] < y->box.lo[0]);
}

static int list_members(stc_sim *sim, assembly *a, int32_t first)
{
    int32_t nstages = sim->program->nstages;
    for (int32_t s = first; s < nstages; s++)
        a->nmembers +=
            sim->stages[s].nboxes > 0 && go_together(&sim->stages[s], &sim->stages[first]);
    a->members = stc_alloc(a->nmembers, sizeof *a->members);
    if (!a->members) return STC_ERR_NOMEM;
    int i = 0;
    for (int32_t s = first; s < nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        if (plan->nboxes == 0 || !go_together(plan, &sim->stages[first])) continue;
        plan->assembly = a;
        plan->member = i;
        qsort(plan->boxes, (size_t)plan->nboxes, sizeof *plan->boxes, by_first);
        member *m = &a->members[i++];
        *m = (member){.plan = plan, .first = a->n};
        m->params = plan->kernels[plan->nkernels - 1].kernel->u.population.params;
        for (int b = 0; b < plan->nboxes; b++)
            m->n += plan->boxes[b].positions * plan->boxes[b].channels;
        a->n += m->n;
    }
    return 0;
}

static int number_neurons(assembly *a)
{
    int64_t i = 0;
    a->id = stc_alloc(a->n, sizeof *a->id);
    a->ahead = stc_alloc(a->n, sizeof *a->ahead);
    if (!a->id || !a->ahead) return STC_ERR_NOMEM;
    for (int k = 0; k < a->nmembers; k++) {
        const stage_plan *plan = a->members[k].plan;
        for (int b = 0; b < plan->nboxes; b++)
            for (int64_t id = plan->boxes[b].box.lo[0]; id < plan->boxes[b].box.hi[0]; id++)
                a->id[i++] = id;
    }
    for (int k = 0; k < a->nmembers; k++) {
        const member *m = &a->members[k];
        for (i = m->first + m->n - 1; i >= m->first; i--) {
            const bool next = i + 1 < m->first + m->n && a->id[i + 1] == a->id[i] + 1;
            a->ahead[i] = next && a->ahead[i + 1] < INT32_MAX ? a->ahead[i + 1] + 1 : 1;
        }
    }
    return 0;
}

/* Patches of equal size, as many for each thread; whole vectors, but for the last. */
static int cut_patches(const stc_sim *sim, assembly *a)
{
    enum { MOST = 1 << STC_PATCH_BITS, VECTOR = 64 };
    const int64_t share = (a->n + sim->threads - 1) / sim->threads;
    const int64_t each = (share + MOST - 1) / MOST;
    a->patch_size = stc_round_up((a->n + sim->threads * each - 1) / (sim->threads * each), VECTOR);
    a->npatches = (int)((a->n + a->patch_size - 1) / a->patch_size);
    a->patches = stc_alloc(a->npatches, sizeof *a->patches);
    a->first_patch = stc_alloc(sim->threads + 1, sizeof *a->first_patch);
    a->tallies = stc_alloc((int64_t)sim->threads * a->nmembers, sizeof *a->tallies);
    if (!a->patches || !a->first_patch || !a->tallies) return STC_ERR_NOMEM;
    for (int q = 0; q < a->npatches; q++) {
        int64_t first = q * a->patch_size, left = a->n - first;
        a->patches[q] = (patch){.first = first, .n = left < a->patch_size ? left : a->patch_size};
    }
    for (int t = 0; t <= sim->threads; t++) {
        int64_t first = t * each;
        a->first_patch[t] = first < a->npatches ? (int)first : a->npatches;
    }
    while (INT64_C(1) << a->neuron_bits < a->patch_size)
        a->neuron_bits++;
    return 0;
}

static int allocate_state(assembly *a)
{
    const int64_t each = stc_round_up(a->n * stc_real_size(a), 64) + 64;
    a->states = stc_alloc_huge(a->model->nstate, each);
    if (!a->states) return STC_ERR_NOMEM;
    for (int s = 0; s < a->model->nstate; s++) {
        a->state[s] = a->states + s * each;
        a->start[s] = stc_alloc(a->n, stc_real_size(a));
        if (!a->start[s]) return STC_ERR_NOMEM;
    }
    a->received = stc_alloc(stc_sim_product(a->model->nports, a->n), sizeof *a->received);
    return a->received ? 0 : STC_ERR_NOMEM;
}

static int allocate_sums(assembly *a)
{
    const int64_t size = a->wide_sum ? (int64_t)sizeof(int64_t) : (int64_t)sizeof(int32_t);
    const int64_t each = stc_sim_product(a->model->nports, a->slots << a->neuron_bits);
    for (int q = 0; q < a->npatches; q++) {
        a->patches[q].sum = stc_alloc_huge(each, size);
        if (!a->patches[q].sum) return STC_ERR_NOMEM;
    }
    return 0;
}

static int allocate_lists(const stc_sim *sim, const assembly *a, const member *m)
{
    stage_plan *plan = m->plan;
    spike_list *list = plan->fired = stc_alloc(1, sizeof *list);
    if (!list) return STC_ERR_NOMEM;
    const int64_t slots = plan->depth * plan->steps;
    list->nparts = sim->threads + 1;
    list->start = stc_alloc(list->nparts + 1, sizeof *list->start);
    list->count = stc_alloc(slots * list->nparts, sizeof *list->count);
    list->element = stc_alloc(stc_sim_product(slots, plan->window_size), sizeof *list->element);
    if (!list->start || !list->count || !list->element) return STC_ERR_NOMEM;
    for (int t = 0; t < sim->threads; t++) {
        int64_t lo, hi, n = 0;
        for (int q = a->first_patch[t]; q < a->first_patch[t + 1]; q++)
            if (stc_member_in_patch(m, &a->patches[q], &lo, &hi)) n += hi - lo;
        list->start[t + 1] = list->start[t] + n;
    }
    list->start[list->nparts] = plan->window_size;
    return 0;
}

static void destroy_lists(stage_plan *plan)
{
    if (!plan->fired) return;
    stc_free(plan->fired->start);
    stc_free(plan->fired->count);
    stc_free(plan->fired->element);
    stc_free(plan->fired);
}

static int create(stc_sim *sim, assembly *a, int32_t first)
{
    int n;
    const char *isa = strcmp(sim->kernels->name, "amx") == 0 ? "avx512" : sim->kernels->name;
    a->single = sim->options.single;
    a->wide_sum = !a->single;
    a->model = stc_population_models(isa, a->single, &n)[model_of(sim, first)];
    STC_TRY(list_members(sim, a, first));
    STC_TRY(number_neurons(a));
    STC_TRY(cut_patches(sim, a));
    STC_TRY(allocate_state(a));
    for (int i = 0; i < a->nmembers; i++)
        STC_TRY(load_neurons(sim, a, &a->members[i]));
    for (int i = 0; i < a->nmembers; i++)
        STC_TRY(allocate_lists(sim, a, &a->members[i]));
    STC_TRY(list_inputs(sim, a));
    STC_TRY(stc_sim_choose_formats(sim, a));
    STC_TRY(allocate_sums(a));
    return stc_sim_count_synapses(sim, a);
}

int stc_sim_load_populations(stc_sim *sim)
{
    int32_t nstages = sim->program->nstages;
    sim->assemblies = stc_alloc(nstages, sizeof(assembly *));
    sim->together = stc_alloc(nstages, sizeof(assembly *));
    if (!sim->assemblies || !sim->together) return STC_ERR_NOMEM;
    plan_grids(sim);
    for (int32_t s = 0; s < nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        if (!stc_stage_is_population(sim->program, s) || !plan->nboxes || plan->assembly) continue;
        assembly *a = stc_alloc(1, sizeof *a);
        if (!a) return STC_ERR_NOMEM;
        sim->assemblies[sim->nassemblies++] = a;
        STC_TRY(create(sim, a, s));
    }
    return 0;
}

stage_plan *stc_assembly_stage(const assembly *a)
{
    return a->members[0].plan;
}

/* ---- end ---- */

static void destroy_member(member *m)
{
    destroy_lists(m->plan);
    for (int c = 0; c < STC_MAX_POPULATION_COEFFICIENTS; c++)
        stc_free(m->coefficient[c]);
    stc_free(m->currents);
    stc_free(m->dense);
}

static void destroy(assembly *a)
{
    for (int i = 0; a->members && i < a->nmembers; i++)
        destroy_member(&a->members[i]);
    for (int k = 0; a->pathways && k < a->npathways; k++)
        stc_pathway_destroy(&a->pathways[k], a->npatches);
    for (int q = 0; a->patches && q < a->npatches; q++)
        stc_free(a->patches[q].sum);
    for (int s = 0; s < STC_MAX_POPULATION_STATES; s++)
        stc_free(a->start[s]);
    stc_free(a->states);
    stc_free(a->members);
    stc_free(a->id);
    stc_free(a->ahead);
    stc_free(a->patches);
    stc_free(a->first_patch);
    stc_free(a->inputs);
    stc_free(a->pathways);
    stc_free(a->received);
    stc_free(a->tallies);
    stc_free(a);
}

void stc_sim_destroy_assemblies(stc_sim *sim)
{
    for (int i = 0; i < sim->nassemblies; i++)
        destroy(sim->assemblies[i]);
    stc_free(sim->assemblies);
    stc_free(sim->together);
}
