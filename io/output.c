/* output.c - files that appear only complete.
 *
 * HDF5 does not survive a full disk: after a failed write of its own structures the ranks hang or
 * crash. So nothing may fail once HDF5 has started: rank 0 first writes an empty HDF5 file (made in
 * memory) with plain calls and reserves the room of the whole file on the disk, which is where a
 * full disk, a quota or a size limit shows. All ranks open that file. When groups, attributes and
 * datasets are made they are flushed while nothing else is at stake, by rank 0 alone (the default
 * spreads them over the ranks and hangs when one fails); that also cuts the file to its true size.
 * From then on only independent transfers of data follow, whose failure HDF5 reports cleanly.
 */
#include "h5.h"

#include "stc/error.h"
#include "stc/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The folder of path into buffer [PATH_MAX]; false when the path is too long. */
static bool folder_of(const char *path, char *buffer)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof(copy)) return false;
    snprintf(buffer, PATH_MAX, "%s", dirname(strcpy(copy, path)));
    return true;
}

int stc_output_check(const char *path)
{
    char folder[PATH_MAX], tmp[PATH_MAX];
    struct stat info;
    STC_CHECK(path[0] != '\0', STC_ERR_IO, "the output file has an empty name");
    STC_CHECK(path[strlen(path) - 1] != '/', STC_ERR_IO,
              "%s: cannot be written: it is a folder; give the name of a file", path);
    STC_CHECK(snprintf(tmp, sizeof(tmp), "%s.tmp", path) < (int)sizeof(tmp) &&
                  folder_of(path, folder),
              STC_ERR_IO, "%.60s...: this path is too long", path);
    STC_CHECK(stat(folder, &info) == 0, STC_ERR_IO,
              "%s: cannot be written: folder %s: %s; create it or choose another place", path,
              folder, strerror(errno));
    STC_CHECK(S_ISDIR(info.st_mode), STC_ERR_IO, "%s: cannot be written: %s is not a folder", path,
              folder);
    STC_CHECK(access(folder, W_OK | X_OK) == 0, STC_ERR_IO,
              "%s: cannot be written: folder %s: %s; choose another place", path, folder,
              strerror(errno));
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? path : tmp;
        bool exists = stat(name, &info) == 0;
        STC_CHECK(exists || errno == ENOENT, STC_ERR_IO, "%s: cannot be written: %s", name,
                  strerror(errno));
        STC_CHECK(!exists || S_ISREG(info.st_mode), STC_ERR_IO,
                  "%s: cannot be written: it is a %s; give the name of a file", name,
                  S_ISDIR(info.st_mode) ? "folder" : "device or pipe");
    }
    return 0;
}

int stc_output_apart(const char *path, const char *input)
{
    char tmp[PATH_MAX];
    struct stat read, written;
    if (stat(input, &read) < 0) return 0;
    snprintf(tmp, sizeof(tmp), "%s.tmp", path);
    for (int i = 0; i < 2; i++) {
        bool same = stat(i == 0 ? path : tmp, &written) == 0 && read.st_dev == written.st_dev &&
                    read.st_ino == written.st_ino;
        STC_CHECK(!same, STC_ERR_USAGE,
                  "-o %s: writing it would destroy %s, which is read; the output needs a file of "
                  "its own",
                  path, input);
    }
    return 0;
}

/* An empty HDF5 file, made in memory; stc_free it. */
static int empty_file(void **image, size_t *size)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = -1;
    ssize_t n = -1;
    *image = NULL;
    if (access >= 0 && H5Pset_fapl_core(access, 65536, 0) >= 0) {
        file = H5Fcreate("stc-empty", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    }
    if (file >= 0 && H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0) n = H5Fget_file_image(file, NULL, 0);
    if (n > 0) *image = stc_alloc(n, 1);
    if (*image) n = H5Fget_file_image(file, *image, (size_t)n);
    stc_h5_close(&file);
    stc_h5_close(&access);
    *size = n > 0 ? (size_t)n : 0;
    if (*image && n > 0) return 0;
    stc_free(*image);
    return stc_fail(STC_ERR_INTERNAL, "HDF5 cannot make an empty file in memory");
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return done < 0 ? errno : ENOSPC;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Room on the disk before anything is written, for a message with numbers. */
static int check_room(const char *path, int64_t bytes)
{
    char folder[PATH_MAX];
    struct statvfs disk;
    if (!folder_of(path, folder) || statvfs(folder, &disk) < 0 || disk.f_blocks == 0) return 0;
    uint64_t blocks = geteuid() == 0 ? disk.f_bfree : disk.f_bavail;
    uint64_t room = blocks > UINT64_MAX / disk.f_frsize ? UINT64_MAX : blocks * disk.f_frsize;
    STC_CHECK((uint64_t)bytes <= room, STC_ERR_IO,
              "%s: needs %.1f MB, %s has %.1f MB left; free some or choose another place", path,
              1e-6 * (double)bytes, folder, 1e-6 * (double)room);
    return 0;
}

/* No rank may meet a limit on the size of files later. */
static int check_limit(const char *path, int64_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
    STC_CHECK((uint64_t)bytes <= limit.rlim_cur, STC_ERR_IO,
              "%s: needs %.1f MB, files may have at most %.1f MB here; raise ulimit -f", path,
              1e-6 * (double)bytes, 1e-6 * (double)limit.rlim_cur);
    return 0;
}

/* Rank 0: path.tmp as an empty HDF5 file with `bytes` reserved. */
static int reserve(const char *path, const char *tmp, int64_t bytes)
{
    void *image;
    size_t size;
    STC_TRY(stc_output_check(path));
    unlink(tmp);
    STC_TRY(check_room(path, bytes));
    STC_TRY(empty_file(&image, &size));
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), bad = fd < 0 ? errno : 0;
    if (!bad) bad = posix_fallocate(fd, 0, bytes);
    if (bad == EINVAL || bad == EOPNOTSUPP || bad == ENOSYS) bad = 0;
    if (!bad) bad = write_all(fd, image, size);
    if (fd >= 0 && close(fd) < 0 && !bad) bad = errno;
    stc_free(image);
    if (!bad) return 0;
    if (fd >= 0) unlink(tmp);
    return stc_fail(STC_ERR_IO, "%s: cannot be written: %s (%.1f MB needed)", path, strerror(bad),
                    1e-6 * (double)bytes);
}

/* How path.tmp is opened: by all ranks, structures written by rank 0. */
static hid_t access_list(const stc_comm *comm)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    H5AC_cache_config_t cache = {.version = H5AC__CURR_CACHE_CONFIG_VERSION};
    bool good = list >= 0 && H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) >= 0;
    if (comm) {
        /* This part of Open MPI copies the path into 256 bytes; shared file pointers are not used.
         */
        setenv("OMPI_MCA_sharedfp", "^lockedfile", 0);
        good = good && H5Pset_fapl_mpio(list, comm->mpi, MPI_INFO_NULL) >= 0 &&
               H5Pget_mdc_config(list, &cache) >= 0;
        cache.metadata_write_strategy = H5AC_METADATA_WRITE_STRATEGY__PROCESS_0_ONLY;
        good = good && H5Pset_mdc_config(list, &cache) >= 0;
    } else {
        good = good && H5Pset_file_locking(list, 0, 1) >= 0;
    }
    if (!good) stc_h5_close(&list);
    return list;
}

static bool first_rank(const stc_h5_file *file)
{
    return !file->comm || file->comm->rank == 0;
}

static int agree(const stc_h5_file *file, int rc)
{
    return file->comm ? stc_agree(file->comm, rc) : rc;
}

static int discard(stc_h5_file *file, int rc)
{
    if (first_rank(file) && file->tmp) unlink(file->tmp);
    stc_free(file->tmp);
    *file = (stc_h5_file){.id = -1};
    return rc;
}

int stc_h5_create(const stc_comm *comm, const char *path, int64_t bytes, stc_h5_file *file)
{
    size_t length = strlen(path) + 5;
    *file = (stc_h5_file){comm, path, stc_alloc((int64_t)length, 1), -1};
    int rc = file->tmp ? check_limit(path, bytes) : STC_ERR_NOMEM;
    if (file->tmp) snprintf(file->tmp, length, "%s.tmp", path);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    if (rc == 0 && first_rank(file)) rc = reserve(path, file->tmp, bytes);
    rc = agree(file, rc);
    if (rc < 0) return discard(file, rc);

    hid_t list = access_list(comm);
    rc = agree(file, list < 0 ? stc_fail(STC_ERR_INTERNAL, "HDF5 refuses its settings") : 0);
    if (rc == 0) {
        file->id = H5Fopen(file->tmp, H5F_ACC_RDWR, list);
        if (file->id < 0) rc = stc_fail(STC_ERR_IO, "%s: cannot be opened for writing", file->tmp);
        rc = agree(file, rc);
    }
    stc_h5_close(&list);
    return rc < 0 ? discard(file, rc) : 0;
}

int stc_h5_created(stc_h5_file *file, int rc)
{
    rc = agree(file, rc);
    if (rc < 0) return rc;
    if (H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0) {
        rc = stc_h5_fail(STC_ERR_IO, file->id, NULL, "cannot write; is the disk full?");
    }
    return agree(file, rc);
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC), bad = 0;
    if (fd < 0 || fsync(fd) < 0) bad = errno;
    if (fd >= 0) close(fd);
    /* some file systems cannot sync a folder */
    if (bad && !((flags & O_DIRECTORY) && (bad == EINVAL || bad == EACCES))) {
        return stc_fail(STC_ERR_IO, "%s: cannot be written: %s", path, strerror(bad));
    }
    return 0;
}

static int commit(const stc_h5_file *file)
{
    char folder[PATH_MAX];
    STC_CHECK(rename(file->tmp, file->path) == 0, STC_ERR_IO, "%s: cannot be renamed from %s: %s",
              file->path, file->tmp, strerror(errno));
    return folder_of(file->path, folder) ? sync_path(folder, O_RDONLY | O_DIRECTORY) : 0;
}

int stc_h5_finish(stc_h5_file *file, int rc)
{
    if (file->id < 0) return rc;
    rc = agree(file, rc);
    if (H5Fclose(file->id) < 0 && rc == 0) {
        rc = stc_fail(STC_ERR_IO, "%s: cannot be completed; is the disk full?", file->tmp);
    }
    rc = agree(file, rc);
    if (rc == 0) rc = agree(file, sync_path(file->tmp, O_RDONLY));
    if (rc == 0) rc = agree(file, first_rank(file) ? commit(file) : 0);
    if (rc < 0) return discard(file, rc);
    stc_free(file->tmp);
    *file = (stc_h5_file){.id = -1};
    return 0;
}

int stc_h5_group_create(hid_t location, const char *name, hid_t *group)
{
    *group = H5Gcreate2(location, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return *group < 0 ? stc_h5_fail(STC_ERR_IO, location, name, "cannot create this group") : 0;
}

int stc_h5_data_create(hid_t location, const char *name, hid_t type, int ndim, const int64_t *dim,
                       stc_h5_data *out)
{
    hsize_t extent[STC_H5_MAX_NDIM];
    *out = (stc_h5_data){.id = -1, .ndim = ndim, .size = 1};
    for (int d = 0; d < ndim; d++) {
        extent[d] = (hsize_t)(out->dim[d] = dim[d]);
        out->size *= dim[d];
    }
    /* HDF5 wants strings of variable length to be empty before they are written */
    H5D_fill_time_t fill = H5Tis_variable_str(type) > 0 ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER;
    hid_t space = ndim ? H5Screate_simple(ndim, extent, NULL) : H5Screate(H5S_SCALAR);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    if (space >= 0 && list >= 0 && H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(list, fill) >= 0) {
        out->id = H5Dcreate2(location, name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    }
    int rc = 0;
    if (out->id < 0) rc = stc_h5_fail(STC_ERR_IO, location, name, "cannot create this dataset");
    out->kind = H5Tget_class(type);
    stc_h5_close(&list);
    stc_h5_close(&space);
    return rc;
}
