/* self_check.h - `stc verify --self-check`: runs the test vectors that a model brings and compares
 * spikes and outputs (docs/formats.md, Test vectors).
 *
 * Every neuron-step that differs needs an explanation: it is listed as near its threshold, so that
 * another order of summation may flip it, or it lies downstream of a listed one that differs: in
 * the same sample, later in the same layer, or at the same or a later step in a layer that is
 * reached from there (delays on the way included).
 */
#ifndef STC_CLI_SELF_CHECK_H
#define STC_CLI_SELF_CHECK_H

#include "commands.h"

#include "stc/test_vectors.h"

/* What differs in one layer at one step of one row of the samples. */
typedef struct {
    int64_t differ, near; /* near: those of them that are listed */
    int64_t first;        /* C-order index of the first that is not listed */
} stc_check_cell;

typedef struct {
    const char *name;
    stc_shape shape;
    int64_t compared, differ, near, downstream, unexplained;
    int64_t row, step, index; /* of the first that is not explained: by sample, step, index */
    stc_check_cell *cells;    /* [rows][steps] */
} stc_check_layer;

/* Samples of one sort: how many, and the largest absolute difference of an element. */
typedef struct {
    int64_t samples, worst; /* worst: number of the sample of that difference, -1: all are equal */
    double difference;
} stc_check_samples;

typedef struct {
    const char *name;
    double largest, tolerance;                /* largest: absolute value in the vectors */
    double *difference;                       /* [rows of the output] */
    stc_check_samples same, flipped, unknown; /* unknown: there are no spikes of them to compare */
} stc_check_output;

typedef struct {
    const char *model, *input;
    int64_t steps, rows;   /* of the vectors */
    const int64_t *sample; /* [rows], their numbers in the input */
    double band;
    int nlayers, noutputs;
    stc_check_layer *layers; /* in the order of the graph */
    stc_check_output *outputs;
    int64_t compared, differ, near, downstream, unexplained;
    int outputs_off; /* outputs beyond their tolerance in samples without flips */
} stc_check;

/* Check a model; input: file to present, NULL: the one that the vectors bring. Prints the report on
 * rank 0. STC_ERR_INPUT also when something differs without an explanation. Collective. */
int stc_self_check(const stc_cli *cli, const char *input);

/* ---- self_check_explain.c: Local ---- */

/* Along which ways differences travel, kept from before the passes change the graph. */
typedef struct stc_check_flow stc_check_flow;
int stc_check_flow_create(const stc_graph *graph, stc_arena *arena, stc_check_flow **out);
/* Fill the sums of layers and outputs from their cells and differences. */
int stc_check_explain(stc_check *check, const stc_check_flow *flow,
                      const stc_test_vectors *vectors);

/* ---- self_check_print.c: Local ---- */

void stc_check_print(const stc_check *check, bool json);
/* 0, or STC_ERR_INPUT naming layer or output and place. */
int stc_check_verdict(const stc_check *check);

#endif
