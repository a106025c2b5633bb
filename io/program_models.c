/* program_models.c - neurons, populations and codes in program files: they are named, their
 * parameters checked against their tables. */
#include "program_table.h"

#include "stc/code.h"
#include "stc/error.h"
#include "stc/neuron.h"
#include "stc/population.h"

#include <math.h>
#include <string.h>

int stc_model_row_fill(const stc_kernel *kernel, stc_model_row *row)
{
    int n;
    *row = (stc_model_row){0};
    if (kernel->kind == STC_KERNEL_NEURON) {
        const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
        if (kernel->u.neuron.model < 0 || kernel->u.neuron.model >= n) return STC_ERR_INTERNAL;
        row->model = models[kernel->u.neuron.model]->name;
        memcpy(row->params, kernel->u.neuron.params, sizeof(kernel->u.neuron.params));
        memcpy(row->field, kernel->u.neuron.field, sizeof(kernel->u.neuron.field));
        return 0;
    }
    if (kernel->kind == STC_KERNEL_CODE) {
        const stc_code *const *codes = stc_codes(&n);
        if (kernel->u.code.code < 0 || kernel->u.code.code >= n) return STC_ERR_INTERNAL;
        row->model = codes[kernel->u.code.code]->name;
        row->key = kernel->u.code.key;
        memcpy(row->params, kernel->u.code.params, sizeof(kernel->u.code.params));
        return 0;
    }
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    if (kernel->u.population.model < 0 || kernel->u.population.model >= n) return STC_ERR_INTERNAL;
    row->model = models[kernel->u.population.model]->name;
    memcpy(row->params, kernel->u.population.params, sizeof(row->params));
    memcpy(row->field, kernel->u.population.field, sizeof(row->field));
    return 0;
}

static int unpack_code(const stc_model_row *row, stc_kernel *kernel)
{
    int n;
    const stc_code *const *codes = stc_codes(&n);
    memcpy(kernel->u.code.params, row->params, sizeof(kernel->u.code.params));
    kernel->u.code.key = row->key;
    for (int c = 0; c < n; c++) {
        kernel->u.code.code = c;
        kernel->u.code.per_sample = codes[c]->per_sample;
        if (strcmp(codes[c]->name, row->model) == 0) return 0;
    }
    STC_FAIL(STC_ERR_INPUT, "code \"%.40s\" is not known to this stc; compile it again",
             row->model);
}

int stc_model_row_unpack(const stc_rows *rows, int64_t i, stc_arena *arena, stc_kernel *kernel)
{
    int n;
    stc_model_row row = {0};
    STC_TRY(stc_rows_unpack(rows, i, arena, &row));
    if (kernel->kind == STC_KERNEL_CODE) return unpack_code(&row, kernel);
    if (kernel->kind == STC_KERNEL_NEURON) {
        const stc_neuron_model *const *models = stc_neuron_models("scalar", &n);
        memcpy(kernel->u.neuron.params, row.params, sizeof(kernel->u.neuron.params));
        memcpy(kernel->u.neuron.field, row.field, sizeof(kernel->u.neuron.field));
        for (int m = 0; m < n; m++) {
            kernel->u.neuron.model = m;
            if (strcmp(models[m]->name, row.model) == 0) return 0;
        }
    } else {
        const stc_population_model *const *models = stc_population_models("scalar", false, &n);
        memcpy(kernel->u.population.params, row.params, sizeof(row.params));
        memcpy(kernel->u.population.field, row.field, sizeof(row.field));
        for (int m = 0; m < n; m++) {
            kernel->u.population.model = m;
            if (strcmp(models[m]->name, row.model) == 0) return 0;
        }
    }
    STC_FAIL(STC_ERR_INPUT, "neuron model \"%.40s\" is not known to this stc; compile it again",
             row.model);
}

/* Is x what a parameter of this kind may be? */
static bool fits_parameter(const stc_attr_spec *spec, double x)
{
    int64_t last = spec->kind == STC_ATTR_BOOL ? 1 : INT32_MAX;
    bool real = spec->kind == STC_ATTR_REAL || spec->kind == STC_ATTR_EACH;
    if (real) return stc_attr_meets(spec->check, x) && isfinite(x);
    if (spec->kind == STC_ATTR_CHOICE) {
        last = 0;
        for (const char *c = spec->choices; *c; c++)
            last += *c == ' ';
    }
    return x >= 0 && x <= (double)last && x == (double)(int64_t)x && stc_attr_meets(spec->check, x);
}

static int check_params(const stc_stage *stage, const stc_attr_spec *specs, int n,
                        const double *params, const int32_t *field)
{
    for (int i = 0; i < n; i++) {
        STC_CHECK(field[i] < 0 || specs[i].kind == STC_ATTR_EACH, STC_ERR_INPUT,
                  "stage %s: parameter %s has a field, but is the same for all neurons",
                  stage->name, specs[i].name);
        if (field[i] >= 0) continue;
        STC_CHECK(fits_parameter(&specs[i], params[i]), STC_ERR_INPUT,
                  "stage %s: parameter %s of its neurons is %g, which cannot be", stage->name,
                  specs[i].name, params[i]);
    }
    return 0;
}

static int check_kind(const stc_stage *stage, stc_kind kind)
{
    char found[96], wanted[96];
    STC_CHECK(kind.unit == stage->kind.unit && kind.max == stage->kind.max, STC_ERR_INPUT,
              "stage %s: its values are %s, expected %s", stage->name,
              stc_kind_text(stage->kind, found, sizeof found),
              stc_kind_text(kind, wanted, sizeof wanted));
    return 0;
}

/* Parameters of a code are in range, and its values are what the stage says. */
static int check_code(const stc_program *program, const stc_stage *stage, const stc_kernel *kernel)
{
    int n;
    int32_t none[STC_MAX_CODE_PARAMS] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const stc_code *code = stc_codes(&n)[kernel->u.code.code];
    const stc_operand *operand = &kernel->operand[0];
    STC_TRY(check_params(stage, code->params, code->nparams, kernel->u.code.params, none));
    stc_kind in = stc_kind_scale(program->stages[operand->stage].kind, operand->factor), kind;
    int rc = code->output_kind(kernel->u.code.params, in, &kind);
    return rc < 0 ? stc_fail_in(rc, "stage %s", stage->name) : check_kind(stage, kind);
}

/* Parameters of the neurons are in range, and their spikes are what the stage says; so for codes.
 */
int stc_check_models(const stc_program *program, const stc_stage *stage)
{
    int n;
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    if (last->kind == STC_KERNEL_POPULATION) {
        const stc_population_model *model =
            stc_population_models("scalar", false, &n)[last->u.population.model];
        return check_params(stage, model->params, model->nparams, last->u.population.params,
                            last->u.population.field);
    }
    if (last->kind == STC_KERNEL_CODE) return check_code(program, stage, last);
    if (last->kind != STC_KERNEL_NEURON) return 0;
    const stc_neuron_model *model = stc_neuron_models("scalar", &n)[last->u.neuron.model];
    STC_TRY(check_params(stage, model->params, model->nparams, last->u.neuron.params,
                         last->u.neuron.field));
    stc_kind kind;
    int rc = model->output_kind(last->u.neuron.params, &kind);
    return rc < 0 ? stc_fail_in(rc, "stage %s", stage->name) : check_kind(stage, kind);
}
