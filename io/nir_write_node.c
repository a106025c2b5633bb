/* nir_write_node.c - the parameters of one primitive. NIR's readers want arrays of the shape of the
 * node where a number would do, and all parameters but metadata. Reading order: numbers, weights,
 * neurons, the table of types. */
#include "nir_write.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

static int put_shape(hid_t group, const char *name, const stc_shape *shape, int skip)
{
    return stc_h5_put(group, name, H5T_NATIVE_INT64, shape->ndim - skip, shape->dim + skip);
}

/* Integers of an attribute as n values, or as one scalar. */
static int put_ints(hid_t group, const stc_node *node, const char *name, int n)
{
    return stc_h5_put(group, name, H5T_NATIVE_INT64, n, stc_node_attr(node, name)->i);
}

/* Values of any shape, as float32 where that holds them all. */
static int put_values(hid_t group, const char *name, const stc_shape *shape, const double *values)
{
    int64_t size = stc_shape_size(shape);
    bool narrow = true;
    for (int64_t k = 0; k < size && narrow; k++)
        narrow = (double)(float)values[k] == values[k];
    stc_h5_data data;
    STC_TRY(stc_h5_data_create(group, name, narrow ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE,
                               shape->ndim, shape->dim, &data));
    int rc = stc_h5_data_write(&data, NULL, NULL, H5T_NATIVE_DOUBLE, values);
    stc_h5_close(&data.id);
    return rc;
}

/* ---- weights ---- */

/* All elements as float64; stc_free them. */
static int read_all(const stc_weight *weight, double **out)
{
    int64_t rows = weight->shape.ndim ? weight->shape.dim[0] : 1;
    int64_t size = weight->shape.ndim ? stc_shape_size(&weight->shape) : 1;
    double *values = stc_alloc(size, sizeof(*values));
    float *narrow = weight->read_double ? NULL : stc_alloc(size, sizeof(*narrow));
    int rc = values && (narrow || weight->read_double) ? 0 : STC_ERR_NOMEM;
    if (rc == 0 && weight->read_double) rc = weight->read_double(weight, 0, rows, values);
    if (rc == 0 && narrow) rc = weight->read(weight, 0, rows, narrow);
    for (int64_t k = 0; k < size && rc == 0 && narrow; k++)
        values[k] = (double)narrow[k];
    stc_free(narrow);
    if (rc < 0) stc_free(values);
    *out = rc < 0 ? NULL : values;
    return rc;
}

/* Multiply a constant into rows and bias, in float64 as the compiler does. */
static int fold_in(const stc_node *affine, int64_t rows, int64_t columns, double *weight,
                   double *bias)
{
    double *scale = stc_alloc(2 * rows, sizeof(*scale)), *shift = scale + rows;
    bool same = affine->op->channel_axis(affine) < 0;
    int rc = scale ? affine->op->affine(affine, 0, same ? 1 : rows, scale, shift) : STC_ERR_NOMEM;
    for (int64_t r = 0; r < rows && rc == 0; r++) {
        int64_t from = same ? 0 : r;
        for (int64_t k = 0; k < columns; k++)
            weight[r * columns + k] *= scale[from];
        bias[r] = bias[r] * scale[from] + shift[from];
    }
    stc_free(scale);
    return rc;
}

/* Weight and bias with everything that is folded into them. */
static int read_rows(const stc_node *node, const stc_nir_plan *plan, double **weight, double **bias)
{
    const stc_weight *stored = stc_node_weight(node, "weight");
    const stc_weight *offset = stc_node_weight(node, "bias");
    int64_t rows = stored->shape.dim[0], columns = stc_weight_row_size(stored);
    *bias = NULL;
    STC_TRY(read_all(stored, weight));
    int rc = 0;
    if (offset) {
        rc = read_all(offset, bias);
    } else {
        *bias = stc_alloc(rows, sizeof(**bias));
        rc = *bias ? 0 : STC_ERR_NOMEM;
    }
    for (int f = 0; f < plan->nfolds && rc == 0; f++)
        rc = fold_in(plan->folds[f], rows, columns, *weight, *bias);
    return rc;
}

/* Values once for every index of leading axes. */
static int put_repeated(hid_t group, const char *name, const stc_shape *lead, int nlead,
                        const stc_shape *own, const double *values)
{
    stc_shape shape = {.ndim = nlead + own->ndim};
    int64_t times = 1, size = stc_shape_size(own);
    STC_CHECK(shape.ndim <= STC_MAX_NDIM, STC_ERR_INPUT, "%s would have %d axes", name, shape.ndim);
    for (int d = 0; d < nlead; d++)
        times *= shape.dim[d] = lead->dim[d];
    memcpy(shape.dim + nlead, own->dim, (size_t)own->ndim * sizeof(own->dim[0]));
    double *all = stc_alloc(times * size, sizeof(*all));
    if (!all) return STC_ERR_NOMEM;
    for (int64_t t = 0; t < times; t++)
        memcpy(all + t * size, values, (size_t)size * sizeof(*all));
    int rc = put_values(group, name, &shape, all);
    stc_free(all);
    return rc;
}

/* Rows of groups as rows of all columns, 0 outside of the own group; stc_free them. */
static int spread_groups(int64_t rows, int64_t columns, int64_t groups, const double *values,
                         double **out)
{
    *out = stc_alloc(rows * columns * groups, sizeof(**out));
    if (!*out) return STC_ERR_NOMEM;
    for (int64_t r = 0; r < rows; r++) {
        int64_t group = r / (rows / groups);
        memcpy(*out + (r * groups + group) * columns, values + r * columns,
               (size_t)columns * sizeof(**out));
    }
    return 0;
}

/* Weight and bias; lead: leading axes of the operand, for which NIR wants weights of their own. */
static int put_rows(const stc_nir_writer *w, hid_t group, int32_t index, int nlead, int64_t groups,
                    bool with_bias)
{
    const stc_node *node = w->graph->nodes[index];
    const stc_weight *weight = stc_node_weight(node, "weight"),
                     *bias = stc_node_weight(node, "bias");
    const stc_nir_plan *plan = &w->plan[index];
    if (plan->nfolds == 0 && nlead == 0 && groups == 1 && (bias || !with_bias)) {
        int rc = stc_model_put_weight(group, "weight", weight);
        return rc == 0 && with_bias ? stc_model_put_weight(group, "bias", bias) : rc;
    }
    double *values = NULL, *offset = NULL, *spread = NULL;
    int rc = read_rows(node, plan, &values, &offset);
    stc_shape rows = {1, {weight->shape.dim[0]}}, all = weight->shape;
    if (rc == 0 && groups > 1) {
        rc = spread_groups(all.dim[0], all.dim[1], groups, values, &spread);
        all.dim[1] *= groups;
    }
    if (rc == 0) {
        rc = put_repeated(group, "weight", &node->shape, nlead, &all, spread ? spread : values);
    }
    if (rc == 0 && with_bias) rc = put_repeated(group, "bias", &node->shape, nlead, &rows, offset);
    stc_free(spread);
    stc_free(values);
    stc_free(offset);
    return rc;
}

static int put_linear(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    int nlead = stc_node_weight(node, "weight")->shape.ndim == 2 ? node->shape.ndim - 1 : 0;
    return put_rows(w, group, index, nlead, stc_node_int(node, "groups"),
                    strcmp(w->plan[index].type, "Affine") == 0);
}

static int put_conv(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index], *operand = stc_nir_operand(w, node);
    int axes = operand->shape.ndim - 1, n = axes == 1 ? -1 : axes;
    int pad = stc_op_attr(node->op, "auto_pad");
    bool same = pad >= 0 && node->attrs[pad].given && node->attrs[pad].i[0] != 0;
    int rc = put_rows(w, group, index, 0, 1, true);
    if (rc == 0) {
        rc = stc_h5_put(group, "input_shape", H5T_NATIVE_INT64, n, operand->shape.dim + 1);
    }
    if (rc == 0) rc = put_ints(group, node, "stride", n);
    if (rc == 0) rc = put_ints(group, node, "dilation", n);
    if (rc == 0) rc = put_ints(group, node, "groups", -1);
    if (rc == 0 && same) {
        const char *word = stc_nir_choice(node, pad, (char[32]){0}, 32);
        rc = stc_h5_put_texts(group, "padding", 0, NULL, &word);
    } else if (rc == 0) {
        rc = put_ints(group, node, "padding", n);
    }
    return rc;
}

/* The node that scales gives the factors, the operand their shape. */
static int put_scale(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_nir_plan *plan = &w->plan[index];
    const stc_node *scale = plan->scale ? plan->scale : w->graph->nodes[index];
    const stc_shape *shape = plan->from ? &plan->from->shape : &scale->shape;
    int64_t size = stc_shape_size(shape), stride[STC_MAX_NDIM];
    int axis = scale->op->channel_axis(scale);
    int64_t channels = axis < 0 ? 1 : scale->shape.dim[axis];
    double *factor = stc_alloc(2 * channels, sizeof(*factor));
    double *values = stc_alloc(size, sizeof(*values));
    int rc = factor && values ? scale->op->affine(scale, 0, channels, factor, factor + channels)
                              : STC_ERR_NOMEM;
    stc_shape_strides(&scale->shape, stride);
    for (int64_t k = 0; k < size && rc == 0; k++)
        values[k] = factor[axis < 0 ? 0 : k / stride[axis] % channels];
    if (rc == 0) rc = put_values(group, "scale", shape, values);
    stc_free(values);
    stc_free(factor);
    return rc;
}

static int put_flatten(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    const stc_shape *from = &stc_nir_operand(w, node)->shape, *to = &node->shape;
    int64_t first = 0, last;
    while (first < to->ndim && from->dim[first] == to->dim[first])
        first++;
    if (first == to->ndim) first--; /* axes of length 1 at the end */
    last = first + from->ndim - to->ndim;
    int rc = put_shape(group, "input_type", from, 0);
    if (rc == 0) rc = stc_h5_put(group, "start_dim", H5T_NATIVE_INT64, -1, &first);
    if (rc == 0) rc = stc_h5_put(group, "end_dim", H5T_NATIVE_INT64, -1, &last);
    return rc;
}

static int put_end(const stc_nir_writer *w, hid_t group, int32_t index)
{
    return put_shape(group, "shape", &w->graph->nodes[index]->shape, 0);
}

static int put_pool(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    const stc_attr *stride = stc_node_attr(node, "stride");
    STC_TRY(put_ints(group, node, "kernel_size", 2));
    STC_TRY(stride->given ? put_ints(group, node, "stride", 2)
                          : stc_h5_put(group, "stride", H5T_NATIVE_INT64, 2,
                                       stc_node_attr(node, "kernel_size")->i));
    return put_ints(group, node, "padding", 2);
}

/* ---- neurons ---- */

static int read_each(const stc_node *node, const char *name, double **out)
{
    int64_t size = stc_shape_size(&node->shape);
    *out = stc_alloc(size, sizeof(**out));
    if (!*out) return STC_ERR_NOMEM;
    return stc_node_each(node, stc_op_attr(node->op, name), 0, size, *out);
}

/* What weighs an input: the file knows the equation only, so a gain becomes the weight with which
 * the equation says the same. name: "r" or "w_in"; tau: of the equation it belongs to. */
static int apply_gain(const stc_node *node, const char *name, double *values)
{
    char gain[32], integrator[32] = "euler";
    int g = stc_op_attr(node->op, "gain"), how = stc_op_attr(node->op, "integrator");
    bool input = strcmp(name, "w_in") == 0, weighs = input || strcmp(name, "r") == 0;
    if (g < 0 || !weighs || strcmp(stc_nir_choice(node, g, gain, sizeof(gain)), "ode") == 0) {
        return 0;
    }
    if (how >= 0) stc_nir_choice(node, how, integrator, sizeof(integrator));
    STC_CHECK(strcmp(integrator, "exact") != 0 || strcmp(gain, "no_r") == 0, STC_ERR_INPUT,
              "cannot be written as NIR: gain %s with integrator exact", gain);
    double dt = stc_node_real(node, "dt"), *tau = NULL;
    const char *own = input ? "tau_syn" : stc_op_attr(node->op, "tau") >= 0 ? "tau" : "tau_mem";
    int rc = stc_op_attr(node->op, own) >= 0 ? read_each(node, own, &tau) : 0;
    bool decayed = input && strcmp(gain, "decayed") == 0, euler = integrator[0] == 'e';
    for (int64_t k = 0; k < stc_shape_size(&node->shape) && rc == 0; k++) {
        double a = tau ? dt / tau[k] : dt;
        values[k] = strcmp(gain, "no_r") == 0 ? 1.0 : (tau ? tau[k] / dt : 1.0 / dt);
        if (decayed) values[k] *= euler ? 1.0 - a : exp(-a);
    }
    stc_free(tau);
    return rc;
}

static int put_each(const stc_node *node, hid_t group, const char *name)
{
    double *values;
    int rc = read_each(node, name, &values);
    if (rc == 0) rc = apply_gain(node, name, values);
    if (rc == 0) rc = put_values(group, name, &node->shape, values);
    stc_free(values);
    return rc < 0 ? stc_fail_in(rc, "node %s (%s)", node->name, node->op->name) : 0;
}

/* All numbers that may differ from neuron to neuron are NIR's parameters, but v0 (a rule). */
static int put_neuron(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_attr_spec *spec = &node->op->attrs[a];
        if (spec->kind != STC_ATTR_EACH || strcmp(spec->name, "v0") == 0) continue;
        STC_TRY(put_each(node, group, spec->name));
    }
    return 0;
}

static int put_same(hid_t group, const char *name, const stc_node *node, double value)
{
    int64_t size = stc_shape_size(&node->shape);
    double *values = stc_alloc(size, sizeof(*values));
    if (!values) return STC_ERR_NOMEM;
    for (int64_t k = 0; k < size; k++)
        values[k] = value;
    int rc = put_values(group, name, &node->shape, values);
    stc_free(values);
    return rc;
}

/* A discrete LIF is forward Euler of tau = tau steps that rests where it is reset to. */
static int put_discrete_lif(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    double tau = stc_node_real(node, "tau");
    double rest = stc_node_int(node, "soft_reset") ? 0.0 : stc_node_real(node, "v_reset");
    STC_TRY(put_same(group, "tau", node, tau * w->needs.dt));
    STC_TRY(put_same(group, "r", node, stc_node_int(node, "decay_input") ? 1.0 : tau));
    STC_TRY(put_same(group, "v_leak", node, rest));
    STC_TRY(put_same(group, "v_threshold", node, stc_node_real(node, "v_threshold")));
    return put_same(group, "v_reset", node, rest);
}

/* ---- any node ---- */

static const struct {
    const char *type;
    int (*put)(const stc_nir_writer *w, hid_t group, int32_t index);
} table[] = {
    {"Input", put_end},      {"Output", put_end},      {"Affine", put_linear},
    {"Linear", put_linear},  {"Conv1d", put_conv},     {"Conv2d", put_conv},
    {"Scale", put_scale},    {"Flatten", put_flatten}, {"SumPool2d", put_pool},
    {"AvgPool2d", put_pool}, {"Delay", put_neuron},    {"Threshold", put_neuron},
    {"I", put_neuron},       {"IF", put_neuron},       {"LI", put_neuron},
    {"CubaLI", put_neuron},  {"CubaLIF", put_neuron},
};

int stc_nir_put_node(const stc_nir_writer *w, hid_t group, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    const char *type = w->plan[index].type;
    STC_TRY(stc_h5_put_texts(group, "type", 0, NULL, &type));
    if (strcmp(type, "LIF") == 0) {
        bool discrete = strcmp(node->op->name, "discrete_lif") == 0;
        return (discrete ? put_discrete_lif : put_neuron)(w, group, index);
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].type, type) == 0) return table[i].put(w, group, index);
    STC_FAIL(STC_ERR_INTERNAL, "type %s is not written", type);
}

int64_t stc_nir_node_bytes(const stc_nir_writer *w, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    int64_t size = stc_shape_size(&node->shape), weight = 0;
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_weight *stored = node->attrs[a].weight;
        if (stored && stored->shape.ndim) weight += stc_shape_size(&stored->shape);
    }
    int64_t lead = 1;
    if (strcmp(node->op->name, "linear") == 0) {
        lead = size / node->shape.dim[node->shape.ndim - 1] * stc_node_int(node, "groups");
    }
    return 8 * (weight * (lead + 1) + 8 * size) + stc_h5_overhead(12);
}
