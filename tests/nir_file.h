/* nir_file.h - .nir files made by hand, one call per node. */
#ifndef STC_TESTS_NIR_FILE_H
#define STC_TESTS_NIR_FILE_H

#include "io_example.h"
#include "stc/nir.h"
#include "stc/op.h"

/* A graph of a file: its group and that of its nodes. */
typedef struct {
    hid_t file, group, nodes;
} nir_graph;

static inline nir_graph nir_begin(void)
{
    nir_graph g = {.file = make_file("model.nir")};
    put_text(g.file, "version", "1.0.8");
    g.group = make_group(g.file, "node");
    put_text(g.group, "type", "NIRGraph");
    g.nodes = make_group(g.group, "nodes");
    return g;
}

/* A graph in a graph; end it before the outer one. */
static inline nir_graph nir_inner(const nir_graph *outer, const char *name)
{
    nir_graph g = {.file = -1, .group = make_group(outer->nodes, name)};
    put_text(g.group, "type", "NIRGraph");
    g.nodes = make_group(g.group, "nodes");
    return g;
}

/* edges: "a>b c>d" */
static inline void nir_end(nir_graph *g, const char *edges)
{
    char copy[512], *names[64];
    hsize_t dim[2] = {0, 2};
    snprintf(copy, sizeof copy, "%s", edges);
    for (char *save, *w = strtok_r(copy, "> ", &save); w; w = strtok_r(NULL, "> ", &save))
        names[dim[0]++] = w;
    dim[0] /= 2;
    put_texts(g->group, "edges", 2, dim, (const char *const *)names);
    H5Gclose(g->nodes);
    H5Gclose(g->group);
    if (g->file >= 0) H5Fclose(g->file);
}

/* A node of this type; close the group. */
static inline hid_t nir_node(const nir_graph *g, const char *name, const char *type)
{
    hid_t group = make_group(g->nodes, name);
    put_text(group, "type", type);
    return group;
}

static inline void nir_floats(hid_t node, const char *name, int n, const double *values)
{
    put_data(node, name, H5T_NATIVE_DOUBLE, n > 0, (const hsize_t[]){(hsize_t)n}, values);
}

static inline void nir_number(hid_t node, const char *name, double value)
{
    nir_floats(node, name, 0, &value);
}

/* Input or Output of n elements. */
static inline void nir_port(const nir_graph *g, const char *name, const char *type, int n)
{
    hid_t node = nir_node(g, name, type);
    put_data(node, "shape", H5T_NATIVE_INT, 1, (const hsize_t[]){1}, &n);
    H5Gclose(node);
}

static inline void nir_lif(const nir_graph *g, const char *name)
{
    static const char *const names[] = {"tau", "r", "v_leak", "v_threshold", "v_reset"};
    static const double values[] = {0.01, 2, 0.25, 0.5, -0.125};
    hid_t node = nir_node(g, name, "LIF");
    for (int i = 0; i < 5; i++)
        nir_number(node, names[i], values[i]);
    H5Gclose(node);
}

/* Weights n x n, all of this value; bias too unless it is 0. */
static inline void nir_affine(const nir_graph *g, const char *name, int n, double value,
                              double bias)
{
    double values[64];
    for (int i = 0; i < 64; i++)
        values[i] = value;
    hid_t node = nir_node(g, name, bias != 0 ? "Affine" : "Linear");
    put_data(node, "weight", H5T_NATIVE_DOUBLE, 2, (const hsize_t[]){(hsize_t)n, (hsize_t)n},
             values);
    for (int i = 0; i < n; i++)
        values[i] = bias;
    if (bias != 0) nir_floats(node, "bias", n, values);
    H5Gclose(node);
}

/* Read model.nir under these rules (NULL: the defaults); prints why not. */
static inline stc_graph *nir_read(stc_nir_rules *rules)
{
    stc_graph *graph = NULL;
    if (stc_graph_read("model.nir", rules, &graph) < 0) fprintf(stderr, "%s\n", stc_error_text());
    return graph;
}

static inline const stc_node *node_of(const stc_graph *graph, const char *name)
{
    int32_t index = stc_graph_find(graph, name);
    if (index < 0) fprintf(stderr, "there is no node %s\n", name);
    return index < 0 ? NULL : graph->nodes[index];
}

/* Is operand k of a node the node of this name? */
static inline bool reads(const stc_graph *graph, const char *name, int k, const char *operand)
{
    const stc_node *node = node_of(graph, name);
    if (!node || k >= node->ninputs) return false;
    return strcmp(graph->nodes[node->inputs[k]]->name, operand) == 0;
}

#endif
