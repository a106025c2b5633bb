/* population.c - one op for each point neuron model: n neurons that take spikes through projections
 * and currents from generators. */
#include "stc/population.h"

#include <assert.h>
#include <string.h>

#include "../ir.h"
#include "common.h"

enum { MAX_MODELS = 32 };

static const stc_population_model *model_of(const stc_node *node)
{
    int n;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    for (int k = 0; k < n; k++)
        if (strcmp(models[k]->name, node->op->name) == 0) return models[k];
    return NULL;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    int64_t n = stc_node_int(node, "n");
    double params[STC_MAX_POPULATION_PARAMS];
    node->shape = (stc_shape){1, {n}};
    node->kind = STC_KIND_BIT;
    node->timing = STC_TIME_STEP;
    for (int k = 0; k < node->ninputs; k++) {
        bool current = in[k]->op->op_class != STC_CLASS_PROJECTION;
        STC_CHECK(stc_shape_equal(&in[k]->shape, &node->shape), STC_ERR_INPUT,
                  "operand '%s' is for %lld neurons, the population has %lld", in[k]->name,
                  (long long)stc_shape_size(&in[k]->shape), (long long)n);
        STC_CHECK(!current || stc_kind_is_real(in[k]->kind), STC_ERR_INPUT,
                  "operand '%s' gives spikes; let a projection carry them", in[k]->name);
    }
    for (int a = 0; a < node->op->nattrs; a++)
        if (node->op->attrs[a].kind == STC_ATTR_EACH) STC_TRY(stc_node_each_shape(node, a));
    return stc_node_params(node, params);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    int n;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    const stc_population_model *model = model_of(node);
    double params[STC_MAX_POPULATION_PARAMS + 1];
    STC_TRY(stc_node_params(node, params));
    kernel->kind = STC_KERNEL_POPULATION;
    kernel->u.population.model = 0;
    while (models[kernel->u.population.model] != model)
        kernel->u.population.model++;
    for (int p = 0; p < STC_MAX_POPULATION_PARAMS; p++) {
        kernel->u.population.params[p] = p < model->nparams ? params[p] : 0.0;
        kernel->u.population.field[p] = -1;
    }
    return STC_OK;
}

int stc_population_ops(const stc_op **ops)
{
    static stc_op made[MAX_MODELS];
    static stc_attr_spec attrs[MAX_MODELS][STC_MAX_POPULATION_PARAMS + 1];
    int n;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    assert(n <= MAX_MODELS);
    for (int k = 0; k < n; k++) {
        int nparams = models[k]->nparams;
        assert(nparams < STC_MAX_POPULATION_PARAMS);
        memcpy(attrs[k], models[k]->params, (size_t)nparams * sizeof attrs[k][0]);
        attrs[k][nparams] =
            (stc_attr_spec){"n", STC_ATTR_INT, true, 0, ">= 1", 0, NULL, "number of neurons"};
        made[k] = (stc_op){.name = models[k]->name,
                           .type = models[k]->type,
                           .help = models[k]->help,
                           .op_class = STC_CLASS_POPULATION,
                           .min_inputs = 0,
                           .max_inputs = -1,
                           .attrs = attrs[k],
                           .nattrs = nparams + 1,
                           .infer = infer,
                           .lower = lower};
        ops[k] = &made[k];
    }
    return n;
}
