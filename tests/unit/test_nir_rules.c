/* The rules that NIR leaves open: defaults, presets, what goes before what, and what nodes get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nir_file.h"

static int rule(const char *name)
{
    const char *words, *found;
    for (int i = 0; (found = stc_nir_rule(i, &words)); i++)
        if (strcmp(found, name) == 0) return i;
    fail();
    return -1;
}

static const char *word(const stc_nir_rules *rules, const char *name)
{
    return stc_nir_rule_word(rules, rule(name));
}

static void what_nobody_gives_is_as_nir_says(void **state)
{
    (void)state;
    char text[512];
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    assert_null(stc_nir_rules_given(&rules));
    assert_int_equal(stc_nir_rules_complete(&rules), 0);
    assert_string_equal(stc_nir_rules_text(&rules, text, sizeof(text)),
                        "dt 0.0001 s, integrator euler, compare gt, reset value, "
                        "recurrent_delay 1");
    assert_string_equal(word(&rules, "recurrent_start"), "bias");
    assert_int_equal(rules.max_count, 1);
    /* a short buffer is not overrun */
    for (size_t n = 1; n < 80; n++)
        assert_true(strlen(stc_nir_rules_text(&rules, text, n)) < n);
}

static void given_rules_go_before_presets_and_those_before_defaults(void **state)
{
    (void)state;
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.preset = "norse";
    assert_string_equal(stc_nir_rules_given(&rules), "as");
    assert_true(stc_nir_rule_set(&rules, rule("reset"), "subtract"));
    assert_false(stc_nir_rule_set(&rules, rule("reset"), "nothing"));
    rules.recurrent_delay = 3;
    assert_int_equal(stc_nir_rules_complete(&rules), 0);
    assert_true(rules.dt == 1e-3);
    assert_string_equal(word(&rules, "reset"), "subtract");
    assert_string_equal(word(&rules, "recurrent_start"), "silent");
    assert_string_equal(word(&rules, "start"), "leak");
    assert_string_equal(word(&rules, "compare"), "gt");
    assert_int_equal(rules.recurrent_delay, 3);
}

static void every_preset_can_be_completed_or_says_why_not(void **state)
{
    (void)state;
    const char *name, *help;
    int n = 0;
    for (; (name = stc_nir_preset(n, &help)); n++) {
        stc_nir_rules rules = STC_NIR_RULES_OPEN;
        rules.preset = name;
        int rc = stc_nir_rules_complete(&rules);
        assert_true(strlen(help) > 10);
        if (strncmp(help, "not possible", 12) == 0) {
            assert_int_equal(rc, STC_ERR_USAGE);
            assert_true(error_says(name, help, NULL));
        } else {
            assert_int_equal(rc, 0);
        }
    }
    assert_true(n >= 8);
}

static void wrong_numbers_and_names_are_refused(void **state)
{
    (void)state;
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.preset = "sinab";
    assert_int_equal(stc_nir_rules_complete(&rules), STC_ERR_USAGE);
    assert_true(error_says("sinab", "did you mean sinabs?", "norse, snntorch", NULL));
    const double steps[] = {-1, NAN, INFINITY, 1e9};
    for (int i = 0; i < 4; i++) {
        rules = STC_NIR_RULES_OPEN;
        rules.dt = steps[i];
        assert_int_equal(stc_nir_rules_complete(&rules), STC_ERR_USAGE);
        assert_true(error_says("--dt", NULL));
    }
    rules = STC_NIR_RULES_OPEN;
    rules.max_count = 256;
    assert_int_equal(stc_nir_rules_complete(&rules), STC_ERR_USAGE);
    rules = STC_NIR_RULES_OPEN;
    rules.recurrent_delay = 0;
    assert_int_equal(stc_nir_rules_complete(&rules), STC_ERR_USAGE);
    assert_true(error_says("--recurrent-delay", NULL));
}

/* input > if > lif > output */
static stc_graph *two_neurons(stc_nir_rules *rules)
{
    nir_graph g = nir_begin();
    nir_port(&g, "input", "Input", 2);
    nir_port(&g, "output", "Output", 2);
    nir_lif(&g, "lif");
    hid_t node = nir_node(&g, "if", "IF");
    nir_number(node, "r", 3);
    nir_number(node, "v_threshold", 1);
    H5Gclose(node);
    nir_end(&g, "input>if if>lif lif>output");
    return nir_read(rules);
}

/* The word of a CHOICE attribute. */
static const char *choice(const stc_graph *graph, const char *node, const char *name)
{
    static char buffer[32];
    const stc_node *n = node_of(graph, node);
    int a = stc_op_attr(n->op, name);
    const char *words = n->op->attrs[a].choices;
    for (int64_t k = 0; k < n->attrs[a].i[0]; k++)
        words += strcspn(words, " ") + 1;
    snprintf(buffer, sizeof(buffer), "%.*s", (int)strcspn(words, " "), words);
    return buffer;
}

static void rules_become_attributes_of_the_nodes(void **state)
{
    (void)state;
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.preset = "norse";
    stc_graph *graph = two_neurons(&rules);
    assert_non_null(graph);
    assert_true(graph->dt == 1e-3);
    assert_non_null(strstr(graph->rules, "integrator euler"));
    assert_true(stc_node_real(node_of(graph, "lif"), "dt") == 1e-3);
    assert_true(stc_node_real(node_of(graph, "lif"), "v0") == 0.25); /* start leak */
    assert_true(stc_node_real(node_of(graph, "if"), "v0") == 0);     /* has no leak */
    assert_true(stc_node_real(node_of(graph, "if"), "v_reset") == 0);
    assert_string_equal(choice(graph, "lif", "gain"), "no_r");
    assert_string_equal(choice(graph, "if", "gain"), "unit");
    assert_string_equal(choice(graph, "lif", "reset"), "zero");
    stc_graph_destroy(&graph);
}

static void a_given_rule_goes_before_what_a_preset_says_of_one_op(void **state)
{
    (void)state;
    char text[512];
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.preset = "norse";
    stc_nir_rule_set(&rules, rule("gain"), "ode");
    stc_nir_rule_set(&rules, rule("start"), "zero");
    stc_graph *graph = two_neurons(&rules);
    assert_non_null(graph);
    assert_string_equal(choice(graph, "lif", "gain"), "ode");
    assert_string_equal(choice(graph, "if", "gain"), "ode");
    assert_true(stc_node_real(node_of(graph, "lif"), "v0") == 0);
    assert_null(strstr(stc_nir_rules_text(&rules, text, sizeof(text)), "gain"));
    stc_graph_destroy(&graph);
}

static void a_spikegraph_takes_a_clock_and_no_other_rule(void **state)
{
    (void)state;
    hid_t file = make_file("model.nir"), group = make_group(file, "graph");
    H5Gclose(make_group(group, "nodes"));
    H5Gclose(group);
    H5Fclose(file);
    stc_graph *graph = NULL;
    stc_nir_rules rules = STC_NIR_RULES_OPEN;
    rules.dt = 0.002;
    assert_int_equal(stc_graph_read("model.nir", &rules, &graph), 0);
    assert_true(graph->dt == 0.002);
    stc_graph_destroy(&graph);
    stc_nir_rule_set(&rules, rule("reset"), "zero");
    assert_int_equal(stc_graph_read("model.nir", &rules, &graph), STC_ERR_USAGE);
    assert_true(error_says("reset", "is a SpikeGraph", NULL));
    file = H5Fopen("model.nir", H5F_ACC_RDWR, H5P_DEFAULT);
    group = H5Gopen2(file, "graph", H5P_DEFAULT);
    put_real_attr(group, "dt", 0.004);
    H5Gclose(group);
    H5Fclose(file);
    rules = STC_NIR_RULES_OPEN;
    rules.dt = 0.002;
    assert_int_equal(stc_graph_read("model.nir", &rules, &graph), STC_ERR_USAGE);
    assert_true(error_says("--dt", "0.002", "0.004", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_gives_is_as_nir_says),
        cmocka_unit_test(given_rules_go_before_presets_and_those_before_defaults),
        cmocka_unit_test(every_preset_can_be_completed_or_says_why_not),
        cmocka_unit_test(wrong_numbers_and_names_are_refused),
        cmocka_unit_test(rules_become_attributes_of_the_nodes),
        cmocka_unit_test(a_given_rule_goes_before_what_a_preset_says_of_one_op),
        cmocka_unit_test(a_spikegraph_takes_a_clock_and_no_other_rule),
    };
    stc_log_setup(0, STC_LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
