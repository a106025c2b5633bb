/* lower_stage.c - parts of stages that every kind of node needs: the stage, its storage order, its
 * kernels, weights and fields. */
#include "stc/error.h"
#include "steps.h"

int32_t stc_add_stage(stc_lowering *lowering, int32_t index)
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

void set_order(stc_stage *stage, const int *order)
{
    stage->storage.ndim = stage->shape.ndim;
    for (int a = 0; a < stage->shape.ndim; a++) {
        stage->order[a] = order[a];
        stage->storage.dim[a] = stage->shape.dim[order[a]];
    }
}

/* All axes in source order but this one, which comes last. */
void stc_order_axis_last(stc_stage *stage, int axis)
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
void stc_order_like(stc_stage *stage, const stc_stage *source, const stc_view *view)
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

stc_kernel *stc_add_kernel(stc_lowering *lowering, stc_kernel_kind kind)
{
    stc_kernel *kernel = &lowering->program->kernels[lowering->program->nkernels++];
    *kernel = (stc_kernel){.kind = kind,
                           .operand = {{.stage = -1, .factor = 1.0}, {.stage = -1, .factor = 1.0}}};
    return kernel;
}

int stc_add_blob(stc_lowering *lowering, const stc_node *node, int64_t rows, int64_t columns,
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

int stc_add_field(stc_lowering *lowering, const stc_node *node, int attr, int32_t *out)
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

const stc_node *const *stc_operand_nodes(const stc_lowering *lowering, const stc_node *node)
{
    const stc_node **in = stc_arena_alloc(lowering->program->arena, node->ninputs + 1, sizeof *in);
    for (int i = 0; in && i < node->ninputs; i++) {
        in[i] = lowering->graph->nodes[node->inputs[i]];
    }
    return in;
}
