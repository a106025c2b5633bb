/* result.c - write a result: SONATA spikes, outputs, metrics, provenance (docs/formats.md); traces
 * are in report.c.
 *
 * Groups, attributes and datasets are made by all ranks together with the same values, so rank 0
 * first tells the others its figures; then each rank writes its own records. Reading order:
 * measures, populations, outputs, stc_result_write.
 */
#include "stc/result.h"

#include "report.h"
#include "stc/error.h"
#include "table.h"

#include <math.h>
#include <string.h>

/* ---- metrics and provenance ---- */

typedef struct {
    const char *name;
    bool real;
    int64_t i;
    double r;
} measure;

enum { MAX_MEASURES = 32 };

typedef struct {
    int n;
    measure list[MAX_MEASURES];
} measures;

static void add_int(measures *to, const char *name, int64_t value)
{
    to->list[to->n++] = (measure){name, false, value, 0};
}

static void add_real(measures *to, const char *name, double value)
{
    to->list[to->n++] = (measure){name, true, 0, value};
}

static measures metrics_of(const stc_result *result)
{
    measures m = {0};
    add_int(&m, "first_sample", result->first_sample);
    add_int(&m, "samples", result->samples);
    add_int(&m, "steps", result->steps);
    add_real(&m, "step_ms", result->dt_ms);
    add_int(&m, "spikes", result->spikes);
    if (result->labelled > 0) {
        add_int(&m, "labelled", result->labelled);
        add_int(&m, "correct", result->correct);
        add_real(&m, "accuracy", (double)result->correct / (double)result->labelled);
    }
    add_real(&m, "seconds_load", result->seconds.load);
    add_real(&m, "seconds_simulate", result->seconds.simulate);
    add_real(&m, "samples_per_second", result->samples_per_second);
    add_real(&m, "latency_p50_seconds", result->latency_p50);
    add_real(&m, "latency_p99_seconds", result->latency_p99);
    add_int(&m, "exchange_messages", result->exchange.messages);
    add_int(&m, "exchange_bytes", result->exchange.bytes);
    add_int(&m, "exchange_spike_copies", result->exchange.spike_copies);
    add_int(&m, "peak_rss_bytes", result->peak_rss_bytes);
    return m;
}

static int write_metrics(hid_t file, const stc_result *result)
{
    hid_t group;
    char hex[17];
    const measures metrics = metrics_of(result);
    STC_TRY(stc_h5_group_create(file, "metrics", &group));
    int rc = 0;
    for (int i = 0; i < metrics.n && rc == 0; i++) {
        const measure *m = &metrics.list[i];
        rc = m->real ? stc_h5_set_real(group, m->name, m->r) : stc_h5_set_int(group, m->name, m->i);
    }
    snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)result->spike_checksum);
    if (rc == 0) rc = stc_h5_set_text(group, "spike_checksum", hex);
    snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)result->output_checksum);
    if (rc == 0) rc = stc_h5_set_text(group, "output_checksum", hex);
    stc_h5_close(&group);
    return rc;
}

static int write_provenance(hid_t file, const stc_result *result, const stc_result *figures,
                            const char *utc)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"program", result->program_name},
                 {"command", result->command},
                 {"model_sha256", result->model_sha256},
                 {"input", result->input_path},
                 {"input_sha256", result->input_sha256},
                 {"kernel", result->kernel},
                 {"rules", result->rules},
                 {"stc_version", STC_VERSION},
                 {"utc", utc}};
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"seed", (int64_t)figures->seed},
                   {"chips", figures->chips},
                   {"ranks", figures->ranks},
                   {"threads", figures->threads}};
    hid_t group;
    STC_TRY(stc_h5_group_create(file, "provenance", &group));
    int rc = 0;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++) {
        rc = stc_h5_set_text(group, texts[i].name, texts[i].text);
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && rc == 0; i++) {
        rc = stc_h5_set_int(group, numbers[i].name, numbers[i].value);
    }
    stc_h5_close(&group);
    return rc;
}

/* ---- what all files of SONATA start with ---- */

static int set_u32(hid_t object, const char *name, int n, const uint32_t *values)
{
    hsize_t extent = (hsize_t)n;
    hid_t space = n == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, NULL);
    hid_t attr =
        space < 0 ? -1 : H5Acreate2(object, name, H5T_STD_U32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    int rc = 0;
    if (attr < 0 || H5Awrite(attr, H5T_NATIVE_UINT32, values) < 0) {
        rc = stc_h5_fail(STC_ERR_IO, object, NULL, "cannot write attribute %s", name);
    }
    stc_h5_close(&attr);
    stc_h5_close(&space);
    return rc;
}

/* SONATA's enum: none 0, by_id 1, by_time 2. */
static int set_sorting(hid_t group)
{
    static const char *const names[] = {"none", "by_id", "by_time"};
    hid_t type = H5Tenum_create(H5T_STD_U8LE), space = H5Screate(H5S_SCALAR), attr = -1;
    for (uint8_t i = 0; i < 3 && type >= 0; i++) {
        if (H5Tenum_insert(type, names[i], &i) < 0) stc_h5_close(&type);
    }
    if (type >= 0 && space >= 0) {
        attr = H5Acreate2(group, "sorting", type, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    const uint8_t by_time = 2;
    int rc = 0;
    if (attr < 0 || H5Awrite(attr, type, &by_time) < 0) {
        rc = stc_h5_fail(STC_ERR_IO, group, NULL, "cannot write attribute sorting");
    }
    stc_h5_close(&attr);
    stc_h5_close(&space);
    stc_h5_close(&type);
    return rc;
}

/* ---- populations ---- */

/* What all ranks agree about before the file exists. */
typedef struct {
    stc_result figures; /* rank 0's; its pointers mean nothing elsewhere */
    char utc[32];
    int64_t *first, *records; /* [npopulations] of this rank; of all ranks */
    hid_t root;               /* the file */
    stc_arena *arena;
} write_plan;

/* Columns of a population. `sample` is left out for a single sample, `value` for bits. */
typedef enum { NODE_IDS, TIMESTAMPS, SAMPLE, VALUE, NCOLUMNS } record_column;
static const char *const column_names[NCOLUMNS] = {"node_ids", "timestamps", "sample", "value"};

static hid_t column_type(record_column column)
{
    switch (column) {
    case NODE_IDS:
        return H5T_NATIVE_UINT64;
    case TIMESTAMPS:
        return H5T_NATIVE_DOUBLE;
    case SAMPLE:
        return H5T_NATIVE_UINT32;
    default:
        return H5T_NATIVE_UINT8;
    }
}

static bool has_column(const stc_result *result, const stc_population *p, record_column column)
{
    return (column != SAMPLE || result->samples > 1) && (column != VALUE || p->max > 1);
}

static int set_population_attrs(hid_t group, const stc_result *result, const stc_population *p)
{
    STC_TRY(set_sorting(group));
    STC_TRY(stc_h5_set_int(group, "first_id", p->first_id));
    STC_TRY(stc_h5_set_int(group, "counted", p->counted));
    STC_TRY(stc_h5_set_real(group, "unit", p->unit));
    STC_TRY(stc_h5_set_int(group, "max", p->max));
    STC_TRY(stc_h5_set_int(group, "total", p->total));
    STC_TRY(stc_h5_set_real(group, "t_start", 0));
    STC_TRY(stc_h5_set_real(group, "t_stop", (double)result->steps * result->dt_ms));
    return stc_report_set_shape(group, &p->shape);
}

static int create_columns(hid_t group, const stc_result *result, const stc_population *p,
                          int64_t records)
{
    int rc = 0;
    for (record_column c = 0; c < NCOLUMNS && rc == 0; c++) {
        stc_h5_data data;
        if (!has_column(result, p, c)) continue;
        rc = stc_h5_data_create(group, column_names[c], column_type(c), 1, &records, &data);
        if (rc == 0 && c == TIMESTAMPS) rc = stc_h5_set_text(data.id, "units", "ms");
        if (rc == 0 && c == TIMESTAMPS)
            rc = stc_h5_set_text(data.id, "stamp", result->stamps_end ? "end" : "start");
        stc_h5_close(&data.id);
    }
    return rc;
}

static int create_populations(const write_plan *plan, const stc_result *result)
{
    hid_t spikes, group;
    STC_TRY(stc_h5_group_create(plan->root, "spikes", &spikes));
    /* how many samples there are for those who present these spikes to a network */
    int64_t samples = result->samples > 1 ? result->first_sample + result->samples : 1;
    int rc = stc_h5_set_int(spikes, "samples", samples);
    for (int i = 0; i < result->npopulations && rc == 0; i++) {
        const stc_population *p = &result->populations[i];
        const char *link = stc_h5_escape(p->name, plan->arena);
        rc = link ? stc_h5_group_create(spikes, link, &group) : STC_ERR_NOMEM;
        if (rc < 0) break;
        rc = set_population_attrs(group, result, p);
        if (rc == 0) rc = create_columns(group, result, p, plan->records[i]);
        stc_h5_close(&group);
    }
    stc_h5_close(&spikes);
    return rc;
}

enum { CHUNK = 1 << 15 };

/* Records first .. first+n of this rank as the column's type into buffer. */
static const void *convert(const stc_result *result, const stc_population *p, record_column column,
                           int64_t first, int64_t n, void *buffer)
{
    uint64_t *ids = buffer;
    double *times = buffer;
    uint32_t *samples = buffer;
    for (int64_t i = 0; i < n; i++) {
        if (column == NODE_IDS) ids[i] = (uint64_t)p->id[first + i];
        if (column == TIMESTAMPS) {
            times[i] = (double)(p->step[first + i] + result->stamps_end) * result->dt_ms;
        }
        if (column == SAMPLE) samples[i] = (uint32_t)p->sample[first + i];
    }
    return column == VALUE ? p->value + first : buffer;
}

static int write_column(hid_t group, const stc_result *result, const stc_population *p,
                        record_column column, int64_t start, void *buffer)
{
    stc_h5_data data = {.ndim = 1};
    data.id = H5Dopen2(group, column_names[column], H5P_DEFAULT);
    if (data.id < 0) return stc_h5_fail(STC_ERR_IO, group, column_names[column], "cannot open");
    int rc = 0;
    for (int64_t i = 0; i < p->n && rc == 0; i += CHUNK) {
        int64_t n = p->n - i < CHUNK ? p->n - i : CHUNK, at = start + i;
        rc = stc_h5_data_write(&data, &at, &n, column_type(column),
                               convert(result, p, column, i, n, buffer));
    }
    stc_h5_close(&data.id);
    return rc;
}

static int write_populations(const write_plan *plan, const stc_result *result)
{
    void *buffer = stc_alloc(CHUNK, sizeof(double));
    int rc = buffer ? 0 : STC_ERR_NOMEM;
    for (int i = 0; i < result->npopulations && rc == 0; i++) {
        const stc_population *p = &result->populations[i];
        const char *link = stc_h5_escape(p->name, plan->arena);
        const char *name = link ? stc_arena_printf(plan->arena, "spikes/%s", link) : NULL;
        if (!name) rc = STC_ERR_NOMEM;
        if (rc < 0 || p->n == 0) continue;
        hid_t group = H5Gopen2(plan->root, name, H5P_DEFAULT);
        if (group < 0) rc = stc_h5_fail(STC_ERR_IO, plan->root, name, "cannot open");
        for (record_column c = 0; c < NCOLUMNS && rc == 0; c++) {
            if (has_column(result, p, c)) {
                rc = write_column(group, result, p, c, plan->first[i], buffer);
            }
        }
        stc_h5_close(&group);
    }
    stc_free(buffer);
    return rc;
}

static const stc_column node_columns[] = {
    {"name", offsetof(stc_population, name), STC_COLUMN_TEXT, 0, 0},
    {"first_id", offsetof(stc_population, first_id), STC_COLUMN_I64, 0, 0},
    {"counted", offsetof(stc_population, counted), STC_COLUMN_BOOL, 0, 0},
    {"spikes", offsetof(stc_population, total), STC_COLUMN_I64, 0, 0},
};
static const stc_table node_table = {"nodes", sizeof(stc_population), node_columns,
                                     sizeof(node_columns) / sizeof(node_columns[0])};

/* ---- outputs ---- */

static int output_axes(const stc_result *result, const stc_output *output, int64_t *dim)
{
    int n = 0;
    dim[n++] = result->samples;
    if (output->steps > 0) dim[n++] = output->steps;
    for (int d = 0; d < output->shape.ndim; d++)
        dim[n++] = output->shape.dim[d];
    return n;
}

static int create_outputs(const write_plan *plan, const stc_result *result)
{
    hid_t group;
    STC_TRY(stc_h5_group_create(plan->root, "outputs", &group));
    int rc = 0;
    for (int i = 0; i < result->noutputs && rc == 0; i++) {
        const stc_output *output = &result->outputs[i];
        const char *link = stc_h5_escape(output->name, plan->arena);
        int64_t dim[STC_H5_MAX_NDIM];
        stc_h5_data data = {.id = -1};
        int ndim = output_axes(result, output, dim);
        rc = link ? stc_h5_data_create(group, link, H5T_NATIVE_FLOAT, ndim, dim, &data)
                  : STC_ERR_NOMEM;
        if (rc == 0) rc = stc_h5_set_int(data.id, "spiking", output->spiking);
        if (rc == 0) rc = stc_h5_set_int(data.id, "steps", output->steps);
        if (rc == 0) rc = stc_h5_set_int(data.id, "first_id", output->first_id);
        stc_h5_close(&data.id);
    }
    stc_h5_close(&group);
    return rc;
}

static int write_outputs(const write_plan *plan, const stc_result *result)
{
    int rc = 0;
    for (int i = 0; i < result->noutputs && rc == 0; i++) {
        const stc_output *output = &result->outputs[i];
        const char *link = stc_h5_escape(output->name, plan->arena);
        const char *name = link ? stc_arena_printf(plan->arena, "outputs/%s", link) : NULL;
        if (!name) return STC_ERR_NOMEM;
        stc_h5_data data = {.size = 1};
        data.id = H5Dopen2(plan->root, name, H5P_DEFAULT);
        if (data.id < 0) return stc_h5_fail(STC_ERR_IO, plan->root, name, "cannot open");
        data.ndim = output_axes(result, output, data.dim);
        for (int d = 0; d < data.ndim; d++)
            data.size *= data.dim[d];
        rc = stc_h5_data_write(&data, NULL, NULL, H5T_NATIVE_FLOAT, output->values);
        stc_h5_close(&data.id);
    }
    return rc;
}

/* ---- the whole ---- */

/* Where this rank's records start, how many there are, rank 0's figures. Collective. */
static int make_plan(const stc_comm *comm, const stc_result *result, write_plan *plan)
{
    int n = result->npopulations;
    plan->root = -1;
    plan->figures = *result;
    stc_utc(plan->utc, sizeof(plan->utc));
    int rc = stc_arena_create(&plan->arena);
    int64_t *counts = NULL;
    if (rc == 0) {
        counts = stc_arena_alloc(plan->arena, 3 * (int64_t)n + 1, sizeof(int64_t));
        if (!counts) rc = STC_ERR_NOMEM;
    }
    STC_TRY(stc_agree(comm, rc));
    plan->first = counts + n;
    plan->records = counts + 2 * n;
    for (int i = 0; i < n; i++)
        counts[i] = result->recorded ? result->populations[i].n : 0;
    MPI_Exscan(counts, plan->first, n, MPI_INT64_T, MPI_SUM, comm->mpi);
    if (comm->rank == 0 && n > 0) memset(plan->first, 0, (size_t)n * sizeof(int64_t));
    MPI_Allreduce(counts, plan->records, n, MPI_INT64_T, MPI_SUM, comm->mpi);
    MPI_Bcast(&plan->figures, sizeof(plan->figures), MPI_BYTE, 0, comm->mpi);
    MPI_Bcast(plan->utc, sizeof(plan->utc), MPI_CHAR, 0, comm->mpi);
    return 0;
}

static int64_t bytes_needed(const write_plan *plan, const stc_result *result)
{
    int64_t bytes = stc_h5_overhead(4 + 5 * (int64_t)result->npopulations + result->noutputs) +
                    stc_report_bytes(result);
    for (int i = 0; i < result->npopulations; i++)
        bytes += 21 * plan->records[i];
    for (int i = 0; i < result->noutputs; i++) {
        const stc_output *output = &result->outputs[i];
        bytes += 4 * result->samples * (output->steps > 0 ? output->steps : 1) *
                 stc_shape_size(&output->shape);
    }
    return bytes;
}

static int create_all(const write_plan *plan, const stc_result *result, const stc_rows *nodes)
{
    static const uint32_t magic = 0x0A7A, version[2] = {0, 1};
    stc_h5_data data = {.id = -1};
    hid_t file = plan->root, metrics = -1;
    STC_TRY(stc_h5_set_format(file, "stc-result", 1));
    STC_TRY(set_u32(file, "magic", 1, &magic));
    STC_TRY(set_u32(file, "version", 2, version));
    STC_TRY(write_metrics(file, &plan->figures));
    STC_TRY(write_provenance(file, result, &plan->figures, plan->utc));
    STC_TRY(create_outputs(plan, result));
    if (result->recorded) STC_TRY(create_populations(plan, result));
    STC_TRY(stc_report_create(file, result, plan->arena));
    STC_TRY(stc_h5_group(file, "metrics", &metrics));
    int rc = stc_rows_create(metrics, nodes, &data);
    stc_h5_close(&data.id);
    stc_h5_close(&metrics);
    return rc;
}

static int write_all(const stc_comm *comm, const write_plan *plan, const stc_result *result,
                     const stc_rows *nodes)
{
    if (result->recorded) STC_TRY(write_populations(plan, result));
    if (comm->rank != 0) return 0;
    STC_TRY(write_outputs(plan, result));
    STC_TRY(stc_report_write(plan->root, result, plan->arena));
    stc_h5_data data = {.ndim = 1, .dim = {nodes->n}, .size = nodes->n};
    data.id = H5Dopen2(plan->root, "metrics/nodes", H5P_DEFAULT);
    if (data.id < 0) return stc_h5_fail(STC_ERR_IO, plan->root, "metrics/nodes", "cannot open");
    int rc = stc_rows_write(&data, nodes);
    stc_h5_close(&data.id);
    return rc;
}

int stc_result_write(const stc_comm *comm, const stc_result *result, const char *path)
{
    write_plan plan;
    stc_rows nodes;
    stc_h5_file file;
    STC_TRY(make_plan(comm, result, &plan));
    int rc = stc_rows_pack(&node_table, result->populations, NULL, result->npopulations, &nodes);
    rc = stc_agree(comm, rc);
    if (rc == 0) rc = stc_h5_create(comm, path, bytes_needed(&plan, result), &file);
    if (rc == 0) {
        plan.root = file.id;
        rc = stc_h5_created(&file, create_all(&plan, result, &nodes));
        if (rc == 0) rc = write_all(comm, &plan, result, &nodes);
        rc = stc_h5_finish(&file, rc);
    }
    stc_rows_free(&nodes);
    stc_arena_destroy(&plan.arena);
    return rc;
}
