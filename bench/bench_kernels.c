/* bench_kernels.c - the matrix kernel and the LIF step of every set that runs here, one thread.
 *
 * The sizes are layers of Spikformer (tokens x inner x channels) and a small convolution; density
 * is the percentage of operands that are 1. gmacs counts dense multiply-accumulates, so that the
 * sets compare; gadds counts those with a nonzero operand.
 */
#include "bench.h"

#include "stc/kernels.h"
#include "stc/program.h"

typedef struct {
    const stc_kernel_set *set;
    stc_gemm gemm;
} gemm_work;

static void run_gemm(void *context)
{
    const gemm_work *work = context;
    work->set->gemm_u8(&work->gemm);
}

static void *need(int64_t count, int64_t size)
{
    void *memory = stc_alloc(count, size);
    if (!memory) exit(3);
    return memory;
}

static void fill_operands(uint8_t *a, int64_t m, int64_t k, int64_t lda, int percent, int64_t *set)
{
    *set = 0;
    for (int64_t i = 0; i < m * k; i++) {
        const bool one = stc_mix64((uint64_t)i) % 100 < (uint64_t)percent;
        a[i / k * lda + i % k] = one;
        *set += one;
    }
}

static void bench_gemm(stc_bench *bench, const stc_kernel_set *set, int64_t m, int64_t k, int64_t n)
{
    const int64_t lda = (k + 63) / 64 * 64, width = (n + 15) / 16 * 16;
    uint8_t *a = need((m + 15) / 16 * 16 * lda, 1);
    int32_t *q = need(n * k, sizeof *q);
    void *packed = need(set->packed_u8_bytes(k, n), 1), *scratch = need(set->gemm_scratch_bytes, 1);
    float *scale = need(width, sizeof *scale), *bias = need(width, sizeof *bias);
    float *x = need(m * width, sizeof *x);
    for (int64_t i = 0; i < n * k; i++) {
        q[i] = (int32_t)(stc_mix64((uint64_t)i) % STC_WEIGHT_MAX) - STC_WEIGHT_MAX / 2;
    }
    for (int64_t c = 0; c < n; c++)
        scale[c] = 0x1p-22f;
    set->pack_u8(k, n, q, packed);
    for (int d = 0; d < 3; d++) {
        const int percent = (const int[]){5, 15, 50}[d];
        int64_t nonzero;
        fill_operands(a, m, k, lda, percent, &nonzero);
        gemm_work work = {set,
                          {.m = m,
                           .k = k,
                           .a = a,
                           .lda = lda,
                           .weights = packed,
                           .n = n,
                           .scale = scale,
                           .bias = bias,
                           .limit = k * STC_WEIGHT_MAX,
                           .max_operand = 1,
                           .x = x,
                           .ldx = width,
                           .scratch = scratch}};
        stc_bench_run(bench, "gemm_u8", run_gemm, &work);
        stc_bench_print(bench, "us", 1e6,
                        "\"kernel\": \"%s\", \"m\": %d, \"k\": %d, \"n\": %d, \"density\": %d, "
                        "\"gmacs\": %.1f, \"gadds\": %.1f",
                        set->name, (int)m, (int)k, (int)n, percent,
                        1e-9 * (double)(m * k * n) / bench->median,
                        1e-9 * (double)(nonzero * n) / bench->median);
    }
    void *const all[] = {a, q, packed, scratch, scale, bias, x};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        stc_free(all[i]);
}

typedef struct {
    const stc_neuron_model *model;
    double params[STC_MAX_NEURON_PARAMS];
    float *state[STC_MAX_NEURON_STATES], *x;
    uint8_t *out;
    int64_t n;
} neuron_work;

static void run_neuron(void *context)
{
    const neuron_work *work = context;
    work->model->step(
        work->n, &(stc_neuron_step){
                     .params = work->params, .state = work->state, .x = work->x, .out = work->out});
}

/* Default parameters of the first model, the discrete LIF; inputs fire about a tenth of them. */
static void bench_neuron(stc_bench *bench, const stc_kernel_set *set)
{
    neuron_work work = {.model = set->neurons[0], .n = 1 << 17};
    for (int i = 0; i < work.model->nparams; i++) {
        work.params[i] = work.model->params[i].initial;
    }
    for (int s = 0; s < work.model->nstate; s++) {
        work.state[s] = need(work.n, sizeof(float));
    }
    work.x = need(work.n, sizeof(float));
    work.out = need(work.n, 1);
    for (int64_t i = 0; i < work.n; i++) {
        work.x[i] = (float)(stc_mix64((uint64_t)i) >> 40) * 0x1p-23f - 0.8f;
    }
    stc_bench_run(bench, "neuron_step", run_neuron, &work);
    stc_bench_print(bench, "ns per neuron", 1e9 / (double)work.n,
                    "\"kernel\": \"%s\", \"model\": \"%s\", \"n\": %d", set->name, work.model->name,
                    (int)work.n);
    for (int s = 0; s < work.model->nstate; s++)
        stc_free(work.state[s]);
    stc_free(work.x);
    stc_free(work.out);
}

int main(int argc, char **argv)
{
    static const int64_t sizes[][3] = {
        {256, 384, 1536}, {784, 512, 2048}, {256, 1536, 384}, {1024, 432, 96}};
    stc_bench bench = stc_bench_begin(argc, argv);
    int nsets;
    const stc_kernel_set *const *sets = stc_kernel_sets(&nsets);
    for (int s = 0; s < nsets; s++) {
        if (!sets[s]->supported()) continue;
        sets[s]->thread_start();
        bench_neuron(&bench, sets[s]);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            if (bench.quick && i != 3) continue;
            bench_gemm(&bench, sets[s], sizes[i][0], sizes[i][1], sizes[i][2]);
        }
    }
    return 0;
}
