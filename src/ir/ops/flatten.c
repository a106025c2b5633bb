/* flatten.c - dimensions start_dim to end_dim merged into one, in C order. */
#include <string.h>

#include "common.h"

static const stc_attr_spec attrs[] = {
    {.name = "start_dim",
     .kind = STC_ATTR_INT,
     .initial = 1,
     .help = "first dimension to merge; there is no batch dimension; negative from the end"},
    {.name = "end_dim",
     .kind = STC_ATTR_INT,
     .initial = -1,
     .help = "last dimension to merge; negative from the end"},
    {.name = "input_type",
     .kind = STC_ATTR_INTS,
     .check = ">= 0",
     .help = "shape of the operand, compared where it is given; a 0 in it: not known"}};

/* Writers put a shape full of zeros where they do not know it. */
static int check_input_type(const stc_node *node, const stc_shape *operand)
{
    const stc_attr *type = stc_node_attr(node, "input_type");
    stc_shape expected = {.ndim = type->n};
    char found[128], wanted[128];
    if (!type->given) return STC_OK;
    for (int a = 0; a < type->n; a++) {
        if (type->i[a] == 0) return STC_OK;
        expected.dim[a] = type->i[a];
    }
    STC_CHECK(stc_shape_equal(&expected, operand), STC_ERR_INPUT,
              "operand has shape %s, input_type says %s",
              stc_shape_text(operand, found, sizeof found),
              stc_shape_text(&expected, wanted, sizeof wanted));
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_shape *operand = &in[0]->shape;
    int first = 0, last = 0;
    STC_TRY(check_input_type(node, operand));
    STC_TRY(stc_axis("start_dim", stc_node_int(node, "start_dim"), operand->ndim, &first));
    STC_TRY(stc_axis("end_dim", stc_node_int(node, "end_dim"), operand->ndim, &last));
    STC_CHECK(first <= last, STC_ERR_INPUT,
              "start_dim is dimension %d, end_dim dimension %d of %d; expected start_dim first",
              first, last, operand->ndim);
    STC_TRY(stc_infer_same(node, in[0]));
    node->shape = (stc_shape){.ndim = operand->ndim - (last - first)};
    for (int a = 0, to = 0; a < operand->ndim; a++) {
        if (a > first && a <= last) {
            node->shape.dim[first] *= operand->dim[a];
        } else {
            node->shape.dim[to++] = operand->dim[a];
        }
    }
    return STC_OK;
}

static int eval(const stc_node *node, const stc_eval *e)
{
    memcpy(e->out, e->in[0], (size_t)stc_shape_size(&node->shape) * sizeof *e->out);
    return STC_OK;
}

static int view(const stc_node *node, const stc_shape *tensor, stc_view *v)
{
    return stc_view_reshape(v, tensor, &node->shape);
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {.ndim = 2 + stc_roll(&dice, 3)};
    for (int a = 0; a < shape.ndim; a++)
        shape.dim[a] = 1 + stc_roll(&dice, 5);
    int x = stc_example_input(builder, &dice, shape);
    int first = stc_roll(&dice, shape.ndim), last = first + stc_roll(&dice, shape.ndim - first);
    if (shape.ndim == 4 && first == last) first = 0; /* at most 3 dimensions go into the sum */
    if (shape.ndim == 4 && first == last) last = 1;
    int64_t width = 1;
    for (int a = last == shape.ndim - 1 ? first : shape.ndim - 1; a < shape.ndim; a++)
        width *= shape.dim[a];
    if (stc_roll(&dice, 2) > 0) last -= shape.ndim;
    char text[64];
    snprintf(text, sizeof text, "start_dim=%d end_dim=%d", first, last);
    int y = stc_example_neuron(builder, x);
    y = stc_build(builder, "flatten", "flat", &y, 1, text);
    return stc_example_finish(builder, &dice, stc_example_linear(builder, &dice, y, width));
}

const stc_op stc_op_flatten = {.name = "flatten",
                               .type = "Flatten",
                               .help = "several dimensions merged into one",
                               .op_class = STC_CLASS_VIEW,
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .attrs = attrs,
                               .nattrs = sizeof attrs / sizeof attrs[0],
                               .infer = infer,
                               .eval = eval,
                               .view = view,
                               .example = example};
