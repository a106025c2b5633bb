/* log.c - messages on stderr, as text or as one JSON object per line. Each message is one write, so
 * that lines of several processes do not mix. */

#include "stc/base.h"

#include <stdarg.h>
#include <stdlib.h>

static struct {
    int rank;
    stc_log_level level;
    bool json;
} setup = {.rank = 0, .level = STC_LOG_WARN, .json = false};

void stc_log_setup(int rank, stc_log_level level, bool json)
{
    setup.rank = rank;
    setup.level = level;
    setup.json = json;
}

static void write_json(FILE *line, stc_log_level level, const char *message)
{
    static const char *const names[] = {"error", "warn", "info", "debug", "info"};
    char utc[32];
    stc_utc(utc, sizeof utc);
    stc_json json = stc_json_begin(line);
    stc_json_string(&json, "@timestamp", utc);
    stc_json_string(&json, "log.level", names[level]);
    stc_json_string(&json, "message", message);
    stc_json_end(&json);
}

static void write_text(FILE *line, stc_log_level level, const char *message)
{
    static const char *const marks[] = {"error: ", "warning: ", "", "debug: ", ""};
    fprintf(line, "stc: %s%s\n", marks[level], message);
}

void stc_log(stc_log_level level, const char *format, ...)
{
    const stc_log_level needed = level == STC_LOG_NOTICE ? STC_LOG_WARN : level;
    if (setup.rank != 0 || needed > setup.level) return;
    char message[4096], *text = NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    size_t size = 0;
    FILE *line = open_memstream(&text, &size);
    if (!line) return;
    (setup.json ? write_json : write_text)(line, level, message);
    if (fclose(line) == 0) fwrite(text, 1, size, stderr);
    free(text);
}
