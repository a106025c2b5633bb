/* comm.h - the communicator that Collective functions take first.
 *
 * Only functions that take a stc_comm (or an object that holds one) communicate. Inside them the
 * shape is: prepare locally, agree, communicate, commit; nothing returns between two
 * communications unless all ranks do.
 */
#ifndef STC_COMM_H
#define STC_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    MPI_Comm mpi; /* owned by whoever made the stc_comm */
    int rank, size;
} stc_comm;

/* Describe an MPI communicator. Local; mpi is borrowed. */
stc_comm stc_comm_of(MPI_Comm mpi);

/* Make all ranks return the same code. Collective. rc is this rank's code; if any is negative, all
 * ranks return the worst (lowest) one and hold the error text of the lowest rank that had it,
 * prefixed by "rank N: " when it is not rank 0's. Source of the idiom: scr_alltrue of SCR. */
int stc_agree(const stc_comm *comm, int rc);

/* Broadcast n bytes from rank root, any n (split into pieces below 2^31). Collective. */
void stc_comm_bcast(const stc_comm *comm, void *data, int64_t n, int root);

/* Sum over all ranks, on all ranks; wraps modulo 2^64. Collective. */
uint64_t stc_comm_sum_u64(const stc_comm *comm, uint64_t value);
/* Maximum over all ranks, on all ranks. Collective. */
double stc_comm_max(const stc_comm *comm, double value);

#endif
