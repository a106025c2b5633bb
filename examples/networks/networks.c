/* networks.c - see networks.h. The numbers are those of NEST's examples of the same names, as
 * docs/networks.md lists them. */
#include "networks.h"

#include "stc/builder.h"
#include "stc/error.h"

#include <math.h>
#include <string.h>

static const double dt = 0.1; /* ms */

typedef struct {
    stc_builder *builder;
    uint64_t seed;
} network;

static int population(network *n, const char *model, const char *name, int64_t size,
                      const char *parameters)
{
    char text[640];
    snprintf(text, sizeof text, "n=%lld %s", (long long)size, parameters);
    return stc_build(n->builder, model, name, NULL, 0, text);
}

/* Initial potentials: normal, or uniform between mean and other. */
static void potentials(network *n, int node, uint32_t purpose, int64_t size, bool normal,
                       double mean, double other)
{
    float *values = stc_alloc(size, sizeof *values);
    for (int64_t i = 0; values && i < size; i++) {
        double u = ((double)stc_random_u32(n->seed, purpose, (uint64_t)i) + 0.5) * 0x1p-32;
        double v = normal ? mean + other * stc_normal_quantile(u) : mean + (other - mean) * u;
        values[i] = (float)v;
    }
    if (values) stc_build_weight(n->builder, node, "V_m", (stc_shape){1, {size}}, values);
    stc_free(values);
}

static void constant(network *n, int node, const char *attribute, double value)
{
    float single = (float)value;
    stc_build_weight(n->builder, node, attribute, (stc_shape){.ndim = 0}, &single);
}

/* Synapses from node source to node target, which has size neurons. */
static int projection(network *n, const char *name, int source, int target, int64_t size,
                      const char *rule)
{
    char text[640];
    snprintf(text, sizeof text, "n=%lld dt=%g %s", (long long)size, dt, rule);
    int node = stc_build(n->builder, "projection", name, &source, 1, text);
    if (node >= 0) stc_build_connect(n->builder, target, node);
    return node;
}

/* An independent Poisson train for every neuron. */
static void poisson_input(network *n, const char *name, int target, int64_t size, double hz,
                          const char *when, double weight, double delay)
{
    char text[256], link[96];
    snprintf(text, sizeof text, "n=%lld rate=%.17g dt=%g %s", (long long)size, hz, dt, when);
    snprintf(link, sizeof link, "%s.synapses", name);
    int source = stc_build(n->builder, "poisson", name, NULL, 0, text);
    int node = projection(n, link, source, target, size, "rule=one_to_one");
    if (node < 0) return;
    constant(n, node, "weight", weight);
    constant(n, node, "delay", delay);
}

/* ---- the cortical microcircuit ---- */

enum { NPOPULATIONS = 8 };
static const char *const names[NPOPULATIONS] = {"L23E", "L23I", "L4E", "L4I",
                                                "L5E",  "L5I",  "L6E", "L6I"};
static const double full_size[NPOPULATIONS] = {20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948};
static const double v_mean[NPOPULATIONS] = {-68.28, -63.16, -63.33, -63.45,
                                            -63.11, -61.66, -66.72, -61.43};
static const double v_deviation[NPOPULATIONS] = {5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48};
static const double external[NPOPULATIONS] = {1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100};
static const double rates[NPOPULATIONS] = {0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829};
/* probability[target][source] */
static const double probability[NPOPULATIONS][NPOPULATIONS] = {
    {0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0},
    {0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0},
    {0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0},
    {0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0},
    {0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0},
    {0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0},
    {0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252},
    {0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443}};

/* Peak current of a synapse in pA for a peak potential of 1 mV: tau_m 10 ms, tau_syn 0.5 ms, C_m
 * 250 pF. */
static double current_per_potential(void)
{
    const double m = 10.0, s = 0.5, c = 250.0, q = pow(m / s, 1.0 / (s - m));
    return 1.0 / (m * s / (c * (s - m)) * (pow(q, m) - pow(q, s)));
}

static double full_weight(int target, int source)
{
    double excitatory = 0.15 * current_per_potential();
    if (source % 2 == 1) return -4.0 * excitatory;
    return target == 0 && source == 2 ? 2.0 * excitatory : excitatory;
}

static double full_synapses(int target, int source)
{
    double pairs = full_size[target] * full_size[source];
    return log(1.0 - probability[target][source]) / log(1.0 - 1.0 / pairs);
}

/* Current that stands for the mean of the synapses that a smaller network lacks, in pA. */
static double lost_current(int p, double scale)
{
    double lost = 0.15 * current_per_potential() * external[p] * 8.0;
    for (int s = 0; s < NPOPULATIONS; s++)
        lost += full_weight(p, s) * full_synapses(p, s) / full_size[p] * rates[s];
    return 1e-3 * 0.5 * (1.0 - sqrt(scale)) * lost;
}

static void microcircuit_synapses(network *n, const int *node, const int64_t *size, int target,
                                  int source, double scale)
{
    char name[32], rule[512];
    double total = nearbyint(full_synapses(target, source) * scale * scale);
    double weight = full_weight(target, source) / sqrt(scale);
    double delay = source % 2 ? 0.75 : 1.5;
    if (total == 0.0) return;
    snprintf(name, sizeof name, "%s.%s", names[source], names[target]);
    snprintf(rule, sizeof rule,
             "rule=fixed_total_number number=%lld weight_draw=normal weight_a=%.17g "
             "weight_b=%.17g %s delay_draw=normal delay_a=%g delay_b=%g",
             (long long)total, weight, 0.1 * fabs(weight),
             weight > 0 ? "weight_min=0" : "weight_max=0", delay, delay / 2);
    projection(n, name, node[source], node[target], size[target], rule);
}

static void microcircuit(network *n, double scale)
{
    int node[NPOPULATIONS];
    int64_t size[NPOPULATIONS];
    for (int p = 0; p < NPOPULATIONS; p++) {
        char text[256], input[32];
        size[p] = (int64_t)nearbyint(full_size[p] * scale);
        snprintf(text, sizeof text,
                 "C_m=250 tau_m=10 tau_syn_ex=0.5 tau_syn_in=0.5 t_ref=2 E_L=-65 V_reset=-65 "
                 "V_th=-50 I_e=%.17g",
                 lost_current(p, scale));
        node[p] = population(n, "iaf_psc_exp", names[p], size[p], text);
        potentials(n, node[p], (uint32_t)p, size[p], true, v_mean[p], v_deviation[p]);
        snprintf(input, sizeof input, "external.%s", names[p]);
        poisson_input(n, input, node[p], size[p], 8.0 * nearbyint(external[p] * scale), "",
                      full_weight(0, 0) / sqrt(scale), 1.5);
    }
    for (int t = 0; t < NPOPULATIONS; t++)
        for (int s = 0; s < NPOPULATIONS; s++)
            microcircuit_synapses(n, node, size, t, s, scale);
}

/* ---- balanced networks: excitatory and inhibitory neurons with fixed in-degrees ---- */

static void fixed_indegree(network *n, const char *name, int source, int target, int64_t size,
                           int64_t degree, double weight, double delay)
{
    char rule[96];
    snprintf(rule, sizeof rule, "rule=fixed_indegree number=%lld", (long long)degree);
    int node = projection(n, name, source, target, size, rule);
    if (node < 0) return;
    constant(n, node, "weight", weight);
    constant(n, node, "delay", delay);
}

typedef struct {
    const char *model, *parameters;
    int64_t excitatory, indegree[2]; /* from excitatory, from inhibitory neurons */
    double weight[2], delay, v_least, v_most;
} balanced;

static void build_balanced(network *n, const balanced *b, int node[2], int64_t size[2])
{
    static const char *const kinds[2] = {"E", "I"};
    size[0] = b->excitatory;
    size[1] = b->excitatory / 4;
    for (int p = 0; p < 2; p++) {
        node[p] = population(n, b->model, kinds[p], size[p], b->parameters);
        potentials(n, node[p], (uint32_t)p, size[p], false, b->v_least, b->v_most);
    }
    for (int t = 0; t < 2; t++) {
        for (int s = 0; s < 2; s++) {
            char name[8];
            snprintf(name, sizeof name, "%s.%s", kinds[s], kinds[t]);
            fixed_indegree(n, name, node[s], node[t], size[t], b->indegree[s], b->weight[s],
                           b->delay);
        }
    }
}

static void brunel(network *n, double scale)
{
    const balanced b = {"iaf_psc_delta",
                        "C_m=250 tau_m=20 t_ref=2 E_L=0 V_reset=10 V_th=20",
                        (int64_t)nearbyint(8000 * scale),
                        {800, 200},
                        {0.1, -0.5},
                        1.5,
                        0.0,
                        20.0};
    int node[2];
    int64_t size[2];
    build_balanced(n, &b, node, size);
    poisson_input(n, "external.E", node[0], size[0], 20000.0, "", 0.1, 1.5);
    poisson_input(n, "external.I", node[1], size[1], 20000.0, "", 0.1, 1.5);
}

static void cuba(network *n, double scale)
{
    const balanced b = {"iaf_psc_exp",
                        "E_L=-49 V_th=-50 V_reset=-60 C_m=200 tau_m=20 tau_syn_ex=5 "
                        "tau_syn_in=10 t_ref=5",
                        (int64_t)nearbyint(3200 * scale),
                        {64, 16},
                        {16.2, -139.5},
                        0.1,
                        -60.0,
                        -50.0};
    int node[2];
    int64_t size[2], first = (int64_t)nearbyint(50 * scale);
    build_balanced(n, &b, node, size);
    /* the first excitatory neurons are excited for 50 ms */
    float *rate = stc_alloc(size[0], sizeof *rate);
    for (int64_t i = 0; rate && i < first; i++)
        rate[i] = 300.0f;
    char text[128];
    snprintf(text, sizeof text, "n=%lld rate=0 dt=%g start=1 stop=51", (long long)size[0], dt);
    int source = stc_build(n->builder, "poisson", "stimulus", NULL, 0, text);
    if (rate && source >= 0) {
        stc_build_weight(n->builder, source, "rate", (stc_shape){1, {size[0]}}, rate);
    }
    stc_free(rate);
    int node_of = projection(n, "stimulus.synapses", source, node[0], size[0], "rule=one_to_one");
    if (node_of < 0) return;
    constant(n, node_of, "weight", 16.2);
    constant(n, node_of, "delay", 0.1);
}

/* ---- random wiring of any size ---- */

static void random_synapses(network *n, const network_random *which, const int node[2], int source,
                            int target, int64_t size)
{
    char name[8], rule[512], drawn[128] = "";
    const int64_t excitatory = which->indegree * 4 / 5;
    const int64_t degree = source == 0 ? excitatory : which->indegree - excitatory;
    const double weight = full_weight(1, source), delay = source == 0 ? 1.5 : 0.75;
    if (degree == 0) return;
    if (!which->constant)
        snprintf(drawn, sizeof drawn, "weight_draw=normal weight_a=%.17g weight_b=%.17g %s", weight,
                 0.1 * fabs(weight), weight > 0 ? "weight_min=0" : "weight_max=0");
    snprintf(name, sizeof name, "%s.%s", source == 0 ? "E" : "I", target == 0 ? "E" : "I");
    snprintf(rule, sizeof rule,
             "rule=fixed_indegree number=%lld %s delay_draw=normal delay_a=%g delay_b=%g",
             (long long)degree, drawn, delay, delay / 2);
    int made = projection(n, name, node[source], node[target], size, rule);
    if (made >= 0 && which->constant) constant(n, made, "weight", weight);
}

int network_build_random(const network_random *which, double ms, stc_graph **out)
{
    const int64_t size[2] = {which->excitatory, which->inhibitory};
    network n = {0};
    int node[2];
    STC_TRY(stc_builder_create("random", &n.builder));
    for (int p = 0; p < 2; p++) {
        node[p] = population(&n, "iaf_psc_exp", p == 0 ? "E" : "I", size[p],
                             "C_m=250 tau_m=10 tau_syn_ex=0.5 tau_syn_in=0.5 t_ref=2 E_L=-65 "
                             "V_reset=-65 V_th=-50");
        constant(&n, node[p], "V_m", -60.0);
        poisson_input(&n, p == 0 ? "external.E" : "external.I", node[p], size[p], 12800.0, "",
                      full_weight(1, 0), 1.5);
    }
    for (int t = 0; t < 2; t++)
        for (int s = 0; s < 2; s++)
            random_synapses(&n, which, node, s, t, size[t]);
    stc_build_time_steps(n.builder, (int64_t)nearbyint(ms / dt));
    stc_build_dt(n.builder, dt * 1e-3);
    return stc_builder_finish(&n.builder, out);
}

int network_build(const char *name, double scale, double ms, uint64_t seed, stc_graph **out)
{
    static const struct {
        const char *name;
        void (*build)(network *n, double scale);
    } networks[] = {{"microcircuit", microcircuit}, {"brunel", brunel}, {"cuba", cuba}};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        if (strcmp(networks[i].name, name) != 0) continue;
        network n = {.seed = seed};
        STC_TRY(stc_builder_create(name, &n.builder));
        networks[i].build(&n, scale);
        stc_build_time_steps(n.builder, (int64_t)nearbyint(ms / dt));
        stc_build_dt(n.builder, dt * 1e-3);
        return stc_builder_finish(&n.builder, out);
    }
    STC_FAIL(STC_ERR_USAGE, "there is no network %s; expected microcircuit, brunel or cuba", name);
}
