/* transport.c - exchanges; see transport.h, and transport_parts.h for what lies where.
 *
 * Nothing is locked. A slot that a rank writes in exchange k was last used in exchange k - 2: it
 * waits until all who read that say that they have taken k - 2. Contacts do their work whenever
 * they publish or wait, and have begun all of it before they leave an exchange: a message between
 * nodes that is too long to be sent at once gets on when its contact waits again. */
#include "transport_parts.h"

#include "stc/base.h"
#include "stc/error.h"

#include <sched.h>
#include <string.h>

static int64_t look(const counter *count)
{
    return atomic_load_explicit(count, memory_order_acquire);
}

static void say(counter *count, int64_t value)
{
    atomic_store_explicit(count, value, memory_order_release);
}

/* ---- contacts ---- */

static bool has_taken(transport *t, int peer, int64_t exchanges)
{
    if (t->taken[peer] < exchanges) t->taken[peer] = look(&stc_segment_head(t, peer)->taken);
    return t->taken[peer] >= exchanges;
}

static bool is_done(MPI_Request *request)
{
    int done;
    MPI_Test(request, &done, MPI_STATUS_IGNORE);
    return done;
}

/* Gather the parts of the next message; returns its end. */
static unsigned char *gather(const transport *t, const outbound *o, unsigned char *start)
{
    unsigned char *at = start + (o->nparts > 1 ? (size_t)o->nparts * sizeof(uint32_t) : 0);
    for (int i = 0; i < o->nparts; i++) {
        const part *from = &o->parts[i];
        const uint32_t begin = (uint32_t)(at - start);
        const uint32_t bytes = stc_segment_bytes(t, from->peer, from->stride, o->sent)[from->index];
        if (o->nparts > 1) memcpy(start + (size_t)i * sizeof begin, &begin, sizeof begin);
        memcpy(at, stc_segment_slot(t, from->peer, from->place, from->stride, o->sent), bytes);
        at += bytes;
    }
    return at;
}

/* Send the next message to another node if all of its parts are written. */
static void carry_out(const transport *t, outbound *o)
{
    const int slot = (int)(o->sent & 1);
    const part *first = o->parts;
    for (int i = 0; i < o->nparts; i++)
        if (look(&stc_segment_head(t, o->parts[i].peer)->published) <= o->sent) return;
    if (!is_done(&o->request[slot])) return;
    unsigned char *start = o->buffer[slot];
    int64_t bytes;
    if (start) {
        bytes = gather(t, o, start) - start;
    } else {
        start = stc_segment_slot(t, first->peer, first->place, first->stride, o->sent);
        bytes = stc_segment_bytes(t, first->peer, first->stride, o->sent)[first->index];
    }
    MPI_Isend(start, (int)bytes, MPI_BYTE, o->contact, 0, t->group.mpi, &o->request[slot]);
    o->sent++;
    o->sent_bytes += bytes;
}

/* Be ready for the next message of another node where the one before last is read, and tell its
 * readers when it is there. */
static void bring_in(transport *t, inbound *in)
{
    const int me = t->node.rank;
    bool ready = in->posted < t->published && in->posted < in->done + 2;
    for (int i = 0; i < in->nreaders && ready; i++)
        ready = has_taken(t, in->readers[i], in->posted - 1);
    if (ready) {
        MPI_Irecv(stc_segment_slot(t, me, in->place + LINE, in->stride, in->posted),
                  (int)in->most_bytes, MPI_BYTE, in->contact, 0, t->group.mpi,
                  &in->request[in->posted & 1]);
        in->posted++;
    }
    if (in->done < in->posted && is_done(&in->request[in->done & 1]))
        say(stc_segment_count(t, me, in->place), ++in->done);
}

static void serve(transport *t)
{
    for (int i = 0; i < t->nout; i++)
        carry_out(t, &t->out[i]);
    for (int i = 0; i < t->nin; i++)
        bring_in(t, &t->in[i]);
}

static bool has_sent(const transport *t, int64_t exchanges)
{
    for (int i = 0; i < t->nout; i++)
        if (t->out[i].sent < exchanges) return false;
    return true;
}

static bool has_received(const transport *t, int64_t exchanges)
{
    for (int i = 0; i < t->nin; i++)
        if (t->in[i].done < exchanges) return false;
    return true;
}

/* Between two looks at what is waited for. */
static void rest(transport *t, int *looks)
{
    enum { SHORT = 200, LONG = 1000, SERVED = 16 }; /* looks; what a contact's work counts */
    serve(t);
    for (int i = 0; i < t->nout; i++) /* long messages need calls to get on */
        for (int k = 0; k < 2; k++)
            is_done(&t->out[i].request[k]);
    if (*looks <= LONG) *looks += 1 + SERVED * (t->nout + t->nin);
    if (*looks > LONG || t->crowded) {
        sched_yield(); /* what is waited for may need this core */
    } else if (*looks > SHORT) {
        __builtin_ia32_pause();
    }
}

/* ---- exchanges ---- */

void stc_transport_open(transport *t)
{
    for (int i = 0, looks = 0; i < t->nreaders; i++)
        while (!has_taken(t, t->readers[i], t->published - 1))
            rest(t, &looks);
    for (int i = 0, looks = 0; i < t->nout; i++)
        while (!t->out[i].buffer[0] && !is_done(&t->out[i].request[t->published & 1]))
            rest(t, &looks);
    memset(stc_segment_bytes(t, t->node.rank, t->stride, t->published), 0,
           (size_t)t->nparcels * sizeof(uint32_t));
}

unsigned char *stc_transport_place(const transport *t, int which)
{
    return stc_segment_slot(t, t->node.rank, t->place[which], t->stride, t->published);
}

void stc_transport_put(transport *t, int which, int64_t bytes)
{
    stc_segment_bytes(t, t->node.rank, t->stride, t->published)[which] = (uint32_t)bytes;
}

void stc_transport_publish(transport *t)
{
    say(&stc_segment_head(t, t->node.rank)->published, ++t->published);
    serve(t);
}

const unsigned char *stc_transport_take(transport *t, int source)
{
    const inbox *from = &t->sources[source];
    const counter *watched = stc_segment_count(t, from->peer, from->count);
    int64_t count;
    for (int looks = 0; (count = look(watched)) < t->published;)
        rest(t, &looks);
    const unsigned char *message =
        stc_segment_slot(t, from->peer, from->place, from->stride, t->published - 1);
    /* a peer that has published an exchange has taken the one before */
    if (from->from_peer && t->taken[from->peer] < count - 1) t->taken[from->peer] = count - 1;
    uint32_t begin = 0;
    if (from->index >= 0)
        memcpy(&begin, message + (size_t)from->index * sizeof begin, sizeof begin);
    return message + begin;
}

void stc_transport_release(transport *t)
{
    int looks = 0;
    while (!has_sent(t, t->published))
        rest(t, &looks);
    say(&stc_segment_head(t, t->node.rank)->taken, t->published);
    while (!has_received(t, t->published))
        rest(t, &looks);
}

void stc_transport_between_nodes(const transport *t, int64_t *messages, int64_t *bytes)
{
    *messages = *bytes = 0;
    for (int i = 0; i < t->nout; i++) {
        *messages += t->out[i].sent;
        *bytes += t->out[i].sent_bytes;
    }
}

/* ---- begin and end ---- */

int stc_transport_create(const stc_comm *group, int node_ranks, int nparcels, const parcel *parcels,
                         int nsources, const int *sources, transport **out)
{
    transport *t = *out = stc_alloc(1, sizeof *t);
    int rc = stc_agree(group, t ? 0 : STC_ERR_NOMEM);
    if (rc < 0) {
        stc_free(t);
        *out = NULL;
        return rc;
    }
    *t = (transport){.group = *group, .node.mpi = MPI_COMM_NULL};
    rc = stc_transport_prepare(t, node_ranks, nparcels, parcels, nsources, sources);
    if (rc < 0) stc_transport_destroy(out);
    return rc;
}

void stc_transport_destroy(transport **out)
{
    transport *t = *out;
    if (!t) return;
    for (int i = 0; i < t->nout; i++) {
        outbound *o = &t->out[i];
        MPI_Waitall(2, o->request, MPI_STATUSES_IGNORE);
        stc_free(o->parts);
        stc_free(o->buffer[0]);
        stc_free(o->buffer[1]);
    }
    for (int i = 0; i < t->nin; i++)
        stc_free(t->in[i].readers);
    stc_free(t->out);
    stc_free(t->in);
    stc_free(t->sources);
    stc_free(t->readers);
    stc_free(t->place);
    stc_free(t->taken);
    stc_transport_unshare(t);
    if (t->node.mpi != MPI_COMM_NULL) MPI_Comm_free(&t->node.mpi);
    stc_free(t);
    *out = NULL;
}
