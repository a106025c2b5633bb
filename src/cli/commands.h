/* commands.h - the table of commands, and what they share.
 *
 * A command is one file cmd_<name>.c that defines stc_command_<name>, and one line here. Ranks:
 * every rank calls run() with the same words; only rank 0 prints. A command is Collective.
 */
#ifndef STC_CLI_COMMANDS_H
#define STC_CLI_COMMANDS_H

#include "options.h"

#include "stc/comm.h"
#include "stc/compile.h"
#include "stc/nir.h"

#define STC_COMMANDS(X)                                                                            \
    X(compile)                                                                                     \
    X(run) X(info) X(verify) X(export) X(conformance) X(diff) X(profile) X(partition) X(targets)

enum { STC_MAX_TABLES = 4, STC_MAX_FILES = 2 };

/* What main hands to a command. */
typedef struct {
    const stc_comm *comm;
    const char *files[STC_MAX_FILES]; /* words that are no options; NULL beyond nfiles */
    int nfiles;
    bool json;        /* one JSON object on stdout instead of text */
    int64_t threads;  /* --threads, 0: not given */
    const char *line; /* the command line, for provenance */
} stc_cli;

typedef struct {
    const char *name;
    const char *help;      /* one line for the list of commands */
    const char *arguments; /* after "stc <name>" */
    const char *about;     /* one or two sentences: what it is for */
    const char *prints;    /* what is on stdout */
    const char *examples;  /* two commands, each on a line that starts with two spaces */
    const char *exits;     /* what exit code 1 means here beside the common ones, or NULL */
    int max_files;
    const stc_option_table *tables[STC_MAX_TABLES]; /* up to the first NULL */
    /* Returns an error (the same on all ranks) or the exit code of a command that worked. */
    int (*run)(const stc_cli *cli);
} stc_command;

#define STC_COMMAND_DECLARE(name) extern const stc_command stc_command_##name;
STC_COMMANDS(STC_COMMAND_DECLARE)
#undef STC_COMMAND_DECLARE

/* A table of all rows of an array. */
#define STC_TABLE(title, rows)                                                                     \
    {                                                                                              \
        title, rows, (int)(sizeof(rows) / sizeof((rows)[0]))                                       \
    }

/* ---- shared by the commands (common.c) ---- */

/* Were n files given? STC_ERR_USAGE naming what is missing: "MODEL", "A and B". Local. */
int stc_cli_need_files(const stc_cli *cli, int n, const char *what);
/* Give OpenMP --threads, else OMP_NUM_THREADS, else this rank's part of the processors that it may
 * use, so that busy ranks times threads never exceed the processors of a node. busy: this rank has
 * work. Collective. Returns the number. */
int stc_cli_threads(const stc_cli *cli, bool busy);
/* Read a model on every rank under the rules that were given, and verify it. Collective. */
int stc_cli_read_graph(const stc_cli *cli, const char *path, stc_graph **out);

/* ---- options of everything that compiles (compiling.c) ---- */

extern const stc_option_table stc_compiling_table;
/* The options as given, over their defaults; `command` is the command line. Local. */
stc_compile_options stc_compiling_options(const stc_cli *cli);
/* The profile of --rates, in the arena; NULL when none was given. Collective. */
int stc_compiling_rates(const stc_cli *cli, stc_arena *arena, const stc_profile **out);
/* Read a profile on every rank. Collective. */
int stc_cli_read_profile(const stc_cli *cli, const char *path, stc_arena *arena,
                         const stc_profile **out);
/* The name of a given option that only makes sense for compiling, or NULL. Local. */
const char *stc_compiling_given(void);

/* ---- options of everything that reads a model (rules.c) ---- */

extern const stc_option_table stc_rules_table;
/* The rules as given; the others are open. STC_ERR_USAGE. Local. */
int stc_rules_options(stc_nir_rules *out);
/* The name of a rule that was given, with dashes, or NULL. Local. */
const char *stc_rules_given(void);

/* ---- text for people (text.c) ---- */

enum { STC_TEXT_SIZE = 48 };
/* "25,600" */
const char *stc_text_count(int64_t n, char buffer[STC_TEXT_SIZE]);
/* "1.2 MB" (powers of 1000) */
const char *stc_text_bytes(int64_t n, char buffer[STC_TEXT_SIZE]);
/* "12.3 ms", "1.23 s" */
const char *stc_text_seconds(double seconds, char buffer[STC_TEXT_SIZE]);

#endif
