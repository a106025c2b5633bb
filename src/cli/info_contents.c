/* info_contents.c - `stc info` of a result or an input: arrays, spikes per population, metrics,
 * provenance. With --json one object with a member per path. */
#include "info.h"

#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

enum { NAME_WIDTH = 40 };

/* The columns of populations and the node table, and SONATA's marks, say nothing to people. */
static bool is_detail(const stc_file_entry *entry)
{
    if (strncmp(entry->group, "spikes/", 7) == 0)
        return entry->kind == STC_ENTRY_DATA || strcmp(entry->name, "total") != 0;
    if (!entry->group[0]) return strcmp(entry->name, "magic") == 0;
    return strncmp(entry->group, "metrics", 7) == 0 && entry->kind == STC_ENTRY_DATA;
}

static void print_entry(void *context, const stc_file_entry *entry)
{
    char label[256], count[STC_TEXT_SIZE];
    (void)context;
    if (is_detail(entry)) return;
    bool population = strncmp(entry->group, "spikes/", 7) == 0;
    snprintf(label, sizeof label, "%s%s%s", entry->group, entry->group[0] && !population ? "/" : "",
             population ? "" : entry->name);
    printf("%-*s ", NAME_WIDTH, label);
    switch (entry->kind) {
    case STC_ENTRY_TEXT:
        printf("%s\n", entry->text);
        break;
    case STC_ENTRY_INT:
        printf("%s%s\n", stc_text_count(entry->i, count), population ? " spikes" : "");
        break;
    case STC_ENTRY_REAL:
        printf("%.6g\n", entry->r);
        break;
    case STC_ENTRY_DATA:
        printf("%s (", entry->text);
        for (int d = 0; d < entry->ndim; d++)
            printf("%s%lld", d ? ", " : "", (long long)entry->dim[d]);
        printf(")\n");
        break;
    }
}

static void json_entry(void *context, const stc_file_entry *entry)
{
    char key[512];
    stc_json *out = context;
    snprintf(key, sizeof key, "%s%s%s", entry->group, entry->group[0] ? "/" : "", entry->name);
    switch (entry->kind) {
    case STC_ENTRY_TEXT:
        stc_json_string(out, key, entry->text);
        break;
    case STC_ENTRY_INT:
        stc_json_int(out, key, entry->i);
        break;
    case STC_ENTRY_REAL:
        stc_json_real(out, key, entry->r);
        break;
    case STC_ENTRY_DATA:
        stc_json_open(out, key, '{');
        stc_json_string(out, "type", entry->text);
        stc_json_open(out, "shape", '[');
        for (int d = 0; d < entry->ndim; d++)
            stc_json_int(out, NULL, entry->dim[d]);
        stc_json_close(out, ']');
        stc_json_close(out, '}');
        break;
    }
}

static void skip_entry(void *context, const stc_file_entry *entry)
{
    (void)context;
    (void)entry;
}

int stc_info_contents(const char *path, const char *kind, bool json)
{
    /* a file that cannot be read to its end prints nothing */
    STC_TRY(stc_file_contents(path, skip_entry, NULL));
    if (!json) {
        printf("%s: %s\n", path, kind);
        return stc_file_contents(path, print_entry, NULL);
    }
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "file", path);
    stc_json_string(&out, "kind", kind);
    stc_json_open(&out, "contents", '{');
    int rc = stc_file_contents(path, json_entry, &out);
    stc_json_close(&out, '}');
    stc_json_end(&out);
    return rc;
}
