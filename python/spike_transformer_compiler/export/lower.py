"""From the functions that a model calls to the nodes of a SpikeGraph.

Lowering walks through the fx graph once. A method `fn_<name>` (layers.py, arithmetic.py, views.py)
is what a torch function of that name means; it takes the arguments of the torch function, with a
Value in place of a computed tensor and a Constant in place of a weight, and gives a Value or a
tuple of them. A function without a method is refused, and so is whatever cannot be said exactly.
"""
from __future__ import annotations

import dataclasses
import inspect
import math
from typing import Any, Optional

import numpy as np
import torch
from torch import fx

from . import layout
from .arithmetic import Arithmetic
from .errors import ExportError, at
from .layers import Layers
from .layout import B, D, T, Axes
from .recognise import MERGED, ONE, Spiking
from .trace import State, function_name
from .values import Constant, Refused, Spikes, Value
from .views import Views

_ALIASES = {"__truediv__": "div", "true_divide": "div", "divide": "div", "multiply": "mul",
            "subtract": "sub", "bmm": "matmul", "__rmatmul__": "rmatmul", "div_": "div",
            "swapaxes": "transpose", "swapdims": "transpose", "moveaxis": "movedim",
            "__radd__": "add", "__rmul__": "mul", "__iadd__": "add", "__imul__": "mul",
            "__isub__": "sub", "__itruediv__": "div", "negative": "neg", "T": "T", "mT": "mT"}
_TAKES_CONSTANTS = ("add", "mul", "sub", "multiply", "subtract", "rsub", "__rsub__", "__radd__",
                    "__rmul__", "getitem")
_REMEDIES = {name: "Spiking transformers do without it: take it out of the model or replace it by "
                   "batch norm and neurons." for name in
             ("softmax", "sigmoid", "layer_norm", "gelu", "silu", "tanh", "exp", "log_softmax",
              "group_norm", "instance_norm", "scaled_dot_product_attention", "relu", "hardtanh",
              "leaky_relu", "relu6", "hardswish", "multi_head_attention_forward", "embedding")}
_REMEDIES.update({name: "If it belongs to a spiking neuron, say which one with register_neuron."
                  for name in ("heaviside", "round", "clamp", "clip", "floor", "ge", "gt", "lt",
                               "le", "where", "masked_fill", "sign", "ceil")})


class Lowering(Layers, Arithmetic, Views):
    """One trace becomes one graph. spiking: by path of the module; steps: T where it is known."""

    def __init__(self, spiking: dict[str, Spiking], batch: int, steps: Optional[int]):
        super().__init__(batch, steps)
        self.spiking = spiking
        self.neurons: dict[str, Spikes] = {}             # by node
        self.outputs: dict[str, tuple[str, Value]] = {}  # node: what `flat` calls it, its value
        self.notes: list[str] = []
        self.done = 0                                    # calls that were lowered

    # ---- the walk ----

    def run(self, trace: fx.Graph, inputs: dict[str, tuple[str, Axes]]) -> None:
        """inputs: argument of forward: (name of the node, axes)."""
        env: dict[fx.Node, Any] = {}
        wanted = _leading_to_output(trace)
        for node in trace.nodes:
            self.now = node
            if node.op == "output":
                self._outputs(node.args[0], env)
            elif node in wanted or node.op == "placeholder":
                env[node] = self._lower(node, env, inputs)
                self.done += 1
        for about in self.neurons.values():
            if self.has_steps and T not in sum(about.axes, ()) and not about.neuron.memoryless:
                raise ExportError(f"{at(about.path, '')}: the neuron takes one step, other parts "
                                  "of the model take all: it would run for all steps too. Repeat "
                                  "the input in front of it, or write forward for one step.")

    def _lower(self, node: fx.Node, env: dict, inputs: dict[str, tuple[str, Axes]]) -> Any:
        if node.op == "placeholder":
            name, axes = inputs[node.target]
            self.has_steps |= (T,) in axes
            shape = [n for n, axis in zip(node.meta["value"].shape, axes) if axis == (D,)]
            return Value(self.graph.add(name, "Input", [], shape, shape=np.array(shape)), axes)
        if node.op == "get_attr":
            return Constant(node.meta["value"], node.target, node.meta["names"])
        args, kwargs = self._resolve(node.args, env), self._resolve(node.kwargs, env)
        try:
            if node.op == "call_module":
                return self._neuron(self.spiking[node.target], args[0])
            return self._call(node, args, kwargs)
        except layout.Mixed:
            raise ExportError(f"{self._place()}: {function_name(node)} cuts or mixes the axis of "
                              "steps or samples with others. A SpikeGraph treats every step and "
                              "sample alike: merge them only with each other, and split them as "
                              "they were merged.") from None
        except Refused as reason:
            raise ExportError(f"{self._place()}: {reason}") from None

    def _resolve(self, value: Any, env: dict) -> Any:
        if isinstance(value, fx.Node):
            return env[value]
        if isinstance(value, dict):
            return {key: self._resolve(item, env) for key, item in value.items()}
        if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
            return type(value)(self._resolve(item, env) for item in value)
        if isinstance(value, slice):
            return slice(*(self._resolve(v, env) for v in (value.start, value.stop, value.step)))
        return value

    def _place(self) -> str:
        return at(self.now.meta.get("module", ""), self.now.meta.get("line", ""))

    def _call(self, node: fx.Node, args: Any, kwargs: dict[str, Any]) -> Any:
        name = function_name(node)
        handler = getattr(self, "fn_" + _ALIASES.get(name, name).strip("_"), None)
        if handler is None:
            raise Refused(f"{name} has no counterpart in a SpikeGraph. " + _REMEDIES.get(
                name, "Write it with convolutions, linear layers, batch norms, pools, sums, "
                      "products, means and views; a spiking neuron needs register_neuron."))
        if node.kwargs.get("out") is not None:
            raise Refused(f"{name} with out=. Use its result instead.")
        kwargs = {{"self": "x", "input": "x"}.get(key, key): value for key, value in kwargs.items()
                  if key != "out"}
        try:
            bound = inspect.signature(handler).bind(*args, **kwargs)
        except TypeError as error:
            raise Refused(f"{name}: {error}, as export knows it.") from None
        first = next(iter(bound.arguments.values()), None)
        if name not in _TAKES_CONSTANTS and not isinstance(first, (Value, tuple, list)):
            raise Refused(f"{name} of a constant and a computed tensor in this order. Put the "
                          "computed tensor first.")
        return handler(*args, **kwargs)

    def set_input_kind(self, kind: str) -> None:
        for node in self.graph.nodes.values():
            if node.type == "Input":
                node.parameters["kind"] = kind

    # ---- neurons ----

    def _neuron(self, found: Spiking, x: Value) -> Value:
        neuron, path = found.neuron, self.now.target
        if x.averaged:
            raise Refused("a neuron after the mean over steps. It needs a value for every step.")
        times = [axis for axis, symbols in enumerate(x.axes) if T in symbols]
        if found.time == ONE and times:
            raise Refused(f"a neuron that takes one step is given all, {layout.text(x.axes)}. Use "
                          "its multi-step form (step_mode='m' in SpikingJelly), or write forward "
                          "for one step.")
        if found.time == MERGED and x.axes[0] != (B, T):
            raise Refused("a neuron that takes samples x steps on its first axis is given "
                          f"{layout.text(x.axes)}. Give it x.flatten(0, 1) of an input "
                          "[B, T, ...].")
        if found.time >= 0 and (found.time >= len(x.axes) or x.axes[found.time] != (T,)):
            raise Refused(f"a neuron that takes its steps along axis {found.time} is given "
                          f"{layout.text(x.axes)}. Give the input its steps, or let the model "
                          "repeat it: x.unsqueeze(0).repeat(T, 1, 1, 1, 1).")
        each = {name: self._along(x, np.asarray(value, np.float64), f"{name} of the neuron")
                for name, value in vars(neuron).items() if np.ndim(value)}
        neuron = dataclasses.replace(neuron, **each)
        parameters, factor = neuron.parameters(), neuron.step_value
        if abs(math.frexp(factor)[0]) != 0.5:  # a scale behind the node: it takes powers of two
            del parameters["output_scale"]
        node = self.graph.add(path, neuron.type, [x.node], self._shape(x), **parameters)
        self.neurons[node] = Spikes(path, x.axes, self._shape(x), neuron)
        if factor != parameters.get("output_scale", 1.0):
            node = self.graph.affine(node, None, "Scale", self._name("scale"), factor=factor)
        return Value(node, x.axes)

    # ---- the end ----

    def _outputs(self, returned: Any, env: dict) -> None:
        found = {}
        for name, item in flat(returned).items():
            value = env[item] if isinstance(item, fx.Node) else item
            if isinstance(value, Value):
                found[name] = value
            elif isinstance(value, State):
                self.notes.append(f"the state of {value.module} is returned: left out, stc keeps "
                                  "the states of neurons itself")
            elif value is not None:
                self.notes.append(f"{name} that the model returns does not depend on its input: "
                                  "left out")
        if not found:
            raise ExportError("the model returns no tensor that depends on its input.")
        for name, value in found.items():
            node = self.graph.add("output" if len(found) == 1 else name, "Output", [value.node],
                                  self._shape(value))
            self.outputs[node] = (name, value)


def flat(returned: Any, name: str = "") -> dict[str, Any]:
    """Everything in nested tuples, lists and dicts: output_0, output_1.2, logits, ..."""
    if isinstance(returned, dict):
        items = [(f"{name}.{key}" if name else str(key), item) for key, item in returned.items()]
    elif isinstance(returned, (tuple, list)):
        items = [(f"{name}.{k}" if name else f"output_{k}", item)
                 for k, item in enumerate(returned)]
    else:
        return {name or "output": returned}
    return {key: leaf for inner, item in items for key, leaf in flat(item, inner).items()}


def _leading_to_output(trace: fx.Graph) -> set[fx.Node]:
    wanted: set[fx.Node] = set()
    left = [node for node in trace.nodes if node.op == "output"]
    while left:
        for node in left.pop().all_input_nodes:
            if node not in wanted:
                wanted.add(node)
                left.append(node)
    return wanted
