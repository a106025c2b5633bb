/* hgr.c - read a hypergraph in hMETIS' format.
 *
 * Lines that start with % are comments. Header: nets, vertices, format (1: net weights, 10: vertex
 * weights, 11: both), number of weights of a vertex. One line per net: its weight, then its pins
 * from 1 on, the source first. Then one line per vertex. Nothing is allocated from a number in the
 * file that the size of the file does not bear out.
 */
#include "stc/partition.h"

#include "stc/base.h"
#include "stc/error.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORK = STC_NCONSTRAINTS - 1 };

typedef struct {
    const char *path;
    char *text; /* the whole file and a final 0 */
    int64_t size, line;
    char *at, *end; /* what is left of the line, and its end */
    char *next;     /* start of the next line */
    double unit;    /* spikes per step of a net weight of 1 */
    int64_t nets, vertices, format, weights;
} reader;

static int load(reader *r)
{
    FILE *file;
    STC_TRY(stc_open_text(r->path, &file));
    int rc = fseek(file, 0, SEEK_END) == 0 && (r->size = ftell(file)) >= 0 ? 0 : STC_ERR_INPUT;
    rewind(file);
    if (rc == 0) r->text = stc_alloc(r->size + 1, 1);
    if (rc == 0 && !r->text) rc = STC_ERR_NOMEM;
    if (rc == 0 && fread(r->text, 1, (size_t)r->size, file) != (size_t)r->size) rc = STC_ERR_INPUT;
    if (rc == STC_ERR_INPUT) stc_fail(rc, "%s: cannot be read: %s", r->path, strerror(errno));
    fclose(file);
    r->next = r->text;
    return rc;
}

/* "% ... net weight = spikes per step x 1000 ..." */
static void read_comment(reader *r)
{
    const char *about = strstr(r->at, "net weight");
    const char *times = about ? strstr(about, " x ") : NULL;
    if (!times) return;
    const double factor = strtod(times + 3, NULL);
    if (isfinite(factor) && factor > 0) r->unit = 1 / factor;
}

/* The next line that is no comment; false at the end of the file. */
static bool next_line(reader *r)
{
    while (r->next < r->text + r->size) {
        r->line++;
        r->at = r->next;
        char *end = memchr(r->at, '\n', (size_t)(r->text + r->size - r->at));
        r->end = end ? end : r->text + r->size;
        r->next = end ? end + 1 : r->end;
        *r->end = 0;
        if (*r->at != '%') return true;
        if (r->nets == 0) read_comment(r);
    }
    return false;
}

static int fail(const reader *r, const char *expected)
{
    const int shown = (int)strcspn(r->at, " \t\r");
    STC_FAIL(STC_ERR_INPUT, "%s: line %lld: found '%.*s', expected %s", r->path, (long long)r->line,
             shown < 40 ? shown : 40, r->at, expected);
}

static bool at_end(reader *r)
{
    while (r->at < r->end && isspace((unsigned char)*r->at))
        r->at++;
    return r->at >= r->end;
}

/* A whole number in low..high. */
static int read_whole(reader *r, int64_t low, int64_t high, const char *expected, int64_t *out)
{
    int64_t value = 0;
    if (at_end(r) || !isdigit((unsigned char)*r->at)) return fail(r, expected);
    char *c = r->at;
    for (; isdigit((unsigned char)*c); c++) {
        value = 10 * value + (*c - '0');
        if (value > INT32_MAX) return fail(r, expected);
    }
    if ((c < r->end && !isspace((unsigned char)*c)) || value < low || value > high)
        return fail(r, expected);
    r->at = c;
    *out = value;
    return 0;
}

static int read_weight(reader *r, const char *expected, double *out)
{
    char *end;
    if (at_end(r)) return fail(r, expected);
    const double value = strtod(r->at, &end);
    const bool number = isdigit((unsigned char)*r->at) || *r->at == '.';
    if (!number || (*end && !isspace((unsigned char)*end)) || !isfinite(value) || value < 0)
        return fail(r, expected);
    r->at = end;
    *out = value;
    return 0;
}

static int read_header(reader *r)
{
    if (!next_line(r))
        STC_FAIL(STC_ERR_INPUT, "%s: holds no header, expected: nets vertices [format [weights]]",
                 r->path);
    STC_TRY(read_whole(r, 0, INT32_MAX, "the number of nets", &r->nets));
    STC_TRY(read_whole(r, 1, INT32_MAX, "the number of vertices, 1 or more", &r->vertices));
    if (!at_end(r)) STC_TRY(read_whole(r, 0, 11, "the format 0, 1, 10 or 11", &r->format));
    if (r->format > 1 && r->format < 10) return fail(r, "the format 0, 1, 10 or 11");
    r->weights = r->format >= 10 ? 1 : 0;
    if (!at_end(r))
        STC_TRY(read_whole(r, r->format >= 10 ? 1 : 0, r->format >= 10 ? STC_NCONSTRAINTS : 0,
                           "the number of weights of a vertex, 1 to 3 (format 10 or 11)",
                           &r->weights));
    if (!at_end(r)) return fail(r, "the end of the header");
    /* a net takes two bytes at least, a vertex is named in a net or has a line */
    STC_CHECK(r->nets <= r->size / 2 && r->vertices <= r->size, STC_ERR_INPUT,
              "%s: line %lld: %lld nets and %lld vertices are announced, but the file has only "
              "%lld bytes",
              r->path, (long long)r->line, (long long)r->nets, (long long)r->vertices,
              (long long)r->size);
    return 0;
}

static int allocate(const reader *r, stc_hgr *h)
{
    h->weight = stc_alloc(r->vertices * STC_NCONSTRAINTS, sizeof *h->weight);
    h->source = stc_alloc(r->nets, sizeof *h->source);
    h->spikes = stc_alloc(r->nets, sizeof *h->spikes);
    h->first = stc_alloc(r->nets + 1, sizeof *h->first);
    h->pin = stc_alloc(r->size / 2 + 1, sizeof *h->pin); /* a pin takes two bytes at least */
    return h->weight && h->source && h->spikes && h->first && h->pin ? 0 : STC_ERR_NOMEM;
}

static int read_net(reader *r, int64_t e, stc_hgr *h)
{
    char expected[64];
    double weight = 1;
    int64_t pin;
    snprintf(expected, sizeof expected, "a vertex 1..%lld", (long long)r->vertices);
    if (r->format % 10 == 1) STC_TRY(read_weight(r, "the weight of a net, 0 or more", &weight));
    STC_TRY(read_whole(r, 1, r->vertices, expected, &pin));
    h->source[e] = (int32_t)pin - 1;
    h->spikes[e] = (float)(weight * r->unit);
    if (!isfinite(h->spikes[e])) return fail(r, "a smaller weight of the net");
    h->first[e + 1] = h->first[e];
    while (!at_end(r)) {
        STC_TRY(read_whole(r, 1, r->vertices, expected, &pin));
        h->pin[h->first[e + 1]++] = (int32_t)pin - 1;
    }
    return 0;
}

static int read_vertex(reader *r, int64_t v, stc_hgr *h)
{
    double *weight = h->weight + v * STC_NCONSTRAINTS;
    for (int64_t i = 0; i < r->weights; i++) {
        const int64_t column = i == r->weights - 1 ? WORK : i;
        STC_TRY(read_weight(r, "the weight of a vertex, 0 or more", &weight[column]));
    }
    return at_end(r) ? 0 : fail(r, "the end of the line");
}

static int read_all(reader *r, stc_hgr *h)
{
    STC_TRY(load(r));
    STC_TRY(read_header(r));
    STC_TRY(allocate(r, h));
    for (int64_t e = 0; e < r->nets; e++) {
        STC_CHECK(next_line(r), STC_ERR_INPUT, "%s: ends after %lld nets, expected %lld", r->path,
                  (long long)e, (long long)r->nets);
        STC_TRY(read_net(r, e, h));
    }
    for (int64_t v = 0; v < r->vertices && r->weights > 0; v++) {
        STC_CHECK(next_line(r), STC_ERR_INPUT,
                  "%s: ends after the weights of %lld vertices, expected %lld", r->path,
                  (long long)v, (long long)r->vertices);
        STC_TRY(read_vertex(r, v, h));
    }
    for (int64_t v = 0; v < r->vertices && r->weights == 0; v++)
        h->weight[v * STC_NCONSTRAINTS + WORK] = 1;
    while (next_line(r))
        if (!at_end(r)) return fail(r, "the end of the file");
    h->weights = (int)r->weights;
    h->graph = (stc_hypergraph){.nvertices = (int32_t)r->vertices,
                                .weight = h->weight,
                                .nnets = (int32_t)r->nets,
                                .source = h->source,
                                .spikes = h->spikes,
                                .first = h->first,
                                .pin = h->pin};
    return 0;
}

int stc_hgr_read(const char *path, stc_hgr *out)
{
    reader r = {.path = path, .unit = 1};
    *out = (stc_hgr){0};
    const int rc = read_all(&r, out);
    stc_free(r.text);
    return rc;
}

void stc_hgr_release(stc_hgr *hgr)
{
    void *arrays[] = {hgr->weight, hgr->source, hgr->pin, hgr->spikes, hgr->first};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *hgr = (stc_hgr){0};
}
