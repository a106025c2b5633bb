/* error.c - the text of the last failure of each thread, and the exit codes. */

#include "stc/error.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char error_text[STC_ERROR_SIZE];

/* A message is one line of text, and perhaps one that begins with "hint:", whatever names from
 * files and command lines hold. */
static void keep_text(char *text)
{
    for (char *c = text; *c;) {
        int n = stc_utf8_length((const unsigned char *)c);
        bool hint = *c == '\n' && strncmp(c + 1, "hint:", 5) == 0;
        if (n == 0 || (stc_is_control((unsigned char)*c) && !hint)) *c = '?';
        c += n ? n : 1;
    }
}

int stc_fail(int code, const char *format, ...)
{
    char text[STC_ERROR_SIZE]; /* an argument may be the old text */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    keep_text(text);
    memcpy(error_text, text, sizeof text);
    return code;
}

int stc_fail_in(int code, const char *format, ...)
{
    char text[2 * STC_ERROR_SIZE + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, STC_ERROR_SIZE, format, args);
    va_end(args);
    keep_text(text);
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, ": %s", error_text);
    text[STC_ERROR_SIZE - 1] = 0;
    memcpy(error_text, text, STC_ERROR_SIZE);
    return code;
}

const char *stc_error_text(void)
{
    return error_text;
}

int stc_exit_code(int rc)
{
    static const struct {
        int code, exit_code;
    } table[] = {
#define ROW(name, value, exit_code, text) {name, exit_code},
        STC_ERROR_LIST(ROW)
#undef ROW
    };
    if (rc >= 0) return 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == rc) return table[i].exit_code;
    return 3;
}
