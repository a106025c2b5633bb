/* h5text.c - strings and attributes of HDF5 files, read and written; names as links. */
#include "h5.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 1 << 21 };

static int not_text(hid_t object, const char *name)
{
    H5Eclear2(H5E_DEFAULT);
    return stc_h5_fail(STC_ERR_INPUT, object, name, "expected text, found another type");
}

/* Memory type for strings of the file type: variable strings stay variable, fixed ones get one byte
 * more for the final 0. size 0: variable. */
static hid_t memory_text(hid_t file_type, size_t *size)
{
    *size = 0;
    if (file_type < 0 || H5Tget_class(file_type) != H5T_STRING) return -1;
    hid_t type = H5Tcopy(H5T_C_S1);
    htri_t variable = H5Tis_variable_str(file_type);
    size_t length = H5Tget_size(file_type);
    if (variable == 0) *size = length + 1;
    if (type < 0 || variable < 0 || length > STC_H5_MAX_TEXT ||
        H5Tset_size(type, variable ? H5T_VARIABLE : *size) < 0 ||
        H5Tset_cset(type, H5Tget_cset(file_type)) < 0) {
        stc_h5_close(&type);
    }
    return type;
}

/* Copy n strings of an object, read as memory_text gives them, into the arena. */
static int keep_texts(hid_t object, stc_arena *arena, int64_t n, size_t size, char *bytes,
                      const char **out)
{
    for (int64_t i = 0; i < n; i++) {
        const char *text = size ? bytes + (size_t)i * size : ((char **)(void *)bytes)[i];
        if (!text) text = "";
        if (strlen(text) > STC_H5_MAX_TEXT) {
            return stc_h5_fail(STC_ERR_INPUT, object, NULL,
                               "a string of %zu bytes, expected at most %d", strlen(text),
                               STC_H5_MAX_TEXT);
        }
        out[i] = stc_arena_strdup(arena, text);
        if (!out[i]) return STC_ERR_NOMEM;
    }
    return 0;
}

static void free_variable(int64_t n, size_t size, char *bytes)
{
    for (int64_t i = 0; size == 0 && i < n; i++)
        H5free_memory(((char **)(void *)bytes)[i]);
}

int stc_h5_data_texts(const stc_h5_data *data, stc_arena *arena, const char ***out)
{
    size_t size;
    hid_t file_type = H5Dget_type(data->id), type = memory_text(file_type, &size);
    stc_h5_close(&file_type);
    if (type < 0) return not_text(data->id, NULL);
    char *bytes = NULL;
    int rc = 0;
    if (data->size > MAX_TEXTS) {
        rc = stc_h5_fail(STC_ERR_INPUT, data->id, NULL, "holds more than %d strings", MAX_TEXTS);
    } else {
        bytes = stc_alloc(data->size, (int64_t)(size ? size : sizeof(char *)));
        *out = stc_arena_alloc(arena, data->size, sizeof(char *));
        if (!bytes || !*out) rc = STC_ERR_NOMEM;
    }
    if (rc == 0) rc = stc_h5_data_read(data, NULL, NULL, type, bytes);
    if (rc == 0) {
        rc = keep_texts(data->id, arena, data->size, size, bytes, *out);
        free_variable(data->size, size, bytes);
    }
    stc_free(bytes);
    stc_h5_close(&type);
    return rc;
}

int stc_h5_text(hid_t location, const char *name, stc_arena *arena, const char **out)
{
    stc_h5_data data;
    const char **texts = NULL;
    STC_TRY(stc_h5_data_open(location, name, &data));
    int rc = 0;
    if (data.size != 1) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "holds %lld strings, expected one",
                         (long long)data.size);
    } else {
        rc = stc_h5_data_texts(&data, arena, &texts);
    }
    if (rc == 0) *out = texts[0];
    stc_h5_close(&data.id);
    return rc;
}

/* ---- attributes ---- */

bool stc_h5_has_attr(hid_t object, const char *name)
{
    return H5Aexists(object, name) > 0;
}

/* Open an attribute of one element. */
static int open_attr(hid_t object, const char *name, hid_t *attr)
{
    *attr = -1;
    if (!stc_h5_has_attr(object, name)) {
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, object, NULL, "attribute %s is missing", name);
    }
    *attr = H5Aopen(object, name, H5P_DEFAULT);
    hid_t space = *attr < 0 ? -1 : H5Aget_space(*attr);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    stc_h5_close(&space);
    if (n == 1) return 0;
    stc_h5_close(attr);
    return stc_h5_fail(STC_ERR_INPUT, object, NULL, "attribute %s has %lld values, expected one",
                       name, (long long)n);
}

int stc_h5_attr_text(hid_t object, const char *name, stc_arena *arena, const char **out)
{
    hid_t attr;
    size_t size;
    STC_TRY(open_attr(object, name, &attr));
    hid_t file_type = H5Aget_type(attr), type = memory_text(file_type, &size);
    char *bytes = stc_alloc(1, (int64_t)(size ? size : sizeof(char *)));
    int rc = 0;
    stc_h5_close(&file_type);
    if (type < 0) {
        rc = not_text(object, name);
    } else if (!bytes) {
        rc = STC_ERR_NOMEM;
    } else if (H5Aread(attr, type, bytes) < 0) {
        rc = stc_h5_fail(STC_ERR_INPUT, object, NULL, "cannot read attribute %s", name);
    } else {
        rc = keep_texts(object, arena, 1, size, bytes, out);
        free_variable(1, size, bytes);
    }
    stc_free(bytes);
    stc_h5_close(&type);
    stc_h5_close(&attr);
    return rc;
}

static int attr_number(hid_t object, const char *name, hid_t type, void *out)
{
    hid_t attr;
    STC_TRY(open_attr(object, name, &attr));
    hid_t file_type = H5Aget_type(attr);
    H5T_class_t kind = file_type < 0 ? H5T_NO_CLASS : H5Tget_class(file_type);
    int rc = 0;
    stc_h5_close(&file_type);
    if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || H5Aread(attr, type, out) < 0) {
        rc = stc_h5_fail(STC_ERR_INPUT, object, NULL, "attribute %s: expected a number", name);
    }
    stc_h5_close(&attr);
    return rc;
}

int stc_h5_attr_int(hid_t object, const char *name, int64_t *out)
{
    return attr_number(object, name, H5T_NATIVE_INT64, out);
}

int stc_h5_attr_real(hid_t object, const char *name, double *out)
{
    return attr_number(object, name, H5T_NATIVE_DOUBLE, out);
}

int stc_h5_check_format(hid_t file, const char *format, int64_t version)
{
    stc_arena *arena;
    const char *found = NULL;
    int64_t found_version = 0;
    STC_TRY(stc_arena_create(&arena));
    int rc = stc_h5_attr_text(file, "format", arena, &found);
    if (rc == 0 && strcmp(found, format) != 0) {
        rc = stc_h5_fail(STC_ERR_INPUT, file, NULL, "attribute format is \"%s\", expected \"%s\"",
                         found, format);
    }
    if (rc == 0) rc = stc_h5_attr_int(file, "format_version", &found_version);
    if (rc == 0 && (found_version < 1 || found_version > version)) {
        rc = stc_h5_fail(STC_ERR_INPUT, file, NULL,
                         "format_version is %lld, this stc reads 1 to %lld; use a newer stc",
                         (long long)found_version, (long long)version);
    }
    stc_arena_destroy(&arena);
    return rc;
}

static int set_attr(hid_t object, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = space < 0 ? -1 : H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int rc = 0;
    if (attr < 0 || H5Awrite(attr, type, value) < 0) {
        rc = stc_h5_fail(STC_ERR_IO, object, NULL, "cannot write attribute %s", name);
    }
    stc_h5_close(&attr);
    stc_h5_close(&space);
    return rc;
}

int stc_h5_text_type(size_t size, hid_t *type)
{
    *type = H5Tcopy(H5T_C_S1);
    if (*type >= 0 && H5Tset_size(*type, size) >= 0 && H5Tset_cset(*type, H5T_CSET_UTF8) >= 0 &&
        (size == H5T_VARIABLE || H5Tset_strpad(*type, H5T_STR_NULLPAD) >= 0)) {
        return 0;
    }
    stc_h5_close(type);
    return stc_fail(STC_ERR_INTERNAL, "HDF5 cannot make a string type of %zu bytes", size);
}

int stc_h5_put(hid_t location, const char *name, hid_t type, int64_t n, const void *values)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_create(location, name, type, n < 0 ? 0 : 1, &n, &data));
    int rc = stc_h5_data_write(&data, NULL, NULL, type, values);
    stc_h5_close(&data.id);
    return rc;
}

int stc_h5_put_texts(hid_t location, const char *name, int ndim, const int64_t *dim,
                     const char *const *texts)
{
    hid_t type;
    stc_h5_data data;
    STC_TRY(stc_h5_text_type(H5T_VARIABLE, &type));
    int rc = stc_h5_data_create(location, name, type, ndim, dim, &data);
    if (rc == 0) rc = stc_h5_data_write(&data, NULL, NULL, type, texts);
    stc_h5_close(&data.id);
    stc_h5_close(&type);
    return rc;
}

int stc_h5_set_text(hid_t object, const char *name, const char *text)
{
    hid_t type;
    if (!text) text = "";
    STC_TRY(stc_h5_text_type(H5T_VARIABLE, &type));
    int rc = set_attr(object, name, type, &text);
    stc_h5_close(&type);
    return rc;
}

int stc_h5_set_int(hid_t object, const char *name, int64_t value)
{
    return set_attr(object, name, H5T_NATIVE_INT64, &value);
}

int stc_h5_set_real(hid_t object, const char *name, double value)
{
    return set_attr(object, name, H5T_NATIVE_DOUBLE, &value);
}

int stc_h5_set_format(hid_t file, const char *format, int64_t version)
{
    STC_TRY(stc_h5_set_text(file, "format", format));
    STC_TRY(stc_h5_set_int(file, "format_version", version));
    return stc_h5_set_text(file, "stc_version", STC_VERSION);
}

/* ---- names ---- */

const char *stc_h5_escape(const char *name, stc_arena *arena)
{
    char *link = stc_arena_alloc(arena, (int64_t)strlen(name) + 1, 3), *to = link;
    if (!link) return NULL;
    if (strcmp(name, ".") == 0) return strcpy(link, "%2E");
    for (; *name; name++) {
        if (*name == '%' || *name == '/') {
            memcpy(to, *name == '%' ? "%25" : "%2F", 3);
            to += 3;
        } else {
            *to++ = *name;
        }
    }
    *to = '\0';
    return link;
}

const char *stc_h5_unescape(const char *link, stc_arena *arena)
{
    char *name = stc_arena_alloc(arena, (int64_t)strlen(link) + 1, 1), *to = name;
    if (!name) return NULL;
    while (*link) {
        char c = *link;
        int length = 3;
        if (strncmp(link, "%25", 3) == 0) {
            c = '%';
        } else if (strncmp(link, "%2F", 3) == 0) {
            c = '/';
        } else if (strncmp(link, "%2E", 3) == 0) {
            c = '.';
        } else {
            length = 1;
        }
        *to++ = c;
        link += length;
    }
    *to = '\0';
    return name;
}

int stc_h5_time_unit(const stc_h5_data *times, stc_arena *arena, double *ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1},    {"millisecond", 1}, {"milliseconds", 1}, {"s", 1e3},
                 {"sec", 1e3}, {"second", 1e3},    {"seconds", 1e3}};
    const char *text = "ms";
    if (stc_h5_has_attr(times->id, "units")) {
        STC_TRY(stc_h5_attr_text(times->id, "units", arena, &text));
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        *ms = units[i].ms;
        if (strcmp(text, units[i].name) == 0) return 0;
    }
    return stc_h5_fail(STC_ERR_INPUT, times->id, NULL,
                       "attribute units is \"%.40s\", expected ms or s", text);
}
