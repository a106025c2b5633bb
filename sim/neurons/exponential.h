/* exponential.h - exponentials that depend on no library, instruction set or compiler.
 *
 *     exp_rounded, expm1_rounded   for prepare: computed in pairs of doubles to about 2^-95,
 * rounded once: but for ties that close, the double nearest to the exact value. A good libm gives
 * the same or the next double. exp_each                     for update: branch-free double
 * arithmetic that compilers turn into vectors; error below 1 unit in the last place from -708 to
 * 709, beyond which the argument is clamped
 */
#ifndef STC_EXPONENTIAL_H
#define STC_EXPONENTIAL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* ---- pairs of doubles: hi + lo, lo at most half a unit in the last place of hi ---- */

typedef struct {
    double hi, lo;
} pair;

static inline pair pair_of_sum(double a, double b)
{
    const double sum = a + b, part = sum - a;
    return (pair){sum, (a - (sum - part)) + (b - part)};
}

/* Upper half of the significand of a, so that products of halves are exact. */
static inline double upper_half(double a)
{
    const double t = 134217729.0 * a; /* 2^27 + 1 */
    return t - (t - a);
}

static inline pair pair_of_product(double a, double b)
{
    const double product = a * b;
    const double ah = upper_half(a), al = a - ah, bh = upper_half(b), bl = b - bh;
    return (pair){product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

static inline pair pair_add(pair a, pair b)
{
    const pair sum = pair_of_sum(a.hi, b.hi), rest = pair_of_sum(a.lo, b.lo);
    const pair s = pair_of_sum(sum.hi, sum.lo + rest.hi);
    return pair_of_sum(s.hi, s.lo + rest.lo);
}

static inline pair pair_multiply(pair a, pair b)
{
    const pair p = pair_of_product(a.hi, b.hi);
    return pair_of_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* exp(x) - 1 for |x| <= 0.35: series of x / 256, then e^2x - 1 = e (e + 2) eight times. */
static inline pair pair_expm1(pair x)
{
    static const pair inverse_factorial[] = {
        {0x1p-1, 0},
        {0x1.5555555555555p-3, 0x1.5555555555555p-57},
        {0x1.5555555555555p-5, 0x1.5555555555555p-59},
        {0x1.1111111111111p-7, 0x1.1111111111111p-63},
        {0x1.6c16c16c16c17p-10, -0x1.f49f49f49f49fp-65},
        {0x1.a01a01a01a01ap-13, 0x1.a01a01a01a01ap-73},
        {0x1.a01a01a01a01ap-16, 0x1.a01a01a01a01ap-76},
        {0x1.71de3a556c734p-19, -0x1.c154f8ddc6c00p-73},
        {0x1.27e4fb7789f5cp-22, 0x1.cbbc05b4fa99ap-76},
    };
    const pair y = {x.hi / 256, x.lo / 256};
    pair sum = {0, 0};
    for (int k = (int)(sizeof inverse_factorial / sizeof *inverse_factorial) - 1; k >= 0; k--)
        sum = pair_multiply(pair_add(sum, inverse_factorial[k]), y);
    pair e = pair_add(y, pair_multiply(sum, y));
    for (int k = 0; k < 8; k++)
        e = pair_multiply(e, pair_add(e, (pair){2, 0}));
    return e;
}

/* x = binary * ln 2 + r with |r| <= 0.35; for |x| < 750. Returns exp(r) - 1. */
static inline pair pair_reduced_expm1(double x, int *binary)
{
    static const double ln2[] = {0x1.62e42fefap-1, 0x1.cf79abc9e3b3ap-40, -0x1.ff0342542fc33p-94};
    const double k = rint(x * 0x1.71547652b82fep+0);
    *binary = (int)k;
    pair r = pair_of_sum(x, -k * ln2[0]); /* k has 11 bits, ln2[0] 38: exact */
    r = pair_add(r, pair_of_product(-k, ln2[1]));
    r = pair_add(r, (pair){-k * ln2[2], 0});
    return pair_expm1(r);
}

static inline double exp_rounded(double x)
{
    int binary;
    if (x < -745.2) return 0;
    if (!(x < 709.8)) return x + HUGE_VAL;
    const pair e = pair_add(pair_reduced_expm1(x, &binary), (pair){1, 0});
    return ldexp(e.hi, binary);
}

static inline double expm1_rounded(double x)
{
    int binary;
    if (x < -745.2) return -1;
    if (!(x < 709.8)) return x + HUGE_VAL;
    if (fabs(x) < 0x1p-60) return x;
    pair e = pair_reduced_expm1(x, &binary);
    if (binary == 0) return e.hi;
    e = pair_add(e, (pair){1, 0});
    if (binary > 200) return ldexp(e.hi, binary);
    return pair_add((pair){ldexp(e.hi, binary), ldexp(e.lo, binary)}, (pair){-1, 0}).hi;
}

/* ---- in the loop of update ---- */

/* x = k ln 2 + r; exp(r) by its series to r^13, times 2^k put together from its bits. */
static inline double exp_each(double x)
{
    const double low = x < -708.0 ? -708.0 : x, z = low > 709.0 ? 709.0 : low;
    const double to_integer = 0x1.8p52;
    const double shifted = z * 0x1.71547652b82fep+0 + to_integer, k = shifted - to_integer;
    const double r = (z - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    double sum = 0x1.6124613a86d09p-33;
    sum = sum * r + 0x1.1eed8eff8d898p-29;
    sum = sum * r + 0x1.ae64567f544e4p-26;
    sum = sum * r + 0x1.27e4fb7789f5cp-22;
    sum = sum * r + 0x1.71de3a556c734p-19;
    sum = sum * r + 0x1.a01a01a01a01ap-16;
    sum = sum * r + 0x1.a01a01a01a01ap-13;
    sum = sum * r + 0x1.6c16c16c16c17p-10;
    sum = sum * r + 0x1.1111111111111p-7;
    sum = sum * r + 0x1.5555555555555p-5;
    sum = sum * r + 0x1.5555555555555p-3;
    sum = sum * r + 0x1p-1;
    const double e = 1.0 + (r + r * r * sum);
    uint64_t bits;
    double power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52; /* the low bits of `shifted` are those of k */
    memcpy(&power, &bits, sizeof power);
    return e * power;
}

#endif
