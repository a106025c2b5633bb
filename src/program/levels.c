/* levels.c - by how many beats a stage lags behind the input. */
#include "stc/error.h"
#include "stc/program.h"

int32_t stc_program_levels(const stc_program *program, const int32_t *part, int32_t *level)
{
    /* A net whose source and a pin lie on different parts cuts all edges between their stages. */
    for (int32_t s = 0; s < program->nstages; s++)
        level[s] = 0;
    int32_t deepest = 0;
    const stc_nets *nets = &program->nets;
    int32_t net = 0;
    /* Nets are grouped by source tile in program order, so that all nets into a stage come before
     * those out of it. */
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        if (level[s] > deepest) deepest = level[s];
        for (; net < nets->n && nets->source[net] < stage->first_tile + stage->ntiles; net++) {
            int32_t from = part[nets->source[net]];
            for (int64_t p = nets->first[net]; p < nets->first[net + 1]; p++) {
                int32_t to = program->tiles[nets->pin[p]].stage;
                int32_t least = level[s] + (part[nets->pin[p]] != from);
                if (level[to] < least) level[to] = least;
            }
        }
    }
    return deepest + 1;
}
