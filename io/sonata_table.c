/* sonata_table.c - rows of nodes or edges: their types, and numbers that lie in groups of the file
 * or, failing that, in the table of types. Datasets are read in pieces, only where rows are asked
 * for.
 *
 * Reading order: gather, groups, types, stc_sonata_table_open, attributes.
 */
#include "sonata.h"

#include "stc/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16, SPARSE = 8 /* elements read for one that is wanted, at most */ };

/* ---- gather ---- */

static void bounds(const int64_t *rows, int64_t n, int64_t *least, int64_t *most)
{
    *least = *most = rows[0];
    for (int64_t i = 1; i < n; i++) {
        if (rows[i] < *least) *least = rows[i];
        if (rows[i] > *most) *most = rows[i];
    }
}

/* Rows that lie close together are read at once; others are halved until they do. */
static int gather(const stc_h5_data *data, const int64_t *rows, int64_t n, hid_t type, char *out)
{
    int64_t first, last;
    if (n == 0) return 0;
    bounds(rows, n, &first, &last);
    if (first < 0 || last >= data->dim[0]) {
        return stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                           "row %lld is asked for, it has rows 0 to %lld",
                           (long long)(first < 0 ? first : last), (long long)data->dim[0] - 1);
    }
    int64_t span = last - first + 1;
    if (span > SPARSE * n && n > 1) {
        STC_TRY(gather(data, rows, n / 2, type, out));
        return gather(data, rows + n / 2, n - n / 2, type, out + 8 * (n / 2));
    }
    char *values = stc_alloc(span, 8);
    if (!values) return STC_ERR_NOMEM;
    int rc = stc_h5_data_read(data, &first, &span, type, values);
    for (int64_t i = 0; i < n && rc == 0; i++)
        memcpy(out + 8 * i, values + 8 * (rows[i] - first), 8);
    stc_free(values);
    return rc;
}

int stc_sonata_gather(const stc_h5_data *data, const int64_t *rows, int64_t n, hid_t type,
                      void *out)
{
    char *to = out;
    for (int64_t i = 0; i < n; i += PIECE) {
        STC_TRY(gather(data, rows + i, n - i < PIECE ? n - i : PIECE, type, to + 8 * i));
    }
    return 0;
}

/* ---- groups ---- */

static int compare_numbers(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Groups are the links whose names are numbers. */
static int open_groups(stc_sonata_table *table, stc_arena *arena)
{
    const char **names;
    int64_t n;
    char text[32], *end;
    STC_TRY(stc_h5_names(table->group, STC_SONATA_MAX_GROUPS, arena, &names, &n));
    table->number = stc_arena_alloc(arena, n, sizeof(*table->number));
    table->groups = stc_arena_alloc(arena, n, sizeof(*table->groups));
    if (!table->number || !table->groups) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        errno = 0;
        long long number = strtoll(names[i], &end, 10);
        bool is_group = end != names[i] && *end == 0 && errno == 0 && number >= 0;
        if (is_group) table->number[table->ngroups++] = number;
    }
    if (table->ngroups) {
        qsort(table->number, (size_t)table->ngroups, sizeof(int64_t), compare_numbers);
    }
    for (int g = 0; g < table->ngroups; g++) {
        snprintf(text, sizeof(text), "%lld", (long long)table->number[g]);
        STC_TRY(stc_h5_group(table->group, text, &table->groups[g]));
    }
    return 0;
}

/* Index of the group with a number, or -1. */
static int group_index(const stc_sonata_table *table, int64_t number)
{
    for (int g = 0; g < table->ngroups; g++)
        if (table->number[g] == number) return g;
    return -1;
}

/* Which group each row is in, and which row it is there. */
static int read_groups(const stc_sonata_table *table, const int64_t *rows, int64_t n,
                       int64_t *group, int64_t *index)
{
    if (table->group_id.id < 0) {
        memset(group, 0, (size_t)n * sizeof(*group));
        memcpy(index, rows, (size_t)n * sizeof(*index));
        return 0;
    }
    STC_TRY(stc_sonata_gather(&table->group_id, rows, n, H5T_NATIVE_INT64, group));
    STC_TRY(stc_sonata_gather(&table->group_index, rows, n, H5T_NATIVE_INT64, index));
    for (int64_t i = 0; i < n; i++) {
        int g = i > 0 && group[i] == table->number[group[i - 1]] ? (int)group[i - 1]
                                                                 : group_index(table, group[i]);
        STC_CHECK(g >= 0, STC_ERR_INPUT, "%s: %s %lld is in group %lld, which does not exist",
                  table->place, table->kind, (long long)rows[i], (long long)group[i]);
        group[i] = g;
    }
    return 0;
}

/* ---- types ---- */

int stc_sonata_table_types(const stc_sonata_table *table, const int64_t *rows, int64_t n,
                           int64_t *out)
{
    const stc_sonata_types *types = &table->types;
    int64_t id = -1, row = -1;
    STC_TRY(stc_sonata_gather(&table->type_id, rows, n, H5T_NATIVE_INT64, out));
    for (int64_t i = 0; i < n; i++) {
        if (out[i] != id || row < 0) {
            id = out[i];
            row = stc_sonata_type(types, id);
        }
        STC_CHECK(row >= 0, STC_ERR_INPUT, "%s: %s %lld has type %lld, which %s does not hold",
                  table->place, table->kind, (long long)rows[i], (long long)id, types->path);
        out[i] = row;
    }
    return 0;
}

static int mark_types(stc_sonata_table *table)
{
    int64_t *rows = stc_alloc(2 * PIECE, sizeof(*rows)), *type = rows + PIECE;
    int rc = rows ? 0 : STC_ERR_NOMEM;
    for (int64_t first = 0; first < table->n && rc == 0; first += PIECE) {
        int64_t count = table->n - first < PIECE ? table->n - first : PIECE;
        for (int64_t i = 0; i < count; i++)
            rows[i] = first + i;
        rc = stc_sonata_table_types(table, rows, count, type);
        for (int64_t i = 0; i < count && rc == 0; i++)
            table->used[type[i]] = true;
    }
    stc_free(rows);
    return rc;
}

/* ---- opening ---- */

static int open_columns(stc_sonata_table *table)
{
    char type_id[32], group_id[32], index[32];
    snprintf(type_id, sizeof(type_id), "%s_type_id", table->kind);
    snprintf(group_id, sizeof(group_id), "%s_group_id", table->kind);
    snprintf(index, sizeof(index), "%s_group_index", table->kind);
    STC_TRY(stc_network_column(table->group, type_id, true, -1, &table->type_id));
    table->n = table->type_id.dim[0];
    if (!stc_h5_has(table->group, group_id)) {
        if (table->ngroups <= 1) return 0;
        return stc_h5_fail(STC_ERR_INPUT, table->group, group_id,
                           "is missing, but there are %d groups", table->ngroups);
    }
    STC_TRY(stc_network_column(table->group, group_id, true, table->n, &table->group_id));
    return stc_network_column(table->group, index, true, table->n, &table->group_index);
}

int stc_sonata_table_open(hid_t file, const char *kind, const char *name, stc_arena *arena,
                          const stc_sonata_types *types, stc_sonata_table *out)
{
    char path[1024] = "";
    *out = (stc_sonata_table){.kind = kind,
                              .name = name,
                              .group = -1,
                              .type_id = {.id = -1},
                              .group_id = {.id = -1},
                              .group_index = {.id = -1},
                              .types = *types};
    H5Fget_name(file, path, sizeof(path));
    out->place = stc_arena_printf(arena, "%s:/%ss/%s", path, kind, name);
    out->used = stc_arena_alloc(arena, types->n, sizeof(*out->used));
    char *group = stc_arena_printf(arena, "%ss/%s", kind, name);
    if (!out->place || !out->used || !group) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_group(file, group, &out->group));
    STC_TRY(open_groups(out, arena));
    STC_TRY(open_columns(out));
    return mark_types(out);
}

/* ---- attributes ---- */

int stc_sonata_attribute_open(const stc_sonata_table *table, const char *name, stc_arena *arena,
                              double *of_type, stc_sonata_attribute *out)
{
    *out = (stc_sonata_attribute){.table = table, .of_type = of_type};
    out->data = stc_arena_alloc(arena, table->ngroups, sizeof(*out->data));
    if (!out->data) return STC_ERR_NOMEM;
    for (int g = 0; g < table->ngroups; g++) {
        out->data[g].id = -1;
        if (!stc_h5_has(table->groups[g], name)) continue;
        STC_TRY(stc_network_column(table->groups[g], name, false, -1, &out->data[g]));
    }
    return 0;
}

bool stc_sonata_attribute_listed(const stc_sonata_attribute *attribute)
{
    for (int g = 0; g < attribute->table->ngroups; g++)
        if (attribute->data[g].id >= 0) return true;
    return false;
}

/* The rows of one group that lists the attribute. room [2 n]. */
static int read_group(const stc_h5_data *data, int g, const int64_t *group, const int64_t *index,
                      int64_t n, int64_t *room, double *out)
{
    double *values = (double *)(void *)(room + n);
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++)
        if (group[i] == g) room[k++] = index[i];
    STC_TRY(stc_sonata_gather(data, room, k, H5T_NATIVE_DOUBLE, values));
    k = 0;
    for (int64_t i = 0; i < n; i++)
        if (group[i] == g) out[i] = values[k++];
    return 0;
}

static int read_listed(const stc_sonata_attribute *a, const int64_t *rows, int64_t n, int64_t *room,
                       double *out)
{
    int64_t *group = room, *index = room + n;
    STC_TRY(read_groups(a->table, rows, n, group, index));
    for (int g = 0; g < a->table->ngroups; g++) {
        if (a->data[g].id < 0) continue;
        STC_TRY(read_group(&a->data[g], g, group, index, n, room + 2 * n, out));
    }
    return 0;
}

/* Those of the types first, then over them what groups list. */
static int read_piece(const stc_sonata_attribute *a, const int64_t *rows, int64_t n, int64_t *room,
                      double *out)
{
    STC_TRY(stc_sonata_table_types(a->table, rows, n, room));
    for (int64_t i = 0; i < n; i++)
        out[i] = a->of_type[room[i]];
    return stc_sonata_attribute_listed(a) ? read_listed(a, rows, n, room, out) : 0;
}

int stc_sonata_attribute_read(const stc_sonata_attribute *attribute, const int64_t *rows, int64_t n,
                              double *out)
{
    int64_t most = n < PIECE ? n : PIECE;
    int64_t *room = stc_alloc(4 * most, sizeof(*room));
    int rc = room ? 0 : STC_ERR_NOMEM;
    for (int64_t i = 0; i < n && rc == 0; i += most) {
        rc = read_piece(attribute, rows + i, n - i < most ? n - i : most, room, out + i);
    }
    stc_free(room);
    return rc;
}
