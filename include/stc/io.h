/* io.h - files of SpikeGraphs and programs, and what kind of file a path is.
 *
 * Every HDF5 call of the project is in io/. Reads are serial and independent on every rank; writes
 * go to path.tmp and appear under the final name only complete. Nothing is allocated from a size in
 * a file before that size was checked.
 */
#ifndef STC_IO_H
#define STC_IO_H

#include "stc/comm.h"
#include "stc/graph.h"
#include "stc/nir.h"
#include "stc/program.h"
#include "stc/result.h"

typedef enum {
    STC_FILE_GRAPH,
    STC_FILE_PROGRAM,
    STC_FILE_RESULT,
    STC_FILE_INPUT,
    STC_FILE_PROFILE
} stc_file_kind;
/* By content. STC_ERR_INPUT: missing, not readable, not HDF5, truncated, or none of these (says
 * what groups it has). Local. */
int stc_file_recognise(const char *path, stc_file_kind *kind);
/* "SpikeGraph", "program", "result", "input", "profile"; static. Local. */
const char *stc_file_kind_name(stc_file_kind kind);

/* One thing in a file: an attribute of one number or text, or a dataset. */
typedef struct {
    const char *group; /* path of the group or dataset it belongs to, "" for the file itself */
    const char *name;
    enum { STC_ENTRY_TEXT, STC_ENTRY_INT, STC_ENTRY_REAL, STC_ENTRY_DATA } kind;
    const char *text; /* TEXT: the value; DATA: type of the elements, "float32" */
    int64_t i;        /* INT */
    double r;         /* REAL */
    int ndim;         /* DATA */
    const int64_t *dim;
} stc_file_entry;
/* Call visit for everything in an HDF5 file, sorted by name, at most four groups deep; the entry is
 * borrowed. For people who ask what a file holds. Local. STC_ERR_INPUT: as stc_file_recognise. */
int stc_file_contents(const char *path, void (*visit)(void *context, const stc_file_entry *entry),
                      void *context);

/* Numbers of a dataset. */
typedef struct {
    int ndim;
    int64_t dim[STC_MAX_NDIM + 2], size;
    double *values; /* [size] */
} stc_file_array;
/* Read the dataset `name` ("spikes/lif") of an HDF5 file; the values lie in the arena.
 * STC_ERR_INPUT naming the file and the dataset: missing, no numbers, too many axes. Local. */
int stc_file_numbers(const char *path, const char *name, stc_arena *arena, stc_file_array *out);

/* Read a SpikeGraph, a NIR model, a SONATA configuration or an edge list; weights stay in the file,
 * which stays open until the graph is destroyed. A SpikeGraph is not verified, a NIR model is.
 * Several edges into a node of one operand become an add node. rules: for NIR models, completed in
 * place and told to the user; NULL: the defaults. For a SpikeGraph only dt may be given, if it has
 * none. The caller owns *out (stc_graph_destroy); NULL on errors. Local.
 *   STC_ERR_INPUT  the file is missing or bad: names file, place, what was found and expected
 *   STC_ERR_USAGE  rules that are unknown, or do not fit this kind of file */
int stc_graph_read(const char *path, stc_nir_rules *rules, stc_graph **out);
/* Write a SpikeGraph with its weights. Local (call on one rank). STC_ERR_IO; STC_ERR_INPUT when its
 * weights cannot be read. */
int stc_graph_write(const stc_graph *graph, const char *path);

/* Write a program with its weights: the rows of a blob are folded and written by the rank that
 * holds the chip of the first tile that uses them. Collective; all ranks return the same code.
 * STC_ERR_IO; STC_ERR_INPUT when the weights of the model cannot be read or are not finite. */
int stc_program_write(const stc_comm *comm, const stc_program *program, const char *path);
/* Read a program (structure at once, weights when asked for: the file stays open). Verified. The
 * caller owns *out (stc_program_destroy). Local. STC_ERR_INPUT naming the table and row. */
int stc_program_read(const char *path, stc_program **out);

/* ---- partitions (partition_file.c) ---- */

/* A part vector, and measures of the partitions that it was chosen from. All borrowed. */
typedef struct {
    const char *graph, *command, *method; /* of the part vector */
    int64_t chips, seed;
    int32_t n;
    const int32_t *part; /* [n] */
    int nmethods, nmeasures;
    const char *const *methods;  /* [nmethods] */
    const char *const *measures; /* [nmeasures] names */
    const double *values;        /* [nmeasures][nmethods] */
} stc_partition_record;
/* Local (call on one rank). STC_ERR_IO. */
int stc_partition_file_write(const char *path, const stc_partition_record *record);
/* What a partition method file:PATH means when PATH is such a file: *part and *n, made in the
 * arena; NULL and 0 for text files and other methods (method may be NULL). Local. STC_ERR_INPUT. */
int stc_partition_file_given(const char *method, stc_arena *arena, const int32_t **part,
                             int64_t *n);

/* Can path be created (its folder exists and is writable)? Checked before long work. Local.
 * STC_ERR_IO naming the folder and the reason. */
int stc_output_check(const char *path);
/* Would writing path destroy the file `input`: is it the same file, or is path.tmp? Local.
 * STC_ERR_USAGE. */
int stc_output_apart(const char *path, const char *input);

/* ---- networks of other simulators: SONATA configurations (JSON) and edge lists ----
 *
 * stc_graph_read makes them graphs of populations and projections, in steps of the dt that they or
 * the rules give; stc_input_open, given the same file, presents the spikes that they bring. */

/* Is this such a file, which brings its own input? false also when it cannot be read. Local. */
bool stc_file_has_input(const char *path);
/* Make spikes and traces of a run of a SONATA network speak in the node ids of its files instead of
 * indices; nothing is done for other files (path may be NULL). Local (call on every rank).
 * STC_ERR_INPUT. */
int stc_network_original_ids(const char *path, stc_result *result);
/* stc_output_apart for all files that a SONATA configuration names; other paths and NULL are fine.
 * Local. STC_ERR_USAGE; STC_ERR_INPUT when the configuration cannot be read. */
int stc_network_apart(const char *path, const char *output);
/* The file in which a SONATA configuration wants its spikes (output/spikes_file), in the arena; its
 * folder is made if it is missing. NULL: it names none, or a notice says why it cannot be written.
 * Local (call on one rank). STC_ERR_INPUT when the configuration cannot be read. */
int stc_network_output(const char *path, stc_arena *arena, const char **out);

#endif
