/* input.c - what is presented to a network: dense arrays of a file, or of memory.
 *
 * Nothing but shapes and labels is read when a file is opened; values come as hyperslabs.
 */
#include "stc/input.h"

#include "h5.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

/* What `source` of an input from a file points to. Everything else lies in the arena. */
typedef struct {
    stc_arena *arena;
    hid_t file;
    stc_input input;
} file_input;

/* ---- reading values ---- */

static int check_range(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box)
{
    const stc_input_array *a = array >= 0 && array < input->narrays ? &input->arrays[array] : NULL;
    int64_t steps = a && a->steps > 0 ? a->steps : 1;
    bool good = a && sample >= 0 && sample < input->samples && first >= 0 && count >= 0 &&
                first <= steps - count && box->ndim == a->shape.ndim;
    for (int d = 0; good && d < box->ndim; d++) {
        good = box->lo[d] >= 0 && box->lo[d] <= box->hi[d] && box->hi[d] <= a->shape.dim[d];
    }
    STC_CHECK(good, STC_ERR_INTERNAL, "input array %d: sample %lld, steps %lld to %lld asked for",
              array, (long long)sample, (long long)first, (long long)(first + count));
    return 0;
}

/* Where value i of out[count][box] came from, for a message. */
static int not_finite(const stc_input_array *a, hid_t id, int64_t sample, int64_t first,
                      const stc_box *box, int64_t i, float value)
{
    char index[160] = "";
    size_t used = 0;
    int64_t size = stc_box_size(box), rest = i % size;
    for (int d = 0; d < box->ndim && used < sizeof(index); d++) {
        int64_t inner = 1;
        for (int e = d + 1; e < box->ndim; e++)
            inner *= box->hi[e] - box->lo[e];
        used += (size_t)snprintf(index + used, sizeof(index) - used, "%s%lld", d ? ", " : "",
                                 (long long)(box->lo[d] + rest / inner));
        rest %= inner;
    }
    char step[40] = "";
    if (a->steps > 0) snprintf(step, sizeof(step), ", step %lld", (long long)(first + i / size));
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, id, NULL,
                       "is %g at sample %lld%s, element (%s); inputs must be finite", (double)value,
                       (long long)sample, step, index);
}

static int read_file(const stc_input *input, int array, int64_t sample, int64_t first,
                     int64_t count, const stc_box *box, float *out)
{
    STC_TRY(check_range(input, array, sample, first, count, box));
    const stc_input_array *a = &input->arrays[array];
    const stc_h5_data *data = a->handle;
    int64_t start[STC_H5_MAX_NDIM], extent[STC_H5_MAX_NDIM], n = count * stc_box_size(box);
    int axis = 0;
    start[axis] = sample;
    extent[axis++] = 1;
    if (a->steps > 0) {
        start[axis] = first;
        extent[axis++] = count;
    }
    for (int d = 0; d < box->ndim; d++) {
        start[axis] = box->lo[d];
        extent[axis++] = box->hi[d] - box->lo[d];
    }
    if (n == 0) return 0;
    STC_TRY(stc_h5_data_read(data, start, extent, H5T_NATIVE_FLOAT, out));
    float scale = (float)a->scale;
    for (int64_t i = 0; i < n && scale != 1.0f; i++)
        out[i] *= scale;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(out[i])) return not_finite(a, data->id, sample, first, box, i, out[i]);
    }
    return 0;
}

/* ---- opening a file ---- */

static int read_labels(file_input *f)
{
    stc_h5_data data;
    if (!stc_h5_has(f->file, "labels")) return 0;
    STC_TRY(stc_h5_data_open(f->file, "labels", &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim != 1 || data.size != f->input.samples)) {
        char shape[128];
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has shape %s, expected (%lld): one label for each sample",
                         stc_h5_data_shape_text(&data, shape, sizeof(shape)),
                         (long long)f->input.samples);
    }
    if (rc == 0) {
        f->input.labels = stc_arena_alloc(f->arena, data.size, sizeof(int32_t));
        if (!f->input.labels) rc = STC_ERR_NOMEM;
    }
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_INT32, f->input.labels);
    stc_h5_close(&data.id);
    return rc;
}

static int wrong_shape(const stc_h5_data *data, const stc_stage *stage)
{
    char found[128], one[128], inner[128];
    H5Eclear2(H5E_DEFAULT);
    stc_shape_text(&stage->shape, one, sizeof(one));
    snprintf(inner, sizeof(inner), "%.*s", (int)strcspn(one + 1, ")"), one + 1);
    const char *comma = inner[0] ? ", " : "";
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "has shape %s, but input %s takes (samples%s%s) or (samples, steps%s%s)",
                       stc_h5_data_shape_text(data, found, sizeof(found)), stage->name, comma,
                       inner, comma, inner);
}

/* Does the dataset hold samples, with or without a step axis, of the shape of the stage? */
static int fit_shape(const stc_h5_data *data, const stc_stage *stage, stc_input_array *array)
{
    int ahead = data->ndim - stage->shape.ndim;
    bool fits = ahead == 1 || ahead == 2;
    for (int d = 0; fits && d < stage->shape.ndim; d++) {
        fits = data->dim[ahead + d] == stage->shape.dim[d];
    }
    if (!fits) return wrong_shape(data, stage);
    array->shape = stage->shape;
    array->steps = ahead == 2 ? data->dim[1] : 0;
    if (data->dim[0] == 0 || (ahead == 2 && data->dim[1] == 0)) {
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "holds no %s",
                           data->dim[0] == 0 ? "samples" : "steps");
    }
    return 0;
}

static int open_array(file_input *f, hid_t group, const char *link, const stc_stage *stage,
                      stc_input_array *array)
{
    stc_h5_data *data = stc_arena_alloc(f->arena, 1, sizeof(*data));
    if (!data) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_open(group, link, data));
    array->handle = data; /* closed with the file */
    array->name = stc_arena_strdup(f->arena, stage->name);
    array->scale = 1;
    if (!array->name) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_data_numeric(data));
    array->integer = data->kind != H5T_FLOAT;
    STC_TRY(fit_shape(data, stage, array));
    if (stc_h5_has_attr(data->id, "scale")) {
        STC_TRY(stc_h5_attr_real(data->id, "scale", &array->scale));
        if (!isfinite(array->scale) || array->scale == 0) {
            return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                               "attribute scale is %g, expected a number other than 0",
                               array->scale);
        }
    }
    const stc_input_array *head = &f->input.arrays[0];
    if (f->input.narrays == 0) f->input.samples = data->dim[0];
    if (data->dim[0] != f->input.samples) {
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "has %lld samples, input %s has %lld",
                           (long long)data->dim[0], head->name, (long long)f->input.samples);
    }
    f->input.narrays++;
    return 0;
}

/* The names in the file against those that the program takes. */
static int match_names(file_input *f, hid_t group, const stc_program *program, const char **links,
                       int64_t nlinks)
{
    const char **expected = stc_arena_alloc(f->arena, program->nstages, sizeof(char *));
    int n = 0;
    if (!expected) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        if (program->stages[s].is_input) expected[n++] = program->stages[s].name;
    }
    if (n == 1 && nlinks == 1) return 0;
    for (int64_t i = 0; i < nlinks; i++) {
        const char *name = stc_h5_unescape(links[i], f->arena);
        bool known = false;
        if (!name) return STC_ERR_NOMEM;
        for (int e = 0; e < n && !known; e++)
            known = strcmp(expected[e], name) == 0;
        if (known) continue;
        const char *nearest = stc_nearest(name, expected, n);
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, group, links[i],
                           "the program has no input of this name%s%s%s",
                           nearest ? "; did you mean "
                           : n     ? "; it has "
                                   : "",
                           nearest ? nearest
                           : n     ? expected[0]
                                   : "",
                           nearest ? "?" : "");
    }
    return 0;
}

static int open_arrays(file_input *f, const stc_program *program)
{
    hid_t group;
    const char **links;
    int64_t nlinks;
    STC_TRY(stc_h5_group(f->file, "inputs", &group));
    f->input.arrays = stc_arena_alloc(f->arena, program->nstages, sizeof(stc_input_array));
    int rc =
        f->input.arrays ? stc_h5_names(group, 100000, f->arena, &links, &nlinks) : STC_ERR_NOMEM;
    if (rc == 0) rc = match_names(f, group, program, links, nlinks);
    for (int32_t s = 0; s < program->nstages && rc == 0; s++) {
        const stc_stage *stage = &program->stages[s];
        if (!stage->is_input) continue;
        const char *link = stc_h5_escape(stage->name, f->arena);
        if (nlinks == 1 && link && !stc_h5_has(group, link)) link = links[0];
        rc = link ? open_array(f, group, link, stage, &f->input.arrays[f->input.narrays])
                  : STC_ERR_NOMEM;
    }
    stc_h5_close(&group);
    return rc;
}

/* All arrays with a step axis have the same number of steps. */
static int check_steps(const file_input *f)
{
    const stc_input_array *first = NULL;
    for (int i = 0; i < f->input.narrays; i++) {
        const stc_input_array *a = &f->input.arrays[i];
        if (a->steps == 0) continue;
        if (!first) first = a;
        STC_CHECK(a->steps == first->steps, STC_ERR_INPUT,
                  "%s: input %s has %lld steps, input %s has %lld", f->input.path, first->name,
                  (long long)first->steps, a->name, (long long)a->steps);
    }
    return 0;
}

static int open_all(file_input *f, const char *path, const stc_program *program)
{
    f->input.path = stc_arena_strdup(f->arena, path);
    if (!f->input.path) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_open(path, &f->file));
    if (stc_h5_has_attr(f->file, "format")) STC_TRY(stc_h5_check_format(f->file, "stc-input", 1));
    STC_TRY(open_arrays(f, program));
    STC_CHECK(f->input.narrays > 0, STC_ERR_INPUT, "%s: the program has no input node", path);
    STC_TRY(check_steps(f));
    STC_TRY(read_labels(f));
    return 0;
}

int stc_input_open(const char *path, const stc_program *program, stc_input **out)
{
    stc_arena *arena;
    *out = NULL;
    STC_TRY(stc_arena_create(&arena));
    file_input *f = stc_arena_alloc(arena, 1, sizeof(*f));
    int rc = STC_ERR_NOMEM;
    if (f) {
        *f = (file_input){.arena = arena, .file = -1};
        f->input.read = read_file;
        f->input.source = f;
        rc = open_all(f, path, program);
    }
    if (rc < 0) {
        if (f) stc_h5_close(&f->file);
        stc_arena_destroy(&arena);
        return rc;
    }
    *out = &f->input;
    return 0;
}

/* ---- memory ---- */

/* Copy one box of a C-order tensor. */
static void copy_box(const float *from, const stc_shape *shape, const stc_box *box, float *out)
{
    int64_t stride[STC_MAX_NDIM], index[STC_MAX_NDIM];
    int last = box->ndim - 1;
    if (last < 0) {
        out[0] = from[0];
        return;
    }
    stc_shape_strides(shape, stride);
    memcpy(index, box->lo, sizeof(index));
    int64_t row = box->hi[last] - box->lo[last];
    for (;;) {
        int64_t at = 0;
        for (int d = 0; d <= last; d++)
            at += index[d] * stride[d];
        memcpy(out, from + at, (size_t)row * sizeof(float));
        out += row;
        int d = last - 1;
        while (d >= 0 && ++index[d] == box->hi[d]) {
            index[d] = box->lo[d];
            d--;
        }
        if (d < 0) return;
    }
}

static int read_memory(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box, float *out)
{
    STC_TRY(check_range(input, array, sample, first, count, box));
    const stc_input_array *a = &input->arrays[array];
    int64_t size = stc_shape_size(&a->shape), part = stc_box_size(box);
    int64_t steps = a->steps > 0 ? a->steps : 1;
    float scale = (float)a->scale;
    for (int64_t t = 0; t < count && part > 0; t++) {
        const float *values = a->handle;
        copy_box(values + (sample * steps + first + t) * size, &a->shape, box, out + t * part);
    }
    for (int64_t i = 0; i < count * part && scale != 1.0f; i++)
        out[i] *= scale;
    return 0;
}

int stc_input_from_memory(int64_t samples, int narrays, const stc_input_array *arrays,
                          const float *const *values, stc_input **out)
{
    stc_arena *arena;
    *out = NULL;
    STC_TRY(stc_arena_create(&arena));
    file_input *f = stc_arena_alloc(arena, 1, sizeof(*f));
    stc_input_array *copies = stc_arena_alloc(arena, narrays, sizeof(*copies));
    if (!f || !copies) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    for (int i = 0; i < narrays; i++) {
        copies[i] = arrays[i];
        copies[i].handle = (void *)(uintptr_t)values[i]; /* never written through */
        if (copies[i].scale == 0) copies[i].scale = 1;
    }
    *f = (file_input){.arena = arena, .file = -1};
    f->input = (stc_input){.path = "",
                           .samples = samples,
                           .narrays = narrays,
                           .arrays = copies,
                           .read = read_memory,
                           .source = f};
    *out = &f->input;
    return 0;
}

void stc_input_close(stc_input **input)
{
    if (!*input) return;
    file_input *f = (*input)->source;
    stc_arena *arena = f->arena;
    stc_h5_close(&f->file);
    *input = NULL;
    stc_arena_destroy(&arena);
}
