/* model_nodes.c - one node of the graph for each item of a model file. What a node may hold is said
 * by the op table alone. Weights stay in the file: their handles read rows of a dataset that
 * remains open.
 *
 * Reading order: weights, single values, parameters, nodes.
 */
#include "model.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PARAMETERS = 1000 };

/* ---- weights ---- */

/* Each axis may be read in rows of the first one; a scalar is one row. */
static int read_rows(const stc_weight *weight, int64_t first, int64_t count, hid_t type, void *out)
{
    const stc_h5_data *data = weight->source;
    int64_t start[STC_H5_MAX_NDIM] = {first}, extent[STC_H5_MAX_NDIM];
    int64_t rows = data->ndim ? data->dim[0] : 1;
    STC_CHECK(first >= 0 && count >= 0 && first <= rows - count, STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)rows);
    memcpy(extent, data->dim, sizeof(extent));
    extent[0] = count;
    if (count == 0) return 0;
    return stc_h5_data_read(data, start, extent, type, out);
}

static int read_weight(const stc_weight *weight, int64_t first, int64_t count, float *out)
{
    return read_rows(weight, first, count, H5T_NATIVE_FLOAT, out);
}

static int read_weight_double(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    return read_rows(weight, first, count, H5T_NATIVE_DOUBLE, out);
}

/* Are there numbers of this type that float32 does not hold? */
static bool beyond_float(hid_t dataset)
{
    hid_t type = H5Dget_type(dataset);
    H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    size_t bytes = type < 0 ? 0 : H5Tget_size(type);
    stc_h5_close(&type);
    return bytes > 4 || (kind == H5T_INTEGER && bytes == 4);
}

static int make_weight(const stc_model *m, const char *place, const char *name,
                       const stc_h5_data *data, stc_attr *attr)
{
    stc_arena *arena = m->graph->arena;
    if (data->ndim > STC_MAX_NDIM || data->size == 0) {
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                           "a weight has 0 to %d axes, none of length 0; found %d axes, %lld "
                           "elements",
                           STC_MAX_NDIM, data->ndim, (long long)data->size);
    }
    stc_weight *weight = stc_arena_alloc(arena, 1, sizeof(*weight));
    stc_h5_data *source = stc_arena_alloc(arena, 1, sizeof(*source));
    if (!weight || !source) return STC_ERR_NOMEM;
    *source = *data;
    weight->label = stc_arena_printf(arena, "%s:%s/%s", m->path, place, name);
    if (!weight->label) return STC_ERR_NOMEM;
    weight->shape.ndim = data->ndim;
    for (int d = 0; d < data->ndim; d++)
        weight->shape.dim[d] = data->dim[d];
    weight->read = read_weight;
    if (beyond_float(data->id)) weight->read_double = read_weight_double;
    weight->source = source;
    attr->weight = weight;
    return 0;
}

/* Rows of values in memory. */
static int constant_double(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    int64_t row = stc_weight_row_size(weight), rows = weight->shape.ndim ? weight->shape.dim[0] : 1;
    STC_CHECK(first >= 0 && count >= 0 && first <= rows - count, STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)rows);
    const double *values = weight->source;
    memcpy(out, values + first * row, (size_t)(count * row) * sizeof(*out));
    return 0;
}

static int constant_float(const stc_weight *weight, int64_t first, int64_t count, float *out)
{
    int64_t row = stc_weight_row_size(weight), rows = weight->shape.ndim ? weight->shape.dim[0] : 1;
    STC_CHECK(first >= 0 && count >= 0 && first <= rows - count, STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)rows);
    const double *values = weight->source;
    for (int64_t k = 0; k < count * row; k++)
        out[k] = (float)values[first * row + k];
    return 0;
}

int stc_model_constant(stc_model *m, const char *label, stc_shape shape, const double *values,
                       stc_weight **out)
{
    stc_arena *arena = m->graph->arena;
    int64_t n = shape.ndim ? stc_shape_size(&shape) : 1;
    stc_weight *weight = stc_arena_alloc(arena, 1, sizeof(*weight));
    double *copy = stc_arena_alloc(arena, n, sizeof(*copy));
    char *text = stc_arena_strdup(arena, label);
    if (!weight || !copy || !text) return STC_ERR_NOMEM;
    memcpy(copy, values, (size_t)n * sizeof(*copy));
    *weight = (stc_weight){.label = text,
                           .shape = shape,
                           .read = constant_float,
                           .read_double = constant_double,
                           .source = copy};
    *out = weight;
    return 0;
}

/* ---- single values ---- */

int stc_model_integers(const stc_h5_data *data, stc_attr *attr)
{
    double real[STC_MAX_NDIM];
    if (data->ndim > 1 || data->size > STC_MAX_NDIM) {
        char shape[128];
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                           "expected one integer or a list of at most %d, found shape %s",
                           STC_MAX_NDIM, stc_h5_data_shape_text(data, shape, sizeof(shape)));
    }
    attr->n = (int)data->size;
    if (data->kind != H5T_FLOAT) {
        return stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_INT64, attr->i);
    }
    STC_TRY(stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_DOUBLE, real));
    for (int k = 0; k < attr->n; k++) {
        bool whole = real[k] > -9e15 && real[k] < 9e15 && (double)(int64_t)real[k] == real[k];
        if (!whole) {
            return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "is %g, expected an integer",
                               real[k]);
        }
        attr->i[k] = (int64_t)real[k];
    }
    return 0;
}

int stc_model_choose(const stc_attr_spec *spec, const char *word, stc_attr *attr)
{
    size_t length = strlen(word);
    int64_t index = 0;
    for (const char *w = spec->choices; *w; index++) {
        size_t size = strcspn(w, " ");
        if (size == length && strncmp(w, word, size) == 0) {
            attr->i[0] = index;
            attr->given = true;
            return 0;
        }
        w += size;
        w += strspn(w, " ");
    }
    STC_FAIL(STC_ERR_INPUT, "%s is \"%.40s\", expected one of: %s", spec->name, word,
             spec->choices);
}

static int read_choice(const stc_h5_data *data, const stc_attr_spec *spec, stc_arena *arena,
                       stc_attr *attr)
{
    const char **texts;
    STC_TRY(stc_h5_data_texts(data, arena, &texts));
    if (stc_model_choose(spec, texts[0], attr) == 0) return 0;
    return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "is \"%.40s\", expected one of: %s", texts[0],
                       spec->choices);
}

static int read_single(const stc_h5_data *data, const stc_attr_spec *spec, stc_arena *arena,
                       stc_attr *attr)
{
    if (data->size != 1) {
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "holds %lld values, expected one",
                           (long long)data->size);
    }
    if (spec->kind == STC_ATTR_CHOICE) return read_choice(data, spec, arena, attr);
    STC_TRY(stc_h5_data_numeric(data));
    if (spec->kind == STC_ATTR_REAL || spec->kind == STC_ATTR_EACH) {
        return stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_DOUBLE, &attr->r);
    }
    return stc_model_integers(data, attr);
}

/* ---- parameters ---- */

static int unknown_parameter(hid_t group, const char *name, const stc_op *op)
{
    const char *names[64];
    int n = 0;
    for (; n < op->nattrs && n < 64; n++)
        names[n] = op->attrs[n].name;
    const char *nearest = stc_nearest(name, names, n);
    return stc_h5_fail(STC_ERR_INPUT, group, name, "%s has no parameter of this name%s%s%s",
                       op->type, nearest ? "; did you mean " : "", nearest ? nearest : "",
                       nearest ? "?" : "");
}

int stc_model_parameter(const stc_model *m, hid_t group, const stc_model_item *item,
                        const char *name, stc_node *node)
{
    int a = stc_op_attr(node->op, name);
    if (a < 0) return unknown_parameter(group, name, node->op);
    const stc_attr_spec *spec = &node->op->attrs[a];
    stc_attr *attr = &node->attrs[a];
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    bool array = spec->kind == STC_ATTR_WEIGHT || (spec->kind == STC_ATTR_EACH && data.size != 1);
    int rc;
    if (array || spec->kind == STC_ATTR_INTS) {
        rc = stc_h5_data_numeric(&data);
        if (rc == 0 && array) {
            rc = make_weight(m, item->place, name, &data, attr);
        } else if (rc == 0) {
            rc = stc_model_integers(&data, attr);
        }
    } else {
        rc = read_single(&data, spec, m->graph->arena, attr);
    }
    /* the dataset of a weight stays open as long as the file */
    if (rc < 0 || !array) stc_h5_close(&data.id);
    attr->given = rc == 0;
    return rc;
}

/* ---- nodes ---- */

/* Members of a node's group that are not parameters. */
static bool is_structure(const char *name)
{
    return strcmp(name, "type") == 0 || strcmp(name, "inputs") == 0 ||
           strcmp(name, "metadata") == 0;
}

static int read_parameters(stc_model *m, hid_t group, stc_model_item *item)
{
    const char **members;
    int64_t n;
    STC_TRY(stc_h5_names(group, MAX_PARAMETERS, m->scratch, &members, &n));
    for (int64_t k = 0; k < n; k++) {
        bool done = is_structure(members[k]);
        if (!done && m->nir) STC_TRY(stc_nir_parameter(m, group, item, members[k], &done));
        if (done) continue;
        STC_TRY(stc_model_parameter(m, group, item, members[k], m->graph->nodes[item->node]));
    }
    return 0;
}

static int make_node(stc_model *m, stc_model_item *item)
{
    hid_t group;
    const stc_op *op = stc_op_find(item->type);
    if (!op) return stc_fail_in(STC_ERR_INPUT, "%s:%s", m->path, item->place);
    if (!item->port) {
        int index = stc_graph_add(m->graph, item->name, op, 0, NULL);
        if (index < 0) return stc_fail_in(index, "%s:%s", m->path, item->place);
        item->entry = item->node = index;
    }
    STC_TRY(stc_h5_group(m->file, item->place, &group));
    int rc = read_parameters(m, group, item);
    stc_h5_close(&group);
    return rc;
}

int stc_model_nodes(stc_model *m)
{
    for (int64_t i = 0; i < m->items.n; i++)
        STC_TRY(make_node(m, &stc_model_items(m)[i]));
    return 0;
}
