/* sim_tensors.h - words in which the random networks of the tests are written: nodes with their
 * shapes, layers with random weights. Weights are multiples of small powers of two. */
#ifndef STC_TESTS_SIM_TENSORS_H
#define STC_TESTS_SIM_TENSORS_H

#include "sim_networks.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- tensors: a node and its shape ---- */

typedef struct {
    stc_builder *builder;
    uint64_t seed, drawn;
} random_net;

typedef struct {
    int node;
    stc_shape shape;
} tensor;

/* In [0, n). */
static inline int roll(random_net *net, int n)
{
    return (int)(stc_random_u32(net->seed, 4711, net->drawn++) % (uint32_t)n);
}

static inline bool one_in(random_net *net, int of)
{
    return roll(net, of) == 0;
}

/* "1,2,3" */
static const char *list(const stc_shape *shape, char text[96])
{
    int used = 0;
    for (int a = 0; a < shape->ndim; a++) {
        used += snprintf(text + used, 96 - (size_t)used, "%s%lld", a ? "," : "",
                         (long long)shape->dim[a]);
    }
    return text;
}

static inline tensor node(random_net *net, const char *op, const char *name, const tensor *in,
                          int nin, const char *format, ...)
{
    char attributes[256];
    int inputs[8];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(attributes, sizeof attributes, format, arguments);
    va_end(arguments);
    for (int i = 0; i < nin; i++)
        inputs[i] = in[i].node;
    tensor out = {.node = stc_build(net->builder, op, name, inputs, nin, attributes)};
    if (nin > 0) out.shape = in[0].shape;
    return out;
}

/* Multiples of unit between -most and most units; a third of them 0. */
static inline void give(random_net *net, tensor x, const char *attribute, stc_shape shape, int most,
                        float unit)
{
    int64_t size = stc_shape_size(&shape);
    float *values = stc_alloc(size, sizeof *values);
    for (int64_t i = 0; values && i < size; i++) {
        values[i] = one_in(net, 3) ? 0.0f : (float)(roll(net, 2 * most + 1) - most) * unit;
    }
    if (values) stc_build_weight(net->builder, x.node, attribute, shape, values);
    stc_free(values);
}

static inline tensor input(random_net *net, const char *name, const char *kind, stc_shape shape)
{
    char text[96];
    tensor x = node(net, "input", name, NULL, 0, "kind=%s shape=%s", kind, list(&shape, text));
    x.shape = shape;
    return x;
}

static inline tensor output(random_net *net, const char *name, tensor x)
{
    return node(net, "output", name, &x, 1, "");
}

typedef struct {
    int64_t channels, groups, kernel, stride, padding, dilation;
    bool pad_values;
} window;

static inline tensor conv2d(random_net *net, tensor x, window w)
{
    tensor y = node(net, "conv2d", NULL, &x, 1, "stride=%d padding=%d dilation=%d groups=%d",
                    (int)w.stride, (int)w.padding, (int)w.dilation, (int)w.groups);
    int64_t in = x.shape.dim[0];
    give(net, y, "weight", (stc_shape){4, {w.channels, in / w.groups, w.kernel, w.kernel}}, 8,
         0.125f);
    if (one_in(net, 2)) give(net, y, "bias", (stc_shape){1, {w.channels}}, 4, 0.125f);
    if (w.pad_values) give(net, y, "pad_value", (stc_shape){1, {in}}, 4, 0.25f);
    y.shape.dim[0] = w.channels;
    for (int a = 1; a < 3; a++) {
        int64_t span = (w.kernel - 1) * w.dilation + 1;
        y.shape.dim[a] = (x.shape.dim[a] + 2 * w.padding - span) / w.stride + 1;
    }
    return y;
}

/* A kernel that keeps height and width; groups and pad values as they come. */
static inline tensor same_conv2d(random_net *net, tensor x, int64_t channels, int64_t groups)
{
    bool wide = one_in(net, 2);
    return conv2d(net, x,
                  (window){.channels = channels,
                           .groups = groups,
                           .kernel = 3,
                           .stride = 1,
                           .padding = wide ? 2 : 1,
                           .dilation = wide ? 2 : 1,
                           .pad_values = one_in(net, 2)});
}

static inline tensor conv1d(random_net *net, tensor x, int64_t channels, int64_t groups)
{
    tensor y = node(net, "conv1d", NULL, &x, 1, "groups=%d", (int)groups);
    give(net, y, "weight", (stc_shape){3, {channels, x.shape.dim[0] / groups, 1}}, 8, 0.125f);
    y.shape.dim[0] = channels;
    return y;
}

static inline tensor linear(random_net *net, tensor x, int64_t channels)
{
    tensor y = node(net, "linear", NULL, &x, 1, "");
    int last = x.shape.ndim - 1;
    give(net, y, "weight", (stc_shape){2, {channels, x.shape.dim[last]}}, 8, 0.125f);
    if (one_in(net, 2)) give(net, y, "bias", (stc_shape){1, {channels}}, 4, 0.125f);
    y.shape.dim[last] = channels;
    return y;
}

static inline tensor norm(random_net *net, tensor x, int axis)
{
    tensor y = node(net, "batch_norm", NULL, &x, 1, "eps=0 axis=%d", axis);
    stc_shape channels = {1, {x.shape.dim[axis]}};
    float *variance = stc_alloc(channels.dim[0], sizeof *variance);
    for (int64_t c = 0; variance && c < channels.dim[0]; c++) {
        variance[c] = one_in(net, 2) ? 0.25f : 1.0f; /* squares of powers of two */
    }
    if (variance) stc_build_weight(net->builder, y.node, "running_var", channels, variance);
    stc_free(variance);
    give(net, y, "weight", channels, 4, 0.25f);
    give(net, y, "bias", channels, 8, 0.125f);
    give(net, y, "running_mean", channels, 4, 0.25f);
    return y;
}

/* Spikes, or counts up to 4 that are worth a quarter. */
static inline tensor lif(random_net *net, const char *name, tensor x)
{
    static const char *const forms[] = {
        "v_threshold=0.5",
        "v_threshold=0.5 soft_reset=1",
        "v_threshold=1 tau=1",
        "v_threshold=0.5 decay_input=0 compare=gt",
        "v_threshold=0.5 max_count=4 output_scale=0.25",
        "v_threshold=0.25 max_count=4 output_scale=0.25 soft_reset=1 rounding=half_up",
        "v_threshold=0.5 v_reset=-0.5 v0=0.25",
        "v_threshold=0.5 output_scale=-0.5"};
    return node(net, "discrete_lif", name, &x, 1, "%s", forms[roll(net, 8)]);
}

/* Bits, as attention wants them. */
static inline tensor bits(random_net *net, tensor x)
{
    return node(net, "discrete_lif", NULL, &x, 1, "v_threshold=0.5");
}

static inline tensor pool(random_net *net, tensor x, int64_t kernel, int64_t stride,
                          int64_t padding)
{
    tensor y = node(net, "max_pool2d", NULL, &x, 1, "kernel_size=%d stride=%d padding=%d",
                    (int)kernel, (int)stride, (int)padding);
    for (int a = 1; a < 3; a++) {
        y.shape.dim[a] = (x.shape.dim[a] + 2 * padding - kernel) / stride + 1;
    }
    return y;
}

static inline tensor add(random_net *net, tensor a, tensor b)
{
    return node(net, "add", NULL, (tensor[]){a, b}, 2, "");
}

static inline tensor mul(random_net *net, tensor a, tensor b)
{
    tensor y = node(net, "mul", NULL, (tensor[]){a, b}, 2, "");
    stc_shape_broadcast(&a.shape, &b.shape, &y.shape);
    return y;
}

static inline tensor matmul(random_net *net, tensor a, bool transpose_a, tensor b, bool transpose_b)
{
    tensor y = node(net, "matmul", NULL, (tensor[]){a, b}, 2, "transpose_a=%d transpose_b=%d",
                    transpose_a, transpose_b);
    int n = a.shape.ndim;
    y.shape.dim[n - 2] = a.shape.dim[transpose_a ? n - 1 : n - 2];
    y.shape.dim[n - 1] = b.shape.dim[transpose_b ? n - 2 : n - 1];
    return y;
}

static inline tensor reduce(random_net *net, const char *op, tensor x, int axis, bool keep)
{
    tensor y = node(net, op, NULL, &x, 1, "axis=%d keepdim=%d", axis, keep);
    y.shape.dim[axis] = 1;
    if (keep) return y;
    y.shape = (stc_shape){.ndim = 0};
    for (int a = 0; a < x.shape.ndim; a++) {
        if (a != axis) y.shape.dim[y.shape.ndim++] = x.shape.dim[a];
    }
    return y;
}

static inline tensor reshape(random_net *net, tensor x, stc_shape shape)
{
    char text[96];
    tensor y = node(net, "reshape", NULL, &x, 1, "shape=%s", list(&shape, text));
    y.shape = shape;
    return y;
}

static inline tensor permute(random_net *net, tensor x, int a, int b, int c)
{
    int perm[] = {a, b, c};
    tensor y = node(net, "permute", NULL, &x, 1, c < 0 ? "perm=%d,%d" : "perm=%d,%d,%d", a, b, c);
    for (int d = 0; d < x.shape.ndim; d++)
        y.shape.dim[d] = x.shape.dim[perm[d]];
    return y;
}

static inline tensor slice(random_net *net, tensor x, int axis, int64_t start, int64_t count,
                           int64_t step)
{
    tensor y = node(net, "slice", NULL, &x, 1, "axis=%d start=%d stop=%d step=%d", axis, (int)start,
                    (int)(start + (count - 1) * step + 1), (int)step);
    y.shape.dim[axis] = count;
    return y;
}

static inline tensor scale(random_net *net, tensor x, double factor)
{
    return node(net, "scale", NULL, &x, 1, "factor=%.17g", factor);
}

static inline tensor scale_channels(random_net *net, tensor x, int axis)
{
    tensor y = node(net, "scale", NULL, &x, 1, "axis=%d", axis);
    give(net, y, "scale", (stc_shape){1, {x.shape.dim[axis]}}, 6, 0.25f);
    return y;
}

/* Values of any kind: real multiples of 1/8 come from the input of kind real. */
static inline tensor any_input(random_net *net, const char *name, stc_shape shape)
{
    static const char *const kinds[] = {"real", "bits", "counts max=3", "counts max=300"};
    return input(net, name, kinds[roll(net, 4)], shape);
}

/* ---- loops ---- */

/* The values of 1 to 4 steps ago, of every element the same or not. */
static inline tensor delay(random_net *net, tensor x)
{
    tensor y = node(net, "delay", NULL, &x, 1, "dt=0.001 delay=0.00%d", 1 + roll(net, 3));
    if (!one_in(net, 2)) return y;
    int64_t size = stc_shape_size(&x.shape);
    float *seconds = stc_alloc(size, sizeof *seconds);
    for (int64_t i = 0; seconds && i < size; i++)
        seconds[i] = 0.001f * (float)(1 + roll(net, 4));
    if (seconds) stc_build_weight(net->builder, y.node, "delay", x.shape, seconds);
    stc_free(seconds);
    return y;
}

/* A sum that others join later. */
static inline tensor open_sum(random_net *net, tensor x)
{
    return node(net, "add", NULL, &x, 1, "");
}

static inline void join(random_net *net, tensor sum, tensor x)
{
    stc_build_connect(net->builder, sum.node, x.node);
}

#endif
