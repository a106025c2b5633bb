/* result.h - what a run leaves: spikes, outputs, metrics, provenance; in memory and as a file. */
#ifndef STC_RESULT_H
#define STC_RESULT_H

#include "stc/comm.h"
#include "stc/shape.h"

#include <stdio.h>

/* One state variable of chosen neurons of a node, at the last step of every interval. */
typedef struct {
    const char *name;     /* of the node */
    const char *variable; /* "v" */
    const char *units;    /* "mV" or "" */
    stc_shape shape;      /* of the node; ids are its C-order indices */
    int64_t nids;
    int64_t *ids;   /* [nids], increasing; on every rank */
    bool single;    /* values are those of float32 state */
    int64_t every;  /* steps of an interval, >= 1 */
    int64_t rows;   /* intervals of a sample */
    double *values; /* rank 0: [samples][rows][nids]; NULL elsewhere */
} stc_trace;

/* Spikes of one neuron node. The records of all ranks, concatenated in rank order, are sorted by
 * (sample, step, id). */
typedef struct {
    const char *name;
    stc_shape shape;  /* source shape; id is its C-order index */
    int64_t first_id; /* added to id in the checksum */
    double unit;
    int64_t max; /* 1: spikes are bits and value is not stored */
    bool counted;
    int64_t total;               /* spike count (sum of values > 0, not weighted) over all ranks */
    int64_t measured;            /* those of the measured part */
    int64_t n;                   /* records on this rank */
    int64_t *sample, *step, *id; /* [n] */
    uint8_t *value;              /* [n] */
} stc_population;

typedef struct {
    const char *name;
    stc_shape shape;
    int64_t first_id; /* of element 0 in the checksum: outputs sorted by name, each its size */
    int64_t steps;    /* 0: one value per sample */
    bool spiking;
    float *values; /* rank 0: [samples][steps or 1][shape]; NULL elsewhere */
} stc_output;

typedef struct {
    int64_t first_sample, samples, steps;
    int64_t measured_from; /* first step of the measured part: the begin of a block */
    double dt_ms;          /* duration of a step for SONATA time stamps; 1 for models without dt */
    bool stamps_end;       /* step t is stamped (t + 1) dt_ms, not t dt_ms */
    const char *rules;     /* how the model's open points were read, "" when there are none */
    bool recorded;         /* populations hold records */
    int npopulations, noutputs, ntraces;
    stc_population *populations;
    stc_output *outputs;
    stc_trace *traces;
    uint64_t spike_checksum, output_checksum;
    int64_t spikes;
    int64_t labelled, correct; /* labelled 0: no labels */
    struct {
        double load, simulate, write, measured /* of simulate, the measured part */;
    } seconds;
    double samples_per_second, latency_p50, latency_p99; /* seconds */
    struct {
        int64_t messages, bytes;
        int64_t spike_copies; /* outputs other than zero x other ranks that hold a destination */
        int64_t node_messages, node_bytes; /* between nodes; the others are between ranks */
    } exchange;
    int64_t peak_rss_bytes; /* sum over ranks */
    int ranks, threads;
    const char *kernel;
    /* provenance, borrowed */
    const char *program_name, *command, *model_sha256, *input_path, *input_sha256;
    uint64_t seed;
    int32_t chips;
    void *memory; /* private: what destroy frees */
} stc_result;

void stc_result_destroy(stc_result **result);

/* Write result.h5 (docs/formats.md): to path.tmp by independent transfers, checked on all ranks,
 * synced, renamed. Collective. STC_ERR_IO naming the file and the reason; path is then untouched.
 */
int stc_result_write(const stc_comm *comm, const stc_result *result, const char *path);

/* Write spikes and traces as NIRData (docs/formats.md), which nir.read_data loads: one node per
 * population, spikes as EventData, traces as TimeGriddedData. Collective, as stc_result_write. */
int stc_result_write_nirdata(const stc_comm *comm, const stc_result *result, const char *path);

/* Compare two result files: spikes as sets, outputs to bits. Local. Prints to file what differs
 * (first difference by sample, step, node, id) and sets *same. */
int stc_result_diff(const char *a, const char *b, FILE *file, bool *same);

#endif
