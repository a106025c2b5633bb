/* records.h - the words of `--record`: what `stc run` keeps beside the outputs. Local. */
#ifndef STC_CLI_RECORDS_H
#define STC_CLI_RECORDS_H

#include "options.h"
#include "stc/program.h"
#include "stc/simulate.h"

typedef struct {
    bool spikes;
    int nrecords;
    stc_record *records; /* count -1 until stc_records_fit: to the last neuron */
} stc_records;

/* Read words like "spikes,v:lif1[0:10]"; none are "spikes". Everything lies in the arena.
 * STC_ERR_USAGE names the word, and what is near it. */
int stc_records_parse(const stc_option_list *words, stc_arena *arena, stc_records *out);
/* Ranges against the nodes of a program. STC_ERR_USAGE: a range beyond the last neuron. Names are
 * left to stc_sim_create. */
int stc_records_fit(stc_records *records, const stc_program *program);

#endif
