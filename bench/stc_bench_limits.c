/* stc_bench_limits.c - what this machine can do at best, measured where the network ran: every unit
 * of work of a simulation reduced to what cannot be left out. All ranks and threads work at the
 * same time, each on its share, with the instructions that the run used.
 *
 * update: state and input of a neuron are read and written once. deliver: a 4-byte synapse is read
 * from a long list and added to one accumulator of the thread. poisson: one block of Philox4x32-10
 * for eight draws. exchange: two ranks swap a message of the run's mean size through shared memory.
 * record: 8 bytes are written. */
#include "exchange_pair.h"
#include "stc_bench.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum {
    ROUNDS = 50,
    UNITS = 1 << 19,
    SWAPS = 500,
    LANES = 1024,
    LIST_WORDS = 1 << 24,
    MOST_BYTES = 1 << 16
};

/* ---- loops, for each set of instructions ---- */

static inline __attribute__((always_inline)) void touch(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] += 1.0f;
}

static inline __attribute__((always_inline)) void draw(uint32_t *restrict a, uint32_t *restrict b,
                                                       uint32_t *restrict c, uint32_t *restrict d)
{
    for (int i = 0; i < LANES; i++) {
        uint32_t x = a[i], y = b[i], z = c[i], w = d[i], k = 1, l = 2;
        for (int round = 0; round < 10; round++) {
            uint64_t p = (uint64_t)0xD2511F53 * x, q = (uint64_t)0xCD9E8D57 * z;
            x = (uint32_t)(q >> 32) ^ y ^ k;
            y = (uint32_t)q;
            z = (uint32_t)(p >> 32) ^ w ^ l;
            w = (uint32_t)p;
            k += 0x9E3779B9;
            l += 0xBB67AE85;
        }
        a[i] = x, b[i] = y, c[i] = z, d[i] = w;
    }
}

static inline __attribute__((always_inline)) void write_out(uint64_t *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (uint64_t)i;
}

typedef struct {
    const char *name;
    void (*touch)(float *x, int64_t n);
    void (*draw)(uint32_t *restrict a, uint32_t *restrict b, uint32_t *restrict c,
                 uint32_t *restrict d);
    void (*write_out)(uint64_t *x, int64_t n);
} loops;

#define LOOPS(set, instructions)                                                                   \
    instructions static void touch_##set(float *x, int64_t n)                                      \
    {                                                                                              \
        touch(x, n);                                                                               \
    }                                                                                              \
    instructions static void draw_##set(uint32_t *restrict a, uint32_t *restrict b,                \
                                        uint32_t *restrict c, uint32_t *restrict d)                \
    {                                                                                              \
        draw(a, b, c, d);                                                                          \
    }                                                                                              \
    instructions static void write_out_##set(uint64_t *x, int64_t n)                               \
    {                                                                                              \
        write_out(x, n);                                                                           \
    }
LOOPS(scalar, )
LOOPS(avx2, __attribute__((target("avx2"))))
LOOPS(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))
#undef LOOPS

static const loops *find_loops(const char *kernel)
{
    static const loops sets[] = {{"scalar", touch_scalar, draw_scalar, write_out_scalar},
                                 {"avx2", touch_avx2, draw_avx2, write_out_avx2},
                                 {"avx512", touch_avx512, draw_avx512, write_out_avx512}};
    for (int i = 0; i < 3; i++)
        if (strcmp(sets[i].name, kernel) == 0) return &sets[i];
    return &sets[strcmp(kernel, "amx") == 0 ? 2 : 0];
}

/* ---- one thread's share of each kind of work; each returns how many units it did ---- */

typedef struct {
    const loops *loops;
    int64_t neurons, words; /* of state and input, 4 bytes each */
    float *state;           /* [neurons * words] */
    uint32_t *list;         /* [LIST_WORDS] target and weight, 16 bits each */
    int32_t *sums;          /* [65536] */
    int64_t at;             /* place in the list */
    uint32_t lane[4][LANES];
} share;

static double update(share *s)
{
    s->loops->touch(s->state, s->neurons * s->words);
    return (double)s->neurons;
}

static double deliver(share *s)
{
    int64_t first = s->at, n = UNITS;
    for (int64_t i = first; i < first + n; i++)
        s->sums[s->list[i] & 0xffff] += (int32_t)s->list[i] >> 16;
    s->at = (first + n) % LIST_WORDS;
    return UNITS;
}

static double poisson(share *s)
{
    s->loops->draw(s->lane[0], s->lane[1], s->lane[2], s->lane[3]);
    return 8.0 * LANES;
}

static double record(share *s)
{
    s->loops->write_out((uint64_t *)(void *)(s->list + s->at), UNITS);
    s->at = (s->at + 2 * UNITS) % LIST_WORDS;
    return UNITS;
}

static bool begin_share(share *s, const bench_outcome *o)
{
    double workers = (double)o->result->ranks * (double)o->result->threads;
    s->loops = find_loops(o->result->kernel);
    s->words = o->settings->single ? 4 : 8;
    s->neurons = (int64_t)ceil((double)o->neurons / workers);
    s->state = stc_alloc(s->neurons * s->words, sizeof *s->state);
    s->list = stc_alloc(LIST_WORDS, sizeof *s->list);
    s->sums = stc_alloc(65536, sizeof *s->sums);
    if (!s->state || !s->list || !s->sums) return false;
    uint64_t targets = s->neurons < 65536 ? (uint64_t)s->neurons : 65536;
    for (uint64_t i = 0; i < LIST_WORDS; i++) {
        uint64_t random = stc_mix64(i);
        s->list[i] = (uint32_t)((random >> 16) % targets) | (uint32_t)(random & 0xffff) << 16;
    }
    return true;
}

static void end_share(share *s)
{
    stc_free(s->state);
    stc_free(s->list);
    stc_free(s->sums);
}

/* ---- measure ---- */

/* The least of the rounds: nanoseconds of a thread per unit. Rounds are about a millisecond short,
 * so that some of them are not disturbed. */
static double measure_work(double (*work)(share *), share *s)
{
    double least = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double units = 0.0, start = stc_seconds();
        while (units < UNITS)
            units += work(s);
        least = fmin(least, 1e9 * (stc_seconds() - start) / units);
    }
    return least;
}

/* Ranks 2 k and 2 k + 1 of one node swap messages; NAN where there is no such pair. */
static double measure_exchange(const stc_comm *comm, const bench_outcome *o)
{
    static char send[MOST_BYTES], receive[MOST_BYTES];
    const exchange_way *way = &exchange_ways[EXCHANGE_WAYS - 1];
    double least = NAN, messages = (double)o->result->exchange.messages;
    double mean = messages > 0.0 ? (double)o->result->exchange.bytes / messages : 8.0;
    MPI_Comm node, two;
    exchange_pair pair = {.send = send, .receive = receive};
    int rank, size;
    pair.bytes = mean < MOST_BYTES ? (int)ceil(mean / 8.0) * 8 : MOST_BYTES;
    MPI_Comm_split_type(comm->mpi, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &rank);
    MPI_Comm_split(node, rank / 2, rank, &two);
    MPI_Comm_size(two, &size);
    if (size == 2) {
        least = INFINITY;
        pair.comm = two;
        pair.rank = rank % 2;
        way->begin(&pair);
        for (int round = 0; round < ROUNDS; round++) {
            double start = stc_seconds();
            for (int i = 0; i < SWAPS; i++)
                way->swap(&pair);
            least = fmin(least, 1e9 * (stc_seconds() - start) / SWAPS);
        }
        way->end(&pair);
    }
    MPI_Comm_free(&two);
    MPI_Comm_free(&node);
    return least;
}

int bench_measure_limits(const stc_comm *comm, const bench_outcome *outcome, bench_limits *out)
{
    bool complete = true;
    double most[4] = {0};
    int threads = outcome->result->threads;
#pragma omp parallel num_threads(threads) reduction(max : most[:4]) reduction(&& : complete)
    {
        share s = {0};
        complete = begin_share(&s, outcome);
        double (*const works[4])(share *) = {update, deliver, poisson, record};
        for (int i = 0; i < 4; i++) {
#pragma omp barrier
            if (complete) most[i] = measure_work(works[i], &s);
        }
        end_share(&s);
    }
    STC_TRY(stc_agree(comm, complete ? 0 : STC_ERR_NOMEM));
    *out = (bench_limits){.update = stc_comm_max(comm, most[0]),
                          .deliver = stc_comm_max(comm, most[1]),
                          .poisson = stc_comm_max(comm, most[2]),
                          .record = stc_comm_max(comm, most[3]),
                          .exchange = measure_exchange(comm, outcome)};
    return 0;
}
