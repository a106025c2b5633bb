"""Networks of other simulators for tests: edge lists of tests/data/networks, and the same written
as SONATA in every spelling that readers must take."""
import json
import os

import h5py
import numpy as np
from command import SOURCE

DATA = os.path.join(SOURCE, "tests/data/networks")
ONE, TWO = os.path.join(DATA, "one_model.h5"), os.path.join(DATA, "two_models.h5")
EXP, DELTA = "iaf_psc_exp", "iaf_psc_delta"
TYPES = {EXP: 100, DELTA: 101, "virtual": 107}
LISTED = ("V_m", "tau_m")  # parameters that differ between the neurons of two_models.h5


def spikes_of(path, dt_ms=0.1):
    """{population: set of (step, id)} of a result, steps counted as NEST stamps them."""
    with h5py.File(path) as file:
        found = {}
        for name, group in file["spikes"].items():
            assert group["timestamps"].attrs["stamp"] == "end"
            steps = np.rint(group["timestamps"][:] / dt_ms).astype(int)
            found[name] = set(zip(steps.tolist(), group["node_ids"][:].tolist()))
        return found


def nest_spikes(path, ids, where="spikes"):
    """The set of (step, ids[NEST's id])."""
    with h5py.File(path) as file:
        return {(int(step), ids[int(neuron)])
                for step, neuron in zip(file[where]["step"], file[where]["neuron"])}


class Network:
    """two_models.h5 in tables: nodes in the order of NEST, then the sources."""

    def __init__(self):
        with h5py.File(TWO) as file:
            groups = {name: {key: column[:] for key, column in file["neurons"][name].items()}
                      for name in (EXP, DELTA)}
            sources = int(file["input"].attrs["n_sources"])
            self.spikes = file["input/spike_source"][:], file["input/spike_step"][:]
            self.clamp = dict(file["clamped"].attrs), file["clamped/chosen"][:]
            edges = [(file["edges"][name].attrs["source"], file["edges"][name].attrs["target"],
                      *(file["edges"][name][key][:] for key in ("src", "dst", "weight", "delay")))
                     for name in file["edges"]]
        sizes = {EXP: len(groups[EXP]["id"]), DELTA: len(groups[DELTA]["id"]), "input": sources}
        first = {EXP: 0, DELTA: sizes[EXP], "input": sizes[EXP] + sizes[DELTA]}
        self.kind = [EXP] * sizes[EXP] + [DELTA] * sizes[DELTA] + ["virtual"] * sources
        self.nest_id = np.concatenate([groups[EXP]["id"], groups[DELTA]["id"]])
        self.listed = {key: np.concatenate([groups[EXP][key], groups[DELTA][key],
                                            np.zeros(sources)]) for key in LISTED}
        self.common = {name: {key: float(column[0]) for key, column in groups[name].items()
                              if key not in LISTED + ("id", "V_min")} for name in (EXP, DELTA)}
        self.edges = tuple(np.concatenate(columns) for columns in zip(
            *((src + first[a], dst + first[b], weight, delay) for a, b, src, dst, weight, delay
              in edges)))
        self.first_source = first["input"]


def write_json(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(content, file, indent=1)
    return path


def write_text(path, *lines):
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def write_mixed(folder, layout="population", seed=4):
    """SONATA: everything in one population with sparse ids in random rows, two groups of nodes and
    of edges, weights in part as nsyns. Returns (config, ids): ids[k] of node k of Network."""
    net, random = Network(), np.random.default_rng(seed)
    n = len(net.kind)
    ids = 3 * random.permutation(n) + 7
    os.makedirs(os.path.join(folder, "network"), exist_ok=True)
    write_mixed_nodes(os.path.join(folder, "network/nodes.h5"), net, ids, random)
    write_mixed_edges(os.path.join(folder, "network/edges.h5"), net, ids, random)
    write_text(os.path.join(folder, "network/node_types.csv"),
               "node_type_id  model_type model_template dynamics_params  label",
               f'{TYPES["virtual"]} virtual NULL NULL "input ""of"" 5"',
               f'{TYPES[DELTA]} point_neuron nest:{DELTA} delta.json d',
               "",
               f'{TYPES[EXP]} point_process   nest:{EXP} exp.json "e x p"',
               "55 biophysical ctdb:unused none.json unused")
    write_text(os.path.join(folder, "network/edge_types.csv"),
               "edge_type_id target_query model_template dynamics_params delay syn_weight",
               "3 label=='e' static_synapse plain.json 1.5 0.5",
               "4 * nest:static_synapse NULL NULL NULL",
               "9 * stdp_synapse missing.json 1 1")
    for name, model in (("exp", EXP), ("delta", DELTA)):
        write_json(os.path.join(folder, f"models/{name}.json"), net.common[model])
    write_json(os.path.join(folder, "synapses/plain.json"), {"level_of_detail": "x"})
    spikes = write_spikes(folder, layout, net, ids)
    write_json(os.path.join(folder, "circuit.json"), {
        "manifest": {"$NETWORK": "./network", "${MODELS}": "$BASE/models", "$BASE": "${configdir}"},
        "components": {"point_neuron_models_dir": "${MODELS}", "synaptic_models_dir": "synapses"},
        "networks": {"nodes": [{"nodes_file": "$NETWORK/nodes.h5",
                                "node_types_file": "$NETWORK/node_types.csv"}],
                     "edges": [{"edges_file": "${NETWORK}/edges.h5",
                                "edge_types_file": "$NETWORK/edge_types.csv"},
                               {"edges_file": "no.h5", "edge_types_file": None,
                                "enabled": False}]}})
    write_json(os.path.join(folder, "sets.json"), {
        "sources": {"population": "cells", "model_type": "virtual"},
        "all of them": ["sources", "others"], "others": {"node_type_id": [100, 101]},
        "chosen": {"population": ["cells"],
                   "node_id": [int(ids[k]) for k, nest in enumerate(net.nest_id)
                               if nest in net.clamp[1]]}})
    config = write_json(os.path.join(folder, "config.json"), {
        "run": {"tstop": 200.0, "dt": 0.1, "spike_threshold": -15},
        "network": "circuit.json", "node_sets_file": "sets.json", "conditions": {"v_init": -80},
        "inputs": {"sources": {"input_type": "spikes", "module": spikes[0],
                               "input_file": spikes[1], "node_set": "sources"}}})
    return config, ids


def write_mixed_nodes(path, net, ids, random):
    rows = random.permutation(len(ids))
    with h5py.File(path, "w") as file:
        cells = file.create_group("nodes/cells")
        cells["node_id"] = ids[rows].astype(np.uint64)
        cells["node_type_id"] = np.array([TYPES[net.kind[k]] for k in rows], dtype=np.uint32)
        group = random.integers(2, size=len(rows))
        index = np.zeros(len(rows), dtype=np.uint64)
        for number in (0, 1):
            members = np.flatnonzero(group == number)
            index[members] = random.permutation(len(members))
            order = members[np.argsort(index[members])]
            for key in LISTED:
                cells[f"{3 * number}/dynamics_params/{key}"] = net.listed[key][rows[order]]
        cells["node_group_id"], cells["node_group_index"] = (3 * group).astype(np.uint32), index


def write_mixed_edges(path, net, ids, random):
    source, target, weight, delay = net.edges
    order = random.permutation(len(source))
    source, target, weight, delay = (column[order] for column in net.edges)
    # group 0: everything listed; group 1: weight 0.5 and delay 1.5 of type 3
    plain = (weight == 0.5) & (delay == 15)
    assert plain.sum() == 150
    with h5py.File(path, "w") as file:
        edges = file.create_group("edges/cells")  # as the nodes: names of the graph must differ
        for name, column in (("source", source), ("target", target)):
            data = edges.create_dataset(f"{name}_node_id", data=ids[column].astype(np.uint64),
                                        chunks=(100,), compression="gzip")
            data.attrs["node_population"] = "cells"
        edges["edge_type_id"] = np.where(plain, 3, 4).astype(np.uint32)
        edges["edge_group_id"] = plain.astype(np.uint16)
        index = np.zeros(len(order), dtype=np.uint32)
        listed = random.permutation(np.flatnonzero(~plain))
        index[listed], index[plain] = np.arange(len(listed)), np.arange(plain.sum())
        edges["edge_group_index"] = index
        nsyns = random.integers(3, size=len(listed))  # powers of two keep the weights exact
        edges["0/nsyns"] = (2 ** nsyns).astype(np.uint16)
        edges["0/syn_weight"] = weight[listed] / 2 ** nsyns
        edges["0/delay"] = delay[listed] * 0.1
        edges.create_group("1")


def write_spikes(folder, layout, net, ids):
    """(module, file name) of the spikes of the sources, stamped within the step."""
    source, step = net.spikes
    node, time = ids[net.first_source + source], step * 0.1 - 0.04
    order = np.random.default_rng(1).permutation(len(node))
    node, time = node[order], time[order]
    if layout == "csv":
        write_text(os.path.join(folder, "spikes.csv"), "timestamps population node_ids",
                   *(f"{t!r} cells {i}" for t, i in zip(time.tolist(), node)))
        return "csv", "spikes.csv"
    with h5py.File(os.path.join(folder, "spikes.h5"), "w") as file:
        group = file.create_group("spikes" if layout == "old" else "spikes/cells")
        group["gids" if layout == "old" else "node_ids"] = node
        group["timestamps"] = time / 1e3 if layout == "seconds" else time
        if layout == "seconds":
            group["timestamps"].attrs["units"] = "s"
        group.attrs["sorting"] = "none"
    return "h5" if layout == "old" else "sonata", "spikes.h5"


def change(config, **members):
    """Change members of a JSON file; keys with '__' lead into objects."""
    with open(config) as file:
        content = json.load(file)
    for key, value in members.items():
        *path, last = key.split("__")
        at = content
        for step in path:
            at = at[step]
        if value is None:
            at.pop(last)
        else:
            at[last] = value
    return write_json(config, content)
