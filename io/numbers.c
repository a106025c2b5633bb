/* numbers.c - one dataset of an HDF5 file as it is. */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"

int stc_file_numbers(const char *path, const char *name, stc_arena *arena, stc_file_array *out)
{
    hid_t file;
    stc_h5_data data = {.id = -1};
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_h5_data_open(file, name, &data);
    if (rc == 0) rc = stc_h5_data_numeric(&data);
    if (rc == 0) {
        *out = (stc_file_array){.ndim = data.ndim, .size = data.size};
        for (int d = 0; d < data.ndim; d++)
            out->dim[d] = data.dim[d];
        out->values = stc_arena_alloc(arena, data.size, sizeof(*out->values));
        rc = out->values ? 0 : STC_ERR_NOMEM;
    }
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_DOUBLE, out->values);
    stc_h5_close(&data.id);
    stc_h5_close(&file);
    return rc;
}
