/* verify_projection.c - rules, numbers and lists of synapses, as a file may hold anything. What the
 * lists contain is checked where it is read (connect.c). */
#include "verify.h"

#include <math.h>

/* A list of edges that exists and is as long as the others. */
static int verify_list(const stc_program *program, const stc_stage *stage,
                       const stc_projection *projection, int32_t field)
{
    STC_CHECK(stc_within(field, 0, (int64_t)program->nfields - 1) &&
                  program->fields[field].rows == projection->nedges,
              STC_ERR_INPUT,
              "stage %s: list %d of the edges does not exist or has not %lld entries", stage->name,
              field, (long long)projection->nedges);
    return 0;
}

static int verify_draw(const stc_program *program, const stc_stage *stage,
                       const stc_projection *projection, const stc_draw *draw)
{
    STC_CHECK(stc_within(draw->kind, 0, STC_NDRAWS - 1) && isfinite(draw->a) && isfinite(draw->b) &&
                  draw->least <= draw->most,
              STC_ERR_INPUT, "stage %s: impossible distribution %d of weights or delays",
              stage->name, draw->kind);
    if (draw->kind != STC_DRAW_LISTED) return 0;
    STC_CHECK(projection->rule == STC_RULE_EXPLICIT, STC_ERR_INPUT,
              "stage %s: listed weights or delays without listed edges", stage->name);
    return verify_list(program, stage, projection, draw->field);
}

int stc_verify_projection(const stc_program *program, const stc_stage *stage,
                          const stc_kernel *kernel)
{
    static const int64_t most = INT64_C(1) << 40;
    const stc_projection *p = &kernel->u.deliver;
    const stc_stage *source = &program->stages[kernel->operand[0].stage];
    STC_CHECK(stc_within(p->rule, 0, STC_NRULES - 1) && p->synapse >= 0 && p->receptor >= -1,
              STC_ERR_INPUT, "stage %s: rule %d, synapse kind %d or receptor %d is impossible",
              stage->name, p->rule, p->synapse, p->receptor);
    STC_CHECK(stage->storage.ndim == 1 && p->ntargets == stage->storage.dim[0] &&
                  source->storage.ndim == 1 && p->nsources == source->storage.dim[0] &&
                  source->dtype == STC_U8 && source->kind.unit == 1.0,
              STC_ERR_INPUT, "stage %s: a projection from %lld to %lld does not fit %s",
              stage->name, (long long)p->nsources, (long long)p->ntargets, source->name);
    STC_CHECK(
        stc_within(p->number, 0, most) && stc_within(p->nedges, 0, most) && p->p >= 0.0 &&
            p->p <= 1.0 && p->dt > 0.0 && isfinite(p->dt) && stc_within(p->least, 1, most) &&
            stc_within(p->most, p->least, 1 << 20),
        STC_ERR_INPUT,
        "stage %s: number %lld, p %g, dt %g ms or delays of %lld to %lld steps are impossible",
        stage->name, (long long)p->number, p->p, p->dt, (long long)p->least, (long long)p->most);
    if (p->rule == STC_RULE_EXPLICIT) {
        STC_TRY(verify_list(program, stage, p, p->source));
        STC_TRY(verify_list(program, stage, p, p->target));
    }
    STC_CHECK(p->rule != STC_RULE_ONE_TO_ONE || p->nsources == p->ntargets, STC_ERR_INPUT,
              "stage %s: one_to_one from %lld to %lld", stage->name, (long long)p->nsources,
              (long long)p->ntargets);
    STC_TRY(verify_draw(program, stage, p, &p->weight));
    return verify_draw(program, stage, p, &p->delay);
}

static bool has_field(const stc_program *program, int32_t field, int64_t rows)
{
    return stc_within(field, 0, (int64_t)program->nfields - 1) &&
           program->fields[field].rows == rows;
}

int stc_verify_generator(const stc_program *program, const stc_stage *stage,
                         const stc_kernel *kernel)
{
    int32_t field = kernel->u.generator.field;
    int64_t end = kernel->u.generator.end;
    double value = kernel->u.generator.value;
    bool poisson = kernel->u.generator.poisson;
    bool fields = poisson ? field == -1 || has_field(program, field, stage->storage.dim[0])
                          : has_field(program, field, end) &&
                                has_field(program, kernel->u.generator.times, end);
    STC_CHECK(stage->storage.ndim == 1 && fields && value >= 0.0 && isfinite(value) &&
                  kernel->u.generator.first >= 0 && end >= (poisson ? 0 : 1) &&
                  (poisson || (value > 0.0 && kernel->u.generator.first <= INT64_C(1) << 40)),
              STC_ERR_INPUT,
              "stage %s: an impossible generator: value %g, field %d, steps %lld to %lld",
              stage->name, value, field, (long long)kernel->u.generator.first, (long long)end);
    STC_CHECK(poisson ? stage->kind.unit == 1.0 && stage->kind.max == 255
                      : stc_kind_is_real(stage->kind),
              STC_ERR_INPUT, "stage %s: its values are not those of its generator", stage->name);
    return 0;
}
