/* run_report.c - see run_report.h. */
#include "run_report.h"

#include "commands.h"

static void print_traces(const stc_result *result)
{
    char a[STC_TEXT_SIZE];
    int64_t n = 0;
    for (int i = 0; i < result->ntraces; i++)
        n += result->traces[i].nids;
    if (n) {
        long long every = (long long)result->traces[0].every;
        printf("traces     %d, of %s neuron%s at every ", result->ntraces, stc_text_count(n, a),
               n == 1 ? "" : "s");
        if (every == 1)
            printf("step\n");
        else
            printf("%lld steps\n", every);
    }
}

void stc_run_print_text(const stc_result *result, const char *path, const char *nirdata)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE];
    if (result->labelled > 0)
        printf("accuracy   %lld of %lld right (%.2f %%)\n", (long long)result->correct,
               (long long)result->labelled,
               100.0 * (double)result->correct / (double)result->labelled);
    printf("spikes     %s in %s sample%s of %lld step%s\n", stc_text_count(result->spikes, a),
           stc_text_count(result->samples, b), result->samples == 1 ? "" : "s",
           (long long)result->steps, result->steps == 1 ? "" : "s");
    printf("checksums  spikes %016llx, outputs %016llx\n",
           (unsigned long long)result->spike_checksum, (unsigned long long)result->output_checksum);
    printf("speed      %.4g samples/s, latency p50 %s p99 %s, %d rank%s x %d thread%s, %s\n",
           result->samples_per_second, stc_text_seconds(result->latency_p50, a),
           stc_text_seconds(result->latency_p99, b), result->ranks, result->ranks == 1 ? "" : "s",
           result->threads, result->threads == 1 ? "" : "s", result->kernel);
    printf("seconds    load %s, simulate %s, write %s\n", stc_text_seconds(result->seconds.load, a),
           stc_text_seconds(result->seconds.simulate, b),
           stc_text_seconds(result->seconds.write, c));
    printf("exchange   %s messages, %s, %s spikes sent to other ranks\n",
           stc_text_count(result->exchange.messages, a), stc_text_bytes(result->exchange.bytes, b),
           stc_text_count(result->exchange.spike_copies, c));
    print_traces(result);
    if (nirdata) printf("wrote      %s (NIRData)\n", nirdata);
    if (!path && !nirdata) {
        printf("nothing was written; -o result.h5 keeps spikes and outputs\n");
        return;
    }
    if (path) printf("wrote      %s\nnext       stc info %s\n", path, path);
}

/* Outputs of the last sample: counts over the steps for spiking outputs, else the last values. */
static void json_outputs(stc_json *out, const stc_result *result)
{
    stc_json_open(out, "outputs", '{');
    for (int i = 0; i < result->noutputs; i++) {
        const stc_output *output = &result->outputs[i];
        int64_t size = stc_shape_size(&output->shape);
        int64_t steps = output->steps ? output->steps : 1;
        const float *last = output->values + (result->samples - 1) * steps * size;
        int64_t first = output->spiking ? 0 : steps - 1;
        stc_json_open(out, output->name, '[');
        for (int64_t e = 0; e < size; e++) {
            double sum = 0.0;
            for (int64_t t = first; t < steps; t++)
                sum += (double)last[t * size + e];
            stc_json_real(out, NULL, sum);
        }
        stc_json_close(out, ']');
    }
    stc_json_close(out, '}');
}

static void json_speed(stc_json *out, const stc_result *result)
{
    double modelled = 1e-3 * result->dt_ms * (double)(result->samples * result->steps);
    stc_json_open(out, "seconds", '{');
    stc_json_real(out, "load", result->seconds.load);
    stc_json_real(out, "simulate", result->seconds.simulate);
    stc_json_real(out, "write", result->seconds.write);
    stc_json_close(out, '}');
    stc_json_real(out, "samples_per_second", result->samples_per_second);
    stc_json_open(out, "latency_seconds", '{');
    stc_json_real(out, "p50", result->latency_p50);
    stc_json_real(out, "p99", result->latency_p99);
    stc_json_close(out, '}');
    stc_json_real(out, "real_time_factor", result->seconds.simulate / modelled);
    stc_json_open(out, "exchange", '{');
    stc_json_int(out, "messages", result->exchange.messages);
    stc_json_int(out, "bytes", result->exchange.bytes);
    stc_json_int(out, "spike_copies", result->exchange.spike_copies);
    stc_json_int(out, "node_messages", result->exchange.node_messages);
    stc_json_int(out, "node_bytes", result->exchange.node_bytes);
    stc_json_close(out, '}');
    stc_json_int(out, "peak_rss_bytes", result->peak_rss_bytes);
}

void stc_run_print_json(const stc_result *result, const char *path, const char *nirdata)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_int(&out, "samples", result->samples);
    stc_json_int(&out, "steps", result->steps);
    stc_json_int(&out, "spikes", result->spikes);
    stc_json_open(&out, "nodes", '{');
    for (int i = 0; i < result->npopulations; i++)
        stc_json_int(&out, result->populations[i].name, result->populations[i].total);
    stc_json_close(&out, '}');
    stc_json_hex64(&out, "spike_checksum", result->spike_checksum);
    stc_json_hex64(&out, "output_checksum", result->output_checksum);
    json_outputs(&out, result);
    if (result->labelled > 0) {
        stc_json_int(&out, "correct", result->correct);
        stc_json_real(&out, "accuracy", (double)result->correct / (double)result->labelled);
    }
    json_speed(&out, result);
    stc_json_int(&out, "ranks", result->ranks);
    stc_json_int(&out, "threads", result->threads);
    stc_json_int(&out, "chips", result->chips);
    stc_json_string(&out, "kernel", result->kernel);
    if (path) stc_json_string(&out, "result", path);
    if (nirdata) stc_json_string(&out, "nirdata", nirdata);
    stc_json_end(&out);
}
