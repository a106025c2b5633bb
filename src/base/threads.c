/* threads.c - how threads wait. */
#include "stc/base.h"

#include <stdlib.h>
#include <unistd.h>

void stc_threads_sleep(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || getenv("KMP_BLOCKTIME")) return;
    /* About a millisecond, for gcc's and LLVM's OpenMP: longer than a partner that runs needs, as a
     * thread that slept may wake on its partner's processor; shorter than a time slice. */
    if (setenv("GOMP_SPINCOUNT", "20000", 1) == 0 && setenv("KMP_BLOCKTIME", "1", 1) == 0) {
        execv("/proc/self/exe", argv);
    }
}
