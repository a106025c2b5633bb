/* cmd_verify.c - `stc verify`: is this file good? Nothing is compiled, unless the model is to check
 * itself by the test vectors that it brings (self_check.c). */
#include "self_check.h"

#include "stc/error.h"
#include "stc/io.h"

static struct {
    const char *input;
    bool self_check;
} given;

static const stc_option rows[] = {
    {0, "self-check", STC_OPTION_FLAG, &given.self_check, NULL, NULL,
     "compile the model in memory, run the test vectors in its file, and\n"
     "compare spikes and outputs; also under mpirun",
     0, 0, NULL},
    {'i', "input", STC_OPTION_TEXT, &given.input, "FILE", NULL,
     "what to present in a self-check (default: what the vectors bring)", 0, 0, NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

static int verify_graph(const stc_cli *cli)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    stc_graph *graph = NULL;
    stc_nir_rules rules;
    STC_TRY(stc_rules_options(&rules));
    int rc = stc_graph_read(cli->files[0], &rules, &graph);
    if (rc < 0) return rc;
    if ((rc = stc_graph_verify(graph)) < 0) {
        stc_fail_in(rc, "%s", cli->files[0]);
        goto out;
    }
    if ((rc = stc_graph_verify_weights(graph)) < 0) goto out;
    stc_graph_stats stats = stc_graph_statistics(graph);
    if (cli->json) {
        stc_json out = stc_json_begin(stdout);
        stc_json_string(&out, "file", cli->files[0]);
        stc_json_bool(&out, "good", true);
        stc_json_int(&out, "nodes", stats.nodes);
        stc_json_int(&out, "neurons", stats.neurons);
        stc_json_int(&out, "weights", stats.weights);
        stc_json_end(&out);
    } else {
        printf("%s: good: %lld nodes, %s neurons, all %s weights are finite\n", cli->files[0],
               (long long)stats.nodes, stc_text_count(stats.neurons, a),
               stc_text_count(stats.weights, b));
    }
out:
    stc_graph_destroy(&graph);
    return rc;
}

static int verify_program(const stc_cli *cli)
{
    stc_program *program = NULL;
    STC_TRY(stc_program_read(cli->files[0], &program));
    if (cli->json) {
        stc_json out = stc_json_begin(stdout);
        stc_json_string(&out, "file", cli->files[0]);
        stc_json_bool(&out, "good", true);
        stc_json_int(&out, "stages", program->nstages);
        stc_json_int(&out, "tiles", program->ntiles);
        stc_json_int(&out, "chips", program->chips);
        stc_json_end(&out);
    } else {
        printf("%s: good: a program of %d stages, %d tiles, %d chips\n", cli->files[0],
               program->nstages, program->ntiles, program->chips);
    }
    stc_program_destroy(&program);
    return 0;
}

static int verify(const stc_cli *cli)
{
    stc_file_kind kind;
    STC_TRY(stc_file_recognise(cli->files[0], &kind));
    if (kind == STC_FILE_GRAPH) return verify_graph(cli);
    if (kind == STC_FILE_PROGRAM) return verify_program(cli);
    STC_FAIL(STC_ERR_INPUT, "%s: this file is of kind '%s', expected a model or a program",
             cli->files[0], stc_file_kind_name(kind));
}

static int run(const stc_cli *cli)
{
    STC_TRY(stc_cli_need_files(cli, 1, "the model file"));
    if (given.self_check) return stc_self_check(cli, given.input);
    STC_CHECK(!given.input, STC_ERR_USAGE,
              "--input: nothing is presented to a model without --self-check");
    return stc_agree(cli->comm, cli->comm->rank == 0 ? verify(cli) : 0);
}

const stc_command stc_command_verify = {
    .name = "verify",
    .help = "check a model: operands, shapes, cycles, attributes, weights",
    .arguments = "MODEL|PROGRAM [options]",
    .about = "Checks a model without compiling it: operands exist, shapes fit, every cycle has a "
             "delay,\nattributes are in range, weights are finite; or the indices and sizes of a "
             "program.\nWith --self-check it runs the test vectors that the model brings: every "
             "neuron-step that\ndiffers must be listed as near its threshold, or come after one "
             "that is.",
    .prints = "one line when the file is good; of a self-check what differs by layer and output,\n"
              "and a verdict; with --json one object.",
    .examples = "  stc verify examples/digits/model.h5\n"
                "  stc verify model.nir --as norse\n"
                "  mpirun -n 4 stc verify --self-check examples/digits/model.h5 --input "
                "examples/digits/test.h5\n"
                "  stc verify model.h5 && mpirun -n 4 stc compile model.h5 -o program.h5",
    .exits = "the file is missing or not good, or a difference is not explained",
    .max_files = 1,
    .tables = {&table, &stc_rules_table},
    .run = run,
};
