/* code.c - stages whose values are a code of their operand's values over time: encoders, decoders,
 * windows. The codes themselves are in codes/. A unit of work of a thread is a piece of one row of
 * channels with all its steps. */
#include "elements.h"

#include "stc/code.h"

#include <string.h>

/* A piece of a row: n elements from an index of the storage on. */
typedef struct {
    stc_sim *sim;
    stage_plan *plan;
    const stc_code *code;
    int64_t item, n;
    int64_t index[STC_MAX_NDIM];
    int64_t source; /* C-order index in the source node of the first, and the stride to the next */
    int64_t source_stride;
    float *state;
    int64_t state_stride;
    uint64_t key;
} piece;

static const stc_code *code_of(const stc_kernel *kernel)
{
    int n;
    return stc_codes(&n)[kernel->u.code.code];
}

int64_t stc_sim_code_states(const stc_kernel *kernel)
{
    return stc_code_states(code_of(kernel), kernel->u.code.params);
}

/* The operand of a piece at a step of the item, in runs of constant stride. */
static void read_piece(const piece *p, int64_t step, float *x)
{
    const access *a = &p->plan->kernels[0].operand[0];
    const unsigned char *values = operand_values(p->sim, a, p->item, step);
    int64_t size = stc_dtype_size(a->dtype), element = a->base;
    for (int d = 0; d < a->ndim - 1; d++)
        element += a->offset[d][p->index[d]];
    for (int64_t i = 0, run; i < p->n; i += run) {
        int64_t c = a->ndim > 0 ? p->index[a->ndim - 1] + i : 0;
        run = a->run - c % a->run;
        if (run > p->n - i) run = p->n - i;
        int64_t offset = a->ndim > 0 ? a->offset[a->ndim - 1][c] : 0;
        p->sim->kernels->read(a->dtype, run, values + (element + offset) * size, a->stride, a->unit,
                              0.0f, x + i, false);
    }
}

static void write_piece(const piece *p, int64_t step, const float *out)
{
    const stc_stage *stage = p->plan->stage;
    float inverse = stc_kind_is_real(stage->kind) ? 1.0f : (float)(1.0 / stage->kind.unit);
    unsigned char *to = stc_sim_at(p->plan, p->item, step) +
                        stc_sim_element(p->plan, p->index) * stc_dtype_size(stage->dtype);
    p->sim->kernels->write(stage->dtype, p->n, out, inverse, to);
}

static void run_piece(const piece *p, int64_t first, int64_t steps)
{
    float x[STC_CODE_PIECE], out[STC_CODE_PIECE];
    uint32_t words[2][STC_CODE_PIECE];
    int64_t before = p->item % p->sim->nblocks * p->sim->block; /* steps */
    for (int64_t t = first; t < first + steps; t++) {
        stc_code_step run = {.params = p->plan->kernels[0].kernel->u.code.params,
                             .step = before + t,
                             .time_steps = p->sim->steps,
                             .state = p->state,
                             .state_stride = p->state_stride,
                             .random = {words[0], words[1]},
                             .x = x,
                             .out = out};
        read_piece(p, t, x);
        if (p->code->random) {
            stc_code_draw(p->key, run.step, p->n, p->source, p->source_stride, words);
        }
        p->code->step(p->n, &run);
        if (!p->code->per_sample || run.step == run.time_steps - 1) write_piece(p, t, out);
    }
}

/* The u-th piece of a box. */
static void run_unit(const piece *like, const owned_box *own, int64_t u, int64_t first,
                     int64_t steps)
{
    piece p = *like;
    int last = own->box.ndim - 1;
    int64_t pieces = (own->channels + STC_CODE_PIECE - 1) / STC_CODE_PIECE,
            from = u % pieces * STC_CODE_PIECE;
    p.n = own->channels - from < STC_CODE_PIECE ? own->channels - from : STC_CODE_PIECE;
    stc_sim_row(&own->box, u / pieces, p.index);
    if (last >= 0) p.index[last] = own->box.lo[last] + from;
    for (int a = 0; a <= last; a++)
        p.source += p.index[a] * p.plan->source_stride[a];
    p.source_stride = last >= 0 ? p.plan->source_stride[last] : 0;
    if (own->state) p.state = own->state + u / pieces * own->channels + from;
    p.state_stride = own->positions * own->channels;
    run_piece(&p, first, steps);
}

/* State is 0 before the first step of a sample. */
static void start_sample(const stage_plan *plan)
{
    int64_t nstate = stc_sim_code_states(plan->kernels[0].kernel);
    for (int b = 0; b < plan->nboxes; b++) {
        const owned_box *own = &plan->boxes[b];
        size_t n = (size_t)(nstate * own->positions * own->channels);
        if (own->state) memset(own->state, 0, n * sizeof *own->state);
    }
}

void stc_sim_code(stc_sim *sim, stage_plan *plan, int64_t item, int64_t first, int64_t steps)
{
    const stc_kernel *kernel = plan->kernels[0].kernel;
    int64_t sample = sim->first_sample + item / sim->nblocks;
    piece like = {.sim = sim, .plan = plan, .code = code_of(kernel), .item = item};
    like.key = stc_code_key(sim->options.seed, kernel->u.code.key, sample);
    if (item % sim->nblocks == 0 && first == 0) start_sample(plan);
    for (int b = 0; b < plan->nboxes; b++) {
        const owned_box *own = &plan->boxes[b];
        int64_t units = own->positions * ((own->channels + STC_CODE_PIECE - 1) / STC_CODE_PIECE);
#pragma omp parallel for schedule(static) num_threads(sim->threads) if (units > 1)
        for (int64_t u = 0; u < units; u++)
            run_unit(&like, own, u, first, steps);
    }
}
