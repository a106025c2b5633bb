"""The training example, for two epochs and on the images of examples/digits/test.h5: what PyTorch
and stc give for the network that comes out."""
import contextlib
import io
import os
import re
import sys
from unittest import mock

import h5py
import torch

from interop import HERE, InteropTest

DIGITS = os.path.join(HERE, "../../examples/digits")
sys.path[:0] = [DIGITS, os.path.join(HERE, "../../python")]
import train  # noqa: E402


def few_images():
    with h5py.File(os.path.join(DIGITS, "test.h5")) as file:
        images = torch.tensor(file["inputs/image"][...], dtype=torch.float32) / 16
        labels = torch.tensor(file["labels"][...], dtype=torch.int64)
    return images[:256], labels[:256], images[256:], labels[256:]


class Training(InteropTest):
    def test_trained_exported_compiled_and_run(self):
        self.addCleanup(torch.use_deterministic_algorithms, False)
        words = ["train.py", "--epochs", "2", "--threads", "1", "--output", self.path("trained")]
        said = io.StringIO()
        with mock.patch.object(train, "load_data", few_images), \
                mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(said):
            train.main()
        text = said.getvalue()
        self.assertRegex(text, r"self-check good")
        self.assertRegex(text, r"compiled .* on 4 chips")
        theirs, ours = re.findall(r"(\d+) of 104 right", text)
        self.assertAlmostEqual(int(theirs), int(ours), delta=1, msg=text)
        self.assertEqual(sorted(os.listdir(self.path("trained"))),
                         ["model.h5", "model.pt", "program.h5", "result.h5"])
