/* verify_kernel.c - is a kernel one that the simulator may run without looking again? Reading
 * order: views, sizes of each kind, one kernel, what values it gives. */
#include "verify.h"

#include <stdlib.h>

enum { MAX_WINDOW = 1 << 20, MAX_LENGTH = 1 << 30 };
static const int64_t max_index = INT64_C(1) << 40;

/* ---- views ---- */

static int count_factors(const stc_view *view, const char *name, int *out)
{
    int n = 0;
    STC_CHECK(stc_within(view->ndim, 0, STC_MAX_NDIM), STC_ERR_INPUT,
              "stage %s: a view has %d dimensions, expected 0 to %d", name, view->ndim,
              STC_MAX_NDIM);
    for (int d = 0; d < view->ndim; d++) {
        STC_CHECK(stc_within(view->nfactors[d], 1, STC_MAX_FACTORS - n), STC_ERR_INPUT,
                  "stage %s: dimension %d of a view has %d factors, expected 1 to %d", name, d,
                  view->nfactors[d], STC_MAX_FACTORS - n);
        n += view->nfactors[d];
    }
    *out = n;
    return 0;
}

/* Does the view show an element twice? Broadcasting (step 0) does not count where it may be. Along
 * an axis the steps of a view grow faster than what the smaller ones reach. */
static bool repeats(const stc_view *view, int nfactors, bool may_broadcast)
{
    const stc_factor *f = view->factor;
    for (int i = 0; i < nfactors; i++) {
        if (f[i].extent == 1 || (f[i].step == 0 && may_broadcast)) continue;
        int64_t reach = 0;
        for (int k = 0; k < nfactors; k++) {
            bool smaller = k != i && f[k].axis == f[i].axis && llabs(f[k].step) <= llabs(f[i].step);
            if (smaller) reach += (f[k].extent - 1) * llabs(f[k].step);
        }
        if (llabs(f[i].step) <= reach) return true;
    }
    return false;
}

/* All indices that the view reaches lie inside the tensor, none twice. */
static int verify_view(const stc_view *view, const stc_shape *tensor, bool may_broadcast,
                       const char *name)
{
    int64_t lo[STC_MAX_NDIM] = {0}, hi[STC_MAX_NDIM] = {0}, size = 1, reach;
    int nfactors, naxes = tensor->ndim > 0 ? tensor->ndim : 1;
    STC_TRY(count_factors(view, name, &nfactors));
    for (int a = 0; a < tensor->ndim; a++) {
        STC_CHECK(stc_within(view->offset[a], 0, tensor->dim[a] - 1), STC_ERR_INPUT,
                  "stage %s: a view begins at %lld of %lld along axis %d", name,
                  (long long)view->offset[a], (long long)tensor->dim[a], a);
        lo[a] = hi[a] = view->offset[a];
    }
    for (int f = 0; f < nfactors; f++) {
        const stc_factor *factor = &view->factor[f];
        bool sane = stc_within(factor->axis, 0, naxes - 1) &&
                    stc_within(factor->extent, 1, max_index) &&
                    stc_within(factor->step, -max_index, max_index) &&
                    !__builtin_mul_overflow(size, factor->extent, &size) && size <= max_index &&
                    !__builtin_mul_overflow(factor->extent - 1, factor->step, &reach) &&
                    stc_within(reach, -max_index, max_index);
        STC_CHECK(sane, STC_ERR_INPUT,
                  "stage %s: factor %d of a view is impossible: extent %lld, step %lld, axis %d",
                  name, f, (long long)factor->extent, (long long)factor->step, factor->axis);
        *(reach < 0 ? &lo[factor->axis] : &hi[factor->axis]) += reach;
    }
    for (int a = 0; a < tensor->ndim; a++) {
        STC_CHECK(lo[a] >= 0 && hi[a] < tensor->dim[a], STC_ERR_INPUT,
                  "stage %s: a view reaches outside its operand (axis %d: %lld to %lld of %lld)",
                  name, a, (long long)lo[a], (long long)hi[a], (long long)tensor->dim[a]);
    }
    STC_CHECK(!repeats(view, nfactors, may_broadcast), STC_ERR_INPUT,
              "stage %s: a view shows elements of its operand twice", name);
    return 0;
}

static int verify_operand_shape(const stc_stage *stage, const stc_kernel *kernel, int which,
                                stc_shape expected)
{
    stc_shape found = stc_view_shape(&kernel->operand[which].view);
    char a[96], b[96];
    STC_CHECK(stc_shape_equal(&found, &expected), STC_ERR_INPUT,
              "stage %s: operand %d has shape %s, expected %s", stage->name, which,
              stc_shape_text(&found, a, sizeof a), stc_shape_text(&expected, b, sizeof b));
    return 0;
}

static int operands_of(stc_kernel_kind kind)
{
    if (kind == STC_KERNEL_MATMUL || kind == STC_KERNEL_MUL) return 2;
    bool none = kind == STC_KERNEL_INPUT || kind == STC_KERNEL_NEURON ||
                kind == STC_KERNEL_POPULATION || kind == STC_KERNEL_GENERATOR;
    return none ? 0 : 1;
}

/* Only a read or a product element by element may broadcast; their size is that of the stage. */
static int verify_operand(const stc_program *program, int32_t s, const stc_kernel *kernel,
                          int which)
{
    const char *name = program->stages[s].name;
    const stc_operand *operand = &kernel->operand[which];
    if (which >= operands_of(kernel->kind)) {
        STC_CHECK(operand->stage == -1, STC_ERR_INPUT,
                  "stage %s: operand %d is stage %d, expected none (-1)", name, which,
                  operand->stage);
        return 0;
    }
    bool later = stc_kernel_least_delay(kernel) > 0;
    int32_t end = later ? program->nstages : s;
    STC_CHECK(stc_within(operand->stage, 0, (int64_t)end - 1), STC_ERR_INPUT,
              "stage %s: operand %d is stage %d, expected one of 0 to %d", name, which,
              operand->stage, end - 1);
    const stc_stage *source = &program->stages[operand->stage];
    bool may_broadcast = kernel->kind == STC_KERNEL_READ || kernel->kind == STC_KERNEL_MUL;
    STC_TRY(verify_view(&operand->view, &source->storage, may_broadcast, name));
    STC_CHECK(stc_is_power_of_two(operand->factor) &&
                  (operand->factor == 1.0 || !stc_kind_is_real(source->kind)),
              STC_ERR_INPUT,
              "stage %s: factor %g of operand %d; expected a power of two, 1 for real values", name,
              operand->factor, which);
    return 0;
}

/* ---- sizes ---- */

static int verify_window(const stc_stage *stage, const int64_t *kernel, const int64_t *stride,
                         const int64_t *padding, const int64_t *dilation, const int64_t *in,
                         const int64_t *out)
{
    for (int a = 0; a < 2; a++) {
        int64_t step = dilation ? dilation[a] : 1;
        bool sane = stc_within(kernel[a], 1, MAX_WINDOW) && stc_within(stride[a], 1, MAX_WINDOW) &&
                    stc_within(padding[a], 0, MAX_WINDOW) && stc_within(step, 1, MAX_WINDOW) &&
                    stc_within(in[a], 1, MAX_LENGTH);
        int64_t room = sane ? in[a] + 2 * padding[a] - (kernel[a] - 1) * step - 1 : -1;
        /* padding same of an even kernel: one more element behind than before */
        bool same = sane && dilation && stride[a] == 1 && out[a] == in[a] &&
                    (kernel[a] - 1) * step == 2 * padding[a] + 1;
        STC_CHECK(same || (room >= 0 && out[a] == room / stride[a] + 1), STC_ERR_INPUT,
                  "stage %s: its window does not fit: %lld positions of %lld inputs (kernel %lld, "
                  "stride %lld, padding %lld, dilation %lld)",
                  stage->name, (long long)out[a], (long long)in[a], (long long)kernel[a],
                  (long long)stride[a], (long long)padding[a], (long long)step);
        int position = stage->storage.ndim - 3 + a;
        STC_CHECK(out[a] == (position >= 0 ? stage->storage.dim[position] : 1), STC_ERR_INPUT,
                  "stage %s: kernel output size %lld does not match the stage", stage->name,
                  (long long)out[a]);
    }
    return 0;
}

/* The last axis of the stage is this many channels; at most two axes lie before it. */
static int verify_channels(const stc_stage *stage, int64_t channels)
{
    int n = stage->storage.ndim;
    STC_CHECK(n >= 1 && n <= 3 && stage->storage.dim[n - 1] == channels, STC_ERR_INPUT,
              "stage %s: its kernel has %lld channels, the stage %lld on %d axes", stage->name,
              (long long)channels, (long long)(n ? stage->storage.dim[n - 1] : 0), n);
    return 0;
}

static int verify_accumulate(const stc_program *program, const stc_stage *stage,
                             const stc_kernel *kernel)
{
    int64_t channels = kernel->u.accumulate.channels, groups = kernel->u.accumulate.groups;
    int64_t in_channels = kernel->u.accumulate.in_channels;
    const int64_t *in_size = kernel->u.accumulate.in_size;
    int32_t b = kernel->u.accumulate.blob;
    STC_TRY(verify_window(stage, kernel->u.accumulate.kernel, kernel->u.accumulate.stride,
                          kernel->u.accumulate.padding, kernel->u.accumulate.dilation, in_size,
                          kernel->u.accumulate.out_size));
    STC_TRY(verify_channels(stage, channels));
    STC_CHECK(groups >= 1 && in_channels >= 1 && channels % groups == 0 &&
                  in_channels % groups == 0,
              STC_ERR_INPUT, "stage %s: %lld groups do not divide %lld in- and %lld out-channels",
              stage->name, (long long)groups, (long long)in_channels, (long long)channels);
    STC_TRY(verify_operand_shape(stage, kernel, 0,
                                 (stc_shape){3, {in_channels, in_size[0], in_size[1]}}));
    STC_CHECK(stc_within(b, 0, (int64_t)program->nblobs - 1), STC_ERR_INPUT,
              "stage %s: weights %d do not exist", stage->name, b);
    const stc_blob *blob = &program->blobs[b];
    int64_t columns = kernel->u.accumulate.kernel[0] * kernel->u.accumulate.kernel[1];
    STC_CHECK(!__builtin_mul_overflow(columns, in_channels / groups, &columns) &&
                  blob->rows == channels && blob->columns == columns,
              STC_ERR_INPUT, "stage %s: weights are %lld x %lld, expected %lld x %lld", stage->name,
              (long long)blob->rows, (long long)blob->columns, (long long)channels,
              (long long)columns);
    int64_t npad = kernel->u.accumulate.has_pad_values ? in_channels : 0;
    STC_CHECK(blob->npad == npad, STC_ERR_INPUT, "stage %s: has %lld pad values, expected %lld",
              stage->name, (long long)blob->npad, (long long)npad);
    return 0;
}

static int verify_read(const stc_program *program, const stc_stage *stage, const stc_kernel *kernel)
{
    int32_t b = kernel->u.read.blob;
    int64_t n = stage->storage.ndim;
    float scale = kernel->u.read.scale, shift = kernel->u.read.shift;
    STC_TRY(verify_operand_shape(stage, kernel, 0, stage->storage));
    STC_CHECK(scale - scale == 0.0f && shift - shift == 0.0f, STC_ERR_INPUT,
              "stage %s: scale %g and shift %g must be finite", stage->name, (double)scale,
              (double)shift);
    if (b == -1) return 0;
    STC_CHECK(stc_within(b, 0, (int64_t)program->nblobs - 1) && n >= 1 &&
                  program->blobs[b].columns == 1 &&
                  program->blobs[b].rows == stage->storage.dim[n - 1],
              STC_ERR_INPUT, "stage %s: scales %d do not exist or do not match its channels",
              stage->name, b);
    return 0;
}

static int verify_matmul(const stc_stage *stage, const stc_kernel *kernel)
{
    int64_t batch = kernel->u.matmul.batch, rows = kernel->u.matmul.rows;
    int64_t inner = kernel->u.matmul.inner, columns = kernel->u.matmul.columns, size;
    int n = stage->storage.ndim;
    STC_CHECK(n >= 2 && stage->storage.dim[n - 1] == columns && stage->storage.dim[n - 2] == rows &&
                  !__builtin_mul_overflow(batch, rows * columns, &size) &&
                  stc_shape_size(&stage->storage) == size,
              STC_ERR_INPUT, "stage %s: matmul sizes do not match", stage->name);
    STC_TRY(verify_operand_shape(stage, kernel, 0, (stc_shape){3, {batch, rows, inner}}));
    return verify_operand_shape(stage, kernel, 1, (stc_shape){3, {batch, inner, columns}});
}

static int verify_pool(const stc_stage *stage, const stc_kernel *kernel)
{
    const int64_t *in_size = kernel->u.pool.in_size, *padding = kernel->u.pool.padding;
    STC_TRY(verify_window(stage, kernel->u.pool.kernel, kernel->u.pool.stride, padding, NULL,
                          in_size, kernel->u.pool.out_size));
    STC_TRY(verify_channels(stage, kernel->u.pool.channels));
    for (int a = 0; a < 2; a++) {
        STC_CHECK(2 * padding[a] <= kernel->u.pool.kernel[a], STC_ERR_INPUT,
                  "stage %s: padding %lld is more than half of its window %lld", stage->name,
                  (long long)padding[a], (long long)kernel->u.pool.kernel[a]);
    }
    double divisor = kernel->u.pool.divisor;
    double size = (double)kernel->u.pool.kernel[0] * (double)kernel->u.pool.kernel[1];
    STC_CHECK(divisor == 1.0 || (kernel->u.pool.sum && divisor == size), STC_ERR_INPUT,
              "stage %s: divides windows of %g values by %g, expected 1 or, for sums, their number",
              stage->name, size, divisor);
    return verify_operand_shape(stage, kernel, 0,
                                (stc_shape){3, {kernel->u.pool.channels, in_size[0], in_size[1]}});
}

static int verify_reduce(const stc_stage *stage, const stc_kernel *kernel)
{
    stc_shape in = stc_view_shape(&kernel->operand[0].view), kept = {.ndim = 0};
    int64_t summed = 1;
    for (int d = 0; d < in.ndim; d++) {
        bool over = kernel->u.reduce.over[d];
        if (over) summed *= in.dim[d];
        if (!over || stage->storage.ndim == in.ndim) kept.dim[kept.ndim++] = over ? 1 : in.dim[d];
    }
    STC_CHECK(stc_shape_equal(&kept, &stage->storage), STC_ERR_INPUT,
              "stage %s: sizes of its reduction do not match", stage->name);
    double divisor = kernel->u.reduce.divisor;
    STC_CHECK(divisor == 1.0 || divisor == (double)summed, STC_ERR_INPUT,
              "stage %s: divides the sum of %lld values by %g, expected 1 or their number",
              stage->name, (long long)summed, divisor);
    return 0;
}

static int verify_field(const stc_program *program, const stc_stage *stage, int32_t field)
{
    STC_CHECK(stc_within(field, -1, (int64_t)program->nfields - 1), STC_ERR_INPUT,
              "stage %s: field %d does not exist", stage->name, field);
    STC_CHECK(field < 0 || program->fields[field].rows == stc_shape_size(&stage->shape),
              STC_ERR_INPUT, "stage %s: field %s has %lld values, expected one for each element",
              stage->name, program->fields[field].name, (long long)program->fields[field].rows);
    return 0;
}

static int verify_params(const stc_program *program, const stc_stage *stage, int32_t model,
                         const double *params, const int32_t *field, int nparams)
{
    STC_CHECK(model >= 0, STC_ERR_INPUT, "stage %s: unknown neuron model", stage->name);
    for (int p = 0; p < nparams; p++) {
        STC_TRY(verify_field(program, stage, field[p]));
        STC_CHECK((field[p] >= 0) == (params[p] != params[p]), STC_ERR_INPUT,
                  "stage %s: parameter %d is %g and has field %d; expected one of both",
                  stage->name, p, params[p], field[p]);
    }
    return 0;
}

static int verify_delay(const stc_program *program, const stc_stage *stage,
                        const stc_kernel *kernel)
{
    enum { MOST = 1 << 24 };
    int64_t least = kernel->u.delay.least, most = kernel->u.delay.most;
    STC_CHECK(stc_within(least, 0, MOST) && stc_within(most, least, MOST) &&
                  (kernel->u.delay.field >= 0) == (least < most),
              STC_ERR_INPUT, "stage %s: delays of %lld to %lld steps, field %d", stage->name,
              (long long)least, (long long)most, kernel->u.delay.field);
    STC_TRY(verify_field(program, stage, kernel->u.delay.field));
    return verify_operand_shape(stage, kernel, 0, stage->storage);
}

int stc_verify_kernel(const stc_program *program, int32_t s, const stc_kernel *kernel)
{
    const stc_stage *stage = &program->stages[s];
    STC_CHECK(stc_within((int64_t)kernel->kind, 0, STC_KERNEL_GENERATOR), STC_ERR_INPUT,
              "stage %s: unknown kernel %d", stage->name, (int)kernel->kind);
    for (int i = 0; i < 2; i++)
        STC_TRY(verify_operand(program, s, kernel, i));
    switch (kernel->kind) {
    case STC_KERNEL_INPUT:
        return 0;
    case STC_KERNEL_NEURON:
        return verify_params(program, stage, kernel->u.neuron.model, kernel->u.neuron.params,
                             kernel->u.neuron.field, STC_MAX_PARAMS);
    case STC_KERNEL_DELAY:
        return verify_delay(program, stage, kernel);
    case STC_KERNEL_GENERATOR:
        return stc_verify_generator(program, stage, kernel);
    case STC_KERNEL_DELIVER:
        return stc_verify_projection(program, stage, kernel);
    case STC_KERNEL_POPULATION:
        return verify_params(program, stage, kernel->u.population.model,
                             kernel->u.population.params, kernel->u.population.field,
                             STC_MAX_POPULATION_PARAMS);
    case STC_KERNEL_ACCUMULATE:
        return verify_accumulate(program, stage, kernel);
    case STC_KERNEL_READ:
        return verify_read(program, stage, kernel);
    case STC_KERNEL_MATMUL:
        return verify_matmul(stage, kernel);
    case STC_KERNEL_POOL:
        return verify_pool(stage, kernel);
    case STC_KERNEL_REDUCE:
        return verify_reduce(stage, kernel);
    case STC_KERNEL_MUL:
        STC_TRY(verify_operand_shape(stage, kernel, 1, stage->storage));
        return verify_operand_shape(stage, kernel, 0, stage->storage);
    case STC_KERNEL_CODE:
        STC_CHECK(kernel->u.code.code >= 0, STC_ERR_INPUT, "stage %s: unknown code", stage->name);
        return verify_operand_shape(stage, kernel, 0, stage->storage);
    }
    return 0;
}

/* ---- values ---- */

static stc_kind operand_kind(const stc_program *program, const stc_operand *operand)
{
    return stc_kind_scale(program->stages[operand->stage].kind, operand->factor);
}

static stc_kind sum_kind(stc_kind kind, int64_t count)
{
    int64_t max;
    bool exact = !__builtin_mul_overflow(kind.max, count, &max) && max <= INT64_C(1) << 24;
    return stc_kind_is_real(kind) || !exact ? STC_KIND_REAL : (stc_kind){kind.unit, max};
}

/* Kind of a sum of count values of an operand, divided by divisor. */
static stc_kind quotient_kind(const stc_program *program, const stc_operand *operand, int64_t count,
                              double divisor)
{
    stc_kind kind = sum_kind(operand_kind(program, operand), count);
    return stc_is_power_of_two(divisor) ? (stc_kind){kind.unit / divisor, kind.max} : STC_KIND_REAL;
}

static stc_kind pool_kind(const stc_program *program, const stc_kernel *kernel)
{
    int64_t count = kernel->u.pool.kernel[0] * kernel->u.pool.kernel[1]; /* each at most 2^20 */
    if (!kernel->u.pool.sum) return operand_kind(program, &kernel->operand[0]);
    return quotient_kind(program, &kernel->operand[0], count, kernel->u.pool.divisor);
}

static stc_kind reduce_kind(const stc_program *program, const stc_kernel *kernel)
{
    stc_shape in = stc_view_shape(&kernel->operand[0].view);
    int64_t count = 1;
    for (int d = 0; d < in.ndim; d++)
        count *= kernel->u.reduce.over[d] ? in.dim[d] : 1;
    return quotient_kind(program, &kernel->operand[0], count, kernel->u.reduce.divisor);
}

/* What kernels other than INPUT and NEURON give. */
static stc_kind kernel_kind(const stc_program *program, const stc_kernel *kernel)
{
    const stc_operand *operand = kernel->operand;
    switch (kernel->kind) {
    case STC_KERNEL_READ:
        if (kernel->u.read.blob >= 0 || kernel->u.read.shift != 0.0f) return STC_KIND_REAL;
        return stc_kind_scale(operand_kind(program, operand), (double)kernel->u.read.scale);
    case STC_KERNEL_MATMUL:
        return sum_kind(
            stc_kind_mul(operand_kind(program, operand), operand_kind(program, operand + 1)),
            kernel->u.matmul.inner);
    case STC_KERNEL_MUL:
        return stc_kind_mul(operand_kind(program, operand), operand_kind(program, operand + 1));
    case STC_KERNEL_POOL:
        return pool_kind(program, kernel);
    case STC_KERNEL_DELAY:
        return operand_kind(program, operand);
    case STC_KERNEL_REDUCE:
        return reduce_kind(program, kernel);
    default:
        return STC_KIND_REAL;
    }
}

static int verify_timing(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *kernels = &program->kernels[stage->first_kernel];
    bool code = kernels[0].kind == STC_KERNEL_CODE, gathers = stc_kernel_gathers(&kernels[0]);
    bool needs_steps = gathers || code || kernels[0].kind == STC_KERNEL_DELAY ||
                       stc_kernel_is_neuron(&kernels[stage->nkernels - 1]);
    stc_stage_timing expected = gathers ? STC_STAGE_SAMPLE : STC_STAGE_STEP;
    for (int32_t k = 0; k < stage->nkernels; k++) {
        for (int i = 0; i < operands_of(kernels[k].kind); i++) {
            stc_stage_timing timing = program->stages[kernels[k].operand[i].stage].timing;
            if (k + i == 0 && !needs_steps) expected = timing;
            STC_CHECK(timing == (needs_steps ? STC_STAGE_STEP : expected), STC_ERR_INPUT,
                      "stage %s: operands per step and per sample cannot be combined", stage->name);
        }
    }
    STC_CHECK(stage->timing == expected, STC_ERR_INPUT, "stage %s: has timing %d, expected %d",
              stage->name, (int)stage->timing, (int)expected);
    return 0;
}

int stc_verify_values(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *kernels = &program->kernels[stage->first_kernel];
    stc_kernel_kind last = kernels[stage->nkernels - 1].kind;
    char found[96], wanted[96];
    STC_TRY(verify_timing(program, stage));
    if (last == STC_KERNEL_POPULATION) {
        STC_CHECK(stc_kind_is_bit(stage->kind), STC_ERR_INPUT,
                  "stage %s: the values of a population are spikes", stage->name);
    }
    if (last == STC_KERNEL_GENERATOR) return 0; /* looked at with the kernel */
    if (last == STC_KERNEL_CODE) return 0;      /* by whoever knows the codes */
    if (last == STC_KERNEL_INPUT || stc_kernel_is_neuron(&kernels[stage->nkernels - 1])) return 0;
    if (last == STC_KERNEL_DELAY && stc_kind_is_real(stage->kind)) return 0; /* of a cycle */
    stc_kind expected = kernel_kind(program, &kernels[0]);
    for (int32_t k = 1; k < stage->nkernels; k++)
        expected = stc_kind_add(expected, kernel_kind(program, &kernels[k]));
    STC_CHECK(stage->kind.unit == expected.unit && stage->kind.max == expected.max, STC_ERR_INPUT,
              "stage %s: its values are %s, expected %s", stage->name,
              stc_kind_text(stage->kind, found, sizeof found),
              stc_kind_text(expected, wanted, sizeof wanted));
    return 0;
}
