/* sonata_read.c - a SONATA network as a graph. Reading order: sonata.h, then stc_sonata_read. */
#include "sonata.h"

#include "stc/error.h"
#include "stc/io.h"

#include <math.h>
#include <string.h>

/* Steps of the configuration, or those that were asked for by --dt. */
static int set_clock(stc_sonata *s, const stc_nir_rules *rules)
{
    stc_graph *graph = s->graph;
    graph->dt = s->config.dt / 1e3;
    if (rules && rules->dt > 0) graph->dt = rules->dt;
    STC_CHECK(graph->dt > 0, STC_ERR_INPUT,
              "%s: run/dt is missing\nhint: give the duration of a step, as --dt 0.1ms",
              s->config.simulation.path);
    double steps = nearbyint(s->config.tstop / stc_network_ms(graph));
    STC_CHECK(steps <= STC_NETWORK_MAX_STEPS, STC_ERR_INPUT,
              "%s: run/tstop is %g ms, %g steps; expected at most %d", s->config.simulation.path,
              s->config.tstop, steps, STC_NETWORK_MAX_STEPS);
    graph->time_steps = (int64_t)steps;
    return 0;
}

static int read_network(stc_sonata *s, const char *path, const stc_nir_rules *rules)
{
    STC_TRY(stc_network_check_rules(path, "a SONATA network", rules));
    STC_TRY(stc_sonata_open(s, path));
    stc_sonata_notice_outputs(&s->config);
    STC_TRY(set_clock(s, rules));
    STC_TRY(stc_sonata_add_nodes(s));
    STC_TRY(stc_sonata_add_edges(s));
    return stc_sonata_add_currents(s);
}

int stc_sonata_read(const char *path, const stc_nir_rules *rules, stc_graph **out)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    stc_graph *graph;
    *out = NULL;
    STC_TRY(stc_graph_create(base, &graph));
    stc_sonata *s = stc_arena_alloc(graph->arena, 1, sizeof(*s)); /* handles point into it */
    int rc = STC_ERR_NOMEM;
    if (s) {
        s->graph = graph;
        rc = read_network(s, path, rules);
        stc_sonata_close(s);
    }
    if (rc < 0) {
        stc_graph_destroy(&graph);
        return rc;
    }
    *out = graph;
    return 0;
}
