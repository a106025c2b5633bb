"""compile() and run() with the real command: arrays in and out, ranks, errors, what is called."""
import gc
import os
import stat
import time
import unittest
import warnings
from unittest import mock

from support import DIGITS, FileTest, h5py, np, small_model

import spike_transformer_compiler as stc


class CommandTest(FileTest):
    def setUp(self):
        super().setUp()
        self.model = small_model(self.folder / "small.h5")
        # tau 2, threshold 1, the image is doubled: a pixel of 1 fires at once, 0.75 in step 1
        self.image = np.array([[[0, 0.25, 0.5], [0.75, 1, 2]]], np.float32)

    def script(self, text):
        """A command that stands in for stc."""
        path = self.folder / "fake-stc"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


class Calls(CommandTest):
    def assert_expected(self, result):
        fires = np.array([[0, 0, 0], [0, 1, 1]]), np.array([[0, 0, 0], [1, 1, 1]])
        dense = result.spikes["lif"].dense()
        self.assert_equal_arrays(dense[0, 0], fires[0])
        self.assert_equal_arrays(dense[0, 1], fires[1])
        self.assert_equal_arrays(dense, result.outputs["output"])

    def test_a_model_runs_on_an_array(self):
        result = stc.run(self.model, self.image)
        self.assertEqual((result.steps, result.samples), (3, range(1)))
        self.assert_expected(result)

    def test_a_program_is_compiled_and_runs_on_ranks(self):
        program = stc.compile(self.model, self.folder / "program.h5", chips=2, ranks=2, seed=1,
                              partition="contiguous")
        self.assertEqual((program.report["chips"], program.report["ranks"]), (2, 2))
        self.assertEqual(os.fspath(program), str(self.folder / "program.h5"))
        result = stc.run(program, {"image": self.image}, ranks=2, threads=1)
        self.assert_expected(result)
        self.assertEqual((result.provenance["ranks"], result.provenance["chips"]), (2, 2))
        self.assertEqual(result.checksums, stc.run(self.model, self.image).checksums)

    def test_steps_records_and_samples_are_chosen(self):
        images = np.concatenate([self.image] * 3)
        result = stc.run(self.model, images, time_steps=5, record=["spikes", "v:lif[0:2]"],
                         samples=range(1, 3))
        self.assertEqual((result.steps, result.samples), (5, range(1, 3)))
        self.assertEqual(result.traces["lif.v"].data.shape, (2, 5, 2))
        self.assertEqual(set(result.spikes["lif"].samples), {1, 2})
        quiet = stc.run(self.model, images, record="none")
        self.assertFalse(quiet.recorded)
        self.assertGreater(quiet.totals["lif"], 0)

    def test_kinds_of_arrays(self):
        whole = np.array([[[0, 1, 2], [3, 4, 8]]], np.uint8)
        for values, scale in ((whole, 0.25), (self.image.astype(np.float64), 1.0),
                              (self.image[:, None].repeat(3, axis=1), 1.0)):
            result = stc.run(self.model, values, scale=scale)
            self.assertEqual(result.spikes["lif"].dense().shape, (1, 3, 2, 3))
        self.assertEqual(stc.run(self.model, self.image > 0.5).samples, range(1))
        for values, kind in ((self.image.astype(complex), TypeError), (np.array(["a"]), TypeError),
                             (self.image[:0], ValueError)):
            with self.assertRaises(kind):
                stc.run(self.model, values)

    def test_labels_give_an_accuracy(self):
        with h5py.File(DIGITS / "test.h5") as file:
            images, labels = file["inputs/image"][:20], file["labels"][:20]
        result = stc.run(DIGITS / "model.h5", images, scale=1 / 16, labels=labels)
        self.assertEqual(result.accuracy, (result.outputs["output"].argmax(1) == labels).mean())
        same = stc.run(DIGITS / "model.h5", DIGITS / "test.h5", samples=range(20))
        self.assertEqual(same.checksums, result.checksums)
        with self.assertRaisesRegex(ValueError, "an input file has its own"):
            stc.run(DIGITS / "model.h5", DIGITS / "test.h5", labels=labels)

    def test_a_result_is_kept_where_asked_and_else_goes(self):
        kept = stc.run(self.model, self.image, output=self.folder / "kept.h5")
        self.assertEqual(kept.path, str(self.folder / "kept.h5"))
        temporary = stc.run(self.model, self.image, folder=self.folder)
        path, spikes = temporary.path, temporary.spikes
        self.assertEqual(os.path.dirname(os.path.dirname(path)), str(self.folder))
        del temporary
        gc.collect()
        self.assertEqual(len(spikes["lif"]), len(kept.spikes["lif"]))  # they still hold the file
        del spikes
        gc.collect()
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.assertEqual(sorted(os.listdir(self.folder)), ["kept.h5", "small.h5"])

    def test_networks_bring_their_input(self):
        with h5py.File(self.folder / "net.h5", "w") as file:
            file.attrs.update({"model": "iaf_psc_exp", "dt_ms": 0.1, "n_steps": 100})
            file["neurons/I_e"] = np.array([1000.0, 0.0])
            for name, value in (("src", 0), ("dst", 1), ("weight", 1e4), ("delay", 5)):
                file[f"edges/{name}"] = [value]
        result = stc.run(self.folder / "net.h5", record=["spikes", "V_m"])
        spikes = result.spikes["neurons"]
        self.assertEqual(spikes.stamp, "end")
        self.assertEqual(set(spikes.ids), {0, 1})
        np.testing.assert_allclose(spikes.times, (spikes.steps + 1) * 0.1)
        self.assertEqual(result.traces["neurons.V_m"].units, "mV")
        np.testing.assert_allclose(result.rates("Hz")["neurons"], spikes.total / 2 / 0.01)


class Errors(CommandTest):
    def test_stc_says_what_is_wrong(self):
        cases = ((dict(program="nothing.h5"), 1, "nothing.h5: no such file"),
                 (dict(input=self.image[:, :1]), 1, "input image takes"),
                 (dict(unheard_of=1), 2, "unknown option --unheard-of"),
                 (dict(ranks=2, record="v:nothing"), 2, "nothing"))
        for change, code, text in cases:
            how = {"program": self.model, "input": self.image, **change}
            with self.subTest(text), self.assertRaises(stc.StcError) as raised:
                stc.run(**how)
            self.assertEqual(raised.exception.code, code)
            self.assertIn(text, str(raised.exception))
            self.assertIn("run", raised.exception.command)

    def test_the_command_that_is_not_there(self):
        for how in (dict(stc="/nothing/stc"), dict(launcher=["/nothing/mpirun"])):
            with self.assertRaisesRegex(stc.StcError, "/nothing") as raised:
                stc.run(self.model, self.image, **how)
            self.assertIsNone(raised.exception.code)

    def test_an_end_without_a_word(self):
        for text, message in (("exit 9", "exit code 9"), ("kill -9 $$", "SIGKILL")):
            with self.assertRaisesRegex(stc.StcError, message):
                stc.call(stc=self.script(text))

    def test_what_is_said_beside_a_success_is_a_warning(self):
        with self.assertWarnsRegex(stc.StcWarning, "take care"):
            self.assertEqual(stc.call(stc=self.script("echo done; echo take care >&2")), "done\n")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            stc.run(self.model, self.image)

    def test_a_late_command_is_ended(self):
        start = time.monotonic()
        with self.assertRaisesRegex(TimeoutError, "0.2 s"):
            stc.call(stc=self.script("exec sleep 20"), timeout=0.2)
        self.assertLess(time.monotonic() - start, 10)


class Words(CommandTest):
    """What is called, by a stand-in that prints its words."""

    def setUp(self):
        super().setUp()
        self.echo = self.script('echo "$@"')

    def test_the_command_is_the_argument_or_the_variable_or_in_path(self):
        self.assertEqual(stc.find_stc(self.echo), str(self.echo))
        with mock.patch.dict(os.environ, STC=str(self.echo)):
            self.assertEqual(stc.find_stc(), str(self.echo))
        os.rename(self.echo, self.folder / "stc")
        with mock.patch.dict(os.environ, STC="", PATH=str(self.folder)):
            self.assertEqual(stc.find_stc(), str(self.folder / "stc"))

    def test_launchers(self):
        for name in ("mpirun", "srun"):
            (self.folder / name).symlink_to(self.echo)
        with mock.patch.dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin"):
            def called(**how):
                return stc.call("info", stc=self.echo, **how).split()
            self.assertEqual(called(), ["info"])
            self.assertEqual(called(ranks=4), ["-q", "--bind-to", "none", "-n", "4",
                                               str(self.echo), "info"])
            self.assertEqual(called(ranks=1, launcher="mpirun")[-3:], ["1", str(self.echo), "info"])
            self.assertEqual(called(ranks=4, launcher="srun"),
                             ["--kill-on-bad-exit=1", "-n", "4", str(self.echo), "info"])
            self.assertEqual(called(ranks=4, launcher=["env", "A=1"]), ["info"])
        for how in (dict(ranks=0), dict(launcher="bsub")):
            with self.assertRaisesRegex(ValueError, "expected"):
                stc.call("info", stc=self.echo, **how)

    def test_srun_takes_pmix_where_there_is_one(self):
        (self.folder / "srun").symlink_to(self.script(
            'if [ "$1" = --mpi=list ]; then echo "none pmix" >&2; else echo "$@"; fi'))
        with mock.patch.dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin"):
            words = stc.call("info", stc="true", ranks=2, launcher="srun").split()
        self.assertEqual(words[:2], ["--mpi=pmix", "--kill-on-bad-exit=1"])

    def test_options_become_words(self):
        fake = self.script('echo "$@" >"$(dirname "$0")/words"; echo "{}"')
        stc.compile("m.h5", "p.h5", chips=4, target="generic", as_="norse", tile_neurons=64,
                    profile=True, skip=None, stc=fake)
        words = (self.folder / "words").read_text().strip()
        self.assertEqual(words, "compile m.h5 -o p.h5 --json --progress none --chips 4 --target "
                                "generic --as norse --tile-neurons 64 --profile")

    def test_ranks_may_be_more_than_processors(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("OMPI_MCA_rmaps_base_oversubscribe", None)
            fake = self.script('echo "$OMPI_MCA_rmaps_base_oversubscribe"')
            self.assertEqual(stc.call(stc=fake), "1\n")
            os.environ["OMPI_MCA_rmaps_base_oversubscribe"] = "0"
            self.assertEqual(stc.call(stc=fake), "0\n")


if __name__ == "__main__":
    unittest.main()
