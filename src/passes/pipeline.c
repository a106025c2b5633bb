/* pipeline.c - the table of passes, whose order is the order, and the driver.
 *
 * A new pass is one file and one line here.
 */
#include <string.h>

#include "passes.h"

static const stc_pass table[] = {
    {.name = "expand",
     .run = stc_pass_expand,
     .help = "nodes that no kernel computes as they are into nodes that kernels do",
     .why = "first: the rows of a weight and the channels of a scale are settled then",
     .level = 0},
    {.name = "fold-affine",
     .run = stc_pass_fold_affine,
     .help = "batch norms and scales into the weights before them",
     .why = "after expand: every later pass may take the weights of a node as final",
     .level = 0},
    {.name = "remove-dead",
     .run = stc_pass_remove_dead,
     .help = "nodes from which no output can be reached",
     .why = "after the passes that take uses away",
     .level = 1}};

enum { NPASSES = sizeof table / sizeof table[0] };

const stc_pass *stc_passes(int *n)
{
    *n = NPASSES;
    return table;
}

static const stc_pass *find(const char *name)
{
    for (int k = 0; k < NPASSES; k++) {
        if (strcmp(table[k].name, name) == 0) return &table[k];
    }
    const char *names[NPASSES];
    for (int k = 0; k < NPASSES; k++)
        names[k] = table[k].name;
    const char *nearest = stc_nearest(name, names, NPASSES);
    if (nearest != NULL) {
        stc_fail(STC_ERR_USAGE, "unknown pass '%s'; did you mean '%s'?", name, nearest);
    } else {
        stc_fail(STC_ERR_USAGE, "unknown pass '%s'\nhint: stc compile --list-passes shows them",
                 name);
    }
    return NULL;
}

/* Mark the passes of a list of names separated by commas. */
static int mark_skipped(const char *list, bool skipped[NPASSES])
{
    for (const char *name = list; name != NULL && *name != 0;) {
        char word[64];
        size_t length = strcspn(name, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < 63 ? length : 63), name);
        const stc_pass *pass = find(word);
        if (pass == NULL) return STC_ERR_USAGE;
        STC_CHECK(pass->level > 0, STC_ERR_USAGE,
                  "pass '%s' cannot be skipped: it defines the numbers of a program at every level",
                  word);
        skipped[pass - table] = true;
        name += length + (name[length] == ',');
    }
    return STC_OK;
}

static int run_one(stc_graph *graph, const stc_pass *pass, stc_pass_record *record)
{
    double start = stc_seconds();
    *record = (stc_pass_record){.name = pass->name, .nodes_before = graph->nnodes};
    int rc = pass->run(graph);
    if (rc == STC_OK) rc = stc_graph_verify(graph);
    if (rc < 0) return stc_fail_in(rc, "pass %s", pass->name);
    record->nodes_after = graph->nnodes;
    record->ms = 1e3 * (stc_seconds() - start);
    stc_debug("pass %s: %d -> %d nodes, %.1f ms", pass->name, record->nodes_before,
              record->nodes_after, record->ms);
    return STC_OK;
}

int stc_passes_run(stc_graph *graph, int level, const char *skip, const char *dump_after,
                   stc_pass_record *records, int *nrecords)
{
    bool skipped[NPASSES] = {false};
    const stc_pass *dump = dump_after == NULL ? NULL : find(dump_after);
    *nrecords = 0;
    if (dump_after != NULL && dump == NULL) return STC_ERR_USAGE;
    STC_TRY(mark_skipped(skip, skipped));
    STC_CHECK(dump == NULL || (dump->level <= level && !skipped[dump - table]), STC_ERR_USAGE,
              "nothing to dump after pass '%s': it does not run at -O%d with these options",
              dump->name, level);
    for (int k = 0; k < NPASSES; k++) {
        if (table[k].level > level || skipped[k]) continue;
        STC_TRY(run_one(graph, &table[k], &records[*nrecords]));
        ++*nrecords;
        if (&table[k] == dump) stc_graph_print(graph, stderr);
    }
    return STC_OK;
}
