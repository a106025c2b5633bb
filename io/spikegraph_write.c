/* spikegraph_write.c - a SpikeGraph to an HDF5 file. As in the reader, the op table says everything
 * about parameters. */
#include "model.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/op.h"

#include <string.h>

enum { PIECE = 1 << 18 }; /* elements of a weight that are copied at a time */

static int64_t weight_size(const stc_weight *weight)
{
    return weight->shape.ndim ? stc_shape_size(&weight->shape) : 1;
}

static int64_t bytes_needed(const stc_graph *graph)
{
    int64_t bytes = 0, objects = 2, edges = 0;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        objects += 3;
        edges += 2 * node->ninputs;
        for (int a = 0; a < node->op->nattrs; a++) {
            if (!node->attrs[a].given) continue;
            objects++;
            if (node->attrs[a].weight) bytes += 8 * weight_size(node->attrs[a].weight);
        }
    }
    return bytes + 256 * edges + stc_h5_overhead(objects);
}

int stc_model_put_weight(hid_t group, const char *name, const stc_weight *weight)
{
    stc_h5_data data;
    int ndim = weight->shape.ndim;
    bool wide = weight->read_double != NULL;
    hid_t type = wide ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
    int64_t start[STC_H5_MAX_NDIM] = {0}, count[STC_H5_MAX_NDIM];
    int64_t rows = ndim ? weight->shape.dim[0] : 1, row = stc_weight_row_size(weight);
    int64_t piece = row >= PIECE ? 1 : PIECE / row;
    if (piece > rows) piece = rows;
    STC_TRY(stc_h5_data_create(group, name, type, ndim, weight->shape.dim, &data));
    void *values = stc_alloc(piece * row, wide ? sizeof(double) : sizeof(float));
    int rc = values ? 0 : STC_ERR_NOMEM;
    memcpy(count, data.dim, sizeof(count));
    for (int64_t first = 0; first < rows && rc == 0; first += piece) {
        start[0] = first;
        count[0] = rows - first < piece ? rows - first : piece;
        rc = wide ? weight->read_double(weight, first, ndim ? count[0] : 1, values)
                  : weight->read(weight, first, ndim ? count[0] : 1, values);
        if (rc == 0) rc = stc_h5_data_write(&data, start, count, type, values);
    }
    stc_free(values);
    stc_h5_close(&data.id);
    return rc;
}

static int put_choice(hid_t group, const stc_attr_spec *spec, int64_t index)
{
    char text[64];
    const char *word = spec->choices;
    for (int64_t k = 0; k < index && *word; k++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(word, " "), word);
    const char *texts[1] = {text};
    return stc_h5_put_texts(group, spec->name, 0, NULL, texts);
}

static int put_attr(hid_t group, const stc_attr_spec *spec, const stc_attr *attr)
{
    switch (spec->kind) {
    case STC_ATTR_WEIGHT:
        return attr->weight ? stc_model_put_weight(group, spec->name, attr->weight) : 0;
    case STC_ATTR_EACH:
        if (attr->weight) return stc_model_put_weight(group, spec->name, attr->weight);
        return stc_h5_put(group, spec->name, H5T_NATIVE_DOUBLE, -1, &attr->r);
    case STC_ATTR_REAL:
        return stc_h5_put(group, spec->name, H5T_NATIVE_DOUBLE, -1, &attr->r);
    case STC_ATTR_INTS:
        return stc_h5_put(group, spec->name, H5T_NATIVE_INT64, attr->n, attr->i);
    case STC_ATTR_CHOICE:
        return put_choice(group, spec, attr->i[0]);
    default:
        return stc_h5_put(group, spec->name, H5T_NATIVE_INT64, -1, attr->i);
    }
}

static int put_inputs(hid_t group, const stc_graph *graph, const stc_node *node)
{
    int64_t n = node->ninputs;
    const char **names = stc_alloc(n, sizeof(*names));
    if (!names) return STC_ERR_NOMEM;
    for (int k = 0; k < node->ninputs; k++)
        names[k] = graph->nodes[node->inputs[k]]->name;
    int rc = stc_h5_put_texts(group, "inputs", 1, &n, names);
    stc_free(names);
    return rc;
}

static int put_node(hid_t nodes, const stc_graph *graph, const stc_node *node)
{
    hid_t group;
    STC_CHECK(node->nfolds == 0, STC_ERR_INTERNAL,
              "node %s has constants folded into it and cannot be written", node->name);
    STC_TRY(stc_h5_group_create(nodes, node->name, &group));
    int rc = stc_h5_put_texts(group, "type", 0, NULL, &node->op->type);
    for (int a = 0; a < node->op->nattrs && rc == 0; a++) {
        if (node->attrs[a].given) rc = put_attr(group, &node->op->attrs[a], &node->attrs[a]);
    }
    if (rc == 0 && node->ninputs > 0) rc = put_inputs(group, graph, node);
    stc_h5_close(&group);
    return rc;
}

static bool listed_before(const stc_node *node, int k)
{
    for (int j = 0; j < k; j++) {
        if (node->inputs[j] == node->inputs[k]) return true;
    }
    return false;
}

static int put_edges(hid_t group, const stc_graph *graph)
{
    int64_t dim[2] = {0, 2}, limit = 0;
    for (int32_t i = 0; i < graph->nnodes; i++)
        limit += graph->nodes[i]->ninputs;
    const char **names = stc_alloc(2 * limit, sizeof(*names));
    if (!names) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++) {
            if (listed_before(node, k)) continue;
            names[2 * dim[0]] = graph->nodes[node->inputs[k]]->name;
            names[2 * dim[0] + 1] = node->name;
            dim[0]++;
        }
    }
    int rc = stc_h5_put_texts(group, "edges", 2, dim, names);
    stc_free(names);
    return rc;
}

static int put_graph(hid_t file, const stc_graph *graph)
{
    hid_t group, nodes = -1;
    STC_TRY(stc_h5_set_format(file, "SpikeGraph", 1));
    STC_TRY(stc_h5_group_create(file, "graph", &group));
    int rc = stc_h5_set_text(group, "name", graph->name);
    if (rc == 0) rc = stc_h5_set_int(group, "time_steps", graph->time_steps);
    if (rc == 0 && graph->dt > 0) rc = stc_h5_set_real(group, "dt", graph->dt);
    if (rc == 0 && graph->rules) rc = stc_h5_set_text(group, "rules", graph->rules);
    if (rc == 0) rc = stc_h5_group_create(group, "nodes", &nodes);
    for (int32_t i = 0; i < graph->nnodes && rc == 0; i++) {
        rc = put_node(nodes, graph, graph->nodes[i]);
    }
    if (rc == 0) rc = put_edges(group, graph);
    stc_h5_close(&nodes);
    stc_h5_close(&group);
    return rc;
}

int stc_graph_write(const stc_graph *graph, const char *path)
{
    stc_h5_file file;
    STC_TRY(stc_h5_create(NULL, path, bytes_needed(graph), &file));
    int rc = put_graph(file.id, graph);
    return stc_h5_finish(&file, stc_h5_created(&file, rc));
}
