/* reduce.c - see reduce.h. */
#include "reduce.h"

#include "common.h"

const stc_attr_spec stc_reduce_attrs[STC_REDUCE_NATTRS] = {
    {.name = "axis",
     .kind = STC_ATTR_INTS,
     .required = true,
     .help = "axes to sum over; negative counts from the end"},
    {.name = "keepdim", .kind = STC_ATTR_BOOL, .help = "keep the summed axes with size 1"}};

int stc_reduce_infer(stc_node *node, const stc_node *operand, int64_t *count)
{
    bool over[STC_MAX_NDIM], keep = stc_node_int(node, "keepdim") != 0;
    STC_TRY(stc_axes(stc_node_attr(node, "axis"), operand->shape.ndim, over));
    node->shape = (stc_shape){.ndim = 0};
    *count = 1;
    for (int a = 0; a < operand->shape.ndim; a++) {
        if (over[a]) *count *= operand->shape.dim[a];
        if (over[a] && !keep) continue;
        node->shape.dim[node->shape.ndim++] = over[a] ? 1 : operand->shape.dim[a];
    }
    STC_CHECK(node->shape.ndim > 0, STC_ERR_INPUT,
              "axis names all %d dimensions; set keepdim to keep one", operand->shape.ndim);
    return STC_OK;
}

int stc_reduce_eval(const stc_node *node, const stc_eval *eval, bool mean)
{
    const stc_shape *shape = &eval->in_node[0]->shape;
    int64_t stride[STC_MAX_NDIM], kept[STC_MAX_NDIM], index[STC_MAX_NDIM] = {0};
    stc_shape outer = *shape, inner = *shape;
    bool over[STC_MAX_NDIM];
    STC_TRY(stc_axes(stc_node_attr(node, "axis"), shape->ndim, over));
    stc_shape_strides(shape, stride);
    for (int a = 0; a < shape->ndim; a++) {
        kept[a] = over[a] ? 0 : stride[a];
        stride[a] = over[a] ? stride[a] : 0;
        if (over[a]) outer.dim[a] = 1;
        if (!over[a]) inner.dim[a] = 1;
    }
    float *out = eval->out, count = (float)stc_shape_size(&inner);
    do {
        const float *in = eval->in[0] + stc_dot_index(shape->ndim, index, kept);
        int64_t k[STC_MAX_NDIM] = {0};
        double sum = 0.0;
        do {
            sum += (double)in[stc_dot_index(shape->ndim, k, stride)];
        } while (stc_next_index(&inner, k));
        *out++ = mean ? (float)sum / count : (float)sum;
    } while (stc_next_index(&outer, index));
    return STC_OK;
}

int stc_reduce_lower(const stc_node *node, const stc_node *operand, bool mean, stc_kernel *kernel)
{
    kernel->kind = STC_KERNEL_REDUCE;
    STC_TRY(stc_axes(stc_node_attr(node, "axis"), operand->shape.ndim, kernel->u.reduce.over));
    kernel->u.reduce.divisor = 1.0;
    for (int a = 0; a < operand->shape.ndim && mean; a++) {
        if (kernel->u.reduce.over[a]) kernel->u.reduce.divisor *= (double)operand->shape.dim[a];
    }
    return STC_OK;
}

int stc_reduce_example(struct stc_builder *builder, uint64_t seed, const char *op)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {.ndim = 2 + stc_roll(&dice, 2)};
    for (int a = 0; a < shape.ndim; a++) {
        shape.dim[a] = stc_roll(&dice, 2) > 0 ? 1 << stc_roll(&dice, 4) : 1 + stc_roll(&dice, 9);
    }
    int x = stc_example_input(builder, &dice, shape);
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    int first = stc_roll(&dice, shape.ndim), second = (first + 1) % shape.ndim;
    if (stc_roll(&dice, 2) > 0) first -= shape.ndim;
    bool both = stc_roll(&dice, 3) == 0, keep = stc_roll(&dice, 2) > 0 || shape.ndim == 2;
    char text[64];
    int used = snprintf(text, sizeof text, "keepdim=%d axis=%d", keep, first);
    if (both) snprintf(text + used, sizeof text - (size_t)used, ",%d", second);
    int y = stc_build(builder, op, "reduced", &x, 1, text);
    return stc_example_finish(builder, &dice, y);
}
