/* conv.c - see conv.h. Cross-correlation, as PyTorch and NIR mean it. */
#include "conv.h"

#include <string.h>

#include "../ir.h"
#include "common.h"

enum { MAX_SAME_SPAN = 1 << 30 };

int stc_window_count(const char *what, int64_t in, int64_t kernel, int64_t stride, int64_t padding,
                     int64_t dilation, int64_t *out)
{
    int64_t span = 0, padded = in + 2 * padding;
    bool huge = __builtin_mul_overflow(dilation, kernel - 1, &span) || span >= INT64_MAX / 2;
    span += 1;
    STC_CHECK(!huge && span <= padded, STC_ERR_INPUT,
              "%s %lld (dilation %lld) spans %lld elements, the operand has %lld with padding",
              what, (long long)kernel, (long long)dilation, (long long)span, (long long)padded);
    *out = (padded - span) / stride + 1;
    return STC_OK;
}

enum { AUTO_PAD_NONE, AUTO_PAD_SAME, AUTO_PAD_VALID };

/* Elements before the operand along spatial axis d. Under same, an even kernel has one more behind
 * than before it: the size of the output alone says so. */
static int64_t padding_of(const stc_node *node, int d)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    switch (stc_node_int(node, "auto_pad")) {
    case AUTO_PAD_SAME:
        return stc_node_attr(node, "dilation")->i[d] * (weight->dim[2 + d] - 1) / 2;
    case AUTO_PAD_VALID:
        return 0;
    default:
        return stc_node_attr(node, "padding")->i[d];
    }
}

/* Positions of the window along spatial axis d. */
static int output_size(const stc_node *node, const stc_node *operand, int spatial, int d,
                       int64_t *out)
{
    static const char *const axes[] = {"kernel of height", "kernel of width"};
    const char *what = spatial == 2 ? axes[d] : "kernel of length";
    int64_t in = operand->shape.dim[1 + d], stride = stc_node_attr(node, "stride")->i[d];
    int64_t kernel = stc_node_weight(node, "weight")->shape.dim[2 + d];
    int64_t dilation = stc_node_attr(node, "dilation")->i[d], span;
    if (stc_node_int(node, "auto_pad") != AUTO_PAD_SAME) {
        return stc_window_count(what, in, kernel, stride, padding_of(node, d), dilation, out);
    }
    STC_CHECK(stride == 1, STC_ERR_INPUT, "stride is %lld, expected 1 with padding same",
              (long long)stride);
    STC_CHECK(!__builtin_mul_overflow(dilation, kernel - 1, &span) && span < MAX_SAME_SPAN,
              STC_ERR_INPUT, "%s %lld (dilation %lld) is too large for padding same", what,
              (long long)kernel, (long long)dilation);
    *out = in;
    return STC_OK;
}

stc_conv stc_conv_geometry(const stc_node *node, const stc_node *operand, int spatial)
{
    static const char *const names[] = {"stride", "dilation"};
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    stc_conv conv = {.channels = weight->dim[0],
                     .in_channels = operand->shape.dim[0],
                     .groups = stc_node_int(node, "groups"),
                     .kernel = {1, 1},
                     .stride = {1, 1},
                     .dilation = {1, 1},
                     .in_size = {1, 1},
                     .out_size = {1, 1}};
    int64_t *const lists[] = {conv.stride, conv.dilation};
    for (int d = 0; d < spatial; d++) {
        int to = 2 - spatial + d;
        conv.kernel[to] = weight->dim[2 + d];
        conv.in_size[to] = operand->shape.dim[1 + d];
        conv.out_size[to] = node->shape.dim[1 + d];
        conv.padding[to] = padding_of(node, d);
        for (int k = 0; k < 2; k++)
            lists[k][to] = stc_node_attr(node, names[k])->i[d];
    }
    return conv;
}

static int check_channels(const stc_node *node, const stc_node *operand)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    int64_t groups = stc_node_int(node, "groups"), channels = weight->dim[0];
    int64_t expected = stc_saturating_product(weight->dim[1], groups);
    char text[128], of_groups[64] = "";
    STC_CHECK(channels % groups == 0, STC_ERR_INPUT,
              "groups is %lld, which does not divide the %lld out-channels", (long long)groups,
              (long long)channels);
    if (groups > 1) {
        snprintf(of_groups, sizeof of_groups, " (%lld groups of %lld)", (long long)groups,
                 (long long)weight->dim[1]);
    }
    STC_CHECK(operand->shape.dim[0] == expected, STC_ERR_INPUT,
              "operand has shape %s, the weight expects %lld channels%s",
              stc_shape_text(&operand->shape, text, sizeof text), (long long)expected, of_groups);
    return STC_OK;
}

int stc_conv_infer(stc_node *node, const stc_node *operand, int spatial)
{
    const stc_shape *weight = &stc_node_weight(node, "weight")->shape;
    STC_TRY(stc_check_ndim(operand, 1 + spatial,
                           spatial == 2 ? "(channels, height, width)" : "(channels, length)"));
    STC_CHECK(weight->ndim == 2 + spatial, STC_ERR_INPUT,
              "weight has %d dimensions, expected %d %s", weight->ndim, 2 + spatial,
              spatial == 2 ? "(out, in, height, width)" : "(out, in, length)");
    STC_TRY(check_channels(node, operand));
    STC_TRY(stc_check_vector(node, "bias", weight->dim[0], "out-channel"));
    STC_CHECK(stc_node_int(node, "auto_pad") == AUTO_PAD_NONE ||
                  !stc_node_attr(node, "padding")->given,
              STC_ERR_INPUT, "both padding and auto_pad are given; give one of them");
    node->shape = (stc_shape){.ndim = 1 + spatial, .dim = {weight->dim[0]}};
    node->kind = STC_KIND_REAL;
    for (int d = 0; d < spatial; d++) {
        STC_TRY(output_size(node, operand, spatial, d, &node->shape.dim[1 + d]));
    }
    return STC_OK;
}

/* Sum over the window of one output element. */
static double sum_window(const stc_conv *conv, const float *row, const float *in, int64_t group,
                         int64_t y, int64_t x, const float *pad_values)
{
    int64_t per_group = conv->in_channels / conv->groups;
    double sum = 0.0;
    for (int64_t ky = 0; ky < conv->kernel[0]; ky++) {
        for (int64_t kx = 0; kx < conv->kernel[1]; kx++) {
            int64_t iy = y * conv->stride[0] + ky * conv->dilation[0] - conv->padding[0];
            int64_t ix = x * conv->stride[1] + kx * conv->dilation[1] - conv->padding[1];
            bool inside = iy >= 0 && iy < conv->in_size[0] && ix >= 0 && ix < conv->in_size[1];
            for (int64_t k = 0; k < per_group; k++) {
                int64_t channel = group * per_group + k;
                float value = pad_values == NULL ? 0.0f : pad_values[channel];
                if (inside) value = in[(channel * conv->in_size[0] + iy) * conv->in_size[1] + ix];
                float weight = row[(k * conv->kernel[0] + ky) * conv->kernel[1] + kx];
                sum += (double)weight * (double)value;
            }
        }
    }
    return sum;
}

int stc_conv_eval(const stc_node *node, const stc_eval *eval, int spatial, const float *pad_values)
{
    stc_conv conv = stc_conv_geometry(node, eval->in_node[0], spatial);
    stc_folded_rows rows;
    int rc = stc_folded_rows_read(node, &rows);
    int64_t channels = rc < 0 ? 0 : conv.channels;
    float *out = eval->out;
    for (int64_t c = 0; c < channels; c++) {
        const float *row = rows.weight + c * rows.columns;
        int64_t group = c / (conv.channels / conv.groups);
        for (int64_t y = 0; y < conv.out_size[0]; y++) {
            for (int64_t x = 0; x < conv.out_size[1]; x++) {
                float sum = (float)sum_window(&conv, row, eval->in[0], group, y, x, pad_values);
                *out++ = sum + rows.bias[c];
            }
        }
    }
    stc_folded_rows_free(&rows);
    return rc;
}

/* Pairs of output position and kernel position along one axis that do not lie in the padding. */
static int64_t pairs_inside(const stc_conv *conv, int d)
{
    int64_t pairs = 0;
    for (int64_t k = 0; k < conv->kernel[d]; k++) {
        /* outputs o with 0 <= o * stride + shift < in_size */
        int64_t shift = k * conv->dilation[d] - conv->padding[d];
        int64_t first = shift >= 0 ? 0 : (-shift + conv->stride[d] - 1) / conv->stride[d];
        int64_t room = conv->in_size[d] - 1 - shift;
        int64_t last = room < 0 ? -1 : room / conv->stride[d];
        if (last >= conv->out_size[d]) last = conv->out_size[d] - 1;
        if (last >= first) pairs += last - first + 1;
    }
    return pairs;
}

int64_t stc_conv_macs(const stc_conv *conv)
{
    int64_t positions = stc_saturating_product(pairs_inside(conv, 0), pairs_inside(conv, 1));
    int64_t channels = stc_saturating_product(conv->channels, conv->in_channels / conv->groups);
    return stc_saturating_product(positions, channels);
}

int stc_conv_lower(const stc_conv *conv, stc_kernel *kernel)
{
    kernel->kind = STC_KERNEL_ACCUMULATE;
    kernel->u.accumulate.channels = conv->channels;
    kernel->u.accumulate.in_channels = conv->in_channels;
    kernel->u.accumulate.groups = conv->groups;
    for (int d = 0; d < 2; d++) {
        kernel->u.accumulate.kernel[d] = conv->kernel[d];
        kernel->u.accumulate.stride[d] = conv->stride[d];
        kernel->u.accumulate.padding[d] = conv->padding[d];
        kernel->u.accumulate.dilation[d] = conv->dilation[d];
        kernel->u.accumulate.in_size[d] = conv->in_size[d];
        kernel->u.accumulate.out_size[d] = conv->out_size[d];
    }
    return STC_OK;
}
