/* sonata_currents.c - current clamps: a generator for the chosen neurons of each part. BMTK's rules
 * for NEST: amplitudes in pA; each holds from its delay for its duration, or until the next begins;
 * a generator is one step away from its neurons. */
#include "sonata.h"

#include "stc/error.h"

#include <string.h>

enum { MAX_AMPLITUDES = 1 << 20 };

/* What a generator does: amplitude i holds from times[i] on. */
typedef struct {
    int64_t n;
    double *times, *values;
} clamp;

static int reserve(stc_sonata *s, int64_t n, clamp *out)
{
    STC_CHECK(n <= MAX_AMPLITUDES, STC_ERR_INPUT, "more than %d amplitudes", MAX_AMPLITUDES);
    *out = (clamp){.times = stc_arena_alloc(s->arena, n, sizeof(double)),
                   .values = stc_arena_alloc(s->arena, n, sizeof(double))};
    return out->times && out->values ? 0 : STC_ERR_NOMEM;
}

static int append(clamp *c, double time, double value)
{
    STC_CHECK(time >= 0 && (c->n == 0 || time > c->times[c->n - 1]), STC_ERR_INPUT,
              "an amplitude begins at %g ms, after one of %g ms; expected increasing times", time,
              c->n ? c->times[c->n - 1] : 0.0);
    c->times[c->n] = time;
    c->values[c->n++] = value;
    return 0;
}

/* Entry i of a member that is a number or a list of them. */
static int entry(const json_t *input, const char *key, size_t i, size_t n, double *out)
{
    const json_t *value = stc_sonata_member(input, key);
    bool list = json_is_array(value);
    STC_CHECK(!list || json_array_size(value) == n, STC_ERR_INPUT,
              "%s is a list of %zu, amp of %zu", key, json_array_size(value), n);
    if (list) value = json_array_get(value, i);
    STC_CHECK(json_is_number(value) && (list || n == 1), STC_ERR_INPUT,
              "%s: expected a number, or a list of them as amp", key);
    *out = json_number_value(value);
    return 0;
}

static int read_clamp(stc_sonata *s, const json_t *input, clamp *out)
{
    const json_t *amp = stc_sonata_member(input, "amp");
    size_t n = json_is_array(amp) ? json_array_size(amp) : 1;
    STC_TRY(reserve(s, 2 * (int64_t)n, out));
    for (size_t i = 0; i < n; i++) {
        double value, start, duration, next;
        STC_TRY(entry(input, "amp", i, n, &value));
        STC_TRY(entry(input, "delay", i, n, &start));
        STC_TRY(entry(input, "duration", i, n, &duration));
        STC_TRY(append(out, start, value));
        if (i + 1 < n) STC_TRY(entry(input, "delay", i + 1, n, &next));
        bool ends = i + 1 == n || start + duration < next;
        if (ends) STC_TRY(append(out, start + duration, 0));
    }
    return 0;
}

static int read_csv(stc_sonata *s, const json_t *input, clamp *out)
{
    stc_sonata_types table;
    const char *separator = json_string_value(stc_sonata_member(input, "separator"));
    const char *times = json_string_value(stc_sonata_member(input, "timestamps_column"));
    const char *values = json_string_value(stc_sonata_member(input, "amplitudes_column"));
    const char *path = stc_sonata_path(&s->config, &s->config.simulation,
                                       stc_sonata_member(input, "file"), "file");
    if (!path) return STC_ERR_INPUT;
    STC_CHECK(!separator || strcmp(separator, " ") == 0, STC_ERR_INPUT,
              "separator is \"%.10s\", expected a space", separator);
    STC_TRY(stc_sonata_csv_read(path, s->arena, &table));
    STC_TRY(reserve(s, table.n, out));
    for (int64_t row = 0; row < table.n; row++) {
        bool has_time, has_value;
        double time, value;
        STC_TRY(stc_sonata_number(&table, row, times ? times : "timestamps", &has_time, &time));
        STC_TRY(stc_sonata_number(&table, row, values ? values : "amps", &has_value, &value));
        STC_CHECK(has_time && has_value, STC_ERR_INPUT, "%s: expected columns timestamps and amps",
                  path);
        STC_TRY(append(out, time, value));
    }
    return 0;
}

/* ---- generators ---- */

/* The generator reaches all neurons of a part; where only some are chosen, a scale of 0 keeps it
 * from the others. */
static int mask(stc_sonata *s, const char *name, const stc_sonata_part *part, const double *factor,
                int generator)
{
    const stc_op *op = stc_op_find("scale");
    int32_t operand = generator;
    stc_weight *weight;
    if (!op) return STC_ERR_INTERNAL;
    const char *label = stc_arena_printf(s->arena, "%s.chosen", name);
    if (!label) return STC_ERR_NOMEM;
    int node = stc_graph_add(s->graph, label, op, 1, &operand);
    if (node < 0) return node;
    STC_TRY(stc_network_list(s->graph, label, part->n, factor, &weight));
    stc_network_set_weight(s->graph->nodes[node], "scale", weight);
    return node;
}

static int add_generator(stc_sonata *s, const char *name, const stc_sonata_part *part,
                         const clamp *c, const double *factor, bool all)
{
    const stc_op *op = stc_op_find("step_current");
    stc_weight *weight;
    if (!op) return STC_ERR_INTERNAL;
    int node = stc_graph_add(s->graph, name, op, 0, NULL);
    if (node < 0) return node;
    stc_node *generator = s->graph->nodes[node];
    stc_network_set_int(generator, "n", part->n);
    stc_network_set_real(generator, "dt", stc_network_ms(s->graph));
    STC_TRY(stc_network_list(s->graph, name, c->n, c->times, &weight));
    stc_network_set_weight(generator, "amplitude_times", weight);
    STC_TRY(stc_network_list(s->graph, name, c->n, c->values, &weight));
    stc_network_set_weight(generator, "amplitude_values", weight);
    if (!all) node = mask(s, name, part, factor, node);
    return node < 0 ? node : stc_network_operand(s->graph, part->node, node);
}

static int add_to_part(stc_sonata *s, const char *input, const stc_sonata_part *part,
                       const clamp *c, const bool *chosen)
{
    double *factor = stc_alloc(part->n, sizeof(*factor));
    bool any = false, all = true;
    const char *name = stc_arena_printf(s->arena, "%s.%s", input, part->name);
    int rc = factor && name ? 0 : STC_ERR_NOMEM;
    for (int64_t i = 0; i < part->n && rc == 0; i++) {
        bool yes = chosen[part->rank ? part->rank[i] : i];
        factor[i] = yes;
        any = any || yes;
        all = all && yes;
    }
    if (rc == 0 && any && !part->op) {
        rc = stc_fail(STC_ERR_INPUT, "nodes of %s are virtual; currents go to neurons", part->name);
    }
    if (rc == 0 && any) rc = add_generator(s, name, part, c, factor, all);
    stc_free(factor);
    return rc;
}

static int add_to_population(stc_sonata *s, const char *input, const json_t *set, const clamp *c,
                             const stc_sonata_population *p, bool *any)
{
    bool here = false, *chosen = stc_alloc(p->table.n, sizeof(*chosen));
    int rc = chosen ? stc_sonata_choose(s, set, p, chosen, &here) : STC_ERR_NOMEM;
    for (int k = 0; k < p->nparts && rc == 0 && here; k++)
        rc = add_to_part(s, input, &p->parts[k], c, chosen);
    *any = *any || here;
    stc_free(chosen);
    return rc;
}

static int add_input(stc_sonata *s, const char *name, const json_t *input, bool csv)
{
    const json_t *set = stc_sonata_member(input, "node_set");
    clamp c;
    bool any = false;
    STC_TRY(csv ? read_csv(s, input, &c) : read_clamp(s, input, &c));
    STC_CHECK(set, STC_ERR_INPUT, "node_set is missing");
    if (c.n == 0) return 0;
    for (int i = 0; i < s->npopulations; i++)
        STC_TRY(add_to_population(s, name, set, &c, &s->populations[i], &any));
    STC_CHECK(any, STC_ERR_INPUT, "its node_set chooses no node");
    return 0;
}

int stc_sonata_add_currents(stc_sonata *s)
{
    const char *name;
    json_t *input;
    json_t *inputs = stc_sonata_member(s->config.simulation.json, "inputs");
    json_object_foreach(inputs, name, input)
    {
        const char *type = json_string_value(stc_sonata_member(input, "input_type"));
        const char *module = json_string_value(stc_sonata_member(input, "module"));
        if (json_is_false(stc_sonata_member(input, "enabled"))) continue;
        if (type && strcmp(type, "spikes") == 0) continue;
        bool clamp_type = type && strcmp(type, "current_clamp") == 0;
        bool csv = type && (strcmp(type, "csv") == 0 || strcmp(type, "file") == 0);
        STC_CHECK((clamp_type || csv) && (!module || strcmp(module, "IClamp") == 0), STC_ERR_INPUT,
                  "%s: inputs/%.100s: input_type %.60s, module %.60s; expected spikes, or "
                  "current_clamp or csv of IClamp",
                  s->config.simulation.path, name, type ? type : "missing",
                  module ? module : "missing");
        int rc = add_input(s, name, input, csv);
        if (rc < 0) {
            return stc_fail_in(rc, "%s: inputs/%.100s", s->config.simulation.path, name);
        }
    }
    return 0;
}
