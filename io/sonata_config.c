/* sonata_config.c - the configuration of a SONATA network: JSON files that refer to one another,
 * with variables and relative paths. Unknown keys are ignored, as the specification wants.
 *
 * Reading order: JSON, variables, paths, documents.
 */
#include "sonata.h"

#include "stc/error.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIABLES = 1000, MAX_TEXT = 1 << 14, MAX_JSON = 1 << 26 };

bool stc_is_sonata(const char *path)
{
    FILE *file;
    int c;
    if (stc_open_text(path, &file) < 0) return false;
    do {
        c = getc(file);
    } while (c != EOF && isspace(c));
    fclose(file);
    return c == '{';
}

/* ---- JSON ---- */

static int check_size(const char *path, FILE *file)
{
    STC_CHECK(fseek(file, 0, SEEK_END) == 0 && ftell(file) <= MAX_JSON, STC_ERR_INPUT,
              "%s: is larger than %d MB, expected a JSON text", path, MAX_JSON >> 20);
    rewind(file);
    return 0;
}

int stc_sonata_json(const char *path, json_t **out)
{
    FILE *file;
    json_error_t error;
    *out = NULL;
    STC_TRY(stc_open_text(path, &file));
    int rc = check_size(path, file);
    if (rc == 0) {
        *out = json_loadf(file, 0, &error);
        if (!*out) {
            rc = stc_fail(STC_ERR_INPUT, "%s: line %d: is not JSON: %s", path, error.line,
                          error.text);
        } else if (!json_is_object(*out)) {
            json_decref(*out);
            *out = NULL;
            rc = stc_fail(STC_ERR_INPUT, "%s: expected a JSON object {...}", path);
        }
    }
    fclose(file);
    return rc;
}

json_t *stc_sonata_member(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

/* ---- variables ---- */

/* The value of a variable ("$NAME" or "${NAME}", a name of length n), or NULL. Manifests write
 * their keys as "$NAME" or "${NAME}"; ${configdir} is the folder where relative paths begin anyway.
 */
static const char *value_of(const stc_sonata_document *document, const char *name, size_t n)
{
    const json_t *manifest = stc_sonata_member(document->json, "manifest");
    char key[256];
    if (n == 9 && strncmp(name, "configdir", 9) == 0) return ".";
    if (n == 0 || n > sizeof(key) - 4) return NULL;
    snprintf(key, sizeof(key), "$%.*s", (int)n, name);
    const char *text = json_string_value(json_object_get(manifest, key));
    if (text) return text;
    snprintf(key, sizeof(key), "${%.*s}", (int)n, name);
    return json_string_value(json_object_get(manifest, key));
}

/* Where the name after a '$' begins, and its length; returns what follows the variable. */
static const char *variable_at(const char *dollar, const char **name, size_t *n)
{
    if (dollar[1] == '{') {
        const char *end = strchr(dollar, '}');
        *name = dollar + 2;
        *n = end ? (size_t)(end - *name) : 0;
        return end ? end + 1 : dollar + 2;
    }
    *name = dollar + 1;
    *n = 0;
    while (isalnum((unsigned char)(*name)[*n]) || (*name)[*n] == '_')
        (*n)++;
    return *name + *n;
}

/* Replace the first variable of a text; returns 0 when there is none. */
static int replace_one(const stc_sonata_document *document, char *text, const char *key)
{
    char *dollar = strchr(text, '$');
    const char *name, *after;
    size_t n;
    char result[MAX_TEXT];
    if (!dollar) return 0;
    after = variable_at(dollar, &name, &n);
    const char *value = value_of(document, name, n);
    STC_CHECK(value, STC_ERR_INPUT, "%s: %s: \"%.200s\": the manifest has no $%.*s", document->path,
              key, text, (int)(n < 100 ? n : 100), name);
    int length =
        snprintf(result, sizeof(result), "%.*s%s%s", (int)(dollar - text), text, value, after);
    STC_CHECK(length < MAX_TEXT, STC_ERR_INPUT, "%s: %s: \"%.200s...\" is too long", document->path,
              key, text);
    memcpy(text, result, (size_t)length + 1);
    return 1;
}

const char *stc_sonata_text(const stc_sonata_config *config, const stc_sonata_document *document,
                            const json_t *value, const char *key)
{
    char text[MAX_TEXT];
    const char *given = json_string_value(value);
    if (!given || strlen(given) >= sizeof(text)) {
        stc_fail(STC_ERR_INPUT, "%s: %s: expected a string", document->path, key);
        return NULL;
    }
    memcpy(text, given, strlen(given) + 1);
    int rc = 1;
    for (int i = 0; rc == 1 && i < MAX_VARIABLES; i++)
        rc = replace_one(document, text, key);
    if (rc == 1) {
        rc = stc_fail(STC_ERR_INPUT, "%s: %s: \"%.200s\": the variables never end", document->path,
                      key, given);
    }
    return rc < 0 ? NULL : stc_arena_strdup(config->arena, text);
}

/* ---- paths ---- */

const char *stc_sonata_path(const stc_sonata_config *config, const stc_sonata_document *document,
                            const json_t *value, const char *key)
{
    const char *text = stc_sonata_text(config, document, value, key);
    if (!text || text[0] == '/') return text;
    while (strncmp(text, "./", 2) == 0)
        text += 2;
    return stc_arena_printf(config->arena, "%s/%s", document->folder, text);
}

const char *stc_sonata_component(const stc_sonata_config *config, const char *name,
                                 const char *file)
{
    const json_t *components = stc_sonata_member(config->circuit.json, "components");
    const json_t *value = stc_sonata_member(components, name);
    if (!value) {
        stc_fail(STC_ERR_INPUT, "%s: components/%s is missing, the folder of %s",
                 config->circuit.path, name, file);
        return NULL;
    }
    const char *folder = stc_sonata_path(config, &config->circuit, value, name);
    return folder ? stc_arena_printf(config->arena, "%s/%s", folder, file) : NULL;
}

int stc_sonata_networks(const stc_sonata_config *config, const char *kind, json_t **list)
{
    json_t *networks = stc_sonata_member(config->circuit.json, "networks");
    STC_CHECK(json_is_object(networks), STC_ERR_INPUT,
              "%s: networks is missing; expected {\"nodes\": [...], \"edges\": [...]}\n"
              "hint: give the configuration that refers to circuit and simulation",
              config->circuit.path);
    *list = stc_sonata_member(networks, kind);
    STC_CHECK(!*list || json_is_array(*list), STC_ERR_INPUT,
              "%s: networks/%s: expected a list of objects", config->circuit.path, kind);
    return 0;
}

/* ---- documents ---- */

static int read_document(stc_sonata_config *config, const char *path, stc_sonata_document *out)
{
    const char *slash = strrchr(path, '/');
    out->path = path;
    out->folder = slash ? stc_arena_printf(config->arena, "%.*s", (int)(slash - path), path) : ".";
    if (slash == path) out->folder = "/";
    if (!out->folder) return STC_ERR_NOMEM;
    return stc_sonata_json(path, &out->json);
}

/* The document that `from` refers to by a key, or `from` itself when it has no such key. */
static int follow(stc_sonata_config *config, const stc_sonata_document *from, const char *key,
                  stc_sonata_document *out)
{
    const json_t *value = stc_sonata_member(from->json, key);
    if (!value) {
        *out = *from;
        json_incref(out->json);
        return 0;
    }
    const char *path = stc_sonata_path(config, from, value, key);
    if (!path) return STC_ERR_INPUT;
    int rc = read_document(config, path, out);
    return rc < 0 ? stc_fail_in(rc, "%s: %s", from->path, key) : 0;
}

static int read_ms(const stc_sonata_document *document, const char *key, double *out)
{
    const json_t *run = stc_sonata_member(document->json, "run");
    const json_t *value = stc_sonata_member(run, key);
    if (!value) return 0;
    *out = json_number_value(value);
    STC_CHECK(json_is_number(value) && *out >= 0 && *out < 1e15, STC_ERR_INPUT,
              "%s: run/%s: expected milliseconds", document->path, key);
    return 0;
}

static int read_times(stc_sonata_config *config)
{
    double start = 0;
    STC_TRY(read_ms(&config->simulation, "tstop", &config->tstop));
    STC_TRY(read_ms(&config->simulation, "dt", &config->dt));
    STC_TRY(read_ms(&config->simulation, "tstart", &start));
    STC_CHECK(start == 0, STC_ERR_INPUT, "%s: run/tstart is %g ms; runs start at 0",
              config->simulation.path, start);
    return 0;
}

/* Node sets may be named by simulation or circuit; without them names are populations. */
static int read_node_sets(stc_sonata_config *config)
{
    const stc_sonata_document *from = &config->simulation;
    if (!stc_sonata_member(from->json, "node_sets_file")) from = &config->circuit;
    if (!stc_sonata_member(from->json, "node_sets_file")) return 0;
    return follow(config, from, "node_sets_file", &config->node_sets);
}

int stc_sonata_config_read(const char *path, stc_arena *arena, stc_sonata_config *out)
{
    *out = (stc_sonata_config){.arena = arena};
    const char *copy = stc_arena_strdup(arena, path);
    if (!copy) return STC_ERR_NOMEM;
    int rc = read_document(out, copy, &out->main);
    if (rc == 0) rc = follow(out, &out->main, "simulation", &out->simulation);
    if (rc == 0) {
        bool main = stc_sonata_member(out->main.json, "network") != NULL;
        rc = follow(out, main ? &out->main : &out->simulation, "network", &out->circuit);
    }
    if (rc == 0) rc = read_times(out);
    if (rc == 0) rc = read_node_sets(out);
    if (rc < 0) stc_sonata_config_close(out);
    return rc;
}

void stc_sonata_config_close(stc_sonata_config *config)
{
    json_decref(config->main.json);
    json_decref(config->circuit.json);
    json_decref(config->simulation.json);
    json_decref(config->node_sets.json);
    config->main.json = config->circuit.json = NULL;
    config->simulation.json = config->node_sets.json = NULL;
}
