/* Agreement on failures and the collective helpers. */

#include "mpi/mpi_test.h"

#include "stc/base.h"
#include "stc/error.h"

#include <stdbool.h>

static stc_comm world(void)
{
    return stc_comm_of(MPI_COMM_WORLD);
}

static void comm_knows_rank_and_size(void **state)
{
    (void)state;
    stc_comm comm = world();
    assert_same(&comm, comm.size);
    assert_all(&comm, comm.rank >= 0 && comm.rank < comm.size);
}

static void agreement_on_success_is_success(void **state)
{
    (void)state;
    stc_comm comm = world();
    int rc = stc_agree(&comm, 0);
    assert_all(&comm, rc == 0);
    rc = stc_agree(&comm, comm.rank + 7);
    assert_all(&comm, rc == 0);
}

static void one_failing_rank_fails_all_with_its_text(void **state)
{
    (void)state;
    stc_comm comm = world();
    for (int who = 0; who < comm.size; who++) {
        int rc = comm.rank == who ? stc_fail(STC_ERR_IO, "disk %d is full", who) : 0;
        rc = stc_agree(&comm, rc);
        char expected[64];
        snprintf(expected, sizeof expected, "rank %d: disk %d is full", who, who);
        assert_all(&comm, rc == STC_ERR_IO);
        assert_all(&comm, strcmp(stc_error_text(), who ? expected : "disk 0 is full") == 0);
    }
}

static void the_worst_code_wins_and_its_lowest_rank_speaks(void **state)
{
    (void)state;
    stc_comm comm = world();
    int rc = comm.rank == 0 ? stc_fail(STC_ERR_INPUT, "mild")
                            : stc_fail(STC_ERR_NOMEM, "severe on %d", comm.rank);
    rc = stc_agree(&comm, rc);
    bool alone = comm.size == 1;
    assert_all(&comm, rc == (alone ? STC_ERR_INPUT : STC_ERR_NOMEM));
    assert_all(&comm, strcmp(stc_error_text(), alone ? "mild" : "rank 1: severe on 1") == 0);
}

static void agreeing_again_keeps_the_text(void **state)
{
    (void)state;
    stc_comm comm = world();
    int last = comm.size - 1;
    int rc = comm.rank == last ? stc_fail(STC_ERR_FIT, "too large") : 0;
    rc = stc_agree(&comm, rc);
    char before[256];
    snprintf(before, sizeof before, "%s", stc_error_text());
    rc = stc_agree(&comm, rc);
    assert_all(&comm, rc == STC_ERR_FIT);
    assert_all(&comm, strcmp(stc_error_text(), before) == 0);
}

static void broadcast_reaches_all_ranks(void **state)
{
    (void)state;
    stc_comm comm = world();
    int64_t n = 100003;
    unsigned char *data = stc_alloc(n, 1);
    assert_all(&comm, data != NULL);
    int root = comm.size - 1;
    for (int64_t i = 0; comm.rank == root && i < n; i++)
        data[i] = (unsigned char)stc_mix64((uint64_t)i);
    stc_comm_bcast(&comm, data, n, root);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; i++)
        wrong += data[i] != (unsigned char)stc_mix64((uint64_t)i);
    stc_comm_bcast(&comm, data, 0, root);
    stc_free(data);
    assert_all(&comm, wrong == 0);
}

static void sums_wrap_and_maxima_are_global(void **state)
{
    (void)state;
    stc_comm comm = world();
    uint64_t expected = 0;
    for (int r = 0; r < comm.size; r++)
        expected += UINT64_MAX - (uint64_t)r;
    uint64_t sum = stc_comm_sum_u64(&comm, UINT64_MAX - (uint64_t)comm.rank);
    assert_all(&comm, sum == expected);
    double most = stc_comm_max(&comm, -1.5 * (comm.rank + 1));
    assert_all(&comm, most == -1.5);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comm_knows_rank_and_size),
        cmocka_unit_test(agreement_on_success_is_success),
        cmocka_unit_test(one_failing_rank_fails_all_with_its_text),
        cmocka_unit_test(the_worst_code_wins_and_its_lowest_rank_speaks),
        cmocka_unit_test(agreeing_again_keeps_the_text),
        cmocka_unit_test(broadcast_reaches_all_ranks),
        cmocka_unit_test(sums_wrap_and_maxima_are_global),
    };
    return run_mpi_tests("comm", tests, &argc, &argv);
}
