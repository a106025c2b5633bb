/* recognise.c - what a file is, by its content; and opening it, or saying why not. */
#include "network.h"

#include "stc/error.h"
#include "stc/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file that is not HDF5 looks like, by its first bytes. */
static const struct {
    const char *magic;
    int length;
    const char *what;
} looks[] = {
    {"PK\003\004", 4, "a ZIP archive (a PyTorch .pt file or numpy .npz?)"},
    {"\x93NUMPY", 6, "a numpy .npy array"},
    {"\x1f\x8b", 2, "gzip-compressed data; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "zstd-compressed data; unpack it first"},
    {"\x80\x02", 2, "a Python pickle"},
    {"\x80\x04", 2, "a Python pickle"},
    {"CDF", 3, "a netCDF-3 file"},
    {"\177ELF", 4, "a program for this computer"},
    {"\x89PNG", 4, "a PNG image"},
    {"#!", 2, "a script"},
    {"{", 1, "JSON text"},
};

static const char *looks_like(const unsigned char *head, ssize_t n)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        if (n >= looks[i].length && memcmp(head, looks[i].magic, (size_t)looks[i].length) == 0) {
            return looks[i].what;
        }
    }
    for (ssize_t i = 0; i < n; i++) {
        if (!isprint(head[i]) && !isspace(head[i]) && head[i] < 0x80) return "binary data";
    }
    return "text";
}

/* Why HDF5 cannot open a file that has its signature: most often it was cut. */
static int explain_damage(const char *path, const unsigned char *head, ssize_t n, int64_t size)
{
    uint64_t end = 0;
    /* superblock version 0 and 1: end-of-file address in the third address field */
    if (n >= 48 && head[8] <= 1 && head[13] == 8) {
        memcpy(&end, head + (head[8] == 0 ? 40 : 44), 8);
    }
    if (n >= 36 && (head[8] == 2 || head[8] == 3) && head[9] == 8) memcpy(&end, head + 28, 8);
    if (end > (uint64_t)size) {
        STC_FAIL(STC_ERR_INPUT,
                 "%s: is truncated: has %lld bytes, its header says %llu; copy or make it again",
                 path, (long long)size, (unsigned long long)end);
    }
    STC_FAIL(STC_ERR_INPUT, "%s: is damaged: HDF5 cannot open it; copy or make it again", path);
}

/* Everything that can be said without HDF5. */
static int check_file(const char *path, unsigned char head[64], ssize_t *n, int64_t *size)
{
    struct stat info;
    STC_CHECK(stat(path, &info) == 0, STC_ERR_INPUT, "%s: %s", path,
              errno == ENOENT ? "no such file; check the name" : strerror(errno));
    STC_CHECK(!S_ISDIR(info.st_mode), STC_ERR_INPUT, "%s: is a folder, expected an HDF5 file",
              path);
    STC_CHECK(S_ISREG(info.st_mode), STC_ERR_INPUT,
              "%s: is a device or pipe, expected an HDF5 file", path);
    STC_CHECK(info.st_size > 0, STC_ERR_INPUT, "%s: is empty, expected an HDF5 file", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    STC_CHECK(fd >= 0, STC_ERR_INPUT, "%s: cannot be read: %s", path, strerror(errno));
    *n = read(fd, head, 64);
    int bad = errno;
    close(fd);
    STC_CHECK(*n > 0, STC_ERR_INPUT, "%s: cannot be read: %s", path, strerror(bad));
    *size = (int64_t)info.st_size;
    return 0;
}

int stc_h5_open(const char *path, hid_t *file)
{
    static const unsigned char signature[8] = "\211HDF\r\n\032\n";
    unsigned char head[64];
    ssize_t n = 0;
    int64_t size = 0;
    *file = -1;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    STC_TRY(check_file(path, head, &n, &size));
    bool start = n >= 8 && memcmp(head, signature, 8) == 0;
    /* a user block may precede the signature */
    if (!start && H5Fis_hdf5(path) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        STC_CHECK(n >= 8 || memcmp(head, signature, (size_t)n) != 0, STC_ERR_INPUT,
                  "%s: is truncated: only the first %d bytes of an HDF5 file are there", path,
                  (int)n);
        STC_FAIL(STC_ERR_INPUT, "%s: is not an HDF5 file; it looks like %s", path,
                 looks_like(head, n));
    }
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list >= 0 && H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) >= 0 &&
        H5Pset_file_locking(list, 0, 1) >= 0) {
        *file = H5Fopen(path, H5F_ACC_RDONLY, list);
    }
    stc_h5_close(&list);
    if (*file >= 0) return 0;
    H5Eclear2(H5E_DEFAULT);
    return explain_damage(path, head, start ? n : 0, size);
}

/* How each kind is known: by the root attribute `format`, else by a group. */
static const struct {
    stc_file_kind kind;
    const char *name, *format, *group;
} kinds[] = {
    {STC_FILE_GRAPH, "SpikeGraph", "SpikeGraph", "graph"},
    {STC_FILE_GRAPH, "SpikeGraph", "SpikeGraph", "node"},    /* NIR */
    {STC_FILE_GRAPH, "SpikeGraph", "SpikeGraph", "neurons"}, /* edge list */
    {STC_FILE_PROGRAM, "program", "stc-program", "program"},
    {STC_FILE_RESULT, "result", "stc-result", NULL},
    {STC_FILE_PROFILE, "profile", "stc-profile", NULL},
    {STC_FILE_INPUT, "input", "stc-input", "inputs"},
    {STC_FILE_INPUT, "input", "stc-input", "spikes"}, /* SONATA */
};

/* Files that are a part of something. */
static const struct {
    const char *group, *what;
} parts[] = {
    {"nodes", "the nodes of a SONATA network; give the configuration (JSON) that names this file"},
    {"edges", "the edges of a SONATA network; give the configuration (JSON) that names this file"},
    {"report", "a SONATA report; expected a model, a program, an input or a result"},
};

const char *stc_file_kind_name(stc_file_kind kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].kind == kind) return kinds[i].name;
    }
    return "unknown";
}

static int unknown(const char *path, hid_t file, stc_arena *arena)
{
    const char **names = NULL;
    int64_t n = 0;
    char list[200] = "";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (stc_h5_has(file, parts[i].group)) {
            STC_FAIL(STC_ERR_INPUT, "%s: is %s", path, parts[i].what);
        }
    }
    STC_TRY(stc_h5_names(file, 100000, arena, &names, &n));
    size_t used = 0;
    for (int64_t i = 0; i < n && used < sizeof(list) - 40; i++) {
        used +=
            (size_t)snprintf(list + used, sizeof(list) - used, "%s/%.30s", i ? ", " : "", names[i]);
    }
    STC_FAIL(
        STC_ERR_INPUT,
        "%s: is an HDF5 file that stc does not know: it holds %s; expected /graph (SpikeGraph), "
        "/node (NIR), /neurons (edge list), /program, /inputs, /spikes or a result",
        path, n ? list : "nothing");
}

static int recognise(const char *path, hid_t file, stc_arena *arena, stc_file_kind *kind)
{
    const char *format = "";
    bool tagged = stc_h5_has_attr(file, "format");
    if (tagged) STC_TRY(stc_h5_attr_text(file, "format", arena, &format));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        *kind = kinds[i].kind;
        if (tagged && strcmp(format, kinds[i].format) == 0) return 0;
    }
    *kind = STC_FILE_INPUT;
    if (stc_h5_has_attr(file, "__type__")) return 0; /* NIRData */
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        *kind = kinds[i].kind;
        if (kinds[i].group && stc_h5_has(file, kinds[i].group)) return 0;
    }
    return unknown(path, file, arena);
}

int stc_file_recognise(const char *path, stc_file_kind *kind)
{
    hid_t file;
    stc_arena *arena;
    *kind = STC_FILE_GRAPH;
    if (stc_is_sonata(path)) return 0;
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_arena_create(&arena);
    if (rc == 0) {
        rc = recognise(path, file, arena, kind);
        stc_arena_destroy(&arena);
    }
    stc_h5_close(&file);
    return rc;
}
