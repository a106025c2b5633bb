/* conv2d.c - two-dimensional convolution with stored weights. */
#include "common.h"
#include "conv.h"

static const stc_attr_spec attrs[] = {
    {.name = "weight",
     .kind = STC_ATTR_WEIGHT,
     .required = true,
     .help = "shape (out, in / groups, height, width)"},
    {.name = "bias", .kind = STC_ATTR_WEIGHT, .help = "shape (out)"},
    {.name = "stride",
     .kind = STC_ATTR_INTS,
     .initial = 1,
     .check = ">= 1",
     .length = 2,
     .help = "elements, (height, width)"},
    {.name = "padding",
     .kind = STC_ATTR_INTS,
     .initial = 0,
     .check = ">= 0",
     .length = 2,
     .help = "elements on each side, (height, width)"},
    {.name = "auto_pad",
     .kind = STC_ATTR_CHOICE,
     .choices = "none same valid",
     .help = "instead of padding: same (as many outputs as inputs, stride 1; one more element "
             "behind than before where the kernel is even) or valid (no padding)"},
    {.name = "dilation",
     .kind = STC_ATTR_INTS,
     .initial = 1,
     .check = ">= 1",
     .length = 2,
     .help = "distance of kernel elements, (height, width)"},
    {.name = "groups", .kind = STC_ATTR_INT, .initial = 1, .check = ">= 1", .help = "of channels"},
    {.name = "pad_value",
     .kind = STC_ATTR_WEIGHT,
     .help = "shape (in): value of the padding for each in-channel; 0 without"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    STC_TRY(stc_conv_infer(node, in[0], 2));
    return stc_check_vector(node, "pad_value", in[0]->shape.dim[0], "in-channel");
}

static int eval(const stc_node *node, const stc_eval *e)
{
    float *pad_values = NULL;
    const stc_weight *weight = stc_node_weight(node, "pad_value");
    if (weight != NULL) STC_TRY(stc_weight_read_all(weight, &pad_values));
    int rc = stc_conv_eval(node, e, 2, pad_values);
    stc_free(pad_values);
    return rc;
}

static int channel_axis(const stc_node *node)
{
    (void)node;
    return 0;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    stc_conv conv = stc_conv_geometry(node, in[0], 2);
    kernel->u.accumulate.has_pad_values = stc_node_weight(node, "pad_value") != NULL;
    return stc_conv_lower(&conv, kernel);
}

static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    stc_conv conv = stc_conv_geometry(node, in[0], 2);
    return stc_conv_macs(&conv);
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t groups = 1 + stc_roll(&dice, 3), in_group = 1 + stc_roll(&dice, 3);
    bool depthwise = stc_roll(&dice, 3) == 0;
    if (depthwise) groups = 2 + stc_roll(&dice, 20);
    if (depthwise) in_group = 1;
    int64_t in = groups * in_group, out = groups * (1 + stc_roll(&dice, depthwise ? 2 : 9));
    int64_t height = 5 + stc_roll(&dice, 5), width = 5 + stc_roll(&dice, 5);
    int x = stc_example_input(builder, &dice, (stc_shape){3, {in, height, width}});
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    char text[128];
    int padding[2] = {stc_roll(&dice, 3), stc_roll(&dice, 3)};
    int stride[2] = {1 + stc_roll(&dice, 2), 1 + stc_roll(&dice, 2)};
    int used = snprintf(text, sizeof text, "dilation=%d,%d groups=%d ", 1 + stc_roll(&dice, 2),
                        1 + stc_roll(&dice, 2), (int)groups);
    if (stride[0] * stride[1] == 1 && padding[0] > 0) {
        snprintf(text + used, sizeof text - (size_t)used, "auto_pad=same");
    } else {
        snprintf(text + used, sizeof text - (size_t)used, "stride=%d,%d padding=%d,%d", stride[0],
                 stride[1], padding[0], padding[1]);
    }
    int c = stc_build(builder, "conv2d", "conv", &x, 1, text);
    stc_shape shape = {4, {out, in_group, 1 + stc_roll(&dice, 3), 1 + stc_roll(&dice, 3)}};
    stc_build_random(builder, c, "weight", shape, 1.0f, seed);
    if (stc_roll(&dice, 2) > 0) {
        stc_build_random(builder, c, "bias", (stc_shape){1, {out}}, 0.5f, seed);
    }
    if (stc_roll(&dice, 4) == 0) {
        stc_build_random(builder, c, "pad_value", (stc_shape){1, {in}}, 1.0f, seed);
    }
    return stc_example_finish(builder, &dice, c);
}

const stc_op stc_op_conv2d = {.name = "conv2d",
                              .type = "Conv2d",
                              .help = "two-dimensional convolution of (channels, height, width)",
                              .op_class = STC_CLASS_WEIGHT,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .attrs = attrs,
                              .nattrs = sizeof attrs / sizeof attrs[0],
                              .infer = infer,
                              .eval = eval,
                              .channel_axis = channel_axis,
                              .lower = lower,
                              .macs = macs,
                              .example = example};
