/* trace.c - state variables of chosen neurons, recorded at the last step of every interval. */
#include "engine.h"

#include "stc/population.h"

#include <string.h>

/* The state variables of a stage: their names and, of populations, their units. */
typedef struct {
    int n;
    const char *const *names, *const *units;
} variables;

static variables variables_of(const stc_sim *sim, const stage_plan *plan)
{
    int n;
    const stc_kernel *last =
        &sim->program->kernels[plan->stage->first_kernel + plan->stage->nkernels - 1];
    if (last->kind == STC_KERNEL_POPULATION) {
        const stc_population_model *model =
            stc_population_models("scalar", false, &n)[last->u.population.model];
        return (variables){model->nstate, model->states, model->units};
    }
    if (!plan->model) return (variables){0};
    return (variables){plan->model->nstate, plan->model->states, NULL};
}

/* Number of a state variable of a stage, or -1. */
static int find_state(const stc_sim *sim, const stage_plan *plan, const char *variable)
{
    variables all = variables_of(sim, plan);
    for (int s = 0; s < all.n; s++)
        if (strcmp(all.names[s], variable) == 0) return s;
    return -1;
}

static bool asks_for(const stc_sim *sim, const stc_record *record, const stage_plan *plan)
{
    if (find_state(sim, plan, record->variable) < 0) return false;
    return !record->node || strcmp(record->node, plan->stage->name) == 0;
}

static int add_trace(stc_sim *sim, const stc_record *record, stage_plan *plan)
{
    int64_t size = stc_shape_size(&plan->stage->shape);
    trace *t = &plan->traces[plan->ntraces];
    *t = (trace){.variable = record->variable,
                 .state = find_state(sim, plan, record->variable),
                 .first = record->first,
                 .count = record->count ? record->count : size - record->first,
                 .every = record->every > 1 ? record->every : 1};
    t->rows = sim->steps / t->every;
    STC_CHECK(t->first >= 0 && t->count > 0 && t->count <= size - t->first, STC_ERR_USAGE,
              "%s of neurons %lld to %lld of node %s is to be recorded, which has %lld",
              t->variable, (long long)t->first, (long long)(t->first + t->count - 1),
              plan->stage->name, (long long)size);
    plan->ntraces++;
    int64_t rows = stc_sim_product(sim->all_samples, t->rows);
    t->values = stc_alloc(stc_sim_product(rows, t->count), sizeof *t->values);
    return t->values ? 0 : STC_ERR_NOMEM;
}

/* "v, i of lif1; v of out" */
static const char *what_there_is(const stc_sim *sim, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        const stage_plan *plan = &sim->stages[s];
        variables all = variables_of(sim, plan);
        for (int v = 0; v < all.n && used < size; v++) {
            used += (size_t)snprintf(text + used, size - used, "%s%s:%s", used ? ", " : "",
                                     all.names[v], plan->stage->name);
        }
    }
    return text[0] ? text : "nothing";
}

int stc_sim_plan_traces(stc_sim *sim)
{
    for (int i = 0; i < sim->options.nrecords; i++) {
        const stc_record *record = &sim->options.records[i];
        bool found = false;
        for (int32_t s = 0; s < sim->program->nstages; s++) {
            stage_plan *plan = &sim->stages[s];
            if (!asks_for(sim, record, plan)) continue;
            found = true;
            if (!plan->traces) {
                plan->traces = stc_alloc(sim->options.nrecords, sizeof *plan->traces);
                if (!plan->traces) return STC_ERR_NOMEM;
            }
            STC_TRY(add_trace(sim, record, plan));
        }
        char text[600];
        STC_CHECK(found, STC_ERR_USAGE, "there is no %s%s%s to record; there is %s",
                  record->variable, record->node ? " of node " : "",
                  record->node ? record->node : "", what_there_is(sim, text, sizeof text));
    }
    return 0;
}

void stc_sim_trace(const stc_sim *sim, stage_plan *plan, float *const *state, int64_t n,
                   int64_t source, int64_t sample, int64_t step)
{
    int last = plan->window.ndim - 1;
    int64_t stride = last >= 0 ? plan->source_stride[last] : 1;
    for (int i = 0; i < plan->ntraces; i++) {
        trace *t = &plan->traces[i];
        double *row = stc_sim_trace_row(sim, t, sample, step);
        for (int64_t k = 0; k < n && row; k++) {
            int64_t id = source + k * stride;
            if (id >= t->first && id < t->first + t->count) row[id] = (double)state[t->state][k];
        }
    }
}

/* Every value was written by one rank and is zero on the others: their bits add up. */
int stc_sim_collect_trace(stc_sim *sim, stage_plan *plan, int i, stc_trace *out)
{
    enum { PIECE = 1 << 24 };
    trace *t = &plan->traces[i];
    variables all = variables_of(sim, plan);
    bool root = sim->world.rank == 0;
    *out = (stc_trace){.name = plan->stage->name,
                       .variable = t->variable,
                       .units = all.units ? all.units[t->state] : "",
                       .single = !all.units || sim->options.single,
                       .shape = plan->stage->shape,
                       .nids = t->count,
                       .every = t->every,
                       .rows = t->rows};
    out->ids = stc_alloc(t->count, sizeof *out->ids);
    STC_TRY(stc_agree(&sim->world, out->ids ? 0 : STC_ERR_NOMEM));
    for (int64_t k = 0; k < t->count; k++)
        out->ids[k] = t->first + k;
    int64_t n = sim->all_samples * t->rows * t->count;
    for (int64_t at = 0; at < n; at += PIECE) {
        int count = n - at < PIECE ? (int)(n - at) : PIECE;
        MPI_Reduce(root ? MPI_IN_PLACE : t->values + at, root ? t->values + at : NULL, count,
                   MPI_UINT64_T, MPI_SUM, 0, sim->world.mpi);
    }
    if (root) {
        out->values = t->values;
        t->values = NULL;
    }
    return 0;
}
