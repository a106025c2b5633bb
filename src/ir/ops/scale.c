/* scale.c - multiplication by a constant, by one stored value per channel, or by stored values of
 * any shape that broadcasts to the operand's. */
#include <math.h>

#include "../ir.h"
#include "common.h"

enum { FACTOR, SCALE, AXIS, NATTRS };

static const stc_attr_spec attrs[NATTRS] = {
    [FACTOR] = {.name = "factor",
                .kind = STC_ATTR_REAL,
                .initial = 1,
                .check = "finite",
                .help = "constant"},
    [SCALE] = {.name = "scale",
               .kind = STC_ATTR_WEIGHT,
               .help = "instead of factor: a scalar, shape (channels), or of more dimensions that "
                       "broadcast to the operand"},
    [AXIS] = {.name = "axis",
              .kind = STC_ATTR_INT,
              .initial = 0,
              .help = "channel axis of a scale of one dimension; negative counts from the end"}};

enum { ONE_FOR_ALL = -1, EACH_ITS_OWN = -2 };

/* The axis along which the scale differs, or one of the above. */
static int varying_axis(const stc_node *node)
{
    const stc_weight *weight = node->attrs[SCALE].weight;
    if (weight == NULL || stc_shape_size(&weight->shape) == 1) return ONE_FOR_ALL;
    if (weight->shape.ndim == 1) {
        int64_t axis = node->attrs[AXIS].i[0];
        return (int)(axis < 0 ? axis + node->shape.ndim : axis);
    }
    int axis = ONE_FOR_ALL;
    for (int a = 0; a < weight->shape.ndim; a++) {
        if (weight->shape.dim[a] == 1) continue;
        if (axis != ONE_FOR_ALL) return EACH_ITS_OWN;
        axis = a + node->shape.ndim - weight->shape.ndim;
    }
    return axis;
}

static int check_shape(const stc_node *node, const stc_shape *operand)
{
    const stc_shape *shape = &node->attrs[SCALE].weight->shape;
    stc_shape broadcast;
    char a[128], b[128];
    int axis;
    STC_TRY(stc_axis("axis", node->attrs[AXIS].i[0], operand->ndim, &axis));
    if (stc_shape_size(shape) == 1) return STC_OK;
    if (shape->ndim == 1) return stc_check_vector(node, "scale", operand->dim[axis], "channel");
    STC_CHECK(stc_shape_broadcast(shape, operand, &broadcast) &&
                  stc_shape_equal(&broadcast, operand),
              STC_ERR_INPUT, "scale has shape %s, which does not broadcast to the operand's %s",
              stc_shape_text(shape, a, sizeof a), stc_shape_text(operand, b, sizeof b));
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    bool has_factor = node->attrs[FACTOR].given, has_scale = node->attrs[SCALE].weight != NULL;
    STC_CHECK(has_factor || has_scale, STC_ERR_INPUT,
              "neither factor nor scale is given; give one of them");
    STC_CHECK(!has_factor || !has_scale, STC_ERR_INPUT,
              "both factor and scale are given; give one of them");
    if (has_scale) STC_TRY(check_shape(node, &in[0]->shape));
    node->shape = in[0]->shape;
    node->kind = has_scale ? STC_KIND_REAL
                           : stc_exact_kind(stc_kind_scale(in[0]->kind, node->attrs[FACTOR].r));
    return STC_OK;
}

/* After expand every scale is one for all or per channel. */
static int channel_axis(const stc_node *node)
{
    return varying_axis(node);
}

static int affine(const stc_node *node, int64_t first, int64_t count, double *scale, double *shift)
{
    const stc_weight *weight = node->attrs[SCALE].weight;
    for (int64_t k = 0; k < count; k++) {
        scale[k] = node->attrs[FACTOR].r;
        shift[k] = 0.0;
    }
    if (weight == NULL) return STC_OK;
    STC_TRY(stc_weight_elements(weight, first, count, scale));
    for (int64_t k = 0; k < count; k++) {
        scale[k] = (double)(float)scale[k];
        STC_CHECK(isfinite(scale[k]), STC_ERR_INPUT, "%s: entry %lld is %g; weights must be finite",
                  weight->label, (long long)(first + k), scale[k]);
    }
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    if (varying_axis(node) != EACH_ITS_OWN) return stc_eval_affine(node, e);
    const stc_weight *weight = node->attrs[SCALE].weight;
    int64_t size = stc_shape_size(&node->shape), stride[STC_MAX_NDIM];
    float *values = NULL;
    STC_TRY(stc_weight_read_all(weight, &values));
    stc_broadcast_strides(&weight->shape, &node->shape, stride);
    stc_copy_strided(&node->shape, values, 0, stride, e->out);
    for (int64_t k = 0; k < size; k++)
        e->out[k] *= e->in[0][k];
    stc_free(values);
    return STC_OK;
}

/* Give the scale the shape of all elements in a row. */
static int spread(stc_graph *graph, stc_attr *attr, const stc_shape *operand, stc_shape flat)
{
    const stc_weight *weight = attr->weight;
    int64_t stride[STC_MAX_NDIM];
    float *values = NULL;
    if (stc_shape_size(&weight->shape) == flat.dim[0]) return stc_reshape_attr(graph, attr, flat);
    float *all = stc_arena_alloc(graph->arena, flat.dim[0], sizeof *all);
    stc_weight *wide = stc_arena_alloc(graph->arena, 1, sizeof *wide);
    if (all == NULL || wide == NULL) return STC_ERR_NOMEM;
    STC_TRY(stc_weight_read_all(weight, &values));
    stc_broadcast_strides(&weight->shape, operand, stride);
    stc_copy_strided(operand, values, 0, stride, all);
    stc_free(values);
    *wide = stc_weight_in_memory(weight->label, flat, all);
    attr->weight = wide;
    return STC_OK;
}

/* Values for each element are those of the channels of one long vector. */
static int expand(stc_graph *graph, int32_t index)
{
    stc_node *node = graph->nodes[index];
    const stc_shape operand = node->shape;
    if (varying_axis(node) != EACH_ITS_OWN) return STC_OK;
    stc_shape flat = {1, {stc_shape_size(&operand)}};
    STC_TRY(stc_reshape_around(graph, index, flat));
    node->attrs[AXIS].i[0] = 0;
    return spread(graph, &node->attrs[SCALE], &operand, flat);
}

static int example(stc_builder *builder, uint64_t seed)
{
    static const char *const factors[] = {"factor=0.125", "factor=0.25", "factor=-0.5", "factor=3",
                                          "factor=0.1"};
    stc_dice dice = {.seed = seed};
    stc_shape shape = {2, {2 + stc_roll(&dice, 5), 2 + stc_roll(&dice, 19)}};
    int x = stc_example_input(builder, &dice, shape), form = stc_roll(&dice, 9), y;
    if (form < 5) {
        y = stc_build(builder, "scale", "scale", &x, 1, factors[form]);
    } else if (form < 7) {
        int axis = form - 5;
        y = stc_build(builder, "scale", "scale", &x, 1, axis == 0 ? "" : "axis=-1");
        stc_shape values = {1, {shape.dim[axis]}};
        if (stc_roll(&dice, 3) == 0) values = (stc_shape){.ndim = 0};
        stc_build_random(builder, y, "scale", values, 1.5f, seed);
    } else {
        y = stc_build(builder, "scale", "scale", &x, 1, "");
        if (form == 8) shape.dim[stc_roll(&dice, 2)] = 1;
        stc_build_random(builder, y, "scale", shape, 1.5f, seed);
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
                             .nattrs = NATTRS,
                             .infer = infer,
                             .eval = eval,
                             .channel_axis = channel_axis,
                             .affine = affine,
                             .expand = expand,
                             .example = example};
