/* parameters.c - what differs from neuron to neuron: coefficients and start of the neurons of this
 * rank, and the steps of its delays, laid out as its boxes are. */
#include "engine.h"

#include <math.h>
#include <string.h>

/* The values of a field for the elements of a box, [positions][channels]. */
static int gather(const stc_sim *sim, const stage_plan *plan, const stc_box *box, int32_t field,
                  double *out)
{
    int64_t first = 0, last = 0, index[STC_MAX_NDIM];
    int inner = box->ndim - 1;
    for (int a = 0; a < box->ndim; a++) {
        first += box->lo[a] * plan->source_stride[a];
        last += (box->hi[a] - 1) * plan->source_stride[a];
    }
    double *values = stc_alloc(last - first + 1, sizeof *values);
    if (!values) return STC_ERR_NOMEM;
    int rc = sim->program->read_field(sim->program, field, first, last - first + 1, values);
    memcpy(index, box->lo, sizeof index);
    bool more = rc >= 0;
    while (more) {
        int64_t from = -first;
        for (int a = 0; a < box->ndim; a++)
            from += index[a] * plan->source_stride[a];
        for (int64_t c = 0; c < box->hi[inner] - box->lo[inner]; c++)
            *out++ = values[from + c * plan->source_stride[inner]];
        more = stc_sim_next_row(box, index);
    }
    stc_free(values);
    return rc;
}

static int check(const stage_plan *plan, int param, int64_t n, const double *values)
{
    const stc_attr_spec *spec = &plan->model->params[param];
    const char *constraint = spec->check && spec->check[0] ? spec->check : "finite";
    for (int64_t i = 0; i < n; i++) {
        STC_CHECK(stc_attr_meets(constraint, values[i]) && isfinite(values[i]), STC_ERR_INPUT,
                  "stage %s: parameter %s of a neuron is %g, expected %s", plan->stage->name,
                  spec->name, values[i], constraint);
    }
    return 0;
}

static int prepare(const stage_plan *plan, const double *params, float *coefficient)
{
    if (!plan->model->prepare) return 0;
    int rc = plan->model->prepare(params, coefficient);
    return rc < 0 ? stc_fail_in(rc, "stage %s", plan->stage->name) : 0;
}

/* Neurons that are all equal share one row of each coefficient, as long as any row of a box. */
static int load_common(stage_plan *plan)
{
    float coefficient[STC_MAX_NEURON_COEFFICIENTS] = {0};
    int64_t most = 1;
    STC_TRY(prepare(plan, plan->params, coefficient));
    plan->model->start(plan->params, plan->start);
    for (int b = 0; b < plan->nboxes; b++)
        if (plan->boxes[b].channels > most) most = plan->boxes[b].channels;
    for (int c = 0; c < plan->model->ncoefficients; c++) {
        plan->common[c] = stc_alloc(most, sizeof *plan->common[c]);
        if (!plan->common[c]) return STC_ERR_NOMEM;
        for (int64_t i = 0; i < most; i++)
            plan->common[c][i] = coefficient[c];
    }
    return 0;
}

/* each [nparams][n]: the values of the parameters that differ. */
static int prepare_each(const stage_plan *plan, owned_box *own, const int32_t *field,
                        const double *each)
{
    int64_t n = own->positions * own->channels;
    double params[STC_MAX_NEURON_PARAMS];
    float coefficient[STC_MAX_NEURON_COEFFICIENTS] = {0}, start[STC_MAX_NEURON_STATES] = {0};
    for (int64_t i = 0; i < n; i++) {
        for (int p = 0; p < plan->model->nparams; p++)
            params[p] = field[p] >= 0 ? each[p * n + i] : plan->params[p];
        STC_TRY(prepare(plan, params, coefficient));
        plan->model->start(params, start);
        for (int c = 0; c < plan->model->ncoefficients; c++)
            own->coefficient[c][i] = coefficient[c];
        for (int s = 0; s < plan->model->nstate; s++)
            own->start[s * n + i] = start[s];
    }
    return 0;
}

static int load_each(const stc_sim *sim, const stage_plan *plan, owned_box *own,
                     const int32_t *field)
{
    int64_t n = own->positions * own->channels;
    own->start = stc_alloc(plan->model->nstate * n, sizeof *own->start);
    if (!own->start) return STC_ERR_NOMEM;
    for (int c = 0; c < plan->model->ncoefficients; c++) {
        own->coefficient[c] = stc_alloc(n, sizeof *own->coefficient[c]);
        if (!own->coefficient[c]) return STC_ERR_NOMEM;
    }
    double *each = stc_alloc(plan->model->nparams * n, sizeof *each);
    int rc = each ? 0 : STC_ERR_NOMEM;
    for (int p = 0; p < plan->model->nparams && rc >= 0; p++) {
        if (field[p] < 0) continue;
        rc = gather(sim, plan, &own->box, field[p], each + p * n);
        if (rc >= 0) rc = check(plan, p, n, each + p * n);
    }
    if (rc >= 0) rc = prepare_each(plan, own, field, each);
    stc_free(each);
    return rc;
}

static int load_neurons(const stc_sim *sim, stage_plan *plan)
{
    const stc_kernel *kernel = plan->kernels[plan->nkernels - 1].kernel;
    bool differ = false;
    for (int p = 0; p < plan->model->nparams; p++)
        differ = differ || kernel->u.neuron.field[p] >= 0;
    if (!differ) return load_common(plan);
    for (int b = 0; b < plan->nboxes; b++)
        STC_TRY(load_each(sim, plan, &plan->boxes[b], kernel->u.neuron.field));
    return 0;
}

static int load_delays(const stc_sim *sim, stage_plan *plan, const stc_kernel *kernel)
{
    for (int b = 0; b < plan->nboxes; b++) {
        owned_box *own = &plan->boxes[b];
        int64_t n = own->positions * own->channels;
        double *values = stc_alloc(n, sizeof *values);
        own->delay = stc_alloc(n, sizeof *own->delay);
        int rc = values && own->delay ? 0 : STC_ERR_NOMEM;
        if (rc >= 0) rc = gather(sim, plan, &own->box, kernel->u.delay.field, values);
        for (int64_t i = 0; i < n && rc >= 0; i++) {
            own->delay[i] = (int64_t)values[i];
            if (values[i] >= (double)kernel->u.delay.least &&
                values[i] <= (double)kernel->u.delay.most) {
                continue;
            }
            rc = stc_fail(STC_ERR_INPUT, "stage %s: a delay is %g steps, expected %lld to %lld",
                          plan->stage->name, values[i], (long long)kernel->u.delay.least,
                          (long long)kernel->u.delay.most);
        }
        stc_free(values);
        if (rc < 0) return rc;
    }
    return 0;
}

int stc_sim_load_neurons(stc_sim *sim)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        const stc_kernel *kernel = plan->kernels[0].kernel;
        if (plan->nboxes == 0) continue;
        if (plan->model) STC_TRY(load_neurons(sim, plan));
        if (kernel->kind == STC_KERNEL_DELAY && kernel->u.delay.field >= 0) {
            STC_TRY(load_delays(sim, plan, kernel));
        }
    }
    return 0;
}
