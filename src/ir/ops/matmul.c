/* matmul.c - product of two computed matrices, batched over the leading axes. */
#include "../ir.h"
#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "transpose_a",
     .kind = STC_ATTR_BOOL,
     .help = "the first operand is stored as (..., inner, rows)"},
    {.name = "transpose_b",
     .kind = STC_ATTR_BOOL,
     .help = "the second operand is stored as (..., columns, inner)"}};

typedef struct {
    int64_t batch, rows, inner, columns;
} sizes;

static sizes get_sizes(const stc_node *node, const stc_shape *a)
{
    bool transposed = stc_node_int(node, "transpose_a") != 0;
    const int64_t *last = &node->shape.dim[node->shape.ndim - 2];
    sizes s = {.batch = 1, .rows = last[0], .columns = last[1]};
    s.inner = a->dim[a->ndim - (transposed ? 2 : 1)];
    for (int d = 0; d + 2 < node->shape.ndim; d++)
        s.batch *= node->shape.dim[d];
    return s;
}

static int check_shapes(const stc_node *node, const stc_shape *a, const stc_shape *b)
{
    char first[128], other[128];
    bool leading = a->ndim == b->ndim && a->ndim >= 2;
    for (int d = 0; leading && d + 2 < a->ndim; d++)
        leading = a->dim[d] == b->dim[d];
    stc_shape_text(a, first, sizeof first);
    stc_shape_text(b, other, sizeof other);
    STC_CHECK(leading, STC_ERR_INPUT,
              "operands have shapes %s and %s, expected two or more dimensions with equal leading "
              "ones",
              first, other);
    bool ta = stc_node_int(node, "transpose_a") != 0, tb = stc_node_int(node, "transpose_b") != 0;
    int64_t inner_a = a->dim[a->ndim - (ta ? 2 : 1)], inner_b = b->dim[b->ndim - (tb ? 1 : 2)];
    STC_CHECK(inner_a == inner_b, STC_ERR_INPUT,
              "operands have shapes %s%s and %s%s, so the inner sizes are %lld and %lld; they must "
              "be equal",
              first, ta ? " transposed" : "", other, tb ? " transposed" : "", (long long)inner_a,
              (long long)inner_b);
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_shape *a = &in[0]->shape, *b = &in[1]->shape;
    STC_TRY(check_shapes(node, a, b));
    int n = a->ndim;
    node->shape = *a;
    node->shape.dim[n - 2] = a->dim[stc_node_int(node, "transpose_a") != 0 ? n - 1 : n - 2];
    node->shape.dim[n - 1] = b->dim[stc_node_int(node, "transpose_b") != 0 ? n - 2 : n - 1];
    node->kind = stc_sum_kind(stc_kind_mul(in[0]->kind, in[1]->kind), get_sizes(node, a).inner);
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    sizes s = get_sizes(node, &e->in_node[0]->shape);
    bool ta = stc_node_int(node, "transpose_a") != 0, tb = stc_node_int(node, "transpose_b") != 0;
    int64_t a_row = ta ? 1 : s.inner, a_inner = ta ? s.rows : 1;
    int64_t b_inner = tb ? 1 : s.columns, b_column = tb ? s.inner : 1;
    float *out = e->out;
    for (int64_t batch = 0; batch < s.batch; batch++) {
        const float *a = e->in[0] + batch * s.rows * s.inner;
        const float *b = e->in[1] + batch * s.inner * s.columns;
        for (int64_t i = 0; i < s.rows; i++) {
            for (int64_t j = 0; j < s.columns; j++) {
                double sum = 0.0;
                for (int64_t k = 0; k < s.inner; k++) {
                    sum +=
                        (double)a[i * a_row + k * a_inner] * (double)b[k * b_inner + j * b_column];
                }
                *out++ = (float)sum;
            }
        }
    }
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    sizes s = get_sizes(node, &in[0]->shape);
    kernel->kind = STC_KERNEL_MATMUL;
    kernel->u.matmul.batch = s.batch;
    kernel->u.matmul.rows = s.rows;
    kernel->u.matmul.inner = s.inner;
    kernel->u.matmul.columns = s.columns;
    return STC_OK;
}

static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    return stc_saturating_product(stc_shape_size(&node->shape),
                                  get_sizes(node, &in[0]->shape).inner);
}

/* Attention-like: two operands, often spikes, seen directly or as heads of a (tokens, channels)
 * tensor. */
static int operand(stc_builder *builder, stc_dice *dice, int64_t batch, int64_t rows,
                   int64_t columns)
{
    bool heads = stc_roll(dice, 2) > 0;
    stc_shape shape = {3, {batch, rows, columns}};
    if (heads) shape = (stc_shape){2, {rows, batch * columns}};
    int x = stc_example_input(builder, dice, shape);
    if (stc_roll(dice, 2) > 0) x = stc_example_neuron(builder, x);
    if (!heads) return x;
    char text[96];
    snprintf(text, sizeof text, "shape=%lld,%lld,%lld", (long long)rows, (long long)batch,
             (long long)columns);
    x = stc_build(builder, "reshape", NULL, &x, 1, text);
    return stc_build(builder, "permute", NULL, &x, 1, "perm=1,0,2");
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t batch = 1 + stc_roll(&dice, 4), rows = 1 + stc_roll(&dice, 12);
    int64_t inner = 1 + stc_roll(&dice, 12), columns = 1 + stc_roll(&dice, 12);
    bool ta = stc_roll(&dice, 2) > 0, tb = stc_roll(&dice, 2) > 0;
    int operands[2];
    operands[0] = operand(builder, &dice, batch, ta ? inner : rows, ta ? rows : inner);
    operands[1] = operand(builder, &dice, batch, tb ? columns : inner, tb ? inner : columns);
    char text[64];
    snprintf(text, sizeof text, "transpose_a=%d transpose_b=%d", ta, tb);
    int y = stc_build(builder, "matmul", "product", operands, 2, text);
    if (stc_roll(&dice, 2) > 0) y = stc_build(builder, "scale", NULL, &y, 1, "factor=0.125");
    return stc_example_finish(builder, &dice, y);
}

const stc_op stc_op_matmul = {.name = "matmul",
                              .type = "MatMul",
                              .help = "matrix product of two operands",
                              .op_class = STC_CLASS_DIRECT,
                              .min_inputs = 2,
                              .max_inputs = 2,
                              .ordered = true,
                              .attrs = attrs,
                              .nattrs = sizeof attrs / sizeof attrs[0],
                              .infer = infer,
                              .eval = eval,
                              .lower = lower,
                              .macs = macs,
                              .example = example};
