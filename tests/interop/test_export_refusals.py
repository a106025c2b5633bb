"""export refuses what it would have to approximate, naming the module, the line and a remedy."""
import inspect
import os
import re
import sys

import torch
from torch import nn
from torch.nn import functional

from interop import HERE, InteropTest

sys.path.insert(0, os.path.join(HERE, "../../python"))
from spike_transformer_compiler.export import (  # noqa: E402
    DiscreteLIF, ExportError, export, register_neuron)


class LIF(nn.Module):
    """All steps in one call, and then `after` for the spikes."""

    def __init__(self, tau=2.0):
        super().__init__()
        self.tau, self.v_threshold, self.v_reset, self.decay_input = tau, 1.0, 0.0, True

    def forward(self, x):
        v, spikes = torch.zeros_like(x[0]), []
        for now in x:
            h = v + (now - v) / self.tau
            spikes.append((h >= 1).to(x))
            v = h * (1 - spikes[-1])
        return torch.stack(spikes)


class OneStep(nn.Module):
    """Keeps its potential; nothing says that it is a neuron."""

    def __init__(self):
        super().__init__()
        self.potential = None

    def reset(self):
        self.potential = None

    def forward(self, x):
        before = torch.zeros_like(x) if self.potential is None else self.potential
        self.potential = before + x
        return self.potential * 2


class InPlaceState(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("trace", torch.zeros(4))

    def forward(self, x):
        self.trace.add_(x.sum(0))
        return x + self.trace


class Model(nn.Module):
    """x [T, B, 4] through a linear layer and neurons, then `what`."""

    def __init__(self, what, *parts):
        super().__init__()
        self.fc, self.lif, self.what = nn.Linear(4, 4), LIF(), what
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return self.what(self, self.lif(self.fc(x)))


def line_of(function):
    """file:line of the last line of a function."""
    lines, first = inspect.getsourcelines(function)
    return f"{os.path.basename(__file__)}:{first + len(lines) - 1}"


class Refusals(InteropTest):
    def refused(self, model, pattern, example=None, place=None, **how):
        example = torch.rand(4, 2, 4) if example is None else example
        with self.assertRaises(ExportError) as caught:
            export(model.eval(), example, self.path("model.h5"), quiet=True, **how)
        text = str(caught.exception)
        self.assertRegex(text, re.compile(pattern, re.S))
        if place is not None:
            self.assertIn(place, text)
        self.assertEqual(os.listdir(self.folder), [], "a file was left")
        return text

    def of(self, what, pattern, *parts, **how):
        """What a function of the spikes gives; its last line is to be named."""
        self.refused(Model(what, *parts), pattern, place=how.pop("place", line_of(what)), **how)

    # ---- time ----

    def test_control_flow_over_time(self):
        def first_step(model, s):
            return s[0]

        def loop(model, s):
            return torch.stack([step * 2 for step in s])

        def late(model, s):
            return s[2:]

        for what in (first_step, loop, late):
            with self.subTest(what.__name__):
                self.of(what, r"module \(the model itself\).*single steps are taken out of all.*"
                        "time_steps")

    def test_a_neuron_in_a_loop(self):
        import snntorch
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.block = nn.ModuleList([snntorch.Leaky(0.9, init_hidden=True)])

            def forward(self, x):
                return torch.stack([self.block[0](x) for _ in range(3)])
        self.refused(Net(), r"module block\.0, test_export_refusals.py:\d+: the neuron Leaky is "
                     "called again.*loop over time.*time_steps", torch.rand(2, 4))

    def test_attention_over_time(self):
        def attention(model, s):
            s = s.permute(1, 2, 0)
            return s @ s.transpose(-1, -2)

        self.of(attention, "matmul along axis 2, which holds time")

    def test_a_convolution_over_time(self):
        def convolve(model, s):
            return model.parts[0](s.permute(1, 2, 0))

        self.of(convolve,
                r"module parts\.0.*conv1d of a tensor whose axes are \[batch, data, time\]",
                nn.Conv1d(4, 4, 3), place="")

    def test_steps_mixed_with_data(self):
        def merge(model, s):
            return s.transpose(0, 1).reshape(s.shape[1] * 2, -1)

        def turned(model, s):
            return s.reshape(s.shape[1], s.shape[0], -1)

        for what in (merge, turned):
            with self.subTest(what.__name__):
                self.of(what, "reshape cuts or mixes the axis of steps or samples")

    def test_statistics_over_samples(self):
        def centre(model, s):
            return s - s.mean(1, keepdim=True)

        self.of(centre, "mean over axis 1, which holds batch: over samples")

    def test_a_mean_over_steps_that_meets_single_steps(self):
        def centre(model, s):
            return s - s.mean(0, keepdim=True)

        self.of(centre, "values of single steps meet a mean over steps")

    def test_numbers_for_every_step(self):
        weights = torch.rand(4, 1, 1)

        def weigh(model, s):
            return s * weights

        self.of(weigh, "a constant factor that differs along time")

    def test_steps_that_are_not_known(self):
        net = nn.Sequential(nn.Linear(4, 4), self.spikingjelly("s"))
        self.refused(net, "one step at a time: say with time_steps", torch.rand(2, 4))

    def test_steps_of_two_kinds(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc, self.lif = nn.Linear(4, 4), LIF()

            def forward(self, x):
                return self.lif(self.fc(torch.stack([x] * 4)))
        self.refused(Net(), "repeated 4 times, but the model runs for 6 steps", torch.rand(2, 4),
                     time_steps=6)
        self.refused(nn.Sequential(LIF()), "the input has 4 steps on axis 0, time_steps is 6",
                     time_steps=6, input_axes="TB")

    def spikingjelly(self, mode):
        from spikingjelly.activation_based import neuron
        return neuron.LIFNode(step_mode=mode)

    def test_a_single_step_neuron_among_multi_step_ones(self):
        net = nn.Sequential(nn.Linear(4, 4), LIF(), self.spikingjelly("s"))
        self.refused(net,
                     "module 2, .*: a neuron that takes one step is given all, .*step_mode='m'",
                     input_axes="TB")

    # ---- modes, states, unknown neurons ----

    def test_batch_norm_in_training_mode(self):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        net.eval()
        net[1].train()
        net.eval = lambda: net
        self.refused(net, "module 1, BatchNorm2d: batch norm that uses the statistics of the "
                     r"batch.*model\.eval\(\)",
                     torch.rand(2, 3, 8, 8))

        self.assertEqual(net[1].num_batches_tracked, 0)

    def test_batch_norm_without_running_statistics(self):
        self.refused(nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False)),
                     "module 0, BatchNorm1d: batch norm that uses the statistics", torch.rand(2, 4))

    def test_a_state_that_no_neuron_has(self):
        net = nn.Sequential(nn.Linear(4, 4), OneStep())
        self.refused(net, r"module 1, test_export_refusals.py:\d+: uses a tensor \(1\.potential\).*"
                     "state of an earlier call.*register_neuron", torch.rand(2, 4), time_steps=3)
        self.assertIsNone(net[1].potential)

    def test_a_buffer_that_changes(self):
        net = nn.Sequential(nn.Linear(4, 4), InPlaceState())
        self.refused(net, r"module 1, .*add_ changes 1\.trace that outlives the call",
                     torch.rand(2, 4), time_steps=3)
        self.assertEqual(net[1].trace.abs().sum(), 0)

    def test_an_unknown_neuron(self):
        from spikingjelly.activation_based import neuron
        import snntorch
        for module, pattern in ((neuron.EIFNode(), "looks like a spiking neuron, but its spikes"),
                                (neuron.PSN(T=4), "addmm has no counterpart"),
                                (snntorch.RLeaky(0.9, all_to_all=False), "no SpikeGraph has"),
                                (snntorch.Leaky(0.9, reset_mechanism="none", init_hidden=True),
                                 "no SpikeGraph has")):
            with self.subTest(type(module).__name__):
                self.refused(nn.Sequential(nn.Linear(4, 4), module), r"module 1\b.*" + pattern)

    def test_a_neuron_that_is_not_what_its_attributes_say(self):
        class Leaker(LIF):
            def forward(self, x):
                return super().forward(x * 1.01)
        self.refused(nn.Sequential(nn.Linear(4, 4), Leaker()),
                     r"module 1 \(.*Leaker\) looks like a spiking neuron, but its spikes are not "
                     r"those of DiscreteLIF\(tau=2\.0.*: for the inputs .* it gives .* at step .*"
                     "register_neuron")

    def test_a_wrong_registration(self):
        class Wrong(LIF):
            pass
        register_neuron(Wrong, lambda m: DiscreteLIF(tau=m.tau, v_threshold=1.0, compare="gt"))
        self.refused(nn.Sequential(nn.Linear(4, 4), Wrong()), r"compare='gt'.*for the inputs")

    def test_one_neuron_in_two_places(self):
        lif = LIF()
        self.refused(nn.Sequential(nn.Linear(4, 4), lif, nn.Linear(4, 4), lif),
                     "is called again .*a neuron of its own")

    # ---- functions ----

    def test_in_place_assignment_to_a_part(self):
        def assign(model, s):
            s[:, :, 0:1] = 0.5

        self.of(assign, "__setitem__ assigns to a part of a tensor")

    def test_a_tensor_that_was_changed_through_a_view(self):
        def alias(model, s):
            flat = s.flatten(0, 1)
            flat += 1
            return s * 2

        self.of(alias, "changed in place by add_")

    def test_functions_without_counterpart(self):
        calls = {"softmax": lambda s: s.softmax(-1), "sigmoid": torch.sigmoid, "exp": torch.exp,
                 "layer_norm": lambda s: functional.layer_norm(s, (4,)), "relu": torch.relu,
                 "gelu": functional.gelu, "cumsum": lambda s: s.cumsum(0), "round": torch.round,
                 "cat": lambda s: torch.cat([s, s], -1), "sort": lambda s: s.sort(-1).values,
                 "gt": lambda s: torch.where(s > 0, s, s), "sqrt": torch.sqrt}
        for name, call in calls.items():
            with self.subTest(name):
                self.refused(Model(lambda model, s: call(s)),
                             rf"test_export_refusals.py:\d+: {name} has no counterpart")

    def test_layer_norm_as_a_module_is_named(self):
        self.refused(nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4))),
                     r"module 1\.0, .*layer_norm has no counterpart.*batch norm", torch.rand(2, 4))

    def test_control_flow_on_numbers(self):
        def branch(model, s):
            return s if s.sum() > 3 else s * 2

        self.of(branch, "reads numbers of a tensor.*control flow")

    def test_dropout_in_training_mode(self):
        net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1))
        net.eval = lambda: net
        self.refused(net, "module 1, Dropout: dropout in training mode", torch.rand(2, 4))

    def test_weights_in_float64(self):
        self.refused(nn.Sequential(nn.Linear(4, 4)).double(),
                     r"module 0, Linear: .*float64.*model\.float\(\)",
                     torch.rand(2, 4, dtype=torch.float64))

    def test_weights_that_are_not_finite(self):
        net = nn.Sequential(nn.Linear(4, 4))
        net[0].weight.data[1, 1] = float("nan")
        self.refused(net, "module 0, Linear: the weight 0.weight has entries that are not finite",
                     torch.rand(2, 4))

    def test_a_model_that_fails(self):
        self.refused(nn.Sequential(nn.Linear(5, 4)),
                     r"module 0.*fails on an input of shape \(13, 4\)",
                     torch.rand(2, 4))

    def test_pools_that_are_cut(self):
        self.refused(nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)),
                     "module 0, MaxPool2d: MaxPool2d with ceil_mode",
                     torch.rand(2, 3, 5, 5))


if __name__ == "__main__":
    import unittest
    unittest.main()
