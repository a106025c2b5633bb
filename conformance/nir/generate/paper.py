"""The tasks of the NIR paper: one LIF neuron, the N-MNIST network, Braille reading.

Models, inputs and the recorded snnTorch spikes in ../paper/ are those that its authors published;
expected values are their recordings, live runs of simulators, or exact arithmetic.
"""
from dataclasses import replace
import csv

import nir
import numpy as np

import definition
import simulators as sim
from definition import Rules
from pack import floats

LIF = Rules(dt=1e-4, reset="zero")
BRAILLE = Rules(dt=1e-4, reset="zero")
CNN = Rules(dt=1.0, reset="zero")
STEPS = {"norse": [460, 510, 710, 760], "decay": [450, 500, 710, 760]}


def read(pack, name, data):
    model, inputs = f"paper/{name}.nir", f"paper/{data}.h5"
    pack.models[model] = nir.read(pack.path(model))
    return model, inputs, pack.read_input(inputs)["input"]


def lif(pack):
    model, inputs, x = read(pack, "lif_norse", "lif_input")

    def spikes_at(expected):
        def confirm(record):
            assert list(np.nonzero(floats(record.spikes["1"]))[0]) == expected
        return confirm

    for spikes in (sim.norse_import(nir.read(pack.path(model)), x, LIF.dt),
                   sim.snntorch_import(nir.read(pack.path(model)), x)):
        assert list(np.nonzero(spikes["1"])[0]) == STEPS["norse"]
    pack.defined("paper_lif_euler", model, inputs, LIF, "LIF of the paper, forward Euler",
                 f"exact arithmetic; spikes of {sim.version('norse')} and "
                 f"{sim.version('snntorch')}; v is what the paper's authors got from Norse",
                 confirm=spikes_at(STEPS["norse"]))
    pack.defined("paper_lif_exact", model, inputs, replace(LIF, integrator="exact"),
                 "LIF of the paper, exact solution over each step",
                 "exact arithmetic; v before the first spike is that of the paper's event-driven "
                 "solution", confirm=spikes_at(STEPS["norse"]))
    pack.defined("paper_lif_decay", model, inputs,
                 replace(LIF, integrator="decay", reset="subtract", compare="ge"),
                 "LIF of the paper as Sinabs and Rockpool ran it",
                 "exact arithmetic; spikes at the steps that the paper's authors got from Sinabs",
                 confirm=spikes_at(STEPS["decay"]))


def events(path, steps, size):
    z = np.zeros((steps, size))
    with open(path, encoding="utf-8") as file:
        for step, neuron in csv.reader(line for line in file if not line.startswith("#")):
            z[int(step), int(neuron)] = 1
    return z


def braille(pack):
    """The recurrent bias of this model is not 0, so the two ways to begin differ at once."""
    model, inputs, x = read(pack, "braille_noDelay_bias_zero", "braille_input")
    about = "recurrent CubaLIF of the paper; the recurrent bias acts "
    golden = {node: events(pack.path(f"paper/golden_braille_noDelay_bias_zero_{what}.csv"), len(x),
                           size) for node, what, size in (("lif1.lif", "hidden", 38),
                                                          ("lif2", "output", 7))}
    case(pack, "paper_braille", model, inputs, BRAILLE, about + "from step 0 on",
         "snnTorch 40ad1360, recorded by the paper's authors (lif1.lif) and run again (lif2)",
         golden)
    rules = replace(BRAILLE, recurrent_start="silent")
    spikes = sim.norse_import(nir.read(pack.path(model)), x, rules.dt)
    again = sim.spikingjelly_import(nir.read(pack.path(model)), x, rules.dt)
    assert all(np.array_equal(spikes[node], again[node]) for node in spikes)
    case(pack, "paper_braille_silent", model, inputs, rules, about + "from step 1 on",
         f"{sim.version('norse')}; {sim.version('spikingjelly')} gives the same", spikes)


def case(pack, name, model, inputs, rules, about, source, spikes, steps=None):
    """Spikes alone; the Output of these models is their last layer."""
    graph = pack.models[model]
    last = next(a for a, b in graph.edges if b == "output")
    steps = steps or len(spikes[last])
    pack.case(name, model, inputs, steps, rules, about, source, spikes, {},
              {"output": spikes[last]})


def cnn(pack):
    model, inputs, x = read(pack, "cnn_sinabs", "cnn_input")
    graph = nir.read(pack.path(model))
    graph.nodes["8"].start_dim += 1  # Norse hands it to PyTorch, which counts the batch axis
    spikes = sim.norse_import(graph, x, CNN.dt)
    counts = [int(spikes[node].sum()) for node in ("1", "3", "6", "10", "12")]
    assert counts == [5183, 8758, 3996, 2799, 149], counts
    case(pack, "paper_cnn", model, inputs, CNN, "N-MNIST network of the paper, one digit",
         sim.version("norse") + " (Flatten shifted by its batch axis)", spikes)
    rules = replace(CNN, compare="ge", reset="subtract", max_count=255, clip="threshold")
    spikes = sim.sinabs_import(nir.read(pack.path(model)), x)
    case(pack, "paper_cnn_sinabs", model, inputs, rules,
         "the same as Sinabs reads it: several spikes per step", sim.version("sinabs"), spikes)


def check_recordings(pack, folder):
    """Compare with the v that the paper's authors published (columns of their CSV files: input,
    v, spikes), which are not part of the pack."""
    import h5py
    for name, recording, before in (("paper_lif_euler", "lif_norse.csv", None),
                                    ("paper_lif_exact", "lif_exact.csv", 460),
                                    ("paper_lif_decay", "lif_sinabs.csv", None)):
        theirs = np.loadtxt(f"{folder}/{recording}", delimiter=",")[:, 1]
        with h5py.File(pack.path("expected", name + ".h5")) as file:
            ours = file["traces/1/v"][:, 0]
        worst = np.abs(ours - theirs)[:before].max()
        print(f"{name}: v differs from {recording} by at most {worst:.1e}")
        assert worst < 1e-6


def add(pack):
    lif(pack)
    braille(pack)
    cnn(pack)
