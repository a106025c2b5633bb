/* cmd_info.c - `stc info`: recognise a file and show what it holds. */
#include "commands.h"

#include "info.h"

#include "stc/error.h"
#include "stc/io.h"

static bool presets, models;
static const stc_option rows[] = {
    {0, "presets", STC_OPTION_FLAG, &presets, NULL, NULL,
     "show the simulators that --as knows, and stop", 0, 0, NULL},
    {0, "models", STC_OPTION_FLAG, &models, NULL, NULL,
     "show the neuron models of populations, and stop: parameters, defaults,\nunits, states", 0, 0,
     NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

static void list_presets(bool json)
{
    const char *name, *help;
    stc_json out = {0};
    if (json) {
        out = stc_json_begin(stdout);
        stc_json_open(&out, "presets", '{');
    }
    for (int i = 0; (name = stc_nir_preset(i, &help)); i++) {
        if (json) {
            stc_json_string(&out, name, help);
        } else {
            printf("%-14s %s\n", name, help);
        }
    }
    if (!json) return;
    stc_json_close(&out, '}');
    stc_json_end(&out);
}

static int show(const stc_cli *cli)
{
    stc_file_kind kind;
    const char *path = cli->files[0];
    STC_TRY(stc_file_recognise(path, &kind));
    if (kind == STC_FILE_GRAPH) return stc_info_graph(path, cli->json);
    if (kind == STC_FILE_PROGRAM) return stc_info_program(path, cli->json);
    return stc_info_contents(path, stc_file_kind_name(kind), cli->json);
}

static int run(const stc_cli *cli)
{
    if (presets && cli->comm->rank == 0) list_presets(cli->json);
    if (models && !presets && cli->comm->rank == 0) stc_info_models(cli->json);
    if (presets || models) return 0;
    STC_TRY(stc_cli_need_files(cli, 1, "the file"));
    return stc_agree(cli->comm, cli->comm->rank == 0 ? show(cli) : 0);
}

const stc_command stc_command_info = {
    .name = "info",
    .help = "show what a model, program, result or input holds",
    .arguments = "FILE [options]",
    .about = "Recognises a file by its content and shows what is in it: the nodes of a model, the "
             "chips and\nstages of a program, the spikes and metrics of a result, the arrays of an "
             "input.",
    .prints = "a few lines and a table; with --json one object.",
    .examples = "  stc info examples/digits/model.h5\n"
                "  mpirun -n 4 stc compile model.h5 -o program.h5 && stc info program.h5",
    .exits = "the file is missing or bad",
    .max_files = 1,
    .tables = {&table, &stc_rules_table},
    .run = run,
};
