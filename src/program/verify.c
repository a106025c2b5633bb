/* verify.c - a program may come from any file: every index, size, shape and kind is checked before
 * the simulator trusts it. Reading order: verify.c (stages), verify_kernel.c, verify_tiles.c. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

static int verify_shape(const stc_shape *shape, const char *what, const char *name)
{
    STC_CHECK(stc_within(shape->ndim, 0, STC_MAX_NDIM), STC_ERR_INPUT,
              "stage %s: %s has %d dimensions, expected 0 to %d", name, what, shape->ndim,
              STC_MAX_NDIM);
    for (int d = 0; d < shape->ndim; d++) {
        STC_CHECK(shape->dim[d] >= 1, STC_ERR_INPUT, "stage %s: %s has an axis of length %lld",
                  name, what, (long long)shape->dim[d]);
    }
    STC_CHECK(stc_shape_size(shape) >= 1, STC_ERR_INPUT, "stage %s: %s has more than 2^40 elements",
              name, what);
    return 0;
}

static int verify_order(const stc_stage *stage)
{
    bool seen[STC_MAX_NDIM] = {false};
    STC_CHECK(stage->storage.ndim == stage->shape.ndim, STC_ERR_INPUT,
              "stage %s: storage has %d axes, shape has %d", stage->name, stage->storage.ndim,
              stage->shape.ndim);
    for (int a = 0; a < stage->shape.ndim; a++) {
        int s = stage->order[a];
        STC_CHECK(stc_within(s, 0, stage->shape.ndim - 1) && !seen[s], STC_ERR_INPUT,
                  "stage %s: axis order is not a permutation", stage->name);
        seen[s] = true;
        STC_CHECK(stage->storage.dim[a] == stage->shape.dim[s], STC_ERR_INPUT,
                  "stage %s: storage axis %d has length %lld, expected %lld", stage->name, a,
                  (long long)stage->storage.dim[a], (long long)stage->shape.dim[s]);
    }
    return 0;
}

static int verify_kind(const stc_stage *stage)
{
    stc_kind kind = stage->kind;
    stc_kind exact = stc_kind_scale(kind, 1.0); /* real when float32 cannot hold it */
    bool real = kind.unit == 0.0 && kind.max == 0;
    STC_CHECK(real || (stc_is_power_of_two(kind.unit) && kind.max >= 0 && exact.unit != 0.0),
              STC_ERR_INPUT,
              "stage %s: its values are %g * integer 0..%lld; expected a power of two up to 2^100 "
              "and at most 2^24",
              stage->name, kind.unit, (long long)kind.max);
    STC_CHECK(stage->dtype == stc_kind_dtype(kind), STC_ERR_INPUT,
              "stage %s: stored type %d does not match its kind", stage->name, (int)stage->dtype);
    return 0;
}

/* A sum of terms, perhaps with a neuron at its end, or one other kernel; inputs and outputs are
 * marked as such. */
static int verify_roles(const stc_stage *stage, const stc_kernel *kernels)
{
    int32_t n = stage->nkernels;
    bool population = kernels[n - 1].kind == STC_KERNEL_POPULATION;
    bool neuron = population || (n > 1 && kernels[n - 1].kind == STC_KERNEL_NEURON);
    bool fits =
        n == 1 && kernels[0].kind != STC_KERNEL_NEURON && kernels[0].kind != STC_KERNEL_DELIVER;
    for (int32_t k = 0; k < n - neuron && !fits; k++) {
        bool delivers = population && (kernels[k].kind == STC_KERNEL_DELIVER ||
                                       kernels[k].kind == STC_KERNEL_READ);
        STC_CHECK(population ? delivers : stc_is_sum(kernels[k].kind), STC_ERR_INPUT,
                  "stage %s: kernel %d of %d is of kind %d, which cannot stand there", stage->name,
                  k, n, (int)kernels[k].kind);
    }
    STC_CHECK(stage->is_input == (kernels[0].kind == STC_KERNEL_INPUT), STC_ERR_INPUT,
              "stage %s: is_input is %d, its kernel is of kind %d", stage->name, stage->is_input,
              (int)kernels[0].kind);
    STC_CHECK(stage->input_scale == 1.0, STC_ERR_INPUT, "stage %s: input_scale is %g, expected 1",
              stage->name, stage->input_scale);
    STC_CHECK(!stage->is_output || (stc_is_sum(kernels[0].kind) && !neuron && stage->output_name &&
                                    stc_is_name(stage->output_name)),
              STC_ERR_INPUT,
              "stage %s: is an output without a proper name, or with a kernel of kind %d",
              stage->name, (int)kernels[n - 1].kind);
    bool spikes = neuron && !stc_kind_is_real(stage->kind);
    STC_CHECK(spikes == (stage->first_id >= 0), STC_ERR_INPUT,
              "stage %s: first_id is %lld; spiking neurons have ids from 0 on, others -1",
              stage->name, (long long)stage->first_id);
    return 0;
}

static int verify_stage(const stc_program *program, int32_t s)
{
    const stc_stage *stage = &program->stages[s];
    STC_TRY(verify_shape(&stage->shape, "shape", stage->name));
    STC_TRY(verify_shape(&stage->storage, "storage", stage->name));
    STC_TRY(verify_order(stage));
    STC_TRY(verify_kind(stage));
    STC_CHECK((unsigned)stage->timing <= STC_STAGE_SAMPLE, STC_ERR_INPUT,
              "stage %s: has timing %d, expected 0 or 1", stage->name, (int)stage->timing);
    const stc_kernel *kernels = &program->kernels[stage->first_kernel];
    STC_TRY(verify_roles(stage, kernels));
    for (int32_t k = 0; k < stage->nkernels; k++)
        STC_TRY(stc_verify_kernel(program, s, &kernels[k]));
    return stc_verify_values(program, stage);
}

/* Kernels and tiles are those of stage 0, then of stage 1, ..., and none is left over. */
static int verify_ranges(const stc_program *program)
{
    int64_t kernels = 0, tiles = 0;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        STC_CHECK(stage->name && stc_is_name(stage->name), STC_ERR_INPUT,
                  "the name of stage %d is empty, too long or has control characters", s);
        STC_CHECK(stage->first_kernel == kernels && stage->nkernels >= 1, STC_ERR_INPUT,
                  "stage %s: %d kernels from %d on, expected at least 1 from %lld on", stage->name,
                  stage->nkernels, stage->first_kernel, (long long)kernels);
        STC_CHECK(stage->first_tile == tiles && stage->ntiles >= 1, STC_ERR_INPUT,
                  "stage %s: %d tiles from %d on, expected at least 1 from %lld on", stage->name,
                  stage->ntiles, stage->first_tile, (long long)tiles);
        kernels += stage->nkernels;
        tiles += stage->ntiles;
        STC_CHECK(kernels <= program->nkernels && tiles <= program->ntiles, STC_ERR_INPUT,
                  "stage %s: its kernels or tiles go beyond the %d and %d that there are",
                  stage->name, program->nkernels, program->ntiles);
    }
    STC_CHECK(kernels == program->nkernels && tiles == program->ntiles, STC_ERR_INPUT,
              "%lld kernels and %lld tiles belong to no stage",
              (long long)(program->nkernels - kernels), (long long)(program->ntiles - tiles));
    return 0;
}

/* ---- what must differ between stages ---- */

static const char *own_name(const stc_stage *stage)
{
    return stage->name;
}

static const char *output_name(const stc_stage *stage)
{
    return stage->is_output ? stage->output_name : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int verify_distinct(const stc_program *program, const char *(*name_of)(const stc_stage *),
                           const char *what)
{
    const char **names = stc_alloc(program->nstages, sizeof *names);
    size_t n = 0;
    if (!names) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        names[n] = name_of(&program->stages[s]);
        n += names[n] != NULL;
    }
    qsort(names, n, sizeof *names, by_text);
    int rc = 0;
    for (size_t i = 1; i < n && rc == 0; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            rc = stc_fail(STC_ERR_INPUT, "two %s have the name %s", what, names[i]);
        }
    }
    stc_free(names);
    return rc;
}

static int by_first_id(const void *a, const void *b)
{
    int64_t x = (*(const stc_stage *const *)a)->first_id;
    int64_t y = (*(const stc_stage *const *)b)->first_id;
    return (x > y) - (x < y);
}

/* Neurons have ranges of ids of their own, in the order of their names. */
static int verify_ids(const stc_program *program)
{
    const stc_stage **stages = stc_alloc(program->nstages, sizeof *stages);
    if (!stages) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++)
        stages[s] = &program->stages[s];
    qsort(stages, (size_t)program->nstages, sizeof *stages, by_first_id);
    int64_t end = 0;
    const char *before = "";
    int rc = 0;
    for (int32_t s = 0; s < program->nstages && rc == 0; s++) {
        if (stages[s]->first_id < 0) continue;
        int64_t size = stc_shape_size(&stages[s]->shape);
        if (stages[s]->first_id < end || stages[s]->first_id > program->nneurons - size) {
            rc = stc_fail(STC_ERR_INPUT,
                          "stage %s: ids of its %lld neurons begin at %lld, expected a range of "
                          "its own in 0 to %lld",
                          stages[s]->name, (long long)size, (long long)stages[s]->first_id,
                          (long long)program->nneurons - 1);
        }
        if (rc == 0 && strcmp(before, stages[s]->name) >= 0) {
            rc = stc_fail(STC_ERR_INPUT, "the ids of %s come before those of %s, expected after",
                          before, stages[s]->name);
        }
        if (rc == 0) end = stages[s]->first_id + size;
        before = stages[s]->name;
    }
    stc_free(stages);
    return rc;
}

/* Mark the operands of a stage that reaches an output; true when a later stage was marked. */
static bool mark_operands(const stc_program *program, int32_t s, bool *reaches)
{
    const stc_stage *stage = &program->stages[s];
    bool later = false;
    for (int32_t k = 0; k < 2 * stage->nkernels && reaches[s]; k++) {
        int32_t source = program->kernels[stage->first_kernel + k / 2].operand[k % 2].stage;
        if (source < 0) continue;
        later = later || (source > s && !reaches[source]);
        reaches[source] = true;
    }
    return later;
}

/* Spikes count where an output can be reached, or everywhere when there is none. */
static int verify_counted(const stc_program *program)
{
    bool *reaches = stc_alloc(program->nstages, sizeof *reaches), any = false;
    if (!reaches) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        reaches[s] = program->stages[s].is_output;
        any = any || reaches[s];
    }
    for (bool again = true; again;) { /* once, but for operands of delays, which may come later */
        again = false;
        for (int32_t s = program->nstages - 1; s >= 0; s--)
            again = mark_operands(program, s, reaches) || again;
    }
    int rc = 0;
    for (int32_t s = 0; s < program->nstages && rc == 0; s++) {
        const stc_stage *stage = &program->stages[s];
        bool counted = stage->first_id >= 0 && (reaches[s] || !any);
        if (stage->counted == counted) continue;
        rc = stc_fail(STC_ERR_INPUT, "stage %s: counted is %d, expected %d: %s", stage->name,
                      stage->counted, counted,
                      counted ? "an output depends on its spikes" : "no output needs spikes of it");
    }
    stc_free(reaches);
    return rc;
}

int stc_program_verify(const stc_program *program)
{
    STC_CHECK(program->nstages >= 1, STC_ERR_INPUT, "the program has no stages");
    STC_CHECK(program->chips >= 1 && program->chips <= program->ntiles, STC_ERR_INPUT,
              "the program has %d chips and %d tiles, expected 1 to %d chips", program->chips,
              program->ntiles, program->ntiles);
    STC_TRY(verify_ranges(program));
    for (int32_t s = 0; s < program->nstages; s++)
        STC_TRY(verify_stage(program, s));
    STC_TRY(verify_distinct(program, own_name, "stages"));
    STC_TRY(verify_distinct(program, output_name, "outputs"));
    STC_TRY(verify_ids(program));
    STC_TRY(verify_counted(program));
    STC_TRY(stc_verify_tiles(program));
    return stc_verify_nets(program);
}
