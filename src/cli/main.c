/* main.c - the command `stc`: start MPI, read the words, run a command, report, stop.
 *
 * The only place that knows MPI_COMM_WORLD. All ranks read the same words and call the same
 * command; rank 0 prints. Results go to stdout, messages to stderr.
 */
#include "commands.h"

#include "stc/error.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 4096 };

static const stc_command *const commands[] = {
#define COMMAND_POINTER(name) &stc_command_##name,
    STC_COMMANDS(COMMAND_POINTER)
#undef COMMAND_POINTER
};
enum { NCOMMANDS = sizeof commands / sizeof commands[0] };

static struct {
    int64_t threads;
    const char *log_level, *log_format, *progress;
    bool json, help, version;
} common;

static const stc_option common_rows[] = {
    {0, "json", STC_OPTION_FLAG, &common.json, NULL, NULL, "one JSON object on stdout", 0, 0, NULL},
    {0, "threads", STC_OPTION_INT, &common.threads, "N", NULL,
     "threads per rank (default: OMP_NUM_THREADS, else the processors of\n"
     "the node divided among its ranks)",
     1, 4096, NULL},
    {0, "log-level", STC_OPTION_CHOICE, &common.log_level, "LEVEL", "warn",
     "error, warn, info or debug; to stderr", 0, 0, "error warn info debug"},
    {0, "log-format", STC_OPTION_CHOICE, &common.log_format, "FORMAT", "text",
     "text, or json: one object per line", 0, 0, "text json"},
    {0, "progress", STC_OPTION_CHOICE, &common.progress, "MODE", "auto",
     "auto, bar, lines or none; to stderr", 0, 0, "auto bar lines none"},
    {'h', "help", STC_OPTION_FLAG, &common.help, NULL, NULL, "show this help", 0, 0, NULL},
    {0, "version", STC_OPTION_FLAG, &common.version, NULL, NULL, "show the version", 0, 0, NULL},
};
static const stc_option_table common_table = STC_TABLE("Common", common_rows);

static void print_overview(void)
{
    printf("stc %s - compile spiking networks for many neuromorphic chips and run them.\n"
           "An MPI rank stands in for a chip.\n\n"
           "Usage: [mpirun -n RANKS] stc COMMAND [options] FILE...\n\nCommands:\n",
           STC_VERSION);
    for (int i = 0; i < NCOMMANDS; i++)
        printf("  %-13s%s\n", commands[i]->name, commands[i]->help);
    fputs("\nFrom a trained model to spikes:\n"
          "  stc info model.h5\n"
          "  mpirun -n 4 stc compile model.h5 -o program.h5\n"
          "  mpirun -n 4 stc run program.h5 --input test.h5 -o result.h5\n\n"
          "`stc COMMAND --help` explains a command.\n",
          stdout);
}

static int count_tables(const stc_command *command)
{
    int n = 0;
    while (n < STC_MAX_TABLES && command->tables[n])
        n++;
    return n;
}

static void print_help(const stc_command *command, FILE *file)
{
    fprintf(file, "stc %s - %s\n\n%s\n\nUsage: [mpirun -n RANKS] stc %s %s\n\n", command->name,
            command->help, command->about, command->name, command->arguments);
    for (int i = 0; i < count_tables(command); i++) {
        stc_options_print(command->tables[i], file);
        fputc('\n', file);
    }
    stc_options_print(&common_table, file);
    fprintf(file, "\nExamples:\n%s\n\nOn stdout: %s\n\n", command->examples, command->prints);
    fprintf(file,
            "Exit code: 0 done; 1 %s; 2 wrong use;\n"
            "3 a file cannot be written, or an internal failure.\n",
            command->exits ? command->exits : "bad or missing input, or it does not fit");
}

static int find_command(const char *word, const stc_command **out)
{
    const char *names[NCOMMANDS];
    for (int i = 0; i < NCOMMANDS; i++) {
        names[i] = commands[i]->name;
        if (strcmp(word, names[i]) == 0) {
            *out = commands[i];
            return 0;
        }
    }
    const char *near = stc_nearest(word, names, NCOMMANDS);
    if (near) STC_FAIL(STC_ERR_USAGE, "unknown command '%s'\nhint: did you mean %s?", word, near);
    STC_FAIL(STC_ERR_USAGE, "unknown command '%s'\nhint: stc --help lists the commands", word);
}

/* The command line as it could be typed again. */
static void quote_line(int argc, char *const *argv, char line[LINE_SIZE])
{
    size_t used = (size_t)snprintf(line, LINE_SIZE, "stc");
    for (int i = 1; i < argc && used < LINE_SIZE - 1; i++) {
        bool plain = argv[i][0] && !strpbrk(argv[i], " \t\n'\"\\$&|;<>()*?[]#~`!{}");
        int n = snprintf(line + used, LINE_SIZE - used, plain ? " %s" : " '%s'", argv[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static void set_up_logging(int rank)
{
    static const struct {
        const char *name;
        stc_log_level level;
    } levels[] = {{"error", STC_LOG_ERROR},
                  {"warn", STC_LOG_WARN},
                  {"info", STC_LOG_INFO},
                  {"debug", STC_LOG_DEBUG}};
    stc_log_level level = STC_LOG_WARN;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, common.log_level) == 0) level = levels[i].level;
    stc_log_setup(rank, level, strcmp(common.log_format, "json") == 0);
    stc_progress_setup(rank, common.progress);
}

static int run_command(const stc_comm *comm, const stc_command *command, int argc,
                       char *const *argv)
{
    char line[LINE_SIZE];
    stc_cli cli = {.comm = comm};
    const stc_option_table *tables[STC_MAX_TABLES + 1];
    int ntables = count_tables(command);
    memcpy(tables, command->tables, sizeof command->tables);
    tables[ntables++] = &common_table;
    STC_TRY(stc_options_parse(tables, ntables, argc - 2, argv + 2, cli.files, command->max_files,
                              &cli.nfiles));
    if (common.help || common.version) {
        if (comm->rank == 0 && common.help) print_help(command, stdout);
        if (comm->rank == 0 && !common.help) printf("stc %s\n", STC_VERSION);
        return 0;
    }
    set_up_logging(comm->rank);
    quote_line(argc, argv, line);
    cli.json = common.json;
    cli.threads = common.threads;
    cli.line = line;
    return command->run(&cli);
}

static int run_words(const stc_comm *comm, int argc, char *const *argv, const stc_command **command)
{
    const char *files[1];
    int nfiles;
    if (argc >= 2 && argv[1][0] != '-') {
        STC_TRY(find_command(argv[1], command));
        return run_command(comm, *command, argc, argv);
    }
    const stc_option_table *table = &common_table;
    STC_TRY(stc_options_parse(&table, 1, argc - 1, argv + 1, files, 0, &nfiles));
    if (comm->rank == 0 && common.version) printf("stc %s\n", STC_VERSION);
    if (common.version) return 0;
    STC_CHECK(common.help || argc < 2, STC_ERR_USAGE,
              "there is no command\nhint: stc --help lists the commands");
    if (comm->rank == 0) print_overview();
    return 0;
}

/* One message for the whole job. */
static void report(const stc_comm *comm, const stc_command *command)
{
    if (comm->rank != 0) return;
    const char *name = command ? command->name : "", *space = command ? " " : "";
    if (common.log_format && strcmp(common.log_format, "json") == 0) {
        stc_log_setup(0, STC_LOG_ERROR, true);
        stc_log(STC_LOG_ERROR, "stc%s%s: %s", space, name, stc_error_text());
    } else {
        fprintf(stderr, "stc%s%s: %s\n", space, name, stc_error_text());
    }
}

int main(int argc, char **argv)
{
    int provided;
    const stc_command *command = NULL;
    stc_threads_sleep(argv);
    signal(SIGXFSZ, SIG_IGN); /* a file size limit then fails the write instead of killing us */
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm world;
    MPI_Comm_dup(MPI_COMM_WORLD, &world);
    stc_comm comm = stc_comm_of(world);

    int rc = run_words(&comm, argc, argv, &command);
    if (rc >= 0 && fflush(stdout) != 0)
        rc = stc_fail(STC_ERR_IO, "stdout: cannot write the result");
    int code = rc;
    rc = stc_agree(&comm, rc < 0 ? rc : 0);
    if (rc < 0) {
        report(&comm, command);
        code = stc_exit_code(rc);
    }
    fflush(NULL);
    MPI_Comm_free(&world);
    MPI_Finalize();
    /* After a failed write HDF5 still holds data that it cannot get rid of: leave without its exit
     * handlers, which would try again. */
    if (rc == STC_ERR_IO) _exit(code);
    return code;
}
