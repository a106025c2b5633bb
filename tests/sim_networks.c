/* sim_networks.c - see sim_networks.h. */
#include "sim_tensors.h"

/* ---- convolutions ---- */

/* Patch embedding: convolutions with pools before and after the neuron, residual sums of counts,
 * sums of several convolutions with different groups, an output in the middle. */
static int convolutions(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 2 * (1 + roll(&n, 12)), height = 5 + roll(&n, 4), width = 5 + roll(&n, 4);
    tensor x = any_input(&n, "image", (stc_shape){3, {1 + roll(&n, 3), height, width}});
    tensor a = lif(&n, "stem", norm(&n, same_conv2d(&n, x, channels, 1), 0));
    if (one_in(&n, 2)) a = pool(&n, a, 2, 1, one_in(&n, 2));
    tensor grouped = same_conv2d(&n, a, channels, 2),
           depthwise = same_conv2d(&n, a, channels, channels);
    tensor plain = conv2d(&n, a, (window){channels, 1, 1, 1, 0, 1, false});
    tensor sum = one_in(&n, 2) ? add(&n, grouped, plain) : add(&n, plain, grouped);
    if (one_in(&n, 2)) sum = add(&n, sum, depthwise);
    tensor b = lif(&n, "mixed", sum);
    tensor counts = add(&n, a, b);
    output(&n, "counts", counts);
    tensor c = pool(
        &n, norm(&n, same_conv2d(&n, counts, channels, one_in(&n, 2) ? 1 : channels), 0), 3, 2, 1);
    c = lif(&n, "last", c);
    c = pool(&n, c, 2, 1, 0);
    c = conv2d(&n, c, (window){5, 1, 1, 2, 2, 1, true}); /* windows of padding alone */
    output(&n, "classes", node(&n, "time_mean", NULL, &(tensor){c.node, c.shape}, 1, ""));
    return 0;
}

/* Strided and wide windows, so that needs have gaps. */
static int strides(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 1 + roll(&n, 20);
    tensor x = any_input(&n, "image", (stc_shape){3, {channels, 7 + roll(&n, 6), 7 + roll(&n, 6)}});
    tensor a = one_in(&n, 2) ? x : lif(&n, NULL, x);
    tensor b = conv2d(&n, a, (window){1 + roll(&n, 40), 1, 1, 3, roll(&n, 3), 1, one_in(&n, 2)});
    tensor c = conv2d(&n, a, (window){channels * 2, channels, 2, 3, 1, 2, one_in(&n, 2)});
    output(&n, "gaps", lif(&n, "gappy", b));
    output(&n, "groups", lif(&n, "grouped", c));
    return 0;
}

/* ---- attention ---- */

/* SDSA: k * v summed over the tokens fires and masks q. */
static int sdsa(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 9), channels = 1 + roll(&n, 40);
    tensor x = any_input(&n, "tokens", (stc_shape){2, {tokens, channels}});
    tensor s = lif(&n, "first", x), qkv[3];
    for (int i = 0; i < 3; i++)
        qkv[i] = bits(&n, norm(&n, linear(&n, s, channels), 1));
    tensor kv = reduce(&n, "reduce_sum", mul(&n, qkv[1], qkv[2]), 0, true);
    kv = bits(&n, scale(&n, kv, one_in(&n, 2) ? 0.125 : 0.3));
    tensor out = linear(&n, mul(&n, qkv[0], kv), channels);
    tensor sum = one_in(&n, 2) ? add(&n, s, out) : add(&n, out, s);
    output(&n, "out", lif(&n, "second", sum));
    if (one_in(&n, 2)) output(&n, "mask", kv);
    return 0;
}

/* QK attention: q summed over the channels of a head fires and masks the tokens of k. */
static int qk_attention(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 9), heads = 1 + roll(&n, 4), width = 1 + roll(&n, 12);
    stc_shape split = {3, {tokens, heads, width}}, joined = {2, {tokens, heads * width}};
    tensor x = lif(&n, "first", any_input(&n, "tokens", joined));
    tensor q = reshape(&n, bits(&n, linear(&n, x, heads * width)), split);
    tensor k = reshape(&n, lif(&n, "k", linear(&n, x, heads * width)), split);
    tensor mask = bits(&n, reduce(&n, one_in(&n, 2) ? "reduce_sum" : "mean", q, 2, true));
    tensor y = reshape(&n, one_in(&n, 2) ? mul(&n, mask, k) : mul(&n, k, mask), joined);
    y = linear(&n, y, 1 + roll(&n, 30));
    output(&n, "out", lif(&n, "second", y));
    return 0;
}

/* SSA: one linear layer for q, k and v, heads by views, (q k^T) v with a scale in between. */
static int ssa(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    static const double factors[] = {0.125, 0.25, 0.3};
    int64_t tokens = 2 + roll(&n, 9), heads = 1 + roll(&n, 4), width = 1 + roll(&n, 12);
    stc_shape split = {3, {tokens, heads, width}}, joined = {2, {tokens, heads * width}};
    tensor x = lif(&n, "first", any_input(&n, "tokens", joined));
    tensor fused = bits(&n, norm(&n, linear(&n, x, 3 * heads * width), 1)), qkv[3];
    for (int i = 0; i < 3; i++) {
        tensor part = slice(&n, fused, 1, i * heads * width, heads * width, 1);
        qkv[i] = permute(&n, reshape(&n, part, split), 1, 0, 2);
    }
    tensor scores = matmul(&n, qkv[0], false, qkv[1], true);
    bool before = one_in(&n, 2);
    double factor = factors[roll(&n, 3)];
    if (before) scores = scale(&n, scores, factor);
    tensor y = matmul(&n, scores, false, qkv[2], false);
    if (!before) y = scale(&n, y, factor);
    y = bits(&n, reshape(&n, permute(&n, y, 1, 0, 2), joined));
    output(&n, "out", add(&n, x, bits(&n, linear(&n, y, heads * width))));
    return 0;
}

/* The same with channels first, as SpikingJelly keeps it: conv1d and products of transposes. */
static int channels_first(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 9), heads = 1 + roll(&n, 3), width = 1 + roll(&n, 9);
    stc_shape split = {3, {heads, width, tokens}}, joined = {2, {heads * width, tokens}};
    tensor x = lif(&n, "first", any_input(&n, "tokens", joined)), qkv[3];
    for (int i = 0; i < 3; i++) {
        tensor y = norm(&n, conv1d(&n, x, heads * width, i == 1 ? heads : 1), 0);
        qkv[i] = reshape(&n, bits(&n, y), split);
    }
    tensor y;
    if (one_in(&n, 2)) { /* v (k^T q) */
        y = matmul(&n, qkv[2], false, matmul(&n, qkv[1], true, qkv[0], false), false);
    } else { /* (v k^T) q */
        y = matmul(&n, matmul(&n, qkv[2], false, qkv[1], true), false, qkv[0], false);
    }
    y = bits(&n, scale(&n, reshape(&n, y, joined), 0.125));
    y = add(&n, conv1d(&n, y, heads * width, 1), x);
    output(&n, "out", lif(&n, "second", y));
    output(&n, "sums", y);
    return 0;
}

/* ---- views ---- */

/* Heads and channels change places before they are joined again, so that neighbours in memory are
 * no neighbours for the kernels. */
static int shuffles(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 7), heads = 2 + roll(&n, 3), width = 2 + roll(&n, 3);
    stc_shape split = {3, {tokens, heads, width}}, joined = {2, {tokens, heads * width}};
    tensor x = lif(&n, "first", any_input(&n, "tokens", joined));
    tensor y = reshape(&n, permute(&n, reshape(&n, x, split), 0, 2, 1), joined);
    output(&n, "linear", lif(&n, "a", linear(&n, y, 1 + roll(&n, 20))));
    output(&n, "product", matmul(&n, y, false, one_in(&n, 2) ? x : y, true));
    tensor turned = permute(&n, y, 1, 0, -1); /* (channels, tokens) */
    output(&n, "groups", lif(&n, "b", conv1d(&n, turned, 2 * heads, heads)));
    stc_shape image = {3, {heads * width, 1, tokens}};
    tensor seen = reshape(&n, turned, image);
    output(&n, "pool", pool(&n, seen, 1, 1, 0));
    tensor depthwise = conv2d(&n, seen, (window){heads * width, heads * width, 1, 1, 1, 1, true});
    output(&n, "depthwise", lif(&n, "c", depthwise));
    output(&n, "sum", reduce(&n, "reduce_sum", y, roll(&n, 2), true));
    output(&n, "every other",
           lif(&n, "d", linear(&n, slice(&n, y, 1, 1, (heads * width) / 2, 2), 3)));
    output(&n, "copy", y);
    return 0;
}

/* ---- real values ---- */

/* Membrane shortcut: real sums are passed on beside the neurons; scales and norms that no weight
 * takes, along two axes. */
static int membrane_shortcut(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 6), channels = 1 + roll(&n, 24);
    tensor x = any_input(&n, "tokens", (stc_shape){2, {tokens, channels}});
    tensor u = norm(&n, linear(&n, x, channels), 1);
    for (int block = 0; block < 2; block++) {
        tensor s = lif(&n, NULL, u);
        tensor w = linear(&n, lif(&n, NULL, linear(&n, s, channels)), channels);
        u = one_in(&n, 2) ? add(&n, w, u) : add(&n, u, w);
    }
    tensor terms[4] = {u, scale_channels(&n, u, 0), norm(&n, lif(&n, NULL, u), 1),
                       scale(&n, u, -0.5)};
    tensor sum = node(&n, "add", NULL, terms, 4, "");
    output(&n, "spikes", lif(&n, "last", sum));
    output(&n, "scaled", scale_channels(&n, sum, 1));
    output(&n, "average", reduce(&n, "mean", sum, roll(&n, 2), one_in(&n, 2)));
    return 0;
}

/* Two inputs, of which one may be the same at every step; what depends on that one alone is
 * computed once and added at every step, padding included. */
static int two_inputs(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 2 * (1 + roll(&n, 10));
    stc_shape shape = {3, {channels, 4 + roll(&n, 3), 4 + roll(&n, 3)}};
    tensor x = any_input(&n, "moving", shape), y = any_input(&n, "still", shape);
    tensor a = same_conv2d(&n, x, channels, 1),
           b = same_conv2d(&n, y, channels, one_in(&n, 2) ? 2 : channels);
    tensor sum = one_in(&n, 2) ? add(&n, a, b) : add(&n, b, a);
    if (one_in(&n, 2)) sum = add(&n, sum, y);
    tensor s = lif(&n, "sum", sum);
    tensor pooled = pool(&n, y, 2, 1, 1);
    output(&n, "still alone", conv2d(&n, pooled, (window){3, 1, 2, 1, 0, 1, false}));
    output(&n, "spikes", mul(&n, s, y));
    output(&n, "late", node(&n, "time_mean", NULL, &(tensor){b.node, b.shape}, 1, ""));
    return 0;
}

/* Sums and products that round, so that their order shows. No neuron follows: near a threshold the
 * reference might differ. */
static int rounded(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 1 + roll(&n, 20), size = 3 + roll(&n, 3);
    tensor terms[3] = {any_input(&n, "moving", (stc_shape){3, {channels, size, size}})};
    terms[1] = any_input(&n, "still", terms[0].shape);
    for (int i = 0; i < 2; i++) {
        tensor x = terms[i];
        terms[i] = node(&n, "conv2d", i ? "second" : "first", &x, 1, "padding=1");
        stc_shape shape = {4, {channels, channels, 3, 3}};
        stc_build_random(builder, terms[i].node, "weight", shape, 1.0f, seed);
        stc_build_random(builder, terms[i].node, "bias", (stc_shape){1, {channels}}, 1.0f, seed);
        stc_build_random(builder, terms[i].node, "pad_value", (stc_shape){1, {channels}}, 1, seed);
        if (i == 0) terms[2] = scale(&n, x, 0.3);
    }
    tensor sum = node(&n, "add", NULL, terms, 3, "");
    output(&n, "sum", sum);
    output(&n, "mean", reduce(&n, "mean", sum, roll(&n, 3), true));
    tensor rows = reshape(&n, sum, (stc_shape){2, {channels, size * size}});
    output(&n, "product", matmul(&n, rows, false, rows, true));
    output(&n, "squares", mul(&n, scale(&n, rows, 0.7), rows));
    output(&n, "deep", linear(&n, rows, 20));
    return 0;
}

/* ---- large integers ---- */

/* Counts that need 16 and 32 bits as operands of everything that takes integers. */
static int wide_counts(stc_builder *builder, uint64_t seed)
{
    static const char *const kinds[] = {"counts max=300", "counts max=60000", "counts max=100000"};
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 2 * (1 + roll(&n, 9)), size = 3 + roll(&n, 4);
    const char *kind = kinds[roll(&n, 3)];
    tensor x = input(&n, "image", kind, (stc_shape){3, {channels, size, size}});
    output(&n, "depthwise", lif(&n, "a", same_conv2d(&n, x, channels, channels)));
    output(&n, "grouped", lif(&n, "b", same_conv2d(&n, x, channels, 2)));
    tensor flat = reshape(&n, x, (stc_shape){2, {channels, size * size}});
    output(&n, "over", reduce(&n, "reduce_sum", flat, roll(&n, 2), one_in(&n, 2)));
    output(&n, "mean", reduce(&n, "mean", x, 2, false));
    tensor few = bits(&n, x);
    few = reshape(&n, few, (stc_shape){2, {channels, size * size}});
    output(&n, "product", matmul(&n, few, false, flat, true));
    output(&n, "squares", matmul(&n, flat, true, flat, false));
    output(&n, "masked", mul(&n, few, scale(&n, flat, 0.5)));
    output(&n, "largest", pool(&n, scale(&n, x, one_in(&n, 2) ? -0.5 : 2.0), 2, 1, 0));
    return 0;
}

/* Layers with recurrent weights and one that feeds back to the first; a loop through a product. */
static int recurrent(stc_builder *builder, uint64_t seed)
{
    random_net n = {builder, seed, 0};
    int64_t width = 20 + 10 * roll(&n, 3);
    tensor x = any_input(&n, "x", (stc_shape){1, {24}});
    tensor before = open_sum(&n, linear(&n, x, width));
    tensor a = lif(&n, "a", before);
    join(&n, before, linear(&n, delay(&n, a), width));
    tensor sum = open_sum(&n, linear(&n, a, 2 * width));
    tensor b = lif(&n, "b", sum);
    join(&n, sum, delay(&n, b)); /* each neuron excites itself */
    if (one_in(&n, 2)) join(&n, before, linear(&n, delay(&n, b), width));
    tensor gate = mul(&n, bits(&n, linear(&n, a, 2 * width)), delay(&n, b));
    tensor c = lif(&n, "c", linear(&n, gate, width));
    if (one_in(&n, 2)) join(&n, sum, linear(&n, delay(&n, c), 2 * width));
    output(&n, "out", c);
    stc_build(builder, "output", "late", &b.node, 1, "");
    return 0;
}

/* Feature maps that return to where they came from, through views, pools and delay lines. */
static int delay_lines(stc_builder *builder, uint64_t seed)
{
    random_net n = {builder, seed, 0};
    int64_t channels = 16, size = 6;
    tensor x = any_input(&n, "x", (stc_shape){3, {2, size, size}});
    window w = {
        .channels = channels, .groups = 1, .kernel = 3, .stride = 1, .padding = 1, .dilation = 1};
    tensor sum = open_sum(&n, conv2d(&n, delay(&n, x), w));
    tensor a = lif(&n, "a", sum);
    tensor past = delay(&n, pool(&n, a, 3, 1, 1));
    join(&n, sum, same_conv2d(&n, past, channels, 2));
    tensor tokens = permute(&n, reshape(&n, a, (stc_shape){2, {channels, size * size}}), 1, 0, -1);
    tensor line = delay(&n, scale(&n, delay(&n, tokens), 0.5));
    output(&n, "line", line);
    output(&n, "sum", reduce(&n, "reduce_sum", line, 0, false));
    tensor end = lif(&n, "b", linear(&n, add(&n, tokens, line), 20));
    output(&n, "out", end);
    return 0;
}

/* ---- codes ---- */

/* Encoders of an image before layers, as images in memory are; a window inside of a cycle; decoders
 * of spikes whose axes are in another order. */
static int codes(stc_builder *builder, uint64_t seed)
{
    static const char *const encoders[] = {"rate_encoding", "poisson_encoding", "latency_encoding",
                                           "phase_encoding", "delta_encoding"};
    static const char *const decoders[] = {"time_mean", "count_decoding", "first_spike_decoding",
                                           "phase_decoding"};
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 1 + roll(&n, 20), size = 3 + roll(&n, 3);
    tensor x = any_input(&n, "image", (stc_shape){3, {channels, size, size}});
    x = node(&n, encoders[roll(&n, 5)], "spikes", &x, 1, "");
    tensor sum = open_sum(&n, lif(&n, "a", same_conv2d(&n, x, channels, 1)));
    tensor a = lif(&n, "b", sum);
    tensor pooled = node(&n, "temporal_pool", NULL, &a, 1, "window=%d method=%s sliding=%d",
                         1 + roll(&n, 4), one_in(&n, 2) ? "sum" : "max", roll(&n, 2));
    join(&n, sum, delay(&n, pooled));
    tensor tokens =
        permute(&n, reshape(&n, pooled, (stc_shape){2, {channels, size * size}}), 1, 0, -1);
    const char *decoder = decoders[roll(&n, 4)];
    tensor decoded = node(&n, decoder, "decoded", &tokens, 1, "");
    output(&n, "spikes of b", a);
    output(&n, "value", decoded);
    output(&n, "classes", linear(&n, decoded, 10));
    return 0;
}

static const sim_network networks[] = {{"convolutions", convolutions},
                                       {"strides", strides},
                                       {"sdsa", sdsa},
                                       {"qk attention", qk_attention},
                                       {"ssa", ssa},
                                       {"channels first", channels_first},
                                       {"shuffles", shuffles},
                                       {"membrane shortcut", membrane_shortcut},
                                       {"two inputs", two_inputs},
                                       {"rounded", rounded},
                                       {"wide counts", wide_counts},
                                       {"recurrent", recurrent},
                                       {"delay lines", delay_lines},
                                       {"codes", codes},
                                       {"separable", sim_separable},
                                       {"multi-level", sim_multi_level},
                                       {"downsampling", sim_downsampling},
                                       {"fused heads", sim_fused_heads},
                                       {"regrouped", sim_regrouped}};

const sim_network *sim_networks(int *n)
{
    *n = sizeof networks / sizeof *networks;
    return networks;
}
