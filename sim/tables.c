/* tables.c - what the tables of synapses hold, as a check that any ranks and threads, and any
 * layout of rows, hold the same. */
#include "assembly.h"

#include "stc/error.h"

#include <string.h>

/* A cell of a row: what its words have in common. */
typedef struct {
    const assembly *a;
    const pathway *p;
    int which; /* patch */
    const row_table *t;
    uint64_t first_source; /* of the row */
    int64_t delay;         /* of step 0 */
    int sign;
} cell;

/* Number in the program of a neuron of the patch. */
static uint64_t id_of(const cell *c, uint64_t neuron)
{
    const assembly *a = c->a;
    const int64_t i = c->which * a->patch_size + (int64_t)neuron;
    for (int m = 0; m < a->nmembers; m++) {
        const slice s = stc_slice(a, &a->members[m], c->which);
        if (i >= s.lo && i < s.hi)
            return (uint64_t)(a->members[m].plan->stage->first_id + a->id[i]);
    }
    return UINT64_MAX; /* there are no others */
}

static uint64_t hash_synapse(uint64_t source, uint64_t destination, int64_t delay, double weight)
{
    uint64_t bits;
    memcpy(&bits, &weight, sizeof bits);
    uint64_t hash = stc_mix64(source + UINT64_C(0x9e3779b97f4a7c15));
    hash = stc_mix64(hash + destination);
    hash = stc_mix64(hash + (uint64_t)delay);
    return stc_mix64(hash + bits);
}

static uint64_t sum_cell(const cell *c, int64_t from, int64_t end, bool *has)
{
    const stc_synapse_format *f = &c->p->format;
    const uint64_t neurons = (UINT64_C(1) << f->neuron_bits) - 1;
    const uint64_t steps = (UINT64_C(1) << f->step_bits) - 1;
    uint64_t sum = 0;
    for (int64_t i = from; i < end; i++) {
        uint64_t word =
            f->wide_word ? ((const uint64_t *)c->t->word)[i] : ((const uint32_t *)c->t->word)[i];
        const uint32_t source = stc_rows_source(c->p, c->t, i);
        if (f->source_bits)
            word &= (UINT64_C(1) << ((f->wide_word ? 64 : 32) - f->source_bits)) - 1;
        const double magnitude = (double)(word >> (f->neuron_bits + f->step_bits));
        sum += hash_synapse(c->first_source + source, id_of(c, word & neurons),
                            c->delay + (int64_t)(word >> f->neuron_bits & steps),
                            c->sign * magnitude * c->p->unit);
        has[source] = true;
    }
    return sum;
}

static int sum_table(const assembly *a, const pathway *p, int which, stc_sim_stored *out)
{
    const row_table *t = &p->table[which];
    const int64_t sources = INT64_C(1) << p->source_bits;
    bool *has = stc_alloc(sources, sizeof *has);
    if (!has) return STC_ERR_NOMEM;
    const int64_t first = p->source->stage->first_id + p->source->window.lo[0];
    cell c = {.a = a, .p = p, .which = which, .t = t};
    for (int64_t row = 0; row < t->nrows; row++) {
        const uint32_t *start = stc_row_start(p, t, row);
        int64_t from = *start;
        c.first_source = (uint64_t)(first + row * sources);
        memset(has, 0, (size_t)sources);
        for (int64_t k = 0; k < p->ncells; k++) {
            const int64_t end = *start + stc_cell_end(p, start + 1, k);
            c.sign = p->group[k / p->blocks].sign;
            c.delay = p->least + ((k % p->blocks) << p->format.step_bits);
            out->checksum += sum_cell(&c, from, end, has);
            from = end;
        }
        for (int64_t s = 0; s < sources; s++)
            out->users += has[s];
    }
    out->synapses += t->nwords;
    stc_free(has);
    return 0;
}

int stc_sim_synapses(const stc_sim *sim, stc_sim_stored *out)
{
    int worst = 0;
    *out = (stc_sim_stored){0};
    for (int i = 0; i < sim->nassemblies; i++) {
        const assembly *a = sim->assemblies[i];
#pragma omp parallel for schedule(static) num_threads(sim->threads)
        for (int q = 0; q < a->npatches; q++) {
            stc_sim_stored own = {0};
            int rc = 0;
            for (int k = 0; k < a->npathways && rc >= 0; k++)
                rc = sum_table(a, &a->pathways[k], q, &own);
#pragma omp critical(stc_stored)
            {
                worst = rc < 0 ? rc : worst;
                out->synapses += own.synapses;
                out->users += own.users;
                out->checksum += own.checksum;
            }
        }
    }
    if (worst < 0) stc_fail(worst, "out of memory: no room to look at rows of synapses");
    STC_TRY(stc_agree(&sim->world, worst));
    out->synapses = (int64_t)stc_comm_sum_u64(&sim->world, (uint64_t)out->synapses);
    out->users = (int64_t)stc_comm_sum_u64(&sim->world, (uint64_t)out->users);
    out->checksum = stc_comm_sum_u64(&sim->world, out->checksum);
    return 0;
}
