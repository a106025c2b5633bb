/* edge_list.c - networks whose edges are listed. /neurons holds a column for each parameter of the
 * model that the root attribute `model` names, /edges the columns src, dst, weight and delay. Or
 * both hold groups: populations with a model of their own, and edges between two of them. An
 * optional /input holds the spikes of sources and their edges. What others wrote beside them
 * (/spikes, /trace) is not read.
 *
 * Reading order: the clock, neurons, edges, input, stc_edge_list_read, stc_edge_list_input.
 */
#include "network.h"

#include "stc/error.h"
#include "stc/io.h"

#include <math.h>
#include <string.h>

enum { MAX_COLUMNS = 1000, PIECE = 1 << 16 };

typedef struct {
    hid_t file;
    stc_graph *graph;
    stc_arena *scratch;
    bool single; /* one population, whose columns lie in /neurons */
} edge_list;

bool stc_is_edge_list(hid_t file)
{
    return !stc_h5_has_attr(file, "format") && stc_h5_has(file, "neurons") &&
           stc_h5_has(file, "edges");
}

/* ---- the clock ---- */

/* Milliseconds; ours is a number of seconds that differs by less than rounding. */
static int check_dt(hid_t file, const char *path, double ms, const stc_nir_rules *rules)
{
    if (!(ms > 0 && ms < 1e6)) {
        return stc_h5_fail(STC_ERR_INPUT, file, NULL,
                           "attribute dt_ms is %g, expected milliseconds per step", ms);
    }
    STC_CHECK(!rules || rules->dt == 0 || fabs(rules->dt * 1e3 - ms) <= 1e-9 * ms, STC_ERR_USAGE,
              "--dt: a step of %.9g ms, but the delays of %s are in steps of %.9g ms",
              rules ? rules->dt * 1e3 : 0.0, path, ms);
    return 0;
}

static int read_clock(const edge_list *e, const char *path, const stc_nir_rules *rules)
{
    double ms, stop;
    stc_graph *graph = e->graph;
    STC_TRY(stc_h5_attr_real(e->file, "dt_ms", &ms));
    STC_TRY(check_dt(e->file, path, ms, rules));
    graph->dt = ms / 1e3;
    if (stc_h5_has_attr(e->file, "n_steps")) {
        STC_TRY(stc_h5_attr_int(e->file, "n_steps", &graph->time_steps));
    } else if (stc_h5_has_attr(e->file, "t_stop_ms")) {
        STC_TRY(stc_h5_attr_real(e->file, "t_stop_ms", &stop));
        if (!(stop >= 0 && stop / ms <= STC_NETWORK_MAX_STEPS)) {
            return stc_h5_fail(STC_ERR_INPUT, e->file, NULL,
                               "attribute t_stop_ms is %g, expected 0 to %d steps", stop,
                               STC_NETWORK_MAX_STEPS);
        }
        graph->time_steps = (int64_t)nearbyint(stop / ms);
    }
    if (graph->time_steps < 0 || graph->time_steps > STC_NETWORK_MAX_STEPS) {
        return stc_h5_fail(STC_ERR_INPUT, e->file, NULL, "n_steps is %lld, expected 0 to %d",
                           (long long)graph->time_steps, STC_NETWORK_MAX_STEPS);
    }
    return 0;
}

/* ---- neurons ---- */

static int unknown_column(hid_t group, const char *column, const stc_op *op)
{
    const char *names[64];
    int n = 0;
    for (; n < op->nattrs && n < 64; n++)
        names[n] = op->attrs[n].name;
    const char *nearest = stc_nearest(column, names, n);
    return stc_h5_fail(STC_ERR_INPUT, group, column, "%s has no parameter of this name%s%s%s",
                       op->name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                       nearest ? "?" : "");
}

static int read_column(const edge_list *e, hid_t group, stc_node *node, const char *column,
                       int64_t n)
{
    const char *name = strcmp(column, "V_m_init") == 0 ? "V_m" : column;
    bool uniform;
    double value = 0;
    stc_h5_data data;
    stc_weight *weight;
    int a = stc_op_attr(node->op, name);
    if (strcmp(name, "n") == 0 || strcmp(name, "dt") == 0) a = -1;
    if (a < 0) return unknown_column(group, column, node->op);
    STC_TRY(stc_network_column(group, column, false, n, &data));
    STC_TRY(stc_network_weight(e->graph, &data, 1, &weight));
    STC_TRY(stc_network_uniform(weight, &uniform, &value));
    return stc_network_set_parameter(node, a, uniform, value, weight);
}

/* Neurons are as many as an attribute says, or as the columns have rows. */
static int count_neurons(hid_t object, const char *attribute, hid_t group, const char **columns,
                         int64_t ncolumns, int64_t *n)
{
    stc_h5_data data;
    if (stc_h5_has_attr(object, attribute)) {
        STC_TRY(stc_h5_attr_int(object, attribute, n));
    } else if (ncolumns > 0) {
        STC_TRY(stc_network_column(group, columns[0], false, -1, &data));
        *n = data.dim[0];
        stc_h5_close(&data.id);
    } else {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                           "has no columns, and there is no attribute %s", attribute);
    }
    if (*n < 1 || *n > INT32_MAX) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL, "%lld neurons, expected 1 to %d",
                           (long long)*n, INT32_MAX);
    }
    return 0;
}

/* A population from the columns of a group; object: what carries the attributes. */
static int read_population(const edge_list *e, hid_t object, hid_t group, const char *name)
{
    const char **columns, *model;
    int64_t ncolumns, n;
    const stc_op *op;
    bool only = object == e->file;
    STC_TRY(stc_h5_names(group, MAX_COLUMNS, e->scratch, &columns, &ncolumns));
    STC_TRY(count_neurons(object, only ? "n_neurons" : "n", group, columns, ncolumns, &n));
    STC_TRY(stc_h5_attr_text(object, "model", e->scratch, &model));
    int rc = stc_network_model(model, &op);
    if (rc < 0) return stc_h5_fail(rc, group, NULL, "attribute model: %s", stc_error_text());
    int node = stc_network_add_population(e->graph, name, op, n);
    if (node < 0) return node;
    for (int64_t i = 0; i < ncolumns; i++) {
        bool initial = strcmp(columns[i], "V_m") == 0 && stc_h5_has(group, "V_m_init");
        if (initial || strcmp(columns[i], "id") == 0) continue;
        STC_TRY(read_column(e, group, e->graph->nodes[node], columns[i], n));
    }
    return node;
}

/* Is the first member of a group a group again? */
static bool holds_groups(hid_t group, const char **names, int64_t n)
{
    hid_t first = n > 0 ? stc_h5_open_object(group, names[0]) : -1;
    bool is = first >= 0 && H5Iget_type(first) == H5I_GROUP;
    stc_h5_close(&first);
    H5Eclear2(H5E_DEFAULT);
    return is;
}

/* Call visit for every group in a group, or for it alone, with its own name, when it holds none. */
static int each_group(edge_list *e, const char *name,
                      int (*visit)(edge_list *e, hid_t group, const char *name, bool only))
{
    hid_t group, member;
    const char **names;
    int64_t n;
    STC_TRY(stc_h5_group(e->file, name, &group));
    int rc = stc_h5_names(group, MAX_COLUMNS, e->scratch, &names, &n);
    bool groups = rc == 0 && holds_groups(group, names, n);
    if (rc == 0 && !groups) rc = visit(e, group, name, true);
    for (int64_t i = 0; i < n && rc >= 0 && groups; i++) {
        rc = stc_h5_group(group, names[i], &member);
        if (rc == 0) rc = visit(e, member, names[i], false);
        stc_h5_close(&member);
    }
    stc_h5_close(&group);
    return rc < 0 ? rc : 0;
}

static int visit_neurons(edge_list *e, hid_t group, const char *name, bool only)
{
    e->single = only;
    return read_population(e, only ? e->file : group, group, name);
}

/* ---- edges ---- */

/* Names of the columns of edges; delays are steps, or milliseconds when they are floats. */
typedef struct {
    const char *source, *target, *weight, *delay;
} edge_columns;
static const edge_columns recurrent = {"src", "dst", "weight", "delay"};
static const edge_columns external = {"edge_src", "edge_dst", "edge_weight", "edge_delay"};

/* One value instead of a list of equal ones. */
static int set_list(stc_graph *graph, stc_node *node, const char *name, stc_weight *list)
{
    bool uniform;
    double value;
    STC_TRY(stc_network_uniform(list, &uniform, &value));
    if (uniform) STC_TRY(stc_network_list(graph, list->label, -1, &value, &list));
    stc_network_set_weight(node, name, list);
    return 0;
}

static int set_edges(const edge_list *e, hid_t group, const edge_columns *c, stc_node *node,
                     int64_t n)
{
    stc_h5_data data;
    stc_weight *list;
    const char *names[] = {c->source, c->target};
    for (int end = 0; end < 2; end++) {
        STC_TRY(stc_network_column(group, names[end], true, n, &data));
        STC_TRY(stc_network_weight(e->graph, &data, 1, &list));
        stc_network_set_weight(node, end ? "target" : "source", list);
    }
    STC_TRY(stc_network_column(group, c->weight, false, n, &data));
    STC_TRY(stc_network_weight(e->graph, &data, 1, &list));
    STC_TRY(set_list(e->graph, node, "weight", list));
    STC_TRY(stc_network_column(group, c->delay, false, n, &data));
    STC_TRY(stc_network_weight(e->graph, &data,
                               data.kind == H5T_FLOAT ? 1 : stc_network_ms(e->graph), &list));
    return set_list(e->graph, node, "delay", list);
}

static int count_rows(hid_t group, const char *column, int64_t *n)
{
    stc_h5_data data;
    STC_TRY(stc_network_column(group, column, true, -1, &data));
    *n = data.dim[0];
    stc_h5_close(&data.id);
    return 0;
}

static int read_edges(const edge_list *e, hid_t group, const edge_columns *c, const char *name,
                      int32_t source, int32_t target)
{
    int64_t n = 0, receptor = 0;
    STC_TRY(count_rows(group, c->source, &n));
    if (n == 0) return 0;
    int node = stc_network_add_projection(e->graph, name, source, target);
    if (node < 0) return node;
    if (stc_h5_has_attr(group, "receptor")) {
        STC_TRY(stc_h5_attr_int(group, "receptor", &receptor)); /* from 1 on, as in NEST */
    }
    int rc = stc_network_set_receptor(e->graph->nodes[node], e->graph->nodes[target], receptor);
    if (rc < 0) return stc_h5_fail(rc, group, NULL, "%s", stc_error_text());
    return set_edges(e, group, c, e->graph->nodes[node], n);
}

/* The node that an attribute of a group of edges names. */
static int find_end(const edge_list *e, hid_t group, const char *attribute, int32_t *out)
{
    const char *name;
    STC_TRY(stc_h5_attr_text(group, attribute, e->scratch, &name));
    *out = stc_graph_find(e->graph, name);
    if (*out >= 0) return 0;
    return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                       "%s is \"%.100s\", which is no group of /neurons", attribute, name);
}

static int visit_edges(edge_list *e, hid_t group, const char *name, bool only)
{
    int32_t source, target;
    if (only && e->single) return read_edges(e, group, &recurrent, name, 0, 0);
    if (only && !stc_h5_has(group, recurrent.source)) return 0; /* no edges at all */
    STC_TRY(find_end(e, group, "source", &source));
    STC_TRY(find_end(e, group, "target", &target));
    return read_edges(e, group, &recurrent, name, source, target);
}

/* ---- input ---- */

/* Largest entry of a column of integers, at least `most`. */
static int largest(hid_t group, const char *name, int64_t *most)
{
    stc_h5_data data;
    STC_TRY(stc_network_column(group, name, true, -1, &data));
    int64_t *values = stc_alloc(PIECE, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int64_t first = 0; first < data.dim[0] && rc == 0; first += PIECE) {
        int64_t count = data.dim[0] - first < PIECE ? data.dim[0] - first : PIECE;
        rc = stc_h5_data_read(&data, &first, &count, H5T_NATIVE_INT64, values);
        for (int64_t i = 0; i < count && rc == 0; i++)
            if (values[i] > *most) *most = values[i];
    }
    stc_free(values);
    stc_h5_close(&data.id);
    return rc;
}

/* Sources are as many as their attribute says, or as are named; 0: there is no /input. */
static int count_sources(hid_t file, int64_t *n)
{
    hid_t group;
    int64_t most = -1;
    *n = 0;
    if (!stc_h5_has(file, "input")) return 0;
    STC_TRY(stc_h5_group(file, "input", &group));
    int rc = 0;
    if (stc_h5_has_attr(group, "n_sources")) {
        rc = stc_h5_attr_int(group, "n_sources", n);
    } else {
        if (stc_h5_has(group, external.source)) rc = largest(group, external.source, &most);
        if (rc == 0) rc = largest(group, "spike_source", &most);
        *n = most + 1;
    }
    if (rc == 0 && (*n < 0 || *n > INT32_MAX)) {
        rc = stc_h5_fail(STC_ERR_INPUT, group, NULL, "%lld sources, expected 0 to %d",
                         (long long)*n, INT32_MAX);
    }
    stc_h5_close(&group);
    return rc;
}

/* The input node, and with a single population the edges from it, which lie in /input too. */
static int read_input(const edge_list *e)
{
    hid_t group;
    int64_t n;
    STC_TRY(count_sources(e->file, &n));
    if (n == 0) return 0;
    int node = stc_network_add_input(e->graph, "input", n);
    if (node < 0 || !e->single) return node < 0 ? node : 0;
    STC_TRY(stc_h5_group(e->file, "input", &group));
    int rc = 0; /* or in a group of /edges */
    if (stc_h5_has(group, external.source)) {
        rc = read_edges(e, group, &external, "input_edges", node, 0);
    }
    stc_h5_close(&group);
    return rc;
}

/* ---- the graph ---- */

static int read_network(edge_list *e, const char *path, const stc_nir_rules *rules)
{
    STC_TRY(stc_network_check_rules(path, "an edge list", rules));
    STC_TRY(read_clock(e, path, rules));
    STC_TRY(each_group(e, "neurons", visit_neurons));
    STC_TRY(read_input(e));
    return each_group(e, "edges", visit_edges);
}

int stc_edge_list_read(const char *path, const stc_nir_rules *rules, stc_graph **out)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    edge_list e = {.file = -1};
    *out = NULL;
    STC_TRY(stc_graph_create(base, &e.graph));
    int rc = stc_arena_create(&e.scratch);
    if (rc == 0) rc = stc_network_open(e.graph, path, &e.file);
    if (rc == 0) rc = read_network(&e, path, rules);
    stc_arena_destroy(&e.scratch);
    if (rc < 0) {
        stc_graph_destroy(&e.graph);
        return rc;
    }
    *out = e.graph;
    return 0;
}

/* ---- its spikes ---- */

static int take_spikes(stc_network_input *in, int array, int64_t n, const stc_h5_data *sources,
                       const stc_h5_data *steps)
{
    int64_t *ids = stc_alloc(2 * PIECE, sizeof(*ids)), *stamps = ids + PIECE;
    int rc = ids ? 0 : STC_ERR_NOMEM;
    for (int64_t first = 0; first < sources->dim[0] && rc == 0; first += PIECE) {
        int64_t count = sources->dim[0] - first < PIECE ? sources->dim[0] - first : PIECE;
        rc = stc_h5_data_read(sources, &first, &count, H5T_NATIVE_INT64, ids);
        if (rc == 0) rc = stc_h5_data_read(steps, &first, &count, H5T_NATIVE_INT64, stamps);
        for (int64_t i = 0; i < count && rc == 0; i++) {
            if (ids[i] < 0 || ids[i] >= n) {
                rc = stc_h5_fail(STC_ERR_INPUT, sources->id, NULL,
                                 "entry [%lld] is %lld, expected a source from 0 to %lld",
                                 (long long)(first + i), (long long)ids[i], (long long)(n - 1));
            } else if (stamps[i] < 1) {
                rc = stc_h5_fail(STC_ERR_INPUT, steps->id, NULL,
                                 "entry [%lld] is %lld; a spike is stamped with the end of its "
                                 "step, 1 or later",
                                 (long long)(first + i), (long long)stamps[i]);
            } else {
                rc = stc_network_input_spike(in, array, stamps[i] - 1, ids[i]);
            }
        }
    }
    stc_free(ids);
    return rc;
}

static int read_spikes(stc_network_input *in, hid_t file)
{
    int64_t n;
    int array;
    stc_h5_data sources = {.id = -1}, steps = {.id = -1};
    STC_TRY(count_sources(file, &n));
    if (n == 0) return 0;
    STC_TRY(stc_network_input_array(in, "input", n, &array));
    if (array < 0) return 0;
    int rc = stc_network_column(file, "input/spike_source", true, -1, &sources);
    if (rc == 0) {
        rc = stc_network_column(file, "input/spike_step", true, sources.dim[0], &steps);
    }
    if (rc == 0) rc = take_spikes(in, array, n, &sources, &steps);
    stc_h5_close(&sources.id);
    stc_h5_close(&steps.id);
    return rc;
}

int stc_edge_list_input(const char *path, const stc_program *program,
                        const stc_input_options *options, stc_input **out)
{
    hid_t file;
    stc_network_input in;
    *out = NULL;
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_network_input_begin(path, program, options, &in);
    if (rc == 0) rc = read_spikes(&in, file);
    stc_h5_close(&file);
    return stc_network_input_finish(&in, rc, out);
}
