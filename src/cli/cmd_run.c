/* cmd_run.c - `stc run`: load a program, or compile a model in memory, present the input, write the
 * result, say what came out. */
#include "commands.h"

#include "stc/error.h"

#include "records.h"
#include "run_report.h"
#include "running.h"

#include <string.h>

static struct {
    const char *output, *nirdata;
    stc_option_list record;
    int64_t record_every;
    bool profile;
} given;

static const stc_option rows[] = {
    {'o', "output", STC_OPTION_TEXT, &given.output, "RESULT", NULL,
     "file to write; without it only the summary on stdout (SONATA: the\nspikes_file of the "
     "configuration)",
     0, 0, NULL},
    {0, "nirdata", STC_OPTION_TEXT, &given.nirdata, "FILE", NULL,
     "write spikes and traces as NIRData too", 0, 0, NULL},
    {0, "record", STC_OPTION_LIST, &given.record, "WHAT[,WHAT]", NULL,
     "none, spikes of all neurons, or a state variable:\n"
     "v, v:NODE or v:NODE[A:B]; outputs are kept anyway (default spikes)",
     0, 0, NULL},
    {0, "record-every", STC_OPTION_INT, &given.record_every, "N", "1",
     "record state variables at the last of every N steps", 1, 1 << 30, NULL},
    {0, "profile", STC_OPTION_FLAG, &given.profile, NULL, NULL,
     "print to stderr where the time goes", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

/* What a run holds, to be released in any case. */
typedef struct {
    stc_arena *arena;
    stc_records records;
    stc_running running;
    stc_result *result;
} holdings;

/* The files that will be written; networks of other simulators may say where their results belong.
 * On rank 0. */
static int check_outputs(const stc_cli *cli, void *context)
{
    holdings *h = context;
    if (!given.output && !given.nirdata)
        STC_TRY(stc_network_output(cli->files[0], h->arena, &given.output));
    STC_TRY(stc_running_check_output(cli, given.output));
    return stc_running_check_output(cli, given.nirdata);
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

static int check_words(const stc_cli *cli, stc_arena *arena, stc_records *records)
{
    STC_TRY(stc_records_parse(&given.record, arena, records));
    STC_TRY(stc_cli_need_files(cli, 1, "the program or model file"));
    STC_CHECK(!given.nirdata || records->spikes || records->nrecords > 0, STC_ERR_USAGE,
              "--nirdata: there is nothing to write, as --record says none");
    STC_CHECK(!given.nirdata || !given.output || strcmp(given.nirdata, given.output) != 0,
              STC_ERR_USAGE, "--nirdata and -o name the same file %s; give each its own",
              given.output);
    return 0;
}

static int simulate(const stc_cli *cli, holdings *h)
{
    stc_records *records = &h->records;
    bool written = given.output || given.nirdata;
    STC_TRY(stc_records_fit(records, h->running.program));
    for (int r = 0; r < records->nrecords; r++)
        records->records[r].every = given.record_every;
    stc_run_options options = {.phases = given.profile,
                               .record_spikes = written && records->spikes,
                               .nrecords = written ? records->nrecords : 0,
                               .records = records->records};
    STC_TRY(stc_running_prepare(cli, &options, &h->running));
    STC_TRY(stc_sim_run(h->running.sim));
    if (given.profile) stc_sim_print_profile(h->running.sim, stderr);
    STC_TRY(stc_sim_result(h->running.sim, &h->result));
    stc_sim_destroy(&h->running.sim); /* writing needs memory too */
    h->result->seconds.load += h->running.seconds;
    return 0;
}

static int write_files(const stc_cli *cli, stc_result *result)
{
    double start = stc_seconds();
    char sha256[65];
    STC_TRY(stc_running_input_sha256(cli, sha256));
    const char *network = stc_file_has_input(cli->files[0]) ? cli->files[0] : stc_running_input();
    STC_TRY(stc_agree(cli->comm, stc_network_original_ids(network, result)));
    result->command = cli->line;
    result->input_sha256 = sha256;
    int rc = 0;
    if (given.output) rc = stc_result_write(cli->comm, result, given.output);
    if (rc >= 0 && given.nirdata) rc = stc_result_write_nirdata(cli->comm, result, given.nirdata);
    result->input_sha256 = "";
    result->seconds.write = stc_seconds() - start;
    return rc;
}

static int run(const stc_cli *cli)
{
    holdings h = {0};
    int rc = stc_agree(cli->comm, stc_arena_create(&h.arena));
    if (rc >= 0) rc = check_words(cli, h.arena, &h.records);
    if (rc >= 0) rc = stc_running_recognise(cli, check_outputs, &h, &h.running);
    if (rc >= 0) rc = share_output(cli, h.arena);
    if (rc >= 0) rc = stc_running_open(cli, &h.running);
    if (rc >= 0) rc = simulate(cli, &h);
    if (rc >= 0 && (given.output || given.nirdata)) rc = write_files(cli, h.result);
    if (rc >= 0 && cli->comm->rank == 0) {
        (cli->json ? stc_run_print_json : stc_run_print_text)(h.result, given.output,
                                                              given.nirdata);
    }
    stc_result_destroy(&h.result);
    stc_running_close(&h.running);
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
    .tables = {&table, &stc_running_table, &stc_compiling_table, &stc_rules_table},
    .run = run,
};
