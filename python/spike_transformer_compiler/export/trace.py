"""What a model does with an example: a torch.fx graph with one node for each call of a function.

The model's own forward runs, with tensors that have shapes and no numbers (fake tensors), so
shapes may be read at run time, and control flow that depends on numbers fails instead of being
frozen as the example had it. Neurons are one node each. Every node has in `meta`:

    value    its tensor (a constant: with its numbers)      module   path of the module that calls
    line     where in the source, or the module's class      names    of a constant: its parameters
    layer    whether the module is one of LAYERS
"""
from __future__ import annotations

import contextlib
import logging
import operator
import os
import sys
from typing import Any, Iterator, Optional, Union

import torch
from torch import fx
from torch._subclasses.fake_tensor import (DataDependentOutputException,
                                           DynamicOutputShapeException, FakeTensor, FakeTensorMode)
from torch.overrides import TorchFunctionMode

from .errors import ExportError, at
from .recognise import Spiking

_HERE = os.path.dirname(os.path.abspath(__file__))
_TORCH = os.path.dirname(os.path.abspath(torch.__file__))
#: modules of one function, whose path names the node
LAYERS = (torch.nn.modules.conv._ConvNd, torch.nn.Linear, torch.nn.modules.batchnorm._BatchNorm,
          torch.nn.modules.pooling._MaxPoolNd, torch.nn.modules.pooling._AvgPoolNd)
_SETS_ITEMS = ("__setitem__", "index_put_", "copy_", "fill_", "masked_fill_", "zero_")


def function_name(node_or_function: Any) -> str:
    """'matmul' for torch.matmul, x @ y and Tensor.matmul; 'mT' for the attribute."""
    target = getattr(node_or_function, "target", node_or_function)
    name = getattr(target, "__name__", str(target))
    if name in ("__get__", "__set__"):
        return target.__self__.__name__
    return name


def source_line() -> str:
    """file:line of the model's code that is running; nothing where only torch's own modules do."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not Tracer.trace.__code__:
        file = os.path.abspath(frame.f_code.co_filename)
        if not file.startswith((_HERE + os.sep, _TORCH + os.sep)) and "<" not in file:
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


class _Recorder(TorchFunctionMode):
    """Writes every call that gives tensors into the graph."""

    def __init__(self, tracer: "Tracer"):
        super().__init__()
        self.tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.tracer.paused:
            return func(*args, **kwargs)
        changed = self.tracer.written(function_name(func), args, kwargs)
        if changed is not None and self.tracer.counts_batches(changed):
            return changed
        try:
            out = func(*args, **kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException) as error:
            raise ExportError(
                f"{self.tracer.place()}: {function_name(func)} reads numbers of a "
                "tensor, so what the model does depends on its input. A SpikeGraph does the same "
                "for every input: take such control flow out of forward.") from error
        return self.tracer.record(func, args, kwargs, out, changed)


class Tracer:
    """One trace of one model. neurons: what recognise.neurons_of found."""

    def __init__(self, model: torch.nn.Module, neurons: dict[int, Union[Spiking, ExportError]]):
        self.model, self.neurons = model, neurons
        self.graph = fx.Graph()
        self.paths = {id(module): path for path, module in model.named_modules()}
        self.constants = {id(tensor): (name,) for name, tensor in
                          [*model.named_parameters(), *model.named_buffers()]}
        self.nodes: dict[int, fx.Node] = {}   # by id of a tensor
        self.stale: dict[int, str] = {}       # tensors whose memory was changed through another
        self.kept: list[Any] = []             # so that no id is given twice
        self.called: dict[int, str] = {}      # neurons, and where
        self.stack: list[tuple[str, Optional[torch.nn.Module]]] = [("", None)]
        self.paused = False

    @property
    def module(self) -> str:
        return self.stack[-1][0]

    def line(self) -> str:
        """Where the model's code is: a source line, or the class of one of torch's modules."""
        return source_line() or type(self.stack[-1][1]).__name__

    def place(self) -> str:
        return at(self.module, self.line())

    def trace(self, inputs: dict[str, torch.Tensor]) -> fx.Graph:
        """inputs: the arguments of forward; only their shapes and types matter."""
        with _quiet():
            fake = FakeTensorMode(allow_non_fake_inputs=True)
        given = {}
        for name, tensor in inputs.items():
            given[name] = fake.from_tensor(torch.empty(tensor.shape, dtype=tensor.dtype))
            self._add(self.graph.placeholder(name), given[name])
        with torch.no_grad(), _quiet(), self._modules_intercepted(), _Recorder(self):
            try:
                out = self.model(*given.values())
            except ExportError:
                raise
            except Exception as error:
                shapes = ", ".join(str(tuple(t.shape)) for t in inputs.values())
                place = at(getattr(error, "export_module", ""), _line_of(error))
                raise ExportError(f"{place}: the model fails on an input "
                                  f"of shape {shapes}: {type(error).__name__}: {error}") from error
        self.graph.output(self._argument(out))
        return self.graph

    # ---- modules ----

    @contextlib.contextmanager
    def _modules_intercepted(self) -> Iterator[None]:
        original, tracer = torch.nn.Module.__call__, self

        def call(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
            tracer.stack.append((tracer.paths.get(id(module), tracer.module), module))
            try:
                found = tracer.neurons.get(id(module))
                if found is None:
                    result = original(module, *args, **kwargs)
                else:
                    result = tracer._neuron(module, found, args, kwargs)
            except Exception as error:
                if not hasattr(error, "export_module"):
                    error.export_module = tracer.module
                raise
            finally:
                tracer.stack.pop()
            return result

        torch.nn.Module.__call__ = call
        try:
            yield
        finally:
            torch.nn.Module.__call__ = original

    def _neuron(self, module: torch.nn.Module, found: Union[Spiking, ExportError], args: Any,
                kwargs: Any) -> Any:
        if isinstance(found, ExportError):
            raise found
        here = self.line()
        if id(module) in self.called:
            raise ExportError(
                f"{at(self.module, here)}: the neuron {type(module).__name__} is called again "
                f"(first at {self.called[id(module)]}). A loop over time, or one neuron in two "
                "places, is not possible: write forward for one step and give time_steps, or use "
                "neurons that take all steps in one call; give every place a neuron of its own.")
        self.called[id(module)] = here
        x, *states = [*args, *kwargs.values()]
        if any(state is not None for state in states):
            raise ExportError(
                f"{at(self.module, here)}: forward gives the neuron {type(module).__name__} its "
                "state. Let the state be an argument of forward that is None in the first step and "
                "is returned, or let the neuron keep it (init_hidden=True in snnTorch).")
        self.paused = True
        spikes = torch.empty_like(x)
        self.paused = False
        node = self.graph.create_node("call_module", self.module, (self._argument(x),))
        self._describe(node)
        self._add(node, spikes)
        if not found.states:
            return spikes
        return (spikes, *(State(self.module) for _ in range(found.states)))

    # ---- functions ----

    def record(self, func: Any, args: Any, kwargs: Any, out: Any,
               changed: Optional[torch.Tensor]) -> Any:
        """A node for a call that gave tensors, and the result."""
        parts = out if isinstance(out, (tuple, list)) else [out]
        tensors = [t for t in parts if isinstance(t, torch.Tensor)]
        if not any(isinstance(t, FakeTensor) for t in tensors) and changed is None:
            self._derive(tensors, args, kwargs)
            return out
        node = self.graph.create_node("call_function", func, self._argument(tuple(args)),
                                      self._argument(dict(kwargs)))
        self._describe(node)
        if changed is not None:
            self._outdate(function_name(func), changed)
        if isinstance(out, torch.Tensor):
            self._add(node, out)
        else:
            node.meta["value"] = out
            for at_index, tensor in enumerate(out or ()):
                part = self.graph.create_node("call_function", operator.getitem, (node, at_index))
                self._describe(part)
                self._add(part, tensor)
        return out

    def _derive(self, tensors: list[torch.Tensor], args: Any, kwargs: Any) -> None:
        """Tensors computed from the model's own, without its input: constants of those names."""
        sources = [t for t in fx.node.map_aggregate((*args, *kwargs.values()), lambda a: a)
                   if isinstance(t, torch.Tensor)]
        names = {name for t in sources for name in self.constants.get(id(t), ())}
        for tensor in tensors if names else ():
            self.constants.setdefault(id(tensor), tuple(sorted(names)))
            self.kept.append(tensor)

    def written(self, name: str, args: Any, kwargs: Any) -> Optional[torch.Tensor]:
        """The computed tensor that a call is going to write to. Refuses what may not be written."""
        writes = (name.endswith("_") and not name.startswith("_")) or name == "__setitem__" or \
            name.startswith("__i") and name not in ("__invert__", "__index__")
        target = kwargs.get("out") if kwargs.get("out") is not None else args[0] if writes else None
        if not isinstance(target, torch.Tensor):
            return None
        owned = id(target) in self.constants
        if not (owned or any(isinstance(t, FakeTensor) for t in (target, *args))):
            return None
        if name in _SETS_ITEMS:
            raise ExportError(f"{self.place()}: {name} assigns to a part of a tensor. Write the "
                              "result as a new tensor (padding of a convolution, a product with a "
                              "mask, ...).")
        if not isinstance(target, FakeTensor) and not self.counts_batches(target):
            names = ", ".join(self.constants.get(id(target), ["a tensor"]))
            raise ExportError(f"{self.place()}: {name} changes {names} that outlives the call: a "
                              "state that no neuron of a SpikeGraph has. Use a neuron module, or "
                              "register_neuron for the module.")
        return target

    def counts_batches(self, tensor: torch.Tensor) -> bool:
        """Whether it is num_batches_tracked of a batch norm, which says nothing about results."""
        return any(name.endswith("num_batches_tracked")
                   for name in self.constants.get(id(tensor), ()))

    def _outdate(self, name: str, target: torch.Tensor) -> None:
        """Other tensors in the memory that a call wrote to are no longer what their nodes say."""
        memory = target.untyped_storage()._cdata
        for other in self.kept:
            if isinstance(other, FakeTensor) and other is not target and \
                    other.untyped_storage()._cdata == memory:
                self.stale[id(other)] = f"{name} at {self.place()}"

    # ---- the graph ----

    def _describe(self, node: fx.Node) -> None:
        path, module = self.stack[-1]
        node.meta.update(module=path, line=self.line(), layer=isinstance(module, LAYERS))

    def _add(self, node: fx.Node, tensor: torch.Tensor) -> None:
        node.meta["value"] = tensor
        self.nodes[id(tensor)] = node
        self.stale.pop(id(tensor), None)
        self.kept.append(tensor)

    def _argument(self, value: Any) -> Any:
        """Nodes in place of tensors, in lists and tuples too."""
        if isinstance(value, torch.Tensor):
            return self._node(value)
        if isinstance(value, dict):
            return {key: self._argument(item) for key, item in value.items()}
        if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
            return type(value)(map(self._argument, value)) if type(value) in (tuple, list) else \
                tuple(map(self._argument, value))
        return value

    def _node(self, tensor: torch.Tensor) -> fx.Node:
        if id(tensor) in self.stale:
            raise ExportError(f"{self.place()}: uses a tensor whose memory was "
                              f"changed in place by {self.stale[id(tensor)]}. Write `x = x + y` "
                              "there.")
        if id(tensor) in self.nodes:
            return self.nodes[id(tensor)]
        if isinstance(tensor, FakeTensor):
            raise ExportError(
                f"{self.place()}: uses a tensor{self._holder(tensor)} that no known "
                "function made: the state of an earlier call, or a torch.autograd.Function. If the "
                "module is a neuron, say which one with register_neuron.")
        names = self.constants.get(id(tensor), ())
        node = self.graph.create_node("get_attr", "+".join(names) or "constant")
        node.meta["names"] = names
        self._describe(node)
        self._add(node, tensor)
        return node

    def _holder(self, tensor: torch.Tensor) -> str:
        for path, module in self.model.named_modules():
            for name, value in [*vars(module).items(), *module._buffers.items()]:
                if value is tensor:
                    return f" ({path or 'the model'}.{name})"
        return ""


class State:
    """In place of the state that a neuron returns: it may be returned, and nothing else."""

    def __init__(self, module: str):
        self.module = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ExportError(f"{at(self.module, source_line())}: the state of the neuron is used "
                          f"({name}). Only spikes leave a neuron of a SpikeGraph.")


def _line_of(error: BaseException) -> str:
    """Where the model's own code was when it failed."""
    found, step = "", error.__traceback__
    while step is not None:
        file = os.path.abspath(step.tb_frame.f_code.co_filename)
        if not file.startswith((_HERE + os.sep, _TORCH + os.sep)) and "<" not in file:
            found = f"{os.path.basename(file)}:{step.tb_lineno}"
        step = step.tb_next
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what fake tensors log about failures, which are reported as ExportError."""
    loggers = [logging.getLogger(name) for name in ("torch._subclasses.fake_tensor",
                                                    "torch._library.triton")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before):
            logger.disabled = disabled


@contextlib.contextmanager
def restored(model: torch.nn.Module) -> Iterator[None]:
    """Put back what the modules hold: tracing leaves tensors without numbers in them."""
    held = [(module, dict(vars(module)), dict(module._buffers)) for module in model.modules()]
    try:
        yield
    finally:
        for module, attributes, buffers in held:
            vars(module).clear()
            vars(module).update(attributes)
            module._buffers.clear()
            module._buffers.update(buffers)


def keeps_tensors(model: torch.nn.Module) -> bool:
    """Whether some module holds a tensor of a trace, after it."""
    def holds(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(holds, value.values()))
        return any(map(holds, value)) if isinstance(value, (list, tuple)) else \
            isinstance(value, FakeTensor)
    return any(holds(value) for module in model.modules() for name, value in vars(module).items()
               if name not in ("_modules", "_parameters"))
