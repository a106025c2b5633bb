/* sim.c - the beats: in beat b a stage of level l computes block b - l.
 *
 * Within a beat, stages that need nothing from the last messages run first, then the messages of
 * the beat before are taken, then the others run: communication overlaps with work. */
#include "engine.h"

#include <omp.h>
#include <sched.h>
#include <string.h>

/* ---- preparation ---- */

/* Steps of a sample, and of all samples up to the last: sums and products of these stay exact. */
static const int64_t MOST_STEPS = INT64_C(1) << 40, MOST_STEPS_OF_ALL = INT64_C(1) << 55;

static int choose_threads(const stc_sim *sim)
{
    if (sim->options.threads > 0) return sim->options.threads;
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int threads = omp_get_max_threads();
    return threads < cpus ? threads : cpus;
}

static int choose_steps(stc_sim *sim)
{
    int64_t input_steps = 0;
    const char *which = "";
    for (int i = 0; i < sim->input->narrays; i++) {
        const stc_input_array *array = &sim->input->arrays[i];
        if (array->steps == 0) continue;
        STC_CHECK(input_steps == 0 || input_steps == array->steps, STC_ERR_INPUT,
                  "%s: inputs %s and %s have %lld and %lld steps", sim->input->path, which,
                  array->name, (long long)input_steps, (long long)array->steps);
        input_steps = array->steps;
        which = array->name;
    }
    sim->steps = sim->options.time_steps ? sim->options.time_steps
                 : input_steps           ? input_steps
                                         : sim->program->time_steps;
    STC_CHECK(sim->steps > 0, STC_ERR_USAGE,
              "neither the input nor the model says how many steps a sample has; use --time-steps");
    STC_CHECK(sim->steps <= MOST_STEPS, STC_ERR_USAGE, "%lld steps of a sample, at most 2^40",
              (long long)sim->steps);
    STC_CHECK(input_steps == 0 || sim->steps <= input_steps, STC_ERR_INPUT,
              "%s: input %s has %lld steps, %lld are asked for", sim->input->path, which,
              (long long)input_steps, (long long)sim->steps);
    sim->block = sim->options.block_steps > 0 ? sim->options.block_steps : sim->steps;
    if (sim->block > sim->steps) sim->block = sim->steps;
    return 0;
}

static int choose_samples(stc_sim *sim, int ngroups, int group)
{
    int64_t first = sim->options.first_sample, n = sim->options.nsamples;
    STC_CHECK(sim->input->samples > 0, STC_ERR_INPUT, "%s: has no samples", sim->input->path);
    STC_CHECK(first >= 0 && first < sim->input->samples, STC_ERR_INPUT,
              "%s: has %lld samples, sample %lld is asked for", sim->input->path,
              (long long)sim->input->samples, (long long)first);
    if (n == 0) n = sim->input->samples - first;
    STC_CHECK(n > 0 && n <= sim->input->samples - first, STC_ERR_INPUT,
              "%s: has %lld samples, %lld to %lld are asked for", sim->input->path,
              (long long)sim->input->samples, (long long)first, (long long)(first + n - 1));
    STC_CHECK(first + n <= MOST_STEPS_OF_ALL / sim->steps, STC_ERR_USAGE,
              "%lld samples of %lld steps, together at most 2^55", (long long)(first + n),
              (long long)sim->steps);
    sim->all_first = first;
    sim->all_samples = n;
    sim->first_sample = first + group * n / ngroups;
    sim->nsamples = first + (group + 1) * n / ngroups - sim->first_sample;
    return 0;
}

static int plan_kernels(stc_sim *sim, stage_plan *plan)
{
    plan->nkernels = plan->stage->nkernels;
    plan->kernels = stc_alloc(plan->nkernels, sizeof *plan->kernels);
    if (!plan->kernels) return STC_ERR_NOMEM;
    for (int k = 0; k < plan->nkernels; k++) {
        kernel_plan *kernel = &plan->kernels[k];
        kernel->kernel = &sim->program->kernels[plan->stage->first_kernel + k];
        for (int which = 0; which < 2; which++) {
            kernel->operand[which].stage = -1;
            if (kernel->kernel->operand[which].stage < 0) continue;
            if (kernel->kernel->kind == STC_KERNEL_DELIVER) continue; /* rows say where */
            STC_TRY(
                stc_access_create(sim, &kernel->kernel->operand[which], &kernel->operand[which]));
        }
    }
    return 0;
}

static int allocate_scratch(stc_sim *sim)
{
    scratch_need need = {64, 64, 64, 64, 64};
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        stc_kernel_kind kind = plan->kernels[0].kernel->kind;
        if (plan->nboxes == 0) continue;
        if (plan->assembly) {
            const int64_t bytes = stc_sim_population_need(plan->assembly);
            need.panel2 = bytes > need.panel2 ? bytes : need.panel2;
        } else if (kind == STC_KERNEL_ACCUMULATE || kind == STC_KERNEL_READ) {
            stc_sim_sum_need(sim, plan, &need);
        } else {
            stc_sim_direct_need(sim, plan, &need);
        }
    }
    sim->scratch = stc_alloc(sim->threads, sizeof *sim->scratch);
    if (!sim->scratch) return STC_ERR_NOMEM;
    for (int i = 0; i < sim->threads; i++) {
        scratch *s = &sim->scratch[i];
        s->panel = stc_alloc(need.panel + 64, 1);
        s->panel2 = stc_alloc(need.panel2 + 64, 1);
        s->x = stc_alloc(need.x, sizeof *s->x);
        s->x2 = stc_alloc(need.x2, sizeof *s->x2);
        s->sums = stc_alloc(need.sums, sizeof *s->sums);
        s->gemm = stc_alloc(sim->kernels->gemm_scratch_bytes, 1);
        if (!s->panel || !s->panel2 || !s->x || !s->x2 || !s->sums || !s->gemm) {
            return STC_ERR_NOMEM;
        }
    }
    return 0;
}

static int allocate_outputs(stc_sim *sim, stage_plan *plan)
{
    for (int32_t s = 0; s < sim->program->nstages; s++) { /* ids in the order of names */
        const stc_stage *other = &sim->program->stages[s];
        if (other->is_output && strcmp(other->output_name, plan->stage->output_name) < 0) {
            plan->first_output_id += stc_shape_size(&other->shape);
        }
    }
    int64_t steps = plan->timing == ONCE_PER_SAMPLE ? 1 : sim->steps;
    int64_t rows = stc_sim_product(sim->all_samples, steps);
    plan->outputs = stc_alloc(stc_sim_product(rows, stc_shape_size(&plan->stage->shape)),
                              sizeof *plan->outputs);
    return plan->outputs ? 0 : STC_ERR_NOMEM;
}

/* A record has 56 bits for sample, step and id (record.c). */
static int check_records(const stc_sim *sim, const stage_plan *plan)
{
    int64_t size = stc_shape_size(&plan->stage->shape);
    int64_t whens = (sim->all_first + sim->all_samples) * sim->steps;
    STC_CHECK(stc_sim_product(whens, size) <= INT64_C(1) << 56, STC_ERR_FIT,
              "%lld steps of %lld neurons of node %s are more than can be recorded; run fewer "
              "samples at a time or do not record",
              (long long)whens, (long long)size, plan->stage->name);
    return 0;
}

/* Everything that needs no other rank. */
static int prepare_local(stc_sim *sim, int ngroups, int group)
{
    int32_t nstages = sim->program->nstages;
    STC_TRY(stc_kernel_set_find(sim->options.kernel, &sim->kernels));
    sim->threads = choose_threads(sim);
    STC_TRY(choose_steps(sim));
    STC_TRY(choose_samples(sim, ngroups, group));
    sim->stages = stc_alloc(nstages, sizeof *sim->stages);
    sim->rank_of_tile = stc_alloc(sim->program->ntiles, sizeof *sim->rank_of_tile);
    sim->sample_start = stc_alloc(sim->nsamples, sizeof *sim->sample_start);
    sim->sample_end = stc_alloc(sim->nsamples, sizeof *sim->sample_end);
    if (!sim->stages || !sim->rank_of_tile || !sim->sample_start || !sim->sample_end) {
        return STC_ERR_NOMEM;
    }
    STC_TRY(stc_sim_plan_shard(sim));
    for (int32_t s = 0; s < nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        STC_TRY(plan_kernels(sim, plan));
        if (plan->stage->is_input && plan->nboxes) STC_TRY(stc_sim_preload(sim, plan));
        if (plan->stage->is_output) STC_TRY(allocate_outputs(sim, plan));
        if (plan->spiking && sim->options.record_spikes) STC_TRY(check_records(sim, plan));
    }
    STC_TRY(stc_sim_load_weights(sim));
    STC_TRY(stc_sim_load_neurons(sim));
    STC_TRY(stc_sim_load_populations(sim));
    STC_TRY(stc_sim_load_generators(sim));
    STC_TRY(stc_sim_plan_traces(sim));
    STC_TRY(allocate_scratch(sim));
    return stc_exchange_create(sim);
}

static void start_threads(const stc_sim *sim)
{
#pragma omp parallel num_threads(sim->threads)
    sim->kernels->thread_start();
}

static int make_groups(const stc_comm *world, stc_sim *sim, int *ngroups, int *group)
{
    *ngroups = sim->options.replicas > 1 ? sim->options.replicas : 1;
    STC_CHECK(world->size % *ngroups == 0, STC_ERR_USAGE,
              "--replicas %d does not divide the %d ranks", *ngroups, world->size);
    STC_CHECK(sim->options.alone.of == 0 || world->size == 1, STC_ERR_USAGE,
              "a share is held by one rank, but there are %d", world->size);
    int size = world->size / *ngroups;
    *group = world->rank / size;
    MPI_Comm mpi;
    MPI_Comm_split(world->mpi, *group, world->rank, &mpi);
    sim->group = stc_comm_of(mpi);
    return 0;
}

int stc_sim_create(const stc_comm *comm, const stc_program *program, const stc_input *input,
                   const stc_run_options *options, stc_sim **out)
{
    double start = stc_seconds();
    stc_sim *sim = stc_alloc(1, sizeof *sim);
    STC_TRY(stc_agree(comm, sim ? 0 : STC_ERR_NOMEM));
    *sim = (stc_sim){.world = *comm, .program = program, .input = input, .options = *options};
    sim->group.mpi = MPI_COMM_NULL;
    int ngroups, group;
    int rc = make_groups(comm, sim, &ngroups, &group);
    if (rc >= 0) rc = prepare_local(sim, ngroups, group);
    rc = stc_agree(comm, rc);
    if (rc >= 0) rc = stc_agree(comm, stc_sim_agree_grid(sim));
    if (rc >= 0) rc = stc_agree(comm, stc_exchange_connect(sim));
    if (rc < 0) {
        stc_sim_destroy(&sim);
        return rc;
    }
    start_threads(sim);
    sim->load_seconds = stc_seconds() - start;
    *out = sim;
    return 0;
}

/* ---- beats ---- */

/* Steps first .. first+steps of the item of a beat. */
static void compute(stc_sim *sim, stage_plan *plan, int64_t beat, int64_t first, int64_t steps)
{
    const int64_t item = stc_sim_item(sim, plan, beat);
    double start = stc_seconds();
    stc_kernel_kind kind = plan->kernels[0].kernel->kind;
    bool sum = kind == STC_KERNEL_ACCUMULATE || kind == STC_KERNEL_READ;
    if (plan->assembly) {
        stc_sim_assemblies(sim, 1, &plan->assembly, beat, first, first + steps, steps);
    } else if (sum) {
        stc_sim_sum(sim, plan, item, first, steps);
        for (int i = 0; i < sim->threads; i++) {
            plan->spikes += sim->scratch[i].spikes;
            plan->checksum += sim->scratch[i].checksum;
            sim->scratch[i].spikes = 0;
            sim->scratch[i].checksum = 0;
        }
    } else {
        stc_sim_direct(sim, plan, item, first, steps);
    }
    plan->seconds += stc_seconds() - start;
}

static void record(stc_sim *sim, stage_plan *plan, int64_t item)
{
    const double start = stc_phase_start(sim);
    stc_sim_record(sim, plan, item);
    if (sim->options.phases) sim->record_seconds += stc_seconds() - start;
}

static void run_stage(stc_sim *sim, stage_plan *plan, int64_t beat)
{
    int64_t item = stc_sim_item(sim, plan, beat);
    if (plan->nboxes == 0 || item < 0 || plan->drawn_where_used) return;
    bool last_block = item % sim->nblocks == sim->nblocks - 1;
    bool gathers = stc_kernel_gathers(plan->kernels[0].kernel);
    if (plan->timing == ONCE_PER_SAMPLE && !last_block && !gathers) return;
    int64_t block = item % sim->nblocks;
    compute(sim, plan, beat, 0,
            gathers ? stc_sim_block_length(sim, block) : stc_sim_steps_in_block(sim, plan, block));
    if (plan->timing != ONCE_PER_SAMPLE || last_block) record(sim, plan, item);
}

/* The stages of a cycle, n of them from order[at] on: in pieces of its smallest delay. When a piece
 * is as long as a block, other ranks may hold some of its tiles and levels may differ. */
static void run_pieces(stc_sim *sim, int32_t at, int32_t n, int64_t beat)
{
    int64_t piece = sim->cycle_delay[sim->stages[sim->order[at]].cycle];
    for (int64_t first = 0; first < sim->block; first += piece) {
        for (int32_t i = at; i < at + n; i++) {
            stage_plan *plan = &sim->stages[sim->order[i]];
            int64_t item = stc_sim_item(sim, plan, beat);
            if (plan->nboxes == 0 || item < 0) continue;
            int64_t left = stc_sim_block_length(sim, item % sim->nblocks) - first;
            if (left <= 0) continue;
            compute(sim, plan, beat, first, left < piece ? left : piece);
        }
    }
}

/* The assemblies of a cycle that consists of populations, all of a piece at once. */
static void run_populations(stc_sim *sim, int32_t cycle, int64_t beat)
{
    int n = 0;
    double start = stc_seconds();
    for (int i = 0; i < sim->nassemblies; i++)
        if (stc_assembly_stage(sim->assemblies[i])->cycle == cycle)
            sim->together[n++] = sim->assemblies[i];
    if (n == 0) return;
    stc_sim_assemblies(sim, n, sim->together, beat, 0, sim->block, sim->cycle_delay[cycle]);
    stc_assembly_stage(sim->together[0])->seconds += stc_seconds() - start;
}

static void run_cycle(stc_sim *sim, int32_t at, int32_t n, int64_t beat)
{
    const stage_plan *first = &sim->stages[sim->order[at]];
    if (first->in_pure_cycle)
        run_populations(sim, first->cycle, beat);
    else
        run_pieces(sim, at, n, beat);
    for (int32_t i = at; i < at + n; i++) {
        stage_plan *plan = &sim->stages[sim->order[i]];
        int64_t item = stc_sim_item(sim, plan, beat);
        if (plan->nboxes > 0 && item >= 0) record(sim, plan, item);
    }
}

/* All stages that wait for the last messages, or all that do not. */
static void run_stages(stc_sim *sim, bool remote, int64_t beat)
{
    for (int32_t i = 0, n; i < sim->program->nstages; i += n) {
        stage_plan *plan = &sim->stages[sim->order[i]];
        for (n = 1; plan->cycle >= 0 && i + n < sim->program->nstages &&
                    sim->stages[sim->order[i + n]].cycle == plan->cycle;)
            n++;
        if (plan->remote != remote) continue;
        if (plan->cycle >= 0) {
            run_cycle(sim, i, n, beat);
        } else {
            run_stage(sim, plan, beat);
        }
    }
}

static void run_beat(stc_sim *sim, int64_t beat)
{
    run_stages(sim, false, beat);
    stc_sim_begin_assemblies(sim, beat);
    const bool alone = sim->options.alone.of > 0;
    double start = stc_seconds();
    (alone ? stc_alone_receive : stc_exchange_receive)(sim, beat);
    sim->wait_seconds += stc_seconds() - start;
    run_stages(sim, true, beat);
    start = stc_seconds();
    stc_exchange_send(sim, beat);
    sim->wait_seconds += stc_seconds() - start;
}

/* What was before it is left out of the seconds and counts of the measured part. */
static void begin_measuring(stc_sim *sim, int64_t beat)
{
    int64_t step = beat / sim->period * sim->block;
    if (sim->measured_from >= 0 || step < sim->options.measure_from) return;
    sim->measured_from = step;
    sim->measure_start = stc_seconds();
    for (int32_t s = 0; s < sim->program->nstages; s++)
        sim->stages[s].unmeasured = sim->stages[s].spikes;
}

int stc_sim_run(stc_sim *sim)
{
    double start = stc_seconds();
    int64_t beats = stc_sim_beats(sim), per_sample = sim->period * sim->nblocks;
    sim->measured_from = -1;
    for (int64_t beat = 0; beat < beats; beat++) {
        double now = stc_seconds();
        begin_measuring(sim, beat);
        if (beat % per_sample == 0 && beat / per_sample < sim->nsamples) {
            sim->sample_start[beat / per_sample] = now;
        }
        run_beat(sim, beat);
        /* the deepest level computes block i in beat period * i + nlevels - 1 */
        int64_t done = beat - (sim->nlevels - 1) + sim->period;
        if (done > 0 && done % per_sample == 0) {
            sim->sample_end[done / per_sample - 1] = stc_seconds();
            stc_progress("run", done / per_sample, sim->nsamples);
        }
    }
    sim->simulate_seconds = stc_seconds() - start;
    sim->measured_seconds = sim->measured_from < 0 ? 0.0 : stc_seconds() - sim->measure_start;
    return stc_agree(&sim->world, sim->rc);
}

/* ---- end ---- */

static void destroy_kernel(kernel_plan *kernel)
{
    for (int i = 0; i < kernel->nchunks; i++) {
        stc_free(kernel->chunks[i].packed);
        stc_free(kernel->chunks[i].scale);
        stc_free(kernel->chunks[i].bias);
        stc_free(kernel->chunks[i].pad);
    }
    stc_free(kernel->chunks);
    stc_free(kernel->scale);
    stc_free(kernel->shift);
    stc_access_destroy(&kernel->operand[0]);
    stc_access_destroy(&kernel->operand[1]);
}

static void destroy_stage(stage_plan *plan)
{
    for (int k = 0; plan->kernels && k < plan->nkernels; k++)
        destroy_kernel(&plan->kernels[k]);
    for (int b = 0; plan->boxes && b < plan->nboxes; b++) {
        stc_free(plan->boxes[b].state);
        stc_free(plan->boxes[b].start);
        stc_free(plan->boxes[b].delay);
        for (int c = 0; c < STC_MAX_NEURON_COEFFICIENTS; c++)
            stc_free(plan->boxes[b].coefficient[c]);
    }
    for (int c = 0; c < STC_MAX_NEURON_COEFFICIENTS; c++)
        stc_free(plan->common[c]);
    for (int i = 0; i < plan->ntraces; i++)
        stc_free(plan->traces[i].values);
    stc_free(plan->traces);
    stc_sim_destroy_generator(&plan->generator);
    stc_sim_destroy_list(&plan->fired);
    stc_free(plan->kernels);
    stc_free(plan->boxes);
    stc_free(plan->buffer);
    stc_free(plan->preloaded);
    stc_free(plan->records);
    stc_free(plan->outputs);
}

void stc_sim_destroy(stc_sim **out)
{
    stc_sim *sim = *out;
    if (!sim) return;
    stc_exchange_destroy(&sim->exchange);
    for (int32_t s = 0; sim->stages && s < sim->program->nstages; s++) {
        destroy_stage(&sim->stages[s]);
    }
    if (sim->assemblies) stc_sim_destroy_assemblies(sim);
    for (int i = 0; sim->scratch && i < sim->threads; i++) {
        stc_free(sim->scratch[i].panel);
        stc_free(sim->scratch[i].panel2);
        stc_free(sim->scratch[i].x);
        stc_free(sim->scratch[i].x2);
        stc_free(sim->scratch[i].sums);
        stc_free(sim->scratch[i].gemm);
    }
    stc_free(sim->scratch);
    stc_free(sim->stages);
    stc_free(sim->rank_of_tile);
    stc_free(sim->order);
    stc_free(sim->cycle_delay);
    stc_free(sim->zeros);
    stc_free(sim->sample_start);
    stc_free(sim->sample_end);
    if (sim->group.mpi != MPI_COMM_NULL) MPI_Comm_free(&sim->group.mpi);
    stc_free(sim);
    *out = NULL;
}
