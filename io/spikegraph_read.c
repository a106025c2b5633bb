/* spikegraph_read.c - a model from an HDF5 file: a SpikeGraph (/graph) here, NIR (/node) in
 * nir_read.c. Reading order: model.h, the head of a SpikeGraph, stc_graph_read. */
#include "model.h"
#include "network.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

enum { MAX_STEPS = 1 << 30, FORMAT = 1 };

static void release(stc_graph *graph)
{
    hid_t *file = graph->source;
    stc_h5_close(file); /* and with it the datasets of the weights */
}

static int read_times(hid_t group, stc_graph *graph)
{
    if (stc_h5_has_attr(group, "time_steps")) {
        STC_TRY(stc_h5_attr_int(group, "time_steps", &graph->time_steps));
        if (graph->time_steps < 0 || graph->time_steps > MAX_STEPS) {
            return stc_h5_fail(STC_ERR_INPUT, group, NULL, "time_steps is %lld, expected 0 to %d",
                               (long long)graph->time_steps, MAX_STEPS);
        }
    }
    if (stc_h5_has_attr(group, "dt")) {
        STC_TRY(stc_h5_attr_real(group, "dt", &graph->dt));
        if (!(graph->dt >= 0 && graph->dt < 1e9)) {
            return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                               "dt is %g, expected seconds per step, or 0 for none", graph->dt);
        }
    }
    return 0;
}

static int read_head(stc_model *m)
{
    hid_t group;
    const char *name;
    if (stc_h5_has_attr(m->file, "format")) {
        STC_TRY(stc_h5_check_format(m->file, "SpikeGraph", FORMAT));
    }
    STC_TRY(stc_h5_group(m->file, "graph", &group));
    int rc = 0;
    if (stc_h5_has_attr(group, "name")) {
        rc = stc_h5_attr_text(group, "name", m->graph->arena, &name);
        if (rc == 0) m->graph->name = name;
    }
    if (rc == 0 && stc_h5_has_attr(group, "rules")) {
        rc = stc_h5_attr_text(group, "rules", m->graph->arena, &m->graph->rules);
    }
    if (rc == 0) rc = read_times(group, m->graph);
    stc_h5_close(&group);
    return rc;
}

/* A SpikeGraph has its rules in its nodes; it may lack a clock, which the caller may give. */
static int check_rules(const stc_model *m, const stc_nir_rules *rules)
{
    if (!rules) return 0;
    stc_nir_rules others = *rules;
    others.dt = 0;
    const char *option = stc_nir_rules_given(&others);
    STC_CHECK(!option, STC_ERR_USAGE,
              "--%s: %s is a SpikeGraph, whose nodes carry their rules; such options are for NIR "
              "models",
              option, m->path);
    STC_CHECK(rules->dt == 0 || m->graph->dt == 0 || rules->dt == m->graph->dt, STC_ERR_USAGE,
              "--dt: a step of %.9g s, but %s is a SpikeGraph with steps of %.9g s", rules->dt,
              m->path, m->graph->dt);
    if (rules->dt > 0) m->graph->dt = rules->dt;
    return 0;
}

static int read_spikegraph(stc_model *m, const stc_nir_rules *rules)
{
    STC_TRY(read_head(m));
    STC_TRY(check_rules(m, rules));
    STC_TRY(stc_model_tree(m, "graph"));
    STC_TRY(stc_model_nodes(m));
    return stc_model_connect(m);
}

static bool is_nir(hid_t file)
{
    return !stc_h5_has_attr(file, "format") && !stc_h5_has(file, "graph") &&
           stc_h5_has(file, "node");
}

static int read_model(stc_model *m, stc_nir_rules *rules)
{
    stc_nir_rules open = STC_NIR_RULES_OPEN;
    m->nir = is_nir(m->file);
    if (!m->nir) return read_spikegraph(m, rules);
    if (!rules) rules = &open;
    STC_TRY(stc_nir_rules_complete(rules));
    m->rules = rules;
    return stc_nir_read(m);
}

int stc_graph_read(const char *path, stc_nir_rules *rules, stc_graph **out)
{
    stc_model m = {.path = path, .file = -1};
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    stc_network_kind network = stc_network_kind_of(path);
    *out = NULL;
    if (network != STC_NETWORK_NONE) return stc_network_read(network, path, rules, out);
    STC_TRY(stc_h5_open(path, &m.file));
    int rc = stc_graph_create(base, &m.graph);
    if (rc < 0) {
        stc_h5_close(&m.file);
        return rc;
    }
    hid_t *source = stc_arena_alloc(m.graph->arena, 1, sizeof(*source));
    if (source) {
        *source = m.file;
        m.graph->source = source;
        m.graph->release = release;
        rc = stc_arena_create(&m.scratch);
    } else {
        stc_h5_close(&m.file);
        rc = STC_ERR_NOMEM;
    }
    if (rc == 0) rc = read_model(&m, rules);
    stc_arena_destroy(&m.scratch);
    if (rc < 0) {
        stc_graph_destroy(&m.graph);
        return rc;
    }
    *out = m.graph;
    return 0;
}
