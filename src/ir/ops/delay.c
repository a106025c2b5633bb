/* delay.c - the values of some steps ago, element by element; 0 before the first step of a sample.
 * NIR's Delay: y(t) = x(t - delay). A delay of at least one step may close a cycle. */
#include <math.h>
#include <string.h>

#include "../ir.h"
#include "common.h"

static const stc_attr_spec attrs[] = {
    {"delay", STC_ATTR_EACH, true, 0, ">= 0", 0, NULL,
     "in seconds; rounded to the nearest number of steps"},
    {"dt", STC_ATTR_REAL, false, 1e-4, "> 0", 0, NULL, "duration of a step in seconds"},
    {"real", STC_ATTR_BOOL, false, 0, "", 0, NULL,
     "take the values as real: those of a cycle may grow without bound"},
};
enum { DELAY, DT, REAL };

static int delay_range(const stc_node *node, int64_t *least, int64_t *most)
{
    enum { PIECE = 1 << 16 };
    static const double most_steps = 1 << 24;
    const stc_weight *weight = node->attrs[DELAY].weight;
    double dt = node->attrs[DT].r, lo = INFINITY, hi = 0.0, uniform_value;
    bool uniform;
    STC_TRY(stc_node_uniform(node, DELAY, &uniform, &uniform_value));
    int64_t size = uniform ? 1 : stc_shape_size(&weight->shape);
    double *values = stc_alloc(size < PIECE ? size : PIECE, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    for (int64_t first = 0; first < size && rc == STC_OK; first += PIECE) {
        int64_t count = size - first < PIECE ? size - first : PIECE;
        if (uniform) {
            values[0] = uniform_value;
        } else {
            rc = stc_weight_elements(weight, first, count, values);
        }
        for (int64_t k = 0; k < count && rc == STC_OK; k++) {
            double steps = nearbyint(values[k] / dt);
            if (!(values[k] >= 0.0 && steps <= most_steps)) {
                rc = stc_fail(STC_ERR_INPUT,
                              "delay of element %lld is %g s in steps of %g s; expected 0 to %g "
                              "steps",
                              (long long)(first + k), values[k], dt, most_steps);
            }
            lo = steps < lo ? steps : lo;
            hi = steps > hi ? steps : hi;
        }
    }
    stc_free(values);
    if (rc < 0) return rc;
    *least = (int64_t)lo;
    *most = (int64_t)hi;
    return STC_OK;
}

static int infer(stc_node *node, const stc_node *const *in)
{
    STC_CHECK(in[0]->timing == STC_TIME_STEP, STC_ERR_INPUT,
              "operand '%s' has one value per sample (after a time mean), a delay needs one per "
              "step",
              in[0]->name);
    STC_TRY(stc_infer_same(node, in[0]));
    if (node->attrs[REAL].i[0]) node->kind = STC_KIND_REAL;
    return stc_node_each_shape(node, DELAY);
}

/* state: the operand of the last steps, [most + 1][size]; step t lies at t mod (most + 1). */
static int eval(const stc_node *node, const stc_eval *e)
{
    int64_t size = stc_shape_size(&node->shape), least, most;
    STC_TRY(delay_range(node, &least, &most));
    double *delay = stc_alloc(size, sizeof *delay);
    if (delay == NULL) return STC_ERR_NOMEM;
    int rc = stc_node_each(node, DELAY, 0, size, delay);
    for (int64_t k = 0; k < size && rc == STC_OK; k++) {
        int64_t steps = (int64_t)nearbyint(delay[k] / node->attrs[DT].r);
        int64_t slot = (e->step - steps + most + 1) % (most + 1);
        e->out[k] = steps == 0 ? e->in[0][k] : e->state[slot * size + k];
    }
    stc_free(delay);
    return rc;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    kernel->kind = STC_KERNEL_DELAY;
    kernel->u.delay.field = -1;
    return delay_range(node, &kernel->u.delay.least, &kernel->u.delay.most);
}

/* A loop through a neuron half of the time, else a plain delay line. */
static int example(stc_builder *builder, uint64_t seed)
{
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 20);
    stc_shape shape = {1, {width}};
    int x = stc_example_input(builder, &dice, shape);
    if (stc_roll(&dice, 2) > 0) x = stc_example_neuron(builder, x);
    int last = x;
    if (stc_roll(&dice, 2) > 0) {
        int sum = stc_build(builder, "add", "sum", &x, 1, "");
        int spikes = stc_example_neuron(builder, sum);
        int past = stc_build(builder, "delay", "past", &spikes, 1, "");
        stc_build_connect(builder, sum, past);
        last = spikes;
        if (past < 0) return past;
    } else {
        last = stc_build(builder, "delay", "past", &x, 1, "");
    }
    stc_graph *graph = stc_builder_graph(builder);
    int past = stc_graph_find(graph, "past");
    if (past < 0) return STC_ERR_INPUT;
    graph->nodes[past]->attrs[DT].r = 0.001;
    graph->nodes[past]->attrs[DELAY].r = 0.001 * (1 + stc_roll(&dice, 3));
    graph->nodes[past]->attrs[DELAY].given = graph->nodes[past]->attrs[DT].given = true;
    if (stc_roll(&dice, 2) > 0) {
        float *delay = stc_alloc(width, sizeof *delay);
        if (delay == NULL) return STC_ERR_NOMEM;
        for (int64_t k = 0; k < width; k++)
            delay[k] = 0.001f * (float)(1 + stc_roll(&dice, 4));
        stc_build_weight(builder, past, "delay", shape, delay);
        stc_free(delay);
    }
    stc_build_time_steps(builder, 1 + stc_roll(&dice, 9));
    int output = stc_build(builder, "output", "out", &last, 1, "");
    return output < 0 ? output : STC_OK;
}

const stc_op stc_op_delay = {.name = "delay",
                             .type = "Delay",
                             .help = "the values of some steps ago",
                             .op_class = STC_CLASS_DELAY,
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .attrs = attrs,
                             .nattrs = sizeof attrs / sizeof attrs[0],
                             .infer = infer,
                             .eval = eval,
                             .delay = delay_range,
                             .lower = lower,
                             .example = example};
