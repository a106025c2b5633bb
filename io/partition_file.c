/* partition_file.c - a part vector and what it costs, next to other partitions of the same graph.
 */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"

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
