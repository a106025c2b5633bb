"""The meaning of NIR graphs in discrete time, in exact rational arithmetic.

README.md states the equations; this file is those equations and nothing else: every number is a
Fraction, so that there is no rounding and no order of summation. It is slow and meant for small
models. exp() alone is not rational: it is taken to 60 decimal places.

Reading order: Rules, flatten, Neuron, run.
"""
from dataclasses import dataclass
from decimal import Decimal, getcontext
from fractions import Fraction
import math

import nir
import numpy as np

getcontext().prec = 60
RATIONAL = np.frompyfunc(lambda value: Fraction(value.item() if hasattr(value, "item") else value),
                         1, 1)


BITS = np.frompyfunc(lambda a, b: max(Fraction(a).denominator.bit_length(),
                                      Fraction(b).denominator.bit_length()), 2, 1)


@dataclass(frozen=True)
class Rules:
    """What a .nir file leaves open; README.md describes each. Defaults are those of the pack."""
    dt: float = 2.0**-10
    integrator: str = "euler"      # euler exact decay
    compare: str = "gt"            # gt ge
    reset: str = "value"           # value zero subtract
    recurrent_delay: int = 1
    recurrent_start: str = "bias"  # bias silent
    gain: str = "ode"              # ode no_r unit
    reset_time: str = "same"       # same next carry
    fire: str = "after"            # after before
    max_count: int = 1
    clip: str = "none"             # none threshold
    start: str = "zero"            # zero leak reset


def rational(values, shape=None):
    """Array of Fractions, broadcast to shape."""
    array = np.asarray(RATIONAL(np.asarray(values)), dtype=object)
    return array if shape is None else np.array(np.broadcast_to(array, shape))


def exponential(exponent):
    """exp of a Fraction as a Fraction, to 60 places."""
    return Fraction((Decimal(exponent.numerator) / Decimal(exponent.denominator)).exp())


def flatten(graph, prefix=""):
    """Nodes and edges without subgraphs; names of inner nodes are joined by a dot. An edge into a
    subgraph goes to its Input, one out of it leaves from its Output; these become identities."""
    nodes, edges, entry, leave = {}, [], {}, {}
    for name, node in graph.nodes.items():
        path = prefix + name
        if isinstance(node, nir.NIRGraph):
            inner, inner_edges = flatten(node, path + ".")
            nodes.update(inner)
            edges += inner_edges
            entry[name], = [f"{path}.{n}" for n, v in node.nodes.items() if type(v) is nir.Input]
            leave[name], = [f"{path}.{n}" for n, v in node.nodes.items() if type(v) is nir.Output]
        else:
            nodes[path] = node
            entry[name] = leave[name] = path
    edges += [(leave[a], entry[b]) for a, b in graph.edges]
    return nodes, list(dict.fromkeys(edges))


SPIKING = (nir.IF, nir.LIF, nir.CubaLIF)
STATEFUL = SPIKING + (nir.I, nir.LI, nir.CubaLI, nir.Delay)


class Neuron:
    """I, LI, CubaLI, IF, LIF, CubaLIF: state and one step."""

    def __init__(self, node, shape, rules):
        self.node, self.rules, self.shape = node, rules, shape
        self.spiking = isinstance(node, SPIKING)
        self.leaky = not isinstance(node, (nir.I, nir.IF))
        self.synapse = isinstance(node, (nir.CubaLI, nir.CubaLIF))
        self.v = rational(0, shape)
        self.i = rational(0, shape) if self.synapse else None
        if rules.start == "leak" and self.leaky:
            self.v = rational(node.v_leak, shape)
        if rules.start == "reset" and self.spiking:
            self.v = rational(node.v_reset, shape)
        self.pending = rational(0, shape)  # reset_time next: counts of the step before
        self.margin = self.bits = None
        dt = Fraction(rules.dt)
        r = rational(node.r, shape)
        if rules.gain == "no_r":
            r = rational(1, shape)
        if self.leaky:
            self.v_leak = rational(node.v_leak, shape)
            self.keep, self.gain = self.factors(dt, node.tau_mem if self.synapse else node.tau, r)
            if self.synapse:
                self.keep_i, self.gain_i = self.factors(dt, node.tau_syn,
                                                        rational(node.w_in, shape))
                if rules.integrator == "exact":
                    self.couple(r)
        else:
            self.gain = rational(1, shape) if rules.gain == "unit" else dt * r
        if self.spiking:
            self.threshold = rational(node.v_threshold, shape)
            self.v_reset = rational(node.v_reset if rules.reset == "value" else 0, shape)

    def factors(self, dt, tau, r):
        """What is kept of the state in a step, and what the input is multiplied by."""
        a = dt / rational(tau, self.shape)
        keep = 1 - a
        gain = a
        if self.rules.integrator != "euler":
            keep = np.frompyfunc(lambda x: exponential(-x), 1, 1)(a)
            gain = a if self.rules.integrator == "decay" else 1 - keep
        return keep, rational(1, self.shape) if self.rules.gain == "unit" else gain * r

    def couple(self, r):
        """exact with a synapse: i moves while v follows. With c = tau_syn / (tau_syn - tau_mem),
        v gains r c (e_syn - e_mem) of the i before the step."""
        syn, mem = (rational(tau, self.shape) for tau in (self.node.tau_syn, self.node.tau_mem))
        self.from_i = r * syn / (syn - mem) * (self.keep_i - self.keep)
        self.from_x = rational(self.node.w_in, self.shape) * (r * (1 - self.keep) - self.from_i)

    def charge(self, x):
        """v under the input x of a step; the synapse first."""
        if not self.leaky:
            return self.v + self.gain * x
        v = self.v_leak + self.keep * (self.v - self.v_leak)
        if not self.synapse:
            return v + self.gain * x
        old, self.i = self.i, self.keep_i * self.i + self.gain_i * x
        if self.rules.integrator == "exact":
            return v + self.from_i * old + self.from_x * x
        return v + self.gain * self.i

    def step(self, x):
        before, z = self.v, None
        self.bits = BITS(before, x)
        if self.spiking and self.rules.fire == "before":
            z = self.count(before)
            if self.rules.reset_time == "same":
                self.take_off(z)
        self.v = self.charge(x)
        if not self.spiking:
            return self.v
        if self.rules.reset_time == "next":
            self.take_off(self.pending if z is None else z)
        if z is None:
            owed = 0
            if self.rules.reset_time == "carry":
                owed = np.where(before > self.threshold, self.threshold, 0)
            z = self.count(self.v - owed)
            if self.rules.reset_time != "next":
                self.take_off(z)
            self.pending = z
        if self.rules.clip == "threshold":
            self.v = np.maximum(self.v, -self.threshold)
        return z

    def count(self, v):
        compare = np.greater if self.rules.compare == "gt" else np.greater_equal
        self.margin = v - self.threshold
        z = rational(compare(v, self.threshold).astype(int))
        if self.rules.max_count != 1:
            whole = np.frompyfunc(lambda x, t: Fraction(math.floor(x / t)), 2, 1)(v, self.threshold)
            z = np.maximum(whole, 0)
            z = np.minimum(z, self.rules.max_count)
        return z

    def take_off(self, z):
        if self.rules.reset == "subtract":
            self.v = self.v - z * self.threshold
        else:
            self.v = np.where(z > 0, self.v_reset, self.v)


def pair(value):
    value = [int(x) for x in np.atleast_1d(value)]
    return value * 2 if len(value) == 1 else value


def windows(x, kernel, stride, padding, dilation):
    """x (channels, height, width), padded with zeros, as (out height, out width, channels, kh, kw).
    """
    padded = rational(0, (x.shape[0], x.shape[1] + sum(padding[0]), x.shape[2] + sum(padding[1])))
    padded[:, padding[0][0]:padding[0][0] + x.shape[1],
           padding[1][0]:padding[1][0] + x.shape[2]] = x
    size = [(padded.shape[1 + d] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1
            for d in (0, 1)]
    rows = [[padded[:, y * stride[0]:y * stride[0] + dilation[0] * (kernel[0] - 1) + 1:dilation[0],
                    c * stride[1]:c * stride[1] + dilation[1] * (kernel[1] - 1) + 1:dilation[1]]
             for c in range(size[1])] for y in range(size[0])]
    return np.array(rows, dtype=object)


def convolve(node, x):
    """Conv1d is a Conv2d of height 1."""
    one = isinstance(node, nir.Conv1d)
    weight = rational(node.weight)[:, :, None] if one else rational(node.weight)
    x = x[:, None] if one else x

    def both(value, along):
        return [along, int(np.atleast_1d(value)[0])] if one else pair(value)

    kernel, stride, dilation = weight.shape[2:], both(node.stride, 1), both(node.dilation, 1)
    if isinstance(node.padding, str):
        total = [d * (k - 1) if node.padding == "same" else 0 for d, k in zip(dilation, kernel)]
        padding = [(t // 2, t - t // 2) for t in total]  # the odd one goes behind, as in PyTorch
    else:
        padding = [(p, p) for p in both(node.padding, 0)]
    patches = windows(x, kernel, stride, padding, dilation)
    outs, ins = weight.shape[0] // node.groups, weight.shape[1]
    bias = rational(node.bias)
    y = np.array([(patches[:, :, o // outs * ins:(o // outs + 1) * ins] * weight[o]).sum((2, 3, 4))
                  + bias[o] for o in range(weight.shape[0])])
    return y[:, 0] if one else y


def pool(node, x):
    padding = [(p, p) for p in pair(node.padding)]
    total = windows(x, pair(node.kernel_size), pair(node.stride), padding, (1, 1)).sum((3, 4))
    if isinstance(node, nir.AvgPool2d):
        total = total / math.prod(pair(node.kernel_size))
    return np.moveaxis(total, 2, 0)


def flat(node, x):
    first, last = int(node.start_dim) % x.ndim, int(node.end_dim) % x.ndim
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1:])


def evaluate(node, x):
    """A node without state."""
    if isinstance(node, (nir.Input, nir.Output)):
        return x
    if isinstance(node, (nir.Affine, nir.Linear)):
        weight = rational(node.weight)
        y = np.array((weight @ x[..., None])[..., 0], dtype=object)
        return y + rational(node.bias) if isinstance(node, nir.Affine) else y
    if isinstance(node, nir.Scale):
        return rational(node.scale) * x
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        return convolve(node, x)
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        return pool(node, x)
    if isinstance(node, nir.Flatten):
        return flat(node, x)
    if isinstance(node, nir.Threshold):
        return rational((x > rational(node.threshold)).astype(int))
    raise TypeError(type(node))


def order_of(nodes, edges):
    """Topological order in which the edges that leave a spiking node of a cycle are not counted;
    and these edges."""
    def reaches(start, goal):
        seen, todo = set(), [start]
        while todo:
            here = todo.pop()
            for a, b in edges:
                if a == here and b not in seen:
                    seen.add(b)
                    todo.append(b)
        return goal in seen

    delayed = [(a, b) for a, b in edges
               if isinstance(nodes[a], SPIKING) and (a == b or reaches(b, a))]
    order, left = [], dict(nodes)
    while left:
        ready = [n for n in left
                 if all(a not in left for a, b in edges if b == n and (a, b) not in delayed)]
        if not ready:
            raise ValueError("a cycle without a spiking node")
        for n in ready:
            order.append(n)
            del left[n]
    return order, delayed


class Delay:
    def __init__(self, node, shape, rules):
        steps = rational(node.delay, shape) / Fraction(rules.dt)
        self.steps = np.frompyfunc(round, 1, 1)(steps)
        self.line = []

    def step(self, x):
        self.line.append(x)
        y = rational(0, x.shape)
        for index in np.ndindex(x.shape):
            at = len(self.line) - 1 - int(self.steps[index])
            if at >= 0:
                y[index] = self.line[at][index]
        return y


@dataclass
class Record:
    """Per node and step; values are Fractions. margin: smallest |v - threshold| that is not 0.
    landing_bits: size of the denominators of v where it is on the threshold."""
    outputs: dict
    spikes: dict
    v: dict
    i: dict
    margin: Fraction
    landing_bits: list


def run(graph, inputs, steps, rules):
    """inputs: name -> array (steps, shape)."""
    nodes, edges = flatten(graph)
    order, delayed = order_of(nodes, edges)
    silent = cycle_sources(nodes, edges, delayed) if rules.recurrent_start == "silent" else set()
    state, past = {}, []
    shapes = {n: np.shape(v.v_threshold) for n, v in nodes.items() if isinstance(v, SPIKING)}
    record = Record({}, {}, {}, {}, Fraction(1 << 30), [])
    for t in range(steps):
        now = {}
        early = {a: state[a].count(state[a].v) if a in state else rational(0, shapes[a])
                 for a, _ in delayed} if rules.fire == "before" else {}
        for name in order:
            node = nodes[name]
            terms = [] if name not in inputs else [rational(inputs[name][t])]
            for a, b in edges:
                if b != name:
                    continue
                if (a, b) in delayed and early:
                    terms.append(early[a])
                elif (a, b) in delayed:
                    ago = t - rules.recurrent_delay
                    terms.append(past[ago][a] if ago >= 0 else rational(0, shapes[a]))
                elif not (a in silent and t < rules.recurrent_delay):
                    terms.append(now[a])
            x = sum(terms[1:], terms[0])
            if isinstance(node, STATEFUL):
                kind = Delay if isinstance(node, nir.Delay) else Neuron
                state.setdefault(name, kind(node, x.shape, rules))
                now[name] = state[name].step(x)
                note(record, name, node, state[name], now[name])
            else:
                now[name] = evaluate(node, x)
            if isinstance(node, nir.Output) and not any(a == name for a, _ in edges):
                record.outputs.setdefault(name, []).append(now[name])
        past.append(now)
    return record


def note(record, name, node, state, out):
    if not isinstance(state, Neuron):
        return
    record.v.setdefault(name, []).append(state.v)
    if state.synapse:
        record.i.setdefault(name, []).append(state.i)
    if state.spiking:
        record.spikes.setdefault(name, []).append(out)
        for distance, bits in zip(state.margin.flat, state.bits.flat):
            if distance != 0:
                record.margin = min(record.margin, abs(distance))
            else:
                record.landing_bits.append(bits)


def cycle_sources(nodes, edges, delayed):
    """Weight nodes that are fed by delayed edges alone: silent until these carry something."""
    return {b for a, b in delayed if not isinstance(nodes[b], STATEFUL)
            and all((c, d) in delayed for c, d in edges if d == b)}

