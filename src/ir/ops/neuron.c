/* neuron.c - one op for each neuron model of sim/neurons: its parameters become attributes. */
#include "stc/neuron.h"

#include <assert.h>
#include <math.h>
#include <string.h>

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
    for (int a = 0; a < node->op->nattrs; a++) {
        if (node->op->attrs[a].kind == STC_ATTR_EACH) STC_TRY(stc_node_each_shape(node, a));
    }
    STC_TRY(stc_node_params(node, params));
    return node->op->model->output_kind(params, &node->kind);
}

/* Coefficients [ncoefficients][size] of all neurons of the node. */
static int prepare(const stc_node *node, const double *params, int64_t size, float *coefficients)
{
    const stc_neuron_model *model = node->op->model;
    if (model->prepare == NULL) return STC_OK;
    double own[STC_MAX_NEURON_PARAMS];
    double *each = stc_alloc(model->nparams * size, sizeof *each);
    if (each == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    for (int p = 0; p < model->nparams && rc == STC_OK; p++) {
        if (isnan(params[p])) rc = stc_node_each(node, p, 0, size, each + p * size);
    }
    for (int64_t k = 0; k < size && rc == STC_OK; k++) {
        float c[STC_MAX_NEURON_COEFFICIENTS];
        for (int p = 0; p < model->nparams; p++)
            own[p] = isnan(params[p]) ? each[p * size + k] : params[p];
        rc = model->prepare(own, c);
        for (int i = 0; i < model->ncoefficients; i++)
            coefficients[i * size + k] = c[i];
    }
    stc_free(each);
    return rc;
}

static void step(const stc_node *node, const stc_eval *e, const double *params,
                 const float *coefficients, void *out)
{
    const stc_neuron_model *model = node->op->model;
    int64_t size = stc_shape_size(&node->shape);
    const float *c[STC_MAX_NEURON_COEFFICIENTS] = {NULL};
    float *state[STC_MAX_NEURON_STATES] = {NULL};
    for (int i = 0; i < model->ncoefficients; i++)
        c[i] = coefficients + i * size;
    for (int s = 0; s < model->nstate; s++)
        state[s] = e->state + s * size;
    model->step(size,
                &(stc_neuron_step){
                    .params = params, .coefficient = c, .state = state, .x = e->in[0], .out = out});
}

static int eval(const stc_node *node, const stc_eval *e)
{
    double params[STC_MAX_NEURON_PARAMS];
    int64_t size = stc_shape_size(&node->shape);
    uint8_t *counts = stc_alloc(size, sizeof *counts);
    float *coefficients = stc_alloc(size * node->op->model->ncoefficients, sizeof *coefficients);
    bool real = stc_kind_is_real(node->kind);
    int rc = counts && coefficients ? stc_node_params(node, params) : STC_ERR_NOMEM;
    if (rc == STC_OK) rc = prepare(node, params, size, coefficients);
    if (rc == STC_OK) step(node, e, params, coefficients, real ? (void *)e->out : counts);
    for (int64_t k = 0; k < size && rc == STC_OK && !real; k++)
        e->out[k] = (float)node->kind.unit * (float)counts[k];
    stc_free(counts);
    stc_free(coefficients);
    return rc;
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
    for (int p = 0; p < STC_MAX_PARAMS; p++)
        kernel->u.neuron.field[p] = -1;
    return stc_node_params(node, kernel->u.neuron.params);
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

static bool prepares(const stc_node *node, const double *params)
{
    float c[STC_MAX_NEURON_COEFFICIENTS];
    return node->op->model->prepare == NULL || node->op->model->prepare(params, c) == STC_OK;
}

/* Each parameter is varied half of the time; a set that the model refuses is taken back. */
static void vary_all(stc_node *node, stc_dice *dice)
{
    double params[STC_MAX_NEURON_PARAMS];
    stc_kind kind;
    for (int a = 0; a < node->op->nattrs; a++) { /* time constants of some steps, weights near 1 */
        const stc_attr_spec *spec = &node->op->attrs[a];
        bool clock = strcmp(spec->name, "dt") == 0;
        if (!spec->required && !clock) continue;
        node->attrs[a].r = clock ? 1.0 : 2.0;
        node->attrs[a].given = true;
    }
    for (int a = 0; a < node->op->nattrs; a++) {
        stc_attr before = node->attrs[a];
        if (stc_roll(dice, 2) > 0) vary(&node->op->attrs[a], dice, &node->attrs[a]);
        if (stc_node_params(node, params) < 0 || node->op->model->output_kind(params, &kind) < 0 ||
            !prepares(node, params)) {
            node->attrs[a] = before;
        }
    }
}

/* The first EACH parameter differs from neuron to neuron. */
static int vary_each(stc_builder *builder, int index, stc_dice *dice, int64_t width)
{
    const stc_node *node = stc_builder_graph(builder)->nodes[index];
    for (int a = 0; a < node->op->nattrs; a++) {
        if (node->op->attrs[a].kind != STC_ATTR_EACH) continue;
        float *values = stc_alloc(width, sizeof *values);
        if (values == NULL) return STC_ERR_NOMEM;
        for (int64_t k = 0; k < width; k++)
            values[k] = (float)(node->attrs[a].r * (1.0 + stc_roll(dice, 3) / 4.0));
        int rc = stc_build_weight(builder, index, node->op->attrs[a].name, (stc_shape){1, {width}},
                                  values);
        stc_free(values);
        return rc;
    }
    return STC_OK;
}

/* One function serves all models, so the seed also chooses the model: n seeds in a row see all. */
static int example(stc_builder *builder, uint64_t seed)
{
    int n;
    const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 40);
    int x = stc_example_input(builder, &dice, (stc_shape){2, {1 + stc_roll(&dice, 4), width}});
    bool weights = stc_roll(&dice, 2) > 0;
    if (weights) x = stc_example_linear(builder, &dice, x, width);
    int y = stc_build(builder, models[seed % (uint64_t)n]->name, "neuron", &x, 1, "");
    if (y >= 0) vary_all(stc_builder_graph(builder)->nodes[y], &dice);
    if (y >= 0 && !weights && stc_roll(&dice, 2) > 0) STC_TRY(vary_each(builder, y, &dice, width));
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
