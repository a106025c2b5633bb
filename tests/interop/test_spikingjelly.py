"""SpikingJelly: live networks, written by export_to_nir, and graphs that import_from_nir reads."""
import nir
import numpy as np
from spikingjelly.activation_based import functional, layer, neuron, nir_exchange
import torch

from interop import Draw, InteropTest
import simulators

STEPS = 100


class SpikingJelly(InteropTest):
    def check(self, layers, x):
        network = torch.nn.Sequential(*layers)
        with simulators.quiet():
            graph = nir_exchange.export_to_nir(network, torch.tensor(x[:1]), dt=1e-4)
        model = self.write(graph)
        functional.reset_net(network)
        live = {"_" + name: z for name, z in simulators.torch_layers(layers, x).items()}
        self.assert_same_spikes(model, x, live, "--as", "spikingjelly")

    def linear_net(self, draw, make, **how):
        return [draw.fill(layer.Linear(16, 32), **how), make(),
                draw.fill(layer.Linear(32, 8), **how), make()]

    def test_if(self):
        draw = Draw(1)
        self.check(self.linear_net(draw, neuron.IFNode), draw.spikes(STEPS, 16))

    def test_lif_that_decays_its_input(self):
        draw = Draw(2)
        self.check(self.linear_net(draw, lambda: neuron.LIFNode(tau=2.0), scale=1.0),
                   draw.spikes(STEPS, 16))

    def test_lif_with_another_reset(self):
        draw = Draw(3)
        self.check(self.linear_net(draw, lambda: neuron.LIFNode(tau=4.0, decay_input=False,
                                                               v_reset=-0.25)),
                   draw.spikes(STEPS, 16))

    def test_cubalif(self):
        draw = Draw(4)
        self.check(self.linear_net(draw, neuron.CUBALIFNode, scale=0.25), draw.spikes(STEPS, 16))

    def test_convolutions(self):
        draw = Draw(5)
        layers = [draw.fill(layer.Conv2d(2, 6, 3, padding=1, stride=2), scale=0.3),
                  neuron.IFNode(), draw.fill(layer.Conv2d(6, 4, 3), scale=0.3), neuron.IFNode(),
                  layer.Flatten(), draw.fill(layer.Linear(36, 10), scale=0.3), neuron.IFNode()]
        self.check(layers, draw.spikes(STEPS, 2, 10, 10))

    def test_recurrent_graph(self):
        draw, size = Draw(6), 24
        each = np.ones(size)
        cell = nir.CubaLIF(tau_syn=2e-4 * each, tau_mem=4e-4 * each, r=4 * each, v_leak=0 * each,
                           v_threshold=each, v_reset=0 * each, w_in=2 * each)
        graph = nir.NIRGraph(
            {"input": nir.Input(np.array([12])), "w": nir.Linear(draw.numbers(size, 12)),
             "neuron": cell, "w_rec": nir.Affine(draw.numbers(size, size, scale=0.2),
                                                 draw.numbers(size)),
             "output": nir.Output(np.array([size]))},
            [("input", "w"), ("w", "neuron"), ("neuron", "w_rec"), ("w_rec", "neuron"),
             ("neuron", "output")])
        x, model = draw.spikes(STEPS, 12), self.write(graph)
        live = simulators.spikingjelly_import(nir.read(model), x, 1e-4)
        self.assert_same_spikes(model, x, live, "--as", "spikingjelly")
