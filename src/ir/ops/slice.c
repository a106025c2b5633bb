/* slice.c - some indices of one axis: start, start + step, ... below stop. */
#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "axis",
     .kind = STC_ATTR_INT,
     .initial = 0,
     .help = "axis to cut; negative counts from the end"},
    {.name = "start",
     .kind = STC_ATTR_INT,
     .initial = 0,
     .help = "first index; negative counts from the end"},
    {.name = "stop",
     .kind = STC_ATTR_INT,
     .initial = 0,
     .help = "first index left out; negative counts from the end; the end without"},
    {.name = "step", .kind = STC_ATTR_INT, .initial = 1, .check = ">= 1", .help = "distance"}};

typedef struct {
    int axis;
    int64_t start, count, step;
} range;

static int get_range(const stc_node *node, const stc_shape *shape, range *r)
{
    const stc_attr *stop_attr = stc_node_attr(node, "stop");
    STC_TRY(stc_axis("axis", stc_node_int(node, "axis"), shape->ndim, &r->axis));
    int64_t length = shape->dim[r->axis], start = stc_node_int(node, "start");
    int64_t stop = stop_attr->given ? stop_attr->i[0] : length;
    if (start < 0) start += length;
    if (stop < 0) stop += length;
    STC_CHECK(
        start >= 0 && start < stop && stop <= length, STC_ERR_INPUT,
        "it takes indices %lld to %lld of axis %d, which has %lld; expected at least one index "
        "inside",
        (long long)start, (long long)stop, r->axis, (long long)length);
    r->step = stc_node_int(node, "step");
    r->start = start;
    r->count = (stop - start + r->step - 1) / r->step;
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    range r;
    STC_TRY(get_range(node, &in[0]->shape, &r));
    STC_TRY(stc_infer_same(node, in[0]));
    node->shape.dim[r.axis] = r.count;
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    range r;
    int64_t stride[STC_MAX_NDIM];
    STC_TRY(get_range(node, &e->in_node[0]->shape, &r));
    stc_shape_strides(&e->in_node[0]->shape, stride);
    int64_t offset = r.start * stride[r.axis];
    stride[r.axis] *= r.step;
    stc_copy_strided(&node->shape, e->in[0], offset, stride, e->out);
    return STC_OK;
}

static int view(const stc_node *node, const stc_shape *tensor, stc_view *v)
{
    (void)tensor;
    range r;
    stc_shape shape = stc_view_shape(v);
    STC_TRY(get_range(node, &shape, &r));
    return stc_view_slice(v, r.axis, r.start, r.count, r.step);
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t dims[3] = {3 + stc_roll(&dice, 4), 3 + stc_roll(&dice, 6), 3 + stc_roll(&dice, 20)};
    stc_shape shape = {3, {dims[0], dims[1], dims[2]}};
    int axis = stc_roll(&dice, 3), start = stc_roll(&dice, 3), step = 1 + stc_roll(&dice, 2);
    int64_t stop = start + 1 + stc_roll(&dice, (int)dims[axis] - start);
    int x = stc_example_input(builder, &dice, shape);
    int y = stc_example_neuron(builder, x);
    char text[96];
    int used = snprintf(text, sizeof text, "axis=%d start=%d step=%d",
                        stc_roll(&dice, 2) > 0 ? axis : axis - 3, start, step);
    if (stc_roll(&dice, 4) > 0) {
        snprintf(text + used, sizeof text - (size_t)used, " stop=%d", (int)stop);
    } else {
        stop = dims[axis];
    }
    y = stc_build(builder, "slice", "view", &y, 1, text);
    int64_t width = axis == 2 ? (stop - start + step - 1) / step : dims[2];
    return stc_example_finish(builder, &dice, stc_example_linear(builder, &dice, y, width));
}

const stc_op stc_op_slice = {.name = "slice",
                             .type = "Slice",
                             .help = "some indices of one axis",
                             .op_class = STC_CLASS_VIEW,
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .attrs = attrs,
                             .nattrs = sizeof attrs / sizeof attrs[0],
                             .infer = infer,
                             .eval = eval,
                             .view = view,
                             .example = example};
