"""stc profile counts what a run sends, and --rates compiles with it: counts are those of the spikes,
the same on any number of ranks, and what is predicted from them is what a run sends."""
import os
import shutil

import command
import h5py
import numpy as np
from command import MODEL, TEST, SmallDisk, network_nodes, stc, write_input, write_model

SAMPLES = ("--samples", "4:20")
TINY = """[chip]
name = tiny
cores = 256
[core]
neurons = 32
synapse_bytes = 4096
[types]
weight_bytes = 1
"""


def strided_nodes():
    """Real values that hold for a sample, kernels that skip elements, pooling, a product of
    integers, and a value per sample."""
    random = np.random.default_rng(5)

    def weights(*shape):
        return (random.random(shape) - 0.3).astype(np.float32)
    return [
        ("image", "Input", [], {"shape": np.array([2, 8, 8])}),
        ("conv1", "Conv2d", ["image"], {"weight": weights(16, 2, 3, 3),
                                        "padding": np.array([1, 1])}),
        ("lif1", "DiscreteLIF", ["conv1"], {"tau": 2.0}),
        ("skip", "Conv2d", ["lif1"], {"weight": weights(32, 16, 1, 1), "stride": np.array([2, 2])}),
        ("lif2", "DiscreteLIF", ["skip"], {"tau": 2.0, "max_count": 3}),
        ("pool", "MaxPool2d", ["lif2"], {"kernel_size": np.array([2, 2])}),
        ("flat", "Flatten", ["pool"], {"start_dim": 0}),
        ("head", "Linear", ["flat"], {"weight": weights(24, 32 * 4)}),
        ("lif3", "DiscreteLIF", ["head"], {"tau": 2.0}),
        ("mean", "TimeMean", ["lif3"], {}),
        ("output", "Output", ["mean"], {}),
    ]


class Profile(command.CommandTest):
    def profile(self, model, *words, ranks=1, name="profile.h5"):
        path = self.path(name)
        made = self.works(stc("profile", model, "-o", path, "--json", *words, ranks=ranks,
                              timeout=120)).json()
        return path, made

    def counts(self, path):
        with h5py.File(path) as file:
            return {name: data[:] for name, data in file["counts"].items()}

    def test_counts_are_those_of_the_spikes(self):
        path, made = self.profile(MODEL, "--input", TEST, *SAMPLES)
        result = self.path("result.h5")
        self.works(stc("run", MODEL, "--input", TEST, "-o", result, *SAMPLES))
        counts = self.counts(path)
        with h5py.File(result) as file, h5py.File(path) as profile, h5py.File(TEST) as images:
            self.assertEqual((profile.attrs["format"], profile.attrs["samples"],
                              profile.attrs["steps"], profile.attrs["first_sample"]),
                             ("stc-profile", 16, 4, 4))
            for name, group in file["spikes"].items():
                if name not in counts:
                    continue
                expected = np.bincount(group["node_ids"][:].astype(int), minlength=counts[name].size)
                np.testing.assert_array_equal(counts[name].ravel(), expected, name)
                self.assertEqual(made["nodes"][name]["count"], expected.sum())
                when = ((group["sample"][:] - 4) * 4 + group["timestamps"][:]).astype(int)
                np.testing.assert_array_equal(profile["totals"][name][:].ravel(),
                                              np.bincount(when, minlength=64), name)
            image = next(iter(images["inputs"].values()))[4:20]
            np.testing.assert_array_equal(counts["image"].ravel(),
                                          (image != 0).sum(0).ravel())
            self.assertEqual(profile["totals/image"].shape, (16, 1))
        self.assertGreater(len(counts), 20)

    def test_any_ranks_blocks_and_program_give_the_same_counts(self):
        first = self.counts(self.profile(MODEL, "--input", TEST, *SAMPLES)[0])
        program = self.path("program.h5")
        self.works(stc("compile", MODEL, "-o", program, "--chips", 5, "--partition", "random"))
        for words, ranks in (((MODEL,), 4), ((MODEL, "--block-steps", 3), 2),
                             ((program,), 3)):
            other = self.counts(self.profile(*words, "--input", TEST, *SAMPLES, ranks=ranks)[0])
            self.assertEqual(first.keys(), other.keys())
            for name, counts in first.items():
                np.testing.assert_array_equal(counts, other[name], name)

    def exact(self, model, ranks, *words, compiling=(), bytes_within=0.02):
        """What is predicted from the profile of a run is what the run sends."""
        profile, _ = self.profile(model, *words, *compiling, ranks=ranks)
        program = self.path("program.h5")
        compiled = self.works(stc("compile", model, "-o", program, "--rates", profile, "--chips",
                                  ranks, "--json", *compiling)).json()["partition"]
        sent = self.works(stc("run", program, *words, "--json", ranks=ranks,
                              timeout=120)).json()["exchange"]
        predicted = compiled["predicted"]
        self.assertEqual(predicted["spike_copies"], sent["spike_copies"])
        self.assertGreater(sent["spike_copies"], 0)
        rates = compiled["rates"]
        self.assertAlmostEqual(compiled["multicast_volume"] * rates["samples"] * rates["steps"],
                               sent["spike_copies"], delta=1e-4 * sent["spike_copies"])
        self.assertAlmostEqual(predicted["bytes"] / sent["bytes"], 1, delta=bytes_within)
        return sent

    def test_a_run_of_digits_sends_what_was_predicted(self):
        for ranks, compiling in ((4, ()), (3, ("--partition", "random", "-O0")),
                                 (2, ("--partition", "contiguous"))):
            with self.subTest(ranks=ranks, compiling=compiling):
                self.exact(MODEL, ranks, "--input", TEST, *SAMPLES, compiling=compiling)
        self.exact(MODEL, 4, "--input", TEST, *SAMPLES, "--block-steps", 3)

    def test_kernels_that_skip_elements_send_what_was_predicted(self):
        model = write_model(self.path("strided.h5"), strided_nodes(), time_steps=6)
        target = self.path("tiny.ini")
        with open(target, "w") as file:
            file.write(TINY)
        random = np.random.default_rng(6)
        images = write_input(self.path("images.h5"),
                             random.random((5, 2, 8, 8)).astype(np.float32))
        for seed in range(3):
            for words in ((), ("--block-steps", 4)):
                # values that hold for a sample are sent with each block: bytes are of one block
                self.exact(model, 3, "--input", images, *words, bytes_within=1,
                           compiling=("--target", target, "--partition", "random", "--seed", seed))

    def test_a_recurrent_network_sends_what_was_predicted(self):
        nodes = network_nodes(noise={"n": 200}, cells={"n": 200},
                              current={"n": 200}, recurrent={"n": 200}, afferent={"n": 200})
        model = write_model(self.path("network.h5"), nodes, time_steps=1000)
        for partition in ("auto", "random"):
            self.exact(model, 3, compiling=("--partition", partition, "--tile-neurons", 16))

    def test_a_program_keeps_where_its_rates_come_from_and_runs_the_same(self):
        profile, _ = self.profile(MODEL, "--input", TEST, *SAMPLES)
        program, sums = self.path("program.h5"), set()
        text = self.works(stc("compile", MODEL, "-o", program, "--rates", profile, "--chips",
                              3)).out
        self.assertIn("predicted for them", text)
        info = self.works(stc("info", program, "--json")).json()
        self.assertEqual((info["rates"], len(info["rates_sha256"])), (profile, 64))
        self.assertIn(f"rates of profile {profile}", self.works(stc("info", program)).out)
        for words in ((program,), (MODEL, "--rates", profile)):
            run = self.works(stc("run", *words, "--input", TEST, *SAMPLES, "--json", ranks=3))
            sums.add(run.json()["spike_checksum"])
        self.assertEqual(len(sums), 1)
        self.assertIn("profile", self.works(stc("info", profile)).out)

    def test_profiles_of_other_models_are_refused(self):
        good, _ = self.profile(MODEL, "--input", TEST, *SAMPLES)
        bad, output = self.path("bad.h5"), self.path("no.h5")

        def remove(*names):
            def change(file):
                for name in names:
                    del file[name]
            return change

        def put(name, values):
            def change(file):
                del file[name]
                file[name] = values
            return change

        cases = [
            (lambda f: f.attrs.__setitem__("model_sha256", "0" * 64),
             ["bad.h5", MODEL, "another model", "000000"]),
            (lambda f: f.attrs.__setitem__("dt", 0.1), ["bad.h5", "0.1 s"]),
            (remove("counts/add_15", "totals/add_15"), ["bad.h5", "no counts of node add_15"]),
            (remove("totals/add_15"), ["bad.h5", "totals/add_15"]),
            (put("counts/image", np.zeros((3, 3), np.uint32)), ["bad.h5", "image", "(3, 3)"]),
            (put("counts/image", np.full((1, 8, 8), 77, np.uint32)), ["counts/image", "77"]),
            (put("counts/image", np.full((1, 8, 8), "x", "S1")), ["counts/image", "numbers"]),
            (put("totals/image", np.zeros((16, 3))), ["totals/image", "(16, 3)"]),
            (put("totals/image", np.full((16, 1), -1)), ["totals/image", "negative"]),
            (remove("counts"), ["bad.h5", "counts"]),
            (lambda f: f.attrs.__setitem__("format_version", 99), ["bad.h5", "99"]),
            (lambda f: f.attrs.__setitem__("samples", 0), ["bad.h5", "samples (0)"]),
        ]
        for change, words in cases:
            with self.subTest(words=words):
                shutil.copy(good, bad)
                with h5py.File(bad, "r+") as file:
                    change(file)
                self.fails(stc("compile", MODEL, "-o", output, "--rates", bad, "--chips", 2), 1,
                           *words)
                self.assertFalse(os.path.exists(output))
        self.fails(stc("compile", MODEL, "-o", output, "--rates", TEST), 1, TEST)
        self.fails(stc("run", MODEL, "--input", TEST, "--rates", bad, ranks=2), 1, "bad.h5")
        self.fails(stc("compile", MODEL, "-o", output, "--rates", self.path("none.h5")), 1,
                   "none.h5", "no such file")

    def test_wrong_use_is_said_before_any_work(self):
        output, program = self.path("profile.h5"), self.path("program.h5")
        self.works(stc("compile", MODEL, "-o", program))
        for words, code, texts in (
                ((), 2, ["program or model file"]),
                ((MODEL, "--input", TEST), 2, ["-o PROFILE is missing"]),
                ((MODEL, "-o", output), 2, ["--input FILE is missing"]),
                ((TEST, "--input", TEST, "-o", output), 1, [TEST, "'input'"]),
                ((program, "--input", TEST, "--rates", output, "-o", output), 2, ["--rates"]),
                ((MODEL, "--input", TEST, "-o", self.path("no/profile.h5")), 3, ["folder"]),
                ((MODEL, "--input", TEST, "-o", MODEL), 2, [MODEL])):
            self.fails(stc("profile", *words), code, *texts)
        self.fails(stc("profile", MODEL, "--input", TEST, "-o", output, "--replicas", 2, ranks=2),
                   2, "replicas")
        self.assertFalse(os.path.exists(output))

    def test_a_full_disk_leaves_no_profile(self):
        with SmallDisk(64) as disk:
            if disk.folder is None:
                self.skipTest("cannot mount")
            path = os.path.join(disk.folder, "profile.h5")
            self.fails(stc("profile", MODEL, "--input", TEST, "-o", path, *SAMPLES, ranks=2), 3,
                       path)
            self.assertEqual(os.listdir(disk.folder), [])


if __name__ == "__main__":
    command.main()
