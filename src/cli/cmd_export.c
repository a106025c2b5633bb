/* cmd_export.c - `stc export`: a model in another form, for other programs. */
#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

static struct {
    const char *to, *output;
} given;

static const stc_option rows[] = {
    {'o', "output", STC_OPTION_TEXT, &given.output, "FILE", NULL, "file to write (needed)", 0, 0,
     NULL},
    {0, "to", STC_OPTION_CHOICE, &given.to, "FORM", NULL,
     "nir, dot (a drawing, for Graphviz) or h5 (SpikeGraph)\n"
     "(default: what the name of the file ends in)",
     0, 0, "nir dot h5"},
};
static const stc_option_table table = STC_TABLE("Options", rows);

/* The form that was asked for, or that the name of the file ends in. */
static int find_form(const char **out)
{
    static const char *const forms[] = {"nir", "dot", "h5"};
    *out = given.to;
    const char *dot = strrchr(given.output, '.');
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && !*out && dot; i++)
        if (strcmp(dot + 1, forms[i]) == 0) *out = forms[i];
    STC_CHECK(*out, STC_ERR_USAGE,
              "--to FORM is missing: %s does not end in .nir, .dot or .h5, so say which",
              given.output);
    return 0;
}

static void report(const stc_cli *cli, const stc_graph *graph, const char *form, const char *needs)
{
    if (cli->json) {
        stc_json out = stc_json_begin(stdout);
        stc_json_string(&out, "file", given.output);
        stc_json_string(&out, "form", form);
        stc_json_int(&out, "nodes", graph->nnodes);
        if (needs[0]) stc_json_string(&out, "rules", needs);
        stc_json_end(&out);
        return;
    }
    printf("wrote      %s (%s)\n", given.output, form);
    if (needs[0])
        printf("rules      %s\n           readers of NIR want to be told, here as"
               "\nnext       stc run %s %s --input INPUT\n",
               needs, given.output, needs);
    else if (strcmp(form, "dot") == 0)
        printf("next       dot -Tsvg %s -o model.svg\n", given.output);
    else
        printf("next       stc info %s\n", given.output);
}

static int write_model(const stc_cli *cli, const char *form)
{
    char needs[512] = "";
    stc_nir_rules rules;
    stc_graph *graph = NULL;
    STC_TRY(stc_output_check(given.output));
    STC_TRY(stc_output_apart(given.output, cli->files[0]));
    STC_TRY(stc_rules_options(&rules));
    stc_file_kind kind;
    STC_TRY(stc_file_recognise(cli->files[0], &kind));
    STC_CHECK(kind == STC_FILE_GRAPH, STC_ERR_INPUT,
              "%s: this file is of kind '%s', expected a model", cli->files[0],
              stc_file_kind_name(kind));
    int rc = stc_graph_read(cli->files[0], &rules, &graph);
    if (rc < 0) return rc;
    if ((rc = stc_graph_verify(graph)) < 0) {
        stc_fail_in(rc, "%s", cli->files[0]);
    } else if (strcmp(form, "nir") == 0) {
        rc = stc_graph_write_nir(graph, given.output, needs, sizeof needs);
        if (rc == STC_ERR_INPUT) stc_fail_in(rc, "%s", cli->files[0]);
    } else {
        rc = (form[0] == 'd' ? stc_graph_write_dot : stc_graph_write)(graph, given.output);
    }
    if (rc >= 0) report(cli, graph, form, needs);
    stc_graph_destroy(&graph);
    return rc;
}

static int run(const stc_cli *cli)
{
    const char *form;
    STC_TRY(stc_cli_need_files(cli, 1, "the model file"));
    STC_CHECK(given.output, STC_ERR_USAGE, "-o FILE is missing: what to write");
    STC_TRY(find_form(&form));
    return stc_agree(cli->comm, cli->comm->rank == 0 ? write_model(cli, form) : 0);
}

const stc_command stc_command_export = {
    .name = "export",
    .help = "write a model as NIR, as a drawing, or as a SpikeGraph",
    .arguments = "MODEL -o FILE [--to nir|dot|h5] [options]",
    .about = "Writes a model for other programs. NIR has no words for products of nodes, maximum "
             "pooling\nand some others: then the first such node is named. Batch norms go into the "
             "weights before them.",
    .prints = "the file and, for NIR, the rules under which it means what the model does;\nwith "
              "--json one object.",
    .examples = "  stc export model.h5 -o model.nir\n"
                "  stc export model.nir -o model.dot && dot -Tsvg model.dot -o model.svg\n"
                "  mpirun -n 4 stc run model.nir --input input.h5   # after stc export",
    .exits = "the model is missing or bad, or NIR cannot say it",
    .max_files = 1,
    .tables = {&table, &stc_rules_table},
    .run = run,
};
