/* exchange_pair.h - ways for two ranks to swap a message of a known size every step. Each is a row
 * of a table, so that benches can run them all. */
#ifndef EXCHANGE_PAIR_H
#define EXCHANGE_PAIR_H

#include "transport.h"

typedef struct exchange_window exchange_window;

typedef struct {
    MPI_Comm comm; /* of two ranks; borrowed */
    int rank, bytes;
    char *send, *receive; /* [bytes] */
    /* private */
    MPI_Comm neighbours;
    MPI_Request request[2];
    int count[2], place[2];
    MPI_Win memory;
    exchange_window *window[2]; /* one's own and the other's */
    int64_t swaps;
    transport *transport;
} exchange_pair;

typedef struct {
    const char *name;
    /* Collective over the pair. swap: what is in send is in the other's receive afterwards. */
    void (*begin)(exchange_pair *pair);
    void (*swap)(exchange_pair *pair);
    void (*end)(exchange_pair *pair);
} exchange_way;

enum { EXCHANGE_WAYS = 7 };
extern const exchange_way exchange_ways[EXCHANGE_WAYS]; /* the shared window, as little
                                                               as can be done, is the last */

#endif
