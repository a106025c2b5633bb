/* access.c - tables of offsets: any view, however entangled, becomes one addition per dimension. */
#include "engine.h"

/* The largest run of constant stride that tiles the table. */
static void find_run(access *a, int64_t length)
{
    const int64_t *offset = a->offset[a->ndim - 1];
    a->stride = length > 1 ? offset[1] - offset[0] : 1;
    int64_t run = length > 1 ? 2 : 1;
    while (run < length && offset[run] - offset[run - 1] == a->stride)
        run++;
    for (int64_t start = run; start < length; start += run) {
        for (int64_t i = start + 1; i < start + run && i < length; i++) {
            if (offset[i] - offset[i - 1] != a->stride) {
                a->run = 1; /* irregular: element by element */
                a->stride = 1;
                return;
            }
        }
    }
    a->run = run;
}

/* ahead[i]: elements from i on that follow each other in memory. */
static void count_ahead(const int64_t *offset, int64_t length, int64_t *ahead)
{
    for (int64_t i = length - 1; i >= 0; i--) {
        bool next = i + 1 < length && offset[i + 1] == offset[i] + 1;
        ahead[i] = next ? ahead[i + 1] + 1 : 1;
    }
}

int stc_access_create(const stc_sim *sim, const stc_operand *operand, access *out)
{
    const stage_plan *source = &sim->stages[operand->stage];
    const stc_view *view = &operand->view;
    *out = (access){.stage = operand->stage,
                    .ndim = view->ndim,
                    .run = 1,
                    .stride = 1,
                    .unit = 1.0f,
                    .dtype = source->stage->dtype};
    if (!stc_kind_is_real(source->stage->kind)) {
        out->unit = (float)(source->stage->kind.unit * operand->factor);
        out->max = source->stage->kind.max;
    }
    for (int a = 0; a < source->window.ndim; a++) {
        out->base += (view->offset[a] - source->window.lo[a]) * source->stride[a];
    }
    const stc_factor *factor = view->factor;
    stc_shape shape = stc_view_shape(view);
    for (int d = 0; d < view->ndim; d++) {
        int64_t *offset = stc_alloc(2 * shape.dim[d], sizeof *offset);
        if (!offset) return STC_ERR_NOMEM;
        out->offset[d] = offset;
        for (int64_t i = 0; i < shape.dim[d]; i++) {
            int64_t rest = i;
            for (int f = view->nfactors[d] - 1; f >= 0; f--) {
                int64_t digit = rest % factor[f].extent;
                offset[i] += digit * factor[f].step * source->stride[factor[f].axis];
                rest /= factor[f].extent;
            }
        }
        out->ahead[d] = offset + shape.dim[d];
        count_ahead(offset, shape.dim[d], offset + shape.dim[d]);
        factor += view->nfactors[d];
    }
    if (view->ndim > 0) find_run(out, shape.dim[view->ndim - 1]);
    return 0;
}

void stc_access_destroy(access *a)
{
    for (int d = 0; d < a->ndim; d++)
        stc_free(a->offset[d]);
    a->ndim = 0;
}
