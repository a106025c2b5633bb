/* input.c - values that come from outside, given for every step or once for all. */
#include "common.h"

enum { KIND_REAL, KIND_BITS, KIND_COUNTS };

static const stc_attr_spec attrs[] = {{.name = "shape",
                                       .kind = STC_ATTR_INTS,
                                       .required = true,
                                       .check = ">= 1",
                                       .help = "shape of one step of one sample"},
                                      {.name = "kind",
                                       .kind = STC_ATTR_CHOICE,
                                       .initial = KIND_REAL,
                                       .choices = "real bits counts",
                                       .help = "values that may come in"},
                                      {.name = "max",
                                       .kind = STC_ATTR_INT,
                                       .initial = 255,
                                       .check = ">= 1",
                                       .help = "largest count when kind is counts"}};

static int infer(stc_node *node, const stc_node *const *in)
{
    (void)in;
    const stc_attr *shape = stc_node_attr(node, "shape");
    int64_t max = stc_node_int(node, "max");
    STC_CHECK(max <= INT64_C(1) << 24, STC_ERR_INPUT, "max is %lld, expected at most 2^24",
              (long long)max);
    node->shape = (stc_shape){.ndim = shape->n};
    for (int a = 0; a < shape->n; a++)
        node->shape.dim[a] = shape->i[a];
    switch (stc_node_int(node, "kind")) {
    case KIND_BITS:
        node->kind = STC_KIND_BIT;
        break;
    case KIND_COUNTS:
        node->kind = (stc_kind){.unit = 1.0, .max = max};
        break;
    default:
        node->kind = STC_KIND_REAL;
    }
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)node;
    (void)in;
    kernel->kind = STC_KERNEL_INPUT;
    return STC_OK;
}

static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    stc_shape shape = {.ndim = 1 + stc_roll(&dice, 4)};
    for (int a = 0; a < shape.ndim; a++)
        shape.dim[a] = 1 + stc_roll(&dice, 5);
    return stc_example_finish(builder, &dice, stc_example_input(builder, &dice, shape));
}

const stc_op stc_op_input = {.name = "input",
                             .type = "Input",
                             .help = "values from outside",
                             .op_class = STC_CLASS_INPUT,
                             .attrs = attrs,
                             .nattrs = sizeof attrs / sizeof attrs[0],
                             .infer = infer,
                             .lower = lower,
                             .example = example};
