"""The trained network of examples/digits through the whole way: compiled on 4 ranks for 4 chips, run
on 4 ranks, compared with PyTorch spike by spike, checksums computed again from the file."""
import os
import subprocess
import sys

import command
from command import DIGITS, MODEL, TEST, stc


class Digits(command.CommandTest):
    def script(self, name, *words):
        return subprocess.run([sys.executable, os.path.join(DIGITS, name), *words],
                              capture_output=True, text=True, timeout=60)

    def test_same_spikes_as_pytorch(self):
        program, result = self.path("digits.h5"), self.path("result.h5")
        self.works(stc("compile", MODEL, "-o", program, ranks=4))
        ran = self.works(stc("run", program, "--input", TEST, "-o", result, "--json", ranks=4,
                             timeout=120)).json()
        self.assertEqual((ran["correct"], ran["samples"], ran["steps"]), (353, 360, 4))
        compared = self.script("check_fidelity.py", result)
        self.assertEqual(compared.returncode, 0, compared)
        print(compared.stdout)
        again = self.script("recompute_checksum.py", result)
        self.assertEqual(again.returncode, 0, again)
        self.assertEqual(again.stdout, f"spike_checksum {ran['spike_checksum']}\n"
                                       f"output_checksum {ran['output_checksum']}\n")

    def test_text_names_what_matters(self):
        program, result = self.path("digits.h5"), self.path("result.h5")
        text = self.works(stc("compile", MODEL, "-o", program, "--chips", 4)).out
        for part in ("25,600 neurons", "multicast volume", "contiguous", "random", "metis-cut",
                     f"stc run {program}"):
            self.assertIn(part, text)
        text = self.works(stc("run", program, "--input", TEST, "-o", result, "--samples", "0:20",
                              ranks=2)).out
        for part in ("accuracy", "of 20 right", "messages", "latency p50", result):
            self.assertIn(part, text)


command.main()
