"""Batch norms for random weights, so that every neuron layer fires at a rate as trained ones do.

    calibrate(model, images(4, 224, seed=1))

One forward pass without gradients. A batch norm takes mean and variance from what reaches it, and
its shifts differ from channel to channel. When a neuron layer is reached, one number is added to
the shifts of the batch norm in front of it, found by bisection, so that TARGET of its neuron-steps
spike. An attention has no batch norm between its products and its neurons: if these fire outside of
BAND, the neurons of queries, keys and values get another target and the pass begins anew; where
that may not go further, fewer channels do more of it.
"""
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch.nn import functional

TARGET, BAND, LEAST, MOST = 0.15, (0.08, 0.25), 0.07, 0.26
MOST_TRIES = 25
SAMPLED = 1 << 16  # neurons that the bisection looks at


def images(number, size, seed):
    """Noise with the statistics of photographs, [number, 3, size, size], deterministic: amplitude
    falls with spatial frequency as 1/f, colours are correlated, mean 0, deviation 1."""
    random = np.random.default_rng(seed)
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    f[0, 0] = np.inf
    planes = np.fft.irfft2(np.fft.rfft2(random.normal(size=(number, 3, size, size))) / f,
                           s=(size, size))
    light_and_colour = np.array([[1.0, 0.25, 0.1], [1.0, -0.05, -0.2], [1.0, -0.25, 0.15]])
    x = np.einsum("rc,ncij->nrij", light_and_colour, planes)
    x -= x.mean(axis=(1, 2, 3), keepdims=True)
    x /= x.std(axis=(1, 2, 3), keepdims=True)
    return x.astype(np.float32)


def is_neuron(module):
    """Neurons of this folder and of SpikingJelly: what they have in common is a name."""
    return any(base.__name__ in ("LIF", "MultiSpike", "SpikeNeuron", "BaseNode")
               for base in type(module).__mro__)


def neurons(model):
    return {name: module for name, module in model.named_modules() if is_neuron(module)}


class Rule:
    """What a neuron layer does, read off the module: one for all kinds that the models have."""

    def __init__(self, module):
        self.levels = getattr(module, "levels", 1)
        self.memory = self.levels == 1
        self.threshold = float(getattr(module, "v_threshold", getattr(module, "threshold", 1.0)))
        self.tau = float(getattr(module, "tau", getattr(module, "leak", 2.0)))
        self.time = 1 if type(module).__name__ == "SpikeNeuron" else 0  # axis of the steps

    def charge(self, v, x):
        return v + (x - v) / self.tau if self.memory else x

    def fire(self, h):
        if not self.memory:
            return torch.round(torch.clamp(h, 0, self.levels))
        return (h >= self.threshold).to(h)

    def rate(self, x):
        """Share of the neuron-steps [T, ...] that spike."""
        v, fired = torch.zeros_like(x[0]), 0.0
        for now in x:
            h = self.charge(v, now)
            s = self.fire(h) > 0
            v = h.masked_fill(s, 0.0)
            fired += s.double().mean().item()
        return fired / len(x)


class Again(Exception):
    """The pass has to begin anew with other targets."""


class Calibration:
    def __init__(self, model):
        self.rules = {name: Rule(module) for name, module in neurons(model).items()}
        self.target = dict.fromkeys(self.rules, TARGET)
        self.spread = {}     # by place in the order of batch norms
        self.driver_of = {}  # neuron layer -> place of the batch norm in front of it
        self.tries = {}      # neuron layer of an attention -> how often the pass began anew for it
        self.accepted = {}   # neuron layer of an attention -> after how many tries
        self.shift = {}      # of the neuron layers in front of all that changed in the last try
        self.made = []       # outputs of weight layers so far, for the next try
        self.calls_at = {}   # place of a batch norm -> how many of them came before it
        self.begin()

    def begin(self):
        self.place, self.driver, self.order, self.calls = 0, None, [], 0

    def weights(self, original, *operands, **named):
        self.calls += 1
        if self.calls > len(self.made):
            self.made.append(original(*operands, **named))
        return self.made[self.calls - 1]

    def batch_norm(self, x, mean, variance, weight, bias, *rest, **named):
        if self.calls == len(self.made):  # else x was here in an earlier try
            others = [d for d in range(x.ndim) if d != 1]
            mean.copy_(x.mean(others))
            variance.copy_(x.var(others, unbiased=False))
        self.calls_at[self.place] = self.calls
        random = np.random.default_rng(self.place)
        heads = np.repeat(random.normal(size=8), -(-len(bias) // 8))[:len(bias)]
        draw = 0.95 * heads + 0.3 * random.normal(size=len(bias))
        weight.copy_(torch.tensor(random.uniform(0.8, 1.2, len(weight))))
        bias.copy_(torch.tensor(self.spread.get(self.place, 0.3) * draw))
        self.driver = (self.place, bias)
        self.place += 1
        return self.originals["batch_norm"](x, mean, variance, weight, bias, *rest, **named)

    def neuron(self, name, x):
        """In place: where the operand is the residual stream, its readers to come see it too."""
        rule, driver, self.driver = self.rules[name], self.driver, None
        steps = x.movedim(rule.time, 0).reshape(x.shape[rule.time], -1)
        if steps.shape[1] > SAMPLED:
            chosen = np.random.default_rng(0).integers(steps.shape[1], size=SAMPLED)
            steps = steps[:, torch.as_tensor(chosen)]
        if driver is None:
            return self.attention(name, rule.rate(steps))
        self.driver_of[name] = driver[0]
        if name not in self.shift:
            self.shift[name] = self.bisect(rule, steps, self.target[name])
        driver[1].add_(self.shift[name])
        x.add_(self.shift[name])
        self.order.append(name)

    @staticmethod
    def bisect(rule, steps, target):
        low, high = -20.0, 20.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if rule.rate(steps + middle) < target else (low, middle)
        return high

    def attention(self, name, rate):
        tries = self.tries.get(name, 0)
        parent = name.rpartition(".")[0]
        changed = [other for other in self.order if other.rpartition(".")[0] == parent][-3:]
        if BAND[0] <= rate <= BAND[1] or tries == MOST_TRIES:
            self.order.append(name)
            if self.accepted.get(name) != tries:
                self.hand_on(changed)
            self.accepted[name] = tries
            return
        self.tries[name] = tries + 1
        for other in self.order[self.order.index(changed[0]):]:
            self.shift.pop(other, None)
        del self.made[self.calls_at[self.driver_of[changed[0]]]:]
        for other in changed:
            high = rate > BAND[1]
            if self.target[other] == (LEAST if high else MOST):
                place = self.driver_of[other]
                self.spread[place] = self.spread.get(place, 0.3) + 0.4
            elif high:
                self.target[other] = max(LEAST, self.target[other] / 1.2)
            else:
                self.target[other] = min(MOST, self.target[other] * 1.15)
        raise Again

    def hand_on(self, accepted):
        """The next attention begins with the targets of this one."""
        for one in accepted:
            for other in self.rules:
                if other not in self.order and (
                        other.rpartition(".")[2] == one.rpartition(".")[2]):
                    self.target[other] = self.target[one]

    @contextmanager
    def at_work(self, model):
        self.originals = {name: getattr(functional, name)
                          for name in ("conv1d", "conv2d", "linear", "batch_norm")}
        for name, original in self.originals.items():
            setattr(functional, name, partial(self.weights, original))
        functional.batch_norm = self.batch_norm
        handles = [module.register_forward_pre_hook(
            lambda _, x, name=name: self.neuron(name, x[0]))
            for name, module in neurons(model).items()]
        try:
            yield
        finally:
            for name, original in self.originals.items():
                setattr(functional, name, original)
            for handle in handles:
                handle.remove()


def reset(model):
    """Neurons of SpikingJelly keep their state from call to call."""
    for module in model.modules():
        if hasattr(module, "reset") and is_neuron(module):
            module.reset()


@torch.no_grad()
def calibrate(model, x):
    """Model with batch norms set, in eval mode."""
    work = Calibration(model.eval())
    with work.at_work(model):
        while True:
            work.begin()
            reset(model)
            try:
                model(torch.as_tensor(x))
                break
            except Again:
                pass
    reset(model)
    return model


@torch.no_grad()
def rates(model, x):
    """{neuron layer: share of its neuron-steps that spike}"""
    found, handles = {}, []
    for name, module in neurons(model).items():
        handles.append(module.register_forward_hook(
            lambda _, __, out, name=name: found.update({name: (out > 0).double().mean().item()})))
    reset(model)
    model(torch.as_tensor(x))
    reset(model)
    for handle in handles:
        handle.remove()
    return found
