/* elements.h - single elements of operands and stages, for kernels that are not all inner loops. */
#ifndef STC_SIM_ELEMENTS_H
#define STC_SIM_ELEMENTS_H

#include "engine.h"

static inline int64_t stored_integer(stc_dtype dtype, const unsigned char *values, int64_t element)
{
    switch (dtype) {
    case STC_U8:
        return values[element];
    case STC_U16:
        return ((const uint16_t *)(const void *)values)[element];
    case STC_I32:
        return ((const int32_t *)(const void *)values)[element];
    case STC_F32:
        break;
    }
    return 0;
}

static inline float value_of(const access *a, const unsigned char *values, int64_t element)
{
    if (a->dtype == STC_F32) return ((const float *)(const void *)values)[element];
    return (float)stored_integer(a->dtype, values, element) * a->unit;
}

static inline void store_integer(stc_dtype dtype, unsigned char *values, int64_t element, int64_t n)
{
    switch (dtype) {
    case STC_U8:
        values[element] = (uint8_t)n;
        break;
    case STC_U16:
        ((uint16_t *)(void *)values)[element] = (uint16_t)n;
        break;
    case STC_I32:
        ((int32_t *)(void *)values)[element] = (int32_t)n;
        break;
    case STC_F32:
        ((float *)(void *)values)[element] = (float)n;
        break;
    }
}

static inline void store_real(unsigned char *values, int64_t element, float x)
{
    ((float *)(void *)values)[element] = x;
}

static inline bool is_real(const access *a)
{
    return a->dtype == STC_F32;
}

/* Element of an operand at an index in the dimensions of its view. */
static inline int64_t operand_element(const access *a, const int64_t *index)
{
    int64_t element = a->base;
    for (int d = 0; d < a->ndim; d++)
        element += a->offset[d][index[d]];
    return element;
}

static inline bool next_index(const stc_box *box, int64_t *index)
{
    for (int a = box->ndim - 1; a >= 0; a--) {
        if (++index[a] < box->hi[a]) return true;
        index[a] = box->lo[a];
    }
    return false;
}

static inline const unsigned char *operand_values(const stc_sim *sim, const access *a, int64_t item,
                                                  int64_t step)
{
    return stc_sim_at(&sim->stages[a->stage], item, step);
}

#endif
