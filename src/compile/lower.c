/* lower.c - from graph nodes to stages.
 *
 * A stage is either a sum of terms (weights times an operand, or an operand read element by
 * element), perhaps followed by a neuron, or one kernel of its own. What feeds only one sum is
 * computed inside it. Reading order: stc_lower at the end, then upwards. */
#include "stc/error.h"
#include "steps.h"

#include <math.h>
#include <string.h>

/* ---- which nodes are computed inside the stage of their user ---- */

static bool starts_a_sum(const stc_node *node)
{
    stc_op_class c = node->op->op_class;
    return c == STC_CLASS_NEURON || c == STC_CLASS_ADD || c == STC_CLASS_OUTPUT;
}

/* Terms are added from the left, as in the source: a sum may stand only first in another sum. */
static bool can_absorb(const stc_node *user, int position, const stc_node *node)
{
    if (!starts_a_sum(user)) return false;
    switch (node->op->op_class) {
    case STC_CLASS_WEIGHT:
    case STC_CLASS_AFFINE:
        return true;
    case STC_CLASS_ADD:
        return position == 0;
    default:
        return false;
    }
}

/* Channel axis that a term demands of its stage, or -1. */
static int demanded_axis(const stc_node *node)
{
    stc_op_class c = node->op->op_class;
    return c == STC_CLASS_WEIGHT || c == STC_CLASS_AFFINE ? node->op->channel_axis(node) : -1;
}

/* All terms of one stage must agree on the channel axis; decided from the front. */
static int sum_axis(const stc_lowering *lowering, const stc_node *node)
{
    int axis = demanded_axis(node);
    for (int i = 0; axis < 0 && starts_a_sum(node) && i < node->ninputs; i++) {
        const stc_node *in = lowering->graph->nodes[node->inputs[i]];
        if (lowering->absorbed[node->inputs[i]]) axis = sum_axis(lowering, in);
    }
    return axis;
}

static int find_absorbed(stc_lowering *lowering)
{
    const stc_graph *graph = lowering->graph;
    int32_t *uses = stc_arena_alloc(lowering->program->arena, graph->nnodes, sizeof *uses);
    if (!uses) return STC_ERR_NOMEM;
    stc_graph_uses(graph, uses);
    for (int32_t u = 0; u < graph->nnodes; u++) {
        const stc_node *user = graph->nodes[u];
        int axis = -1;
        for (int i = 0; i < user->ninputs; i++) {
            const stc_node *node = graph->nodes[user->inputs[i]];
            if (uses[user->inputs[i]] != 1 || !can_absorb(user, i, node)) continue;
            int wanted = sum_axis(lowering, node);
            if (axis >= 0 && wanted >= 0 && wanted != axis) continue;
            if (wanted >= 0) axis = wanted;
            lowering->absorbed[user->inputs[i]] = true;
        }
    }
    return 0;
}

/* ---- stages and blobs ---- */

static int32_t add_stage(stc_lowering *lowering, int32_t index)
{
    const stc_node *node = lowering->graph->nodes[index];
    int32_t s = lowering->program->nstages++;
    stc_stage *stage = &lowering->program->stages[s];
    *stage =
        (stc_stage){.name = node->name,
                    .shape = node->shape,
                    .kind = node->kind,
                    .dtype = stc_kind_dtype(node->kind),
                    .timing = node->timing == STC_TIME_SAMPLE ? STC_STAGE_SAMPLE : STC_STAGE_STEP,
                    .first_id = -1,
                    .is_input = node->op->op_class == STC_CLASS_INPUT,
                    .is_output = node->op->op_class == STC_CLASS_OUTPUT,
                    .input_scale = 1.0};
    if (stage->is_output) stage->output_name = node->name;
    lowering->stage_of[index] = s;
    return s;
}

static void set_order(stc_stage *stage, const int *order)
{
    stage->storage.ndim = stage->shape.ndim;
    for (int a = 0; a < stage->shape.ndim; a++) {
        stage->order[a] = order[a];
        stage->storage.dim[a] = stage->shape.dim[order[a]];
    }
}

/* All axes in source order but this one, which comes last. */
static void order_axis_last(stc_stage *stage, int axis)
{
    int order[STC_MAX_NDIM] = {0}, n = 0;
    for (int a = 0; a < stage->shape.ndim; a++) {
        if (a != axis) order[n++] = a;
    }
    if (axis >= 0) order[n] = axis;
    set_order(stage, order);
}

/* Order the axes as the operand lies in memory, so that reading it is contiguous. The view's axes
 * are storage axes already, its dimensions those of the stage in source order. */
static void order_like(stc_stage *stage, const stc_stage *source, const stc_view *view)
{
    int64_t axis_stride[STC_MAX_NDIM], reach[STC_MAX_NDIM];
    int order[STC_MAX_NDIM] = {0};
    stc_stage_strides(source, axis_stride);
    for (int d = 0, f = 0; d < view->ndim; d++) {
        reach[d] = INT64_MAX;
        for (int i = 0; i < view->nfactors[d]; i++, f++) {
            int64_t stride = view->factor[f].step * axis_stride[view->factor[f].axis];
            if (view->factor[f].extent > 1 && stride < reach[d]) reach[d] = stride;
        }
    }
    for (int n = 0; n < view->ndim; n++) { /* insertion sort, largest stride first, stable */
        int at = n;
        for (; at > 0 && reach[order[at - 1]] < reach[n]; at--)
            order[at] = order[at - 1];
        order[at] = n;
    }
    set_order(stage, order);
}

static stc_kernel *add_kernel(stc_lowering *lowering, stc_kernel_kind kind)
{
    stc_kernel *kernel = &lowering->program->kernels[lowering->program->nkernels++];
    *kernel = (stc_kernel){.kind = kind,
                           .operand = {{.stage = -1, .factor = 1.0}, {.stage = -1, .factor = 1.0}}};
    return kernel;
}

static int add_blob(stc_lowering *lowering, const stc_node *node, int64_t rows, int64_t columns,
                    int32_t *out)
{
    stc_program *program = lowering->program;
    int32_t b = program->nblobs++;
    stc_blob *blob = &program->blobs[b];
    *blob = (stc_blob){.name = node->name, .rows = rows, .columns = columns};
    lowering->blob_node[b] = node;
    *out = b;
    int pad = stc_op_attr(node->op, "pad_value");
    if (pad < 0 || !node->attrs[pad].weight) return 0;
    stc_weight *weight = node->attrs[pad].weight;
    blob->npad = stc_shape_size(&weight->shape);
    float *values = stc_arena_alloc(program->arena, blob->npad, sizeof *values);
    if (!values) return STC_ERR_NOMEM;
    blob->pad_values = values;
    return weight->read(weight, 0, weight->shape.ndim ? weight->shape.dim[0] : 1, values);
}

static int add_field(stc_lowering *lowering, const stc_node *node, int attr, int32_t *out)
{
    stc_program *program = lowering->program;
    stc_field *field = &program->fields[program->nfields];
    field->name = stc_arena_printf(program->arena, "%s/%s", node->name, node->op->attrs[attr].name);
    bool each = node->op->attrs[attr].kind == STC_ATTR_EACH;
    field->rows = stc_shape_size(each ? &node->shape : &node->attrs[attr].weight->shape);
    lowering->field_source[program->nfields] = (stc_field_source){node, attr};
    *out = program->nfields++;
    return field->name ? 0 : STC_ERR_NOMEM;
}

/* The parameters that differ between neurons become fields. */
static int lower_neuron(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    STC_TRY(node->op->lower(node, NULL, kernel));
    for (int p = 0; p < node->op->nattrs; p++) {
        if (node->op->attrs[p].kind == STC_ATTR_EACH && isnan(kernel->u.neuron.params[p])) {
            STC_TRY(add_field(lowering, node, p, &kernel->u.neuron.field[p]));
        }
    }
    return 0;
}

/* ---- terms of a sum; operands are settled, views brought to storage order by settle_sum ---- */

static const stc_node *const *operand_nodes(const stc_lowering *lowering, const stc_node *node)
{
    const stc_node **in = stc_arena_alloc(lowering->program->arena, node->ninputs + 1, sizeof *in);
    for (int i = 0; in && i < node->ninputs; i++) {
        in[i] = lowering->graph->nodes[node->inputs[i]];
    }
    return in;
}

static int lower_weight_term(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    const stc_node *const *in = operand_nodes(lowering, node);
    if (!in) return STC_ERR_NOMEM;
    STC_TRY(node->op->lower(node, in, kernel));
    int channel_dim =
        node->op->channel_axis(node) == 0 && in[0]->shape.ndim > 1 ? 0 : in[0]->shape.ndim - 1;
    STC_TRY(stc_view_to_chw(&kernel->operand[0].view, channel_dim));
    stc_shape chw = stc_view_shape(&kernel->operand[0].view);
    if (kernel->u.accumulate.kernel[0] == 1 && kernel->u.accumulate.kernel[1] == 1 &&
        kernel->u.accumulate.in_size[0] != chw.dim[1]) {
        /* a linear layer over two token axes: they are height and width */
        for (int a = 0; a < 2; a++) {
            kernel->u.accumulate.in_size[a] = kernel->u.accumulate.out_size[a] = chw.dim[1 + a];
        }
    }
    STC_TRY(add_blob(lowering, node, kernel->u.accumulate.channels,
                     kernel->u.accumulate.in_channels / kernel->u.accumulate.groups *
                         kernel->u.accumulate.kernel[0] * kernel->u.accumulate.kernel[1],
                     &kernel->u.accumulate.blob));
    kernel->u.accumulate.has_pad_values =
        lowering->program->blobs[kernel->u.accumulate.blob].npad > 0;
    return 0;
}

static int lower_affine_term(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    int axis = node->op->channel_axis(node);
    kernel->u.read.scale = 1.0f;
    kernel->u.read.blob = -1;
    if (axis >= 0) {
        return add_blob(lowering, node, node->shape.dim[axis], 1, &kernel->u.read.blob);
    }
    double scale, shift;
    STC_TRY(node->op->affine(node, 0, 1, &scale, &shift));
    kernel->u.read.scale = (float)scale;
    kernel->u.read.shift = (float)shift;
    return 0;
}

/* Lower operands of all terms first (they may make stages), then append the kernels. */
static int count_terms(const stc_lowering *lowering, int32_t index, bool inside)
{
    const stc_node *node = lowering->graph->nodes[index];
    if (inside && !lowering->absorbed[index]) return 1;
    if (!starts_a_sum(node)) return 1;
    int n = 0;
    for (int i = 0; i < node->ninputs; i++)
        n += count_terms(lowering, node->inputs[i], true);
    return n;
}

typedef struct {
    const stc_node *node; /* WEIGHT or AFFINE; NULL: a plain read */
    stc_operand operand;
} term;

static int collect_terms(stc_lowering *lowering, int32_t index, bool inside, term *terms, int *n)
{
    const stc_node *node = lowering->graph->nodes[index];
    bool mine = !inside || lowering->absorbed[index];
    if (mine && starts_a_sum(node)) {
        for (int i = 0; i < node->ninputs; i++) {
            STC_TRY(collect_terms(lowering, node->inputs[i], true, terms, n));
        }
        return 0;
    }
    bool computes =
        mine && (node->op->op_class == STC_CLASS_WEIGHT || node->op->op_class == STC_CLASS_AFFINE);
    term *t = &terms[(*n)++];
    t->node = computes ? node : NULL;
    int32_t from =
        computes || (mine && node->op->op_class == STC_CLASS_VIEW) ? node->inputs[0] : index;
    STC_TRY(stc_lower_operand(lowering, from, &t->operand));
    if (mine && node->op->op_class == STC_CLASS_VIEW) {
        /* the stage of a view is a copy of what it shows */
        const stc_shape *tensor = &lowering->program->stages[t->operand.stage].shape;
        STC_TRY(node->op->view(node, tensor, &t->operand.view));
    }
    stc_operand_settle(lowering->program, &t->operand);
    return 0;
}

static int append_terms(stc_lowering *lowering, stc_stage *stage, term *terms, int n)
{
    for (int i = 0; i < n; i++) {
        bool weights = terms[i].node && terms[i].node->op->op_class == STC_CLASS_WEIGHT;
        stc_kernel *kernel =
            add_kernel(lowering, weights ? STC_KERNEL_ACCUMULATE : STC_KERNEL_READ);
        kernel->operand[0] = terms[i].operand;
        if (weights) {
            STC_TRY(lower_weight_term(lowering, terms[i].node, kernel));
            continue;
        }
        kernel->u.read.scale = 1.0f;
        kernel->u.read.blob = -1;
        if (terms[i].node) STC_TRY(lower_affine_term(lowering, terms[i].node, kernel));
        stc_view_broadcast(&kernel->operand[0].view, &stage->shape);
        stc_view_permute(&kernel->operand[0].view, stage->order);
    }
    return 0;
}

static int lower_sum(stc_lowering *lowering, int32_t index, int32_t *out)
{
    const stc_node *node = lowering->graph->nodes[index];
    int nterms = count_terms(lowering, index, false), n = 0;
    term *terms = stc_arena_alloc(lowering->program->arena, nterms, sizeof *terms);
    if (!terms) return STC_ERR_NOMEM;
    STC_TRY(collect_terms(lowering, index, false, terms, &n));

    *out = add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    int axis = sum_axis(lowering, node);
    if (axis >= 0) {
        order_axis_last(stage, axis);
    } else if (stage->is_output) {
        order_axis_last(stage, -1);
    } else {
        stc_view view = terms[0].operand.view;
        stc_view_broadcast(&view, &stage->shape);
        order_like(stage, &lowering->program->stages[terms[0].operand.stage], &view);
    }
    stage->first_kernel = lowering->program->nkernels;
    STC_TRY(append_terms(lowering, stage, terms, n));
    if (node->op->op_class == STC_CLASS_NEURON) {
        stage->first_id = node->first_id;
        stage->counted = node->counted;
        STC_TRY(lower_neuron(lowering, node, add_kernel(lowering, STC_KERNEL_NEURON)));
    }
    stage->nkernels = lowering->program->nkernels - stage->first_kernel;
    return 0;
}

/* ---- populations ---- */

/* The lists of a projection become fields. */
static int lower_projection(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    stc_projection *p = &kernel->u.deliver;
    const stc_node *const *in = operand_nodes(lowering, node);
    if (!in) return STC_ERR_NOMEM;
    STC_TRY(node->op->lower(node, in, kernel));
    if (p->rule == STC_RULE_EXPLICIT) {
        STC_TRY(add_field(lowering, node, stc_op_attr(node->op, "source"), &p->source));
        STC_TRY(add_field(lowering, node, stc_op_attr(node->op, "target"), &p->target));
    }
    if (p->weight.kind == STC_DRAW_LISTED) {
        STC_TRY(add_field(lowering, node, stc_op_attr(node->op, "weight"), &p->weight.field));
    }
    if (p->delay.kind == STC_DRAW_LISTED) {
        STC_TRY(add_field(lowering, node, stc_op_attr(node->op, "delay"), &p->delay.field));
    }
    return 0;
}

/* Currents come before in the order of evaluation; sources of projections may come later. */
static int lower_population(stc_lowering *lowering, int32_t index, int32_t *out)
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
    *out = add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    order_axis_last(stage, -1);
    stage->first_id = node->first_id;
    stage->counted = node->counted;
    stage->first_kernel = lowering->program->nkernels;
    for (int i = 0; i < node->ninputs; i++) {
        const stc_node *in = graph->nodes[node->inputs[i]];
        stc_kernel *kernel = add_kernel(lowering, STC_KERNEL_READ);
        kernel->operand[0] = operands[i];
        kernel->u.read.scale = 1.0f;
        kernel->u.read.blob = -1;
        if (in->op->op_class == STC_CLASS_PROJECTION) {
            *kernel = (stc_kernel){
                .operand = {{.stage = -1, .factor = 1.0}, {.stage = -1, .factor = 1.0}}};
            STC_TRY(lower_projection(lowering, in, kernel));
        }
    }
    stc_kernel *last = add_kernel(lowering, STC_KERNEL_POPULATION);
    STC_TRY(node->op->lower(node, NULL, last));
    for (int p = 0; p < node->op->nattrs; p++) {
        if (node->op->attrs[p].kind == STC_ATTR_EACH && isnan(last->u.population.params[p])) {
            STC_TRY(add_field(lowering, node, p, &last->u.population.field[p]));
        }
    }
    stage->nkernels = lowering->program->nkernels - stage->first_kernel;
    return 0;
}

/* The source of every projection, when all stages are there. */
static int connect_population(stc_lowering *lowering, int32_t index)
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

/* ---- stages of one kernel of its own ---- */

/* Rates that differ, amplitudes and their times are fields. */
static int lower_generator(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    if (!kernel->u.generator.poisson) {
        int values = stc_op_attr(node->op, "amplitude_values");
        int times = stc_op_attr(node->op, "amplitude_times");
        STC_TRY(add_field(lowering, node, values, &kernel->u.generator.field));
        return add_field(lowering, node, times, &kernel->u.generator.times);
    }
    if (!isnan(kernel->u.generator.value)) return 0;
    kernel->u.generator.value = 0.0;
    return add_field(lowering, node, stc_op_attr(node->op, "rate"), &kernel->u.generator.field);
}

/* Give the operands the form that the kernel expects and the stage its storage order. */
static int shape_direct(stc_lowering *lowering, const stc_node *node, stc_stage *stage,
                        stc_kernel *kernel)
{
    stc_operand *operand = kernel->operand;
    const stc_stage *source =
        operand[0].stage >= 0 ? &lowering->program->stages[operand[0].stage] : NULL;
    switch (kernel->kind) {
    case STC_KERNEL_MATMUL:
        order_axis_last(stage, -1);
        STC_TRY(stc_view_to_batch(&operand[0].view, stc_node_int(node, "transpose_a")));
        return stc_view_to_batch(&operand[1].view, stc_node_int(node, "transpose_b"));
    case STC_KERNEL_POOL:
        order_axis_last(stage, 0);
        return stc_view_to_chw(&operand[0].view, 0);
    case STC_KERNEL_REDUCE:
        order_axis_last(stage, -1);
        return 0;
    case STC_KERNEL_GENERATOR:
        order_axis_last(stage, -1);
        return lower_generator(lowering, node, kernel);
    case STC_KERNEL_INPUT: /* images are (channels, height, width) */
        order_axis_last(stage, stage->shape.ndim == 3 ? 0 : -1);
        return 0;
    default:
        break;
    }
    for (int i = 0; i < node->ninputs; i++)
        stc_view_broadcast(&operand[i].view, &stage->shape);
    order_like(stage, source, &operand[0].view);
    for (int i = 0; i < node->ninputs; i++)
        stc_view_permute(&operand[i].view, stage->order);
    return 0;
}

/* A delay that closes a cycle comes before its operand, which is filled in when all stages are
 * there. */
static bool closes_cycle(const stc_node *node, int32_t index)
{
    return node->op->op_class == STC_CLASS_DELAY && node->inputs[0] >= index;
}

static int lower_delay_operand(stc_lowering *lowering, const stc_node *node, stc_operand *operand)
{
    STC_TRY(stc_lower_operand(lowering, node->inputs[0], operand));
    stc_operand_settle(lowering->program, operand);
    return 0;
}

static int lower_delay(stc_lowering *lowering, int32_t index, int32_t *out)
{
    const stc_node *node = lowering->graph->nodes[index];
    stc_operand operand = {.stage = -1, .factor = 1.0};
    if (!closes_cycle(node, index)) STC_TRY(lower_delay_operand(lowering, node, &operand));
    *out = add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    if (operand.stage < 0) {
        order_axis_last(stage, stage->shape.ndim == 3 ? 0 : -1);
    } else {
        order_like(stage, &lowering->program->stages[operand.stage], &operand.view);
        stc_view_permute(&operand.view, stage->order);
    }
    stage->first_kernel = lowering->program->nkernels;
    stage->nkernels = 1;
    stc_kernel *kernel = add_kernel(lowering, STC_KERNEL_DELAY);
    kernel->operand[0] = operand;
    STC_TRY(node->op->lower(node, NULL, kernel));
    if (kernel->u.delay.least == kernel->u.delay.most) return 0;
    return add_field(lowering, node, stc_op_attr(node->op, "delay"), &kernel->u.delay.field);
}

static int connect_delay(stc_lowering *lowering, int32_t index)
{
    const stc_node *node = lowering->graph->nodes[index];
    const stc_stage *stage = &lowering->program->stages[lowering->stage_of[index]];
    stc_operand *operand = &lowering->program->kernels[stage->first_kernel].operand[0];
    STC_TRY(lower_delay_operand(lowering, node, operand));
    stc_view_permute(&operand->view, stage->order);
    return 0;
}

static int lower_direct(stc_lowering *lowering, int32_t index, int32_t *out)
{
    const stc_node *node = lowering->graph->nodes[index];
    stc_operand operands[2] = {{.stage = -1, .factor = 1.0}, {.stage = -1, .factor = 1.0}};
    for (int i = 0; i < node->ninputs; i++) {
        STC_TRY(stc_lower_operand(lowering, node->inputs[i], &operands[i]));
        stc_operand_settle(lowering->program, &operands[i]);
    }
    *out = add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    stage->first_kernel = lowering->program->nkernels;
    stage->nkernels = 1;
    stc_kernel *kernel = add_kernel(lowering, STC_KERNEL_INPUT);
    STC_TRY(node->op->lower(node, operand_nodes(lowering, node), kernel));
    memcpy(kernel->operand, operands, sizeof operands);
    return shape_direct(lowering, node, stage, kernel);
}

int stc_lower_node(stc_lowering *lowering, int32_t index, int32_t *stage)
{
    const stc_node *node = lowering->graph->nodes[index];
    *stage = lowering->stage_of[index];
    if (*stage >= 0) return 0;
    int rc;
    switch (node->op->op_class) {
    case STC_CLASS_DELAY:
        rc = lower_delay(lowering, index, stage);
        break;
    case STC_CLASS_POPULATION:
        rc = lower_population(lowering, index, stage);
        break;
    case STC_CLASS_DIRECT:
    case STC_CLASS_INPUT:
        rc = lower_direct(lowering, index, stage);
        break;
    default:
        rc = lower_sum(lowering, index, stage);
    }
    return rc < 0 ? stc_fail_in(rc, "node %s (%s)", node->name, node->op->name) : 0;
}

/* ---- weights ---- */

static int read_rows(const stc_program *program, int32_t blob, int64_t first, int64_t count,
                     float *weight, int8_t *exponent, float *bias)
{
    const stc_lowering *lowering = program->source;
    const stc_node *node = lowering->blob_node[blob];
    if (node->op->op_class == STC_CLASS_WEIGHT) {
        return stc_fold_rows(node, first, count, weight, exponent, bias);
    }
    for (int64_t i = 0; i < count; i++) { /* per-channel scale and shift of a read */
        double scale, shift;
        STC_TRY(node->op->affine(node, first + i, 1, &scale, &shift));
        weight[i] = (float)scale;
        bias[i] = (float)shift;
        exponent[i] = 0;
    }
    return 0;
}

static int read_field(const stc_program *program, int32_t field, int64_t first, int64_t count,
                      double *out)
{
    const stc_lowering *lowering = program->source;
    const stc_field_source *source = &lowering->field_source[field];
    if (source->node->op->attrs[source->attr].kind != STC_ATTR_EACH) {
        return stc_weight_elements(source->node->attrs[source->attr].weight, first, count, out);
    }
    STC_TRY(stc_node_each(source->node, source->attr, first, count, out));
    double dt = stc_node_real(source->node, "dt");
    if (source->node->op->op_class == STC_CLASS_DIRECT) { /* rates: spikes per step */
        for (int64_t i = 0; i < count; i++)
            out[i] *= dt * 1e-3;
    }
    if (source->node->op->op_class != STC_CLASS_DELAY) return 0;
    for (int64_t i = 0; i < count; i++)
        out[i] = nearbyint(out[i] / dt);
    return 0;
}

static int allocate_tables(stc_lowering *lowering)
{
    const stc_graph *graph = lowering->graph;
    stc_program *program = lowering->program;
    int64_t nodes = graph->nnodes, edges = 0, fields = 0;
    for (int32_t n = 0; n < graph->nnodes; n++) {
        const stc_op *op = graph->nodes[n]->op;
        edges += graph->nodes[n]->ninputs;
        for (int a = 0; a < op->nattrs; a++)
            fields += op->attrs[a].kind == STC_ATTR_EACH;
        /* the lists of a projection are those of every population that it feeds */
        if (op->op_class == STC_CLASS_POPULATION) fields += 4 * graph->nodes[n]->ninputs;
        if (op->op_class == STC_CLASS_DIRECT) fields += 2; /* a generator */
    }
    program->fields = stc_arena_alloc(program->arena, fields, sizeof *program->fields);
    lowering->field_source =
        stc_arena_alloc(program->arena, fields, sizeof *lowering->field_source);
    if (!program->fields || !lowering->field_source) return STC_ERR_NOMEM;
    program->stages = stc_arena_alloc(program->arena, nodes, sizeof *program->stages);
    program->kernels = stc_arena_alloc(program->arena, edges + 2 * nodes, sizeof *program->kernels);
    program->blobs = stc_arena_alloc(program->arena, nodes, sizeof *program->blobs);
    lowering->blob_node = stc_arena_alloc(program->arena, nodes, sizeof *lowering->blob_node);
    lowering->stage_of = stc_arena_alloc(program->arena, nodes, sizeof *lowering->stage_of);
    lowering->absorbed = stc_arena_alloc(program->arena, nodes, sizeof *lowering->absorbed);
    if (!program->stages || !program->kernels || !program->blobs || !lowering->blob_node ||
        !lowering->stage_of || !lowering->absorbed) {
        return STC_ERR_NOMEM;
    }
    for (int32_t n = 0; n < graph->nnodes; n++)
        lowering->stage_of[n] = -1;
    return 0;
}

int stc_lower(const stc_graph *graph, stc_program *program)
{
    stc_lowering *lowering = stc_arena_alloc(program->arena, 1, sizeof *lowering);
    if (!lowering) return STC_ERR_NOMEM;
    *lowering = (stc_lowering){.graph = graph, .program = program};
    STC_TRY(allocate_tables(lowering));
    STC_TRY(find_absorbed(lowering));
    for (int32_t n = 0; n < graph->nnodes; n++) {
        int32_t stage;
        const stc_node *node = graph->nodes[n];
        stc_op_class c = node->op->op_class;
        if (c == STC_CLASS_VIEW || c == STC_CLASS_AFFINE || c == STC_CLASS_PROJECTION ||
            lowering->absorbed[n]) {
            continue; /* made when something needs it */
        }
        STC_TRY(stc_lower_node(lowering, n, &stage));
    }
    for (int32_t n = 0; n < graph->nnodes; n++) {
        bool population = graph->nodes[n]->op->op_class == STC_CLASS_POPULATION;
        if (closes_cycle(graph->nodes[n], n)) STC_TRY(connect_delay(lowering, n));
        if (population) STC_TRY(connect_population(lowering, n));
    }
    program->source = lowering;
    program->read_rows = read_rows;
    program->read_field = read_field;
    program->dt = graph->dt;
    program->rules = stc_arena_strdup(program->arena, graph->rules ? graph->rules : "");
    if (!program->rules) return STC_ERR_NOMEM;
    program->nneurons = graph->nneurons;
    program->time_steps = graph->time_steps;
    return 0;
}
