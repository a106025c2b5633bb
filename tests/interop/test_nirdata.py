"""NIRData: what nir.write_data writes is read as input, what stc writes nir.read_data reads."""
import os

import h5py
import nir
import numpy as np

from interop import Draw, InteropTest

STEPS, DT = 50, 1e-4


class NirData(InteropTest):
    def setUp(self):
        super().setUp()
        draw, each = Draw(1), np.ones(12)
        self.x = draw.spikes(STEPS, 8)
        self.model = self.write(nir.NIRGraph.from_list(
            nir.Linear(draw.numbers(12, 8)),
            nir.LIF(tau=4e-4 * each, r=each, v_leak=0 * each, v_threshold=0.25 * each,
                    v_reset=0 * each)))
        self.neuron = next(name for name, node in nir.read(self.model).nodes.items()
                           if isinstance(node, nir.LIF))
        self.expected = self.run_stc(self.model, self.x, "--as", "snntorch")[self.neuron]
        self.assertGreater(self.expected.sum(), 0)

    def given(self, observable):
        path = self.path("data.h5")
        nir.write_data(path, nir.NIRGraphData({"input": nir.NIRNodeData({"spikes": observable})}))
        return path

    def result(self, given, *options):
        """Spikes as nir.read_data and to_time_gridded give them."""
        told = self.path("spikes.h5")
        for name in ("result.h5", "spikes.h5"):
            if os.path.exists(self.path(name)):
                os.remove(self.path(name))
        self.stc("run", self.model, "--input", given, "-o", self.path("result.h5"), "--nirdata",
                 told, "--time-steps", STEPS, "--as", "snntorch", *options)
        observables = nir.read_data(told).nodes[self.neuron].observables
        gridded = observables["spikes"].to_time_gridded(DT).data[0]
        return np.pad(gridded, ((0, STEPS - len(gridded)), (0, 0))), observables

    def test_events_there_and_back(self):
        grid = nir.TimeGriddedData(self.x[None].astype(bool), DT)
        got, _ = self.result(self.given(grid.to_event(1000, time_shift=DT / 2)))
        np.testing.assert_array_equal(got, self.expected)

    def test_dense_there_and_back(self):
        got, _ = self.result(self.given(nir.TimeGriddedData(self.x[None].astype(bool), DT)))
        np.testing.assert_array_equal(got, self.expected)

    def test_traces(self):
        given = self.given(nir.TimeGriddedData(self.x[None].astype(bool), DT))
        _, observables = self.result(given, "--record", "spikes,v")
        trace = observables["v"]
        self.assertEqual((trace.data.shape, trace.dt), ((1, STEPS, 12), DT))
        with h5py.File(self.path("result.h5")) as file:
            np.testing.assert_array_equal(trace.data[0], file[f"report/{self.neuron}/data"][()])
