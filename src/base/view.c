/* view.c - reshape, permute and slice as rearrangements of mixed-radix factors.
 *
 * Every operation first takes the factors of the dimensions apart, then puts them together again:
 * factors of extent 1 vanish, neighbours that move through one axis at one pace become one. A
 * dimension of extent 1 keeps a single factor {1, 0, 0}.
 * Invariant: the number of factors is at most STC_MAX_FACTORS - (STC_MAX_NDIM - ndim), so that
 * broadcasting to STC_MAX_NDIM dimensions always fits.
 */

#include "stc/view.h"

#include "stc/error.h"

#include <string.h>

static const stc_factor factor_of_one = {.extent = 1};

/* Factors of one dimension, or of all, outermost first. */
typedef struct {
    int n;
    stc_factor f[STC_MAX_FACTORS];
} factor_list;

static factor_list take(const stc_view *view, int dim)
{
    factor_list list = {0};
    int first = 0;
    for (int d = 0; d < dim; d++)
        first += view->nfactors[d];
    for (int i = 0; i < view->nfactors[dim]; i++)
        list.f[list.n++] = view->factor[first + i];
    return list;
}

/* Whether outer and inner together move like one factor. */
static bool one_pace(const stc_factor *outer, const stc_factor *inner)
{
    return outer->axis == inner->axis && outer->step == inner->step * inner->extent;
}

/* Append an inner factor in the simplest form. */
static void append(factor_list *list, stc_factor inner)
{
    if (inner.extent == 1) return;
    if (inner.step == 0) inner.axis = 0;
    stc_factor *last = list->n > 0 ? &list->f[list->n - 1] : NULL;
    if (last && one_pace(last, &inner)) {
        last->extent *= inner.extent;
        last->step = inner.step;
    } else {
        list->f[list->n++] = inner;
    }
}

/* Replace the dimensions of a view. STC_ERR_INPUT when there are too many factors. */
static int put(stc_view *view, int ndim, const factor_list *dims)
{
    stc_view result = {.ndim = ndim};
    memcpy(result.offset, view->offset, sizeof result.offset);
    int total = 0;
    for (int d = 0; d < ndim; d++) {
        int n = dims[d].n > 0 ? dims[d].n : 1;
        if (total + n + STC_MAX_NDIM - ndim + (ndim - 1 - d) > STC_MAX_FACTORS)
            return stc_fail(STC_ERR_INPUT,
                            "a view needs more than %d index factors; reshape and permute in "
                            "fewer steps between computing nodes",
                            STC_MAX_FACTORS);
        for (int i = 0; i < n; i++)
            result.factor[total++] = dims[d].n > 0 ? dims[d].f[i] : factor_of_one;
        result.nfactors[d] = n;
    }
    *view = result;
    return 0;
}

stc_view stc_view_identity(const stc_shape *tensor)
{
    stc_view view = {0};
    factor_list dims[STC_MAX_NDIM] = {0};
    for (int a = 0; a < tensor->ndim; a++)
        append(&dims[a], (stc_factor){.extent = tensor->dim[a], .step = 1, .axis = a});
    put(&view, tensor->ndim, dims);
    return view;
}

stc_shape stc_view_shape(const stc_view *view)
{
    stc_shape shape = {.ndim = view->ndim};
    const stc_factor *f = view->factor;
    for (int d = 0; d < view->ndim; d++) {
        shape.dim[d] = 1;
        for (int i = 0; i < view->nfactors[d]; i++, f++)
            shape.dim[d] *= f->extent;
    }
    return shape;
}

void stc_view_permute(stc_view *view, const int *perm)
{
    factor_list dims[STC_MAX_NDIM];
    for (int d = 0; d < view->ndim; d++)
        dims[d] = take(view, perm[d]);
    put(view, view->ndim, dims);
}

void stc_view_broadcast(stc_view *view, const stc_shape *shape)
{
    stc_shape now = stc_view_shape(view);
    factor_list dims[STC_MAX_NDIM] = {0};
    for (int d = 0; d < shape->ndim; d++) {
        int old = d - (shape->ndim - view->ndim);
        if (old >= 0 && now.dim[old] == shape->dim[d])
            dims[d] = take(view, old);
        else
            append(&dims[d], (stc_factor){.extent = shape->dim[d]});
    }
    put(view, shape->ndim, dims);
}

void stc_view_relayout(stc_view *view, const int *order, int naxes)
{
    int place[STC_MAX_NDIM] = {0};
    int64_t offset[STC_MAX_NDIM] = {0};
    for (int a = 0; a < naxes; a++) {
        place[order[a]] = a;
        offset[a] = view->offset[order[a]];
    }
    memcpy(view->offset, offset, sizeof offset);
    int n = 0;
    for (int d = 0; d < view->ndim; d++)
        n += view->nfactors[d];
    for (int i = 0; i < n; i++)
        if (view->factor[i].step != 0) view->factor[i].axis = place[view->factor[i].axis];
}

/* ---- slice ---- */

typedef struct {
    int64_t start, count, step;
} progression;

/* Keep the indices p of the number written with the factors [0, n): fills result (outermost first)
 * and moves offset. Works from the innermost factor outwards: its digit is either constant, or
 * runs through whole periods, or is the only one that changes. False when none of these holds. */
static bool slice_factors(const stc_factor *factor, int n, progression p, int64_t *offset,
                          factor_list *result)
{
    if (n == 0) return true; /* one index is left: 0 */
    const stc_factor *inner = &factor[n - 1];
    int64_t extent = inner->extent, digit = p.start % extent;
    int64_t outer = p.start / extent, last_outer = (p.start + (p.count - 1) * p.step) / extent;
    stc_factor kept = {.extent = 1};
    progression rest;
    if (outer == last_outer) {
        kept = (stc_factor){.extent = p.count, .step = p.step * inner->step, .axis = inner->axis};
        rest = (progression){outer, 1, 1};
    } else if (p.step % extent == 0) {
        rest = (progression){outer, p.count, p.step / extent};
    } else {
        int64_t period = extent / p.step;
        if (extent % p.step != 0 || digit >= p.step || p.count % period != 0) return false;
        kept = (stc_factor){.extent = period, .step = p.step * inner->step, .axis = inner->axis};
        rest = (progression){outer, p.count / period, 1};
    }
    offset[inner->axis] += digit * inner->step;
    if (!slice_factors(factor, n - 1, rest, offset, result)) return false;
    append(result, kept);
    return true;
}

int stc_view_slice(stc_view *view, int dim, int64_t start, int64_t count, int64_t step)
{
    stc_shape shape = stc_view_shape(view);
    STC_CHECK(dim >= 0 && dim < view->ndim, STC_ERR_INPUT,
              "slice along dimension %d of a tensor with %d dimensions", dim, view->ndim);
    STC_CHECK(
        start >= 0 && count >= 1 && step >= 1 && start < shape.dim[dim] &&
            (count - 1) <= (shape.dim[dim] - 1 - start) / step,
        STC_ERR_INPUT,
        "slice of %lld indices from %lld in steps of %lld leaves dimension %d, which has %lld",
        (long long)count, (long long)start, (long long)step, dim, (long long)shape.dim[dim]);
    int64_t offset[STC_MAX_NDIM];
    memcpy(offset, view->offset, sizeof offset);
    factor_list dims[STC_MAX_NDIM] = {0};
    for (int d = 0; d < view->ndim; d++) {
        factor_list whole = take(view, d);
        if (d != dim)
            dims[d] = whole;
        else if (!slice_factors(whole.f, whole.n, (progression){start, count, step}, offset,
                                &dims[d]))
            return stc_fail(STC_ERR_INPUT,
                            "slice of %lld indices from %lld in steps of %lld cuts through "
                            "dimension %d, which joins several axes; slice before the reshape",
                            (long long)count, (long long)start, (long long)step, dim);
    }
    memcpy(view->offset, offset, sizeof offset);
    return put(view, view->ndim, dims);
}

/* ---- reshape ---- */

/* Take a dimension of this extent from the inner end of all. Its factors come out innermost first.
 * False when a factor would be cut between two of its digits. */
static bool take_inner(factor_list *all, int64_t extent, factor_list *reversed)
{
    while (extent > 1) {
        if (all->n == 0 || reversed->n == STC_MAX_FACTORS) return false;
        stc_factor *inner = &all->f[all->n - 1];
        if (extent % inner->extent == 0) {
            extent /= inner->extent;
            reversed->f[reversed->n++] = *inner;
            all->n--;
        } else if (inner->extent % extent == 0) {
            reversed->f[reversed->n++] = (stc_factor){extent, inner->step, inner->axis};
            inner->extent /= extent;
            inner->step *= extent;
            extent = 1;
        } else {
            return false;
        }
    }
    return true;
}

int stc_view_reshape(stc_view *view, const stc_shape *tensor, const stc_shape *shape)
{
    char from[160], to[160], of[160];
    stc_shape now = stc_view_shape(view);
    stc_shape_text(&now, from, sizeof from);
    stc_shape_text(shape, to, sizeof to);
    STC_CHECK(stc_shape_size(&now) == stc_shape_size(shape), STC_ERR_INPUT,
              "reshape of %s to %s changes the number of elements", from, to);

    factor_list all = {0};
    for (int d = 0; d < view->ndim; d++) {
        factor_list one = take(view, d);
        for (int i = 0; i < one.n; i++)
            append(&all, one.f[i]);
    }
    factor_list dims[STC_MAX_NDIM] = {0};
    for (int d = shape->ndim - 1; d >= 0; d--) {
        factor_list reversed = {0};
        if (!take_inner(&all, shape->dim[d], &reversed))
            return stc_fail(STC_ERR_INPUT,
                            "reshape of %s to %s mixes axes of the tensor %s, so it would have to "
                            "move data; choose dimensions that split or join whole axes",
                            from, to, stc_shape_text(tensor, of, sizeof of));
        for (int i = reversed.n - 1; i >= 0; i--)
            append(&dims[d], reversed.f[i]);
    }
    return put(view, shape->ndim, dims);
}

/* ---- what is seen ---- */

/* The lesser of best and of digits from..to with the least of all that may stand behind them. */
static int64_t or_digits(int64_t best, int64_t from, int64_t to, int64_t step, int64_t rest)
{
    if (from > to) return best;
    int64_t inside = (step < 0 ? to : from) * step + rest;
    return inside < best ? inside : best;
}

/* Least value of sign * digit * step summed over the factors [0, n) of one axis (others count as
 * 0), for all numbers lo <= x <= hi written with them. */
static int64_t least(const stc_factor *factor, int n, int axis, int sign, int64_t lo, int64_t hi)
{
    /* of the digits behind the present one: least when they are free, when they are at least those
     * of lo, at most those of hi, both */
    int64_t any = 0, above = 0, below = 0, between = 0;
    for (int i = n - 1; i >= 0; i--) {
        int64_t extent = factor[i].extent, first = lo % extent, last = hi % extent;
        int64_t step = factor[i].axis == axis ? sign * factor[i].step : 0;
        int64_t at_lo = first * step + above, at_hi = last * step + below;
        between = first == last
                      ? first * step + between
                      : or_digits(at_lo < at_hi ? at_lo : at_hi, first + 1, last - 1, step, any);
        above = or_digits(at_lo, first + 1, extent - 1, step, any);
        below = or_digits(at_hi, 0, last - 1, step, any);
        any = or_digits(INT64_MAX, 0, extent - 1, step, any);
        lo /= extent;
        hi /= extent;
    }
    return between;
}

stc_box stc_view_needs(const stc_view *view, int naxes, const stc_box *box)
{
    stc_box result = {.ndim = naxes};
    if (stc_box_size(box) == 0) return result;
    for (int a = 0; a < naxes; a++) {
        result.lo[a] = view->offset[a];
        result.hi[a] = view->offset[a] + 1;
        const stc_factor *f = view->factor;
        for (int d = 0; d < view->ndim; f += view->nfactors[d++]) {
            result.lo[a] += least(f, view->nfactors[d], a, 1, box->lo[d], box->hi[d] - 1);
            result.hi[a] -= least(f, view->nfactors[d], a, -1, box->lo[d], box->hi[d] - 1);
        }
    }
    return result;
}

void stc_view_index(const stc_view *view, int naxes, const int64_t *index, int64_t *out)
{
    int64_t at[STC_MAX_NDIM];
    memcpy(at, view->offset, sizeof at);
    const stc_factor *f = view->factor;
    for (int d = 0; d < view->ndim; f += view->nfactors[d++]) {
        int64_t rest = index[d];
        for (int i = view->nfactors[d] - 1; i >= 0; i--) {
            at[f[i].axis] += rest % f[i].extent * f[i].step;
            rest /= f[i].extent;
        }
    }
    memcpy(out, at, (size_t)naxes * sizeof *out);
}

bool stc_view_stride(const stc_view *view, int dim, const int64_t *axis_stride, int64_t *stride)
{
    factor_list list = take(view, dim);
    int64_t inner_extent = 1, inner_stride = 0, step = 0;
    for (int i = list.n - 1; i >= 0; i--) {
        if (list.f[i].extent == 1) continue;
        int64_t moves = list.f[i].step == 0 ? 0 : list.f[i].step * axis_stride[list.f[i].axis];
        if (inner_extent == 1)
            step = moves;
        else if (moves != inner_stride * inner_extent)
            return false;
        inner_extent = list.f[i].extent;
        inner_stride = moves;
    }
    *stride = step;
    return true;
}
