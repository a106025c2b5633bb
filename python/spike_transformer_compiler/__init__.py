"""PyTorch models into stc, the Spike Transformer Compiler, and its results as arrays.

    import spike_transformer_compiler as stc

    stc.export(model, images[:1], "model.h5", time_steps=4)      # needs torch
    program = stc.compile("model.h5", "program.h5", chips=4)     # calls the command `stc`
    result = stc.run(program, input=images, ranks=4)
    result.outputs["output"], result.spikes["lif"].times, result.rates()
    stc.plot_raster(result)                                      # needs matplotlib

Reading order: result.py and graph.py read files, command.py calls `stc`, plot.py draws, export/
turns PyTorch modules into SpikeGraphs. Only export imports torch, only plot imports matplotlib,
both when they are called.
"""
from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from .command import Program, StcError, StcWarning, call, compile, find_stc, run
from .graph import Graph, Node, load_graph
from .plot import plot_outputs, plot_raster
from .result import Result, Spikes, Trace, load_result

if TYPE_CHECKING:
    from .export import export, register_neuron  # noqa: F401

__version__ = "0.1.0"
__all__ = ["Graph", "Node", "Program", "Result", "Spikes", "StcError", "StcWarning", "Trace",
           "call", "compile", "find_stc", "load_graph", "load_result", "plot_outputs",
           "plot_raster", "run"]
LAZY = ("export", "register_neuron")  # import torch when they are first used


class _Package(types.ModuleType):
    """Importing the subpackage `export` would put that module in the place of its function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "export" and isinstance(value, types.ModuleType):
            value = value.export
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name not in LAZY:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        module = importlib.import_module(".export", __name__)
        self.register_neuron = module.register_neuron
        return getattr(module, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *LAZY})


sys.modules[__name__].__class__ = _Package
