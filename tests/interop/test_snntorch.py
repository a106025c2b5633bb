"""snnTorch: live networks, written by export_to_nir, and graphs that import_from_nir reads."""
import nir
import numpy as np
import snntorch as snn
from snntorch.export_nir import export_to_nir
import torch

from interop import Draw, InteropTest
import simulators

STEPS = 100
NO_DELAY = {"reset_mechanism": "zero", "reset_delay": False}


class SnnTorch(InteropTest):
    def check(self, layers, x, *options, names=None):
        """The live network, exported, run here: names of its neuron layers in the file where they
        are others than their places."""
        with simulators.quiet():
            graph = export_to_nir(torch.nn.Sequential(*layers), torch.zeros(1, x.shape[1]),
                                  ignore_dims=[0])
        for layer in layers:
            if hasattr(layer, "reset_mem"):
                layer.reset_mem()
        spikes = simulators.torch_layers(layers, x)
        model = self.write(graph)
        live = {(names or {}).get(name, name): z for name, z in spikes.items()}
        self.assert_same_spikes(model, x, live, *options)

    def leaky(self, size, beta=0.75, **how):
        return snn.Leaky(beta=torch.full((size,), beta), threshold=torch.full((size,), 1.0),
                         init_hidden=True, **how)

    def synaptic(self, size, **how):
        return snn.Synaptic(alpha=torch.full((size,), 0.5), beta=torch.full((size,), 0.75),
                            threshold=torch.full((size,), 1.0), init_hidden=True, **how)

    def layers(self, draw, cell, **how):
        return [draw.fill(torch.nn.Linear(16, 32), scale=0.3), cell(32, **how),
                draw.fill(torch.nn.Linear(32, 8), scale=0.3), cell(8, **how)]

    def test_leaky_as_its_importer_makes_it(self):
        draw = Draw(1)
        self.check(self.layers(draw, self.leaky, **NO_DELAY), draw.spikes(STEPS, 16), "--as",
                   "snntorch")

    def test_synaptic_as_its_importer_makes_it(self):
        draw = Draw(2)
        self.check(self.layers(draw, self.synaptic, **NO_DELAY), draw.spikes(STEPS, 16), "--as",
                   "snntorch")

    def test_leaky_by_default(self):
        draw = Draw(3)
        self.check(self.layers(draw, self.leaky), draw.spikes(STEPS, 16), "--as", "snntorch-live")

    def test_synaptic_by_default(self):
        draw = Draw(4)
        self.check(self.layers(draw, self.synaptic), draw.spikes(STEPS, 16), "--as",
                   "snntorch-live")

    def test_leaky_that_subtracts_at_once(self):
        draw = Draw(5)
        self.check(self.layers(draw, self.leaky, reset_delay=False), draw.spikes(STEPS, 16), "--as",
                   "snntorch-live", "--reset-time", "carry")

    def recurrent(self, draw, make, **how):
        layer = make(beta=0.75, linear_features=32, init_hidden=True, **how)
        return [draw.fill(torch.nn.Linear(16, 32), scale=0.3),
                draw.fill(layer, scale=0.1), draw.fill(torch.nn.Linear(32, 8), scale=0.3),
                self.leaky(8)]

    def test_rleaky(self):
        draw = Draw(6)
        self.check(self.recurrent(draw, snn.RLeaky), draw.spikes(STEPS, 16), "--as",
                   "snntorch-live", names={"1": "1.lif"})

    def test_rsynaptic(self):
        draw = Draw(7)
        self.check(self.recurrent(draw, snn.RSynaptic, alpha=0.5), draw.spikes(STEPS, 16), "--as",
                   "snntorch-live", names={"1": "1.lif"})

    def test_graph_that_its_importer_reads(self):
        draw = Draw(8)

        def lif(size, tau):
            each = np.ones(size)
            return nir.LIF(tau=tau * each, r=each, v_leak=0 * each, v_threshold=0.25 * each,
                           v_reset=0 * each)

        graph = nir.NIRGraph.from_list(
            nir.Affine(draw.numbers(32, 16), draw.numbers(32)), lif(32, 4e-4),
            nir.Affine(draw.numbers(8, 32), draw.numbers(8)), lif(8, 8e-4))
        x, model = draw.spikes(STEPS, 16), self.write(graph)
        live = simulators.snntorch_import(nir.read(model), x)
        self.assert_same_spikes(model, x, live, "--as", "snntorch")
