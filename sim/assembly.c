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

/* Coefficients and start of all neurons; values [nparams][n] of parameters that are in a field,
 * NULL when none is. */
static int prepare(const assembly *a, const member *m, const int32_t *field, const double *values)
{
    double params[STC_MAX_POPULATION_PARAMS], c[STC_MAX_POPULATION_COEFFICIENTS];
    double start[STC_MAX_POPULATION_STATES];
    for (int q = 0; q < a->npatches; q++) {
        const slice s = stc_slice(a, m, q);
        for (int64_t i = s.lo, index = s.index; i < s.hi; i++, index++) {
            for (int k = 0; k < a->model->nparams; k++)
                params[k] = field[k] >= 0 ? values[k * m->n + index] : m->params[k];
            const bool differs = values || index == 0;
            int rc = differs ? a->model->prepare(params, c) : 0;
            if (rc < 0) {
                return stc_fail_in(rc, "population %s, neuron %lld", m->plan->stage->name,
                                   (long long)a->id[i]);
            }
            if (differs) a->model->start(params, start);
            for (int k = 0; k < a->model->ncoefficients; k++)
                stc_real_put(a, m->coefficient[k], index, c[k]);
            for (int k = 0; k < a->model->nstate; k++)
                stc_real_put(a, a->start[k], i, start[k]);
        }
    }
    return 0;
}

/* Coefficients that are the same for all neurons need not stream through the caches: a chunk of
 * them is enough, whatever other parameters may differ. */
static int share_coefficients(const assembly *a, member *m)
{
    for (int k = 0; k < a->model->ncoefficients; k++) {
        char *each = m->coefficient[k];
        const int64_t size = stc_real_size(a);
        m->common[k] = memcmp(each, each + size, (size_t)((m->n - 1) * size)) == 0;
        if (!m->common[k]) continue;
        m->coefficient[k] = stc_alloc(STC_UPDATE_CHUNK, size);
        for (int64_t i = 0; m->coefficient[k] && i < STC_UPDATE_CHUNK; i++)
            stc_real_put(a, m->coefficient[k], i, stc_real_get(a, each, 0));
        stc_free(each);
        if (!m->coefficient[k]) return STC_ERR_NOMEM;
    }
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
        m->coefficient[k] = stc_alloc(m->n, stc_real_size(a));
        if (!m->coefficient[k]) return STC_ERR_NOMEM;
    }
    double *values = differ ? stc_alloc(a->model->nparams * m->n, sizeof *values) : NULL;
    int rc = differ && !values ? STC_ERR_NOMEM : 0;
    for (int k = 0; k < a->model->nparams && rc >= 0; k++) {
        if (field[k] >= 0) rc = read_param(sim, a, m, k, field[k], values + k * m->n);
    }
    if (rc >= 0) rc = prepare(a, m, field, values);
    stc_free(values);
    return rc < 0 ? rc : share_coefficients(a, m);
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
        *m = (member){.plan = plan};
        m->params = plan->kernels[plan->nkernels - 1].kernel->u.population.params;
        for (int b = 0; b < plan->nboxes; b++)
            m->n += plan->boxes[b].positions * plan->boxes[b].channels;
        a->neurons += m->n;
    }
    return 0;
}

/* Where the slices of all members begin in a patch. */
static int64_t lay_slices(assembly *a, int q)
{
    int64_t next = q * a->patch_size;
    for (int i = 0; i < a->nmembers; i++) {
        a->members[i].first[q] = next;
        const slice s = stc_slice(a, &a->members[i], q);
        next += s.hi - s.lo;
    }
    return next - q * a->patch_size;
}

/* Patches of about equal size, as many for each thread; whole vectors. */
static int cut_patches(const stc_sim *sim, assembly *a)
{
    enum { MOST = 1 << STC_PATCH_BITS, VECTOR = 64 };
    const int64_t share = (a->neurons + sim->threads - 1) / sim->threads;
    const int64_t room = MOST - (a->nmembers < MOST / 2 ? a->nmembers : MOST / 2);
    const int64_t each = (share + room - 1) / room; /* slices are rounded up */
    a->npatches = (int)(each * sim->threads);
    a->patches = stc_alloc(a->npatches, sizeof *a->patches);
    a->first_patch = stc_alloc(sim->threads + 1, sizeof *a->first_patch);
    a->tallies = stc_alloc((int64_t)sim->threads * a->nmembers, sizeof *a->tallies);
    if (!a->patches || !a->first_patch || !a->tallies) return STC_ERR_NOMEM;
    for (int i = 0; i < a->nmembers; i++) {
        a->members[i].first = stc_alloc(a->npatches, sizeof *a->members[i].first);
        if (!a->members[i].first) return STC_ERR_NOMEM;
    }
    for (int q = 0; q < a->npatches; q++) {
        const int64_t n = stc_round_up(lay_slices(a, q), VECTOR);
        a->patch_size = n > a->patch_size ? n : a->patch_size;
    }
    for (int q = 0; q < a->npatches; q++)
        a->patches[q] = (patch){.first = q * a->patch_size, .n = lay_slices(a, q)};
    for (int t = 0; t <= sim->threads; t++)
        a->first_patch[t] = (int)(t * each);
    a->n = a->npatches * a->patch_size;
    while (INT64_C(1) << a->neuron_bits < a->patch_size)
        a->neuron_bits++;
    return 0;
}

/* Ids of the neurons of a member, in order, go to its slices in order. */
static void number_member(assembly *a, const member *m)
{
    const stage_plan *plan = m->plan;
    const owned_box *box = plan->boxes;
    int64_t id = box->box.lo[0];
    for (int q = 0; q < a->npatches; q++) {
        const slice s = stc_slice(a, m, q);
        for (int64_t i = s.lo; i < s.hi; i++) {
            if (id == box->box.hi[0]) id = (++box)->box.lo[0];
            a->id[i] = id++;
        }
        for (int64_t i = s.hi - 1; i >= s.lo; i--) {
            const bool next = i + 1 < s.hi && a->id[i + 1] == a->id[i] + 1;
            a->ahead[i] = next && a->ahead[i + 1] < INT32_MAX ? a->ahead[i + 1] + 1 : 1;
        }
    }
}

static int number_neurons(assembly *a)
{
    a->id = stc_alloc(a->n, sizeof *a->id);
    a->ahead = stc_alloc(a->n, sizeof *a->ahead);
    if (!a->id || !a->ahead) return STC_ERR_NOMEM;
    for (int i = 0; i < a->nmembers; i++)
        number_member(a, &a->members[i]);
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

static int create(stc_sim *sim, assembly *a, int32_t first)
{
    int n;
    const char *isa = strcmp(sim->kernels->name, "amx") == 0 ? "avx512" : sim->kernels->name;
    a->single = sim->options.single;
    a->wide_sum = !a->single;
    a->model = stc_population_models(isa, a->single, &n)[model_of(sim, first)];
    STC_TRY(list_members(sim, a, first));
    STC_TRY(cut_patches(sim, a));
    STC_TRY(number_neurons(a));
    STC_TRY(allocate_state(a));
    for (int i = 0; i < a->nmembers; i++)
        STC_TRY(load_neurons(sim, a, &a->members[i]));
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
    return stc_sim_allocate_lists(sim);
}

stage_plan *stc_assembly_stage(const assembly *a)
{
    return a->members[0].plan;
}

/* ---- end ---- */

static void destroy_member(member *m)
{
    for (int c = 0; c < STC_MAX_POPULATION_COEFFICIENTS; c++)
        stc_free(m->coefficient[c]);
    stc_free(m->first);
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
