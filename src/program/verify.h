/* verify.h - the parts of stc_program_verify. Private to src/program. Everything is Local and
 * returns STC_ERR_INPUT naming stage, tile or net, what was found and what was expected. */
#ifndef STC_PROGRAM_VERIFY_H
#define STC_PROGRAM_VERIFY_H

#include "stc/error.h"
#include "stc/program.h"

static inline bool stc_within(int64_t x, int64_t lo, int64_t hi)
{
    return x >= lo && x <= hi;
}

static inline bool stc_is_sum(stc_kernel_kind kind)
{
    return kind == STC_KERNEL_ACCUMULATE || kind == STC_KERNEL_READ;
}

/* Operands, views and sizes of one kernel of stage s, whose own shape is verified. */
int stc_verify_kernel(const stc_program *program, int32_t s, const stc_kernel *kernel);
/* A DELIVER kernel, whose operand is verified (verify_projection.c). */
int stc_verify_projection(const stc_program *program, const stc_stage *stage,
                          const stc_kernel *kernel);
int stc_verify_generator(const stc_program *program, const stc_stage *stage,
                         const stc_kernel *kernel);
/* Kind and timing of a stage follow from its kernels, which are verified. */
int stc_verify_values(const stc_program *program, const stc_stage *stage);
/* Tiles fill their stages as grids; nets reach every tile that needs a value; levels are right. */
int stc_verify_tiles(const stc_program *program);
int stc_verify_nets(const stc_program *program);

#endif
