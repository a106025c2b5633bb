"""Cases whose expected spikes come from the simulators: small networks under the rules of each.

A network is drawn until no v comes near its threshold by chance (pack.check_margin), so that the
spikes do not hang on rounding; landings on the threshold that float32 holds exactly stay.
"""
from dataclasses import replace

import nir
import numpy as np
import torch

import simulators as sim
from definition import Rules
from pack import graph
from primitives import shape

STEPS = 50
NORSE = Rules(dt=1e-3, reset="zero", gain="no_r", recurrent_start="silent")
SNNTORCH = Rules(dt=1e-4, reset="zero")
SNNTORCH_LAYERS = replace(SNNTORCH, reset="subtract", reset_time="next")
SINABS = Rules(dt=1.0, integrator="exact", compare="ge", reset="subtract", max_count=255,
               recurrent_start="silent")
SINABS_IMPORT = replace(SINABS, integrator="decay", gain="unit", clip="threshold")
SPIKINGJELLY = Rules(dt=1e-4, compare="ge", recurrent_start="silent")
SPYX = Rules(dt=1.0, gain="unit", reset="subtract", reset_time="next",
             fire="before", recurrent_start="silent")


class Draw:
    """Random dyadic numbers of one seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def weight(self, *extents, scale=0.5, shift=0.1):
        return (np.round((self.random.normal(size=extents) * scale + shift) * 32) / 32).astype(
            np.float32)

    def affine(self, outs, ins, **how):
        return nir.Affine(self.weight(outs, ins, **how), self.weight(outs, scale=0.1))

    def spikes(self, *extents, rate=0.4):
        return (self.random.random((STEPS, *extents)) < rate).astype(np.float32)


def chain(first, second, draw, sizes=(6, 5, 4), **how):
    return graph({"input": nir.Input(shape(sizes[0])), "a": draw.affine(sizes[1], sizes[0], **how),
                  "first": first, "b": draw.affine(sizes[2], sizes[1], **how), "second": second,
                  "output": nir.Output(shape(sizes[2]))})


def alone(neuron, draw, **how):
    size = len(neuron.v_threshold)
    return graph({"input": nir.Input(shape(6)), "a": draw.affine(size, 6, **how), "neuron": neuron,
                  "output": nir.Output(shape(size))})


def full(size, value, dtype=np.float64):
    return np.full(size, value, dtype)


def lif(size, tau, r=1.0, reset=0.0, threshold=1.0):
    return nir.LIF(tau=full(size, tau), r=full(size, r), v_leak=full(size, reset),
                   v_threshold=full(size, threshold), v_reset=full(size, reset))


def cubalif(size, syn, mem, dt, w_in=None, r=None):
    """w_in, r: None gives a gain of one."""
    return nir.CubaLIF(tau_syn=full(size, syn * dt), tau_mem=full(size, mem * dt),
                       r=full(size, mem if r is None else r), v_leak=full(size, 0.0),
                       v_threshold=full(size, 1.0), v_reset=full(size, 0.0),
                       w_in=full(size, syn if w_in is None else w_in))


def integrate(size, r=1.0, threshold=1.0):
    return nir.IF(r=full(size, r), v_threshold=full(size, threshold), v_reset=full(size, 0.0))


def recurrent(node, draw, bias=True):
    size = len(node.v_threshold)
    w_rec = nir.Affine(draw.weight(size, size, scale=0.3), draw.weight(size, scale=0.5))
    return graph({"input": nir.Input(shape(6)), "a": draw.affine(size, 6), "neuron": node,
                  "w_rec": w_rec if bias else nir.Linear(w_rec.weight),
                  "output": nir.Output(shape(size))},
                 [("input", "a"), ("a", "neuron"), ("neuron", "w_rec"), ("w_rec", "neuron"),
                  ("neuron", "output")])


def until_clear(make):
    """make(draw) with the first seed that passes the check of margins."""
    for seed in range(200):
        try:
            return make(Draw(seed))
        except AssertionError as failure:
            if "comes within" not in str(failure) and "lands on" not in str(failure):
                raise
    raise AssertionError("no seed gives clear spikes")


def imported(pack, name, package, about, rules, build, run, preset=None):
    """build(draw): graph; run(graph, x): spikes by the package's importer."""
    def make(draw):
        model = pack.model(name, build(draw))
        x = draw.spikes(6)
        inputs = pack.input(name, {"input": x})
        read = nir.read(pack.path(model))
        pack.simulated(name, model, inputs, rules, about, sim.version(package), run(read, x),
                       preset=preset or package)
    until_clear(make)


def norse(pack):
    def case(name, about, build, rules=NORSE, **how):
        imported(pack, f"norse_{name}", "norse", about, rules, build,
                 lambda g, x: sim.norse_import(g, x, rules.dt, **how))

    case("if", "IF: v += x, whatever dt", lambda d: chain(integrate(5), integrate(4), d),
         replace(NORSE, gain="unit"))
    case("lif", "LIF", lambda d: chain(lif(5, 4e-3), lif(4, 8e-3), d, scale=2, shift=1))
    cuba = replace(NORSE, gain="ode")
    case("cubalif", "CubaLIF", lambda d: alone(cubalif(5, 2, 4, 1e-3, r=2), d), cuba)
    case("cubalif_subtract", "CubaLIF, from_nir(reset_method=reset_subtract)",
         lambda d: alone(cubalif(5, 2, 4, 1e-3), d),
         replace(cuba, reset="subtract"), subtract=True)
    case("recurrent", "CubaLIF with a recurrent Affine: its bias does not act in the first step",
         lambda d: recurrent(cubalif(5, 2, 4, 1e-3), d), cuba)


def snntorch(pack):
    def case(name, about, build):
        imported(pack, f"snntorch_{name}", "snntorch", about, SNNTORCH, build, sim.snntorch_import)

    case("lif", "LIF by import_from_nir", lambda d: chain(lif(5, 4e-4), lif(4, 8e-4, r=2), d,
                                                          scale=2, shift=1))
    case("cubalif", "CubaLIF by import_from_nir",
         lambda d: alone(cubalif(5, 2, 4, 1e-4), d))


def snntorch_layers(pack):
    """Default layers of snnTorch: reset_mechanism="subtract", reset_delay=True."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def layer_of(kind, draw, how):
        if kind is snn.Leaky:
            return snn.Leaky(beta=torch.full((5,), 0.875), threshold=torch.ones(5),
                             init_hidden=True, **how)
        if kind is snn.Synaptic:
            return snn.Synaptic(alpha=torch.full((5,), 0.5), beta=torch.full((5,), 0.75),
                                threshold=torch.ones(5), init_hidden=True)
        how = {"linear_features": 5, "init_hidden": True}
        made = snn.RLeaky(beta=0.75, **how) if kind is snn.RLeaky else snn.RSynaptic(
            alpha=0.5, beta=0.75, **how)
        with torch.no_grad():
            made.recurrent.weight[:] = torch.tensor(draw.weight(5, 5, scale=0.3))
            made.recurrent.bias[:] = torch.tensor(draw.weight(5, scale=0.3))
        return made

    def case(kind, name, about="as it is by default", rules=SNNTORCH_LAYERS, **how):
        def make(draw):
            linear, layer = torch.nn.Linear(6, 5), layer_of(kind, draw, how)
            with torch.no_grad():
                linear.weight[:] = torch.tensor(draw.weight(5, 6, scale=0.3, shift=0))
                linear.bias[:] = torch.tensor(draw.weight(5, scale=0.1))
            x = draw.spikes(6)
            with sim.quiet():
                exported = export_to_nir(torch.nn.Sequential(linear, layer), torch.zeros(1, 6),
                                         ignore_dims=[0])
            layer.reset_mem()
            spikes = sim.torch_layers([linear, layer], x)
            model = pack.model(f"snntorch_layers_{name}", exported)
            inputs = pack.input(f"snntorch_layers_{name}", {"input": x})
            node = "1.lif" if kind in (snn.RLeaky, snn.RSynaptic) else "1"
            pack.simulated(f"snntorch_layers_{name}", model, inputs, rules,
                           f"{kind.__name__} {about}, written by export_to_nir",
                           sim.version("snntorch"), {node: spikes["1"]},
                           preset="snntorch-live")
        until_clear(make)

    case(snn.Leaky, "leaky")
    case(snn.Leaky, "leaky_carry", "with reset_delay=False (and subtract): a v that is still above "
         "the threshold after its reset is compared less one threshold in the next step",
         replace(SNNTORCH_LAYERS, reset_time="carry"), reset_delay=False)
    case(snn.Synaptic, "synaptic")
    case(snn.RLeaky, "rleaky")
    case(snn.RSynaptic, "rsynaptic")


def sinabs(pack):
    import sinabs.layers as sl
    import sinabs.nir

    def case(name, about, rules, layers_of, x_of, preset="sinabs"):
        """The live network, written by to_nir."""
        def make(draw):
            layers, x = layers_of(draw), x_of(draw)
            model = torch.nn.Sequential(*layers)
            spikes = sim.torch_layers(layers, x, batch_of_steps=True)
            with sim.quiet():
                exported = sinabs.nir.to_nir(model, torch.tensor(x))
            for node in exported.nodes.values():
                plain(node)
            exported.infer_types()  # without it nir.write refuses Flatten
            path = pack.model(f"sinabs_{name}", exported)
            inputs = pack.input(f"sinabs_{name}", {"input": x})
            pack.simulated(f"sinabs_{name}", path, inputs, rules, about, sim.version("sinabs"),
                           spikes, preset=preset)
        until_clear(make)

    def linear(draw, outs, ins, **how):
        made = torch.nn.Linear(ins, outs)
        with torch.no_grad():
            made.weight[:] = torch.tensor(draw.weight(outs, ins, **how))
            made.bias[:] = torch.tensor(draw.weight(outs, scale=0.1))
        return made

    def conv(draw):
        made = torch.nn.Conv2d(2, 3, 3, padding=1)
        with torch.no_grad():
            made.weight[:] = torch.tensor(draw.weight(3, 2, 3, 3, scale=0.4, shift=0))
            made.bias[:] = torch.tensor(draw.weight(3, scale=0.1))
        return made

    def counts(draw):
        return np.round(draw.random.random((STEPS, 6)) * 3).astype(np.float32)

    def iaf(**how):
        return sl.IAFSqueeze(batch_size=1, **how)

    def leaky(size, tau, **how):
        return sl.LIFSqueeze(tau_mem=torch.full((size,), tau), batch_size=1,
                             spike_threshold=torch.ones(size), **how)

    case("iaf", "IAF as it is by default: several spikes per step, no lower bound of v", SINABS,
         lambda d: [linear(d, 5, 6), iaf(), linear(d, 4, 5), iaf()], counts)
    case("iaf_clipped", "IAF(min_v_mem=-1), which is also what from_nir makes of IF",
         replace(SINABS, clip="threshold"),
         lambda d: [linear(d, 5, 6, shift=-0.1), iaf(min_v_mem=-1.0)], counts,
         preset="sinabs-import")
    case("lif", "LIF as it is by default (norm_input=True): tau in steps", SINABS,
         lambda d: [linear(d, 5, 6, scale=2, shift=1), leaky(5, 4.0), linear(d, 4, 5, scale=2,
                                                                             shift=1),
                    leaky(4, 8.0)], counts)
    case("lif_no_norm", "LIF(norm_input=False), which is also what from_nir makes of LIF",
         replace(SINABS, integrator="decay", gain="unit"),
         lambda d: [linear(d, 5, 6), leaky(5, 4.0, norm_input=False)], counts,
         preset="sinabs-import")
    case("conv", "Conv2d, IAF, SumPool2d, Flatten, Linear, IAF", SINABS,
         lambda d: [conv(d), iaf(), sl.SumPool2d(2), torch.nn.Flatten(),
                    linear(d, 4, 12, scale=0.3), iaf()], lambda d: d.spikes(2, 4, 4))


def plain(node):
    """Tensors to arrays."""
    for key, value in vars(node).items():
        if isinstance(value, torch.Tensor):
            setattr(node, key, value.numpy())
    return node


def spikingjelly(pack):
    def case(name, about, build, rules=SPIKINGJELLY):
        imported(pack, f"spikingjelly_{name}", "spikingjelly", about, rules, build,
                 lambda g, x: sim.spikingjelly_import(g, x, rules.dt))

    case("if", "IF: r must be 1/dt", lambda d: alone(integrate(5, 1e4), d))
    case("lif", "LIF with decay_input (r = 1), reset to -0.25",
         lambda d: chain(lif(5, 2e-4, reset=-0.25), lif(4, 4e-4), d, scale=2, shift=1),
         replace(SPIKINGJELLY, start="reset"))
    case("lif_no_decay_input", "LIF without decay_input: r = tau/dt",
         lambda d: alone(lif(5, 2e-4, r=2.0), d))
    case("cubalif", "CubaLIF", lambda d: alone(cubalif(5, 2, 4, 1e-4), d))
    case("recurrent", "a recurrent Affine: its bias does not act in the first step",
         lambda d: recurrent(cubalif(5, 2, 4, 1e-4), d))


def spyx(pack):
    def case(name, about, build, rules=SPYX):
        imported(pack, f"spyx_{name}", "spyx", about, rules, build,
                 lambda g, x: sim.spyx_import(g, x, rules.dt))

    case("if", "IF: the spike of a step is decided by v at its start",
         lambda d: alone(integrate(5), d))
    case("lif", "LIF: r is ignored", lambda d: chain(lif(5, 4.0, r=0.75), lif(4, 8.0, r=0.875), d))
    case("cubalif", "CubaLIF: the threshold is taken off before v decays",
         lambda d: alone(cubalif(5, 2, 4, 1.0), d),
         replace(SPYX, reset_time="same"))


def add(pack):
    norse(pack)
    snntorch(pack)
    snntorch_layers(pack)
    sinabs(pack)
    spikingjelly(pack)
    spyx(pack)
