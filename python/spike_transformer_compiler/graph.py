"""Models as a graph of nodes: SpikeGraph files and NIR files (docs/formats.md).

Text, numbers and short lists of integers are read at once, weights when they are asked for.
Graphs inside of NIR graphs are flattened as `stc` does: node `lif` of the graph `rnn` is `rnn.lif`.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .result import Lazy, plain

WEIGHTS = {"weight", "bias", "running_mean", "running_var", "scale", "pad_value"}
NOT_PARAMETERS = {"type", "inputs", "metadata", "nodes", "edges"}
LIST = 6  # most entries of a list of integers


@dataclass(frozen=True)
class Node:
    """One node. inputs: names of the operands, in order. attributes: parameters that the file
    gives, as numbers, text and lists. weights: parameter -> array, read when asked for; what
    differs between neurons, such as `tau` in NIR, is among them."""

    name: str
    type: str
    attributes: dict[str, Any] = field(repr=False)
    weights: Lazy[NDArray[Any]] = field(repr=False)
    weight_shapes: dict[str, tuple[int, ...]]
    inputs: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of entries of its weights."""
        return sum(int(np.prod(shape)) for shape in self.weight_shapes.values())


@dataclass(frozen=True)
class Graph:
    """A model. edges: (source, destination) in the order of the file. time_steps: default number of
    steps of a sample, 0: none. dt: seconds per step, 0: no clock. kind: "SpikeGraph" or "NIR"."""

    path: str
    kind: str
    name: str
    nodes: dict[str, Node] = field(repr=False)
    edges: list[tuple[str, str]] = field(repr=False)
    time_steps: int = 0
    dt: float = 0.0
    rules: str = ""

    @property
    def parameters(self) -> int:
        """Number of entries of the weights of all nodes."""
        return sum(node.parameters for node in self.nodes.values())

    def of_type(self, *types: str) -> list[Node]:
        """Nodes of these types, such as "DiscreteLIF"."""
        return [node for node in self.nodes.values() if node.type in types]

    def consumers(self, name: str) -> list[str]:
        """Nodes that have this node as an operand."""
        return [target for source, target in self.edges if source == name]

    def __repr__(self) -> str:
        return (f"<Graph {self.name}: {self.kind}, {len(self.nodes)} nodes, {len(self.edges)} "
                f"edges, {self.parameters:,} weights>")


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """Read the nodes and edges of a SpikeGraph or NIR file."""
    path = os.path.abspath(os.fspath(path))
    with h5py.File(path, "r") as file:
        if "graph" in file:
            kind, root = "SpikeGraph", file["graph"]
        elif "node" in file:
            kind, root = "NIR", file["node"]
        else:
            raise ValueError(f"{path}: no group /graph (SpikeGraph) or /node (NIR), but "
                             f"{', '.join(file) or 'nothing'}")
        reader = _Reader(path)
        if "nodes" in root:
            reader.read(root, "")
        else:
            reader.add_node(root, "node")
        head = {name: plain(value) for name, value in root.attrs.items()}
    name = str(head.get("name", os.path.splitext(os.path.basename(path))[0]))
    return Graph(path, kind, name, reader.connected(), reader.edges,
                 int(head.get("time_steps", 0)), float(head.get("dt", 0.0)),
                 str(head.get("rules", "")))


class _Reader:
    """Collects the nodes of a file, of graphs in graphs too, and connects them."""

    def __init__(self, path: str):
        self.path = path
        self.nodes: dict[str, Node] = {}
        self.edges: list[tuple[str, str]] = []
        self.lists: dict[str, tuple[str, ...]] = {}

    def read(self, group: h5py.Group, prefix: str) -> None:
        """All nodes and edges of a graph; prefix: "rnn." for the graph rnn, else empty."""
        inner = {}
        for name, item in group["nodes"].items():
            if plain(item["type"][()]) == "NIRGraph" and "nodes" in item:
                inner[name] = item
                self.read(item, f"{prefix}{name}.")
            else:
                self.add_node(item, prefix + name)
        edges = group["edges"][...] if "edges" in group else np.empty((0, 2), object)
        for source, target in dict.fromkeys((plain(a), plain(b)) for a, b in edges.reshape(-1, 2)):
            self.edges.append((self.end(prefix, source, inner, "Output"),
                               self.end(prefix, target, inner, "Input")))

    def end(self, prefix: str, name: str, inner: dict[str, h5py.Group], kind: str) -> str:
        """What an edge means that names an inner graph: its only Input or Output."""
        place = name
        while place in inner:
            ends = [node for node, item in inner[place]["nodes"].items()
                    if plain(item["type"][()]) == kind]
            if len(ends) != 1:
                raise ValueError(f"{self.path}: an edge names the graph {prefix}{name}, which has "
                                 f"{len(ends)} nodes of type {kind}, expected one")
            name = place = f"{name}.{ends[0]}"
        return prefix + name

    def add_node(self, group: h5py.Group, name: str) -> None:
        attributes, links, shapes = {}, {}, {}
        for key, data in group.items():
            if key in NOT_PARAMETERS or not isinstance(data, h5py.Dataset):
                continue
            integers = data.dtype.kind in "iub" and data.ndim == 1 and data.size <= LIST
            text = data.dtype.kind in "OS"
            if key not in WEIGHTS and (text or data.ndim == 0 or integers):
                value = data[()]
                attributes[key] = (tuple(value.tolist()) if isinstance(value, np.ndarray)
                                   else plain(value))
            else:
                links[key], shapes[key] = data.name, data.shape
        self.nodes[name] = Node(name, plain(group["type"][()]), attributes,
                                Lazy("weight", links, self.read_weight), shapes)
        if "inputs" in group:
            self.lists[name] = tuple(map(plain, group["inputs"][...]))

    def read_weight(self, _: str, link: str) -> NDArray[Any]:
        with h5py.File(self.path, "r") as file:
            return np.asarray(file[link][()])

    def connected(self) -> dict[str, Node]:
        """The nodes with their operands: as listed, else in the order of the edges."""
        operands: dict[str, list[str]] = {}
        for source, target in self.edges:
            for name in (source, target):
                if name not in self.nodes:
                    raise ValueError(f"{self.path}: an edge names the node {name!r}, which the "
                                     "file does not have")
            operands.setdefault(target, []).append(source)
        return {name: Node(name, node.type, node.attributes, node.weights, node.weight_shapes,
                           self.lists.get(name, tuple(operands.get(name, ()))))
                for name, node in self.nodes.items()}
