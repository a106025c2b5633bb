/* sonata_output.c - where a SONATA configuration wants its spikes, and where they must not go. */
#include "sonata.h"

#include "stc/error.h"
#include "stc/io.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* output/output_dir and output/spikes_file; *out stays NULL when no file is named. */
static int find_output(const stc_sonata_config *config, const char **folder, const char **out)
{
    const stc_sonata_document *document = &config->simulation;
    const json_t *output = stc_sonata_member(document->json, "output");
    const json_t *file = stc_sonata_member(output, "spikes_file");
    const json_t *where = stc_sonata_member(output, "output_dir");
    if (!file) return 0;
    const char *name = stc_sonata_text(config, document, file, "output/spikes_file");
    *folder =
        where ? stc_sonata_path(config, document, where, "output/output_dir") : document->folder;
    if (!name || !*folder) return STC_ERR_INPUT;
    *out = name[0] == '/' ? name : stc_arena_printf(config->arena, "%s/%s", *folder, name);
    return *out ? 0 : STC_ERR_NOMEM;
}

int stc_network_output(const char *path, stc_arena *arena, const char **out)
{
    stc_sonata_config config;
    const char *folder = NULL;
    *out = NULL;
    if (!stc_is_sonata(path)) return 0;
    STC_TRY(stc_sonata_config_read(path, arena, &config));
    int rc = find_output(&config, &folder, out);
    stc_sonata_config_close(&config);
    if (rc < 0 || !*out) return rc;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        stc_notice("%s wants spikes in %s, which cannot be made: %s; give -o", path, folder,
                   strerror(errno));
        *out = NULL;
    } else if (stc_output_check(*out) < 0) {
        stc_notice("%s; give -o", stc_error_text());
        *out = NULL;
    }
    return 0;
}

void stc_sonata_notice_outputs(const stc_sonata_config *config)
{
    const stc_sonata_document *document = &config->simulation;
    const json_t *output = stc_sonata_member(document->json, "output");
    const char *name;
    json_t *report;
    json_object_foreach(stc_sonata_member(document->json, "reports"), name, report)
    {
        const json_t *enabled = stc_sonata_member(report, "enabled");
        const char *variable = json_string_value(stc_sonata_member(report, "variable_name"));
        if (json_is_false(enabled)) continue;
        stc_notice("%s: report %.60s%s%.40s is not written; for traces give stc run --record "
                   "V_m:NODE",
                   document->path, name, variable ? " of " : "", variable ? variable : "");
    }
    if (stc_sonata_member(output, "spikes_file_csv"))
        stc_notice(
            "%s: output/spikes_file_csv is not written; spikes_file or -o give SONATA (HDF5)",
            document->path);
}

/* ---- files of the network itself ---- */

/* Members of an object that are names of files. */
static int apart_from_members(const stc_sonata_config *config, const stc_sonata_document *document,
                              const json_t *object, const char *output)
{
    static const char *const keys[] = {"nodes_file",      "node_types_file", "edges_file",
                                       "edge_types_file", "input_file",      "file"};
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        const json_t *value = stc_sonata_member(object, keys[k]);
        if (!value) continue;
        const char *path = stc_sonata_path(config, document, value, keys[k]);
        if (!path) return STC_ERR_INPUT;
        STC_TRY(stc_output_apart(output, path));
    }
    return 0;
}

static int apart_from_all(const stc_sonata_config *config, const char *output)
{
    const stc_sonata_document *documents[] = {&config->main, &config->circuit, &config->simulation,
                                              &config->node_sets};
    static const char *const kinds[] = {"nodes", "edges"};
    const char *name;
    json_t *input, *networks = stc_sonata_member(config->circuit.json, "networks");
    for (int d = 0; d < 4; d++)
        if (documents[d]->json) STC_TRY(stc_output_apart(output, documents[d]->path));
    for (int k = 0; k < 2; k++) {
        const json_t *list = stc_sonata_member(networks, kinds[k]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            STC_TRY(apart_from_members(config, &config->circuit, json_array_get(list, i), output));
        }
    }
    json_object_foreach(stc_sonata_member(config->simulation.json, "inputs"), name, input)
    {
        STC_TRY(apart_from_members(config, &config->simulation, input, output));
    }
    return 0;
}

int stc_network_apart(const char *path, const char *output)
{
    stc_arena *arena;
    stc_sonata_config config;
    if (!path || !stc_is_sonata(path)) return 0;
    STC_TRY(stc_arena_create(&arena));
    int rc = stc_sonata_config_read(path, arena, &config);
    if (rc == 0) rc = apart_from_all(&config, output);
    stc_sonata_config_close(&config);
    stc_arena_destroy(&arena);
    return rc;
}
