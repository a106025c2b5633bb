/* sonata.h - what the readers of SONATA networks share. Private to io/; everything is Local.
 *
 * A configuration (sonata_config.c) names node files, edge files, tables of types (sonata_types.c),
 * node sets (sonata_node_sets.c), inputs and outputs (sonata_output.c). sonata_read.c makes the
 * graph: populations of nodes become one node for each of their models (sonata_nodes.c, with the
 * parameters of sonata_params.c), edges become projections whose lists are read when they are asked
 * for (sonata_edges.c), currents become generators (sonata_currents.c). Spikes become the input of
 * the network (sonata_spikes.c). Results speak in the ids of the files again (sonata_ids.c). What
 * is common to rows of nodes and of edges - types, groups, attributes - is a table
 * (sonata_table.c).
 */
#ifndef STC_IO_SONATA_H
#define STC_IO_SONATA_H

#include "network.h"

#include <jansson.h>

enum { STC_SONATA_MAX_TYPES = 1 << 20, STC_SONATA_MAX_GROUPS = 1024 };

/* ---- configuration ---- */

/* A JSON file: its strings may hold variables of its manifest and paths relative to its folder. */
typedef struct {
    const char *path, *folder;
    json_t *json; /* NULL: there is none */
} stc_sonata_document;

/* The same file may play all parts. */
typedef struct {
    stc_arena *arena; /* borrowed */
    stc_sonata_document main, circuit, simulation, node_sets;
    double dt, tstop; /* ms; 0: not given */
} stc_sonata_config;

/* Read a configuration and the files it refers to. STC_ERR_INPUT naming file and line. */
int stc_sonata_config_read(const char *path, stc_arena *arena, stc_sonata_config *out);
void stc_sonata_config_close(stc_sonata_config *config);
/* A JSON file by itself, closed by json_decref. */
int stc_sonata_json(const char *path, json_t **out);

/* Member of an object, or NULL when it is absent or null. */
json_t *stc_sonata_member(const json_t *object, const char *key);
/* A string with its variables replaced, in the arena; NULL with the error text set. */
const char *stc_sonata_text(const stc_sonata_config *config, const stc_sonata_document *document,
                            const json_t *value, const char *key);
/* The same as a path: a relative one begins at the folder of the document. */
const char *stc_sonata_path(const stc_sonata_config *config, const stc_sonata_document *document,
                            const json_t *value, const char *key);
/* Path of a file in the folder that is component `name` of the circuit. */
const char *stc_sonata_component(const stc_sonata_config *config, const char *name,
                                 const char *file);
/* Elements of circuit/networks/<kind> ("nodes", "edges"); an empty list when there are none. */
int stc_sonata_networks(const stc_sonata_config *config, const char *kind, json_t **list);

/* ---- tables of types (CSV) ---- */

typedef struct {
    const char *path;
    int ncolumns;
    int64_t n;
    const char **column; /* [ncolumns] names */
    const char **cell;   /* [n][ncolumns]; NULL: not set */
    int64_t *id;         /* [n] increasing */
} stc_sonata_types;

/* Read a table: columns separated by spaces, the first line names them; NULL and empty are not set.
 * key: the column of ids. */
int stc_sonata_types_read(const char *path, const char *key, stc_arena *arena,
                          stc_sonata_types *out);
/* Read any table of this kind, in the order of the file. */
int stc_sonata_csv_read(const char *path, stc_arena *arena, stc_sonata_types *out);
/* Index of a column or of an id, or -1. */
int stc_sonata_column(const stc_sonata_types *types, const char *name);
int64_t stc_sonata_type(const stc_sonata_types *types, int64_t id);
/* A cell by column name; NULL when there is no such column or it is not set. */
const char *stc_sonata_cell(const stc_sonata_types *types, int64_t row, const char *name);
/* The same as a number; *given tells whether it is set. STC_ERR_INPUT naming file, row, column. */
int stc_sonata_number(const stc_sonata_types *types, int64_t row, const char *name, bool *given,
                      double *out);

/* ---- rows of nodes or edges ---- */

typedef struct {
    const char *kind, *name; /* "node", "edge"; of the population */
    const char *place;       /* "nodes.h5:/nodes/cortex" */
    hid_t group;
    int64_t n;
    stc_h5_data type_id, group_id, group_index; /* the last two may be absent: one group */
    stc_sonata_types types;
    bool *used; /* [types.n]: is there a row of this type? */
    int ngroups;
    int64_t *number; /* [ngroups] increasing */
    hid_t *groups;
} stc_sonata_table;

/* Open the rows of a population, and check that the type of each is known. */
int stc_sonata_table_open(hid_t file, const char *kind, const char *name, stc_arena *arena,
                          const stc_sonata_types *types, stc_sonata_table *out);
/* Types (indices in the table) of rows. */
int stc_sonata_table_types(const stc_sonata_table *table, const int64_t *rows, int64_t n,
                           int64_t *out);

/* A number that rows have: in the file for each row of a group, or else for each type. */
typedef struct {
    const stc_sonata_table *table;
    stc_h5_data *data; /* [ngroups]; id -1: this group does not have it */
    double *of_type;   /* [types.n] */
} stc_sonata_attribute;

/* name: of the dataset in the groups ("syn_weight", "dynamics_params/tau_m"); of_type: borrowed,
 * for rows of groups that do not have it. */
int stc_sonata_attribute_open(const stc_sonata_table *table, const char *name, stc_arena *arena,
                              double *of_type, stc_sonata_attribute *out);
/* Does any group have it? */
bool stc_sonata_attribute_listed(const stc_sonata_attribute *attribute);
int stc_sonata_attribute_read(const stc_sonata_attribute *attribute, const int64_t *rows, int64_t n,
                              double *out);
/* Elements data[rows[i]] of a dataset of one axis, read in large pieces; type of 8 bytes. */
int stc_sonata_gather(const stc_h5_data *data, const int64_t *rows, int64_t n, hid_t type,
                      void *out);

/* ---- populations ---- */

/* The nodes of a population that have one model: a node of the graph. */
typedef struct {
    const char *name; /* of the node: "cortex", or "cortex.iaf_psc_exp" where models differ */
    const stc_op *op; /* NULL: virtual nodes, an input */
    int64_t n;
    int32_t node;  /* of the graph; -1: not made */
    int64_t *rank; /* [n] increasing; of its nodes in the population; NULL: all */
} stc_sonata_part;

/* Nodes are ordered by id: the rank of a node is the number of smaller ids. */
typedef struct {
    const char *name;
    stc_sonata_table table;
    int64_t *id;  /* [n] increasing; NULL: 0 to n-1 */
    int64_t *row; /* [n] of each rank in the table; NULL: the same */
    int nparts;
    stc_sonata_part *parts;
    int32_t *part;  /* [n] of each rank; NULL: one part */
    int64_t *index; /* [n] in its part; NULL: the rank */
} stc_sonata_population;

typedef struct {
    stc_sonata_config config;
    stc_graph *graph; /* that its files belong to */
    stc_arena *arena; /* lives as long as the graph */
    int npopulations;
    stc_sonata_population *populations;
} stc_sonata;

/* Read configuration and node files: populations and their parts. */
int stc_sonata_open(stc_sonata *s, const char *path);
void stc_sonata_close(stc_sonata *s);
/* A population by name; NULL with the error text set, naming the nearest. */
stc_sonata_population *stc_sonata_find(const stc_sonata *s, const char *name);
/* Rank of a node id, or -1. */
int64_t stc_sonata_rank(const stc_sonata_population *population, int64_t id);
static inline int64_t stc_sonata_id(const stc_sonata_population *population, int64_t rank)
{
    return population->id ? population->id[rank] : rank;
}

/* ---- making the graph ---- */

/* Populations and input nodes with their parameters. */
int stc_sonata_add_nodes(stc_sonata *s);
/* Projections. */
int stc_sonata_add_edges(stc_sonata *s);
/* Current generators. */
int stc_sonata_add_currents(stc_sonata *s);
/* Say which outputs the configuration asks for that are not written, and what to do instead. */
void stc_sonata_notice_outputs(const stc_sonata_config *config);
/* Parameters of a JSON file of a model: those whose names the op knows, for each type; defined in
 * sonata_params.c. */
int stc_sonata_set_params(stc_sonata *s, const stc_sonata_population *population,
                          const stc_sonata_part *part);

/* Which nodes of a population does a node set choose? chosen [n] by rank, filled; *any: is there
 * one? value: a name, an object of conditions, or a list of names. */
int stc_sonata_choose(const stc_sonata *s, const json_t *value,
                      const stc_sonata_population *population, bool *chosen, bool *any);

#endif
