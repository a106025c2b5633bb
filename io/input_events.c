/* input_events.c - inputs that are lists of events: read in pieces, sorted by (sample, step, id),
 * events of the same element and step added up. Nothing of the size of samples x steps x elements
 * is ever made: a box of values is filled from the events that fall into it.
 *
 * Reading order: take, read_rows, stc_input_add_events, stc_input_finish_events,
 * stc_input_read_events.
 */
#include "input_file.h"
#include "network.h"

#include "stc/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 14 }; /* events read at once */
static const int64_t MOST_SAMPLES = INT64_C(1) << 31;

/* A piece of the columns as numbers. */
typedef struct {
    int64_t ids[PIECE], samples[PIECE];
    double times[PIECE], values[PIECE];
} piece;

/* What the events of an array are read into, and what they have to fit. */
typedef struct {
    stc_input_file *file;
    const stc_input_array *array;
    stc_input_values *into;
    const stc_event_columns *columns;
    int64_t size;    /* elements of the input node */
    int64_t samples; /* of the file, 0: any number */
    bool sorted;
} reader;

/* ---- columns ---- */

int stc_event_column(hid_t group, const char *name, bool required, bool integer, stc_h5_data *out)
{
    *out = (stc_h5_data){.id = -1};
    if (!required && !stc_h5_has(group, name)) return 0;
    STC_TRY(stc_h5_data_open(group, name, out));
    int rc = stc_h5_data_numeric(out);
    if (rc == 0 && integer && out->kind == H5T_FLOAT) {
        rc = stc_h5_fail(STC_ERR_INPUT, out->id, NULL, "holds floats, expected integers");
    }
    if (rc < 0) stc_h5_close(&out->id);
    return rc;
}

void stc_event_columns_close(stc_event_columns *columns)
{
    stc_h5_close(&columns->ids.id);
    stc_h5_close(&columns->times.id);
    stc_h5_close(&columns->samples.id);
    stc_h5_close(&columns->values.id);
}

static int check_shapes(const stc_event_columns *columns)
{
    const stc_h5_data *ids = &columns->ids;
    const stc_h5_data *others[] = {&columns->times, &columns->samples, &columns->values};
    if (ids->ndim != (columns->padded ? 2 : 1)) {
        return stc_h5_fail(STC_ERR_INPUT, ids->id, NULL, "has %d axes, expected %s", ids->ndim,
                           columns->padded ? "2: (samples, events)" : "1: (events)");
    }
    for (int i = 0; i < 3; i++) {
        char a[128], b[128];
        const stc_h5_data *other = others[i];
        if (other->id < 0) continue;
        if (other->ndim == ids->ndim &&
            memcmp(other->dim, ids->dim, (size_t)ids->ndim * sizeof(ids->dim[0])) == 0) {
            continue;
        }
        return stc_h5_fail(
            STC_ERR_INPUT, other->id, NULL, "has shape %s, but there are ids of shape %s",
            stc_h5_data_shape_text(other, a, sizeof(a)), stc_h5_data_shape_text(ids, b, sizeof(b)));
    }
    return 0;
}

/* ---- one event ---- */

/* Fail with "file:/dataset[row]: text"; row counts through all axes. */
static int refuse(const stc_h5_data *data, int64_t row, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int refuse(const stc_h5_data *data, int64_t row, const char *format, ...)
{
    char place[64], text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (data->ndim == 2) {
        snprintf(place, sizeof(place), "[%lld, %lld]", (long long)(row / data->dim[1]),
                 (long long)(row % data->dim[1]));
    } else {
        snprintf(place, sizeof(place), "[%lld]", (long long)row);
    }
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "entry %s %s", place, text);
}

/* The step of a time: the one within 1e-6 of a step of it, else the one in which it lies. */
static double step_of(double seconds, double dt)
{
    double at = seconds / dt, near = nearbyint(at);
    return fabs(at - near) <= 1e-6 ? near : floor(at);
}

static bool earlier(const stc_event *a, const stc_event *b)
{
    if (a->sample != b->sample) return a->sample < b->sample;
    return a->step != b->step ? a->step < b->step : a->id < b->id;
}

/* By value last, so that sums do not depend on the order of the file. */
static int compare_events(const void *a, const void *b)
{
    const stc_event *x = a, *y = b;
    if (earlier(x, y)) return -1;
    if (earlier(y, x)) return 1;
    return (x->value > y->value) - (x->value < y->value);
}

static int append(reader *r, const stc_event *event)
{
    stc_input_values *into = r->into;
    if (into->nevents == into->capacity) {
        int64_t capacity = 2 * into->capacity + 1024;
        stc_event *events = stc_alloc(capacity, sizeof(*events));
        if (!events) return STC_ERR_NOMEM;
        if (into->nevents) {
            memcpy(events, into->events, (size_t)into->nevents * sizeof(*events));
        }
        stc_free(into->events);
        into->events = events;
        into->capacity = capacity;
    }
    stc_event *last = into->nevents ? &into->events[into->nevents - 1] : NULL;
    if (last && compare_events(last, event) > 0) r->sorted = false;
    into->events[into->nevents++] = *event;
    return 0;
}

/* Event i of a piece, which is entry `row` of the columns. */
static int take(reader *r, const piece *p, int64_t i, int64_t row)
{
    const stc_event_columns *c = r->columns;
    int64_t id = p->ids[i], sample = p->samples[i];
    double time = p->times[i], value = c->values.id >= 0 ? p->values[i] : 1;
    if (c->padded && id == -1 && isinf(time) && time > 0) return 0;
    if (!(time >= 0) || isinf(time)) {
        return refuse(&c->times, row, "is %g, expected a time of at least 0", time);
    }
    if (id < 0 || id >= r->size) {
        return refuse(&c->ids, row, "is %lld, but input %s has %lld elements, ids 0 to %lld",
                      (long long)id, r->array->name, (long long)r->size, (long long)(r->size - 1));
    }
    int64_t most = r->samples ? r->samples : MOST_SAMPLES;
    if (sample < 0 || sample >= most) {
        return refuse(&c->samples, row, "is %lld, expected a sample from 0 to %lld",
                      (long long)sample, (long long)(most - 1));
    }
    if (!isfinite((float)value)) {
        return refuse(&c->values, row, "is %g; values must be finite float32 numbers", value);
    }
    if (c->ends && time <= 0) {
        return refuse(&c->times, row, "is 0; a spike is stamped with the end of its step");
    }
    double step = c->ends ? (double)stc_network_step(time * c->unit * 1e3, r->file->dt)
                          : step_of(time * c->unit, r->file->dt);
    if (time * c->unit > r->file->last_time) r->file->last_time = time * c->unit;
    if (step >= (double)STC_INPUT_MOST_STEPS) {
        r->file->late++;
        return 0;
    }
    const stc_event event = {(int64_t)step, id, (uint32_t)sample, (float)value};
    return append(r, &event);
}

/* ---- all events of an array ---- */

/* `n` entries from `row` on, which lie in one row of the columns or are whole rows. */
static int read_rows(reader *r, piece *p, int64_t row, int64_t n)
{
    const stc_event_columns *c = r->columns;
    int64_t width = c->ids.ndim == 2 ? c->ids.dim[1] : 0;
    int64_t start[2] = {row, 0}, count[2] = {n, 0};
    if (width) {
        bool whole = n >= width;
        start[0] = row / width;
        start[1] = row % width;
        count[0] = whole ? n / width : 1;
        count[1] = whole ? width : n;
    }
    STC_TRY(stc_h5_data_read(&c->ids, start, count, H5T_NATIVE_INT64, p->ids));
    STC_TRY(stc_h5_data_read(&c->times, start, count, H5T_NATIVE_DOUBLE, p->times));
    for (int64_t i = 0; i < n; i++)
        p->samples[i] = width ? (row + i) / width : 0;
    if (c->samples.id >= 0) {
        STC_TRY(stc_h5_data_read(&c->samples, start, count, H5T_NATIVE_INT64, p->samples));
    }
    if (c->values.id >= 0) {
        STC_TRY(stc_h5_data_read(&c->values, start, count, H5T_NATIVE_DOUBLE, p->values));
    }
    for (int64_t i = 0; i < n; i++)
        STC_TRY(take(r, p, i, row + i));
    return 0;
}

/* How many entries to read at once from `row` on: whole rows, or a part of one. */
static int64_t piece_at(const stc_h5_data *ids, int64_t row)
{
    int64_t left = ids->size - row, most = PIECE;
    if (ids->ndim == 2 && ids->dim[1] > PIECE) {
        left = ids->dim[1] - row % ids->dim[1];
    } else if (ids->ndim == 2) {
        most = PIECE / ids->dim[1] * ids->dim[1];
    }
    return left < most ? left : most;
}

static int read_all(reader *r)
{
    const stc_h5_data *ids = &r->columns->ids;
    piece *p = stc_alloc(1, sizeof(*p));
    int rc = p ? 0 : STC_ERR_NOMEM;
    for (int64_t row = 0; rc == 0 && row < ids->size;) {
        int64_t n = piece_at(ids, row);
        rc = read_rows(r, p, row, n);
        row += n;
    }
    stc_free(p);
    return rc;
}

int stc_input_add_events(stc_input_file *f, const stc_stage *stage, int64_t samples,
                         const stc_event_columns *columns)
{
    stc_input_array *array;
    STC_TRY(check_shapes(columns));
    STC_TRY(stc_input_add(f, stage, samples, false, columns->ids.id, &array));
    stc_input_values *into = array->handle;
    reader r = {.file = f,
                .array = array,
                .into = into,
                .columns = columns,
                .size = stc_shape_size(&stage->shape),
                .samples = samples,
                .sorted = true};
    STC_TRY(read_all(&r));
    if (!r.sorted) {
        qsort(into->events, (size_t)into->nevents, sizeof(*into->events), compare_events);
    }
    return 0;
}

/* ---- when all arrays are there ---- */

/* One event for those of the same element and step. */
static int merge(const stc_input_file *f, const stc_input_array *array)
{
    stc_input_values *list = array->handle;
    int64_t n = 0;
    for (int64_t i = 0; i < list->nevents;) {
        stc_event first = list->events[i];
        double sum = 0;
        for (; i < list->nevents && !earlier(&first, &list->events[i]); i++)
            sum += (double)list->events[i].value;
        first.value = (float)sum;
        STC_CHECK(isfinite(first.value), STC_ERR_INPUT,
                  "%s: events of input %s, element %lld, step %lld add up to %g", f->input.path,
                  array->name, (long long)first.id, (long long)first.step, sum);
        list->events[n++] = first;
    }
    list->nevents = n;
    return 0;
}

/* Drop events beyond the steps of an array; returns how many. */
static int64_t cut(const stc_input_array *array)
{
    stc_input_values *list = array->handle;
    int64_t n = 0, all = list->nevents;
    for (int64_t i = 0; i < all; i++) {
        if (list->events[i].step < array->steps) list->events[n++] = list->events[i];
    }
    list->nevents = n;
    return all - n;
}

int stc_input_finish_events(stc_input_file *f, int64_t steps)
{
    int64_t late = f->late;
    for (int a = 0; a < f->input.narrays; a++) {
        stc_input_array *array = &f->input.arrays[a];
        const stc_input_values *values = array->handle;
        if (values->dense) continue;
        array->steps = steps;
        late += cut(array);
        STC_TRY(merge(f, array));
    }
    if (late) {
        stc_warn("%s: %lld events after the last of %lld steps of %g s are ignored", f->input.path,
                 (long long)late, (long long)steps, f->dt);
    }
    if (f->last_time > 0 && f->last_time < f->dt && steps > 1) {
        stc_warn("%s: all events lie in the first step, as a step is %g s here and the last event "
                 "is at %g s; is this the --input-dt that was meant?",
                 f->input.path, f->dt, f->last_time);
    }
    return 0;
}

/* ---- reading values ---- */

/* Index of the first event that is not earlier than this one. */
static int64_t first_not_before(const stc_input_values *list, const stc_event *event)
{
    int64_t low = 0, high = list->nevents;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (earlier(&list->events[middle], event)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void stc_input_read_events(const stc_input_array *array, int64_t sample, int64_t first,
                           int64_t count, const stc_box *box, float *out)
{
    const stc_input_values *list = array->handle;
    int64_t stride[STC_MAX_NDIM], size = stc_box_size(box);
    const stc_event from = {.sample = (uint32_t)sample, .step = first};
    memset(out, 0, (size_t)(count * size) * sizeof(*out));
    stc_shape_strides(&array->shape, stride);
    for (int64_t i = first_not_before(list, &from); i < list->nevents; i++) {
        const stc_event *event = &list->events[i];
        if (event->sample != (uint32_t)sample || event->step >= first + count) return;
        int64_t at = event->step - first, rest = event->id;
        bool inside = true;
        for (int d = 0; d < box->ndim && inside; d++) {
            int64_t index = rest / stride[d];
            rest %= stride[d];
            inside = index >= box->lo[d] && index < box->hi[d];
            at = at * (box->hi[d] - box->lo[d]) + index - box->lo[d];
        }
        if (inside) out[at] = event->value;
    }
}
