/* Programs: which part of an operand fills a box, and by how many beats a stage lags behind. Both
 * are compared with a search over single elements, in programs of random networks. */
#include "lowered.h"

#include <stdlib.h>

/* ---- needs, element by element ---- */

/* Smallest box of the elements that were added. */
typedef struct {
    stc_box box;
    int64_t n;
} element_hull;

static void add_element(element_hull *hull, int naxes, const int64_t *element)
{
    stc_box one = {.ndim = naxes};
    for (int a = 0; a < naxes; a++) {
        one.lo[a] = element[a];
        one.hi[a] = element[a] + 1;
    }
    hull->box = hull->n++ ? stc_box_hull(&hull->box, &one) : one;
}

static bool next_index(const stc_box *box, int64_t *index)
{
    for (int a = box->ndim - 1; a >= 0; a--) {
        if (++index[a] < box->hi[a]) return true;
        index[a] = box->lo[a];
    }
    return false;
}

/* Where a kernel reads to fill one element: every index of its view. */
typedef struct {
    const stc_stage *stage;
    const stc_kernel *kernel;
    const stc_view *view;
    int naxes;
    element_hull hull;
} reader;

static void read_at(reader *r, const int64_t *view_index)
{
    int64_t element[STC_MAX_NDIM] = {0};
    stc_view_index(r->view, r->naxes, view_index, element);
    add_element(&r->hull, r->naxes, element);
}

/* A window over (height, width) of the channels first .. first + n. */
static void read_window(reader *r, const int64_t *at, const int64_t *kernel, const int64_t *stride,
                        const int64_t *padding, const int64_t *dilation, const int64_t *in_size,
                        int64_t first, int64_t n)
{
    int last = r->stage->storage.ndim - 1;
    int64_t y = last >= 2 ? at[last - 2] : 0, x = last >= 1 ? at[last - 1] : 0;
    for (int64_t ky = 0; ky < kernel[0]; ky++) {
        for (int64_t kx = 0; kx < kernel[1]; kx++) {
            int64_t h = y * stride[0] - padding[0] + ky * dilation[0];
            int64_t w = x * stride[1] - padding[1] + kx * dilation[1];
            if (h < 0 || h >= in_size[0] || w < 0 || w >= in_size[1]) continue;
            for (int64_t c = first; c < first + n; c++)
                read_at(r, (int64_t[]){c, h, w});
        }
    }
}

static void read_product(reader *r, int which, const int64_t *at)
{
    int rows = r->stage->storage.ndim - 2;
    int64_t batch = 0;
    for (int a = 0; a < rows; a++)
        batch = batch * r->stage->storage.dim[a] + at[a];
    for (int64_t k = 0; k < r->kernel->u.matmul.inner; k++) {
        int64_t a[] = {batch, at[rows], k}, b[] = {batch, k, at[rows + 1]};
        read_at(r, which == 0 ? a : b);
    }
}

static void read_sum(reader *r, const int64_t *at)
{
    stc_shape in = stc_view_shape(r->view);
    stc_box over = stc_box_all(&in);
    bool keeps = in.ndim == r->stage->storage.ndim;
    for (int d = 0, kept = 0; d < in.ndim; d++) {
        if (r->kernel->u.reduce.over[d]) continue;
        over.lo[d] = at[keeps ? d : kept];
        over.hi[d] = over.lo[d] + 1;
        kept++;
    }
    int64_t index[STC_MAX_NDIM];
    memcpy(index, over.lo, sizeof index);
    do {
        read_at(r, index);
    } while (next_index(&over, index));
}

static void read_element(reader *r, int which, const int64_t *at)
{
    const stc_kernel *k = r->kernel;
    static const int64_t one[2] = {1, 1};
    int64_t channel = at[r->stage->storage.ndim - 1];
    switch (k->kind) {
    case STC_KERNEL_ACCUMULATE: {
        int64_t in = k->u.accumulate.in_channels / k->u.accumulate.groups;
        int64_t group = channel / (k->u.accumulate.channels / k->u.accumulate.groups);
        read_window(r, at, k->u.accumulate.kernel, k->u.accumulate.stride, k->u.accumulate.padding,
                    k->u.accumulate.dilation, k->u.accumulate.in_size, group * in, in);
        break;
    }
    case STC_KERNEL_POOL:
        read_window(r, at, k->u.pool.kernel, k->u.pool.stride, k->u.pool.padding, one,
                    k->u.pool.in_size, channel, 1);
        break;
    case STC_KERNEL_MATMUL:
        read_product(r, which, at);
        break;
    case STC_KERNEL_REDUCE:
        read_sum(r, at);
        break;
    default:
        read_at(r, at);
    }
}

/* Whether what is read has no gaps: then the smallest box is found exactly. */
static bool is_simple(const stc_kernel *kernel, int which, const stc_stage *stage)
{
    const stc_view *view = &kernel->operand[which].view;
    bool simple = kernel->kind != STC_KERNEL_MATMUL || stage->storage.ndim <= 3;
    for (int d = 0; d < view->ndim; d++)
        simple = simple && view->nfactors[d] == 1;
    for (int a = 0; a < 2 && kernel->kind == STC_KERNEL_ACCUMULATE; a++) {
        simple = simple && kernel->u.accumulate.dilation[a] == 1 &&
                 kernel->u.accumulate.stride[a] <= kernel->u.accumulate.kernel[a];
    }
    for (int a = 0; a < 2 && kernel->kind == STC_KERNEL_POOL; a++)
        simple = simple && kernel->u.pool.stride[a] <= kernel->u.pool.kernel[a];
    return simple;
}

static void check_needs(const stc_program *program, const stc_stage *stage,
                        const stc_kernel *kernel, int which, const stc_box *box)
{
    const stc_stage *source = &program->stages[kernel->operand[which].stage];
    reader r = {stage, kernel, &kernel->operand[which].view, source->storage.ndim, {.n = 0}};
    int64_t index[STC_MAX_NDIM];
    memcpy(index, box->lo, sizeof index);
    do {
        read_element(&r, which, index);
    } while (next_index(box, index));
    stc_box need = stc_kernel_needs(program, stage, kernel, which, box), both;
    assert_int_equal(need.ndim, source->storage.ndim);
    if (r.hull.n == 0) {
        assert_int_equal(stc_box_size(&need), 0);
        return;
    }
    assert_true(stc_box_intersect(&need, &r.hull.box, &both));
    assert_int_equal(stc_box_size(&both), stc_box_size(&r.hull.box));
    stc_box all = stc_box_all(&source->storage);
    assert_true(stc_box_intersect(&need, &all, &both));
    assert_int_equal(stc_box_size(&both), stc_box_size(&need));
    if (!is_simple(kernel, which, stage)) return;
    assert_int_equal(stc_box_size(&need), stc_box_size(&r.hull.box));
}

/* A random box of a stage. */
static stc_box random_box(const stc_stage *stage, uint64_t seed)
{
    stc_box box = {.ndim = stage->storage.ndim};
    for (int a = 0; a < box.ndim; a++) {
        uint32_t r = stc_random_u32(seed, 9, (uint64_t)a);
        box.lo[a] = r % (uint32_t)stage->storage.dim[a];
        box.hi[a] = box.lo[a] + 1 + r / 1024 % (uint32_t)(stage->storage.dim[a] - box.lo[a]);
    }
    return box;
}

static void check_all_needs(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)target;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        for (int32_t k = 0; k < 4 * stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 4];
            stc_box box = random_box(stage, seed * 1000 + (uint64_t)(s * 40 + k));
            for (int which = 0; which < 2; which++) {
                if (kernel->operand[which].stage < 0) continue;
                check_needs(program, stage, kernel, which, &box);
            }
        }
    }
}

static void needs_are_the_smallest_box_of_what_is_read(void **state)
{
    (void)state;
    for_each_network(12, check_all_needs);
}

static void nothing_is_needed_for_nothing(void **state)
{
    (void)state;
    stc_builder *builder;
    assert_int_equal(stc_builder_create("example", &builder), 0);
    int x = stc_build(builder, "input", "x", NULL, 0, "shape=4");
    stc_build(builder, "output", "out", &x, 1, "");
    lowered l = lower_built(builder, NULL);
    const stc_stage *stage = &l.program->stages[1];
    const stc_kernel *kernel = &l.program->kernels[stage->first_kernel];
    stc_box empty = {.ndim = 1, .lo = {2}, .hi = {2}}, all = stc_box_all(&stage->storage);
    stc_box need = stc_kernel_needs(l.program, stage, kernel, 0, &empty);
    assert_int_equal(stc_box_size(&need), 0);
    need = stc_kernel_needs(l.program, stage, kernel, 1, &all); /* has one operand only */
    assert_int_equal(stc_box_size(&need), 0);
    lowered_free(&l);
}

/* ---- levels ---- */

static bool crosses(const stc_program *program, const int32_t *part, int32_t tile,
                    const stc_kernel *kernel, int which)
{
    const stc_stage *stage = &program->stages[program->tiles[tile].stage];
    const stc_stage *source = &program->stages[kernel->operand[which].stage];
    stc_box overlap,
        need = stc_kernel_needs(program, stage, kernel, which, &program->tiles[tile].box);
    if (stc_box_size(&need) == 0) return false;
    for (int32_t t = source->first_tile; t < source->first_tile + source->ntiles; t++) {
        if (part[t] != part[tile] && stc_box_intersect(&need, &program->tiles[t].box, &overlap)) {
            return true;
        }
    }
    return false;
}

static int64_t delay_of(const stc_program *program, int32_t s)
{
    const stc_kernel *kernel = &program->kernels[program->stages[s].first_kernel];
    return kernel->kind == STC_KERNEL_DELAY ? kernel->u.delay.least : 0;
}

static bool crosses_anywhere(const stc_program *program, const int32_t *part, int32_t s,
                             const stc_kernel *kernel, int which)
{
    const stc_stage *stage = &program->stages[s];
    for (int32_t t = stage->first_tile; t < stage->first_tile + stage->ntiles; t++)
        if (crosses(program, part, t, kernel, which)) return true;
    return false;
}

/* Every operand is there when it is read: block j of a delay of d steps needs the steps up to the
 * end of block j less d, which are computed in an earlier beat if they come from elsewhere or from
 * a later stage. Cycles that stay on their parts run in pieces and have one level. */
static void check_operands_are_there(const stc_program *program, const int32_t *part,
                                     const int32_t *component, const int64_t *delay, int64_t block,
                                     const int32_t *level, int32_t period)
{
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 2];
            int32_t from = kernel->operand[k % 2].stage;
            if (from < 0) continue;
            bool cut = crosses_anywhere(program, part, s, kernel, k % 2);
            bool pieces =
                component[s] >= 0 && component[s] == component[from] && delay[component[s]] < block;
            if (pieces) {
                assert_false(cut);
                assert_int_equal(level[s], level[from]);
                continue;
            }
            int64_t blocks = delay_of(program, s) / block;
            assert_true(level[s] + period * blocks >= level[from] + (cut || from > s));
        }
    }
}

/* Level of stage s by its definition, given those of the stages before it. */
static int32_t expected_level(const stc_program *program, const int32_t *part, int32_t s,
                              const int32_t *level)
{
    const stc_stage *stage = &program->stages[s];
    int32_t expected = 0;
    for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 2];
        int32_t from = kernel->operand[k % 2].stage;
        if (from < 0) continue;
        bool cut = crosses_anywhere(program, part, s, kernel, k % 2);
        if (level[from] + cut > expected) expected = level[from] + cut;
    }
    return expected;
}

static bool has_delays(const stc_program *program)
{
    for (int32_t s = 0; s < program->nstages; s++)
        if (delay_of(program, s) > 0) return true;
    return false;
}

static void check_levels(const stc_program *program, const stc_target *target, uint64_t seed)
{
    (void)target;
    int32_t *part = calloc((size_t)program->ntiles, sizeof *part);
    int32_t *level = calloc((size_t)program->nstages, sizeof *level);
    int32_t *component = calloc((size_t)program->nstages, sizeof *component);
    int64_t *delay = calloc((size_t)program->nstages, sizeof *delay);
    for (uint32_t parts = 1; parts < 5; parts++) {
        for (int32_t t = 0; t < program->ntiles;
             t++) { /* runs of one part, so that not all is cut */
            part[t] = (int32_t)(stc_random_u32(seed, parts, (uint64_t)t / 8) % parts);
        }
        int32_t period, deepest = 0, ncycles = stc_program_cycles(program, component, delay);
        int64_t block = stc_program_block_limit(program, part);
        if (block > 7) block = 7;
        int32_t nlevels = stc_program_levels(program, part, block, level, &period);
        check_operands_are_there(program, part, component, delay, block, level, period);
        for (int32_t s = 0; s < program->nstages; s++) {
            if (ncycles == 0 && !has_delays(program)) {
                assert_int_equal(level[s], expected_level(program, part, s, level));
            }
            if (level[s] > deepest) deepest = level[s];
        }
        assert_int_equal(nlevels, deepest + 1);
        if (ncycles == 0) assert_int_equal(period, 1);
    }
    free(component);
    free(delay);
    free(part);
    free(level);
}

static void levels_rise_by_one_where_a_need_is_cut(void **state)
{
    (void)state;
    for_each_network(12, check_levels);
}

/* ---- life ---- */

static void a_program_is_destroyed_with_its_source(void **state)
{
    (void)state;
    stc_program *program = NULL;
    stc_program_destroy(&program);
    int64_t held = stc_alloc_bytes();
    assert_int_equal(stc_program_create("name", &program), 0);
    assert_string_equal(program->name, "name");
    stc_program_destroy(&program);
    assert_null(program);
    assert_int_equal(stc_alloc_bytes(), held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(needs_are_the_smallest_box_of_what_is_read),
                                       cmocka_unit_test(nothing_is_needed_for_nothing),
                                       cmocka_unit_test(levels_rise_by_one_where_a_need_is_cut),
                                       cmocka_unit_test(a_program_is_destroyed_with_its_source)};
    return cmocka_run_group_tests_name("program", tests, NULL, NULL);
}
