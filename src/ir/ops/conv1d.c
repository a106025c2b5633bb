/* conv1d.c - one-dimensional convolution with stored weights. */
#include "common.h"
#include "conv.h"

static const stc_attr_spec attrs[] = {
    {.name = "weight",
     .kind = STC_ATTR_WEIGHT,
     .required = true,
     .help = "shape (out, in / groups, length)"},
    {.name = "bias", .kind = STC_ATTR_WEIGHT, .help = "shape (out)"},
    {.name = "stride",
     .kind = STC_ATTR_INTS,
     .initial = 1,
     .check = ">= 1",
     .length = 1,
     .help = "elements"},
    {.name = "padding",
     .kind = STC_ATTR_INTS,
     .initial = 0,
     .check = ">= 0",
     .length = 1,
     .help = "elements on each side"},
    {.name = "auto_pad",
     .kind = STC_ATTR_CHOICE,
     .choices = "none same valid",
     .help = "instead of padding: same (as many outputs as inputs, stride 1; one more element "
             "behind than before where the kernel is even) or valid (no padding)"},
    {.name = "dilation",
     .kind = STC_ATTR_INTS,
     .initial = 1,
     .check = ">= 1",
     .length = 1,
     .help = "distance of kernel elements"},
    {.name = "groups", .kind = STC_ATTR_INT, .initial = 1, .check = ">= 1", .help = "of channels"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    return stc_conv_infer(node, in[0], 1);
}

static int eval(const stc_node *node, const stc_eval *e)
{
    return stc_conv_eval(node, e, 1, NULL);
}

static int channel_axis(const stc_node *node)
{
    (void)node;
    return 0;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    stc_conv conv = stc_conv_geometry(node, in[0], 1);
    return stc_conv_lower(&conv, kernel);
}

static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    stc_conv conv = stc_conv_geometry(node, in[0], 1);
    return stc_conv_macs(&conv);
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t groups = 1 + stc_roll(&dice, 3), in_group = 1 + stc_roll(&dice, 4);
    int64_t in = groups * in_group, out = groups * (1 + stc_roll(&dice, 9));
    int x = stc_example_input(builder, &dice, (stc_shape){2, {in, 7 + stc_roll(&dice, 12)}});
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    char text[96];
    int stride = 1 + stc_roll(&dice, 3), padding = stc_roll(&dice, 3),
        dilation = stc_roll(&dice, 2);
    int used = snprintf(text, sizeof text, "dilation=%d groups=%d ", 1 + dilation, (int)groups);
    if (padding == 2 && stride == 1) {
        snprintf(text + used, sizeof text - (size_t)used, "auto_pad=same");
    } else {
        snprintf(text + used, sizeof text - (size_t)used, "stride=%d padding=%d", stride, padding);
    }
    int c = stc_build(builder, "conv1d", "conv", &x, 1, text);
    stc_shape shape = {3, {out, in_group, 1 + stc_roll(&dice, 3)}};
    stc_build_random(builder, c, "weight", shape, 1.0f, seed);
    if (stc_roll(&dice, 2) > 0) {
        stc_build_random(builder, c, "bias", (stc_shape){1, {out}}, 0.5f, seed);
    }
    return stc_example_finish(builder, &dice, c);
}

const stc_op stc_op_conv1d = {.name = "conv1d",
                              .type = "Conv1d",
                              .help = "one-dimensional convolution of (channels, length)",
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
