/* options.h - one table of rows per group of options; parsing and --help come from the same rows.
 *
 * Everything is Local; every rank parses the same words and gets the same answer. Reading order:
 * options.h, commands.h, main.c, cmd_compile.c, cmd_run.c.
 */
#ifndef STC_CLI_OPTIONS_H
#define STC_CLI_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

typedef enum {
    STC_OPTION_FLAG,   /* bool; takes no argument */
    STC_OPTION_TEXT,   /* const char *, borrowed from argv */
    STC_OPTION_INT,    /* int64_t in low..high */
    STC_OPTION_CHOICE, /* const char *, one of the words of `choices` */
    STC_OPTION_RANGE,  /* int64_t[2], "A:B": A <= i < B; B -1 when left open */
    STC_OPTION_LIST    /* stc_option_list; may be given several times */
} stc_option_kind;

enum { STC_MAX_LIST = 64 };
typedef struct {
    int n;
    const char *words[STC_MAX_LIST]; /* borrowed from argv */
} stc_option_list;

typedef struct {
    char letter;      /* 0: none */
    const char *name; /* without dashes; NULL: none */
    stc_option_kind kind;
    void *field;          /* what the argument is written to, by kind */
    const char *argument; /* its name in the help; NULL for flags */
    const char *initial;  /* default, parsed like an argument; NULL: the field is left as it is */
    const char *help;     /* may hold line breaks */
    int64_t low, high;    /* INT; high 0: no upper limit */
    const char *choices;  /* CHOICE: words separated by spaces */
} stc_option;

typedef struct {
    const char *title; /* heading in the help */
    const stc_option *rows;
    int n;
} stc_option_table;

/* Set the fields of all rows to their defaults, then read argv[0 .. argc). Words that are no
 * options are put into files[0 .. max_files), their number into *nfiles. "--name value",
 * "--name=value", "-o value" and "-ovalue" are understood; "--" ends the options.
 * STC_ERR_USAGE: unknown option (names the nearest), argument missing, not a number, out of range,
 * not one of the choices, or too many files. */
int stc_options_parse(const stc_option_table *const *tables, int ntables, int argc,
                      char *const *argv, const char **files, int max_files, int *nfiles);

/* Read a duration: "0.1ms", "100us", "1e-4s"; a number alone is in seconds. option: its name for
 * messages, with dashes. STC_ERR_USAGE unless it is finite and above 0. */
int stc_parse_seconds(const char *option, const char *word, double *out);

/* Print the rows of a table with names, defaults and help. */
void stc_options_print(const stc_option_table *table, FILE *file);

#endif
