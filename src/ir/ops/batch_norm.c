/* batch_norm.c - batch normalisation as inference uses it: one scale and shift per channel. */
#include <math.h>

#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "weight", .kind = STC_ATTR_WEIGHT, .help = "gamma, shape (channels); 1 without"},
    {.name = "bias", .kind = STC_ATTR_WEIGHT, .help = "beta, shape (channels); 0 without"},
    {.name = "running_mean", .kind = STC_ATTR_WEIGHT, .required = true, .help = "shape (channels)"},
    {.name = "running_var", .kind = STC_ATTR_WEIGHT, .required = true, .help = "shape (channels)"},
    {.name = "eps",
     .kind = STC_ATTR_REAL,
     .initial = 1e-5,
     .check = ">= 0",
     .help = "added to the variance"},
    {.name = "axis",
     .kind = STC_ATTR_INT,
     .initial = 0,
     .help = "channel axis; negative counts from the end"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    static const char *const vectors[] = {"weight", "bias", "running_mean", "running_var"};
    int axis;
    STC_TRY(stc_axis("axis", stc_node_int(node, "axis"), in[0]->shape.ndim, &axis));
    for (int k = 0; k < 4; k++) {
        STC_TRY(stc_check_vector(node, vectors[k], in[0]->shape.dim[axis], "channel"));
    }
    node->shape = in[0]->shape;
    node->kind = STC_KIND_REAL;
    return STC_OK;
}

static int channel_axis(const stc_node *node)
{
    int64_t axis = stc_node_int(node, "axis");
    return (int)(axis < 0 ? axis + node->shape.ndim : axis);
}

/* Rows of one of the vectors, or a constant when it is absent. */
static int read_vector(const stc_node *node, const char *attribute, float absent, int64_t first,
                       int64_t count, float *out)
{
    const stc_weight *weight = stc_node_weight(node, attribute);
    if (weight != NULL) return weight->read(weight, first, count, out);
    for (int64_t k = 0; k < count; k++)
        out[k] = absent;
    return STC_OK;
}

static int combine(const stc_node *node, int64_t first, int64_t count, const float *v,
                   double *scale, double *shift)
{
    const float *gamma = v, *beta = v + count, *mean = v + 2 * count, *variance = v + 3 * count;
    double eps = stc_node_real(node, "eps");
    for (int64_t k = 0; k < count; k++) {
        double spread = (double)variance[k] + eps;
        STC_CHECK(spread > 0.0, STC_ERR_INPUT,
                  "%s: entry %lld is %g, expected a variance above -eps (eps is %g)",
                  stc_node_weight(node, "running_var")->label, (long long)(first + k),
                  (double)variance[k], eps);
        scale[k] = (double)gamma[k] / sqrt(spread);
        shift[k] = (double)beta[k] - (double)mean[k] * scale[k];
        STC_CHECK(isfinite(scale[k]) && isfinite(shift[k]), STC_ERR_INPUT,
                  "%s: channel %lld has weight %g, bias %g, running_mean %g, running_var %g; they "
                  "must be finite",
                  stc_node_weight(node, "running_mean")->label, (long long)(first + k),
                  (double)gamma[k], (double)beta[k], (double)mean[k], (double)variance[k]);
    }
    return STC_OK;
}

static int affine(const stc_node *node, int64_t first, int64_t count, double *scale, double *shift)
{
    float *v = stc_alloc(4 * count, sizeof *v);
    if (v == NULL) return STC_ERR_NOMEM;
    int rc = read_vector(node, "weight", 1.0f, first, count, v);
    if (rc == STC_OK) rc = read_vector(node, "bias", 0.0f, first, count, v + count);
    if (rc == STC_OK) rc = read_vector(node, "running_mean", 0.0f, first, count, v + 2 * count);
    if (rc == STC_OK) rc = read_vector(node, "running_var", 1.0f, first, count, v + 3 * count);
    if (rc == STC_OK) rc = combine(node, first, count, v, scale, shift);
    stc_free(v);
    return rc;
}

/* Half of the examples follow a linear layer, which the norm is folded into; the others do not. */
static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {2, {2 + stc_roll(&dice, 5), 1 + stc_roll(&dice, 20)}};
    bool folds = stc_roll(&dice, 2) > 0;
    int last_axis = folds || stc_roll(&dice, 2) > 0;
    int x = stc_example_input(builder, &dice, shape);
    if (folds) {
        x = stc_example_linear(builder, &dice, x, shape.dim[1]);
        const stc_node *linear = x < 0 ? NULL : stc_builder_graph(builder)->nodes[x];
        if (linear != NULL) shape.dim[1] = stc_node_weight(linear, "weight")->shape.dim[0];
    }
    int64_t channels = shape.dim[last_axis];
    stc_shape vector = {1, {channels}};
    float variance[32];
    for (int64_t c = 0; c < channels; c++)
        variance[c] = 0.25f + (float)stc_roll(&dice, 16) / 8.0f;
    int y = stc_build(builder, "batch_norm", "norm", &x, 1,
                      !last_axis               ? "axis=0 eps=0.001"
                      : stc_roll(&dice, 2) > 0 ? "axis=-1"
                                               : "axis=1");
    stc_build_random(builder, y, "weight", vector, 2.0f, seed);
    stc_build_random(builder, y, "bias", vector, 1.0f, seed);
    stc_build_random(builder, y, "running_mean", vector, 1.0f, seed);
    stc_build_weight(builder, y, "running_var", vector, variance);
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_batch_norm = {.name = "batch_norm",
                                  .type = "BatchNorm",
                                  .help = "batch normalisation with stored statistics",
                                  .op_class = STC_CLASS_AFFINE,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = attrs,
                                  .nattrs = sizeof attrs / sizeof attrs[0],
                                  .infer = infer,
                                  .eval = stc_eval_affine,
                                  .channel_axis = channel_axis,
                                  .affine = affine,
                                  .example = example};
