/* stc_bench_print.c - what a run came to, for people and as one line of JSON. */
#include "stc_bench.h"

#include "commands.h"

#include <math.h>

static double rate(const stc_population *p, double part, double biological_s)
{
    double neurons = (double)stc_shape_size(&p->shape) * part;
    return biological_s > 0.0 ? (double)p->measured / neurons / biological_s : 0.0;
}

static double real_time_factor(const bench_outcome *o)
{
    return o->biological_s > 0.0 ? o->result->seconds.measured / o->biological_s : 0.0;
}

static double cores(const bench_outcome *o)
{
    return (double)o->result->ranks * (double)o->result->threads;
}

static double per(double amount, double of)
{
    return of > 0.0 ? amount / of : 0.0;
}

static double bytes_per_synapse(const bench_outcome *o, int64_t peak)
{
    return per((double)(peak - o->empty_bytes), o->synapses);
}

/* Nanoseconds of one core per unit of work, over the whole run. */
static bench_limits measured(const stc_sim_cost *c, int64_t spikes)
{
    return (bench_limits){.update = per(c->update * 1e9, (double)c->neuron_steps),
                          .deliver = per(c->deliver * 1e9, (double)c->events),
                          .poisson = per(c->poisson * 1e9, (double)c->draws),
                          .exchange = per(c->exchange * 1e9, (double)c->exchanges),
                          .record = per(c->record * 1e9, (double)spikes)};
}

static void print_costs(const char *what, const bench_limits *l)
{
    printf("%-10s update %.3g ns per neuron-step, deliver %.3g per event, draw %.3g, record %.3g "
           "per spike",
           what, l->update, l->deliver, l->poisson, l->record);
    if (isfinite(l->exchange) && l->exchange > 0.0) printf(", exchange %.3g", l->exchange);
    printf("\n");
}

void bench_print_text(const stc_comm *comm, const bench_outcome *o, const bench_limits *limits)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    const stc_result *r = o->result;
    const bench_settings *s = o->settings;
    stc_sim_cost cost;
    stc_sim_phases(o->sim, &cost);
    if (comm->rank != 0) return;
    const bench_limits costs = measured(&cost, r->spikes);
    printf("network    %s at scale %g: %s neurons, %s synapses\n", s->network, s->scale,
           stc_text_count(o->neurons, a), stc_text_count((int64_t)o->synapses, b));
    if (s->share.of > 0)
        printf("share      of rank %d of %d alone, others fire at %g Hz\n", s->share.rank,
               s->share.of, s->share.hz);
    if (o->stored.synapses > 0)
        printf("stored     %s synapses of %s sources and threads, checksum %016llx\n",
               stc_text_count(o->stored.synapses, a), stc_text_count(o->stored.users, b),
               (unsigned long long)o->stored.checksum);
    printf("on         %d rank%s x %d thread%s, %s, %s precision, %s recorded\n", r->ranks,
           r->ranks == 1 ? "" : "s", r->threads, r->threads == 1 ? "" : "s", r->kernel,
           s->single ? "single" : "double", s->record ? "spikes" : "nothing");
    printf("build      %s, ", stc_text_seconds(o->build_s, a));
    printf("%.4g bytes per synapse (peak of %s, %s of an empty run)\n",
           bytes_per_synapse(o, o->peak_bytes), stc_text_bytes(o->peak_bytes, a),
           stc_text_bytes(o->empty_bytes, b));
    printf("simulate   %s for %g s of biological time after %g s\n",
           stc_text_seconds(r->seconds.measured, a), o->biological_s,
           (double)r->measured_from * r->dt_ms * 1e-3);
    printf("speed      %.4g s per biological second, %.4g core seconds\n", real_time_factor(o),
           real_time_factor(o) * cores(o));
    printf("events     %.4g synaptic, %.4g external; %.4g synaptic per second\n",
           o->synaptic_events, o->external_events, per(o->synaptic_events, r->seconds.measured));
    printf("rates     ");
    for (int i = 0; i < r->npopulations; i++)
        printf(" %s %.3f", r->populations[i].name,
               rate(&r->populations[i], bench_part(s), o->biological_s));
    printf(" Hz\nspikes     %s, with the transient %s, checksum %016llx\n",
           stc_text_count((int64_t)o->spikes, a), stc_text_count(r->spikes, b),
           (unsigned long long)r->spike_checksum);
    print_costs("took", &costs);
    print_costs("limits", limits);
    if (s->output) printf("wrote      %s\n", s->output);
}

static void json_costs(stc_json *out, const char *key, const bench_limits *l)
{
    stc_json_open(out, key, '{');
    stc_json_real(out, "update", l->update);
    stc_json_real(out, "deliver", l->deliver);
    stc_json_real(out, "poisson", l->poisson);
    stc_json_real(out, "exchange", l->exchange);
    stc_json_real(out, "record", l->record);
    stc_json_close(out, '}');
}

static void json_network(stc_json *out, const bench_outcome *o)
{
    const stc_result *r = o->result;
    const bench_settings *s = o->settings;
    stc_json_string(out, "network", s->network);
    stc_json_real(out, "scale", s->scale);
    stc_json_int(out, "neurons", o->neurons);
    stc_json_int(out, "synapses", (int64_t)o->synapses);
    if (s->share.of > 0) {
        stc_json_int(out, "rank", s->share.rank);
        stc_json_int(out, "of", s->share.of);
    }
    if (o->stored.synapses > 0) {
        stc_json_open(out, "stored", '{');
        stc_json_int(out, "synapses", o->stored.synapses);
        stc_json_int(out, "users", o->stored.users);
        stc_json_hex64(out, "checksum", o->stored.checksum);
        stc_json_close(out, '}');
    }
    stc_json_int(out, "ranks", r->ranks);
    stc_json_int(out, "threads", r->threads);
    stc_json_string(out, "kernel", r->kernel);
    stc_json_string(out, "precision", s->single ? "single" : "double");
    stc_json_string(out, "record", s->record ? "spikes" : "none");
    stc_json_int(out, "seed", (int64_t)s->seed);
}

static void json_speed(stc_json *out, const bench_outcome *o)
{
    const stc_result *r = o->result;
    stc_json_real(out, "transient_ms", (double)r->measured_from * r->dt_ms);
    stc_json_real(out, "time_ms", o->biological_s * 1e3);
    stc_json_real(out, "build_s", o->build_s);
    stc_json_real(out, "simulate_s", r->seconds.measured);
    stc_json_real(out, "simulate_all_s", r->seconds.simulate);
    stc_json_real(out, "collect_s", o->collect_s);
    stc_json_real(out, "real_time_factor", real_time_factor(o));
    stc_json_real(out, "core_seconds_per_second", real_time_factor(o) * cores(o));
    stc_json_real(out, "synaptic_events", o->synaptic_events);
    stc_json_real(out, "external_events", o->external_events);
    stc_json_real(out, "events_per_s", per(o->synaptic_events, r->seconds.measured));
    stc_json_real(out, "events_per_biological_s", per(o->synaptic_events, o->biological_s));
    stc_json_real(out, "bytes_per_synapse", bytes_per_synapse(o, o->peak_bytes));
    stc_json_real(out, "built_bytes_per_synapse", bytes_per_synapse(o, o->built_bytes));
    stc_json_int(out, "peak_rss_bytes", o->peak_bytes);
    stc_json_int(out, "empty_rss_bytes", o->empty_bytes);
}

void bench_print_json(const stc_comm *comm, const bench_outcome *o, const bench_limits *limits)
{
    const stc_result *r = o->result;
    stc_sim_cost cost;
    stc_sim_phases(o->sim, &cost);
    if (comm->rank != 0) return;
    const bench_limits costs = measured(&cost, r->spikes);
    stc_json out = stc_json_begin(stdout);
    json_network(&out, o);
    json_speed(&out, o);
    stc_json_int(&out, "spikes", (int64_t)o->spikes);
    stc_json_int(&out, "spikes_all", r->spikes);
    stc_json_open(&out, "rates", '{');
    for (int i = 0; i < r->npopulations; i++)
        stc_json_real(&out, r->populations[i].name,
                      rate(&r->populations[i], bench_part(o->settings), o->biological_s));
    stc_json_close(&out, '}');
    stc_json_hex64(&out, "spike_checksum", r->spike_checksum);
    json_costs(&out, "costs_ns", &costs);
    json_costs(&out, "limits_ns", limits);
    stc_json_end(&out);
}
