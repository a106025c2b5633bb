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

/* A chunk of synapses; the arrays belong to stc_connect. */
typedef struct {
    int64_t n;
    int32_t *source; /* [n] C-order index in the source node */
    int32_t *target; /* [n] number of the destination among those asked for */
    int32_t *delay;  /* [n] steps, >= 1 */
    double *weight;  /* [n] pA, mV or nS as the model says; unset unless asked for */
} stc_synapses;

/* Destinations first .. first+count. */
typedef struct {
    int64_t first, count;
} stc_run;

/* Takes the next synapses; negative ends the connecting. */
typedef int stc_synapse_sink(void *context, const stc_synapses *chunk);

/* All synapses onto some runs of destinations, increasing and apart, of a projection of the
 * program, a chunk at a time: nothing is kept. Their order for each destination depends on the
 * projection alone. weights: are they wanted? Delays cost less alone. seed: of the program.
 * Edges that are listed are all read, and fixed_outdegree draws the targets of all sources: one
 * call is better than many. STC_ERR_INPUT: an edge leads to a node that does not exist, a delay is
 * below one step or not a multiple of dt (to 1e-6 of a step), a weight is not finite, a draw never
 * became valid: names the edge, what was found and expected. Thread-safe where the program's
 * read_field is, which rules other than explicit do not call. */
int stc_connect(const stc_program *program, const stc_projection *projection, int64_t nruns,
                const stc_run *run, bool weights, stc_synapse_sink *sink, void *context);

/* Drawn weights are multiples of a power of two: at most 2^-13 of the smallest power of two above
 * all of them and 1/64 of their standard deviation; of lognormal ones 2^-13 of their median.
 * 0: not drawn. */
double stc_draw_unit(const stc_draw *draw);
/* Least upper bound that is known of |value|; INFINITY of listed ones. */
double stc_draw_bound(const stc_draw *draw);
/* 1 or -1 when all values are >= 0 or <= 0 (constants: > 0 or <= 0), 0 when that is not known. */
int stc_draw_sign(const stc_draw *draw);

/* Expected number of synapses of the projection. */
double stc_connect_expected(const stc_projection *projection);

#endif
