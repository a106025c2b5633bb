/* list.h - the neuron models, one line each; the order is the index in programs. MODEL: those of
 * transformers (stc/neuron.h). POPULATION: those of populations (stc/population.h). Whoever
 * includes this file defines one of the two. */
#ifndef MODEL
#define MODEL(name)
#endif
#ifndef POPULATION
#define POPULATION(name)
#endif

MODEL(discrete_lif)
MODEL(if)
MODEL(lif)
MODEL(cuba_lif)
MODEL(i)
MODEL(li)
MODEL(cuba_li)
MODEL(threshold)

POPULATION(iaf_psc_delta)
POPULATION(iaf_psc_exp)
POPULATION(iaf_psc_alpha)
POPULATION(iaf_cond_exp)
POPULATION(intfire1)
POPULATION(izhikevich)
POPULATION(aeif_psc_exp)
POPULATION(aeif_cond_exp)
POPULATION(glif_psc)

#undef MODEL
#undef POPULATION
