/* networks.h - recurrent networks that simulators are compared with, as graphs of populations and
 * rules; nothing is drawn but initial potentials. */
#ifndef NETWORKS_H
#define NETWORKS_H

#include "stc/graph.h"

/* name: "microcircuit" (Potjans & Diesmann, Cereb. Cortex 24, 2014: 77,169 neurons and 2.99e8
 * synapses at scale 1; fewer neurons and fewer synapses of each below, with the input that keeps
 * their mean), "brunel" (Brunel, J. Comput. Neurosci. 8, 2000; 10,000 neurons times scale, 1,000
 * synapses each) or "cuba" (Vogels & Abbott, Brette et al., J. Comput. Neurosci. 23, 2007; 4,000
 * neurons times scale, 80 synapses each). ms: biological time. seed: of the initial potentials.
 * STC_ERR_USAGE: unknown name. Local. */
int network_build(const char *name, double scale, double ms, uint64_t seed, stc_graph **out);

/* Excitatory and inhibitory neurons ("E" and "I") of the microcircuit's model and with its weights
 * and delays. All have synapses from random ones, 4 in 5 from excitatory ones, and a Poisson input.
 * Nothing is listed for single neurons, so that there may be 2^31 of either kind. */
typedef struct {
    int64_t excitatory, inhibitory, indegree;
    bool constant; /* weights, else normal with a tenth of the mean */
} network_random;
int network_build_random(const network_random *which, double ms, stc_graph **out);

#endif
