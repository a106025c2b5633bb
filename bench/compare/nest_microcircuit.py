#!/usr/bin/env python3
"""The cortical microcircuit (Potjans & Diesmann 2014) in NEST, as examples/networks/networks.c builds
it: as many synapses per neuron as at full scale times --scale, weights that grow by
1 / sqrt(scale), a current for the mean input that is missing, Poisson input."""
import nest
import numpy as np

import nest_common
from networks_common import words

NAMES = "L23E L23I L4E L4I L5E L5I L6E L6I".split()
SIZE = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITY = np.array([  # [target][source]
    [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
    [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
    [0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0],
    [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
    [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
    [0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0],
    [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
    [0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443]])
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
RATE = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
V_MEAN = [-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43]
V_DEVIATION = [5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48]
NEURON = dict(C_m=250., tau_m=10., tau_syn_ex=.5, tau_syn_in=.5, t_ref=2., E_L=-65., V_reset=-65.,
              V_th=-50.)
MOST_PER_MODEL = 1.3e8  # synapses of one model that a thread of NEST can number


def excitatory_weight():
    """Peak current in pA for a peak potential of 0.15 mV."""
    m, s, c = 10.0, 0.5, 250.0
    q = (m / s)**(1 / (s - m))
    return 0.15 / (m * s / (c * (s - m)) * (q**m - q**s))


class Microcircuit:
    """Weights in pA and numbers of synapses [target][source]."""

    def __init__(self, args):
        self.args, self.network = args, nest_common.Network(args)
        e = excitatory_weight()
        self.full = np.full((8, 8), e)
        self.full[:, 1::2] = -4 * e
        self.full[0, 2] = 2 * e
        k = np.log(1 - PROBABILITY) / np.log(1 - 1 / np.outer(SIZE, SIZE))
        self.synapses = np.round(k * args.scale**2).astype(int)
        self.weight = self.full / np.sqrt(args.scale)
        lost = (self.full * k / SIZE[:, None] * RATE).sum(axis=1) + e * EXTERNAL * 8
        self.current = 1e-3 * 0.5 * (1 - np.sqrt(args.scale)) * lost

    def population(self, p):
        scale = self.args.scale
        neurons = self.network.population(
            NAMES[p], "iaf_psc_exp", int(np.round(SIZE[p] * scale)),
            NEURON | {"I_e": self.current[p]}, nest.random.normal(V_MEAN[p], V_DEVIATION[p]))
        poisson = nest.Create("poisson_generator", params={"rate": 8. * np.round(EXTERNAL[p] * scale)})
        nest.Connect(poisson, neurons, "all_to_all", {"weight": self.weight[0, 0], "delay": 1.5})

    def connect(self, target, source):
        weight, number = self.weight[target, source], int(self.synapses[target, source])
        if number == 0:
            return
        delay, models = .75 if source % 2 else 1.5, nest.node_models + nest.synapse_models
        model = "static_synapse"
        if self.synapses.sum() > MOST_PER_MODEL * self.args.threads:
            model = f"static_synapse_{NAMES[source]}"
            if model not in models:
                nest.CopyModel("static_synapse", model)
        drawn = nest.random.normal(weight, .1 * abs(weight))
        nest.Connect(
            self.network.populations[NAMES[source]], self.network.populations[NAMES[target]],
            {"rule": "fixed_total_number", "N": number},
            {"synapse_model": model,
             "weight": nest.math.redraw(drawn, min=0. if weight > 0 else -np.inf,
                                        max=np.inf if weight > 0 else 0.),
             "delay": nest.math.redraw(nest.random.normal(delay, delay / 2), min=.05, max=np.inf)})

    def build(self):
        for p in range(8):
            self.population(p)
        for target in range(8):
            for source in range(8):
                self.connect(target, source)

    def run(self):
        self.network.run("microcircuit", self.build, int(self.synapses.sum()),
                         "normal weights and delays, poisson_generator")


if __name__ == "__main__":
    nest_common.main(Microcircuit(words(__doc__)).run)
