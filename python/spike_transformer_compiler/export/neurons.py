"""The neurons of SpikeGraphs: what a module is said to be, and what that means in numpy.

A neuron has parameters under the names of docs/formats.md and can take a step: `charge` gives the
potential that is compared with the threshold, `counts` the spikes, `after` the state that is left.
The arithmetic is that of sim/neurons in the precision of the arrays, so the same description
checks a module against its claim (recognise.py) and finds places near a threshold (reference.py).
"""
from __future__ import annotations

import dataclasses
import math
from typing import Any, Optional, Union

import numpy as np

Number = Union[float, np.ndarray]


def _differs(value: Any, default: Any) -> bool:
    return not (np.ndim(value) == 0 and value == default)


@dataclasses.dataclass
class Neuron:
    """Base of the descriptions; `type` is the type in files."""

    type = ""
    memoryless = False  # the output of a step depends on the input of that step alone

    def parameters(self) -> dict[str, Any]:
        """Parameters as files have them, without those that have their default."""
        raise NotImplementedError

    @property
    def step_value(self) -> float:
        """Value of one spike in the output."""
        return 1.0

    @property
    def largest_count(self) -> int:
        return self.max_count

    def start(self, shape: tuple[int, ...], kind: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError

    def charge(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        """The potential that decides about the spikes; changes the state."""
        raise NotImplementedError

    def counts(self, h: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def distance(self, h: np.ndarray) -> np.ndarray:
        """How far h is from the nearest value at which the count changes."""
        raise NotImplementedError

    def edge(self, draw: np.random.Generator, shape: tuple[int, ...], aside: np.ndarray
             ) -> np.ndarray:
        """Potentials at which the count changes, and the given part of the threshold more."""
        raise NotImplementedError

    def after(self, state: dict[str, np.ndarray], h: np.ndarray, count: np.ndarray) -> None:
        """Reset, given the spikes of the step; changes the state."""
        raise NotImplementedError


@dataclasses.dataclass
class DiscreteLIF(Neuron):
    """The neuron of spiking transformers (sim/neurons/discrete_lif.c).

    v_reset None means that a spike subtracts the threshold. With max_count D the count is
    round(clip(h / v_threshold, 0, D)) and spikes are worth output_scale each.
    """

    tau: float = 2.0
    v_threshold: float = 1.0
    v_reset: Optional[float] = 0.0
    decay_input: bool = True
    v0: Optional[float] = None
    compare: str = "ge"
    max_count: int = 1
    rounding: str = "half_even"
    output_scale: float = 1.0

    type = "DiscreteLIF"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tau) and self.tau >= 1):
            raise ValueError(f"tau is {self.tau}, expected a number of steps of at least 1")
        if self.compare not in ("ge", "gt"):
            raise ValueError(f"compare is {self.compare!r}, expected 'ge' or 'gt'")
        if self.rounding not in ("half_even", "half_up"):
            raise ValueError(f"rounding is {self.rounding!r}, expected 'half_even' or 'half_up'")
        self.tau, self.v_threshold = float(self.tau), float(self.v_threshold)

    @property
    def rest(self) -> float:
        return self.v_reset or 0.0

    @property
    def first(self) -> float:
        return self.rest if self.v0 is None else self.v0

    @property
    def memoryless(self) -> bool:
        return self.tau == 1 and self.decay_input

    @property
    def step_value(self) -> float:
        return self.output_scale

    def parameters(self) -> dict[str, Any]:
        found = {"tau": self.tau, "v_threshold": self.v_threshold}
        optional = [("v_reset", self.rest, 0.0), ("v0", self.first, 0.0),
                    ("soft_reset", self.v_reset is None, False),
                    ("decay_input", bool(self.decay_input), True), ("compare", self.compare, "ge"),
                    ("max_count", int(self.max_count), 1),
                    ("rounding", self.rounding, "half_even"),
                    ("output_scale", float(self.output_scale), 1.0)]
        found.update((name, value) for name, value, default in optional if value != default)
        return found

    def start(self, shape: tuple[int, ...], kind: Any) -> dict[str, np.ndarray]:
        return {"v": np.full(shape, self.first, kind)}

    def charge(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        v, number = state["v"], x.dtype.type
        tau, rest = number(self.tau), number(self.rest)
        if self.memoryless:
            return x + rest
        if self.decay_input:
            return v + (x - (v - rest)) / tau
        if rest == 0:
            return v * number(1 - 1 / self.tau) + x
        return (v - (v - rest) / tau) + x

    def counts(self, h: np.ndarray) -> np.ndarray:
        threshold = h.dtype.type(self.v_threshold)
        if self.max_count == 1:
            return (h >= threshold if self.compare == "ge" else h > threshold).astype(np.uint8)
        ratio = np.clip(h / threshold, 0, self.max_count)
        half_up = self.rounding == "half_up"
        return (np.floor(ratio + h.dtype.type(0.5)) if half_up else np.rint(ratio)).astype(np.uint8)

    def distance(self, h: np.ndarray) -> np.ndarray:
        if self.max_count == 1:
            return np.abs(h - self.v_threshold)
        ratio = h / self.v_threshold
        nearest = np.clip(np.floor(ratio), 0, self.max_count - 1) + 0.5
        return np.abs(ratio - nearest) * self.v_threshold

    def edge(self, draw: np.random.Generator, shape: tuple[int, ...], aside: np.ndarray
             ) -> np.ndarray:
        level = draw.integers(0, self.max_count, shape) + (1 if self.max_count == 1 else 0.5)
        return (level + aside) * self.v_threshold

    def after(self, state: dict[str, np.ndarray], h: np.ndarray, count: np.ndarray) -> None:
        if self.v_reset is None:
            state["v"] = h - count.astype(h.dtype) * h.dtype.type(self.v_threshold)
        else:
            state["v"] = np.where(count > 0, h.dtype.type(self.v_reset), h)


@dataclasses.dataclass
class _Firing(Neuron):
    """What the neurons of NIR share (sim/neurons/firing.h); fire is always `after`."""

    v_threshold: Number = 1.0
    v_reset: Number = 0.0
    v0: Number = 0.0
    compare: str = "gt"
    reset: str = "value"
    reset_time: str = "same"
    max_count: int = 1
    clip: str = "none"

    #: (parameter, default in files); a default of None is always written
    _files = (("v_threshold", None), ("v_reset", 0.0), ("v0", 0.0), ("compare", "gt"),
              ("reset", "value"), ("reset_time", "same"), ("max_count", 1), ("clip", "none"))

    def parameters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name, default in self._files
                if default is None or _differs(getattr(self, name), default)}

    def start(self, shape: tuple[int, ...], kind: Any) -> dict[str, np.ndarray]:
        v = np.broadcast_to(np.asarray(self.v0, kind), shape).copy()
        return {"v": v, "held": np.zeros(shape, np.uint8)}

    def integrate(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def charge(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        h = self.integrate(state, x)
        return h if self.reset_time == "same" else self._reset(h, state["held"])

    def _threshold(self, h: np.ndarray) -> np.ndarray:
        return np.asarray(self.v_threshold, h.dtype)

    def counts(self, h: np.ndarray) -> np.ndarray:
        threshold = self._threshold(h)
        if self.max_count == 1:
            return (h > threshold if self.compare == "gt" else h >= threshold).astype(np.uint8)
        ratio = h.astype(np.float64) / threshold.astype(np.float64)
        whole = np.floor(ratio) if self.compare == "ge" else np.ceil(ratio) - 1
        return np.clip(whole, 0, self.max_count).astype(np.uint8)

    def distance(self, h: np.ndarray) -> np.ndarray:
        ratio = h / self.v_threshold
        nearest = np.clip(np.rint(ratio), 1, self.max_count)
        return np.abs(ratio - nearest) * self.v_threshold

    def edge(self, draw: np.random.Generator, shape: tuple[int, ...], aside: np.ndarray
             ) -> np.ndarray:
        return (draw.integers(1, min(self.max_count, 4) + 1, shape) + aside) * self.v_threshold

    def _reset(self, h: np.ndarray, count: np.ndarray) -> np.ndarray:
        if self.reset == "subtract":
            return h - count.astype(h.dtype) * self._threshold(h)
        value = self.v_reset if self.reset == "value" else 0.0
        return np.where(count > 0, np.asarray(value, h.dtype), h)

    def after(self, state: dict[str, np.ndarray], h: np.ndarray, count: np.ndarray) -> None:
        if self.reset_time == "next":
            state["v"], state["held"] = h, count
        elif self.reset_time == "carry":
            taken = state["held"].astype(h.dtype) - count.astype(h.dtype)
            state["v"] = h + taken * self._threshold(h)
            state["held"] = self.counts(state["v"])
        else:
            state["v"] = self._reset(h, count)
        if self.clip == "threshold":
            state["v"] = np.maximum(state["v"], -self._threshold(h))


@dataclasses.dataclass
class IF(_Firing):
    """Integrate-and-fire: the input of a step is added to the potential."""

    type = "IF"

    def parameters(self) -> dict[str, Any]:
        return {"r": 1.0, "gain": "unit", **super().parameters()}

    def integrate(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        return state["v"] + x


def _rate(integrator: str, a: Number) -> Number:
    return a if integrator == "euler" else -np.expm1(-np.asarray(a, np.float64))


@dataclasses.dataclass
class LIF(_Firing):
    """A leaky membrane of NIR (sim/neurons/membrane.h), one second per step: tau counts steps."""

    tau: Number = 2.0
    r: Number = 1.0
    v_leak: Number = 0.0
    integrator: str = "euler"
    gain: str = "ode"

    type = "LIF"

    def parameters(self) -> dict[str, Any]:
        found = {"tau": self.tau, "dt": 1.0, "integrator": self.integrator, "gain": self.gain}
        found.update((name, getattr(self, name)) for name, default in (("r", 1.0), ("v_leak", 0.0))
                     if _differs(getattr(self, name), default))
        return {**found, **super().parameters()}

    def integrate(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        a = 1 / np.asarray(self.tau, np.float64)
        k = np.asarray(_rate(self.integrator, a), x.dtype)
        g = 1.0 if self.gain == "unit" else (k if self.integrator == "exact" else a) * self.r
        v = state["v"]
        return (v + k * (np.asarray(self.v_leak, x.dtype) - v)) + np.asarray(g, x.dtype) * x


@dataclasses.dataclass
class CubaLIF(_Firing):
    """A leaky membrane behind a synapse, one second per step; integrators euler and decay."""

    tau_syn: Number = 2.0
    tau_mem: Number = 2.0
    r: Number = 1.0
    v_leak: Number = 0.0
    w_in: Number = 1.0
    integrator: str = "euler"
    gain: str = "ode"

    type = "CubaLIF"

    def parameters(self) -> dict[str, Any]:
        found = {"tau_syn": self.tau_syn, "tau_mem": self.tau_mem, "dt": 1.0,
                 "integrator": self.integrator, "gain": self.gain}
        for name, default in (("r", 1.0), ("v_leak", 0.0), ("w_in", 1.0)):
            if _differs(getattr(self, name), default):
                found[name] = getattr(self, name)
        return {**found, **super().parameters()}

    def start(self, shape: tuple[int, ...], kind: Any) -> dict[str, np.ndarray]:
        return {**super().start(shape, kind), "i": np.zeros(shape, kind)}

    def integrate(self, state: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
        a, s = (1 / np.asarray(tau, np.float64) for tau in (self.tau_mem, self.tau_syn))
        k, ki = (np.asarray(_rate(self.integrator, each), x.dtype) for each in (a, s))
        g, gi = {"ode": (a * self.r, s * self.w_in), "unit": (1.0, 1.0),
                 "decayed": (1.0, 1 - ki)}[self.gain]
        i, v = state["i"], state["v"]
        state["i"] = i = (i - ki * i) + np.asarray(gi, x.dtype) * x
        return (v + k * (np.asarray(self.v_leak, x.dtype) - v)) + np.asarray(g, x.dtype) * i


def run(neuron: Neuron, x: np.ndarray, spikes: Optional[np.ndarray] = None
        ) -> tuple[np.ndarray, np.ndarray]:
    """Potentials and counts of all steps of x (steps, ...), in the precision of x.

    With spikes (counts of the same shape) the neuron is reset by those instead of its own.
    """
    state = neuron.start(x.shape[1:], x.dtype)
    potentials, counts = np.empty_like(x), np.empty(x.shape, np.uint8)
    for t, now in enumerate(x):
        h = neuron.charge(state, now)
        potentials[t], counts[t] = h, neuron.counts(h)
        neuron.after(state, h, counts[t] if spikes is None else spikes[t])
    return potentials, counts
