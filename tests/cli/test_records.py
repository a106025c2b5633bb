"""What a run keeps: spikes, state variables of chosen neurons, in the result and as NIRData."""
import os

import command
import h5py
import numpy as np
from command import stc

WRONG_USE = 2
SAMPLES, STEPS, N = 2, 12, 6


def nodes():
    return [("image", "Input", [], {"shape": np.array([2, 3])}),
            ("a.lif", "DiscreteLIF", ["image"], {"tau": 2.0, "v_threshold": 1.0}),
            ("b", "DiscreteLIF", ["a.lif"], {"tau": 4.0, "v_threshold": 0.5}),
            ("out", "Output", ["b"], {})]


def lif(x, tau, threshold):
    """Spikes and membrane after each step; exact, as all numbers are short fractions."""
    v, spikes, trace = np.zeros(x.shape[2], np.float32), np.zeros_like(x), np.zeros_like(x)
    for s in range(x.shape[0]):
        v = np.zeros(x.shape[2], np.float32)
        for t in range(x.shape[1]):
            v = v + (x[s, t] - v) / np.float32(tau)
            spikes[s, t] = v >= threshold
            v = np.where(spikes[s, t] > 0, np.float32(0), v)
            trace[s, t] = v
    return spikes, trace


class Records(command.CommandTest):
    @classmethod
    def setUpClass(cls):
        cls.model = command.write_model("model.h5", nodes(), 0)
        values = np.random.default_rng(3).integers(0, 20, (SAMPLES, STEPS, N)) / np.float32(8)
        cls.x = values.astype(np.float32)
        cls.input = command.write_input("input.h5", cls.x.reshape(SAMPLES, STEPS, 2, 3))
        cls.spikes_a, cls.v_a = lif(cls.x, 2, 1)
        cls.spikes_b, cls.v_b = lif(cls.spikes_a, 4, 0.5)

    def run_model(self, *words, name="result.h5", ranks=1):
        path = self.path(name)
        self.works(stc("run", self.model, "--input", self.input, "-o", path, *words, ranks=ranks))
        return path

    def refuses(self, word, *texts, ranks=1):
        path = self.path("not.h5")
        outcome = stc("run", self.model, "--input", self.input, "-o", path, "--record", word,
                      ranks=ranks)
        self.fails(outcome, WRONG_USE, *texts)
        self.assertFalse(os.path.exists(path))

    def test_v_of_all_neurons(self):
        with h5py.File(self.run_model("--record", "v")) as file:
            self.assertNotIn("spikes", file)
            self.assertEqual(set(file["report"]), {"a.lif", "b"})
            for name, expected in (("a.lif", self.v_a), ("b", self.v_b)):
                report = file["report/" + name]
                np.testing.assert_array_equal(report["data"][:], expected)
                np.testing.assert_array_equal(report["mapping/node_ids"][:], np.arange(N))
                np.testing.assert_array_equal(report["mapping/index_pointers"][:],
                                              np.arange(N + 1))
                np.testing.assert_array_equal(report["mapping/time"][:], [0, STEPS, 1])
                self.assertEqual(report["mapping/time"].attrs["units"], "ms")
                self.assertEqual(report["mapping/time"].attrs["stamp"], "start")
                self.assertEqual(report.attrs["variable"], "v")
                self.assertEqual(report.attrs["node"], name)
                np.testing.assert_array_equal(report.attrs["shape"], [2, 3])

    def test_some_neurons_of_one_node_with_spikes(self):
        for words in (["--record", "spikes,v:a.lif[2:5]"],
                      ["--record", "v:a.lif[2:5]", "--record=spikes"]):
            with h5py.File(self.run_model(*words)) as file:
                self.assertEqual(set(file["report"]), {"a.lif"})
                np.testing.assert_array_equal(file["report/a.lif/data"][:], self.v_a[:, :, 2:5])
                np.testing.assert_array_equal(file["report/a.lif/mapping/node_ids"][:], [2, 3, 4])
                self.assertEqual(file["spikes/a.lif"].attrs["total"], self.spikes_a.sum())
                self.assertEqual(len(file["spikes/b/node_ids"]), self.spikes_b.sum())
                self.assertEqual(file["spikes/b"].attrs["t_stop"], STEPS)

    def test_one_sample_has_the_axes_of_sonata(self):
        words = ["--record", "v:b[4:],v:a.lif[:1]", "--samples", "1:2"]
        with h5py.File(self.run_model(*words)) as file:
            np.testing.assert_array_equal(file["report/b/data"][:], self.v_b[1, :, 4:])
            np.testing.assert_array_equal(file["report/a.lif/data"][:], self.v_a[1, :, :1])

    def test_the_last_step_of_every_interval(self):
        with h5py.File(self.run_model("--record", "v:b", "--record-every", "5")) as file:
            np.testing.assert_array_equal(file["report/b/data"][:], self.v_b[:, 4::5])
            np.testing.assert_array_equal(file["report/b/mapping/time"][:],
                                          [4, 4 + STEPS // 5 * 5, 5])

    def test_same_on_any_number_of_ranks(self):
        one = self.run_model("--record", "spikes,v", name="one.h5")
        for ranks in (2, 4):
            more = self.run_model("--record", "spikes,v", "--nirdata", self.path("n.h5"),
                                  name="more.h5", ranks=ranks)
            self.assertIn("of traces", self.works(stc("diff", one, more)).out)
            self.check_nirdata(self.path("n.h5"))

    def test_diff_names_the_first_difference(self):
        one = self.run_model("--record", "v", name="one.h5")
        two = self.run_model("--record", "v", name="two.h5")
        with h5py.File(two, "r+") as file:
            file["report/b/data"][1, 7, 3] += 0.25
        outcome = stc("diff", one, two)
        self.assertEqual(outcome.code, 1)
        self.assertIn("trace b: 1 of 144 values differ, by at most 0.25", outcome.out)
        self.assertIn("sample 1, step 7, id 3", outcome.out)

    def test_nothing(self):
        with h5py.File(self.run_model("--record", "none")) as file:
            self.assertNotIn("spikes", file)
            self.assertNotIn("report", file)
            self.assertEqual(file["metrics"].attrs["spikes"],
                             self.spikes_a.sum() + self.spikes_b.sum())

    def check_nirdata(self, path):
        """NIRData as nir.read_data reads it."""
        with h5py.File(path) as file:
            self.assertEqual(file.attrs["__type__"], "NIRGraphData")
            self.assertEqual(set(file["nodes"]), {"a.lif", "b"})
            for name, spikes, v in (("a.lif", self.spikes_a, self.v_a),
                                    ("b", self.spikes_b, self.v_b)):
                node = file["nodes/" + name]
                self.assertEqual(node.attrs["__type__"], "NIRNodeData")
                events, trace = node["observables/spikes"], node["observables/v"]
                self.assertEqual(events.attrs["__type__"], "EventData")
                self.assertEqual(events.attrs["n_neurons"], N)
                dt = trace.attrs["dt"]
                self.assertEqual(int(events.attrs["t_max"] / dt), STEPS)
                seen = np.zeros((SAMPLES, STEPS, N))
                idx, time = events["idx"][:], events["time"][:]
                self.assertEqual(idx.shape[1], spikes.sum(axis=(1, 2)).max())
                for s in range(SAMPLES):
                    there = idx[s] >= 0
                    self.assertTrue(np.all(np.isinf(time[s][~there])))
                    seen[s, np.floor(time[s][there] / dt).astype(int), idx[s][there]] = 1
                np.testing.assert_array_equal(seen, spikes)
                self.assertEqual(trace.attrs["__type__"], "TimeGriddedData")
                np.testing.assert_array_equal(trace["data"][:], v)

    def test_nirdata_alone(self):
        path = self.path("n.h5")
        outcome = self.works(stc("run", self.model, "--input", self.input, "--record", "spikes,v",
                                 "--nirdata", path))
        self.assertIn(path, outcome.out)
        self.check_nirdata(path)
        self.assertEqual(sorted(os.listdir(self.folder)), ["n.h5"])

    def test_nirdata_is_an_input_again(self):
        path = self.path("n.h5")
        self.run_model("--nirdata", path, "--record", "spikes")
        with h5py.File(path, "r+") as file:
            file.move("nodes/a.lif", "nodes/image")
        after = self.path("after.h5")
        self.works(stc("run", self.model, "--input", path, "-o", after))
        with h5py.File(after) as file:
            self.assertEqual(file["spikes/a.lif"].attrs["total"],
                             lif(self.spikes_a, 2, 1)[0].sum())

    def test_wrong_words_are_named(self):
        for word, *texts in (
                ("spike", "did you mean spikes?"), ("speed", "'speed' is no variable"),
                ("v:", "no node after 'v:'"), ("spikes,,v", "a word is empty"),
                ("none,v", "'none' beside other words"), ("spikes:b", "takes no node"),
                ("v:b[3:3]", "found 'b[3:3]'", "A < B"), ("v:b[x:3]", "found 'b[x:3]'"),
                ("v:b[-1:3]", "found 'b[-1:3]'"), ("v:b[0:7]", "b has 6 neurons", "neuron 6"),
                ("v:b[99999999999999999999:]", "expected NODE[A:B]"),
                ("v:c", "c", "a.lif"), ("v:out", "out")):
            with self.subTest(word=word):
                self.refuses(word, *texts)
        self.refuses("v:c", "a.lif", ranks=3)

    def test_nirdata_needs_a_file_of_its_own_and_something_to_write(self):
        for words, text in ((["-o", "x.h5", "--nirdata", "x.h5"], "the same file"),
                            (["--record", "none", "--nirdata", "x.h5"], "nothing to write"),
                            (["--nirdata", self.input], "needs a file of its own")):
            outcome = stc("run", self.model, "--input", self.input, *words)
            self.fails(outcome, WRONG_USE, text)


command.main()
