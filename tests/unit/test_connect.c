/* Who is joined to whom: every rule, its switches and its odds. */
#include "listed_edges.h"

/* ---- helpers ---- */

static int64_t *degrees(const int32_t *end, int64_t nends, int64_t n)
{
    int64_t *degree = calloc((size_t)nends, sizeof *degree);
    for (int64_t i = 0; i < n; i++) {
        assert_true(end[i] >= 0 && end[i] < nends);
        degree[end[i]]++;
    }
    return degree;
}

static bool has_autapse(const kept_synapses *s)
{
    for (int64_t i = 0; i < s->n; i++)
        if (s->source[i] == s->target[i]) return true;
    return false;
}

static int by_pair(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Pairs that are joined more than once. */
static int64_t count_multapses(const kept_synapses *s)
{
    int64_t *pair = calloc((size_t)s->n + 1, sizeof *pair), found = 0;
    for (int64_t i = 0; i < s->n; i++)
        pair[i] = (int64_t)s->target[i] << 32 | s->source[i];
    qsort(pair, (size_t)s->n, sizeof *pair, by_pair);
    for (int64_t i = 1; i < s->n; i++)
        found += pair[i] == pair[i - 1];
    free(pair);
    return found;
}

/* ---- rules ---- */

static void explicit_edges_keep_their_order_and_values(void **state)
{
    (void)state;
    stc_projection p = explicit_edges();
    kept_synapses s;
    connect_all(&small, &p, &s);
    assert_int_equal(s.n, EDGES);
    assert_true(stc_connect_expected(&p) == EDGES);
    static const int32_t steps[EDGES] = {1, 3, 20, 1, 2, 5};
    for (int i = 0; i < EDGES; i++) {
        assert_int_equal(s.source[i], (int)listed[0][i]);
        assert_int_equal(s.target[i], (int)listed[1][i]);
        assert_true(s.weight[i] == listed[2][i]);
        assert_int_equal(s.delay[i], steps[i]);
    }
    free_synapses(&s);
    assert_int_equal(connect_range(&small, &p, 2, 2, &s), 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.source[1], 2);
    assert_int_equal(s.target[1], 1);
    assert_int_equal(s.delay[0], 20);
    free_synapses(&s);
}

static void one_to_one_joins_equal_indices(void **state)
{
    (void)state;
    stc_projection p = projection(STC_RULE_ONE_TO_ONE, 5, 5);
    kept_synapses s;
    assert_int_equal(connect_range(&small, &p, 1, 3, &s), 0);
    assert_int_equal(s.n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.source[i], i + 1);
        assert_int_equal(s.target[i], i);
        assert_int_equal(s.delay[i], 5);
        assert_true(s.weight[i] == 2.0);
    }
    free_synapses(&s);
    p.autapses = false;
    connect_all(&small, &p, &s);
    assert_int_equal(s.n, 0);
    assert_true(stc_connect_expected(&p) == 0);
    free_synapses(&s);
    p.recurrent = false; /* equal indices of two nodes are no autapses */
    connect_all(&small, &p, &s);
    assert_int_equal(s.n, 5);
    free_synapses(&s);
}

static void all_to_all_joins_every_pair(void **state)
{
    (void)state;
    for (int autapses = 0; autapses < 2; autapses++) {
        stc_projection p = projection(STC_RULE_ALL_TO_ALL, 40, 40);
        p.autapses = autapses;
        kept_synapses s;
        connect_all(&small, &p, &s);
        assert_int_equal(s.n, 40 * (39 + autapses));
        assert_true(stc_connect_expected(&p) == (double)s.n);
        assert_int_equal(count_multapses(&s), 0);
        assert_int_equal(has_autapse(&s), autapses);
        free_synapses(&s);
    }
}

static void fixed_indegree_draws_sources_evenly(void **state)
{
    (void)state;
    enum { N = 300, K = 1000 };
    for (int autapses = 0; autapses < 2; autapses++) {
        stc_projection p = projection(STC_RULE_FIXED_INDEGREE, N, N);
        p.number = K;
        p.autapses = autapses;
        kept_synapses s;
        connect_all(&small, &p, &s);
        assert_true(stc_connect_expected(&p) == N * K);
        int64_t *in = degrees(s.target, N, s.n), *out = degrees(s.source, N, s.n);
        for (int i = 0; i < N; i++)
            assert_int_equal(in[i], K);
        assert_chi_square(chi_square(out, N, K), N - 1);
        assert_int_equal(has_autapse(&s), autapses);
        free(in);
        free(out);
        free_synapses(&s);
    }
}

static void fixed_indegree_without_multapses_draws_distinct_sources(void **state)
{
    (void)state;
    enum { N = 200 };
    static const int64_t number[] = {0, 1, 30, 99, 100, 150, 199};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        stc_projection p = projection(STC_RULE_FIXED_INDEGREE, N, N);
        p.number = number[i];
        p.multapses = p.autapses = false;
        kept_synapses s;
        connect_all(&small, &p, &s);
        assert_int_equal(s.n, N * number[i]);
        assert_int_equal(count_multapses(&s), 0);
        assert_false(has_autapse(&s));
        int64_t *out = degrees(s.source, N, s.n);
        double k = (double)number[i], free_share = 1 - k / (N - 1); /* of the binomial variance */
        if (number[i] > 1 && number[i] < 199)
            assert_chi_square(chi_square(out, N, k) / free_share, N - 1);
        free(out);
        free_synapses(&s);
    }
}

static void fixed_outdegree_draws_destinations_evenly(void **state)
{
    (void)state;
    enum { N = 250, M = 310, K = 700 };
    stc_projection p = projection(STC_RULE_FIXED_OUTDEGREE, N, M);
    p.number = K;
    kept_synapses s;
    connect_all(&small, &p, &s);
    assert_true(stc_connect_expected(&p) == N * K);
    int64_t *in = degrees(s.target, M, s.n), *out = degrees(s.source, N, s.n);
    for (int i = 0; i < N; i++)
        assert_int_equal(out[i], K);
    assert_chi_square(chi_square(in, M, (double)N * K / M), M - 1);
    free(in);
    free(out);
    free_synapses(&s);

    p = projection(STC_RULE_FIXED_OUTDEGREE, N, N);
    p.multapses = p.autapses = false;
    for (p.number = 20; p.number < N; p.number += 200) {
        connect_all(&small, &p, &s);
        assert_int_equal(s.n, N * p.number);
        assert_int_equal(count_multapses(&s), 0);
        assert_false(has_autapse(&s));
        free_synapses(&s);
    }
}

/* In-degrees are multinomial: their sum is exact, their chi-square that of even odds. */
static void fixed_total_number_spreads_it_over_the_destinations(void **state)
{
    (void)state;
    enum { N = 400, M = 1000 };
    static const int64_t number[] = {0, 1, 777, 5000, 40000, 300000};
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        for (int multapses = 0; multapses < 2; multapses++) {
            stc_projection p = projection(STC_RULE_FIXED_TOTAL_NUMBER, N, M);
            p.number = number[i];
            p.multapses = multapses;
            kept_synapses s;
            connect_all(&small, &p, &s);
            assert_int_equal(s.n, number[i]);
            assert_true(stc_connect_expected(&p) == (double)number[i]);
            double k = (double)number[i], share = multapses ? 1 : 1 - k / (N * M);
            int64_t *in = degrees(s.target, M, s.n), *out = degrees(s.source, N, s.n);
            if (k > 1) {
                assert_chi_square(chi_square(in, M, k / M) / share, M - 1);
                assert_chi_square(chi_square(out, N, k / N) / share, N - 1);
            }
            if (!multapses) assert_int_equal(count_multapses(&s), 0);
            free(in);
            free(out);
            free_synapses(&s);
        }
    }
}

static void fixed_total_number_may_be_all_pairs_or_no_autapses(void **state)
{
    (void)state;
    stc_projection p = projection(STC_RULE_FIXED_TOTAL_NUMBER, 37, 37);
    p.multapses = p.autapses = false;
    p.number = 37 * 36;
    kept_synapses s;
    connect_all(&small, &p, &s);
    assert_int_equal(s.n, 37 * 36);
    assert_int_equal(count_multapses(&s), 0);
    assert_false(has_autapse(&s));
    free_synapses(&s);
    p.multapses = true;
    p.number = 100000;
    connect_all(&small, &p, &s);
    assert_int_equal(s.n, 100000);
    assert_false(has_autapse(&s));
    free_synapses(&s);
}

/* The number of synapses of a network of one destination and its half is binomial: its distribution
 * over many seeds, for few and for many synapses. */
static void assert_binomial(int64_t number, bool multapses)
{
    enum { SEEDS = 20000, SOURCES = 50 };
    double sum = 0, squares = 0, cubes = 0;
    const double k = (double)number, p = 1.0 / 3, mean = k * p;
    double variance = k * p * (1 - p);
    if (!multapses) variance *= (3 * SOURCES - k) / (3 * SOURCES - 1);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const stc_program program = {.seed = seed};
        stc_projection projected = projection(STC_RULE_FIXED_TOTAL_NUMBER, SOURCES, 3);
        projected.number = number;
        projected.multapses = multapses;
        kept_synapses s;
        assert_int_equal(connect_range(&program, &projected, 0, 1, &s), 0);
        const double x = ((double)s.n - mean) / sqrt(variance);
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        free_synapses(&s);
    }
    const double skew =
        multapses ? (1 - 2 * p) / sqrt(variance)
                  : (1 - 2 * p) * (3 * SOURCES - 2 * k) / (3 * SOURCES - 2) / sqrt(variance);
    assert_true(fabs(sum / SEEDS) < 4 / sqrt(SEEDS));
    assert_true(fabs(squares / SEEDS - 1) < 4 * sqrt(2.0 / SEEDS));
    assert_true(fabs(cubes / SEEDS - skew) < 4 * sqrt(15.0 / SEEDS));
}

static void in_degrees_of_a_total_have_the_moments_of_their_law(void **state)
{
    (void)state;
    assert_binomial(7, true);
    assert_binomial(60, true);
    assert_binomial(35, false);
    assert_binomial(100, false);
}

static void pairwise_bernoulli_joins_pairs_with_its_probability(void **state)
{
    (void)state;
    enum { N = 500 };
    static const double probability[] = {0.001, 0.05, 0.5, 0.97};
    for (size_t i = 0; i < sizeof probability / sizeof *probability; i++) {
        const double p = probability[i];
        stc_projection q = projection(STC_RULE_PAIRWISE_BERNOULLI, N, N);
        q.p = p;
        q.autapses = i % 2;
        kept_synapses s;
        connect_all(&small, &q, &s);
        const double expected = stc_connect_expected(&q);
        assert_true(fabs(expected - p * N * (N - 1.0 + (double)(i % 2))) < 1e-6);
        assert_true(fabs((double)s.n - expected) < 4 * sqrt(expected * (1 - p)));
        assert_int_equal(count_multapses(&s), 0);
        if (i % 2 == 0) assert_false(has_autapse(&s));
        int64_t *in = degrees(s.target, N, s.n), *out = degrees(s.source, N, s.n);
        assert_chi_square(chi_square(in, N, expected / N) / (1 - p), N);
        assert_chi_square(chi_square(out, N, expected / N) / (1 - p), N);
        free(in);
        free(out);
        free_synapses(&s);
    }
    for (int p = 0; p < 2; p++) {
        stc_projection q = projection(STC_RULE_PAIRWISE_BERNOULLI, N, N);
        q.p = p;
        kept_synapses s;
        connect_all(&small, &q, &s);
        assert_int_equal(s.n, p * N * N);
        free_synapses(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explicit_edges_keep_their_order_and_values),
        cmocka_unit_test(one_to_one_joins_equal_indices),
        cmocka_unit_test(all_to_all_joins_every_pair),
        cmocka_unit_test(fixed_indegree_draws_sources_evenly),
        cmocka_unit_test(fixed_indegree_without_multapses_draws_distinct_sources),
        cmocka_unit_test(fixed_outdegree_draws_destinations_evenly),
        cmocka_unit_test(fixed_total_number_spreads_it_over_the_destinations),
        cmocka_unit_test(fixed_total_number_may_be_all_pairs_or_no_autapses),
        cmocka_unit_test(in_degrees_of_a_total_have_the_moments_of_their_law),
        cmocka_unit_test(pairwise_bernoulli_joins_pairs_with_its_probability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
