/* shard_exchange.c - records of words from every rank to every rank, a bounded number at a time. */
#include "shards.h"

#include "stc/base.h"
#include "stc/error.h"

#include <string.h>

enum { BATCH = 1 << 20 }; /* words that a rank sends at a time */

bool stc_post_full(const stc_post *post)
{
    return post->failed || post->n >= BATCH;
}

void stc_post_put(stc_post *post, int rank, const int32_t *words, int64_t n)
{
    stc_outbox *box = &post->box[rank];
    if (box->n + n > box->capacity) {
        const int64_t capacity = 2 * box->capacity + n + 64;
        int32_t *more = stc_alloc(capacity, sizeof *more);
        post->failed = post->failed || !more;
        if (!more) return;
        if (box->n > 0) memcpy(more, box->words, (size_t)box->n * sizeof *more);
        stc_free(box->words);
        box->words = more;
        box->capacity = capacity;
    }
    memcpy(box->words + box->n, words, (size_t)n * sizeof *words);
    box->n += n;
    post->n += n;
}

/* Room of one exchange: counts and places of what is sent and received. */
typedef struct {
    int *count[2], *place[2]; /* [size] */
    int32_t *words[2];
    int64_t capacity[2];
} mailbag;

static int make_room(mailbag *bag, int which, int64_t n)
{
    if (n <= bag->capacity[which]) return 0;
    stc_free(bag->words[which]);
    bag->capacity[which] = 0;
    bag->words[which] = stc_alloc(n + n / 4, sizeof(int32_t));
    if (!bag->words[which]) return STC_ERR_NOMEM;
    bag->capacity[which] = n + n / 4;
    return 0;
}

/* Send what is in the boxes and empty them. */
static int send_boxes(stc_post *post, mailbag *bag)
{
    const stc_comm *comm = post->comm;
    int64_t n[2] = {0, 0};
    for (int r = 0; r < comm->size; r++)
        bag->count[0][r] = post->failed ? 0 : (int)post->box[r].n;
    MPI_Alltoall(bag->count[0], 1, MPI_INT, bag->count[1], 1, MPI_INT, comm->mpi);
    for (int which = 0; which < 2; which++) {
        for (int r = 0; r < comm->size; r++) {
            bag->place[which][r] = (int)n[which];
            n[which] += bag->count[which][r];
        }
    }
    int rc = post->failed ? STC_ERR_NOMEM : 0;
    if (rc == 0 && n[1] > INT32_MAX)
        rc = stc_fail(STC_ERR_FIT, "partition: %lld words for one rank at a time; take more ranks",
                      (long long)n[1]);
    for (int which = 0; which < 2 && rc == 0; which++)
        rc = make_room(bag, which, n[which]);
    STC_TRY(stc_agree(comm, rc));
    for (int r = 0; r < comm->size; r++) {
        if (post->box[r].n > 0)
            memcpy(bag->words[0] + bag->place[0][r], post->box[r].words,
                   (size_t)post->box[r].n * sizeof(int32_t));
        post->box[r].n = 0;
    }
    post->n = 0;
    MPI_Alltoallv(bag->words[0], bag->count[0], bag->place[0], MPI_INT32_T, bag->words[1],
                  bag->count[1], bag->place[1], MPI_INT32_T, comm->mpi);
    return 0;
}

static int exchange(stc_post *post, mailbag *bag, stc_post_writer write, stc_post_reader read,
                    void *context)
{
    const stc_comm *comm = post->comm;
    for (int all = 0; !all;) {
        int done = write(context, post) ? 1 : 0, rc = 0;
        STC_TRY(send_boxes(post, bag));
        for (int r = 0; r < comm->size && rc == 0; r++)
            rc = read(context, r, bag->words[1] + bag->place[1][r], bag->count[1][r]);
        STC_TRY(stc_agree(comm, rc));
        MPI_Allreduce(&done, &all, 1, MPI_INT, MPI_MIN, comm->mpi);
    }
    return 0;
}

int stc_post_exchange(const stc_comm *comm, stc_post_writer write, stc_post_reader read,
                      void *context)
{
    stc_post post = {.comm = comm, .box = stc_alloc(comm->size, sizeof *post.box)};
    mailbag bag = {0};
    bool ok = post.box != NULL;
    for (int which = 0; which < 2; which++) {
        bag.count[which] = stc_alloc(comm->size, sizeof(int));
        bag.place[which] = stc_alloc(comm->size, sizeof(int));
        bag.words[which] = stc_alloc(0, sizeof(int32_t));
        ok = ok && bag.count[which] && bag.place[which] && bag.words[which];
    }
    int rc = stc_agree(comm, ok ? 0 : STC_ERR_NOMEM);
    if (rc == 0) rc = exchange(&post, &bag, write, read, context);
    for (int r = 0; r < comm->size && post.box; r++)
        stc_free(post.box[r].words);
    stc_free(post.box);
    for (int which = 0; which < 2; which++) {
        stc_free(bag.count[which]);
        stc_free(bag.place[which]);
        stc_free(bag.words[which]);
    }
    return rc;
}
