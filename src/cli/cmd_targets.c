/* cmd_targets.c - `stc targets`: the built-in kinds of chip. */
#include "commands.h"

#include "stc/error.h"

static void print_text(const stc_target *const *targets, int n)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE];
    printf("%-12s %14s %14s %11s %13s\n", "target", "neurons/core", "weights/core", "cores/chip",
           "bytes/weight");
    for (int i = 0; i < n; i++)
        printf("%-12s %14s %14s %11s %13lld\n             %s\n", targets[i]->name,
               stc_text_count(targets[i]->neurons_per_core, a),
               stc_text_bytes(targets[i]->synapse_bytes_per_core, b),
               stc_text_count(targets[i]->cores_per_chip, c), (long long)targets[i]->weight_bytes,
               targets[i]->help);
}

static void print_json(const stc_target *const *targets, int n)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_open(&out, "targets", '[');
    for (int i = 0; i < n; i++) {
        stc_json_open(&out, NULL, '{');
        stc_json_string(&out, "name", targets[i]->name);
        stc_json_int(&out, "neurons_per_core", targets[i]->neurons_per_core);
        stc_json_int(&out, "synapse_bytes_per_core", targets[i]->synapse_bytes_per_core);
        stc_json_int(&out, "cores_per_chip", targets[i]->cores_per_chip);
        stc_json_int(&out, "weight_bytes", targets[i]->weight_bytes);
        stc_json_string(&out, "help", targets[i]->help);
        stc_json_close(&out, '}');
    }
    stc_json_close(&out, ']');
    stc_json_end(&out);
}

static int run(const stc_cli *cli)
{
    int n;
    const stc_target *const *targets = stc_targets(&n);
    if (cli->comm->rank == 0) {
        if (cli->json) {
            print_json(targets, n);
        } else {
            print_text(targets, n);
        }
    }
    return 0;
}

const stc_command stc_command_targets = {
    .name = "targets",
    .help = "list the kinds of chip that can be compiled for",
    .arguments = "[options]",
    .about = "Lists the built-in targets: how much fits on a core, and how many cores a chip has.",
    .prints = "one target after the other; with --json one object.",
    .examples = "  stc targets\n"
                "  mpirun -n 4 stc compile model.h5 -o program.h5 --target tiny",
    .max_files = 0,
    .run = run,
};
