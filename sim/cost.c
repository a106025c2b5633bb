/* cost.c - where the time of a run goes: by stage, and by the parts of a step of populations. */
#include "assembly.h"

static const char *kernel_kind_name(stc_kernel_kind kind)
{
    static const char *const names[] = {
        [STC_KERNEL_INPUT] = "input",        [STC_KERNEL_ACCUMULATE] = "accumulate",
        [STC_KERNEL_READ] = "read",          [STC_KERNEL_NEURON] = "neuron",
        [STC_KERNEL_MATMUL] = "matmul",      [STC_KERNEL_MUL] = "mul",
        [STC_KERNEL_POOL] = "pool",          [STC_KERNEL_REDUCE] = "reduce",
        [STC_KERNEL_CODE] = "code",          [STC_KERNEL_DELAY] = "delay",
        [STC_KERNEL_DELIVER] = "deliver",    [STC_KERNEL_POPULATION] = "population",
        [STC_KERNEL_GENERATOR] = "generator"};
    _Static_assert(sizeof names / sizeof *names == STC_KERNEL_GENERATOR + 1, "a name for each");
    return names[kind];
}

static void add_sizes(const assembly *a, int64_t *synapses, int64_t *bytes)
{
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        for (int q = 0; q < a->npatches; q++) {
            *synapses += p->table[q].nwords;
            *bytes += p->table[q].nwords * (stc_word_size(p) + (p->extra_bits > 0)) +
                      p->table[q].nrows * p->head_bytes;
        }
    }
}

void stc_sim_phases(const stc_sim *sim, stc_sim_cost *out)
{
    double seconds[STC_NPHASES + 3] = {0};
    int64_t counts[6] = {0};
    const int64_t steps = sim->steps * sim->nsamples;
    for (int t = 0; t < sim->threads; t++) {
        for (int k = 0; k < STC_NPHASES; k++)
            seconds[k] += sim->scratch[t].seconds[k];
        counts[0] += sim->scratch[t].events;
    }
    seconds[STC_NPHASES] = sim->wait_seconds * sim->threads;
    seconds[STC_NPHASES + 1] = sim->simulate_seconds * sim->threads;
    seconds[STC_NPHASES + 2] = sim->record_seconds;
    counts[5] = stc_sim_beats(sim);
    for (int i = 0; i < sim->nassemblies; i++) {
        const assembly *a = sim->assemblies[i];
        for (int k = 0; k < a->nmembers; k++)
            counts[1] += a->members[k].n * a->members[k].ndense * steps;
        counts[2] += a->neurons * steps;
        add_sizes(a, &counts[3], &counts[4]);
    }
    MPI_Allreduce(MPI_IN_PLACE, seconds, STC_NPHASES + 3, MPI_DOUBLE, MPI_SUM, sim->world.mpi);
    MPI_Allreduce(MPI_IN_PLACE, counts, 6, MPI_INT64_T, MPI_SUM, sim->world.mpi);
    *out = (stc_sim_cost){.deliver = seconds[STC_PHASE_DELIVER],
                          .poisson = seconds[STC_PHASE_POISSON],
                          .update = seconds[STC_PHASE_UPDATE],
                          .exchange = seconds[STC_NPHASES],
                          .record = seconds[STC_NPHASES + 2],
                          .exchanges = counts[5],
                          .simulate = seconds[STC_NPHASES + 1],
                          .events = counts[0],
                          .draws = counts[1],
                          .neuron_steps = counts[2],
                          .synapses = counts[3],
                          .synapse_bytes = counts[4]};
}

static void print_part(FILE *file, const char *name, double seconds, int64_t n, const char *unit)
{
    fprintf(file, "%-32s %-10s %5s %10.4f", name, "", "", seconds);
    if (n > 0) fprintf(file, "   %.3f ns per %s", seconds * 1e9 / (double)n, unit);
    fprintf(file, "\n");
}

void stc_sim_print_profile(const stc_sim *sim, FILE *file)
{
    double total = 0.0;
    bool speaks = sim->world.rank == 0;
    if (speaks) fprintf(file, "%-32s %-10s %5s %10s\n", "stage", "kernel", "level", "seconds");
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        const stage_plan *plan = &sim->stages[s];
        double seconds = stc_comm_max(&sim->world, plan->seconds);
        total += seconds;
        if (speaks) {
            fprintf(file, "%-32.32s %-10s %5d %10.4f\n", plan->stage->name,
                    kernel_kind_name(plan->kernels[0].kernel->kind), plan->level, seconds);
        }
    }
    double wait = stc_comm_max(&sim->world, sim->wait_seconds);
    if (speaks) {
        fprintf(file, "%-32s %-10s %5s %10.4f\n", "exchange (pack, send, wait)", "", "", wait);
        fprintf(file, "%-32s %-10s %5s %10.4f\n", "largest of each, summed", "", "", total);
    }
    if (!sim->options.phases || sim->nassemblies == 0) return;
    stc_sim_cost cost;
    stc_sim_phases(sim, &cost);
    if (!speaks) return;
    print_part(file, "deliver, all threads", cost.deliver, cost.events, "synaptic event");
    print_part(file, "one-to-one input", cost.poisson, cost.draws, "draw");
    print_part(file, "update", cost.update, cost.neuron_steps, "neuron and step");
    print_part(file, "record", cost.record, 0, "");
    print_part(file, "threads x ranks x time", cost.simulate, 0, "");
}
