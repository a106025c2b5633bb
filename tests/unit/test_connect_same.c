/* Synapses are the same for all who ask, and for ever; and what is refused. */
#include "listed_edges.h"

/* ---- the same for all who ask ---- */

static stc_projection example(stc_rule rule, bool switches)
{
    stc_projection p = projection(rule, 60, 60);
    p.autapses = p.multapses = switches;
    p.number = rule == STC_RULE_FIXED_TOTAL_NUMBER ? 1500 : 25;
    p.p = 0.3;
    p.weight = draw(STC_DRAW_NORMAL, 5, 3, 0, INFINITY);
    p.delay = draw(STC_DRAW_UNIFORM, 0.1, 4, 0, INFINITY);
    if (rule == STC_RULE_EXPLICIT) {
        p = explicit_edges();
        p.weight = draw(STC_DRAW_NORMAL, 5, 3, 0, INFINITY);
        p.delay = draw(STC_DRAW_UNIFORM, 0.1, 4, 0, INFINITY);
    }
    return p;
}

/* Synapses of destination t in both lists, in order. */
static void assert_same(const kept_synapses *all, int64_t id, const kept_synapses *part, int64_t t)
{
    int64_t k = 0;
    for (int64_t i = 0; i < all->n; i++) {
        if (all->target[i] != id) continue;
        while (k < part->n && part->target[k] != t)
            k++;
        assert_true(k < part->n);
        assert_int_equal(all->source[i], part->source[k]);
        assert_int_equal(all->delay[i], part->delay[k]);
        assert_true(all->weight[i] == part->weight[k]);
        k++;
    }
    for (; k < part->n; k++)
        assert_true(part->target[k] != t);
}

static void any_split_of_the_destinations_gives_the_same_synapses(void **state)
{
    (void)state;
    for (int rule = 0; rule < STC_NRULES; rule++) {
        for (int switches = 0; switches < 2; switches++) {
            const stc_projection p = example((stc_rule)rule, switches);
            kept_synapses all, part;
            connect_all(&small, &p, &all);
            assert_true(all.n > 0 || (rule == STC_RULE_ONE_TO_ONE && !switches));
            const int64_t size = p.ntargets / 3 + 1;
            int64_t sum = 0;
            for (int64_t first = 0; first < p.ntargets; first += size) {
                const int64_t count = p.ntargets - first < size ? p.ntargets - first : size;
                assert_int_equal(connect_range(&small, &p, first, count, &part), 0);
                sum += part.n;
                for (int64_t t = 0; t < count; t++)
                    assert_same(&all, first + t, &part, t);
                free_synapses(&part);
            }
            assert_int_equal(sum, all.n);
            const stc_run runs[] = {{0, 1}, {1, 0}, {2, 1}, {3, p.ntargets - 3}};
            assert_int_equal(connect_runs(&small, &p, 4, runs, &part), 0);
            for (int64_t t = 0; t < p.ntargets - 1; t++)
                assert_same(&all, t + (t > 0), &part, t);
            free_synapses(&part);
            free_synapses(&all);
        }
    }
}

static void seed_and_key_change_the_network(void **state)
{
    (void)state;
    for (int rule = STC_RULE_FIXED_INDEGREE; rule < STC_NRULES; rule++) {
        const stc_program other_seed = {.seed = 6};
        stc_projection p = example((stc_rule)rule, true), q = p;
        q.key++;
        kept_synapses a, b, c;
        connect_all(&small, &p, &a);
        connect_all(&other_seed, &p, &b);
        connect_all(&small, &q, &c);
        const size_t bytes = 1000 * sizeof *a.target;
        const int32_t *const end[2][3] = {{a.source, b.source, c.source},
                                          {a.target, b.target, c.target}};
        const int which = rule == STC_RULE_FIXED_OUTDEGREE; /* what is drawn first */
        assert_memory_not_equal(end[which][0], end[which][1], bytes);
        assert_memory_not_equal(end[which][0], end[which][2], bytes);
        assert_memory_not_equal(end[which][1], end[which][2], bytes);
        free_synapses(&a);
        free_synapses(&b);
        free_synapses(&c);
    }
}

static uint64_t digest(const kept_synapses *s)
{
    uint64_t sum = (uint64_t)s->n;
    for (int64_t i = 0; i < s->n; i++) {
        uint64_t weight;
        memcpy(&weight, &s->weight[i], sizeof weight);
        sum = stc_mix64(sum ^ (uint64_t)s->source[i]) + (uint64_t)s->target[i];
        sum = stc_mix64(sum ^ (uint64_t)s->delay[i]) + weight;
    }
    return sum;
}

/* Networks must stay what they are: these numbers are never to change. */
static void networks_are_the_same_for_ever(void **state)
{
    (void)state;
    static const uint64_t known[STC_NRULES][2] = {
        [STC_RULE_EXPLICIT] = {0x2249d5bb36c0c013, 0x2249d5bb36c0c013},
        [STC_RULE_ONE_TO_ONE] = {0, 0x09871a3c03c1143a},
        [STC_RULE_ALL_TO_ALL] = {0x353ff715cf5dad4f, 0x8f97b7386cf1c79e},
        [STC_RULE_FIXED_INDEGREE] = {0x909ac65aba3f3e22, 0x3d7286eec2459084},
        [STC_RULE_FIXED_OUTDEGREE] = {0x346214c6668fc83e, 0xb5442ed4e846b9a9},
        [STC_RULE_FIXED_TOTAL_NUMBER] = {0x448eea9a0dbf8ccf, 0x9178154f24e2fc77},
        [STC_RULE_PAIRWISE_BERNOULLI] = {0x0a71177432152c35, 0x05eeefca69d67811}};
    for (int rule = 0; rule < STC_NRULES; rule++) {
        for (int switches = 0; switches < 2; switches++) {
            const stc_projection p = example((stc_rule)rule, switches);
            kept_synapses s;
            connect_all(&small, &p, &s);
            assert_known(digest(&s), known[rule][switches]);
            free_synapses(&s);
        }
    }
}

/* ---- refusals ---- */

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    stc_projection p = projection(STC_RULE_ONE_TO_ONE, 3, 4);
    assert_refused(&small, &p, "3 sources for 4", "one_to_one");
    p = projection(STC_RULE_FIXED_INDEGREE, 10, 10);
    p.number = 10;
    p.multapses = p.autapses = false;
    assert_refused(&small, &p, "fixed_indegree: 10 sources", "only 9");
    p.number = -1;
    assert_refused(&small, &p, "-1", "0 to 2^40");
    p = projection(STC_RULE_FIXED_INDEGREE, 0, 10);
    p.number = 1;
    assert_refused(&small, &p, "1 sources", "none to choose from");
    p = projection(STC_RULE_FIXED_OUTDEGREE, 5, 3);
    p.number = 4;
    p.multapses = false;
    assert_refused(&small, &p, "fixed_outdegree: 4 destinations", "only 3");
    p = projection(STC_RULE_FIXED_TOTAL_NUMBER, 5, 3);
    p.number = 16;
    p.multapses = false;
    assert_refused(&small, &p, "fixed_total_number: 16 pairs", "only 15");
    p = projection(STC_RULE_PAIRWISE_BERNOULLI, 5, 3);
    p.p = 1.5;
    assert_refused(&small, &p, "1.5", "0 to 1");
    p.rule = STC_NRULES;
    assert_refused(&small, &p, "the rule is 7", "0..6");
}

static void nobody_is_joined_where_there_is_nobody_or_none_is_wanted(void **state)
{
    (void)state;
    for (int rule = STC_RULE_ONE_TO_ONE; rule < STC_NRULES; rule++) {
        for (int n = 0; n < 2; n++) {
            for (int multapses = 0; multapses < 2; multapses++) {
                stc_projection p = projection((stc_rule)rule, n, n);
                p.multapses = multapses;
                p.autapses = false;
                kept_synapses s;
                connect_all(&small, &p, &s);
                assert_int_equal(s.n, 0);
                free_synapses(&s);
                p.nsources = 0;
                p.recurrent = false;
                if (rule == STC_RULE_ONE_TO_ONE) continue;
                connect_all(&small, &p, &s);
                assert_int_equal(s.n, 0);
                free_synapses(&s);
            }
        }
    }
}

/* Put a value into a list, expect refusal, and restore the list. */
static void assert_edge_refused(int field, int edge, double value, const char *first,
                                const char *second)
{
    const stc_projection p = explicit_edges();
    const double before = listed[field][edge];
    listed[field][edge] = value;
    assert_refused(&small, &p, first, second);
    listed[field][edge] = before;
}

static void bad_edges_are_named(void **state)
{
    (void)state;
    assert_edge_refused(0, 4, 3, "edge 4: its source is neuron 3", "0 to 2");
    assert_edge_refused(1, 5, -1, "edge 5: its target is neuron -1", "0 to 3");
    assert_edge_refused(1, 0, 1.5, "edge 0: its target is neuron 1.5", "0 to 3");
    assert_edge_refused(0, 0, NAN, "edge 0: its source is neuron", "nan");
    assert_edge_refused(3, 1, 0, "edge 1 from 2 to 0: the delay is 0 ms", "multiple of dt = 0.1");
    assert_edge_refused(3, 1, 0.25, "edge 1 from 2 to 0: the delay is 0.25 ms", "multiple of dt");
    assert_edge_refused(3, 2, NAN, "edge 2 from 1 to 3", "multiple of dt");
    assert_edge_refused(2, 3, INFINITY, "edge 3 from 2 to 3: the weight is inf", "finite");
}

static void delays_that_the_program_does_not_know_are_refused(void **state)
{
    (void)state;
    stc_projection p = explicit_edges();
    p.most = 19;
    assert_refused(&small, &p, "delays of 1 to 20 steps", "1 to 19");
    p = projection(STC_RULE_ALL_TO_ALL, 3, 3);
    p.delay = constant(0.05);
    assert_refused(&small, &p, "the delay is 0.0", "at least one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_of_the_destinations_gives_the_same_synapses),
        cmocka_unit_test(seed_and_key_change_the_network),
        cmocka_unit_test(networks_are_the_same_for_ever),
        cmocka_unit_test(impossible_numbers_are_refused),
        cmocka_unit_test(nobody_is_joined_where_there_is_nobody_or_none_is_wanted),
        cmocka_unit_test(bad_edges_are_named),
        cmocka_unit_test(delays_that_the_program_does_not_know_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
