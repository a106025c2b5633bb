/* stc_bench_share.c - random networks of any size, and what one of many ranks would hold of them.
 *
 * A rank makes its synapses alone, so a share needs nothing of the others but to know that they are
 * there: they are two large tiles, on chips before and after its own. */
#include "stc_bench.h"

#include "networks.h"

#include "stc/error.h"

int bench_build_random(const stc_comm *comm, const bench_settings *settings, stc_graph **out)
{
    const int64_t ranks = settings->share.of > 0 ? settings->share.of : comm->size;
    const int64_t excitatory = settings->neurons * 4 / 5;
    const network_random network = {.excitatory = ranks * excitatory,
                                    .inhibitory = ranks * (settings->neurons - excitatory),
                                    .indegree = settings->indegree,
                                    .constant = settings->constant};
    STC_CHECK(network.excitatory <= INT32_MAX, STC_ERR_FIT,
              "%lld excitatory neurons of %lld ranks, at most 2^31 - 1",
              (long long)network.excitatory, (long long)ranks);
    return network_build_random(&network, settings->transient + settings->ms, out);
}

/* Tiles of a stage: [0, lo), [lo, hi), [hi, n); empty ones are left out. */
static void cut_stage(const stc_stage *stage, const stc_share *share, stc_tile *tile)
{
    const int64_t n = stage->storage.dim[0];
    const int64_t edge[4] = {0, n / share->of * share->rank, n / share->of * (share->rank + 1), n};
    int32_t chip = 0;
    for (int i = 0; i < 3; i++) {
        if (edge[i] == edge[i + 1]) continue;
        tile[chip] = (stc_tile){.chip = chip,
                                .box = {.ndim = 1, .lo = {edge[i]}, .hi = {edge[i + 1]}},
                                .neurons = edge[i + 1] - edge[i]};
        chip++;
    }
}

int bench_cut(stc_program *program, const stc_share *share, stc_share *out)
{
    *out = *share;
    out->rank = share->rank > 0;
    out->of = 1 + (share->rank > 0) + (share->rank + 1 < share->of);
    program->chips = out->of;
    program->ntiles = out->of * program->nstages;
    program->tiles = stc_arena_alloc(program->arena, program->ntiles, sizeof *program->tiles);
    if (!program->tiles) return STC_ERR_NOMEM;
    program->nets = (stc_nets){0}; /* nobody is there to send to */
    for (int32_t s = 0; s < program->nstages; s++) {
        stc_stage *stage = &program->stages[s];
        stage->first_tile = s * out->of;
        stage->ntiles = out->of;
        cut_stage(stage, share, &program->tiles[stage->first_tile]);
        for (int32_t t = 0; t < stage->ntiles; t++)
            program->tiles[stage->first_tile + t].stage = s;
    }
    return 0;
}
