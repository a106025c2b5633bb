/* program.c - life of a program and the strides of its stages.
 *
 * Reading order of this folder: program.c, needs.c (which part of an operand fills a box), tiles.c
 * (which tiles a box touches), levels.c (beats of latency between parts), verify.c (what a file
 * must obey). */
#include "stc/program.h"

#include "stc/error.h"
#include <math.h>

int stc_program_create(const char *name, stc_program **out)
{
    stc_arena *arena;
    STC_TRY(stc_arena_create(&arena));
    stc_program *program = stc_arena_alloc(arena, 1, sizeof *program);
    if (program) program->name = stc_arena_strdup(arena, name);
    if (!program || !program->name) {
        stc_arena_destroy(&arena);
        return STC_ERR_NOMEM;
    }
    program->arena = arena;
    *out = program;
    return 0;
}

void stc_program_destroy(stc_program **program)
{
    if (!*program) return;
    if ((*program)->release) (*program)->release(*program);
    stc_arena *arena = (*program)->arena; /* holds the program itself */
    *program = NULL;
    stc_arena_destroy(&arena);
}

void stc_stage_strides(const stc_stage *stage, int64_t stride[STC_MAX_NDIM])
{
    stc_shape_strides(&stage->storage, stride);
}

void stc_stage_source_strides(const stc_stage *stage, int64_t stride[STC_MAX_NDIM])
{
    int64_t source[STC_MAX_NDIM];
    stc_shape_strides(&stage->shape, source);
    for (int a = 0; a < stage->storage.ndim; a++)
        stride[a] = source[stage->order[a]];
}

bool stc_projection_is_dense(const stc_projection *p)
{
    return p->rule == STC_RULE_ONE_TO_ONE && !(p->recurrent && !p->autapses) &&
           p->weight.kind == STC_DRAW_CONSTANT && p->delay.kind == STC_DRAW_CONSTANT &&
           p->least == p->most && isfinite(p->weight.a);
}

void stc_program_drawn_stages(const stc_program *program, bool *drawn)
{
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        const stc_kernel *first = &program->kernels[stage->first_kernel];
        drawn[s] = first->kind == STC_KERNEL_GENERATOR && first->u.generator.poisson &&
                   first->u.generator.field < 0 && !stage->is_output;
    }
    for (int32_t k = 0; k < program->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[k];
        for (int which = 0; which < 2; which++) {
            const int32_t source = kernel->operand[which].stage;
            if (source < 0) continue;
            drawn[source] = drawn[source] && kernel->kind == STC_KERNEL_DELIVER &&
                            stc_projection_is_dense(&kernel->u.deliver);
        }
    }
}
