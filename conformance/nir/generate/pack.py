"""Writes models, inputs, expected values and the manifest of the pack.

Files are the same to the last byte whenever they are made by the same versions of h5py and nir.
"""
from dataclasses import asdict
from fractions import Fraction
import functools
import json
import os
from unittest import mock

import h5py
import nir
import numpy as np

import definition

ALWAYS = ("dt", "integrator", "compare", "reset", "recurrent_delay")
SMALL = {"libver": ("v108", "v108"), "meta_block_size": 256}  # HDF5 1.8 and later read it
TOLERANCE = 1e-6
SMALLEST_MARGIN = Fraction(1, 10000)


def floats(rows):
    return np.array([[float(x) for x in np.asarray(row).flat] for row in rows],
                    dtype=np.float64).reshape(len(rows), *np.shape(rows[0]))


def graph(nodes, edges=None):
    """edges: pairs, or None for a chain in the order of nodes."""
    names = list(nodes)
    return nir.NIRGraph(nodes=nodes, edges=edges or list(zip(names, names[1:])), type_check=False)


class Pack:
    def __init__(self, folder):
        self.folder, self.cases, self.models = folder, [], {}
        for name in ("models", "inputs", "expected"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)

    def path(self, *words):
        return os.path.join(self.folder, *words)

    def model(self, name, model):
        """Write model, a graph, as models/name.nir; what the file holds is what cases are about."""
        path = f"models/{name}.nir"
        sort_edges(model)
        with mock.patch("h5py.File", functools.partial(h5py.File, **SMALL)):
            nir.write(self.path(path), model, compression=None)
        self.models[path] = nir.read(self.path(path), type_check=False)
        return path

    def input(self, name, arrays):
        """arrays: input node -> (steps, shape)."""
        path = f"inputs/{name}.h5"
        with self.file(path) as file:
            for node, values in arrays.items():
                write(file, f"inputs/{node}", np.asarray(values, np.float32)[None])
        return path

    def file(self, path):
        return h5py.File(self.path(path), "w", **SMALL)

    def read_input(self, path):
        with h5py.File(self.path(path)) as file:
            return {name: data[0] for name, data in file["inputs"].items()}

    def defined(self, name, model, inputs, rules, about, source, confirm=None, preset=None):
        """A case whose expected values are those of the definition. confirm(record): further
        checks."""
        arrays = self.read_input(inputs)
        steps = len(next(iter(arrays.values())))
        record = definition.run(self.models[model], arrays, steps, rules)
        check_margin(name, record)
        if confirm:
            confirm(record)
        self.case(name, model, inputs, steps, rules, about, source,
                  {n: floats(z) for n, z in record.spikes.items()},
                  {f"{n}/{s}": floats(x) for s, table in (("v", record.v), ("i", record.i))
                   for n, x in table.items()},
                  {n: floats(y) for n, y in record.outputs.items()}, preset=preset)

    def simulated(self, name, model, inputs, rules, about, simulator, spikes, preset=None):
        """A case whose expected spikes a simulator gave; the definition must agree with it."""
        arrays = self.read_input(inputs)
        steps = len(next(iter(arrays.values())))
        record = definition.run(self.models[model], arrays, steps, rules)
        check_margin(name, record)
        spikes = {n: z.reshape(steps, *np.shape(record.spikes[n][0])) for n, z in spikes.items()}
        for node, z in spikes.items():
            wrong = np.argwhere(floats(record.spikes[node]) != z)
            if len(wrong):
                raise AssertionError(f"{name}: {node}: definition and {simulator} differ, first at "
                                     f"(step, neuron) {wrong[0]}")
        self.case(name, model, inputs, steps, rules, about,
                  f"{simulator}; exact arithmetic gives the same", spikes, {},
                  {n: floats(y) for n, y in record.outputs.items()}, preset=preset)

    def case(self, name, model, inputs, steps, rules, about, source, spikes, traces, outputs,
             preset=None):
        path = f"expected/{name}.h5"
        assert name not in [case["name"] for case in self.cases], name
        with self.file(path) as file:
            for node, values in sorted(spikes.items()):
                write(file, f"spikes/{node}", values.astype(np.uint8))
            for node, values in sorted(traces.items()):
                write(file, f"traces/{node}", values.astype(np.float64))
            for node, values in sorted(outputs.items()):
                bits = values.astype(np.uint8)
                write(file, f"outputs/{node}", bits if np.array_equal(bits, values) else values)
        default = definition.Rules()
        given = {key: value for key, value in asdict(rules).items()
                 if key in ALWAYS or value != getattr(default, key)}
        named = {"preset": preset} if preset else {}
        self.cases.append({
            "name": name, "about": about, "model": model, "input": inputs, "steps": steps,
            "rules": given, **named, "expected": path,
            "spikes": sorted(spikes), "traces": sorted(traces),
            "outputs": sorted(outputs), "tolerance": TOLERANCE, "source": source})

    def finish(self):
        """Write the manifest; remove files of cases that are no more."""
        manifest = {"format": "nir-conformance", "format_version": 1,
                    "cases": sorted(self.cases, key=lambda case: case["name"])}
        with open(self.path("manifest.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
            file.write("\n")
        used = {case[key] for case in self.cases for key in ("model", "input", "expected")}
        for folder in ("models", "inputs", "expected"):
            for name in os.listdir(self.path(folder)):
                if f"{folder}/{name}" not in used and not name.startswith("LICENSE"):
                    os.remove(self.path(folder, name))


def sort_edges(node):
    """Exporters give them in the order of a set, which is another one each time."""
    if isinstance(node, nir.NIRGraph):
        node.edges = sorted(node.edges)
        for inner in node.nodes.values():
            sort_edges(inner)


def write(file, name, values):
    packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    packed = packed if values.nbytes > 8192 else {}
    file.create_dataset(name, data=values, **packed)


def check_margin(name, record):
    """Spikes must not hang on rounding: v is on the threshold exactly, with few enough bits for a
    float32, or well away from it."""
    if record.margin < SMALLEST_MARGIN:
        raise AssertionError(f"{name}: v comes within {float(record.margin):.1e} of the threshold")
    for bits in record.landing_bits:
        if bits > 20:
            raise AssertionError(f"{name}: v lands on the threshold with {bits} bits")
