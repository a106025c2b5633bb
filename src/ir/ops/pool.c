/* pool.c - see pool.h. Windows are as in PyTorch: only whole ones, padding on both sides. */
#include "pool.h"

#include <math.h>

#include "../ir.h"
#include "common.h"
#include "conv.h"

const stc_attr_spec stc_pool_attrs[STC_POOL_NATTRS] = {
    {.name = "kernel_size",
     .kind = STC_ATTR_INTS,
     .required = true,
     .check = ">= 1",
     .length = 2,
     .help = "elements, (height, width)"},
    {.name = "stride",
     .kind = STC_ATTR_INTS,
     .check = ">= 1",
     .length = 2,
     .help = "elements, (height, width); kernel_size without"},
    {.name = "padding",
     .kind = STC_ATTR_INTS,
     .initial = 0,
     .check = ">= 0",
     .length = 2,
     .help = "elements on each side, (height, width), at most half of kernel_size"}};

static const int64_t *stride_of(const stc_node *node)
{
    const stc_attr *stride = stc_node_attr(node, "stride");
    return stride->given ? stride->i : stc_node_attr(node, "kernel_size")->i;
}

int stc_pool_infer(stc_node *node, const stc_node *operand, int64_t *count)
{
    static const char *const windows[] = {"pooling window of height", "pooling window of width"};
    const int64_t *kernel = stc_node_attr(node, "kernel_size")->i, *stride = stride_of(node);
    const int64_t *padding = stc_node_attr(node, "padding")->i;
    STC_TRY(stc_check_ndim(operand, 3, "(channels, height, width)"));
    STC_TRY(stc_infer_same(node, operand));
    for (int d = 0; d < 2; d++) {
        STC_CHECK(2 * padding[d] <= kernel[d], STC_ERR_INPUT,
                  "padding is %lld, expected at most half of kernel_size %lld",
                  (long long)padding[d], (long long)kernel[d]);
        STC_TRY(stc_window_count(windows[d], operand->shape.dim[1 + d], kernel[d], stride[d],
                                 padding[d], 1, &node->shape.dim[1 + d]));
    }
    *count = stc_saturating_product(kernel[0], kernel[1]);
    return STC_OK;
}

/* The elements of one window that do not lie in the padding: their largest, and their sum. */
typedef struct {
    float largest;
    double sum;
} window;

static window look(const stc_node *node, const float *plane, const stc_shape *shape, int64_t y,
                   int64_t x)
{
    const int64_t *kernel = stc_node_attr(node, "kernel_size")->i;
    window w = {.largest = -INFINITY};
    for (int64_t iy = y; iy < y + kernel[0]; iy++) {
        for (int64_t ix = x; ix < x + kernel[1]; ix++) {
            if (iy < 0 || iy >= shape->dim[1] || ix < 0 || ix >= shape->dim[2]) continue;
            float value = plane[iy * shape->dim[2] + ix];
            w.largest = value > w.largest ? value : w.largest;
            w.sum += (double)value;
        }
    }
    return w;
}

/* Windows in C order of the output; divisor 0: their largest. */
static int eval_windows(const stc_node *node, const stc_eval *e, float divisor)
{
    const stc_shape *in = &e->in_node[0]->shape;
    const int64_t *stride = stride_of(node), *padding = stc_node_attr(node, "padding")->i;
    float *out = e->out;
    for (int64_t c = 0; c < in->dim[0]; c++) {
        const float *plane = e->in[0] + c * in->dim[1] * in->dim[2];
        for (int64_t y = 0; y < node->shape.dim[1]; y++) {
            for (int64_t x = 0; x < node->shape.dim[2]; x++) {
                window w =
                    look(node, plane, in, y * stride[0] - padding[0], x * stride[1] - padding[1]);
                *out++ = divisor == 0.0f ? w.largest : (float)w.sum / divisor;
            }
        }
    }
    return STC_OK;
}

int stc_pool_eval_sum(const stc_node *node, const stc_eval *eval, bool mean)
{
    const int64_t *kernel = stc_node_attr(node, "kernel_size")->i;
    return eval_windows(node, eval, mean ? (float)((double)kernel[0] * (double)kernel[1]) : 1.0f);
}

int stc_pool_eval_max(const stc_node *node, const stc_eval *eval)
{
    return eval_windows(node, eval, 0.0f);
}

int stc_pool_lower(const stc_node *node, const stc_node *operand, double divisor,
                   stc_kernel *kernel)
{
    kernel->kind = STC_KERNEL_POOL;
    kernel->u.pool.channels = node->shape.dim[0];
    kernel->u.pool.sum = divisor != 0.0;
    kernel->u.pool.divisor = divisor != 0.0 ? divisor : 1.0;
    for (int d = 0; d < 2; d++) {
        kernel->u.pool.kernel[d] = stc_node_attr(node, "kernel_size")->i[d];
        kernel->u.pool.stride[d] = stride_of(node)[d];
        kernel->u.pool.padding[d] = stc_node_attr(node, "padding")->i[d];
        kernel->u.pool.in_size[d] = operand->shape.dim[1 + d];
        kernel->u.pool.out_size[d] = node->shape.dim[1 + d];
    }
    return STC_OK;
}

int stc_pool_example(stc_builder *builder, uint64_t seed, const char *op)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {3,
                       {1 + stc_roll(&dice, 20), 4 + stc_roll(&dice, 6), 4 + stc_roll(&dice, 6)}};
    int x = stc_example_input(builder, &dice, shape);
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    int kernel[2] = {1 + stc_roll(&dice, 4), 1 + stc_roll(&dice, 4)};
    int padding[2] = {stc_roll(&dice, kernel[0] / 2 + 1), stc_roll(&dice, kernel[1] / 2 + 1)};
    char text[128];
    int used = snprintf(text, sizeof text, "kernel_size=%d,%d padding=%d,%d", kernel[0], kernel[1],
                        padding[0], padding[1]);
    if (stc_roll(&dice, 3) > 0) {
        snprintf(text + used, sizeof text - (size_t)used, " stride=%d,%d", 1 + stc_roll(&dice, 3),
                 1 + stc_roll(&dice, 3));
    }
    int y = stc_build(builder, op, "pool", &x, 1, text);
    return stc_example_finish(builder, &dice, y);
}
