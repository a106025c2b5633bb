/* write.c - a part vector as text: one part number per line. */
#include "stc/partition.h"

#include "stc/base.h"
#include "stc/error.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static bool put_lines(FILE *file, int32_t n, const int32_t *part)
{
    for (int32_t v = 0; v < n; v++)
        if (fprintf(file, "%d\n", part[v]) < 0) return false;
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

int stc_partition_write_text(const char *path, int32_t n, const int32_t *part)
{
    char tmp[PATH_MAX];
    STC_CHECK(snprintf(tmp, sizeof tmp, "%s.tmp", path) < (int)sizeof tmp, STC_ERR_IO,
              "%.60s...: this path is too long", path);
    FILE *file = fopen(tmp, "w");
    STC_CHECK(file, STC_ERR_IO, "%s: cannot be written: %s", tmp, strerror(errno));
    bool good = put_lines(file, n, part);
    int reason = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(tmp, path) != 0) {
        good = false;
        reason = errno;
    }
    if (good) return 0;
    unlink(tmp);
    STC_FAIL(STC_ERR_IO, "%s: cannot be written: %s", path, strerror(reason));
}
