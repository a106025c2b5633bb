/* partition_file.c - a part vector and what it costs, next to other partitions of the same graph.
 */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

static int write_measures(hid_t file, const stc_partition_record *record)
{
    hid_t group = -1;
    const int64_t n = record->nmethods;
    STC_TRY(stc_h5_group_create(file, "methods", &group));
    int rc = stc_h5_put_texts(group, "method", 1, &n, record->methods);
    for (int i = 0; i < record->nmeasures && rc >= 0; i++)
        rc = stc_h5_put(group, record->measures[i], H5T_NATIVE_DOUBLE, n,
                        record->values + (int64_t)i * n);
    stc_h5_close(&group);
    return rc;
}

int stc_partition_file_write(const char *path, const stc_partition_record *record)
{
    stc_h5_file file;
    const int64_t bytes = stc_h5_overhead(record->nmeasures + 4) + 4 * (int64_t)record->n +
                          8 * (int64_t)record->nmeasures * record->nmethods;
    STC_TRY(stc_h5_create(NULL, path, bytes, &file));
    int rc = stc_h5_set_format(file.id, "stc-partition", 1);
    if (rc >= 0) rc = stc_h5_set_text(file.id, "graph", record->graph);
    if (rc >= 0) rc = stc_h5_set_text(file.id, "command", record->command);
    if (rc >= 0) rc = stc_h5_set_text(file.id, "method", record->method);
    if (rc >= 0) rc = stc_h5_set_int(file.id, "chips", record->chips);
    if (rc >= 0) rc = stc_h5_set_int(file.id, "seed", record->seed);
    if (rc >= 0) rc = stc_h5_put(file.id, "part", H5T_NATIVE_INT32, record->n, record->part);
    if (rc >= 0) rc = write_measures(file.id, record);
    rc = stc_h5_created(&file, rc);
    return stc_h5_finish(&file, rc);
}

static int read_part(hid_t file, stc_arena *arena, const int32_t **part, int64_t *n)
{
    stc_h5_data data;
    STC_TRY(stc_h5_check_format(file, "stc-partition", 1));
    STC_TRY(stc_h5_data_open(file, "part", &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc >= 0 && data.ndim != 1)
        rc = stc_h5_fail(STC_ERR_INPUT, file, "part", "has %d dimensions, expected 1", data.ndim);
    const int64_t start = 0, count = rc >= 0 ? data.dim[0] : 0;
    int32_t *values = rc >= 0 ? stc_arena_alloc(arena, count, sizeof *values) : NULL;
    if (rc >= 0 && !values) rc = STC_ERR_NOMEM;
    if (rc >= 0) rc = stc_h5_data_read(&data, &start, &count, H5T_NATIVE_INT32, values);
    stc_h5_close(&data.id);
    *part = values;
    *n = count;
    return rc;
}

int stc_partition_file_given(const char *method, stc_arena *arena, const int32_t **part, int64_t *n)
{
    static const char name[] = "file:";
    static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char head[sizeof signature] = {0};
    FILE *text;
    *part = NULL;
    *n = 0;
    if (!method || strncmp(method, name, sizeof name - 1) != 0) return 0;
    const char *path = method + sizeof name - 1;
    STC_TRY(stc_open_text(path, &text));
    const size_t got = fread(head, 1, sizeof head, text);
    fclose(text);
    if (got < sizeof head || memcmp(head, signature, sizeof head) != 0) return 0;
    hid_t file;
    STC_TRY(stc_h5_open(path, &file));
    const int rc = read_part(file, arena, part, n);
    stc_h5_close(&file);
    return rc;
}
