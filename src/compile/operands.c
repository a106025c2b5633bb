/* operands.c - where a kernel finds its operands: through views, without moving data. */
#include "stc/error.h"
#include "steps.h"

/* A scale by a positive power of two of an integer only changes the unit. */
static bool is_unit_change(const stc_graph *graph, const stc_node *node, double *factor)
{
    if (node->op->op_class != STC_CLASS_AFFINE || node->op->channel_axis(node) >= 0) return false;
    if (stc_kind_is_real(graph->nodes[node->inputs[0]]->kind)) return false;
    double shift = 0.0;
    if (node->op->affine(node, 0, 1, factor, &shift) < 0) return false;
    return shift == 0.0 && *factor > 0.0 && stc_is_power_of_two(*factor);
}

static int operand_of_stage(stc_lowering *lowering, int32_t node, stc_operand *operand)
{
    int32_t stage = lowering->stage_of[node];
    if (stage < 0) STC_TRY(stc_lower_node(lowering, node, &stage));
    operand->stage = stage;
    operand->factor = 1.0;
    operand->view = stc_view_identity(&lowering->graph->nodes[node]->shape);
    return 0;
}

int stc_lower_operand(stc_lowering *lowering, int32_t index, stc_operand *operand)
{
    const stc_node *node = lowering->graph->nodes[index];
    double factor;
    if (lowering->stage_of[index] >= 0) return operand_of_stage(lowering, index, operand);
    if (node->op->op_class == STC_CLASS_VIEW) {
        int32_t below = node->inputs[0];
        STC_TRY(stc_lower_operand(lowering, below, operand));
        stc_view view = operand->view;
        if (node->op->view(node, &lowering->program->stages[operand->stage].shape, &view) >= 0) {
            operand->view = view;
            return 0;
        }
        /* Not an index map of what lies below: that is copied into a stage of its own first. */
        STC_TRY(stc_lower_node(lowering, below, &operand->stage));
        STC_TRY(operand_of_stage(lowering, below, operand));
        return node->op->view(node, &lowering->program->stages[operand->stage].shape,
                              &operand->view);
    }
    if (is_unit_change(lowering->graph, node, &factor)) {
        STC_TRY(stc_lower_operand(lowering, node->inputs[0], operand));
        operand->factor *= factor;
        return 0;
    }
    return operand_of_stage(lowering, index, operand);
}

void stc_operand_settle(const stc_program *program, stc_operand *operand)
{
    const stc_stage *stage = &program->stages[operand->stage];
    stc_view_relayout(&operand->view, stage->order, stage->shape.ndim);
}

/* Insert a dimension of length 1 before dimension at. */
static void insert_unit(stc_view *view, int at)
{
    int nfactors = 0, first = 0;
    for (int d = 0; d < view->ndim; d++) {
        if (d < at) first += view->nfactors[d];
        nfactors += view->nfactors[d];
    }
    for (int f = nfactors; f > first; f--)
        view->factor[f] = view->factor[f - 1];
    view->factor[first] = (stc_factor){.extent = 1, .step = 0, .axis = 0};
    for (int d = view->ndim; d > at; d--)
        view->nfactors[d] = view->nfactors[d - 1];
    view->nfactors[at] = 1;
    view->ndim++;
}

static int total_factors(const stc_view *view)
{
    int n = 0;
    for (int d = 0; d < view->ndim; d++)
        n += view->nfactors[d];
    return n;
}

int stc_view_to_chw(stc_view *view, int channel_dim)
{
    STC_CHECK(view->ndim >= 1 && view->ndim <= 3, STC_ERR_INPUT,
              "its operand has %d dimensions, at most 3 can be lowered; reshape it before",
              view->ndim);
    STC_CHECK(total_factors(view) + 3 - view->ndim <= STC_MAX_FACTORS, STC_ERR_INPUT,
              "the view of its operand is too entangled; reshape it before");
    int perm[3] = {channel_dim};
    for (int d = 0, n = 1; d < view->ndim; d++) {
        if (d != channel_dim) perm[n++] = d;
    }
    stc_view_permute(view, perm);
    while (view->ndim < 3)
        insert_unit(view, 1);
    return 0;
}

int stc_view_to_batch(stc_view *view, bool transpose)
{
    int n = view->ndim, perm[STC_MAX_NDIM];
    STC_CHECK(n >= 2 && total_factors(view) + (n == 2) <= STC_MAX_FACTORS, STC_ERR_INPUT,
              "its operand has %d dimensions, expected at least 2", n);
    for (int d = 0; d < n; d++)
        perm[d] = d;
    if (transpose) {
        perm[n - 2] = n - 1;
        perm[n - 1] = n - 2;
    }
    stc_view_permute(view, perm);
    if (n == 2) {
        insert_unit(view, 0);
        return 0;
    }
    int batch_factors = 0;
    for (int d = 0; d < n - 2; d++)
        batch_factors += view->nfactors[d];
    view->nfactors[1] = view->nfactors[n - 2];
    view->nfactors[2] = view->nfactors[n - 1];
    view->nfactors[0] = batch_factors;
    view->ndim = 3;
    return 0;
}
