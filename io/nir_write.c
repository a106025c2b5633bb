/* nir_write.c - a graph as a .nir file. Reading order: nir_plan.c (what becomes of a node),
 * nir_needs.c (the rules that the file needs), nir_write_node.c (parameters), then this: edges, the
 * file. */
#include "nir_write.h"

#include "stc/error.h"

#include <string.h>

/* Of the reference implementation whose layout this is. */
static const char nir_version[] = "1.0.8";

enum { MAX_DEPTH = 10000 }; /* sums of sums */

/* ---- edges ---- */

typedef struct {
    stc_nir_writer *w;
    const char **names; /* [2 room] */
    int64_t n, room;
    int32_t *seen; /* [nnodes] the last consumer for which a source was met, plus 1 */
    int depth;     /* sums that are being looked through */
} edges;

static int add_edge(edges *e, int32_t from, int32_t to)
{
    const stc_graph *graph = e->w->graph;
    STC_CHECK(e->seen[from] != to + 1, STC_ERR_INPUT,
              "node %s: cannot be written as NIR: %s reaches it twice, and NIR has no edge that "
              "counts twice; scale it by 2",
              graph->nodes[to]->name, graph->nodes[from]->name);
    e->seen[from] = to + 1;
    if (e->n == e->room) {
        int64_t room = e->room ? 2 * e->room : 64;
        const char **names = stc_arena_alloc(e->w->arena, 2 * room, sizeof(*names));
        if (!names) return STC_ERR_NOMEM;
        if (e->n) memcpy(names, e->names, 2 * (size_t)e->n * sizeof(*names));
        e->names = names;
        e->room = room;
    }
    e->names[2 * e->n] = graph->nodes[from]->name;
    e->names[2 * e->n++ + 1] = graph->nodes[to]->name;
    return 0;
}

/* All that reaches `to` through operand `from`. */
static int follow(edges *e, int32_t from, int32_t to)
{
    if (e->w->plan[from].type) return add_edge(e, from, to);
    const stc_node *node = e->w->graph->nodes[from];
    STC_CHECK(e->depth < MAX_DEPTH, STC_ERR_INPUT,
              "node %s: cannot be written as NIR: more than %d sums of sums", node->name,
              MAX_DEPTH);
    e->depth++;
    for (int k = 0; k < node->ninputs; k++)
        STC_TRY(follow(e, node->inputs[k], to));
    e->depth--;
    return 0;
}

static int put_edges(stc_nir_writer *w, hid_t group)
{
    edges e = {.w = w};
    e.seen = stc_arena_alloc(w->arena, w->graph->nnodes, sizeof(*e.seen));
    if (!e.seen) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < w->graph->nnodes; i++) {
        const stc_node *node = w->graph->nodes[i];
        if (!w->plan[i].type) continue;
        if (w->plan[i].scale) { /* what lies between was left out */
            const stc_node *flat = stc_nir_operand(w, w->plan[i].scale);
            STC_TRY(follow(&e, flat->inputs[0], i));
            continue;
        }
        for (int k = 0; k < node->ninputs; k++)
            STC_TRY(follow(&e, node->inputs[k], i));
    }
    const int64_t dim[2] = {e.n, 2};
    return stc_h5_put_texts(group, "edges", 2, dim, e.names);
}

/* ---- the file ---- */

static int put_metadata(const stc_nir_writer *w, hid_t group)
{
    char text[512];
    const char *options = text;
    hid_t metadata;
    stc_nir_needs_text(&w->needs, text, sizeof(text));
    STC_TRY(stc_h5_group_create(group, "metadata", &metadata));
    int rc = stc_h5_put(metadata, "dt", H5T_NATIVE_DOUBLE, -1, &w->needs.dt);
    if (rc == 0) rc = stc_h5_put_texts(metadata, "stc_rules", 0, NULL, &options);
    stc_h5_close(&metadata);
    return rc;
}

static int put_nodes(const stc_nir_writer *w, hid_t group)
{
    hid_t nodes;
    STC_TRY(stc_h5_group_create(group, "nodes", &nodes));
    int rc = 0;
    for (int32_t i = 0; i < w->graph->nnodes && rc == 0; i++) {
        hid_t node;
        if (!w->plan[i].type) continue;
        rc = stc_h5_group_create(nodes, w->graph->nodes[i]->name, &node);
        if (rc < 0) break;
        rc = stc_nir_put_node(w, node, i);
        stc_h5_close(&node);
    }
    stc_h5_close(&nodes);
    return rc;
}

static int put_graph(stc_nir_writer *w, hid_t file)
{
    static const char *const version = nir_version, *const type = "NIRGraph";
    hid_t group;
    STC_TRY(stc_h5_put_texts(file, "version", 0, NULL, &version));
    STC_TRY(stc_h5_group_create(file, "node", &group));
    int rc = stc_h5_put_texts(group, "type", 0, NULL, &type);
    if (rc == 0) rc = put_metadata(w, group);
    if (rc == 0) rc = put_nodes(w, group);
    if (rc == 0) rc = put_edges(w, group);
    stc_h5_close(&group);
    return rc;
}

static int write_file(stc_nir_writer *w, const char *path)
{
    stc_h5_file file;
    int64_t bytes = stc_h5_overhead(8), edges_of = 0;
    for (int32_t i = 0; i < w->graph->nnodes; i++) {
        bytes += stc_nir_node_bytes(w, i);
        edges_of += w->graph->nodes[i]->ninputs;
    }
    STC_TRY(stc_h5_create(NULL, path, bytes + 4096 * edges_of, &file));
    int rc = put_graph(w, file.id);
    return stc_h5_finish(&file, stc_h5_created(&file, rc));
}

int stc_graph_write_nir(const stc_graph *graph, const char *path, char *needs, size_t size)
{
    stc_nir_writer w = {.graph = graph};
    STC_TRY(stc_arena_create(&w.arena));
    int rc = stc_nir_plan_nodes(&w);
    if (rc == 0) rc = stc_nir_find_needs(&w);
    if (rc == 0) stc_nir_needs_text(&w.needs, needs, size);
    if (rc == 0) rc = write_file(&w, path);
    stc_arena_destroy(&w.arena);
    return rc;
}
