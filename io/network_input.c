/* network_input.c - the spikes that a network brings with it, as an input of one sample: lists of
 * events in memory, sorted and counted. */
#include "network.h"

#include "stc/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int read_events(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box, float *out)
{
    bool good = array >= 0 && array < input->narrays && sample == 0 && first >= 0 && count >= 0 &&
                box->ndim == 1 && box->lo[0] >= 0 && box->lo[0] <= box->hi[0] &&
                box->hi[0] <= input->arrays[array].shape.dim[0];
    STC_CHECK(good, STC_ERR_INTERNAL, "input array %d: sample %lld, steps %lld to %lld asked for",
              array, (long long)sample, (long long)first, (long long)(first + count));
    stc_input_read_events(&input->arrays[array], sample, first, count, box, out);
    return 0;
}

static int add_arrays(stc_network_input *in)
{
    stc_input_file *f = in->file;
    for (int32_t s = 0; s < in->program->nstages; s++) {
        const stc_stage *stage = &in->program->stages[s];
        if (!stage->is_input) continue;
        stc_input_values *values = stc_arena_alloc(f->arena, 1, sizeof(*values));
        char *name = stc_arena_strdup(f->arena, stage->name);
        if (!values || !name) return STC_ERR_NOMEM;
        f->input.arrays[f->input.narrays++] = (stc_input_array){
            .name = name, .shape = stage->shape, .steps = in->steps, .scale = 1, .handle = values};
    }
    return 0;
}

int stc_network_input_begin(const char *path, const stc_program *program,
                            const stc_input_options *options, stc_network_input *out)
{
    stc_arena *arena;
    *out = (stc_network_input){.program = program, .steps = program->time_steps, .dt = program->dt};
    STC_CHECK(program->dt > 0, STC_ERR_INPUT,
              "%s: the program has no clock; compile it from this network", path);
    if (options && options->time_steps > 0) out->steps = options->time_steps;
    STC_CHECK(out->steps > 0, STC_ERR_USAGE,
              "%s: does not say how long to run\nhint: give --time-steps T (a step is %g s here)",
              path, program->dt);
    STC_TRY(stc_arena_create(&arena));
    stc_input_file *f = stc_arena_alloc(arena, 1, sizeof(*f));
    if (!f) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    *f = (stc_input_file){.arena = arena, .file = -1, .program = program, .dt = program->dt};
    f->input =
        (stc_input){.path = stc_arena_strdup(arena, path),
                    .samples = 1,
                    .arrays = stc_arena_alloc(arena, program->nstages, sizeof(*f->input.arrays)),
                    .read = read_events,
                    .source = f};
    out->file = f;
    return f->input.path && f->input.arrays ? add_arrays(out) : STC_ERR_NOMEM;
}

int stc_network_input_array(const stc_network_input *in, const char *name, int64_t n, int *array)
{
    const stc_input *input = &in->file->input;
    *array = -1;
    for (int a = 0; a < input->narrays; a++) {
        const stc_shape *shape = &input->arrays[a].shape;
        if (strcmp(input->arrays[a].name, name) != 0) continue;
        STC_CHECK(shape->ndim == 1 && shape->dim[0] == n, STC_ERR_INPUT,
                  "%s: input %s has %lld sources, the program was compiled for %lld; compile it "
                  "again",
                  input->path, name, (long long)n, (long long)stc_shape_size(shape));
        *array = a;
    }
    return 0;
}

static int grow(stc_input_file *f, stc_input_values *values)
{
    int64_t capacity = 2 * values->capacity + 1024;
    stc_event *events = stc_arena_alloc(f->arena, capacity, sizeof(*events));
    if (!events) return STC_ERR_NOMEM;
    if (values->nevents) {
        memcpy(events, values->events, (size_t)values->nevents * sizeof(*events));
    }
    values->events = events;
    values->capacity = capacity;
    return 0;
}

int stc_network_input_spike(stc_network_input *in, int array, int64_t step, int64_t id)
{
    stc_input_values *values = in->file->input.arrays[array].handle;
    if (step >= in->steps) return 0;
    if (values->nevents == values->capacity) STC_TRY(grow(in->file, values));
    values->events[values->nevents++] = (stc_event){.step = step, .id = id, .value = 1};
    return 0;
}

int64_t stc_network_step(double ms, double dt)
{
    double tics = floor(ms * 1e3 + 0.5), step = nearbyint(dt * 1e6); /* of a microsecond */
    double end = ceil(tics / step);
    if (step < 1 || fabs(step - dt * 1e6) > 1e-6) { /* no whole number of tics */
        double at = ms / (dt * 1e3);
        end = fabs(at - nearbyint(at)) <= 1e-6 ? nearbyint(at) : ceil(at);
    }
    if (end < 1) end = 1;
    return end < (double)STC_INPUT_MOST_STEPS ? (int64_t)end - 1 : STC_INPUT_MOST_STEPS;
}

static int compare_events(const void *a, const void *b)
{
    const stc_event *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Sort, and make one event of those of the same source and step. */
static int count_events(const stc_input *input, const stc_input_array *array)
{
    stc_input_values *list = array->handle;
    int64_t n = 0;
    if (list->nevents) {
        qsort(list->events, (size_t)list->nevents, sizeof(*list->events), compare_events);
    }
    for (int64_t i = 0; i < list->nevents; n++) {
        stc_event first = list->events[i];
        int64_t count = 0;
        for (; i < list->nevents && compare_events(&first, &list->events[i]) == 0; i++)
            count++;
        STC_CHECK(count <= STC_NETWORK_MAX_COUNT, STC_ERR_INPUT,
                  "%s: source %lld of %s has %lld spikes in step %lld, expected at most %d",
                  input->path, (long long)first.id, array->name, (long long)count,
                  (long long)first.step, STC_NETWORK_MAX_COUNT);
        first.value = (float)count;
        list->events[n] = first;
    }
    list->nevents = n;
    return 0;
}

int stc_network_input_finish(stc_network_input *in, int rc, stc_input **out)
{
    if (!in->file) return rc;
    stc_input *input = &in->file->input;
    for (int a = 0; a < input->narrays && rc == 0; a++)
        rc = count_events(input, &input->arrays[a]);
    if (rc < 0) {
        stc_input_close(&input);
        return rc;
    }
    *out = input;
    return 0;
}
