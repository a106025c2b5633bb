/* compiling.c - the options of everything that compiles: `stc compile`, and `stc run` of a model.
 */
#include "commands.h"

#include "stc/error.h"

static struct {
    const char *target, *partition, *rates, *skip, *dump_after;
    int64_t chips, optimization, seed, tile_neurons, time_steps;
} given = {.optimization = -1};

static const stc_option rows[] = {
    {0, "target", STC_OPTION_TEXT, &given.target, "NAME|FILE", NULL,
     "kind of chip, a name of `stc targets` or a file (default generic)", 0, 0, NULL},
    {0, "chips", STC_OPTION_INT, &given.chips, "N", NULL, "number of chips (default: one per rank)",
     1, INT32_MAX, NULL},
    {'O', NULL, STC_OPTION_INT, &given.optimization, "0..3", NULL,
     "optimisation; 0 to 2 give the same answer to the last bit (default 2).\n"
     "3 is for passes that may change it: there is none yet, so it equals 2",
     0, 3, NULL},
    {0, "partition", STC_OPTION_TEXT, &given.partition, "METHOD", NULL,
     "how tiles are assigned to chips: auto, multilevel, metis-cut,\n"
     "contiguous, even, random, file:PATH (default auto; of target host even)",
     0, 0, NULL},
    {0, "rates", STC_OPTION_TEXT, &given.rates, "PROFILE", NULL,
     "traffic as `stc profile` measured it (default: estimates)", 0, 0, NULL},
    {0, "seed", STC_OPTION_INT, &given.seed, "N", "0",
     "of the partition, of synapses that rules make, and of Poisson\ninput", 0, 0, NULL},
    {0, "tile-neurons", STC_OPTION_INT, &given.tile_neurons, "N", NULL,
     "neurons of a population per tile, which partitions move as one\n(default: what a core holds, "
     "but at least 32 tiles)",
     1, INT32_MAX, NULL},
    {0, "time-steps", STC_OPTION_INT, &given.time_steps, "T", NULL,
     "steps per sample (default: what the input or the model says)", 1, 1 << 30, NULL},
    {0, "skip", STC_OPTION_TEXT, &given.skip, "PASS[,PASS]", NULL,
     "leave out passes (see `stc compile --list-passes`)", 0, 0, NULL},
    {0, "dump-after", STC_OPTION_TEXT, &given.dump_after, "PASS", NULL,
     "print the graph to stderr after this pass", 0, 0, NULL},
};

const stc_option_table stc_compiling_table =
    STC_TABLE("Compiling (in stc run: of a model; --time-steps also of a program)", rows);

stc_compile_options stc_compiling_options(const stc_cli *cli)
{
    return (stc_compile_options){
        .chips = (int32_t)given.chips,
        .target = given.target,
        .partition = given.partition,
        .optimization = given.optimization < 0 ? 2 : (int)given.optimization,
        .skip = given.skip,
        .dump_after = given.dump_after,
        .tile_neurons = given.tile_neurons,
        .time_steps = given.time_steps,
        .seed = (uint64_t)given.seed,
        .command = cli->line,
    };
}

int stc_cli_read_profile(const stc_cli *cli, const char *path, stc_arena *arena,
                         const stc_profile **out)
{
    char sha256[65] = "";
    stc_profile *profile = stc_arena_alloc(arena, 1, sizeof *profile);
    int rc = profile ? stc_profile_read(path, arena, profile) : STC_ERR_NOMEM;
    if (rc >= 0 && cli->comm->rank == 0) rc = stc_file_sha256(path, sha256);
    STC_TRY(stc_agree(cli->comm, rc));
    stc_comm_bcast(cli->comm, sha256, sizeof sha256, 0);
    profile->sha256 = stc_arena_strdup(arena, sha256);
    *out = profile;
    return stc_agree(cli->comm, profile->sha256 ? 0 : STC_ERR_NOMEM);
}

int stc_compiling_rates(const stc_cli *cli, stc_arena *arena, const stc_profile **out)
{
    *out = NULL;
    return given.rates ? stc_cli_read_profile(cli, given.rates, arena, out) : 0;
}

const char *stc_compiling_given(void)
{
    if (given.target) return "--target";
    if (given.chips) return "--chips";
    if (given.optimization >= 0) return "-O";
    if (given.partition) return "--partition";
    if (given.rates) return "--rates";
    if (given.tile_neurons) return "--tile-neurons";
    if (given.skip) return "--skip";
    if (given.dump_after) return "--dump-after";
    return stc_rules_given();
}
