#!/usr/bin/env python3
"""The network of nest_brunel.py in Brian2; its input comes from PoissonInput, which draws a binomial
number of 1000 spikes per neuron and step."""
import brian2_common
import numpy as np
from brian2 import Hz, Network, NeuronGroup, PoissonInput, Synapses, mV, ms

from networks_common import words

EQUATIONS = """
dv/dt = -v / (20*ms) : volt (unless refractory)
fired : integer
"""


def main():
    args = words(__doc__)
    folder = brian2_common.start(args)
    rng = np.random.default_rng(args.seed)
    excitatory = round(8000 * args.scale)
    n = excitatory + excitatory // 4
    neurons = NeuronGroup(n, EQUATIONS, threshold="v >= 20*mV", reset="v = 10*mV; fired += 1",
                          refractory=2 * ms, method="exact")
    neurons.v = "rand()*20*mV"
    exc = Synapses(neurons[:excitatory], neurons, on_pre="v += 0.1*mV", delay=1.5 * ms)
    inh = Synapses(neurons[excitatory:], neurons, on_pre="v -= 0.5*mV", delay=1.5 * ms)
    brian2_common.fixed_indegree(rng, exc, excitatory, n, 800)
    brian2_common.fixed_indegree(rng, inh, n - excitatory, n, 200)
    external = PoissonInput(neurons, "v", 1000, 20 * Hz, weight=0.1 * mV)
    net = Network(neurons, exc, inh, external)
    brian2_common.run(args, folder, "brunel", neurons, net, n * 1000,
                      "method exact, one weight for all synapses of a kind, PoissonInput")


if __name__ == "__main__":
    main()
