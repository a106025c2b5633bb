/* sonata_output.c - where a SONATA configuration wants its spikes. */
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
