"""A SpikeGraph and its test vectors as an HDF5 file (docs/formats.md)."""
from __future__ import annotations

import os
from typing import Any, Optional

import h5py
import numpy as np

from .graph import Graph, Node
from .lower import Lowering
from .reference import Vectors

TEXT = h5py.string_dtype()


def write(path: str, name: str, steps: int, lowering: Lowering,
          vectors: Optional[Vectors], notes: list[str], source: str) -> None:
    """The file appears under its name when it is complete."""
    part = f"{path}.tmp"
    try:
        with h5py.File(part, "w", libver=("v108", "v108")) as file:
            file.attrs["format"] = "SpikeGraph"
            file.attrs["format_version"] = np.int64(1)
            file.attrs["source"] = source
            if notes:
                file.attrs.create("notes", notes, dtype=TEXT)
            group = file.create_group("graph")
            group.attrs["name"] = name
            group.attrs["time_steps"] = np.int64(steps)
            _write_graph(group, lowering.graph)
            if vectors is not None:
                _write_vectors(file.create_group("test"), lowering, vectors)
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def _write_graph(group: h5py.Group, graph: Graph) -> None:
    nodes, stored = graph.used(), {}
    for name, node in nodes.items():
        _write_node(group.create_group(f"nodes/{name}"), node, stored)
    edges = [(source, name) for name, node in nodes.items()
             for source in dict.fromkeys(node.inputs)]
    group.create_dataset("edges", data=np.array(edges, object).reshape(-1, 2), dtype=TEXT)


def _write_node(group: h5py.Group, node: Node, stored: dict) -> None:
    """stored: weights that are in the file; one that several nodes share is there once."""
    group.create_dataset("type", data=node.type, dtype=TEXT)
    group.create_dataset("inputs", data=list(node.inputs), shape=(len(node.inputs),), dtype=TEXT)
    for name, value in node.parameters.items():
        if isinstance(value, np.ndarray) and value.dtype == np.float32:
            key = (value.__array_interface__["data"][0], value.shape, value.strides)
            group[name] = stored.setdefault(key, value)
            stored[key] = group[name]
        else:
            group[name] = _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return np.uint8(value)
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    return array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)


def _write_vectors(group: h5py.Group, lowering: Lowering, vectors: Vectors) -> None:
    near = group.create_group("near_threshold")
    near.attrs["band"] = vectors.band
    group.attrs["doc"] = (
        "What the model gave in PyTorch. near_threshold: neuron-steps whose membrane, computed in "
        "float64, is within `band` of the threshold but not on it, where another order of "
        "summation may flip a spike")
    for name, values in vectors.inputs.items():
        group.create_dataset(f"inputs/{name}", data=values, compression="gzip")
    for name, counts in vectors.spikes.items():
        binary = lowering.neurons[name].neuron.largest_count == 1
        data = counts.reshape(-1)
        data = np.packbits(data, bitorder="little") if binary else data
        stored = group.create_dataset(f"spikes/{name}", data=data, compression="gzip")
        stored.attrs["shape"] = np.array(counts.shape, np.int64)
        near[name] = vectors.near[name]
    for name, values in vectors.outputs.items():
        group[f"outputs/{name}"] = np.ascontiguousarray(values, np.float32)
