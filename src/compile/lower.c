/* lower.c - from graph nodes to stages.
 *
 * A stage is either a sum of terms (weights times an operand, or an operand read element by
 * element), perhaps followed by a neuron, or one kernel of its own. What feeds only one sum is
 * computed inside it. Delays, populations and generators are in lower_network.c. Reading order:
 * stc_lower at the end, then upwards. */
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

/* ---- terms of a sum; operands are settled, views brought to storage order by settle_sum ---- */

static int lower_weight_term(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    const stc_node *const *in = stc_operand_nodes(lowering, node);
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
    STC_TRY(stc_add_blob(lowering, node, kernel->u.accumulate.channels,
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
        return stc_add_blob(lowering, node, node->shape.dim[axis], 1, &kernel->u.read.blob);
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
            stc_add_kernel(lowering, weights ? STC_KERNEL_ACCUMULATE : STC_KERNEL_READ);
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

/* The parameters that differ between neurons become fields. */
static int lower_neuron(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel)
{
    STC_TRY(node->op->lower(node, NULL, kernel));
    for (int p = 0; p < node->op->nattrs; p++) {
        if (node->op->attrs[p].kind == STC_ATTR_EACH && isnan(kernel->u.neuron.params[p])) {
            STC_TRY(stc_add_field(lowering, node, p, &kernel->u.neuron.field[p]));
        }
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

    *out = stc_add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    int axis = sum_axis(lowering, node);
    if (axis >= 0) {
        stc_order_axis_last(stage, axis);
    } else if (stage->is_output) {
        stc_order_axis_last(stage, -1);
    } else {
        stc_view view = terms[0].operand.view;
        stc_view_broadcast(&view, &stage->shape);
        stc_order_like(stage, &lowering->program->stages[terms[0].operand.stage], &view);
    }
    stage->first_kernel = lowering->program->nkernels;
    STC_TRY(append_terms(lowering, stage, terms, n));
    if (node->op->op_class == STC_CLASS_NEURON) {
        stage->first_id = node->first_id;
        stage->counted = node->counted;
        STC_TRY(lower_neuron(lowering, node, stc_add_kernel(lowering, STC_KERNEL_NEURON)));
    }
    stage->nkernels = lowering->program->nkernels - stage->first_kernel;
    return 0;
}

/* ---- stages of one kernel of its own ---- */

/* Give the operands the form that the kernel expects and the stage its storage order. */
static int shape_direct(stc_lowering *lowering, const stc_node *node, stc_stage *stage,
                        stc_kernel *kernel)
{
    stc_operand *operand = kernel->operand;
    const stc_stage *source =
        operand[0].stage >= 0 ? &lowering->program->stages[operand[0].stage] : NULL;
    switch (kernel->kind) {
    case STC_KERNEL_MATMUL:
        stc_order_axis_last(stage, -1);
        STC_TRY(stc_view_to_batch(&operand[0].view, stc_node_int(node, "transpose_a")));
        return stc_view_to_batch(&operand[1].view, stc_node_int(node, "transpose_b"));
    case STC_KERNEL_POOL:
        stc_order_axis_last(stage, 0);
        return stc_view_to_chw(&operand[0].view, 0);
    case STC_KERNEL_REDUCE:
        stc_order_axis_last(stage, -1);
        return 0;
    case STC_KERNEL_GENERATOR:
        stc_order_axis_last(stage, -1);
        return stc_lower_generator(lowering, node, kernel);
    case STC_KERNEL_INPUT: /* images are (channels, height, width) */
        stc_order_axis_last(stage, stage->shape.ndim == 3 ? 0 : -1);
        return 0;
    default:
        break;
    }
    for (int i = 0; i < node->ninputs; i++)
        stc_view_broadcast(&operand[i].view, &stage->shape);
    stc_order_like(stage, source, &operand[0].view);
    for (int i = 0; i < node->ninputs; i++)
        stc_view_permute(&operand[i].view, stage->order);
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
    *out = stc_add_stage(lowering, index);
    stc_stage *stage = &lowering->program->stages[*out];
    stage->first_kernel = lowering->program->nkernels;
    stage->nkernels = 1;
    stc_kernel *kernel = stc_add_kernel(lowering, STC_KERNEL_INPUT);
    STC_TRY(node->op->lower(node, stc_operand_nodes(lowering, node), kernel));
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
        rc = stc_lower_delay(lowering, index, stage);
        break;
    case STC_CLASS_POPULATION:
        rc = stc_lower_population(lowering, index, stage);
        break;
    case STC_CLASS_DIRECT:
    case STC_CLASS_CODE:
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
    int rc = stc_node_each(source->node, source->attr, first, count, out);
    if (rc < 0) {
        return stc_fail_in(rc, "node %s (%s)", source->node->name, source->node->op->name);
    }
    bool rates = source->node->op->op_class == STC_CLASS_DIRECT; /* become spikes per step */
    bool delays = source->node->op->op_class == STC_CLASS_DELAY; /* become steps */
    double dt = rates || delays ? stc_node_real(source->node, "dt") : 0.0;
    for (int64_t i = 0; rates && i < count; i++)
        out[i] *= dt * 1e-3;
    for (int64_t i = 0; delays && i < count; i++)
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
        if (stc_closes_cycle(graph->nodes[n], n)) STC_TRY(stc_connect_delay(lowering, n));
        if (population) STC_TRY(stc_connect_population(lowering, n));
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
