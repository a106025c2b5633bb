"""Norse: networks that it writes, and graphs that it reads, give the same spikes here."""
import nir
import norse.torch as norse
import numpy as np
import torch

from interop import Draw, InteropTest
import simulators

STEPS = 100


def full(size, value):
    return torch.full((size,), float(value))


class Norse(InteropTest):
    def live(self, layers, x):
        """Spikes of a live network of layers with a state (cells) and without."""
        state, rows = [None] * len(layers), {str(i): [] for i, layer in enumerate(layers)
                                             if hasattr(layer, "activation")}
        with torch.no_grad():
            for part in torch.tensor(x)[:, None]:
                for i, layer in enumerate(layers):
                    if str(i) in rows:
                        part, state[i] = layer(part, state[i])
                        rows[str(i)].append(part.numpy()[0])
                    else:
                        part = layer(part)
        return {name: np.array(row) for name, row in rows.items()}

    def written(self, layers, x, **how):
        with simulators.quiet():
            graph = norse.to_nir(norse.SequentialState(*layers), torch.tensor(x[0]), **how)
        return self.write(graph)

    def layers(self, draw, cell):
        return [draw.fill(torch.nn.Linear(16, 32)), cell(32), draw.fill(torch.nn.Linear(32, 8)),
                cell(8)]

    def test_network_of_lif_written_in_seconds(self):
        def cell(size):
            return norse.LIFBoxCell(norse.LIFBoxParameters(
                tau_mem_inv=full(size, 250), v_leak=full(size, 0), v_th=full(size, 0.25)))

        draw = Draw(1)
        layers, x = self.layers(draw, cell), draw.spikes(STEPS, 16)
        self.assert_same_spikes(self.written(layers, x, dt=1.0), x, self.live(layers, x), "--as",
                                "norse")

    def test_network_of_lif_written_as_by_default(self):
        """to_nir multiplies time constants by its dt of 1 ms, so the step is 1 us."""
        def cell(size):
            return norse.LIFBoxCell(norse.LIFBoxParameters(
                tau_mem_inv=full(size, 250), v_leak=full(size, 0), v_th=full(size, 0.25)))

        draw = Draw(1)
        layers, x = self.layers(draw, cell), draw.spikes(STEPS, 16)
        self.assert_same_spikes(self.written(layers, x), x, self.live(layers, x), "--as", "norse",
                                "--dt", "1us")

    def test_network_of_iaf(self):
        def cell(size):
            return norse.IAFCell(norse.IAFParameters(v_th=full(size, 1)))

        draw = Draw(2)
        layers, x = self.layers(draw, cell), draw.spikes(STEPS, 16)
        self.assert_same_spikes(self.written(layers, x), x, self.live(layers, x), "--as", "norse")

    def test_graph_with_recurrent_cubalif(self):
        draw, size = Draw(3), 24
        each = np.ones(size, np.float32)
        neuron = nir.CubaLIF(tau_syn=2e-3 * each, tau_mem=4e-3 * each, r=2 * each, v_leak=0 * each,
                             v_threshold=each, v_reset=0 * each, w_in=2 * each)
        graph = nir.NIRGraph(
            {"input": nir.Input(np.array([12])), "w": nir.Affine(draw.numbers(size, 12),
                                                                draw.numbers(size)),
             "neuron": neuron, "w_rec": nir.Affine(draw.numbers(size, size, scale=0.2),
                                                   draw.numbers(size)),
             "output": nir.Output(np.array([size]))},
            [("input", "w"), ("w", "neuron"), ("neuron", "w_rec"), ("w_rec", "neuron"),
             ("neuron", "output")])
        x, model = draw.spikes(STEPS, 12), self.write(graph)
        live = simulators.norse_import(nir.read(model), x, 1e-3)
        self.assert_same_spikes(model, x, live, "--as", "norse")

    def test_recurrent_network_with_subtract(self):
        draw, size = Draw(4), 24
        each = np.ones(size)
        neuron = nir.CubaLIF(tau_syn=2e-3 * each, tau_mem=4e-3 * each, r=4 * each, v_leak=0 * each,
                             v_threshold=each, v_reset=0 * each, w_in=2 * each)
        graph = nir.NIRGraph(
            {"input": nir.Input(np.array([12])), "w": nir.Linear(draw.numbers(size, 12)),
             "neuron": neuron, "output": nir.Output(np.array([size]))},
            [("input", "w"), ("w", "neuron"), ("neuron", "output")])
        x, model = draw.spikes(STEPS, 12), self.write(graph)
        live = simulators.norse_import(nir.read(model), x, 1e-3, subtract=True)
        self.assert_same_spikes(model, x, live, "--as", "norse", "--reset", "subtract")
