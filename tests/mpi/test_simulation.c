/* test_simulation.c - the compiled, distributed simulation against the reference evaluation.
 *
 * For every op, its random examples are compiled for several chips and partitions and run in blocks
 * of several lengths; outputs must equal those of stc_graph_eval. */
#include "mpi_test.h"

#include "stc/builder.h"
#include "stc/compile.h"
#include "stc/kernels.h"
#include "stc/op.h"
#include "stc/simulate.h"

#include <math.h>

enum { STEPS = 5, SAMPLES = 3, SEEDS = 8, MAX_INPUTS = 4 };

static stc_comm world_comm;
static const stc_comm *world = &world_comm;

/* ---- random input, the same for evaluation and simulation ---- */

typedef struct {
    int n;
    bool steady; /* no step axis */
    stc_input_array arrays[MAX_INPUTS];
    char names[MAX_INPUTS][64];
    float *values[MAX_INPUTS]; /* [SAMPLES][STEPS or 1][size] */
    int64_t sample;            /* that the evaluation runs */
} presented;

static float draw(const stc_node *node, uint64_t seed, uint64_t index)
{
    uint32_t random = stc_random_u32(seed, 77, index);
    if (stc_kind_is_real(node->kind)) return (float)(random % 2001) / 1000.0f - 1.0f;
    if (stc_kind_is_bit(node->kind)) return (float)(random % 10 < 4);
    int64_t max = node->kind.max < 6 ? node->kind.max : 6;
    return (float)(random % (uint32_t)(max + 1));
}

static void present(const stc_graph *graph, uint64_t seed, presented *p)
{
    *p = (presented){.steady = seed % 3 == 0};
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->op->op_class != STC_CLASS_INPUT) continue;
        assert_true(p->n < MAX_INPUTS);
        int64_t size = stc_shape_size(&node->shape) * (p->steady ? 1 : STEPS) * SAMPLES;
        snprintf(p->names[p->n], sizeof p->names[0], "%s", node->name);
        p->arrays[p->n] = (stc_input_array){.name = p->names[p->n],
                                            .shape = node->shape,
                                            .steps = p->steady ? 0 : STEPS,
                                            .scale = 1.0};
        p->values[p->n] = stc_alloc(size, sizeof(float));
        for (int64_t k = 0; k < size; k++) {
            p->values[p->n][k] = draw(node, seed + (uint64_t)p->n, (uint64_t)k);
        }
        p->n++;
    }
}

static const float *values_at(const presented *p, int array, int64_t sample, int64_t step)
{
    int64_t steps = p->steady ? 1 : STEPS;
    int64_t at = sample * steps + (p->steady ? 0 : step);
    return p->values[array] + at * stc_shape_size(&p->arrays[array].shape);
}

static const float *eval_input(void *context, const stc_node *node, int64_t step)
{
    const presented *p = context;
    for (int i = 0; i < p->n; i++) {
        if (!strcmp(p->arrays[i].name, node->name)) return values_at(p, i, p->sample, step);
    }
    return NULL;
}

static int read_box(const stc_input *input, int array, int64_t sample, int64_t first, int64_t count,
                    const stc_box *box, float *out)
{
    const presented *p = input->source;
    int64_t stride[STC_MAX_NDIM];
    stc_shape_strides(&p->arrays[array].shape, stride);
    for (int64_t t = first; t < first + count; t++) {
        const float *values = values_at(p, array, sample, t);
        for (int64_t i = 0; i < stc_box_size(box); i++) {
            int64_t rest = i, at = 0;
            for (int a = box->ndim - 1; a >= 0; a--) {
                int64_t extent = box->hi[a] - box->lo[a];
                at += (box->lo[a] + rest % extent) * stride[a];
                rest /= extent;
            }
            *out++ = values[at];
        }
    }
    return 0;
}

/* ---- the reference ---- */

typedef struct {
    presented *input;
    float *expected; /* [SAMPLES][STEPS][size] or [SAMPLES][size] */
    int64_t size;
    bool once;
    int64_t spikes; /* of counted neurons */
} reference;

static const float *reference_input(void *context, const stc_node *node, int64_t step)
{
    return eval_input(((reference *)context)->input, node, step);
}

static void watch(void *context, const stc_node *node, int64_t step, const float *values)
{
    reference *r = context;
    int64_t size = stc_shape_size(&node->shape);
    if (node->counted) {
        for (int64_t i = 0; i < size; i++) r->spikes += values[i] != 0.0f;
    }
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    int64_t row = r->once ? r->input->sample : r->input->sample * STEPS + step;
    memcpy(r->expected + row * size, values, (size_t)size * sizeof *values);
}

static stc_graph *build_example(const stc_op *op, uint64_t seed)
{
    stc_builder *builder;
    stc_graph *graph;
    assert_int_equal(stc_builder_create("example", &builder), 0);
    op->example(builder, seed);
    if (stc_builder_finish(&builder, &graph) < 0) {
        fail_msg("%s, seed %d: %s", op->name, (int)seed, stc_error_text());
    }
    assert_int_equal(stc_graph_number(graph), 0);
    return graph;
}

static void evaluate(const stc_op *op, uint64_t seed, presented *input, reference *out)
{
    stc_graph *graph = build_example(op, seed);
    present(graph, seed, input);
    *out = (reference){.input = input};
    for (int32_t i = 0; i < graph->nnodes; i++) {
        if (graph->nodes[i]->op->op_class == STC_CLASS_OUTPUT) {
            out->size = stc_shape_size(&graph->nodes[i]->shape);
            out->once = graph->nodes[i]->timing == STC_TIME_SAMPLE;
        }
    }
    out->expected = stc_alloc(SAMPLES * STEPS * out->size, sizeof *out->expected);
    stc_eval_callbacks callbacks = {out, reference_input, watch};
    for (input->sample = 0; input->sample < SAMPLES; input->sample++) {
        assert_int_equal(stc_graph_eval(graph, STEPS, &callbacks), 0);
    }
    stc_graph_destroy(&graph);
}

/* ---- the simulation ---- */

static const char *const partitions[] = {"contiguous", "random", "auto"};
static const char *const kernels[] = {"scalar", "avx2", "avx512", "auto"};

static bool can_run(const char *kernel)
{
    const stc_kernel_set *set;
    return stc_kernel_set_find(kernel, &set) >= 0;
}

static stc_result *simulate(const stc_op *op, uint64_t seed, int variant, presented *p)
{
    stc_graph *graph = build_example(op, seed);
    stc_program *program;
    stc_compile_report report;
    stc_compile_options compile = {.chips = 1 + variant % 5,
                                   .clamp_chips = true,
                                   .target = "tiny",
                                   .partition = partitions[variant % 3],
                                   .optimization = variant % 3,
                                   .seed = seed};
    if (stc_compile(world, graph, "", &compile, &program, &report) < 0) {
        fail_msg("%s, seed %d: %s", op->name, (int)seed, stc_error_text());
    }
    stc_input input = {.path = "memory",
                       .samples = SAMPLES,
                       .narrays = p->n,
                       .arrays = p->arrays,
                       .read = read_box,
                       .source = p};
    const char *kernel = kernels[variant % 4];
    stc_run_options run = {.time_steps = STEPS,
                           .block_steps = variant % 4,
                           .kernel = can_run(kernel) ? kernel : "auto",
                           .threads = 1 + variant % 2,
                           .record_spikes = variant % 2};
    stc_sim *sim;
    stc_result *result = NULL;
    if (stc_sim_create(world, program, &input, &run, &sim) < 0) {
        fail_msg("%s, seed %d: %s", op->name, (int)seed, stc_error_text());
    }
    assert_all(world, stc_sim_run(sim) >= 0);
    assert_all(world, stc_sim_result(sim, &result) >= 0);
    stc_sim_destroy(&sim);
    stc_program_destroy(&program);
    stc_graph_destroy(&graph);
    return result;
}

static bool outputs_agree(const stc_op *op, int seed, int variant, const stc_result *result,
                          const reference *expected)
{
    if (world->rank != 0) return true;
    const stc_output *output = &result->outputs[0];
    int64_t n = SAMPLES * expected->size * (expected->once ? 1 : STEPS);
    for (int64_t i = 0; i < n; i++) {
        float a = output->values[i], b = expected->expected[i];
        if (fabsf(a - b) <= 2e-5f * (1.0f + fabsf(b))) continue;
        fprintf(stderr, "%s, seed %d, variant %d: element %d is %g, expected %g\n", op->name, seed,
                variant, (int)i, (double)a, (double)b);
        return false;
    }
    if (result->spikes != expected->spikes) {
        fprintf(stderr, "%s, seed %d, variant %d: %d spikes, expected %d\n", op->name, seed,
                variant, (int)result->spikes, (int)expected->spikes);
        return false;
    }
    return true;
}

static void every_op_runs_as_its_reference(void **state)
{
    (void)state;
    world_comm = stc_comm_of(MPI_COMM_WORLD);
    int nops;
    const stc_op *const *ops = stc_op_list(&nops);
    for (int o = 0; o < nops; o++) {
        if (!ops[o]->example) continue;
        for (int seed = 0; seed < SEEDS; seed++) {
            presented input;
            reference expected;
            uint64_t spikes = 0, outputs = 0;
            evaluate(ops[o], (uint64_t)seed, &input, &expected);
            for (int variant = 0; variant < 4; variant++) {
                stc_result *result = simulate(ops[o], (uint64_t)seed, variant + seed, &input);
                assert_all(world, outputs_agree(ops[o], seed, variant + seed, result, &expected));
                if (variant == 0) {
                    spikes = result->spike_checksum;
                    outputs = result->output_checksum;
                }
                assert_all(world, result->spike_checksum == spikes);
                assert_all(world, result->output_checksum == outputs);
                stc_result_destroy(&result);
            }
            for (int i = 0; i < input.n; i++) stc_free(input.values[i]);
            stc_free(expected.expected);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_op_runs_as_its_reference)};
    return run_mpi_tests("simulation", tests, &argc, &argv);
}
