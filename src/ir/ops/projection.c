/* projection.c - synapses from the neurons of its operand to those of the populations that it
 * feeds, listed one by one or by a rule of PyNEST's Connect. A spike arrives after the delay of its
 * synapse, at least one step, so a projection may close a cycle. */
#include <math.h>
#include <string.h>

#include "../ir.h"
#include "common.h"
#include "stc/connect.h"

enum {
    RULE,
    N,
    SOURCE,
    TARGET,
    WEIGHT,
    DELAY,
    NUMBER,
    P,
    AUTAPSES,
    MULTAPSES,
    RECEPTOR,
    SYNAPSE,
    DT,
    WEIGHT_DRAW,
    WEIGHT_A,
    WEIGHT_B,
    WEIGHT_MIN,
    WEIGHT_MAX,
    DELAY_DRAW,
    DELAY_A,
    DELAY_B,
    DELAY_MIN,
    DELAY_MAX,
    NATTRS
};

#define DRAWS "constant uniform normal lognormal"
enum { CONSTANT, UNIFORM, NORMAL, LOGNORMAL };

static const stc_attr_spec attrs[NATTRS] = {
    [RULE] = {"rule", STC_ATTR_CHOICE, false, STC_RULE_EXPLICIT, "", 0,
              "explicit one_to_one all_to_all fixed_indegree fixed_outdegree fixed_total_number "
              "pairwise_bernoulli",
              "which pairs are connected"},
    [N] = {"n", STC_ATTR_INT, true, 0, ">= 1", 0, NULL, "number of destinations"},
    [SOURCE] = {"source", STC_ATTR_WEIGHT, false, 0, "", 0, NULL,
                "explicit: index of the source of every edge"},
    [TARGET] = {"target", STC_ATTR_WEIGHT, false, 0, "", 0, NULL,
                "explicit: index of the destination of every edge"},
    [WEIGHT] = {"weight", STC_ATTR_WEIGHT, false, 0, "", 0, NULL,
                "of all synapses, or of every edge; pA, mV or nS as the neurons want it"},
    [DELAY] = {"delay", STC_ATTR_WEIGHT, false, 0, "", 0, NULL,
               "of all synapses, or of every edge, in ms; a multiple of dt"},
    [NUMBER] = {"number", STC_ATTR_INT, false, 0, ">= 0", 0, NULL,
                "in-degree, out-degree or total number of the fixed rules"},
    [P] = {"p", STC_ATTR_REAL, false, 0, ">= 0", 0, NULL,
           "probability of a pair (pairwise_bernoulli)"},
    [AUTAPSES] = {"autapses", STC_ATTR_BOOL, false, 1, "", 0, NULL,
                  "may a neuron connect to itself"},
    [MULTAPSES] = {"multapses", STC_ATTR_BOOL, false, 1, "", 0, NULL,
                   "may a pair be connected more than once"},
    [RECEPTOR] =
        {"receptor", STC_ATTR_INT, false, -1, ">= -1", 0, NULL,
         "input port of the neurons from 0 on, of models with more than two from 1 on; -1: by the "
         "sign of the weight"},
    [SYNAPSE] = {"synapse", STC_ATTR_CHOICE, false, 0, "", 0, "static", "kind of the synapses"},
    [DT] = {"dt", STC_ATTR_REAL, false, 0.1, "> 0", 0, NULL, "duration of a step in ms"},
    [WEIGHT_DRAW] = {"weight_draw", STC_ATTR_CHOICE, false, 0, "", 0, DRAWS,
                     "distribution of the weights; constant: attribute weight"},
    [WEIGHT_A] = {"weight_a", STC_ATTR_REAL, false, 0, "finite", 0, NULL,
                  "lower end, mean, or mean of the logarithm"},
    [WEIGHT_B] = {"weight_b", STC_ATTR_REAL, false, 0, "finite", 0, NULL,
                  "upper end, standard deviation, or that of the logarithm"},
    [WEIGHT_MIN] = {"weight_min", STC_ATTR_REAL, false, -INFINITY, "", 0, NULL,
                    "weights below are drawn again"},
    [WEIGHT_MAX] = {"weight_max", STC_ATTR_REAL, false, INFINITY, "", 0, NULL,
                    "weights above are drawn again"},
    [DELAY_DRAW] = {"delay_draw", STC_ATTR_CHOICE, false, 0, "", 0, DRAWS,
                    "distribution of the delays; constant: attribute delay"},
    [DELAY_A] = {"delay_a", STC_ATTR_REAL, false, 0, "finite", 0, NULL, "as weight_a, in ms"},
    [DELAY_B] = {"delay_b", STC_ATTR_REAL, false, 0, "finite", 0, NULL, "as weight_b, in ms"},
    [DELAY_MIN] = {"delay_min", STC_ATTR_REAL, false, -INFINITY, "", 0, NULL,
                   "delays below are drawn again; half a step unless given"},
    [DELAY_MAX] = {"delay_max", STC_ATTR_REAL, false, INFINITY, "", 0, NULL,
                   "delays above are drawn again; mean and 6.35 standard deviations unless given"},
};

static bool is_list(const stc_weight *weight)
{
    return weight != NULL && weight->shape.ndim > 0;
}

/* Lists have one entry per edge, and only listed edges have lists. */
static int check_lists(const stc_node *node)
{
    bool explicit_rule = node->attrs[RULE].i[0] == STC_RULE_EXPLICIT;
    const stc_weight *source = node->attrs[SOURCE].weight;
    STC_CHECK(explicit_rule == (source != NULL) &&
                  explicit_rule == (node->attrs[TARGET].weight != NULL),
              STC_ERR_INPUT, "rule explicit takes lists source and target, and no other rule does");
    for (int a = SOURCE; a <= DELAY; a++) {
        const stc_weight *list = node->attrs[a].weight;
        STC_CHECK(a > TARGET || is_list(list) == explicit_rule, STC_ERR_INPUT,
                  "%s is one number; expected a list with an entry for each edge", attrs[a].name);
        if (!is_list(list)) continue;
        STC_CHECK(explicit_rule && list->shape.ndim == 1 && source->shape.ndim == 1 &&
                      list->shape.dim[0] == source->shape.dim[0],
                  STC_ERR_INPUT, "%s is a list; expected one value, or one for each listed edge",
                  attrs[a].name);
    }
    return STC_OK;
}

/* One end of a distribution or the value itself. */
static int fill_draw(const stc_node *node, int value, int draw, stc_draw *out)
{
    const stc_weight *weight = node->attrs[value].weight;
    static const int32_t kinds[] = {STC_DRAW_CONSTANT, STC_DRAW_UNIFORM, STC_DRAW_NORMAL,
                                    STC_DRAW_LOGNORMAL};
    *out = (stc_draw){.kind = kinds[node->attrs[draw].i[0]],
                      .field = -1,
                      .a = node->attrs[draw + 1].r,
                      .b = node->attrs[draw + 2].r,
                      .least = node->attrs[draw + 3].r,
                      .most = node->attrs[draw + 4].r};
    STC_CHECK((out->kind == STC_DRAW_CONSTANT) == (weight != NULL), STC_ERR_INPUT,
              "%s is %s although %s is %s", attrs[value].name, weight ? "given" : "missing",
              attrs[draw].name, out->kind == STC_DRAW_CONSTANT ? "constant" : "not constant");
    STC_CHECK(out->kind < STC_DRAW_NORMAL || out->b >= 0.0, STC_ERR_INPUT,
              "%s is %g, expected a standard deviation >= 0", attrs[draw + 2].name, out->b);
    STC_CHECK(out->least <= out->most, STC_ERR_INPUT, "%s is above %s", attrs[draw + 3].name,
              attrs[draw + 4].name);
    if (out->kind != STC_DRAW_CONSTANT) return STC_OK;
    if (is_list(weight)) {
        out->kind = STC_DRAW_LISTED;
        return STC_OK;
    }
    STC_TRY(stc_weight_elements(weight, 0, 1, &out->a));
    STC_CHECK(isfinite(out->a), STC_ERR_INPUT, "%s is %g", attrs[value].name, out->a);
    return STC_OK;
}

/* Smallest and largest entry of a list. */
static int list_range(const stc_weight *list, double *least, double *most)
{
    enum { PIECE = 1 << 16 };
    int64_t n = list->shape.dim[0];
    double *values = stc_alloc(PIECE, sizeof *values);
    if (values == NULL) return STC_ERR_NOMEM;
    int rc = STC_OK;
    *least = INFINITY;
    *most = -INFINITY;
    for (int64_t first = 0; first < n && rc == STC_OK; first += PIECE) {
        int64_t count = n - first < PIECE ? n - first : PIECE;
        rc = stc_weight_elements(list, first, count, values);
        for (int64_t k = 0; k < count && rc == STC_OK; k++) {
            if (isnan(values[k])) {
                rc = stc_fail(STC_ERR_INPUT, "%s of edge %lld is not a number", list->label,
                              (long long)(first + k));
            }
            *least = values[k] < *least ? values[k] : *least;
            *most = values[k] > *most ? values[k] : *most;
        }
    }
    stc_free(values);
    return rc;
}

/* Delays in steps, over all synapses. */
static int delay_range(const stc_node *node, stc_draw *draw, int64_t *least, int64_t *most)
{
    static const double most_steps = 1 << 20, farthest = 6.35; /* deviations that are drawn */
    double dt = node->attrs[DT].r, lo, hi;
    if (draw->kind == STC_DRAW_CONSTANT) {
        lo = hi = draw->a;
    } else if (draw->kind == STC_DRAW_LISTED) {
        STC_TRY(list_range(node->attrs[DELAY].weight, &lo, &hi));
    } else {
        double end = draw->kind == STC_DRAW_UNIFORM ? draw->b : draw->a + farthest * draw->b;
        if (draw->kind == STC_DRAW_LOGNORMAL) end = stc_math_exp(end);
        if (draw->least < 0.5 * dt) draw->least = 0.5 * dt;
        if (draw->most > end) draw->most = end;
        lo = draw->least;
        hi = draw->most;
        if (draw->kind == STC_DRAW_UNIFORM && draw->a > lo) lo = draw->a;
    }
    bool drawn = draw->kind != STC_DRAW_CONSTANT && draw->kind != STC_DRAW_LISTED;
    double first = fmax(floor(lo / dt + 0.5), drawn ? 1.0 : 0.0), last = floor(hi / dt + 0.5);
    STC_CHECK(first >= 1.0 && last <= most_steps && lo <= hi, STC_ERR_INPUT,
              "its delays lie between %g and %g ms with steps of %g ms; expected 1 to %g steps", lo,
              hi, dt, most_steps);
    *least = (int64_t)first;
    *most = (int64_t)fmax(first, last);
    return STC_OK;
}

static int fill(const stc_node *node, stc_projection *out)
{
    *out = (stc_projection){.rule = (int32_t)node->attrs[RULE].i[0],
                            .synapse = (int32_t)node->attrs[SYNAPSE].i[0],
                            .receptor = (int32_t)node->attrs[RECEPTOR].i[0],
                            .source = -1,
                            .target = -1,
                            .ntargets = node->attrs[N].i[0],
                            .number = node->attrs[NUMBER].i[0],
                            .p = node->attrs[P].r,
                            .dt = node->attrs[DT].r,
                            .autapses = node->attrs[AUTAPSES].i[0] != 0,
                            .multapses = node->attrs[MULTAPSES].i[0] != 0,
                            .key = stc_name_key(node->name)};
    if (node->attrs[SOURCE].weight) out->nedges = node->attrs[SOURCE].weight->shape.dim[0];
    STC_CHECK(out->p <= 1.0, STC_ERR_INPUT, "p is %g, expected at most 1", out->p);
    STC_TRY(check_lists(node));
    STC_TRY(fill_draw(node, WEIGHT, WEIGHT_DRAW, &out->weight));
    STC_TRY(fill_draw(node, DELAY, DELAY_DRAW, &out->delay));
    return delay_range(node, &out->delay, &out->least, &out->most);
}

static int infer(stc_node *node, const stc_node *const *in)
{
    stc_projection projection;
    STC_TRY(fill(node, &projection));
    STC_CHECK(in[0]->shape.ndim == 1 && !stc_kind_is_real(in[0]->kind) && in[0]->kind.unit == 1.0 &&
                  in[0]->kind.max <= 255 && in[0]->timing == STC_TIME_STEP,
              STC_ERR_INPUT, "operand '%s' gives no spikes of one axis per step", in[0]->name);
    STC_CHECK(projection.rule != STC_RULE_ONE_TO_ONE || in[0]->shape.dim[0] == projection.ntargets,
              STC_ERR_INPUT, "one_to_one from %lld neurons to %lld", (long long)in[0]->shape.dim[0],
              (long long)projection.ntargets);
    node->shape = (stc_shape){1, {projection.ntargets}};
    node->kind = STC_KIND_REAL;
    return STC_OK;
}

static int delay(const stc_node *node, int64_t *least, int64_t *most)
{
    stc_projection projection;
    STC_TRY(fill(node, &projection));
    *least = projection.least;
    *most = projection.most;
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    kernel->kind = STC_KERNEL_DELIVER;
    STC_TRY(fill(node, &kernel->u.deliver));
    kernel->u.deliver.nsources = in[0]->shape.dim[0];
    return STC_OK;
}

/* Synapses, as expected where a rule draws their number. */
static int64_t macs(const stc_node *node, const stc_node *const *in)
{
    stc_projection projection;
    if (fill(node, &projection) < 0) return 0;
    projection.nsources = in[0]->shape.dim[0];
    return (int64_t)(stc_connect_expected(&projection) + 0.5);
}

const stc_op stc_op_projection = {.name = "projection",
                                  .type = "Projection",
                                  .help = "synapses with weights and delays between populations",
                                  .op_class = STC_CLASS_PROJECTION,
                                  .min_inputs = 1,
                                  .max_inputs = 1,
                                  .attrs = attrs,
                                  .nattrs = NATTRS,
                                  .infer = infer,
                                  .delay = delay,
                                  .lower = lower,
                                  .macs = macs};
