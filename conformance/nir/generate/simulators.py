"""Runs NIR graphs and live networks in the simulators themselves, one step at a time, and returns
the spikes of every neuron layer: {node: (steps, shape)}.

Nothing here computes a neuron: networks are made by each package's own importer (NAME_import) or
of its own layers (NAME_layers). x is (steps, inputs...) without a batch axis.
"""
import contextlib
import importlib.metadata
import io
import logging
import warnings

import nir
import numpy as np
import torch

warnings.filterwarnings("ignore")
SPIKING = (nir.IF, nir.LIF, nir.CubaLIF)


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def module_name(node):
    return node.replace(".", "_")


class Watch:
    """Collects what modules put out; modules: node -> module."""

    def __init__(self, modules):
        self.out = {name: [] for name in modules}
        self.hooks = [module.register_forward_hook(self.collect(name))
                      for name, module in modules.items()]

    def collect(self, name):
        def hook(_module, _inputs, out):
            out = out[0] if isinstance(out, tuple) else out
            self.out[name].append(out.detach().numpy().copy())
        return hook

    def spikes(self, steps):
        """One array per node; a layer that was called once had all steps in its batch axis."""
        for hook in self.hooks:
            hook.remove()
        return {name: np.concatenate(out).reshape(steps, *out[0].shape[1:])
                for name, out in self.out.items()}


def neurons_of(graph, model):
    modules = dict(model.named_modules())
    return {name: modules[module_name(name)] for name, node in graph.nodes.items()
            if isinstance(node, SPIKING)}


def stepwise(model, watch, x):
    """Models that take and return a state."""
    state = None
    with torch.no_grad():
        for row in torch.tensor(np.asarray(x, np.float32)):
            _, state = model(row[None], state)
    return watch.spikes(len(x))


@contextlib.contextmanager
def quiet():
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)


def norse_import(graph, x, dt, subtract=False):
    import norse.torch as norse
    from norse.torch.functional import reset
    with quiet():
        model = norse.from_nir(graph, dt=dt, reset_method=reset.reset_subtract if subtract
                               else reset.reset_value)
    return stepwise(model, Watch(neurons_of(graph, model)), x)


def snntorch_import(graph, x):
    from snntorch.import_nir import import_from_nir
    with quiet():
        model = import_from_nir(graph)
    return stepwise(model, Watch(neurons_of(graph, model)), x)


def spikingjelly_import(graph, x, dt):
    from spikingjelly.activation_based import nir_exchange
    with quiet():
        model = nir_exchange.import_from_nir(graph, dt=dt)
    return stepwise(model, Watch(neurons_of(graph, model)), x)


def sinabs_import(graph, x):
    import sinabs.nir
    with quiet():
        model = sinabs.nir.from_nir(graph, batch_size=1)
    watch = Watch(neurons_of(graph, model))
    with torch.no_grad():
        model(torch.tensor(np.asarray(x, np.float32)))
    return watch.spikes(len(x))


def spyx_import(graph, x, dt):
    """Spyx runs a chain; it returns the outputs and all states. Spikes of inner layers are those of
    the chain cut after them."""
    import spyx.nir
    after, names, found = dict(graph.edges), ["input"], {}
    while names[-1] in after:
        names.append(after[names[-1]])
    for at, name in enumerate(names):
        if isinstance(graph.nodes[name], SPIKING):
            chain = names[:at + 1] + [names[-1]]
            part = nir.NIRGraph({n: graph.nodes[n] for n in chain}, list(zip(chain, chain[1:])),
                                type_check=False)
            _, out = spyx.nir.from_nir(part, np.asarray(x, np.float32)[:, None], dt=dt)
            found[name] = np.asarray(out)[:, 0]
    return found


def torch_layers(layers, x, batch_of_steps=False):
    """layers: torch modules in a row that keep their own state. Names are their places, as
    nirtorch gives them. batch_of_steps: all steps in one call (Sinabs)."""
    watch = Watch({str(at): layer for at, layer in enumerate(layers)
                   if not isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Flatten))
                   and "Pool" not in type(layer).__name__})
    data = torch.tensor(np.asarray(x, np.float32))
    with torch.no_grad():
        for part in [data] if batch_of_steps else data[:, None]:
            for layer in layers:
                part = layer(part)
    return watch.spikes(len(x))
