/* sonata_nodes.c - node files: populations, the ids of their nodes, and the models that they have.
 *
 * A population becomes one node of the graph, or one for each of its models; virtual nodes become
 * an input. Inside, nodes are ordered by id, whatever the order of the file.
 */
#include "sonata.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_POPULATIONS = 1000, MAX_PARTS = 256, PIECE = 1 << 16 };

/* ---- models ---- */

/* The model of a type; NULL: virtual. */
static int model_of(const stc_sonata_types *types, int64_t row, const stc_op **out)
{
    const char *type = stc_sonata_cell(types, row, "model_type");
    const char *model = stc_sonata_cell(types, row, "model_template");
    long long id = (long long)types->id[row];
    int rc;
    *out = NULL;
    STC_CHECK(type, STC_ERR_INPUT, "%s: node type %lld has no model_type", types->path, id);
    if (strcmp(type, "virtual") == 0) return 0;
    STC_CHECK(model, STC_ERR_INPUT,
              "%s: node type %lld, %s, has no model_template; expected a point neuron, nest:MODEL",
              types->path, id, type);
    if (strcmp(model, "nrn:IntFire1") == 0) {
        rc = stc_network_model("IntFire1", out);
    } else {
        STC_CHECK(strncmp(model, "nest:", 5) == 0, STC_ERR_INPUT,
                  "%s: node type %lld, %s, has model_template %.100s; expected a point neuron, "
                  "nest:MODEL or nrn:IntFire1",
                  types->path, id, type, model);
        rc = stc_network_model(model + 5, out);
    }
    return rc < 0 ? stc_fail_in(rc, "%s: node type %lld", types->path, id) : 0;
}

/* ---- ids ---- */

typedef struct {
    int64_t id, row;
} numbered;

static int compare_numbered(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Are the ids 0, 1, 2 and so on? */
static int in_order(const stc_h5_data *ids, bool *out)
{
    int64_t *values = stc_alloc(PIECE, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    *out = true;
    for (int64_t first = 0; first < ids->dim[0] && rc == 0 && *out; first += PIECE) {
        int64_t count = ids->dim[0] - first < PIECE ? ids->dim[0] - first : PIECE;
        rc = stc_h5_data_read(ids, &first, &count, H5T_NATIVE_INT64, values);
        for (int64_t i = 0; i < count && rc == 0 && *out; i++)
            *out = values[i] == first + i;
    }
    stc_free(values);
    return rc;
}

static int sort_ids(const stc_h5_data *ids, stc_arena *arena, stc_sonata_population *p)
{
    int64_t n = p->table.n, *values = stc_alloc(n, sizeof(*values));
    numbered *list = stc_alloc(n, sizeof(*list));
    p->id = stc_arena_alloc(arena, n, sizeof(*p->id));
    p->row = stc_arena_alloc(arena, n, sizeof(*p->row));
    int rc = values && list && p->id && p->row ? 0 : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_h5_data_read(ids, NULL, NULL, H5T_NATIVE_INT64, values);
    for (int64_t i = 0; i < n && rc == 0; i++)
        list[i] = (numbered){values[i], i};
    if (rc == 0) qsort(list, (size_t)n, sizeof(*list), compare_numbered);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        p->id[i] = list[i].id;
        p->row[i] = list[i].row;
        if (list[i].id < 0 || (i > 0 && list[i].id == list[i - 1].id)) {
            rc = stc_h5_fail(STC_ERR_INPUT, ids->id, NULL, "id %lld of row %lld is %s",
                             (long long)list[i].id, (long long)list[i].row,
                             list[i].id < 0 ? "negative" : "there twice");
        }
    }
    stc_free(list);
    stc_free(values);
    return rc;
}

static int read_ids(stc_arena *arena, stc_sonata_population *p)
{
    stc_h5_data ids;
    bool ordered;
    if (!stc_h5_has(p->table.group, "node_id")) return 0;
    STC_TRY(stc_network_column(p->table.group, "node_id", true, p->table.n, &ids));
    int rc = in_order(&ids, &ordered);
    if (rc == 0 && !ordered) rc = sort_ids(&ids, arena, p);
    stc_h5_close(&ids.id);
    return rc;
}

int64_t stc_sonata_rank(const stc_sonata_population *population, int64_t id)
{
    int64_t low = 0, high = population->table.n;
    if (!population->id) return id >= 0 && id < high ? id : -1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (population->id[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < population->table.n && population->id[low] == id ? low : -1;
}

/* ---- parts ---- */

/* One part for each model of the types that occur; of_type [types]: which. */
static int find_models(stc_sonata_population *p, stc_arena *arena, int32_t *of_type)
{
    const stc_sonata_types *types = &p->table.types;
    p->parts = stc_arena_alloc(arena, MAX_PARTS, sizeof(*p->parts));
    if (!p->parts) return STC_ERR_NOMEM;
    for (int64_t row = 0; row < types->n; row++) {
        const stc_op *op;
        int32_t k = 0;
        if (!p->table.used[row]) continue;
        STC_TRY(model_of(types, row, &op));
        while (k < p->nparts && p->parts[k].op != op)
            k++;
        STC_CHECK(k < MAX_PARTS, STC_ERR_INPUT, "%s: more than %d models", p->table.place,
                  MAX_PARTS);
        if (k == p->nparts) p->parts[p->nparts++] = (stc_sonata_part){.op = op, .node = -1};
        of_type[row] = k;
    }
    return 0;
}

static int name_parts(stc_sonata_population *p, stc_arena *arena)
{
    for (int k = 0; k < p->nparts; k++) {
        stc_sonata_part *part = &p->parts[k];
        part->name = p->nparts == 1 ? p->name
                                    : stc_arena_printf(arena, "%s.%s", p->name,
                                                       part->op ? part->op->name : "virtual");
        if (!part->name) return STC_ERR_NOMEM;
    }
    return 0;
}

/* Part of every rank, in pieces; room [2 PIECE]. */
static int assign_parts(stc_sonata_population *p, const int32_t *of_type, int64_t *room)
{
    int64_t *rows = room, *type = room + PIECE, n = p->table.n;
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t count = n - first < PIECE ? n - first : PIECE;
        for (int64_t i = 0; i < count; i++)
            rows[i] = p->row ? p->row[first + i] : first + i;
        STC_TRY(stc_sonata_table_types(&p->table, rows, count, type));
        for (int64_t i = 0; i < count; i++) {
            p->part[first + i] = of_type[type[i]];
            p->index[first + i] = p->parts[p->part[first + i]].n++;
        }
    }
    return 0;
}

static int split(stc_sonata_population *p, stc_arena *arena, const int32_t *of_type)
{
    int64_t n = p->table.n, *room = stc_alloc(2 * PIECE, sizeof(*room));
    p->part = stc_arena_alloc(arena, n, sizeof(*p->part));
    p->index = stc_arena_alloc(arena, n, sizeof(*p->index));
    int rc = room && p->part && p->index ? assign_parts(p, of_type, room) : STC_ERR_NOMEM;
    stc_free(room);
    for (int k = 0; k < p->nparts && rc == 0; k++) {
        p->parts[k].rank = stc_arena_alloc(arena, p->parts[k].n, sizeof(int64_t));
        if (!p->parts[k].rank) rc = STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < n && rc == 0; i++)
        p->parts[p->part[i]].rank[p->index[i]] = i;
    return rc;
}

static int read_parts(stc_sonata_population *p, stc_arena *arena)
{
    int32_t *of_type = stc_alloc(p->table.types.n, sizeof(*of_type));
    int rc = of_type ? find_models(p, arena, of_type) : STC_ERR_NOMEM;
    if (rc == 0) rc = name_parts(p, arena);
    if (rc == 0 && p->nparts == 1) p->parts[0].n = p->table.n;
    if (rc == 0 && p->nparts > 1) rc = split(p, arena, of_type);
    stc_free(of_type);
    return rc;
}

/* ---- populations ---- */

static int add_population(stc_sonata *s, hid_t file, const char *name,
                          const stc_sonata_types *types)
{
    STC_CHECK(s->npopulations < MAX_POPULATIONS, STC_ERR_INPUT, "%s: more than %d populations",
              s->config.circuit.path, MAX_POPULATIONS);
    for (int i = 0; i < s->npopulations; i++) {
        STC_CHECK(strcmp(s->populations[i].name, name) != 0, STC_ERR_INPUT,
                  "%s: two node files hold a population %s", s->config.circuit.path, name);
    }
    stc_sonata_population *p = &s->populations[s->npopulations];
    p->name = name;
    STC_TRY(stc_sonata_table_open(file, "node", name, s->arena, types, &p->table));
    STC_CHECK(p->table.n >= 1 && p->table.n <= INT32_MAX, STC_ERR_INPUT,
              "%s: %lld nodes, expected 1 to %d", p->table.place, (long long)p->table.n, INT32_MAX);
    STC_TRY(read_ids(s->arena, p));
    s->npopulations++;
    return read_parts(p, s->arena);
}

static int read_file(stc_sonata *s, const json_t *entry)
{
    hid_t file, nodes;
    const char *path, *types_path, **names;
    int64_t n;
    stc_sonata_types types;
    const stc_sonata_document *circuit = &s->config.circuit;
    path = stc_sonata_path(&s->config, circuit, stc_sonata_member(entry, "nodes_file"),
                           "networks/nodes/nodes_file");
    if (!path) return STC_ERR_INPUT;
    types_path = stc_sonata_path(&s->config, circuit, stc_sonata_member(entry, "node_types_file"),
                                 "networks/nodes/node_types_file");
    if (!types_path) return STC_ERR_INPUT;
    STC_TRY(stc_sonata_types_read(types_path, "node_type_id", s->arena, &types));
    STC_TRY(stc_network_open(s->graph, path, &file));
    STC_TRY(stc_h5_group(file, "nodes", &nodes));
    int rc = stc_h5_names(nodes, MAX_POPULATIONS, s->arena, &names, &n);
    stc_h5_close(&nodes);
    for (int64_t i = 0; i < n && rc == 0; i++)
        rc = add_population(s, file, names[i], &types);
    return rc;
}

int stc_sonata_open(stc_sonata *s, const char *path)
{
    json_t *list;
    s->npopulations = 0;
    s->arena = s->graph->arena;
    STC_TRY(stc_sonata_config_read(path, s->arena, &s->config));
    s->populations = stc_arena_alloc(s->arena, MAX_POPULATIONS, sizeof(*s->populations));
    if (!s->populations) return STC_ERR_NOMEM;
    STC_TRY(stc_sonata_networks(&s->config, "nodes", &list));
    for (size_t i = 0; i < json_array_size(list); i++)
        STC_TRY(read_file(s, json_array_get(list, i)));
    STC_CHECK(s->npopulations > 0, STC_ERR_INPUT, "%s: networks/nodes names no population",
              s->config.circuit.path);
    return 0;
}

void stc_sonata_close(stc_sonata *s)
{
    stc_sonata_config_close(&s->config);
}

stc_sonata_population *stc_sonata_find(const stc_sonata *s, const char *name)
{
    const char *names[64];
    int n = 0;
    for (int i = 0; i < s->npopulations; i++) {
        if (strcmp(s->populations[i].name, name) == 0) return &s->populations[i];
        if (n < 64) names[n++] = s->populations[i].name;
    }
    const char *nearest = stc_nearest(name, names, n);
    stc_fail(STC_ERR_INPUT, "no node file of %s holds a population %.100s; %s %s%s",
             s->config.circuit.path, name, nearest ? "did you mean" : "there is",
             nearest ? nearest : names[0], nearest ? "?" : "");
    return NULL;
}

int stc_sonata_add_nodes(stc_sonata *s)
{
    for (int i = 0; i < s->npopulations; i++) {
        stc_sonata_population *p = &s->populations[i];
        for (int k = 0; k < p->nparts; k++) {
            stc_sonata_part *part = &p->parts[k];
            int node = part->op
                           ? stc_network_add_population(s->graph, part->name, part->op, part->n)
                           : stc_network_add_input(s->graph, part->name, part->n);
            if (node < 0) return node;
            part->node = node;
            if (part->op) STC_TRY(stc_sonata_set_params(s, p, part));
        }
    }
    return 0;
}
