/* spikegraph_read.c - a SpikeGraph from an HDF5 file. What a node may hold is said by the op table
 * alone. Weights stay in the file: their handles read rows of a dataset that remains open.
 *
 * Reading order: parameters, nodes, edges and operands, stc_graph_read.
 */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/op.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_NODES = 100000,
    MAX_EDGES = 500000,
    MAX_PARAMETERS = 1000,
    MAX_STEPS = 1 << 30,
    FORMAT = 1
};

/* ---- parameters ---- */

/* Each axis may be read in rows of the first one; a scalar is one row. */
static int read_weight(const stc_weight *weight, int64_t first, int64_t count, float *out)
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
    return stc_h5_data_read(data, start, extent, H5T_NATIVE_FLOAT, out);
}

static int make_weight(const char *path, const char *node, const char *name,
                       const stc_h5_data *data, stc_arena *arena, stc_attr *attr)
{
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
    weight->label = stc_arena_printf(arena, "%s:/graph/nodes/%s/%s", path, node, name);
    if (!weight->label) return STC_ERR_NOMEM;
    weight->shape.ndim = data->ndim;
    for (int d = 0; d < data->ndim; d++)
        weight->shape.dim[d] = data->dim[d];
    weight->read = read_weight;
    weight->source = source;
    attr->weight = weight;
    return 0;
}

/* Up to 6 integers, also from a dataset of floats that hold integers. */
static int read_integers(const stc_h5_data *data, stc_attr *attr)
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

static int read_choice(const stc_h5_data *data, const stc_attr_spec *spec, stc_arena *arena,
                       stc_attr *attr)
{
    const char **texts;
    STC_TRY(stc_h5_data_texts(data, arena, &texts));
    size_t length = strlen(texts[0]);
    int64_t index = 0;
    for (const char *word = spec->choices; *word; index++) {
        size_t size = strcspn(word, " ");
        if (size == length && strncmp(word, texts[0], size) == 0) {
            attr->i[0] = index;
            return 0;
        }
        word += size;
        word += strspn(word, " ");
    }
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
    if (spec->kind == STC_ATTR_REAL) {
        return stc_h5_data_read(data, NULL, NULL, H5T_NATIVE_DOUBLE, &attr->r);
    }
    return read_integers(data, attr);
}

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

static int read_parameter(const char *path, hid_t group, const char *name, stc_arena *arena,
                          stc_node *node)
{
    int a = stc_op_attr(node->op, name);
    if (a < 0) return unknown_parameter(group, name, node->op);
    const stc_attr_spec *spec = &node->op->attrs[a];
    stc_attr *attr = &node->attrs[a];
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    int rc;
    if (spec->kind == STC_ATTR_WEIGHT || spec->kind == STC_ATTR_INTS) {
        rc = stc_h5_data_numeric(&data);
        if (rc == 0 && spec->kind == STC_ATTR_WEIGHT) {
            rc = make_weight(path, node->name, name, &data, arena, attr);
        } else if (rc == 0) {
            rc = read_integers(&data, attr);
        }
    } else {
        rc = read_single(&data, spec, arena, attr);
    }
    /* the dataset of a weight stays open as long as the file */
    if (rc < 0 || spec->kind != STC_ATTR_WEIGHT) stc_h5_close(&data.id);
    attr->given = rc == 0;
    return rc;
}

/* ---- nodes ---- */

typedef struct {
    const char *path;
    hid_t file, nodes; /* of the file; /graph/nodes */
    stc_graph *graph;
    stc_arena *scratch;  /* lives for the time of reading */
    const char **names;  /* [n] of the nodes in the file, sorted */
    int64_t n;           /* node i of the graph is names[i] */
    const char ***lists; /* [n] the `inputs` list of a node, or NULL */
    int64_t *nlists;     /* [n] */
} reader;

/* Members of a node's group that are not parameters. */
static bool is_structure(const char *name)
{
    return strcmp(name, "type") == 0 || strcmp(name, "inputs") == 0 ||
           strcmp(name, "metadata") == 0;
}

static int read_list(reader *r, hid_t group, int64_t i)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, "inputs", &data));
    int rc = 0;
    if (data.ndim != 1 || data.size > MAX_EDGES) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "expected a list of node names");
    } else if (data.size > 0) {
        rc = stc_h5_data_texts(&data, r->scratch, &r->lists[i]);
    }
    r->nlists[i] = data.size;
    stc_h5_close(&data.id);
    return rc;
}

static int read_members(reader *r, hid_t group, int64_t i)
{
    const char *type, **members;
    int64_t n;
    STC_TRY(stc_h5_text(group, "type", r->scratch, &type));
    const stc_op *op = stc_op_find(type);
    if (!op) return stc_fail_in(STC_ERR_INPUT, "%s:/graph/nodes/%s", r->path, r->names[i]);
    int index = stc_graph_add(r->graph, r->names[i], op, 0, NULL);
    if (index < 0) return stc_fail_in(index, "%s:/graph/nodes", r->path);
    STC_TRY(stc_h5_names(group, MAX_PARAMETERS, r->scratch, &members, &n));
    for (int64_t m = 0; m < n; m++) {
        if (is_structure(members[m])) continue;
        STC_TRY(
            read_parameter(r->path, group, members[m], r->graph->arena, r->graph->nodes[index]));
    }
    return stc_h5_has(group, "inputs") ? read_list(r, group, i) : 0;
}

static int read_nodes(reader *r)
{
    STC_TRY(stc_h5_names(r->nodes, MAX_NODES, r->scratch, &r->names, &r->n));
    r->lists = stc_arena_alloc(r->scratch, r->n, sizeof(*r->lists));
    r->nlists = stc_arena_alloc(r->scratch, r->n, sizeof(*r->nlists));
    if (!r->lists || !r->nlists) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < r->n; i++) {
        hid_t group;
        STC_TRY(stc_h5_group(r->nodes, r->names[i], &group));
        int rc = read_members(r, group, i);
        stc_h5_close(&group);
        if (rc < 0) return rc;
    }
    return 0;
}

/* ---- edges and operands ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Index of a node by name; where: what names it. */
static int find_node(const reader *r, const char *name, const char *where, int32_t *out)
{
    const char **found =
        r->n ? bsearch(&name, r->names, (size_t)r->n, sizeof(*r->names), compare_names) : NULL;
    if (!found) {
        const char *nearest = stc_nearest(name, r->names, (int)r->n);
        STC_FAIL(STC_ERR_INPUT, "%s:/graph/%s: there is no node \"%.80s\"%s%s%s", r->path, where,
                 name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                 nearest ? "?" : "");
    }
    *out = (int32_t)(found - r->names);
    return 0;
}

/* Edges by destination, in the order of the file. */
typedef struct {
    int64_t *first;  /* [n + 1] */
    int32_t *source; /* [edges] */
    int32_t *seen;   /* [n] scratch: the last destination for which a node was met, plus 1 */
} edge_lists;

static int sort_edges(reader *r, const char **texts, int64_t n, edge_lists *out)
{
    int32_t *ends = stc_arena_alloc(r->scratch, 2 * n, sizeof(*ends));
    int64_t *next = stc_arena_alloc(r->scratch, r->n + 1, sizeof(*next));
    out->first = stc_arena_alloc(r->scratch, r->n + 1, sizeof(*out->first));
    out->source = stc_arena_alloc(r->scratch, n, sizeof(*out->source));
    out->seen = stc_arena_alloc(r->scratch, r->n, sizeof(*out->seen));
    if (!ends || !next || !out->first || !out->source || !out->seen) return STC_ERR_NOMEM;
    for (int64_t e = 0; e < 2 * n; e++)
        STC_TRY(find_node(r, texts[e], "edges", &ends[e]));
    for (int64_t e = 0; e < n; e++)
        out->first[ends[2 * e + 1] + 1]++;
    for (int64_t i = 0; i < r->n; i++)
        next[i + 1] = out->first[i + 1] += out->first[i];
    for (int64_t e = 0; e < n; e++)
        out->source[next[ends[2 * e + 1]]++] = ends[2 * e];
    return 0;
}

static int read_edges(reader *r, edge_lists *out)
{
    stc_h5_data data = {.id = -1};
    const char **texts = NULL;
    int64_t n = 0;
    int rc = 0;
    if (stc_h5_has(r->file, "graph/edges")) {
        STC_TRY(stc_h5_data_open(r->file, "graph/edges", &data));
        n = data.size / 2;
        if (data.size > 0 && (data.ndim != 2 || data.dim[1] != 2 || n > MAX_EDGES)) {
            char shape[128];
            rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                             "expected shape (E, 2) with E at most %d, found %s", MAX_EDGES,
                             stc_h5_data_shape_text(&data, shape, sizeof(shape)));
        }
        if (rc == 0 && n > 0) rc = stc_h5_data_texts(&data, r->scratch, &texts);
        stc_h5_close(&data.id);
    }
    return rc < 0 ? rc : sort_edges(r, texts, n, out);
}

/* The sources of node i without repetition; returns their number. */
static int32_t distinct_sources(const reader *r, edge_lists *edges, int64_t i)
{
    int32_t *list = edges->source + edges->first[i], n = 0;
    for (int64_t e = 0; e < edges->first[i + 1] - edges->first[i]; e++) {
        if (edges->seen[list[e]] == i + 1) {
            stc_warn("%s:/graph/edges: the edge from %s to %s is there twice; one is dropped",
                     r->path, r->names[list[e]], r->names[i]);
            continue;
        }
        edges->seen[list[e]] = (int32_t)i + 1;
        list[n++] = list[e];
    }
    return n;
}

/* Operands of node i as its `inputs` list says, which must name the sources of its edges. */
static int listed_operands(reader *r, edge_lists *edges, int64_t i, int32_t nedges, int32_t *out)
{
    char where[300];
    int32_t met = 0;
    snprintf(where, sizeof(where), "nodes/%.200s/inputs", r->names[i]);
    for (int64_t k = 0; k < r->nlists[i]; k++) {
        STC_TRY(find_node(r, r->lists[i][k], where, &out[k]));
        int32_t *seen = &edges->seen[out[k]];
        STC_CHECK(*seen == i + 1 || *seen == -(i + 1), STC_ERR_INPUT,
                  "%s:/graph/%s: names %s, but there is no edge from %s to %s", r->path, where,
                  r->lists[i][k], r->lists[i][k], r->names[i]);
        if (*seen == i + 1) met++;
        *seen = -(int32_t)(i + 1); /* an operand may be listed twice */
    }
    for (int32_t e = 0; e < nedges && met < nedges; e++) {
        int32_t source = edges->source[edges->first[i] + e];
        STC_CHECK(edges->seen[source] != i + 1, STC_ERR_INPUT,
                  "%s:/graph/%s: does not name %s, from which there is an edge", r->path, where,
                  r->names[source]);
    }
    return 0;
}

/* Several edges into a node of one operand sum. */
static int insert_sum(reader *r, stc_node *node)
{
    char name[512];
    const stc_op *add = stc_op_find("add");
    if (!add) return STC_ERR_INTERNAL;
    snprintf(name, sizeof(name), "%.480s.sum", node->name);
    for (int k = 2; stc_graph_find(r->graph, name) >= 0; k++) {
        snprintf(name, sizeof(name), "%.480s.sum%d", node->name, k);
    }
    int index = stc_graph_add(r->graph, name, add, node->ninputs, node->inputs);
    if (index < 0) return index;
    node->ninputs = 1;
    node->inputs[0] = index;
    return 0;
}

static int connect(reader *r, edge_lists *edges)
{
    for (int64_t i = 0; i < r->n; i++) {
        stc_node *node = r->graph->nodes[i];
        int32_t nedges = distinct_sources(r, edges, i);
        int64_t n = r->lists[i] ? r->nlists[i] : nedges;
        node->inputs = stc_arena_alloc(r->graph->arena, n + 1, sizeof(*node->inputs));
        if (!node->inputs) return STC_ERR_NOMEM;
        node->ninputs = (int)n;
        if (r->lists[i]) {
            STC_TRY(listed_operands(r, edges, i, nedges, node->inputs));
        } else if (n > 0) {
            memcpy(node->inputs, edges->source + edges->first[i],
                   (size_t)n * sizeof(*node->inputs));
        }
        if (n > 1 && node->op->max_inputs == 1) STC_TRY(insert_sum(r, node));
    }
    return 0;
}

/* ---- the whole ---- */

static void release(stc_graph *graph)
{
    hid_t *file = graph->source;
    stc_h5_close(file); /* and with it the datasets of the weights */
}

static int read_head(reader *r)
{
    hid_t group;
    const char *name;
    if (stc_h5_has_attr(r->file, "format")) {
        STC_TRY(stc_h5_check_format(r->file, "SpikeGraph", FORMAT));
    }
    STC_TRY(stc_h5_group(r->file, "graph", &group));
    int rc = 0;
    if (stc_h5_has_attr(group, "name")) {
        rc = stc_h5_attr_text(group, "name", r->graph->arena, &name);
        if (rc == 0) r->graph->name = name;
    }
    if (rc == 0 && stc_h5_has_attr(group, "time_steps")) {
        rc = stc_h5_attr_int(group, "time_steps", &r->graph->time_steps);
        if (rc == 0 && (r->graph->time_steps < 0 || r->graph->time_steps > MAX_STEPS)) {
            rc = stc_h5_fail(STC_ERR_INPUT, group, NULL, "time_steps is %lld, expected 0 to %d",
                             (long long)r->graph->time_steps, MAX_STEPS);
        }
    }
    stc_h5_close(&group);
    return rc < 0 ? rc : stc_h5_group(r->file, "graph/nodes", &r->nodes);
}

static int read_all(reader *r)
{
    edge_lists edges;
    STC_TRY(read_head(r));
    int rc = read_nodes(r);
    stc_h5_close(&r->nodes);
    if (rc < 0) return rc;
    STC_TRY(read_edges(r, &edges));
    return connect(r, &edges);
}

int stc_graph_read(const char *path, stc_graph **out)
{
    reader r = {.path = path, .file = -1, .nodes = -1};
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    *out = NULL;
    STC_TRY(stc_h5_open(path, &r.file));
    int rc = stc_graph_create(base, &r.graph);
    if (rc < 0) {
        stc_h5_close(&r.file);
        return rc;
    }
    hid_t *source = stc_arena_alloc(r.graph->arena, 1, sizeof(*source));
    if (source) {
        *source = r.file;
        r.graph->source = source;
        r.graph->release = release;
        rc = stc_arena_create(&r.scratch);
    } else {
        stc_h5_close(&r.file);
        rc = STC_ERR_NOMEM;
    }
    if (rc == 0) rc = read_all(&r);
    stc_arena_destroy(&r.scratch);
    if (rc < 0) {
        stc_graph_destroy(&r.graph);
        return rc;
    }
    *out = r.graph;
    return 0;
}
