/* cmd_diff.c - `stc diff A B`: do two results agree, and where is the first difference? */
#include "commands.h"

#include "stc/error.h"
#include "stc/result.h"

#include <stdlib.h>

/* With --json the text that stc_result_diff prints becomes a member of the object. */
static int diff_json(const stc_cli *cli, bool *same)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    STC_CHECK(file, STC_ERR_NOMEM, "out of memory");
    int rc = stc_result_diff(cli->files[0], cli->files[1], file, same);
    if (fclose(file) != 0 && rc >= 0) rc = stc_fail(STC_ERR_NOMEM, "out of memory");
    if (rc >= 0) {
        stc_json out = stc_json_begin(stdout);
        stc_json_string(&out, "a", cli->files[0]);
        stc_json_string(&out, "b", cli->files[1]);
        stc_json_bool(&out, "same", *same);
        stc_json_string(&out, "differences", text);
        stc_json_end(&out);
    }
    free(text);
    return rc;
}

static int run(const stc_cli *cli)
{
    bool same = true;
    int rc = 0, verdict;
    STC_TRY(stc_cli_need_files(cli, 2, cli->nfiles ? "the second result" : "two results"));
    if (cli->comm->rank == 0) {
        if (cli->json) {
            rc = diff_json(cli, &same);
        } else {
            rc = stc_result_diff(cli->files[0], cli->files[1], stdout, &same);
        }
    }
    STC_TRY(stc_agree(cli->comm, rc));
    verdict = same ? 0 : 1;
    stc_comm_bcast(cli->comm, &verdict, sizeof verdict, 0);
    return verdict;
}

const stc_command stc_command_diff = {
    .name = "diff",
    .help = "compare two results: spikes as sets, outputs to the last bit",
    .arguments = "A B [options]",
    .about = "Compares two results of `stc run` and says where the first difference is: sample, "
             "step,\nnode and neuron.",
    .prints = "what differs, or that nothing does; with --json one object with the member "
              "`same`.",
    .examples = "  stc diff one.h5 four.h5\n"
                "  mpirun -n 4 stc run program.h5 --input test.h5 -o four.h5 && stc diff one.h5 "
                "four.h5",
    .exits = "they differ, or one of them is missing or bad",
    .max_files = 2,
    .run = run,
};
