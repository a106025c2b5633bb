/* verify_tiles.c - do the tiles of a stage hold each element once, and do the nets say where they
 * are needed? What the ranks send each other follows from both, so an error here would be values
 * that are computed twice, never, or arrive too late. */
#include "verify.h"

#include <string.h>

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

/* Does a stage read another one with a delay only? */
static bool looks_back(const stc_program *program, int32_t at, int32_t source)
{
    const stc_stage *stage = &program->stages[at];
    for (int32_t k = 0; k < stage->nkernels; k++) {
        const stc_kernel *kernel = &program->kernels[stage->first_kernel + k];
        if (kernel->operand[0].stage == source && stc_kernel_least_delay(kernel) > 0) return true;
    }
    return false;
}

static int verify_routes(const stc_program *program)
{
    const stc_nets *nets = &program->nets;
    STC_CHECK(nets->nroutes >= 0 && (nets->nroutes == 0 || nets->first[0] == 0), STC_ERR_INPUT,
              "nets: offsets do not start at 0");
    for (int32_t r = 0; r < nets->nroutes; r++) {
        int32_t least = 0;
        STC_CHECK(nets->first[r + 1] > nets->first[r], STC_ERR_INPUT, "route %d: has no pins", r);
        for (int64_t p = nets->first[r]; p < nets->first[r + 1]; p++) {
            STC_CHECK(stc_within(nets->pin[p], least, (int64_t)program->ntiles - 1), STC_ERR_INPUT,
                      "route %d: pin %d, expected one of %d to %d", r, nets->pin[p], least,
                      program->ntiles - 1);
            least = nets->pin[p] + 1;
        }
    }
    return 0;
}

/* Pins that come before the source, or are it, wait for values of an earlier step. Tiles of a stage
 * are next to each other, and so are they in a route: the first of them stands for all. */
static int verify_order(const stc_program *program, int32_t net, const int64_t *first,
                        const int32_t *pin)
{
    const stc_nets *nets = &program->nets;
    const int32_t source = nets->source[net], route = nets->route[net];
    for (int64_t i = first[route]; i < first[route + 1] && pin[i] <= source; i++) {
        STC_CHECK(looks_back(program, program->tiles[pin[i]].stage, program->tiles[source].stage),
                  STC_ERR_INPUT,
                  "net %d of tile %d: pin %d comes before it and is no delay of its stage", net,
                  source, pin[i]);
    }
    return 0;
}

/* Of every route the pins that are the first of their stage there. */
static int64_t list_foremost(const stc_program *program, int64_t *first, int32_t *pin)
{
    const stc_nets *nets = &program->nets;
    int64_t n = 0;
    for (int32_t r = 0; r < nets->nroutes; r++) {
        if (first) first[r] = n;
        for (int64_t p = nets->first[r]; p < nets->first[r + 1]; p++) {
            const int32_t stage = program->tiles[nets->pin[p]].stage;
            if (p > nets->first[r] && program->tiles[nets->pin[p - 1]].stage == stage) continue;
            if (pin) pin[n] = nets->pin[p];
            n++;
        }
    }
    if (first) first[nets->nroutes] = n;
    return n;
}

/* last [nroutes]: 1 + tile of the last net that has the route; 0 at first. */
static int verify_source(const stc_program *program, int32_t i, int32_t *last)
{
    const stc_nets *nets = &program->nets;
    STC_CHECK(
        stc_within(nets->source[i], i ? nets->source[i - 1] : 0, (int64_t)program->ntiles - 1),
        STC_ERR_INPUT, "net %d: its source is tile %d; sources are sorted and below %d", i,
        nets->source[i], program->ntiles);
    STC_CHECK(nets->spikes[i] >= 0.0f && nets->spikes[i] < 1e30f, STC_ERR_INPUT,
              "net %d: carries %g spikes per step", i, (double)nets->spikes[i]);
    STC_CHECK(stc_within(nets->route[i], 0, (int64_t)nets->nroutes - 1), STC_ERR_INPUT,
              "net %d: its route is %d, expected one of 0 to %d", i, nets->route[i],
              nets->nroutes - 1);
    STC_CHECK(last[nets->route[i]] != nets->source[i] + 1, STC_ERR_INPUT,
              "net %d: tile %d has another net with route %d, expected one", i, nets->source[i],
              nets->route[i]);
    last[nets->route[i]] = nets->source[i] + 1;
    return 0;
}

static int verify_sources(const stc_program *program)
{
    const stc_nets *nets = &program->nets;
    STC_CHECK(nets->n >= 0 && nets->nroutes >= 0, STC_ERR_INPUT,
              "nets: there are %d with %d routes", nets->n, nets->nroutes);
    int32_t *last = stc_alloc(nets->nroutes, sizeof *last);
    int rc = last ? 0 : STC_ERR_NOMEM;
    for (int32_t i = 0; i < nets->n && rc == 0; i++)
        rc = verify_source(program, i, last);
    stc_free(last);
    return rc;
}

static int verify_orders(const stc_program *program)
{
    const stc_nets *nets = &program->nets;
    int64_t *first = stc_alloc((int64_t)nets->nroutes + 1, sizeof *first);
    int32_t *pin = stc_alloc(list_foremost(program, NULL, NULL), sizeof *pin);
    int rc = first && pin ? 0 : STC_ERR_NOMEM;
    if (rc == 0) list_foremost(program, first, pin);
    for (int32_t i = 0; i < nets->n && rc == 0; i++)
        rc = verify_order(program, i, first, pin);
    stc_free(first);
    stc_free(pin);
    return rc;
}

/* ---- do nets reach all who need values? ---- */

/* The nets of a tile and the boxes that touch it; all is well with a tile that equals the one
 * before in both. */
typedef struct {
    const int32_t *route, *need;
    int64_t nroutes, nneeds;
} outgoing;

static bool same_outgoing(const outgoing *a, const outgoing *b)
{
    return a->nroutes == b->nroutes && a->nneeds == b->nneeds &&
           memcmp(a->route, b->route, (size_t)a->nroutes * sizeof *a->route) == 0 &&
           memcmp(a->need, b->need, (size_t)a->nneeds * sizeof *a->need) == 0;
}

/* Every tile that needs a box that touches this tile is reached from it. seen [ntiles]. */
static int verify_reach_of_tile(const stc_program *program, const stc_needs *needs,
                                const outgoing *tile, int32_t t, int32_t *seen)
{
    const stc_nets *nets = &program->nets;
    for (int64_t r = 0; r < tile->nroutes; r++)
        for (int64_t p = nets->first[tile->route[r]]; p < nets->first[tile->route[r] + 1]; p++)
            seen[nets->pin[p]] = t + 1;
    for (int64_t i = 0; i < tile->nneeds; i++) {
        const int32_t need = tile->need[i];
        for (int64_t u = needs->first_user[need]; u < needs->first_user[need + 1]; u++) {
            const int32_t user = needs->user[u];
            STC_CHECK(seen[user] == t + 1, STC_ERR_INPUT,
                      "nets: tile %d of stage %s needs values of tile %d of stage %s, but no net "
                      "connects them",
                      user, program->stages[program->tiles[user].stage].name, t,
                      program->stages[program->tiles[t].stage].name);
        }
    }
    return 0;
}

static int verify_reach(const stc_program *program, const stc_needs *needs, int32_t *seen)
{
    const stc_nets *nets = &program->nets;
    outgoing before = {0};
    int32_t net = 0;
    for (int32_t t = 0; t < program->ntiles; t++) {
        outgoing tile = {.route = nets->route + net,
                         .need = needs->need + needs->first_need[t],
                         .nneeds = needs->first_need[t + 1] - needs->first_need[t]};
        for (; net < nets->n && nets->source[net] == t; net++)
            tile.nroutes++;
        if (tile.nneeds == 0) continue;
        if (before.nneeds > 0 && same_outgoing(&before, &tile)) continue;
        STC_TRY(verify_reach_of_tile(program, needs, &tile, t, seen));
        before = tile;
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
    stc_needs needs = {0};
    STC_TRY(verify_routes(program));
    STC_TRY(verify_sources(program));
    STC_TRY(verify_orders(program));
    int32_t *seen = stc_alloc(program->ntiles, sizeof *seen);
    int rc = seen ? stc_needs_find(program, &needs) : STC_ERR_NOMEM;
    if (rc == 0) rc = verify_reach(program, &needs, seen);
    stc_needs_release(&needs);
    stc_free(seen);
    return rc < 0 ? rc : verify_levels(program);
}
