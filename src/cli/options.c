/* options.c - see options.h. */
#include "options.h"

#include "stc/base.h"
#include "stc/error.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 64, HELP_COLUMN = 28, MAX_LABEL = 64 };

/* How an option is called in messages: "--name" or "-o". */
static const char *label(const stc_option *option, char buffer[MAX_LABEL])
{
    if (option->name) {
        snprintf(buffer, MAX_LABEL, "--%s", option->name);
    } else {
        snprintf(buffer, MAX_LABEL, "-%c", option->letter);
    }
    return buffer;
}

static int read_integer(const char *word, size_t length, int64_t *out)
{
    char digits[24], *end;
    if (length == 0 || length >= sizeof digits) return -1;
    memcpy(digits, word, length);
    digits[length] = 0;
    if (!strchr("+-0123456789", digits[0])) return -1;
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (errno || end == digits || *end) return -1;
    *out = value;
    return 0;
}

static int set_integer(const stc_option *option, const char *word)
{
    char name[MAX_LABEL];
    int64_t value;
    int64_t high = option->high ? option->high : INT64_MAX;
    if (read_integer(word, strlen(word), &value) < 0 || value < option->low || value > high) {
        if (option->high)
            STC_FAIL(STC_ERR_USAGE, "%s: found '%s', expected a whole number from %lld to %lld",
                     label(option, name), word, (long long)option->low, (long long)high);
        STC_FAIL(STC_ERR_USAGE, "%s: found '%s', expected a whole number of at least %lld",
                 label(option, name), word, (long long)option->low);
    }
    *(int64_t *)option->field = value;
    return 0;
}

static int set_range(const stc_option *option, const char *word)
{
    char name[MAX_LABEL];
    int64_t *range = option->field, first = 0, last = -1;
    const char *colon = strchr(word, ':');
    bool good = colon != NULL;
    if (good && colon > word) good = read_integer(word, (size_t)(colon - word), &first) == 0;
    if (good && colon[1]) good = read_integer(colon + 1, strlen(colon + 1), &last) == 0;
    if (!good || first < 0 || (colon[1] && last < 0))
        STC_FAIL(STC_ERR_USAGE, "%s: found '%s', expected A:B, for example 0:32 (0 <= A < B)",
                 label(option, name), word);
    if (colon[1] && last <= first)
        STC_FAIL(STC_ERR_USAGE, "%s: '%s' is empty, expected A:B with A < B", label(option, name),
                 word);
    range[0] = first;
    range[1] = last;
    return 0;
}

static int set_choice(const stc_option *option, const char *word)
{
    char name[MAX_LABEL], words[256];
    const char *list[MAX_NAMES];
    int n = 0;
    snprintf(words, sizeof words, "%s", option->choices);
    for (char *save, *w = strtok_r(words, " ", &save); w && n < MAX_NAMES;
         w = strtok_r(NULL, " ", &save)) {
        if (strcmp(w, word) == 0) {
            *(const char **)option->field = word;
            return 0;
        }
        list[n++] = w;
    }
    const char *near = stc_nearest(word, list, n);
    STC_FAIL(STC_ERR_USAGE, "%s: found '%s', expected one of: %s%s%s%s", label(option, name), word,
             option->choices, near ? "\nhint: did you mean " : "", near ? near : "",
             near ? "?" : "");
}

static int add_word(const stc_option *option, const char *word)
{
    char name[MAX_LABEL];
    stc_option_list *list = option->field;
    STC_CHECK(list->n < STC_MAX_LIST, STC_ERR_USAGE, "%s: is given more than %d times",
              label(option, name), STC_MAX_LIST);
    list->words[list->n++] = word;
    return 0;
}

static int set(const stc_option *option, const char *word)
{
    switch (option->kind) {
    case STC_OPTION_FLAG:
        *(bool *)option->field = true;
        return 0;
    case STC_OPTION_TEXT:
        *(const char **)option->field = word;
        return 0;
    case STC_OPTION_INT:
        return set_integer(option, word);
    case STC_OPTION_CHOICE:
        return set_choice(option, word);
    case STC_OPTION_RANGE:
        return set_range(option, word);
    case STC_OPTION_LIST:
        return add_word(option, word);
    }
    STC_FAIL(STC_ERR_INTERNAL, "option kind %d is unknown", (int)option->kind);
}

static const stc_option *find_letter(const stc_option_table *const *tables, int ntables,
                                     char letter)
{
    for (int t = 0; t < ntables; t++)
        for (int i = 0; i < tables[t]->n; i++)
            if (tables[t]->rows[i].letter == letter) return &tables[t]->rows[i];
    return NULL;
}

static const stc_option *find_name(const stc_option_table *const *tables, int ntables,
                                   const char *name, size_t length)
{
    for (int t = 0; t < ntables; t++)
        for (int i = 0; i < tables[t]->n; i++) {
            const char *have = tables[t]->rows[i].name;
            if (have && strlen(have) == length && memcmp(have, name, length) == 0)
                return &tables[t]->rows[i];
        }
    return NULL;
}

static int unknown_name(const stc_option_table *const *tables, int ntables, const char *name,
                        size_t length)
{
    const char *names[MAX_NAMES];
    char word[128];
    int n = 0;
    for (int t = 0; t < ntables; t++)
        for (int i = 0; i < tables[t]->n && n < MAX_NAMES; i++)
            if (tables[t]->rows[i].name) names[n++] = tables[t]->rows[i].name;
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    const char *near = stc_nearest(word, names, n);
    if (near) STC_FAIL(STC_ERR_USAGE, "unknown option --%s\nhint: did you mean --%s?", word, near);
    STC_FAIL(STC_ERR_USAGE, "unknown option --%s\nhint: --help lists the options", word);
}

/* One option at argv[0]; *used becomes the number of words it takes. */
static int parse_option(const stc_option_table *const *tables, int ntables, int argc,
                        char *const *argv, int *used)
{
    char name[MAX_LABEL];
    const char *word = argv[0], *value = NULL;
    const stc_option *option;
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        option = find_name(tables, ntables, word + 2, length);
        if (!option) return unknown_name(tables, ntables, word + 2, length);
        if (word[2 + length] == '=') value = word + 2 + length + 1;
    } else {
        option = find_letter(tables, ntables, word[1]);
        if (!option)
            STC_FAIL(STC_ERR_USAGE, "unknown option -%c\nhint: --help lists the options", word[1]);
        if (word[2]) value = word + 2;
    }
    *used = 1;
    if (option->kind == STC_OPTION_FLAG) {
        STC_CHECK(!value, STC_ERR_USAGE, "%s takes no argument, found '%s'", label(option, name),
                  value);
        return set(option, NULL);
    }
    if (!value) {
        STC_CHECK(argc > 1, STC_ERR_USAGE, "%s needs an argument: %s", label(option, name),
                  option->argument);
        value = argv[1];
        *used = 2;
    }
    STC_CHECK(value[0], STC_ERR_USAGE, "%s: the argument %s is empty", label(option, name),
              option->argument);
    return set(option, value);
}

int stc_options_parse(const stc_option_table *const *tables, int ntables, int argc,
                      char *const *argv, const char **files, int max_files, int *nfiles)
{
    bool only_files = false;
    *nfiles = 0;
    for (int t = 0; t < ntables; t++)
        for (int i = 0; i < tables[t]->n; i++)
            if (tables[t]->rows[i].initial)
                STC_TRY(set(&tables[t]->rows[i], tables[t]->rows[i].initial));
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (!only_files && strcmp(word, "--") == 0) {
            only_files = true;
            i++;
        } else if (!only_files && word[0] == '-' && word[1]) {
            int used = 1;
            STC_TRY(parse_option(tables, ntables, argc - i, argv + i, &used));
            i += used;
        } else {
            STC_CHECK(word[0], STC_ERR_USAGE, "the name of a file is empty");
            STC_CHECK(*nfiles < max_files, STC_ERR_USAGE,
                      "unexpected argument '%s', expected at most %d file%s", word, max_files,
                      max_files == 1 ? "" : "s");
            files[(*nfiles)++] = word;
            i++;
        }
    }
    return 0;
}

int stc_parse_seconds(const char *option, const char *word, double *out)
{
    static const struct {
        const char *name;
        double per_second;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 1e3}, {"us", 1e6}, {"ns", 1e9}};
    char *unit;
    double number = strchr("+.0123456789", word[0]) ? strtod(word, &unit) : NAN;
    for (size_t i = 0; number > 0 && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) != 0) continue;
        *out = number / units[i].per_second; /* 0.1ms is the double nearest to 1e-4 */
        if (*out > 0 && isfinite(*out)) return 0;
    }
    STC_FAIL(STC_ERR_USAGE, "%s: found '%s', expected a time above 0 as 0.1ms, 1e-4s or 1e-4",
             option, word);
}

static void print_row(const stc_option *row, FILE *file)
{
    char text[2 * MAX_LABEL] = "";
    int n = 0;
    if (row->letter && row->name)
        n = snprintf(text, sizeof text, "-%c, --%s", row->letter, row->name);
    else if (row->letter)
        n = snprintf(text, sizeof text, "-%c", row->letter);
    else
        n = snprintf(text, sizeof text, "    --%s", row->name);
    if (row->argument)
        snprintf(text + n, sizeof text - (size_t)n, "%s%s", row->name ? " " : "", row->argument);
    fprintf(file, "  %-*s", HELP_COLUMN - 2, text);
    if (strlen(text) > HELP_COLUMN - 3) fprintf(file, "\n%*s", HELP_COLUMN, "");
    for (const char *c = row->help; *c; c++) {
        fputc(*c, file);
        if (*c == '\n') fprintf(file, "%*s", HELP_COLUMN, "");
    }
    if (row->initial) fprintf(file, " (default %s)", row->initial);
    fputc('\n', file);
}

void stc_options_print(const stc_option_table *table, FILE *file)
{
    fprintf(file, "%s:\n", table->title);
    for (int i = 0; i < table->n; i++)
        print_row(&table->rows[i], file);
}
