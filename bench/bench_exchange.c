/* bench_exchange.c - microseconds for two ranks to swap messages, by the transport of runs and by
 * several ways of MPI.
 *
 *     mpirun -n 2 bench_exchange [--quick]
 *
 * One line for each way and size, 8 B to 64 KiB each way: the median over rounds of many swaps.
 * Both ranks need a core of their own: one that waits for its turn on a core takes milliseconds. */
#include "bench.h"
#include "exchange_pair.h"

#include "stc/comm.h"
#include "stc/error.h"

enum { MOST_BYTES = 65536, ROUNDS = 15 };

/* Does the other's message arrive, in every swap? */
static int check(const exchange_way *way, exchange_pair *pair)
{
    for (int swap = 0; swap < 4; swap++) {
        memset(pair->send, 16 * swap + pair->rank + 1, (size_t)pair->bytes);
        memset(pair->receive, 0, (size_t)pair->bytes);
        way->swap(pair);
        for (int i = 0; i < pair->bytes; i++) {
            STC_CHECK(pair->receive[i] == 16 * swap + 1 - pair->rank + 1, STC_ERR_INTERNAL,
                      "%s: byte %d of swap %d is %d", way->name, i, swap, pair->receive[i]);
        }
    }
    return 0;
}

static void measure(const exchange_way *way, exchange_pair *pair, stc_bench *bench)
{
    double seconds[ROUNDS];
    int rounds = bench->quick ? 1 : ROUNDS;
    int swaps = bench->quick ? 4 : pair->bytes <= 1024 ? 20000 : 4000;
    for (int round = -1; round < rounds; round++) { /* the first one warms up */
        MPI_Barrier(pair->comm);
        double start = stc_seconds();
        for (int i = 0; i < swaps; i++)
            way->swap(pair);
        if (round >= 0) seconds[round] = (stc_seconds() - start) / swaps;
    }
    qsort(seconds, (size_t)rounds, sizeof *seconds, stc_bench_compare);
    bench->name = "exchange";
    bench->reps = rounds;
    bench->median = seconds[rounds / 2];
    bench->min = seconds[0];
}

static int bench_way(const stc_comm *world, const exchange_way *way, exchange_pair *pair,
                     stc_bench *bench)
{
    for (pair->bytes = 8; pair->bytes <= MOST_BYTES; pair->bytes *= pair->bytes < 64 ? 8 : 4) {
        way->begin(pair);
        int rc = stc_agree(world, check(way, pair));
        if (rc >= 0) measure(way, pair, bench);
        way->end(pair);
        if (rc < 0) return rc;
        if (world->rank == 0)
            stc_bench_print(bench, "us", 1e6, "\"way\": \"%s\", \"bytes\": %d", way->name,
                            pair->bytes);
    }
    return 0;
}

static int run(const stc_comm *world, stc_bench *bench)
{
    static char send[MOST_BYTES], receive[MOST_BYTES];
    exchange_pair pair = {
        .comm = world->mpi, .rank = world->rank, .send = send, .receive = receive};
    STC_CHECK(world->size == 2, STC_ERR_USAGE, "needs two ranks, has %d\nhint: mpirun -n 2",
              world->size);
    bench->ranks = 2;
    for (int i = 0; i < EXCHANGE_WAYS; i++)
        STC_TRY(bench_way(world, &exchange_ways[i], &pair, bench));
    return 0;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    stc_comm world = stc_comm_of(MPI_COMM_WORLD);
    stc_bench bench = stc_bench_begin(argc, argv);
    int rc = run(&world, &bench);
    if (rc < 0 && world.rank == 0) fprintf(stderr, "bench_exchange: %s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}
