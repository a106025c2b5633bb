/* param.c - attributes that are numbers: one for all elements of a node, or one for each. */
#include <math.h>
#include <string.h>

#include "ir.h"
#include "stc/error.h"
#include "stc/op.h"

enum { PIECE = 1 << 16 };

int stc_weight_elements(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    if (count == 0) return STC_OK;
    int64_t row = stc_weight_row_size(weight);
    int64_t from = first / row, rows = (first + count - 1) / row - from + 1;
    double *values = stc_alloc(rows * row, sizeof *values);
    float *narrow = weight->read_double ? NULL : stc_alloc(rows * row, sizeof *narrow);
    int rc = values && (narrow || weight->read_double) ? STC_OK : STC_ERR_NOMEM;
    if (rc == STC_OK && weight->read_double) {
        rc = weight->read_double(weight, from, rows, values);
    } else if (rc == STC_OK) {
        rc = weight->read(weight, from, rows, narrow);
        for (int64_t k = 0; k < rows * row && rc == STC_OK; k++)
            values[k] = (double)narrow[k];
    }
    if (rc == STC_OK) memcpy(out, values + (first - from * row), (size_t)count * sizeof *out);
    stc_free(values);
    stc_free(narrow);
    return rc;
}

int stc_node_uniform(const stc_node *node, int attr, bool *uniform, double *value)
{
    const stc_weight *weight = node->attrs[attr].weight;
    *uniform = true;
    *value = node->attrs[attr].r;
    if (weight == NULL) return STC_OK;
    *uniform = stc_shape_size(&weight->shape) == 1;
    *value = NAN;
    return *uniform ? stc_weight_elements(weight, 0, 1, value) : STC_OK;
}

int stc_node_each_shape(const stc_node *node, int attr)
{
    const stc_weight *weight = node->attrs[attr].weight;
    if (weight == NULL || stc_shape_size(&weight->shape) == 1) return STC_OK;
    char found[96], wanted[96];
    stc_shape both;
    bool fits = stc_shape_broadcast(&weight->shape, &node->shape, &both) &&
                stc_shape_equal(&both, &node->shape);
    STC_CHECK(fits, STC_ERR_INPUT,
              "%s has shape %s, the node has %s; expected one number or an array that broadcasts "
              "to it",
              node->op->attrs[attr].name, stc_shape_text(&weight->shape, found, sizeof found),
              stc_shape_text(&node->shape, wanted, sizeof wanted));
    return STC_OK;
}

static int check_values(const stc_node *node, int attr, int64_t first, int64_t count,
                        const double *values)
{
    const stc_attr_spec *spec = &node->op->attrs[attr];
    const char *check = spec->check == NULL || spec->check[0] == 0 ? "finite" : spec->check;
    for (int64_t k = 0; k < count; k++) {
        STC_CHECK(stc_attr_meets(check, values[k]) && isfinite(values[k]), STC_ERR_INPUT,
                  "%s of element %lld is %.9g, expected %s", spec->name, (long long)(first + k),
                  values[k], check);
    }
    return STC_OK;
}

/* Elements that broadcasting repeats: the weight is small against the node, so it is read whole. */
static int broadcast_elements(const stc_node *node, const stc_weight *weight, int64_t first,
                              int64_t count, double *out)
{
    int64_t size = stc_shape_size(&weight->shape), from[STC_MAX_NDIM], own[STC_MAX_NDIM];
    double *values = stc_alloc(size, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = stc_weight_elements(weight, 0, size, values);
    stc_shape_strides(&node->shape, own);
    stc_shape_strides(&weight->shape, from);
    int skip = node->shape.ndim - weight->shape.ndim;
    for (int64_t k = 0; k < count && rc == STC_OK; k++) {
        int64_t rest = first + k, at = 0;
        for (int a = 0; a < node->shape.ndim; a++) {
            int64_t index = rest / own[a];
            rest %= own[a];
            if (a >= skip && weight->shape.dim[a - skip] > 1) at += index * from[a - skip];
        }
        out[k] = values[at];
    }
    stc_free(values);
    return rc;
}

int stc_node_each(const stc_node *node, int attr, int64_t first, int64_t count, double *out)
{
    const stc_weight *weight = node->attrs[attr].weight;
    bool uniform;
    double value;
    STC_TRY(stc_node_uniform(node, attr, &uniform, &value));
    if (uniform) {
        for (int64_t k = 0; k < count; k++)
            out[k] = value;
        return check_values(node, attr, 0, count > 0, out);
    }
    if (stc_shape_size(&weight->shape) == stc_shape_size(&node->shape)) {
        STC_TRY(stc_weight_elements(weight, first, count, out));
    } else {
        STC_TRY(broadcast_elements(node, weight, first, count, out));
    }
    return check_values(node, attr, first, count, out);
}

int stc_node_each_check(const stc_node *node, int attr)
{
    int64_t size = stc_shape_size(&node->attrs[attr].weight->shape);
    double *values = stc_alloc(size < PIECE ? size : PIECE, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    for (int64_t first = 0; first < size && rc == STC_OK; first += PIECE) {
        int64_t count = size - first < PIECE ? size - first : PIECE;
        rc = stc_weight_elements(node->attrs[attr].weight, first, count, values);
        if (rc == STC_OK) rc = check_values(node, attr, first, count, values);
    }
    stc_free(values);
    return rc;
}

int stc_node_params(const stc_node *node, double *params)
{
    for (int a = 0; a < node->op->nattrs; a++) {
        bool uniform;
        switch (node->op->attrs[a].kind) {
        case STC_ATTR_EACH:
            STC_TRY(stc_node_uniform(node, a, &uniform, &params[a]));
            if (uniform) STC_TRY(check_values(node, a, 0, 1, &params[a]));
            break;
        case STC_ATTR_REAL:
            params[a] = node->attrs[a].r;
            break;
        default:
            params[a] = (double)node->attrs[a].i[0];
        }
    }
    return STC_OK;
}
