/* common.c - what several commands do: threads, reading a graph. */
#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"

#include <omp.h>
#include <sched.h>
#include <stdlib.h>

int stc_cli_need_files(const stc_cli *cli, int n, const char *what)
{
    STC_CHECK(cli->nfiles >= n, STC_ERR_USAGE, "%s is missing\nhint: --help shows an example",
              what);
    return 0;
}

/* This rank's part of the processors of its node: a processor that several busy ranks may use
 * counts as a fraction for each, so both bound and unbound ranks get what they have. */
static int fair_share(const stc_comm *comm, bool busy)
{
    int32_t users[CPU_SETSIZE] = {0};
    bool mine[CPU_SETSIZE] = {false};
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_SET(0, &allowed);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        mine[i] = CPU_ISSET(i, &allowed) != 0;
        users[i] = busy && mine[i] ? 1 : 0;
    }
    MPI_Comm node;
    MPI_Comm_split_type(comm->mpi, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &node);
    MPI_Allreduce(MPI_IN_PLACE, users, CPU_SETSIZE, MPI_INT32_T, MPI_SUM, node);
    MPI_Comm_free(&node);
    double share = 0.0;
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        if (mine[i]) share += 1.0 / (users[i] > 0 ? users[i] : 1);
    int whole = (int)(share + 1e-6); /* thirds do not add up to one */
    return busy && whole > 1 ? whole : 1;
}

int stc_cli_threads(const stc_cli *cli, bool busy)
{
    int threads = fair_share(cli->comm, busy);
    const char *wish = getenv("OMP_NUM_THREADS");
    if (cli->threads > 0) {
        threads = (int)cli->threads;
    } else if (wish && wish[0]) {
        threads = omp_get_max_threads();
    }
    omp_set_num_threads(threads);
    return threads;
}

int stc_cli_read_graph(const stc_cli *cli, const char *path, stc_graph **out)
{
    stc_nir_rules rules;
    *out = NULL;
    int rc = stc_rules_options(&rules);
    if (rc >= 0) rc = stc_graph_read(path, &rules, out);
    if (rc >= 0 && (rc = stc_graph_verify(*out)) < 0) stc_fail_in(rc, "%s", path);
    rc = stc_agree(cli->comm, rc);
    if (rc < 0) stc_graph_destroy(out);
    return rc;
}
