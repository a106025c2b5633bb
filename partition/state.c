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
    const int64_t n = s->job->incidence.nnets, k = s->job->nparts;
    const int64_t *first = s->job->incidence.first;
    s->first_slot = stc_alloc(n + 1, sizeof *s->first_slot);
    if (!s->first_slot) return STC_ERR_NOMEM;
    for (int64_t e = 0; e < n; e++) {
        const int64_t members = first[e + 1] - first[e];
        s->first_slot[e + 1] = s->first_slot[e] + (members < k ? members : k);
    }
    s->size = stc_alloc(k, sizeof *s->size);
    s->load = stc_alloc(k * STC_NCONSTRAINTS, sizeof *s->load);
    s->nslots = stc_alloc(n, sizeof *s->nslots);
    s->slot_part = stc_alloc(s->first_slot[n], sizeof *s->slot_part);
    s->slot_count = stc_alloc(s->first_slot[n], sizeof *s->slot_count);
    s->reach = stc_alloc(k, sizeof *s->reach);
    s->touched = stc_alloc(k, sizeof *s->touched);
    const bool all =
        s->size && s->load && s->nslots && s->slot_part && s->slot_count && s->reach && s->touched;
    return all ? 0 : STC_ERR_NOMEM;
}

/* Slot of a part in a net, or the first free one. */
static int64_t find_slot(const stc_partition_state *s, int32_t net, int32_t part)
{
    int64_t at = s->first_slot[net];
    const int64_t end = at + s->nslots[net];
    while (at < end && s->slot_part[at] != part)
        at++;
    return at;
}

static void add_member(stc_partition_state *s, int32_t net, int32_t part)
{
    const int64_t at = find_slot(s, net, part);
    if (at == s->first_slot[net] + s->nslots[net]) {
        s->nslots[net]++;
        s->slot_part[at] = part;
        s->slot_count[at] = 0;
    }
    s->slot_count[at]++;
}

static void remove_member(stc_partition_state *s, int32_t net, int32_t part)
{
    const int64_t at = find_slot(s, net, part);
    if (--s->slot_count[at] > 0) return;
    const int64_t last = s->first_slot[net] + --s->nslots[net];
    s->slot_part[at] = s->slot_part[last];
    s->slot_count[at] = s->slot_count[last];
}

static void add_load(stc_partition_state *s, int32_t vertex, int32_t part, double sign)
{
    const double *weight = s->job->graph->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        s->load[(int64_t)part * STC_NCONSTRAINTS + c] += sign * weight[c];
}

int stc_state_create(const stc_partition_job *job, bool balance, int32_t *part,
                     stc_partition_state **out)
{
    stc_partition_state *s = stc_alloc(1, sizeof *s);
    if (!s) return STC_ERR_NOMEM;
    s->job = job;
    s->balance = balance;
    s->part = part;
    const int rc = allocate(s);
    if (rc < 0) {
        stc_state_destroy(&s);
        return rc;
    }
    for (int32_t v = 0; v < job->graph->nvertices; v++) {
        s->size[part[v]]++;
        add_load(s, v, part[v], 1);
    }
    const stc_incidence *inc = &job->incidence;
    for (int32_t e = 0; e < inc->nnets; e++) {
        for (int64_t i = inc->first[e]; i < inc->first[e + 1]; i++)
            add_member(s, e, part[inc->member[i]]);
        s->volume += (double)inc->weight[e] * (s->nslots[e] - 1);
    }
    *out = s;
    return 0;
}

void stc_state_destroy(stc_partition_state **state)
{
    stc_partition_state *s = *state;
    if (!s) return;
    void *arrays[] = {s->size,       s->load,  s->first_slot, s->nslots, s->slot_part,
                      s->slot_count, s->reach, s->touched,    s};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *state = NULL;
}

void stc_state_look(stc_partition_state *s, int32_t vertex)
{
    const stc_incidence *inc = &s->job->incidence;
    const int32_t from = s->part[vertex];
    while (s->ntouched > 0)
        s->reach[s->touched[--s->ntouched]] = 0;
    s->freed = s->kept = 0;
    for (int64_t i = inc->first_net[vertex]; i < inc->first_net[vertex + 1]; i++) {
        const int32_t e = inc->net[i];
        const double w = inc->weight[e];
        const int64_t first = s->first_slot[e], end = first + s->nslots[e];
        for (int64_t at = first; at < end; at++) {
            const int32_t p = s->slot_part[at];
            if (p == from) {
                *(s->slot_count[at] == 1 ? &s->freed : &s->kept) += w;
            } else {
                if (s->reach[p] == 0) s->touched[s->ntouched++] = p;
                s->reach[p] += w;
            }
        }
    }
}

double stc_state_excess(const stc_partition_state *s, const double load[STC_NCONSTRAINTS])
{
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double hard = load[c] / s->job->hard[c] - 1, soft = load[c] / s->job->soft[c] - 1;
        if (hard > ROUNDING) sum += HARD_WEIGHT * hard;
        if (s->balance && soft > ROUNDING) sum += soft;
    }
    return sum;
}

double stc_state_excess_change(const stc_partition_state *s, int32_t vertex, int32_t to,
                               int32_t swap)
{
    const double *out = s->job->graph->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const double *back = s->job->graph->weight + (int64_t)swap * STC_NCONSTRAINTS;
    const double *a = s->load + (int64_t)s->part[vertex] * STC_NCONSTRAINTS;
    const double *b = s->load + (int64_t)to * STC_NCONSTRAINTS;
    double new_a[STC_NCONSTRAINTS], new_b[STC_NCONSTRAINTS];
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        const double w = swap < 0 ? out[c] : out[c] - back[c];
        new_a[c] = a[c] - w;
        new_b[c] = b[c] + w;
    }
    return stc_state_excess(s, new_a) + stc_state_excess(s, new_b) - stc_state_excess(s, a) -
           stc_state_excess(s, b);
}

double stc_state_spread_change(const stc_partition_state *s, int32_t vertex, int32_t to)
{
    const double *w = s->job->graph->weight + (int64_t)vertex * STC_NCONSTRAINTS;
    const double *a = s->load + (int64_t)s->part[vertex] * STC_NCONSTRAINTS;
    const double *b = s->load + (int64_t)to * STC_NCONSTRAINTS;
    double sum = 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++) {
        if (s->job->total[c] <= 0) continue;
        const double average = s->job->total[c] / s->job->nparts;
        sum += 2 * w[c] * (w[c] + b[c] - a[c]) / (average * average);
    }
    return sum;
}

void stc_state_move(stc_partition_state *s, int32_t vertex, int32_t to)
{
    const stc_incidence *inc = &s->job->incidence;
    const int32_t from = s->part[vertex];
    for (int64_t i = inc->first_net[vertex]; i < inc->first_net[vertex + 1]; i++) {
        const int32_t e = inc->net[i], before = s->nslots[e];
        remove_member(s, e, from);
        add_member(s, e, to);
        s->volume += (double)inc->weight[e] * (s->nslots[e] - before);
    }
    add_load(s, vertex, from, -1);
    add_load(s, vertex, to, 1);
    s->size[from]--;
    s->size[to]++;
    s->part[vertex] = to;
}
