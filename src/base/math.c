/* math.c - exp, log and the quantile of the normal distribution, the same to the last bit on every
 * machine, compiler and version of the C library.
 *
 * Only additions, multiplications, divisions and square roots in a fixed order, all of which IEEE
 * 754 rounds correctly, and shifts of exponents; everything is compiled without contraction to
 * fused operations. Errors are below 1 ulp (exp, log) and 1e-15 relative (quantile).
 */
#include "stc/base.h"

#include <math.h>
#include <string.h>

/* ln 2 in two parts: the first has 33 bits, so that an exponent times it is exact. */
static const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;

static double power_of_two(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* x = k ln 2 + r with |r| <= ln 2 / 2, and exp(r) by its Taylor series, whose first term left out
 * is below 2^-57. */
double stc_math_exp(double x)
{
    static const double series[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
        1.0 / 5040,       1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      1.0 / 2};
    if (isnan(x)) return x;
    if (x > 709.79) return INFINITY;
    if (x < -745.2) return 0.0;
    const int k = (int)(x * 0x1.71547652b82fep+0 + (x < 0 ? -0.5 : 0.5));
    const double high = x - k * ln2_high, low = k * ln2_low;
    const double r = high - low, rest = (high - r) - low;
    double sum = 0.0;
    for (size_t i = 0; i < sizeof series / sizeof *series; i++)
        sum = sum * r + series[i];
    const double value = 1.0 + (r + (sum * (r * r) + rest));
    return value * power_of_two(k / 2) * power_of_two(k - k / 2);
}

/* x = 2^k (1 + f) with 1 + f from sqrt(1/2) to sqrt(2), and with s = f / (2 + f)
 * log(1 + f) = 2 s + 2 s^3 / 3 + 2 s^5 / 5 + ... = f - s (f - 2 s^2 / 3 - 2 s^4 / 5 - ...).
 * x is a normal number. */
static inline double log_of_normal(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* 0x3fe6a09e... is sqrt(1/2): what exceeds it in the exponent is k */
    const uint64_t above = bits - UINT64_C(0x3fe6a09e667f3bcd);
    const int k = (int)((int64_t)above >> 52);
    bits -= (uint64_t)k << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    const double f = m - 1.0, s = f / (2.0 + f), z = s * s;
    double sum = 0.0;
    for (int i = 23; i >= 3; i -= 2)
        sum = sum * z + 2.0 / i;
    return k * ln2_high + (f - (s * (f - sum * z) - k * ln2_low));
}

double stc_math_log(double x)
{
    if (isnan(x) || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (isinf(x)) return x;
    if (x < 0x1p-1022) return log_of_normal(x * 0x1p54) - 54 * M_LN2;
    return log_of_normal(x);
}

static double ratio(const double a[8], const double b[8], double r)
{
    double above = a[7], below = b[7];
    for (int i = 6; i >= 0; i--) {
        above = above * r + a[i];
        below = below * r + b[i];
    }
    return above / below;
}

/* Rational approximations of algorithm AS 241, PPND16 (Wichura, Applied Statistics 37, 1988): in
 * the middle, to about 1e-11 of either end, and beyond. */
static const double middle[2][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
     1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
     2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3}};
static const double tail[2][8] = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9}};
static const double far_tail[2][8] = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15}};

enum { BLOCK = 128 };

/* Quantiles of the n numbers p[at[i]] near the ends. They are few, but dear: without branches that
 * cannot be foreseen they cost as much as the others together. */
static void quantiles_of_tails(int n, const int *at, const double *p, double *values)
{
    double r[BLOCK];
    for (int i = 0; i < n; i++) {
        const double q = p[at[i]];
        r[i] = sqrt(-log_of_normal(q < 0.5 ? q : 1.0 - q));
    }
    for (int i = 0; i < n; i++) {
        const double x = r[i] <= 5.0 ? ratio(tail[0], tail[1], r[i] - 1.6)
                                     : ratio(far_tail[0], far_tail[1], r[i] - 5.0);
        values[at[i]] = copysign(x, p[at[i]] - 0.5);
    }
}

void stc_normal_quantiles(int64_t n, double *values)
{
    double p[BLOCK];
    int at[BLOCK];
    for (int64_t first = 0; first < n; first += BLOCK) {
        const int count = n - first < BLOCK ? (int)(n - first) : BLOCK;
        double *v = values + first;
        memcpy(p, v, (size_t)count * sizeof *p);
        int tails = 0;
        for (int i = 0; i < count; i++) {
            const double q = p[i] - 0.5;
            v[i] = q * ratio(middle[0], middle[1], 0.180625 - q * q);
        }
        for (int i = 0; i < count; i++) {
            at[tails] = i;
            tails += fabs(p[i] - 0.5) > 0.425;
        }
        quantiles_of_tails(tails, at, p, v);
    }
}

double stc_normal_quantile(double p)
{
    stc_normal_quantiles(1, &p);
    return p;
}
