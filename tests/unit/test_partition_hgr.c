/* Hypergraph files: what is read, what is refused and how; part vectors as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "partition_graph.h"

#include "stc/error.h"

#include <unistd.h>

static const char *const path = "graph.hgr";

static int read_text(const char *text, stc_hgr *hgr)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    return stc_hgr_read(path, hgr);
}

static void a_graph_with_all_weights_is_read(void **state)
{
    (void)state;
    stc_hgr h;
    assert_int_equal(
        read_text("% comment\n2 3 11 3\n5 1 2 3\n 0.5\t3 1\r\n1 2 3\n4 5 6\n7 8 9\n\n", &h), 0);
    assert_int_equal(h.graph.nvertices, 3);
    assert_int_equal(h.graph.nnets, 2);
    assert_int_equal(h.weights, 3);
    const int32_t pins[] = {1, 2, 0}, sources[] = {0, 2};
    const int64_t first[] = {0, 2, 3};
    assert_memory_equal(h.graph.pin, pins, sizeof pins);
    assert_memory_equal(h.graph.source, sources, sizeof sources);
    assert_memory_equal(h.graph.first, first, sizeof first);
    assert_true(h.graph.spikes[0] == 5 && h.graph.spikes[1] == 0.5F);
    for (int i = 0; i < 9; i++)
        assert_true(h.graph.weight[i] == i + 1);
    stc_hgr_release(&h);
}

static void fewer_weights_are_work_then_neurons(void **state)
{
    (void)state;
    const struct {
        const char *text;
        double first[3];
    } rows[] = {
        {"1 2\n1 2\n", {0, 0, 1}},
        {"1 2 0\n1 2\n", {0, 0, 1}},
        {"1 2 1\n3 1 2\n", {0, 0, 1}},
        {"1 2 10\n1 2\n7\n8\n", {0, 0, 7}},
        {"1 2 10 2\n1 2\n7 9\n8 8\n", {7, 0, 9}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stc_hgr h;
        assert_int_equal(read_text(rows[i].text, &h), 0);
        assert_memory_equal(h.graph.weight, rows[i].first, sizeof rows[i].first);
        stc_hgr_release(&h);
    }
}

static void a_comment_says_what_a_net_weight_is(void **state)
{
    (void)state;
    stc_hgr h;
    assert_int_equal(read_text("% net weight = spikes per step x 1000; more\n1 2 1\n250 1 2\n", &h),
                     0);
    assert_true(h.graph.spikes[0] == 0.25F);
    stc_hgr_release(&h);
}

static void a_wrong_file_names_the_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
    } rows[] = {
        {"", "no header"},
        {"% only\n", "no header"},
        {"x 2\n", "line 1: found 'x'"},
        {"1\n", "number of vertices"},
        {"1 0\n1\n", "number of vertices"},
        {"1 2 5\n1 2\n", "format"},
        {"1 2 11 4\n1 1 2\n", "1 to 3"},
        {"1 2 1 2\n1 1 2\n", "number of weights"},
        {"1 2 11 1 9\n1 1 2\n", "end of the header"},
        {"1 2\n1 3\n", "line 2: found '3', expected a vertex 1..2"},
        {"1 2\n0 1\n", "line 2: found '0'"},
        {"1 2\n1 -2\n", "line 2: found '-2'"},
        {"1 2\n1 2x\n", "line 2: found '2x'"},
        {"1 2\n1 1.5\n", "found '1.5'"},
        {"1 2\n1 99999999999999999999\n", "line 2"},
        {"1 2\n\n", "line 2"},
        {"1 2 1\n-1 1 2\n", "weight of a net"},
        {"1 2 1\nnan 1 2\n", "weight of a net"},
        {"1 2 1\n1e999 1 2\n", "weight of a net"},
        {"1 2 1\n1e300 1 2\n", "smaller weight"},
        {"2 2\n1 2\n", "ends after 1 nets, expected 2"},
        {"1 2 10\n1 2\n5\n", "ends after the weights of 1 vertices, expected 2"},
        {"1 2 10\n1 2\n5\n6 7\n", "line 4: found '7', expected the end of the line"},
        {"1 2 10\n1 2\n5\ninf\n", "weight of a vertex"},
        {"1 2\n1 2\n1 2\n", "end of the file"},
        {"2000000000 2\n1 2\n", "announced"},
        {"1 2000000000\n1 2\n", "announced"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stc_hgr h;
        const int64_t before = stc_alloc_bytes();
        assert_int_equal(read_text(rows[i].text, &h), STC_ERR_INPUT);
        if (!strstr(stc_error_text(), rows[i].message))
            fail_msg("'%s' lacks '%s'", stc_error_text(), rows[i].message);
        stc_hgr_release(&h);
        assert_int_equal(stc_alloc_bytes(), before);
    }
    stc_hgr h;
    assert_int_equal(stc_hgr_read("no-such-file.hgr", &h), STC_ERR_INPUT);
    stc_hgr_release(&h);
    assert_int_equal(stc_hgr_read(".", &h), STC_ERR_INPUT);
    stc_hgr_release(&h);
}

/* Whatever a byte is changed to, there is a graph or a message. */
static void changed_bytes_never_crash(void **state)
{
    (void)state;
    const char good[] = "2 3 11 3\n5 1 2 3\n4 3 1\n1 2 3\n4 5 6\n7 8 9\n";
    const char changes[] = {0, '\n', '-', '9', '%', ' ', 'e', '.', (char)0xff};
    for (size_t at = 0; at < sizeof good - 1; at++) {
        for (size_t i = 0; i < sizeof changes; i++) {
            char text[sizeof good];
            stc_hgr h;
            memcpy(text, good, sizeof good);
            text[at] = changes[i];
            FILE *file = fopen(path, "w");
            fwrite(text, 1, sizeof good - 1, file);
            fclose(file);
            const int rc = stc_hgr_read(path, &h);
            assert_true(rc == 0 || rc == STC_ERR_INPUT);
            for (int64_t p = 0; rc == 0 && p < h.graph.first[h.graph.nnets]; p++)
                assert_in_range(h.graph.pin[p], 0, h.graph.nvertices - 1);
            stc_hgr_release(&h);
        }
    }
}

static void parts_are_written_and_read_back(void **state)
{
    (void)state;
    const stc_comm self = stc_comm_of(MPI_COMM_SELF);
    test_graph t = ring_graph(5);
    const int32_t written[] = {2, 0, 1, 1, 0};
    int32_t part[5];
    assert_int_equal(stc_partition_write_text("written.txt", 5, written), 0);
    assert_int_not_equal(access("written.txt.tmp", F_OK), 0);
    const stc_partition_options options = {.method = "file:written.txt", .nparts = 3};
    assert_int_equal(stc_partition(&self, &t.g, &options, part, NULL, NULL), 0);
    assert_memory_equal(part, written, sizeof written);
    assert_int_equal(stc_partition_write_text("no-folder/written.txt", 5, written), STC_ERR_IO);
    assert_non_null(strstr(stc_error_text(), "no-folder"));
    graph_free(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_with_all_weights_is_read),
        cmocka_unit_test(fewer_weights_are_work_then_neurons),
        cmocka_unit_test(a_comment_says_what_a_net_weight_is),
        cmocka_unit_test(a_wrong_file_names_the_line),
        cmocka_unit_test(changed_bytes_never_crash),
        cmocka_unit_test(parts_are_written_and_read_back),
    };
    MPI_Init(&argc, &argv);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed != 0;
}
