/* info_graph.c - `stc info` of a model: its size, and one line per node. */
#include "info.h"

#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/op.h"

enum { NAME_WIDTH = 28 };

static int64_t weights_of(const stc_node *node)
{
    int64_t total = 0;
    for (int i = 0; i < node->op->nattrs; i++)
        if (node->op->attrs[i].kind == STC_ATTR_WEIGHT && node->attrs[i].weight)
            total += stc_shape_size(&node->attrs[i].weight->shape);
    return total;
}

/* The projections of all populations, in an arena. */
static int list_projections(const stc_graph *graph, stc_info_projection **out, int64_t *n)
{
    int64_t most = 0;
    for (int32_t i = 0; i < graph->nnodes; i++)
        most += graph->nodes[i]->ninputs;
    *n = 0;
    *out = stc_arena_alloc(graph->arena, most, sizeof **out);
    if (!*out) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        for (int k = 0; k < node->ninputs; k++) {
            const stc_node *in = graph->nodes[node->inputs[k]];
            if (in->op->op_class != STC_CLASS_PROJECTION) continue;
            stc_kernel kernel = {0};
            const stc_node *source = graph->nodes[in->inputs[0]];
            STC_TRY(in->op->lower(in, &source, &kernel));
            (*out)[(*n)++] = (stc_info_projection){source->name, node->name, kernel.u.deliver};
        }
    }
    return 0;
}

static void print_text(const char *path, const stc_graph *graph, const stc_graph_stats *stats,
                       const stc_info_projection *projections, int64_t nprojections)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE], shape[96], kind[96];
    printf("%s: model %s\n", path, graph->name);
    printf("%lld nodes, %lld edges, %s neurons, %s weights, %s synapses", (long long)stats->nodes,
           (long long)stats->edges, stc_text_count(stats->neurons, a),
           stc_text_count(stats->weights, b), stc_text_count(stats->synapses, c));
    if (graph->time_steps > 0) printf(", %lld steps per sample", (long long)graph->time_steps);
    printf("\n\n%-*s %-13s %-16s %-18s %10s  %s\n", NAME_WIDTH, "node", "op", "shape", "values",
           "weights", "operands");
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        printf("%-*s %-13s %-16s %-18s %10s  ", NAME_WIDTH, node->name, node->op->name,
               stc_shape_text(&node->shape, shape, sizeof shape),
               stc_kind_text(node->kind, kind, sizeof kind), stc_text_count(weights_of(node), a));
        for (int k = 0; k < node->ninputs; k++)
            printf("%s%s", k ? ", " : "", graph->nodes[node->inputs[k]]->name);
        putchar('\n');
    }
    stc_info_projections_text(projections, nprojections);
}

static void json_node(stc_json *out, const stc_graph *graph, const stc_node *node)
{
    char kind[96];
    stc_json_open(out, NULL, '{');
    stc_json_string(out, "name", node->name);
    stc_json_string(out, "op", node->op->name);
    stc_json_open(out, "shape", '[');
    for (int d = 0; d < node->shape.ndim; d++)
        stc_json_int(out, NULL, node->shape.dim[d]);
    stc_json_close(out, ']');
    stc_json_string(out, "values", stc_kind_text(node->kind, kind, sizeof kind));
    stc_json_int(out, "weights", weights_of(node));
    stc_json_open(out, "operands", '[');
    for (int k = 0; k < node->ninputs; k++)
        stc_json_string(out, NULL, graph->nodes[node->inputs[k]]->name);
    stc_json_close(out, ']');
    stc_json_close(out, '}');
}

static void print_json(const char *path, const stc_graph *graph, const stc_graph_stats *stats,
                       const stc_info_projection *projections, int64_t nprojections)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "file", path);
    stc_json_string(&out, "kind", stc_file_kind_name(STC_FILE_GRAPH));
    stc_json_string(&out, "name", graph->name);
    stc_json_open(&out, "graph", '{');
    stc_json_int(&out, "nodes", stats->nodes);
    stc_json_int(&out, "edges", stats->edges);
    stc_json_int(&out, "neurons", stats->neurons);
    stc_json_int(&out, "synapses", stats->synapses);
    stc_json_int(&out, "weights", stats->weights);
    stc_json_int(&out, "macs", stats->macs);
    stc_json_int(&out, "time_steps", graph->time_steps);
    stc_json_close(&out, '}');
    stc_json_open(&out, "nodes", '[');
    for (int32_t i = 0; i < graph->nnodes; i++)
        json_node(&out, graph, graph->nodes[i]);
    stc_json_close(&out, ']');
    if (nprojections) stc_info_projections_json(&out, projections, nprojections);
    stc_json_end(&out);
}

int stc_info_graph(const char *path, bool json)
{
    stc_graph *graph = NULL;
    stc_nir_rules rules;
    STC_TRY(stc_rules_options(&rules));
    STC_TRY(stc_graph_read(path, &rules, &graph));
    int rc = stc_graph_verify(graph);
    stc_info_projection *projections = NULL;
    int64_t n = 0;
    if (rc >= 0) rc = list_projections(graph, &projections, &n);
    if (rc < 0) {
        stc_fail_in(rc, "%s", path);
    } else {
        stc_graph_stats stats = stc_graph_statistics(graph);
        (json ? print_json : print_text)(path, graph, &stats, projections, n);
    }
    stc_graph_destroy(&graph);
    return rc;
}
