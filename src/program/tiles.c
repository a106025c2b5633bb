/* tiles.c - which tiles of a stage a box touches. The tiles are the cells of a grid, so nothing is
 * searched. */
#include "stc/program.h"

int32_t stc_stage_next_tile(const stc_program *program, const stc_stage *stage, const stc_box *box,
                            int32_t tile)
{
    const int64_t *extent = program->tiles[stage->first_tile].box.hi;
    int64_t index = 0, stride = 1, rest = tile < 0 ? 0 : tile - stage->first_tile;
    bool carry = tile >= 0; /* the last axis moves first */
    for (int a = stage->storage.ndim - 1; a >= 0; a--) {
        int64_t cells = (stage->storage.dim[a] + extent[a] - 1) / extent[a];
        int64_t first = box->lo[a] / extent[a], last = (box->hi[a] - 1) / extent[a];
        int64_t at = tile < 0 ? first : rest % cells + carry;
        carry = at > last;
        index += (carry ? first : at) * stride;
        stride *= cells;
        rest /= cells;
    }
    return carry ? -1 : stage->first_tile + (int32_t)index;
}
