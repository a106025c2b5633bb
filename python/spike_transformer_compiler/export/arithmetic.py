"""Sums, products, means: of computed values, and with constants."""
from __future__ import annotations

import dataclasses
import math
from typing import Any, Sequence

import numpy as np

from . import layout
from .layout import B, D, T
from .values import APART, Constant, Context, Refused, Value, ints


class Arithmetic(Context):
    """Their functions."""

    def fn_add(self, x, other, alpha=1):
        if alpha != 1:
            other = self.fn_mul(other, alpha)
        if isinstance(x, Value) and isinstance(other, Value):
            a, b = self._same_axes(x, other)
            if self._shape(a) != self._shape(b):
                raise Refused(f"a sum of shapes {self._shape(a)} and {self._shape(b)}, which would "
                              "broadcast computed values. Only products do.")
            node = self.graph.add(self._name("add"), "Add", [a.node, b.node], self._shape(a))
            return dataclasses.replace(a, node=node)
        if not isinstance(x, Value):
            x, other = other, x
        return self._shift(x, other)

    def _shift(self, x: Value, other: Any) -> Value:
        """A constant added: a batch norm that only shifts."""
        values = self._numbers(x, other, "a constant sum")
        shape = self._shape(x)
        if not values.any():
            return x
        varying = [axis for axis, extent in enumerate(values.shape) if extent > 1]
        source, axis = x.node, varying[0] if varying else 0
        if len(varying) > 1:
            source = self.graph.reshape(source, [math.prod(shape)], self._name("flat"))
            values, axis = np.broadcast_to(values, shape), 0
        else:
            values = np.broadcast_to(values.reshape(-1), [shape[axis]])
        n = values.size
        node = self.graph.affine(source, axis, "BatchNorm", self._name("shift"), eps=0.0,
                                 running_mean=np.zeros(n, np.float32),
                                 running_var=np.ones(n, np.float32),
                                 bias=np.ascontiguousarray(values.reshape(n), np.float32))
        return dataclasses.replace(x, node=self.graph.reshape(node, shape, self._name("shift")))

    def fn_sub(self, x, other, alpha=1):
        return self.fn_add(x, self.fn_mul(other, -1.0 * alpha))

    def fn_rsub(self, x, other, alpha=1):
        return self.fn_add(other, self.fn_mul(x, -1.0 * alpha))

    def fn_neg(self, x):
        return self.fn_mul(x, -1.0)

    def fn_mul(self, x, other):
        if not isinstance(x, Value):
            x, other = other, x
        if not isinstance(x, Value):  # both are constants
            numbers = [v.array() if isinstance(v, Constant) else v for v in (x, other)]
            return numbers[0] * numbers[1]
        if not isinstance(other, Value):
            return self._scale(x, other)
        if len(other.axes) > len(x.axes):
            x, other = other, x
        a, b = self._same_axes(x, other)
        shape = np.broadcast_shapes(self._shape(a), self._shape(b))
        return Value(self.graph.add(self._name("mul"), "Mul", [a.node, b.node], shape), a.axes,
                     a.averaged)

    def _scale(self, x: Value, other: Any) -> Value:
        values = self._numbers(x, other, "a constant factor")
        if values.size == 1:
            factor = float(values.reshape(()))
            if factor == 1:
                return x
            node = self.graph.affine(x.node, None, "Scale", self._name("scale"), factor=factor)
            return dataclasses.replace(x, node=node)
        varying = [axis for axis, extent in enumerate(values.shape) if extent > 1]
        values = values.astype(np.float32)
        if len(varying) == 1:
            node = self.graph.affine(x.node, varying[0], "Scale", self._name("scale"),
                                     scale=values.reshape(-1))
        else:
            node = self.graph.add(self._name("scale"), "Scale", [x.node], self._shape(x),
                                  scale=values)
        return dataclasses.replace(x, node=node)

    def _numbers(self, x: Value, other: Any, what: str) -> np.ndarray:
        """A constant operand of x along the axes of its node."""
        if isinstance(other, Constant):
            other = self._weight(other, what)
        values = self._along(x, np.asarray(other, np.float64), what)
        shape = self._shape(x)
        if np.broadcast_shapes(values.shape, shape) != shape:
            raise Refused(f"{what} of shape {values.shape} widens values of shape {shape}.")
        return values

    def fn_div(self, x, other, rounding_mode=None):
        if rounding_mode is not None:
            raise Refused(f"div with rounding_mode={rounding_mode!r}.")
        if isinstance(other, Value):
            raise Refused("a division by computed values.")
        return self.fn_mul(x, 1.0 / (other.array() if isinstance(other, Constant) else other))

    def fn_matmul(self, x, other):
        if isinstance(other, Constant):
            values = self._weight(other, "matrix")
            if values.ndim != 2:
                raise Refused(f"a product with a constant of {values.ndim} axes; expected 2.")
            self._data_axis(x, -1, "matmul")
            return self._layer("Linear", x, np.ascontiguousarray(values.T), None,
                               [*self._shape(x)[:-1], values.shape[1]], {})
        if len(x.axes) != len(other.axes) or len(x.axes) < 2:
            raise Refused(f"matmul of {layout.text(x.axes)} and {layout.text(other.axes)}; "
                          "expected as many axes on both sides.")
        for operand in (x, other):
            for dim in (-2, -1):
                self._data_axis(operand, dim, "matmul")
        if x.axes != other.axes or x.averaged != other.averaged:
            raise Refused(f"matmul of {layout.text(x.axes)} and {layout.text(other.axes)}. {APART}")
        a, b = self._shape(x), self._shape(other)
        if a[:-2] != b[:-2]:
            raise Refused(f"matmul that broadcasts {a} and {b}.")
        node = self.graph.add(self._name("matmul"), "MatMul", [x.node, other.node],
                              [*a[:-1], b[-1]])
        return dataclasses.replace(x, node=node)

    # ---- sums and means ----

    def fn_mean(self, x, dim=None, keepdim=False, dtype=None):
        return self._reduce(x, dim, keepdim, "Mean")

    def fn_sum(self, x, dim=None, keepdim=False, dtype=None):
        return self._reduce(x, dim, keepdim, "ReduceSum")

    def _reduce(self, x, dim, keepdim, kind):
        what = "mean" if kind == "Mean" else "sum"
        if dim is None:
            raise Refused(f"{what} over everything, samples too. Name the axes.")
        axes = sorted({self._axis(x, d) for d in ints(dim if isinstance(dim, (tuple, list))
                                                       else [dim])})
        for axis in axes:
            if B in x.axes[axis]:
                raise Refused(f"{what} over axis {axis}, which holds {' x '.join(x.axes[axis])}: "
                              "over samples. A SpikeGraph treats every sample alone.")
            if T in x.axes[axis] and x.axes[axis] != (T,):
                raise Refused(f"{what} over axis {axis}, which holds {' x '.join(x.axes[axis])}. "
                              "Take them apart first.")
        over = [k for axis in axes if x.axes[axis] != (T,)
                for k in [layout.data_index(x.axes, axis)]]
        kept = [n if k not in over else 1 for k, n in enumerate(self._shape(x))]
        node = x.node
        if over:
            node = self.graph.add(self._name(what), kind, [node], kept, axis=over, keepdim=True)
        averaged, time = x.averaged, any(x.axes[axis] == (T,) for axis in axes)
        if time:
            node = self._over_time(node, kept, what)
            averaged = True
        new_axes = tuple((D,) if k in axes else axis for k, axis in enumerate(x.axes)
                         if keepdim or k not in axes)
        return self._shaped(x, node, axes, kept, new_axes, keepdim, averaged)

    def _shaped(self, x, node, axes, kept, new_axes, keepdim, averaged):
        """Drop, or with keepdim add, the axes of size 1 of a sum."""
        left, shape = iter(kept), []
        for k, axis in enumerate(x.axes):
            extents = [next(left) for _ in range(axis.count(D))]
            if k not in axes:
                shape += extents
            elif keepdim:
                shape.append(1)
        if not shape:
            raise Refused("a sum that leaves one number for a sample. Keep an axis (keepdim=True).")
        return Value(self._fit(node, shape), new_axes, averaged)

    def _fit(self, node: str, shape: list[int]) -> str:
        """A node of other axes of size 1; a sum drops its own."""
        made = self.graph.nodes[node]
        if made.type in ("Mean", "ReduceSum") and made.parameters["keepdim"]:
            over = made.parameters["axis"]
            if [n for k, n in enumerate(made.shape) if k not in over] == shape:
                made.parameters["keepdim"], made.shape = False, tuple(shape)
                return node
        return self.graph.reshape(node, shape, self._name("reshape"))

    def _over_time(self, node: str, shape: Sequence[int], what: str) -> str:
        node = self.graph.add(self._name("time_mean"), "TimeMean", [node], shape)
        if what == "sum":
            node = self.graph.affine(node, None, "Scale", self._name("time_sum"),
                                     factor=float(self.sizes[T]))
        return node
