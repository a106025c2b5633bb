"""One small model or more for each of the 19 primitives, and for how nodes are joined."""
from dataclasses import replace
from fractions import Fraction

import nir
import numpy as np

import closed_form
from definition import Rules, exponential, rational
from pack import graph

RULES = Rules()
DT = RULES.dt
SUMS = "exact arithmetic: sums of products, written out"
FORMULA = "closed form (generate/closed_form.py)"
EQUATIONS = "exact arithmetic: the equations of README.md"


def shape(*extents):
    return np.array(extents, dtype=np.int64)


def dyadic(seed, *extents, limit=16, unit=8, dtype=np.float32):
    """Random multiples of 1/unit."""
    return (np.random.default_rng(seed).integers(-limit, limit + 1, extents) / unit).astype(dtype)


def stateless(pack, name, node, inside, outside, about, seed=1, steps=3):
    model = pack.model(name, graph({"input": nir.Input(shape(*inside)), "node": node,
                                    "output": nir.Output(shape(*outside))}))
    inputs = pack.input(name, {"input": dyadic(seed, steps, *inside, limit=4, unit=1)})
    pack.defined(name, model, inputs, RULES, about, SUMS)


def maps(pack):
    model = pack.model("input_output", graph({"input": nir.Input(shape(2, 3)),
                                              "output": nir.Output(shape(2, 3))}))
    inputs = pack.input("input_output", {"input": dyadic(1, 3, 2, 3)})
    pack.defined("input_output", model, inputs, RULES, "Input and Output pass values on", SUMS)
    stateless(pack, "affine", nir.Affine(dyadic(2, 3, 4), dyadic(3, 3)), (4,), (3,), "y = W x + b")
    stateless(pack, "affine_leading_axis", nir.Affine(dyadic(2, 2, 3, 4), dyadic(3, 2, 3)),
              (2, 4), (2, 3), "weight (2, 3, 4): each index of the leading axis has its own matrix")
    stateless(pack, "affine_float64_negative", nir.Affine(dyadic(4, 3, 4, dtype=np.float64) - 2,
                                                          dyadic(5, 3, dtype=np.float64)),
              (4,), (3,), "float64 weights")
    stateless(pack, "linear", nir.Linear(dyadic(6, 2, 5)), (5,), (2,), "y = W x")
    stateless(pack, "linear_integers", nir.Linear(np.arange(-5, 5).reshape(2, 5)), (5,), (2,),
              "int64 weights")
    stateless(pack, "scale", nir.Scale(dyadic(7, 2, 3)), (2, 3), (2, 3), "elementwise product")
    stateless(pack, "flatten", nir.Flatten({"input": shape(2, 3, 2)}, 0, -1), (2, 3, 2), (12,),
              "C order; start_dim counts from the first axis (there is no batch axis)")
    stateless(pack, "flatten_inner", nir.Flatten({"input": shape(2, 3, 2)}, 1, 2), (2, 3, 2),
              (2, 6), "only the last two axes")


def convolutions(pack):
    def conv1d(name, about, out, length, **how):
        how = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **how}
        node = nir.Conv1d(None, dyadic(8, 4, 4 // how["groups"], 3), bias=dyadic(9, 4), **how)
        node.input_shape = length
        stateless(pack, name, node, (4, length), (4, out), about)

    conv1d("conv1d", "stride 2, padding 1, dilation 2", 4, 9, stride=2, padding=1, dilation=2)
    conv1d("conv1d_groups", "two groups", 7, 9, groups=2)
    conv1d("conv1d_same", "padding 'same'", 9, 9, padding="same")

    def conv2d(name, about, out, kernel=(3, 2), **how):
        how = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, **how}
        node = nir.Conv2d(None, dyadic(10, 4, 2 // how["groups"], *kernel), bias=dyadic(11, 4),
                          **how)
        node.input_shape = (6, 5)
        stateless(pack, name, node, (2, 6, 5), (4, *out), about)

    conv2d("conv2d", "kernel 3 x 2, stride (2, 1), padding (1, 0), dilation (1, 2)", (3, 3),
           stride=(2, 1), padding=(1, 0), dilation=(1, 2))
    conv2d("conv2d_groups", "two groups", (4, 4), groups=2)
    conv2d("conv2d_valid", "padding 'valid'", (4, 4), padding="valid")
    conv2d("conv2d_same", "padding 'same', kernel 3 x 3", (6, 5), kernel=(3, 3), padding="same")
    conv2d("conv2d_same_even", "padding 'same' with an even kernel: the odd row and column of "
           "zeros comes last, as in PyTorch", (6, 5), kernel=(2, 4), padding="same")

    def pool(name, kind, about, out, kernel, stride, padding):
        node = kind(kernel_size=shape(*kernel), stride=shape(*stride), padding=shape(*padding))
        stateless(pack, name, node, (2, 6, 5), (2, *out), about)

    pool("sum_pool2d", nir.SumPool2d, "windows 2 x 3", (3, 2), (2, 3), (2, 2), (0, 0))
    pool("sum_pool2d_padding", nir.SumPool2d, "zeros around", (4, 3), (2, 3), (2, 2), (1, 1))
    pool("avg_pool2d", nir.AvgPool2d, "windows 2 x 2", (3, 2), (2, 2), (2, 2), (0, 0))
    pool("avg_pool2d_padding", nir.AvgPool2d, "the zeros of the padding count in the mean, as is "
         "PyTorch's default", (4, 3), (2, 3), (2, 2), (1, 1))


SEGMENTS = [  # per neuron: (steps, input); the sums of steps are equal
    [(16, 4.0), (16, 1.5), (8, -2.0), (24, 3.25)],
    [(24, 2.5), (8, 0.0), (16, 6.0), (16, 1.125)],
    [(8, 0.25), (24, 3.0), (24, 0.75), (8, -4.0)],
]


def segments_input(pack, name, segments, scale=1.0):
    columns = [np.repeat([x for _, x in s], [n for n, _ in s]) for s in segments]
    return pack.input(name, {"input": scale * np.stack(columns, 1)})


def single(pack, name, node, size=3):
    return pack.model(name, graph({"input": nir.Input(shape(size)), "neuron": node,
                                   "output": nir.Output(shape(size))}))


def times(*values):
    """Times in seconds, given in steps."""
    return DT * np.array(values, dtype=np.float64)


def each(*values):
    return np.array(values, dtype=np.float64)


NEURONS = {
    "i": nir.I(r=each(1, 2, 0.5) / DT),
    "li": nir.LI(tau=times(4, 8, 16), r=each(1, 2, 0.5), v_leak=each(0, 0, 0)),
    "cubali": nir.CubaLI(tau_syn=times(2, 4, 8), tau_mem=times(4, 8, 4), r=each(1, 2, 0.5),
                         v_leak=each(0, 0, 0), w_in=each(1, 0.5, 2)),
    "if": nir.IF(r=each(1, 1, 1) / DT, v_threshold=each(8, 4, 2), v_reset=each(0.5, -1, 0)),
    "lif": nir.LIF(tau=times(4, 8, 16), r=each(1, 1, 1), v_leak=each(0, 0, 0),
                   v_threshold=each(1, 1, 0.5), v_reset=each(0.25, -0.5, 0)),
    "cubalif": nir.CubaLIF(tau_syn=times(2, 4, 8), tau_mem=times(4, 8, 4), r=each(1, 2, 1),
                           v_leak=each(0, 0, 0), v_threshold=each(1, 1, 0.5),
                           v_reset=each(0.25, -0.5, 0), w_in=each(1, 0.5, 2)),
}


SCALE = {"cubalif": 1.25}  # where v would creep up to the threshold


def formula(node, rules, segments):
    """A check of a record against closed_form.py."""
    def steps_of(tau, r, k):
        a = Fraction(rules.dt) / Fraction(float(tau[k]))
        keep = 1 - a if rules.integrator == "euler" else exponential(-a)
        return keep, Fraction(float(r[k])) * (1 - keep if rules.integrator == "exact" else a)

    def coupling(k):
        if rules.integrator != "exact":
            return None
        syn, mem = Fraction(float(node.tau_syn[k])), Fraction(float(node.tau_mem[k]))
        return Fraction(float(node.r[k])) * syn / (syn - mem)

    def confirm(record):
        cuba, spiking = hasattr(node, "tau_syn"), hasattr(node, "v_threshold")
        for k, parts in enumerate(segments):
            keep, gain = (1, Fraction(rules.dt) * Fraction(float(node.r[k]))) \
                if isinstance(node, (nir.I, nir.IF)) \
                else steps_of(node.tau_mem if cuba else node.tau, node.r, k)
            z, v, i = closed_form.neuron(
                [(n, Fraction(x)) for n, x in parts], keep, gain,
                synapse=steps_of(node.tau_syn, node.w_in, k) + (coupling(k),) if cuba else None,
                threshold=Fraction(float(node.v_threshold[k])) if spiking else None,
                compare=rules.compare,
                reset=Fraction(float(node.v_reset[k])) if spiking and rules.reset == "value"
                else Fraction(0), subtract=rules.reset == "subtract")
            near(v, [row[k] for row in record.v["neuron"]])
            if cuba:
                near(i, [row[k] for row in record.i["neuron"]])
            assert not spiking or z == [int(row[k]) for row in record.spikes["neuron"]]
    return confirm


def near(first, second):
    """Equal; with exp(), to nearly all of its places."""
    assert all(abs(a - b) < Fraction(1, 10**40) for a, b in zip(first, second, strict=True))


def neurons(pack):
    """Each neuron alone, under every integrator, comparison and reset."""
    for name, node in NEURONS.items():
        model = single(pack, name, node)
        segments = [[(n, x * SCALE.get(name, 1)) for n, x in row] for row in SEGMENTS]
        inputs = segments_input(pack, name, segments)
        leaky, spiking = name not in ("i", "if"), name in ("if", "lif", "cubalif")
        for integrator in ("euler", "exact", "decay") if leaky else ("euler",):
            for compare in ("gt", "ge") if spiking else ("gt",):
                for reset in ("value", "zero", "subtract") if spiking else ("value",):
                    rules = replace(RULES, integrator=integrator, compare=compare, reset=reset)
                    words = [name] + ([integrator] if leaky else []) + (
                        [compare, reset] if spiking else [])
                    pack.defined("_".join(words), model, inputs, rules,
                                 f"{type(node).__name__}, " + ", ".join(words[1:]), FORMULA,
                                 confirm=formula(node, rules, segments))


def parameters(pack):
    """What parameters mean and how they may be stored."""
    node = nir.LIF(tau=times(4, 8, 16), r=each(2, 0.5, 4), v_leak=each(0.5, -0.25, 0.125),
                   v_threshold=each(1, 1, 0.5), v_reset=each(0.25, -0.5, 0))
    model = single(pack, "lif_leak", node)
    inputs = segments_input(pack, "lif_leak", SEGMENTS)
    for start in ("zero", "leak"):
        pack.defined(f"lif_leak_from_{start}", model, inputs, replace(RULES, start=start),
                     f"v_leak is not 0; v starts from {start}", EQUATIONS,
                     preset="norse" if start == "leak" else None)
    one = {"tau": 8 * DT, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.25}
    for name, make, about in (
            ("lif_scalars", np.float64, "parameters of shape () for three neurons"),
            ("lif_one_element", lambda x: np.array([x], np.float32), "of shape (1,), float32")):
        model = single(pack, name, nir.LIF(**{key: make(value) for key, value in one.items()}))
        pack.defined(name, model, segments_input(pack, name, SEGMENTS), RULES, about,
                     EQUATIONS)
    node = nir.LIF(tau=times(4, 8, 16), r=each(1, 1, 1), v_leak=each(0, 0, 0),
                   v_threshold=np.array([1, 1, 2]), v_reset=np.array([0, 0, 0]))
    model = single(pack, "lif_integers", node)
    pack.defined("lif_integers", model, segments_input(pack, "lif_integers", SEGMENTS), RULES,
                 "v_threshold and v_reset are int64", EQUATIONS)


def signals(pack):
    model = single(pack, "threshold", nir.Threshold(each(1, 1, 0.5)))
    inputs = segments_input(pack, "threshold", [[(1, x) for x in row] for row in (
        (0, 1, 1.5, -2, 1.125), (1, 1, 0.875, 2, 0), (0.5, 0.625, 0.5, 0.375, 7))])
    pack.defined("threshold", model, inputs, RULES, "z = 1 where x > threshold, in every step",
                 "closed form: a comparison")
    model = single(pack, "delay", nir.Delay(times(0, 1, 3)))
    inputs = pack.input("delay", {"input": dyadic(12, 8, 3)})
    pack.defined("delay", model, inputs, RULES, "delays of 0, 1 and 3 steps; zeros come first",
                 "closed form: y(t) = x(t - delay)")


def joins(pack):
    """How nodes are joined: sums, several inputs and outputs, subgraphs, cycles."""
    lif = NEURONS["lif"]
    model = pack.model("fan_in", graph(
        {"input": nir.Input(shape(3)), "a": nir.Linear(dyadic(13, 3, 3)),
         "b": nir.Scale(dyadic(14, 3)), "neuron": lif, "output": nir.Output(shape(3))},
        [("input", "a"), ("input", "b"), ("a", "neuron"), ("b", "neuron"), ("input", "neuron"),
         ("neuron", "output"), ("b", "output")]))
    inputs = pack.input("fan_in", {"input": dyadic(15, 40, 3)})
    pack.defined("fan_in", model, inputs, RULES, "edges into one node are summed", EQUATIONS)
    model = pack.model("two_inputs_two_outputs", graph(
        {"left": nir.Input(shape(3)), "right": nir.Input(shape(2)),
         "w": nir.Linear(dyadic(16, 3, 2)), "neuron": lif, "spikes": nir.Output(shape(3)),
         "current": nir.Output(shape(3))},
        [("left", "neuron"), ("right", "w"), ("w", "neuron"), ("neuron", "spikes"),
         ("w", "current")]))
    inputs = pack.input("two_inputs_two_outputs", {"left": dyadic(17, 40, 3),
                                                   "right": dyadic(18, 40, 2)})
    pack.defined("two_inputs_two_outputs", model, inputs, RULES, "two inputs, two outputs",
                 EQUATIONS)
    inner = graph({"in": nir.Input(shape(3)), "scale": nir.Scale(each(2, 1, 0.5)),
                   "lif": lif, "out": nir.Output(shape(3))})
    outer = graph({"in": nir.Input(shape(3)), "w": nir.Linear(dyadic(19, 3, 3)), "core": inner,
                   "out": nir.Output(shape(3))})
    model = pack.model("nested", graph(
        {"input": nir.Input(shape(3)), "block": outer, "output": nir.Output(shape(3))}))
    inputs = pack.input("nested", {"input": dyadic(20, 40, 3)})
    pack.defined("nested", model, inputs, RULES,
                 "NIRGraph inside NIRGraph; the neuron is called block.core.lif here", EQUATIONS)


def cycles(pack):
    node = nir.CubaLIF(tau_syn=times(2, 2, 4), tau_mem=times(4, 8, 4), r=each(4, 4, 4),
                       v_leak=each(0, 0, 0), v_threshold=each(1, 1, 1), v_reset=each(0, 0, 0),
                       w_in=each(2, 2, 2))
    model = pack.model("recurrent", graph(
        {"input": nir.Input(shape(2)), "w": nir.Affine(dyadic(21, 3, 2), dyadic(22, 3, limit=2)),
         "neuron": node, "w_rec": nir.Affine(dyadic(23, 3, 3, limit=6), each(0.5, -0.25, 0.25)),
         "readout": nir.Linear(dyadic(24, 2, 3)), "li": nir.LI(times(8, 4), each(1, 1), each(0, 0)),
         "output": nir.Output(shape(2))},
        [("input", "w"), ("w", "neuron"), ("neuron", "w_rec"), ("w_rec", "neuron"),
         ("neuron", "readout"), ("readout", "li"), ("li", "output")]))
    inputs = pack.input("recurrent", {"input": dyadic(25, 60, 2, limit=8, unit=8)})
    for delay in (1, 2, 3):
        for begin in ("bias", "silent"):
            pack.defined(f"recurrent_delay_{delay}_{begin}", model, inputs,
                         replace(RULES, recurrent_delay=delay, recurrent_start=begin),
                         f"spikes come back after {delay} steps; before, the recurrent Affine "
                         "gives " + ("its bias" if begin == "bias" else "nothing"), EQUATIONS)
    model = pack.model("self_loop", graph(
        {"input": nir.Input(shape(3)), "neuron": NEURONS["lif"], "output": nir.Output(shape(3))},
        [("input", "neuron"), ("neuron", "neuron"), ("neuron", "output")]))
    inputs = segments_input(pack, "self_loop", SEGMENTS)
    pack.defined("self_loop", model, inputs, RULES, "an edge from a neuron to itself", EQUATIONS)


def add(pack):
    maps(pack)
    convolutions(pack)
    neurons(pack)
    parameters(pack)
    signals(pack)
    joins(pack)
    cycles(pack)
