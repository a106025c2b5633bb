/* conformance.h - one case of a conformance pack: a NIR model, an input, rules, and the spikes,
 * traces and outputs that any simulator should give (conformance/nir/README.md). */
#ifndef STC_CLI_CONFORMANCE_H
#define STC_CLI_CONFORMANCE_H

#include "commands.h"

enum { STC_CONFORMANCE_NAMES = 32 };

typedef struct {
    int n;
    const char *names[STC_CONFORMANCE_NAMES];
} stc_conformance_names;

typedef struct {
    const char *name, *about, *source;
    const char *model, *input, *expected; /* paths */
    const char *preset;                   /* whose rules these are, or NULL */
    stc_nir_rules rules;
    int64_t steps;
    double tolerance;                              /* of traces and outputs; spikes are exact */
    stc_conformance_names spikes, traces, outputs; /* "neuron", "neuron/v", "output" */
} stc_conformance_case;

/* Run a case under these rules on all ranks and compare. Collective. difference [size]: what
 * differs first, "" when nothing does; filled on rank 0. Errors of the model or input are returned.
 */
int stc_conformance_run(const stc_cli *cli, const stc_conformance_case *c,
                        const stc_nir_rules *rules, char *difference, size_t size);

#endif
