/* network.h - what the readers of networks of other simulators share: SONATA (sonata_*.c) and edge
 * lists (edge_list.c). Private to io/; everything is Local.
 *
 * Such a network becomes populations, projections and input nodes (docs/formats.md). Lists stay in
 * their files: handles read rows of open datasets, and a graph keeps its files open.
 */
#ifndef STC_IO_NETWORK_H
#define STC_IO_NETWORK_H

#include "h5.h"
#include "input_file.h"

#include "stc/graph.h"
#include "stc/input.h"
#include "stc/nir.h"
#include "stc/op.h"

enum { STC_NETWORK_MAX_COUNT = 255, STC_NETWORK_MAX_STEPS = 1 << 30 };

/* ---- graphs (network.c) ---- */

/* Open an HDF5 file, to be closed when the graph is destroyed. */
int stc_network_open(stc_graph *graph, const char *path, hid_t *file);
/* Open a dataset of one axis of numbers; integer: of integers. rows: its length, or -1 for any. */
int stc_network_column(hid_t group, const char *name, bool integer, int64_t rows, stc_h5_data *out);
/* All values of an open dataset, times scale, as a weight; the dataset is taken. */
int stc_network_weight(stc_graph *graph, const stc_h5_data *data, double scale, stc_weight **out);
/* n numbers in memory as a weight (copied); n < 0: a scalar. */
int stc_network_list(stc_graph *graph, const char *label, int64_t n, const double *values,
                     stc_weight **out);
/* stc_weight.read of a weight that has read_double. */
int stc_network_read_float(const stc_weight *weight, int64_t first, int64_t count, float *out);
/* Are all values of a list the same? Then *value is set. Reads all. */
int stc_network_uniform(const stc_weight *list, bool *uniform, double *value);

/* Duration of a step in ms: 0.1 where dt is the double next to 1e-4. */
double stc_network_ms(const stc_graph *graph);
/* Set attributes of a node; the op must have them. */
void stc_network_set_int(stc_node *node, const char *name, int64_t value);
void stc_network_set_real(stc_node *node, const char *name, double value);
void stc_network_set_weight(stc_node *node, const char *name, stc_weight *weight);
/* Set parameter number a of a population: one value for all, or a list, which is read to check that
 * every value is possible. Kinds INT and BOOL take one value only. STC_ERR_INPUT naming the list or
 * the parameter. */
int stc_network_set_parameter(stc_node *node, int a, bool uniform, double value, stc_weight *list);
/* Append an operand to a node. */
int stc_network_operand(stc_graph *graph, int32_t node, int32_t operand);

/* A population of n neurons, whose step is that of the graph. op: one of those of population.h.
 * Returns its index. */
int stc_network_add_population(stc_graph *graph, const char *name, const stc_op *op, int64_t n);
/* The op of a model by NEST's name. STC_ERR_INPUT naming those that there are. */
int stc_network_model(const char *name, const stc_op **out);
/* An input node for spikes of n sources. Returns its index. */
int stc_network_add_input(stc_graph *graph, const char *name, int64_t n);
/* A projection from node `source` onto population `target`, whose operand it becomes; the lists are
 * to be set. Returns its index. */
int stc_network_add_projection(stc_graph *graph, const char *name, int32_t source, int32_t target);

/* Let a projection act on a receptor, NEST's number from 1 on; 0: the only one, or that of the
 * weight's sign. STC_ERR_INPUT when the model of the population has no such receptor. */
int stc_network_set_receptor(stc_node *projection, const stc_node *population, int64_t receptor);

/* STC_ERR_USAGE when rules other than dt are given. */
int stc_network_check_rules(const char *path, const char *what, const stc_nir_rules *rules);

/* ---- inputs (network_input.c) ---- */

/* Spikes of sources, to be presented to the input nodes of a program. */
typedef struct {
    stc_input_file *file;
    const stc_program *program; /* borrowed */
    int64_t steps;
    double dt;
} stc_network_input;

/* Start an input of one sample without spikes. path: for messages. */
int stc_network_input_begin(const char *path, const stc_program *program,
                            const stc_input_options *options, stc_network_input *out);
/* *array: of the input node with this name and n elements, or -1 when the program has none. */
int stc_network_input_array(const stc_network_input *in, const char *name, int64_t n, int *array);
/* A spike of source id in a step (0-based, later ones are dropped). */
int stc_network_input_spike(stc_network_input *in, int array, int64_t step, int64_t id);
/* The step that emits what is stamped ms > 0, the end of a step, by NEST's rule: times are rounded
 * to microseconds, and then up to the end of a step of dt seconds. */
int64_t stc_network_step(double ms, double dt);
/* Hand the input over, or release all when rc says that something failed; returns rc. */
int stc_network_input_finish(stc_network_input *in, int rc, stc_input **out);

/* ---- the formats ---- */

typedef enum { STC_NETWORK_NONE, STC_NETWORK_SONATA, STC_NETWORK_EDGE_LIST } stc_network_kind;
/* By content: JSON text, or an HDF5 file with /neurons and /edges. NONE also when it cannot be
 * read. */
stc_network_kind stc_network_kind_of(const char *path);

/* Read a network of a kind that is not NONE as a graph, or the spikes that it brings. rules: dt
 * alone may be given. */
int stc_network_read(stc_network_kind kind, const char *path, const stc_nir_rules *rules,
                     stc_graph **out);
int stc_network_open_input(stc_network_kind kind, const char *path, const stc_program *program,
                           const stc_input_options *options, stc_input **out);

bool stc_is_sonata(const char *path);
bool stc_is_edge_list(hid_t file);

int stc_edge_list_read(const char *path, const stc_nir_rules *rules, stc_graph **out);
int stc_edge_list_input(const char *path, const stc_program *program,
                        const stc_input_options *options, stc_input **out);
int stc_sonata_read(const char *path, const stc_nir_rules *rules, stc_graph **out);
int stc_sonata_input(const char *path, const stc_program *program, const stc_input_options *options,
                     stc_input **out);

#endif
