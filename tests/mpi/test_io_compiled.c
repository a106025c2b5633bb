/* The program of every op's example, compiled for several chips, survives its file: structure and
 * folded weights, whoever writes them. */
#include "io_example.h"
#include "io_same.h"
#include "mpi/mpi_test.h"

#include "stc/builder.h"
#include "stc/compile.h"
#include "stc/op.h"

static stc_comm world(void)
{
    return stc_comm_of(MPI_COMM_WORLD);
}

static stc_graph *example_graph(const stc_op *op, uint64_t seed)
{
    stc_builder *builder;
    stc_graph *graph = NULL;
    if (stc_builder_create(op->name, &builder) < 0) return NULL;
    op->example(builder, seed);
    return stc_builder_finish(&builder, &graph) < 0 ? NULL : graph;
}

static bool same_blob(const stc_program *a, const stc_program *b, int32_t blob)
{
    int64_t rows = a->blobs[blob].rows, columns = a->blobs[blob].columns,
            npad = a->blobs[blob].npad;
    if (b->blobs[blob].rows != rows || b->blobs[blob].columns != columns ||
        b->blobs[blob].npad != npad) {
        return false;
    }
    size_t values = (size_t)(rows * columns) * sizeof(float), biases = (size_t)rows * sizeof(float);
    float *w[2] = {malloc(values), malloc(values)}, *bias[2] = {malloc(biases), malloc(biases)};
    int8_t *e[2] = {malloc((size_t)rows), malloc((size_t)rows)};
    bool same = a->read_rows(a, blob, 0, rows, w[0], e[0], bias[0]) == 0 &&
                b->read_rows(b, blob, 0, rows, w[1], e[1], bias[1]) == 0 &&
                memcmp(w[0], w[1], values) == 0 && memcmp(e[0], e[1], (size_t)rows) == 0 &&
                memcmp(bias[0], bias[1], biases) == 0;
    if (npad > 0) {
        same = same && memcmp(a->blobs[blob].pad_values, b->blobs[blob].pad_values,
                              (size_t)npad * sizeof(float)) == 0;
    }
    for (int k = 0; k < 2; k++) {
        free(w[k]);
        free(bias[k]);
        free(e[k]);
    }
    return same;
}

static void the_program_of_every_op_survives_its_file(void **state)
{
    (void)state;
    stc_comm comm = world();
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    char path[64];
    snprintf(path, sizeof(path), "op-%d.h5", comm.size);
    for (int i = 0; i < n; i++) {
        if (!ops[i]->example) continue;
        stc_graph *graph = example_graph(ops[i], 5);
        stc_program *program = NULL, *copy = NULL;
        stc_compile_options options = {.chips = 3, .clamp_chips = true};
        stc_compile_report report;
        assert_all(&comm, graph != NULL);
        int rc = stc_compile(&comm, graph, "model.h5", &options, &program, &report);
        if (rc == 0) rc = stc_program_write(&comm, program, path);
        if (rc == 0) rc = stc_program_read(path, &copy);
        if (rc < 0) fprintf(stderr, "%s: %s\n", ops[i]->name, stc_error_text());
        assert_all(&comm, rc == 0);
        bool same = same_program(program, copy);
        for (int32_t b = 0; same && b < program->nblobs; b++)
            same = same_blob(program, copy, b);
        if (!same) fprintf(stderr, "%s: the program differs\n", ops[i]->name);
        assert_all(&comm, same);
        MPI_Barrier(comm.mpi);
        stc_program_destroy(&copy);
        stc_program_destroy(&program);
        stc_graph_destroy(&graph);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_of_every_op_survives_its_file),
    };
    return run_mpi_tests("io_compiled", tests, &argc, &argv);
}
