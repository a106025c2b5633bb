/* table.c - structs to packed rows and back; see table.h. */
#include "table.h"

#include "stc/error.h"

#include <assert.h>
#include <string.h>

static const size_t widths[] = {
    [STC_COLUMN_I32] = 4, [STC_COLUMN_I64] = 8,  [STC_COLUMN_NARROW] = 4, [STC_COLUMN_F32] = 4,
    [STC_COLUMN_F64] = 8, [STC_COLUMN_BOOL] = 1, [STC_COLUMN_TEXT] = 0};

static hid_t number_type(stc_column_kind kind)
{
    switch (kind) {
    case STC_COLUMN_I32:
    case STC_COLUMN_NARROW:
        return H5T_NATIVE_INT32;
    case STC_COLUMN_I64:
        return H5T_NATIVE_INT64;
    case STC_COLUMN_F32:
        return H5T_NATIVE_FLOAT;
    case STC_COLUMN_F64:
        return H5T_NATIVE_DOUBLE;
    default:
        return H5T_NATIVE_UINT8;
    }
}

static int entries(const stc_column *column)
{
    return column->length ? column->length : 1;
}

static size_t member_width(stc_column_kind kind)
{
    return kind == STC_COLUMN_TEXT     ? sizeof(char *)
           : kind == STC_COLUMN_NARROW ? 8
           : kind == STC_COLUMN_BOOL   ? sizeof(bool)
                                       : widths[kind];
}

/* Where entry e of a column lies in a struct. */
static size_t place(const stc_column *column, int e)
{
    size_t stride = column->stride ? column->stride : member_width(column->kind);
    return column->offset + (size_t)e * stride;
}

/* The compound type and the places of the columns; widths of texts are set before. */
static int lay_out(stc_rows *rows)
{
    const stc_table *table = rows->table;
    assert(table->ncolumns <= STC_MAX_COLUMNS);
    rows->row_bytes = 0;
    for (int c = 0; c < table->ncolumns; c++) {
        rows->start[c] = rows->row_bytes;
        rows->row_bytes += rows->width[c] * (size_t)entries(&table->columns[c]);
    }
    rows->type = H5Tcreate(H5T_COMPOUND, rows->row_bytes);
    bool good = rows->type >= 0;
    for (int c = 0; c < table->ncolumns && good; c++) {
        const stc_column *column = &table->columns[c];
        hsize_t length = (hsize_t)column->length;
        hid_t entry = -1, type;
        if (column->kind == STC_COLUMN_TEXT) {
            good = stc_h5_text_type(rows->width[c], &entry) == 0;
        } else {
            entry = H5Tcopy(number_type(column->kind));
        }
        type = column->length ? H5Tarray_create2(entry, 1, &length) : H5Tcopy(entry);
        good = good && H5Tinsert(rows->type, column->name, rows->start[c], type) >= 0;
        stc_h5_close(&entry);
        stc_h5_close(&type);
    }
    return good ? 0 : stc_fail(STC_ERR_INTERNAL, "HDF5 cannot make the type of %s", table->name);
}

static const char *text_at(const char *from)
{
    const char *text;
    memcpy(&text, from, sizeof(text));
    return text ? text : "";
}

static const char *struct_at(const stc_table *table, const void *structs, const int32_t *select,
                             int64_t i)
{
    return (const char *)structs + table->size * (size_t)(select ? select[i] : i);
}

/* Longest text of a column, at least 1. */
static size_t text_width(const stc_table *table, const stc_column *column, const void *structs,
                         const int32_t *select, int64_t n)
{
    size_t width = 1;
    for (int64_t i = 0; i < n; i++) {
        for (int e = 0; e < entries(column); e++) {
            size_t length =
                strlen(text_at(struct_at(table, structs, select, i) + place(column, e)));
            if (length > width) width = length;
        }
    }
    return width;
}

static int pack_entry(const stc_column *column, size_t width, const char *from, char *to)
{
    if (column->kind == STC_COLUMN_TEXT) {
        memcpy(to, text_at(from), strlen(text_at(from))); /* the rest is 0 already */
    } else if (column->kind == STC_COLUMN_NARROW) {
        int64_t value;
        memcpy(&value, from, sizeof(value));
        STC_CHECK(value >= INT32_MIN && value <= INT32_MAX, STC_ERR_INPUT,
                  "column %s: %lld does not fit 32 bits", column->name, (long long)value);
        int32_t narrow = (int32_t)value;
        memcpy(to, &narrow, sizeof(narrow));
    } else if (column->kind == STC_COLUMN_BOOL) {
        *to = *(const bool *)from ? 1 : 0;
    } else {
        memcpy(to, from, width);
    }
    return 0;
}

int stc_rows_pack(const stc_table *table, const void *structs, const int32_t *select, int64_t n,
                  stc_rows *out)
{
    *out = (stc_rows){.table = table, .n = n, .type = -1};
    for (int c = 0; c < table->ncolumns; c++) {
        const stc_column *column = &table->columns[c];
        out->width[c] = widths[column->kind];
        if (column->kind == STC_COLUMN_TEXT) {
            out->width[c] = text_width(table, column, structs, select, n);
        }
    }
    int rc = lay_out(out);
    if (rc == 0) out->bytes = stc_alloc(n, (int64_t)out->row_bytes);
    if (rc == 0 && !out->bytes) rc = STC_ERR_NOMEM;
    for (int64_t i = 0; i < n && rc == 0; i++) {
        const char *from = struct_at(table, structs, select, i);
        char *to = out->bytes + (size_t)i * out->row_bytes;
        for (int c = 0; c < table->ncolumns && rc == 0; c++) {
            const stc_column *column = &table->columns[c];
            for (int e = 0; e < entries(column) && rc == 0; e++) {
                rc = pack_entry(column, out->width[c], from + place(column, e),
                                to + out->start[c] + (size_t)e * out->width[c]);
            }
        }
    }
    if (rc < 0) stc_rows_free(out);
    return rc;
}

int stc_rows_create(hid_t location, const stc_rows *rows, stc_h5_data *data)
{
    return stc_h5_data_create(location, rows->table->name, rows->type, 1, &rows->n, data);
}

int stc_rows_write(const stc_h5_data *data, const stc_rows *rows)
{
    return stc_h5_data_write(data, NULL, NULL, rows->type, rows->bytes);
}

/* Is the member of the file's type what the column says? Sets the width of texts. */
static bool member_fits(hid_t type, const stc_column *column, size_t *width)
{
    int index = H5Tget_member_index(type, column->name);
    hid_t member = index < 0 ? -1 : H5Tget_member_type(type, (unsigned)index);
    hsize_t length = 0;
    bool fits = member >= 0;
    if (fits && column->length) {
        hid_t entry = -1;
        fits = H5Tget_class(member) == H5T_ARRAY && H5Tget_array_ndims(member) == 1 &&
               H5Tget_array_dims2(member, &length) >= 0 && length == (hsize_t)column->length;
        if (fits) entry = H5Tget_super(member);
        stc_h5_close(&member);
        member = entry;
    }
    if (fits && column->kind == STC_COLUMN_TEXT) {
        *width = H5Tget_size(member);
        fits = H5Tget_class(member) == H5T_STRING && H5Tis_variable_str(member) == 0 &&
               *width >= 1 && *width <= STC_H5_MAX_TEXT;
    } else if (fits) {
        H5T_class_t kind = H5Tget_class(member);
        bool real = column->kind == STC_COLUMN_F32 || column->kind == STC_COLUMN_F64;
        fits = kind == (real ? H5T_FLOAT : H5T_INTEGER);
    }
    stc_h5_close(&member);
    return fits;
}

static int check_columns(const stc_h5_data *data, stc_rows *rows)
{
    int rc = 0;
    hid_t type = H5Dget_type(data->id);
    for (int c = 0; c < rows->table->ncolumns && rc == 0; c++) {
        const stc_column *column = &rows->table->columns[c];
        rows->width[c] = widths[column->kind];
        if (!member_fits(type, column, &rows->width[c])) {
            H5Eclear2(H5E_DEFAULT);
            rc = stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                             "column %s is missing or of another type than expected", column->name);
        }
    }
    stc_h5_close(&type);
    return rc;
}

int stc_rows_read(hid_t location, const stc_table *table, int64_t limit, stc_rows *out)
{
    stc_h5_data data;
    *out = (stc_rows){.table = table, .type = -1};
    STC_TRY(stc_h5_data_open(location, table->name, &data));
    int rc = 0;
    if (data.kind != H5T_COMPOUND || data.ndim != 1 || data.size > limit) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "expected a table of at most %lld rows, found %lld elements in %d axes",
                         (long long)limit, (long long)data.size, data.ndim);
    }
    if (rc == 0) rc = check_columns(&data, out);
    if (rc == 0) rc = lay_out(out);
    out->n = data.size;
    if (rc == 0) out->bytes = stc_alloc(out->n, (int64_t)out->row_bytes);
    if (rc == 0 && !out->bytes) rc = STC_ERR_NOMEM;
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, out->type, out->bytes);
    stc_h5_close(&data.id);
    if (rc < 0) stc_rows_free(out);
    return rc;
}

static int unpack_entry(const stc_column *column, size_t width, const char *from, stc_arena *arena,
                        char *to)
{
    if (column->kind == STC_COLUMN_TEXT) {
        char *text = stc_arena_alloc(arena, (int64_t)width + 1, 1);
        if (!text) return STC_ERR_NOMEM;
        memcpy(text, from, width);
        memcpy(to, &text, sizeof(text));
    } else if (column->kind == STC_COLUMN_NARROW) {
        int32_t narrow;
        memcpy(&narrow, from, sizeof(narrow));
        int64_t value = narrow;
        memcpy(to, &value, sizeof(value));
    } else if (column->kind == STC_COLUMN_BOOL) {
        *(bool *)to = *from != 0;
    } else {
        memcpy(to, from, width);
    }
    return 0;
}

int stc_rows_unpack(const stc_rows *rows, int64_t i, stc_arena *arena, void *out)
{
    const char *from = rows->bytes + (size_t)i * rows->row_bytes;
    for (int c = 0; c < rows->table->ncolumns; c++) {
        const stc_column *column = &rows->table->columns[c];
        for (int e = 0; e < entries(column); e++) {
            STC_TRY(unpack_entry(column, rows->width[c],
                                 from + rows->start[c] + (size_t)e * rows->width[c], arena,
                                 (char *)out + place(column, e)));
        }
    }
    return 0;
}

void stc_rows_free(stc_rows *rows)
{
    stc_h5_close(&rows->type);
    stc_free(rows->bytes);
    *rows = (stc_rows){.type = -1};
}
