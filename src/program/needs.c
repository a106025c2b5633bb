/* needs.c - which box of an operand fills a box of a stage. Everything that depends on where data
 * is needed follows from this one function: nets, levels, windows in memory, messages. */
#include "stc/program.h"

/* Positions first .. last of a sliding window over an axis of in elements, as a range of inputs. */
static void window_range(int64_t lo, int64_t hi, int64_t kernel, int64_t stride, int64_t padding,
                         int64_t dilation, int64_t in, int64_t *in_lo, int64_t *in_hi)
{
    int64_t first = lo * stride - padding;
    int64_t last = (hi - 1) * stride - padding + (kernel - 1) * dilation;
    *in_lo = first < 0 ? 0 : first;
    *in_hi = last >= in ? in : last + 1;
    if (*in_hi < *in_lo) *in_hi = *in_lo; /* only padding */
}

/* Range of height (axis 0) or width (axis 1) that a box of a (height, width, channels) tensor with
 * possibly fewer axes covers. */
static void position_range(const stc_box *box, int axis, int64_t *lo, int64_t *hi)
{
    int a = box->ndim - 3 + axis;
    *lo = a >= 0 ? box->lo[a] : 0;
    *hi = a >= 0 ? box->hi[a] : 1;
}

static stc_box accumulate_box(const stc_kernel *kernel, const stc_box *box)
{
    stc_box need = {.ndim = 3};
    int64_t per_group = kernel->u.accumulate.channels / kernel->u.accumulate.groups;
    int64_t in_per_group = kernel->u.accumulate.in_channels / kernel->u.accumulate.groups;
    int c = box->ndim - 1;
    need.lo[0] = box->lo[c] / per_group * in_per_group;
    need.hi[0] = ((box->hi[c] - 1) / per_group + 1) * in_per_group;
    for (int a = 0; a < 2; a++) {
        int64_t lo, hi;
        position_range(box, a, &lo, &hi);
        window_range(lo, hi, kernel->u.accumulate.kernel[a], kernel->u.accumulate.stride[a],
                     kernel->u.accumulate.padding[a], kernel->u.accumulate.dilation[a],
                     kernel->u.accumulate.in_size[a], &need.lo[1 + a], &need.hi[1 + a]);
    }
    return need;
}

static stc_box pool_box(const stc_kernel *kernel, const stc_box *box)
{
    stc_box need = {.ndim = 3};
    need.lo[0] = box->lo[box->ndim - 1];
    need.hi[0] = box->hi[box->ndim - 1];
    for (int a = 0; a < 2; a++) {
        int64_t lo, hi;
        position_range(box, a, &lo, &hi);
        window_range(lo, hi, kernel->u.pool.kernel[a], kernel->u.pool.stride[a],
                     kernel->u.pool.padding[a], 1, kernel->u.pool.in_size[a], &need.lo[1 + a],
                     &need.hi[1 + a]);
    }
    return need;
}

/* The leading axes of a (batch..., rows, columns) box as one range of merged batch indices. */
static void batch_range(const stc_stage *stage, const stc_box *box, int64_t *lo, int64_t *hi)
{
    int64_t first = 0, last = 0;
    for (int a = 0; a < box->ndim - 2; a++) {
        first = first * stage->storage.dim[a] + box->lo[a];
        last = last * stage->storage.dim[a] + box->hi[a] - 1;
    }
    *lo = first;
    *hi = last + 1;
}

static stc_box matmul_box(const stc_stage *stage, const stc_kernel *kernel, int which,
                          const stc_box *box)
{
    stc_box need = {.ndim = 3};
    int rows = box->ndim - 2, columns = box->ndim - 1;
    batch_range(stage, box, &need.lo[0], &need.hi[0]);
    need.hi[1] = need.hi[2] =
        kernel->u.matmul.inner; /* A (batch, rows, inner), B (batch, inner, columns) */
    int free_axis = which == 0 ? 1 : 2;
    need.lo[free_axis] = box->lo[which == 0 ? rows : columns];
    need.hi[free_axis] = box->hi[which == 0 ? rows : columns];
    return need;
}

static stc_box reduce_box(const stc_stage *stage, const stc_kernel *kernel, const stc_box *box)
{
    stc_shape in = stc_view_shape(&kernel->operand[0].view);
    stc_box need = stc_box_all(&in);
    bool keeps = stage->storage.ndim == in.ndim;
    for (int d = 0, a = 0; d < in.ndim; d++) {
        if (!kernel->u.reduce.over[d]) {
            need.lo[d] = box->lo[keeps ? d : a];
            need.hi[d] = box->hi[keeps ? d : a];
            a++;
        }
    }
    return need;
}

stc_box stc_kernel_needs(const stc_program *program, const stc_stage *stage,
                         const stc_kernel *kernel, int which, const stc_box *box)
{
    stc_box need = {.ndim = 1}; /* empty */
    const stc_operand *operand = &kernel->operand[which];
    if (operand->stage < 0 || stc_box_size(box) == 0) return need;
    switch (kernel->kind) {
    case STC_KERNEL_INPUT:
    case STC_KERNEL_NEURON:
    case STC_KERNEL_POPULATION:
    case STC_KERNEL_GENERATOR:
        return need;
    case STC_KERNEL_DELIVER: /* any source may have a synapse here, unless it has one alone */
        if (kernel->u.deliver.rule == STC_RULE_ONE_TO_ONE) {
            need = *box;
        } else {
            need = stc_box_all(&program->stages[operand->stage].storage);
        }
        break;
    case STC_KERNEL_ACCUMULATE:
        need = accumulate_box(kernel, box);
        break;
    case STC_KERNEL_POOL:
        need = pool_box(kernel, box);
        break;
    case STC_KERNEL_MATMUL:
        need = matmul_box(stage, kernel, which, box);
        break;
    case STC_KERNEL_REDUCE:
        need = reduce_box(stage, kernel, box);
        break;
    case STC_KERNEL_READ:
    case STC_KERNEL_MUL:
    case STC_KERNEL_DELAY:
    case STC_KERNEL_CODE:
        need = *box;
        break;
    }
    int naxes = program->stages[operand->stage].storage.ndim;
    if (stc_box_size(&need) == 0) return (stc_box){.ndim = naxes};
    return stc_view_needs(&operand->view, naxes, &need);
}
