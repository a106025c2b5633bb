/* report.c - traces as SONATA frame reports: /report/<node>/{data, mapping} (docs/formats.md).
 *
 * SONATA has one report for each population; here a population is a node, and a variable other than
 * its membrane potential (v, V_m) has a group of its own, named <node>.<variable>.
 */
#include "report.h"

#include "stc/error.h"

#include <string.h>

int stc_report_set_shape(hid_t object, const stc_shape *shape)
{
    hsize_t n = (hsize_t)shape->ndim;
    hid_t space = n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_NULL), attr = -1;
    if (space >= 0) {
        attr = H5Acreate2(object, "shape", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    }
    int rc = 0;
    if (attr < 0 || (n && H5Awrite(attr, H5T_NATIVE_INT64, shape->dim) < 0)) {
        rc = stc_h5_fail(STC_ERR_IO, object, NULL, "cannot write attribute shape");
    }
    stc_h5_close(&attr);
    stc_h5_close(&space);
    return rc;
}

/* ---- names ---- */

/* Name of the group of a trace. A node may be called as another node's variable is: then '%', which
 * stands before digits or letters of its own in escaped names, keeps them apart. */
static const char *link_of(const stc_result *result, int which, stc_arena *arena)
{
    const stc_trace *trace = &result->traces[which];
    const char *node = stc_h5_escape(trace->name, arena);
    bool membrane = strcmp(trace->variable, "v") == 0 || strcmp(trace->variable, "V_m") == 0;
    if (!node || membrane) return node;
    const char *link = stc_arena_printf(arena, "%s.%s", node, trace->variable);
    for (int i = 0; link && i < result->ntraces; i++) {
        const char *other = stc_h5_escape(result->traces[i].name, arena);
        if (!other) return NULL;
        if (strcmp(other, link) == 0)
            return stc_arena_printf(arena, "%s%%%s", node, trace->variable);
    }
    return link;
}

/* ---- making the groups ---- */

enum { NODE_IDS, INDEX_POINTERS, ELEMENT_IDS, TIME, NCOLUMNS };
static const char *const column_names[NCOLUMNS] = {"node_ids", "index_pointers", "element_ids",
                                                   "time"};

static hid_t column_type(int column)
{
    return column == TIME          ? H5T_NATIVE_DOUBLE
           : column == ELEMENT_IDS ? H5T_NATIVE_UINT32
                                   : H5T_NATIVE_UINT64;
}

static int64_t column_size(const stc_trace *trace, int column)
{
    return column == TIME ? 3 : trace->nids + (column == INDEX_POINTERS);
}

/* Axes of the values: SONATA's (time, ids) for one sample, else the samples come first. */
static int axes_of(const stc_result *result, const stc_trace *trace, int64_t dim[3])
{
    int n = 0;
    if (result->samples > 1) dim[n++] = result->samples;
    dim[n++] = trace->rows;
    dim[n++] = trace->nids;
    return n;
}

int64_t stc_report_bytes(const stc_result *result)
{
    int64_t bytes = stc_h5_overhead(1 + 7 * (int64_t)result->ntraces);
    for (int i = 0; i < result->ntraces; i++) {
        int64_t nids = result->traces[i].nids, size = result->traces[i].single ? 4 : 8;
        bytes += size * result->samples * result->traces[i].rows * nids + 20 * nids + 32;
    }
    return bytes;
}

static int create_column(hid_t mapping, const stc_result *result, const stc_trace *trace,
                         int column)
{
    stc_h5_data data;
    int64_t size = column_size(trace, column);
    STC_TRY(
        stc_h5_data_create(mapping, column_names[column], column_type(column), 1, &size, &data));
    int rc = 0;
    if (column == NODE_IDS) rc = stc_h5_set_int(data.id, "sorted", 1);
    if (column == TIME) rc = stc_h5_set_text(data.id, "units", "ms");
    if (column == TIME && rc == 0)
        rc = stc_h5_set_text(data.id, "stamp", result->stamps_end ? "end" : "start");
    stc_h5_close(&data.id);
    return rc;
}

static int fill_group(hid_t group, const stc_result *result, const stc_trace *trace)
{
    int64_t dim[3];
    int ndim = axes_of(result, trace, dim);
    stc_h5_data data;
    hid_t mapping;
    STC_TRY(stc_h5_set_text(group, "node", trace->name));
    STC_TRY(stc_h5_set_text(group, "variable", trace->variable));
    STC_TRY(stc_report_set_shape(group, &trace->shape));
    STC_TRY(stc_h5_data_create(group, "data", stc_report_type(trace), ndim, dim, &data));
    int rc = stc_h5_set_text(data.id, "units", trace->units);
    stc_h5_close(&data.id);
    if (rc == 0) rc = stc_h5_group_create(group, "mapping", &mapping);
    if (rc < 0) return rc;
    for (int c = 0; c < NCOLUMNS && rc == 0; c++)
        rc = create_column(mapping, result, trace, c);
    stc_h5_close(&mapping);
    return rc;
}

int stc_report_create(hid_t root, const stc_result *result, stc_arena *arena)
{
    hid_t report, group;
    if (result->ntraces == 0) return 0;
    STC_TRY(stc_h5_group_create(root, "report", &report));
    int rc = 0;
    for (int i = 0; i < result->ntraces && rc == 0; i++) {
        const char *link = link_of(result, i, arena);
        rc = link ? stc_h5_group_create(report, link, &group) : STC_ERR_NOMEM;
        if (rc < 0) break;
        rc = fill_group(group, result, &result->traces[i]);
        stc_h5_close(&group);
    }
    stc_h5_close(&report);
    return rc;
}

/* ---- writing ---- */

int stc_report_write_values(const stc_h5_data *data, const stc_result *result,
                            const stc_trace *trace)
{
    enum { PIECE = 1 << 24 };
    int64_t nids = trace->nids, most = nids > 0 && nids < PIECE ? PIECE / nids : 1;
    for (int64_t s = 0; s < result->samples; s++) {
        for (int64_t t = 0; t < trace->rows; t += most) {
            int64_t n = trace->rows - t < most ? trace->rows - t : most;
            const int64_t start[3] = {s, t, 0}, count[3] = {1, n, nids};
            int skip = 3 - data->ndim;
            const double *values = trace->values + (s * trace->rows + t) * nids;
            STC_TRY(stc_h5_data_write(data, start + skip, count + skip, H5T_NATIVE_DOUBLE, values));
        }
    }
    return 0;
}

/* A column as its memory type; stc_free it. */
static void *column_values(const stc_result *result, const stc_trace *trace, int column)
{
    int64_t n = column_size(trace, column);
    uint64_t *values = stc_alloc(n, sizeof(*values));
    double *times = (double *)(void *)values;
    if (!values) return NULL;
    for (int64_t i = 0; i < n && column <= INDEX_POINTERS; i++)
        values[i] = (uint64_t)(column == NODE_IDS ? trace->ids[i] : i);
    if (column == TIME) {
        int64_t first = trace->every - 1 + result->stamps_end;
        times[0] = (double)first * result->dt_ms;
        times[1] = (double)(first + trace->rows * trace->every) * result->dt_ms;
        times[2] = (double)trace->every * result->dt_ms;
    }
    return values;
}

static int write_trace(hid_t group, const stc_result *result, const stc_trace *trace)
{
    stc_h5_data data = {.size = 1};
    data.ndim = axes_of(result, trace, data.dim);
    for (int d = 0; d < data.ndim; d++)
        data.size *= data.dim[d];
    data.id = H5Dopen2(group, "data", H5P_DEFAULT);
    if (data.id < 0) return stc_h5_fail(STC_ERR_IO, group, "data", "cannot open");
    int rc = stc_report_write_values(&data, result, trace);
    stc_h5_close(&data.id);
    hid_t mapping = rc == 0 ? H5Gopen2(group, "mapping", H5P_DEFAULT) : -1;
    if (rc == 0 && mapping < 0) rc = stc_h5_fail(STC_ERR_IO, group, "mapping", "cannot open");
    for (int c = 0; c < NCOLUMNS && rc == 0; c++) {
        void *values = column_values(result, trace, c);
        data = (stc_h5_data){.ndim = 1, .size = column_size(trace, c)};
        data.dim[0] = data.size;
        data.id = H5Dopen2(mapping, column_names[c], H5P_DEFAULT);
        if (data.id < 0) rc = stc_h5_fail(STC_ERR_IO, mapping, column_names[c], "cannot open");
        if (!values) rc = STC_ERR_NOMEM;
        if (rc == 0) rc = stc_h5_data_write(&data, NULL, NULL, column_type(c), values);
        stc_h5_close(&data.id);
        stc_free(values);
    }
    stc_h5_close(&mapping);
    return rc;
}

int stc_report_write(hid_t root, const stc_result *result, stc_arena *arena)
{
    for (int i = 0; i < result->ntraces; i++) {
        const char *link = link_of(result, i, arena);
        const char *name = link ? stc_arena_printf(arena, "report/%s", link) : NULL;
        if (!name) return STC_ERR_NOMEM;
        hid_t group = H5Gopen2(root, name, H5P_DEFAULT);
        if (group < 0) return stc_h5_fail(STC_ERR_IO, root, name, "cannot open");
        int rc = write_trace(group, result, &result->traces[i]);
        stc_h5_close(&group);
        STC_TRY(rc);
    }
    return 0;
}
