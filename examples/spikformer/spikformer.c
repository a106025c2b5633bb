/* spikformer.c - see spikformer.h. The network reads top to bottom in spikformer_build. */
#include "spikformer.h"

#include "stc/compile.h"
#include "stc/error.h"
#include "stc/simulate.h"

#include <math.h>
#include <string.h>

const spikformer_form spikformer_2_256 = {"2-256", 32, 256, 2, 8, 10, false};
const spikformer_form spikformer_4_384 = {"4-384", 32, 384, 4, 12, 10, false};
const spikformer_form spikformer_8_512 = {"8-512", 224, 512, 8, 8, 1000, true};

const spikformer_form *spikformer_find(const char *name)
{
    const spikformer_form *forms[] = {&spikformer_2_256, &spikformer_4_384, &spikformer_8_512};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(forms[i]->name, name)) return forms[i];
    }
    return NULL;
}

int spikformer_layers(const spikformer_form *form)
{
    return 5 +
           6 * (int)form
                   ->depth; /* four stem layers and the position embedding; q k v proj fc1 fc2 */
}

/* ---- layers ---- */

typedef struct {
    stc_builder *b;
    const spikformer_form *form;
    const float *shifts;
    int layer; /* next LIF */
} net;

/* Random weights whose sums have about unit variance for inputs of mean square 0.2. */
static void random_weight(net *n, int node, stc_shape shape, int64_t fan_in)
{
    float range = sqrtf(3.0f / (0.2f * (float)fan_in));
    stc_build_random(n->b, node, "weight", shape, range, 1);
}

static int norm_and_fire(net *n, const char *name, int x, int64_t channels, int axis)
{
    char text[128], attributes[32];
    stc_shape shape = {1, {channels}};
    float *values = stc_alloc(channels, sizeof *values);
    if (!values) return STC_ERR_NOMEM;
    snprintf(text, sizeof text, "%s_bn", name);
    snprintf(attributes, sizeof attributes, "axis=%d", axis);
    int bn = stc_build(n->b, "batch_norm", text, &x, 1, attributes);
    for (int64_t c = 0; c < channels; c++)
        values[c] = 1.0f;
    stc_build_weight(n->b, bn, "weight", shape, values);
    stc_build_weight(n->b, bn, "running_var", shape, values);
    for (int64_t c = 0; c < channels; c++)
        values[c] = n->shifts[n->layer];
    stc_build_weight(n->b, bn, "bias", shape, values);
    memset(values, 0, (size_t)channels * sizeof *values);
    stc_build_weight(n->b, bn, "running_mean", shape, values);
    stc_free(values);
    n->layer++;
    snprintf(text, sizeof text, "%s_lif", name);
    return stc_build(n->b, "discrete_lif", text, &bn, 1, "");
}

/* conv 3 x 3 - batch norm - LIF */
static int conv_layer(net *n, const char *name, int x, int64_t in, int64_t out)
{
    int conv = stc_build(n->b, "conv2d", name, &x, 1, "padding=1");
    random_weight(n, conv, (stc_shape){4, {out, in, 3, 3}}, 9 * in);
    return norm_and_fire(n, name, conv, out, 0);
}

/* linear - batch norm - LIF on (tokens, channels) */
static int linear_layer(net *n, const char *name, int x, int64_t in, int64_t out, bool bias)
{
    int linear = stc_build(n->b, "linear", name, &x, 1, "");
    random_weight(n, linear, (stc_shape){2, {out, in}}, in);
    if (bias) stc_build_random(n->b, linear, "bias", (stc_shape){1, {out}}, 0.1f, 2);
    return norm_and_fire(n, name, linear, out, 1);
}

static int add(net *n, int a, int b)
{
    return stc_build(n->b, "add", NULL, (int[]){a, b}, 2, "");
}

/* (tokens, channels) as (heads, tokens, channels per head) */
static int split_heads(net *n, int x, int64_t tokens)
{
    const spikformer_form *f = n->form;
    char text[128];
    snprintf(text, sizeof text, "shape=%lld,%lld,%lld", (long long)tokens, (long long)f->heads,
             (long long)(f->channels / f->heads));
    int split = stc_build(n->b, "reshape", NULL, &x, 1, text);
    return stc_build(n->b, "permute", NULL, &split, 1, "perm=1,0,2");
}

static int attention(net *n, int block, int x, int64_t tokens)
{
    const spikformer_form *f = n->form;
    static const char *const names[] = {"q", "k", "v"};
    char text[128];
    int qkv[3];
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "block%d.%s", block, names[i]);
        qkv[i] = linear_layer(n, text, x, f->channels, f->channels, !f->imagenet);
        qkv[i] = split_heads(n, qkv[i], tokens);
    }
    int o;
    if (f->imagenet) {
        int kv = stc_build(n->b, "matmul", NULL, (int[]){qkv[1], qkv[2]}, 2, "transpose_a=1");
        o = stc_build(n->b, "matmul", NULL, (int[]){qkv[0], kv}, 2, "");
    } else {
        int qk = stc_build(n->b, "matmul", NULL, (int[]){qkv[0], qkv[1]}, 2, "transpose_b=1");
        o = stc_build(n->b, "matmul", NULL, (int[]){qk, qkv[2]}, 2, "");
    }
    int scaled = stc_build(n->b, "scale", NULL, &o, 1, "factor=0.125");
    int tokens_first = stc_build(n->b, "permute", NULL, &scaled, 1, "perm=1,0,2");
    snprintf(text, sizeof text, "shape=%lld,%lld", (long long)tokens, (long long)f->channels);
    int merged = stc_build(n->b, "reshape", NULL, &tokens_first, 1, text);
    snprintf(text, sizeof text, "block%d.attn_lif", block);
    int spikes = stc_build(n->b, "discrete_lif", text, &merged, 1, "v_threshold=0.5");
    snprintf(text, sizeof text, "block%d.proj", block);
    return linear_layer(n, text, spikes, f->channels, f->channels, true);
}

static int mlp(net *n, int block, int x)
{
    const spikformer_form *f = n->form;
    char text[128];
    snprintf(text, sizeof text, "block%d.fc1", block);
    int hidden = linear_layer(n, text, x, f->channels, 4 * f->channels, true);
    snprintf(text, sizeof text, "block%d.fc2", block);
    return linear_layer(n, text, hidden, 4 * f->channels, f->channels, true);
}

static void build(net *n)
{
    const spikformer_form *f = n->form;
    char text[128];
    snprintf(text, sizeof text, "shape=3,%lld,%lld", (long long)f->size, (long long)f->size);
    int x = stc_build(n->b, "input", "image", NULL, 0, text);
    int64_t in = 3, size = f->size;
    for (int stage = 0; stage < 4; stage++) {
        int64_t out = f->channels >> (3 - stage);
        snprintf(text, sizeof text, "sps.conv%d", stage);
        x = conv_layer(n, text, x, in, out);
        in = out;
        if (!f->imagenet && stage < 2) continue;
        snprintf(text, sizeof text, "sps.pool%d", stage);
        x = stc_build(n->b, "max_pool2d", text, &x, 1, "kernel_size=3 stride=2 padding=1");
        size = (size + 1) / 2;
    }
    x = add(n, x, conv_layer(n, "sps.position", x, f->channels, f->channels));
    int64_t tokens = size * size;
    snprintf(text, sizeof text, "shape=%lld,%lld", (long long)f->channels, (long long)tokens);
    x = stc_build(n->b, "reshape", NULL, &x, 1, text);
    x = stc_build(n->b, "permute", "tokens", &x, 1, "perm=1,0");
    for (int i = 0; i < (int)f->depth; i++) {
        x = add(n, x, attention(n, i, x, tokens));
        x = add(n, x, mlp(n, i, x));
    }
    x = stc_build(n->b, "mean", NULL, &x, 1, "axis=0");
    x = stc_build(n->b, "time_mean", NULL, &x, 1, "");
    int head = stc_build(n->b, "linear", "head", &x, 1, "");
    random_weight(n, head, (stc_shape){2, {f->classes, f->channels}}, f->channels);
    stc_build_random(n->b, head, "bias", (stc_shape){1, {f->classes}}, 0.1f, 3);
    stc_build(n->b, "output", "logits", &head, 1, "");
    stc_build_time_steps(n->b, 4);
}

int spikformer_build(const spikformer_form *form, const float *shifts, stc_graph **out)
{
    net n = {.form = form, .shifts = shifts};
    STC_TRY(stc_builder_create(form->name, &n.b));
    build(&n);
    return stc_builder_finish(&n.b, out);
}

/* ---- images and calibration ---- */

/* Sum of a few low spatial frequencies per channel, scaled into [0, 1). */
float *spikformer_images(const spikformer_form *form, int64_t n, uint64_t seed)
{
    int64_t side = form->size, size = 3 * side * side;
    float *images = stc_alloc(n * size, sizeof *images);
    enum { WAVES = 6 };
    for (int64_t i = 0; images && i < 3 * n; i++) {
        float wave[WAVES][4];
        for (int w = 0; w < WAVES; w++) {
            for (int k = 0; k < 4; k++) {
                wave[w][k] = stc_random_uniform(seed, 11, (uint64_t)((i * WAVES + w) * 4 + k));
            }
        }
        for (int64_t p = 0; p < side * side; p++) {
            float y = (float)(p / side) / (float)side, x = (float)(p % side) / (float)side;
            float sum = 0.0f;
            for (int w = 0; w < WAVES; w++) {
                sum +=
                    wave[w][0] *
                    sinf(6.2831853f * (4.0f * wave[w][1] * x + 4.0f * wave[w][2] * y + wave[w][3]));
            }
            images[i * side * side + p] = 0.5f + 0.499f * sum / (float)WAVES;
        }
    }
    return images;
}

static int rates_of(const stc_comm *comm, const spikformer_form *form, const float *shifts,
                    const stc_input *input, double *rates)
{
    stc_graph *graph;
    stc_program *program;
    stc_compile_report report;
    stc_compile_options compile = {
        .clamp_chips = true, .partition = "contiguous", .optimization = 2};
    stc_run_options run = {0};
    stc_sim *sim = NULL;
    stc_result *result = NULL;
    STC_TRY(stc_agree(comm, spikformer_build(form, shifts, &graph)));
    int rc = stc_compile(comm, graph, "", &compile, &program, &report);
    if (rc >= 0) {
        rc = stc_sim_create(comm, program, input, &run, &sim);
        if (rc >= 0) rc = stc_sim_run(sim);
        if (rc >= 0) rc = stc_sim_result(sim, &result);
        for (int i = 0, layer = 0; rc >= 0 && i < result->npopulations; i++) {
            const stc_population *p = &result->populations[i];
            if (strstr(p->name, "attn_lif")) continue; /* no batch norm before it */
            rates[layer++] = (double)p->total /
                             (double)(result->samples * result->steps * stc_shape_size(&p->shape));
        }
        stc_result_destroy(&result);
        stc_sim_destroy(&sim);
        stc_program_destroy(&program);
    }
    stc_graph_destroy(&graph);
    return rc;
}

static double logit(double rate)
{
    double r = rate < 1e-4 ? 1e-4 : rate > 1.0 - 1e-4 ? 1.0 - 1e-4 : rate;
    return log(r / (1.0 - r));
}

int spikformer_calibrate(const stc_comm *comm, const spikformer_form *form, float *shifts)
{
    enum { ROUNDS = 40 };
    const double wanted = 0.12;
    double rates[SPIKFORMER_MAX_LAYERS];
    int layers = spikformer_layers(form);
    float *images = spikformer_images(form, 1, 5);
    stc_input *input = NULL;
    stc_input_array array = {
        .name = "image", .shape = {3, {3, form->size, form->size}}, .scale = 1.0};
    int rc = images ? stc_input_from_memory(1, 1, &array, (const float *const[]){images}, &input)
                    : STC_ERR_NOMEM;
    rc = stc_agree(comm, rc);
    for (int i = 0; i < layers; i++)
        shifts[i] = 0.0f;
    for (int round = 0; rc >= 0 && round < ROUNDS; round++) { /* until all are near */
        bool good = true;
        rc = rates_of(comm, form, shifts, input, rates);
        for (int i = 0; rc >= 0 && i < layers; i++) {
            good = good && rates[i] > 0.08 && rates[i] < 0.18;
        }
        if (rc < 0 || good) break;
        for (int i = 0; i < layers; i++) {
            shifts[i] += (float)(0.4 * (logit(wanted) - logit(rates[i])));
        }
        if (round == ROUNDS - 1) {
            rc = stc_fail(STC_ERR_INTERNAL, "calibration did not settle in %d rounds", ROUNDS);
        }
    }
    stc_input_close(&input);
    stc_free(images);
    return rc;
}
