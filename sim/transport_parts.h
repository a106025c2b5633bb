/* transport_parts.h - what node.c, places.c and shared.c prepare and transport.c uses.
 *
 * Every rank has a segment of the memory of its node: head, then for even and odd exchanges the
 * bytes of each of its messages and the messages themselves, then what it receives from other nodes
 * as their contact: for each node a count of what has arrived, and room for even and odd exchanges.
 * Counts only grow; who writes a message, or reads it, says so by the count alone. */
#ifndef STC_SIM_TRANSPORT_PARTS_H
#define STC_SIM_TRANSPORT_PARTS_H

#include "transport.h"

#include <stdatomic.h>

enum { LINE = 64 };

typedef _Atomic int64_t counter;

/* Exchanges whose messages this rank has written, and has read. A line each. */
typedef struct {
    _Alignas(LINE) counter published;
    _Alignas(LINE) counter taken;
} segment_head;

/* Offsets are those in the segment of a peer: place of even exchanges, stride from there to odd
 * ones. */

/* A message that this rank receives: that of a peer, or part of the message of a node. */
typedef struct {
    int peer; /* where it lies */
    bool from_peer;
    int index;                    /* of the part; -1: there are no others */
    int64_t count, place, stride; /* count: of exchanges that are there */
} inbox;

/* A message of a rank of this node on its way to another node. */
typedef struct {
    int peer, index; /* of its messages */
    int64_t place, stride;
} part;

/* What this rank, a contact, sends to another node: where each part begins, if there are several,
 * then the parts. One message of its own is sent from where it lies. */
typedef struct {
    int contact; /* over there: rank of the group */
    int nparts;
    part *parts;
    int64_t most_bytes;
    unsigned char *buffer[2]; /* NULL: it is sent from where it lies */
    MPI_Request request[2];
    int64_t sent, sent_bytes; /* sent: exchanges */
} outbound;

/* What it receives from there: the count, in a line of its own, then the message. */
typedef struct {
    int contact;
    int64_t place, stride, most_bytes; /* place of the count */
    int nreaders, *readers;            /* peers */
    MPI_Request request[2];
    int64_t posted, done; /* exchanges */
} inbound;

struct transport {
    stc_comm group, node; /* node: ranks that share memory, called peers; owned */
    int index;            /* of this node */
    bool crowded;         /* there are more ranks than processors */
    int64_t size;         /* of the segment of this rank */
    char *shared, *alone; /* memory of all; of a node with one rank */
    int64_t shared_bytes;
    char **segment;    /* [peers] as this rank sees them */
    int64_t *taken;    /* [peers] exchanges that they are known to have read */
    int64_t published; /* exchanges of this rank */
    int nparcels;
    int64_t *place, stride; /* of the messages of this rank */
    int nreaders, *readers; /* peers that read them */
    int nsources;
    inbox *sources;
    int nout, nin;
    outbound *out;
    inbound *in;
};

static inline segment_head *stc_segment_head(const transport *t, int peer)
{
    return (segment_head *)(void *)t->segment[peer];
}
static inline counter *stc_segment_count(const transport *t, int peer, int64_t offset)
{
    return (counter *)(void *)(t->segment[peer] + offset);
}
static inline unsigned char *stc_segment_slot(const transport *t, int peer, int64_t place,
                                              int64_t stride, int64_t exchange)
{
    return (unsigned char *)t->segment[peer] + place + (exchange & 1) * stride;
}
/* How long the messages of a peer in an exchange are, in their order. */
static inline uint32_t *stc_segment_bytes(const transport *t, int peer, int64_t stride,
                                          int64_t exchange)
{
    return (uint32_t *)(void *)stc_segment_slot(t, peer, sizeof(segment_head), stride, exchange);
}

/* Which peer is the contact for another node. */
static inline int stc_contact_for(const transport *t, int node)
{
    return node % t->node.size;
}

/* A rank that this one exchanges messages with. */
typedef struct {
    int rank;          /* of the group */
    int peer;          /* on this node; -1: on another one */
    int node, contact; /* its node, and the contact there for this node: rank of the group */
    int source;        /* which of those that this rank receives from, or -1 */
} neighbour;

/* node.c: set node and index of t. Collective. */
void stc_transport_find_node(transport *t, int node_ranks);
/* All of n ranks of the group, once each and increasing, none of them a source yet; ranks is
 * sorted. They do the same. Collective, errors the same on all ranks; stc_free the list. */
int stc_transport_meet(const transport *t, int n, int *ranks, neighbour **out, int *nout);

/* shared.c: make the segments. Collective, errors the same on all ranks. Unshare is Local. */
int stc_transport_share(transport *t);
void stc_transport_unshare(transport *t);

/* places.c: all else that is there before the first exchange. Collective, errors the same on all
 * ranks; what is there then is freed by stc_transport_destroy. */
int stc_transport_prepare(transport *t, int node_ranks, int nparcels, const parcel *parcels,
                          int nsources, const int *sources);

#endif
