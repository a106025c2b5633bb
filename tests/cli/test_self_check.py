"""stc verify --self-check: test vectors in a model's file, differences and their explanations, and
files whose vectors are not good. Vectors are made from a run, then changed."""
import command
from command import MODEL, TEST, h5py, np, stc

STEPS, SAMPLES = 4, 3
MADE = {}  # contents of files


def chain_nodes():
    """image -> conv1 -> first -> conv2 -> second -> third -> output; late <- first by a delay of 1.
    third counts up to 4."""
    weight = np.linspace(-0.5, 1.0, 2 * 9, dtype=np.float32).reshape(2, 1, 3, 3)
    pad = {"padding": np.array([1, 1])}
    return [
        ("image", "Input", [], {"shape": np.array([1, 4, 4])}),
        ("conv1", "Conv2d", ["image"], {"weight": weight, **pad}),
        ("first", "DiscreteLIF", ["conv1"], {"tau": 2.0, "v_threshold": 0.5}),
        ("conv2", "Conv2d", ["first"], {"weight": 0.2 * np.tile(weight[1:], (2, 2, 1, 1)), **pad}),
        ("second", "DiscreteLIF", ["conv2"], {"tau": 2.0, "v_threshold": 0.7}),
        ("conv3", "Conv2d", ["second"], {"weight": np.tile(weight[1:], (2, 2, 1, 1)), **pad}),
        ("third", "DiscreteLIF", ["conv3"], {"tau": 2.0, "max_count": 4, "soft_reset": True}),
        ("delay", "Delay", ["first"], {"delay": 1.0, "dt": 1.0}),
        ("late", "DiscreteLIF", ["delay"], {"tau": 2.0, "v_threshold": 0.5}),
        ("output", "Output", ["conv3"], {}),
    ]


class SelfCheck(command.CommandTest):
    def model(self, samples=SAMPLES, rows=None):
        """A model with the vectors of its own run, for these samples of the input (default all);
        beside it input.h5. Made once, then copied."""
        kept = MADE.setdefault((samples, str(rows)), [])
        files = [self.path("model.h5"), self.path("input.h5")]
        if not kept:
            self.make(*files, samples, rows)
            for path in files:
                with open(path, "rb") as file:
                    kept.append(file.read())
        for path, content in zip(files, kept):
            with open(path, "wb") as file:
                file.write(content)
        return files[0]

    def make(self, model, source, samples, rows):
        result = self.path("result.h5")
        values = np.arange(samples * 16, dtype=np.float32).reshape(samples, 1, 4, 4) % 19 / 19
        command.write_model(model, chain_nodes(), STEPS)
        command.write_input(source, values)
        self.works(stc("run", model, "--input", source, "-o", result, "--skip", "remove-dead"))
        rows = np.arange(samples) if rows is None else np.array(rows)
        with h5py.File(result) as ran, h5py.File(model, "r+") as file:
            test = file.create_group("test")
            test["inputs/image"] = values
            if len(rows) < samples:
                test["spike_sample"] = rows
            for name, spikes in ran["spikes"].items():
                self.add_layer(test, name, spikes, rows, samples)
            test["outputs/output"] = ran["outputs/output"][...][rows]
            test.create_group("near_threshold").attrs["band"] = 1e-5

    def add_layer(self, test, name, spikes, rows, samples):
        shape = tuple(spikes.attrs["shape"])
        counts = np.zeros((STEPS, samples, int(np.prod(shape))), dtype=np.uint8)
        steps = np.rint(spikes["timestamps"][...]).astype(int)
        counts[steps, spikes["sample"][...], spikes["node_ids"][...].astype(int)] = (
            spikes["value"][...] if "value" in spikes else 1)
        self.assertGreater(counts.sum(), 0, name)
        flat = counts[:, rows].reshape(-1)
        many = spikes.attrs["max"] > 1
        data = test.create_dataset("spikes/" + name, compression="gzip",
                                   data=flat if many else np.packbits(flat, bitorder="little"))
        data.attrs["shape"] = (STEPS, len(rows), *shape)

    def flip(self, model, name, step, row, index):
        """Let the vectors hold something else at this place."""
        with h5py.File(model, "r+") as file:
            data = file["test/spikes/" + name]
            shape = data.attrs["shape"]
            place = (step * shape[1] + row) * int(np.prod(shape[2:])) + index
            if name == "third":
                data[place] = (data[place] + 1) % 5
            else:
                data[place // 8] ^= np.uint8(1 << place % 8)

    def list_near(self, model, name, *places):
        with h5py.File(model, "r+") as file:
            file["test/near_threshold/" + name] = np.array(places, dtype=np.int64)

    def check(self, model, code, *words, ranks=1):
        outcome = stc("verify", "--self-check", model, "--json", *words, ranks=ranks)
        self.assertEqual(outcome.code, code, outcome)
        report = outcome.json()
        self.assertEqual(report["good"], code == 0)
        for key in ("differences", "near_threshold", "downstream", "unexplained", "compared"):
            self.assertEqual(report[key], sum(layer[key] for layer in report["layers"]), outcome)
        return report, outcome.err

    def counts(self, report):
        return tuple(report[key] for key in ("differences", "near_threshold", "downstream",
                                             "unexplained"))

    def refused(self, change, *texts, code=1):
        """Vectors with this change are refused with these texts."""
        model = self.model()
        with h5py.File(model, "r+") as file:
            change(file["test"])
        self.fails(stc("verify", "--self-check", model), code, *texts)


class Compare(SelfCheck):
    def test_digits_as_check_fidelity_finds(self):
        for ranks in (1, 4):
            report, _ = self.check(MODEL, 0, "--input", TEST, ranks=ranks)
            self.assertEqual(report["compared"], 3_276_800)
            self.assertEqual(self.counts(report), (1, 1, 0, 0))
            layer, = (layer for layer in report["layers"] if layer["differences"])
            self.assertEqual(layer["name"], "block.1.attn.v_lif")
            output, = report["outputs"]
            self.assertLess(output["without_flips"]["difference"], 1e-5)
            self.assertEqual([output[key]["samples"] for key in
                              ("without_flips", "with_flips", "not_compared")], [31, 1, 328])

    def test_what_a_run_gives_is_good(self):
        model = self.model()
        for ranks in (1, 3):
            report, _ = self.check(model, 0, "--threads", 1, ranks=ranks)
            self.assertEqual(self.counts(report), (0, 0, 0, 0))
            self.assertEqual(report["compared"], 4 * 32 * STEPS * SAMPLES)
            self.assertEqual([layer["name"] for layer in report["layers"]],
                             ["first", "second", "late", "third"])
            self.assertEqual(report["outputs"][0]["without_flips"]["difference"], 0)
            self.assertEqual(report["band"], 1e-5)
        text = self.works(stc("verify", "--self-check", model)).out
        for part in ("unexplained", "within 1e-05", "good: 0 of 1,536 neuron-steps differ"):
            self.assertIn(part, text)

    def test_some_samples_in_another_order(self):
        model = self.model(samples=60, rows=[51, 2, 0, 27])
        report, _ = self.check(model, 0, ranks=2)
        self.assertEqual((report["samples"], report["differences"]), (4, 0))
        self.flip(model, "third", 3, 0, 31)
        report, error = self.check(model, 1)
        place = {"sample": 51, "row": 0, "step": 3, "index": 31}
        self.assertEqual(report["layers"][3]["first_unexplained"], place)
        self.assertIn("sample 51, step 3, neuron (1, 3, 3)", error)

    def test_a_listed_place_may_differ(self):
        model = self.model()
        self.flip(model, "first", 1, 2, 17)
        report, error = self.check(model, 1)
        self.assertEqual(self.counts(report), (1, 0, 0, 1))
        for part in ("layer first", "1 of 384", "sample 2, step 1, neuron (1, 0, 1), index 17",
                     "hint:"):
            self.assertIn(part, error)
        self.list_near(model, "first", (3, 0, 0), (1, 2, 17), (0, 0, 5))
        report, _ = self.check(model, 0)
        self.assertEqual(self.counts(report), (1, 1, 0, 0))
        self.assertEqual(report["outputs"][0]["with_flips"]["samples"], 1)

    def test_places_may_have_the_indices_of_the_axes(self):
        model = self.model()
        self.flip(model, "first", 1, 2, 17)
        self.list_near(model, "first", (1, 2, 1, 0, 1))
        self.check(model, 0)

    def test_what_comes_after_a_listed_difference_is_explained(self):
        model = self.model()
        self.flip(model, "second", 1, 1, 3)
        self.list_near(model, "second", (1, 1, 3))
        for after in (("second", 2, 1, 0), ("third", 1, 1, 9), ("third", 3, 1, 9)):
            self.flip(model, *after)
        report, _ = self.check(model, 0)
        self.assertEqual(self.counts(report), (4, 1, 3, 0))
        self.assertEqual([layer["downstream"] for layer in report["layers"]], [0, 1, 0, 2])

    def test_what_cannot_follow_is_not_explained(self):
        places = {"another neuron at the same step": ("second", 1, 1, 4),
                  "before": ("third", 0, 1, 9),
                  "another sample": ("third", 1, 0, 9),
                  "upstream": ("first", 3, 1, 9),
                  "on another branch": ("late", 3, 1, 9)}
        for why, place in places.items():
            with self.subTest(why):
                model = self.model()
                self.flip(model, "second", 1, 1, 3)
                self.list_near(model, "second", (1, 1, 3))
                self.flip(model, *place)
                report, error = self.check(model, 1)
                self.assertEqual(self.counts(report), (2, 1, 0, 1))
                self.assertIn(f"layer {place[0]}: 1 of", error)

    def test_a_delay_takes_its_steps(self):
        model = self.model()
        self.flip(model, "first", 1, 1, 3)
        self.list_near(model, "first", (1, 1, 3))
        self.flip(model, "late", 2, 1, 3)
        self.assertEqual(self.counts(self.check(model, 0)[0]), (2, 1, 1, 0))
        self.flip(model, "late", 1, 1, 3)
        self.assertEqual(self.counts(self.check(model, 1)[0]), (3, 1, 1, 1))

    def test_outputs_of_samples_without_flips_must_agree(self):
        model = self.model()
        with h5py.File(model, "r+") as file:
            file["test/outputs/output"][1, 2, 0, 3, 3] += 0.5
        report, error = self.check(model, 1)
        self.assertAlmostEqual(report["outputs"][0]["without_flips"]["difference"], 0.5, 5)
        self.assertIn("output output differs by 0.5 at sample 1", error)
        with h5py.File(model, "r+") as file:
            file["test/outputs/output"][1, 2, 0, 3, 3] = np.nan
        self.check(model, 1)

    def test_vectors_without_outputs_or_lists(self):
        model = self.model()
        with h5py.File(model, "r+") as file:
            del file["test/outputs"], file["test/near_threshold"]
        self.assertEqual(self.check(model, 0)[0]["outputs"], [])

    def test_input_is_given_or_brought(self):
        model = self.model()
        self.check(model, 0, "--input", self.path("input.h5"))
        command.small_input(self.path("other.h5"))
        self.check(model, 1, "--input", self.path("other.h5"))
        with h5py.File(model, "r+") as file:
            del file["test/inputs"]
        self.check(model, 0, "--input", self.path("input.h5"))
        self.fails(stc("verify", "--self-check", model), 2, "--input FILE is missing")
        self.fails(stc("verify", model, "--input", TEST), 2, "--self-check")
        command.small_input(self.path("short.h5"), samples=2)
        self.fails(stc("verify", "--self-check", model, "--input", self.path("short.h5")), 1,
                   "has 2 samples", "sample 2")


class Refuse(SelfCheck):
    def test_files_without_vectors(self):
        plain = command.write_model(self.path("plain.h5"), command.small_nodes())
        self.fails(stc("verify", "--self-check", plain, ranks=2), 1, "plain.h5:/test",
                   "no test vectors", "hint:")
        self.fails(stc("verify", "--self-check", TEST), 1, "kind 'input'", "expected a model")
        self.refused(lambda test: [test.pop(key) for key in list(test)], "4 neuron nodes",
                     "no vectors", "first")

    def test_layers_and_outputs_that_do_not_belong(self):
        self.refused(lambda test: test["spikes"].pop("second"), "/test/spikes", "1 neuron node",
                     "second")
        self.refused(lambda test: test["spikes"].move("second", "other"),
                     "/test/spikes/other", "no neuron node")
        self.refused(lambda test: test.create_dataset("spikes/conv1", data=1),
                     "/test/spikes/conv1", "no neuron node")
        self.refused(lambda test: test.create_dataset("near_threshold/conv1", data=1),
                     "/test/near_threshold/conv1", "no neuron node")
        self.refused(lambda test: test["outputs"].move("output", "logits"),
                     "/test/outputs/logits", "no output node")
        self.refused(lambda test: test["outputs"].pop("output"), "1 output node", "output")

    def test_spikes_of_wrong_shape(self):
        def shape(*dim, name="first", kind=np.int64):
            return lambda test: test["spikes/" + name].attrs.create(
                "shape", np.array(dim, dtype=kind))
        layer = "/test/spikes/first"
        for dim in ((4, 3, 2, 16), (4, 3, 2, 4, 5), (0, 3, 2, 4, 4), (-4, 3, 2, 4, 4), (4, 3)):
            self.refused(shape(*dim), layer, "attribute shape is", "(2, 4, 4)")
        for dim in ((), (4,), (1,) * 9):
            self.refused(shape(*dim), layer, "attribute shape", "expected integers")
        self.refused(shape(4, 3, 2, 4, 4, kind=float), layer, "expected integers")
        self.refused(lambda test: test["spikes/first"].attrs.create("shape", "long"), layer,
                     "expected integers")
        self.refused(lambda test: test["spikes/first"].attrs.pop("shape"), layer, "attribute shape")
        self.refused(shape(1 << 62, 3, 2, 4, 4), layer, "2^59")
        self.refused(shape(1 << 40, 1 << 12, 2, 4, 4), layer, "neuron-steps")
        self.refused(shape(4, 2, 2, 4, 4), layer, "has shape (48)", "expected (32)")
        self.refused(shape(2, 6, 2, 4, 4, name="second"), "/test/spikes/second", "2 steps of 6",
                     "layer first has 4 of 3")
        self.refused(shape(4, 2, 2, 4, 4, name="third"), "/test/spikes/third",
                     "layer first has 4 of 3")

    def test_spikes_that_are_cut(self):
        def replace(name, data):
            def change(test):
                kept = test["spikes/" + name].attrs["shape"]
                del test["spikes/" + name]
                test["spikes/" + name] = data
                test["spikes/" + name].attrs["shape"] = kept
            return change
        for data in (np.zeros(47, np.uint8), np.zeros(48), np.zeros((48, 1), np.uint8), b"text"):
            self.refused(replace("first", data), "/test/spikes/first", "expected (48)")
        self.refused(replace("third", np.zeros(48, np.uint8)), "/test/spikes/third",
                     "expected (384)")
        self.refused(lambda test: (test.pop("spikes"), test.create_dataset("spikes", data=1)),
                     "/test/spikes", "expected a group")
        model = self.model()
        self.fails(stc("verify", "--self-check", command.truncate(model, self.path("cut.h5"))), 1,
                   "cut.h5")

    def test_places_out_of_range(self):
        def near(*rows, kind=np.int64):
            return lambda test: test.create_dataset("near_threshold/first",
                                                    data=np.array(rows, dtype=kind))
        for row in ((4, 0, 0), (-1, 0, 0), (0, 3, 0), (0, -1, 0), (0, 0, 32), (0, 0, -1),
                    (0, 0, 1 << 62), (0, 0, 2, 0, 0), (0, 0, 0, 0, 4), (0, 0, 0, -1, 0)):
            good = (0,) * len(row)
            self.refused(near(good, row), "/test/near_threshold/first", "row 1 is out of range")
        for rows in (((0, 0),), ((0, 0, 0, 0),), (0, 0, 0)):
            self.refused(near(*rows), "/test/near_threshold/first", "expected (places, 3)")
        self.refused(near((0, 0, 0), kind=float), "/test/near_threshold/first", "integers")

    def test_samples_and_outputs_of_wrong_shape(self):
        def samples(*numbers, kind=np.int64):
            return lambda test: test.create_dataset("spike_sample",
                                                    data=np.array(numbers, dtype=kind))
        self.refused(samples(0, 1, -1), "/test/spike_sample", "entry 2 is -1")
        self.refused(samples(0, 1), "/test/spike_sample", "expected (3)")
        self.refused(samples(0, 1, 2, kind=float), "/test/spike_sample", "integers")
        self.refused(samples(0, 1, 3), "has 3 samples", "sample 3")
        self.refused(samples(0, 1, 1 << 62), "has 3 samples", str(1 << 62))

        def outputs(*shape):
            return lambda test: (test.pop("outputs"), test.create_dataset(
                "outputs/output", data=np.zeros(shape, np.float32)))
        for shape in ((3, 2, 4, 4), (2, 4, 2, 4, 4), (3, 3, 2, 4, 4), (3, 4, 2, 4, 5), (3, 4, 32)):
            self.refused(outputs(*shape), "/test/outputs/output", "expected (samples, steps)")
        self.refused(lambda test: (test["inputs"].pop("image"), test.create_dataset(
            "inputs/image", data=np.zeros((3, 1, 4, 5)))), "/test/inputs/image", "(samples, 1, 4, 4)")


command.main()
