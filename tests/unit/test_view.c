/* Views against brute force: random chains of permute, slice, reshape and broadcast are applied to
 * a view and, like numpy would with copies, to an explicit list of the elements seen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stc/base.h"
#include "stc/error.h"
#include "stc/view.h"

enum { MAX_ELEMENTS = 4096 };

/* What the view should show: element i in C-order is tensor element seen[i]. */
typedef struct {
    stc_shape shape;
    int64_t seen[MAX_ELEMENTS];
} picture;

static uint64_t draw_index, draw_seed;

static int64_t draw(int64_t n)
{
    return (int64_t)(stc_random_u32(draw_seed, 9, draw_index++) % (uint32_t)n);
}

/* C-order index number i of a shape. */
static void unravel(const stc_shape *shape, int64_t i, int64_t *index)
{
    for (int d = shape->ndim - 1; d >= 0; d--) {
        index[d] = i % shape->dim[d];
        i /= shape->dim[d];
    }
}

static int64_t ravel(const stc_shape *shape, const int64_t *index)
{
    int64_t i = 0;
    for (int d = 0; d < shape->ndim; d++)
        i = i * shape->dim[d] + index[d];
    return i;
}

static picture picture_of(const stc_shape *tensor)
{
    picture p = {.shape = *tensor};
    for (int64_t i = 0; i < stc_shape_size(tensor); i++)
        p.seen[i] = i;
    return p;
}

/* Rebuild a picture: element at `index` of the new shape is the old element at from(index). */
static void permute_picture(picture *p, const int *perm)
{
    static picture old;
    old = *p;
    for (int d = 0; d < old.shape.ndim; d++)
        p->shape.dim[d] = old.shape.dim[perm[d]];
    for (int64_t i = 0; i < stc_shape_size(&p->shape); i++) {
        int64_t index[STC_MAX_NDIM], from[STC_MAX_NDIM];
        unravel(&p->shape, i, index);
        for (int d = 0; d < old.shape.ndim; d++)
            from[perm[d]] = index[d];
        p->seen[i] = old.seen[ravel(&old.shape, from)];
    }
}

static void slice_picture(picture *p, int dim, int64_t start, int64_t count, int64_t step)
{
    static picture old;
    old = *p;
    p->shape.dim[dim] = count;
    for (int64_t i = 0; i < stc_shape_size(&p->shape); i++) {
        int64_t index[STC_MAX_NDIM];
        unravel(&p->shape, i, index);
        index[dim] = start + index[dim] * step;
        p->seen[i] = old.seen[ravel(&old.shape, index)];
    }
}

static void broadcast_picture(picture *p, const stc_shape *shape)
{
    static picture old;
    old = *p;
    p->shape = *shape;
    int shift = shape->ndim - old.shape.ndim;
    for (int64_t i = 0; i < stc_shape_size(shape); i++) {
        int64_t index[STC_MAX_NDIM], from[STC_MAX_NDIM];
        unravel(shape, i, index);
        for (int d = 0; d < old.shape.ndim; d++)
            from[d] = old.shape.dim[d] == 1 ? 0 : index[d + shift];
        p->seen[i] = old.seen[ravel(&old.shape, from)];
    }
}

static void assert_shows(const stc_view *view, const stc_shape *tensor, const picture *p)
{
    stc_shape shape = stc_view_shape(view);
    assert_true(stc_shape_equal(&shape, &p->shape));
    for (int64_t i = 0; i < stc_shape_size(&shape); i++) {
        int64_t index[STC_MAX_NDIM], at[STC_MAX_NDIM];
        unravel(&shape, i, index);
        stc_view_index(view, tensor->ndim, index, at);
        assert_int_equal(ravel(tensor, at), p->seen[i]);
    }
}

/* The box of the view's indices must be seen through exactly the smallest box of the tensor. */
static void assert_needs(const stc_view *view, const stc_shape *tensor, const picture *p,
                         const stc_box *box)
{
    stc_box smallest = {.ndim = tensor->ndim};
    for (int64_t i = 0; i < stc_shape_size(&p->shape); i++) {
        int64_t index[STC_MAX_NDIM], at[STC_MAX_NDIM];
        bool inside = true;
        unravel(&p->shape, i, index);
        for (int d = 0; d < p->shape.ndim; d++)
            inside = inside && box->lo[d] <= index[d] && index[d] < box->hi[d];
        if (!inside) continue;
        unravel(tensor, p->seen[i], at);
        stc_box one = {.ndim = tensor->ndim};
        for (int a = 0; a < tensor->ndim; a++) {
            one.lo[a] = at[a];
            one.hi[a] = at[a] + 1;
        }
        bool first = tensor->ndim > 0 && stc_box_size(&smallest) == 0;
        smallest = first ? one : stc_box_hull(&smallest, &one);
    }
    stc_box found = stc_view_needs(view, tensor->ndim, box);
    assert_int_equal(found.ndim, smallest.ndim);
    assert_memory_equal(found.lo, smallest.lo, sizeof found.lo);
    assert_memory_equal(found.hi, smallest.hi, sizeof found.hi);
}

/* Constant strides must be found exactly where there are any. */
static void assert_strides(const stc_view *view, const stc_shape *tensor, const picture *p)
{
    int64_t axis_stride[STC_MAX_NDIM], view_stride[STC_MAX_NDIM];
    stc_shape_strides(tensor, axis_stride);
    stc_shape_strides(&p->shape, view_stride);
    for (int d = 0; d < p->shape.ndim; d++) {
        bool constant = true;
        int64_t expected = p->shape.dim[d] > 1 ? p->seen[view_stride[d]] - p->seen[0] : 0;
        for (int64_t i = 1; i < p->shape.dim[d]; i++) {
            int64_t move = p->seen[i * view_stride[d]] - p->seen[(i - 1) * view_stride[d]];
            constant = constant && move == expected;
        }
        int64_t stride = -1;
        assert_int_equal(stc_view_stride(view, d, axis_stride, &stride), constant);
        if (constant) assert_int_equal(stride, expected);
    }
}

static stc_shape draw_shape(int64_t size, int ndim)
{
    stc_shape shape = {.ndim = ndim};
    for (int d = 0; d < ndim; d++)
        shape.dim[d] = 1;
    for (int64_t prime = 2; size > 1; prime++)
        while (size % prime == 0) {
            shape.dim[draw(ndim)] *= prime;
            size /= prime;
        }
    return shape;
}

static void draw_permute(stc_view *view, picture *p)
{
    int perm[STC_MAX_NDIM], ndim = view->ndim;
    for (int d = 0; d < ndim; d++) {
        int other = (int)draw(d + 1);
        perm[d] = perm[other];
        perm[other] = d;
    }
    stc_view_permute(view, perm);
    permute_picture(p, perm);
}

static bool draw_slice(stc_view *view, picture *p)
{
    int dim = (int)draw(p->shape.ndim);
    int64_t extent = p->shape.dim[dim];
    int64_t step = 1 + draw(extent < 4 ? extent : 4), start = draw(extent);
    int64_t count = 1 + draw((extent - 1 - start) / step + 1);
    if (draw(2)) start = 0, count = (extent + step - 1) / step;
    stc_view before = *view;
    if (stc_view_slice(view, dim, start, count, step) < 0) {
        assert_true(before.nfactors[dim] > 1);
        assert_memory_equal(&before, view, sizeof before);
        return false;
    }
    slice_picture(p, dim, start, count, step);
    return true;
}

static bool draw_reshape(stc_view *view, const stc_shape *tensor, picture *p)
{
    stc_shape shape = draw_shape(stc_shape_size(&p->shape), 1 + (int)draw(5));
    stc_view before = *view;
    if (stc_view_reshape(view, tensor, &shape) < 0) {
        assert_memory_equal(&before, view, sizeof before);
        return false;
    }
    p->shape = shape;
    return true;
}

static void draw_broadcast(stc_view *view, picture *p)
{
    stc_shape shape = p->shape;
    if (stc_shape_size(&shape) * 3 > MAX_ELEMENTS) return;
    int ones = 0;
    for (int d = 0; d < shape.ndim; d++)
        if (shape.dim[d] == 1 && ones++ == 0) shape.dim[d] = 3;
    if (ones == 0 && shape.ndim < STC_MAX_NDIM - 1) {
        memmove(shape.dim + 1, shape.dim, (size_t)shape.ndim * sizeof shape.dim[0]);
        shape.dim[0] = 2;
        shape.ndim++;
    }
    stc_view_broadcast(view, &shape);
    broadcast_picture(p, &shape);
}

static void relayout_moves_only_the_axes(const stc_view *view, const stc_shape *tensor)
{
    int order[STC_MAX_NDIM];
    for (int a = 0; a < tensor->ndim; a++)
        order[a] = (a + 1) % tensor->ndim;
    stc_view moved = *view;
    stc_view_relayout(&moved, order, tensor->ndim);
    stc_shape shape = stc_view_shape(view);
    for (int64_t i = 0; i < stc_shape_size(&shape); i++) {
        int64_t index[STC_MAX_NDIM], old[STC_MAX_NDIM], now[STC_MAX_NDIM];
        unravel(&shape, i, index);
        stc_view_index(view, tensor->ndim, index, old);
        stc_view_index(&moved, tensor->ndim, index, now);
        for (int a = 0; a < tensor->ndim; a++)
            assert_int_equal(now[a], old[order[a]]);
    }
}

static void random_chains_equal_brute_force(void **state)
{
    (void)state;
    static const int64_t sizes[] = {24, 60, 64, 96, 144, 210};
    static picture p;
    int slices = 0, reshapes = 0, tries = 0;
    for (draw_seed = 0; draw_seed < 400; draw_seed++) {
        draw_index = 0;
        stc_shape tensor = draw_shape(sizes[draw(6)], 1 + (int)draw(4));
        stc_view view = stc_view_identity(&tensor);
        p = picture_of(&tensor);
        for (int step = 0; step < 6; step++) {
            int64_t what = draw(7);
            if (what < 2)
                draw_permute(&view, &p);
            else if (what < 4)
                slices += draw_slice(&view, &p), tries++;
            else if (what < 6)
                reshapes += draw_reshape(&view, &tensor, &p), tries++;
            else
                draw_broadcast(&view, &p);
            assert_shows(&view, &tensor, &p);
        }
        assert_strides(&view, &tensor, &p);
        relayout_moves_only_the_axes(&view, &tensor);
        for (int i = 0; i < 4; i++) {
            stc_box box = {.ndim = p.shape.ndim};
            for (int d = 0; d < box.ndim; d++) {
                box.lo[d] = draw(p.shape.dim[d]);
                box.hi[d] = box.lo[d] + 1 + draw(p.shape.dim[d] - box.lo[d]);
            }
            assert_needs(&view, &tensor, &p, &box);
        }
    }
    assert_true(slices > tries / 6 && reshapes > tries / 6);
}

static void heads_of_attention_are_a_view(void **state)
{
    (void)state;
    stc_shape tensor = {2, {16, 64}};
    stc_view view = stc_view_identity(&tensor);
    assert_int_equal(stc_view_reshape(&view, &tensor, &(stc_shape){3, {16, 4, 16}}), 0);
    stc_view_permute(&view, (int[]){1, 0, 2});
    assert_int_equal(view.nfactors[0], 1);
    assert_int_equal(view.factor[0].axis, 1);
    assert_int_equal(view.factor[0].step, 16);

    stc_box head = {3, {2, 0, 0}, {3, 16, 16}}, row = {3, {0, 5, 0}, {4, 6, 16}};
    stc_box needs = stc_view_needs(&view, 2, &head);
    assert_true(needs.lo[0] == 0 && needs.hi[0] == 16 && needs.lo[1] == 32 && needs.hi[1] == 48);
    needs = stc_view_needs(&view, 2, &row);
    assert_true(needs.lo[0] == 5 && needs.hi[0] == 6 && needs.lo[1] == 0 && needs.hi[1] == 64);
    needs = stc_view_needs(&view, 2, &(stc_box){3, {2, 4, 4}, {2, 5, 5}});
    assert_int_equal(stc_box_size(&needs), 0);

    stc_view_permute(&view, (int[]){1, 0, 2});
    assert_int_equal(stc_view_reshape(&view, &tensor, &tensor), 0);
    stc_view identity = stc_view_identity(&tensor);
    assert_memory_equal(&view, &identity, sizeof view);
}

static void image_to_tokens_is_a_view(void **state)
{
    (void)state;
    stc_shape tensor = {3, {64, 8, 8}};
    stc_view view = stc_view_identity(&tensor);
    assert_int_equal(stc_view_reshape(&view, &tensor, &(stc_shape){2, {64, 64}}), 0);
    stc_view_permute(&view, (int[]){1, 0});
    /* token 10 .. 30 covers the rows 1 .. 3 */
    stc_box needs = stc_view_needs(&view, 3, &(stc_box){2, {10, 0}, {30, 64}});
    assert_true(needs.lo[1] == 1 && needs.hi[1] == 4 && needs.lo[2] == 0 && needs.hi[2] == 8);
    /* in C-order the two axes of a token move at one pace, channels-last too, but not padded */
    int64_t stride = 0;
    assert_true(stc_view_stride(&view, 0, (int64_t[]){64, 8, 1}, &stride));
    assert_int_equal(stride, 1);
    assert_true(stc_view_stride(&view, 0, (int64_t[]){1, 512, 64}, &stride));
    assert_int_equal(stride, 64);
    assert_false(stc_view_stride(&view, 0, (int64_t[]){1, 640, 64}, &stride));
}

static void what_is_not_a_view_is_refused(void **state)
{
    (void)state;
    stc_shape tensor = {2, {4, 6}};
    stc_view view = stc_view_identity(&tensor), before = view;
    assert_int_equal(stc_view_reshape(&view, &tensor, &(stc_shape){2, {6, 4}}), STC_ERR_INPUT);
    assert_non_null(strstr(stc_error_text(), "(4, 6) to (6, 4)"));
    assert_int_equal(stc_view_reshape(&view, &tensor, &(stc_shape){2, {5, 5}}), STC_ERR_INPUT);
    assert_int_equal(stc_view_slice(&view, 0, 2, 3, 1), STC_ERR_INPUT);
    assert_int_equal(stc_view_slice(&view, 0, 0, 0, 1), STC_ERR_INPUT);
    assert_int_equal(stc_view_slice(&view, 0, 0, 1, 0), STC_ERR_INPUT);
    assert_int_equal(stc_view_slice(&view, 2, 0, 1, 1), STC_ERR_INPUT);
    assert_memory_equal(&view, &before, sizeof view);

    assert_int_equal(stc_view_reshape(&view, &tensor, &(stc_shape){1, {24}}), 0);
    assert_int_equal(stc_view_slice(&view, 0, 3, 6, 1), STC_ERR_INPUT);
    assert_int_equal(stc_view_slice(&view, 0, 6, 12, 1), 0);
    assert_int_equal(stc_view_slice(&view, 0, 1, 6, 2), 0);
    int64_t at[2];
    stc_view_index(&view, 2, (int64_t[]){4}, at);
    assert_true(at[0] == 2 && at[1] == 3);
}

static void scalars_and_single_elements_are_views(void **state)
{
    (void)state;
    stc_shape scalar = {0}, one = {3, {1, 1, 1}}, many = {2, {3, 5}};
    stc_view view = stc_view_identity(&scalar);
    assert_int_equal(stc_view_reshape(&view, &scalar, &one), 0);
    stc_shape shape = stc_view_shape(&view);
    assert_true(stc_shape_equal(&shape, &one));
    assert_int_equal(stc_view_reshape(&view, &scalar, &scalar), 0);
    stc_view_broadcast(&view, &many);
    shape = stc_view_shape(&view);
    assert_true(stc_shape_equal(&shape, &many));
    stc_box needs = stc_view_needs(&view, 0, &(stc_box){2, {0, 0}, {3, 5}});
    assert_int_equal(stc_box_size(&needs), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_chains_equal_brute_force),
        cmocka_unit_test(heads_of_attention_are_a_view),
        cmocka_unit_test(image_to_tokens_is_a_view),
        cmocka_unit_test(what_is_not_a_view_is_refused),
        cmocka_unit_test(scalars_and_single_elements_are_views),
    };
    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
