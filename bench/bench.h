/* bench.h - what all benches share: warm-up, repetition, median and minimum, one JSON line.
 *
 *     static void work(void *context) { ... }
 *     stc_bench bench = stc_bench_begin(argc, argv);          ("--quick": once, for tests)
 *     stc_bench_run(&bench, "gemm_u8", work, &context);
 *     stc_bench_print(&bench, "us", 1e6, "\"m\": %d", m);
 *
 * A line: {"bench", "params": {}, "ranks", "threads", "unit", "median", "min", "reps", "commit",
 * "host"}. Compare lines of one run of one machine only.
 */
#ifndef STC_BENCH_H
#define STC_BENCH_H

#include "stc/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STC_BENCH_MAX_REPS = 1000 };

typedef struct {
    bool quick;
    int ranks, threads;      /* 1 and 1 unless the bench says otherwise */
    double seconds_per_line; /* repeat until so much time has passed */
    int min_reps;
    const char *name; /* of the last run */
    int reps;
    double median, min; /* seconds */
} stc_bench;

static inline stc_bench stc_bench_begin(int argc, char **argv)
{
    stc_bench bench = {.ranks = 1, .threads = 1, .seconds_per_line = 0.2, .min_reps = 5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) bench.quick = true;
    }
    return bench;
}

static inline int stc_bench_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time work(context): one warm-up, then repetitions. */
static inline void stc_bench_run(stc_bench *bench, const char *name, void (*work)(void *context),
                                 void *context)
{
    double seconds[STC_BENCH_MAX_REPS], total = 0;
    const int least = bench->quick ? 1 : bench->min_reps;
    const double enough = bench->quick ? 0 : bench->seconds_per_line;
    bench->name = name;
    bench->reps = 0;
    if (!bench->quick) work(context);
    while (bench->reps < least || (total < enough && bench->reps < STC_BENCH_MAX_REPS)) {
        const double start = stc_seconds();
        work(context);
        total += seconds[bench->reps++] = stc_seconds() - start;
    }
    qsort(seconds, (size_t)bench->reps, sizeof *seconds, stc_bench_compare);
    bench->min = seconds[0];
    bench->median = seconds[bench->reps / 2];
}

/* Print the last run; factor turns seconds into unit; params: the inside of a JSON object. */
static inline void stc_bench_print(const stc_bench *bench, const char *unit, double factor,
                                   const char *params, ...) __attribute__((format(printf, 4, 5)));
static inline void stc_bench_print(const stc_bench *bench, const char *unit, double factor,
                                   const char *params, ...)
{
    const char *commit = getenv("STC_COMMIT");
    char host[256] = "";
    va_list arguments;
    gethostname(host, sizeof host - 1);
    printf("{\"bench\": \"%s\", \"params\": {", bench->name);
    va_start(arguments, params);
    vprintf(params, arguments);
    va_end(arguments);
    printf("}, \"ranks\": %d, \"threads\": %d, \"unit\": \"%s\", \"median\": %.6g, \"min\": %.6g, "
           "\"reps\": %d, \"commit\": \"%s\", \"host\": \"%s\"}\n",
           bench->ranks, bench->threads, unit, factor * bench->median, factor * bench->min,
           bench->reps, commit ? commit : "unknown", host);
    fflush(stdout);
}

#endif
