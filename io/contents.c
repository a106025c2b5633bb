/* contents.c - walk over everything in a file, for people who ask what it holds. */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

enum { DEEPEST = 4, MAX_OBJECTS = 1 << 18 };

typedef struct {
    void (*visit)(void *context, const stc_file_entry *entry);
    void *context;
    stc_arena *arena;
    int64_t left; /* objects that may still be visited: groups may hold each other */
} walk;

static const char *type_text(stc_arena *arena, const stc_h5_data *data)
{
    hid_t type = H5Dget_type(data->id);
    int bits = type < 0 ? 0 : 8 * (int)H5Tget_size(type);
    bool is_signed = type >= 0 && data->kind == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
    stc_h5_close(&type);
    if (data->kind == H5T_FLOAT) return stc_arena_printf(arena, "float%d", bits);
    if (data->kind == H5T_INTEGER)
        return stc_arena_printf(arena, "%sint%d", is_signed ? "" : "u", bits);
    return data->kind == H5T_STRING ? "text" : "other";
}

static int visit_data(const walk *w, hid_t group, const char *path, const char *name)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    stc_file_entry entry = {.group = path,
                            .name = stc_h5_unescape(name, w->arena),
                            .kind = STC_ENTRY_DATA,
                            .text = type_text(w->arena, &data),
                            .ndim = data.ndim,
                            .dim = data.dim};
    int rc = entry.name && entry.text ? 0 : STC_ERR_NOMEM;
    if (rc == 0) w->visit(w->context, &entry);
    stc_h5_close(&data.id);
    return rc;
}

/* Attributes of one number or text; others are passed over. */
static int visit_attr(const walk *w, hid_t object, const char *path, const char *name)
{
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attr < 0 ? -1 : H5Aget_type(attr), space = attr < 0 ? -1 : H5Aget_space(attr);
    bool single = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    stc_h5_close(&space);
    stc_h5_close(&type);
    stc_h5_close(&attr);
    stc_file_entry entry = {.group = path, .name = name};
    if (!single) return 0;
    if (class == H5T_STRING) {
        entry.kind = STC_ENTRY_TEXT;
        STC_TRY(stc_h5_attr_text(object, name, w->arena, &entry.text));
    } else if (class == H5T_INTEGER) {
        entry.kind = STC_ENTRY_INT;
        STC_TRY(stc_h5_attr_int(object, name, &entry.i));
    } else if (class == H5T_FLOAT) {
        entry.kind = STC_ENTRY_REAL;
        STC_TRY(stc_h5_attr_real(object, name, &entry.r));
    } else {
        return 0;
    }
    w->visit(w->context, &entry);
    return 0;
}

static int visit_attrs(const walk *w, hid_t object, const char *path)
{
    char name[256];
    H5O_info_t info;
    if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0)
        return stc_h5_fail(STC_ERR_INPUT, object, NULL, "cannot read the attributes");
    for (hsize_t i = 0; i < info.num_attrs && i < MAX_OBJECTS; i++) {
        ssize_t n = H5Aget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                       sizeof(name), H5P_DEFAULT);
        if (n < 0) return stc_h5_fail(STC_ERR_INPUT, object, NULL, "cannot read an attribute");
        if ((size_t)n < sizeof(name)) STC_TRY(visit_attr(w, object, path, name));
    }
    return 0;
}

static int visit_group(walk *w, hid_t group, const char *path, int depth)
{
    const char **names;
    int64_t n;
    STC_TRY(visit_attrs(w, group, path));
    if (depth == DEEPEST) return 0;
    STC_TRY(stc_h5_names(group, MAX_OBJECTS, w->arena, &names, &n));
    for (int64_t i = 0; i < n; i++) {
        if (w->left-- == 0) {
            return stc_h5_fail(STC_ERR_INPUT, group, NULL,
                               "the file holds more than %d objects, or groups that hold each "
                               "other; expected a result or an input",
                               MAX_OBJECTS);
        }
        hid_t object = stc_h5_open_object(group, names[i]); /* fails for a link to nowhere */
        H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
        const char *name = stc_h5_unescape(names[i], w->arena);
        const char *below =
            name ? stc_arena_printf(w->arena, "%s%s%s", path, path[0] ? "/" : "", name) : NULL;
        int rc = below ? 0 : STC_ERR_NOMEM;
        if (rc == 0 && type == H5I_GROUP) rc = visit_group(w, object, below, depth + 1);
        if (rc == 0 && type == H5I_DATASET) {
            rc = visit_data(w, group, path, names[i]);
            if (rc == 0) rc = visit_attrs(w, object, below);
        }
        stc_h5_close(&object);
        STC_TRY(rc);
    }
    return 0;
}

int stc_file_contents(const char *path, void (*visit)(void *context, const stc_file_entry *entry),
                      void *context)
{
    walk w = {.visit = visit, .context = context, .left = MAX_OBJECTS};
    hid_t file;
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_arena_create(&w.arena);
    hid_t root = rc == 0 ? H5Gopen2(file, "/", H5P_DEFAULT) : -1;
    if (rc == 0 && root < 0) rc = stc_h5_fail(STC_ERR_INPUT, file, NULL, "cannot open");
    if (rc == 0) rc = visit_group(&w, root, "", 0);
    stc_h5_close(&root);
    stc_h5_close(&file);
    stc_arena_destroy(&w.arena);
    return rc;
}
