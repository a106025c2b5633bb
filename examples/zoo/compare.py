"""Spikes of stc against those of PyTorch, neuron-step by neuron-step.

Three measurements of every sample:

plain   PyTorch in float32, as a user runs it. A difference is near the threshold when PyTorch's
        membrane is within NEAR of it there (exactly on it counts only where nothing came before:
        integer operands put many membranes there). Otherwise it must follow from such a one: in a
        later layer, or in the same layer at a later step.
replay  PyTorch in float64 on the spikes of stc: every layer reads what stc's neurons gave before
        it, and carries on with stc's spikes. So nothing follows from anything: a spike that stc and
        float64 see differently must lie within NEAR of the threshold by itself.
torch   the same replay on PyTorch's own float32 spikes; and float64 left to itself against float32:
        how many spikes PyTorch alone changes when it rounds otherwise.
"""
import copy
from contextlib import contextmanager

import numpy as np
import torch

from calibrate import Rule, neurons, reset

NEAR = 1e-5


@contextmanager
def each_neuron(model, act):
    """Every neuron layer calls act(name, module's own forward, x) instead."""
    layers = neurons(model)
    for name, module in layers.items():
        own = module.forward
        module.forward = lambda x, name=name, own=own: act(name, own, x)
    reset(model)
    try:
        yield
    finally:
        for module in layers.values():
            del module.forward
        reset(model)


def margins(rule, x, counts):
    """For input x and the spikes that came (both [T, ...]): the spikes that x asks for, given those
    before, and how far the membrane is from where the two would change."""
    v = torch.zeros_like(x[0])
    for now, came in zip(x, counts):
        h = rule.charge(v, now)
        wanted = rule.fire(h)
        edge = rule.threshold if rule.memory else torch.minimum(wanted, came) + 0.5
        yield wanted, (h - edge).abs()
        v = h.masked_fill(came > 0, 0.0)


class Sample:
    """One sample: spikes of stc {layer: counts (steps, ...) in PyTorch's order}."""

    def __init__(self, model, spikes):
        self.model, self.given = model, spikes
        self.rules = {name: Rule(module) for name, module in neurons(model).items()}
        self.layers, self.torch = 0, {}  # neuron layers so far; their spikes in PyTorch
        self.places = []  # of plain differences: (layer's place, step, how many, near, exactly on)
        self.size = self.fired = 0
        self.rate = {}

    def shaped(self, name, counts, x):
        """(steps, ...) of stc or PyTorch as the operand of the layer, steps first."""
        counts = torch.as_tensor(np.ascontiguousarray(counts)).to(x.dtype)
        return counts.reshape(x.movedim(self.rules[name].time, 0).shape)

    def plain(self, name, own, x):
        rule, out = self.rules[name], own(x)
        z = torch.round(out.movedim(rule.time, 0) * rule.levels)
        steps = x.movedim(rule.time, 0)
        given = self.shaped(name, self.given[name], x)
        for t, (_, margin) in enumerate(margins(rule, steps, z)):
            wrong = given[t] != z[t]
            if wrong.any():
                # a multi-level neuron that differs is as near as the edge between both counts
                far = margin if rule.memory else (steps[t] - (given[t] + z[t]) / 2).abs()
                far = far[wrong]
                self.places.append((self.layers, t, len(far), int((far <= NEAR).sum()),
                                    int((far == 0).sum())))
        self.layers += 1
        self.torch[name] = z.to(torch.uint8).numpy()
        self.size += z.numel()
        fired = int((z > 0).sum())
        self.fired += fired
        self.rate[name] = fired / z.numel()
        return out

    def run_plain(self, image):
        with each_neuron(self.model, self.plain):
            out = self.model(image)
        causes = [(layer, step) for layer, step, _, near, _ in self.places if near]
        found = {"differences": 0, "near_threshold": 0, "downstream": 0, "unexplained": 0}
        for layer, step, number, near, exactly in self.places:
            follows = any(cause != (layer, step) and cause[0] <= layer and cause[1] <= step
                          for cause in causes)
            number_near = near - exactly if follows else near
            found["differences"] += number
            found["near_threshold"] += number_near
            found["downstream" if follows else "unexplained"] += number - number_near
        return out, found

    def run_replay(self, double, image, spikes):
        """Replay in float64; where the spikes are not what float64 wants, and how far."""
        found = []

        def act(name, _, x):
            rule, steps = self.rules[name], x.movedim(self.rules[name].time, 0)
            came = self.shaped(name, spikes[name], x)
            for t, (wanted, margin) in enumerate(margins(rule, steps, came)):
                found.append(margin[wanted != came[t]].numpy())
            return (came / rule.levels).movedim(0, rule.time)

        with each_neuron(double, act):
            out = double(image.double())
        far = np.concatenate(found)
        return out, {"differences": len(far), "near_threshold": int((far <= NEAR).sum()),
                     "farthest": float(far.max(initial=0.0))}

    def run_free(self, double, image):
        """Spikes of PyTorch that are others in float64 than in float32."""
        found = []

        def act(name, own, x):
            rule, out = self.rules[name], own(x)
            z = torch.round(out.movedim(rule.time, 0) * rule.levels)
            found.append(int((z != self.shaped(name, self.torch[name], x)).sum()))
            return out

        with each_neuron(double, act):
            double(image.double())
        return sum(found)


@torch.no_grad()
def compare(model, images, results, nodes):
    """model: PyTorch, calibrated; images [samples, ...]; results: of stc, for some of the samples
    each; nodes: {neuron layer of the model: its node}. Returns the numbers of one line."""
    double = copy.deepcopy(model).double()
    samples, plain, replay, own = [], [], [], []
    for result in results:
        (output,) = result.outputs.values()
        for row, number in enumerate(result.samples):
            spikes = {layer: result.spikes[node].of_sample(number).dense()[0]
                      for layer, node in nodes.items()}
            sample, image = Sample(model, spikes), torch.as_tensor(images[number:number + 1])
            mine = torch.as_tensor(output[row]).reshape(-1)
            out, found = sample.run_plain(image)
            out = out.reshape(-1)
            plain.append(found | {"output_difference": float((mine - out).abs().max()),
                                  "largest_output": float(out.abs().max())})
            exact, found = sample.run_replay(double, image, spikes)
            replay.append(found | {"output_difference": float(
                (mine.double() - exact.reshape(-1)).abs().max())})
            own.append(sample.run_replay(double, image, sample.torch)[1] |
                       {"free_differences": sample.run_free(double, image)})
            sample.torch = sample.given = None
            samples.append(sample)
    compared = sum(sample.size for sample in samples)
    layers = [float(np.mean([sample.rate[name] for sample in samples])) for name in neurons(model)]
    return {"samples": len(samples), "steps": result.steps, "compared": compared,
            "samples_equal": sum(not found["differences"] for found in plain),
            "rate": sum(sample.fired for sample in samples) / compared,
            "lowest_rate": min(layers), "highest_rate": max(layers),
            **together(plain), "replay": together(replay), "torch_replay": together(own)}


def together(found):
    """Counts added up, distances the largest."""
    return {key: (sum if isinstance(value, int) else max)(line[key] for line in found)
            for key, value in found[0].items()}
