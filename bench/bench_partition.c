/* bench_partition.c - volume and time of the partition methods on networks of single neurons.
 *
 *     bench_partition [--neurons N] [--chips K[,K]...] [--graph local|power|dense] [METHOD...]
 *     bench_partition --shards [--neurons N] [--targets M] [--chips K[,K]...] [METHOD...]
 *
 * --shards: a local network of which every rank makes and holds its own neurons alone, and next to
 * it, on one rank, the method with the whole graph in sight; the memory is that of the largest
 * rank.
 *
 * Graphs, all drawn from one seed: local (neurons on a grid, 100 targets each, Gaussian around it),
 * power (unequal modules, in- and out-degrees after Pareto, 70 % of the synapses inside a module,
 * ids shuffled), dense (few vertices that reach nearly all others: nothing to gain). One JSON
 * object per graph, number of chips and method; the work is balanced to 5 %. The method
 * metis-cut-refined is no method of stc: metis-cut, then greedy moves by multicast volume.
 */
#include "stc/base.h"
#include "stc/error.h"
#include "stc/partition.h"

#include "../partition/method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW = 0x62706172, MAX_WORDS = 16 };
static const double PI = 3.14159265358979323846, SPIKES = 0.005; /* per neuron and step */

typedef struct {
    stc_hypergraph g;
    double *weight;
    int32_t *source, *pin, *seen;
    float *spikes;
    int64_t *first;
    uint64_t draws;
} network;

static double uniform(network *w)
{
    return ((double)stc_random_u32(1, DRAW, w->draws++) + 0.5) / 4294967296.0;
}

static double normal(network *w)
{
    const double radius = sqrt(-2 * log(uniform(w)));
    return radius * cos(2 * PI * uniform(w));
}

static void start(network *w, int32_t n, int64_t pins)
{
    *w = (network){.weight = stc_alloc((int64_t)n * STC_NCONSTRAINTS, sizeof(double)),
                   .source = stc_alloc(n, sizeof(int32_t)),
                   .pin = stc_alloc(pins, sizeof(int32_t)),
                   .seen = stc_alloc(n, sizeof(int32_t)),
                   .spikes = stc_alloc(n, sizeof(float)),
                   .first = stc_alloc((int64_t)n + 1, sizeof(int64_t))};
    if (!w->weight || !w->source || !w->pin || !w->seen || !w->spikes || !w->first) {
        fprintf(stderr, "bench_partition: %s\n", stc_error_text());
        exit(3);
    }
    w->g = (stc_hypergraph){.nvertices = n,
                            .weight = w->weight,
                            .nnets = n,
                            .source = w->source,
                            .spikes = w->spikes,
                            .first = w->first,
                            .pin = w->pin};
}

static void start_net(network *w, int32_t v)
{
    w->source[v] = v;
    w->spikes[v] = (float)SPIKES;
    w->first[v + 1] = w->first[v];
}

/* A synapse costs its destination work; a second one on the same pair is no new pin. */
static void add_synapse(network *w, int32_t v, int32_t to)
{
    w->weight[(int64_t)to * STC_NCONSTRAINTS + 2] += SPIKES;
    if (w->seen[to] == v + 1) return;
    w->seen[to] = v + 1;
    w->pin[w->first[v + 1]++] = to;
}

static void make_local(network *w, int32_t n)
{
    const int32_t side = (int32_t)sqrt((double)n), targets = 100;
    const double sigma = 9.5;
    n = side * side;
    start(w, n, (int64_t)n * targets);
    for (int32_t v = 0; v < n; v++) {
        start_net(w, v);
        for (int i = 0; i < targets; i++) {
            const int32_t x = (int32_t)lround(v % side + sigma * normal(w));
            const int32_t y = (int32_t)lround(v / side + sigma * normal(w));
            add_synapse(w, v, (y % side + side) % side * side + (x % side + side) % side);
        }
    }
}

/* Cumulated weights; the entry of a number drawn below the last one. */
static int32_t pick(const double *sum, int32_t begin, int32_t end, double at)
{
    at = sum[begin] + at * (sum[end] - sum[begin]);
    while (end - begin > 1) {
        const int32_t middle = begin + (end - begin) / 2;
        *(sum[middle] <= at ? &begin : &end) = middle;
    }
    return begin;
}

static void make_power(network *w, int32_t n)
{
    enum { MODULES = 64 };
    int32_t bound[MODULES + 1] = {0};
    const double mean = 50, inside = 0.7, alpha = 1.8;
    start(w, n, (int64_t)n * 80);
    double *in = stc_alloc((int64_t)n + 1, sizeof *in), size[MODULES + 1] = {0};
    int32_t *id = stc_alloc(n, sizeof *id), *rank = stc_alloc(n, sizeof *rank);
    if (!in || !id || !rank) exit(3);
    for (int m = 0; m < MODULES; m++)
        size[m + 1] = size[m] + 0.3 + uniform(w);
    for (int m = 1; m <= MODULES; m++)
        bound[m] = (int32_t)(n * size[m] / size[MODULES]);
    for (int32_t v = 0; v < n; v++) {
        in[v + 1] = in[v] + fmin(pow(uniform(w), -1 / alpha), 1000);
        const int32_t j = (int32_t)(uniform(w) * (v + 1));
        id[v] = id[j];
        id[j] = v;
    }
    for (int32_t v = 0; v < n; v++)
        rank[id[v]] = v;
    const int64_t room = (int64_t)n * 80;
    for (int32_t v = 0; v < n; v++) {
        start_net(w, v);
        const int32_t r = rank[v];
        int m = 0;
        while (bound[m + 1] <= r)
            m++;
        const double degree = mean * (alpha - 1) / alpha * pow(uniform(w), -1 / alpha);
        for (int i = 0; i < degree && i < n / 4 && w->first[v + 1] < room; i++) {
            const bool own = uniform(w) < inside;
            const double at = uniform(w);
            add_synapse(w, v, id[own ? pick(in, bound[m], bound[m + 1], at) : pick(in, 0, n, at)]);
        }
    }
    stc_free(in);
    stc_free(id);
    stc_free(rank);
}

static void make_dense(network *w, int32_t n)
{
    start(w, n, (int64_t)n * n);
    for (int32_t v = 0; v < n; v++) {
        start_net(w, v);
        for (int32_t to = 0; to < n; to++)
            if (to != v && uniform(w) < 0.95) add_synapse(w, v, to);
    }
}

static void release(network *w)
{
    void *arrays[] = {w->weight, w->source, w->pin, w->seen, w->spikes, w->first};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
}

static const char *const REFINED = "metis-cut-refined";

static int refine(const stc_hypergraph *g, const stc_partition_options *options, int32_t *part,
                  stc_partition_quality *q)
{
    stc_partition_job job = {0};
    const double start = stc_seconds(), before = q->seconds;
    int rc = stc_job_prepare(g, options, &job);
    if (rc == 0) rc = stc_level_refine(&job.level, &job.limits, 1, part);
    stc_job_release(&job);
    const double seconds = before + stc_seconds() - start;
    if (rc == 0) rc = stc_partition_measure(g, options->nparts, part, NULL, q);
    q->method = REFINED;
    q->seconds = seconds;
    return rc;
}

static int run(const stc_comm *comm, const network *w, const char *graph, int32_t chips,
               const char *method)
{
    stc_partition_quality q;
    const bool refined = strcmp(method, REFINED) == 0;
    const stc_partition_options options = {
        .method = refined ? "metis-cut" : method, .nparts = chips, .imbalance = 1.05};
    int32_t *part = stc_alloc(w->g.nvertices, sizeof *part);
    int rc = part ? stc_partition(comm, &w->g, &options, part, &q, NULL) : STC_ERR_NOMEM;
    if (rc == 0 && refined) rc = refine(&w->g, &options, part, &q);
    stc_free(part);
    if (comm->rank != 0) return rc;
    if (rc < 0) {
        fprintf(stderr, "bench_partition: %s: %s\n", method, stc_error_text());
        return rc;
    }
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "bench", "partition");
    stc_json_string(&out, "graph", graph);
    stc_json_int(&out, "vertices", w->g.nvertices);
    stc_json_int(&out, "pins", w->g.first[w->g.nnets]);
    stc_json_int(&out, "chips", chips);
    stc_json_string(&out, "method", method);
    stc_json_string(&out, "made_by", q.method);
    stc_json_real(&out, "multicast_volume", q.multicast_volume);
    stc_json_real(&out, "broadcast_share", q.broadcast_share);
    stc_json_real(&out, "imbalance", q.imbalance[2]);
    stc_json_int(&out, "ranks", comm->size);
    stc_json_real(&out, "seconds", q.seconds);
    stc_json_end(&out);
    fflush(stdout);
    return 0;
}

/* ---- a network in shards ---- */

static double uniform_of(int32_t v, int i)
{
    const uint64_t index = ((uint64_t)v << 16) + (uint64_t)i;
    return ((double)stc_random_u32(2, DRAW, index) + 0.5) / 4294967296.0;
}

/* The neurons of a rank on a grid; M targets each, Gaussian around it. */
static int make_shard(const stc_comm *comm, int32_t n, int targets, network *w,
                      stc_hypergraph_shard *shard)
{
    const int32_t side = (int32_t)sqrt((double)n);
    *shard = (stc_hypergraph_shard){.nvertices = side * side};
    stc_shard_range(side * side, comm->rank, comm->size, &shard->begin, &shard->n);
    start(w, shard->n, (int64_t)shard->n * targets);
    for (int32_t v = shard->begin; v < shard->begin + shard->n; v++) {
        const int32_t e = v - shard->begin;
        start_net(w, e);
        w->source[e] = v;
        w->weight[(int64_t)e * STC_NCONSTRAINTS] = 1;
        w->weight[(int64_t)e * STC_NCONSTRAINTS + 2] = SPIKES * targets;
        for (int i = 0; i < targets; i++) {
            const double radius = 9.5 * sqrt(-2 * log(uniform_of(v, 2 * i)));
            const double angle = 2 * PI * uniform_of(v, 2 * i + 1);
            const int32_t x = (int32_t)lround(v % side + radius * cos(angle));
            const int32_t y = (int32_t)lround(v / side + radius * sin(angle));
            w->pin[w->first[e + 1]++] = (y % side + side) % side * side + (x % side + side) % side;
        }
    }
    shard->weight = w->weight;
    shard->nnets = shard->n;
    shard->source = w->source;
    shard->spikes = w->spikes;
    shard->first = w->first;
    shard->pin = w->pin;
    return 0;
}

static int run_shards(const stc_comm *comm, const stc_hypergraph_shard *shard, int32_t chips,
                      const char *method)
{
    stc_partition_quality q;
    const stc_partition_options options = {.method = method, .nparts = chips, .imbalance = 1.05};
    int32_t *part = stc_alloc(shard->n, sizeof *part);
    int rc = part ? 0 : STC_ERR_NOMEM;
    if (rc == 0) rc = stc_partition_distributed(comm, shard, &options, part, &q);
    const double bytes = stc_comm_max(comm, (double)stc_peak_rss_bytes());
    stc_partition_quality whole = {.multicast_volume = NAN};
    if (rc == 0 && comm->size == 1) { /* next to what is found with the whole graph in sight */
        const stc_hypergraph g = {.nvertices = shard->n,
                                  .weight = shard->weight,
                                  .nnets = (int32_t)shard->nnets,
                                  .source = shard->source,
                                  .spikes = shard->spikes,
                                  .first = shard->first,
                                  .pin = shard->pin};
        rc = stc_partition(comm, &g, &options, part, &whole, NULL);
    }
    stc_free(part);
    const double pins = stc_comm_max(comm, (double)shard->first[shard->nnets]);
    if (comm->rank != 0) return rc;
    if (rc < 0) {
        fprintf(stderr, "bench_partition: %s: %s\n", method, stc_error_text());
        return rc;
    }
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "bench", "partition_shards");
    stc_json_int(&out, "vertices", shard->nvertices);
    stc_json_int(&out, "pins_of_a_rank", (int64_t)pins);
    stc_json_int(&out, "chips", chips);
    stc_json_string(&out, "method", method);
    stc_json_real(&out, "multicast_volume", q.multicast_volume);
    stc_json_real(&out, "volume_of_whole", whole.multicast_volume);
    stc_json_real(&out, "imbalance", q.imbalance[2]);
    stc_json_int(&out, "ranks", comm->size);
    stc_json_real(&out, "seconds", q.seconds);
    stc_json_real(&out, "seconds_of_whole", whole.seconds);
    stc_json_int(&out, "peak_rss_bytes", (int64_t)bytes);
    stc_json_end(&out);
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *methods[MAX_WORDS] = {"contiguous", "metis-cut", "multilevel", "auto"};
    const char *graph = NULL, *chips = "8";
    int32_t n = 20000;
    int nmethods = 4, given = 0, targets = 100;
    bool shards = false;
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--quick") == 0)
            n = 1000;
        else if (strcmp(argv[i], "--neurons") == 0 && more)
            n = atoi(argv[++i]);
        else if (strcmp(argv[i], "--chips") == 0 && more)
            chips = argv[++i];
        else if (strcmp(argv[i], "--shards") == 0)
            shards = true;
        else if (strcmp(argv[i], "--targets") == 0 && more)
            targets = atoi(argv[++i]);
        else if (strcmp(argv[i], "--graph") == 0 && more)
            graph = argv[++i];
        else if (given < MAX_WORDS)
            methods[given++] = argv[i];
    }
    if (given > 0) nmethods = given;
    MPI_Init(&argc, &argv);
    const stc_comm comm = stc_comm_of(MPI_COMM_WORLD);
    static const struct {
        const char *name;
        void (*make)(network *w, int32_t n);
        int32_t most;
    } graphs[] = {
        {"local", make_local, 1 << 24}, {"power", make_power, 1 << 24}, {"dense", make_dense, 300}};
    int rc = 0;
    if (shards) {
        network w;
        stc_hypergraph_shard shard;
        rc = make_shard(&comm, n, targets, &w, &shard);
        const char *at = chips;
        for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            for (int i = 0; i < nmethods && rc == 0; i++)
                rc = run_shards(&comm, &shard, atoi(at), methods[i]);
        release(&w);
    }
    for (size_t g = shards ? 3 : 0; g < sizeof graphs / sizeof *graphs; g++) {
        if (graph && strcmp(graph, graphs[g].name) != 0) continue;
        network w;
        graphs[g].make(&w, n < graphs[g].most ? n : graphs[g].most);
        const char *at = chips;
        for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            for (int i = 0; i < nmethods && rc == 0; i++)
                rc = run(&comm, &w, graphs[g].name, atoi(at), methods[i]);
        release(&w);
    }
    MPI_Finalize();
    return rc == 0 ? 0 : 1;
}
