/* io_written.h - for tests of files that all ranks write: names, attributes, what diff says. */
#ifndef STC_TESTS_IO_WRITTEN_H
#define STC_TESTS_IO_WRITTEN_H

#include "io_example.h"
#include "mpi/mpi_test.h"

#include "../io/h5.h"

static inline stc_comm world(void)
{
    return stc_comm_of(MPI_COMM_WORLD);
}

/* A name that runs with other numbers of ranks do not use. */
static inline const char *name_for(const stc_comm *comm, const char *name)
{
    static char path[64];
    snprintf(path, sizeof(path), "%s-%d.h5", name, comm->size);
    return path;
}

static inline void ready(const stc_comm *comm)
{
    MPI_Barrier(comm->mpi);
}

static inline int64_t number_attr(const char *path, const char *object, const char *name)
{
    hid_t file;
    int64_t value = -1;
    if (stc_h5_open(path, &file) < 0) return -2;
    hid_t at = H5Oopen(file, object, H5P_DEFAULT);
    if (stc_h5_attr_int(at, name, &value) < 0) value = -3;
    stc_h5_close(&at);
    stc_h5_close(&file);
    return value;
}

/* Text that stc_result_diff prints; free it. */
static inline char *diff_text(const char *a, const char *b, int *rc, bool *same)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    *rc = stc_result_diff(a, b, out, same);
    fclose(out);
    return text;
}

#endif
