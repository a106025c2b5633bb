/* sonata_edges.c - edge files: an edge population becomes a projection, or one for each pair of
 * parts and each receptor that its edges join. Edges stay in their files: the lists of a projection
 * are handles that read rows of datasets and map ids, types and groups on the way.
 *
 * Reading order: types of edges, which edges, lists, projections.
 */
#include "sonata.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { MAX_POPULATIONS = 1000, MAX_RECEPTORS = 64, PIECE = 1 << 16 };

/* What edge types say: [types.n]. */
typedef struct {
    double *weight, *factor, *nsyns, *delay;
    int32_t *receptor; /* NEST's number; 0: by the sign of the weight */
} edge_types;

/* An edge population. */
typedef struct {
    stc_sonata *s;
    stc_sonata_table table;
    const char *name;
    stc_h5_data source_id, target_id;
    const stc_sonata_population *source, *target;
    edge_types types;
    int nreceptors;
    int32_t receptor[MAX_RECEPTORS]; /* those that occur */
    stc_sonata_attribute weight, nsyns, delay;
} edges;

/* ---- types of edges ---- */

static int check_synapse(const stc_sonata_types *types, int64_t row)
{
    const char *model = stc_sonata_cell(types, row, "model_template");
    const char *function = stc_sonata_cell(types, row, "weight_function");
    long long id = (long long)types->id[row];
    if (model && strncmp(model, "nest:", 5) == 0) model += 5;
    STC_CHECK(!model || strcmp(model, "static_synapse") == 0, STC_ERR_INPUT,
              "%s: edge type %lld has the synapse model %.100s; this version has static_synapse",
              types->path, id, model);
    STC_CHECK(!function || strcmp(function, "wmax") == 0, STC_ERR_INPUT,
              "%s: edge type %lld has weight_function %.100s, which is Python; write the weights "
              "that it gives into the edge file (syn_weight)",
              types->path, id, function);
    return 0;
}

/* One member of the JSON file of a synapse. */
static int take_member(edges *e, int64_t row, const char *path, const char *name,
                       const json_t *value)
{
    double number = json_number_value(value);
    if (strcmp(name, "level_of_detail") == 0 || json_is_null(value)) return 0;
    STC_CHECK(json_is_number(value), STC_ERR_INPUT, "%s: %s: expected a number", path, name);
    if (strcmp(name, "receptor_type") == 0) {
        STC_CHECK(number >= 0 && number <= 1000 && number == nearbyint(number), STC_ERR_INPUT,
                  "%s: receptor_type is %g, expected an integer from 0", path, number);
        e->types.receptor[row] = (int32_t)number;
    } else if (strcmp(name, "weight") == 0) {
        e->types.weight[row] = number;
    } else if (strcmp(name, "delay") == 0) {
        e->types.delay[row] = number;
    } else if (strcmp(name, "sign") == 0) {
        e->types.factor[row] = number;
    } else {
        STC_FAIL(STC_ERR_INPUT, "%s: static_synapse has no parameter %.100s", path, name);
    }
    return 0;
}

static int read_synapse(edges *e, int64_t row)
{
    const stc_sonata_types *types = &e->table.types;
    const char *file = stc_sonata_cell(types, row, "dynamics_params"), *name;
    json_t *json, *value;
    if (!file) return 0;
    const char *path = stc_sonata_component(&e->s->config, "synaptic_models_dir", file);
    if (!path) return STC_ERR_INPUT;
    int rc = stc_sonata_json(path, &json);
    if (rc < 0) {
        return stc_fail_in(rc, "%s: edge type %lld", types->path, (long long)types->id[row]);
    }
    json_object_foreach(json, name, value)
    {
        if (rc == 0) rc = take_member(e, row, path, name, value);
    }
    json_decref(json);
    return rc;
}

static int read_type(edges *e, int64_t row)
{
    const stc_sonata_types *types = &e->table.types;
    bool given;
    int k = 0;
    e->types.weight[row] = e->types.factor[row] = e->types.nsyns[row] = e->types.delay[row] = 1;
    if (!e->table.used[row]) return 0;
    STC_TRY(check_synapse(types, row));
    STC_TRY(stc_sonata_number(types, row, "syn_weight", &given, &e->types.weight[row]));
    STC_TRY(stc_sonata_number(types, row, "nsyns", &given, &e->types.nsyns[row]));
    STC_TRY(stc_sonata_number(types, row, "delay", &given, &e->types.delay[row]));
    STC_TRY(read_synapse(e, row));
    while (k < e->nreceptors && e->receptor[k] != e->types.receptor[row])
        k++;
    STC_CHECK(k < MAX_RECEPTORS, STC_ERR_INPUT, "%s: more than %d receptors", types->path,
              MAX_RECEPTORS);
    if (k == e->nreceptors) e->receptor[e->nreceptors++] = e->types.receptor[row];
    return 0;
}

static int read_types(edges *e)
{
    stc_arena *arena = e->s->arena;
    int64_t n = e->table.types.n;
    double *values = stc_arena_alloc(arena, 4 * n, sizeof(*values));
    e->types.receptor = stc_arena_alloc(arena, n, sizeof(*e->types.receptor));
    if (!values || !e->types.receptor) return STC_ERR_NOMEM;
    e->types.weight = values;
    e->types.factor = values + n;
    e->types.nsyns = values + 2 * n;
    e->types.delay = values + 3 * n;
    for (int64_t row = 0; row < n; row++)
        STC_TRY(read_type(e, row));
    STC_TRY(stc_sonata_attribute_open(&e->table, "syn_weight", arena, e->types.weight, &e->weight));
    STC_TRY(stc_sonata_attribute_open(&e->table, "nsyns", arena, e->types.nsyns, &e->nsyns));
    return stc_sonata_attribute_open(&e->table, "delay", arena, e->types.delay, &e->delay);
}

/* ---- which edges ---- */

/* The edges of one projection. before: how many come before each piece of PIECE rows; NULL: all
 * edges. */
typedef struct {
    const edges *from;
    int32_t source, target; /* parts */
    int32_t receptor;
    int64_t n;
    int64_t *before; /* [pieces + 1] */
} selection;

/* Rank of a node id at one end of an edge. */
static int rank_at(const edges *e, bool target, int64_t row, int64_t id, int64_t *out)
{
    const stc_sonata_population *p = target ? e->target : e->source;
    *out = stc_sonata_rank(p, id);
    STC_CHECK(*out >= 0, STC_ERR_INPUT,
              "%s/%s_node_id: edge %lld %s node %lld, which population %s does not have; it has "
              "%lld nodes",
              e->table.place, target ? "target" : "source", (long long)row,
              target ? "leads to" : "comes from", (long long)id, p->name, (long long)p->table.n);
    return 0;
}

/* Parts of the nodes at one end of rows. */
static int parts_of(const edges *e, bool target, const int64_t *rows, int64_t n, int64_t *out)
{
    const stc_sonata_population *p = target ? e->target : e->source;
    memset(out, 0, (size_t)n * sizeof(*out));
    if (!p->part) return 0;
    STC_TRY(
        stc_sonata_gather(target ? &e->target_id : &e->source_id, rows, n, H5T_NATIVE_INT64, out));
    for (int64_t i = 0; i < n; i++) {
        int64_t rank;
        STC_TRY(rank_at(e, target, rows[i], out[i], &rank));
        out[i] = p->part[rank];
    }
    return 0;
}

/* What tells the projections of an edge population apart, for rows of a piece. */
typedef struct {
    int64_t rows[PIECE], source[PIECE], target[PIECE], type[PIECE];
} keys;

static int read_keys(const edges *e, int64_t first, int64_t n, keys *k)
{
    for (int64_t i = 0; i < n; i++)
        k->rows[i] = first + i;
    STC_TRY(parts_of(e, false, k->rows, n, k->source));
    STC_TRY(parts_of(e, true, k->rows, n, k->target));
    memset(k->type, 0, (size_t)n * sizeof(*k->type));
    return e->nreceptors > 1 ? stc_sonata_table_types(&e->table, k->rows, n, k->type) : 0;
}

static bool is_chosen(const selection *s, const keys *k, int64_t i)
{
    return k->source[i] == s->source && k->target[i] == s->target &&
           (s->from->nreceptors == 1 || s->from->types.receptor[k->type[i]] == s->receptor);
}

static int64_t piece_size(const edges *e, int64_t piece)
{
    int64_t left = e->table.n - piece * PIECE;
    return left < PIECE ? left : PIECE;
}

static int64_t npieces(const edges *e)
{
    return (e->table.n + PIECE - 1) / PIECE;
}

/* Rows of the edges first .. first+n of a selection. */
static int select_rows(const selection *s, int64_t first, int64_t n, int64_t *rows)
{
    int64_t piece = 0, done = 0;
    for (int64_t i = 0; i < n && !s->before; i++)
        rows[i] = first + i;
    if (!s->before || n == 0) return 0;
    keys *k = stc_alloc(1, sizeof(*k));
    int rc = k ? 0 : STC_ERR_NOMEM;
    while (s->before[piece + 1] <= first)
        piece++;
    for (; done < n && rc == 0; piece++) {
        int64_t size = piece_size(s->from, piece), at = s->before[piece];
        rc = read_keys(s->from, piece * PIECE, size, k);
        for (int64_t i = 0; i < size && done < n && rc == 0; i++) {
            if (!is_chosen(s, k, i)) continue;
            if (at++ >= first) rows[done++] = k->rows[i];
        }
    }
    stc_free(k);
    return rc;
}

/* ---- lists ---- */

static int read_end(const selection *s, bool target, const int64_t *rows, int64_t n, double *out)
{
    const edges *e = s->from;
    const stc_sonata_population *p = target ? e->target : e->source;
    int64_t *id = stc_alloc(n, sizeof(*id)), rank;
    int rc = id ? 0 : STC_ERR_NOMEM;
    if (rc == 0) {
        rc = stc_sonata_gather(target ? &e->target_id : &e->source_id, rows, n, H5T_NATIVE_INT64,
                               id);
    }
    for (int64_t i = 0; i < n && rc == 0; i++) {
        rc = rank_at(e, target, rows[i], id[i], &rank);
        if (rc == 0) out[i] = (double)(p->index ? p->index[rank] : rank);
    }
    stc_free(id);
    return rc;
}

/* syn_weight, times nsyns, times the sign of the type. */
static int read_weights(const edges *e, const int64_t *rows, int64_t n, double *out)
{
    int64_t *type = stc_alloc(2 * n, sizeof(*type));
    double *factor = (double *)(void *)(type + n);
    int rc = type ? stc_sonata_attribute_read(&e->weight, rows, n, out) : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_sonata_attribute_read(&e->nsyns, rows, n, factor);
    if (rc == 0) rc = stc_sonata_table_types(&e->table, rows, n, type);
    for (int64_t i = 0; i < n && rc == 0; i++)
        out[i] *= factor[i] * e->types.factor[type[i]];
    stc_free(type);
    return rc;
}

enum { SOURCE, TARGET, WEIGHT, DELAY, NLISTS };
static const char *const list_names[NLISTS] = {"source", "target", "weight", "delay"};

typedef struct {
    const selection *edges;
    int which;
} list_source;

static int read_list(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    const list_source *list = weight->source;
    const selection *s = list->edges;
    STC_CHECK(first >= 0 && count >= 0 && first <= s->n - count, STC_ERR_INTERNAL,
              "%s: rows %lld to %lld asked for, it has %lld", weight->label, (long long)first,
              (long long)(first + count), (long long)s->n);
    int64_t *rows = stc_alloc(count, sizeof(*rows));
    int rc = rows ? select_rows(s, first, count, rows) : STC_ERR_NOMEM;
    if (rc == 0 && list->which == WEIGHT) {
        rc = read_weights(s->from, rows, count, out);
    } else if (rc == 0 && list->which == DELAY) {
        rc = stc_sonata_attribute_read(&s->from->delay, rows, count, out);
    } else if (rc == 0) {
        rc = read_end(s, list->which == TARGET, rows, count, out);
    }
    stc_free(rows);
    return rc;
}

static int make_list(const selection *s, int which, stc_weight **out)
{
    stc_arena *arena = s->from->s->arena;
    stc_weight *weight = stc_arena_alloc(arena, 1, sizeof(*weight));
    list_source *source = stc_arena_alloc(arena, 1, sizeof(*source));
    char *label = stc_arena_printf(arena, "%s: %s", s->from->table.place, list_names[which]);
    if (!weight || !source || !label) return STC_ERR_NOMEM;
    *source = (list_source){s, which};
    *weight = (stc_weight){.label = label,
                           .shape = {1, {s->n}},
                           .read = stc_network_read_float,
                           .read_double = read_list,
                           .source = source};
    *out = weight;
    return 0;
}

/* ---- projections ---- */

/* Do all types that occur have this value? */
static bool same_for_types(const edges *e, const double *values, double *value)
{
    bool any = false;
    for (int64_t row = 0; row < e->table.types.n; row++) {
        if (!e->table.used[row]) continue;
        if (any && values[row] != *value) return false;
        *value = values[row];
        any = true;
    }
    return any;
}

/* A delay that all edges share is one number. */
static int set_lists(const selection *s, stc_node *node)
{
    const edges *e = s->from;
    double delay = 0;
    bool same =
        !stc_sonata_attribute_listed(&e->delay) && same_for_types(e, e->types.delay, &delay);
    for (int which = 0; which < NLISTS; which++) {
        stc_weight *list;
        STC_TRY(make_list(s, which, &list));
        if (which == DELAY && same) {
            STC_TRY(stc_network_list(e->s->graph, list->label, -1, &delay, &list));
        }
        stc_network_set_weight(node, list_names[which], list);
    }
    return 0;
}

/* "pop", or "pop.source.target.receptor" as far as these differ; unique in the graph. */
static const char *name_of(const selection *s)
{
    const edges *e = s->from;
    stc_arena *arena = e->s->arena;
    const char *name = e->name;
    if (e->source->nparts > 1 || e->target->nparts > 1) {
        name = stc_arena_printf(arena, "%s.%s.%s", name, e->source->parts[s->source].name,
                                e->target->parts[s->target].name);
    }
    if (name && e->nreceptors > 1 && s->receptor > 0) {
        name = stc_arena_printf(arena, "%s.%d", name, s->receptor);
    }
    while (name && stc_graph_find(e->s->graph, name) >= 0)
        name = stc_arena_printf(arena, "%s.edges", name);
    return name;
}

static int add_projection(const selection *s)
{
    const edges *e = s->from;
    const stc_sonata_part *source = &e->source->parts[s->source];
    const stc_sonata_part *target = &e->target->parts[s->target];
    if (s->n == 0) return 0;
    STC_CHECK(target->op, STC_ERR_INPUT, "%s: leads to %s, whose nodes are virtual", e->table.place,
              target->name);
    const char *name = name_of(s);
    if (!name) return STC_ERR_NOMEM;
    int node = stc_network_add_projection(e->s->graph, name, source->node, target->node);
    if (node < 0) return node;
    const stc_node *population = e->s->graph->nodes[target->node];
    int rc = stc_network_set_receptor(e->s->graph->nodes[node], population, s->receptor);
    if (rc < 0) return stc_fail_in(rc, "%s", e->table.place);
    return set_lists(s, e->s->graph->nodes[node]);
}

/* Count the edges of every selection piece by piece. */
static int count_edges(const edges *e, selection *list, int n, keys *k)
{
    int64_t pieces = npieces(e);
    for (int i = 0; i < n; i++) {
        list[i].before = stc_arena_alloc(e->s->arena, pieces + 1, sizeof(int64_t));
        if (!list[i].before) return STC_ERR_NOMEM;
    }
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t size = piece_size(e, piece);
        STC_TRY(read_keys(e, piece * PIECE, size, k));
        for (int i = 0; i < n; i++) {
            for (int64_t at = 0; at < size; at++)
                list[i].n += is_chosen(&list[i], k, at);
            list[i].before[piece + 1] = list[i].n;
        }
    }
    return 0;
}

static int add_projections(const edges *e)
{
    int n = e->source->nparts * e->target->nparts * e->nreceptors, rc = 0;
    selection *list = stc_arena_alloc(e->s->arena, n, sizeof(*list));
    if (!list) return STC_ERR_NOMEM;
    for (int i = 0; i < n; i++) {
        int pair = i / e->nreceptors;
        list[i] = (selection){.from = e,
                              .source = pair / e->target->nparts,
                              .target = pair % e->target->nparts,
                              .receptor = e->receptor[i % e->nreceptors],
                              .n = n == 1 ? e->table.n : 0};
    }
    if (n > 1) {
        keys *k = stc_alloc(1, sizeof(*k));
        rc = k ? count_edges(e, list, n, k) : STC_ERR_NOMEM;
        stc_free(k);
    }
    for (int i = 0; i < n && rc == 0; i++)
        rc = add_projection(&list[i]);
    return rc;
}

/* ---- files ---- */

/* Dataset with the ids at one end, and the population that they are of. */
static int open_end(edges *e, const char *name, stc_h5_data *ids, const stc_sonata_population **out)
{
    const char *population;
    STC_TRY(stc_network_column(e->table.group, name, true, e->table.n, ids));
    STC_TRY(stc_h5_attr_text(ids->id, "node_population", e->s->arena, &population));
    *out = stc_sonata_find(e->s, population);
    return *out ? 0 : stc_fail_in(STC_ERR_INPUT, "%s/%s", e->table.place, name);
}

static int read_population(stc_sonata *s, hid_t file, const char *name,
                           const stc_sonata_types *types)
{
    edges *e = stc_arena_alloc(s->arena, 1, sizeof(*e));
    if (!e) return STC_ERR_NOMEM;
    e->s = s;
    e->name = name;
    STC_TRY(stc_sonata_table_open(file, "edge", name, s->arena, types, &e->table));
    if (e->table.n == 0) return 0;
    STC_TRY(open_end(e, "source_node_id", &e->source_id, &e->source));
    STC_TRY(open_end(e, "target_node_id", &e->target_id, &e->target));
    STC_TRY(read_types(e));
    return add_projections(e);
}

static int read_file(stc_sonata *s, const json_t *entry)
{
    hid_t file, group;
    const char *path, *types_path, **names;
    int64_t n;
    stc_sonata_types types;
    const stc_sonata_document *circuit = &s->config.circuit;
    if (json_is_false(stc_sonata_member(entry, "enabled"))) return 0;
    path = stc_sonata_path(&s->config, circuit, stc_sonata_member(entry, "edges_file"),
                           "networks/edges/edges_file");
    if (!path) return STC_ERR_INPUT;
    types_path = stc_sonata_path(&s->config, circuit, stc_sonata_member(entry, "edge_types_file"),
                                 "networks/edges/edge_types_file");
    if (!types_path) return STC_ERR_INPUT;
    STC_TRY(stc_sonata_types_read(types_path, "edge_type_id", s->arena, &types));
    STC_TRY(stc_network_open(s->graph, path, &file));
    STC_TRY(stc_h5_group(file, "edges", &group));
    int rc = stc_h5_names(group, MAX_POPULATIONS, s->arena, &names, &n);
    stc_h5_close(&group);
    for (int64_t i = 0; i < n && rc == 0; i++)
        rc = read_population(s, file, names[i], &types);
    return rc;
}

int stc_sonata_add_edges(stc_sonata *s)
{
    json_t *list;
    STC_TRY(stc_sonata_networks(&s->config, "edges", &list));
    for (size_t i = 0; i < json_array_size(list); i++)
        STC_TRY(read_file(s, json_array_get(list, i)));
    return 0;
}
