/* draw.c - sources, delays and weights of a chunk of synapses. connect.c says which random numbers
 * they are made of, connect.h on which grid drawn weights lie. All attempts number 0 are computed
 * side by side; the few values that are not valid are drawn again one by one. */
#include "expand.h"

#include <math.h>

/* ---- what is known of all values ---- */

enum { WEIGHT_BITS = 13, DEVIATION_BITS = 6 };
#define FARTHEST 8.3 /* standard deviations from the middle that 52 bits reach */

static double power_below(double x)
{
    int exponent;
    frexp(x, &exponent); /* x < 2^exponent */
    return ldexp(1.0, exponent - 1);
}

double stc_draw_bound(const stc_draw *draw)
{
    const double a = draw->a, b = draw->b;
    double low = a, high = a;
    if (draw->kind == STC_DRAW_LISTED) return INFINITY;
    if (draw->kind == STC_DRAW_UNIFORM) high = b;
    if (draw->kind == STC_DRAW_NORMAL || draw->kind == STC_DRAW_LOGNORMAL) {
        low = a - FARTHEST * b;
        high = a + FARTHEST * b;
    }
    if (draw->kind == STC_DRAW_LOGNORMAL) {
        low = 0.0;
        high = stc_math_exp(high);
    }
    if (draw->kind != STC_DRAW_CONSTANT) {
        low = fmax(low, draw->least);
        high = fmin(high, draw->most);
    }
    return fmax(fabs(low), fabs(high));
}

int stc_draw_sign(const stc_draw *draw)
{
    const double a = draw->a, b = draw->b;
    switch (draw->kind) {
    case STC_DRAW_CONSTANT:
        return a > 0.0 ? 1 : -1;
    case STC_DRAW_UNIFORM:
        if (a >= 0.0 || draw->least >= 0.0) return 1;
        return b <= 0.0 || draw->most <= 0.0 ? -1 : 0;
    case STC_DRAW_NORMAL:
        if (a - FARTHEST * b >= 0.0 || draw->least >= 0.0) return 1;
        return a + FARTHEST * b <= 0.0 || draw->most <= 0.0 ? -1 : 0;
    case STC_DRAW_LOGNORMAL:
        return 1;
    default:
        return 0;
    }
}

double stc_draw_unit(const stc_draw *draw)
{
    if (draw->kind == STC_DRAW_CONSTANT || draw->kind == STC_DRAW_LISTED) return 0.0;
    double whole = draw->kind == STC_DRAW_LOGNORMAL ? stc_math_exp(draw->a) : stc_draw_bound(draw);
    double deviation = draw->kind == STC_DRAW_NORMAL ? draw->b : draw->b - draw->a;
    if (!(whole > 0.0) || isinf(whole)) whole = 1.0;
    double unit = ldexp(power_below(whole), 1 - WEIGHT_BITS);
    if (draw->kind == STC_DRAW_LOGNORMAL || !(deviation > 0.0)) return unit;
    return fmin(unit, ldexp(power_below(deviation), -DEVIATION_BITS));
}

/* ---- one chunk ---- */

typedef struct {
    uint32_t word[4][STC_EXPAND_CHUNK];
    double value[STC_EXPAND_CHUNK];
} workspace;

static bool is_drawn(const stc_draw *draw)
{
    return draw->kind != STC_DRAW_CONSTANT && draw->kind != STC_DRAW_LISTED;
}

static void block(const stc_expansion *x, int64_t lane, uint32_t attempt, uint32_t word[4])
{
    const uint32_t counter[4] = {x->low[lane], x->high[lane] | attempt, x->stream[lane],
                                 STC_FOR_SYNAPSE};
    stc_random_block(x->key, counter, word);
}

/* ---- sources ---- */

static void draw_sources(stc_expansion *x, int64_t n, const uint32_t *word)
{
    const int64_t choices = x->projection->nsources - x->without_self;
    const uint32_t threshold = stc_expand_threshold(choices);
    int32_t *source = x->out.source;
    for (int64_t i = 0; i < n; i++) {
        int64_t chosen = stc_expand_below(word[i], choices, threshold);
        for (uint32_t attempt = 1; chosen < 0; attempt++) {
            uint32_t again[4];
            block(x, i, attempt, again);
            chosen = stc_expand_below(again[0], choices, threshold);
        }
        source[i] = (int32_t)(chosen + (x->without_self && chosen >= x->stream[i]));
    }
}

/* ---- values ---- */

/* u in (0, 1) to values of the distribution, in place. */
static void transform(const stc_draw *draw, int64_t n, double *value)
{
    const double a = draw->a, b = draw->b;
    if (draw->kind == STC_DRAW_UNIFORM) {
        for (int64_t i = 0; i < n; i++)
            value[i] = a + (b - a) * value[i];
        return;
    }
    stc_normal_quantiles(n, value);
    for (int64_t i = 0; i < n; i++)
        value[i] = a + b * value[i];
    if (draw->kind != STC_DRAW_LOGNORMAL) return;
    for (int64_t i = 0; i < n; i++)
        value[i] = stc_math_exp(value[i]);
}

static bool is_valid_weight(const stc_projection *p, double weight)
{
    return weight >= p->weight.least && weight <= p->weight.most && isfinite(weight);
}

/* 0: not valid. */
static int32_t valid_steps(const stc_projection *p, double delay)
{
    const double steps = delay / p->dt + 0.5; /* to be cut */
    const bool valid =
        (delay >= p->delay.least) & (delay <= p->delay.most) & (steps >= 1) & (steps < INT32_MAX);
    return (int32_t)(valid ? steps : 0);
}

static int fail_draws(const stc_draw *draw, const char *what, const char *expected)
{
    static const char *const names[STC_NDRAWS] = {"constant", "listed", "uniform", "normal",
                                                  "lognormal"};
    return stc_fail(STC_ERR_INPUT,
                    "%d draws of a %s, %s (%g, %g), gave none from %g to %g%s\n"
                    "hint: choose bounds nearer to the middle of the distribution",
                    STC_EXPAND_MOST_DRAWS, what, names[draw->kind], draw->a, draw->b, draw->least,
                    draw->most, expected);
}

static int redraw_weight(const stc_expansion *x, int64_t lane, double *weight)
{
    for (uint32_t attempt = 1; attempt < STC_EXPAND_MOST_DRAWS; attempt++) {
        uint32_t word[4];
        block(x, lane, attempt, word);
        *weight = stc_random_open52(word[2], word[3]);
        transform(&x->projection->weight, 1, weight);
        if (is_valid_weight(x->projection, *weight)) return STC_OK;
    }
    return fail_draws(&x->projection->weight, "weight", "");
}

static int32_t redraw_delay(const stc_expansion *x, int64_t lane)
{
    for (uint32_t attempt = 1; attempt < STC_EXPAND_MOST_DRAWS; attempt++) {
        uint32_t word[4];
        block(x, lane, attempt, word);
        double delay = stc_random_open32(word[1]);
        transform(&x->projection->delay, 1, &delay);
        const int32_t steps = valid_steps(x->projection, delay);
        if (steps > 0) return steps;
    }
    return fail_draws(&x->projection->delay, "delay", " ms that round to one step or more");
}

static int fill_weights(stc_expansion *x, int64_t n, workspace *work)
{
    const stc_draw *draw = &x->projection->weight;
    double *weight = x->out.weight;
    if (draw->kind == STC_DRAW_CONSTANT) {
        for (int64_t i = 0; i < n; i++)
            weight[i] = draw->a;
    }
    if (!is_drawn(draw)) return STC_OK;
    for (int64_t i = 0; i < n; i++)
        weight[i] = stc_random_open52(work->word[2][i], work->word[3][i]);
    transform(draw, n, weight);
    for (int64_t i = 0; i < n; i++) {
        if (!is_valid_weight(x->projection, weight[i])) STC_TRY(redraw_weight(x, i, &weight[i]));
    }
    const double inverse = 1.0 / x->unit; /* powers of two */
    for (int64_t i = 0; i < n; i++)
        weight[i] = nearbyint(weight[i] * inverse) * x->unit;
    return STC_OK;
}

static int fill_delays(stc_expansion *x, int64_t n, workspace *work)
{
    const stc_draw *draw = &x->projection->delay;
    int32_t *delay = x->out.delay;
    if (draw->kind == STC_DRAW_CONSTANT) {
        for (int64_t i = 0; i < n; i++)
            delay[i] = x->delay;
    }
    if (!is_drawn(draw)) return STC_OK;
    for (int64_t i = 0; i < n; i++)
        work->value[i] = stc_random_open32(work->word[1][i]);
    transform(draw, n, work->value);
    for (int64_t i = 0; i < n; i++)
        delay[i] = valid_steps(x->projection, work->value[i]);
    for (int64_t i = 0; i < n; i++) {
        if (delay[i] == 0) delay[i] = redraw_delay(x, i);
        if (delay[i] < 0) return delay[i];
    }
    return STC_OK;
}

int stc_expand_draw(stc_expansion *x)
{
    const int64_t n = x->out.n;
    const bool weights = x->weights && is_drawn(&x->projection->weight);
    workspace work;
    if (weights || is_drawn(&x->projection->delay) || x->draws_sources) {
        for (int64_t i = 0; i < n; i++) {
            work.word[0][i] = x->low[i];
            work.word[1][i] = x->high[i];
            work.word[2][i] = x->stream[i];
            work.word[3][i] = STC_FOR_SYNAPSE;
        }
        stc_random_blocks(x->key, n, work.word[0], work.word[1], work.word[2], work.word[3]);
    }
    if (x->draws_sources) draw_sources(x, n, work.word[0]);
    STC_TRY(fill_delays(x, n, &work));
    return x->weights ? fill_weights(x, n, &work) : STC_OK;
}
