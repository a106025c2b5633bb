/* weight.c - handles of float32 parameters: in memory, as a whole, and checked. */
#include <math.h>
#include <string.h>

#include "ir.h"
#include "stc/error.h"
#include "stc/op.h"

int64_t stc_weight_row_size(const stc_weight *weight)
{
    int64_t size = 1;
    for (int a = 1; a < weight->shape.ndim; a++)
        size *= weight->shape.dim[a];
    return size;
}

static int64_t row_count(const stc_weight *weight)
{
    return weight->shape.ndim == 0 ? 1 : weight->shape.dim[0];
}

static int read_memory(const stc_weight *weight, int64_t first, int64_t count, float *out)
{
    STC_CHECK(first >= 0 && count >= 0 && first + count <= row_count(weight), STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)row_count(weight));
    int64_t row = stc_weight_row_size(weight);
    if (count > 0 && row > 0) {
        memcpy(out, (const float *)weight->source + first * row,
               (size_t)(count * row) * sizeof *out);
    }
    return STC_OK;
}

stc_weight stc_weight_in_memory(const char *label, stc_shape shape, const float *values)
{
    return (stc_weight){.label = label, .shape = shape, .read = read_memory, .source = values};
}

int stc_weight_read_all(const stc_weight *weight, float **out)
{
    *out = NULL;
    int64_t size = stc_shape_size(&weight->shape);
    STC_CHECK(size >= 0, STC_ERR_INPUT, "%s has more than 2^40 elements", weight->label);
    float *values = stc_alloc(size, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = weight->read(weight, 0, row_count(weight), values);
    if (rc < 0) {
        stc_free(values);
        return rc;
    }
    *out = values;
    return STC_OK;
}

/* Index of element `flat` of a weight as "[3, 0, 1]". */
static const char *index_text(const stc_weight *weight, int64_t flat, char *buffer, size_t size)
{
    int64_t stride[STC_MAX_NDIM];
    stc_shape_strides(&weight->shape, stride);
    size_t used = (size_t)snprintf(buffer, size, "[");
    for (int a = 0; a < weight->shape.ndim && used < size; a++) {
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", a == 0 ? "" : ", ",
                                 (long long)(flat / stride[a]));
        flat %= stride[a];
    }
    if (used < size) snprintf(buffer + used, size - used, "]");
    return buffer;
}

/* Rows are read in pieces, so that a weight larger than the memory can be checked. */
static int check_finite(const stc_weight *weight)
{
    enum { PIECE = 1 << 20 };
    int64_t row = stc_weight_row_size(weight), rows = row_count(weight);
    STC_CHECK(stc_shape_size(&weight->shape) >= 0, STC_ERR_INPUT, "%s has more than 2^40 elements",
              weight->label);
    int64_t piece = row >= PIECE || row == 0 ? 1 : PIECE / row;
    if (piece > rows) piece = rows;
    float *values = stc_alloc(piece * row, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    for (int64_t first = 0; first < rows && rc == STC_OK; first += piece) {
        int64_t count = rows - first < piece ? rows - first : piece;
        rc = weight->read(weight, first, count, values);
        for (int64_t k = 0; k < count * row && rc == STC_OK; k++) {
            if (isfinite(values[k])) continue;
            char text[128];
            rc =
                stc_fail(STC_ERR_INPUT, "%s%s is %g; weights must be finite", weight->label,
                         index_text(weight, first * row + k, text, sizeof text), (double)values[k]);
        }
    }
    stc_free(values);
    return rc;
}

int stc_graph_verify_weights(const stc_graph *graph)
{
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        for (int a = 0; a < node->op->nattrs; a++) {
            if (node->attrs[a].weight == NULL) continue;
            bool each = node->op->attrs[a].kind == STC_ATTR_EACH;
            int rc = each ? stc_node_each_check(node, a) : check_finite(node->attrs[a].weight);
            if (rc < 0) return stc_fail_in_node(rc, node);
        }
    }
    return STC_OK;
}
