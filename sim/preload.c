/* preload.c - the values of an input for all samples, read before the first beat. */
#include "engine.h"

/* One value of an input must be what its stage may hold. */
static int check_value(const stc_sim *sim, const stage_plan *plan, int64_t sample, float x)
{
    stc_kind kind = plan->stage->kind;
    float count = stc_kind_is_real(kind) ? 0.0f : x / (float)kind.unit;
    bool fits = count >= 0.0f && count <= (float)kind.max;
    char text[64];
    STC_CHECK(fits && count == (float)(int64_t)count, STC_ERR_INPUT,
              "%s: input %s, sample %lld holds %g, expected %s", sim->input->path,
              plan->stage->name, (long long)(sim->first_sample + sample), (double)x,
              stc_kind_text(kind, text, sizeof text));
    return 0;
}

/* Values of steps [first, first + count) of a sample, brought into the order of the window. values,
 * placed: [count][window]. */
static int preload_steps(stc_sim *sim, stage_plan *plan, int64_t sample, int64_t first,
                         int64_t count, float *values, float *placed)
{
    int64_t extent[STC_MAX_NDIM], stride[STC_MAX_NDIM], n = plan->window_size, total = 1;
    int64_t per_sample = plan->timing == EVERY_STEP ? sim->steps : 1;
    int ndim = plan->window.ndim;
    stc_box box = {.ndim = ndim}; /* the window in source axes */
    for (int a = 0; a < ndim; a++) {
        box.lo[plan->stage->order[a]] = plan->window.lo[a];
        box.hi[plan->stage->order[a]] = plan->window.hi[a];
    }
    for (int d = ndim - 1; d >= 0; d--) {
        extent[d] = total;
        total *= box.hi[d] - box.lo[d];
    }
    for (int a = 0; a < ndim; a++)
        stride[a] = extent[plan->stage->order[a]];
    STC_TRY(sim->input->read(sim->input, plan->input_array, sim->first_sample + sample, first,
                             count, &box, values));
    for (int64_t i = 0; i < count * n; i++) {
        int64_t rest = i % n, from = i / n * n;
        for (int a = 0; a < ndim; a++) {
            from += rest / plan->stride[a] * stride[a];
            rest %= plan->stride[a];
        }
        placed[i] = values[from];
        STC_TRY(check_value(sim, plan, sample, placed[i]));
    }
    stc_dtype dtype = plan->stage->dtype;
    float inverse =
        stc_kind_is_real(plan->stage->kind) ? 1.0f : (float)(1.0 / plan->stage->kind.unit);
    int64_t at = (sample * per_sample + first) * n * stc_dtype_size(dtype);
    sim->kernels->write(dtype, count * n, placed, inverse, plan->preloaded + at);
    return 0;
}

/* All samples of this group in the window of an input stage, as they are stored there. */
int stc_sim_preload(stc_sim *sim, stage_plan *plan)
{
    enum { PIECE = 1 << 20 };
    int64_t per_sample = plan->timing == EVERY_STEP ? sim->steps : 1, n = plan->window_size;
    int64_t piece = n >= PIECE ? 1 : PIECE / n, elements = stc_sim_product(per_sample, n);
    if (piece > per_sample) piece = per_sample;
    plan->preloaded =
        stc_alloc(stc_sim_product(sim->nsamples, elements), stc_dtype_size(plan->stage->dtype));
    float *values = stc_alloc(stc_sim_product(2 * piece, n), sizeof *values);
    int rc = plan->preloaded && values ? 0 : STC_ERR_NOMEM;
    for (int64_t s = 0; rc >= 0 && s < sim->nsamples; s++) {
        for (int64_t first = 0; rc >= 0 && first < per_sample; first += piece) {
            int64_t count = per_sample - first < piece ? per_sample - first : piece;
            rc = preload_steps(sim, plan, s, first, count, values, values + piece * n);
        }
    }
    stc_free(values);
    return rc;
}
