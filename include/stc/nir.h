/* nir.h - NIR models: what their files leave open, and writing them.
 *
 * A .nir file gives parameters in seconds and says neither how long a step is nor how an equation
 * is integrated, when exactly a neuron fires, how it is reset and which edge of a cycle takes a
 * step (docs/formats.md). These are rules of the reader; those in force are stored in the graph as
 * attributes of its nodes and printed once. stc_graph_read (io.h) reads the files.
 */
#ifndef STC_NIR_H
#define STC_NIR_H

#include "stc/graph.h"

/* Everything here is Local. The rules; values that were not given are negative or 0 (dt) and come
 * from the preset, then from the defaults: the first of each list, dt 1e-4 s, max_count 1,
 * recurrent_delay 1. A rule holds for the nodes that have an attribute of its name, of which it
 * chooses that word. */
typedef struct {
    const char *preset;      /* --as NAME, or NULL */
    double dt;               /* seconds per step */
    int integrator;          /* euler, exact, decay */
    int compare;             /* gt, ge */
    int reset;               /* value, zero, subtract */
    int reset_time;          /* same, next, carry */
    int fire;                /* after, before the update */
    int clip;                /* none, threshold */
    int gain;                /* ode, unit, no_r, decayed */
    int recurrent_start;     /* bias, silent: do biases of a cycle act before its first spikes? */
    int start;               /* zero, leak, reset: where v begins */
    int64_t max_count;       /* spikes in one step */
    int64_t recurrent_delay; /* steps on the spikes of edges that close cycles */
    /* by stc_nir_rules_complete: what the preset says of single ops, and which rules were given by
     * hand, which go before that */
    const char *settings;
    unsigned fixed;
} stc_nir_rules;
extern const stc_nir_rules STC_NIR_RULES_OPEN; /* nothing given */

/* The rules of one of a list of words, in the order of the struct: "integrator" and its words; NULL
 * after the last. */
const char *stc_nir_rule(int i, const char **words);
/* Set rule number i to a word of its list; returns false, with nothing changed, when it is not
 * one. */
bool stc_nir_rule_set(stc_nir_rules *rules, int i, const char *word);
/* Its word, borrowed until the next call of this thread; NULL: open. */
const char *stc_nir_rule_word(const stc_nir_rules *rules, int i);
/* Name of a rule that was given ("dt", "as"), static, or NULL. */
const char *stc_nir_rules_given(const stc_nir_rules *rules);

/* Fill every open rule from the preset and the defaults. STC_ERR_USAGE: unknown preset (names
 * those that there are), numbers out of range. */
int stc_nir_rules_complete(stc_nir_rules *rules);
/* "dt 0.0001 s, integrator euler, compare gt, reset value, recurrent_delay 1"; fills buffer and
 * returns it. */
const char *stc_nir_rules_text(const stc_nir_rules *rules, char *buffer, size_t size);
/* Name and one line of help of preset number i, static; NULL after the last. */
const char *stc_nir_preset(int i, const char **help);

/* Write a graph as a .nir file: path.tmp, then renamed. The graph is verified. needs [size]: filled
 * with the rules under which the file means what the graph does, as options ("--dt 0.001 --compare
 * ge"). STC_ERR_INPUT naming the first node that NIR cannot say, and why; STC_ERR_IO. Local (call
 * on one rank). */
int stc_graph_write_nir(const stc_graph *graph, const char *path, char *needs, size_t size);

/* Write a graph in the DOT language of Graphviz. Local. STC_ERR_IO. */
int stc_graph_write_dot(const stc_graph *graph, const char *path);

#endif
