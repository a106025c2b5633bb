/* cmd_run.c - `stc run`: load a program, or compile a model in memory, present the input, write the
 * result, say what came out. */
#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"
#include "stc/simulate.h"

#include "records.h"
#include "run_report.h"

#include <string.h>

static struct {
    const char *input, *output, *nirdata, *input_dt, *observable, *kernel, *precision;
    stc_option_list record;
    int64_t samples[2], replicas, block_steps, record_every;
    bool profile;
} given = {.samples = {0, -1}};

static const stc_option rows[] = {
    {'i', "input", STC_OPTION_TEXT, &given.input, "FILE", NULL,
     "what to present (needed, unless the model brings it or takes none)", 0, 0, NULL},
    {'o', "output", STC_OPTION_TEXT, &given.output, "RESULT", NULL,
     "file to write; without it only the summary on stdout (SONATA: the\nspikes_file of the "
     "configuration)",
     0, 0, NULL},
    {0, "nirdata", STC_OPTION_TEXT, &given.nirdata, "FILE", NULL,
     "write spikes and traces as NIRData too", 0, 0, NULL},
    {0, "input-dt", STC_OPTION_TEXT, &given.input_dt, "TIME", NULL,
     "duration of a step of an input of events, as 0.1ms or 1e-4s; a number\n"
     "alone: seconds (default: that of the model, else 1ms)",
     0, 0, NULL},
    {0, "observable", STC_OPTION_TEXT, &given.observable, "NAME", NULL,
     "which data of a NIRData input (default: spikes, or the only ones)", 0, 0, NULL},
    {0, "samples", STC_OPTION_RANGE, &given.samples, "A:B", NULL,
     "present samples A to B - 1 only (default: all)", 0, 0, NULL},
    {0, "record", STC_OPTION_LIST, &given.record, "WHAT[,WHAT]", NULL,
     "none, spikes of all neurons, or a state variable:\n"
     "v, v:NODE or v:NODE[A:B]; outputs are kept anyway (default spikes)",
     0, 0, NULL},
    {0, "record-every", STC_OPTION_INT, &given.record_every, "N", "1",
     "record state variables at the last of every N steps", 1, 1 << 30, NULL},
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
    {0, "precision", STC_OPTION_CHOICE, &given.precision, "WHICH", "double",
     "state of populations: double or single; synaptic sums are exact\nin both", 0, 0,
     "double single"},
    {0, "profile", STC_OPTION_FLAG, &given.profile, NULL, NULL,
     "print to stderr where the time goes", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

static int check_output(const char *output, const char *model)
{
    if (!output) return 0;
    STC_TRY(stc_output_check(output));
    STC_TRY(stc_output_apart(output, model));
    STC_TRY(stc_network_apart(model, output));
    STC_TRY(stc_network_apart(given.input, output));
    return given.input ? stc_output_apart(output, given.input) : 0;
}

/* Networks of other simulators bring their input and may say where their results belong. Rank 0. */
static int ask_model(const char *path, stc_arena *arena, bool *own_input)
{
    *own_input = !given.input && stc_file_has_input(path);
    if (*own_input) given.input = path;
    return given.output || given.nirdata ? 0 : stc_network_output(path, arena, &given.output);
}

/* What rank 0 found, on all ranks. */
static int share_output(const stc_cli *cli, stc_arena *arena)
{
    int64_t length = given.output ? (int64_t)strlen(given.output) + 1 : 0;
    stc_comm_bcast(cli->comm, &length, sizeof length, 0);
    if (length == 0) return 0;
    char *text = stc_arena_alloc(arena, length, 1);
    int rc = stc_agree(cli->comm, text ? 0 : STC_ERR_NOMEM);
    if (rc < 0) return rc;
    if (given.output) memcpy(text, given.output, (size_t)length);
    stc_comm_bcast(cli->comm, text, length, 0);
    given.output = text;
    return 0;
}

/* What can be known to fail is looked at before any work; *kind is set on all ranks. */
static int check_files(const stc_cli *cli, stc_arena *arena, stc_file_kind *kind)
{
    int rc = 0, found = 0;
    bool own_input = false;
    const char *path = cli->files[0];
    if (cli->comm->rank == 0) {
        stc_file_kind input;
        rc = stc_file_recognise(path, kind);
        if (rc >= 0 && *kind != STC_FILE_GRAPH && *kind != STC_FILE_PROGRAM)
            rc = stc_fail(STC_ERR_INPUT,
                          "%s: this file is of kind '%s', expected a program or a model", path,
                          stc_file_kind_name(*kind));
        if (rc >= 0) rc = ask_model(path, arena, &own_input);
        if (rc >= 0 && given.input) rc = stc_file_recognise(given.input, &input);
        if (rc >= 0) rc = check_output(given.output, path);
        if (rc >= 0) rc = check_output(given.nirdata, path);
        found = rc >= 0 ? (int)*kind : 0;
    }
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, &found, sizeof found, 0);
    stc_comm_bcast(cli->comm, &own_input, sizeof own_input, 0);
    *kind = (stc_file_kind)found;
    if (own_input) given.input = path;
    STC_TRY(share_output(cli, arena));
    const char *option = stc_compiling_given();
    STC_CHECK(*kind == STC_FILE_GRAPH || !option, STC_ERR_USAGE,
              "%s: %s is a program, where this is already decided\n"
              "hint: give it to stc compile, or run the model itself",
              option, path);
    return 0;
}

static int check_words(const stc_cli *cli, stc_arena *arena, stc_records *records)
{
    int ranks = cli->comm->size;
    STC_TRY(stc_records_parse(&given.record, arena, records));
    STC_TRY(stc_cli_need_files(cli, 1, "the program or model file"));
    STC_CHECK(ranks % given.replicas == 0, STC_ERR_USAGE,
              "--replicas: %lld groups of equal size cannot be made of %d rank%s",
              (long long)given.replicas, ranks, ranks == 1 ? "" : "s");
    STC_CHECK(!given.nirdata || records->spikes || records->nrecords > 0, STC_ERR_USAGE,
              "--nirdata: there is nothing to write, as --record says none");
    STC_CHECK(!given.nirdata || !given.output || strcmp(given.nirdata, given.output) != 0,
              STC_ERR_USAGE, "--nirdata and -o name the same file %s; give each its own",
              given.output);
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

static int simulate(const stc_cli *cli, const stc_program *program, const stc_input *input,
                    stc_records *records, stc_result **result)
{
    stc_sim *sim = NULL;
    bool written = given.output || given.nirdata;
    STC_TRY(stc_records_fit(records, program));
    for (int r = 0; r < records->nrecords; r++)
        records->records[r].every = given.record_every;
    stc_run_options options = {
        .time_steps = stc_compiling_options(cli).time_steps,
        .first_sample = given.samples[0],
        .nsamples = given.samples[1] < 0 ? 0 : given.samples[1] - given.samples[0],
        .block_steps = given.block_steps,
        .kernel = given.kernel,
        .seed = stc_compiling_options(cli).seed,
        .single = given.precision && strcmp(given.precision, "single") == 0,
        .threads = stc_cli_threads(cli, is_busy(cli, program)),
        .phases = given.profile,
        .record_spikes = written && records->spikes,
        .nrecords = written ? records->nrecords : 0,
        .records = records->records,
        .replicas = (int)given.replicas,
    };
    int rc = stc_sim_create(cli->comm, program, input, &options, &sim);
    if (rc < 0) return in_file(cli, rc);
    notice_idle_ranks(cli, program);
    if ((rc = stc_sim_run(sim)) < 0) goto out;
    if (given.profile) stc_sim_print_profile(sim, stderr);
    rc = stc_sim_result(sim, result);
out:
    stc_sim_destroy(&sim);
    return rc;
}

static int write_files(const stc_cli *cli, stc_result *result)
{
    double start = stc_seconds();
    char sha256[65] = ""; /* by one rank: the file may be large */
    int rc = cli->comm->rank == 0 && given.input ? stc_file_sha256(given.input, sha256) : 0;
    STC_TRY(stc_agree(cli->comm, rc));
    const char *network = stc_file_has_input(cli->files[0]) ? cli->files[0] : given.input;
    STC_TRY(stc_agree(cli->comm, stc_network_original_ids(network, result)));
    stc_comm_bcast(cli->comm, sha256, sizeof sha256, 0);
    result->command = cli->line;
    result->input_sha256 = sha256;
    if (given.output) rc = stc_result_write(cli->comm, result, given.output);
    if (rc >= 0 && given.nirdata) rc = stc_result_write_nirdata(cli->comm, result, given.nirdata);
    result->input_sha256 = "";
    result->seconds.write = stc_seconds() - start;
    return rc;
}

/* What a run holds, to be released in any case. */
typedef struct {
    stc_arena *arena;
    stc_records records;
    stc_graph *graph;
    stc_program *program;
    stc_input *input;
    stc_result *result;
} holdings;

static int run_files(const stc_cli *cli, stc_file_kind kind, holdings *h)
{
    double start = stc_seconds();
    if (kind == STC_FILE_GRAPH) {
        STC_TRY(compile_in_memory(cli, &h->graph, &h->program));
    } else {
        STC_TRY(stc_agree(cli->comm, stc_program_read(cli->files[0], &h->program)));
    }
    STC_TRY(open_input(cli, h->program, &h->input));
    double loaded = stc_seconds() - start;
    STC_TRY(simulate(cli, h->program, h->input, &h->records, &h->result));
    h->result->seconds.load += loaded;
    return given.output || given.nirdata ? write_files(cli, h->result) : 0;
}

static int run(const stc_cli *cli)
{
    stc_file_kind kind = STC_FILE_PROGRAM;
    holdings h = {0};
    int rc = stc_agree(cli->comm, stc_arena_create(&h.arena));
    if (rc >= 0) rc = check_words(cli, h.arena, &h.records);
    if (rc >= 0) rc = check_files(cli, h.arena, &kind);
    if (rc >= 0) rc = run_files(cli, kind, &h);
    if (rc >= 0 && cli->comm->rank == 0) {
        (cli->json ? stc_run_print_json : stc_run_print_text)(h.result, given.output,
                                                              given.nirdata);
    }
    stc_result_destroy(&h.result);
    stc_input_close(&h.input);
    stc_program_destroy(&h.program);
    stc_graph_destroy(&h.graph);
    stc_arena_destroy(&h.arena);
    return rc;
}

const stc_command stc_command_run = {
    .name = "run",
    .help = "run a program, or a model, on an input",
    .arguments = "PROGRAM|MODEL [--input FILE] -o RESULT [options]",
    .about = "Runs a program on any number of ranks; a model is compiled in memory first. "
             "Outputs, spikes\nand checksums are the same for any number of ranks, threads and "
             "chips.",
    .prints = "accuracy (when the input has labels), spikes, checksums, speed, exchange, and\n"
              "where the result lies; with --json one object.",
    .examples =
        "  stc run examples/digits/model.h5 --input examples/digits/test.h5 -o result.h5\n"
        "  mpirun -n 4 stc run program.h5 --input test.h5 -o result.h5 --samples 0:32\n"
        "  stc run lif.nir --input spikes.h5 --time-steps 256 --record spikes,v -o result.h5",
    .max_files = 1,
    .tables = {&table, &stc_compiling_table, &stc_rules_table},
    .run = run,
};
