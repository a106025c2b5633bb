/* The partition does not depend on the number of ranks; failures reach all of them. */

#include "mpi/mpi_test.h"

#include "partition_graph.h"

#include "stc/error.h"

static const char *const names[] = {"auto", "multilevel", "metis-cut", "contiguous", "random"};
enum { N = 90 };

static uint64_t hash(const int32_t *part)
{
    uint64_t h = 0;
    for (int v = 0; v < N; v++)
        h = stc_mix64(h + (uint64_t)part[v] + 1);
    return h;
}

static void partition_is_the_same_on_any_number_of_ranks(void **state)
{
    (void)state;
    const stc_comm world = stc_comm_of(MPI_COMM_WORLD), self = stc_comm_of(MPI_COMM_SELF);
    test_graph t = drawn_graph(N, 12);
    const int32_t parts[] = {3, 15, N};
    static int32_t part[N], alone[N];
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 3; j++) {
            const stc_partition_options options = {
                .method = names[i], .nparts = parts[j], .seed = 5};
            stc_partition_quality q, q_alone;
            const int rc = stc_partition(&world, &t.g, &options, part, &q, NULL);
            assert_all(&world, rc == 0);
            assert_all(&world, stc_partition(&self, &t.g, &options, alone, &q_alone, NULL) == 0);
            assert_all(&world, memcmp(part, alone, sizeof part) == 0);
            assert_all(&world, q.multicast_volume == q_alone.multicast_volume);
            assert_all(&world, strcmp(q.method, q_alone.method) == 0);
            assert_same(&world, hash(part));
        }
    }
    graph_free(&t);
}

/* Boards are dealt over the ranks, or share them. */
static void boards_give_the_same_parts_on_any_number_of_ranks(void **state)
{
    (void)state;
    const stc_comm world = stc_comm_of(MPI_COMM_WORLD), self = stc_comm_of(MPI_COMM_SELF);
    test_graph t = drawn_graph(N, 15);
    static int32_t part[N], alone[N];
    for (int32_t board = 2; board <= 8; board += 3) {
        for (int i = 0; i < 3; i++) {
            const stc_partition_options options = {
                .method = names[i], .nparts = 14, .seed = 5, .cost = {.board = board}};
            stc_partition_quality q, q_alone;
            const int rc = stc_partition(&world, &t.g, &options, part, &q, NULL);
            assert_all(&world, rc == 0);
            assert_all(&world, stc_partition(&self, &t.g, &options, alone, &q_alone, NULL) == 0);
            assert_all(&world, memcmp(part, alone, sizeof part) == 0);
            assert_all(&world, q.cost == q_alone.cost);
        }
    }
    graph_free(&t);
}

static void links_give_the_same_parts_on_any_number_of_ranks(void **state)
{
    (void)state;
    const stc_comm world = stc_comm_of(MPI_COMM_WORLD), self = stc_comm_of(MPI_COMM_SELF);
    test_graph t = drawn_graph(N, 16);
    static int32_t part[N], alone[N];
    const stc_partition_options options = {.nparts = 9, .cost = {.unit = STC_COST_LINKS}};
    assert_all(&world, stc_partition(&world, &t.g, &options, part, NULL, NULL) == 0);
    assert_all(&world, stc_partition(&self, &t.g, &options, alone, NULL, NULL) == 0);
    assert_all(&world, memcmp(part, alone, sizeof part) == 0);
    graph_free(&t);
}

static void comparison_is_the_same_on_all_ranks(void **state)
{
    (void)state;
    const stc_comm world = stc_comm_of(MPI_COMM_WORLD);
    test_graph t = drawn_graph(N, 13);
    static int32_t part[N];
    const stc_partition_options options = {.nparts = 4};
    stc_partition_quality compared[3];
    assert_all(&world, stc_partition(&world, &t.g, &options, part, NULL, compared) == 0);
    for (int i = 0; i < 3; i++)
        assert_same(&world, compared[i].messages);
    graph_free(&t);
}

static void a_file_is_read_once_and_its_errors_reach_all_ranks(void **state)
{
    (void)state;
    const stc_comm world = stc_comm_of(MPI_COMM_WORLD);
    test_graph t = drawn_graph(N, 14);
    static int32_t part[N];
    if (world.rank == 0) {
        FILE *file = fopen("parts.txt", "w");
        for (int v = 0; v < N && file; v++)
            fprintf(file, "%d\n", v % 3);
        if (file) fclose(file);
    }
    stc_partition_options options = {.method = "file:parts.txt", .nparts = 3};
    assert_all(&world, stc_partition(&world, &t.g, &options, part, NULL, NULL) == 0);
    for (int v = 0; v < N; v++)
        part[v] -= v % 3;
    assert_all(&world, part[0] == 0 && part[N - 1] == 0);
    options.nparts = 2;
    assert_all(&world, stc_partition(&world, &t.g, &options, part, NULL, NULL) == STC_ERR_INPUT);
    assert_all(&world, strstr(stc_error_text(), "line 3") != NULL);
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partition_is_the_same_on_any_number_of_ranks),
        cmocka_unit_test(boards_give_the_same_parts_on_any_number_of_ranks),
        cmocka_unit_test(links_give_the_same_parts_on_any_number_of_ranks),
        cmocka_unit_test(comparison_is_the_same_on_all_ranks),
        cmocka_unit_test(a_file_is_read_once_and_its_errors_reach_all_ranks),
    };
    return run_mpi_tests("partition", tests, &argc, &argv);
}
