/* input_dense.c - inputs that are dense arrays: /inputs/<name> of our own files, gridded data of
 * others. Nothing but shapes is read when a file is opened; values come as hyperslabs. */
#include "input_file.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

/* ---- reading values ---- */

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

void stc_input_copy_box(const float *from, int64_t skipped, const stc_shape *shape,
                        const stc_box *box, float *out)
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
        int64_t at = -skipped;
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

/* All axes of the shape are in the file: the box is a hyperslab. */
static int read_box(const stc_input_array *a, int64_t sample, int64_t first, int64_t count,
                    const stc_box *box, float *out)
{
    const stc_input_values *from = a->handle;
    int64_t start[STC_H5_MAX_NDIM], extent[STC_H5_MAX_NDIM];
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
    return stc_h5_data_read(&from->data, start, extent, H5T_NATIVE_FLOAT, out);
}

/* The axes of the shape are one in the file: steps by steps, from the first to the last element of
 * the box. */
static int read_flat(const stc_input_array *a, int64_t sample, int64_t first, int64_t count,
                     const stc_box *box, float *out)
{
    enum { AT_ONCE = 1 << 20 };
    const stc_input_values *from = a->handle;
    int64_t stride[STC_MAX_NDIM], lowest = 0, highest = 0, size = stc_box_size(box);
    stc_shape_strides(&a->shape, stride);
    for (int d = 0; d < box->ndim; d++) {
        lowest += box->lo[d] * stride[d];
        highest += (box->hi[d] - 1) * stride[d];
    }
    int64_t width = highest - lowest + 1, steps = width < AT_ONCE ? AT_ONCE / width : 1;
    if (steps > count) steps = count;
    float *values = stc_alloc(steps * width, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int64_t t = 0; rc == 0 && t < count; t += steps) {
        int64_t n = count - t < steps ? count - t : steps;
        const int64_t start[3] = {sample, first + t, lowest}, extent[3] = {1, n, width};
        rc = stc_h5_data_read(&from->data, start, extent, H5T_NATIVE_FLOAT, values);
        for (int64_t i = 0; rc == 0 && i < n; i++) {
            stc_input_copy_box(values + i * width, lowest, &a->shape, box, out + (t + i) * size);
        }
    }
    stc_free(values);
    return rc;
}

int stc_input_read_dense(const stc_input_array *a, int64_t sample, int64_t first, int64_t count,
                         const stc_box *box, float *out)
{
    const stc_input_values *from = a->handle;
    int64_t n = count * stc_box_size(box);
    STC_TRY((from->flat ? read_flat : read_box)(a, sample, first, count, box, out));
    float scale = (float)a->scale;
    for (int64_t i = 0; i < n && scale != 1.0f; i++)
        out[i] *= scale;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(out[i])) return not_finite(a, from->data.id, sample, first, box, i, out[i]);
    }
    return 0;
}

/* ---- opening ---- */

static int wrong_shape(const stc_h5_data *data, const stc_stage *stage, bool flat)
{
    char found[128], one[128], inner[128], more[64] = "";
    H5Eclear2(H5E_DEFAULT);
    stc_shape_text(&stage->shape, one, sizeof(one));
    snprintf(inner, sizeof(inner), "%.*s", (int)strcspn(one + 1, ")"), one + 1);
    const char *comma = inner[0] ? ", " : "";
    if (flat && stage->shape.ndim != 1) {
        snprintf(more, sizeof(more), " or (samples, steps, %lld)",
                 (long long)stc_shape_size(&stage->shape));
    }
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "has shape %s, but input %s takes (samples%s%s) or (samples, steps%s%s)%s",
                       stc_h5_data_shape_text(data, found, sizeof(found)), stage->name, comma,
                       inner, comma, inner, more);
}

/* Does the dataset hold samples, with or without a step axis, of the shape of the stage? */
static bool fits_shape(const stc_h5_data *data, const stc_shape *shape)
{
    int ahead = data->ndim - shape->ndim;
    bool fits = ahead == 1 || ahead == 2;
    for (int d = 0; fits && d < shape->ndim; d++)
        fits = data->dim[ahead + d] == shape->dim[d];
    return fits;
}

static int read_scale(const stc_h5_data *data, stc_input_array *array)
{
    if (!stc_h5_has_attr(data->id, "scale")) return 0;
    STC_TRY(stc_h5_attr_real(data->id, "scale", &array->scale));
    if (isfinite(array->scale) && array->scale != 0) return 0;
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                       "attribute scale is %g, expected a number other than 0", array->scale);
}

static int add_dense(stc_input_file *f, const stc_stage *stage, const stc_h5_data *data, bool flat)
{
    stc_input_array *array;
    stc_shape one_axis = {1, {stc_shape_size(&stage->shape)}};
    STC_TRY(stc_h5_data_numeric(data));
    bool whole = fits_shape(data, &stage->shape);
    if (!whole && !(flat && data->ndim == 3 && fits_shape(data, &one_axis))) {
        return wrong_shape(data, stage, flat);
    }
    int64_t steps = whole ? data->ndim - stage->shape.ndim - 1 : 1; /* has that axis? */
    if (data->dim[0] == 0 || (steps && data->dim[1] == 0)) {
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "holds no %s",
                           data->dim[0] == 0 ? "samples" : "steps");
    }
    STC_TRY(stc_input_add(f, stage, data->dim[0], true, data->id, &array));
    stc_input_values *values = array->handle;
    values->flat = !whole;
    array->steps = steps ? data->dim[1] : 0;
    array->integer = data->kind != H5T_FLOAT;
    STC_TRY(read_scale(data, array));
    values->data = *data;
    return 0;
}

int stc_input_add_dense(stc_input_file *f, const stc_stage *stage, stc_h5_data *data, bool flat)
{
    int rc = add_dense(f, stage, data, flat);
    if (rc < 0) stc_h5_close(&data->id);
    data->id = -1;
    return rc;
}

int stc_input_open_dense(stc_input_file *f)
{
    hid_t group;
    const char **links;
    int64_t nlinks;
    STC_TRY(stc_h5_group(f->file, "inputs", &group));
    int rc = stc_h5_names(group, 100000, f->arena, &links, &nlinks);
    if (rc == 0) rc = stc_input_match(f, group, links, nlinks);
    for (int32_t s = 0; s < f->program->nstages && rc == 0; s++) {
        const stc_stage *stage = &f->program->stages[s];
        stc_h5_data data;
        if (!stage->is_input) continue;
        const char *link = stc_input_link(f, stage, links, nlinks);
        rc = link ? stc_h5_data_open(group, link, &data) : STC_ERR_NOMEM;
        if (rc == 0) rc = stc_input_add_dense(f, stage, &data, false);
    }
    stc_h5_close(&group);
    return rc;
}
