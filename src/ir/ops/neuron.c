/* neuron.c - one op for each neuron model of sim/neurons: its parameters become attributes. */
#include "stc/neuron.h"

#include <assert.h>

#include "../ir.h"
#include "common.h"

static int infer(stc_node *node, const stc_node *const *in)
{
    double params[STC_MAX_NEURON_PARAMS];
    STC_CHECK(node->timing == STC_TIME_STEP, STC_ERR_INPUT,
              "operand '%s' has one value per sample (after a time mean), a neuron needs one per "
              "step",
              in[0]->name);
    node->shape = in[0]->shape;
    stc_node_params(node, params);
    return node->op->model->output_kind(params, &node->kind);
}

static int eval(const stc_node *node, const stc_eval *e)
{
    const stc_neuron_model *model = node->op->model;
    double params[STC_MAX_NEURON_PARAMS];
    float *state[STC_MAX_NEURON_STATES] = {NULL};
    int64_t size = stc_shape_size(&node->shape);
    uint8_t *counts = stc_alloc(size, sizeof *counts);
    if (counts == NULL) return STC_ERR_NOMEM;
    stc_node_params(node, params);
    for (int s = 0; s < model->nstate; s++)
        state[s] = e->state + s * size;
    model->step(size, params, state, e->in[0], counts);
    for (int64_t k = 0; k < size; k++)
        e->out[k] = (float)node->kind.unit * (float)counts[k];
    stc_free(counts);
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    int n;
    const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
    kernel->kind = STC_KERNEL_NEURON;
    kernel->u.neuron.model = 0;
    while (models[kernel->u.neuron.model] != node->op->model)
        kernel->u.neuron.model++;
    stc_node_params(node, kernel->u.neuron.params);
    return STC_OK;
}

/* Another value for a parameter, inside its constraint as far as the default tells. */
static void vary(const stc_attr_spec *spec, stc_dice *dice, stc_attr *attr)
{
    static const double offsets[] = {0.0, 0.25, -0.25};
    int64_t words = 1;
    switch (spec->kind) {
    case STC_ATTR_BOOL:
        attr->i[0] = stc_roll(dice, 2);
        break;
    case STC_ATTR_CHOICE:
        for (const char *c = spec->choices; *c != 0; c++)
            words += *c == ' ';
        attr->i[0] = stc_roll(dice, (int)words);
        break;
    case STC_ATTR_INT:
        attr->i[0] += stc_roll(dice, 4);
        break;
    default:
        attr->r *= 1.0 + stc_roll(dice, 3) / 2.0;
        if (spec->check == NULL || spec->check[0] != '>') attr->r += offsets[stc_roll(dice, 3)];
    }
    attr->given = true;
}

/* Each parameter is varied half of the time; a set that the model refuses is taken back. */
static void vary_all(stc_node *node, stc_dice *dice)
{
    double params[STC_MAX_NEURON_PARAMS];
    stc_kind kind;
    for (int a = 0; a < node->op->nattrs; a++) {
        stc_attr before = node->attrs[a];
        if (stc_roll(dice, 2) > 0) vary(&node->op->attrs[a], dice, &node->attrs[a]);
        stc_node_params(node, params);
        if (node->op->model->output_kind(params, &kind) < 0) node->attrs[a] = before;
    }
}

/* One function serves all models, so the seed also chooses the model: n seeds in a row see all. */
static int example(stc_builder *builder, uint64_t seed)
{
    int n;
    const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 40);
    int x = stc_example_input(builder, &dice, (stc_shape){2, {1 + stc_roll(&dice, 4), width}});
    if (stc_roll(&dice, 2) > 0) x = stc_example_linear(builder, &dice, x, width);
    int y = stc_build(builder, models[seed % (uint64_t)n]->name, "neuron", &x, 1, "");
    if (y >= 0) vary_all(stc_builder_graph(builder)->nodes[y], &dice);
    stc_build_time_steps(builder, 1 + stc_roll(&dice, 8));
    int output = stc_build(builder, "output", "out", &y, 1, "");
    return output < 0 ? output : STC_OK;
}

int stc_neuron_ops(const stc_op **ops)
{
    static stc_op made[STC_MAX_NEURON_OPS];
    int n;
    const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
    assert(n <= STC_MAX_NEURON_OPS);
    for (int k = 0; k < n; k++) {
        made[k] = (stc_op){.name = models[k]->name,
                           .type = models[k]->type,
                           .help = models[k]->help,
                           .op_class = STC_CLASS_NEURON,
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .attrs = models[k]->params,
                           .nattrs = models[k]->nparams,
                           .model = models[k],
                           .infer = infer,
                           .eval = eval,
                           .lower = lower,
                           .example = example};
        ops[k] = &made[k];
    }
    return n;
}
