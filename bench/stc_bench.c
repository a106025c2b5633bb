/* stc_bench.c - stc-bench: how fast recurrent networks run. The words of the command. */
#include "stc_bench.h"

#include "commands.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

static struct {
    const char *scale, *time, *transient, *precision, *record, *kernel, *output, *weights, *others;
    int64_t threads, seed, neurons, indegree, rank, of;
    bool json, quick, help;
} given;

static const stc_option rows[] = {
    {0, "scale", STC_OPTION_TEXT, &given.scale, "S", "1",
     "neurons as a share of the full network; in the microcircuit also\n"
     "synapses per neuron, with the input that keeps the mean",
     0, 0, NULL},
    {0, "time", STC_OPTION_TEXT, &given.time, "MS", "1000",
     "biological milliseconds that are measured", 0, 0, NULL},
    {0, "transient", STC_OPTION_TEXT, &given.transient, "MS", "500",
     "biological milliseconds that run before, counted nowhere but in\n"
     "spikes_all, simulate_all_s and the checksum",
     0, 0, NULL},
    {0, "threads", STC_OPTION_INT, &given.threads, "N", NULL,
     "per rank (default: OMP_NUM_THREADS, else the processors of the node\n"
     "divided among its ranks)",
     1, 4096, NULL},
    {0, "precision", STC_OPTION_CHOICE, &given.precision, "WHICH", "double",
     "of the neurons' state: double or single; sums are exact in both", 0, 0, "double single"},
    {0, "record", STC_OPTION_CHOICE, &given.record, "WHAT", "none",
     "none, or spikes: of all neurons, kept and at the end sorted", 0, 0, "none spikes"},
    {'o', "output", STC_OPTION_TEXT, &given.output, "FILE", NULL,
     "write the recorded spikes, as stc run does", 0, 0, NULL},
    {0, "kernel", STC_OPTION_CHOICE, &given.kernel, "SET", "auto",
     "instructions: auto, scalar, avx2, avx512 or amx; the same spikes", 0, 0,
     "auto scalar avx2 avx512 amx"},
    {0, "seed", STC_OPTION_INT, &given.seed, "N", "1",
     "of synapses, Poisson input and initial potentials", 0, 0, NULL},
    {0, "neurons", STC_OPTION_INT, &given.neurons, "N", "2000", "random: neurons of a rank", 5,
     INT32_MAX, NULL},
    {0, "indegree", STC_OPTION_INT, &given.indegree, "K", "1000", "random: synapses of a neuron", 1,
     INT32_MAX, NULL},
    {0, "weights", STC_OPTION_CHOICE, &given.weights, "WHICH", "normal",
     "random: normal, a tenth wide, or constant", 0, 0, "normal constant"},
    {0, "of", STC_OPTION_INT, &given.of, "P", NULL,
     "random: build and run the share of one of P ranks, without the others", 1, INT32_MAX, NULL},
    {0, "rank", STC_OPTION_INT, &given.rank, "R", "0", "which one, from 0 on", 0, INT32_MAX, NULL},
    {0, "others", STC_OPTION_TEXT, &given.others, "HZ", "1",
     "spikes per second of a neuron of the other ranks, by chance", 0, 0, NULL},
    {0, "json", STC_OPTION_FLAG, &given.json, NULL, NULL, "one line of JSON", 0, 0, NULL},
    {0, "quick", STC_OPTION_FLAG, &given.quick, NULL, NULL,
     "small and short (scale 0.02, or 50 neurons; 20 ms after 10 ms), for tests", 0, 0, NULL},
    {'h', "help", STC_OPTION_FLAG, &given.help, NULL, NULL, "show this help", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

static void print_help(void)
{
    fputs(
        "stc-bench - how fast recurrent networks run\n\n"
        "Usage: [mpirun -n RANKS] stc-bench NETWORK [options]\n\n"
        "NETWORK\n"
        "  microcircuit  cortical column, 77,169 neurons, 2.99e8 synapses, 0.1 ms, Poisson input\n"
        "                (Potjans & Diesmann 2014)\n"
        "  brunel        10,000 neurons, 1e7 synapses, Poisson input (Brunel 2000)\n"
        "  cuba          4,000 neurons, 3.2e5 synapses (Vogels & Abbott 2005)\n"
        "  random        N neurons of each rank with K synapses each from neurons of any rank, "
        "with\n"
        "                drawn delays and weights, and Poisson input\n\n"
        "The network is built and compiled in memory, and runs through the library as stc run\n"
        "does. First a network of five neurons runs: its peak of memory is what is taken off.\n\n",
        stdout);
    stc_options_print(&table, stdout);
    fputs(
        "\nWhat is said, and as JSON:\n"
        "  real_time_factor         seconds for a biological second, after the transient\n"
        "  core_seconds_per_second  the same times ranks times threads\n"
        "  synaptic_events          spikes times the synapses that they reach, all ranks;\n"
        "                           external_events: those of the Poisson input, beside\n"
        "  bytes_per_synapse        peak resident set of all ranks, building included, less\n"
        "                           that of the empty run, by the number of synapses\n"
        "  built_bytes_per_synapse  the same before the first step\n"
        "  build_s, collect_s       to make and compile the network; to gather what was recorded\n"
        "  rates                    spikes per neuron and second of each population, after the\n"
        "                           transient: compare them before you compare times\n"
        "  limits_ns                nanoseconds of a core that a unit of work takes at best on "
        "this\n"
        "                           machine, measured after the run: stc_bench_limits.c\n"
        "  stored                   of random: synapses, pairs of a source and a thread that it\n"
        "                           reaches, and a checksum of all synapses: those of all shares\n"
        "                           add up to those of the whole, modulo 2^64\n"
        "  spike_checksum           of all spikes: the same for any ranks, threads and kernels\n\n"
        "Never give more ranks times threads than there are cores, and nothing else to do.\n"
        "Take the median of several runs. Microcircuit at scale 1 needs the memory that\n"
        "bytes_per_synapse at scale 0.1 foretells.\n\n"
        "With --of, the network is that of P ranks of N neurons, but only what rank R would hold\n"
        "is made, so that a network can be measured that no machine at hand holds. Counts are "
        "then\n"
        "those of the share, of synaptic_events with the transient; rates those of its neurons, "
        "in\n"
        "a network that it has not.\n\n"
        "Examples:\n"
        "  stc-bench cuba --threads 1\n"
        "  stc-bench microcircuit --scale 0.1 --time 1000 --threads 2 --precision single --json\n"
        "  mpirun -n 2 stc-bench microcircuit --time 10000 --threads 1 --precision single\n"
        "  stc-bench random --rank 7 --of 100000 --neurons 2000 --indegree 10000 --threads 2\n\n"
        "Exit code: 0 done; 1 it does not fit; 2 wrong use; 3 a file cannot be written, or an\n"
        "internal failure.\n",
        stdout);
}

static int read_number(const char *name, const char *word, double least, double *out)
{
    char *end;
    *out = strtod(word, &end);
    STC_CHECK(end != word && *end == '\0' && *out >= least && *out <= 1e9, STC_ERR_USAGE,
              "%s: found '%s', expected a number of at least %g\nhint: stc-bench --help", name,
              word, least);
    return 0;
}

static int read_words(const stc_comm *comm, int argc, char **argv, bench_settings *s)
{
    const stc_option_table *tables[] = {&table};
    int nfiles;
    STC_TRY(stc_options_parse(tables, 1, argc - 1, argv + 1, &s->network, 1, &nfiles));
    if (given.help) return 0;
    STC_CHECK(nfiles == 1, STC_ERR_USAGE,
              "NETWORK is missing: microcircuit, brunel, cuba or random\nhint: stc-bench --help");
    if (given.quick) {
        given.scale = "0.02";
        given.time = "20";
        given.transient = "10";
        given.neurons = 50;
        given.indegree = 10;
    }
    const bool random = strcmp(s->network, "random") == 0;
    STC_CHECK(random || given.of == 0, STC_ERR_USAGE,
              "--of: only the network random has shares\nhint: stc-bench --help");
    STC_CHECK(given.of == 0 || comm->size == 1, STC_ERR_USAGE,
              "--of: one process builds one share, found %d ranks\nhint: without mpirun",
              comm->size);
    STC_CHECK(given.of > 0 ? given.rank < given.of : given.rank == 0, STC_ERR_USAGE,
              "--rank: found %lld of %lld, ranks are counted from 0", (long long)given.rank,
              (long long)given.of);
    STC_TRY(read_number("--others", given.others, 0.0, &s->share.hz));
    s->share.rank = (int)given.rank;
    s->share.of = (int)given.of;
    s->neurons = given.neurons;
    s->indegree = given.indegree;
    s->constant = strcmp(given.weights, "constant") == 0;
    STC_TRY(read_number("--scale", given.scale, 1e-3, &s->scale));
    STC_TRY(read_number("--time", given.time, 0.1, &s->ms));
    STC_TRY(read_number("--transient", given.transient, 0.0, &s->transient));
    s->single = strcmp(given.precision, "single") == 0;
    s->record = strcmp(given.record, "spikes") == 0;
    s->kernel = given.kernel;
    s->seed = (uint64_t)given.seed;
    s->output = given.output;
    STC_CHECK(!s->output || s->record, STC_ERR_USAGE,
              "--output: there are no spikes to write\nhint: --record spikes");
    s->threads = stc_cli_threads(&(stc_cli){.comm = comm, .threads = given.threads}, true);
    return 0;
}

/* The memory that any network takes. */
static int run_empty(const stc_comm *comm, const bench_settings *settings, int64_t *bytes)
{
    bench_outcome outcome;
    bench_settings s = *settings;
    s.network = "cuba";
    s.scale = 0.00125;
    s.ms = 1.0;
    s.transient = 0.0;
    s.output = NULL;
    s.share = (stc_share){0};
    int rc = bench_run(comm, &s, &outcome);
    *bytes = outcome.peak_bytes;
    bench_release(&outcome);
    return rc;
}

static int bench(const stc_comm *comm, int argc, char **argv)
{
    bench_settings settings = {0};
    bench_outcome outcome;
    bench_limits limits;
    int64_t empty = 0;
    STC_TRY(read_words(comm, argc, argv, &settings));
    if (given.help) {
        if (comm->rank == 0) print_help();
        return 0;
    }
    STC_TRY(run_empty(comm, &settings, &empty));
    int rc = bench_run(comm, &settings, &outcome);
    outcome.empty_bytes = empty;
    if (rc >= 0) rc = bench_measure_limits(comm, &outcome, &limits);
    if (rc >= 0) (given.json ? bench_print_json : bench_print_text)(comm, &outcome, &limits);
    bench_release(&outcome);
    return rc;
}

int main(int argc, char **argv)
{
    int provided;
    stc_threads_sleep(argv);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    stc_comm world = stc_comm_of(MPI_COMM_WORLD);
    stc_log_setup(world.rank, STC_LOG_WARN, false);
    stc_progress_setup(world.rank, "auto");
    int rc = bench(&world, argc, argv);
    if (rc < 0 && world.rank == 0) fprintf(stderr, "stc-bench: %s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}
