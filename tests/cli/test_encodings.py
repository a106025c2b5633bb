"""Encoders and decoders through files: a program gives what its model gives, on any ranks, for any
part of the samples; seeds matter to random ones alone; damaged programs are refused by name."""
import pathlib

import command
import h5py
import numpy as np
from command import stc

BAD_INPUT = 1
STEPS, SHAPE, SAMPLES = 12, (3, 50), 5

# every encoder on the image, every decoder and window behind one of them
NODES = [
    ("image", "Input", [], {"shape": np.array(SHAPE)}),
    ("rate", "RateEncoding", ["image"], {}),
    ("poisson", "PoissonEncoding", ["image"], {"gain": 3.0}),
    ("latency", "LatencyEncoding", ["image"], {}),
    ("phase", "PhaseEncoding", ["image"], {"bits": 6}),
    ("delta", "DeltaEncoding", ["image"], {"channel": "signed"}),
    ("mean", "RateDecoding", ["rate"], {}),
    ("count", "CountDecoding", ["poisson"], {}),
    ("first", "FirstSpikeDecoding", ["latency"], {}),
    ("value", "PhaseDecoding", ["phase"], {"bits": 6}),
    ("pool", "TemporalPool", ["poisson"], {"window": 3, "method": "max"}),
    ("lif", "DiscreteLIF", ["pool"], {"v_threshold": 2.0}),
    ("slide", "TemporalPool", ["delta"], {"window": 4, "sliding": 1}),
]
RANDOM = ["out_mean", "out_count", "out_lif"]
FIXED = ["out_first", "out_value", "out_slide"]


class Encodings(command.CommandTest):
    compiled = None  # once for all tests, as bytes

    def setUp(self):
        super().setUp()
        outputs = [("out_" + name, "Output", [name], {})
                   for name in ("mean", "count", "first", "value", "lif", "slide")]
        self.model = command.write_model(self.path("model.h5"), NODES + outputs, STEPS)
        self.input, self.program = self.path("input.h5"), self.path("program.h5")
        self.values = np.random.default_rng(1).random((SAMPLES, *SHAPE), dtype=np.float32)
        with h5py.File(self.input, "w") as file:
            file["inputs/image"] = self.values
        if Encodings.compiled is None:
            self.works(stc("compile", self.model, "-o", self.program, "--chips", 3,
                           "--target", "tiny"))
            Encodings.compiled = pathlib.Path(self.program).read_bytes()
        pathlib.Path(self.program).write_bytes(Encodings.compiled)

    def run_it(self, what, *words, ranks=1):
        """All outputs by name, and the checksum of the spikes."""
        result = self.path("result.h5")
        ran = self.works(stc("run", what, "--input", self.input, "-o", result, "--json", *words,
                             ranks=ranks)).json()
        with h5py.File(result) as file:
            return {n: d[()] for n, d in file["outputs"].items()}, ran["spike_checksum"]

    def test_a_program_gives_what_its_model_gives_on_any_ranks(self):
        expected, checksum = self.run_it(self.model)
        for ranks, words in ((1, []), (2, ["--block-steps", 5]), (3, ["--threads", 2]),
                             (4, ["--replicas", 2])):
            outputs, found = self.run_it(self.program, *words, ranks=ranks)
            self.assertEqual(found, checksum)
            for name, values in expected.items():
                np.testing.assert_array_equal(outputs[name], values, name)

    def test_values_come_back(self):
        outputs, _ = self.run_it(self.program)
        np.testing.assert_allclose(outputs["out_value"], self.values, atol=2**-6)
        np.testing.assert_array_equal(outputs["out_first"],
                                      np.rint((1 - self.values) * np.float32(STEPS - 1)))
        self.assertLess(abs(outputs["out_mean"].mean() - self.values.mean()), 0.02)
        self.assertLess(abs(outputs["out_count"].mean() / 3 / STEPS - self.values.mean()), 0.02)

    def test_a_sample_draws_its_own_numbers_whichever_are_run(self):
        every, _ = self.run_it(self.program)
        some, _ = self.run_it(self.program, "--samples", "2:4")
        for name in RANDOM + FIXED:
            np.testing.assert_array_equal(some[name], every[name][2:4], name)

    def test_the_seed_changes_random_encoders_alone(self):
        first, _ = self.run_it(self.program)
        other, _ = self.run_it(self.program, "--seed", 7)
        for name in RANDOM:
            self.assertFalse(np.array_equal(first[name], other[name]), name)
        for name in FIXED:
            np.testing.assert_array_equal(first[name], other[name], name)

    def spoil(self, column, value, row=0):
        with h5py.File(self.program, "r+") as file:
            table = file["program/code"]
            rows = table[()]
            rows[column][row] = value
            table[...] = rows

    def row_of(self, code):
        with h5py.File(self.program) as file:
            return [name.decode() for name in file["program/code"]["code"]].index(code)

    def refused(self, *texts):
        self.fails(stc("run", self.program, "--input", self.input), BAD_INPUT, *texts)

    def test_an_unknown_code_is_named(self):
        self.spoil("code", b"morse")
        self.refused('code "morse" is not known to this stc')

    def test_a_parameter_that_cannot_be_is_named(self):
        row = self.row_of("rate_encoding")
        for value in (-1.0, 0.0, np.nan, np.inf):
            self.spoil("params", [value] + [0] * 7, row)
            self.refused("stage rate: parameter gain")
        self.spoil("params", [1.0] + [0] * 7, row)
        row = self.row_of("phase_encoding")
        self.spoil("params", [25.0] + [0] * 7, row)
        self.refused("stage phase", "bits is 25")
        self.spoil("params", [2.5] + [0] * 7, row)
        self.refused("stage phase: parameter bits")

    def test_a_code_of_other_values_is_refused(self):
        self.spoil("code", b"poisson_encoding", self.row_of("rate_encoding"))
        self.refused("stage rate: its values are bit, expected integer 0..255")

    def test_a_decoder_in_place_of_an_encoder_is_refused(self):
        self.spoil("code", b"count_decoding", self.row_of("rate_encoding"))
        self.refused("stage rate: has timing 0, expected 1")

    def test_a_program_without_the_table_is_refused(self):
        with h5py.File(self.program, "r+") as file:
            del file["program/code"]
        self.refused("/program/code", "missing")

    def test_nir_has_no_encoders(self):
        self.fails(stc("export", self.model, "--to", "nir", "-o", self.path("model.nir")),
                   BAD_INPUT, "node poisson (poisson_encoding)", "NIR has no encoders")


command.main()
