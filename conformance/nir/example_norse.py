#!/usr/bin/env python3
"""Run the pack in Norse: an example of what another simulator's author writes.

    python example_norse.py RESULTS && python compare.py RESULTS

Cases whose rules or nodes Norse's importer does not have are left out. Needs nir, nirtorch, norse.
"""
import json
import os
import sys

import h5py
import nir
import norse.torch as norse
import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def reads(node):
    """Whether Norse's importer takes this node as NIR means it."""
    if isinstance(node, nir.Conv2d):
        return not isinstance(node.padding, str) and node.groups == 1
    if isinstance(node, (nir.Affine, nir.Linear)):
        return node.weight.ndim == 2
    if isinstance(node, nir.SumPool2d):
        return not np.any(node.padding)
    if isinstance(node, nir.LIF):
        return np.all(node.r == 1)
    return isinstance(node, (nir.Input, nir.Output, nir.IF, nir.CubaLIF))


def has_cycle(graph):
    """Whether edges are left when nodes without a source are taken away again and again."""
    edges, size = set(graph.edges), None
    while size != len(edges):
        size, fed = len(edges), {b for _, b in edges}
        edges = {(a, b) for a, b in edges if a in fed}
    return bool(edges)


def is_ours(case, graph):
    """Whether Norse has the rules of this case and the nodes of this graph."""
    rules, nodes = case["rules"], list(graph.nodes.values())
    spiking = [node for node in nodes if hasattr(node, "v_threshold")]
    scaled = rules.get("gain", "ode") != "unit"
    return (all(reads(node) for node in nodes)
            and sum(isinstance(node, nir.Input) for node in nodes) == 1
            and not any(key in rules for key in ("reset_time", "fire", "max_count", "clip"))
            and not any(np.any(node.v_leak) for node in nodes if hasattr(node, "v_leak"))
            and (not spiking or (rules["integrator"], rules["compare"], rules["reset"])
                 == ("euler", "gt", "zero"))
            and not (has_cycle(graph) and (rules["recurrent_delay"] > 1
                                           or "recurrent_start" not in rules))
            and not any(scaled and not np.allclose(node.r * rules["dt"], 1)
                        for node in nodes if isinstance(node, nir.IF)))


def run(case, graph, x):
    """Datasets of the result: spikes of neuron layers; without these, what comes out."""
    model, state, found = norse.from_nir(graph, dt=case["rules"]["dt"]), None, {}

    def collect(name):
        return lambda module, given, out: found.setdefault(name, []).append(
            (out[0] if isinstance(out, tuple) else out).numpy().copy())

    modules = dict(model.named_modules())
    for node in case["spikes"]:
        modules[node.replace(".", "_")].register_forward_hook(collect(f"spikes/{node}"))
    with torch.no_grad():
        for row in torch.tensor(x):
            out, state = model(row[None], state)
            if not case["spikes"]:
                collect(f"outputs/{case['outputs'][0]}")(None, None, out)
    return {name: np.concatenate(rows) for name, rows in found.items()}


def main(results):
    os.makedirs(results, exist_ok=True)
    with open(os.path.join(HERE, "manifest.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        graph = nir.read(os.path.join(HERE, case["model"]), type_check=False)
        if len(case["outputs"]) != 1 or not is_ours(case, graph):
            continue
        with h5py.File(os.path.join(HERE, case["input"])) as file:
            x = file["inputs/input"][0]
        with h5py.File(os.path.join(results, case["name"] + ".h5"), "w") as file:
            for name, values in run(case, graph, x).items():
                file[name] = values
        print(case["name"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    main(sys.argv[1])
