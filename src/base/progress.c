/* progress.c - how far long work is, on rank 0: a bar on a terminal, else a line now and then. */

#include "stc/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NONE, LINES, BAR };

static const double silent_seconds = 2, line_seconds = 5, bar_seconds = 0.1;

static struct {
    int style;
    char what[64];
    double start, shown; /* clock at the start of the work and when it was last shown */
    int64_t last;
} state = {.style = NONE};

/* Under mpirun stderr is a pipe to mpirun, so its own stderr is what counts. */
static bool stderr_is_terminal(void)
{
    if (!getenv("OMPI_COMM_WORLD_RANK") || getenv("SLURM_STEP_ID")) return isatty(2) == 1;
    char link[64], target[256];
    snprintf(link, sizeof link, "/proc/%ld/fd/2", (long)getppid());
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n < 0) return false;
    target[n] = 0;
    return strncmp(target, "/dev/pts/", 9) == 0 || strncmp(target, "/dev/tty", 8) == 0;
}

void stc_progress_setup(int rank, const char *mode)
{
    if (rank != 0 || strcmp(mode, "none") == 0)
        state.style = NONE;
    else if (strcmp(mode, "bar") == 0 || (strcmp(mode, "auto") == 0 && stderr_is_terminal()))
        state.style = BAR;
    else
        state.style = LINES;
}

static void show(int64_t done, int64_t total, double elapsed)
{
    double share = total > 0 ? (double)done / (double)total : 1;
    double rate = elapsed > 0 ? (double)done / elapsed : 0;
    double left = rate > 0 ? (double)(total - done) / rate : 0;
    char bar[32] = "";
    if (state.style == BAR) {
        int full = (int)(share * 24);
        memset(bar, '.', 24);
        memset(bar, '#', (size_t)full);
        bar[24] = 0;
    }
    const char *head = state.style == BAR ? "\r" : "";
    const char *tail = state.style == LINES || done >= total ? "\n" : "";
    fprintf(stderr, "%sstc: %s %s%s%.0f %%, %.3g per second, %.0f s left   %s", head, state.what,
            bar, bar[0] ? " " : "", 100 * share, rate, left, tail);
    fflush(stderr);
}

void stc_progress(const char *what, int64_t done, int64_t total)
{
    if (state.style == NONE) return;
    double now = stc_seconds();
    if (done < state.last || strncmp(what, state.what, sizeof state.what - 1) != 0 ||
        state.start == 0) {
        state.start = now;
        state.shown = 0;
        snprintf(state.what, sizeof state.what, "%s", what);
    }
    state.last = done;
    bool finished = done >= total;
    double pause = state.style == BAR ? bar_seconds : line_seconds;
    bool due = now - state.start >= silent_seconds && now - state.shown >= pause;
    bool conclude = finished && state.shown > 0;
    if (due || conclude) {
        show(done, total, now - state.start);
        state.shown = now;
    }
    if (finished) state.start = 0;
}
