/* A program may come from any file: whatever cannot be is refused by name, and what is accepted
 * computes every element once and sends it where it is needed. */
#include "lowered.h"

#include <math.h>

/* ---- a program with every kind of kernel ---- */

static int add(stc_builder *b, const char *op, const char *name, int x, int y, const char *attrs)
{
    return stc_build(b, op, name, (const int[]){x, y}, y < 0 ? 1 : 2, attrs);
}

/* image (2, 8, 8) -> conv -> lif "a" (16, 8, 8) -> pool (16, 4, 4) -> q -> q q^T -> lif "b"
 * (16, 16) -> product with itself -> sum -> "sums"; lif "b" -> mean over steps -> "mean" */
static lowered example(void)
{
    static const float pad[2] = {1.0f, 0.0f};
    stc_target target = {.name = "test",
                         .neurons_per_core = 64,
                         .synapse_bytes_per_core = 8192,
                         .cores_per_chip = 1000,
                         .weight_bytes = 1};
    stc_builder *b;
    assert_int_equal(stc_builder_create("example", &b), 0);
    int x = stc_build(b, "input", "image", NULL, 0, "kind=bits shape=2,8,8");
    int conv = add(b, "conv2d", "conv", x, -1, "padding=1");
    stc_build_random(b, conv, "weight", (stc_shape){4, {16, 2, 3, 3}}, 1.0f, 1);
    stc_build_weight(b, conv, "pad_value", (stc_shape){1, {2}}, pad);
    int a = add(b, "discrete_lif", "a", conv, -1, "v_threshold=0.5");
    int pool = add(b, "max_pool2d", "pool", a, -1, "kernel_size=2");
    int q = add(b, "reshape", "q", pool, -1, "shape=16,16");
    int product = add(b, "matmul", "product", q, q, "transpose_b=1");
    int c = add(b, "discrete_lif", "b", product, -1, "v_threshold=3");
    int square = add(b, "mul", "square", c, c, "");
    int sums = add(b, "reduce_sum", "row", square, -1, "axis=1");
    add(b, "output", "sums", sums, -1, "");
    int mean = add(b, "time_mean", "average", c, -1, "");
    add(b, "output", "mean", mean, -1, "");
    stc_build_time_steps(b, 4);
    lowered l = lower_built(b, &target);
    l.program->chips = 1;
    l.program->levels = 1;
    return l;
}

static stc_stage *stage_of(stc_program *p, const char *name)
{
    for (int32_t s = 0; s < p->nstages; s++)
        if (strcmp(p->stages[s].name, name) == 0) return &p->stages[s];
    fail_msg("there is no stage %s", name);
    return NULL;
}

static stc_kernel *kernel_of(stc_program *p, const char *name)
{
    return &p->kernels[stage_of(p, name)->first_kernel];
}

static stc_tile *tile_of(stc_program *p, const char *name, int32_t i)
{
    return &p->tiles[stage_of(p, name)->first_tile + i];
}

/* ---- what is refused ---- */

/* Make one thing wrong and return a part of the message; NULL when there is no such case. */
#define CASE(number, change, text)                                                                 \
    case number:                                                                                   \
        change;                                                                                    \
        return text;
typedef const char *spoil(stc_program *p, int which);

static const char *spoil_stage(stc_program *p, int which)
{
    stc_stage *a = stage_of(p, "a"), *b = stage_of(p, "b"), *sums = stage_of(p, "sums");
    switch (which) {
        CASE(0, a->name = "b", "two stages have the name b")
        CASE(1, a->name = "line\nbreak", "control characters")
        CASE(2, a->shape.ndim = 7, "stage a: shape has 7 dimensions, expected 0 to 6")
        CASE(3, a->shape.dim[0] = 0, "stage a: shape has an axis of length 0")
        CASE(4, a->storage.dim[0] = INT64_C(1) << 50, "stage a: storage has more than 2^40")
        CASE(5, a->order[0] = a->order[1], "stage a: axis order is not a permutation")
        CASE(6, a->kind.unit = 0.3, "stage a: its values are 0.3 * integer 0..1; expected a power")
        CASE(7, a->kind.unit = 0x1p-120, "expected a power of two up to 2^100")
        CASE(8, a->dtype = STC_F32, "stage a: stored type 3 does not match its kind")
        CASE(9, a->timing = STC_STAGE_SAMPLE, "stage a: has timing 1, expected 0")
        CASE(10, a->timing = (stc_stage_timing)9, "stage a: has timing 9, expected 0 or 1")
        CASE(11, a->first_id = -1, "stage a: first_id is -1; spiking neurons have ids")
        CASE(12, b->first_id = a->first_id, "expected a range of its own in 0 to 1279")
        CASE(13, b->first_id += 1, "stage b: ids of its 256 neurons begin at 1025")
        CASE(14, a->first_id = 256; b->first_id = 0, "the ids of b come before those of a")
        CASE(15, a->counted = false, "stage a: counted is 0, expected 1: an output depends")
        CASE(16, sums->counted = true, "stage sums: counted is 1, expected 0")
        CASE(17, sums->output_name = "", "stage sums: is an output without a proper name")
        CASE(18, sums->output_name = "mean", "two outputs have the name mean")
        CASE(19, a->is_output = true, "stage a: is an output without")
        CASE(20, a->is_input = true, "stage a: is_input is 1, its kernel is of kind 1")
        CASE(21, p->stages[0].is_input = false, "stage image: is_input is 0")
        CASE(22, p->stages[0].input_scale = 2.0, "stage image: input_scale is 2, expected 1")
        CASE(23, a->nkernels = 1, "1 kernels")
        CASE(24, a->first_kernel = 0, "stage a: 2 kernels from 0 on, expected at least 1 from 1")
        CASE(25, a->ntiles--, "tiles from")
        CASE(26, p->nkernels++, "1 kernels and 0 tiles belong to no stage")
        CASE(27, p->chips = p->ntiles + 1, "expected 1 to")
        CASE(28, p->nstages = 0, "the program has no stages")
    default:
        return NULL;
    }
}

static const char *spoil_kernel(stc_program *p, int which)
{
    stc_kernel *conv = kernel_of(p, "a"), *pool = kernel_of(p, "pool");
    stc_kernel *product = kernel_of(p, "product"), *row = kernel_of(p, "row");
    stc_kernel *read = kernel_of(p, "sums");
    switch (which) {
        CASE(0, conv->kind = (stc_kernel_kind)99, "stage a: kernel 0 of 2 is of kind 99")
        CASE(1, pool->kind = STC_KERNEL_NEURON, "kernel 0 of 1 is of kind 3")
        CASE(2, conv->operand[0].stage = 1, "stage a: operand 0 is stage 1, expected one of 0 to 0")
        CASE(3, conv->operand[1].stage = 1 << 30,
             "stage a: operand 1 is stage 1073741824, expected none")
        CASE(4, conv->operand[0].factor = 3.0, "factor 3 of operand 0; expected a power of two")
        CASE(5, conv->operand[0].view.ndim = -1, "stage a: a view has -1 dimensions")
        CASE(6, conv->operand[0].view.nfactors[1] = 13, "dimension 1 of a view has 13 factors")
        CASE(7, conv->operand[0].view.offset[0] = -1, "stage a: a view begins at -1 of")
        CASE(8, conv->operand[0].view.factor[0].extent = INT64_MAX,
             "factor 0 of a view is impossible")
        CASE(9, conv->operand[0].view.factor[0].step = INT64_MIN,
             "factor 0 of a view is impossible")
        CASE(10, conv->operand[0].view.factor[0].axis = 6, "factor 0 of a view is impossible")
        CASE(11, conv->operand[0].view.factor[1].step = 2, "a view reaches outside its operand")
        CASE(12, row->operand[0].view.factor[1].step = 0;
             row->operand[0].view.factor[1].extent = 1000,
             "stage row: a view shows elements of its operand twice")
        CASE(13, conv->u.accumulate.stride[0] = 0, "stage a: its window does not fit")
        CASE(14, conv->u.accumulate.padding[1] = 2, "stage a: its window does not fit")
        CASE(15, conv->u.accumulate.groups = 3, "3 groups do not divide 2 in- and 16 out-channels")
        CASE(16, conv->u.accumulate.in_channels = INT64_MAX, "operand 0 has shape")
        CASE(17, conv->u.accumulate.blob = 1, "stage a: weights 1 do not exist")
        CASE(18, conv->u.accumulate.groups = 2, "weights are 16 x 18, expected 16 x 9")
        CASE(19, conv->u.accumulate.has_pad_values = false, "has 2 pad values, expected 0")
        CASE(20, pool->u.pool.channels = 8, "its kernel has 8 channels, the stage 16")
        CASE(21, pool->u.pool.kernel[0] = pool->u.pool.stride[0] = 1 << 30, "window does not fit")
        CASE(22, product->u.matmul.batch = INT64_C(1) << 62, "matmul sizes do not match")
        CASE(23, product->u.matmul.inner = 8, "operand 0 has shape")
        CASE(24, row->u.reduce.over[0] = true, "sizes of its reduction do not match")
        CASE(25, row->u.reduce.divisor = 3.0, "divides the sum of 16 values by 3")
        CASE(26, read->u.read.scale = (float)NAN, "scale nan and shift 0 must be finite")
        CASE(27, read->u.read.scale = 0.5f,
             "stage sums: its values are integer 0..16, expected 0.5")
        CASE(28, read->u.read.blob = 0, "scales 0 do not exist or do not match")
        CASE(29, stage_of(p, "pool")->kind = STC_KIND_REAL;
             stage_of(p, "pool")->dtype = STC_F32, "stage pool: its values are real, expected bit")
        CASE(30, stage_of(p, "row")->kind.max = 15,
             "values are integer 0..15, expected integer 0..16")
        CASE(31, pool->u.pool.divisor = 4.0, "divides windows of 4 values by 4, expected 1 or")
        CASE(32, pool->u.pool.sum = true, "stage pool: its values are bit, expected integer 0..4")
        CASE(33, pool->u.pool.sum = true;
             pool->u.pool.divisor = 4.0, "its values are bit, expected 0.25 * integer 0..4")
        CASE(34, pool->u.pool.sum = true; pool->u.pool.divisor = NAN, "divides windows of 4")
    default:
        return NULL;
    }
}

static const char *spoil_tile(stc_program *p, int which)
{
    stc_tile *tile = tile_of(p, "a", 1);
    switch (which) {
        CASE(0, *tile = *tile_of(p, "a", 2), "computed twice or never")
        CASE(1, tile->box.lo[0]++, "computed twice or never")
        CASE(2, tile->box.ndim = 2, "computed twice or never")
        CASE(3, tile_of(p, "a", 0)->box.hi[0] = 0, "are not a grid that fills it")
        CASE(4, tile_of(p, "a", 0)->box.hi[0] = INT64_MAX, "are not a grid that fills it")
        CASE(5, tile->stage = 1 << 30, "belongs to stage 1073741824, expected 1")
        CASE(6, tile->chip = 1, "lies on chip 1, expected 0 to 0")
        CASE(7, tile->core = -1, "core -1")
        CASE(8, tile->neurons = 3, "3 neurons (expected 64)")
        CASE(9, tile->work = (double)NAN, "work nan is impossible")
        CASE(10, tile->level = 1, "level 1, expected 0")
        CASE(11, p->levels = 2, "the program has 2 levels, expected 1")
    default:
        return NULL;
    }
}

static const char *spoil_net(stc_program *p, int which)
{
    stc_nets *nets = &p->nets;
    int32_t last = nets->n - 1;
    switch (which) {
        CASE(0, nets->n = 0, "but no net connects them")
        CASE(1, nets->n--, "but no net connects them")
        CASE(2, nets->source[last]--, "but no net connects them")
        CASE(3, nets->source[0] = p->ntiles, "its source is tile")
        CASE(4, nets->source[last] = 0, "sources are sorted")
        CASE(5, nets->pin[0] = 0, "net 0 of tile 0: pin 0 comes before it and is no delay")
        CASE(6, nets->pin[0] = p->ntiles, "route 0: pin")
        CASE(7, nets->first[0] = 1, "offsets do not start at 0")
        CASE(8, nets->first[1] = 0, "route 0: has no pins")
        CASE(9, nets->spikes[0] = (float)NAN, "carries nan spikes")
        CASE(10, nets->route[0] = nets->nroutes, "net 0: its route is")
        CASE(11, nets->route[0] = -1, "net 0: its route is -1, expected one of 0 to")
        CASE(12, nets->route[last] = nets->route[0], "comes before it and is no delay")
        CASE(13, nets->nroutes = 0, "net 0: its route is 0, expected one of 0 to -1")
    default:
        return NULL;
    }
}

static void refuses_each(spoil *make_wrong, int least)
{
    int refused = 0;
    for (;; refused++) {
        lowered l = example();
        assert_int_equal(stc_program_verify(l.program), 0);
        const char *text = make_wrong(l.program, refused);
        if (text) {
            assert_int_equal(stc_program_verify(l.program), STC_ERR_INPUT);
            if (!strstr(stc_error_text(), text)) {
                fail_msg("case %d: \"%s\" is not in: %s", refused, text, stc_error_text());
            }
        }
        lowered_free(&l);
        if (!text) break;
    }
    assert_int_equal(refused, least);
}

static void stages_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refuses_each(spoil_stage, 29);
}

static void kernels_that_cannot_be_are_refused(void **state)
{
    (void)state;
    refuses_each(spoil_kernel, 35);
}

static void tiles_that_do_not_fill_their_stage_are_refused(void **state)
{
    (void)state;
    refuses_each(spoil_tile, 12);
}

static void nets_that_leave_out_a_need_are_refused(void **state)
{
    (void)state;
    refuses_each(spoil_net, 14);
}

/* ---- what is accepted ---- */

static void check_good(const stc_program *program, const stc_target *target, uint64_t seed)
{
    stc_program one_chip = *program;
    (void)target;
    (void)seed;
    one_chip.chips = one_chip.levels = 1;
    if (stc_program_verify(&one_chip) < 0) fail_msg("%s", stc_error_text());
}

static void what_the_compiler_makes_is_accepted(void **state)
{
    (void)state;
    for_each_network(6, check_good);
}

/* The tiles that a box touches are those that a search finds, in order. */
static void check_walk(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)target;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        stc_box box = {.ndim = stage->storage.ndim}, overlap;
        for (int a = 0; a < box.ndim; a++) {
            uint32_t dim = (uint32_t)stage->storage.dim[a];
            box.lo[a] = stc_random_u32(seed, 1, (uint64_t)(6 * s + a)) % dim;
            box.hi[a] = box.lo[a] + 1;
            box.hi[a] +=
                stc_random_u32(seed, 2, (uint64_t)(6 * s + a)) % (dim - (uint32_t)box.lo[a]);
        }
        int32_t found = stc_stage_next_tile(program, stage, &box, -1);
        for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++) {
            if (!stc_box_intersect(&box, &program->tiles[t].box, &overlap)) continue;
            assert_int_equal(found, t);
            found = stc_stage_next_tile(program, stage, &box, found);
        }
        assert_int_equal(found, -1);
    }
}

static void a_box_touches_the_tiles_that_a_search_finds(void **state)
{
    (void)state;
    for_each_network(6, check_walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_that_cannot_be_are_refused),
        cmocka_unit_test(kernels_that_cannot_be_are_refused),
        cmocka_unit_test(tiles_that_do_not_fill_their_stage_are_refused),
        cmocka_unit_test(nets_that_leave_out_a_need_are_refused),
        cmocka_unit_test(what_the_compiler_makes_is_accepted),
        cmocka_unit_test(a_box_touches_the_tiles_that_a_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
