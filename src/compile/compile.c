/* compile.c - the driver: a SpikeGraph in, a program out. Reads top to bottom like the picture in
 * the README: passes, lower, tile, nets, partition, allocate. */
#include "stc/error.h"
#include "stc/io.h"
#include "steps.h"

#include <string.h>

/* Levels between chips. */
static int find_levels(stc_program *program, const int32_t *chip, int32_t *level)
{
    int32_t period;
    int64_t block = stc_program_block_limit(program, chip);
    if (block < 0) return (int)block;
    program->levels = stc_program_levels(program, chip, block, level, &period);
    if (program->levels < 0) return program->levels;
    for (int32_t t = 0; t < program->ntiles; t++)
        program->tiles[t].level = level[program->tiles[t].stage];
    return 0;
}

static int partition_tiles(const stc_comm *comm, stc_program *program, const stc_target *target,
                           const stc_compile_options *options, stc_compile_report *report)
{
    int32_t n = program->ntiles;
    int32_t *part = stc_alloc(n, sizeof *part);
    stc_arena *arena = NULL;
    stc_hypergraph graph;
    int rc = part ? stc_arena_create(&arena) : STC_ERR_NOMEM;
    if (rc >= 0) rc = stc_compile_hypergraph(program, arena, &graph);
    const char *method = options->partition ? options->partition
                         : options->rates   ? NULL /* traffic that was measured is worth a search */
                                            : target->partition;
    stc_partition_options partition = {.method = method,
                                       .nparts = program->chips,
                                       .seed = options->seed,
                                       .imbalance =
                                           1.05 /* samples stream as fast as the slowest chip */};
    stc_target_limit(target, &partition);
    if (rc >= 0) rc = stc_partition_file_given(method, arena, &partition.given, &partition.ngiven);
    rc = stc_agree(comm, rc);
    if (rc < 0) goto out;
    rc = stc_partition(comm, &graph, &partition, part, &report->partition, report->compared);
    if (rc == STC_ERR_FIT) {
        rc = stc_fail_in(rc, "target %s, one part per chip", target->name);
    }
    if (rc < 0) goto out;
    for (int32_t t = 0; t < n; t++)
        program->tiles[t].chip = part[t];
    program->partition = stc_arena_strdup(program->arena, report->partition.method);

    int32_t *level = stc_alloc(program->nstages, sizeof *level);
    rc = stc_agree(comm, level ? 0 : STC_ERR_NOMEM);
    if (rc >= 0) {
        rc = stc_agree(comm, find_levels(program, part, level));
    }
    stc_free(level);
    if (rc >= 0 && options->rates) {
        rc = stc_agree(comm, stc_compile_predict(program, options->rates, part, program->chips,
                                                 &report->predicted));
    }
out:
    stc_arena_destroy(&arena);
    stc_free(part);
    return rc;
}

static int choose_chips(const stc_comm *comm, const stc_compile_options *options,
                        stc_program *program)
{
    int32_t chips = options->chips > 0 ? options->chips : comm->size;
    if (chips > program->ntiles && options->clamp_chips) chips = program->ntiles;
    STC_CHECK(chips <= program->ntiles, STC_ERR_INPUT,
              "%d chips for %d tiles: a chip without a tile would idle; use --chips %d or less",
              chips, program->ntiles, program->ntiles);
    program->chips = chips;
    return 0;
}

/* What every rank does alike, without communication. */
static int compile_local(stc_graph *graph, const stc_compile_options *options,
                         const stc_target *target, stc_program *program, stc_compile_report *report)
{
    double start = stc_seconds();
    STC_TRY(stc_passes_run(graph, options->optimization, options->skip, options->dump_after,
                           report->passes, &report->npasses));
    double passes = stc_seconds();
    STC_TRY(stc_lower(graph, program));
    double lower = stc_seconds();
    STC_TRY(stc_tile_stages(program, target, options->tile_neurons));
    double tile = stc_seconds();
    if (options->rates) {
        STC_TRY(stc_compile_rates(program, options->rates));
    } else {
        STC_TRY(stc_build_nets(program, NULL));
    }
    report->seconds.passes = passes - start;
    report->seconds.lower = lower - passes;
    report->seconds.tile = tile - lower;
    report->seconds.nets = stc_seconds() - tile;
    return 0;
}

/* Put the model's file before a failure that is about the model, unless it is named already. */
static int in_model(const stc_program *program, int rc)
{
    const char *path = program->model_path;
    if (rc != STC_ERR_INPUT || !path[0] || strstr(stc_error_text(), path)) return rc;
    return stc_fail_in(rc, "%s", path);
}

/* Nobody asks what a network costs on a chip that is run at once; most would not fit. */
static const char *choose_target(const stc_graph *graph, const stc_compile_options *options)
{
    if (options->target || !options->clamp_chips) return options->target;
    for (int32_t i = 0; i < graph->nnodes; i++)
        if (graph->nodes[i]->op->op_class == STC_CLASS_POPULATION) return "host";
    return NULL;
}

static int compile(const stc_comm *comm, stc_graph *graph, const stc_compile_options *options,
                   stc_program *program, stc_compile_report *report)
{
    const stc_target *target = NULL;
    int rc = stc_target_find(choose_target(graph, options), program->arena, &target);
    if (rc >= 0) {
        program->target = target->name;
        rc = in_model(program, compile_local(graph, options, target, program, report));
    }
    if (rc >= 0) rc = choose_chips(comm, options, program);
    STC_TRY(stc_agree(comm, rc));

    double start = stc_seconds();
    STC_TRY(partition_tiles(comm, program, target, options, report));
    double partition = stc_seconds();
    rc = stc_allocate(program, target, &report->allocation);
    if (rc >= 0) rc = in_model(program, stc_program_verify(program));
    report->seconds.partition = partition - start;
    report->seconds.allocate = stc_seconds() - partition;
    return stc_agree(comm, rc);
}

int stc_compile(const stc_comm *comm, stc_graph *graph, const char *path,
                const stc_compile_options *options, stc_program **out, stc_compile_report *report)
{
    double start = stc_seconds();
    stc_program *program = NULL;
    memset(report, 0, sizeof *report);
    report->graph = stc_graph_statistics(graph);
    if (options->time_steps > 0) graph->time_steps = options->time_steps;
    int rc = stc_graph_number(graph); /* ids are those of the source, before any pass */
    if (rc >= 0) rc = stc_program_create(graph->name, &program);
    if (rc >= 0) {
        program->seed = options->seed;
        program->model_path = stc_arena_strdup(program->arena, path);
        program->model_sha256 = program->command = program->rates = program->rates_sha256 = "";
        if (options->command) {
            program->command = stc_arena_strdup(program->arena, options->command);
        }
    }
    rc = stc_agree(comm, rc);
    if (rc >= 0) {
        char hex[65] = "";
        if (comm->rank == 0 && path[0] && stc_file_sha256(path, hex) < 0) hex[0] = 0;
        stc_comm_bcast(comm, hex, sizeof hex, 0);
        program->model_sha256 = stc_arena_strdup(program->arena, hex);
        rc = compile(comm, graph, options, program, report);
    }
    if (rc < 0) {
        stc_program_destroy(&program);
        return rc;
    }
    report->seconds.total = stc_seconds() - start;
    *out = program;
    return 0;
}
