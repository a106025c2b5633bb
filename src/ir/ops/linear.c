/* linear.c - fully connected layer along the last axis: y = x W^T + bias. */
#include "../ir.h"
#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "weight", .kind = STC_ATTR_WEIGHT, .required = true, .help = "shape (out, in)"},
    {.name = "bias", .kind = STC_ATTR_WEIGHT, .help = "shape (out)"}};

static int64_t tokens(const stc_node *node)
{
    int64_t count = 1;
    for (int a = 0; a + 1 < node->shape.ndim; a++)
        count *= node->shape.dim[a];
    return count;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    const stc_shape *operand = &in[0]->shape;
    char text[128];
    STC_CHECK(weight->ndim == 2, STC_ERR_INPUT, "weight has %d dimensions, expected 2 (out, in)",
              weight->ndim);
    STC_CHECK(operand->dim[operand->ndim - 1] == weight->dim[1], STC_ERR_INPUT,
              "operand has shape %s, the weight expects %lld channels on the last axis",
              stc_shape_text(operand, text, sizeof text), (long long)weight->dim[1]);
    STC_TRY(stc_check_vector(node, "bias", weight->dim[0], "out-channel"));
    node->shape = *operand;
    node->shape.dim[operand->ndim - 1] = weight->dim[0];
    node->kind = STC_KIND_REAL;
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    stc_folded_rows rows;
    int rc = stc_folded_rows_read(node, &rows);
    int64_t n = tokens(node), channels = node->shape.dim[node->shape.ndim - 1];
    for (int64_t t = 0; t < n && rc == STC_OK; t++) {
        const float *x = e->in[0] + t * rows.columns;
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0.0;
            for (int64_t k = 0; k < rows.columns; k++) {
                sum += (double)rows.weight[c * rows.columns + k] * (double)x[k];
            }
            e->out[t * channels + c] = (float)sum + rows.bias[c];
        }
    }
    stc_folded_rows_free(&rows);
    return rc;
}

static int channel_axis(const stc_node *node)
{
    return node->shape.ndim - 1;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    kernel->kind = STC_KERNEL_ACCUMULATE;
    kernel->u.accumulate.channels = weight->dim[0];
    kernel->u.accumulate.in_channels = weight->dim[1];
    kernel->u.accumulate.groups = 1;
    for (int d = 0; d < 2; d++) {
        kernel->u.accumulate.kernel[d] = 1;
        kernel->u.accumulate.stride[d] = 1;
        kernel->u.accumulate.padding[d] = 0;
        kernel->u.accumulate.dilation[d] = 1;
        kernel->u.accumulate.in_size[d] = d == 0 ? 1 : tokens(node);
        kernel->u.accumulate.out_size[d] = d == 0 ? 1 : tokens(node);
    }
    return STC_OK;
}

static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    (void)in;
    return stc_saturating_product(stc_shape_size(&node->shape),
                                  stc_node_weight(node, "weight")->shape.dim[1]);
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {.ndim = 1 + stc_roll(&dice, 3)};
    for (int a = 0; a < shape.ndim; a++)
        shape.dim[a] = 1 + stc_roll(&dice, 6);
    int64_t width = 1 + stc_roll(&dice, 40);
    shape.dim[shape.ndim - 1] = width;
    int x = stc_example_input(builder, &dice, shape);
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    int y = stc_example_linear(builder, &dice, x, width);
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_linear = {.name = "linear",
                              .type = "Affine",
                              .alias = "Linear",
                              .help = "fully connected layer along the last axis",
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
