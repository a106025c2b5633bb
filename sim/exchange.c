/* exchange.c - what ranks send each other at the end of a beat: the two calls of a beat. See
 * exchange.h. */
#include "exchange.h"
#include "transport.h"

struct exchange {
    int nout, nin;
    freight *out, *in;
    int nheard;
    int32_t *heard; /* stages with lists of spikes that messages bring */
    packer packer;
    transport *transport; /* NULL when there is one rank */
};

/* ---- begin and end ---- */

static int list_heard(const stc_sim *sim, exchange *e)
{
    const int32_t nstages = sim->program->nstages;
    bool *hears = stc_alloc(nstages, sizeof *hears);
    e->heard = stc_alloc(nstages, sizeof *e->heard);
    if (!hears || !e->heard) {
        stc_free(hears);
        return STC_ERR_NOMEM;
    }
    for (int i = 0; i < e->nin; i++)
        for (int k = 0; k < e->in[i].ncargo; k++)
            hears[e->in[i].cargo[k].stage] = true;
    for (int32_t s = 0; s < nstages; s++)
        if (hears[s] && sim->stages[s].fired) e->heard[e->nheard++] = s;
    stc_free(hears);
    return 0;
}

int stc_exchange_create(stc_sim *sim)
{
    exchange *e = sim->exchange = stc_alloc(1, sizeof *e);
    if (!e) return STC_ERR_NOMEM;
    if (sim->group.size > 1) {
        STC_TRY(stc_routes_out(sim, &e->out, &e->nout));
        STC_TRY(stc_routes_in(sim, &e->in, &e->nin));
    }
    STC_TRY(list_heard(sim, e));
    stc_packer_make_room(sim, &e->packer, e->nout, e->out);
    stc_packer_make_room(sim, &e->packer, e->nin, e->in);
    return stc_packer_create(&e->packer);
}

int stc_exchange_connect(stc_sim *sim)
{
    exchange *e = sim->exchange;
    if (sim->group.size == 1) return 0;
    parcel *parcels = stc_alloc(e->nout, sizeof *parcels);
    int *sources = stc_alloc(e->nin, sizeof *sources);
    int rc = stc_agree(&sim->group, parcels && sources ? 0 : STC_ERR_NOMEM);
    for (int i = 0; rc >= 0 && i < e->nout; i++)
        parcels[i] = (parcel){e->out[i].most_bytes, e->out[i].nranks, e->out[i].ranks};
    for (int i = 0; rc >= 0 && i < e->nin; i++)
        sources[i] = e->in[i].ranks[0];
    if (rc >= 0)
        rc = stc_transport_create(&sim->group, sim->options.node_ranks, e->nout, parcels, e->nin,
                                  sources, &e->transport);
    stc_free(parcels);
    stc_free(sources);
    return rc;
}

void stc_exchange_destroy(exchange **out)
{
    exchange *e = *out;
    if (!e) return;
    stc_transport_destroy(&e->transport);
    for (int i = 0; i < e->nout; i++)
        stc_freight_free(&e->out[i]);
    for (int i = 0; i < e->nin; i++)
        stc_freight_free(&e->in[i]);
    stc_free(e->out);
    stc_free(e->in);
    stc_free(e->heard);
    stc_packer_destroy(&e->packer);
    stc_free(e);
    *out = NULL;
}

/* ---- beats ---- */

void stc_exchange_send(stc_sim *sim, int64_t beat)
{
    exchange *e = sim->exchange;
    const bool last = beat == stc_sim_beats(sim) - 1; /* nobody takes them: they are only counted */
    if (!e->transport) return;
    stc_transport_open(e->transport);
    for (int i = 0; i < e->nout; i++) {
        const freight *f = &e->out[i];
        if (!stc_freight_travels(sim, f, beat)) continue;
        int64_t set;
        unsigned char *place = stc_transport_place(e->transport, i);
        const int64_t bytes = stc_freight_pack(sim, &e->packer, f, beat, place, &set);
        sim->spike_copies += set * f->nranks;
        if (last) continue;
        stc_transport_put(e->transport, i, bytes);
        sim->messages += f->nranks;
        sim->bytes += bytes * f->nranks;
    }
    if (!last) stc_transport_publish(e->transport);
}

void stc_exchange_receive(stc_sim *sim, int64_t beat)
{
    exchange *e = sim->exchange;
    if (!e->transport || beat == 0) return;
    for (int i = 0; i < e->nheard; i++)
        stc_forget_spikes(sim, &sim->stages[e->heard[i]], beat - 1);
    for (int i = 0; i < e->nin; i++)
        if (stc_freight_travels(sim, &e->in[i], beat - 1))
            stc_freight_unpack(sim, &e->packer, &e->in[i], beat - 1,
                               stc_transport_take(e->transport, i));
    stc_transport_release(e->transport);
}

void stc_exchange_between_nodes(const exchange *e, int64_t *messages, int64_t *bytes)
{
    *messages = *bytes = 0;
    if (e->transport) stc_transport_between_nodes(e->transport, messages, bytes);
}
