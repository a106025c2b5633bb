#!/usr/bin/env python3
"""Brunel's network (2000) in NEST, as examples/networks/networks.c builds it: 10,000 neurons times
--scale, 800 excitatory and 200 inhibitory synapses each, g = 5, eta = 2, Poisson input."""
import nest

import nest_common
from networks_common import words

NEURON = dict(C_m=250., tau_m=20., t_ref=2., E_L=0., V_reset=10., V_th=20.)


def main():
    args = words(__doc__)
    network = nest_common.Network(args)
    size = {"E": round(8000 * args.scale)}
    size["I"] = size["E"] // 4

    def build():
        for name in size:
            network.population(name, "iaf_psc_delta", size[name], NEURON,
                               nest.random.uniform(0., 20.))
        poisson = nest.Create("poisson_generator", params={"rate": 20000.})
        for target in network.populations.values():
            for name, number, weight in (("E", 800, .1), ("I", 200, -.5)):
                nest.Connect(network.populations[name], target,
                             {"rule": "fixed_indegree", "indegree": number},
                             {"weight": weight, "delay": 1.5})
            nest.Connect(poisson, target, "all_to_all", {"weight": .1, "delay": 1.5})

    network.run("brunel", build, sum(size.values()) * 1000, "static_synapse, poisson_generator")


if __name__ == "__main__":
    nest_common.main(main)
