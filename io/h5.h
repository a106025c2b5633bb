/* h5.h - what the files of io/ share: HDF5 calls whose failures become messages, and files that
 * appear only complete. Private to io/; everything but the writer is Local.
 *
 * Every function returns 0 or an error code with a text "file:/object: what, expected, remedy".
 * Ids are closed by stc_h5_close whatever they are. HDF5 is called by one thread at a time.
 */
#ifndef STC_IO_H5_H
#define STC_IO_H5_H

#include "stc/base.h"
#include "stc/comm.h"
#include "stc/shape.h"

#include <hdf5.h>

enum {
    STC_H5_MAX_NDIM = STC_MAX_NDIM + 2, /* sample and step axes before those of a tensor */
    STC_H5_MAX_TEXT = 1 << 16           /* longest string that is read from a file */
};

/* ---- reading ---- */

/* Open for reading. STC_ERR_INPUT says what the file is instead: missing, folder, empty, not HDF5,
 * truncated. */
int stc_h5_open(const char *path, hid_t *file);
/* Close an object of any kind and set the id to -1; negative ids are fine. */
void stc_h5_close(hid_t *id);
/* Fail with "file:/object/name: text", then HDF5's own reason for the last call if it has one. */
int stc_h5_fail(int code, hid_t location, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Is there something of this name (a path of several parts is fine)? */
bool stc_h5_has(hid_t location, const char *name);
/* Open an object of any type, but not one of another file; negative when that fails. */
hid_t stc_h5_open_object(hid_t location, const char *name);
int stc_h5_group(hid_t location, const char *name, hid_t *group);
/* Names of the objects in a group, sorted by bytes, in the arena; more than limit is an error. */
int stc_h5_names(hid_t group, int64_t limit, stc_arena *arena, const char ***names, int64_t *n);

/* An open dataset whose extents are checked: at most 8 axes, 2^40 elements, and no more data
 * claimed than the file can hold. */
typedef struct {
    hid_t id;
    int ndim;
    int64_t dim[STC_H5_MAX_NDIM];
    int64_t size; /* elements */
    H5T_class_t kind;
} stc_h5_data;

int stc_h5_data_open(hid_t location, const char *name, stc_h5_data *out);
/* Read the elements start .. start+count of each axis (both NULL: all) as memory type `type`. */
int stc_h5_data_read(const stc_h5_data *data, const int64_t *start, const int64_t *count,
                     hid_t type, void *out);
/* STC_ERR_INPUT unless the elements are numbers (integers, floats or booleans). */
int stc_h5_data_numeric(const stc_h5_data *data);
/* All elements as strings in the arena, whether stored with fixed or variable length. */
int stc_h5_data_texts(const stc_h5_data *data, stc_arena *arena, const char ***out);
/* A dataset of one string. */
int stc_h5_text(hid_t location, const char *name, stc_arena *arena, const char **out);
/* "(64, 8, 8)" */
const char *stc_h5_data_shape_text(const stc_h5_data *data, char *buffer, size_t size);

/* Attributes of one element. */
bool stc_h5_has_attr(hid_t object, const char *name);
int stc_h5_attr_text(hid_t object, const char *name, stc_arena *arena, const char **out);
int stc_h5_attr_int(hid_t object, const char *name, int64_t *out);
int stc_h5_attr_real(hid_t object, const char *name, double *out);
/* Milliseconds per unit of time stamps, by their attribute `units` as SONATA has it (default ms).
 * STC_ERR_INPUT when it is none of ms and s. */
int stc_h5_time_unit(const stc_h5_data *times, stc_arena *arena, double *ms);
/* Root attributes: format must be this and format_version at most the given one. */
int stc_h5_check_format(hid_t file, const char *format, int64_t version);

/* ---- writing; in a parallel file all of it but data_write is Collective with equal arguments */

int stc_h5_group_create(hid_t location, const char *name, hid_t *group);
/* Contiguous, space allocated at once. */
int stc_h5_data_create(hid_t location, const char *name, hid_t type, int ndim, const int64_t *dim,
                       stc_h5_data *out);
/* Independent; a count of 0 writes nothing. start and count NULL: all. */
int stc_h5_data_write(const stc_h5_data *data, const int64_t *start, const int64_t *count,
                      hid_t type, const void *values);
/* A dataset with its values at once; n < 0: a scalar. */
int stc_h5_put(hid_t location, const char *name, hid_t type, int64_t n, const void *values);
/* A dataset of strings. */
int stc_h5_put_texts(hid_t location, const char *name, int ndim, const int64_t *dim,
                     const char *const *texts);
int stc_h5_set_text(hid_t object, const char *name, const char *text); /* NULL: "" */
int stc_h5_set_int(hid_t object, const char *name, int64_t value);
int stc_h5_set_real(hid_t object, const char *name, double value);
int stc_h5_set_format(hid_t file, const char *format, int64_t version);
/* Fixed-length UTF-8 strings of `size` bytes. */
int stc_h5_text_type(size_t size, hid_t *type);

/* Names as links: '%' and '/' become %25 and %2F, the name "." becomes %2E. In the arena. */
const char *stc_h5_escape(const char *name, stc_arena *arena);
const char *stc_h5_unescape(const char *link, stc_arena *arena);

/* ---- files that appear only complete (output.c) ----
 *
 *     rc = stc_h5_create(comm, path, bytes, &file);      agreed
 *     rc = make groups, datasets, attributes in file.id
 *     rc = stc_h5_created(&file, rc);                     agreed; now nothing but data is missing
 *     if (rc == 0) rc = stc_h5_data_write...              each rank its part
 *     return stc_h5_finish(&file, rc);                    agreed; path exists, or is as before
 */
typedef struct {
    const stc_comm *comm; /* borrowed; NULL: this process alone */
    const char *path;     /* borrowed */
    char *tmp;            /* path.tmp */
    hid_t id;
} stc_h5_file;

/* Start path.tmp with room for `bytes` reserved on the disk. Collective. STC_ERR_IO when there is
 * not that much room, or the file cannot be made. */
int stc_h5_create(const stc_comm *comm, const char *path, int64_t bytes, stc_h5_file *file);
/* Groups, attributes and datasets exist, or rc says why not: agree, and put them on the disk.
 * Collective. */
int stc_h5_created(stc_h5_file *file, int rc);
/* All data are written, or rc says why not: agree, close, sync and rename; or remove path.tmp.
 * Collective; releases file in any case. */
int stc_h5_finish(stc_h5_file *file, int rc);

/* What the room for groups and attributes of n objects may take. */
static inline int64_t stc_h5_overhead(int64_t n)
{
    return 65536 + 6144 * n;
}

#endif
