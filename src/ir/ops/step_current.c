/* step_current.c - a current that changes at given times, the same for all elements: NEST's
 * step_current_generator, and with one time its dc_generator. The amplitude of time t_k holds from
 * update t_k / dt - 1 on and is delivered `delay` later (NEST 3.10, step_current_generator.cpp). */
#include <math.h>

#include "../ir.h"
#include "common.h"

enum { N, VALUES, TIMES, DT, DELAY, NATTRS };

static const stc_attr_spec attrs[NATTRS] = {
    [N] = {"n", STC_ATTR_INT, true, 0, ">= 1", 0, NULL, "number of neurons that receive it"},
    [VALUES] = {"amplitude_values", STC_ATTR_WEIGHT, true, 0, "", 0, NULL, "in pA"},
    [TIMES] = {"amplitude_times", STC_ATTR_WEIGHT, true, 0, "", 0, NULL,
               "when each amplitude begins, in ms, increasing"},
    [DT] = {"dt", STC_ATTR_REAL, false, 0.1, "> 0", 0, NULL, "duration of a step in ms"},
    [DELAY] = {"delay", STC_ATTR_REAL, false, 0, ">= 0", 0, NULL,
               "of the connection in ms; 0: one step"},
};

static int infer(stc_node *node, const stc_node *const *in)
{
    (void)in;
    const stc_shape *values = &node->attrs[VALUES].weight->shape;
    const stc_shape *times = &node->attrs[TIMES].weight->shape;
    STC_CHECK(values->ndim == 1 && stc_shape_equal(values, times), STC_ERR_INPUT,
              "amplitude_values and amplitude_times are not lists of the same length");
    const double delay = node->attrs[DELAY].r, dt = node->attrs[DT].r;
    STC_CHECK(delay == 0.0 || (delay / dt >= 0.5 && delay / dt <= 1 << 20), STC_ERR_INPUT,
              "delay is %g ms with steps of %g ms; expected 0, or 1 to 2^20 steps", delay, dt);
    node->shape = (stc_shape){1, {node->attrs[N].i[0]}};
    node->kind = STC_KIND_REAL;
    node->timing = STC_TIME_STEP;
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    double dt = node->attrs[DT].r, delay = node->attrs[DELAY].r;
    kernel->kind = STC_KERNEL_GENERATOR;
    kernel->u.generator.value = dt;
    kernel->u.generator.field = kernel->u.generator.times = -1;
    kernel->u.generator.first = delay > 0.0 ? stc_step_of(delay, dt) : 1;
    kernel->u.generator.end = node->attrs[VALUES].weight->shape.dim[0];
    return STC_OK;
}

const stc_op stc_op_step_current = {.name = "step_current",
                                    .type = "StepCurrent",
                                    .help = "a current that changes at given times",
                                    .op_class = STC_CLASS_DIRECT,
                                    .min_inputs = 0,
                                    .max_inputs = 0,
                                    .attrs = attrs,
                                    .nattrs = NATTRS,
                                    .infer = infer,
                                    .lower = lower};
