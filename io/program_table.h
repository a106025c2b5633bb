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
enum { STC_NPART_TABLES = 11 };
typedef struct {
    stc_kernel_kind kind;
    stc_table table; /* of stc_kernel; of stc_model_row for neurons, populations and codes */
} stc_part_table;
extern const stc_part_table stc_part_tables[STC_NPART_TABLES];

/* A neuron kernel names its model, as the order of models may change; so for codes. */
typedef struct {
    const char *model;
    double params[STC_MAX_POPULATION_PARAMS]; /* the others use fewer */
    int32_t field[STC_MAX_POPULATION_PARAMS];
    uint64_t key; /* of codes */
} stc_model_row;
static inline bool stc_has_model_row(stc_kernel_kind kind)
{
    return kind == STC_KERNEL_NEURON || kind == STC_KERNEL_POPULATION || kind == STC_KERNEL_CODE;
}

/* program_models.c: a kernel that has one as a row; STC_ERR_INTERNAL: its model does not exist. Row
 * i into a kernel; texts go to the arena. STC_ERR_INPUT: the name is not known. */
int stc_model_row_fill(const stc_kernel *kernel, stc_model_row *row);
int stc_model_row_unpack(const stc_rows *rows, int64_t i, stc_arena *arena, stc_kernel *kernel);
/* Parameters of the neurons or the code of a stage are in range, and its values are what they give.
 * STC_ERR_INPUT. */
int stc_check_models(const stc_program *program, const stc_stage *stage);

/* Limits on what is read. */
enum {
    STC_FILE_MAX_STAGES = 1 << 20,
    STC_FILE_MAX_TILES = 1 << 26,
    STC_FILE_MAX_NETS = 1 << 28,
    STC_FILE_MAX_CHIPS = 1 << 24,
    STC_FILE_MAX_STEPS = 1 << 30
};

#endif
