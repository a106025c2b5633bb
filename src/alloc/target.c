/* target.c - the built-in targets by name, others from a file in INI form:
 *
 *     [chip]
 *     name = small
 *     cores = 128
 *     [core]
 *     neurons = 1024
 *     synapse_bytes = 131072
 *     [types]
 *     weight_bytes = 1
 *     [router]
 *     multicast = per_destination_chip
 *
 * Capacities are required, as one that was guessed would be believed. [router] is optional.
 */
#include "stc/target.h"

#include "stc/error.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TARGET(name) extern const stc_target stc_target_##name;
#include "targets/list.h"
#undef TARGET

#define TARGET(name) &stc_target_##name,
static const stc_target *const targets[] = {
#include "targets/list.h"
};
#undef TARGET
enum { NTARGETS = sizeof targets / sizeof *targets };

const stc_target *const *stc_targets(int *n)
{
    *n = NTARGETS;
    return targets;
}

/* The keys of a file. lowest: smallest value that makes sense. */
typedef struct {
    const char *section, *key, *meaning;
    enum { TEXT, NUMBER, COUNT, RATIO, UNIT } kind; /* COUNT is an int32_t, NUMBER an int64_t */
    size_t member;
    int64_t lowest;
    bool optional;
} key_row;

#define MEMBER(name) offsetof(stc_target, name)
static const key_row keys[] = {
    {"chip", "name", "a word", TEXT, MEMBER(name), 0, false},
    {"chip", "cores", "cores of a chip", NUMBER, MEMBER(cores_per_chip), 1, false},
    {"core", "neurons", "neurons a core holds", NUMBER, MEMBER(neurons_per_core), STC_CHANNEL_BLOCK,
     false},
    {"core", "synapse_bytes", "bytes of weights a core holds", NUMBER,
     MEMBER(synapse_bytes_per_core), 1, false},
    {"types", "weight_bytes", "bytes of a stored weight", NUMBER, MEMBER(weight_bytes), 1, false},
    {"router", "multicast", "what a copy of a spike costs", UNIT, MEMBER(cost.unit), 0, true},
    {"router", "chips_per_board", "chips on a board (0: all)", COUNT, MEMBER(cost.board), 0, true},
    {"router", "board_ratio", "cost of a copy to another board, one inside costs 1", RATIO,
     MEMBER(cost.board_ratio), 1, true},
    {"router", "mesh_columns", "columns of the mesh of chips (0: square)", COUNT,
     MEMBER(cost.columns), 0, true},
};
enum { NKEYS = sizeof keys / sizeof *keys };
static const int64_t HIGHEST = INT32_MAX; /* products of two stay exact */

typedef struct {
    const char *path;
    FILE *file;
    int line; /* read last */
    stc_arena *arena;
    stc_target target;
    bool given[NKEYS];
    int rc;
} reading;

/* Lines are counted here, as inih does not tell its handler where it is. */
static char *next_line(char *buffer, int size, void *stream)
{
    reading *r = stream;
    char *line = r->rc == 0 ? fgets(buffer, size, r->file) : NULL;
    if (!line) return NULL;
    r->line++;
    const size_t indent = strspn(line, " \t"); /* inih would join indented lines to the one above */
    return memmove(line, line + indent, strlen(line + indent) + 1);
}

/* " (did you mean 'x'?)" in buffer, or "". */
static const char *suggest(const char *word, const char *const *names, int n, char *buffer,
                           size_t size)
{
    const char *near = stc_nearest(word, names, n);
    buffer[0] = '\0';
    if (near) snprintf(buffer, size, " (did you mean '%s'?)", near);
    return buffer;
}

static int unknown(const reading *r, const char *section, const char *key)
{
    const char *names[NKEYS], *sections[NKEYS];
    char hint[96];
    int n = 0;
    for (int i = 0; i < NKEYS; i++) {
        sections[i] = keys[i].section;
        if (strcmp(section, keys[i].section) == 0) names[n++] = keys[i].key;
    }
    if (n > 0)
        return stc_fail(STC_ERR_INPUT, "%s: line %d: unknown key '%s' in [%s]%s", r->path, r->line,
                        key, section, suggest(key, names, n, hint, sizeof hint));
    return stc_fail(STC_ERR_INPUT,
                    "%s: line %d: unknown section [%s]%s, expected are [chip], [core], [types] and "
                    "[router]",
                    r->path, r->line, section,
                    suggest(section, sections, NKEYS, hint, sizeof hint));
}

static int set_text(reading *r, const key_row *row, const char *value)
{
    STC_CHECK(*value, STC_ERR_INPUT, "%s: line %d: [%s] %s is empty, expected %s", r->path, r->line,
              row->section, row->key, row->meaning);
    r->target.name = stc_arena_strdup(r->arena, value);
    return r->target.name ? 0 : STC_ERR_NOMEM;
}

static int set_unit(reading *r, const key_row *row, const char *value)
{
    char hint[96];
    for (int i = 0; i < STC_COST_BYTES; i++) { /* bytes are between ranks, no chip counts them */
        if (strcmp(value, stc_cost_unit_names[i]) != 0) continue;
        r->target.cost.unit = (stc_cost_unit)i;
        return 0;
    }
    STC_FAIL(STC_ERR_INPUT,
             "%s: line %d: [%s] %s is '%s'%s, expected per_destination_chip, per_destination_core "
             "or tree_of_links",
             r->path, r->line, row->section, row->key, value,
             suggest(value, stc_cost_unit_names, STC_COST_BYTES, hint, sizeof hint));
}

static int set_ratio(reading *r, const key_row *row, const char *value)
{
    char *end;
    const double number = strtod(value, &end);
    STC_CHECK(end != value && *end == '\0' && number >= (double)row->lowest && number <= 1e6,
              STC_ERR_INPUT, "%s: line %d: [%s] %s is '%s', expected %s: a number from %lld to 1e6",
              r->path, r->line, row->section, row->key, value, row->meaning,
              (long long)row->lowest);
    *(double *)((char *)&r->target + row->member) = number;
    return 0;
}

static int set_number(reading *r, const key_row *row, const char *value)
{
    char *end;
    errno = 0;
    const long long number = strtoll(value, &end, 10);
    const bool whole = end != value && *end == '\0' && errno == 0;
    STC_CHECK(whole && number >= row->lowest && number <= HIGHEST, STC_ERR_INPUT,
              "%s: line %d: [%s] %s is '%s', expected %s: a whole number from %lld to %lld",
              r->path, r->line, row->section, row->key, value, row->meaning, (long long)row->lowest,
              (long long)HIGHEST);
    char *member = (char *)&r->target + row->member;
    if (row->kind == COUNT)
        *(int32_t *)member = (int32_t)number;
    else
        *(int64_t *)member = number;
    return 0;
}

static int set(reading *r, const char *section, const char *key, const char *value)
{
    int i = 0;
    while (i < NKEYS && (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].key, key) != 0))
        i++;
    if (i == NKEYS) return unknown(r, section, key);
    STC_CHECK(!r->given[i], STC_ERR_INPUT, "%s: line %d: [%s] %s is given for the second time",
              r->path, r->line, section, key);
    r->given[i] = true;
    switch (keys[i].kind) {
    case TEXT:
        return set_text(r, &keys[i], value);
    case UNIT:
        return set_unit(r, &keys[i], value);
    case RATIO:
        return set_ratio(r, &keys[i], value);
    default:
        return set_number(r, &keys[i], value);
    }
}

/* inih's handler: 0 stops. */
static int handle(void *user, const char *section, const char *key, const char *value)
{
    reading *r = user;
    if (r->rc == 0) r->rc = set(r, section, key, value);
    return r->rc == 0;
}

static int parse(reading *r)
{
    const int broken = ini_parse_stream(next_line, r, handle, r);
    STC_TRY(r->rc);
    STC_CHECK(!ferror(r->file), STC_ERR_INPUT, "%s: cannot be read: %s", r->path, strerror(errno));
    STC_CHECK(broken >= 0, STC_ERR_NOMEM, "%s: out of memory", r->path);
    STC_CHECK(broken == 0, STC_ERR_INPUT,
              "%s: line %d is neither a [section] nor key = value nor a comment", r->path, broken);
    for (int i = 0; i < NKEYS; i++)
        STC_CHECK(r->given[i] || keys[i].optional, STC_ERR_INPUT, "%s: [%s] %s (%s) is missing",
                  r->path, keys[i].section, keys[i].key, keys[i].meaning);
    const stc_cost_model *cost = &r->target.cost;
    STC_CHECK(cost->unit != STC_COST_LINKS || cost->board == 0, STC_ERR_INPUT,
              "%s: [router] chips_per_board and multicast = tree_of_links: the mesh of all chips "
              "says what is far; leave chips_per_board out",
              r->path);
    return 0;
}

static int read_target(const char *path, stc_arena *arena, const stc_target **out)
{
    reading r = {.path = path, .arena = arena};
    STC_TRY(stc_open_text(path, &r.file));
    int rc = parse(&r);
    fclose(r.file);
    STC_TRY(rc);
    stc_target *target = stc_arena_alloc(arena, 1, sizeof *target);
    r.target.help = stc_arena_printf(arena, "read from %s", path);
    if (!target || !r.target.help) return STC_ERR_NOMEM;
    *target = r.target;
    *out = target;
    return 0;
}

void stc_target_limit(const stc_target *target, stc_partition_options *options)
{
    const double cores = (double)target->cores_per_chip;
    options->capacity[0] = cores * (double)target->neurons_per_core;
    options->capacity[1] = cores * (double)target->synapse_bytes_per_core;
    options->capacity[2] = 0;
    options->cost = target->cost;
}

int stc_target_find(const char *name_or_path, stc_arena *arena, const stc_target **out)
{
    const char *name = name_or_path ? name_or_path : targets[0]->name, *names[NTARGETS];
    for (int i = 0; i < NTARGETS; i++) {
        names[i] = targets[i]->name;
        if (strcmp(name, names[i]) != 0) continue;
        *out = targets[i];
        return 0;
    }
    struct stat info;
    if (strpbrk(name, "/.") || stat(name, &info) == 0) return read_target(name, arena, out);
    char hint[96];
    return stc_fail(STC_ERR_INPUT,
                    "unknown target '%s'%s; built in are generic and tiny, or give a file in INI "
                    "form",
                    name, suggest(name, names, NTARGETS, hint, sizeof hint));
}
