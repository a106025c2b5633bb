/* adaptive.h - steps of rkf45.h whose length adapts to an error, as the GSL's evolution with its
 * standard control for derivatives: a step is accepted when each variable's error estimate is at
 * most 1.1 D, D = tolerance (1 + |h y'|), with y' after the step; else it is repeated with
 * 0.9 (error / D)^(-1/5) h, at least h / 5. Where errors are below D / 2, the next step is
 * 0.9 (error / D)^(-1/6) h, from h to 5 h.
 *
 * Scalar code: neurons take different numbers of steps. */
#ifndef STC_ADAPTIVE_H
#define STC_ADAPTIVE_H

#include "rkf45.h"

enum { ADAPTIVE_VARIABLES = 4 };

/* Slopes of y, from the parameters of a neuron. */
typedef void adaptive_slopes(const void *neuron, const double *y, double *slope);

/* x^(1/n) for x > 0: Newton from above, until it no longer falls. */
static inline double adaptive_root(double x, int n)
{
    int binary;
    if (!(x < HUGE_VAL)) return x;
    frexp(x, &binary);
    double y = ldexp(1, (binary + (binary > 0 ? n - 1 : 0)) / n), last;
    do {
        double power = 1;
        for (int k = 1; k < n; k++)
            power *= y;
        last = y;
        y -= (y * power - x) / (n * power);
    } while (y < last);
    return last;
}

/* One attempt over h from y with slopes k[0]: new y in `end`; returns the largest error / D. */
static inline double adaptive_attempt(adaptive_slopes *slopes, const void *neuron, double h,
                                      double tolerance, const double *y,
                                      double k[RKF45_STAGES][ADAPTIVE_VARIABLES], double *end)
{
    static const double e[RKF45_STAGES] = {1.0 / 360.0,       0,          -128.0 / 4275.0,
                                           -2197.0 / 75240.0, 1.0 / 50.0, 2.0 / 55.0};
    double after[ADAPTIVE_VARIABLES], worst = 0;
    for (int stage = 1; stage < RKF45_STAGES; stage++) {
        for (int v = 0; v < ADAPTIVE_VARIABLES; v++) {
            double sum = RKF45_B[stage][0] * k[0][v];
            for (int j = 1; j < stage; j++)
                sum += RKF45_B[stage][j] * k[j][v];
            end[v] = y[v] + h * sum;
        }
        slopes(neuron, end, k[stage]);
    }
    for (int v = 0; v < ADAPTIVE_VARIABLES; v++) {
        end[v] = y[v] + h * (RKF45_C[0] * k[0][v] + RKF45_C[2] * k[2][v] + RKF45_C[3] * k[3][v] +
                             RKF45_C[4] * k[4][v] + RKF45_C[5] * k[5][v]);
    }
    slopes(neuron, end, after);
    for (int v = 0; v < ADAPTIVE_VARIABLES; v++) {
        const double error = h * (e[0] * k[0][v] + e[2] * k[2][v] + e[3] * k[3][v] +
                                  e[4] * k[4][v] + e[5] * k[5][v]);
        const double ratio = fabs(error) / (tolerance * fabs(h * after[v]) + tolerance);
        if (ratio > worst) worst = ratio;
    }
    return worst;
}

/* One accepted step of y from time *t, not beyond `until`; *h is the length to try and, at return,
 * that to try next. */
static inline void adaptive_step(adaptive_slopes *slopes, const void *neuron, double tolerance,
                                 double until, double *t, double *h, double *y)
{
    double k[RKF45_STAGES][ADAPTIVE_VARIABLES], end[ADAPTIVE_VARIABLES];
    double length = *h, next = length, ratio;
    bool final = length > until - *t;
    if (final) length = until - *t;
    slopes(neuron, y, k[0]);
    for (;;) {
        ratio = adaptive_attempt(slopes, neuron, length, tolerance, y, k, end);
        next = length;
        if (!(ratio > 1.1)) break;
        const double factor = 0.9 / adaptive_root(ratio, 5);
        const double shorter = (factor < 0.2 ? 0.2 : factor) * length;
        if (!(shorter < length) || *t + shorter == *t) break;
        length = shorter;
        final = false;
    }
    if (ratio < 0.5) {
        /* below (0.9 / 5)^6 the factor is 5 whatever the root is */
        const double factor = ratio < 3.4e-5 ? 5 : 0.9 / adaptive_root(ratio, 6);
        next = (factor > 5 ? 5 : factor < 1 ? 1 : factor) * length;
    }
    for (int v = 0; v < ADAPTIVE_VARIABLES; v++)
        y[v] = end[v];
    *t = final ? until : *t + length;
    *h = next;
}

#endif
