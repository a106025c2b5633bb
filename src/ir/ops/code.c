/* code.c - one op for each code of sim/codes: encoders, decoders, windows over time. Its parameters
 * become attributes. */
#include "stc/code.h"

#include <assert.h>
#include <string.h>

#include "../ir.h"
#include "common.h"

_Static_assert((int)STC_MAX_CODE_PARAMS == (int)STC_MAX_KERNEL_CODE_PARAMS, "parameters of codes");

static void params_of(const stc_node *node, double params[STC_MAX_CODE_PARAMS])
{
    for (int p = 0; p < STC_MAX_CODE_PARAMS; p++)
        params[p] = 0.0;
    for (int p = 0; p < node->op->nattrs; p++) {
        bool real = node->op->attrs[p].kind == STC_ATTR_REAL;
        params[p] = real ? node->attrs[p].r : (double)node->attrs[p].i[0];
    }
}

int64_t stc_node_code_states(const stc_node *node)
{
    double params[STC_MAX_CODE_PARAMS];
    params_of(node, params);
    return stc_code_states(node->op->code, params);
}

static int infer(stc_node *node, const stc_node *const *in)
{
    double params[STC_MAX_CODE_PARAMS];
    STC_CHECK(
        in[0]->timing == STC_TIME_STEP, STC_ERR_INPUT,
        "operand '%s' has one value per sample already (after a time mean or another decoder), "
        "%s needs one per step",
        in[0]->name, node->op->name);
    params_of(node, params);
    node->shape = in[0]->shape;
    node->timing = node->op->code->per_sample ? STC_TIME_SAMPLE : STC_TIME_STEP;
    return node->op->code->output_kind(params, in[0]->kind, &node->kind);
}

static int eval(const stc_node *node, const stc_eval *e)
{
    const stc_code *code = node->op->code;
    int64_t size = stc_shape_size(&node->shape);
    uint64_t key = stc_code_key(e->seed, stc_name_key(node->name), e->sample);
    uint32_t words[2][STC_CODE_PIECE];
    double params[STC_MAX_CODE_PARAMS];
    params_of(node, params);
    for (int64_t first = 0; first < size; first += STC_CODE_PIECE) {
        int64_t n = size - first < STC_CODE_PIECE ? size - first : STC_CODE_PIECE;
        if (code->random) {
            stc_code_draw(key, e->step, n, first, 1, words);
        }
        code->step(n, &(stc_code_step){.params = params,
                                       .step = e->step,
                                       .time_steps = e->time_steps,
                                       .state = e->state + first,
                                       .state_stride = size,
                                       .random = {words[0], words[1]},
                                       .x = e->in[0] + first,
                                       .out = e->out + first});
    }
    return STC_OK;
}

static int lower(const stc_node *node, const stc_node *const *in, stc_kernel *kernel)
{
    (void)in;
    int n;
    const stc_code *const *codes = stc_codes(&n);
    kernel->kind = STC_KERNEL_CODE;
    kernel->u.code.code = 0;
    while (codes[kernel->u.code.code] != node->op->code)
        kernel->u.code.code++;
    kernel->u.code.key = stc_name_key(node->name);
    kernel->u.code.per_sample = node->op->code->per_sample;
    params_of(node, kernel->u.code.params);
    return STC_OK;
}

/* ---- examples ---- */

/* Other values for the parameters; a set that the code refuses is taken back. */
static void vary_all(stc_node *node, stc_dice *dice)
{
    double params[STC_MAX_CODE_PARAMS];
    stc_kind kind;
    for (int a = 0; a < node->op->nattrs; a++) {
        const stc_attr_spec *spec = &node->op->attrs[a];
        stc_attr before = node->attrs[a];
        int64_t words = 1;
        if (!spec->required && stc_roll(dice, 2) == 0) continue;
        if (spec->kind == STC_ATTR_CHOICE) {
            for (const char *c = spec->choices; *c != 0; c++)
                words += *c == ' ';
            node->attrs[a].i[0] = stc_roll(dice, (int)words);
        } else if (spec->kind == STC_ATTR_REAL) {
            node->attrs[a].r = node->attrs[a].r * 0.5 + stc_roll(dice, 4) * 0.125;
        } else {
            node->attrs[a].i[0] = 1 + stc_roll(dice, spec->kind == STC_ATTR_BOOL ? 1 : 4);
        }
        node->attrs[a].given = true;
        params_of(node, params);
        bool allowed = spec->kind != STC_ATTR_REAL || stc_attr_meets(spec->check, node->attrs[a].r);
        if (!allowed || node->op->code->output_kind(params, STC_KIND_REAL, &kind) < 0) {
            node->attrs[a] = before;
        }
    }
}

/* Values of an input, or spikes, into the code, whose output is weighted half of the time. */
static int build_example(stc_builder *builder, uint64_t seed, const stc_code *code)
{
    stc_dice dice = {.seed = seed};
    int64_t width = 1 + stc_roll(&dice, 40);
    int x = stc_example_input(builder, &dice, (stc_shape){2, {1 + stc_roll(&dice, 5), width}});
    if (stc_roll(&dice, 3) == 0) x = stc_example_neuron(builder, x);
    int y = stc_build(builder, code->name, "code", &x, 1, "");
    if (y < 0) return y;
    vary_all(stc_builder_graph(builder)->nodes[y], &dice);
    if (stc_roll(&dice, 2) > 0) y = stc_example_linear(builder, &dice, y, width);
    if (!code->per_sample && stc_roll(&dice, 2) > 0) y = stc_example_neuron(builder, y);
    stc_build_time_steps(builder, 1 + stc_roll(&dice, 8));
    int output = stc_build(builder, "output", "out", &y, 1, "");
    return output < 0 ? output : STC_OK;
}

#define CODE(code_name)                                                                            \
    extern const stc_code stc_code_##code_name;                                                    \
    static int example_##code_name(stc_builder *builder, uint64_t seed)                            \
    {                                                                                              \
        return build_example(builder, seed, &stc_code_##code_name);                                \
    }
#include "../../../sim/codes/list.h"
#undef CODE

int stc_code_ops(const stc_op **ops)
{
    static stc_op made[STC_MAX_NEURON_OPS];
    static int (*const examples[])(stc_builder *, uint64_t) = {
#define CODE(code_name) example_##code_name,
#include "../../../sim/codes/list.h"
#undef CODE
    };
    int n;
    const stc_code *const *codes = stc_codes(&n);
    assert(n <= STC_MAX_NEURON_OPS);
    for (int k = 0; k < n; k++) {
        made[k] = (stc_op){.name = codes[k]->name,
                           .type = codes[k]->type,
                           .alias = codes[k]->alias,
                           .help = codes[k]->help,
                           .op_class = STC_CLASS_CODE,
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .attrs = codes[k]->params,
                           .nattrs = codes[k]->nparams,
                           .code = codes[k],
                           .infer = infer,
                           .eval = eval,
                           .lower = lower,
                           .example = examples[k]};
        ops[k] = &made[k];
    }
    return n;
}
