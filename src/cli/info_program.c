/* info_program.c - `stc info` of a program: how it was made, what lies on each chip, its stages. */
#include "info.h"

#include "commands.h"

#include "stc/error.h"
#include "stc/io.h"

enum { NAME_WIDTH = 28 };

static const char *const kernel_names[] = {
    [STC_KERNEL_INPUT] = "input",         [STC_KERNEL_ACCUMULATE] = "accumulate",
    [STC_KERNEL_READ] = "read",           [STC_KERNEL_NEURON] = "neuron",
    [STC_KERNEL_MATMUL] = "matmul",       [STC_KERNEL_MUL] = "mul",
    [STC_KERNEL_POOL] = "pool",           [STC_KERNEL_REDUCE] = "reduce",
    [STC_KERNEL_CODE] = "code",           [STC_KERNEL_DELAY] = "delay",
    [STC_KERNEL_DELIVER] = "deliver",     [STC_KERNEL_POPULATION] = "population",
    [STC_KERNEL_GENERATOR] = "generator",
};

/* What one chip holds. */
typedef struct {
    int64_t tiles, cores, neurons, synapse_bytes;
    double work;
} load;

/* loads [program->chips], freed by the caller. */
static int sum_loads(const stc_program *program, load **out)
{
    load *loads = stc_alloc(program->chips, sizeof *loads);
    if (!loads) return STC_ERR_NOMEM;
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        load *chip = &loads[tile->chip];
        chip->tiles++;
        if (tile->core >= chip->cores) chip->cores = tile->core + 1;
        chip->neurons += tile->neurons;
        chip->synapse_bytes += tile->synapse_bytes;
        chip->work += tile->work;
    }
    *out = loads;
    return 0;
}

static void print_chips(const stc_program *program, const load *loads)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    double total = 0.0;
    for (int32_t c = 0; c < program->chips; c++)
        total += loads[c].work;
    printf("\n%6s %8s %8s %12s %12s %8s\n", "chip", "tiles", "cores", "neurons", "weights", "work");
    for (int32_t c = 0; c < program->chips; c++)
        printf("%6d %8lld %8lld %12s %12s %6.1f %%\n", c, (long long)loads[c].tiles,
               (long long)loads[c].cores, stc_text_count(loads[c].neurons, a),
               stc_text_bytes(loads[c].synapse_bytes, b),
               total > 0.0 ? 100.0 * loads[c].work / total : 0.0);
}

/* "deliver x 9, population": the kernels of a stage, equal neighbours together. */
static void print_kernels(const stc_program *program, const stc_stage *stage)
{
    const stc_kernel *kernels = program->kernels + stage->first_kernel;
    for (int32_t k = 0, next; k < stage->nkernels; k = next) {
        for (next = k + 1; next < stage->nkernels && kernels[next].kind == kernels[k].kind;)
            next++;
        printf("%s%s", k ? ", " : "", kernel_names[kernels[k].kind]);
        if (next - k > 1) printf(" x %d", next - k);
    }
    putchar('\n');
}

static void print_stages(const stc_program *program)
{
    char shape[96], kind[96];
    printf("\n%-*s %-16s %-18s %6s  %s\n", NAME_WIDTH, "stage", "shape", "values", "tiles",
           "kernels");
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        printf("%-*s %-16s %-18s %6d  ", NAME_WIDTH, stage->name,
               stc_shape_text(&stage->shape, shape, sizeof shape),
               stc_kind_text(stage->kind, kind, sizeof kind), stage->ntiles);
        print_kernels(program, stage);
    }
}

/* The deliveries of all stages; in the arena of the program. */
static int list_projections(const stc_program *program, stc_info_projection **out, int64_t *n)
{
    *n = 0;
    *out = stc_arena_alloc(program->arena, program->nkernels, sizeof **out);
    if (!*out) return STC_ERR_NOMEM;
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            if (kernel->kind != STC_KERNEL_DELIVER) continue;
            (*out)[(*n)++] = (stc_info_projection){program->stages[kernel->operand[0].stage].name,
                                                   stage->name, kernel->u.deliver};
        }
    }
    return 0;
}

static void print_text(const char *path, const stc_program *program, const load *loads,
                       const stc_info_projection *projections, int64_t nprojections)
{
    char a[STC_TEXT_SIZE];
    printf("%s: program %s\n", path, program->name);
    printf("%d stages, %d tiles, %d chip%s, %d level%s, %s neurons", program->nstages,
           program->ntiles, program->chips, program->chips == 1 ? "" : "s", program->levels,
           program->levels == 1 ? "" : "s", stc_text_count(program->nneurons, a));
    if (program->time_steps > 0) printf(", %lld steps per sample", (long long)program->time_steps);
    printf("\ntarget %s, partition %s, seed %llu\n", program->target, program->partition,
           (unsigned long long)program->seed);
    if (program->rates[0])
        printf("rates of profile %s\n  sha256 %s\n", program->rates, program->rates_sha256);
    printf("model %s\n  sha256 %s\nmade by %s\n", program->model_path, program->model_sha256,
           program->command);
    print_chips(program, loads);
    print_stages(program);
    stc_info_projections_text(projections, nprojections);
}

static void json_chips(stc_json *out, const stc_program *program, const load *loads)
{
    stc_json_open(out, "loads", '[');
    for (int32_t c = 0; c < program->chips; c++) {
        stc_json_open(out, NULL, '{');
        stc_json_int(out, "tiles", loads[c].tiles);
        stc_json_int(out, "cores", loads[c].cores);
        stc_json_int(out, "neurons", loads[c].neurons);
        stc_json_int(out, "synapse_bytes", loads[c].synapse_bytes);
        stc_json_real(out, "work", loads[c].work);
        stc_json_close(out, '}');
    }
    stc_json_close(out, ']');
}

static void json_stages(stc_json *out, const stc_program *program)
{
    stc_json_open(out, "stages", '[');
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        stc_json_open(out, NULL, '{');
        stc_json_string(out, "name", stage->name);
        stc_json_open(out, "shape", '[');
        for (int d = 0; d < stage->shape.ndim; d++)
            stc_json_int(out, NULL, stage->shape.dim[d]);
        stc_json_close(out, ']');
        stc_json_int(out, "tiles", stage->ntiles);
        stc_json_open(out, "kernels", '[');
        for (int32_t k = 0; k < stage->nkernels; k++)
            stc_json_string(out, NULL,
                            kernel_names[program->kernels[stage->first_kernel + k].kind]);
        stc_json_close(out, ']');
        stc_json_close(out, '}');
    }
    stc_json_close(out, ']');
}

static void print_json(const char *path, const stc_program *program, const load *loads,
                       const stc_info_projection *projections, int64_t nprojections)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "file", path);
    stc_json_string(&out, "kind", stc_file_kind_name(STC_FILE_PROGRAM));
    stc_json_string(&out, "name", program->name);
    stc_json_int(&out, "chips", program->chips);
    stc_json_int(&out, "tiles", program->ntiles);
    stc_json_int(&out, "levels", program->levels);
    stc_json_int(&out, "neurons", program->nneurons);
    stc_json_int(&out, "time_steps", program->time_steps);
    stc_json_string(&out, "target", program->target);
    stc_json_string(&out, "partition", program->partition);
    stc_json_int(&out, "seed", (int64_t)program->seed);
    stc_json_string(&out, "rates", program->rates);
    stc_json_string(&out, "rates_sha256", program->rates_sha256);
    stc_json_string(&out, "model", program->model_path);
    stc_json_string(&out, "model_sha256", program->model_sha256);
    stc_json_string(&out, "command", program->command);
    json_chips(&out, program, loads);
    json_stages(&out, program);
    if (nprojections) stc_info_projections_json(&out, projections, nprojections);
    stc_json_end(&out);
}

int stc_info_program(const char *path, bool json)
{
    stc_program *program = NULL;
    load *loads = NULL;
    STC_TRY(stc_program_read(path, &program));
    int rc = sum_loads(program, &loads);
    stc_info_projection *projections = NULL;
    int64_t n = 0;
    if (rc >= 0) rc = list_projections(program, &projections, &n);
    if (rc >= 0) (json ? print_json : print_text)(path, program, loads, projections, n);
    stc_free(loads);
    stc_program_destroy(&program);
    return rc;
}
