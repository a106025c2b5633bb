/* Graphs in shards: the same parts on any number of ranks, nearly as good as with the whole graph
 * in sight, in limits. */

#include "mpi/mpi_test.h"

#include "partition_graph.h"

#include "stc/error.h"

#include <math.h>

enum { MAX_N = 4000 };
static stc_comm world, self;
static int32_t part[MAX_N], alone[MAX_N], whole[MAX_N];

static void open_comms(void)
{
    world = stc_comm_of(MPI_COMM_WORLD);
    self = stc_comm_of(MPI_COMM_SELF);
}

/* The piece of a rank; nets of a test graph are in the order of their sources. */
static stc_hypergraph_shard shard_of(const stc_comm *comm, const test_graph *t, int64_t *first)
{
    stc_hypergraph_shard s = {.nvertices = t->g.nvertices};
    int64_t begin = 0, end = 0;
    stc_shard_range(s.nvertices, comm->rank, comm->size, &s.begin, &s.n);
    while (begin < t->g.nnets && t->source[begin] < s.begin)
        begin++;
    for (end = begin; end < t->g.nnets && t->source[end] < s.begin + s.n;)
        end++;
    s.weight = t->weight + (int64_t)s.begin * STC_NCONSTRAINTS;
    s.nnets = end - begin;
    s.source = t->source + begin;
    s.spikes = t->spikes + begin;
    for (int64_t e = begin; e <= end; e++)
        first[e - begin] = t->first[e] - t->first[begin];
    s.first = first;
    s.pin = t->pin + t->first[begin];
    return s;
}

static int run(const stc_comm *comm, const test_graph *t, const stc_partition_options *options,
               int32_t *out, stc_partition_quality *q)
{
    int64_t *first = calloc((size_t)t->g.nnets + 1, sizeof *first);
    const stc_hypergraph_shard shard = shard_of(comm, t, first);
    const int rc = stc_partition_distributed(comm, &shard, options, out, q);
    free(first);
    return rc;
}

/* All parts, from those of each rank. */
static void join_parts(const test_graph *t, int32_t *own)
{
    int32_t begin, n;
    stc_shard_range(t->g.nvertices, world.rank, world.size, &begin, &n);
    for (int32_t v = 0; v < t->g.nvertices; v++)
        whole[v] = v >= begin && v < begin + n ? own[v - begin] : -1;
    MPI_Allreduce(MPI_IN_PLACE, whole, t->g.nvertices, MPI_INT32_T, MPI_MAX, world.mpi);
}

/* Each vertex tells 12 others, most of them near it. */
static test_graph network(int32_t n)
{
    enum { PINS = 12 };
    test_graph t = graph_of(n, n, (int64_t)n * PINS);
    uint64_t draw = 0;
    for (int32_t v = 0; v < n; v++) {
        add_net(&t, v, 1 + (float)(stc_random_u32(1, 3, (uint64_t)v) % 4));
        for (int i = 0; i < PINS; i++) {
            const int64_t reach = i == 0 ? n : 120;
            const int64_t to = v - reach / 2 + stc_random_u32(1, 4, draw++) % reach;
            add_pin(&t, (int32_t)((to + n) % n));
        }
    }
    return t;
}

static void assert_same_result(const test_graph *t, const stc_partition_options *options)
{
    stc_partition_quality q = {0}, q_alone = {0}, measured;
    assert_all(&world, run(&world, t, options, part, &q) == 0);
    assert_all(&world, run(&self, t, options, alone, &q_alone) == 0);
    join_parts(t, part);
    assert_all(&world, memcmp(whole, alone, (size_t)t->g.nvertices * sizeof *whole) == 0);
    assert_all(&world, no_part_is_empty(whole, t->g.nvertices, options->nparts));
    assert_all(&world, q.multicast_volume == q_alone.multicast_volume && q.pairs == q_alone.pairs);
    int rc = stc_partition_measure(&t->g, options->nparts, whole, NULL, &measured);
    if (rc == 0)
        rc = stc_partition_measure_cost(&t->g, options->nparts, whole, &options->cost, &measured);
    assert_all(&world, rc == 0);
    assert_all(&world,
               fabs(q.multicast_volume - measured.multicast_volume) <= 1e-6 * q.multicast_volume);
    assert_all(&world, fabs(q.cost - measured.cost) <= 1e-6 * q.cost);
    assert_all(&world, fabs(q.core_copies - measured.core_copies) <= 1e-6 * q.core_copies);
    assert_all(&world, fabs(q.max_send - measured.max_send) <= 1e-6 * q.max_send);
    assert_all(&world, fabs(q.max_receive - measured.max_receive) <= 1e-6 * q.max_receive);
    assert_all(&world, q.pairs == measured.pairs);
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        assert_all(&world, fabs(q.imbalance[c] - measured.imbalance[c]) < 1e-9);
}

static void shards_give_the_same_parts_on_any_number_of_ranks(void **state)
{
    (void)state;
    open_comms();
    const struct {
        int32_t n, parts;
        const char *method;
    } rows[] = {{6, 2, "auto"},
                {7, 7, "auto"},
                {300, 7, "auto"},
                {2100, 4, "metis-cut"},
                {2100, 40, "metis-cut"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_graph t = drawn_graph(rows[i].n, 5);
        const stc_partition_options options = {
            .method = rows[i].method, .nparts = rows[i].parts, .seed = 4};
        assert_same_result(&t, &options);
        graph_free(&t);
    }
    test_graph t = graph_of(3000, 0, 0);
    const stc_partition_options options = {.nparts = 6};
    assert_same_result(&t, &options);
    graph_free(&t);
}

static void shards_are_nearly_as_good_as_the_whole_graph(void **state)
{
    (void)state;
    open_comms();
    test_graph t = network(3000);
    const stc_partition_options options = {.method = "metis-cut", .nparts = 8, .imbalance = 1.05};
    stc_partition_quality q = {0}, best;
    assert_same_result(&t, &options);
    assert_all(&world, run(&world, &t, &options, part, &q) == 0);
    assert_all(&world, stc_partition(&world, &t.g, &options, alone, &best, NULL) == 0);
    assert_all(&world, q.multicast_volume <= 1.02 * best.multicast_volume);
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        assert_all(&world, q.imbalance[c] <= 1.05 + 1e-9);
    graph_free(&t);
}

static void boards_are_counted_in_shards_too(void **state)
{
    (void)state;
    open_comms();
    test_graph t = network(2500);
    const stc_partition_options options = {
        .method = "metis-cut", .nparts = 10, .cost = {.board = 4, .board_ratio = 3}};
    assert_same_result(&t, &options);
    graph_free(&t);
}

static void capacities_hold_or_are_named_in_shards(void **state)
{
    (void)state;
    open_comms();
    test_graph t = network(2000);
    stc_partition_options options = {.method = "metis-cut", .nparts = 4, .capacity = {505, 0, 0}};
    stc_partition_quality q = {0};
    assert_all(&world, run(&world, &t, &options, part, &q) == 0);
    assert_all(&world, q.feasible && q.imbalance[0] <= 1.01);
    options.capacity[0] = 450;
    assert_all(&world, run(&world, &t, &options, part, &q) == STC_ERR_FIT);
    assert_all(&world, strstr(stc_error_text(), "at least 5 parts") != NULL);
    graph_free(&t);
}

static void broken_shards_are_refused_on_all_ranks(void **state)
{
    (void)state;
    open_comms();
    test_graph t = network(3000);
    stc_partition_options options = {.nparts = 4};
    t.pin[7] = 3000;
    assert_all(&world, run(&world, &t, &options, part, NULL) == STC_ERR_INPUT);
    assert_all(&world, strstr(stc_error_text(), "expected 0..2999") != NULL);
    t.pin[7] = 3;
    options.method = "file:x";
    assert_all(&world, run(&world, &t, &options, part, NULL) == STC_ERR_USAGE);
    options = (stc_partition_options){.nparts = 3001};
    assert_all(&world, run(&world, &t, &options, part, NULL) == STC_ERR_INPUT);
    options = (stc_partition_options){.nparts = 4, .cost = {.unit = STC_COST_LINKS}};
    assert_all(&world, run(&world, &t, &options, part, NULL) == STC_ERR_INPUT);
    int64_t *first = calloc((size_t)t.g.nnets + 1, sizeof *first);
    stc_hypergraph_shard shard = shard_of(&world, &t, first);
    if (world.rank == world.size - 1) shard.n--;
    options = (stc_partition_options){.nparts = 4};
    assert_all(&world,
               stc_partition_distributed(&world, &shard, &options, part, NULL) == STC_ERR_INPUT);
    assert_all(&world, strstr(stc_error_text(), "the shard has vertices") != NULL);
    free(first);
    graph_free(&t);
}

static void shards_leave_nothing_allocated(void **state)
{
    (void)state;
    open_comms();
    test_graph t = network(3000);
    const int64_t before = stc_alloc_bytes();
    const stc_partition_options options = {.method = "contiguous", .nparts = 5};
    assert_all(&world, run(&world, &t, &options, part, NULL) == 0);
    assert_all(&world, stc_alloc_bytes() == before);
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_give_the_same_parts_on_any_number_of_ranks),
        cmocka_unit_test(shards_are_nearly_as_good_as_the_whole_graph),
        cmocka_unit_test(boards_are_counted_in_shards_too),
        cmocka_unit_test(capacities_hold_or_are_named_in_shards),
        cmocka_unit_test(broken_shards_are_refused_on_all_ranks),
        cmocka_unit_test(shards_leave_nothing_allocated),
    };
    return run_mpi_tests("partition_shards", tests, &argc, &argv);
}
