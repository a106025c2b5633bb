/* text.c - clocks, text files, names and the nearest word. */

#include "stc/base.h"

#include "stc/error.h"
#include "utf8.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

double stc_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void stc_utc(char *buffer, size_t size)
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

int stc_open_text(const char *path, FILE **out)
{
    struct stat info;
    *out = NULL;
    STC_CHECK(stat(path, &info) == 0, STC_ERR_INPUT, "%s: cannot be opened: %s", path,
              strerror(errno));
    STC_CHECK(S_ISREG(info.st_mode), STC_ERR_INPUT,
              "%s: cannot be read: it is a %s, expected a text file", path,
              S_ISDIR(info.st_mode) ? "folder" : "device or pipe");
    *out = fopen(path, "r");
    STC_CHECK(*out, STC_ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    return 0;
}

bool stc_is_name(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c && !stc_is_control(*c) && stc_utf8_length(c) > 0)
        c += stc_utf8_length(c);
    size_t n = (size_t)((const char *)c - text);
    return *c == 0 && n >= 1 && n <= 1000;
}

enum { LONGEST = 64 };

/* Edits (insert, delete, replace, swap of neighbours) between two words of at most LONGEST bytes.
 */
static int edit_distance(const char *a, int na, const char *b, int nb)
{
    int row[3][LONGEST + 1]; /* rows i - 2, i - 1, i of the table, in turn */
    for (int j = 0; j <= nb; j++)
        row[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            int best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && earlier[j - 2] + 1 < best) best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

const char *stc_nearest(const char *word, const char *const *names, int n)
{
    size_t length = strlen(word);
    if (length > LONGEST) return NULL;
    int allowed = (int)(length / 3) + 1;
    int best = (allowed < 3 ? allowed : 3) + 1;
    const char *nearest = NULL;
    for (int i = 0; i < n; i++) {
        size_t other = strlen(names[i]);
        if (other > LONGEST) continue;
        int distance = edit_distance(word, (int)length, names[i], (int)other);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
