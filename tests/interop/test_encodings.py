"""Encoders of stc against those of snnTorch and SpikingJelly, spike by spike."""
import h5py
import numpy as np
import torch
from snntorch import spikegen
from spikingjelly.activation_based import encoding

from interop import InteropTest

VALUES = np.linspace(0, 1, 257, dtype=np.float32)


class Encodings(InteropTest):
    def spikes(self, kind, values, steps, **parameters):
        """What an encoder of stc gives: (steps, elements). values: (elements) or (steps, elements)"""
        model, given, result = (self.path(name) for name in ("m.h5", "in.h5", "out.h5"))
        with h5py.File(model, "w") as file:
            file["graph/nodes/x/type"], file["graph/nodes/x/shape"] = "Input", [values.shape[-1]]
            file["graph/nodes/code/type"], file["graph/nodes/out/type"] = kind, "Output"
            for name, value in parameters.items():
                file["graph/nodes/code"][name] = value
            file["graph/edges"] = np.array([("x", "code"), ("code", "out")], h5py.string_dtype())
        with h5py.File(given, "w") as file:
            file["inputs/x"] = values[None]
        self.stc("run", model, "--input", given, "-o", result, "--time-steps", steps)
        with h5py.File(result) as file:
            return file["outputs/out"][0]

    def test_linear_latencies_are_those_of_snntorch(self):
        for steps in (2, 7, 32):
            expected = spikegen.latency(torch.tensor(VALUES), num_steps=steps, linear=True,
                                        normalize=True, threshold=1e-9)
            found = self.spikes("LatencyEncoding", VALUES, steps)
            np.testing.assert_array_equal(found, expected)

    def test_latencies_of_a_membrane_are_those_of_snntorch(self):
        for tau, threshold in ((5, 0.01), (1, 0.01), (20, 0.25)):
            fires = VALUES > threshold  # snnTorch lets the others fire too, as late as it can
            expected = spikegen.latency(torch.tensor(VALUES), num_steps=400, tau=tau,
                                        threshold=threshold)
            found = self.spikes("LatencyEncoding", VALUES, 400, tau=float(tau), threshold=threshold)
            np.testing.assert_array_equal(found[:, fires], expected[:, fires])
            self.assertEqual(found[:, ~fires].sum(), 0)

    def test_changes_between_steps_are_those_of_snntorch(self):
        walk = np.random.default_rng(1).integers(-3, 4, (40, 50)).cumsum(0).astype(np.float32) / 16
        for off, channel in ((False, "on"), (True, "signed")):
            expected = spikegen.delta(torch.tensor(walk), threshold=0.125, off_spike=off)
            found = self.spikes("DeltaEncoding", walk, 40, threshold=0.125, since="previous",
                                channel=channel)
            np.testing.assert_array_equal(found, expected)

    def test_phases_are_those_of_spikingjelly(self):
        for bits in (3, 8):
            values = np.minimum(VALUES, np.float32(1 - 2.0**-bits))
            encoder = encoding.WeightedPhaseEncoder(bits)
            expected = torch.stack([encoder(torch.tensor(values)) for _ in range(2 * bits)])
            found = self.spikes("PhaseEncoding", values, 2 * bits, bits=bits, rounding="down")
            np.testing.assert_array_equal(found, expected)
