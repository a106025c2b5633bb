"""What lowering works with: computed tensors, constants, and what all functions ask about them."""
from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional, Sequence

import numpy as np
import torch
from torch import fx

from . import layout
from .graph import Graph
from .layout import B, D, T, Axes
from .neurons import Neuron

APART = ("Steps and samples stay apart in a SpikeGraph: attention or arithmetic across them has no "
          "counterpart.")


@dataclasses.dataclass(frozen=True)
class Value:
    """A computed tensor: the node that holds it and what its axes are. averaged: over time."""

    node: str
    axes: Axes
    averaged: bool = False


@dataclasses.dataclass(frozen=True)
class Constant:
    """Numbers of the model: a parameter, a buffer, or computed from those."""

    tensor: torch.Tensor
    name: str
    names: tuple[str, ...]

    def array(self) -> np.ndarray:
        return self.tensor.detach().cpu().to(torch.float64).numpy()


@dataclasses.dataclass(frozen=True)
class Spikes:
    """Where the spikes of a neuron node are in the model: what the module at path puts out, with
    these axes, of which the data have this shape. neuron: with parameters along the node's axes."""

    path: str
    axes: Axes
    shape: tuple[int, ...]
    neuron: Neuron


class Refused(Exception):
    """What and why; lowering adds where."""


def pair(value: Any, n: int = 2) -> list[int]:
    return [int(v) for v in value] if isinstance(value, (tuple, list)) else [int(value)] * n


def ints(values: Sequence[Any]) -> list[int]:
    """(2, 3), ((2, 3),), ([2, 3],): sizes as methods of tensors take them."""
    if len(values) == 1 and isinstance(values[0], (tuple, list)):
        values = values[0]
    return [int(v) for v in values]


class Context:
    """The graph that grows, the torch call that is being lowered, and T and B in sizes."""

    def __init__(self, batch: int, steps: Optional[int]):
        self.graph = Graph()
        self.sizes = {B: batch}
        if steps is not None:
            self.sizes[T] = steps
        self.has_steps = False       # whether some tensor has an axis of steps
        self.used: set[str] = set()  # names of constants that nodes have
        self.now: fx.Node = None

    def _name(self, what: str = "") -> str:
        """Of a node: the path of the module, with the function unless the module is only that."""
        path = self.now.meta.get("module", "")
        return ".".join(part for part in (path, what) if part) or "model"

    def _shape(self, x: Value) -> tuple[int, ...]:
        return self.graph.shape(x.node)

    def _torch_shape(self, x: Value) -> list[int]:
        left = iter(self._shape(x))
        return [math.prod(next(left) if s == D else self.sizes[s] for s in axis) for axis in x.axes]

    def _weight(self, constant: Any, what: str) -> np.ndarray:
        """Numbers of a weight as files have them."""
        if not isinstance(constant, Constant):
            raise Refused(f"the {what} is computed from the input. A SpikeGraph's weights are "
                          "constant; a product of two computed tensors is a matmul.")
        if constant.tensor.is_floating_point() and constant.tensor.dtype != torch.float32:
            raise Refused(f"the {what} {constant.name} is {constant.tensor.dtype}, files hold "
                          "float32. Export model.float().")
        self.used.update(constant.names)
        values = constant.tensor.detach().cpu().float().numpy()
        if not np.isfinite(values).all():
            raise Refused(f"the {what} {constant.name} has entries that are not finite.")
        return values

    def _axis(self, x: Value, dim: int) -> int:
        return dim + len(x.axes) if dim < 0 else dim

    def _data_axis(self, x: Value, dim: int, what: str) -> int:
        """The axis of the node that is this whole axis of the tensor."""
        axis = self._axis(x, int(dim))
        if x.axes[axis] != (D,):
            raise Refused(f"{what} along axis {axis}, which holds {' x '.join(x.axes[axis])} in "
                          f"{layout.text(x.axes)}. {APART}")
        return layout.data_index(x.axes, axis)

    def _samples_first(self, x: Value, ndim: int, what: str) -> None:
        """[(T,) B, C, ...]: what convolutions and pools of torch take."""
        if len(x.axes) != ndim or D in x.axes[0] or any(axis != (D,) for axis in x.axes[1:]):
            raise Refused(f"{what} of a tensor whose axes are {layout.text(x.axes)}; expected "
                          f"steps and samples merged on the first of {ndim} axes, data on the "
                          "others.")

    def _along(self, x: Value, values: np.ndarray, what: str) -> np.ndarray:
        """values, which broadcast to the tensor x, with the axes of its node."""
        shape = [1] * (len(x.axes) - values.ndim) + list(values.shape)
        if len(shape) > len(x.axes):
            raise Refused(f"{what} with {values.ndim} axes for a tensor of {len(x.axes)}.")
        found = []
        for axis, extent in zip(x.axes, shape):
            if extent != 1 and axis != (D,):
                raise Refused(f"{what} that differs along {' x '.join(axis)}. {APART}")
            found += [extent] if axis == (D,) else [1] * axis.count(D)
        return values.reshape(found)

    def _same_axes(self, x: Value, other: Value) -> tuple[Value, Value]:
        """Both with the axes of x; where other has an axis of 1 it gets as many as x has."""
        if x.averaged != other.averaged and (T in sum(x.axes, ()) or T in sum(other.axes, ())):
            raise Refused("values of single steps meet a mean over steps, which is known only "
                          "after the last of them.")
        missing = len(x.axes) - len(other.axes)
        if missing < 0:
            raise Refused(f"{layout.text(x.axes)} and {layout.text(other.axes)} have another "
                          "number of axes.")
        widened = [()] * missing + list(other.axes)
        left, shape = iter(self._shape(other)), []
        for mine, theirs, extent in zip(x.axes, widened, self._torch_shape_of(widened, other)):
            if mine == theirs:
                shape += [next(left) for _ in range(mine.count(D))]
            elif extent == 1 and B not in theirs:
                shape += [1] * mine.count(D)
                for _ in range(theirs.count(D)):
                    next(left)
            else:
                raise Refused(f"{layout.text(x.axes)} and {layout.text(other.axes)} do not have "
                              "steps and samples on the same axes.")
        node = self.graph.reshape(other.node, shape, self._name("reshape"))
        return x, Value(node, x.axes, other.averaged)

    def _torch_shape_of(self, axes: Sequence[tuple[str, ...]], x: Value) -> list[int]:
        left = iter(self._shape(x))
        return [math.prod(next(left) if s == D else self.sizes[s] for s in axis) for axis in axes]
