/* rules.c - who is joined to whom, rule by rule. A rule appends synapses in an order that depends,
 * for each destination, on the projection alone; sources that are drawn freely, delays and weights
 * are filled in by draw.c. */
#include "expand.h"

#include <string.h>

/* ---- destinations asked for ---- */

typedef struct {
    int64_t i, id, run; /* number among those asked for, index in the node */
} at_destination;

static void skip_empty_runs(const stc_expansion *x, at_destination *d)
{
    while (d->run < x->nruns && d->i == x->before[d->run] + x->run[d->run].count)
        d->run++;
    if (d->run < x->nruns) d->id = x->run[d->run].first + d->i - x->before[d->run];
}

static at_destination first_destination(const stc_expansion *x)
{
    at_destination d = {0};
    skip_empty_runs(x, &d);
    return d;
}

static void next_destination(const stc_expansion *x, at_destination *d)
{
    d->i++;
    skip_empty_runs(x, d);
}

/* ---- rules without random numbers ---- */

static int one_to_one(stc_expansion *x)
{
    if (x->without_self) return STC_OK;
    for (at_destination d = first_destination(x); d.i < x->count; next_destination(x, &d))
        STC_TRY(stc_expand_add(x, d.id, d.i, 0, d.id));
    return STC_OK;
}

static int all_to_all(stc_expansion *x)
{
    const int64_t nsources = x->projection->nsources;
    for (at_destination d = first_destination(x); d.i < x->count; next_destination(x, &d)) {
        for (int64_t s = 0; s < nsources; s++) {
            if (s != d.id || !x->without_self) STC_TRY(stc_expand_add(x, s, d.i, s, d.id));
        }
    }
    return STC_OK;
}

/* ---- choices ---- */

/* A set of numbers below 2^32 - 1 that is emptied at once: open addressing, slots of this round. */
typedef struct {
    uint64_t mask;
    uint32_t *number, *round; /* [mask + 1] */
    uint32_t now;
} number_set;

static int create_set(number_set *set, int64_t most)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)most)
        size *= 2;
    *set = (number_set){.mask = size - 1,
                        .number = stc_alloc((int64_t)size, sizeof(uint32_t)),
                        .round = stc_alloc((int64_t)size, sizeof(uint32_t))};
    return set->number && set->round ? STC_OK : STC_ERR_NOMEM;
}

static void destroy_set(number_set *set)
{
    stc_free(set->number);
    stc_free(set->round);
}

static void empty_set(number_set *set)
{
    if (++set->now == 0) {
        memset(set->round, 0, (size_t)(set->mask + 1) * sizeof *set->round);
        set->now = 1;
    }
}

/* Slot of the number, or the free one where it would be. */
static uint64_t find(const number_set *set, uint32_t number)
{
    uint64_t slot = stc_mix64(number) & set->mask;
    while (set->round[slot] == set->now && set->number[slot] != number)
        slot = (slot + 1) & set->mask;
    return slot;
}
static bool holds(const number_set *set, uint32_t number)
{
    return set->round[find(set, number)] == set->now;
}
/* False: it was there. */
static bool insert(number_set *set, uint32_t number)
{
    const uint64_t slot = find(set, number);
    if (set->round[slot] == set->now) return false;
    set->round[slot] = set->now;
    set->number[slot] = number;
    return true;
}

/* Choice k of a stream below n: the first attempt that is valid and, with a set, new to it. */
static uint32_t choose(const stc_expansion *x, int64_t stream, uint32_t purpose, int64_t k,
                       int64_t n, uint32_t threshold, number_set *set)
{
    const int64_t index = k / 4;
    for (uint32_t attempt = 0;; attempt++) {
        const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32) << 16 | attempt,
                                     (uint32_t)stream, purpose};
        uint32_t word[4];
        stc_random_block(x->key, counter, word);
        const int64_t chosen = stc_expand_below(word[k % 4], n, threshold);
        if (chosen >= 0 && (!set || insert(set, (uint32_t)chosen))) return (uint32_t)chosen;
    }
}

/* `number` distinct choices below n of a stream, number <= n; set has room for half of n or for
 * all. choice [number]: filled. */
static void choose_distinct(const stc_expansion *x, int64_t stream, int64_t number, int64_t n,
                            number_set *set, uint32_t *choice)
{
    const uint32_t threshold = stc_expand_threshold(n);
    empty_set(set);
    if (number <= n / 2) {
        for (int64_t k = 0; k < number; k++)
            choice[k] = choose(x, stream, STC_FOR_CHOICE, k, n, threshold, set);
        return;
    }
    for (int64_t k = 0; k < n - number; k++)
        choose(x, stream, STC_FOR_OMISSION, k, n, threshold, set);
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!holds(set, (uint32_t)i)) choice[k++] = (uint32_t)i;
    }
}

typedef struct {
    number_set set;
    uint32_t *choice;
} choices;

/* For at most `most` choices of n. */
static int create_choices(choices *c, int64_t most, int64_t n)
{
    *c = (choices){0};
    STC_TRY(create_set(&c->set, most < n / 2 ? most : n / 2));
    c->choice = stc_alloc(most, sizeof *c->choice);
    return c->choice ? STC_OK : STC_ERR_NOMEM;
}

static void destroy_choices(choices *c)
{
    destroy_set(&c->set);
    stc_free(c->choice);
}

/* ---- a number of sources for each destination ---- */

static int add_free_sources(stc_expansion *x, at_destination d, int64_t number)
{
    for (int64_t k = 0; k < number; k++)
        STC_TRY(stc_expand_add(x, 0, d.i, k, d.id));
    return STC_OK;
}

static int add_distinct_sources(stc_expansion *x, choices *c, at_destination d, int64_t number)
{
    choose_distinct(x, d.id, number, x->projection->nsources - x->without_self, &c->set, c->choice);
    for (int64_t k = 0; k < number; k++) {
        const int64_t source = c->choice[k];
        STC_TRY(stc_expand_add(x, source + (x->without_self && source >= d.id), d.i, k, d.id));
    }
    return STC_OK;
}

/* degree [count]; NULL: the number of the projection for each. */
static int add_indegrees(stc_expansion *x, const int64_t *degree)
{
    const stc_projection *p = x->projection;
    int64_t most = 0;
    for (int64_t i = 0; i < x->count; i++) {
        const int64_t number = degree ? degree[i] : p->number;
        most = number > most ? number : most;
    }
    x->draws_sources = p->multapses;
    choices c = {0};
    int rc = p->multapses ? STC_OK : create_choices(&c, most, p->nsources - x->without_self);
    at_destination d = first_destination(x);
    for (; d.i < x->count && rc >= 0; next_destination(x, &d)) {
        const int64_t number = degree ? degree[d.i] : p->number;
        rc = p->multapses ? add_free_sources(x, d, number) : add_distinct_sources(x, &c, d, number);
    }
    destroy_choices(&c);
    return rc;
}

static int fixed_indegree(stc_expansion *x)
{
    return add_indegrees(x, NULL);
}

static int fixed_total_number(stc_expansion *x)
{
    int64_t *degree = stc_alloc(x->count, sizeof *degree);
    if (!degree) return STC_ERR_NOMEM;
    stc_expand_degrees(x, degree);
    int rc = add_indegrees(x, degree);
    stc_free(degree);
    return rc;
}

/* ---- a number of destinations for each source ---- */

/* Free choices of a source, `number` of n. */
static void choose_freely(const stc_expansion *x, int64_t stream, int64_t number, int64_t n,
                          uint32_t *choice)
{
    const uint32_t threshold = stc_expand_threshold(n);
    enum { BLOCKS = 256 };
    uint32_t word[4][BLOCKS];
    for (int64_t first = 0; first < number; first += 4 * BLOCKS) {
        const int64_t left = (number - first + 3) / 4, blocks = left < BLOCKS ? left : BLOCKS;
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t index = first / 4 + b;
            word[0][b] = (uint32_t)index;
            word[1][b] = (uint32_t)(index >> 32) << 16;
            word[2][b] = (uint32_t)stream;
            word[3][b] = STC_FOR_CHOICE;
        }
        stc_random_blocks(x->key, blocks, word[0], word[1], word[2], word[3]);
        for (int64_t k = first; k < number && k < first + 4 * blocks; k++) {
            const int64_t chosen = stc_expand_below(word[k % 4][(k - first) / 4], n, threshold);
            choice[k] = chosen >= 0 ? (uint32_t)chosen
                                    : choose(x, stream, STC_FOR_CHOICE, k, n, threshold, NULL);
        }
    }
}

static int fixed_outdegree(stc_expansion *x)
{
    const stc_projection *p = x->projection;
    const int64_t n = p->ntargets - x->without_self;
    choices c;
    int rc = create_choices(&c, p->number, p->multapses ? 0 : n);
    for (int64_t s = 0; s < p->nsources && rc >= 0; s++) {
        if (p->multapses)
            choose_freely(x, s, p->number, n, c.choice);
        else
            choose_distinct(x, s, p->number, n, &c.set, c.choice);
        for (int64_t k = 0; k < p->number && rc >= 0; k++) {
            const int64_t target = c.choice[k] + (int64_t)(x->without_self && c.choice[k] >= s);
            const int64_t local = stc_expand_find(x, target);
            if (local >= 0) rc = stc_expand_add(x, s, local, k, s);
        }
    }
    destroy_choices(&c);
    return rc;
}

/* ---- every pair with a probability ---- */

/* log(1 - p), as accurate as p is. */
static double log_of_rest(double p)
{
    const double rest = 1.0 - p;
    return rest == 1.0 ? -p : stc_math_log(rest) * (p / (1.0 - rest));
}

static int add_with_gaps(stc_expansion *x, at_destination d, double scale)
{
    const int64_t nsources = x->projection->nsources;
    uint32_t word[4];
    int64_t source = -1, number = 0;
    for (int64_t gap = 0;; gap++) {
        if (gap % 2 == 0) {
            const uint32_t counter[4] = {(uint32_t)(gap / 2), 0, (uint32_t)d.id, STC_FOR_GAP};
            stc_random_block(x->key, counter, word);
        }
        const double u = stc_random_open52(word[gap % 2 * 2], word[gap % 2 * 2 + 1]);
        const double omitted = stc_math_log(u) * scale;
        if (!(omitted < (double)(nsources - source - 1))) return STC_OK;
        source += (int64_t)omitted + 1;
        if (source == d.id && x->without_self) continue;
        STC_TRY(stc_expand_add(x, source, d.i, number++, d.id));
    }
}

static int pairwise_bernoulli(stc_expansion *x)
{
    const double p = x->projection->p;
    if (p == 0 || x->projection->nsources == 0) return STC_OK;
    const double scale = p < 1 ? 1.0 / log_of_rest(p) : 0.0;
    for (at_destination d = first_destination(x); d.i < x->count; next_destination(x, &d))
        STC_TRY(add_with_gaps(x, d, scale));
    return STC_OK;
}

/* ---- all rules ---- */

int stc_expand_rule(stc_expansion *x)
{
    static int (*const rules[STC_NRULES])(stc_expansion *) = {
        [STC_RULE_EXPLICIT] = stc_expand_explicit,
        [STC_RULE_ONE_TO_ONE] = one_to_one,
        [STC_RULE_ALL_TO_ALL] = all_to_all,
        [STC_RULE_FIXED_INDEGREE] = fixed_indegree,
        [STC_RULE_FIXED_OUTDEGREE] = fixed_outdegree,
        [STC_RULE_FIXED_TOTAL_NUMBER] = fixed_total_number,
        [STC_RULE_PAIRWISE_BERNOULLI] = pairwise_bernoulli};
    return x->count == 0 ? STC_OK : rules[x->projection->rule](x);
}

/* There must be someone to choose, and enough of them where all must differ. */
static int check_number(const stc_projection *p, int64_t chosen_from, int64_t nchoosing,
                        const char *rule, const char *whom)
{
    STC_CHECK(p->number >= 0 && p->number <= INT64_C(1) << 40, STC_ERR_INPUT,
              "%s: the number is %lld, expected 0 to 2^40", rule, (long long)p->number);
    if (p->number == 0 || nchoosing == 0) return STC_OK;
    STC_CHECK(chosen_from > 0, STC_ERR_INPUT,
              "%s: %lld %s are to be drawn, but there are none to choose from", rule,
              (long long)p->number, whom);
    STC_CHECK(p->multapses || p->number <= chosen_from, STC_ERR_INPUT,
              "%s: %lld %s are to be drawn without multapses, but there are only %lld to choose "
              "from\nhint: allow multapses, or lower the number",
              rule, (long long)p->number, whom, (long long)chosen_from);
    return STC_OK;
}

int stc_expand_check(const stc_projection *p)
{
    const int64_t self = p->recurrent && !p->autapses;
    switch (p->rule) {
    case STC_RULE_EXPLICIT:
        STC_CHECK(p->nedges >= 0, STC_ERR_INPUT, "it has %lld edges, expected >= 0",
                  (long long)p->nedges);
        return STC_OK;
    case STC_RULE_ONE_TO_ONE:
        STC_CHECK(p->nsources == p->ntargets, STC_ERR_INPUT,
                  "one_to_one: %lld sources for %lld destinations, expected as many",
                  (long long)p->nsources, (long long)p->ntargets);
        return STC_OK;
    case STC_RULE_FIXED_INDEGREE:
        return check_number(p, p->nsources - self, p->ntargets, "fixed_indegree", "sources");
    case STC_RULE_FIXED_OUTDEGREE:
        return check_number(p, p->ntargets - self, p->nsources, "fixed_outdegree", "destinations");
    case STC_RULE_FIXED_TOTAL_NUMBER:
        return check_number(p, (p->nsources - self) * p->ntargets, 1, "fixed_total_number",
                            "pairs");
    case STC_RULE_PAIRWISE_BERNOULLI:
        STC_CHECK(p->p >= 0 && p->p <= 1, STC_ERR_INPUT,
                  "pairwise_bernoulli: the probability is %g, expected 0 to 1", p->p);
        return STC_OK;
    case STC_RULE_ALL_TO_ALL:
        return STC_OK;
    default:
        STC_FAIL(STC_ERR_INPUT, "the rule is %d, expected 0..%d", p->rule, STC_NRULES - 1);
    }
}

double stc_connect_expected(const stc_projection *p)
{
    const double self = p->recurrent && !p->autapses, sources = (double)p->nsources - self;
    switch (p->rule) {
    case STC_RULE_EXPLICIT:
        return (double)p->nedges;
    case STC_RULE_ONE_TO_ONE:
        return self > 0 ? 0 : (double)p->ntargets;
    case STC_RULE_FIXED_INDEGREE:
        return (double)p->ntargets * (double)p->number;
    case STC_RULE_FIXED_OUTDEGREE:
        return (double)p->nsources * (double)p->number;
    case STC_RULE_FIXED_TOTAL_NUMBER:
        return (double)p->number;
    case STC_RULE_PAIRWISE_BERNOULLI:
        return p->p * sources * (double)p->ntargets;
    default:
        return sources * (double)p->ntargets;
    }
}
