/* shape.h - shapes, boxes of indices, value kinds. Plain data that all of compiler and simulator
 * share. Everything is Local. */
#ifndef STC_SHAPE_H
#define STC_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STC_MAX_NDIM = 6 };

/* A static shape without sample and time axes. ndim 0 is a scalar. */
typedef struct {
    int ndim;
    int64_t dim[STC_MAX_NDIM]; /* each >= 1; 0 beyond ndim */
} stc_shape;

/* Number of elements; -1 when it exceeds 2^40. */
int64_t stc_shape_size(const stc_shape *shape);
bool stc_shape_equal(const stc_shape *a, const stc_shape *b);
/* "(64, 8, 8)" into buffer; returns buffer. */
const char *stc_shape_text(const stc_shape *shape, char *buffer, size_t size);
/* C-order strides in elements. */
void stc_shape_strides(const stc_shape *shape, int64_t stride[STC_MAX_NDIM]);
/* numpy broadcasting of two shapes; false when they do not broadcast. */
bool stc_shape_broadcast(const stc_shape *a, const stc_shape *b, stc_shape *out);

/* All indices i with lo[a] <= i[a] < hi[a] for every axis a < ndim. */
typedef struct {
    int ndim;
    int64_t lo[STC_MAX_NDIM], hi[STC_MAX_NDIM];
} stc_box;

stc_box stc_box_all(const stc_shape *shape);
int64_t stc_box_size(const stc_box *box);                                 /* 0 when empty */
bool stc_box_intersect(const stc_box *a, const stc_box *b, stc_box *out); /* false when empty */
/* Smallest box that holds both; a box with size 0 counts as absent. */
stc_box stc_box_hull(const stc_box *a, const stc_box *b);
/* Join boxes that together are boxes, in place, until none can be joined; returns the new number.
 * The boxes must be disjoint. The result depends only on the set, not on its order. */
int stc_box_merge(stc_box *boxes, int n);

/* What values a node can have. integer kinds: value = unit * n with an integer 0 <= n <= max and
 * unit a power of two (possibly negative). unit == 0: real. */
typedef struct {
    double unit;
    int64_t max;
} stc_kind;

extern const stc_kind STC_KIND_REAL, STC_KIND_BIT;
static inline bool stc_kind_is_real(stc_kind kind)
{
    return kind.unit == 0.0;
}
bool stc_kind_is_bit(stc_kind kind); /* unit 1 and max 1 */
/* "bit", "integer 0..18", "0.25 * integer 0..64", "real" */
const char *stc_kind_text(stc_kind kind, char *buffer, size_t size);
/* Kinds of a + b and a * b; real when an integer kind would exceed 2^24 or take both signs. */
stc_kind stc_kind_add(stc_kind a, stc_kind b);
stc_kind stc_kind_mul(stc_kind a, stc_kind b);
/* Multiplied by a constant: the unit times factor when factor is plus or minus a power of two, else
 * real. */
stc_kind stc_kind_scale(stc_kind kind, double factor);
/* True when x is plus or minus a power of two. */
bool stc_is_power_of_two(double x);

/* How a value is held in memory and on the wire: integer kinds in the smallest unsigned type. */
typedef enum { STC_U8, STC_U16, STC_I32, STC_F32 } stc_dtype;
/* The type for a kind; integers above 2^24 become real float32 (rounded), so infer real before. */
stc_dtype stc_kind_dtype(stc_kind kind);
int stc_dtype_size(stc_dtype dtype);

#endif
