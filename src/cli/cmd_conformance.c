/* cmd_conformance.c - `stc conformance`: does this program give what the conformance pack expects?
 * Reading order: the manifest, the report, run. */
#include "conformance.h"

#include "stc/error.h"

#include <jansson.h>
#include <string.h>

enum { DIFFERENCE_SIZE = 512 };

static struct {
    const char *only;
} given;

static const stc_option rows[] = {
    {0, "only", STC_OPTION_TEXT, &given.only, "TEXT", NULL,
     "run the cases whose name holds this (default: all)", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

/* ---- the manifest ---- */

static int bad_case(const stc_conformance_case *c, const char *what)
{
    STC_FAIL(STC_ERR_INPUT, "manifest.json: case %s: %s", c->name ? c->name : "?", what);
}

static int take_rule(stc_conformance_case *c, const char *name, const json_t *value)
{
    const char *words, *rule;
    if (strcmp(name, "dt") == 0) {
        c->rules.dt = json_number_value(value);
        return 0;
    }
    if (strcmp(name, "max_count") == 0 || strcmp(name, "recurrent_delay") == 0) {
        *(name[0] == 'm' ? &c->rules.max_count : &c->rules.recurrent_delay) =
            json_integer_value(value);
        return 0;
    }
    for (int i = 0; (rule = stc_nir_rule(i, &words)) && json_is_string(value); i++) {
        if (strcmp(rule, name) != 0) continue;
        if (stc_nir_rule_set(&c->rules, i, json_string_value(value))) return 0;
    }
    return bad_case(c, "a rule that this program does not have");
}

static int take_names(const stc_conformance_case *c, const json_t *list, stc_conformance_names *out)
{
    size_t i;
    json_t *name;
    json_array_foreach(list, i, name)
    {
        if (out->n == STC_CONFORMANCE_NAMES) return bad_case(c, "too many names in a list");
        if (!json_is_string(name)) return bad_case(c, "expected a list of names");
        out->names[out->n++] = json_string_value(name);
    }
    return 0;
}

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* Strings are borrowed from the manifest, paths lie in the arena. */
static int take_case(json_t *json, const char *folder, stc_arena *arena, stc_conformance_case *c)
{
    const char *key, *paths[3];
    json_t *value;
    *c = (stc_conformance_case){.name = text_of(json, "name"),
                                .about = text_of(json, "about"),
                                .source = text_of(json, "source"),
                                .preset = text_of(json, "preset"),
                                .rules = STC_NIR_RULES_OPEN,
                                .steps = json_integer_value(json_object_get(json, "steps")),
                                .tolerance = json_number_value(json_object_get(json, "tolerance"))};
    static const char *const files[3] = {"model", "input", "expected"};
    for (int i = 0; i < 3; i++) {
        const char *path = text_of(json, files[i]);
        paths[i] = path ? stc_arena_printf(arena, "%s/%s", folder, path) : NULL;
        if (!paths[i]) return bad_case(c, "model, input or expected is missing");
    }
    c->model = paths[0];
    c->input = paths[1];
    c->expected = paths[2];
    if (!c->name || c->steps < 1) return bad_case(c, "name or steps is missing");
    json_object_foreach(json_object_get(json, "rules"), key, value)
    {
        STC_TRY(take_rule(c, key, value));
    }
    STC_TRY(take_names(c, json_object_get(json, "spikes"), &c->spikes));
    STC_TRY(take_names(c, json_object_get(json, "traces"), &c->traces));
    return take_names(c, json_object_get(json, "outputs"), &c->outputs);
}

static int open_manifest(const char *folder, json_t **manifest, json_t **cases)
{
    char path[4200];
    json_error_t error;
    snprintf(path, sizeof path, "%.4096s/manifest.json", folder);
    FILE *file = NULL;
    int rc = stc_open_text(path, &file);
    if (rc < 0)
        return stc_fail(rc, "%s\nhint: give the folder of the pack, conformance/nir of the sources",
                        stc_error_text());
    *manifest = json_loadf(file, 0, &error);
    fclose(file);
    STC_CHECK(*manifest, STC_ERR_INPUT, "%s: line %d: %s", path, error.line, error.text);
    *cases = json_object_get(*manifest, "cases");
    const char *format = text_of(*manifest, "format");
    STC_CHECK(format && strcmp(format, "nir-conformance") == 0 && json_is_array(*cases),
              STC_ERR_INPUT, "%s: expected format nir-conformance and a list of cases", path);
    return 0;
}

/* ---- the report ---- */

typedef struct {
    const stc_cli *cli;
    stc_json out;
    int passed, failed;
} report;

static void say(report *r, const stc_conformance_case *c, const char *preset,
                const char *difference)
{
    bool good = difference[0] == '\0';
    *(good ? &r->passed : &r->failed) += 1;
    if (r->cli->comm->rank != 0) return;
    if (r->cli->json) {
        stc_json_open(&r->out, NULL, '{');
        stc_json_string(&r->out, "name", c->name);
        if (preset) stc_json_string(&r->out, "preset", preset);
        stc_json_bool(&r->out, "agrees", good);
        stc_json_string(&r->out, "difference", difference);
        stc_json_close(&r->out, '}');
        return;
    }
    char as[64] = "";
    if (preset) snprintf(as, sizeof as, " --as %s", preset);
    printf("%-6s %s%s%s%s\n", good ? "ok" : "FAILED", c->name, as, good ? "" : ": ", difference);
}

/* Run one case under some rules; what it cannot do is a failure of the case, not of the command. */
static void attempt(report *r, const stc_conformance_case *c, const char *preset,
                    const stc_nir_rules *rules)
{
    char difference[DIFFERENCE_SIZE];
    int rc = stc_conformance_run(r->cli, c, rules, difference, sizeof difference);
    if (rc < 0) snprintf(difference, sizeof difference, "%.500s", stc_error_text());
    /* all ranks count alike */
    stc_comm_bcast(r->cli->comm, difference, sizeof difference, 0);
    say(r, c, preset, difference);
}

/* The rules of the preset that a case names; false when they differ from those of the case, as with
 * options of its importer. Gains are left out: a preset has them by op. */
static bool preset_rules(const stc_conformance_case *c, stc_nir_rules *out)
{
    const char *words, *rule;
    *out = STC_NIR_RULES_OPEN;
    out->preset = c->preset;
    out->dt = c->rules.dt;
    out->recurrent_delay = c->rules.recurrent_delay;
    stc_nir_rules preset = *out, own = c->rules;
    if (stc_nir_rules_complete(&preset) < 0 || stc_nir_rules_complete(&own) < 0) return true;
    for (int i = 0; (rule = stc_nir_rule(i, &words)); i++) {
        char word[32];
        if (strcmp(rule, "integrator") != 0 && strncmp(rule, "reset", 5) != 0) continue;
        snprintf(word, sizeof word, "%s", stc_nir_rule_word(&own, i));
        if (strcmp(word, stc_nir_rule_word(&preset, i)) != 0) {
            /* reset_time may be said of one op alone */
            if (strcmp(rule, "reset_time") != 0 || !strstr(preset.settings, ".reset_time=")) {
                return false;
            }
        }
    }
    return true;
}

static int run_cases(report *r, json_t *cases, const char *folder, stc_arena *arena)
{
    size_t i;
    json_t *json;
    json_array_foreach(cases, i, json)
    {
        stc_conformance_case c;
        STC_TRY(take_case(json, folder, arena, &c));
        if (given.only && !strstr(c.name, given.only)) continue;
        attempt(r, &c, NULL, &c.rules);
        stc_nir_rules rules;
        if (c.preset && preset_rules(&c, &rules)) attempt(r, &c, c.preset, &rules);
    }
    return 0;
}

/* ---- run ---- */

static int run(const stc_cli *cli)
{
    const char *folder = cli->nfiles ? cli->files[0] : "conformance/nir";
    json_t *manifest = NULL, *cases = NULL;
    stc_arena *arena = NULL;
    report r = {.cli = cli};
    int rc = stc_arena_create(&arena);
    if (rc >= 0) rc = open_manifest(folder, &manifest, &cases);
    rc = stc_agree(cli->comm, rc);
    if (rc >= 0) {
        stc_log_setup(cli->comm->rank, STC_LOG_ERROR, false); /* not the rules of every case */
        bool json = cli->json && cli->comm->rank == 0;
        if (json) {
            r.out = stc_json_begin(stdout);
            stc_json_open(&r.out, "cases", '[');
        }
        rc = run_cases(&r, cases, folder, arena);
        if (json) {
            stc_json_close(&r.out, ']');
            stc_json_int(&r.out, "passed", r.passed);
            stc_json_int(&r.out, "failed", r.failed);
            stc_json_end(&r.out);
        }
    }
    if (rc >= 0 && !cli->json && cli->comm->rank == 0 && r.passed + r.failed > 0)
        printf("%d agree, %d differ\n", r.passed, r.failed);
    json_decref(manifest);
    stc_arena_destroy(&arena);
    if (rc < 0) return rc;
    STC_CHECK(r.passed + r.failed > 0, STC_ERR_USAGE, "--only %s: no case of %s has such a name",
              given.only ? given.only : "", folder);
    return r.failed ? 1 : 0;
}

const stc_command stc_command_conformance = {
    .name = "conformance",
    .help = "run the NIR conformance pack and compare",
    .arguments = "[FOLDER] [options]",
    .about = "Runs every case of a conformance pack (default conformance/nir) under its rules, and "
             "under the\npreset that it names, and compares spikes exactly, potentials and outputs "
             "within the tolerance\nof the case.",
    .prints = "one line per case and what differs first; with --json one object.",
    .examples = "  stc conformance conformance/nir\n"
                "  mpirun -n 4 stc conformance conformance/nir --only recurrent",
    .exits = "a case differs, or the pack is missing or bad",
    .max_files = 1,
    .tables = {&table},
    .run = run,
};
