"""Other shapes for the same values, parts of them, and values repeated for every step."""
from __future__ import annotations

import dataclasses
from typing import Any, Sequence

import torch

from . import layout
from .layout import B, D, T
from .values import Constant, Context, Refused, Value, ints, pair


class Views(Context):
    """Their functions."""

    def _viewed(self, x: Value, shape: Sequence[int]) -> Value:
        axes, data = layout.reshape(x.axes, self._shape(x), shape, self.sizes)
        return Value(self.graph.reshape(x.node, data, self._name("reshape")), axes, x.averaged)

    def fn_reshape(self, x, *shape):
        return self._viewed(x, self.now.meta["value"].shape)

    def fn_flatten(self, x, start_dim=0, end_dim=-1):
        return self._viewed(x, self.now.meta["value"].shape)

    fn_view = fn_unflatten = fn_view_as = fn_reshape_as = fn_reshape

    def fn_permute(self, x, *dims):
        return self._permuted(x, [self._axis(x, d) for d in ints(dims)])

    def fn_transpose(self, x, dim0, dim1):
        order = list(range(len(x.axes)))
        a, b = self._axis(x, dim0), self._axis(x, dim1)
        order[a], order[b] = b, a
        return self._permuted(x, order)

    def fn_movedim(self, x, source, destination):
        moved = [self._axis(x, d) for d in pair(source, 1)]
        order = [k for k in range(len(x.axes)) if k not in moved]
        for to, axis in sorted((self._axis(x, d), m) for d, m in
                               zip(pair(destination, 1), moved)):
            order.insert(to, axis)
        return self._permuted(x, order)

    def fn_mT(self, x):
        return self.fn_transpose(x, -2, -1)

    def fn_t(self, x):
        return self._permuted(x, list(range(len(x.axes)))[::-1])

    fn_T = fn_t

    def _permuted(self, x: Value, order: list[int]) -> Value:
        axes, data_order = layout.permute(x.axes, order)
        node = self.graph.permute(x.node, data_order, self._name("permute"))
        return Value(node, axes, x.averaged)

    def fn_unsqueeze(self, x, dim):
        at_axis = dim + len(x.axes) + 1 if dim < 0 else dim
        return self._with_axis(x, at_axis)

    def _with_axis(self, x: Value, axis: int) -> Value:
        data = list(self._shape(x))
        data.insert(layout.count(x.axes[:axis]), 1)
        axes = x.axes[:axis] + ((D,),) + x.axes[axis:]
        return Value(self.graph.reshape(x.node, data, self._name("reshape")), axes, x.averaged)

    def fn_squeeze(self, x, dim=None):
        if dim is None:
            raise Refused("squeeze() drops the axis of samples too when there is one. Name the "
                          "axis that it should drop.")
        shape = self._torch_shape(x)
        drop = [axis for axis in (self._axis(x, d) for d in pair(dim, 1)) if shape[axis] == 1]
        for axis in sorted(drop, reverse=True):
            if x.axes[axis] != (D,):
                raise Refused("squeeze drops the axis of steps, since there is one step.")
            x = self._without_axis(x, axis)
        return x

    def _without_axis(self, x: Value, axis: int) -> Value:
        data = list(self._shape(x))
        data.pop(layout.data_index(x.axes, axis))
        if not data:
            raise Refused("one number for every sample is left. Keep an axis of size 1.")
        axes = x.axes[:axis] + x.axes[axis + 1:]
        return Value(self.graph.reshape(x.node, data, self._name("reshape")), axes, x.averaged)

    def fn_contiguous(self, x, *_, **__):
        return x

    fn_clone = fn_detach = fn_data = fn_alias = fn_contiguous
    fn_requires_grad = fn_view_of = fn_cpu = fn_contiguous

    def fn_to(self, x, *_, **__):
        if self.now.meta["value"].dtype != torch.float32:
            raise Refused(f"a change of type to {self.now.meta['value'].dtype}.")
        return x

    fn_float = fn_type_as = fn_type = fn_to

    def fn_dropout(self, x, p=0.5, training=True, inplace=False):
        if training and p:
            raise Refused("dropout in training mode. Call model.eval().")
        return x

    fn_dropout1d = fn_dropout2d = fn_dropout3d = fn_alpha_dropout = fn_dropout
    fn_feature_dropout = fn_dropout

    # ---- parts ----

    def fn_getitem(self, x, index):
        if isinstance(x, tuple):
            return x[index]
        index = list(index) if isinstance(index, (tuple, list)) else [index]
        named = sum(1 for i in index if i is not None and i is not Ellipsis)
        if Ellipsis in [i for i in index if not isinstance(i, (Value, Constant))]:
            k = [i is Ellipsis for i in index].index(True)
            index[k:k + 1] = [slice(None)] * (len(x.axes) - named)
        axis = 0
        for item in index:
            x, axis = self._indexed(x, axis, item)
        return x

    def _indexed(self, x: Value, axis: int, item: Any) -> tuple[Value, int]:
        """One entry of an index; the value, and the axis that the next entry is for."""
        if item is None:
            return self._with_axis(x, axis), axis + 1
        extent = self._torch_shape(x)[axis]
        if isinstance(item, slice):
            start, stop, step = item.indices(extent)
            if (start, stop, step) == (0, extent, 1):
                return x, axis + 1
            return self._sliced(x, axis, start, stop, step), axis + 1
        if not isinstance(item, int):
            raise Refused(f"an index of type {type(item).__name__}; expected numbers and slices.")
        start = item + extent if item < 0 else item
        return self._without_axis(self._sliced(x, axis, start, start + 1, 1), axis), axis

    def _sliced(self, x: Value, axis: int, start: int, stop: int, step: int) -> Value:
        if T in x.axes[axis] or B in x.axes[axis]:
            what = "steps" if T in x.axes[axis] else "samples"
            raise Refused(f"single {what} are taken out of all: what happens to one of them would "
                          "differ from the others. Control flow over time belongs into a neuron "
                          "(register_neuron), or write forward for one step and give time_steps."
                          if what == "steps" else
                          "single samples are taken out of the batch. A SpikeGraph treats every "
                          "sample alike.")
        data_axis = self._data_axis(x, axis, "an index")
        node = self.graph.slice(x.node, data_axis, start, stop, step, self._name("slice"))
        return dataclasses.replace(x, node=node)

    def fn_select(self, x, dim, index):
        return self._indexed(x, self._axis(x, dim), int(index))[0]

    def fn_narrow(self, x, dim, start, length):
        return self._sliced(x, self._axis(x, dim), start, start + length, 1)

    def fn_unbind(self, x, dim=0):
        axis = self._axis(x, dim)
        return tuple(self._indexed(x, axis, k)[0] for k in range(self._torch_shape(x)[axis]))

    def fn_chunk(self, x, chunks, dim=0):
        return self._cut(x, dim)

    def fn_split(self, x, split_size, dim=0):
        return self._cut(x, dim)

    fn_tensor_split = fn_split_with_sizes = fn_split

    def _cut(self, x: Value, dim: int) -> tuple[Value, ...]:
        """As many parts, of such lengths, as torch made."""
        axis, start, parts = self._axis(x, dim), 0, []
        for tensor in self.now.meta["value"]:
            parts.append(self._sliced(x, axis, start, start + tensor.shape[axis], 1))
            start += tensor.shape[axis]
        return tuple(parts)

    # ---- the same value at every step ----

    def fn_repeat(self, x, *repeats):
        counts = ints(repeats)
        new = len(counts) - len(x.axes)
        for _ in range(new):
            x = self._with_axis(x, 0)
        return self._repeated(x, counts)

    fn_tile = fn_repeat

    def fn_expand(self, x, *shape):
        target = list(self.now.meta["value"].shape)
        for _ in range(len(target) - len(x.axes)):
            x = self._with_axis(x, 0)
        return self._repeated(x, [n // m for n, m in zip(target, self._torch_shape(x))])

    fn_broadcast_to = fn_expand_as = fn_expand

    def _repeated(self, x: Value, counts: list[int]) -> Value:
        wide = [k for k, n in enumerate(counts) if n != 1]
        if not wide:
            return self._one_step(x)
        if len(wide) > 1:
            raise Refused("values repeated along several axes.")
        return self._over_steps(x, wide[0], counts[wide[0]])

    def _one_step(self, x: Value) -> Value:
        """Repeating once: an axis of one step, if the model is to run for one."""
        if self.sizes.get(T, 1) == 1 and T not in sum(x.axes, ()) and not x.averaged and \
                x.axes[0] == (D,) and self._torch_shape(x)[0] == 1 and B in sum(x.axes[1:2], ()):
            return self._over_steps(x, 0, 1)
        return x

    def _over_steps(self, x: Value, axis: int, steps: int) -> Value:
        """An axis of size 1 becomes the axis of steps: direct coding."""
        if x.axes[axis] != (D,) or self._torch_shape(x)[axis] != 1:
            raise Refused(f"values repeated along axis {axis} of {layout.text(x.axes)}. Only steps "
                          "may be repeats of the same values.")
        if T in sum(x.axes, ()) or x.averaged:
            raise Refused("values that have steps, or a mean over them, are repeated.")
        if self.sizes.setdefault(T, steps) != steps:
            raise Refused(f"values are repeated {steps} times, but the model runs for "
                          f"{self.sizes[T]} steps. Set time_steps={steps}, or the model's own "
                          "number.")
        data = list(self._shape(x))
        data.pop(layout.data_index(x.axes, axis))
        self.has_steps = True
        node = self.graph.reshape(x.node, data, self._name("reshape"))
        return Value(node, x.axes[:axis] + ((T,),) + x.axes[axis + 1:])

    def fn_stack(self, tensors, dim=0):
        if any(part != tensors[0] for part in tensors) or not isinstance(tensors[0], Value):
            raise Refused("stack of different tensors. A SpikeGraph has no concatenation; stack of "
                          "one tensor, T times, presents it for T steps.")
        axis = dim + len(tensors[0].axes) + 1 if dim < 0 else dim
        return self._over_steps(self._with_axis(tensors[0], axis), axis, len(tensors))
