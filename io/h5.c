/* h5.c - reading: HDF5 calls whose failures become messages. Reading order: where and fail, open,
 * datasets, strings, attributes. */
#include "h5.h"

#include "stc/error.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void stc_h5_close(hid_t *id)
{
    if (*id >= 0) H5Idec_ref(*id);
    *id = -1;
}

static herr_t first_reason(unsigned n, const H5E_error2_t *error, void *data)
{
    char *text = data;
    (void)n;
    if (error->desc && text[0] == '\0') snprintf(text, 256, "%s", error->desc);
    return 0;
}

int stc_h5_fail(int code, hid_t location, const char *name, const char *format, ...)
{
    char reason[256] = "", file[1024] = "", object[1024] = "", text[1024];
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
    H5Eclear2(H5E_DEFAULT);
    if (H5Fget_name(location, file, sizeof(file)) < 0) file[0] = '\0';
    if (H5Iget_name(location, object, sizeof(object)) < 0) object[0] = '\0';
    if (strcmp(object, "/") == 0 && name) object[0] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return stc_fail(code, "%s:%s%s%.1000s: %s%s%s%s", file, object, name ? "/" : "",
                    name ? name : "", text, reason[0] ? " (HDF5: " : "", reason,
                    reason[0] ? ")" : "");
}

/* stc_h5_fail for what is wrong with the content, not with a call. */
static int refuse(hid_t location, const char *name, const char *text)
{
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, location, name, "%s", text);
}

static herr_t refuse_link(const char *parent_file, const char *parent_group, const char *child_file,
                          const char *child_object, unsigned *flags, hid_t access, void *data)
{
    (void)parent_file, (void)parent_group, (void)child_file, (void)child_object;
    (void)flags, (void)access, (void)data;
    return -1;
}

/* What is read lies in one file: links into others are not followed. */
static hid_t stay_in_file(void)
{
    hid_t list = H5Pcreate(H5P_LINK_ACCESS);
    if (list >= 0 && H5Pset_elink_cb(list, refuse_link, NULL) < 0) stc_h5_close(&list);
    return list;
}

hid_t stc_h5_open_object(hid_t location, const char *name)
{
    hid_t list = stay_in_file();
    hid_t object = list < 0 ? -1 : H5Oopen(location, name, list);
    stc_h5_close(&list);
    return object;
}

bool stc_h5_has(hid_t location, const char *name)
{
    char part[STC_H5_MAX_TEXT];
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof(part)) return false;
    hid_t list = stay_in_file();
    bool all = list >= 0;
    for (size_t i = 1; i <= length && all; i++) {
        if (name[i] != '/' && name[i] != '\0') continue;
        memcpy(part, name, i);
        part[i] = '\0';
        all = H5Lexists(location, part, list) > 0;
    }
    stc_h5_close(&list);
    H5Eclear2(H5E_DEFAULT);
    return all;
}

/* Open what must be there and of this type; what: its name in messages. */
static int open_as(hid_t location, const char *name, H5I_type_t type, const char *what, hid_t *out)
{
    *out = -1;
    if (!stc_h5_has(location, name)) {
        return stc_h5_fail(STC_ERR_INPUT, location, name, "this %s is missing", what);
    }
    hid_t object = stc_h5_open_object(location, name);
    if (object < 0) {
        return stc_h5_fail(STC_ERR_INPUT, location, name,
                           "cannot open: damaged, or a link to nowhere or to another file");
    }
    if (H5Iget_type(object) != type) {
        stc_h5_close(&object);
        return stc_h5_fail(STC_ERR_INPUT, location, name, "expected a %s, found something else",
                           what);
    }
    *out = object;
    return 0;
}

int stc_h5_group(hid_t location, const char *name, hid_t *group)
{
    return open_as(location, name, H5I_GROUP, "group", group);
}

typedef struct {
    stc_arena *arena;
    const char **names;
    int64_t n, limit;
} name_list;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    name_list *list = data;
    (void)group;
    (void)info;
    if (list->n >= list->limit) return -1;
    char *copy = stc_arena_strdup(list->arena, name);
    if (!copy) return -1;
    list->names[list->n++] = copy;
    return 0;
}

int stc_h5_names(hid_t group, int64_t limit, stc_arena *arena, const char ***names, int64_t *n)
{
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL, "cannot read this group");
    }
    if (info.nlinks > (hsize_t)limit) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL, "holds %llu objects, at most %lld are read",
                           (unsigned long long)info.nlinks, (long long)limit);
    }
    name_list list = {arena, NULL, 0, (int64_t)info.nlinks};
    list.names = stc_arena_alloc(arena, list.limit, sizeof(char *));
    if (!list.names) return STC_ERR_NOMEM;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list) < 0) {
        return stc_h5_fail(STC_ERR_INPUT, group, NULL, "cannot list this group");
    }
    *names = list.names;
    *n = list.n;
    return 0;
}

/* ---- datasets ---- */

/* Deflate shrinks by at most a factor of 1032, so a dataset cannot hold more than this. Small ones
 * may be all fill values. */
static bool claims_too_much(hid_t dataset, int64_t bytes)
{
    hsize_t stored = H5Dget_storage_size(dataset), file_size = 0;
    hid_t file = H5Iget_file_id(dataset);
    bool known = file >= 0 && H5Fget_filesize(file, &file_size) >= 0;
    stc_h5_close(&file);
    if (known && stored > file_size) return true;
    return bytes > (INT64_C(1) << 24) && (hsize_t)bytes / 1100 > stored;
}

/* Is a filter needed that this HDF5 has not got? Its name is written to buffer. */
static bool lacks_filter(hid_t dataset, char *buffer, size_t size)
{
    hid_t list = H5Dget_create_plist(dataset);
    int n = list < 0 ? 0 : H5Pget_nfilters(list);
    bool lacks = false;
    for (int i = 0; i < n && !lacks; i++) {
        unsigned flags, config;
        size_t nvalues = 0;
        char name[64] = "";
        H5Z_filter_t filter =
            H5Pget_filter2(list, (unsigned)i, &flags, &nvalues, NULL, sizeof(name), name, &config);
        lacks = filter >= 0 && H5Zfilter_avail(filter) <= 0;
        if (lacks) {
            snprintf(buffer, size, "\"%s\" (number %d)", name[0] ? name : "?", (int)filter);
        }
    }
    stc_h5_close(&list);
    H5Eclear2(H5E_DEFAULT);
    return lacks;
}

/* Data must lie in the file itself. */
static bool stored_elsewhere(hid_t dataset)
{
    hid_t list = H5Dget_create_plist(dataset);
    bool elsewhere =
        list < 0 || H5Pget_layout(list) == H5D_VIRTUAL || H5Pget_external_count(list) > 0;
    stc_h5_close(&list);
    return elsewhere;
}

static int describe(stc_h5_data *data)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(data->id), type = H5Dget_type(data->id);
    int ndim = space < 0 ? -1 : H5Sget_simple_extent_ndims(space), rc = 0;
    size_t bytes = type < 0 ? 0 : H5Tget_size(type);
    data->size = 1;
    if (ndim < 0 || bytes == 0 || H5Sget_simple_extent_dims(space, dim, NULL) < 0) {
        rc = stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "cannot read what this dataset is");
    } else if (H5Sget_simple_extent_type(space) == H5S_NULL) {
        rc = refuse(data->id, NULL, "this dataset is empty (a null dataspace)");
    } else if (ndim > STC_H5_MAX_NDIM) {
        rc = refuse(data->id, NULL, "has more than 8 axes");
    } else {
        data->ndim = ndim;
        data->kind = H5Tget_class(type);
        for (int d = 0; d < ndim && rc == 0; d++) {
            data->dim[d] = (int64_t)dim[d];
            if (dim[d] > (hsize_t)1 << 40 ||
                (dim[d] > 0 && data->size > (INT64_C(1) << 40) / data->dim[d])) {
                rc = refuse(data->id, NULL, "claims more than 2^40 elements");
            } else {
                data->size *= data->dim[d];
            }
        }
        if (rc == 0 &&
            (bytes > STC_H5_MAX_TEXT || claims_too_much(data->id, data->size * (int64_t)bytes))) {
            rc = refuse(data->id, NULL, "claims more data than the file holds; it is damaged");
        }
    }
    stc_h5_close(&type);
    stc_h5_close(&space);
    return rc;
}

int stc_h5_data_open(hid_t location, const char *name, stc_h5_data *out)
{
    char filter[96];
    *out = (stc_h5_data){.id = -1};
    STC_TRY(open_as(location, name, H5I_DATASET, "dataset", &out->id));
    int rc = 0;
    if (stored_elsewhere(out->id)) {
        rc = refuse(location, name, "holds its data in other files; copy them into this one");
    } else if (lacks_filter(out->id, filter, sizeof(filter))) {
        H5Eclear2(H5E_DEFAULT);
        rc = stc_h5_fail(STC_ERR_INPUT, location, name,
                         "is compressed by the filter %s, which the HDF5 library here does not "
                         "have; write the file with gzip or without compression (for NIR: "
                         "nir.write(path, graph, compression=\"gzip\"))",
                         filter);
    } else {
        rc = describe(out);
    }
    if (rc < 0) stc_h5_close(&out->id);
    return rc;
}

/* Memory and file dataspace of a box. */
static bool select_box(const stc_h5_data *data, const int64_t *start, const int64_t *count,
                       hid_t *memory, hid_t *space)
{
    hsize_t first[STC_H5_MAX_NDIM], extent[STC_H5_MAX_NDIM];
    *memory = *space = H5S_ALL;
    if (!start || data->ndim == 0) return true;
    for (int d = 0; d < data->ndim; d++) {
        first[d] = (hsize_t)start[d];
        extent[d] = (hsize_t)count[d];
    }
    *memory = H5Screate_simple(data->ndim, extent, NULL);
    *space = H5Dget_space(data->id);
    return *memory >= 0 && *space >= 0 &&
           H5Sselect_hyperslab(*space, H5S_SELECT_SET, first, NULL, extent, NULL) >= 0;
}

static int64_t box_size(const stc_h5_data *data, const int64_t *start, const int64_t *count)
{
    int64_t size = 1;
    if (!start) return data->size;
    for (int d = 0; d < data->ndim; d++)
        size *= count[d];
    return size;
}

int stc_h5_data_read(const stc_h5_data *data, const int64_t *start, const int64_t *count,
                     hid_t type, void *out)
{
    hid_t memory = -1, space = -1;
    int rc = 0;
    if (box_size(data, start, count) == 0) return 0;
    if (!select_box(data, start, count, &memory, &space) ||
        H5Dread(data->id, type, memory, space, H5P_DEFAULT, out) < 0) {
        rc = stc_h5_fail(STC_ERR_INPUT, data->id, NULL,
                         "cannot read the data: damaged, or stored by a filter or as a type that "
                         "is not supported");
    }
    if (memory != H5S_ALL) stc_h5_close(&memory);
    if (space != H5S_ALL) stc_h5_close(&space);
    return rc;
}

int stc_h5_data_write(const stc_h5_data *data, const int64_t *start, const int64_t *count,
                      hid_t type, const void *values)
{
    hid_t memory = -1, space = -1;
    int rc = 0;
    if (box_size(data, start, count) == 0) return 0;
    if (!select_box(data, start, count, &memory, &space) ||
        H5Dwrite(data->id, type, memory, space, H5P_DEFAULT, values) < 0) {
        rc = stc_h5_fail(STC_ERR_IO, data->id, NULL, "cannot write; is the disk full?");
    }
    if (memory != H5S_ALL) stc_h5_close(&memory);
    if (space != H5S_ALL) stc_h5_close(&space);
    return rc;
}

int stc_h5_data_numeric(const stc_h5_data *data)
{
    if (data->kind == H5T_INTEGER || data->kind == H5T_FLOAT || data->kind == H5T_ENUM) return 0;
    return refuse(data->id, NULL, "expected numbers, found another type");
}

const char *stc_h5_data_shape_text(const stc_h5_data *data, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "(");
    for (int d = 0; d < data->ndim && used < size; d++) {
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", d ? ", " : "",
                                 (long long)data->dim[d]);
    }
    if (used < size) snprintf(buffer + used, size - used, ")");
    return buffer;
}
