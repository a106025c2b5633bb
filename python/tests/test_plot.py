"""Rasters and outputs as axes, without a display."""
import unittest

from support import FileTest, np, skip_without, write_result

skip_without("matplotlib")
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import spike_transformer_compiler as stc  # noqa: E402


class Plots(FileTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(plt.close, "all")

    def result(self, *args, **how):
        return stc.load_result(write_result(self.folder / "result.h5", *args, **how))

    def points(self, ax, line=0):
        return np.stack(ax.get_lines()[line].get_data(), axis=1)


class Raster(Plots):
    def test_the_first_population_is_on_top(self):
        result = self.result({"a": ((4,), [3], [1], [0], None),
                              "b": ((2, 5), [9], [2], [0], None)}, samples=2)
        ax = stc.plot_raster(result)
        self.assert_equal_arrays(self.points(ax, 0), [[2, 9]])
        self.assert_equal_arrays(self.points(ax, 2), [[1, 10 + 3]])
        self.assertEqual([text.get_text() for text in ax.get_yticklabels()], ["b", "a"])
        self.assertEqual(ax.get_ylim(), (-0.5, 13.5))
        ax.figure.savefig(self.folder / "raster.png")

    def test_one_population_one_sample_in_ms_on_axes_of_the_user(self):
        result = self.result({"a": ((4,), [3, 1], [1, 2], [0, 1], None)}, samples=2, step_ms=0.5)
        own = plt.subplots()[1]
        ax = stc.plot_raster(result, "a", sample=1, by="ms", ax=own, color="red", markersize=5)
        self.assertIs(ax, own)
        self.assert_equal_arrays(self.points(ax), [[1.0, 1]])
        self.assertEqual((ax.get_lines()[0].get_color(), ax.get_xlim()), ("red", (0.0, 2.0)))

    def test_large_results_are_thinned_neuron_by_neuron(self):
        steps, ids = np.divmod(np.arange(10_000), 1000)
        result = self.result({"big": ((1000,), ids, steps, None, None),
                              "small": ((1,), [0], [0], None, None)}, steps=10)
        ax = stc.plot_raster(result, max_spikes=2000)
        drawn = self.points(ax, 2)
        self.assertLessEqual(len(drawn), 1000)
        self.assertEqual(len(drawn), 10 * len(np.unique(drawn[:, 1])))  # all spikes of a neuron
        self.assertEqual([text.get_text() for text in ax.get_yticklabels()],
                         ["small", "big (1 of 10)"])
        self.assertEqual(len(self.points(ax)), 1)

    def test_node_ids_of_networks_and_silence(self):
        result = self.result({"cells": ((3,), [1000, 1001], [0, 1], None, None),
                              "none": ((3,), [], [], None, None)})
        ax = stc.plot_raster(result)
        self.assert_equal_arrays(self.points(ax, 2), [[0, 3], [1, 4]])
        with self.assertRaisesRegex(ValueError, "not recorded"):
            stc.plot_raster(self.result(None))


class Outputs(Plots):
    def test_one_value_per_sample_is_an_image(self):
        values = np.arange(20.0).reshape(2, 10)
        ax = stc.plot_outputs(self.result({}, {"out": (values, 0)}, samples=2))
        self.assert_equal_arrays(ax.get_images()[0].get_array(), values.T)
        bars = stc.plot_outputs(self.result({}, {"out": (values, 0)}, samples=2), sample=1)
        self.assertEqual([bar.get_height() for bar in bars.patches], list(values[1]))

    def test_many_samples_are_thinned_evenly(self):
        values = np.arange(2500.0).reshape(2500, 1)
        ax = stc.plot_outputs(self.result({}, {"out": (values, 0)}, samples=2500))
        self.assert_equal_arrays(ax.get_images()[0].get_array()[0], values[::3, 0])

    def test_steps_are_lines_or_an_image(self):
        few, many = np.zeros((2, 4, 3)), np.zeros((2, 4, 50))
        result = self.result({}, {"few": (few, 4), "many": (many, 4)}, samples=2)
        self.assertEqual(len(stc.plot_outputs(result, "few").get_lines()), 3)
        ax = stc.plot_outputs(result, "many", sample=1)
        self.assertEqual(ax.get_images()[0].get_array().shape, (50, 4))
        ax.figure.savefig(self.folder / "outputs.png")
        with self.assertRaisesRegex(IndexError, "samples 0 to 1"):
            stc.plot_outputs(result, "few", sample=2)


if __name__ == "__main__":
    unittest.main()
