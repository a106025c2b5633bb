/* state.c - a partition under change. */
#include "state.h"

#include "stc/base.h"
#include "stc/error.h"

#include <math.h>

/* Capacities are hard: one hundredth of an overrun outweighs parts at ten times the average. */
static const double HARD_WEIGHT = 1e4;
/* Sums of doubles that are moved to and fro differ in their last bits. */
static const double ROUNDING = 1e-12;

static int allocate(stc_partition_state *s)
{
    const int64_t n = s->level->nnets, k = s->nparts;
    const int64_t *first = s->level->first;
    s->net = stc_alloc(n, sizeof *s->net);
    if (!s->net) return STC_ERR_NOMEM;
    int64_t slots = 0;
    for (int64_t e = 0; e < n; e++) {
        const int64_t members = first[e + 1] - first[e];
        s->net[e] = (stc_spread){.first = slots, .cost = s->level->cost[e]};
        slots += members < k ? members : k;
    }
    s->size = stc_alloc(k, sizeof *s->size);
    s->load = stc_alloc(k * STC_NCONSTRAINTS, sizeof *s->load);
    s->hard = stc_alloc(k * STC_NCONSTRAINTS, sizeof *s->hard);
    s->soft = stc_alloc(k * STC_NCONSTRAINTS, sizeof *s->soft);
    s->limit = stc_alloc(k * STC_NCONSTRAINTS, sizeof *s->limit);
    s->slot = stc_alloc(slots, sizeof *s->slot);
    s->reach = stc_alloc(k, sizeof *s->reach);
    s->touched = stc_alloc(k, sizeof *s->touched);
    const bool all =
        s->size && s->load && s->hard && s->soft && s->limit && s->slot && s->reach && s->touched;
    return all ? 0 : STC_ERR_NOMEM;
}

static void add_member(stc_partition_state *s, int32_t net, int32_t part)
{
    stc_spread *spread = s->net + net;
    stc_slot *slot = s->slot + spread->first;
    int32_t at = 0;
    while (at < spread->n && slot[at].part != part)
        at++;
    if (at == spread->n) {
        spread->n++;
        slot[at] = (stc_slot){part, 0};
    }
    slot[at].count++;
}

static void remove_member(stc_partition_state *s, int32_t net, int32_t part)
{
    stc_spread *spread = s->net + net;
    stc_slot *slot = s->slot + spread->first;
    int32_t at = 0;
    while (slot[at].part != part)
        at++;
    if (--slot[at].count == 0) slot[at] = slot[--spread->n];
}

static void add_load(stc_partition_state *s, int32_t vertex, int32_t part, double sign)
{
    const double *weight = s->level->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        s->load[(int64_t)part * STC_NCONSTRAINTS + c] += sign * weight[c];
}

static void set_limits(stc_partition_state *s)
{
    for (int32_t p = 0; p < s->nparts; p++) {
        const double share = s->limits->share ? s->limits->share[p] : 1;
        for (int c = 0; c < STC_NCONSTRAINTS; c++) {
            const int64_t i = (int64_t)p * STC_NCONSTRAINTS + c;
            s->hard[i] = share * s->limits->hard[c];
            s->soft[i] = share * s->limits->soft[c];
            s->limit[i] = s->balance ? fmin(s->hard[i], s->soft[i]) : s->hard[i];
        }
    }
}

int stc_state_create(const stc_level *level, const stc_limits *limits, bool balance, int32_t *part,
                     stc_partition_state **out)
{
    stc_partition_state *s = stc_alloc(1, sizeof *s);
    if (!s) return STC_ERR_NOMEM;
    s->level = level;
    s->limits = limits;
    s->nparts = limits->nparts;
    s->balance = balance;
    s->part = part;
    const int rc = allocate(s);
    if (rc < 0) {
        stc_state_destroy(&s);
        return rc;
    }
    set_limits(s);
    for (int32_t v = 0; v < level->n; v++) {
        s->size[part[v]] += level->vertices[v];
        add_load(s, v, part[v], 1);
    }
    for (int32_t e = 0; e < level->nnets; e++) {
        for (int64_t i = level->first[e]; i < level->first[e + 1]; i++)
            add_member(s, e, part[level->member[i]]);
        s->volume += (int64_t)level->cost[e] * (s->net[e].n - 1);
    }
    *out = s;
    return 0;
}

void stc_state_destroy(stc_partition_state **state)
{
    stc_partition_state *s = *state;
    if (!s) return;
    void *arrays[] = {s->size, s->load, s->hard,  s->soft,    s->limit,
                      s->net,  s->slot, s->reach, s->touched, s};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *state = NULL;
}

void stc_state_look(stc_partition_state *s, int32_t vertex)
{
    const stc_level *level = s->level;
    const int32_t from = s->part[vertex];
    while (s->ntouched > 0)
        s->reach[s->touched[--s->ntouched]] = 0;
    s->freed = s->kept = 0;
    for (int64_t i = level->first_net[vertex]; i < level->first_net[vertex + 1]; i++) {
        const stc_spread net = s->net[level->net[i]];
        if (net.n == 1) { /* all members are here, and there are two at least */
            s->kept += net.cost;
            continue;
        }
        const stc_slot *slot = s->slot + net.first, *end = slot + net.n;
        for (; slot < end; slot++) {
            const int32_t p = slot->part;
            if (p == from) {
                *(slot->count == 1 ? &s->freed : &s->kept) += net.cost;
            } else {
                if (s->reach[p] == 0) s->touched[s->ntouched++] = p;
                s->reach[p] += net.cost;
            }
        }
    }
}

double stc_state_excess(const stc_partition_state *s, int32_t part,
                        const double load[STC_NCONSTRAINTS])
{
    const double *hard_limit = s->hard + (int64_t)part * STC_NCONSTRAINTS;
    const double *soft_limit = s->soft + (int64_t)part * STC_NCONSTRAINTS;
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double hard = load[c] / hard_limit[c] - 1, soft = load[c] / soft_limit[c] - 1;
        if (hard > ROUNDING) sum += HARD_WEIGHT * hard;
        if (s->balance && soft > ROUNDING) sum += soft;
    }
    return sum;
}

double stc_state_total_excess(const stc_partition_state *s)
{
    double sum = 0;
    for (int32_t p = 0; p < s->nparts; p++)
        sum += stc_state_excess(s, p, s->load + (int64_t)p * STC_NCONSTRAINTS);
    return sum;
}

double stc_state_excess_change(const stc_partition_state *s, int32_t vertex, int32_t to,
                               int32_t swap)
{
    const int32_t from = s->part[vertex];
    const double *out = s->level->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const double *back = s->level->weight + (int64_t)(swap < 0 ? 0 : swap) * STC_NCONSTRAINTS;
    const double *a = s->load + (int64_t)from * STC_NCONSTRAINTS;
    const double *b = s->load + (int64_t)to * STC_NCONSTRAINTS;
    double new_a[STC_NCONSTRAINTS], new_b[STC_NCONSTRAINTS];
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double w = swap < 0 ? out[c] : out[c] - back[c];
        new_a[c] = a[c] - w;
        new_b[c] = b[c] + w;
    }
    return stc_state_excess(s, from, new_a) + stc_state_excess(s, to, new_b) -
           stc_state_excess(s, from, a) - stc_state_excess(s, to, b);
}

double stc_state_spread_change(const stc_partition_state *s, int32_t vertex, int32_t to)
{
    const double *w = s->level->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const double *a = s->load + (int64_t)s->part[vertex] * STC_NCONSTRAINTS;
    const double *b = s->load + (int64_t)to * STC_NCONSTRAINTS;
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        if (s->limits->total[c] <= 0) continue;
        const double average = s->limits->total[c] / s->nparts;
        sum += 2 * w[c] * (w[c] + b[c] - a[c]) / (average * average);
    }
    return sum;
}

void stc_state_move(stc_partition_state *s, int32_t vertex, int32_t to)
{
    const stc_level *level = s->level;
    const int32_t from = s->part[vertex];
    for (int64_t i = level->first_net[vertex]; i < level->first_net[vertex + 1]; i++) {
        const int32_t e = level->net[i], before = s->net[e].n;
        remove_member(s, e, from);
        add_member(s, e, to);
        s->volume += (int64_t)level->cost[e] * (s->net[e].n - before);
    }
    add_load(s, vertex, from, -1);
    add_load(s, vertex, to, 1);
    s->size[from] -= level->vertices[vertex];
    s->size[to] += level->vertices[vertex];
    s->part[vertex] = to;
}
