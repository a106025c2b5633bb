/* stc_bench.h - what the files of stc-bench share. Reading order: stc_bench.c (words),
 * stc_bench_run.c (build, run, count), stc_bench_share.c (random networks, and one rank of many),
 * stc_bench_print.c (what is said). */
#ifndef STC_BENCH_NETWORKS_H
#define STC_BENCH_NETWORKS_H

#include "stc/graph.h"
#include "stc/simulate.h"

typedef struct {
    const char *network;
    double scale, ms, transient; /* ms: biological time after the transient */
    int threads;
    bool single, record;
    const char *kernel; /* NULL: auto */
    uint64_t seed;      /* of potentials, synapses and Poisson input */
    const char *output; /* of the result, or NULL */
    /* random: neurons of a rank, synapses of a neuron; rank `share.rank` of `share.of`, or all */
    int64_t neurons, indegree;
    bool constant;
    stc_share share;
} bench_settings;

/* Of all ranks. Counts are those of the measured part. */
typedef struct {
    const bench_settings *settings;
    stc_program *program; /* the network as it was compiled */
    stc_graph *graph;
    stc_result *result;
    stc_sim *sim;
    int64_t neurons;
    double synapses, biological_s; /* those of generators are not counted as synapses */
    double build_s, collect_s;     /* collect: gather and sort what was recorded */
    int64_t peak_bytes, empty_bytes;
    int64_t built_bytes;   /* peak before the first step */
    stc_sim_stored stored; /* of random networks */
    double synaptic_events, external_events, neuron_steps, draws, spikes;
} bench_outcome;

/* Build, compile and run a network, and count. Collective; release by bench_release in any case. */
int bench_run(const stc_comm *comm, const bench_settings *settings, bench_outcome *out);
void bench_release(bench_outcome *outcome);

/* stc_bench_share.c: the graph of a random network. Local. */
int bench_build_random(const stc_comm *comm, const bench_settings *settings, stc_graph **out);
/* Leave three tiles of every stage, what ranks before a share hold, what it holds, what those
 * after it do, each on a chip of its own; out: which of how many of these the share is. Local. */
int bench_cut(stc_program *program, const stc_share *share, stc_share *out);
/* The part of the network that is there: all of it, or a share. */
static inline double bench_part(const bench_settings *s)
{
    return s->share.of > 0 ? 1.0 / s->share.of : 1.0;
}

/* Nanoseconds of one core per unit of work, at best (stc_bench_limits.c): neuron-step, synaptic
 * event, draw of a Poisson count, exchange with another rank (NAN: there is none), spike. */
typedef struct {
    double update, deliver, poisson, exchange, record;
} bench_limits;
/* Collective. STC_ERR_NOMEM. */
int bench_measure_limits(const stc_comm *comm, const bench_outcome *outcome, bench_limits *out);

/* Rank 0 speaks. Collective. */
void bench_print_text(const stc_comm *comm, const bench_outcome *outcome,
                      const bench_limits *limits);
void bench_print_json(const stc_comm *comm, const bench_outcome *outcome,
                      const bench_limits *limits);

#endif
