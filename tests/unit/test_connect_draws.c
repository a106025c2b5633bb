/* Weights and delays that are drawn, and the random numbers and functions below them. */
#include "connecting.h"

static const stc_program program = {.seed = 11};

/* ---- numbers ---- */

static void philox_gives_the_known_answers_of_its_authors(void **state)
{
    (void)state;
    static const struct {
        uint64_t key;
        uint32_t counter[4], word[4];
    } known[] = {
        {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX,
         {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {UINT64_C(0x299f31d0a4093822),
         {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t word[4];
        stc_random_block(known[i].key, known[i].counter, word);
        assert_memory_equal(word, known[i].word, sizeof word);
    }
    assert_known(stc_random_key(1, 2), UINT64_C(0x081a5c1377856b73));
}

static void many_blocks_are_the_same_as_one_by_one(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 70; n++) {
        uint32_t a[70], b[70], c[70], d[70];
        for (uint32_t i = 0; i < n; i++)
            a[i] = i, b[i] = i * i, c[i] = ~i, d[i] = n;
        stc_random_blocks(UINT64_C(0x123456789abcdef), n, a, b, c, d);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t word[4];
            stc_random_block(UINT64_C(0x123456789abcdef), (uint32_t[]){i, i * i, ~i, n}, word);
            assert_true(a[i] == word[0] && b[i] == word[1] && c[i] == word[2] && d[i] == word[3]);
        }
    }
}

static void open_numbers_are_never_zero_or_one(void **state)
{
    (void)state;
    assert_true(stc_random_open32(0) == 0x1p-33 && stc_random_open32(UINT32_MAX) == 1 - 0x1p-33);
    assert_true(stc_random_open52(0, 0) == 0x1p-53);
    assert_true(stc_random_open52(UINT32_MAX, UINT32_MAX) == 1 - 0x1p-53);
}

/* ---- functions ---- */

static double ulps(double found, long double expected)
{
    int exponent;
    (void)frexp((double)expected, &exponent);
    return fabs((double)((found - expected) / ldexpl(1, exponent - 53)));
}

static uint64_t fold(uint64_t sum, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return stc_mix64(sum ^ bits);
}

static void exp_and_log_are_right_to_an_ulp_and_the_same_everywhere(void **state)
{
    (void)state;
    double worst[2] = {0, 0};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        const double u = stc_random_open52(stc_random_u32(1, 2, i), 0) - 0.5;
        const double x = u * (i % 2 ? 3 : 1400), y = i % 2 ? 1 + u : stc_math_exp(x);
        worst[0] = fmax(worst[0], ulps(stc_math_exp(x), expl(x)));
        worst[1] = fmax(worst[1], ulps(stc_math_log(y), logl(y)));
        sum = fold(fold(sum, stc_math_exp(x)), stc_math_log(y));
    }
    assert_true(worst[0] < 1 && worst[1] < 1);
    assert_known(sum, UINT64_C(0x8daa53a5603e7dd3));
    assert_true(stc_math_exp(0) == 1 && stc_math_exp(1000) == INFINITY);
    assert_true(stc_math_exp(-1000) == 0 && stc_math_exp(-745) == 0x1p-1074);
    assert_true(stc_math_exp(-INFINITY) == 0 && isnan(stc_math_exp(NAN)));
    assert_true(stc_math_log(1) == 0 && stc_math_log(0) == -INFINITY);
    assert_true(isnan(stc_math_log(-1)) && stc_math_log(INFINITY) == INFINITY);
    assert_true(fabs(stc_math_log(0x1p-1074) + 744.4400719213812) < 1e-12);
}

static void normal_quantiles_invert_the_distribution(void **state)
{
    (void)state;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        double p = stc_random_open52(stc_random_u32(3, 4, i), i);
        if (i % 2) p = stc_math_exp(-36 * p); /* far down the tail */
        const double x = stc_normal_quantile(p);
        const long double back = 0.5L * erfcl(-x / sqrtl(2));
        const long double slope = expl(-0.5L * x * x) / sqrtl(2 * (long double)M_PI);
        assert_true(fabsl((back - p) / slope) <= 4e-15L * fabs(x) + 1e-16L);
        sum = fold(sum, x);
    }
    assert_known(sum, UINT64_C(0x1a90121bfb06937f));
    assert_true(stc_normal_quantile(0.5) == 0);
    assert_true(stc_normal_quantile(0x1p-53) == -stc_normal_quantile(1 - 0x1p-53));
    double p[1000];
    for (int i = 0; i < 1000; i++)
        p[i] = (i + 0.5) / 1000;
    stc_normal_quantiles(1000, p);
    for (int i = 0; i < 1000; i++)
        assert_true(p[i] == stc_normal_quantile((i + 0.5) / 1000) && (i == 0 || p[i] > p[i - 1]));
}

/* ---- weights and delays ---- */

enum { N = 400, K = 500 };

static kept_synapses drawn(stc_draw weight, stc_draw delay)
{
    stc_projection p = projection(STC_RULE_FIXED_INDEGREE, N, N);
    p.number = K;
    p.weight = weight;
    p.delay = delay;
    kept_synapses s;
    connect_all(&program, &p, &s);
    assert_int_equal(s.n, N * K);
    return s;
}

/* Mean and standard deviation of the weights. */
static void assert_weights(stc_draw weight, double mean, double deviation)
{
    kept_synapses s = drawn(weight, constant(1));
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < s.n; i++) {
        assert_true(s.weight[i] >= weight.least && s.weight[i] <= weight.most);
        sum += (s.weight[i] - mean) / deviation;
        squares += (s.weight[i] - mean) * (s.weight[i] - mean) / (deviation * deviation);
    }
    const double n = (double)s.n;
    free_synapses(&s);
    if (fabs(sum / n) > 4 / sqrt(n) || fabs(squares / n - 1) > 0.02)
        fail_msg("mean off by %g, variance by %g of their own", sum / n, squares / n - 1);
}

static void weights_have_the_moments_of_their_distribution(void **state)
{
    (void)state;
    const double inf = INFINITY, pi = acos(-1);
    assert_weights(draw(STC_DRAW_UNIFORM, -1, 3, -inf, inf), 1, 4 / sqrt(12));
    assert_weights(draw(STC_DRAW_UNIFORM, -1, 3, 0, 2), 1, 2 / sqrt(12));
    assert_weights(draw(STC_DRAW_NORMAL, 87.8, 8.78, 0, inf), 87.8, 8.78);
    /* half of a normal distribution */
    assert_weights(draw(STC_DRAW_NORMAL, 2, 3, 2, inf), 2 + 3 * sqrt(2 / pi), 3 * sqrt(1 - 2 / pi));
    const double spread = exp(0.25);
    assert_weights(draw(STC_DRAW_LOGNORMAL, 0.5, 0.5, -inf, inf), exp(0.5 + 0.125),
                   exp(0.5 + 0.125) * sqrt(spread - 1));
}

static double below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

/* Delays of the microcircuit, in steps of 0.1 ms: normal, at least half a step. */
static void delays_are_rounded_to_steps_and_have_the_right_odds(void **state)
{
    (void)state;
    const double mean = 0.75, deviation = 0.375, least = 0.05;
    kept_synapses s = drawn(constant(1), draw(STC_DRAW_NORMAL, mean, deviation, least, INFINITY));
    enum { MOST = 17 };
    int64_t count[MOST + 1] = {0};
    for (int64_t i = 0; i < s.n; i++) {
        assert_true(s.delay[i] >= 1);
        count[s.delay[i] < MOST ? s.delay[i] : MOST]++;
    }
    double sum = 0;
    for (int d = 1; d <= MOST; d++) {
        double lo = below(((d - 0.5) * 0.1 - mean) / deviation), hi = 1;
        if (d < MOST) hi = below(((d + 0.5) * 0.1 - mean) / deviation);
        const double expected = (double)s.n * (hi - lo) / (1 - below((least - mean) / deviation));
        sum += ((double)count[d] - expected) * ((double)count[d] - expected) / expected;
    }
    assert_chi_square(sum, MOST - 1);
    free_synapses(&s);
}

static void delays_below_a_step_are_drawn_again(void **state)
{
    (void)state;
    kept_synapses s = drawn(constant(1), draw(STC_DRAW_UNIFORM, -5, 0.2, -INFINITY, INFINITY));
    int64_t ones = 0;
    for (int64_t i = 0; i < s.n; i++) {
        assert_true(s.delay[i] == 1 || s.delay[i] == 2);
        ones += s.delay[i] == 1;
    }
    assert_true(fabs((double)ones / (double)s.n - 2.0 / 3) < 0.005);
    free_synapses(&s);
}

static void weights_do_not_depend_on_delays_nor_sources_on_either(void **state)
{
    (void)state;
    const stc_draw normal = draw(STC_DRAW_NORMAL, 3, 2, 1, INFINITY);
    kept_synapses a = drawn(normal, constant(1)), b = drawn(normal, normal),
                  c = drawn(constant(1), normal);
    assert_memory_equal(a.weight, b.weight, (size_t)a.n * sizeof *a.weight);
    assert_memory_equal(b.delay, c.delay, (size_t)a.n * sizeof *b.delay);
    assert_memory_equal(a.source, b.source, (size_t)a.n * sizeof *a.source);
    assert_memory_equal(a.source, c.source, (size_t)a.n * sizeof *a.source);
    double product = 0;
    for (int64_t i = 0; i < b.n; i++)
        product += (b.weight[i] - b.weight[(i + 1) % b.n]) * (b.delay[i] - b.delay[(i + 1) % b.n]);
    assert_true(fabs(product / (double)b.n) < 4 * 2 * 2 * 20 / sqrt((double)b.n));
    free_synapses(&a);
    free_synapses(&b);
    free_synapses(&c);
}

static void draws_that_never_become_valid_are_refused(void **state)
{
    (void)state;
    stc_projection p = projection(STC_RULE_FIXED_INDEGREE, 3, 3);
    p.number = 2;
    p.weight = draw(STC_DRAW_NORMAL, 1, 0.5, 20, 30);
    assert_refused(&program, &p, "10000 draws of a weight, normal (1, 0.5)", "from 20 to 30");
    p.weight = draw(STC_DRAW_UNIFORM, 2, 1, 0, 30);
    assert_refused(&program, &p, "weight is uniform from 2 to 1", "rises");
    p.weight = draw(STC_DRAW_LOGNORMAL, 1, -1, 0, 30);
    assert_refused(&program, &p, "standard deviation of the weight is -1", ">= 0");
    p.weight = draw(STC_DRAW_NORMAL, NAN, 1, 0, 30);
    assert_refused(&program, &p, "weight", "nan");
    p.weight = draw(STC_DRAW_LISTED, 0, 0, 0, 0);
    assert_refused(&program, &p, "weight is listed", "edges are not");
    p.weight = constant(1);
    p.delay = draw(STC_DRAW_UNIFORM, -2, 0.04, -INFINITY, INFINITY);
    assert_refused(&program, &p, "10000 draws of a delay, uniform (-2, 0.04)", "one step");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers_of_its_authors),
        cmocka_unit_test(many_blocks_are_the_same_as_one_by_one),
        cmocka_unit_test(open_numbers_are_never_zero_or_one),
        cmocka_unit_test(exp_and_log_are_right_to_an_ulp_and_the_same_everywhere),
        cmocka_unit_test(normal_quantiles_invert_the_distribution),
        cmocka_unit_test(weights_have_the_moments_of_their_distribution),
        cmocka_unit_test(delays_are_rounded_to_steps_and_have_the_right_odds),
        cmocka_unit_test(delays_below_a_step_are_drawn_again),
        cmocka_unit_test(weights_do_not_depend_on_delays_nor_sources_on_either),
        cmocka_unit_test(draws_that_never_become_valid_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
