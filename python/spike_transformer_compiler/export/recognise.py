"""Which modules are spiking neurons, and which ones.

A description comes from the user (register_neuron), from what is known of a library, or from the
attributes that hand-written neurons have. Whatever says so, it is a claim: the module is run on a
few hundred inputs, exact hits of the threshold among them, and must give the spikes of the
description. The same runs show whether a call takes one step or all, and along which axis.
"""
from __future__ import annotations

import copy
import dataclasses
import inspect
import math
from typing import Any, Callable, Iterable, Optional, Union

import numpy as np
import torch

from .errors import ExportError, at
from .neurons import CubaLIF, DiscreteLIF, IF, LIF, Neuron, run

STEPS, SAMPLES, NEURONS = 12, 4, 192
NEAR = 1e-5  # of the threshold: float32 sums in another order may fall on the other side
Describe = Callable[[torch.nn.Module], Union[Neuron, list[Neuron]]]

_registry: dict[type, Describe] = {}


def register_neuron(cls: type, describe: Describe) -> None:
    """Say what the modules of a class (and of classes derived from it) are.

    describe takes the module and returns its neuron: `DiscreteLIF(tau=..., v_threshold=...)`, or
    IF, LIF or CubaLIF of this package. Export runs the module to see that it is so.

        register_neuron(MyLIF, lambda m: DiscreteLIF(tau=m.tau, v_threshold=m.th, v_reset=None))
    """
    if not (isinstance(cls, type) and issubclass(cls, torch.nn.Module)):
        raise TypeError(f"register_neuron takes a class of modules, got {cls!r}")
    _registry[cls] = describe


@dataclasses.dataclass
class Spiking:
    """A module that was recognised. time: the axis of steps of a call that takes all steps, ONE for
    a call that takes one, MERGED where the first axis is samples x steps, ANY where it makes no
    difference. states: so many come behind the spikes; passes: it takes them in the next step."""

    neuron: Neuron
    time: int
    states: int = 0
    passes: bool = False


ONE, ANY, MERGED = -1, -2, -3


# ---- what the libraries' neurons are ----

def _number(value: Any) -> Any:
    """A float, or an array where a tensor has several entries."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().double()
        return float(value) if value.numel() == 1 else value.numpy()
    return float(value)


def _attribute(module: torch.nn.Module, *names: str) -> Any:
    """The first attribute of these that is a number (or a tensor of numbers), else None."""
    for name in names:
        value = getattr(module, name, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, torch.Tensor) and value.numel() > 0 and value.is_floating_point():
            return _number(value)
    return None


def _keeping(beta: Any) -> Any:
    """tau of a potential of which beta is kept in a step."""
    return 1 / (1 - np.asarray(beta, np.float64)) if np.ndim(beta) else 1 / (1 - beta)


def _snntorch(module: Any) -> list[Neuron]:
    kind = type(module).__name__
    if module.reset_mechanism == "none" or module.inhibition or module.state_quant:
        return []
    if _number(module.graded_spikes_factor) != 1.0:
        return []
    firing = dict(v_threshold=_number(module.threshold), compare="gt",
                  reset="subtract" if module.reset_mechanism == "subtract" else "zero")
    if module.reset_mechanism == "subtract":
        times = ("next", "carry")
    else:
        times = ("same", "next")
    beta = np.clip(_number(module.beta), 0.0, 1.0)
    if kind == "Synaptic":
        alpha = np.clip(_number(module.alpha), 0.0, 1.0)
        if np.all(beta < 1) and np.all(alpha < 1):
            return [CubaLIF(tau_syn=_keeping(alpha), tau_mem=_keeping(beta), gain="unit",
                            reset_time=time, **firing) for time in times]
    elif kind == "Leaky" and np.all(beta == 1):
        return [IF(reset_time=time, **firing) for time in times]
    elif kind == "Leaky" and np.all(beta < 1):
        return [LIF(tau=_keeping(beta), gain="unit", reset_time=time, **firing) for time in times]
    return []


def _norse(module: Any) -> list[Neuron]:
    kind, p, dt = type(module).__name__, module.p, module.dt
    if kind not in ("LIF", "LIFCell", "LIFBoxCell", "IAF", "IAFCell"):
        return []
    reset, th = _number(p.v_reset), _number(p.v_th)
    forms = [dict(v_threshold=th, v_reset=reset, reset="value"),
             dict(v_threshold=th, reset="subtract")]
    if kind.startswith("IAF"):
        return [IF(v0=reset, **form) for form in forms]
    tau_mem, leak = 1 / (dt * _number(p.tau_mem_inv)), _number(p.v_leak)
    if kind == "LIFBoxCell":
        return [LIF(tau=tau_mem, v_leak=leak, v0=leak, **form) for form in forms]
    tau_syn = 1 / (dt * _number(p.tau_syn_inv))
    return [CubaLIF(tau_syn=tau_syn, tau_mem=tau_mem, v_leak=leak, v0=leak, w_in=tau_syn, **form)
            for form in forms]


def _sinabs(module: Any) -> list[Neuron]:
    kind, reset = type(module).__name__, module.reset_fn
    if kind not in ("LIF", "IAF", "LIFSqueeze", "IAFSqueeze") or \
            kind.endswith("Squeeze") and module.num_timesteps <= 0:
        return []
    threshold, least = _number(module.spike_threshold), module.min_v_mem
    if least is not None and not np.all(_number(least) == -np.asarray(threshold)):
        return []
    value = getattr(reset, "reset_value", None)
    firing = dict(v_threshold=threshold, reset="subtract" if value is None else "value",
                  v_reset=value or 0.0, clip="none" if least is None else "threshold")
    forms = [dict(firing, compare=compare, max_count=count)
             for count in _sinabs_counts(module.spike_fn) for compare in ("ge", "gt")]
    if kind.startswith("IAF"):
        return [IF(**form) for form in forms]
    if module.tau_syn_calculated is not None:
        return []
    tau = _number(module.tau_mem_calculated)
    return [LIF(tau=tau, integrator="exact" if module.norm_input else "decay",
                gain="ode" if module.norm_input else "unit", **form) for form in forms]


def _sinabs_counts(spike_fn: Any) -> list[int]:
    most = getattr(spike_fn, "max_num_spikes_per_bin", None)
    name = getattr(spike_fn, "__name__", type(spike_fn).__name__)
    return [1] if name == "SingleSpike" else [int(most) if most else 255]


def _by_attributes(module: Any) -> list[Neuron]:
    """SpikingJelly's neurons and hand-written ones: tau, v_threshold, v_reset, decay_input."""
    threshold = _attribute(module, "v_threshold", "v_th", "threshold", "thresh", "vth")
    if threshold is None or np.ndim(threshold):
        return []
    v_reset = getattr(module, "v_reset", 0.0)
    resets = [None if v_reset is None else _number(v_reset)]
    if not hasattr(module, "v_reset"):
        resets = [0.0, None]
    surrogate = getattr(module, "surrogate_function", None)
    count = int(getattr(surrogate, "max_spike_count", 1))
    tau = _tau(module)
    if tau is None:
        return [IF(v_threshold=threshold, compare=compare, v_reset=reset or 0.0, v0=reset or 0.0,
                   reset="subtract" if reset is None else "value")
                for reset in resets for compare in ("ge", "gt")]
    if np.ndim(tau) or not (math.isfinite(tau) and tau >= 1):
        return []
    decays = getattr(module, "decay_input", None)
    return [DiscreteLIF(tau=tau, v_threshold=threshold, v_reset=reset, decay_input=decay,
                        compare=compare, max_count=count)
            for reset in resets for decay in ((True, False) if decays is None else (bool(decays),))
            for compare in ("ge", "gt")]


def _tau(module: Any) -> Any:
    """The time constant; SpikingJelly's parametric one is 1 / sigmoid(w)."""
    if any(cls.__name__.endswith("ParametricLIFNode") for cls in type(module).__mro__):
        return float(1 / torch.sigmoid(module.w.detach().double()))
    tau = _attribute(module, "tau", "tau_m", "tau_mem")
    if tau is not None:
        return tau
    beta = _attribute(module, "beta", "decay")
    return _keeping(beta) if beta is not None and np.all(beta < 1) else None


_LIBRARIES = {"snntorch": _snntorch, "norse": _norse, "sinabs": _sinabs}
_TAKES_STATE = {"snntorch", "norse"}


def _library(module: torch.nn.Module) -> str:
    """The library that the class comes from, also where the user derived one of his own."""
    for cls in type(module).__mro__:
        package = cls.__module__.split(".")[0]
        if package in (*_LIBRARIES, "spikingjelly"):
            return package
    return ""


def _claims(module: torch.nn.Module) -> Optional[list[Neuron]]:
    """Neurons that the module may be; empty: some neuron, but none that is known; None: none."""
    for cls in type(module).__mro__:
        if cls in _registry:
            found = _registry[cls](module)
            return list(found) if isinstance(found, (list, tuple)) else [found]
    if type(module).__module__.startswith("torch."):
        return None
    package = _library(module)
    if package in _LIBRARIES and _fires(module, package):
        return _LIBRARIES[package](module)
    if _attribute(module, "v_threshold", "v_th", "threshold", "thresh", "vth") is None:
        return None
    if package == "spikingjelly" and not hasattr(module, "surrogate_function"):
        return None
    return None if any(True for m in module.children() for _ in m.parameters()) else \
        _by_attributes(module)


def _fires(module: Any, package: str) -> bool:
    """Not a container or a layer of synapses of the library."""
    if package == "norse":
        return hasattr(module, "p") and hasattr(module.p, "v_th")
    return hasattr(module, "threshold" if package == "snntorch" else "spike_fn")


# ---- checking a claim ----

def _reset_of(module: torch.nn.Module) -> Optional[Callable]:
    """The method that brings a module to its state before the first step, if it has one."""
    methods = (getattr(module, name, None)
               for name in ("reset", "reset_mem", "reset_states", "reset_state"))
    return next((m for m in methods if inspect.ismethod(m) and not _required(m)), None)


class Rest:
    """Brings neurons to their state before the first step: by their own method, else to what they
    hold now."""

    def __init__(self, modules: Iterable[torch.nn.Module]):
        modules = list(modules)
        self.methods = [method for method in map(_reset_of, modules) if method]
        self.held = [(inner, _own(vars(inner)), _own(inner._buffers))
                     for module in modules if _reset_of(module) is None
                     for inner in module.modules()]
        self()

    def __call__(self) -> None:
        for method in self.methods:
            method()
        for module, attributes, buffers in self.held:
            vars(module).update(_own(attributes))
            module._buffers.update(_own(buffers))


def _own(values: dict[str, Any]) -> dict[str, Any]:
    """With copies of tensors, which may be changed in place."""
    return {name: value.clone() if isinstance(value, torch.Tensor) else value
            for name, value in values.items()}


def _required(method: Callable) -> bool:
    return any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
               for p in inspect.signature(method).parameters.values())


def recognise(module: torch.nn.Module, path: str) -> Union[Spiking, ExportError, None]:
    """None for modules that are no neurons; an error for those that nothing describes."""
    claims = _claims(module)
    if claims is None:
        return None
    place = f"{at(path, '')} ({type(module).__module__}.{type(module).__name__})"
    remedy = ("Say what it is with register_neuron(%s, lambda module: DiscreteLIF(...)), or use a "
              "neuron that SpikeGraphs have." % type(module).__name__)
    if not claims:
        return ExportError(f"{place} is a spiking neuron that no SpikeGraph has, as it is set. "
                           + remedy)
    failures = []
    for neuron in claims:
        found = _check(module, neuron, _library(module) in _TAKES_STATE)
        if isinstance(found, Spiking):
            return found
        failures.append(f"{neuron}: {found}")
    return ExportError(f"{place} looks like a spiking neuron, but its spikes are not those of "
                       + "; nor of ".join(failures[:2]) + f". {remedy}")


def _check(module: torch.nn.Module, neuron: Neuron, takes_state: bool) -> Union[Spiking, str]:
    """The way of calling in which the module is this neuron, or what is different."""
    x = _inputs(module, neuron)
    ways = [(0, False), (ONE, False), (1, False)] + ([(ONE, True)] if takes_state else [])
    if type(module).__name__.endswith("Squeeze"):
        ways = [(MERGED, False)]
    reasons = []
    for time, passes in ways:
        try:
            got, states = _outputs(module, x, time, passes)
        except Exception as error:  # whatever the module does with inputs of a shape it refuses
            reasons.append(f"{type(error).__name__}: {error}".splitlines()[0])
            continue
        reason = _difference(neuron, x, got)
        if reason is None:
            free = neuron.memoryless and time in (0, ONE) and not passes
            return Spiking(neuron, ANY if free else time, states, passes)
        reasons.append(reason)
    if len(set(reasons)) == 1:
        return reasons[0]
    return f"{reasons[0]} (all steps in one call), {reasons[1]} (step by step)"


def _inputs(module: torch.nn.Module, neuron: Neuron) -> np.ndarray:
    """(steps, samples, neurons...). The first sample: multiples of 1/8 of the threshold, stronger
    from neuron to neuron, which hit thresholds exactly. The others lead the neuron, every now and
    then, to just above or below its threshold, so that a slightly different neuron shows."""
    steps = next((int(value) for value in (getattr(module, name, None) for name in
                                           ("T", "time_steps", "timesteps", "num_steps", "steps",
                                            "num_timesteps"))
                  if isinstance(value, int) and value > 1), STEPS)
    shapes = [np.shape(value) for value in vars(neuron).values() if np.ndim(value)]
    shape = np.broadcast_shapes(*shapes) if shapes else (NEURONS,)
    draw = np.random.default_rng(0)
    strength = 2.0 ** (np.arange(math.prod(shape)).reshape(shape) % 6)
    eighths = draw.integers(-8, 21, (steps, SAMPLES, *shape)) / 8.0
    x = eighths * strength * np.max(neuron.v_threshold)
    edge = draw.random(x.shape) < 0.5
    edge[:, 0] = False
    aside = draw.choice([-1e-3, -4 * NEAR, 4 * NEAR, 1e-3], x.shape)
    state = neuron.start(x.shape[1:], x.dtype)
    for t in range(steps):
        wanted = neuron.edge(draw, x.shape[1:], aside[t])
        x[t] = np.where(edge[t], _leading_to(neuron, state, wanted), x[t])
        h = neuron.charge(state, x[t])
        neuron.after(state, h, neuron.counts(h))
    return x.astype(np.float32)


def _leading_to(neuron: Neuron, state: dict[str, np.ndarray], h: np.ndarray) -> np.ndarray:
    """The input that charges the neuron to h; a potential is linear in its input."""
    none, one = (neuron.charge(dict(state), np.full(h.shape, value)) for value in (0.0, 1.0))
    return (h - none) / (one - none)


def _outputs(module: torch.nn.Module, x: np.ndarray, time: int, passes: bool
             ) -> tuple[np.ndarray, int]:
    """Spikes for x, and how many states come with them, when a copy is called in that way."""
    Rest([module])
    module = copy.deepcopy(module).eval()
    data = torch.from_numpy(x)
    with torch.no_grad():
        if time == ONE:
            parts, out = [], ()
            for now in data:
                out = _as_tuple(module(now, *(out[1:] if passes else ())))
                parts.append(out[0])
            spikes = torch.stack(parts)
        elif time == MERGED:
            out = _as_tuple(module(data.swapaxes(0, 1).flatten(0, 1)))
            spikes = out[0].unflatten(0, (data.shape[1], -1)).swapaxes(0, 1)
        else:
            out = _as_tuple(module(data.movedim(0, time).contiguous()))
            spikes = out[0].movedim(time, 0)
    if spikes.shape != data.shape:
        raise ValueError(f"gives {tuple(spikes.shape)} for {tuple(data.shape)}")
    return spikes.detach().numpy(), len(out) - 1


def _as_tuple(out: Any) -> tuple:
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)


def _difference(neuron: Neuron, x: np.ndarray, got: np.ndarray) -> Optional[str]:
    """None if got are the spikes of the neuron; places near the threshold may differ unless the
    arithmetic is exact there, and so may what follows them."""
    near32, counts = run(neuron, x)
    h, _ = run(neuron, x.astype(np.float64), counts)
    exact = np.logical_and.accumulate(near32 == h, axis=0)
    doubtful = (neuron.distance(h) <= NEAR * np.max(np.abs(neuron.v_threshold))) & ~exact
    trusted = ~np.logical_or.accumulate(doubtful, axis=0)
    wrong = np.argwhere((got != counts * np.float32(neuron.step_value)) & trusted)
    if not len(wrong):
        return None
    first = tuple(wrong[0])
    column = ", ".join(f"{float(value):g}" for value in x[(slice(first[0] + 1), *first[1:])])
    return (f"for the inputs {column} it gives {float(got[first]):g} at step {first[0]}, the "
            f"neuron {float(counts[first]) * neuron.step_value:g}")


def neurons_of(model: torch.nn.Module) -> dict[int, Union[Spiking, ExportError]]:
    """By id of the module. Errors are raised when such a module is called."""
    found: dict[int, Union[Spiking, ExportError]] = {}
    inside: list[str] = []
    for path, module in model.named_modules():
        if any(path.startswith(outer + ".") for outer in inside):
            continue
        result = recognise(module, path)
        if result is not None:
            found[id(module)] = result
            inside.append(path)
    return found
