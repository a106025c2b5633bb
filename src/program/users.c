/* users.c - who needs what: the boxes that tiles need of each stage, and the tiles that need them.
 *
 * All tiles of a population need all of a population that projects to it, and all tiles of a layer
 * that differ in their channels alone need the same box: so boxes are far fewer than pairs of
 * tiles. They are numbered as they are met, tile by tile. */
#include "stc/error.h"
#include "stc/program.h"

#include <string.h>

enum { FEW = 1024 };

/* A tile that needs a box. */
typedef struct {
    int32_t need, tile;
} use;

typedef struct {
    stc_needs *needs;
    int32_t room; /* boxes */
    use *uses;
    int64_t nuses, room_for_uses;
    int32_t *table; /* [mask + 1] box + 1 */
    uint64_t mask;
} finder;

/* The first `used` entries of an array in a larger one; NULL: no memory, and the old one stays. */
static void *grown(void *old, int64_t used, int64_t room, int64_t size)
{
    void *array = stc_alloc(room, size);
    if (!array) return NULL;
    if (used) memcpy(array, old, (size_t)(used * size));
    stc_free(old);
    return array;
}

static uint64_t hash_of(int32_t stage, const stc_box *box)
{
    uint64_t hash = stc_mix64((uint64_t)stage);
    for (int a = 0; a < box->ndim; a++)
        hash = stc_mix64(stc_mix64(hash + (uint64_t)box->lo[a]) + (uint64_t)box->hi[a]);
    return hash;
}

static bool same(const stc_needs *needs, int32_t i, int32_t stage, const stc_box *box)
{
    bool equal = needs->stage[i] == stage && needs->box[i].ndim == box->ndim;
    for (int a = 0; a < box->ndim && equal; a++)
        equal = needs->box[i].lo[a] == box->lo[a] && needs->box[i].hi[a] == box->hi[a];
    return equal;
}

static int32_t *slot_of(const finder *f, int32_t stage, const stc_box *box)
{
    uint64_t at = hash_of(stage, box) & f->mask;
    while (f->table[at] != 0 && !same(f->needs, f->table[at] - 1, stage, box))
        at = (at + 1) & f->mask;
    return &f->table[at];
}

/* Room for one more box. */
static int grow(finder *f)
{
    stc_needs *needs = f->needs;
    if (needs->n < f->room) return 0;
    const int32_t room = f->room ? 2 * f->room : FEW;
    int32_t *stage = grown(needs->stage, needs->n, room, sizeof *stage);
    if (stage) needs->stage = stage;
    stc_box *box = grown(needs->box, needs->n, room, sizeof *box);
    if (box) needs->box = box;
    int32_t *table = stc_alloc(4 * (int64_t)room, sizeof *table);
    if (!stage || !box || !table) {
        stc_free(table);
        return STC_ERR_NOMEM;
    }
    stc_free(f->table);
    f->table = table;
    f->mask = 4 * (uint64_t)room - 1;
    f->room = room;
    for (int32_t i = 0; i < needs->n; i++)
        *slot_of(f, needs->stage[i], &needs->box[i]) = i + 1;
    return 0;
}

static int add_use(finder *f, int32_t stage, const stc_box *box, int32_t tile)
{
    stc_needs *needs = f->needs;
    STC_TRY(grow(f));
    int32_t *slot = slot_of(f, stage, box);
    if (*slot == 0) {
        needs->stage[needs->n] = stage;
        needs->box[needs->n] = *box;
        *slot = ++needs->n;
    }
    if (f->nuses == f->room_for_uses) {
        const int64_t room = 2 * f->nuses + FEW;
        use *uses = grown(f->uses, f->nuses, room, sizeof *uses);
        if (!uses) return STC_ERR_NOMEM;
        f->uses = uses;
        f->room_for_uses = room;
    }
    f->uses[f->nuses++] = (use){*slot - 1, tile};
    return 0;
}

static int find_uses(const stc_program *program, const bool *drawn, finder *f)
{
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        const stc_stage *stage = &program->stages[tile->stage];
        for (int32_t k = 0; k < 2 * stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k / 2];
            const int32_t source = kernel->operand[k % 2].stage;
            if (source < 0 || drawn[source]) continue;
            const stc_box box = stc_kernel_needs(program, stage, kernel, k % 2, &tile->box);
            if (stc_box_size(&box) > 0) STC_TRY(add_use(f, source, &box, t));
        }
    }
    return 0;
}

/* Uses by box; a tile may need the same box twice. */
static int sort_uses(const finder *f, stc_needs *needs)
{
    int64_t *first = stc_alloc((int64_t)needs->n + 2, sizeof *first);
    needs->first_user = first;
    needs->user = stc_alloc(f->nuses, sizeof *needs->user);
    if (!first || !needs->user) return STC_ERR_NOMEM;
    int64_t *next = first + 1, n = 0; /* becomes first when all are placed */
    for (int64_t i = 0; i < f->nuses; i++)
        next[f->uses[i].need + 1]++;
    for (int32_t i = 0; i < needs->n; i++)
        next[i + 1] += next[i];
    for (int64_t i = 0; i < f->nuses; i++)
        needs->user[next[f->uses[i].need]++] = f->uses[i].tile;
    for (int32_t i = 0; i < needs->n; i++) {
        const int64_t begin = first[i], end = first[i + 1];
        first[i] = n;
        for (int64_t j = begin; j < end; j++)
            if (n == first[i] || needs->user[n - 1] != needs->user[j])
                needs->user[n++] = needs->user[j];
    }
    first[needs->n] = n;
    return 0;
}

/* The boxes that touch each tile. */
static int find_touched(const stc_program *program, stc_needs *needs)
{
    int64_t *first = stc_alloc((int64_t)program->ntiles + 2, sizeof *first);
    needs->first_need = first;
    if (!first) return STC_ERR_NOMEM;
    int64_t *next = first + 1;
    for (int fill = 0; fill < 2; fill++) {
        for (int32_t i = 0; i < needs->n; i++) {
            const stc_stage *stage = &program->stages[needs->stage[i]];
            for (int32_t t = stc_stage_next_tile(program, stage, &needs->box[i], -1); t >= 0;
                 t = stc_stage_next_tile(program, stage, &needs->box[i], t)) {
                if (fill)
                    needs->need[next[t]++] = i;
                else
                    next[t + 1]++;
            }
        }
        if (fill) break;
        for (int32_t t = 0; t < program->ntiles; t++)
            next[t + 1] += next[t];
        needs->need = stc_alloc(next[program->ntiles], sizeof *needs->need);
        if (!needs->need) return STC_ERR_NOMEM;
    }
    return 0;
}

int stc_needs_find(const stc_program *program, stc_needs *out)
{
    *out = (stc_needs){0};
    finder f = {.needs = out};
    bool *drawn = stc_alloc(program->nstages, sizeof *drawn);
    int rc = drawn ? 0 : STC_ERR_NOMEM;
    if (rc == 0) stc_program_drawn_stages(program, drawn);
    if (rc == 0) rc = find_uses(program, drawn, &f);
    if (rc == 0) rc = sort_uses(&f, out);
    if (rc == 0) rc = find_touched(program, out);
    stc_free(drawn);
    stc_free(f.uses);
    stc_free(f.table);
    return rc;
}

void stc_needs_release(stc_needs *needs)
{
    void *arrays[] = {needs->stage, needs->box,        needs->first_user,
                      needs->user,  needs->first_need, needs->need};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        stc_free(arrays[i]);
    *needs = (stc_needs){0};
}
