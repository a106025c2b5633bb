/* network.c - graphs of populations and projections whose lists lie in HDF5 files: files, handles,
 * nodes. */
#include "network.h"

#include "model.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/population.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16 };

/* ---- files ---- */

typedef struct open_file {
    hid_t id;
    struct open_file *next;
} open_file;

static void release(stc_graph *graph)
{
    for (open_file *f = graph->source; f; f = f->next)
        stc_h5_close(&f->id); /* and with it its datasets */
}

int stc_network_open(stc_graph *graph, const char *path, hid_t *file)
{
    *file = -1;
    open_file *f = stc_arena_alloc(graph->arena, 1, sizeof(*f));
    if (!f) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_open(path, &f->id));
    f->next = graph->source;
    graph->source = f;
    graph->release = release;
    *file = f->id;
    return 0;
}

int stc_network_column(hid_t group, const char *name, bool integer, int64_t rows, stc_h5_data *out)
{
    STC_TRY(stc_h5_data_open(group, name, out));
    int rc = stc_h5_data_numeric(out);
    if (rc == 0 && integer && out->kind == H5T_FLOAT) {
        rc = stc_h5_fail(STC_ERR_INPUT, out->id, NULL, "holds floats, expected integers");
    }
    if (rc == 0 && (out->ndim != 1 || (rows >= 0 && out->dim[0] != rows))) {
        char shape[128], wanted[48] = "one axis";
        if (rows >= 0) snprintf(wanted, sizeof(wanted), "(%lld)", (long long)rows);
        rc = stc_h5_fail(STC_ERR_INPUT, out->id, NULL, "has shape %s, expected %s",
                         stc_h5_data_shape_text(out, shape, sizeof(shape)), wanted);
    }
    if (rc < 0) stc_h5_close(&out->id);
    return rc;
}

/* ---- lists ---- */

static int check_rows(const stc_weight *weight, int64_t first, int64_t count)
{
    int64_t rows = weight->shape.ndim ? weight->shape.dim[0] : 1;
    STC_CHECK(first >= 0 && count >= 0 && first <= rows - count, STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)rows);
    return 0;
}

int stc_network_read_float(const stc_weight *weight, int64_t first, int64_t count, float *out)
{
    double *values = stc_alloc(count, sizeof(*values));
    if (!values) return STC_ERR_NOMEM;
    int rc = weight->read_double(weight, first, count, values);
    for (int64_t k = 0; k < count && rc == 0; k++)
        out[k] = (float)values[k];
    stc_free(values);
    return rc;
}

typedef struct {
    stc_h5_data data;
    double scale;
} scaled_data;

static int read_data(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    const scaled_data *source = weight->source;
    STC_TRY(check_rows(weight, first, count));
    if (count == 0) return 0;
    STC_TRY(stc_h5_data_read(&source->data, &first, &count, H5T_NATIVE_DOUBLE, out));
    for (int64_t k = 0; k < count && source->scale != 1; k++)
        out[k] *= source->scale;
    return 0;
}

int stc_network_weight(stc_graph *graph, const stc_h5_data *data, double scale, stc_weight **out)
{
    char file[1024] = "?", object[1024] = "?";
    stc_weight *weight = stc_arena_alloc(graph->arena, 1, sizeof(*weight));
    scaled_data *source = stc_arena_alloc(graph->arena, 1, sizeof(*source));
    H5Fget_name(data->id, file, sizeof(file));
    H5Iget_name(data->id, object, sizeof(object));
    char *label = stc_arena_printf(graph->arena, "%s:%s", file, object);
    if (!weight || !source || !label) return STC_ERR_NOMEM;
    *source = (scaled_data){*data, scale};
    *weight = (stc_weight){.label = label,
                           .shape = {1, {data->dim[0]}},
                           .read = stc_network_read_float,
                           .read_double = read_data,
                           .source = source};
    *out = weight;
    return 0;
}

static int read_memory(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    STC_TRY(check_rows(weight, first, count));
    const double *values = weight->source;
    memcpy(out, values + first, (size_t)count * sizeof(*out));
    return 0;
}

int stc_network_list(stc_graph *graph, const char *label, int64_t n, const double *values,
                     stc_weight **out)
{
    int64_t size = n < 0 ? 1 : n;
    stc_weight *weight = stc_arena_alloc(graph->arena, 1, sizeof(*weight));
    double *copy = stc_arena_alloc(graph->arena, size, sizeof(*copy));
    char *text = stc_arena_strdup(graph->arena, label);
    if (!weight || !copy || !text) return STC_ERR_NOMEM;
    memcpy(copy, values, (size_t)size * sizeof(*copy));
    *weight = (stc_weight){
        .label = text, .read = stc_network_read_float, .read_double = read_memory, .source = copy};
    if (n >= 0) weight->shape = (stc_shape){1, {n}};
    *out = weight;
    return 0;
}

int stc_network_uniform(const stc_weight *list, bool *uniform, double *value)
{
    int64_t n = list->shape.dim[0], most = n < PIECE ? n : PIECE;
    double *values = stc_alloc(most, sizeof(*values));
    if (!values) return STC_ERR_NOMEM;
    int rc = 0;
    *uniform = n > 0;
    for (int64_t first = 0; first < n && rc == 0 && *uniform; first += most) {
        int64_t count = n - first < most ? n - first : most;
        rc = list->read_double(list, first, count, values);
        if (rc == 0 && first == 0) *value = values[0];
        for (int64_t k = 0; k < count && rc == 0 && *uniform; k++)
            *uniform = values[k] == *value;
    }
    stc_free(values);
    return rc;
}

/* ---- nodes ---- */

double stc_network_ms(const stc_graph *graph)
{
    char text[32];
    snprintf(text, sizeof(text), "%.15g", graph->dt * 1e3);
    return strtod(text, NULL);
}

static stc_attr *attr_of(stc_node *node, const char *name)
{
    stc_attr *attr = &node->attrs[stc_op_attr(node->op, name)];
    attr->given = true;
    attr->n = 1;
    return attr;
}

void stc_network_set_int(stc_node *node, const char *name, int64_t value)
{
    attr_of(node, name)->i[0] = value;
}

void stc_network_set_real(stc_node *node, const char *name, double value)
{
    attr_of(node, name)->r = value;
}

void stc_network_set_weight(stc_node *node, const char *name, stc_weight *weight)
{
    attr_of(node, name)->weight = weight;
}

/* Every value of a list meets the constraint of the parameter. */
static int check_values(const stc_attr_spec *spec, const stc_weight *list)
{
    int64_t n = list->shape.dim[0], most = n < PIECE ? n : PIECE;
    const char *check = spec->check && spec->check[0] ? spec->check : "finite";
    double *values = stc_alloc(most, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int64_t first = 0; first < n && rc == 0; first += most) {
        int64_t count = n - first < most ? n - first : most;
        rc = list->read_double(list, first, count, values);
        for (int64_t k = 0; k < count && rc == 0; k++) {
            if (isfinite(values[k]) && stc_attr_meets(check, values[k])) continue;
            rc = stc_fail(STC_ERR_INPUT, "%s: %s of neuron %lld is %.9g, expected %s", list->label,
                          spec->name, (long long)(first + k), values[k], check);
        }
    }
    stc_free(values);
    return rc;
}

int stc_network_set_parameter(stc_node *node, int a, bool uniform, double value, stc_weight *list)
{
    const stc_attr_spec *spec = &node->op->attrs[a];
    stc_attr *attr = &node->attrs[a];
    STC_CHECK(uniform || spec->kind == STC_ATTR_EACH, STC_ERR_INPUT,
              "%s of %s is the same for all neurons of a population, but %s differs", spec->name,
              node->op->name, list->label);
    attr->given = true;
    attr->n = 1;
    if (!uniform) {
        STC_TRY(check_values(spec, list));
        attr->weight = list;
    } else if (spec->kind == STC_ATTR_EACH || spec->kind == STC_ATTR_REAL) {
        attr->r = value;
    } else {
        STC_CHECK(fabs(value) < 1e15 && value == nearbyint(value), STC_ERR_INPUT,
                  "%s of %s is %g, expected an integer", spec->name, node->op->name, value);
        attr->i[0] = (int64_t)value;
    }
    return 0;
}

int stc_network_operand(stc_graph *graph, int32_t node, int32_t operand)
{
    stc_node *to = graph->nodes[node];
    int32_t *inputs = stc_arena_alloc(graph->arena, to->ninputs + 1, sizeof(*inputs));
    if (!inputs) return STC_ERR_NOMEM;
    if (to->ninputs) memcpy(inputs, to->inputs, (size_t)to->ninputs * sizeof(*inputs));
    inputs[to->ninputs++] = operand;
    to->inputs = inputs;
    return 0;
}

int stc_network_model(const char *name, const stc_op **out)
{
    const char *names[64];
    char list[1024] = "";
    int n, known = 0;
    size_t used = 0;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    for (int i = 0; i < n; i++) {
        if (strcmp(models[i]->name, name) == 0) {
            *out = stc_op_find(name);
            return *out ? 0 : STC_ERR_INTERNAL;
        }
        if (known < 64) names[known++] = models[i]->name;
        if (used < sizeof(list)) {
            used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
                                     models[i]->name);
        }
    }
    const char *nearest = stc_nearest(name, names, known);
    STC_FAIL(STC_ERR_INPUT, "no neuron model is called \"%.60s\"%s%s%s; there are %s", name,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", list);
}

int stc_network_add_population(stc_graph *graph, const char *name, const stc_op *op, int64_t n)
{
    int node = stc_graph_add(graph, name, op, 0, NULL);
    if (node < 0) return node;
    stc_network_set_int(graph->nodes[node], "n", n);
    stc_network_set_real(graph->nodes[node], "dt", stc_network_ms(graph));
    return node;
}

int stc_network_add_input(stc_graph *graph, const char *name, int64_t n)
{
    const stc_op *op = stc_op_find("input");
    if (!op) return STC_ERR_INTERNAL;
    int node = stc_graph_add(graph, name, op, 0, NULL);
    if (node < 0) return node;
    stc_network_set_int(graph->nodes[node], "shape", n);
    stc_network_set_int(graph->nodes[node], "max", STC_NETWORK_MAX_COUNT);
    int rc = stc_model_choose(&op->attrs[stc_op_attr(op, "kind")], "counts",
                              attr_of(graph->nodes[node], "kind"));
    return rc < 0 ? rc : node;
}

int stc_network_add_projection(stc_graph *graph, const char *name, int32_t source, int32_t target)
{
    const stc_op *op = stc_op_find("projection");
    if (!op) return STC_ERR_INTERNAL;
    int node = stc_graph_add(graph, name, op, 1, &source);
    if (node < 0) return node;
    stc_network_set_int(graph->nodes[node], "n", stc_node_int(graph->nodes[target], "n"));
    stc_network_set_real(graph->nodes[node], "dt", stc_network_ms(graph));
    int rc = stc_network_operand(graph, target, node);
    return rc < 0 ? rc : node;
}

int stc_network_set_receptor(stc_node *projection, const stc_node *population, int64_t receptor)
{
    int n, ports = 0;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(models[i]->name, population->op->name) == 0) ports = models[i]->nports;
    /* models with two ports choose by the sign of the weight, as they do in NEST */
    STC_CHECK(receptor >= 0 && receptor <= (ports > 2 ? ports : 0), STC_ERR_INPUT,
              "receptor %lld of %s; it has %d", (long long)receptor, population->op->name,
              ports > 2 ? ports : 0);
    stc_network_set_int(projection, "receptor", receptor > 0 ? receptor : -1);
    return 0;
}

int stc_network_check_rules(const char *path, const char *what, const stc_nir_rules *rules)
{
    if (!rules) return 0;
    stc_nir_rules others = *rules;
    others.dt = 0;
    const char *option = stc_nir_rules_given(&others);
    STC_CHECK(!option, STC_ERR_USAGE,
              "--%s: %s is %s, whose models say all; such options are for NIR models", option, path,
              what);
    return 0;
}

/* ---- the formats ---- */

stc_network_kind stc_network_kind_of(const char *path)
{
    hid_t file;
    if (stc_is_sonata(path)) return STC_NETWORK_SONATA;
    if (stc_h5_open(path, &file) < 0) return STC_NETWORK_NONE;
    bool is = stc_is_edge_list(file);
    stc_h5_close(&file);
    return is ? STC_NETWORK_EDGE_LIST : STC_NETWORK_NONE;
}

int stc_network_read(stc_network_kind kind, const char *path, const stc_nir_rules *rules,
                     stc_graph **out)
{
    if (kind == STC_NETWORK_SONATA) return stc_sonata_read(path, rules, out);
    return stc_edge_list_read(path, rules, out);
}

int stc_network_open_input(stc_network_kind kind, const char *path, const stc_program *program,
                           const stc_input_options *options, stc_input **out)
{
    if (kind == STC_NETWORK_SONATA) return stc_sonata_input(path, program, options, out);
    return stc_edge_list_input(path, program, options, out);
}

bool stc_file_has_input(const char *path)
{
    return stc_network_kind_of(path) != STC_NETWORK_NONE;
}
