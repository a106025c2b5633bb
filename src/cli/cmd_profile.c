/* cmd_profile.c - `stc profile`: run and write how often each output that others read was other
 * than zero, for `--rates`. */
#include "commands.h"

#include "stc/error.h"
#include "stc/profile.h"

#include "running.h"

#include <string.h>

static struct {
    const char *output;
} given;

static const stc_option rows[] = {
    {'o', "output", STC_OPTION_TEXT, &given.output, "PROFILE", NULL, "file to write (needed)", 0, 0,
     NULL},
};
static const stc_option_table table = STC_TABLE("Options", rows);

/* What is said about a node; on all ranks. */
typedef struct {
    const char *name;
    int64_t elements, count;
    double rate; /* per element and step, of the steps that were counted */
} summary;

static int summarise(const stc_cli *cli, const stc_profile *profile, summary *list)
{
    for (int i = 0; i < profile->nnodes; i++) {
        const stc_profile_node *node = &profile->nodes[i];
        int64_t mine = 0;
        uint64_t sum = 0;
        for (int b = 0; b < node->nboxes; b++)
            mine += stc_box_size(&node->boxes[b]);
        for (int64_t e = 0; e < mine; e++)
            sum += node->counts[e];
        summary *s = &list[i];
        *s = (summary){.name = node->name, .elements = stc_shape_size(&node->shape)};
        s->count = (int64_t)stc_comm_sum_u64(cli->comm, sum);
        s->rate = (double)s->count /
                  ((double)s->elements * (double)profile->samples * (double)node->steps);
    }
    return 0;
}

static void print_text(const stc_profile *profile, const summary *list)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    printf("profile    of %s sample%s of %lld step%s\n", stc_text_count(profile->samples, a),
           profile->samples == 1 ? "" : "s", (long long)profile->steps,
           profile->steps == 1 ? "" : "s");
    printf("%-32s %14s %18s %12s\n", "node", "elements", "nonzero", "share");
    for (int i = 0; i < profile->nnodes; i++)
        printf("%-32.32s %14s %18s %10.4f %%%s\n", list[i].name,
               stc_text_count(list[i].elements, a), stc_text_count(list[i].count, b),
               100.0 * list[i].rate, profile->nodes[i].steps == 1 ? " (once per sample)" : "");
    printf("wrote      %s\n", given.output);
}

/* The command to type next. */
static void print_next(const stc_cli *cli, const stc_running *running, const stc_profile *profile)
{
    const char *model = running->kind == STC_FILE_GRAPH ? cli->files[0] : profile->model;
    printf("next       stc compile %s --rates %s -o program.h5\n", model[0] ? model : "MODEL",
           given.output);
}

static void print_json(const stc_profile *profile, const summary *list)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_int(&out, "first_sample", profile->first_sample);
    stc_json_int(&out, "samples", profile->samples);
    stc_json_int(&out, "steps", profile->steps);
    stc_json_open(&out, "nodes", '{');
    for (int i = 0; i < profile->nnodes; i++) {
        stc_json_open(&out, list[i].name, '{');
        stc_json_int(&out, "elements", list[i].elements);
        stc_json_int(&out, "steps", profile->nodes[i].steps);
        stc_json_int(&out, "count", list[i].count);
        stc_json_real(&out, "rate", list[i].rate);
        stc_json_close(&out, '}');
    }
    stc_json_close(&out, '}');
    stc_json_string(&out, "model_sha256", profile->model_sha256);
    stc_json_string(&out, "output", given.output);
    stc_json_end(&out);
}

static int check_output(const stc_cli *cli, void *context)
{
    (void)context;
    return stc_running_check_output(cli, given.output);
}

static int measure(const stc_cli *cli, stc_arena *arena, stc_running *running, stc_profile *profile)
{
    stc_run_options options = {0};
    STC_TRY(stc_running_prepare(cli, &options, running));
    STC_TRY(stc_sim_count(running->sim, arena, profile));
    STC_TRY(stc_sim_run(running->sim));
    char sha256[65];
    STC_TRY(stc_running_input_sha256(cli, sha256));
    profile->input_sha256 = sha256;
    profile->command = cli->line;
    int rc = stc_profile_write(cli->comm, profile, given.output);
    profile->input_sha256 = "";
    return rc;
}

static int profile_files(const stc_cli *cli, stc_arena *arena, stc_running *running)
{
    stc_profile profile;
    STC_TRY(stc_running_recognise(cli, check_output, NULL, running));
    STC_TRY(stc_running_open(cli, running));
    STC_TRY(measure(cli, arena, running, &profile));
    summary *list = stc_arena_alloc(arena, profile.nnodes, sizeof *list);
    STC_TRY(stc_agree(cli->comm, list ? 0 : STC_ERR_NOMEM));
    STC_TRY(summarise(cli, &profile, list));
    if (cli->comm->rank != 0) return 0;
    if (cli->json) {
        print_json(&profile, list);
    } else {
        print_text(&profile, list);
        print_next(cli, running, &profile);
    }
    return 0;
}

static int run(const stc_cli *cli)
{
    stc_running running = {0};
    stc_arena *arena = NULL;
    STC_TRY(stc_cli_need_files(cli, 1, "the program or model file"));
    STC_CHECK(given.output, STC_ERR_USAGE,
              "-o PROFILE is missing: where the profile is written\n"
              "hint: stc profile %s --input INPUT -o profile.h5",
              cli->files[0]);
    int rc = stc_agree(cli->comm, stc_arena_create(&arena));
    if (rc >= 0) rc = profile_files(cli, arena, &running);
    stc_running_close(&running);
    stc_arena_destroy(&arena);
    return rc;
}

const stc_command stc_command_profile = {
    .name = "profile",
    .help = "measure what travels: spikes of every neuron in a run",
    .arguments = "PROGRAM|MODEL [--input FILE] -o PROFILE [options]",
    .about = "Runs a program or model and counts how often every output that others read was "
             "other than\nzero. Compiling the model with --rates PROFILE then weighs traffic as it "
             "was measured.",
    .prints = "nonzero outputs of each node, the file written and the command to type next; with\n"
              "--json one object.",
    .examples = "  stc profile examples/digits/model.h5 --input examples/digits/test.h5 "
                "-o profile.h5\n"
                "  mpirun -n 4 stc profile program.h5 --input test.h5 --samples 0:32 -o profile.h5",
    .max_files = 1,
    .tables = {&table, &stc_running_table, &stc_compiling_table, &stc_rules_table},
    .run = run,
};
