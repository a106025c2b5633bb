/* reshape.c - the same values in C order under another shape. */
#include <string.h>

#include "common.h"

static const stc_attr_spec attrs[] = {{.name = "shape",
                                       .kind = STC_ATTR_INTS,
                                       .required = true,
                                       .check = ">= -1",
                                       .help = "new shape; one entry may be -1: what remains"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_attr *shape = stc_node_attr(node, "shape");
    int64_t size = stc_shape_size(&in[0]->shape), known = 1;
    int open = -1;
    char found[128], wanted[128];
    STC_TRY(stc_infer_same(node, in[0]));
    node->shape = (stc_shape){.ndim = shape->n};
    for (int a = 0; a < shape->n; a++) {
        STC_CHECK(shape->i[a] != 0, STC_ERR_INPUT, "shape has a 0 at position %d", a);
        STC_CHECK(shape->i[a] > 0 || open < 0, STC_ERR_INPUT, "shape has more than one -1");
        if (shape->i[a] < 0) open = a;
        node->shape.dim[a] = shape->i[a];
        if (shape->i[a] > 0 && __builtin_mul_overflow(known, shape->i[a], &known)) known = 0;
    }
    bool fits = known > 0 && (open < 0 ? known == size : size % known == 0);
    STC_CHECK(fits, STC_ERR_INPUT,
              "operand has shape %s with %lld elements, shape %s asks for "
              "another number",
              stc_shape_text(&in[0]->shape, found, sizeof found), (long long)size,
              stc_shape_text(&node->shape, wanted, sizeof wanted));
    if (open >= 0) node->shape.dim[open] = size / known;
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
    static const char *const shapes[] = {"shape=%d,-1", "shape=-1,%d", "shape=%d,1,-1",
                                         "shape=-1,2,%d"};
    stc_dice dice = {.seed = seed};
    int64_t a = 2 * (1 + stc_roll(&dice, 4)), b = 1 + stc_roll(&dice, 4),
            c = 2 * (1 + stc_roll(&dice, 6));
    int x = stc_example_input(builder, &dice, (stc_shape){3, {a, b, c}});
    int y = stc_example_neuron(builder, x), form = stc_roll(&dice, 4);
    char text[64];
    snprintf(text, sizeof text, shapes[form], form % 2 == 0 ? (int)a : (int)c / 2);
    y = stc_build(builder, "reshape", "view", &y, 1, text);
    int64_t width = form % 2 == 0 ? b * c : c / 2;
    return stc_example_finish(builder, &dice, stc_example_linear(builder, &dice, y, width));
}

const stc_op stc_op_reshape = {.name = "reshape",
                               .type = "Reshape",
                               .help = "another shape for the same values",
                               .op_class = STC_CLASS_VIEW,
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .attrs = attrs,
                               .nattrs = sizeof attrs / sizeof attrs[0],
                               .infer = infer,
                               .eval = eval,
                               .view = view,
                               .example = example};
