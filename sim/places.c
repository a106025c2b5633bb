/* places.c - before the first exchange: where every message lies. Ranks tell each other only what
 * concerns them, by notes: what their peers read and what they carry as contacts; contacts of two
 * nodes, what their messages hold. */
#include "transport_parts.h"

#include "stc/base.h"
#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_PARTS = 3 };

/* What one peer tells another. */
typedef enum {
    READ,      /* what I send you lies here */
    CARRY_OUT, /* you are the contact for this: to a rank of another node */
    BRING_IN,  /* and for this: from a rank of another node */
    ARRIVES    /* that will lie here */
} note_kind;
typedef struct {
    int32_t kind, peer;       /* peer: to whom it goes; then, from whom it comes */
    int32_t node, contact;    /* the other node */
    int32_t source, receiver; /* ranks of the group */
    int64_t index;            /* of the message of its sender; of the part of that of a node */
    int64_t place, stride, most_bytes; /* in the segment of a peer */
} note;

typedef struct {
    transport *t;
    int nparcels, nsources, nneighbours;
    const parcel *parcels;
    const int *sources;
    neighbour *neighbours; /* by rank */
    int64_t nnotes, ngot;
    note *notes, *got;
} preparation;

static int by_rank(const void *a, const void *b)
{
    const neighbour *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static neighbour *neighbour_of(const preparation *p, int rank)
{
    const neighbour key = {.rank = rank};
    return bsearch(&key, p->neighbours, (size_t)p->nneighbours, sizeof key, by_rank);
}

static int meet_neighbours(preparation *p)
{
    int n = 0;
    int64_t most = p->nsources;
    for (int i = 0; i < p->nparcels; i++)
        most += p->parcels[i].nranks;
    int *ranks = stc_alloc(most, sizeof *ranks);
    int rc = stc_agree(&p->t->group, ranks ? 0 : STC_ERR_NOMEM);
    for (int i = 0; rc >= 0 && i < p->nparcels; i++)
        for (int k = 0; k < p->parcels[i].nranks; k++)
            ranks[n++] = p->parcels[i].ranks[k];
    for (int i = 0; rc >= 0 && i < p->nsources; i++)
        ranks[n++] = p->sources[i];
    if (rc >= 0) rc = stc_transport_meet(p->t, n, ranks, &p->neighbours, &p->nneighbours);
    for (int i = 0; rc >= 0 && i < p->nsources; i++)
        neighbour_of(p, p->sources[i])->source = i;
    stc_free(ranks);
    return rc;
}

/* ---- notes ---- */

static int by_peer(const void *a, const void *b)
{
    const note *x = a, *y = b;
    return (x->peer > y->peer) - (x->peer < y->peer);
}

/* Give every peer the notes for it, and get those for this rank: *got replaces what was there. */
static int pass_notes(preparation *p)
{
    transport *t = p->t;
    const int peers = t->node.size;
    int *counts = stc_alloc(4 * (int64_t)peers, sizeof *counts);
    int *send = counts, *receive = send + peers, *from = receive + peers, *to = from + peers;
    int rc = stc_agree(&t->group, counts ? 0 : STC_ERR_NOMEM);
    if (rc < 0) {
        stc_free(counts);
        return rc;
    }
    qsort(p->notes, (size_t)p->nnotes, sizeof *p->notes, by_peer);
    for (int64_t i = 0; i < p->nnotes; i++) {
        send[p->notes[i].peer]++;
        p->notes[i].peer = t->node.rank;
    }
    MPI_Alltoall(send, 1, MPI_INT, receive, 1, MPI_INT, t->node.mpi);
    p->ngot = receive[0];
    for (int i = 1; i < peers; i++) {
        from[i] = from[i - 1] + send[i - 1];
        to[i] = to[i - 1] + receive[i - 1];
        p->ngot += receive[i];
    }
    stc_free(p->got);
    p->got = stc_alloc(p->ngot, sizeof *p->got);
    rc = stc_agree(&t->group, p->got ? 0 : STC_ERR_NOMEM);
    if (rc >= 0) {
        MPI_Datatype type;
        MPI_Type_contiguous((int)sizeof(note), MPI_BYTE, &type);
        MPI_Type_commit(&type);
        MPI_Alltoallv(p->notes, send, from, type, p->got, receive, to, type, t->node.mpi);
        MPI_Type_free(&type);
    }
    stc_free(counts);
    return rc;
}

static int64_t round_up(int64_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

/* Places of the messages of this rank, and the notes about them and about those it waits for. */
static int write_notes(preparation *p)
{
    transport *t = p->t;
    int64_t at = (int64_t)sizeof(segment_head) + round_up(4 * (int64_t)p->nparcels), n = 0;
    t->nparcels = p->nparcels;
    t->place = stc_alloc(p->nparcels, sizeof *t->place);
    if (!t->place) return STC_ERR_NOMEM;
    for (int i = 0; i < p->nparcels; i++) {
        t->place[i] = at;
        at += round_up(p->parcels[i].most_bytes);
        n += p->parcels[i].nranks;
    }
    t->stride = at - (int64_t)sizeof(segment_head);
    t->size = at + t->stride;
    p->notes = stc_alloc(n + p->nsources, sizeof *p->notes);
    if (!p->notes) return STC_ERR_NOMEM;
    for (int i = 0; i < p->nparcels; i++) {
        for (int k = 0; k < p->parcels[i].nranks; k++) {
            note *to = &p->notes[p->nnotes++];
            *to = (note){.kind = READ, .source = t->group.rank, .receiver = p->parcels[i].ranks[k]};
            to->index = i;
            to->place = t->place[i];
            to->stride = t->stride;
            to->most_bytes = p->parcels[i].most_bytes;
            const neighbour *there = neighbour_of(p, to->receiver);
            to->peer = there->peer;
            if (to->peer >= 0) continue;
            to->kind = CARRY_OUT;
            to->peer = stc_contact_for(t, there->node);
            to->node = there->node;
            to->contact = there->contact;
        }
    }
    for (int i = 0; i < p->nsources; i++) {
        const neighbour *there = neighbour_of(p, p->sources[i]);
        if (there->peer >= 0) continue;
        p->notes[p->nnotes++] = (note){.kind = BRING_IN,
                                       .peer = stc_contact_for(t, there->node),
                                       .node = there->node,
                                       .contact = there->contact,
                                       .source = there->rank,
                                       .receiver = t->group.rank};
    }
    return 0;
}

/* Peers that read what this rank writes: those to whom it goes, and contacts. */
static int list_readers(preparation *p)
{
    transport *t = p->t;
    bool *reads = stc_alloc(t->node.size, sizeof *reads);
    t->readers = stc_alloc(t->node.size, sizeof *t->readers);
    if (!reads || !t->readers) {
        stc_free(reads);
        return STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < p->nnotes; i++)
        reads[p->notes[i].peer] |= p->notes[i].kind != BRING_IN;
    for (int i = 0; i < t->node.size; i++)
        if (reads[i] && i != t->node.rank) t->readers[t->nreaders++] = i;
    stc_free(reads);
    return 0;
}

/* ---- contacts ---- */

/* Messages to one node stay together, by receiver and source: so do those who get them. */
static int by_kind_and_node(const void *a, const void *b)
{
    const note *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    if (x->receiver != y->receiver) return x->receiver < y->receiver ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

/* The end of the notes of one kind and node that begin at `from`. */
static int64_t end_of_node(const preparation *p, int64_t from)
{
    int64_t end = from;
    while (end < p->ngot && p->got[end].kind == p->got[from].kind &&
           p->got[end].node == p->got[from].node)
        end++;
    return end;
}

static int by_peer_and_index(const void *a, const void *b)
{
    const note *const *x = a, *const *y = b;
    if ((*x)->peer != (*y)->peer) return (*x)->peer < (*y)->peer ? -1 : 1;
    return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

/* Number the parts of what goes to a node: of a message that goes to several of its ranks there is
 * one. Notes then hold the number of the part. */
static int number_parts(note *notes, int64_t n, outbound *o)
{
    note **sorted = stc_alloc(n, sizeof *sorted);
    o->parts = stc_alloc(n, sizeof *o->parts);
    if (!sorted || !o->parts) {
        stc_free(sorted);
        return STC_ERR_NOMEM;
    }
    for (int64_t i = 0; i < n; i++)
        sorted[i] = &notes[i];
    qsort(sorted, (size_t)n, sizeof *sorted, by_peer_and_index);
    for (int64_t i = 0; i < n; i++) {
        const note *from = sorted[i];
        const part *last = o->nparts ? &o->parts[o->nparts - 1] : NULL;
        if (!last || last->peer != from->peer || last->index != from->index) {
            o->parts[o->nparts++] = (part){from->peer, (int)from->index, from->place, from->stride};
            o->most_bytes += from->most_bytes;
        }
        sorted[i]->index = o->nparts - 1;
    }
    for (int64_t i = 0; i < n && o->nparts == 1; i++)
        notes[i].index = -1;
    if (o->nparts > 1) o->most_bytes += (int64_t)sizeof(uint32_t) * o->nparts;
    stc_free(sorted);
    STC_CHECK(o->most_bytes <= INT32_MAX, STC_ERR_FIT,
              "a message of %lld bytes from one node to another; use a smaller --block-steps or "
              "--node-ranks",
              (long long)o->most_bytes);
    return 0;
}

static int begin_outbound(preparation *p, int64_t from, int64_t end)
{
    outbound *o = &p->t->out[p->t->nout++];
    *o = (outbound){.contact = p->got[from].contact,
                    .request = {MPI_REQUEST_NULL, MPI_REQUEST_NULL}};
    STC_TRY(number_parts(p->got + from, end - from, o));
    if (o->nparts == 1 && o->parts->peer == p->t->node.rank) return 0;
    o->buffer[0] = stc_alloc(o->most_bytes, 1);
    o->buffer[1] = stc_alloc(o->most_bytes, 1);
    return o->buffer[0] && o->buffer[1] ? 0 : STC_ERR_NOMEM;
}

static int begin_inbound(preparation *p, int64_t from, int64_t end)
{
    inbound *in = &p->t->in[p->t->nin++];
    *in =
        (inbound){.contact = p->got[from].contact, .request = {MPI_REQUEST_NULL, MPI_REQUEST_NULL}};
    in->readers = stc_alloc(end - from, sizeof *in->readers);
    if (!in->readers) return STC_ERR_NOMEM;
    for (int64_t i = from; i < end; i++) /* by receiver */
        if (in->nreaders == 0 || in->readers[in->nreaders - 1] != p->got[i].peer)
            in->readers[in->nreaders++] = p->got[i].peer;
    return 0;
}

/* What this rank does as a contact. */
static int list_nodes(preparation *p)
{
    transport *t = p->t;
    qsort(p->got, (size_t)p->ngot, sizeof *p->got, by_kind_and_node);
    t->out = stc_alloc(p->ngot, sizeof *t->out);
    t->in = stc_alloc(p->ngot, sizeof *t->in);
    if (!t->out || !t->in) return STC_ERR_NOMEM;
    for (int64_t i = 0, end; i < p->ngot; i = end) {
        end = end_of_node(p, i);
        if (p->got[i].kind == CARRY_OUT) STC_TRY(begin_outbound(p, i, end));
        if (p->got[i].kind == BRING_IN) STC_TRY(begin_inbound(p, i, end));
    }
    return 0;
}

/* Contacts tell each other how long a message may be, and which part each of its readers gets of
 * each of its sources. numbers [ngot + nodes]: what all messages take. */
static void pass_parts(preparation *p, int32_t *numbers, MPI_Request *request)
{
    transport *t = p->t;
    int nrequests = 0, out = 0, in = 0;
    int32_t *at = numbers;
    for (int64_t i = 0, end; i < p->ngot; i = end) {
        end = end_of_node(p, i);
        const int n = (int)(end - i) + 1;
        if (p->got[i].kind == CARRY_OUT) {
            const outbound *o = &t->out[out++];
            at[0] = (int32_t)o->most_bytes;
            for (int k = 1; k < n; k++)
                at[k] = (int32_t)p->got[i + k - 1].index;
            MPI_Isend(at, n, MPI_INT32_T, o->contact, TAG_PARTS, t->group.mpi,
                      &request[nrequests++]);
        } else if (p->got[i].kind == BRING_IN) {
            MPI_Irecv(at, n, MPI_INT32_T, t->in[in++].contact, TAG_PARTS, t->group.mpi,
                      &request[nrequests++]);
        }
        at += n;
    }
    MPI_Waitall(nrequests, request, MPI_STATUSES_IGNORE);
}

/* Room for what comes from other nodes, and a note to each reader. */
static void place_nodes(preparation *p, const int32_t *numbers)
{
    transport *t = p->t;
    int which = 0;
    p->nnotes = 0;
    for (int64_t i = 0, end; i < p->ngot; i = end) {
        end = end_of_node(p, i);
        if (p->got[i].kind == BRING_IN) {
            inbound *in = &t->in[which++];
            in->most_bytes = numbers[0];
            in->place = t->size;
            in->stride = round_up(in->most_bytes);
            t->size += LINE + 2 * in->stride;
            for (int64_t k = i; k < end; k++) {
                note *to = &p->notes[p->nnotes++];
                *to = p->got[k];
                to->kind = ARRIVES;
                to->index = numbers[1 + k - i];
                to->place = in->place;
                to->stride = in->stride;
            }
        }
        numbers += end - i + 1;
    }
}

static int meet_contacts(preparation *p)
{
    int rc = list_nodes(p);
    int32_t *numbers = stc_alloc(2 * p->ngot, sizeof *numbers);
    MPI_Request *request = stc_alloc(p->ngot, sizeof *request);
    stc_free(p->notes);
    p->notes = stc_alloc(p->ngot, sizeof *p->notes);
    if (!numbers || !request || !p->notes) rc = STC_ERR_NOMEM;
    rc = stc_agree(&p->t->group, rc);
    if (rc >= 0) {
        pass_parts(p, numbers, request);
        place_nodes(p, numbers);
    }
    stc_free(numbers);
    stc_free(request);
    return rc;
}

/* Where what this rank receives lies, as far as peers have said. */
static void note_places(preparation *p)
{
    for (int64_t i = 0; i < p->ngot; i++) {
        const note *from = &p->got[i];
        const bool arrives = from->kind == ARRIVES;
        if (from->kind != READ && !arrives) continue;
        p->t->sources[neighbour_of(p, from->source)->source] =
            (inbox){.peer = from->peer,
                    .from_peer = !arrives,
                    .index = arrives ? (int)from->index : -1,
                    .count = arrives ? from->place : 0,
                    .place = arrives ? from->place + LINE : from->place,
                    .stride = from->stride};
    }
}

/* ---- all of it ---- */

static int prepare(preparation *p)
{
    transport *t = p->t;
    STC_TRY(meet_neighbours(p));
    t->sources = stc_alloc(p->nsources, sizeof *t->sources);
    t->taken = stc_alloc(t->node.size, sizeof *t->taken);
    int rc = t->sources && t->taken ? write_notes(p) : STC_ERR_NOMEM;
    if (rc >= 0) rc = list_readers(p);
    STC_TRY(stc_agree(&t->group, rc));
    STC_TRY(pass_notes(p));
    note_places(p);
    STC_TRY(meet_contacts(p));
    STC_TRY(pass_notes(p));
    note_places(p);
    return stc_transport_share(t);
}

int stc_transport_prepare(transport *t, int node_ranks, int nparcels, const parcel *parcels,
                          int nsources, const int *sources)
{
    preparation p = {
        .t = t, .nparcels = nparcels, .nsources = nsources, .parcels = parcels, .sources = sources};
    stc_transport_find_node(t, node_ranks);
    int rc = prepare(&p);
    stc_free(p.neighbours);
    stc_free(p.notes);
    stc_free(p.got);
    return rc;
}
