/* test_run_errors.c - a run that cannot be: every rank returns the same code with the reason, ends
 * by itself and leaves nothing allocated, also where only one rank saw what was wrong. */
#include "mpi_test.h"

#include "stc/builder.h"
#include "stc/compile.h"
#include "stc/error.h"
#include "stc/simulate.h"

#include <math.h>

enum { WIDTH = 40 };

static stc_comm world_comm;
static const stc_comm *world = &world_comm;

/* All values are the same, but those of the last element are `odd`. */
typedef struct {
    float value, odd;
} presented;

static int read_values(const stc_input *input, int array, int64_t sample, int64_t first,
                       int64_t count, const stc_box *box, float *out)
{
    (void)array, (void)sample, (void)first;
    const presented *p = input->source;
    for (int64_t t = 0; t < count; t++) {
        for (int64_t i = box->lo[0]; i < box->hi[0]; i++)
            *out++ = i == WIDTH - 1 ? p->odd : p->value;
    }
    return 0;
}

/* Bits through a linear layer, or as they are, to neurons. */
static stc_graph *build(bool weights, float last_weight, int width)
{
    stc_builder *b;
    stc_graph *graph;
    char text[64];
    float *values = stc_alloc((int64_t)WIDTH * WIDTH, sizeof *values);
    values[WIDTH * WIDTH - 1] = last_weight;
    assert_int_equal(stc_builder_create("net", &b), 0);
    snprintf(text, sizeof text, "shape=%d kind=bits", width);
    int x = stc_build(b, "input", "x", NULL, 0, text);
    if (weights) {
        x = stc_build(b, "linear", "w", &x, 1, "");
        stc_build_weight(b, x, "weight", (stc_shape){2, {WIDTH, WIDTH}}, values);
    }
    int s = stc_build(b, "discrete_lif", "s", &x, 1, "");
    stc_build(b, "output", "out", &s, 1, "");
    stc_free(values);
    if (stc_builder_finish(&b, &graph) < 0) fail_msg("%s", stc_error_text());
    return graph;
}

typedef struct {
    const char *text; /* in the message */
    int code;
    stc_run_options run;
    presented input;
    int64_t samples;     /* 0: 2 */
    float last_weight;   /* of the linear layer */
    int width;           /* 0: WIDTH and a linear layer */
    const char *name;    /* of the array; NULL: x */
    int64_t input_steps; /* 0: the same values at every step */
} failure;

static void check_failure(const failure *f)
{
    int64_t held = stc_alloc_bytes();
    stc_graph *graph = build(f->width == 0, f->last_weight, f->width ? f->width : WIDTH);
    stc_compile_options compile = {.chips = 3, .partition = "contiguous"};
    stc_program *program;
    stc_compile_report report;
    assert_all(world, stc_compile(world, graph, "", &compile, &program, &report) >= 0);
    stc_input_array array = {.name = f->name ? f->name : "x",
                             .shape = program->stages[0].shape,
                             .steps = f->input_steps,
                             .scale = 1.0};
    stc_input_array arrays[2] = {array, array};
    stc_input input = {.path = "memory",
                       .samples = f->samples ? f->samples : 2,
                       .narrays = f->name ? 2 : 1,
                       .arrays = arrays,
                       .read = read_values,
                       .source = (void *)&f->input};
    if (f->samples < 0) input.samples = 0;
    stc_sim *sim = NULL;
    int rc = stc_sim_create(world, program, &input, &f->run, &sim);
    if (rc != f->code || !strstr(stc_error_text(), f->text)) {
        fprintf(stderr, "code %d, expected %d; '%s' lacks '%s'\n", rc, f->code, stc_error_text(),
                f->text);
    }
    assert_all(world, rc == f->code && strstr(stc_error_text(), f->text));
    assert_all(world, sim == NULL);
    stc_program_destroy(&program);
    stc_graph_destroy(&graph);
    assert_all(world, stc_alloc_bytes() == held);
}

static void wrong_runs_are_refused_by_all_ranks(void **state)
{
    (void)state;
    world_comm = stc_comm_of(MPI_COMM_WORLD);
    const int64_t many = INT64_C(1) << 40; /* the most that a sample may have */
    const failure failures[] = {
        {.text = "use --time-steps", .code = STC_ERR_USAGE},
        {.text = "has 3 steps, 4 are asked for",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 4},
         .input_steps = 3},
        {.text = "at most 2^40", .code = STC_ERR_USAGE, .run = {.time_steps = INT64_MAX}},
        {.text = "memory", .code = STC_ERR_NOMEM, .run = {.time_steps = many}},
        {.text = "memory",
         .code = STC_ERR_NOMEM,
         .run = {.time_steps = many, .block_steps = 1},
         .samples = 1 << 14},
        {.text = "together at most 2^55",
         .code = STC_ERR_USAGE,
         .run = {.time_steps = many},
         .samples = 1 << 16},
        {.text = "more than can be recorded",
         .code = STC_ERR_FIT,
         .run = {.time_steps = many, .block_steps = 1, .record_spikes = true},
         .samples = 1,
         .width = 1 << 17},
        {.text = "has no samples", .code = STC_ERR_INPUT, .run = {.time_steps = 1}, .samples = -1},
        {.text = "sample 2 is asked for",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1, .first_sample = 2}},
        {.text = "1 to 2 are asked for",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1, .first_sample = 1, .nsamples = 2}},
        {.text = "does not divide",
         .code = STC_ERR_USAGE,
         .run = {.time_steps = 1, .replicas = 17}},
        {.text = "unknown set \"avx\"",
         .code = STC_ERR_USAGE,
         .run = {.time_steps = 1, .kernel = "avx"}},
        {.text = "no values for input x",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1},
         .name = "y"},
        {.text = "holds 0.5, expected bit",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1},
         .input = {1.0f, 0.5f}},
        {.text = "holds 2, expected bit",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1},
         .input = {0.0f, 2.0f}},
        {.text = "holds nan, expected bit",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1},
         .input = {0.0f, NAN}},
        {.text = "row 39, column 39 is nan",
         .code = STC_ERR_INPUT,
         .run = {.time_steps = 1},
         .last_weight = NAN}};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        check_failure(&failures[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_runs_are_refused_by_all_ranks)};
    return run_mpi_tests("run errors", tests, &argc, &argv);
}
