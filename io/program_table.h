/* program_table.h - how the structs of program.h lie in a file. One table per struct; the members
 * of a kernel's union that belong to its kind have a table of their own, whose i-th row belongs to
 * the i-th kernel of that kind. Private to io/. */
#ifndef STC_IO_PROGRAM_TABLE_H
#define STC_IO_PROGRAM_TABLE_H

#include "stc/program.h"
#include "table.h"

extern const stc_table stc_stage_table, stc_kernel_table, stc_blob_table, stc_field_table,
    stc_tile_table;

/* Tables of kernel kinds with members, and their kinds. */
enum { STC_NPART_TABLES = 10 };
typedef struct {
    stc_kernel_kind kind;
    stc_table table; /* of stc_kernel; of stc_model_row for neurons and populations */
} stc_part_table;
extern const stc_part_table stc_part_tables[STC_NPART_TABLES];

/* A neuron kernel names its model, as the order of models may change. */
typedef struct {
    const char *model;
    double params[STC_MAX_POPULATION_PARAMS]; /* a neuron uses the first STC_MAX_PARAMS */
    int32_t field[STC_MAX_POPULATION_PARAMS];
} stc_model_row;

/* Limits on what is read. */
enum {
    STC_FILE_MAX_STAGES = 1 << 20,
    STC_FILE_MAX_TILES = 1 << 26,
    STC_FILE_MAX_NETS = 1 << 28,
    STC_FILE_MAX_CHIPS = 1 << 24,
    STC_FILE_MAX_STEPS = 1 << 30
};

#endif
