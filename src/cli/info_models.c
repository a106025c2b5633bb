/* info_models.c - `stc info --models`: the neuron models of populations and their parameters. */
#include "info.h"

#include "stc/population.h"

#include <math.h>

enum { NAME_WIDTH = 16, DEFAULT_WIDTH = 12 };

static void print_param(const stc_attr_spec *param)
{
    char initial[32] = "required";
    if (!param->required) snprintf(initial, sizeof initial, "%.10g", param->initial);
    printf("  %-*s %-*s %s%s\n", NAME_WIDTH, param->name, DEFAULT_WIDTH, initial, param->help,
           param->kind == STC_ATTR_EACH ? "" : " (the same for all neurons)");
}

static void print_model(const stc_population_model *model)
{
    printf("%s: %s\n", model->name, model->help);
    for (int p = 0; p < model->nparams; p++)
        print_param(&model->params[p]);
    printf("  can be recorded:");
    for (int s = 0; s < model->nstate; s++)
        printf("%s %s (%s)", s ? "," : "", model->states[s], model->units[s]);
    printf("\n\n");
}

static void json_model(stc_json *out, const stc_population_model *model)
{
    stc_json_open(out, model->name, '{');
    stc_json_string(out, "help", model->help);
    stc_json_open(out, "parameters", '[');
    for (int p = 0; p < model->nparams; p++) {
        const stc_attr_spec *param = &model->params[p];
        stc_json_open(out, NULL, '{');
        stc_json_string(out, "name", param->name);
        stc_json_real(out, "default", param->required ? NAN : param->initial);
        stc_json_bool(out, "required", param->required);
        stc_json_bool(out, "each", param->kind == STC_ATTR_EACH);
        stc_json_string(out, "help", param->help);
        stc_json_close(out, '}');
    }
    stc_json_close(out, ']');
    stc_json_open(out, "states", '{');
    for (int s = 0; s < model->nstate; s++)
        stc_json_string(out, model->states[s], model->units[s]);
    stc_json_close(out, '}');
    stc_json_close(out, '}');
}

void stc_info_models(bool json)
{
    int n;
    const stc_population_model *const *models = stc_population_models("scalar", false, &n);
    if (!json) {
        printf("models of populations, with parameters, defaults and units (n, their number, is "
               "required)\n\n");
        for (int m = 0; m < n; m++)
            print_model(models[m]);
        return;
    }
    stc_json out = stc_json_begin(stdout);
    stc_json_open(&out, "models", '{');
    for (int m = 0; m < n; m++)
        json_model(&out, models[m]);
    stc_json_close(&out, '}');
    stc_json_end(&out);
}
