"""Axes of the model's tensors: which of them, or which factors of them, are steps, samples, data.

A SpikeGraph knows neither steps nor samples. `axes` of a tensor has one entry for each of its
axes: a tuple of T, B, and D, outermost first. (T, B) is the axis that `flatten(0, 1)` leaves; every
D is one axis of the tensor without T and B, in the order in which they occur.
"""
from __future__ import annotations

import math
from typing import Sequence

import numpy as np

T, B, D = "time", "batch", "data"
Axes = tuple[tuple[str, ...], ...]


class Mixed(Exception):
    """A shape that cuts the axis of steps or samples, or mixes it with data."""


def count(axes: Sequence[tuple[str, ...]], symbol: str = D) -> int:
    return sum(axis.count(symbol) for axis in axes)


def data_index(axes: Axes, axis: int) -> int:
    """Of the first D of an axis, among the axes of data."""
    return count(axes[:axis])


def _merged(axes: Axes, data: Sequence[int], sizes: dict[str, int]) -> list[list]:
    """[symbol, size] from the outside in, neighbouring data as one."""
    runs: list[list] = []
    left = iter(data)
    for symbol in (symbol for axis in axes for symbol in axis):
        size = next(left) if symbol == D else sizes[symbol]
        if symbol == D and runs and runs[-1][0] == D:
            runs[-1][1] *= size
        else:
            runs.append([symbol, size])
    return runs


def reshape(axes: Axes, data: Sequence[int], shape: Sequence[int], sizes: dict[str, int]
            ) -> tuple[Axes, tuple[int, ...]]:
    """axes and data of the same numbers under another shape. sizes: of T and B."""
    runs = _merged(axes, data, sizes)
    found: list[list[str]] = []
    new_data: list[int] = []
    for extent in shape:
        axis = _take(runs, extent, new_data)
        if not axis:
            axis.append(D)
            new_data.append(1)
        found.append(axis)
    for symbol, size in runs:
        if size != 1:
            raise Mixed
        if symbol != D and found:
            found[-1].append(symbol)
    return tuple(map(tuple, found)), tuple(new_data)


def _take(runs: list[list], extent: int, data: list[int]) -> list[str]:
    """Symbols of an axis of this extent, from the front of runs; their data go to data. An extent
    of 1 is an axis of one step if that comes next, else nothing."""
    if extent == 1:
        return [runs.pop(0)[0]] if runs and runs[0][0] != D and runs[0][1] == 1 else []
    axis = []
    while extent > 1:
        if not runs:
            raise Mixed
        symbol, size = runs[0]
        part = math.gcd(extent, size) if symbol == D else size
        if extent % part or (symbol == D and part not in (extent, size)):
            raise Mixed
        if symbol != D or part > 1:
            axis.append(symbol)
            data += [part] if symbol == D else []
        extent //= part
        runs[0][1] //= part
        if runs[0][1] == 1:
            runs.pop(0)
    return axis


def permute(axes: Axes, order: Sequence[int]) -> tuple[Axes, tuple[int, ...]]:
    """axes in another order, and the order of the data that follows from it."""
    first = [data_index(axes, axis) for axis in range(len(axes))]
    data_order = [first[axis] + k for axis in order for k in range(axes[axis].count(D))]
    return tuple(axes[axis] for axis in order), tuple(data_order)


def factored(axes: Axes, data: Sequence[int], sizes: dict[str, int]) -> list[int]:
    """The shape of a tensor with one axis for each symbol."""
    left = iter(data)
    return [next(left) if symbol == D else sizes[symbol] for axis in axes for symbol in axis]


def apart(values: np.ndarray, axes: Axes, data: Sequence[int], sizes: dict[str, int]
          ) -> np.ndarray:
    """A tensor as (steps, samples, data...), without the axis of steps if it has none."""
    symbols = [symbol for axis in axes for symbol in axis]
    lead = [symbols.index(symbol) for symbol in (T, B) if symbol in symbols]
    rest = [k for k, symbol in enumerate(symbols) if symbol == D]
    return values.reshape(factored(axes, data, sizes)).transpose(lead + rest)


def text(axes: Axes) -> str:
    return "[" + ", ".join(" x ".join(axis) or "1" for axis in axes) + "]"
