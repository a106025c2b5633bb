"""Results as arrays: every column of the file format, and what is not there."""
import unittest

from support import FileTest, np, write_result, write_trace

import spike_transformer_compiler as stc


class Columns(FileTest):
    def result(self, *args, **how):
        return stc.load_result(write_result(self.folder / "result.h5", *args, **how))

    def test_columns_of_several_samples(self):
        result = self.result({"lif": ((2, 2), [3, 0, 1], [0, 2, 2], [5, 5, 6], None)},
                             samples=2, first_sample=5)
        spikes = result.spikes["lif"]
        self.assert_equal_arrays(spikes.ids, [3, 0, 1])
        self.assert_equal_arrays(spikes.steps, [0, 2, 2])
        self.assert_equal_arrays(spikes.samples, [5, 5, 6])
        self.assert_equal_arrays(spikes.values, [1, 1, 1])
        self.assertEqual((len(spikes), spikes.total, spikes.neurons), (3, 3, 4))
        self.assertEqual((result.samples, result.steps), (range(5, 7), 4))
        dense = spikes.dense()
        self.assertEqual(dense.shape, (2, 4, 2, 2))
        self.assert_equal_arrays(np.argwhere(dense), [[0, 0, 1, 1], [0, 2, 0, 0], [1, 2, 0, 1]])

    def test_one_sample_has_no_column_for_it(self):
        result = self.result({"lif": ((4,), [1], [3], None, None)}, first_sample=7)
        self.assert_equal_arrays(result.spikes["lif"].samples, [7])
        x, y = result.spikes["lif"].raster(7)
        self.assert_equal_arrays([x, y], [[3], [1]])

    def test_times_are_those_of_the_file_and_steps_count_from_0(self):
        for stamp, times in (("start", [0.0, 0.2]), ("end", [0.1, 0.3])):
            result = self.result({"cells": ((4,), [1, 2], [0, 2], None, None)}, step_ms=0.1,
                                 stamp=stamp)
            spikes = result.spikes["cells"]
            np.testing.assert_allclose(spikes.times, times)
            self.assert_equal_arrays(spikes.steps, [0, 2])
            self.assertIs(spikes.raster(by="ms")[0].base, spikes.times)

    def test_values_of_multilevel_neurons(self):
        result = self.result({"lif": ((2,), [0, 1], [0, 1], None, [3, 4])}, steps=2)
        spikes = result.spikes["lif"]
        self.assertEqual((spikes.total, spikes.max), (7, 4))
        self.assert_equal_arrays(spikes.dense(), [[[3, 0], [0, 4]]])
        self.assert_equal_arrays(spikes.rates(), [1.5, 2.0])

    def test_rates_are_per_step_or_per_second(self):
        result = self.result({"a": ((2,), [0, 0, 1], [0, 1, 1], [0, 0, 1], None),
                              "b": ((8,), [], [], [], None)}, samples=2, step_ms=0.5)
        self.assertEqual(result.rates(), {"a": 3 / 16, "b": 0})
        self.assertEqual(result.rates("Hz"), {"a": 375, "b": 0})
        self.assert_equal_arrays(result.spikes["a"].rates(), [2 / 8, 1 / 8])
        with self.assertRaisesRegex(ValueError, "'Hz'"):
            result.rates("kHz")

    def test_names_are_unescaped(self):
        result = self.result({"a%2Fb": ((1,), [0], [0], None, None)}, {"%2E": ([[1.0]], 0)})
        self.assertEqual((list(result.spikes), list(result.outputs)), (["a/b"], ["."]))
        self.assertEqual(result.rates(), {"a/b": 0.25})

    def test_outputs_and_their_steps(self):
        values = np.arange(6, dtype=np.float32)
        result = self.result({}, {"whole": (values.reshape(2, 3), 0),
                                  "steps": (values.reshape(2, 3, 1), 3)}, samples=2)
        self.assert_equal_arrays(result.outputs["whole"], values.reshape(2, 3))
        self.assertEqual(result.outputs["steps"].shape, (2, 3, 1))
        self.assertEqual(result.output_steps, {"whole": 0, "steps": 3})

    def test_traces_always_have_a_sample_axis(self):
        for samples, shape in ((1, (4, 3)), (2, (2, 4, 3))):
            result = self.result({}, samples=samples)
            data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
            write_trace(result.path, "lif", "lif", "v", data, [1, 2, 5])
            write_trace(result.path, "cells.w", "cells", "w", data[..., :0], [], 0.1, 0.1)
            result = stc.load_result(result.path)
            self.assertEqual(sorted(result.traces), ["cells.w", "lif.v"])
            trace = result.traces["lif.v"]
            self.assert_equal_arrays(trace.data, data.reshape(samples, 4, 3))
            self.assert_equal_arrays(trace.ids, [1, 2, 5])
            self.assert_equal_arrays(trace.times, [0, 1, 2, 3])
            self.assertEqual((trace.node, trace.variable, trace.units, trace.shape),
                             ("lif", "v", "mV", (8,)))
            self.assertEqual(result.traces["cells.w"].data.shape, (samples, 4, 0))
            np.testing.assert_allclose(result.traces["cells.w"].times, [0.1, 0.2, 0.3, 0.4])


class Missing(FileTest):
    def test_other_files_are_refused_by_name(self):
        path = self.folder / "other.h5"
        with __import__("h5py").File(path, "w") as file:
            file.attrs["format"] = "stc-program"
        with self.assertRaisesRegex(ValueError, "other.h5: format 'stc-program', expected"):
            stc.load_result(path)
        with self.assertRaises(OSError):
            stc.load_result(self.folder / "nothing.h5")

    def test_unknown_names_are_answered_with_those_there_are(self):
        result = stc.load_result(write_result(self.folder / "r.h5", {
            "lif": ((1,), [0], [0], None, None)}))
        with self.assertRaisesRegex(KeyError, "no population 'fil'; there: lif"):
            result.spikes["fil"]
        with self.assertRaisesRegex(KeyError, "record="):
            result.traces["lif.v"]
        with self.assertRaisesRegex(IndexError, "sample 3 was not run.*sample 0"):
            result.spikes["lif"].of_sample(3)

    def test_spikes_that_were_not_recorded(self):
        result = stc.load_result(write_result(self.folder / "r.h5", None))
        self.assertEqual((result.recorded, list(result.spikes)), (False, []))
        with self.assertRaisesRegex(KeyError, "not recorded"):
            result.spikes["lif"]
        with self.assertRaisesRegex(ValueError, "not recorded"):
            result.rates()

    def test_node_ids_of_a_network_are_no_indices(self):
        spikes = stc.load_result(write_result(self.folder / "r.h5", {
            "cells": ((2,), [1000], [0], None, None)})).spikes["cells"]
        for ask in (spikes.dense, spikes.rates):
            with self.assertRaisesRegex(ValueError, "node ids"):
                ask()

    def test_nothing_is_read_before_it_is_asked_for(self):
        path = write_result(self.folder / "r.h5", {"lif": ((1,), [0], [0], None, None)})
        result = stc.load_result(path)
        path.unlink()
        self.assertIn("1 spikes in 1 populations", repr(result))
        self.assertIn("lif", result.spikes)
        with self.assertRaises(OSError):
            result.spikes["lif"]


if __name__ == "__main__":
    unittest.main()
