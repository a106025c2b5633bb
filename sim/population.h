/* population.h - a population on a rank: what population_load.c makes and population.c runs. */
#ifndef STC_SIM_POPULATION_H
#define STC_SIM_POPULATION_H

#include "engine.h"

#include "stc/population.h"
#include "stc/synapse.h"

enum { STC_POPULATION_CHUNK = 1024 }; /* neurons of one call of update */

typedef union {
    double real; /* until the grid is known */
    int64_t grid;
} synapse_weight;

/* Synapses of one projection onto the neurons of one thread: those of a source lie side by side. */
typedef struct {
    int64_t n;
    int64_t *first;  /* [sources in the window + 1] */
    uint32_t *place; /* [n] slot, port and neuron: stc_synapse_place */
    synapse_weight *weight;
} synapse_table;

typedef struct {
    const stc_projection *projection;
    const stc_synapse_kind *kind;
    double params[STC_MAX_SYNAPSE_PARAMS];
    const kernel_plan *kernel;
    synapse_table *tables; /* [threads] */
} delivery;

struct population {
    const stc_population_model *model;
    const double *params;
    bool single;
    int64_t n;      /* neurons of this rank: those of box 0, then of box 1, ... */
    int64_t *id;    /* [n] C-order index in the node */
    int64_t *range; /* [threads + 1]: every thread owns the neurons of a range */
    int ndeliveries;
    delivery *deliveries;
    int ncurrents;
    const kernel_plan **currents;
    stc_ring ring;
    double *received; /* [ports][n] largest sum of weights, until the grid is known */
    int exponent;     /* weight = integer * 2^-exponent */
    void *state[STC_MAX_POPULATION_STATES], *start[STC_MAX_POPULATION_STATES];
    void *coefficient[STC_MAX_POPULATION_COEFFICIENTS];
    bool common[STC_MAX_POPULATION_COEFFICIENTS]; /* the same for all, in a chunk of entries */
    void *input[STC_MAX_PORTS], *current;         /* real [n] */
};

static inline int64_t stc_real_size(const population *p)
{
    return p->single ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
}
static inline void stc_real_put(const population *p, void *array, int64_t i, double x)
{
    if (p->single)
        ((float *)array)[i] = (float)x;
    else
        ((double *)array)[i] = x;
}
static inline void *stc_real_at(const population *p, void *array, int64_t i)
{
    return (char *)array + i * stc_real_size(p);
}

#endif
