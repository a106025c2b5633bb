/* verify_tiles.c - do the tiles of a stage hold each element once, and do the nets say where they
 * are needed? What the ranks send each other follows from both, so an error here would be values
 * that are computed twice, never, or arrive too late. */
#include "verify.h"

/* ---- tiles ---- */

/* Cells of the grid that the first tile of a stage begins; 0 when there is no such grid. */
static int64_t count_cells(const stc_stage *stage, const stc_box *first)
{
    int64_t cells = 1;
    if (first->ndim != stage->storage.ndim) return 0;
    for (int a = 0; a < first->ndim; a++) {
        if (first->lo[a] != 0 || !stc_within(first->hi[a], 1, stage->storage.dim[a])) return 0;
        cells *= (stage->storage.dim[a] + first->hi[a] - 1) / first->hi[a];
    }
    return cells;
}

static bool is_cell(const stc_stage *stage, const stc_box *first, const stc_box *box, int64_t index)
{
    bool same = box->ndim == first->ndim;
    for (int a = first->ndim - 1; a >= 0 && same; a--) {
        int64_t extent = first->hi[a], cells = (stage->storage.dim[a] + extent - 1) / extent;
        int64_t lo = index % cells * extent, left = stage->storage.dim[a] - lo;
        same = box->lo[a] == lo && box->hi[a] == lo + (left < extent ? left : extent);
        index /= cells;
    }
    return same;
}

static int verify_tile(const stc_program *program, const stc_stage *stage, int32_t t)
{
    const stc_tile *tile = &program->tiles[t];
    STC_CHECK(stc_within(tile->chip, 0, (int64_t)program->chips - 1), STC_ERR_INPUT,
              "tile %d lies on chip %d, expected 0 to %d", t, tile->chip, program->chips - 1);
    const stc_kernel *last = &program->kernels[stage->first_kernel + stage->nkernels - 1];
    int64_t neurons = stc_kernel_is_neuron(last) ? stc_box_size(&tile->box) : 0;
    STC_CHECK(stc_within(tile->core, 0, (int64_t)program->ntiles - 1) && tile->neurons == neurons &&
                  stc_within(tile->synapse_bytes, 0, INT64_C(1) << 40) && tile->work >= 0.0 &&
                  tile->work < 1e30,
              STC_ERR_INPUT,
              "tile %d of stage %s: core %d, %lld neurons (expected %lld), %lld bytes of synapses "
              "or work %g is impossible",
              t, stage->name, tile->core, (long long)tile->neurons, (long long)neurons,
              (long long)tile->synapse_bytes, tile->work);
    return 0;
}

int stc_verify_tiles(const stc_program *program)
{
    for (int32_t s = 0; s < program->nstages; s++) {
        const stc_stage *stage = &program->stages[s];
        const stc_box *first = &program->tiles[stage->first_tile].box;
        STC_CHECK(count_cells(stage, first) == stage->ntiles, STC_ERR_INPUT,
                  "stage %s: its %d tiles are not a grid that fills it", stage->name,
                  stage->ntiles);
        for (int32_t i = 0; i < stage->ntiles; i++) {
            int32_t t = stage->first_tile + i;
            STC_CHECK(program->tiles[t].stage == s, STC_ERR_INPUT,
                      "stage %s: tile %d belongs to stage %d, expected %d", stage->name, t,
                      program->tiles[t].stage, s);
            STC_CHECK(is_cell(stage, first, &program->tiles[t].box, i), STC_ERR_INPUT,
                      "stage %s: tile %d is not cell %d of its grid: elements would be computed "
                      "twice or never",
                      stage->name, t, i);
            STC_TRY(verify_tile(program, stage, t));
        }
    }
    return 0;
}

/* ---- nets ---- */

/* Is a tile one of a delay that reads the stage of another tile? */
static bool looks_back(const stc_program *program, int32_t tile, int32_t at)
{
    const stc_stage *stage = &program->stages[program->tiles[tile].stage];
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        bool reads = kernel->operand[0].stage == program->tiles[at].stage;
        if (reads && stc_kernel_least_delay(kernel) > 0) return true;
    }
    return false;
}

static int verify_order(const stc_program *program)
{
    const stc_nets *nets = &program->nets;
    STC_CHECK(nets->n >= 0 && (nets->n == 0 || nets->first[0] == 0), STC_ERR_INPUT,
              "nets: offsets do not start at 0");
    for (int32_t i = 0; i < nets->n; i++) {
        int32_t source = nets->source[i], least = 0;
        STC_CHECK(stc_within(source, i ? nets->source[i - 1] : 0, (int64_t)program->ntiles - 1),
                  STC_ERR_INPUT, "net %d: its source is tile %d; sources are sorted and below %d",
                  i, source, program->ntiles);
        STC_CHECK(nets->spikes[i] >= 0.0f && nets->spikes[i] < 1e30f, STC_ERR_INPUT,
                  "net %d: carries %g spikes per step", i, (double)nets->spikes[i]);
        STC_CHECK(nets->first[i + 1] > nets->first[i], STC_ERR_INPUT, "net %d: has no pins", i);
        for (int64_t p = nets->first[i]; p < nets->first[i + 1]; p++) {
            STC_CHECK(stc_within(nets->pin[p], least, (int64_t)program->ntiles - 1), STC_ERR_INPUT,
                      "net %d of tile %d: pin %d, expected one of %d to %d", i, source,
                      nets->pin[p], least, program->ntiles - 1);
            STC_CHECK(nets->pin[p] > source || looks_back(program, nets->pin[p], source),
                      STC_ERR_INPUT,
                      "net %d of tile %d: pin %d comes before it and is no delay of its stage", i,
                      source, nets->pin[p]);
            least = nets->pin[p] + 1;
        }
    }
    return 0;
}

/* The nets seen from their destinations: tile t is reached from source[first[t] .. first[t + 1]).
 */
typedef struct {
    int64_t *first;  /* [ntiles + 2], the last is scratch */
    int32_t *source; /* [pins] */
    int32_t *seen;   /* [ntiles] the last tile that is reached from this one, plus 1 */
} reached;

static int turn_around(const stc_program *program, reached *out)
{
    const stc_nets *nets = &program->nets;
    int64_t npins = nets->n ? nets->first[nets->n] : 0;
    out->first = stc_alloc((int64_t)program->ntiles + 2, sizeof *out->first);
    out->source = stc_alloc(npins, sizeof *out->source);
    out->seen = stc_alloc(program->ntiles, sizeof *out->seen);
    if (!out->first || !out->source || !out->seen) return STC_ERR_NOMEM;
    int64_t *next = out->first + 1; /* becomes first when all are placed */
    for (int64_t p = 0; p < npins; p++)
        next[nets->pin[p] + 1]++;
    for (int32_t t = 0; t < program->ntiles; t++)
        next[t + 1] += next[t];
    for (int32_t i = 0; i < nets->n; i++) {
        for (int64_t p = nets->first[i]; p < nets->first[i + 1]; p++)
            out->source[next[nets->pin[p]]++] = nets->source[i];
    }
    return 0;
}

/* Every tile that holds a part of the box is one from which tile t is reached. */
static int verify_need(const stc_program *program, const reached *r, int32_t source,
                       const stc_box *box, int32_t t)
{
    if (stc_box_size(box) == 0) return 0;
    const stc_stage *stage = &program->stages[source];
    for (int32_t from = stc_stage_next_tile(program, stage, box, -1); from >= 0;
         from = stc_stage_next_tile(program, stage, box, from)) {
        STC_CHECK(r->seen[from] == t + 1, STC_ERR_INPUT,
                  "nets: tile %d of stage %s needs values of tile %d of stage %s, but no net "
                  "connects them",
                  t, program->stages[program->tiles[t].stage].name, from, stage->name);
    }
    return 0;
}

static int verify_reach(const stc_program *program, const bool *drawn, const reached *r)
{
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_stage *stage = &program->stages[program->tiles[t].stage];
        for (int64_t i = r->first[t]; i < r->first[t + 1]; i++)
            r->seen[r->source[i]] = t + 1;
        for (int32_t k = 0; k < stage->nkernels; k++) {
            const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
            for (int which = 0; which < 2; which++) {
                const int32_t source = kernel->operand[which].stage;
                if (source < 0 || drawn[source]) continue;
                stc_box box =
                    stc_kernel_needs(program, stage, kernel, which, &program->tiles[t].box);
                STC_TRY(verify_need(program, r, source, &box, t));
            }
        }
    }
    return 0;
}

static int verify_levels(const stc_program *program)
{
    int32_t *chip = stc_alloc(program->ntiles, sizeof *chip);
    int32_t *level = stc_alloc(program->nstages, sizeof *level);
    int rc = chip && level ? 0 : STC_ERR_NOMEM;
    for (int32_t t = 0; rc == 0 && t < program->ntiles; t++)
        chip[t] = program->tiles[t].chip;
    int64_t block = rc == 0 ? stc_program_block_limit(program, chip) : 0;
    if (block < 0) rc = (int)block;
    int32_t period, levels = 0;
    if (rc == 0) levels = stc_program_levels(program, chip, block, level, &period);
    if (levels < 0) rc = levels;
    if (rc == 0 && program->levels != levels) {
        rc = stc_fail(STC_ERR_INPUT, "the program has %d levels, expected %d", program->levels,
                      levels);
    }
    for (int32_t t = 0; rc == 0 && t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        if (tile->level == level[tile->stage]) continue;
        rc = stc_fail(STC_ERR_INPUT, "tile %d of stage %s: level %d, expected %d", t,
                      program->stages[tile->stage].name, tile->level, level[tile->stage]);
    }
    stc_free(chip);
    stc_free(level);
    return rc;
}

int stc_verify_nets(const stc_program *program)
{
    reached r = {0};
    STC_TRY(verify_order(program));
    bool *drawn = stc_alloc(program->nstages, sizeof *drawn);
    int rc = drawn ? turn_around(program, &r) : STC_ERR_NOMEM;
    if (rc == 0) stc_program_drawn_stages(program, drawn);
    if (rc == 0) rc = verify_reach(program, drawn, &r);
    stc_free(drawn);
    stc_free(r.first);
    stc_free(r.source);
    stc_free(r.seen);
    return rc < 0 ? rc : verify_levels(program);
}
