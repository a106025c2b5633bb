#!/usr/bin/env python3
"""The current-based network of Vogels & Abbott (2005; Brette et al. 2007) in NEST, as
examples/networks/networks.c builds it: 4,000 neurons times --scale, 64 excitatory and 16 inhibitory
synapses each, some neurons excited for the first 50 ms."""
import nest

import nest_common
from networks_common import words

NEURON = dict(E_L=-49., V_th=-50., V_reset=-60., C_m=200., tau_m=20., tau_syn_ex=5., tau_syn_in=10.,
              t_ref=5.)


def main():
    args = words(__doc__)
    network = nest_common.Network(args)
    size = {"E": round(3200 * args.scale)}
    size["I"] = size["E"] // 4

    def build():
        for name in size:
            network.population(name, "iaf_psc_exp", size[name], NEURON,
                               nest.random.uniform(-60., -50.))
        for target in network.populations.values():
            for name, number, weight in (("E", 64, 16.2), ("I", 16, -139.5)):
                nest.Connect(network.populations[name], target,
                             {"rule": "fixed_indegree", "indegree": number},
                             {"weight": weight, "delay": .1})
        stimulus = nest.Create("poisson_generator", params=dict(rate=300., start=1., stop=51.))
        excited = max(round(50 * args.scale), 1)
        nest.Connect(stimulus, network.populations["E"][:excited], "all_to_all",
                     {"weight": 16.2, "delay": .1})

    network.run("cuba", build, sum(size.values()) * 80, "static_synapse")


if __name__ == "__main__":
    nest_common.main(main)
