/* table.h - arrays of C structs as HDF5 compound datasets, described by one static table of columns
 * that serves writing and reading alike. Private to io/. */
#ifndef STC_IO_TABLE_H
#define STC_IO_TABLE_H

#include "h5.h"

typedef enum {
    STC_COLUMN_I32,    /* int32_t, int or enum */
    STC_COLUMN_I64,    /* int64_t */
    STC_COLUMN_NARROW, /* int64_t, stored as int32 */
    STC_COLUMN_F32,    /* float */
    STC_COLUMN_F64,    /* double */
    STC_COLUMN_BOOL,   /* bool, stored as uint8 */
    STC_COLUMN_TEXT    /* const char *, stored with fixed length; NULL as "" */
} stc_column_kind;

typedef struct {
    const char *name; /* in the file */
    size_t offset;    /* in the struct */
    stc_column_kind kind;
    int length;    /* 0: one value; otherwise an array */
    size_t stride; /* bytes between the entries of an array; 0: they are contiguous */
} stc_column;

typedef struct {
    const char *name; /* of the dataset */
    size_t size;      /* of the struct */
    const stc_column *columns;
    int ncolumns;
} stc_table;

enum { STC_MAX_COLUMNS = 40 };

/* Rows as they lie in the file, packed. */
typedef struct {
    const stc_table *table;
    int64_t n;
    hid_t type;
    size_t row_bytes;
    size_t start[STC_MAX_COLUMNS], width[STC_MAX_COLUMNS]; /* of the columns; width per entry */
    char *bytes;                                           /* [n][row_bytes] */
} stc_rows;

/* Pack n structs: those of `structs` at the indices select[0..n), or all when select is NULL.
 * STC_ERR_INPUT when a value does not fit its column. */
int stc_rows_pack(const stc_table *table, const void *structs, const int32_t *select, int64_t n,
                  stc_rows *out);
/* Create the dataset for packed rows (of which only type and number matter); Collective. */
int stc_rows_create(hid_t location, const stc_rows *rows, stc_h5_data *data);
int stc_rows_write(const stc_h5_data *data, const stc_rows *rows);

/* Read a dataset of at most limit rows. STC_ERR_INPUT when a column is missing or of another type.
 */
int stc_rows_read(hid_t location, const stc_table *table, int64_t limit, stc_rows *out);
/* Fill the struct from row i; texts go to the arena. Members without a column are left alone. */
int stc_rows_unpack(const stc_rows *rows, int64_t i, stc_arena *arena, void *out);

void stc_rows_free(stc_rows *rows);

#endif
