/* simulate.h - run a program: deliver, compute, fire, exchange, record.
 *
 * Blocks of steps stream through the stages: in beat b a stage of level l computes block b - l, so
 * that a cut between ranks costs beats of latency, never steps of delay. Levels follow from which
 * tiles lie on which ranks; results do not depend on them.
 */
#ifndef STC_SIMULATE_H
#define STC_SIMULATE_H

#include "stc/comm.h"
#include "stc/input.h"
#include "stc/profile.h"
#include "stc/program.h"
#include "stc/result.h"

/* Record a state variable of some neurons. */
typedef struct {
    const char *variable; /* "v" */
    const char *node;     /* NULL: all neuron nodes that have the variable */
    int64_t first, count; /* C-order indices; count 0: all */
    int64_t every;        /* steps: the last one of each interval is recorded; 0 or 1: all */
} stc_record;

/* One rank of many, without the others. */
typedef struct {
    int rank, of; /* of 0: no such thing */
    double hz;    /* at which the neurons of the other ranks fire, each by chance */
} stc_share;

/* All zero: the defaults. */
typedef struct {
    int64_t time_steps; /* 0: the input's step axis, else the model's; neither: STC_ERR_USAGE */
    int64_t first_sample, nsamples; /* nsamples 0: all from first_sample on */
    int64_t block_steps;            /* 0: all steps of a sample in one block */
    int64_t measure_from;           /* step of the first sample at which the measured part begins */
    const char *kernel;             /* NULL: auto; scalar, avx2, avx512, amx */
    int threads;                    /* 0: OpenMP's default, within the cores this rank may use */
    uint64_t seed;                  /* of Poisson generators and encoders */
    bool single;                    /* populations keep float32 state instead of float64 */
    bool phases;                    /* measure what parts of a step take (stc_sim_phases) */
    bool record_spikes;
    int nrecords;
    const stc_record *records; /* borrowed; names that fit nothing: STC_ERR_USAGE naming those that
                                  there are */
    int replicas;    /* 0 or 1: none; N groups of ranks share the samples, N divides the ranks */
    int node_ranks;  /* so many ranks in a row count as a node, if they share memory; 0: all that
                        share it; 1: nothing but messages. Results do not depend on it */
    stc_share alone; /* hold and run what that rank would, for measurements; comm has one rank */
} stc_run_options;

typedef struct stc_sim stc_sim;

/* Prepare a run: decide what this rank holds, load its weights, allocate everything. Collective.
 * program and input are borrowed and outlive the sim.
 *   STC_ERR_INPUT  input does not fit the program: names shapes
 *   STC_ERR_FIT    more memory than there is */
int stc_sim_create(const stc_comm *comm, const stc_program *program, const stc_input *input,
                   const stc_run_options *options, stc_sim **out);
/* Make the run count how often outputs that others read are other than zero; call it before
 * stc_sim_run. out is filled and its counts grow as the run goes; it lies in the arena, which
 * outlives the run, and borrows names of program and input. Collective.
 *   STC_ERR_USAGE  there are replicas
 *   STC_ERR_FIT    2^32 steps and more in all */
int stc_sim_count(stc_sim *sim, stc_arena *arena, stc_profile *out);
/* Run all samples. Collective. */
int stc_sim_run(stc_sim *sim);
/* Collect records, outputs and metrics. Collective; destroy by stc_result_destroy. Its names are
 * borrowed from the program, which outlives it (and so does the graph of a program in memory). */
int stc_sim_result(stc_sim *sim, stc_result **out);
void stc_sim_destroy(stc_sim **sim);

/* What a run of populations spent, when it was asked to measure: seconds of all threads of all
 * ranks and how often each was done. Collective. */
typedef struct {
    double deliver, update;
    double poisson;                      /* with all one-to-one input */
    double record;                       /* spikes and outputs, by one thread of each rank */
    double exchange;                     /* with waiting */
    double simulate;                     /* ranks x threads x time */
    int64_t events, draws, neuron_steps; /* synapses that spikes arrived at; one-to-one counts */
    int64_t exchanges;                   /* beats of all ranks */
    int64_t synapses, synapse_bytes;     /* stored ones, with the heads of their rows */
} stc_sim_cost;
void stc_sim_phases(const stc_sim *sim, stc_sim_cost *out);

/* The synapses of populations that are stored, with a sum modulo 2^64 over source, destination,
 * delay and weight of each: the same for any ranks and threads. users: tables of
 * a patch and a kind of weights that a source has synapses in, of all sources and ranks.
 * Collective. STC_ERR_NOMEM. */
typedef struct {
    int64_t synapses, users;
    uint64_t checksum;
} stc_sim_stored;
int stc_sim_synapses(const stc_sim *sim, stc_sim_stored *out);

/* Seconds by stage kind and per stage of this rank, for `--profile` and bench: prints a table to
 * file on rank 0. Collective. */
void stc_sim_print_profile(const stc_sim *sim, FILE *file);

#endif
