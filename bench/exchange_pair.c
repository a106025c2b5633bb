/* exchange_pair.c - see exchange_pair.h. Counts and neighbours are known before and the same at
 * every step, as in a network whose slots have a fixed size. */
#include "exchange_pair.h"

#include "stc/comm.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

static void nothing(exchange_pair *pair)
{
    (void)pair;
}

/* ---- MPI_Sendrecv ---- */

static void swap_sendrecv(exchange_pair *p)
{
    int other = 1 - p->rank;
    MPI_Sendrecv(p->send, p->bytes, MPI_BYTE, other, 0, p->receive, p->bytes, MPI_BYTE, other, 0,
                 p->comm, MPI_STATUS_IGNORE);
}

/* ---- persistent requests ---- */

static void begin_persistent(exchange_pair *p)
{
    int other = 1 - p->rank;
    MPI_Recv_init(p->receive, p->bytes, MPI_BYTE, other, 0, p->comm, &p->request[0]);
    MPI_Send_init(p->send, p->bytes, MPI_BYTE, other, 0, p->comm, &p->request[1]);
}

static void swap_persistent(exchange_pair *p)
{
    MPI_Startall(2, p->request);
    MPI_Waitall(2, p->request, MPI_STATUSES_IGNORE);
}

static void end_persistent(exchange_pair *p)
{
    MPI_Request_free(&p->request[0]);
    MPI_Request_free(&p->request[1]);
}

/* ---- MPI_Alltoallv ---- */

static void begin_alltoallv(exchange_pair *p)
{
    p->count[p->rank] = 0;
    p->count[1 - p->rank] = p->bytes;
    p->place[0] = p->place[1] = 0;
}

static void swap_alltoallv(exchange_pair *p)
{
    MPI_Alltoallv(p->send, p->count, p->place, MPI_BYTE, p->receive, p->count, p->place, MPI_BYTE,
                  p->comm);
}

/* ---- MPI_Neighbor_alltoallv ---- */

static void begin_neighbours(exchange_pair *p)
{
    int other = 1 - p->rank, weight = 1;
    MPI_Dist_graph_create_adjacent(p->comm, 1, &other, &weight, 1, &other, &weight, MPI_INFO_NULL,
                                   0, &p->neighbours);
    p->count[0] = p->bytes;
    p->place[0] = 0;
}

static void swap_neighbours(exchange_pair *p)
{
    MPI_Neighbor_alltoallv(p->send, p->count, p->place, MPI_BYTE, p->receive, p->count, p->place,
                           MPI_BYTE, p->neighbours);
}

static void end_neighbours(exchange_pair *p)
{
    MPI_Comm_free(&p->neighbours);
}

/* ---- the transport of runs: memory that ranks of a node share, or messages between nodes ---- */

static void begin_transport(exchange_pair *p, int node_ranks)
{
    const stc_comm comm = stc_comm_of(p->comm);
    const int other = 1 - p->rank;
    const parcel out = {.most_bytes = p->bytes, .nranks = 1, .ranks = &other};
    if (stc_transport_create(&comm, node_ranks, 1, &out, 1, &other, &p->transport) < 0)
        MPI_Abort(p->comm, 1);
}

static void begin_node(exchange_pair *p)
{
    begin_transport(p, 0);
}

static void begin_nodes(exchange_pair *p)
{
    begin_transport(p, 1);
}

static void swap_transport(exchange_pair *p)
{
    stc_transport_open(p->transport);
    memcpy(stc_transport_place(p->transport, 0), p->send, (size_t)p->bytes);
    stc_transport_put(p->transport, 0, p->bytes);
    stc_transport_publish(p->transport);
    memcpy(p->receive, stc_transport_take(p->transport, 0), (size_t)p->bytes);
    stc_transport_release(p->transport);
}

static void end_transport(exchange_pair *p)
{
    stc_transport_destroy(&p->transport);
}

/* ---- shared window and flag ---- */

/* Two slots, used in turns: whoever writes swap k + 2 has seen the other's swap k + 1, which was
 * written after that had read swap k. */
struct exchange_window {
    _Alignas(64) _Atomic int64_t swaps[2][8]; /* written so far; the first of each line counts */
    char data[];
};

static void begin_window(exchange_pair *p)
{
    const MPI_Aint line = _Alignof(exchange_window);
    MPI_Aint size = (MPI_Aint)sizeof(exchange_window) + 2 * p->bytes + line;
    for (int who = 0; who < 2; who++) { /* one's own first, then where the other's lies */
        int unit;
        MPI_Aint ignored;
        char *place;
        if (who == 0)
            MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, p->comm, &place, &p->memory);
        else
            MPI_Win_shared_query(p->memory, 1 - p->rank, &ignored, &unit, &place);
        place += (line - (MPI_Aint)place % line) % line;
        p->window[who] = (exchange_window *)(void *)place;
    }
    memset(p->window[0], 0, sizeof(exchange_window));
    p->swaps = 0;
    MPI_Barrier(p->comm);
}

static void swap_window(exchange_pair *p)
{
    enum { PATIENCE = 10000 }; /* looks before the processor is left to others */
    int64_t slot = p->swaps & 1, mark = ++p->swaps;
    memcpy(p->window[0]->data + slot * p->bytes, p->send, (size_t)p->bytes);
    atomic_store_explicit(&p->window[0]->swaps[slot][0], mark, memory_order_release);
    _Atomic int64_t *flag = &p->window[1]->swaps[slot][0];
    for (int i = 0; atomic_load_explicit(flag, memory_order_acquire) < mark; i++) {
        if (i < PATIENCE) continue;
        sched_yield();
        i = 0;
    }
    memcpy(p->receive, p->window[1]->data + slot * p->bytes, (size_t)p->bytes);
}

static void end_window(exchange_pair *p)
{
    MPI_Win_free(&p->memory);
}

const exchange_way exchange_ways[EXCHANGE_WAYS] = {
    {"sendrecv", nothing, swap_sendrecv, nothing},
    {"persistent", begin_persistent, swap_persistent, end_persistent},
    {"alltoallv", begin_alltoallv, swap_alltoallv, nothing},
    {"neighbor_alltoallv", begin_neighbours, swap_neighbours, end_neighbours},
    {"stc_node", begin_node, swap_transport, end_transport},
    {"stc_between_nodes", begin_nodes, swap_transport, end_transport},
    {"shared_window", begin_window, swap_window, end_window},
};
