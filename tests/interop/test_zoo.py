"""The spiking transformers of examples/zoo, a few channels wide: exported, compiled for three
chips, run on one and two ranks, compared with PyTorch neuron-step by neuron-step."""
import argparse
import os
import sys

import numpy as np

from interop import HERE, InteropTest

sys.path.insert(0, os.path.join(HERE, "../../examples/zoo"))
import zoo  # noqa: E402

OPTIONS = argparse.Namespace(tiny=True, samples=2, chips=3, threads=1, time=False)


class Zoo(InteropTest):
    """One test for each line of zoo.MODELS, made below."""

    def check(self, name):
        line = zoo.measure(name, OPTIONS, self.folder)
        for found in (line, line["replay"]):
            self.assertEqual(found["differences"],
                             found["near_threshold"] + found.get("downstream", 0), line)
        self.assertLess(line["differences"], 0.01 * line["compared"], line)
        self.assertTrue(0.02 < line["rate"] < 0.4, line)
        self.assertLess(line["replay"]["output_difference"], 1e-4 * line["largest_output"], line)
        program, given = (self.path(name + kind) for kind in (".program.h5", ".input.h5"))
        runs = [zoo.stc.run(program, given, ranks=ranks, timeout=120) for ranks in (1, 2)]
        self.assertEqual(runs[0].checksums, runs[1].checksums)

    def test_images_are_those_of_any_number(self):
        few, more = zoo.images(2, 16, 5), zoo.images(3, 16, 5)
        np.testing.assert_array_equal(few, more[:2])
        self.assertAlmostEqual(float(few.std()), 1.0, places=5)


for _name in zoo.MODELS:
    setattr(Zoo, "test_" + _name.replace("-", "_"), lambda self, name=_name: self.check(name))
