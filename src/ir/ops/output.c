/* output.c - marks a node whose values are recorded under the output's name. */
#include <string.h>

#include "common.h"

static const stc_attr_spec attrs[] = {{.name = "shape",
                                       .kind = STC_ATTR_INTS,
                                       .check = ">= 1",
                                       .help = "when given, checked against the operand"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    const stc_attr *given = stc_node_attr(node, "shape");
    stc_shape shape = {.ndim = given->n};
    for (int a = 0; a < given->n; a++)
        shape.dim[a] = given->i[a];
    char expected[128], found[128];
    STC_CHECK(!given->given || stc_shape_equal(&shape, &in[0]->shape), STC_ERR_INPUT,
              "operand has shape %s, attribute shape says %s",
              stc_shape_text(&in[0]->shape, found, sizeof found),
              stc_shape_text(&shape, expected, sizeof expected));
    return stc_infer_same(node, in[0]);
}

static int eval(const stc_node *node, const stc_eval *e)
{
    memcpy(e->out, e->in[0], (size_t)stc_shape_size(&node->shape) * sizeof *e->out);
    return STC_OK;
}

/* An output that is not an alias of another stage copies it. */
static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)node;
    (void)in;
    kernel->kind = STC_KERNEL_READ;
    kernel->u.read.scale = 1.0f;
    kernel->u.read.shift = 0.0f;
    kernel->u.read.blob = -1;
    return STC_OK;
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 30);
    int x = stc_example_input(builder, &dice, (stc_shape){1, {width}});
    return stc_example_finish(builder, &dice, stc_example_linear(builder, &dice, x, width));
}

const stc_op stc_op_output = {.name = "output",
                              .type = "Output",
                              .help = "recorded values",
                              .op_class = STC_CLASS_OUTPUT,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .attrs = attrs,
                              .nattrs = sizeof attrs / sizeof attrs[0],
                              .infer = infer,
                              .eval = eval,
                              .lower = lower,
                              .example = example};
