/* test_vectors.h - what a model should give: spikes of every neuron node and outputs for some
 * samples, which travel in the group /test of its file (docs/formats.md, Test vectors).
 *
 * Opening checks names, shapes, sizes and the places near the threshold; spikes and outputs stay in
 * the file until they are asked for. Everything here is Local.
 */
#ifndef STC_TEST_VECTORS_H
#define STC_TEST_VECTORS_H

#include "stc/graph.h"

/* Spikes of one neuron node. A place is a neuron at a step of a row: the number
 * (step * rows + row) * size + C-order index of the neuron. */
typedef struct {
    const char *name;
    int32_t node;  /* of the graph */
    int64_t size;  /* neurons */
    int64_t max;   /* most spikes of a neuron in a step; 1: the file holds bits */
    int64_t nnear; /* places listed as near the threshold */
    int64_t *near; /* [nnear], increasing */
} stc_test_layer;

/* Values of one output node. */
typedef struct {
    const char *name;
    int64_t size;          /* elements */
    int64_t steps;         /* 0: one value per sample */
    int64_t rows;          /* samples that there are values of */
    const int64_t *sample; /* [rows], their numbers in the input */
} stc_test_output;

typedef struct stc_test_vectors stc_test_vectors;
struct stc_test_vectors {
    int64_t steps;         /* of a sample */
    int64_t rows;          /* samples that there are spikes of */
    const int64_t *sample; /* [rows], their numbers in the input, all >= 0 */
    bool has_input;        /* /test holds what was presented */
    double band;           /* how near the listed places are to the threshold; 0: not said */
    int nlayers, noutputs;
    stc_test_layer *layers;   /* every neuron node, in the order of the graph */
    stc_test_output *outputs; /* every output node, or none */
    void *source;
};

/* Open the vectors of a verified and numbered graph, before any pass; names are borrowed from it.
 * STC_ERR_INPUT naming file and object: there are none, a neuron node has none, they belong to no
 * node, shapes or sizes do not fit, places out of range. */
int stc_test_vectors_open(const char *path, const stc_graph *graph, stc_test_vectors **out);
/* Spike counts of the places first .. first+count of a layer; fast where calls go forward. */
int stc_test_vectors_spikes(stc_test_vectors *vectors, int layer, int64_t first, int64_t count,
                            uint8_t *out);
/* Values of one row of an output: [steps or 1][size]. */
int stc_test_vectors_output(stc_test_vectors *vectors, int output, int64_t row, float *out);
void stc_test_vectors_close(stc_test_vectors **vectors);

#endif
