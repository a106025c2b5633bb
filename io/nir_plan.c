/* nir_plan.c - which primitive of NIR says a node. Sums are edges, batch norms go into the weights
 * before them, delays that the reader inserts are left out; what else NIR has no word for is
 * refused. */
#include "nir_write.h"

#include "stc/error.h"

#include <string.h>

/* Ops that are a primitive by themselves: the type is that of the op. */
static const char *const direct[] = {
    "input",      "output",    "conv2d", "conv1d", "flatten", "delay", "scale",   "sum_pool2d",
    "avg_pool2d", "threshold", "i",      "if",     "li",      "lif",   "cuba_li", "cuba_lif"};

static const struct {
    const char *op, *why;
} refused[] = {
    {"matmul", "NIR has no product of two nodes"},
    {"mul", "NIR has no product of two nodes"},
    {"max_pool2d", "NIR pools by sums and averages only"},
    {"permute", "NIR cannot put axes in another order"},
    {"slice", "NIR cannot take a part of a tensor"},
    {"reduce_sum", "NIR has no sum over axes; an Affine or SumPool2d node may say the same"},
    {"mean", "NIR has no average over axes; an Affine or AvgPool2d node may say the same"},
    {"time_mean", "NIR has no average over the steps; leave it out and average the output"},
};

static int refuse(const stc_node *node, const char *why)
{
    STC_FAIL(
        STC_ERR_INPUT,
        "node %s (%s): cannot be written as NIR: %s\nhint: --to h5 and --to dot write every model",
        node->name, node->op->name, why);
}

static bool is_called(const stc_node *node, const char *op)
{
    return strcmp(node->op->name, op) == 0;
}

/* ---- affine ---- */

/* The weight node into whose rows an affine node may go: nobody else sees what comes between. */
static int32_t weight_before(const stc_nir_writer *w, const stc_node *affine)
{
    int32_t at = affine->inputs[0];
    while (w->uses[at] == 1) {
        const stc_node *node = w->graph->nodes[at];
        if (node->op->op_class == STC_CLASS_WEIGHT) {
            int axis = affine->op->channel_axis(affine), own = node->op->channel_axis(node);
            bool rows = stc_node_weight(node, "weight")->shape.dim[0] == node->shape.dim[own];
            return rows && (axis < 0 || axis == own) ? at : -1;
        }
        /* past one that went there already */
        if (node->op->op_class != STC_CLASS_AFFINE || w->plan[at].type) return -1;
        at = node->inputs[0];
    }
    return -1;
}

static int fold(stc_nir_writer *w, const stc_node *affine)
{
    int32_t at = weight_before(w, affine);
    if (at < 0) {
        return refuse(affine, "it follows no weights of its own into which it could go, and NIR "
                              "has no batch norm");
    }
    stc_nir_plan *plan = &w->plan[at];
    const stc_node **folds = stc_arena_alloc(w->arena, plan->nfolds + 1, sizeof(*folds));
    if (!folds) return STC_ERR_NOMEM;
    if (plan->nfolds) memcpy(folds, plan->folds, (size_t)plan->nfolds * sizeof(*folds));
    folds[plan->nfolds++] = affine;
    plan->folds = folds;
    return 0;
}

/* ---- views ---- */

/* reshape to a vector, scale, reshape back: what the reader makes of a Scale of several axes. */
static bool is_scale_of_elements(stc_nir_writer *w, int32_t index)
{
    const stc_node *back = w->graph->nodes[index], *scale = stc_nir_operand(w, back);
    if (!is_called(scale, "scale") || scale->shape.ndim != 1) return false;
    const stc_node *flat = stc_nir_operand(w, scale);
    if (!is_called(flat, "reshape") && !is_called(flat, "flatten")) return false;
    const stc_node *from = stc_nir_operand(w, flat);
    if (!stc_shape_equal(&from->shape, &back->shape)) return false;
    if (w->uses[back->inputs[0]] != 1 || w->uses[scale->inputs[0]] != 1) return false;
    w->plan[index] = (stc_nir_plan){.type = "Scale", .scale = scale, .from = from};
    w->plan[back->inputs[0]].type = w->plan[scale->inputs[0]].type = NULL;
    return true;
}

/* A reshape that merges neighbouring axes is a Flatten. */
static bool is_flatten(const stc_node *node, const stc_node *operand)
{
    int merged = operand->shape.ndim - node->shape.ndim, first = 0;
    if (merged < 1) return false;
    while (first < node->shape.ndim && operand->shape.dim[first] == node->shape.dim[first])
        first++;
    for (int a = first + 1; a < node->shape.ndim; a++)
        if (node->shape.dim[a] != operand->shape.dim[a + merged]) return false;
    return first < node->shape.ndim;
}

static int plan_reshape(stc_nir_writer *w, int32_t index)
{
    const stc_node *node = w->graph->nodes[index], *operand = stc_nir_operand(w, node);
    if (stc_shape_equal(&node->shape, &operand->shape)) return 0;
    if (is_scale_of_elements(w, index)) return 0;
    if (!is_flatten(node, operand)) {
        return refuse(node, "NIR can merge neighbouring axes (Flatten), but not split them");
    }
    w->plan[index].type = "Flatten";
    return 0;
}

/* ---- neurons ---- */

static int plan_discrete_lif(stc_nir_writer *w, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    if (stc_node_int(node, "max_count") != 1) {
        return refuse(node, "it rounds to several spikes in a step, NIR's neurons do not");
    }
    if (stc_node_real(node, "output_scale") != 1) {
        return refuse(node, "its spikes are not 1 (output_scale); put the factor into the weights "
                            "that read them");
    }
    w->plan[index].type = "LIF";
    return 0;
}

static int plan_node(stc_nir_writer *w, int32_t index)
{
    const stc_node *node = w->graph->nodes[index];
    stc_nir_plan *plan = &w->plan[index];
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (is_called(node, refused[i].op)) return refuse(node, refused[i].why);
    for (size_t i = 0; i < sizeof(direct) / sizeof(direct[0]); i++)
        if (is_called(node, direct[i])) plan->type = node->op->type;
    if (stc_nir_is_inserted(w->graph, node)) plan->type = NULL;
    if (is_called(node, "linear")) {
        plan->type = stc_node_weight(node, "bias") ? "Affine" : "Linear";
    }
    if (is_called(node, "discrete_lif")) return plan_discrete_lif(w, index);
    if (is_called(node, "reshape")) return plan_reshape(w, index);
    if (is_called(node, "batch_norm")) return fold(w, node);
    if (is_called(node, "conv2d") && stc_node_weight(node, "pad_value")) {
        return refuse(node, "NIR pads with zeros only (pad_value)");
    }
    if (plan->type || node->op->op_class == STC_CLASS_ADD || stc_nir_is_inserted(w->graph, node)) {
        return 0;
    }
    if (node->op->op_class == STC_CLASS_CODE) {
        return refuse(node, "NIR has no encoders, decoders and windows over time; give the network "
                            "spikes and decode its output");
    }
    return refuse(node, "NIR has no such primitive");
}

/* Nodes are sorted: what a node reads was planned before, but for delays that close cycles. */
int stc_nir_plan_nodes(stc_nir_writer *w)
{
    w->plan = stc_arena_alloc(w->arena, w->graph->nnodes, sizeof(*w->plan));
    w->uses = stc_arena_alloc(w->arena, w->graph->nnodes, sizeof(*w->uses));
    if (!w->plan || !w->uses) return STC_ERR_NOMEM;
    for (int32_t i = 0; i < w->graph->nnodes; i++)
        for (int k = 0; k < w->graph->nodes[i]->ninputs; k++)
            w->uses[w->graph->nodes[i]->inputs[k]]++;
    for (int32_t i = 0; i < w->graph->nnodes; i++) {
        stc_op_class kind = w->graph->nodes[i]->op->op_class;
        STC_CHECK(kind == STC_CLASS_INPUT || w->graph->nodes[i]->ninputs > 0, STC_ERR_INTERNAL,
                  "node %s has no operand", w->graph->nodes[i]->name);
        STC_TRY(plan_node(w, i));
    }
    /* a fold may give a Linear a bias */
    for (int32_t i = 0; i < w->graph->nnodes; i++)
        if (w->plan[i].nfolds && is_called(w->graph->nodes[i], "linear"))
            w->plan[i].type = "Affine";
    return 0;
}
