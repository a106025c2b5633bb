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

#endif
