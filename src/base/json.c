/* json.c - writes one JSON object piece by piece; keeps commas and nesting. */

#include "stc/base.h"
#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { DEEPEST = sizeof(((stc_json *)0)->comma) / sizeof(bool) };

/* Bytes that are not UTF-8 become U+FFFD, so that the file can always be read. */
static void write_string(FILE *file, const char *value)
{
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)value; *c;) {
        int n = stc_utf8_length(c);
        if (n == 0)
            fputs("\\ufffd", file);
        else if (*c == '"' || *c == '\\')
            fprintf(file, "\\%c", *c);
        else if (*c == '\n')
            fputs("\\n", file);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(file, "\\u%04x", *c);
        else
            fwrite(c, 1, (size_t)n, file);
        c += n ? n : 1;
    }
    fputc('"', file);
}

/* What stands before every element: comma and key. */
static void begin_element(stc_json *json, const char *key)
{
    int depth = json->depth < DEEPEST ? json->depth : DEEPEST - 1;
    if (json->comma[depth]) fputs(", ", json->file);
    json->comma[depth] = true;
    if (!key) return;
    write_string(json->file, key);
    fputs(": ", json->file);
}

stc_json stc_json_begin(FILE *file)
{
    fputc('{', file);
    return (stc_json){.file = file};
}

void stc_json_end(stc_json *json)
{
    fputs("}\n", json->file);
}

void stc_json_open(stc_json *json, const char *key, char bracket)
{
    begin_element(json, key);
    fputc(bracket, json->file);
    json->depth++;
    if (json->depth < DEEPEST) json->comma[json->depth] = false;
}

void stc_json_close(stc_json *json, char bracket)
{
    json->depth--;
    fputc(bracket, json->file);
}

void stc_json_string(stc_json *json, const char *key, const char *value)
{
    begin_element(json, key);
    write_string(json->file, value);
}

void stc_json_int(stc_json *json, const char *key, int64_t value)
{
    begin_element(json, key);
    fprintf(json->file, "%" PRId64, value);
}

void stc_json_real(stc_json *json, const char *key, double value)
{
    begin_element(json, key);
    char text[32] = "null";
    if (fabs(value) < 1e15 && value == floor(value)) {
        snprintf(text, sizeof text, "%.0f", value); /* counts read as counts */
    } else if (isfinite(value)) {
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) break;
        }
    }
    fputs(text, json->file);
}

void stc_json_bool(stc_json *json, const char *key, bool value)
{
    begin_element(json, key);
    fputs(value ? "true" : "false", json->file);
}

void stc_json_hex64(stc_json *json, const char *key, uint64_t value)
{
    begin_element(json, key);
    fprintf(json->file, "\"%016" PRIx64 "\"", value);
}
