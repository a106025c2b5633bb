"""Test vectors: what the model itself, as it is, puts out and fires for some inputs.

Samples go through the model one by one, in its own precision. Beside it runs a copy in float64
whose neurons put out the spikes of the first: its membranes say which neuron-steps are so near the
threshold that another order of summation may flip them. The copy also sees whether the neurons are
what export took them for.
"""
from __future__ import annotations

import contextlib
import copy
import dataclasses
from typing import Any, Iterator

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from . import layout
from .errors import ExportError
from .layout import B, D, T
from .lower import Lowering, Spikes, flat
from .recognise import Rest, Spiking


COARSEST = 1e-3  # of the threshold: what float32 may be wrong by before it is another neuron


@dataclasses.dataclass
class Vectors:
    """inputs: [samples, (steps,) shape]; spikes: counts [steps, samples, shape]; near: rows of
    (step, sample, index); outputs: [samples, (steps,) shape]. near holds what is within band, and
    where float32 itself fired otherwise than float64; notes say if that was farther away."""

    inputs: dict[str, np.ndarray]
    spikes: dict[str, np.ndarray]
    near: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    band: float
    notes: list[str]


@dataclasses.dataclass
class Case:
    """How the model is called. axes: of each argument; stepwise: once for every step."""

    model: torch.nn.Module
    modules: dict[str, tuple[torch.nn.Module, Spiking]]
    lowering: Lowering
    axes: tuple[layout.Axes, ...]
    names: tuple[str, ...]
    steps: int
    stepwise: bool
    reset: Rest


def vectors(case: Case, data: tuple[torch.Tensor, ...], band: float) -> Vectors:
    """data: the arguments of the model, any number of samples."""
    samples = data[0].shape[_samples_axis(case, data[0], 0)]
    twin = _Twin(case, band)
    spikes: dict[str, list[np.ndarray]] = {node: [] for node in case.lowering.neurons}
    outputs: dict[str, list[np.ndarray]] = {node: [] for node in case.lowering.outputs}
    for sample in range(samples):
        one = tuple(x.narrow(_samples_axis(case, x, k), sample, 1) for k, x in enumerate(data))
        with _recorded(case) as fired:
            for node, values in _present(case, case.model, one).items():
                outputs[node].append(values)
        for node, about in case.lowering.neurons.items():
            spikes[node].append(_counts(case, node, about, fired[about.path]))
        twin.present(one, {node: parts[-1] for node, parts in spikes.items()}, sample)
    return Vectors(inputs={name: _input(case, k, x) for k, (name, x) in
                           enumerate(zip(case.names, data))},
                   spikes={node: np.concatenate(parts, 1) for node, parts in spikes.items()},
                   near=twin.near(),
                   outputs={node: np.concatenate(parts) for node, parts in outputs.items()},
                   band=band, notes=twin.notes())


def _has_steps(case: Case, x: torch.Tensor, k: int) -> bool:
    """Whether an argument has one axis more than the model takes: its steps, in front."""
    return case.stepwise and x.ndim == len(case.axes[k]) + 1


def _samples_axis(case: Case, x: torch.Tensor, k: int) -> int:
    return case.axes[k].index((B,)) + _has_steps(case, x, k)


def _input(case: Case, k: int, x: torch.Tensor) -> np.ndarray:
    axes = (((T,),) if _has_steps(case, x, k) else ()) + case.axes[k]
    values = x.detach().cpu().float().numpy()
    order = [axes.index((B,))] + ([axes.index((T,))] if (T,) in axes else [])
    return np.ascontiguousarray(values.transpose(
        order + [axis for axis in range(len(axes)) if axis not in order]))


def _present(case: Case, model: torch.nn.Module, one: tuple[torch.Tensor, ...]
             ) -> dict[str, np.ndarray]:
    """One sample through a model; its outputs as [1, (steps,) shape] by output node."""
    case.reset()
    with torch.no_grad():
        if not case.stepwise:
            found = flat(model(*one))
            parts = [{raw: found[raw] for raw, _ in case.lowering.outputs.values()}]
        else:
            parts = _step_by_step(case, model, one)
    case.reset()
    return {node: _output(case, value, [part[raw].cpu().float().numpy() for part in parts])
            for node, (raw, value) in case.lowering.outputs.items()}


def _step_by_step(case: Case, model: torch.nn.Module, one: tuple[torch.Tensor, ...]
                  ) -> list[dict[str, torch.Tensor]]:
    """States that the model returns behind its first output are given back to it."""
    passes = any(spiking.passes for _, spiking in case.modules.values())
    parts, state = [], ()
    for step in range(case.steps):
        now = [x[step] if _has_steps(case, x, k) else x for k, x in enumerate(one)]
        returned = model(*now, *state)
        found = flat(returned)
        parts.append({raw: found[raw] for raw, _ in case.lowering.outputs.values()})
        state = tuple(returned[1:]) if passes else ()
    return parts


def _output(case: Case, value: Any, parts: list[np.ndarray]) -> np.ndarray:
    sizes = {**case.lowering.sizes, B: 1}
    shape = case.lowering.graph.shape(value.node)
    found = [layout.apart(part, value.axes, shape, sizes) for part in parts]
    if T in sum(value.axes, ()):
        return found[0].swapaxes(0, 1)
    if value.averaged:
        return found[0]
    return np.stack(found * (1 if case.stepwise else case.steps), 1)


# ---- spikes ----

@contextlib.contextmanager
def _recorded(case: Case) -> Iterator[dict[str, list[np.ndarray]]]:
    """What the neurons put out, by path of the module, one array for each call."""
    fired: dict[str, list[np.ndarray]] = {path: [] for path in case.modules}

    def watch(path: str) -> Any:
        def hook(_module: Any, _inputs: Any, out: Any) -> None:
            out = out[0] if isinstance(out, tuple) else out
            fired[path].append(out.detach().cpu().numpy().copy())
        return hook

    hooks = [module.register_forward_hook(watch(path)) for path, (module, _) in
             case.modules.items()]
    try:
        yield fired
    finally:
        for hook in hooks:
            hook.remove()


def _apart(case: Case, about: Spikes, values: np.ndarray) -> np.ndarray:
    """One call of a neuron as [steps of the call, 1, shape]."""
    found = layout.apart(values, about.axes, about.shape, {**case.lowering.sizes, B: 1})
    return found if T in sum(about.axes, ()) else found[None]


def _counts(case: Case, node: str, about: Spikes, calls: list[np.ndarray]) -> np.ndarray:
    values = np.concatenate([_apart(case, about, call) for call in calls])
    ratio = values / about.neuron.step_value
    counts = np.rint(ratio).astype(np.uint8)
    if not np.array_equal(counts, ratio):
        raise ExportError(f"module {about.path}: puts out values that are not counts times "
                          f"{about.neuron.step_value:g}; register it with its output_scale.")
    if len(values) != case.steps:  # no axis of steps yet: the same at every step
        counts = np.repeat(counts, case.steps, 0) if about.neuron.memoryless else counts
    return counts


class _InDouble(TorchFunctionMode):
    """Calls that ask for float32 get float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.float:
            return args[0].double()
        args = [torch.float64 if arg is torch.float32 else arg for arg in args]
        kwargs = {key: torch.float64 if value is torch.float32 else value
                  for key, value in (kwargs or {}).items()}
        return func(*args, **kwargs)


class _Twin:
    """The model in float64, with given spikes; finds the places near a threshold."""

    def __init__(self, case: Case, band: float):
        case.reset()
        model = copy.deepcopy(case.model).double()
        modules = dict(model.named_modules())
        self.case = dataclasses.replace(case, model=model, modules={}, reset=Rest([]))
        self.band, self.beyond, self.farthest = band, 0, 0.0
        self.states: dict[str, Any] = {}
        self.step: dict[str, int] = {}
        self.rows: dict[str, list[np.ndarray]] = {node: [] for node in case.lowering.neurons}
        for node, about in case.lowering.neurons.items():
            self._replace(modules[about.path], node, about,
                          case.modules[about.path][1].states)

    def _replace(self, module: Any, node: str, about: Spikes, states: int) -> None:
        def forward(x: torch.Tensor, *_state: Any) -> Any:
            spikes = self.fire(node, about, x)
            return (spikes, *[None] * states) if states else spikes
        module.forward = forward

    def present(self, one: tuple[torch.Tensor, ...], counts: dict[str, np.ndarray], sample: int
                ) -> None:
        self.counts, self.sample = counts, sample
        self.states, self.step = {}, dict.fromkeys(counts, 0)
        double = tuple(x.double() if x.is_floating_point() else x for x in one)
        try:
            with _InDouble():
                _present(self.case, self.case.model, double)
        except (RuntimeError, TypeError) as error:
            raise ExportError("the model does not run in float64, which places near a threshold "
                              f"are found with: {error}. Leave test vectors out with test=False."
                              ) from error

    def fire(self, node: str, about: Spikes, x: torch.Tensor) -> torch.Tensor:
        """What the neuron put out in the other model; looks at its potential on the way."""
        now = _apart(self.case, about, x.detach().cpu().numpy())
        first = self.step[node]
        given = self.counts[node][first:first + len(now)]
        for t, step in enumerate(now):
            self._look(node, about, first + t, step, given[t])
        self.step[node] += len(now)
        return self._back(about, given.astype(np.float64) * about.neuron.step_value, x)

    def _look(self, node: str, about: Spikes, t: int, x: np.ndarray, count: np.ndarray) -> None:
        neuron = about.neuron
        if node not in self.states:
            self.states[node] = neuron.start(x.shape, x.dtype)
        state = self.states[node]
        h = neuron.charge(state, x)
        distance, differs = neuron.distance(h), neuron.counts(h) != count
        if differs.any():
            self._excuse(about, t, h, count, np.where(differs, distance, 0))
        flat_index = np.flatnonzero(differs | (distance <= self.band) & (distance > 0))
        if len(flat_index):
            rows = np.empty((len(flat_index), 3), np.int64)
            rows[:, 0], rows[:, 1], rows[:, 2] = t, self.sample, flat_index
            self.rows[node].append(rows)
        neuron.after(state, h, count)

    def _excuse(self, about: Spikes, t: int, h: np.ndarray, count: np.ndarray, distance: np.ndarray
                ) -> None:
        """float32 may have fallen on the other side of a threshold, but not far from it."""
        place = np.unravel_index(np.argmax(distance), distance.shape)
        neuron, farthest = about.neuron, float(distance[place])
        if farthest > COARSEST * np.max(np.abs(neuron.v_threshold)):
            raise ExportError(
                f"module {about.path}: at step {t} of sample {self.sample}, element {place[1:]}, "
                f"it fires {int(count[place])} times with a potential of {float(h[place]):.9g}, "
                f"where {neuron} fires {int(neuron.counts(h)[place])}. The module is another "
                "neuron than it was taken for: register_neuron says which.")
        if farthest > self.band:
            self.beyond += 1
            self.farthest = max(self.farthest, farthest)

    def _back(self, about: Spikes, values: np.ndarray, x: torch.Tensor) -> torch.Tensor:
        """[steps, 1, shape] as the tensor that the module would give."""
        symbols = [s for axis in about.axes for s in axis]
        lead = [symbols.index(s) for s in (T, B) if s in symbols]
        order = lead + [k for k, s in enumerate(symbols) if s == D]
        values = values if T in symbols else values[0]
        back = np.ascontiguousarray(values.transpose(np.argsort(order)))
        return torch.from_numpy(back).reshape(x.shape).to(x.device)

    def near(self) -> dict[str, np.ndarray]:
        return {node: np.concatenate(rows) if rows else np.empty((0, 3), np.int64)
                for node, rows in self.rows.items()}

    def notes(self) -> list[str]:
        if not self.beyond:
            return []
        return [f"in {self.beyond} steps of neuron layers float32 fired otherwise than float64 up to "
                f"{self.farthest:.1e} from the threshold; these places are listed too"]
