/* input_write.c - values in memory to an input file, for programs that make their own input. */
#include "h5.h"

#include "stc/error.h"
#include "stc/input.h"

#include <string.h>

static int write_array(hid_t group, int64_t samples, const stc_input_array *array,
                       const float *values, stc_arena *arena)
{
    const char *link = stc_h5_escape(array->name, arena);
    if (!link) return STC_ERR_NOMEM;
    int64_t dim[STC_H5_MAX_NDIM] = {samples};
    int ndim = 1;
    stc_h5_data data;
    if (array->steps) dim[ndim++] = array->steps;
    for (int d = 0; d < array->shape.ndim; d++)
        dim[ndim++] = array->shape.dim[d];
    STC_TRY(stc_h5_data_create(group, link, H5T_NATIVE_FLOAT, ndim, dim, &data));
    int rc = stc_h5_data_write(&data, NULL, NULL, H5T_NATIVE_FLOAT, values);
    stc_h5_close(&data.id);
    return rc;
}

static int write_labels(hid_t file, int64_t samples, const int32_t *labels)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_create(file, "labels", H5T_NATIVE_INT32, 1, &samples, &data));
    int rc = stc_h5_data_write(&data, NULL, NULL, H5T_NATIVE_INT32, labels);
    stc_h5_close(&data.id);
    return rc;
}

int stc_input_write(const char *path, int64_t samples, int narrays, const stc_input_array *arrays,
                    const float *const *values, const int32_t *labels)
{
    int64_t bytes = stc_h5_overhead(narrays + 2) + 4 * samples;
    for (int i = 0; i < narrays; i++) {
        bytes += 4 * samples * (arrays[i].steps ? arrays[i].steps : 1) *
                 stc_shape_size(&arrays[i].shape);
    }
    stc_h5_file file;
    stc_arena *arena;
    hid_t group = -1;
    STC_TRY(stc_h5_create(NULL, path, bytes, &file));
    int rc = stc_arena_create(&arena);
    if (rc < 0) return stc_h5_finish(&file, rc);
    rc = stc_h5_set_format(file.id, "stc-input", 1);
    if (rc == 0) rc = stc_h5_group_create(file.id, "inputs", &group);
    for (int i = 0; rc >= 0 && i < narrays; i++) {
        rc = write_array(group, samples, &arrays[i], values[i], arena);
    }
    if (rc >= 0 && labels) rc = write_labels(file.id, samples, labels);
    stc_h5_close(&group);
    stc_arena_destroy(&arena);
    rc = stc_h5_created(&file, rc);
    return stc_h5_finish(&file, rc);
}
