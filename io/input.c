/* input.c - what is presented to a network: an input file of any layout, or arrays in memory.
 *
 * Opening reads shapes, labels and events; dense values are read when they are asked for. Reading
 * order: input_file.h, open_all, then the reader of a layout.
 */
#include "input_file.h"
#include "network.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

static int check_range(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box)
{
    const stc_input_array *a = array >= 0 && array < input->narrays ? &input->arrays[array] : NULL;
    int64_t steps = a && a->steps > 0 ? a->steps : 1;
    bool good = a && sample >= 0 && sample < input->samples && first >= 0 && count >= 0 &&
                first <= steps - count && box->ndim == a->shape.ndim;
    for (int d = 0; good && d < box->ndim; d++) {
        good = box->lo[d] >= 0 && box->lo[d] <= box->hi[d] && box->hi[d] <= a->shape.dim[d];
    }
    STC_CHECK(good, STC_ERR_INTERNAL, "input array %d: sample %lld, steps %lld to %lld asked for",
              array, (long long)sample, (long long)first, (long long)(first + count));
    return 0;
}

static int read_file(const stc_input *input, int array, int64_t sample, int64_t first,
                     int64_t count, const stc_box *box, float *out)
{
    STC_TRY(check_range(input, array, sample, first, count, box));
    const stc_input_array *a = &input->arrays[array];
    const stc_input_values *values = a->handle;
    if (count == 0 || stc_box_size(box) == 0) return 0;
    if (values->dense) return stc_input_read_dense(a, sample, first, count, box, out);
    stc_input_read_events(a, sample, first, count, box, out);
    return 0;
}

/* ---- what the readers share ---- */

int stc_input_match(stc_input_file *f, hid_t group, const char **links, int64_t nlinks)
{
    const char **expected = stc_arena_alloc(f->arena, f->ninputs, sizeof(char *));
    int n = 0;
    if (!expected) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < f->program->nstages; s++) {
        if (f->program->stages[s].is_input) expected[n++] = f->program->stages[s].name;
    }
    if (n == 1 && nlinks == 1) return 0;
    for (int64_t i = 0; i < nlinks; i++) {
        const char *name = stc_h5_unescape(links[i], f->arena);
        bool known = false;
        if (!name) return STC_ERR_NOMEM;
        for (int e = 0; e < n && !known; e++)
            known = strcmp(expected[e], name) == 0;
        if (known) continue;
        const char *nearest = stc_nearest(name, expected, n);
        H5Eclear2(H5E_DEFAULT);
        return stc_h5_fail(STC_ERR_INPUT, group, links[i],
                           "the program has no input of this name%s%s%s",
                           nearest ? "; did you mean "
                           : n     ? "; it has "
                                   : "",
                           nearest ? nearest
                           : n     ? expected[0]
                                   : "",
                           nearest ? "?" : "");
    }
    return 0;
}

const char *stc_input_link(const stc_input_file *f, const stc_stage *stage, const char **links,
                           int64_t nlinks)
{
    return f->ninputs == 1 && nlinks == 1 ? links[0] : stc_h5_escape(stage->name, f->arena);
}

int stc_input_add(stc_input_file *f, const stc_stage *stage, int64_t samples, bool dense, hid_t at,
                  stc_input_array **out)
{
    stc_input_values *values = stc_arena_alloc(f->arena, 1, sizeof(*values));
    const char *name = stc_arena_strdup(f->arena, stage->name);
    if (!values || !name) return STC_ERR_NOMEM;
    values->dense = dense;
    if (f->input.narrays > 0 && samples != f->input.samples) {
        return stc_h5_fail(STC_ERR_INPUT, at, NULL, "has %lld samples, input %s has %lld",
                           (long long)samples, f->input.arrays[0].name,
                           (long long)f->input.samples);
    }
    f->input.samples = samples;
    *out = &f->input.arrays[f->input.narrays++];
    **out = (stc_input_array){.name = name, .shape = stage->shape, .scale = 1, .handle = values};
    return 0;
}

/* ---- opening a file ---- */

static int read_labels(stc_input_file *f)
{
    stc_h5_data data;
    if (!stc_h5_has(f->file, "labels")) return 0;
    STC_TRY(stc_h5_data_open(f->file, "labels", &data));
    int rc = stc_h5_data_numeric(&data);
    if (rc == 0 && (data.ndim != 1 || data.size != f->input.samples)) {
        char shape[128];
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "has shape %s, expected (%lld): one label for each sample",
                         stc_h5_data_shape_text(&data, shape, sizeof(shape)),
                         (long long)f->input.samples);
    }
    if (rc == 0) {
        f->input.labels = stc_arena_alloc(f->arena, data.size, sizeof(int32_t));
        if (!f->input.labels) rc = STC_ERR_NOMEM;
    }
    if (rc == 0) rc = stc_h5_data_read(&data, NULL, NULL, H5T_NATIVE_INT32, f->input.labels);
    stc_h5_close(&data.id);
    return rc;
}

/* All dense arrays with a step axis have the same number of steps; events get it too, or what was
 * asked for. */
static int set_steps(stc_input_file *f)
{
    const stc_input_array *first = NULL, *events = NULL;
    for (int i = 0; i < f->input.narrays; i++) {
        const stc_input_array *a = &f->input.arrays[i];
        const stc_input_values *values = a->handle;
        if (!values->dense) events = a;
        if (a->steps == 0) continue;
        if (!first) first = a;
        STC_CHECK(a->steps == first->steps, STC_ERR_INPUT,
                  "%s: input %s has %lld steps, input %s has %lld", f->input.path, first->name,
                  (long long)first->steps, a->name, (long long)a->steps);
    }
    if (!events) return 0;
    int64_t steps = first                    ? first->steps
                    : f->options.time_steps  ? f->options.time_steps
                    : f->program->time_steps ? f->program->time_steps
                                             : f->longest;
    STC_CHECK(steps > 0, STC_ERR_USAGE,
              "%s: input %s is a list of events, which does not say how many steps a sample has; "
              "neither does the model\nhint: give --time-steps T (a step is %g s here)",
              f->input.path, events->name, f->dt);
    return stc_input_finish_events(f, steps);
}

/* By content: NIRData says so, dense arrays and spikes are known by their groups. */
static int open_layout(stc_input_file *f)
{
    if (stc_h5_has_attr(f->file, "__type__")) return stc_input_open_nirdata(f);
    if (!stc_h5_has(f->file, "inputs") && stc_h5_has(f->file, "spikes")) {
        return stc_input_open_sonata(f);
    }
    if (stc_h5_has_attr(f->file, "format")) STC_TRY(stc_h5_check_format(f->file, "stc-input", 1));
    return stc_input_open_dense(f);
}

/* The input may be a group of a file that holds more. */
static int enter_group(stc_input_file *f)
{
    hid_t group;
    if (!f->options.group) return 0;
    STC_TRY(stc_h5_group(f->file, f->options.group, &group));
    f->whole = f->file;
    f->file = group;
    return 0;
}

static int open_all(stc_input_file *f, const char *path)
{
    f->input.path = stc_arena_strdup(f->arena, path);
    f->input.arrays = stc_arena_alloc(f->arena, f->program->nstages, sizeof(stc_input_array));
    if (!f->input.path || !f->input.arrays) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < f->program->nstages; s++)
        f->ninputs += f->program->stages[s].is_input;
    STC_CHECK(f->ninputs > 0, STC_ERR_INPUT, "%s: the program has no input node; leave --input out",
              path);
    STC_TRY(stc_h5_open(path, &f->file));
    STC_TRY(enter_group(f));
    STC_TRY(open_layout(f));
    STC_TRY(set_steps(f));
    return read_labels(f);
}

static void release(stc_input_file *f)
{
    stc_arena *arena = f->arena;
    for (int i = 0; f->file >= 0 && i < f->input.narrays; i++) {
        stc_input_values *values = f->input.arrays[i].handle;
        stc_free(values->events);
    }
    stc_h5_close(&f->file);
    if (f->whole > 0) stc_h5_close(&f->whole);
    stc_arena_destroy(&arena);
}

int stc_input_open(const char *path, const stc_program *program, const stc_input_options *options,
                   stc_input **out)
{
    stc_arena *arena;
    stc_network_kind network = stc_network_kind_of(path);
    *out = NULL;
    if (network != STC_NETWORK_NONE) {
        return stc_network_open_input(network, path, program, options, out);
    }
    STC_TRY(stc_arena_create(&arena));
    stc_input_file *f = stc_arena_alloc(arena, 1, sizeof(*f));
    if (!f) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    *f = (stc_input_file){.arena = arena, .file = -1, .program = program};
    if (options) f->options = *options;
    f->dt = f->options.dt > 0 ? f->options.dt : program->dt > 0 ? program->dt : 1e-3;
    f->input.read = read_file;
    f->input.source = f;
    int rc = open_all(f, path);
    if (rc < 0) {
        release(f);
        return rc;
    }
    *out = &f->input;
    return 0;
}

/* ---- memory ---- */

static int read_memory(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box, float *out)
{
    STC_TRY(check_range(input, array, sample, first, count, box));
    const stc_input_array *a = &input->arrays[array];
    int64_t size = stc_shape_size(&a->shape), part = stc_box_size(box);
    int64_t steps = a->steps > 0 ? a->steps : 1;
    float scale = (float)a->scale;
    for (int64_t t = 0; t < count && part > 0; t++) {
        const float *values = a->handle;
        stc_input_copy_box(values + (sample * steps + first + t) * size, 0, &a->shape, box,
                           out + t * part);
    }
    for (int64_t i = 0; i < count * part && scale != 1.0f; i++)
        out[i] *= scale;
    return 0;
}

int stc_input_from_memory(int64_t samples, int narrays, const stc_input_array *arrays,
                          const float *const *values, stc_input **out)
{
    stc_arena *arena;
    *out = NULL;
    STC_TRY(stc_arena_create(&arena));
    stc_input_file *f = stc_arena_alloc(arena, 1, sizeof(*f));
    stc_input_array *copies = stc_arena_alloc(arena, narrays, sizeof(*copies));
    if (!f || !copies) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    for (int i = 0; i < narrays; i++) {
        copies[i] = arrays[i];
        copies[i].handle = (void *)(uintptr_t)values[i]; /* never written through */
        if (copies[i].scale == 0) copies[i].scale = 1;
    }
    *f = (stc_input_file){.arena = arena, .file = -1};
    f->input = (stc_input){.path = "",
                           .samples = samples,
                           .narrays = narrays,
                           .arrays = copies,
                           .read = read_memory,
                           .source = f};
    *out = &f->input;
    return 0;
}

void stc_input_close(stc_input **input)
{
    if (!*input) return;
    stc_input_file *f = (*input)->source;
    *input = NULL;
    release(f);
}
