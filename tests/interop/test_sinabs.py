"""Sinabs: live networks, written by to_nir, and what from_nir makes of files."""
import nir
import sinabs.layers as sl
import sinabs.nir
import torch

from interop import Draw, InteropTest
import simulators

STEPS = 60


class Sinabs(InteropTest):
    def written(self, layers, x):
        with simulators.quiet():
            graph = sinabs.nir.to_nir(torch.nn.Sequential(*layers), torch.tensor(x))
        graph.infer_types()
        return self.write(graph)

    def check(self, layers, x, *options):
        live = simulators.torch_layers(layers, x, batch_of_steps=True)
        for layer in layers:
            if hasattr(layer, "reset_states"):
                layer.reset_states()
        self.assert_same_spikes(self.written(layers, x), x, live, *options)

    def iaf(self, **how):
        return sl.IAFSqueeze(batch_size=1, **how)

    def leaky(self, size, tau, **how):
        return sl.LIFSqueeze(tau_mem=torch.full((size,), tau), batch_size=1,
                             spike_threshold=torch.ones(size), **how)

    def conv_net(self, draw, **how):
        return [draw.fill(torch.nn.Conv2d(2, 8, 3, padding=1), scale=0.3), self.iaf(**how),
                sl.SumPool2d(2), draw.fill(torch.nn.Conv2d(8, 4, 3), scale=0.1), self.iaf(**how),
                torch.nn.Flatten(), draw.fill(torch.nn.Linear(36, 10), scale=0.2),
                self.iaf(**how)]

    def test_convolutional_network_of_iaf(self):
        draw = Draw(1)
        self.check(self.conv_net(draw), draw.counts(STEPS, 2, 10, 10, most=2), "--as", "sinabs")

    def test_convolutional_network_with_lower_bound(self):
        draw = Draw(2)
        self.check(self.conv_net(draw, min_v_mem=-1.0), draw.counts(STEPS, 2, 10, 10, most=2),
                   "--as", "sinabs-import")

    def test_lif_by_default(self):
        draw = Draw(3)
        layers = [draw.fill(torch.nn.Linear(16, 32), scale=2), self.leaky(32, 4.0),
                  draw.fill(torch.nn.Linear(32, 8), scale=2), self.leaky(8, 8.0)]
        self.check(layers, draw.counts(STEPS, 16), "--as", "sinabs")

    def test_lif_that_does_not_scale_its_input(self):
        draw = Draw(4)
        layers = [draw.fill(torch.nn.Linear(16, 32)), self.leaky(32, 4.0, norm_input=False),
                  draw.fill(torch.nn.Linear(32, 8)), self.leaky(8, 8.0, norm_input=False)]
        self.check(layers, draw.counts(STEPS, 16), "--as", "sinabs-import")

    def test_file_read_back(self):
        draw = Draw(5)
        x = draw.counts(STEPS, 16)
        layers = [draw.fill(torch.nn.Linear(16, 32)), self.iaf(),
                  draw.fill(torch.nn.Linear(32, 8)), self.iaf()]
        torch.nn.Sequential(*layers)(torch.tensor(x))
        model = self.written(layers, x)
        live = simulators.sinabs_import(nir.read(model), x)
        self.assert_same_spikes(model, x, live, "--as", "sinabs-import")
