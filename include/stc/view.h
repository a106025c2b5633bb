/* view.h - reshape, permute and slice as index maps that cost nothing at run time.
 *
 * A view says for each of its dimensions how its index moves through the axes of a tensor. A
 * dimension of extent n is a mixed-radix number of factors, outermost first; a factor of digit d
 * adds d * step to the index of one axis. Broadcasting is a factor with step 0.
 *     tensor (16, 64) seen as (4 heads, 16 tokens, 16 channels):
 *         dim 0: (extent 4, axis 1, step 16)   dim 1: (16, axis 0, 1)   dim 2: (16, axis 1, 1)
 * Everything is Local.
 */
#ifndef STC_VIEW_H
#define STC_VIEW_H

#include "stc/shape.h"

enum { STC_MAX_FACTORS = 12 };

typedef struct {
    int64_t extent, step;
    int axis; /* of the tensor */
} stc_factor;

typedef struct {
    int ndim;                           /* dimensions of the view */
    int nfactors[STC_MAX_NDIM];         /* of each dimension, >= 1 */
    stc_factor factor[STC_MAX_FACTORS]; /* of dimension 0, then 1, ...; outermost first */
    int64_t offset[STC_MAX_NDIM];       /* index of element 0 along each axis of the tensor */
} stc_view;

/* The tensor as it is. */
stc_view stc_view_identity(const stc_shape *tensor);
/* Shape of the view. */
stc_shape stc_view_shape(const stc_view *view);
/* Dimension d of the result is dimension perm[d] of the view. */
void stc_view_permute(stc_view *view, const int *perm);
/* Keep indices start, start+step, ... (count of them) of one dimension.
 * STC_ERR_INPUT when the dimension is a product of axes that the slice cuts through. */
int stc_view_slice(stc_view *view, int dim, int64_t start, int64_t count, int64_t step);
/* C-order reshape. STC_ERR_INPUT when the result is not a view (it needs a copy); sizes must agree.
 */
int stc_view_reshape(stc_view *view, const stc_shape *tensor, const stc_shape *shape);
/* Broadcast to shape by numpy's rule (which the view's shape must obey). */
void stc_view_broadcast(stc_view *view, const stc_shape *shape);
/* The same view after the axes of the tensor were reordered: new axis a is old axis order[a]. */
void stc_view_relayout(stc_view *view, const int *order, int naxes);

/* Smallest box of the tensor that holds all elements seen through box (indices of the view). */
stc_box stc_view_needs(const stc_view *view, int naxes, const stc_box *box);
/* Tensor index of one element: index[ndim of view] -> out[naxes]. */
void stc_view_index(const stc_view *view, int naxes, const int64_t *index, int64_t *out);
/* If dimension dim moves by one constant stride in memory (axis strides given in elements),
 * return true and that stride. Merges factors where the strides allow. */
bool stc_view_stride(const stc_view *view, int dim, const int64_t *axis_stride, int64_t *stride);

#endif
