#!/usr/bin/env python3
"""The network of nest_cuba.py in Brian2; synaptic currents in mV (of a resistance of 100 Mohm)."""
import brian2_common
import numpy as np
from brian2 import Hz, Network, NeuronGroup, PoissonGroup, Synapses, TimedArray, mV, ms

from networks_common import words

EQUATIONS = """
dv/dt = (ge + gi - (v - El)) / taum : volt (unless refractory)
dge/dt = -ge / taue : volt
dgi/dt = -gi / taui : volt
fired : integer
"""


def main():
    args = words(__doc__)
    folder = brian2_common.start(args)
    rng = np.random.default_rng(args.seed)
    excitatory = round(3200 * args.scale)
    n = excitatory + excitatory // 4
    names = dict(El=-49 * mV, taum=20 * ms, taue=5 * ms, taui=10 * ms, Vt=-50 * mV, Vr=-60 * mV,
                 we=1.62 * mV, wi=-13.95 * mV)
    neurons = NeuronGroup(n, EQUATIONS, threshold="v >= Vt", reset="v = Vr; fired += 1",
                          refractory=5 * ms, method="exact", namespace=names)
    neurons.v = "-60*mV + rand()*10*mV"
    exc = Synapses(neurons[:excitatory], neurons, on_pre="ge += we", delay=0.1 * ms, namespace=names)
    inh = Synapses(neurons[excitatory:], neurons, on_pre="gi += wi", delay=0.1 * ms, namespace=names)
    brian2_common.fixed_indegree(rng, exc, excitatory, n, 64)
    brian2_common.fixed_indegree(rng, inh, n - excitatory, n, 16)
    excited = max(round(50 * args.scale), 1)
    active = TimedArray(np.where(np.arange(1000) < 50, 300, 0) * Hz, dt=1 * ms)
    stimulus = PoissonGroup(excited, "active(t - 1*ms)*int(t >= 1*ms)", namespace={"active": active})
    excite = Synapses(stimulus, neurons, on_pre="ge += we", delay=0.1 * ms, namespace=names)
    excite.connect(i=np.arange(excited), j=np.arange(excited))
    net = Network(neurons, exc, inh, stimulus, excite)
    brian2_common.run(args, folder, "cuba", neurons, net, n * 80,
                      "method exact, one weight for all synapses of a kind")


if __name__ == "__main__":
    main()
