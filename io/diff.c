/* diff.c - do two results agree? Spikes are compared as sets, outputs and traces bit by bit. Files
 * of other writers are welcome: populations need not be sorted, `sample` and `value` may be
 * missing. */
#include "h5.h"

#include "stc/error.h"
#include "stc/result.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t sample;
    double time; /* ms */
    uint64_t id;
    uint8_t value;
} record;

/* One of the two files. */
typedef struct {
    const char *path;
    hid_t file, spikes, outputs, report; /* groups -1 when absent */
    double step_ms;
    int64_t first_sample;
    const char **populations, **names, **traces; /* links, sorted */
    int64_t npopulations, nnames, ntraces;       /* names: of outputs */
    const char *spike_checksum, *output_checksum;
} side;

typedef struct {
    stc_arena *arena;
    side side[2];
    FILE *out;
    bool same;
    /* the earliest difference of spikes */
    bool found;
    record first;
    const char *first_node;
    uint8_t first_value[2];
    int64_t spikes, values, points; /* compared and equal; points: of traces */
} comparison;

/* ---- reading ---- */

static int open_side(comparison *c, int k, const char *path)
{
    side *s = &c->side[k];
    hid_t metrics;
    s->path = path;
    STC_TRY(stc_h5_open(path, &s->file));
    STC_TRY(stc_h5_check_format(s->file, "stc-result", 1));
    STC_TRY(stc_h5_group(s->file, "metrics", &metrics));
    int rc = stc_h5_attr_real(metrics, "step_ms", &s->step_ms);
    if (rc == 0) rc = stc_h5_attr_int(metrics, "first_sample", &s->first_sample);
    if (rc == 0) rc = stc_h5_attr_text(metrics, "spike_checksum", c->arena, &s->spike_checksum);
    if (rc == 0) rc = stc_h5_attr_text(metrics, "output_checksum", c->arena, &s->output_checksum);
    if (rc == 0 && !(s->step_ms > 0)) {
        rc = stc_h5_fail(STC_ERR_INPUT, metrics, NULL, "step_ms is %g, expected > 0", s->step_ms);
    }
    stc_h5_close(&metrics);
    if (rc < 0) return rc;
    if (stc_h5_has(s->file, "spikes")) {
        STC_TRY(stc_h5_group(s->file, "spikes", &s->spikes));
        STC_TRY(stc_h5_names(s->spikes, 1000000, c->arena, &s->populations, &s->npopulations));
    }
    if (stc_h5_has(s->file, "report")) {
        STC_TRY(stc_h5_group(s->file, "report", &s->report));
        STC_TRY(stc_h5_names(s->report, 1000000, c->arena, &s->traces, &s->ntraces));
    }
    STC_TRY(stc_h5_group(s->file, "outputs", &s->outputs));
    return stc_h5_names(s->outputs, 1000000, c->arena, &s->names, &s->nnames);
}

static void close_side(side *s)
{
    stc_h5_close(&s->spikes);
    stc_h5_close(&s->outputs);
    stc_h5_close(&s->report);
    stc_h5_close(&s->file);
}

/* A column of n numbers as the memory type; *n < 0: sets it. */
static int read_column(hid_t group, const char *name, hid_t type, int64_t size, int64_t *n,
                       void **out)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim != 1 || (*n >= 0 && data.size != *n))) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "has %lld values in %d axes, expected %lld",
                         (long long)data.size, data.ndim, (long long)*n);
    }
    *n = data.size;
    if (rc == 0) *out = stc_alloc(data.size, size);
    if (rc == 0 && !*out) rc = STC_ERR_NOMEM;
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, type, *out);
    stc_h5_close(&data.id);
    return rc;
}

static int compare_records(const void *a, const void *b)
{
    const record *x = a, *y = b;
    if (x->sample != y->sample) return x->sample < y->sample ? -1 : 1;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int read_columns(const side *s, hid_t group, void *columns[4], int64_t *n)
{
    *n = -1;
    STC_TRY(read_column(group, "node_ids", H5T_NATIVE_UINT64, 8, n, &columns[0]));
    STC_TRY(read_column(group, "timestamps", H5T_NATIVE_DOUBLE, 8, n, &columns[1]));
    if (stc_h5_has(group, "sample")) {
        STC_TRY(read_column(group, "sample", H5T_NATIVE_INT64, 8, n, &columns[2]));
    }
    if (stc_h5_has(group, "value")) {
        STC_TRY(read_column(group, "value", H5T_NATIVE_UINT8, 1, n, &columns[3]));
    }
    const double *times = columns[1];
    for (int64_t i = 0; i < *n; i++) {
        if (!isfinite(times[i])) {
            return stc_fail(STC_ERR_INPUT, "%s: a time stamp is not finite", s->path);
        }
    }
    return 0;
}

/* The records of a population, sorted by (sample, time, id). */
static int read_population(const side *s, const char *link, record **out, int64_t *n)
{
    void *columns[4] = {NULL};
    hid_t group;
    *out = NULL;
    STC_TRY(stc_h5_group(s->spikes, link, &group));
    int rc = read_columns(s, group, columns, n);
    stc_h5_close(&group);
    if (rc == 0) *out = stc_alloc(*n, sizeof(**out));
    if (rc == 0 && !*out) rc = STC_ERR_NOMEM;
    const int64_t *samples = columns[2];
    const uint8_t *values = columns[3];
    bool sorted = true;
    for (int64_t i = 0; rc == 0 && i < *n; i++) {
        (*out)[i] = (record){samples ? samples[i] : s->first_sample, ((double *)columns[1])[i],
                             ((uint64_t *)columns[0])[i], values ? values[i] : 1};
        if (i > 0 && compare_records(&(*out)[i - 1], &(*out)[i]) > 0) sorted = false;
    }
    if (rc == 0 && !sorted) qsort(*out, (size_t)*n, sizeof(**out), compare_records);
    for (int i = 0; i < 4; i++)
        stc_free(columns[i]);
    return rc;
}

/* ---- spikes ---- */

/* Remember the earliest difference of all nodes. */
static void note_difference(comparison *c, const char *node, const record *at, int a, int b)
{
    if (c->found) {
        record first = c->first, now = *at;
        int order = first.sample != now.sample ? (now.sample < first.sample ? -1 : 1)
                    : first.time != now.time   ? (now.time < first.time ? -1 : 1)
                                               : strcmp(node, c->first_node);
        if (order > 0 || (order == 0 && first.id <= now.id)) return;
    }
    c->found = true;
    c->first = *at;
    c->first_node = node;
    c->first_value[0] = (uint8_t)a;
    c->first_value[1] = (uint8_t)b;
}

static void merge(comparison *c, const char *node, record *const list[2], const int64_t n[2])
{
    int64_t i = 0, j = 0, only[2] = {0, 0}, changed = 0;
    while (i < n[0] || j < n[1]) {
        int order = i == n[0] ? 1 : j == n[1] ? -1 : compare_records(&list[0][i], &list[1][j]);
        if (order == 0 && list[0][i].value == list[1][j].value) {
            c->spikes++;
        } else if (order == 0) {
            changed++;
            note_difference(c, node, &list[0][i], list[0][i].value, list[1][j].value);
        } else if (order < 0) {
            only[0]++;
            note_difference(c, node, &list[0][i], list[0][i].value, 0);
        } else {
            only[1]++;
            note_difference(c, node, &list[1][j], 0, list[1][j].value);
        }
        i += order <= 0;
        j += order >= 0;
    }
    if (only[0] + only[1] + changed == 0) return;
    c->same = false;
    fprintf(c->out, "node %s: %lld spikes only in %s, %lld only in %s", node, (long long)only[0],
            c->side[0].path, (long long)only[1], c->side[1].path);
    if (changed) fprintf(c->out, ", %lld with another count", (long long)changed);
    fprintf(c->out, "\n");
}

static int compare_population(comparison *c, const char *link)
{
    record *list[2] = {NULL, NULL};
    int64_t n[2];
    const char *node = stc_h5_unescape(link, c->arena);
    int rc = node ? 0 : STC_ERR_NOMEM;
    for (int k = 0; k < 2 && rc == 0; k++) {
        rc = read_population(&c->side[k], link, &list[k], &n[k]);
    }
    if (rc == 0) merge(c, node, list, n);
    stc_free(list[0]);
    stc_free(list[1]);
    return rc;
}

static void report_first(const comparison *c)
{
    if (!c->found) return;
    double step = c->first.time / c->side[0].step_ms;
    fprintf(c->out,
            "first difference: sample %lld, step %.0f, node %s, id %" PRIu64
            ": %d in %s, %d in %s\n",
            (long long)c->first.sample, step, c->first_node, c->first.id, c->first_value[0],
            c->side[0].path, c->first_value[1], c->side[1].path);
}

/* Call both(link) for the names that both sides have, and say which only one has. */
static int for_common(comparison *c, const char *what, const char **a, int64_t na, const char **b,
                      int64_t nb, int (*both)(comparison *c, const char *link))
{
    int64_t i = 0, j = 0;
    while (i < na || j < nb) {
        int order = i == na ? 1 : j == nb ? -1 : strcmp(a[i], b[j]);
        if (order == 0) {
            STC_TRY(both(c, a[i]));
        } else {
            const char *name = stc_h5_unescape(order < 0 ? a[i] : b[j], c->arena);
            c->same = false;
            fprintf(c->out, "%s %s: only in %s\n", what, name ? name : "",
                    c->side[order < 0 ? 0 : 1].path);
        }
        i += order <= 0;
        j += order >= 0;
    }
    return 0;
}

static int compare_spikes(comparison *c)
{
    const side *a = &c->side[0], *b = &c->side[1];
    if (a->spikes >= 0 && b->spikes >= 0) {
        STC_TRY(for_common(c, "node", a->populations, a->npopulations, b->populations,
                           b->npopulations, compare_population));
        report_first(c);
        return 0;
    }
    bool same = strcmp(a->spike_checksum, b->spike_checksum) == 0;
    fprintf(c->out, "spikes: not recorded in %s; their checksums %s (%s, %s)\n",
            a->spikes < 0 ? a->path : b->path, same ? "agree" : "differ", a->spike_checksum,
            b->spike_checksum);
    c->same = c->same && same;
    return 0;
}

/* ---- outputs ---- */

/* "sample 0, step 3, element (1, 2)" of a C-order index. */
static const char *place_text(const stc_h5_data *data, int64_t at, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "(");
    int64_t inner = data->size;
    for (int d = 0; d < data->ndim && used < size; d++) {
        inner /= data->dim[d];
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", d ? ", " : "",
                                 (long long)(at / inner));
        at %= inner;
    }
    if (used < size) snprintf(buffer + used, size - used, ")");
    return buffer;
}

/* Two arrays of the same name; traces have ids. */
typedef struct {
    const char *what;    /* "output x" */
    const int64_t *ids;  /* traces: ids of the last axis */
    stc_h5_data data[2]; /* of equal shape */
    double *values[2];
} value_pair;

/* "sample 3, step 7, id 12" of the value of a trace. */
static const char *trace_place(const comparison *c, const value_pair *pair, int64_t at,
                               char *buffer, size_t size)
{
    const stc_h5_data *data = &pair->data[0];
    int64_t nids = data->dim[data->ndim - 1], steps = data->dim[data->ndim - 2];
    snprintf(buffer, size, "sample %lld, step %lld, id %lld",
             (long long)(c->side[0].first_sample + at / nids / steps),
             (long long)(at / nids % steps), (long long)pair->ids[at % nids]);
    return buffer;
}

/* Returns the number of equal values. */
static int64_t compare_values(comparison *c, const value_pair *pair)
{
    const stc_h5_data *data = &pair->data[0];
    double *const *values = pair->values;
    int64_t differ = 0, first = -1;
    double largest = 0;
    char place[160];
    for (int64_t i = 0; i < data->size; i++) {
        if (memcmp(&values[0][i], &values[1][i], sizeof(double)) == 0) continue;
        double by = fabs(values[0][i] - values[1][i]);
        if (by > largest) largest = by;
        if (differ++ == 0) first = i;
    }
    if (differ == 0) return data->size;
    c->same = false;
    fprintf(c->out,
            "%s: %lld of %lld values differ, by at most %g; the first at %s: %.9g in %s, "
            "%.9g in %s\n",
            pair->what, (long long)differ, (long long)data->size, largest,
            pair->ids ? trace_place(c, pair, first, place, sizeof(place))
                      : place_text(data, first, place, sizeof(place)),
            values[0][first], c->side[0].path, values[1][first], c->side[1].path);
    return data->size - differ;
}

/* Every float32 is a float64. */
static int read_values(const stc_h5_data *data, double **values)
{
    STC_TRY(stc_h5_data_numeric(data));
    *values = stc_alloc(data->size, sizeof(double));
    if (!*values) return STC_ERR_NOMEM;
    return stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_DOUBLE, *values);
}

static bool equal_shapes(const stc_h5_data *a, const stc_h5_data *b)
{
    return a->ndim == b->ndim && memcmp(a->dim, b->dim, (size_t)a->ndim * sizeof(a->dim[0])) == 0;
}

/* Compare the datasets of this name in two groups, one of each file; adds to *equal. */
static int compare_pair(comparison *c, value_pair *pair, const hid_t group[2], const char *link,
                        int64_t *equal)
{
    char a[128], b[128];
    int rc = 0;
    pair->data[0].id = pair->data[1].id = -1;
    pair->values[0] = pair->values[1] = NULL;
    for (int k = 0; k < 2 && rc == 0; k++) {
        rc = stc_h5_data_open(group[k], link, &pair->data[k]);
        if (rc == 0) rc = read_values(&pair->data[k], &pair->values[k]);
    }
    if (rc == 0 && equal_shapes(&pair->data[0], &pair->data[1])) {
        *equal += compare_values(c, pair);
    } else if (rc == 0) {
        c->same = false;
        fprintf(c->out, "%s: shape %s in %s, %s in %s\n", pair->what,
                stc_h5_data_shape_text(&pair->data[0], a, sizeof(a)), c->side[0].path,
                stc_h5_data_shape_text(&pair->data[1], b, sizeof(b)), c->side[1].path);
    }
    for (int k = 0; k < 2; k++) {
        stc_h5_close(&pair->data[k].id);
        stc_free(pair->values[k]);
    }
    return rc;
}

static int compare_output(comparison *c, const char *link)
{
    const char *name = stc_h5_unescape(link, c->arena);
    value_pair pair = {.what = name ? stc_arena_printf(c->arena, "output %s", name) : NULL};
    const hid_t groups[2] = {c->side[0].outputs, c->side[1].outputs};
    return pair.what ? compare_pair(c, &pair, groups, link, &c->values) : STC_ERR_NOMEM;
}

/* ---- traces ---- */

/* Open a report and read its ids; its values have an axis of these. */
static int open_trace(const side *s, const char *link, hid_t *group, int64_t **ids, int64_t *n)
{
    stc_h5_data data;
    STC_TRY(stc_h5_group(s->report, link, group));
    *n = -1;
    STC_TRY(read_column(*group, "mapping/node_ids", H5T_NATIVE_INT64, 8, n, (void **)ids));
    STC_TRY(stc_h5_data_open(*group, "data", &data));
    int rc = 0;
    if ((data.ndim != 2 && data.ndim != 3) || data.dim[data.ndim - 1] != *n) {
        char shape[128];
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has shape %s, expected (steps, %lld) or (samples, steps, %lld)",
                         stc_h5_data_shape_text(&data, shape, sizeof(shape)), (long long)*n,
                         (long long)*n);
    }
    stc_h5_close(&data.id);
    return rc;
}

static int compare_trace(comparison *c, const char *link)
{
    int64_t *ids[2] = {NULL, NULL}, n[2];
    hid_t group[2] = {-1, -1};
    const char *name = stc_h5_unescape(link, c->arena);
    value_pair pair = {.what = name ? stc_arena_printf(c->arena, "trace %s", name) : NULL};
    int rc = pair.what ? 0 : STC_ERR_NOMEM;
    for (int k = 0; k < 2 && rc == 0; k++)
        rc = open_trace(&c->side[k], link, &group[k], &ids[k], &n[k]);
    pair.ids = ids[0];
    if (rc == 0 && (n[0] != n[1] || memcmp(ids[0], ids[1], (size_t)n[0] * sizeof(int64_t)))) {
        c->same = false;
        fprintf(c->out, "%s: other neurons in %s than in %s\n", pair.what, c->side[0].path,
                c->side[1].path);
    } else if (rc == 0) {
        rc = compare_pair(c, &pair, group, "data", &c->points);
    }
    for (int k = 0; k < 2; k++) {
        stc_h5_close(&group[k]);
        stc_free(ids[k]);
    }
    return rc;
}

/* Traces that only one of the files recorded are no difference. */
static int compare_traces(comparison *c)
{
    const side *a = &c->side[0], *b = &c->side[1];
    if (a->report >= 0 && b->report >= 0) {
        return for_common(c, "trace", a->traces, a->ntraces, b->traces, b->ntraces, compare_trace);
    }
    if (a->report >= 0 || b->report >= 0) {
        fprintf(c->out, "traces: not recorded in %s\n", a->report < 0 ? a->path : b->path);
    }
    return 0;
}

/* ---- the whole ---- */

static int compare_all(comparison *c, const char *a, const char *b)
{
    STC_TRY(open_side(c, 0, a));
    STC_TRY(open_side(c, 1, b));
    if (c->side[0].step_ms != c->side[1].step_ms) {
        c->same = false;
        fprintf(c->out, "a step is %g ms in %s, %g ms in %s\n", c->side[0].step_ms, a,
                c->side[1].step_ms, b);
    }
    STC_TRY(compare_spikes(c));
    STC_TRY(for_common(c, "output", c->side[0].names, c->side[0].nnames, c->side[1].names,
                       c->side[1].nnames, compare_output));
    STC_TRY(compare_traces(c));
    if (c->same) {
        fprintf(c->out, "same: %lld spikes of %lld nodes, %lld values of %lld outputs",
                (long long)c->spikes, (long long)c->side[0].npopulations, (long long)c->values,
                (long long)c->side[0].nnames);
        if (c->points) fprintf(c->out, ", %lld of traces", (long long)c->points);
        fprintf(c->out, "\n");
    }
    return 0;
}

int stc_result_diff(const char *a, const char *b, FILE *file, bool *same)
{
    comparison c = {.out = file, .same = true};
    for (int k = 0; k < 2; k++)
        c.side[k] = (side){.file = -1, .spikes = -1, .outputs = -1, .report = -1};
    STC_TRY(stc_arena_create(&c.arena));
    int rc = compare_all(&c, a, b);
    for (int k = 0; k < 2; k++)
        close_side(&c.side[k]);
    stc_arena_destroy(&c.arena);
    *same = rc == 0 && c.same;
    return rc;
}
