/* connect.h - the synapses of a projection, made where they live.
 *
 * Rules are expanded from counter-based random numbers (Philox4x32-10) keyed by (seed, projection,
 * destination), so that any rank makes the synapses of its own destinations, alone and always the
 * same. Rules and their parameters have the names and the meaning of PyNEST's Connect. Normal and
 * lognormal draws are made of 32 bits for delays and 52 for weights, so that they end 6.35 and 8.3
 * standard deviations from the middle. Everything is Local.
 */
#ifndef STC_CONNECT_H
#define STC_CONNECT_H

#include "stc/program.h"

/* Synapses in an order that for each destination depends on the projection alone. */
typedef struct {
    int64_t n;
    int32_t *source; /* [n] C-order index in the source node */
    int32_t *target; /* [n] index of the destination less the first one asked for */
    int32_t *delay;  /* [n] steps, >= 1 */
    double *weight;  /* [n] pA, mV or nS as the model says */
} stc_synapses;

/* All synapses onto destinations first .. first+count of a projection of the program. seed: of the
 * program. The arrays are stc_alloc'ed; stc_synapses_free. STC_ERR_INPUT: an edge leads to a node
 * that does not exist, a delay is below one step or not a multiple of dt (to 1e-6 of a step), a
 * weight is not finite, a draw never became valid: names the edge, what was found and expected.
 * Thread-safe where the program's read_field is. */
int stc_connect(const stc_program *program, const stc_projection *projection, int64_t first,
                int64_t count, stc_synapses *out);

/* The same for several runs of destinations, increasing and apart; out->target counts through them
 * all. Edges that are listed are read once for all runs, and fixed_outdegree draws the targets of
 * all sources once, so that one call is better than many. */
typedef struct {
    int64_t first, count;
} stc_run;
int stc_connect_runs(const stc_program *program, const stc_projection *projection, int64_t nruns,
                     const stc_run *run, stc_synapses *out);
void stc_synapses_free(stc_synapses *synapses);

/* Expected number of synapses of the projection. */
double stc_connect_expected(const stc_projection *projection);

#endif
