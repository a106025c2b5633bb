/* grid.c - weights as integers, so that sums are exact and the same in any order.
 *
 * All weights onto an assembly are multiples of 2^-exponent, the finest grid on which no neuron can
 * receive more in one step than an accumulator holds. Weights of a pathway besides are multiples of
 * its unit: constant weights are one unit each, drawn ones lie on a grid of their own (connect.h),
 * listed ones have a lowest bit, or the 2^-44th part of the largest. So a synapse stores a small
 * number, its magnitude, and the unit is multiplied when it is delivered. What is decided here
 * depends on the program alone, not on which neurons a rank holds. */
#include "assembly.h"

#include "stc/error.h"

#include <math.h>
#include <string.h>

enum {
    LIST_BITS = 44, /* of listed weights at most */
    STEP_BITS = 1,  /* at least */
    MOST_STEP_BITS = 4,
    MOST_SHARED_STEP_BITS = 8, /* of rows of several sources */
    NARROW = 32,               /* bits of a narrow word */
    WIDE = 64,
    EXTRA_BITS = 8, /* of a source beside its words */
    FEW = 32,       /* synapses: rows of fewer are shared */
    FULL = 64,      /* by as many sources as have so many */
    BURST = 8,      /* that part of the sources may be due in a step before they are kept */
    LEAST_ROOM = 256,
    MOST_ROOM = 1 << 16,
    MANY = 30000 /* synapses of a row that may not be counted in 16 bits */
};

/* ---- units ---- */

/* Exponent of the lowest bit that is set; x is finite and not 0. */
static int lowest_bit(double x)
{
    int exponent;
    const int64_t digits = (int64_t)ldexp(fabs(frexp(x, &exponent)), 53);
    return exponent - 53 + __builtin_ctzll((uint64_t)digits);
}

/* Largest magnitude and lowest bit of all listed weights. */
static int scan_list(const stc_program *program, const stc_projection *projection, double *bound,
                     double *unit)
{
    enum { SLAB = 1 << 16 };
    int low = 1024;
    double *values = stc_alloc(SLAB, sizeof *values);
    int rc = values ? 0 : STC_ERR_NOMEM;
    for (int64_t row = 0; row < projection->nedges && rc >= 0; row += SLAB) {
        const int64_t left = projection->nedges - row, n = left < SLAB ? left : SLAB;
        rc = program->read_field(program, projection->weight.field, row, n, values);
        for (int64_t i = 0; i < n && rc >= 0; i++) {
            if (!isfinite(values[i]) || values[i] == 0.0) continue; /* refused with its edge */
            const int bit = lowest_bit(values[i]);
            low = bit < low ? bit : low;
            *bound = fmax(*bound, fabs(values[i]));
        }
    }
    stc_free(values);
    int exponent;
    frexp(*bound, &exponent);
    *unit = low == 1024 ? 1.0 : ldexp(1.0, low > exponent - LIST_BITS ? low : exponent - LIST_BITS);
    return rc;
}

static int find_unit(const stc_sim *sim, const stc_projection *projection, double *bound,
                     double *unit)
{
    *bound = 0.0;
    if (projection->weight.kind == STC_DRAW_LISTED)
        return scan_list(sim->program, projection, bound, unit);
    *bound = stc_draw_bound(&projection->weight);
    *unit = stc_draw_unit(&projection->weight);
    return 0;
}

/* The finest unit of all projections from a source that have no single weight, onto any population
 * of the program whose sums lie on the same grid: so all ranks choose the same. */
static int find_units(const stc_sim *sim, const assembly *a, pathway *p)
{
    p->unit = INFINITY;
    for (int32_t s = 0; s < sim->program->nstages; s++) {
        const stage_plan *plan = &sim->stages[s];
        if (plan->grid != a->members[0].plan->grid || !stc_stage_is_population(sim->program, s))
            continue;
        for (int k = 0; k < plan->nkernels; k++) {
            const stc_kernel *kernel = plan->kernels[k].kernel;
            double bound, unit;
            if (kernel->kind != STC_KERNEL_DELIVER ||
                &sim->stages[kernel->operand[0].stage] != p->source ||
                kernel->u.deliver.weight.kind == STC_DRAW_CONSTANT)
                continue;
            STC_TRY(find_unit(sim, &kernel->u.deliver, &bound, &unit));
            p->unit = fmin(p->unit, unit);
            p->bound = fmax(p->bound, bound);
        }
    }
    int exponent;
    frexp(p->bound, &exponent); /* words have no more room */
    p->unit = fmax(p->unit, ldexp(1.0, exponent - LIST_BITS));
    return 0;
}

/* ---- words ---- */

#define WORTH 0.9 /* bytes of rows that are shared, at most, by those of rows that are not */

static void add_group(pathway *p, int port, int sign)
{
    for (int g = 0; g < p->ngroups; g++)
        if (p->group[g].port == port && p->group[g].sign == sign) return;
    p->group[p->ngroups].port = port;
    p->group[p->ngroups++].sign = sign;
}

/* Ports and signs that may occur, and how many synapses a source has in a patch. */
static double survey(const assembly *a, pathway *p)
{
    double expected = 0.0;
    for (int i = 0; i < a->ninputs; i++) {
        const input_projection *in = &a->inputs[i];
        if (&a->pathways[in->pathway] != p) continue;
        const stc_projection *projection = in->projection;
        const int sign = stc_draw_sign(&projection->weight);
        for (int s = -1; s <= 1; s += 2)
            if (sign == 0 || sign == s) add_group(p, stc_synapse_port(a->model, projection, s), s);
        const double share = (double)a->members[in->member].n / (double)projection->ntargets;
        expected += stc_connect_expected(projection) * share / (double)projection->nsources;
    }
    return expected / a->npatches;
}

static int bits_of(double magnitude)
{
    int bits;
    frexp(magnitude, &bits); /* magnitude < 2^bits */
    return bits;
}

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* Rows of 2^sources sources that have so many synapses each, of which `extra` bits are not in
 * words. Returns the bytes that a synapse takes with its part of the head, INFINITY when it does
 * not fit. */
static double lay_out_rows(const assembly *a, pathway *p, double each, int sources, int extra)
{
    stc_synapse_format *f = &p->format;
    const double row = ldexp(each, sources);
    const int magnitude = p->constant > 0.0 ? 1 : bits_of(p->bound / p->unit);
    const int fixed = a->neuron_bits + magnitude + sources - extra;
    const int64_t steps = p->most - p->least + 1;
    p->source_bits = sources;
    p->extra_bits = extra;
    f->neuron_bits = a->neuron_bits;
    f->wide_sum = a->wide_sum;
    f->source_bits = sources - extra;
    f->wide_word = p->kind->nstate > 0 || fixed + STEP_BITS > NARROW;
    /* heads of shared rows are best short: as many accumulators as the largest patch has */
    const int shared =
        least_of(MOST_STEP_BITS + STC_PATCH_BITS - a->neuron_bits, MOST_SHARED_STEP_BITS);
    const int most =
        least_of((f->wide_word ? WIDE : NARROW) - fixed, sources > 0 ? shared : MOST_STEP_BITS);
    if (most < STEP_BITS) return INFINITY;
    const double bytes = row * (double)stc_word_size(p);
    for (f->step_bits = STEP_BITS;; f->step_bits++) {
        p->blocks = (steps + (INT64_C(1) << f->step_bits) - 1) >> f->step_bits;
        p->ncells = p->blocks * p->ngroups;
        if (f->step_bits == most || p->blocks == 1) break;
        if (sources == 0 && 2 * (double)p->ncells <= 0.06 * bytes)
            break; /* heads are small beside their rows */
    }
    int64_t listed = 0; /* all may be of one row */
    for (int i = 0; i < a->ninputs; i++)
        if (&a->pathways[a->inputs[i].pathway] == p &&
            a->inputs[i].projection->rule == STC_RULE_EXPLICIT)
            listed += a->inputs[i].projection->nedges;
    p->wide_cells = row > MANY || listed > UINT16_MAX;
    p->head_bytes = stc_round_up(4 + p->ncells * (p->wide_cells ? 4 : 2), 4);
    return (double)(stc_word_size(p) + (extra > 0)) + (double)p->head_bytes / row;
}

/* The layout that takes least memory; rows are shared only if that saves a good part of it, as a
 * spike then has to look for its synapses. */
static void choose_rows(const assembly *a, pathway *p)
{
    const double each = fmax(survey(a, p), 1e-9); /* there may be none */
    int sources = 0, extra = 0, most = 0;
    double least = WORTH * lay_out_rows(a, p, each, 0, 0);
    while (each < FEW && ldexp(each, most) < FULL && INT64_C(1) << most < p->source->window_size)
        most++;
    for (int s = 1; s <= most; s++) {
        const int beside = least_of(s, EXTRA_BITS);
        for (int e = 0; e <= beside; e += beside) {
            const double bytes = lay_out_rows(a, p, each, s, e);
            if (bytes >= least) continue;
            least = bytes;
            sources = s;
            extra = e;
        }
    }
    lay_out_rows(a, p, each, sources, extra);
}

static void lay_out(const assembly *a, pathway *p)
{
    choose_rows(a, p);
    p->span = ((p->blocks - 1) << p->format.step_bits) + 1;
    const int64_t room = p->source->window_size / BURST;
    p->room = room < LEAST_ROOM ? LEAST_ROOM : room > MOST_ROOM ? MOST_ROOM : room;
}

int stc_sim_choose_formats(const stc_sim *sim, assembly *a)
{
    a->slots = 1;
    for (int k = 0; k < a->npathways; k++) {
        pathway *p = &a->pathways[k];
        p->unit = p->bound = p->constant;
        if (p->constant == 0.0) STC_TRY(find_units(sim, a, p));
        if (p->bound == 0.0) p->unit = 1.0; /* weights of 0 */
        lay_out(a, p);
        const int64_t slots = INT64_C(1) << p->format.step_bits;
        a->slots = slots > a->slots ? slots : a->slots;
    }
    return 0;
}

/* ---- agreement ---- */

/* The finest grid on which the largest sum fits an accumulator. */
static int choose_exponent(const stage_plan *plan, bool single, double largest, int *out)
{
    enum { DOUBLE_BITS = 62, SINGLE_BITS = 30, LEAST = 24, MOST = 200 };
    const int bits = single ? SINGLE_BITS : DOUBLE_BITS;
    int binary = DOUBLE_BITS; /* of infinity, the sum of weights near the end of float64 */
    if (isfinite(largest)) frexp(largest, &binary); /* largest < 2^binary */
    *out = bits - binary > MOST ? MOST : bits - binary;
    STC_CHECK(
        single || *out >= LEAST, STC_ERR_INPUT,
        "population %s: the weights of a neuron add up to %g, which leaves fewer than %d bits "
        "for fractions in an accumulator of 64; use smaller weights or another unit",
        plan->stage->name, largest, LEAST);
    return 0;
}

static void set_grid(assembly *a, int exponent)
{
    a->exponent = exponent;
    a->unit = ldexp(1.0, -exponent);
    stc_free(a->received);
    a->received = NULL;
    for (int k = 0; k < a->npathways; k++) {
        pathway *p = &a->pathways[k];
        if (p->constant == 0.0) p->unit = fmax(p->unit, ldexp(1.0, -exponent));
        p->scale = llrint(ldexp(p->unit, exponent));
    }
    for (int i = 0; i < a->nmembers; i++) {
        for (int d = 0; d < a->members[i].ndense; d++) {
            dense_input *in = &a->members[i].dense[d];
            in->weight = llrint(ldexp(in->projection->weight.a, exponent));
        }
    }
}

static double largest_of(const assembly *a, const member *m)
{
    double largest = 0.0;
    for (int q = 0; q < a->npatches; q++) {
        const slice s = stc_slice(a, m, q);
        for (int port = 0; port < a->model->nports; port++)
            for (int64_t i = s.lo; i < s.hi; i++)
                largest = fmax(largest, a->received[port * a->n + i]);
    }
    return largest;
}

int stc_sim_agree_grid(stc_sim *sim)
{
    int32_t nstages = sim->program->nstages;
    double *largest = stc_alloc(nstages, sizeof *largest);
    int rc = stc_agree(&sim->group, largest ? 0 : STC_ERR_NOMEM);
    if (rc < 0) {
        stc_free(largest);
        return rc;
    }
    for (int i = 0; i < sim->nassemblies; i++) {
        const assembly *a = sim->assemblies[i];
        for (int k = 0; k < a->nmembers; k++) {
            double *most = &largest[a->members[k].plan->grid];
            *most = fmax(*most, largest_of(a, &a->members[k]));
        }
    }
    MPI_Allreduce(MPI_IN_PLACE, largest, nstages, MPI_DOUBLE, MPI_MAX, sim->group.mpi);
    for (int i = 0; i < sim->nassemblies && rc >= 0; i++) {
        int exponent;
        assembly *a = sim->assemblies[i];
        const stage_plan *plan = a->members[0].plan;
        rc = choose_exponent(plan, a->single, largest[plan->grid], &exponent);
        if (rc < 0) break;
        set_grid(a, exponent);
        rc = stc_sim_fill_synapses(sim, a);
    }
    stc_free(largest);
    return stc_agree(&sim->group, rc);
}
