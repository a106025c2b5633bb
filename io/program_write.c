/* program_write.c - a program with its weights, written by all ranks.
 *
 * The tables are small and rank 0's; every rank writes a share of the fields; the weights are
 * folded and written in row blocks by the rank that holds the chip of the first tile that uses the
 * rows, so that no rank needs all of them. Reading order: owners, weights, structure,
 * stc_program_write.
 */
#include "program_table.h"

#include "stc/error.h"
#include "stc/io.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* weights that are folded at a time */

/* ---- who writes which rows ---- */

/* rank r holds the chips [rC/R, (r+1)C/R). */
static int32_t rank_of_chip(int32_t chip, int32_t chips, int ranks)
{
    int32_t r = (int32_t)((int64_t)chip * ranks / chips);
    while (r + 1 < ranks && (int64_t)(r + 1) * chips / ranks <= chip)
        r++;
    while (r > 0 && (int64_t)r * chips / ranks > chip)
        r--;
    return r;
}

static int32_t blob_of(const stc_kernel *kernel)
{
    if (kernel->kind == STC_KERNEL_ACCUMULATE) return kernel->u.accumulate.blob;
    return kernel->kind == STC_KERNEL_READ ? kernel->u.read.blob : -1;
}

static bool uses_blob(const stc_program *program, const stc_stage *stage, int32_t blob)
{
    for (int32_t k = 0; k < stage->nkernels; k++) {
        if (blob_of(&program->kernels[stage->first_kernel + k]) == blob) return true;
    }
    return false;
}

/* owner [rows]: rank that writes each row of the blob; 0 where no tile uses it. */
static void find_owners(const stc_program *program, int32_t blob, int ranks, int32_t *owner)
{
    int64_t rows = program->blobs[blob].rows;
    for (int64_t row = 0; row < rows; row++)
        owner[row] = -1;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        if (stage->storage.ndim == 0 || !uses_blob(program, stage, blob)) continue;
        int axis = stage->storage.ndim - 1;
        for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++) {
            const stc_tile *tile = &program->tiles[t];
            int32_t rank = rank_of_chip(tile->chip, program->chips, ranks);
            int64_t hi = tile->box.hi[axis] < rows ? tile->box.hi[axis] : rows;
            for (int64_t row = tile->box.lo[axis]; row < hi; row++) {
                if (owner[row] < 0) owner[row] = rank;
            }
        }
    }
    for (int64_t row = 0; row < rows; row++)
        owner[row] = owner[row] < 0 ? 0 : owner[row];
}

/* ---- weights ---- */

typedef struct {
    const stc_comm *comm;
    const stc_program *program;
    hid_t file;
    int64_t *row_limit; /* [nblobs] */
} writer;

/* Largest sum of |q| of the rows; q = weight * 2^exponent. */
static int64_t largest_sum(int64_t rows, int64_t columns, const float *weight,
                           const int8_t *exponent)
{
    double largest = 0;
    for (int64_t row = 0; row < rows; row++) {
        double sum = 0, grid = ldexp(1.0, exponent[row]);
        for (int64_t c = 0; c < columns; c++) {
            sum += fabs((double)weight[row * columns + c]) * grid;
        }
        if (sum > largest) largest = sum;
    }
    return largest < 9e18 ? (int64_t)largest : INT64_MAX;
}

typedef struct {
    stc_h5_data values, exponent, bias;
} blob_data;

static void close_blob(blob_data *data)
{
    stc_h5_close(&data->values.id);
    stc_h5_close(&data->exponent.id);
    stc_h5_close(&data->bias.id);
}

static hid_t open_part(const writer *w, int32_t blob, const char *part)
{
    char name[64];
    snprintf(name, sizeof(name), "weights/%d/%s", blob, part);
    return H5Dopen2(w->file, name, H5P_DEFAULT);
}

static int open_blob(const writer *w, int32_t b, blob_data *data)
{
    const stc_blob *blob = &w->program->blobs[b];
    data->values = (stc_h5_data){.id = open_part(w, b, "values"), .ndim = 2};
    data->exponent = (stc_h5_data){.id = open_part(w, b, "exponent"), .ndim = 1};
    data->bias = (stc_h5_data){.id = open_part(w, b, "bias"), .ndim = 1};
    if (data->values.id >= 0 && data->exponent.id >= 0 && data->bias.id >= 0) return 0;
    close_blob(data);
    return stc_h5_fail(STC_ERR_IO, w->file, "weights", "cannot open the weights of %s", blob->name);
}

static int write_rows(writer *w, int32_t b, blob_data *data, int64_t first, int64_t count)
{
    const stc_blob *blob = &w->program->blobs[b];
    int64_t start[2] = {first, 0}, extent[2] = {count, blob->columns};
    float *weight = stc_alloc(count * blob->columns, sizeof(*weight));
    float *bias = stc_alloc(count, sizeof(*bias));
    int8_t *exponent = stc_alloc(count, sizeof(*exponent));
    int rc = weight && bias && exponent ? 0 : STC_ERR_NOMEM;
    if (rc == 0) rc = w->program->read_rows(w->program, b, first, count, weight, exponent, bias);
    if (rc == 0) {
        int64_t limit = largest_sum(count, blob->columns, weight, exponent);
        if (limit > w->row_limit[b]) w->row_limit[b] = limit;
        rc = stc_h5_data_write(&data->values, start, extent, H5T_NATIVE_FLOAT, weight);
    }
    if (rc == 0) rc = stc_h5_data_write(&data->exponent, start, extent, H5T_NATIVE_INT8, exponent);
    if (rc == 0) rc = stc_h5_data_write(&data->bias, start, extent, H5T_NATIVE_FLOAT, bias);
    stc_free(weight);
    stc_free(bias);
    stc_free(exponent);
    return rc;
}

/* The rows of a blob that this rank owns, in pieces. */
static int write_blob(writer *w, int32_t b, int32_t *owner)
{
    const stc_blob *blob = &w->program->blobs[b];
    int64_t piece = blob->columns >= PIECE || blob->columns == 0 ? 1 : PIECE / blob->columns;
    blob_data data;
    find_owners(w->program, b, w->comm->size, owner);
    STC_TRY(open_blob(w, b, &data));
    int rc = 0;
    for (int64_t row = 0; row < blob->rows && rc == 0;) {
        int64_t end = row;
        while (end < blob->rows && end - row < piece && owner[end] == w->comm->rank)
            end++;
        if (end > row) rc = write_rows(w, b, &data, row, end - row);
        row = end > row ? end : row + 1;
    }
    close_blob(&data);
    if (rc == 0 && w->comm->rank == 0 && blob->npad > 0) {
        stc_h5_data pad = {.id = open_part(w, b, "pad_values"), .ndim = 1, .size = blob->npad};
        rc = stc_h5_data_write(&pad, NULL, NULL, H5T_NATIVE_FLOAT, blob->pad_values);
        stc_h5_close(&pad.id);
    }
    return rc;
}

/* An equal share of the values of a field, in pieces. */
static int write_field(const writer *w, int32_t f, double *values)
{
    char name[32];
    int64_t rows = w->program->fields[f].rows, ranks = w->comm->size, rank = w->comm->rank;
    snprintf(name, sizeof(name), "fields/%d", f);
    stc_h5_data data = {.id = H5Dopen2(w->file, name, H5P_DEFAULT), .ndim = 1};
    if (data.id < 0) return stc_h5_fail(STC_ERR_IO, w->file, name, "cannot open");
    int64_t end = rows / ranks * (rank + 1) + (rank + 1 == ranks ? rows % ranks : 0);
    int rc = 0;
    for (int64_t at = rows / ranks * rank; at < end && rc == 0; at += PIECE) {
        int64_t count = end - at < PIECE ? end - at : PIECE;
        rc = w->program->read_field(w->program, f, at, count, values);
        if (rc == 0) rc = stc_h5_data_write(&data, &at, &count, H5T_NATIVE_DOUBLE, values);
    }
    stc_h5_close(&data.id);
    return rc < 0 ? stc_fail_in(rc, "field %s", w->program->fields[f].name) : 0;
}

static int write_fields(const writer *w)
{
    double *values = stc_alloc(w->program->nfields ? PIECE : 0, sizeof(*values));
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int32_t f = 0; f < w->program->nfields && rc == 0; f++)
        rc = write_field(w, f, values);
    stc_free(values);
    return rc;
}

static int write_weights(writer *w)
{
    int64_t most = 0;
    for (int32_t b = 0; b < w->program->nblobs; b++) {
        if (w->program->blobs[b].rows > most) most = w->program->blobs[b].rows;
    }
    int32_t *owner = stc_alloc(most, sizeof(*owner));
    int rc = owner ? 0 : STC_ERR_NOMEM;
    for (int32_t b = 0; b < w->program->nblobs && rc == 0; b++) {
        rc = write_blob(w, b, owner);
        if (rc < 0) rc = stc_fail_in(rc, "weights of %s", w->program->blobs[b].name);
    }
    stc_free(owner);
    return rc;
}

/* ---- structure ---- */

enum { NTABLES = 5 + STC_NPART_TABLES };
enum { STAGES, KERNELS, BLOBS, FIELDS, TILES, PARTS };

/* Packed tables; blobs are packed again when their row limits are known. */
typedef struct {
    stc_rows rows[NTABLES];
} tables;

static void free_tables(tables *t)
{
    for (int i = 0; i < NTABLES; i++)
        stc_rows_free(&t->rows[i]);
}

/* The kernels of one kind as rows of its table. */
static int pack_part(const stc_program *program, const stc_part_table *part, stc_rows *rows)
{
    bool models = stc_has_model_row(part->kind);
    int32_t *select = stc_alloc(program->nkernels, sizeof(*select)), n = 0;
    stc_model_row *rows_of = stc_alloc(models ? program->nkernels : 0, sizeof(*rows_of));
    int rc = select && rows_of ? 0 : STC_ERR_NOMEM;
    for (int32_t k = 0; k < program->nkernels && rc == 0; k++) {
        if (program->kernels[k].kind != part->kind) continue;
        if (models && stc_model_row_fill(&program->kernels[k], &rows_of[n]) < 0) {
            rc = stc_fail(STC_ERR_INTERNAL, "kernel %d has no model", k);
        }
        select[n++] = k;
    }
    if (rc == 0) {
        rc = models ? stc_rows_pack(&part->table, rows_of, NULL, n, rows)
                    : stc_rows_pack(&part->table, program->kernels, select, n, rows);
    }
    stc_free(select);
    stc_free(rows_of);
    return rc;
}

static int pack_tables(const stc_program *p, tables *t)
{
    for (int i = 0; i < NTABLES; i++)
        t->rows[i] = (stc_rows){.type = -1};
    STC_TRY(stc_rows_pack(&stc_stage_table, p->stages, NULL, p->nstages, &t->rows[STAGES]));
    STC_TRY(stc_rows_pack(&stc_kernel_table, p->kernels, NULL, p->nkernels, &t->rows[KERNELS]));
    STC_TRY(stc_rows_pack(&stc_blob_table, p->blobs, NULL, p->nblobs, &t->rows[BLOBS]));
    STC_TRY(stc_rows_pack(&stc_field_table, p->fields, NULL, p->nfields, &t->rows[FIELDS]));
    STC_TRY(stc_rows_pack(&stc_tile_table, p->tiles, NULL, p->ntiles, &t->rows[TILES]));
    for (int i = 0; i < STC_NPART_TABLES; i++) {
        STC_TRY(pack_part(p, &stc_part_tables[i], &t->rows[PARTS + i]));
    }
    return 0;
}

/* The arrays of the nets. */
typedef struct {
    const char *name;
    hid_t type;
    int64_t n;
    const void *values;
} net_array;
enum { NNET_ARRAYS = 5 };

static void net_arrays(const stc_program *program, net_array out[NNET_ARRAYS])
{
    static const int64_t no_routes[1] = {0};
    const stc_nets *nets = &program->nets;
    const int64_t *first = nets->first ? nets->first : no_routes;
    out[0] = (net_array){"source", H5T_NATIVE_INT32, nets->n, nets->source};
    out[1] = (net_array){"spikes", H5T_NATIVE_FLOAT, nets->n, nets->spikes};
    out[2] = (net_array){"route", H5T_NATIVE_INT32, nets->n, nets->route};
    out[3] = (net_array){"first", H5T_NATIVE_INT64, (int64_t)nets->nroutes + 1, first};
    out[4] = (net_array){"pin", H5T_NATIVE_INT32, first[nets->nroutes], nets->pin};
}

static int64_t bytes_needed(const stc_program *program, const tables *t)
{
    int64_t bytes = stc_h5_overhead(NTABLES + 8 + 5 * (int64_t)program->nblobs + program->nfields);
    net_array arrays[NNET_ARRAYS];
    net_arrays(program, arrays);
    for (int i = 0; i < NNET_ARRAYS; i++)
        bytes += 8 * arrays[i].n;
    for (int i = 0; i < NTABLES; i++)
        bytes += t->rows[i].n * (int64_t)t->rows[i].row_bytes;
    for (int32_t b = 0; b < program->nblobs; b++) {
        const stc_blob *blob = &program->blobs[b];
        bytes += blob->rows * (4 * blob->columns + 5) + 4 * blob->npad;
    }
    for (int32_t f = 0; f < program->nfields; f++)
        bytes += 8 * program->fields[f].rows;
    return bytes;
}

static int set_attributes(hid_t file, const stc_program *program, const char *utc)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"name", program->name},
                 {"target", program->target},
                 {"partition", program->partition},
                 {"rates", program->rates},
                 {"rates_sha256", program->rates_sha256},
                 {"model", program->model_path},
                 {"model_sha256", program->model_sha256},
                 {"command", program->command},
                 {"rules", program->rules ? program->rules : ""},
                 {"utc", utc}};
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"chips", program->chips},
                   {"levels", program->levels},
                   {"time_steps", program->time_steps},
                   {"neurons", program->nneurons},
                   {"seed", (int64_t)program->seed}};
    STC_TRY(stc_h5_set_format(file, "stc-program", STC_PROGRAM_FORMAT));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        STC_TRY(stc_h5_set_text(file, texts[i].name, texts[i].text));
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        STC_TRY(stc_h5_set_int(file, numbers[i].name, numbers[i].value));
    }
    return stc_h5_set_real(file, "dt", program->dt);
}

static int create_tables(hid_t file, const stc_program *program, const tables *t)
{
    hid_t group, nets = -1;
    stc_h5_data data;
    net_array arrays[NNET_ARRAYS];
    STC_TRY(stc_h5_group_create(file, "program", &group));
    int rc = 0;
    for (int i = 0; i < NTABLES && rc == 0; i++) {
        rc = stc_rows_create(group, &t->rows[i], &data);
        stc_h5_close(&data.id);
    }
    if (rc == 0) rc = stc_h5_group_create(group, "nets", &nets);
    net_arrays(program, arrays);
    for (int i = 0; i < NNET_ARRAYS && rc == 0; i++) {
        rc = stc_h5_data_create(nets, arrays[i].name, arrays[i].type, 1, &arrays[i].n, &data);
        stc_h5_close(&data.id);
    }
    stc_h5_close(&nets);
    stc_h5_close(&group);
    return rc;
}

static int create_weights(hid_t file, const stc_program *program)
{
    hid_t all, group;
    STC_TRY(stc_h5_group_create(file, "weights", &all));
    int rc = 0;
    for (int32_t b = 0; b < program->nblobs && rc == 0; b++) {
        const stc_blob *blob = &program->blobs[b];
        const struct {
            const char *name;
            hid_t type;
            int ndim;
            int64_t dim[2];
        } parts[] = {{"values", H5T_NATIVE_FLOAT, 2, {blob->rows, blob->columns}},
                     {"exponent", H5T_NATIVE_INT8, 1, {blob->rows}},
                     {"bias", H5T_NATIVE_FLOAT, 1, {blob->rows}},
                     {"pad_values", H5T_NATIVE_FLOAT, 1, {blob->npad}}};
        char name[16];
        snprintf(name, sizeof(name), "%d", b);
        rc = stc_h5_group_create(all, name, &group);
        if (rc == 0) rc = stc_h5_set_text(group, "name", blob->name);
        for (int i = 0; i < (blob->npad ? 4 : 3) && rc == 0; i++) {
            stc_h5_data data;
            rc = stc_h5_data_create(group, parts[i].name, parts[i].type, parts[i].ndim,
                                    parts[i].dim, &data);
            stc_h5_close(&data.id);
        }
        stc_h5_close(&group);
    }
    stc_h5_close(&all);
    return rc;
}

static int create_fields(hid_t file, const stc_program *program)
{
    hid_t group;
    STC_TRY(stc_h5_group_create(file, "fields", &group));
    int rc = 0;
    for (int32_t f = 0; f < program->nfields && rc == 0; f++) {
        char name[16];
        stc_h5_data data;
        snprintf(name, sizeof(name), "%d", f);
        rc = stc_h5_data_create(group, name, H5T_NATIVE_DOUBLE, 1, &program->fields[f].rows, &data);
        stc_h5_close(&data.id);
    }
    stc_h5_close(&group);
    return rc;
}

/* Write a dataset that exists; rank 0. */
static int write_named(hid_t file, const char *name, hid_t type, int64_t n, const void *values)
{
    stc_h5_data data = {.id = H5Dopen2(file, name, H5P_DEFAULT), .ndim = 1, .dim = {n}, .size = n};
    if (data.id < 0) return stc_h5_fail(STC_ERR_IO, file, name, "cannot open");
    int rc = stc_h5_data_write(&data, NULL, NULL, type, values);
    stc_h5_close(&data.id);
    return rc;
}

static int write_tables(const writer *w, tables *t)
{
    char name[64];
    net_array arrays[NNET_ARRAYS];
    const stc_program *program = w->program;
    stc_blob *blobs = stc_alloc(program->nblobs, sizeof(*blobs));
    if (!blobs) return STC_ERR_NOMEM;
    for (int32_t b = 0; b < program->nblobs; b++) {
        blobs[b] = program->blobs[b];
        blobs[b].row_limit = w->row_limit[b];
    }
    stc_rows_free(&t->rows[BLOBS]);
    int rc = stc_rows_pack(&stc_blob_table, blobs, NULL, program->nblobs, &t->rows[BLOBS]);
    stc_free(blobs);
    for (int i = 0; i < NTABLES && rc == 0; i++) {
        const stc_rows *rows = &t->rows[i];
        snprintf(name, sizeof(name), "program/%s", rows->table->name);
        rc = write_named(w->file, name, rows->type, rows->n, rows->bytes);
    }
    net_arrays(program, arrays);
    for (int i = 0; i < NNET_ARRAYS && rc == 0; i++) {
        snprintf(name, sizeof(name), "program/nets/%s", arrays[i].name);
        rc = write_named(w->file, name, arrays[i].type, arrays[i].n, arrays[i].values);
    }
    return rc;
}

/* ---- the whole ---- */

static int write_data(writer *w, tables *t)
{
    int rc = write_weights(w);
    if (rc == 0) rc = write_fields(w);
    int64_t *limit = w->row_limit;
    rc = stc_agree(w->comm, rc); /* the limits are complete */
    if (rc < 0) return rc;
    MPI_Allreduce(MPI_IN_PLACE, limit, w->program->nblobs, MPI_INT64_T, MPI_MAX, w->comm->mpi);
    return w->comm->rank == 0 ? write_tables(w, t) : 0;
}

int stc_program_write(const stc_comm *comm, const stc_program *program, const char *path)
{
    writer w = {.comm = comm, .program = program, .file = -1};
    tables t;
    stc_h5_file file;
    char utc[32] = "";
    stc_utc(utc, sizeof(utc));
    int rc = pack_tables(program, &t);
    w.row_limit = stc_alloc(program->nblobs, sizeof(int64_t));
    if (rc == 0 && !w.row_limit) rc = STC_ERR_NOMEM;
    rc = stc_agree(comm, rc);
    if (rc == 0) {
        MPI_Bcast(utc, sizeof(utc), MPI_CHAR, 0, comm->mpi);
        rc = stc_h5_create(comm, path, bytes_needed(program, &t), &file);
    }
    if (rc == 0) {
        w.file = file.id;
        rc = set_attributes(file.id, program, utc);
        if (rc == 0) rc = create_tables(file.id, program, &t);
        if (rc == 0) rc = create_weights(file.id, program);
        if (rc == 0) rc = create_fields(file.id, program);
        rc = stc_h5_created(&file, rc);
        if (rc == 0) rc = write_data(&w, &t);
        rc = stc_h5_finish(&file, rc);
    }
    stc_free(w.row_limit);
    free_tables(&t);
    return rc;
}
