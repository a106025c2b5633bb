/* connect.c - synapses of a projection from its rule; the numbers that they are drawn from.
 *
 * The sequence of random numbers is part of the meaning of a network and does not change:
 *
 *   key      stc_random_key(program seed, projection key)
 *   block    words w0..w3: Philox4x32-10 of the key and of the counter (index % 2^32,
 *            attempt + 2^16 (index / 2^32), stream, purpose). The stream is the destination,
 *            for fixed_outdegree the source.
 *   synapse  purpose 0. Index: number of the synapse in its stream (explicit: of the edge,
 *            all_to_all: of the source, one_to_one: 0). w0 chooses the source where
 *            fixed_indegree and fixed_total_number draw it freely, w1 the delay, w2 and w3 the
 *            weight, each from the first attempt 0, 1, 2, ... that is valid for it.
 *   gap      purpose 1, pairwise_bernoulli: w0 and w1 of block i give gap 2 i, w2 and w3 gap
 *            2 i + 1: floor(log(u) / log(1 - p)) sources are left out before the next one.
 *   degree   purpose 2, fixed_total_number: how many synapses fall to the lower half of a range
 *            of destinations (degrees.c). Index: trial, attempt: depth of the range, stream: its
 *            first destination. w0 and w1 give the first number of a trial, w2 and w3 the second.
 *   choice   purpose 3: word k % 4 of block k / 4 is choice k: the target of synapse k of a
 *            source (fixed_outdegree), or without multapses the k-th of distinct sources or
 *            targets, attempts as above until it is new.
 *   omission purpose 4: the same of those left out, when they are fewer than half.
 *
 * A word w chooses floor(w n / 2^32) of n, and is not valid when the low half of w n is below
 * 2^32 mod n. Where autapses are not allowed n does not count the neuron itself. u is
 * (w + 1/2) / 2^32 for a delay, else the first 52 bits of two words, plus 1/2, over 2^52. Values:
 * uniform a + (b - a) u; normal a + b q(u), q the quantile of the normal distribution; lognormal
 * exp of it (math.c). They are valid inside [least, most], delays when they also are at least one
 * step after rounding (halves up).
 *
 * Cost: what is asked for, but explicit edges are all read, and fixed_outdegree draws all targets
 * of all sources: ask once for all destinations of a rank.
 *
 * Reading order: connect.c, rules.c, degrees.c, draw.c.
 */
#include "expand.h"

#include <math.h>
#include <string.h>

enum { SLAB = 1 << 20 }; /* edges read at a time */

static int check_delays(const stc_projection *p, const stc_synapses *synapses)
{
    int32_t least = INT32_MAX, most = 0;
    for (int64_t i = 0; i < synapses->n; i++) {
        least = synapses->delay[i] < least ? synapses->delay[i] : least;
        most = synapses->delay[i] > most ? synapses->delay[i] : most;
    }
    STC_CHECK(synapses->n == 0 || (least >= p->least && most <= p->most), STC_ERR_INPUT,
              "there are delays of %d to %d steps, but the program says %lld to %lld", least, most,
              (long long)p->least, (long long)p->most);
    return STC_OK;
}

int stc_expand_flush(stc_expansion *x)
{
    STC_TRY(stc_expand_draw(x));
    STC_TRY(check_delays(x->projection, &x->out));
    if (x->out.n > 0) STC_TRY(x->sink(x->context, &x->out));
    x->out.n = 0;
    return STC_OK;
}

int32_t stc_expand_steps(const stc_projection *projection, double delay)
{
    const double steps = delay / projection->dt, whole = floor(steps + 0.5);
    STC_CHECK(fabs(steps - whole) <= 1e-6 && whole >= 1 && whole <= INT32_MAX, STC_ERR_INPUT,
              "the delay is %.12g ms, expected a multiple of dt = %g ms, at least one\n"
              "hint: round the delay, or choose a smaller dt",
              delay, projection->dt);
    return (int32_t)whole;
}

/* ---- explicit edges ---- */

typedef struct {
    double *source, *target, *weight, *delay; /* [SLAB]; the latter two only if listed */
} slab;

static int check_end(double index, int64_t n, const char *which, int64_t edge)
{
    STC_CHECK(index >= 0 && index < (double)n && index == (double)(int64_t)index, STC_ERR_INPUT,
              "edge %lld: its %s is neuron %.17g, but there are neurons 0 to %lld", (long long)edge,
              which, index, (long long)n - 1);
    return STC_OK;
}

static int add_edge(stc_expansion *x, const slab *read, int64_t i, int64_t edge, int64_t local)
{
    const stc_projection *p = x->projection;
    const int64_t target = (int64_t)read->target[i];
    STC_TRY(stc_expand_add(x, (int64_t)read->source[i], local, edge, target));
    const int64_t last = x->out.n - 1;
    int32_t steps = 1;
    if (read->weight) x->out.weight[last] = read->weight[i];
    if (read->delay) x->out.delay[last] = steps = stc_expand_steps(p, read->delay[i]);
    if (steps < 0) {
        return stc_fail_in(steps, "edge %lld from %lld to %lld", (long long)edge,
                           (long long)read->source[i], (long long)target);
    }
    STC_CHECK(!read->weight || isfinite(read->weight[i]), STC_ERR_INPUT,
              "edge %lld from %lld to %lld: the weight is %g, expected a finite number",
              (long long)edge, (long long)read->source[i], (long long)target, read->weight[i]);
    return STC_OK;
}

static int add_slab(stc_expansion *x, const slab *read, int64_t row, int64_t n)
{
    const stc_projection *p = x->projection;
    const stc_program *program = x->program;
    STC_TRY(program->read_field(program, p->source, row, n, read->source));
    STC_TRY(program->read_field(program, p->target, row, n, read->target));
    bool listed = false; /* whether weights and delays of the slab have been read */
    for (int64_t i = 0; i < n; i++) {
        STC_TRY(check_end(read->source[i], p->nsources, "source", row + i));
        STC_TRY(check_end(read->target[i], p->ntargets, "target", row + i));
        const int64_t local = stc_expand_find(x, (int64_t)read->target[i]);
        if (local < 0) continue;
        if (!listed && read->weight) {
            STC_TRY(program->read_field(program, p->weight.field, row, n, read->weight));
        }
        if (!listed && read->delay) {
            STC_TRY(program->read_field(program, p->delay.field, row, n, read->delay));
        }
        listed = true;
        STC_TRY(add_edge(x, read, i, row + i, local));
    }
    return STC_OK;
}

int stc_expand_explicit(stc_expansion *x)
{
    const stc_projection *p = x->projection;
    const int64_t rows = p->nedges < SLAB ? p->nedges : SLAB;
    const bool weights = p->weight.kind == STC_DRAW_LISTED,
               delays = p->delay.kind == STC_DRAW_LISTED;
    slab read = {.source = stc_alloc(rows, sizeof(double)),
                 .target = stc_alloc(rows, sizeof(double)),
                 .weight = weights ? stc_alloc(rows, sizeof(double)) : NULL,
                 .delay = delays ? stc_alloc(rows, sizeof(double)) : NULL};
    int rc = STC_OK;
    if (!read.source || !read.target || (weights && !read.weight) || (delays && !read.delay))
        rc = STC_ERR_NOMEM;
    for (int64_t row = 0; row < p->nedges && rc >= 0; row += SLAB)
        rc = add_slab(x, &read, row, p->nedges - row < SLAB ? p->nedges - row : SLAB);
    stc_free(read.source);
    stc_free(read.target);
    stc_free(read.weight);
    stc_free(read.delay);
    return rc;
}

/* ---- the whole ---- */

static int check_draw(const stc_program *program, const stc_projection *p, const stc_draw *draw,
                      const char *what)
{
    STC_CHECK(draw->kind >= 0 && draw->kind < STC_NDRAWS, STC_ERR_INPUT,
              "the kind of the %s is %d, expected 0..%d", what, draw->kind, STC_NDRAWS - 1);
    if (draw->kind == STC_DRAW_LISTED) {
        STC_CHECK(p->rule == STC_RULE_EXPLICIT, STC_ERR_INPUT,
                  "the %s is listed per edge, but the edges are not", what);
        STC_CHECK(draw->field >= 0 && draw->field < program->nfields, STC_ERR_INPUT,
                  "the %s is in field %d, expected 0..%d", what, draw->field, program->nfields - 1);
        return STC_OK;
    }
    STC_CHECK(isfinite(draw->a), STC_ERR_INPUT,
              "the %s has a parameter of %g, expected a finite one", what, draw->a);
    if (draw->kind == STC_DRAW_CONSTANT) return STC_OK;
    STC_CHECK(isfinite(draw->b), STC_ERR_INPUT,
              "the %s has a parameter of %g, expected a finite one", what, draw->b);
    STC_CHECK(draw->kind == STC_DRAW_UNIFORM || draw->b >= 0, STC_ERR_INPUT,
              "the standard deviation of the %s is %g, expected >= 0", what, draw->b);
    STC_CHECK(draw->kind != STC_DRAW_UNIFORM || draw->b >= draw->a, STC_ERR_INPUT,
              "the %s is uniform from %g to %g, expected a range that rises", what, draw->a,
              draw->b);
    return STC_OK;
}

static int check(const stc_program *program, const stc_projection *p)
{
    STC_CHECK(p->nsources >= 0 && p->nsources <= INT32_MAX && p->ntargets >= 0 &&
                  p->ntargets <= INT32_MAX,
              STC_ERR_INPUT, "it joins %lld to %lld neurons, expected at most %d on either side",
              (long long)p->nsources, (long long)p->ntargets, INT32_MAX);
    STC_CHECK(isfinite(p->dt) && p->dt > 0, STC_ERR_INPUT, "dt is %g ms, expected > 0", p->dt);
    STC_TRY(check_draw(program, p, &p->weight, "weight"));
    STC_TRY(check_draw(program, p, &p->delay, "delay"));
    return stc_expand_check(p);
}

/* Put the nodes that a projection joins before the text of its failure. */
static int fail_in_projection(const stc_program *program, const stc_projection *p, int rc)
{
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            if (&kernel->u.deliver != p) continue;
            const int32_t from = kernel->operand[0].stage;
            return stc_fail_in(rc, "projection from %s to %s",
                               from >= 0 ? program->stages[from].name : "?", stage->name);
        }
    }
    return rc;
}

static int expand(stc_expansion *x)
{
    const stc_projection *p = x->projection;
    x->before = stc_alloc(x->nruns, sizeof *x->before);
    if (!x->before) return STC_ERR_NOMEM;
    for (int64_t r = 0; r < x->nruns; r++) {
        x->before[r] = x->count;
        x->count += x->run[r].count;
    }
    if (p->delay.kind == STC_DRAW_CONSTANT) {
        x->delay = stc_expand_steps(p, p->delay.a);
        if (x->delay < 0) return x->delay;
    }
    STC_TRY(stc_expand_rule(x));
    return stc_expand_flush(x);
}

int stc_connect(const stc_program *program, const stc_projection *projection, int64_t nruns,
                const stc_run *run, bool weights, stc_synapse_sink *sink, void *context)
{
    int rc = check(program, projection);
    stc_expansion *x = rc < 0 ? NULL : stc_alloc(1, sizeof *x);
    if (rc >= 0 && !x) rc = STC_ERR_NOMEM;
    if (rc >= 0) {
        x->program = program;
        x->projection = projection;
        x->nruns = nruns;
        x->run = run;
        x->key = stc_random_key(program->seed, projection->key);
        x->without_self = projection->recurrent && !projection->autapses;
        x->weights = weights;
        x->unit = stc_draw_unit(&projection->weight);
        x->sink = sink;
        x->context = context;
        x->out = (stc_synapses){0, x->source, x->target, x->steps, x->weight};
        rc = expand(x);
        stc_free(x->before);
    }
    stc_free(x);
    return rc < 0 ? fail_in_projection(program, projection, rc) : STC_OK;
}
