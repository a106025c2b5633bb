/* nirdata_write.c - records of a run as NIRData, which nir.read_data loads: spikes as EventData (or
 * ValuedEventData, where a neuron may fire several times in a step), traces as TimeGriddedData.
 *
 * NIRData keeps events as rectangles (samples, events): shorter rows end in idx -1 and time inf,
 * with which the datasets are filled when they are made. Each rank writes its own events.
 */
#include "report.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 1 << 14 };

typedef struct {
    hid_t root, nodes;
    double dt; /* seconds */
    /* of every population: events of the longest sample; those of the first sample that this rank
     * has which lie on the ranks before it */
    int64_t *width, *before;
    stc_arena *arena;
} write_plan;

/* ---- what is known before the file is made ---- */

/* Collective. */
static int count_events(const stc_comm *comm, const stc_result *result, write_plan *plan)
{
    int64_t *counts = stc_alloc(result->samples, 2 * sizeof(*counts));
    int rc = stc_agree(comm, counts ? 0 : STC_ERR_NOMEM);
    for (int i = 0; rc == 0 && i < result->npopulations; i++) {
        const stc_population *p = &result->populations[i];
        int64_t *mine = counts, *others = counts + result->samples;
        memset(counts, 0, (size_t)result->samples * 2 * sizeof(*counts));
        for (int64_t k = 0; k < p->n; k++)
            mine[p->sample[k] - result->first_sample]++;
        for (int64_t s = 0; s < result->samples; s += INT32_MAX) {
            int64_t n = result->samples - s < INT32_MAX ? result->samples - s : INT32_MAX;
            MPI_Exscan(mine + s, others + s, (int)n, MPI_INT64_T, MPI_SUM, comm->mpi);
            MPI_Allreduce(MPI_IN_PLACE, mine + s, (int)n, MPI_INT64_T, MPI_SUM, comm->mpi);
        }
        if (p->n > 0 && comm->rank > 0) {
            plan->before[i] = others[p->sample[0] - result->first_sample];
        }
        for (int64_t s = 0; s < result->samples; s++) {
            if (mine[s] > plan->width[i]) plan->width[i] = mine[s];
        }
    }
    stc_free(counts);
    return rc;
}

static int make_plan(const stc_comm *comm, const stc_result *result, write_plan *plan)
{
    *plan = (write_plan){.root = -1, .nodes = -1, .dt = result->dt_ms / 1000};
    int rc = stc_arena_create(&plan->arena);
    if (rc == 0) {
        plan->width = stc_arena_alloc(plan->arena, result->npopulations, sizeof(int64_t));
        plan->before = stc_arena_alloc(plan->arena, result->npopulations, sizeof(int64_t));
        if (!plan->width || !plan->before) rc = STC_ERR_NOMEM;
    }
    rc = stc_agree(comm, rc);
    if (rc == 0 && result->recorded) rc = count_events(comm, result, plan);
    return rc;
}

static int64_t bytes_needed(const write_plan *plan, const stc_result *result)
{
    int64_t bytes = stc_h5_overhead(6 * (int64_t)result->npopulations) + stc_report_bytes(result);
    for (int i = 0; i < result->npopulations; i++)
        bytes += 24 * result->samples * plan->width[i];
    return bytes;
}

/* Readers take floor(time / dt) for the step, which must not be the step before. */
static double time_of(int64_t step, double dt)
{
    double time = (double)step * dt;
    while (floor(time / dt) < (double)step)
        time = nextafter(time, INFINITY);
    return time;
}

/* ---- making the groups ---- */

static int make_group(hid_t at, const char *name, const char *type, hid_t *group)
{
    STC_TRY(stc_h5_group_create(at, name, group));
    int rc = stc_h5_set_text(*group, "__type__", type);
    if (rc < 0) stc_h5_close(group);
    return rc;
}

/* A dataset (samples, events) that holds `fill` where nothing is written. */
static int make_rectangle(hid_t group, const char *name, hid_t type, const void *fill,
                          const int64_t dim[2])
{
    const hsize_t extent[2] = {(hsize_t)dim[0], (hsize_t)dim[1]};
    hid_t space = H5Screate_simple(2, extent, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    hid_t data = -1;
    if (space >= 0 && list >= 0 && H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(list, H5D_FILL_TIME_ALLOC) >= 0 &&
        H5Pset_fill_value(list, type, fill) >= 0) {
        data = H5Dcreate2(group, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    int rc = data < 0 ? stc_h5_fail(STC_ERR_IO, group, name, "cannot create this dataset") : 0;
    stc_h5_close(&data);
    stc_h5_close(&list);
    stc_h5_close(&space);
    return rc;
}

static int make_events(const write_plan *plan, hid_t observables, const stc_result *result,
                       const stc_population *p)
{
    const int64_t none = -1, dim[2] = {result->samples, plan->width[p - result->populations]};
    const double never = INFINITY, zero = 0;
    hid_t group;
    bool valued = p->max > 1;
    STC_TRY(make_group(observables, "spikes", valued ? "ValuedEventData" : "EventData", &group));
    int rc = stc_h5_set_int(group, "n_neurons", stc_shape_size(&p->shape));
    if (rc == 0) rc = stc_h5_set_real(group, "t_max", time_of(result->steps, plan->dt));
    if (rc == 0) rc = make_rectangle(group, "idx", H5T_NATIVE_INT64, &none, dim);
    if (rc == 0) rc = make_rectangle(group, "time", H5T_NATIVE_DOUBLE, &never, dim);
    if (rc == 0 && valued) rc = make_rectangle(group, "value", H5T_NATIVE_DOUBLE, &zero, dim);
    stc_h5_close(&group);
    return rc;
}

static int make_trace(const write_plan *plan, hid_t observables, const stc_result *result,
                      const stc_trace *trace)
{
    const int64_t dim[3] = {result->samples, trace->rows, trace->nids};
    stc_h5_data data = {.id = -1};
    hid_t group;
    const char *name = stc_h5_escape(trace->variable, plan->arena);
    if (!name) return STC_ERR_NOMEM;
    STC_TRY(make_group(observables, name, "TimeGriddedData", &group));
    int rc = stc_h5_set_real(group, "dt", plan->dt * (double)trace->every);
    if (rc == 0) rc = stc_h5_data_create(group, "data", stc_report_type(trace), 3, dim, &data);
    stc_h5_close(&data.id);
    if (rc == 0 && trace->nids != stc_shape_size(&trace->shape)) {
        rc = stc_h5_data_create(group, "ids", H5T_NATIVE_INT64, 1, &dim[2], &data);
        stc_h5_close(&data.id);
    }
    stc_h5_close(&group);
    return rc;
}

/* The node of this name with its spikes (p, or NULL) and all its traces. */
static int make_node(const write_plan *plan, const stc_result *result, const char *name,
                     const stc_population *p)
{
    hid_t node, observables = -1;
    const char *link = stc_h5_escape(name, plan->arena);
    if (!link) return STC_ERR_NOMEM;
    STC_TRY(make_group(plan->nodes, link, "NIRNodeData", &node));
    int rc = stc_h5_group_create(node, "observables", &observables);
    if (rc == 0 && p && result->recorded) rc = make_events(plan, observables, result, p);
    for (int i = 0; i < result->ntraces && rc == 0; i++) {
        if (strcmp(result->traces[i].name, name) == 0) {
            rc = make_trace(plan, observables, result, &result->traces[i]);
        }
    }
    stc_h5_close(&observables);
    stc_h5_close(&node);
    return rc;
}

/* Is this the first trace of a node that has no population? */
static bool is_new_node(const stc_result *result, int which)
{
    const char *name = result->traces[which].name;
    bool found = false;
    for (int i = 0; i < result->npopulations && !found; i++)
        found = strcmp(result->populations[i].name, name) == 0;
    for (int i = 0; i < which && !found; i++)
        found = strcmp(result->traces[i].name, name) == 0;
    return !found;
}

static int make_provenance(hid_t root, const stc_result *result)
{
    STC_TRY(stc_h5_set_text(root, "__type__", "NIRGraphData"));
    STC_TRY(stc_h5_set_text(root, "stc_version", STC_VERSION));
    STC_TRY(stc_h5_set_text(root, "program", result->program_name));
    STC_TRY(stc_h5_set_text(root, "command", result->command));
    STC_TRY(stc_h5_set_text(root, "rules", result->rules));
    STC_TRY(stc_h5_set_text(root, "model_sha256", result->model_sha256));
    STC_TRY(stc_h5_set_text(root, "input", result->input_path));
    return stc_h5_set_text(root, "input_sha256", result->input_sha256);
}

static int make_all(write_plan *plan, const stc_result *result)
{
    STC_TRY(make_provenance(plan->root, result));
    STC_TRY(stc_h5_group_create(plan->root, "nodes", &plan->nodes));
    int rc = 0;
    for (int i = 0; i < result->npopulations && rc == 0; i++) {
        rc = make_node(plan, result, result->populations[i].name, &result->populations[i]);
    }
    for (int i = 0; i < result->ntraces && rc == 0; i++) {
        if (is_new_node(result, i)) rc = make_node(plan, result, result->traces[i].name, NULL);
    }
    stc_h5_close(&plan->nodes);
    return rc;
}

/* ---- writing ---- */

/* Open the dataset /nodes/<node>/observables/<observable>/<name>; fills its axes. */
static int open_data(const write_plan *plan, const char *node, const char *observable,
                     const char *name, int ndim, const int64_t *dim, stc_h5_data *data)
{
    const char *link = stc_h5_escape(node, plan->arena);
    const char *what = stc_h5_escape(observable, plan->arena), *path = NULL;
    if (link && what) {
        path = stc_arena_printf(plan->arena, "nodes/%s/observables/%s/%s", link, what, name);
    }
    if (!path) return STC_ERR_NOMEM;
    *data = (stc_h5_data){.ndim = ndim, .size = 1};
    for (int d = 0; d < ndim; d++)
        data->size *= data->dim[d] = dim[d];
    data->id = H5Dopen2(plan->root, path, H5P_DEFAULT);
    return data->id < 0 ? stc_h5_fail(STC_ERR_IO, plan->root, path, "cannot open") : 0;
}

typedef enum { IDX, TIME, VALUE, NCOLUMNS } event_column;
static const char *const column_names[NCOLUMNS] = {"idx", "time", "value"};

/* Events first .. first+n as numbers of 8 bytes. */
static void convert(const write_plan *plan, const stc_population *p, event_column column,
                    int64_t first, int64_t n, void *buffer)
{
    int64_t *ids = buffer;
    double *numbers = buffer;
    for (int64_t i = 0; i < n; i++) {
        if (column == IDX) ids[i] = p->id[first + i];
        if (column == TIME) numbers[i] = time_of(p->step[first + i], plan->dt);
        if (column == VALUE) numbers[i] = p->unit * (double)p->value[first + i];
    }
}

static int write_column(const write_plan *plan, const stc_result *result, const stc_population *p,
                        event_column column, void *buffer)
{
    int64_t which = p - result->populations, at = plan->before[which];
    const int64_t dim[2] = {result->samples, plan->width[which]};
    stc_h5_data data;
    STC_TRY(open_data(plan, p->name, "spikes", column_names[column], 2, dim, &data));
    hid_t type = column == IDX ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
    int rc = 0;
    for (int64_t i = 0, n; i < p->n && rc == 0; i += n) {
        for (n = 1; n < CHUNK && i + n < p->n && p->sample[i + n] == p->sample[i];)
            n++;
        if (i > 0 && p->sample[i] != p->sample[i - 1]) at = 0;
        const int64_t start[2] = {p->sample[i] - result->first_sample, at}, count[2] = {1, n};
        convert(plan, p, column, i, n, buffer);
        rc = stc_h5_data_write(&data, start, count, type, buffer);
        at += n;
    }
    stc_h5_close(&data.id);
    return rc;
}

static int write_events(const write_plan *plan, const stc_result *result)
{
    void *buffer = stc_alloc(CHUNK, sizeof(double));
    int rc = buffer ? 0 : STC_ERR_NOMEM;
    for (int i = 0; i < result->npopulations && rc == 0; i++) {
        const stc_population *p = &result->populations[i];
        for (event_column c = 0; c < NCOLUMNS && rc == 0 && p->n > 0; c++) {
            if (c != VALUE || p->max > 1) rc = write_column(plan, result, p, c, buffer);
        }
    }
    stc_free(buffer);
    return rc;
}

static int write_trace(const write_plan *plan, const stc_result *result, const stc_trace *trace)
{
    const int64_t dim[3] = {result->samples, trace->rows, trace->nids};
    stc_h5_data data;
    STC_TRY(open_data(plan, trace->name, trace->variable, "data", 3, dim, &data));
    int rc = stc_report_write_values(&data, result, trace);
    stc_h5_close(&data.id);
    if (rc < 0 || trace->nids == stc_shape_size(&trace->shape)) return rc;
    STC_TRY(open_data(plan, trace->name, trace->variable, "ids", 1, &trace->nids, &data));
    rc = stc_h5_data_write(&data, NULL, NULL, H5T_NATIVE_INT64, trace->ids);
    stc_h5_close(&data.id);
    return rc;
}

static int write_all(const stc_comm *comm, const write_plan *plan, const stc_result *result)
{
    if (result->recorded) STC_TRY(write_events(plan, result));
    for (int i = 0; comm->rank == 0 && i < result->ntraces; i++)
        STC_TRY(write_trace(plan, result, &result->traces[i]));
    return 0;
}

int stc_result_write_nirdata(const stc_comm *comm, const stc_result *result, const char *path)
{
    write_plan plan;
    stc_h5_file file;
    int rc = make_plan(comm, result, &plan);
    if (rc == 0) rc = stc_h5_create(comm, path, bytes_needed(&plan, result), &file);
    if (rc == 0) {
        plan.root = file.id;
        rc = stc_h5_created(&file, make_all(&plan, result));
        if (rc == 0) rc = write_all(comm, &plan, result);
        rc = stc_h5_finish(&file, rc);
    }
    stc_arena_destroy(&plan.arena);
    return rc;
}
