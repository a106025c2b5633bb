/* scale.c - multiplication by a constant, or by one stored value per channel. */
#include <math.h>

#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "factor", .kind = STC_ATTR_REAL, .initial = 1, .check = "finite", .help = "constant"},
    {.name = "scale",
     .kind = STC_ATTR_WEIGHT,
     .help = "instead of factor: a scalar or shape (channels)"},
    {.name = "axis",
     .kind = STC_ATTR_INT,
     .initial = 0,
     .help = "channel axis of scale; negative counts from the end"}};

/* The weight when there is one value per channel. */
static const stc_weight *vector(const stc_node *node)
{
    const stc_weight *weight = stc_node_weight(node, "scale");
    return weight != NULL && stc_shape_size(&weight->shape) > 1 ? weight : NULL;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_weight *weight = stc_node_weight(node, "scale");
    bool has_factor = stc_node_attr(node, "factor")->given;
    int axis;
    STC_CHECK(has_factor || weight != NULL, STC_ERR_INPUT,
              "neither factor nor scale is given; give one of them");
    STC_CHECK(!has_factor || weight == NULL, STC_ERR_INPUT,
              "both factor and scale are given; give one of them");
    STC_TRY(stc_axis("axis", stc_node_int(node, "axis"), in[0]->shape.ndim, &axis));
    if (vector(node) != NULL) {
        STC_TRY(stc_check_vector(node, "scale", in[0]->shape.dim[axis], "channel"));
    }
    node->shape = in[0]->shape;
    node->kind = weight != NULL
                     ? STC_KIND_REAL
                     : stc_exact_kind(stc_kind_scale(in[0]->kind, stc_node_real(node, "factor")));
    return STC_OK;
}

static int channel_axis(const stc_node *node)
{
    int64_t axis = stc_node_int(node, "axis");
    if (vector(node) == NULL) return -1;
    return (int)(axis < 0 ? axis + node->shape.ndim : axis);
}

static int affine(const stc_node *node, int64_t first, int64_t count, double *scale, double *shift)
{
    const stc_weight *weight = stc_node_weight(node, "scale");
    for (int64_t k = 0; k < count; k++)
        scale[k] = stc_node_real(node, "factor");
    for (int64_t k = 0; k < count; k++)
        shift[k] = 0.0;
    if (weight == NULL) return STC_OK;
    float *values = stc_alloc(count, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = weight->read(weight, first, count, values);
    for (int64_t k = 0; k < count && rc == STC_OK; k++) {
        scale[k] = (double)values[k];
        if (isfinite(values[k])) continue;
        rc = stc_fail(STC_ERR_INPUT, "%s: entry %lld is %g; weights must be finite", weight->label,
                      (long long)(first + k), scale[k]);
    }
    stc_free(values);
    return rc;
}

static int example(stc_builder *builder, uint64_t seed)
{
    static const char *const factors[] = {"factor=0.125", "factor=0.25", "factor=-0.5", "factor=3",
                                          "factor=0.1"};
    stc_dice dice = {.seed = seed};
    stc_shape shape = {2, {2 + stc_roll(&dice, 5), 2 + stc_roll(&dice, 19)}};
    int x = stc_example_input(builder, &dice, shape), form = stc_roll(&dice, 7), y;
    if (form < 5) {
        y = stc_build(builder, "scale", "scale", &x, 1, factors[form]);
    } else {
        int axis = form - 5;
        y = stc_build(builder, "scale", "scale", &x, 1, axis == 0 ? "" : "axis=-1");
        stc_shape values = {1, {shape.dim[axis]}};
        if (stc_roll(&dice, 3) == 0) values = (stc_shape){.ndim = 0};
        stc_build_random(builder, y, "scale", values, 1.5f, seed);
    }
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_scale = {.name = "scale",
                             .type = "Scale",
                             .help = "multiplication by constants",
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
