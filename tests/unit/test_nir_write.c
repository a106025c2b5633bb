/* NIR files that are written: under the rules that the writer names they read back as the same
 * network, value by value; what NIR cannot say is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nir_file.h"
#include "stc/builder.h"

enum { STEPS = 24, MOST = 512 };

/* ---- rules as options ---- */

/* "--dt 0.001 --compare ge" as rules. */
static stc_nir_rules rules_of(const char *options)
{
    char copy[512];
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    snprintf(copy, sizeof(copy), "%s", options);
    for (char *save, *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        const char *value = strtok_r(NULL, " ", &save), *words, *rule;
        for (char *c = name; *c; c++)
            if (*c == '-' && c > name + 2) *c = '_';
        if (strcmp(name, "--dt") == 0) rules.dt = strtod(value, NULL);
        if (strcmp(name, "--max_count") == 0) rules.max_count = atoi(value);
        if (strcmp(name, "--recurrent_delay") == 0) rules.recurrent_delay = atoi(value);
        for (int i = 0; (rule = stc_nir_rule(i, &words)); i++)
            if (strcmp(rule, name + 2) == 0) assert_true(stc_nir_rule_set(&rules, i, value));
    }
    return rules;
}

/* ---- running a graph ---- */

typedef struct {
    float input[MOST], output[STEPS][MOST];
} run;

static const float *give(void *context, const stc_node *node, int64_t step)
{
    run *r = context;
    int64_t size = stc_shape_size(&node->shape);
    for (int64_t k = 0; k < size; k++)
        r->input[k] = stc_random_uniform(7, 1, (uint64_t)(step * size + k)) * 3 - 1;
    return r->input;
}

static void keep(void *context, const stc_node *node, int64_t step, const float *values)
{
    run *r = context;
    if (node->op->op_class != STC_CLASS_OUTPUT) return;
    memcpy(r->output[step], values, (size_t)stc_shape_size(&node->shape) * sizeof(*values));
}

static void evaluate(const stc_graph *graph, run *r)
{
    memset(r, 0, sizeof(*r));
    int rc = stc_graph_eval(graph, STEPS,
                            &(stc_eval_callbacks){.context = r, .input = give, .watch = keep});
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
}

/* Write, read back, run both; the graph is destroyed. Returns the options that the file needs. */
static const char *same_again(stc_graph *graph, float tolerance)
{
    static char needs[512];
    static run before, after;
    int rc = stc_graph_write_nir(graph, "model.nir", needs, sizeof(needs));
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    assert_int_equal(access("model.nir.tmp", F_OK), -1);
    stc_nir_rules rules = rules_of(needs);
    stc_graph *again = nir_read(&rules);
    assert_non_null(again);
    evaluate(graph, &before);
    evaluate(again, &after);
    for (int step = 0; step < STEPS; step++) {
        for (int k = 0; k < MOST; k++) {
            float difference = fabsf(before.output[step][k] - after.output[step][k]);
            if (difference > tolerance) {
                print_error("step %d element %d: %g, then %g (%s)\n", step, k,
                            (double)before.output[step][k], (double)after.output[step][k], needs);
            }
            assert_true(difference <= tolerance);
        }
    }
    stc_graph_destroy(&graph);
    stc_graph_destroy(&again);
    return needs;
}

/* ---- building graphs ---- */

static stc_builder *builder;

static int begin(const char *shape)
{
    char text[64];
    assert_int_equal(stc_builder_create("net", &builder), 0);
    snprintf(text, sizeof(text), "shape=%s", shape);
    return stc_build(builder, "input", "x", NULL, 0, text);
}

static int add(const char *op, const char *name, int input, const char *attributes)
{
    return stc_build(builder, op, name, &input, 1, attributes);
}

static stc_graph *end(int last, double dt)
{
    stc_graph *graph = NULL;
    add("output", "y", last, "");
    int rc = stc_builder_finish(&builder, &graph);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    graph->dt = dt;
    return graph;
}

static void weights(int node, const char *name, stc_shape shape)
{
    stc_build_random(builder, node, name, shape, 0.7f, 11);
}

/* ---- primitives ---- */

static void weights_read_back(void **state)
{
    (void)state;
    int n = add("linear", "a", begin("6"), "");
    weights(n, "weight", (stc_shape){2, {4, 6}});
    n = add("linear", "b", n, "");
    weights(n, "weight", (stc_shape){2, {5, 4}});
    weights(n, "bias", (stc_shape){1, {5}});
    assert_non_null(strstr(same_again(end(n, 0), 0), "--dt 0.0001"));
    /* one weight for several rows, one for each, and groups */
    n = add("linear", "a", begin("3,4"), "");
    weights(n, "weight", (stc_shape){2, {4, 4}});
    weights(n, "bias", (stc_shape){1, {4}});
    n = add("linear", "b", n, "");
    weights(n, "weight", (stc_shape){3, {3, 4, 4}});
    n = add("linear", "c", n, "groups=2");
    weights(n, "weight", (stc_shape){2, {6, 2}});
    same_again(end(n, 0), 0);
}

static void convolutions_and_pools_read_back(void **state)
{
    (void)state;
    int n = add("conv2d", "c", begin("4,6,5"), "stride=2,1 padding=1,2 dilation=1,2 groups=2");
    weights(n, "weight", (stc_shape){4, {6, 2, 3, 3}});
    n = add("avg_pool2d", "avg", n, "kernel_size=2,2 stride=1,2 padding=1,0");
    n = add("sum_pool2d", "sum", n, "kernel_size=2,1 stride=2,1 padding=0,0");
    n = add("flatten", "f", n, "start_dim=0 end_dim=1");
    same_again(end(n, 0), 0);
    n = add("conv1d", "c", begin("4,9"), "stride=2 padding=1 groups=2");
    weights(n, "weight", (stc_shape){3, {6, 2, 3}});
    weights(n, "bias", (stc_shape){1, {6}});
    n = add("reshape", "r", n, "shape=-1");
    same_again(end(n, 0), 0);
    n = add("conv2d", "c", begin("2,5,5"), "auto_pad=same");
    weights(n, "weight", (stc_shape){4, {3, 2, 3, 2}});
    same_again(end(n, 0), 0);
}

static void scales_read_back(void **state)
{
    (void)state;
    const char *const attributes[] = {"factor=0.3", "axis=0", "axis=1", "axis=-1"};
    const int64_t length[] = {0, 2, 3, 4};
    for (int i = 0; i < 4; i++) {
        int n = add("scale", "s", begin("2,3,4"), attributes[i]);
        if (i > 0) weights(n, "scale", (stc_shape){1, {length[i]}});
        same_again(end(n, 0), 0);
    }
    /* a factor for each element */
    int n = add("reshape", "flat", begin("2,3"), "shape=6");
    n = add("scale", "s", n, "");
    weights(n, "scale", (stc_shape){1, {6}});
    n = add("reshape", "back", n, "shape=2,3");
    same_again(end(n, 0), 0);
}

static void delays_and_thresholds_read_back(void **state)
{
    (void)state;
    const float steps[4] = {0, 0.001f, 0.003f, 0.002f};
    int n = add("delay", "d", begin("4"), "delay=0.002 dt=0.001");
    n = add("delay", "e", n, "delay=0 dt=0.001");
    stc_build_weight(builder, n, "delay", (stc_shape){1, {4}}, steps);
    n = add("threshold", "t", n, "threshold=0.5 compare=ge");
    assert_non_null(strstr(same_again(end(n, 0.001), 0), "--dt 0.001 --compare ge"));
}

/* A neuron of every model under some rules, on weights of its own. */
static void neurons_read_back(void **state)
{
    (void)state;
    static const char *const numbers[][2] = {
        {"i", "r=300"},
        {"if", "r=300 v_threshold=0.5 v_reset=-0.25"},
        {"li", "tau=0.004 r=1.5 v_leak=0.125"},
        {"lif", "tau=0.004 r=2 v_leak=0.125 v_threshold=0.4 v_reset=-0.25"},
        {"cuba_li", "tau_syn=0.002 tau_mem=0.004 r=2 v_leak=0.125 w_in=1.5"},
        {"cuba_lif", "tau_syn=0.002 tau_mem=0.004 r=2 v_leak=0 w_in=1.5 v_threshold=0.3"}};
    static const char *const rules[][3] = {
        {"", "", ""},
        {"integrator=exact", "compare=ge reset=subtract max_count=9", "--max-count 9"},
        {"integrator=decay", "reset=zero reset_time=next", "--reset-time next"},
        {"", "fire=before reset=zero clip=threshold", "--fire before --clip threshold"}};
    char text[256];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++) {
            bool fires = strchr(numbers[i][0], 'f') != NULL, plain = numbers[i][0][0] == 'i';
            snprintf(text, sizeof(text), "%s dt=0.001 %s %s", numbers[i][1],
                     plain ? "" : rules[r][0], fires ? rules[r][1] : "");
            int n = add("linear", "w", begin("5"), "");
            weights(n, "weight", (stc_shape){2, {5, 5}});
            n = add(numbers[i][0], "n", n, text);
            /* one parameter differs from neuron to neuron */
            weights(n, strchr(numbers[i][1], 'u') ? "v_leak" : "r", (stc_shape){1, {5}});
            const char *needs = same_again(end(n, 0.001), 0);
            assert_non_null(strstr(needs, "--dt 0.001"));
            if (fires) assert_non_null(strstr(needs, rules[r][2]));
        }
    }
}

static void gains_become_weights_of_the_equation(void **state)
{
    (void)state;
    static const char *const neurons[][2] = {
        {"if", "r=2 v_threshold=0.9 gain=unit"},
        {"lif", "tau=0.003 r=2 v_threshold=0.9 gain=unit"},
        {"lif", "tau=0.003 r=2 v_threshold=0.3 gain=no_r integrator=decay"},
        {"cuba_lif", "tau_syn=0.003 tau_mem=0.007 v_threshold=0.9 gain=unit"},
        {"cuba_lif", "tau_syn=0.003 tau_mem=0.007 v_threshold=0.9 gain=decayed integrator=decay"}};
    char text[128];
    for (size_t i = 0; i < sizeof(neurons) / sizeof(neurons[0]); i++) {
        snprintf(text, sizeof(text), "%s dt=0.001", neurons[i][1]);
        int n = add(neurons[i][0], "n", begin("8"), text);
        assert_null(strstr(same_again(end(n, 0.001), 0), "gain"));
    }
    int n = add("lif", "n", begin("8"), "tau=0.003 v_threshold=1 gain=unit integrator=exact");
    stc_graph *graph = end(n, 0.0001);
    char needs[512];
    assert_int_equal(stc_graph_write_nir(graph, "x.nir", needs, sizeof(needs)), STC_ERR_INPUT);
    assert_true(error_says("node n (lif)", "gain unit with integrator exact", NULL));
    stc_graph_destroy(&graph);
}

static void starts_are_a_rule(void **state)
{
    (void)state;
    static const char *const starts[][2] = {
        {"v0=0.125", "--start leak"}, {"v0=-0.25", "--start reset"}, {"v0=0", "--reset value"}};
    char text[128], needs[512];
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "tau=0.004 v_leak=0.125 v_threshold=0.4 v_reset=-0.25 %s",
                 starts[i][0]);
        assert_non_null(
            strstr(same_again(end(add("lif", "n", begin("4"), text), 1e-4), 0), starts[i][1]));
    }
    stc_graph *graph = end(add("lif", "n", begin("4"), "tau=0.004 v_threshold=1 v0=0.5"), 1e-4);
    assert_int_equal(stc_graph_write_nir(graph, "x.nir", needs, sizeof(needs)), STC_ERR_INPUT);
    assert_true(error_says("node n (lif)", "v0", NULL));
    stc_graph_destroy(&graph);
}

/* ---- what becomes something else ---- */

static void discrete_neurons_become_lif(void **state)
{
    (void)state;
    static const char *const neurons[] = {"tau=2 v_threshold=0.75",
                                          "tau=4 v_threshold=0.5 v_reset=-0.25 compare=gt",
                                          "tau=1 v_threshold=0.5",
                                          "tau=3 v_threshold=0.5 soft_reset=1",
                                          "tau=4 v_threshold=1 decay_input=0 soft_reset=1",
                                          "tau=2 v_threshold=1 decay_input=0"};
    for (size_t i = 0; i < sizeof(neurons) / sizeof(neurons[0]); i++) {
        const char *needs =
            same_again(end(add("discrete_lif", "n", begin("16"), neurons[i]), 0), 0);
        assert_non_null(strstr(needs, "--dt 0.0001 --integrator euler"));
        assert_non_null(strstr(needs, strstr(neurons[i], "gt") ? "--compare gt" : "--compare ge"));
        assert_non_null(
            strstr(needs, strstr(neurons[i], "soft") ? "--reset subtract" : "--reset value"));
    }
}

static void batch_norms_go_into_the_weights(void **state)
{
    (void)state;
    const float variance[4] = {0.5f, 2, 1, 0.25f};
    int n = add("conv2d", "c", begin("2,4,4"), "padding=1");
    weights(n, "weight", (stc_shape){4, {4, 2, 3, 3}});
    n = add("batch_norm", "bn", n, "eps=0.001");
    weights(n, "running_mean", (stc_shape){1, {4}});
    weights(n, "weight", (stc_shape){1, {4}});
    stc_build_weight(builder, n, "running_var", (stc_shape){1, {4}}, variance);
    same_again(end(n, 0), 1e-5f); /* the graph is not folded, so it rounds in other places */
    n = add("lif", "n", begin("4"), "tau=0.01 v_threshold=1");
    n = add("batch_norm", "bn", n, "");
    weights(n, "running_mean", (stc_shape){1, {4}});
    stc_build_weight(builder, n, "running_var", (stc_shape){1, {4}}, variance);
    stc_graph *graph = end(n, 0);
    char needs[512];
    assert_int_equal(stc_graph_write_nir(graph, "x.nir", needs, sizeof(needs)), STC_ERR_INPUT);
    assert_true(error_says("node bn (batch_norm)", "no weights", NULL));
    stc_graph_destroy(&graph);
}

static void sums_become_edges_and_cycles_lose_their_delay(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        int x = begin("4"), w = add("linear", "w", x, ""), s[2] = {x, w};
        weights(w, "weight", (stc_shape){2, {4, 4}});
        int sum = stc_build(builder, "add", "lif.sum", s, 2, "");
        int n = add("lif", "lif", sum, "tau=0.004 v_threshold=0.3 dt=0.001");
        int past =
            add("delay", silent ? "back.recurrent" : "lif.recurrent", n, "delay=0.002 dt=0.001");
        int back = add("linear", "back", past, "");
        weights(back, "weight", (stc_shape){2, {4, 4}});
        weights(back, "bias", (stc_shape){1, {4}});
        if (silent) { /* lif > back > delay > sum */
            stc_graph *graph = stc_builder_graph(builder);
            graph->nodes[back]->inputs[0] = n;
            graph->nodes[past]->inputs[0] = back;
            stc_build_connect(builder, sum, past);
        } else {
            stc_build_connect(builder, sum, back);
        }
        const char *needs = same_again(end(n, 0.001), 0);
        assert_non_null(strstr(needs, "--recurrent-delay 2"));
        assert_int_equal(strstr(needs, "--recurrent-start silent") != NULL, silent);
        hid_t file = H5Fopen("model.nir", H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_int_equal(H5Lexists(file, "node/nodes/lif.sum", H5P_DEFAULT), 0);
        assert_int_equal(H5Lexists(file, "node/nodes/lif.recurrent", H5P_DEFAULT), 0);
        assert_int_equal(H5Lexists(file, "node/nodes/back.recurrent", H5P_DEFAULT), 0);
        H5Fclose(file);
    }
}

/* ---- refusals ---- */

static void not_written(stc_graph *graph, const char *node, const char *why)
{
    char needs[512];
    assert_int_equal(stc_graph_write_nir(graph, "not.nir", needs, sizeof(needs)), STC_ERR_INPUT);
    assert_true(error_says(node, why, "cannot be written as NIR", NULL));
    assert_int_equal(access("not.nir", F_OK), -1);
    assert_int_equal(access("not.nir.tmp", F_OK), -1);
    stc_graph_destroy(&graph);
}

static void what_nir_cannot_say_is_named(void **state)
{
    (void)state;
    static const char *const ops[][4] = {
        {"max_pool2d", "kernel_size=2", "node n (max_pool2d)", "sums and averages"},
        {"permute", "perm=1,0,2", "node n (permute)", "another order"},
        {"slice", "axis=0 stop=1", "node n (slice)", "a part"},
        {"time_mean", "", "node n (time_mean)", "average over the steps"},
        {"rate_encoding", "", "node n (rate_encoding)", "no encoders"},
        {"count_decoding", "", "node n (count_decoding)", "decoders"},
        {"temporal_pool", "window=2", "node n (temporal_pool)", "windows over time"},
        {"reduce_sum", "axis=0", "node n (reduce_sum)", "sum over axes"},
        {"reshape", "shape=2,2,2,4", "node n (reshape)", "split"},
        {"discrete_lif", "max_count=3", "node n (discrete_lif)", "several spikes"},
        {"discrete_lif", "output_scale=0.5", "node n (discrete_lif)", "output_scale"}};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        not_written(end(add(ops[i][0], "n", begin("2,4,4"), ops[i][1]), 0), ops[i][2], ops[i][3]);
    int x = begin("4"), twice[2] = {x, x};
    not_written(end(stc_build(builder, "mul", "n", twice, 2, ""), 0), "node n (mul)", "product");
    x = begin("4");
    twice[0] = twice[1] = x;
    not_written(end(stc_build(builder, "add", "n", twice, 2, ""), 0), "x reaches it twice", "y");
}

static void neurons_under_different_rules_are_refused(void **state)
{
    (void)state;
    int n = add("lif", "a", begin("4"), "tau=0.01 v_threshold=1 reset=zero");
    n = add("lif", "b", n, "tau=0.01 v_threshold=1 reset=subtract");
    not_written(end(n, 1e-4), "node b (lif)", "its reset differs from that of a");
    n = add("lif", "a", begin("4"), "tau=0.01 v_threshold=1 dt=0.001");
    n = add("lif", "b", n, "tau=0.01 v_threshold=1 dt=0.002");
    not_written(end(n, 0), "node b (lif)", "its dt differs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_read_back),
        cmocka_unit_test(convolutions_and_pools_read_back),
        cmocka_unit_test(scales_read_back),
        cmocka_unit_test(delays_and_thresholds_read_back),
        cmocka_unit_test(neurons_read_back),
        cmocka_unit_test(gains_become_weights_of_the_equation),
        cmocka_unit_test(starts_are_a_rule),
        cmocka_unit_test(discrete_neurons_become_lif),
        cmocka_unit_test(batch_norms_go_into_the_weights),
        cmocka_unit_test(sums_become_edges_and_cycles_lose_their_delay),
        cmocka_unit_test(what_nir_cannot_say_is_named),
        cmocka_unit_test(neurons_under_different_rules_are_refused),
    };
    stc_log_setup(0, STC_LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
