/* common.c - see common.h. */
#include "common.h"

#include <math.h>
#include <string.h>

#include "../ir.h"

int stc_axis(const char *attribute, int64_t axis, int ndim, int *out)
{
    STC_CHECK(axis >= -ndim && axis < ndim, STC_ERR_INPUT,
              "%s is %lld, the operand has %d dimensions", attribute, (long long)axis, ndim);
    *out = (int)(axis < 0 ? axis + ndim : axis);
    return STC_OK;
}

int stc_axes(const stc_attr *axes, int ndim, bool over[STC_MAX_NDIM])
{
    for (int a = 0; a < STC_MAX_NDIM; a++)
        over[a] = false;
    for (int k = 0; k < axes->n; k++) {
        int a = 0;
        STC_TRY(stc_axis("axis", axes->i[k], ndim, &a));
        STC_CHECK(!over[a], STC_ERR_INPUT, "axis names dimension %d twice", a);
        over[a] = true;
    }
    return STC_OK;
}

int stc_check_vector(const stc_node *node, const char *attribute, int64_t n, const char *what)
{
    const stc_weight *weight = stc_node_weight(node, attribute);
    if (weight == NULL) return STC_OK;
    char text[128];
    STC_CHECK(weight->shape.ndim == 1 && weight->shape.dim[0] == n, STC_ERR_INPUT,
              "%s has shape %s, expected (%lld), one value per %s", attribute,
              stc_shape_text(&weight->shape, text, sizeof text), (long long)n, what);
    return STC_OK;
}

int stc_check_ndim(const stc_node *operand, int ndim, const char *what)
{
    char text[128];
    STC_CHECK(operand->shape.ndim == ndim, STC_ERR_INPUT,
              "operand has shape %s, expected %d dimensions %s",
              stc_shape_text(&operand->shape, text, sizeof text), ndim, what);
    return STC_OK;
}

int stc_infer_same(stc_node *node, const stc_node *operand)
{
    node->shape = operand->shape;
    node->kind = operand->kind;
    return STC_OK;
}

stc_kind stc_exact_kind(stc_kind kind)
{
    return kind.max > INT64_C(1) << 24 ? STC_KIND_REAL : kind;
}

stc_kind stc_sum_kind(stc_kind kind, int64_t count)
{
    if (stc_kind_is_real(kind)) return STC_KIND_REAL;
    int64_t max = stc_saturating_product(kind.max, count);
    return stc_exact_kind((stc_kind){.unit = kind.unit, .max = max});
}

static int read_reshaped_double(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    int64_t row = stc_weight_row_size(weight);
    return stc_weight_elements(weight->source, first * row, count * row, out);
}

static int read_reshaped(const stc_weight *weight, int64_t first, int64_t count, float *out)
{
    int64_t size = count * stc_weight_row_size(weight);
    double *values = stc_alloc(size, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = read_reshaped_double(weight, first, count, values);
    for (int64_t k = 0; k < size && rc == STC_OK; k++)
        out[k] = (float)values[k];
    stc_free(values);
    return rc;
}

stc_weight stc_weight_reshaped(const stc_weight *weight, stc_shape shape)
{
    return (stc_weight){.label = weight->label,
                        .shape = shape,
                        .read = read_reshaped,
                        .read_double = read_reshaped_double,
                        .source = weight};
}

int stc_reshape_attr(stc_graph *graph, stc_attr *attr, stc_shape shape)
{
    if (attr->weight == NULL) return STC_OK;
    stc_weight *weight = stc_arena_alloc(graph->arena, 1, sizeof *weight);
    if (weight == NULL) return STC_ERR_NOMEM;
    *weight = stc_weight_reshaped(attr->weight, shape);
    attr->weight = weight;
    return STC_OK;
}

/* A reshape node, named after the one that it is for. Returns its index. */
static int add_reshape(stc_graph *graph, const stc_node *node, const char *ending, int32_t operand,
                       stc_shape shape)
{
    char name[256];
    const char *like = strlen(node->name) < sizeof name / 2 ? node->name : node->op->name;
    int length = snprintf(name, sizeof name, "%s.%s", like, ending);
    for (int k = 1; stc_graph_find(graph, name) >= 0; k++)
        snprintf(name + length, sizeof name - (size_t)length, "%d", k);
    const stc_op *reshape = stc_op_find("reshape");
    int index = stc_graph_add(graph, name, reshape, 1, &operand);
    if (index < 0) return index;
    stc_attr *attr = &graph->nodes[index]->attrs[stc_op_attr(reshape, "shape")];
    attr->given = true;
    attr->n = shape.ndim;
    for (int a = 0; a < shape.ndim; a++)
        attr->i[a] = shape.dim[a];
    return index;
}

int stc_reshape_around(stc_graph *graph, int32_t index, stc_shape operand)
{
    stc_node *node = graph->nodes[index];
    int before = add_reshape(graph, node, "operand", node->inputs[0], operand);
    if (before < 0) return before;
    int after = add_reshape(graph, node, "shape", index, node->shape);
    if (after < 0) return after;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        for (int k = 0; k < graph->nodes[i]->ninputs && i != after; k++) {
            if (graph->nodes[i]->inputs[k] == index) graph->nodes[i]->inputs[k] = after;
        }
    }
    node->inputs[0] = before;
    return STC_OK;
}

int64_t stc_step_of(double ms, double dt)
{
    double step = nearbyint(ms / dt);
    if (step < 0.0) return 0;
    return step < 9e15 ? (int64_t)step : INT64_MAX;
}

uint64_t stc_name_key(const char *name)
{
    uint64_t key = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != 0; c++)
        key = (key ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return key;
}

bool stc_next_index(const stc_shape *shape, int64_t *index)
{
    for (int a = shape->ndim - 1; a >= 0; a--) {
        if (++index[a] < shape->dim[a]) return true;
        index[a] = 0;
    }
    return false;
}

int64_t stc_dot_index(int ndim, const int64_t *index, const int64_t *stride)
{
    int64_t sum = 0;
    for (int a = 0; a < ndim; a++)
        sum += index[a] * stride[a];
    return sum;
}

void stc_copy_strided(const stc_shape *shape, const float *in, int64_t offset,
                      const int64_t *stride, float *out)
{
    int64_t index[STC_MAX_NDIM] = {0};
    do {
        *out++ = in[offset + stc_dot_index(shape->ndim, index, stride)];
    } while (stc_next_index(shape, index));
}

void stc_broadcast_strides(const stc_shape *tensor, const stc_shape *to,
                           int64_t stride[STC_MAX_NDIM])
{
    int64_t own[STC_MAX_NDIM];
    int missing = to->ndim - tensor->ndim;
    stc_shape_strides(tensor, own);
    for (int a = 0; a < to->ndim; a++) {
        bool repeated = a < missing || tensor->dim[a - missing] == 1;
        stride[a] = repeated ? 0 : own[a - missing];
    }
}

int stc_eval_affine(const stc_node *node, const stc_eval *eval)
{
    int axis = node->op->channel_axis(node);
    int64_t channels = axis < 0 ? 1 : node->shape.dim[axis], inner = 1;
    for (int a = axis + 1; axis >= 0 && a < node->shape.ndim; a++)
        inner *= node->shape.dim[a];
    double *scale = stc_alloc(2 * channels, sizeof *scale);
    if (scale == NULL) return STC_ERR_NOMEM;
    double *shift = scale + channels;
    int rc = node->op->affine(node, 0, channels, scale, shift);
    int64_t size = rc < 0 ? 0 : stc_shape_size(&node->shape);
    for (int64_t k = 0; k < size; k++) {
        int64_t c = k / inner % channels;
        float offset = (float)shift[c];
        eval->out[k] = (float)scale[c] * eval->in[0][k];
        if (offset != 0.0f) eval->out[k] += offset;
    }
    stc_free(scale);
    return rc;
}

int stc_folded_rows_read(const stc_node *node, stc_folded_rows *rows)
{
    const stc_weight *weight = stc_node_weight(node, "weight");
    int64_t count = weight->shape.dim[0];
    *rows = (stc_folded_rows){.columns = stc_weight_row_size(weight)};
    rows->weight = stc_alloc(count * rows->columns, sizeof *rows->weight);
    rows->bias = stc_alloc(count, sizeof *rows->bias);
    rows->exponent = stc_alloc(count, sizeof *rows->exponent);
    if (rows->weight == NULL || rows->bias == NULL || rows->exponent == NULL) return STC_ERR_NOMEM;
    return stc_fold_rows(node, 0, count, rows->weight, rows->exponent, rows->bias);
}

void stc_folded_rows_free(stc_folded_rows *rows)
{
    stc_free(rows->weight);
    stc_free(rows->bias);
    stc_free(rows->exponent);
}

int stc_roll(stc_dice *dice, int n)
{
    return (int)(stc_random_u32(dice->seed, UINT32_C(0xd1ce), dice->drawn++) % (uint32_t)n);
}

int stc_example_input(stc_builder *builder, stc_dice *dice, stc_shape shape)
{
    static const char *const kinds[] = {"real",         "bits",           "bits",
                                        "counts max=3", "counts max=200", "counts max=1000"};
    char text[160];
    size_t used = (size_t)snprintf(text, sizeof text, "kind=%s shape=", kinds[stc_roll(dice, 6)]);
    for (int a = 0; a < shape.ndim && used < sizeof text; a++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", a == 0 ? "" : ",",
                                 (long long)shape.dim[a]);
    }
    return stc_build(builder, "input", NULL, NULL, 0, text);
}

/* The threshold of attention neurons: one input bit reaches it exactly. */
int stc_example_neuron(stc_builder *builder, int operand)
{
    return stc_build(builder, "discrete_lif", NULL, &operand, 1, "v_threshold=0.5");
}

int stc_example_linear(stc_builder *builder, stc_dice *dice, int operand, int64_t width)
{
    int64_t out = 1 + stc_roll(dice, 20);
    int node = stc_build(builder, "linear", NULL, &operand, 1, "");
    stc_build_random(builder, node, "weight", (stc_shape){2, {out, width}}, 1.0f, dice->seed);
    stc_build_random(builder, node, "bias", (stc_shape){1, {out}}, 0.5f, dice->seed);
    return node;
}

int stc_example_finish(stc_builder *builder, stc_dice *dice, int last)
{
    if (stc_roll(dice, 4) > 0) last = stc_example_neuron(builder, last);
    stc_build_time_steps(builder, 1 + stc_roll(dice, 4));
    int output = stc_build(builder, "output", "out", &last, 1, "");
    return output < 0 ? output : STC_OK;
}
