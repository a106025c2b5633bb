/* sets.c - the table of kernel sets, and which of them this processor can run. Compiled for the
 * least x86-64 processor, as it decides what else may be called. */
#include "../neurons/model.h"
#include "isa.h"

#include "stc/error.h"

#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>

enum { REQUEST_STATE = 0x1023, TILE_DATA = 18 }; /* arch_prctl: ARCH_REQ_XCOMP_PERM */

static bool has_scalar(void)
{
    return true;
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* The tile unit's state is large: Linux hands it out per process, on request. */
static bool has_amx(void)
{
    const unsigned tile = 1u << 24, int8 = 1u << 25; /* leaf 7, edx */
    unsigned eax, ebx, ecx, edx;
    if (!has_avx512() || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    if ((edx & tile) == 0 || (edx & int8) == 0) return false;
    return syscall(SYS_arch_prctl, REQUEST_STATE, TILE_DATA) == 0;
}

/* All exceptions masked, round to nearest, denormals kept. */
static void start_thread(void)
{
    _mm_setcsr(0x1f80);
}

static void start_amx_thread(void)
{
    start_thread();
    if (has_amx()) stc_amx_configure_tiles();
}

/* Byte products come in a form for processors that have them as one instruction (VNNI). */
static void dot_u8_avx512(int64_t m, int64_t n, int64_t k, const uint8_t *a, int64_t lda,
                          const uint8_t *b, int64_t ldb, int32_t *out, int64_t ldo)
{
    if (__builtin_cpu_supports("avx512vnni")) {
        stc_kernel_dot_u8_avx512vnni(m, n, k, a, lda, b, ldb, out, ldo);
    } else {
        stc_kernel_dot_u8_avx512(m, n, k, a, lda, b, ldb, out, ldo);
    }
}

#define SPARSE_WEIGHTS                                                                             \
    .packed_u8_bytes = stc_packed_sparse_bytes, .pack_u8 = stc_pack_sparse,                        \
    .gemm_scratch_bytes = SPARSE_SCRATCH
#define KERNELS(isa)                                                                               \
    .gemm_i32 = stc_kernel_gemm_i32_##isa, .pack_f32 = stc_pack_f32,                               \
    .gemm_f32 = stc_kernel_gemm_f32_##isa, .depthwise = stc_kernel_depthwise_##isa,                \
    .dot_f32 = stc_kernel_dot_f32_##isa, .dot_i32 = stc_kernel_dot_i32_##isa,                      \
    .read = stc_kernel_read_##isa, .read_affine = stc_kernel_read_affine_##isa,                    \
    .write = stc_kernel_write_##isa, .max = stc_kernel_max_##isa,                                  \
    .hash_u8 = stc_kernel_hash_u8_##isa, .nonzero = stc_kernel_nonzero_##isa,                      \
    .add_counts_i32 = stc_kernel_add_counts_i32_##isa,                                             \
    .add_counts_i64 = stc_kernel_add_counts_i64_##isa, .take_i32 = stc_kernel_take_i32_##isa,      \
    .take_i64 = stc_kernel_take_i64_##isa, .poisson = stc_kernel_poisson_##isa,                    \
    .neurons = stc_neurons_##isa

static const stc_kernel_set scalar = {.name = "scalar",
                                      .supported = has_scalar,
                                      .thread_start = start_thread,
                                      SPARSE_WEIGHTS,
                                      .gemm_u8 = stc_kernel_gemm_u8_scalar,
                                      .dot_u8 = stc_kernel_dot_u8_scalar,
                                      KERNELS(scalar)};
static const stc_kernel_set avx2 = {.name = "avx2",
                                    .supported = has_avx2,
                                    .thread_start = start_thread,
                                    SPARSE_WEIGHTS,
                                    .gemm_u8 = stc_kernel_gemm_u8_avx2,
                                    .dot_u8 = stc_kernel_dot_u8_avx2,
                                    KERNELS(avx2)};
static const stc_kernel_set avx512 = {.name = "avx512",
                                      .supported = has_avx512,
                                      .thread_start = start_thread,
                                      SPARSE_WEIGHTS,
                                      .gemm_u8 = stc_kernel_gemm_u8_avx512,
                                      .dot_u8 = dot_u8_avx512,
                                      KERNELS(avx512)};
static const stc_kernel_set amx = {.name = "amx",
                                   .supported = has_amx,
                                   .thread_start = start_amx_thread,
                                   .packed_u8_bytes = stc_packed_limbs_bytes,
                                   .pack_u8 = stc_pack_limbs,
                                   .gemm_scratch_bytes = AMX_SCRATCH,
                                   .gemm_u8 = stc_kernel_gemm_u8_amx,
                                   .dot_u8 = dot_u8_avx512,
                                   KERNELS(avx512)};

static const stc_kernel_set *const sets[] = {&scalar, &avx2, &avx512, &amx};
enum { NSETS = sizeof sets / sizeof *sets };

const stc_kernel_set *const *stc_kernel_sets(int *n)
{
    *n = NSETS;
    return sets;
}

/* "scalar, avx2": the sets that run here. */
static void name_supported(char *text, size_t size)
{
    *text = 0;
    for (int i = 0; i < NSETS; i++) {
        if (!sets[i]->supported()) continue;
        if (*text) strncat(text, ", ", size - strlen(text) - 1);
        strncat(text, sets[i]->name, size - strlen(text) - 1);
    }
}

int stc_kernel_set_find(const char *name, const stc_kernel_set **out)
{
    char usable[64];
    const bool best = !name || strcmp(name, "auto") == 0;
    name_supported(usable, sizeof usable);
    for (int i = NSETS - 1; i >= 0; i--) {
        if (!best && strcmp(name, sets[i]->name) != 0) continue;
        if (sets[i]->supported()) {
            *out = sets[i];
            return STC_OK;
        }
        STC_CHECK(best, STC_ERR_INPUT,
                  "kernel: this processor cannot run %s; it can run %s (results are the same)",
                  name, usable);
    }
    STC_FAIL(STC_ERR_USAGE,
             "kernel: unknown set \"%s\"; known are auto, scalar, avx2, avx512, amx "
             "(this processor can run %s)",
             name, usable);
}
