/* running.h - what `stc run` and `stc profile` share: the options of a run, the files it takes, the
 * model or program, its input, and the simulation, ready to be run. Collective but for names. */
#ifndef STC_CLI_RUNNING_H
#define STC_CLI_RUNNING_H

#include "commands.h"

#include "stc/input.h"
#include "stc/io.h"
#include "stc/simulate.h"

extern const stc_option_table stc_running_table;

/* What a run holds; release it by stc_running_close in any case. */
typedef struct {
    stc_file_kind kind; /* of the file: a model or a program */
    stc_graph *graph;
    stc_program *program;
    stc_input *input;
    stc_sim *sim;
    double seconds; /* that opening took */
} stc_running;

/* --input as given, or the model that brings its own; NULL for none. Local. */
const char *stc_running_input(void);

/* Is the first file a model or a program, and is the input one that is known? To be looked at
 * before any work: rank 0 looks, and then calls check (may be NULL) for the files that will be
 * written. Fills kind. STC_ERR_USAGE when options of compiling are given for a program. */
int stc_running_recognise(const stc_cli *cli, int (*check)(const stc_cli *cli, void *context),
                          void *context, stc_running *out);
/* Can path be written, and is it none of the files that are read? NULL is fine. Local. */
int stc_running_check_output(const stc_cli *cli, const char *path);

/* Read the program, or compile the model for the ranks that there are; open the input. */
int stc_running_open(const stc_cli *cli, stc_running *running);
/* Prepare the simulation; options as the caller wants them, filled up with those of the table. */
int stc_running_prepare(const stc_cli *cli, stc_run_options *options, stc_running *running);
/* SHA-256 of the input, "" when there is none. */
int stc_running_input_sha256(const stc_cli *cli, char sha256[65]);
void stc_running_close(stc_running *running);

#endif
