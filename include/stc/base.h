/* base.h - what every folder may use: memory, log, time, hashing, text and JSON output.
 *
 * Everything here is Local. Implementations: src/base/.
 */
#ifndef STC_BASE_H
#define STC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- memory (alloc.c) ---- */

/* count * size zeroed bytes, 64-byte aligned; NULL with the error text set when the product
 * overflows or memory is short. count may be 0 (a valid pointer is returned). Free by stc_free. */
void *stc_alloc(int64_t count, int64_t size);
void stc_free(void *pointer); /* NULL is fine */
/* The same for a block that is used all over: in huge pages where the system has them. */
void *stc_alloc_huge(int64_t count, int64_t size);
/* The same as room in the address space, of which the machine gives pages as they are first
 * written: for lists that hardly ever come near the length that they may have. Not refused for its
 * size, and counted nowhere; the pages that are used show in the resident set. */
void *stc_alloc_reserved(int64_t count, int64_t size);
/* Bytes now held through stc_alloc by this process, and the peak resident set in bytes. */
int64_t stc_alloc_bytes(void);
int64_t stc_peak_rss_bytes(void);

/* Everything in an arena lives until the arena is destroyed. */
typedef struct stc_arena stc_arena;
int stc_arena_create(stc_arena **out);
void stc_arena_destroy(stc_arena **arena);
/* Zeroed, 16-byte aligned; NULL with the error text set when memory is short. */
void *stc_arena_alloc(stc_arena *arena, int64_t count, int64_t size);
char *stc_arena_strdup(stc_arena *arena, const char *text);
char *stc_arena_printf(stc_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- log (log.c): messages to stderr ---- */

typedef enum {
    STC_LOG_ERROR,
    STC_LOG_WARN,
    STC_LOG_INFO,
    STC_LOG_DEBUG,
    STC_LOG_NOTICE /* nothing is wrong, but it should be seen: shown wherever warnings are */
} stc_log_level;
/* Set once by main (before: warnings and errors, as text). json: one JSON object per line. */
void stc_log_setup(int rank, stc_log_level level, bool json);
/* Speaks on rank 0 only; the message is cut at 4095 bytes. */
void stc_log(stc_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define stc_warn(...)   stc_log(STC_LOG_WARN, __VA_ARGS__)
#define stc_notice(...) stc_log(STC_LOG_NOTICE, __VA_ARGS__)
#define stc_info(...)   stc_log(STC_LOG_INFO, __VA_ARGS__)
#define stc_debug(...)  stc_log(STC_LOG_DEBUG, __VA_ARGS__)

/* Progress of long work on rank 0 (progress.c): a bar when stderr is a terminal, else a plain line
 * at most every 5 s with percent, rate and time left; nothing below 2 s of work. Modes: auto, bar,
 * lines, none (before setup: none). */
void stc_progress_setup(int rank, const char *mode);
void stc_progress(const char *what, int64_t done, int64_t total);

/* Make OpenMP threads sleep after a millisecond of waiting, unless the user chose (OMP_WAIT_POLICY,
 * GOMP_SPINCOUNT, KMP_BLOCKTIME): a spinning thread whose partner was displaced by other work on
 * the processor costs whole time slices. First call of main, before MPI_Init; may start the program
 * again, as OpenMP reads its environment before main. No effect on results. */
void stc_threads_sleep(char **argv);

/* ---- time, text, hashing ---- */

double stc_seconds(void); /* monotonic clock */
/* Write the present UTC time as 2026-01-31T12:00:00Z; size >= 21. */
void stc_utc(char *buffer, size_t size);

/* Can this be the name of a node: 1 to 1000 bytes of UTF-8 without control characters? */
bool stc_is_name(const char *text);

/* The entry of names[0..n) nearest to word by edit distance, or NULL when none is near (distance
 * above 3 or above a third of the word plus 1). Names are borrowed. */
const char *stc_nearest(const char *word, const char *const *names, int n);

/* The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t stc_mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Checksum of records (docs/formats.md): the sum modulo 2^64 of stc_record_hash over all records.
 * key = stc_record_key(sample, step) is common to the records of one step. */
static inline uint64_t stc_record_key(uint64_t sample, uint64_t step)
{
    return stc_mix64(stc_mix64(sample + UINT64_C(0x9e3779b97f4a7c15)) + step);
}
static inline uint64_t stc_record_hash(uint64_t key, uint64_t id, uint32_t value)
{
    return stc_mix64(key + id * UINT64_C(0x9e3779b97f4a7c15) + ((uint64_t)value << 32));
}

/* Strongly connected components of a directed graph of n vertices; vertex v has edges to
 * target[first[v]] .. target[first[v + 1] - 1]. component [n]: filled with numbers from 0 on,
 * consumers before producers (every edge leads to an equal or smaller number). Returns how many
 * there are, or STC_ERR_NOMEM. */
int32_t stc_components(int32_t n, const int64_t *first, const int32_t *target, int32_t *component);

/* Counter-based random numbers: Philox4x32-10 of Random123 (Salmon et al., SC11), keyed by what is
 * drawn. The same (seed, purpose, index) gives the same number everywhere. */
uint32_t stc_random_u32(uint64_t seed, uint32_t purpose, uint64_t index);
/* In [0, 1), a multiple of 2^-24. */
float stc_random_uniform(uint64_t seed, uint32_t purpose, uint64_t index);

/* Key of the random numbers of one object (a projection, a source) of a seed. */
uint64_t stc_random_key(uint64_t seed, uint64_t object);
/* The four words of one Philox4x32-10 block of a key. */
void stc_random_block(uint64_t key, const uint32_t counter[4], uint32_t word[4]);
/* n blocks: counter (a[i], b[i], c[i], d[i]) is replaced by its four words. */
void stc_random_blocks(uint64_t key, int64_t n, uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d);
/* A number inside (0, 1) from one word (32 bits) or two (52 bits): neither 0 nor 1, and as likely
 * p as 1 - p. */
static inline double stc_random_open32(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}
static inline double stc_random_open52(uint32_t high, uint32_t low)
{
    return ((double)((uint64_t)high << 20 | low >> 12) + 0.5) * 0x1p-52;
}

/* A Poisson distributed count: the smallest k whose cumulative probability exceeds u, at most most;
 * none = exp(-mean). */
static inline int stc_random_poisson(double u, double mean, double none, int most)
{
    double probability = none, sum = none;
    int k = 0;
    while (u >= sum && k < most) {
        k++;
        probability *= mean / k;
        sum += probability;
    }
    return k;
}

/* exp and log to below 1 ulp and the quantile of the normal distribution (0 < p < 1) to 1e-15, with
 * the same bits everywhere, which those of the C library have not (math.c). */
double stc_math_exp(double x);
double stc_math_log(double x);
double stc_normal_quantile(double p);
void stc_normal_quantiles(int64_t n, double *values); /* in place */

/* Open a text file for reading. STC_ERR_INPUT saying why not: missing, a folder, a device or pipe.
 */
int stc_open_text(const char *path, FILE **out);

/* SHA-256 of a file as 64 hex digits and a final 0; STC_ERR_INPUT when it cannot be read. */
int stc_file_sha256(const char *path, char hex[65]);

/* ---- JSON out (json.c): one object written in pieces, commas and nesting kept by the writer ----
 */

typedef struct {
    FILE *file;     /* borrowed */
    int depth;      /* open objects and arrays */
    bool comma[16]; /* whether the next element at this depth needs one */
} stc_json;
stc_json stc_json_begin(FILE *file); /* writes { */
void stc_json_end(stc_json *json);   /* writes } and a newline */
/* key is NULL inside arrays. NaN and infinities are written as null. */
void stc_json_open(stc_json *json, const char *key, char bracket); /* '{' or '[' */
void stc_json_close(stc_json *json, char bracket);                 /* '}' or ']' */
void stc_json_string(stc_json *json, const char *key, const char *value);
void stc_json_int(stc_json *json, const char *key, int64_t value);
void stc_json_real(stc_json *json, const char *key,
                   double value); /* shortest text that reads back equal */
void stc_json_bool(stc_json *json, const char *key, bool value);
void stc_json_hex64(stc_json *json, const char *key, uint64_t value); /* string of 16 digits */

#endif
