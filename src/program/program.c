/* program.c - life of a program and the strides of its stages.
 *
 * Reading order of this folder: program.c, needs.c (which part of an operand fills a box), tiles.c
 * (which tiles a box touches), levels.c (beats of latency between parts), verify.c (what a file
 * must obey). */
#include "stc/program.h"
#include "stc/error.h"

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
