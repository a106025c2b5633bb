/* rkf45.h - Fehlberg's Runge-Kutta method of order 5 with an error estimate of order 4, and the
 * control of its steps: what NEST integrates conductances and exponential spikes with, through the
 * GSL. All in double. */
#ifndef STC_RKF45_H
#define STC_RKF45_H

#include <math.h>
#include <stdbool.h>

enum { RKF45_STAGES = 6 };

/* Slopes k[0..5] are taken at y + h sum_j RKF45_B[stage][j] k[j]; y ends at y + h sum RKF45_C k,
 * with an error of about h sum RKF45_E k. */
static const double RKF45_B[RKF45_STAGES][RKF45_STAGES - 1] = {
    {0},
    {1.0 / 4.0},
    {3.0 / 32.0, 9.0 / 32.0},
    {1932.0 / 2197.0, -7200.0 / 2197.0, 7296.0 / 2197.0},
    {8341.0 / 4104.0, -32832.0 / 4104.0, 29440.0 / 4104.0, -845.0 / 4104.0},
    {-6080.0 / 20520.0, 41040.0 / 20520.0, -28352.0 / 20520.0, 9295.0 / 20520.0, -5643.0 / 20520.0},
};
static const double RKF45_C[RKF45_STAGES] = {902880.0 / 7618050.0,   0,
                                             3953664.0 / 7618050.0,  3855735.0 / 7618050.0,
                                             -1371249.0 / 7618050.0, 277020.0 / 7618050.0};

#endif
