/* io_example.h - for tests of io: a small program and a small result made by hand, and files of
 * any HDF5 content written without the code under test. */
#ifndef STC_TESTS_IO_EXAMPLE_H
#define STC_TESTS_IO_EXAMPLE_H

#include "stc/base.h"
#include "stc/comm.h"
#include "stc/error.h"
#include "stc/io.h"
#include "stc/program.h"
#include "stc/result.h"

#include <hdf5.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a program: image (2, 4, 4) -> conv 2 -> 32 channels, LIF, on two chips -> output ---- */

enum { EXAMPLE_ROWS = 32, EXAMPLE_COLUMNS = 2 };

/* Row r, column c: q = (r + 1) * (c ? -3 : 5), exponent 4 + r % 3. */
static inline int example_rows(const stc_program *program, int32_t blob, int64_t first,
                               int64_t count, float *weight, int8_t *exponent, float *bias)
{
    (void)program;
    for (int64_t i = 0; i < count; i++) {
        int64_t r = first + i;
        exponent[i] = (int8_t)(4 + r % 3);
        bias[i] = 0.125f * (float)r + (float)blob;
        for (int64_t c = 0; c < EXAMPLE_COLUMNS; c++) {
            weight[i * EXAMPLE_COLUMNS + c] = ldexpf((float)((r + 1) * (c ? -3 : 5)), -exponent[i]);
        }
    }
    return 0;
}

static inline stc_stage example_stage(const char *name, stc_shape shape)
{
    stc_stage stage = {.name = name,
                       .shape = shape,
                       .order = {1, 2, 0},
                       .storage = {3, {shape.dim[1], shape.dim[2], shape.dim[0]}},
                       .kind = STC_KIND_BIT,
                       .dtype = STC_U8,
                       .first_id = -1,
                       .output_name = "",
                       .input_scale = 1};
    return stage;
}

static inline stc_operand example_operand(int32_t stage, const stc_shape *storage)
{
    stc_operand operand = {.stage = stage, .factor = 1, .view = stc_view_identity(storage)};
    return operand;
}

static inline stc_program *example_program(void)
{
    static const float pad_values[2] = {0.25f, -1.5f};
    static const double lif[10] = {2.5, 1.5, -0.25, 0, 1, 0.125, 1, 1, 1, 1};
    static const int32_t sources[3] = {0, 1, 2}, routes[3] = {0, 1, 2}, pins[4] = {1, 2, 3, 4};
    static const int64_t first[4] = {0, 2, 3, 4};
    stc_program *p = NULL;
    if (stc_program_create("example", &p) < 0) return NULL;
    p->nstages = 3;
    p->nkernels = 4;
    p->nblobs = 1;
    p->ntiles = 5;
    p->stages = stc_arena_alloc(p->arena, p->nstages, sizeof(stc_stage));
    p->kernels = stc_arena_alloc(p->arena, p->nkernels, sizeof(stc_kernel));
    p->blobs = stc_arena_alloc(p->arena, p->nblobs, sizeof(stc_blob));
    p->tiles = stc_arena_alloc(p->arena, p->ntiles, sizeof(stc_tile));
    p->nets.n = 3;
    p->nets.source = stc_arena_alloc(p->arena, 3, sizeof(int32_t));
    p->nets.spikes = stc_arena_alloc(p->arena, 3, sizeof(float));
    p->nets.route = stc_arena_alloc(p->arena, 3, sizeof(int32_t));
    p->nets.nroutes = 3;
    p->nets.first = stc_arena_alloc(p->arena, 4, sizeof(int64_t));
    p->nets.pin = stc_arena_alloc(p->arena, 4, sizeof(int32_t));
    memcpy(p->nets.source, sources, sizeof(sources));
    memcpy(p->nets.route, routes, sizeof(routes));
    memcpy(p->nets.first, first, sizeof(first));
    memcpy(p->nets.pin, pins, sizeof(pins));
    for (int k = 0; k < 4; k++)
        p->kernels[k].operand[0].stage = p->kernels[k].operand[1].stage = -1;

    p->stages[0] = example_stage("image", (stc_shape){3, {2, 4, 4}});
    p->stages[0].is_input = true;
    p->stages[1] = example_stage("lif/1", (stc_shape){3, {EXAMPLE_ROWS, 4, 4}});
    p->stages[1].first_id = 7;
    p->stages[1].counted = true;
    p->stages[2] = example_stage("out", (stc_shape){3, {EXAMPLE_ROWS, 4, 4}});
    p->stages[2].is_output = true;
    p->stages[2].output_name = "out";

    p->kernels[0].kind = STC_KERNEL_INPUT;
    p->kernels[1].kind = STC_KERNEL_ACCUMULATE;
    p->kernels[1].operand[0] = example_operand(0, &p->stages[0].storage);
    stc_view_permute(&p->kernels[1].operand[0].view, (const int[]){2, 0, 1});
    p->kernels[1].u.accumulate.channels = EXAMPLE_ROWS;
    p->kernels[1].u.accumulate.in_channels = 2;
    p->kernels[1].u.accumulate.groups = 1;
    p->kernels[1].u.accumulate.has_pad_values = true;
    for (int a = 0; a < 2; a++) {
        p->kernels[1].u.accumulate.kernel[a] = p->kernels[1].u.accumulate.stride[a] = 1;
        p->kernels[1].u.accumulate.dilation[a] = 1;
        p->kernels[1].u.accumulate.in_size[a] = p->kernels[1].u.accumulate.out_size[a] = 4;
    }
    p->kernels[2].kind = STC_KERNEL_NEURON;
    memcpy(p->kernels[2].u.neuron.params, lif, sizeof(lif));
    for (int k = 0; k < STC_MAX_PARAMS; k++)
        p->kernels[2].u.neuron.field[k] = -1;
    p->kernels[3].kind = STC_KERNEL_READ;
    p->kernels[3].operand[0] = example_operand(1, &p->stages[1].storage);
    p->kernels[3].u.read.scale = 1;
    p->kernels[3].u.read.blob = -1;

    p->blobs[0] = (stc_blob){.name = "conv",
                             .rows = EXAMPLE_ROWS,
                             .columns = EXAMPLE_COLUMNS,
                             .pad_values = pad_values,
                             .npad = 2};
    for (int32_t t = 0; t < 5; t++) {
        int32_t s = t == 0 ? 0 : t < 3 ? 1 : 2;
        stc_tile *tile = &p->tiles[t];
        tile->stage = s;
        tile->box = stc_box_all(&p->stages[s].storage);
        if (t > 0) tile->box.lo[2] = t % 2 ? 0 : 16;
        if (t > 0) tile->box.hi[2] = t % 2 ? 16 : 32;
        tile->chip = t == 0 || t % 2 ? 0 : 1;
        tile->core = t;
        tile->level = t > 0;
        tile->neurons = s == 1 ? 256 : 0;
        tile->synapse_bytes = 1000000007;
        tile->work = 1.5 * t;
    }
    for (int32_t s = 0; s < 3; s++) {
        p->stages[s].first_kernel = s == 2 ? 3 : s;
        p->stages[s].nkernels = s == 1 ? 2 : 1;
        p->stages[s].first_tile = s == 0 ? 0 : 2 * s - 1;
        p->stages[s].ntiles = s == 0 ? 1 : 2;
    }
    for (int i = 0; i < 3; i++)
        p->nets.spikes[i] = 3.25f;
    p->chips = 2;
    p->levels = 2;
    p->time_steps = 4;
    p->nneurons = 519;
    p->target = "generic";
    p->partition = "contiguous";
    p->model_path = "model \xc3\xa9.h5";
    p->model_sha256 = "00ff";
    p->command = "stc compile";
    p->seed = UINT64_C(0xfedcba9876543210);
    p->read_rows = example_rows;
    return p;
}

/* ---- a result: two samples of five steps ---- */

/* The records of this rank of comm; destroy by free. node "silent/1" never fires. */
typedef struct {
    stc_result result;
    stc_population population[3];
    stc_output output[2];
    int64_t sample[60], step[60], id[60];
    uint8_t value[60];
    float steps[2 * 5 * 3], means[2 * 4];
} example_run;

static inline example_run *example_result(const stc_comm *comm)
{
    example_run *run = calloc(1, sizeof(*run));
    if (!run) return NULL;
    int64_t first = 60 * comm->rank / comm->size, end = 60 * (comm->rank + 1) / comm->size;
    for (int64_t i = first; i < end; i++) { /* 6 spikes in each step */
        run->sample[i - first] = 3 + i / 30;
        run->step[i - first] = i / 6 % 5;
        run->id[i - first] = 2 * (i % 6) + i / 30;
        run->value[i - first] = (uint8_t)(1 + i % 4);
    }
    for (int k = 0; k < 3; k++) {
        static const char *const names[3] = {"a%b", "lif", "silent/1"};
        run->population[k] = (stc_population){.name = names[k],
                                              .shape = {2, {3, 4}},
                                              .first_id = 12 * k,
                                              .unit = 1,
                                              .max = k == 1 ? 4 : 1,
                                              .counted = k != 2,
                                              .total = k == 2 ? 0
                                                       : k    ? 150
                                                              : 60,
                                              .n = k == 2 ? 0 : end - first,
                                              .sample = run->sample,
                                              .step = run->step,
                                              .id = run->id,
                                              .value = run->value};
    }
    for (int i = 0; i < 30; i++)
        run->steps[i] = 0.1f * (float)i;
    for (int i = 0; i < 8; i++)
        run->means[i] = -1.0f / (float)(i + 1);
    run->output[0] = (stc_output){"logits", {1, {4}}, 0, 0, false, comm->rank ? NULL : run->means};
    run->output[1] = (stc_output){"x", {1, {3}}, 4, 5, true, comm->rank ? NULL : run->steps};
    run->result = (stc_result){.first_sample = 3,
                               .samples = 2,
                               .steps = 5,
                               .dt_ms = 0.5,
                               .recorded = true,
                               .npopulations = 3,
                               .noutputs = 2,
                               .populations = run->population,
                               .outputs = run->output,
                               .spike_checksum = 0x0123456789abcdef,
                               .output_checksum = 0xfedcba9876543210,
                               .spikes = 210,
                               .labelled = comm->rank ? 0 : 2, /* rank 0's figures count */
                               .correct = 1,
                               .ranks = comm->size,
                               .threads = 1,
                               .kernel = "scalar",
                               .program_name = "example",
                               .command = "stc run",
                               .seed = 5};
    return run;
}

/* ---- files made by hand ---- */

static inline hid_t make_file(const char *path)
{
    return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

static inline hid_t make_group(hid_t at, const char *name)
{
    return H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}

/* A dataset of this type; values NULL: none are written. */
static inline hid_t make_data(hid_t at, const char *name, hid_t type, int ndim, const hsize_t *dim,
                              const void *values)
{
    hid_t list = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(ndim, dim, NULL);
    H5Pset_create_intermediate_group(list, 1);
    hid_t data = H5Dcreate2(at, name, type, space, list, H5P_DEFAULT, H5P_DEFAULT);
    if (values) H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Sclose(space);
    H5Pclose(list);
    return data;
}

static inline void put_data(hid_t at, const char *name, hid_t type, int ndim, const hsize_t *dim,
                            const void *values)
{
    H5Dclose(make_data(at, name, type, ndim, dim, values));
}

static inline hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    return type;
}

/* Strings of variable length. */
static inline void put_texts(hid_t at, const char *name, int ndim, const hsize_t *dim,
                             const char *const *texts)
{
    hid_t type = text_type(H5T_VARIABLE);
    put_data(at, name, type, ndim, dim, texts);
    H5Tclose(type);
}

static inline void put_text(hid_t at, const char *name, const char *text)
{
    put_texts(at, name, 0, NULL, &text);
}

static inline void put_text_attr(hid_t at, const char *name, const char *text)
{
    hid_t type = text_type(strlen(text) + 1), space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attr, type, text);
    H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
}

static inline void put_real_attr(hid_t at, const char *name, double value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate2(at, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attr, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(attr);
    H5Sclose(space);
}

static inline void put_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!file) abort();
    fwrite(bytes, 1, n, file);
    fclose(file);
}

/* The whole file; free it. */
static inline char *get_bytes(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file) abort();
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n + 1);
    if (!bytes || fread(bytes, 1, *n, file) != *n) abort();
    fclose(file);
    return bytes;
}

/* Does the last error text hold all of these words (until NULL)? Prints it if not. */
static inline bool error_says(const char *word, ...)
{
    va_list words;
    bool all = true;
    va_start(words, word);
    for (; word; word = va_arg(words, const char *)) {
        if (strstr(stc_error_text(), word)) continue;
        fprintf(stderr, "\"%s\" is not in the message: %s\n", word, stc_error_text());
        all = false;
    }
    va_end(words);
    return all;
}

#endif
