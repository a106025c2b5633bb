/* program_read.c - a program from a file: the structure at once and verified, rows of weights when
 * asked for. Nothing in the file is trusted: sizes are checked before memory is taken, and indices
 * by stc_program_verify. */
#include "program_table.h"

#include "stc/error.h"
#include "stc/io.h"

#include <math.h>
#include <string.h>

typedef struct {
    hid_t file;
    stc_h5_data *parts; /* [nblobs][3]: values, exponent, bias */
    bool *on_grid;      /* [nblobs] weights of integer sums; others are factors of any size */
} source;

/* ---- weights ---- */

static const char *const part_names[3] = {"values", "exponent", "bias"};

static int open_part(const stc_program *program, int32_t b, const char *name, int ndim,
                     int64_t rows, int64_t columns, stc_h5_data *out)
{
    char path[64];
    const source *from = program->source;
    snprintf(path, sizeof(path), "weights/%d/%s", b, name);
    STC_TRY(stc_h5_data_open(from->file, path, out));
    bool fits = out->ndim == ndim && out->dim[0] == rows && (ndim < 2 || out->dim[1] == columns);
    int rc = stc_h5_data_numeric(out);
    if (rc == 0 && !fits) {
        char shape[128];
        rc = stc_h5_fail(STC_ERR_INPUT, out->id, NULL, "has shape %s, expected %lld rows%s",
                         stc_h5_data_shape_text(out, shape, sizeof(shape)), (long long)rows,
                         ndim == 2 ? " and the columns of its blob" : "");
    }
    if (rc < 0) stc_h5_close(&out->id);
    return rc;
}

static int open_blob(const stc_program *program, int32_t b)
{
    const stc_blob *blob = &program->blobs[b];
    const source *from = program->source;
    for (int i = 0; i < 3; i++) {
        stc_h5_data *part = &from->parts[3 * b + i];
        if (part->id >= 0) continue;
        STC_TRY(
            open_part(program, b, part_names[i], i == 0 ? 2 : 1, blob->rows, blob->columns, part));
    }
    return 0;
}

/* A weight that is not finite, off the grid, or a row above its limit would break the simulator's
 * integer sums. */
static int check_rows(const stc_blob *blob, const stc_h5_data *values, bool on_grid, int64_t first,
                      int64_t count, const float *weight, const int8_t *exponent, const float *bias)
{
    for (int64_t row = 0; row < count; row++) {
        const float *w = weight + row * blob->columns;
        double grid = ldexp(1.0, exponent[row]), sum = 0, largest = 0;
        bool whole = true;
        for (int64_t c = 0; c < blob->columns; c++) {
            double q = fabs((double)w[c]) * grid;
            sum += q;
            largest = q > largest ? q : largest;
            whole = whole && q < 1e9 && (double)(int64_t)q == q;
        }
        bool exact = whole && largest <= STC_WEIGHT_MAX && sum <= (double)blob->row_limit;
        if ((on_grid ? exact : isfinite(sum)) && isfinite(bias[row])) continue;
        return stc_h5_fail(
            STC_ERR_INPUT, values->id, NULL,
            "weights of %s, row %lld: not finite or not on the grid of this program; "
            "the file is damaged, compile it again",
            blob->name, (long long)(first + row));
    }
    return 0;
}

static int read_rows(const stc_program *program, int32_t b, int64_t first, int64_t count,
                     float *weight, int8_t *exponent, float *bias)
{
    const source *from = program->source;
    STC_CHECK(b >= 0 && b < program->nblobs, STC_ERR_INTERNAL, "there is no blob %d", b);
    const stc_blob *blob = &program->blobs[b];
    int64_t start[2] = {first, 0}, extent[2] = {count, blob->columns};
    STC_CHECK(first >= 0 && count >= 0 && first <= blob->rows - count, STC_ERR_INTERNAL,
              "weights of %s: rows %lld to %lld asked for, it has %lld", blob->name,
              (long long)first, (long long)(first + count), (long long)blob->rows);
    STC_TRY(open_blob(program, b));
    const stc_h5_data *part = &from->parts[3 * b];
    STC_TRY(stc_h5_data_read(&part[0], start, extent, H5T_NATIVE_FLOAT, weight));
    STC_TRY(stc_h5_data_read(&part[1], start, extent, H5T_NATIVE_INT8, exponent));
    STC_TRY(stc_h5_data_read(&part[2], start, extent, H5T_NATIVE_FLOAT, bias));
    return check_rows(blob, &part[0], from->on_grid[b], first, count, weight, exponent, bias);
}

static int read_field(const stc_program *program, int32_t f, int64_t first, int64_t count,
                      double *out)
{
    char path[32];
    stc_h5_data data;
    const source *from = program->source;
    const stc_field *field = &program->fields[f];
    STC_CHECK(first >= 0 && count >= 0 && first <= field->rows - count, STC_ERR_INTERNAL,
              "field %s: %lld values from %lld on asked for, it has %lld", field->name,
              (long long)count, (long long)first, (long long)field->rows);
    snprintf(path, sizeof(path), "fields/%d", f);
    STC_TRY(stc_h5_data_open(from->file, path, &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim != 1 || data.size != field->rows)) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "expected %lld values",
                         (long long)field->rows);
    }
    if (rc == 0 && count > 0) rc = stc_h5_data_read(&data, &first, &count, H5T_NATIVE_DOUBLE, out);
    stc_h5_close(&data.id);
    return rc;
}

static void release(stc_program *program)
{
    source *from = program->source;
    for (int32_t i = 0; from->parts && i < 3 * program->nblobs; i++) {
        stc_h5_close(&from->parts[i].id);
    }
    stc_h5_close(&from->file);
}

static int read_pad_values(stc_program *program, int32_t b)
{
    stc_blob *blob = &program->blobs[b];
    stc_h5_data data;
    STC_TRY(open_part(program, b, "pad_values", 1, blob->npad, 0, &data));
    float *values = stc_arena_alloc(program->arena, blob->npad, sizeof(*values));
    int rc = values ? stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_FLOAT, values) : STC_ERR_NOMEM;
    stc_h5_close(&data.id);
    for (int64_t i = 0; i < blob->npad && rc == 0; i++) {
        if (!isfinite(values[i])) {
            rc = stc_fail(STC_ERR_INPUT, "pad values of %s: number %lld is not finite", blob->name,
                          (long long)i);
        }
    }
    blob->pad_values = values;
    return rc;
}

/* Blobs whose sizes are believable and whose datasets are there. */
static int check_blobs(stc_program *program)
{
    source *from = program->source;
    from->parts =
        stc_arena_alloc(program->arena, 3 * (int64_t)program->nblobs, sizeof(stc_h5_data));
    from->on_grid = stc_arena_alloc(program->arena, program->nblobs, sizeof(bool));
    if (!from->parts || !from->on_grid) return STC_ERR_NOMEM;
    for (int32_t k = 0; k < program->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[k];
        int32_t blob = kernel->u.accumulate.blob;
        if (kernel->kind != STC_KERNEL_ACCUMULATE || blob < 0 || blob >= program->nblobs) continue;
        from->on_grid[blob] = true;
    }
    for (int32_t i = 0; i < 3 * program->nblobs; i++)
        from->parts[i].id = -1;
    for (int32_t b = 0; b < program->nblobs; b++) {
        const stc_blob *blob = &program->blobs[b];
        STC_CHECK(blob->rows >= 1 && blob->columns >= 0 && blob->npad >= 0 &&
                      blob->rows < INT64_C(1) << 40 && blob->npad < INT64_C(1) << 40 &&
                      blob->row_limit >= 0,
                  STC_ERR_INPUT, "weights of %s: impossible sizes", blob->name);
        STC_TRY(open_blob(program, b));
        if (blob->npad > 0) STC_TRY(read_pad_values(program, b));
    }
    return 0;
}

/* ---- tables ---- */

/* All rows of a table into structs of the arena. */
static int read_structs(hid_t group, const stc_table *table, int64_t limit, stc_arena *arena,
                        void **out, int32_t *n)
{
    stc_rows rows;
    STC_TRY(stc_rows_read(group, table, limit, &rows));
    *out = stc_arena_alloc(arena, rows.n, (int64_t)table->size);
    *n = (int32_t)rows.n;
    int rc = *out ? 0 : STC_ERR_NOMEM;
    for (int64_t i = 0; i < rows.n && rc == 0; i++) {
        rc = stc_rows_unpack(&rows, i, arena, (char *)*out + (size_t)i * table->size);
    }
    stc_rows_free(&rows);
    return rc;
}

/* Union members of the kernels of one kind. */
static int read_part(hid_t group, const stc_part_table *part, stc_program *program)
{
    stc_rows rows;
    int64_t next = 0;
    bool any = false;
    for (int32_t k = 0; k < program->nkernels && !any; k++)
        any = program->kernels[k].kind == part->kind;
    if (!any && H5Lexists(group, part->table.name, H5P_DEFAULT) <= 0) return 0;
    STC_TRY(stc_rows_read(group, &part->table, STC_FILE_MAX_STAGES, &rows));
    int rc = 0;
    for (int32_t k = 0; k < program->nkernels && rc == 0; k++) {
        stc_kernel *kernel = &program->kernels[k];
        if (kernel->kind != part->kind) continue;
        if (next == rows.n) {
            rc = stc_fail(STC_ERR_INPUT, "table %s has only %lld rows", part->table.name,
                          (long long)rows.n);
        } else if (stc_has_model_row(kernel->kind)) {
            rc = stc_model_row_unpack(&rows, next++, program->arena, kernel);
        } else {
            rc = stc_rows_unpack(&rows, next++, program->arena, kernel);
        }
    }
    if (rc == 0 && next < rows.n) {
        rc = stc_fail(STC_ERR_INPUT, "table %s has %lld rows for %lld kernels", part->table.name,
                      (long long)rows.n, (long long)next);
    }
    stc_rows_free(&rows);
    return rc;
}

static int read_array(hid_t group, const char *name, hid_t type, int64_t size, int64_t limit,
                      stc_arena *arena, void **out, int64_t *n)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, name, &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim != 1 || data.size > limit)) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "expected a list of at most %lld numbers",
                         (long long)limit);
    }
    if (rc == 0) *out = stc_arena_alloc(arena, data.size, size);
    if (rc == 0 && !*out) rc = STC_ERR_NOMEM;
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, type, *out);
    *n = data.size;
    stc_h5_close(&data.id);
    return rc;
}

/* Before version 4 every net had a route of its own. */
static int number_routes(stc_arena *arena, int64_t n, void **out)
{
    int32_t *route = stc_arena_alloc(arena, n, sizeof *route);
    if (!route) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < n; i++)
        route[i] = (int32_t)i;
    *out = route;
    return 0;
}

static int read_nets(hid_t group, stc_program *program)
{
    enum { SOURCE, SPIKES, ROUTE, FIRST, PIN, NARRAYS };
    static const char *const name[NARRAYS] = {"nets/source", "nets/spikes", "nets/route",
                                              "nets/first", "nets/pin"};
    const hid_t type[NARRAYS] = {H5T_NATIVE_INT32, H5T_NATIVE_FLOAT, H5T_NATIVE_INT32,
                                 H5T_NATIVE_INT64, H5T_NATIVE_INT32};
    static const int64_t size[NARRAYS] = {4, 4, 4, 8, 4},
                         limit[NARRAYS] = {STC_FILE_MAX_NETS, STC_FILE_MAX_NETS, STC_FILE_MAX_NETS,
                                           STC_FILE_MAX_NETS + 1, INT64_C(1) << 32};
    stc_nets *nets = &program->nets;
    int64_t n[NARRAYS];
    void *array[NARRAYS];
    for (int i = 0; i < NARRAYS; i++) {
        if (i == ROUTE && H5Lexists(group, name[i], H5P_DEFAULT) <= 0) {
            STC_TRY(number_routes(program->arena, n[SOURCE], &array[i]));
            n[i] = n[SOURCE];
            continue;
        }
        STC_TRY(read_array(group, name[i], type[i], size[i], limit[i], program->arena, &array[i],
                           &n[i]));
    }
    nets->source = array[SOURCE];
    nets->spikes = array[SPIKES];
    nets->route = array[ROUTE];
    nets->first = array[FIRST];
    nets->pin = array[PIN];
    const int64_t nroutes = n[FIRST] - 1;
    STC_CHECK(n[SPIKES] == n[SOURCE] && n[ROUTE] == n[SOURCE] && nroutes >= 0 &&
                  nets->first[nroutes] == n[PIN] && nets->first[0] == 0,
              STC_ERR_INPUT,
              "nets: the lengths of source, spikes, route, first and pin do not fit");
    for (int64_t i = 0; i < nroutes; i++) {
        STC_CHECK(nets->first[i] <= nets->first[i + 1], STC_ERR_INPUT,
                  "nets: first decreases at %lld", (long long)i);
    }
    nets->n = (int32_t)n[SOURCE];
    nets->nroutes = (int32_t)nroutes;
    return 0;
}

static int read_tables(hid_t group, stc_program *program)
{
    stc_arena *arena = program->arena;
    void *stages = NULL, *kernels = NULL, *blobs = NULL, *fields = NULL, *tiles = NULL;
    STC_TRY(read_structs(group, &stc_stage_table, STC_FILE_MAX_STAGES, arena, &stages,
                         &program->nstages));
    STC_TRY(read_structs(group, &stc_kernel_table, STC_FILE_MAX_STAGES, arena, &kernels,
                         &program->nkernels));
    STC_TRY(
        read_structs(group, &stc_blob_table, STC_FILE_MAX_STAGES, arena, &blobs, &program->nblobs));
    STC_TRY(read_structs(group, &stc_field_table, STC_FILE_MAX_STAGES, arena, &fields,
                         &program->nfields));
    STC_TRY(
        read_structs(group, &stc_tile_table, STC_FILE_MAX_TILES, arena, &tiles, &program->ntiles));
    program->stages = stages;
    program->kernels = kernels;
    program->blobs = blobs;
    program->fields = fields;
    program->tiles = tiles;
    for (int i = 0; i < STC_NPART_TABLES; i++) {
        STC_TRY(read_part(group, &stc_part_tables[i], program));
    }
    return read_nets(group, program);
}

static int read_attributes(hid_t file, stc_program *program)
{
    const struct {
        const char *name, **text;
    } texts[] = {{"name", &program->name},
                 {"target", &program->target},
                 {"partition", &program->partition},
                 {"model", &program->model_path},
                 {"model_sha256", &program->model_sha256},
                 {"command", &program->command},
                 {"rules", &program->rules}};
    int64_t chips, levels, seed;
    program->rates = program->rates_sha256 = ""; /* older files do not say */
    STC_TRY(stc_h5_check_format(file, "stc-program", STC_PROGRAM_FORMAT));
    if (stc_h5_has_attr(file, "rates")) {
        STC_TRY(stc_h5_attr_text(file, "rates", program->arena, &program->rates));
        STC_TRY(stc_h5_attr_text(file, "rates_sha256", program->arena, &program->rates_sha256));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        STC_TRY(stc_h5_attr_text(file, texts[i].name, program->arena, texts[i].text));
    }
    STC_TRY(stc_h5_attr_int(file, "chips", &chips));
    STC_TRY(stc_h5_attr_int(file, "levels", &levels));
    STC_TRY(stc_h5_attr_int(file, "time_steps", &program->time_steps));
    STC_TRY(stc_h5_attr_int(file, "neurons", &program->nneurons));
    STC_TRY(stc_h5_attr_int(file, "seed", &seed));
    STC_TRY(stc_h5_attr_real(file, "dt", &program->dt));
    STC_CHECK(program->dt >= 0.0 && program->dt < 1e9, STC_ERR_INPUT,
              "attribute dt is %g; expected the seconds of a step, or 0", program->dt);
    STC_CHECK(chips >= 1 && chips <= STC_FILE_MAX_CHIPS && levels >= 0 &&
                  levels <= STC_FILE_MAX_STAGES && program->time_steps >= 0 &&
                  program->time_steps <= STC_FILE_MAX_STEPS && program->nneurons >= 0,
              STC_ERR_INPUT,
              "attributes chips (%lld), levels (%lld), time_steps (%lld) or neurons (%lld) are "
              "impossible; the file is damaged, compile it again",
              (long long)chips, (long long)levels, (long long)program->time_steps,
              (long long)program->nneurons);
    program->chips = (int32_t)chips;
    program->levels = (int32_t)levels;
    program->seed = (uint64_t)seed;
    return 0;
}

static int read_all(stc_program *program)
{
    const source *from = program->source;
    hid_t group;
    STC_TRY(read_attributes(from->file, program));
    STC_TRY(stc_h5_group(from->file, "program", &group));
    int rc = read_tables(group, program);
    stc_h5_close(&group);
    if (rc == 0) rc = check_blobs(program);
    if (rc == 0) rc = stc_program_verify(program);
    for (int32_t s = 0; s < program->nstages && rc == 0; s++)
        rc = stc_check_models(program, &program->stages[s]);
    return rc;
}

int stc_program_read(const char *path, stc_program **out)
{
    stc_program *program;
    hid_t file;
    *out = NULL;
    STC_TRY(stc_h5_open(path, &file));
    int rc = stc_program_create(path, &program);
    if (rc < 0) {
        stc_h5_close(&file);
        return rc;
    }
    source *from = stc_arena_alloc(program->arena, 1, sizeof(*from));
    if (!from) {
        stc_h5_close(&file);
        stc_program_destroy(&program);
        return STC_ERR_NOMEM;
    }
    from->file = file;
    program->source = from;
    program->release = release;
    program->read_rows = read_rows;
    program->read_field = read_field;
    rc = read_all(program);
    if (rc < 0) {
        if (strncmp(stc_error_text(), path, strlen(path)) != 0) stc_fail_in(rc, "%s", path);
        stc_program_destroy(&program);
        return rc;
    }
    *out = program;
    return 0;
}
