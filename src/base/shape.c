/* shape.c - shapes, boxes and value kinds: small plain data, no allocation. */

#include "stc/shape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Integers up to here are exact in float32. */
static const int64_t max_exact = INT64_C(1) << 24;

const stc_kind STC_KIND_REAL = {0.0, 0}, STC_KIND_BIT = {1.0, 1};

/* ---- shapes ---- */

int64_t stc_shape_size(const stc_shape *shape)
{
    const int64_t limit = INT64_C(1) << 40;
    int64_t size = 1;
    for (int a = 0; a < shape->ndim; a++)
        if (__builtin_mul_overflow(size, shape->dim[a], &size) || size > limit) return -1;
    return size;
}

bool stc_shape_equal(const stc_shape *a, const stc_shape *b)
{
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->dim[d] != b->dim[d]) return false;
    return true;
}

const char *stc_shape_text(const stc_shape *shape, char *buffer, size_t size)
{
    char text[STC_MAX_NDIM * 24 + 4] = "(";
    size_t used = 1;
    for (int a = 0; a < shape->ndim; a++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", a ? ", " : "",
                                 (long long)shape->dim[a]);
    snprintf(text + used, sizeof text - used, ")");
    snprintf(buffer, size, "%s", text);
    return buffer;
}

void stc_shape_strides(const stc_shape *shape, int64_t stride[STC_MAX_NDIM])
{
    int64_t step = 1;
    for (int a = shape->ndim - 1; a >= 0; a--) {
        stride[a] = step;
        step *= shape->dim[a];
    }
    for (int a = shape->ndim; a < STC_MAX_NDIM; a++)
        stride[a] = 0;
}

bool stc_shape_broadcast(const stc_shape *a, const stc_shape *b, stc_shape *out)
{
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    stc_shape result = {.ndim = ndim};
    for (int d = 0; d < ndim; d++) {
        int in_a = d - (ndim - a->ndim), in_b = d - (ndim - b->ndim);
        int64_t da = in_a < 0 ? 1 : a->dim[in_a], db = in_b < 0 ? 1 : b->dim[in_b];
        if (da != db && da != 1 && db != 1) return false;
        result.dim[d] = da == 1 ? db : da;
    }
    *out = result;
    return true;
}

/* ---- boxes ---- */

stc_box stc_box_all(const stc_shape *shape)
{
    stc_box box = {.ndim = shape->ndim};
    for (int a = 0; a < shape->ndim; a++)
        box.hi[a] = shape->dim[a];
    return box;
}

int64_t stc_box_size(const stc_box *box)
{
    int64_t size = 1;
    for (int a = 0; a < box->ndim; a++) {
        if (box->hi[a] <= box->lo[a]) return 0;
        size *= box->hi[a] - box->lo[a];
    }
    return size;
}

bool stc_box_intersect(const stc_box *a, const stc_box *b, stc_box *out)
{
    stc_box both = {.ndim = a->ndim};
    for (int d = 0; d < a->ndim; d++) {
        both.lo[d] = a->lo[d] > b->lo[d] ? a->lo[d] : b->lo[d];
        both.hi[d] = a->hi[d] < b->hi[d] ? a->hi[d] : b->hi[d];
    }
    *out = both;
    return stc_box_size(&both) > 0;
}

stc_box stc_box_hull(const stc_box *a, const stc_box *b)
{
    if (stc_box_size(a) == 0) return *b;
    if (stc_box_size(b) == 0) return *a;
    stc_box hull = {.ndim = a->ndim};
    for (int d = 0; d < a->ndim; d++) {
        hull.lo[d] = a->lo[d] < b->lo[d] ? a->lo[d] : b->lo[d];
        hull.hi[d] = a->hi[d] > b->hi[d] ? a->hi[d] : b->hi[d];
    }
    return hull;
}

/* Order in which boxes that can be joined along an axis are neighbours: by all other axes first. */
static int compare_boxes(const void *left, const void *right, void *context)
{
    const stc_box *a = left, *b = right;
    int axis = *(const int *)context;
    for (int i = 0; i < a->ndim; i++) {
        int d = (axis + 1 + i) % a->ndim; /* the axis itself comes last */
        if (a->lo[d] != b->lo[d]) return a->lo[d] < b->lo[d] ? -1 : 1;
        if (a->hi[d] != b->hi[d]) return a->hi[d] < b->hi[d] ? -1 : 1;
    }
    return 0;
}

static bool can_join(const stc_box *a, const stc_box *b, int axis)
{
    for (int d = 0; d < a->ndim; d++)
        if (d != axis && (a->lo[d] != b->lo[d] || a->hi[d] != b->hi[d])) return false;
    return a->hi[axis] == b->lo[axis];
}

static int join_along(stc_box *boxes, int n, int axis)
{
    qsort_r(boxes, (size_t)n, sizeof *boxes, compare_boxes, &axis);
    int kept = 1;
    for (int i = 1; i < n; i++) {
        if (can_join(&boxes[kept - 1], &boxes[i], axis))
            boxes[kept - 1].hi[axis] = boxes[i].hi[axis];
        else
            boxes[kept++] = boxes[i];
    }
    return kept;
}

int stc_box_merge(stc_box *boxes, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (stc_box_size(&boxes[i]) > 0) boxes[kept++] = boxes[i];
    n = kept;
    if (n == 0) return 0;
    /* done when every axis in turn was tried without success */
    int ndim = boxes[0].ndim;
    for (int axis = ndim - 1, idle = 0; idle < ndim; axis = (axis + ndim - 1) % ndim) {
        int before = n;
        n = join_along(boxes, n, axis);
        idle = n == before ? idle + 1 : 0;
    }
    return n;
}

/* ---- kinds ---- */

bool stc_is_power_of_two(double x)
{
    int exponent;
    return isfinite(x) && fabs(frexp(x, &exponent)) == 0.5;
}

bool stc_kind_is_bit(stc_kind kind)
{
    return kind.unit == 1.0 && kind.max == 1;
}

const char *stc_kind_text(stc_kind kind, char *buffer, size_t size)
{
    if (stc_kind_is_real(kind))
        snprintf(buffer, size, "real");
    else if (stc_kind_is_bit(kind))
        snprintf(buffer, size, "bit");
    else if (kind.unit == 1.0)
        snprintf(buffer, size, "integer 0..%lld", (long long)kind.max);
    else
        snprintf(buffer, size, "%.9g * integer 0..%lld", kind.unit, (long long)kind.max);
    return buffer;
}

/* An integer kind if float32 holds all its values exactly, else real. */
static stc_kind exact_or_real(double unit, int64_t max)
{
    double size = fabs(unit);
    bool exact = max <= max_exact && size >= 0x1p-100 && size <= 0x1p+100;
    return exact ? (stc_kind){unit, max} : STC_KIND_REAL;
}

stc_kind stc_kind_add(stc_kind a, stc_kind b)
{
    if (stc_kind_is_real(a) || stc_kind_is_real(b)) return STC_KIND_REAL;
    if ((a.unit < 0) != (b.unit < 0)) return STC_KIND_REAL; /* could be of either sign */
    double unit = fabs(a.unit) < fabs(b.unit) ? a.unit : b.unit;
    double max = (double)a.max * (a.unit / unit) + (double)b.max * (b.unit / unit);
    return max <= (double)max_exact ? exact_or_real(unit, (int64_t)max) : STC_KIND_REAL;
}

stc_kind stc_kind_mul(stc_kind a, stc_kind b)
{
    if (stc_kind_is_real(a) || stc_kind_is_real(b)) return STC_KIND_REAL;
    int64_t max;
    if (__builtin_mul_overflow(a.max, b.max, &max)) return STC_KIND_REAL;
    return exact_or_real(a.unit * b.unit, max);
}

stc_kind stc_kind_scale(stc_kind kind, double factor)
{
    if (stc_kind_is_real(kind) || !stc_is_power_of_two(factor)) return STC_KIND_REAL;
    return exact_or_real(kind.unit * factor, kind.max);
}

stc_dtype stc_kind_dtype(stc_kind kind)
{
    if (stc_kind_is_real(kind) || kind.max > max_exact) return STC_F32;
    return kind.max <= UINT8_MAX ? STC_U8 : kind.max <= UINT16_MAX ? STC_U16 : STC_I32;
}

int stc_dtype_size(stc_dtype dtype)
{
    return dtype == STC_U8 ? 1 : dtype == STC_U16 ? 2 : 4;
}
