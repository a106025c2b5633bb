/* record.c - what is kept of a run: spikes, outputs, checksums; and its collection at the end.
 *
 * A spike is one 64-bit word, (when * size + id) << 8 | value, where `when` counts the steps of all
 * samples and id is the C-order index in the source shape: sorting the words sorts the spikes. */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

/* ---- during the run ---- */

/* Room for `more` records; grows between kernels, never inside one. */
static bool reserve_records(stc_sim *sim, stage_plan *plan, int64_t more)
{
    if (plan->nrecords + more <= plan->record_capacity) return true;
    int64_t capacity = 2 * plan->record_capacity + more + 1024;
    uint64_t *records = stc_alloc(capacity, sizeof *records);
    if (!records) {
        if (sim->rc >= 0) sim->rc = STC_ERR_NOMEM;
        return false;
    }
    if (plan->nrecords) memcpy(records, plan->records, (size_t)plan->nrecords * sizeof *records);
    stc_free(plan->records);
    plan->records = records;
    plan->record_capacity = capacity;
    return true;
}

/* Calls of fn for every row (a run of channels) of the boxes at one step: its values in the window
 * and the source index of its first element; the others follow source_stride apart. */
typedef void row_fn(stc_sim *sim, stage_plan *plan, const unsigned char *values, int64_t n,
                    int64_t source_index, uint64_t when);

static void for_each_row(stc_sim *sim, stage_plan *plan, int64_t item, int64_t step, uint64_t when,
                         row_fn *fn)
{
    const unsigned char *values = stc_sim_at(plan, item, step);
    int64_t size = stc_dtype_size(plan->stage->dtype);
    for (int b = 0; b < plan->nboxes; b++) {
        const stc_box *box = &plan->boxes[b].box;
        int64_t index[STC_MAX_NDIM];
        memcpy(index, box->lo, sizeof index);
        do {
            int64_t element = stc_sim_element(plan, index), source = 0;
            for (int a = 0; a < box->ndim; a++)
                source += index[a] * plan->source_stride[a];
            fn(sim, plan, values + element * size, plan->boxes[b].channels, source, when);
        } while (stc_sim_next_row(box, index));
    }
}

static void record_row(stc_sim *sim, stage_plan *plan, const unsigned char *values, int64_t n,
                       int64_t source, uint64_t when)
{
    enum { PIECE = 64 };
    if (!reserve_records(sim, plan, n)) return;
    uint64_t size = (uint64_t)stc_shape_size(&plan->stage->shape);
    int64_t stride =
        plan->stage->storage.ndim ? plan->source_stride[plan->stage->storage.ndim - 1] : 1;
    uint64_t *out = plan->records + plan->nrecords;
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t end = from + PIECE < n ? from + PIECE : n;
        unsigned char any = 0;
        for (int64_t i = from; i < end; i++)
            any |= values[i];
        for (int64_t i = from; any && i < end; i++) {
            /* written always, kept only if it spiked: no branch to mispredict */
            *out = (when * size + (uint64_t)(source + i * stride)) << 8 | values[i];
            out += values[i] != 0;
        }
    }
    plan->nrecords = out - plan->records;
}

/* The same of neurons that list their spikes; other parts of the list are of other ranks. */
static void record_list(stc_sim *sim, stage_plan *plan, int64_t slot, uint64_t when)
{
    const uint64_t size = (uint64_t)stc_shape_size(&plan->stage->shape);
    for (int part = 0; part < sim->threads; part++) {
        int64_t *count;
        const uint32_t *element = stc_fired(plan, slot, part, &count);
        if (!reserve_records(sim, plan, *count)) return;
        for (int64_t i = 0; i < *count; i++) {
            const uint64_t id = (uint64_t)(plan->window.lo[0] + element[i]);
            plan->records[plan->nrecords++] = (when * size + id) << 8 | 1;
        }
    }
}

static float row_value(const stage_plan *plan, const unsigned char *values, int64_t i)
{
    const void *v = values;
    float unit = (float)plan->stage->kind.unit;
    switch (plan->stage->dtype) {
    case STC_U8:
        return (float)values[i] * unit;
    case STC_U16:
        return (float)((const uint16_t *)v)[i] * unit;
    case STC_I32:
        return (float)((const int32_t *)v)[i] * unit;
    case STC_F32:
        break;
    }
    return ((const float *)v)[i];
}

static void output_row(stc_sim *sim, stage_plan *plan, const unsigned char *values, int64_t n,
                       int64_t source, uint64_t when)
{
    bool once = plan->timing == ONCE_PER_SAMPLE;
    uint64_t sample = when / (uint64_t)sim->steps;
    uint64_t step = once ? 0 : when % (uint64_t)sim->steps;
    uint64_t key = stc_record_key(sample, step);
    int64_t row = (int64_t)sample - sim->all_first;
    if (!once) row = row * sim->steps + (int64_t)step;
    float *out = plan->outputs + row * stc_shape_size(&plan->stage->shape);
    int64_t stride =
        plan->stage->storage.ndim ? plan->source_stride[plan->stage->storage.ndim - 1] : 1;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = source + i * stride;
        uint32_t bits;
        out[at] = row_value(plan, values, i);
        memcpy(&bits, &out[at], sizeof bits);
        sim->output_checksum += stc_record_hash(key, (uint64_t)(plan->first_output_id + at), bits);
    }
}

void stc_sim_record(stc_sim *sim, stage_plan *plan, int64_t item)
{
    bool spikes = sim->options.record_spikes && plan->spiking;
    if (plan->counted) stc_sim_count_item(sim, plan, item);
    if (plan->nboxes == 0 || (!spikes && !plan->stage->is_output)) return;
    int64_t block = item % sim->nblocks;
    /* an output that is the same at every step is recorded at every step all the same */
    int64_t steps = plan->timing == ONCE_PER_SAMPLE ? 1 : stc_sim_block_length(sim, block);
    uint64_t sample = (uint64_t)(sim->first_sample + item / sim->nblocks);
    for (int64_t t = 0; t < steps; t++) {
        uint64_t when = sample * (uint64_t)sim->steps + (uint64_t)(block * sim->block + t);
        if (spikes && plan->fired)
            record_list(sim, plan, stc_sim_slot(plan, item, t), when);
        else if (spikes)
            for_each_row(sim, plan, item, t, when, record_row);
        if (plan->stage->is_output) for_each_row(sim, plan, item, t, when, output_row);
    }
}

/* ---- after the run ---- */

/* Least significant digit first; bytes that are equal in all words are skipped. */
static int sort_records(uint64_t *words, int64_t n)
{
    if (n == 0) return 0;
    uint64_t *other = stc_alloc(n, sizeof *other);
    if (!other) return STC_ERR_NOMEM;
    uint64_t any = 0, all = ~UINT64_C(0);
    for (int64_t i = 0; i < n; i++) {
        any |= words[i];
        all &= words[i];
    }
    uint64_t *from = words, *to = other;
    for (int shift = 8; shift < 64; shift += 8) { /* the value byte need not be sorted */
        if (((any ^ all) >> shift & 255) == 0) continue;
        int64_t start[257] = {0};
        for (int64_t i = 0; i < n; i++)
            start[(from[i] >> shift & 255) + 1]++;
        for (int d = 0; d < 256; d++)
            start[d + 1] += start[d];
        for (int64_t i = 0; i < n; i++)
            to[start[from[i] >> shift & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != words) memcpy(words, from, (size_t)n * sizeof *words);
    stc_free(other);
    return 0;
}

/* Send every record to the rank that writes its samples: rank r those of the r-th share. */
static int redistribute(const stc_sim *sim, const stage_plan *plan, uint64_t **out, int64_t *n)
{
    int ranks = sim->world.size;
    int64_t *counts = stc_alloc((int64_t)ranks * 2, sizeof *counts);
    int *sizes = stc_alloc((int64_t)ranks * 4, sizeof *sizes);
    int rc = stc_agree(&sim->world, counts && sizes ? 0 : STC_ERR_NOMEM);
    if (rc < 0) goto out;
    int64_t *sent = counts, *received = counts + ranks, total = 0;
    int *send = sizes, *send_at = sizes + ranks, *receive = sizes + 2 * ranks,
        *receive_at = sizes + 3 * ranks;
    uint64_t per_sample = (uint64_t)(sim->steps * stc_shape_size(&plan->stage->shape));
    for (int64_t i = 0; i < plan->nrecords; i++) {
        int64_t sample = (int64_t)((plan->records[i] >> 8) / per_sample) - sim->all_first;
        sent[sample * ranks / sim->all_samples]++;
    }
    MPI_Alltoall(sent, 1, MPI_INT64_T, received, 1, MPI_INT64_T, sim->world.mpi);
    for (int r = 0; r < ranks; r++)
        total += received[r];
    int64_t most = total > plan->nrecords ? total : plan->nrecords;
    if (most > INT32_MAX) { /* what MPI can count */
        rc = stc_fail(STC_ERR_FIT, "%lld spikes of node %s on one rank; use more ranks or samples",
                      (long long)most, plan->stage->name);
    } else {
        *out = stc_alloc(total, sizeof **out);
        rc = *out ? 0 : STC_ERR_NOMEM;
    }
    rc = stc_agree(&sim->world, rc);
    if (rc < 0) goto out;
    for (int r = 0; r < ranks; r++) {
        send[r] = (int)sent[r];
        receive[r] = (int)received[r];
        send_at[r] = r ? send_at[r - 1] + send[r - 1] : 0;
        receive_at[r] = r ? receive_at[r - 1] + receive[r - 1] : 0;
    }
    /* the records of this rank are sorted by time, so they lie in the order of the receivers */
    MPI_Alltoallv(plan->records, send, send_at, MPI_UINT64_T, *out, receive, receive_at,
                  MPI_UINT64_T, sim->world.mpi);
    *n = total;
    rc = stc_agree(&sim->world, sort_records(*out, *n));
out:
    stc_free(counts);
    stc_free(sizes);
    return rc;
}

static int split_records(const stc_sim *sim, const stage_plan *plan, const uint64_t *words,
                         stc_population *out)
{
    uint64_t size = (uint64_t)stc_shape_size(&plan->stage->shape), steps = (uint64_t)sim->steps;
    out->sample = stc_alloc(out->n, sizeof *out->sample);
    out->step = stc_alloc(out->n, sizeof *out->step);
    out->id = stc_alloc(out->n, sizeof *out->id);
    out->value = stc_alloc(out->n, sizeof *out->value);
    if (!out->sample || !out->step || !out->id || !out->value) return STC_ERR_NOMEM;
    for (int64_t i = 0; i < out->n; i++) {
        uint64_t key = words[i] >> 8, when = key / size;
        out->id[i] = (int64_t)(key % size);
        out->sample[i] = (int64_t)(when / steps);
        out->step[i] = (int64_t)(when % steps);
        out->value[i] = (uint8_t)words[i];
    }
    return 0;
}

static int collect_population(stc_sim *sim, stage_plan *plan, stc_population *out)
{
    const stc_stage *stage = plan->stage;
    *out = (stc_population){.name = stage->name,
                            .shape = stage->shape,
                            .first_id = stage->first_id,
                            .unit = stage->kind.unit,
                            .max = stage->kind.max,
                            .counted = stage->counted};
    out->total = (int64_t)stc_comm_sum_u64(&sim->world, (uint64_t)plan->spikes);
    out->measured = (int64_t)stc_comm_sum_u64(
        &sim->world, (uint64_t)(sim->measured_from < 0 ? 0 : plan->spikes - plan->unmeasured));
    if (!sim->options.record_spikes) return 0;
    int rc = stc_agree(&sim->world, sort_records(plan->records, plan->nrecords));
    uint64_t *words = NULL;
    if (rc >= 0) rc = redistribute(sim, plan, &words, &out->n);
    if (rc >= 0) rc = stc_agree(&sim->world, split_records(sim, plan, words, out));
    stc_free(words);
    stc_free(plan->records);
    plan->records = NULL;
    plan->nrecords = plan->record_capacity = 0;
    return rc;
}

/* Every element was written by one rank and is zero on the others: their bits add up. */
static int collect_output(stc_sim *sim, stage_plan *plan, stc_output *out)
{
    bool once = plan->timing == ONCE_PER_SAMPLE;
    *out = (stc_output){.name = plan->stage->output_name,
                        .shape = plan->stage->shape,
                        .first_id = plan->first_output_id,
                        .steps = once ? 0 : sim->steps,
                        .spiking = !once && !stc_kind_is_real(plan->stage->kind)};
    int64_t n = sim->all_samples * (once ? 1 : sim->steps) * stc_shape_size(&out->shape);
    enum { PIECE = 1 << 24 };
    for (int64_t i = 0; i < n; i += PIECE) {
        int count = n - i < PIECE ? (int)(n - i) : PIECE;
        bool root = sim->world.rank == 0;
        MPI_Reduce(root ? MPI_IN_PLACE : plan->outputs + i, root ? plan->outputs + i : NULL, count,
                   MPI_UINT32_T, MPI_SUM, 0, sim->world.mpi);
    }
    if (sim->world.rank == 0) {
        out->values = plan->outputs;
        plan->outputs = NULL;
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Latency of a sample: from the beat in which it enters to the one in which it is complete. */
static void measure_latency(const stc_sim *sim, stc_result *out)
{
    int64_t n = sim->nsamples;
    double *latency = stc_alloc(n, sizeof *latency);
    if (!latency || n == 0) {
        stc_free(latency);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        latency[i] = sim->sample_end[i] - sim->sample_start[i];
    qsort(latency, (size_t)n, sizeof *latency, by_time);
    out->latency_p50 = latency[n / 2];
    out->latency_p99 = latency[(n * 99) / 100];
    stc_free(latency);
}

/* Accuracy of the first output: argmax of its values (of counts over the steps), first on ties. */
static void score(const stc_sim *sim, stc_result *out)
{
    if (!sim->input->labels || out->noutputs == 0 || !out->outputs[0].values) return;
    const stc_output *output = &out->outputs[0];
    int64_t size = stc_shape_size(&output->shape), steps = output->steps ? output->steps : 1;
    for (int64_t i = 0; i < sim->all_samples; i++) {
        int64_t best = 0;
        double most = 0.0;
        for (int64_t c = 0; c < size; c++) {
            double sum = 0.0;
            for (int64_t t = 0; t < steps; t++) {
                sum += (double)output->values[(i * steps + t) * size + c];
            }
            if (c == 0 || sum > most) {
                best = c;
                most = sum;
            }
        }
        out->labelled++;
        out->correct += best == sim->input->labels[sim->all_first + i];
    }
}

static void collect_numbers(stc_sim *sim, stc_result *out)
{
    const stc_comm *world = &sim->world;
    uint64_t checksum = 0, spikes = 0;
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        checksum += sim->stages[s].checksum;
        spikes += (uint64_t)sim->stages[s].spikes;
    }
    out->spike_checksum = stc_comm_sum_u64(world, checksum);
    out->output_checksum = stc_comm_sum_u64(world, sim->output_checksum);
    out->spikes = (int64_t)stc_comm_sum_u64(world, spikes);
    out->exchange.messages = (int64_t)stc_comm_sum_u64(world, (uint64_t)sim->messages);
    out->exchange.bytes = (int64_t)stc_comm_sum_u64(world, (uint64_t)sim->bytes);
    out->exchange.spike_copies = (int64_t)stc_comm_sum_u64(world, (uint64_t)sim->spike_copies);
    int64_t messages, bytes;
    stc_exchange_between_nodes(sim->exchange, &messages, &bytes);
    out->exchange.node_messages = (int64_t)stc_comm_sum_u64(world, (uint64_t)messages);
    out->exchange.node_bytes = (int64_t)stc_comm_sum_u64(world, (uint64_t)bytes);
    out->peak_rss_bytes = (int64_t)stc_comm_sum_u64(world, (uint64_t)stc_peak_rss_bytes());
    out->seconds.load = stc_comm_max(world, sim->load_seconds);
    out->seconds.simulate = stc_comm_max(world, sim->simulate_seconds);
    out->seconds.measured = stc_comm_max(world, sim->measured_seconds);
    out->measured_from = sim->measured_from < 0 ? sim->steps : sim->measured_from;
    out->first_sample = sim->all_first;
    out->samples = sim->all_samples;
    out->steps = sim->steps;
    out->dt_ms = sim->program->dt > 0.0 ? sim->program->dt * 1e3 : 1.0;
    out->stamps_end = stc_program_stamps_end(sim->program);
    out->recorded = sim->options.record_spikes;
    if (out->seconds.simulate > 0.0) {
        out->samples_per_second = (double)sim->all_samples / out->seconds.simulate;
    }
    out->ranks = world->size;
    out->threads = sim->threads;
    out->kernel = sim->kernels->name;
    out->program_name = sim->program->name;
    out->model_sha256 = sim->program->model_sha256;
    out->input_path = sim->input->path;
    out->rules = sim->program->rules ? sim->program->rules : "";
    out->command = out->input_sha256 = ""; /* the caller knows */
    out->seed = sim->program->seed;
    out->chips = sim->program->chips;
    measure_latency(sim, out);
}

static int64_t count_traces(const stc_sim *sim)
{
    int64_t n = 0;
    for (int32_t s = 0; s < sim->program->nstages; s++)
        n += sim->stages[s].ntraces;
    return n;
}

int stc_sim_result(stc_sim *sim, stc_result **result)
{
    int32_t nstages = sim->program->nstages;
    stc_result *out = stc_alloc(1, sizeof *out);
    if (out) {
        out->populations = stc_alloc(nstages, sizeof *out->populations);
        out->outputs = stc_alloc(nstages, sizeof *out->outputs);
        out->traces = stc_alloc(count_traces(sim), sizeof *out->traces);
    }
    int rc = out && out->populations && out->outputs && out->traces ? 0 : STC_ERR_NOMEM;
    rc = stc_agree(&sim->world, rc);
    for (int32_t s = 0; rc >= 0 && s < nstages; s++) {
        stage_plan *plan = &sim->stages[s];
        if (plan->spiking) {
            rc = collect_population(sim, plan, &out->populations[out->npopulations++]);
        }
        for (int i = 0; i < plan->ntraces && rc >= 0; i++)
            rc = stc_sim_collect_trace(sim, plan, i, &out->traces[out->ntraces++]);
        if (rc >= 0 && plan->stage->is_output) {
            rc = collect_output(sim, plan, &out->outputs[out->noutputs++]);
        }
    }
    if (rc < 0) {
        stc_result_destroy(&out);
        return rc;
    }
    collect_numbers(sim, out);
    score(sim, out);
    *result = out;
    return 0;
}

void stc_result_destroy(stc_result **result)
{
    stc_result *r = *result;
    if (!r) return;
    for (int i = 0; r->populations && i < r->npopulations; i++) {
        stc_free(r->populations[i].sample);
        stc_free(r->populations[i].step);
        stc_free(r->populations[i].id);
        stc_free(r->populations[i].value);
    }
    for (int i = 0; r->outputs && i < r->noutputs; i++)
        stc_free(r->outputs[i].values);
    for (int i = 0; r->traces && i < r->ntraces; i++) {
        stc_free(r->traces[i].ids);
        stc_free(r->traces[i].values);
    }
    stc_free(r->traces);
    stc_free(r->populations);
    stc_free(r->outputs);
    stc_free(r);
    *result = NULL;
}
