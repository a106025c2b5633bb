/* transport.h - how messages travel between the ranks of a group.
 *
 * All ranks take part in exchange after exchange. Who sends to whom is fixed at the start, and how
 * many bytes at most; a message goes to any number of ranks and is written once. Ranks of a node
 * share memory: a message is read where its sender wrote it. For every two nodes one rank of each,
 * their contacts, send one message per exchange, with all that goes from one to the other; it
 * arrives in the memory that the ranks of the node share. A rank has messages of two exchanges at
 * most that others have yet to read; then it waits. Ranks that wait leave the processor to others.
 *
 * For every exchange, in this order: open, place and put for each message that is sent, publish;
 * take for each that is received, release. Reading order: node.c (nodes and contacts),
 * places.c (where messages lie), shared.c (the memory), transport.c (exchanges). */
#ifndef STC_SIM_TRANSPORT_H
#define STC_SIM_TRANSPORT_H

#include "stc/comm.h"

typedef struct transport transport;

typedef struct {
    int64_t most_bytes; /* below 2^31 */
    int nranks;
    const int *ranks; /* of the group, increasing, not this one; borrowed */
} parcel;

/* Each rank is told what it sends, where every other rank occurs once at most, and from which ranks
 * it receives, increasing. node_ranks: so many ranks in a row count as a node, if they share
 * memory; 0: all that share it. group is borrowed. Collective, errors the same on all ranks.
 *   STC_ERR_FIT  the shared memory is too small; a node sends 2^31 bytes to another */
int stc_transport_create(const stc_comm *group, int node_ranks, int nparcels, const parcel *parcels,
                         int nsources, const int *sources, transport **out);
/* Collective. NULL is fine. */
void stc_transport_destroy(transport **transport);

/* Wait until the messages of the exchange before the last one are taken; then write. */
void stc_transport_open(transport *t);
/* which: of the parcels that this rank sends. */
unsigned char *stc_transport_place(const transport *t, int which); /* where to write it */
void stc_transport_put(transport *t, int which, int64_t bytes);    /* it is written */
void stc_transport_publish(transport *t);
/* Wait for the message of a source, which has sent one, and read it until release. */
const unsigned char *stc_transport_take(transport *t, int source);
void stc_transport_release(transport *t);

/* What this rank has sent to other nodes so far, as their contact. */
void stc_transport_between_nodes(const transport *t, int64_t *messages, int64_t *bytes);

#endif
