/* stc_bench_run.c - build a network in memory, compile it, run it, and count what was done. */
#include "stc_bench.h"

#include "networks.h"

#include "stc/compile.h"
#include "stc/connect.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

/* The largest resident set that this process ever had. That of getrusage may be its parent's. */
static int64_t peak_bytes(void)
{
    long long kilobytes = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) break;
    }
    if (file) fclose(file);
    return kilobytes > 0 ? kilobytes * 1024 : stc_peak_rss_bytes();
}

/* Mean spikes per step of all elements of a Poisson generator. */
static int generator_mean(const stc_program *program, const stc_stage *stage, double *out)
{
    const stc_kernel *kernel = &program->kernels[stage->first_kernel];
    int64_t n = stc_shape_size(&stage->shape);
    *out = kernel->u.generator.value * (double)n;
    if (kernel->u.generator.field < 0) return 0;
    double *mean = stc_alloc(n, sizeof *mean);
    int rc =
        mean ? program->read_field(program, kernel->u.generator.field, 0, n, mean) : STC_ERR_NOMEM;
    *out = 0.0;
    for (int64_t i = 0; rc >= 0 && i < n; i++)
        *out += mean[i];
    stc_free(mean);
    return rc;
}

/* Steps of the measured part in which a generator is active. */
static double active_steps(const stc_kernel *kernel, const stc_result *result)
{
    int64_t first = result->measured_from, end = result->steps;
    if (kernel->u.generator.first > first) first = kernel->u.generator.first;
    if (kernel->u.generator.end < end) end = kernel->u.generator.end;
    return end > first ? (double)(end - first) : 0.0;
}

static int count_generator(bench_outcome *out, const stc_stage *stage, double degree)
{
    const stc_kernel *kernel = &out->program->kernels[stage->first_kernel];
    double mean, steps = active_steps(kernel, out->result);
    STC_TRY(generator_mean(out->program, stage, &mean));
    const double part = bench_part(out->settings);
    out->draws += steps * (double)stc_shape_size(&stage->shape) * part;
    out->external_events += steps * mean * degree * part;
    return 0;
}

static void count_population(bench_outcome *out, const stc_stage *stage, double degree)
{
    for (int i = 0; i < out->result->npopulations; i++) {
        const stc_population *p = &out->result->populations[i];
        if (strcmp(p->name, stage->name) == 0) out->synaptic_events += (double)p->measured * degree;
    }
}

/* A spike makes as many events as its neuron has synapses, counted with the mean of its population;
 * with as many spikes as there are, the sum is that of the single neurons to 1e-3 and better. */
static int count_work(bench_outcome *out)
{
    const stc_program *program = out->program;
    const stc_result *result = out->result;
    double steps = (double)(result->steps - result->measured_from);
    out->biological_s = steps * result->dt_ms * 1e-3;
    for (int i = 0; i < result->npopulations; i++) {
        out->spikes += (double)result->populations[i].measured;
        out->neurons += stc_shape_size(&result->populations[i].shape);
    }
    out->neurons = llrint((double)out->neurons * bench_part(out->settings));
    out->neuron_steps = steps * (double)out->neurons;
    for (int32_t k = 0; k < program->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[k];
        if (kernel->kind != STC_KERNEL_DELIVER) continue;
        const stc_stage *source = &program->stages[kernel->operand[0].stage];
        double synapses = stc_connect_expected(&kernel->u.deliver);
        double degree = synapses / (double)kernel->u.deliver.nsources;
        if (program->kernels[source->first_kernel].kind == STC_KERNEL_GENERATOR) {
            STC_TRY(count_generator(out, source, degree));
        } else {
            out->synapses += synapses * bench_part(out->settings);
            count_population(out, source, degree);
        }
    }
    return 0;
}

static int build(const stc_comm *comm, bench_outcome *out, stc_input **input)
{
    const bench_settings *s = out->settings;
    stc_compile_report report = {0};
    stc_compile_options compile = {.optimization = 2, .clamp_chips = true, .seed = s->seed};
    stc_run_options run = {.phases = true,
                           .seed = s->seed,
                           .threads = s->threads,
                           .single = s->single,
                           .record_spikes = s->record,
                           .kernel = s->kernel};
    const bool random = strcmp(s->network, "random") == 0;
    int rc = random
                 ? bench_build_random(comm, s, &out->graph)
                 : network_build(s->network, s->scale, s->transient + s->ms, s->seed, &out->graph);
    rc = stc_agree(comm, rc);
    if (rc >= 0) rc = stc_compile(comm, out->graph, "", &compile, &out->program, &report);
    if (rc < 0) return rc;
    if (s->share.of > 0) {
        STC_TRY(bench_cut(out->program, &s->share, &run.alone));
        run.block_steps = 1; /* as if all exchanged */
    }
    STC_TRY(stc_agree(comm, stc_input_from_memory(1, 0, NULL, NULL, input)));
    run.measure_from = llrint(s->transient * 1e-3 / out->program->dt);
    return stc_sim_create(comm, out->program, *input, &run, &out->sim);
}

static int run(const stc_comm *comm, bench_outcome *out, stc_input **input)
{
    MPI_Barrier(comm->mpi);
    double start = stc_seconds();
    STC_TRY(build(comm, out, input));
    out->build_s = stc_comm_max(comm, stc_seconds() - start);
    out->built_bytes = (int64_t)stc_comm_sum_u64(comm, (uint64_t)peak_bytes());
    if (strcmp(out->settings->network, "random") == 0)
        STC_TRY(stc_sim_synapses(out->sim, &out->stored));
    STC_TRY(stc_sim_run(out->sim));
    start = stc_seconds();
    STC_TRY(stc_sim_result(out->sim, &out->result));
    out->collect_s = stc_comm_max(comm, stc_seconds() - start);
    out->peak_bytes = (int64_t)stc_comm_sum_u64(comm, (uint64_t)peak_bytes());
    STC_TRY(stc_agree(comm, count_work(out)));
    if (out->settings->share.of > 0) { /* most events come from others */
        stc_sim_cost cost;
        stc_sim_phases(out->sim, &cost);
        out->synaptic_events = (double)cost.events;
    }
    const char *output = out->settings->output;
    return output ? stc_result_write(comm, out->result, output) : 0;
}

int bench_run(const stc_comm *comm, const bench_settings *settings, bench_outcome *out)
{
    stc_input *input = NULL;
    *out = (bench_outcome){.settings = settings};
    int rc = run(comm, out, &input);
    stc_input_close(&input);
    return rc;
}

void bench_release(bench_outcome *outcome)
{
    stc_result_destroy(&outcome->result);
    stc_sim_destroy(&outcome->sim);
    stc_program_destroy(&outcome->program);
    stc_graph_destroy(&outcome->graph);
}
