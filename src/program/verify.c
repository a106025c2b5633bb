/* verify.c - a program may come from any file: every index, size and shape is checked before the
 * simulator trusts it. */
#include "stc/error.h"
#include "stc/program.h"

#include <stdlib.h>

static int verify_shape(const stc_shape *shape, const char *what, const char *name)
{
    STC_CHECK(shape->ndim >= 0 && shape->ndim <= STC_MAX_NDIM, STC_ERR_INPUT,
              "stage %s: %s has %d dimensions, expected 0 to %d", name, what, shape->ndim,
              STC_MAX_NDIM);
    for (int d = 0; d < shape->ndim; d++) {
        STC_CHECK(shape->dim[d] >= 1, STC_ERR_INPUT, "stage %s: %s has an axis of length %lld",
                  name, what, (long long)shape->dim[d]);
    }
    STC_CHECK(stc_shape_size(shape) >= 1, STC_ERR_INPUT, "stage %s: %s is too large", name, what);
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
        STC_CHECK(s >= 0 && s < stage->shape.ndim && !seen[s], STC_ERR_INPUT,
                  "stage %s: axis order is not a permutation", stage->name);
        seen[s] = true;
        STC_CHECK(stage->storage.dim[a] == stage->shape.dim[s], STC_ERR_INPUT,
                  "stage %s: storage axis %d has length %lld, expected %lld", stage->name, a,
                  (long long)stage->storage.dim[a], (long long)stage->shape.dim[s]);
    }
    return 0;
}

/* All indices that the view reaches lie inside the tensor. */
static int verify_view(const stc_view *view, const stc_shape *tensor, const char *name)
{
    int64_t lo[STC_MAX_NDIM] = {0}, hi[STC_MAX_NDIM] = {0};
    int nfactors = 0;
    STC_CHECK(view->ndim >= 0 && view->ndim <= STC_MAX_NDIM, STC_ERR_INPUT,
              "stage %s: a view has %d dimensions", name, view->ndim);
    for (int d = 0; d < view->ndim; d++) {
        STC_CHECK(view->nfactors[d] >= 1 && view->nfactors[d] <= STC_MAX_FACTORS - nfactors,
                  STC_ERR_INPUT, "stage %s: a view has too many factors", name);
        nfactors += view->nfactors[d];
    }
    for (int a = 0; a < tensor->ndim; a++)
        lo[a] = hi[a] = view->offset[a];
    for (int f = 0; f < nfactors; f++) {
        const stc_factor *factor = &view->factor[f];
        STC_CHECK(factor->axis >= 0 && factor->axis < (tensor->ndim > 0 ? tensor->ndim : 1) &&
                      factor->extent >= 1 && factor->extent < (INT64_C(1) << 40) &&
                      llabs(factor->step) < (INT64_C(1) << 20),
                  STC_ERR_INPUT, "stage %s: a view has an impossible factor", name);
        int64_t reach = (factor->extent - 1) * factor->step;
        *(reach < 0 ? &lo[factor->axis] : &hi[factor->axis]) += reach;
    }
    for (int a = 0; a < tensor->ndim; a++) {
        STC_CHECK(lo[a] >= 0 && hi[a] < tensor->dim[a], STC_ERR_INPUT,
                  "stage %s: a view reaches outside its operand (axis %d: %lld to %lld of %lld)",
                  name, a, (long long)lo[a], (long long)hi[a], (long long)tensor->dim[a]);
    }
    return 0;
}

static bool in_range(int64_t x, int64_t lo, int64_t hi)
{
    return x >= lo && x <= hi;
}

static int verify_window(const stc_stage *stage, const int64_t *kernel, const int64_t *stride,
                         const int64_t *padding, const int64_t *dilation, const int64_t *in,
                         const int64_t *out)
{
    for (int a = 0; a < 2; a++) {
        int64_t step = dilation ? dilation[a] : 1;
        bool sane = in_range(kernel[a], 1, 1 << 20) && in_range(stride[a], 1, 1 << 20) &&
                    in_range(padding[a], 0, 1 << 20) && in_range(step, 1, 1 << 20) &&
                    in_range(in[a], 1, 1 << 30) && in_range(out[a], 1, 1 << 30);
        STC_CHECK(sane && (out[a] - 1) * stride[a] + (kernel[a] - 1) * step + 1 <=
                              in[a] + 2 * padding[a],
                  STC_ERR_INPUT, "stage %s: the window of its kernel does not fit", stage->name);
        int position = stage->storage.ndim - 3 + a;
        STC_CHECK(out[a] == (position >= 0 ? stage->storage.dim[position] : 1), STC_ERR_INPUT,
                  "stage %s: kernel output size %lld does not match the stage", stage->name,
                  (long long)out[a]);
    }
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

static int verify_accumulate(const stc_program *program, const stc_stage *stage,
                             const stc_kernel *kernel)
{
    int64_t channels = kernel->u.accumulate.channels, groups = kernel->u.accumulate.groups;
    int64_t in_channels = kernel->u.accumulate.in_channels;
    int32_t blob = kernel->u.accumulate.blob;
    STC_TRY(verify_window(stage, kernel->u.accumulate.kernel, kernel->u.accumulate.stride,
                          kernel->u.accumulate.padding, kernel->u.accumulate.dilation,
                          kernel->u.accumulate.in_size, kernel->u.accumulate.out_size));
    STC_CHECK(groups >= 1 && channels >= 1 && in_channels >= 1 && channels % groups == 0 &&
                  in_channels % groups == 0 && stage->storage.ndim >= 1 &&
                  stage->storage.ndim <= 3 &&
                  stage->storage.dim[stage->storage.ndim - 1] == channels,
              STC_ERR_INPUT, "stage %s: channels of its kernel do not match", stage->name);
    STC_CHECK(in_range(blob, 0, program->nblobs - 1), STC_ERR_INPUT,
              "stage %s: weights %d do not exist", stage->name, blob);
    int64_t columns =
        in_channels / groups * kernel->u.accumulate.kernel[0] * kernel->u.accumulate.kernel[1];
    STC_CHECK(program->blobs[blob].rows == channels && program->blobs[blob].columns == columns,
              STC_ERR_INPUT, "stage %s: weights are %lld x %lld, expected %lld x %lld", stage->name,
              (long long)program->blobs[blob].rows, (long long)program->blobs[blob].columns,
              (long long)channels, (long long)columns);
    STC_CHECK(!kernel->u.accumulate.has_pad_values || program->blobs[blob].npad == in_channels,
              STC_ERR_INPUT, "stage %s: has %lld pad values, expected %lld", stage->name,
              (long long)program->blobs[blob].npad, (long long)in_channels);
    return verify_operand_shape(
        stage, kernel, 0,
        (stc_shape){
            3, {in_channels, kernel->u.accumulate.in_size[0], kernel->u.accumulate.in_size[1]}});
}

static int verify_direct(const stc_stage *stage, const stc_kernel *kernel)
{
    int n = stage->storage.ndim;
    switch (kernel->kind) {
    case STC_KERNEL_MATMUL: {
        int64_t batch = kernel->u.matmul.batch, rows = kernel->u.matmul.rows;
        int64_t inner = kernel->u.matmul.inner, columns = kernel->u.matmul.columns;
        STC_CHECK(n >= 2 && stage->storage.dim[n - 1] == columns &&
                      stage->storage.dim[n - 2] == rows &&
                      stc_shape_size(&stage->storage) == batch * rows * columns,
                  STC_ERR_INPUT, "stage %s: matmul sizes do not match", stage->name);
        STC_TRY(verify_operand_shape(stage, kernel, 0, (stc_shape){3, {batch, rows, inner}}));
        return verify_operand_shape(stage, kernel, 1, (stc_shape){3, {batch, inner, columns}});
    }
    case STC_KERNEL_POOL:
        STC_TRY(verify_window(stage, kernel->u.pool.kernel, kernel->u.pool.stride,
                              kernel->u.pool.padding, NULL, kernel->u.pool.in_size,
                              kernel->u.pool.out_size));
        STC_CHECK(n >= 1 && n <= 3 && stage->storage.dim[n - 1] == kernel->u.pool.channels,
                  STC_ERR_INPUT, "stage %s: channels of its pool do not match", stage->name);
        return verify_operand_shape(stage, kernel, 0,
                                    (stc_shape){3,
                                                {kernel->u.pool.channels, kernel->u.pool.in_size[0],
                                                 kernel->u.pool.in_size[1]}});
    case STC_KERNEL_REDUCE: {
        stc_shape in = stc_view_shape(&kernel->operand[0].view), kept = {.ndim = 0};
        for (int d = 0; d < in.ndim; d++) {
            if (!kernel->u.reduce.over[d])
                kept.dim[kept.ndim++] = in.dim[d];
            else if (n == in.ndim)
                kept.dim[kept.ndim++] = 1;
        }
        STC_CHECK(stc_shape_equal(&kept, &stage->storage) && kernel->u.reduce.divisor != 0.0,
                  STC_ERR_INPUT, "stage %s: sizes of its reduction do not match", stage->name);
        return 0;
    }
    case STC_KERNEL_MUL:
        STC_TRY(verify_operand_shape(stage, kernel, 1, stage->storage));
        return verify_operand_shape(stage, kernel, 0, stage->storage);
    default:
        return verify_operand_shape(stage, kernel, 0, stage->storage);
    }
}

static int verify_kernel(const stc_program *program, int32_t s, const stc_kernel *kernel)
{
    const stc_stage *stage = &program->stages[s];
    int needed = kernel->kind == STC_KERNEL_MATMUL || kernel->kind == STC_KERNEL_MUL     ? 2
                 : kernel->kind == STC_KERNEL_INPUT || kernel->kind == STC_KERNEL_NEURON ? 0
                                                                                         : 1;
    STC_CHECK(in_range((int64_t)kernel->kind, 0, STC_KERNEL_TIME_MEAN), STC_ERR_INPUT,
              "stage %s: unknown kernel %d", stage->name, (int)kernel->kind);
    for (int i = 0; i < needed; i++) {
        const stc_operand *operand = &kernel->operand[i];
        STC_CHECK(in_range(operand->stage, 0, s - 1), STC_ERR_INPUT,
                  "stage %s: operand %d is stage %d, expected one of 0 to %d", stage->name, i,
                  operand->stage, s - 1);
        STC_CHECK(stc_is_power_of_two(operand->factor), STC_ERR_INPUT,
                  "stage %s: factor %g of operand %d is not a power of two", stage->name,
                  operand->factor, i);
        STC_TRY(verify_view(&operand->view, &program->stages[operand->stage].storage, stage->name));
    }
    switch (kernel->kind) {
    case STC_KERNEL_INPUT:
        return 0;
    case STC_KERNEL_NEURON:
        STC_CHECK(kernel->u.neuron.model >= 0, STC_ERR_INPUT, "stage %s: unknown neuron model",
                  stage->name);
        return 0;
    case STC_KERNEL_ACCUMULATE:
        return verify_accumulate(program, stage, kernel);
    case STC_KERNEL_READ: {
        int32_t blob = kernel->u.read.blob;
        STC_CHECK(blob < 0 ||
                      (blob < program->nblobs && program->blobs[blob].columns == 1 &&
                       stage->storage.ndim >= 1 &&
                       program->blobs[blob].rows == stage->storage.dim[stage->storage.ndim - 1]),
                  STC_ERR_INPUT, "stage %s: scales %d do not match", stage->name, blob);
        return verify_operand_shape(stage, kernel, 0, stage->storage);
    }
    default:
        return verify_direct(stage, kernel);
    }
}

static int verify_stage(const stc_program *program, int32_t s)
{
    const stc_stage *stage = &program->stages[s];
    STC_CHECK(stage->name && stage->name[0], STC_ERR_INPUT, "stage %d has no name", s);
    STC_TRY(verify_shape(&stage->shape, "shape", stage->name));
    STC_TRY(verify_shape(&stage->storage, "storage", stage->name));
    STC_TRY(verify_order(stage));
    STC_CHECK(stc_kind_is_real(stage->kind) ||
                  (stc_is_power_of_two(stage->kind.unit) && stage->kind.max >= 0),
              STC_ERR_INPUT, "stage %s: unit %g is not a power of two", stage->name,
              stage->kind.unit);
    STC_CHECK(stage->dtype == stc_kind_dtype(stage->kind), STC_ERR_INPUT,
              "stage %s: stored type does not match its kind", stage->name);
    STC_CHECK(stage->nkernels >= 1 && in_range(stage->first_kernel, 0, program->nkernels) &&
                  stage->nkernels <= program->nkernels - stage->first_kernel,
              STC_ERR_INPUT, "stage %s: kernels out of range", stage->name);
    STC_CHECK(stage->ntiles >= 1 && in_range(stage->first_tile, 0, program->ntiles) &&
                  stage->ntiles <= program->ntiles - stage->first_tile,
              STC_ERR_INPUT, "stage %s: tiles out of range", stage->name);
    const stc_kernel *kernels = &program->kernels[stage->first_kernel];
    for (int32_t k = 0; k < stage->nkernels; k++) {
        bool sum = kernels[k].kind == STC_KERNEL_ACCUMULATE || kernels[k].kind == STC_KERNEL_READ;
        bool last_neuron =
            kernels[k].kind == STC_KERNEL_NEURON && k == stage->nkernels - 1 && k > 0;
        STC_CHECK(sum || last_neuron || stage->nkernels == 1, STC_ERR_INPUT,
                  "stage %s: kernel %d cannot stand there", stage->name, k);
        STC_TRY(verify_kernel(program, s, &kernels[k]));
    }
    return 0;
}

/* Tiles of a stage lie inside it and fill it. */
static int verify_tiles(const stc_program *program, int32_t s)
{
    const stc_stage *stage = &program->stages[s];
    int64_t covered = 0;
    for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        STC_CHECK(tile->stage == s && tile->box.ndim == stage->storage.ndim, STC_ERR_INPUT,
                  "stage %s: tile %d belongs elsewhere", stage->name, t);
        for (int a = 0; a < tile->box.ndim; a++) {
            STC_CHECK(tile->box.lo[a] >= 0 && tile->box.lo[a] < tile->box.hi[a] &&
                          tile->box.hi[a] <= stage->storage.dim[a],
                      STC_ERR_INPUT, "stage %s: tile %d lies outside", stage->name, t);
        }
        STC_CHECK(in_range(tile->chip, 0, program->chips - 1), STC_ERR_INPUT,
                  "tile %d lies on chip %d of %d", t, tile->chip, program->chips);
        covered += stc_box_size(&tile->box);
    }
    STC_CHECK(covered == stc_shape_size(&stage->storage), STC_ERR_INPUT,
              "stage %s: its tiles hold %lld elements, expected %lld", stage->name,
              (long long)covered, (long long)stc_shape_size(&stage->storage));
    return 0;
}

static int verify_nets(const stc_program *program)
{
    const stc_nets *nets = &program->nets;
    STC_CHECK(nets->n >= 0 && (nets->n == 0 || nets->first[0] == 0), STC_ERR_INPUT,
              "nets: offsets do not start at 0");
    for (int32_t i = 0; i < nets->n; i++) {
        STC_CHECK(in_range(nets->source[i], i ? nets->source[i - 1] : 0, program->ntiles - 1) &&
                      nets->first[i + 1] >= nets->first[i],
                  STC_ERR_INPUT, "net %d: source or offsets out of order", i);
        for (int64_t p = nets->first[i]; p < nets->first[i + 1]; p++) {
            STC_CHECK(in_range(nets->pin[p], nets->source[i] + 1, program->ntiles - 1),
                      STC_ERR_INPUT, "net %d: pin %d is not a later tile", i, nets->pin[p]);
        }
    }
    return 0;
}

int stc_program_verify(const stc_program *program)
{
    STC_CHECK(program->nstages >= 1, STC_ERR_INPUT, "the program has no stages");
    STC_CHECK(program->chips >= 1 && program->chips <= program->ntiles, STC_ERR_INPUT,
              "the program has %d chips and %d tiles, expected 1 to %d chips", program->chips,
              program->ntiles, program->ntiles);
    for (int32_t s = 0; s < program->nstages; s++)
        STC_TRY(verify_stage(program, s));
    for (int32_t s = 0; s < program->nstages; s++)
        STC_TRY(verify_tiles(program, s));
    return verify_nets(program);
}
