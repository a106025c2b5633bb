"""What may be presented: dense arrays, SONATA spikes, NIRData. The same values in any form give the
same answer; files that do not fit are named with dataset and row."""
import command
import h5py
import numpy as np
from command import stc

BAD_INPUT, WRONG_USE = 1, 2
STEPS, SHAPE = 40, (2, 3, 4)
SIZE = 24
TEXT = h5py.string_dtype()


def echo(path, time_steps=0):
    """A network whose outputs are its inputs."""
    nodes = [("image", "Input", [], {"shape": np.array(SHAPE)}), ("out", "Output", ["image"], {})]
    return command.write_model(path, nodes, time_steps)


def random_events(samples=1, seed=1):
    """(sample, step, id) of some events, and the counts (samples, steps, elements)."""
    random = np.random.default_rng(seed)
    events = random.integers((samples, STEPS, SIZE), size=(60 * samples, 3))
    counts = np.zeros((samples, STEPS, SIZE), np.float32)
    np.add.at(counts, tuple(events.T), 1)
    return events, counts


def write_sonata(path, events, dt_ms, population="image", **columns):
    """Time stamps lie anywhere in their steps; the first ones on the grid."""
    inside = np.random.default_rng(2).uniform(0, 0.999, len(events))
    inside[: len(events) // 2] = 0
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes/" + population)
        group["node_ids"] = events[:, 2].astype(np.uint64)
        group["timestamps"] = (events[:, 1] + inside) * dt_ms
        group["timestamps"].attrs["units"] = "ms"
        for name, values in columns.items():
            group[name] = values
    return path


def write_nirdata(path, nodes):
    """nodes: {node: {observable: (type, attributes, datasets)}}, as nir.write_data lays them out"""
    with h5py.File(path, "w") as file:
        file.attrs["__type__"] = "NIRGraphData"
        file.create_group("nodes")
        for node, observables in nodes.items():
            group = file.create_group(f"nodes/{node}/observables")
            group.parent.attrs["__type__"] = "NIRNodeData"
            for name, (kind, attributes, datasets) in observables.items():
                at = group.create_group(name)
                at.attrs["__type__"] = kind
                at.attrs.update(attributes)
                for key, values in datasets.items():
                    at.create_dataset(key, data=values, compression="gzip")
    return path


def gridded(values, dt=1e-4):
    return "TimeGriddedData", {"dt": dt}, {"data": values}


def event_data(events, samples, dt=1e-4):
    rows = [events[events[:, 0] == s] for s in range(samples)]
    width = max(map(len, rows)) + 2
    idx, time = np.full((samples, width), -1), np.full((samples, width), np.inf)
    for s, row in enumerate(rows):
        idx[s, : len(row)] = row[:, 2]
        time[s, : len(row)] = row[:, 1] * dt
    return "EventData", {"n_neurons": SIZE, "t_max": STEPS * dt}, {"idx": idx, "time": time}


class Inputs(command.CommandTest):
    def setUp(self):
        super().setUp()
        self.model = echo(self.path("echo.h5"))

    def presented(self, path, *words, model=None, ranks=1, warns=None):
        """What the network saw: (samples, steps, elements)."""
        result = self.path("result.h5")
        outcome = stc("run", model or self.model, "--input", path, "-o", result, *words,
                      ranks=ranks)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(outcome.err.count("\n"), 1 if warns else 0, outcome)
        self.assertIn(warns or "", outcome.err)
        with h5py.File(result) as file:
            values = file["outputs/out"][:]
        return values.reshape(*values.shape[:2], SIZE)

    def refuses(self, path, code, *texts, words=("--time-steps", STEPS), ranks=1):
        outcome = stc("run", self.model, "--input", path, *words, ranks=ranks)
        self.fails(outcome, code, *texts)


class Sonata(Inputs):
    def test_same_as_dense(self):
        events, counts = random_events()
        dense = command.write_input(self.path("dense.h5"), counts.reshape(1, STEPS, *SHAPE))
        np.testing.assert_array_equal(self.presented(dense), counts)
        for dt_ms, word in ((0.1, "1e-4"), (0.1, "100us"), (1, "1ms"), (0.025, "2.5e-5s")):
            path = write_sonata(self.path("spikes.h5"), events, dt_ms)
            seen = self.presented(path, "--time-steps", STEPS, "--input-dt", word, ranks=2)
            np.testing.assert_array_equal(seen, counts)

    def test_default_step_is_1_ms_without_a_clock(self):
        events, counts = random_events()
        path = write_sonata(self.path("spikes.h5"), events, 1)
        np.testing.assert_array_equal(self.presented(path, "--time-steps", STEPS), counts)

    def test_steps_of_the_model(self):
        events, counts = random_events()
        path = write_sonata(self.path("spikes.h5"), events, 1)
        model = echo(self.path("timed.h5"), STEPS)
        np.testing.assert_array_equal(self.presented(path, model=model), counts)

    def test_late_events_are_ignored_with_one_warning(self):
        events, counts = random_events()
        path = write_sonata(self.path("spikes.h5"), events, 1)
        late = int(counts[:, 30:].sum())
        seen = self.presented(path, "--time-steps", 30, ranks=2, warns=f"{late} events after")
        np.testing.assert_array_equal(seen, counts[:, :30])

    def test_a_step_that_swallows_everything_is_pointed_at(self):
        path = write_sonata(self.path("spikes.h5"), random_events()[0], 1)
        self.presented(path, "--time-steps", 5, "--input-dt", 1, warns="first step")

    def test_samples_beside(self):
        events, counts = random_events(samples=3)
        path = write_sonata(self.path("spikes.h5"), events, 1, sample=events[:, 0])
        np.testing.assert_array_equal(self.presented(path, "--time-steps", STEPS), counts)
        seen = self.presented(path, "--time-steps", STEPS, "--samples", "1:3")
        np.testing.assert_array_equal(seen, counts[1:])

    def test_old_layout(self):
        events, counts = random_events()
        path = self.path("old.h5")
        with h5py.File(path, "w") as file:
            file["spikes/gids"] = events[:, 2].astype(np.uint32)
            file["spikes/timestamps"] = events[:, 1].astype(np.float64)
        np.testing.assert_array_equal(self.presented(path, "--time-steps", STEPS), counts)

    def test_spikes_of_a_result_are_an_input(self):
        events, counts = random_events(samples=2)
        nodes = [("image", "Input", [], {"shape": np.array(SHAPE), "kind": "counts"}),
                 ("lif", "DiscreteLIF", ["image"], {"tau": 1.0, "v_threshold": 1.0})]
        model = command.write_model(self.path("lif.h5"), nodes, 0)
        dense = command.write_input(self.path("dense.h5"), counts.reshape(2, STEPS, *SHAPE))
        first = self.path("first.h5")
        self.works(stc("run", model, "--input", dense, "-o", first))
        seen = self.presented(first, "--time-steps", STEPS)
        np.testing.assert_array_equal(seen, np.minimum(counts, 1))

    def test_without_steps_it_says_how_to_give_them(self):
        path = write_sonata(self.path("spikes.h5"), random_events()[0], 1)
        self.refuses(path, WRONG_USE, path, "list of events", "give --time-steps", words=(),
                     ranks=3)

    def test_bad_rows_are_named(self):
        events, _ = random_events()
        for column, value, *texts in (
                ("timestamps", -1.0, "/spikes/image/timestamps", "entry [7] is -1"),
                ("timestamps", np.nan, "/spikes/image/timestamps", "entry [7] is nan"),
                ("node_ids", SIZE, "/spikes/image/node_ids", "entry [7] is 24", "ids 0 to 23"),
                ("node_ids", 2**64 - 1, "/spikes/image/node_ids", "entry [7] is")):
            path = write_sonata(self.path("bad.h5"), events, 1)
            with h5py.File(path, "r+") as file:
                file["spikes/image/" + column][7] = value
            self.refuses(path, BAD_INPUT, "bad.h5", *texts)

    def test_wrong_durations_are_named(self):
        path = write_sonata(self.path("spikes.h5"), random_events()[0], 1)
        for word in ("0", "-1ms", "1 fortnight", "ms", "nan", "1e-400"):
            self.refuses(path, WRONG_USE, "--input-dt", word, words=("--input-dt=" + word,))

    def test_unknown_populations_are_refused(self):
        events, _ = random_events()
        path = write_sonata(self.path("spikes.h5"), events, 1)
        with h5py.File(path, "r+") as file:
            file.copy("spikes/image", "spikes/imagge")
        self.refuses(path, BAD_INPUT, "/spikes/imagge", "did you mean image?", ranks=3)


class NirData(Inputs):
    def test_gridded(self):
        _, counts = random_events(samples=2)
        bits = np.minimum(counts, 1).astype(bool)
        path = write_nirdata(self.path("data.h5"), {"image": {"spikes": gridded(bits)}})
        np.testing.assert_array_equal(self.presented(path, ranks=2), bits)
        path = write_nirdata(self.path("data.h5"), {"any": {"x": gridded(counts / 8)}})
        np.testing.assert_array_equal(self.presented(path), counts / 8)
        full = counts.reshape(2, STEPS, *SHAPE)
        path = write_nirdata(self.path("data.h5"), {"any": {"x": gridded(full)}})
        np.testing.assert_array_equal(self.presented(path), counts)

    def test_steps_of_another_length_are_pointed_at(self):
        _, counts = random_events()
        path = write_nirdata(self.path("data.h5"), {"any": {"x": gridded(counts, dt=1e-3)}})
        self.presented(path, "--input-dt", "1ms")
        seen = self.presented(path, "--input-dt", 1e-4, warns="steps of 0.001 s")
        np.testing.assert_array_equal(seen, counts)

    def test_events(self):
        events, counts = random_events(samples=3)
        data = {"image": {"spikes": event_data(events, 3), "v": gridded(counts / 3)},
                "hidden": {"spikes": gridded(counts)}}
        path = write_nirdata(self.path("data.h5"), data)
        seen = self.presented(path, "--time-steps", STEPS, "--input-dt", 1e-4)
        np.testing.assert_array_equal(seen, counts)
        seen = self.presented(path, "--input-dt", 1e-4)  # t_max
        np.testing.assert_array_equal(seen, counts)
        seen = self.presented(path, "--observable", "v", "--input-dt", 1e-4)
        np.testing.assert_array_equal(seen, counts / np.float32(3))

    def test_valued_events(self):
        events, _ = random_events()
        kind, attributes, datasets = event_data(events, 1)
        values = np.linspace(-1, 1, datasets["idx"].shape[1])[None]
        expected = np.zeros((1, STEPS, SIZE))
        np.add.at(expected, tuple(events.T), values[0, : len(events)])
        data = {"image": {"x": ("Valued" + kind, attributes, {**datasets, "value": values})}}
        path = write_nirdata(self.path("data.h5"), data)
        seen = self.presented(path, "--time-steps", STEPS, "--input-dt", 1e-4)
        np.testing.assert_allclose(seen, expected, atol=1e-6)

    def test_what_does_not_fit_is_named(self):
        events, counts = random_events()
        for observables, code, *texts in (
                ({"x": gridded(counts[:, :, 1:])}, BAD_INPUT, "x/data", "(1, 40, 23)", "steps, 24"),
                ({"x": gridded(counts, dt=-1.0)}, BAD_INPUT, "dt is -1"),
                ({"x": ("Movie", {}, {})}, BAD_INPUT, "Movie", "EventData"),
                ({"a": gridded(counts), "b": gridded(counts)}, BAD_INPUT, "it has a, b",
                 "--observable"),
                ({}, BAD_INPUT, "it has none")):
            path = write_nirdata(self.path("bad.h5"), {"image": observables})
            self.refuses(path, code, "bad.h5", *texts, words=())
        kind, attributes, datasets = event_data(events, 1)
        for change, *texts in (
                ({"n_neurons": 9}, "n_neurons is 9", "24 elements"),
                ({"t_max": np.nan}, "t_max is nan"),
                ({"t_max": 1e300}, "t_max is 1e+300")):
            data = {"image": {"x": (kind, {**attributes, **change}, datasets)}}
            path = write_nirdata(self.path("bad.h5"), data)
            self.refuses(path, BAD_INPUT, "bad.h5", *texts)

    def test_info_says_what_it_is(self):
        path = write_nirdata(self.path("data.h5"), {"any": {}})
        self.assertIn("input", self.works(stc("info", path)).out)


command.main()
