"""PyTorch models become SpikeGraphs, the files that `stc compile` reads.

    from spike_transformer_compiler.export import export, register_neuron, DiscreteLIF

    register_neuron(MyLIF, lambda m: DiscreteLIF(tau=m.tau, v_threshold=m.threshold))
    export(model.eval(), images[:1], "model.h5", time_steps=4, test_inputs=images[:8])

What cannot be said exactly in a SpikeGraph is refused: ExportError names the module and the line.

Reading order: trace.py runs the model's forward and writes down which functions it calls;
recognise.py says which modules are neurons, of which kind (neurons.py); lower.py turns the
functions into nodes (graph.py), with steps and samples taken out of the shapes (layout.py);
reference.py runs the model on test inputs; write.py writes the file. Batch norms are written behind
the weights that they follow, moved below views where need be: stc folds them in float64.
"""
from __future__ import annotations

import dataclasses
import inspect
import os
import sys
from typing import Any, Optional, Sequence, Union

import torch

from .errors import ExportError
from .layout import B, D, T, Axes
from .lower import Lowering
from .neurons import CubaLIF, DiscreteLIF, IF, LIF, Neuron
from .recognise import Rest, Spiking, neurons_of, register_neuron
from .reference import Case, vectors
from .trace import Tracer, keeps_tensors, restored
from .write import write

__all__ = ["CubaLIF", "DiscreteLIF", "Exported", "ExportError", "IF", "LIF", "Neuron", "export",
           "register_neuron"]

Tensors = Union[torch.Tensor, Sequence[torch.Tensor]]
_BATCHES = (13, 17)  # samples of the trace: primes, so no shape of a model has them by accident


@dataclasses.dataclass
class Exported:
    """What export wrote. neurons: name of a neuron node: (module path, shape, description)."""

    path: str
    time_steps: int
    nodes: int
    parameters: int
    neurons: dict[str, tuple[str, tuple[int, ...], Neuron]]
    inputs: list[str]
    outputs: list[str]
    notes: list[str]


def export(model: torch.nn.Module, example_input: Tensors, path: Union[str, os.PathLike],
           time_steps: Optional[int] = None, test_inputs: Optional[Tensors] = None, *,
           input_axes: Optional[str] = None, input_kind: str = "real", name: Optional[str] = None,
           test: bool = True, band: float = 1e-5, quiet: bool = False) -> Exported:
    """Write a model as a SpikeGraph with test vectors.

    example_input   arguments of forward (a tensor, or several), of one sample or more. Export is
                    for inputs of that size.
    time_steps      needed for models that take one step at a time; else it follows from the model,
                    or from the axis of steps of the input.
    test_inputs     as example_input, any number of samples; default example_input. A model of one
                    step at a time takes them with an axis of steps in front, or the same at all.
    input_axes      what the first axes of the input are: "B", "TB" or "BT" (T steps, B samples);
                    default: the first of these with which the model works.
    input_kind      "bits" for inputs that are spikes, "counts" for integers up to 255: stc then
                    adds integers in the first layer too.
    name            of the model; default: that of the file.
    test            whether test vectors are written.
    band            neuron-steps whose membrane is this near the threshold are listed.

    Raises ExportError for what a SpikeGraph does not mean exactly.
    """
    inputs = _named(model, example_input)
    if input_kind not in ("real", "bits", "counts"):
        raise ValueError(f"input_kind is {input_kind!r}, expected 'real', 'bits' or 'counts'")
    found = neurons_of(model)
    attempt = _best(model, inputs, found, time_steps, input_axes)
    steps = _steps(attempt, time_steps)
    if input_kind != "real":
        attempt.lowering.set_input_kind(input_kind)
    notes = [*attempt.lowering.notes, *_unused(model, attempt, found)]
    case = _case(model, attempt, found, steps)
    measured = None
    if test:
        data = tuple(_named(model, example_input if test_inputs is None else test_inputs).values())
        measured = vectors(case, data, band)
        notes += measured.notes
    path = os.fspath(path)
    write(path, name or os.path.splitext(os.path.basename(path))[0], steps, attempt.lowering,
          measured, notes, f"torch {torch.__version__}, {type(model).__module__}."
                           f"{type(model).__qualname__}")
    for note in () if quiet else notes:
        print(f"note: {note}", file=sys.stderr)
    return _summary(path, steps, attempt.lowering, notes)


@dataclasses.dataclass
class _Attempt:
    """One reading of the axes of the inputs, and what came of it."""

    axes: dict[str, Axes]
    lowering: Lowering
    error: Optional[ExportError] = None


def _named(model: torch.nn.Module, given: Tensors) -> dict[str, torch.Tensor]:
    tensors = [given] if isinstance(given, torch.Tensor) else list(given)
    if not tensors or not all(isinstance(t, torch.Tensor) for t in tensors):
        raise TypeError("example_input and test_inputs are a tensor, or a tuple of tensors")
    names = [p.name for p in inspect.signature(model.forward).parameters.values()
             if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names += [f"input_{k}" for k in range(len(names), len(tensors))]
    return {"input": tensors[0]} if len(tensors) == 1 else dict(zip(names, tensors))


def _best(model: torch.nn.Module, inputs: dict[str, torch.Tensor], found: dict,
          steps: Optional[int], wanted: Optional[str]) -> _Attempt:
    """The first reading of the axes that works; else the error of the one that came furthest."""
    attempts = []
    for letters in [wanted] if wanted else ["B", "TB", "BT"]:
        if any(t.ndim <= len(letters) - (letters == "B") for t in inputs.values()):
            continue
        attempt = _try(model, inputs, found, letters, steps)
        if attempt.error is None:
            return attempt
        attempts.append(attempt)
    if not attempts:
        raise ExportError("the example input has too few axes: expected samples, or steps and "
                          "samples, before those of the data.")
    raise max(attempts, key=lambda attempt: attempt.lowering.done).error


def _try(model: torch.nn.Module, inputs: dict[str, torch.Tensor], found: dict, letters: str,
         steps: Optional[int]) -> _Attempt:
    symbols = {"B": B, "T": T}
    axes = {name: tuple((symbols[c],) for c in letters) + ((D,),) * (t.ndim - len(letters))
            for name, t in inputs.items()}
    at_step = letters.find("T")
    own = next(iter(inputs.values())).shape[at_step] if at_step >= 0 else None
    batch = next(n for n in _BATCHES if n not in (own, steps))
    shaped = {name: _with_samples(t, letters.index("B"), batch) for name, t in inputs.items()}
    tracer = Tracer(model, found)
    spiking = {tracer.paths[key]: value for key, value in found.items()
               if isinstance(value, Spiking)}
    stepwise = steps if at_step < 0 else own
    lowering = Lowering(spiking, batch, stepwise)
    attempt = _Attempt(axes, lowering)
    try:
        if at_step >= 0 and steps not in (None, own):
            raise ExportError(f"the input has {own} steps on axis {at_step}, time_steps is "
                              f"{steps}.")
        graph = _trace(tracer, model, found, shaped)
        lowering.run(graph, {name: (name, axes[name]) for name in inputs})
    except ExportError as error:
        attempt.error = error
    return attempt


def _with_samples(tensor: torch.Tensor, axis: int, batch: int) -> torch.Tensor:
    shape = list(tensor.shape)
    shape[axis] = batch
    return torch.empty(shape, dtype=tensor.dtype, device="meta")


def _trace(tracer: Tracer, model: torch.nn.Module, found: dict, inputs: dict[str, torch.Tensor]
           ) -> Any:
    """The graph of a first call. A model that keeps tensors is called once more: if it uses them
    then, they are a state."""
    with restored(model):
        graph = tracer.trace(inputs)
        if keeps_tensors(model):
            Tracer(model, found).trace(inputs)
    return graph


def _steps(attempt: _Attempt, time_steps: Optional[int]) -> int:
    """T of the model; models that take one step at a time must be told."""
    steps = attempt.lowering.sizes.get(T, time_steps)
    if steps is not None:
        return steps
    if all(about.neuron.memoryless for about in attempt.lowering.neurons.values()):
        return 1
    raise ExportError("the model takes one step at a time: say with time_steps how many a sample "
                      "has.")


def _case(model: torch.nn.Module, attempt: _Attempt, found: dict, steps: int) -> Case:
    modules = {path: (module, found[id(module)]) for path, module in model.named_modules()
               if id(module) in found and path in
               {about.path for about in attempt.lowering.neurons.values()}}
    lowering = attempt.lowering
    return Case(model, modules, lowering, tuple(attempt.axes.values()), tuple(attempt.axes), steps,
                not lowering.has_steps, Rest(module for module, _ in modules.values()))


def _unused(model: torch.nn.Module, attempt: _Attempt, found: dict) -> list[str]:
    """Weights that no node has, by module."""
    neurons = [path for path, module in model.named_modules() if id(module) in found]
    left: dict[str, list[str]] = {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        path, _, last = name.rpartition(".")
        if name in attempt.lowering.used or last == "num_batches_tracked" or \
                any(path == n or path.startswith(n + ".") for n in neurons):
            continue
        left.setdefault(path, []).append(f"{last} {tuple(tensor.shape)}")
    return [f"{path or 'the model'}: {', '.join(names)} not used, left out"
            for path, names in left.items()]


def _summary(path: str, steps: int, lowering: Lowering, notes: list[str]) -> Exported:
    nodes = lowering.graph.used()
    weights = {id(value): value.size for node in nodes.values()
               for key, value in node.parameters.items()
               if key in ("weight", "bias") and hasattr(value, "size")}
    return Exported(path, steps, len(nodes), sum(weights.values()),
                    {node: (about.path, about.shape, about.neuron)
                     for node, about in lowering.neurons.items()},
                    [name for name, node in nodes.items() if node.type == "Input"],
                    list(lowering.outputs), notes)
