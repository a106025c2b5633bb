/* mpi_test.h - cmocka under mpirun: all ranks fail together, rank 0 speaks.
 *
 * A failed cmocka assertion jumps out of one rank; if it stands between two communications the
 * others wait for ever. So tests that communicate use assert_all() and its kin, which first agree.
 *
 *     static void sum_is_the_same_on_all_ranks(void **state) { ... assert_all(world, sum == 3); }
 *     int main(int argc, char **argv)
 *     {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(sum_is_the_same_on_all_ranks)};
 *         return run_mpi_tests("comm", tests, &argc, &argv);
 *     }
 */
#ifndef STC_TESTS_MPI_TEST_H
#define STC_TESTS_MPI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mpi.h>

#include "stc/comm.h"

/* Collective. The condition must hold on every rank; those where it does not say so. */
#define assert_all(comm, condition)                                                                \
    assert_all_((comm), (condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* Collective. The 64-bit value must be the same on every rank. */
#define assert_same(comm, value) assert_same_((comm), (uint64_t)(value), #value, __FILE__, __LINE__)

static inline void assert_all_(const stc_comm *comm, int holds, const char *text, const char *file,
                               int line)
{
    int all = 0;
    if (!holds) fprintf(stderr, "rank %d: %s:%d: failed: %s\n", comm->rank, file, line, text);
    MPI_Allreduce(&holds, &all, 1, MPI_INT, MPI_MIN, comm->mpi);
    _assert_true((LargestIntegralType)all, text, file, line);
}

static inline void assert_same_(const stc_comm *comm, uint64_t value, const char *text,
                                const char *file, int line)
{
    uint64_t least = 0, most = 0;
    MPI_Allreduce(&value, &least, 1, MPI_UINT64_T, MPI_MIN, comm->mpi);
    MPI_Allreduce(&value, &most, 1, MPI_UINT64_T, MPI_MAX, comm->mpi);
    if (least != most)
        fprintf(stderr, "rank %d: %s:%d: %s is %llu\n", comm->rank, file, line, text,
                (unsigned long long)value);
    _assert_true(least == most, text, file, line);
}

/* Collective. Initialise MPI, run the tests on all ranks and finalise; the result, the same on all
 * ranks, is the exit code. */
#define run_mpi_tests(name, tests, argc, argv)                                                     \
    run_mpi_tests_((name), (tests), sizeof(tests) / sizeof((tests)[0]), (argc), (argv))

static inline int run_mpi_tests_(const char *name, const struct CMUnitTest *tests, size_t n,
                                 int *argc, char ***argv)
{
    int rank = 0, failed = 0, worst = 0;
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank != 0) { /* TAP goes to stdout alone */
        unsetenv("CMOCKA_MESSAGE_OUTPUT");
        unsetenv("CMOCKA_XML_FILE");
        cmocka_set_message_output(CM_OUTPUT_TAP);
        if (!freopen("/dev/null", "w", stdout)) MPI_Abort(MPI_COMM_WORLD, 1);
    }
    failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    failed = failed != 0;
    MPI_Allreduce(&failed, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    MPI_Finalize();
    return worst;
}

#endif
