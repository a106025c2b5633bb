#!/usr/bin/env python3
"""Mean absolute error of values in [0, 1] through each encoder and its decoder, run by stc.

    bench/encodings.py [--stc build/release/bin/stc] [--ranks 2]

Prints the table of docs/encodings.md. Needs numpy and h5py.
"""
import argparse
import os
import subprocess
import tempfile

import h5py
import numpy as np

STEPS = (4, 16, 64, 256)
VALUES, REPEATS = 4096, 16
GAIN = 4.0  # spikes per step of the Poisson code for value 1
BITS = 8


def phase_bits(steps):
    return min(BITS, steps)


def delta_threshold(steps):
    return 1.0 / steps


# name, encoder, decoder, parameters of both for T steps, decoded number -> value
CODES = (
    ("rate -> rate", "RateEncoding", "TimeMean", lambda steps: ({}, {}), lambda y, steps: y),
    (f"Poisson, gain {GAIN:g} -> rate / gain", "PoissonEncoding", "RateDecoding",
     lambda steps: ({"gain": GAIN}, {}), lambda y, steps: y / GAIN),
    ("latency -> first spike", "LatencyEncoding", "FirstSpikeDecoding", lambda steps: ({}, {}),
     lambda y, steps: 1 - y / (steps - 1)),
    (f"phase, min(T, {BITS}) bits -> phase", "PhaseEncoding", "PhaseDecoding",
     lambda steps: ({"bits": phase_bits(steps)},) * 2, lambda y, steps: y),
    ("delta, threshold 1 / T -> count x threshold", "DeltaEncoding", "CountDecoding",
     lambda steps: ({"threshold": delta_threshold(steps)}, {}),
     lambda y, steps: y * delta_threshold(steps)),
)


def write_model(path, encoder, decoder, parameters, steps):
    with h5py.File(path, "w") as file:
        file.attrs["format"], file.attrs["format_version"] = "SpikeGraph", 1
        graph = file.create_group("graph")
        graph.attrs["time_steps"] = steps
        nodes = (("values", "Input", {"shape": np.array([VALUES])}),
                 ("spikes", encoder, parameters[0]), ("decoded", decoder, parameters[1]),
                 ("out", "Output", {}))
        for name, kind, given in nodes:
            node = graph.create_group("nodes/" + name)
            node["type"] = kind
            for key, value in given.items():
                node[key] = value
        names = [name for name, _, _ in nodes]
        graph["edges"] = np.array(list(zip(names, names[1:])), dtype=h5py.string_dtype())


def round_trip(stc, ranks, folder, code, steps):
    """Mean absolute error."""
    _, encoder, decoder, parameters, value_of = code
    model, given, result = (os.path.join(folder, name) for name in ("m.h5", "in.h5", "out.h5"))
    values = np.linspace(0, 1, VALUES, dtype=np.float32)
    write_model(model, encoder, decoder, parameters(steps), steps)
    with h5py.File(given, "w") as file:
        file["inputs/values"] = np.tile(values, (REPEATS, 1))
    subprocess.run(["mpirun", "-q", "--bind-to", "none", "-n", str(ranks), stc, "run", model,
                    "--input", given, "-o", result, "--log-level", "warn"], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with h5py.File(result, "r") as file:
        decoded = file["outputs/out"][()].astype(np.float64)
    return np.abs(value_of(decoded, steps) - values).mean()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--stc", default="build/release/bin/stc")
    options.add_argument("--ranks", type=int, default=2)
    given = options.parse_args()
    print("| encoder -> decoder | " + " | ".join(f"T = {steps}" for steps in STEPS) + " |")
    print("|---|" + "---|" * len(STEPS))
    with tempfile.TemporaryDirectory() as folder:
        for code in CODES:
            errors = [round_trip(given.stc, given.ranks, folder, code, steps) for steps in STEPS]
            print(f"| {code[0]} | " + " | ".join(f"{error:.2g}" for error in errors) + " |",
                  flush=True)


if __name__ == "__main__":
    main()
