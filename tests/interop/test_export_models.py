"""export of the Python package: what stc computes from the file is what PyTorch computed."""
import contextlib
import os
import sys
import unittest

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from interop import HERE, InteropTest

sys.path.insert(0, os.path.join(HERE, "../../python"))
from spike_transformer_compiler.export import (  # noqa: E402
    DiscreteLIF, ExportError, export, layout, register_neuron)


class LIF(nn.Module):
    """Hand-written, all steps in one call; `tau`, `v_threshold`, `v_reset` say what it is."""

    def __init__(self, v_threshold=1.0, tau=2.0, v_reset=0.0):
        super().__init__()
        self.v_threshold, self.tau, self.v_reset = v_threshold, tau, v_reset

    def forward(self, x):
        rest, spikes = self.v_reset or 0.0, []
        v = torch.full_like(x[0], rest)
        for now in x:
            h = v + (now - (v - rest)) / self.tau
            spike = (h >= self.v_threshold).to(x)
            v = h - spike * self.v_threshold if self.v_reset is None else \
                torch.where(spike > 0, torch.full_like(h, rest), h)
            spikes.append(spike)
        return torch.stack(spikes)


class MultiStepLIFNode(LIF):
    """The neuron of SpikingJelly 0.0.0.0.12, which the published models pin, by its attributes."""

    def __init__(self, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0, detach_reset=False):
        super().__init__(v_threshold, tau, v_reset)
        self.decay_input, self.detach_reset, self.backend = decay_input, detach_reset, "torch"
        self.v = 0.0

    def reset(self):
        self.v = 0.0


class Levels(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, levels):
        return torch.floor(torch.clamp(x, 0, levels) + 0.5)


class MultiSpike(nn.Module):
    """0 to `levels` spikes at once, halves up, from a torch.autograd.Function."""

    def __init__(self, levels=4):
        super().__init__()
        self.levels = levels

    def forward(self, x):
        return Levels.apply(x, self.levels) / self.levels


class Keeping(nn.Module):
    """One step, with a potential of its own that nothing resets."""

    def __init__(self):
        super().__init__()
        self.v_th, self.beta, self.v = 1.0, 0.5, None

    def forward(self, x):
        h = x if self.v is None else self.v * self.beta + x
        spikes = (h > self.v_th).float()
        self.v = h - spikes * self.v_th
        return spikes


class BatchFirst(nn.Module):
    """Steps on axis 1, names that nobody knows."""

    def __init__(self):
        super().__init__()
        self.theta, self.leak = 1.0, 4.0

    def forward(self, x):
        return LIF(self.theta, self.leak, None)(x.movedim(1, 0)).movedim(0, 1)


def over_steps(layer, x):
    return layer(x.flatten(0, 1)).reshape(*x.shape[:2], -1, *x.shape[3:])


class Attention(nn.Module):
    """Spiking self-attention as the CIFAR form of Spikformer has it: [T, B, N, C]."""

    def __init__(self, dim, heads, neuron):
        super().__init__()
        self.heads = heads
        self.qkv = nn.ModuleList(nn.Linear(dim, dim) for _ in range(4))
        self.bn = nn.ModuleList(nn.BatchNorm1d(dim) for _ in range(4))
        self.fire = nn.ModuleList(neuron() for _ in range(4))
        self.attn_lif = neuron(v_threshold=0.5)

    def project(self, k, x):
        y = self.qkv[k](x.flatten(0, 1))
        y = self.bn[k](y.transpose(-1, -2)).transpose(-1, -2).contiguous()
        return self.fire[k](y.reshape(x.shape))

    def forward(self, x):
        T, B, N, C = x.shape
        q, k, v = (self.project(i, x).reshape(T, B, N, self.heads, C // self.heads)
                   .permute(0, 1, 3, 2, 4) for i in range(3))
        y = (q @ k.transpose(-2, -1)) @ v * 0.125
        y = self.attn_lif(y.transpose(2, 3).reshape(T, B, N, C).contiguous())
        return self.project(3, y)


class Spikformer(nn.Module):
    def __init__(self, neuron=LIF, steps=4, dim=16, heads=2):
        super().__init__()
        self.steps, self.dim = steps, dim
        self.conv1, self.bn1, self.lif1 = nn.Conv2d(3, dim, 3, 1, 1, bias=False), \
            nn.BatchNorm2d(dim), neuron()
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.conv2, self.bn2, self.lif2 = nn.Conv2d(dim, dim, 3, 1, 1), nn.BatchNorm2d(dim), \
            neuron()
        self.norm = nn.LayerNorm(dim)  # never called, as in the published models
        self.attn = Attention(dim, heads, neuron)
        self.head = nn.Linear(dim, 5)

    def forward(self, x):
        x = x.unsqueeze(0).repeat(self.steps, 1, 1, 1, 1)
        T, B, _, H, W = x.shape
        x = self.lif1(over_steps(nn.Sequential(self.conv1, self.bn1), x))
        x = self.pool(x.flatten(0, 1)).reshape(T, B, self.dim, H // 2, W // 2)
        x = x + self.lif2(over_steps(nn.Sequential(self.conv2, self.bn2), x))
        x = x.flatten(-2).transpose(-1, -2)
        x += self.attn(x)
        return self.head(x.mean(2).mean(0))


def lively(model, gain=2.0):
    """Weights and statistics with which neurons fire now and then."""
    torch.manual_seed(7)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.05, 0.2)
                module.bias.normal_(0.6, 0.3)
            elif isinstance(getattr(module, "weight", None), nn.Parameter):
                module.weight.mul_(gain)
    return model.eval()


def spikes(*shape, rate=0.4):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(3)) < rate).float()


class ExportTest(InteropTest):
    def export(self, model, *what, **how):
        with contextlib.redirect_stderr(None):
            return export(model, *what[:1], self.path("model.h5"), quiet=True, **how)

    def check(self, model, example, lively_all=True, ranks=(1,), **how):
        """Exported and run: the spikes and outputs of the test vectors. lively_all: every layer has
        spikes and pauses."""
        done = self.export(model, example, **how)
        given = self.path("given.h5")
        with h5py.File(done.path) as file, h5py.File(given, "w") as out:
            for name, values in file["test/inputs"].items():
                out[f"inputs/{name}"] = values[:]
            self.assertEqual(set(file["test/spikes"]), set(done.neurons))
        for number in ranks:
            result = self.path("result.h5")
            self.stc("run", done.path, "--input", given, "-o", result, "--record", "spikes",
                     ranks=number)
            with h5py.File(done.path) as file, h5py.File(result) as got:
                self.same(file["test"], got, done, lively_all)
        return done

    def same(self, test, result, done, lively_all):
        step_ms = result["metrics"].attrs["step_ms"]
        for node, stored in test["spikes"].items():
            expected = counts(stored)
            got = recorded(result["spikes"][node], step_ms, expected.shape)
            near = {tuple(row) for row in test["near_threshold"][node][:]}
            wrong = [tuple(place) for place in np.argwhere(got != expected)]
            self.assertEqual([place for place in wrong if place not in near], [], node)
            self.assertEqual(wrong, [], "a spike near the threshold flipped: other seeds")
            if lively_all:
                self.assertGreater(expected.sum(), 0, f"{node} is silent")
                self.assertTrue((expected == 0).any(), f"{node} always fires")
        for name in done.outputs:
            np.testing.assert_allclose(result["outputs"][name][:], test["outputs"][name][:],
                                       rtol=1e-5, atol=1e-5)


def counts(stored):
    """[steps, samples, elements] of /test/spikes/<node>."""
    shape, values = stored.attrs["shape"], stored[:]
    if values.size < np.prod(shape):
        values = np.unpackbits(values, count=int(np.prod(shape)), bitorder="little")
    return values.reshape(*shape[:2], -1)


def recorded(population, step_ms, shape):
    found = np.zeros(shape, np.uint8)
    at = np.rint(population["timestamps"][:] / step_ms).astype(int)
    sample = population["sample"][:] if "sample" in population else 0
    found[at, sample, population["node_ids"][:].astype(int)] = \
        population["value"][:] if "value" in population else 1
    return found


class Transformers(ExportTest):
    def test_spikformer_of_hand_written_neurons(self):
        done = self.check(lively(Spikformer()), torch.rand(3, 3, 8, 8), ranks=(1, 2))
        self.assertEqual(done.time_steps, 4)
        self.assertEqual([note.split(":")[0] for note in done.notes], ["norm"])
        self.assertIn("attn.attn_lif", done.neurons)

    def test_batch_norms_stand_behind_their_weights(self):
        done = self.export(lively(Spikformer()), torch.rand(1, 3, 8, 8))
        with h5py.File(done.path) as file:
            nodes = file["graph/nodes"]
            for node in nodes.values():
                if node["type"][()] == b"BatchNorm":
                    source = nodes[node["inputs"][0].decode()]
                    self.assertIn(source["type"][()], (b"Linear", b"Conv2d"))

    def test_neurons_of_the_version_that_the_published_models_pin(self):
        self.check(lively(Spikformer(lambda **how: MultiStepLIFNode(detach_reset=True, **how))),
                   torch.rand(2, 3, 8, 8))

    def test_steps_in_the_input(self):
        class Frames(Spikformer):
            def forward(self, x):
                T, B, _, H, W = x.shape
                x = self.lif1(over_steps(nn.Sequential(self.conv1, self.bn1), x))
                x = self.attn(x.flatten(3).transpose(2, 3))
                return self.head(x.mean(2))  # an output at every step
        done = self.check(lively(Frames()), spikes(5, 2, 3, 4, 4), time_steps=5)
        with h5py.File(done.path) as file:
            self.assertEqual(file["test/inputs/input"].shape, (2, 5, 3, 4, 4))
            self.assertEqual(file["test/outputs/output"].shape, (2, 5, 5))

    def test_one_step_at_a_time_without_a_reset(self):
        net = nn.Sequential(nn.Linear(6, 8), Keeping(), nn.Linear(8, 5), Keeping())
        done = self.check(lively(net, 4.0), spikes(1, 6), time_steps=6,
                          test_inputs=spikes(6, 3, 6))
        self.assertEqual(done.neurons["1"][2].compare, "gt")
        self.assertIsNone(net[1].v)

    def test_samples_before_steps(self):
        register_neuron(BatchFirst, lambda m: DiscreteLIF(tau=m.leak, v_threshold=m.theta,
                                                          v_reset=None))
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.w, self.fire = nn.Parameter(torch.randn(24, 8)), BatchFirst()

            def forward(self, x):
                q, k, v = self.fire(functional.linear(x, self.w)).chunk(3, dim=-1)
                return torch.matmul(torch.matmul(q, k.mT), v).mean(dim=(1, 2))
        self.check(lively(Net()), spikes(2, 6, 5, 8))

    def test_counts_from_a_custom_function(self):
        register_neuron(MultiSpike, lambda m: DiscreteLIF(
            tau=1, max_count=m.levels, rounding="half_up", output_scale=1 / m.levels))
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.bn, self.one = nn.Conv1d(4, 8, 1), nn.BatchNorm1d(8), MultiSpike()
                self.b, self.two = nn.Conv1d(8, 6, 3, padding="same"), MultiSpike(5)

            def forward(self, x):
                return self.two(self.b(self.one(self.bn(self.a(x))))).sum(-1)
        done = self.check(lively(Net(), 4.0), torch.rand(3, 4, 7))
        self.assertEqual(done.time_steps, 1)
        with h5py.File(done.path) as file:
            self.assertEqual(file["test/spikes/one"].attrs["shape"].tolist(), [1, 3, 8, 7])
            self.assertEqual(file["test/spikes/one"][:].max(), 4)

    def test_views_and_constants(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.place = nn.Parameter(torch.randn(1, 6, 8) * 0.3)
                self.gamma = nn.Parameter(torch.rand(8) + 0.5)
                self.fc, self.lif, self.lif2 = nn.Linear(8, 24), LIF(), LIF(0.5, tau=3.0)

            def forward(self, x):
                x = torch.stack([x] * 3) * self.gamma + self.place
                T, B, N, _ = x.shape
                y = self.lif(self.fc(x)).view(T, B, N, 3, 2, 4).permute(3, 0, 1, 4, 2, 5)
                q, k, v = y[0], y[1], y.unbind(0)[2]
                mask = q.sum(-1, keepdim=True) * k
                y = (1.0 - mask / 4 + v[..., :1] * k * 2).movedim(2, 3).flatten(3)
                y = self.lif2(y.squeeze(-1)[:, :, 1:]).swapaxes(-1, -2)
                parts = y.split([3, 5], dim=2)
                return {"few": parts[0].mean((0, 3)), "many": [parts[1].sum(0), None]}
        done = self.check(lively(Net()), torch.rand(2, 6, 8) + 0.5)
        self.assertEqual(done.outputs, ["few", "many.0"])

    def test_a_border_of_what_batch_norm_makes_of_zero(self):
        class RepConv(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(
                    nn.Conv2d(4, 4, 1, padding=1, bias=False), nn.BatchNorm2d(4),
                    nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.Conv2d(4, 6, 1, bias=False),
                    nn.BatchNorm2d(6))
                self.lif = LIF()

            def forward(self, x):
                y = self.body(x.flatten(0, 1))
                return self.lif(y.reshape(x.shape[0], x.shape[1], *y.shape[1:]))
        self.check(lively(RepConv(), 1.0), spikes(4, 2, 4, 6, 5), input_axes="TB")

    def test_images_of_bytes_and_spikes_as_bits(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc, self.lif = nn.Linear(6, 6), LIF()

            def forward(self, x):
                return self.lif(self.fc(x.float() / 255))
        self.check(lively(Net(), 4.0), torch.randint(0, 256, (5, 2, 6), dtype=torch.uint8))
        done = self.check(lively(Net(), 4000.0), spikes(5, 2, 6), input_kind="bits")
        with h5py.File(done.path) as file:
            self.assertEqual(file["graph/nodes/input/kind"][()], b"bits")

    def test_two_inputs(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.lif = nn.Linear(4, 6), nn.Linear(3, 6), LIF()

            def forward(self, left, right):
                return self.lif(self.a(left) + self.b(right))
        done = self.check(lively(Net(), 3.0), (torch.rand(4, 2, 4) * 3, torch.rand(4, 2, 3) * 3))
        self.assertEqual(done.inputs, ["left", "right"])


class Libraries(ExportTest):
    def spikingjelly(self, mode):
        from spikingjelly.activation_based import functional as sj, layer, neuron
        net = nn.Sequential(
            layer.Conv2d(2, 8, 3, padding=1, bias=False), layer.BatchNorm2d(8), neuron.LIFNode(),
            layer.MaxPool2d(2), layer.Conv2d(8, 8, 3, stride=2, padding=1),
            neuron.IFNode(v_reset=None), layer.AvgPool2d(2), layer.Flatten(), layer.Linear(8, 10),
            neuron.ParametricLIFNode(decay_input=False), layer.Linear(10, 6), neuron.ILIFNode())
        sj.set_step_mode(net, mode)
        return lively(net, 3.0)

    def test_spikingjelly_with_all_steps_in_one_call(self):
        done = self.check(self.spikingjelly("m"), spikes(6, 2, 2, 8, 8))
        self.assertEqual(done.time_steps, 6)

    def test_spikingjelly_one_step_at_a_time(self):
        self.check(self.spikingjelly("s"), spikes(2, 2, 8, 8), time_steps=6,
                   test_inputs=spikes(6, 2, 2, 8, 8))
        self.check(self.spikingjelly("s"), spikes(2, 2, 8, 8), time_steps=6)

    def test_transformers_that_spikingjelly_ships(self):
        """Classes that nobody wrote for this exporter."""
        from spikingjelly.activation_based.model import (maxformer, qkformer,
                                                         spike_driven_transformer as sdt)
        for net in (qkformer.QKFormer(embed_dims=32, num_heads=(1, 2, 4), depths=(1, 1, 1),
                                      num_classes=5),
                    sdt.SpikeDrivenTransformer(embed_dims=32, num_heads=2, depths=1, num_classes=5),
                    maxformer.MaxFormer(embed_dims=32, depths=(1, 1, 1), num_classes=5)):
            with self.subTest(type(net).__name__):
                done = self.check(lively(net, 1.0), torch.rand(1, 3, 32, 32),
                                  lively_all=False)
                self.assertGreater(len(done.neurons), 10)

    def test_spikingjelly_keeps_its_state(self):
        """Nothing of the trace or the test runs stays behind."""
        net, x = self.spikingjelly("s"), spikes(2, 2, 8, 8)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        expected = net(x)
        self.export(net, x, time_steps=3)
        self.assertTrue(torch.equal(net(x), expected))
        for name, value in net.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]), name)

    def test_snntorch(self):
        import snntorch
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList(nn.Linear(24, 24) for _ in range(5))
                self.neurons = nn.ModuleList([
                    snntorch.Leaky(0.9, init_hidden=True),
                    snntorch.Leaky(torch.linspace(0.3, 0.9, 24), init_hidden=True, output=True,
                                   reset_mechanism="zero"),
                    snntorch.Leaky(0.8, init_hidden=True, reset_delay=False),
                    snntorch.Synaptic(alpha=0.6, beta=0.8, init_hidden=True),
                    snntorch.Leaky(1.0, init_hidden=True)])

            def forward(self, x):
                for layer, neuron in zip(self.layers, self.neurons):
                    x = neuron(layer(x))
                    x = x[0] if isinstance(x, tuple) else x
                return x
        self.check(lively(Net(), 4.0), spikes(3, 24), time_steps=20,
                   test_inputs=spikes(20, 2, 24))

    def test_snntorch_with_the_state_outside(self):
        import snntorch
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc, self.lif = nn.Linear(8, 12), snntorch.Leaky(0.75)

            def forward(self, x, mem=None):
                return self.lif(self.fc(x), mem)
        done = self.check(lively(Net(), 4.0), spikes(2, 8), time_steps=8)
        self.assertIn("state of lif", done.notes[0])

    def test_norse(self):
        import norse.torch as norse
        cells = norse.SequentialState(nn.Linear(12, 16), norse.LIFBoxCell(), nn.Linear(16, 12),
                                      norse.LIFCell(), nn.Linear(12, 9), norse.IAFCell())
        self.check(lively(cells, 12.0), spikes(2, 12), time_steps=16)
        layers = norse.SequentialState(nn.Linear(12, 16), norse.LIF(), nn.Linear(16, 8),
                                       norse.IAF())
        self.check(lively(layers, 12.0), spikes(16, 2, 12))

    def test_sinabs(self):
        import sinabs.activation
        import sinabs.layers as sl
        net = nn.Sequential(nn.Linear(12, 16), sl.LIF(tau_mem=10.0), nn.Linear(16, 8),
                            sl.IAF(spike_fn=sinabs.activation.SingleSpike), nn.Linear(8, 6),
                            sl.LIF(tau_mem=5.0, norm_input=False,
                                   reset_fn=sinabs.activation.MembraneReset()))
        self.check(lively(net, 10.0), spikes(2, 16, 12))

    def test_sinabs_with_steps_and_samples_on_one_axis(self):
        import sinabs.layers as sl
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.iaf = nn.Conv2d(2, 4, 3), sl.IAFSqueeze(num_timesteps=6)

            def forward(self, x):
                y = self.iaf(self.conv(x.flatten(0, 1)))
                return y.unflatten(0, (x.shape[0], 6))
        self.check(lively(Net(), 3.0), spikes(3, 6, 2, 5, 5), input_axes="BT")


class Files(ExportTest):
    def test_places_near_a_threshold_are_listed_and_those_on_it_are_not(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc, self.lif = nn.Linear(4, 4, bias=False), LIF(tau=2.0)
                self.fc.weight.data = torch.diag(torch.tensor([2.0, 2.0 + 4e-6, 1.0, 0.5]))

            def forward(self, x):
                return self.lif(self.fc(x))
        done = self.export(Net().eval(), torch.ones(1, 1, 4), input_axes="TB", band=1e-5)
        with h5py.File(done.path) as file:
            self.assertEqual(file["test/near_threshold"].attrs["band"], 1e-5)
            self.assertEqual(file["test/near_threshold/lif"][:].tolist(), [[0, 0, 1]])
            self.assertEqual(counts(file["test/spikes/lif"])[0, 0].tolist(), [1, 1, 0, 0])

    def test_without_test_vectors(self):
        done = self.export(lively(Spikformer()), torch.rand(1, 3, 8, 8), test=False)
        with h5py.File(done.path) as file:
            self.assertNotIn("test", file)

    def test_a_refusal_leaves_no_file(self):
        with self.assertRaises(ExportError):
            self.export(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), torch.rand(1, 4))
        self.assertEqual(os.listdir(self.folder), [])


class Layout(unittest.TestCase):
    """T 4, B 13: what reshapes leave of the axes."""

    def reshaped(self, axes, data, shape):
        return layout.reshape(axes, data, shape, {layout.T: 4, layout.B: 13})

    def test_merged_and_split(self):
        T, B, D = (layout.T,), (layout.B,), (layout.D,)
        apart, merged = (T, B, D, D), ((*T, *B), D, D)
        self.assertEqual(self.reshaped(apart, (6, 8), (52, 6, 8)), (merged, (6, 8)))
        self.assertEqual(self.reshaped(merged, (6, 8), (4, 13, 48)), ((T, B, D), (48,)))
        self.assertEqual(self.reshaped((T, B, D), (48,), (4, 13, 4, 1, 12)),
                         ((T, B, D, D, D), (4, 1, 12)))
        self.assertEqual(self.reshaped((B, T, D, D), (6, 8), (-1 % 313, 8)),
                         (((*B, *T, *D), D), (6, 8)))

    def test_cut_and_mixed(self):
        T, B, D = (layout.T,), (layout.B,), (layout.D,)
        for axes, data, shape in (((T, B, D), (6,), (2, 2, 13, 6)), ((T, B, D), (6,), (13, 4, 6)),
                                  ((T, B, D), (6,), (8, 13, 3)), ((B, D), (6,), (6, 13))):
            with self.subTest(shape), self.assertRaises(layout.Mixed):
                self.reshaped(axes, data, shape)

    def test_one_step(self):
        T, B, D = (layout.T,), (layout.B,), (layout.D,)
        axes, data = layout.reshape(((*T, *B), D), (6,), (1, 13, 1, 6),
                                    {layout.T: 1, layout.B: 13})
        self.assertEqual((axes, data), ((T, B, D, D), (1, 6)))


if __name__ == "__main__":
    unittest.main()
