/* pathway.c - rows of synapses, made in two passes over the connections: the first counts the
 * synapses of every cell and what every neuron may receive, the second puts each into its place.
 * Rows of several sources are ordered in the end.
 * Nothing is stored but the words. Threads make the synapses of their own patches; edges that are
 * listed in a file are dealt to all patches by one thread. */
#include "assembly.h"

#include "stc/error.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Sources come in any order, and the heads of their rows may lie all over memory: they are asked
 * for so many synapses ahead. */
enum { AHEAD = 32 };

/* What a pass does with the synapses of one projection. */
typedef struct {
    assembly *a;
    pathway *p;
    const stc_projection *projection;
    int64_t first;      /* assembly neuron of destination 0 */
    int64_t *neuron;    /* that of each destination, when they do not follow each other; or NULL */
    int64_t window_low; /* source that is element 0 */
    double limit;       /* most spikes of a source in a step */
    bool listed;
    bool fill; /* second pass */
    int sign;  /* of all weights, or 0 */
} pass;

static int64_t neuron_of(const pass *x, int32_t target)
{
    return x->neuron ? x->neuron[target] : x->first + target;
}

static int group_of(const pass *x, int sign)
{
    const int port = stc_synapse_port(x->a->model, x->projection, sign);
    int g = 0;
    while (x->p->group[g].port != port || x->p->group[g].sign != sign)
        g++;
    return g;
}

/* Rounded up to 24 bits: sums of such numbers are the same in any order. */
static double coarse(double bound)
{
    int exponent;
    const double digits = frexp(bound, &exponent);
    return isfinite(bound) ? ldexp(ceil(ldexp(digits, 24)), exponent - 24) : bound;
}

/* Most that a synapse adds in a step. */
static double most_of(const pass *x, double weight)
{
    const stc_synapse_kind *kind = x->p->kind;
    return coarse(kind->largest ? kind->largest(x->p->params, weight) : weight) * x->limit;
}

static bool count_in_cell(const pathway *p, row_table *t, int64_t row, int64_t cell)
{
    void *cells = stc_row_start(p, t, row) + 1;
    if (p->wide_cells) return ++((uint32_t *)cells)[cell] != 0;
    return ++((uint16_t *)cells)[cell] != 0;
}

static int count(const pass *x, const stc_synapses *list)
{
    pathway *p = x->p;
    const int known = x->sign ? group_of(x, x->sign) : -1;
    const double most = most_of(x, stc_draw_bound(&x->projection->weight));
    for (int64_t i = 0; i < list->n; i++) {
        const int64_t neuron = neuron_of(x, list->target[i]),
                      from = list->source[i] - x->window_low;
        const int sign = x->sign ? x->sign : list->weight[i] > 0.0 ? 1 : -1;
        const int group = known >= 0 ? known : group_of(x, sign);
        const int64_t block = (list->delay[i] - p->least) >> p->format.step_bits;
        row_table *t = &p->table[neuron / x->a->patch_size];
        if (i + AHEAD < list->n)
            __builtin_prefetch(stc_row_of(p, t, list->source[i + AHEAD] - x->window_low), 1);
        t->nwords++;
        STC_CHECK(count_in_cell(p, t, from >> p->source_bits, group * p->blocks + block),
                  STC_ERR_FIT,
                  "more than 65535 synapses of source %d of %s meet in one cell; use more threads "
                  "or ranks",
                  list->source[i], p->source->stage->name);
        x->a->received[p->group[group].port * x->a->n + neuron] +=
            x->listed ? most_of(x, fabs(list->weight[i])) : most;
    }
    return 0;
}

static uint32_t next_in_cell(const pathway *p, row_table *t, int64_t row, int64_t cell)
{
    uint32_t *start = stc_row_start(p, t, row);
    void *cells = start + 1;
    return *start + (p->wide_cells ? ((uint32_t *)cells)[cell]++ : ((uint16_t *)cells)[cell]++);
}

static int fill(const pass *x, const stc_synapses *list)
{
    const pathway *p = x->p;
    const stc_synapse_format *f = &p->format;
    const int known = x->sign ? group_of(x, x->sign) : -1;
    const double per_unit = 1.0 / p->unit;
    const uint64_t sharing = (UINT64_C(1) << p->source_bits) - 1;
    const int top = (f->wide_word ? 64 : 32) - f->source_bits;
    for (int64_t i = 0; i < list->n; i++) {
        const int64_t neuron = neuron_of(x, list->target[i]),
                      from = list->source[i] - x->window_low;
        const int64_t steps = list->delay[i] - p->least, which = neuron / x->a->patch_size;
        const int group = known >= 0 ? known : group_of(x, list->weight[i] > 0.0 ? 1 : -1);
        const uint64_t magnitude =
            p->constant > 0.0 ? 1 : (uint64_t)nearbyint(fabs(list->weight[i]) * per_unit);
        const uint64_t step = (uint64_t)steps & ((UINT64_C(1) << f->step_bits) - 1);
        const uint64_t source = (uint64_t)from & sharing;
        const uint64_t word = (f->source_bits ? source << top : 0) |
                              (magnitude << f->step_bits | step) << f->neuron_bits |
                              (uint64_t)(neuron - which * x->a->patch_size);
        row_table *t = &p->table[which];
        if (i + AHEAD < list->n)
            __builtin_prefetch(stc_row_of(p, t, list->source[i + AHEAD] - x->window_low), 1);
        const uint32_t at =
            next_in_cell(p, t, from >> p->source_bits, group * p->blocks + (steps >> f->step_bits));
        if (t->extra) t->extra[at] = (uint8_t)(source >> f->source_bits);
        if (f->wide_word)
            ((uint64_t *)t->word)[at] = word;
        else
            ((uint32_t *)t->word)[at] = (uint32_t)word;
    }
    return 0;
}

static int take(void *context, const stc_synapses *list)
{
    const pass *x = context;
    return x->fill ? fill(x, list) : count(x, list);
}

/* ---- connections ---- */

/* Add runs of ids of assembly neurons [lo, hi) of a member; n: runs so far, returns how many. */
static int64_t list_runs(const assembly *a, int64_t lo, int64_t hi, int64_t n, stc_run *run)
{
    for (int64_t i = lo, count; i < hi; i += count) {
        count = a->ahead[i] < hi - i ? a->ahead[i] : hi - i;
        if (n > 0 && run[n - 1].first + run[n - 1].count == a->id[i])
            run[n - 1].count += count;
        else
            run[n++] = (stc_run){a->id[i], count};
    }
    return n;
}

static int connect_runs(const stc_sim *sim, assembly *a, const input_projection *in, bool second,
                        int64_t nruns, const stc_run *run, int64_t first, int64_t *neuron)
{
    const stc_projection *projection = in->projection;
    pathway *p = &a->pathways[in->pathway];
    pass x = {.a = a,
              .p = p,
              .projection = projection,
              .first = first,
              .neuron = neuron,
              .window_low = in->source->window.lo[0],
              .limit = (double)in->source->stage->kind.max,
              .listed = projection->weight.kind == STC_DRAW_LISTED,
              .fill = second,
              .sign = stc_draw_sign(&projection->weight)};
    const bool weights = x.sign == 0 || (second && p->constant == 0.0);
    int rc = stc_connect(sim->program, projection, nruns, run, weights, take, &x);
    return rc < 0 ? stc_fail_in(rc, "population %s", a->members[in->member].plan->stage->name) : 0;
}

/* A projection that is listed: onto all patches. */
static int connect_listed(const stc_sim *sim, assembly *a, const input_projection *in, bool second,
                          stc_run *run)
{
    const member *m = &a->members[in->member];
    int64_t nruns = 0, n = 0, *neuron = stc_alloc(m->n, sizeof *neuron);
    if (!neuron) return STC_ERR_NOMEM;
    for (int q = 0; q < a->npatches; q++) {
        const slice s = stc_slice(a, m, q);
        nruns = list_runs(a, s.lo, s.hi, nruns, run);
        for (int64_t i = s.lo; i < s.hi; i++)
            neuron[n++] = i;
    }
    int rc = connect_runs(sim, a, in, second, nruns, run, 0, neuron);
    stc_free(neuron);
    return rc;
}

static int connect_slice(const stc_sim *sim, assembly *a, const input_projection *in, int q,
                         bool second, stc_run *run)
{
    const slice s = stc_slice(a, &a->members[in->member], q);
    const int64_t nruns = list_runs(a, s.lo, s.hi, 0, run);
    return nruns ? connect_runs(sim, a, in, second, nruns, run, s.lo, NULL) : 0;
}

/* All projections that are made by rules, onto the patches of a thread; or those that are listed,
 * onto all patches. */
static int connect(const stc_sim *sim, assembly *a, int first_patch, int last_patch, bool listed,
                   bool second)
{
    int rc = 0;
    stc_run *run = stc_alloc(a->n, sizeof *run);
    if (!run) return STC_ERR_NOMEM;
    for (int i = 0; i < a->ninputs && rc >= 0; i++) {
        const input_projection *in = &a->inputs[i];
        if (listed != (in->projection->rule == STC_RULE_EXPLICIT)) continue;
        if (listed) {
            rc = connect_listed(sim, a, in, second, run);
            continue;
        }
        for (int q = first_patch; q < last_patch && rc >= 0; q++)
            rc = connect_slice(sim, a, in, q, second, run);
    }
    stc_free(run);
    return rc;
}

static int sort_shared(const assembly *a, int first_patch, int last_patch)
{
    for (int k = 0; k < a->npathways; k++) {
        const pathway *p = &a->pathways[k];
        for (int q = first_patch; q < last_patch && p->source_bits; q++)
            STC_TRY(stc_rows_sort(p, &p->table[q]));
    }
    return 0;
}

/* Both kinds, with all threads. The text of an error is kept per thread: carry over one. */
static int connect_all(const stc_sim *sim, assembly *a, bool second)
{
    char text[STC_ERROR_SIZE] = "";
    int worst = connect(sim, a, 0, a->npatches, true, second);
    if (worst < 0) return worst;
#pragma omp parallel num_threads(sim->threads)
    {
        const int t = omp_get_thread_num();
        int rc = connect(sim, a, a->first_patch[t], a->first_patch[t + 1], false, second);
        if (rc >= 0 && second) rc = sort_shared(a, a->first_patch[t], a->first_patch[t + 1]);
        if (rc < 0) {
#pragma omp critical(stc_connect)
            {
                if (worst == 0) snprintf(text, sizeof text, "%s", stc_error_text());
                worst = rc;
            }
        }
    }
    return worst < 0 ? stc_fail(worst, "%s", text) : 0;
}

/* ---- tables ---- */

/* Loops over synapses that no machine holds would never end: look before. */
static int check_size(const assembly *a)
{
    double words = 0.0;
    for (int i = 0; i < a->ninputs; i++) {
        const stc_projection *projection = a->inputs[i].projection;
        const member *m = &a->members[a->inputs[i].member];
        words += stc_connect_expected(projection) * (double)m->n / (double)projection->ntargets;
    }
    STC_CHECK(words * 4 < 0x1p46, STC_ERR_NOMEM,
              "out of memory: %g synapses lead to the neurons of this rank; use more ranks", words);
    void *room = stc_alloc((int64_t)words, 4); /* refused when there is not so much */
    if (!room) return STC_ERR_NOMEM;
    stc_free(room);
    return 0;
}

static int allocate_heads(const assembly *a, pathway *p)
{
    p->table = stc_alloc(a->npatches, sizeof *p->table);
    if (!p->table) return STC_ERR_NOMEM;
    for (int q = 0; q < a->npatches; q++) {
        row_table *t = &p->table[q];
        t->nrows = ((p->source->window_size - 1) >> p->source_bits) + 1;
        t->head = stc_alloc_huge(t->nrows, p->head_bytes);
        t->nspikes = stc_alloc(p->span, sizeof *t->nspikes);
        t->ndue = stc_alloc(p->span, sizeof *t->ndue);
        t->due = stc_alloc_reserved(stc_sim_product(p->span, p->room), sizeof *t->due);
        if (!t->head || !t->nspikes || !t->ndue || !t->due) return STC_ERR_NOMEM;
    }
    return 0;
}

/* Memory for the words, and for spikes of all sources that have any. */
static int allocate_words(const pathway *p, row_table *t)
{
    const int64_t window = p->source->window_size;
    t->word = stc_alloc_huge(t->nwords, stc_word_size(p));
    t->extra = p->extra_bits ? stc_alloc_huge(t->nwords, 1) : NULL;
    t->most_spikes = p->source_bits && t->nwords < window ? t->nwords : window;
    t->spike = stc_alloc_reserved(stc_sim_product(p->span, t->most_spikes), sizeof *t->spike);
    return t->word && (t->extra || !p->extra_bits) && t->spike ? 0 : STC_ERR_NOMEM;
}

/* From counts to first words and, in every cell, where the next synapse goes. */
static int place_rows(const assembly *a, const pathway *p, row_table *t)
{
    STC_CHECK(t->nwords <= UINT32_MAX, STC_ERR_FIT,
              "%lld synapses from %s onto %lld neurons of one thread; use more threads or ranks",
              (long long)t->nwords, p->source->stage->name, (long long)a->patch_size);
    uint32_t next = 0;
    for (int64_t row = 0; row < t->nrows; row++) {
        uint32_t *start = stc_row_start(p, t, row), in_row = 0;
        void *cells = start + 1;
        *start = next;
        for (int64_t c = 0; c < p->ncells; c++) {
            const uint32_t n = stc_cell_end(p, cells, c);
            if (p->wide_cells)
                ((uint32_t *)cells)[c] = in_row;
            else
                ((uint16_t *)cells)[c] = (uint16_t)in_row;
            in_row += n;
        }
        STC_CHECK(
            p->wide_cells || in_row <= UINT16_MAX, STC_ERR_FIT,
            "%lld sources from %lld of %s on have %u synapses onto %lld neurons of one thread, at "
            "most 65535 were foreseen; use more threads or ranks",
            1LL << p->source_bits, (long long)(p->source->window.lo[0] + (row << p->source_bits)),
            p->source->stage->name, in_row, (long long)a->patch_size);
        next += in_row;
    }
    return allocate_words(p, t);
}

static void receive_dense(assembly *a)
{
    for (int i = 0; i < a->nmembers; i++) {
        const member *m = &a->members[i];
        for (int d = 0; d < m->ndense; d++) {
            const dense_input *in = &m->dense[d];
            const double most =
                coarse(fabs(in->projection->weight.a)) * (double)in->source->stage->kind.max;
            for (int q = 0; q < a->npatches; q++) {
                const slice s = stc_slice(a, m, q);
                for (int64_t k = s.lo; k < s.hi; k++)
                    a->received[in->port * a->n + k] += most;
            }
        }
    }
}

int stc_sim_count_synapses(const stc_sim *sim, assembly *a)
{
    STC_TRY(check_size(a));
    for (int k = 0; k < a->npathways; k++)
        STC_TRY(allocate_heads(a, &a->pathways[k]));
    receive_dense(a);
    return connect_all(sim, a, false);
}

int stc_sim_fill_synapses(const stc_sim *sim, assembly *a)
{
    for (int k = 0; k < a->npathways; k++)
        for (int q = 0; q < a->npatches; q++)
            STC_TRY(place_rows(a, &a->pathways[k], &a->pathways[k].table[q]));
    return connect_all(sim, a, true);
}

void stc_pathway_destroy(pathway *p, int npatches)
{
    for (int q = 0; p->table && q < npatches; q++) {
        stc_free(p->table[q].head);
        stc_free(p->table[q].word);
        stc_free(p->table[q].extra);
        stc_free(p->table[q].spike);
        stc_free(p->table[q].nspikes);
        stc_free(p->table[q].due);
        stc_free(p->table[q].ndue);
    }
    stc_free(p->table);
}
