/* sonata_node_sets.c - which nodes a node set chooses: all that meet every condition of an object,
 * or the nodes of any set of a list; a name is that of a set, or else of a population. */
#include "sonata.h"

#include "stc/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

typedef struct {
    const stc_sonata *s;
    const stc_sonata_population *population;
    int64_t *rows;  /* [n] of each rank in the table */
    int64_t *types; /* [n] */
} chooser;

static const char *place_of(const chooser *c)
{
    const stc_sonata_config *config = &c->s->config;
    return config->node_sets.json ? config->node_sets.path : config->simulation.path;
}

/* ---- conditions ---- */

/* Is this one of the entries of a JSON list, or the value itself? */
static bool has_text(const json_t *value, const char *text)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (has_text(json_array_get(value, i), text)) return true;
    const char *wanted = json_string_value(value);
    if (wanted && text) return strcmp(wanted, text) == 0;
    char *end;
    if (!json_is_number(value) || !text) return false;
    double number = strtod(text, &end);
    return end != text && *end == 0 && number == json_number_value(value);
}

static bool has_number(const json_t *value, double number)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (has_number(json_array_get(value, i), number)) return true;
    return json_is_number(value) && json_number_value(value) == number;
}

static bool is_plain(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_plain(json_array_get(value, i))) return false;
    return json_is_array(value) || json_is_string(value) || json_is_number(value);
}

/* Lists of ids may be long: mark them by rank instead of comparing all with all. */
static int keep_ids(const chooser *c, const json_t *value, bool *chosen)
{
    int64_t n = c->population->table.n;
    bool *listed = stc_alloc(n, sizeof(*listed));
    if (!listed) return STC_ERR_NOMEM;
    size_t entries = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < entries; i++) {
        const json_t *entry = json_is_array(value) ? json_array_get(value, i) : value;
        int64_t rank =
            json_is_integer(entry) ? stc_sonata_rank(c->population, json_integer_value(entry)) : -1;
        if (rank >= 0) listed[rank] = true;
    }
    for (int64_t i = 0; i < n; i++)
        chosen[i] = chosen[i] && listed[i];
    stc_free(listed);
    return 0;
}

/* An attribute of the rows of groups, or else of types, as numbers. */
static int keep_numbers(const chooser *c, const char *name, const json_t *value, bool *chosen)
{
    const stc_sonata_table *table = &c->population->table;
    stc_sonata_attribute attribute;
    double *of_type = stc_alloc(table->types.n, sizeof(*of_type));
    double *values = stc_alloc(table->n, sizeof(*values));
    int rc = of_type && values ? 0 : STC_ERR_NOMEM;
    for (int64_t t = 0; t < table->types.n && rc == 0; t++)
        of_type[t] = NAN;
    if (rc == 0) {
        rc = stc_sonata_attribute_open(table, name, c->s->arena, of_type, &attribute);
    }
    if (rc == 0) rc = stc_sonata_attribute_read(&attribute, c->rows, table->n, values);
    for (int64_t i = 0; i < table->n && rc == 0; i++)
        chosen[i] = chosen[i] && has_number(value, values[i]);
    stc_free(values);
    stc_free(of_type);
    return rc;
}

static bool is_listed(const stc_sonata_table *table, const char *name)
{
    for (int g = 0; g < table->ngroups; g++)
        if (stc_h5_has(table->groups[g], name)) return true;
    return false;
}

static int keep(const chooser *c, const char *name, const json_t *value, bool *chosen)
{
    const stc_sonata_table *table = &c->population->table;
    STC_CHECK(is_plain(value), STC_ERR_INPUT,
              "%s: condition %.100s: expected a value or a list of values", place_of(c), name);
    if (strcmp(name, "node_id") == 0 || strcmp(name, "node_ids") == 0) {
        return keep_ids(c, value, chosen);
    }
    if (is_listed(table, name)) return keep_numbers(c, name, value, chosen);
    for (int64_t i = 0; i < table->n; i++) {
        const char *cell = stc_sonata_cell(&table->types, c->types[i], name);
        chosen[i] = chosen[i] && has_text(value, cell);
    }
    return 0;
}

/* ---- sets ---- */

static int choose(const chooser *c, const json_t *value, int depth, bool *chosen);

static int choose_object(const chooser *c, const json_t *set, bool *chosen)
{
    const char *name;
    json_t *value;
    int64_t n = c->population->table.n;
    const json_t *population = stc_sonata_member(set, "population");
    bool all = !population || has_text(population, c->population->name);
    for (int64_t i = 0; i < n; i++)
        chosen[i] = all;
    if (!all) return 0;
    json_object_foreach((json_t *)(uintptr_t)set, name, value)
    {
        if (strcmp(name, "population") == 0 || json_is_null(value)) continue;
        STC_TRY(keep(c, name, value, chosen));
    }
    return 0;
}

static int choose_list(const chooser *c, const json_t *list, int depth, bool *chosen)
{
    int64_t n = c->population->table.n;
    for (int64_t i = 0; i < n; i++)
        chosen[i] = true;
    if (json_is_integer(json_array_get(list, 0))) return keep_ids(c, list, chosen);
    bool *one = stc_alloc(n, sizeof(*one));
    int rc = one ? 0 : STC_ERR_NOMEM;
    memset(chosen, 0, (size_t)n * sizeof(*chosen));
    for (size_t k = 0; k < json_array_size(list) && rc == 0; k++) {
        rc = choose(c, json_array_get(list, k), depth + 1, one);
        for (int64_t i = 0; i < n && rc == 0; i++)
            chosen[i] = chosen[i] || one[i];
    }
    stc_free(one);
    return rc;
}

static int choose_name(const chooser *c, const char *name, int depth, bool *chosen)
{
    const json_t *set = stc_sonata_member(c->s->config.node_sets.json, name);
    int64_t n = c->population->table.n;
    if (set) return choose(c, set, depth + 1, chosen);
    bool all = strcmp(name, "all") == 0;
    if (!all && !stc_sonata_find(c->s, name)) {
        return stc_fail_in(STC_ERR_INPUT, "%s: no node set is called %.100s", place_of(c), name);
    }
    all = all || strcmp(name, c->population->name) == 0;
    for (int64_t i = 0; i < n; i++)
        chosen[i] = all;
    return 0;
}

static int choose(const chooser *c, const json_t *value, int depth, bool *chosen)
{
    STC_CHECK(depth < MAX_DEPTH, STC_ERR_INPUT, "%s: node sets refer to one another without end",
              place_of(c));
    if (json_is_string(value)) return choose_name(c, json_string_value(value), depth, chosen);
    if (json_is_array(value)) return choose_list(c, value, depth, chosen);
    STC_CHECK(json_is_object(value), STC_ERR_INPUT,
              "%s: a node set is a name, an object of conditions or a list", place_of(c));
    return choose_object(c, value, chosen);
}

int stc_sonata_choose(const stc_sonata *s, const json_t *value,
                      const stc_sonata_population *population, bool *chosen, bool *any)
{
    int64_t n = population->table.n;
    chooser c = {.s = s, .population = population};
    c.rows = stc_alloc(n, sizeof(*c.rows));
    c.types = stc_alloc(n, sizeof(*c.types));
    int rc = c.rows && c.types ? 0 : STC_ERR_NOMEM;
    for (int64_t i = 0; i < n && rc == 0; i++)
        c.rows[i] = population->row ? population->row[i] : i;
    if (rc == 0) rc = stc_sonata_table_types(&population->table, c.rows, n, c.types);
    if (rc == 0) rc = choose(&c, value, 0, chosen);
    *any = false;
    for (int64_t i = 0; i < n && rc == 0; i++)
        *any = *any || chosen[i];
    stc_free(c.types);
    stc_free(c.rows);
    return rc;
}
