/* sonata_ids.c - results in the ids of a SONATA network: neurons of a node of the graph are counted
 * from 0 on in the order of their node ids. */
#include "sonata.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

static bool in_order(const stc_sonata_population *population, const stc_sonata_part *part)
{
    return !population->id && !part->rank;
}

static int map(const stc_sonata_population *population, const stc_sonata_part *part, int64_t n,
               int64_t *ids)
{
    for (int64_t i = 0; i < n; i++) {
        STC_CHECK(ids[i] >= 0 && ids[i] < part->n, STC_ERR_INPUT,
                  "population %s has %lld neurons in the result, %lld in its node file; run it "
                  "again",
                  part->name, (long long)ids[i] + 1, (long long)part->n);
        int64_t rank = part->rank ? part->rank[ids[i]] : ids[i];
        ids[i] = stc_sonata_id(population, rank);
    }
    return 0;
}

static int map_part(const stc_sonata_population *population, const stc_sonata_part *part,
                    stc_result *result)
{
    for (int i = 0; i < result->npopulations && result->recorded; i++) {
        const stc_population *p = &result->populations[i];
        if (strcmp(p->name, part->name) == 0) STC_TRY(map(population, part, p->n, p->id));
    }
    for (int i = 0; i < result->ntraces; i++) {
        const stc_trace *t = &result->traces[i];
        if (strcmp(t->name, part->name) == 0) STC_TRY(map(population, part, t->nids, t->ids));
    }
    return 0;
}

int stc_network_original_ids(const char *path, stc_result *result)
{
    stc_sonata s = {.npopulations = 0};
    if (!path || !stc_is_sonata(path)) return 0;
    STC_TRY(stc_graph_create(path, &s.graph));
    int rc = stc_sonata_open(&s, path);
    for (int i = 0; i < s.npopulations && rc == 0; i++) {
        const stc_sonata_population *p = &s.populations[i];
        for (int k = 0; k < p->nparts && rc == 0; k++)
            if (!in_order(p, &p->parts[k])) rc = map_part(p, &p->parts[k], result);
    }
    stc_sonata_close(&s);
    stc_graph_destroy(&s.graph);
    return rc;
}
