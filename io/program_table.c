/* program_table.c - the columns of a program file; see program_table.h and docs/formats.md. */
#include "program_table.h"

/* A member more in program.h must become a column here and in docs/formats.md, with a new
 * STC_PROGRAM_FORMAT. */
_Static_assert(sizeof(stc_stage) == 224, "columns of stages");
_Static_assert(sizeof(stc_operand) == 384, "columns of operands");
_Static_assert(sizeof(stc_kernel) == 1360, "columns of kernels");
_Static_assert(sizeof(stc_blob) == 48, "columns of blobs");
_Static_assert(sizeof(stc_field) == 16, "columns of fields");
_Static_assert(sizeof(stc_tile) == 152, "columns of tiles");

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))
/* name, member, kind, entries (0: one value) */
#define COLUMN(type, name, member, kind, length)                                                   \
    {                                                                                              \
        name, offsetof(type, member), STC_COLUMN_##kind, length, 0                                 \
    }
#define TABLE(name, type, columns)                                                                 \
    {                                                                                              \
        name, sizeof(type), columns, COUNT(columns)                                                \
    }

#define STAGE(name, member, kind, length) COLUMN(stc_stage, name, member, kind, length)
static const stc_column stage_columns[] = {
    STAGE("name", name, TEXT, 0),
    STAGE("ndim", shape.ndim, I32, 0),
    STAGE("shape", shape.dim, I64, STC_MAX_NDIM),
    STAGE("order", order, I32, STC_MAX_NDIM),
    STAGE("storage_ndim", storage.ndim, I32, 0),
    STAGE("storage", storage.dim, I64, STC_MAX_NDIM),
    STAGE("unit", kind.unit, F64, 0),
    STAGE("max", kind.max, I64, 0),
    STAGE("dtype", dtype, I32, 0),
    STAGE("timing", timing, I32, 0),
    STAGE("first_kernel", first_kernel, I32, 0),
    STAGE("nkernels", nkernels, I32, 0),
    STAGE("first_tile", first_tile, I32, 0),
    STAGE("ntiles", ntiles, I32, 0),
    STAGE("first_id", first_id, I64, 0),
    STAGE("counted", counted, BOOL, 0),
    STAGE("is_output", is_output, BOOL, 0),
    STAGE("output_name", output_name, TEXT, 0),
    STAGE("is_input", is_input, BOOL, 0),
    STAGE("input_scale", input_scale, F64, 0),
};
const stc_table stc_stage_table = TABLE("stages", stc_stage, stage_columns);

#define KERNEL(name, member, kind, length) COLUMN(stc_kernel, name, member, kind, length)
#define FACTOR(name, which, member, kind)                                                          \
    {                                                                                              \
        name, offsetof(stc_kernel, operand[which].view.factor[0].member), STC_COLUMN_##kind,       \
            STC_MAX_FACTORS, sizeof(stc_factor)                                                    \
    }
#define OPERAND(prefix, which)                                                                     \
    KERNEL(prefix "_stage", operand[which].stage, I32, 0),                                         \
        KERNEL(prefix "_factor", operand[which].factor, F64, 0),                                   \
        KERNEL(prefix "_ndim", operand[which].view.ndim, I32, 0),                                  \
        KERNEL(prefix "_nfactors", operand[which].view.nfactors, I32, STC_MAX_NDIM),               \
        FACTOR(prefix "_extent", which, extent, I64), FACTOR(prefix "_step", which, step, I64),    \
        FACTOR(prefix "_axis", which, axis, I32),                                                  \
        KERNEL(prefix "_offset", operand[which].view.offset, I64, STC_MAX_NDIM)
static const stc_column kernel_columns[] = {
    KERNEL("kind", kind, I32, 0),
    OPERAND("a", 0),
    OPERAND("b", 1),
};
const stc_table stc_kernel_table = TABLE("kernels", stc_kernel, kernel_columns);

#define ACCUMULATE(name, length) KERNEL(#name, u.accumulate.name, I64, length)
static const stc_column accumulate_columns[] = {
    KERNEL("blob", u.accumulate.blob, I32, 0),
    ACCUMULATE(channels, 0),
    ACCUMULATE(in_channels, 0),
    ACCUMULATE(groups, 0),
    ACCUMULATE(kernel, 2),
    ACCUMULATE(stride, 2),
    ACCUMULATE(padding, 2),
    ACCUMULATE(dilation, 2),
    ACCUMULATE(in_size, 2),
    ACCUMULATE(out_size, 2),
    KERNEL("has_pad_values", u.accumulate.has_pad_values, BOOL, 0),
};
static const stc_column read_columns[] = {
    KERNEL("scale", u.read.scale, F32, 0),
    KERNEL("shift", u.read.shift, F32, 0),
    KERNEL("blob", u.read.blob, I32, 0),
};
static const stc_column neuron_columns[] = {
    COLUMN(stc_model_row, "model", model, TEXT, 0),
    COLUMN(stc_model_row, "params", params, F64, STC_MAX_PARAMS),
    COLUMN(stc_model_row, "fields", field, I32, STC_MAX_PARAMS),
};
static const stc_column matmul_columns[] = {
    KERNEL("batch", u.matmul.batch, I64, 0),
    KERNEL("rows", u.matmul.rows, I64, 0),
    KERNEL("inner", u.matmul.inner, I64, 0),
    KERNEL("columns", u.matmul.columns, I64, 0),
};
#define POOL(name, length) KERNEL(#name, u.pool.name, I64, length)
static const stc_column pool_columns[] = {
    POOL(channels, 0),
    POOL(kernel, 2),
    POOL(stride, 2),
    POOL(padding, 2),
    POOL(in_size, 2),
    POOL(out_size, 2),
    KERNEL("sum", u.pool.sum, BOOL, 0),
    KERNEL("divisor", u.pool.divisor, F64, 0),
};
static const stc_column reduce_columns[] = {
    KERNEL("over", u.reduce.over, BOOL, STC_MAX_NDIM),
    KERNEL("divisor", u.reduce.divisor, F64, 0),
};
static const stc_column delay_columns[] = {
    KERNEL("least", u.delay.least, I64, 0),
    KERNEL("most", u.delay.most, I64, 0),
    KERNEL("field", u.delay.field, I32, 0),
};
#define GENERATOR(name, kind) KERNEL(#name, u.generator.name, kind, 0)
static const stc_column generator_columns[] = {
    GENERATOR(poisson, BOOL), GENERATOR(value, F64), GENERATOR(field, I32), GENERATOR(times, I32),
    GENERATOR(first, I64),    GENERATOR(end, I64),   GENERATOR(key, I64),
};
static const stc_column code_columns[] = {
    COLUMN(stc_model_row, "code", model, TEXT, 0),
    COLUMN(stc_model_row, "params", params, F64, STC_MAX_KERNEL_CODE_PARAMS),
    COLUMN(stc_model_row, "key", key, I64, 0),
};
static const stc_column population_columns[] = {
    COLUMN(stc_model_row, "model", model, TEXT, 0),
    COLUMN(stc_model_row, "params", params, F64, STC_MAX_POPULATION_PARAMS),
    COLUMN(stc_model_row, "fields", field, I32, STC_MAX_POPULATION_PARAMS),
};
#define DELIVER(name, kind) KERNEL(#name, u.deliver.name, kind, 0)
#define DRAW(name)                                                                                 \
    KERNEL(#name "_draw", u.deliver.name.kind, I32, 0),                                            \
        KERNEL(#name "_field", u.deliver.name.field, I32, 0),                                      \
        KERNEL(#name "_a", u.deliver.name.a, F64, 0),                                              \
        KERNEL(#name "_b", u.deliver.name.b, F64, 0),                                              \
        KERNEL(#name "_least", u.deliver.name.least, F64, 0),                                      \
        KERNEL(#name "_most", u.deliver.name.most, F64, 0)
static const stc_column deliver_columns[] = {
    DELIVER(rule, I32),
    DELIVER(synapse, I32),
    DELIVER(receptor, I32),
    DELIVER(source, I32),
    DELIVER(target, I32),
    DELIVER(nsources, I64),
    DELIVER(ntargets, I64),
    DELIVER(number, I64),
    DELIVER(nedges, I64),
    DELIVER(p, F64),
    DELIVER(dt, F64),
    DELIVER(autapses, BOOL),
    DELIVER(multapses, BOOL),
    DELIVER(recurrent, BOOL),
    DRAW(weight),
    DRAW(delay),
    DELIVER(least, I64),
    DELIVER(most, I64),
    DELIVER(key, I64),
};
const stc_part_table stc_part_tables[STC_NPART_TABLES] = {
    {STC_KERNEL_ACCUMULATE, TABLE("accumulate", stc_kernel, accumulate_columns)},
    {STC_KERNEL_READ, TABLE("read", stc_kernel, read_columns)},
    {STC_KERNEL_NEURON, TABLE("neuron", stc_model_row, neuron_columns)},
    {STC_KERNEL_MATMUL, TABLE("matmul", stc_kernel, matmul_columns)},
    {STC_KERNEL_POOL, TABLE("pool", stc_kernel, pool_columns)},
    {STC_KERNEL_REDUCE, TABLE("reduce", stc_kernel, reduce_columns)},
    {STC_KERNEL_DELAY, TABLE("delay", stc_kernel, delay_columns)},
    {STC_KERNEL_DELIVER, TABLE("deliver", stc_kernel, deliver_columns)},
    {STC_KERNEL_GENERATOR, TABLE("generator", stc_kernel, generator_columns)},
    {STC_KERNEL_POPULATION, TABLE("population", stc_model_row, population_columns)},
    {STC_KERNEL_CODE, TABLE("code", stc_model_row, code_columns)},
};

#define BLOB(name, kind) COLUMN(stc_blob, #name, name, kind, 0)
static const stc_column blob_columns[] = {
    BLOB(name, TEXT), BLOB(rows, I64), BLOB(columns, I64), BLOB(row_limit, I64), BLOB(npad, I64),
};
const stc_table stc_blob_table = TABLE("blobs", stc_blob, blob_columns);

static const stc_column field_columns[] = {
    COLUMN(stc_field, "name", name, TEXT, 0),
    COLUMN(stc_field, "rows", rows, I64, 0),
};
const stc_table stc_field_table = TABLE("fields", stc_field, field_columns);

#define TILE(name, member, kind, length) COLUMN(stc_tile, name, member, kind, length)
static const stc_column tile_columns[] = {
    TILE("stage", stage, I32, 0),
    TILE("ndim", box.ndim, I32, 0),
    TILE("lo", box.lo, NARROW, STC_MAX_NDIM),
    TILE("hi", box.hi, NARROW, STC_MAX_NDIM),
    TILE("chip", chip, I32, 0),
    TILE("core", core, I32, 0),
    TILE("level", level, I32, 0),
    TILE("neurons", neurons, NARROW, 0),
    TILE("synapse_bytes", synapse_bytes, I64, 0),
    TILE("work", work, F64, 0),
};
const stc_table stc_tile_table = TABLE("tiles", stc_tile, tile_columns);
