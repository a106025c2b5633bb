/* fold.c - the rows of a weight op as the program holds them: folded, then put on a grid.
 *
 * Both happen at every optimisation level and define the numbers of a program. A row is an out
 * channel; it is scaled and shifted in float64 by the folded nodes, then rounded to multiples of
 * its own power of two, so that sums over integer operands are exact in any order.
 */
#include <math.h>

#include "stc/op.h"

enum { EXPONENT_MIN = -100, EXPONENT_MAX = 120 };

static int refuse(const stc_weight *weight, int64_t row, int64_t column, double value)
{
    return stc_fail(STC_ERR_INPUT, "%s: row %lld, column %lld is %g; weights must be finite%s",
                    weight->label, (long long)row, (long long)column, value,
                    isfinite(value) ? " in float32 after folding" : "");
}

/* The largest exponent for which a row with this largest magnitude fits, or one out of range when
 * none does. */
static int row_exponent(double largest)
{
    if (largest == 0.0) return 0;
    int binary;
    double fraction = frexp(largest, &binary); /* in [0.5, 1) */
    int exponent = 23 - binary;
    if (ldexp(fraction, 23) > (double)STC_WEIGHT_MAX) exponent--;
    return exponent > EXPONENT_MAX ? EXPONENT_MAX : exponent;
}

static int round_row(const stc_weight *label, int64_t row, const double *values, int64_t columns,
                     float *out, int8_t *exponent)
{
    double largest = 0.0;
    int64_t at = 0;
    for (int64_t k = 0; k < columns; k++) {
        if (!isfinite(values[k])) return refuse(label, row, k, values[k]);
        if (fabs(values[k]) > largest) {
            largest = fabs(values[k]);
            at = k;
        }
    }
    int e = row_exponent(largest);
    if (e < EXPONENT_MIN) return refuse(label, row, at, values[at]);
    for (int64_t k = 0; k < columns; k++) {
        out[k] = (float)ldexp(nearbyint(ldexp(values[k], e)), -e);
    }
    *exponent = (int8_t)e;
    return STC_OK;
}

/* Scale and shift of rows first .. first+count by one folded node. */
static int fold_in(const stc_node *fold, int64_t first, int64_t count, int64_t columns,
                   double *values, double *bias)
{
    double *scale = stc_alloc(2 * count, sizeof *scale);
    if (scale == NULL) return STC_ERR_NOMEM;
    double *shift = scale + count;
    bool one_for_all = fold->op->channel_axis(fold) < 0;
    int rc = fold->op->affine(fold, one_for_all ? 0 : first, one_for_all ? 1 : count, scale, shift);
    for (int64_t r = 0; r < count && rc == STC_OK; r++) {
        int64_t from = one_for_all ? 0 : r;
        for (int64_t k = 0; k < columns; k++)
            values[r * columns + k] *= scale[from];
        bias[r] = bias[r] * scale[from] + shift[from];
    }
    stc_free(scale);
    return rc < 0 ? stc_fail_in(rc, "node %s (%s)", fold->name, fold->op->name) : STC_OK;
}

/* Values of rows as float64, finite. */
static int read_values(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    int64_t columns = stc_weight_row_size(weight);
    STC_TRY(stc_weight_elements(weight, first * columns, count * columns, out));
    for (int64_t k = 0; k < count * columns; k++) {
        if (!isfinite(out[k])) return refuse(weight, first + k / columns, k % columns, out[k]);
    }
    return STC_OK;
}

static int read_rows(const stc_node *node, int64_t first, int64_t count, double *values,
                     double *bias)
{
    const stc_weight *offset = stc_node_weight(node, "bias");
    STC_TRY(read_values(stc_node_weight(node, "weight"), first, count, values));
    return offset == NULL ? STC_OK : read_values(offset, first, count, bias);
}

int stc_fold_rows(const stc_node *node, int64_t first, int64_t count, float *weight,
                  int8_t *exponent, float *bias)
{
    const stc_weight *stored = stc_node_weight(node, "weight");
    int64_t columns = stc_weight_row_size(stored);
    double *values = stc_alloc(count * columns, sizeof *values);
    double *offset = stc_alloc(count, sizeof *offset);
    int rc = values == NULL || offset == NULL ? STC_ERR_NOMEM : STC_OK;
    if (rc == STC_OK) rc = read_rows(node, first, count, values, offset);
    for (int f = 0; f < node->nfolds && rc == STC_OK; f++) {
        rc = fold_in(node->folds[f], first, count, columns, values, offset);
    }
    for (int64_t r = 0; r < count && rc == STC_OK; r++) {
        rc = round_row(stored, first + r, values + r * columns, columns, weight + r * columns,
                       &exponent[r]);
        bias[r] = (float)offset[r];
        if (rc == STC_OK && !isfinite(bias[r])) {
            const stc_weight *label = stc_node_weight(node, "bias");
            rc = refuse(label == NULL ? stored : label, first + r, 0, offset[r]);
        }
    }
    stc_free(offset);
    stc_free(values);
    return rc;
}
