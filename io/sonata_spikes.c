/* sonata_spikes.c - the spikes of virtual nodes: HDF5 files with or without populations, or tables
 * of text, put into steps by NEST's rule. */
#include "sonata.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 15 };

/* Where the spikes of a population go. */
typedef struct {
    stc_network_input *in;
    const stc_sonata_population *population;
    const bool *chosen; /* by rank */
    bool strict;        /* ids that the population does not have are errors */
    int array;          /* of its virtual part */
    int32_t part;
    int64_t ignored;
} sink;

/* A spike at a time in ms; place and row: where it stands. */
static int take(sink *k, const char *place, int64_t row, int64_t id, double ms)
{
    const stc_sonata_population *p = k->population;
    int64_t rank = stc_sonata_rank(p, id);
    STC_CHECK(ms > 0 && ms < 1e15, STC_ERR_INPUT,
              "%s: spike %lld is at %g ms; expected times above 0, as a spike stands at the end of "
              "its step",
              place, (long long)row, ms);
    STC_CHECK(rank >= 0 || !k->strict, STC_ERR_INPUT,
              "%s: spike %lld is of node %lld, which population %s does not have; it has %lld "
              "nodes",
              place, (long long)row, (long long)id, p->name, (long long)p->table.n);
    if (rank < 0 || !k->chosen[rank] || (p->part && p->part[rank] != k->part)) {
        k->ignored++;
        return 0;
    }
    if (k->array < 0) return 0; /* nothing in the program listens */
    return stc_network_input_spike(k->in, k->array, stc_network_step(ms, k->in->dt),
                                   p->index ? p->index[rank] : rank);
}

/* ---- HDF5 ---- */

static int take_columns(sink *k, const char *place, const stc_h5_data *ids,
                        const stc_h5_data *times, double ms)
{
    int64_t *id = stc_alloc(2 * PIECE, sizeof(*id));
    double *time = (double *)(void *)(id + PIECE);
    int rc = id ? 0 : STC_ERR_NOMEM;
    for (int64_t first = 0; first < ids->dim[0] && rc == 0; first += PIECE) {
        int64_t count = ids->dim[0] - first < PIECE ? ids->dim[0] - first : PIECE;
        rc = stc_h5_data_read(ids, &first, &count, H5T_NATIVE_INT64, id);
        if (rc == 0) rc = stc_h5_data_read(times, &first, &count, H5T_NATIVE_DOUBLE, time);
        for (int64_t i = 0; i < count && rc == 0; i++)
            rc = take(k, place, first + i, id[i], time[i] * ms);
    }
    stc_free(id);
    return rc;
}

static int read_group(const stc_sonata *s, sink *k, hid_t group, const char *path)
{
    stc_h5_data ids = {.id = -1}, times = {.id = -1};
    double ms = 1;
    const char *name = stc_h5_has(group, "gids") ? "gids" : "node_ids";
    int rc = stc_network_column(group, name, true, -1, &ids);
    if (rc == 0) rc = stc_network_column(group, "timestamps", false, ids.dim[0], &times);
    if (rc == 0) rc = stc_h5_time_unit(&times, s->arena, &ms);
    if (rc == 0) rc = take_columns(k, path, &ids, &times, ms);
    stc_h5_close(&ids.id);
    stc_h5_close(&times.id);
    return rc;
}

static int read_h5(const stc_sonata *s, sink *k, const char *path)
{
    hid_t file, spikes = -1, group = -1;
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_h5_group(file, "spikes", &spikes);
    if (rc == 0 && stc_h5_has(spikes, "timestamps")) {
        rc = read_group(s, k, spikes, path);
    } else if (rc == 0) {
        rc = stc_h5_group(spikes, k->population->name, &group);
        if (rc == 0) {
            k->strict = true;
            rc = read_group(s, k, group, path);
        }
    }
    stc_h5_close(&group);
    stc_h5_close(&spikes);
    stc_h5_close(&file);
    return rc;
}

/* ---- text: columns timestamps, population, node_ids ---- */

static int read_csv(const stc_sonata *s, sink *k, const char *path)
{
    stc_sonata_types table;
    bool has_id, has_time;
    double id, time;
    STC_TRY(stc_sonata_csv_read(path, s->arena, &table));
    for (int64_t row = 0; row < table.n; row++) {
        const char *population = stc_sonata_cell(&table, row, "population");
        if (population && strcmp(population, k->population->name) != 0) continue;
        STC_TRY(stc_sonata_number(&table, row, "node_ids", &has_id, &id));
        STC_TRY(stc_sonata_number(&table, row, "timestamps", &has_time, &time));
        STC_CHECK(has_id && has_time && fabs(id) < 1e15 && id == nearbyint(id), STC_ERR_INPUT,
                  "%s: row %lld: expected columns timestamps and node_ids", path,
                  (long long)row + 1);
        STC_TRY(take(k, path, row, (int64_t)id, time));
    }
    return 0;
}

/* ---- inputs of the configuration ---- */

typedef struct {
    const char *path, *module;
    const json_t *set; /* NULL: all virtual nodes */
} source;

static int virtual_part(const stc_sonata_population *p)
{
    for (int k = 0; k < p->nparts; k++)
        if (!p->parts[k].op) return k;
    return -1;
}

static int read_population(const stc_sonata *s, stc_network_input *in, const source *from,
                           const stc_sonata_population *p, bool only, bool *any)
{
    int part = virtual_part(p);
    bool here = true, *chosen = stc_alloc(p->table.n, sizeof(*chosen));
    int rc = chosen ? 0 : STC_ERR_NOMEM;
    sink k = {.in = in, .population = p, .chosen = chosen, .strict = only, .part = part};
    for (int64_t i = 0; i < p->table.n && rc == 0; i++)
        chosen[i] = true;
    if (rc == 0 && from->set) rc = stc_sonata_choose(s, from->set, p, chosen, &here);
    here = here && part >= 0;
    if (rc == 0 && here) {
        rc = stc_network_input_array(in, p->parts[part].name, p->parts[part].n, &k.array);
    }
    bool csv = from->module && strcmp(from->module, "csv") == 0;
    if (rc == 0 && here) rc = csv ? read_csv(s, &k, from->path) : read_h5(s, &k, from->path);
    if (rc == 0 && k.ignored) {
        stc_notice("%s: %lld spikes of nodes that its node_set does not choose are ignored",
                   from->path, (long long)k.ignored);
    }
    *any = *any || here;
    stc_free(chosen);
    return rc;
}

/* The population that a node set names, if it is no more than that: its ids can be checked. */
static bool is_population(const stc_sonata *s, const json_t *set)
{
    int nvirtual = 0;
    for (int i = 0; i < s->npopulations; i++)
        nvirtual += virtual_part(&s->populations[i]) >= 0;
    return nvirtual == 1 || (json_is_string(set) &&
                             !stc_sonata_member(s->config.node_sets.json, json_string_value(set)));
}

static int read_input(const stc_sonata *s, stc_network_input *in, const json_t *input)
{
    source from = {.module = json_string_value(stc_sonata_member(input, "module")),
                   .set = stc_sonata_member(input, "node_set")};
    static const char *const modules[] = {"h5", "hdf5", "sonata", "csv"};
    bool known = !from.module, any = false;
    for (size_t m = 0; m < sizeof(modules) / sizeof(modules[0]) && !known; m++)
        known = strcmp(from.module, modules[m]) == 0;
    STC_CHECK(known, STC_ERR_INPUT, "spikes of module %.60s; expected h5, sonata or csv",
              from.module);
    from.path = stc_sonata_path(&s->config, &s->config.simulation,
                                stc_sonata_member(input, "input_file"), "input_file");
    if (!from.path) return STC_ERR_INPUT;
    for (int i = 0; i < s->npopulations; i++) {
        STC_TRY(
            read_population(s, in, &from, &s->populations[i], is_population(s, from.set), &any));
    }
    STC_CHECK(any, STC_ERR_INPUT, "its node_set chooses no virtual node, which spikes could be of");
    return 0;
}

static int read_inputs(const stc_sonata *s, stc_network_input *in)
{
    const char *name;
    json_t *input;
    json_t *inputs = stc_sonata_member(s->config.simulation.json, "inputs");
    json_object_foreach(inputs, name, input)
    {
        const char *type = json_string_value(stc_sonata_member(input, "input_type"));
        if (json_is_false(stc_sonata_member(input, "enabled"))) continue;
        if (!type || strcmp(type, "spikes") != 0) continue;
        int rc = read_input(s, in, input);
        if (rc < 0) {
            return stc_fail_in(rc, "%s: inputs/%.100s", s->config.simulation.path, name);
        }
    }
    return 0;
}

int stc_sonata_input(const char *path, const stc_program *program, const stc_input_options *options,
                     stc_input **out)
{
    stc_network_input in = {.file = NULL};
    stc_sonata s = {.npopulations = 0};
    *out = NULL;
    STC_TRY(stc_graph_create(path, &s.graph));
    int rc = stc_sonata_open(&s, path);
    if (rc == 0) rc = stc_network_input_begin(path, program, options, &in);
    if (rc == 0) rc = read_inputs(&s, &in);
    stc_sonata_close(&s);
    stc_graph_destroy(&s.graph);
    return stc_network_input_finish(&in, rc, out);
}
