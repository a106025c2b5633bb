/* shared.c - memory that the ranks of a node share: one object of POSIX shared memory, with a
 * segment for each rank. Every rank allocates its own, near to it, and learns here whether there is
 * room; the object has no name any more when this is done, so that nothing stays behind. (A window
 * of MPI would do, but that some ranks cannot have theirs leaves the others waiting.) */
#include "transport_parts.h"

#include "stc/base.h"
#include "stc/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    int error; /* errno of the rank that makes it; 0: it is there */
    char name[60];
} shared_object;

static int64_t whole_pages(int64_t n)
{
    const int64_t page = sysconf(_SC_PAGESIZE);
    return (n + page - 1) / page * page;
}

static int make_object(shared_object *object, int64_t bytes)
{
    enum { TRIES = 100 };
    int file = -1;
    for (int i = 0; i < TRIES && file < 0; i++) {
        snprintf(object->name, sizeof object->name, "/stc-%ld-%llx", (long)getpid(),
                 (unsigned long long)(stc_seconds() * 1e9));
        file = shm_open(object->name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
        if (file < 0 && errno != EEXIST) break;
    }
    object->error = file < 0 ? errno : 0;
    if (file >= 0 && ftruncate(file, bytes) != 0) object->error = errno;
    return file;
}

/* Allocate the segment of this rank and see all of them; errno where that fails. */
static int map_object(transport *t, int file, int64_t offset, int64_t bytes)
{
    int error;
    do {
        error = posix_fallocate(file, offset, bytes);
    } while (error == EINTR);
    if (error) return error;
    void *memory = mmap(NULL, (size_t)t->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) return errno;
    t->shared = memory;
    return 0;
}

/* offset [node size + 1] of the segments. */
static int share(transport *t, const int64_t *offset)
{
    const stc_comm *node = &t->node;
    shared_object object = {0};
    int file = -1, error = 0;
    const int64_t mine = offset[node->rank], end = offset[node->rank + 1];
    if (node->rank == 0) file = make_object(&object, t->shared_bytes);
    MPI_Bcast(&object, (int)sizeof object, MPI_BYTE, 0, node->mpi);
    if (node->rank > 0 && object.error == 0) {
        file = shm_open(object.name, O_RDWR, 0);
        if (file < 0) error = errno;
    }
    if (object.error) error = object.error;
    if (error == 0) error = map_object(t, file, mine, end - mine);
    MPI_Barrier(node->mpi); /* all have opened it */
    if (file >= 0) close(file);
    if (file >= 0 && node->rank == 0) shm_unlink(object.name);
    STC_CHECK(error == 0, STC_ERR_FIT,
              "the ranks of a node cannot share memory, %lld bytes for this one: %s\n"
              "hint: more room in /dev/shm, or --node-ranks 1, which needs none",
              (long long)(end - mine), strerror(error));
    for (int i = 0; i < node->size; i++)
        t->segment[i] = t->shared + offset[i];
    return 0;
}

int stc_transport_share(transport *t)
{
    const int peers = t->node.size;
    int64_t *offset = stc_alloc(peers + 1, sizeof *offset), mine = whole_pages(t->size);
    t->segment = stc_alloc(peers, sizeof *t->segment);
    if (peers == 1) t->alone = stc_alloc(t->size, 1);
    const bool complete = offset && t->segment && (peers > 1 || t->alone);
    int rc = stc_agree(&t->group, complete ? 0 : STC_ERR_NOMEM);
    if (rc >= 0 && peers > 1) {
        MPI_Allgather(&mine, 1, MPI_INT64_T, offset + 1, 1, MPI_INT64_T, t->node.mpi);
        for (int i = 0; i < peers; i++)
            offset[i + 1] += offset[i];
        t->shared_bytes = offset[peers];
        rc = share(t, offset);
    } else if (rc >= 0) {
        t->segment[0] = t->alone;
    }
    stc_free(offset);
    return stc_agree(&t->group, rc);
}

void stc_transport_unshare(transport *t)
{
    if (t->shared) munmap(t->shared, (size_t)t->shared_bytes);
    stc_free(t->alone);
    stc_free(t->segment);
}
