"""Networks that PyNEST builds and python/nest_to_stc.py writes give every spike of NEST in stc."""
import os
import sys

import h5py
import interop
import nest
import numpy as np
from networks import SpikeGraph, spikes_of, write_input

sys.path.insert(0, os.path.join(interop.HERE, "../../python"))
import nest_to_stc  # noqa: E402

DT, T_STOP = 0.1, 300.0
STEPS = round(T_STOP / DT)
CURRENT = {"amplitude_times": [20.0, 90.0, 180.0], "amplitude_values": [130.0, -60.5, 45.25]}
CLAMPED = slice(10, 90)


# the other models: parameters, range of I_e or of V_m, weights of excitation and inhibition
OTHERS = {
    "iaf_cond_exp": ({"tau_syn_ex": 5.0, "tau_syn_in": 10.0}, "I_e", (250, 400), (6.0, -2.0)),
    "izhikevich": ({}, "I_e", (3, 9), (1.5, -3.0)),
    "aeif_psc_exp": ({"tau_syn_ex": 2.5, "b": 30.0}, "I_e", (300, 700), (120.0, -80.0)),
    "aeif_cond_exp": ({"tau_syn_ex": 2.5, "b": 30.0}, "I_e", (300, 700), (4.0, -3.0)),
    "glif_psc": ({"tau_syn": [2.0, 6.0], "spike_dependent_threshold": True,
                  "after_spike_currents": True, "th_spike_add": 2.0, "th_spike_decay": 0.02,
                  "voltage_reset_fraction": 0.3, "voltage_reset_add": 4.0}, "V_m", (-78, -60),
                 (500.0, -100.0)),
}


def connect(source, target, indegree, weight, delay, **synapse):
    nest.Connect(source, target, {"rule": "fixed_indegree", "indegree": indegree},
                 {"weight": weight, "delay": delay, **synapse})


def start():
    nest.ResetKernel()
    nest.set(resolution=DT, rng_seed=7)


def create_generators(n):
    """Spikes at random times, off the grid."""
    generators = nest.Create("spike_generator", n, {"allow_offgrid_times": True})
    for k, node in enumerate(generators):
        node.spike_times = np.sort(np.random.default_rng(k).uniform(0.2, T_STOP, 120))
    return generators


def build():
    """Three models; parameters, weights and delays that all differ; generators."""
    draw = nest.random
    start()
    exp = nest.Create("iaf_psc_exp", 200, {"tau_syn_in": 3.5})
    alpha = nest.Create("iaf_psc_alpha", 100, {"tau_syn_ex": 1.1})
    delta = nest.Create("iaf_psc_delta", 50)
    for cells, least, most in ((exp, 340, 460), (alpha, 340, 440), (delta, 320, 420)):
        cells.set(I_e=draw.uniform(least, most), V_m=draw.uniform(-70, -56),
                  tau_m=draw.uniform(8, 12), t_ref=draw.uniform(1, 3))
    connect(exp, exp, 20, draw.normal(25, 5), draw.uniform(0.3, 6))
    connect(exp, alpha, 20, draw.normal(18, 4), draw.uniform(0.3, 6))
    connect(exp, delta, 15, draw.uniform(0.05, 0.4), draw.uniform(0.5, 4))
    connect(alpha, exp, 10, draw.normal(-60, 9), draw.uniform(0.1, 3))
    connect(alpha, alpha, 10, draw.normal(-40, 6), draw.uniform(0.1, 3))
    connect(delta, exp, 5, draw.normal(-70, 12), draw.uniform(0.1, 2))
    connect(delta, delta, 5, draw.uniform(-0.5, -0.1), draw.uniform(0.1, 2))
    generators = create_generators(12)
    connect(generators, exp, 3, draw.normal(70, 10), draw.uniform(0.5, 3))
    connect(generators, alpha, 2, draw.normal(50, 10), draw.uniform(0.5, 3))
    return exp, exp + alpha + delta


def build_other(model):
    """A small network of one model."""
    start()
    params, name, spread, weights = OTHERS[model]
    cells = nest.Create(model, 30, params)
    cells.set({name: nest.random.uniform(*spread)})
    generators = create_generators(12)
    for k, weight in enumerate(weights):
        receptor = {"receptor_type": k + 1} if model == "glif_psc" else {}
        draw = nest.random.normal(weight, abs(weight) / 8)
        connect(generators, cells, 4, draw, nest.random.uniform(0.5, 3), **receptor)
        connect(cells, cells, 5, draw, nest.random.uniform(0.1, 4), **receptor)
    return cells


def simulate(cells):
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(T_STOP)
    steps = np.rint(recorder.events["times"] / DT).astype(int)
    spikes = set(zip(steps.tolist(), recorder.events["senders"].tolist()))
    assert len(spikes) == recorder.n_events
    return spikes


def spike_graph(dumped, path, given):
    """The same network as a SpikeGraph, its input as a file of spikes, and with a current."""
    graph = SpikeGraph(path, DT, STEPS)
    with h5py.File(dumped) as file:
        for model, group in file["neurons"].items():
            columns = {key: column[:] for key, column in group.items() if key != "id"}
            graph.add(model, model, n=len(group["id"]), **columns)
        graph.add("input", "Input", shape=[file["input"].attrs["n_sources"]],
                  kind="counts")
        for name, group in file["edges"].items():
            ends = group.attrs["source"], group.attrs["target"]
            columns = [group[key][:] for key in ("src", "dst", "weight", "delay")]
            graph.add_projection(name, *ends, columns, len(file["neurons"][ends[1]]["id"]))
        n = len(file["neurons/iaf_psc_exp/id"])
        chosen = np.zeros(n)
        chosen[CLAMPED] = 1
        graph.add("current", "StepCurrent", n=n, dt=DT, **CURRENT)
        graph.add("clamped", "Scale", "current", scale=chosen)
        graph.connect("clamped", "iaf_psc_exp")
        write_input(given, "input", file["input/spike_source"][:], file["input/spike_step"][:], DT)
    graph.close()


class Nest(interop.InteropTest):
    def setUp(self):
        super().setUp()
        nest.set_verbosity("M_ERROR")
        self.dumped, self.result = self.path("dumped.h5"), self.path("result.h5")

    def spikes(self, model, *words, ranks):
        """Spikes of a run under the ids of NEST."""
        self.stc("run", model, "-o", self.result, *words, ranks=ranks)
        with h5py.File(self.dumped) as file:
            one = "id" in file["neurons"]  # a single population has the name of the group
            groups = {"neurons": file["neurons"]} if one else file["neurons"]
            ids = {name: group["id"][:] for name, group in groups.items()}
        return {(step, int(ids[name][k])) for name, spikes in spikes_of(self.result, DT).items()
                for step, k in spikes}

    def assert_same(self, expected, *run, least=2000, counts=(1, 2)):
        self.assertGreater(len(expected), least)
        for ranks in counts:
            found = self.spikes(*run, ranks=ranks)
            wrong = sorted(found ^ expected)
            self.assertEqual(len(wrong), 0, f"{ranks} ranks: {len(wrong)} of {len(expected)} "
                             f"spikes differ, first (step, id) {wrong[:5]}")

    def test_a_dumped_network(self):
        _, cells = build()
        nest_to_stc.dump(self.dumped, T_STOP)
        self.assert_same(simulate(cells), self.dumped)

    def test_a_dumped_network_with_a_step_current(self):
        exp, cells = build()
        nest_to_stc.dump(self.dumped, T_STOP)
        generator = nest.Create("step_current_generator", params=CURRENT)
        nest.Connect(generator, exp[CLAMPED], syn_spec={"delay": DT})
        model, given = self.path("model.h5"), self.path("given.h5")
        spike_graph(self.dumped, model, given)
        self.assert_same(simulate(cells), model, "--input", given)

    def test_dumped_networks_of_the_other_models(self):
        for model in OTHERS:
            with self.subTest(model):
                cells = build_other(model)
                nest_to_stc.dump(self.dumped, T_STOP)
                self.assert_same(simulate(cells), self.dumped, least=100, counts=(2,))

    def test_what_an_edge_list_cannot_say_is_refused(self):
        _, cells = build()
        nest.Connect(cells[:2], cells[2:4], syn_spec={"synapse_model": "stdp_synapse"})
        with self.assertRaisesRegex(nest_to_stc.CannotDump, "stdp_synapse"):
            nest_to_stc.dump(self.dumped, T_STOP)
        self.assertFalse(os.path.exists(self.dumped))
