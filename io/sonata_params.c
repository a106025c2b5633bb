/* sonata_params.c - parameters of the neurons of a part: what node files list for each node, or
 * else the JSON file of the type (dynamics_params), or else the default of the model. A parameter
 * that the model does not know is refused, as NEST does.
 */
#include "sonata.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { MAX_LISTED = 1000 };

/* Parameters of one part while they are collected: value [nattrs][types.n]. */
typedef struct {
    stc_sonata *s;
    const stc_sonata_population *population;
    const stc_sonata_part *part;
    const stc_sonata_types *types;
    double *value;
    bool *given; /* [nattrs] */
} collector;

static double *values_of(const collector *c, int a)
{
    return c->value + a * c->types->n;
}

/* Is row of the types one of this part? */
static bool is_of_part(const collector *c, int64_t row)
{
    const char *type = stc_sonata_cell(c->types, row, "model_type");
    const char *model = stc_sonata_cell(c->types, row, "model_template");
    if (!c->population->table.used[row] || !type || !model) return false;
    if (strcmp(type, "virtual") == 0) return false;
    const char *colon = strchr(model, ':');
    return colon && strcmp(colon + 1, c->part->op->name) == 0;
}

static int unknown(const char *place, const stc_op *op, const char *name)
{
    const char *names[64];
    int n = 0;
    for (; n < op->nattrs && n < 64; n++)
        names[n] = op->attrs[n].name;
    const char *nearest = stc_nearest(name, names, n);
    STC_FAIL(STC_ERR_INPUT, "%s: %s has no parameter %.100s%s%s%s", place, op->name, name,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Attribute of the op that a name means, or -1. */
static int find(const stc_op *op, const char *name)
{
    bool own = strcmp(name, "n") == 0 || strcmp(name, "dt") == 0;
    return own ? -1 : stc_op_attr(op, name);
}

/* ---- JSON files ---- */

static int take_number(const collector *c, int64_t row, const char *place, const char *name,
                       const json_t *value, double factor)
{
    int a = find(c->part->op, name);
    if (a < 0) return unknown(place, c->part->op, name);
    STC_CHECK(json_is_number(value) || json_is_boolean(value), STC_ERR_INPUT,
              "%s: %s: expected a number", place, name);
    values_of(c, a)[row] =
        json_is_boolean(value) ? json_is_true(value) : factor * json_number_value(value);
    c->given[a] = true;
    return 0;
}

/* A list gives parameters name_1, name_2 and so on. */
static int take_list(const collector *c, int64_t row, const char *place, const char *name,
                     const json_t *list)
{
    char entry[128];
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(entry, sizeof(entry), "%.100s_%zu", name, i + 1);
        STC_TRY(take_number(c, row, place, entry, json_array_get(list, i), 1));
    }
    return 0;
}

static int take(const collector *c, int64_t row, const char *place, const char *name,
                const json_t *value)
{
    const char *model = stc_sonata_cell(c->types, row, "model_template");
    if (json_is_null(value)) return 0;
    if (strncmp(model, "nrn:", 4) == 0) { /* NEURON's artificial cells, with times in seconds */
        if (strcmp(name, "type") == 0) return 0;
        return take_number(c, row, place, name, value, 1e3);
    }
    if (json_is_array(value)) return take_list(c, row, place, name, value);
    return take_number(c, row, place, name, value, 1);
}

static int read_type(const collector *c, int64_t row)
{
    const char *file = stc_sonata_cell(c->types, row, "dynamics_params"), *name;
    json_t *json, *value;
    if (!file) return 0;
    const char *path = stc_sonata_component(&c->s->config, "point_neuron_models_dir", file);
    if (!path) return STC_ERR_INPUT;
    int rc = stc_sonata_json(path, &json);
    if (rc < 0) {
        return stc_fail_in(rc, "%s: node type %lld", c->types->path, (long long)c->types->id[row]);
    }
    json_object_foreach(json, name, value)
    {
        if (rc == 0) rc = take(c, row, path, name, value);
    }
    json_decref(json);
    return rc;
}

/* ---- what lies in the node files ---- */

/* Parameters that groups list must be known. */
static int check_listed(const collector *c)
{
    const stc_sonata_table *table = &c->population->table;
    for (int g = 0; g < table->ngroups; g++) {
        hid_t params;
        const char **names;
        int64_t n;
        if (!stc_h5_has(table->groups[g], "dynamics_params")) continue;
        STC_TRY(stc_h5_group(table->groups[g], "dynamics_params", &params));
        int rc = stc_h5_names(params, MAX_LISTED, c->s->arena, &names, &n);
        stc_h5_close(&params);
        for (int64_t i = 0; i < n && rc == 0; i++) {
            int a = find(c->part->op, names[i]);
            if (a >= 0) {
                c->given[a] = true;
            } else if (c->population->nparts == 1) {
                rc = unknown(table->place, c->part->op, names[i]);
            }
        }
        STC_TRY(rc);
    }
    return 0;
}

typedef struct {
    stc_sonata_attribute attribute;
    const stc_sonata_population *population;
    const stc_sonata_part *part;
} listed;

static int read_listed(const stc_weight *weight, int64_t first, int64_t count, double *out)
{
    const listed *l = weight->source;
    int64_t *rows = stc_alloc(count, sizeof(*rows));
    if (!rows) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < count; i++) {
        int64_t rank = l->part->rank ? l->part->rank[first + i] : first + i;
        rows[i] = l->population->row ? l->population->row[rank] : rank;
    }
    int rc = stc_sonata_attribute_read(&l->attribute, rows, count, out);
    stc_free(rows);
    return rc;
}

static int set_listed(const collector *c, stc_node *node, int a, const char *name)
{
    stc_arena *arena = c->s->arena;
    stc_weight *weight = stc_arena_alloc(arena, 1, sizeof(*weight));
    listed *source = stc_arena_alloc(arena, 1, sizeof(*source));
    char *label = stc_arena_printf(arena, "%s: %s", c->population->table.place, name);
    if (!weight || !source || !label) return STC_ERR_NOMEM;
    *source = (listed){.population = c->population, .part = c->part};
    char *path = stc_arena_printf(arena, "dynamics_params/%s", name);
    if (!path) return STC_ERR_NOMEM;
    STC_TRY(stc_sonata_attribute_open(&c->population->table, path, arena, values_of(c, a),
                                      &source->attribute));
    *weight = (stc_weight){.label = label,
                           .shape = {1, {c->part->n}},
                           .read = stc_network_read_float,
                           .read_double = read_listed,
                           .source = source};
    return stc_network_set_parameter(node, a, false, 0, weight);
}

/* ---- both ---- */

/* Have all types of the part the same value? */
static bool same_value(const collector *c, int a, double *value)
{
    bool any = false;
    for (int64_t row = 0; row < c->types->n; row++) {
        if (!is_of_part(c, row)) continue;
        if (any && values_of(c, a)[row] != *value) return false;
        *value = values_of(c, a)[row];
        any = true;
    }
    return any;
}

static bool is_listed(const collector *c, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "dynamics_params/%.200s", name);
    for (int g = 0; g < c->population->table.ngroups; g++)
        if (stc_h5_has(c->population->table.groups[g], path)) return true;
    return false;
}

static int set_all(const collector *c)
{
    stc_node *node = c->s->graph->nodes[c->part->node];
    for (int a = 0; a < node->op->nattrs; a++) {
        const char *name = node->op->attrs[a].name;
        double value = 0;
        if (!c->given[a]) continue;
        if (!is_listed(c, name) && same_value(c, a, &value)) {
            STC_TRY(stc_network_set_parameter(node, a, true, value, NULL));
        } else {
            STC_TRY(set_listed(c, node, a, name));
        }
    }
    return 0;
}

int stc_sonata_set_params(stc_sonata *s, const stc_sonata_population *population,
                          const stc_sonata_part *part)
{
    const stc_op *op = part->op;
    collector c = {.s = s, .population = population, .part = part};
    c.types = &population->table.types;
    c.value = stc_arena_alloc(s->arena, op->nattrs * c.types->n, sizeof(*c.value));
    c.given = stc_arena_alloc(s->arena, op->nattrs, sizeof(*c.given));
    if (!c.value || !c.given) return STC_ERR_NOMEM;
    for (int a = 0; a < op->nattrs; a++)
        for (int64_t row = 0; row < c.types->n; row++)
            values_of(&c, a)[row] = op->attrs[a].initial;
    for (int64_t row = 0; row < c.types->n; row++)
        if (is_of_part(&c, row)) STC_TRY(read_type(&c, row));
    STC_TRY(check_listed(&c));
    return set_all(&c);
}
