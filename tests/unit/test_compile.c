/* Lowering: which stages a graph becomes. Tiles and nets: of random networks, compared with a
 * search over single elements. */
#include "lowered.h"

#include "stc/partition.h"

#include <math.h>
#include <stdlib.h>

/* ---- lowering ---- */

/* Stages as text, one letter per kernel: "x:I s:AN out:R". */
static const char *stages_text(const stc_program *program, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        used += (size_t)snprintf(text + used, size - used, "%s%s:", s ? " " : "", stage->name);
        for (int32_t k = 0; k < stage->nkernels; k++) {
            char letter = "IARNMXPST"[program->kernels[stage->first_kernel + k].kind];
            used += (size_t)snprintf(text + used, size - used, "%c", letter);
        }
    }
    return text;
}

static stc_builder *begin(void)
{
    stc_builder *b = NULL;
    assert_int_equal(stc_builder_create("net", &b), 0);
    return b;
}

static lowered lower_and_compare(stc_builder *b, const char *expected)
{
    char text[512];
    lowered l = lower_built(b, NULL);
    assert_string_equal(stages_text(l.program, text, sizeof text), expected);
    return l;
}

static void assert_stages(stc_builder *b, const char *expected)
{
    lowered l = lower_and_compare(b, expected);
    lowered_free(&l);
}

static int add_node(stc_builder *b, const char *op, const char *name, int operand,
                    const char *attributes)
{
    return stc_build(b, op, name, &operand, 1, attributes);
}

static int linear(stc_builder *b, const char *name, int operand, int64_t in, int64_t out)
{
    int y = add_node(b, "linear", name, operand, "");
    stc_build_random(b, y, "weight", (stc_shape){2, {out, in}}, 1.0f, 1);
    return y;
}

static int conv1d(stc_builder *b, const char *name, int operand, int64_t in, int64_t out)
{
    int y = add_node(b, "conv1d", name, operand, "");
    stc_build_random(b, y, "weight", (stc_shape){3, {out, in, 1}}, 1.0f, 1);
    return y;
}

static int norm(stc_builder *b, const char *name, int operand, int64_t channels,
                const char *attributes)
{
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    int y = add_node(b, "batch_norm", name, operand, attributes);
    stc_build_weight(b, y, "running_mean", (stc_shape){1, {channels}}, ones);
    stc_build_weight(b, y, "running_var", (stc_shape){1, {channels}}, ones);
    return y;
}

static int two(stc_builder *b, const char *op, const char *name, int first, int second,
               const char *attributes)
{
    return stc_build(b, op, name, (int[]){first, second}, 2, attributes);
}

static void weights_norm_and_neuron_are_one_stage(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3,8");
    int y = norm(b, "norm", linear(b, "w", x, 8, 4), 4, "axis=1");
    add_node(b, "output", "out", add_node(b, "discrete_lif", "s", y, ""), "");
    assert_stages(b, "x:I s:AN out:R");
}

static void weights_that_two_read_are_a_stage(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=8");
    int w = linear(b, "w", x, 8, 4);
    add_node(b, "output", "a", add_node(b, "discrete_lif", "s", w, ""), "");
    add_node(b, "output", "b", w, "");
    lowered l = lower_and_compare(b, "x:I w:A s:RN a:R b:R");
    assert_int_equal(l.program->nblobs, 1);
    lowered_free(&l);
}

static void residual_sums_keep_the_order_of_their_terms(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=8");
        int s = add_node(b, "discrete_lif", "s", x, ""), w = linear(b, "w", s, 8, 8);
        int u = two(b, "add", "u", form ? w : s, form ? s : w, "");
        add_node(b, "output", "a", add_node(b, "discrete_lif", "t", u, ""), "");
        add_node(b, "output", "b", u, "");
        assert_stages(b, form ? "x:I s:RN u:AR t:RN a:R b:R" : "x:I s:RN u:RA t:RN a:R b:R");
    }
}

/* (a + b) + c is one sum; c + (a + b) must add a and b first. */
static void a_sum_is_absorbed_only_as_first_term(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=8");
        int first = linear(b, "w1", x, 8, 8), second = linear(b, "w2", x, 8, 8);
        int inner = two(b, "add", "inner", first, second, "");
        int outer = two(b, "add", "outer", form ? x : inner, form ? inner : x, "");
        add_node(b, "output", "out", add_node(b, "discrete_lif", "s", outer, ""), "");
        assert_stages(b, form ? "x:I inner:AA s:RRN out:R" : "x:I s:AARN out:R");
    }
}

static void terms_with_another_channel_axis_get_their_own_stage(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=8,8");
    int u = two(b, "add", "u", linear(b, "rows", x, 8, 8), conv1d(b, "columns", x, 8, 8), "");
    add_node(b, "output", "out", add_node(b, "discrete_lif", "s", u, ""), "");
    lowered l = lower_and_compare(b, "x:I columns:A s:ARN out:R");
    assert_int_equal(l.program->stages[1].order[1], 0); /* channels last: conv1d has them first */
    assert_int_equal(l.program->stages[2].order[1], 1);
    lowered_free(&l);
}

static void spike_attention_has_no_stage_for_scales_and_masks(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=5,8 kind=bits"), s[3];
    const char *names[] = {"q", "k", "v"};
    for (int i = 0; i < 3; i++)
        s[i] = add_node(b, "discrete_lif", names[i], linear(b, NULL, x, 8, 8), "");
    int kv = two(b, "mul", "kv", s[1], s[2], "");
    int sum = add_node(b, "reduce_sum", "sum", kv, "axis=0 keepdim=1");
    int mask =
        add_node(b, "discrete_lif", "mask", add_node(b, "scale", "half", sum, "factor=0.3"), "");
    add_node(b, "output", "out", two(b, "mul", "masked", s[0], mask, ""), "");
    assert_stages(b, "x:I q:AN k:AN v:AN kv:X sum:S mask:RN masked:X out:R");
}

/* One linear layer, cut by views; a scale by a power of two of integers is a factor of the operand,
 * any other a stage. */
static void fused_attention_reads_one_stage_through_views(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=5,8 kind=bits"), part[3];
        int qkv = add_node(b, "discrete_lif", "qkv", linear(b, "w", x, 8, 24), "");
        for (int i = 0; i < 3; i++) {
            char text[64];
            snprintf(text, sizeof text, "axis=1 start=%d stop=%d", 8 * i, 8 * i + 8);
            part[i] = add_node(b, "slice", NULL, qkv, text);
            part[i] = add_node(b, "reshape", NULL, part[i], "shape=5,2,4");
            part[i] = add_node(b, "permute", NULL, part[i], "perm=1,0,2");
        }
        int scores = two(b, "matmul", "scores", part[0], part[1], "transpose_b=1");
        scores = add_node(b, "scale", "scale", scores, form ? "factor=0.3" : "factor=0.125");
        int y = two(b, "matmul", "y", scores, part[2], "");
        y = add_node(b, "reshape", NULL, add_node(b, "permute", NULL, y, "perm=1,0,2"),
                     "shape=5,8");
        add_node(b, "output", "out", add_node(b, "discrete_lif", "s", y, ""), "");
        lowered l = lower_and_compare(b, form ? "x:I qkv:AN scores:M scale:R y:M s:RN out:R"
                                              : "x:I qkv:AN scores:M y:M s:RN out:R");
        const stc_kernel *product =
            &l.program->kernels[l.program->stages[form ? 4 : 3].first_kernel];
        assert_true(product->operand[0].factor == (form ? 1.0 : 0.125));
        lowered_free(&l);
    }
}

static void what_is_no_view_is_copied_first(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=3,4");
    int flat = add_node(b, "reshape", "flat", x, "shape=12");
    int y = add_node(b, "slice", "part", flat, "start=1 stop=8"); /* cuts through the axes */
    add_node(b, "output", "out", add_node(b, "discrete_lif", "s", y, ""), "");
    assert_stages(b, "x:I flat:R s:RN out:R");
}

static void dead_nodes_are_no_stages(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=8");
    add_node(b, "discrete_lif", "dead", linear(b, "w", x, 8, 4), "");
    add_node(b, "output", "out", x, "");
    assert_stages(b, "x:I out:R");
}

static void too_many_dimensions_are_refused_with_the_node(void **state)
{
    (void)state;
    stc_builder *b = begin();
    stc_graph *graph;
    stc_program *program;
    int x = stc_build(b, "input", "x", NULL, 0, "shape=2,2,2,8");
    add_node(b, "output", "out", linear(b, "wide", x, 8, 4), "");
    assert_int_equal(stc_builder_finish(&b, &graph), 0);
    assert_int_equal(stc_program_create("net", &program), 0);
    assert_int_equal(stc_lower(graph, program), STC_ERR_INPUT);
    if (!strstr(stc_error_text(), "4 dimensions, at most 3")) fail_msg("%s", stc_error_text());
    stc_program_destroy(&program);
    stc_graph_destroy(&graph);
}

/* ---- tiles ---- */

static int64_t weight_columns(const stc_program *program, const stc_stage *stage)
{
    int64_t columns = 0;
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        if (kernel->kind == STC_KERNEL_ACCUMULATE) {
            columns += program->blobs[kernel->u.accumulate.blob].columns;
        }
    }
    return columns;
}

static void check_tile(const stc_program *program, const stc_stage *stage, const stc_tile *tile,
                       const stc_target *target)
{
    int last = stage->storage.ndim - 1;
    int64_t channels = tile->box.hi[last] - tile->box.lo[last], size = stc_box_size(&tile->box);
    assert_true(size >= 1 && size <= target->neurons_per_core);
    assert_int_equal(tile->neurons, stage->first_id >= 0 ? size : 0);
    assert_int_equal(tile->synapse_bytes,
                     channels * weight_columns(program, stage) * target->weight_bytes);
    assert_true(tile->synapse_bytes <= target->synapse_bytes_per_core && tile->work > 0.0);
    assert_int_equal(tile->box.lo[last] % STC_CHANNEL_BLOCK, 0);
}

static int64_t element_of(const stc_stage *stage, const int64_t *index)
{
    int64_t stride[STC_MAX_NDIM], element = 0;
    stc_stage_strides(stage, stride);
    for (int a = 0; a < stage->storage.ndim; a++)
        element += index[a] * stride[a];
    return element;
}

static bool next_index(const stc_box *box, int64_t *index)
{
    for (int a = box->ndim - 1; a >= 0; a--) {
        if (++index[a] < box->hi[a]) return true;
        index[a] = box->lo[a];
    }
    return false;
}

/* Tiles of all stages follow each other; each element lies in one tile: tile_of[element]. */
static void check_tiles(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)seed;
    int32_t next = 0;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        int64_t size = stc_shape_size(&stage->storage);
        char *covered = calloc((size_t)size, 1);
        assert_int_equal(stage->first_tile, next);
        for (; next < stage->first_tile + stage->ntiles; next++) {
            const stc_tile *tile = &program->tiles[next];
            assert_int_equal(tile->stage, s);
            check_tile(program, stage, tile, target);
            int64_t index[STC_MAX_NDIM];
            memcpy(index, tile->box.lo, sizeof index);
            do {
                covered[element_of(stage, index)]++;
            } while (next_index(&tile->box, index));
        }
        for (int64_t i = 0; i < size; i++)
            assert_int_equal(covered[i], 1);
        free(covered);
    }
    assert_int_equal(next, program->ntiles);
}

static void tiles_fill_every_stage_and_fit_a_core(void **state)
{
    (void)state;
    for_each_network(12, check_tiles);
}

/* 40 channels of 100 bytes each. */
static void wide_weights_make_tiles_of_few_channels(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes, channels; /* of a core, of its tile */
    } cases[] = {{100, 1}, {399, 3}, {799, 7}, {900, 8}, {1599, 14}, {1600, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stc_builder *b = begin();
        int x = stc_build(b, "input", "x", NULL, 0, "shape=100");
        add_node(b, "output", "out",
                 add_node(b, "discrete_lif", "s", linear(b, "w", x, 100, 40), ""), "");
        stc_target target = {.name = "small",
                             .neurons_per_core = 64,
                             .synapse_bytes_per_core = cases[i].bytes,
                             .cores_per_chip = 100,
                             .weight_bytes = 1};
        lowered l = lower_built(b, NULL);
        assert_int_equal(stc_tile_stages(l.program, &target, 0), 0);
        const stc_stage *s = NULL;
        for (int32_t k = 0; k < l.program->nstages; k++)
            if (!strcmp(l.program->stages[k].name, "s")) s = &l.program->stages[k];
        assert_non_null(s);
        const stc_tile *tiles = &l.program->tiles[s->first_tile];
        assert_int_equal(s->ntiles, (40 + cases[i].channels - 1) / cases[i].channels);
        assert_int_equal(tiles[0].box.hi[0], cases[i].channels);
        assert_int_equal(tiles[s->ntiles - 1].box.hi[0], 40);
        lowered_free(&l);
    }
}

static void weights_that_fit_no_core_are_refused(void **state)
{
    (void)state;
    stc_builder *b = begin();
    int x = stc_build(b, "input", "x", NULL, 0, "shape=100");
    add_node(b, "output", "out", add_node(b, "discrete_lif", "s", linear(b, "w", x, 100, 20), ""),
             "");
    lowered l = lower_built(b, NULL);
    stc_target target = {.name = "small",
                         .neurons_per_core = 64,
                         .synapse_bytes_per_core = 99,
                         .cores_per_chip = 1,
                         .weight_bytes = 1};
    assert_int_equal(stc_tile_stages(l.program, &target, 0), STC_ERR_FIT);
    if (!strstr(stc_error_text(), "stage s: one channel needs 100 bytes")) {
        fail_msg("%s", stc_error_text());
    }
    lowered_free(&l);
}

/* ---- nets ---- */

/* needed[element of stage s][tile]: whether the tile needs the element. */
static char *find_needs(const stc_program *program, int32_t s)
{
    const stc_stage *source = &program->stages[s];
    char *needed = calloc((size_t)stc_shape_size(&source->storage), (size_t)program->ntiles);
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_stage *stage = &program->stages[program->tiles[t].stage];
        for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 2];
            if (kernel->operand[k % 2].stage != s) continue;
            stc_box need = stc_kernel_needs(program, stage, kernel, k % 2, &program->tiles[t].box);
            int64_t index[STC_MAX_NDIM];
            if (stc_box_size(&need) == 0) continue;
            memcpy(index, need.lo, sizeof index);
            do {
                needed[element_of(source, index) * program->ntiles + t] = 1;
            } while (next_index(&need, index));
        }
    }
    return needed;
}

/* The net of a tile that reaches exactly these tiles, or -1. */
static int32_t find_net(const stc_program *program, int32_t tile, const char *needed)
{
    const stc_nets *nets = &program->nets;
    for (int32_t i = 0; i < nets->n; i++) {
        if (nets->source[i] != tile) continue;
        const int64_t end = nets->first[nets->route[i] + 1];
        int64_t p = nets->first[nets->route[i]];
        bool same = true;
        for (int32_t t = 0; t < program->ntiles && same; t++) {
            bool pin = p < end && nets->pin[p] == t;
            p += pin;
            same = pin == (needed[t] != 0);
        }
        if (same && p == end) return i;
    }
    return -1;
}

static float rate_of(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    if (stc_kind_is_real(stage->kind)) return 1.0f;
    return last->kind == STC_KERNEL_NEURON ? 0.15f : 0.5f;
}

static int64_t parts_reached(const stc_program *program, const int32_t *part, int32_t from,
                             const char *needed)
{
    int64_t parts = 0;
    bool seen[8] = {false};
    for (int32_t t = 0; t < program->ntiles; t++) {
        if (!needed[t] || part[t] == from || seen[part[t]]) continue;
        seen[part[t]] = true;
        parts++;
    }
    return parts;
}

/* Every element that somebody needs is in one net of its tile, the one with the same destinations;
 * the multicast volume is that of the elements. */
static void check_nets(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)target;
    const stc_nets *nets = &program->nets;
    enum { PARTS = 3 };
    double volume = 0.0, *spikes = calloc((size_t)nets->n + 1, sizeof *spikes);
    double *weight = calloc((size_t)program->ntiles * STC_NCONSTRAINTS, sizeof *weight);
    int32_t *part = calloc((size_t)program->ntiles, sizeof *part);
    for (int32_t t = 0; t < program->ntiles; t++)
        part[t] = (int32_t)(stc_random_u32(seed, 3, (uint64_t)t) % PARTS);
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        char *needed = find_needs(program, s);
        for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++) {
            int64_t index[STC_MAX_NDIM];
            memcpy(index, program->tiles[t].box.lo, sizeof index);
            do {
                const char *row = &needed[element_of(stage, index) * program->ntiles];
                if (!memchr(row, 1, (size_t)program->ntiles)) continue;
                int32_t net = find_net(program, t, row);
                assert_true(net >= 0);
                spikes[net] += (double)rate_of(program, stage);
                volume += (double)rate_of(program, stage) *
                          (double)parts_reached(program, part, part[t], row);
            } while (next_index(&program->tiles[t].box, index));
        }
        free(needed);
    }
    for (int32_t i = 0; i < nets->n; i++) {
        assert_true(fabs(spikes[i] - (double)nets->spikes[i]) <= 1e-5 * spikes[i]);
    }
    stc_hypergraph graph = {.nvertices = program->ntiles,
                            .weight = weight,
                            .nnets = nets->n,
                            .source = nets->source,
                            .spikes = nets->spikes,
                            .nlists = nets->nroutes,
                            .list = nets->route,
                            .first = nets->first,
                            .pin = nets->pin};
    double capacity[STC_NCONSTRAINTS] = {0};
    stc_partition_quality quality;
    assert_int_equal(stc_partition_measure(&graph, PARTS, part, capacity, &quality), 0);
    assert_true(fabs(quality.multicast_volume - volume) <= 1e-4 * volume);
    free(spikes);
    free(weight);
    free(part);
}

static void nets_hold_every_needed_element_once(void **state)
{
    (void)state;
    for_each_network(6, check_nets);
}

/* ---- routes ---- */

/* A projection to a population of n neurons. */
static void project(stc_builder *b, const char *name, int source, int target, int64_t n,
                    const char *rule)
{
    char text[160];
    const float weight = 1.0f, delay = 1.5f;
    snprintf(text, sizeof text, "n=%lld dt=0.1 %s", (long long)n, rule);
    int node = stc_build(b, "projection", name, &source, 1, text);
    stc_build_weight(b, node, "weight", (stc_shape){.ndim = 0}, &weight);
    stc_build_weight(b, node, "delay", (stc_shape){.ndim = 0}, &delay);
    stc_build_connect(b, target, node);
}

/* Random connections of a and b to both, of b to c, and one to one of a to d; 10 tiles each. */
static lowered populations_in_tiles(void)
{
    static const stc_target target = {.name = "test",
                                      .neurons_per_core = 20,
                                      .synapse_bytes_per_core = 1 << 20,
                                      .cores_per_chip = 1000,
                                      .weight_bytes = 1};
    enum { N = 80 };
    const char *rule = "rule=fixed_indegree number=10";
    stc_builder *b = begin();
    stc_build_dt(b, 1e-4);
    int node[4];
    for (int i = 0; i < 4; i++)
        node[i] =
            stc_build(b, "iaf_psc_exp", (const char *[]){"a", "b", "c", "d"}[i], NULL, 0, "n=80");
    project(b, "aa", node[0], node[0], N, rule);
    project(b, "ab", node[0], node[1], N, rule);
    project(b, "ba", node[1], node[0], N, rule);
    project(b, "bb", node[1], node[1], N, rule);
    project(b, "bc", node[1], node[2], N, rule);
    project(b, "ad", node[0], node[3], N, "rule=one_to_one");
    return lower_built(b, &target);
}

static void nets_with_the_same_destinations_share_a_route(void **state)
{
    (void)state;
    lowered l = populations_in_tiles();
    const stc_program *program = l.program;
    const stc_nets *nets = &program->nets;
    assert_int_equal(program->ntiles, 40);
    assert_int_equal(nets->n, 20);       /* c and d send nothing */
    assert_int_equal(nets->nroutes, 11); /* one of all tiles of b, one for each of a */
    for (int32_t i = 0; i < nets->n; i++) {
        const int32_t source = nets->source[i], route = nets->route[i];
        const int64_t pins = nets->first[route + 1] - nets->first[route];
        const bool from_b = program->tiles[source].stage == 1;
        assert_int_equal(pins, from_b ? 30 : 21);
        if (i > 0 && from_b && program->tiles[nets->source[i - 1]].stage == 1)
            assert_int_equal(route, nets->route[i - 1]);
        for (int64_t p = 0; p < pins; p++) /* a and b whole, then c whole or one of d */
            assert_int_equal(nets->pin[nets->first[route] + p], p < 20   ? p
                                                                : from_b ? p
                                                                         : 30 + source);
    }
    lowered_free(&l);
}

static void check_routes(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)target;
    (void)seed;
    const stc_nets *nets = &program->nets;
    for (int32_t a = 0; a < nets->nroutes; a++) {
        bool used = false;
        const int64_t n = nets->first[a + 1] - nets->first[a];
        for (int32_t i = 0; i < nets->n && !used; i++)
            used = nets->route[i] == a;
        assert_true(used);
        for (int32_t b = 0; b < a; b++)
            assert_false(nets->first[b + 1] - nets->first[b] == n &&
                         memcmp(nets->pin + nets->first[a], nets->pin + nets->first[b],
                                (size_t)n * sizeof *nets->pin) == 0);
    }
}

static void no_route_is_there_twice_or_for_nothing(void **state)
{
    (void)state;
    for_each_network(6, check_routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_norm_and_neuron_are_one_stage),
        cmocka_unit_test(weights_that_two_read_are_a_stage),
        cmocka_unit_test(residual_sums_keep_the_order_of_their_terms),
        cmocka_unit_test(a_sum_is_absorbed_only_as_first_term),
        cmocka_unit_test(terms_with_another_channel_axis_get_their_own_stage),
        cmocka_unit_test(spike_attention_has_no_stage_for_scales_and_masks),
        cmocka_unit_test(fused_attention_reads_one_stage_through_views),
        cmocka_unit_test(what_is_no_view_is_copied_first),
        cmocka_unit_test(dead_nodes_are_no_stages),
        cmocka_unit_test(too_many_dimensions_are_refused_with_the_node),
        cmocka_unit_test(tiles_fill_every_stage_and_fit_a_core),
        cmocka_unit_test(wide_weights_make_tiles_of_few_channels),
        cmocka_unit_test(weights_that_fit_no_core_are_refused),
        cmocka_unit_test(nets_hold_every_needed_element_once),
        cmocka_unit_test(nets_with_the_same_destinations_share_a_route),
        cmocka_unit_test(no_route_is_there_twice_or_for_nothing)};
    return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
