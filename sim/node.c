/* node.c - which ranks share memory, and who is the contact for which other node. Ranks ask their
 * neighbours on other nodes only; nodes are numbered. */
#include "transport_parts.h"

#include "stc/base.h"
#include "stc/error.h"

#include <stdlib.h>
#include <unistd.h>

enum { TAG_NODE = 1, TAG_CONTACT };

void stc_transport_find_node(transport *t, int node_ranks)
{
    const stc_comm *group = &t->group;
    MPI_Comm machine;
    MPI_Comm_split_type(group->mpi, MPI_COMM_TYPE_SHARED, group->rank, MPI_INFO_NULL, &machine);
    int ranks;
    MPI_Comm_size(machine, &ranks);
    t->crowded = ranks > sysconf(_SC_NPROCESSORS_ONLN);
    if (node_ranks > 0) {
        MPI_Comm_split(machine, group->rank / node_ranks, group->rank, &t->node.mpi);
        MPI_Comm_free(&machine);
    } else {
        t->node.mpi = machine;
    }
    t->node = stc_comm_of(t->node.mpi);
    int first = t->node.rank == 0, before = 0;
    MPI_Exscan(&first, &before, 1, MPI_INT, MPI_SUM, group->mpi);
    t->index = group->rank == 0 ? 0 : before;
    MPI_Bcast(&t->index, 1, MPI_INT, 0, t->node.mpi);
}

/* The same ranks, peers of this one or others, in another communicator. */
static void translate(MPI_Comm from, MPI_Comm to, int n, const int *in, int *out)
{
    MPI_Group a, b;
    if (n == 0) return;
    MPI_Comm_group(from, &a);
    MPI_Comm_group(to, &b);
    MPI_Group_translate_ranks(a, n, in, b, out);
    MPI_Group_free(&a);
    MPI_Group_free(&b);
}

static int by_value(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int unique(int n, int *ranks)
{
    int kept = 0;
    qsort(ranks, (size_t)n, sizeof *ranks, by_value);
    for (int i = 0; i < n; i++)
        if (i == 0 || ranks[i] != ranks[i - 1]) ranks[kept++] = ranks[i];
    return kept;
}

/* Swap a number with every neighbour on another node. request [2 n]. */
static void swap_numbers(const transport *t, int n, const neighbour *list, int tag, const int *mine,
                         int *theirs, MPI_Request *request)
{
    int nrequests = 0;
    for (int i = 0; i < n; i++) {
        if (list[i].peer >= 0) continue;
        MPI_Irecv(&theirs[i], 1, MPI_INT, list[i].rank, tag, t->group.mpi, &request[nrequests++]);
        MPI_Isend(&mine[i], 1, MPI_INT, list[i].rank, tag, t->group.mpi, &request[nrequests++]);
    }
    MPI_Waitall(nrequests, request, MPI_STATUSES_IGNORE);
}

/* mine, theirs [n]: work. */
static void meet(const transport *t, int n, neighbour *list, int *mine, int *theirs,
                 MPI_Request *request)
{
    for (int i = 0; i < n; i++)
        mine[i] = t->index;
    swap_numbers(t, n, list, TAG_NODE, mine, theirs, request);
    for (int i = 0; i < n; i++) {
        list[i].node = list[i].peer < 0 ? theirs[i] : t->index;
        theirs[i] = stc_contact_for(t, list[i].node);
    }
    translate(t->node.mpi, t->group.mpi, n, theirs, mine);
    swap_numbers(t, n, list, TAG_CONTACT, mine, theirs, request);
    for (int i = 0; i < n; i++)
        list[i].contact = theirs[i];
}

int stc_transport_meet(const transport *t, int n, int *ranks, neighbour **out, int *nout)
{
    n = unique(n, ranks);
    neighbour *list = *out = stc_alloc(n, sizeof *list);
    int *mine = stc_alloc(n, sizeof *mine), *theirs = stc_alloc(n, sizeof *theirs);
    MPI_Request *request = stc_alloc(2 * (int64_t)n, sizeof *request);
    *nout = n;
    int rc = stc_agree(&t->group, list && mine && theirs && request ? 0 : STC_ERR_NOMEM);
    if (rc >= 0) {
        translate(t->group.mpi, t->node.mpi, n, ranks, mine);
        for (int i = 0; i < n; i++)
            list[i] = (neighbour){ranks[i], mine[i] == MPI_UNDEFINED ? -1 : mine[i], -1, -1, -1};
        meet(t, n, list, mine, theirs, request);
    }
    stc_free(mine);
    stc_free(theirs);
    stc_free(request);
    return rc;
}
