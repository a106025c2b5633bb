/* test_simulation.c - the compiled, distributed simulation against the reference evaluation.
 *
 * The random examples of every op and the networks of sim_networks.c are compiled for several
 * chips, targets and partitions and run in blocks of several lengths, with several kernels, threads
 * and replicas, nodes, on all or some samples. Outputs must equal those of stc_graph_eval, and
 * spikes one by one (by their checksum). */
#include "mpi_test.h"
#include "sim_networks.h"

#include "stc/compile.h"
#include "stc/kernels.h"
#include "stc/op.h"
#include "stc/simulate.h"

#include <math.h>
#include <unistd.h>

enum { STEPS = 6, SAMPLES = 4, MAX_INPUTS = 4, MAX_OUTPUTS = 10, MAX_NEURONS = 16 };

static int nseeds = 3; /* the first argument of the program asks for another number */
static stc_comm world_comm;
static const stc_comm *world = &world_comm;

/* ---- random input, the same for evaluation and simulation ---- */

typedef struct {
    int n;
    stc_input_array arrays[MAX_INPUTS]; /* steps 0: the same values at every step */
    char names[MAX_INPUTS][64];
    float *values[MAX_INPUTS]; /* [SAMPLES][STEPS or 1][size] */
    int64_t sample;            /* that the evaluation runs */
} presented;

/* Real values are multiples of 1/8, so that sums of few bits stay exact. */
static float draw(const stc_node *node, uint64_t seed, uint64_t index)
{
    uint32_t random = stc_random_u32(seed, 77, index);
    if (stc_kind_is_real(node->kind)) return (float)(random % 17) / 8.0f - 1.0f;
    if (stc_kind_is_bit(node->kind)) return (float)(random % 10 < 4);
    int64_t max = random % 64 == 0 ? node->kind.max : node->kind.max < 6 ? node->kind.max : 6;
    return (float)(random / 64 % (uint32_t)(max + 1));
}

static void present(const stc_graph *graph, uint64_t seed, presented *p)
{
    *p = (presented){.n = 0};
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->op->op_class != STC_CLASS_INPUT) continue;
        assert_true(p->n < MAX_INPUTS);
        bool steady = (seed + (uint64_t)p->n) % 3 == 0;
        int64_t size = stc_shape_size(&node->shape) * (steady ? 1 : STEPS) * SAMPLES;
        snprintf(p->names[p->n], sizeof p->names[0], "%s", node->name);
        p->arrays[p->n] = (stc_input_array){.name = p->names[p->n],
                                            .shape = node->shape,
                                            .steps = steady ? 0 : STEPS,
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
    int64_t steps = p->arrays[array].steps;
    int64_t at = steps == 0 ? sample : sample * steps + step;
    return p->values[array] + at * stc_shape_size(&p->arrays[array].shape);
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
    const char *name;
    int64_t steps, size; /* steps 0: one value per sample */
    float *values;       /* [SAMPLES][steps or 1][size] */
} expected_output;

typedef struct {
    presented *input;
    int noutputs;
    char names[MAX_OUTPUTS][64];
    expected_output outputs[MAX_OUTPUTS];
    int64_t spikes[SAMPLES];    /* of counted neurons */
    uint64_t checksum[SAMPLES]; /* of these */
    struct {
        int64_t first_id, spikes[SAMPLES];
    } neurons[MAX_NEURONS]; /* by node, to say where the first difference is */
    int nneurons;
} reference;

static const float *reference_input(void *context, const stc_node *node, int64_t step)
{
    const presented *p = ((reference *)context)->input;
    for (int i = 0; i < p->n; i++) {
        if (!strcmp(p->arrays[i].name, node->name)) return values_at(p, i, p->sample, step);
    }
    return NULL;
}

static expected_output *find_output(reference *r, const char *name)
{
    for (int i = 0; i < r->noutputs; i++) {
        if (!strcmp(r->outputs[i].name, name)) return &r->outputs[i];
    }
    return NULL;
}

static void count_spike(reference *r, int64_t first_id, int64_t sample)
{
    int i = 0;
    while (i < r->nneurons && r->neurons[i].first_id != first_id)
        i++;
    assert_true(i < MAX_NEURONS);
    if (i == r->nneurons) r->neurons[r->nneurons++].first_id = first_id;
    r->neurons[i].spikes[sample]++;
    r->spikes[sample]++;
}

static void watch(void *context, const stc_node *node, int64_t step, const float *values)
{
    reference *r = context;
    int64_t size = stc_shape_size(&node->shape), sample = r->input->sample;
    uint64_t key = stc_record_key((uint64_t)sample, (uint64_t)step);
    for (int64_t i = 0; node->counted && i < size; i++) {
        if (values[i] == 0.0f) continue;
        count_spike(r, node->first_id, sample);
        r->checksum[sample] += stc_record_hash(key, (uint64_t)(node->first_id + i),
                                               (uint32_t)((double)values[i] / node->kind.unit));
    }
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    const expected_output *out = find_output(r, node->name);
    int64_t row = out->steps == 0 ? sample : sample * out->steps + step;
    memcpy(out->values + row * size, values, (size_t)size * sizeof *values);
}

static stc_graph *build(const sim_network *network, uint64_t seed)
{
    stc_builder *builder;
    stc_graph *graph;
    assert_int_equal(stc_builder_create("example", &builder), 0);
    network->build(builder, seed);
    if (stc_builder_finish(&builder, &graph) < 0) {
        fail_msg("%s, seed %d: %s", network->name, (int)seed, stc_error_text());
    }
    assert_int_equal(stc_graph_number(graph), 0);
    return graph;
}

static void evaluate(const sim_network *network, uint64_t seed, presented *input, reference *out)
{
    stc_graph *graph = build(network, seed);
    present(graph, seed, input);
    *out = (reference){.input = input};
    for (int32_t i = 0; i < graph->nnodes; i++) {
        const stc_node *node = graph->nodes[i];
        if (node->op->op_class != STC_CLASS_OUTPUT) continue;
        assert_true(out->noutputs < MAX_OUTPUTS);
        snprintf(out->names[out->noutputs], sizeof out->names[0], "%s", node->name);
        expected_output *o = &out->outputs[out->noutputs];
        *o = (expected_output){.name = out->names[out->noutputs],
                               .steps = node->timing == STC_TIME_SAMPLE ? 0 : STEPS,
                               .size = stc_shape_size(&node->shape)};
        o->values = stc_alloc(SAMPLES * (o->steps ? o->steps : 1) * o->size, sizeof *o->values);
        out->noutputs++;
    }
    stc_eval_callbacks callbacks = {out, reference_input, watch, seed, 0};
    for (input->sample = 0; input->sample < SAMPLES; input->sample++) {
        callbacks.sample = input->sample;
        assert_int_equal(stc_graph_eval(graph, STEPS, &callbacks), 0);
    }
    stc_graph_destroy(&graph);
}

static void forget(presented *input, reference *expected)
{
    for (int i = 0; i < input->n; i++)
        stc_free(input->values[i]);
    for (int i = 0; i < expected->noutputs; i++)
        stc_free(expected->outputs[i].values);
}

/* ---- the simulation ---- */

static char cores16[] = "/tmp/stc_cores16_XXXXXX.ini", cores40[] = "/tmp/stc_cores40_XXXXXX.ini";

/* Targets with so small cores that everything is cut. */
static void write_target(char *path, int neurons, int synapse_bytes)
{
    if (world->rank == 0) {
        int descriptor = mkstemps(path, 4);
        assert_true(descriptor >= 0);
        dprintf(descriptor,
                "[chip]\nname = cores%d\ncores = 100000\n[core]\nneurons = %d\n"
                "synapse_bytes = %d\n[types]\nweight_bytes = 1\n",
                neurons, neurons, synapse_bytes);
        close(descriptor);
    }
    stc_comm_bcast(world, path, (int64_t)strlen(path), 0);
}

static bool can_run(const char *kernel)
{
    const stc_kernel_set *set;
    return stc_kernel_set_find(kernel, &set) >= 0;
}

/* One of many ways to run the same thing. */
typedef struct {
    stc_compile_options compile;
    stc_run_options run;
} variant;

static variant choose_variant(uint64_t seed, uint32_t index)
{
    static const char *const partitions[] = {"contiguous", "random", "auto"};
    static const char *const kernels[] = {"scalar", "avx2", "avx512", "amx", "auto"};
    const char *const targets[] = {"generic", cores16, cores40};
    uint32_t r[10];
    for (uint32_t i = 0; i < 10; i++)
        r[i] = stc_random_u32(seed, 5, index * 10 + i);
    const char *kernel = kernels[r[0] % 5];
    variant v = {.compile = {.chips = 1 + (int32_t)(r[1] % 7),
                             .clamp_chips = true,
                             .target = targets[r[2] % 3],
                             .partition = partitions[r[3] % 3],
                             .optimization = (int)(r[4] % 3),
                             .seed = seed},
                 .run = {.time_steps = STEPS,
                         .seed = seed,
                         .block_steps = r[5] % (STEPS + 1),
                         .kernel = can_run(kernel) ? kernel : "auto",
                         .threads = 1 + (int)(r[6] % 2),
                         .record_spikes = r[7] % 2 == 0}};
    if (index > 0 && r[8] % 3 == 0) {
        v.run.first_sample = 1;
        v.run.nsamples = 1 + r[8] / 3 % 3;
    }
    int replicas = 1 << r[9] % 3;
    if (world->size % replicas == 0) v.run.replicas = replicas;
    v.run.node_ranks = (int)(r[9] / 3 % 4);
    return v;
}

typedef struct {
    stc_graph *graph;
    stc_program *program;
    stc_result *result;
} simulated;

static simulated simulate(const sim_network *network, uint64_t seed, const variant *v, presented *p)
{
    simulated out = {.graph = build(network, seed)};
    stc_compile_report report;
    if (stc_compile(world, out.graph, "", &v->compile, &out.program, &report) < 0) {
        fail_msg("%s, seed %d: %s", network->name, (int)seed, stc_error_text());
    }
    stc_input input = {.path = "memory",
                       .samples = SAMPLES,
                       .narrays = p->n,
                       .arrays = p->arrays,
                       .read = read_box,
                       .source = p};
    stc_sim *sim;
    if (stc_sim_create(world, out.program, &input, &v->run, &sim) < 0) {
        fail_msg("%s, seed %d: %s", network->name, (int)seed, stc_error_text());
    }
    assert_all(world, stc_sim_run(sim) >= 0);
    assert_all(world, stc_sim_result(sim, &out.result) >= 0);
    stc_sim_destroy(&sim);
    return out;
}

static void end_simulation(simulated *s)
{
    stc_result_destroy(&s->result);
    stc_program_destroy(&s->program);
    stc_graph_destroy(&s->graph);
}

/* ---- comparison ---- */

/* Values against the reference; they then take its place, so that later runs must have their bits.
 */
static bool output_agrees(expected_output *expected, const stc_output *found,
                          const stc_result *result, bool first)
{
    int64_t steps = expected->steps ? expected->steps : 1, row = steps * expected->size;
    float *values = expected->values + result->first_sample * row;
    int64_t n = result->samples * row;
    if (found->steps != expected->steps) return false;
    float largest = 1.0f;
    for (int64_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    for (int64_t i = 0; first && i < n; i++) {
        float a = found->values[i], b = values[i];
        if (fabsf(a - b) <= 2e-5f * largest) continue;
        fprintf(stderr, "output %s, element %d is %g, expected %g\n", found->name, (int)i,
                (double)a, (double)b);
        return false;
    }
    if (first) memcpy(values, found->values, (size_t)n * sizeof *values);
    for (int64_t i = 0; i < n; i++) {
        if (!memcmp(&values[i], &found->values[i], sizeof *values)) continue;
        fprintf(stderr, "output %s, element %d is %a, was %a\n", found->name, (int)i,
                (double)found->values[i], (double)values[i]);
        return false;
    }
    return true;
}

static uint64_t checksum_of_outputs(const stc_result *result)
{
    uint64_t checksum = 0;
    for (int o = 0; o < result->noutputs; o++) {
        const stc_output *out = &result->outputs[o];
        int64_t size = stc_shape_size(&out->shape), steps = out->steps ? out->steps : 1;
        for (int64_t i = 0; i < result->samples * steps * size; i++) {
            uint32_t bits;
            memcpy(&bits, &out->values[i], sizeof bits);
            uint64_t sample = (uint64_t)(result->first_sample + i / size / steps);
            uint64_t key = stc_record_key(sample, (uint64_t)(i / size % steps));
            checksum += stc_record_hash(key, (uint64_t)(out->first_id + i % size), bits);
        }
    }
    return checksum;
}

static void print_difference(const reference *expected, const stc_result *result)
{
    for (int p = 0; p < result->npopulations; p++) {
        const stc_population *found = &result->populations[p];
        int64_t spikes = 0;
        for (int i = 0; i < expected->nneurons; i++) {
            for (int64_t s = 0;
                 expected->neurons[i].first_id == found->first_id && s < result->samples; s++) {
                spikes += expected->neurons[i].spikes[result->first_sample + s];
            }
        }
        fprintf(stderr, "%s: %d spikes, expected %d\n", found->name, (int)found->total,
                (int)spikes);
    }
}

/* Outputs and spikes of a run; first: the first of all variants, which runs all samples. */
static bool agrees(reference *expected, const stc_result *result, bool first)
{
    int64_t spikes = 0;
    uint64_t checksum = 0;
    for (int64_t s = result->first_sample; s < result->first_sample + result->samples; s++) {
        spikes += expected->spikes[s];
        checksum += expected->checksum[s];
    }
    if (result->spikes != spikes || result->spike_checksum != checksum) {
        fprintf(stderr, "%d spikes (checksum %llx), expected %d (%llx)\n", (int)result->spikes,
                (unsigned long long)result->spike_checksum, (int)spikes,
                (unsigned long long)checksum);
        print_difference(expected, result);
        return false;
    }
    if (world->rank != 0) return true;
    bool same = result->noutputs == expected->noutputs &&
                checksum_of_outputs(result) == result->output_checksum;
    for (int o = 0; same && o < result->noutputs; o++) {
        expected_output *out = find_output(expected, result->outputs[o].name);
        same = out && output_agrees(out, &result->outputs[o], result, first);
    }
    return same;
}

/* The records of all ranks give the checksum again, and those of a rank are sorted. Collective. */
static bool records_agree(const stc_result *result)
{
    uint64_t checksum = 0, sorted = 1;
    for (int p = 0; p < result->npopulations; p++) {
        const stc_population *q = &result->populations[p];
        for (int64_t i = 0; i < q->n; i++) {
            uint64_t key = stc_record_key((uint64_t)q->sample[i], (uint64_t)q->step[i]);
            if (q->counted) {
                checksum += stc_record_hash(key, (uint64_t)(q->first_id + q->id[i]), q->value[i]);
            }
            if (i == 0) continue;
            int64_t order = q->sample[i] - q->sample[i - 1];
            if (order == 0) order = q->step[i] - q->step[i - 1];
            if (order == 0) order = q->id[i] - q->id[i - 1];
            sorted = sorted && order > 0;
        }
    }
    return sorted && stc_comm_sum_u64(world, checksum) == result->spike_checksum;
}

static void check(const sim_network *network, uint32_t variants)
{
    for (uint64_t seed = 0; seed < (uint64_t)nseeds; seed++) {
        presented input;
        reference expected;
        int64_t held = stc_alloc_bytes();
        evaluate(network, seed, &input, &expected);
        for (uint32_t i = 0; i < variants; i++) {
            variant v = choose_variant(seed, i);
            simulated s = simulate(network, seed, &v, &input);
            bool good = agrees(&expected, s.result, i == 0);
            if (!good && world->rank == 0) {
                fprintf(stderr,
                        "%s, seed %d, variant %d: %d chips, target %s, %s, -O%d, block %d, "
                        "%s, %d threads, %d replicas, nodes of %d\n",
                        network->name, (int)seed, (int)i, v.compile.chips, v.compile.target,
                        v.compile.partition, v.compile.optimization, (int)v.run.block_steps,
                        v.run.kernel, v.run.threads, v.run.replicas, v.run.node_ranks);
            }
            assert_all(world, good);
            if (v.run.record_spikes) assert_all(world, records_agree(s.result));
            end_simulation(&s);
        }
        forget(&input, &expected);
        assert_all(world, stc_alloc_bytes() == held);
    }
}

static void every_op_runs_as_its_reference(void **state)
{
    (void)state;
    int nops;
    const stc_op *const *ops = stc_op_list(&nops);
    for (int o = 0; o < nops; o++) {
        if (ops[o]->example) check(&(sim_network){ops[o]->name, ops[o]->example}, 4);
    }
}

static void whole_networks_run_as_their_reference(void **state)
{
    (void)state;
    int n;
    const sim_network *networks = sim_networks(&n);
    for (int i = 0; i < n; i++)
        check(&networks[i], 6);
}

static int start(void **state)
{
    (void)state;
    world_comm = stc_comm_of(MPI_COMM_WORLD);
    write_target(cores16, 16, 3000); /* wide weights make tiles of few channels */
    write_target(cores40, 40, 16384);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (world->rank == 0) {
        unlink(cores16);
        unlink(cores40);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_op_runs_as_its_reference, start, NULL),
        cmocka_unit_test_setup_teardown(whole_networks_run_as_their_reference, NULL, end)};
    if (argc > 1) nseeds = atoi(argv[1]);
    return run_mpi_tests("simulation", tests, &argc, &argv);
}
