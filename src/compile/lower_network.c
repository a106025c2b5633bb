/* lower_network.c - what has time in it: delays, populations with their projections, generators.
 * Their operands may be made later than they are, as their values are those of earlier steps. */
#include "stc/error.h"
#include "steps.h"

#include <math.h>

/* ---- delays ---- */

/* A delay that closes a cycle comes before its operand, which is filled in when all stages are
 * there. */
bool stc_closes_cycle(const stc_node *node, int32_t index)
{
    return node->op->op_class == STC_CLASS_DELAY && node->inputs[0] >= index;
}

static int lower_delay_operand(stc_lowering *lowering, const stc_node *node, stc_operand *operand)
{
    STC_TRY(stc_lower_operand(lowering, node->inputs[0], operand));
    stc_operand_settle(lowering->program, operand);
    return 0;
}

int stc_lower_delay(stc_lowering *lowering, int32_t index, int32_t *out)
{
    const stc_node *node = lowering->graph->nodes[index];
    stc_operand operand = {.stage = -1, .factor = 1.0};
    if (!stc_closes_cycle(node, index)) STC_TRY(lower_delay_operand(lowering, node, &operand));
    *out = stc_add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    if (operand.stage < 0) {
        stc_order_axis_last(stage, stage->shape.ndim == 3 ? 0 : -1);
    } else {
        stc_order_like(stage, &lowering->program->stages[operand.stage], &operand.view);
        stc_view_permute(&operand.view, stage->order);
    }
    stage->first_kernel = lowering->program->nkernels;
    stage->nkernels = 1;
    stc_kernel *kernel = stc_add_kernel(lowering, STC_KERNEL_DELAY);
    kernel->operand[0] = operand;
    STC_TRY(node->op->lower(node, NULL, kernel));
    if (kernel->u.delay.least == kernel->u.delay.most) return 0;
    return stc_add_field(lowering, node, stc_op_attr(node->op, "delay"), &kernel->u.delay.field);
}

int stc_connect_delay(stc_lowering *lowering, int32_t index)
{
    const stc_node *node = lowering->graph->nodes[index];
    const stc_stage *stage = &lowering->program->stages[lowering->stage_of[index]];
    stc_operand *operand = &lowering->program->kernels[stage->first_kernel].operand[0];
    STC_TRY(lower_delay_operand(lowering, node, operand));
    stc_view_permute(&operand->view, stage->order);
    return 0;
}

/* ---- populations ---- */

/* The lists of a projection become fields. */
static int lower_projection(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    stc_projection *p = &kernel->u.deliver;
    const stc_node *const *in = stc_operand_nodes(lowering, node);
    if (!in) return STC_ERR_NOMEM;
    STC_TRY(node->op->lower(node, in, kernel));
    if (p->rule == STC_RULE_EXPLICIT) {
        STC_TRY(stc_add_field(lowering, node, stc_op_attr(node->op, "source"), &p->source));
        STC_TRY(stc_add_field(lowering, node, stc_op_attr(node->op, "target"), &p->target));
    }
    if (p->weight.kind == STC_DRAW_LISTED) {
        STC_TRY(stc_add_field(lowering, node, stc_op_attr(node->op, "weight"), &p->weight.field));
    }
    if (p->delay.kind == STC_DRAW_LISTED) {
        STC_TRY(stc_add_field(lowering, node, stc_op_attr(node->op, "delay"), &p->delay.field));
    }
    return 0;
}

/* Currents come before in the order of evaluation; sources of projections may come later. */
int stc_lower_population(stc_lowering *lowering, int32_t index, int32_t *out)
{
    const stc_graph *graph = lowering->graph;
    const stc_node *node = graph->nodes[index];
    stc_operand *operands =
        stc_arena_alloc(lowering->program->arena, node->ninputs, sizeof *operands);
    if (!operands) return STC_ERR_NOMEM;
    for (int i = 0; i < node->ninputs; i++) {
        if (graph->nodes[node->inputs[i]]->op->op_class == STC_CLASS_PROJECTION) continue;
        STC_TRY(stc_lower_operand(lowering, node->inputs[i], &operands[i]));
        stc_operand_settle(lowering->program, &operands[i]);
    }
    *out = stc_add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    stc_order_axis_last(stage, -1);
    stage->first_id = node->first_id;
    stage->counted = node->counted;
    stage->first_kernel = lowering->program->nkernels;
    for (int i = 0; i < node->ninputs; i++) {
        const stc_node *in = graph->nodes[node->inputs[i]];
        stc_kernel *kernel = stc_add_kernel(lowering, STC_KERNEL_READ);
        kernel->operand[0] = operands[i];
        kernel->u.read.scale = 1.0f;
        kernel->u.read.blob = -1;
        if (in->op->op_class == STC_CLASS_PROJECTION) {
            *kernel = (stc_kernel){
                .operand = {{.stage = -1, .factor = 1.0}, {.stage = -1, .factor = 1.0}}};
            STC_TRY(lower_projection(lowering, in, kernel));
        }
    }
    stc_kernel *last = stc_add_kernel(lowering, STC_KERNEL_POPULATION);
    STC_TRY(node->op->lower(node, NULL, last));
    for (int p = 0; p < node->op->nattrs; p++) {
        if (node->op->attrs[p].kind == STC_ATTR_EACH && isnan(last->u.population.params[p])) {
            STC_TRY(stc_add_field(lowering, node, p, &last->u.population.field[p]));
        }
    }
    stage->nkernels = lowering->program->nkernels - stage->first_kernel;
    return 0;
}

/* The source of every projection, when all stages are there. */
int stc_connect_population(stc_lowering *lowering, int32_t index)
{
    const stc_graph *graph = lowering->graph;
    const stc_node *node = graph->nodes[index];
    const stc_stage *stage = &lowering->program->stages[lowering->stage_of[index]];
    for (int i = 0; i < node->ninputs; i++) {
        const stc_node *in = graph->nodes[node->inputs[i]];
        if (in->op->op_class != STC_CLASS_PROJECTION) continue;
        stc_kernel *kernel = &lowering->program->kernels[stage->first_kernel + i];
        STC_TRY(stc_lower_operand(lowering, in->inputs[0], &kernel->operand[0]));
        stc_operand_settle(lowering->program, &kernel->operand[0]);
        kernel->u.deliver.recurrent = kernel->operand[0].stage == lowering->stage_of[index];
    }
    return 0;
}

/* ---- generators ---- */

/* Rates that differ, amplitudes and their times are fields. */
int stc_lower_generator(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    if (!kernel->u.generator.poisson) {
        int values = stc_op_attr(node->op, "amplitude_values");
        int times = stc_op_attr(node->op, "amplitude_times");
        STC_TRY(stc_add_field(lowering, node, values, &kernel->u.generator.field));
        return stc_add_field(lowering, node, times, &kernel->u.generator.times);
    }
    if (!isnan(kernel->u.generator.value)) return 0;
    kernel->u.generator.value = 0.0;
    return stc_add_field(lowering, node, stc_op_attr(node->op, "rate"), &kernel->u.generator.field);
}
