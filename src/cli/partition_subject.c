/* partition_subject.c - see partition_subject.h. */
#include "partition_subject.h"

#include "stc/error.h"
#include "stc/io.h"

#include <string.h>

void stc_subject_release(stc_subject *s)
{
    stc_hgr_release(&s->hgr);
    stc_program_destroy(&s->program);
    stc_graph_destroy(&s->graph);
    stc_arena_destroy(&s->arena);
}

/* Capacities, and what a copy costs on this kind of chip. */
static int set_target(stc_subject *s, const char *name)
{
    const stc_target *target;
    stc_partition_options options;
    STC_TRY(stc_target_find(name, s->arena, &target));
    stc_target_limit(target, &options);
    memcpy(s->capacity, options.capacity, sizeof s->capacity);
    s->cost = options.cost;
    return 0;
}

/* Tiles and nets do not depend on the number of chips. */
static int read_model(const stc_cli *cli, const stc_subject_words *words, stc_subject *s)
{
    stc_compile_report report;
    const stc_compile_options options = {.chips = 1,
                                         .target = words->target,
                                         .partition = "contiguous",
                                         .optimization = 2,
                                         .tile_neurons = words->tile_neurons,
                                         .command = cli->line,
                                         .rates = s->rates};
    STC_TRY(stc_agree(cli->comm, set_target(s, words->target)));
    STC_TRY(stc_cli_read_graph(cli, cli->files[0], &s->graph));
    STC_TRY(stc_compile(cli->comm, s->graph, cli->files[0], &options, &s->program, &report));
    return stc_agree(cli->comm, stc_compile_hypergraph(s->program, s->arena, &s->h));
}

static int read_program(const stc_cli *cli, const stc_subject_words *words, stc_subject *s)
{
    int rc = stc_program_read(cli->files[0], &s->program);
    if (rc == 0 && s->rates) rc = stc_compile_rates(s->program, s->rates);
    if (rc == 0) rc = stc_compile_hypergraph(s->program, s->arena, &s->h);
    if (rc == 0 && words->target) rc = set_target(s, words->target);
    return stc_agree(cli->comm, rc);
}

static int read_hgr(const stc_cli *cli, const stc_subject_words *words, stc_subject *s)
{
    int rc = stc_hgr_read(cli->files[0], &s->hgr);
    if (rc == 0) s->h = s->hgr.graph;
    if (rc == 0 && words->target) rc = set_target(s, words->target);
    return stc_agree(cli->comm, rc);
}

/* Options that only make sense of a model, or of it and a program. */
static int check_words(const char *path, const stc_subject_words *words, bool model, bool program)
{
    STC_CHECK(!words->tile_neurons || model, STC_ERR_USAGE,
              "--tile-neurons: %s is not a model, its tiles are made already", path);
    STC_CHECK(!words->rates || model || program, STC_ERR_USAGE,
              "--rates: %s is neither a model nor a program, its nets have weights of their own",
              path);
    return 0;
}

int stc_subject_read(const stc_cli *cli, const stc_subject_words *words, stc_subject *s)
{
    const char *path = cli->files[0];
    const size_t length = strlen(path);
    const bool hgr = length >= 4 && strcmp(path + length - 4, ".hgr") == 0;
    stc_file_kind kind = STC_FILE_GRAPH;
    STC_TRY(stc_agree(cli->comm, stc_arena_create(&s->arena)));
    if (!hgr) STC_TRY(stc_agree(cli->comm, stc_file_recognise(path, &kind)));
    const bool model = !hgr && kind == STC_FILE_GRAPH, program = !hgr && kind == STC_FILE_PROGRAM;
    STC_TRY(check_words(path, words, model, program));
    if (words->rates) STC_TRY(stc_cli_read_profile(cli, words->rates, s->arena, &s->rates));
    if (hgr) return read_hgr(cli, words, s);
    if (model) return read_model(cli, words, s);
    if (program) return read_program(cli, words, s);
    STC_FAIL(STC_ERR_INPUT,
             "%s: this file is of kind '%s', expected a model, a program or a .hgr file", path,
             stc_file_kind_name(kind));
}
