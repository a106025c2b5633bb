/* file.c - a partition that the user gives: one part number per line, one line per vertex, or what
 * the caller has read. */
#include "method.h"

#include "stc/base.h"
#include "stc/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The number on a line, or -1. Nothing but blanks may follow it. */
static int64_t parse(const char *line)
{
    char *end;
    errno = 0;
    const long long value = strtoll(line, &end, 10);
    if (end == line || errno != 0 || value < 0) return -1;
    while (isspace((unsigned char)*end))
        end++;
    return *end == '\0' ? value : -1;
}

static bool blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

static int read_lines(FILE *file, const char *path, const stc_partition_job *job, int32_t *part)
{
    char line[64]; /* longer ones hold no part number: what remains is read as the next line */
    const int32_t n = job->graph->nvertices;
    for (int32_t v = 0; v < n; v++) {
        if (!fgets(line, sizeof line, file)) {
            STC_CHECK(!ferror(file), STC_ERR_INPUT, "%s: cannot be read: %s", path,
                      strerror(errno));
            STC_FAIL(STC_ERR_INPUT, "%s: ends after %d lines, expected %d (one part per vertex)",
                     path, v, n);
        }
        const int64_t value = parse(line);
        STC_CHECK(value >= 0 && value < job->nparts, STC_ERR_INPUT,
                  "%s: line %d is '%.*s', expected a part number 0..%d", path, v + 1,
                  (int)strcspn(line, "\r\n"), line, job->nparts - 1);
        part[v] = (int32_t)value;
    }
    while (fgets(line, sizeof line, file))
        STC_CHECK(blank(line), STC_ERR_INPUT,
                  "%s: line %lld: more lines than the %d vertices of the graph", path,
                  (long long)n + 1, n);
    return 0;
}

static int find_empty(const char *path, const stc_partition_job *job, const int32_t *part)
{
    bool *used = stc_alloc(job->nparts, sizeof *used);
    if (!used) return STC_ERR_NOMEM;
    for (int32_t v = 0; v < job->graph->nvertices; v++)
        used[part[v]] = true;
    int32_t p = 0;
    while (p < job->nparts && used[p])
        p++;
    stc_free(used);
    STC_CHECK(p == job->nparts, STC_ERR_INPUT,
              "%s: no vertex is on part %d, expected one at least on each of 0..%d", path, p,
              job->nparts - 1);
    return 0;
}

static int take_given(const stc_partition_job *job, int32_t *part)
{
    STC_CHECK(job->ngiven == job->graph->nvertices, STC_ERR_INPUT,
              "%s: holds the parts of %lld vertices, the graph has %d", job->argument,
              (long long)job->ngiven, job->graph->nvertices);
    for (int64_t v = 0; v < job->ngiven; v++) {
        STC_CHECK(job->given[v] >= 0 && job->given[v] < job->nparts, STC_ERR_INPUT,
                  "%s: vertex %lld is on part %d, expected 0..%d", job->argument, (long long)v,
                  job->given[v], job->nparts - 1);
        part[v] = job->given[v];
    }
    return find_empty(job->argument, job, part);
}

static int read_file(const stc_partition_job *job, int32_t *part)
{
    if (job->given) return take_given(job, part);
    FILE *file;
    STC_TRY(stc_open_text(job->argument, &file));
    int rc = read_lines(file, job->argument, job, part);
    fclose(file);
    if (rc == 0) rc = find_empty(job->argument, job, part);
    return rc;
}

static int run(const stc_comm *comm, const stc_partition_job *job, int32_t *part,
               stc_partition_quality *made)
{
    (void)made;
    STC_TRY(stc_agree(comm, comm->rank == 0 ? read_file(job, part) : 0));
    stc_comm_bcast(comm, part, (int64_t)job->graph->nvertices * (int64_t)sizeof *part, 0);
    return 0;
}

const stc_partition_method stc_partition_file = {.name = "file", .argument = "PATH", .run = run};
