/* bench_model.c - milliseconds per image of a whole model, through the program that users run.
 *
 *     bench_model MODEL INPUT [--images N] [--chips A,B,...] [--threads N] [--kernel NAME]
 *                 [--partition METHOD] [--quick]
 *
 * One line for one image at a time (latency), one for a stream of N images, for each number of
 * chips. Under mpirun with more than one rank, each line is followed by one of rank 0 alone on the
 * same program (params: alone), measured in turns, and the ratio of the two. */
#include "bench.h"

#include "stc/compile.h"
#include "stc/error.h"
#include "stc/io.h"
#include "stc/simulate.h"

#include <stdio.h>

typedef struct {
    const char *model, *input, *kernel, *partition;
    int64_t images;
    int chips[8], nchips, threads;
} settings;

static int parse(int argc, char **argv, settings *s)
{
    *s = (settings){.images = 16, .chips = {0}, .nchips = 1, .threads = 1};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--quick")) continue;
        if (argv[i][0] != '-') {
            if (!s->model)
                s->model = argv[i];
            else
                s->input = argv[i];
            continue;
        }
        if (!strcmp(argv[i], "--images"))
            s->images = atoll(value);
        else if (!strcmp(argv[i], "--threads"))
            s->threads = atoi(value);
        else if (!strcmp(argv[i], "--kernel"))
            s->kernel = value;
        else if (!strcmp(argv[i], "--partition"))
            s->partition = value;
        else if (!strcmp(argv[i], "--chips")) {
            s->nchips = 0;
            for (const char *at = value; *at && s->nchips < 8; at += *at == ',') {
                s->chips[s->nchips++] = (int)strtol(at, (char **)&at, 10);
            }
        } else
            STC_FAIL(STC_ERR_USAGE, "unknown option %s", argv[i]);
        i++;
    }
    STC_CHECK(s->model && s->input, STC_ERR_USAGE, "bench_model MODEL INPUT [options]");
    return 0;
}

static void run(void *sim)
{
    stc_sim_run(sim);
}

/* Ranks other than 0 wait without taking a core while rank 0 works alone. */
static void wait_quietly(const stc_comm *world)
{
    MPI_Request request;
    int done = 0;
    MPI_Ibarrier(world->mpi, &request);
    while (!done) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (!done) usleep(1000);
    }
}

typedef struct {
    const stc_comm *world;
    const settings *settings;
    const stc_program *program;
    const stc_input *input;
    stc_bench *bench;
    int chips;
} job;

static int prepare(const job *j, const stc_comm *comm, int64_t images, stc_sim **sim)
{
    stc_run_options options = {
        .nsamples = images, .kernel = j->settings->kernel, .threads = j->settings->threads};
    return stc_sim_create(comm, j->program, j->input, &options, sim);
}

static void print(const job *j, int64_t images, int ranks)
{
    j->bench->ranks = ranks;
    j->bench->threads = j->settings->threads;
    if (j->world->rank != 0) return;
    stc_bench_print(j->bench, "ms/image", 1e3 / (double)images,
                    "\"model\": \"%s\", \"chips\": %d, \"images\": %d, \"kernel\": \"%s\"",
                    j->program->name, j->chips, (int)images,
                    j->settings->kernel ? j->settings->kernel : "auto");
}

/* All ranks and rank 0 alone, in turns, so that a disturbance hits both. */
static int compare(const job *j, int64_t images)
{
    enum { MOST = 64 };
    double together[MOST], alone[MOST];
    stc_comm self = stc_comm_of(MPI_COMM_SELF);
    stc_sim *all = NULL, *one = NULL;
    int rc = prepare(j, j->world, images, &all);
    if (rc >= 0 && j->world->rank == 0) rc = prepare(j, &self, images, &one);
    rc = stc_agree(j->world, rc);
    int turns = j->bench->quick ? 1 : 7;
    for (int i = -1; rc >= 0 && i < turns; i++) { /* the first is a warm-up */
        double start = stc_seconds();
        stc_sim_run(all);
        if (i >= 0) together[i] = stc_seconds() - start;
        start = stc_seconds();
        if (one) stc_sim_run(one);
        if (i >= 0) alone[i] = stc_seconds() - start;
        wait_quietly(j->world);
    }
    if (rc >= 0) {
        qsort(together, (size_t)turns, sizeof *together, stc_bench_compare);
        qsort(alone, (size_t)turns, sizeof *alone, stc_bench_compare);
        stc_bench *b = j->bench;
        *b = (stc_bench){.quick = b->quick,
                         .name = "model",
                         .reps = turns,
                         .median = together[turns / 2],
                         .min = together[0]};
        print(j, images, j->world->size);
        *b = (stc_bench){.quick = b->quick,
                         .name = "model",
                         .reps = turns,
                         .median = alone[turns / 2],
                         .min = alone[0]};
        print(j, images, 1);
        *b = (stc_bench){.quick = b->quick,
                         .name = "model_speedup",
                         .reps = turns,
                         .median = alone[turns / 2] / together[turns / 2],
                         .min = alone[0] / together[0]};
        b->ranks = j->world->size;
        b->threads = j->settings->threads;
        if (j->world->rank == 0) {
            stc_bench_print(b, "ratio", 1.0, "\"model\": \"%s\", \"chips\": %d, \"images\": %d",
                            j->program->name, j->chips, (int)images);
        }
    }
    stc_sim_destroy(&all);
    stc_sim_destroy(&one);
    return rc;
}

static int measure(const job *j, int64_t images)
{
    if (j->world->size > 1) return compare(j, images);
    stc_sim *sim;
    STC_TRY(prepare(j, j->world, images, &sim));
    stc_bench_run(j->bench, "model", run, sim);
    print(j, images, 1);
    stc_sim_destroy(&sim);
    return 0;
}

static int bench_chips(const stc_comm *world, const settings *s, int chips, stc_bench *bench)
{
    stc_graph *graph;
    stc_program *program;
    stc_compile_report report;
    stc_input *input = NULL;
    stc_compile_options options = {
        .chips = chips, .clamp_chips = true, .optimization = 2, .partition = s->partition};
    int rc = stc_graph_read(s->model, NULL, &graph);
    if (rc < 0) return rc;
    rc = stc_graph_verify(graph);
    if (rc >= 0) rc = stc_compile(world, graph, s->model, &options, &program, &report);
    if (rc >= 0) {
        rc = stc_input_open(s->input, program, NULL, &input);
        job j = {world, s, program, input, bench, program->chips};
        int64_t images = rc >= 0 && s->images > input->samples ? input->samples : s->images;
        if (bench->quick && images > 2) images = 2;
        if (rc >= 0) rc = measure(&j, 1);
        if (rc >= 0 && images > 1) rc = measure(&j, images);
        stc_input_close(&input);
        stc_program_destroy(&program);
    }
    stc_graph_destroy(&graph);
    return rc;
}

int main(int argc, char **argv)
{
    settings s;
    stc_threads_sleep(argv);
    MPI_Init(&argc, &argv);
    stc_comm world = stc_comm_of(MPI_COMM_WORLD);
    stc_bench bench = stc_bench_begin(argc, argv);
    bench.seconds_per_line = 1.0;
    int rc = parse(argc, argv, &s);
    for (int i = 0; rc >= 0 && i < s.nchips; i++)
        rc = bench_chips(&world, &s, s.chips[i], &bench);
    if (rc < 0 && world.rank == 0) fprintf(stderr, "bench_model: %s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}
