/* make_spikformer.c - write a Spikformer with random weights and images to run it on.
 *     make_spikformer 4-384 model.h5 images.h5 [number of images]
 * Then: stc run model.h5 --input images.h5 -o result.h5 */
#include "spikformer.h"

#include "stc/error.h"
#include "stc/io.h"

#include <stdio.h>
#include <stdlib.h>

static int write_images(const spikformer_form *form, const char *path, int64_t n)
{
    float *images = spikformer_images(form, n, 6);
    if (!images) return STC_ERR_NOMEM;
    stc_input_array array = {
        .name = "image", .shape = {3, {3, form->size, form->size}}, .scale = 1.0};
    int rc = stc_input_write(path, n, 1, &array, (const float *const[]){images}, NULL);
    stc_free(images);
    return rc;
}

static int make(const stc_comm *comm, char **argv, int64_t n)
{
    const spikformer_form *form = spikformer_find(argv[1]);
    float shifts[SPIKFORMER_MAX_LAYERS];
    stc_graph *graph;
    STC_CHECK(form, STC_ERR_USAGE, "no form %s; there are 2-256, 4-384 and 8-512", argv[1]);
    STC_TRY(spikformer_calibrate(comm, form, shifts));
    if (comm->rank != 0) return 0;
    STC_TRY(spikformer_build(form, shifts, &graph));
    stc_graph_stats stats = stc_graph_statistics(graph);
    int rc = stc_graph_write(graph, argv[2]);
    stc_graph_destroy(&graph);
    if (rc >= 0) rc = write_images(form, argv[3], n);
    if (rc >= 0) {
        printf("%s: %lld parameters, %lld neurons; %s: %lld images\n", argv[2],
               (long long)stats.weights, (long long)stats.neurons, argv[3], (long long)n);
    }
    return rc;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    stc_comm comm = stc_comm_of(MPI_COMM_WORLD);
    int rc;
    if (argc < 4) {
        rc = stc_fail(STC_ERR_USAGE, "make_spikformer 2-256|4-384|8-512 MODEL IMAGES [NUMBER]");
    } else {
        rc = make(&comm, argv, argc > 4 ? strtoll(argv[4], NULL, 10) : 64);
    }
    if (rc < 0 && comm.rank == 0) fprintf(stderr, "%s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}
