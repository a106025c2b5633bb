/* cmd_run.c - `stc run`: load a program, or compile a model in memory, present the input, write the
 * result, say what came out. */
#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/simulate.h"

#include "run_report.h"

#include <string.h>

static struct {
    const char *input, *output, *record, *kernel;
    int64_t samples[2], replicas, block_steps;
    bool profile;
} given = {.samples = {0, -1}};

static const stc_option rows[] = {
    {'i', "input", STC_OPTION_TEXT, &given.input, "FILE", NULL, "what to present (needed)", 0, 0,
     NULL},
    {'o', "output", STC_OPTION_TEXT, &given.output, "RESULT", NULL,
     "file to write; without it only the summary on stdout", 0, 0, NULL},
    {0, "samples", STC_OPTION_RANGE, &given.samples, "A:B", NULL,
     "present samples A to B - 1 only (default: all)", 0, 0, NULL},
    {0, "record", STC_OPTION_CHOICE, &given.record, "WHAT", "spikes",
     "none, or spikes of all neurons; outputs are kept anyway", 0, 0, "none spikes"},
    {0, "replicas", STC_OPTION_INT, &given.replicas, "N", "1",
     "split the ranks into N groups that share the samples;\n"
     "N must divide the number of ranks",
     1, INT32_MAX, NULL},
    {0, "block-steps", STC_OPTION_INT, &given.block_steps, "N", NULL,
     "steps computed at once, a bound of the latency (default: all steps\n"
     "of a sample)",
     1, 1 << 30, NULL},
    {0, "kernel", STC_OPTION_CHOICE, &given.kernel, "SET", "auto",
     "instructions: auto, scalar, avx2, avx512 or amx;\nthe answer is the same", 0, 0,
     "auto scalar avx2 avx512 amx"},
    {0, "profile", STC_OPTION_FLAG, &given.profile, NULL, NULL,
     "print to stderr where the time goes", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

/* What can be known to fail is looked at before any work; *kind is set on all ranks. */
static int check_files(const stc_cli *cli, stc_file_kind *kind)
{
    int rc = 0, found = 0;
    const char *path = cli->files[0];
    if (cli->comm->rank == 0) {
        stc_file_kind input;
        rc = stc_file_recognise(path, kind);
        if (rc >= 0 && *kind != STC_FILE_GRAPH && *kind != STC_FILE_PROGRAM)
            rc = stc_fail(STC_ERR_INPUT,
                          "%s: this file is of kind '%s', expected a program or a model", path,
                          stc_file_kind_name(*kind));
        if (rc >= 0) rc = stc_file_recognise(given.input, &input);
        if (rc >= 0 && given.output) rc = stc_output_check(given.output);
        if (rc >= 0 && given.output) rc = stc_output_apart(given.output, path);
        if (rc >= 0 && given.output) rc = stc_output_apart(given.output, given.input);
        found = rc >= 0 ? (int)*kind : 0;
    }
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, &found, sizeof found, 0);
    *kind = (stc_file_kind)found;
    const char *option = stc_compiling_given();
    STC_CHECK(*kind == STC_FILE_GRAPH || !option, STC_ERR_USAGE,
              "%s: %s is a program, where this is already decided\n"
              "hint: give it to stc compile, or run the model itself",
              option, path);
    return 0;
}

static int check_words(const stc_cli *cli)
{
    int ranks = cli->comm->size;
    STC_TRY(stc_cli_need_files(cli, 1, "the program or model file"));
    STC_CHECK(given.input, STC_ERR_USAGE,
              "--input FILE is missing: what to present to the "
              "network\nhint: --help shows an example");
    STC_CHECK(ranks % given.replicas == 0, STC_ERR_USAGE,
              "--replicas: %lld groups of equal size cannot be made of %d rank%s",
              (long long)given.replicas, ranks, ranks == 1 ? "" : "s");
    return 0;
}

static int compile_in_memory(const stc_cli *cli, stc_graph **graph, stc_program **program)
{
    stc_compile_options options = stc_compiling_options(cli);
    stc_compile_report report = {0};
    options.clamp_chips = true;
    STC_TRY(stc_cli_read_graph(cli, cli->files[0], graph));
    return stc_compile(cli->comm, *graph, cli->files[0], &options, program, &report);
}

static int open_input(const stc_cli *cli, const stc_program *program, stc_input **input)
{
    int rc = stc_input_open(given.input, program, input);
    if (rc >= 0 && given.samples[0] >= (*input)->samples)
        rc = stc_fail(STC_ERR_USAGE, "--samples: begins at %lld, but %s has %lld samples",
                      (long long)given.samples[0], given.input, (long long)(*input)->samples);
    if (rc >= 0 && given.samples[1] > (*input)->samples)
        rc = stc_fail(STC_ERR_USAGE, "--samples: ends at %lld, but %s has %lld samples",
                      (long long)given.samples[1], given.input, (long long)(*input)->samples);
    return stc_agree(cli->comm, rc);
}

/* Ranks that hold no chip idle; they take no processors from the others. */
static bool is_busy(const stc_cli *cli, const stc_program *program)
{
    int64_t group = cli->comm->size / given.replicas, rank = cli->comm->rank % group;
    int64_t chips = program->chips;
    return rank * chips / group < (rank + 1) * chips / group;
}

static void notice_idle_ranks(const stc_cli *cli, const stc_program *program)
{
    int64_t idle = cli->comm->size - given.replicas * program->chips;
    if (idle > 0)
        stc_warn("%lld of %d ranks have nothing to do: the program has %d chip%s", (long long)idle,
                 cli->comm->size, program->chips, program->chips == 1 ? "" : "s");
}

static int simulate(const stc_cli *cli, const stc_program *program, const stc_input *input,
                    stc_result **result)
{
    stc_sim *sim = NULL;
    stc_run_options options = {
        .time_steps = stc_compiling_options(cli).time_steps,
        .first_sample = given.samples[0],
        .nsamples = given.samples[1] < 0 ? 0 : given.samples[1] - given.samples[0],
        .block_steps = given.block_steps,
        .kernel = given.kernel,
        .threads = stc_cli_threads(cli, is_busy(cli, program)),
        .record_spikes = given.output && strcmp(given.record, "spikes") == 0,
        .replicas = (int)given.replicas,
    };
    int rc = stc_sim_create(cli->comm, program, input, &options, &sim);
    if (rc < 0) return rc;
    notice_idle_ranks(cli, program);
    if ((rc = stc_sim_run(sim)) < 0) goto out;
    if (given.profile) stc_sim_print_profile(sim, stderr);
    rc = stc_sim_result(sim, result);
out:
    stc_sim_destroy(&sim);
    return rc;
}

static int run_files(const stc_cli *cli, stc_file_kind kind, stc_graph **graph,
                     stc_program **program, stc_input **input, stc_result **result)
{
    double start = stc_seconds();
    if (kind == STC_FILE_GRAPH) {
        STC_TRY(compile_in_memory(cli, graph, program));
    } else {
        STC_TRY(stc_agree(cli->comm, stc_program_read(cli->files[0], program)));
    }
    STC_TRY(open_input(cli, *program, input));
    double loaded = stc_seconds() - start;
    STC_TRY(simulate(cli, *program, *input, result));
    (*result)->seconds.load += loaded;
    if (!given.output) return 0;
    start = stc_seconds();
    char sha256[65] = ""; /* by one rank: the file may be large */
    int rc = cli->comm->rank == 0 ? stc_file_sha256(given.input, sha256) : 0;
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, sha256, sizeof sha256, 0);
    (*result)->command = cli->line;
    (*result)->input_sha256 = sha256;
    rc = stc_result_write(cli->comm, *result, given.output);
    (*result)->input_sha256 = "";
    STC_TRY(rc);
    (*result)->seconds.write = stc_seconds() - start;
    return 0;
}

static int run(const stc_cli *cli)
{
    stc_file_kind kind = STC_FILE_PROGRAM;
    stc_graph *graph = NULL;
    stc_program *program = NULL;
    stc_input *input = NULL;
    stc_result *result = NULL;
    STC_TRY(check_words(cli));
    STC_TRY(check_files(cli, &kind));
    int rc = run_files(cli, kind, &graph, &program, &input, &result);
    if (rc >= 0 && cli->comm->rank == 0) {
        if (cli->json) {
            stc_run_print_json(result, given.output);
        } else {
            stc_run_print_text(result, given.output);
        }
    }
    stc_result_destroy(&result);
    stc_input_close(&input);
    stc_program_destroy(&program);
    stc_graph_destroy(&graph);
    return rc;
}

const stc_command stc_command_run = {
    .name = "run",
    .help = "run a program, or a model, on an input",
    .arguments = "PROGRAM|MODEL --input FILE -o RESULT [options]",
    .about = "Runs a program on any number of ranks; a model is compiled in memory first. "
             "Outputs, spikes\nand checksums are the same for any number of ranks, threads and "
             "chips.",
    .prints = "accuracy (when the input has labels), spikes, checksums, speed, exchange, and\n"
              "where the result lies; with --json one object.",
    .examples = "  stc run examples/digits/model.h5 --input examples/digits/test.h5 -o result.h5\n"
                "  mpirun -n 4 stc run program.h5 --input test.h5 -o result.h5 --samples 0:32",
    .max_files = 1,
    .tables = {&table, &stc_compiling_table},
    .run = run,
};
