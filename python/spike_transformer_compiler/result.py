"""Results of `stc run` (docs/formats.md, Result) as numpy arrays.

A Result knows its file and reads a population, output or trace when it is first asked for, so that
opening a large result costs nothing. It keeps what it has read.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Generic, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def name_of(link: str) -> str:
    """The name of a node whose group in the file is called so."""
    for escaped, character in (("%2F", "/"), ("%2E", "."), ("%25", "%")):
        link = link.replace(escaped, character)
    return link


def plain(value: Any) -> Any:
    """An attribute of HDF5 as text, bool, int, float, or array."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.ndim > 0:
        return value
    return value.item() if hasattr(value, "item") else value


def attributes(group: h5py.Group) -> dict[str, Any]:
    return {name: plain(value) for name, value in group.attrs.items()}


@dataclass(frozen=True)
class Spikes:
    """Spikes of one population, sorted by (sample, step, id); all columns have the shape (spikes,).

    ids: C-order index in the node; of a SONATA network its node id. steps: from 0 in each sample.
    samples: index in the input file. values: how often the neuron fired in that step (1 unless
    the model has multi-level neurons, then up to `max`); one spike stands for `unit`. times: ms
    from the beginning of the sample to the start or end of the step, as `stamp` says.
    sample_numbers: the samples that were run; duration: steps of each.
    """

    name: str
    shape: tuple[int, ...]
    ids: NDArray[np.int64]
    steps: NDArray[np.int64]
    samples: NDArray[np.int64]
    values: NDArray[np.uint8]
    times: NDArray[np.float64]
    sample_numbers: range
    duration: int
    unit: float = 1.0
    max: int = 1
    stamp: str = "start"

    def __len__(self) -> int:
        """Number of records: of (sample, step, neuron) that fired, however often."""
        return len(self.ids)

    def __repr__(self) -> str:
        return (f"<Spikes of {self.name} {self.shape}: {self.total:,} in "
                f"{_span(self.sample_numbers)} of {self.duration:,} steps>")

    @property
    def total(self) -> int:
        """Number of spikes."""
        return int(self.values.sum(dtype=np.int64))

    @property
    def neurons(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def of_sample(self, sample: int) -> Spikes:
        """Those of one sample, by its index in the input file; views, not copies."""
        if sample not in self.sample_numbers:
            raise IndexError(f"sample {sample} was not run: the result holds "
                             f"{_span(self.sample_numbers)}")
        first, end = np.searchsorted(self.samples, [sample, sample + 1])
        columns = {name: getattr(self, name)[first:end]
                   for name in ("ids", "steps", "samples", "values", "times")}
        rest = {field.name: getattr(self, field.name) for field in fields(self)
                if field.name not in columns}
        rest["sample_numbers"] = range(sample, sample + 1)
        return Spikes(**columns, **rest)

    def raster(self, sample: int | None = None, by: str = "step"
               ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """x and y of a raster plot of one sample (default: the first): steps, or with by="ms"
        times in ms; and ids."""
        own = self.of_sample(self.sample_numbers[0] if sample is None else sample)
        return (own.times if by == "ms" else own.steps), own.ids

    def dense(self) -> NDArray[np.uint8]:
        """Counts as (samples, steps, *shape). Not for SONATA networks, whose ids are node ids."""
        size = len(self.sample_numbers) * self.duration * self.neurons
        if len(self.ids) and int(self.ids.max()) >= self.neurons:
            raise ValueError(f"population {self.name}: id {self.ids.max()} is no index in the "
                             f"shape {self.shape}; these are node ids of the network's file")
        counts = np.zeros(size, np.uint8)
        row = self.samples - self.sample_numbers[0]
        counts[(row * self.duration + self.steps) * self.neurons + self.ids] = self.values
        return counts.reshape(len(self.sample_numbers), self.duration, *self.shape)

    def rates(self) -> NDArray[np.float64]:
        """Mean number of spikes per step of each neuron, in the shape of the node."""
        if len(self.ids) and int(self.ids.max()) >= self.neurons:
            self.dense()  # says what is wrong
        total = np.bincount(self.ids, weights=self.values, minlength=self.neurons)
        return np.reshape(total / (len(self.sample_numbers) * self.duration), self.shape)


@dataclass(frozen=True)
class Trace:
    """A state variable over time. data: (samples, rows, ids), float32 or float64 in `units`; ids:
    C-order indices in the node; times: ms from the beginning of the sample, (rows,)."""

    node: str
    variable: str
    units: str
    shape: tuple[int, ...]
    ids: NDArray[np.int64]
    times: NDArray[np.float64]
    data: NDArray[Any]

    def __repr__(self) -> str:
        return (f"<Trace of {self.variable} of {self.node}: (samples, rows, ids) = "
                f"{self.data.shape}, {self.units or 'no unit'}>")


class Lazy(Mapping[str, T], Generic[T]):
    """A mapping by name whose values are read when they are first asked for."""

    def __init__(self, kind: str, links: dict[str, str], read: Callable[[str, str], T],
                 empty: str = "none"):
        self._kind, self._links, self._read, self._empty = kind, links, read, empty
        self._values: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._links:
            there = ", ".join(self._links) or self._empty
            raise KeyError(f"no {self._kind} {name!r}; there: {there}")
        if name not in self._values:
            self._values[name] = self._read(name, self._links[name])
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._links

    def __iter__(self) -> Iterator[str]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)

    def __repr__(self) -> str:
        return f"<{self._kind}s: {', '.join(self._links) or 'none'}>"


class Result:
    """What a run gave. See load_result() and run().

    spikes: population -> Spikes. outputs: output -> float32 array, (samples, steps, shape...), or
    (samples, shape...) where `output_steps` is 0. traces: "node.variable" -> Trace. metrics:
    numbers of the run. provenance: of which program, input, seed ... and how it was made.
    totals: population -> number of spikes, also when spikes were not recorded. shapes: population
    -> shape of the node, where they were.
    """

    def __init__(self, path: str | os.PathLike[str], keep: object = None):
        """keep: an object that must live as long as the file is needed."""
        self.path = os.path.abspath(os.fspath(path))
        with h5py.File(self.path, "r") as file:
            found = plain(file.attrs.get("format", "none"))
            if found != "stc-result":
                raise ValueError(f"{self.path}: format {found!r}, expected 'stc-result': "
                                 "a file that `stc run -o` has written")
            self.metrics = attributes(file["metrics"])
            self.provenance = attributes(file["provenance"])
            nodes = file["metrics/nodes"][...] if "nodes" in file["metrics"] else []
            self.totals = {plain(row["name"]): int(row["spikes"]) for row in nodes}
            self.recorded = "spikes" in file
            populations = {name_of(link): link for link in file.get("spikes", ())}
            self.shapes: dict[str, tuple[int, ...]] = {
                name: tuple(file["spikes"][link].attrs["shape"].tolist())
                for name, link in populations.items()}
            outputs = {name_of(link): link for link in file.get("outputs", ())}
            traces = {f"{plain(group.attrs['node'])}.{plain(group.attrs['variable'])}": link
                      for link, group in file.get("report", {}).items()}
            self.output_steps = {name: int(file["outputs"][link].attrs["steps"])
                                 for name, link in outputs.items()}
        source = _Source(self.path, self.samples, self.steps, self.step_ms, keep)
        self.spikes: Lazy[Spikes] = Lazy("population", populations, partial(_read_spikes, source),
                                         "none" if self.recorded else "spikes were not recorded")
        self.outputs: Lazy[NDArray[np.float32]] = Lazy("output", outputs,
                                                       partial(_read_output, source))
        self.traces: Lazy[Trace] = Lazy("trace", traces, partial(_read_trace, source),
                                        "none; record=\"v\" or \"v:NODE\" makes them")

    @property
    def samples(self) -> range:
        """Indices in the input file of the samples that were run."""
        first = int(self.metrics["first_sample"])
        return range(first, first + int(self.metrics["samples"]))

    @property
    def steps(self) -> int:
        """Steps per sample."""
        return int(self.metrics["steps"])

    @property
    def step_ms(self) -> float:
        """What a step lasts, in ms; 1 for models without a clock."""
        return float(self.metrics["step_ms"])

    @property
    def accuracy(self) -> float | None:
        """Share of the samples whose largest output is their label; None without labels."""
        return self.metrics.get("accuracy")

    @property
    def checksums(self) -> tuple[str, str]:
        """Of spikes and outputs: equal for any number of ranks, threads and chips."""
        return self.metrics["spike_checksum"], self.metrics["output_checksum"]

    def rates(self, unit: str = "step") -> dict[str, float]:
        """Mean spikes per neuron of each population: per step, or with unit="Hz" per second."""
        if unit not in ("step", "Hz"):
            raise ValueError(f"unit {unit!r}, expected 'step' or 'Hz'")
        if not self.recorded:
            raise ValueError("spikes were not recorded; the attribute totals has their numbers")
        duration = len(self.samples) * self.steps * (1.0 if unit == "step" else self.step_ms / 1000)
        return {name: self.totals[name] / (int(np.prod(shape, dtype=np.int64)) * duration)
                for name, shape in self.shapes.items()}

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        parts = [f"{len(self.samples):,} samples of {self.steps:,} steps",
                 f"{int(self.metrics.get('spikes', 0)):,} spikes in {len(self.totals)} populations",
                 f"outputs {', '.join(self.outputs) or 'none'}"]
        if self.accuracy is not None:
            parts.append(f"accuracy {self.accuracy:.2%}")
        return f"<Result: {'; '.join(parts)}>"


@dataclass(frozen=True)
class _Source:
    """What the readers need of a result; keep: an object that lives as long as the file."""

    path: str
    samples: range
    steps: int
    step_ms: float
    keep: object


def _read_spikes(source: _Source, name: str, link: str) -> Spikes:
    with h5py.File(source.path, "r") as file:
        group = file["spikes"][link]
        head = attributes(group)
        ids = group["node_ids"][...].astype(np.int64)
        times = group["timestamps"][...]
        stamp = plain(group["timestamps"].attrs.get("stamp", "start"))
        samples = (group["sample"][...].astype(np.int64) if "sample" in group
                   else np.full(len(ids), source.samples[0], np.int64))
        values = group["value"][...] if "value" in group else np.ones(len(ids), np.uint8)
    steps = np.rint(times / source.step_ms).astype(np.int64) - (stamp == "end")
    return Spikes(name, tuple(map(int, head["shape"])), ids, steps, samples, values, times,
                  source.samples, source.steps, float(head["unit"]), int(head["max"]), stamp)


def _read_output(source: _Source, name: str, link: str) -> NDArray[np.float32]:
    with h5py.File(source.path, "r") as file:
        return np.asarray(file["outputs"][link][...])


def _read_trace(source: _Source, name: str, link: str) -> Trace:
    with h5py.File(source.path, "r") as file:
        group = file["report"][link]
        head = attributes(group)
        data = group["data"][...]
        ids = group["mapping/node_ids"][...].astype(np.int64)
        start, _, step = group["mapping/time"][...]
        units = plain(group["data"].attrs.get("units", ""))
    data = data.reshape(len(source.samples), *data.shape[-2:])  # one sample has no axis
    return Trace(head["node"], head["variable"], units, tuple(map(int, head["shape"])), ids,
                 start + step * np.arange(data.shape[1]), data)


def load_result(path: str | os.PathLike[str]) -> Result:
    """Open a file that `stc run -o` has written. Arrays are read when they are first asked for."""
    return Result(path)


def _span(numbers: range) -> str:
    return (f"sample {numbers[0]}" if len(numbers) == 1 else
            f"samples {numbers[0]} to {numbers[-1]}" if numbers else "no samples")
