/* poisson.c - independent Poisson spike trains, one for each element; several spikes may fall into
 * one step, as NEST's poisson_generator delivers them. Element i fires in step t (0-based) as if
 * the device emitted at the end of it, (t + 1) dt, for start < (t + 1) dt <= stop. */
#include <math.h>

#include "../ir.h"
#include "common.h"

enum { N, RATE, DT, START, STOP, NATTRS };

static const stc_attr_spec attrs[NATTRS] = {
    [N] = {"n", STC_ATTR_INT, true, 0, ">= 1", 0, NULL, "number of spike trains"},
    [RATE] = {"rate", STC_ATTR_EACH, true, 0, ">= 0", 0, NULL, "in Hz"},
    [DT] = {"dt", STC_ATTR_REAL, false, 0.1, "> 0", 0, NULL, "duration of a step in ms"},
    [START] = {"start", STC_ATTR_REAL, false, 0, ">= 0", 0, NULL, "in ms"},
    [STOP] = {"stop", STC_ATTR_REAL, false, INFINITY, "", 0, NULL, "in ms"},
};

static int infer(stc_node *node, const stc_node *const *in)
{
    (void)in;
    node->shape = (stc_shape){1, {node->attrs[N].i[0]}};
    node->kind = (stc_kind){.unit = 1.0, .max = 255};
    node->timing = STC_TIME_STEP;
    return stc_node_each_shape(node, RATE);
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    bool uniform;
    double dt = node->attrs[DT].r, rate;
    STC_TRY(stc_node_uniform(node, RATE, &uniform, &rate));
    kernel->kind = STC_KERNEL_GENERATOR;
    kernel->u.generator.poisson = true;
    kernel->u.generator.value = rate * dt * 1e-3;
    kernel->u.generator.field = -1;
    kernel->u.generator.first = stc_step_of(node->attrs[START].r, dt);
    kernel->u.generator.end = stc_step_of(node->attrs[STOP].r, dt);
    kernel->u.generator.key = stc_name_key(node->name);
    return STC_OK;
}

const stc_op stc_op_poisson = {.name = "poisson",
                               .type = "PoissonGenerator",
                               .help = "independent Poisson spike trains",
                               .op_class = STC_CLASS_DIRECT,
                               .min_inputs = 0,
                               .max_inputs = 0,
                               .attrs = attrs,
                               .nattrs = NATTRS,
                               .infer = infer,
                               .lower = lower};
