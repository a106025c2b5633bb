/* sonata_types.c - tables of text: columns separated by spaces, the first line names them, a field
 * with spaces stands in double quotes (two of them mean one). */
#include "sonata.h"

#include "stc/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1000, MAX_FILE = 1 << 26, MAX_CELLS = 1 << 24 };

/* ---- the file ---- */

static int read_file(const char *path, stc_arena *arena, char **text)
{
    FILE *file;
    STC_TRY(stc_open_text(path, &file));
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    int rc = 0;
    rewind(file);
    if (size < 0 || size > MAX_FILE) {
        rc = stc_fail(STC_ERR_INPUT, "%s: is larger than %d MB, expected a table of text", path,
                      MAX_FILE >> 20);
    } else {
        *text = stc_arena_alloc(arena, size + 1, 1);
        if (!*text) rc = STC_ERR_NOMEM;
    }
    if (rc == 0 && fread(*text, 1, (size_t)size, file) != (size_t)size) {
        rc = stc_fail(STC_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (rc == 0 && memchr(*text, 0, (size_t)size)) {
        rc = stc_fail(STC_ERR_INPUT, "%s: holds zero bytes, expected a table of text", path);
    }
    fclose(file);
    return rc;
}

/* The next field of a line, ended by a zero in place; NULL at the end of the line. */
static char *next_field(char **at)
{
    char *c = *at + strspn(*at, " \t\r");
    if (*c == 0) return NULL;
    char *field = c, *to = c;
    if (*c != '"') {
        c += strcspn(c, " \t\r");
        if (*c) *c++ = 0;
        *at = c;
        return field;
    }
    for (c++; *c && !(*c == '"' && c[1] != '"'); c++) {
        if (*c == '"') c++;
        *to++ = *c;
    }
    if (*c) c++;
    *to = 0;
    *at = c;
    return field;
}

/* Cut the next line off a text; NULL at its end. Empty lines are skipped. */
static char *next_line(char **text)
{
    while (**text) {
        char *line = *text, *end = strchr(line, '\n');
        *text = end ? end + 1 : line + strlen(line);
        if (end) *end = 0;
        if (line[strspn(line, " \t\r")]) return line;
    }
    return NULL;
}

static int64_t count_lines(const char *text)
{
    int64_t n = 1;
    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

static int read_header(char *line, stc_arena *arena, stc_sonata_types *out)
{
    char *field;
    out->column = stc_arena_alloc(arena, MAX_COLUMNS, sizeof(char *));
    if (!out->column) return STC_ERR_NOMEM;
    while (line && (field = next_field(&line))) {
        STC_CHECK(out->ncolumns < MAX_COLUMNS, STC_ERR_INPUT, "%s: more than %d columns", out->path,
                  MAX_COLUMNS);
        out->column[out->ncolumns++] = field;
    }
    STC_CHECK(out->ncolumns > 0, STC_ERR_INPUT,
              "%s: is empty; expected a first line with the names of columns", out->path);
    return 0;
}

static int read_row(char *line, stc_sonata_types *out)
{
    const char **cell = &out->cell[out->n * out->ncolumns];
    char *field;
    int n = 0;
    while ((field = next_field(&line))) {
        STC_CHECK(n < out->ncolumns, STC_ERR_INPUT,
                  "%s: row %lld has more than the %d fields that the first line names", out->path,
                  (long long)out->n + 1, out->ncolumns);
        bool set = field[0] && strcmp(field, "NULL") != 0;
        cell[n++] = set ? field : NULL;
    }
    STC_CHECK(n == out->ncolumns, STC_ERR_INPUT,
              "%s: row %lld has %d fields, the first line names %d", out->path,
              (long long)out->n + 1, n, out->ncolumns);
    out->n++;
    return 0;
}

int stc_sonata_csv_read(const char *path, stc_arena *arena, stc_sonata_types *out)
{
    char *text = NULL, *line;
    *out = (stc_sonata_types){.path = path};
    STC_TRY(read_file(path, arena, &text));
    int64_t most = count_lines(text);
    STC_TRY(read_header(next_line(&text), arena, out));
    STC_CHECK(most <= MAX_CELLS / out->ncolumns, STC_ERR_INPUT, "%s: more than %d fields", path,
              MAX_CELLS);
    out->cell = stc_arena_alloc(arena, most * out->ncolumns, sizeof(char *));
    if (!out->cell) return STC_ERR_NOMEM;
    while ((line = next_line(&text)))
        STC_TRY(read_row(line, out));
    return 0;
}

/* ---- ids ---- */

typedef struct {
    int64_t id, row;
} numbered;

static int compare_numbered(const void *a, const void *b)
{
    const numbered *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int parse_id(const stc_sonata_types *types, int64_t row, const char *key, int64_t *out)
{
    const char *text = stc_sonata_cell(types, row, key);
    char *end = NULL;
    errno = 0;
    long long id = text ? strtoll(text, &end, 10) : 0;
    STC_CHECK(text && end != text && *end == 0 && errno == 0 && id >= 0, STC_ERR_INPUT,
              "%s: row %lld: %s is \"%.40s\", expected an integer", types->path, (long long)row + 1,
              key, text ? text : "NULL");
    *out = id;
    return 0;
}

/* Rows in the order of their ids. */
static int sort_rows(stc_sonata_types *types, const char *key, stc_arena *arena, numbered *list)
{
    const char **cell = stc_arena_alloc(arena, types->n * types->ncolumns, sizeof(char *));
    size_t width = (size_t)types->ncolumns;
    types->id = stc_arena_alloc(arena, types->n, sizeof(*types->id));
    if (!cell || !types->id) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < types->n; i++) {
        list[i].row = i;
        STC_TRY(parse_id(types, i, key, &list[i].id));
    }
    if (types->n) qsort(list, (size_t)types->n, sizeof(*list), compare_numbered);
    for (int64_t i = 0; i < types->n; i++) {
        STC_CHECK(i == 0 || list[i].id != list[i - 1].id, STC_ERR_INPUT,
                  "%s: two rows have %s %lld", types->path, key, (long long)list[i].id);
        types->id[i] = list[i].id;
        memcpy(&cell[(size_t)i * width], &types->cell[(size_t)list[i].row * width],
               width * sizeof(*cell));
    }
    types->cell = cell;
    return 0;
}

int stc_sonata_types_read(const char *path, const char *key, stc_arena *arena,
                          stc_sonata_types *out)
{
    STC_TRY(stc_sonata_csv_read(path, arena, out));
    STC_CHECK(stc_sonata_column(out, key) >= 0, STC_ERR_INPUT, "%s: has no column %s", path, key);
    STC_CHECK(out->n <= STC_SONATA_MAX_TYPES, STC_ERR_INPUT, "%s: more than %d types", path,
              STC_SONATA_MAX_TYPES);
    numbered *list = stc_alloc(out->n, sizeof(*list));
    if (!list) return STC_ERR_NOMEM;
    int rc = sort_rows(out, key, arena, list);
    stc_free(list);
    return rc;
}

/* ---- looking up ---- */

int stc_sonata_column(const stc_sonata_types *types, const char *name)
{
    for (int c = 0; c < types->ncolumns; c++)
        if (strcmp(types->column[c], name) == 0) return c;
    return -1;
}

int64_t stc_sonata_type(const stc_sonata_types *types, int64_t id)
{
    int64_t low = 0, high = types->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (types->id[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < types->n && types->id[low] == id ? low : -1;
}

const char *stc_sonata_cell(const stc_sonata_types *types, int64_t row, const char *name)
{
    int c = stc_sonata_column(types, name);
    return c < 0 ? NULL : types->cell[row * types->ncolumns + c];
}

int stc_sonata_number(const stc_sonata_types *types, int64_t row, const char *name, bool *given,
                      double *out)
{
    const char *text = stc_sonata_cell(types, row, name);
    char *end;
    *given = text != NULL;
    if (!text) return 0;
    *out = strtod(text, &end);
    STC_CHECK(end != text && *end == 0, STC_ERR_INPUT,
              "%s: row %lld: %s is \"%.40s\", expected a number", types->path, (long long)row + 1,
              name, text);
    return 0;
}
