/* cmd_compile.c - `stc compile`: read and verify a model, compile it, write the program, say what
 * came out. */
#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>
#include <sys/stat.h>

static struct {
    const char *output;
    bool list_passes;
} given;

static const stc_option rows[] = {
    {'o', "output", STC_OPTION_TEXT, &given.output, "PROGRAM", NULL, "file to write (needed)", 0, 0,
     NULL},
    {0, "list-passes", STC_OPTION_FLAG, &given.list_passes, NULL, NULL,
     "show the passes in their order and stop", 0, 0, NULL},
};

static const stc_option_table table = STC_TABLE("Options", rows);

static void list_passes(bool json)
{
    int n;
    const stc_pass *passes = stc_passes(&n);
    if (!json) {
        for (int i = 0; i < n; i++)
            printf("%-20s -O%d  %s; %s\n", passes[i].name, passes[i].level, passes[i].help,
                   passes[i].why);
        return;
    }
    stc_json out = stc_json_begin(stdout);
    stc_json_open(&out, "passes", '[');
    for (int i = 0; i < n; i++) {
        stc_json_open(&out, NULL, '{');
        stc_json_string(&out, "name", passes[i].name);
        stc_json_int(&out, "level", passes[i].level);
        stc_json_string(&out, "help", passes[i].help);
        stc_json_string(&out, "why", passes[i].why);
        stc_json_close(&out, '}');
    }
    stc_json_close(&out, ']');
    stc_json_end(&out);
}

static const char *bottleneck(const stc_program *program, const stc_compile_report *report)
{
    int32_t stage = report->allocation.bottleneck_stage;
    return stage >= 0 && stage < program->nstages ? program->stages[stage].name : "";
}

/* The command to type next; networks of other simulators bring their input. */
static void print_next(const stc_cli *cli, const stc_program *program)
{
    bool takes_input = false;
    for (int32_t s = 0; s < program->nstages; s++)
        takes_input = takes_input || program->stages[s].is_input;
    const char *input = stc_file_has_input(cli->files[0]) ? cli->files[0] : "INPUT";
    printf("next       mpirun -n %d stc run %s%s%s -o result.h5\n", cli->comm->size, given.output,
           takes_input ? " --input " : "", takes_input ? input : "");
}

static void print_partition(const stc_compile_report *report)
{
    const stc_partition_quality *quality = &report->partition;
    printf("partition  %s: multicast volume %.1f spikes per step", quality->method,
           quality->multicast_volume);
    for (int i = 0; i < 3; i++)
        if (report->compared[i].method)
            printf("%s%s %.1f", i ? ", " : " (", report->compared[i].method,
                   report->compared[i].multicast_volume);
    printf(")\n           broadcast share %.1f %%, largest part / average:",
           100.0 * quality->broadcast_share);
    for (int i = 0; i < STC_NCONSTRAINTS; i++)
        printf("%s %s %.2f", i ? "," : "", stc_constraint_names[i], quality->imbalance[i]);
    putchar('\n');
    if (quality->no_gain)
        printf("           no partition helps: what has several destinations goes nearly "
               "everywhere\n");
}

static void print_rates(const stc_profile *rates, const stc_compile_report *report)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE];
    printf("rates      %s: %s sample%s of %lld step%s; predicted for them: %s spikes sent to other "
           "chips, %s\n",
           rates->path, stc_text_count(rates->samples, a), rates->samples == 1 ? "" : "s",
           (long long)rates->steps, rates->steps == 1 ? "" : "s",
           stc_text_count(report->predicted.spike_copies, b),
           stc_text_bytes((int64_t)report->predicted.bytes, c));
}

static void print_text(const stc_cli *cli, const stc_program *program,
                       const stc_compile_report *report, const stc_profile *rates,
                       double write_seconds)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE], d[STC_TEXT_SIZE];
    const stc_allocation *cores = &report->allocation;
    printf("model      %s: %lld nodes, %s neurons, %s weights, %s synapses\n", program->name,
           (long long)report->graph.nodes, stc_text_count(report->graph.neurons, a),
           stc_text_count(report->graph.weights, b), stc_text_count(report->graph.synapses, c));
    printf("tiles      %d on %d chip%s, %lld of %s cores (%s) used, load balance %.2f, most work "
           "in %s\n",
           program->ntiles, program->chips, program->chips == 1 ? "" : "s",
           (long long)cores->cores_used, stc_text_count(cores->cores_available, a), program->target,
           cores->load_balance, bottleneck(program, report));
    if (program->chips > 1) print_partition(report);
    if (rates) print_rates(rates, report);
    printf("seconds    %s (passes %s, partition %s, write %s)\n",
           stc_text_seconds(report->seconds.total + write_seconds, a),
           stc_text_seconds(report->seconds.passes, b),
           stc_text_seconds(report->seconds.partition, c), stc_text_seconds(write_seconds, d));
    struct stat file;
    printf("wrote      %s (%s)\n", given.output,
           stc_text_bytes(stat(given.output, &file) == 0 ? (int64_t)file.st_size : 0, a));
    print_next(cli, program);
}

static void json_rates(stc_json *out, const stc_profile *rates, const stc_compile_report *report)
{
    stc_json_open(out, "rates", '{');
    stc_json_string(out, "file", rates->path);
    stc_json_string(out, "sha256", rates->sha256);
    stc_json_int(out, "first_sample", rates->first_sample);
    stc_json_int(out, "samples", rates->samples);
    stc_json_int(out, "steps", rates->steps);
    stc_json_close(out, '}');
    stc_json_open(out, "predicted", '{');
    stc_json_int(out, "spike_copies", report->predicted.spike_copies);
    stc_json_real(out, "bytes", report->predicted.bytes);
    stc_json_close(out, '}');
}

static void json_partition(stc_json *out, const stc_compile_report *report,
                           const stc_profile *rates)
{
    const stc_partition_quality *quality = &report->partition;
    stc_json_open(out, "partition", '{');
    stc_json_string(out, "method", quality->method);
    stc_json_real(out, "multicast_volume", quality->multicast_volume);
    stc_json_real(out, "broadcast_share", quality->broadcast_share);
    stc_json_real(out, "edge_cut", quality->edge_cut);
    stc_json_int(out, "messages", quality->messages);
    stc_json_open(out, "imbalance", '{');
    for (int i = 0; i < STC_NCONSTRAINTS; i++) {
        char key[STC_TEXT_SIZE];
        snprintf(key, sizeof key, "%s", stc_constraint_names[i]);
        for (char *c = key; *c; c++)
            if (*c == ' ') *c = '_';
        stc_json_real(out, key, quality->imbalance[i]);
    }
    stc_json_close(out, '}');
    stc_json_open(out, "compared_multicast_volume", '{');
    for (int i = 0; i < 3; i++)
        if (report->compared[i].method)
            stc_json_real(out, report->compared[i].method, report->compared[i].multicast_volume);
    stc_json_close(out, '}');
    stc_json_bool(out, "no_gain", quality->no_gain);
    if (rates) json_rates(out, rates, report);
    stc_json_close(out, '}');
}

static void json_seconds(stc_json *out, const stc_compile_report *report, double write_seconds)
{
    stc_json_open(out, "seconds", '{');
    stc_json_real(out, "passes", report->seconds.passes);
    stc_json_real(out, "lower", report->seconds.lower);
    stc_json_real(out, "tile", report->seconds.tile);
    stc_json_real(out, "nets", report->seconds.nets);
    stc_json_real(out, "partition", report->seconds.partition);
    stc_json_real(out, "allocate", report->seconds.allocate);
    stc_json_real(out, "write", write_seconds);
    stc_json_real(out, "total", report->seconds.total + write_seconds);
    stc_json_close(out, '}');
}

static void print_json(const stc_cli *cli, const stc_program *program,
                       const stc_compile_report *report, const stc_profile *rates,
                       double write_seconds, int64_t rss)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_open(&out, "graph", '{');
    stc_json_int(&out, "nodes", report->graph.nodes);
    stc_json_int(&out, "neurons", report->graph.neurons);
    stc_json_int(&out, "synapses", report->graph.synapses);
    stc_json_int(&out, "weights", report->graph.weights);
    stc_json_close(&out, '}');
    stc_json_int(&out, "chips", program->chips);
    stc_json_int(&out, "ranks", cli->comm->size);
    stc_json_int(&out, "tiles", program->ntiles);
    stc_json_int(&out, "levels", program->levels);
    stc_json_string(&out, "target", program->target);
    json_partition(&out, report, rates);
    stc_json_open(&out, "allocation", '{');
    stc_json_int(&out, "cores_used", report->allocation.cores_used);
    stc_json_int(&out, "cores_available", report->allocation.cores_available);
    stc_json_real(&out, "estimated_utilization", report->allocation.utilization);
    stc_json_real(&out, "load_balance", report->allocation.load_balance);
    stc_json_string(&out, "bottleneck", bottleneck(program, report));
    stc_json_close(&out, '}');
    stc_json_open(&out, "passes", '[');
    for (int i = 0; i < report->npasses; i++) {
        stc_json_open(&out, NULL, '{');
        stc_json_string(&out, "name", report->passes[i].name);
        stc_json_real(&out, "ms", report->passes[i].ms);
        stc_json_int(&out, "nodes_before", report->passes[i].nodes_before);
        stc_json_int(&out, "nodes_after", report->passes[i].nodes_after);
        stc_json_close(&out, '}');
    }
    stc_json_close(&out, ']');
    json_seconds(&out, report, write_seconds);
    stc_json_int(&out, "peak_rss_bytes", rss);
    stc_json_string(&out, "program", given.output);
    stc_json_end(&out);
}

/* What can be known to fail is looked at before any work. */
static int check_files(const stc_cli *cli)
{
    int rc = 0;
    stc_file_kind kind;
    if (cli->comm->rank == 0) {
        rc = stc_file_recognise(cli->files[0], &kind);
        if (rc >= 0 && kind != STC_FILE_GRAPH)
            rc = stc_fail(STC_ERR_INPUT, "%s: this file is of kind '%s', expected a model",
                          cli->files[0], stc_file_kind_name(kind));
        if (rc >= 0) rc = stc_output_check(given.output);
        if (rc >= 0) rc = stc_output_apart(given.output, cli->files[0]);
        if (rc >= 0) rc = stc_network_apart(cli->files[0], given.output);
    }
    return stc_agree(cli->comm, rc);
}

static int compile(const stc_cli *cli)
{
    if (given.list_passes) {
        if (cli->comm->rank == 0) list_passes(cli->json);
        return 0;
    }
    STC_TRY(stc_cli_need_files(cli, 1, "the model file"));
    STC_CHECK(given.output, STC_ERR_USAGE,
              "-o PROGRAM is missing: where the program is written\n"
              "hint: stc compile %s -o program.h5",
              cli->files[0]);
    STC_TRY(check_files(cli));
    stc_cli_threads(cli, true);

    stc_compile_options options = stc_compiling_options(cli);
    stc_compile_report report = {0};
    stc_graph *graph = NULL;
    stc_program *program = NULL;
    stc_arena *arena = NULL;
    STC_TRY(stc_cli_read_graph(cli, cli->files[0], &graph));
    int rc = stc_agree(cli->comm, stc_arena_create(&arena));
    if (rc >= 0) rc = stc_compiling_rates(cli, arena, &options.rates);
    if (rc < 0) goto out;
    rc = stc_compile(cli->comm, graph, cli->files[0], &options, &program, &report);
    if (rc < 0) goto out;
    double start = stc_seconds();
    if ((rc = stc_program_write(cli->comm, program, given.output)) < 0) goto out;
    double seconds = stc_comm_max(cli->comm, stc_seconds() - start);
    int64_t rss = (int64_t)stc_comm_sum_u64(cli->comm, (uint64_t)stc_peak_rss_bytes());
    if (cli->comm->rank == 0) {
        if (cli->json) {
            print_json(cli, program, &report, options.rates, seconds, rss);
        } else {
            print_text(cli, program, &report, options.rates, seconds);
        }
    }
out:
    stc_program_destroy(&program);
    stc_graph_destroy(&graph);
    stc_arena_destroy(&arena);
    return rc < 0 ? rc : 0;
}

const stc_command stc_command_compile = {
    .name = "compile",
    .help = "compile a model for a number of chips",
    .arguments = "MODEL -o PROGRAM [options]",
    .about = "Reads a SpikeGraph, folds and simplifies it, cuts it into tiles, assigns the tiles "
             "to chips\nso that few spikes travel between chips, and writes a program that any "
             "number of ranks can run.",
    .prints = "sizes, partition (traffic next to that of other methods), cores, seconds, the\n"
              "file written and the command to type next; with --json one object.",
    .examples = "  stc compile examples/digits/model.h5 -o digits.h5 --chips 8\n"
                "  mpirun -n 4 stc compile model.h5 -o program.h5 --partition metis-cut --json",
    .max_files = 1,
    .tables = {&table, &stc_compiling_table, &stc_rules_table},
    .run = compile,
};
