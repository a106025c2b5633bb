"""Make the edge lists of this folder, with the spikes and potentials that NEST gives.

    python make_networks.py       needs the package nest-simulator (3.10 was used) and h5py

    one_model.h5     iaf_psc_exp with parameters that differ, /input, all in one population
    two_models.h5    iaf_psc_exp and iaf_psc_delta, spike generators off the grid
"""
import os
import sys

import h5py
import nest
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../python"))
from nest_to_stc import dump  # noqa: E402

DT, T_STOP, TRACED = 0.1, 200.0, 3


def generators(n, spikes, seed):
    random = np.random.default_rng(seed)
    nodes = nest.Create("spike_generator", n, {"allow_offgrid_times": True})
    for node in nodes:
        node.spike_times = np.sort(random.uniform(0.2, T_STOP, spikes))
    return nodes


def connect(source, target, number, weight, delay):
    nest.Connect(source, target, {"rule": "fixed_indegree", "indegree": number},
                 {"weight": weight, "delay": delay})


def one_model():
    cells = nest.Create("iaf_psc_exp", 50, {"tau_syn_in": 3.0})
    cells.I_e = nest.random.uniform(350.0, 480.0)
    cells.V_m = nest.random.uniform(-70.0, -56.0)
    cells.t_ref = nest.random.uniform(1.0, 3.0)
    excitatory, inhibitory = cells[:40], cells[40:]
    connect(excitatory, cells, 8, nest.random.normal(40.0, 4.0), nest.random.uniform(0.5, 5.0))
    connect(inhibitory, cells, 3, nest.random.normal(-120.0, 9.0), nest.random.uniform(0.1, 3.0))
    connect(generators(4, 60, 1), cells, 2, 90.0, 1.5)
    return cells


def two_models():
    exponential = nest.Create("iaf_psc_exp", 60, {"I_e": 400.0})
    exponential.V_m = nest.random.uniform(-70.0, -56.0)
    delta = nest.Create("iaf_psc_delta", 15, {"I_e": 380.0})
    delta.tau_m = nest.random.uniform(8.0, 12.0)
    connect(exponential, exponential, 8, nest.random.normal(30.0, 3.0),
            nest.random.uniform(1.0, 3.0))
    connect(exponential, delta, 10, 0.5, 1.5)
    connect(delta, exponential, 5, -100.0, 1.0)
    connect(generators(5, 100, 2), exponential, 2, 80.0, 2.0)
    return exponential + delta


def clamp(cells):
    """Currents as BMTK connects them: amplitude, delay and duration in pA and ms, one step away."""
    amplitudes, delays, durations = [120.0, -60.5], [30.0, 90.0], [40.0, 50.0]
    times, values = [], []
    for amplitude, delay, duration in zip(amplitudes, delays, durations):
        times += [delay, delay + duration]
        values += [amplitude, 0.0]
    generator = nest.Create("step_current_generator",
                            params={"amplitude_times": times, "amplitude_values": values})
    nest.Connect(generator, cells, syn_spec={"delay": DT})
    return {"amp": amplitudes, "delay": delays, "duration": durations}


def start(build):
    nest.ResetKernel()
    nest.set(resolution=DT, rng_seed=20)
    return build()


def run(cells):
    """Steps and ids of the spikes, sorted."""
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Simulate(T_STOP)
    steps = np.rint(recorder.events["times"] / DT).astype(np.int32)
    order = np.lexsort((recorder.events["senders"], steps))
    return steps[order], recorder.events["senders"].astype(np.int32)[order]


def make(name, build):
    path = os.path.join(HERE, name)
    cells = start(build)
    dump(path, T_STOP)
    meter = nest.Create("multimeter", params={"interval": DT, "record_from": ["V_m"]})
    nest.Connect(meter, cells[:TRACED])
    with h5py.File(path, "r+") as file:
        file["spikes/step"], file["spikes/neuron"] = run(cells)  # neurons: ids of NEST
        order = np.lexsort((meter.events["senders"], meter.events["times"]))
        file["trace/V_m"] = meter.events["V_m"][order].reshape(-1, TRACED)
    cells = start(build)
    given = clamp(cells[10:30])
    with h5py.File(path, "r+") as file:
        group = file.create_group("clamped")  # the same with currents to some of its neurons
        group.attrs.update(given)
        group["chosen"] = np.array(cells[10:30].tolist(), dtype=np.int32)
        group["step"], group["neuron"] = run(cells)


make("one_model.h5", one_model)
make("two_models.h5", two_models)
