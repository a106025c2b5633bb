/* allocate.c - tiles to cores, first fit in program order.
 *
 * Tiles that follow each other in a program talk to each other, so only the cores opened last are
 * looked at for room: that keeps neighbours together and the time linear.
 */
#include "stc/target.h"

#include "stc/error.h"

enum { LOOK_BACK = 64 }; /* cores with room that are tried */

typedef struct {
    int64_t neurons, bytes;
    double work;
} core;

/* Cores of all chips, chip after chip; a chip never needs more cores than it has tiles. */
typedef struct {
    int64_t *first; /* [chips + 1] */
    int64_t *used;  /* [chips] */
    core *cores;    /* [ntiles] */
} chips;

static int check_tiles(const stc_program *program, const stc_target *target)
{
    for (int32_t t = 0; t < program->ntiles; t++) {
        const stc_tile *tile = &program->tiles[t];
        const char *stage = program->stages[tile->stage].name;
        STC_CHECK(tile->chip >= 0 && tile->chip < program->chips, STC_ERR_INTERNAL,
                  "allocate: a tile of '%s' is on chip %d, expected 0..%d", stage, tile->chip,
                  program->chips - 1);
        STC_CHECK(tile->neurons <= target->neurons_per_core, STC_ERR_FIT,
                  "'%s': a tile has %lld neurons, a core of target %s holds %lld; take a target "
                  "with larger cores",
                  stage, (long long)tile->neurons, target->name,
                  (long long)target->neurons_per_core);
        STC_CHECK(tile->synapse_bytes <= target->synapse_bytes_per_core, STC_ERR_FIT,
                  "'%s': a tile has %lld bytes of weights, a core of target %s holds %lld; take a "
                  "target with larger cores",
                  stage, (long long)tile->synapse_bytes, target->name,
                  (long long)target->synapse_bytes_per_core);
    }
    return 0;
}

/* Number, within its chip, of the core that takes the tile. */
static int64_t place(chips *c, const stc_tile *tile, const stc_target *target)
{
    core *cores = c->cores + c->first[tile->chip];
    int64_t *used = &c->used[tile->chip];
    int64_t i = *used > LOOK_BACK ? *used - LOOK_BACK : 0;
    while (i < *used && (cores[i].neurons + tile->neurons > target->neurons_per_core ||
                         cores[i].bytes + tile->synapse_bytes > target->synapse_bytes_per_core))
        i++;
    if (i == *used) (*used)++;
    cores[i].neurons += tile->neurons;
    cores[i].bytes += tile->synapse_bytes;
    cores[i].work += tile->work;
    return i;
}

/* Chips that would do: more of them as uneven as these, or as balance usually allows. */
static int64_t enough_chips(const stc_program *program, const stc_target *target, const chips *c,
                            int64_t most)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < program->chips; i++)
        sum += c->used[i];
    const int64_t uneven = sum + (sum + 9) / 10, cores = most * program->chips;
    const int64_t has = target->cores_per_chip;
    const int64_t enough = ((cores > uneven ? cores : uneven) + has - 1) / has;
    return enough < program->ntiles ? enough : program->ntiles;
}

static int check_chips(const stc_program *program, const stc_target *target, const chips *c)
{
    int32_t fullest = 0;
    for (int32_t i = 1; i < program->chips; i++)
        if (c->used[i] > c->used[fullest]) fullest = i;
    const int64_t needs = c->used[fullest];
    if (needs <= target->cores_per_chip) return 0;
    const long long enough = enough_chips(program, target, c, needs);
    STC_FAIL(STC_ERR_FIT,
             "chip %d needs %lld cores, target %s has %lld; %lld chips would do (--chips %lld), or "
             "take a larger target",
             fullest, (long long)needs, target->name, (long long)target->cores_per_chip, enough,
             enough);
}

static void summarise(const stc_program *program, const stc_target *target, const chips *c,
                      stc_allocation *out)
{
    *out = (stc_allocation){.cores_available = target->cores_per_chip * program->chips};
    int64_t most = 0;
    core sum = {0};
    double largest = 0;
    for (int32_t i = 0; i < program->chips; i++) {
        out->cores_used += c->used[i];
        if (c->used[i] > most) most = c->used[i];
        for (int64_t j = c->first[i]; j < c->first[i] + c->used[i]; j++) {
            sum.neurons += c->cores[j].neurons;
            sum.bytes += c->cores[j].bytes;
            sum.work += c->cores[j].work;
            if (c->cores[j].work > largest) largest = c->cores[j].work;
        }
    }
    const double cores = out->cores_used > 0 ? (double)out->cores_used : 1;
    out->utilization = (double)most / (double)target->cores_per_chip;
    out->neuron_utilization = (double)sum.neurons / (cores * (double)target->neurons_per_core);
    out->synapse_utilization = (double)sum.bytes / (cores * (double)target->synapse_bytes_per_core);
    out->load_balance = largest > 0 ? sum.work / cores / largest : 1;
    double worst = -1;
    for (int32_t t = 0; t < program->ntiles; t++) {
        if (program->tiles[t].work <= worst) continue;
        worst = program->tiles[t].work;
        out->bottleneck_stage = program->tiles[t].stage;
    }
}

static int allocate(stc_program *program, const stc_target *target, chips *c, stc_allocation *out)
{
    for (int32_t t = 0; t < program->ntiles; t++)
        c->first[program->tiles[t].chip + 1]++;
    for (int32_t i = 0; i < program->chips; i++)
        c->first[i + 1] += c->first[i];
    for (int32_t t = 0; t < program->ntiles; t++)
        program->tiles[t].core = (int32_t)place(c, &program->tiles[t], target);
    STC_TRY(check_chips(program, target, c));
    summarise(program, target, c, out);
    return 0;
}

int stc_allocate(stc_program *program, const stc_target *target, stc_allocation *out)
{
    STC_TRY(check_tiles(program, target));
    chips c = {.first = stc_alloc((int64_t)program->chips + 1, sizeof *c.first),
               .used = stc_alloc(program->chips, sizeof *c.used),
               .cores = stc_alloc(program->ntiles, sizeof *c.cores)};
    const bool ok = c.first && c.used && c.cores;
    const int rc = ok ? allocate(program, target, &c, out) : STC_ERR_NOMEM;
    stc_free(c.first);
    stc_free(c.used);
    stc_free(c.cores);
    return rc;
}
