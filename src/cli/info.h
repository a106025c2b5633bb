/* info.h - what `stc info` shows of each kind of file. Local; called on rank 0, prints to stdout.
 *
 * Each reads the file and returns an error when it cannot.
 */
#ifndef STC_CLI_INFO_H
#define STC_CLI_INFO_H

#include "stc/base.h"
#include "stc/program.h"

int stc_info_graph(const char *path, bool json);
int stc_info_program(const char *path, bool json);
/* A result or an input: `kind` is its name. */
int stc_info_contents(const char *path, const char *kind, bool json);
/* The models of populations, of no file. */
void stc_info_models(bool json);

/* Synapses between two nodes; the number of those that rules draw is the expected one. */
typedef struct {
    const char *source, *target;
    stc_projection projection;
} stc_info_projection;
void stc_info_projections_text(const stc_info_projection *list, int64_t n);
void stc_info_projections_json(stc_json *out, const stc_info_projection *list, int64_t n);

#endif
