/* degrees.c - in-degrees of a fixed total number of synapses.
 *
 * Where every synapse falls to one of N destinations with equal probability, in-degrees are
 * multinomial. The destinations are halved again and again, and at each range [lo, hi) the number
 * that falls to its lower half is drawn, binomially, from random numbers keyed by the range; so the
 * in-degrees of any destinations cost a few draws per level of this tree and no communication.
 * Without multapses the number is drawn from the pairs of source and destination without
 * replacement, which makes it hypergeometric.
 *
 * A number of either distribution is drawn by inversion when few are expected, otherwise by the
 * ratio of uniforms (Stadlober, J. Comput. Appl. Math. 31, 1990), which is exact up to the rounding
 * of the probabilities; those are computed as Loader does (2000), without cancellation.
 */
#include "expand.h"

#include <math.h>

/* n synapses fall on the left or the right; with replacement they are the numbers of destinations,
 * without it of pairs. */
typedef struct {
    int64_t n, left, right;
    bool replaced;
} split;

/* ---- probabilities ---- */

/* log n! less Stirling's (n + 1/2) log n - n + log(2 pi) / 2, n >= 1. */
static double stirling_rest(double n)
{
    if (n > 15) {
        const double square = 1.0 / (n * n);
        return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - square / 1680) * square) * square) / n;
    }
    double factorial = 1;
    for (double i = 2; i <= n; i++)
        factorial *= i;
    return stc_math_log(factorial) - (n + 0.5) * stc_math_log(n) + n - 0x1.d67f1c864beb5p-1;
}

/* x log(x / mean) + mean - x, x > 0. */
static double deviance(double x, double mean)
{
    const double v = (x - mean) / (x + mean);
    if (fabs(v) > 0.1) return x * stc_math_log(x / mean) + mean - x;
    double sum = 0;
    for (int j = 17; j >= 3; j -= 2)
        sum = (sum + 1.0 / j) * (v * v);
    return (x - mean) * v + 2 * x * v * sum;
}

/* log of the probability of k of n where each has probability a / (a + b). */
static double log_binomial(double k, double n, double a, double b)
{
    const double p = a / (a + b), q = b / (a + b);
    if (k == 0) return n == 0 ? 0 : -deviance(n, n * q) - n * p;
    if (k == n) return -deviance(n, n * p) - n * q;
    return stirling_rest(n) - stirling_rest(k) - stirling_rest(n - k) - deviance(k, n * p) -
           deviance(n - k, n * q) +
           0.5 * stc_math_log(n / (k * (n - k)) * 0x1.45f306dc9c883p-3); /* 1 / (2 pi) */
}

static double log_probability(const split *s, int64_t k)
{
    const double n = (double)s->n, left = (double)s->left, right = (double)s->right;
    if (s->replaced) return log_binomial((double)k, n, left, right);
    const double rest = left + right - n;
    return log_binomial((double)k, left, n, rest) +
           log_binomial((double)(s->n - k), right, n, rest) -
           log_binomial(n, left + right, n, rest);
}

/* ---- draws ---- */

typedef struct {
    uint64_t key;
    uint32_t depth, first; /* of the range */
} node;

/* Two numbers in (0, 1). */
static void uniforms(const node *at, uint32_t trial, double u[2])
{
    const uint32_t counter[4] = {trial, at->depth, at->first, STC_FOR_DEGREE};
    uint32_t word[4];
    stc_random_block(at->key, counter, word);
    u[0] = stc_random_open52(word[0], word[1]);
    u[1] = stc_random_open52(word[2], word[3]);
}

static int64_t draw_by_inversion(const split *s, const node *at)
{
    double u[2], left = (double)s->left, right = (double)s->right, n = (double)s->n;
    uniforms(at, 0, u);
    const int64_t most = s->replaced || s->n < s->left ? s->n : s->left;
    double probability = stc_math_exp(log_probability(s, 0)), sum = probability;
    int64_t k = 0;
    while (u[0] > sum && k < most && probability > 1e-30) {
        const double x = (double)k++;
        probability *= s->replaced ? (n - x) / (x + 1) * (left / right)
                                   : (n - x) / (x + 1) * ((left - x) / (right - n + x + 1));
        sum += probability;
    }
    return k;
}

static int64_t draw_by_ratio(const split *s, const node *at, double mean, double variance)
{
    const double n = (double)s->n, left = (double)s->left, all = left + (double)s->right;
    const double mode =
        s->replaced ? floor((n + 1) * (left / all)) : floor((n + 1) * ((left + 1) / (all + 2)));
    const double highest = log_probability(s, (int64_t)mode);
    const double width = 1.7155277699214135 * sqrt(variance + 0.5) + 0.8989161620588988;
    const double most = s->replaced || n < left ? n : left;
    for (uint32_t trial = 0;; trial++) {
        double u[2];
        uniforms(at, trial, u);
        const double x = floor(mean + 0.5 + width * (u[1] - 0.5) / u[0]);
        if (!(x >= 0 && x <= most)) continue;
        if (2 * stc_math_log(u[0]) <= log_probability(s, (int64_t)x) - highest) return (int64_t)x;
    }
}

/* How many fall on the left. Reflections make the mean at most n / 2 and the lowest number 0. */
static int64_t draw_left(split s, const node *at)
{
    enum { FEW = 12 };
    if (s.n == 0 || s.left == 0) return 0;
    if (s.right == 0) return s.n;
    if (s.left > s.right) {
        return s.n - draw_left((split){s.n, s.right, s.left, s.replaced}, at);
    }
    if (!s.replaced && s.n > (s.left + s.right) / 2) {
        return s.left - draw_left((split){s.left + s.right - s.n, s.left, s.right, false}, at);
    }
    const double all = (double)s.left + (double)s.right;
    const double mean = (double)s.n * ((double)s.left / all);
    double variance = mean * ((double)s.right / all);
    if (!s.replaced) variance *= (all - (double)s.n) / (all - 1);
    return mean < FEW ? draw_by_inversion(&s, at) : draw_by_ratio(&s, at, mean, variance);
}

/* n synapses onto destinations [lo, hi). */
static void descend(const stc_expansion *x, int64_t lo, int64_t hi, int64_t n, uint32_t depth,
                    int64_t *degree)
{
    const int64_t r = stc_expand_run(x, lo);
    if (n == 0 || r == x->nruns || x->run[r].first >= hi) return;
    if (hi - lo == 1) {
        degree[x->before[r] + lo - x->run[r].first] = n;
        return;
    }
    const stc_projection *p = x->projection;
    const int64_t middle = lo + (hi - lo) / 2,
                  each = p->multapses ? 1 : p->nsources - x->without_self;
    const node at = {x->key, depth, (uint32_t)lo};
    const split s = {n, (middle - lo) * each, (hi - middle) * each, p->multapses};
    const int64_t left = draw_left(s, &at);
    descend(x, lo, middle, left, depth + 1, degree);
    descend(x, middle, hi, n - left, depth + 1, degree);
}

void stc_expand_degrees(const stc_expansion *x, int64_t *degree)
{
    descend(x, 0, x->projection->ntargets, x->projection->number, 0, degree);
}
