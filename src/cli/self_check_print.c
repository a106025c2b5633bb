/* self_check_print.c - the report of a self-check, and its verdict. See self_check.h. */
#include "self_check.h"

#include "stc/error.h"

#include <string.h>

/* "(5, 18)": indices along the axes of the node. */
static const char *index_text(const stc_shape *shape, int64_t index, char *buffer, size_t size)
{
    int64_t stride[STC_MAX_NDIM];
    size_t used = (size_t)snprintf(buffer, size, "(");
    stc_shape_strides(shape, stride);
    for (int d = 0; d < shape->ndim && used < size; d++) {
        used += (size_t)snprintf(buffer + used, size - used, "%s%lld", d ? ", " : "",
                                 (long long)(index / stride[d]));
        index %= stride[d];
    }
    if (used < size) snprintf(buffer + used, size - used, ")");
    return buffer;
}

/* ---- text ---- */

static void print_row(int width, const char *name, const int64_t *counts)
{
    char text[STC_TEXT_SIZE];
    printf("  %-*s", width, name);
    for (int i = 0; i < 5; i++)
        printf(" %*s", i == 0 ? 14 : 11, stc_text_count(counts[i], text));
    printf("\n");
}

static void print_layers(const stc_check *check)
{
    int width = 5;
    for (int l = 0; l < check->nlayers; l++) {
        int length = (int)strlen(check->layers[l].name);
        if (length > width) width = length;
    }
    printf("  %-*s %14s %11s %11s %11s %11s\n", width, "layer", "compared", "differ", "near",
           "downstream", "unexplained");
    for (int l = 0; l < check->nlayers; l++) {
        const stc_check_layer *k = &check->layers[l];
        print_row(width, k->name,
                  (int64_t[]){k->compared, k->differ, k->near, k->downstream, k->unexplained});
        if (k->unexplained == 0) continue;
        char text[128];
        printf("  %*s first: sample %lld, step %lld, neuron %s, index %lld\n", width, "",
               (long long)check->sample[k->row], (long long)k->step,
               index_text(&k->shape, k->index, text, sizeof text), (long long)k->index);
    }
    print_row(width, "all",
              (int64_t[]){check->compared, check->differ, check->near, check->downstream,
                          check->unexplained});
    printf("near: listed as near the threshold");
    if (check->band > 0) printf(", within %.3g", check->band);
    printf("; downstream: after a listed one that differs\n");
}

static void print_samples(const stc_check_samples *samples, const char *what)
{
    if (samples->samples == 0) return;
    printf("  %.3g over %lld sample%s %s", samples->difference, (long long)samples->samples,
           samples->samples == 1 ? "" : "s", what);
    if (samples->worst >= 0) printf(" (at sample %lld)", (long long)samples->worst);
    printf("\n");
}

static void print_text(const stc_check *check)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    printf("%s: test vectors of %lld samples, %lld steps, %d layers; input %s\n", check->model,
           (long long)check->rows, (long long)check->steps, check->nlayers, check->input);
    if (check->nlayers > 0) print_layers(check);
    for (int o = 0; o < check->noutputs; o++) {
        const stc_check_output *output = &check->outputs[o];
        printf("output %s, largest absolute difference (values up to %.3g):\n", output->name,
               output->largest);
        print_samples(&output->same, "without flips");
        print_samples(&output->flipped, "with flips");
        print_samples(&output->unknown, "that there are no spikes of");
    }
    if (check->noutputs == 0) printf("the vectors hold no outputs\n");
    bool good = check->unexplained == 0 && check->outputs_off == 0;
    printf("%s: %s of %s neuron-steps differ", good ? "good" : "NOT good",
           stc_text_count(check->differ, a), stc_text_count(check->compared, b));
    if (check->differ > 0) {
        printf(", %s near the threshold", stc_text_count(check->near, a));
        printf(", %s downstream", stc_text_count(check->downstream, a));
        printf(", %s unexplained", stc_text_count(check->unexplained, a));
    }
    if (check->outputs_off > 0) printf("; outputs differ");
    printf("\n");
}

/* ---- JSON ---- */

static void json_counts(stc_json *out, const int64_t *counts)
{
    static const char *const names[5] = {"compared", "differences", "near_threshold", "downstream",
                                         "unexplained"};
    for (int i = 0; i < 5; i++)
        stc_json_int(out, names[i], counts[i]);
}

static void json_layer(stc_json *out, const stc_check *check, const stc_check_layer *k)
{
    stc_json_open(out, NULL, '{');
    stc_json_string(out, "name", k->name);
    json_counts(out, (int64_t[]){k->compared, k->differ, k->near, k->downstream, k->unexplained});
    if (k->unexplained > 0) {
        stc_json_open(out, "first_unexplained", '{');
        stc_json_int(out, "sample", check->sample[k->row]);
        stc_json_int(out, "row", k->row);
        stc_json_int(out, "step", k->step);
        stc_json_int(out, "index", k->index);
        stc_json_close(out, '}');
    }
    stc_json_close(out, '}');
}

static void json_samples(stc_json *out, const char *key, const stc_check_samples *samples)
{
    stc_json_open(out, key, '{');
    stc_json_int(out, "samples", samples->samples);
    stc_json_real(out, "difference", samples->difference);
    if (samples->worst >= 0) stc_json_int(out, "worst_sample", samples->worst);
    stc_json_close(out, '}');
}

static void print_json(const stc_check *check)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "file", check->model);
    stc_json_string(&out, "input", check->input);
    stc_json_bool(&out, "good", check->unexplained == 0 && check->outputs_off == 0);
    stc_json_int(&out, "samples", check->rows);
    stc_json_int(&out, "steps", check->steps);
    if (check->band > 0) stc_json_real(&out, "band", check->band);
    json_counts(&out, (int64_t[]){check->compared, check->differ, check->near, check->downstream,
                                  check->unexplained});
    stc_json_open(&out, "layers", '[');
    for (int l = 0; l < check->nlayers; l++)
        json_layer(&out, check, &check->layers[l]);
    stc_json_close(&out, ']');
    stc_json_open(&out, "outputs", '[');
    for (int o = 0; o < check->noutputs; o++) {
        const stc_check_output *output = &check->outputs[o];
        stc_json_open(&out, NULL, '{');
        stc_json_string(&out, "name", output->name);
        stc_json_real(&out, "largest", output->largest);
        stc_json_real(&out, "tolerance", output->tolerance);
        json_samples(&out, "without_flips", &output->same);
        json_samples(&out, "with_flips", &output->flipped);
        json_samples(&out, "not_compared", &output->unknown);
        stc_json_close(&out, '}');
    }
    stc_json_close(&out, ']');
    stc_json_end(&out);
}

void stc_check_print(const stc_check *check, bool json)
{
    (json ? print_json : print_text)(check);
}

/* ---- verdict ---- */

static int layer_off(const stc_check *check, const stc_check_layer *k)
{
    char text[128];
    STC_FAIL(STC_ERR_INPUT,
             "%s: layer %s: %lld of %lld neuron-steps differ from the test vectors without an "
             "explanation, first at sample %lld, step %lld, neuron %s, index %lld\n"
             "hint: it is the first such layer, so look at its parameters and at what feeds it; if "
             "only few differ, list near-threshold places in a wider band and export again",
             check->model, k->name, (long long)k->unexplained, (long long)k->compared,
             (long long)check->sample[k->row], (long long)k->step,
             index_text(&k->shape, k->index, text, sizeof text), (long long)k->index);
}

int stc_check_verdict(const stc_check *check)
{
    for (int l = 0; l < check->nlayers; l++)
        if (check->layers[l].unexplained > 0) return layer_off(check, &check->layers[l]);
    for (int o = 0; o < check->noutputs; o++) {
        const stc_check_output *output = &check->outputs[o];
        STC_CHECK(output->same.difference <= output->tolerance, STC_ERR_INPUT,
                  "%s: output %s differs by %.3g at sample %lld, whose spikes do not differ; "
                  "expected %.3g or less\n"
                  "hint: look at the nodes between the last neurons and this output",
                  check->model, output->name, output->same.difference,
                  (long long)output->same.worst, output->tolerance);
    }
    return 0;
}
