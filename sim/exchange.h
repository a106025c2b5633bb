/* exchange.h - what the files of the exchange share.
 *
 * Sender and receiver derive the same list of segments (a run of elements at one position) from the
 * tiles alone; nothing is negotiated. Reading order: routes.c (who needs what), wire.h (bits as
 * bytes), pack.c (stages as bytes), transport.h (how they travel), exchange.c (the two calls of a
 * beat). Cost and memory are those of the neighbours of this rank and of what travels. */
#ifndef STC_SIM_EXCHANGE_H
#define STC_SIM_EXCHANGE_H

#include "engine.h"

typedef struct {
    int64_t start;         /* element of the window of this rank */
    int64_t count, before; /* before: elements of the segments before this one */
} segment;

/* What one stage puts into a message. */
typedef struct {
    int32_t stage;
    int nsegments;
    segment *segments; /* increasing */
    int64_t elements;
} cargo;

/* All that a message may carry, and to whom it goes or from whom it comes. */
typedef struct {
    int ncargo;
    cargo *cargo; /* by stage */
    int64_t most_bytes;
    int nranks, *ranks; /* of the group, increasing */
    int room;           /* ranks that fit */
} freight;

/* routes.c: what this rank sends, every content once with all who need it, and what it receives,
 * one from each rank that sends to it, by rank. Local; free each by stc_freight_free, then the
 * list, also after a failure.
 *   STC_ERR_FIT  a message of 2^31 bytes */
int stc_routes_out(const stc_sim *sim, freight **list, int *n);
int stc_routes_in(const stc_sim *sim, freight **list, int *n);
void stc_freight_free(freight *f);

/* pack.c. Memory for the work: ask for room for one step of any stage of some freights, then
 * allocate. */
typedef struct {
    unsigned char *values;
    uint32_t *index[2];
    int64_t most_bytes, most_listed;
} packer;
void stc_packer_make_room(const stc_sim *sim, packer *p, int n, const freight *list);
int stc_packer_create(packer *p);
void stc_packer_destroy(packer *p);
/* Bytes of a cargo in a beat at most. */
int64_t stc_cargo_most(const stc_sim *sim, const stage_plan *plan, int64_t elements);
/* Does anything of it travel in a beat? The same on both sides. */
bool stc_freight_travels(const stc_sim *sim, const freight *f, int64_t beat);
/* Write what was computed in a beat and return the bytes; *set: how many values are not 0. */
int64_t stc_freight_pack(const stc_sim *sim, packer *p, const freight *f, int64_t beat,
                         unsigned char *out, int64_t *set);
/* Read it. Spikes are appended to the lists of those of other ranks: forget the last ones of each
 * stage that messages of a beat bring before. */
void stc_freight_unpack(const stc_sim *sim, packer *p, const freight *f, int64_t beat,
                        const unsigned char *in);
void stc_forget_spikes(const stc_sim *sim, const stage_plan *plan, int64_t beat);

#endif
