/* running.c - see running.h. */
#include "running.h"

#include "stc/error.h"

#include <string.h>

static struct {
    const char *input, *input_dt, *observable, *kernel, *precision;
    int64_t samples[2], replicas, block_steps, node_ranks;
} given = {.samples = {0, -1}};

static const stc_option rows[] = {
    {'i', "input", STC_OPTION_TEXT, &given.input, "FILE", NULL,
     "what to present (needed, unless the model brings it or takes none)", 0, 0, NULL},
    {0, "input-dt", STC_OPTION_TEXT, &given.input_dt, "TIME", NULL,
     "duration of a step of an input of events, as 0.1ms or 1e-4s; a number\n"
     "alone: seconds (default: that of the model, else 1ms)",
     0, 0, NULL},
    {0, "observable", STC_OPTION_TEXT, &given.observable, "NAME", NULL,
     "which data of a NIRData input (default: spikes, or the only ones)", 0, 0, NULL},
    {0, "samples", STC_OPTION_RANGE, &given.samples, "A:B", NULL,
     "present samples A to B - 1 only (default: all)", 0, 0, NULL},
    {0, "replicas", STC_OPTION_INT, &given.replicas, "N", "1",
     "split the ranks into N groups that share the samples;\n"
     "N must divide the number of ranks",
     1, INT32_MAX, NULL},
    {0, "block-steps", STC_OPTION_INT, &given.block_steps, "N", NULL,
     "steps computed at once, a bound of the latency (default: all steps\n"
     "of a sample)",
     1, 1 << 30, NULL},
    {0, "node-ranks", STC_OPTION_INT, &given.node_ranks, "N", NULL,
     "ranks in a row that share memory, for tests and fine placement, as one\n"
     "per NUMA domain; 1: messages only (default: all ranks of a machine);\n"
     "the answer is the same",
     1, INT32_MAX, NULL},
    {0, "kernel", STC_OPTION_CHOICE, &given.kernel, "SET", "auto",
     "instructions: auto, scalar, avx2, avx512 or amx;\nthe answer is the same", 0, 0,
     "auto scalar avx2 avx512 amx"},
    {0, "precision", STC_OPTION_CHOICE, &given.precision, "WHICH", "double",
     "state of populations: double or single; synaptic sums are exact\nin both", 0, 0,
     "double single"},
};
const stc_option_table stc_running_table = STC_TABLE("Running", rows);

const char *stc_running_input(void)
{
    return given.input;
}

/* ---- before any work ---- */

int stc_running_check_output(const stc_cli *cli, const char *path)
{
    const char *model = cli->files[0];
    if (!path) return 0;
    STC_TRY(stc_output_check(path));
    STC_TRY(stc_output_apart(path, model));
    STC_TRY(stc_network_apart(model, path));
    STC_TRY(stc_network_apart(given.input, path));
    return given.input ? stc_output_apart(path, given.input) : 0;
}

/* On rank 0: what the files are. Networks of other simulators bring their input. */
static int look_at_files(const char *path, stc_file_kind *kind, bool *own_input)
{
    stc_file_kind input;
    STC_TRY(stc_file_recognise(path, kind));
    STC_CHECK(*kind == STC_FILE_GRAPH || *kind == STC_FILE_PROGRAM, STC_ERR_INPUT,
              "%s: this file is of kind '%s', expected a program or a model", path,
              stc_file_kind_name(*kind));
    *own_input = !given.input && stc_file_has_input(path);
    if (*own_input) given.input = path;
    return given.input ? stc_file_recognise(given.input, &input) : 0;
}

int stc_running_recognise(const stc_cli *cli, int (*check)(const stc_cli *cli, void *context),
                          void *context, stc_running *out)
{
    int rc = 0, found = 0;
    bool own_input = false;
    const char *path = cli->files[0];
    STC_CHECK(cli->comm->size % given.replicas == 0, STC_ERR_USAGE,
              "--replicas: %lld groups of equal size cannot be made of %d rank%s",
              (long long)given.replicas, cli->comm->size, cli->comm->size == 1 ? "" : "s");
    if (cli->comm->rank == 0) {
        rc = look_at_files(path, &out->kind, &own_input);
        if (rc >= 0 && check) rc = check(cli, context);
        found = rc >= 0 ? (int)out->kind : 0;
    }
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, &found, sizeof found, 0);
    stc_comm_bcast(cli->comm, &own_input, sizeof own_input, 0);
    out->kind = (stc_file_kind)found;
    if (own_input) given.input = path;
    const char *option = stc_compiling_given();
    STC_CHECK(out->kind == STC_FILE_GRAPH || !option, STC_ERR_USAGE,
              "%s: %s is a program, where this is already decided\n"
              "hint: give it to stc compile, or run the model itself",
              option, path);
    return 0;
}

/* ---- program and input ---- */

static int compile_in_memory(const stc_cli *cli, stc_running *running)
{
    stc_compile_options options = stc_compiling_options(cli);
    stc_compile_report report = {0};
    stc_arena *arena = NULL;
    options.clamp_chips = true;
    STC_TRY(stc_cli_read_graph(cli, cli->files[0], &running->graph));
    int rc = stc_agree(cli->comm, stc_arena_create(&arena));
    if (rc >= 0) rc = stc_compiling_rates(cli, arena, &options.rates);
    if (rc >= 0) {
        rc = stc_compile(cli->comm, running->graph, cli->files[0], &options, &running->program,
                         &report);
    }
    stc_arena_destroy(&arena);
    return rc;
}

/* Programs whose activity comes from generators alone take no input. */
static int open_nothing(const stc_program *program, stc_input **input)
{
    bool takes_input = false;
    for (int32_t s = 0; s < program->nstages; s++)
        takes_input = takes_input || program->stages[s].is_input;
    STC_CHECK(!takes_input || !program->model_path || !stc_file_has_input(program->model_path),
              STC_ERR_USAGE,
              "--input FILE is missing: what to present to the network\n"
              "hint: the model brings its input: --input %s",
              program->model_path);
    STC_CHECK(!takes_input, STC_ERR_USAGE,
              "--input FILE is missing: what to present to the "
              "network\nhint: --help shows an example");
    return stc_input_from_memory(1, 0, NULL, NULL, input);
}

static int open_input(const stc_cli *cli, const stc_program *program, stc_input **input)
{
    stc_input_options options = {.time_steps = stc_compiling_options(cli).time_steps,
                                 .observable = given.observable};
    int rc = given.input_dt ? stc_parse_seconds("--input-dt", given.input_dt, &options.dt) : 0;
    if (rc >= 0 && given.input) rc = stc_input_open(given.input, program, &options, input);
    if (rc >= 0 && !given.input) rc = open_nothing(program, input);
    if (rc >= 0 && given.samples[0] >= (*input)->samples)
        rc = stc_fail(STC_ERR_USAGE, "--samples: begins at %lld, but %s has %lld samples",
                      (long long)given.samples[0], (*input)->path, (long long)(*input)->samples);
    if (rc >= 0 && given.samples[1] > (*input)->samples)
        rc = stc_fail(STC_ERR_USAGE, "--samples: ends at %lld, but %s has %lld samples",
                      (long long)given.samples[1], (*input)->path, (long long)(*input)->samples);
    return stc_agree(cli->comm, rc);
}

int stc_running_open(const stc_cli *cli, stc_running *running)
{
    double start = stc_seconds();
    if (running->kind == STC_FILE_GRAPH) {
        STC_TRY(compile_in_memory(cli, running));
    } else {
        STC_TRY(stc_agree(cli->comm, stc_program_read(cli->files[0], &running->program)));
    }
    STC_TRY(open_input(cli, running->program, &running->input));
    running->seconds = stc_seconds() - start;
    return 0;
}

int stc_running_input_sha256(const stc_cli *cli, char sha256[65])
{
    sha256[0] = 0; /* by one rank: the file may be large */
    int rc = cli->comm->rank == 0 && given.input ? stc_file_sha256(given.input, sha256) : 0;
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, sha256, 65, 0);
    return 0;
}

/* ---- the simulation ---- */

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

/* What lists and rules hold is seen when they are read: say in which file, unless it is said. */
static int in_file(const stc_cli *cli, int rc)
{
    const char *text = stc_error_text();
    bool named = strstr(text, cli->files[0]) || (given.input && strstr(text, given.input));
    return rc == STC_ERR_INPUT && !named ? stc_fail_in(rc, "%s", cli->files[0]) : rc;
}

int stc_running_prepare(const stc_cli *cli, stc_run_options *options, stc_running *running)
{
    options->time_steps = stc_compiling_options(cli).time_steps;
    options->first_sample = given.samples[0];
    options->nsamples = given.samples[1] < 0 ? 0 : given.samples[1] - given.samples[0];
    options->block_steps = given.block_steps;
    options->kernel = given.kernel;
    options->seed = stc_compiling_options(cli).seed;
    options->single = given.precision && strcmp(given.precision, "single") == 0;
    options->threads = stc_cli_threads(cli, is_busy(cli, running->program));
    options->replicas = (int)given.replicas;
    options->node_ranks = (int)given.node_ranks;
    int rc = stc_sim_create(cli->comm, running->program, running->input, options, &running->sim);
    if (rc < 0) return in_file(cli, rc);
    notice_idle_ranks(cli, running->program);
    return 0;
}

void stc_running_close(stc_running *running)
{
    stc_sim_destroy(&running->sim);
    stc_input_close(&running->input);
    stc_program_destroy(&running->program);
    stc_graph_destroy(&running->graph);
}
