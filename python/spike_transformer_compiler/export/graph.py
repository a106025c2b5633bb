"""The SpikeGraph while it grows: nodes with shapes; views that undo each other are left out."""
from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional, Sequence

import numpy as np

VIEWS = ("Reshape", "Permute", "Slice")
WEIGHTED = ("Conv1d", "Conv2d", "Linear")


@dataclasses.dataclass
class Node:
    type: str
    inputs: tuple[str, ...]
    parameters: dict[str, Any]
    shape: tuple[int, ...]


class Graph:
    """nodes: by name, operands before those who use them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, name: str, kind: str, inputs: Sequence[str], shape: Sequence[int],
            /, **parameters: Any) -> str:
        """A new node; a number is added to a name that exists. Returns the name."""
        name = wanted = name.replace("/", "_").replace("%", "_")
        number = 1
        while name in self.nodes or name in ("", "."):
            number += 1
            name = f"{wanted or kind.lower()}_{number}"
        self.nodes[name] = Node(kind, tuple(inputs), parameters, tuple(map(int, shape)))
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        return self.nodes[name].shape

    def reshape(self, source: str, shape: Sequence[int], name: str) -> str:
        shape = tuple(map(int, shape))
        while self.nodes[source].type == "Reshape":
            source = self.nodes[source].inputs[0]
        if self.shape(source) == shape:
            return source
        return self.add(name, "Reshape", [source], shape, shape=np.array(shape))

    def permute(self, source: str, order: Sequence[int], name: str) -> str:
        order = tuple(order)
        node = self.nodes[source]
        if node.type == "Permute":
            source = node.inputs[0]
            order = tuple(int(node.parameters["perm"][k]) for k in order)
        if order == tuple(range(len(order))):
            return source
        shape = [self.shape(source)[k] for k in order]
        moved = [k for k in order if self.shape(source)[k] > 1]
        if moved == sorted(moved):
            return self.reshape(source, shape, name)
        return self.add(name, "Permute", [source], shape, perm=np.array(order))

    def slice(self, source: str, axis: int, start: int, stop: int, step: int, name: str) -> str:
        shape = list(self.shape(source))
        if (start, stop, step) == (0, shape[axis], 1):
            return source
        shape[axis] = len(range(start, stop, step))
        parameters = {"axis": axis, "start": start, "stop": stop}
        if step != 1:
            parameters["step"] = step
        return self.add(name, "Slice", [source], shape, **parameters)

    def affine(self, source: str, axis: Optional[int], kind: str, name: str, /,
               **parameters: Any) -> str:
        """BatchNorm or Scale along an axis (None: one factor). Where views lie between a layer of
        weights and it, it moves below them, so that stc can fold it into the weights."""
        base, views = source, []
        below = axis
        while self.nodes[base].type in ("Reshape", "Permute"):
            below = self._through(base, below)
            if axis is not None and below is None:
                break
            views.append(self.nodes[base])
            base = self.nodes[base].inputs[0]
        node = self.nodes[base]
        channel = len(node.shape) - 1 if node.type == "Linear" else 0
        if node.type not in WEIGHTED and node.type not in ("BatchNorm", "Scale") or \
                axis is not None and (below is None or node.type in WEIGHTED and below != channel):
            base, below, views = source, axis, []
        if below is not None:
            parameters["axis"] = below
        top = self.add(name, kind, [base], self.shape(base), **parameters)
        for view in reversed(views):
            top = self.reshape(top, view.shape, name + ".reshape") if view.type == "Reshape" else \
                self.permute(top, view.parameters["perm"], name + ".permute")
        return top

    def _through(self, name: str, axis: Optional[int]) -> Optional[int]:
        """The axis of the operand of a view that is this axis of the view, or None."""
        if axis is None:
            return None
        node = self.nodes[name]
        if node.type == "Permute":
            return int(node.parameters["perm"][axis])
        before = self.shape(node.inputs[0])
        outer = math.prod(node.shape[:axis])
        for at in range(len(before)):
            if before[at] == node.shape[axis] and math.prod(before[:at]) == outer:
                return at
        return None

    def used(self) -> dict[str, Node]:
        """Nodes that lead to an output."""
        wanted, left = set(), [name for name, node in self.nodes.items() if node.type == "Output"]
        while left:
            name = left.pop()
            if name not in wanted:
                wanted.add(name)
                left += self.nodes[name].inputs
        return {name: node for name, node in self.nodes.items() if name in wanted}
