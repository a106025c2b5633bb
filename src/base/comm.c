/* comm.c - agreement and small collective helpers over one communicator. */

#include "stc/comm.h"

#include "stc/error.h"

#include <stdio.h>

stc_comm stc_comm_of(MPI_Comm mpi)
{
    stc_comm comm = {.mpi = mpi};
    MPI_Comm_rank(mpi, &comm.rank);
    MPI_Comm_size(mpi, &comm.size);
    return comm;
}

int stc_agree(const stc_comm *comm, int rc)
{
    struct {
        int code, rank;
    } mine = {rc < 0 ? rc : 0, comm->rank}, worst;
    MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MINLOC, comm->mpi);
    if (worst.code == 0) return 0;

    char text[STC_ERROR_SIZE] = "";
    if (comm->rank == worst.rank) {
        const char *found = stc_error_text();
        if (comm->rank == 0)
            snprintf(text, sizeof text, "%s", found);
        else
            snprintf(text, sizeof text, "rank %d: %s", comm->rank, found);
    }
    MPI_Bcast(text, sizeof text, MPI_CHAR, worst.rank, comm->mpi);
    return stc_fail(worst.code, "%s", text);
}

void stc_comm_bcast(const stc_comm *comm, void *data, int64_t n, int root)
{
    const int64_t piece = INT64_C(1) << 30;
    for (int64_t at = 0; at < n; at += piece) {
        int64_t count = n - at < piece ? n - at : piece;
        MPI_Bcast((char *)data + at, (int)count, MPI_BYTE, root, comm->mpi);
    }
}

uint64_t stc_comm_sum_u64(const stc_comm *comm, uint64_t value)
{
    uint64_t sum = 0;
    MPI_Allreduce(&value, &sum, 1, MPI_UINT64_T, MPI_SUM, comm->mpi);
    return sum;
}

double stc_comm_max(const stc_comm *comm, double value)
{
    double result = 0;
    MPI_Allreduce(&value, &result, 1, MPI_DOUBLE, MPI_MAX, comm->mpi);
    return result;
}
