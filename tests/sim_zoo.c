/* sim_zoo.c - forms that published spiking transformers hold: separable and re-parametrised
 * convolutions without neurons between them, pools of real values between norms, neurons of several
 * levels in attention, fused projections, means before neurons. */
#include "sim_tensors.h"

/* Neuron of several levels without dynamics: round(clamp(x, 0, 4)) / 4. */
static tensor levels(random_net *net, tensor x)
{
    return node(net, "discrete_lif", NULL, &x, 1,
                "tau=1 v_threshold=1 max_count=4 output_scale=0.25 rounding=%s",
                one_in(net, 2) ? "half_even" : "half_up");
}

static tensor pointwise(random_net *net, tensor x, int64_t channels, int64_t padding)
{
    return conv2d(net, x,
                  (window){.channels = channels,
                           .groups = 1,
                           .kernel = 1,
                           .stride = 1,
                           .padding = padding,
                           .dilation = 1});
}

static tensor depthwise(random_net *net, tensor x, int64_t kernel, int64_t padding)
{
    return conv2d(net, x,
                  (window){.channels = x.shape.dim[0],
                           .groups = x.shape.dim[0],
                           .kernel = kernel,
                           .stride = 1,
                           .padding = padding,
                           .dilation = 1});
}

/* u + norm(pointwise(depthwise 7 x 7(neuron(norm(pointwise(neuron u)))))); then a 1 x 1 convolution
 * whose border is what its norm makes of 0, a depthwise one and a pointwise one, two norms. */
int sim_separable(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 1 + roll(&n, 20), size = 3 + roll(&n, 5);
    bool many = one_in(&n, 2);
    tensor u = any_input(&n, "u", (stc_shape){3, {channels, size, size}});
    tensor z = many ? levels(&n, u) : lif(&n, "z", u);
    tensor wide = norm(&n, pointwise(&n, z, 2 * channels, 0), 0);
    wide = depthwise(&n, many ? levels(&n, wide) : lif(&n, "wide", wide), 7, 3);
    if (one_in(&n, 2)) wide = levels(&n, wide);
    u = add(&n, u, norm(&n, pointwise(&n, wide, channels, 0), 0));
    tensor s = lif(&n, "s", u);
    tensor rep = norm(&n, pointwise(&n, s, channels, 1), 0);
    rep = pointwise(&n, depthwise(&n, rep, 3, 0), channels, 0);
    rep = norm(&n, norm(&n, rep, 0), 0);
    output(&n, "of q", lif(&n, "q", rep));
    output(&n, "of u", add(&n, u, rep));
    return 0;
}

/* Attention of counts, with values wider than keys, on two leading axes; the factor comes after. */
int sim_multi_level(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 6), heads = 1 + roll(&n, 3), width = 1 + roll(&n, 8);
    int64_t groups = 1 + roll(&n, 2);
    tensor x = any_input(&n, "tokens", (stc_shape){3, {groups, tokens, heads * width}});
    tensor s = levels(&n, x), qkv[3];
    for (int i = 0; i < 3; i++) {
        int64_t own = i == 2 ? 4 * width : width;
        tensor y = levels(&n, norm(&n, linear(&n, s, heads * own), 2));
        y = reshape(&n, y, (stc_shape){4, {groups, tokens, heads, own}});
        qkv[i] = node(&n, "permute", NULL, &y, 1, "perm=0,2,1,3");
        qkv[i].shape = (stc_shape){4, {groups, heads, tokens, own}};
    }
    tensor o = one_in(&n, 2)
                   ? matmul(&n, matmul(&n, qkv[0], false, qkv[1], true), false, qkv[2], false)
                   : matmul(&n, qkv[0], false, matmul(&n, qkv[1], true, qkv[2], false), false);
    o = levels(&n, scale(&n, o, one_in(&n, 2) ? 0.125 : 2.0));
    o = node(&n, "permute", NULL, &o, 1, "perm=0,2,1,3");
    o.shape = (stc_shape){4, {groups, tokens, heads, 4 * width}};
    o = reshape(&n, o, (stc_shape){3, {groups, tokens, heads * 4 * width}});
    tensor sum = add(&n, x, norm(&n, linear(&n, o, heads * width), 2));
    tensor mean = reduce(&n, "mean", sum, 1, false);
    output(&n, "of classes", linear(&n, levels(&n, mean), 10));
    output(&n, "of sum", levels(&n, sum));
    return 0;
}

/* Convolution, norm, pool of real values, norm again; beside it a strided 1 x 1 convolution; the
 * sum of the spikes of both. */
int sim_downsampling(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t channels = 1 + roll(&n, 12), size = 2 * (2 + roll(&n, 4));
    tensor x = any_input(&n, "image", (stc_shape){3, {1 + roll(&n, 3), size, size}});
    tensor stem = conv2d(&n, x, (window){channels, 1, 7, 1, 3, 1, false});
    tensor pooled = pool(&n, norm(&n, stem, 0), 3, 2, 1);
    if (one_in(&n, 2)) pooled = norm(&n, pooled, 0);
    if (one_in(&n, 2)) pooled = scale_channels(&n, pooled, 0);
    tensor main = lif(&n, "main", pooled);
    main = lif(&n, "second", norm(&n, same_conv2d(&n, main, channels, 1), 0));
    tensor side = conv2d(&n, x, (window){channels, 1, 1, 2, 0, 1, false});
    side = lif(&n, "side", norm(&n, side, 0));
    tensor sum = add(&n, main, side);
    tensor tokens =
        reshape(&n, sum, (stc_shape){2, {channels, sum.shape.dim[1] * sum.shape.dim[2]}});
    tensor mean = reduce(&n, one_in(&n, 2) ? "mean" : "reduce_sum", tokens, 1, one_in(&n, 2));
    output(&n, "of mean", lif(&n, "late", mean));
    output(&n, "of real", reduce(&n, "mean", pool(&n, pooled, 2, 1, 0), 0, false));
    return 0;
}

/* One projection for q, k and v with one neuron, taken apart by slices; channels before tokens; the
 * product is that of the transposes. */
int sim_fused_heads(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t tokens = 2 + roll(&n, 8), heads = 1 + roll(&n, 4), width = 1 + roll(&n, 8);
    int64_t channels = heads * width;
    tensor x = lif(&n, "x", any_input(&n, "tokens", (stc_shape){2, {channels, tokens}}));
    tensor fused = bits(&n, norm(&n, conv1d(&n, x, 3 * channels, 1), 0)), qkv[3];
    bool last = one_in(&n, 2); /* (3, heads, width) or (heads, width, 3) of the channels */
    fused = reshape(&n, fused,
                    last ? (stc_shape){4, {heads, width, 3, tokens}}
                         : (stc_shape){4, {3, heads, width, tokens}});
    for (int i = 0; i < 3; i++)
        qkv[i] = reshape(&n, slice(&n, fused, last ? 2 : 0, i, 1, 1),
                         (stc_shape){3, {heads, width, tokens}});
    tensor o = matmul(&n, matmul(&n, qkv[2], false, qkv[1], true), false, qkv[0], false);
    o = bits(&n, reshape(&n, scale(&n, o, 0.125), (stc_shape){2, {channels, tokens}}));
    o = lif(&n, "out", norm(&n, conv1d(&n, o, channels, 1), 0));
    output(&n, "of out", add(&n, x, o));
    return 0;
}

/* Shapes that join parts of axes: what is no index map must be copied. */
int sim_regrouped(stc_builder *builder, uint64_t seed)
{
    random_net n = {.builder = builder, .seed = seed};
    int64_t a = 2 * (1 + roll(&n, 4)), b = 3 * (1 + roll(&n, 3)), c = 2 * (1 + roll(&n, 5));
    tensor x = lif(&n, "x", any_input(&n, "in", (stc_shape){3, {a, b, c}}));
    tensor turned = permute(&n, x, 2, 0, 1);                            /* c, a, b */
    tensor y = reshape(&n, turned, (stc_shape){2, {c * a / 2, 2 * b}}); /* cuts a */
    tensor z = reshape(&n, permute(&n, y, 1, 0, -1), (stc_shape){3, {b / 3, 6, c * a / 2}});
    output(&n, "of rows", lif(&n, "rows", linear(&n, z, 1 + roll(&n, 20))));
    output(&n, "of sums", reduce(&n, "reduce_sum", z, roll(&n, 3), true));
    tensor part = slice(&n, y, 1, 1, b, 1); /* cuts a product of axes */
    output(&n, "of part", lif(&n, "part", part));
    tensor square = reshape(&n, y, (stc_shape){3, {c, a, b}});
    output(&n, "of pooled", pool(&n, square, 2, 1, 1));
    output(&n, "of mean", lif(&n, "mean", reduce(&n, "mean", square, 1, one_in(&n, 2))));
    return 0;
}
